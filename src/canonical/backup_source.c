/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/backup_source.c - which blobs there are, and how large.
 *
 * Blobs are opened before anybody has to wait; then, with writers held off
 * where that can be done, names and sizes are looked up until two looks agree.
 * A blob that is held open stays what it is whatever becomes of its name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"
#include "src/store/deadline.h"

/* How often names may change between two looks. */
#define LOOKS_MAX 20

/* Whoever makes or removes a segment of a session store holds this lock. */
#define INDEX_NAME    "index.seg"
#define INDEX_WAIT_MS 1000

/* It names segments, so it may not be younger than the list of them. */
#define NAMES_NAME "names.seg"

static void
items_free(struct slg_backup_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)seglog_blob_close(&items[i].blob, NULL);
        free(items[i].name);
    }
    free(items);
}

void
slg_backup_snapshot_reset(struct slg_backup_snapshot *snapshot)
{
    items_free(snapshot->items, snapshot->count);
    *snapshot = (struct slg_backup_snapshot){ .count = 0 };
}

/* -- which names ----------------------------------------------------------- */

struct look {
    const struct slg_backup_source *source;
    struct slg_backup_snapshot *snapshot;
    unsigned open_max;
    bool has_changed;
    bool is_too_much; /* they cannot all be held open */
    struct slg_name_list names;
    seglog_code code;
    struct seglog_error *err;
};

/* What nobody reads: it is being made, or was left over by that. */
static bool
is_leftover(const char *name)
{
    return slg_name_has_suffix(name, ".new") ||
           slg_name_has_suffix(name, ".cut") ||
           slg_name_has_suffix(name, ".sealing");
}

static bool
name_take(void *arg, const char *name)
{
    struct look *look = arg;
    const struct slg_backup_source *source = look->source;

    if (is_leftover(name) ||
        (source->is_taken && !source->is_taken(source->arg, name)))
        return true;
    look->code = slg_name_list_add(&look->names, name, look->err);
    return look->code == SEGLOG_OK;
}

static bool
is_always_held(const struct slg_backup_source *source, const char *name)
{
    const char *prefix = source->held_prefix;

    return strcmp(name, NAMES_NAME) == 0 ||
           (prefix && strncmp(name, prefix, strlen(prefix)) == 0);
}

/* -- one look -------------------------------------------------------------- */

static bool
is_out_of_handles(const struct seglog_error *err)
{
    return err->sys_errno == EMFILE || err->sys_errno == ENFILE;
}

/* The name was there a moment ago: that it is gone is a change. */
static seglog_code
item_open(struct look *look, struct slg_backup_item *item)
{
    struct seglog_error local;
    const seglog_code code = seglog_blob_open(
        look->source->store, item->name, SEGLOG_OPEN_READ, &item->blob, &local);

    item->is_held = code == SEGLOG_OK;
    look->has_changed = true;
    if (code == SEGLOG_OK || code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (code == SEGLOG_IO && is_out_of_handles(&local) &&
        !is_always_held(look->source, item->name)) {
        look->is_too_much = true;
        return SEGLOG_OK;
    }
    if (look->err)
        *look->err = local;
    return code;
}

static seglog_code
item_look(struct look *look, struct slg_backup_item *item)
{
    bool is_replaced = false;
    seglog_code code =
        seglog_blob_get_size(item->blob, &item->size, &is_replaced, look->err);

    if (code != SEGLOG_OK || !is_replaced)
        return code;
    (void)seglog_blob_close(&item->blob, NULL);
    code = item_open(look, item);
    return code == SEGLOG_OK && item->is_held
               ? seglog_blob_get_size(item->blob, &item->size, NULL, look->err)
               : code;
}

/* It is opened when its turn comes. */
static void
item_let_go(struct slg_backup_item *item)
{
    (void)seglog_blob_close(&item->blob, NULL);
    item->is_held = false;
}

static seglog_code
item_settle(struct look *look, struct slg_backup_item *item)
{
    seglog_code code = SEGLOG_OK;

    if (look->is_too_much && !is_always_held(look->source, item->name)) {
        item_let_go(item);
        return SEGLOG_OK;
    }
    if (!item->is_held)
        code = item_open(look, item);
    return code == SEGLOG_OK && item->is_held ? item_look(look, item) : code;
}

/* The items of the last look become those of this one: both are in order. */
static seglog_code
items_take(struct look *look)
{
    struct slg_backup_snapshot *snapshot = look->snapshot;
    struct slg_backup_item *items =
        calloc(look->names.count + 1, sizeof *items);
    size_t old = 0;

    if (!items)
        return slg_backup_fail_memory(look->err);
    for (size_t i = 0; i < look->names.count; i++) {
        int order = -1;

        while (old < snapshot->count &&
               (order = strcmp(snapshot->items[old].name,
                               look->names.names[i])) < 0)
            old++;
        if (old < snapshot->count && order == 0) {
            items[i] = snapshot->items[old];
            snapshot->items[old].blob = (struct seglog_blob){ 0 };
        } else {
            look->has_changed = true;
        }
        items[i].name = look->names.names[i];
        look->names.names[i] = NULL;
    }
    look->has_changed =
        look->has_changed || snapshot->count != look->names.count;
    items_free(snapshot->items, snapshot->count);
    snapshot->items = items;
    snapshot->count = look->names.count;
    look->names.count = 0;
    return SEGLOG_OK;
}

/* Sizes last, one right behind the other. */
static seglog_code
look_once(struct look *look)
{
    struct slg_backup_snapshot *snapshot = look->snapshot;
    seglog_code code = SEGLOG_OK;

    look->has_changed = false;
    look->code = SEGLOG_OK;
    code =
        seglog_store_list(look->source->store, "", name_take, look, look->err);
    if (code == SEGLOG_OK)
        code = look->code;
    look->is_too_much = look->is_too_much || look->names.count > look->open_max;
    if (code == SEGLOG_OK)
        code = items_take(look);
    slg_name_list_reset(&look->names);
    for (size_t i = 0; i < snapshot->count && code == SEGLOG_OK; i++)
        code = item_settle(look, &snapshot->items[i]);
    return code;
}

/* -- the moment ------------------------------------------------------------ */

static bool
has_index(const struct slg_backup_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++)
        if (strcmp(snapshot->items[i].name, INDEX_NAME) == 0)
            return true;
    return false;
}

