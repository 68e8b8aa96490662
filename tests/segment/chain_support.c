/* SPDX-License-Identifier: MIT */
/* tests/segment/chain_support.c - segments whose records are chained. */
#include "tests/segment/chain_support.h"

#include <stdio.h>

const unsigned chains[2] = { SEGLOG_CHAIN_SHA256, SEGLOG_CHAIN_XXH3 };

struct seglog_writer_options
chained_options(unsigned chain)
{
    struct seglog_writer_options options = writer_options_fixed();

    options.chain = (enum seglog_chain)chain;
    options.sync_log2 = 10;
    return options;
}

struct seglog_chain_hash
hash_of(const struct seglog_writer *writer)
{
    struct seglog_writer_state state;

    seglog_writer_get_state(writer, &state);
    return state.chain_hash;
}

bool
is_same(struct seglog_chain_hash a, struct seglog_chain_hash b)
{
    return slg_chain_hash_is_same(&a, &b);
}

void
append_events(struct seglog_writer *writer, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n <= to; n++) {
        char text[64];

        (void)snprintf(text, sizeof text, "event-%u", (unsigned)n - 1);
        append_ok(writer, text, n);
    }
}

struct seglog_chain_hash
head_behind(unsigned algorithm, uint64_t count)
{
    struct slg_chain chain;

    slg_chain_begin(&chain, algorithm);
    for (uint64_t n = 0; n < count; n++) {
        char text[64];
        const int len = snprintf(text, sizeof text, "event-%u", (unsigned)n);

        slg_chain_add_record(&chain, text, (size_t)len);
    }
    return chain.hash;
}

size_t
check_chain(struct seglog_store store, unsigned chain, uint64_t count,
            struct seglog_chain_hash want)
{
    struct walked walked;

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.chain, chain);
    assert_int_equal(walked.record_count, count);
    assert_true(is_same(walked.head, want));
    const size_t heads = walked.head_count;
    walked_free(&walked);
    return heads;
}
