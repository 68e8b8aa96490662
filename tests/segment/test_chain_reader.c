/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_chain_reader.c
 *
 * Goal    whoever reads a chained segment has the right head at each record, is
 *         told of each chain head that is not the one computed, and loses no
 *         more than a stretch of it by damage.
 * Method  segments of the writer, whole, flipped in each byte, and forged.
 */
#include "tests/segment/writer_support.h"

#include <stdio.h>

#include "format/checksum.h"
#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_chain_writer.h"

#define RECORDS 62u

static const unsigned chains[] = { SEGLOG_CHAIN_SHA256, SEGLOG_CHAIN_XXH3 };

#define EACH_CHAIN(c)                                                          \
    for (size_t c = 0; c < COUNT_OF(chains); c++)                              \
        if (slg_chain_is_computable(chains[c]))

static size_t
text_of(uint64_t number, char text[32])
{
    return (size_t)snprintf(text, 32, "event-%u", (unsigned)number - 1);
}

/* heads[n]: behind record n. */
static void
heads_compute(unsigned chain, struct seglog_chain_hash heads[RECORDS + 1])
{
    heads[0] = (struct seglog_chain_hash){ .len = 0 };
    for (uint64_t n = 1; n <= RECORDS; n++) {
        char text[32];

        slg_chain_hash(chain, &heads[n - 1], SLG_CHAIN_KIND_RECORD, text,
                       text_of(n, text), &heads[n]);
    }
}

static bool
is_same(struct seglog_chain_hash a, struct seglog_chain_hash b)
{
    return slg_chain_hash_is_same(&a, &b);
}

