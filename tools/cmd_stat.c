/* SPDX-License-Identifier: MIT */
/* tools/cmd_stat.c - `seglog stat`: what is in a segment, in numbers. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/cmd_stat.h"
#include "tools/tool_codec.h"
#include "tools/tool_store.h"
#include "tools/tool_stream.h"

enum {
    KEY_JSON = TOOL_KEY(1),
    KEY_SESSIONS
};

/* What only the records themselves tell. */
struct contents {
    uint64_t lines;
    uint64_t text_bytes; /* of all lines, with their line feeds */
    uint64_t smallest;
    uint64_t largest;
    uint64_t kinds[SEGLOG_TAIL + 1];
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct stat_options *options = arg;

    (void)value;
    if (key == KEY_SESSIONS)
        options->has_sessions = true;
    else
        options->is_json = true;
    return TOOL_GO_ON;
}

static const struct tool_option OPTIONS[] = {
    { KEY_JSON, "json", false },
    { KEY_SESSIONS, "sessions", false },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog stat",
    .usage = "[--sessions] [--json] PATH...",
    .help =
        "Say what is in a segment, in numbers: records, lines, sizes, what "
        "the format\n"
        "costs, marks, identity, verdict.  All of PATH is read; - is standard "
        "input.\n"
        "PATH is a segment, STORE:ID, or a session store, of which it gives "
        "the "
        "totals.\n"
        "\n"
        "payload   bytes of the records themselves\n"
        "framing   what is neither records nor damage: the header, heads,\n"
        "          lengths and checksums, marks, other frames\n"
        "bodies    the records as they are stored, and what is saved by that\n"
        "text      size of the lines that seg2json writes; the ratio is text "
        "to file\n"
        "damage    what one damaged byte costs in this segment\n"
        "\n"
        "      --sessions  of a store: each of its sessions, too\n"
        "      --json      one JSON object for each PATH, and each session\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = -1,
    .on_option = on_option,
};

/* ---------------------------------------------------------------------------
 * Counting
 */

static void
contents_add(struct contents *contents, const struct seglog_record *record,
             bool *owes_lf)
{
    const uint64_t len = record->len;
    const bool is_first = contents->smallest > contents->largest;

    contents->kinds[record->kind]++;
    contents->lines += record->kind != SEGLOG_PART;
    contents->text_bytes += len + *owes_lf;
    contents->text_bytes +=
        record->kind == SEGLOG_TEXT || record->kind == SEGLOG_BYTES;
    /* SPEC.md 11: a TAIL has a line feed only if something follows. */
    *owes_lf = record->kind == SEGLOG_TAIL;
    if (is_first || len < contents->smallest)
        contents->smallest = len;
    if (is_first || len > contents->largest)
        contents->largest = len;
}

static seglog_code
contents_count(const struct tool_source *source, struct contents *contents,
               struct tool_progress *progress, uint64_t bytes,
               struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    bool owes_lf = false;
    uint64_t events = 0;
    seglog_code code =
        seglog_reader_open(source->store, source->name, &options, &reader, err);

    *contents = (struct contents){ .smallest = UINT64_MAX };
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        if (code != SEGLOG_OK || event.type != SEGLOG_EVENT_RECORD)
            continue;
        contents_add(contents, &event.record, &owes_lf);
        if ((++events & 0xFFF) == 0)
            tool_progress_update(progress, event.record.offset, bytes);
    }
    seglog_reader_close(reader);
    if (contents->smallest > contents->largest)
        contents->smallest = 0;
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* ---------------------------------------------------------------------------
 * Telling
 */

struct stat_report {
    const char *shown;
    struct seglog_scan_summary scanned;
    struct contents contents;
    struct stat_costs costs;
    struct stat_sealed sealed;
    struct tool_progress progress;
};

