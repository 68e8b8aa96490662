/* SPDX-License-Identifier: MIT */
/*
 * format/chain.h - SPEC.md 6.7 to 6.9: chain heads, tombstones and signatures,
 * as whole frames.
 *
 * Layer    format: no I/O, no allocation, no state.
 */
#ifndef SLG_FORMAT_CHAIN_H
#define SLG_FORMAT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/header.h"
#include "seglog/chain.h"

/* What is hashed between the head before and the payload (SPEC.md 16.1). */
enum slg_chain_kind {
    SLG_CHAIN_KIND_RECORD = 0,
    SLG_CHAIN_KIND_TOMBSTONE = 2,
    SLG_CHAIN_KIND_LOSS = 3
};

#define SLG_SHA256_BYTES 32u
#define SLG_XXH128_BYTES 16u

/* Bytes of a hash of this algorithm; 0 where there is no such one. */
static inline unsigned
slg_chain_len(unsigned algorithm)
{
    return algorithm == SEGLOG_CHAIN_SHA256 ? SLG_SHA256_BYTES
           : algorithm == SEGLOG_CHAIN_XXH3 ? SLG_XXH128_BYTES
                                            : 0;
}

/* -- chain head (6.7) ------------------------------------------------------ */

#define SLG_CHAIN_HEAD_ANEW  0x01u
#define SLG_CHAIN_HEAD_FIXED 3u /* of the body, in front of the hash */
#define SLG_CHAIN_HEAD_MAX   (2u + SLG_CHAIN_HEAD_FIXED + SLG_SHA256_BYTES + 4u)

struct slg_chain_head {
    uint8_t algorithm; /* enum seglog_chain */
    bool is_anew;      /* the chain began anew behind a loss (16.4) */
    struct seglog_chain_hash hash;
};

/* hash.len is 0 or that of the algorithm.  Returns the length written. */
size_t
slg_chain_head_encode(const struct slg_chain_head *head, uint64_t number,
                      uint32_t salt, uint8_t *out);
/* in: a frame of type 5 that has been verified.  False: illegal fields. */
bool
slg_chain_head_decode(const uint8_t *in, const struct slg_frame *frame,
                      struct slg_chain_head *head);

/* -- tombstone (6.8) ------------------------------------------------------- */

#define SLG_TOMBSTONE_FIXED 10u
#define SLG_TOMBSTONE_MAX                                                      \
    (2u + SLG_TOMBSTONE_FIXED + 2u * SLG_SHA256_BYTES + 4u)
/* What of the body is hashed: number || before || hash. */
#define SLG_TOMBSTONE_PAYLOAD_MAX (8u + 2u * SLG_SHA256_BYTES)

struct slg_tombstone {
    uint8_t algorithm;
    uint64_t number;                 /* of the record */
    struct seglog_chain_hash before; /* the hash before it; empty: nothing is */
    struct seglog_chain_hash hash;   /* its hash */
};

size_t
slg_tombstone_encode(const struct slg_tombstone *tombstone, uint64_t number,
                     uint32_t salt, uint8_t *out);
/* in: a verified frame of type 9.  False: illegal fields. */
bool
slg_tombstone_decode(const uint8_t *in, const struct slg_frame *frame,
                     struct slg_tombstone *tombstone);
/* Returns its length. */
size_t
slg_tombstone_payload(const struct slg_tombstone *tombstone,
                      uint8_t out[SLG_TOMBSTONE_PAYLOAD_MAX]);

/* -- signature (6.9) ------------------------------------------------------- */

#define SLG_SIGN_KEY_BYTES  32u
#define SLG_SIGNATURE_BYTES 64u
#define SLG_SIGN_ED25519    1u
#define SLG_SIGNATURE_FRAME (2u + 2u + 32u + 64u + 4u)
/* What is signed (16.6). */
#define SLG_SIGNED_FIXED 49u
#define SLG_SIGNED_MAX   (SLG_SIGNED_FIXED + SLG_SHA256_BYTES)

struct slg_signature {
    uint8_t public_key[SLG_SIGN_KEY_BYTES];
    uint8_t bytes[SLG_SIGNATURE_BYTES];
};

size_t
slg_signature_encode(const struct slg_signature *signature, uint64_t number,
                     uint32_t salt, uint8_t *out);
/* in: a verified frame of type 10.  False: of an unknown kind. */
bool
slg_signature_decode(const uint8_t *in, const struct slg_frame *frame,
                     struct slg_signature *signature);

/* What a signature of a head is over. */
struct slg_signed {
    uint8_t identity[SLG_IDENTITY_BYTES]; /* of the stream */
    uint64_t stream;
    uint8_t algorithm;
    uint64_t next_offset;
    struct seglog_chain_hash hash;
};

/* Returns its length, 49 and that of the hash. */
size_t
slg_signed_encode(const struct slg_signed *what, uint8_t out[SLG_SIGNED_MAX]);

#endif /* SLG_FORMAT_CHAIN_H */
