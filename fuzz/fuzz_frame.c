/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_frame.c - any bytes as a frame, a mark, a group, a header.
 *
 * What is accepted is the one legal encoding of what it says: encoding it
 * again gives the same bytes.  The search, which computes checksums another
 * way, finds what looking at every place finds.
 *
 * Byte 0 of the input: bits 0 to 4 body_log2 (less 9), bit 5 no digests, bit 6
 * set the checksums right.  Bytes 1 and 2: a number.  Then the frame.
 */
#include <stdlib.h>
#include <string.h>

#include "format/chain.h"
#include "format/checksum.h"
#include "format/search.h"
#include "fuzz/support.h"

#define BYTES_MAX ((size_t)70000)
/* Up to here every place is searched, with and without the search. */
#define SEARCH_MAX ((size_t)600)

static const uint8_t identity[SLG_IDENTITY_BYTES] = { 0,  1,  2,  3, 4,  5,
                                                      6,  7,  8,  9, 10, 11,
                                                      12, 13, 14, 15 };

struct subject {
    const uint8_t *bytes;
    size_t len;
    struct slg_frame_limits limits;
    uint64_t number;
    uint32_t salt;
};

/* -- varints and groups ---------------------------------------------------- */

static void
varint_must_hold(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    uint8_t again[16];
    const size_t used = slg_varint_get(bytes, len, &value);

    if (used == 0)
        return;
    MUST(used <= len && used <= SLG_VARINT_MAX && value <= INT64_MAX);
    MUST(slg_varint_len(value) == used);
    MUST(slg_varint_put(again, value) == used);
    MUST(memcmp(again, bytes, used) == 0);
}

/* Encode a group entry by entry while it is taken apart. */
static void
group_must_hold(const uint8_t *body, size_t len)
{
    struct slg_group group;
    uint8_t *again = malloc(len + 16);
    size_t used = 0;
    uint64_t count = 0;
    unsigned kind = 0;
    const uint8_t *data = NULL;
    size_t data_len = 0;

    MUST(again != NULL);
    if (slg_group_open(&group, body, len)) {
        const uint64_t all = group.left;

        MUST(all >= 2);
        used = slg_varint_put(again, all);
        while (slg_group_next(&group, &kind, &data, &data_len)) {
            MUST(kind >= 1 && kind <= 4);
            MUST(data_len <= len - used && data + data_len <= body + len);
            used += slg_varint_put(again + used, data_len * 4 + (kind - 1));
            if (data_len > 0)
                memcpy(again + used, data, data_len);
            used += data_len;
            count++;
        }
        MUST(count <= all && used <= len && memcmp(again, body, used) == 0);
        if (slg_group_is_done(&group))
            MUST(count == all && used == len);
        else
            MUST(count < all || used < len);
    }
    free(again);
}

/* -- one frame ------------------------------------------------------------- */

/* With fewer bytes the answer is the same, or that they are too few. */
static void
parse_must_not_look_ahead(const struct subject *subject, bool is_legal,
                          const struct slg_frame *frame)
{
    const size_t most = subject->len < 8 ? subject->len : 8;

    for (size_t avail = 0; avail <= most; avail++) {
        uint8_t *bytes = exact_copy(subject->bytes, avail);
        struct slg_frame again;

        if (slg_frame_parse(bytes, avail, &subject->limits, &again)) {
            MUST(is_legal && again.len == frame->len);
            MUST(again.head == frame->head && again.kind == frame->kind);
            MUST(again.control == frame->control);
            MUST(again.head_len == frame->head_len);
            MUST(again.body_len == frame->body_len);
        } else {
            MUST(!is_legal || avail < SLG_HEAD_MAX + 1);
        }
        free(bytes);
    }
}

/* The parts of the frame, put together, are the frame. */
static void
frame_must_encode_again(const struct subject *subject,
                        const struct slg_frame *frame)
{
    const size_t len = (size_t)frame->len;
    const bool is_durable = (frame->head & SLG_HEAD_DURABLE) != 0;
    uint8_t *again = malloc(len);
    const uint32_t implied =
        slg_frame_implied(subject->bytes, frame, subject->salt);
    size_t head_len = 0;

    MUST(again != NULL);
    MUST(slg_frame_len(frame->body_len, &subject->limits) == frame->len);
    head_len =
        slg_frame_put_head(again, frame->kind, is_durable, frame->body_len);
    MUST(head_len == frame->head_len);
    again[0] |= frame->head & SLG_HEAD_PACKING;
    memcpy(again + head_len, subject->bytes + head_len, frame->body_len);
    MUST(slg_frame_finish(again, head_len, frame->body_len, &subject->limits,
                          implied, subject->salt) == len);
    MUST(memcmp(again, subject->bytes, head_len + frame->body_len) == 0);
    if (slg_frame_is_sound(subject->bytes, frame, &subject->limits)) {
        MUST(memcmp(again, subject->bytes, len) == 0);
        MUST(slg_frame_is_sound(again, frame, &subject->limits));
    }
    MUST(slg_frame_mixed(again, frame) == slg_mix(implied, subject->salt));
    free(again);
}

