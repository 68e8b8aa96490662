/* SPDX-License-Identifier: MIT */
/*
 * hostile_body.c - frames that pass the cheap tests and are expensive to
 * refuse: their checksums are right and imply plausible numbers, they overlap
 * each other, and only the digest, the group body or a search for another salt
 * says no.
 */
#include "tests/bench/hostile.h"

#include <zlib.h>

#include "format/checksum.h"
#include "tests/bench/bench.h"

/* Frames that reach over each other: how many units one spans at most. */
#define SPAN_MAX 4096u

/* Heads that still wait for their checksum. */
struct overlap {
    struct {
        size_t at;
        uint32_t crc; /* of the stretch up to here */
    } heads[SPAN_MAX];
    size_t count; /* in this stretch */
    size_t start; /* of the stretch */
    size_t summed;
    uint32_t crc;
    /* All frames have one length, so their checksums come from those of
     * prefixes by one multiplication with a constant. */
    z_crc_t shift;
};

static void
overlap_start(struct overlap *overlap, const struct hostile *file,
              uint32_t body_len)
{
    const size_t digest = body_len > SLG_BODY_SHORT_MAX ? SLG_DIGEST_BYTES : 0;

    overlap->count = 0;
    overlap->start = file->len;
    overlap->summed = file->len;
    overlap->crc = 0;
    overlap->shift =
        (z_crc_t)crc32_combine_gen((z_off_t)(3 + body_len + digest));
}

static uint32_t
overlap_sum(struct overlap *overlap, const struct hostile *file)
{
    overlap->crc = slg_crc32(overlap->crc, file->bytes + overlap->summed,
                             file->len - overlap->summed);
    overlap->summed = file->len;
    return overlap->crc;
}

/* A frame starts here. */
static void
overlap_open(struct overlap *overlap, const struct hostile *file)
{
    const size_t slot = overlap->count++ % SPAN_MAX;

    overlap->heads[slot].at = file->len;
    overlap->heads[slot].crc = overlap_sum(overlap, file);
}

/*
 * Close the frame that was begun span units before the current one: a digest,
 * right or wrong, and a checksum under which it is the record behind the next.
 */
static void
overlap_close(struct overlap *overlap, struct hostile *file, size_t span,
              uint32_t body_len, bool is_digest_right)
{
    uint8_t bytes[SLG_DIGEST_BYTES];

    if (overlap->count <= span)
        return;
    const size_t slot = (overlap->count - 1 - span) % SPAN_MAX;
    const uint8_t *body = file->bytes + overlap->heads[slot].at + 3;

    if (file->bytes + file->len != body + body_len)
        bench_fail("overlapping frames do not fit");
    if (body_len > SLG_BODY_SHORT_MAX) {
        slg_store_le64(bytes, is_digest_right ? slg_xxh3(body, body_len)
                                              : hostile_random(file));
        hostile_put(file, bytes, SLG_DIGEST_BYTES);
    }
    const uint32_t before =
        (uint32_t)crc32_combine_op(overlap->heads[slot].crc, 0, overlap->shift);
    const uint32_t crc = overlap_sum(overlap, file) ^ before;
    slg_store_le32(bytes, crc ^ slg_mix(file->next + 1, file->self.salt));
    hostile_put(file, bytes, SLG_CHECKSUM_BYTES);
}

/* An empty record that confirms a frame before it whose number is next + 1. */
static void
put_confirming(struct hostile *file, uint64_t count)
{
    hostile_put_frame(file, &file->self, SLG_FRAME_TEXT, file->next + 1 + count,
                      0);
}

/*
 * Bodies of nearly 64 KiB, one begun and one confirmed every 21 bytes, each
 * with a wrong digest: a scanner that digests whatever is confirmed reads
 * 64 KiB for 21 bytes.
 */
static void
fill_digests(struct hostile *file)
{
    const size_t unit = 21;
    const size_t span = 3120;
    const uint32_t body_len = (uint32_t)(unit * span);
    static const uint8_t head[] = { 0x21, 65520 & 0xFF, 65520 >> 8 };
    struct overlap overlap;

    while (hostile_has_room(file, HOSTILE_ISLAND_BYTES + 4096)) {
        const size_t end = file->len + HOSTILE_ISLAND_BYTES;

        overlap_start(&overlap, file, body_len);
        while (file->len < end) {
            const size_t start = file->len;

            overlap_open(&overlap, file);
            hostile_put(file, head, sizeof(head));
            overlap_close(&overlap, file, span, body_len, false);
            if (file->len < start + 15)
                hostile_put_random(file, start + 15 - file->len);
            put_confirming(file, 1);
        }
        hostile_put_island(file);
    }
}

static void
put_zeros_until(struct hostile *file, size_t end)
{
    while (file->len < end)
        hostile_put_byte(file, 0);
}

