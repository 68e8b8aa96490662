/* SPDX-License-Identifier: MIT */
/* fuzz/stream_heads.c - the head behind each event. */
#include "fuzz/stream_world.h"

struct head
head_at(const struct world *world, uint64_t count)
{
    static const struct head none;

    return count == 0 ? none : world->events[count - 1].head;
}

static bool
head_may_be(const struct head *head, const struct seglog_chain_hash *told)
{
    return head->is_lost || slg_chain_hash_is_same(&head->hash, told);
}

static void
head_set(struct world *world, uint64_t count,
         const struct seglog_chain_hash *told)
{
    if (count > 0)
        world->events[count - 1].head = (struct head){ .hash = *told };
}

/* -- the end --------------------------------------------------------------- */

/* The head there is the n-th that it may be: behind all tombstones, or in front
 * of one of them.  False: there are no more. */
static bool
head_choose(const struct world *world, uint64_t count, size_t n,
            struct head *head)
{
    size_t left = n;

    *head = head_at(world, count);
    for (size_t i = world->mark_count; left > 0 && i > 0; i--) {
        if (world->marks[i - 1].at != count)
            continue;
        *head = world->marks[i - 1].before;
        left--;
    }
    return left == 0 && (n == 0 || world->is_damaged);
}

void
end_follow(struct world *world, const struct seglog_stream_end *end)
{
    struct head head;
    bool is_right = false;

    MUST(end->next_offset <= world->count && end->next_offset >= world->begin);
    for (size_t n = 0;
         !is_right && head_choose(world, end->next_offset, n, &head); n++)
        is_right = head_may_be(&head, &end->hash);
    MUST(is_right);
    head_set(world, end->next_offset, &end->hash);
    MUST(end->next_offset == world->count ||
         (world->is_damaged && world->events[end->next_offset].begins_batch));
    world->count = (size_t)end->next_offset;
}

/* -- what comes behind it -------------------------------------------------- */

static void
event_add(struct world *world, const struct seglog_slice *slice, bool is_first)
{
    struct event *event = &world->events[world->count];
    const struct head before = head_at(world, world->count);

    *event = (struct event){
        .bytes = (const uint8_t *)slice->data,
        .len = slice->len,
        .begins_batch = is_first,
        .head = { .is_lost = before.is_lost },
    };
    slg_chain_hash(world->options.chain, &before.hash, SLG_CHAIN_KIND_RECORD,
                   slice->data, slice->len, &event->head.hash);
    world->count++;
}

void
events_follow(struct world *world, const struct seglog_slice *slices,
              size_t count, const struct seglog_stream_end *end)
{
    const size_t before = (size_t)end->next_offset - count;
    struct head head;
    bool is_right = false;

    MUST(end->next_offset >= count && before <= world->count &&
         before >= world->begin);
    MUST(before == world->count ||
         (world->is_damaged && world->events[before].begins_batch));
    for (size_t n = 0; !is_right && head_choose(world, before, n, &head); n++) {
        world->count = before;
        if (before > 0)
            world->events[before - 1].head = head;
        for (size_t i = 0; i < count; i++)
            event_add(world, &slices[i], i == 0);
        head = head_at(world, world->count);
        is_right = head_may_be(&head, &end->hash);
    }
    MUST(is_right);
    head_set(world, world->count, &end->hash);
}

/* Its own hash, without the tombstones behind it. */
static struct seglog_chain_hash
hash_of(const struct world *world, uint64_t offset)
{
    for (size_t i = 0; i < world->mark_count; i++) {
        if (world->marks[i].at == offset + 1)
            return world->marks[i].before.hash;
    }
    return world->events[offset].head.hash;
}

void
mark_follow(struct world *world, uint64_t offset,
            const struct seglog_stream_end *end)
{
    const struct slg_tombstone tombstone = {
        .algorithm = (uint8_t)world->options.chain,
        .number = offset + 1,
        .before = head_at(world, offset).hash,
        .hash = hash_of(world, offset),
    };
    const struct head before = head_at(world, end->next_offset);
    uint8_t payload[SLG_TOMBSTONE_PAYLOAD_MAX];
    struct seglog_chain_hash head;

    slg_chain_hash(world->options.chain, &before.hash, SLG_CHAIN_KIND_TOMBSTONE,
                   payload, slg_tombstone_payload(&tombstone, payload), &head);
    MUST(end->next_offset == world->count || world->is_damaged);
    MUST(world->is_damaged || slg_chain_hash_is_same(&head, &end->hash));
    world->count = (size_t)end->next_offset;
    world->marks[world->mark_count++] =
        (struct mark){ .at = end->next_offset, .before = before };
    head_set(world, world->count, &end->hash);
    world->events[offset].is_marked = true;
}

void
heads_lose(struct world *world, uint64_t from,
           const struct seglog_stream_end *end)
{
    for (uint64_t i = from; i < world->count; i++)
        world->events[i].head.is_lost = true;
    for (size_t i = 0; i < world->mark_count; i++) {
        if (world->marks[i].at > from || from == 0)
            world->marks[i].before.is_lost = true;
    }
    world->count = (size_t)end->next_offset;
    head_set(world, world->count, &end->hash);
}
