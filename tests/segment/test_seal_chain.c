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
#include "seglog/dictionary.h"
#include "seglog/seal.h"
#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_chain_writer.h"
#include "src/segment/segment_seal_merge.h"

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

/* Who told of a loss was interrupted before the chain head behind it. */
static void
seal__head_behind_a_loss_missing__puts_it(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    const struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = 3,
        .last_record = 4,
        .lines = 2,
    };
    struct story before;
    struct story after;
    size_t len = 0;

    options.chain = SEGLOG_CHAIN_XXH3;
    options.no_closing_mark = true;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    append_lines(writer, 1, 2);
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    story_read(store, "log", &before);
    uint8_t *bytes = blob_read(store, "log", &len);
    blob_write(store, "log", bytes, len - 25);
    free(bytes);
    assert_ok(seglog_segment_seal(store, "log", NULL, NULL, NULL));
    story_read(store, "log", &after);
    assert_same_story(&before, &after);
    story_free(&before);
    story_free(&after);
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

/* Damage costs a block of it, and no head that is called known is wrong. */
static void
sealed__any_byte_flipped__knows_only_heads_that_are_right(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options seal = { .size = sizeof seal,
                                              .level = 1,
                                              .block_bytes = 64 << 10 };
    const struct slg_chain_reader_options salvage = { .salvage = true };
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_chain_hash heads[1501];
    struct story story;
    size_t len = 0;

    options.chain = SEGLOG_CHAIN_XXH3;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    append_lines(writer, 1, 1500);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_segment_seal(store, "log", &seal, NULL, NULL));
    story_read(store, "log", &story);
    assert_int_equal(story.count, 1500);
    for (size_t i = 0; i < story.count; i++)
        heads[story.entries[i].number] = story.entries[i].hash;
    story_free(&story);
    uint8_t *bytes = blob_read(store, "log", &len);
    for (size_t at = 0; at < len; at += at < 400 || at + 800 > len ? 1 : 67) {
        struct slg_chain_reader *reader = NULL;
        struct slg_chain_event event;
        uint64_t known = 0;

        bytes[at] ^= (uint8_t)(1u << at % 8);
        blob_write(store, "log", bytes, len);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        assert_ok(slg_chain_reader_open(store, "log", &salvage, &reader, NULL));
        while (slg_chain_reader_next(reader, &event, NULL) == SEGLOG_OK) {
            if (event.type == SLG_CHAIN_EVENT_HEAD)
                assert_false(event.is_broken);
            if (event.type != SLG_CHAIN_EVENT_RECORD || !event.is_known)
                continue;
            known++;
            assert_true(
                slg_chain_hash_is_same(&event.hash, &heads[event.number]));
        }
        assert_true(known >= 700);
        slg_chain_reader_close(reader);
    }
    free(bytes);
}

/* -- several into one ------------------------------------------------------- */

#define PARTS      3u
#define PART_LINES 700u

static const char *const part_names[PARTS] = { "a", "b", "c" };

/* Three neighbours; the last one has tombstones of some records of all. */
static void
parts_make(struct seglog_store store, unsigned chain)
{
    struct seglog_chain_hash base = { .len = 0 };
    struct seglog_writer_state now;

    for (unsigned i = 0; i < PARTS; i++) {
        struct seglog_writer_options options = writer_options_fixed();
        struct slg_tombstone tombstone = { .algorithm = (uint8_t)chain };

        options.chain = (enum seglog_chain)chain;
        options.first_record = 1 + i * PART_LINES;
        options.chain_base = i > 0 ? &base : NULL;
        options.attributes = part_names[i];
        options.attributes_len = 1;
        struct seglog_writer *writer =
            writer_open_ok(store, part_names[i], &options);
        append_lines(writer, options.first_record,
                     options.first_record + PART_LINES - 1);
        for (uint64_t n = 2; i == PARTS - 1 && n < 1500; n += 499) {
            tombstone.number = n;
            tombstone.before.len = tombstone.hash.len =
                (uint8_t)slg_chain_len(chain);
            assert_ok(slg_writer_put_tombstone(writer, &tombstone, NULL));
        }
        assert_ok(seglog_writer_flush(writer, NULL));
        seglog_writer_get_state(writer, &now);
        base = now.chain_hash;
        assert_ok(seglog_writer_close(writer, NULL));
    }
}

