/* SPDX-License-Identifier: MIT */
/* src/segment/segment_writer_frames.c - frames in the buffer of a writer. */
#define _DEFAULT_SOURCE /* getentropy */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/checksum.h"
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"

#define CAP_MIN ((size_t)4096)

bool
slg_writer_random(void *bytes, size_t len)
{
    return getentropy(bytes, len) == 0;
}

/* -- the buffer ----------------------------------------------------------- */

/*
 * Doubling from a small start: many writers never buffer more than a record.
 * The sum cannot overflow: frame_len is at most some 2^27 bytes, and nothing
 * larger than the address space has been buffered.
 */
seglog_code
slg_frames_reserve(struct slg_frames *frames, uint64_t frame_len,
                   struct seglog_error *err)
{
    const size_t need = frames->len + SLG_FRAME_ROOM + (size_t)frame_len;
    size_t cap = frames->cap < CAP_MIN ? CAP_MIN : 2 * frames->cap;
    uint8_t *bytes = NULL;

    if (need <= frames->cap)
        return SEGLOG_OK;
    if (cap < need)
        cap = need;
    bytes = realloc(frames->bytes, cap);
    if (!bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory to buffer %zu bytes", cap);
    frames->bytes = bytes;
    frames->cap = cap;
    return SEGLOG_OK;
}

static void
frames_trim(struct slg_frames *frames, size_t cap_max)
{
    if (frames->cap <= cap_max)
        return;
    free(frames->bytes);
    *frames = (struct slg_frames){ 0 };
}

void
slg_writer_trim(struct seglog_writer *writer)
{
    frames_trim(&writer->frames, writer->buffer_cap_max);
    frames_trim(&writer->spare, writer->buffer_cap_max);
}

/* -- one frame at a point ------------------------------------------------- */

static inline bool
wants_sync_point(const struct seglog_writer *writer, const struct slg_point *at,
                 uint64_t frame_len, uint64_t body_len)
{
    if (at->is_after_sync)
        return false;
    return at->wants_sync || body_len > SLG_BODY_NEAR_MAX ||
           at->end - at->sync_offset + frame_len > writer->sync_interval;
}

bool
slg_point_wants_sync_point(const struct seglog_writer *writer,
                           const struct slg_point *at, uint64_t frame_len,
                           uint64_t body_len)
{
    return wants_sync_point(writer, at, frame_len, body_len);
}

size_t
slg_writer_cost(const struct seglog_writer *writer, uint64_t frame_len,
                uint64_t body_len)
{
    const bool has_sync_point =
        wants_sync_point(writer, &writer->planned, frame_len, body_len);

    return (size_t)frame_len + (has_sync_point ? (size_t)SLG_FRAME_ROOM : 0);
}

/* SPEC.md 7.2.  Before the first record there is nothing to be durable. */
static inline bool
point_is_durable(const struct seglog_writer *writer, const struct slg_point *at)
{
    return at->watermark + 1 >= at->number && at->number > writer->durable_from;
}

bool
slg_point_is_durable(const struct seglog_writer *writer,
                     const struct slg_point *at)
{
    return point_is_durable(writer, at);
}

static inline void
point_pass(struct slg_point *at, size_t frame_len)
{
    at->end += frame_len;
    at->is_after_sync = false;
    at->is_closed = false;
    at->is_after_head = false;
}

void
slg_point_pass(struct slg_point *at, size_t frame_len)
{
    point_pass(at, frame_len);
}

/* SPEC.md 6.7.  What follows it still follows the sync point before it. */
static void
head_put(const struct seglog_writer *writer, struct slg_frames *frames,
         struct slg_point *at, bool is_anew)
{
    const struct slg_chain_head head = {
        .algorithm = writer->chain,
        .is_anew = is_anew || at->wants_anew,
        .hash = at->chain,
    };
    const bool is_after_sync = at->is_after_sync;
    const size_t len = slg_chain_head_encode(&head, at->number, at->salt,
                                             frames->bytes + frames->len);

