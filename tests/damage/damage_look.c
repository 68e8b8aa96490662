/* SPDX-License-Identifier: MIT */
/* tests/damage/damage_look.c - what a damaged segment looks like. */
#include "tests/damage/damage_look.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"

void
looked_init(struct looked *looked, const struct sample *sample)
{
    *looked = (struct looked){ .code = SEGLOG_OK };
    looked->has = calloc(sample->records + 2, 1);
    MUST(looked->has);
}

void
looked_free(struct looked *looked)
{
    free(looked->has);
}

static void
finding_note(void *arg, const struct seglog_finding *finding)
{
    struct looked *looked = arg;

    if (looked->finding_count < JUDGE_FINDINGS_MAX)
        looked->findings[looked->finding_count] = *finding;
    looked->finding_count++;
}

bool
record_is_right(struct run *run, const struct seglog_record *record,
                uint64_t last)
{
    const struct sample *sample = run->sample;
    const uint64_t n = record->record_no;

    if (n <= last || n == 0 || n > sample->records) {
        run_finding(run, "record %" PRIu64 " comes behind %" PRIu64, n, last);
        return false;
    }
    if (record->line_no != n) {
        run_finding(run, "record %" PRIu64 " is line %" PRIu64, n,
                    record->line_no);
        return false;
    }
    if (record->len == sample->len[n] && record->kind == sample->kinds[n]) {
        if (memcmp(record->data, sample->data[n], record->len) == 0)
            return true;
        /*
         * Bytes with their CRC-32 behind them, such as the header of a log in
         * a log, in the place of others of that length with theirs: no CRC-32
         * around them can tell (SPEC.md 2).
         */
        if (slg_crc32(0, record->data, record->len) ==
            slg_crc32(0, sample->data[n], record->len)) {
            run->blind++;
            return true;
        }
    }
    run_finding(run,
                "record %" PRIu64 " is not what was written: %zu bytes at "
                "%" PRIu64,
                n, record->len, record->offset);
    return false;
}

struct seglog_reader *
reader_open(struct run *run, bool salvage, uint64_t from, uint64_t expect,
            seglog_code *code)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage,
                                                   .from_record = from,
                                                   .expect = expect };
    struct seglog_reader *reader = NULL;

    *code = seglog_reader_open(run->sample->store, VIEW_NAME, &options, &reader,
                               NULL);
    return reader;
}

static bool
findings_equal(const struct seglog_finding *a, const struct seglog_finding *b)
{
    return a->verdict == b->verdict && a->cause == b->cause &&
           a->first_record == b->first_record &&
           a->last_record == b->last_record && a->first_byte == b->first_byte &&
           a->byte_count == b->byte_count && a->depends_on == b->depends_on &&
           a->has_shift == b->has_shift && a->shift == b->shift &&
           a->line == b->line;
}

/* In whatever order: a reader tells of one when it comes to it. */
static bool
finding_is_among(const struct looked *looked,
                 const struct seglog_finding *finding)
{
    for (size_t i = 0; i < looked->finding_count && i < JUDGE_FINDINGS_MAX;
         i++) {
        if (findings_equal(&looked->findings[i], finding))
            return true;
    }
    return looked->finding_count > JUDGE_FINDINGS_MAX;
}

static void
salvage(struct run *run, uint64_t expect, struct looked *looked)
{
    seglog_code code = SEGLOG_OK;
    struct seglog_reader *reader = reader_open(run, true, 0, expect, &code);
    struct seglog_event event;
    uint64_t last = 0;
    size_t gaps = 0;

    if (code != SEGLOG_OK) {
        if (code != looked->code)
            run_finding(run, "scan says %s, reader %s",
                        seglog_code_name(looked->code), seglog_code_name(code));
        return;
    }
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_GAP) {
            gaps++;
            if (!finding_is_among(looked, &event.finding))
                run_finding(run, "reader tells of a gap that scan does not");
            continue;
        }
        if (!record_is_right(run, &event.record, last))
            break;
        last = event.record.record_no;
        looked->has[last] = 1;
        looked->delivered++;
    }
    if (code != SEGLOG_END && code != SEGLOG_OK)
        run_finding(run, "reader ends with %s", seglog_code_name(code));
    if (code == SEGLOG_END && (looked->delivered != looked->summary.records ||
                               gaps != looked->finding_count))
        run_finding(run,
                    "scan: %" PRIu64 " records, %zu findings; reader %" PRIu64
                    ", %zu",
                    looked->summary.records, looked->finding_count,
                    looked->delivered, gaps);
    seglog_reader_close(reader);
}

void
show(const struct run *run, const uint8_t *bytes, size_t len)
{
    /* The view belongs to the sample; what it shows is the run's. */
    struct view *view = (struct view *)(uintptr_t)&run->sample->view;

    view->bytes = bytes;
    view->len = len;
}

void
look(struct run *run, const uint8_t *bytes, size_t len, uint64_t expect,
     struct looked *looked)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .expect = expect,
                                                 .on_finding = finding_note,
                                                 .arg = looked };

    run->images++;
    memset(looked->has, 0, run->sample->records + 2);
    looked->delivered = 0;
    looked->finding_count = 0;
    show(run, bytes, len);
    looked->code = seglog_scan(run->sample->store, VIEW_NAME, &options,
                               &looked->summary, NULL);
    if (looked->code != SEGLOG_OK && looked->code != SEGLOG_FORMAT)
        run_finding(run, "scan says %s", seglog_code_name(looked->code));
    salvage(run, expect, looked);
}
