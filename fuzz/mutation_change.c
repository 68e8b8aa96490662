/* SPDX-License-Identifier: MIT */
/* fuzz/mutation_change.c - frames are made, changed and moved. */
#include "fuzz/mutation.h"

#include <string.h>

/* Bodies that are made; those of the input may be larger. */
#define MADE_MAX 700u

/* -- frames that are made -------------------------------------------------- */

static void
body_fill(struct mutation *m, uint8_t *body, size_t len)
{
    const unsigned style = (unsigned)mutation_below(m, 4);

    for (size_t i = 0; i < len; i++) {
        const uint8_t byte = (uint8_t)mutation_next(m);

        body[i] = style == 0   ? 0
                  : style == 1 ? byte
                  : style == 2 ? (uint8_t)('a' + byte % 26)
                               : (uint8_t)(len - i);
    }
}

static size_t
group_make(struct mutation *m, uint8_t *body, size_t room)
{
    const size_t count = 2 + mutation_below(m, 6);
    size_t len = slg_varint_put(body, mutation_one_in(m, 12)
                                          ? mutation_bend(m, count) & INT64_MAX
                                          : count);

    for (size_t i = 0; i < count && len + 3 < room; i++) {
        size_t size = mutation_below(m, 24);

        if (size > room - len - 2)
            size = room - len - 2;
        len += slg_varint_put(body + len, size * 4 + mutation_below(m, 4));
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
    body[used] = (uint8_t)(mutation_one_in(m, 8) ? mutation_below(m, 4) : 0);
    return len + 1;
}

static size_t
control_make(struct mutation *m, uint8_t *out)
{
    struct slg_mark mark = { .epoch = m->header.epoch, .number = 1, .line = 1 };
    struct slg_gap gap = { .verdict = SLG_FRAME_BYTES,
                           .cause = 13,
                           .count = 1 + mutation_below(m, 5) };
    struct slg_predecessor before = { .number = 1, .end = 54 };
    size_t len = 0;

    memcpy(mark.identity, m->header.identity, SLG_IDENTITY_BYTES);
    switch (mutation_below(m, 5)) {
    case 0:
    case 1:
        mark.type = (uint8_t)(SLG_CONTROL_SYNC_POINT + mutation_below(m, 2));
        return slg_mark_encode(&mark, out);
    case 2:
        gap.lines = gap.count - mutation_below(m, 2);
        if (mutation_one_in(m, 6))
            gap.count = mutation_bend(m, gap.count);
        return slg_gap_encode(&gap, 1, 0, out);
    case 3:
        return slg_predecessor_encode(&before, 1, 0, out);
    default:
        len = 1 + mutation_below(m, 80);
        len += slg_frame_put_head(out, SLG_FRAME_CONTROL, false, (uint32_t)len);
        body_fill(m, out + 2, len - 2);
        out[2] = (uint8_t)(5 + mutation_below(m, 5));
        return len + SLG_CHECKSUM_BYTES;
    }
}

/* A frame of any kind, without a checksum. */
static bool
frame_make(struct mutation *m, struct part *part)
{
    const unsigned kind =
        1 + (unsigned)mutation_below(m, m->limits.has_blocks ? 7 : 6);
    uint8_t *out = mutation_take(m, MADE_MAX + 16);
    size_t len = mutation_below(m, mutation_one_in(m, 4) ? MADE_MAX : 20);
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
        out, kind, kind != SLG_FRAME_BLOCK && mutation_one_in(m, 4),
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
    size_t len = 1 + mutation_below(m, mutation_one_in(m, 2) ? 16 : 1100);
    uint8_t *out = mutation_take(m, len);

    if (!out)
        return false;
    *part = (struct part){ .bytes = out, .len = len };
    switch (mutation_below(m, 3)) {
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
    const size_t at = fields[mutation_below(m, sizeof fields)];

    switch (mutation_below(m, 5)) {
    case 0: /* another epoch: newer, older, or of other random bits */
        slg_store_le64(bytes + 26,
                       slg_load_le64(bytes + 26) +
                           (mutation_below(m, 3) - 1) * (UINT64_C(1) << 32) +
                           mutation_below(m, 2));
        break;
    case 1:
        if (mutation_one_in(m, 3))
            bytes[10 + mutation_below(m, SLG_IDENTITY_BYTES)] ^= 1;
        break;
    default:
        if (at + 8 <= len - SLG_CHECKSUM_BYTES)
            slg_store_le64(bytes + at,
                           mutation_bend(m, slg_load_le64(bytes + at)));
        break;
    }
}

/* A body of another length, under a head that says so. */
static void
body_resize(struct mutation *m, struct part *part,
            const struct slg_frame *frame)
{
    const size_t cut = frame->kind == SLG_FRAME_CONTROL ? 0 : frame->body_len;
    size_t len = mutation_below(m, cut + 40);
    uint8_t *out = mutation_take(m, len + SLG_HEAD_MAX + SLG_CHECKSUM_BYTES);
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

    if (!mutation_has_frame(m, part->bytes, part->len, &frame))
        return;
    if (mutation_one_in(m, 4)) {
        body_resize(m, part, &frame);
        return;
    }
    bytes = mutation_own(m, part, 0);
    if (!bytes)
        return;
    if (frame.control == SLG_CONTROL_SYNC_POINT ||
        frame.control == SLG_CONTROL_CLOSING_MARK)
        mark_change(m, bytes, part->len);
    else if (frame.kind != SLG_FRAME_CONTROL && mutation_one_in(m, 3))
        bytes[0] ^= SLG_HEAD_DURABLE;
    else if (frame.kind != SLG_FRAME_CONTROL && mutation_one_in(m, 3))
        bytes[0] = (uint8_t)((bytes[0] & 0x1F) | (1 + mutation_below(m, 5))
                                                     << SLG_HEAD_KIND_SHIFT);
    else if (frame.control == SLG_CONTROL_GAP && mutation_one_in(m, 2))
        slg_store_le64(bytes + 6, mutation_bend(m, slg_load_le64(bytes + 6)));
    else if (frame.body_len > 0)
        bytes[frame.head_len + mutation_below(m, frame.body_len)] ^=
            (uint8_t)(1u << mutation_below(m, 8));
}

/* The header keeps its place and gets a good checksum, mostly. */
static void
header_change(struct mutation *m)
{
    uint8_t *bytes = NULL;

    if (m->count == 0 || m->parts[0].is_frame ||
        m->parts[0].len < SLG_HEADER_BYTES)
        return;
    bytes = mutation_own(m, &m->parts[0], 0);
    if (!bytes)
        return;
    switch (mutation_below(m, 6)) {
    case 0:
        m->header.body_log2 = (uint8_t)(9 + mutation_below(m, 19));
        break;
    case 1:
        m->header.sync_log2 = (uint8_t)(9 + mutation_below(m, 12));
        break;
    case 2:
        m->header.features_refuse ^=
            mutation_one_in(m, 4) ? SLG_REFUSE_COMPRESSED | SLG_REFUSE_ZSTD
                                  : (uint16_t)(1u << mutation_below(m, 3));
        break;
    case 3:
        m->header.first_record = mutation_bend(m, m->header.first_record);
        break;
    case 4:
        m->header.features_read_only ^= (uint16_t)mutation_below(m, 2);
        break;
    default:
        m->header.epoch ^= mutation_below(m, 4);
        break;
    }
    slg_header_encode(&m->header, bytes);
    m->limits = slg_header_limits(&m->header);
    if (mutation_one_in(m, 4))
        bytes[mutation_below(m, SLG_HEADER_BYTES)] ^=
            (uint8_t)(1u << mutation_below(m, 8));
}

/* -- changes of the order of frames ---------------------------------------- */

/* One record inside another, or several records as one group. */
static void
parts_merge(struct mutation *m, size_t at)
{
    const struct part *a = &m->parts[at];
    const struct part *b = &m->parts[at + 1];
    const size_t len = a->len + b->len;
    uint8_t *out = mutation_take(m, len + 16);
    struct part merged = { .bytes = out, .is_frame = true, .is_changed = true };
    size_t head_len = 0;

    if (!out || len > SLG_BODY_SHORT_MAX)
        return;
    head_len = slg_frame_put_head(out, 1 + (unsigned)mutation_below(m, 4),
                                  false, (uint32_t)len);
    memcpy(out + head_len, a->bytes, a->len);
    memcpy(out + head_len + a->len, b->bytes, b->len);
    merged.len = head_len + len + SLG_CHECKSUM_BYTES;
    memset(out + merged.len - SLG_CHECKSUM_BYTES, 0, SLG_CHECKSUM_BYTES);
    mutation_remove(m, at);
    m->parts[at] = merged;
}

/* Some neighbours to another place; the old ones stay or go. */
static void
parts_move(struct mutation *m, bool is_copy)
{
    struct part taken[8];
    const size_t from = mutation_below(m, m->count);
    size_t count = 1 + mutation_below(m, 8);
    size_t to = 0;

    if (count > m->count - from)
        count = m->count - from;
    memcpy(taken, m->parts + from, count * sizeof *taken);
    for (size_t i = 0; !is_copy && i < count; i++)
        mutation_remove(m, from);
    to = mutation_below(m, m->count + 1);
    for (size_t i = 0; i < count; i++) {
        /* With their old checksums, these are copies. */
        taken[i].is_changed &= !mutation_one_in(m, 4);
        mutation_insert(m, to + i < m->count ? to + i : m->count, &taken[i]);
    }
}

/* Frames of the other segment, as they are. */
static void
parts_take_other(struct mutation *m)
{
    size_t pos = SWITCHES + SLG_HEADER_BYTES;
    size_t skip = mutation_below(m, 12);
    size_t count = 1 + mutation_below(m, 5);
    size_t to = mutation_below(m, m->count + 1);
    struct slg_frame frame;

    if (mutation_one_in(m, 6) && m->other_len >= pos) {
        const struct part header = { .bytes = m->other + SWITCHES,
                                     .len = SLG_HEADER_BYTES };
        mutation_insert(m, to, &header);
        return;
    }
    while (pos < m->other_len && count > 0) {
        struct part part = { .bytes = m->other + pos, .is_frame = true };

        if (!mutation_has_frame(m, m->other + pos, m->other_len - pos, &frame))
            return;
        part.len = (size_t)frame.len;
        pos += part.len;
        if (skip > 0) {
            skip--;
            continue;
        }
        mutation_insert(m, to++, &part);
        count--;
    }
}

void
mutation_change(struct mutation *m)
{
    struct part made;
    const size_t at = mutation_below(m, m->count);

    switch (mutation_below(m, 14)) {
    case 0:
        if (m->count > 1)
            mutation_remove(m, at);
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
            mutation_insert(m, mutation_below(m, m->count + 1), &made);
        break;
    case 5:
        if (junk_make(m, &made))
            mutation_insert(m, mutation_below(m, m->count + 1), &made);
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
