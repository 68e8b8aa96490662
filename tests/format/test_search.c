/* SPDX-License-Identifier: MIT */
/*
 * tests/format/test_search.c - SPEC.md 9: looking for frames byte by byte.
 *
 * Every test of arithmetic runs with the machine's carry-less multiplication,
 * where there is one, and with the portable one.
 */
#include "tests/support/seglog_test.h"

#include "format/checksum.h"
#include "format/search.h"

#define SALT UINT32_C(0x9ADDF50E)

static const struct slg_frame_limits limits = {
    .body_max = UINT64_C(1) << 23,
    .has_digests = true,
};

/* bytes to search, in a block of its own. */
struct haystack {
    uint8_t *bytes;
    size_t len;
};

static struct haystack
haystack_random(size_t len, uint64_t seed)
{
    const struct haystack hay = { malloc(len), len };

    assert_non_null(hay.bytes);
    test_fill(hay.bytes, len, seed);
    return hay;
}

static struct slg_search *
search_new(bool is_portable)
{
    struct slg_search *search = malloc(sizeof *search);

    assert_non_null(search);
    slg_search_init(search, &limits);
    if (is_portable)
        search->has_clmul = false;
    return search;
}

/* Take in what of the haystack follows, as much as there is room. */
static void
search_load(struct slg_search *search, const struct haystack *hay,
            uint64_t from)
{
    size_t room = 0;
    uint8_t *out = slg_search_room(search, from, &room);
    const size_t start = (size_t)(search->base + search->len);

    if (room > hay->len - start)
        room = hay->len - start;
    memcpy(out, hay->bytes + start, room);
    slg_search_loaded(search, room);
}

static size_t
frame_plant(struct haystack *hay, size_t at, unsigned kind, uint32_t body_len,
            uint64_t number)
{
    uint8_t *out = hay->bytes + at;
    const size_t len = (size_t)slg_frame_len(body_len, &limits);

    assert_true(at + len <= hay->len);
    const size_t head = slg_frame_put_head(out, kind, false, body_len);
    assert_int_equal(
        slg_frame_finish(out, head, body_len, &limits, number, SALT), len);
    return len;
}

static size_t
mark_plant(struct haystack *hay, size_t at, uint8_t type, uint64_t number)
{
    const struct slg_mark mark = { .type = type,
                                   .identity = { 3 },
                                   .number = number,
                                   .line = number,
                                   .offset = at };

    assert_true(at + slg_mark_len(type) <= hay->len);
    return slg_mark_encode(&mark, hay->bytes + at);
}

/* -- the running CRC ------------------------------------------------------- */

/* Frames of random lengths at random places: the mix from the running CRC is
 * that of a whole pass over the frame. */
static void
mixed__any_frame_at_any_place__is_that_of_the_frame(void **state)
{
    struct haystack hay = haystack_random(SLG_SEARCH_CAPACITY, 11);
    struct slg_search *search = search_new(true);
    uint64_t seed = 12;
    unsigned tried = 0;

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        const uint32_t body_len =
            (uint32_t)(test_random(&seed) % (i % 2 == 0 ? 300 : 65537));
        const size_t at =
            (size_t)(test_random(&seed) % (hay.len - SLG_FRAME_NEAR_MAX));

        (void)slg_frame_put_head(hay.bytes + at, SLG_FRAME_BYTES, false,
                                 body_len);
    }
    search_load(search, &hay, 0);
    for (size_t at = 0; at < hay.len; at++) {
        struct slg_frame frame;
        struct slg_frame want;

        const bool is_frame = slg_search_parse(search, at, &frame);
        const bool is_wanted =
            slg_frame_parse(hay.bytes + at, hay.len - at, &limits, &want) &&
            want.body_len <= 65536 && want.len <= hay.len - at;
        assert_int_equal(is_frame, is_wanted);
        if (!is_frame || (frame.len > 1000 && at % 8 != 0))
            continue;
        assert_int_equal(frame.len, want.len);
        if (slg_search_mixed(search, at, &frame) !=
            slg_frame_mixed(hay.bytes + at, &frame))
            fail_msg("at %zu, %u bytes", at, (unsigned)frame.body_len);
        tried++;
    }
    assert_true(tried > 1000);
    free(search);
    free(hay.bytes);
}

