/* SPDX-License-Identifier: MIT */
/* fuzz/mutation.c - a segment is taken apart, and made right again. */
#include "fuzz/mutation.h"

#include <string.h>

/* -- chance ---------------------------------------------------------------- */

uint64_t
mutation_next(struct mutation *m)
{
    m->chance += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = m->chance;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

size_t
mutation_below(struct mutation *m, size_t limit)
{
    return limit > 0 ? (size_t)(mutation_next(m) % limit) : 0;
}

bool
mutation_one_in(struct mutation *m, size_t n)
{
    return mutation_below(m, n) == 0;
}

uint64_t
mutation_bend(struct mutation *m, uint64_t number)
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

    switch (mutation_below(m, 6)) {
    case 0:
        return limits[mutation_below(m, sizeof limits / sizeof limits[0])];
    case 1:
        return number ^ UINT64_C(1) << mutation_below(m, 64);
    case 2:
        return number + mutation_below(m, 70000) - 35000;
    default:
        return number + mutation_below(m, 9) - 4;
    }
}

/* -- parts ----------------------------------------------------------------- */

uint8_t *
mutation_take(struct mutation *m, size_t len)
{
    uint8_t *out = m->arena + m->used;

    if (len > ARENA_SIZE - m->used)
        return NULL;
    m->used += len;
    return out;
}

void
mutation_insert(struct mutation *m, size_t at, const struct part *part)
{
    if (m->count == PARTS_MAX)
        return;
    memmove(m->parts + at + 1, m->parts + at,
            (m->count - at) * sizeof *m->parts);
    m->parts[at] = *part;
    m->count++;
}

void
mutation_remove(struct mutation *m, size_t at)
{
    m->count--;
    memmove(m->parts + at, m->parts + at + 1,
            (m->count - at) * sizeof *m->parts);
}

bool
mutation_has_frame(const struct mutation *m, const uint8_t *bytes, size_t len,
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
        bool is_good = mutation_has_frame(m, bytes + pos, len - pos, &frame);

        if (is_good && junk < pos && pos + frame.len < len)
            is_good = mutation_has_frame(m, bytes + pos + frame.len,
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

void
mutation_split(struct mutation *m, const uint8_t *bytes, size_t len)
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

uint8_t *
mutation_own(struct mutation *m, struct part *part, size_t more)
{
    uint8_t *own = mutation_take(m, part->len + more);

    if (!own)
        return NULL;
    memcpy(own, part->bytes, part->len);
    part->bytes = own;
    part->is_changed = true;
    return own;
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
    const unsigned wrong = (unsigned)mutation_below(m, 24);

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

size_t
mutation_join(struct mutation *m, uint8_t *out, size_t max)
{
    const unsigned mends = (unsigned)mutation_below(m, 8);
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
        if (part->is_frame &&
            mutation_has_frame(m, out + len, part->len, &frame)) {
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
