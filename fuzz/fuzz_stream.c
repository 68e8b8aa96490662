/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_stream.c - streams against an array of events.
 *
 * Byte 0 of the input says how streams are made, the others what is done with
 * one of them, by two handles in turns: append, expecting right or wrong, read,
 * rotate, make checkpoints, mark, compact, close and open again, change a byte
 * of a segment.
 *
 * As long as no byte was changed everything is what the array says.  After
 * that an event is what it was or is not told, and so is the head.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "seglog/stream.h"
#include "src/segment/segment_chain.h"
#include "src/stream/stream_names.h"

#define STREAM     3u
#define EVENTS_MAX 600u
#define BATCH_MAX  12u
#define MARKS_MAX  64u

struct event {
    const uint8_t *bytes; /* of the input */
    size_t len;
    bool begins_batch;
    bool is_marked;
    bool is_dropped;
    struct seglog_chain_hash head; /* behind the tombstones that follow it */
};

struct mark {
    uint64_t at; /* events in front of it */
    struct seglog_chain_hash before;
};

struct world {
    struct input input;
    struct seglog_store store;
    struct seglog_stream_options options;
    struct seglog_streams handles[2];
    struct event events[EVENTS_MAX];
    size_t count;
    struct mark marks[MARKS_MAX];
    size_t mark_count;
    bool is_damaged;
};

static struct seglog_chain_hash
head_at(const struct world *world, uint64_t count)
{
    static const struct seglog_chain_hash none;

    return count == 0 ? none : world->events[count - 1].head;
}

static void
event_add(struct world *world, const struct seglog_slice *slice, bool is_first)
{
    struct event *event = &world->events[world->count];
    const struct seglog_chain_hash before = head_at(world, world->count);

    event->bytes = (const uint8_t *)slice->data;
    event->len = slice->len;
    event->begins_batch = is_first;
    event->is_marked = false;
    event->is_dropped = false;
    slg_chain_hash(world->options.chain, &before, SLG_CHAIN_KIND_RECORD,
                   slice->data, slice->len, &event->head);
    world->count++;
}

static bool
is_refusal(seglog_code code)
{
    return code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT ||
           code == SEGLOG_READ_ONLY || code == SEGLOG_SEALED ||
           code == SEGLOG_TOO_LARGE || code == SEGLOG_NO_MEMORY ||
           code == SEGLOG_LOCKED;
}

/* -- what is told is right ------------------------------------------------- */

/* Of a damaged one tombstones may have looked torn as well. */
static void
marks_follow(struct world *world, const struct seglog_stream_end *end)
{
    for (size_t i = world->mark_count; world->is_damaged && i > 0; i--) {
        const struct mark *mark = &world->marks[i - 1];

        if (mark->at != end->next_offset ||
            !slg_chain_hash_is_same(&mark->before, &end->hash))
            continue;
        world->events[mark->at - 1].head = end->hash;
        return;
    }
}

/*
 * Where it ends.  Of a damaged one the last batches may have looked torn, and
 * were cut off: they are gone then.
 */
static bool
end_follow(struct world *world, const struct seglog_stream_end *end)
{
    MUST(end->next_offset <= world->count);
    marks_follow(world, end);

    const struct seglog_chain_hash head = head_at(world, end->next_offset);

    MUST(end->next_offset == world->count ||
         (world->is_damaged && world->events[end->next_offset].begins_batch));
    MUST(slg_chain_hash_is_same(&end->hash, &head));
    world->count = (size_t)end->next_offset;
    return true;
}

static void
end_ask(struct world *world, struct seglog_streams streams)
{
    struct seglog_stream_end end;
    const seglog_code code =
        seglog_stream_latest_chain_hash(streams, STREAM, &end, NULL);

    if (code == SEGLOG_OK)
        (void)end_follow(world, &end);
    else
        MUST(world->is_damaged && is_refusal(code));
}

static void
events_must_be(const struct world *world, uint64_t from, uint64_t most,
               const struct seglog_stream_event *events, size_t count)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        const struct event *want = &world->events[from + i];

        MUST(from + i < world->count && events[i].offset == from + i);
        MUST(events[i].is_dropped ? want->is_marked
                                  : !want->is_dropped || world->is_damaged);
        if (events[i].is_dropped) {
            MUST(bytes < most && events[i].data.len == 0);
            continue;
        }
        MUST(events[i].data.len == want->len);
        MUST(want->len == 0 ||
             memcmp(events[i].data.data, want->bytes, want->len) == 0);
        MUST(bytes < most);
        bytes += want->len;
    }
    MUST(world->is_damaged || bytes >= most || from >= world->count ||
         from + count == world->count);
}

