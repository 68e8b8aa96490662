/* SPDX-License-Identifier: MIT */
/* src/stream/stream_hold.c - the segment that grows, open and locked. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "format/control.h"
#include "src/store/fail.h"
#include "src/stream/stream_round.h"

/* Records are buffered for one write; what is larger is kept for that long. */
#define BUFFER_BYTES ((size_t)1 << 20)

/* So often may a segment be found to be no longer the last one. */
#define MOVED_MAX 64u

/* -- opening --------------------------------------------------------------- */

/* No sync is under way, and none begins: whoever syncs has asked a round. */
static void
writer_close(struct slg_slot *slot)
{
    (void)pthread_mutex_lock(&slot->mutex);
    slg_slot_wait_synced(slot);
    slot->durable = (struct slg_writer_place){ 0 };
    (void)slg_slot_close_writer(slot, NULL);
    (void)pthread_mutex_unlock(&slot->mutex);
}

/*
 * Damaged, but not so that its head is not known, it can be gone on with: what
 * is lost is lost, and verifying and reading tell.
 */
static seglog_code
writer_open_as(struct slg_slot *slot, bool append_to_damaged,
               struct seglog_error *err)
{
    const struct slg_streams *streams = slot->streams;
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .create = SEGLOG_CREATE_NEVER,
        .lock_timeout_ms = streams->options.lock_timeout_ms,
        .buffer_bytes = BUFFER_BYTES,
        .append_to_damaged = append_to_damaged,
        .no_closing_mark = true,
        .codec = streams->options.codec,
        .level = streams->options.level_of_codec,
    };

    return seglog_writer_open(streams->store, slot->name, &options,
                              &slot->writer, err);
}

/* Without its header nobody knows that it is chained, nor how. */
static seglog_code
writer_open_damaged(struct slg_slot *slot, struct seglog_error *err)
{
    const struct slg_place place = { .name = slot->name, .offset = 0 };
    struct seglog_scan_summary summary;
    const seglog_code code = seglog_segment_get_summary(
        slot->streams->store, slot->name, &summary, err);

    if (code == SEGLOG_OK && summary.is_header_lost)
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "the header of the last segment is lost: `seglog mend` "
                        "makes the stream go on");
    return code == SEGLOG_OK ? writer_open_as(slot, true, err) : code;
}

static seglog_code
writer_open(struct slg_slot *slot, struct seglog_error *err)
{
    const struct slg_streams *streams = slot->streams;
    struct seglog_error local;
    seglog_code code = writer_open_as(slot, false, err);

    if (code != SEGLOG_CORRUPT)
        return code;
    /* What was never synced goes first: else it would be missing for ever. */
    if (!streams->options.keeps_unordered_tail &&
        slg_stream_settle(streams, slot->name, &local) == SEGLOG_OK)
        code = writer_open_as(slot, false, err);
    return code == SEGLOG_CORRUPT ? writer_open_damaged(slot, err) : code;
}

/* Is it what its name says? */
static seglog_code
writer_check(const struct slg_slot *slot, struct seglog_error *err)
{
    const struct slg_place place = { .name = slot->name,
                                     .offset = SEGLOG_NO_OFFSET };
    struct seglog_writer_state state;

    seglog_writer_get_state(slot->writer, &state);
    if (state.chain == 0)
        return slg_fail(err, SEGLOG_FORMAT, &place, "it is not chained");
    if (state.first_record != slot->part.offset + 1)
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "it does not begin with the event of its name");
    return SEGLOG_OK;
}

