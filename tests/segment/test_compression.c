/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_compression.c
 *
 * Goal    what is compressed comes back as it was, whoever wrote it and however
 *         often it was opened; damage makes no wrong record, costs at most the
 *         rest of its stretch, and each loss says what it depends on.
 * Method  small segments damaged in every bit; writers in turns; bodies made
 *         by hand that no writer would make.
 */
#include "tests/segment/damage_support.h"
#include "tests/segment/forge_support.h"
#include "tests/segment/writer_support.h"

#include <stdio.h>

#include "format/checksum.h"
#include "src/codec/packer.h"
#include "src/codec/unpacker.h"
#include "src/codec/zrun.h"

#define RECORDS   80u
#define BODY_MAX  512u
#define TEXT_ROOM 4096u

/* Sanitizers are slow: they get a sample of the places. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 23u
#else
#define STRIDE 1u
#endif

/* All tests run once for each codec. */
static enum seglog_codec codec;

static const struct image_plan shapes[] = {
    { .records = RECORDS,
      .payload_len = 60,
      .is_closed = true,
      .sync_log2 = 9 },
    { .records = RECORDS,
      .payload_len = 60,
      .is_synced = true,
      .sync_log2 = 10 },
    { .records = RECORDS,
      .payload_len = 60,
      .is_closed = true,
      .sync_log2 = 9,
      .group = 5 },
    /* Auto begins with deflate and changes to zstd within a stretch. */
    { .records = 12, .payload_len = 900, .is_closed = true, .sync_log2 = 12 },
};

static struct image_plan
plan_of(size_t shape)
{
    struct image_plan plan = shapes[shape];

    plan.codec = codec;
    return plan;
}

static bool
frame_is_compressed(const struct seglog_frame *frame)
{
    return (frame->head & SLG_HEAD_PACKING) != 0;
}

static bool
frame_is_mark(const struct seglog_frame *frame)
{
    return frame->control == SLG_CONTROL_SYNC_POINT ||
           frame->control == SLG_CONTROL_CLOSING_MARK;
}

/* The frame of image that byte `at` is in; frame_count: the header. */
static size_t
frame_at(const struct image *image, size_t at)
{
    size_t i = 0;

    while (i < image->frame_count &&
           at >= image->frames[i].offset + image->frames[i].len)
        i++;
    return at < FORGE_HEADER_BYTES ? image->frame_count : i;
}

/* What the loss of frame number `bad` takes with it. */
static void
check_losses(const struct image *image, size_t bad, struct looked *looked)
{
    const struct seglog_frame *first = &image->frames[bad];
    uint64_t lost = first->count;
    uint64_t dependent = 0;

    for (uint64_t i = 0; i < first->count; i++)
        assert_false(looked->has[first->first_record + i]);
    for (size_t i = bad + 1;
         i < image->frame_count && !frame_is_mark(&image->frames[i]); i++) {
        const struct seglog_frame *frame = &image->frames[i];

        for (uint64_t n = 0; n < frame->count; n++)
            assert_int_equal(looked->has[frame->first_record + n],
                             !frame_is_compressed(frame));
        dependent += frame_is_compressed(frame) ? frame->count : 0;
    }
    assert_int_equal(looked->missing, lost + dependent);
    assert_int_equal(looked->summary.lost, lost + dependent);
    for (size_t i = 0; i < looked->finding_count; i++) {
        const struct seglog_finding *finding = &looked->findings[i];

        if (finding->cause != SEGLOG_CAUSE_DEPENDS_ON) {
            assert_int_equal(finding->first_record, first->first_record);
            lost -= finding->last_record - finding->first_record + 1;
            continue;
        }
        assert_string_equal(seglog_verdict_name(finding->verdict), "CORRUPT");
        assert_int_equal(finding->depends_on, first->first_record);
        assert_true(finding->first_byte >= first->offset + first->len);
        dependent -= finding->last_record - finding->first_record + 1;
    }
    assert_int_equal(lost, 0);
    assert_int_equal(dependent, 0);
}

static void
flip__any_single_bit__costs_at_most_the_rest_of_its_stretch(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(shapes); p++) {
        const struct image_plan plan = plan_of(p);
        struct image image;
        struct looked looked;

        image_make(&image, &plan);
        for (size_t bit = 0; bit < 8 * image.len; bit += STRIDE) {
            const size_t bad = frame_at(&image, bit / 8);
            const bool is_last =
                !plan.is_closed && bad + 1 == image.frame_count;

            image.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            image_look(&image, image.bytes, image.len, 0, &looked);
            image.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_string_equal(seglog_verdict_name(looked.summary.verdict),
                                is_last ? "TORN" : "CORRUPT");
            if (bad == image.frame_count || frame_is_mark(&image.frames[bad]))
                assert_nothing_lost(&looked);
            else if (!is_last)
                check_losses(&image, bad, &looked);
        }
        image_free(&image);
    }
}

