/* SPDX-License-Identifier: MIT */
/* tools/cmd_stat_store.c - `seglog stat STORE`: totals over a session store. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cmd.h"

/* Blobs of one sort. */
struct sum {
    uint64_t blobs;
    uint64_t bytes;
};

struct totals {
    const char *shown;
    struct seglog_store store;
    struct tool_progress progress;
    enum tool_status status;

    struct seglog_uuid last_session;
    uint64_t sessions;
    struct sum lanes[SEGLOG_LANE_NOTES + 1];
    struct sum names;
    struct sum index;
    struct sum others;
    /* Of entries and debug events. */
    uint64_t records[SEGLOG_LANE_TRACE + 1];
    uint64_t payload;
    uint64_t torn;
    uint64_t lost;
    uint64_t findings;
    uint64_t groups;
    uint64_t damaged; /* segments and traces */
    uint64_t bytes;
};

/* ---------------------------------------------------------------------------
 * Adding up
 */

static void
lane_scan(struct totals *totals, const char *name, enum seglog_lane lane)
{
    const struct seglog_scan_options options = { .size = sizeof options };
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    const seglog_code code =
        seglog_scan(totals->store, name, &options, &summary, &err);

    /* It may have been removed meanwhile. */
    if (code == SEGLOG_NOT_FOUND)
        return;
    if (code != SEGLOG_OK) {
        tool_progress_clear(&totals->progress);
        totals->status =
            cmd_status_worse(totals->status, tool_fail(name, &err));
        return;
    }
    totals->records[lane] += summary.records;
    totals->payload += summary.payload_bytes;
    totals->torn += summary.torn_bytes;
    totals->lost += summary.lost;
    totals->findings += summary.findings;
    totals->groups += summary.groups;
    if (summary.verdict == SEGLOG_VERDICT_OK ||
        summary.verdict == SEGLOG_VERDICT_TORN)
        return;
    totals->damaged++;
    totals->status = cmd_status_worse(totals->status, TOOL_DAMAGED);
}

static struct sum *
sum_of(struct totals *totals, const char *name)
{
    if (strcmp(name, "index.seg") == 0)
        return &totals->index;
    if (strcmp(name, "names.seg") == 0)
        return &totals->names;
    return &totals->others;
}

static bool
on_name(void *arg, const char *name)
{
    struct totals *totals = arg;
    struct seglog_blob_info info = { 0 };
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane = SEGLOG_LANE_ENTRIES;
    const bool is_lane = seglog_lane_parse(name, &session, &segment, &lane);
    struct sum *sum = is_lane ? &totals->lanes[lane] : sum_of(totals, name);

    if (seglog_store_get_info(totals->store, name, &info, NULL) != SEGLOG_OK)
        return true;
    sum->blobs++;
    sum->bytes += info.size;
    totals->bytes += info.size;
    tool_progress_update(&totals->progress, totals->bytes, 0);
    if (!is_lane || lane == SEGLOG_LANE_NOTES)
        return true;
    /* Names come in order, those of a session together. */
    if (lane == SEGLOG_LANE_ENTRIES &&
        seglog_uuid_compare(&session, &totals->last_session) != 0) {
        totals->last_session = session;
        totals->sessions++;
    }
    lane_scan(totals, name, lane);
    return true;
}

/* ---------------------------------------------------------------------------
 * Telling
 */

/* Of segments and traces; the rest of the store is derived or names. */
static uint64_t
scanned_bytes(const struct totals *totals)
{
    return totals->lanes[SEGLOG_LANE_ENTRIES].bytes +
           totals->lanes[SEGLOG_LANE_TRACE].bytes;
}

static uint64_t
framing_bytes(const struct totals *totals)
{
    const uint64_t used = totals->payload + totals->torn;
    const uint64_t bytes = scanned_bytes(totals);

    return bytes > used ? bytes - used : 0;
}

static double
quotient(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : 0.0;
}

static uint64_t
all_records(const struct totals *totals)
{
    return totals->records[SEGLOG_LANE_ENTRIES] +
           totals->records[SEGLOG_LANE_TRACE];
}

/* What the store takes beyond the bytes of its records. */
static uint64_t
overhead_bytes(const struct totals *totals)
{
    return totals->bytes > totals->payload ? totals->bytes - totals->payload
                                           : 0;
}

static const char *
damage_cost(const struct totals *totals)
{
    return totals->groups > 0 ? "one record, or its group" : "one record";
}

