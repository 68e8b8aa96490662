/* SPDX-License-Identifier: MIT */
/*
 * fuzz/segment_mutator.c - changes segments so that they stay worth reading.
 *
 * Random changes never get past a checksum.  This takes the input of a target
 * (SWITCHES bytes, then a segment) apart into frames, changes, moves, copies
 * and makes some, and then sets checksums, digests, numbers and offsets right
 * again: of all frames, of those that were changed, or of none.
 *
 * libFuzzer calls LLVMFuzzerCustomMutator.  AFL++ loads the same code from a
 * shared library (AFL_CUSTOM_MUTATOR_LIBRARY).
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "format/control.h"

#define SWITCHES   2u
#define PARTS_MAX  400u
#define ARENA_SIZE ((size_t)1 << 20)
/* Bodies that are made; those of the input may be larger. */
#define MADE_MAX 700u

/* A frame, or bytes between frames. */
struct part {
    const uint8_t *bytes;
    size_t len;
    bool is_frame;
    bool is_changed;
};

struct mutation {
    uint64_t chance; /* state of the generator */
    struct part parts[PARTS_MAX];
    size_t count;
    struct slg_header header;
    struct slg_frame_limits limits;
    uint8_t *arena;
    size_t used;
    const uint8_t *other; /* another segment, to take frames from */
    size_t other_len;
};

/* Of libFuzzer; AFL++ changes bytes by itself. */
__attribute__((weak)) size_t
LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                        unsigned seed);
size_t
LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
                          const uint8_t *data2, size_t size2, uint8_t *out,
                          size_t max_out_size, unsigned seed);
void *
afl_custom_init(void *afl, unsigned seed);
size_t
afl_custom_fuzz(void *self, uint8_t *buf, size_t buf_size, uint8_t **out_buf,
                uint8_t *add_buf, size_t add_buf_size, size_t max_size);
void
afl_custom_deinit(void *self);

/* -- chance ---------------------------------------------------------------- */

