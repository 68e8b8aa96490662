/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_trim.c - trim: the first segments go.
 *
 * No tombstone that is needed goes with them: one stands behind the event that
 * it names, in the same segment or in a later one (SPEC.md 16.5), so that those
 * in a segment that goes name events that go as well.
 */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/stream/stream_trim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/segment/segment_chain_reader.h"
#include "src/store/fail.h"
#include "src/store/name.h"
#include "src/stream/stream_attributes.h"
#include "src/stream/stream_compact.h"
#include "src/stream/stream_slot.h"

/* -- what is removed ------------------------------------------------------- */

struct removal {
    uint64_t stream;
    uint32_t number; /* of the first segment that stays */
    struct slg_name_list names;
    bool has_no_memory;
};

/* A segment in front of the beginning, or what lies beside one; what was set
 * aside (NAME.damaged) is not ours. */
static bool
name_goes(const struct removal *removal, const char *name)
{
    char segment[SEGLOG_STREAM_NAME_CAP];
    struct slg_stream_part part;
    uint64_t stream = 0;

    if (!slg_stream_part_parse(name, &stream, &part)) {
        const char *suffix = slg_stream_name_split(name, segment);

        if (!suffix || !slg_stream_part_parse(segment, &stream, &part) ||
            (strcmp(suffix, ".torn") != 0 && strcmp(suffix, ".new") != 0 &&
             strcmp(suffix, ".sealing") != 0))
            return false;
    }
    return stream == removal->stream && part.last < removal->number;
}

static bool
name_take(void *arg, const char *name)
{
    struct removal *removal = arg;

    removal->has_no_memory =
        name_goes(removal, name) &&
        slg_name_list_add(&removal->names, name, NULL) != SEGLOG_OK;
    return !removal->has_no_memory;
}

static seglog_code
name_remove(const struct slg_streams *streams, const char *name,
            struct seglog_stream_trimmed *result, struct seglog_error *err)
{
    struct seglog_blob_info info = { .size = 0 };
    struct slg_stream_part part;
    uint64_t stream = 0;
    const bool is_segment = slg_stream_part_parse(name, &stream, &part);
    seglog_code code = seglog_store_get_info(streams->store, name, &info, err);

    if (code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (code != SEGLOG_OK)
        return code;
    if (is_segment)
        code = slg_stream_part_remove(streams, name, err);
    else if (slg_name_has_suffix(name, ".sealing"))
        code = slg_stream_sealing_remove(streams, name, err);
    else
        code = slg_stream_blob_remove(streams->store, name, err);
    if (code != SEGLOG_OK)
        return code;
    result->segments += is_segment;
    result->bytes += info.size;
    return SEGLOG_OK;
}

/* In the order of their numbers: what is left at any time is the end of it. */
seglog_code
slg_stream_trim_finish(const struct slg_streams *streams, uint64_t stream,
                       const struct slg_stream_begin *begin,
                       struct seglog_stream_trimmed *result,
                       struct seglog_error *err)
{
    struct removal removal = { .stream = stream, .number = begin->number };
    char prefix[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    if (!begin->is_there)
        return SEGLOG_OK;
    (void)snprintf(prefix, sizeof prefix, "stream.%" PRIu64 ".", stream);
    code = seglog_store_list(streams->store, prefix, name_take, &removal, err);
    if (code == SEGLOG_OK && removal.has_no_memory)
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the names of a stream");
    for (size_t i = 0; i < removal.names.count && code == SEGLOG_OK; i++)
        code = name_remove(streams, removal.names.names[i], result, err);
    slg_name_list_reset(&removal.names);
    return code;
}

/* -- the new beginning ----------------------------------------------------- */

/* The head that a segment begins with. */
static seglog_code
head_look(const struct slg_streams *streams, uint64_t stream,
          const struct slg_stream_part *part, struct slg_stream_begin *begin,
          struct seglog_error *err)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    const struct slg_place place = {
        .name = slg_stream_part_name(stream, part, name),
        .record_no = part->offset + 1,
        .offset = SEGLOG_NO_OFFSET,
    };
    struct slg_chain_reader *reader = NULL;
    bool is_found = false;
    seglog_code code =
        slg_chain_reader_open(streams->store, name, NULL, &reader, err);

