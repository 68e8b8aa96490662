/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_tombs.c
 *
 * Goal    tombstones are found whatever order they come in, and soon, also one
 *         by one in a stream that has many.
 */
#include "tests/stream/stream_fixture.h"

#include "src/stream/stream_tombs.h"

#define MANY 200000u

/* Each number from 1 to count once, in any order. */
static uint32_t *
numbers_shuffle(uint32_t count)
{
    uint32_t *numbers = calloc(count, sizeof *numbers);
    uint64_t chance = 1;

    assert_non_null(numbers);
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = i + 1;
    for (uint32_t i = count; i-- > 1;) {
        const uint32_t other = (uint32_t)(test_random(&chance) % (i + 1));
        const uint32_t number = numbers[i];

        numbers[i] = numbers[other];
        numbers[other] = number;
    }
    return numbers;
}

/* One of a record, which says hashes that tell it from others of it. */
static struct slg_tombstone
tomb_make(uint64_t number, uint8_t kind)
{
    return (struct slg_tombstone){
        .algorithm = SEGLOG_CHAIN_XXH3,
        .number = number,
        .before = { .len = 16, .bytes = { kind } },
        .hash = { .len = 16, .bytes = { 1 } },
    };
}

static void
assert_sorted(const struct slg_tombs *tombs)
{
    for (size_t i = 0; i < tombs->count; i++) {
        assert_int_equal(tombs->items[i].number, i + 1);
        assert_int_equal(slg_tombs_find(tombs, i + 1), i);
    }
    assert_int_equal(slg_tombs_find(tombs, tombs->count + 1), tombs->count);
}

/* In seconds it could not be done that way if each one cost as many as there
 * are. */
static void
add__many_in_any_order__are_found_at_once(void **state)
{
    struct slg_tombs tombs = { 0 };
    uint32_t *numbers = numbers_shuffle(MANY);

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        const struct slg_tombstone tomb = tomb_make(numbers[i], 0);

        assert_false(slg_tombs_have(&tombs, tomb.number));
        assert_true(slg_tombs_add(&tombs, &tomb));
        assert_true(slg_tombs_have(&tombs, tomb.number));
        assert_true(slg_tombs_have(&tombs, numbers[i / 2]));
        assert_true(tombs.run_count <= 18);
    }
    assert_int_equal(tombs.count, MANY);
    assert_true(slg_tombs_settle(&tombs));
    assert_sorted(&tombs);
    slg_tombs_reset(&tombs);
    free(numbers);
}

static void
add__ascending_and_descending__are_sorted(void **state)
{
    struct slg_tombs tombs = { 0 };

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        const struct slg_tombstone low = tomb_make(1001 + i, 0);
        const struct slg_tombstone high = tomb_make(1000 - i, 0);

        assert_true(slg_tombs_add(&tombs, &low));
        assert_true(slg_tombs_add(&tombs, &high));
    }
    assert_int_equal(tombs.count, 2000);
    assert_true(slg_tombs_settle(&tombs));
    assert_sorted(&tombs);
    slg_tombs_reset(&tombs);
}

/* The very same one is there once; another one of the record beside it. */
static void
add__twice__is_there_once(void **state)
{
    struct slg_tombs tombs = { 0 };
    uint32_t *numbers = numbers_shuffle(100);
    struct seglog_chain_hash before = { .len = 16, .bytes = { 3 } };

    (void)state;
    for (size_t turn = 0; turn < 3; turn++) {
        for (size_t i = 0; i < 100; i++) {
            const struct slg_tombstone one = tomb_make(numbers[i], 7);
            const struct slg_tombstone other = tomb_make(numbers[99 - i], 3);

            assert_true(slg_tombs_add(&tombs, &one));
            assert_true(slg_tombs_add(&tombs, &other));
        }
    }
    assert_int_equal(tombs.count, 200);
    assert_true(slg_tombs_settle(&tombs));
    assert_int_equal(slg_tombs_find(&tombs, 50), 98);
    assert_ptr_equal(slg_tombs_match(&tombs, 50, &before), &tombs.items[98]);
    before.bytes[0] = 7;
    assert_ptr_equal(slg_tombs_match(&tombs, 50, &before), &tombs.items[99]);
    before.bytes[0] = 8;
    assert_null(slg_tombs_match(&tombs, 50, &before));
    slg_tombs_reset(&tombs);
    free(numbers);
}

/* Nothing is read twice, but where a segment has followed. */
static void
follow__one_more_of_many__reads_that_one(void **state)
{
    struct fixture *fixture = *state;
    struct slg_tombs tombs = { 0 };
    uint32_t *numbers = numbers_shuffle(1000);

    fixture->options.checkpoint_events = 100;
    open_streams(fixture);
    for (size_t i = 0; i < 100; i++)
        append(fixture, 10);
    for (size_t i = 0; i < 1000; i++) {
        uint64_t bytes_read = 0;

        if (i == 500)
            assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
        assert_ok(seglog_stream_tombstone(fixture->streams, STREAM,
                                          numbers[i] - 1, NULL, NULL));
        seglog_faults_reset_counts(fixture->faults);
        assert_ok(slg_tombs_follow(&tombs, fixture->store, STREAM, NULL));
        bytes_read = seglog_faults_get_bytes_read(fixture->faults);
        assert_true(bytes_read < 500 || i == 0 || i == 500);
        assert_true(slg_tombs_have(&tombs, numbers[i]));
        assert_int_equal(tombs.count, i + 1);
    }
    slg_tombs_reset(&tombs);
    assert_ok(slg_tombs_collect(&tombs, fixture->store, STREAM, NULL));
    assert_sorted(&tombs);
    slg_tombs_reset(&tombs);
    free(numbers);
}

/* Those of others as well, in segments that have come and gone meanwhile. */
static void
tombstone__others_rotate_and_mark__exists(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams other = { 0 };

    open_streams(fixture);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &other, NULL));
    append(fixture, 40);
    for (uint64_t i = 0; i < 40; i++) {
        const struct seglog_streams by = i % 3 == 0 ? other : fixture->streams;
        const struct seglog_streams next =
            i % 3 == 0 ? fixture->streams : other;

        assert_ok(seglog_stream_tombstone(by, STREAM, i, NULL, NULL));
        if (i % 7 == 0)
            assert_ok(seglog_stream_rotate(other, STREAM, NULL));
        assert_code(seglog_stream_tombstone(next, STREAM, i, NULL, NULL),
                    SEGLOG_EXISTS);
    }
    assert_ok(seglog_streams_close(&other, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add__many_in_any_order__are_found_at_once),
        cmocka_unit_test(add__ascending_and_descending__are_sorted),
        cmocka_unit_test(add__twice__is_there_once),
        STREAM_TEST(follow__one_more_of_many__reads_that_one),
        STREAM_TEST(tombstone__others_rotate_and_mark__exists),
    };

    return cmocka_run_group_tests_name("stream/stream_tombs", tests, NULL,
                                       NULL);
}