static void
mixed__after_sliding__is_still_that_of_the_frame(void **state)
{
    struct haystack hay = haystack_random(3 * SLG_SEARCH_CAPACITY, 21);
    struct slg_search *search = search_new(true);
    uint64_t seed = 22;
    uint64_t base = 0;

    (void)state;
    while (base + SLG_SEARCH_CAPACITY < hay.len) {
        const size_t at = (size_t)(base + test_random(&seed) % SLG_SEARCH_STEP);
        struct slg_frame frame;

        const size_t len =
            frame_plant(&hay, at, SLG_FRAME_TEXT,
                        (uint32_t)(test_random(&seed) % 65000), 77);
        slg_search_reset(search, base);
        search_load(search, &hay, base);
        /* Slide to the frame itself. */
        search_load(search, &hay, at);
        assert_int_equal(search->base, at);
        assert_true(slg_search_parse(search, at, &frame));
        assert_int_equal(frame.len, len);
        assert_int_equal(slg_search_mixed(search, at, &frame),
                         slg_mix(77, SALT));
        base += SLG_SEARCH_STEP / 3;
    }
    free(search);
    free(hay.bytes);
}

/* -- what is at hand ------------------------------------------------------- */

static void
covers__only_what_is_loaded__is_at_hand(void **state)
{
    struct haystack hay = haystack_random(1000, 31);
    struct slg_search *search = search_new(true);

    (void)state;
    slg_search_reset(search, 500);
    assert_true(slg_search_covers(search, 500, 0));
    assert_false(slg_search_covers(search, 500, 1));
    assert_false(slg_search_covers(search, 499, 0));
    search_load(search, &hay, 500);
    assert_true(slg_search_covers(search, 500, 500));
    assert_false(slg_search_covers(search, 500, 501));
    assert_true(slg_search_covers(search, 1000, 0));
    assert_false(slg_search_covers(search, 1000, 1));
    assert_false(slg_search_covers(search, 1001, 0));
    assert_false(slg_search_covers(search, 499, 1));
    assert_false(slg_search_covers(search, 600, UINT64_MAX));
    assert_false(slg_search_covers(search, UINT64_MAX, 1));
    assert_memory_equal(slg_search_at(search, 700), hay.bytes + 700, 300);
    free(search);
    free(hay.bytes);
}

static void
room__of_an_offset_out_of_reach__starts_anew(void **state)
{
    struct haystack hay = haystack_random(5000, 41);
    struct slg_search *search = search_new(true);
    size_t room = 0;

    (void)state;
    search_load(search, &hay, 0);
    (void)slg_search_room(search, 1000, &room);
    assert_int_equal(search->base, 1000);
    assert_int_equal(search->len, 4000);
    assert_int_equal(room, SLG_SEARCH_CAPACITY - 4000);
    assert_memory_equal(slg_search_at(search, 1000), hay.bytes + 1000, 4000);
    /* Back, or beyond the end: nothing of it can be used. */
    (void)slg_search_room(search, 999, &room);
    assert_int_equal(search->base, 999);
    assert_int_equal(search->len, 0);
    assert_int_equal(room, SLG_SEARCH_CAPACITY);
    search_load(search, &hay, 999);
    (void)slg_search_room(search, 6000, &room);
    assert_int_equal(search->base, 6000);
    assert_int_equal(search->len, 0);
    free(search);
    free(hay.bytes);
}

static void
parse__a_frame_over_the_end__is_none(void **state)
{
    struct haystack hay = haystack_random(200, 51);
    struct slg_search *search = search_new(true);
    struct slg_frame frame;

    (void)state;
    (void)frame_plant(&hay, 100, SLG_FRAME_TEXT, 94, 1);
    search_load(search, &hay, 0);
    assert_true(slg_search_parse(search, 100, &frame));
    assert_false(slg_search_parse(search, 200, &frame));
    hay.len = 199;
    slg_search_reset(search, 0);
    search_load(search, &hay, 0);
    assert_false(slg_search_parse(search, 100, &frame));
    free(search);
    free(hay.bytes);
}

static void
parse__a_body_over_65536_bytes__is_none(void **state)
{
    struct haystack hay = haystack_random(70000, 61);
    struct slg_search *search = search_new(true);
    struct slg_frame frame;

    (void)state;
    (void)frame_plant(&hay, 0, SLG_FRAME_TEXT, 65536, 1);
    search_load(search, &hay, 0);
    assert_true(slg_search_parse(search, 0, &frame));
    assert_int_equal(frame.len, SLG_FRAME_NEAR_MAX);
    (void)frame_plant(&hay, 0, SLG_FRAME_TEXT, 65537, 1);
    slg_search_reset(search, 0);
    search_load(search, &hay, 0);
    assert_false(slg_search_parse(search, 0, &frame));
    free(search);
    free(hay.bytes);
}

