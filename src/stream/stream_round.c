/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_round.c - one round: hold, compare, buffer, write.
 *
 * Requests are done one after the other, each as if those before it in the
 * round had been written: what they see is what is planned.  Should the write
 * fail, so have all that saw what is not there now.
 */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/stream/stream_round.h"

#include <inttypes.h>
#include <string.h>

#include "format/frame.h"
#include "src/segment/segment_chain.h"
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"
#include "src/stream/stream_birth.h"

struct round {
    struct slg_slot *slot;
    struct slg_request *first; /* of those that are not written yet */
    bool is_held;
    bool cannot_rotate; /* it has tried: not once more */
};

/* -- outcomes -------------------------------------------------------------- */

static void
request_fail(struct slg_request *request, seglog_code code,
             const struct seglog_error *err)
{
    request->code = code;
    if (request->err && code != SEGLOG_OK)
        *request->err = *err;
}

/* Whatever of it was not synced may be gone. */
static void
slot_judge(struct slg_slot *slot)
{
    if (!slot->writer->is_poisoned)
        return;
    (void)pthread_mutex_lock(&slot->mutex);
    slg_slot_break(slot);
    (void)pthread_mutex_unlock(&slot->mutex);
}

static struct seglog_stream_end
end_of(const struct slg_writer_place *place)
{
    return (struct seglog_stream_end){ .next_offset = place->next_record - 1,
                                       .hash = place->hash };
}

static void
round_release(struct round *round)
{
    if (round->is_held)
        seglog_writer_release(round->slot->writer);
    round->is_held = false;
}

/* What is written is there; it waits for a sync, if anybody asks for one. */
static void
requests_commit(struct round *round, const struct slg_request *until)
{
    struct slg_slot *slot = round->slot;

    (void)pthread_mutex_lock(&slot->mutex);
    slg_writer_get_flushed(slot->writer, &slot->written);
    for (struct slg_request *at = round->first; at != until; at = at->next) {
        if (at->code != SEGLOG_OK || (at->kind != SLG_REQUEST_APPEND &&
                                      at->kind != SLG_REQUEST_TOMBSTONE))
            continue;
        at->serial = ++slot->appended;
        at->generation = slot->generation;
    }
    (void)pthread_mutex_unlock(&slot->mutex);
    round->first = (struct slg_request *)until;
}

/* Those that saw more than there is have failed as the write has. */
static void
requests_undo(struct round *round, const struct slg_request *until,
              seglog_code code, const struct seglog_error *err)
{
    struct slg_writer_place place;

    slg_writer_get_flushed(round->slot->writer, &place);
    for (struct slg_request *at = round->first; at != until; at = at->next) {
        /* A tombstone has no number, and is what is flushed. */
        if (at->next_record > place.next_record ||
            (at->kind == SLG_REQUEST_TOMBSTONE && at->code == SEGLOG_OK))
            request_fail(at, code, err);
    }
}

/* Write what is buffered, of the requests before `until`. */
static seglog_code
round_flush(struct round *round, struct slg_request *until,
            struct seglog_error *err)
{
    struct slg_slot *slot = round->slot;
    struct seglog_error local;
    const seglog_code code = seglog_writer_flush(slot->writer, &local);

    if (code != SEGLOG_OK) {
        slg_writer_discard(slot->writer);
        requests_undo(round, until, code, &local);
        slot_judge(slot);
        if (err)
            *err = local;
    }
    requests_commit(round, until);
    return code;
}

/* -- appending ------------------------------------------------------------- */

static bool
hash_is_met(const struct slg_request *request,
            const struct seglog_chain_hash *head)
{
    static const struct seglog_chain_hash none = { 0 };
    const struct seglog_chain_hash *prev =
        request->prev_hash ? request->prev_hash : &none;

    if (prev->len == 0 && request->expected_offset == SEGLOG_OFFSET_ANY)
        return true;
    return slg_chain_hash_is_same(prev, head);
}

