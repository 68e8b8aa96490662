/* SPDX-License-Identifier: MIT */
/* tests/segment/told_say.c - everything that is said of a segment, as text. */
#include "tests/segment/told_support.h"

#include <stdio.h>

#include "format/checksum.h"
#include "src/segment/segment_tail.h"

#define NAME "log"
#define NEW  "new"

struct saying {
    char *text;
    size_t len;
    size_t cap;
    uint64_t digest; /* of what is read */
};

static void __attribute__((format(printf, 2, 3)))
say(struct saying *saying, const char *format, ...)
{
    va_list args;

    if (saying->cap - saying->len < 1024) {
        saying->cap = 2 * saying->cap + 4096;
        saying->text = realloc(saying->text, saying->cap);
        assert_non_null(saying->text);
    }
    va_start(args, format);
    const int len = vsnprintf(saying->text + saying->len,
                              saying->cap - saying->len, format, args);
    va_end(args);
    assert_in_range(len, 0, 1000);
    saying->len += (size_t)len;
}

static void
mix_number(uint64_t *digest, uint64_t number)
{
    uint8_t bytes[16];

    slg_store_le64(bytes, *digest);
    slg_store_le64(bytes + 8, number);
    *digest = slg_xxh3(bytes, sizeof bytes);
}

static void
on_finding(void *arg, const struct seglog_finding *finding)
{
    struct saying *saying = arg;
    char text[256];

    finding_format(finding, text, sizeof text);
    say(saying, "%s", text);
    if (finding->depends_on != 0)
        say(saying, " on %llu", (unsigned long long)finding->depends_on);
    say(saying, "\n");
}

static bool
on_frame(void *arg, const struct seglog_frame *frame)
{
    uint64_t *digest = &((struct saying *)arg)->digest;

    mix_number(digest, frame->offset);
    mix_number(digest, frame->len);
    mix_number(digest, frame->head);
    mix_number(digest, frame->control);
    mix_number(digest, frame->first_record);
    mix_number(digest, frame->count);
    mix_number(digest, frame->body_offset);
    mix_number(digest, frame->body_len);
    return true;
}

#define SAY(name) say(saying, " " #name "=%llu", (unsigned long long)s.name)

static seglog_code
say_scan(struct saying *saying, struct seglog_store store, uint64_t expect)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .expect = expect,
                                                 .on_finding = on_finding,
                                                 .on_frame = on_frame,
                                                 .arg = saying };
    struct seglog_scan_summary s;
    struct seglog_error err;

    saying->digest = 0;
    const seglog_code code = seglog_scan(store, NAME, &options, &s, &err);
    if (code != SEGLOG_OK) {
        say(saying, "scan %s\n", seglog_code_name(code));
        return code;
    }
    say(saying, "scan %s", seglog_verdict_name(s.verdict));
    SAY(is_closed);
    SAY(is_header_lost);
    SAY(records);
    SAY(unconfirmed);
    SAY(lost);
    SAY(first_record);
    SAY(next_record);
    SAY(next_line);
    SAY(watermark);
    SAY(epoch);
    SAY(payload_bytes);
    SAY(record_frames);
    SAY(groups);
    SAY(sync_points);
    SAY(closing_marks);
    SAY(cuts);
    SAY(recorded_gaps);
    SAY(recorded_lost);
    SAY(torn_bytes);
    SAY(body_bytes);
    SAY(compressed_frames);
    say(saying, " head=%u frames=%016llx\n", (unsigned)s.head.checksum,
        (unsigned long long)saying->digest);
    return code;
}

