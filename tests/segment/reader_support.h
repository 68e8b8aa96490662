/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/reader_support.h - a reader of a forged segment, and what it is
 * to say next.
 */
#ifndef READER_SUPPORT_H
#define READER_SUPPORT_H

#include "tests/segment/forge_support.h"

#define HEADER ((size_t)54)
#define RECORD ((size_t)46) /* a frame of 40 bytes */
#define MIB    ((size_t)1 << 20)

struct seglog_store
memory_open(void);

struct seglog_reader *
reader_open(struct seglog_store store, bool salvage, uint64_t from_record);

/* The next event is this record with these very bytes. */
void
expect_record(struct seglog_reader *reader, const struct forge *forge,
              uint64_t number);

void
expect_records(struct seglog_reader *reader, const struct forge *forge,
               uint64_t first, uint64_t last);

void
expect_code(struct seglog_reader *reader, seglog_code want);

/* The next event is a gap of this form (see finding_format). */
void
expect_gap(struct seglog_reader *reader, const char *want);

void
seek_ok(struct seglog_reader *reader, uint64_t number);

void
log_put(struct seglog_store store, const struct forge *forge);

/* 600 records, 12 in groups of 4 a stretch, a sync point each 24. */
void
make_stretches(struct forge *forge, unsigned stretches);

#endif /* READER_SUPPORT_H */
