/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/view.c - the view, in LMDB.
 *
 * LMDB must not be opened twice by one process: its locks are those of the
 * process, and closing one handle would release them all.  So there is a list
 * of what is open.
 */
#define _POSIX_C_SOURCE 200809L /* pthread, stat */

#include "src/canonical/view.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/store/fail.h"

/* What is asked for at least, before the system is said to have none. */
#define BYTES_MIN ((uint64_t)1 << 24)

/* Names of the tables in the file, and of the head. */
static const char *const TABLE_NAMES[SLG_VIEW_TABLES] = {
    [SLG_VIEW_STATE] = "state",
    [SLG_VIEW_MARKS] = "marks",
    [SLG_VIEW_CURSORS] = "cursors",
    [SLG_VIEW_DEAD] = "dead",
};
static const char HEAD_NAME[] = "head";

struct slg_view {
    MDB_env *env;
    MDB_dbi main;
    MDB_dbi tables[SLG_VIEW_TABLES];
    dev_t device;
    ino_t inode;
    unsigned users;
    struct slg_view *next;
};

struct slg_view_txn {
    struct slg_view *view;
    MDB_txn *txn;
};

struct slg_view_cursor {
    MDB_cursor *cursor;
    enum slg_view_table table;
};

static pthread_mutex_t views_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct slg_view *views; /* that are open in this process */

static seglog_code
fail_lmdb(struct seglog_error *err, int result, const char *what)
{
    switch (result) {
    case MDB_MAP_FULL:
        return slg_fail(err, SEGLOG_NO_SPACE, NULL,
                        "cannot %s: the view is full; open the store with "
                        "more view_bytes_max",
                        what);
    case MDB_MAP_RESIZED:
        return slg_fail(err, SEGLOG_NO_SPACE, NULL,
                        "cannot %s: another process has made the view larger "
                        "than view_bytes_max is here; open the store with as "
                        "much as there",
                        what);
    case MDB_READERS_FULL:
        return slg_fail(err, SEGLOG_LOCKED, NULL,
                        "cannot %s: too many read transactions are open; end "
                        "some, or open the store with more readers_max",
                        what);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_PANIC:
        return slg_fail(err, SEGLOG_CORRUPT, NULL,
                        "cannot %s: the view is damaged (%s); close the store "
                        "everywhere and remove its view folder, it is built "
                        "anew from the log",
                        what, mdb_strerror(result));
    default:
        break;
    }
    if (result > 0)
        return slg_fail_errno(err, result, NULL, "cannot %s", what);
    return slg_fail(err, SEGLOG_IO, NULL, "cannot %s: %s", what,
                    mdb_strerror(result));
}

static MDB_val
val_of(struct seglog_slice slice)
{
    /* LMDB takes what it does not write to as not const. */
    return (MDB_val){ slice.len, (void *)(uintptr_t)slice.data };
}

static struct seglog_slice
slice_of(MDB_val val)
{
    return (struct seglog_slice){ val.mv_data, val.mv_size };
}

/* -- open and close -------------------------------------------------------- */

bool
slg_view_is_built(void)
{
    return true;
}

/*
 * Address space costs nothing until it is used, but some systems give less of
 * it; then as much as there is.
 */
static int
env_open_once(struct slg_view *view, const char *dir, uint64_t bytes,
              unsigned readers)
{
    int result = mdb_env_create(&view->env);

    if (result != 0)
        return result;
    result = mdb_env_set_mapsize(view->env, (size_t)bytes);
    if (result == 0)
        result = mdb_env_set_maxdbs(view->env, SLG_VIEW_TABLES);
    if (result == 0)
        result = mdb_env_set_maxreaders(view->env, readers);
    if (result == 0)
        result = mdb_env_open(view->env, dir,
                              MDB_NOSYNC | MDB_NOTLS | MDB_NOMEMINIT, 0666);
    if (result != 0) {
        mdb_env_close(view->env);
        view->env = NULL;
    }
    return result;
}

static int
env_open(struct slg_view *view, const char *dir, uint64_t bytes,
         unsigned readers)
{
    int result = 0;

    if (bytes > SIZE_MAX / 2)
        bytes = SIZE_MAX / 4 + 1;
    do {
        result = env_open_once(view, dir, bytes, readers);
        bytes /= 2;
    } while (result == ENOMEM && bytes >= BYTES_MIN);
    return result;
}