static seglog_code
expect_check(const struct slg_slot *slot, const struct slg_request *request,
             struct seglog_error *err)
{
    const struct slg_place place = { .name = slot->name,
                                     .offset = SEGLOG_NO_OFFSET };
    const uint64_t next = request->end.next_offset;

    if (request->expected_offset != SEGLOG_OFFSET_ANY &&
        request->expected_offset != next)
        (void)slg_fail(err, SEGLOG_CONFLICT, &place,
                       "offset %" PRIu64 " was expected and the stream ends at "
                       "%" PRIu64 ": read what is new and try again",
                       request->expected_offset, next);
    else if (!hash_is_met(request, &request->end.hash))
        (void)slg_fail(err, SEGLOG_CONFLICT, &place,
                       "the stream has another head at offset %" PRIu64
                       " than expected: read it again",
                       next);
    else
        return SEGLOG_OK;
    return slg_fail_actual(err, SEGLOG_CONFLICT, next);
}

/* A checkpoint before this batch: what is in front of it is written first. */
static seglog_code
checkpoint_want(struct round *round, struct slg_request *request,
                const struct slg_writer_place *place, struct seglog_error *err)
{
    struct slg_slot *slot = round->slot;
    const uint64_t every = slot->streams->options.checkpoint_events;
    seglog_code code = SEGLOG_OK;

    if (place->next_record - slot->checkpoint_record < every)
        return SEGLOG_OK;
    code = round_flush(round, request, err);
    return code == SEGLOG_OK ? slg_writer_want_checkpoint(slot->writer, err)
                             : code;
}

/* Buffered, and no further. */
static seglog_code
batch_put(struct round *round, struct slg_request *request,
          struct seglog_error *err)
{
    struct slg_slot *slot = round->slot;
    struct slg_writer_place before;
    struct slg_writer_place after;
    seglog_code code = SEGLOG_OK;

    slg_writer_get_planned(slot->writer, &before);
    code = checkpoint_want(round, request, &before, err);
    if (code != SEGLOG_OK)
        return code;
    code =
        seglog_writer_append_group(slot->writer, request->items, request->count,
                                   SEGLOG_LEVEL_APPEND, NULL, err);
    if (code != SEGLOG_OK)
        return code;
    slg_writer_get_planned(slot->writer, &after);
    if (after.last_checkpoint != before.last_checkpoint) {
        slot->checkpoint_at = after.last_checkpoint;
        slot->checkpoint_record = before.next_record;
    }
    request->end = end_of(&after);
    request->next_record = after.next_record;
    slot->has_appended = true;
    return SEGLOG_OK;
}

/* A failure that leaves nothing buffered in doubt. */
static bool
is_refusal(seglog_code code)
{
    return code == SEGLOG_TOO_LARGE || code == SEGLOG_INVALID ||
           code == SEGLOG_NO_MEMORY;
}

static seglog_code
request_append(struct round *round, struct slg_request *request,
               struct seglog_error *err)
{
    struct slg_slot *slot = round->slot;
    struct seglog_error local;
    seglog_code code = expect_check(slot, request, err);

    if (code != SEGLOG_OK)
        return code;
    code = batch_put(round, request, &local);
    if (code == SEGLOG_OK)
        return code;
    if (err)
        *err = local;
    if (code == SEGLOG_TOO_LARGE) {
        struct seglog_writer_state state;

        seglog_writer_get_state(slot->writer, &state);
        (void)slg_fail_actual(err, code, state.record_max);
    }
    if (!is_refusal(code)) {
        /* What was buffered before it went into the same write. */
        slg_writer_discard(slot->writer);
        requests_undo(round, request, code, &local);
        slot_judge(slot);
    }
    return code;
}

/* -- rotation -------------------------------------------------------------- */

