/* SPDX-License-Identifier: MIT */
/* src/stream/stream_tombs.c - tombstones, and what was dropped. */
#include "src/stream/stream_tombs.h"

#include <stdlib.h>

#include "src/segment/segment_chain.h"
#include "src/store/fail.h"
#include "src/stream/stream_store.h"

/* So often may a segment be gone when it is opened. */
#define GONE_MAX 64u

static void
reader_drop(struct slg_tombs *tombs)
{
    slg_chain_reader_close(tombs->reader);
    tombs->reader = NULL;
    tombs->is_doubtful = false;
}

void
slg_tombs_reset(struct slg_tombs *tombs)
{
    reader_drop(tombs);
    free(tombs->items);
    free(tombs->dropped);
    *tombs = (struct slg_tombs){ 0 };
}

/* -- events ---------------------------------------------------------------- */

static bool
dropped_add(struct slg_tombs *tombs, const struct slg_dropped *dropped)
{
    if (tombs->dropped_count == tombs->dropped_cap) {
        const size_t cap = tombs->dropped_cap ? 2 * tombs->dropped_cap : 8;
        struct slg_dropped *grown =
            realloc(tombs->dropped, cap * sizeof *grown);

        if (!grown)
            return false;
        tombs->dropped = grown;
        tombs->dropped_cap = cap;
    }
    tombs->dropped[tombs->dropped_count++] = *dropped;
    tombs->is_behind_dropped = true;
    return true;
}

static bool
gap_take(struct slg_tombs *tombs, const struct slg_chain_event *event)
{
    const struct seglog_finding *finding = &event->finding;
    const struct slg_dropped dropped = {
        .first = finding->first_record,
        .last = finding->last_record,
        .is_before_known = event->is_before_known,
        .before = event->before,
    };
    const bool was_behind = tombs->is_behind_dropped;
    struct slg_dropped *before = NULL;

    tombs->is_behind_dropped = false;
    if (!finding->is_recorded || finding->cause != SEGLOG_CAUSE_DROPPED)
        return true;
    if (tombs->dropped_count > 0)
        before = &tombs->dropped[tombs->dropped_count - 1];
    /* Read once more, by whoever goes on from a checkpoint. */
    if (before && dropped.last <= before->last)
        return true;
    /* Two gaps with nothing between: the chain head is behind both. */
    if (before && was_behind && before->last + 1 == dropped.first) {
        before->last = dropped.last;
        tombs->is_behind_dropped = true;
        return true;
    }
    return dropped_add(tombs, &dropped);
}

static void
head_take(struct slg_tombs *tombs, const struct slg_chain_event *event)
{
    struct slg_dropped *before = NULL;

    if (!tombs->is_behind_dropped)
        return;
    before = &tombs->dropped[tombs->dropped_count - 1];
    /* One that began anew says that something was lost. */
    before->is_hash_known = !event->head.is_anew;
    before->hash = event->hash;
}

bool
slg_tombs_take_event(struct slg_tombs *tombs,
                     const struct slg_chain_event *event)
{
    if (event->type == SLG_CHAIN_EVENT_GAP)
        return gap_take(tombs, event);
    if (event->type == SLG_CHAIN_EVENT_HEAD)
        head_take(tombs, event);
    tombs->is_behind_dropped = false;
    return event->type != SLG_CHAIN_EVENT_TOMBSTONE ||
           slg_tombs_add(tombs, &event->tombstone);
}

/* -- what they say --------------------------------------------------------- */

bool
slg_tombs_vouch(const struct slg_tombs *tombs,
                const struct slg_dropped *dropped)
{
    const struct seglog_chain_hash *at =
        dropped->is_before_known ? &dropped->before : NULL;

    /* Said of more than there are, it ends with the first that is missing. */
    for (uint64_t n = dropped->first; n <= dropped->last; n++) {
        const struct slg_tombstone *tombstone = slg_tombs_match(tombs, n, at);

        if (!tombstone)
            return false;
        at = &tombstone->hash;
    }
    return dropped->is_hash_known && at &&
           slg_chain_hash_is_same(at, &dropped->hash);
}

