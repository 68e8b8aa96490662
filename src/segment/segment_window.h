/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_window.h - a sliding view of a blob.
 *
 * Layer  segment.  All reading of segments goes through here, so that a range
 *        the store cannot read is met, noted and passed in one place.
 */
#ifndef SLG_SEGMENT_WINDOW_H
#define SLG_SEGMENT_WINDOW_H

#include "seglog/segment.h"

/* Large enough for any frame that need not follow a sync point, twice. */
#define SLG_WINDOW_BYTES (512u * 1024u)

/* A range that could not be read; its bytes are taken as zero. */
struct slg_bad_range {
    uint64_t start;
    uint64_t end;
    bool is_forged; /* read, but not what was written: AUTH */
};

struct slg_window {
    struct seglog_blob blob;
    const char *name; /* for errors; borrowed */
    uint64_t size;    /* of the blob, as the reader wants to see it */
    bool is_tolerant; /* note unreadable ranges and go on */
    uint8_t *buf;     /* grows with what is read at once */
    size_t cap;       /* at most SLG_WINDOW_BYTES */
    uint64_t start;   /* offset of buf[0] */
    size_t len;
    struct slg_bad_range *bad; /* in order, not touching */
    size_t bad_count;
    size_t bad_cap;
    uint64_t bytes_read; /* from the blob, so far */
    int bad_errno; /* of a range that could not be read; 0: none is known */
};

seglog_code
slg_window_init(struct slg_window *window, struct seglog_blob blob,
                const char *name, bool is_tolerant, struct seglog_error *err);
void
slg_window_reset(struct slg_window *window);

/* Ask the blob for its size; forgets buffered bytes behind the old size. */
seglog_code
slg_window_update_size(struct slg_window *window, struct seglog_error *err);

/* Forget what is buffered: the next look reads again. */
static inline void
slg_window_forget(struct slg_window *window)
{
    window->len = 0;
}

seglog_code
slg_window_fill(struct slg_window *window, uint64_t offset, size_t len,
                struct seglog_error *err);

/*
 * Look at [offset, offset + len), which must lie within the size; len is at
 * most SLG_WINDOW_BYTES.  *bytes is valid until the next look.
 */
static inline seglog_code
slg_window_look(struct slg_window *window, uint64_t offset, size_t len,
                const uint8_t **bytes, struct seglog_error *err)
{
    if (offset < window->start || offset - window->start > window->len ||
        len > window->len - (size_t)(offset - window->start)) {
        const seglog_code code = slg_window_fill(window, offset, len, err);
        if (code != SEGLOG_OK)
            return code;
    }
    *bytes = window->buf + (offset - window->start);
    return SEGLOG_OK;
}

/* Copy [offset, offset + len) to out, past the window where it is long. */
seglog_code
slg_window_copy(struct slg_window *window, uint64_t offset, uint8_t *out,
                size_t len, struct seglog_error *err);

/* The same, never through the window: for bytes that are wanted once. */
seglog_code
slg_window_read(struct slg_window *window, uint64_t offset, uint8_t *out,
                size_t len, struct seglog_error *err);

/* Is a part of [start, end) unreadable, or forged? */
bool
slg_window_is_bad(const struct slg_window *window, uint64_t start,
                  uint64_t end);

/* The same for one of the two alone. */
bool
slg_window_is_bad_as(const struct slg_window *window, uint64_t start,
                     uint64_t end, bool is_forged);

/*
 * Read from a blob without a window.  Forged bytes are zeros: they are damage
 * like any other, and no reason to give up.
 */
seglog_code
slg_blob_read(struct seglog_blob blob, uint64_t offset, void *buf, size_t len,
              struct seglog_error *err);

#endif /* SLG_SEGMENT_WINDOW_H */