/* 10 to 12, the first and the last of the second, and the very last. */
static bool
is_dropped(uint64_t number)
{
    return (number >= 10 && number <= 12) || number == PART_LINES ||
           number == PART_LINES + 1 || number == 2 * PART_LINES ||
           number == PARTS * PART_LINES;
}

/* What it is told is the head in front of it: with it the hash of the record is
 * that of the story, which check_merged sees. */
static bool
drops(void *arg, const struct seglog_record *record,
      const struct seglog_chain_hash *before)
{
    (void)arg;
    assert_non_null(before);
    assert_true((before->len == 0) == (record->record_no == 1));
    return is_dropped(record->record_no);
}

static struct slg_merge_options
merge_options(const char *const *names, size_t count)
{
    return (struct slg_merge_options){
        .names = names,
        .count = count,
        .new_name = "new",
        .seal = { .size = sizeof(struct seglog_seal_options),
                  .level = 1,
                  .block_bytes = 64 << 10 },
        .drops = drops,
    };
}

/* The heads that were there, at all records; those dropped are in gaps, with
 * the hash of the last one behind each. */
static void
check_merged(struct seglog_store store, const struct story *parts,
             uint64_t *dropped)
{
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_event event;
    size_t part = 0;
    size_t at = 0;
    uint64_t gap_last = 0;

    *dropped = 0;
    assert_ok(slg_chain_reader_open(store, "new", NULL, &reader, NULL));
    while (slg_chain_reader_next(reader, &event, NULL) == SEGLOG_OK) {
        const struct entry *entry = NULL;

        if (event.type == SLG_CHAIN_EVENT_HEAD) {
            assert_false(event.is_broken || event.head.is_anew);
            if (gap_last == 0)
                continue;
            /* That of the last one dropped, as it was. */
            assert_int_equal(event.number, gap_last + 1);
            while (at == parts[part].count ||
                   parts[part].entries[at].number <= gap_last) {
                if (at == parts[part].count) {
                    part++;
                    at = 0;
                    continue;
                }
                entry = &parts[part].entries[at++];
                if (part == PARTS - 1 && at == parts[part].count)
                    break;
            }
            assert_int_equal(entry->number, gap_last);
            assert_true(slg_chain_hash_is_same(&event.hash, &entry->hash));
            gap_last = 0;
            continue;
        }
        if (event.type == SLG_CHAIN_EVENT_CLOSED)
            continue;
        assert_int_equal(gap_last, 0);
        if (event.type == SLG_CHAIN_EVENT_GAP) {
            assert_int_equal(event.finding.cause, SEGLOG_CAUSE_DROPPED);
            gap_last = event.finding.last_record;
            for (uint64_t n = event.number; n <= gap_last; n++)
                assert_true(is_dropped(n));
            *dropped += gap_last - event.number + 1;
            continue;
        }
        if (at == parts[part].count) {
            part++;
            at = 0;
        }
        entry = &parts[part].entries[at++];
        assert_int_equal(event.type, entry->type);
        assert_int_equal(event.number, entry->number);
        assert_true(event.is_known);
        assert_true(slg_chain_hash_is_same(&event.hash, &entry->hash));
    }
    assert_int_equal(part, PARTS - 1);
    assert_int_equal(at, parts[part].count);
    slg_chain_reader_close(reader);
}

