/* SPDX-License-Identifier: MIT */
/* src/canonical/consumer_list.c - all consumers. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/consumer.h"
#include "src/store/fail.h"

struct listed {
    char name[SEGLOG_CONSUMER_NAME_MAX + 1];
    uint64_t cursor;
    uint64_t dead;
};

struct list {
    struct listed *items;
    size_t count;
    size_t cap;
    uint64_t next_event;
};

static seglog_code
list_add(struct list *list, struct slg_view_txn *txn, struct seglog_slice name,
         struct seglog_slice value, struct seglog_error *err)
{
    struct listed *item = NULL;

    if (list->count == list->cap) {
        const size_t cap = list->cap ? 2 * list->cap : 16;
        struct listed *grown = realloc(list->items, cap * sizeof *grown);

        if (!grown)
            return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for a list of consumers");
        list->items = grown;
        list->cap = cap;
    }
    item = &list->items[list->count++];
    memcpy(item->name, name.data, name.len);
    item->name[name.len] = '\0';
    memcpy(&item->cursor, value.data, sizeof item->cursor);
    return slg_dead_letter_count(txn, name, &item->dead, err);
}

static seglog_code
list_fill(struct list *list, struct slg_view_txn *txn, struct seglog_error *err)
{
    struct slg_view_cursor *cursor = NULL;
    struct slg_view_head head;
    struct seglog_slice name = { 0 };
    struct seglog_slice value;
    seglog_code code = slg_view_get_head(txn, &head, err);

    list->next_event = head.next_event;
    if (code == SEGLOG_OK)
        code = slg_view_cursor_open(txn, SLG_VIEW_CURSORS, &cursor, err);
    if (code == SEGLOG_OK)
        code = slg_view_cursor_move(cursor, SLG_VIEW_AT_LEAST, name, &name,
                                    &value, err);
    while (code == SEGLOG_OK) {
        code = list_add(list, txn, name, value, err);
        if (code == SEGLOG_OK)
            code = slg_view_cursor_move(cursor, SLG_VIEW_NEXT, name, &name,
                                        &value, err);
    }
    slg_view_cursor_close(cursor);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static void
list_tell(const struct list *list, seglog_consumer_list_fn fn, void *arg)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct listed *item = &list->items[i];
        const struct seglog_consumer_info info = {
            .name = item->name,
            .cursor = item->cursor,
            .lag = list->next_event > item->cursor
                       ? list->next_event - item->cursor
                       : 0,
            .dead = item->dead,
        };

        if (!fn(arg, &info))
            return;
    }
}

seglog_code
seglog_canonical_list_consumers(struct seglog_canonical *canonical,
                                seglog_consumer_list_fn fn, void *arg,
                                struct seglog_error *err)
{
    struct list list = { 0 };
    struct slg_view_txn *txn = NULL;
    seglog_code code = SEGLOG_OK;

    if (!canonical || !fn)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the store or the function is NULL");
    code = slg_view_refresh(canonical, err);
    if (code == SEGLOG_OK)
        code = slg_view_begin(canonical->view, false, &txn, err);
    if (code == SEGLOG_OK)
        code = list_fill(&list, txn, err);
    slg_view_abort(txn);
    if (code == SEGLOG_OK)
        list_tell(&list, fn, arg);
    free(list.items);
    return code;
}
