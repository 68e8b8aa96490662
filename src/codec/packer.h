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

#include "src/codec/history.h"

#define SLG_LEVEL_DEFAULT 6
#define SLG_LEVEL_MAX     9

struct slg_packer;

/* NULL when there is no memory. */
struct slg_packer *
slg_packer_new(int level);
/* Accepts NULL. */
void
slg_packer_free(struct slg_packer *packer);

/* Start afresh: with no history, or with a given one. */
void
slg_packer_clear(struct slg_packer *packer);
void
slg_packer_load(struct slg_packer *packer, const struct slg_history *history);
/*
 * The history, for somebody who reads on from where it ends and adds to it.
 * Between the two calls the packer is of no use.
 */
struct slg_history *
slg_packer_lend(struct slg_packer *packer);
void
slg_packer_take_back(struct slg_packer *packer);

/*
 * Compress data against the history, which it then is a part of.  *out is
 * valid until the next call and may well be longer than the data.  False when
 * there is no memory; the packer has to be started afresh then.
 */
bool
slg_packer_run(struct slg_packer *packer, const uint8_t *data, size_t len,
               const uint8_t **out, size_t *out_len);

#endif /* SLG_CODEC_PACKER_H */
