/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_segment_encrypted.c - a segment in an encrypted store.
 *
 * Goal    whatever is done to the bytes below, no record comes back wrong, and
 *         what is lost is named: the records of the chunks that were hit.
 * Method  each record is a chunk of its own.  The bytes below are damaged in
 *         every place there is, then scanned and read in salvage mode.
 */
#include "tests/support/blobs.h"

#include <stdio.h>

#include "format/bytes.h"
#include "seglog/encrypted_store.h"
#include "seglog/segment.h"
#include "seglog/testing/fault_store.h"
#include "src/crypt/primitives.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 23u
#else
#define STRIDE 1u
#endif

enum {
    RECORDS = 40,
    CHUNKS_MAX = 128,
    EXTRA = 64,
    FINDINGS_MAX = 16
};

static const uint8_t KEY[SEGLOG_KEY_BYTES] = "a key of thirty-two bytes in all";

/* One chunk as it lies below, and what of the segment is in it. */
struct chunk {
    size_t at;
    size_t end;
    uint64_t plain;
    uint64_t plain_end;
    uint64_t first; /* records that have bytes in it; 0: none */
    uint64_t last;
};

static struct fixture {
    struct seglog_store below;
    struct seglog_store store; /* owns below */
    uint8_t *raw;
    size_t raw_len;
    struct chunk chunks[CHUNKS_MAX];
    size_t chunk_count;
} it;

static size_t
payload(uint64_t number, char *buf, size_t cap)
{
    return (size_t)snprintf(buf, cap, "{\"record\":%03u,\"text\":\"%.*s\"}",
                            (unsigned)number, (int)(number % 7), "abcdefg");
}

static void
append_some(const char *name, uint64_t from, uint64_t to, bool is_closed)
{
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .no_closing_mark =
                                                       !is_closed };
    struct seglog_writer *writer = NULL;
    struct seglog_error err;

    assert_code_err(seglog_writer_open(it.store, name, &options, &writer, &err),
                    SEGLOG_OK, &err);
    for (uint64_t n = from; n <= to; n++) {
        char text[64];
        const size_t len = payload(n, text, sizeof text);
        uint64_t got = 0;

        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, text, len,
                                       SEGLOG_LEVEL_FLUSH, &got, NULL));
        assert_int_equal(got, n);
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
chunks_parse(void)
{
    it.chunk_count = 0;
    for (size_t at = 0; at < it.raw_len;) {
        struct chunk *chunk = &it.chunks[it.chunk_count++];
        const size_t len = slg_load_le32(it.raw + at);

        assert_true(it.chunk_count <= CHUNKS_MAX);
        *chunk = (struct chunk){
            .at = at,
            .end = at + EXTRA + len,
            .plain = slg_load_le64(it.raw + at + 8),
        };
        chunk->plain_end = chunk->plain + len;
        at = chunk->end;
    }
}

static bool
on_frame(void *arg, const struct seglog_frame *frame)
{
    (void)arg;
    for (size_t i = 0; frame->control == 0 && i < it.chunk_count; i++) {
        struct chunk *chunk = &it.chunks[i];

        if (frame->offset >= chunk->plain_end ||
            frame->offset + frame->len <= chunk->plain)
            continue;
        if (chunk->first == 0)
            chunk->first = frame->first_record;
        chunk->last = frame->first_record + frame->count - 1;
    }
    return true;
}

