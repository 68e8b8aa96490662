/* SPDX-License-Identifier: MIT */
/* tests/segment/chain_support.h - segments whose records are chained. */
#ifndef CHAIN_SUPPORT_H
#define CHAIN_SUPPORT_H

#include "tests/segment/writer_support.h"

#include "src/segment/segment_chain.h"

extern const unsigned chains[2];

/* Those that this build can compute. */
#define EACH_CHAIN(c)                                                          \
    for (size_t c = 0; c < COUNT_OF(chains); c++)                              \
        if (slg_chain_is_computable(chains[c]))

struct seglog_writer_options
chained_options(unsigned chain);

struct seglog_chain_hash
hash_of(const struct seglog_writer *writer);

bool
is_same(struct seglog_chain_hash a, struct seglog_chain_hash b);

/* Records as events: "event-0" is number 1. */
void
append_events(struct seglog_writer *writer, uint64_t from, uint64_t to);

/* The head behind these records, computed. */
struct seglog_chain_hash
head_behind(unsigned algorithm, uint64_t count);

/* All heads are right, and this is the last one. */
size_t
check_chain(struct seglog_store store, unsigned chain, uint64_t count,
            struct seglog_chain_hash want);

#endif /* CHAIN_SUPPORT_H */
