/* SPDX-License-Identifier: MIT */
/* src/stream/stream_append.c - append_batch: the queue of a stream. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"
#include "src/stream/stream_slot.h"

/* What one round takes, at most: more is another write. */
#define ROUND_REQUESTS 256u
#define ROUND_BYTES    ((size_t)4 << 20)

/* Events that need no memory to be described. */
#define ITEMS_NEAR 16u

/* -- the queue, under the mutex of the slot -------------------------------- */

static void
queue_add(struct slg_slot *slot, struct slg_request *request)
{
    request->next = NULL;
    if (slot->last)
        slot->last->next = request;
    else
        slot->first = request;
    slot->last = request;
    slot->queued++;
}

/* The first ones, as many as one round takes. */
static struct slg_request *
queue_take(struct slg_slot *slot)
{
    struct slg_request *first = slot->first;
    struct slg_request *last = first;
    size_t bytes = first->bytes;
    unsigned count = 1;

    while (last->next && count < ROUND_REQUESTS &&
           last->next->bytes <= ROUND_BYTES - bytes) {
        last = last->next;
        bytes += last->bytes;
        count++;
    }
    slot->first = last->next;
    if (!slot->first)
        slot->last = NULL;
    last->next = NULL;
    return first;
}

/* They are done: whoever waits for one is woken, and whoever comes next. */
static void
queue_finish(struct slg_slot *slot, struct slg_request *first,
             const struct slg_request *own)
{
    for (struct slg_request *at = first; at;) {
        /* Once it is done it may be gone. */
        struct slg_request *next = at->next;

        at->is_done = true;
        slot->served++;
        if (at != own)
            (void)pthread_cond_signal(&at->done);
        at = next;
    }
    if (slot->first)
        (void)pthread_cond_signal(&slot->first->done);
}

static void
round_lead(struct slg_slot *slot, const struct slg_request *own)
{
    struct slg_request *first = queue_take(slot);

    slot->is_writing = true;
    (void)pthread_mutex_unlock(&slot->mutex);
    slg_round_run(slot, first);
    (void)pthread_mutex_lock(&slot->mutex);
    slot->is_writing = false;
    queue_finish(slot, first, own);
}

seglog_code
slg_slot_ask(struct slg_slot *slot, struct slg_request *request)
{
    if (pthread_cond_init(&request->done, NULL) != 0)
        return slg_fail(request->err, SEGLOG_NO_MEMORY, NULL,
                        "no memory to wait for others");
    (void)pthread_mutex_lock(&slot->mutex);
    queue_add(slot, request);
    while (!request->is_done) {
        if (slot->is_writing || slot->first != request)
            (void)pthread_cond_wait(&request->done, &slot->mutex);
        else
            round_lead(slot, request);
    }
    (void)pthread_mutex_unlock(&slot->mutex);
    (void)pthread_cond_destroy(&request->done);
    return request->code;
}

/* -- the call -------------------------------------------------------------- */

static void
items_fill(const struct seglog_slice *events, size_t count,
           struct seglog_item *items, size_t *bytes)
{
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const struct seglog_slice *event = &events[i];
        const bool is_text =
            event->len == 0 || !memchr(event->data, '\n', event->len);

        items[i] = (struct seglog_item){
            .kind = is_text ? SEGLOG_TEXT : SEGLOG_BYTES,
            .data = event->data,
            .len = event->len,
        };
        *bytes += event->len;
    }
}

/* The events are there; whether they are durable is what is asked. */
static seglog_code
request_sync(struct slg_slot *slot, const struct slg_request *request,
             bool is_synced)
{
    return is_synced ? slg_slot_sync(slot, request) : SEGLOG_OK;
}

static seglog_code
items_append(struct slg_streams *streams, uint64_t stream,
             struct slg_request *request, bool is_synced)
{
    struct slg_slot *slot = NULL;
    seglog_code code = slg_slot_take(streams, stream, &slot, request->err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_slot_ask(slot, request);
    if (code == SEGLOG_OK)
        code = request_sync(slot, request, is_synced);
    slg_slot_give(slot);
    return code;
}

seglog_code
slg_stream_append(struct slg_streams *streams, uint64_t stream,
                  const struct seglog_slice *events, size_t count,
                  uint64_t expected_offset,
                  const struct seglog_chain_hash *prev_hash, bool is_synced,
                  struct seglog_stream_end *end,
                  struct slg_stream_ticket *ticket, struct seglog_error *err)
{
    struct seglog_item near[ITEMS_NEAR];
    struct seglog_item *items = near;
    struct slg_request request = {
        .kind = SLG_REQUEST_APPEND,
        .count = count,
        .expected_offset = expected_offset,
        .prev_hash = prev_hash,
        .err = err,
    };
    seglog_code code = slg_streams_check_writable(streams, err);

    if (code != SEGLOG_OK)
        return code;
    if (count > ITEMS_NEAR) {
        items = calloc(count, sizeof *items);
        if (!items)
            return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for %zu events", count);
    }
    items_fill(events, count, items, &request.bytes);
    request.items = items;
    code = items_append(streams, stream, &request, is_synced);
    if (items != near)
        free(items);
    if (code == SEGLOG_OK || code == SEGLOG_CONFLICT)
        *end = request.end;
    if (ticket)
        *ticket =
            (struct slg_stream_ticket){ request.serial, request.generation };
    return code;
}

seglog_code
slg_stream_sync(struct slg_streams *streams, uint64_t stream,
                const struct slg_stream_ticket *ticket,
                struct seglog_error *err)
{
    const struct slg_request request = {
        .serial = ticket->serial,
        .generation = ticket->generation,
        .err = err,
    };
    struct slg_slot *slot = NULL;
    seglog_code code = slg_slot_take(streams, stream, &slot, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_slot_sync(slot, &request);
    slg_slot_give(slot);
    return code;
}
