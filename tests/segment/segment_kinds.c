/* SPDX-License-Identifier: MIT */
/* tests/segment/segment_kinds.c - segments of every kind. */
#include "tests/segment/segment_kinds.h"

#include "format/control.h"
#include "format/header.h"
#include "seglog/dictionary.h"
#include "seglog/seal.h"
#include "tests/segment/forge_support.h"
#include "tests/segment/seal_support.h"

#define NAME   KIND_NAME
#define PARENT KIND_PARENT
#define COPY   "copy"

static void
put_forge(struct seglog_store store, struct forge *forge)
{
    blob_replace(store, NAME, forge->bytes, forge->len);
    forge_free(forge);
}

void
kind_make_sound(struct seglog_store store)
{
    struct forge forge;

    forge_forty(&forge, true, 30);
    put_forge(store, &forge);
}

static void
make_open(struct seglog_store store)
{
    struct forge forge;

    forge_forty(&forge, false, 30);
    put_forge(store, &forge);
}

static void
make_damaged(struct seglog_store store)
{
    struct forge forge;

    forge_forty(&forge, true, 30);
    forge.bytes[500] ^= 4;
    memset(forge.bytes + 2000, 0, 600);
    put_forge(store, &forge);
}

static void
make_headless(struct seglog_store store)
{
    struct forge forge;

    forge_forty(&forge, true, 30);
    memset(forge.bytes, 0xEE, FORGE_HEADER_BYTES);
    put_forge(store, &forge);
}

static void
make_nearly_headless(struct seglog_store store)
{
    struct forge forge;

    forge_forty(&forge, true, 30);
    forge.bytes[20] ^= 8;
    forge.bytes[3500] ^= 8;
    put_forge(store, &forge);
}

static void
make_anonymous(struct seglog_store store)
{
    struct forge forge;

    forge_start(&forge);
    forge_fill(&forge, 20, 40);
    memset(forge.bytes, 0xEE, FORGE_HEADER_BYTES);
    put_forge(store, &forge);
}

static void
make_disordered(struct seglog_store store)
{
    struct forge forge;
    uint8_t frame[106];

    forge_forty(&forge, true, 30);
    uint8_t *at = forge.bytes + FORGE_HEADER_BYTES + 5 * sizeof frame;
    memcpy(frame, at, sizeof frame);
    memmove(at, at + sizeof frame, 10 * sizeof frame);
    memcpy(at + 10 * sizeof frame, frame, sizeof frame);
    put_forge(store, &forge);
}

static void
make_shifted(struct seglog_store store)
{
    struct forge forge;
    size_t len;

    forge_forty(&forge, true, 30);
    uint8_t *bytes = forge_moved(&forge, 1000, 7, &len);
    blob_replace(store, NAME, bytes, len);
    free(bytes);
    forge_free(&forge);
}

/* Several windows long, with damage of every length. */
static void
make_large(struct seglog_store store)
{
    struct forge forge;

    forge_start(&forge);
    for (unsigned i = 0; i < 4; i++) {
        forge_fill(&forge, 500, 100);
        forge.watermark = forge.number - 1;
        (void)forge_sync(&forge);
    }
    forge_fill(&forge, 100, 100);
    memset(forge.bytes + 5000, 0, 300);
    memset(forge.bytes + 60000, 0xFF, 70000);
    forge.bytes[forge.len - 3000] ^= 1;
    put_forge(store, &forge);
}

static void
make_torn(struct seglog_store store)
{
    struct forge forge;

    forge_forty(&forge, true, 30);
    forge.len -= 100;
    put_forge(store, &forge);
}

void
kind_make_recorded_gap(struct seglog_store store)
{
    struct seglog_scan_summary summary;

    make_damaged(store);
    assert_ok(seglog_repair(store, NAME, store, COPY, NULL, &summary, NULL));
    assert_ok(seglog_store_remove(store, NAME, NULL));
    assert_ok(seglog_repair(store, COPY, store, NAME, NULL, &summary, NULL));
    assert_ok(seglog_store_remove(store, COPY, NULL));
}

