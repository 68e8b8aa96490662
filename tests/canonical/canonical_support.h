/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/canonical_support.h - a canonical store in a folder, and what
 * is asked of it again and again.
 *
 * Include it first: it brings cmocka and the headers that cmocka needs.
 */
#ifndef CANONICAL_SUPPORT_H
#define CANONICAL_SUPPORT_H

#include "tests/support/blobs.h"

#include "seglog/canonical.h"
#include "seglog/stream.h"
#include "seglog/testing/fault_store.h"

struct fixture {
    char *dir;  /* all of it */
    char *log;  /* folder of the byte store */
    char *view; /* folder of the view */
    struct seglog_store files;
    struct seglog_faults *faults;
    struct seglog_store store; /* files, with faults */
    struct seglog_canonical_options options;
    struct seglog_canonical *canonical;
};

/* The store is open, and new. */
int
fixture_setup(void **state);

int
fixture_teardown(void **state);

#define CANONICAL_TEST(f)                                                      \
    cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

struct seglog_slice
text_slice(const char *text);

/* -- opening --------------------------------------------------------------- */

void
store_open(struct fixture *fixture);

void
store_close(struct fixture *fixture);

void
store_reopen(struct fixture *fixture);

/* One more handle, as options say. */
struct seglog_canonical *
store_open_other(struct fixture *fixture);

/* LMDB's files are gone; the store is closed. */
void
view_remove(const struct fixture *fixture);

/* A copy of a file of the view, for the caller to free by view_put_back. */
struct view_copy {
    void *bytes;
    size_t len;
};

struct view_copy
view_copy_take(const struct fixture *fixture);

void
view_copy_put_back(const struct fixture *fixture, struct view_copy *copy);

/* The name of the number-th segment of the log. */
char *
log_segment(const struct fixture *fixture, size_t number,
            char name[SEGLOG_STREAM_NAME_CAP]);

size_t
log_segment_count(const struct fixture *fixture);

/* Where some text stands in a segment, from its end: for blob_flip. */
uint64_t
log_find(const struct fixture *fixture, size_t number, const char *text);

/* -- writing --------------------------------------------------------------- */

struct seglog_write_txn *
write_begin(struct seglog_canonical *canonical);

void
write_put(struct seglog_write_txn *txn, const char *key, const char *value);

void
write_delete(struct seglog_write_txn *txn, const char *key);

uint64_t
write_event(struct seglog_write_txn *txn, const char *event);

struct seglog_commit_info
write_commit(struct seglog_write_txn *txn);

/* A transaction of a key and an event; each may be NULL. */
struct seglog_commit_info
commit_one(struct seglog_canonical *canonical, const char *key,
           const char *value, const char *event);

/* -- reading --------------------------------------------------------------- */

/* value NULL: it is not there. */
void
assert_value(struct seglog_canonical *canonical, const char *key,
             const char *value);

/* "a=1 b=2": keys and values in order. */
void
assert_state(struct seglog_canonical *canonical,
             const struct seglog_state_range *range, const char *want);

/* "0:one 1:two" */
void
assert_events(struct seglog_canonical *canonical, uint64_t from, uint64_t to,
              const char *want);

/* NULL: there is none. */
void
assert_event(struct seglog_canonical *canonical, uint64_t id, const char *want);

struct seglog_canonical_meta
meta_of(struct seglog_canonical *canonical);

/* What an iterator has from here on, as assert_state. */
void
assert_iter(struct seglog_state_iter *iter, const char *want);

#endif /* CANONICAL_SUPPORT_H */