static void
identity_text(const uint8_t *identity, char text[2 * SEGLOG_IDENTITY_BYTES + 1])
{
    for (size_t i = 0; i < SEGLOG_IDENTITY_BYTES; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", identity[i]);
}

static bool
is_compressed(const struct seglog_scan_summary *scanned)
{
    return tool_stored_of(scanned->features_refuse) != TOOL_STORED_PLAIN;
}

/*
 * Framing that good records have, without a torn tail.  Inside of compressed
 * groups nobody can tell framing from records: there it counts as body.
 */
static uint64_t
overhead_bytes(const struct seglog_scan_summary *scanned)
{
    const uint64_t bodies =
        is_compressed(scanned) ? scanned->body_bytes : scanned->payload_bytes;
    const uint64_t used = bodies + scanned->torn_bytes;

    return scanned->bytes > used ? scanned->bytes - used : 0;
}

static const char *
damage_cost(const struct seglog_scan_summary *scanned)
{
    if (tool_stored_of(scanned->features_refuse) == TOOL_STORED_SEALED)
        return "its block";
    if (is_compressed(scanned))
        return "the rest of its block, up to the next sync point";
    return scanned->groups > 0 ? "one record, or its group" : "one record";
}

static const char *
chain_name(enum seglog_chain chain)
{
    return chain == SEGLOG_CHAIN_SHA256 ? "sha-256" : "xxh3";
}

static void
report_features_json(const struct seglog_scan_summary *scanned)
{
    (void)printf(",\"features\":{\"ignore\":%u,\"read_only\":%u,\"refuse\":%u}",
                 (unsigned)scanned->features_ignore,
                 (unsigned)scanned->features_read_only,
                 (unsigned)scanned->features_refuse);
}

static void
report_json(const struct stat_report *report)
{
    const struct seglog_scan_summary *scanned = &report->scanned;
    const struct contents *contents = &report->contents;
    char identity[2 * SEGLOG_IDENTITY_BYTES + 1];
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        { "bytes", scanned->bytes },
        { "records", scanned->records },
        { "lines", contents->lines },
        { "text_bytes", contents->text_bytes },
        { "framing_bytes", overhead_bytes(scanned) },
        { "record_frames", scanned->record_frames },
        { "groups", scanned->groups },
        { "compressed_frames", scanned->compressed_frames },
        { "sync_points", scanned->sync_points },
        { "closing_marks", scanned->closing_marks },
        { "cuts", scanned->cuts },
        { "recorded_gaps", scanned->recorded_gaps },
        { "recorded_lost", scanned->recorded_lost },
        { "lost", scanned->lost },
        { "findings", scanned->findings },
        { "unconfirmed", scanned->unconfirmed },
        { "torn_bytes", scanned->torn_bytes },
        { "first_record", scanned->first_record },
        { "next_record", scanned->next_record },
        { "next_line", scanned->next_line },
        { "watermark", scanned->watermark },
        { "smallest_record", contents->smallest },
        { "largest_record", contents->largest },
        { "text_records", contents->kinds[SEGLOG_TEXT] },
        { "bytes_records", contents->kinds[SEGLOG_BYTES] },
        { "part_records", contents->kinds[SEGLOG_PART] },
        { "tail_records", contents->kinds[SEGLOG_TAIL] },
        { "body_max", UINT64_C(1) << scanned->body_log2 },
        { "sync_interval", UINT64_C(1) << scanned->sync_log2 },
    };

    identity_text(scanned->identity, identity);
    (void)fputs("{\"blob\":", stdout);
    tool_json_string(stdout, report->shown);
    (void)printf(",\"verdict\":\"%s\",\"closed\":%s",
                 seglog_verdict_name(scanned->verdict),
                 scanned->is_closed ? "true" : "false");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)printf(",\"%s\":%" PRIu64, numbers[i].name, numbers[i].value);
    stat_costs_json(&report->costs);
    if (scanned->chain != 0)
        (void)printf(",\"chain\":\"%s\",\"chain_heads\":%" PRIu64
                     ",\"tombstones\":%" PRIu64 ",\"signatures\":%" PRIu64,
                     chain_name(scanned->chain), scanned->chain_heads,
                     scanned->tombstones, scanned->signatures);
    (void)printf(",\"codec\":\"%s\"",
                 tool_stored_name(tool_stored_of(scanned->features_refuse)));
    (void)printf(",\"framing_per_record\":%.3f,\"ratio\":%.4f",
                 stat_quotient(overhead_bytes(scanned), scanned->records),
                 stat_quotient(contents->text_bytes, scanned->bytes));
    (void)printf(",\"identity\":\"%s\",\"epoch\":\"%016" PRIx64 "\"", identity,
                 scanned->epoch);
    report_features_json(scanned);
    stat_sealed_json(&report->sealed);
    (void)printf(",\"damage_cost\":\"%s\"}\n", damage_cost(scanned));
}

