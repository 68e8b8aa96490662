/* SPDX-License-Identifier: MIT */
/*
 * src/session/table.h - rows with keys, kept in a segment.
 *
 * Each record of the segment says "this key has that value now" or "this key
 * is gone"; the last word counts.  In memory the rows stand in the byte order
 * of their keys.  When most of the segment is history it is written anew and
 * replaced.
 *
 * Many processes may have a table open.  Each follows what the others append.
 *
 * Threads  one at a time: whoever owns a table has a mutex for it
 * Layer    session
 */
#ifndef SLG_TABLE_H
#define SLG_TABLE_H

#include "seglog/segment.h"
#include "seglog/slice.h"

struct slg_row {
    struct seglog_slice key;
    struct seglog_slice value;
};

struct slg_table;

/* Opens nothing yet: the segment may be missing.  is_derived: a damaged one is
 * thrown away at the next change; otherwise it is kept beside the new one. */
seglog_code
slg_table_new(struct seglog_store store, const char *name, bool is_derived,
              int lock_timeout_ms, struct slg_table **table,
              struct seglog_error *err);
void
slg_table_free(struct slg_table *table);

/*
 * Bring the rows up to date with the segment.  A missing or damaged one is no
 * error: see slg_table_is_whole.  changed may be NULL.
 */
seglog_code
slg_table_refresh(struct slg_table *table, bool *changed,
                  struct seglog_error *err);

/* The segment is there and nothing of it is damaged. */
bool
slg_table_is_whole(const struct slg_table *table);

/* The rows, in order.  Valid until the next call that is not a look. */
size_t
slg_table_count(const struct slg_table *table);
const struct slg_row *
slg_table_row(const struct slg_table *table, size_t i);
/* The first row whose key is not below key; count if there is none. */
size_t
slg_table_seek(const struct slg_table *table, struct seglog_slice key);
/* NULL if there is none. */
const struct slg_row *
slg_table_find(const struct slg_table *table, struct seglog_slice key);

/*
 * Changing: begin takes the lock and brings the rows up to date; put and
 * remove note what is to be; write appends what was noted, at once, to the
 * segment and to the rows; end gives the lock back and forgets what was not
 * written.
 */
seglog_code
slg_table_begin(struct slg_table *table, struct seglog_error *err);
seglog_code
slg_table_put(struct slg_table *table, struct seglog_slice key,
              struct seglog_slice value, struct seglog_error *err);
seglog_code
slg_table_remove(struct slg_table *table, struct seglog_slice key,
                 struct seglog_error *err);
seglog_code
slg_table_write(struct slg_table *table, enum seglog_level level,
                struct seglog_error *err);
void
slg_table_end(struct slg_table *table);

/* Forget all rows, in memory only; a rewrite makes it so. */
void
slg_table_clear(struct slg_table *table);

/* Take what was noted into the rows, in memory only.  The next refresh reads
 * the segment anew. */
seglog_code
slg_table_settle(struct slg_table *table, struct seglog_error *err);

/* Between begin and end: write the segment anew with the rows and what was
 * noted, and put it in the place of the old one.  When it fails the rows in
 * memory are those that were to be written, until the next refresh. */
seglog_code
slg_table_rewrite(struct slg_table *table, struct seglog_error *err);

/* It is worth writing anew: it has more than 64 KiB, and of `parts` parts of it
 * at least one is history. */
bool
slg_table_wants_rewrite(const struct slg_table *table, unsigned parts);

#endif /* SLG_TABLE_H */
