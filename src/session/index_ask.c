/* SPDX-License-Identifier: MIT */
/* src/session/index_ask.c - listing and finding. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/session/index_parts.h"

#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

/* -- asking --------------------------------------------------------------- */

/* The rows of one session, or all: [from, to). */
static void
rows_range(const struct slg_index *index, const struct seglog_uuid *session,
           size_t *from, size_t *to)
{
    uint8_t key[SLG_ROW_KEY_BYTES];
    struct seglog_uuid last;
    struct seglog_slice session_key;

    memset(last.bytes, 0xFF, sizeof last.bytes);
    *from = slg_table_seek(index->table, SLG_ROW_FIRST);
    *to = slg_table_seek(index->table, SLG_ROW_END);
    if (!session)
        return;
    (void)slg_row_key(session, &last, key);
    session_key =
        (struct seglog_slice){ (const char *)key, 1 + SEGLOG_UUID_BYTES };
    *from = slg_table_seek(index->table, session_key);
    *to = slg_table_seek(index->table, slg_row_key(session, &last, key));
    if (*to < slg_table_count(index->table) &&
        slg_table_find(index->table, slg_row_key(session, &last, key)))
        *to += 1;
}

/* Last key first: that is the most recent one. */
static seglog_code
rows_copy(const struct slg_index *index, size_t from, size_t to,
          struct seglog_session_row **rows, size_t *count,
          struct seglog_error *err)
{
    struct seglog_session_row row;
    size_t label_bytes = 0;
    size_t n = 0;
    char *label = NULL;

    for (size_t i = from; i < to; i++)
        if (slg_row_decode(slg_table_row(index->table, i), &row))
            label_bytes += row.label.len;
    *rows = malloc((to - from) * sizeof row + label_bytes + 1);
    if (!*rows)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a list");
    label = (char *)(*rows + (to - from));
    for (size_t i = to; i > from; i--) {
        if (!slg_row_decode(slg_table_row(index->table, i - 1), &row))
            continue;
        if (row.label.len > 0)
            memcpy(label, row.label.data, row.label.len);
        row.label.data = label;
        label += row.label.len;
        (*rows)[n++] = row;
    }
    *count = n;
    return SEGLOG_OK;
}

seglog_code
slg_index_list(struct slg_index *index, const struct seglog_uuid *session,
               struct seglog_session_row **rows, size_t *count,
               struct seglog_error *err)
{
    size_t from = 0;
    size_t to = 0;
    seglog_code code = SEGLOG_OK;

    *rows = NULL;
    *count = 0;
    (void)pthread_mutex_lock(&index->mutex);
    code = slg_index_refresh(index, err);
    if (code == SEGLOG_OK) {
        rows_range(index, session, &from, &to);
        code = rows_copy(index, from, to, rows, count, err);
    }
    (void)pthread_mutex_unlock(&index->mutex);
    return code;
}

static seglog_code
sessions_copy(const struct slg_index *index, struct seglog_uuid **ids,
              size_t *count, struct seglog_error *err)
{
    size_t from = 0;
    size_t to = 0;
    size_t n = 0;
    struct seglog_uuid *copied = NULL;

    rows_range(index, NULL, &from, &to);
    copied = malloc((to - from + 1) * sizeof *copied);
    if (!copied)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a list");
    for (size_t i = to; i > from; i--) {
        const struct slg_row *row = slg_table_row(index->table, i - 1);

        if (row->key.len != SLG_ROW_KEY_BYTES ||
            (n > 0 && memcmp(copied[n - 1].bytes, row->key.data + 1,
                             SEGLOG_UUID_BYTES) == 0))
            continue;
        memcpy(copied[n++].bytes, row->key.data + 1, SEGLOG_UUID_BYTES);
    }
    *ids = copied;
    *count = n;
    return SEGLOG_OK;
}

seglog_code
slg_index_list_sessions(struct slg_index *index, struct seglog_uuid **ids,
                        size_t *count, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    *ids = NULL;
    *count = 0;
    (void)pthread_mutex_lock(&index->mutex);
    code = slg_index_refresh(index, err);
    if (code == SEGLOG_OK)
        code = sessions_copy(index, ids, count, err);
    (void)pthread_mutex_unlock(&index->mutex);
    return code;
}