static void
gap_must_encode_again(const struct subject *subject,
                      const struct slg_frame *frame)
{
    uint8_t again[SLG_GAP_BYTES];
    struct slg_gap gap;
    const bool is_legal = slg_gap_decode(subject->bytes, &gap);

    MUST(is_legal ==
         slg_frame_is_sound(subject->bytes, frame, &subject->limits));
    MUST(slg_gap_encode(&gap,
                        slg_frame_implied(subject->bytes, frame, subject->salt),
                        subject->salt, again) == sizeof again);
    MUST(memcmp(again, subject->bytes, sizeof again) == 0);
    if (is_legal)
        MUST(slg_frame_count(subject->bytes, sizeof again, frame) == gap.count);
}

static void
predecessor_must_encode_again(const struct subject *subject,
                              const struct slg_frame *frame)
{
    uint8_t again[SLG_PREDECESSOR_BYTES];
    struct slg_predecessor before;

    slg_predecessor_decode(subject->bytes, &before);
    MUST(slg_predecessor_encode(
             &before, slg_frame_implied(subject->bytes, frame, subject->salt),
             subject->salt, again) == sizeof again);
    MUST(memcmp(again, subject->bytes, sizeof again) == 0);
}

static void
reference_must_encode_again(const struct subject *subject,
                            const struct slg_frame *frame)
{
    uint8_t again[SLG_REFERENCE_MAX];
    struct slg_reference reference;

    if (!slg_reference_decode(subject->bytes, frame, &reference))
        return;
    MUST(reference.name_len >= 1);
    MUST(strlen(reference.name) == reference.name_len);
    MUST(slg_reference_encode(
             &reference,
             slg_frame_implied(subject->bytes, frame, subject->salt),
             subject->salt, again) == frame->len);
    MUST(memcmp(again, subject->bytes, (size_t)frame->len) == 0);
}

/* SPEC.md 6.7 to 6.9. */
static void
chain_must_encode_again(const struct subject *subject,
                        const struct slg_frame *frame)
{
    const uint32_t number =
        slg_frame_implied(subject->bytes, frame, subject->salt);
    uint8_t again[SLG_TOMBSTONE_MAX + SLG_SIGNATURE_FRAME];
    struct slg_chain_head head;
    struct slg_tombstone tombstone;
    struct slg_signature signature;
    size_t len = 0;

    if (frame->control == SLG_CONTROL_CHAIN_HEAD &&
        slg_chain_head_decode(subject->bytes, frame, &head)) {
        MUST(head.hash.len == 0 ||
             head.hash.len == slg_chain_len(head.algorithm));
        len = slg_chain_head_encode(&head, number, subject->salt, again);
    } else if (frame->control == SLG_CONTROL_TOMBSTONE &&
               slg_tombstone_decode(subject->bytes, frame, &tombstone)) {
        MUST(tombstone.number >= 1 && tombstone.number <= INT64_MAX);
        MUST((tombstone.number == 1) == (tombstone.before.len == 0));
        len = slg_tombstone_encode(&tombstone, number, subject->salt, again);
    } else if (frame->control == SLG_CONTROL_SIGNATURE &&
               slg_signature_decode(subject->bytes, frame, &signature)) {
        len = slg_signature_encode(&signature, number, subject->salt, again);
    } else {
        return;
    }
    MUST(len == frame->len && memcmp(again, subject->bytes, len) == 0);
}

static void
attributes_must_encode_again(const struct subject *subject,
                             const struct slg_frame *frame)
{
    const uint8_t *data = NULL;
    uint8_t *again = NULL;
    size_t len = 0;

    if (!slg_attributes_decode(subject->bytes, frame, &data, &len))
        return;
    again = malloc((size_t)frame->len);
    MUST(again != NULL &&
         slg_attributes_len(len, &subject->limits) == frame->len);
    MUST(slg_attributes_encode(
             data, len, &subject->limits,
             slg_frame_implied(subject->bytes, frame, subject->salt),
             subject->salt, again) == frame->len);
    MUST(memcmp(again, subject->bytes, frame->head_len + frame->body_len) == 0);
    free(again);
}