static void
totals_json(const struct totals *totals)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        { "sessions", totals->sessions },
        { "segments", totals->lanes[SEGLOG_LANE_ENTRIES].blobs },
        { "records", totals->records[SEGLOG_LANE_ENTRIES] },
        { "trace_records", totals->records[SEGLOG_LANE_TRACE] },
        { "bytes", totals->bytes },
        { "payload_bytes", totals->payload },
        { "framing_bytes", framing_bytes(totals) },
        { "overhead_bytes", overhead_bytes(totals) },
        { "entries_bytes", totals->lanes[SEGLOG_LANE_ENTRIES].bytes },
        { "trace_bytes", totals->lanes[SEGLOG_LANE_TRACE].bytes },
        { "notes_bytes", totals->lanes[SEGLOG_LANE_NOTES].bytes },
        { "names_bytes", totals->names.bytes },
        { "index_bytes", totals->index.bytes },
        { "other_bytes", totals->others.bytes },
        { "torn_bytes", totals->torn },
        { "damaged", totals->damaged },
        { "findings", totals->findings },
        { "lost", totals->lost },
    };

    (void)fputs("{\"store\":", stdout);
    tool_json_string(stdout, totals->shown);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)printf(",\"%s\":%" PRIu64, numbers[i].name, numbers[i].value);
    (void)printf(",\"framing_per_record\":%.3f,\"damage_cost\":\"%s\"}\n",
                 quotient(framing_bytes(totals), all_records(totals)),
                 damage_cost(totals));
}

static void
sum_print(const char *name, const struct sum *sum)
{
    if (sum->blobs > 0)
        (void)printf("            %" PRIu64 " %s in %" PRIu64 " %s\n",
                     sum->bytes, name, sum->blobs,
                     cmd_plural(sum->blobs, "file", "files"));
}

static void
totals_text(const struct totals *totals)
{
    const uint64_t framing = framing_bytes(totals);

    (void)printf("%s: session store, %s\n", totals->shown,
                 totals->damaged > 0 ? "damaged" : "nothing damaged");
    (void)printf("  sessions  %" PRIu64 ", of %" PRIu64 " segments\n",
                 totals->sessions, totals->lanes[SEGLOG_LANE_ENTRIES].blobs);
    (void)printf("  records   %" PRIu64 " entries, %" PRIu64 " debug events\n",
                 totals->records[SEGLOG_LANE_ENTRIES],
                 totals->records[SEGLOG_LANE_TRACE]);
    (void)printf("  files     %" PRIu64 " bytes\n", totals->bytes);
    sum_print("of entries", &totals->lanes[SEGLOG_LANE_ENTRIES]);
    sum_print("of debug events", &totals->lanes[SEGLOG_LANE_TRACE]);
    sum_print("of notes (derived)", &totals->lanes[SEGLOG_LANE_NOTES]);
    sum_print("of names", &totals->names);
    sum_print("of the index (derived)", &totals->index);
    sum_print("of others", &totals->others);
    (void)printf("  payload   %" PRIu64 " bytes\n", totals->payload);
    (void)printf("  framing   %" PRIu64 " bytes, %.2f a record, %.2f %%\n",
                 framing, quotient(framing, all_records(totals)),
                 100 * quotient(framing, scanned_bytes(totals)));
    (void)printf("  overhead  %" PRIu64
                 " bytes, all that is not payload, %.2f %%\n",
                 overhead_bytes(totals),
                 100 * quotient(overhead_bytes(totals), totals->bytes));
    (void)printf("  damage    one damaged byte costs %s; in the index or the "
                 "notes nothing\n",
                 damage_cost(totals));
    if (totals->damaged > 0)
        (void)printf("  lost      %" PRIu64 " records, %" PRIu64
                     " findings; see `seglog check`\n",
                     totals->lost, totals->findings);
}

enum tool_status
stat_store(const char *dir, const char *shown, bool is_json)
{
    struct totals totals = { .shown = shown, .status = TOOL_OK };
    struct seglog_error err = { 0 };

    if (seglog_store_file_open(dir, false, &totals.store, &err) != SEGLOG_OK)
        return tool_fail(shown, &err);
    tool_progress_init(&totals.progress, shown);
    if (seglog_store_list(totals.store, "", on_name, &totals, &err) !=
        SEGLOG_OK)
        totals.status = tool_fail(shown, &err);
    tool_progress_clear(&totals.progress);
    seglog_store_close(&totals.store);
    if (totals.status == TOOL_FAILED)
        return TOOL_FAILED;
    if (is_json)
        totals_json(&totals);
    else
        totals_text(&totals);
    return totals.status;
}
