/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_compression_bodies.c
 *
 * Goal    bodies that no writer would make are told from those that it makes,
 *         and the codecs give back what was handed to them.
 * Method  bodies made by hand, with each codec.
 */
#include "tests/segment/codec_support.h"
#include "tests/segment/forge_support.h"

#include "format/checksum.h"
#include "src/codec/packer.h"
#include "src/codec/unpacker.h"

#define BODY_MAX  512u
#define TEXT_ROOM 4096u

/* -- bodies that no writer makes ------------------------------------------- */

static void
forge_compressed(struct forge *forge, unsigned kind, enum slg_packing packing,
                 const void *body, size_t len, uint64_t count)
{
    uint8_t frame[2 * BODY_MAX];
    const size_t head_len =
        slg_frame_put_head(frame, kind, false, (uint32_t)len);

    frame[0] |= (uint8_t)packing;
    memcpy(frame + head_len, body, len);
    forge_raw(forge, frame,
              slg_frame_finish(frame, head_len, (uint32_t)len, &forge->limits,
                               forge->number,
                               slg_salt(forge_identity, forge->epoch)));
    forge->number += count;
    forge->line += count;
}

/* What a scan says of a segment with this body as record 2 (and on). */
static void
assert_packed(unsigned kind, enum slg_packing packing, const void *body,
              size_t len, uint64_t count, bool is_good)
{
    struct slg_header header = forge_header();
    struct seglog_scan_summary summary;
    struct seglog_store store;
    struct forge forge;

    header.features_refuse = SLG_REFUSE_COMPRESSED;
    if (codec != SEGLOG_CODEC_DEFLATE)
        header.features_refuse |= SLG_REFUSE_ZSTD;
    header.body_log2 = 9;
    forge_start_with(&forge, &header);
    (void)forge_text(&forge, "the first one");
    forge_compressed(&forge, kind, packing, body, len, count);
    (void)forge_text(&forge, "the last one");
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", forge.bytes, forge.len);
    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_int_equal(summary.records, is_good ? 2 + count : 2);
    assert_int_equal(summary.lost, is_good ? 0 : count);
    assert_int_equal(summary.findings, is_good ? 0 : 1);
    seglog_store_close(&store);
    forge_free(&forge);
}

static enum slg_packing
packing_used(void)
{
    return codec == SEGLOG_CODEC_ZSTD ? SLG_PACKING_FIRST : SLG_PACKING_DEFLATE;
}

static void
assert_body(unsigned kind, const void *body, size_t len, uint64_t count,
            bool is_good)
{
    assert_packed(kind, packing_used(), body, len, count, is_good);
}

static struct slg_packer *
packer_new(int level)
{
    const struct slg_packer_plan plan = {
        .level = level,
        .with_deflate = codec != SEGLOG_CODEC_ZSTD,
        .with_zstd = codec != SEGLOG_CODEC_DEFLATE,
    };
    struct slg_packer *packer = slg_packer_new(&plan);

    assert_non_null(packer);
    return packer;
}

static size_t
pack(const void *data, size_t len, uint8_t *out)
{
    const struct slg_packer_plan plan = {
        .level = 9,
        .with_deflate = codec != SEGLOG_CODEC_ZSTD,
        .with_zstd = codec == SEGLOG_CODEC_ZSTD,
    };
    struct slg_packer *packer = slg_packer_new(&plan);
    struct slg_packed packed;

    assert_non_null(packer);
    assert_true(slg_packer_run(packer, data, len, BODY_MAX, &packed));
    memcpy(out, packed.bytes, packed.len);
    len = packed.len;
    slg_packer_free(packer);
    return len;
}

static void
bomb__over_the_limit_of_a_record__is_corrupt(void **state)
{
    static const uint8_t zeros[1 << 16];
    static const size_t sizes[] = { 20, 511, 512, 513, 1024, 1 << 16 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t body[BODY_MAX];
        const size_t len = pack(zeros, sizes[i], body);

        assert_body(SLG_FRAME_BYTES, body, len, 1, sizes[i] <= BODY_MAX);
    }
}

