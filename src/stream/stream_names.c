/* SPDX-License-Identifier: MIT */
/* src/stream/stream_names.c - the segments of a stream, by their names. */
#include "src/stream/stream_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

#define PREFIX        "stream."
#define SUFFIX        ".seg"
#define NUMBER_DIGITS 10
#define OFFSET_DIGITS 20

/* So often may a listing be older than all that it says. */
#define STALE_MAX 8u

char *
slg_stream_part_name(uint64_t stream, const struct slg_stream_part *part,
                     char name[SEGLOG_STREAM_NAME_CAP])
{
    (void)snprintf(name, SEGLOG_STREAM_NAME_CAP,
                   PREFIX "%" PRIu64 ".%0*" PRIu32 ".%0*" PRIu32
                          ".%0*" PRIu64 SUFFIX,
                   stream, NUMBER_DIGITS, part->first, NUMBER_DIGITS,
                   part->last, OFFSET_DIGITS, part->offset);
    return name;
}

/* Digits up to the next dot, which is passed; width 0: any number of them. */
static bool
number_take(const char **at, size_t width, uint64_t max, uint64_t *value)
{
    const char *text = *at;
    size_t len = 0;

    *value = 0;
    for (; text[len] >= '0' && text[len] <= '9'; len++) {
        const uint64_t digit = (uint64_t)(text[len] - '0');

        if (*value > (max - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    if (len == 0 || text[len] != '.' || (width > 0 && len != width) ||
        (width == 0 && len > 1 && text[0] == '0'))
        return false;
    *at = text + len + 1;
    return true;
}

bool
slg_stream_part_parse(const char *name, uint64_t *stream,
                      struct slg_stream_part *part)
{
    const char *at = name + sizeof PREFIX - 1;
    uint64_t first = 0;
    uint64_t last = 0;

    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 ||
        !number_take(&at, 0, UINT64_MAX, stream) ||
        !number_take(&at, NUMBER_DIGITS, UINT32_MAX, &first) ||
        !number_take(&at, NUMBER_DIGITS, UINT32_MAX, &last) ||
        !number_take(&at, OFFSET_DIGITS, UINT64_MAX, &part->offset) ||
        first > last || strcmp(at, &SUFFIX[1]) != 0)
        return false;
    part->first = (uint32_t)first;
    part->last = (uint32_t)last;
    return true;
}

/* -- all of a stream ------------------------------------------------------- */

struct collection {
    uint64_t stream;
    const char *begin_name;
    struct slg_stream_parts parts;
    bool has_begin; /* a blob that says where it begins */
    bool has_no_memory;
};

static bool
part_add(struct slg_stream_parts *parts, const struct slg_stream_part *part)
{
    if (parts->count == parts->cap) {
        const size_t cap = parts->cap ? 2 * parts->cap : 8;
        struct slg_stream_part *grown =
            realloc(parts->parts, cap * sizeof *grown);

        if (!grown)
            return false;
        parts->parts = grown;
        parts->cap = cap;
    }
    parts->parts[parts->count++] = *part;
    return true;
}

static bool
name_collect(void *arg, const char *name)
{
    struct collection *found = arg;
    struct slg_stream_part part;
    uint64_t stream = 0;

    if (strcmp(name, found->begin_name) == 0)
        found->has_begin = true;
    if (!slg_stream_part_parse(name, &stream, &part) || stream != found->stream)
        return true;
    found->has_no_memory = !part_add(&found->parts, &part);
    return !found->has_no_memory;
}

/* In the order of their numbers, the wider ones first. */
static int
part_compare(const void *a, const void *b)
{
    const struct slg_stream_part *x = a;
    const struct slg_stream_part *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->last != y->last)
        return x->last > y->last ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static uint32_t
part_width(const struct slg_stream_part *part)
{
    return part->last - part->first;
}

/*
 * Of two that overlap the wider one was made of the other, which whoever made
 * it has not got to removing (SPEC.md 16.2).
 */
static void
leftovers_drop(struct slg_stream_parts *parts)
{
    size_t kept = 0;

    if (parts->count == 0)
        return;
    qsort(parts->parts, parts->count, sizeof *parts->parts, part_compare);
    for (size_t i = 1; i < parts->count; i++) {
        struct slg_stream_part *before = &parts->parts[kept];
        const struct slg_stream_part part = parts->parts[i];

        if (part.first > before->last)
            parts->parts[++kept] = part;
        else if (part_width(&part) > part_width(before))
            *before = part;
    }
    parts->count = kept + 1;
}

/* What has been trimmed, and not got to being removed. */
static void
trimmed_drop(struct slg_stream_parts *parts)
{
    size_t trimmed = 0;

    while (trimmed < parts->count &&
           parts->parts[trimmed].last < parts->begin.number)
        trimmed++;
    parts->count -= trimmed;
    if (trimmed > 0 && parts->count > 0)
        memmove(parts->parts, parts->parts + trimmed,
                parts->count * sizeof *parts->parts);
}

/*
 * Where it begins is asked after the names were listed, and also if that name
 * was not among them: whoever trims it meanwhile writes it before anything
 * goes, from the first segment on.
 */
static seglog_code
parts_collect(struct seglog_store store, struct collection *found,
              struct seglog_error *err)
{
    struct slg_stream_parts *parts = &found->parts;
    char prefix[SEGLOG_STREAM_NAME_CAP];
    char begin_name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(prefix, sizeof prefix, PREFIX "%" PRIu64 ".", found->stream);
    found->begin_name = slg_stream_begin_name(found->stream, begin_name);
    code = seglog_store_list(store, prefix, name_collect, found, err);
    if (code == SEGLOG_OK && found->has_no_memory)
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the segments of a stream");
    if (code != SEGLOG_OK)
        return code;
    leftovers_drop(parts);
    if (found->has_begin || (parts->count > 0 && parts->parts[0].first > 0))
        code = slg_stream_begin_read(store, found->stream, &parts->begin, err);
    if (code == SEGLOG_OK && parts->begin.is_there)
        trimmed_drop(parts);
    return code;
}

static seglog_code
fail_lost(uint64_t stream, struct seglog_error *err)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    const struct slg_place place = {
        .name = slg_stream_begin_name(stream, name),
        .offset = SEGLOG_NO_OFFSET,
    };

    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "the stream was trimmed, and the segments that were left "
                    "are missing");
}

