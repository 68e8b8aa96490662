/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_chain_ends.c
 *
 * Goal    whatever becomes of the end of a chained segment, torn, cut, damaged or
 *         repaired, who goes on knows the head of what is left, or does not.
 * Method  the walker computes the chain by itself and fails at a wrong head;
 *         the head that the writer says is compared with what it has computed.
 */
#include "tests/segment/chain_support.h"

/* -- ends -------------------------------------------------------------------- */

/* A power cut leaves any beginning; the chain goes on from what is whole. */
static void
torn_tail__cut_at_any_byte__goes_on_from_what_is_left(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        struct seglog_writer_options options = chained_options(chains[c]);
        size_t len = 0;

        options.sync_log2 = 9;
        options.no_closing_mark = true;
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        append_events(writer, 1, 60);
        close_ok(writer);
        uint8_t *bytes = blob_read(store, "log", &len);
        for (size_t keep = 54 + 9; keep <= len; keep++) {
            struct seglog_writer_state now;

            blob_write(store, "log", bytes, keep);
            hint_fill(store, "log", 0);
            writer = writer_open_ok(store, "log", &options);
            seglog_writer_get_state(writer, &now);
            assert_true(is_same(now.chain_hash,
                                head_behind(chains[c], now.next_record - 1)));
            append_events(writer, now.next_record, now.next_record + 1);
            close_ok(writer);
            (void)check_chain(store, chains[c], now.next_record + 1,
                              head_behind(chains[c], now.next_record + 1));
        }
        free(bytes);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

static void
truncate__to_any_record__has_the_head_of_what_is_left(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        struct seglog_writer_options options = chained_options(chains[c]);

        for (uint64_t next = 1; next <= 40; next++) {
            const struct seglog_item items[] = { { SEGLOG_TEXT, "event-7", 7 },
                                                 { SEGLOG_TEXT, "event-8", 7 },
                                                 { SEGLOG_TEXT, "event-9",
                                                   7 } };
            struct seglog_writer *writer =
                writer_open_ok(store, "log", &options);

            append_events(writer, 1, 7);
            assert_ok(seglog_writer_append_group(
                writer, items, 3, SEGLOG_LEVEL_FLUSH, NULL, NULL));
            append_events(writer, 11, 40);
            assert_ok(seglog_writer_truncate(writer, next, NULL));
            assert_true(
                is_same(hash_of(writer), head_behind(chains[c], next - 1)));
            append_events(writer, next, next + 3);
            close_ok(writer);
            (void)check_chain(store, chains[c], next + 3,
                              head_behind(chains[c], next + 3));
            assert_ok(seglog_store_remove(store, "log", NULL));
        }
    }
}

