/* SPDX-License-Identifier: MIT */
/* tests/damage/damage_judge.c - do what must be and what is agree. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp, WEXITSTATUS */
#include "tests/damage/damage_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------
 * Exact judgement
 */

static bool
has_block_of(const uint8_t *bytes, size_t at, size_t end, uint8_t value)
{
    for (size_t block = (at + 511) / 512 * 512; block + 512 <= end;
         block += 512) {
        size_t same = 0;

        while (same < 512 && bytes[block + same] == value)
            same++;
        if (same == 512)
            return true;
    }
    return false;
}

/* Does the payload of a record in [at, end) hold a whole log? */
static bool
holds_log(const struct sample *sample)
{
    return sample->kind->payload == PAYLOAD_LOGS;
}

static const char *
cause_complain(const struct run *run, const struct seglog_finding *finding,
               const struct expected_gap *gap)
{
    const struct sample *sample = run->sample;
    const struct unit *unit = sample_unit_at(sample, gap->at);
    const bool is_one = unit->end == gap->end;
    const enum seglog_cause cause = finding->cause;
    const uint8_t *bytes = sample->view.bytes;

    if (finding->verdict == SEGLOG_VERDICT_FOREIGN && holds_log(sample))
        return NULL;
    if (finding->verdict != SEGLOG_VERDICT_CORRUPT)
        return "CORRUPT";
    if (gap->depends_on != 0)
        return cause == SEGLOG_CAUSE_DEPENDS_ON ? NULL : "depends-on";
    if (sample->kind->is_encrypted)
        return cause == SEGLOG_CAUSE_AUTH ? NULL : "auth";
    if (gap->at == 0)
        return cause == SEGLOG_CAUSE_HEADER ? NULL : "header";
    if (has_block_of(bytes, gap->at, gap->end, 0))
        return cause == SEGLOG_CAUSE_ZEROS ? NULL : "zeros";
    if (is_one && unit->type == UNIT_SYNC)
        return cause == SEGLOG_CAUSE_MARK ? NULL : "mark";
    if (is_one && unit->type == UNIT_OTHER)
        return cause == SEGLOG_CAUSE_INSERTED || cause == SEGLOG_CAUSE_MARK
                   ? NULL
                   : "inserted";
    return cause == SEGLOG_CAUSE_CHECKSUM || cause == SEGLOG_CAUSE_LENGTH ||
                   cause == SEGLOG_CAUSE_HEAD
               ? NULL
               : "checksum, length or head";
}

static void
tail_judge(struct run *run, const struct seglog_finding *finding,
           const struct expected_gap *gap)
{
    const struct sample *sample = run->sample;
    const bool is_mark = gap->first == 0 && !sample->kind->is_encrypted;
    const bool is_corrupt = is_mark || sample->kind->is_sealed ||
                            finding->cause == SEGLOG_CAUSE_AUTH;

    if (finding->verdict !=
        (is_corrupt ? SEGLOG_VERDICT_CORRUPT : SEGLOG_VERDICT_TORN))
        run_finding(run, "the tail is %s %s",
                    seglog_verdict_name(finding->verdict),
                    seglog_cause_name(finding->cause));
    if (is_mark && finding->cause != SEGLOG_CAUSE_CLOSING_MARK)
        run_finding(run, "the tail is of cause %s",
                    seglog_cause_name(finding->cause));
}

static void
gap_judge(struct run *run, const struct seglog_finding *finding,
          const struct expected_gap *gap)
{
    const char *wanted = NULL;

    if (finding->first_byte != gap->at ||
        finding->byte_count != gap->end - gap->at)
        run_finding(run, "gap at %" PRIu64 "+%" PRIu64 " instead of %zu+%zu",
                    finding->first_byte, finding->byte_count, gap->at,
                    gap->end - gap->at);
    if (gap->is_tail) {
        tail_judge(run, finding, gap);
        return;
    }
    if (finding->first_record != gap->first ||
        finding->last_record != gap->last ||
        finding->depends_on != gap->depends_on)
        run_finding(run,
                    "lost %" PRIu64 "-%" PRIu64 " for %" PRIu64
                    " instead of %" PRIu64 "-%" PRIu64 " for %" PRIu64,
                    finding->first_record, finding->last_record,
                    finding->depends_on, gap->first, gap->last,
                    gap->depends_on);
    wanted = cause_complain(run, finding, gap);
    if (wanted)
        run_finding(run, "%s %s instead of %s",
                    seglog_verdict_name(finding->verdict),
                    seglog_cause_name(finding->cause), wanted);
}

