/* SPDX-License-Identifier: MIT */
/*
 * src/codec/unpacker.h - compressed bodies to bodies (SPEC.md 7.5).
 *
 * Layer    codec.
 * Threads  one unpacker is used by one thread at a time.
 */
#ifndef SLG_CODEC_UNPACKER_H
#define SLG_CODEC_UNPACKER_H

#include "src/codec/history.h"

struct slg_unpacker;

enum slg_unpack_state {
    SLG_UNPACK_OK = 0,
    SLG_UNPACK_BAD, /* no compressed body, or one that is too long */
    SLG_UNPACK_NO_MEMORY
};

/* NULL when there is no memory. */
struct slg_unpacker *
slg_unpacker_new(void);
/* Accepts NULL. */
void
slg_unpacker_free(struct slg_unpacker *unpacker);

/* Start afresh: with no history, or with a given one. */
void
slg_unpacker_clear(struct slg_unpacker *unpacker);
void
slg_unpacker_load(struct slg_unpacker *unpacker,
                  const struct slg_history *history);
const struct slg_history *
slg_unpacker_history(const struct slg_unpacker *unpacker);

/*
 * Decompress `in` behind the prefix_len bytes of prefix, which are copied.
 *
 *   out_max  of prefix and decompressed bytes together; no more memory than
 *            that (twice it while it grows) is used, whatever is in `in`
 *   out      valid until the next call
 * The history stays what it was until slg_unpacker_accept.
 */
enum slg_unpack_state
slg_unpacker_run(struct slg_unpacker *unpacker, const uint8_t *prefix,
                 size_t prefix_len, const uint8_t *in, size_t len,
                 size_t out_max, const uint8_t **out, size_t *out_len);

/* What run has decompressed is a part of the history from now on. */
void
slg_unpacker_accept(struct slg_unpacker *unpacker);

/* So is a body that was not compressed. */
void
slg_unpacker_add(struct slg_unpacker *unpacker, const uint8_t *data,
                 size_t len);

#endif /* SLG_CODEC_UNPACKER_H */