/* What is read goes into the digest, and numbers in order into the text. */
static void
event_mix(uint64_t *digest, const struct seglog_event *event)
{
    const struct seglog_record *record = &event->record;
    char text[256];

    if (event->type == SEGLOG_EVENT_GAP) {
        finding_format(&event->finding, text, sizeof text);
        mix_number(digest, slg_xxh3(text, strlen(text)));
        mix_number(digest, event->finding.lines);
        mix_number(digest, event->finding.depends_on);
        return;
    }
    mix_number(digest, record->record_no);
    mix_number(digest, record->line_no);
    mix_number(digest, record->offset);
    mix_number(digest, record->group_left);
    mix_number(digest, (uint64_t)record->kind);
    mix_number(digest, record->is_confirmed);
    mix_number(digest, slg_xxh3(record->data, record->len));
}

static void
say_event(struct saying *saying, const struct seglog_event *event,
          uint64_t *first, uint64_t *last)
{
    const uint64_t number =
        event->type == SEGLOG_EVENT_RECORD ? event->record.record_no : 0;

    if (number != 0 && *first != 0 && number == *last + 1 &&
        event->record.is_confirmed) {
        *last = number;
        return;
    }
    if (*first != 0)
        say(saying, " %llu-%llu", (unsigned long long)*first,
            (unsigned long long)*last);
    *first = *last = 0;
    if (event->type == SEGLOG_EVENT_GAP)
        say(saying, " %s(%s %llu-%llu)",
            event->finding.is_recorded ? "REC" : "GAP",
            seglog_cause_name(event->finding.cause),
            (unsigned long long)event->finding.first_record,
            (unsigned long long)event->finding.last_record);
    else if (number != 0 && !event->record.is_confirmed)
        say(saying, " ~%llu", (unsigned long long)number);
    else
        *first = *last = number;
}

/* At most `most` events from a record on (0: where it opens). */
static void
say_read(struct saying *saying, struct seglog_store store,
         const struct seglog_reader_options *options, const char *what,
         uint64_t seek, unsigned most)
{
    struct seglog_event event = { .type = SEGLOG_EVENT_RECORD };
    struct seglog_reader *reader = NULL;
    struct seglog_error err = { 0 };
    uint64_t digest = 0;
    uint64_t first = 0;
    uint64_t last = 0;
    seglog_code code = seglog_reader_open(store, NAME, options, &reader, &err);

    say(saying, "%s", what);
    if (code == SEGLOG_OK && seek > 0)
        code = seglog_reader_seek(reader, seek, &err);
    while (code == SEGLOG_OK && most-- > 0) {
        code = seglog_reader_next(reader, &event, &err);
        if (code != SEGLOG_OK)
            break;
        event_mix(&digest, &event);
        say_event(saying, &event, &first, &last);
    }
    if (first != 0)
        say(saying, " %llu-%llu", (unsigned long long)first,
            (unsigned long long)last);
    say(saying, " %s", seglog_code_name(code));
    if (code != SEGLOG_OK && code != SEGLOG_END)
        say(saying, " @%llu record %llu line %llu",
            (unsigned long long)err.offset, (unsigned long long)err.record_no,
            (unsigned long long)err.line_no);
    say(saying, " %016llx\n", (unsigned long long)digest);
    seglog_reader_close(reader);
}

/* All that a writer goes on with. */
static void
say_tail(struct saying *saying, const char *what, seglog_code code,
         const struct slg_tail *tail)
{
    const struct slg_tail s = *tail;
    char text[256];

    say(saying, "%s %s", what, seglog_code_name(code));
    if (code == SEGLOG_OK) {
        say(saying, " %s", seglog_verdict_name(s.verdict));
        SAY(epoch);
        SAY(salt);
        SAY(size);
        SAY(end);
        SAY(number);
        SAY(line);
        SAY(sync_offset);
        SAY(digest);
        SAY(checksum);
        SAY(watermark);
        SAY(is_after_sync);
        SAY(is_closed);
        SAY(walked_from);
        SAY(is_unsure);
        SAY(chain.algorithm);
        SAY(chain.is_known);
        SAY(chain.has_gap);
        SAY(lacks_head);
        SAY(lacks_anew);
        if (s.chain.is_known)
            SAY(chain.hash.bytes[0]);
        if (s.verdict != SEGLOG_VERDICT_OK) {
            finding_format(&s.finding, text, sizeof text);
            say(saying, " %s", text);
        }
    }
    say(saying, "\n");
}

