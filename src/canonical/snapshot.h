/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/snapshot.h - state snapshots (SPEC.md 17.4).
 *
 * Layer  canonical
 */
#ifndef SLG_CANONICAL_SNAPSHOT_H
#define SLG_CANONICAL_SNAPSHOT_H

#include "seglog/stream.h"
#include "src/canonical/view.h"

/*
 * Into a view that is empty: the newest snapshot of this log that is whole.
 * Without any the head stays what it is, at position 0.
 */
seglog_code
slg_snapshot_load(struct seglog_store store, struct slg_view_txn *txn,
                  struct slg_view_head *head,
                  const struct seglog_stream_info *info,
                  struct seglog_error *err);

#endif /* SLG_CANONICAL_SNAPSHOT_H */
