/* SPDX-License-Identifier: MIT */
/* fuzz/support.c - what the fuzz targets share. */
#include "fuzz/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "format/control.h"

/* More events than this come out of no input that the targets take. */
#define EVENTS_MAX ((size_t)1 << 20)

/*
 * Every reader has megabytes of working space.  Blocks that go back to the
 * system each time cost a page fault for each page that is touched again.
 */
__attribute__((constructor)) static void
memory_keep(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

void
must_fail(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, cond);
    abort();
}

uint8_t *
exact_copy(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    MUST(copy != NULL);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

/* Room for one more item of this size. */
static void *
array_grow(void *items, size_t count, size_t *cap, size_t size)
{
    void *grown = NULL;

    if (count < *cap)
        return items;
    *cap = *cap > 0 ? 2 * *cap : 16;
    grown = realloc(items, *cap * size);
    MUST(grown != NULL);
    return grown;
}

/* -- the input ------------------------------------------------------------- */

uint8_t
input_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

uint64_t
input_number(struct input *input, unsigned bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < bytes; i++)
        number |= (uint64_t)input_byte(input) << 8 * i;
    return number;
}

const uint8_t *
input_bytes(struct input *input, size_t *len)
{
    const uint8_t *bytes = input->at;

    if (*len > input->left)
        *len = input->left;
    if (*len > 0)
        input->at += *len;
    input->left -= *len;
    return bytes;
}

bool
input_is_one_in(const uint8_t *data, size_t size, unsigned many)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 16777619u;
    return (hash >> 8) % many == 0;
}

/* -- blobs ----------------------------------------------------------------- */

void
blob_put(struct seglog_store store, const char *name, const uint8_t *bytes,
         size_t len)
{
    struct seglog_blob blob;

    MUST(seglog_blob_open(store, name,
                          SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
                          &blob, NULL) == SEGLOG_OK);
    MUST(len == 0 ||
         seglog_blob_append(blob, 0, bytes, len, NULL, NULL) == SEGLOG_OK);
    MUST(seglog_blob_close(&blob, NULL) == SEGLOG_OK);
}

uint8_t *
blob_get(struct seglog_store store, const char *name, size_t *len)
{
    struct seglog_blob blob;
    uint8_t *bytes = NULL;
    uint64_t size = 0;

    MUST(seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL) ==
         SEGLOG_OK);
    MUST(seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK);
    *len = (size_t)size;
    bytes = malloc(*len ? *len : 1);
    MUST(bytes != NULL);
    MUST(seglog_blob_read_at(blob, 0, bytes, *len, NULL) == SEGLOG_OK);
    MUST(seglog_blob_close(&blob, NULL) == SEGLOG_OK);
    return bytes;
}

/* -- what a scan says ------------------------------------------------------ */

static void
survey_on_finding(void *arg, const struct seglog_finding *finding)
{
    struct survey *survey = arg;

    survey->findings =
        array_grow(survey->findings, survey->finding_count,
                   &survey->finding_cap, sizeof *survey->findings);
    survey->findings[survey->finding_count++] = *finding;
}

static bool
survey_on_frame(void *arg, const struct seglog_frame *frame)
{
    struct survey *survey = arg;

    survey->frames = array_grow(survey->frames, survey->frame_count,
                                &survey->frame_cap, sizeof *survey->frames);
    survey->frames[survey->frame_count++] = *frame;
    return true;
}

void
survey_take(struct survey *survey, struct seglog_store store, const char *name,
            uint64_t expect)
{
    const struct seglog_scan_options options = {
        .size = sizeof options,
        .expect = expect,
        .on_finding = survey_on_finding,
        .on_frame = survey_on_frame,
        .arg = survey,
    };

    memset(survey, 0, sizeof *survey);
    survey->code = seglog_scan(store, name, &options, &survey->summary, NULL);
}

void
survey_free(struct survey *survey)
{
    free(survey->findings);
    free(survey->frames);
    memset(survey, 0, sizeof *survey);
}

