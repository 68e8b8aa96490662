/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_rm.h - the parts of `seglog rm`.
 *
 * What goes is planned for all stores before anything is removed from one.
 *
 * Threads  one
 */
#ifndef CMD_RM_H
#define CMD_RM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/session.h"
#include "tools/cmd_ls.h"

struct rm_options {
    bool is_forced;
    bool is_dry;
    bool is_json;
    bool is_unreferenced;
    bool has_age;
    int64_t age_ms;
    int64_t now_ms;
};

/* What is to happen to one segment. */
struct rm_mark {
    bool goes;
    bool is_removed;
    bool is_failed; /* it could not be, and that was said */
    bool is_named;  /* a file that was imported is kept in it */
    uint64_t bytes; /* of all lanes; known for those that go */
};

struct rm_store {
    char *dir;
    struct seglog_session_store *sessions;
    struct ls_catalog catalog;
    struct rm_mark *marks; /* for each segment of the catalog */
};

struct rm {
    struct rm_options options;
    struct rm_store *stores;
    size_t store_count;
    enum tool_status status;
    /* What is to go, and then what has gone. */
    uint64_t sessions; /* whole ones */
    uint64_t segments;
    uint64_t bytes;
};

/* ---------------------------------------------------------------------------
 * Planning.  Each returns TOOL_GO_ON, or the status after saying what is wrong
 */

/* Mark what an id stands for. */
enum tool_status
rm_plan_id(struct rm_store *store, const struct seglog_uuid *session,
           const struct seglog_uuid *segment, bool is_segment);

/* Mark what the conditions of the options hold for, less what others descend
 * from. */
enum tool_status
rm_plan_conditions(const struct rm_options *options, struct rm_store *store);

/* TOOL_FAILED: something marked is what something that stays descends from. */
enum tool_status
rm_plan_check(const struct rm_store *store);

/* Find out how much each takes. */
void
rm_plan_measure(struct rm_store *store);

/* ---------------------------------------------------------------------------
 * What was imported
 */

/* Set is_named. */
enum tool_status
rm_sources_read(struct rm_store *store);

/* Forget the states of what has been removed, so that it can be imported
 * anew. */
enum tool_status
rm_sources_forget(struct rm_store *store);

/* ---------------------------------------------------------------------------
 * Telling
 */

/* How many segments of a session go. */
size_t
rm_marks_in(const struct rm_store *store, const struct ls_session *session);

void
rm_tell_segment(const struct rm *rm, const struct rm_store *store,
                size_t number, bool is_done);

/* Add up what is to go, and show it if that is wanted. */
void
rm_tell_plan(struct rm *rm, bool is_shown);

/* "2 whole sessions, 5 segments in all, 1.2 MiB".  Returns buf. */
const char *
rm_total_text(const struct rm *rm, char *buf, size_t cap);

void
rm_tell_total(const struct rm *rm);

#endif /* CMD_RM_H */