static bool
is_ripe(const struct slg_slot *slot, const struct slg_writer_place *place)
{
    return place->end >= slot->streams->options.segment_bytes &&
           place->next_record > slot->part.offset + 1;
}

/*
 * Written is what is before `until`.  Whatever comes of it, the segment is
 * released: whoever goes on looks anew which is the last one.
 */
static seglog_code
round_rotate(struct round *round, struct slg_request *until,
             struct seglog_error *err)
{
    struct slg_slot *slot = round->slot;
    seglog_code code = round_flush(round, until, err);

    if (code == SEGLOG_OK)
        code = slg_slot_make_next(slot, err);
    round->cannot_rotate = code != SEGLOG_OK;
    if (code != SEGLOG_OK) {
        slot_judge(slot);
        round_release(round);
        return code;
    }
    slot->has_appended = false;
    round->is_held = false;
    slg_slot_leave_segment(slot);
    return SEGLOG_OK;
}

/* It has become so large by the batches of this round, or was before. */
static void
round_rotate_ripe(struct round *round, struct slg_request *until)
{
    struct slg_writer_place place;

    if (!round->is_held || round->cannot_rotate)
        return;
    slg_writer_get_planned(round->slot->writer, &place);
    /* If that fails the batches are there all the same: the next one tries. */
    if (is_ripe(round->slot, &place))
        (void)!round_rotate(round, until, NULL);
}

/* -- the other requests ---------------------------------------------------- */

static seglog_code
request_checkpoint(struct round *round, struct slg_request *request,
                   struct seglog_error *err)
{
    struct slg_slot *slot = round->slot;
    const bool is_last = request->kind == SLG_REQUEST_FINISH;
    struct slg_writer_place place;
    seglog_code code = round_flush(round, request, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_writer_make_checkpoint(slot->writer, is_last, err);
    slot_judge(slot);
    if (code != SEGLOG_OK)
        return code;
    slg_writer_get_flushed(slot->writer, &place);
    (void)pthread_mutex_lock(&slot->mutex);
    slot->written = place;
    if (is_last) {
        slg_slot_note_synced(slot);
    } else {
        request->serial = ++slot->appended;
        request->generation = slot->generation;
    }
    (void)pthread_mutex_unlock(&slot->mutex);
    request->end = end_of(&place);
    request->next_record = place.next_record;
    slot->checkpoint_at = place.last_checkpoint;
    slot->checkpoint_record = place.next_record;
    slot->has_appended = false;
    return SEGLOG_OK;
}

static seglog_code
request_rotate(struct round *round, struct slg_request *request,
               struct seglog_error *err)
{
    struct slg_slot *slot = round->slot;

    if (request->end.next_offset == slot->part.offset)
        return SEGLOG_OK;
    return round_rotate(round, request, err);
}

/* All before it is written first: one of them may be the same tombstone. */
static seglog_code
request_tombstone(struct round *round, struct slg_request *request,
                  struct seglog_error *err)
{
    struct slg_slot *slot = round->slot;
    struct slg_writer_place place;
    seglog_code code = round_flush(round, request, err);

