/* SPDX-License-Identifier: MIT */
/*
 * src/session/table_parts.h - what the files of a table share.
 *
 *   table.c         the rows, and reading them
 *   table_change.c  appending to the segment, and writing it anew
 *
 * Layer  memory.
 */
#ifndef SLG_TABLE_PARTS_H
#define SLG_TABLE_PARTS_H

#include "src/memory/arena.h"
#include "src/session/table.h"
#include "src/store/name.h"

/* SPEC.md 14.4: what a record says of its key. */
#define SLG_WORD_PUT    1
#define SLG_WORD_REMOVE 2

/* A row that is to be merged. */
struct slg_change {
    struct slg_row row;
    size_t order;
    bool is_removed;
};

struct slg_table {
    struct seglog_store store;
    char name[SLG_NAME_CAP];
    bool is_derived;
    int lock_timeout_ms;
    struct seglog_lock lock; /* opened at the first change */
    bool is_held;

    struct seglog_blob blob; /* of the segment that reader reads */
    struct seglog_reader *reader;
    uint64_t read_size; /* up to here the rows are up to date */
    bool is_whole;
    /* There was a torn end: whoever cuts it may append just as much. */
    bool is_torn;
    /* Why the rows are not those of the segment: nothing is to be written. */
    struct seglog_error unread;

    struct slg_arena arena; /* the bytes of rows and changes */
    struct slg_row *rows;
    size_t count;
    uint64_t live_bytes; /* of keys and values of rows */
    struct slg_change *changes;
    size_t change_count;
    size_t change_cap;
};

/* Stop reading: the next refresh begins anew.  The rows stay. */
void
slg_table_stop(struct slg_table *table);

/* Read the segment anew. */
seglog_code
slg_table_load(struct slg_table *table, struct seglog_error *err);

/* Sort the changes, leaving the last word about each key. */
void
slg_changes_settle(struct slg_table *table);

/* Merge the changes into the rows.  Failing changes nothing. */
seglog_code
slg_changes_apply(struct slg_table *table, struct seglog_error *err);

/* Note a word about a key; the bytes are copied. */
seglog_code
slg_change_add(struct slg_table *table, struct seglog_slice key,
               struct seglog_slice value, bool is_removed,
               struct seglog_error *err);

#endif /* SLG_TABLE_PARTS_H */
