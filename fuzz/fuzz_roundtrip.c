/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_roundtrip.c - any program of writer calls, against a plain list.
 *
 * The input is a few bytes of options and then one call after the other: any
 * kind of record, groups, recorded gaps, flush and sync, closing and opening
 * again in any mode, a second writer, truncations, appends and syncs that
 * fail, and tears: the segment is cut at any byte, as after a crash, and gone
 * on with.
 *
 * What flush acknowledged is there, in order, with its number and its bytes,
 * but for what was cut; and the scan finds nothing wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/odd_store.h"
#include "fuzz/support.h"
#include "src/codec/zrun.h"

enum {
    ITEMS_MAX = 3000,
    GROUP_MAX = 9,
    WRITERS = 2,
    TEARS_MAX = 20,
    BYTES_MAX = 1 << 21 /* of all records together */
};

static const uint8_t identity[SEGLOG_IDENTITY_BYTES] = { 0x0D, 0xDB, 0xA1 };

/* A record, or a recorded gap. */
struct item {
    bool is_gap;
    enum seglog_kind kind;
    uint64_t group_left;
    size_t start;
    size_t len;
    uint64_t number;
    uint64_t line;
    uint64_t count; /* gap: records, and as many lines */
};

struct items {
    struct item *at;
    size_t count;
    uint64_t records;
};

/* A writer and what it holds that nobody else has seen. */
struct desk {
    struct seglog_writer *writer;
    struct items pending;
    bool is_poisoned;
    bool has_failed; /* and may be poisoned by taking back what it wrote */
};

struct world {
    struct input input;
    struct seglog_store memory;
    struct odd_store odd;
    struct seglog_store store;
    struct seglog_writer_options options;
    char name[16];
    unsigned tears;
    unsigned passed_over; /* torn tails that stay in the segment */
    struct desk desks[WRITERS];
    unsigned desk;     /* the one in use */
    struct items told; /* in the segment */
    uint64_t next_number;
    uint64_t next_line;
    uint8_t *bytes; /* of all records */
    size_t len;
    size_t made;
    struct seglog_reader *reader; /* follows */
    struct reading heard;
    size_t told_heard; /* of told, how many the reader has had */
};

/* -- items ----------------------------------------------------------------- */

static void
items_add(struct items *items, const struct item *item)
{
    MUST(items->count < ITEMS_MAX);
    if (!items->at) {
        items->at = calloc(ITEMS_MAX, sizeof *items->at);
        MUST(items->at != NULL);
    }
    items->at[items->count++] = *item;
    items->records += !item->is_gap;
}

static void
items_drop_first(struct items *items)
{
    items->records -= !items->at->is_gap;
    items->count--;
    memmove(items->at, items->at + 1, items->count * sizeof *items->at);
}

/* The first of what a writer holds has got its place. */
static void
world_tell(struct world *w, struct items *pending)
{
    struct item item = pending->at[0];

    items_drop_first(pending);
    item.number = w->next_number;
    item.line = w->next_line;
    w->next_number += item.is_gap ? item.count : 1;
    w->next_line += item.is_gap ? item.count : item.kind != SEGLOG_PART;
    items_add(&w->told, &item);
}

/*
 * What of a writer's items has been written since?  It says itself; it writes
 * all or nothing, and what is left must be what it says it holds.
 */
static void
desk_settle(struct world *w)
{
    struct desk *desk = &w->desks[w->desk];
    /* A shared writer does not know the end as long as it writes nothing. */
    const bool is_shared = w->options.mode == SEGLOG_WRITER_SHARED;
    const bool is_counted = is_shared && !desk->is_poisoned;
    const uint64_t before = w->next_number;
    struct seglog_writer_state state;

    seglog_writer_get_state(desk->writer, &state);
    while (desk->pending.count > 0 &&
           (is_counted ? desk->pending.records > state.buffered
                       : w->next_number < state.next_record))
        world_tell(w, &desk->pending);
    if (!is_shared || w->next_number > before)
        MUST(state.next_record == w->next_number);
    if (!desk->is_poisoned) {
        MUST(state.buffered == desk->pending.records);
        MUST(state.watermark < state.next_record);
        MUST(!is_shared || state.next_line <= w->next_line);
    } else {
        desk->pending.count = 0;
        desk->pending.records = 0;
    }
}

