/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_memory.c
 *
 * Goal    writers and readers of compressed segments get along with the memory
 *         that seglog/segment.h says, and a writer with memory_max.
 * Method  all allocations of the process are counted.
 */
#include "tests/segment/writer_support.h"

#include <malloc.h>
#include <stdio.h>

#include "src/codec/zrun.h"

#define KIB       ((size_t)1024)
#define RECORDS   15000u
#define TEXT_ROOM 400u

/* -- counting -------------------------------------------------------------- */

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                    \
    !defined(__SANITIZE_THREAD__)
#define CAN_COUNT 1

void *
__libc_malloc(size_t size);
void *
__libc_calloc(size_t count, size_t size);
void *
__libc_realloc(void *at, size_t size);
void
__libc_free(void *at);

static size_t now_used;
static size_t most_used;

/* Also for the libraries that the library is linked with. */
#define EXPORTED __attribute__((visibility("default")))

static void *
counted(void *at)
{
    if (at)
        now_used += malloc_usable_size(at);
    if (now_used > most_used)
        most_used = now_used;
    return at;
}

EXPORTED void *
malloc(size_t size)
{
    return counted(__libc_malloc(size));
}

EXPORTED void *
calloc(size_t count, size_t size)
{
    return counted(__libc_calloc(count, size));
}

EXPORTED void *
realloc(void *at, size_t size)
{
    const size_t before = at ? malloc_usable_size(at) : 0;
    void *to = __libc_realloc(at, size);

    if (to || size == 0)
        now_used -= before;
    return counted(to);
}

EXPORTED void
free(void *at)
{
    if (at)
        now_used -= malloc_usable_size(at);
    __libc_free(at);
}
#else
#define CAN_COUNT 0
static size_t now_used, most_used;
#endif

/* -- work ------------------------------------------------------------------ */

static size_t
text_of(uint64_t number, char text[TEXT_ROOM])
{
    return (size_t)snprintf(
        text, TEXT_ROOM,
        "{\"time\":%u,\"id\":\"%08x\",\"who\":\"service %u\",\"text\":\"%s\"}",
        (unsigned)number * 977, (unsigned)(number * 2654435761u),
        (unsigned)number % 7,
        number % 3 == 0 ? "something has happened that is worth a line"
                        : "nothing has happened");
}

