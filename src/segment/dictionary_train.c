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
/* What zdict takes beside samples and dictionaries; it is 14 MiB. */
#define LEARNING_BYTES ((size_t)20971520)

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

/* -- reading --------------------------------------------------------------- */

/* What is done with each record.  False: for want of memory it is not done. */
typedef bool (*record_fn)(struct samples *samples,
                          const struct seglog_record *record);

static bool
record_count(struct samples *samples, const struct seglog_record *record)
{
    samples->total += record->len;
    return true;
}

/* What could not be read now might be read next time, and would lead to
 * another dictionary: that is no damage to pass over. */
static seglog_code
event_take(const char *name, struct samples *samples, record_fn take,
           const struct seglog_event *event, struct seglog_error *err)
{
    const struct slg_place place = { .name = name,
                                     .offset = event->finding.first_byte };

    if (event->type == SEGLOG_EVENT_RECORD)
        return take(samples, &event->record) ? SEGLOG_OK : fail_no_memory(err);
    return event->finding.verdict == SEGLOG_VERDICT_IO &&
                   !event->finding.is_recorded
               ? slg_fail(err, SEGLOG_IO, &place, "a part of it is unreadable")
               : SEGLOG_OK;
}

static seglog_code
records_take(struct seglog_store store, const char *name, bool salvage,
             struct samples *samples, record_fn take, struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = seglog_reader_open(store, name, &options, &reader, err);

    while (code == SEGLOG_OK) {
        memset(&event, 0, sizeof event);
        code = seglog_reader_next(reader, &event, err);
        if (code == SEGLOG_OK)
            code = event_take(name, samples, take, &event, err);
    }
    seglog_reader_close(reader);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* A strict reader says what failed; of what is damaged all the rest is taken. */
static seglog_code
segment_take(struct seglog_store store, const char *name,
             struct samples *samples, record_fn take, struct seglog_error *err)
{
    const struct samples before = *samples;
    const seglog_code code =
        records_take(store, name, false, samples, take, err);

    if (code != SEGLOG_CORRUPT && code != SEGLOG_AUTH)
        return code;
    samples->len = before.len;
    samples->count = before.count;
    samples->due = before.due;
    samples->total = before.total;
    return records_take(store, name, true, samples, take, err);
}

/* What is in such a segment is not known, and not missed. */
static bool
is_passed_over(seglog_code code)
{
    return code == SEGLOG_NOT_FOUND || code == SEGLOG_FORMAT ||
           code == SEGLOG_CORRUPT || code == SEGLOG_AUTH;
}

static seglog_code
segments_take(struct seglog_store store, const char *const *names, size_t count,
              struct samples *samples, record_fn take, struct seglog_error *err)
{
    size_t readable = 0;
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < count; i++) {
        code = segment_take(store, names[i], samples, take, err);
        if (code != SEGLOG_OK && !is_passed_over(code))
            return code;
        readable += code == SEGLOG_OK;
    }
    return readable > 0 ? SEGLOG_OK : code;
}

static seglog_code
samples_take(struct seglog_store store, const char *const *names, size_t count,
             struct samples *samples, struct seglog_error *err)
{
    const seglog_code code =
        segments_take(store, names, count, samples, record_count, err);

    if (code != SEGLOG_OK)
        return code;
    if (samples->cap > samples->total)
        samples->cap = (size_t)samples->total;
    samples->bytes = malloc(samples->cap + 1);
    return samples->bytes
               ? segments_take(store, names, count, samples, record_take, err)
               : fail_no_memory(err);
}

/* -- learning -------------------------------------------------------------- */

static bool
is_out_of_memory(size_t result)
{
    return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation;
}

/* Whether zstd will get what it asks for. */
static bool
memory_is_there(const struct samples *samples, size_t size)
{
    void *probe = malloc(LEARNING_BYTES + 4 * (size + TABLES_ROOM) +
                         2 * sizeof *samples->sizes * samples->count);
    const bool is_there = probe != NULL;

    free(probe);
    return is_there;
}

/*
 * Of some dictionaries zstd takes the best, and one for which it had no memory
 * is not among them, without a word.  When it finds the same twice, and had
 * memory enough before, none was missing.
 */
static bool
samples_learn(const struct samples *samples, size_t size, uint8_t *bytes,
              uint8_t *again, size_t *len)
{
    const size_t cap = size + TABLES_ROOM;
    size_t len_again = 0;

    if (!memory_is_there(samples, size))
        return false;
    *len = ZDICT_trainFromBuffer(bytes, cap, samples->bytes, samples->sizes,
                                 samples->count);
    if (is_out_of_memory(*len))
        return false;
    len_again = ZDICT_trainFromBuffer(again, cap, samples->bytes,
                                      samples->sizes, samples->count);
    return *len == len_again &&
           (ZDICT_isError(*len) || memcmp(bytes, again, *len) == 0);
}

/* What is learned, without the tables in front; false: there was no memory.
 * *len is 0 where it is too little. */
static bool
dictionary_learn(const struct samples *samples, size_t size, uint8_t *bytes,
                 uint8_t *again, const uint8_t **found, size_t *len)
{
    size_t tables = 0;

    *found = bytes;
    *len = 0;
    if (samples->count == 0)
        return true;
    if (!samples_learn(samples, size, bytes, again, len))
        return false;
    if (!ZDICT_isError(*len))
        tables = ZDICT_getDictHeaderSize(bytes, *len);
    if (is_out_of_memory(tables))
        return false;
    if (ZDICT_isError(*len) || ZDICT_isError(tables) || tables >= *len) {
        *len = 0;
        return true;
    }
    *len -= tables;
    /* The best of it is at its end. */
    tables += *len > size ? *len - size : 0;
    *len = *len < size ? *len : size;
    *found = bytes + tables;
    return true;
}

static seglog_code
samples_train(const struct samples *samples, size_t size,
              struct seglog_store store,
              char name[SEGLOG_DICTIONARY_NAME_BYTES], struct seglog_error *err)
{
    uint8_t *bytes = malloc(size + TABLES_ROOM);
    uint8_t *again = malloc(size + TABLES_ROOM);
    const uint8_t *found = NULL;
    size_t len = 0;
    seglog_code code = SEGLOG_OK;

    if (!bytes || !again ||
        !dictionary_learn(samples, size, bytes, again, &found, &len))
        code = fail_no_memory(err);
    else if (len == 0)
        code = slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                        "too little to make a dictionary of: %zu bytes in %u "
                        "samples; give it more segments",
                        samples->len, samples->count);
    else
        code = seglog_dictionary_put(store, found, len, name, err);
    free(again);
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
