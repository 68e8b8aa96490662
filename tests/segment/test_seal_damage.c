/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_damage.c
 *
 * Goal    every byte of a sealed segment is covered; damage costs its block and
 *         no more, and is named; an end that is missing is never a torn tail;
 *         nothing in a block or a footer is believed.
 * Method  a small segment of several blocks, damaged in every bit and cut at
 *         every byte; blocks made by hand that no writer would make.
 */
#include "tests/segment/seal_support.h"

#include "format/checksum.h"
#include "format/header.h"
#include "src/segment/segment_block.h"
#include "tests/segment/writer_support.h"

#define RECORDS_MAX 64u
#define FRAMES_MAX  64u
#define FINDINGS    16u

/* Sanitizers are slow: they get a sample of the places. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 13u
#else
#define STRIDE 1u
#endif

struct sample {
    struct seglog_store store;
    uint8_t *bytes;
    size_t len;
    struct tale tale;
    struct seglog_frame frames[FRAMES_MAX];
    size_t frame_count;
};

/* What is said of damaged bytes. */
struct verdict {
    struct seglog_scan_summary summary;
    struct seglog_finding findings[FINDINGS];
    size_t finding_count;
    bool has[RECORDS_MAX];
    size_t records;
};

static bool
sample_note(void *arg, const struct seglog_frame *frame)
{
    struct sample *sample = arg;

    assert_true(sample->frame_count < FRAMES_MAX);
    sample->frames[sample->frame_count++] = *frame;
    return true;
}

/* Blocks of some records each, between recorded gaps. */
static void
sample_make(struct sample *sample, uint64_t first_record)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = sample_note,
                                                 .arg = sample };
    const struct seglog_writer_options create = {
        .size = sizeof create,
        .first_record = first_record,
        .attributes = "who",
        .attributes_len = 3,
    };
    struct seglog_writer *writer = NULL;
    struct seglog_scan_summary summary;
    char line[256];
    uint64_t number = first_record;

    memset(sample, 0, sizeof *sample);
    assert_ok(seglog_store_memory_open(&sample->store, NULL));
    assert_ok(
        seglog_writer_open(sample->store, SEAL_NAME, &create, &writer, NULL));
    for (unsigned block = 0; block < 4; block++) {
        for (unsigned i = 0; i < 1 + 2 * block; i++, number++) {
            const size_t len = line_make(line, sizeof line, number);

            assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, line, len,
                                           SEGLOG_LEVEL_APPEND, NULL, NULL));
        }
        const struct seglog_finding gap = {
            .verdict = SEGLOG_VERDICT_CORRUPT,
            .cause = SEGLOG_CAUSE_HEAD,
            .first_record = number,
            .last_record = number + 1,
            .lines = 2,
        };
        if (block < 3) {
            assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
            number += 2;
        }
    }
    assert_ok(seglog_writer_close(writer, NULL));
    seal_ok(sample->store, SEAL_NAME, NULL, NULL);
    sample->bytes = blob_read(sample->store, SEAL_NAME, &sample->len);
    tale_read(&sample->tale, sample->store, SEAL_NAME, 0);
    assert_ok(seglog_scan(sample->store, SEAL_NAME, &options, &summary, NULL));
}

static void
sample_free(struct sample *sample)
{
    tale_free(&sample->tale);
    free(sample->bytes);
    seglog_store_close(&sample->store);
}

static void
verdict_note(void *arg, const struct seglog_finding *finding)
{
    struct verdict *verdict = arg;

    assert_true(verdict->finding_count < FINDINGS);
    verdict->findings[verdict->finding_count++] = *finding;
}

/* The record with this number, which must be one. */
static const struct told *
tale_find(const struct tale *tale, uint64_t number)
{
    for (size_t i = 0; i < tale->count; i++) {
        if (tale->events[i].number == number && tale->events[i].lost == 0)
            return &tale->events[i];
    }
    fail_msg("there is no record %llu", (unsigned long long)number);
    return NULL;
}