static void
group__not_one_inside__is_corrupt(void **state)
{
    static const uint8_t good[] = { 12 << 2, 'a', 'a', 'a', 'a', 'a', 'a', 'a',
                                    'a',     'a', 'a', 'a', 'a', 4,   'd' };
    static const uint8_t more[] = { 12 << 2, 'a', 'a', 'a', 'a', 'a', 'a', 'a',
                                    'a',     'a', 'a', 'a', 'a', 4,   'd', 0 };
    static const uint8_t less[] = { 12 << 2, 'a', 'a', 'a', 'a', 'a', 'a',
                                    'a',     'a', 'a', 'a', 'a', 'a' };
    uint8_t body[BODY_MAX] = { 2 };
    size_t len = pack(good, sizeof good, body + 1);

    (void)state;
    assert_body(SLG_FRAME_GROUP, body, 1 + len, 2, true);
    len = pack(more, sizeof more, body + 1);
    assert_body(SLG_FRAME_GROUP, body, 1 + len, 2, false);
    len = pack(less, sizeof less, body + 1);
    assert_body(SLG_FRAME_GROUP, body, 1 + len, 2, false);
}

static void
body__no_whole_blocks__is_corrupt(void **state)
{
    static const uint8_t text[] = "some text, some text and more of the text";
    uint8_t body[BODY_MAX];
    const size_t len = pack(text, sizeof text, body);
    /* A stored block, not the last one; and the same as the last one. */
    static const uint8_t stored[] = { 0x00, 0x01, 0x00, 0xFE, 0xFF, 'x', 0x00 };
    static const uint8_t final[] = { 0x01, 0x01, 0x00, 0xFE, 0xFF, 'x', 0x00 };
    /* The start of a block in fixed codes; and a distance behind nothing. */
    static const uint8_t open[] = { 0x4A };
    static const uint8_t far[] = { 0x02, 0x9E, 0x01 };

    (void)state;
    assert_body(SLG_FRAME_BYTES, body, len, 1, true);
    assert_body(SLG_FRAME_BYTES, body, 0, 1, false);
    for (size_t i = 1; i < len; i++)
        assert_body(SLG_FRAME_BYTES, body, i, 1, false);
    if (codec == SEGLOG_CODEC_ZSTD)
        return;
    assert_body(SLG_FRAME_BYTES, stored, sizeof stored, 1, true);
    assert_body(SLG_FRAME_BYTES, final, sizeof final, 1, false);
    assert_body(SLG_FRAME_BYTES, stored, 6, 1, false);
    assert_body(SLG_FRAME_BYTES, open, sizeof open, 1, false);
    assert_body(SLG_FRAME_BYTES, far, sizeof far, 1, false);
}

static void
run__of_forged_blocks__is_as_specified(void **state)
{
    /* Raw blocks of one byte, one of a run of 9, and the same as the last. */
    static const uint8_t raw[] = { 8, 0, 0, 'x' };
    static const uint8_t two[] = { 8, 0, 0, 'x', 8, 0, 0, 'y' };
    static const uint8_t rle[] = { 9 << 3 | 2, 0, 0, 'x' };
    static const uint8_t last[] = { 9, 0, 0, 'x' };
    static const uint8_t reserved[] = { 8 | 6, 0, 0, 'x' };
    static const uint8_t bomb[] = { 2, 0, 16, 'x' };
    static const uint8_t many[] = { 2, 16, 0, 'x' };
    static const uint8_t empty[] = { 0, 0, 0 };
    /* A frame's header is none of its business. */
    static const uint8_t whole[] = { 0x28, 0xB5, 0x2F, 0xFD, 0x00,
                                     0x50, 8,    0,    0,    'x' };

    (void)state;
    if (codec == SEGLOG_CODEC_DEFLATE)
        return;
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, raw, sizeof raw, 1, true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, two, sizeof two, 1, true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, rle, sizeof rle, 1, true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, many, sizeof many, 1,
                  true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, empty, sizeof empty, 1,
                  true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, last, sizeof last, 1,
                  false);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, reserved, sizeof reserved,
                  1, false);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, bomb, sizeof bomb, 1,
                  false);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, whole, sizeof whole, 1,
                  false);
    for (size_t i = 0; i < sizeof two; i++)
        assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, two, i, 1, i == 4);
    /* No run is on behind a body that is not compressed. */
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_NEXT, raw, sizeof raw, 1, false);
}

