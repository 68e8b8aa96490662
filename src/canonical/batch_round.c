/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/batch_round.c - batches that share a turn.
 *
 * Whoever commits a batch while nobody sees to batches takes a turn and commits
 * all that wait by then, with one write of the log and one of the view.
 */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include <stdlib.h>
#include <string.h>

#include "src/canonical/write_batch.h"
#include "src/store/fail.h"

/* What one turn takes, at most, besides the first. */
#define ROUND_BATCHES 256u
#define ROUND_BYTES   ((size_t)4 << 20)

/* A batch that waits for its turn. */
struct slg_batch_request {
    struct seglog_write_batch *batch;
    seglog_code code;
    struct seglog_error error;
    struct slg_stream_ticket ticket;
    struct seglog_commit_info info;
    bool is_in; /* it is in the turn, and not refused */
    bool is_done;
    pthread_cond_t done;
    struct slg_batch_request *next;
};

static seglog_code
fail_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for the batch");
}

/* -- a turn ---------------------------------------------------------------- */

static seglog_code
expectation_check(struct slg_turn *turn, const struct slg_expectation *expected,
                  struct seglog_error *err)
{
    struct seglog_slice value = { 0 };
    const seglog_code code =
        slg_view_get(turn->txn, SLG_VIEW_STATE, expected->key, &value, err);
    const bool is_there = code == SEGLOG_OK;

    if (code != SEGLOG_OK && code != SEGLOG_NOT_FOUND)
        return code;
    if (is_there == expected->is_there &&
        (!is_there ||
         (value.len == expected->value.len &&
          (value.len == 0 ||
           memcmp(value.data, expected->value.data, value.len) == 0))))
        return SEGLOG_OK;
    return slg_fail_actual(err,
                           slg_fail(err, SEGLOG_CONFLICT, NULL,
                                    "a key that the batch relies on has "
                                    "another value: read it again, and try "
                                    "again"),
                           turn->head.position);
}

static seglog_code
batch_check(struct slg_turn *turn, const struct seglog_write_batch *batch,
            struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (const struct slg_expectation *at = batch->first;
         at && code == SEGLOG_OK; at = at->next)
        code = expectation_check(turn, at, err);
    return code;
}

static bool
batch_is_empty(const struct seglog_write_batch *batch)
{
    return batch->draft.op_count == 0 && batch->draft.event_count == 0;
}

static void
info_fill(const struct slg_turn *turn, struct slg_batch_request *request)
{
    const uint64_t events = request->batch->draft.event_count;
    const uint64_t first = turn->head.next_event;

    request->info = (struct seglog_commit_info){
        .position = turn->head.position,
        .first_event = first,
        .last_event = first + (events > 0 ? events - 1 : 0),
        .events = events,
        .writes = request->batch->writes,
    };
}

/* The very bytes that come to stand in the log are what the view is told. */
static seglog_code
batch_apply(struct slg_turn *turn, struct slg_batch_request *request,
            struct slg_bytes *bytes, struct seglog_error *err)
{
    const struct seglog_write_batch *batch = request->batch;
    const uint64_t first = turn->head.next_event;
    const size_t from = bytes->len;

    if (!slg_draft_finish(&batch->draft, first, slg_turn_get_time(turn), bytes))
        return fail_memory(err);
    return slg_apply_record(turn->txn, &turn->head, bytes->data + from,
                            bytes->len - from, false, err);
}

static void
request_refuse(struct slg_batch_request *request, seglog_code code,
               const struct seglog_error *error)
{
    request->is_in = false;
    request->code = code;
    request->error = *error;
}

/* All that wait, one after the other.  Where the view does not take one the
 * turn has to be given up: code is why. */
static seglog_code
turn_fill(struct slg_turn *turn, struct slg_batch_request *first,
          struct slg_bytes *bytes, struct seglog_slice *records, size_t *count,
          struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;
    size_t ends[ROUND_BATCHES];

    *count = 0;
    for (struct slg_batch_request *at = first; at; at = at->next) {
        struct seglog_error local = { 0 };

        /* It may have been refused in a round that came to nothing. */
        at->code = SEGLOG_OK;
        at->is_in = false;
        info_fill(turn, at);
        code = batch_check(turn, at->batch, &local);
        if (code != SEGLOG_OK)
            request_refuse(at, code, &local);
        if (code != SEGLOG_OK || batch_is_empty(at->batch))
            continue;
        code = batch_apply(turn, at, bytes, err);
        if (code != SEGLOG_OK)
            return code;
        at->is_in = true;
        ends[(*count)++] = bytes->len;
    }
    for (size_t i = 0; i < *count; i++) {
        const size_t from = i > 0 ? ends[i - 1] : 0;

        records[i] = (struct seglog_slice){ (const char *)bytes->data + from,
                                            ends[i] - from };
    }
    return SEGLOG_OK;
}

static seglog_code
turn_run(struct slg_turn *turn, struct slg_batch_request *first,
         struct slg_stream_ticket *ticket, struct seglog_error *err)
{
    struct seglog_slice records[ROUND_BATCHES];
    struct slg_bytes bytes = { 0 };
    size_t count = 0;
    seglog_code code = turn_fill(turn, first, &bytes, records, &count, err);