static void
cut__at_every_length__keeps_all_before(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(shapes); p++) {
        const struct image_plan plan = plan_of(p);
        struct image image;
        struct looked looked;

        image_make(&image, &plan);
        for (size_t len = FORGE_HEADER_BYTES; len < image.len; len += STRIDE) {
            uint64_t before = 0;

            for (size_t i = 0; i < image.frame_count; i++) {
                const struct seglog_frame *frame = &image.frames[i];

                if (frame->offset + frame->len <= len)
                    before += frame->count;
            }
            image_look(&image, image.bytes, len, 0, &looked);
            assert_int_equal(looked.records, before);
            assert_int_equal(looked.summary.lost, 0);
        }
        image_free(&image);
    }
}

static void
insert__any_byte__costs_at_most_the_rest_of_its_stretch(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(shapes); p++) {
        const struct image_plan plan = plan_of(p);
        struct image image;
        struct looked looked;

        image_make(&image, &plan);
        uint8_t *bytes = malloc(image.len + 1);
        assert_non_null(bytes);
        for (size_t at = FORGE_HEADER_BYTES; at < image.len; at += STRIDE) {
            const size_t bad = frame_at(&image, at);
            const bool is_between = at == image.frames[bad].offset;

            memcpy(bytes, image.bytes, at);
            /* Not one that could as well stand one place further. */
            bytes[at] = 'z';
            while (bytes[at] == image.bytes[at] ||
                   bytes[at] == image.bytes[at - 1])
                bytes[at]++;
            memcpy(bytes + at + 1, image.bytes + at, image.len - at);
            image_look(&image, bytes, image.len + 1, 0, &looked);
            /* Between two frames it takes nothing with it. */
            if (is_between || frame_is_mark(&image.frames[bad]))
                assert_nothing_lost(&looked);
            else if (plan.is_closed || bad + 1 < image.frame_count)
                check_losses(&image, bad, &looked);
        }
        free(bytes);
        image_free(&image);
    }
}

static void
header__lost__costs_nothing(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(shapes); p++) {
        const struct image_plan plan = plan_of(p);
        struct image image;
        struct looked looked;

        image_make(&image, &plan);
        memset(image.bytes, 0x55, FORGE_HEADER_BYTES);
        image_look(&image, image.bytes, image.len, 0, &looked);
        assert_nothing_lost(&looked);
        assert_true(looked.summary.is_header_lost);
        image_free(&image);
    }
}

/* -- writing --------------------------------------------------------------- */

static struct seglog_writer_options
codec_options(void)
{
    struct seglog_writer_options options = writer_options_fixed();

    options.codec = codec;
    options.sync_log2 = 10;
    return options;
}

/* Now and then a record that cannot be compressed, and an empty one; and for
 * a while long ones. */
static size_t
text_of(uint64_t number, char text[TEXT_ROOM])
{
    if (number % 150 > 100 && number % 3 != 0) {
        const size_t len = 1000 + (size_t)(number * 7919 % 3000);

        for (size_t i = 0; i < len; i++)
            text[i] = "some words that come again and again"[i * i / 64 % 36];
        (void)snprintf(text, TEXT_ROOM, "%u,", (unsigned)number);
        return len;
    }
    if (number % 17 == 0) {
        test_fill(text, 40, number);
        return 40;
    }
    if (number % 23 == 0)
        return 0;
    return (size_t)snprintf(
        text, TEXT_ROOM,
        "{\"time\":\"2024-05-01T12:%02u:%02uZ\",\"level\":\"info\","
        "\"message\":\"request %u served\",\"status\":200}",
        (unsigned)(number / 60 % 60), (unsigned)(number % 60),
        (unsigned)number);
}

static void
append_numbered(struct seglog_writer *writer, uint64_t number)
{
    char text[TEXT_ROOM];
    const size_t len = text_of(number, text);
    struct seglog_error err = { 0 };
    uint64_t got = 0;

    assert_code_err(seglog_writer_append(writer, SEGLOG_BYTES, text, len,
                                         SEGLOG_LEVEL_FLUSH, &got, &err),
                    SEGLOG_OK, &err);
    assert_int_equal(got, number);
}

static void
record_is_right(const struct seglog_record *record, uint64_t number)
{
    char text[TEXT_ROOM];
    const size_t len = text_of(number, text);

    assert_int_equal(record->record_no, number);
    assert_int_equal(record->len, len);
    if (len > 0)
        assert_memory_equal(record->data, text, len);
}

