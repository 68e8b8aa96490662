/* SPDX-License-Identifier: MIT */
/*
 * src/codec/unpacker.h - compressed bodies to bodies (SPEC.md 7.5).
 *
 * Layer    codec.
 * Threads  one unpacker is used by one thread at a time.
 */
#ifndef SLG_CODEC_UNPACKER_H
#define SLG_CODEC_UNPACKER_H

#include "format/frame.h"
#include "src/codec/history.h"

struct slg_unpacker;

enum slg_unpack_state {
    SLG_UNPACK_OK = 0,
    SLG_UNPACK_BAD, /* no compressed body, or one that is too long */
    SLG_UNPACK_NO_MEMORY
};

/* NULL when there is no memory.  history_max: SLG_HISTORY_BYTES, or
 * SLG_HISTORY_ZSTD_BYTES where there may be runs. */
struct slg_unpacker *
slg_unpacker_new(size_t history_max);
/* As slg_history_set_base. */
bool
slg_unpacker_set_base(struct slg_unpacker *unpacker, const uint8_t *base,
                      size_t len);
/* Accepts NULL. */
void
slg_unpacker_free(struct slg_unpacker *unpacker);

/* Start afresh: as behind a mark, or with a given history.  False: no memory. */
void
slg_unpacker_clear(struct slg_unpacker *unpacker);
bool
slg_unpacker_load(struct slg_unpacker *unpacker,
                  const struct slg_history *history);
const struct slg_history *
slg_unpacker_history(const struct slg_unpacker *unpacker);
/* Stand where another one stands, also in a run.  False: no memory. */
bool
slg_unpacker_copy(struct slg_unpacker *to, const struct slg_unpacker *from);

/* A body as it stands in a frame. */
struct slg_unpack_in {
    enum slg_packing packing; /* not NONE */
    const uint8_t *prefix;    /* what is in front of it, not compressed */
    size_t prefix_len;
    const uint8_t *bytes;
    size_t len;
};

/*
 * Decompress behind the prefix, which is copied.
 *
 *   out_max  of prefix and decompressed bytes together; no more memory than
 *            that (twice it while it grows) is used, whatever is in `in`
 *   out      valid until the next call
 * The history stays what it was until slg_unpacker_accept.  A body of a run
 * that is bad, or is not accepted, ends the run.
 */
enum slg_unpack_state
slg_unpacker_run(struct slg_unpacker *unpacker, const struct slg_unpack_in *in,
                 size_t out_max, const uint8_t **out, size_t *out_len);

/* What run has decompressed is a part of the history from now on.  False: no
 * memory, and nothing is known any more. */
bool
slg_unpacker_accept(struct slg_unpacker *unpacker);

/* So is a body that was not compressed. */
bool
slg_unpacker_add(struct slg_unpacker *unpacker, const uint8_t *data,
                 size_t len);

#endif /* SLG_CODEC_UNPACKER_H */
