/* SPDX-License-Identifier: MIT */
/* tools/cmd_rm_plan.c - what `seglog rm` is to remove. */
#include <inttypes.h>

#include "tools/cmd.h"
#include "tools/cmd_rm.h"

enum tool_status
rm_plan_id(struct rm_store *store, const struct seglog_uuid *session,
           const struct seglog_uuid *segment, bool is_segment)
{
    const struct ls_catalog *catalog = &store->catalog;

    for (size_t i = 0; i < catalog->segment_count; i++) {
        const struct seglog_session_row *row = &catalog->segments[i].row;

        if (seglog_uuid_compare(&row->session, session) == 0 &&
            (!is_segment || seglog_uuid_compare(&row->segment, segment) == 0))
            store->marks[i].goes = true;
    }
    return TOOL_GO_ON;
}

/* ---------------------------------------------------------------------------
 * Conditions
 */

/* All lanes count: somebody may only have written debug events. */
static enum tool_status
session_is_old(const struct rm_options *options, const struct rm_store *store,
               const struct ls_session *session, bool *is_old)
{
    int64_t modified_ms = session->modified_ms;
    struct seglog_error err = { 0 };
    bool found = false;

    *is_old = options->now_ms - modified_ms >= options->age_ms;
    if (!*is_old)
        return TOOL_GO_ON;
    if (seglog_session_modified_at(store->sessions, &session->id, &modified_ms,
                                   &found, &err) != SEGLOG_OK)
        return tool_fail(store->dir, &err);
    *is_old = found && options->now_ms - modified_ms >= options->age_ms;
    return TOOL_GO_ON;
}

static enum tool_status
old_mark(const struct rm_options *options, struct rm_store *store)
{
    for (size_t i = 0; i < store->catalog.session_count; i++) {
        const struct ls_session *session = &store->catalog.session_items[i];
        bool is_old = true;

        if (options->has_age) {
            const enum tool_status status =
                session_is_old(options, store, session, &is_old);

            if (status != TOOL_GO_ON)
                return status;
        }
        for (size_t k = 0; k < session->count; k++)
            store->marks[session->first + k].goes = is_old;
    }
    return TOOL_GO_ON;
}

static void
referenced_unmark(struct rm_store *store)
{
    const struct ls_catalog *catalog = &store->catalog;

    for (size_t i = 0; i < catalog->segment_count; i++) {
        if (catalog->segments[i].parent != LS_NONE)
            store->marks[catalog->segments[i].parent].goes = false;
        if (store->marks[i].is_named)
            store->marks[i].goes = false;
    }
}

/* What is kept keeps what it descends from, and so on upwards. */
static uint64_t
parents_unmark(struct rm_store *store)
{
    const struct ls_catalog *catalog = &store->catalog;
    uint64_t kept = 0;

    for (size_t i = 0; i < catalog->segment_count; i++) {
        size_t at = i;

        while (!store->marks[at].goes) {
            at = catalog->segments[at].parent;
            if (at == LS_NONE || !store->marks[at].goes)
                break;
            store->marks[at].goes = false;
            kept++;
        }
    }
    return kept;
}

enum tool_status
rm_plan_conditions(const struct rm_options *options, struct rm_store *store)
{
    enum tool_status status = old_mark(options, store);
    uint64_t kept = 0;

    if (status == TOOL_GO_ON && options->is_unreferenced)
        status = rm_sources_read(store);
    if (status != TOOL_GO_ON)
        return status;
    if (options->is_unreferenced)
        referenced_unmark(store);
    if (options->is_forced)
        return TOOL_GO_ON;
    kept = parents_unmark(store);
    if (kept > 0)
        tool_note("%s: %" PRIu64 " %s kept, because others that stay descend "
                  "from %s; --force removes them all the same",
                  store->dir, kept,
                  cmd_plural(kept, "segment is", "segments are"),
                  cmd_plural(kept, "it", "them"));
    return TOOL_GO_ON;
}

/* ---------------------------------------------------------------------------
 * Looking twice
 */

enum tool_status
rm_plan_check(const struct rm_store *store)
{
    const struct ls_catalog *catalog = &store->catalog;
    enum tool_status status = TOOL_GO_ON;

    for (size_t i = 0; i < catalog->segment_count; i++) {
        const struct ls_segment *segment = &catalog->segments[i];
        const size_t parent = segment->parent;
        char id[SEGLOG_UUID_TEXT_CAP];
        char parent_id[SEGLOG_UUID_TEXT_CAP];

        if (parent == LS_NONE || store->marks[i].goes ||
            !store->marks[parent].goes)
            continue;
        tool_say("%s: segment %s descends from %s (%s); --force removes it "
                 "all the same",
                 store->dir, seglog_uuid_format(&segment->row.segment, id),
                 seglog_uuid_format(&segment->row.lineage.segment, parent_id),
                 ls_lineage_name(segment->row.lineage.kind));
        status = TOOL_FAILED;
    }
    return status;
}

void
rm_plan_measure(struct rm_store *store)
{
    for (size_t i = 0; i < store->catalog.segment_count; i++) {
        const struct ls_segment *segment = &store->catalog.segments[i];

        if (!store->marks[i].goes)
            continue;
        for (int lane = 0; lane <= SEGLOG_LANE_NOTES; lane++)
            store->marks[i].bytes +=
                ls_lane_bytes(&store->catalog, segment, (enum seglog_lane)lane);
    }
}
