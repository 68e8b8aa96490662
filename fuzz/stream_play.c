/* SPDX-License-Identifier: MIT */
/* fuzz/stream_play.c - what is done with a stream. */
#include "fuzz/stream_world.h"

bool
append(struct world *world, struct seglog_streams streams, unsigned how)
{
    struct seglog_slice slices[BATCH_MAX];
    const size_t count = 1 + input_byte(&world->input) % BATCH_MAX;
    struct seglog_chain_hash head;
    struct seglog_stream_end end;
    const size_t before = world->count;
    seglog_code code = SEGLOG_OK;

    if (before + count > EVENTS_MAX)
        return true;
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = input_byte(&world->input);
        size_t len = byte < 0xF0 ? byte % 32 : (size_t)(byte & 15) << 8;

        slices[i].data = (const char *)input_bytes(&world->input, &len);
        slices[i].len = len;
    }
    head = head_at(world, before).hash;
    if (how == 2)
        head.bytes[0] ^= 1;
    code = seglog_stream_append_batch(streams, STREAM, slices, count,
                                      how == 1   ? before + 1
                                      : how == 3 ? SEGLOG_OFFSET_ANY
                                                 : before,
                                      how == 3 ? NULL : &head, how == 0, &end,
                                      NULL);
    if (code == SEGLOG_OK) {
        MUST(how == 0 || how == 3 || (how == 2 && before == 0) ||
             world->is_damaged);
        events_follow(world, slices, count, &end);
    } else if (code == SEGLOG_CONFLICT) {
        MUST(how == 1 || how == 2 || world->is_damaged);
        end_follow(world, &end);
    } else {
        MUST(world->is_damaged && is_refusal(code));
    }
    return code == SEGLOG_OK;
}

void
mark(struct world *world, struct seglog_streams streams, uint64_t offset)
{
    const bool is_there = offset >= world->begin && offset < world->count;
    struct seglog_stream_end end;
    seglog_code code = SEGLOG_OK;

    if (world->mark_count == MARKS_MAX)
        return;
    code = seglog_stream_tombstone(streams, STREAM, offset, &end, NULL);
    if (code == SEGLOG_OK) {
        MUST(is_there && end.next_offset > offset);
        MUST(!world->events[offset].is_marked || world->is_damaged);
        mark_follow(world, offset, &end);
    } else if (code == SEGLOG_EXISTS) {
        MUST(is_there && world->events[offset].is_marked);
    } else if (code == SEGLOG_NOT_FOUND) {
        MUST(!is_there || world->is_damaged);
    } else {
        MUST(world->is_damaged && is_refusal(code));
    }
}

void
compact(struct world *world, struct seglog_streams streams, unsigned how)
{
    static const uint64_t sizes[] = { 0, 1, 2000, 0 };
    const struct seglog_stream_compact_options options = {
        .size = sizeof options,
        .rotates = how % 4 > 0,
        .merge_bytes = sizes[how % 4],
        .merge_min = 1 + how % 3,
        .level = 1,
        .threads = 1,
    };
    const seglog_code code =
        seglog_stream_compact(streams, STREAM, &options, NULL, NULL);

    /* There is no zstd. */
    if (code == SEGLOG_INVALID)
        return;
    MUST(code == SEGLOG_OK || (code == SEGLOG_NOT_FOUND && world->count == 0) ||
         (world->is_damaged && (is_refusal(code) || code == SEGLOG_NOT_FOUND)));
    for (size_t i = 0; code == SEGLOG_OK && options.rotates && i < world->count;
         i++)
        world->events[i].is_dropped = world->events[i].is_marked;
}

/* Whole segments, of which none holds anything else. */
void
trim(struct world *world, struct seglog_streams streams, uint64_t before)
{
    struct seglog_stream_trimmed trimmed;
    const seglog_code code =
        seglog_stream_trim(streams, STREAM, before, &trimmed, NULL);

    must_be_done(world, code);
    if (code != SEGLOG_OK)
        return;
    MUST(trimmed.begin >= world->begin && trimmed.begin <= world->count);
    MUST(trimmed.begin <= before || trimmed.begin == world->begin);
    world->begin = trimmed.begin;
}

/*
 * Where something was mended heads behind that are others, and with tombstones
 * it is not said where that begins.  In any case it takes events again.
 */
void
mend(struct world *world, struct seglog_streams streams, unsigned how)
{
    struct seglog_stream_mended mended;
    const seglog_code code = seglog_stream_mend(
        streams, STREAM, (enum seglog_stream_mend)(how % 3), &mended, NULL);
    const uint64_t known = world->mark_count > 0 ? 0 : mended.first_lost;

    /* EXISTS: of one that said CORRUPT, and somebody who knew the head went on
     * all the same. */
    if (code != SEGLOG_EXISTS || !world->is_damaged)
        must_be_done(world, code);
    if (code != SEGLOG_OK)
        return;
    if (mended.name[0] == '\0') {
        MUST(mended.lost == 0);
        end_follow(world, &mended.end);
    } else {
        MUST(world->is_damaged);
        MUST(mended.end.next_offset >= world->begin &&
             mended.end.next_offset <= world->count &&
             mended.first_lost <= mended.end.next_offset);
        MUST(how % 3 == SEGLOG_STREAM_MEND_RESUME ||
             mended.first_lost == mended.end.next_offset);
        if (how % 3 != SEGLOG_STREAM_MEND_RESUME && world->mark_count == 0)
            end_follow(world, &mended.end);
        heads_lose(world, known, &mended.end);
        MUST(seglog_store_remove(world->store, mended.name, NULL) == SEGLOG_OK);
    }
    MUST(append(world, streams, 3));
}
