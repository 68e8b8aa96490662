/* SPDX-License-Identifier: MIT */
/* src/segment/segment_walk.c - SPEC.md 8: reading in order. */
#include "src/segment/segment_walk.h"

#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/store/fail.h"

void
slg_walk_reset(struct slg_walk *walk)
{
    free(walk->search);
    free(walk->long_bytes);
    slg_block_reset(&walk->block);
    slg_parent_reset(&walk->parent);
    slg_context_reset(&walk->context);
    slg_dictionary_release(walk->dictionary);
    slg_window_reset(&walk->window);
    memset(walk, 0, sizeof *walk);
}

struct slg_walk_saved
slg_walk_save(const struct slg_walk *walk)
{
    return (struct slg_walk_saved){
        .at = walk->at,
        .shift = walk->shift,
        .digest = walk->digest,
        .has_gap = walk->has_gap,
        .sync_offset = walk->sync_offset,
        .watermark = walk->watermark,
        .is_passed = walk->is_passed,
        .passed_number = walk->passed_number,
        .passed_line = walk->passed_line,
        .stretch = walk->stretch,
    };
}

void
slg_walk_restore(struct slg_walk *walk, const struct slg_walk_saved *saved)
{
    walk->at = saved->at;
    walk->shift = saved->shift;
    walk->digest = saved->digest;
    walk->has_gap = saved->has_gap;
    walk->sync_offset = saved->sync_offset;
    walk->watermark = saved->watermark;
    walk->is_passed = saved->is_passed;
    walk->passed_number = saved->passed_number;
    walk->passed_line = saved->passed_line;
    walk->stretch = saved->stretch;
}

seglog_code
slg_walk_refresh(struct slg_walk *walk, struct seglog_error *err)
{
    slg_window_forget(&walk->window);
    if (walk->search)
        slg_search_reset(walk->search, 0);
    return slg_window_update_size(&walk->window, err);
}

void
slg_walk_stand_at(struct slg_walk *walk, const struct slg_mark *mark)
{
    walk->at = (struct slg_place_in_segment){
        .pos = mark->offset,
        .number = mark->number,
        .line = mark->line,
        .epoch = mark->epoch,
        .salt = slg_salt(mark->identity, mark->epoch),
    };
    walk->shift = 0;
    walk->digest = 0;
    walk->has_gap = true;
    walk->is_passed = false;
    walk->passed_end = 0;
}

void
slg_walk_leave_passed(struct slg_walk *walk)
{
    walk->is_passed = false;
    walk->passed_end = walk->at.pos;
    walk->at.number = walk->passed_number;
    walk->at.line = walk->passed_line;
    /* A closing mark of a passed run closes nothing (SPEC.md 10.5). */
    walk->at.is_after_close = false;
    walk->has_gap = true;
    slg_context_break(&walk->context, 0);
}

static seglog_code
walk_no_memory(const struct slg_walk *walk, struct seglog_error *err)
{
    const struct slg_place place = { .name = walk->window.name,
                                     .offset = walk->at.pos };

    return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                    "no memory to read on from here");
}

bool
slg_walk_accepts(const struct slg_walk *walk, const struct slg_mark *mark)
{
    if (!walk->has_identity ||
        memcmp(mark->identity, walk->header.identity, SLG_IDENTITY_BYTES) != 0)
        return false;
    if (mark->epoch == walk->at.epoch)
        return true;
    /* A cut starts a new epoch, and only a sync point can say so. */
    return mark->type == SLG_CONTROL_SYNC_POINT &&
           mark->epoch >> 32 > walk->at.epoch >> 32;
}

/* CRC of a frame that is larger than the window, piece by piece. */
static seglog_code
long_mixed(struct slg_walk *walk, uint64_t offset,
           const struct slg_frame *frame, uint32_t *mixed,
           struct seglog_error *err)
{
    const uint64_t covered = slg_frame_covered(frame);
    const uint8_t *bytes;
    uint32_t crc = 0;
    uint64_t done = 0;