    frames->len += len;
    point_pass(at, len);
    at->is_after_sync = is_after_sync;
    at->is_after_head = true;
    at->wants_head = false;
    at->wants_anew = false;
}

/* SPEC.md 6.6.  What follows it still follows the sync point before it. */
static void
reference_put(const struct seglog_writer *writer, struct slg_frames *frames,
              struct slg_point *at)
{
    const struct slg_dictionary *dictionary = writer->dictionary;
    const bool is_after_sync = at->is_after_sync;
    struct slg_reference reference = { .role = SLG_REFERENCE_DICTIONARY };
    size_t len = 0;

    if (!dictionary)
        return;
    memcpy(reference.digest, dictionary->digest, sizeof reference.digest);
    reference.name_len = strlen(dictionary->name);
    memcpy(reference.name, dictionary->name, reference.name_len);
    len = slg_reference_encode(&reference, at->number, at->salt,
                               frames->bytes + frames->len);
    frames->len += len;
    point_pass(at, len);
    at->is_after_sync = is_after_sync;
}

static void
mark_put(const struct seglog_writer *writer, struct slg_frames *frames,
         struct slg_point *at, uint8_t type)
{
    const uint64_t distance = at->end - at->sync_offset;
    struct slg_mark mark = {
        .type = type,
        .epoch = at->epoch,
        .number = at->number,
        .line = at->line,
        .offset = at->end,
        .distance = distance > UINT32_MAX ? UINT32_MAX : (uint32_t)distance,
        .watermark = at->watermark,
        .digest = at->digest,
    };