/* Frames whose numbers have passed. */
static bool
numbers_go_back(const struct survey *survey)
{
    uint64_t number = survey->summary.first_record;

    for (size_t i = 0; i < survey->frame_count; i++) {
        const struct seglog_frame *f = &survey->frames[i];

        if (f->first_record < number)
            return true;
        number = f->first_record + f->count;
    }
    return false;
}

bool
survey_may_mislead(const struct survey *survey, const uint8_t *bytes,
                   size_t len)
{
    size_t frame = 0;

    if (numbers_go_back(survey))
        return true;
    for (size_t i = 0; i < len; i++) {
        struct slg_mark mark;

        while (frame < survey->frame_count && survey->frames[frame].offset < i)
            frame++;
        if (frame < survey->frame_count && survey->frames[frame].offset == i)
            continue;
        if (slg_mark_decode(bytes + i, len - i, &mark))
            return true;
    }
    return false;
}

/* -- what a reader says ---------------------------------------------------- */

static void
reading_keep(struct reading *reading, const struct seglog_record *record)
{
    const size_t need = reading->len + record->len;

    if (need > reading->bytes_cap) {
        reading->bytes_cap = 2 * need;
        reading->bytes = realloc(reading->bytes, reading->bytes_cap);
        MUST(reading->bytes != NULL);
    }
    /* All of it, so that a sanitizer sees a record that is not there. */
    if (record->len > 0)
        memcpy(reading->bytes + reading->len, record->data, record->len);
    reading->len = need;
    reading->records++;
}

seglog_code
reading_next(struct reading *reading, struct seglog_reader *reader)
{
    struct seglog_event event;
    const seglog_code code = seglog_reader_next(reader, &event, NULL);
    struct heard *heard = NULL;

    if (code != SEGLOG_OK)
        return code;
    MUST(event.type == SEGLOG_EVENT_RECORD || event.type == SEGLOG_EVENT_GAP);
    MUST(reading->count < EVENTS_MAX);
    reading->events = array_grow(reading->events, reading->count, &reading->cap,
                                 sizeof *reading->events);
    heard = &reading->events[reading->count++];
    memset(heard, 0, sizeof *heard);
    heard->is_gap = event.type == SEGLOG_EVENT_GAP;
    heard->start = reading->len;
    if (heard->is_gap) {
        heard->gap = event.finding;
        reading->recorded_gaps += event.finding.is_recorded;
    } else {
        heard->record = event.record;
        reading_keep(reading, &event.record);
    }
    return SEGLOG_OK;
}

void
reading_take(struct reading *reading, struct seglog_store store,
             const char *name, const struct seglog_reader_options *options)
{
    struct seglog_reader *reader = NULL;

    memset(reading, 0, sizeof *reading);
    reading->code = seglog_reader_open(store, name, options, &reader, NULL);
    while (reading->code == SEGLOG_OK)
        reading->code = reading_next(reading, reader);
    seglog_reader_close(reader);
}

void
reading_free(struct reading *reading)
{
    free(reading->events);
    free(reading->bytes);
    memset(reading, 0, sizeof *reading);
}

bool
heard_same_record(const struct reading *a, const struct heard *x,
                  const struct reading *b, const struct heard *y)
{
    return x->record.record_no == y->record.record_no &&
           x->record.kind == y->record.kind && x->record.len == y->record.len &&
           (x->record.len == 0 ||
            memcmp(a->bytes + x->start, b->bytes + y->start, x->record.len) ==
                0);
}

int
finding_compare(const struct seglog_finding *a, const struct seglog_finding *b)
{
    const uint64_t x[] = {
        a->first_byte,
        a->first_record,
        a->last_record,
        a->byte_count,
        (uint64_t)a->cause,
        (uint64_t)a->verdict,
        a->line,
        a->lines,
        a->has_shift,
        (uint64_t)a->shift,
        (uint64_t)a->durable,
        a->depends_on,
        a->is_recorded,
    };
    const uint64_t y[] = {
        b->first_byte,
        b->first_record,
        b->last_record,
        b->byte_count,
        (uint64_t)b->cause,
        (uint64_t)b->verdict,
        b->line,
        b->lines,
        b->has_shift,
        (uint64_t)b->shift,
        (uint64_t)b->durable,
        b->depends_on,
        b->is_recorded,
    };

    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) {
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    }
    return 0;
}
