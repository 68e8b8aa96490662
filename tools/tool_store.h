/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_store.h - what a PATH means where session stores come in.
 *
 *     FILE        a segment, or whatever the command reads
 *     STORE       a folder that holds a session store; STORE: is the same
 *     STORE:ID    the segment whose id starts so, or the most recent segment of
 *                 the session whose id starts so
 *     STORE:ID/segment  the segment of this id, where a session has it too
 *     STORE:ID/trace, STORE:ID/notes   another lane of it
 *
 * Without STORE, as in :ID or : alone, the store is the one that the
 * environment variable SEGLOG_STORE names.  A file that exists under the name
 * as it is written, colons and all, comes first.
 *
 * Threads  one
 */
#ifndef TOOL_STORE_H
#define TOOL_STORE_H

#include <stdbool.h>

#include "seglog/session.h"
#include "tools/tool_common.h"

/* ID in STORE:ID is at most this long: a UUID in any of its spellings. */
#define TOOL_ID_CAP 64

enum tool_place {
    TOOL_PLACE_FILE,  /* or nothing at all: whoever opens it will say so */
    TOOL_PLACE_STORE, /* it may still turn out to hold no session store */
    TOOL_PLACE_ID
};

struct tool_store_path {
    enum tool_place place;
    char *dir; /* the store's folder; NULL for FILE */
    char id[TOOL_ID_CAP];
    enum seglog_lane lane;
    bool is_segment;   /* by /segment */
    const char *shown; /* as it was written; borrowed */
};

/*
 * Tell what path is.  NULL is the default store.  A folder is STORE only if it
 * holds a session store, unless it is written as `DIR:`.
 * Returns TOOL_GO_ON, or the status after saying what is wrong.
 */
enum tool_status
tool_store_parse(const char *path, struct tool_store_path *parsed);

/* Accepts a zeroed struct; zeroes it. */
void
tool_store_path_free(struct tool_store_path *parsed);

/* Does the folder hold a session store?  False as well if it cannot be read. */
bool
tool_store_is_one(const char *dir);

/*
 * Open the session store of a path that is not FILE.
 * Returns TOOL_GO_ON, or the status after saying what is wrong.
 */
enum tool_status
tool_store_open(const struct tool_store_path *parsed, bool is_read_only,
                struct seglog_session_store **sessions);

/* What ID stands for. */
struct tool_store_id {
    struct seglog_uuid session;
    struct seglog_uuid segment;
    bool is_segment; /* it is a segment's id; else the session's */
};

/* Returns TOOL_GO_ON, or the status after saying what is wrong: it names the
 * candidates where there are several. */
enum tool_status
tool_store_resolve(struct seglog_session_store *sessions,
                   const struct tool_store_path *parsed,
                   struct tool_store_id *found);

#endif /* TOOL_STORE_H */