/* Is what a failed call was to append to be forgotten? */
static void
desk_after(struct world *w, seglog_code code, size_t added)
{
    struct desk *desk = &w->desks[w->desk];

    MUST(code == SEGLOG_OK || code == SEGLOG_NO_SPACE || code == SEGLOG_IO ||
         code == SEGLOG_POISONED);
    desk->has_failed |= code != SEGLOG_OK;
    if (code == SEGLOG_POISONED || (code == SEGLOG_IO && added == 0)) {
        desk->is_poisoned = true;
    } else if (code != SEGLOG_OK) {
        for (size_t i = 0; i < added; i++) {
            const struct item *last = &desk->pending.at[--desk->pending.count];
            desk->pending.records -= !last->is_gap;
        }
    }
    desk_settle(w);
}

/* -- calls ----------------------------------------------------------------- */

/* Bytes of the input, and then more of the same length as the number says. */
static const uint8_t *
payload_take(struct world *w, enum seglog_kind kind, size_t len)
{
    uint8_t *bytes = w->bytes + w->len;
    size_t given = len < 12 ? len : 12;
    const uint8_t *from = input_bytes(&w->input, &given);

    MUST(len <= BYTES_MAX - w->len);
    if (given > 0)
        memcpy(bytes, from, given);
    for (size_t i = given; i < len; i++)
        bytes[i] = (uint8_t)(w->made * 31 + i);
    for (size_t i = 0; kind != SEGLOG_BYTES && i < len; i++)
        bytes[i] = bytes[i] == '\n' ? ' ' : bytes[i];
    w->made++;
    w->len += len;
    return bytes;
}

static struct item
item_make(struct world *w, enum seglog_kind kind, size_t len)
{
    const struct item item = { .kind = kind, .start = w->len, .len = len };

    (void)payload_take(w, kind, len);
    return item;
}

static bool
world_has_room(const struct world *w, size_t items, size_t bytes)
{
    return w->told.count + w->desks[0].pending.count +
                   w->desks[1].pending.count + items <
               ITEMS_MAX &&
           bytes <= BYTES_MAX - w->len;
}

static enum seglog_kind
kind_take(unsigned arg)
{
    return (enum seglog_kind)(SEGLOG_TEXT + (arg & 3));
}

static enum seglog_level
level_take(unsigned arg)
{
    static const enum seglog_level levels[] = { SEGLOG_LEVEL_FLUSH,
                                                SEGLOG_LEVEL_SYNC,
                                                SEGLOG_LEVEL_APPEND,
                                                SEGLOG_LEVEL_APPEND };

    return levels[arg >> 2 & 3];
}

/* The number that the call gave is that of the item. */
static void
number_must_be(const struct world *w, enum seglog_level level, seglog_code code,
               uint64_t number, size_t records)
{
    if (level == SEGLOG_LEVEL_APPEND || code != SEGLOG_OK)
        MUST(number == 0);
    else
        MUST(number == w->next_number - records);
}

static void
record_append(struct world *w, unsigned arg, size_t len)
{
    struct desk *desk = &w->desks[w->desk];
    const enum seglog_level level = level_take(arg);
    const enum seglog_kind kind = kind_take(arg);
    uint64_t number = 77;

    if (!world_has_room(w, 1, len))
        return;
    const struct item item = item_make(w, kind, len);
    if (len > (size_t)1 << w->options.body_log2) {
        MUST(seglog_writer_append(desk->writer, kind, w->bytes + item.start,
                                  len, level, &number,
                                  NULL) == SEGLOG_TOO_LARGE);
        return;
    }
    items_add(&desk->pending, &item);
    const seglog_code code = seglog_writer_append(
        desk->writer, kind, w->bytes + item.start, len, level, &number, NULL);
    desk_after(w, code, 1);
    if (!desk->is_poisoned)
        number_must_be(w, level, code, number, 1);
}

