/* SPDX-License-Identifier: MIT */
/* tests/segment/forge_look.c - what scan and readers say of some bytes. */
#include "tests/segment/forge_support.h"

#include <stdio.h>

/* -- text ------------------------------------------------------------------ */

void
finding_format(const struct seglog_finding *finding, char *out, size_t cap)
{
    char records[48] = "-";
    char line[32] = "-";
    char shift[32] = "?";

    if (finding->first_record != 0 && finding->last_record != 0)
        (void)snprintf(records, sizeof records, "%llu-%llu",
                       (unsigned long long)finding->first_record,
                       (unsigned long long)finding->last_record);
    else if (finding->first_record != 0)
        (void)snprintf(records, sizeof records, "%llu-?",
                       (unsigned long long)finding->first_record);
    if (finding->line != 0)
        (void)snprintf(line, sizeof line, "%llu",
                       (unsigned long long)finding->line);
    if (finding->has_shift)
        (void)snprintf(shift, sizeof shift, "%lld", (long long)finding->shift);
    (void)snprintf(out, cap, "%s %s %s l%s @%llu+%llu s%s %s",
                   seglog_verdict_name(finding->verdict),
                   seglog_cause_name(finding->cause), records, line,
                   (unsigned long long)finding->first_byte,
                   (unsigned long long)finding->byte_count, shift,
                   seglog_durable_name(finding->durable));
}

static void
text_add(char *text, size_t cap, const char *more)
{
    const size_t len = strlen(text);

    assert_true(len + strlen(more) < cap);
    memcpy(text + len, more, strlen(more) + 1);
}

void
assert_findings(const struct look *look, const char *format, ...)
{
    char want[LOOK_EVENTS_MAX * 80];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(want, sizeof want, format, args);
    va_end(args);
    assert_string_equal(look->text, want);
}

void
assert_order(const struct look *look, const char *format, ...)
{
    char want[sizeof look->order];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(want, sizeof want, format, args);
    va_end(args);
    assert_string_equal(look->order, want);
}

/* -- scan ------------------------------------------------------------------ */

static void
finding_note(void *arg, const struct seglog_finding *finding)
{
    struct look *look = arg;
    char text[256];

    assert_true(look->finding_count < LOOK_EVENTS_MAX);
    assert_false(finding->is_recorded);
    look->findings[look->finding_count++] = *finding;
    finding_format(finding, text, sizeof text);
    text_add(look->text, sizeof look->text, text);
    text_add(look->text, sizeof look->text, "\n");
}

/* What must be true of any findings (SPEC.md 10.5). */
static void
findings_check(const struct look *look)
{
    static const uint8_t rank[] = { 0, 1, 4, 2, 3, 5 };
    const struct seglog_scan_summary *summary = &look->summary;
    uint64_t lost = 0;
    unsigned worst = SEGLOG_VERDICT_OK;

    for (size_t i = 0; i < look->finding_count; i++) {
        const struct seglog_finding *f = &look->findings[i];

        if (i > 0) {
            const struct seglog_finding *before = &look->findings[i - 1];
            assert_true(before->first_byte < f->first_byte ||
                        (before->first_byte == f->first_byte &&
                         before->first_record <= f->first_record));
        }
        assert_true(f->first_byte + f->byte_count <= summary->bytes);
        assert_int_equal(f->depends_on, 0);
        if (f->verdict != SEGLOG_VERDICT_TORN && f->first_record != 0) {
            assert_true(f->last_record >= f->first_record);
            lost += f->last_record - f->first_record + 1;
            assert_int_equal(f->lines, f->last_record - f->first_record + 1);
        }
        if (rank[f->verdict] > rank[worst])
            worst = f->verdict;
    }
    assert_int_equal(summary->lost, lost);
    assert_int_equal(summary->findings, look->finding_count);
    assert_int_equal(summary->verdict, worst);
}

/* -- readers --------------------------------------------------------------- */

/* Are line numbers certain, whatever was lost? */
static bool
lines_are_even(const struct forge *forge)
{
    if (forge->record_count == 0)
        return true;
    const struct forge_record *first = &forge->records[0];
    const struct forge_record *last = &forge->records[forge->record_count - 1];
    bool is_even = last->line - first->line == last->number - first->number;

    for (size_t i = 0; is_even && i < forge->record_count; i++)
        is_even = forge->records[i].kind != SEGLOG_PART;
    return is_even && first->line == first->number;
}