/* Read all of it as a salvaging reader does: nothing wrong, nothing twice. */
static void
verdict_read(const struct sample *sample, struct verdict *verdict)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    const uint64_t first = sample->tale.events[0].number;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    size_t gaps = 0;
    seglog_code code = SEGLOG_OK;

    assert_ok(
        seglog_reader_open(sample->store, "d.seg", &options, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_GAP) {
            gaps += !event.finding.is_recorded;
            continue;
        }
        const struct told *told =
            tale_find(&sample->tale, event.record.record_no);
        bool *has = &verdict->has[event.record.record_no - first];

        assert_int_equal(event.record.kind, told->kind);
        assert_int_equal(event.record.len, told->len);
        assert_memory_equal(event.record.data, told->data, told->len);
        assert_false(*has);
        *has = true;
        verdict->records++;
    }
    assert_code(code, SEGLOG_END);
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    seglog_reader_close(reader);
    assert_int_equal(verdict->records, verdict->summary.records);
    assert_int_equal(gaps, verdict->finding_count);
}

/* Strict: the damage, after nothing but good records. */
static seglog_code
strict_read(const struct sample *sample)
{
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code =
        seglog_reader_open(sample->store, "d.seg", NULL, &reader, NULL);

    while (code == SEGLOG_OK)
        code = seglog_reader_next(reader, &event, NULL);
    seglog_reader_close(reader);
    return code;
}

static void
verdict_look(const struct sample *sample, const uint8_t *bytes, size_t len,
             struct verdict *verdict)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = verdict_note,
                                                 .arg = verdict };

    memset(verdict, 0, sizeof *verdict);
    blob_write(sample->store, "d.seg", bytes, len);
    assert_ok(
        seglog_scan(sample->store, "d.seg", &options, &verdict->summary, NULL));
    verdict_read(sample, verdict);
}

/* The frame that a byte is in; NULL: the header. */
static const struct seglog_frame *
frame_at(const struct sample *sample, size_t at)
{
    for (size_t i = 0; i < sample->frame_count; i++) {
        const struct seglog_frame *frame = &sample->frames[i];

        if (at >= frame->offset && at < frame->offset + frame->len)
            return frame;
    }
    return NULL;
}

static void
flip_check(const struct sample *sample, const struct seglog_frame *frame,
           const struct verdict *verdict)
{
    const uint64_t lost = frame ? frame->count : 0;
    uint64_t told = 0;

    assert_string_equal(seglog_verdict_name(verdict->summary.verdict),
                        "CORRUPT");
    assert_true(verdict->finding_count > 0);
    assert_int_equal(verdict->summary.lost, lost);
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct seglog_finding *finding = &verdict->findings[i];

        if (finding->first_record == 0)
            continue;
        assert_int_equal(finding->first_record, frame->first_record);
        assert_int_equal(finding->last_record, frame->first_record + lost - 1);
        told += lost;
    }
    assert_int_equal(told, lost);
    for (size_t i = 0; i < sample->tale.count; i++) {
        const struct told *record = &sample->tale.events[i];
        const bool is_lost = frame && record->number >= frame->first_record &&
                             record->number < frame->first_record + lost;

        if (record->lost == 0)
            assert_int_equal(
                verdict->has[record->number - sample->tale.events[0].number],
                !is_lost);
    }
}

/*
 * The frame that a flip costs.  Behind the sync point that begins the epoch of
 * sealing nothing can be read before the next one, if it stands alone.
 */
static const struct seglog_frame *
frame_of_flip(const struct sample *sample, size_t at)
{
    const struct seglog_frame *frame = frame_at(sample, at);
    const struct seglog_frame *first = sample->frames;

    while (first->control != 1)
        first++;
    return frame == first && first[1].control == 0 ? first + 1 : frame;
}

