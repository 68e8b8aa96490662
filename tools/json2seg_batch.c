/* SPDX-License-Identifier: MIT */
/*
 * tools/json2seg_batch.c - records on their way into the segment.
 *
 * A live sink keeps its records until the flush that brings them in has
 * succeeded, so that nothing is lost when the segment is replaced (by a log
 * rotation, say) between an append and its flush.
 */
#include "tools/json2seg.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/tool_common.h"

#define ITEMS_FIRST 1024
/* Without groups this many records go to the writer at a time. */
#define ITEMS_MAX 4096
/* Less than the writer's buffer, which is written by itself when it is full:
 * so what one flush brings in can be appended once more elsewhere. */
#define LIVE_BYTES   ((size_t)128 * 1024)

#define LOCK_WAIT_MS 1000
/* Once a signal has asked for the end. */
#define LOCK_TRIES_AT_END 10

static seglog_code
fail_memory(const struct json2seg_batch *batch, struct seglog_error *err)
{
    return tool_error_errno(err, ENOMEM, batch->shown, "no memory");
}

/*
 * Called again while the lock is held by a program that has the segment to
 * itself: that may be long, but waiting holds up whoever feeds us, which loses
 * nothing.  False when it is time to give up.
 */
static bool
batch_waits(const struct json2seg_batch *batch, unsigned *tries)
{
    if (!batch->is_live)
        return false;
    if (*tries == 0)
        tool_note("%s: waiting for another program to release it",
                  batch->shown);
    if (*tries == 0 || json2seg_input_is_stopping())
        ++*tries;
    return *tries <= LOCK_TRIES_AT_END;
}

static seglog_code
batch_open_writer(struct json2seg_batch *batch, struct seglog_error *err)
{
    unsigned tries = 0;
    seglog_code code = SEGLOG_OK;

    do {
        code = seglog_writer_open(batch->store, batch->name, &batch->options,
                                  &batch->writer, err);
    } while (code == SEGLOG_LOCKED && batch_waits(batch, &tries));
    return code;
}

seglog_code
json2seg_batch_open(struct json2seg_batch *batch, struct seglog_error *err)
{
    struct seglog_writer_state state;
    seglog_code code = SEGLOG_OK;

    batch->options.size = sizeof batch->options;
    batch->options.lock_timeout_ms = LOCK_WAIT_MS;
    if (batch->group_max > 1) {
        batch->group = calloc(batch->group_max, sizeof *batch->group);
        if (!batch->group)
            return fail_memory(batch, err);
    }
    if (!batch->writer)
        code = batch_open_writer(batch, err);
    if (code != SEGLOG_OK)
        return code;
    seglog_writer_get_state(batch->writer, &state);
    batch->record_max = state.record_max;
    if (state.torn_bytes > 0)
        tool_note("%s: a torn tail of %llu bytes was cut and kept as %s.torn",
                  batch->shown, (unsigned long long)state.torn_bytes,
                  batch->shown);
    return SEGLOG_OK;
}

/* ---------------------------------------------------------------------------
 * Groups
 */

/* Bytes an entry takes in a group's body: SPEC.md 5. */
static size_t
entry_size(size_t len)
{
    size_t size = len + 1;

    for (size_t rest = len * 4; rest > 0x7F; rest >>= 7)
        size++;
    return size;
}

/* How many items from `from` on make the next frame. */
static size_t
group_count(const struct json2seg_batch *batch, size_t from)
{
    size_t body = 10; /* the count */
    size_t count = 0;

    while (from + count < batch->count && count < batch->group_max) {
        body += entry_size(batch->items[from + count].len);
        if (count > 0 && body > batch->record_max)
            break;
        count++;
    }
    return count;
}

static seglog_code
batch_append_group(struct json2seg_batch *batch, size_t from, size_t count,
                   struct seglog_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct json2seg_item *item = &batch->items[from + i];

        batch->group[i] =
            (struct seglog_item){ item->kind, batch->input->buf + item->at,
                                  item->len };
    }
    return seglog_writer_append_group(batch->writer, batch->group, count,
                                      SEGLOG_LEVEL_APPEND, NULL, err);
}

