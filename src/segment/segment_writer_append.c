/* SPDX-License-Identifier: MIT */
/* src/segment/segment_writer_append.c - records, groups and gaps. */
#include <inttypes.h>
#include <string.h>

#include "src/segment/segment_writer.h"
#include "src/store/fail.h"

/*
 * The way of a record that fits, in a writer that is well, is kept short and
 * free of calls; whatever is wrong is found out anew by functions out of line.
 * It shows where each append is a write of its own, for after a system call
 * code has to come back into the caches, and returns are not foreseen.
 */
#define OUT_OF_LINE __attribute__((noinline, cold))

OUT_OF_LINE static seglog_code
fail_call(const struct seglog_writer *writer, seglog_code code,
          struct seglog_error *err, const char *what)
{
    const struct slg_place place = slg_writer_place(writer);

    return slg_fail(err, code, &place, "%s", what);
}

OUT_OF_LINE static seglog_code
fail_null(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "the writer is NULL");
}

/* -- what may be appended ------------------------------------------------- */

static inline bool
item_is_good(const struct seglog_writer *writer, enum seglog_kind kind,
             const void *data, size_t len)
{
    if ((unsigned)kind - 1 > SEGLOG_TAIL - 1 || len > writer->limits.body_max)
        return false;
    if (len == 0)
        return true;
    return data && (kind == SEGLOG_BYTES || !memchr(data, '\n', len));
}

OUT_OF_LINE static seglog_code
fail_item(const struct seglog_writer *writer, enum seglog_kind kind,
          const void *data, size_t len, struct seglog_error *err)
{
    const struct slg_place place = slg_writer_place(writer);

    if ((unsigned)kind - 1 > SEGLOG_TAIL - 1)
        return fail_call(writer, SEGLOG_INVALID, err,
                         "there is no such kind of record");
    if (len > writer->limits.body_max)
        return slg_fail(err, SEGLOG_TOO_LARGE, &place,
                        "a record of %zu bytes; the segment takes up to "
                        "%" PRIu64,
                        len, writer->limits.body_max);
    if (!data)
        return fail_call(writer, SEGLOG_INVALID, err, "the data is NULL");
    return fail_call(writer, SEGLOG_INVALID, err,
                     "a text record holds a line feed; append its lines one "
                     "by one, or as a BYTES record");
}

/* The sum cannot overflow: it is compared with 2^27 at most at each step. */
static seglog_code
group_check(const struct seglog_writer *writer, const struct seglog_item *items,
            size_t count, uint64_t *body_len, struct seglog_error *err)
{
    const uint64_t body_max = writer->limits.body_max;
    uint64_t len = slg_varint_len(count);

    for (size_t i = 0; i < count; i++) {
        const struct seglog_item *item = &items[i];

        if (!item_is_good(writer, item->kind, item->data, item->len))
            return fail_item(writer, item->kind, item->data, item->len, err);
        len += slg_varint_len((uint64_t)item->len * 4) + item->len;
        if (len > body_max) {
            const struct slg_place place = slg_writer_place(writer);

            return slg_fail(err, SEGLOG_TOO_LARGE, &place,
                            "a group of %zu records that needs more than the "
                            "%" PRIu64 " bytes of a frame",
                            count, body_max);
        }
    }
    *body_len = len;
    return SEGLOG_OK;
}

/* -- into the buffer ------------------------------------------------------ */

/* Bring planned up to date, and see whether there are numbers for count more
 * records and lines. */
static seglog_code
writer_prepare(struct seglog_writer *writer, uint64_t count, uint64_t lines,
               struct seglog_error *err)
{
    const struct slg_point *at = &writer->planned;

    if (writer->is_poisoned)
        return slg_writer_fail_poisoned(writer, err);
    if (writer->is_stale) {
        const seglog_code code = slg_writer_rebase(writer, err);

        if (code != SEGLOG_OK)
            return code;
    }
    if (count > SLG_NUMBER_MAX - at->number ||
        lines > SLG_NUMBER_MAX - at->line)
        return fail_call(writer, SEGLOG_TOO_LARGE, err,
                         "there are no record numbers left; begin a new "
                         "segment");
    return SEGLOG_OK;
}

