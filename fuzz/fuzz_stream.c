/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_stream.c - streams against an array of events.
 *
 * Byte 0 of the input says how streams are made, the others what is done with
 * one of them, by two handles in turns: append, expecting right or wrong, read,
 * verify, rotate, make checkpoints, mark, compact, trim, close and open again,
 * change a byte of a segment, mend.
 *
 * As long as no byte was changed everything is what the array says.  After
 * that an event is what it was or is not told, and so is the head; and what was
 * mended takes events again.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/stream_world.h"
#include "src/stream/stream_names.h"

/* -- damage ---------------------------------------------------------------- */

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
        if ((what >> 4 & 7) < 6)
            must_be_done(world, seglog_stream_rotate(streams, STREAM, NULL));
        else
            trim(world, streams, from);
        return;
    case 11:
        if ((what >> 4 & 7) < 5)
            must_be_done(world, seglog_stream_make_checkpoint(streams, STREAM,
                                                              NULL, NULL));
        else
            mend(world, streams, what >> 4 & 7);
        return;
    case 12:
        if ((what >> 4 & 7) < 6) {
            handle_close(world, which);
            handle_open(world, which);
        } else {
            verify(world, streams, from);
        }
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

/* Who only reads knows no more than what stands there, and changes nothing: what
 * it takes for torn others may go on behind. */
static void
reader_look(struct world *world)
{
    static struct world saved;
    struct seglog_stream_options options = world->options;
    struct seglog_streams streams;

    saved = *world;
    options.is_read_only = true;
    MUST(seglog_streams_open(world->store, &options, &streams, NULL) ==
         SEGLOG_OK);
    end_ask(world, streams);
    read_any(world, streams, world->begin, UINT64_MAX);
    verify(world, streams, world->count);
    MUST(seglog_streams_close(&streams, NULL) == SEGLOG_OK);
    *world = saved;
}

static void
all_look(struct world *world)
{
    reader_look(world);
    end_ask(world, world->handles[1]);
    for (uint64_t i = 0; i < world->count; i += 1 + world->count / 16)
        read_any(world, world->handles[0], i, 1);
    read_any(world, world->handles[0], world->begin, UINT64_MAX);
    verify(world, world->handles[0], world->count);
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
    all_look(&world);
    if (world.is_damaged) {
        mend(&world, world.handles[0], (unsigned)size);
        all_look(&world);
    }
    handle_close(&world, 0);
    handle_close(&world, 1);
    seglog_store_close(&world.store);
    return 0;
}
