/* SPDX-License-Identifier: MIT */
/* src/session/session_seal.c - sealing, and what sealed segments refer to. */
#include "src/session/session_seal.h"

#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_parent.h"
#include "src/session/session_parent.h"
#include "src/store/fail.h"
#include "src/store/options.h"

/* -- those that refer to one ---------------------------------------------- */

struct child_search {
    struct seglog_session_store *sessions;
    const char *parent; /* the blob that may be referred to */
    const struct seglog_uuid *besides;
    seglog_code code;
    struct seglog_error *err;
};

/* Damage can be repaired, as long as the parent is there: where the end does
 * not tell, what stands in front of the records does. */
static bool
lane_refers(const struct child_search *search, const struct slg_lane_id *id)
{
    char name[SEGLOG_LANE_NAME_CAP];
    char parent[SLG_NAME_CAP];

    if (search->besides &&
        seglog_uuid_compare(&id->session, search->besides) == 0)
        return false;
    return slg_parent_name(search->sessions->store, slg_lane_id_name(id, name),
                           parent, NULL) == SEGLOG_OK &&
           strcmp(parent, search->parent) == 0;
}

static seglog_code
child_fail(const struct child_search *search, const struct slg_lane_id *child)
{
    const struct slg_place place = { .name = search->parent,
                                     .offset = SEGLOG_NO_OFFSET };
    char id[SEGLOG_UUID_TEXT_CAP];

    return slg_fail(search->err, SEGLOG_CONFLICT, &place,
                    "the sealed segment %s refers to it and cannot be read "
                    "without: delete that one first",
                    seglog_uuid_format(&child->segment, id));
}

/* Where the index does not hold every segment is asked. */
static bool
name_look(void *arg, const char *name)
{
    struct child_search *search = arg;
    struct slg_lane_id id;

    if (seglog_lane_parse(name, &id.session, &id.segment, &id.lane) &&
        id.lane == SEGLOG_LANE_ENTRIES && lane_refers(search, &id))
        search->code = child_fail(search, &id);
    return search->code == SEGLOG_OK;
}

static seglog_code
rows_look(struct child_search *search, const struct seglog_session_row *rows,
          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct slg_lane_id id = { rows[i].session, rows[i].segment,
                                        SEGLOG_LANE_ENTRIES };

        if (lane_refers(search, &id))
            return child_fail(search, &id);
    }
    return SEGLOG_OK;
}

seglog_code
slg_seal_check_children(struct seglog_session_store *sessions,
                        const struct slg_lane_id *id,
                        const struct seglog_uuid *besides,
                        struct seglog_error *err)
{
    struct slg_lane_id entries = { id->session, id->segment,
                                   SEGLOG_LANE_ENTRIES };
    char name[SEGLOG_LANE_NAME_CAP];
    struct child_search search = { .sessions = sessions,
                                   .parent = slg_lane_id_name(&entries, name),
                                   .besides = besides,
                                   .err = err };
    struct seglog_seal_info info;
    struct seglog_session_row *rows = NULL;
    size_t count = 0;
    bool is_known = false;
    seglog_code code = SEGLOG_OK;

    /* Only what is sealed itself is referred to; of what is damaged that is
     * not known. */
    code = seglog_segment_get_seal(sessions->store, name, &info, NULL);
    if (code == SEGLOG_NOT_FOUND || (code == SEGLOG_OK && !info.is_sealed))
        return SEGLOG_OK;
    code = slg_index_list_descendants(sessions->index, &id->segment, &rows,
                                      &count, &is_known, err);
    if (code == SEGLOG_OK && is_known)
        code = rows_look(&search, rows, count);
    else if (code == SEGLOG_OK)
        code = seglog_store_list(sessions->store, "", name_look, &search, err);
    seglog_free(rows);
    return code == SEGLOG_OK ? search.code : code;
}

/* -- sealing -------------------------------------------------------------- */

struct sealing {
    struct seglog_session_store *sessions;
    struct slg_lane_id id;
    struct seglog_session_seal_options options;
    struct seglog_lock parent_lock;
    char parent[SEGLOG_LANE_NAME_CAP];
    bool has_parent;
};