static void
report_sizes(const struct stat_report *report)
{
    const struct seglog_scan_summary *scanned = &report->scanned;
    const struct contents *contents = &report->contents;
    const uint64_t overhead = overhead_bytes(scanned);

    (void)printf("  file      %" PRIu64 " bytes\n", scanned->bytes);
    (void)printf("  payload   %" PRIu64 " bytes in %" PRIu64
                 " records of %" PRIu64 " to %" PRIu64 " bytes\n",
                 scanned->payload_bytes, scanned->records, contents->smallest,
                 contents->largest);
    (void)printf("  framing   %" PRIu64 " bytes, %.2f a record, %.2f %%\n",
                 overhead, stat_quotient(overhead, scanned->records),
                 100 * stat_quotient(overhead, scanned->bytes));
    stat_costs_text(&report->costs);
    (void)printf("  text      %" PRIu64 " bytes in %" PRIu64
                 " lines, ratio %.3f (%s)\n",
                 contents->text_bytes, contents->lines,
                 stat_quotient(contents->text_bytes, scanned->bytes),
                 is_compressed(scanned) ? "records are compressed"
                                        : "records are stored as they are");
    (void)printf("  codec     %s, %" PRIu64 " of %" PRIu64
                 " frames are compressed\n",
                 tool_stored_name(tool_stored_of(scanned->features_refuse)),
                 scanned->compressed_frames, scanned->record_frames);
    (void)printf("  damage    one damaged byte costs %s\n",
                 damage_cost(scanned));
}

static void
report_numbers(const struct stat_report *report)
{
    const struct seglog_scan_summary *scanned = &report->scanned;
    const struct contents *contents = &report->contents;
    char size[32];

    (void)printf("  records   %" PRIu64 " to %" PRIu64 "; %" PRIu64
                 " text, %" PRIu64 " bytes, %" PRIu64 " part, %" PRIu64
                 " tail\n",
                 scanned->first_record, scanned->next_record - 1,
                 contents->kinds[SEGLOG_TEXT], contents->kinds[SEGLOG_BYTES],
                 contents->kinds[SEGLOG_PART], contents->kinds[SEGLOG_TAIL]);
    (void)printf("  frames    %" PRIu64 " of records, %" PRIu64
                 " of them groups\n",
                 scanned->record_frames, scanned->groups);
    (void)printf("  marks     %" PRIu64 " sync points, %" PRIu64
                 " closing marks, %" PRIu64 " cuts, %" PRIu64
                 " recorded gaps (%" PRIu64 " records)\n",
                 scanned->sync_points, scanned->closing_marks, scanned->cuts,
                 scanned->recorded_gaps, scanned->recorded_lost);
    if (scanned->chain != 0)
        (void)printf("  chain     %s, %" PRIu64 " heads, %" PRIu64
                     " tombstones, %" PRIu64 " signatures\n",
                     chain_name(scanned->chain), scanned->chain_heads,
                     scanned->tombstones, scanned->signatures);
    (void)printf("  durable   known up to record %" PRIu64 "\n",
                 scanned->watermark);
    (void)printf(
        "  limits    records of %s,",
        tool_size_text(UINT64_C(1) << scanned->body_log2, size, sizeof size));
    (void)printf(
        " a sync point each %s\n",
        tool_size_text(UINT64_C(1) << scanned->sync_log2, size, sizeof size));
}

static const char *const FEATURE_NAMES[TOOL_STORED_COUNT] = {
    [TOOL_STORED_PLAIN] = "",
    [TOOL_STORED_DEFLATE] = " (COMPRESSED)",
    [TOOL_STORED_ZSTD] = " (COMPRESSED, ZSTD)",
    [TOOL_STORED_SEALED] = " (SEALED)",
};