void
judge_exactly(struct run *run, const struct looked *looked,
              const struct expected *expected)
{
    const struct sample *sample = run->sample;

    if (looked->code != SEGLOG_OK) {
        run_finding(run, "scan says %s", seglog_code_name(looked->code));
        return;
    }
    for (uint64_t n = 1; n <= sample->records; n++) {
        if (looked->has[n] == expected->is_lost[n])
            run_finding(run, "record %" PRIu64 " is %s", n,
                        looked->has[n] ? "there" : "missing");
    }
    if (looked->summary.lost != expected->lost)
        run_finding(run, "%" PRIu64 " lost instead of %" PRIu64,
                    looked->summary.lost, expected->lost);
    if (looked->delivered + looked->summary.lost + expected->missing_tail !=
        sample->records)
        run_finding(run, "records do not add up");
    if (looked->finding_count != expected->gap_count) {
        run_finding(run, "%zu findings instead of %zu", looked->finding_count,
                    expected->gap_count);
        return;
    }
    for (size_t i = 0; i < expected->gap_count && i < JUDGE_FINDINGS_MAX; i++)
        gap_judge(run, &looked->findings[i], &expected->gaps[i]);
}

/* Is the record within one of the ranges that were told to be lost? */
static bool
loss_is_told(const struct looked *looked, uint64_t number)
{
    for (size_t i = 0; i < looked->finding_count && i < JUDGE_FINDINGS_MAX;
         i++) {
        const struct seglog_finding *finding = &looked->findings[i];

        if (finding->verdict != SEGLOG_VERDICT_TORN &&
            finding->first_record != 0 && number >= finding->first_record &&
            number <= finding->last_record)
            return true;
    }
    return false;
}

void
judge_bounds(struct run *run, const struct looked *looked,
             const struct expected *expected)
{
    const struct sample *sample = run->sample;
    const bool is_counted = looked->finding_count <= JUDGE_FINDINGS_MAX;

    if (looked->code != SEGLOG_OK)
        return;
    if (looked->finding_count == 0)
        run_finding(run, "nothing is said");
    for (uint64_t n = 1; n <= sample->records; n++) {
        if (!looked->has[n] && !expected->is_lost[n])
            run_finding(run, "record %" PRIu64 " is missing", n);
        /* Behind the last one that is known nobody can count. */
        if (is_counted && !looked->has[n] && !loss_is_told(looked, n) &&
            n < looked->summary.next_record)
            run_finding(run, "record %" PRIu64 " is lost in silence", n);
        if (is_counted && looked->has[n] && loss_is_told(looked, n))
            run_finding(run, "record %" PRIu64 " is told to be lost", n);
    }
}

/* ---------------------------------------------------------------------------
 * Near the damage
 */

/* Unit u and back until so many sync points have been passed. */
static size_t
unit_back(const struct sample *sample, size_t u, unsigned syncs)
{
    while (u > 0 && syncs > 0) {
        u--;
        syncs -= sample->units[u].type == UNIT_SYNC;
    }
    return u;
}

static size_t
unit_on(const struct sample *sample, size_t u, unsigned syncs)
{
    while (u + 1 < sample->unit_count && syncs > 0) {
        u++;
        syncs -= sample->units[u].type == UNIT_SYNC;
    }
    return u;
}