/* Whole, and 1 to last; returns its size. */
static uint64_t
check_segment(struct seglog_store store, uint64_t last)
{
    struct seglog_scan_summary summary;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;

    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_string_equal(seglog_verdict_name(summary.verdict), "OK");
    assert_int_equal(summary.records, last);
    assert_true(summary.compressed_frames > 0);
    assert_true(summary.body_bytes < summary.payload_bytes);
    assert_ok(seglog_reader_open(store, "log", NULL, &reader, NULL));
    for (uint64_t n = 1; n <= last; n++) {
        assert_ok(seglog_reader_next(reader, &event, NULL));
        record_is_right(&event.record, n);
    }
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    for (uint64_t n = last; n > 0; n -= n > 7 ? 7 : n) {
        assert_ok(seglog_reader_seek(reader, n, NULL));
        assert_ok(seglog_reader_next(reader, &event, NULL));
        record_is_right(&event.record, n);
    }
    seglog_reader_close(reader);
    return summary.bytes;
}

static uint64_t
size_of_one_writer(void)
{
    const struct seglog_writer_options options = codec_options();
    struct seglog_store store;
    uint64_t size = 0;

    assert_ok(seglog_store_memory_open(&store, NULL));
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    for (uint64_t n = 1; n <= 500; n++)
        append_numbered(writer, n);
    assert_ok(seglog_writer_close(writer, NULL));
    size = check_segment(store, 500);
    seglog_store_close(&store);
    return size;
}

static void
writers__taking_turns__lose_neither_records_nor_compression(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = codec_options();
    struct seglog_writer *writers[3];
    struct seglog_reader *reader = NULL;
    struct seglog_event event;

    options.mode = SEGLOG_WRITER_SHARED;
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        writers[i] = writer_open_ok(store, "log", &options);
    assert_ok(seglog_reader_open(store, "log", NULL, &reader, NULL));
    for (uint64_t n = 1; n <= 500; n++) {
        append_numbered(writers[(n * n + n / 5) % COUNT_OF(writers)], n);
        /* A reader beside them gets each at once. */
        assert_ok(seglog_reader_next(reader, &event, NULL));
        record_is_right(&event.record, n);
        assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    }
    seglog_reader_close(reader);
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        assert_ok(seglog_writer_close(writers[i], NULL));
    assert_true(check_segment(store, 500) <= size_of_one_writer() * 115 / 100);
}

/* Where it stands somebody else's run goes on, which it has not written. */
static void
writer__that_only_looked__reads_on_in_the_run_of_another(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = codec_options();
    struct seglog_writer *writers[2];
    uint64_t n = 1;

    options.mode = SEGLOG_WRITER_SHARED;
    options.sync_log2 = 16;
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        writers[i] = writer_open_ok(store, "log", &options);
    for (unsigned round = 0; round < 60; round++) {
        const size_t who = round / 7 % 2;

        for (unsigned i = 0; i <= round % 3; i++)
            append_numbered(writers[who], n++);
        assert_ok(seglog_writer_hold(writers[1 - who], NULL));
        seglog_writer_release(writers[1 - who]);
    }
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        assert_ok(seglog_writer_close(writers[i], NULL));
    (void)check_segment(store, n - 1);
}

static void
writers__opened_for_each_record__lose_neither(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = codec_options();

    for (uint64_t n = 1; n <= 500; n++) {
        options.mode =
            n % 3 == 0 ? SEGLOG_WRITER_EXCLUSIVE : SEGLOG_WRITER_SHARED;
        options.no_closing_mark = true;
        /* An existing segment keeps its own codec. */
        options.codec = n == 1 ? codec : SEGLOG_CODEC_NONE;
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        append_numbered(writer, n);
        assert_ok(seglog_writer_close(writer, NULL));
    }
    assert_true(check_segment(store, 500) <= size_of_one_writer() * 115 / 100);
}