/* Lengths at which something changes. */
static size_t
length_take(struct world *w)
{
    const size_t body_max = (size_t)1 << w->options.body_log2;
    const size_t lengths[] = {
        0,     1,     255,      256,          600,          2000,
        11440, 11441, body_max, body_max - 1, body_max + 1, 65535,
        65536, 65537, 66000,    100,
    };

    return lengths[input_byte(&w->input) & 15];
}

static void
group_append(struct world *w, unsigned arg)
{
    struct desk *desk = &w->desks[w->desk];
    const size_t count = 1 + input_byte(&w->input) % GROUP_MAX;
    const enum seglog_level level = level_take(arg);
    struct seglog_item out[GROUP_MAX];
    uint64_t number = 77;

    if (!world_has_room(w, GROUP_MAX, GROUP_MAX * 256u))
        return;
    for (size_t i = 0; i < count; i++) {
        const unsigned shape = input_byte(&w->input);
        const size_t len = shape & 128 ? shape & 127 : shape >> 4;
        struct item item = item_make(w, kind_take(shape), len);

        item.group_left = count - 1 - i;
        items_add(&desk->pending, &item);
        out[i] = (struct seglog_item){ .kind = item.kind,
                                       .data = w->bytes + item.start,
                                       .len = len };
    }
    const seglog_code code = seglog_writer_append_group(
        desk->writer, out, count, level, &number, NULL);
    if (code == SEGLOG_TOO_LARGE) {
        desk->pending.count -= count;
        desk->pending.records -= count;
        return;
    }
    desk_after(w, code, count);
    if (!desk->is_poisoned)
        number_must_be(w, level, code, number, count);
}

static void
gap_append(struct world *w, unsigned arg)
{
    struct desk *desk = &w->desks[w->desk];
    uint64_t next = w->next_number;
    struct seglog_finding gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                  .cause = SEGLOG_CAUSE_CHECKSUM };
    struct item item = { .is_gap = true, .count = 1 + arg };

    if (!world_has_room(w, 1, 0))
        return;
    for (size_t i = 0; i < desk->pending.count; i++)
        next += desk->pending.at[i].is_gap ? desk->pending.at[i].count : 1;
    gap.first_record = next;
    gap.last_record = next + arg;
    gap.lines = item.count;
    if (w->options.mode == SEGLOG_WRITER_SHARED) {
        MUST(seglog_writer_append_gap(desk->writer, &gap, NULL) ==
             SEGLOG_INVALID);
        return;
    }
    items_add(&desk->pending, &item);
    desk_after(w, seglog_writer_append_gap(desk->writer, &gap, NULL), 1);
}

static void
desk_flush(struct world *w, bool is_sync)
{
    struct desk *desk = &w->desks[w->desk];
    const seglog_code code = is_sync ? seglog_writer_sync(desk->writer, NULL)
                                     : seglog_writer_flush(desk->writer, NULL);
    struct seglog_writer_state state;

    desk_after(w, code, 0);
    if (code != SEGLOG_OK)
        return;
    MUST(desk->pending.count == 0);
    seglog_writer_get_state(desk->writer, &state);
    if (is_sync && w->options.mode != SEGLOG_WRITER_SHARED &&
        w->told.records > 0 && !w->told.at[w->told.count - 1].is_gap)
        MUST(state.watermark == w->next_number - 1);
}

/* -- what is there --------------------------------------------------------- */

