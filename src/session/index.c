/* SPDX-License-Identifier: MIT */
/*
 * src/session/index.c - which segments there are, without asking each.
 *
 * The table has a row for each segment and one for the stamp.  The index is
 * believed while
 *
 *   - the segment of the table is whole,
 *   - the stamp row does not say that a change is under way, and
 *   - its stamp is the one that the byte store has now.
 *
 * A stamp that was noted within a tick of the clock of the last change says
 * nothing about a change after it in the same tick; then the names of all
 * blobs are compared once, and the stamp is noted again as a settled one.
 *
 * Whoever dies in a change leaves the note that it is under way.  Whoever
 * changes the store by other means moves its stamp.  Either way the index is
 * made anew, from the segments.
 */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/session/index_parts.h"

#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

/* -- life ----------------------------------------------------------------- */

seglog_code
slg_index_new(struct seglog_store store, bool is_read_only, int lock_timeout_ms,
              struct slg_index **index, struct seglog_error *err)
{
    struct slg_index *made = calloc(1, sizeof *made);
    seglog_code code = SEGLOG_OK;

    *index = NULL;
    if (!made || pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for an index");
    }
    made->store = store;
    made->is_read_only = is_read_only;
    code = slg_table_new(store, SLG_INDEX_NAME, true, lock_timeout_ms,
                         &made->table, err);
    if (code != SEGLOG_OK) {
        slg_index_free(made);
        return code;
    }
    *index = made;
    return SEGLOG_OK;
}

void
slg_index_free(struct slg_index *index)
{
    if (!index)
        return;
    slg_table_free(index->table);
    free(index->by_segment);
    (void)pthread_mutex_destroy(&index->mutex);
    free(index);
}

/* -- comparing with the store --------------------------------------------- */

/* The names of the store against the rows, both in order. */
struct comparison {
    const struct slg_index *index;
    size_t at;
    bool is_equal;
};

static bool
name_compare(void *arg, const char *name)
{
    struct comparison *comparison = arg;
    const struct slg_table *table = comparison->index->table;
    uint8_t buf[SLG_ROW_KEY_BYTES];
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane = SEGLOG_LANE_ENTRIES;
    const struct slg_row *row = NULL;

    if (!seglog_lane_parse(name, &session, &segment, &lane) ||
        lane != SEGLOG_LANE_ENTRIES)
        return true;
    if (comparison->at < slg_table_count(table))
        row = slg_table_row(table, comparison->at);
    comparison->at++;
    comparison->is_equal =
        row && row->key.len == SLG_ROW_KEY_BYTES &&
        memcmp(row->key.data, slg_row_key(&session, &segment, buf).data,
               SLG_ROW_KEY_BYTES) == 0;
    return comparison->is_equal;
}

/* Lower-case hexadecimal digits sort as the bytes they stand for. */
static bool
rows_match_store(const struct slg_index *index)
{
    struct comparison comparison = {
        .index = index,
        .at = slg_table_seek(index->table, SLG_ROW_FIRST),
        .is_equal = true,
    };

    return seglog_store_list(index->store, "", name_compare, &comparison,
                             NULL) == SEGLOG_OK &&
           comparison.is_equal &&
           comparison.at == slg_table_count(index->table);
}

/* -- making it anew ------------------------------------------------------- */

struct gathering {
    struct slg_index *index;
    seglog_code code;
    bool is_unsure;             /* some could not be read: not to be kept */
    struct seglog_error unread; /* why, of the last one */
    struct seglog_error *err;
};

/* What the segment says of itself; one that says nothing is listed by name. */
static seglog_code
row_read(struct seglog_store store, const char *name, uint8_t *buf,
         struct seglog_session_row *row, struct seglog_error *err)
{
    struct slg_birth birth;
    size_t len = 0;

    const seglog_code code = seglog_segment_get_attributes(
        store, name, buf, SEGLOG_ATTRIBUTES_MAX, &len, NULL, err);

    if (code != SEGLOG_OK || !slg_birth_decode(buf, len, &birth))
        return code;
    row->lineage = birth.row.lineage;
    row->created_ms = birth.row.created_ms;
    row->label = birth.row.label;
    return SEGLOG_OK;
}

