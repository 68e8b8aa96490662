/* SPDX-License-Identifier: MIT */
/* tools/tool_key.c - keys from files and descriptors, stores opened by them. */
#define _GNU_SOURCE
#include "tools/tool_key.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tool_key tool_key;

/* A session store needs its byte store to the end of the program. */
static struct seglog_store *kept;
static size_t kept_count;

static void
forget(void)
{
    for (size_t i = 0; i < kept_count; i++)
        seglog_store_close(&kept[i]);
    free(kept);
    kept = NULL;
    kept_count = 0;
    seglog_store_key_wipe(&tool_key, sizeof tool_key);
}

static void
forget_at_exit(void)
{
    static bool is_set;

    if (!is_set)
        is_set = atexit(forget) == 0;
}

/* ---------------------------------------------------------------------------
 * Keys
 */

static enum tool_status
check_first(const struct tool_key *key)
{
    if (key->is_given)
        return tool_usage("give one key file or one passphrase");
    return TOOL_GO_ON;
}

enum tool_status
tool_key_from_file(struct tool_key *key, const char *path)
{
    struct seglog_error err;

    if (check_first(key) != TOOL_GO_ON)
        return TOOL_USAGE;
    forget_at_exit();
    if (seglog_store_key_read(path, key->key, &err) != SEGLOG_OK)
        return tool_fail(path, &err);
    key->is_given = true;
    return TOOL_GO_ON;
}

/* One line: its end, or that of the file, ends it. */
static enum tool_status
passphrase_read(struct tool_key *key, const char *option, int fd)
{
    while (key->passphrase_len < sizeof key->passphrase) {
        char *next = key->passphrase + key->passphrase_len;
        const ssize_t got = read(fd, next, 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            tool_say("%s: descriptor %d cannot be read: %s", option, fd,
                     strerror(errno));
            return TOOL_FAILED;
        }
        if (got == 0 || *next == '\n')
            break;
        key->passphrase_len++;
    }
    if (key->passphrase_len == 0 ||
        key->passphrase_len == sizeof key->passphrase) {
        tool_say("%s: a passphrase is one line of 1 to %d bytes", option,
                 SEGLOG_PASSPHRASE_MAX - 1);
        return TOOL_FAILED;
    }
    return TOOL_GO_ON;
}

enum tool_status
tool_key_from_fd(struct tool_key *key, const char *option, const char *text)
{
    uint64_t fd = 0;
    enum tool_status status = check_first(key);

    if (status == TOOL_GO_ON)
        status = tool_number(option, text, 0, INT_MAX, &fd);
    if (status != TOOL_GO_ON)
        return status;
    forget_at_exit();
    status = passphrase_read(key, option, (int)fd);
    key->is_passphrase = true;
    key->is_given = status == TOOL_GO_ON;
    return status;
}

enum tool_status
tool_key_read_sign(const char *path, bool is_private,
                   uint8_t key[SEGLOG_SIGN_KEY_BYTES])
{
    struct seglog_error err;

    return !path || seglog_sign_key_read(path, is_private, key, &err) ==
                        SEGLOG_OK
               ? TOOL_GO_ON
               : tool_fail(path, &err);
}

struct seglog_store_key
tool_key_of(const struct tool_key *key)
{
    struct seglog_store_key given = { .size = sizeof given };

    if (key->is_passphrase) {
        given.passphrase = key->passphrase;
        given.passphrase_len = key->passphrase_len;
    } else {
        given.key = key->key;
    }
    return given;
}

/* ---------------------------------------------------------------------------
 * Stores
 */

/* A folder is a store like any other to those who have no key. */
static seglog_code
plain_check(const char *dir, struct seglog_store store,
            struct seglog_error *err)
{
    bool is_encrypted = false;
    const seglog_code code =
        seglog_encrypted_store_detect(store, &is_encrypted, err);

    if (code == SEGLOG_OK && is_encrypted)
        return tool_error_set(err, SEGLOG_AUTH, dir,
                              "it is encrypted: give --key-file or "
                              "--passphrase-fd");
    return code;
}

