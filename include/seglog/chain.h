/* SPDX-License-Identifier: MIT */
/*
 * seglog/chain.h - how records are chained (SPEC.md 16.1).
 *
 * In a chained segment every record has a hash, over the one before it and its
 * own bytes.  The last one is the head: it stands for the record and for all
 * that is before it, in earlier segments too.
 *
 * Since    0.1
 */
#ifndef SEGLOG_CHAIN_H
#define SEGLOG_CHAIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEGLOG_CHAIN_HASH_MAX 32

/* On disk: never renumber.  0 is none. */
enum seglog_chain {
    /* 32 bytes.  Whoever knows a head can tell any change of what it is of. */
    SEGLOG_CHAIN_SHA256 = 1,
    /* XXH3 with 128 bits: 16 bytes.  Tells loss, order and damage, at the
     * speed of memory; no protection against somebody who forges. */
    SEGLOG_CHAIN_XXH3 = 2
};

/* A hash of the chain.  len 0: there is none, for nothing is before it. */
struct seglog_chain_hash {
    uint8_t len; /* 0, or as many bytes as the chain has */
    uint8_t bytes[SEGLOG_CHAIN_HASH_MAX];
};

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_CHAIN_H */