static uint64_t
chance_next(struct mutation *m)
{
    m->chance += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = m->chance;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* 0 to limit - 1 */
static size_t
chance_below(struct mutation *m, size_t limit)
{
    return limit > 0 ? (size_t)(chance_next(m) % limit) : 0;
}

static bool
chance_one_in(struct mutation *m, size_t n)
{
    return chance_below(m, n) == 0;
}

/* Mostly near, now and then far or at a limit. */
static uint64_t
number_bend(struct mutation *m, uint64_t number)
{
    static const uint64_t limits[] = { 0,
                                       1,
                                       2,
                                       UINT32_MAX,
                                       UINT64_C(1) << 32,
                                       INT64_MAX - 1,
                                       INT64_MAX,
                                       UINT64_C(1) << 63,
                                       UINT64_MAX };

    switch (chance_below(m, 6)) {
    case 0:
        return limits[chance_below(m, sizeof limits / sizeof limits[0])];
    case 1:
        return number ^ UINT64_C(1) << chance_below(m, 64);
    case 2:
        return number + chance_below(m, 70000) - 35000;
    default:
        return number + chance_below(m, 9) - 4;
    }
}

/* -- parts ----------------------------------------------------------------- */

/* Room that lasts as long as the mutation; NULL when there is none left. */
static uint8_t *
arena_take(struct mutation *m, size_t len)
{
    uint8_t *out = m->arena + m->used;

    if (len > ARENA_SIZE - m->used)
        return NULL;
    m->used += len;
    return out;
}

static void
part_insert(struct mutation *m, size_t at, const struct part *part)
{
    if (m->count == PARTS_MAX)
        return;
    memmove(m->parts + at + 1, m->parts + at,
            (m->count - at) * sizeof *m->parts);
    m->parts[at] = *part;
    m->count++;
}

static void
part_remove(struct mutation *m, size_t at)
{
    m->count--;
    memmove(m->parts + at, m->parts + at + 1,
            (m->count - at) * sizeof *m->parts);
}

static bool
frame_is_whole(const struct mutation *m, const uint8_t *bytes, size_t len,
               struct slg_frame *frame)
{
    return slg_frame_parse(bytes, len, &m->limits, frame) && frame->len <= len;
}

/*
 * What looks like a frame is one, except that bytes in which nothing does are
 * left together until a frame whose end leads to another one.
 */
static void
parts_split(struct mutation *m, const uint8_t *bytes, size_t len)
{
    size_t pos = 0;
    size_t junk = 0;
    struct slg_frame frame;
    struct slg_frame next;

    while (pos < len && m->count + 2 < PARTS_MAX) {
        bool is_good = frame_is_whole(m, bytes + pos, len - pos, &frame);

        if (is_good && junk < pos && pos + frame.len < len)
            is_good = frame_is_whole(m, bytes + pos + frame.len,
                                     len - pos - (size_t)frame.len, &next);
        if (!is_good) {
            pos++;
            continue;
        }
        if (junk < pos)
            m->parts[m->count++] =
                (struct part){ .bytes = bytes + junk, .len = pos - junk };
        m->parts[m->count++] = (struct part){ .bytes = bytes + pos,
                                              .len = (size_t)frame.len,
                                              .is_frame = true };
        pos += (size_t)frame.len;
        junk = pos;
    }
    if (junk < len)
        m->parts[m->count++] =
            (struct part){ .bytes = bytes + junk, .len = len - junk };
}

/* Header and frames.  What has no header is given one. */
static void
segment_split(struct mutation *m, const uint8_t *bytes, size_t len)
{
    static const uint8_t identity[SLG_IDENTITY_BYTES] = { 0,  1,  2,  3, 4,  5,
                                                          6,  7,  8,  9, 10, 11,
                                                          12, 13, 14, 15 };
    uint8_t header[SLG_HEADER_BYTES] = { 0 };
    const size_t head_len = len < sizeof header ? len : sizeof header;

    m->count = 0;
    if (head_len > 0)
        memcpy(header, bytes, head_len);
    if (slg_header_decode(header, &m->header) != SLG_HEADER_OK) {
        m->header = (struct slg_header){ .version = SLG_VERSION,
                                         .body_log2 = 12,
                                         .sync_log2 = 9,
                                         .epoch = 0xC0FFEE01,
                                         .first_record = 1 };
        memcpy(m->header.identity, identity, sizeof identity);
    }
    m->limits = slg_header_limits(&m->header);
    if (head_len > 0)
        m->parts[m->count++] = (struct part){ .bytes = bytes, .len = head_len };
    parts_split(m, bytes + head_len, len - head_len);
}

/* A copy of a frame that may be written to, with some more room. */
static uint8_t *
part_own(struct mutation *m, struct part *part, size_t more)
{
    uint8_t *own = arena_take(m, part->len + more);

    if (!own)
        return NULL;
    memcpy(own, part->bytes, part->len);
    part->bytes = own;
    part->is_changed = true;
    return own;
}

/* -- frames that are made -------------------------------------------------- */

static void
body_fill(struct mutation *m, uint8_t *body, size_t len)
{
    const unsigned style = (unsigned)chance_below(m, 4);

    for (size_t i = 0; i < len; i++) {
        const uint8_t byte = (uint8_t)chance_next(m);

        body[i] = style == 0   ? 0
                  : style == 1 ? byte
                  : style == 2 ? (uint8_t)('a' + byte % 26)
                               : (uint8_t)(len - i);
    }
}

static size_t
group_make(struct mutation *m, uint8_t *body, size_t room)
{
    const size_t count = 2 + chance_below(m, 6);
    size_t len = slg_varint_put(
        body, chance_one_in(m, 12) ? number_bend(m, count) & INT64_MAX : count);

    for (size_t i = 0; i < count && len + 3 < room; i++) {
        size_t size = chance_below(m, 24);

        if (size > room - len - 2)
            size = room - len - 2;
        len += slg_varint_put(body + len, size * 4 + chance_below(m, 4));
        body_fill(m, body + len, size);
        len += size;
    }
    return len;
}

/* A plain block, mostly (SPEC.md 15.1). */
static size_t
block_make(struct mutation *m, uint8_t *body, size_t room)
{
    uint64_t count = 0;
    const size_t len = group_make(m, body, room);
    const size_t used = slg_varint_get(body, len, &count);

    memmove(body + used + 1, body + used, len - used);
    body[used] = (uint8_t)(chance_one_in(m, 8) ? chance_below(m, 4) : 0);
    return len + 1;
}

static size_t
control_make(struct mutation *m, uint8_t *out)
{
    struct slg_mark mark = { .epoch = m->header.epoch, .number = 1, .line = 1 };
    struct slg_gap gap = { .verdict = SLG_FRAME_BYTES,
                           .cause = 13,
                           .count = 1 + chance_below(m, 5) };
    struct slg_predecessor before = { .number = 1, .end = 54 };
    size_t len = 0;

    memcpy(mark.identity, m->header.identity, SLG_IDENTITY_BYTES);
    switch (chance_below(m, 5)) {
    case 0:
    case 1:
        mark.type = (uint8_t)(SLG_CONTROL_SYNC_POINT + chance_below(m, 2));
        return slg_mark_encode(&mark, out);
    case 2:
        gap.lines = gap.count - chance_below(m, 2);
        if (chance_one_in(m, 6))
            gap.count = number_bend(m, gap.count);
        return slg_gap_encode(&gap, 1, 0, out);
    case 3:
        return slg_predecessor_encode(&before, 1, 0, out);
    default:
        len = 1 + chance_below(m, 80);
        len += slg_frame_put_head(out, SLG_FRAME_CONTROL, false, (uint32_t)len);
        body_fill(m, out + 2, len - 2);
        out[2] = (uint8_t)(5 + chance_below(m, 5));
        return len + SLG_CHECKSUM_BYTES;
    }
}

/* A frame of any kind, without a checksum. */
static bool
frame_make(struct mutation *m, struct part *part)
{
    const unsigned kind =
        1 + (unsigned)chance_below(m, m->limits.has_blocks ? 7 : 6);
    uint8_t *out = arena_take(m, MADE_MAX + 16);
    size_t len = chance_below(m, chance_one_in(m, 4) ? MADE_MAX : 20);
    size_t head_len = 0;
    uint8_t body[MADE_MAX];

    if (!out)
        return false;
    *part = (struct part){ .bytes = out, .is_frame = true, .is_changed = true };
    if (kind == SLG_FRAME_CONTROL) {
        part->len = control_make(m, out);
        return true;
    }
    if (kind == SLG_FRAME_GROUP)
        len = group_make(m, body, 200);
    else if (kind == SLG_FRAME_BLOCK)
        len = block_make(m, body, 200);
    else
        body_fill(m, body, len);
    head_len = slg_frame_put_head(
        out, kind, kind != SLG_FRAME_BLOCK && chance_one_in(m, 4),
        (uint32_t)len);
    if (kind == SLG_FRAME_BLOCK)
        out[0] |= SLG_HEAD_COMPRESSED;
    memcpy(out + head_len, body, len);
    part->len = head_len + len + SLG_CHECKSUM_BYTES;
    memset(out + part->len - SLG_CHECKSUM_BYTES, 0, SLG_CHECKSUM_BYTES);
    return true;
}

/* Bytes that are no frame: a run of one byte, some pages, or anything. */
static bool
junk_make(struct mutation *m, struct part *part)
{
    size_t len = 1 + chance_below(m, chance_one_in(m, 2) ? 16 : 1100);
    uint8_t *out = arena_take(m, len);

    if (!out)
        return false;
    *part = (struct part){ .bytes = out, .len = len };
    switch (chance_below(m, 3)) {
    case 0:
        memset(out, 0, len);
        break;
    case 1:
        memset(out, 0xFF, len);
        break;
    default:
        body_fill(m, out, len);
        break;
    }
    return true;
}

/* -- changes of one frame -------------------------------------------------- */

static void
mark_change(struct mutation *m, uint8_t *bytes, size_t len)
{
    static const uint8_t fields[] = { 34, 42, 50, 62, 70 };
    const size_t at = fields[chance_below(m, sizeof fields)];

    switch (chance_below(m, 5)) {
    case 0: /* another epoch: newer, older, or of other random bits */
        slg_store_le64(bytes + 26,
                       slg_load_le64(bytes + 26) +
                           (chance_below(m, 3) - 1) * (UINT64_C(1) << 32) +
                           chance_below(m, 2));
        break;
    case 1:
        if (chance_one_in(m, 3))
            bytes[10 + chance_below(m, SLG_IDENTITY_BYTES)] ^= 1;
        break;
    default:
        if (at + 8 <= len - SLG_CHECKSUM_BYTES)
            slg_store_le64(bytes + at,
                           number_bend(m, slg_load_le64(bytes + at)));
        break;
    }
}

/* A body of another length, under a head that says so. */
static void
body_resize(struct mutation *m, struct part *part,
            const struct slg_frame *frame)
{
    const size_t cut = frame->kind == SLG_FRAME_CONTROL ? 0 : frame->body_len;
    size_t len = chance_below(m, cut + 40);
    uint8_t *out = arena_take(m, len + SLG_HEAD_MAX + SLG_CHECKSUM_BYTES);
    size_t head_len = 0;

    if (!out || frame->kind == SLG_FRAME_CONTROL || len > SLG_BODY_SHORT_MAX)
        return;
    head_len = slg_frame_put_head(
        out, frame->kind, (frame->head & SLG_HEAD_DURABLE) != 0, (uint32_t)len);
    out[0] |= frame->head & SLG_HEAD_COMPRESSED;
    body_fill(m, out + head_len, len);
    memcpy(out + head_len, part->bytes + frame->head_len,
           len < cut ? len : cut);
    *part = (struct part){ .bytes = out,
                           .len = head_len + len + SLG_CHECKSUM_BYTES,
                           .is_frame = true,
                           .is_changed = true };
    memset(out + head_len + len, 0, SLG_CHECKSUM_BYTES);
}

static void
frame_change(struct mutation *m, struct part *part)
{
    struct slg_frame frame;
    uint8_t *bytes = NULL;

    if (!frame_is_whole(m, part->bytes, part->len, &frame))
        return;
    if (chance_one_in(m, 4)) {
        body_resize(m, part, &frame);
        return;
    }
    bytes = part_own(m, part, 0);
    if (!bytes)
        return;
    if (frame.control == SLG_CONTROL_SYNC_POINT ||
        frame.control == SLG_CONTROL_CLOSING_MARK)
        mark_change(m, bytes, part->len);
    else if (frame.kind != SLG_FRAME_CONTROL && chance_one_in(m, 3))
        bytes[0] ^= SLG_HEAD_DURABLE;
    else if (frame.kind != SLG_FRAME_CONTROL && chance_one_in(m, 3))
        bytes[0] = (uint8_t)((bytes[0] & 0x1F) | (1 + chance_below(m, 5))
                                                     << SLG_HEAD_KIND_SHIFT);
    else if (frame.control == SLG_CONTROL_GAP && chance_one_in(m, 2))
        slg_store_le64(bytes + 6, number_bend(m, slg_load_le64(bytes + 6)));
    else if (frame.body_len > 0)
        bytes[frame.head_len + chance_below(m, frame.body_len)] ^=
            (uint8_t)(1u << chance_below(m, 8));
}

/* The header keeps its place and gets a good checksum, mostly. */
static void
header_change(struct mutation *m)
{
    uint8_t *bytes = NULL;

    if (m->count == 0 || m->parts[0].is_frame ||
        m->parts[0].len < SLG_HEADER_BYTES)
        return;
    bytes = part_own(m, &m->parts[0], 0);
    if (!bytes)
        return;
    switch (chance_below(m, 6)) {
    case 0:
        m->header.body_log2 = (uint8_t)(9 + chance_below(m, 19));
        break;
    case 1:
        m->header.sync_log2 = (uint8_t)(9 + chance_below(m, 12));
        break;
    case 2:
        m->header.features_refuse ^=
            chance_one_in(m, 4) ? SLG_REFUSE_COMPRESSED | SLG_REFUSE_ZSTD
                                : (uint16_t)(1u << chance_below(m, 3));
        break;
    case 3:
        m->header.first_record = number_bend(m, m->header.first_record);
        break;
    case 4:
        m->header.features_read_only ^= (uint16_t)chance_below(m, 2);
        break;
    default:
        m->header.epoch ^= chance_below(m, 4);
        break;
    }
    slg_header_encode(&m->header, bytes);
    m->limits = slg_header_limits(&m->header);
    if (chance_one_in(m, 4))
        bytes[chance_below(m, SLG_HEADER_BYTES)] ^=
            (uint8_t)(1u << chance_below(m, 8));
}

/* -- changes of the order of frames ---------------------------------------- */

/* One record inside another, or several records as one group. */
static void
parts_merge(struct mutation *m, size_t at)
{
    const struct part *a = &m->parts[at];
    const struct part *b = &m->parts[at + 1];
    const size_t len = a->len + b->len;
    uint8_t *out = arena_take(m, len + 16);
    struct part merged = { .bytes = out, .is_frame = true, .is_changed = true };
    size_t head_len = 0;

    if (!out || len > SLG_BODY_SHORT_MAX)
        return;
    head_len = slg_frame_put_head(out, 1 + (unsigned)chance_below(m, 4), false,
                                  (uint32_t)len);
    memcpy(out + head_len, a->bytes, a->len);
    memcpy(out + head_len + a->len, b->bytes, b->len);
    merged.len = head_len + len + SLG_CHECKSUM_BYTES;
    memset(out + merged.len - SLG_CHECKSUM_BYTES, 0, SLG_CHECKSUM_BYTES);
    part_remove(m, at);
    m->parts[at] = merged;
}

/* Some neighbours to another place; the old ones stay or go. */
static void
parts_move(struct mutation *m, bool is_copy)
{
    struct part taken[8];
    const size_t from = chance_below(m, m->count);
    size_t count = 1 + chance_below(m, 8);
    size_t to = 0;

    if (count > m->count - from)
        count = m->count - from;
    memcpy(taken, m->parts + from, count * sizeof *taken);
    for (size_t i = 0; !is_copy && i < count; i++)
        part_remove(m, from);
    to = chance_below(m, m->count + 1);
    for (size_t i = 0; i < count; i++) {
        /* With their old checksums, these are copies. */
        taken[i].is_changed &= !chance_one_in(m, 4);
        part_insert(m, to + i < m->count ? to + i : m->count, &taken[i]);
    }
}

/* Frames of the other segment, as they are. */
static void
parts_take_other(struct mutation *m)
{
    size_t pos = SWITCHES + SLG_HEADER_BYTES;
    size_t skip = chance_below(m, 12);
    size_t count = 1 + chance_below(m, 5);
    size_t to = chance_below(m, m->count + 1);
    struct slg_frame frame;

    if (chance_one_in(m, 6) && m->other_len >= pos) {
        const struct part header = { .bytes = m->other + SWITCHES,
                                     .len = SLG_HEADER_BYTES };
        part_insert(m, to, &header);
        return;
    }
    while (pos < m->other_len && count > 0) {
        struct part part = { .bytes = m->other + pos, .is_frame = true };

        if (!frame_is_whole(m, m->other + pos, m->other_len - pos, &frame))
            return;
        part.len = (size_t)frame.len;
        pos += part.len;
        if (skip > 0) {
            skip--;
            continue;
        }
        part_insert(m, to++, &part);
        count--;
    }
}

static void
segment_change(struct mutation *m)
{
    struct part made;
    const size_t at = chance_below(m, m->count);

    switch (chance_below(m, 14)) {
    case 0:
        if (m->count > 1)
            part_remove(m, at);
        break;
    case 1:
        parts_move(m, true);
        break;
    case 2:
        parts_move(m, false);
        break;
    case 3:
    case 4:
        if (frame_make(m, &made))
            part_insert(m, chance_below(m, m->count + 1), &made);
        break;
    case 5:
        if (junk_make(m, &made))
            part_insert(m, chance_below(m, m->count + 1), &made);
        break;
    case 6:
        if (at + 1 < m->count && m->parts[at].is_frame)
            parts_merge(m, at);
        break;
    case 7:
        header_change(m);
        break;
    case 8:
        parts_take_other(m);
        break;
    default:
        if (m->count > 0 && m->parts[at].is_frame)
            frame_change(m, &m->parts[at]);
        break;
    }
}

/* -- making it right again ------------------------------------------------- */

/* Where a writer would stand. */
struct stand {
    uint64_t number;
    uint64_t line;
    uint64_t epoch;
    uint32_t salt;
    uint64_t digest;
    uint64_t sync_offset;
};

static void
stand_add_record(struct stand *at, unsigned kind, const uint8_t *data,
                 size_t len)
{
    at->digest += slg_digest_term(at->number, data, len);
    at->number++;
    at->line += kind != SLG_FRAME_PART;
}

/* The lines and digests of a block that is not plain are not known here. */
static void
stand_add_block(struct stand *at, const uint8_t *body, size_t len)
{
    struct slg_group group;
    unsigned kind = 0;
    const uint8_t *data = NULL;
    size_t data_len = 0;

    if (!slg_entries_open(&group, body, len) || group.at == group.end)
        return;
    if (*group.at++ != 0) {
        at->number += group.left;
        return;
    }
    while (slg_group_next(&group, &kind, &data, &data_len))
        stand_add_record(at, kind, data, data_len);
}

static void
stand_pass(struct stand *at, const uint8_t *bytes,
           const struct slg_frame *frame)
{
    const uint8_t *body = bytes + frame->head_len;
    struct slg_group group;
    struct slg_gap gap;
    unsigned kind = 0;
    const uint8_t *data = NULL;
    size_t len = 0;

    if (frame->kind == SLG_FRAME_GROUP) {
        if (slg_group_open(&group, body, frame->body_len)) {
            while (slg_group_next(&group, &kind, &data, &len))
                stand_add_record(at, kind, data, len);
        }
    } else if (frame->kind == SLG_FRAME_BLOCK) {
        stand_add_block(at, body, frame->body_len);
    } else if (frame->kind != SLG_FRAME_CONTROL) {
        stand_add_record(at, frame->kind, body, frame->body_len);
    } else if (frame->control == SLG_CONTROL_GAP &&
               slg_gap_decode(bytes, &gap)) {
        at->number += gap.count;
        at->line += gap.lines;
    }
}

static void
stand_at_mark(struct stand *at, const uint8_t *bytes)
{
    at->number = slg_load_le64(bytes + 34);
    at->line = slg_load_le64(bytes + 42);
    at->epoch = slg_load_le64(bytes + 26);
    at->salt = slg_salt(bytes + 10, at->epoch);
    at->digest = 0;
}

/* What the frame says by itself, if that is near. */
static void
stand_follow(struct stand *at, const uint8_t *bytes,
             const struct slg_frame *frame)
{
    const uint32_t implied = slg_frame_implied(bytes, frame, at->salt);
    const uint32_t ahead = implied - (uint32_t)at->number;

    if (ahead < 2000 || ahead > UINT32_MAX - 2000)
        at->number += (uint64_t)(int64_t)(int32_t)ahead;
}

static void
mark_mend(struct mutation *m, struct stand *at, uint8_t *bytes, size_t len,
          uint64_t offset)
{
    const bool is_sync = bytes[2] == SLG_CONTROL_SYNC_POINT;
    const unsigned wrong = (unsigned)chance_below(m, 24);

    if (wrong != 0)
        slg_store_le64(bytes + 34, at->number);
    if (wrong != 1)
        slg_store_le64(bytes + 42, at->line);
    if (wrong != 2)
        slg_store_le64(bytes + 50, offset);
    if (wrong != 3)
        slg_store_le64(bytes + (is_sync ? 70 : 58),
                       m->limits.has_digests ? at->digest : 0);
    if (is_sync && wrong != 4)
        slg_store_le32(bytes + 58, (uint32_t)(offset - at->sync_offset));
    if (is_sync && slg_load_le64(bytes + 62) >= at->number)
        slg_store_le64(bytes + 62, at->number - 1);
    stand_at_mark(at, bytes);
    if (is_sync)
        at->sync_offset = offset;
    slg_store_le32(bytes + len - 4, slg_crc32(0, bytes, len - 4) ^
                                        slg_mix(at->number, at->salt));
}

static void
frame_mend(struct mutation *m, struct stand *at, uint8_t *bytes,
           const struct slg_frame *frame, uint64_t offset)
{
    if (frame->control == SLG_CONTROL_SYNC_POINT ||
        frame->control == SLG_CONTROL_CLOSING_MARK)
        mark_mend(m, at, bytes, (size_t)frame->len, offset);
    else
        (void)slg_frame_finish(bytes, frame->head_len, frame->body_len,
                               &m->limits, at->number, at->salt);
}

/* Write the parts one behind the other; returns their length. */
static size_t
segment_join(struct mutation *m, uint8_t *out, size_t max)
{
    const unsigned mends = (unsigned)chance_below(m, 8);
    struct stand at = { .number = m->header.first_record,
                        .line = m->header.first_record,
                        .epoch = m->header.epoch,
                        .salt = slg_salt(m->header.identity, m->header.epoch) };
    size_t len = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct part *part = &m->parts[i];
        struct slg_frame frame;

        if (part->len > max - len)
            continue;
        memcpy(out + len, part->bytes, part->len);
        if (part->is_frame && frame_is_whole(m, out + len, part->len, &frame)) {
            /* 0: nothing; 1 and 2: everything; else what was changed */
            if (mends == 1 || mends == 2 || (mends > 2 && part->is_changed))
                frame_mend(m, &at, out + len, &frame, len);
            else if (frame.control == SLG_CONTROL_SYNC_POINT ||
                     frame.control == SLG_CONTROL_CLOSING_MARK)
                stand_at_mark(&at, out + len);
            else
                stand_follow(&at, out + len, &frame);
            stand_pass(&at, out + len, &frame);
        }
        len += part->len;
    }
    return len;
}

