/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/segment_kinds.h - segments of every kind, sound and damaged,
 * for tests that do the same to all of them.
 */
#ifndef SEGMENT_KINDS_H
#define SEGMENT_KINDS_H

#include "tests/support/seglog_test.h"

#include "seglog/store.h"

#define KIND_NAME   "log"
#define KIND_PARENT "parent"

typedef void
kind_function(struct seglog_store store);

struct segment_kind {
    const char *name;
    kind_function *make; /* KIND_NAME, and what it refers to */
    bool is_zstd;        /* needs it */
};

extern const struct segment_kind segment_kinds[];
extern const size_t segment_kind_count;

#define KINDS_MAX 40u

/* Some of them by themselves, and two segments of which one may become the
 * parent of the other. */
void
kind_make_sound(struct seglog_store store);
void
kind_make_recorded_gap(struct seglog_store store);
void
kind_make_zstd(struct seglog_store store);
void
kind_make_random(struct seglog_store store);
void
kind_make_parent(struct seglog_store store);

#endif /* SEGMENT_KINDS_H */
