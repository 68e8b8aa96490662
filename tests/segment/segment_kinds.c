/* SPDX-License-Identifier: MIT */
/* tests/segment/segment_kinds.c - segments of every kind. */
#include "tests/segment/segment_kinds.h"

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
    store_put_bytes(store, NAME, forge->bytes, forge->len);
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
    store_put_bytes(store, NAME, bytes, len);
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
    uint8_t *bytes = store_get_bytes(store, NAME, &len);

    bytes[len * part / parts] ^= 0x40;
    store_put_bytes(store, NAME, bytes, len);
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
    uint8_t *bytes = store_get_bytes(store, NAME, &len);
    store_put_bytes(store, NAME, bytes, len - 200);
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
};

const size_t segment_kind_count = COUNT_OF(segment_kinds);
