/* SPDX-License-Identifier: MIT */
/* src/segment/segment_scan.c - the whole truth about a segment. */
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_map_internal.h"
#include "src/segment/segment_tail.h"
#include "src/segment/segment_verdict.h"
#include "src/store/fail.h"
#include "src/store/options.h"

/* How many bytes pass between two calls of on_progress. */
#define PROGRESS_BYTES (UINT64_C(4) << 20)
/* Recorded gaps in passed runs that are kept in mind: a bound for memory. */
#define PASSED_GAPS_MAX 16384u

/* A recorded gap in a passed run: it counts where it fills a hole. */
struct passed_gap {
    uint64_t offset;
    uint64_t first;
    uint64_t next;
};

struct scan {
    struct seglog_scan_options options;
    struct seglog_scan_summary *summary;
    uint64_t progress_at;
    uint64_t epoch;
    struct passed_gap *passed; /* of the portion that is being mapped */
    size_t passed_count, passed_cap;
    bool has_no_memory; /* for one of them */
};

static void
summary_set_header(struct seglog_scan_summary *summary,
                   const struct slg_header *header)
{
    memcpy(summary->identity, header->identity, SLG_IDENTITY_BYTES);
    summary->body_log2 = header->body_log2;
    summary->sync_log2 = header->sync_log2;
    summary->features_ignore = header->features_ignore;
    summary->features_read_only = header->features_read_only;
    summary->features_refuse = header->features_refuse;
    summary->first_record = header->first_record;
}

/* Bytes of records in a group: the body without count and entry heads. */
static uint64_t
group_payload(const struct slg_step *step)
{
    struct slg_group group;
    unsigned kind;
    const uint8_t *data;
    size_t len;
    uint64_t sum = 0;

    (void)slg_entries_open(&group, step->body, step->body_len);
    while (slg_group_next(&group, &kind, &data, &len))
        sum += len;
    return sum;
}

static void
chain_count(struct seglog_scan_summary *summary, const struct slg_step *step)
{
    struct slg_chain_head head;
    struct slg_tombstone tombstone;
    struct slg_signature signature;

    if (step->frame.control == SLG_CONTROL_CHAIN_HEAD &&
        slg_chain_head_decode(step->bytes, &step->frame, &head)) {
        if (summary->chain == 0)
            summary->chain = (enum seglog_chain)head.algorithm;
        summary->chain_heads++;
    }
    summary->tombstones +=
        step->frame.control == SLG_CONTROL_TOMBSTONE &&
        slg_tombstone_decode(step->bytes, &step->frame, &tombstone);
    summary->signatures +=
        step->frame.control == SLG_CONTROL_SIGNATURE &&
        slg_signature_decode(step->bytes, &step->frame, &signature);
}

/* Groups and control frames; records are counted where they are met. */
static void
step_count(struct seglog_scan_summary *summary, const struct slg_step *step)
{
    if (slg_frame_has_entries(&step->frame)) {
        summary->groups += step->frame.kind == SLG_FRAME_GROUP;
        if (!step->is_dependent)
            summary->payload_bytes += group_payload(step);
        return;
    }
    summary->sync_points += step->frame.control == SLG_CONTROL_SYNC_POINT;
    summary->closing_marks += step->frame.control == SLG_CONTROL_CLOSING_MARK;
}

static void
recorded_gap_count(struct scan *scan, bool is_passed,
                   const struct slg_step *step)
{
    if (!is_passed) {
        scan->summary->recorded_gaps++;
        scan->summary->recorded_lost += step->count;
        return;
    }
    if (scan->passed_count == PASSED_GAPS_MAX)
        return;
    struct passed_gap *grown =
        slg_map_grow(scan->passed, scan->passed_count, &scan->passed_cap,
                     sizeof *scan->passed);
    scan->has_no_memory |= !grown;
    if (!grown)
        return;
    scan->passed = grown;
    scan->passed[scan->passed_count++] = (struct passed_gap){
        .offset = step->offset,
        .first = step->number,
        .next = step->number + step->count,
    };
}

/* The recorded gaps of a passed run that stand in one of its pieces. */
static void
piece_count_gaps(const struct scan *scan, const struct slg_span *span,
                 const struct slg_piece *piece)
{
    size_t low = 0;
    size_t high = scan->passed_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct passed_gap *gap = &scan->passed[middle];

        if (gap->offset < span->at.pos ||
            (gap->offset < span->end && gap->next <= piece->first))
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < scan->passed_count; low++) {
        const struct passed_gap *gap = &scan->passed[low];
        const uint64_t first =
            gap->first > piece->first ? gap->first : piece->first;
        const uint64_t next = gap->next < piece->next ? gap->next : piece->next;

        if (gap->offset >= span->end || first >= next)
            break;
        scan->summary->recorded_gaps++;
        scan->summary->recorded_lost += next - first;
    }
}

