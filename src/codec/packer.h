/* SPDX-License-Identifier: MIT */
/*
 * src/codec/packer.h - bodies to compressed bodies (SPEC.md 7.5).
 *
 * Layer    codec.
 * Threads  one packer is used by one thread at a time.
 */
#ifndef SLG_CODEC_PACKER_H
#define SLG_CODEC_PACKER_H

#include <stdbool.h>

#include "format/frame.h"
#include "src/codec/history.h"

#define SLG_LEVEL_DEFAULT     6
#define SLG_LEVEL_DEFLATE_MAX 9
#define SLG_LEVEL_MAX         19

struct slg_packer;

/* What a packer may do. */
struct slg_packer_plan {
    int level;         /* 1 to SLG_LEVEL_MAX; deflate takes at most 9 */
    bool with_deflate; /* one of them, or both: then by what the bodies are */
    bool with_zstd;
    /* What stands before all else at every mark; it has to stay.  May be 0. */
    const uint8_t *base;
    size_t base_len;
    bool is_small; /* take as little memory as deflate can do with */
};

/* What one body has become. */
struct slg_packed {
    const uint8_t *bytes; /* valid until the next call */
    size_t len;
    enum slg_packing packing; /* NONE: bytes is the body itself */
};

/* NULL when there is no memory. */
struct slg_packer *
slg_packer_new(const struct slg_packer_plan *plan);
/* Accepts NULL. */
void
slg_packer_free(struct slg_packer *packer);

/* Start afresh: as behind a mark, or with a given history.  False: no memory. */
void
slg_packer_clear(struct slg_packer *packer);
bool
slg_packer_load(struct slg_packer *packer, const struct slg_history *history);
/*
 * The history, for somebody who reads on from where it ends and adds to it.
 * Between the two calls the packer is of no use.
 */
struct slg_history *
slg_packer_lend(struct slg_packer *packer);
void
slg_packer_take_back(struct slg_packer *packer);

/* Somebody else's run may go on where the history ends. */
bool
slg_packer_is_in_foreign_run(const struct slg_packer *packer);

/*
 * Compress data against the history, which it then is a part of.
 *
 *   max  of what comes out: a body that becomes longer is not compressed
 * False when there is no memory; the packer has to be started afresh then.
 */
bool
slg_packer_run(struct slg_packer *packer, const uint8_t *data, size_t len,
               size_t max, struct slg_packed *packed);

#endif /* SLG_CODEC_PACKER_H */