static void
merge__neighbours__keeps_all_heads_and_drops_what_it_is_told(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        for (unsigned sealed = 0; sealed < 2; sealed++) {
            struct slg_merge_options options = merge_options(part_names, PARTS);
            struct slg_merge_result result;
            struct seglog_scan_summary summary;
            struct seglog_error err = { 0 };
            struct story parts[PARTS];
            uint8_t attributes[8];
            uint64_t dropped = 0;
            size_t len = 0;

            parts_make(store, chains[c]);
            for (size_t i = 0; i < PARTS; i++) {
                story_read(store, part_names[i], &parts[i]);
                if (sealed > 0 && i != 1)
                    assert_ok(seglog_segment_seal(store, part_names[i],
                                                  &options.seal, NULL, NULL));
            }
            assert_code_err(slg_segments_merge(store, &options, &result, &err),
                            SEGLOG_OK, &err);
            assert_int_equal(result.dropped, 7);
            assert_int_equal(result.records, PARTS * PART_LINES - 7);
            assert_int_equal(result.next_record, PARTS * PART_LINES + 1);
            assert_true(slg_chain_hash_is_same(
                &result.head,
                &parts[PARTS - 1].entries[parts[PARTS - 1].count - 1].hash));
            check_merged(store, parts, &dropped);
            assert_int_equal(dropped, 7);
            assert_ok(seglog_scan(store, "new", NULL, &summary, NULL));
            assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
            assert_int_equal(summary.recorded_lost, 7);
            assert_int_equal(summary.epoch >> 32, sealed + 1);
            assert_ok(seglog_segment_get_attributes(
                store, "new", attributes, sizeof attributes, &len, NULL, NULL));
            assert_true(len == 1 && attributes[0] == 'a');

            /* Once more: what was dropped stays dropped, and nothing else. */
            static const char *const merged[] = { "once" };
            assert_ok(seglog_store_replace(store, "new", "once", NULL));
            options.names = merged;
            options.count = 1;
            options.drops = NULL;
            assert_code_err(slg_segments_merge(store, &options, &result, &err),
                            SEGLOG_OK, &err);
            assert_int_equal(result.dropped, 0);
            check_merged(store, parts, &dropped);
            assert_int_equal(dropped, 7);
            for (size_t i = 0; i < PARTS; i++) {
                story_free(&parts[i]);
                assert_ok(seglog_store_remove(store, part_names[i], NULL));
            }
        }
    }
}

static bool
signature_make(void *arg, uint64_t next_record,
               const struct seglog_chain_hash *head,
               struct slg_signature *signature)
{
    assert_int_equal(next_record, PARTS * PART_LINES + 1);
    assert_int_equal(head->len, 16);
    *signature = (struct slg_signature){ .bytes = { 1, 2 } };
    return arg == NULL;
}

static void
merge__signed__has_the_signature_of_its_end(void **state)
{
    const struct seglog_store store = store_of(state);
    struct slg_merge_options options = merge_options(part_names, PARTS);
    struct slg_merge_result result;
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_event event;
    bool is_signed = false;

    parts_make(store, SEGLOG_CHAIN_XXH3);
    options.signs = signature_make;
    assert_ok(slg_segments_merge(store, &options, &result, NULL));
    assert_ok(slg_chain_reader_open(store, "new", NULL, &reader, NULL));
    while (slg_chain_reader_next(reader, &event, NULL) == SEGLOG_OK) {
        if (event.type == SLG_CHAIN_EVENT_SIGNATURE) {
            assert_int_equal(event.number, PARTS * PART_LINES + 1);
            assert_int_equal(event.signature.bytes[1], 2);
            assert_true(slg_chain_hash_is_same(&event.before, &result.head));
            is_signed = true;
        }
    }
    assert_true(is_signed);
    slg_chain_reader_close(reader);
    options.seal.arg = &options;
    assert_code(slg_segments_merge(store, &options, &result, NULL),
                SEGLOG_NO_MEMORY);
}

static bool
stop_soon(void *arg, uint64_t done, uint64_t total)
{
    (void)arg;
    return done > total;
}