    while (done < covered) {
        size_t piece = SLG_WINDOW_BYTES / 2;
        if (piece > covered - done)
            piece = (size_t)(covered - done);
        const seglog_code code =
            slg_window_look(&walk->window, offset + done, piece, &bytes, err);
        if (code != SEGLOG_OK)
            return code;
        crc = slg_crc32(crc, bytes, piece);
        done += piece;
    }
    const seglog_code code = slg_window_look(&walk->window, offset + covered,
                                             SLG_CHECKSUM_BYTES, &bytes, err);
    if (code == SEGLOG_OK)
        *mixed = slg_load_le32(bytes) ^ crc;
    return code;
}

/*
 * Bring a verified long frame into memory.  Only now is anything allocated
 * for it: its length is no longer just a claim.
 */
static seglog_code
long_load(struct slg_walk *walk, uint64_t offset, const struct slg_frame *frame,
          const uint8_t **bytes, struct seglog_error *err)
{
    const size_t len = (size_t)frame->len;

    if (len > walk->long_cap) {
        uint8_t *grown = realloc(walk->long_bytes, len);
        if (!grown)
            return walk_no_memory(walk, err);
        walk->long_bytes = grown;
        walk->long_cap = len;
    }
    *bytes = walk->long_bytes;
    return slg_window_copy(&walk->window, offset, walk->long_bytes, len, err);
}

/*
 * Is there a well-formed frame at offset (SPEC.md 4)?  OK or CORRUPT.
 * is_after_sync: whether a long body is allowed here.
 */
static seglog_code
frame_look(struct slg_walk *walk, uint64_t offset, bool is_after_sync,
           struct slg_frame *frame, struct seglog_error *err)
{
    const uint64_t left = walk->window.size - offset;
    const size_t head =
        left < SLG_HEAD_MAX + 1 ? (size_t)left : SLG_HEAD_MAX + 1;
    const uint8_t *bytes;
    const seglog_code code =
        slg_window_look(&walk->window, offset, head, &bytes, err);

    if (code != SEGLOG_OK)
        return code;
    if (!slg_frame_parse(bytes, head, &walk->limits, frame) ||
        frame->len > left)
        return SEGLOG_CORRUPT;
    if (frame->body_len > SLG_BODY_NEAR_MAX &&
        (!is_after_sync || walk->long_spent > slg_walk_budget(walk)))
        return SEGLOG_CORRUPT;
    return SEGLOG_OK;
}

/* The frame's bytes (NULL while it is long and unverified) and its mix. */
static seglog_code
frame_mixed(struct slg_walk *walk, uint64_t offset,
            const struct slg_frame *frame, const uint8_t **bytes,
            uint32_t *mixed, struct seglog_error *err)
{
    if (frame->len > SLG_WINDOW_BYTES) {
        *bytes = NULL;
        return long_mixed(walk, offset, frame, mixed, err);
    }
    const seglog_code code =
        slg_window_look(&walk->window, offset, (size_t)frame->len, bytes, err);
    if (code != SEGLOG_OK)
        return code;
    /* In damaged bytes a claimed length must not cost what it claims. */
    if (walk->search && frame->len > 512 &&
        frame->body_len <= SLG_BODY_NEAR_MAX &&
        slg_search_covers(walk->search, offset, frame->len))
        *mixed = slg_search_mixed(walk->search, offset, frame);
    else
        *mixed = slg_frame_mixed(*bytes, frame);
    return SEGLOG_OK;
}

/* A mark in order: this segment's, at the expected number. */
static bool
mark_is_next(const struct slg_walk *walk, const uint8_t *bytes,
             const struct slg_frame *frame, struct slg_mark *mark)
{
    return slg_mark_decode(bytes, (size_t)frame->len, mark) &&
           mark->number == walk->at.number && slg_walk_accepts(walk, mark);
}

static bool
frame_is_mark(const struct slg_frame *frame)
{
    return frame->control == SLG_CONTROL_SYNC_POINT ||
           frame->control == SLG_CONTROL_CLOSING_MARK;
}

/* What the block refers to, if it does.  CORRUPT: it cannot be had. */
static seglog_code
block_load_parent(struct slg_walk *walk, const struct slg_step *step,
                  struct slg_block_prefix *prefix, struct seglog_error *err)
{
    uint64_t first = 0;
    uint64_t last = 0;
    seglog_code code = SEGLOG_OK;

