/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/stream_fixture.h - a stream in memory, and what it should be.
 *
 * Include it first: it brings what the tests of streams share.
 */
#ifndef STREAM_FIXTURE_H
#define STREAM_FIXTURE_H

#include "tests/stream/stream_support.h"

#include "seglog/testing/fault_store.h"

#define STREAM UINT64_C(7)

struct fixture {
    struct seglog_store memory; /* what is below the faults */
    struct seglog_faults *faults;
    struct seglog_store store;
    struct seglog_stream_options options; /* of open_streams */
    struct seglog_streams streams;
    struct stream_model model; /* of STREAM */
};

int
fixture_setup(void **state);

int
fixture_teardown(void **state);

/* A test with a fixture of its own. */
#define STREAM_TEST(f)                                                         \
    cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

void
open_streams(struct fixture *fixture);

void
close_streams(struct fixture *fixture);

void
restart(struct fixture *fixture);

/* A batch of the next events of the model's making, not synced. */
void
append(struct fixture *fixture, size_t count);

/* The bytes of its first segment, and back. */
uint8_t *
segment_bytes(const struct fixture *fixture, size_t *len);

void
segment_set(const struct fixture *fixture, const uint8_t *bytes, size_t len);

/* Change a record of the number-th segment, and its checksum with it. */
void
forge(const struct fixture *fixture, size_t number, const char *old_text,
      const char *new_text);

#endif /* STREAM_FIXTURE_H */