static void
heard_must_be(const struct world *w, const struct reading *reading,
              const struct heard *heard, const struct item *item)
{
    MUST(heard->is_gap == item->is_gap);
    if (heard->is_gap) {
        MUST(heard->gap.is_recorded && heard->gap.first_record == item->number);
        MUST(heard->gap.last_record == item->number + item->count - 1);
        MUST(heard->gap.line == item->line && heard->gap.lines == item->count);
        return;
    }
    MUST(heard->record.record_no == item->number);
    MUST(heard->record.line_no == item->line);
    MUST(heard->record.kind == item->kind && heard->record.is_confirmed);
    MUST(heard->record.group_left == item->group_left);
    MUST(heard->record.len == item->len);
    if (item->len > 0)
        MUST(memcmp(reading->bytes + heard->start, w->bytes + item->start,
                    item->len) == 0);
}

/* A reader that was opened long ago has everything up to now. */
static void
reader_must_follow(struct world *w)
{
    const struct seglog_reader_options options = { .size = sizeof options };
    seglog_code code = SEGLOG_OK;

    if (!w->reader)
        MUST(seglog_reader_open(w->store, w->name, &options, &w->reader,
                                NULL) == SEGLOG_OK);
    while ((code = reading_next(&w->heard, w->reader)) == SEGLOG_OK) {
        MUST(w->told_heard < w->told.count);
        heard_must_be(w, &w->heard, &w->heard.events[w->heard.count - 1],
                      &w->told.at[w->told_heard++]);
    }
    MUST(code == SEGLOG_END && w->told_heard == w->told.count);
}

static void
reader_leave(struct world *w)
{
    seglog_reader_close(w->reader);
    reading_free(&w->heard);
    w->reader = NULL;
    w->told_heard = 0;
}

static void
segment_must_be_sound(struct world *w, bool is_closed)
{
    struct survey survey;

    survey_take(&survey, w->store, w->name, 0);
    MUST(survey.code == SEGLOG_OK);
    for (size_t i = 0; i < survey.finding_count; i++)
        MUST(survey.findings[i].verdict == SEGLOG_VERDICT_TORN);
    /* Two of them are one where the length in the first leads behind both. */
    MUST(survey.finding_count <= w->passed_over);
    MUST(survey.summary.records == w->told.records);
    MUST(survey.summary.next_record == w->next_number);
    MUST(survey.summary.next_line == w->next_line);
    MUST(!is_closed || survey.summary.is_closed);
    survey_free(&survey);
}

/* From the front, and from some place on. */
static void
segment_must_read_back(struct world *w)
{
    struct seglog_reader_options options = { .size = sizeof options };
    struct reading reading;
    size_t at = 0;

    options.salvage = w->passed_over == 0;
    options.from_record = w->next_number * input_byte(&w->input) / 256;
    reading_take(&reading, w->store, w->name, &options);
    MUST(reading.code == SEGLOG_END);
    while (at < w->told.count &&
           w->told.at[at].number +
                   (w->told.at[at].is_gap ? w->told.at[at].count : 1) <=
               options.from_record)
        at++;
    MUST(reading.count == w->told.count - at);
    for (size_t i = 0; i < reading.count; i++)
        heard_must_be(w, &reading, &reading.events[i], &w->told.at[at + i]);
    reading_free(&reading);
}

/* -- opening and closing --------------------------------------------------- */

static void
desk_open(struct world *w)
{
    struct desk *desk = &w->desks[w->desk];

    w->odd.fail_append_in = 0;
    w->odd.fail_sync_in = 0;
    desk->is_poisoned = false;
    desk->has_failed = false;
    MUST(seglog_writer_open(w->store, w->name, &w->options, &desk->writer,
                            NULL) == SEGLOG_OK);
    desk_settle(w);
}

/* All that the writer holds is written at once, or nothing of it. */
static void
desk_close_failed(struct world *w, struct desk *desk)
{
    const uint64_t before = w->next_number;
    struct survey survey;
    uint64_t next = 0;

    survey_take(&survey, w->store, w->name, 0);
    MUST(survey.code == SEGLOG_OK);
    next = survey.summary.next_record;
    survey_free(&survey);
    while (desk->pending.count > 0 && w->next_number < next)
        world_tell(w, &desk->pending);
    MUST(w->next_number == next);
    MUST(next == before || desk->pending.count == 0);
    desk->pending.count = 0;
    desk->pending.records = 0;
}