    *prefix = (struct slg_block_prefix){ .bytes = NULL };
    if (!slg_block_find_reference(step->bytes + step->frame.head_len,
                                  step->frame.body_len, &first, &last))
        return SEGLOG_OK;
    code = slg_parent_load(&walk->parent, walk->window.blob, walk->window.name,
                           walk->window.size, &walk->header, first, last,
                           slg_block_prefix_max(walk->limits.body_max), err);
    prefix->bytes = walk->parent.bytes;
    prefix->len = walk->parent.len;
    return code;
}

/* A block needs nothing of its segment but itself, and nothing refers to it. */
static seglog_code
step_open_block(struct slg_walk *walk, struct slg_step *step,
                struct seglog_error *err)
{
    const struct slg_place place = { .name = walk->window.name,
                                     .record_no = walk->at.number,
                                     .offset = walk->at.pos };
    const uint8_t *body = step->bytes + step->frame.head_len;
    struct slg_block_prefix prefix;
    seglog_code code = SEGLOG_OK;

    step->body = body;
    step->body_len = 0;
    step->is_dependent = false;
    if (slg_context_is_at(&walk->context, walk->at.pos))
        walk->context.pos += step->frame.len;
    code = block_load_parent(walk, step, &prefix, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_block_decode(&walk->block, body, step->frame.body_len,
                            walk->limits.body_max, &prefix);
    step->body = walk->block.bytes;
    step->body_len = walk->block.len;
    if (code == SEGLOG_FORMAT)
        return slg_fail(err, code, &place,
                        "a block that this build cannot read: use a newer "
                        "seglog, built with zstd");
    return code == SEGLOG_NO_MEMORY ? walk_no_memory(walk, err) : code;
}

/* SPEC.md 7.6: it does to the history what the mark before it has done. */
static bool
is_dictionary(const struct slg_step *step)
{
    struct slg_reference reference;

    return step->frame.control == SLG_CONTROL_REFERENCE &&
           slg_reference_decode(step->bytes, &step->frame, &reference) &&
           reference.role == SLG_REFERENCE_DICTIONARY;
}

/*
 * The body of a valid frame.  Out of its context a compressed one has none;
 * the frame counts all the same, for its numbers are known.
 */
static seglog_code
step_find_body(struct slg_walk *walk, struct slg_step *step,
               struct seglog_error *err)
{
    struct slg_context *context = &walk->context;
    const struct slg_frame *frame = &step->frame;
    const bool is_record = frame->kind != SLG_FRAME_CONTROL;
    seglog_code code = SEGLOG_OK;

    if (frame->kind == SLG_FRAME_BLOCK)
        return step_open_block(walk, step, err);
    step->body = step->bytes + frame->head_len;
    step->body_len = frame->body_len;
    step->is_dependent = false;
    if (!walk->limits.may_compress)
        return SEGLOG_OK;
    if (step->is_mark || is_dictionary(step))
        slg_context_start(context, walk->at.pos + frame->len);
    else if (!slg_context_is_at(context, walk->at.pos))
        step->is_dependent = is_record && slg_frame_is_compressed(frame);
    else if (is_record)
        code = slg_context_pass(context, step->bytes, frame, &walk->limits,
                                &step->body, &step->body_len);
    else
        context->pos += frame->len;
    if (step->is_dependent)
        step->body_len = 0;
    return code == SEGLOG_NO_MEMORY ? walk_no_memory(walk, err) : code;
}

static seglog_code
step_read(struct slg_walk *walk, struct slg_step *step,
          struct seglog_error *err)
{
    struct slg_frame *frame = &step->frame;
    const uint64_t pos = walk->at.pos;
    uint32_t mixed = 0;
    seglog_code code =
        frame_look(walk, pos, walk->at.is_after_sync, frame, err);

    walk->bad_is_frame = false;
    if (code == SEGLOG_OK)
        code = frame_mixed(walk, pos, frame, &step->bytes, &mixed, err);
    if (code != SEGLOG_OK)
        return code;

    step->is_mark = frame_is_mark(frame);
    bool is_valid = step->is_mark
                        ? mark_is_next(walk, step->bytes, frame, &step->mark)
                        : mixed == slg_mix(walk->at.number, walk->at.salt);
    if (is_valid && !step->bytes) {
        code = long_load(walk, pos, frame, &step->bytes, err);
        if (code != SEGLOG_OK)
            return code;
    }
    if (is_valid && !step->is_mark)
        is_valid = slg_frame_is_sound(step->bytes, frame, &walk->limits);
    if (is_valid && walk->window.bad_count > 0)
        is_valid = !slg_window_is_bad(&walk->window, pos, pos + frame->len);
    if (is_valid)
        step->count = slg_frame_count(step->bytes, (size_t)frame->len, frame);
    if (is_valid && step->count <= INT64_MAX - walk->at.number) {
        code = step_find_body(walk, step, err);
        if (code != SEGLOG_CORRUPT)
            return code;
    }