seglog_code
slg_index_list_descendants(struct slg_index *index,
                           const struct seglog_uuid *segment,
                           struct seglog_session_row **rows, size_t *count,
                           bool *is_known, struct seglog_error *err)
{
    struct seglog_session_row row;
    size_t from = 0;
    size_t to = 0;
    size_t n = 0;

    *rows = NULL;
    *count = 0;
    *is_known = index->was_valid;
    if (!*is_known)
        return SEGLOG_OK;
    rows_range(index, NULL, &from, &to);
    for (size_t i = from; i < to; i++) {
        if (!slg_row_decode(slg_table_row(index->table, i), &row) ||
            row.lineage.kind == SEGLOG_LINEAGE_NONE ||
            seglog_uuid_compare(&row.lineage.segment, segment) != 0)
            continue;
        if ((n & (n - 1)) == 0) {
            struct seglog_session_row *more =
                realloc(*rows, 2 * (n + 1) * sizeof row);

            if (!more) {
                free(*rows);
                *rows = NULL;
                return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                                "no memory for a list");
            }
            *rows = more;
        }
        row.label = (struct seglog_slice){ NULL, 0 };
        (*rows)[n++] = row;
    }
    *count = n;
    return SEGLOG_OK;
}

/* -- by segment ----------------------------------------------------------- */

static const char *
row_segment(const struct slg_index *index, size_t i)
{
    return slg_table_row(index->table, i)->key.data + 1 + SEGLOG_UUID_BYTES;
}

struct numbered {
    const char *segment;
    size_t row;
};

static int
numbered_compare(const void *left, const void *right)
{
    const struct numbered *a = left;
    const struct numbered *b = right;

    return memcmp(a->segment, b->segment, SEGLOG_UUID_BYTES);
}

static seglog_code
by_segment_make(struct slg_index *index, struct seglog_error *err)
{
    struct numbered *numbered = NULL;
    size_t from = 0;
    size_t to = 0;
    size_t n = 0;

    rows_range(index, NULL, &from, &to);
    free(index->by_segment);
    index->by_segment = malloc((to - from + 1) * sizeof *index->by_segment);
    numbered = malloc((to - from + 1) * sizeof *numbered);
    if (!index->by_segment || !numbered) {
        free(numbered);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for an index");
    }
    for (size_t i = from; i < to; i++)
        if (slg_table_row(index->table, i)->key.len == SLG_ROW_KEY_BYTES)
            numbered[n++] = (struct numbered){ row_segment(index, i), i };
    qsort(numbered, n, sizeof *numbered, numbered_compare);
    for (size_t i = 0; i < n; i++)
        index->by_segment[i] = numbered[i].row;
    free(numbered);
    index->by_segment_count = n;
    index->is_by_segment_current = true;
    return SEGLOG_OK;
}

static bool
by_segment_find(const struct slg_index *index,
                const struct seglog_uuid *segment, size_t *row)
{
    size_t low = 0;
    size_t high = index->by_segment_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (memcmp(row_segment(index, index->by_segment[middle]),
                   segment->bytes, SEGLOG_UUID_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == index->by_segment_count)
        return false;
    *row = index->by_segment[low];
    return memcmp(row_segment(index, *row), segment->bytes,
                  SEGLOG_UUID_BYTES) == 0;
}

seglog_code
slg_index_find(struct slg_index *index, const struct seglog_uuid *segment,
               struct seglog_session_row *row, bool *found,
               struct seglog_error *err)
{
    size_t at = 0;
    seglog_code code = SEGLOG_OK;

    *found = false;
    (void)pthread_mutex_lock(&index->mutex);
    code = slg_index_refresh(index, err);
    if (code == SEGLOG_OK && !index->is_by_segment_current)
        code = by_segment_make(index, err);
    if (code == SEGLOG_OK && by_segment_find(index, segment, &at))
        *found = slg_row_decode(slg_table_row(index->table, at), row);
    if (*found)
        row->label = (struct seglog_slice){ NULL, 0 };
    (void)pthread_mutex_unlock(&index->mutex);
    return code;
}