    if (code == SEGLOG_OK)
        code = slg_slot_check_tombstone(slot, request->tombstone->number, err);
    if (code == SEGLOG_OK)
        code = slg_writer_put_tombstone(slot->writer, request->tombstone, err);
    if (code != SEGLOG_OK)
        return code;
    slot->has_appended = true;
    slg_writer_get_planned(slot->writer, &place);
    request->end = end_of(&place);
    return round_flush(round, request->next, err);
}

static seglog_code
request_run(struct round *round, struct slg_request *request,
            struct seglog_error *err)
{
    switch (request->kind) {
    case SLG_REQUEST_APPEND:
        return request_append(round, request, err);
    case SLG_REQUEST_LOOK:
        return SEGLOG_OK;
    case SLG_REQUEST_ROTATE:
        return request_rotate(round, request, err);
    case SLG_REQUEST_TOMBSTONE:
        return request_tombstone(round, request, err);
    default:
        return request_checkpoint(round, request, err);
    }
}

/* -- a stream that does not exist ------------------------------------------ */

/* As it would be in a segment with the options of now. */
static seglog_code
batch_check_size(const struct slg_streams *streams,
                 const struct slg_request *request, struct seglog_error *err)
{
    const uint64_t most = UINT64_C(1) << streams->options.body_log2;
    uint64_t len = request->count > 1 ? slg_varint_len(request->count) : 0;

    for (size_t i = 0; i < request->count && len <= most; i++) {
        const uint64_t item = request->items[i].len;

        len += item;
        if (request->count > 1)
            len += slg_varint_len(item * 4);
    }
    if (len <= most)
        return SEGLOG_OK;
    (void)slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                   "a batch that needs more than the %" PRIu64
                   " bytes of a frame: make several of it",
                   most);
    return slg_fail_actual(err, SEGLOG_TOO_LARGE, most);
}

/* is_missing: there is none, and the request does not begin it. */
static seglog_code
missing_begin(struct slg_slot *slot, struct slg_request *request,
              bool *is_missing, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    *is_missing = true;
    request->end = (struct seglog_stream_end){ 0 };
    if (request->kind == SLG_REQUEST_LOOK)
        return SEGLOG_OK;
    if (request->kind != SLG_REQUEST_APPEND)
        return slg_stream_fail_missing(slot->stream, err);
    code = expect_check(slot, request, err);
    if (code == SEGLOG_OK)
        code = batch_check_size(slot->streams, request, err);
    if (code == SEGLOG_OK)
        code = slg_stream_begin(slot->streams, slot->stream, err);
    *is_missing = code != SEGLOG_OK;
    return code;
}

/* -- the round ------------------------------------------------------------- */

static seglog_code
round_hold(struct round *round, struct slg_request *request, bool *is_over,
           struct seglog_error *err)
{
    struct slg_slot *slot = round->slot;
    struct seglog_error local;
    seglog_code code = slg_slot_hold(slot, &local);

    if (code == SEGLOG_NOT_FOUND) {
        code = missing_begin(slot, request, is_over, &local);
        if (code == SEGLOG_OK && !*is_over)
            code = slg_slot_hold(slot, &local);
    }
    if (code != SEGLOG_OK && err)
        *err = local;
    round->is_held = code == SEGLOG_OK && !*is_over;
    return code;
}

/*
 * Held, and rotated where it was ripe; is_over: the request has its outcome.
 * Not rotated twice: others may make the next one ripe as well meanwhile.
 */
static seglog_code
round_stand(struct round *round, struct slg_request *request, bool *is_over,
            struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    *is_over = false;
    if (!round->is_held)
        code = round_hold(round, request, is_over, err);
    if (code != SEGLOG_OK || *is_over || request->kind != SLG_REQUEST_APPEND)
        return code;
    round_rotate_ripe(round, request);
    return round->is_held ? SEGLOG_OK
                          : round_hold(round, request, is_over, err);
}

static void
round_do(struct round *round, struct slg_request *request)
{
    struct slg_writer_place place;
    bool is_over = false;

    request->code = round_stand(round, request, &is_over, request->err);
    if (request->code != SEGLOG_OK || is_over)
        return;
    slg_writer_get_planned(round->slot->writer, &place);
    request->end = end_of(&place);
    request->next_record = place.next_record;
    request->code = request_run(round, request, request->err);
}

void
slg_round_run(struct slg_slot *slot, struct slg_request *first)
{
    struct round round = { .slot = slot, .first = first };

    for (struct slg_request *at = first; at; at = at->next)
        round_do(&round, at);
    if (round.is_held) {
        (void)round_flush(&round, NULL, NULL);
        round_rotate_ripe(&round, NULL);
    }
    round_release(&round);
}