    if (code == SEGLOG_OK && count > 0)
        code = slg_turn_commit(turn, records, count, ticket, err);
    else
        slg_turn_abort(turn);
    slg_bytes_free(&bytes);
    return code;
}

/*
 * One that cannot be done must not take the others with it: each is tried by
 * itself then.  But not where none has had its turn: who has waited for a lock
 * need not wait as often as there are batches.
 */
static void
requests_run(struct seglog_canonical *canonical,
             struct slg_batch_request *first)
{
    struct seglog_error error = { 0 };
    struct slg_stream_ticket ticket = { 0 };
    struct slg_turn turn;
    seglog_code code = slg_turn_begin(
        canonical, false, canonical->options.lock_timeout_ms, &turn, &error);
    const bool has_begun = code == SEGLOG_OK;

    if (has_begun)
        code = turn_run(&turn, first, &ticket, &error);
    if (has_begun && code != SEGLOG_OK && code != SEGLOG_POISONED &&
        first->next) {
        for (struct slg_batch_request *at = first; at;) {
            struct slg_batch_request *next = at->next;

            at->next = NULL;
            at->is_in = false;
            requests_run(canonical, at);
            at->next = next;
            at = next;
        }
        return;
    }
    for (struct slg_batch_request *at = first; at; at = at->next) {
        if (code != SEGLOG_OK)
            request_refuse(at, code, &error);
        else if (at->is_in)
            at->ticket = ticket;
    }
}

/* -- who takes it ---------------------------------------------------------- */

static void
queue_add(struct seglog_canonical *canonical, struct slg_batch_request *request)
{
    if (canonical->last)
        canonical->last->next = request;
    else
        canonical->first = request;
    canonical->last = request;
}

static size_t
request_size(const struct slg_batch_request *request)
{
    return slg_draft_get_size(&request->batch->draft);
}

static struct slg_batch_request *
queue_take(struct seglog_canonical *canonical)
{
    struct slg_batch_request *first = canonical->first;
    struct slg_batch_request *last = first;
    size_t bytes = request_size(first);
    const uint64_t max = slg_record_max(canonical) / 2;
    unsigned count = 1;

    while (last->next && count < ROUND_BATCHES &&
           bytes + request_size(last->next) <= ROUND_BYTES &&
           bytes + request_size(last->next) <= max) {
        last = last->next;
        bytes += request_size(last);
        count++;
    }
    canonical->first = last->next;
    if (!canonical->first)
        canonical->last = NULL;
    last->next = NULL;
    return first;
}

/* With the mutex held, which is released meanwhile. */
static void
queue_lead(struct seglog_canonical *canonical,
           const struct slg_batch_request *own)
{
    struct slg_batch_request *at = queue_take(canonical);

    canonical->is_leading = true;
    (void)pthread_mutex_unlock(&canonical->mutex);
    requests_run(canonical, at);
    (void)pthread_mutex_lock(&canonical->mutex);
    canonical->is_leading = false;
    while (at) {
        /* Once it is done it may be gone. */
        struct slg_batch_request *next = at->next;

        at->is_done = true;
        if (at != own)
            (void)pthread_cond_signal(&at->done);
        at = next;
    }
    if (canonical->first)
        (void)pthread_cond_signal(&canonical->first->done);
}

static void
request_wait(struct seglog_canonical *canonical,
             struct slg_batch_request *request)
{
    (void)pthread_mutex_lock(&canonical->mutex);
    queue_add(canonical, request);
    while (!request->is_done) {
        if (canonical->is_leading || canonical->first != request)
            (void)pthread_cond_wait(&request->done, &canonical->mutex);
        else
            queue_lead(canonical, request);
    }
    (void)pthread_mutex_unlock(&canonical->mutex);
}

static seglog_code
request_finish(struct slg_batch_request *request, bool is_synced,
               struct seglog_commit_info *info, struct seglog_error *err)
{
    struct seglog_canonical *canonical = request->batch->canonical;
    seglog_code code = request->code;

    if (code != SEGLOG_OK) {
        if (err)
            *err = request->error;
        return code;
    }
    if (is_synced && request->is_in)
        code = slg_stream_sync(canonical->streams, SEGLOG_CANONICAL_STREAM,
                               &request->ticket, err);
    else if (is_synced)
        code = seglog_canonical_sync(canonical, err);
    if (code == SEGLOG_OK && info) {
        *info = request->info;
        info->is_durable = is_synced;
    }
    return code;
}

seglog_code
seglog_write_batch_commit(struct seglog_write_batch *batch, bool is_synced,
                          struct seglog_commit_info *info,
                          struct seglog_error *err)
{
    struct slg_batch_request request = { .batch = batch };
    seglog_code code = SEGLOG_OK;

    if (!batch)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the batch is NULL");
    code = slg_streams_check_writable(batch->canonical->streams, err);
    if (code == SEGLOG_OK)
        code = slg_turn_check_own(batch->canonical, err);
    if (code != SEGLOG_OK)
        return code;
    if (pthread_cond_init(&request.done, NULL) != 0)
        return fail_memory(err);
    request_wait(batch->canonical, &request);
    (void)pthread_cond_destroy(&request.done);
    return request_finish(&request, is_synced, info, err);
}
