/* SPDX-License-Identifier: MIT */
/*
 * tests/session/session_support.h - what the tests of session stores share.
 *
 * A test that takes a fixture runs on memory and on a temporary folder: list
 * it with ON_BOTH.
 */
#ifndef SESSION_SUPPORT_H
#define SESSION_SUPPORT_H

#include "tests/support/blobs.h"

#include "seglog/session.h"

struct session_fixture {
    struct seglog_store store;
    struct seglog_session_store *sessions;
    char *dir; /* NULL: in memory */
    struct seglog_uuid session;
    struct seglog_uuid segment;
};

int
session_setup_memory(void **state);
int
session_setup_folder(void **state);
int
session_teardown(void **state);

#define ON_BOTH(test)                                                          \
    { #test " (memory)", test, session_setup_memory, session_teardown, NULL }, \
    {                                                                          \
#test " (folder)", test, session_setup_folder, session_teardown, NULL  \
    }

/* Another handle on the same store, as another process would have it. */
struct seglog_session_store *
session_open_other(const struct session_fixture *fixture,
                   const struct seglog_session_store_options *options);

void
session_close_ok(struct seglog_session_store *sessions);

struct seglog_slice
slice_of_text(const char *text);

/* Append text to the fixture's segment, on any handle. */
void
session_put(struct seglog_session_store *sessions,
            const struct session_fixture *fixture, const char *text);

/* The segment has exactly these entries. */
void
session_expect_entries(struct seglog_session_store *sessions,
                       const struct session_fixture *fixture,
                       const char *const *texts, size_t count);

uint64_t
session_count(struct seglog_session_store *sessions,
              const struct session_fixture *fixture);

struct seglog_head
session_head(struct seglog_session_store *sessions,
             const struct session_fixture *fixture);

/* The blob of a lane of the fixture's segment. */
bool
session_has_blob(const struct session_fixture *fixture, enum seglog_lane lane);

/* A segment of the fixture's session is listed with that lineage. */
void
session_expect_lineage(const struct session_fixture *fixture,
                       const struct seglog_uuid *segment,
                       const struct seglog_lineage *want);

#define SESSION_ENTRY_CAP 160

/* Makes up the n-th entry, from 0. */
typedef const char *(*session_entry_fn)(unsigned n,
                                        char buf[SESSION_ENTRY_CAP]);

/* Append the first `count` of them; expect that just they are there. */
void
session_put_made(struct seglog_session_store *sessions,
                 const struct session_fixture *f, session_entry_fn make,
                 unsigned count);
void
session_expect_made(struct seglog_session_store *sessions,
                    const struct session_fixture *f,
                    const struct seglog_uuid *segment, session_entry_fn make,
                    unsigned count);

#endif /* SESSION_SUPPORT_H */
