/* SPDX-License-Identifier: MIT */
/* src/canonical/state_iter.c - keys and values in order. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"

struct seglog_state_iter {
    struct slg_state_iters *iters;
    struct seglog_state_iter *next;
    struct slg_view_cursor *cursor; /* NULL: the transaction has ended */
    uint64_t changes;               /* of the transaction, when it moved last */
    bool is_done;
    bool has_begun;
    bool has_end;
    size_t prefix_len; /* of start, in front */
    size_t end_len;
    /* The key that it is at; before that the first one that it may be at. */
    size_t at_len;
    uint8_t at[SEGLOG_KEY_MAX + 1];
    uint8_t prefix[SEGLOG_KEY_MAX];
    uint8_t end[SEGLOG_KEY_MAX];
};

/* -- the order of keys ----------------------------------------------------- */

static int
key_compare(const void *one, size_t one_len, const void *other,
            size_t other_len)
{
    const size_t least = one_len < other_len ? one_len : other_len;
    const int order = least > 0 ? memcmp(one, other, least) : 0;

    if (order != 0)
        return order;
    return one_len < other_len ? -1 : one_len > other_len;
}

/* -- open and close -------------------------------------------------------- */

static bool
is_bytes(struct seglog_slice slice)
{
    return slice.len == 0 || slice.data;
}

static seglog_code
range_check(const struct seglog_state_range *range, struct seglog_error *err)
{
    if (!is_bytes(range->start) || !is_bytes(range->prefix) ||
        (range->has_end && !is_bytes(range->end)))
        return slg_fail(err, SEGLOG_INVALID, NULL, "a bound is NULL");
    /* No key is longer, so none begins so; but where one that is longer would
     * stand is as good a place to begin and to end as any. */
    if (range->start.len > SEGLOG_KEY_MAX ||
        range->prefix.len > SEGLOG_KEY_MAX ||
        (range->has_end && range->end.len > SEGLOG_KEY_MAX))
        return slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                        "a bound has more bytes than a key may have, which "
                        "are %d",
                        SEGLOG_KEY_MAX);
    return SEGLOG_OK;
}

static void
range_copy(struct seglog_state_iter *iter,
           const struct seglog_state_range *range)
{
    struct seglog_slice from = range->start;

    if (key_compare(from.data, from.len, range->prefix.data,
                    range->prefix.len) < 0)
        from = range->prefix;
    iter->at_len = from.len;
    if (from.len > 0)
        memcpy(iter->at, from.data, from.len);
    iter->prefix_len = range->prefix.len;
    if (range->prefix.len > 0)
        memcpy(iter->prefix, range->prefix.data, range->prefix.len);
    iter->has_end = range->has_end;
    iter->end_len = range->has_end ? range->end.len : 0;
    if (iter->end_len > 0)
        memcpy(iter->end, range->end.data, range->end.len);
}

seglog_code
slg_state_iter_open(struct slg_view_txn *txn, struct slg_state_iters *iters,
                    const struct seglog_state_range *range,
                    struct seglog_state_iter **iter, struct seglog_error *err)
{
    static const struct seglog_state_range all;
    struct seglog_state_iter *made = NULL;
    seglog_code code = SEGLOG_OK;

    if (!iter)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the place for the iterator is NULL");
    *iter = NULL;
    code = slg_thread_check(iters->thread, err);
    if (code == SEGLOG_OK)
        code = range_check(range ? range : &all, err);
    if (code != SEGLOG_OK)
        return code;
    made = calloc(1, sizeof *made);
    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for an iterator");
    range_copy(made, range ? range : &all);
    code = slg_view_cursor_open(txn, SLG_VIEW_STATE, &made->cursor, err);
    if (code != SEGLOG_OK) {
        free(made);
        return code;
    }
    made->iters = iters;
    made->next = iters->first;
    iters->first = made;
    *iter = made;
    return SEGLOG_OK;
}

void
seglog_state_iter_close(struct seglog_state_iter *iter)
{
    if (!iter)
        return;
    if (iter->cursor) {
        struct seglog_state_iter **at = &iter->iters->first;

        while (*at != iter)
            at = &(*at)->next;
        *at = iter->next;
        slg_view_cursor_close(iter->cursor);
    }
    free(iter);
}

void
slg_state_iters_end(struct slg_state_iters *iters)
{
    for (struct seglog_state_iter *at = iters->first; at; at = at->next) {
        slg_view_cursor_close(at->cursor);
        at->cursor = NULL;
    }
    iters->first = NULL;
}

/* -- next ------------------------------------------------------------------ */

static seglog_code
iter_move(struct seglog_state_iter *iter, struct seglog_slice *key,
          struct seglog_slice *value, struct seglog_error *err)
{
    const struct seglog_slice at = { (const char *)iter->at, iter->at_len };
    const bool is_same = iter->changes == iter->iters->changes;
    seglog_code code = SEGLOG_OK;

    iter->changes = iter->iters->changes;
    if (iter->has_begun && is_same)
        return slg_view_cursor_move(iter->cursor, SLG_VIEW_NEXT, at, key, value,
                                    err);
    /* A write may have moved what the cursor was at. */
    code = slg_view_cursor_move(iter->cursor, SLG_VIEW_AT_LEAST, at, key, value,
                                err);
    if (code == SEGLOG_OK && iter->has_begun &&
        key_compare(key->data, key->len, at.data, at.len) == 0)
        code = slg_view_cursor_move(iter->cursor, SLG_VIEW_NEXT, at, key, value,
                                    err);
    return code;
}

static bool
key_is_inside(const struct seglog_state_iter *iter, struct seglog_slice key)
{
    if (iter->has_end &&
        key_compare(key.data, key.len, iter->end, iter->end_len) >= 0)
        return false;
    return iter->prefix_len == 0 ||
           (key.len >= iter->prefix_len &&
            memcmp(key.data, iter->prefix, iter->prefix_len) == 0);
}

seglog_code
seglog_state_iter_next(struct seglog_state_iter *iter, struct seglog_slice *key,
                       struct seglog_slice *value, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!iter || !key || !value)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the iterator or a place for what it says is NULL");
    if (!iter->cursor)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the transaction of the iterator has ended");
    code = slg_thread_check(iter->iters->thread, err);
    if (code != SEGLOG_OK)
        return code;
    if (iter->is_done)
        return SEGLOG_END;
    code = iter_move(iter, key, value, err);
    if (code == SEGLOG_OK && !key_is_inside(iter, *key))
        code = SEGLOG_END;
    if (code == SEGLOG_END)
        iter->is_done = true;
    if (code != SEGLOG_OK)
        return code;
    iter->has_begun = true;
    memcpy(iter->at, key->data, key->len);
    iter->at_len = key->len;
    return SEGLOG_OK;
}
