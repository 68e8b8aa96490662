/* SPDX-License-Identifier: MIT */
/* src/segment/segment_gap.c - SPEC.md 9 and 10: what a gap is made of. */
#include <string.h>

#include "format/checksum.h"
#include "src/segment/segment_walk.h"

#define BLOCK_BYTES 512u
/* One look at a gap; marks and headers may straddle two looks. */
#define LOOK_BYTES   (SLG_WINDOW_BYTES / 2)
#define LOOK_OVERLAP SLG_SYNC_POINT_BYTES

/* First place of a byte string in another, or len. */
static size_t
bytes_find(const uint8_t *in, size_t len, const uint8_t *what, size_t what_len)
{
    size_t at = 0;

    while (len - at >= what_len) {
        const uint8_t *hit = memchr(in + at, what[0], len - at - what_len + 1);
        if (!hit)
            return len;
        at = (size_t)(hit - in);
        if (memcmp(hit, what, what_len) == 0)
            return at;
        at++;
    }
    return len;
}

seglog_code
slg_walk_find_mark(struct slg_walk *walk, uint64_t from, bool is_acceptable,
                   uint64_t *offset, struct slg_mark *mark,
                   struct seglog_error *err)
{
    const uint64_t size = walk->window.size;

    for (;;) {
        const uint8_t *bytes;
        const size_t len =
            size - from < LOOK_BYTES ? (size_t)(size - from) : LOOK_BYTES;
        const seglog_code code =
            slg_window_look(&walk->window, from, len, &bytes, err);
        if (code != SEGLOG_OK)
            return code;

        size_t at = SLG_MARKER_OFFSET;
        while (at < len) {
            at +=
                bytes_find(bytes + at, len - at, slg_marker, SLG_MARKER_BYTES);
            if (at >= len)
                break;
            const size_t start = at - SLG_MARKER_OFFSET;
            if (slg_mark_decode(bytes + start, len - start, mark) &&
                (!is_acceptable || slg_walk_accepts(walk, mark))) {
                *offset = from + start;
                return SEGLOG_OK;
            }
            at++;
        }
        if (len < LOOK_BYTES)
            break;
        from += len - LOOK_OVERLAP;
    }
    *offset = size;
    return SEGLOG_OK;
}

/* A header or mark of somebody else, or of this segment before a cut. */
static void
bytes_find_strangers(const struct slg_walk *walk, const uint8_t *bytes,
                     size_t len, struct slg_gap_info *info)
{
    struct slg_mark mark;
    struct slg_header header;
    size_t at = 0;

    if (!walk->has_identity)
        return;
    while ((at += bytes_find(bytes + at, len - at, slg_magic,
                             SLG_MAGIC_BYTES)) < len) {
        if (len - at >= SLG_HEADER_BYTES &&
            slg_header_decode(bytes + at, &header) != SLG_HEADER_DAMAGED &&
            memcmp(header.identity, walk->header.identity,
                   SLG_IDENTITY_BYTES) != 0)
            info->is_foreign = true;
        at++;
    }
    at = SLG_MARKER_OFFSET;
    while (at < len && (at += bytes_find(bytes + at, len - at, slg_marker,
                                         SLG_MARKER_BYTES)) < len) {
        const size_t start = at - SLG_MARKER_OFFSET;

        at++;
        if (!slg_mark_decode(bytes + start, len - start, &mark))
            continue;
        if (memcmp(mark.identity, walk->header.identity, SLG_IDENTITY_BYTES) !=
            0)
            info->is_foreign = true;
        else if (mark.epoch >> 32 < info->before.epoch >> 32)
            info->is_stale = true;
    }
}

