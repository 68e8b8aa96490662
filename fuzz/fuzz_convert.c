/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_convert.c - what json2seg and seg2json do, there and back, by the
 * code of both (SPEC.md 11).
 *
 * Byte 0 of the input: bits 0 and 1 groups, bit 2 the text is typed lines too,
 * bits 3 and 4 the codec, bit 5 small bodies.  Text follows.
 *
 * Lines come back as the bytes that they were; with typed lines what is written
 * of a segment makes one with the same records and gaps, which is written as
 * the same bytes; text without typed lines is not changed by either way.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/support.h"
#include "tools/export_lines.h"
#include "tools/json2seg.h"

#define TEXT_MAX ((size_t)4096)
/* Of what comes out: base64, and what typed lines have beside it. */
#define OUT_MAX TOOL_OUTPUT_BYTES

enum how {
    HOW_GROUPS = 3,
    HOW_TYPED = 4,
    HOW_SMALL = 32
};

/* -- lines into a segment -------------------------------------------------- */

/* Text as a file, which json2seg reads. */
static int
text_open(const uint8_t *text, size_t len)
{
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("lines", MFD_CLOEXEC);
    MUST(fd >= 0 && ftruncate(fd, 0) == 0);
    MUST(pwrite(fd, text, len, 0) == (ssize_t)len);
    MUST(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void
fault_pass(void *arg, const struct seglog_json_broken *line, uint64_t line_no,
           uint64_t line_at)
{
    uint64_t *faults = arg;

    MUST(line->fault != SEGLOG_JSON_OK && line_no >= 1 && line_at <= OUT_MAX);
    ++*faults;
}

static void
text_import(struct seglog_store store, const char *name, unsigned how,
            const uint8_t *text, size_t len)
{
    static const uint8_t identity[SEGLOG_IDENTITY_BYTES] = { 0xC0 };
    const struct json2seg_options options = {
        .group = 1 + (how & HOW_GROUPS) * 3u,
        .is_typed = (how & HOW_TYPED) != 0,
    };
    struct json2seg_import *import = calloc(1, sizeof *import);
    uint64_t faults = 0;

    MUST(import);
    import->options = &options;
    import->hooks =
        (struct json2seg_hooks){ .on_fault = fault_pass, .arg = &faults };
    import->batch = (struct json2seg_batch){
        .input = &import->input,
        .group_max = (size_t)options.group,
        .store = store,
        .name = name,
        .shown = name,
        .options = { .mode = SEGLOG_WRITER_PRIVATE,
                     .create = SEGLOG_CREATE_NEW,
                     .identity = identity,
                     .is_epoch_given = true,
                     .epoch_random = 1,
                     .body_log2 = how & HOW_SMALL ? 9 : 16,
                     .codec = (enum seglog_codec)((how >> 3) % 3) },
    };
    MUST(json2seg_input_open_fd(&import->input, text_open(text, len), "lines",
                                2 * OUT_MAX, NULL) == SEGLOG_OK);
    MUST(json2seg_batch_open(&import->batch, &import->err) == SEGLOG_OK);
    import->line_no = 1;
    MUST(json2seg_import_all(import));
    MUST(!import->is_refused && !import->is_failed);
    MUST(json2seg_batch_close(&import->batch, &import->err) == SEGLOG_OK);
    json2seg_input_close(&import->input);
    free(import);
}

/* -- a segment into lines -------------------------------------------------- */

/* What is written; it is good until the next call with this slot. */
static const uint8_t *
segment_export(struct seglog_store store, const char *name, bool has_gaps,
               unsigned slot, size_t *len)
{
    static uint8_t *bufs[2];
    const struct export_options options = { .to = UINT64_MAX,
                                            .has_gaps = has_gaps };
    struct tool_output output = { .len = 0 };
    struct export_lines lines = { .options = &options,
                                  .shown = name,
                                  .output = &output };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    if (!bufs[slot])
        bufs[slot] = malloc(TOOL_OUTPUT_BYTES);
    MUST(bufs[slot]);
    output.buf = bufs[slot];
    MUST(seglog_reader_open(store, name, NULL, &reader, NULL) == SEGLOG_OK);
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK)
        MUST(export_lines_event(&lines, &event));
    MUST(code == SEGLOG_END && export_lines_end(&lines));
    MUST(!lines.is_damaged && lines.unconfirmed == 0);
    seglog_reader_close(reader);
    *len = output.len;
    return output.buf;
}

/* -- both ------------------------------------------------------------------ */

static void
segment_must_be_sound(struct seglog_store store, const char *name)
{
    struct survey survey;

    survey_take(&survey, store, name, 0);
    MUST(survey.code == SEGLOG_OK && survey.finding_count == 0);
    survey_free(&survey);
}

/* Records, kinds, gaps: all but where they stand. */
static void
segments_must_be_same(struct seglog_store store)
{
    struct reading a;
    struct reading b;

    reading_take(&a, store, "a", NULL);
    reading_take(&b, store, "b", NULL);
    MUST(a.code == SEGLOG_END && b.code == SEGLOG_END && a.count == b.count);
    for (size_t i = 0; i < a.count; i++) {
        const struct heard *x = &a.events[i];
        const struct heard *y = &b.events[i];

        MUST(x->is_gap == y->is_gap);
        if (x->is_gap)
            MUST(x->gap.first_record == y->gap.first_record &&
                 x->gap.last_record == y->gap.last_record &&
                 x->gap.lines == y->gap.lines && x->gap.cause == y->gap.cause &&
                 x->gap.verdict == y->gap.verdict);
        else
            MUST(heard_same_record(&a, x, &b, y));
    }
    reading_free(&a);
    reading_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    const unsigned how = input_byte(&input);
    const uint8_t *out = NULL;
    const uint8_t *again = NULL;
    struct seglog_store store;
    uint8_t *text = NULL;
    size_t len = 0;
    size_t again_len = 0;

    if (input.left > TEXT_MAX)
        return 0;
    tool_is_quiet = true;
    text = exact_copy(input.at, input.left);
    MUST(seglog_store_memory_open(&store, NULL) == SEGLOG_OK);
    text_import(store, "a", how, text, input.left);
    segment_must_be_sound(store, "a");
    if ((how & HOW_TYPED) == 0) {
        out = segment_export(store, "a", false, 0, &len);
        MUST(len == input.left && (len == 0 || memcmp(out, text, len) == 0));
    }
    out = segment_export(store, "a", true, 0, &len);
    text_import(store, "b", how | HOW_TYPED, out, len);
    segments_must_be_same(store);
    again = segment_export(store, "b", true, 1, &again_len);
    MUST(again_len == len && memcmp(again, out, len) == 0);
    seglog_store_close(&store);
    free(text);
    return 0;
}
