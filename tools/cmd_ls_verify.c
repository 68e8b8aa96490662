/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_ls_verify.c - `seglog ls --verify`: all bytes of all segments, and
 * whether the index names what is there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/cmd_ls.h"
#include "tools/tool_finding.h"

#define INDEX_NAME "index.seg"

/* ---------------------------------------------------------------------------
 * Segments
 */

struct verifying {
    const struct ls_catalog *catalog;
    const struct ls_segment *segment;
    struct tool_progress progress;
    uint64_t bytes_before; /* of the segments that are done */
    bool is_json;
};

static void
on_finding(void *arg, const struct seglog_finding *finding)
{
    struct verifying *verifying = arg;
    char name[SEGLOG_LANE_NAME_CAP];
    char shown[4096];

    /* A torn tail is no damage, and the table shows it. */
    if (verifying->is_json || finding->verdict == SEGLOG_VERDICT_TORN)
        return;
    tool_progress_clear(&verifying->progress);
    (void)snprintf(shown, sizeof shown, "%s/%s", verifying->catalog->shown,
                   seglog_lane_name(&verifying->segment->row.session,
                                    &verifying->segment->row.segment,
                                    SEGLOG_LANE_ENTRIES, name));
    tool_finding_say(shown, finding);
}

static void
on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct verifying *verifying = arg;

    (void)total;
    tool_progress_update(&verifying->progress, verifying->bytes_before + done,
                         verifying->catalog->bytes);
}

static enum tool_status
segment_verify(struct verifying *verifying, struct ls_segment *segment)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = on_finding,
                                                 .on_progress = on_progress,
                                                 .arg = verifying };
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    char name[SEGLOG_LANE_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    verifying->segment = segment;
    code = seglog_scan(
        seglog_session_store_get_store(verifying->catalog->sessions),
        seglog_lane_name(&segment->row.session, &segment->row.segment,
                         SEGLOG_LANE_ENTRIES, name),
        &options, &summary, &err);
    verifying->bytes_before += segment->info.size;
    if (code == SEGLOG_NOT_FOUND) {
        segment->verdict = "GONE";
        segment->is_damaged = false;
        return TOOL_GO_ON;
    }
    segment->is_scanned = true;
    segment->is_damaged = true;
    if (code != SEGLOG_OK) {
        segment->verdict = "UNREADABLE";
        tool_progress_clear(&verifying->progress);
        (void)tool_fail(name, &err);
        return code == SEGLOG_FORMAT ? TOOL_DAMAGED : TOOL_FAILED;
    }
    segment->verdict = seglog_verdict_name(summary.verdict);
    segment->is_damaged = summary.verdict != SEGLOG_VERDICT_OK &&
                          summary.verdict != SEGLOG_VERDICT_TORN;
    segment->info.is_closed = summary.is_closed;
    segment->lost = summary.lost;
    segment->findings = summary.findings;
    return segment->is_damaged ? TOOL_DAMAGED : TOOL_GO_ON;
}

/* ---------------------------------------------------------------------------
 * The index
 */

struct comparing {
    const struct ls_catalog *catalog;
    uint64_t found;   /* segments of the byte store that are listed */
    uint64_t missing; /* and those that are not */
};

static bool
on_name(void *arg, const char *name)
{
    struct comparing *comparing = arg;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane = SEGLOG_LANE_ENTRIES;
    size_t at = 0;

    if (!seglog_lane_parse(name, &session, &segment, &lane) ||
        lane != SEGLOG_LANE_ENTRIES)
        return true;
    at = ls_catalog_find(comparing->catalog, &segment);
    if (at == LS_NONE)
        comparing->missing++;
    else
        comparing->found++;
    return true;
}

/* What is made or removed meanwhile is seen by one of the two only; that is
 * told apart from a wrong index by asking for each. */
static enum tool_status
listing_verify(const struct ls_catalog *catalog)
{
    struct comparing comparing = { .catalog = catalog };
    struct seglog_error err = { 0 };
    uint64_t gone = 0;
    uint64_t listed = 0;

    if (seglog_store_list(seglog_session_store_get_store(catalog->sessions), "",
                          on_name, &comparing, &err) != SEGLOG_OK)
        return tool_fail(catalog->shown, &err);
    for (size_t i = 0; i < catalog->segment_count; i++)
        gone += strcmp(catalog->segments[i].verdict, "GONE") == 0;
    listed = catalog->segment_count - gone;
    if (comparing.missing == 0 && comparing.found >= listed)
        return TOOL_GO_ON;
    tool_say("%s: the listing does not agree with the files: %" PRIu64
             " listed, %" PRIu64 " of them there, %" PRIu64
             " there and not listed; removing " INDEX_NAME " has it made anew",
             catalog->shown, listed, comparing.found, comparing.missing);
    return TOOL_DAMAGED;
}

/* It is derived: damage in it changes no answer. */
static void
index_verify(const struct ls_catalog *catalog)
{
    const struct seglog_scan_options options = { .size = sizeof options };
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    const seglog_code code =
        seglog_scan(seglog_session_store_get_store(catalog->sessions),
                    INDEX_NAME, &options, &summary, &err);

    if (code == SEGLOG_NOT_FOUND)
        tool_note("%s: no " INDEX_NAME "; it is made when the store is next "
                  "written to",
                  catalog->shown);
    else if (code != SEGLOG_OK || (summary.verdict != SEGLOG_VERDICT_OK &&
                                   summary.verdict != SEGLOG_VERDICT_TORN))
        tool_note("%s: " INDEX_NAME " is damaged (%s); it is derived and made "
                  "anew by itself",
                  catalog->shown,
                  code == SEGLOG_OK ? seglog_verdict_name(summary.verdict)
                                    : err.message);
    else
        tool_note("%s: the index agrees with the files", catalog->shown);
}

enum tool_status
ls_verify(struct ls_catalog *catalog, bool is_json)
{
    struct verifying verifying = { .catalog = catalog, .is_json = is_json };
    enum tool_status status = TOOL_GO_ON;
    enum tool_status each = TOOL_GO_ON;

    catalog->damaged = 0;
    tool_progress_init(&verifying.progress, catalog->shown);
    for (size_t i = 0; i < catalog->segment_count; i++) {
        each = segment_verify(&verifying, &catalog->segments[i]);
        catalog->damaged += catalog->segments[i].is_damaged;
        status = cmd_status_worse(status, each);
    }
    tool_progress_clear(&verifying.progress);
    each = listing_verify(catalog);
    if (each == TOOL_GO_ON)
        index_verify(catalog);
    return cmd_status_worse(status, each);
}