/*
 * Room for the next frame: what is buffered goes first if both do not fit.
 * LOCKED is no reason not to buffer the frame: there is room all the same.
 */
static seglog_code
writer_make_room(struct seglog_writer *writer, uint64_t frame_len,
                 uint64_t body_len, struct seglog_error *err)
{
    const size_t cost = slg_writer_cost(writer, frame_len, body_len);
    seglog_code code = SEGLOG_OK;
    seglog_code room = SEGLOG_OK;

    if (writer->frames.len > 0 &&
        writer->frames.len + cost > writer->buffer_bytes)
        code = slg_writer_flush(writer, err);
    if (code != SEGLOG_OK && code != SEGLOG_LOCKED)
        return code;
    room = slg_frames_reserve(&writer->frames, frame_len, err);
    return room == SEGLOG_OK ? code : room;
}

/* Nothing is to be done before a frame of this length is buffered. */
static inline bool
writer_is_ready(const struct seglog_writer *writer, uint64_t frame_len,
                size_t count)
{
    const struct slg_point *at = &writer->planned;
    const struct slg_frames *frames = &writer->frames;
    const size_t room =
        frames->cap < writer->buffer_bytes ? frames->cap : writer->buffer_bytes;

    return !writer->is_poisoned && !writer->is_stale &&
           frames->len + frame_len + SLG_FRAME_ROOM <= room &&
           count <= SLG_NUMBER_MAX - at->number &&
           count <= SLG_NUMBER_MAX - at->line;
}

OUT_OF_LINE static seglog_code
writer_get_ready(struct seglog_writer *writer, uint64_t frame_len,
                 uint64_t body_len, size_t count, struct seglog_error *err)
{
    seglog_code code = writer_prepare(writer, count, count, err);
    seglog_code numbers = SEGLOG_OK;

    if (code == SEGLOG_OK)
        code = writer_make_room(writer, frame_len, body_len, err);
    if (code != SEGLOG_OK && code != SEGLOG_LOCKED)
        return code;
    /* Others may have taken numbers before what was flushed to make room. */
    numbers = writer_prepare(writer, count, count, err);
    return numbers == SEGLOG_OK ? code : numbers;
}

/*
 * The frame just buffered cannot be written.  Only it is taken back: what was
 * buffered before has been promised its place.
 */
OUT_OF_LINE static seglog_code
writer_take_back(struct seglog_writer *writer, size_t count, seglog_code code)
{
    struct slg_frames *frames = &writer->frames;

    if (code == SEGLOG_LOCKED || frames->len == 0)
        return code;
    frames->len = frames->last;
    frames->records -= count;
    writer->is_stale = true;
    return code;
}

/* The frame just buffered is to get as far as level says. */
static inline seglog_code
writer_commit(struct seglog_writer *writer, size_t count,
              enum seglog_level level, uint64_t *record_no,
              struct seglog_error *err)
{
    const seglog_code code = writer->mode == SEGLOG_WRITER_SHARED
                                 ? slg_writer_flush(writer, err)
                                 : slg_writer_write(writer, err);

    if (code != SEGLOG_OK)
        return writer_take_back(writer, count, code);
    if (level == SEGLOG_LEVEL_SYNC && slg_writer_sync(writer, err) != SEGLOG_OK)
        return slg_writer_poison(writer, err);
    if (record_no)
        *record_no = writer->flushed.number - count;
    return SEGLOG_OK;
}

seglog_code
seglog_writer_append(struct seglog_writer *writer, enum seglog_kind kind,
                     const void *data, size_t len, enum seglog_level level,
                     uint64_t *record_no, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;
    uint64_t frame_len = 0;

    if (record_no)
        *record_no = 0;
    if (!writer)
        return fail_null(err);
    if (!item_is_good(writer, kind, data, len))
        return fail_item(writer, kind, data, len, err);
    if ((unsigned)level > SEGLOG_LEVEL_APPEND)
        return fail_call(writer, SEGLOG_INVALID, err, "there is no such level");
    frame_len = slg_frame_len(len, &writer->limits);
    if (!writer_is_ready(writer, frame_len, 1))
        code = writer_get_ready(writer, frame_len, len, 1, err);
    if (code != SEGLOG_OK && code != SEGLOG_LOCKED)
        return code;
    slg_writer_put_record(writer, kind, data, len, frame_len);
    if (code != SEGLOG_OK || level == SEGLOG_LEVEL_APPEND)
        return code;
    return writer_commit(writer, 1, level, record_no, err);
}