/* Single records and groups, a sync point each 512 bytes. */
static void
log_make(struct seglog_store store, unsigned chain, enum seglog_codec codec)
{
    struct seglog_writer_options options = writer_options_fixed();
    const struct seglog_predecessor predecessor = { .number = 1, .end = 7 };

    options.chain = (enum seglog_chain)chain;
    options.codec = codec;
    options.sync_log2 = 9;
    options.predecessor = &predecessor;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    for (uint64_t n = 1; n <= RECORDS;) {
        char texts[3][32];
        struct seglog_item items[3];
        const size_t count = n % 4 == 0 ? 3 : 1;

        for (size_t i = 0; i < count; i++)
            items[i] = (struct seglog_item){ SEGLOG_TEXT, texts[i],
                                             text_of(n + i, texts[i]) };
        assert_ok(seglog_writer_append_group(writer, items, count,
                                             SEGLOG_LEVEL_FLUSH, NULL, NULL));
        n += count;
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

static struct slg_chain_reader *
open_ok(struct seglog_store store, bool salvage)
{
    const struct slg_chain_reader_options options = { .salvage = salvage };
    struct slg_chain_reader *reader = NULL;
    struct seglog_error err = { 0 };

    assert_code_err(
        slg_chain_reader_open(store, "log", &options, &reader, &err), SEGLOG_OK,
        &err);
    return reader;
}

/* What a run of events was about. */
struct seen {
    uint64_t records;
    uint64_t known; /* of them, those whose head was known */
    uint64_t heads;
    uint64_t broken;
    uint64_t gaps;
    uint64_t closed;
    uint64_t first_number;
    seglog_code code; /* that ended it */
};

/* Read to the end, or to the first error: every head that is known is right. */
static struct seen
read_on(struct slg_chain_reader *reader, const struct seglog_chain_hash *heads)
{
    struct slg_chain_event event;
    struct seen seen = { 0 };

    while ((seen.code = slg_chain_reader_next(reader, &event, NULL)) ==
           SEGLOG_OK) {
        if (seen.first_number == 0)
            seen.first_number = event.number;
        switch (event.type) {
        case SLG_CHAIN_EVENT_RECORD:
            assert_in_range(event.number, 1, RECORDS);
            if (event.is_known)
                assert_true(is_same(event.hash, heads[event.number]));
            if (event.is_before_known)
                assert_true(is_same(event.before, heads[event.number - 1]));
            assert_int_equal(event.number, event.record.record_no);
            seen.records++;
            seen.known += event.is_known;
            break;
        case SLG_CHAIN_EVENT_HEAD:
            assert_true(is_same(event.hash, heads[event.number - 1]));
            assert_true(event.is_known);
            seen.heads++;
            seen.broken += event.is_broken;
            break;
        case SLG_CHAIN_EVENT_GAP:
            seen.gaps++;
            break;
        case SLG_CHAIN_EVENT_CLOSED:
            seen.closed++;
            break;
        default:
            break;
        }
    }
    return seen;
}

/* -- whole ------------------------------------------------------------------ */

static void
next__whole_segment__has_the_head_at_each_record(void **state)
{
    const struct seglog_store store = store_of(state);
    static const enum seglog_codec codecs[] = { SEGLOG_CODEC_NONE,
                                                SEGLOG_CODEC_DEFLATE };

    EACH_CHAIN(c)
    {
        struct seglog_chain_hash heads[RECORDS + 1];

        heads_compute(chains[c], heads);
        for (size_t i = 0; i < 2 * COUNT_OF(codecs); i++) {
            struct slg_chain_reader_state now;

            log_make(store, chains[c], codecs[i / 2]);
            struct slg_chain_reader *reader = open_ok(store, i % 2 == 1);
            const struct seen seen = read_on(reader, heads);

            assert_code(seen.code, SEGLOG_END);
            assert_int_equal(seen.records, RECORDS);
            assert_int_equal(seen.known, RECORDS);
            assert_true(seen.heads > 2);
            assert_int_equal(seen.broken, 0);
            assert_int_equal(seen.gaps, 0);
            assert_int_equal(seen.closed, 1);
            slg_chain_reader_get_state(reader, &now);
            assert_int_equal(now.chain, chains[c]);
            assert_int_equal(now.next_record, RECORDS + 1);
            assert_int_equal(now.offset, now.size);
            assert_true(now.bytes_read >= now.size);
            slg_chain_reader_close(reader);
            assert_ok(seglog_store_remove(store, "log", NULL));
        }
    }
}

static void
seek__each_record__stands_at_a_checkpoint_before_it(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_chain_hash heads[RECORDS + 1];

    heads_compute(SEGLOG_CHAIN_XXH3, heads);
    log_make(store, SEGLOG_CHAIN_XXH3, SEGLOG_CODEC_NONE);
    struct slg_chain_reader *reader = open_ok(store, false);
    uint64_t latest = 0;
    for (uint64_t n = 1; n <= RECORDS + 1; n++) {
        struct slg_chain_event event;

        assert_ok(slg_chain_reader_seek(reader, n, NULL));
        assert_ok(slg_chain_reader_next(reader, &event, NULL));
        assert_int_equal(event.type, SLG_CHAIN_EVENT_HEAD);
        assert_true(event.number <= n && event.number >= latest);
        assert_true(event.is_checkpoint == (event.number > 1));
        assert_false(event.is_before_known || event.is_broken);
        latest = event.number;
        const struct seen seen = read_on(reader, heads);
        assert_int_equal(seen.records, RECORDS + 1 - event.number);
        assert_int_equal(seen.known, seen.records);
    }
    assert_true(latest > RECORDS / 2);
    slg_chain_reader_close(reader);
}

static void
open__not_chained__is_invalid(void **state)
{
    const struct seglog_store store = store_of(state);
    struct slg_chain_reader *reader = NULL;

    assert_ok(seglog_writer_close(writer_open_ok(store, "log", NULL), NULL));
    assert_code(slg_chain_reader_open(store, "log", NULL, &reader, NULL),
                SEGLOG_INVALID);
    assert_null(reader);
    assert_code(slg_chain_reader_open(store, "none", NULL, &reader, NULL),
                SEGLOG_NOT_FOUND);
}

/* What stands between records, and the head behind each of it. */
static void
next__frames_of_the_chain__are_events(void **state)
{
    const struct seglog_store store = store_of(state);

    EACH_CHAIN(c)
    {
        struct seglog_writer_options options = writer_options_fixed();
        const struct seglog_predecessor predecessor = {
            .identity = { 1 }, .epoch = 2, .number = 3, .end = 4, .checksum = 5
        };
        struct seglog_chain_hash heads[RECORDS + 1];
        struct slg_signature signature = { .bytes = { 7 } };
        const struct seglog_finding gap = {
            .verdict = SEGLOG_VERDICT_CORRUPT,
            .cause = SEGLOG_CAUSE_CHECKSUM,
            .first_record = 3,
            .last_record = 5,
            .lines = 3,
        };
        static const enum slg_chain_event_type want[] = {
            SLG_CHAIN_EVENT_HEAD,      SLG_CHAIN_EVENT_PREDECESSOR,
            SLG_CHAIN_EVENT_RECORD,    SLG_CHAIN_EVENT_RECORD,
            SLG_CHAIN_EVENT_TOMBSTONE, SLG_CHAIN_EVENT_HEAD,
            SLG_CHAIN_EVENT_SIGNATURE, SLG_CHAIN_EVENT_GAP,
            SLG_CHAIN_EVENT_HEAD,      SLG_CHAIN_EVENT_RECORD,
            SLG_CHAIN_EVENT_HEAD,      SLG_CHAIN_EVENT_CLOSED,
        };
        struct slg_chain_event event;

        heads_compute(chains[c], heads);
        const struct slg_tombstone tombstone = {
            .algorithm = (uint8_t)chains[c],
            .number = 1,
            .hash = heads[1],
        };
        options.chain = (enum seglog_chain)chains[c];
        options.predecessor = &predecessor;
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        append_ok(writer, "event-0", 1);
        append_ok(writer, "event-1", 2);
        assert_ok(slg_writer_put_tombstone(writer, &tombstone, NULL));
        assert_ok(slg_writer_put_signature(writer, &signature, NULL));
        assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
        append_ok(writer, "event-5", 6);
        assert_ok(seglog_writer_close(writer, NULL));

        struct slg_chain_reader *reader = open_ok(store, false);
        for (size_t i = 0; i < COUNT_OF(want); i++) {
            assert_ok(slg_chain_reader_next(reader, &event, NULL));
            assert_int_equal(event.type, want[i]);
            assert_true(event.is_known == (want[i] != SLG_CHAIN_EVENT_GAP));
            if (want[i] == SLG_CHAIN_EVENT_PREDECESSOR)
                assert_memory_equal(
                    &event.predecessor, &predecessor,
                    offsetof(struct seglog_predecessor, checksum) + 4);
            if (want[i] == SLG_CHAIN_EVENT_HEAD) {
                assert_false(event.is_broken);
                assert_true(event.head.is_anew == (i == 8));
                assert_true(event.is_checkpoint == (i == 10));
            }
            if (want[i] == SLG_CHAIN_EVENT_TOMBSTONE) {
                struct slg_chain chain = { .algorithm = (uint8_t)chains[c],
                                           .is_known = true,
                                           .hash = heads[2] };

                assert_int_equal(event.tombstone.number, 1);
                assert_true(is_same(event.before, heads[2]));
                slg_chain_add_tombstone(&chain, &tombstone);
                assert_true(is_same(event.hash, chain.hash));
            }
            if (want[i] == SLG_CHAIN_EVENT_SIGNATURE)
                assert_memory_equal(&event.signature, &signature,
                                    sizeof signature);
            if (want[i] == SLG_CHAIN_EVENT_GAP)
                assert_true(event.finding.is_recorded && event.number == 3);
        }
        assert_code(slg_chain_reader_next(reader, &event, NULL), SEGLOG_END);
        slg_chain_reader_close(reader);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

/* A live segment: what is appended is read on, with the chain. */
static void
next__appended_behind_the_end__goes_on(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_chain_hash heads[RECORDS + 1];

    options.chain = SEGLOG_CHAIN_XXH3;
    heads_compute(SEGLOG_CHAIN_XXH3, heads);
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct slg_chain_reader *reader = open_ok(store, false);
    for (uint64_t n = 1; n <= 5; n++) {
        char text[32];

        (void)text_of(n, text);
        append_ok(writer, text, n);
        const struct seen seen = read_on(reader, heads);
        assert_code(seen.code, SEGLOG_END);
        assert_int_equal(seen.records, 1);
        assert_int_equal(seen.known, 1);
    }
    slg_chain_reader_close(reader);
    assert_ok(seglog_writer_close(writer, NULL));
}

/* -- damaged ---------------------------------------------------------------- */

static void
salvage__any_byte_flipped__knows_only_heads_that_are_right(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_chain_hash heads[RECORDS + 1];
    size_t len = 0;

    heads_compute(SEGLOG_CHAIN_XXH3, heads);
    log_make(store, SEGLOG_CHAIN_XXH3, SEGLOG_CODEC_NONE);
    uint8_t *bytes = blob_read(store, "log", &len);
    /* Heads further apart than this do not exist: 512 bytes of records. */
    const uint64_t stretch = 40;
    for (size_t at = 0; at < len; at++) {
        bytes[at] ^= (uint8_t)(1u << at % 8);
        blob_write(store, "log", bytes, len);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        struct slg_chain_reader *reader = open_ok(store, true);
        const struct seen seen = read_on(reader, heads);

        assert_code(seen.code, SEGLOG_END);
        assert_int_equal(seen.broken, 0);
        assert_true(seen.gaps > 0);
        assert_true(seen.records + 3 >= RECORDS);
        assert_true(seen.known + stretch >= RECORDS);
        slg_chain_reader_close(reader);
    }
    free(bytes);
}

static void
skip__behind_damage__goes_on_at_the_next_checkpoint(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_chain_hash heads[RECORDS + 1];
    size_t len = 0;
    unsigned skipped = 0;

    heads_compute(SEGLOG_CHAIN_XXH3, heads);
    log_make(store, SEGLOG_CHAIN_XXH3, SEGLOG_CODEC_NONE);
    uint8_t *bytes = blob_read(store, "log", &len);
    for (size_t at = 54; at < len; at += 3) {
        bytes[at] ^= 4;
        blob_write(store, "log", bytes, len);
        bytes[at] ^= 4;
        struct slg_chain_reader *reader = open_ok(store, false);
        const struct seen before = read_on(reader, heads);
        struct slg_chain_event event;

        assert_code(before.code, SEGLOG_CORRUPT);
        assert_code(slg_chain_reader_next(reader, &event, NULL),
                    SEGLOG_CORRUPT);
        const seglog_code code = slg_chain_reader_skip(reader, NULL);
        if (code == SEGLOG_OK) {
            const struct seen behind = read_on(reader, heads);

            skipped++;
            assert_code(behind.code, SEGLOG_END);
            assert_int_equal(behind.known, behind.records);
            assert_true(behind.first_number > before.records);
            assert_int_equal(behind.first_number + behind.records, RECORDS + 1);
        } else {
            assert_code(code, SEGLOG_END);
        }
        /* And it can go anywhere else. */
        assert_ok(slg_chain_reader_seek(reader, 1, NULL));
        const struct seen again = read_on(reader, heads);
        assert_int_equal(again.records, before.records);
        slg_chain_reader_close(reader);
    }
    assert_true(skipped > 100);
    free(bytes);
}

/* Somebody has changed a record, and its checksum with it. */
static void
next__record_forged__is_a_break_up_to_the_next_head(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    size_t len = 0;

    options.chain = SEGLOG_CHAIN_XXH3;
    options.no_xxh3 = true; /* no stretch digest to be forged as well */
    options.sync_log2 = 9;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    for (uint64_t n = 1; n <= RECORDS; n++) {
        char text[32];

        (void)text_of(n, text);
        append_ok(writer, text, n);
    }
    assert_ok(seglog_writer_close(writer, NULL));
    uint8_t *bytes = blob_read(store, "log", &len);
    uint8_t *place = bytes;
    while (memcmp(place, "event-30", 8) != 0)
        place++;
    place[6] = '7';
    const uint32_t salt = slg_salt(writer_identity, WRITER_EPOCH);
    slg_store_le32(place + 8, slg_crc32(0, place - 2, 10) ^ slg_mix(31, salt));
    blob_write(store, "log", bytes, len);
    free(bytes);

    struct slg_chain_reader *reader = open_ok(store, false);
    struct slg_chain_event event;
    uint64_t last_head = 1;
    unsigned broken = 0;
    seglog_code code = SEGLOG_OK;
    while ((code = slg_chain_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type != SLG_CHAIN_EVENT_HEAD)
            continue;
        if (event.is_broken) {
            assert_int_equal(event.known_from, last_head);
            assert_true(event.known_from <= 31 && event.number > 31);
            broken++;
        }
        last_head = event.number;
    }
    assert_code(code, SEGLOG_END);
    assert_int_equal(broken, 1);
    slg_chain_reader_close(reader);
}

/* -- the feature changes no verdict ----------------------------------------- */

struct findings {
    struct seglog_finding all[16];
    size_t count;
};

static void
note_finding(void *arg, const struct seglog_finding *finding)
{
    struct findings *findings = arg;

    assert_true(findings->count < COUNT_OF(findings->all));
    findings->all[findings->count++] = *finding;
}

static void
scan_ok(struct seglog_store store, const uint8_t *bytes, size_t len,
        struct findings *findings, struct seglog_scan_summary *summary)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = note_finding,
                                                 .arg = findings };

    memset(findings, 0, sizeof *findings);
    blob_write(store, "log", bytes, len);
    assert_ok(seglog_scan(store, "log", &options, summary, NULL));
}

static void
scan__feature_masked__finds_the_same(void **state)
{
    const struct seglog_store store = store_of(state);
    size_t len = 0;

    log_make(store, SEGLOG_CHAIN_XXH3, SEGLOG_CODEC_NONE);
    uint8_t *bytes = blob_read(store, "log", &len);
    uint8_t *masked = blob_read(store, "log", &len);
    masked[16] &= (uint8_t)~8u;
    header_seal(masked);
    for (size_t at = 54; at < len; at++) {
        struct seglog_scan_summary summaries[2];
        struct findings findings[2];

        bytes[at] ^= (uint8_t)(1u << at % 8);
        masked[at] ^= (uint8_t)(1u << at % 8);
        scan_ok(store, bytes, len, &findings[0], &summaries[0]);
        scan_ok(store, masked, len, &findings[1], &summaries[1]);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        masked[at] ^= (uint8_t)(1u << at % 8);
        assert_memory_equal(&findings[0], &findings[1], sizeof findings[0]);
        assert_int_equal(summaries[0].records, summaries[1].records);
        assert_int_equal(summaries[0].verdict, SEGLOG_VERDICT_CORRUPT);
    }
    free(bytes);
    free(masked);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(next__whole_segment__has_the_head_at_each_record),
        on_file(next__whole_segment__has_the_head_at_each_record),
        on_memory(seek__each_record__stands_at_a_checkpoint_before_it),
        on_memory(open__not_chained__is_invalid),
        on_memory(next__frames_of_the_chain__are_events),
        on_memory(next__appended_behind_the_end__goes_on),
        on_memory(salvage__any_byte_flipped__knows_only_heads_that_are_right),
        on_memory(skip__behind_damage__goes_on_at_the_next_checkpoint),
        on_memory(next__record_forged__is_a_break_up_to_the_next_head),
        on_memory(scan__feature_masked__finds_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