/* The head of such a segment may stand behind a second sync point. */
static void
truncate__to_nothing_behind_a_torn_creation__has_the_base(void **state)
{
    const struct seglog_store store = store_of(state);

    for (unsigned way = 0; way < 2 * COUNT_OF(chains); way++) {
        const unsigned c = way / 2;
        struct seglog_writer_options options = chained_options(chains[c]);
        size_t len = 0;

        if (!slg_chain_is_computable(chains[c]))
            continue;
        const struct seglog_chain_hash base = head_behind(chains[c], 3);
        options.no_closing_mark = true;
        options.first_record = 4;
        options.chain_base = &base;
        options.attributes = "what";
        options.attributes_len = way % 2 ? 4 : 0;
        close_ok(writer_open_ok(store, "log", &options));
        uint8_t *bytes = blob_read(store, "log", &len);
        for (size_t keep = 0; keep <= len; keep++) {
            blob_write(store, "log", bytes, keep);
            hint_fill(store, "log", 0);
            struct seglog_writer *writer =
                writer_open_ok(store, "log", &options);
            append_events(writer, 4, 9);
            assert_ok(seglog_writer_truncate(writer, 4, NULL));
            assert_true(is_same(hash_of(writer), base));
            close_ok(writer);
            hint_fill(store, "log", 0);
            writer = writer_open_ok(store, "log", &options);
            append_events(writer, 4, 6);
            close_ok(writer);
            (void)check_chain(store, chains[c], 3, head_behind(chains[c], 6));
        }
        free(bytes);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

/* Damage that may have been anything before the end: its head is not known. */
static void
open__record_of_the_last_stretch_lost__is_corrupt(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options =
        chained_options(SEGLOG_CHAIN_XXH3);
    struct seglog_writer_options forced = options;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_error err = { 0 };
    size_t len = 0;

    append_events(writer, 1, 5);
    assert_ok(seglog_writer_flush(writer, NULL));
    uint8_t *bytes = blob_read(store, "log", &len);
    close_ok(writer);
    bytes[54 + 9 + 4] ^= 1;
    blob_write(store, "log", bytes, len);
    free(bytes);
    hint_fill(store, "log", 0);
    forced.append_to_damaged = true;
    assert_code(seglog_writer_open(store, "log", &options, &writer, &err),
                SEGLOG_CORRUPT);
    assert_code(seglog_writer_open(store, "log", &forced, &writer, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, "log");
}

/* A store that cannot cut: whoever began the new epoch knew that it was torn,
 * also where the chain head of that is torn again. */
static void
open__torn_bytes_passed_over_twice__knows_the_head(void **state)
{
    struct seglog_faults *faulty = faulty_make(state);
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = chained_options(SEGLOG_CHAIN_XXH3);
    uint8_t bytes[1024];
    size_t len = 0;

    options.no_closing_mark = true;
    seglog_faults_hide(faulty, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    append_events(writer, 1, 3);
    close_ok(writer);
    uint8_t *whole = blob_read(store, "log", &len);
    memcpy(bytes, whole, len);
    free(whole);
    memcpy(bytes + len, "\x20\x70half of a record", 18);
    blob_write(store, "log", bytes, len + 18);
    hint_fill(store, "log", 0);
    writer = writer_open_ok(seglog_faults_store(faulty), "log", &options);
    close_ok(writer);
    whole = blob_read(store, "log", &len);
    blob_write(store, "log", whole, len - 10);
    free(whole);
    hint_fill(store, "log", 0);
    writer = writer_open_ok(seglog_faults_store(faulty), "log", &options);
    assert_true(is_same(hash_of(writer), head_behind(SEGLOG_CHAIN_XXH3, 3)));
    append_events(writer, 4, 5);
    assert_true(is_same(hash_of(writer), head_behind(SEGLOG_CHAIN_XXH3, 5)));
    close_ok(writer);
}

/* The copy has gaps where its source has none: it is no piece of the chain. */
static void
repair__chained_and_damaged__is_not_chained(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options =
        chained_options(SEGLOG_CHAIN_XXH3);
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_scan_summary summary;
    size_t len = 0;

    append_events(writer, 1, 50);
    close_ok(writer);
    uint8_t *bytes = blob_read(store, "log", &len);
    bytes[len / 2] ^= 1;
    blob_write(store, "log", bytes, len);
    free(bytes);
    assert_ok(seglog_repair(store, "log", store, "new", NULL, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_CORRUPT);
    assert_ok(seglog_scan(store, "new", NULL, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
    assert_int_equal(summary.features_refuse, 0);
    assert_int_equal(summary.records + summary.recorded_lost, 50);
    assert_true(summary.records >= 49);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(torn_tail__cut_at_any_byte__goes_on_from_what_is_left),
        on_memory(truncate__to_any_record__has_the_head_of_what_is_left),
        on_memory(truncate__to_nothing_behind_a_torn_creation__has_the_base),
        on_memory(open__record_of_the_last_stretch_lost__is_corrupt),
        on_memory(open__torn_bytes_passed_over_twice__knows_the_head),
        on_memory(repair__chained_and_damaged__is_not_chained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