static void
near_read(struct run *run, uint64_t from, uint64_t to, size_t from_byte,
          const struct expected *expected)
{
    seglog_code code = SEGLOG_OK;
    struct seglog_reader *reader = reader_open(run, true, from, 0, &code);
    struct seglog_event event;
    uint64_t next = from;
    size_t gap = 0;

    if (code != SEGLOG_OK) {
        run_finding(run, "reader says %s", seglog_code_name(code));
        return;
    }
    while (gap < expected->gap_count && expected->gaps[gap].at < from_byte)
        gap++;
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_GAP) {
            if (gap == expected->gap_count)
                run_finding(run, "one gap too many");
            else
                gap_judge(run, &event.finding, &expected->gaps[gap]);
            gap++;
            continue;
        }
        while (next < event.record.record_no && next <= to &&
               expected->is_lost[next])
            next++;
        if (event.record.record_no != next)
            run_finding(run, "record %" PRIu64 " instead of %" PRIu64,
                        event.record.record_no, next);
        if (!record_is_right(run, &event.record, next - 1))
            break;
        next = event.record.record_no + 1;
    }
    while (next <= to && expected->is_lost[next])
        next++;
    if (next != to + 1 || gap != expected->gap_count)
        run_finding(run, "it ends before record %" PRIu64 ", gap %zu of %zu",
                    next, gap, expected->gap_count);
    seglog_reader_close(reader);
}

void
look_near(struct run *run, const uint8_t *bytes, size_t at, size_t end,
          const struct expected *expected)
{
    const struct sample *sample = run->sample;
    const size_t first = unit_back(
        sample, (size_t)(sample_unit_at(sample, at) - sample->units), 2);
    const size_t last = unit_on(
        sample, (size_t)(sample_unit_at(sample, end - 1) - sample->units), 2);
    const uint64_t to = sample->units[last].first + sample->units[last].count;

    run->images++;
    show(run, bytes, sample->units[last].end);
    near_read(run, sample->units[first].first, to - 1, sample->units[first].at,
              expected);
}

/* ---------------------------------------------------------------------------
 * Others who read
 */

void
judge_strict(struct run *run, const struct looked *looked)
{
    const struct sample *sample = run->sample;
    const bool is_torn = looked->summary.verdict == SEGLOG_VERDICT_TORN;
    seglog_code code = SEGLOG_OK;
    struct seglog_reader *reader = reader_open(run, false, 0, 0, &code);
    struct seglog_event event;
    uint64_t before = 0; /* records in front of the first finding */
    uint64_t count = 0;

    for (uint64_t n = 1; n <= sample->records && looked->has[n]; n++)
        before = n;
    for (size_t i = 0; i < looked->finding_count && i < 1; i++) {
        const struct unit *unit =
            sample_unit_at(sample, (size_t)looked->findings[0].first_byte);

        if (looked->findings[0].first_byte < sample->plain_len &&
            unit->first <= before)
            before = unit->first - 1;
    }
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, NULL);
        if (code == SEGLOG_OK && event.type == SEGLOG_EVENT_RECORD) {
            if (!record_is_right(run, &event.record, count))
                break;
            count++;
        }
    }
    if (code != (is_torn ? SEGLOG_END : SEGLOG_CORRUPT))
        run_finding(run, "strict: %s", seglog_code_name(code));
    else if (count != (looked->findings[0].cause == SEGLOG_CAUSE_HEADER ||
                               looked->findings[0].first_byte == 0
                           ? 0
                           : before))
        run_finding(run, "strict: %" PRIu64 " records before it", count);
    seglog_reader_close(reader);
}

/* Read a repaired segment: exactly what is expected, and nothing is wrong. */
static uint64_t
repaired_read(struct run *run, struct seglog_store store, const char *name,
              const struct looked *looked)
{
    const struct seglog_reader_options options = { .size = sizeof options };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = seglog_reader_open(store, name, &options, &reader, NULL);
    uint64_t told = 0;
    uint64_t count = 0;
    uint64_t last = 0;

    while (code == SEGLOG_OK &&
           (code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_GAP) {
            told += event.finding.last_record - event.finding.first_record + 1;
            continue;
        }
        if (!record_is_right(run, &event.record, last))
            break;
        last = event.record.record_no;
        count++;
        if (!looked->has[last])
            run_finding(run, "repair has record %" PRIu64, last);
    }
    if (code != SEGLOG_END)
        run_finding(run, "%s: %s", name, seglog_code_name(code));
    if (count != looked->delivered || told != looked->summary.lost)
        run_finding(run,
                    "%s: %" PRIu64 " records and %" PRIu64 " told to be lost",
                    name, count, told);
    seglog_reader_close(reader);
    return count;
}