    while (code == SEGLOG_OK && !is_found) {
        struct slg_chain_event event;

        code = slg_chain_reader_next(reader, &event, err);
        if (code != SEGLOG_OK || event.number != part->offset + 1 ||
            event.type == SLG_CHAIN_EVENT_RECORD)
            break;
        is_found = event.type == SLG_CHAIN_EVENT_HEAD;
        begin->hash = event.hash;
        begin->chain = (enum seglog_chain)event.head.algorithm;
    }
    slg_chain_reader_close(reader);
    if (is_found || (code != SEGLOG_OK && code != SEGLOG_END))
        return code;
    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "the head that it begins with is damaged: the stream "
                    "cannot begin there");
}

/* A tombstone behind the last event; damage may hide one.  A salvaging reader
 * passes over what cannot be read just now, too. */
static seglog_code
other_take(const struct slg_chain_event *event, const char *name,
           struct slg_stream_begin *begin, struct seglog_error *err)
{
    const struct seglog_finding *finding = &event->finding;
    const struct slg_place place = { .name = name,
                                     .offset = finding->first_byte };

    if (event->type == SLG_CHAIN_EVENT_TOMBSTONE)
        begin->has_others |= event->number == begin->offset + 1;
    if (event->type != SLG_CHAIN_EVENT_GAP || finding->is_recorded)
        return SEGLOG_OK;
    begin->has_others = true;
    return finding->verdict == SEGLOG_VERDICT_IO
               ? slg_fail(err, SEGLOG_IO, &place, "it cannot be read")
               : SEGLOG_OK;
}

/* Has the stream had other heads at its end, in front of tombstones? */
static seglog_code
others_look(const struct slg_streams *streams, uint64_t stream,
            const struct slg_stream_part *before,
            struct slg_stream_begin *begin, struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    struct slg_chain_reader *reader = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = slg_chain_reader_open(
        streams->store, slg_stream_part_name(stream, before, name), &options,
        &reader, err);

    if (code == SEGLOG_OK)
        code = slg_chain_reader_seek(reader, begin->offset, err);
    while (code == SEGLOG_OK) {
        struct slg_chain_event event;

        code = slg_chain_reader_next(reader, &event, err);
        if (code == SEGLOG_OK)
            code = other_take(&event, name, begin, err);
    }
    slg_chain_reader_close(reader);
    if (code == SEGLOG_CORRUPT || code == SEGLOG_INVALID ||
        code == SEGLOG_AUTH || code == SEGLOG_FORMAT)
        begin->has_others = true;
    else if (code != SEGLOG_END)
        return code;
    return SEGLOG_OK;
}

static seglog_code
begin_look(const struct slg_streams *streams, uint64_t stream,
           const struct slg_stream_parts *parts, size_t at,
           struct slg_stream_begin *begin, struct seglog_error *err)
{
    const struct slg_stream_part *part = &parts->parts[at];
    const struct slg_stream_parts left = { .parts = parts->parts + at,
                                           .count = parts->count - at };
    struct slg_stream_attributes attributes;
    bool is_there = false;
    seglog_code code = SEGLOG_OK;

    *begin = (struct slg_stream_begin){ .is_there = true,
                                        .number = part->first,
                                        .offset = part->offset };
    code = head_look(streams, stream, part, begin, err);
    if (code == SEGLOG_OK)
        code = others_look(streams, stream, part - 1, begin, err);
    if (code == SEGLOG_OK)
        code = slg_stream_attributes_find(streams->store, stream, &left,
                                          &attributes, &is_there, err);
    if (code == SEGLOG_OK && is_there)
        memcpy(begin->identity, attributes.identity, sizeof begin->identity);
    return code;
}

/* -- trimming -------------------------------------------------------------- */

/* The first that stays: it has an event that is not before the offset, or it
 * is the one that grows. */
static size_t
first_find(const struct slg_stream_parts *parts, uint64_t before_offset)
{
    size_t at = 0;

    while (at + 1 < parts->count &&
           parts->parts[at + 1].offset <= before_offset)
        at++;
    return at;
}

/*
 * What stays is on the device, its name as well, before it is said to be all
 * that there is; and that is there before anything goes.
 */