/* Append from batch->done to the end, or to the last full group. */
static seglog_code
batch_append(struct json2seg_batch *batch, bool is_all,
             struct seglog_error *err)
{
    while (batch->done < batch->count) {
        const struct json2seg_item *item = &batch->items[batch->done];
        const size_t count =
            batch->group_max > 1 ? group_count(batch, batch->done) : 1;
        seglog_code code = SEGLOG_OK;

        if (!is_all && count < batch->group_max &&
            batch->done + count == batch->count)
            break;
        if (count > 1)
            code = batch_append_group(batch, batch->done, count, err);
        else
            code = seglog_writer_append(batch->writer, item->kind,
                                        batch->input->buf + item->at, item->len,
                                        SEGLOG_LEVEL_APPEND, NULL, err);
        if (code != SEGLOG_OK)
            return code;
        batch->done += count;
    }
    return SEGLOG_OK;
}

/* ---------------------------------------------------------------------------
 * Commits
 */

static seglog_code
batch_flush(struct json2seg_batch *batch, struct seglog_error *err)
{
    return batch->is_sync ? seglog_writer_sync(batch->writer, err)
                          : seglog_writer_flush(batch->writer, err);
}

static seglog_code
batch_flush_patiently(struct json2seg_batch *batch, struct seglog_error *err)
{
    unsigned tries = 0;
    seglog_code code = SEGLOG_OK;

    do {
        code = batch_flush(batch, err);
    } while (code == SEGLOG_LOCKED && batch_waits(batch, &tries));
    return code;
}

static seglog_code
batch_commit_once(struct json2seg_batch *batch, bool is_all,
                  struct seglog_error *err)
{
    const seglog_code code = batch_append(batch, is_all, err);

    if (code != SEGLOG_OK || !batch->is_live || batch->done == 0)
        return code;
    return batch_flush_patiently(batch, err);
}

/* The name leads to another segment now: go on in that one. */
static seglog_code
batch_reopen(struct json2seg_batch *batch, struct seglog_error *err)
{
    (void)seglog_writer_close(batch->writer, NULL);
    batch->writer = NULL;
    batch->done = 0;
    return batch_open_writer(batch, err);
}

seglog_code
json2seg_batch_commit(struct json2seg_batch *batch, bool is_all,
                      struct seglog_error *err)
{
    seglog_code code = batch_commit_once(batch, is_all, err);

    if (code == SEGLOG_SEALED && batch->is_live) {
        code = batch_reopen(batch, err);
        if (code == SEGLOG_OK)
            code = batch_commit_once(batch, is_all, err);
    }
    if (code != SEGLOG_OK)
        return code;
    for (size_t i = 0; i < batch->done; i++)
        batch->bytes -= batch->items[i].len;
    for (size_t i = batch->done; i < batch->count; i++)
        batch->items[i - batch->done] = batch->items[i];
    batch->count -= batch->done;
    batch->stored += batch->done;
    batch->done = 0;
    return SEGLOG_OK;
}

static seglog_code
batch_grow(struct json2seg_batch *batch, struct seglog_error *err)
{
    const size_t cap = batch->cap ? batch->cap * 2 : ITEMS_FIRST;
    struct json2seg_item *items = realloc(batch->items, cap * sizeof *items);

    if (!items)
        return fail_memory(batch, err);
    batch->items = items;
    batch->cap = cap;
    return SEGLOG_OK;
}

seglog_code
json2seg_batch_add(struct json2seg_batch *batch, enum seglog_kind kind,
                   size_t at, size_t len, struct seglog_error *err)
{
    const bool is_full =
        (batch->count >= ITEMS_MAX && batch->count >= 2 * batch->group_max) ||
        (batch->is_live && batch->count > 0 && batch->bytes + len > LIVE_BYTES);
    seglog_code code = SEGLOG_OK;

    if (is_full)
        code = json2seg_batch_commit(batch, false, err);
    if (code == SEGLOG_OK && batch->count == batch->cap)
        code = batch_grow(batch, err);
    if (code != SEGLOG_OK)
        return code;
    batch->items[batch->count++] = (struct json2seg_item){ at, len, kind };
    batch->bytes += len;
    return SEGLOG_OK;
}

size_t
json2seg_batch_keeps(const struct json2seg_batch *batch, size_t fallback)
{
    return batch->count > 0 ? batch->items[0].at : fallback;
}

void
json2seg_batch_shift(struct json2seg_batch *batch, size_t count)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i].at -= count;
}

seglog_code
json2seg_batch_close(struct json2seg_batch *batch, struct seglog_error *err)
{
    const seglog_code code = seglog_writer_close(batch->writer, err);

    batch->writer = NULL;
    free(batch->items);
    free(batch->group);
    batch->items = NULL;
    batch->group = NULL;
    return code;
}