static void
segment_make(bool is_closed)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = on_frame };
    struct seglog_scan_summary summary;

    (void)!seglog_store_remove(it.store, "log", NULL);
    append_some("log", 1, RECORDS, is_closed);
    free(it.raw);
    it.raw = blob_read(it.below, "log", &it.raw_len);
    chunks_parse();
    assert_ok(seglog_scan(it.store, "log", &options, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
    assert_int_equal(summary.records, RECORDS);
}

/* What a scan and a salvaging reader say. */
struct looked {
    seglog_code code;
    struct seglog_scan_summary summary;
    struct seglog_finding findings[FINDINGS_MAX];
    size_t finding_count;
    bool has[RECORDS + 2];
    uint64_t records;
};

static void
on_finding(void *arg, const struct seglog_finding *finding)
{
    struct looked *looked = arg;

    assert_true(looked->finding_count < FINDINGS_MAX);
    looked->findings[looked->finding_count++] = *finding;
}

static void
look(const char *name, struct looked *looked)
{
    const struct seglog_scan_options scan = { .size = sizeof scan,
                                              .on_finding = on_finding,
                                              .arg = looked };
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    memset(looked, 0, sizeof *looked);
    looked->code = seglog_scan(it.store, name, &scan, &looked->summary, NULL);
    if (looked->code != SEGLOG_OK)
        return;
    assert_ok(seglog_reader_open(it.store, name, &options, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        char text[64];
        size_t len = 0;

        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        assert_in_range(event.record.record_no, 1, RECORDS);
        len = payload(event.record.record_no, text, sizeof text);
        assert_int_equal(event.record.len, len);
        assert_memory_equal(event.record.data, text, len);
        assert_false(looked->has[event.record.record_no]);
        looked->has[event.record.record_no] = true;
        looked->records++;
    }
    assert_code(code, SEGLOG_END);
    seglog_reader_close(reader);
    assert_int_equal(looked->records, looked->summary.records);
}

static void
look_at(const uint8_t *bytes, size_t len, struct looked *looked)
{
    blob_replace(it.below, "damaged", bytes, len);
    look("damaged", looked);
}

/* Exactly the records from first to last are missing, 0: none. */
static void
assert_lost(const struct looked *looked, uint64_t first, uint64_t last)
{
    for (uint64_t n = 1; n <= RECORDS; n++)
        assert_int_equal(looked->has[n], first == 0 || n < first || n > last);
}

static bool
is_zeros(const uint8_t *bytes, size_t from, size_t to)
{
    while (from < to && bytes[from] == 0)
        from++;
    return from == to;
}

/* ENCRYPTION.md 4.5: as a crash may leave it from a chunk's start on. */
static bool
is_unwritten(const uint8_t *bytes, size_t from, size_t len)
{
    for (size_t at = from; at < len; at = (at / 512 + 1) * 512) {
        const size_t end = (at / 512 + 1) * 512;

        if (is_zeros(bytes, at, end < len ? end : len))
            return true;
    }
    return is_zeros(bytes, len - 16, len);
}

/* The one finding names the records, and its bytes are those of the chunk. */
static void
assert_chunk_lost(const struct looked *looked, const uint8_t *bytes,
                  const struct chunk *chunk)
{
    const bool is_first = chunk->plain == 0;
    const bool is_torn =
        chunk->end == it.raw_len && is_unwritten(bytes, chunk->at, it.raw_len);

    assert_ok(looked->code);
    assert_int_equal(looked->finding_count, 1);
    assert_lost(looked, chunk->first, chunk->last);
    assert_string_equal(seglog_verdict_name(looked->summary.verdict),
                        is_torn ? "TORN" : "CORRUPT");
    assert_string_equal(seglog_cause_name(looked->findings[0].cause),
                        is_torn ? "torn" : "auth");
    if (chunk->first != 0) {
        assert_int_equal(looked->findings[0].first_record, chunk->first);
        assert_int_equal(looked->findings[0].last_record, chunk->last);
    }
    if (!is_first) {
        assert_int_equal(looked->findings[0].first_byte, chunk->plain);
        assert_int_equal(looked->findings[0].byte_count,
                         chunk->plain_end - chunk->plain);
    }
}

static const struct chunk *
chunk_at(size_t at)
{
    for (size_t i = 0; i < it.chunk_count; i++) {
        if (at < it.chunks[i].end)
            return &it.chunks[i];
    }
    fail();
    return NULL;
}

static void
flip__any_single_bit__costs_its_chunk_and_names_it(void **state)
{
    (void)state;
    segment_make(true);
    for (size_t bit = 0; bit < 8 * it.raw_len; bit += STRIDE) {
        struct looked looked;

        it.raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
        look_at(it.raw, it.raw_len, &looked);
        assert_chunk_lost(&looked, it.raw, chunk_at(bit / 8));
        it.raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void
zeros__over_any_chunk__cost_it_and_name_it(void **state)
{
    (void)state;
    segment_make(true);
    for (size_t i = 0; i < it.chunk_count; i++) {
        const struct chunk *chunk = &it.chunks[i];
        uint8_t *bytes = exact_copy(it.raw, it.raw_len);
        struct looked looked;

        memset(bytes + chunk->at, 0, chunk->end - chunk->at);
        look_at(bytes, it.raw_len, &looked);
        assert_chunk_lost(&looked, bytes, chunk);
        free(bytes);
    }
}

static void
byte__deleted_or_inserted_anywhere__costs_its_chunk_at_most(void **state)
{
    uint8_t *bytes = NULL;

    (void)state;
    segment_make(true);
    bytes = malloc(it.raw_len + 1);
    assert_non_null(bytes);
    for (size_t at = 0; at < it.raw_len; at += 3 * STRIDE) {
        const struct chunk *chunk = chunk_at(at);
        struct looked looked;

        /* Before or behind an equal byte of the next chunk: who can tell? */
        if (at + 1 == chunk->end &&
            (it.raw[at] == 0x5A ||
             (chunk->end < it.raw_len && it.raw[at] == it.raw[at + 1])))
            continue;
        memcpy(bytes, it.raw, at);
        memcpy(bytes + at, it.raw + at + 1, it.raw_len - at - 1);
        look_at(bytes, it.raw_len - 1, &looked);
        assert_ok(looked.code);
        assert_lost(&looked, chunk->first, chunk->last);

        bytes[at] = 0x5A;
        memcpy(bytes + at + 1, it.raw + at, it.raw_len - at);
        look_at(bytes, it.raw_len + 1, &looked);
        assert_ok(looked.code);
        /* Between two chunks it harms nobody. */
        assert_lost(&looked, at == chunk->at ? 0 : chunk->first, chunk->last);
    }
    free(bytes);
}

/* Put chunks together in the order given. */
static size_t
chunks_join(uint8_t *out, const size_t *order, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        const struct chunk *chunk = &it.chunks[order[i]];

        memcpy(out + len, it.raw + chunk->at, chunk->end - chunk->at);
        len += chunk->end - chunk->at;
    }
    return len;
}

static void
chunks__dropped_swapped_doubled__never_pass(void **state)
{
    uint8_t *bytes = NULL;

    (void)state;
    segment_make(true);
    bytes = malloc(2 * it.raw_len);
    assert_non_null(bytes);
    for (size_t i = 1; i + 2 < it.chunk_count; i++) {
        size_t order[CHUNKS_MAX + 1];
        struct looked looked;
        size_t count = 0;

        for (size_t k = 0; k < it.chunk_count; k++)
            if (k != i)
                order[count++] = k;
        look_at(bytes, chunks_join(bytes, order, count), &looked);
        assert_chunk_lost(&looked, bytes, &it.chunks[i]);

        for (size_t k = 0; k < it.chunk_count; k++)
            order[k] = k == i ? i + 1 : k == i + 1 ? i : k;
        look_at(bytes, chunks_join(bytes, order, it.chunk_count), &looked);
        assert_chunk_lost(&looked, bytes, &it.chunks[i]);

        count = 0;
        for (size_t k = 0; k < it.chunk_count; k++) {
            order[count++] = k;
            if (k == i)
                order[count++] = k;
        }
        look_at(bytes, chunks_join(bytes, order, count), &looked);
        assert_int_equal(looked.summary.verdict, SEGLOG_VERDICT_OK);
        assert_lost(&looked, 0, 0);
    }
    free(bytes);
}

static void
chunks__of_another_blob__never_pass(void **state)
{
    struct chunk kept[CHUNKS_MAX];
    uint8_t *ours = NULL;
    size_t ours_len = 0;

    (void)state;
    segment_make(true);
    ours = exact_copy(it.raw, it.raw_len);
    ours_len = it.raw_len;
    memcpy(kept, it.chunks, sizeof kept);
    segment_make(true); /* the same records, in a blob of its own */
    assert_int_equal(it.raw_len, ours_len);
    for (size_t i = 1; i < it.chunk_count; i++) {
        const struct chunk *chunk = &it.chunks[i];
        uint8_t *bytes = exact_copy(it.raw, it.raw_len);
        struct looked looked;

        assert_int_equal(chunk->end, kept[i].end);
        memcpy(bytes + chunk->at, ours + chunk->at, chunk->end - chunk->at);
        look_at(bytes, it.raw_len, &looked);
        assert_chunk_lost(&looked, bytes, chunk);
        free(bytes);
    }
    free(ours);
}

/* Records of the chunks that are whole before `len`. */
static uint64_t
records_before(size_t len)
{
    uint64_t last = 0;

    for (size_t i = 0; i < it.chunk_count && it.chunks[i].end <= len; i++)
        if (it.chunks[i].last > last)
            last = it.chunks[i].last;
    return last;
}

static void
cut__at_every_byte__keeps_all_before_and_goes_on(void **state)
{
    (void)state;
    segment_make(false);
    for (size_t len = 0; len <= it.raw_len; len += STRIDE) {
        const uint64_t before = records_before(len);
        struct looked looked;

        look_at(it.raw, len, &looked);
        if (before > 0) {
            assert_ok(looked.code);
            assert_int_equal(looked.records, before);
            assert_true(looked.summary.verdict <= SEGLOG_VERDICT_TORN);
        }
        append_some("damaged", before + 1, RECORDS, true);
        look("damaged", &looked);
        assert_ok(looked.code);
        assert_int_equal(looked.summary.verdict, SEGLOG_VERDICT_OK);
        assert_int_equal(looked.records, RECORDS);
    }
}

/* As a crash leaves it: the size is there, some bytes are not. */
static void
tail__of_zeros__is_torn_and_is_cut(void **state)
{
    (void)state;
    segment_make(false);
    for (size_t from = it.chunks[3].at; from + 16 <= it.raw_len;
         from += 7 * STRIDE) {
        uint8_t *bytes = exact_copy(it.raw, it.raw_len);
        const uint64_t before = records_before(from);
        struct looked looked;

        memset(bytes + from, 0, it.raw_len - from);
        look_at(bytes, it.raw_len, &looked);
        assert_ok(looked.code);
        assert_int_equal(looked.records, before);
        assert_string_equal(seglog_verdict_name(looked.summary.verdict),
                            "TORN");
        append_some("damaged", before + 1, RECORDS, true);
        look("damaged", &looked);
        assert_int_equal(looked.summary.verdict, SEGLOG_VERDICT_OK);
        assert_int_equal(looked.records, RECORDS);
        free(bytes);
    }
}

/* The power went while it was created, and nothing of it but its size is left:
 * there is nothing to be forged. */
static void
file__of_zeros__is_written_anew(void **state)
{
    static const size_t lens[] = { 1, 63, 64, 65, 128, 512, 4096, 20480 };
    static const uint8_t zeros[20480];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        struct looked looked;

        blob_replace(it.below, "damaged", zeros, lens[i]);
        append_some("damaged", 1, RECORDS, true);
        look("damaged", &looked);
        assert_ok(looked.code);
        assert_int_equal(looked.summary.verdict, SEGLOG_VERDICT_OK);
        assert_int_equal(looked.records, RECORDS);
    }
}

/* More than is written at once, or bytes that no crash leaves. */
static void
file__of_something_else__is_refused_and_stays(void **state)
{
    const struct seglog_writer_options options = { .size = sizeof options };
    uint8_t *bytes = calloc(1, 40000);

    (void)state;
    assert_non_null(bytes);
    for (unsigned i = 0; i < 2; i++) {
        const size_t wants = i == 0 ? 40000 : 300;
        struct seglog_writer *writer = NULL;
        size_t len = 0;
        uint8_t *after = NULL;

        if (i == 1)
            test_fill(bytes, wants, 3);
        blob_replace(it.below, "damaged", bytes, wants);
        assert_code(
            seglog_writer_open(it.store, "damaged", &options, &writer, NULL),
            SEGLOG_FORMAT);
        after = blob_read(it.below, "damaged", &len);
        assert_int_equal(len, wants);
        assert_memory_equal(after, bytes, len);
        free(after);
    }
    free(bytes);
}

/* No crash leaves bytes that nobody wrote: whoever appends is told. */
static void
tail__that_was_changed__is_damage_and_is_not_cut(void **state)
{
    const struct seglog_writer_options options = { .size = sizeof options };

    (void)state;
    segment_make(false);
    for (size_t from = it.chunks[3].at; from + 2 < it.raw_len;
         from += 7 * STRIDE) {
        uint8_t *bytes = exact_copy(it.raw, it.raw_len);
        const struct chunk *chunk = chunk_at(from);
        struct seglog_writer *writer = NULL;
        struct looked looked;

        test_fill(bytes + from, it.raw_len - from, from);
        if (is_unwritten(bytes, chunk->at, it.raw_len)) {
            free(bytes);
            continue;
        }
        look_at(bytes, it.raw_len, &looked);
        assert_ok(looked.code);
        assert_int_equal(looked.records, records_before(from));
        assert_string_equal(seglog_verdict_name(looked.summary.verdict),
                            "CORRUPT");
        assert_string_equal(seglog_cause_name(looked.findings[0].cause),
                            "auth");
        assert_code(
            seglog_writer_open(it.store, "damaged", &options, &writer, NULL),
            SEGLOG_CORRUPT);
        assert_null(writer);
        free(bytes);
    }
}

/*
 * Open "damaged" while the reads from the k-th on fail so many times: what could
 * not be read is no damage.  False: there are not so many reads.
 */
static bool
open_with_failing_reads(uint64_t k, unsigned times)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    const struct seglog_writer_options options = { .size = sizeof options };
    struct seglog_faults *faults = seglog_faults_new(it.below);
    struct seglog_store store;
    struct seglog_writer *writer = NULL;
    seglog_code code = SEGLOG_OK;
    uint64_t hits = 0;

    assert_non_null(faults);
    seglog_faults_watch(faults, "damaged");
    assert_ok(seglog_encrypted_store_open(seglog_faults_store(faults), &key,
                                          NULL, &store, NULL));
    for (unsigned i = 0; i < times; i++)
        assert_true(
            seglog_faults_fail(faults, SEGLOG_FAULT_READ, k + i, SEGLOG_IO));
    code = seglog_writer_open(store, "damaged", &options, &writer, NULL);
    hits = seglog_faults_get_hits(faults);
    if (code != SEGLOG_OK)
        assert_code(code, SEGLOG_IO);
    else
        assert_ok(seglog_writer_close(writer, NULL));
    seglog_store_close(&store);
    seglog_faults_free(faults);
    return hits > 0;
}

/* A read that fails in the moment, and once more where it is tried again. */
static void
tail__that_cannot_be_read_once__is_neither_changed_nor_cut_too_much(
    void **state)
{
    const struct chunk *last = NULL;

    (void)state;
    segment_make(false);
    last = &it.chunks[it.chunk_count - 1];
    for (unsigned way = 0; way < 8; way++) {
        const bool is_zeros_tail = way % 2 == 0;
        const unsigned times = 1 + way / 2;
        uint8_t *bytes = exact_copy(it.raw, it.raw_len);

        memset(bytes + it.raw_len - 20, 0, 20);
        for (uint64_t k = 1; k < 1000; k++) {
            struct looked looked;

            blob_replace(it.below, "damaged", bytes,
                         it.raw_len - (is_zeros_tail ? 0 : 20));
            if (!open_with_failing_reads(k, times)) {
                assert_true(k > 1);
                break;
            }
            append_some("damaged", last->first, RECORDS, false);
            look("damaged", &looked);
            assert_int_equal(looked.summary.verdict, SEGLOG_VERDICT_OK);
            assert_int_equal(looked.records, RECORDS);
        }
        free(bytes);
    }
}

/*
 * Where nothing can be cut, whoever appends goes on behind what a crash has
 * left, sectors of the last chunk and not others; no crash leaves flipped bits.
 */
static void
tail__that_is_passed_over__is_torn_still(void **state)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    struct seglog_faults *faults = seglog_faults_new(it.below);
    struct seglog_store own = it.store;

    (void)state;
    assert_non_null(faults);
    segment_make(false);
    seglog_faults_hide(faults, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    assert_ok(seglog_encrypted_store_open(seglog_faults_store(faults), &key,
                                          NULL, &it.store, NULL));
    for (size_t i = 3; i < it.chunk_count; i++) {
        const struct chunk *chunk = &it.chunks[i];
        const size_t edge = chunk->end / 512 * 512;
        uint8_t *bytes = exact_copy(it.raw, it.raw_len);
        struct looked looked;

        if (edge > chunk->at && edge < chunk->end && chunk->first != 0) {
            for (unsigned way = 0; way < 2; way++) {
                memcpy(bytes, it.raw, it.raw_len);
                if (way == 0)
                    memset(bytes + edge, 0, chunk->end - edge);
                else
                    memset(bytes + chunk->at, 0, edge - chunk->at);
                blob_replace(it.below, "damaged", bytes, chunk->end);
                append_some("damaged", chunk->first, RECORDS, true);
                look("damaged", &looked);
                assert_int_equal(looked.records, RECORDS);
                assert_int_equal(looked.finding_count, 1);
                assert_string_equal(seglog_cause_name(looked.findings[0].cause),
                                    "passed-over");
            }
        }
        free(bytes);
    }
    seglog_store_close(&it.store);
    it.store = own;
    seglog_faults_free(faults);
}

static void
reader__of_a_bad_tail__goes_on_once_it_was_written_anew(void **state)
{
    const struct seglog_reader_options options = { .size = sizeof options };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct chunk *last = NULL;

    (void)state;
    segment_make(false);
    last = &it.chunks[it.chunk_count - 1];
    memset(it.raw + last->at, 0, it.raw_len - last->at);
    blob_replace(it.below, "damaged", it.raw, it.raw_len);
    assert_ok(seglog_reader_open(it.store, "damaged", &options, &reader, NULL));
    for (uint64_t n = 1; n < last->first; n++)
        assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    append_some("damaged", last->first, RECORDS, false);
    for (uint64_t n = last->first; n <= RECORDS; n++) {
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.record.record_no, n);
    }
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    seglog_reader_close(reader);
}