static seglog_code
begin_move(const struct slg_streams *streams, uint64_t stream,
           struct slg_stream_parts *parts, size_t at, struct seglog_error *err)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    struct slg_stream_begin begin;
    seglog_code code = begin_look(streams, stream, parts, at, &begin, err);

    if (code == SEGLOG_OK)
        code = slg_stream_blob_sync(
            streams->store,
            slg_stream_part_name(stream, &parts->parts[at], name), err);
    if (code == SEGLOG_OK)
        code = slg_stream_begin_put(streams->store, stream, &begin, err);
    if (code == SEGLOG_OK)
        parts->begin = begin;
    return code;
}

/* Nothing that goes is gone when it is done. */
static seglog_code
begin_find(const struct slg_streams *streams, uint64_t stream,
           const struct slg_trim_limit *limit, struct slg_stream_parts *parts,
           struct seglog_error *err)
{
    uint64_t before_offset = 0;
    seglog_code code = limit->find(limit->arg, &before_offset, err);
    size_t at = 0;

    if (code != SEGLOG_OK)
        return code;
    at = first_find(parts, before_offset);
    if (at > 0)
        code = begin_move(streams, stream, parts, at, err);
    return limit->done ? limit->done(limit->arg, code, parts->begin.offset, err)
                       : code;
}

static seglog_code
locked_trim(const struct slg_streams *streams, uint64_t stream,
            const struct slg_trim_limit *limit,
            struct seglog_stream_trimmed *result, struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    seglog_code code =
        slg_stream_parts_list(streams->store, stream, &parts, err);

    if (code == SEGLOG_OK && parts.count == 0)
        code = slg_stream_fail_missing(stream, err);
    if (code == SEGLOG_OK)
        code = begin_find(streams, stream, limit, &parts, err);
    result->begin = parts.begin.offset;
    if (code == SEGLOG_OK)
        code =
            slg_stream_trim_finish(streams, stream, &parts.begin, result, err);
    slg_stream_parts_reset(&parts);
    return code;
}

/* Compaction holds the same lock. */
static seglog_code
trim_run(const struct slg_streams *streams, uint64_t stream,
         const struct slg_trim_limit *limit,
         struct seglog_stream_trimmed *result, struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    char name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(name, sizeof name, "stream.%" PRIu64, stream);
    code = seglog_lock_open(streams->store, name, &lock, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(lock, streams->options.lock_timeout_ms, err);
    if (code == SEGLOG_OK) {
        code = locked_trim(streams, stream, limit, result, err);
        (void)seglog_lock_discard(lock, NULL);
        (void)seglog_lock_release(lock, NULL);
    }
    seglog_lock_close(&lock);
    return code;
}

/* Whoever reads by this handle sees it at once. */
static seglog_code
readers_forget(struct slg_streams *streams, uint64_t stream,
               struct seglog_error *err)
{
    struct slg_slot *slot = NULL;
    const seglog_code code = slg_slot_take(streams, stream, &slot, err);

    if (code != SEGLOG_OK)
        return code;
    slg_readers_forget(&slot->readers);
    slg_slot_give(slot);
    return SEGLOG_OK;
}

seglog_code
slg_stream_trim(struct slg_streams *streams, uint64_t stream,
                const struct slg_trim_limit *limit,
                struct seglog_stream_trimmed *result, struct seglog_error *err)
{
    seglog_code code = slg_streams_check_writable(streams, err);

    if (code == SEGLOG_OK)
        code = trim_run(streams, stream, limit, result, err);
    return code == SEGLOG_OK ? readers_forget(streams, stream, err) : code;
}

static seglog_code
offset_find(void *arg, uint64_t *before_offset, struct seglog_error *err)
{
    (void)err;
    *before_offset = *(const uint64_t *)arg;
    return SEGLOG_OK;
}

seglog_code
seglog_stream_trim(struct seglog_streams streams, uint64_t stream,
                   uint64_t before_offset, struct seglog_stream_trimmed *result,
                   struct seglog_error *err)
{
    const struct slg_trim_limit limit = { .arg = &before_offset,
                                          .find = offset_find };
    struct seglog_stream_trimmed trimmed = { 0 };
    struct slg_streams *own = NULL;
    seglog_code code = slg_streams_of(streams, &own, err);

    if (code == SEGLOG_OK)
        code = slg_stream_trim(own, stream, &limit, &trimmed, err);
    if (result)
        *result = trimmed;
    return code;
}