/* -- next ------------------------------------------------------------------ */

struct planted {
    size_t at;
    bool is_mark;
    uint64_t number;
};

static void
check_found_in_order(struct slg_search *search, const struct haystack *hay,
                     const struct planted *planted, size_t count)
{
    uint64_t from = 0;

    for (size_t i = 0; i < count; i++) {
        struct slg_hit hit;

        slg_search_next(search, from, hay->len, SALT, 1000, &hit);
        assert_int_equal(hit.type,
                         planted[i].is_mark ? SLG_HIT_MARK : SLG_HIT_CANDIDATE);
        assert_int_equal(hit.offset, planted[i].at);
        if (planted[i].is_mark) {
            assert_int_equal(hit.mark.number, planted[i].number);
        } else {
            assert_int_equal(hit.distance, planted[i].number - 1000);
            assert_int_equal(hit.frame.head, hay->bytes[planted[i].at]);
        }
        from = hit.offset + 1;
    }
    struct slg_hit hit;
    slg_search_next(search, from, hay->len, SALT, 1000, &hit);
    assert_int_equal(hit.type, SLG_HIT_NONE);
}

static void
next__all_that_was_planted__is_found_in_order(void **state)
{
    static struct planted planted[400];
    struct haystack hay = { malloc(300000), 300000 };
    uint64_t seed = 71;
    size_t count = 0;
    size_t at = 0;

    (void)state;
    /* Between the frames only bytes that start none. */
    memset(hay.bytes, 0xEE, hay.len);
    while (count < COUNT_OF(planted)) {
        const uint64_t pick = test_random(&seed);
        const uint64_t number = 1000 + (pick >> 8) % 65537;

        at += 1 + pick % 40;
        if (at + 2000 > hay.len)
            break;
        planted[count++] = (struct planted){ at, pick % 5 == 0, number };
        if (pick % 5 == 0)
            at += mark_plant(&hay, at, (uint8_t)(1 + pick % 2), number);
        else
            at += frame_plant(&hay, at, 1 + (unsigned)(pick % 4),
                              (uint32_t)(pick >> 40) % 900, number);
    }
    assert_true(count > 300);
    for (unsigned is_portable = 0; is_portable < 2; is_portable++) {
        struct slg_search *search = search_new(is_portable != 0);

        search_load(search, &hay, 0);
        check_found_in_order(search, &hay, planted, count);
        free(search);
    }
    free(hay.bytes);
}

static void
next__in_random_bytes__agrees_with_a_test_of_every_place(void **state)
{
    struct haystack hay = haystack_random(150000, 81);
    uint64_t seed = 82;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        (void)frame_plant(&hay, (size_t)(test_random(&seed) % 140000),
                          SLG_FRAME_TEXT, (uint32_t)(test_random(&seed) % 5000),
                          500 + test_random(&seed) % 70000);
    for (unsigned is_portable = 0; is_portable < 2; is_portable++) {
        struct slg_search *search = search_new(is_portable != 0);
        uint64_t from = 0;
        size_t hits = 0;

        search_load(search, &hay, 0);
        for (uint64_t at = 0; at < hay.len; at++) {
            struct slg_frame frame;
            struct slg_hit hit;

            if (!slg_search_parse(search, at, &frame))
                continue;
            const uint32_t distance =
                slg_frame_implied(hay.bytes + at, &frame, SALT) - 1000;
            if (distance > 65536)
                continue;
            slg_search_next(search, from, hay.len, SALT, 1000, &hit);
            assert_int_equal(hit.type, SLG_HIT_CANDIDATE);
            assert_int_equal(hit.offset, at);
            assert_int_equal(hit.distance, distance);
            from = at + 1;
            hits++;
        }
        assert_true(hits >= 10);
        free(search);
    }
    free(hay.bytes);
}

