/* SPDX-License-Identifier: MIT */
/* src/codec/history.c - the last bytes of a stretch. */
#include "src/codec/history.h"

#include <stdlib.h>
#include <string.h>

void
slg_history_init(struct slg_history *history, size_t limit)
{
    *history = (struct slg_history){ .limit = limit };
}

void
slg_history_reset(struct slg_history *history)
{
    free(history->bytes);
    free(history->retired);
    slg_history_init(history, history->limit);
}

static bool
bytes_add(struct slg_history *history, const uint8_t *from, size_t len);

static void
bytes_clear(struct slg_history *history)
{
    slg_history_unpin(history);
    history->len = 0;
    history->total = 0;
    history->count = 0;
    history->is_in_run = false;
    history->mark++;
}

/* The room is there since the base was set. */
void
slg_history_clear(struct slg_history *history)
{
    bytes_clear(history);
    (void)bytes_add(history, history->base, history->base_len);
}

bool
slg_history_set_base(struct slg_history *history, const uint8_t *base,
                     size_t len)
{
    history->base = base;
    history->base_len = len;
    return bytes_add(history, base, len);
}

const uint8_t *
slg_history_get(const struct slg_history *history, size_t max, size_t *len)
{
    *len = history->len < max ? history->len : max;
    return *len > 0 ? history->bytes + (history->len - *len) : NULL;
}

const uint8_t *
slg_history_pin(struct slg_history *history, size_t max, size_t *len)
{
    slg_history_unpin(history);
    history->is_pinned = true;
    return slg_history_get(history, max, len);
}

void
slg_history_unpin(struct slg_history *history)
{
    free(history->retired);
    history->retired = NULL;
    history->is_pinned = false;
}

/* What is spare lets each byte be moved a few times at most. */
static size_t
cap_for(const struct slg_history *history, size_t need)
{
    const size_t spare = history->limit / 2 > SLG_HISTORY_BYTES
                             ? history->limit / 2
                             : SLG_HISTORY_BYTES;
    const size_t most = history->limit + spare;
    size_t cap = history->cap > 0 ? 2 * history->cap : 2 * SLG_HISTORY_BYTES;

    while (cap < need)
        cap *= 2;
    return cap < most ? cap : most;
}

/*
 * Room for more behind the bytes that will count, which are moved to the front.
 * Bytes that are pinned stay where they are, in a buffer that is used no more.
 */
static bool
make_room(struct slg_history *history, size_t more)
{
    size_t kept = 0;
    const uint8_t *bytes =
        slg_history_get(history, history->limit - more, &kept);
    const size_t cap = cap_for(history, kept + more);
    const bool must_retire = history->is_pinned && !history->retired;
    uint8_t *to = history->bytes;

    if (more <= history->cap - history->len)
        return true;
    if (kept + more > history->cap || must_retire) {
        to = malloc(cap > history->cap ? cap : history->cap);
        if (!to)
            return false;
        history->cap = cap > history->cap ? cap : history->cap;
    }
    if (kept > 0)
        memmove(to, bytes, kept);
    if (to != history->bytes && must_retire)
        history->retired = history->bytes;
    else if (to != history->bytes)
        free(history->bytes);
    history->bytes = to;
    history->len = kept;
    return true;
}

static bool
bytes_add(struct slg_history *history, const uint8_t *from, size_t len)
{
    if (len == 0)
        return true;
    if (len >= history->limit) {
        from += len - history->limit;
        len = history->limit;
    }
    if (!make_room(history, len)) {
        bytes_clear(history);
        return false;
    }
    memcpy(history->bytes + history->len, from, len);
    history->len += len;
    return true;
}

bool
slg_history_add(struct slg_history *history, const void *data, size_t len)
{
    history->total += len;
    history->count += len > 0;
    return bytes_add(history, data, len);
}

bool
slg_history_copy(struct slg_history *to, const struct slg_history *from)
{
    size_t len = 0;
    const uint8_t *bytes = slg_history_get(from, from->limit, &len);
    const uint64_t mark = from->mark;

    bytes_clear(to);
    to->limit = from->limit;
    if (!bytes_add(to, bytes, len))
        return false;
    to->total = from->total;
    to->count = from->count;
    to->is_in_run = from->is_in_run;
    to->mark = mark;
    return true;
}