static void
flip__any_single_bit__is_found_and_costs_its_block(void **state)
{
    struct sample sample;
    struct verdict verdict;

    (void)state;
    for (unsigned p = 0; p < 2; p++) {
        sample_make(&sample, p == 0 ? 1 : 20);
        for (size_t bit = 0; bit < 8 * sample.len; bit += STRIDE) {
            uint8_t *copy = exact_copy(sample.bytes, sample.len);

            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
            verdict_look(&sample, copy, sample.len, &verdict);
            flip_check(&sample, frame_of_flip(&sample, bit / 8), &verdict);
            assert_code(strict_read(&sample), SEGLOG_CORRUPT);
            free(copy);
        }
        sample_free(&sample);
    }
}

static void
truncate__at_any_byte__is_corrupt_and_never_torn(void **state)
{
    struct sample sample;
    struct verdict verdict;
    struct seglog_scan_summary summary;
    struct seglog_seal_info info;

    (void)state;
    sample_make(&sample, 1);
    for (size_t len = SLG_HEADER_BYTES; len < sample.len; len++) {
        uint64_t whole = 0;

        verdict_look(&sample, sample.bytes, len, &verdict);
        for (size_t i = 0; i < sample.frame_count; i++) {
            if (sample.frames[i].control == 0 &&
                sample.frames[i].offset + sample.frames[i].len <= len)
                whole += sample.frames[i].count;
        }
        assert_string_equal(seglog_verdict_name(verdict.summary.verdict),
                            "CORRUPT");
        assert_int_equal(verdict.records, whole);
        assert_int_equal(verdict.finding_count, 1);
        assert_int_equal(verdict.findings[0].first_byte +
                             verdict.findings[0].byte_count,
                         len);
        assert_int_equal(verdict.findings[0].last_record, 0);
        assert_int_equal(verdict.summary.torn_bytes, 0);
        assert_false(verdict.summary.is_closed);
        assert_code(strict_read(&sample), SEGLOG_CORRUPT);
        assert_ok(
            seglog_segment_get_summary(sample.store, "d.seg", &summary, NULL));
        assert_string_equal(seglog_verdict_name(summary.verdict), "CORRUPT");
        assert_code(seglog_segment_get_seal(sample.store, "d.seg", &info, NULL),
                    SEGLOG_CORRUPT);
    }
    sample_free(&sample);
}

static void
append__any_bytes_behind_the_end__are_corrupt(void **state)
{
    static const uint8_t junk[] = { 0, 0xC0, 0xFF, 0x20, 1, 2, 3, 0xE8 };
    struct sample sample;
    struct verdict verdict;

    (void)state;
    sample_make(&sample, 1);
    for (size_t i = 0; i < sizeof junk; i++) {
        uint8_t *copy = malloc(sample.len + 1 + i);

        assert_non_null(copy);
        memcpy(copy, sample.bytes, sample.len);
        memset(copy + sample.len, junk[i], 1 + i);
        verdict_look(&sample, copy, sample.len + 1 + i, &verdict);
        assert_string_equal(seglog_verdict_name(verdict.summary.verdict),
                            "CORRUPT");
        assert_int_equal(verdict.records, 16);
        free(copy);
    }
    sample_free(&sample);
}

/* -- blocks that only a sync point may precede ----------------------------- */

static void
long_sample_make(struct sample *sample)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = sample_note,
                                                 .arg = sample };
    const struct seglog_seal_options seal = seal_options(65536);
    static uint8_t data[150000];
    struct seglog_writer *writer = NULL;
    struct seglog_scan_summary summary;

    memset(sample, 0, sizeof *sample);
    assert_ok(seglog_store_memory_open(&sample->store, NULL));
    assert_ok(
        seglog_writer_open(sample->store, SEAL_NAME, NULL, &writer, NULL));
    for (unsigned i = 0; i < 6; i++) {
        test_fill(data, sizeof data, i);
        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, data,
                                       sizeof data - i, SEGLOG_LEVEL_APPEND,
                                       NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
    seal_ok(sample->store, SEAL_NAME, &seal, NULL);
    sample->bytes = blob_read(sample->store, SEAL_NAME, &sample->len);
    tale_read(&sample->tale, sample->store, SEAL_NAME, 0);
    assert_ok(seglog_scan(sample->store, SEAL_NAME, &options, &summary, NULL));
}