static void
desk_close(struct world *w)
{
    struct desk *desk = &w->desks[w->desk];
    const bool may_fail = desk->has_failed || w->odd.fail_append_in > 0 ||
                          w->odd.fail_sync_in > 0;
    const seglog_code code = seglog_writer_close(desk->writer, NULL);

    desk->writer = NULL;
    MUST(may_fail || code == SEGLOG_OK);
    w->odd.fail_append_in = 0;
    w->odd.fail_sync_in = 0;
    if (code != SEGLOG_OK) {
        desk_close_failed(w, desk);
        return;
    }
    while (desk->pending.count > 0)
        world_tell(w, &desk->pending);
    segment_must_be_sound(w, !w->options.no_closing_mark);
}

static void
desks_close(struct world *w)
{
    for (w->desk = 0; w->desk < WRITERS; w->desk++) {
        if (w->desks[w->desk].writer)
            desk_close(w);
    }
    w->desk = 0;
}

static void
mode_take(struct world *w, unsigned arg)
{
    w->options.mode = (enum seglog_writer_mode)(arg % 3);
    w->options.no_closing_mark = (arg & 8) != 0;
}

/* The other writer: there is one in shared mode only. */
static void
desk_switch(struct world *w)
{
    struct seglog_writer *writer = NULL;

    if (w->options.mode == SEGLOG_WRITER_SHARED) {
        w->desk = 1 - w->desk;
        if (!w->desks[w->desk].writer)
            desk_open(w);
    } else if (w->options.mode == SEGLOG_WRITER_EXCLUSIVE) {
        struct seglog_writer_options options = w->options;

        options.lock_timeout_ms = 1;
        MUST(seglog_writer_open(w->store, w->name, &options, &writer, NULL) ==
             SEGLOG_LOCKED);
    }
}

/* -- tears ----------------------------------------------------------------- */

/* Keep the first bytes: what is left of what was told, and where it ends. */
static uint64_t
told_cut(struct world *w, const struct survey *survey, size_t len)
{
    const uint64_t first =
        w->options.first_record > 0 ? w->options.first_record : 1;
    uint64_t end = len < 54 ? 0 : 54;
    size_t kept = 0;

    w->next_number = w->next_line = first;
    for (size_t i = 0; i < survey->frame_count; i++) {
        const struct seglog_frame *frame = &survey->frames[i];

        if (frame->offset + frame->len > len)
            break;
        end = frame->offset + frame->len;
        w->next_number = frame->first_record + frame->count;
    }
    w->told.records = 0;
    for (; kept < w->told.count && w->told.at[kept].number < w->next_number;
         kept++) {
        const struct item *item = &w->told.at[kept];

        w->told.records += !item->is_gap;
        w->next_line = item->line +
                       (item->is_gap ? item->count : item->kind != SEGLOG_PART);
    }
    w->told.count = kept;
    return end;
}

/* Findings of the part that is kept: torn tails passed over before. */
static unsigned
passed_over_count(const struct survey *survey, uint64_t end)
{
    unsigned count = 0;

    for (size_t i = 0; i < survey->finding_count; i++)
        count +=
            survey->findings[i].first_byte + survey->findings[i].byte_count <
            end;
    return count;
}

/*
 * Zeros behind the cut, as a crash leaves them: not behind a part of a mark,
 * nor where a zero stood, or they would mend the frame.
 */
static size_t
junk_len(const uint8_t *bytes, size_t end, size_t len, size_t size,
         unsigned arg)
{
    if ((arg & 4) == 0 || end == 0 || (end < size && bytes[end] == 0xC0) ||
        (len < size && bytes[len] == 0))
        return 0;
    return arg & 2 ? 37 : 600;
}

