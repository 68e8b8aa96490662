/* SPDX-License-Identifier: MIT */
/*
 * src/codec/history.h - what a compressed body may refer to (SPEC.md 7.5).
 *
 * Layer    codec.
 * The last 32 KiB of the bodies since the last mark, as they were before they
 * were compressed.  That is the whole state that one frame hands to the next:
 * whoever knows these bytes can read and write from there.
 */
#ifndef SLG_CODEC_HISTORY_H
#define SLG_CODEC_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define SLG_HISTORY_BYTES 32768u

struct slg_history {
    size_t len;     /* of it, the last SLG_HISTORY_BYTES count */
    uint64_t total; /* bytes added since the mark */
    uint64_t mark;  /* another one after each clear */
    uint8_t bytes[2 * SLG_HISTORY_BYTES];
};

void
slg_history_clear(struct slg_history *history);
void
slg_history_add(struct slg_history *history, const void *data, size_t len);

void
slg_history_copy(struct slg_history *to, const struct slg_history *from);

/* The bytes that count, and how many they are. */
static inline const uint8_t *
slg_history_get(const struct slg_history *history, size_t *len)
{
    *len = history->len < SLG_HISTORY_BYTES ? history->len : SLG_HISTORY_BYTES;
    return history->bytes + (history->len - *len);
}

#endif /* SLG_CODEC_HISTORY_H */