/* There is no new segment then. */
static void
merge__cannot_be__leaves_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    static const char *const gap_names[] = { "a", "c" };
    static const char *const missing[] = { "a", "none" };
    struct slg_merge_options options = merge_options(gap_names, 2);
    struct slg_merge_result result;
    struct seglog_error err = { 0 };
    struct seglog_blob blob = { 0 };
    struct seglog_writer_options other = writer_options_fixed();
    size_t len = 0;

    parts_make(store, SEGLOG_CHAIN_XXH3);
    assert_code(slg_segments_merge(store, &options, &result, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, "c");
    options.names = missing;
    assert_code(slg_segments_merge(store, &options, &result, &err),
                SEGLOG_NOT_FOUND);
    options.names = part_names;
    options.count = PARTS;
    options.seal.on_progress = stop_soon;
    assert_code(slg_segments_merge(store, &options, &result, &err), SEGLOG_END);
    options.seal.on_progress = NULL;
    options.seal.level = 99;
    assert_code(slg_segments_merge(store, &options, &result, &err),
                SEGLOG_INVALID);
    options.seal.level = 1;
    assert_code(seglog_blob_open(store, "new", SEGLOG_OPEN_READ, &blob, NULL),
                SEGLOG_NOT_FOUND);

    /* The second one does not go on from the head of the first. */
    struct seglog_chain_hash wrong = { .len = 16 };
    other.chain = SEGLOG_CHAIN_XXH3;
    other.first_record = PART_LINES + 1;
    other.chain_base = &wrong;
    assert_ok(seglog_store_remove(store, "b", NULL));
    struct seglog_writer *writer = writer_open_ok(store, "b", &other);
    append_lines(writer, PART_LINES + 1, 2 * PART_LINES);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_code(slg_segments_merge(store, &options, &result, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, "b");
    assert_int_equal(err.record_no, PART_LINES + 1);

    /* A record of the first one is damaged. */
    uint8_t *bytes = blob_read(store, "a", &len);
    bytes[len / 2] ^= 1;
    blob_write(store, "a", bytes, len);
    free(bytes);
    assert_code(slg_segments_merge(store, &options, &result, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, "a");
    assert_code(seglog_blob_open(store, "new", SEGLOG_OPEN_READ, &blob, NULL),
                SEGLOG_NOT_FOUND);
}

/* Where nothing can be cut, what a creator left stands before the first head,
 * and in front of so many lines. */
static void
seal_torn_creations(void **state, const struct seglog_writer_options *options,
                    uint64_t lines)
{
    struct seglog_faults *faulty = faulty_make(state);
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options seal = { .size = sizeof seal };
    size_t len = 0;

    seglog_faults_hide(faulty, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    struct seglog_writer *writer = writer_open_ok(store, "log", options);
    assert_ok(seglog_writer_close(writer, NULL));
    uint8_t *bytes = blob_read(store, "log", &len);
    for (size_t keep = 54; keep <= len; keep++) {
        struct seglog_seal_result result;
        struct seglog_error err = { 0 };
        struct story before;
        struct story after;

        blob_write(store, "log", bytes, keep);
        writer = writer_open_ok(seglog_faults_store(faulty), "log", options);
        append_lines(writer, 1, lines);
        assert_ok(seglog_writer_close(writer, NULL));
        story_read(store, "log", &before);
        assert_code_err(seglog_segment_seal(store, "log", &seal, &result, &err),
                        SEGLOG_OK, &err);
        story_read(store, "log", &after);
        assert_true(after.is_sealed);
        assert_same_story(&before, &after);
        assert_true(before.heads > 0 && after.heads > 0);
        assert_int_equal(after.count, lines);
        assert_true(lines == 0 || after.entries[lines - 1].is_known);
        story_free(&before);
        story_free(&after);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
    free(bytes);
}

static void
seal__torn_creation_passed_over__has_the_same_heads(void **state)
{
    struct seglog_writer_options options = writer_options_fixed();

    options.chain = SEGLOG_CHAIN_XXH3;
    options.no_closing_mark = true;
    seal_torn_creations(state, &options, 5);
    seal_torn_creations(state, &options, 0);
}

/* Whoever opens it maps what follows, before a head was asked for. */
static void
seal__torn_creation_without_its_dictionary__has_the_same_heads(void **state)
{
    struct seglog_writer_options options = writer_options_fixed();
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    static const char bytes[] = "{\"line\": \"of a kind that comes again\"}";

    assert_ok(seglog_dictionary_put(store_of(state), bytes, sizeof bytes, name,
                                    NULL));
    options.chain = SEGLOG_CHAIN_XXH3;
    options.no_closing_mark = true;
    options.codec = SEGLOG_CODEC_DEFLATE;
    options.dictionary = name;
    seal_torn_creations(state, &options, 5);
    seal_torn_creations(state, &options, 0);
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
        on_memory(seal__head_behind_a_loss_missing__puts_it),
        on_memory(seal__appended_meanwhile__has_the_same_heads),
        on_memory(seal__torn_creation_passed_over__has_the_same_heads),
        on_memory(
            seal__torn_creation_without_its_dictionary__has_the_same_heads),
        on_memory(merge__neighbours__keeps_all_heads_and_drops_what_it_is_told),
        on_file(merge__neighbours__keeps_all_heads_and_drops_what_it_is_told),
        on_memory(sealed__any_byte_flipped__knows_only_heads_that_are_right),
        on_memory(merge__signed__has_the_signature_of_its_end),
        on_memory(merge__cannot_be__leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