static void
groups__of_every_size__come_back(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = codec_options();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    uint64_t n = 1;

    for (size_t count = 1; count < 24; count++) {
        char texts[24][TEXT_ROOM];
        struct seglog_item items[24];

        for (size_t i = 0; i < count; i++, n++)
            items[i] = (struct seglog_item){ SEGLOG_BYTES, texts[i],
                                             text_of(n, texts[i]) };
        assert_ok(seglog_writer_append_group(
            writer, items, count,
            count % 2 == 0 ? SEGLOG_LEVEL_APPEND : SEGLOG_LEVEL_FLUSH, NULL,
            NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
    (void)check_segment(store, n - 1);
}

static void
truncate__to_any_record__goes_on_behind_it(void **state)
{
    for (uint64_t next = 1; next <= 40; next++) {
        struct seglog_store store;
        const struct seglog_writer_options options = codec_options();

        (void)state;
        assert_ok(seglog_store_memory_open(&store, NULL));
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        for (uint64_t n = 1; n <= 40; n += 4) {
            char texts[4][TEXT_ROOM];
            struct seglog_item items[4];

            for (size_t i = 0; i < 4; i++)
                items[i] = (struct seglog_item){ SEGLOG_BYTES, texts[i],
                                                 text_of(n + i, texts[i]) };
            assert_ok(
                seglog_writer_append_group(writer, items, n % 3 == 0 ? 4 : 1,
                                           SEGLOG_LEVEL_FLUSH, NULL, NULL));
            for (size_t i = 1; n % 3 != 0 && i < 4; i++)
                append_numbered(writer, n + i);
        }
        assert_ok(seglog_writer_truncate(writer, next, NULL));
        for (uint64_t n = next; n <= 60; n++)
            append_numbered(writer, n);
        assert_ok(seglog_writer_close(writer, NULL));
        (void)check_segment(store, 60);
        seglog_store_close(&store);
    }
}

static void
repair__a_damaged_one__stays_compressed(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = codec_options();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_scan_summary summary;
    struct seglog_scan_summary repaired;
    size_t len = 0;

    for (uint64_t n = 1; n <= 200; n++)
        append_numbered(writer, n);
    assert_ok(seglog_writer_close(writer, NULL));
    uint8_t *bytes = blob_read(store, "log", &len);
    bytes[1500] ^= 4;
    blob_write(store, "log", bytes, len);
    free(bytes);
    assert_ok(seglog_repair(store, "log", store, "new", NULL, &summary, NULL));
    assert_true(summary.lost > 1);
    assert_ok(seglog_scan(store, "new", NULL, &repaired, NULL));
    assert_string_equal(seglog_verdict_name(repaired.verdict), "OK");
    assert_int_equal(repaired.records, summary.records);
    assert_int_equal(repaired.recorded_lost, summary.lost);
    assert_int_equal(repaired.features_refuse,
                     codec == SEGLOG_CODEC_DEFLATE
                         ? SLG_REFUSE_COMPRESSED
                         : SLG_REFUSE_COMPRESSED | SLG_REFUSE_ZSTD);
    assert_true(repaired.compressed_frames > 0);
}

/* The damage is told of, and so is what is appended behind it. */
static void
reader__what_is_appended_behind_damage__is_told_to_depend_on_it(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_reader_options salvage = { .size = sizeof salvage,
                                                   .salvage = true };
    struct image image;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    const struct image_plan plan = { .records = 20,
                                     .payload_len = 60,
                                     .codec = codec };

    image_make(&image, &plan);
    const struct seglog_frame *bad = &image.frames[image.frame_of[5]];
    const size_t half = (size_t)image.frames[image.frame_of[10]].offset;
    image.bytes[bad->body_offset] ^= 1;
    blob_write(store, "log", image.bytes, half);
    assert_ok(seglog_reader_open(store, "log", &salvage, &reader, NULL));
    for (uint64_t n = 1; n <= 4; n++) {
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.record.record_no, n);
    }
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.finding.first_record, 5);
    assert_int_equal(event.finding.last_record, 5);
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.finding.cause, SEGLOG_CAUSE_DEPENDS_ON);
    assert_int_equal(event.finding.first_record, 6);
    assert_int_equal(event.finding.last_record, 9);
    assert_int_equal(event.finding.depends_on, 5);
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    blob_write(store, "log", image.bytes, image.len);
    for (uint64_t n = 10; n <= 20; n++) {
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.type, SEGLOG_EVENT_GAP);
        assert_int_equal(event.finding.cause, SEGLOG_CAUSE_DEPENDS_ON);
        assert_int_equal(event.finding.first_record, n);
        assert_int_equal(event.finding.depends_on, 5);
    }
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    seglog_reader_close(reader);
    image_free(&image);
}

static void
options__out_of_range__are_invalid(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = codec_options();
    struct seglog_writer *writer = NULL;

    options.level = codec == SEGLOG_CODEC_DEFLATE ? 10 : 20;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
    options.level = 9;
    options.codec = (enum seglog_codec)4;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
}

/* -- bodies that no writer makes ------------------------------------------- */

static void
forge_compressed(struct forge *forge, unsigned kind, enum slg_packing packing,
                 const void *body, size_t len, uint64_t count)
{
    uint8_t frame[2 * BODY_MAX];
    const size_t head_len =
        slg_frame_put_head(frame, kind, false, (uint32_t)len);

    frame[0] |= (uint8_t)packing;
    memcpy(frame + head_len, body, len);
    forge_raw(forge, frame,
              slg_frame_finish(frame, head_len, (uint32_t)len, &forge->limits,
                               forge->number,
                               slg_salt(forge_identity, forge->epoch)));
    forge->number += count;
    forge->line += count;
}

