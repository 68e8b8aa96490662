/* SPDX-License-Identifier: MIT */
/* src/session/index_change.c - what comes and goes. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/session/index_parts.h"

#include "src/store/fail.h"

static seglog_code
change_note(struct slg_index *index, struct seglog_error *err)
{
    struct seglog_stamp stamp = { .is_settled = false };
    const seglog_code code =
        slg_stamp_put(index, SLG_STAMP_CHANGING, &stamp, err);

    return code == SEGLOG_OK
               ? slg_table_write(index->table, SEGLOG_LEVEL_FLUSH, err)
               : code;
}

seglog_code
slg_index_begin(struct slg_index *index, struct seglog_error *err)
{
    struct seglog_stamp now;
    seglog_code code = SEGLOG_OK;

    if (index->is_read_only)
        return slg_fail(err, SEGLOG_READ_ONLY, NULL,
                        "the session store was opened for reading only");
    (void)pthread_mutex_lock(&index->mutex);
    index->is_own = false;
    index->is_by_segment_current = false;
    code = slg_table_begin(index->table, err);
    if (code == SEGLOG_OK) {
        /* Missing or damaged: now is the time.  One that merely does not hold
         * is left so, and whoever asks it makes it anew. */
        if (!slg_table_is_whole(index->table))
            (void)!slg_index_make_anew(index, NULL);
        index->was_valid = slg_index_trust(index, &now) != SLG_TRUST_NONE;
        code = change_note(index, err);
        /* Without an index nothing is believed: what is to be deleted can be
         * deleted where there is no space to say so. */
        if (code == SEGLOG_NO_SPACE &&
            seglog_store_remove(index->store, SLG_INDEX_NAME, NULL) ==
                SEGLOG_OK) {
            index->was_valid = false;
            return SEGLOG_OK;
        }
        if (code == SEGLOG_OK)
            return code;
        slg_table_end(index->table);
    }
    (void)pthread_mutex_unlock(&index->mutex);
    return code;
}

/* A row that cannot be noted: the index will not hold. */
static seglog_code
row_noted(struct slg_index *index, seglog_code code)
{
    if (code != SEGLOG_OK)
        index->was_valid = false;
    return code;
}

seglog_code
slg_index_add(struct slg_index *index, const struct seglog_session_row *row,
              struct seglog_error *err)
{
    return row_noted(index, slg_row_put(index, row, err));
}

seglog_code
slg_index_remove(struct slg_index *index, const struct seglog_uuid *session,
                 const struct seglog_uuid *segment, struct seglog_error *err)
{
    uint8_t key[SLG_ROW_KEY_BYTES];

    return row_noted(index,
                     slg_table_remove(index->table,
                                      slg_row_key(session, segment, key), err));
}

/*
 * Whoever removed something may have died before that was durable, and what is
 * missing cannot be removed durably.  To open a blob so syncs the names, whoever
 * made it.
 */
seglog_code
slg_index_settle_names(struct slg_index *index, struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    const seglog_code code =
        seglog_blob_open(index->store, SLG_INDEX_NAME,
                         SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, err);

    (void)seglog_blob_close(&blob, NULL);
    return code;
}

void
slg_index_doubt(struct slg_index *index)
{
    index->was_valid = false;
}

/*
 * What was changed is changed, whether the index can be told or not: it then
 * goes on saying that a change is under way.
 */
void
slg_index_commit(struct slg_index *index)
{
    if (index->was_valid &&
        (!slg_table_wants_rewrite(index->table, 2) ||
         slg_table_rewrite(index->table, NULL) == SEGLOG_OK))
        (void)!slg_stamp_note(index, NULL);
    slg_table_end(index->table);
    (void)pthread_mutex_unlock(&index->mutex);
}