static bool
bytes_are_all(const uint8_t *bytes, size_t len, uint8_t value)
{
    return bytes[0] == value && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* Whole blocks of zeros or ones, at multiples of 512 of the file. */
static void
bytes_find_blocks(const uint8_t *bytes, size_t len, uint64_t offset,
                  struct slg_gap_info *info)
{
    size_t at = (size_t)(-offset % BLOCK_BYTES);

    info->is_all_zero = info->is_all_zero && bytes_are_all(bytes, len, 0);
    info->is_all_ones = info->is_all_ones && bytes_are_all(bytes, len, 0xFF);
    for (; at + BLOCK_BYTES <= len; at += BLOCK_BYTES) {
        if (bytes_are_all(bytes + at, BLOCK_BYTES, 0))
            info->has_zero_block = true;
        else if (bytes_are_all(bytes + at, BLOCK_BYTES, 0xFF))
            info->has_ones_block = true;
    }
}

static seglog_code
gap_look_through(struct slg_walk *walk, struct slg_gap_info *info,
                 struct seglog_error *err)
{
    uint64_t from = info->before.pos;

    info->is_all_zero = info->is_all_ones = info->end > from;
    while (from < info->end) {
        const uint8_t *bytes;
        size_t len = LOOK_BYTES;

        if (len > info->end - from)
            len = (size_t)(info->end - from);
        const seglog_code code =
            slg_window_look(&walk->window, from, len, &bytes, err);
        if (code != SEGLOG_OK)
            return code;
        bytes_find_strangers(walk, bytes, len, info);
        bytes_find_blocks(bytes, len, from, info);
        if (from + len == info->end)
            break;
        /* Overlap by whole blocks, so that none is cut. */
        from += len - BLOCK_BYTES;
    }
    return SEGLOG_OK;
}

/* Is the gap exactly a row of well-formed frames?  Then note their numbers. */
static seglog_code
gap_find_tiles(struct slg_walk *walk, struct slg_gap_info *info,
               struct seglog_error *err)
{
    uint64_t pos = info->before.pos;
    unsigned frames = 0;

    info->tile_count = 0;
    info->is_tiled = false;
    info->has_unsound_tile = false;
    while (pos < info->end && frames < SLG_TILES_MAX) {
        struct slg_frame frame;

        const seglog_code code =
            slg_walk_load(walk, pos, SLG_FRAME_NEAR_MAX, err);
        if (code != SEGLOG_OK)
            return code;
        if (!slg_search_parse(walk->search, pos, &frame) ||
            frame.len > info->end - pos)
            return SEGLOG_OK;
        const uint8_t *bytes = slg_search_at(walk->search, pos);
        if (frame.kind != SLG_FRAME_CONTROL) {
            const uint32_t mixed = slg_search_mixed(walk->search, pos, &frame);

            if (slg_walk_is_sound(walk, bytes, &frame))
                info->tiles[info->tile_count++] = (struct slg_stray){
                    .offset = pos,
                    .implied = slg_fmix32_inverse(mixed ^ info->before.salt),
                    .count = slg_frame_count(bytes, (size_t)frame.len, &frame),
                    .len = frame.len,
                    .is_compressed = slg_frame_is_compressed(&frame),
                };
            else
                info->has_unsound_tile = true;
        }
        frames++;
        pos += frame.len;
    }
    info->is_tiled = pos == info->end;
    return SEGLOG_OK;
}

/* The closing mark that would be right at the tail, where it is known. */
struct closing_mark {
    uint8_t bytes[SLG_CLOSING_MARK_BYTES];
    bool is_line_known; /* else line, digest and checksum are not */
};

static bool
closing_is_open(const struct closing_mark *closing, size_t at)
{
    return !closing->is_line_known && ((at >= 42 && at < 50) || at >= 58);
}

/*
 * How many bytes of the tail agree from the front, or from the back.  Open
 * ones agree and do not count; *passed has all.
 */
static size_t
closing_agreement(const struct closing_mark *closing, const uint8_t *tail,
                  size_t len, bool is_back, size_t *passed)
{
    const size_t full = SLG_CLOSING_MARK_BYTES;
    size_t count = 0;

    for (*passed = 0; *passed < full && *passed < len; ++*passed) {
        const size_t at = is_back ? full - 1 - *passed : *passed;
        const uint8_t byte = tail[is_back ? len - 1 - *passed : *passed];

        if (closing_is_open(closing, at))
            continue;
        if (closing->bytes[at] != byte)
            break;
        count++;
    }
    return count;
}

/* SPEC.md 10.3, case 4: a sync point that was not written to its end. */
static bool
sync_point_is_torn(const uint8_t *tail, size_t len)
{
    static const uint8_t start[] = { SLG_HEAD_CONTROL, 0x4C,
                                     SLG_CONTROL_SYNC_POINT };
    const size_t head = len < sizeof start ? len : sizeof start;
    const size_t marker =
        len - head < SLG_MARKER_BYTES ? len - head : SLG_MARKER_BYTES;

    return len < SLG_SYNC_POINT_BYTES && memcmp(tail, start, head) == 0 &&
           memcmp(tail + head, slg_marker, marker) == 0;
}

/* Keep the tail while it may be compared with a mark. */
static seglog_code
tail_keep(struct slg_walk *walk, struct slg_gap_info *info,
          struct seglog_error *err)
{
    const uint64_t len = walk->window.size - info->before.pos;

    info->tail_len = 0;
    if (len > sizeof info->tail)
        return SEGLOG_OK;
    info->tail_len = (size_t)len;
    return slg_window_copy(&walk->window, info->before.pos, info->tail,
                           info->tail_len, err);
}

/* Part of the mark and zeros for the rest, or the other way round. */
static bool
closing_part_is_torn(const struct closing_mark *closing, const uint8_t *tail,
                     size_t from, size_t to, unsigned *wrong)
{
    bool is_front = true;
    bool is_back = true;
    bool is_over = false;

    for (size_t at = from; at < to; at++) {
        const bool is_right =
            closing_is_open(closing, at) || closing->bytes[at] == tail[at];

        is_over |= !is_right;
        *wrong += !is_right;
        is_front &= is_over ? tail[at] == 0 : is_right;
    }
    is_over = false;
    for (size_t at = to; at > from; at--) {
        const bool is_right = closing_is_open(closing, at - 1) ||
                              closing->bytes[at - 1] == tail[at - 1];

        is_over |= !is_right;
        is_back &= is_over ? tail[at - 1] == 0 : is_right;
    }
    return is_front || is_back;
}

/* SPEC.md 10.3, case 5: what a power cut leaves of one, in its sectors. */
static bool
closing_is_torn(const struct closing_mark *closing, const uint8_t *tail,
                size_t len, uint64_t offset)
{
    const uint64_t left = BLOCK_BYTES - offset % BLOCK_BYTES;
    const size_t first = left < len ? (size_t)left : len;
    unsigned wrong = 0;

    /* One wrong byte alone is rather a flipped bit. */
    return len <= SLG_CLOSING_MARK_BYTES &&
           closing_part_is_torn(closing, tail, 0, first, &wrong) &&
           closing_part_is_torn(closing, tail, first, len, &wrong) && wrong > 1;
}

enum slg_tail_kind
slg_tail_compare(const struct slg_walk *walk, const struct slg_gap_info *info,
                 uint64_t number, uint64_t line)
{
    /* A record found elsewhere is in a digest that cannot be known here. */
    struct closing_mark closing = {
        .is_line_known = !walk->has_gap && number == info->before.number,
    };
    struct slg_mark mark = {
        .type = SLG_CONTROL_CLOSING_MARK,
        .epoch = info->before.epoch,
        .number = number,
        .line = line,
        .offset = info->before.pos - (uint64_t)walk->shift,
        .digest = walk->digest,
    };
    const size_t len = info->tail_len;
    size_t passed;

    if (len > 0 && sync_point_is_torn(info->tail, len))
        return SLG_TAIL_MARK_TORN;
    if (len == 0 || !walk->has_identity)
        return SLG_TAIL_OTHER;
    memcpy(mark.identity, walk->header.identity, SLG_IDENTITY_BYTES);
    slg_mark_encode(&mark, closing.bytes);
    const size_t back =
        closing_agreement(&closing, info->tail, len, true, &passed);
    const size_t front =
        closing_agreement(&closing, info->tail, len, false, &passed);
    if (passed == len && len < SLG_CLOSING_MARK_BYTES)
        return SLG_TAIL_MARK_TORN;
    if (len + 16 < SLG_CLOSING_MARK_BYTES ||
        front + back < SLG_CLOSING_MARK_BYTES / 2)
        return SLG_TAIL_OTHER;
    return closing_is_torn(&closing, info->tail, len, info->before.pos)
               ? SLG_TAIL_MARK_TORN
               : SLG_TAIL_CLOSING_DAMAGED;
}

static seglog_code
gap_find_salt(struct slg_walk *walk, struct slg_gap_info *info,
              struct seglog_error *err)
{
    bool is_solved;
    uint32_t salt = 0;
    const seglog_code code = slg_walk_solve_salt(
        walk, info->before.pos, info->end, &is_solved, &salt, err);

    if (code == SEGLOG_OK && is_solved && salt != info->before.salt)
        info->is_foreign = true;
    return code;
}

/*
 * A record that was not written to its end may hold anybody's bytes: what
 * looks like a stranger in it says nothing (SPEC.md 10.3, case 2).
 */
static seglog_code
tail_find_unfinished(struct slg_walk *walk, struct slg_gap_info *info,
                     struct seglog_error *err)
{
    const uint64_t left = walk->window.size - info->before.pos;
    const size_t head =
        left < SLG_HEAD_MAX + 1 ? (size_t)left : SLG_HEAD_MAX + 1;
    const uint8_t *bytes;
    struct slg_frame frame;
    const seglog_code code =
        slg_window_look(&walk->window, info->before.pos, head, &bytes, err);

    if (code == SEGLOG_OK &&
        slg_frame_parse(bytes, head, &walk->limits, &frame) &&
        frame.kind != SLG_FRAME_CONTROL && frame.len > left)
        info->is_foreign = info->is_stale = false;
    return code;
}

seglog_code
slg_walk_classify(struct slg_walk *walk, struct slg_gap_info *info,
                  struct seglog_error *err)
{
    const uint64_t len = info->end - info->before.pos;
    const uint8_t *bytes;
    seglog_code code;

    info->is_head_legal = false;
    if (len > 0) {
        code = slg_window_look(&walk->window, info->before.pos, 1, &bytes, err);
        if (code != SEGLOG_OK)
            return code;
        info->is_head_legal = slg_head_is_legal(bytes[0], &walk->limits);
        info->is_control_torn = bytes[0] == SLG_HEAD_CONTROL;
    }
    code = gap_look_through(walk, info, err);
    if (code == SEGLOG_OK && len > 0)
        code = gap_find_salt(walk, info, err);
    if (code == SEGLOG_OK && len > 0)
        code = gap_find_tiles(walk, info, err);
    if (code == SEGLOG_OK && info->is_tail)
        code = tail_find_unfinished(walk, info, err);
    if (code == SEGLOG_OK && info->is_tail)
        code = tail_keep(walk, info, err);
    info->is_unreadable =
        slg_window_is_bad_as(&walk->window, info->before.pos, info->end, false);
    info->is_forged =
        slg_window_is_bad_as(&walk->window, info->before.pos, info->end, true);
    return code;
}