static void
read_any(struct world *world, struct seglog_streams streams, uint64_t from,
         uint64_t most)
{
    struct seglog_stream_event *events = NULL;
    size_t count = 0;
    const seglog_code code = seglog_stream_read_from(
        streams, STREAM, from, most, &events, &count, NULL);

    if (code != SEGLOG_OK)
        MUST(world->is_damaged && is_refusal(code) && !events);
    else
        events_must_be(world, from, most, events, count);
    seglog_free(events);
}

/* -- what is done ---------------------------------------------------------- */

static void
append(struct world *world, struct seglog_streams streams, unsigned how)
{
    struct seglog_slice slices[BATCH_MAX];
    const size_t count = 1 + input_byte(&world->input) % BATCH_MAX;
    struct seglog_chain_hash head;
    struct seglog_stream_end end;
    const size_t before = world->count;
    seglog_code code = SEGLOG_OK;

    if (before + count > EVENTS_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = input_byte(&world->input);
        size_t len = byte < 0xF0 ? byte % 32 : (size_t)(byte & 15) << 8;

        slices[i].data = (const char *)input_bytes(&world->input, &len);
        slices[i].len = len;
    }
    head = head_at(world, before);
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
        /* Of a damaged one some may be gone. */
        MUST(end.next_offset >= count &&
             (end.next_offset == before + count || world->is_damaged));
        world->count = (size_t)end.next_offset - count;
        for (size_t i = 0; i < count; i++)
            event_add(world, &slices[i], i == 0);
        MUST(end_follow(world, &end));
    } else if (code == SEGLOG_CONFLICT) {
        MUST(how == 1 || how == 2 || world->is_damaged);
        MUST(end_follow(world, &end));
    } else {
        MUST(world->is_damaged && is_refusal(code));
    }
}

/* Its own hash, without the tombstones behind it. */
static struct seglog_chain_hash
hash_of(const struct world *world, uint64_t offset)
{
    for (size_t i = 0; i < world->mark_count; i++) {
        if (world->marks[i].at == offset + 1)
            return world->marks[i].before;
    }
    return world->events[offset].head;
}

static void
mark_add(struct world *world, uint64_t offset,
         const struct seglog_stream_end *end)
{
    const struct slg_tombstone tombstone = {
        .algorithm = (uint8_t)world->options.chain,
        .number = offset + 1,
        .before = head_at(world, offset),
        .hash = hash_of(world, offset),
    };
    const struct seglog_chain_hash before = head_at(world, end->next_offset);
    uint8_t payload[SLG_TOMBSTONE_PAYLOAD_MAX];
    struct seglog_chain_hash head;

    slg_chain_hash(world->options.chain, &before, SLG_CHAIN_KIND_TOMBSTONE,
                   payload, slg_tombstone_payload(&tombstone, payload), &head);
    MUST(end->next_offset == world->count || world->is_damaged);
    MUST(world->is_damaged || slg_chain_hash_is_same(&head, &end->hash));
    world->count = (size_t)end->next_offset;
    world->marks[world->mark_count++] =
        (struct mark){ .at = end->next_offset, .before = before };
    world->events[world->count - 1].head = end->hash;
    world->events[offset].is_marked = true;
}

static void
mark(struct world *world, struct seglog_streams streams, uint64_t offset)
{
    const bool is_there = offset < world->count;
    struct seglog_stream_end end;
    seglog_code code = SEGLOG_OK;

    if (world->mark_count == MARKS_MAX)
        return;
    code = seglog_stream_tombstone(streams, STREAM, offset, &end, NULL);
    if (code == SEGLOG_OK) {
        MUST(is_there && end.next_offset > offset);
        MUST(!world->events[offset].is_marked || world->is_damaged);
        mark_add(world, offset, &end);
    } else if (code == SEGLOG_EXISTS) {
        MUST(is_there && world->events[offset].is_marked);
    } else if (code == SEGLOG_NOT_FOUND) {
        MUST(!is_there || world->is_damaged);
    } else {
        MUST(world->is_damaged && is_refusal(code));
    }
}

static void
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

/* The n-th segment. */
struct choice {
    unsigned left;
    char name[SEGLOG_STREAM_NAME_CAP];
};

static bool
name_choose(void *arg, const char *name)
{
    struct choice *choice = arg;
    struct slg_stream_part part;
    uint64_t stream = 0;

    if (!slg_stream_part_parse(name, &stream, &part) || choice->left-- > 0)
        return true;
    (void)slg_stream_part_name(stream, &part, choice->name);
    return false;
}