/* Its lock, once it is worth having; without one it is sealed by itself. */
static seglog_code
parent_take(struct sealing *sealing, struct seglog_error *err)
{
    struct seglog_session_store *sessions = sealing->sessions;
    struct slg_lane_id parent;
    bool is_worth_it = false;
    seglog_code code = SEGLOG_OK;

    if (sealing->options.no_parent || sealing->id.lane != SEGLOG_LANE_ENTRIES)
        return SEGLOG_OK;
    code = slg_parent_find(sessions, &sealing->id, &parent, &is_worth_it, err);
    if (code != SEGLOG_OK || !is_worth_it)
        return code;
    (void)slg_lane_id_name(&parent, sealing->parent);
    code = seglog_lock_open(sessions->store, sealing->parent,
                            &sealing->parent_lock, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(sealing->parent_lock,
                                   sessions->options.lock_timeout_ms, err);
    /* It may have been deleted just now. */
    sealing->has_parent =
        code == SEGLOG_OK && slg_parent_is_sealed(sessions, &parent);
    return code;
}

static void
parent_give(struct sealing *sealing)
{
    if (sealing->has_parent)
        (void)seglog_lock_release(sealing->parent_lock, NULL);
    seglog_lock_close(&sealing->parent_lock);
}

static seglog_code
sealing_run(struct sealing *sealing, struct seglog_seal_result *result,
            struct seglog_error *err)
{
    const struct seglog_session_seal_options *options = &sealing->options;
    const struct seglog_seal_options seal = {
        .size = sizeof seal,
        .level = options->level,
        .block_bytes = options->block_bytes,
        .memory_max = options->memory_max,
        .lock_timeout_ms = sealing->sessions->options.lock_timeout_ms,
        .parent = sealing->has_parent ? sealing->parent : NULL,
        .on_progress = options->on_progress,
        .arg = options->arg,
        .threads = options->threads,
    };
    char name[SEGLOG_LANE_NAME_CAP];
    const seglog_code code = seglog_segment_seal(
        sealing->sessions->store, slg_lane_id_name(&sealing->id, name), &seal,
        result, err);

    return code == SEGLOG_NOT_FOUND && !sealing->has_parent
               ? slg_session_fail_missing(&sealing->id.segment, err)
               : code;
}

/* Before anything is made: SEALED for what is, NOT_FOUND for what is not. */
static seglog_code
sealing_check(const struct sealing *sealing, struct seglog_error *err)
{
    char name[SEGLOG_LANE_NAME_CAP];
    const struct slg_place place = {
        .name = slg_lane_id_name(&sealing->id, name),
        .offset = SEGLOG_NO_OFFSET,
    };
    struct seglog_seal_info info;
    const seglog_code code =
        seglog_segment_get_seal(sealing->sessions->store, name, &info, err);

    if (code == SEGLOG_NOT_FOUND)
        return slg_session_fail_missing(&sealing->id.segment, err);
    if (code == SEGLOG_OK && info.is_sealed)
        return slg_fail(err, SEGLOG_SEALED, &place, "it is sealed already");
    return code;
}

seglog_code
seglog_session_seal_segment(struct seglog_session_store *sessions,
                            const struct seglog_uuid *session,
                            const struct seglog_uuid *segment,
                            const struct seglog_session_seal_options *options,
                            struct seglog_seal_result *result,
                            struct seglog_error *err)
{
    struct sealing sealing = { .sessions = sessions };
    seglog_code code = SEGLOG_OK;

    if (!slg_options_copy(&sealing.options, sizeof sealing.options, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "seal option size: not that of a struct of this "
                        "version");
    if (sealing.options.lane == SEGLOG_LANE_NOTES)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "notes are derived, and are not sealed");
    code = slg_lane_find(sessions, session, segment, sealing.options.lane,
                         &sealing.id, err);
    if (code == SEGLOG_OK)
        code = slg_session_check_writable(sessions, err);
    if (code == SEGLOG_OK)
        code = sealing_check(&sealing, err);
    if (code == SEGLOG_OK)
        code = parent_take(&sealing, err);
    if (code == SEGLOG_OK)
        code = sealing_run(&sealing, result, err);
    parent_give(&sealing);
    return code;
}