static void
record_check(const struct forge *forge, const struct seglog_record *record,
             bool is_line_certain)
{
    const struct forge_record *want = forge_record_of(forge, record->record_no);

    if (!want) {
        fail_msg("record %u was never written", (unsigned)record->record_no);
        return;
    }
    const struct forge_frame *frame = forge_frame_of(forge, record->record_no);
    assert_int_equal(record->kind, want->kind);
    assert_int_equal(record->len, want->len);
    if (want->len > 0)
        assert_memory_equal(record->data, want->data, want->len);
    /* The records of a block have nothing to do with each other. */
    assert_int_equal(record->group_left, frame->kind == SLG_FRAME_BLOCK
                                             ? 0
                                             : frame->number + frame->count -
                                                   1 - record->record_no);
    if (is_line_certain)
        assert_int_equal(record->line_no, want->line);
}

struct order {
    struct look *look;
    uint64_t first; /* of a row of records not yet written; 0: none */
    uint64_t last;
};

static void
order_flush(struct order *order)
{
    char text[64];

    if (order->first == 0)
        return;
    if (order->first == order->last)
        (void)snprintf(text, sizeof text, "%llu ",
                       (unsigned long long)order->first);
    else
        (void)snprintf(text, sizeof text, "%llu-%llu ",
                       (unsigned long long)order->first,
                       (unsigned long long)order->last);
    text_add(order->look->order, sizeof order->look->order, text);
    order->first = 0;
}

static void
order_record(struct order *order, const struct seglog_record *record)
{
    char text[32];

    if (!record->is_confirmed) {
        order_flush(order);
        (void)snprintf(text, sizeof text, "~%llu ",
                       (unsigned long long)record->record_no);
        text_add(order->look->order, sizeof order->look->order, text);
        return;
    }
    if (order->first != 0 && record->record_no == order->last + 1) {
        order->last++;
        return;
    }
    order_flush(order);
    order->first = order->last = record->record_no;
}

static void
order_gap(struct order *order, const struct seglog_finding *finding)
{
    char text[128];
    char records[48] = "";

    order_flush(order);
    if (finding->first_record != 0 && finding->last_record != 0)
        (void)snprintf(records, sizeof records, " %llu-%llu",
                       (unsigned long long)finding->first_record,
                       (unsigned long long)finding->last_record);
    (void)snprintf(text, sizeof text, "%s(%s%s) ",
                   finding->is_recorded ? "REC" : "GAP",
                   seglog_cause_name(finding->cause), records);
    text_add(order->look->order, sizeof order->look->order, text);
}

static bool
finding_is_same(const struct seglog_finding *a, const struct seglog_finding *b)
{
    char x[256];
    char y[256];

    finding_format(a, x, sizeof x);
    finding_format(b, y, sizeof y);
    return strcmp(x, y) == 0;
}

/* Every finding of the scan once. */
static void
events_check(const struct look *look, const struct seglog_finding *events,
             size_t count)
{
    bool is_seen[LOOK_EVENTS_MAX] = { false };

    for (size_t i = 0; i < count; i++) {
        bool is_found = false;

        for (size_t k = 0; !is_found && k < look->finding_count; k++) {
            is_found =
                !is_seen[k] && finding_is_same(&events[i], &look->findings[k]);
            if (is_found)
                is_seen[k] = true;
        }
        if (!is_found) {
            char text[256];
            finding_format(&events[i], text, sizeof text);
            fail_msg("the reader says what the scan does not: %s\nscan:\n%s",
                     text, look->text);
        }
    }
    if (count != look->finding_count)
        fail_msg("the reader reports %u findings of:\n%s", (unsigned)count,
                 look->text);
}