/* In its place: who has it open has it still. */
static void
blob_set(struct seglog_store store, const char *name, const uint8_t *bytes,
         size_t len)
{
    struct seglog_blob blob = { 0 };

    MUST(seglog_blob_open(store, name, SEGLOG_OPEN_WRITE, &blob, NULL) ==
         SEGLOG_OK);
    MUST(seglog_blob_truncate(blob, 0, NULL) == SEGLOG_OK);
    MUST(seglog_blob_append(blob, 0, bytes, len, NULL, NULL) == SEGLOG_OK);
    MUST(seglog_blob_close(&blob, NULL) == SEGLOG_OK);
}

/* One byte of a segment. */
static void
damage(struct world *world)
{
    const uint8_t change = input_byte(&world->input);
    const uint64_t place = input_number(&world->input, 2);
    struct choice choice = { .left = input_byte(&world->input) % 4 };
    uint8_t *bytes = NULL;
    size_t len = 0;

    MUST(seglog_store_list(world->store, "stream.", name_choose, &choice,
                           NULL) == SEGLOG_OK);
    if (choice.name[0] == '\0')
        return;
    bytes = blob_get(world->store, choice.name, &len);
    if (len > 0 && change != 0) {
        bytes[place % len] ^= change;
        blob_set(world->store, choice.name, bytes, len);
        world->is_damaged = true;
    }
    free(bytes);
}

static void
handle_open(struct world *world, unsigned which)
{
    MUST(seglog_streams_open(world->store, &world->options,
                             &world->handles[which], NULL) == SEGLOG_OK);
}

static void
handle_close(struct world *world, unsigned which)
{
    const seglog_code code = seglog_streams_close(&world->handles[which], NULL);

    MUST(code == SEGLOG_OK || world->is_damaged);
}

static void
must_be_done(const struct world *world, seglog_code code)
{
    MUST(code == SEGLOG_OK || (code == SEGLOG_NOT_FOUND && world->count == 0) ||
         (world->is_damaged && is_refusal(code)));
}

static void
step(struct world *world)
{
    const uint8_t what = input_byte(&world->input);
    const unsigned which = what >> 7;
    const struct seglog_streams streams = world->handles[which];
    const uint64_t from =
        world->count > 0 ? input_byte(&world->input) % (world->count + 1) : 0;

    switch (what % 16) {
    default:
        append(world, streams, what % 16 < 6 ? 0 : what % 16 - 5);
        return;
    case 9:
        read_any(world, streams, from, 1 + input_number(&world->input, 2));
        return;
    case 10:
        must_be_done(world, seglog_stream_rotate(streams, STREAM, NULL));
        return;
    case 11:
        must_be_done(
            world, seglog_stream_make_checkpoint(streams, STREAM, NULL, NULL));
        return;
    case 12:
        handle_close(world, which);
        handle_open(world, which);
        return;
    case 13:
        if ((what >> 4 & 7) < 4)
            must_be_done(world, seglog_streams_flush_indexes(streams, NULL));
        else
            mark(world, streams, from);
        return;
    case 14:
        if ((what >> 4 & 7) < 4)
            end_ask(world, streams);
        else
            compact(world, streams, (unsigned)from);
        return;
    case 15:
        damage(world);
        return;
    }
}

static void
options_choose(struct world *world)
{
    static const uint64_t limits[] = { 0, 1, 400, 3000 };
    static const uint64_t checkpoints[] = { 0, 1, 5, 40 };
    const uint8_t how = input_byte(&world->input);

    world->options = (struct seglog_stream_options){
        .size = sizeof world->options,
        .chain = how % 8 == 0 ? SEGLOG_CHAIN_SHA256 : SEGLOG_CHAIN_XXH3,
        .sync_log2 = how % 16 < 8 ? 9 : 0,
        .segment_bytes = limits[how >> 4 & 3],
        .checkpoint_events = checkpoints[how >> 6],
        .codec = how % 8 == 7 ? SEGLOG_CODEC_DEFLATE : SEGLOG_CODEC_NONE,
    };
    if (!slg_chain_is_computable(world->options.chain))
        world->options.chain = SEGLOG_CHAIN_XXH3;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;

    memset(&world, 0, sizeof world);
    world.input = (struct input){ data, size };
    options_choose(&world);
    MUST(seglog_store_memory_open(&world.store, NULL) == SEGLOG_OK);
    handle_open(&world, 0);
    handle_open(&world, 1);
    while (world.input.left > 0)
        step(&world);
    end_ask(&world, world.handles[1]);
    for (uint64_t i = 0; i < world.count; i += 1 + world.count / 16)
        read_any(&world, world.handles[0], i, 1);
    read_any(&world, world.handles[0], 0, UINT64_MAX);
    handle_close(&world, 0);
    handle_close(&world, 1);
    seglog_store_close(&world.store);
    return 0;
}
