/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_chain_writer.c
 *
 * Goal    whatever is appended, in whatever way, the chain of a segment is that
 *         of its records: a head stands behind each sync point and is right.
 * Method  the walker computes the chain by itself and fails at a wrong head;
 *         the head that the writer says is compared with what it has computed.
 */
#include "tests/segment/chain_support.h"

#include <stdio.h>

#include "src/codec/zrun.h"
#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_chain_writer.h"

/* -- creating -------------------------------------------------------------- */

static void
open__chained__begins_with_an_empty_head(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        const struct seglog_writer_options options = chained_options(chains[c]);
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        struct seglog_writer_state now;
        size_t len = 0;
        uint8_t *bytes = blob_read(store, "log", &len);

        assert_int_equal(len, 54 + 9);
        assert_int_equal(bytes[16], 8);
        assert_int_equal(bytes[54 + 2], 5);
        assert_int_equal(bytes[54 + 3], chains[c]);
        free(bytes);
        seglog_writer_get_state(writer, &now);
        assert_int_equal(now.chain, chains[c]);
        assert_int_equal(now.chain_hash.len, 0);
        append_events(writer, 1, 3);
        assert_true(is_same(hash_of(writer), head_behind(chains[c], 3)));
        close_ok(writer);
        /* The first, and that of the sync point before the closing mark. */
        assert_int_equal(
            check_chain(store, chains[c], 3, head_behind(chains[c], 3)), 2);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

static void
open__first_record_and_base__begins_with_the_base(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        const struct seglog_chain_hash base = head_behind(chains[c], 3);
        const struct seglog_predecessor predecessor = {
            .identity = { 9, 8, 7 },
            .epoch = 5,
            .number = 4,
            .end = 999,
            .checksum = 77,
        };
        struct seglog_writer_options options = chained_options(chains[c]);
        struct walked walked;

        options.first_record = 4;
        options.chain_base = &base;
        options.predecessor = &predecessor;
        options.attributes = "what";
        options.attributes_len = 4;
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        const size_t head_len = 9 + base.len;
        size_t len = 0;
        uint8_t *bytes = blob_read(store, "log", &len);
        uint8_t want[SLG_PREDECESSOR_BYTES];
        const struct slg_predecessor stored = { .identity = { 9, 8, 7 },
                                                .epoch = 5,
                                                .number = 4,
                                                .end = 999,
                                                .last_checksum = 77 };

        assert_int_equal(len, 54 + 82 + head_len + 51 + 11);
        assert_int_equal(bytes[54 + 2], 1);
        assert_int_equal(bytes[54 + 82 + 2], 5);
        (void)slg_predecessor_encode(&stored, 4, 0, want);
        assert_memory_equal(bytes + 54 + 82 + head_len, want,
                            sizeof want - SLG_CHECKSUM_BYTES);
        free(bytes);
        append_events(writer, 4, 6);
        close_ok(writer);
        walk_blob(store, "log", &walked);
        assert_int_equal(walked.attributes_len, 4);
        walked_free(&walked);
        (void)check_chain(store, chains[c], 3, head_behind(chains[c], 6));
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

static void
open__options_of_no_chain__is_invalid(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_chain_hash base = { .len = 16 };
    struct seglog_writer *writer = NULL;
    struct seglog_writer_options options = chained_options(SEGLOG_CHAIN_XXH3);

    options.chain = (enum seglog_chain)3;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
    options = chained_options(SEGLOG_CHAIN_XXH3);
    options.chain_base = &base; /* and nothing is before record 1 */
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
    options.first_record = 2;
    base.len = 32;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
    options.chain = (enum seglog_chain)0;
    base.len = 16;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
}

/* Whoever created it was interrupted at any byte. */
static void
open__creation_cut_anywhere__is_created_again(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        for (unsigned round = 0; round < 2; round++) {
            struct seglog_writer_options options = chained_options(chains[c]);
            const struct seglog_chain_hash base = head_behind(chains[c], 3);
            const uint64_t first = round == 0 ? 1 : 4;
            size_t len = 0;

            options.no_closing_mark = true;
            if (round == 1) {
                options.first_record = first;
                options.chain_base = &base;
            }
            close_ok(writer_open_ok(store, "log", &options));
            uint8_t *bytes = blob_read(store, "log", &len);
            for (size_t keep = 0; keep <= len; keep++) {
                blob_write(store, "log", bytes, keep);
                struct seglog_writer *writer =
                    writer_open_ok(store, "log", &options);
                append_events(writer, first, first + 5);
                close_ok(writer);
                (void)check_chain(store, chains[c], 6,
                                  head_behind(chains[c], first + 5));
            }
            free(bytes);
            assert_ok(seglog_store_remove(store, "log", NULL));
        }
    }
}

/* -- going on --------------------------------------------------------------- */

static void
append__reopened_all_the_time__goes_on_with_the_chain(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        struct seglog_writer_options options = chained_options(chains[c]);

        for (uint64_t n = 1; n <= 120; n += 3) {
            options.mode =
                n % 2 == 0 ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE;
            options.no_closing_mark = n % 5 < 3;
            /* It says itself that it is chained. */
            options.chain = n == 1 ? (enum seglog_chain)chains[c] : 0;
            struct seglog_writer *writer =
                writer_open_ok(store, "log", &options);
            assert_true(
                is_same(hash_of(writer), head_behind(chains[c], n - 1)));
            append_events(writer, n, n + 2);
            close_ok(writer);
        }
        (void)check_chain(store, chains[c], 120, head_behind(chains[c], 120));
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

static void
append__two_writers_in_turns__share_one_chain(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        struct seglog_writer_options options = chained_options(chains[c]);
        struct seglog_writer *writers[2];
        uint64_t next = 1;

        options.mode = SEGLOG_WRITER_SHARED;
        for (unsigned i = 0; i < 2; i++)
            writers[i] = writer_open_ok(store, "log", &options);
        for (unsigned turn = 0; turn < 60; turn++) {
            struct seglog_writer *writer = writers[turn % 3 % 2];
            const uint64_t count = turn % 7 + 1;

            if (turn % 11 == 10)
                hint_fill(store, "log", 0);
            append_events(writer, next, next + count - 1);
            next += count;
            assert_true(
                is_same(hash_of(writer), head_behind(chains[c], next - 1)));
        }
        close_ok(writers[0]);
        append_events(writers[1], next, next);
        close_ok(writers[1]);
        (void)check_chain(store, chains[c], next, head_behind(chains[c], next));
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

/* What was encoded for another place is chained to what is there. */
static void
append__somebody_else_was_faster__is_chained_behind_it(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        struct seglog_writer_options options = chained_options(chains[c]);
        const struct seglog_item items[] = { { SEGLOG_TEXT, "event-31", 8 },
                                             { SEGLOG_TEXT, "event-32", 8 } };

        options.mode = SEGLOG_WRITER_SHARED;
        struct seglog_writer *a = writer_open_ok(store, "log", &options);
        struct seglog_writer *b = writer_open_ok(store, "log", &options);
        assert_ok(seglog_writer_append(b, SEGLOG_TEXT, "event-30", 8,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
        assert_ok(seglog_writer_append_group(b, items, 2, SEGLOG_LEVEL_APPEND,
                                             NULL, NULL));
        append_events(a, 1, 30);
        assert_ok(seglog_writer_flush(b, NULL));
        assert_true(is_same(hash_of(b), head_behind(chains[c], 33)));
        close_ok(a);
        close_ok(b);
        (void)check_chain(store, chains[c], 33, head_behind(chains[c], 33));
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

/* Its bodies are not read by the walker, so the tail says what the head is. */
static void
append__compressed__has_the_chain_of_what_was_there_before(void **state)
{
    const struct seglog_store store = store_of(state);
    static const enum seglog_codec codecs[] = { SEGLOG_CODEC_DEFLATE,
                                                SEGLOG_CODEC_ZSTD };

    EACH_CHAIN(c)
    {
        for (size_t i = 0; i < COUNT_OF(codecs); i++) {
            struct seglog_writer_options options = chained_options(chains[c]);
            uint64_t next = 1;

            if (codecs[i] == SEGLOG_CODEC_ZSTD && !slg_zrun_is_there())
                continue;
            options.codec = codecs[i];
            options.mode = SEGLOG_WRITER_SHARED;
            struct seglog_writer *a = writer_open_ok(store, "log", &options);
            for (unsigned turn = 0; turn < 30; turn++) {
                struct seglog_writer *b =
                    writer_open_ok(store, "log", &options);

                append_events(b, next, next + 6);
                assert_true(
                    is_same(hash_of(b), head_behind(chains[c], next + 6)));
                close_ok(b);
                append_events(a, next + 7, next + 9);
                next += 10;
                assert_true(
                    is_same(hash_of(a), head_behind(chains[c], next - 1)));
            }
            close_ok(a);
            a = writer_open_ok(store, "log", &options);
            assert_true(is_same(hash_of(a), head_behind(chains[c], next - 1)));
            close_ok(a);
            assert_ok(seglog_store_remove(store, "log", NULL));
        }
    }
}

/* -- long bodies ------------------------------------------------------------ */

static void
append__long_body__stands_behind_the_chain_head(void **state)
{
    const struct seglog_store store = store_of(state);
    const size_t len = 200000;
    uint8_t *body = calloc(1, len);

    assert_non_null(body);
    EACH_CHAIN(c)
    {
        struct seglog_writer_options options = chained_options(chains[c]);
        struct seglog_scan_summary summary;
        struct slg_chain chain;

        options.sync_log2 = 0;
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        append_events(writer, 1, 2);
        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, body, len,
                                       SEGLOG_LEVEL_FLUSH, NULL, NULL));
        slg_chain_begin(&chain, chains[c]);
        chain.hash = head_behind(chains[c], 2);
        slg_chain_add_record(&chain, body, len);
        close_ok(writer);
        (void)check_chain(store, chains[c], 3, chain.hash);
        assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
        assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
        assert_int_equal(summary.records, 3);

        /* A flipped bit in its sync point, or chain head but for its first two
         * bytes, does not take it along. */
        size_t all = 0;
        uint8_t *bytes = blob_read(store, "log", &all);
        const size_t sync = 54 + 9 + 2 * 13;
        const size_t head_len = 9 + chain.hash.len;
        for (size_t at = sync; at < sync + 82 + head_len; at++) {
            bytes[at] ^= 0x10;
            blob_write(store, "log", bytes, all);
            bytes[at] ^= 0x10;
            assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
            assert_int_equal(summary.verdict, SEGLOG_VERDICT_CORRUPT);
            if (at != sync && at != sync + 1 && at != sync + 82 &&
                at != sync + 83)
                assert_int_equal(summary.records, 3);
        }
        free(bytes);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
    free(body);
}

/* -- what the user of a chain can ask ---------------------------------------- */

static void
planned__while_held__says_the_head_of_each_batch(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = chained_options(SEGLOG_CHAIN_XXH3);
    struct slg_writer_place place;

    options.mode = SEGLOG_WRITER_SHARED;
    struct seglog_writer *a = writer_open_ok(store, "log", &options);
    struct seglog_writer *b = writer_open_ok(store, "log", &options);
    append_events(b, 1, 4);
    assert_ok(seglog_writer_hold(a, NULL));
    slg_writer_get_planned(a, &place);
    assert_int_equal(place.next_record, 5);
    assert_true(is_same(place.hash, head_behind(SEGLOG_CHAIN_XXH3, 4)));
    assert_ok(seglog_writer_append(a, SEGLOG_TEXT, "event-4", 7,
                                   SEGLOG_LEVEL_APPEND, NULL, NULL));
    slg_writer_get_planned(a, &place);
    assert_int_equal(place.next_record, 6);
    assert_true(is_same(place.hash, head_behind(SEGLOG_CHAIN_XXH3, 5)));
    slg_writer_get_flushed(a, &place);
    assert_int_equal(place.next_record, 5);
    /* What is discarded has never been. */
    slg_writer_discard(a);
    slg_writer_get_planned(a, &place);
    assert_int_equal(place.next_record, 5);
    assert_true(is_same(place.hash, head_behind(SEGLOG_CHAIN_XXH3, 4)));
    append_events(a, 5, 6);
    seglog_writer_release(a);
    append_events(b, 7, 7);
    close_ok(a);
    close_ok(b);
    (void)check_chain(store, SEGLOG_CHAIN_XXH3, 7,
                      head_behind(SEGLOG_CHAIN_XXH3, 7));
}

static void
checkpoint__made_or_wanted__is_a_sync_point_and_the_head(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        for (unsigned codec = 0; codec < 2; codec++) {
            struct seglog_writer_options options = chained_options(chains[c]);
            struct slg_writer_place place;
            struct walked walked;

            options.mode = SEGLOG_WRITER_SHARED;
            options.no_closing_mark = true;
            options.codec =
                codec == 0 ? SEGLOG_CODEC_NONE : SEGLOG_CODEC_DEFLATE;
            struct seglog_writer *writer =
                writer_open_ok(store, "log", &options);
            append_events(writer, 1, 3);
            slg_writer_get_flushed(writer, &place);
            assert_false(place.is_checkpoint);
            assert_ok(slg_writer_make_checkpoint(writer, false, NULL));
            slg_writer_get_flushed(writer, &place);
            assert_true(place.is_checkpoint);
            const uint64_t end = place.end;
            assert_ok(slg_writer_make_checkpoint(writer, false, NULL));
            slg_writer_get_flushed(writer, &place);
            assert_int_equal(place.end, end);
            append_events(writer, 4, 4);
            assert_ok(slg_writer_want_checkpoint(writer, NULL));
            slg_writer_get_flushed(writer, &place);
            assert_false(place.is_checkpoint);
            append_events(writer, 5, 6);
            slg_writer_get_flushed(writer, &place);
            assert_int_not_equal(place.last_checkpoint, 0);
            assert_ok(slg_writer_make_checkpoint(writer, true, NULL));
            slg_writer_get_flushed(writer, &place);
            assert_true(place.is_checkpoint && place.is_closed);
            assert_ok(slg_writer_make_checkpoint(writer, true, NULL));
            close_ok(writer);
            if (codec == 0) {
                walk_blob(store, "log", &walked);
                assert_int_equal(walked.sync_count, 3);
                assert_int_equal(walked.syncs[0].number, 4);
                assert_int_equal(walked.syncs[1].number, 5);
                assert_int_equal(walked.syncs[2].number, 7);
                assert_int_equal(walked.mark_count, 1);
                walked_free(&walked);
                (void)check_chain(store, chains[c], 6,
                                  head_behind(chains[c], 6));
            }
            assert_ok(seglog_store_remove(store, "log", NULL));
        }
    }
}

static void
note_synced__by_another_handle__is_said_by_later_frames(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = chained_options(SEGLOG_CHAIN_XXH3);
    struct slg_writer_place place;
    struct seglog_writer_state now;

    options.mode = SEGLOG_WRITER_SHARED;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    append_events(writer, 1, 3);
    slg_writer_get_flushed(writer, &place);
    append_events(writer, 4, 4);
    slg_writer_note_synced(writer, &place);
    seglog_writer_get_state(writer, &now);
    assert_int_equal(now.watermark, 3);
    place.epoch++;
    place.next_record = 5;
    slg_writer_note_synced(writer, &place);
    seglog_writer_get_state(writer, &now);
    assert_int_equal(now.watermark, 3);
    close_ok(writer);
}

static void
tombstone__and_signature__are_chained_and_skipped(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        struct seglog_writer_options options = chained_options(chains[c]);
        const struct slg_signature signature = { .bytes = { 1 } };
        const struct slg_tombstone tombstone = {
            .algorithm = (uint8_t)chains[c],
            .number = 2,
            .before = head_behind(chains[c], 1),
            .hash = head_behind(chains[c], 2),
        };
        struct slg_tombstone wrong = tombstone;
        struct seglog_scan_summary summary;
        struct walked walked;
        struct slg_chain chain;

        options.mode = SEGLOG_WRITER_SHARED;
        options.no_closing_mark = true;
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        append_events(writer, 1, 3);
        wrong.number = 4;
        assert_code(slg_writer_put_tombstone(writer, &wrong, NULL),
                    SEGLOG_INVALID);
        assert_ok(slg_writer_put_tombstone(writer, &tombstone, NULL));
        assert_ok(slg_writer_put_signature(writer, &signature, NULL));
        assert_ok(slg_writer_put_signature(writer, &signature, NULL));
        assert_ok(seglog_writer_flush(writer, NULL));
        slg_chain_begin(&chain, chains[c]);
        chain.hash = head_behind(chains[c], 3);
        slg_chain_add_tombstone(&chain, &tombstone);
        assert_true(is_same(hash_of(writer), chain.hash));
        close_ok(writer);
        /* Whoever opens it finds the same head. */
        hint_fill(store, "log", 0);
        writer = writer_open_ok(store, "log", &options);
        assert_true(is_same(hash_of(writer), chain.hash));
        close_ok(writer);
        walk_blob(store, "log", &walked);
        assert_int_equal(walked.stone_count, 1);
        assert_int_equal(walked.signature_count, 2);
        assert_true(is_same(walked.head, chain.hash));
        walked_free(&walked);
        assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
        assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
        assert_int_equal(summary.records, 3);
        assert_int_equal(summary.chain, chains[c]);
        assert_int_equal(summary.chain_heads, 3);
        assert_int_equal(summary.tombstones, 1);
        assert_int_equal(summary.signatures, 2);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

static void
append_gap__chained__begins_anew_behind_it(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        const struct seglog_writer_options options = chained_options(chains[c]);
        const struct seglog_finding gap = {
            .verdict = SEGLOG_VERDICT_CORRUPT,
            .cause = SEGLOG_CAUSE_CHECKSUM,
            .first_record = 2,
            .last_record = 2,
            .lines = 1,
        };
        struct seglog_chain_hash want;
        struct seglog_chain_hash first = head_behind(chains[c], 1);
        struct walked walked;
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);

        append_events(writer, 1, 1);
        assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
        assert_ok(seglog_writer_flush(writer, NULL));
        slg_chain_hash_anew(chains[c], &first, 2, 3, &want);
        assert_true(is_same(hash_of(writer), want));
        append_events(writer, 3, 8);
        close_ok(writer);
        walk_blob(store, "log", &walked);
        assert_int_equal(walked.anew_count, 1);
        walked_free(&walked);
        /* It is found again, and can be cut behind the gap. */
        writer = writer_open_ok(store, "log", &options);
        assert_ok(seglog_writer_truncate(writer, 3, NULL));
        assert_true(is_same(hash_of(writer), want));
        append_events(writer, 3, 4);
        close_ok(writer);
        walk_blob(store, "log", &walked);
        assert_int_equal(walked.number, 5);
        walked_free(&walked);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

/* The power fails in the middle of a gap and its chain head. */
static void
append_gap__cut_at_any_byte__begins_anew_all_the_same(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        struct seglog_writer_options options = chained_options(chains[c]);
        const struct seglog_finding gap = {
            .verdict = SEGLOG_VERDICT_CORRUPT,
            .cause = SEGLOG_CAUSE_CHECKSUM,
            .first_record = 3,
            .last_record = 4,
            .lines = 2,
        };
        struct seglog_chain_hash first = head_behind(chains[c], 2);
        struct seglog_chain_hash anew;
        struct seglog_writer_state now;
        size_t before = 0;
        size_t len = 0;

        options.no_closing_mark = true;
        slg_chain_hash_anew(chains[c], &first, 3, 5, &anew);
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        append_events(writer, 1, 2);
        seglog_writer_get_state(writer, &now);
        before = (size_t)now.end;
        assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
        close_ok(writer);
        uint8_t *bytes = blob_read(store, "log", &len);
        for (size_t keep = before; keep <= len; keep++) {
            const bool is_lost = keep >= before + 58;
            struct walked walked;

            blob_write(store, "log", bytes, keep);
            hint_fill(store, "log", 0);
            writer = writer_open_ok(store, "log", &options);
            seglog_writer_get_state(writer, &now);
            assert_int_equal(now.next_record, is_lost ? 5 : 3);
            assert_true(is_same(now.chain_hash, is_lost ? anew : first));
            append_events(writer, now.next_record, now.next_record + 1);
            close_ok(writer);
            walk_blob(store, "log", &walked);
            assert_int_equal(walked.anew_count, is_lost);
            walked_free(&walked);
            /* As those who verify it see it. */
            hint_fill(store, "log", 0);
            writer = writer_open_ok(store, "log", &options);
            if (is_lost) {
                assert_ok(seglog_writer_truncate(writer, 5, NULL));
                assert_true(is_same(hash_of(writer), anew));
            }
            close_ok(writer);
        }
        free(bytes);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

/* Every record is vouched for; returns how often the chain begins anew. */
static size_t
check_known(struct seglog_store store)
{
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_event event;
    seglog_code code = SEGLOG_OK;
    size_t count = 0;

    assert_ok(slg_chain_reader_open(store, "log", NULL, &reader, NULL));
    while ((code = slg_chain_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type == SLG_CHAIN_EVENT_RECORD)
            assert_true(event.is_known);
        if (event.type == SLG_CHAIN_EVENT_HEAD) {
            assert_false(event.is_broken);
            count += event.head.is_anew;
        }
    }
    assert_int_equal(code, SEGLOG_END);
    slg_chain_reader_close(reader);
    return count;
}

/* And in the middle of the sync point and the chain head put in their place. */
static void
append_gap__cut_behind_a_cut__begins_anew_all_the_same(void **state)
{
    const struct seglog_store store = store_of(state);

    for (unsigned way = 0; way < 2 * COUNT_OF(chains); way++) {
        const unsigned c = way / 2;
        struct seglog_writer_options options = chained_options(chains[c]);
        const struct seglog_finding gap = {
            .verdict = SEGLOG_VERDICT_CORRUPT,
            .cause = SEGLOG_CAUSE_CHECKSUM,
            .first_record = 3,
            .last_record = 4,
            .lines = 2,
        };
        struct seglog_chain_hash first = head_behind(chains[c], 2);
        struct seglog_chain_hash anew;
        struct seglog_writer_state now;
        size_t len = 0;

        if (!slg_chain_is_computable(chains[c]))
            continue;
        options.no_closing_mark = true;
        options.codec = way % 2 ? SEGLOG_CODEC_DEFLATE : SEGLOG_CODEC_NONE;
        slg_chain_hash_anew(chains[c], &first, 3, 5, &anew);
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        append_events(writer, 1, 2);
        seglog_writer_get_state(writer, &now);
        const size_t behind_gap = (size_t)now.end + 58;
        assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
        close_ok(writer);
        uint8_t *bytes = blob_read(store, "log", &len);
        /* A piece of the chain head is left: a new epoch begins in its place. */
        blob_write(store, "log", bytes, behind_gap + 3);
        free(bytes);
        hint_fill(store, "log", 0);
        writer = writer_open_ok(store, "log", &options);
        append_events(writer, 5, 6);
        close_ok(writer);
        bytes = blob_read(store, "log", &len);
        for (size_t keep = behind_gap; keep <= len; keep++) {
            blob_write(store, "log", bytes, keep);
            hint_fill(store, "log", 0);
            writer = writer_open_ok(store, "log", &options);
            seglog_writer_get_state(writer, &now);
            if (now.next_record == 5)
                assert_true(is_same(now.chain_hash, anew));
            append_events(writer, now.next_record, now.next_record + 1);
            close_ok(writer);
            assert_int_equal(check_known(store), 1);
            hint_fill(store, "log", 0);
            writer = writer_open_ok(store, "log", &options);
            assert_ok(seglog_writer_truncate(writer, 5, NULL));
            assert_true(is_same(hash_of(writer), anew));
            close_ok(writer);
        }
        free(bytes);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(open__chained__begins_with_an_empty_head),
        on_file(open__chained__begins_with_an_empty_head),
        on_memory(open__first_record_and_base__begins_with_the_base),
        on_memory(open__options_of_no_chain__is_invalid),
        on_memory(open__creation_cut_anywhere__is_created_again),
        on_memory(append__reopened_all_the_time__goes_on_with_the_chain),
        on_file(append__reopened_all_the_time__goes_on_with_the_chain),
        on_encrypted(append__reopened_all_the_time__goes_on_with_the_chain),
        on_memory(append__two_writers_in_turns__share_one_chain),
        on_file(append__two_writers_in_turns__share_one_chain),
        on_memory(append__somebody_else_was_faster__is_chained_behind_it),
        on_file(append__somebody_else_was_faster__is_chained_behind_it),
        on_memory(append__compressed__has_the_chain_of_what_was_there_before),
        on_memory(append__long_body__stands_behind_the_chain_head),
        on_memory(planned__while_held__says_the_head_of_each_batch),
        on_file(planned__while_held__says_the_head_of_each_batch),
        on_memory(checkpoint__made_or_wanted__is_a_sync_point_and_the_head),
        on_memory(note_synced__by_another_handle__is_said_by_later_frames),
        on_memory(tombstone__and_signature__are_chained_and_skipped),
        on_memory(append_gap__chained__begins_anew_behind_it),
        on_memory(append_gap__cut_at_any_byte__begins_anew_all_the_same),
        on_memory(append_gap__cut_behind_a_cut__begins_anew_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
