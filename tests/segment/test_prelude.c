/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_prelude.c
 *
 * Goal    of the frames in front of the first record exactly those are taken
 *         that a reader in order would take.
 * Method  preludes made frame by frame, of which one thing is wrong.
 */
#include "tests/segment/forge_support.h"

#include "format/checksum.h"
#include "seglog/segment.h"
#include "src/segment/segment_attributes.h"

/* Attributes of so many bytes as the next frame. */
static void
put_attributes(struct forge *forge, size_t len)
{
    uint8_t data[12000];
    uint8_t frame[12100];

    memset(data, 'x', sizeof data);
    assert_true(len <= sizeof data);
    forge_raw(forge, frame,
              slg_attributes_encode(
                  data, len, &forge->limits, forge->number,
                  slg_salt(forge->header.identity, forge->epoch), frame));
}

static void
put_reference(struct forge *forge, unsigned role)
{
    struct slg_reference reference = { .role = (uint8_t)role,
                                       .name_len = 4,
                                       .name = "name" };
    uint8_t frame[SLG_REFERENCE_MAX];

    forge_raw(forge, frame,
              slg_reference_encode(
                  &reference, forge->number,
                  slg_salt(forge->header.identity, forge->epoch), frame));
}

/* SIZE_MAX: there are none. */
static size_t
find_attributes(const struct forge *forge, size_t len)
{
    const uint8_t *data = NULL;
    size_t data_len = 0;
    uint8_t *exact = exact_copy(forge->bytes, len);
    const bool is_found =
        slg_attributes_find(&forge->header, exact, len, &data, &data_len);

    free(exact);
    return is_found ? data_len : SIZE_MAX;
}

static bool
find_reference(const struct forge *forge, size_t len, unsigned role)
{
    struct slg_reference reference;
    uint8_t *exact = exact_copy(forge->bytes, len);
    const bool is_found =
        slg_reference_find(&forge->header, exact, len, role, &reference);

    free(exact);
    if (is_found)
        assert_string_equal(reference.name, "name");
    return is_found;
}

static void
find__behind_any_sync_points_of_this_segment__has_them(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    (void)forge_sync(&forge);
    /* A cut has begun a newer epoch. */
    (void)forge_new_epoch(&forge, 1);
    put_reference(&forge, SLG_REFERENCE_DICTIONARY);
    (void)forge_unknown(&forge, 5);
    put_reference(&forge, SLG_REFERENCE_PARENT);
    put_attributes(&forge, 7);
    assert_int_equal(find_attributes(&forge, forge.len), 7);
    assert_int_equal(find_attributes(&forge, forge.len - 1), SIZE_MAX);
    assert_true(find_reference(&forge, forge.len, SLG_REFERENCE_DICTIONARY));
    assert_true(find_reference(&forge, forge.len, SLG_REFERENCE_PARENT));
    assert_false(find_reference(&forge, forge.len, 3));
    for (size_t len = 0; len <= FORGE_HEADER_BYTES; len++) {
        assert_int_equal(find_attributes(&forge, len), SIZE_MAX);
        assert_false(find_reference(&forge, len, SLG_REFERENCE_PARENT));
    }
    assert_false(slg_attributes_are_due(&forge.header, forge.bytes, forge.len));
    forge_free(&forge);
}

/* A sync point that is not accepted in order ends the prelude. */
static void
find__behind_a_mark_that_is_not_accepted__has_none(void **state)
{
    (void)state;
    for (unsigned wrong = 0; wrong < 5; wrong++) {
        struct forge forge;

        forge_start(&forge);
        const uint64_t epoch = forge.epoch;

        if (wrong == 1)
            memcpy(forge.header.identity, forge_stranger,
                   sizeof forge_stranger);
        if (wrong == 2)
            forge.number = 2;
        if (wrong == 3) /* of before a cut */
            forge.epoch -= UINT64_C(1) << 32;
        if (wrong == 4) /* another one beside this one */
            forge.epoch += 1;
        (void)forge_sync(&forge);
        memcpy(forge.header.identity, forge_identity, sizeof forge_identity);
        forge.number = 1;
        forge.epoch = epoch;
        put_attributes(&forge, 7);
        assert_int_equal(find_attributes(&forge, forge.len),
                         wrong == 0 ? 7 : SIZE_MAX);
        forge_free(&forge);
    }
}

/* Its checksum is right, and its digest is not. */
static void
find__in_a_frame_that_is_not_sound__has_none(void **state)
{
    struct slg_frame frame;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    const size_t at = forge.len;

    put_attributes(&forge, 12000);
    assert_int_equal(find_attributes(&forge, forge.len), 12000);
    assert_true(slg_frame_parse(forge.bytes + at, forge.len - at, &forge.limits,
                                &frame));
    uint8_t *checksum = forge.bytes + at + slg_frame_covered(&frame);
    checksum[-1] ^= 1;
    slg_store_le32(
        checksum,
        slg_crc32(0, forge.bytes + at, (size_t)slg_frame_covered(&frame)) ^
            slg_mix(1, slg_salt(forge.header.identity, forge.epoch)));
    assert_int_equal(find_attributes(&forge, forge.len), SIZE_MAX);
    forge_free(&forge);
}

/* A reference that says nothing is passed, and another one may follow. */
static void
find__a_reference_behind_an_illegal_one__is_found(void **state)
{
    struct slg_frame frame;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    const size_t at = forge.len;

    put_reference(&forge, SLG_REFERENCE_PARENT);
    assert_true(slg_frame_parse(forge.bytes + at, forge.len - at, &forge.limits,
                                &frame));
    const size_t covered = (size_t)slg_frame_covered(&frame);
    /* A name may not hold a NUL. */
    forge.bytes[at + covered - 1] = 0;
    slg_store_le32(
        forge.bytes + at + covered,
        slg_crc32(0, forge.bytes + at, covered) ^
            slg_mix(1, slg_salt(forge.header.identity, forge.epoch)));
    assert_false(find_reference(&forge, forge.len, SLG_REFERENCE_PARENT));
    put_reference(&forge, SLG_REFERENCE_PARENT);
    assert_true(find_reference(&forge, forge.len, SLG_REFERENCE_PARENT));
    forge_free(&forge);
}

static void
get__of_no_bytes__needs_no_room(void **state)
{
    struct seglog_store store = { 0 };
    struct forge forge;
    size_t len = 9;
    uint8_t byte = 5;

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    forge_start(&forge);
    put_attributes(&forge, 0);
    blob_replace(store, "log", forge.bytes, forge.len);
    assert_ok(
        seglog_segment_get_attributes(store, "log", NULL, 0, &len, NULL, NULL));
    assert_int_equal(len, 0);
    assert_code(
        seglog_segment_get_attributes(store, NULL, &byte, 1, &len, NULL, NULL),
        SEGLOG_INVALID);
    assert_code(
        seglog_segment_get_attributes(store, "log", &byte, 1, NULL, NULL, NULL),
        SEGLOG_INVALID);
    assert_code(
        seglog_segment_get_attributes(store, "log", NULL, 1, &len, NULL, NULL),
        SEGLOG_INVALID);
    forge_free(&forge);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            find__behind_any_sync_points_of_this_segment__has_them),
        cmocka_unit_test(find__behind_a_mark_that_is_not_accepted__has_none),
        cmocka_unit_test(find__in_a_frame_that_is_not_sound__has_none),
        cmocka_unit_test(find__a_reference_behind_an_illegal_one__is_found),
        cmocka_unit_test(get__of_no_bytes__needs_no_room),
    };

    return cmocka_run_group_tests_name("segment/prelude", tests, NULL, NULL);
}
