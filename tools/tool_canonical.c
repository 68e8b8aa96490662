/* SPDX-License-Identifier: MIT */
/* tools/tool_canonical.c - canonical stores, for the commands that open one. */
#define _POSIX_C_SOURCE 200809L /* access, sigaction */

#include "tools/tool_canonical.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/tool_base64.h"
#include "tools/tool_key.h"
#include "tools/tool_text.h"

bool
tool_canonical_on_option(struct tool_canonical_view *view, int key,
                         const char *value)
{
    if (key == TOOL_KEY_VIEW)
        view->dir = value;
    else if (key == TOOL_KEY_VIEW_TEMP)
        view->is_temp = true;
    else
        return false;
    return true;
}

/* -- opening --------------------------------------------------------------- */

/* Begun by nobody but who writes to it. */
static seglog_code
store_check(const struct tool_canonical *opened, struct seglog_error *err)
{
    bool is_one = false;
    const seglog_code code =
        seglog_canonical_detect(opened->store, &is_one, err);

    if (code == SEGLOG_OK && !is_one)
        return tool_error_set(err, SEGLOG_NOT_FOUND, opened->shown,
                              "it holds no canonical store");
    return code;
}

/* What is in an encrypted store lies open in its view: so it is not left. */
static seglog_code
view_choose(const struct tool_canonical *opened,
            const struct tool_canonical_view *view, char **dir,
            struct seglog_error *err)
{
    const size_t cap = strlen(opened->shown) + sizeof "/view";

    *dir = NULL;
    if (view->is_temp ||
        (!view->dir && (opened->is_read_only || tool_key.is_given)))
        return SEGLOG_OK;
    *dir = view->dir ? strdup(view->dir) : malloc(cap);
    if (!*dir)
        return tool_error_set(err, SEGLOG_NO_MEMORY, opened->shown,
                              "no memory");
    if (!view->dir)
        (void)snprintf(*dir, cap, "%s/view", opened->shown);
    return SEGLOG_OK;
}

static seglog_code
canonical_open(struct tool_canonical *opened, enum tool_canonical_use use,
               const struct tool_canonical_view *view, struct seglog_error *err)
{
    struct seglog_canonical_options options = {
        .size = sizeof options,
        .is_read_only = use == TOOL_CANONICAL_READ,
    };
    char *dir = NULL;
    seglog_code code =
        use == TOOL_CANONICAL_CREATE ? SEGLOG_OK : store_check(opened, err);

    if (code == SEGLOG_OK)
        code = view_choose(opened, view, &dir, err);
    options.view_dir = dir;
    if (code == SEGLOG_OK)
        code = seglog_canonical_open(opened->store, &options,
                                     &opened->canonical, err);
    free(dir);
    return code;
}

enum tool_status
tool_canonical_open(const char *path, enum tool_canonical_use use,
                    const struct tool_canonical_view *view,
                    struct tool_canonical *opened)
{
    static const enum tool_store_use uses[] = { TOOL_STORE_READ,
                                                TOOL_STORE_WRITE,
                                                TOOL_STORE_CREATE };
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    *opened = (struct tool_canonical){ .shown = path };
    if (view->dir && view->is_temp)
        return tool_usage("--view and --view-temp exclude each other");
    opened->is_read_only =
        use == TOOL_CANONICAL_READ && access(path, W_OK) != 0;
    code = tool_key_store_open(path, uses[use], &opened->store, &err);
    if (code == SEGLOG_OK)
        code = canonical_open(opened, use, view, &err);
    if (code == SEGLOG_OK)
        return TOOL_GO_ON;
    seglog_store_close(&opened->store);
    return tool_canonical_fail(opened, &err);
}

enum tool_status
tool_canonical_close(struct tool_canonical *opened)
{
    struct seglog_error err;
    const seglog_code code = seglog_canonical_close(opened->canonical, &err);
    const enum tool_status status =
        code == SEGLOG_OK ? TOOL_OK : tool_canonical_fail(opened, &err);

    seglog_store_close(&opened->store);
    *opened = (struct tool_canonical){ 0 };
    return status;
}