static void
next__distance__is_0_to_65536(void **state)
{
    static const struct {
        uint64_t number;
        uint64_t expected;
        bool is_hit;
    } cases[] = {
        { 1000, 1000, true },
        { 999, 1000, false },
        { 66536, 1000, true },
        { 66537, 1000, false },
        { UINT64_C(0x100000005), UINT64_C(0xFFFFFFFF), true },
        { 5, UINT64_C(0xFFFFFFFF), true }, /* told apart by nothing here */
        { 1, UINT64_C(0x7FFFFFFFFFFFFFFF), true },
    };

    (void)state;
    for (unsigned is_portable = 0; is_portable < 2; is_portable++) {
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            struct haystack hay = { calloc(1, 100), 100 };
            struct slg_search *search = search_new(is_portable != 0);
            struct slg_hit hit;

            (void)frame_plant(&hay, 10, SLG_FRAME_TEXT, 20, cases[i].number);
            search_load(search, &hay, 0);
            slg_search_next(search, 0, 100, SALT, cases[i].expected, &hit);
            assert_int_equal(hit.type, cases[i].is_hit ? SLG_HIT_CANDIDATE
                                                       : SLG_HIT_NONE);
            if (cases[i].is_hit)
                assert_int_equal(hit.distance, (uint32_t)(cases[i].number -
                                                          cases[i].expected));
            /* Under another salt it implies something else. */
            slg_search_next(search, 0, 100, SALT + 1, cases[i].expected, &hit);
            assert_int_equal(hit.type, SLG_HIT_NONE);
            free(search);
            free(hay.bytes);
        }
    }
}

static void
next__only_places_before_until__are_looked_at(void **state)
{
    struct haystack hay = { calloc(1, 300), 300 };
    struct slg_search *search = search_new(false);
    struct slg_hit hit;

    (void)state;
    (void)frame_plant(&hay, 100, SLG_FRAME_TEXT, 20, 1000);
    (void)mark_plant(&hay, 200, SLG_CONTROL_SYNC_POINT, 1001);
    search_load(search, &hay, 0);
    slg_search_next(search, 0, 100, SALT, 1000, &hit);
    assert_int_equal(hit.type, SLG_HIT_NONE);
    slg_search_next(search, 100, 101, SALT, 1000, &hit);
    assert_int_equal(hit.type, SLG_HIT_CANDIDATE);
    slg_search_next(search, 101, 200, SALT, 1000, &hit);
    assert_int_equal(hit.type, SLG_HIT_NONE);
    slg_search_next(search, 101, 201, SALT, 1000, &hit);
    assert_int_equal(hit.type, SLG_HIT_MARK);
    slg_search_next(search, 201, 201, SALT, 1000, &hit);
    assert_int_equal(hit.type, SLG_HIT_NONE);
    free(search);
    free(hay.bytes);
}

static void
next__a_mark_that_is_not_valid_in_itself__is_nothing(void **state)
{
    static const uint8_t types[] = { SLG_CONTROL_SYNC_POINT,
                                     SLG_CONTROL_CLOSING_MARK };

    (void)state;
    for (unsigned i = 0; i < 2 * COUNT_OF(types); i++) {
        struct haystack hay = { calloc(1, 200), 200 };
        struct slg_search *search = search_new(i % 2 != 0);
        struct slg_hit hit;
        const size_t len = mark_plant(&hay, 50, types[i / 2], 1000);

        search_load(search, &hay, 0);
        slg_search_next(search, 0, 200, SALT, 1000, &hit);
        assert_int_equal(hit.type, SLG_HIT_MARK);
        assert_int_equal(hit.offset, 50);
        slg_search_reset(search, 0);
        /* A well-formed control frame that even implies the number. */
        hay.bytes[50 + 3] ^= 1;
        (void)slg_frame_finish(hay.bytes + 50, 2,
                               (uint32_t)(len - 2 - SLG_CHECKSUM_BYTES),
                               &limits, 1000, SALT);
        search_load(search, &hay, 0);
        slg_search_next(search, 0, 200, SALT, 1000, &hit);
        assert_int_equal(hit.type, SLG_HIT_NONE);
        free(search);
        free(hay.bytes);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed__any_frame_at_any_place__is_that_of_the_frame),
        cmocka_unit_test(mixed__after_sliding__is_still_that_of_the_frame),
        cmocka_unit_test(covers__only_what_is_loaded__is_at_hand),
        cmocka_unit_test(room__of_an_offset_out_of_reach__starts_anew),
        cmocka_unit_test(parse__a_frame_over_the_end__is_none),
        cmocka_unit_test(parse__a_body_over_65536_bytes__is_none),
        cmocka_unit_test(next__all_that_was_planted__is_found_in_order),
        cmocka_unit_test(
            next__in_random_bytes__agrees_with_a_test_of_every_place),
        cmocka_unit_test(next__distance__is_0_to_65536),
        cmocka_unit_test(next__only_places_before_until__are_looked_at),
        cmocka_unit_test(next__a_mark_that_is_not_valid_in_itself__is_nothing),
    };

    return cmocka_run_group_tests_name("format/search", tests, NULL, NULL);
}