static bool
segment_gather(void *arg, const char *name)
{
    struct gathering *gathering = arg;
    uint8_t attributes[SEGLOG_ATTRIBUTES_MAX];
    struct seglog_session_row row = { .created_ms = 0 };
    enum seglog_lane lane = SEGLOG_LANE_ENTRIES;
    struct seglog_error failed;

    if (!seglog_lane_parse(name, &row.session, &row.segment, &lane) ||
        lane != SEGLOG_LANE_ENTRIES)
        return true;
    gathering->code =
        row_read(gathering->index->store, name, attributes, &row, &failed);
    if (gathering->code == SEGLOG_NO_MEMORY)
        return false;
    if (gathering->code != SEGLOG_OK && gathering->code != SEGLOG_CORRUPT &&
        gathering->code != SEGLOG_FORMAT) {
        gathering->is_unsure = true;
        gathering->unread = failed;
    }
    gathering->code = slg_row_put(gathering->index, &row, gathering->err);
    return gathering->code == SEGLOG_OK;
}

/* The stamp is read before the store is: what changes meanwhile moves it. */
static seglog_code
rows_gather(struct slg_index *index, struct seglog_stamp *stamp,
            bool *is_unsure, struct seglog_error *unread,
            struct seglog_error *err)
{
    struct gathering gathering = { .index = index, .err = err };
    seglog_code code = seglog_store_get_stamp(index->store, stamp, err);

    slg_table_clear(index->table);
    if (code == SEGLOG_OK)
        code = seglog_store_list(index->store, "", segment_gather, &gathering,
                                 err);
    *is_unsure = gathering.is_unsure;
    *unread = gathering.unread;
    if (gathering.code == SEGLOG_NO_MEMORY)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for an index");
    return code == SEGLOG_OK ? gathering.code : code;
}

/*
 * Under the table's lock.  Writing the table moves the stamp itself, so the one
 * to note is read afterwards; it is not settled, which has the names compared
 * once more before it is believed for good.
 */
seglog_code
slg_index_make_anew(struct slg_index *index, struct seglog_error *err)
{
    struct seglog_stamp stamp;
    struct seglog_error unread;
    bool is_unsure = false;
    seglog_code code = rows_gather(index, &stamp, &is_unsure, &unread, err);

    if (code == SEGLOG_OK && is_unsure) {
        code = unread.code;
        if (err)
            *err = unread;
    }
    if (code == SEGLOG_OK)
        code = slg_table_rewrite(index->table, err);
    return code == SEGLOG_OK ? slg_stamp_note(index, err) : code;
}

/* Without writing: the rows hold for this process only. */
static seglog_code
rows_make_own(struct slg_index *index, struct seglog_error *err)
{
    struct seglog_stamp stamp = { .is_settled = false };
    struct seglog_error unread;
    bool is_unsure = false;
    seglog_code code = rows_gather(index, &stamp, &is_unsure, &unread, err);

    if (code == SEGLOG_OK)
        code = slg_table_settle(index->table, err);
    index->is_own = code == SEGLOG_OK && !is_unsure;
    index->own_stamp = stamp;
    return code;
}

/* -- is it current -------------------------------------------------------- */

static bool
stamp_is_equal(const struct seglog_stamp *a, const struct seglog_stamp *b)
{
    return a->value[0] == b->value[0] && a->value[1] == b->value[1];
}

enum slg_trust
slg_index_trust(struct slg_index *index, struct seglog_stamp *now)
{
    struct seglog_stamp noted = index->own_stamp;

    if (seglog_store_get_stamp(index->store, now, NULL) != SEGLOG_OK)
        return SLG_TRUST_NONE;
    if (!index->is_own &&
        (!slg_table_is_whole(index->table) || !slg_stamp_get(index, &noted)))
        return SLG_TRUST_NONE;
    if (!stamp_is_equal(&noted, now))
        return SLG_TRUST_NONE;
    return noted.is_settled ? SLG_TRUST_FULL : SLG_TRUST_UNSETTLED;
}

