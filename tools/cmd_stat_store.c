/* SPDX-License-Identifier: MIT */
/* tools/cmd_stat_store.c - `seglog stat STORE`: totals over a session store. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/cmd_stat.h"
#include "tools/tool_codec.h"
#include "tools/tool_key.h"

/* Blobs of one sort. */
struct sum {
    uint64_t blobs;
    uint64_t bytes;
};

/* One session, all of its lanes. */
struct session_totals {
    struct seglog_uuid id;
    uint64_t segments;
    uint64_t records; /* entries */
    uint64_t bytes;   /* notes included */
    struct stat_costs costs;
    uint64_t codecs[TOOL_STORED_COUNT]; /* lanes of each */
};

struct totals {
    const char *shown;
    const struct stat_options *options;
    struct seglog_store store;
    struct tool_progress progress;
    enum tool_status status;

    struct session_totals session; /* the one whose lanes come now */
    uint64_t sessions;
    struct sum lanes[SEGLOG_LANE_NOTES + 1];
    struct sum names;
    struct sum index;
    struct sum others;
    /* Of entries and debug events. */
    uint64_t records[SEGLOG_LANE_TRACE + 1];
    struct stat_costs costs;
    uint64_t codecs[TOOL_STORED_COUNT];
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
lane_add(struct totals *totals, enum seglog_lane lane,
         const struct seglog_scan_summary *summary, struct stat_costs *costs)
{
    const enum tool_stored stored = tool_stored_of(summary->features_refuse);

    stat_costs_end(costs, summary);
    stat_costs_add(&totals->costs, costs);
    stat_costs_add(&totals->session.costs, costs);
    totals->codecs[stored]++;
    totals->session.codecs[stored]++;
    totals->records[lane] += summary->records;
    if (lane == SEGLOG_LANE_ENTRIES)
        totals->session.records += summary->records;
    totals->torn += summary->torn_bytes;
    totals->lost += summary->lost;
    totals->findings += summary->findings;
    totals->groups += summary->groups;
    if (summary->verdict == SEGLOG_VERDICT_OK ||
        summary->verdict == SEGLOG_VERDICT_TORN)
        return;
    totals->damaged++;
    totals->status = cmd_status_worse(totals->status, TOOL_DAMAGED);
}

static void
lane_scan(struct totals *totals, const char *name, enum seglog_lane lane)
{
    struct stat_costs costs = { 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = stat_costs_frame,
                                                 .arg = &costs };
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    const seglog_code code =
        seglog_scan(totals->store, name, &options, &summary, &err);

    /* It may have been removed meanwhile. */
    if (code == SEGLOG_NOT_FOUND)
        return;
    if (code == SEGLOG_OK) {
        lane_add(totals, lane, &summary, &costs);
        return;
    }
    tool_progress_clear(&totals->progress);
    totals->status = cmd_status_worse(totals->status, tool_fail(name, &err));
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

/* As of one segment: with what is damaged, without a torn tail. */
static uint64_t
framing_bytes(const struct totals *totals)
{
    const uint64_t used = totals->costs.bodies + totals->torn;
    const uint64_t bytes = scanned_bytes(totals);

    return bytes > used ? bytes - used : 0;
}

static uint64_t
all_records(const struct totals *totals)
{
    return totals->records[SEGLOG_LANE_ENTRIES] +
           totals->records[SEGLOG_LANE_TRACE];
}

/* What the store takes beyond its records as they are stored. */
static uint64_t
overhead_bytes(const struct totals *totals)
{
    return totals->bytes > totals->costs.bodies
               ? totals->bytes - totals->costs.bodies
               : 0;
}

static uint64_t
lane_count(const struct totals *totals)
{
    uint64_t count = 0;

    for (size_t i = 0; i < TOOL_STORED_COUNT; i++)
        count += totals->codecs[i];
    return count;
}

static const char *
damage_cost(const struct totals *totals)
{
    if (totals->codecs[TOOL_STORED_SEALED] > 0 &&
        totals->codecs[TOOL_STORED_SEALED] == lane_count(totals))
        return "its block";
    if (totals->codecs[TOOL_STORED_SEALED] > 0)
        return "its block where it is sealed, the rest of its block up to the "
               "next sync point where it is compressed";
    if (totals->codecs[TOOL_STORED_PLAIN] < lane_count(totals))
        return "where it is compressed the rest of its block, up to the next "
               "sync point";
    return totals->groups > 0 ? "one record, or its group" : "one record";
}

static void
codecs_json(const uint64_t codecs[TOOL_STORED_COUNT])
{
    const char *comma = "";

    (void)fputs(",\"codecs\":{", stdout);
    for (size_t i = 0; i < TOOL_STORED_COUNT; i++) {
        if (codecs[i] == 0)
            continue;
        (void)printf("%s\"%s\":%" PRIu64, comma,
                     tool_stored_name((enum tool_stored)i), codecs[i]);
        comma = ",";
    }
    (void)fputs("}", stdout);
}

/* "3 deflate, 1 none" */
static void
codecs_text(const uint64_t codecs[TOOL_STORED_COUNT])
{
    const char *comma = "";

    for (size_t i = 0; i < TOOL_STORED_COUNT; i++) {
        if (codecs[i] == 0)
            continue;
        (void)printf("%s%" PRIu64 " %s", comma, codecs[i],
                     tool_stored_name((enum tool_stored)i));
        comma = ", ";
    }
    (void)fputs("\n", stdout);
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
    stat_costs_json(&totals->costs);
    codecs_json(totals->codecs);
    (void)printf(",\"framing_per_record\":%.3f,\"damage_cost\":\"%s\"}\n",
                 stat_quotient(framing_bytes(totals), all_records(totals)),
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
    (void)fputs("  codecs    ", stdout);
    codecs_text(totals->codecs);
    (void)printf("  payload   %" PRIu64 " bytes\n", totals->costs.payload);
    (void)printf("  framing   %" PRIu64 " bytes, %.2f a record, %.2f %%\n",
                 framing, stat_quotient(framing, all_records(totals)),
                 100 * stat_quotient(framing, scanned_bytes(totals)));
    stat_costs_text(&totals->costs);
    (void)printf("  overhead  %" PRIu64
                 " bytes, all that is not bodies, %.2f %%\n",
                 overhead_bytes(totals),
                 100 * stat_quotient(overhead_bytes(totals), totals->bytes));
    (void)printf("  damage    one damaged byte costs %s; in the index or the "
                 "notes nothing\n",
                 damage_cost(totals));
    if (totals->damaged > 0)
        (void)printf("  lost      %" PRIu64 " records, %" PRIu64
                     " findings; see `seglog check`\n",
                     totals->lost, totals->findings);
}

/* ---------------------------------------------------------------------------
 * Sessions
 */

static void
session_json(const struct session_totals *session)
{
    char id[SEGLOG_UUID_TEXT_CAP];

    (void)printf(
        "{\"session\":\"%s\",\"segments\":%" PRIu64 ",\"records\":%" PRIu64
        ",\"bytes\":%" PRIu64 ",\"framing_bytes\":%" PRIu64,
        seglog_uuid_format(&session->id, id), session->segments,
        session->records, session->bytes, stat_costs_framing(&session->costs));
    stat_costs_json(&session->costs);
    codecs_json(session->codecs);
    (void)fputs("}\n", stdout);
}

static void
session_text(const struct session_totals *session)
{
    const struct stat_costs *costs = &session->costs;
    char id[SEGLOG_UUID_TEXT_CAP];

    (void)printf("%s: session, %" PRIu64 " %s, %" PRIu64 " %s\n",
                 seglog_uuid_format(&session->id, id), session->segments,
                 cmd_plural(session->segments, "segment", "segments"),
                 session->records,
                 cmd_plural(session->records, "record", "records"));
    (void)printf("  files     %" PRIu64 " bytes\n", session->bytes);
    (void)fputs("  codecs    ", stdout);
    codecs_text(session->codecs);
    (void)printf("  framing   %" PRIu64 " bytes, %.2f %%\n",
                 stat_costs_framing(costs),
                 100 * stat_quotient(stat_costs_framing(costs), costs->bytes));
    stat_costs_text(costs);
}

/* All lanes of the session before have come. */
static void
session_end(struct totals *totals)
{
    const struct session_totals *session = &totals->session;

    totals->sessions += session->segments > 0;
    if (session->bytes == 0 || !totals->options->has_sessions)
        return;
    tool_progress_clear(&totals->progress);
    if (totals->options->is_json)
        session_json(session);
    else
        session_text(session);
}

/* ---------------------------------------------------------------------------
 * The store
 */

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
    if (!is_lane)
        return true;
    /* Names come in order, those of a session together. */
    if (seglog_uuid_compare(&session, &totals->session.id) != 0) {
        session_end(totals);
        totals->session = (struct session_totals){ .id = session };
    }
    totals->session.segments += lane == SEGLOG_LANE_ENTRIES;
    totals->session.bytes += info.size;
    if (lane != SEGLOG_LANE_NOTES)
        lane_scan(totals, name, lane);
    return true;
}

enum tool_status
stat_store(const char *dir, const char *shown,
           const struct stat_options *options)
{
    struct totals totals = { .shown = shown,
                             .options = options,
                             .status = TOOL_OK };
    struct seglog_error err = { 0 };

    if (tool_key_store_open(dir, TOOL_STORE_READ, &totals.store, &err) !=
        SEGLOG_OK)
        return tool_fail(shown, &err);
    tool_progress_init(&totals.progress, shown);
    if (seglog_store_list(totals.store, "", on_name, &totals, &err) !=
        SEGLOG_OK)
        totals.status = tool_fail(shown, &err);
    tool_progress_clear(&totals.progress);
    session_end(&totals);
    seglog_store_close(&totals.store);
    if (totals.status == TOOL_FAILED)
        return TOOL_FAILED;
    if (options->is_json)
        totals_json(&totals);
    else
        totals_text(&totals);
    return totals.status;
}
