/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/seal_support.h - what the tests of sealing share.
 */
#ifndef SEAL_SUPPORT_H
#define SEAL_SUPPORT_H

#include "tests/support/blobs.h"

#include "seglog/seal.h"

#define SEAL_NAME "s.seg"

/* What a reader delivers, in order: records and recorded gaps. */
struct told {
    uint64_t number;
    uint64_t line;
    uint64_t lost; /* a recorded gap of so many records; 0: a record */
    enum seglog_kind kind;
    uint8_t *data;
    size_t len;
};

struct tale {
    struct told *events;
    size_t count;
    size_t cap;
};

/* Read a segment strictly, from a record number on (0: the first). */
void
tale_read(struct tale *tale, struct seglog_store store, const char *name,
          uint64_t from);
void
tale_free(struct tale *tale);
void
assert_same_tale(const struct tale *a, const struct tale *b);

/* A JSON line of its own for each number; returns its length. */
size_t
line_make(char *out, size_t cap, uint64_t number);

/* Options for a test: small blocks, a low level. */
struct seglog_seal_options
seal_options(size_t block_bytes);

/* Make a segment of `lines` JSON lines from first_record on, and close it. */
void
lines_make(struct seglog_store store, const char *name, uint64_t first_record,
           uint64_t lines);

/* Seal it, and expect the same records from before and after. */
void
seal_ok(struct seglog_store store, const char *name,
        const struct seglog_seal_options *options,
        struct seglog_seal_result *result);

/* A scan says that all is well. */
void
assert_scan_ok(struct seglog_store store, const char *name,
               struct seglog_scan_summary *summary);

#endif /* SEAL_SUPPORT_H */