    if (frame->body_len > SLG_BODY_NEAR_MAX)
        walk->long_spent += frame->len;
    walk->bad_is_frame = true;
    walk->bad_frame = *frame;
    walk->bad_mixed = mixed;
    return SEGLOG_CORRUPT;
}

seglog_code
slg_walk_refuse(struct slg_walk *walk, struct seglog_error *err)
{
    struct slg_frame *frame = &walk->bad_frame;
    const uint8_t *bytes;

    walk->bad_is_frame = false;
    seglog_code code = frame_look(walk, walk->at.pos, false, frame, err);
    if (code == SEGLOG_OK)
        code = frame_mixed(walk, walk->at.pos, frame, &bytes, &walk->bad_mixed,
                           err);
    walk->bad_is_frame = code == SEGLOG_OK;
    return code == SEGLOG_OK ? SEGLOG_CORRUPT : code;
}

void
slg_step_count_lines(const struct slg_step *step, uint64_t *line)
{
    const struct slg_frame *frame = &step->frame;
    struct slg_group group;
    struct slg_gap gap;
    unsigned kind;
    const uint8_t *data;
    size_t len;

    if (step->is_dependent) {
        /* Lost, and a lost record counts as a line (SPEC.md 10.5). */
        *line += step->count;
        return;
    }
    switch (frame->kind) {
    case SLG_FRAME_PART:
        break;
    case SLG_FRAME_GROUP:
    case SLG_FRAME_BLOCK:
        (void)slg_entries_open(&group, step->body, step->body_len);
        while (slg_group_next(&group, &kind, &data, &len))
            *line += kind != SLG_FRAME_PART;
        break;
    case SLG_FRAME_CONTROL:
        if (frame->control == SLG_CONTROL_GAP) {
            (void)slg_gap_decode(step->bytes, &gap);
            *line += gap.lines;
        }
        break;
    default:
        *line += 1;
        break;
    }
}

/* The digest terms of a valid record frame. */
static uint64_t
step_digest(const struct slg_step *step)
{
    const struct slg_frame *frame = &step->frame;
    struct slg_group group;
    uint64_t number = step->number;
    uint64_t sum = 0;
    unsigned kind;
    const uint8_t *data;
    size_t len;

    if (!slg_frame_has_entries(frame))
        return slg_digest_term(number, step->body, step->body_len);
    (void)slg_entries_open(&group, step->body, step->body_len);
    while (slg_group_next(&group, &kind, &data, &len))
        sum += slg_digest_term(number++, data, len);
    return sum;
}

/* A mark of a main run says how the stretch before it went. */
static void
mark_settle_stretch(struct slg_walk *walk, struct slg_step *step)
{
    const struct slg_mark *mark = &step->mark;
    const uint64_t durable = mark->type == SLG_CONTROL_SYNC_POINT
                                 ? mark->watermark
                                 : mark->number - 1;

    /* Modulo 2^64: a hostile offset gives a strange shift, nothing worse. */
    const uint64_t moved = step->offset - mark->offset - (uint64_t)walk->shift;
    memcpy(&step->shift, &moved, sizeof moved);
    const uint64_t total = step->offset - mark->offset;
    memcpy(&walk->shift, &total, sizeof total);
    step->is_digest_wrong =
        walk->with_digest && !walk->has_gap && mark->digest != walk->digest;
    if (durable > walk->watermark)
        walk->watermark = durable;
    step->stretch_from = walk->stretch.pos;
    walk->stretch = walk->at;
    walk->stretch.pos = step->offset + step->frame.len;
    walk->digest = 0;
    walk->has_gap = false;
}

static void
step_pass_mark(struct slg_walk *walk, struct slg_step *step)
{
    const struct slg_mark *mark = &step->mark;

    walk->at.is_after_sync = mark->type == SLG_CONTROL_SYNC_POINT;
    walk->at.is_after_close = !walk->at.is_after_sync;
    walk->at.line = mark->line;
    if (mark->epoch != walk->at.epoch) {
        walk->at.epoch = mark->epoch;
        walk->at.salt = slg_salt(mark->identity, mark->epoch);
    }
    step->shift = 0;
    step->is_digest_wrong = false;
    if (walk->is_passed)
        return;
    mark_settle_stretch(walk, step);
    if (walk->at.is_after_sync)
        walk->sync_offset = step->offset;
}

static void
step_pass_frame(struct slg_walk *walk, const struct slg_step *step)
{
    /* SPEC.md 6.6: what follows these follows the sync point before. */
    walk->at.is_after_sync =
        walk->at.is_after_sync && slg_control_is_companion(step->frame.control);
    walk->at.is_after_close = false;
    walk->at.number += step->count;
    slg_step_count_lines(step, &walk->at.line);
    if (walk->is_passed)
        return;
    if ((step->frame.head & SLG_HEAD_DURABLE) != 0 &&
        step->number - 1 > walk->watermark)
        walk->watermark = step->number - 1;
    if (walk->with_digest && walk->limits.has_digests &&
        step->frame.kind != SLG_FRAME_CONTROL && !step->is_dependent)
        walk->digest += step_digest(step);
}

/*
 * Most frames are these: one record, a body without a digest, all of it in
 * the window.  The same as the long way round below, without its detours; a
 * frame that fails here is looked at again there.
 */
static bool
step_plain(struct slg_walk *walk, struct slg_step *step)
{
    const uint64_t at = walk->at.pos - walk->window.start;

    if (at >= walk->window.len || walk->window.bad_count > 0 ||
        walk->limits.may_compress || walk->limits.is_sealed)
        return false;
    const uint8_t *bytes = walk->window.buf + at;
    const size_t avail = walk->window.len - (size_t)at;
    const unsigned kind = bytes[0] >> SLG_HEAD_KIND_SHIFT;
    /* Kinds with one record, a length of one or two bytes, nothing reserved. */
    if (kind < SLG_FRAME_TEXT || kind > SLG_FRAME_TAIL ||
        (bytes[0] & (SLG_HEAD_PACKING | 2u)) != 0 || avail < SLG_FRAME_MIN)
        return false;
    const unsigned head_len = 2 + (bytes[0] & 1u);
    const uint32_t body_len =
        head_len == 2 ? bytes[1] : slg_load_le16(bytes + 1);
    const size_t covered = head_len + body_len;
    if ((head_len == 3 && bytes[2] == 0) || body_len > SLG_BODY_SHORT_MAX ||
        body_len > walk->limits.body_max ||
        covered + SLG_CHECKSUM_BYTES > avail || walk->at.number >= INT64_MAX)
        return false;
    const uint32_t checksum = slg_load_le32(bytes + covered);
    if ((checksum ^ slg_crc32(0, bytes, covered)) !=
        slg_mix(walk->at.number, walk->at.salt))
        return false;

    walk->checksum = checksum;
    step->frame.head = bytes[0];
    step->frame.kind = (uint8_t)kind;
    step->frame.control = 0;
    step->frame.head_len = (uint8_t)head_len;
    step->frame.body_len = body_len;
    step->frame.len = covered + SLG_CHECKSUM_BYTES;
    step->bytes = bytes;
    step->body = bytes + head_len;
    step->body_len = body_len;
    step->is_dependent = false;
    step->count = 1;
    step->is_mark = false;
    return true;
}

/* What step_pass_frame does, for a frame that step_plain has read. */
static void
step_pass_plain(struct slg_walk *walk, struct slg_step *step)
{
    struct slg_place_in_segment *at = &walk->at;

    step->offset = at->pos;
    step->number = at->number;
    step->line = at->line;
    at->is_after_sync = false;
    at->is_after_close = false;
    at->pos += step->frame.len;
    at->number++;
    at->line += step->frame.kind != SLG_FRAME_PART;
    if (walk->is_passed)
        return;
    if ((step->frame.head & SLG_HEAD_DURABLE) != 0 &&
        step->number - 1 > walk->watermark)
        walk->watermark = step->number - 1;
    if (walk->with_digest && walk->limits.has_digests)
        walk->digest +=
            slg_digest_term(step->number, step->bytes + step->frame.head_len,
                            step->frame.body_len);
}

seglog_code
slg_walk_step(struct slg_walk *walk, struct slg_step *step,
              struct seglog_error *err)
{
    if (walk->at.pos >= walk->window.size)
        return SEGLOG_END;
    if (step_plain(walk, step)) {
        step_pass_plain(walk, step);
        return SEGLOG_OK;
    }
    const seglog_code code = step_read(walk, step, err);
    if (code != SEGLOG_OK)
        return code;

