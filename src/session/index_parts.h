/* SPDX-License-Identifier: MIT */
/*
 * src/session/index_parts.h - what the files of the index share.
 *
 *   index.c         is it current; making it anew
 *   index_rows.c    the bytes of its rows and of the stamp
 *   index_ask.c     listing and finding
 *   index_change.c  what comes and goes
 *
 * Layer  session.  Everything here is called with the index's mutex held.
 */
#ifndef SLG_INDEX_PARTS_H
#define SLG_INDEX_PARTS_H

#include <pthread.h>

#include "src/session/index.h"
#include "src/session/table.h"

#define SLG_INDEX_NAME "index.seg"

struct slg_index {
    pthread_mutex_t mutex;
    struct seglog_store store;
    bool is_read_only;
    struct slg_table *table;

    /* Made anew and not written, for want of permission or space: the rows in
     * memory hold while the stamp is this one. */
    bool is_own;
    struct seglog_stamp own_stamp;

    /* Numbers of the rows in the order of their segments' ids. */
    size_t *by_segment;
    size_t by_segment_count;
    bool is_by_segment_current;

    bool was_valid; /* between begin and commit: it was before */
};

/* -- index.c -------------------------------------------------------------- */

enum slg_trust {
    SLG_TRUST_NONE,
    SLG_TRUST_UNSETTLED, /* if the names are the same */
    SLG_TRUST_FULL
};

/* now: the stamp of the store. */
enum slg_trust
slg_index_trust(struct slg_index *index, struct seglog_stamp *now);

/* Under the table's lock: write it from the names and attributes of what the
 * store holds. */
seglog_code
slg_index_make_anew(struct slg_index *index, struct seglog_error *err);

/* Bring the rows up to date, making them anew if need be. */
seglog_code
slg_index_refresh(struct slg_index *index, struct seglog_error *err);

/* -- index_rows.c --------------------------------------------------------- */

#define SLG_ROW_KEY_BYTES (1 + 2 * SEGLOG_UUID_BYTES)

/* The tag that keys of rows begin with, and what is behind all of them. */
#define SLG_ROW_FIRST ((struct seglog_slice){ "S", 1 })
#define SLG_ROW_END   ((struct seglog_slice){ "T", 1 })

struct seglog_slice
slg_row_key(const struct seglog_uuid *session,
            const struct seglog_uuid *segment, uint8_t buf[SLG_ROW_KEY_BYTES]);

/* False: it is no row of a segment. */
bool
slg_row_decode(const struct slg_row *from, struct seglog_session_row *row);

seglog_code
slg_row_put(struct slg_index *index, const struct seglog_session_row *row,
            struct seglog_error *err);

enum slg_stamp_state {
    SLG_STAMP_CHANGING = 0,
    SLG_STAMP_NOTED = 1
};

seglog_code
slg_stamp_put(struct slg_index *index, enum slg_stamp_state state,
              const struct seglog_stamp *stamp, struct seglog_error *err);

/* Write that the stamp of now is noted, but not settled: the clock may not
 * have ticked since. */
seglog_code
slg_stamp_note(struct slg_index *index, struct seglog_error *err);

/* False: there is none that holds. */
bool
slg_stamp_get(const struct slg_index *index, struct seglog_stamp *stamp);

#endif /* SLG_INDEX_PARTS_H */