static void
salvage_check(const struct forge *forge, struct seglog_store store,
              uint64_t expect, struct look *look)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true,
                                                   .expect = expect };
    const bool is_line_certain = lines_are_even(forge);
    struct seglog_finding events[LOOK_EVENTS_MAX];
    struct order order = { .look = look };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    uint64_t unconfirmed = 0;
    uint64_t last = 0;
    size_t count = 0;
    seglog_code code;

    assert_code_err(seglog_reader_open(store, "look", &options, &reader, &err),
                    SEGLOG_OK, &err);
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_GAP) {
            order_gap(&order, &event.finding);
            if (event.finding.is_recorded) {
                if (event.finding.first_record <= last)
                    fail_msg("a recorded gap out of order: %s\n%s", look->order,
                             look->text);
                last = event.finding.last_record;
                continue;
            }
            assert_true(count < LOOK_EVENTS_MAX);
            events[count++] = event.finding;
            continue;
        }
        assert_int_equal(event.type, SEGLOG_EVENT_RECORD);
        assert_true(event.record.record_no > last);
        last = event.record.record_no;
        record_check(forge, &event.record,
                     is_line_certain || look->finding_count == 0);
        order_record(&order, &event.record);
        unconfirmed += !event.record.is_confirmed;
        look->line_last = event.record.line_no;
        look->records++;
    }
    assert_code_err(code, SEGLOG_END, &err);
    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_END, &err);
    order_flush(&order);
    seglog_reader_close(reader);
    if (look->order[0] != '\0')
        look->order[strlen(look->order) - 1] = '\0';
    if (look->records != look->summary.records ||
        unconfirmed != look->summary.unconfirmed)
        fail_msg("the scan counts %u records, %u of them unconfirmed; the "
                 "reader gave %s\n%s",
                 (unsigned)look->summary.records,
                 (unsigned)look->summary.unconfirmed, look->order, look->text);
    events_check(look, events, count);
}

/* The first finding that strict reading stops at; NULL: none. */
static const struct seglog_finding *
strict_stop(const struct look *look)
{
    for (size_t i = 0; i < look->finding_count; i++) {
        if (look->findings[i].verdict != SEGLOG_VERDICT_TORN)
            return &look->findings[i];
    }
    return NULL;
}

/*
 * Strict reading computes no stretch digests: it passes one that is wrong, and
 * knows less of the closing mark that should be there.
 */
static bool
look_needs_digest(const struct look *look)
{
    return strstr(look->text, " digest ") || strstr(look->text, "closing-mark");
}

static void
strict_check(const struct forge *forge, struct seglog_store store,
             uint64_t expect, const struct look *look)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .expect = expect };
    const struct seglog_finding *stop = strict_stop(look);
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    uint64_t last = 0;
    size_t count = 0;
    seglog_code code =
        seglog_reader_open(store, "look", &options, &reader, &err);

    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, &err);
        if (code != SEGLOG_OK || event.type == SEGLOG_EVENT_GAP) {
            assert_true(code != SEGLOG_OK || event.finding.is_recorded);
            continue;
        }
        assert_true(event.record.record_no > last);
        assert_true(event.record.is_confirmed);
        last = event.record.record_no;
        record_check(forge, &event.record, lines_are_even(forge));
        count++;
    }
    seglog_reader_close(reader);
    if (look_needs_digest(look) ||
        (code == SEGLOG_CORRUPT && strstr(err.message, "closing mark")))
        return;
    if (!stop) {
        if (code != SEGLOG_END)
            fail_msg("strict reading ends with %s: %s; the scan says\n%s",
                     seglog_code_name(code), err.message, look->text);
        assert_int_equal(count, look->summary.records);
        return;
    }
    if (code !=
        (stop->verdict == SEGLOG_VERDICT_IO ? SEGLOG_IO : SEGLOG_CORRUPT))
        fail_msg("strict reading ends with %s; the scan says\n%s",
                 seglog_code_name(code), look->text);
    if (code == SEGLOG_CORRUPT &&
        (err.record_no != stop->first_record || err.line_no != stop->line ||
         err.offset != stop->first_byte))
        fail_msg("strict reading stops at record %u, line %u, offset %u; the "
                 "scan says\n%s",
                 (unsigned)err.record_no, (unsigned)err.line_no,
                 (unsigned)err.offset, look->text);
}

void
look_in_store(const struct forge *forge, struct seglog_store store,
              uint64_t expect, struct look *look)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .expect = expect,
                                                 .on_finding = finding_note,
                                                 .arg = look };
    struct seglog_error err = { 0 };

    memset(look, 0, sizeof *look);
    assert_code_err(seglog_scan(store, "look", &options, &look->summary, &err),
                    SEGLOG_OK, &err);
    findings_check(look);
    salvage_check(forge, store, expect, look);
    strict_check(forge, store, expect, look);
}

void
look_at_expecting(const struct forge *forge, const void *bytes, size_t len,
                  uint64_t expect, struct look *look)
{
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "look", bytes, len);
    look_in_store(forge, store, expect, look);
    assert_int_equal(look->summary.bytes, len);
    seglog_store_close(&store);
}

void
look_at(const struct forge *forge, const void *bytes, size_t len,
        struct look *look)
{
    look_at_expecting(forge, bytes, len, 0, look);
}
