/* SPDX-License-Identifier: MIT */
/* src/segment/segment_reader_wait.c - is there more now? */
#include <string.h>

#include "src/segment/segment_reader.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"

/* -- ends of the same size ------------------------------------------------ */

static bool
tail_read(const struct seglog_reader *reader, uint64_t size, uint8_t *tail)
{
    const size_t len =
        size < SLG_TAIL_SEEN_BYTES ? (size_t)size : SLG_TAIL_SEEN_BYTES;

    memset(tail, 0, SLG_TAIL_SEEN_BYTES);
    return seglog_blob_read_at(reader->blob, size - len, tail, len, NULL) ==
           SEGLOG_OK;
}

void
slg_reader_note_tail(struct seglog_reader *reader)
{
    const uint64_t size = reader->walk.window.size;

    reader->tail_size = 0;
    if (size > reader->walk.at.pos && tail_read(reader, size, reader->tail))
        reader->tail_size = size;
}

bool
slg_reader_is_tail_other(const struct seglog_reader *reader)
{
    uint8_t tail[SLG_TAIL_SEEN_BYTES];

    return reader->tail_size == reader->walk.window.size &&
           reader->tail_size != 0 &&
           tail_read(reader, reader->tail_size, tail) &&
           memcmp(tail, reader->tail, sizeof tail) != 0;
}

/* The frame that was passed last is not the last one any more. */
static bool
is_passed_other(const struct seglog_reader *reader)
{
    uint8_t checksum[SLG_CHECKSUM_BYTES];
    const uint64_t pos = reader->walk.at.pos;

    return reader->walk.window.size == pos && reader->passed_end == pos &&
           seglog_blob_read_at(reader->blob, pos - sizeof checksum, checksum,
                               sizeof checksum, NULL) == SEGLOG_OK &&
           memcmp(checksum, reader->passed_checksum, sizeof checksum) != 0;
}

/* -- waiting --------------------------------------------------------------- */

/* END: nothing has changed. */
static seglog_code
change_look(const struct seglog_reader *reader, struct seglog_error *err)
{
    const struct slg_place place = { .name = reader->name,
                                     .record_no = reader->walk.at.number,
                                     .line_no = reader->walk.at.line,
                                     .offset = reader->walk.at.pos };
    uint64_t size = 0;
    bool is_replaced = false;
    const seglog_code code =
        seglog_blob_get_size(reader->blob, &size, &is_replaced, err);

    if (code != SEGLOG_OK)
        return code;
    /* A headless walk has no window to remember the size in. */
    if (size != reader->walk.window.size || slg_reader_is_tail_other(reader) ||
        is_passed_other(reader))
        return SEGLOG_OK;
    if (is_replaced)
        return slg_fail(err, SEGLOG_SEALED, &place,
                        "the segment was replaced by another of the same "
                        "name: open it again");
    return SEGLOG_END;
}

seglog_code
seglog_reader_wait(struct seglog_reader *reader, int timeout_ms,
                   struct seglog_error *err)
{
    const int64_t deadline_ns = slg_deadline_ns(timeout_ms);
    seglog_code code = change_look(reader, err);

    while (code == SEGLOG_END) {
        /* The store waits for another size.  Where a torn end may give way to
         * as many bytes, it does so for a while only. */
        const bool is_sliced = reader->tail_size != 0;
        const int64_t slice_ns = slg_deadline_ns(SLG_POLL_MS);
        const int left_ms = slg_deadline_left_ms(deadline_ns, SLG_POLL_MS);

        code = seglog_blob_wait(reader->blob, reader->walk.window.size,
                                is_sliced ? left_ms : timeout_ms, err);
        if (code == SEGLOG_OK)
            code = change_look(reader, err);
        /* Early without a change: a signal. */
        if (!is_sliced || left_ms < SLG_POLL_MS ||
            slg_deadline_left_ns(slice_ns) > 0)
            break;
    }
    return code;
}