static void
step_show(struct scan *scan, const struct slg_step *step)
{
    const struct seglog_frame frame = {
        .offset = step->offset,
        .len = step->frame.len,
        .head = step->frame.head,
        .control = step->frame.control,
        .first_record = step->number,
        .count = step->count,
        .body_offset = step->offset + step->frame.head_len,
        .body_len = step->frame.body_len,
    };

    if (!scan->options.on_frame(scan->options.arg, &frame))
        scan->options.on_frame = NULL;
}

static void
scan_on_step(void *arg, const struct slg_walk *walk,
             const struct slg_step *step)
{
    struct scan *scan = arg;

    if (step->frame.kind != SLG_FRAME_CONTROL) {
        scan->summary->record_frames++;
        scan->summary->compressed_frames +=
            slg_frame_is_compressed(&step->frame);
        scan->summary->body_bytes += step->frame.body_len;
    }
    if (step->frame.kind < SLG_FRAME_GROUP) {
        scan->summary->payload_bytes += step->body_len;
    } else {
        step_count(scan->summary, step);
        if (slg_header_is_chained(&walk->header))
            chain_count(scan->summary, step);
        if (step->frame.control == SLG_CONTROL_GAP)
            recorded_gap_count(scan, walk->is_passed, step);
    }
    if (scan->options.on_frame)
        step_show(scan, step);
    if (walk->at.epoch != scan->epoch) {
        scan->summary->cuts++;
        scan->epoch = walk->at.epoch;
    }
    if (scan->options.on_progress && step->offset >= scan->progress_at) {
        scan->options.on_progress(scan->options.arg, step->offset,
                                  walk->window.size);
        scan->progress_at = step->offset + PROGRESS_BYTES;
    }
}

static void
map_report(struct scan *scan, const struct slg_map *map)
{
    struct seglog_scan_summary *summary = scan->summary;

    for (size_t i = 0; i < map->finding_count; i++) {
        const struct seglog_finding *finding = &map->findings[i];

        if (slg_verdict_is_worse(finding->verdict, summary->verdict))
            summary->verdict = finding->verdict;
        if (finding->verdict != SEGLOG_VERDICT_TORN &&
            finding->first_record != 0)
            summary->lost += finding->last_record - finding->first_record + 1;
        if (scan->options.on_finding)
            scan->options.on_finding(scan->options.arg, finding);
    }
    summary->findings += map->finding_count;
    summary->torn_bytes = map->torn_bytes;
    summary->is_closed = map->is_closed;
    for (size_t i = 0; i < map->piece_count; i++) {
        const struct slg_piece *piece = &map->pieces[i];

        summary->records += piece->next - piece->first;
        if (!map->spans[piece->span].is_confirmed)
            summary->unconfirmed += piece->next - piece->first;
        if (!map->spans[piece->span].is_main)
            piece_count_gaps(scan, &map->spans[piece->span], piece);
    }
    scan->passed_count = 0;
    /* What an outside watermark proves to have existed has its number. */
    if (map->finding_count > 0 &&
        map->findings[map->finding_count - 1].cause == SEGLOG_CAUSE_CUT &&
        map->findings[map->finding_count - 1].last_record != 0)
        summary->next_record =
            map->findings[map->finding_count - 1].last_record + 1;
}

static seglog_code
scan_walk(struct scan *scan, struct slg_walk *walk, struct slg_map *map,
          struct seglog_error *err)
{
    struct seglog_scan_summary *summary = scan->summary;
    seglog_code code;

    walk->with_digest = true;
    scan->epoch = walk->at.epoch;
    do {
        code = slg_map_build(map, walk, scan->options.expect, scan_on_step,
                             scan, err);
        if (code == SEGLOG_OK && scan->has_no_memory)
            code = slg_map_no_memory(walk, err);
        if (code != SEGLOG_OK)
            return code;
        summary->next_record = map->number;
        map_report(scan, map);
    } while (!map->is_complete);

    summary_set_header(summary, &walk->header);
    summary->is_header_lost = walk->is_header_lost;
    summary->bytes = walk->window.size;
    /* Records found out of place behind the last run, or known to be cut. */
    summary->next_line =
        walk->at.line + (summary->next_record - walk->at.number);
    summary->watermark = walk->watermark;
    summary->epoch = walk->at.epoch;
    summary->head = (struct seglog_head){
        .epoch = walk->at.epoch,
        .next_record = summary->next_record,
        .checksum = walk->checksum,
    };
    /* Recorded gaps have numbers and no records. */
    summary->records -= summary->recorded_lost;
    if (scan->options.on_progress)
        scan->options.on_progress(scan->options.arg, summary->bytes,
                                  summary->bytes);
    return SEGLOG_OK;
}