/* -- damage behind all checksums ------------------------------------------- */

static size_t
segment_damage(struct mutation *m, uint8_t *bytes, size_t len, size_t max)
{
    const size_t at = chance_below(m, len);
    size_t run = 1 + chance_below(m, chance_one_in(m, 2) ? 4 : 700);

    if (len == 0)
        return 0;
    if (run > len - at)
        run = len - at;
    switch (chance_below(m, 6)) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << chance_below(m, 8));
        return len;
    case 1: /* cut off */
        return at;
    case 2: /* take out */
        memmove(bytes + at, bytes + at + run, len - at - run);
        return len - run;
    case 3: /* put in */
        if (run > max - len)
            return len;
        memmove(bytes + at + run, bytes + at, len - at);
        memset(bytes + at, chance_one_in(m, 2) ? 0x20 : 0, run);
        return len + run;
    case 4: /* pages of a device */
        memset(bytes + at / 512 * 512, chance_one_in(m, 2) ? 0 : 0xFF,
               len - at / 512 * 512 < 512 ? len - at / 512 * 512 : 512);
        return len;
    default:
        memset(bytes + at, chance_one_in(m, 2) ? 0 : 0xFF, run);
        return len;
    }
}

static size_t
segment_mutate(const uint8_t *data, size_t size, const uint8_t *other,
               size_t other_len, uint8_t *out, size_t max, unsigned seed)
{
    struct mutation *m = calloc(1, sizeof *m);
    const size_t head = size < SWITCHES ? size : SWITCHES;
    size_t len = 0;

    if (m)
        m->arena = malloc(ARENA_SIZE);
    if (!m || !m->arena || max <= SWITCHES) {
        free(m);
        return 0;
    }
    m->chance = seed;
    m->other = other;
    m->other_len = other_len;
    memset(out, 0, SWITCHES);
    memcpy(out, data, head);
    if (chance_one_in(m, 8))
        out[0] ^= (uint8_t)(1u << chance_below(m, 8));
    if (chance_one_in(m, 8))
        out[1] = (uint8_t)chance_next(m);
    segment_split(m, data + head, size - head);
    for (size_t n = chance_below(m, 5) + 1; n > 0; n--)
        segment_change(m);
    len = segment_join(m, out + SWITCHES, max - SWITCHES);
    if (chance_one_in(m, 3))
        len = segment_damage(m, out + SWITCHES, len, max - SWITCHES);
    free(m->arena);
    free(m);
    return SWITCHES + len;
}