seglog_code
seglog_writer_append_group(struct seglog_writer *writer,
                           const struct seglog_item *items, size_t count,
                           enum seglog_level level, uint64_t *first_record_no,
                           struct seglog_error *err)
{
    uint64_t body_len = 0;
    uint64_t frame_len = 0;
    seglog_code code = SEGLOG_OK;

    if (first_record_no)
        *first_record_no = 0;
    if (!writer)
        return fail_null(err);
    if (!items || count == 0)
        return fail_call(writer, SEGLOG_INVALID, err, "a group of no records");
    if (count == 1)
        return seglog_writer_append(writer, items->kind, items->data,
                                    items->len, level, first_record_no, err);
    if ((unsigned)level > SEGLOG_LEVEL_APPEND)
        return fail_call(writer, SEGLOG_INVALID, err, "there is no such level");
    code = group_check(writer, items, count, &body_len, err);
    if (code != SEGLOG_OK)
        return code;
    frame_len = slg_frame_len(body_len, &writer->limits);
    code = writer_get_ready(writer, frame_len, body_len, count, err);
    if (code != SEGLOG_OK && code != SEGLOG_LOCKED)
        return code;
    slg_writer_put_group(writer, items, count, (uint32_t)body_len, frame_len);
    if (code != SEGLOG_OK || level == SEGLOG_LEVEL_APPEND)
        return code;
    return writer_commit(writer, count, level, first_record_no, err);
}

/* -- recorded gaps -------------------------------------------------------- */

static const char *
gap_fault(const struct seglog_finding *gap, uint64_t number)
{
    if (gap->first_record != number)
        return "first_record is not the next record";
    if (gap->last_record < gap->first_record)
        return "last_record is before first_record";
    if (gap->lines > gap->last_record - gap->first_record + 1)
        return "more lines than records were lost";
    if ((unsigned)gap->verdict - 1 > SEGLOG_VERDICT_IO - 1)
        return "that is no verdict of a loss";
    if ((unsigned)gap->cause > SEGLOG_CAUSE_DROPPED)
        return "there is no such cause";
    if ((unsigned)gap->durable > SEGLOG_DURABLE_YES)
        return "there is no such value of durable";
    if (gap->has_shift && gap->shift == INT64_MIN)
        return "the shift is out of range";
    return NULL;
}

seglog_code
seglog_writer_append_gap(struct seglog_writer *writer,
                         const struct seglog_finding *gap,
                         struct seglog_error *err)
{
    struct slg_gap encoded = { 0 };
    const char *fault = NULL;
    seglog_code code = SEGLOG_OK;

    if (!writer || !gap)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the writer or gap is NULL");
    if (writer->mode == SEGLOG_WRITER_SHARED)
        return fail_call(writer, SEGLOG_INVALID, err,
                         "a shared writer knows no next record");
    code = writer_prepare(writer, 0, 0, err);
    if (code != SEGLOG_OK)
        return code;
    fault = gap_fault(gap, writer->planned.number);
    if (fault)
        return fail_call(writer, SEGLOG_INVALID, err, fault);
    encoded = (struct slg_gap){
        .verdict = (uint8_t)gap->verdict,
        .cause = (uint8_t)gap->cause,
        .durable = (uint8_t)gap->durable,
        .count = gap->last_record - gap->first_record + 1,
        .lines = gap->lines,
        .first_byte = gap->first_byte,
        .byte_count = gap->byte_count,
        .shift = gap->has_shift ? gap->shift : INT64_MIN,
        .depends_on = gap->depends_on,
    };
    code = writer_prepare(writer, encoded.count, encoded.lines, err);
    if (code == SEGLOG_OK)
        code = writer_make_room(writer, SLG_GAP_BYTES, SLG_GAP_BYTES, err);
    if (code == SEGLOG_OK)
        slg_writer_put_gap(writer, &encoded);
    return code;
}