/* Record 3 goes on in the run of record 1 unless record 2 has ended it. */
static void
assert_run(enum slg_packing packing, const void *body, size_t len, bool is_good)
{
    static const uint8_t raw[] = { 8, 0, 0, 'x' };
    struct slg_header header = forge_header();
    struct seglog_scan_summary summary;
    struct seglog_store store;
    struct forge forge;

    header.features_refuse = SLG_REFUSE_COMPRESSED | SLG_REFUSE_ZSTD;
    forge_start_with(&forge, &header);
    forge_compressed(&forge, SLG_FRAME_BYTES, SLG_PACKING_FIRST, raw,
                     sizeof raw, 1);
    forge_compressed(&forge, SLG_FRAME_BYTES, packing, body, len, 1);
    forge_compressed(&forge, SLG_FRAME_BYTES, SLG_PACKING_NEXT, raw, sizeof raw,
                     1);
    (void)forge_text(&forge, "the last one");
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", forge.bytes, forge.len);
    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_int_equal(summary.records, is_good ? 4 : 3);
    assert_int_equal(summary.lost, is_good ? 0 : 1);
    seglog_store_close(&store);
    forge_free(&forge);
}

static void
run__what_ends_it__is_as_specified(void **state)
{
    static const uint8_t raw[] = { 8, 0, 0, 'x' };
    static const uint8_t stored[] = { 0x00, 0x01, 0x00, 0xFE, 0xFF, 'x', 0x00 };

    (void)state;
    if (codec == SEGLOG_CODEC_DEFLATE)
        return;
    assert_run(SLG_PACKING_NEXT, raw, sizeof raw, true);
    assert_run(SLG_PACKING_FIRST, raw, sizeof raw, true);
    assert_run(SLG_PACKING_NONE, raw, 0, true);
    assert_run(SLG_PACKING_NONE, raw, sizeof raw, false);
    assert_run(SLG_PACKING_DEFLATE, stored, sizeof stored, false);
}

/* -- the codec by itself ---------------------------------------------------- */

/* Another packer, or a copy of the unpacker, goes on from here. */
static void
hand_over(struct slg_packer **packer, struct slg_unpacker **unpacker,
          unsigned i)
{
    struct slg_history history;
    struct slg_unpacker *other = slg_unpacker_new(SLG_HISTORY_ZSTD_BYTES);

    assert_non_null(other);
    if (i % 2 == 0) {
        slg_history_init(&history, 0);
        assert_true(slg_history_copy(&history, slg_packer_lend(*packer)));
        slg_packer_free(*packer);
        *packer = packer_new(1 + (int)i % 9);
        assert_true(slg_packer_load(*packer, &history));
        assert_true(slg_unpacker_load(other, &history));
        slg_history_reset(&history);
    } else {
        assert_true(slg_unpacker_copy(other, *unpacker));
    }
    slg_unpacker_free(*unpacker);
    *unpacker = other;
}

static void
unpack_is(struct slg_unpacker *unpacker, const struct slg_packed *packed,
          const uint8_t *data, size_t len)
{
    const struct slg_unpack_in in = {
        .packing = packed->packing,
        .prefix = (const uint8_t *)"ab",
        .prefix_len = 2,
        .bytes = packed->bytes,
        .len = packed->len,
    };
    const uint8_t *out = NULL;
    size_t out_len = 0;

    assert_int_equal(slg_unpacker_run(unpacker, &in, len + 2, &out, &out_len),
                     SLG_UNPACK_OK);
    assert_int_equal(out_len, len + 2);
    assert_memory_equal(out, "ab", 2);
    assert_memory_equal(out + 2, data, len);
    assert_true(slg_unpacker_accept(unpacker));
}

static void
codec__any_bodies_with_breaks__come_back(void **state)
{
    struct slg_packer *packer = packer_new(6);
    struct slg_unpacker *unpacker = slg_unpacker_new(SLG_HISTORY_ZSTD_BYTES);
    uint8_t *data = malloc(1500000);
    uint64_t seed = 1;

    (void)state;
    assert_true(unpacker && data);
    for (unsigned i = 0; i < 400; i++) {
        struct slg_packed packed;
        size_t len = test_random(&seed) % 900;

        if (i % 31 == 0)
            len = 30000 + test_random(&seed) % 150000;
        if (i % 97 == 96)
            len = 1000000 + test_random(&seed) % 500000;
        for (size_t j = 0; j < len; j++)
            data[j] = (uint8_t)(j % 7 == 0 ? test_random(&seed) : j % 50);
        /* Now and then another one goes on, or all starts anew. */
        if (i % 150 == 149) {
            slg_packer_clear(packer);
            slg_unpacker_clear(unpacker);
        } else if (i % 7 == 6) {
            hand_over(&packer, &unpacker, i);
        }
        /* What somebody else has written in between. */
        if (i % 11 == 3 && len < SLG_HISTORY_BYTES) {
            assert_true(slg_history_add(slg_packer_lend(packer), data, len));
            slg_packer_take_back(packer);
            assert_true(slg_unpacker_add(unpacker, data, len));
            if (len > 0)
                data[len / 2]++;
        }
        assert_true(slg_packer_run(packer, data, len,
                                   i % 13 == 5 ? len / 2 : SIZE_MAX, &packed));
        if (packed.packing == SLG_PACKING_NONE) {
            assert_ptr_equal(packed.bytes, data);
            assert_true(slg_unpacker_add(unpacker, data, len));
        } else {
            unpack_is(unpacker, &packed, data, len);
        }
    }
    slg_packer_free(packer);
    slg_unpacker_free(unpacker);
    free(data);
}