static bool
is_dropped(const struct slg_tombs *tombs, uint64_t number)
{
    size_t low = 0;
    size_t high = tombs->dropped_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (tombs->dropped[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tombs->dropped_count && tombs->dropped[low].first <= number;
}

size_t
slg_tombs_count_pending(const struct slg_tombs *tombs, uint64_t first,
                        uint64_t last)
{
    uint64_t before = 0;
    size_t count = 0;

    for (size_t at = slg_tombs_find(tombs, first);
         at < tombs->count && tombs->items[at].number <= last; at++) {
        const uint64_t number = tombs->items[at].number;

        count += number != before && !is_dropped(tombs, number);
        before = number;
    }
    return count;
}

/* -- reading them ---------------------------------------------------------- */

static seglog_code
fail_unreadable(uint64_t stream, const struct slg_stream_part *part,
                const struct seglog_finding *finding, struct seglog_error *err)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    const struct slg_place place = { .name = slg_stream_part_name(stream, part,
                                                                  name),
                                     .offset = finding->first_byte };

    return slg_fail(err, SEGLOG_IO, &place, "it cannot be read");
}

/*
 * A salvaging reader passes over what cannot be read just now, too.  Where no
 * record is lost a tombstone may be: then the chain does not lead to the next
 * head, which is to be seen yet.
 */
static seglog_code
damage_note(struct slg_tombs *tombs, uint64_t stream,
            const struct slg_stream_part *part,
            const struct slg_chain_event *event, struct seglog_error *err)
{
    const struct seglog_finding *finding = &event->finding;
    bool is_lost = false;

    if (event->type == SLG_CHAIN_EVENT_HEAD) {
        is_lost = tombs->is_doubtful && event->is_broken;
        tombs->is_doubtful = false;
    } else if (event->type == SLG_CHAIN_EVENT_GAP && !finding->is_recorded) {
        if (finding->verdict == SEGLOG_VERDICT_IO)
            return fail_unreadable(stream, part, finding, err);
        is_lost = finding->last_record != 0;
        tombs->is_doubtful = true;
    }
    if (!is_lost || tombs->is_damaged)
        return SEGLOG_OK;
    tombs->is_damaged = true;
    tombs->damaged_part = *part;
    tombs->damaged_record = event->number;
    return SEGLOG_OK;
}

/* To the end of the segment, for now. */
static seglog_code
reader_collect(struct slg_tombs *tombs, uint64_t stream,
               struct seglog_error *err)
{
    struct slg_chain_reader_state state;
    struct slg_chain_event event;
    seglog_code code = SEGLOG_OK;

    while (code == SEGLOG_OK) {
        code = slg_chain_reader_next(tombs->reader, &event, err);
        if (code == SEGLOG_OK)
            code = damage_note(tombs, stream, &tombs->reader_part, &event, err);
        if (code == SEGLOG_OK && !slg_tombs_take_event(tombs, &event))
            code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for the tombstones of a stream");
    }
    if (code != SEGLOG_END)
        return code;
    slg_chain_reader_get_state(tombs->reader, &state);
    tombs->next = state.next_record;
    return SEGLOG_OK;
}

/* The reader stays, at the end of it. */
static seglog_code
part_collect(struct slg_tombs *tombs, struct seglog_store store,
             uint64_t stream, const struct slg_stream_part *part,
             struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    char name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    reader_drop(tombs);
    tombs->is_behind_dropped = false;
    tombs->reader_part = *part;
    code =
        slg_chain_reader_open(store, slg_stream_part_name(stream, part, name),
                              &options, &tombs->reader, err);
    /* In front of the last record that was read: a checkpoint behind it may
     * stand behind tombstones that have come since. */
    if (code == SEGLOG_OK && tombs->next > part->offset + 2)
        code = slg_chain_reader_seek(tombs->reader, tombs->next - 1, err);
    return code == SEGLOG_OK ? reader_collect(tombs, stream, err) : code;
}

/* NOT_FOUND: one has gone meanwhile, merged with others. */
static seglog_code
parts_collect(struct slg_tombs *tombs, struct seglog_store store,
              uint64_t stream, const struct slg_stream_parts *parts,
              struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < parts->count && code == SEGLOG_OK; i++) {
        const bool is_last = i + 1 == parts->count;

        /* Tombstones behind its last record are read once more. */
        if (is_last || parts->parts[i + 1].offset + 1 >= tombs->next)
            code = part_collect(tombs, store, stream, &parts->parts[i], err);
    }
    if (code != SEGLOG_OK)
        reader_drop(tombs);
    return code;
}

/* Where the reader stands, if that is the last segment still.  NOT_FOUND: it is
 * not, or has changed otherwise than by growing. */
static seglog_code
last_collect(struct slg_tombs *tombs, uint64_t stream,
             const struct slg_stream_parts *parts, struct seglog_error *err)
{
    const struct slg_stream_part *last =
        parts->count > 0 ? slg_stream_parts_last(parts) : NULL;
    seglog_code code = SEGLOG_NOT_FOUND;

    if (tombs->reader && last && last->first == tombs->reader_part.first &&
        last->last == tombs->reader_part.last &&
        last->offset == tombs->reader_part.offset &&
        !slg_chain_reader_is_replaced(tombs->reader))
        code = reader_collect(tombs, stream, err);
    if (code != SEGLOG_OK)
        reader_drop(tombs);
    return code == SEGLOG_OK || code == SEGLOG_NO_MEMORY ? code
                                                         : SEGLOG_NOT_FOUND;
}

seglog_code
slg_tombs_follow(struct slg_tombs *tombs, struct seglog_store store,
                 uint64_t stream, struct seglog_error *err)
{
    struct seglog_error local;
    seglog_code code = SEGLOG_NOT_FOUND;

    for (unsigned i = 0; i < GONE_MAX && code == SEGLOG_NOT_FOUND; i++) {
        struct slg_stream_parts parts = { 0 };

        code = slg_stream_parts_list(store, stream, &parts, &local);
        if (code == SEGLOG_OK)
            code = last_collect(tombs, stream, &parts, &local);
        if (code == SEGLOG_NOT_FOUND)
            code = parts_collect(tombs, store, stream, &parts, &local);
        slg_stream_parts_reset(&parts);
    }
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

seglog_code
slg_tombs_collect(struct slg_tombs *tombs, struct seglog_store store,
                  uint64_t stream, struct seglog_error *err)
{
    seglog_code code = slg_tombs_follow(tombs, store, stream, err);

    reader_drop(tombs);
    if (code == SEGLOG_OK && !slg_tombs_settle(tombs))
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the tombstones of a stream");
    return code;
}

/* A segment that is not the last one any more was synced before that. */
seglog_code
slg_stream_sync_last(struct seglog_store store, uint64_t stream,
                     struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    struct seglog_error local;
    seglog_code code = SEGLOG_NOT_FOUND;

    for (unsigned i = 0; i < GONE_MAX && code == SEGLOG_NOT_FOUND; i++) {
        char name[SEGLOG_STREAM_NAME_CAP];

        code = slg_stream_parts_list(store, stream, &parts, &local);
        if (code != SEGLOG_OK || parts.count == 0)
            break;
        slg_stream_part_name(stream, slg_stream_parts_last(&parts), name);
        code = slg_stream_blob_sync(store, name, &local);
    }
    slg_stream_parts_reset(&parts);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}
