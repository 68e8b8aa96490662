/* SPDX-License-Identifier: MIT */
/* src/segment/segment_window.c - a sliding view of a blob. */
#include "src/segment/segment_window.h"

#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

/* An unreadable place is narrowed to this: the sector of most devices. */
#define PROBE_BYTES 4096u
/* More unreadable ranges than this, and the device is the problem. */
#define BAD_RANGES_MAX 4096u

/* The end of a segment is read with much less than all of it. */
static seglog_code
window_reserve(struct slg_window *window, size_t want, struct seglog_error *err)
{
    const struct slg_place place = { .name = window->name,
                                     .offset = SEGLOG_NO_OFFSET };
    size_t cap = window->cap > 0 ? window->cap : SLG_WINDOW_BYTES / 32;
    uint8_t *buf = NULL;

    if (want <= window->cap)
        return SEGLOG_OK;
    while (cap < want)
        cap *= 2;
    buf = realloc(window->buf, cap);
    if (!buf)
        return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                        "no memory for a read buffer");
    window->buf = buf;
    window->cap = cap;
    return SEGLOG_OK;
}

seglog_code
slg_window_init(struct slg_window *window, struct seglog_blob blob,
                const char *name, bool is_tolerant, struct seglog_error *err)
{
    memset(window, 0, sizeof *window);
    window->blob = blob;
    window->name = name;
    window->is_tolerant = is_tolerant;
    if (window_reserve(window, 1, err) != SEGLOG_OK)
        return SEGLOG_NO_MEMORY;
    return slg_window_update_size(window, err);
}

void
slg_window_reset(struct slg_window *window)
{
    free(window->buf);
    free(window->bad);
    memset(window, 0, sizeof *window);
}

seglog_code
slg_window_update_size(struct slg_window *window, struct seglog_error *err)
{
    return seglog_blob_get_size(window->blob, &window->size, NULL, err);
}

static seglog_code
bad_range_add(struct slg_window *window, uint64_t start, uint64_t end,
              bool is_forged, struct seglog_error *err)
{
    struct slg_bad_range *last =
        window->bad_count > 0 ? &window->bad[window->bad_count - 1] : NULL;

    if (slg_window_is_bad_as(window, start, end, is_forged))
        return SEGLOG_OK;
    if (last && last->end == start && last->is_forged == is_forged) {
        last->end = end;
        return SEGLOG_OK;
    }
    if (window->bad_count == window->bad_cap) {
        const size_t cap = window->bad_cap > 0 ? 2 * window->bad_cap : 16;
        struct slg_bad_range *grown = NULL;
        const struct slg_place place = { .name = window->name,
                                         .offset = start };
        if (cap > BAD_RANGES_MAX)
            return slg_fail(err, is_forged ? SEGLOG_AUTH : SEGLOG_IO, &place,
                            is_forged
                                ? "too many ranges were tampered with"
                                : "too many unreadable ranges: copy the file "
                                  "to a healthy device first");
        grown = realloc(window->bad, cap * sizeof *window->bad);
        if (!grown)
            return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                            "no memory to note an unreadable range");
        window->bad = grown;
        window->bad_cap = cap;
    }
    window->bad[window->bad_count++] =
        (struct slg_bad_range){ start, end, is_forged };
    return SEGLOG_OK;
}

/* What was forged at the end may have been cut and written anew since. */
static void
bad_ranges_drop(struct slg_window *window, uint64_t start, uint64_t end)
{
    size_t kept = 0;

    for (size_t i = 0; i < window->bad_count; i++) {
        const struct slg_bad_range *bad = &window->bad[i];

        if (!bad->is_forged || bad->end <= start || end <= bad->start)
            window->bad[kept++] = *bad;
    }
    window->bad_count = kept;
}

static seglog_code
range_read(struct slg_window *window, uint64_t offset, uint8_t *out, size_t len,
           struct seglog_error *err)
{
    const seglog_code code =
        seglog_blob_read_at(window->blob, offset, out, len, err);

    window->bytes_read += len;
    if (code == SEGLOG_OK && window->bad_count > 0)
        bad_ranges_drop(window, offset, offset + len);
    return code;
}

/*
 * What a failed read of [at, end) says to be forged: [*start, *stop).  False:
 * nothing that would make sense.
 */
static bool
forged_range(const struct seglog_error *failed, uint64_t at, uint64_t end,
             uint64_t *start, uint64_t *stop)
{
    if (failed->code != SEGLOG_AUTH)
        return false;
    *start = failed->offset > at ? failed->offset : at;
    *stop = failed->actual < end ? failed->actual : end;
    return *start < *stop;
}

/* Read what is authentic of a range that failed as a whole. */
static seglog_code
forged_probe(struct slg_window *window, uint64_t offset, uint8_t *out,
             size_t len, struct seglog_error *failed)
{
    const uint64_t end = offset + len;
    seglog_code code = SEGLOG_AUTH;

    for (uint64_t at = offset; code == SEGLOG_AUTH && at < end;) {
        uint64_t start = 0;
        uint64_t stop = 0;

        if (!forged_range(failed, at, end, &start, &stop))
            return code;
        memset(out + (start - offset), 0, (size_t)(stop - start));
        code = range_read(window, at, out + (at - offset), (size_t)(start - at),
                          failed);
        if (code == SEGLOG_OK)
            code = bad_range_add(window, start, stop, true, failed);
        at = stop;
        if (code == SEGLOG_OK && at < end)
            code = range_read(window, at, out + (at - offset),
                              (size_t)(end - at), failed);
    }
    return code;
}

