/* SPDX-License-Identifier: MIT */
/* src/session/session_segment.c - create, ask, cut. */
#include <inttypes.h>
#include <stdlib.h>

#include "src/session/session_append.h"
#include "src/session/session_notes.h"
#include "src/session/session_read.h"
#include "src/store/fail.h"
#include "src/store/options.h"

/* SPEC.md 12. */
#define REFUSE_SEALED 4u

/* -- creating ------------------------------------------------------------- */

static seglog_code
segment_create_with(struct seglog_session_store *sessions,
                    const struct slg_lane_id *id,
                    const struct seglog_segment_new *options,
                    struct seglog_item *items, struct seglog_error *err)
{
    const bool is_raw = options->accepts_raw || sessions->options.accepts_raw;
    struct slg_items first = { items, options->count };
    const struct slg_lane_new lane = {
        .id = *id,
        .lineage = options->lineage,
        .label = options->label,
        .fill = slg_items_fill,
        .arg = &first,
    };
    const seglog_code code =
        slg_entries_check(options->entries, options->count, is_raw, items, err);

    return code == SEGLOG_OK ? slg_lane_make(sessions, &lane, NULL, err) : code;
}

static seglog_code
new_check(const struct seglog_segment_new *options, struct seglog_error *err)
{
    if (options->count > 0 && !options->entries)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the entries are NULL");
    if (options->label.len > 0 && !options->label.data)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the label is NULL");
    if ((unsigned)options->lineage.kind > SEGLOG_LINEAGE_REPLACES)
        return slg_fail(err, SEGLOG_INVALID, NULL, "there is no such lineage");
    return SEGLOG_OK;
}

seglog_code
seglog_session_create_segment(struct seglog_session_store *sessions,
                              const struct seglog_uuid *session,
                              const struct seglog_uuid *segment,
                              const struct seglog_segment_new *options,
                              struct seglog_error *err)
{
    struct seglog_segment_new settled;
    struct seglog_item *items = NULL;
    struct slg_lane_id id;
    seglog_code code = slg_lane_find(sessions, session, segment,
                                     SEGLOG_LANE_ENTRIES, &id, err);