static void
frame_must_hold(const struct subject *subject)
{
    struct slg_frame frame;
    const bool is_legal =
        slg_frame_parse(subject->bytes, subject->len, &subject->limits, &frame);

    parse_must_not_look_ahead(subject, is_legal, &frame);
    if (!is_legal)
        return;
    MUST(frame.len >= SLG_FRAME_MIN);
    MUST(frame.body_len <= subject->limits.body_max);
    if (subject->len < frame.head_len + (size_t)SLG_VARINT_MAX + 5 &&
        subject->len < frame.len)
        return;
    MUST(slg_frame_count(subject->bytes, subject->len, &frame) <= INT64_MAX);
    if (frame.len > subject->len)
        return;
    frame_must_encode_again(subject, &frame);
    if (frame.kind == SLG_FRAME_GROUP)
        group_must_hold(subject->bytes + frame.head_len, frame.body_len);
    else if (frame.control == SLG_CONTROL_GAP)
        gap_must_encode_again(subject, &frame);
    else if (frame.control == SLG_CONTROL_PREDECESSOR)
        predecessor_must_encode_again(subject, &frame);
    else if (frame.control == SLG_CONTROL_REFERENCE)
        reference_must_encode_again(subject, &frame);
    else if (frame.control == SLG_CONTROL_ATTRIBUTES)
        attributes_must_encode_again(subject, &frame);
    else
        chain_must_encode_again(subject, &frame);
}

/* -- marks and headers ----------------------------------------------------- */

static void
mark_must_hold(const uint8_t *bytes, size_t len)
{
    uint8_t again[SLG_SYNC_POINT_BYTES];
    struct slg_mark mark;
    size_t mark_len = 0;

    if (!slg_mark_decode(bytes, len, &mark))
        return;
    MUST(mark.number >= 1 && mark.number <= INT64_MAX);
    MUST(mark.offset < SLG_MARK_OFFSET_END);
    MUST(mark.watermark < mark.number);
    mark_len = slg_mark_encode(&mark, again);
    MUST(mark_len == slg_mark_len(mark.type) && mark_len <= len);
    MUST(memcmp(again, bytes, mark_len) == 0);
}

static void
header_must_hold(const uint8_t *bytes)
{
    uint8_t again[SLG_HEADER_BYTES];
    struct slg_header header;
    const enum slg_header_state state = slg_header_decode(bytes, &header);
    unsigned flips = 0;

    if (state == SLG_HEADER_OK) {
        MUST(header.body_log2 >= 9 && header.body_log2 <= 27);
        MUST(header.sync_log2 >= 9 && header.sync_log2 <= 20);
        slg_header_encode(&header, again);
        MUST(memcmp(again, bytes, sizeof again) == 0);
    }
    memcpy(again, bytes, sizeof again);
    if (state != SLG_HEADER_DAMAGED)
        return;
    if (!slg_header_correct(again)) {
        MUST(memcmp(again, bytes, sizeof again) == 0);
        return;
    }
    MUST(slg_header_decode(again, &header) != SLG_HEADER_DAMAGED);
    for (size_t i = 0; i < sizeof again; i++) {
        for (unsigned bit = 0; bit < 8; bit++)
            flips += (again[i] ^ bytes[i]) >> bit & 1u;
    }
    MUST(flips == 1);
}

/* -- from values to bytes and back ----------------------------------------- */

static void
values_must_come_back(const struct subject *subject)
{
    struct input input = { .at = subject->bytes, .left = subject->len };
    uint8_t out[SLG_SYNC_POINT_BYTES];
    struct slg_mark mark = {
        .type = (uint8_t)(SLG_CONTROL_SYNC_POINT + (input_byte(&input) & 1)),
        .epoch = input_number(&input, 8),
        .number = input_number(&input, 8),
        .line = input_number(&input, 8),
        .offset = input_number(&input, 8),
        .digest = input_number(&input, 8),
    };
    struct slg_mark again;
    bool is_legal = mark.number >= 1 && mark.number <= INT64_MAX &&
                    mark.offset < SLG_MARK_OFFSET_END;

    memcpy(mark.identity, identity, sizeof identity);
    if (mark.type == SLG_CONTROL_SYNC_POINT) {
        mark.distance = (uint32_t)input_number(&input, 4);
        mark.watermark = input_number(&input, 8);
        is_legal = is_legal && mark.watermark < mark.number;
    }
    const size_t len = slg_mark_encode(&mark, out);
    MUST(slg_mark_decode(out, len, &again) == is_legal);
    MUST(!slg_mark_decode(out, len - 1, &again));
    if (!is_legal)
        return;
    MUST(slg_mark_decode(out, len, &again));
    MUST(again.type == mark.type && again.epoch == mark.epoch);
    MUST(again.number == mark.number && again.line == mark.line);
    MUST(again.offset == mark.offset && again.digest == mark.digest);
    MUST(again.distance == mark.distance);
    MUST(again.watermark == mark.watermark);
}

/* -- the search against looking at every place ----------------------------- */