/* The block that may be lost with this byte: of a sync point the one behind. */
static uint64_t
long_record_at(const struct sample *sample, size_t at)
{
    for (size_t i = 0; i < sample->frame_count; i++) {
        const struct seglog_frame *frame = &sample->frames[i];

        if (at < frame->offset + frame->len)
            return frame->first_record;
    }
    return 0;
}

static void
flip__bit_in_or_before_a_long_block__costs_at_most_that_block(void **state)
{
    struct sample sample;
    struct verdict verdict;
    uint64_t seed = 5;

    (void)state;
    long_sample_make(&sample);
    for (unsigned round = 0; round < 240; round++) {
        const struct seglog_frame *frame =
            &sample.frames[round / 10 % sample.frame_count];
        const size_t near = (size_t)frame->offset + round % 10;
        const size_t at =
            round % 3 == 0 ? (size_t)(test_random(&seed) % sample.len) : near;
        uint8_t *copy = exact_copy(sample.bytes, sample.len);

        copy[at] ^= (uint8_t)(1u << round % 8);
        verdict_look(&sample, copy, sample.len, &verdict);
        assert_string_equal(seglog_verdict_name(verdict.summary.verdict),
                            "CORRUPT");
        assert_in_range(verdict.summary.lost, 0, 1);
        assert_int_equal(verdict.records + verdict.summary.lost, 6);
        if (verdict.summary.lost == 1)
            assert_false(verdict.has[long_record_at(&sample, at) - 1]);
        free(copy);
    }
    sample_free(&sample);
}

static void
zeros__over_the_start_of_a_long_block__costs_that_block(void **state)
{
    struct sample sample;
    struct verdict verdict;

    (void)state;
    long_sample_make(&sample);
    for (size_t i = 0; i < sample.frame_count; i++) {
        const struct seglog_frame *frame = &sample.frames[i];
        uint8_t *copy = exact_copy(sample.bytes, sample.len);

        if (frame->control != 0) {
            free(copy);
            continue;
        }
        memset(copy + frame->offset - 4, 0, 100);
        verdict_look(&sample, copy, sample.len, &verdict);
        assert_int_equal(verdict.summary.lost, 1);
        assert_false(verdict.has[frame->first_record - 1]);
        assert_int_equal(verdict.finding_count, 1);
        assert_int_equal(verdict.findings[0].first_record, frame->first_record);
        /* And no more than the block is searched through. */
        assert_int_equal(verdict.findings[0].first_byte +
                             verdict.findings[0].byte_count,
                         frame->offset + frame->len);
        free(copy);
    }
    sample_free(&sample);
}

/* -- the end -------------------------------------------------------------- */

/* The footer's place, and the closing mark's, damaged or gone. */
static void
footer__damaged__loses_no_record_and_no_place(void **state)
{
    struct sample sample;
    struct seglog_seal_info info;
    struct verdict verdict;

    (void)state;
    sample_make(&sample, 1);
    const struct seglog_frame *footer = NULL;
    for (size_t i = 0; i < sample.frame_count; i++) {
        if (sample.frames[i].control == 7)
            footer = &sample.frames[i];
    }
    assert_non_null(footer);
    assert_int_equal(footer, &sample.frames[sample.frame_count - 2]);
    uint8_t *copy = exact_copy(sample.bytes, sample.len);
    memset(copy + footer->offset + 10, 0xAA, 20);
    verdict_look(&sample, copy, sample.len, &verdict);
    assert_int_equal(verdict.records, 16);
    assert_int_equal(verdict.summary.lost, 0);
    assert_code(seglog_segment_get_seal(sample.store, "d.seg", &info, NULL),
                SEGLOG_CORRUPT);
    /* Every record is found all the same. */
    for (size_t i = 0; i < sample.tale.count; i++) {
        const struct told *told = &sample.tale.events[i];
        const struct seglog_reader_options from = { .size = sizeof from,
                                                    .from_record =
                                                        told->number };
        struct seglog_reader *reader = NULL;
        struct seglog_event event;
        uint64_t number = 0;

        assert_ok(
            seglog_reader_open(sample.store, "d.seg", &from, &reader, NULL));
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.type == SEGLOG_EVENT_GAP
                             ? event.finding.first_record
                             : event.record.record_no,
                         told->number);
        seglog_reader_close(reader);
        assert_ok(
            seglog_segment_find_time(sample.store, "d.seg", 0, &number, NULL));
        assert_int_equal(number, sample.tale.events[0].number);
    }
    free(copy);
    sample_free(&sample);
}