/*
 * The names are those of the rows: note that, where the stamp can hold.  With
 * it, history is thrown away, so that the next one who opens the store reads
 * less; writing anew moves the stamp, and the next look settles it.
 */
static bool
stamp_settle(struct slg_index *index, const struct seglog_stamp *now)
{
    struct seglog_stamp noted;

    if (!now->is_settled)
        return true;
    if (index->is_own) {
        index->own_stamp.is_settled = true;
        return true;
    }
    if (index->is_read_only)
        return true;
    /* Taking the lock reads what others have appended meanwhile. */
    index->is_by_segment_current = false;
    if (slg_table_begin(index->table, NULL) != SEGLOG_OK)
        return slg_table_is_whole(index->table);
    if (slg_table_is_whole(index->table) && slg_stamp_get(index, &noted) &&
        stamp_is_equal(&noted, now) &&
        slg_stamp_put(index, SLG_STAMP_NOTED, now, NULL) == SEGLOG_OK) {
        if (!slg_table_wants_rewrite(index->table, 5))
            (void)!slg_table_write(index->table, SEGLOG_LEVEL_FLUSH, NULL);
        else if (slg_table_rewrite(index->table, NULL) == SEGLOG_OK)
            (void)!slg_stamp_note(index, NULL);
    }
    slg_table_end(index->table);
    return slg_table_is_whole(index->table);
}

/* May be believed as it is in memory. */
static bool
index_is_current(struct slg_index *index)
{
    struct seglog_stamp now;
    const enum slg_trust trust = slg_index_trust(index, &now);

    if (trust != SLG_TRUST_UNSETTLED)
        return trust == SLG_TRUST_FULL;
    /* Whoever uses this library notes what it does.  Another program's change
     * within the same tick is seen when the tick is over. */
    if (now.settles_soon)
        return true;
    if (!rows_match_store(index))
        return false;
    return stamp_settle(index, &now);
}

/* The table cannot be written; what is known otherwise is known all the same. */
static bool
is_want_of_means(seglog_code code)
{
    return code == SEGLOG_READ_ONLY || code == SEGLOG_NO_SPACE ||
           code == SEGLOG_LOCKED || code == SEGLOG_IO ||
           code == SEGLOG_POISONED || code == SEGLOG_INVALID;
}

static seglog_code
index_remake(struct slg_index *index, bool is_forced, struct seglog_error *err)
{
    struct seglog_error cause;
    seglog_code code = SEGLOG_READ_ONLY;

    index->is_own = false;
    (void)slg_fail(&cause, code, NULL,
                   "the session store was opened for reading only");
    if (!index->is_read_only)
        code = slg_table_begin(index->table, &cause);
    if (code == SEGLOG_OK) {
        /* Somebody who was in a change, or had the same idea, is done now. */
        struct seglog_stamp now;

        if (is_forced || slg_index_trust(index, &now) == SLG_TRUST_NONE ||
            !rows_match_store(index))
            code = slg_index_make_anew(index, &cause);
        slg_table_end(index->table);
    }
    if (code == SEGLOG_OK)
        return code;
    if (is_want_of_means(code) && !is_forced)
        return rows_make_own(index, err);
    if (err)
        *err = cause;
    return code;
}

/* Bring the rows up to date, under the mutex. */
seglog_code
slg_index_refresh(struct slg_index *index, struct seglog_error *err)
{
    bool is_changed = false;
    seglog_code code = SEGLOG_OK;

    if (index->is_own && index_is_current(index))
        return SEGLOG_OK;
    index->is_own = false;
    code = slg_table_refresh(index->table, &is_changed, err);
    if (is_changed)
        index->is_by_segment_current = false;
    if (code == SEGLOG_NO_MEMORY ||
        (code == SEGLOG_OK && index_is_current(index)))
        return code;
    index->is_by_segment_current = false;
    return index_remake(index, false, err);
}

seglog_code
slg_index_rebuild(struct slg_index *index, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&index->mutex);
    index->is_by_segment_current = false;
    code = index_remake(index, true, err);
    (void)pthread_mutex_unlock(&index->mutex);
    return code;
}