/* What a scan says of a segment with this body as record 2 (and on). */
static void
assert_packed(unsigned kind, enum slg_packing packing, const void *body,
              size_t len, uint64_t count, bool is_good)
{
    struct slg_header header = forge_header();
    struct seglog_scan_summary summary;
    struct seglog_store store;
    struct forge forge;

    header.features_refuse = SLG_REFUSE_COMPRESSED;
    if (codec != SEGLOG_CODEC_DEFLATE)
        header.features_refuse |= SLG_REFUSE_ZSTD;
    header.body_log2 = 9;
    forge_start_with(&forge, &header);
    (void)forge_text(&forge, "the first one");
    forge_compressed(&forge, kind, packing, body, len, count);
    (void)forge_text(&forge, "the last one");
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", forge.bytes, forge.len);
    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_int_equal(summary.records, is_good ? 2 + count : 2);
    assert_int_equal(summary.lost, is_good ? 0 : count);
    assert_int_equal(summary.findings, is_good ? 0 : 1);
    seglog_store_close(&store);
    forge_free(&forge);
}

static enum slg_packing
packing_used(void)
{
    return codec == SEGLOG_CODEC_ZSTD ? SLG_PACKING_FIRST : SLG_PACKING_DEFLATE;
}

static void
assert_body(unsigned kind, const void *body, size_t len, uint64_t count,
            bool is_good)
{
    assert_packed(kind, packing_used(), body, len, count, is_good);
}

static struct slg_packer *
packer_new(int level)
{
    const struct slg_packer_plan plan = {
        .level = level,
        .with_deflate = codec != SEGLOG_CODEC_ZSTD,
        .with_zstd = codec != SEGLOG_CODEC_DEFLATE,
    };
    struct slg_packer *packer = slg_packer_new(&plan);

    assert_non_null(packer);
    return packer;
}

static size_t
pack(const void *data, size_t len, uint8_t *out)
{
    const struct slg_packer_plan plan = {
        .level = 9,
        .with_deflate = codec != SEGLOG_CODEC_ZSTD,
        .with_zstd = codec == SEGLOG_CODEC_ZSTD,
    };
    struct slg_packer *packer = slg_packer_new(&plan);
    struct slg_packed packed;

    assert_non_null(packer);
    assert_true(slg_packer_run(packer, data, len, BODY_MAX, &packed));
    memcpy(out, packed.bytes, packed.len);
    len = packed.len;
    slg_packer_free(packer);
    return len;
}

static void
bomb__over_the_limit_of_a_record__is_corrupt(void **state)
{
    static const uint8_t zeros[1 << 16];
    static const size_t sizes[] = { 20, 511, 512, 513, 1024, 1 << 16 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t body[BODY_MAX];
        const size_t len = pack(zeros, sizes[i], body);

        assert_body(SLG_FRAME_BYTES, body, len, 1, sizes[i] <= BODY_MAX);
    }
}

static void
group__not_one_inside__is_corrupt(void **state)
{
    static const uint8_t good[] = { 12 << 2, 'a', 'a', 'a', 'a', 'a', 'a', 'a',
                                    'a',     'a', 'a', 'a', 'a', 4,   'd' };
    static const uint8_t more[] = { 12 << 2, 'a', 'a', 'a', 'a', 'a', 'a', 'a',
                                    'a',     'a', 'a', 'a', 'a', 4,   'd', 0 };
    static const uint8_t less[] = { 12 << 2, 'a', 'a', 'a', 'a', 'a', 'a',
                                    'a',     'a', 'a', 'a', 'a', 'a' };
    uint8_t body[BODY_MAX] = { 2 };
    size_t len = pack(good, sizeof good, body + 1);

    (void)state;
    assert_body(SLG_FRAME_GROUP, body, 1 + len, 2, true);
    len = pack(more, sizeof more, body + 1);
    assert_body(SLG_FRAME_GROUP, body, 1 + len, 2, false);
    len = pack(less, sizeof less, body + 1);
    assert_body(SLG_FRAME_GROUP, body, 1 + len, 2, false);
}