static void
append_all(struct seglog_store store,
           const struct seglog_writer_options *options, uint64_t first)
{
    struct seglog_writer *writer = writer_open_ok(store, "log", options);

    for (uint64_t n = first; n < first + RECORDS; n++) {
        char text[TEXT_ROOM];

        assert_ok(seglog_writer_append(
            writer, SEGLOG_TEXT, text, text_of(n, text),
            n % 5 == 0 ? SEGLOG_LEVEL_FLUSH : SEGLOG_LEVEL_APPEND, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

/* What a writer takes at most that makes a segment, and one that goes on. */
static size_t
writer_takes(struct seglog_store store,
             const struct seglog_writer_options *options)
{
    const size_t before = now_used;

    most_used = now_used;
    append_all(store, options, 1);
    append_all(store, options, 1 + RECORDS);
    return most_used - before;
}

static size_t
reader_takes(struct seglog_store store)
{
    const size_t before = now_used;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;

    most_used = now_used;
    assert_ok(seglog_reader_open(store, "log", NULL, &reader, NULL));
    for (uint64_t n = 1; n <= (uint64_t)2 * RECORDS; n++) {
        char text[TEXT_ROOM];

        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.record.len, text_of(n, text));
        assert_memory_equal(event.record.data, text, event.record.len);
    }
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    seglog_reader_close(reader);
    return most_used - before;
}

/* -- the figures of seglog/segment.h --------------------------------------- */

struct figure {
    enum seglog_codec codec;
    uint8_t level;
    size_t writer_kib;
    size_t reader_kib;
};

static void
memory__of_each_codec__is_as_documented(void **state)
{
    static const struct figure figures[] = {
        { SEGLOG_CODEC_NONE, 0, 512, 768 },
        { SEGLOG_CODEC_DEFLATE, 1, 512, 768 },
        { SEGLOG_CODEC_DEFLATE, 6, 512, 768 },
        { SEGLOG_CODEC_DEFLATE, 9, 512, 768 },
        { SEGLOG_CODEC_ZSTD, 1, 3072, 3072 },
        { SEGLOG_CODEC_ZSTD, 3, 4096, 3072 },
        { SEGLOG_CODEC_ZSTD, 6, 6144, 3072 },
        { SEGLOG_CODEC_AUTO, 0, 6144, 3072 },
        { SEGLOG_CODEC_ZSTD, 9, 9216, 3072 },
        { SEGLOG_CODEC_ZSTD, 12, 9216, 3072 },
        { SEGLOG_CODEC_ZSTD, 19, 12288, 3072 },
    };

    for (size_t i = 0; CAN_COUNT && i < COUNT_OF(figures); i++) {
        const struct figure *figure = &figures[i];
        struct seglog_writer_options options = writer_options_fixed();
        size_t writer = 0;
        size_t reader = 0;

        options.codec = figure->codec;
        options.level = figure->level;
        if (figure->codec == SEGLOG_CODEC_ZSTD && !slg_zrun_is_there())
            continue;
        writer = writer_takes(store_of(state), &options);
        reader = reader_takes(store_of(state));
        print_message("codec %d level %2u: writer %5zu KiB, reader %5zu KiB\n",
                      (int)figure->codec, figure->level, writer / KIB,
                      reader / KIB);
        assert_in_range(writer, 1, figure->writer_kib * KIB);
        assert_in_range(reader, 1, figure->reader_kib * KIB);
        assert_ok(seglog_store_remove(store_of(state), "log", NULL));
    }
}

static void
memory__bounded__is_enough(void **state)
{
    static const enum seglog_codec codecs[] = { SEGLOG_CODEC_NONE,
                                                SEGLOG_CODEC_DEFLATE,
                                                SEGLOG_CODEC_AUTO };

    for (size_t i = 0; i < COUNT_OF(codecs); i++) {
        for (unsigned mode = 0; mode < 2; mode++) {
            struct seglog_writer_options options = writer_options_fixed();

            options.mode = (enum seglog_writer_mode)mode;
            options.codec = codecs[i];
            options.memory_max = 512 * KIB;
            const size_t writer = writer_takes(store_of(state), &options);
            if (CAN_COUNT)
                print_message("codec %d bounded: %zu KiB\n", (int)codecs[i],
                              writer / KIB);
            assert_in_range(writer, 0, options.memory_max);
            (void)reader_takes(store_of(state));
            assert_ok(seglog_store_remove(store_of(state), "log", NULL));
        }
    }
}

static void
memory__too_little_for_the_codec__is_said(void **state)
{
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;

    options.memory_max = 512 * KIB - 1;
    assert_code(
        seglog_writer_open(store_of(state), "log", &options, &writer, NULL),
        SEGLOG_INVALID);
    options.memory_max = 8192 * KIB - 1;
    options.codec = SEGLOG_CODEC_ZSTD;
    assert_code(
        seglog_writer_open(store_of(state), "log", &options, &writer, NULL),
        SEGLOG_INVALID);
    if (!slg_zrun_is_there())
        return;
    options.memory_max = 8192 * KIB;
    append_all(store_of(state), &options, 1);
    options.memory_max--;
    options.codec = SEGLOG_CODEC_NONE;
    assert_code(
        seglog_writer_open(store_of(state), "log", &options, &writer, NULL),
        SEGLOG_NO_MEMORY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_file(memory__of_each_codec__is_as_documented),
        on_file(memory__bounded__is_enough),
        on_memory(memory__too_little_for_the_codec__is_said),
    };

    return cmocka_run_group_tests_name("segment/writer_memory", tests, NULL,
                                       NULL);
}
