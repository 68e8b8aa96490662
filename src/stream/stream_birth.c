/* SPDX-License-Identifier: MIT */
/* src/stream/stream_birth.c - segments come: the first one, and rotation. */
#include "src/stream/stream_birth.h"

#include <stdio.h>
#include <string.h>

#include "src/segment/segment_writer.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/stream/stream_attributes.h"

#define NS_PER_MS 1000000

/* What a new segment begins with. */
struct beginning {
    struct slg_stream_part part;
    struct slg_stream_attributes attributes;
    struct seglog_chain_hash base; /* the head before its first event */
    const struct seglog_predecessor *predecessor; /* NULL: it is the first */
};

static seglog_code
segment_write(const struct slg_streams *streams, const char *name,
              const struct beginning *beginning, struct seglog_error *err)
{
    const struct seglog_stream_options *options = &streams->options;
    uint8_t attributes[SLG_STREAM_ATTRIBUTES_BYTES];
    const struct seglog_writer_options writer_options = {
        .size = sizeof writer_options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        .body_log2 = options->body_log2,
        .sync_log2 = options->sync_log2,
        .first_record = beginning->part.offset + 1,
        .no_closing_mark = true,
        .attributes = attributes,
        .attributes_len = sizeof attributes,
        .codec = options->codec,
        .level = options->level_of_codec,
        .chain = beginning->attributes.chain,
        .chain_base = &beginning->base,
        .predecessor = beginning->predecessor,
    };
    struct seglog_writer *writer = NULL;
    seglog_code code = SEGLOG_OK;
    seglog_code close_code = SEGLOG_OK;

    slg_stream_attributes_encode(&beginning->attributes, attributes);
    code =
        seglog_writer_open(streams->store, name, &writer_options, &writer, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_writer_sync(writer, err);
    close_code = seglog_writer_close(writer, code == SEGLOG_OK ? err : NULL);
    return code == SEGLOG_OK ? close_code : code;
}

/* The lock that keeps others from making the same is held. */
static seglog_code
segment_put(const struct slg_streams *streams,
            const struct beginning *beginning, struct seglog_error *err)
{
    const struct seglog_store store = streams->store;
    char name[SEGLOG_STREAM_NAME_CAP];
    char new_name[SEGLOG_STREAM_NAME_CAP + sizeof ".new"];
    seglog_code code = SEGLOG_OK;

    slg_stream_part_name(beginning->attributes.stream, &beginning->part, name);
    (void)snprintf(new_name, sizeof new_name, "%s.new", name);
    /* What somebody left who died while making it. */
    code = slg_stream_blob_remove(store, new_name, err);
    if (code != SEGLOG_OK)
        return code;
    code = segment_write(streams, new_name, beginning, err);
    if (code == SEGLOG_OK) {
        code = seglog_store_replace(store, new_name, name, err);
        /* It may have been done all the same: nobody has appended to it, for
         * that takes the lock that is held. */
        if (code != SEGLOG_OK)
            (void)slg_stream_blob_remove(store, name, NULL);
    }
    if (code != SEGLOG_OK)
        (void)slg_stream_blob_remove(store, new_name, NULL);
    return code;
}

static int64_t
now_ms(void)
{
    return slg_wall_clock_ns() / NS_PER_MS;
}

/* -- the first one --------------------------------------------------------- */

static seglog_code
identity_mint(uint8_t identity[SEGLOG_IDENTITY_BYTES], struct seglog_error *err)
{
    if (slg_writer_random(identity, SEGLOG_IDENTITY_BYTES))
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_IO, NULL,
                    "the system gives no random bytes for a new stream");
}

static seglog_code
first_put(const struct slg_streams *streams, uint64_t stream,
          struct seglog_error *err)
{
    struct beginning beginning = {
        .attributes = { .chain = streams->options.chain,
                        .stream = stream,
                        .created_ms = now_ms() },
    };
    struct slg_stream_parts parts = { 0 };
    seglog_code code =
        slg_stream_parts_list(streams->store, stream, &parts, err);
    const bool is_there = parts.count > 0;

    slg_stream_parts_reset(&parts);
    if (code != SEGLOG_OK || is_there)
        return code;
    code = identity_mint(beginning.attributes.identity, err);
    return code == SEGLOG_OK ? segment_put(streams, &beginning, err) : code;
}

seglog_code
slg_stream_begin(struct slg_streams *streams, uint64_t stream,
                 struct seglog_error *err)
{
    const struct slg_stream_part first = { 0 };
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_lock lock = { 0 };
    seglog_code code = seglog_lock_open(
        streams->store, slg_stream_part_name(stream, &first, name), &lock, err);

    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(lock, streams->options.lock_timeout_ms, err);
    if (code == SEGLOG_OK) {
        code = first_put(streams, stream, err);
        (void)seglog_lock_release(lock, NULL);
    }
    seglog_lock_close(&lock);
    return code;
}

/* -- the next one ---------------------------------------------------------- */

/* What all segments of the stream say of it.  Where this one does not say it
 * any more, earlier ones do. */
static seglog_code
attributes_find(const struct slg_slot *slot,
                struct slg_stream_attributes *attributes,
                struct seglog_error *err)
{
    const struct seglog_store store = slot->streams->store;
    struct slg_stream_parts parts = { 0 };
    bool is_there = false;
    seglog_code code = slg_stream_attributes_read(
        store, slot->name, slot->stream, attributes, &is_there, err);

    if (code != SEGLOG_OK || is_there)
        return code;
    code = slg_stream_parts_list(store, slot->stream, &parts, err);
    if (code == SEGLOG_OK)
        code = slg_stream_attributes_find(store, slot->stream, &parts,
                                          attributes, &is_there, err);
    slg_stream_parts_reset(&parts);
    if (code == SEGLOG_OK && !is_there)
        code = identity_mint(attributes->identity, err);
    return code;
}

static struct seglog_predecessor
predecessor_of(const struct seglog_writer_state *state)
{
    struct seglog_predecessor predecessor = {
        .epoch = state->epoch,
        .number = state->next_record,
        .end = state->end,
        .checksum = state->head.checksum,
    };

    memcpy(predecessor.identity, state->identity, sizeof predecessor.identity);
    return predecessor;
}

seglog_code
slg_slot_make_next(struct slg_slot *slot, struct seglog_error *err)
{
    const struct slg_place place = { .name = slot->name,
                                     .offset = SEGLOG_NO_OFFSET };
    struct beginning beginning = { 0 };
    struct seglog_predecessor predecessor;
    struct seglog_writer_state state;
    seglog_code code = SEGLOG_OK;

    if (slot->part.last == UINT32_MAX)
        return slg_fail(err, SEGLOG_TOO_LARGE, &place,
                        "there are no numbers left for segments");
    /* The old one, whole and marked as ended, before anything follows it. */
    code = slg_writer_make_checkpoint(slot->writer, true, err);
    if (code == SEGLOG_OK)
        code = attributes_find(slot, &beginning.attributes, err);
    if (code != SEGLOG_OK)
        return code;
    seglog_writer_get_state(slot->writer, &state);
    predecessor = predecessor_of(&state);
    beginning.part.first = slot->part.last + 1;
    beginning.part.last = beginning.part.first;
    beginning.part.offset = state.next_record - 1;
    beginning.attributes.chain = state.chain;
    beginning.attributes.stream = slot->stream;
    beginning.attributes.number = beginning.part.first;
    beginning.attributes.created_ms = now_ms();
    beginning.base = state.chain_hash;
    beginning.predecessor = &predecessor;
    return segment_put(slot->streams, &beginning, err);
}
