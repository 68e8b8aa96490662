/* SPDX-License-Identifier: MIT */
/*
 * hostile_search.c - bytes that make the byte-wise search and the mark search
 * of SPEC.md 9 test as many places as possible.
 */
#include "tests/bench/hostile.h"

#include "format/checksum.h"

/* Put an island when the last one is far enough behind. */
static void
island_when_due(struct hostile *file, size_t *last)
{
    if (file->len - *last < HOSTILE_ISLAND_BYTES)
        return;
    hostile_put_island(file);
    *last = file->len;
}

/* The floor among the flavours: bytes that mean nothing. */
static void
fill_random(struct hostile *file)
{
    size_t last = file->len;

    while (hostile_has_room(file, 1024)) {
        hostile_put_random(file, 512);
        island_when_due(file, &last);
    }
}

/* A legal head every four bytes that claims 64 KiB, less a little. */
static void
fill_heads(struct hostile *file)
{
    size_t last = file->len;

    while (hostile_has_room(file, 1024)) {
        hostile_put_byte(file, 0x21 | (unsigned)hostile_below(file, 2) << 4);
        hostile_put_byte(file, (unsigned)hostile_below(file, 256));
        hostile_put_byte(file, 0xF8 + (unsigned)hostile_below(file, 8));
        hostile_put_byte(file, 0x00);
        island_when_due(file, &last);
    }
}

/* Every single byte is a legal head, and as a length claims 8 to 45 KiB. */
static void
fill_every_byte(struct hostile *file)
{
    static const uint8_t heads[] = { 0x21, 0x31, 0x41, 0x51, 0x61,
                                     0x71, 0x81, 0x91, 0xA1, 0xB1 };
    size_t last = file->len;

    while (hostile_has_room(file, 1024)) {
        hostile_put_byte(file, heads[hostile_below(file, sizeof(heads))]);
        island_when_due(file, &last);
    }
}

/*
 * Sync points, valid ones and ones with a wrong checksum in turn, each with a
 * frame behind it that claims up to the largest body.
 */
static void
fill_sync_long(struct hostile *file)
{
    bool is_valid = false;

    while (hostile_has_room(file, 8192)) {
        const uint32_t claim =
            (uint32_t)(file->limits.body_max - hostile_below(file, 1 << 20));

        is_valid = !is_valid;
        file->next++;
        hostile_put_mark(file, &file->self, SLG_CONTROL_SYNC_POINT, file->next);
        if (!is_valid)
            file->bytes[file->len - 1] ^= 0x5A;
        hostile_put_byte(file, 0x22);
        hostile_put_byte(file, claim & 0xFF);
        hostile_put_byte(file, claim >> 8 & 0xFF);
        hostile_put_byte(file, claim >> 16);
        hostile_put_random(file, 4000);
    }
}

/* Nothing but the beginnings of sync points. */
static void
fill_markers(struct hostile *file)
{
    static const uint8_t start[] = { 0xC0, 0x4C, 0x01 };
    size_t last = file->len;

    while (hostile_has_room(file, 1024)) {
        hostile_put(file, start, sizeof(start));
        hostile_put(file, slg_marker, SLG_MARKER_BYTES);
        island_when_due(file, &last);
    }
}

/* A whole small segment; of the neighbour, or an old copy of this one. */
static void
put_nested_segment(struct hostile *file, const struct hostile_salt *salt,
                   size_t bytes)
{
    struct slg_header header = {
        .version = SLG_VERSION,
        .body_log2 = 23,
        .sync_log2 = 16,
        .epoch = salt->epoch,
        .first_record = 1,
    };
    uint8_t encoded[SLG_HEADER_BYTES];
    const size_t end = file->len + bytes;
    uint64_t number = 1;

    for (size_t i = 0; i < sizeof(header.identity); i++)
        header.identity[i] = salt->identity[i];
    slg_header_encode(&header, encoded);
    hostile_put(file, encoded, sizeof(encoded));
    while (file->len < end)
        hostile_put_frame(file, salt, SLG_FRAME_TEXT, number++, 60);
    hostile_put_mark(file, salt, SLG_CONTROL_CLOSING_MARK, number);
}

/* Segments as payloads of frames whose lengths are damaged. */
static void
fill_nested(struct hostile *file)
{
    bool is_own = false;

    while (hostile_has_room(file, 65536)) {
        hostile_put_byte(file, 0x41);
        hostile_put_byte(file, 0xF0);
        hostile_put_byte(file, 0xFE);
        put_nested_segment(file, is_own ? &file->self : &file->neighbour,
                           50000);
        is_own = !is_own;
        hostile_put_random(file, 4);
        file->next++;
        hostile_put_good(file, 2);
    }
}

/* Consecutive small frames of another segment, with its sync points. */
static void
fill_neighbour(struct hostile *file)
{
    size_t last = file->len;
    uint64_t number = 1;

    while (hostile_has_room(file, 1024)) {
        if (number % 4096 == 0)
            hostile_put_mark(file, &file->neighbour, SLG_CONTROL_SYNC_POINT,
                             number);
        hostile_put_frame(file, &file->neighbour, SLG_FRAME_TEXT, number++, 8);
        island_when_due(file, &last);
    }
}

/* Valid sync points of others, one behind the other. */
static void
fill_foreign_marks(struct hostile *file)
{
    struct hostile_salt other = file->neighbour;
    size_t last = file->len;

    while (hostile_has_room(file, 1024)) {
        slg_store_le64(other.identity, hostile_random(file));
        other.salt = slg_salt(other.identity, other.epoch);
        hostile_put_mark(file, &other, SLG_CONTROL_SYNC_POINT,
                         1 + hostile_below(file, 1000000));
        island_when_due(file, &last);
    }
}

/* The header gone, no mark anywhere, and a legal head at every byte. */
static void
fill_no_header(struct hostile *file)
{
    for (size_t i = 0; i < file->len; i++)
        file->bytes[i] = 0x21;
    while (hostile_has_room(file, 1))
        hostile_put_byte(file, hostile_below(file, 16) == 0 ? 0x41 : 0x21);
}

/* Alternating: a bad head that claims 64 KiB, and two small good frames. */
static void
fill_alternating(struct hostile *file)
{
    while (hostile_has_room(file, 1024)) {
        hostile_put_byte(file, 0x21);
        hostile_put_byte(file, 0xFF);
        hostile_put_byte(file, 0xFF);
        hostile_put_frame(file, &file->self, SLG_FRAME_TEXT, file->next++, 1);
        hostile_put_frame(file, &file->self, SLG_FRAME_TEXT, file->next++, 1);
    }
}

const struct hostile_flavour hostile_search_flavours[] = {
    { "random", fill_random },
    { "heads", fill_heads },
    { "every-byte", fill_every_byte },
    { "sync-long", fill_sync_long },
    { "markers", fill_markers },
    { "nested", fill_nested },
    { "neighbour", fill_neighbour },
    { "foreign-marks", fill_foreign_marks },
    { "no-header", fill_no_header },
    { "alternating", fill_alternating },
    { NULL, NULL },
};