static void
write_lines(struct seglog_store store, const char *name,
            const struct seglog_writer_options *options, uint64_t lines)
{
    struct seglog_writer *writer = NULL;

    assert_ok(seglog_writer_open(store, name, options, &writer, NULL));
    for (uint64_t n = 1; n <= lines; n++) {
        char line[512];
        const size_t len = line_make(line, sizeof line, n);

        assert_ok(seglog_writer_append(
            writer, SEGLOG_TEXT, line, len,
            n % 20 == 0 ? SEGLOG_LEVEL_SYNC : SEGLOG_LEVEL_FLUSH, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

static struct seglog_writer_options
compressed_options(enum seglog_codec codec)
{
    static const uint8_t identity[SEGLOG_IDENTITY_BYTES] = { 1, 2, 3 };

    return (struct seglog_writer_options){
        .size = sizeof(struct seglog_writer_options),
        .identity = identity,
        .is_epoch_given = true,
        .epoch_random = 7,
        .sync_log2 = 10,
        .codec = codec,
        .attributes = "kind=test",
        .attributes_len = 9,
    };
}

static void
damage_at(struct seglog_store store, size_t part, size_t parts)
{
    size_t len;
    uint8_t *bytes = blob_read(store, NAME, &len);

    bytes[len * part / parts] ^= 0x40;
    blob_replace(store, NAME, bytes, len);
    free(bytes);
}

static void
make_deflated(struct seglog_store store)
{
    const struct seglog_writer_options options =
        compressed_options(SEGLOG_CODEC_DEFLATE);

    write_lines(store, NAME, &options, 60);
}

static void
make_deflated_damaged(struct seglog_store store)
{
    make_deflated(store);
    damage_at(store, 1, 3);
    damage_at(store, 3, 4);
}

void
kind_make_zstd(struct seglog_store store)
{
    const struct seglog_writer_options options =
        compressed_options(SEGLOG_CODEC_ZSTD);

    write_lines(store, NAME, &options, 60);
}

static void
make_zstd_damaged(struct seglog_store store)
{
    kind_make_zstd(store);
    damage_at(store, 1, 3);
    damage_at(store, 3, 4);
}

static void
make_with_dictionary(struct seglog_store store)
{
    struct seglog_writer_options options =
        compressed_options(SEGLOG_CODEC_ZSTD);
    char bytes[2048];
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    size_t len = 0;

    for (uint64_t n = 100; len + 512 < sizeof bytes; n++)
        len += line_make(bytes + len, sizeof bytes - len, n);
    assert_ok(seglog_dictionary_put(store, bytes, len, name, NULL));
    options.dictionary = name;
    write_lines(store, NAME, &options, 60);
}

static void
make_with_dictionary_damaged(struct seglog_store store)
{
    make_with_dictionary(store);
    damage_at(store, 1, 2);
    damage_at(store, 3, 4);
}

static void
make_sealed_blocks(struct seglog_store store)
{
    struct seglog_seal_options options = seal_options(SEGLOG_SEAL_BLOCK_MIN);
    struct seglog_seal_result result;

    options.threads = 1;
    lines_make(store, NAME, 1, 700);
    assert_ok(seglog_segment_seal(store, NAME, &options, &result, NULL));
}

static void
make_sealed_damaged(struct seglog_store store)
{
    make_sealed_blocks(store);
    damage_at(store, 1, 3);
}

static void
make_sealed_no_end(struct seglog_store store)
{
    size_t len;

    make_sealed_blocks(store);
    uint8_t *bytes = blob_read(store, NAME, &len);
    blob_replace(store, NAME, bytes, len - 200);
    free(bytes);
}

/* A fork of random words, which only the parent has as well. */
static void
words_make(struct seglog_store store, const char *name, uint64_t lines)
{
    struct seglog_writer *writer = NULL;

    assert_ok(seglog_writer_open(store, name, NULL, &writer, NULL));
    for (uint64_t n = 1; n <= lines; n++) {
        uint64_t seed = n;
        char line[200] = "{\"text\":\"";
        size_t len = strlen(line);

        while (len < 150)
            line[len++] = (char)('a' + test_random(&seed) % 26);
        line[len++] = '"';
        line[len++] = '}';
        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, line, len,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

void
kind_make_parent(struct seglog_store store)
{
    struct seglog_seal_options options = seal_options(SEGLOG_SEAL_BLOCK_MIN);
    struct seglog_seal_result result;

    options.threads = 1;
    words_make(store, PARENT, 60);
    words_make(store, NAME, 50);
    assert_ok(seglog_segment_seal(store, PARENT, &options, &result, NULL));
}

static void
make_fork(struct seglog_store store)
{
    struct seglog_seal_options options = seal_options(131072);
    struct seglog_seal_result result;
    struct seglog_seal_info info;

    kind_make_parent(store);
    options.threads = 1;
    options.parent = PARENT;
    options.level = 9;
    assert_ok(seglog_segment_seal(store, NAME, &options, &result, NULL));
    assert_ok(seglog_segment_get_seal(store, NAME, &info, NULL));
    assert_true(info.has_parent);
}

static void
make_fork_damaged(struct seglog_store store)
{
    make_fork(store);
    damage_at(store, 1, 30);
}

/* -- damage of many sorts at once ------------------------------------------ */

#define MOST_FRAMES 512u

struct frames {
    size_t at[MOST_FRAMES + 1]; /* the last is where they end */
    size_t syncs[MOST_FRAMES];  /* which of them are sync points */
    size_t count;
    size_t sync_count;
};

static bool
frames_note(void *arg, const struct seglog_frame *frame)
{
    struct frames *frames = arg;

    assert_true(frames->count < MOST_FRAMES);
    if (frame->control == SLG_CONTROL_SYNC_POINT)
        frames->syncs[frames->sync_count++] = frames->count;
    frames->at[frames->count++] = (size_t)frame->offset;
    frames->at[frames->count] = (size_t)(frame->offset + frame->len);
    return true;
}

static struct frames
frames_find(struct seglog_store store)
{
    struct frames frames = { .count = 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = frames_note,
                                                 .arg = &frames };
    struct seglog_scan_summary summary;

    assert_ok(seglog_scan(store, NAME, &options, &summary, NULL));
    return frames;
}

/* The frames [first, next) stand behind those up to `until` instead. */
static void
frames_move(uint8_t *bytes, const struct frames *frames, size_t first,
            size_t next, size_t until)
{
    const size_t at = frames->at[first];
    const size_t len = frames->at[next] - at;
    const size_t behind = frames->at[until] - frames->at[next];
    uint8_t *moved = exact_copy(bytes + at, len);

    memmove(bytes + at, bytes + at + len, behind);
    memcpy(bytes + at + behind, moved, len);
    free(moved);
}

/*
 * Every other record of a row, so that those between stand alone; single ones;
 * a row of frames far from its place, and a stretch behind the one after it.
 */
static void
make_much_damaged(struct seglog_store store)
{
    struct forge forge;
    struct frames frames;
    size_t len;

    forge_start(&forge);
    for (unsigned i = 0; i < 8; i++) {
        forge_fill(&forge, 40, 30);
        forge.watermark = forge.number - 1;
        (void)forge_sync(&forge);
    }
    put_forge(store, &forge);
    frames = frames_find(store);
    uint8_t *bytes = blob_read(store, NAME, &len);
    /* A length that leads nowhere. */
    for (size_t i = 5; i < 45; i += 2)
        bytes[frames.at[i] + 1] ^= 64;
    for (size_t i = 60; i < 160; i += 5)
        bytes[frames.at[i] + 10] ^= 4;
    frames_move(bytes, &frames, 170, 190, 200);
    frames_move(bytes, &frames, frames.syncs[5], frames.syncs[6],
                frames.syncs[7]);
    blob_replace(store, NAME, bytes, len);
    free(bytes);
}

/* The same of bodies that refer to those before them. */
static void
much_damage(struct seglog_store store, enum seglog_codec codec)
{
    struct seglog_writer_options options = compressed_options(codec);
    struct frames frames;
    size_t len;

    options.sync_log2 = SEGLOG_SYNC_LOG2_MIN;
    write_lines(store, NAME, &options, 300);
    frames = frames_find(store);
    assert_true(frames.sync_count > 10);
    uint8_t *bytes = blob_read(store, NAME, &len);
    /* Nothing depends on the first of them, all of a stretch on the others. */
    bytes[frames.at[frames.syncs[1] - 1] + 10] ^= 4;
    for (size_t i = 1; i + 6 < frames.sync_count; i += 2)
        bytes[frames.at[frames.syncs[i] + 2] + 10] ^= 4;
    const size_t *last = &frames.syncs[frames.sync_count - 1];
    frames_move(bytes, &frames, last[-3], last[-2], last[0]);
    blob_replace(store, NAME, bytes, len);
    free(bytes);
}

static void
make_much_deflated_damaged(struct seglog_store store)
{
    much_damage(store, SEGLOG_CODEC_DEFLATE);
}

static void
make_much_zstd_damaged(struct seglog_store store)
{
    much_damage(store, SEGLOG_CODEC_ZSTD);
}

/* Every sync point says that it stands a few bytes further on. */
static void
make_much_shifted(struct seglog_store store)
{
    struct forge forge;
    struct slg_mark mark;

    forge_start(&forge);
    for (unsigned i = 1; i < 20; i++) {
        forge_fill(&forge, 1, 8);
        const size_t sync = forge_sync(&forge);
        const struct forge_frame *frame = &forge.frames[sync];

        assert_true(
            slg_mark_decode(forge.bytes + frame->offset, frame->len, &mark));
        mark.offset += i;
        slg_mark_encode(&mark, forge.bytes + frame->offset);
    }
    put_forge(store, &forge);
}

/* A passed run with more recorded gaps than there is room for at first. */
static void
make_gaps_out_of_place(struct seglog_store store)
{
    const struct slg_gap gap = { .verdict = 2, .count = 2, .lines = 2 };
    struct forge forge;
    struct frames frames;
    size_t len;

    forge_start(&forge);
    forge_fill(&forge, 3, 20);
    (void)forge_sync(&forge);
    for (unsigned i = 0; i < 20; i++) {
        (void)forge_gap(&forge, &gap);
        forge_fill(&forge, 1, 20);
    }
    (void)forge_sync(&forge);
    forge_fill(&forge, 3, 20);
    (void)forge_sync(&forge);
    forge_fill(&forge, 3, 20);
    put_forge(store, &forge);
    frames = frames_find(store);
    uint8_t *bytes = blob_read(store, NAME, &len);
    frames_move(bytes, &frames, frames.syncs[0], frames.syncs[1],
                frames.syncs[2]);
    blob_replace(store, NAME, bytes, len);
    free(bytes);
}

/* One record does not fit into a window, and is read past it. */
static void
make_long(struct seglog_store store)
{
    struct forge forge;
    const size_t len = 530000;
    char *text = malloc(len);

    assert_non_null(text);
    test_fill(text, len, 7);
    forge_start(&forge);
    forge_fill(&forge, 5, 100);
    (void)forge_sync(&forge);
    (void)forge_put(&forge, SEGLOG_TEXT, text, len);
    forge_fill(&forge, 5, 100);
    free(text);
    put_forge(store, &forge);
}

static void
make_long_headless(struct seglog_store store)
{
    size_t len;

    make_long(store);
    uint8_t *bytes = blob_read(store, NAME, &len);
    memset(bytes, 0xEE, FORGE_HEADER_BYTES);
    blob_replace(store, NAME, bytes, len);
    free(bytes);
}

/* The sync point in front of the long record is damaged. */
static void
make_long_damaged(struct seglog_store store)
{
    struct frames frames;
    size_t len;

    make_long(store);
    frames = frames_find(store);
    uint8_t *bytes = blob_read(store, NAME, &len);
    bytes[frames.at[frames.syncs[0]] + 20] ^= 1;
    blob_replace(store, NAME, bytes, len);
    free(bytes);
}

/* A bit of the long record itself. */
static void
make_long_broken(struct seglog_store store)
{
    make_long(store);
    damage_at(store, 1, 2);
}

/* The first of it that is a record stands far behind the start. */
static void
make_late_anonymous(struct seglog_store store)
{
    struct forge forge;

    forge_start(&forge);
    forge_fill(&forge, 2000, 40);
    memset(forge.bytes, 0xEE, 65500);
    put_forge(store, &forge);
}

/* More bytes of nothing than are looked at at once. */
static void
make_large_torn(struct seglog_store store)
{
    struct forge forge;
    uint8_t *junk = malloc(600000);

    assert_non_null(junk);
    memset(junk, 0xEE, 600000);
    forge_forty(&forge, false, 30);
    forge_raw(&forge, junk, 600000);
    free(junk);
    put_forge(store, &forge);
}

/* A group of more records than one is thought to have. */
static void
make_group(struct seglog_store store)
{
    struct forge forge;

    forge_start(&forge);
    forge_fill_groups(&forge, 2, 100, 10);
    put_forge(store, &forge);
}

static void
make_short(struct seglog_store store)
{
    struct forge forge;

    forge_start(&forge);
    forge.len = 20;
    put_forge(store, &forge);
}

static void
make_deflated_torn(struct seglog_store store)
{
    size_t len;

    make_deflated(store);
    uint8_t *bytes = blob_read(store, NAME, &len);
    blob_replace(store, NAME, bytes, len - SLG_CLOSING_MARK_BYTES - 5);
    free(bytes);
}

static void
make_zstd_torn(struct seglog_store store)
{
    size_t len;

    kind_make_zstd(store);
    uint8_t *bytes = blob_read(store, NAME, &len);
    blob_replace(store, NAME, bytes, len - SLG_CLOSING_MARK_BYTES - 5);
    free(bytes);
}

void
kind_make_random(struct seglog_store store)
{
    struct forge forge;
    uint8_t bytes[1000];

    forge_start(&forge);
    for (unsigned i = 0; i < 30; i++) {
        test_fill(bytes, sizeof bytes, i);
        (void)forge_put(&forge, SEGLOG_BYTES, bytes, sizeof bytes);
    }
    (void)forge_close(&forge);
    put_forge(store, &forge);
}

static void
make_sealed_random(struct seglog_store store)
{
    struct seglog_seal_options options = seal_options(SEGLOG_SEAL_BLOCK_MIN);
    struct seglog_seal_result result;

    options.threads = 1;
    kind_make_random(store);
    assert_ok(seglog_segment_seal(store, NAME, &options, &result, NULL));
}

const struct segment_kind segment_kinds[] = {
    { "sound", kind_make_sound, false },
    { "open", make_open, false },
    { "damaged", make_damaged, false },
    { "headless", make_headless, false },
    { "nearly_headless", make_nearly_headless, false },
    { "anonymous", make_anonymous, false },
    { "disordered", make_disordered, false },
    { "shifted", make_shifted, false },
    { "large", make_large, false },
    { "torn", make_torn, false },
    { "recorded_gap", kind_make_recorded_gap, false },
    { "deflated", make_deflated, false },
    { "deflated_damaged", make_deflated_damaged, false },
    { "zstd", kind_make_zstd, true },
    { "zstd_damaged", make_zstd_damaged, true },
    { "dictionary", make_with_dictionary, true },
    { "dictionary_damaged", make_with_dictionary_damaged, true },
    { "sealed", make_sealed_blocks, true },
    { "sealed_damaged", make_sealed_damaged, true },
    { "sealed_no_end", make_sealed_no_end, true },
    { "fork", make_fork, true },
    { "fork_damaged", make_fork_damaged, true },
    { "much_damaged", make_much_damaged, false },
    { "much_deflated_damaged", make_much_deflated_damaged, false },
    { "much_zstd_damaged", make_much_zstd_damaged, true },
    { "much_shifted", make_much_shifted, false },
    { "gaps_out_of_place", make_gaps_out_of_place, false },
    { "long", make_long, false },
    { "long_headless", make_long_headless, false },
    { "long_damaged", make_long_damaged, false },
    { "group", make_group, false },
    { "short", make_short, false },
    { "deflated_torn", make_deflated_torn, false },
    { "long_broken", make_long_broken, false },
    { "late_anonymous", make_late_anonymous, false },
    { "large_torn", make_large_torn, false },
    { "zstd_torn", make_zstd_torn, true },
    { "sealed_random", make_sealed_random, true },
};

const size_t segment_kind_count = COUNT_OF(segment_kinds);