static void
repair__damaged_block__keeps_the_others(void **state)
{
    struct sample sample;
    struct verdict verdict;
    struct seglog_scan_summary summary;

    (void)state;
    sample_make(&sample, 1);
    uint8_t *copy = exact_copy(sample.bytes, sample.len);
    for (size_t i = 0; i < sample.frame_count; i++) {
        if (sample.frames[i].count == 3)
            copy[sample.frames[i].offset + 20] ^= 0x10;
    }
    verdict_look(&sample, copy, sample.len, &verdict);
    assert_int_equal(verdict.summary.lost, 3);
    assert_ok(seglog_repair(sample.store, "d.seg", sample.store, "r.seg", NULL,
                            NULL, NULL));
    assert_scan_ok(sample.store, "r.seg", &summary);
    assert_int_equal(summary.records, 13);
    assert_int_equal(summary.recorded_gaps, 4);
    assert_int_equal(summary.next_record, sample.tale.events[0].number + 22);
    /* What was repaired can be sealed again. */
    seal_ok(sample.store, "r.seg", NULL, NULL);
    free(copy);
    sample_free(&sample);
}

/* -- blocks that nobody writes -------------------------------------------- */

/* The sample's second block with another body. */
static void
block_forge(const struct sample *sample, const uint8_t *body, size_t body_len,
            uint8_t head, struct verdict *verdict)
{
    const struct slg_frame_limits limits = { .body_max = 1u << 23,
                                             .has_digests = true };
    const struct seglog_frame *old = NULL;
    uint8_t *copy = malloc(sample->len + body_len + 64);
    uint32_t salt = 0;

    assert_non_null(copy);
    for (size_t i = 0; i < sample->frame_count; i++) {
        if (sample->frames[i].count == 3)
            old = &sample->frames[i];
    }
    assert_non_null(old);
    /* Behind the first sync point the epoch is that of sealing. */
    salt = slg_salt(sample->bytes + 18,
                    slg_load_le64(sample->bytes + SLG_HEADER_BYTES + 26));
    memcpy(copy, sample->bytes, (size_t)old->offset);
    uint8_t *out = copy + old->offset;
    const size_t head_len =
        slg_frame_put_head(out, SLG_FRAME_BLOCK, false, (uint32_t)body_len);
    out[0] = (uint8_t)((out[0] & 0xE3) | head);
    memcpy(out + head_len, body, body_len);
    const size_t len = slg_frame_finish(out, head_len, (uint32_t)body_len,
                                        &limits, old->first_record, salt);
    const size_t behind = (size_t)(old->offset + old->len);
    memcpy(out + len, sample->bytes + behind, sample->len - behind);
    verdict_look(sample, copy, (size_t)old->offset + len + sample->len - behind,
                 verdict);
    free(copy);
}

