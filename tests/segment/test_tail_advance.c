/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_tail_advance.c
 *
 * Goal    who knows where a segment ended finds its end again when it has grown,
 *         in few reads, and says what it would say of all of it.
 * Method  slg_tail_advance on segments made frame by frame, next to
 *         slg_tail_find.
 */
#include "tests/segment/tail_support.h"

/* -- advance --------------------------------------------------------------- */

static void
advance(struct seglog_store store, struct slg_tail *tail)
{
    struct seglog_blob blob = { 0 };
    struct seglog_error err = { 0 };

    assert_ok(seglog_blob_open(store, "log", SEGLOG_OPEN_READ, &blob, NULL));
    assert_code_err(slg_tail_advance(blob, "log", tail, &err), SEGLOG_OK, &err);
    assert_ok(seglog_blob_close(&blob, NULL));
}

static void
assert_same_tail(const struct slg_tail *got, const struct slg_tail *want)
{
    assert_int_equal(got->verdict, want->verdict);
    assert_int_equal(got->size, want->size);
    assert_int_equal(got->end, want->end);
    assert_int_equal(got->number, want->number);
    assert_int_equal(got->line, want->line);
    assert_int_equal(got->epoch, want->epoch);
    assert_int_equal(got->salt, want->salt);
    assert_int_equal(got->sync_offset, want->sync_offset);
    assert_int_equal(got->digest, want->digest);
    assert_int_equal(got->watermark, want->watermark);
    assert_int_equal(got->is_after_sync, want->is_after_sync);
    assert_int_equal(got->is_closed, want->is_closed);
}

/* Any cut of what was appended into steps comes to the same end. */
static void
advance__frame_by_frame__says_what_find_says(void **state)
{
    struct forge forge;

    (void)state;
    make_log(&forge);
    forge_fill_groups(&forge, 2, 3, 20);
    (void)forge_close(&forge);
    forge.is_durable = true;
    forge_fill(&forge, 3, 40);
    forge.watermark = forge.number - 1;
    (void)forge_new_epoch(&forge, forge.number);
    forge_fill(&forge, 2, 40);
    (void)forge_unknown(&forge, 7);
    (void)forge_close(&forge);
    for (size_t step = 1; step < forge.frame_count; step++) {
        struct seglog_store store;

        assert_ok(seglog_store_memory_open(&store, NULL));
        blob_replace(store, "log", forge.bytes, HEADER);
        struct slg_tail tail = tail_find(store, 0);
        for (size_t i = 0; i < forge.frame_count; i++) {
            const struct forge_frame *frame = &forge.frames[i];

            blob_add(store, "log", forge.bytes + frame->offset, frame->len);
            if (i % step != 0 && i + 1 != forge.frame_count)
                continue;
            advance(store, &tail);
            const struct slg_tail found = tail_find(store, 0);
            assert_same_tail(&tail, &found);
        }
        assert_tail_is(&tail, &forge, forge.number - 1);
        seglog_store_close(&store);
    }
    forge_free(&forge);
}

static void
advance__nothing_new__changes_nothing(void **state)
{
    struct seglog_store store;
    struct forge forge;

    (void)state;
    make_log(&forge);
    (void)forge_close(&forge);
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", forge.bytes, forge.len);
    struct slg_tail tail = tail_find(store, 0);
    advance(store, &tail);
    assert_tail_is(&tail, &forge, 15);
    seglog_store_close(&store);
    forge_free(&forge);
}

static void
advance__a_torn_tail_that_is_finished__is_whole(void **state)
{
    struct seglog_store store;
    struct forge forge;

    (void)state;
    make_log(&forge);
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", forge.bytes, forge.len - 20);
    struct slg_tail tail = tail_find(store, 0);
    assert_tail_verdict(&tail, "TORN torn 15-? l15 @780+26 s? no");
    blob_add(store, "log", forge.bytes + forge.len - 20, 10);
    advance(store, &tail);
    assert_tail_verdict(&tail, "TORN torn 15-? l15 @780+36 s? no");
    blob_add(store, "log", forge.bytes + forge.len - 10, 10);
    advance(store, &tail);
    assert_tail_is(&tail, &forge, 7);
    seglog_store_close(&store);
    forge_free(&forge);
}

static void
advance__damage_in_what_is_new__is_corrupt(void **state)
{
    struct seglog_store store;
    struct forge forge;

    (void)state;
    make_log(&forge);
    const size_t from = forge.len;
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", forge.bytes, forge.len);
    struct slg_tail tail = tail_find(store, 0);
    forge_fill(&forge, 5, 40);
    forge.bytes[from + RECORD + 9] ^= 1;
    blob_add(store, "log", forge.bytes + from, forge.len - from);
    advance(store, &tail);
    assert_tail_verdict(&tail, "CORRUPT checksum 17-17 l17 @872+46 s? unknown");
    assert_int_equal(tail.number, 21);
    assert_int_equal(tail.end, forge.len);
    seglog_store_close(&store);
    forge_free(&forge);
}

static void
advance__cut_before_its_place__is_an_error(void **state)
{
    struct seglog_blob blob = { 0 };
    struct seglog_store store;
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    make_log(&forge);
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", forge.bytes, forge.len);
    struct slg_tail tail = tail_find(store, 0);
    assert_ok(seglog_blob_open(store, "log", SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(seglog_blob_truncate(blob, forge.len - 1, NULL));
    assert_code_err(slg_tail_advance(blob, "log", &tail, &err), SEGLOG_CORRUPT,
                    &err);
    assert_int_equal(err.offset, forge.len);
    assert_ok(seglog_blob_close(&blob, NULL));
    seglog_store_close(&store);
    forge_free(&forge);
}

static void
advance__in_a_large_segment__reads_what_was_appended(void **state)
{
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct forge forge;

    (void)state;
    forge_start(&forge);
    while (forge.len < 8 * MIB) {
        forge_fill(&forge, 60, 1000);
        (void)forge_sync(&forge);
    }
    probe_put(&probe, "log", forge.bytes, forge.len);
    struct slg_tail tail = tail_find(store, 0);
    const size_t from = forge.len;
    forge_fill(&forge, 30, 1000);
    blob_add(probe.inner, "log", forge.bytes + from, forge.len - from);
    seglog_faults_reset_counts(probe.faults);
    advance(store, &tail);
    assert_tail_is(&tail, &forge, 0);
    assert_true(seglog_faults_get_bytes_read(probe.faults) <=
                2 * (forge.len - from));
    forge_free(&forge);
    probe_close(&probe);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advance__frame_by_frame__says_what_find_says),
        cmocka_unit_test(advance__nothing_new__changes_nothing),
        cmocka_unit_test(advance__a_torn_tail_that_is_finished__is_whole),
        cmocka_unit_test(advance__damage_in_what_is_new__is_corrupt),
        cmocka_unit_test(advance__cut_before_its_place__is_an_error),
        cmocka_unit_test(advance__in_a_large_segment__reads_what_was_appended),
    };

    return cmocka_run_group_tests_name("segment/tail_advance", tests, NULL,
                                       NULL);
}