static uint64_t
size_of(const char *name)
{
    struct seglog_blob blob;
    uint64_t size = 0;

    assert_ok(seglog_blob_open(it.store, name, SEGLOG_OPEN_READ, &blob, NULL));
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    return size;
}

/*
 * A device that is interrupted in the middle of making the blob below shorter
 * must not bring back what an earlier cut had taken away.
 */
static void
cut__before_an_earlier_one__never_undoes_that(void **state)
{
    struct seglog_blob blob;
    uint8_t *first = NULL;
    uint8_t *second = NULL;
    size_t first_len = 0;
    size_t second_len = 0;

    (void)state;
    assert_ok(seglog_blob_open(
        it.store, "log", SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    assert_ok(seglog_blob_append(blob, 0, "aaaa", 4, NULL, NULL));
    assert_ok(seglog_blob_append(blob, 4, "bbbbcccc", 8, NULL, NULL));
    assert_ok(seglog_blob_truncate(blob, 8, NULL));
    first = blob_read(it.below, "log", &first_len);
    assert_ok(seglog_blob_truncate(blob, 4, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    second = blob_read(it.below, "log", &second_len);
    assert_int_equal(size_of("log"), 4);
    assert_true(second_len >= first_len);
    assert_memory_equal(second, first, first_len);
    for (size_t len = first_len; len <= second_len; len++) {
        blob_replace(it.below, "damaged", second, len);
        assert_int_equal(size_of("damaged"), len == second_len ? 4 : 8);
    }
    free(first);
    free(second);
}

static void
repair__of_a_forged_one__records_the_loss(void **state)
{
    const struct chunk *chunk = NULL;
    struct seglog_scan_summary summary;
    struct looked looked;

    (void)state;
    segment_make(true);
    chunk = &it.chunks[20];
    it.raw[chunk->at + 1] ^= 1;
    blob_replace(it.below, "damaged", it.raw, it.raw_len);
    assert_ok(seglog_repair(it.store, "damaged", it.store, "repaired", NULL,
                            &summary, NULL));
    assert_int_equal(summary.records, RECORDS - 1);
    look("repaired", &looked);
    assert_int_equal(looked.summary.verdict, SEGLOG_VERDICT_OK);
    assert_int_equal(looked.summary.recorded_lost, 1);
    assert_lost(&looked, chunk->first, chunk->last);
}

static int
setup(void **state)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };

    (void)state;
    assert_ok(seglog_store_memory_open(&it.below, NULL));
    return seglog_encrypted_store_open(it.below, &key, &options, &it.store,
                                       NULL) == SEGLOG_OK
               ? 0
               : -1;
}

static int
teardown(void **state)
{
    (void)state;
    free(it.raw);
    seglog_store_close(&it.store);
    memset(&it, 0, sizeof it);
    return 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flip__any_single_bit__costs_its_chunk_and_names_it),
        TEST(zeros__over_any_chunk__cost_it_and_name_it),
        TEST(byte__deleted_or_inserted_anywhere__costs_its_chunk_at_most),
        TEST(chunks__dropped_swapped_doubled__never_pass),
        TEST(chunks__of_another_blob__never_pass),
        TEST(cut__at_every_byte__keeps_all_before_and_goes_on),
        TEST(tail__of_zeros__is_torn_and_is_cut),
        TEST(file__of_zeros__is_written_anew),
        TEST(file__of_something_else__is_refused_and_stays),
        TEST(tail__that_was_changed__is_damage_and_is_not_cut),
        TEST(
            tail__that_cannot_be_read_once__is_neither_changed_nor_cut_too_much),
        TEST(tail__that_is_passed_over__is_torn_still),
        TEST(reader__of_a_bad_tail__goes_on_once_it_was_written_anew),
        TEST(cut__before_an_earlier_one__never_undoes_that),
        TEST(repair__of_a_forged_one__records_the_loss),
    };

    if (!slg_crypt_is_available())
        return 77;
    return cmocka_run_group_tests_name("segment/segment_encrypted", tests, NULL,
                                       NULL);
}