static seglog_code
segment_open(struct slg_slot *slot, struct seglog_error *err)
{
    const struct seglog_store store = slot->streams->store;
    seglog_code code = writer_open(slot, err);

    if (code == SEGLOG_OK)
        code = writer_check(slot, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_open(store, slot->name, SEGLOG_OPEN_WRITE,
                                &slot->sync_blob, err);
    if (code != SEGLOG_OK)
        writer_close(slot);
    return code;
}

/* The last segment that there is. */
static seglog_code
last_find(struct slg_slot *slot, struct slg_stream_part *last,
          struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    seglog_code code =
        slg_stream_parts_list(slot->streams->store, slot->stream, &parts, err);

    if (code == SEGLOG_OK && parts.count == 0)
        code = slg_stream_fail_missing(slot->stream, err);
    if (code == SEGLOG_OK)
        *last = *slg_stream_parts_last(&parts);
    slg_stream_parts_reset(&parts);
    return code;
}

/* is_moved: it has gone meanwhile, merged with others or sealed. */
static seglog_code
last_open(struct slg_slot *slot, bool *is_moved, struct seglog_error *err)
{
    const bool was_open = slot->name[0] != '\0';
    const uint32_t before = slot->part.first;
    seglog_code code = last_find(slot, &slot->part, err);

    if (code != SEGLOG_OK)
        return code;
    /* It may have been mended since it was read, and what was in it is gone;
     * but if it has followed the one that was open. */
    if (!was_open || slot->part.first == before) {
        (void)pthread_mutex_lock(&slot->tombs_mutex);
        slg_tombs_reset(&slot->tombs);
        (void)pthread_mutex_unlock(&slot->tombs_mutex);
    }
    slg_stream_part_name(slot->stream, &slot->part, slot->name);
    code = segment_open(slot, err);
    *is_moved = code == SEGLOG_NOT_FOUND || code == SEGLOG_SEALED;
    return code;
}

/* -- holding --------------------------------------------------------------- */

/* Where the last sync point is, others may have put it: its number is there. */
static seglog_code
checkpoint_learn(struct slg_slot *slot, const struct slg_writer_place *place,
                 struct seglog_error *err)
{
    uint8_t bytes[SLG_SYNC_POINT_BYTES];
    struct slg_mark mark;
    seglog_code code = SEGLOG_OK;

    if (slot->checkpoint_at == place->last_checkpoint &&
        slot->checkpoint_record != 0)
        return SEGLOG_OK;
    slot->checkpoint_at = place->last_checkpoint;
    slot->checkpoint_record = slot->part.offset + 1;
    if (place->last_checkpoint == 0)
        return SEGLOG_OK;
    code = seglog_blob_read_at(slot->sync_blob, place->last_checkpoint, bytes,
                               sizeof bytes, err);
    if (code == SEGLOG_OK && slg_mark_decode(bytes, sizeof bytes, &mark))
        slot->checkpoint_record = mark.number;
    return code;
}

/* A sync point that is not readable is none: the next one is made earlier. */
static void
held_learn(struct slg_slot *slot)
{
    struct slg_writer_place durable;
    struct slg_writer_place place;

    slg_writer_get_flushed(slot->writer, &place);
    (void)!checkpoint_learn(slot, &place, NULL);
    (void)pthread_mutex_lock(&slot->mutex);
    durable = slot->durable;
    (void)pthread_mutex_unlock(&slot->mutex);
    if (durable.next_record == 0 || durable.end == slot->noted.end)
        return;
    slg_writer_note_synced(slot->writer, &durable);
    slot->noted = durable;
}

/* Only a segment that ends with a closing mark may have been followed; and what
 * was cut, or is damaged, may have been that. */
static seglog_code
held_check_last(struct slg_slot *slot, bool *is_last, struct seglog_error *err)
{
    struct slg_writer_place place;
    struct slg_stream_part last;
    seglog_code code = SEGLOG_OK;

    *is_last = true;
    slg_writer_get_flushed(slot->writer, &place);
    if (!place.is_closed && !place.is_cut)
        return SEGLOG_OK;
    code = last_find(slot, &last, err);
    *is_last = code == SEGLOG_OK && last.first == slot->part.first;
    return code;
}

static bool
slot_take_broken(struct slg_slot *slot)
{
    bool is_broken = false;

    (void)pthread_mutex_lock(&slot->mutex);
    is_broken = slot->is_broken;
    slot->is_broken = false;
    (void)pthread_mutex_unlock(&slot->mutex);
    return is_broken;
}

void
slg_slot_leave_segment(struct slg_slot *slot)
{
    /* Whoever has followed it has synced it first. */
    (void)pthread_mutex_lock(&slot->mutex);
    slg_slot_note_synced(slot);
    (void)pthread_mutex_unlock(&slot->mutex);
    seglog_writer_release(slot->writer);
    writer_close(slot);
}

/* Once.  is_moved: it is not the last one any more, try again. */
static seglog_code
hold_once(struct slg_slot *slot, bool *is_moved, struct seglog_error *err)
{
    bool is_last = true;
    seglog_code code = SEGLOG_OK;

    *is_moved = false;
    if (slot_take_broken(slot))
        writer_close(slot);
    if (!slot->writer)
        code = last_open(slot, is_moved, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_writer_hold(slot->writer, err);
    if (code == SEGLOG_SEALED) {
        *is_moved = true;
        slg_slot_leave_segment(slot);
        return code;
    }
    if (code != SEGLOG_OK)
        return code;
    code = held_check_last(slot, &is_last, err);
    if (code != SEGLOG_OK) {
        seglog_writer_release(slot->writer);
    } else if (!is_last) {
        *is_moved = true;
        slg_slot_leave_segment(slot);
    } else {
        held_learn(slot);
    }
    return code;
}

seglog_code
slg_slot_hold(struct slg_slot *slot, struct seglog_error *err)
{
    struct seglog_error local;
    seglog_code code = SEGLOG_OK;
    bool is_moved = true;

    for (unsigned i = 0; i < MOVED_MAX && is_moved; i++)
        code = hold_once(slot, &is_moved, &local);
    if (code == SEGLOG_OK && is_moved)
        code = slg_fail(&local, SEGLOG_LOCKED, NULL,
                        "the stream goes on in another segment each time it "
                        "is looked at");
    if (code == SEGLOG_OK)
        return code;
    if (code != SEGLOG_LOCKED && code != SEGLOG_NOT_FOUND && slot->writer) {
        (void)pthread_mutex_lock(&slot->mutex);
        slot->is_broken = true;
        (void)pthread_mutex_unlock(&slot->mutex);
    }
    if (err)
        *err = local;
    return code;
}
