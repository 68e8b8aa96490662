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
    struct slg_stream_parts parts;
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

seglog_code
slg_stream_parts_list(struct seglog_store store, uint64_t stream,
                      struct slg_stream_parts *parts, struct seglog_error *err)
{
    struct collection found = { .stream = stream };
    char prefix[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(prefix, sizeof prefix, PREFIX "%" PRIu64 ".", stream);
    code = seglog_store_list(store, prefix, name_collect, &found, err);
    if (code == SEGLOG_OK && found.has_no_memory)
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the segments of a stream");
    if (code != SEGLOG_OK) {
        slg_stream_parts_reset(&found.parts);
        return code;
    }
    leftovers_drop(&found.parts);
    slg_stream_parts_reset(parts);
    *parts = found.parts;
    return SEGLOG_OK;
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