    memcpy(mark.identity, writer->header.identity, sizeof mark.identity);
    if (type == SLG_CONTROL_SYNC_POINT)
        at->sync_offset = at->end;
    frames->len += slg_mark_encode(&mark, frames->bytes + frames->len);
    point_pass(at, slg_mark_len(type));
    at->is_after_sync = type == SLG_CONTROL_SYNC_POINT;
    at->is_closed = type == SLG_CONTROL_CLOSING_MARK;
    at->wants_sync = false;
    at->digest = 0;
    if (type != SLG_CONTROL_SYNC_POINT)
        return;
    if (writer->is_chained)
        head_put(writer, frames, at, false);
    reference_put(writer, frames, at);
}

void
slg_frames_put_sync_point(const struct seglog_writer *writer,
                          struct slg_frames *frames, struct slg_point *at)
{
    mark_put(writer, frames, at, SLG_CONTROL_SYNC_POINT);
}

void
slg_frames_put_chain_head(const struct seglog_writer *writer,
                          struct slg_frames *frames, struct slg_point *at)
{
    head_put(writer, frames, at, false);
}

/* Where the next frame goes; a sync point stands before it if one has to. */
static inline uint8_t *
frame_begin(const struct seglog_writer *writer, struct slg_frames *frames,
            struct slg_point *at, uint64_t frame_len, uint64_t body_len)
{
    if (wants_sync_point(writer, at, frame_len, body_len))
        mark_put(writer, frames, at, SLG_CONTROL_SYNC_POINT);
    else if (at->wants_head)
        head_put(writer, frames, at, false);
    frames->last = frames->len;
    return frames->bytes + frames->len;
}

/*
 * What one record changes.  stored is the digest in its frame, or NULL where
 * the frame has none and it has to be computed.
 */
static inline void
point_add_record(const struct seglog_writer *writer, struct slg_point *at,
                 unsigned kind, const void *data, size_t len,
                 const uint8_t *stored)
{
    if (stored)
        at->digest += slg_load_le64(stored) * (2 * at->number + 1);
    else if (writer->limits.has_digests)
        at->digest += slg_digest_term(at->number, data, len);
    if (writer->is_chained)
        slg_chain_hash(writer->chain, &at->chain, SLG_CHAIN_KIND_RECORD, data,
                       len, &at->chain);
    at->number++;
    at->line += kind != SLG_FRAME_PART;
}

static void
point_add_tombstone(const struct seglog_writer *writer, struct slg_point *at,
                    const struct slg_tombstone *tombstone)
{
    uint8_t payload[SLG_TOMBSTONE_PAYLOAD_MAX];

    if (writer->is_chained)
        slg_chain_hash(writer->chain, &at->chain, SLG_CHAIN_KIND_TOMBSTONE,
                       payload, slg_tombstone_payload(tombstone, payload),
                       &at->chain);
}

/* SPEC.md 16.4: behind it the chain begins anew. */
static void
point_add_gap(const struct seglog_writer *writer, struct slg_point *at,
              const struct slg_gap *gap)
{
    if (writer->is_chained)
        slg_chain_hash_anew(writer->chain, &at->chain, at->number,
                            at->number + gap->count, &at->chain);
    at->number += gap->count;
    at->line += gap->lines;
}

static void
point_add_control(const struct seglog_writer *writer, struct slg_point *at,
                  const uint8_t *bytes, const struct slg_frame *frame)
{
    struct slg_tombstone tombstone;
    struct slg_gap gap;

    if (frame->control == SLG_CONTROL_GAP && slg_gap_decode(bytes, &gap))
        point_add_gap(writer, at, &gap);
    else if (frame->control == SLG_CONTROL_TOMBSTONE &&
             slg_tombstone_decode(bytes, frame, &tombstone))
        point_add_tombstone(writer, at, &tombstone);
}

/* What the records of an encoded frame change. */
void
slg_point_add_frame(const struct seglog_writer *writer, struct slg_point *at,
                    const uint8_t *bytes, const struct slg_frame *frame)
{
    const uint8_t *body = bytes + frame->head_len;
    struct slg_group group;
    unsigned kind = 0;
    const uint8_t *data = NULL;
    size_t len = 0;

    if (frame->kind == SLG_FRAME_CONTROL) {
        point_add_control(writer, at, bytes, frame);
    } else if (frame->kind != SLG_FRAME_GROUP) {
        point_add_record(writer, at, frame->kind, body, frame->body_len,
                         slg_frame_has_digest(frame, &writer->limits)
                             ? body + frame->body_len
                             : NULL);
    } else if (slg_group_open(&group, body, frame->body_len)) {
        while (slg_group_next(&group, &kind, &data, &len))
            point_add_record(writer, at, kind, data, len, NULL);
    }
}

void
slg_writer_put_record(struct seglog_writer *writer, enum seglog_kind kind,
                      const void *data, size_t len, uint64_t frame_len)
{
    struct slg_frames *frames = &writer->frames;
    struct slg_point *at = &writer->planned;
    uint8_t *out = frame_begin(writer, frames, at, frame_len, len);
    const size_t head_len = slg_frame_put_head(
        out, kind, point_is_durable(writer, at), (uint32_t)len);
    const uint8_t *body = out + head_len;
    const bool has_digest =
        writer->limits.has_digests && len > SLG_BODY_SHORT_MAX;

    if (len > 0)
        memcpy(out + head_len, data, len);
    frames->len += slg_frame_finish(out, head_len, (uint32_t)len,
                                    &writer->limits, at->number, at->salt);
    frames->records++;
    point_add_record(writer, at, kind, body, len,
                     has_digest ? body + len : NULL);
    point_pass(at, (size_t)frame_len);
}

void
slg_writer_put_group(struct seglog_writer *writer,
                     const struct seglog_item *items, size_t count,
                     uint32_t body_len, uint64_t frame_len)
{
    struct slg_frames *frames = &writer->frames;
    struct slg_point *at = &writer->planned;
    uint8_t *out = frame_begin(writer, frames, at, frame_len, body_len);
    const uint64_t number = at->number;
    const size_t head_len = slg_frame_put_head(
        out, SLG_FRAME_GROUP, point_is_durable(writer, at), body_len);
    uint8_t *body = out + head_len;

    body += slg_varint_put(body, count);
    for (size_t i = 0; i < count; i++) {
        body += slg_varint_put(body, (uint64_t)items[i].len * 4 +
                                         ((unsigned)items[i].kind - 1));
        if (items[i].len > 0)
            memcpy(body, items[i].data, items[i].len);
        point_add_record(writer, at, items[i].kind, body, items[i].len, NULL);
        body += items[i].len;
    }
    frames->len += slg_frame_finish(out, head_len, body_len, &writer->limits,
                                    number, at->salt);
    frames->records += count;
    point_pass(at, (size_t)frame_len);
}

void
slg_writer_put_attributes(struct seglog_writer *writer, const void *data,
                          size_t len)
{
    struct slg_frames *frames = &writer->frames;
    struct slg_point *at = &writer->planned;
    const uint64_t frame_len = slg_attributes_len(len, &writer->limits);
    uint8_t *out = frame_begin(writer, frames, at, frame_len, len + 1);

    frames->len += slg_attributes_encode(data, len, &writer->limits, at->number,
                                         at->salt, out);
    point_pass(at, (size_t)frame_len);
}

void
slg_writer_put_predecessor(struct seglog_writer *writer,
                           const struct slg_predecessor *predecessor)
{
    struct slg_frames *frames = &writer->frames;
    struct slg_point *at = &writer->planned;
    uint8_t *out = frame_begin(writer, frames, at, SLG_PREDECESSOR_BYTES,
                               SLG_PREDECESSOR_BYTES);

    frames->len +=
        slg_predecessor_encode(predecessor, at->number, at->salt, out);
    point_pass(at, SLG_PREDECESSOR_BYTES);
}

void
slg_writer_put_stone(struct seglog_writer *writer,
                     const struct slg_tombstone *tombstone)
{
    struct slg_frames *frames = &writer->frames;
    struct slg_point *at = &writer->planned;
    uint8_t *out =
        frame_begin(writer, frames, at, SLG_TOMBSTONE_MAX, SLG_TOMBSTONE_MAX);
    const size_t len =
        slg_tombstone_encode(tombstone, at->number, at->salt, out);

    frames->len += len;
    point_add_tombstone(writer, at, tombstone);
    point_pass(at, len);
}

void
slg_writer_put_signed(struct seglog_writer *writer,
                      const struct slg_signature *signature)
{
    struct slg_frames *frames = &writer->frames;
    struct slg_point *at = &writer->planned;

    (void)frame_begin(writer, frames, at, SLG_SIGNATURE_FRAME,
                      SLG_SIGNATURE_FRAME);
    if (!at->is_after_head)
        head_put(writer, frames, at, false);
    frames->last = frames->len;
    frames->len += slg_signature_encode(signature, at->number, at->salt,
                                        frames->bytes + frames->len);
    point_pass(at, SLG_SIGNATURE_FRAME);
}

void
slg_writer_put_gap(struct seglog_writer *writer, const struct slg_gap *gap)
{
    struct slg_frames *frames = &writer->frames;
    struct slg_point *at = &writer->planned;
    uint8_t *out =
        frame_begin(writer, frames, at, SLG_GAP_BYTES, SLG_GAP_BYTES);

    frames->len += slg_gap_encode(gap, at->number, at->salt, out);
    if (at->number == writer->durable_from)
        writer->durable_from += gap->count;
    point_add_gap(writer, at, gap);
    point_pass(at, SLG_GAP_BYTES);
    if (writer->is_chained)
        head_put(writer, frames, at, true);
}

void
slg_writer_put_sync_point(struct seglog_writer *writer)
{
    mark_put(writer, &writer->frames, &writer->planned, SLG_CONTROL_SYNC_POINT);
}

void
slg_writer_put_reference(struct seglog_writer *writer)
{
    reference_put(writer, &writer->frames, &writer->planned);
}

void
slg_writer_put_chain_head(struct seglog_writer *writer)
{
    head_put(writer, &writer->frames, &writer->planned, false);
}

void
slg_writer_put_closing_mark(struct seglog_writer *writer)
{
    const struct slg_point *at = &writer->planned;

    /* However far the last sync point is: a close must not move the head.
     * Only a new epoch begins with one in any case; and of a chain the end is
     * a checkpoint. */
    if (at->wants_sync || (writer->is_chained && !at->is_after_sync))
        slg_writer_put_sync_point(writer);
    else if (at->wants_head)
        slg_writer_put_chain_head(writer);
    mark_put(writer, &writer->frames, &writer->planned,
             SLG_CONTROL_CLOSING_MARK);
}

/* -- frames that turned out to stand elsewhere ---------------------------- */

/* SPEC.md 7.3.  Without chance the ordinal alone tells epochs apart. */
static seglog_code
point_begin_epoch(const struct seglog_writer *writer, struct slg_point *at,
                  struct seglog_error *err)
{
    const struct slg_place place = slg_writer_place(writer);
    uint32_t random = writer->epoch_random;
    const uint64_t newest =
        at->epoch > at->newest_epoch ? at->epoch : at->newest_epoch;