static void
body__no_whole_blocks__is_corrupt(void **state)
{
    static const uint8_t text[] = "some text, some text and more of the text";
    uint8_t body[BODY_MAX];
    const size_t len = pack(text, sizeof text, body);
    /* A stored block, not the last one; and the same as the last one. */
    static const uint8_t stored[] = { 0x00, 0x01, 0x00, 0xFE, 0xFF, 'x', 0x00 };
    static const uint8_t final[] = { 0x01, 0x01, 0x00, 0xFE, 0xFF, 'x', 0x00 };
    /* The start of a block in fixed codes; and a distance behind nothing. */
    static const uint8_t open[] = { 0x4A };
    static const uint8_t far[] = { 0x02, 0x9E, 0x01 };

    (void)state;
    assert_body(SLG_FRAME_BYTES, body, len, 1, true);
    assert_body(SLG_FRAME_BYTES, body, 0, 1, false);
    for (size_t i = 1; i < len; i++)
        assert_body(SLG_FRAME_BYTES, body, i, 1, false);
    if (codec == SEGLOG_CODEC_ZSTD)
        return;
    assert_body(SLG_FRAME_BYTES, stored, sizeof stored, 1, true);
    assert_body(SLG_FRAME_BYTES, final, sizeof final, 1, false);
    assert_body(SLG_FRAME_BYTES, stored, 6, 1, false);
    assert_body(SLG_FRAME_BYTES, open, sizeof open, 1, false);
    assert_body(SLG_FRAME_BYTES, far, sizeof far, 1, false);
}

static void
run__of_forged_blocks__is_as_specified(void **state)
{
    /* Raw blocks of one byte, one of a run of 9, and the same as the last. */
    static const uint8_t raw[] = { 8, 0, 0, 'x' };
    static const uint8_t two[] = { 8, 0, 0, 'x', 8, 0, 0, 'y' };
    static const uint8_t rle[] = { 9 << 3 | 2, 0, 0, 'x' };
    static const uint8_t last[] = { 9, 0, 0, 'x' };
    static const uint8_t reserved[] = { 8 | 6, 0, 0, 'x' };
    static const uint8_t bomb[] = { 2, 0, 16, 'x' };
    static const uint8_t many[] = { 2, 16, 0, 'x' };
    static const uint8_t empty[] = { 0, 0, 0 };
    /* A frame's header is none of its business. */
    static const uint8_t whole[] = { 0x28, 0xB5, 0x2F, 0xFD, 0x00,
                                     0x50, 8,    0,    0,    'x' };

    (void)state;
    if (codec == SEGLOG_CODEC_DEFLATE)
        return;
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, raw, sizeof raw, 1, true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, two, sizeof two, 1, true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, rle, sizeof rle, 1, true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, many, sizeof many, 1,
                  true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, empty, sizeof empty, 1,
                  true);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, last, sizeof last, 1,
                  false);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, reserved, sizeof reserved,
                  1, false);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, bomb, sizeof bomb, 1,
                  false);
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, whole, sizeof whole, 1,
                  false);
    for (size_t i = 0; i < sizeof two; i++)
        assert_packed(SLG_FRAME_BYTES, SLG_PACKING_FIRST, two, i, 1, i == 4);
    /* No run is on behind a body that is not compressed. */
    assert_packed(SLG_FRAME_BYTES, SLG_PACKING_NEXT, raw, sizeof raw, 1, false);
}

/* Record 3 goes on in the run of record 1 unless record 2 has ended it. */
static void
assert_run(enum slg_packing packing, const void *body, size_t len, bool is_good)
{
    static const uint8_t raw[] = { 8, 0, 0, 'x' };
    struct slg_header header = forge_header();
    struct seglog_scan_summary summary;
    struct seglog_store store;
    struct forge forge;

    header.features_refuse = SLG_REFUSE_COMPRESSED | SLG_REFUSE_ZSTD;
    forge_start_with(&forge, &header);
    forge_compressed(&forge, SLG_FRAME_BYTES, SLG_PACKING_FIRST, raw,
                     sizeof raw, 1);
    forge_compressed(&forge, SLG_FRAME_BYTES, packing, body, len, 1);
    forge_compressed(&forge, SLG_FRAME_BYTES, SLG_PACKING_NEXT, raw, sizeof raw,
                     1);
    (void)forge_text(&forge, "the last one");
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", forge.bytes, forge.len);
    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_int_equal(summary.records, is_good ? 4 : 3);
    assert_int_equal(summary.lost, is_good ? 0 : 1);
    seglog_store_close(&store);
    forge_free(&forge);
}

static void
run__what_ends_it__is_as_specified(void **state)
{
    static const uint8_t raw[] = { 8, 0, 0, 'x' };
    static const uint8_t stored[] = { 0x00, 0x01, 0x00, 0xFE, 0xFF, 'x', 0x00 };

    (void)state;
    if (codec == SEGLOG_CODEC_DEFLATE)
        return;
    assert_run(SLG_PACKING_NEXT, raw, sizeof raw, true);
    assert_run(SLG_PACKING_FIRST, raw, sizeof raw, true);
    assert_run(SLG_PACKING_NONE, raw, 0, true);
    assert_run(SLG_PACKING_NONE, raw, sizeof raw, false);
    assert_run(SLG_PACKING_DEFLATE, stored, sizeof stored, false);
}