static void
world_tear(struct world *w, unsigned arg)
{
    const size_t back = (size_t)input_number(&w->input, arg & 1 ? 2 : 1);
    struct survey survey;
    struct seglog_writer_state state;
    size_t size = 0;
    size_t len = 0;

    if (w->tears == TEARS_MAX)
        return;
    desks_close(w);
    reader_leave(w);
    survey_take(&survey, w->store, w->name, 0);
    uint8_t *bytes = blob_get(w->store, w->name, &size);
    len = size - (back < size ? back : size);
    const size_t end = (size_t)told_cut(w, &survey, len);
    /* Two torn marks one behind the other can look like one damaged one. */
    if (w->odd.cannot_cut && len > end + 53 && bytes[end] == 0xC0)
        len = end + 53;
    w->passed_over = passed_over_count(&survey, end);
    const uint64_t epoch = survey.summary.epoch;
    const size_t junk = junk_len(bytes, end, len, size, arg);
    bytes = realloc(bytes, len + junk + 1);
    MUST(bytes != NULL);
    memset(bytes + len, 0, junk);
    len += junk;

    (void)snprintf(w->name, sizeof w->name, "s%u", ++w->tears);
    blob_put(w->memory, w->name, bytes, len);
    free(bytes);
    survey_free(&survey);
    mode_take(w, arg >> 1);
    /* A store that cannot cut cannot make a segment of half a header. */
    if (end == 0 && w->odd.cannot_cut && len > 0) {
        MUST(seglog_store_remove(w->memory, w->name, NULL) == SEGLOG_OK);
        len = 0;
    }
    desk_open(w);
    seglog_writer_get_state(w->desks[w->desk].writer, &state);
    MUST(state.torn_bytes == len - end);
    MUST(end == len || end == 0 || state.epoch >> 32 > 0);
    MUST(state.epoch >> 32 <= (epoch >> 32) + 1);
    if (end > 0 && end < len && w->odd.cannot_cut)
        w->passed_over++;
}

/* -- truncations ----------------------------------------------------------- */

/* The last group that is told of has lost its end. */
static void
group_shorten(struct items *told)
{
    const uint64_t gone =
        told->count > 0 ? told->at[told->count - 1].group_left : 0;

    for (size_t i = told->count; gone > 0 && i-- > 0;) {
        struct item *item = &told->at[i];
        const bool is_first =
            i == 0 || item[-1].group_left != item->group_left + 1;

        item->group_left -= gone;
        if (is_first)
            break;
    }
}

static void
told_truncate(struct world *w, uint64_t next)
{
    struct items *told = &w->told;
    const struct item *last = NULL;

    while (told->count > 0 && told->at[told->count - 1].number >= next) {
        told->records -= !told->at[told->count - 1].is_gap;
        told->count--;
    }
    group_shorten(told);
    w->next_number = next;
    w->next_line = w->options.first_record > 0 ? w->options.first_record : 1;
    if (told->count == 0)
        return;
    last = &told->at[told->count - 1];
    w->next_line =
        last->line + (last->is_gap ? last->count : last->kind != SEGLOG_PART);
}

static bool
is_in_gap(const struct world *w, uint64_t next)
{
    for (size_t i = w->told.count; i-- > 0;) {
        const struct item *item = &w->told.at[i];

        if (item->number < next)
            return item->is_gap && next < item->number + item->count;
    }
    return false;
}

/* Alone: a writer beside it would have to open the segment again. */
static void
world_truncate(struct world *w)
{
    const uint64_t first =
        w->options.first_record > 0 ? w->options.first_record : 1;
    const uint64_t back = input_byte(&w->input);
    seglog_code code = SEGLOG_OK;

    desks_close(w);
    reader_leave(w);
    desk_open(w);
    const uint64_t next = w->next_number - first > back
                              ? w->next_number - back
                              : first + back % (w->next_number - first + 1);
    code = seglog_writer_truncate(w->desks[w->desk].writer, next, NULL);
    if (next == w->next_number)
        MUST(code == SEGLOG_OK);
    else if (w->odd.cannot_cut)
        MUST(code == SEGLOG_READ_ONLY);
    else if (is_in_gap(w, next))
        MUST(code == SEGLOG_INVALID);
    else
        MUST(code == SEGLOG_OK);
    if (code == SEGLOG_OK)
        told_truncate(w, next);
    desk_settle(w);
}