    if (!writer->is_epoch_given && !slg_writer_random(&random, sizeof random))
        return slg_fail(err, SEGLOG_IO, &place,
                        "the system gives no random bytes for a new epoch");
    if (newest >> 32 == UINT32_MAX)
        return slg_fail(err, SEGLOG_TOO_LARGE, &place,
                        "it was cut too often; `seglog repair` makes a new "
                        "one of it");
    at->epoch = ((newest >> 32) + 1) << 32 | random;
    at->newest_epoch = 0;
    at->salt = slg_salt(writer->header.identity, at->epoch);
    at->is_cut = false;
    at->is_after_sync = false;
    at->wants_sync = true;
    return SEGLOG_OK;
}

/* What differs is the exclusive or of two mixes, unless DURABLE says something
 * else now. */
void
slg_frames_move_one(const struct seglog_writer *writer, struct slg_frames *to,
                    struct slg_point *at, const uint8_t *bytes,
                    const struct slg_frame *frame, uint32_t old_mix)
{
    const bool is_record = frame->kind != SLG_FRAME_CONTROL;
    const size_t covered = (size_t)slg_frame_covered(frame);
    uint8_t *out = frame_begin(writer, to, at, frame->len, frame->body_len);
    const bool is_durable = is_record && point_is_durable(writer, at);

    if (frame->control == SLG_CONTROL_SIGNATURE && !at->is_after_head) {
        head_put(writer, to, at, false);
        out = to->bytes + to->len;
    }
    memcpy(out, bytes, (size_t)frame->len);
    if (is_durable != ((frame->head & SLG_HEAD_DURABLE) != 0)) {
        out[0] ^= SLG_HEAD_DURABLE;
        (void)slg_frame_finish(out, frame->head_len, frame->body_len,
                               &writer->limits, at->number, at->salt);
    } else {
        slg_store_le32(out + covered, slg_load_le32(bytes + covered) ^ old_mix ^
                                          slg_mix(at->number, at->salt));
    }
    to->len += (size_t)frame->len;
    slg_point_add_frame(writer, at, out, frame);
    point_pass(at, (size_t)frame->len);
    if (frame->control == SLG_CONTROL_GAP && writer->is_chained)
        head_put(writer, to, at, true);
}

/* The buffered frames one by one, without those that come with sync points. */
static seglog_code
frames_move(const struct seglog_writer *writer, struct slg_frames *to,
            struct slg_point *at, struct seglog_error *err)
{
    const struct slg_frames *from = &writer->frames;
    const uint64_t number_max = SLG_NUMBER_MAX - from->records;
    uint64_t number = from->number;
    struct slg_frame frame = { 0 };

