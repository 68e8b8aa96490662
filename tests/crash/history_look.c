/* SPDX-License-Identifier: MIT */
/* tests/crash/history_look.c - what is there, and what was promised. */
#include <string.h>

#include "src/segment/segment_chain_reader.h"
#include "tests/crash/history.h"

/* The first eight bytes of a record are the number of its attempt. */
uint32_t
content_check(struct history *history, const struct seglog_record *record)
{
    uint32_t id = 0;

    hold(history, I2, record->len >= 9);
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t c = record->data[i];

        expect(history, (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
        id = id << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    expect(history, id < history->attempt_count);
    expect(history, history->attempts[id].len == record->len);
    expect(history,
           memcmp(history->attempts[id].bytes, record->data, record->len) == 0);
    return id;
}

struct look {
    struct history *history;
    uint64_t safe;    /* bytes at the start that the device has for sure */
    uint64_t durable; /* the highest number whose frame is among them */
    bool has_lost;
};

static void
look_finding(void *arg, const struct seglog_finding *finding)
{
    struct look *look = arg;

    /* All that the device had for sure is still there, except what somebody
     * has cut whose cut the device has only in part. */
    hold(look->history, VERDICT,
         look->history->has_unsure_cut ||
             finding->durable != SEGLOG_DURABLE_YES);
    expect(look->history, finding->verdict != SEGLOG_VERDICT_FOREIGN ||
                              look->history->has_stale);
    if (finding->verdict != SEGLOG_VERDICT_TORN)
        look->has_lost = true;
    if (finding->cause == SEGLOG_CAUSE_PASSED_OVER)
        look->history->has_passed_over = true;
}

static bool
look_frame(void *arg, const struct seglog_frame *frame)
{
    struct look *look = arg;

    if (frame->offset + frame->len <= look->safe && frame->count > 0)
        look->durable = frame->first_record + frame->count - 1;
    return true;
}

/* What the scan says; true if it calls the segment whole but for its tail. */
static bool
look_scan(struct history *history, struct seglog_store store,
          struct seglog_scan_summary *summary)
{
    struct look look = { .history = history };
    const struct seglog_scan_options options = {
        .size = sizeof options,
        .on_finding = look_finding,
        .on_frame = look_frame,
        .arg = &look,
    };

    look.safe = seglog_disk_get_synced(history->disk, history->name);
    history->has_passed_over = false;
    expect_ok(history,
              seglog_scan(store, history->name, &options, summary, NULL));
    /* No mark claims what no completed sync has covered.  Bytes below an
     * encrypted store are others. */
    if (!look.has_lost && !history->is_encrypted &&
        summary->watermark >= history->first_record)
        hold(history, VERDICT,
             summary->watermark <= look.durable || history->has_unsure_cut);
    if (!history->had_power_cut && !history->was_lied_to)
        hold(history, VERDICT, !look.has_lost);
    return !look.has_lost;
}

static void
look_record(struct history *history, const struct seglog_record *record,
            bool is_whole)
{
    const uint32_t id = content_check(history, record);
    struct attempt *attempt = &history->attempts[id];

    hold(history, I3, !attempt->is_seen);
    attempt->is_seen = true;
    /* A torn tail is gone once a writer has been opened.  Before that, a cut of
     * it that a power cut interrupts may end with a frame of it, which is then
     * found behind a hole. */
    hold(history, I5,
         attempt->promise != GONE || history->was_lied_to ||
             (!is_whole && attempt->gone_at == history->opened));
    expect(history, attempt->promise != PENDING);
    if (attempt->number != 0)
        hold(history, I8, attempt->number == record->record_no);
    attempt->number = record->record_no;
    if (attempt->promise == TRIED || attempt->promise == GONE)
        attempt->promise = FLUSHED;
}

/* What was promised and is not there; what is not there is gone for good. */
static void
look_settle(struct history *history, bool is_power_cut)
{
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (attempt->promise == SYNCED)
            hold(history, I1, attempt->is_seen);
        if (!attempt->is_seen) {
            /* A cut that nobody has synced may be undone by a power cut. */
            const bool is_open = attempt->promise == TRIED &&
                                 history->has_unsure_cut && !is_power_cut;

            expect(history, is_power_cut || attempt->promise != FLUSHED ||
                                history->was_reverted);
            if (attempt->promise == PENDING || is_open)
                continue;
            if (attempt->promise != GONE) {
                attempt->gone_at = history->opened;
                attempt->promise = GONE;
            }
        } else if (history->is_sealed_durable) {
            attempt->promise = SYNCED;
        }
        attempt->is_seen = false;
    }
}

/* A repaired copy has the same records under the same numbers, and no more. */
static void
look_repaired(struct history *history, struct seglog_store store,
              const struct seglog_scan_summary *before)
{
    const struct seglog_scan_options none = { .size = sizeof none };
    struct seglog_scan_summary after;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;
    uint64_t next = 0;

    code = seglog_repair(store, history->name, store, "repaired", &none, NULL,
                         NULL);
    expect(history, code == SEGLOG_OK);
    expect_ok(history, seglog_scan(store, "repaired", NULL, &after, NULL));
    hold(history, REPAIR, after.verdict == SEGLOG_VERDICT_OK);
    hold(history, REPAIR, after.records == before->records);
    expect_ok(history,
              seglog_reader_open(store, "repaired", NULL, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        const uint32_t id = content_check(history, &event.record);

        hold(history, REPAIR, history->attempts[id].is_seen);
        hold(history, REPAIR,
             history->attempts[id].number == event.record.record_no);
        expect(history, event.record.record_no > next);
        next = event.record.record_no;
    }
    expect(history, code == SEGLOG_END);
    seglog_reader_close(reader);
    expect_ok(history, seglog_store_remove(store, "repaired", NULL));
}

static void
look_gap(struct history *history, const struct seglog_finding *gap)
{
    uint32_t id = history->attempt_count;

    while (id-- > 0) {
        struct attempt *attempt = &history->attempts[id];

        if (attempt->gap == 0 || attempt->is_seen ||
            attempt->number != gap->first_record ||
            attempt->gap != gap->last_record - gap->first_record + 1)
            continue;
        if (attempt->promise == GONE && !history->was_lied_to)
            continue;
        attempt->is_seen = true;
        if (attempt->promise == TRIED)
            attempt->promise = FLUSHED;
        return;
    }
    /* A gap that nobody has recorded is made up. */
    hold(history, I2, false);
}

/* One segment of the row, from its first number on; what comes next. */
static uint64_t
read_all(struct history *history, struct seglog_store store, const char *name,
         uint64_t next, bool is_whole)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    expect_ok(history,
              seglog_reader_open(store, name, &options, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        const bool is_record = event.type == SEGLOG_EVENT_RECORD;
        const uint64_t number =
            is_record ? event.record.record_no : event.finding.first_record;

        if (!is_record && !event.finding.is_recorded)
            continue;
        hold(history, I4, number == next || (!is_whole && number > next));
        next = is_record ? number + 1 : event.finding.last_record + 1;
        if (is_record)
            look_record(history, &event.record, is_whole);
        else
            look_gap(history, &event.finding);
    }
    expect(history, code == SEGLOG_END);
    seglog_reader_close(reader);
    return next;
}

/* From any number on the rest is read as from the first on. */
static void
look_seek(struct history *history, struct seglog_store store, uint64_t end)
{
    const uint64_t first = history->first_record;
    const uint64_t from = first + chance(history, end - first + 1);
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    expect_ok(history,
              seglog_reader_open(store, history->name, NULL, &reader, NULL));
    expect_ok(history, seglog_reader_seek(reader, from, NULL));
    code = seglog_reader_next(reader, &event, NULL);
    expect(history, code == (from < end ? SEGLOG_OK : SEGLOG_END));
    if (code == SEGLOG_OK && event.type == SEGLOG_EVENT_RECORD) {
        hold(history, I3, event.record.record_no >= from);
        (void)content_check(history, &event.record);
    }
    seglog_reader_close(reader);
}

/* Segments that others go on behind: they are as they were. */
static void
look_sealed(struct history *history, struct seglog_store store)
{
    for (unsigned i = 0; i < history->sealed_count; i++) {
        const struct sealed *sealed = &history->sealed[i];
        struct seglog_scan_summary summary;

        expect_ok(history,
                  seglog_scan(store, sealed->name, NULL, &summary, NULL));
        hold(history, SEAL, summary.verdict == SEGLOG_VERDICT_OK);
        hold(history, SEAL,
             read_all(history, store, sealed->name, sealed->first, true) ==
                 sealed->end);
    }
}

/* A break is nothing that a crash or a lost write can leave. */
static void
look_chain(struct history *history, struct seglog_store store)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_event event;
    uint64_t known = 0;
    uint64_t heads = 0;
    seglog_code code =
        slg_chain_reader_open(store, history->name, &options, &reader, NULL);

    /* Made without a chain by who came before it was drawn; or no header. */
    if (code == SEGLOG_INVALID || code == SEGLOG_FORMAT)
        return;
    expect_ok(history, code);
    while ((code = slg_chain_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type == SLG_CHAIN_EVENT_HEAD) {
            hold(history, CHAIN, !event.is_broken);
            heads++;
        }
        if (event.type == SLG_CHAIN_EVENT_RECORD && event.is_known)
            known++;
        /* Where nothing is lost all of it is vouched for. */
        if (event.type == SLG_CHAIN_EVENT_RECORD && !history->is_damaged)
            hold(history, CHAIN, event.is_known);
    }
    expect(history, code == SEGLOG_END);
    expect(history, known == 0 || heads > 0);
    slg_chain_reader_close(reader);
}

static void
look_attributes(struct history *history, struct seglog_store store,
                bool is_whole)
{
    char bytes[SEGLOG_ATTRIBUTES_MAX];
    size_t len = 0;

    expect_ok(history,
              seglog_segment_get_attributes(store, history->name, bytes,
                                            sizeof bytes, &len, NULL, NULL));
    /* Behind the torn tail of their creation they would not stand in front. */
    expect(history,
           len == history->attributes_len ||
               (len == 0 && (!is_whole || history->options.cannot_cut)));
    expect(history, memcmp(bytes, history_attributes, len) == 0);
}

static void
look_last(struct history *history, struct seglog_store store, bool is_power_cut)
{
    struct seglog_scan_summary summary;
    uint64_t end = 0;
    bool is_whole = false;

    seal_notice(history, store, is_power_cut);
    is_whole = look_scan(history, store, &summary);
    hold(history, SEAL, is_whole || !history->is_sealed);
    history->is_damaged = !is_whole;
    history_say(history, "look: %s, next %llu, %llu bytes%s",
                seglog_verdict_name(summary.verdict),
                (unsigned long long)summary.next_record,
                (unsigned long long)summary.bytes,
                history->is_sealed ? ", sealed" : "");
    end = read_all(history, store, history->name, history->first_record,
                   is_whole);
    look_attributes(history, store, is_whole);
    if (history->chain != 0)
        look_chain(history, store);
    if (is_whole && chance(history, 8) == 0)
        look_seek(history, store, end);
    if (chance(history, is_whole ? 32 : 4) == 0)
        look_repaired(history, store, &summary);
}

void
history_look(struct history *history, bool is_power_cut)
{
    struct view view;

    if (!history->is_made && history->sealed_count == 0)
        return;
    view_open(history, &view);
    look_sealed(history, view.store);
    if (history->is_made)
        look_last(history, view.store, is_power_cut);
    view_close(&view);
    look_settle(history, is_power_cut);
}

void
history_read_on(struct history *history)
{
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    if (history->is_damaged || !history->is_made)
        return;
    if (!history->reader) {
        view_open(history, &history->reader_view);
        expect_ok(history,
                  seglog_reader_open(history->reader_view.store, history->name,
                                     NULL, &history->reader, NULL));
        history->reader_next = history->first_record;
    }
    while ((code = seglog_reader_next(history->reader, &event, NULL)) ==
           SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_GAP) {
            expect(history, event.finding.is_recorded);
            history->reader_next = event.finding.last_record + 1;
            continue;
        }
        hold(history, I3, event.record.record_no == history->reader_next++);
        (void)content_check(history, &event.record);
    }
    if (code != SEGLOG_END)
        history_say(history, "read on from %llu: %s",
                    (unsigned long long)history->reader_next,
                    seglog_code_name(code));
    expect(history, code == SEGLOG_END || history->was_lied_to);
}

void
history_stop_reading(struct history *history)
{
    if (!history->reader)
        return;
    seglog_reader_close(history->reader);
    history->reader = NULL;
    view_close(&history->reader_view);
}