/* -- libFuzzer ------------------------------------------------------------- */

/* A small segment of another identity, to take frames from. */
static size_t
stranger_make(uint8_t *out)
{
    static const struct slg_frame_limits limits = { .body_max = 512,
                                                    .has_digests = true };
    struct slg_header header = { .version = SLG_VERSION,
                                 .body_log2 = 9,
                                 .sync_log2 = 9,
                                 .identity = { 0xAA },
                                 .epoch = 77,
                                 .first_record = 1 };
    struct slg_mark mark = { .type = SLG_CONTROL_SYNC_POINT,
                             .identity = { 0xAA },
                             .epoch = 77,
                             .line = 1 };
    const uint32_t salt = slg_salt(header.identity, header.epoch);
    size_t len = SWITCHES;

    slg_header_encode(&header, out + len);
    len += SLG_HEADER_BYTES;
    for (mark.number = 1; mark.number < 9; mark.number++) {
        size_t head_len = 0;

        if (mark.number == 5)
            len += slg_mark_encode(&mark, out + len);
        head_len = slg_frame_put_head(out + len, SLG_FRAME_TEXT, false, 5);
        memset(out + len + head_len, 'x', 5);
        len += slg_frame_finish(out + len, head_len, 5, &limits, mark.number,
                                salt);
    }
    return len;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                        unsigned seed)
{
    uint8_t stranger[512];
    uint8_t *copy = NULL;
    size_t len = 0;

    if (LLVMFuzzerMutate && seed % 8 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    copy = malloc(size ? size : 1);
    if (!copy)
        return size;
    memcpy(copy, data, size);
    memset(stranger, 0, sizeof stranger);
    len = segment_mutate(copy, size, stranger, stranger_make(stranger), data,
                         max_size, seed);
    free(copy);
    return len;
}

size_t
LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
                          const uint8_t *data2, size_t size2, uint8_t *out,
                          size_t max_out_size, unsigned seed)
{
    return segment_mutate(data1, size1, data2, size2, out, max_out_size, seed);
}

