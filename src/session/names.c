/* SPDX-License-Identifier: MIT */
/* src/session/names.c - things that are found by name: names.seg. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/session/names.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "src/session/table.h"
#include "src/store/fail.h"

#define NAMES_NAME "names.seg"

struct slg_names {
    pthread_mutex_t mutex;
    struct slg_index *index;
    struct slg_table *table;
    bool is_read_only;
};

seglog_code
slg_names_new(struct seglog_store store, struct slg_index *index,
              bool is_read_only, int lock_timeout_ms, struct slg_names **names,
              struct seglog_error *err)
{
    struct slg_names *made = calloc(1, sizeof *made);
    seglog_code code = SEGLOG_OK;

    *names = NULL;
    if (!made || pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for names");
    }
    made->index = index;
    made->is_read_only = is_read_only;
    code = slg_table_new(store, NAMES_NAME, false, lock_timeout_ms,
                         &made->table, err);
    if (code != SEGLOG_OK) {
        slg_names_free(made);
        return code;
    }
    *names = made;
    return SEGLOG_OK;
}

void
slg_names_free(struct slg_names *names)
{
    if (!names)
        return;
    slg_table_free(names->table);
    (void)pthread_mutex_destroy(&names->mutex);
    free(names);
}

/* -- keys ----------------------------------------------------------------- */

#define KEY_CAP (1 + SEGLOG_NAME_MAX)

static struct seglog_slice
key_of(enum seglog_name_space space, struct seglog_slice name,
       char buf[KEY_CAP])
{
    buf[0] = (char)space;
    if (name.len > 0)
        memcpy(buf + 1, name.data, name.len);
    return (struct seglog_slice){ buf, 1 + name.len };
}

static seglog_code
item_check(const struct seglog_named *item, struct seglog_error *err)
{
    if (item->name.len == 0 || !item->name.data)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the name is empty");
    if (item->name.len > SEGLOG_NAME_MAX)
        return slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                        "a name of %zu bytes; at most %d are allowed",
                        item->name.len, SEGLOG_NAME_MAX);
    if (!item->is_deleted && !item->data.data && item->data.len > 0)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the data is NULL");
    if (item->data.len > SEGLOG_NAMED_DATA_MAX)
        return slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                        "%zu bytes under one name; at most %d are allowed",
                        item->data.len, SEGLOG_NAMED_DATA_MAX);
    return SEGLOG_OK;
}

/* -- writing -------------------------------------------------------------- */

static seglog_code
items_put(struct slg_names *names, const struct seglog_named *items,
          size_t count, struct seglog_error *err)
{
    char buf[KEY_CAP];
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < count && code == SEGLOG_OK; i++) {
        const struct seglog_slice key =
            key_of(items[i].space, items[i].name, buf);

        code = items[i].is_deleted
                   ? slg_table_remove(names->table, key, err)
                   : slg_table_put(names->table, key, items[i].data, err);
    }
    return code;
}

static seglog_code
items_write(struct slg_names *names, const struct seglog_named *items,
            size_t count, enum seglog_level level, bool is_anew,
            struct seglog_error *err)
{
    seglog_code code = slg_table_begin(names->table, err);

    if (code != SEGLOG_OK)
        return code;
    code = items_put(names, items, count, err);
    if (code == SEGLOG_OK)
        code = is_anew && slg_table_wants_rewrite(names->table, 2)
                   ? slg_table_rewrite(names->table, err)
                   : slg_table_write(names->table, level, err);
    slg_table_end(names->table);
    return code;
}

/* Whether the blob will be made or replaced: that moves the store's stamp. */
static bool
write_moves_stamp(struct slg_names *names)
{
    return slg_table_refresh(names->table, NULL, NULL) != SEGLOG_OK ||
           !slg_table_is_whole(names->table) ||
           slg_table_wants_rewrite(names->table, 2);
}

seglog_code
slg_names_write(struct slg_names *names, const struct seglog_named *items,
                size_t count, enum seglog_level level, struct seglog_error *err)
{
    bool is_anew = false;
    seglog_code code = SEGLOG_OK;

    if (names->is_read_only)
        return slg_fail(err, SEGLOG_READ_ONLY, NULL,
                        "the session store was opened for reading only");
    for (size_t i = 0; i < count && code == SEGLOG_OK; i++)
        code = item_check(&items[i], err);
    if (code != SEGLOG_OK || count == 0)
        return code;
    (void)pthread_mutex_lock(&names->mutex);
    is_anew = write_moves_stamp(names);
    if (!is_anew) {
        code = items_write(names, items, count, level, false, err);
        (void)pthread_mutex_unlock(&names->mutex);
        return code;
    }
    /* The index's lock is taken before that of the names. */
    (void)pthread_mutex_unlock(&names->mutex);
    code = slg_index_begin(names->index, err);
    if (code != SEGLOG_OK)
        return code;
    (void)pthread_mutex_lock(&names->mutex);
    code = items_write(names, items, count, level, true, err);
    (void)pthread_mutex_unlock(&names->mutex);
    slg_index_commit(names->index);
    return code;
}