    if (at->number > number_max || at->line > number_max)
        return slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                        "there are no record numbers left");
    for (size_t pos = 0; pos < from->len; pos += (size_t)frame.len) {
        const uint8_t *bytes = from->bytes + pos;
        seglog_code code = SEGLOG_OK;

        if (!slg_frame_parse(bytes, from->len - pos, &writer->limits, &frame))
            return slg_fail(err, SEGLOG_INVALID, NULL,
                            "the buffered records were overwritten in memory");
        if (slg_frame_is_put_anew(&frame))
            continue;
        code = slg_frames_reserve(to, frame.len, err);
        if (code != SEGLOG_OK)
            return code;
        slg_frames_move_one(writer, to, at, bytes, &frame,
                            slg_mix(number, from->salt));
        number += slg_frame_count(bytes, (size_t)frame.len, &frame);
    }
    return SEGLOG_OK;
}

seglog_code
slg_writer_rebase(struct seglog_writer *writer, struct seglog_error *err)
{
    struct slg_point at = writer->flushed;
    struct slg_frames *to = &writer->spare;
    struct slg_frames from = writer->frames;
    seglog_code code = SEGLOG_OK;

    if (at.is_cut)
        code = point_begin_epoch(writer, &at, err);
    if (code != SEGLOG_OK)
        return code;
    writer->base = at;
    to->len = 0;
    to->last = 0;
    to->records = from.records;
    to->number = at.number;
    to->salt = at.salt;
    code = frames_move(writer, to, &at, err);
    if (code != SEGLOG_OK)
        return code;
    writer->frames = *to;
    writer->spare = from;
    writer->planned = at;
    writer->is_stale = false;
    return SEGLOG_OK;
}
