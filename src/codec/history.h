/* SPDX-License-Identifier: MIT */
/*
 * src/codec/history.h - what a compressed body may refer to (SPEC.md 7.5).
 *
 * Layer    codec.
 * The last bytes of the bodies since the last mark, as they were before they
 * were compressed: 32 KiB of them, or 1 MiB where there is zstd.  Whoever
 * knows these bytes can write from there, and can read whatever begins there.
 */
#ifndef SLG_CODEC_HISTORY_H
#define SLG_CODEC_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLG_HISTORY_BYTES      ((size_t)32768)
#define SLG_HISTORY_ZSTD_BYTES ((size_t)1048576)

struct slg_history {
    size_t limit;   /* how many bytes count */
    size_t len;     /* of bytes; the last `limit` of them count */
    uint64_t total; /* bytes added since the mark */
    uint64_t count; /* bodies added since the mark */
    uint64_t mark;  /* another one after each clear */
    /* Somebody is in a run, and the bytes may be followed by those of others:
     * what goes on in that run cannot be read with these bytes alone. */
    bool is_in_run;
    bool is_pinned; /* what was got stays where it is until it is unpinned */
    uint8_t *bytes;
    size_t cap;
    /* What stands there at every mark, borrowed; none: nothing. */
    const uint8_t *base;
    size_t base_len;
    uint8_t *retired; /* where the pinned bytes are, if not in bytes */
};

/* No bytes are allocated before there are any.  limit 0: that of the first one
 * with a limit that it becomes a copy of. */
void
slg_history_init(struct slg_history *history, size_t limit);
void
slg_history_reset(struct slg_history *history);

/* What stands at every mark; nothing has been added yet.  False: no memory.
 * The bytes have to stay as long as the history. */
bool
slg_history_set_base(struct slg_history *history, const uint8_t *base,
                     size_t len);

/* A mark: all that was got from it is gone, pinned or not. */
void
slg_history_clear(struct slg_history *history);

/* False when there is no memory: what is there then is not to be relied on. */
bool
slg_history_add(struct slg_history *history, const void *data, size_t len);
bool
slg_history_copy(struct slg_history *to, const struct slg_history *from);

/* The bytes that count, at most max of them, and how many they are; max is at
 * most the limit. */
const uint8_t *
slg_history_get(const struct slg_history *history, size_t max, size_t *len);

/* The same bytes, which stay readable until unpin, clear, copy or reset. */
const uint8_t *
slg_history_pin(struct slg_history *history, size_t max, size_t *len);
void
slg_history_unpin(struct slg_history *history);

#endif /* SLG_CODEC_HISTORY_H */
