/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_chain.c
 *
 * Goal    sealing changes no head: each record has the one that it had, the
 *         frames of the chain are where they were, and what was forged is not
 *         sealed.
 * Method  the same segment read with its chain before and after.
 */
#include "tests/segment/writer_support.h"

#include <stdio.h>

#include "format/checksum.h"
#include "seglog/seal.h"
#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_chain_writer.h"

static const unsigned chains[] = { SEGLOG_CHAIN_SHA256, SEGLOG_CHAIN_XXH3 };

#define EACH_CHAIN(c)                                                          \
    for (size_t c = 0; c < COUNT_OF(chains); c++)                              \
        if (slg_chain_is_computable(chains[c]))

/* What of a segment has to stay: all but sync points and where heads stand. */
struct entry {
    enum slg_chain_event_type type;
    uint64_t number;
    uint64_t last; /* of a gap */
    bool is_anew;
    bool is_known;
    struct seglog_chain_hash hash;
};

struct story {
    struct entry *entries;
    size_t count;
    uint64_t heads;
    uint64_t broken;
    bool is_sealed;
};

static void
story_read(struct seglog_store store, const char *name, struct story *story)
{
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_reader_state now;
    struct slg_chain_event event;
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    *story = (struct story){ .entries = calloc(20000, sizeof(struct entry)) };
    assert_non_null(story->entries);
    assert_code_err(slg_chain_reader_open(store, name, NULL, &reader, &err),
                    SEGLOG_OK, &err);
    while ((code = slg_chain_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        if (event.type == SLG_CHAIN_EVENT_HEAD) {
            story->heads++;
            story->broken += event.is_broken;
            if (!event.head.is_anew)
                continue;
        }
        if (event.type == SLG_CHAIN_EVENT_CLOSED)
            continue;
        assert_true(story->count < 20000);
        story->entries[story->count++] = (struct entry){
            .type = event.type,
            .number = event.number,
            .last = event.type == SLG_CHAIN_EVENT_GAP
                        ? event.finding.last_record
                        : 0,
            .is_anew = event.type == SLG_CHAIN_EVENT_HEAD,
            .is_known = event.is_known,
            .hash = event.hash,
        };
    }
    assert_code_err(code, SEGLOG_END, &err);
    slg_chain_reader_get_state(reader, &now);
    story->is_sealed = now.is_sealed;
    slg_chain_reader_close(reader);
}

static void
story_free(struct story *story)
{
    free(story->entries);
}

static void
assert_same_story(const struct story *a, const struct story *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->broken, 0);
    assert_int_equal(b->broken, 0);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->entries[i].type, b->entries[i].type);
        assert_int_equal(a->entries[i].number, b->entries[i].number);
        assert_int_equal(a->entries[i].last, b->entries[i].last);
        assert_int_equal(a->entries[i].is_known, b->entries[i].is_known);
        assert_true(
            slg_chain_hash_is_same(&a->entries[i].hash, &b->entries[i].hash));
    }
}

static void
append_lines(struct seglog_writer *writer, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n <= to; n++) {
        char text[200];

        (void)snprintf(text, sizeof text,
                       "{\"time\":\"2024-05-01T00:00:%02u.000Z\",\"n\":%u,"
                       "\"text\":\"some %u text that is long enough\"}",
                       (unsigned)n % 60, (unsigned)n, (unsigned)(n * n));
        append_ok(writer, text, n);
    }
}