/* -- AFL++ ----------------------------------------------------------------- */

struct afl_mutator {
    uint64_t chance;
    uint8_t *out;
    size_t cap;
};

void *
afl_custom_init(void *afl, unsigned seed)
{
    struct afl_mutator *self = calloc(1, sizeof *self);

    (void)afl;
    if (self)
        self->chance = seed;
    return self;
}

size_t
afl_custom_fuzz(void *state, uint8_t *buf, size_t buf_size, uint8_t **out_buf,
                uint8_t *add_buf, size_t add_buf_size, size_t max_size)
{
    struct afl_mutator *self = state;
    uint8_t stranger[512] = { 0 };

    self->chance = self->chance * UINT64_C(6364136223846793005) + 1442695041;
    if (self->cap < max_size) {
        free(self->out);
        self->out = malloc(max_size);
        self->cap = self->out ? max_size : 0;
    }
    *out_buf = self->out;
    if (!self->out)
        return 0;
    if (!add_buf || self->chance >> 62 == 0) {
        add_buf = stranger;
        add_buf_size = stranger_make(stranger);
    }
    return segment_mutate(buf, buf_size, add_buf, add_buf_size, self->out,
                          max_size, (unsigned)(self->chance >> 32));
}

void
afl_custom_deinit(void *state)
{
    struct afl_mutator *self = state;

    if (self)
        free(self->out);
    free(self);
}