    if (code != SEGLOG_OK)
        return code;
    if (!slg_options_copy(&settled, sizeof settled, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "segment option size: not that of a struct of this "
                        "version");
    code = slg_session_check_writable(sessions, err);
    if (code == SEGLOG_OK)
        code = new_check(&settled, err);
    if (code != SEGLOG_OK)
        return code;
    items = calloc(settled.count + 1, sizeof *items);
    if (!items)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for entries");
    code = segment_create_with(sessions, &id, &settled, items, err);
    free(items);
    return code;
}

/* -- asking --------------------------------------------------------------- */

/* found false: there is no such blob. */
static seglog_code
lane_get_info(struct seglog_session_store *sessions,
              const struct slg_lane_id *id, struct seglog_blob_info *info,
              bool *found, struct seglog_error *err)
{
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_error local;
    const seglog_code code = seglog_store_get_info(
        sessions->store, slg_lane_id_name(id, name), info, &local);

    *found = code == SEGLOG_OK;
    if (code == SEGLOG_OK || code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (err)
        *err = local;
    return code;
}

seglog_code
seglog_session_exists(struct seglog_session_store *sessions,
                      const struct seglog_uuid *session,
                      const struct seglog_uuid *segment, bool *exists,
                      struct seglog_error *err)
{
    struct seglog_blob_info info;
    struct slg_lane_id id;
    seglog_code code = SEGLOG_OK;

    if (!exists)
        return slg_fail(err, SEGLOG_INVALID, NULL, "exists is NULL");
    code = slg_lane_find(sessions, session, segment, SEGLOG_LANE_ENTRIES, &id,
                         err);
    return code == SEGLOG_OK ? lane_get_info(sessions, &id, &info, exists, err)
                             : code;
}

static int64_t
ms_of_ns(uint64_t ns)
{
    return (int64_t)(ns / 1000000);
}

seglog_code
seglog_session_get_segment_info(struct seglog_session_store *sessions,
                                const struct seglog_uuid *session,
                                const struct seglog_uuid *segment,
                                struct seglog_session_segment_info *info,
                                struct seglog_error *err)
{
    struct seglog_scan_summary summary;
    struct seglog_blob_info blob = { 0 };
    struct seglog_blob_info trace = { 0 };
    struct slg_lane_id id;
    struct slg_lane_id trace_id;
    bool found = false;
    seglog_code code = SEGLOG_OK;

    if (!info)
        return slg_fail(err, SEGLOG_INVALID, NULL, "info is NULL");
    code = slg_lane_find(sessions, session, segment, SEGLOG_LANE_ENTRIES, &id,
                         err);
    if (code == SEGLOG_OK)
        code = slg_lane_get_summary(sessions, &id, &summary, err);
    if (code == SEGLOG_OK)
        code = lane_get_info(sessions, &id, &blob, &found, err);
    if (code != SEGLOG_OK)
        return code;
    trace_id = id;
    trace_id.lane = SEGLOG_LANE_TRACE;
    code = lane_get_info(sessions, &trace_id, &trace, &found, err);
    if (code != SEGLOG_OK)
        return code;
    *info = (struct seglog_session_segment_info){
        .count = summary.next_record - summary.first_record,
        .size = summary.bytes,
        .trace_size = found ? trace.size : 0,
        .modified_ms = ms_of_ns(blob.modified_ns),
        .head = summary.head,
        .verdict = summary.verdict,
        .is_closed = summary.is_closed,
        .is_sealed = (summary.features_refuse & REFUSE_SEALED) != 0,
    };
    return SEGLOG_OK;
}

struct modified_search {
    struct seglog_session_store *sessions;
    const struct seglog_uuid *session;
    uint64_t newest_ns;
    bool is_found;
    seglog_code code;
    struct seglog_error *err;
};

static bool
modified_look(void *arg, const char *name)
{
    struct modified_search *search = arg;
    struct seglog_blob_info info;
    struct slg_lane_id id;
    bool found = false;

    if (!seglog_lane_parse(name, &id.session, &id.segment, &id.lane) ||
        seglog_uuid_compare(&id.session, search->session) != 0)
        return true;
    search->code =
        lane_get_info(search->sessions, &id, &info, &found, search->err);
    if (search->code != SEGLOG_OK)
        return false;
    if (found && info.modified_ns > search->newest_ns)
        search->newest_ns = info.modified_ns;
    search->is_found |= found && id.lane == SEGLOG_LANE_ENTRIES;
    return true;
}

seglog_code
seglog_session_modified_at(struct seglog_session_store *sessions,
                           const struct seglog_uuid *session,
                           int64_t *modified_ms, bool *found,
                           struct seglog_error *err)
{
    struct modified_search search = { .sessions = sessions,
                                      .session = session,
                                      .err = err };
    char prefix[SEGLOG_UUID_TEXT_CAP];
    seglog_code code = SEGLOG_OK;

    if (!sessions || !session || !modified_ms || !found)
        return slg_fail(err, SEGLOG_INVALID, NULL, "an argument is NULL");
    code =
        seglog_store_list(sessions->store, seglog_uuid_format(session, prefix),
                          modified_look, &search, err);
    if (code == SEGLOG_OK)
        code = search.code;
    if (code != SEGLOG_OK)
        return code;
    *found = search.is_found;
    *modified_ms = search.is_found ? ms_of_ns(search.newest_ns) : 0;
    return SEGLOG_OK;
}

/* -- a writer of one's own ------------------------------------------------ */

seglog_code
seglog_session_open_writer(struct seglog_session_store *sessions,
                           const struct seglog_uuid *session,
                           const struct seglog_uuid *segment,
                           enum seglog_writer_mode mode,
                           struct seglog_writer **writer,
                           struct seglog_error *err)
{
    struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = mode,
        .create = SEGLOG_CREATE_NEVER,
    };
    char name[SEGLOG_LANE_NAME_CAP];
    struct slg_lane_id id;
    seglog_code code = SEGLOG_OK;

    if (!writer)
        return slg_fail(err, SEGLOG_INVALID, NULL, "writer is NULL");
    *writer = NULL;
    if (mode != SEGLOG_WRITER_EXCLUSIVE && mode != SEGLOG_WRITER_SHARED)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "others know this segment: a writer of it must be "
                        "exclusive or shared");
    code = slg_lane_find(sessions, session, segment, SEGLOG_LANE_ENTRIES, &id,
                         err);
    if (code == SEGLOG_OK)
        code = slg_session_check_writable(sessions, err);
    if (code != SEGLOG_OK)
        return code;
    options.lock_timeout_ms = sessions->options.lock_timeout_ms;
    options.level = sessions->options.level_of_codec;
    code = seglog_writer_open(sessions->store, slg_lane_id_name(&id, name),
                              &options, writer, err);
    return code == SEGLOG_NOT_FOUND ? slg_session_fail_missing(segment, err)
                                    : code;
}
