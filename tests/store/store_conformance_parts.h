/* SPDX-License-Identifier: MIT */
/* tests/store/store_conformance_parts.h - what the parts of the suite share. */
#ifndef STORE_CONFORMANCE_PARTS_H
#define STORE_CONFORMANCE_PARTS_H

#include "tests/support/seglog_test.h"

#include <pthread.h>

#include "tests/store/store_conformance.h"

/* *state of each test. */
struct store_fixture {
    const struct store_factory *factory;
    struct seglog_store store; /* empty when the test starts */
};

/* The parts; each ends with an entry without a name. */
extern const struct CMUnitTest store_conformance_blob[];
extern const struct CMUnitTest store_conformance_discard[];
extern const struct CMUnitTest store_conformance_info[];
extern const struct CMUnitTest store_conformance_names[];
extern const struct CMUnitTest store_conformance_sharing[];

#define WRITE_NEW (SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE)

/* These fail the test unless all goes well. */
struct seglog_blob
store_open_blob(struct seglog_store store, const char *name, unsigned flags);

void
store_close_blob(struct seglog_blob *blob);

/* Append text; returns its offset. */
uint64_t
store_put(struct seglog_blob blob, const char *text);

/* A blob of that name with that text. */
void
store_put_new(struct seglog_store store, const char *name, const char *text);

/* The whole blob is exactly that text. */
void
store_assert_text(struct seglog_blob blob, const char *want);

uint64_t
store_get_size(struct seglog_blob blob);

bool
store_is_replaced(struct seglog_blob blob);

#endif /* STORE_CONFORMANCE_PARTS_H */