/* -- the codec by itself ---------------------------------------------------- */

/* Another packer, or a copy of the unpacker, goes on from here. */
static void
hand_over(struct slg_packer **packer, struct slg_unpacker **unpacker,
          unsigned i)
{
    struct slg_history history;
    struct slg_unpacker *other = slg_unpacker_new(SLG_HISTORY_ZSTD_BYTES);

    assert_non_null(other);
    if (i % 2 == 0) {
        slg_history_init(&history, 0);
        assert_true(slg_history_copy(&history, slg_packer_lend(*packer)));
        slg_packer_free(*packer);
        *packer = packer_new(1 + (int)i % 9);
        assert_true(slg_packer_load(*packer, &history));
        assert_true(slg_unpacker_load(other, &history));
        slg_history_reset(&history);
    } else {
        assert_true(slg_unpacker_copy(other, *unpacker));
    }
    slg_unpacker_free(*unpacker);
    *unpacker = other;
}

static void
unpack_is(struct slg_unpacker *unpacker, const struct slg_packed *packed,
          const uint8_t *data, size_t len)
{
    const struct slg_unpack_in in = {
        .packing = packed->packing,
        .prefix = (const uint8_t *)"ab",
        .prefix_len = 2,
        .bytes = packed->bytes,
        .len = packed->len,
    };
    const uint8_t *out = NULL;
    size_t out_len = 0;

    assert_int_equal(slg_unpacker_run(unpacker, &in, len + 2, &out, &out_len),
                     SLG_UNPACK_OK);
    assert_int_equal(out_len, len + 2);
    assert_memory_equal(out, "ab", 2);
    assert_memory_equal(out + 2, data, len);
    assert_true(slg_unpacker_accept(unpacker));
}

static void
codec__any_bodies_with_breaks__come_back(void **state)
{
    struct slg_packer *packer = packer_new(6);
    struct slg_unpacker *unpacker = slg_unpacker_new(SLG_HISTORY_ZSTD_BYTES);
    uint8_t *data = malloc(1500000);
    uint64_t seed = 1;

    (void)state;
    assert_true(unpacker && data);
    for (unsigned i = 0; i < 400; i++) {
        struct slg_packed packed;
        size_t len = test_random(&seed) % 900;

        if (i % 31 == 0)
            len = 30000 + test_random(&seed) % 150000;
        if (i % 97 == 96)
            len = 1000000 + test_random(&seed) % 500000;
        for (size_t j = 0; j < len; j++)
            data[j] = (uint8_t)(j % 7 == 0 ? test_random(&seed) : j % 50);
        /* Now and then another one goes on, or all starts anew. */
        if (i % 150 == 149) {
            slg_packer_clear(packer);
            slg_unpacker_clear(unpacker);
        } else if (i % 7 == 6) {
            hand_over(&packer, &unpacker, i);
        }
        /* What somebody else has written in between. */
        if (i % 11 == 3 && len < SLG_HISTORY_BYTES) {
            assert_true(slg_history_add(slg_packer_lend(packer), data, len));
            slg_packer_take_back(packer);
            assert_true(slg_unpacker_add(unpacker, data, len));
            if (len > 0)
                data[len / 2]++;
        }
        assert_true(slg_packer_run(packer, data, len,
                                   i % 13 == 5 ? len / 2 : SIZE_MAX, &packed));
        if (packed.packing == SLG_PACKING_NONE) {
            assert_ptr_equal(packed.bytes, data);
            assert_true(slg_unpacker_add(unpacker, data, len));
        } else {
            unpack_is(unpacker, &packed, data, len);
        }
    }
    slg_packer_free(packer);
    slg_unpacker_free(unpacker);
    free(data);
}

