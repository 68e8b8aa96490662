/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_lone_frames.c
 *
 * Goal    a frame found alone between damaged places is a record where it can
 *         be one, and only there: SPEC.md 9, Lone frames.
 * Method  frames laid next to each other, in each other and in another order,
 *         with nothing behind them that would confirm them.
 */
#include "tests/segment/forge_support.h"

static struct look look;

/* Long enough for any number that is tried here to be one of the next ones. */
static void
junk_put(struct forge *forge)
{
    static const uint8_t junk[100];

    forge_raw(forge, junk, sizeof junk);
}

/* The frame of a record by its number, from a sound segment. */
static void
frame_put(struct forge *forge, const struct forge *from, uint64_t number)
{
    const struct forge_frame *frame = forge_frame_of(from, number);

    forge_raw(forge, from->bytes + frame->offset, frame->len);
}

/* Records 1 to 4, those of the list as they stand, 20 to 22. */
static void
listed_make(struct forge *forge, const uint64_t *numbers)
{
    struct forge all;
    struct forge most;

    forge_start(&all);
    forge_fill(&all, 25, 40);
    forge_start(&most);
    forge_fill(&most, 4, 40);
    *forge = all; /* what was written, in other bytes */
    forge->bytes = NULL;
    forge->len = forge->cap = 0;
    forge_raw(forge, most.bytes, most.len);
    for (; *numbers != 0; numbers++) {
        if (*numbers == UINT64_MAX)
            junk_put(forge);
        else
            frame_put(forge, &all, *numbers);
    }
    for (uint64_t n = 20; n <= 22; n++)
        frame_put(forge, &all, n);
    free(all.bytes);
    forge_free(&most);
}

#define JUNK UINT64_MAX

static void
lone__in_any_place__is_a_record_where_it_fits(void **state)
{
    static const struct {
        uint64_t numbers[12];
        const char *lone;
    } cases[] = {
        { { JUNK, 6, JUNK, 8, JUNK }, "~6 ~8 " },
        /* Directly behind each other, and one is missing between. */
        { { JUNK, 6, 8, JUNK }, "~6 ~8 " },
        { { JUNK, 6, 8, 10, JUNK }, "~6 ~8 ~10 " },
        /* The second comes before the first: it is none. */
        { { JUNK, 8, JUNK, 6, JUNK }, "~8 " },
        { { JUNK, 8, 6, JUNK }, "~8 " },
        { { JUNK, 8, JUNK, 8, JUNK }, "~8 " },
        { { JUNK, 8, JUNK, 9, JUNK }, "~8 ~9 " },
        /* Not below where reading goes on, nor above where it was. */
        { { JUNK, 19, JUNK }, "~19 " },
        { { JUNK, 3, JUNK, 7, JUNK }, "~7 " },
        { { JUNK, 20, JUNK }, "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct forge forge;
        char got[256] = "";

        listed_make(&forge, cases[i].numbers);
        look_at(&forge, forge.bytes, forge.len, &look);
        /* Only the lone ones count here. */
        for (const char *at = look.order; (at = strchr(at, '~')); at++)
            (void)strncat(got, at, strcspn(at, " ") + 1);
        if (strcmp(got, cases[i].lone) != 0)
            fail_msg("case %u: %s", (unsigned)i, look.order);
        forge_free(&forge);
    }
}

/* A record that holds a frame: inside a lone one there is no other. */
static void
lone__inside_a_lone_one__is_no_record(void **state)
{
    struct forge forge;
    struct forge inner;

    (void)state;
    forge_start(&inner);
    forge_fill(&inner, 6, 40);
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    forge.number = 4; /* 3 is lost */
    forge.line = 4;
    junk_put(&forge);
    (void)forge_put(&forge, SEGLOG_BYTES,
                    inner.bytes + inner.frames[4].offset - 10, 80);
    junk_put(&forge);
    forge.number = 8;
    forge.line = 8;
    forge_fill(&forge, 3, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_order(&look, "1-2 GAP(head 3-3) ~4 GAP(head 5-7) 8-10");
    forge_free(&forge);
    forge_free(&inner);
}

/* Of one search so many are looked at, and no more. */
static void
lone__more_than_are_looked_at__are_lost(void **state)
{
    (void)state;
    for (unsigned count = 254; count < 260; count++) {
        struct seglog_scan_summary summary;
        struct seglog_store store;
        struct forge forge;

        forge_start(&forge);
        forge_fill(&forge, 2 * count + 5, 10);
        for (unsigned i = 0; i <= count; i++)
            forge.bytes[forge_frame_of(&forge, 2 + 2 * i)->offset] = 0;
        assert_ok(seglog_store_memory_open(&store, NULL));
        blob_write(store, "log", forge.bytes, forge.len);
        assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
        assert_int_equal(summary.unconfirmed, count < 256 ? count : 256);
        assert_int_equal(summary.records, 4 + (count < 256 ? count : 256));
        seglog_store_close(&store);
        forge_free(&forge);
    }
}

/* What cannot be read is no record, whatever it would be as zeros. */
static void
lone__that_cannot_be_read__is_lost(void **state)
{
    struct probe probe;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 300, 40);
    forge.bytes[forge_frame_of(&forge, 90)->offset] = 0;
    const struct seglog_store store = probe_open(&probe);
    probe_put(&probe, "look", forge.bytes, forge.len);
    probe_fail_reads(&probe, 4100, 4200);
    look_in_store(&forge, store, 0, &look);
    assert_true(look.summary.lost > 80);
    assert_verdict(&look, SEGLOG_VERDICT_IO);
    probe_close(&probe);
    forge_free(&forge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lone__in_any_place__is_a_record_where_it_fits),
        cmocka_unit_test(lone__inside_a_lone_one__is_no_record),
        cmocka_unit_test(lone__more_than_are_looked_at__are_lost),
        cmocka_unit_test(lone__that_cannot_be_read__is_lost),
    };

    return cmocka_run_group_tests_name("segment/lone_frames", tests, NULL,
                                       NULL);
}