static seglog_code
store_encrypt(const char *dir, const struct tool_key *given, bool may_create,
              struct seglog_store *store, struct seglog_error *err)
{
    const struct seglog_store_key key = tool_key_of(given);
    const struct seglog_encrypted_store_options options = {
        .size = sizeof options, .create = may_create
    };
    struct seglog_store below = *store;
    const seglog_code code =
        seglog_encrypted_store_open(below, &key, &options, store, err);

    if (code == SEGLOG_NOT_FOUND)
        return tool_error_set(err, SEGLOG_INVALID, dir,
                              "it is not encrypted: a key is of no use");
    return code;
}

seglog_code
tool_key_store_open_by(const struct tool_key *key, const char *dir,
                       enum tool_store_use use, struct seglog_store *store,
                       struct seglog_error *err)
{
    const bool is_private = use == TOOL_STORE_PRIVATE;
    const struct seglog_file_store_options files = {
        .size = sizeof files,
        .create_dirs = use == TOOL_STORE_CREATE || is_private,
        .file_mode = is_private ? 0600 : 0,
        .dir_mode = 0700,
    };
    bool is_encrypted = key->is_given;
    seglog_code code = seglog_store_file_open_with(dir, &files, store, err);

    if (code != SEGLOG_OK || use == TOOL_STORE_PLAIN)
        return code;
    if (use == TOOL_STORE_AS_IT_IS && key->is_given)
        code = seglog_encrypted_store_detect(*store, &is_encrypted, err);
    if (code == SEGLOG_OK && is_encrypted)
        code = store_encrypt(
            dir, key, use != TOOL_STORE_READ && use != TOOL_STORE_AS_IT_IS,
            store, err);
    else if (code == SEGLOG_OK)
        code = plain_check(dir, *store, err);
    if (code != SEGLOG_OK)
        seglog_store_close(store);
    return code;
}

seglog_code
tool_key_store_open(const char *dir, enum tool_store_use use,
                    struct seglog_store *store, struct seglog_error *err)
{
    return tool_key_store_open_by(&tool_key, dir, use, store, err);
}

static seglog_code
store_keep(struct seglog_store store, struct seglog_error *err)
{
    struct seglog_store *grown =
        realloc(kept, (kept_count + 1) * sizeof *grown);

    if (!grown)
        return tool_error_set(err, SEGLOG_NO_MEMORY, NULL, "no memory");
    kept = grown;
    kept[kept_count++] = store;
    return SEGLOG_OK;
}

/* The folder, as seglog_session_store_open_dir makes and opens it. */
static seglog_code
sessions_folder_open(const char *dir, bool is_read_only,
                     struct seglog_store *store, struct seglog_error *err)
{
    const struct seglog_file_store_options files = {
        .size = sizeof files,
        .create_dirs = !is_read_only,
        .file_mode = 0600,
        .dir_mode = 0700,
        .refuses_links = true,
    };

    return seglog_store_file_open_with(dir, &files, store, err);
}

seglog_code
tool_key_sessions_open(const char *dir,
                       const struct seglog_session_store_options *options,
                       struct seglog_session_store **sessions,
                       struct seglog_error *err)
{
    struct seglog_store store = { 0 };
    seglog_code code =
        sessions_folder_open(dir, options->is_read_only, &store, err);

    if (code != SEGLOG_OK)
        return code;
    if (!tool_key.is_given) {
        code = plain_check(dir, store, err);
        seglog_store_close(&store);
        return code == SEGLOG_OK
                   ? seglog_session_store_open_dir(dir, options, sessions, err)
                   : code;
    }
    code = store_encrypt(dir, &tool_key, !options->is_read_only, &store, err);
    if (code == SEGLOG_OK)
        code = store_keep(store, err);
    if (code != SEGLOG_OK) {
        seglog_store_close(&store);
        return code;
    }
    return seglog_session_store_open(store, options, sessions, err);
}
