/* SPDX-License-Identifier: MIT */
/* src/stream/stream_tombs.c - tombstones, and what was dropped. */
#include "src/stream/stream_tombs.h"

#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_chain.h"
#include "src/store/fail.h"

/* So often may a segment be gone when it is opened. */
#define GONE_MAX 64u

/* -- the set --------------------------------------------------------------- */

static int
hash_compare(const struct seglog_chain_hash *a,
             const struct seglog_chain_hash *b)
{
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return memcmp(a->bytes, b->bytes, a->len);
}

static int
tomb_compare(const struct slg_tombstone *a, const struct slg_tombstone *b)
{
    int order = 0;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    order = hash_compare(&a->before, &b->before);
    return order != 0 ? order : hash_compare(&a->hash, &b->hash);
}

size_t
slg_tombs_find(const struct slg_tombs *tombs, uint64_t number)
{
    size_t low = 0;
    size_t high = tombs->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (tombs->items[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool
slg_tombs_have(const struct slg_tombs *tombs, uint64_t number)
{
    const size_t at = slg_tombs_find(tombs, number);

    return at < tombs->count && tombs->items[at].number == number;
}

static bool
items_reserve(struct slg_tombs *tombs)
{
    const size_t cap = tombs->cap ? 2 * tombs->cap : 16;
    struct slg_tombstone *grown = NULL;

    if (tombs->count < tombs->cap)
        return true;
    grown = realloc(tombs->items, cap * sizeof *grown);
    if (!grown)
        return false;
    tombs->items = grown;
    tombs->cap = cap;
    return true;
}

bool
slg_tombs_add(struct slg_tombs *tombs, const struct slg_tombstone *tombstone)
{
    size_t at = slg_tombs_find(tombs, tombstone->number);

    for (; at < tombs->count; at++) {
        const int order = tomb_compare(tombstone, &tombs->items[at]);

        if (order == 0)
            return true;
        if (order < 0)
            break;
    }
    if (!items_reserve(tombs))
        return false;
    memmove(tombs->items + at + 1, tombs->items + at,
            (tombs->count - at) * sizeof *tombs->items);
    tombs->items[at] = *tombstone;
    tombs->count++;
    return true;
}

void
slg_tombs_reset(struct slg_tombs *tombs)
{
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

const struct slg_tombstone *
slg_tombs_match(const struct slg_tombs *tombs, uint64_t number,
                const struct seglog_chain_hash *before)
{
    for (size_t at = slg_tombs_find(tombs, number);
         at < tombs->count && tombs->items[at].number == number; at++) {
        if (!before || slg_chain_hash_is_same(&tombs->items[at].before, before))
            return &tombs->items[at];
    }
    return NULL;
}

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

/*
 * A salvaging reader passes over what cannot be read just now, too.  Where no
 * record is lost a tombstone may be: then the chain does not lead to the next
 * head.  is_doubtful: that is to be seen yet.
 */
static seglog_code
damage_note(struct slg_tombs *tombs, const struct slg_stream_part *part,
            const struct slg_chain_event *event, const char *name,
            bool *is_doubtful, struct seglog_error *err)
{
    const struct seglog_finding *finding = &event->finding;
    const struct slg_place place = { .name = name,
                                     .offset = finding->first_byte };
    bool is_lost = false;

    if (event->type == SLG_CHAIN_EVENT_HEAD) {
        is_lost = *is_doubtful && event->is_broken;
        *is_doubtful = false;
    } else if (event->type == SLG_CHAIN_EVENT_GAP && !finding->is_recorded) {
        if (finding->verdict == SEGLOG_VERDICT_IO)
            return slg_fail(err, SEGLOG_IO, &place, "it cannot be read");
        is_lost = finding->last_record != 0;
        *is_doubtful = true;
    }
    if (!is_lost || tombs->is_damaged)
        return SEGLOG_OK;
    tombs->is_damaged = true;
    tombs->damaged_part = *part;
    tombs->damaged_record = event->number;
    return SEGLOG_OK;
}

static seglog_code
part_collect(struct slg_tombs *tombs, struct seglog_store store,
             uint64_t stream, const struct slg_stream_part *part,
             struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    struct slg_chain_reader_state state;
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_event event;
    char name[SEGLOG_STREAM_NAME_CAP];
    bool is_doubtful = false;
    seglog_code code =
        slg_chain_reader_open(store, slg_stream_part_name(stream, part, name),
                              &options, &reader, err);

    /* In front of the last record that was read: a checkpoint behind it may
     * stand behind tombstones that have come since. */
    if (code == SEGLOG_OK && tombs->next > part->offset + 2)
        code = slg_chain_reader_seek(reader, tombs->next - 1, err);
    tombs->is_behind_dropped = false;
    while (code == SEGLOG_OK) {
        code = slg_chain_reader_next(reader, &event, err);
        if (code == SEGLOG_OK)
            code = damage_note(tombs, part, &event, name, &is_doubtful, err);
        if (code == SEGLOG_OK && !slg_tombs_take_event(tombs, &event))
            code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for the tombstones of a stream");
    }
    if (code == SEGLOG_END) {
        slg_chain_reader_get_state(reader, &state);
        tombs->next = state.next_record;
        code = SEGLOG_OK;
    }
    slg_chain_reader_close(reader);
    return code;
}

/* NOT_FOUND: one has gone meanwhile, merged with others. */
static seglog_code
parts_collect(struct slg_tombs *tombs, struct seglog_store store,
              uint64_t stream, struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    seglog_code code = slg_stream_parts_list(store, stream, &parts, err);

    for (size_t i = 0; i < parts.count && code == SEGLOG_OK; i++) {
        const bool is_last = i + 1 == parts.count;

        /* Tombstones behind its last record are read once more. */
        if (is_last || parts.parts[i + 1].offset + 1 >= tombs->next)
            code = part_collect(tombs, store, stream, &parts.parts[i], err);
    }
    slg_stream_parts_reset(&parts);
    return code;
}

seglog_code
slg_tombs_collect(struct slg_tombs *tombs, struct seglog_store store,
                  uint64_t stream, struct seglog_error *err)
{
    struct seglog_error local;
    seglog_code code = SEGLOG_NOT_FOUND;

    for (unsigned i = 0; i < GONE_MAX && code == SEGLOG_NOT_FOUND; i++)
        code = parts_collect(tombs, store, stream, &local);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

static seglog_code
blob_sync(struct seglog_store store, const char *name, struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_WRITE, &blob, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_sync(blob, err);
    (void)seglog_blob_close(&blob, NULL);
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
        code = blob_sync(store, name, &local);
    }
    slg_stream_parts_reset(&parts);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}
