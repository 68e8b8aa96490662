/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/snapshot.h - state snapshots (SPEC.md 17.4).
 *
 *   snapshot.c       make one
 *   snapshot_load.c  build a view from one
 *   snapshot_head.c  names, and the records that are no transactions
 *
 * Layer  canonical
 */
#ifndef SLG_CANONICAL_SNAPSHOT_H
#define SLG_CANONICAL_SNAPSHOT_H

#include "seglog/stream.h"
#include "src/canonical/transaction.h"
#include "src/canonical/view.h"

#define SLG_SNAPSHOT_PREFIX   "state."
#define SLG_SNAPSHOT_NAME_CAP 40u

struct seglog_canonical;

/* -- snapshot_head.c ------------------------------------------------------- */

void
slg_snapshot_name(uint64_t position, char name[SLG_SNAPSHOT_NAME_CAP]);

/* False: it is no name of a snapshot. */
bool
slg_snapshot_name_parse(const char *name, uint64_t *position);

/* The position of the newest one; 0: there is none. */
seglog_code
slg_snapshot_find(struct seglog_store store, uint64_t *position,
                  struct seglog_error *err);

/* The first record: of the head what the log says.  False: no memory. */
bool
slg_snapshot_put_head(const struct slg_view_head *head, struct slg_bytes *out);
/* False: it is none. */
bool
slg_snapshot_get_head(const void *bytes, size_t len,
                      struct slg_view_head *head);

/* The last one: how many are before it. */
bool
slg_snapshot_put_end(uint64_t records, struct slg_bytes *out);
bool
slg_snapshot_get_end(const void *bytes, size_t len, uint64_t *records);

/* -- snapshot_load.c ------------------------------------------------------- */

/* The position of the one that a view would be built from; 0: there is none. */
seglog_code
slg_snapshot_find_sound(const struct seglog_canonical *canonical,
                        uint64_t *position, struct seglog_error *err);

/*
 * Into a view that is empty: the newest snapshot that is whole and of this log.
 * Without one the head stays what it is, at position 0.
 */
seglog_code
slg_snapshot_load(const struct seglog_canonical *canonical,
                  struct slg_view_txn *txn, struct slg_view_head *head,
                  const struct seglog_stream_info *info,
                  struct seglog_error *err);

#endif /* SLG_CANONICAL_SNAPSHOT_H */