/* Where it cannot be had, two looks that agree have to do. */
static void
index_hold(const struct look *look, struct seglog_lock *lock)
{
    if (look->source->freeze || !has_index(look->snapshot) ||
        seglog_lock_open(look->source->store, INDEX_NAME, lock, NULL) !=
            SEGLOG_OK)
        return;
    if (seglog_lock_acquire(*lock, INDEX_WAIT_MS, NULL) != SEGLOG_OK)
        seglog_lock_close(lock);
}

static void
index_let_go(struct seglog_lock *lock)
{
    if (!lock->ops)
        return;
    (void)seglog_lock_release(*lock, NULL);
    seglog_lock_close(lock);
}

static seglog_code
looks_take(struct look *look)
{
    struct slg_backup_snapshot *snapshot = look->snapshot;
    seglog_code code = look_once(look);

    for (unsigned i = 0; i < LOOKS_MAX && code == SEGLOG_OK &&
                         look->has_changed && !look->is_too_much;
         i++)
        code = look_once(look);
    if (code != SEGLOG_OK)
        return code;
    snapshot->is_one_moment = !look->is_too_much && !look->has_changed;
    /* Or names never stand still. */
    for (size_t i = 0; i < snapshot->count && !snapshot->is_one_moment; i++)
        if (!is_always_held(look->source, snapshot->items[i].name))
            item_let_go(&snapshot->items[i]);
    return SEGLOG_OK;
}

static seglog_code
moment_take(struct look *look)
{
    const struct slg_backup_source *source = look->source;
    struct seglog_lock lock = { 0 };
    seglog_code code = SEGLOG_OK;

    if (source->freeze)
        code =
            source->freeze(source->arg, &look->snapshot->position, look->err);
    if (code != SEGLOG_OK)
        return code;
    index_hold(look, &lock);
    look->snapshot->taken_ms = slg_wall_clock_ns() / 1000000;
    code = looks_take(look);
    index_let_go(&lock);
    if (source->freeze && source->thaw)
        source->thaw(source->arg);
    return code;
}

/* About how large those are that are not open. */
static void
sizes_guess(const struct look *look)
{
    for (size_t i = 0; i < look->snapshot->count; i++) {
        struct slg_backup_item *item = &look->snapshot->items[i];
        struct seglog_blob_info info = { .size = 0 };

        if (!item->is_held &&
            seglog_store_get_info(look->source->store, item->name, &info,
                                  NULL) == SEGLOG_OK)
            item->size = info.size;
    }
}

seglog_code
slg_backup_snapshot_take(const struct slg_backup_source *source,
                         unsigned open_max,
                         struct slg_backup_snapshot *snapshot,
                         struct seglog_error *err)
{
    struct look look = {
        .source = source, .snapshot = snapshot, .open_max = open_max, .err = err
    };
    /* The first look does what takes long before anybody has to wait. */
    seglog_code code = look_once(&look);

    if (code == SEGLOG_OK)
        code = moment_take(&look);
    if (code == SEGLOG_OK)
        sizes_guess(&look);
    if (code != SEGLOG_OK)
        slg_backup_snapshot_reset(snapshot);
    return code;
}