static void
report_text(struct stat_report *report)
{
    const struct seglog_scan_summary *scanned = &report->scanned;
    char identity[2 * SEGLOG_IDENTITY_BYTES + 1];

    identity_text(scanned->identity, identity);
    (void)printf("%s: %s, %s\n", report->shown,
                 seglog_verdict_name(scanned->verdict),
                 scanned->is_closed ? "closed" : "not closed");
    report_numbers(report);
    report_sizes(report);
    stat_sealed_text(&report->sealed);
    (void)printf("  identity  %s\n  epoch     %016" PRIx64 "\n", identity,
                 scanned->epoch);
    (void)printf("  features  ignore %#x, read only %#x, refuse %#x%s%s\n",
                 (unsigned)scanned->features_ignore,
                 (unsigned)scanned->features_read_only,
                 (unsigned)scanned->features_refuse,
                 scanned->features_refuse & 1 ? " (NO_XXH3)" : "",
                 FEATURE_NAMES[tool_stored_of(scanned->features_refuse)]);
    if (scanned->verdict != SEGLOG_VERDICT_OK)
        (void)printf("  lost      %" PRIu64 " records, %" PRIu64
                     " findings, %" PRIu64 " bytes of a torn tail; see "
                     "`seglog check`\n",
                     scanned->lost, scanned->findings, scanned->torn_bytes);
}

/* ---------------------------------------------------------------------------
 * The command
 */

static void
on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct stat_report *report = arg;

    tool_progress_update(&report->progress, done, total);
}

static bool
on_frame(void *arg, const struct seglog_frame *frame)
{
    struct stat_report *report = arg;

    return stat_costs_frame(&report->costs, frame);
}

/* Of a damaged one the parts are not known. */
static seglog_code
report_fill(const struct tool_source *source, struct stat_report *report,
            struct seglog_error *err)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = on_frame,
                                                 .on_progress = on_progress,
                                                 .arg = report };
    seglog_code code = seglog_scan(source->store, source->name, &options,
                                   &report->scanned, err);

    if (code == SEGLOG_OK)
        code = contents_count(source, &report->contents, &report->progress,
                              report->scanned.bytes, err);
    if (code != SEGLOG_OK)
        return code;
    stat_costs_end(&report->costs, &report->scanned);
    if (report->scanned.verdict == SEGLOG_VERDICT_OK)
        code =
            stat_sealed_read(source->store, source->name, &report->sealed, err);
    return code == SEGLOG_CORRUPT ? SEGLOG_OK : code;
}

static enum tool_status
stat_source(const struct tool_source *source, bool is_json)
{
    struct stat_report report = { .shown = source->shown };
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    tool_progress_init(&report.progress, source->shown);
    code = report_fill(source, &report, &err);
    tool_progress_clear(&report.progress);
    if (code == SEGLOG_OK && is_json)
        report_json(&report);
    else if (code == SEGLOG_OK)
        report_text(&report);
    stat_sealed_free(&report.sealed);
    if (code != SEGLOG_OK)
        return tool_fail(source->shown, &err);
    return report.scanned.verdict == SEGLOG_VERDICT_OK ||
                   report.scanned.verdict == SEGLOG_VERDICT_TORN
               ? TOOL_OK
               : TOOL_DAMAGED;
}

static enum tool_status
stat_file(const char *path, bool is_json)
{
    struct tool_source source;
    enum tool_status status = tool_source_open(path, &source);

    if (status != TOOL_GO_ON)
        return status;
    status = stat_source(&source, is_json);
    tool_source_close(&source);
    return status;
}

static enum tool_status
stat_path(const char *path, const struct stat_options *options)
{
    struct tool_store_path parsed;
    enum tool_status status = tool_store_parse(path, &parsed);

    if (status != TOOL_GO_ON)
        return status;
    status = parsed.place == TOOL_PLACE_STORE
                 ? stat_store(parsed.dir, path, options)
                 : stat_file(path, options->is_json);
    tool_store_path_free(&parsed);
    return status;
}

int
cmd_stat(int argc, char **argv)
{
    struct stat_options options = { 0 };
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &options, &paths);

    if (status != TOOL_GO_ON)
        return (int)status;
    status = TOOL_OK;
    for (; *paths; paths++) {
        const enum tool_status each = stat_path(*paths, &options);

        if (status != TOOL_FAILED && each != TOOL_OK)
            status = each;
    }
    return tool_end(status);
}