void
judge_repair(struct run *run, const struct looked *looked)
{
    struct seglog_scan_summary summary;
    struct seglog_store memory;
    seglog_code code = SEGLOG_OK;

    if (looked->code != SEGLOG_OK)
        return;
    MUST(seglog_store_memory_open(&memory, NULL) == SEGLOG_OK);
    code = seglog_repair(run->sample->store, VIEW_NAME, memory, "once", NULL,
                         NULL, NULL);
    if (code == SEGLOG_OK)
        code = seglog_repair(memory, "once", memory, "twice", NULL, &summary,
                             NULL);
    if (code != SEGLOG_OK) {
        run_finding(run, "repair: %s", seglog_code_name(code));
    } else {
        if (summary.verdict != SEGLOG_VERDICT_OK || !summary.is_closed)
            run_finding(run, "what was repaired is %s",
                        seglog_verdict_name(summary.verdict));
        (void)repaired_read(run, memory, "once", looked);
        (void)repaired_read(run, memory, "twice", looked);
    }
    seglog_store_close(&memory);
}

void
judge_cursor(struct run *run, const struct looked *looked, uint64_t from)
{
    const struct sample *sample = run->sample;
    seglog_code code = SEGLOG_OK;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    uint64_t last = from - 1;

    if (looked->code != SEGLOG_OK)
        return;
    reader = reader_open(run, true, from, 0, &code);
    while (code == SEGLOG_OK &&
           (code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        if (!record_is_right(run, &event.record, last))
            break;
        while (++last < event.record.record_no) {
            if (looked->has[last])
                run_finding(run,
                            "from %" PRIu64 ": record %" PRIu64 " is missing",
                            from, last);
        }
        if (!looked->has[last])
            run_finding(run, "from %" PRIu64 ": record %" PRIu64 " is there",
                        from, last);
    }
    if (code != SEGLOG_END)
        run_finding(run, "from %" PRIu64 ": %s", from, seglog_code_name(code));
    while (++last <= sample->records) {
        if (looked->has[last])
            run_finding(run, "from %" PRIu64 ": record %" PRIu64 " is missing",
                        from, last);
    }
    seglog_reader_close(reader);
}

/* ---------------------------------------------------------------------------
 * Programs
 */

static void
file_write(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    MUST(file);
    MUST(fwrite(bytes, 1, len, file) == len);
    MUST(fclose(file) == 0);
}

/* The lines must be those of the records that are there. */
static void
lines_compare(struct run *run, const char *path, const struct looked *looked)
{
    const struct sample *sample = run->sample;
    static uint8_t line[1 << 16];
    FILE *file = fopen(path, "rb");
    bool is_same = true;

    MUST(file);
    for (uint64_t n = 1; is_same && n <= sample->records; n++) {
        if (!looked->has[n])
            continue;
        MUST(sample->len[n] < sizeof line);
        is_same =
            fread(line, 1, sample->len[n] + 1, file) == sample->len[n] + 1 &&
            memcmp(line, sample->data[n], sample->len[n]) == 0 &&
            line[sample->len[n]] == '\n';
    }
    if (!is_same || fgetc(file) != EOF)
        run_finding(run, "seg2json writes other lines");
    MUST(fclose(file) == 0);
}

void
judge_tools(struct run *run, const uint8_t *bytes, size_t len,
            const struct looked *looked)
{
    const char *tools = getenv("SEGLOG_TOOLS");
    const int wanted = looked->summary.verdict == SEGLOG_VERDICT_TORN ? 0 : 3;
    char command[1024];
    int status = 0;

    if (!tools)
        return;
    (void)snprintf(command, sizeof command, "%s/seglog", tools);
    if (access(command, X_OK) != 0 || looked->code != SEGLOG_OK ||
        run->sample->kind->is_encrypted)
        return;
    file_write("damaged.seg", bytes, len);
    (void)snprintf(command, sizeof command,
                   "'%s/seg2json' damaged.seg >damaged.jsonl 2>/dev/null",
                   tools);
    status = system(command);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
        run_finding(run, "seg2json exits with %d", WEXITSTATUS(status));
    lines_compare(run, "damaged.jsonl", looked);
    (void)snprintf(command, sizeof command,
                   "'%s/seglog' check damaged.seg >damaged.txt 2>&1", tools);
    status = system(command);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
        run_finding(run, "seglog check exits with %d", WEXITSTATUS(status));
}