/* The tail by itself, with what is not known to be synced, and found before the
 * rest is there. */
static void
say_tails(struct saying *saying, struct seglog_store store,
          const struct told_segment *segment)
{
    const struct slg_walk_source source = { .store = &store };
    struct seglog_scan_summary s;
    struct seglog_blob blob;
    struct slg_tail tail;
    seglog_code code = seglog_segment_get_summary(store, NAME, &s, NULL);

    say(saying, "summary %s", seglog_code_name(code));
    if (code == SEGLOG_OK) {
        SAY(verdict);
        SAY(first_record);
        SAY(next_record);
        SAY(next_line);
        SAY(torn_bytes);
        SAY(is_closed);
    }
    assert_ok(seglog_blob_open(store, NAME, SEGLOG_OPEN_READ, &blob, NULL));
    code = slg_tail_find(blob, NAME, segment->expect, &source, &tail, NULL);
    say_tail(saying, "\ntail", code, &tail);
    if (code == SEGLOG_OK)
        code =
            slg_tail_check(blob, NAME, segment->expect, &source, &tail, NULL);
    say_tail(saying, "checked", code, &tail);
    assert_ok(seglog_blob_close(&blob, NULL));

    blob_write(store, "part", segment->bytes, segment->part);
    assert_ok(seglog_blob_open(store, "part", SEGLOG_OPEN_READ, &blob, NULL));
    code = slg_tail_find(blob, "part", 0, &source, &tail, NULL);
    say_tail(saying, "part", code, &tail);
    blob_add(store, "part", segment->bytes + segment->part,
             segment->len - segment->part);
    if (code == SEGLOG_OK && tail.size >= SLG_HEADER_BYTES) {
        code = slg_tail_advance(blob, "part", &tail, NULL);
        say_tail(saying, "advanced", code, &tail);
    }
    assert_ok(seglog_blob_close(&blob, NULL));
}

static void
say_repair(struct saying *saying, struct seglog_store store, uint64_t expect)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .expect = expect };
    struct seglog_scan_summary s;
    seglog_code code =
        seglog_repair(store, NAME, store, NEW, &options, &s, NULL);

    say(saying, "repair %s", seglog_code_name(code));
    if (code == SEGLOG_OK)
        code = seglog_scan(store, NEW, NULL, &s, NULL);
    if (code == SEGLOG_OK) {
        say(saying, " %s", seglog_verdict_name(s.verdict));
        SAY(records);
        SAY(first_record);
        SAY(next_record);
        SAY(next_line);
        SAY(recorded_gaps);
        SAY(recorded_lost);
        SAY(payload_bytes);
    }
    say(saying, "\n");
}

char *
told_say(const struct told_segment *segment)
{
    struct seglog_reader_options options = { .size = sizeof options,
                                             .salvage = true,
                                             .expect = segment->expect };
    struct saying saying = { .text = NULL };
    struct probe probe;
    const struct seglog_store store = probe_open(&probe);

    probe_put(&probe, NAME, segment->bytes, segment->len);
    if (segment->bad_end > 0)
        probe_fail_reads(&probe, segment->bad_start, segment->bad_end);
    if (say_scan(&saying, store, segment->expect) == SEGLOG_OK) {
        const uint64_t from =
            segment->expect > 3 ? segment->expect - 2 : segment->len % 23;

        say_read(&saying, store, &options, "salvage", 0, UINT32_MAX);
        say_read(&saying, store, &options, "seek", from + 1, 6);
        options.from_record = from;
        say_read(&saying, store, &options, "from", 0, 4);
        options.from_record = 0;
        options.salvage = false;
        say_read(&saying, store, &options, "strict", 0, UINT32_MAX);
        say_tails(&saying, store, segment);
        say_repair(&saying, store, segment->expect);
    }
    probe_close(&probe);
    return saying.text;
}