/* Read what can be read of a range that failed as a whole: IO. */
static seglog_code
range_probe(struct slg_window *window, uint64_t offset, uint8_t *out,
            size_t len, struct seglog_error *err)
{
    size_t done = 0;

    while (done < len) {
        const uint64_t at = offset + done;
        size_t piece = (size_t)(PROBE_BYTES - at % PROBE_BYTES);

        if (piece > len - done)
            piece = len - done;
        struct seglog_error failed;
        seglog_code code = range_read(window, at, out + done, piece, &failed);

        if (code == SEGLOG_AUTH)
            code = forged_probe(window, at, out + done, piece, &failed);
        /* That says nothing of the bytes. */
        if (code == SEGLOG_NO_MEMORY) {
            if (err)
                *err = failed;
            return code;
        }
        if (code != SEGLOG_OK) {
            if (failed.sys_errno != 0)
                window->bad_errno = failed.sys_errno;
            memset(out + done, 0, piece);
            code = bad_range_add(window, at, at + piece, false, err);
            if (code != SEGLOG_OK)
                return code;
        }
        done += piece;
    }
    return SEGLOG_OK;
}

/*
 * A writer has cut a torn tail since the size was asked for.  What is gone
 * reads as zeros, which are never a frame: so it stays a torn tail until the
 * size is asked for again.
 */
static seglog_code
range_read_left(struct slg_window *window, uint64_t offset, uint8_t *out,
                size_t len, struct seglog_error *err)
{
    uint64_t size = 0;
    size_t left = 0;
    const seglog_code code =
        seglog_blob_get_size(window->blob, &size, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    if (size > offset)
        left = size - offset < len ? (size_t)(size - offset) : len;
    memset(out + left, 0, len - left);
    return slg_blob_read(window->blob, size < offset ? size : offset, out, left,
                         err);
}

seglog_code
slg_window_read(struct slg_window *window, uint64_t offset, uint8_t *out,
                size_t len, struct seglog_error *err)
{
    struct seglog_error failed = { .code = SEGLOG_OK };
    seglog_code code = range_read(window, offset, out, len, &failed);

    if (code == SEGLOG_OK)
        return code;
    if (code == SEGLOG_AUTH)
        code = forged_probe(window, offset, out, len, &failed);
    if (code == SEGLOG_OK)
        return code;
    if (code == SEGLOG_INVALID)
        return range_read_left(window, offset, out, len, err);
    if (code == SEGLOG_IO && window->is_tolerant)
        return range_probe(window, offset, out, len, err);
    if (err)
        *err = failed;
    return code;
}

seglog_code
slg_window_fill(struct slg_window *window, uint64_t offset, size_t len,
                struct seglog_error *err)
{
    size_t keep = 0;
    size_t want = SLG_WINDOW_BYTES;

    /* Keep what is at hand: reading forward reads every byte once. */
    if (offset >= window->start && offset - window->start < window->len) {
        keep = window->len - (size_t)(offset - window->start);
        memmove(window->buf, window->buf + (offset - window->start), keep);
    }
    window->start = offset;
    window->len = keep;
    if (want > window->size - offset)
        want = (size_t)(window->size - offset);
    /* After a jump only a little is read: the caller may jump again. */
    if (keep == 0 && want > len + SLG_WINDOW_BYTES / 8)
        want = len + SLG_WINDOW_BYTES / 8;

    seglog_code code = window_reserve(window, want, err);
    if (code == SEGLOG_OK)
        code = slg_window_read(window, offset + keep, window->buf + keep,
                               want - keep, err);
    if (code == SEGLOG_OK)
        window->len = want;
    return code;
}

seglog_code
slg_window_copy(struct slg_window *window, uint64_t offset, uint8_t *out,
                size_t len, struct seglog_error *err)
{
    const uint8_t *bytes;

    if (len > SLG_WINDOW_BYTES)
        return slg_window_read(window, offset, out, len, err);
    const seglog_code code = slg_window_look(window, offset, len, &bytes, err);
    if (code == SEGLOG_OK)
        memcpy(out, bytes, len);
    return code;
}

bool
slg_window_is_bad(const struct slg_window *window, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < window->bad_count; i++) {
        if (window->bad[i].start < end && start < window->bad[i].end)
            return true;
    }
    return false;
}

bool
slg_window_is_bad_as(const struct slg_window *window, uint64_t start,
                     uint64_t end, bool is_forged)
{
    for (size_t i = 0; i < window->bad_count; i++) {
        if (window->bad[i].is_forged == is_forged &&
            window->bad[i].start < end && start < window->bad[i].end)
            return true;
    }
    return false;
}

seglog_code
slg_blob_read(struct seglog_blob blob, uint64_t offset, void *buf, size_t len,
              struct seglog_error *err)
{
    struct slg_window window = { .blob = blob, .name = "" };
    const seglog_code code = seglog_blob_read_at(blob, offset, buf, len, err);

    if (code != SEGLOG_AUTH)
        return code;
    const seglog_code again = slg_window_read(&window, offset, buf, len, err);
    slg_window_reset(&window);
    return again;
}