/* The beginning of a header, or nothing at all. */
static void
scan_headless(struct scan *scan, uint64_t size)
{
    const struct seglog_finding finding = {
        .verdict = SEGLOG_VERDICT_TORN,
        .cause = SEGLOG_CAUSE_TORN,
        .durable = SEGLOG_DURABLE_NO,
        .byte_count = size,
    };
    struct seglog_scan_summary *summary = scan->summary;

    summary->verdict = SEGLOG_VERDICT_TORN;
    summary->findings = 1;
    summary->bytes = summary->torn_bytes = size;
    summary->first_record = summary->next_record = summary->next_line = 1;
    summary->head.next_record = 1;
    if (scan->options.expect > 0) {
        const struct seglog_finding cut = {
            .verdict = SEGLOG_VERDICT_CORRUPT,
            .cause = SEGLOG_CAUSE_CUT,
            .durable = SEGLOG_DURABLE_YES,
            .first_record = 1,
            .last_record = scan->options.expect,
            .line = 1,
            .lines = scan->options.expect,
            .byte_count = size,
        };

        summary->verdict = SEGLOG_VERDICT_CORRUPT;
        summary->lost = scan->options.expect;
        summary->next_record = scan->options.expect + 1;
        summary->next_line = summary->next_record;
        summary->head.next_record = summary->next_record;
        if (scan->options.on_finding)
            scan->options.on_finding(scan->options.arg, &cut);
    } else if (scan->options.on_finding) {
        scan->options.on_finding(scan->options.arg, &finding);
    }
}

static seglog_code
blob_open_checked(struct seglog_store store, const char *name,
                  struct seglog_scan_summary *summary, struct seglog_blob *blob,
                  struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };

    if (!summary)
        return slg_fail(err, SEGLOG_INVALID, &place, "summary is NULL");
    memset(summary, 0, sizeof *summary);
    return seglog_blob_open(store, name, SEGLOG_OPEN_READ, blob, err);
}

seglog_code
seglog_scan(struct seglog_store store, const char *name,
            const struct seglog_scan_options *options,
            struct seglog_scan_summary *summary, struct seglog_error *err)
{
    struct scan scan = { .summary = summary };
    struct slg_map map = { .spans = NULL };
    struct seglog_blob blob = { .ops = NULL };
    const struct slg_walk_source source = { .store = &store };
    struct slg_walk walk;

    if (!slg_options_copy(&scan.options, sizeof scan.options, options)) {
        const struct slg_place place = { .name = name,
                                         .offset = SEGLOG_NO_OFFSET };
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "scan options of an unknown size");
    }
    seglog_code code = blob_open_checked(store, name, summary, &blob, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_walk_open(&walk, blob, name, true, &source, err);
    if (code == SEGLOG_END) {
        scan_headless(&scan, walk.window.size);
        code = SEGLOG_OK;
    } else if (code == SEGLOG_OK) {
        code = scan_walk(&scan, &walk, &map, err);
    }
    free(scan.passed);
    slg_map_reset(&map);
    slg_walk_reset(&walk);
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

seglog_code
seglog_segment_get_summary(struct seglog_store store, const char *name,
                           struct seglog_scan_summary *summary,
                           struct seglog_error *err)
{
    const struct slg_walk_source source = { .store = &store };
    struct seglog_blob blob = { .ops = NULL };
    struct slg_tail tail;
    seglog_code code = blob_open_checked(store, name, summary, &blob, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_tail_find(blob, name, 0, &source, &tail, err);
    (void)seglog_blob_close(&blob, NULL);
    if (code != SEGLOG_OK)
        return code;

    summary_set_header(summary, &tail.header);
    summary->is_header_lost = tail.is_header_lost;
    if (summary->first_record == 0)
        summary->first_record = 1;
    summary->verdict = tail.verdict;
    summary->bytes = tail.size;
    summary->next_record = tail.number;
    summary->next_line = tail.line;
    summary->epoch = tail.epoch;
    summary->head = (struct seglog_head){
        .epoch = tail.epoch,
        .next_record = tail.number,
        .checksum = tail.checksum,
    };
    summary->watermark = tail.watermark;
    summary->is_closed = tail.is_closed;
    summary->torn_bytes =
        tail.verdict == SEGLOG_VERDICT_TORN ? tail.size - tail.end : 0;
    return SEGLOG_OK;
}