seglog_code
slg_stream_parts_list(struct seglog_store store, uint64_t stream,
                      struct slg_stream_parts *parts, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    /* All that were listed may have been trimmed before that was asked. */
    for (unsigned i = 0; i < STALE_MAX; i++) {
        struct collection found = { .stream = stream };

        code = parts_collect(store, &found, err);
        if (code == SEGLOG_OK &&
            (found.parts.count > 0 || !found.parts.begin.is_there)) {
            slg_stream_parts_reset(parts);
            *parts = found.parts;
            return SEGLOG_OK;
        }
        slg_stream_parts_reset(&found.parts);
        if (code != SEGLOG_OK)
            return code;
    }
    return fail_lost(stream, err);
}

const struct slg_stream_part *
slg_stream_parts_find(const struct slg_stream_parts *parts, uint64_t offset)
{
    size_t low = 0;
    size_t high = parts->count;

    /* An empty one begins where the next one does: the last of them is it. */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (parts->parts[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &parts->parts[low - 1] : NULL;
}

const struct slg_stream_part *
slg_stream_parts_last(const struct slg_stream_parts *parts)
{
    return parts->count > 0 ? &parts->parts[parts->count - 1] : NULL;
}

void
slg_stream_parts_reset(struct slg_stream_parts *parts)
{
    free(parts->parts);
    *parts = (struct slg_stream_parts){ 0 };
}