/* What does not come off leaves the bytes before it, and ends a run. */
static void
codec__a_body_over_the_limit__changes_nothing(void **state)
{
    struct slg_packer *packer = packer_new(6);
    struct slg_unpacker *unpacker = slg_unpacker_new(SLG_HISTORY_ZSTD_BYTES);
    static uint8_t data[20000];
    const uint8_t *out = NULL;
    size_t out_len = 0;

    (void)state;
    assert_non_null(unpacker);
    for (unsigned i = 0; i < 40; i++) {
        struct slg_packed packed;
        struct slg_unpack_in in = { .prefix = NULL };

        for (size_t j = 0; j < sizeof data; j++)
            data[j] = (uint8_t)(j % (50 + i));
        assert_true(
            slg_packer_run(packer, data, sizeof data, SIZE_MAX, &packed));
        in.packing = packed.packing;
        in.bytes = packed.bytes;
        in.len = packed.len;
        for (unsigned again = 0; again < 2; again++)
            assert_int_equal(slg_unpacker_run(unpacker, &in, sizeof data - 1,
                                              &out, &out_len),
                             SLG_UNPACK_BAD);
        if (packed.packing == SLG_PACKING_NEXT)
            assert_int_equal(
                slg_unpacker_run(unpacker, &in, sizeof data, &out, &out_len),
                SLG_UNPACK_BAD);
        else
            assert_int_equal(
                slg_unpacker_run(unpacker, &in, sizeof data, &out, &out_len),
                SLG_UNPACK_OK);
        if (packed.packing == SLG_PACKING_NEXT)
            assert_true(slg_unpacker_add(unpacker, data, sizeof data));
        else
            assert_true(slg_unpacker_accept(unpacker));
    }
    slg_packer_free(packer);
    slg_unpacker_free(unpacker);
}

/*
 * Whoever reads on from where a history was lent may have to start elsewhere.
 * As many marks and some more bytes do not make what it brings back what
 * follows the bytes that the packer has seen.
 */
static void
codec__another_history_brought_back__is_what_counts(void **state)
{
    struct slg_packer *packer = packer_new(6);
    struct slg_unpacker *unpacker = slg_unpacker_new(SLG_HISTORY_ZSTD_BYTES);
    struct slg_history other;
    struct slg_packed packed;
    uint8_t seen[100];
    uint8_t read[150];

    (void)state;
    assert_non_null(unpacker);
    test_fill(seen, sizeof seen, 1);
    test_fill(read, sizeof read, 2);
    memset(seen, 'x', 60);
    assert_true(slg_packer_run(packer, seen, sizeof seen, SIZE_MAX, &packed));
    slg_history_init(&other, SLG_HISTORY_ZSTD_BYTES);
    assert_true(slg_history_add(&other, read, sizeof read));
    assert_true(slg_history_copy(slg_packer_lend(packer), &other));
    slg_packer_take_back(packer);
    assert_true(slg_unpacker_load(unpacker, &other));
    assert_true(slg_packer_run(packer, seen, sizeof seen, SIZE_MAX, &packed));
    assert_true(packed.packing != SLG_PACKING_NONE);
    unpack_is(unpacker, &packed, seen, sizeof seen);
    slg_packer_free(packer);
    slg_unpacker_free(unpacker);
    slg_history_reset(&other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            flip__any_single_bit__costs_at_most_the_rest_of_its_stretch),
        cmocka_unit_test(cut__at_every_length__keeps_all_before),
        cmocka_unit_test(
            insert__any_byte__costs_at_most_the_rest_of_its_stretch),
        cmocka_unit_test(header__lost__costs_nothing),
        on_memory(writers__taking_turns__lose_neither_records_nor_compression),
        on_file(writers__taking_turns__lose_neither_records_nor_compression),
        on_memory(writer__that_only_looked__reads_on_in_the_run_of_another),
        on_memory(writers__opened_for_each_record__lose_neither),
        on_file(writers__opened_for_each_record__lose_neither),
        on_memory(groups__of_every_size__come_back),
        cmocka_unit_test(truncate__to_any_record__goes_on_behind_it),
        on_memory(repair__a_damaged_one__stays_compressed),
        on_memory(
            reader__what_is_appended_behind_damage__is_told_to_depend_on_it),
        on_memory(options__out_of_range__are_invalid),
        cmocka_unit_test(bomb__over_the_limit_of_a_record__is_corrupt),
        cmocka_unit_test(group__not_one_inside__is_corrupt),
        cmocka_unit_test(body__no_whole_blocks__is_corrupt),
        cmocka_unit_test(run__of_forged_blocks__is_as_specified),
        cmocka_unit_test(run__what_ends_it__is_as_specified),
        cmocka_unit_test(codec__any_bodies_with_breaks__come_back),
        cmocka_unit_test(codec__a_body_over_the_limit__changes_nothing),
        cmocka_unit_test(codec__another_history_brought_back__is_what_counts),
    };

    int failed = 0;

    codec = SEGLOG_CODEC_DEFLATE;
    failed = cmocka_run_group_tests_name("segment/compression deflate", tests,
                                         NULL, NULL);
    if (!slg_zrun_is_there())
        return failed;
    codec = SEGLOG_CODEC_ZSTD;
    failed += cmocka_run_group_tests_name("segment/compression zstd", tests,
                                          NULL, NULL);
    codec = SEGLOG_CODEC_AUTO;
    failed += cmocka_run_group_tests_name("segment/compression auto", tests,
                                          NULL, NULL);
    return failed;
}
