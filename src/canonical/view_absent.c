/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/view_absent.c - the view in place of view.c in a build without
 * LMDB: none can be opened, so no other call ever comes.
 */
#include "src/canonical/view.h"

#include "src/store/fail.h"

static seglog_code
fail_absent(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "this build has no canonical stores: they need LMDB");
}

bool
slg_view_is_built(void)
{
    return false;
}

seglog_code
slg_view_open(const char *dir, uint64_t bytes_max, unsigned readers_max,
              struct slg_view **view, struct seglog_error *err)
{
    (void)dir;
    (void)bytes_max;
    (void)readers_max;
    (void)view;
    return fail_absent(err);
}

void
slg_view_close(struct slg_view *view)
{
    (void)view;
}

seglog_code
slg_view_sync(struct slg_view *view, struct seglog_error *err)
{
    (void)view;
    return fail_absent(err);
}

seglog_code
slg_view_begin(struct slg_view *view, bool is_write, struct slg_view_txn **txn,
               struct seglog_error *err)
{
    (void)view;
    (void)is_write;
    (void)txn;
    return fail_absent(err);
}

seglog_code
slg_view_commit(struct slg_view_txn *txn, struct seglog_error *err)
{
    (void)txn;
    return fail_absent(err);
}

void
slg_view_abort(struct slg_view_txn *txn)
{
    (void)txn;
}

seglog_code
slg_view_get_head(struct slg_view_txn *txn, struct slg_view_head *head,
                  struct seglog_error *err)
{
    (void)txn;
    (void)head;
    return fail_absent(err);
}

seglog_code
slg_view_put_head(struct slg_view_txn *txn, const struct slg_view_head *head,
                  void **place, struct seglog_error *err)
{
    (void)txn;
    (void)head;
    (void)place;
    return fail_absent(err);
}

seglog_code
slg_view_get(struct slg_view_txn *txn, enum slg_view_table table,
             struct seglog_slice key, struct seglog_slice *value,
             struct seglog_error *err)
{
    (void)txn;
    (void)table;
    (void)key;
    (void)value;
    return fail_absent(err);
}

seglog_code
slg_view_put(struct slg_view_txn *txn, enum slg_view_table table,
             struct seglog_slice key, struct seglog_slice value,
             struct seglog_error *err)
{
    (void)txn;
    (void)table;
    (void)key;
    (void)value;
    return fail_absent(err);
}

seglog_code
slg_view_delete(struct slg_view_txn *txn, enum slg_view_table table,
                struct seglog_slice key, struct seglog_error *err)
{
    (void)txn;
    (void)table;
    (void)key;
    return fail_absent(err);
}

seglog_code
slg_view_clear(struct slg_view_txn *txn, struct seglog_error *err)
{
    (void)txn;
    return fail_absent(err);
}

seglog_code
slg_view_count(struct slg_view_txn *txn, enum slg_view_table table,
               struct slg_view_counts *counts, struct seglog_error *err)
{
    (void)txn;
    (void)table;
    (void)counts;
    return fail_absent(err);
}

seglog_code
slg_view_cursor_open(struct slg_view_txn *txn, enum slg_view_table table,
                     struct slg_view_cursor **cursor, struct seglog_error *err)
{
    (void)txn;
    (void)table;
    (void)cursor;
    return fail_absent(err);
}

void
slg_view_cursor_close(struct slg_view_cursor *cursor)
{
    (void)cursor;
}

seglog_code
slg_view_cursor_move(struct slg_view_cursor *cursor, enum slg_view_move move,
                     struct seglog_slice sought, struct seglog_slice *key,
                     struct seglog_slice *value, struct seglog_error *err)
{
    (void)cursor;
    (void)move;
    (void)sought;
    (void)key;
    (void)value;
    return fail_absent(err);
}
