/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/stream_conformance.h - does a backend of streams keep its
 * contract?
 *
 * One suite for every backend.  To test your own, write a factory and call
 * stream_conformance_run from main; link stream_conformance.c,
 * tests/support/seglog_test.c, the library and cmocka.
 */
#ifndef STREAM_CONFORMANCE_H
#define STREAM_CONFORMANCE_H

#include "seglog/stream.h"

struct stream_factory {
    const char *name; /* of the test group */
    enum seglog_chain chain;

    /* Open streams where there are none yet. */
    seglog_code (*make)(void *arg, struct seglog_streams *streams,
                        struct seglog_error *err);

    /* One more handle on the same; NULL: there can be only one at a time. */
    seglog_code (*open)(void *arg, struct seglog_streams *streams,
                        struct seglog_error *err);

    /* All handles are closed: free what it took. */
    void (*destroy)(void *arg);

    void *arg;

    /* What was there is there when all handles are closed and open is called
     * again. */
    bool is_kept;
    /* In one segment there is room for what the suite appends. */
    bool is_one_segment;
};

/* The number of tests that failed. */
int
stream_conformance_run(const struct stream_factory *factory);

#endif /* STREAM_CONFORMANCE_H */