/*
 * Groups of tens of thousands of empty records whose last entry runs over the
 * end, one begun and one confirmed every `unit` bytes.  The unit is
 *   head and length (3), count (3), zeros, one entry that skips what follows,
 *   [digest (8)], checksum (4), confirming frame (6)
 */
static void
fill_groups_of(struct hostile *file, size_t unit, size_t span,
               const uint8_t count[3], uint64_t claimed)
{
    const size_t digest =
        unit * span > SLG_BODY_SHORT_MAX ? SLG_DIGEST_BYTES : 0;
    const size_t tail = digest + SLG_CHECKSUM_BYTES + SLG_FRAME_MIN;
    const uint32_t body_len = (uint32_t)(unit * (span + 1) - tail - 3);
    const uint8_t head[] = { 0xA1,     (uint8_t)body_len, body_len >> 8 & 0xFF,
                             count[0], count[1],          count[2] };
    struct overlap overlap;

    while (hostile_has_room(file, HOSTILE_ISLAND_BYTES + 4096)) {
        const size_t end = file->len + HOSTILE_ISLAND_BYTES;

        overlap_start(&overlap, file, body_len);
        while (file->len < end) {
            const size_t start = file->len;

            overlap_open(&overlap, file);
            hostile_put(file, head, sizeof(head));
            put_zeros_until(file, start + unit - tail - 1);
            /* Skips the tail and the next unit's head and count. */
            hostile_put_byte(file, (unsigned)(tail + sizeof(head)) * 4);
            overlap_close(&overlap, file, span, body_len, true);
            put_zeros_until(file, start + unit - SLG_FRAME_MIN);
            put_confirming(file, claimed);
        }
        hostile_put_island(file);
    }
}

static void
fill_groups(struct hostile *file)
{
    static const uint8_t count[3] = { 0xE0, 0xD4, 0x03 };

    fill_groups_of(file, 89, 735, count, 60000);
}

/* The same below the length at which a body has a digest; the third byte of
 * the count is the first empty record. */
static void
fill_groups_short(struct hostile *file)
{
    static const uint8_t count[3] = { 0xF8, 0x55, 0x00 };

    fill_groups_of(file, 81, 140, count, 11000);
}

/* A group of empty records, its last entry too long, valid otherwise. */
static void
put_unsound_group(struct hostile *file, uint64_t number, uint32_t body_len)
{
    static const uint8_t count[3] = { 0xE0, 0xD4, 0x03 };
    uint8_t *at = file->bytes + file->len;
    const size_t head_len =
        slg_frame_put_head(at, SLG_FRAME_GROUP, false, body_len);

    file->len += head_len;
    hostile_put(file, count, sizeof(count));
    put_zeros_until(file, file->len + body_len - sizeof(count) - 1);
    hostile_put_byte(file, 0x60);
    file->len = (size_t)(at - file->bytes) +
                slg_frame_finish(at, head_len, body_len, &file->limits, number,
                                 file->self.salt);
}

/*
 * Heads of groups between good frames.  All of them claim to end where one
 * other group starts, which is nearly sound, and to have as many records as
 * would lead to its number.
 */
static void
fill_claims(struct hostile *file)
{
    const uint32_t body_len = 60100;

    while (hostile_has_room(file, 4 * SLG_FRAME_NEAR_MAX)) {
        const size_t group = file->len + 64000;
        const uint64_t number = file->next + 16000;

        while (group - file->len > 12000) {
            const size_t claim =
                group - file->len - 3 - SLG_DIGEST_BYTES - SLG_CHECKSUM_BYTES;
            uint8_t count[SLG_VARINT_MAX];

            hostile_put_byte(file, 0xA1);
            hostile_put_byte(file, claim & 0xFF);
            hostile_put_byte(file, (unsigned)(claim >> 8));
            hostile_put(file, count,
                        slg_varint_put(count, number - file->next));
            for (int i = 0; i < 2; i++)
                hostile_put_frame(file, &file->self, SLG_FRAME_TEXT,
                                  file->next++, 1);
        }
        hostile_put_random(file, group - file->len);
        put_unsound_group(file, number, body_len);
        hostile_put_island(file);
    }
}

/*
 * Before every two good frames, three well-formed ones of some unknown salt,
 * with numbers that do not follow each other: nothing to find, however long
 * one searches for the number that would explain them.
 */
static void
fill_salts(struct hostile *file)
{
    struct hostile_salt other = file->neighbour;

    while (hostile_has_room(file, 1024)) {
        for (int i = 0; i < 3; i++) {
            other.salt = (uint32_t)hostile_random(file);
            hostile_put_frame(file, &other, SLG_FRAME_TEXT, 1, 1);
        }
        hostile_put_good(file, 2);
    }
}

const struct hostile_flavour hostile_body_flavours[] = {
    { "digests", fill_digests },
    { "groups", fill_groups },
    { "groups-short", fill_groups_short },
    { "claims", fill_claims },
    { "salts", fill_salts },
    { NULL, NULL },
};
