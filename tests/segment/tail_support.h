/* SPDX-License-Identifier: MIT */
/* tests/segment/tail_support.h - where a segment ends, as it is found. */
#ifndef TAIL_SUPPORT_H
#define TAIL_SUPPORT_H

#include "tests/segment/forge_support.h"

#include "src/segment/segment_tail.h"

#define HEADER ((size_t)54)
#define RECORD ((size_t)46)
#define KIB    ((size_t)1024)
#define MIB    ((size_t)1 << 20)

struct slg_tail
tail_find(struct seglog_store store, uint64_t expect);

struct slg_tail
tail_of_expecting(const void *bytes, size_t len, uint64_t expect);

struct slg_tail
tail_of(const void *bytes, size_t len);

void
assert_tail_verdict(const struct slg_tail *tail, const char *want);

/* All that a writer goes on with, as the forge would go on. */
void
assert_tail_is(const struct slg_tail *tail, const struct forge *forge,
               uint64_t watermark);

void
make_log(struct forge *forge);

#endif /* TAIL_SUPPORT_H */
