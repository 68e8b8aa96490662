/* SPDX-License-Identifier: MIT */
/* src/canonical/snapshot.c - state snapshots (SPEC.md 17.4). */
#include "src/canonical/snapshot.h"

seglog_code
slg_snapshot_load(struct seglog_store store, struct slg_view_txn *txn,
                  struct slg_view_head *head,
                  const struct seglog_stream_info *info,
                  struct seglog_error *err)
{
    (void)store;
    (void)txn;
    (void)head;
    (void)info;
    (void)err;
    return SEGLOG_OK;
}