/* Records, a tombstone, a signature and a loss, over several blocks. */
static void
log_make(struct seglog_store store, unsigned chain, uint64_t first)
{
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_chain_hash base = { .len = (uint8_t)slg_chain_len(chain) };
    const struct seglog_predecessor predecessor = { .number = first };
    const struct slg_signature signature = { .bytes = { 4, 5 } };
    struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = first + 3000,
        .last_record = first + 3009,
        .lines = 10,
    };
    struct slg_tombstone tombstone = { .algorithm = (uint8_t)chain,
                                       .number = first + 5 };

    base.bytes[3] = 9;
    options.chain = (enum seglog_chain)chain;
    options.predecessor = &predecessor;
    options.attributes = "attributes";
    options.attributes_len = 10;
    options.first_record = first;
    if (first > 1)
        options.chain_base = &base;
    tombstone.before.len = base.len;
    tombstone.hash = base;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    append_lines(writer, first, first + 999);
    assert_ok(slg_writer_put_tombstone(writer, &tombstone, NULL));
    append_lines(writer, first + 1000, first + 1999);
    assert_ok(slg_writer_put_signature(writer, &signature, NULL));
    append_lines(writer, first + 2000, first + 2999);
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    append_lines(writer, first + 3010, first + 4000);
    assert_ok(slg_writer_put_tombstone(writer, &tombstone, NULL));
    assert_ok(slg_writer_put_tombstone(writer, &tombstone, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
seal__chained__has_the_same_heads(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = { .size = sizeof options,
                                                 .level = 1,
                                                 .block_bytes = 64 << 10 };

    EACH_CHAIN(c)
    {
        for (unsigned round = 0; round < 2; round++) {
            struct seglog_seal_result result;
            struct seglog_scan_summary summary;
            struct seglog_error err = { 0 };
            struct story before;
            struct story after;

            log_make(store, chains[c], round == 0 ? 1 : 77);
            story_read(store, "log", &before);
            assert_code_err(
                seglog_segment_seal(store, "log", &options, &result, &err),
                SEGLOG_OK, &err);
            assert_true(result.blocks >= 6);
            story_read(store, "log", &after);
            assert_true(after.is_sealed);
            assert_same_story(&before, &after);
            /* Behind each sync point there is one. */
            assert_true(after.heads > result.blocks);
            assert_ok(seglog_scan(store, "log", NULL, &summary, &err));
            assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
            assert_int_equal(summary.features_refuse, 4 | 8);
            assert_true(summary.is_closed);
            story_free(&before);
            story_free(&after);
            assert_ok(seglog_store_remove(store, "log", NULL));
        }
    }
}

static void
seal__chained__can_be_read_from_each_block(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = { .size = sizeof options,
                                                 .level = 1,
                                                 .block_bytes = 64 << 10 };
    struct slg_chain_reader *reader = NULL;
    struct story story;

    log_make(store, SEGLOG_CHAIN_XXH3, 1);
    assert_ok(seglog_segment_seal(store, "log", &options, NULL, NULL));
    story_read(store, "log", &story);
    assert_ok(slg_chain_reader_open(store, "log", NULL, &reader, NULL));
    for (uint64_t n = 1; n <= 4001; n += 97) {
        struct slg_chain_event event;
        bool is_there = false;

        assert_ok(slg_chain_reader_seek(reader, n, NULL));
        assert_ok(slg_chain_reader_next(reader, &event, NULL));
        assert_int_equal(event.type, SLG_CHAIN_EVENT_HEAD);
        assert_true(event.number <= n && event.number + 700 > n);
        while (!is_there &&
               slg_chain_reader_next(reader, &event, NULL) == SEGLOG_OK) {
            is_there = event.number >= n;
            if (event.type == SLG_CHAIN_EVENT_RECORD)
                assert_true(event.is_known);
        }
        assert_true(is_there);
    }
    slg_chain_reader_close(reader);
    story_free(&story);
}

/* The footer stands behind a chain head, which stands behind a sync point. */
static void
seal__chained__ends_with_a_checkpoint(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    size_t len = 0;

    options.chain = SEGLOG_CHAIN_XXH3;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    append_lines(writer, 1, 5);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_segment_seal(store, "log", NULL, NULL, NULL));
    uint8_t *bytes = blob_read(store, "log", &len);
    const uint32_t body_len = slg_load_le32(bytes + len - 70 - 4 - 8);
    const uint8_t *footer = bytes + len - 70 - 4 - body_len - 2;
    assert_int_equal(footer[2], 7);
    assert_int_equal(footer[-25 + 2], 5);
    assert_int_equal(footer[-25 - 82 + 2], 1);
    free(bytes);
}

/* Records that do not lead to the head behind them are not sealed. */
static void
seal__chain_broken__is_corrupt(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_error err = { 0 };
    size_t len = 0;

    options.chain = SEGLOG_CHAIN_XXH3;
    options.no_xxh3 = true;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    append_ok(writer, "event-0", 1);
    append_ok(writer, "event-1", 2);
    assert_ok(seglog_writer_close(writer, NULL));
    uint8_t *bytes = blob_read(store, "log", &len);
    uint8_t *place = bytes + 54 + 9 + 2;
    assert_memory_equal(place, "event-0", 7);
    place[6] = '7';
    const uint32_t salt = slg_salt(writer_identity, WRITER_EPOCH);
    slg_store_le32(place + 7, slg_crc32(0, place - 2, 9) ^ slg_mix(1, salt));
    blob_write(store, "log", bytes, len);
    free(bytes);
    assert_code(seglog_segment_seal(store, "log", NULL, NULL, &err),
                SEGLOG_CORRUPT);
    assert_int_equal(err.record_no, 3);
    assert_code(seglog_segment_seal(store, "log", NULL, NULL, NULL),
                SEGLOG_CORRUPT);
}

/* Others append meanwhile: what comes under the lock is chained as well. */
static bool
append_meanwhile(void *arg, uint64_t done, uint64_t total)
{
    struct seglog_writer *writer = *(struct seglog_writer **)arg;
    struct seglog_writer_state now;

    (void)done;
    (void)total;
    seglog_writer_get_state(writer, &now);
    if (now.next_record < 4200)
        append_lines(writer, now.next_record, now.next_record + 9);
    return true;
}

static void
seal__appended_meanwhile__has_the_same_heads(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct seglog_seal_options seal = {
        .size = sizeof seal,
        .level = 1,
        .block_bytes = 64 << 10,
        .on_progress = append_meanwhile,
        .arg = &writer,
    };
    struct story story;
    struct slg_chain chain;
    uint64_t records = 0;

    options.chain = SEGLOG_CHAIN_XXH3;
    options.mode = SEGLOG_WRITER_SHARED;
    writer = writer_open_ok(store, "log", &options);
    append_lines(writer, 1, 4000);
    assert_ok(seglog_segment_seal(store, "log", &seal, NULL, NULL));
    story_read(store, "log", &story);
    slg_chain_begin(&chain, SEGLOG_CHAIN_XXH3);
    assert_int_equal(story.broken, 0);
    for (size_t i = 0; i < story.count; i++)
        records += story.entries[i].type == SLG_CHAIN_EVENT_RECORD;
    assert_true(records > 4000);
    story_free(&story);
    assert_code(seglog_writer_flush(writer, NULL), SEGLOG_OK);
    (void)seglog_writer_close(writer, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(seal__chained__has_the_same_heads),
        on_file(seal__chained__has_the_same_heads),
        on_memory(seal__chained__can_be_read_from_each_block),
        on_memory(seal__chained__ends_with_a_checkpoint),
        on_memory(seal__chain_broken__is_corrupt),
        on_memory(seal__appended_meanwhile__has_the_same_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