enum tool_status
tool_canonical_fail(const struct tool_canonical *opened,
                    const struct seglog_error *err)
{
    const enum tool_status status = tool_fail(opened->shown, err);

    return err->code == SEGLOG_SEALED || err->code == SEGLOG_PAUSED
               ? TOOL_CONFLICT
               : status;
}

/* -- words ----------------------------------------------------------------- */

const struct tool_verb *
tool_verb_find(const struct tool_verb *verbs, int argc, char **argv)
{
    for (; argc > 1 && verbs->name; verbs++)
        if (strcmp(verbs->name, argv[1]) == 0)
            return verbs;
    return NULL;
}

/* -- bytes ----------------------------------------------------------------- */

/* Of the character at text; of what is none, a byte. */
static size_t
char_put(const char *text, size_t len)
{
    char escaped[12 * 12 + 1];
    size_t used = tool_utf8_len((const unsigned char *)text, len);

    if (used == 0)
        used = 1;
    (void)tool_text_escape(text, used, 12, escaped);
    if (*text == '\\')
        (void)fputs("\\\\", stdout);
    else if (escaped[0] != '\\')
        (void)fwrite(text, 1, used, stdout);
    else if (escaped[1] == 'n' || escaped[1] == 'r' || escaped[1] == 't')
        (void)fputs(escaped, stdout);
    else
        for (size_t i = 0; i < used; i++)
            (void)printf("\\x%02x", (unsigned char)text[i]);
    return used;
}

void
tool_canonical_put_text(const char *data, size_t len)
{
    for (size_t at = 0; at < len;)
        at += char_put(data + at, len - at);
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Behind a backslash; how much of it it is, 0: it is none. */
static size_t
escape_take(const char *at, char *byte)
{
    static const char letters[] = "\\nrt";
    static const char bytes[] = "\\\n\r\t";
    const char *letter = *at != '\0' ? strchr(letters, *at) : NULL;

    if (letter) {
        *byte = bytes[letter - letters];
        return 1;
    }
    if (*at != 'x' || hex_digit(at[1]) < 0 || hex_digit(at[2]) < 0)
        return 0;
    *byte = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
    return 3;
}

enum tool_status
tool_canonical_unescape(const char *what, char *text, size_t *len)
{
    char *out = text;

    for (const char *at = text; *at != '\0';) {
        size_t used = 0;

        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        used = escape_take(at + 1, out);
        if (used == 0)
            return tool_usage("%s: a backslash stands in front of another one, "
                              "n, r, t, or x and two hexadecimal digits",
                              what);
        out++;
        at += 1 + used;
    }
    *len = (size_t)(out - text);
    return TOOL_GO_ON;
}

void
tool_canonical_put_json(const char *name, const char *data, size_t len)
{
    char text[4 * 1024];

    (void)printf("\"%s\":", name);
    if (tool_json_bytes(stdout, data, len))
        return;
    (void)printf(",\"%s_base64\":\"", name);
    while (len > 0) {
        const size_t piece = len < 3 * 1024 ? len : 3 * 1024;

        tool_base64_encode((const uint8_t *)data, piece, text);
        (void)fwrite(text, 1, tool_base64_len(piece), stdout);
        data += piece;
        len -= piece;
    }
    (void)fputc('"', stdout);
}

/* -- signals --------------------------------------------------------------- */

static volatile sig_atomic_t is_signalled;

static void
on_signal(int number)
{
    (void)number;
    is_signalled = 1;
}

/* A second one ends the program at once. */
void
tool_canonical_catch_signals(void)
{
    static const int STOPS[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = (int)SA_RESETHAND };
    struct sigaction before;

    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof STOPS / sizeof STOPS[0]; i++)
        if (sigaction(STOPS[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN)
            (void)sigaction(STOPS[i], &action, NULL);
}

bool
tool_canonical_is_signalled(void)
{
    return is_signalled != 0;
}