/* -- reading -------------------------------------------------------------- */

seglog_code
slg_names_read(struct slg_names *names, enum seglog_name_space space,
               struct seglog_slice name, char **data, size_t *len,
               struct seglog_error *err)
{
    const struct slg_row *row = NULL;
    char buf[KEY_CAP];
    seglog_code code = SEGLOG_OK;

    *data = NULL;
    *len = 0;
    if (name.len > SEGLOG_NAME_MAX)
        return SEGLOG_OK;
    (void)pthread_mutex_lock(&names->mutex);
    code = slg_table_refresh(names->table, NULL, err);
    if (code == SEGLOG_OK)
        row = slg_table_find(names->table, key_of(space, name, buf));
    if (row) {
        *data = malloc(row->value.len + 1);
        if (!*data)
            code = slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for data");
    }
    if (*data) {
        if (row->value.len > 0)
            memcpy(*data, row->value.data, row->value.len);
        (*data)[row->value.len] = '\0';
        *len = row->value.len;
    }
    (void)pthread_mutex_unlock(&names->mutex);
    return code;
}

/* A copy, so that the callback may write names itself. */
struct copy {
    struct seglog_named *items;
    size_t count;
    char *bytes;
};

static bool
row_is_under(const struct slg_row *row, struct seglog_slice key)
{
    return row->key.len >= key.len &&
           memcmp(row->key.data, key.data, key.len) == 0;
}

static seglog_code
rows_copy(const struct slg_table *table, struct seglog_slice key,
          struct copy *copy, struct seglog_error *err)
{
    const size_t from = slg_table_seek(table, key);
    size_t to = from;
    size_t bytes = 0;
    char *at = NULL;

    while (to < slg_table_count(table) &&
           row_is_under(slg_table_row(table, to), key)) {
        bytes += slg_table_row(table, to)->key.len +
                 slg_table_row(table, to)->value.len;
        to++;
    }
    copy->items = malloc((to - from + 1) * sizeof *copy->items);
    copy->bytes = malloc(bytes + 1);
    if (!copy->items || !copy->bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a list");
    at = copy->bytes;
    for (size_t i = from; i < to; i++) {
        const struct slg_row *row = slg_table_row(table, i);

        memcpy(at, row->key.data, row->key.len);
        if (row->value.len > 0)
            memcpy(at + row->key.len, row->value.data, row->value.len);
        copy->items[copy->count++] = (struct seglog_named){
            .space = (enum seglog_name_space)(unsigned char)at[0],
            .name = { at + 1, row->key.len - 1 },
            .data = { at + row->key.len, row->value.len },
        };
        at += row->key.len + row->value.len;
    }
    return SEGLOG_OK;
}

seglog_code
slg_names_list(struct slg_names *names, enum seglog_name_space space,
               struct seglog_slice prefix, seglog_named_fn fn, void *arg,
               struct seglog_error *err)
{
    struct copy copy = { 0 };
    char buf[KEY_CAP];
    seglog_code code = SEGLOG_OK;

    if (prefix.len > SEGLOG_NAME_MAX)
        return SEGLOG_OK;
    (void)pthread_mutex_lock(&names->mutex);
    code = slg_table_refresh(names->table, NULL, err);
    if (code == SEGLOG_OK)
        code = rows_copy(names->table, key_of(space, prefix, buf), &copy, err);
    (void)pthread_mutex_unlock(&names->mutex);
    for (size_t i = 0; code == SEGLOG_OK && i < copy.count; i++)
        if (!fn(arg, &copy.items[i]))
            break;
    free(copy.items);
    free(copy.bytes);
    return code;
}

/* -- the public calls ----------------------------------------------------- */

bool
seglog_name_is_valid(const char *name, size_t len)
{
    if (!name || len == 0 || memchr(name, '/', len) || memchr(name, '\0', len))
        return false;
    return !(len == 1 && name[0] == '.') &&
           !(len == 2 && name[0] == '.' && name[1] == '.');
}