static int
tables_open(struct slg_view *view)
{
    MDB_txn *txn = NULL;
    int result = mdb_txn_begin(view->env, NULL, 0, &txn);

    if (result != 0)
        return result;
    result = mdb_dbi_open(txn, NULL, 0, &view->main);
    for (unsigned i = 0; result == 0 && i < SLG_VIEW_TABLES; i++)
        result =
            mdb_dbi_open(txn, TABLE_NAMES[i], MDB_CREATE, &view->tables[i]);
    if (result == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return result;
}

static struct slg_view *
view_find(const struct stat *status)
{
    struct slg_view *view = views;

    while (view &&
           (view->device != status->st_dev || view->inode != status->st_ino))
        view = view->next;
    return view;
}

static seglog_code
view_make(const char *dir, const struct stat *status, uint64_t bytes_max,
          unsigned readers_max, struct slg_view **made,
          struct seglog_error *err)
{
    struct slg_view *view = calloc(1, sizeof *view);
    int result = 0;

    if (!view)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a view");
    result = env_open(view, dir, bytes_max, readers_max);
    if (result == 0) {
        /* Of processes that died with a read transaction. */
        (void)mdb_reader_check(view->env, NULL);
        result = tables_open(view);
    }
    if (result != 0) {
        mdb_env_close(view->env);
        free(view);
        return fail_lmdb(err, result, "open the view");
    }
    view->device = status->st_dev;
    view->inode = status->st_ino;
    view->next = views;
    views = view;
    *made = view;
    return SEGLOG_OK;
}

seglog_code
slg_view_open(const char *dir, uint64_t bytes_max, unsigned readers_max,
              struct slg_view **view, struct seglog_error *err)
{
    const struct slg_place place = { .name = dir, .offset = SEGLOG_NO_OFFSET };
    struct stat status;
    seglog_code code = SEGLOG_OK;

    if (stat(dir, &status) != 0)
        return slg_fail_errno(err, errno, &place,
                              "cannot look at the folder of the view");
    (void)pthread_mutex_lock(&views_mutex);
    *view = view_find(&status);
    if (!*view)
        code = view_make(dir, &status, bytes_max, readers_max, view, err);
    if (code == SEGLOG_OK)
        (*view)->users++;
    (void)pthread_mutex_unlock(&views_mutex);
    return code;
}

void
slg_view_close(struct slg_view *view)
{
    if (!view)
        return;
    (void)pthread_mutex_lock(&views_mutex);
    if (--view->users == 0) {
        struct slg_view **at = &views;

        while (*at != view)
            at = &(*at)->next;
        *at = view->next;
        mdb_env_close(view->env);
        free(view);
    }
    (void)pthread_mutex_unlock(&views_mutex);
}

seglog_code
slg_view_sync(struct slg_view *view, struct seglog_error *err)
{
    const int result = mdb_env_sync(view->env, 1);

    return result == 0 ? SEGLOG_OK : fail_lmdb(err, result, "sync the view");
}

/* -- transactions ---------------------------------------------------------- */

/* The map stays where it is: others read in it. */
static int
txn_begin(struct slg_view *view, unsigned flags, MDB_txn **txn)
{
    int result = mdb_txn_begin(view->env, NULL, flags, txn);

    if (result == MDB_READERS_FULL) {
        (void)mdb_reader_check(view->env, NULL);
        result = mdb_txn_begin(view->env, NULL, flags, txn);
    }
    return result;
}

seglog_code
slg_view_begin(struct slg_view *view, bool is_write, struct slg_view_txn **txn,
               struct seglog_error *err)
{
    struct slg_view_txn *made = calloc(1, sizeof *made);
    int result = 0;

    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a transaction");
    made->view = view;
    result = txn_begin(view, is_write ? 0 : MDB_RDONLY, &made->txn);
    if (result != 0) {
        free(made);
        return fail_lmdb(err, result, "begin a transaction of the view");
    }
    *txn = made;
    return SEGLOG_OK;
}

seglog_code
slg_view_commit(struct slg_view_txn *txn, struct seglog_error *err)
{
    const int result = mdb_txn_commit(txn->txn);

    free(txn);
    return result == 0 ? SEGLOG_OK
                       : fail_lmdb(err, result, "write to the view");
}

void
slg_view_abort(struct slg_view_txn *txn)
{
    if (!txn)
        return;
    mdb_txn_abort(txn->txn);
    free(txn);
}

/* Who reads a row takes numbers out of it: it is as long as it must be. */
static bool
row_is_sound(enum slg_view_table table, size_t key_len, size_t value_len)
{
    switch (table) {
    case SLG_VIEW_MARKS:
        return key_len == sizeof(uint64_t) && value_len == sizeof(uint64_t);
    case SLG_VIEW_CURSORS:
        return value_len == sizeof(uint64_t);
    case SLG_VIEW_DEAD:
        return key_len > 1 + sizeof(uint64_t) &&
               value_len >= 2 * sizeof(uint64_t);
    case SLG_VIEW_STATE:
    case SLG_VIEW_TABLES:
        break;
    }
    return true;
}

/* -- values ---------------------------------------------------------------- */

static MDB_val
head_key(void)
{
    return val_of((struct seglog_slice){ HEAD_NAME, sizeof HEAD_NAME - 1 });
}

seglog_code
slg_view_get_head(struct slg_view_txn *txn, struct slg_view_head *head,
                  struct seglog_error *err)
{
    MDB_val key = head_key();
    MDB_val val;
    const int result = mdb_get(txn->txn, txn->view->main, &key, &val);

    *head = (struct slg_view_head){ .version = SLG_VIEW_VERSION };
    if (result == MDB_NOTFOUND)
        return SEGLOG_OK;
    if (result != 0)
        return fail_lmdb(err, result, "read the view");
    /* One of another build counts as none: it is built anew. */
    if (val.mv_size == sizeof *head)
        memcpy(head, val.mv_data, sizeof *head);
    if (head->version != SLG_VIEW_VERSION || val.mv_size != sizeof *head ||
        head->hash.len > sizeof head->hash.bytes)
        *head = (struct slg_view_head){ 0 };
    return SEGLOG_OK;
}

seglog_code
slg_view_put_head(struct slg_view_txn *txn, const struct slg_view_head *head,
                  void **place, struct seglog_error *err)
{
    MDB_val key = head_key();
    MDB_val val = { sizeof *head, NULL };
    const int result =
        mdb_put(txn->txn, txn->view->main, &key, &val, MDB_RESERVE);

    if (result != 0)
        return fail_lmdb(err, result, "write to the view");
    memcpy(val.mv_data, head, sizeof *head);
    if (place)
        *place = val.mv_data;
    return SEGLOG_OK;
}

seglog_code
slg_view_get(struct slg_view_txn *txn, enum slg_view_table table,
             struct seglog_slice key, struct seglog_slice *value,
             struct seglog_error *err)
{
    MDB_val sought = val_of(key);
    MDB_val val;
    const int result =
        mdb_get(txn->txn, txn->view->tables[table], &sought, &val);

    if (result == MDB_NOTFOUND)
        return SEGLOG_NOT_FOUND;
    if (result != 0)
        return fail_lmdb(err, result, "read the view");
    if (!row_is_sound(table, key.len, val.mv_size))
        return fail_lmdb(err, MDB_CORRUPTED, "read the view");
    *value = slice_of(val);
    return SEGLOG_OK;
}

seglog_code
slg_view_put(struct slg_view_txn *txn, enum slg_view_table table,
             struct seglog_slice key, struct seglog_slice value,
             struct seglog_error *err)
{
    MDB_val at = val_of(key);
    MDB_val val = val_of(value);
    const int result =
        mdb_put(txn->txn, txn->view->tables[table], &at, &val, 0);

    return result == 0 ? SEGLOG_OK
                       : fail_lmdb(err, result, "write to the view");
}

seglog_code
slg_view_delete(struct slg_view_txn *txn, enum slg_view_table table,
                struct seglog_slice key, struct seglog_error *err)
{
    MDB_val at = val_of(key);
    const int result = mdb_del(txn->txn, txn->view->tables[table], &at, NULL);

    return result == 0 || result == MDB_NOTFOUND
               ? SEGLOG_OK
               : fail_lmdb(err, result, "write to the view");
}

seglog_code
slg_view_clear(struct slg_view_txn *txn, struct seglog_error *err)
{
    MDB_val key = head_key();
    int result = mdb_del(txn->txn, txn->view->main, &key, NULL);

    if (result == MDB_NOTFOUND)
        result = 0;
    for (unsigned i = 0; result == 0 && i < SLG_VIEW_TABLES; i++)
        result = mdb_drop(txn->txn, txn->view->tables[i], 0);
    return result == 0 ? SEGLOG_OK
                       : fail_lmdb(err, result, "write to the view");
}

seglog_code
slg_view_count(struct slg_view_txn *txn, enum slg_view_table table,
               struct slg_view_counts *counts, struct seglog_error *err)
{
    MDB_stat stat;
    MDB_envinfo info;
    int result = mdb_stat(txn->txn, txn->view->tables[table], &stat);

    if (result == 0)
        result = mdb_env_info(txn->view->env, &info);
    if (result != 0)
        return fail_lmdb(err, result, "read the view");
    *counts = (struct slg_view_counts){
        .keys = stat.ms_entries,
        .bytes = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize,
    };
    return SEGLOG_OK;
}

/* -- cursors --------------------------------------------------------------- */

seglog_code
slg_view_cursor_open(struct slg_view_txn *txn, enum slg_view_table table,
                     struct slg_view_cursor **cursor, struct seglog_error *err)
{
    struct slg_view_cursor *made = calloc(1, sizeof *made);
    int result = 0;

    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a cursor");
    made->table = table;
    result = mdb_cursor_open(txn->txn, txn->view->tables[table], &made->cursor);
    if (result != 0) {
        free(made);
        return fail_lmdb(err, result, "read the view");
    }
    *cursor = made;
    return SEGLOG_OK;
}

void
slg_view_cursor_close(struct slg_view_cursor *cursor)
{
    if (!cursor)
        return;
    mdb_cursor_close(cursor->cursor);
    free(cursor);
}

/* The first key at or behind the sought one, or the last before it. */
static int
cursor_seek_back(MDB_cursor *cursor, MDB_val *key, MDB_val *val)
{
    const MDB_val sought = *key;
    int result = mdb_cursor_get(cursor, key, val, MDB_SET_RANGE);

    if (result == MDB_NOTFOUND)
        return mdb_cursor_get(cursor, key, val, MDB_LAST);
    if (result != 0 ||
        (key->mv_size == sought.mv_size &&
         memcmp(key->mv_data, sought.mv_data, sought.mv_size) == 0))
        return result;
    return mdb_cursor_get(cursor, key, val, MDB_PREV);
}

static int
cursor_move(MDB_cursor *cursor, enum slg_view_move move, MDB_val *key,
            MDB_val *val)
{
    if (move == SLG_VIEW_NEXT)
        return mdb_cursor_get(cursor, key, val, MDB_NEXT);
    if (key->mv_size == 0)
        return mdb_cursor_get(cursor, key, val,
                              move == SLG_VIEW_AT_LEAST ? MDB_FIRST : MDB_LAST);
    if (move == SLG_VIEW_AT_LEAST)
        return mdb_cursor_get(cursor, key, val, MDB_SET_RANGE);
    return cursor_seek_back(cursor, key, val);
}

seglog_code
slg_view_cursor_move(struct slg_view_cursor *cursor, enum slg_view_move move,
                     struct seglog_slice sought, struct seglog_slice *key,
                     struct seglog_slice *value, struct seglog_error *err)
{
    MDB_val at = val_of(sought);
    MDB_val val;
    const int result = cursor_move(cursor->cursor, move, &at, &val);

    if (result == MDB_NOTFOUND)
        return SEGLOG_END;
    if (result != 0)
        return fail_lmdb(err, result, "read the view");
    if (!row_is_sound(cursor->table, at.mv_size, val.mv_size))
        return fail_lmdb(err, MDB_CORRUPTED, "read the view");
    *key = slice_of(at);
    *value = slice_of(val);
    return SEGLOG_OK;
}
