/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_canonical.h - canonical stores, for the commands that open one.
 *
 * Threads  one
 */
#ifndef TOOL_CANONICAL_H
#define TOOL_CANONICAL_H

#include "seglog/canonical.h"
#include "tools/tool_common.h"

enum tool_canonical_use {
    TOOL_CANONICAL_READ,
    TOOL_CANONICAL_WRITE, /* it has to be there */
    TOOL_CANONICAL_CREATE /* it is begun, and a folder made */
};

/* Where the view is: options that all of these commands have. */
struct tool_canonical_view {
    const char *dir; /* NULL: PATH/view */
    bool is_temp;
};

#define TOOL_KEY_VIEW      TOOL_KEY(0x80)
#define TOOL_KEY_VIEW_TEMP TOOL_KEY(0x81)

/* In a list of options. */
#define TOOL_CANONICAL_OPTIONS                                                 \
    { TOOL_KEY_VIEW, "view", true },                                           \
    {                                                                          \
        TOOL_KEY_VIEW_TEMP, "view-temp", false                                 \
    }

/* What --help says of them. */
#define TOOL_CANONICAL_HELP                                                    \
    "      --view DIR   the folder of the view, which is made from the log "   \
    "where it is\n"                                                            \
    "                   missing; all who have the store open at once name "    \
    "the same.\n"                                                              \
    "                   Without it PATH/view; of a store that is encrypted "   \
    "or cannot\n"                                                              \
    "                   be written to a temporary one\n"                       \
    "      --view-temp  a temporary one, made from the log and removed "       \
    "again\n"

/* False: it is none of these two. */
bool
tool_canonical_on_option(struct tool_canonical_view *view, int key,
                         const char *value);

struct tool_canonical {
    struct seglog_store store;
    struct seglog_canonical *canonical;
    const char *shown; /* the path as it was written; borrowed */
    bool is_read_only;
};

/* Returns TOOL_GO_ON, or the status after saying what is wrong. */
enum tool_status
tool_canonical_open(const char *path, enum tool_canonical_use use,
                    const struct tool_canonical_view *view,
                    struct tool_canonical *opened);

/* Accepts a zeroed struct; zeroes it.  A failure is said. */
enum tool_status
tool_canonical_close(struct tool_canonical *opened);

/* Say what went wrong.  Sealed, and paused, is TOOL_CONFLICT. */
enum tool_status
tool_canonical_fail(const struct tool_canonical *opened,
                    const struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Words behind a command: `seglog kv get`
 */

struct tool_verb {
    const char *name; /* NULL: the list ends here */
    int (*run)(int argc, char **argv);
};

/* NULL: the first word is none of them. */
const struct tool_verb *
tool_verb_find(const struct tool_verb *verbs, int argc, char **argv);

/* ---------------------------------------------------------------------------
 * Bytes
 */

/* Backslash, \n, \r, \t, and \xHH for what is no text that can be shown. */
void
tool_canonical_put_text(const char *data, size_t len);

/* The other way round, in place.  Returns TOOL_GO_ON, or says that text, which
 * stands for what, is none. */
enum tool_status
tool_canonical_unescape(const char *what, char *text, size_t *len);

/* "name":"..." and, if it is no UTF-8, "name_base64":"..." behind it. */
void
tool_canonical_put_json(const char *name, const char *data, size_t len);

/* -- signals: SIGINT, SIGTERM and SIGHUP end what waits -------------------- */

void
tool_canonical_catch_signals(void);
bool
tool_canonical_is_signalled(void);

#endif /* TOOL_CANONICAL_H */
