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
#include "src/canonical/snapshot.h"
#include "src/store/deadline.h"

/* How often names may change between two looks. */
#define LOOKS_MAX 20

/* Whoever makes or removes a segment of a session store holds this lock. */
#define INDEX_NAME    "index.seg"
#define INDEX_WAIT_MS 1000

/*
 * Of no use unless they are of the same moment: what names segments, so that it
 * may not be younger than the list of them; and the log of a canonical store
 * with the snapshots that stand for what was trimmed from it.
 */
static const char *const held_begins[] = {
    "names.seg",
    "stream.0.",
    SLG_SNAPSHOT_PREFIX,
};

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

bool
slg_backup_is_held(const char *name)
{
    for (size_t i = 0; i < sizeof held_begins / sizeof held_begins[0]; i++)
        if (strncmp(name, held_begins[i], strlen(held_begins[i])) == 0)
            return true;
    return false;
}

/* Where not all can be held, only those matter that have to be. */
static void
change_note(struct look *look, const char *name)
{
    if (!look->is_too_much || slg_backup_is_held(name))
        look->has_changed = true;
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
    change_note(look, item->name);
    if (code == SEGLOG_OK || code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (code == SEGLOG_IO && is_out_of_handles(&local) &&
        !slg_backup_is_held(item->name)) {
        look->is_too_much = true;
        return SEGLOG_OK;
    }
    if (look->err)
        *look->err = local;
    return code;
}

/* Its size, and what stands there.  Cut just now: another look is due. */
static seglog_code
item_measure(struct look *look, struct slg_backup_item *item, bool *is_replaced)
{
    struct seglog_error local;
    seglog_code code =
        seglog_blob_get_size(item->blob, &item->size, is_replaced, &local);

    item->tail_len =
        item->size < SLG_BACKUP_TAIL ? (size_t)item->size : SLG_BACKUP_TAIL;
    if (code == SEGLOG_OK)
        code = seglog_blob_read_at(item->blob, item->size - item->tail_len,
                                   item->tail, item->tail_len, &local);
    if (code == SEGLOG_INVALID) {
        change_note(look, item->name);
        return SEGLOG_OK;
    }
    if (code != SEGLOG_OK && look->err)
        *look->err = local;
    return code;
}

static seglog_code
item_look(struct look *look, struct slg_backup_item *item)
{
    bool is_replaced = false;
    seglog_code code = item_measure(look, item, &is_replaced);

    if (code != SEGLOG_OK || !is_replaced)
        return code;
    (void)seglog_blob_close(&item->blob, NULL);
    code = item_open(look, item);
    return code == SEGLOG_OK && item->is_held
               ? item_measure(look, item, &is_replaced)
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

    if (look->is_too_much && !slg_backup_is_held(item->name)) {
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
            change_note(look, snapshot->items[old++].name);
        if (old < snapshot->count && order == 0) {
            items[i] = snapshot->items[old];
            snapshot->items[old++].blob = (struct seglog_blob){ 0 };
        } else {
            change_note(look, look->names.names[i]);
        }
        items[i].name = look->names.names[i];
        look->names.names[i] = NULL;
    }
    while (old < snapshot->count)
        change_note(look, snapshot->items[old++].name);
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
    if (!has_index(look->snapshot) ||
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

/* Until one finds what the one before has found. */
static seglog_code
looks_agree(struct look *look)
{
    seglog_code code = look_once(look);

    for (unsigned i = 0;
         i < LOOKS_MAX && code == SEGLOG_OK && look->has_changed; i++)
        code = look_once(look);
    return code;
}

static seglog_code
looks_take(struct look *look)
{
    struct slg_backup_snapshot *snapshot = look->snapshot;
    seglog_code code = looks_agree(look);

    /* Names never stand still: those that have to, do. */
    if (code == SEGLOG_OK && look->has_changed && !look->is_too_much) {
        look->is_too_much = true;
        code = looks_agree(look);
    }
    if (code == SEGLOG_OK && look->has_changed && snapshot->position.is_known)
        code = slg_backup_fail(look->err, SEGLOG_CONFLICT, NULL,
                               "the names of its blobs do not stand still");
    if (code != SEGLOG_OK)
        return code;
    snapshot->is_one_moment = !look->is_too_much;
    for (size_t i = 0; i < snapshot->count && !snapshot->is_one_moment; i++)
        if (!slg_backup_is_held(snapshot->items[i].name))
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