/* What does not come off leaves the bytes before it, and ends a run. */
static void
codec__a_body_over_the_limit__changes_nothing(void **state)
{
    struct slg_packer *packer = packer_new(6);
    struct slg_unpacker *unpacker = slg_unpacker_new(SLG_HISTORY_ZSTD_BYTES);
    static uint8_t data[20000];
    const uint8_t *out = NULL;
    size_t out_len = 0;

    (void)state;
    assert_non_null(unpacker);
    for (unsigned i = 0; i < 40; i++) {
        struct slg_packed packed;
        struct slg_unpack_in in = { .prefix = NULL };

        for (size_t j = 0; j < sizeof data; j++)
            data[j] = (uint8_t)(j % (50 + i));
        assert_true(
            slg_packer_run(packer, data, sizeof data, SIZE_MAX, &packed));
        in.packing = packed.packing;
        in.bytes = packed.bytes;
        in.len = packed.len;
        for (unsigned again = 0; again < 2; again++)
            assert_int_equal(slg_unpacker_run(unpacker, &in, sizeof data - 1,
                                              &out, &out_len),
                             SLG_UNPACK_BAD);
        if (packed.packing == SLG_PACKING_NEXT)
            assert_int_equal(
                slg_unpacker_run(unpacker, &in, sizeof data, &out, &out_len),
                SLG_UNPACK_BAD);
        else
            assert_int_equal(
                slg_unpacker_run(unpacker, &in, sizeof data, &out, &out_len),
                SLG_UNPACK_OK);
        if (packed.packing == SLG_PACKING_NEXT)
            assert_true(slg_unpacker_add(unpacker, data, sizeof data));
        else
            assert_true(slg_unpacker_accept(unpacker));
    }
    slg_packer_free(packer);
    slg_unpacker_free(unpacker);
}

/*
 * Whoever reads on from where a history was lent may have to start elsewhere.
 * As many marks and some more bytes do not make what it brings back what
 * follows the bytes that the packer has seen.
 */
static void
codec__another_history_brought_back__is_what_counts(void **state)
{
    struct slg_packer *packer = packer_new(6);
    struct slg_unpacker *unpacker = slg_unpacker_new(SLG_HISTORY_ZSTD_BYTES);
    struct slg_history other;
    struct slg_packed packed;
    uint8_t seen[100];
    uint8_t read[150];

    (void)state;
    assert_non_null(unpacker);
    test_fill(seen, sizeof seen, 1);
    test_fill(read, sizeof read, 2);
    memset(seen, 'x', 60);
    assert_true(slg_packer_run(packer, seen, sizeof seen, SIZE_MAX, &packed));
    slg_history_init(&other, SLG_HISTORY_ZSTD_BYTES);
    assert_true(slg_history_add(&other, read, sizeof read));
    assert_true(slg_history_copy(slg_packer_lend(packer), &other));
    slg_packer_take_back(packer);
    assert_true(slg_unpacker_load(unpacker, &other));
    assert_true(slg_packer_run(packer, seen, sizeof seen, SIZE_MAX, &packed));
    assert_true(packed.packing != SLG_PACKING_NONE);
    unpack_is(unpacker, &packed, seen, sizeof seen);
    slg_packer_free(packer);
    slg_unpacker_free(unpacker);
    slg_history_reset(&other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bomb__over_the_limit_of_a_record__is_corrupt),
        cmocka_unit_test(group__not_one_inside__is_corrupt),
        cmocka_unit_test(body__no_whole_blocks__is_corrupt),
        cmocka_unit_test(run__of_forged_blocks__is_as_specified),
        cmocka_unit_test(run__what_ends_it__is_as_specified),
        cmocka_unit_test(codec__any_bodies_with_breaks__come_back),
        cmocka_unit_test(codec__a_body_over_the_limit__changes_nothing),
        cmocka_unit_test(codec__another_history_brought_back__is_what_counts),
    };

    return codecs_run("segment/compression_bodies", tests, COUNT_OF(tests));
}