/* The first place that slg_search_next may stop at, found slowly. */
static size_t
search_slowly(const struct subject *subject, size_t from, struct slg_hit *hit)
{
    for (; from < subject->len; from++) {
        const uint8_t *bytes = subject->bytes + from;
        const size_t left = subject->len - from;
        struct slg_frame *frame = &hit->frame;

        hit->type = SLG_HIT_MARK;
        if (slg_mark_decode(bytes, left, &hit->mark))
            return from;
        hit->type = SLG_HIT_CANDIDATE;
        if (!slg_frame_parse(bytes, left, &subject->limits, frame) ||
            frame->body_len > SLG_BODY_NEAR_MAX || frame->len > left ||
            frame->control == SLG_CONTROL_SYNC_POINT ||
            frame->control == SLG_CONTROL_CLOSING_MARK)
            continue;
        hit->distance = slg_frame_implied(bytes, frame, subject->salt) -
                        (uint32_t)subject->number;
        if (hit->distance <= SLG_WIDE_WINDOW)
            return from;
    }
    hit->type = SLG_HIT_NONE;
    return from;
}

static void
search_must_agree(const struct subject *subject)
{
    static struct slg_search search; /* large; set up anew each time */
    const uint64_t base = 1000;
    size_t room = 0;

    slg_search_init(&search, &subject->limits);
    search.has_clmul = search.has_clmul && (subject->number & 1) == 0;
    slg_search_reset(&search, base);
    uint8_t *out = slg_search_room(&search, base, &room);
    MUST(room >= subject->len);
    if (subject->len > 0)
        memcpy(out, subject->bytes, subject->len);
    slg_search_loaded(&search, subject->len);
    for (size_t from = 0; from < subject->len;) {
        struct slg_hit fast;
        struct slg_hit slow;
        const size_t at = search_slowly(subject, from, &slow);

        slg_search_next(&search, base + from, base + subject->len,
                        subject->salt, subject->number, &fast);
        MUST(fast.type == slow.type);
        if (fast.type == SLG_HIT_NONE)
            break;
        MUST(fast.offset == base + at);
        if (fast.type == SLG_HIT_CANDIDATE) {
            MUST(fast.distance == slow.distance);
            MUST(fast.frame.len == slow.frame.len);
        }
        from = at + 1;
    }
}

/* -- one input ------------------------------------------------------------- */

/* So that the fuzzer gets past the checksums. */
static void
checksums_mend(const struct subject *subject, uint8_t *bytes)
{
    struct slg_frame frame;
    uint32_t mix = slg_mix(subject->number, subject->salt);

    if (subject->len >= SLG_HEADER_BYTES &&
        memcmp(bytes, slg_magic, sizeof slg_magic) == 0)
        slg_store_le32(bytes + 50, slg_crc32(0, bytes, 50));
    for (size_t at = 0; at < subject->len; at += (size_t)frame.len) {
        uint8_t *out = bytes + at;

        if (!slg_frame_parse(out, subject->len - at, &subject->limits,
                             &frame) ||
            frame.len > subject->len - at)
            return;
        mix = slg_mix(subject->number, subject->salt);
        if (frame.control == SLG_CONTROL_SYNC_POINT ||
            frame.control == SLG_CONTROL_CLOSING_MARK)
            mix = slg_mix(slg_load_le64(out + 34),
                          slg_salt(out + 10, slg_load_le64(out + 26)));
        (void)slg_frame_finish(out, frame.head_len, frame.body_len,
                               &subject->limits, subject->number,
                               subject->salt);
        const size_t covered = (size_t)slg_frame_covered(&frame);
        slg_store_le32(out + covered, slg_crc32(0, out, covered) ^ mix);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    const unsigned switches = input_byte(&input);
    struct subject subject = {
        .limits = { .body_max = UINT64_C(1) << (9 + (switches & 31u) % 19u),
                    .has_digests = (switches & 32) == 0,
                    .may_compress = (switches & 128) != 0,
                    .may_zstd = (switches & 192) == 192 },
        .salt = slg_salt(identity, 0xC0FFEE01),
    };
    uint8_t *bytes = NULL;

    subject.number = input_number(&input, 2);
    subject.len = input.left;
    if (subject.len > BYTES_MAX)
        return 0;
    bytes = exact_copy(input.at, input.left);
    subject.bytes = bytes;
    if ((switches & 64) != 0)
        checksums_mend(&subject, bytes);
    varint_must_hold(bytes, subject.len);
    group_must_hold(bytes, subject.len);
    frame_must_hold(&subject);
    mark_must_hold(bytes, subject.len);
    values_must_come_back(&subject);
    if (subject.len == SLG_HEADER_BYTES)
        header_must_hold(bytes);
    if (subject.len <= SEARCH_MAX)
        search_must_agree(&subject);
    free(bytes);
    return 0;
}