    step->offset = walk->at.pos;
    step->number = walk->at.number;
    step->line = walk->at.line;
    if (step->is_mark)
        step_pass_mark(walk, step);
    else
        step_pass_frame(walk, step);
    if (step->frame.control != SLG_CONTROL_CLOSING_MARK)
        walk->checksum =
            slg_load_le32(step->bytes + slg_frame_covered(&step->frame));
    walk->at.pos += step->frame.len;
    return SEGLOG_OK;
}

/* From the stretch's start to where the walk stood, without a gap. */
static seglog_code
stretch_read(struct slg_walk *walk, uint64_t end, struct seglog_error *err)
{
    struct slg_step step;
    seglog_code code = SEGLOG_OK;

    walk->at = walk->stretch;
    walk->digest = 0;
    slg_context_start(&walk->context, walk->at.pos);
    while (code == SEGLOG_OK && walk->at.pos < end)
        code = slg_walk_step(walk, &step, err);
    return code == SEGLOG_OK && walk->at.pos != end ? SEGLOG_CORRUPT : code;
}

seglog_code
slg_walk_learn_digest(struct slg_walk *walk, struct seglog_error *err)
{
    const struct slg_walk_saved saved = slg_walk_save(walk);
    const uint32_t checksum = walk->checksum;
    const bool with_digest = walk->with_digest;
    struct slg_context_saved context = { .is_known = false };
    uint64_t digest = 0;
    bool is_known = false;
    seglog_code code = slg_context_save(&walk->context, &context);

    if (code != SEGLOG_OK)
        return walk_no_memory(walk, err);
    walk->with_digest = true;
    code = stretch_read(walk, saved.at.pos, NULL);
    is_known = code == SEGLOG_OK && walk->stretch.pos == saved.stretch.pos;
    digest = walk->digest;
    slg_walk_restore(walk, &saved);
    walk->checksum = checksum;
    walk->with_digest = with_digest;
    walk->digest = digest;
    /* Else it was cut meanwhile, or cannot be read any more. */
    walk->has_gap = !is_known;
    if (slg_context_restore(&walk->context, &context) != SEGLOG_OK)
        code = SEGLOG_NO_MEMORY;
    slg_context_saved_reset(&context);
    return code == SEGLOG_NO_MEMORY ? walk_no_memory(walk, err) : SEGLOG_OK;
}

bool
slg_walk_is_sound(struct slg_walk *walk, const uint8_t *bytes,
                  const struct slg_frame *frame)
{
    const bool is_costly = slg_frame_has_entries(frame) ||
                           slg_frame_has_digest(frame, &walk->limits);

    if (is_costly && walk->unsound_spent > slg_walk_budget(walk))
        return false;
    if (slg_frame_is_sound(bytes, frame, &walk->limits))
        return true;
    walk->unsound_spent += frame->len;
    return false;
}

seglog_code
slg_walk_load(struct slg_walk *walk, uint64_t from, uint64_t ahead,
              struct seglog_error *err)
{
    const uint64_t size = walk->window.size;

    if (ahead > size - from)
        ahead = size - from;
    if (!walk->search) {
        walk->search = malloc(sizeof *walk->search);
        if (!walk->search)
            return walk_no_memory(walk, err);
        slg_search_init(walk->search, &walk->limits);
    }
    if (slg_search_covers(walk->search, from, ahead))
        return SEGLOG_OK;

    size_t room;
    uint8_t *out = slg_search_room(walk->search, from, &room);
    const uint64_t start = walk->search->base + walk->search->len;
    if (room > size - start)
        room = (size_t)(size - start);
    const seglog_code code =
        slg_window_read(&walk->window, start, out, room, err);
    if (code == SEGLOG_OK)
        slg_search_loaded(walk->search, room);
    return code;
}
