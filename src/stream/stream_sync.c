/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_sync.c - who syncs, and who waits for it.
 *
 * By a handle of its own, so that rounds go on meanwhile: what they write is
 * for the next sync.
 */
#define _POSIX_C_SOURCE 200809L /* pthread, clock_gettime */

#include <sched.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/stream/stream_slot.h"

/* For so long, at most, those who waited for the last sync are given time to
 * come again: a part of what a sync takes. */
#define ARRIVAL_PART   16
#define ARRIVAL_NS_MAX INT64_C(500000)

static seglog_code
fail_unknown(const struct slg_slot *slot, struct seglog_error *err)
{
    const struct slg_place place = { .name = slot->name,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, SEGLOG_POISONED, &place,
                    "a sync has failed: whether the events are there, and "
                    "durable, is unknown; ask where the stream ends");
}

void
slg_slot_break(struct slg_slot *slot)
{
    slot->is_broken = true;
    slot->generation++;
}

void
slg_slot_wait_synced(struct slg_slot *slot)
{
    while (slot->is_syncing)
        (void)pthread_cond_wait(&slot->sync_end, &slot->mutex);
}

void
slg_slot_note_synced(struct slg_slot *slot)
{
    slot->synced = slot->appended;
    slot->durable = slot->written;
    (void)pthread_cond_broadcast(&slot->sync_end);
}

/*
 * Those who have waited for the sync before this one are on their way back.
 * They are not waited for where there was one alone, so one thread that syncs
 * each event is never held up.
 */
static void
arrivals_wait(struct slg_slot *slot)
{
    const int64_t most = slot->sync_ns / ARRIVAL_PART;
    const int64_t until =
        slg_now_ns() + (most < ARRIVAL_NS_MAX ? most : ARRIVAL_NS_MAX);

    if (slot->sync_crowd < 2)
        return;
    while ((slot->sync_asked - slot->sync_taken < slot->sync_crowd ||
            slot->queued != slot->served) &&
           slg_now_ns() < until) {
        (void)pthread_mutex_unlock(&slot->mutex);
        (void)sched_yield();
        (void)pthread_mutex_lock(&slot->mutex);
    }
}

/* With the mutex held, which is released meanwhile. */
static seglog_code
slot_sync_once(struct slg_slot *slot, struct seglog_error *err)
{
    struct slg_writer_place written;
    seglog_code code = SEGLOG_OK;
    uint64_t appended = 0;
    uint64_t generation = 0;
    uint64_t taken_before = 0;
    int64_t began = 0;

    slot->is_syncing = true;
    arrivals_wait(slot);
    appended = slot->appended;
    written = slot->written;
    generation = slot->generation;
    taken_before = slot->sync_taken;
    slot->sync_taken = slot->sync_asked;
    (void)pthread_mutex_unlock(&slot->mutex);
    began = slg_now_ns();
    code = seglog_blob_sync(slot->sync_blob, err);
    (void)pthread_mutex_lock(&slot->mutex);
    slot->sync_ns = slg_now_ns() - began;
    slot->is_syncing = false;
    /* Those it was for, and those who have come meanwhile. */
    slot->sync_crowd = slot->sync_asked - taken_before;
    if (code != SEGLOG_OK) {
        slg_slot_break(slot);
    } else if (slot->generation == generation && appended > slot->synced) {
        slot->synced = appended;
        slot->durable = written;
    }
    (void)pthread_cond_broadcast(&slot->sync_end);
    return code;
}

seglog_code
slg_slot_sync(struct slg_slot *slot, const struct slg_request *request)
{
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&slot->mutex);
    slot->sync_asked++;
    while (code == SEGLOG_OK && slot->synced < request->serial) {
        const bool is_same = slot->generation == request->generation;

        if (is_same && slot->is_syncing)
            (void)pthread_cond_wait(&slot->sync_end, &slot->mutex);
        else if (!is_same || slot_sync_once(slot, request->err) != SEGLOG_OK)
            code = fail_unknown(slot, request->err);
    }
    (void)pthread_mutex_unlock(&slot->mutex);
    return code;
}
