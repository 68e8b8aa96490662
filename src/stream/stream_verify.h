/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_verify.h - the parts of verifying.
 *
 *   stream_verify.c          segment by segment, by several threads; and how
 *                            they follow each other
 *   stream_verify_segment.c  one segment
 *   stream_verify_match.c    what was dropped, and the tombstones of it
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_VERIFY_H
#define SLG_STREAM_VERIFY_H

#include <stdatomic.h>

#include "seglog/stream.h"
#include "src/stream/stream_names.h"
#include "src/stream/stream_store.h"
#include "src/stream/stream_tombs.h"

struct slg_verified_part;

/* What one segment is verified for. */
struct slg_verify_job {
    const struct slg_streams *streams;
    uint64_t stream;
    uint8_t identity[SEGLOG_IDENTITY_BYTES]; /* of the stream */
    const struct slg_stream_begin *begin;
    uint64_t from; /* number behind the checkpoint to begin at; 0: all */
    const struct seglog_kept_head *kept;
    size_t kept_count;
    const uint8_t *public_key;
    atomic_bool *is_stopped;
    atomic_uint_fast64_t *bytes_done;
    /* At each checkpoint, all in front of which is done; or NULL. */
    void (*on_checkpoint)(void *arg, struct slg_verified_part *part,
                          uint64_t next_offset);
    void *arg;
};

/* What was found in one. */
struct slg_verified_part {
    struct slg_stream_part part;
    seglog_code code; /* why it could not be verified */
    struct seglog_error err;

    struct seglog_stream_finding *findings;
    size_t finding_count;
    size_t finding_cap;

    bool is_begun; /* what follows is of the head that it begins with */
    bool is_from_start;
    uint64_t first_record;
    struct seglog_chain_hash begin;
    bool has_predecessor;
    struct seglog_predecessor predecessor;

    uint64_t next_record;
    bool is_end_known;
    struct seglog_chain_hash end;
    uint64_t checkpoint_record; /* where it began to be verified */

    uint8_t identity[SEGLOG_IDENTITY_BYTES]; /* of the segment */
    uint64_t epoch;
    uint64_t size;
    bool is_sealed;

    struct slg_tombs tombs;
    uint64_t events;
    uint64_t dropped; /* of them */
    uint64_t checkpoints;
    uint64_t signatures;
    uint64_t signed_offset;
    uint64_t bytes_read;
    bool *is_seen; /* of the kept heads, where not NULL */
};

/* Its part is set.  Never fails but by what it notes. */
void
slg_verify_segment(const struct slg_verify_job *job,
                   struct slg_verified_part *part);

/* False: no memory. */
bool
slg_verify_add(struct slg_verified_part *part, enum seglog_stream_fault fault,
               uint64_t first_offset, uint64_t last_offset);

/* Does it go on where the one before it ends?  NULL: nothing is before it. */
bool
slg_verify_is_linked(const struct slg_verify_job *job,
                     const struct slg_verified_part *before,
                     const struct slg_verified_part *part);

/* Of all parts: what was dropped without tombstones that vouch for it is found,
 * and those that do have the heads that were kept from in between. */
seglog_code
slg_verify_match(const struct slg_verify_job *job,
                 struct slg_verified_part *parts, size_t count,
                 struct seglog_error *err);

/* The same of one, by tombstones that were collected: what has come since is
 * collected as well, if there is anything to match. */
seglog_code
slg_verify_match_part(const struct slg_verify_job *job, struct slg_tombs *tombs,
                      struct slg_verified_part *part, struct seglog_error *err);

/* Is it a signature of this head, by this key? */
seglog_code
slg_stream_check_signature(const uint8_t public_key[SEGLOG_SIGN_KEY_BYTES],
                           const uint8_t identity[SEGLOG_IDENTITY_BYTES],
                           uint64_t stream, enum seglog_chain chain,
                           const struct seglog_stream_end *end,
                           const uint8_t signature[SEGLOG_SIGNATURE_BYTES],
                           bool *is_good, struct seglog_error *err);

/* Sign one, and what it is signed by.  False: the build has no OpenSSL, or it
 * failed. */
bool
slg_stream_sign_end(const uint8_t private_key[SEGLOG_SIGN_KEY_BYTES],
                    const uint8_t identity[SEGLOG_IDENTITY_BYTES],
                    uint64_t stream, enum seglog_chain chain,
                    const struct seglog_stream_end *end,
                    uint8_t signature[SEGLOG_SIGNATURE_BYTES]);
seglog_code
slg_stream_fail_crypt(struct seglog_error *err);
bool
slg_stream_public_key(const uint8_t private_key[SEGLOG_SIGN_KEY_BYTES],
                      uint8_t public_key[SEGLOG_SIGN_KEY_BYTES]);

#endif /* SLG_STREAM_VERIFY_H */
