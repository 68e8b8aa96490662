/* SPDX-License-Identifier: MIT */
/* src/segment/dictionary_train.c - what segments have in common. */
#include <stdlib.h>
#include <string.h>

#include "seglog/segment.h"
#include "src/segment/segment_dictionary.h"
#include "src/store/fail.h"
#include "src/store/options.h"

#ifdef SEGLOG_HAVE_ZSTD

#include <zdict.h>
#include <zstd_errors.h>

#define SIZE_DEFAULT    ((size_t)114688)
#define SIZE_LEAST      ((size_t)1024)
#define SAMPLES_DEFAULT ((size_t)8388608)
#define SAMPLES_MAX     ((size_t)67108864)
/* Long records are taken in pieces: their insides are alike as well. */
#define PIECE_BYTES ((size_t)4096)
#define PIECE_LEAST ((size_t)8)
/* zdict puts tables in front, which do not go into the dictionary. */
#define TABLES_ROOM ((size_t)4096)

struct samples {
    uint8_t *bytes;
    size_t len;
    size_t cap;
    size_t *sizes;
    unsigned count;
    unsigned sizes_cap;
    uint64_t total; /* bytes of records that there are */
    uint64_t due;   /* how far taking is behind what should be taken */
};

static seglog_code
fail_no_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                    "no memory to make a dictionary");
}

/* Every so many bytes as lead to cap when all has been seen. */
static bool
piece_take(struct samples *samples, const uint8_t *piece, size_t len)
{
    samples->due += len * (uint64_t)samples->cap;
    if (len < PIECE_LEAST || samples->due < len * samples->total ||
        len > samples->cap - samples->len)
        return true;
    samples->due -= len * samples->total;
    if (samples->count == samples->sizes_cap) {
        const unsigned cap =
            samples->sizes_cap > 0 ? 2 * samples->sizes_cap : 1024;
        size_t *grown = realloc(samples->sizes, cap * sizeof *grown);

        if (!grown)
            return false;
        samples->sizes = grown;
        samples->sizes_cap = cap;
    }
    memcpy(samples->bytes + samples->len, piece, len);
    samples->len += len;
    samples->sizes[samples->count++] = len;
    return true;
}

static bool
record_take(struct samples *samples, const struct seglog_record *record)
{
    for (size_t at = 0; at < record->len; at += PIECE_BYTES) {
        const size_t left = record->len - at;

        if (!piece_take(samples, record->data + at,
                        left < PIECE_BYTES ? left : PIECE_BYTES))
            return false;
    }
    return true;
}

static seglog_code
segment_take(struct seglog_store store, const char *name,
             struct samples *samples, struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = seglog_reader_open(store, name, &options, &reader, err);

    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        if (code == SEGLOG_OK && event.type == SEGLOG_EVENT_RECORD &&
            !record_take(samples, &event.record))
            code = fail_no_memory(err);
    }
    seglog_reader_close(reader);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* What a segment that cannot be read has in it is not known, and not missed. */
static seglog_code
samples_take(struct seglog_store store, const char *const *names, size_t count,
             struct samples *samples, struct seglog_error *err)
{
    size_t readable = 0;
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < count; i++) {
        struct seglog_scan_summary summary;

        code = seglog_scan(store, names[i], NULL, &summary, err);
        if (code == SEGLOG_NO_MEMORY)
            return code;
        readable += code == SEGLOG_OK;
        samples->total += code == SEGLOG_OK ? summary.payload_bytes : 0;
    }
    if (readable == 0)
        return code;
    if (samples->cap > samples->total)
        samples->cap = (size_t)samples->total;
    samples->bytes = malloc(samples->cap + 1);
    if (!samples->bytes)
        return fail_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct seglog_error passed_over;

        code = segment_take(store, names[i], samples, &passed_over);
        /* Without any sample that is what stands in the way. */
        if (code == SEGLOG_NO_MEMORY ||
            (code != SEGLOG_OK && samples->count == 0 && i + 1 == count)) {
            if (err)
                *err = passed_over;
            return code;
        }
    }
    return SEGLOG_OK;
}

static seglog_code
samples_train(const struct samples *samples, size_t size,
              struct seglog_store store,
              char name[SEGLOG_DICTIONARY_NAME_BYTES], struct seglog_error *err)
{
    uint8_t *bytes = malloc(size + TABLES_ROOM);
    size_t len = 0;
    size_t tables = 0;
    seglog_code code = SEGLOG_OK;

    if (!bytes)
        return fail_no_memory(err);
    if (samples->count > 0)
        len = ZDICT_trainFromBuffer(bytes, size + TABLES_ROOM, samples->bytes,
                                    samples->sizes, samples->count);
    if (samples->count > 0 && !ZDICT_isError(len))
        tables = ZDICT_getDictHeaderSize(bytes, len);
    if (ZSTD_getErrorCode(len) == ZSTD_error_memory_allocation) {
        free(bytes);
        return fail_no_memory(err);
    }
    if (samples->count == 0 || ZDICT_isError(len) || ZDICT_isError(tables) ||
        tables >= len) {
        free(bytes);
        return slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                        "too little to make a dictionary of: %zu bytes in %u "
                        "samples; give it more segments",
                        samples->len, samples->count);
    }
    len -= tables;
    /* The best of it is at its end. */
    tables += len > size ? len - size : 0;
    len = len < size ? len : size;
    code = seglog_dictionary_put(store, bytes + tables, len, name, err);
    free(bytes);
    return code;
}

seglog_code
seglog_dictionary_train(struct seglog_store store, const char *const *names,
                        size_t count,
                        const struct seglog_dictionary_options *options,
                        char name[SEGLOG_DICTIONARY_NAME_BYTES],
                        struct seglog_error *err)
{
    struct seglog_dictionary_options settled;
    struct samples samples = { .len = 0 };
    seglog_code code = SEGLOG_OK;

    if (!slg_options_copy(&settled, sizeof settled, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "dictionary options of an unknown size");
    if (settled.size_bytes == 0)
        settled.size_bytes = SIZE_DEFAULT;
    samples.cap =
        settled.sample_bytes > 0 ? settled.sample_bytes : SAMPLES_DEFAULT;
    if (count == 0 || !names || !name || settled.size_bytes < SIZE_LEAST ||
        settled.size_bytes > SEGLOG_DICTIONARY_MAX || samples.cap > SAMPLES_MAX)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "a dictionary of 1 KiB to 1 MiB is made of one segment "
                        "or more, and of up to 64 MiB of samples");
    code = samples_take(store, names, count, &samples, err);
    if (code == SEGLOG_OK)
        code = samples_train(&samples, settled.size_bytes, store, name, err);
    free(samples.bytes);
    free(samples.sizes);
    return code;
}

#else /* no zstd */

seglog_code
seglog_dictionary_train(struct seglog_store store, const char *const *names,
                        size_t count,
                        const struct seglog_dictionary_options *options,
                        char name[SEGLOG_DICTIONARY_NAME_BYTES],
                        struct seglog_error *err)
{
    (void)store;
    (void)names;
    (void)count;
    (void)options;
    (void)name;
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "dictionaries are made by zstd, which this build does not "
                    "have; a segment can use one that is there");
}

#endif