static void
block__that_nobody_writes__is_its_records_lost(void **state)
{
    static const uint8_t texts[] = { 3, 0, 4, 'a', 4, 'b', 4, 'c' };
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } bodies[] = {
        { { 3 }, 1 },                                     /* no coding */
        { { 3, 0 }, 2 },                                  /* no entries */
        { { 3, 0, 4, 'a', 4, 'b' }, 6 },                  /* one is missing */
        { { 3, 0, 4, 'a', 4, 'b', 4, 'c', 0 }, 9 },       /* one too many */
        { { 3, 0, 4, 'a', 4, 'b', 8, 'c' }, 8 },          /* behind the end */
        { { 3, 1 }, 2 },                                  /* no columns */
        { { 3, 1, 1, 2, 3, 4, 5 }, 7 },                   /* odd columns */
        { { 3, 9, 4, 'a', 4, 'b', 4, 'c' }, 8 },          /* unknown coding */
        { { 0, 0 }, 2 },                                  /* no records */
        { { 0x83, 0, 0, 4, 'a', 4, 'b', 4, 'c' }, 9 },    /* not shortest */
        { { 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0, 4, 4 }, 8 }, /* very many */
    };
    struct sample sample;
    struct verdict verdict;

    (void)state;
    sample_make(&sample, 1);
    /* The same way with sound bodies: what is wrong is the stretch digest, and
     * what comes out is not what was sealed. */
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        block_forge(&sample, bodies[i].bytes, bodies[i].len, 0x08, &verdict);
        assert_string_equal(seglog_verdict_name(verdict.summary.verdict),
                            "CORRUPT");
        assert_int_equal(verdict.records, 13);
        assert_int_equal(verdict.summary.lost, 3);
    }
    /* Other bits of the head are not legal on a block. */
    block_forge(&sample, texts, sizeof texts, 0x00, &verdict);
    assert_int_equal(verdict.summary.lost, 3);
    block_forge(&sample, texts, sizeof texts, 0x18, &verdict);
    assert_int_equal(verdict.summary.lost, 3);
    block_forge(&sample, texts, sizeof texts, 0x0C, &verdict);
    assert_int_equal(verdict.summary.lost, 3);
    sample_free(&sample);
}

/* A header that allows less than the blocks hold. */
static void
block__of_more_than_the_header_allows__is_lost(void **state)
{
    struct sample sample;
    struct verdict verdict;

    (void)state;
    sample_make(&sample, 1);
    uint8_t *copy = exact_copy(sample.bytes, sample.len);
    copy[9] = 9;
    header_seal(copy);
    verdict_look(&sample, copy, sample.len, &verdict);
    assert_string_equal(seglog_verdict_name(verdict.summary.verdict),
                        "CORRUPT");
    /* Five records of 97 bytes are below 512; seven are not. */
    assert_int_equal(verdict.records, 9);
    assert_int_equal(verdict.summary.lost, 7);
    free(copy);
    sample_free(&sample);
}

static void
block_decode__more_than_the_limit__takes_no_memory_for_it(void **state)
{
    static uint8_t zeros[1u << 20];
    struct slg_columns_record record = { .bytes = zeros,
                                         .len = sizeof zeros,
                                         .kind = 1 };
    struct slg_block block = { .bytes = NULL };
    uint8_t *body = NULL;
    size_t len = 0;

    (void)state;
    assert_ok(slg_block_encode(&record, 1, 3, 0, NULL, &body, &len));
    assert_true(len < 1000);
    assert_code(slg_block_decode(&block, body, len, sizeof zeros - 1, NULL),
                SEGLOG_CORRUPT);
    assert_true(block.cap < sizeof zeros);
    assert_ok(slg_block_decode(&block, body, len, sizeof zeros, NULL));
    slg_block_reset(&block);
    free(body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flip__any_single_bit__is_found_and_costs_its_block),
        cmocka_unit_test(truncate__at_any_byte__is_corrupt_and_never_torn),
        cmocka_unit_test(append__any_bytes_behind_the_end__are_corrupt),
        cmocka_unit_test(
            flip__bit_in_or_before_a_long_block__costs_at_most_that_block),
        cmocka_unit_test(
            zeros__over_the_start_of_a_long_block__costs_that_block),
        cmocka_unit_test(footer__damaged__loses_no_record_and_no_place),
        cmocka_unit_test(repair__damaged_block__keeps_the_others),
        cmocka_unit_test(block__that_nobody_writes__is_its_records_lost),
        cmocka_unit_test(block__of_more_than_the_header_allows__is_lost),
        cmocka_unit_test(
            block_decode__more_than_the_limit__takes_no_memory_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
