/* SPDX-License-Identifier: MIT */
/* src/session/index_rows.c - the bytes of rows and of the stamp: SPEC.md 14.2. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/session/index_parts.h"

#include <string.h>

#include "format/bytes.h"

/* Of the rows.  Another one: the index is made anew. */
#define INDEX_VERSION   1

#define STAMP_BYTES     19
#define LINEAGE_BYTES   (SEGLOG_UUID_BYTES + 16)
#define ROW_FIXED_BYTES 9
#define ROW_VALUE_MAX                                                          \
    (ROW_FIXED_BYTES + LINEAGE_BYTES + SEGLOG_SESSION_LABEL_MAX)

/* The stamp comes before the rows. */
static const char STAMP_KEY[] = "!";
#define ROW_TAG 'S'

/* -- rows ----------------------------------------------------------------- */

static struct seglog_slice
slice_of(const void *bytes, size_t len)
{
    return (struct seglog_slice){ bytes, len };
}

struct seglog_slice
slg_row_key(const struct seglog_uuid *session,
            const struct seglog_uuid *segment, uint8_t buf[SLG_ROW_KEY_BYTES])
{
    buf[0] = ROW_TAG;
    memcpy(buf + 1, session->bytes, SEGLOG_UUID_BYTES);
    memcpy(buf + 1 + SEGLOG_UUID_BYTES, segment->bytes, SEGLOG_UUID_BYTES);
    return slice_of(buf, SLG_ROW_KEY_BYTES);
}

/* Lineage kind, created_ms, where there is a lineage the rest of it, label. */
static struct seglog_slice
row_value(const struct seglog_session_row *row, uint8_t buf[ROW_VALUE_MAX])
{
    size_t len = ROW_FIXED_BYTES;

    buf[0] = (uint8_t)row->lineage.kind;
    slg_store_le64(buf + 1, (uint64_t)row->created_ms);
    if (row->lineage.kind != SEGLOG_LINEAGE_NONE) {
        memcpy(buf + len, row->lineage.segment.bytes, SEGLOG_UUID_BYTES);
        slg_store_le64(buf + len + 16, row->lineage.at_turn);
        slg_store_le64(buf + len + 24, row->lineage.at_record);
        len += LINEAGE_BYTES;
    }
    if (row->label.len > 0)
        memcpy(buf + len, row->label.data, row->label.len);
    return slice_of(buf, len + row->label.len);
}

/* False: the row is of another kind. */
bool
slg_row_decode(const struct slg_row *from, struct seglog_session_row *row)
{
    const uint8_t *key = (const uint8_t *)from->key.data;
    const uint8_t *value = (const uint8_t *)from->value.data;
    size_t fixed = ROW_FIXED_BYTES;

    if (from->key.len != SLG_ROW_KEY_BYTES || key[0] != ROW_TAG ||
        from->value.len < fixed || value[0] > SEGLOG_LINEAGE_REPLACES)
        return false;
    *row = (struct seglog_session_row){ .created_ms =
                                            (int64_t)slg_load_le64(value + 1) };
    memcpy(row->session.bytes, key + 1, SEGLOG_UUID_BYTES);
    memcpy(row->segment.bytes, key + 1 + SEGLOG_UUID_BYTES, SEGLOG_UUID_BYTES);
    row->lineage.kind = (enum seglog_lineage_kind)value[0];
    if (row->lineage.kind != SEGLOG_LINEAGE_NONE) {
        if (from->value.len < fixed + LINEAGE_BYTES)
            return false;
        memcpy(row->lineage.segment.bytes, value + fixed, SEGLOG_UUID_BYTES);
        row->lineage.at_turn = slg_load_le64(value + fixed + 16);
        row->lineage.at_record = slg_load_le64(value + fixed + 24);
        fixed += LINEAGE_BYTES;
    }
    row->label = slice_of(value + fixed, from->value.len - fixed);
    return true;
}

seglog_code
slg_row_put(struct slg_index *index, const struct seglog_session_row *row,
            struct seglog_error *err)
{
    uint8_t key[SLG_ROW_KEY_BYTES];
    uint8_t value[ROW_VALUE_MAX];

    return slg_table_put(index->table,
                         slg_row_key(&row->session, &row->segment, key),
                         row_value(row, value), err);
}

/* -- the stamp ------------------------------------------------------------ */

seglog_code
slg_stamp_put(struct slg_index *index, enum slg_stamp_state state,
              const struct seglog_stamp *stamp, struct seglog_error *err)
{
    uint8_t value[STAMP_BYTES] = { INDEX_VERSION, (uint8_t)state,
                                   stamp->is_settled };

    slg_store_le64(value + 3, stamp->value[0]);
    slg_store_le64(value + 11, stamp->value[1]);
    return slg_table_put(index->table, slice_of(STAMP_KEY, 1),
                         slice_of(value, sizeof value), err);
}

/* False: there is none that holds. */
bool
slg_stamp_get(const struct slg_index *index, struct seglog_stamp *stamp)
{
    const struct slg_row *row =
        slg_table_find(index->table, slice_of(STAMP_KEY, 1));
    const uint8_t *value = row ? (const uint8_t *)row->value.data : NULL;

    if (!row || row->value.len != STAMP_BYTES || value[0] != INDEX_VERSION ||
        value[1] != SLG_STAMP_NOTED)
        return false;
    stamp->is_settled = value[2] != 0;
    stamp->value[0] = slg_load_le64(value + 3);
    stamp->value[1] = slg_load_le64(value + 11);
    return true;
}

seglog_code
slg_stamp_note(struct slg_index *index, struct seglog_error *err)
{
    struct seglog_stamp stamp;
    seglog_code code = seglog_store_get_stamp(index->store, &stamp, err);

    stamp.is_settled = false;
    if (code == SEGLOG_OK)
        code = slg_stamp_put(index, SLG_STAMP_NOTED, &stamp, err);
    return code == SEGLOG_OK
               ? slg_table_write(index->table, SEGLOG_LEVEL_FLUSH, err)
               : code;
}