/* -- one program ----------------------------------------------------------- */

static void
world_step(struct world *w)
{
    const unsigned op = input_byte(&w->input);
    const unsigned arg = op >> 4;

    switch (op & 15) {
    case 4:
        record_append(w, arg, length_take(w));
        break;
    case 5:
    case 6:
        group_append(w, arg);
        break;
    case 7:
        gap_append(w, arg);
        break;
    case 8:
        desk_flush(w, (arg & 1) != 0);
        break;
    case 9:
        desks_close(w);
        mode_take(w, arg);
        desk_open(w);
        break;
    case 10:
        world_tear(w, arg);
        break;
    case 11:
        if ((arg & 8) != 0)
            world_truncate(w);
        else
            w->odd.fail_append_in = 1 + (arg & 3);
        break;
    case 12:
        w->odd.fail_sync_in = 1 + (arg & 1);
        break;
    case 13:
        desk_switch(w);
        break;
    case 14:
        reader_must_follow(w);
        break;
    case 15:
        segment_must_be_sound(w, false);
        segment_must_read_back(w);
        break;
    default:
        record_append(w, arg, input_byte(&w->input));
        break;
    }
    if (w->desks[w->desk].is_poisoned) {
        desk_close(w);
        desk_open(w);
    }
}

static void
world_begin(struct world *w)
{
    static const size_t buffers[] = { 0, 1, 300, 5000 };
    const enum seglog_codec codecs[] = {
        SEGLOG_CODEC_NONE, SEGLOG_CODEC_AUTO, SEGLOG_CODEC_DEFLATE,
        slg_zrun_is_there() ? SEGLOG_CODEC_ZSTD : SEGLOG_CODEC_AUTO
    };
    const unsigned sizes = input_byte(&w->input);
    const unsigned how = input_byte(&w->input);

    MUST(seglog_store_memory_open(&w->memory, NULL) == SEGLOG_OK);
    w->odd.inner = w->memory;
    w->odd.cannot_cut = (how & 16) != 0;
    w->store = odd_store_open(&w->odd);
    w->options = (struct seglog_writer_options){
        .size = sizeof w->options,
        .identity = identity,
        .is_epoch_given = true,
        .epoch_random = 0xE90C,
        .body_log2 = (uint8_t)(9 + sizes % 9),
        .sync_log2 = (uint8_t)(9 + sizes / 16 % 4),
        .no_xxh3 = (how & 32) != 0,
        .codec = codecs[sizes / 64],
        .first_record = (how & 64) != 0 ? 41 : 0,
        .drop_torn_tail = (how & 128) != 0 || w->odd.cannot_cut,
        .buffer_bytes = buffers[how & 3],
    };
    mode_take(w, how >> 2 & 3);
    w->next_number = w->next_line = (how & 64) != 0 ? 41 : 1;
    (void)snprintf(w->name, sizeof w->name, "s");
    w->bytes = malloc(BYTES_MAX);
    MUST(w->bytes != NULL);
    desk_open(w);
}

static void
world_end(struct world *w)
{
    desks_close(w);
    segment_must_be_sound(w, false);
    reader_must_follow(w);
    segment_must_read_back(w);
    reader_leave(w);
    for (unsigned i = 0; i < WRITERS; i++)
        free(w->desks[i].pending.at);
    free(w->told.at);
    free(w->bytes);
    seglog_store_close(&w->memory);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = NULL;

    if (size > 2000)
        return 0;
    w = calloc(1, sizeof *w);
    MUST(w != NULL);
    w->input = (struct input){ .at = data, .left = size };
    world_begin(w);
    while (w->input.left > 0)
        world_step(w);
    world_end(w);
    free(w);
    return 0;
}
