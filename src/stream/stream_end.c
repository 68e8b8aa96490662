/* SPDX-License-Identifier: MIT */
/* src/stream/stream_end.c - where a stream ends, and what is known of it. */
#include <string.h>

#include "src/segment/segment_chain_reader.h"
#include "src/store/fail.h"
#include "src/stream/stream_attributes.h"
#include "src/stream/stream_slot.h"

/* So often may the last segment be gone when it is opened. */
#define GONE_MAX 64u

/* -- the end --------------------------------------------------------------- */

seglog_code
slg_stream_ask(struct slg_streams *streams, uint64_t stream,
               struct slg_request *request)
{
    struct slg_slot *slot = NULL;
    seglog_code code = slg_slot_take(streams, stream, &slot, request->err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_slot_ask(slot, request);
    if (code == SEGLOG_OK && request->serial > 0)
        code = slg_slot_sync(slot, request);
    slg_slot_give(slot);
    return code;
}

/* What is read from the last checkpoint of a segment on. */
struct tail {
    struct seglog_stream_end end;
    bool is_known;
    uint64_t checkpoint; /* offset of the last one; of the segment, if none */
};

static seglog_code
tail_read(struct slg_chain_reader *reader, const char *name,
          const struct slg_stream_part *part, struct tail *tail,
          struct seglog_error *err)
{
    struct slg_place place = { .name = name };
    struct slg_chain_reader_state state;
    struct slg_chain_event event;
    bool is_behind_records = false;
    bool may_lack_tombstone = false;
    seglog_code code = slg_chain_reader_seek(reader, INT64_MAX, err);

    /* Of nothing but a header, where events are before it. */
    tail->is_known = part->offset == 0;
    while (code == SEGLOG_OK) {
        code = slg_chain_reader_next(reader, &event, err);
        if (code != SEGLOG_OK)
            break;
        /* A salvaging reader passes over what cannot be read just now. */
        if (event.type == SLG_CHAIN_EVENT_GAP &&
            event.finding.verdict == SEGLOG_VERDICT_IO) {
            place.offset = event.finding.first_byte;
            return slg_fail(err, SEGLOG_IO, &place,
                            "the end of the stream cannot be read");
        }
        if (event.type == SLG_CHAIN_EVENT_HEAD)
            may_lack_tombstone = false;
        may_lack_tombstone |=
            slg_chain_event_may_hide_tombstone(&event, is_behind_records);
        is_behind_records |= event.type == SLG_CHAIN_EVENT_RECORD ||
                             event.number > part->offset + 1;
        tail->is_known = event.is_known && !may_lack_tombstone;
        tail->end.hash = event.hash;
        if (event.type == SLG_CHAIN_EVENT_HEAD && event.is_checkpoint)
            tail->checkpoint = event.number - 1;
    }
    slg_chain_reader_get_state(reader, &state);
    tail->end.next_offset = state.next_record - 1;
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/*
 * Of the last segment, without changing anything.  Damage that has cost no
 * record keeps nobody from appending (SPEC.md 16.4), and so not from this.
 */
static seglog_code
tail_find(const struct slg_streams *streams, uint64_t stream, struct tail *tail,
          struct slg_stream_parts *parts, struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    struct slg_chain_reader *reader = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    seglog_code code =
        slg_stream_parts_list(streams->store, stream, parts, err);

    *tail = (struct tail){ .is_known = true };
    if (code != SEGLOG_OK || parts->count == 0)
        return code;
    slg_stream_part_name(stream, slg_stream_parts_last(parts), name);
    tail->checkpoint = slg_stream_parts_last(parts)->offset;
    code = slg_chain_reader_open(streams->store, name, &options, &reader, err);
    if (code != SEGLOG_OK)
        return code;
    code = tail_read(reader, name, slg_stream_parts_last(parts), tail, err);
    slg_chain_reader_close(reader);
    if (code == SEGLOG_OK && !tail->is_known)
        code = slg_fail(err, SEGLOG_CORRUPT, &place,
                        "the head of the stream is not known, because of "
                        "damage in front of its end");
    return code;
}

/* The same; merged with others meanwhile, it has another name. */
static seglog_code
tail_find_any(const struct slg_streams *streams, uint64_t stream,
              struct tail *tail, struct slg_stream_parts *parts,
              struct seglog_error *err)
{
    struct seglog_error local;
    seglog_code code = SEGLOG_NOT_FOUND;

    for (unsigned i = 0; i < GONE_MAX && code == SEGLOG_NOT_FOUND; i++)
        code = tail_find(streams, stream, tail, parts, &local);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

seglog_code
slg_stream_end_read(const struct slg_streams *streams, uint64_t stream,
                    struct seglog_stream_end *end, struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    struct tail tail;
    const seglog_code code = tail_find_any(streams, stream, &tail, &parts, err);

    slg_stream_parts_reset(&parts);
    if (code == SEGLOG_OK)
        *end = tail.end;
    return code;
}

seglog_code
slg_stream_latest(struct slg_streams *streams, uint64_t stream,
                  struct seglog_stream_end *end, struct seglog_error *err)
{
    struct slg_request look = { .kind = SLG_REQUEST_LOOK, .err = err };
    seglog_code code = SEGLOG_OK;

    if (streams->options.is_read_only)
        return slg_stream_end_read(streams, stream, end, err);
    code = slg_stream_ask(streams, stream, &look);
    if (code == SEGLOG_OK)
        *end = look.end;
    return code;
}

/* -- what is known of it --------------------------------------------------- */

/* Of all segments: how many are sealed, and what they take. */
static seglog_code
parts_add_up(const struct slg_streams *streams, uint64_t stream,
             const struct slg_stream_parts *parts,
             struct seglog_stream_info *info, struct seglog_error *err)
{
    for (size_t i = 0; i < parts->count; i++) {
        struct seglog_scan_summary summary;
        char name[SEGLOG_STREAM_NAME_CAP];
        const seglog_code code = seglog_segment_get_summary(
            streams->store,
            slg_stream_part_name(stream, &parts->parts[i], name), &summary,
            err);

        if (code != SEGLOG_OK)
            return code;
        info->bytes += summary.bytes;
        info->sealed += (summary.features_refuse & SLG_REFUSE_SEALED) != 0;
    }
    info->segments = parts->count;
    return SEGLOG_OK;
}

static seglog_code
info_fill(const struct slg_streams *streams, uint64_t stream,
          const struct slg_stream_parts *parts, struct seglog_stream_info *info,
          struct seglog_error *err)
{
    struct slg_stream_attributes attributes;
    char name[SEGLOG_STREAM_NAME_CAP];
    bool is_there = false;
    seglog_code code = slg_stream_attributes_read(
        streams->store,
        slg_stream_part_name(stream, slg_stream_parts_last(parts), name),
        stream, &attributes, &is_there, err);

    if (code == SEGLOG_OK && is_there) {
        memcpy(info->identity, attributes.identity, sizeof info->identity);
        info->chain = attributes.chain;
    }
    return code == SEGLOG_OK ? parts_add_up(streams, stream, parts, info, err)
                             : code;
}

static seglog_code
info_find(const struct slg_streams *streams, uint64_t stream,
          struct slg_stream_parts *parts, struct seglog_stream_info *info,
          struct seglog_error *err)
{
    struct tail tail;
    seglog_code code = tail_find_any(streams, stream, &tail, parts, err);

    if (code == SEGLOG_OK && parts->count == 0)
        code = slg_stream_fail_missing(stream, err);
    if (code != SEGLOG_OK)
        return code;
    *info = (struct seglog_stream_info){ .begin = parts->begin.offset,
                                         .end = tail.end,
                                         .checkpoint = tail.checkpoint };
    return info_fill(streams, stream, parts, info, err);
}

seglog_code
seglog_stream_get_info(struct seglog_streams streams, uint64_t stream,
                       struct seglog_stream_info *info,
                       struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    struct slg_streams *own = NULL;
    struct seglog_error local;
    seglog_code code = slg_streams_of(streams, &own, err);

    if (code != SEGLOG_OK)
        return code;
    if (!info)
        return slg_fail(err, SEGLOG_INVALID, NULL, "info is NULL");
    *info = (struct seglog_stream_info){ 0 };
    /* A segment may go meanwhile, merged with others. */
    for (unsigned i = 0; i < GONE_MAX; i++) {
        code = info_find(own, stream, &parts, info, &local);
        if (code != SEGLOG_NOT_FOUND || parts.count == 0)
            break;
    }
    slg_stream_parts_reset(&parts);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

static seglog_code
segment_find(const struct slg_streams *streams, uint64_t stream,
             uint64_t offset, struct slg_stream_parts *parts,
             struct slg_stream_part *part, struct seglog_error *err)
{
    const struct slg_place place = { .record_no = offset + 1,
                                     .offset = SEGLOG_NO_OFFSET };
    const struct slg_stream_part *found = NULL;
    struct tail tail = { .is_known = false };
    seglog_code code =
        slg_stream_parts_list(streams->store, stream, parts, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_stream_parts_check(parts, offset, err);
    if (code != SEGLOG_OK)
        return code;
    found = slg_stream_parts_find(parts, offset);
    if (found && found == slg_stream_parts_last(parts))
        code = tail_find_any(streams, stream, &tail, parts, err);
    if (code != SEGLOG_OK)
        return code;
    found = slg_stream_parts_find(parts, offset);
    if (!found || (found == slg_stream_parts_last(parts) &&
                   offset >= tail.end.next_offset))
        return slg_fail(err, SEGLOG_NOT_FOUND, &place,
                        "there is no such event in the stream");
    *part = *found;
    return SEGLOG_OK;
}

seglog_code
seglog_stream_find_segment(struct seglog_streams streams, uint64_t stream,
                           uint64_t offset, char name[SEGLOG_STREAM_NAME_CAP],
                           uint32_t *number, struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    struct slg_stream_part part = { 0 };
    struct slg_streams *own = NULL;
    seglog_code code = slg_streams_of(streams, &own, err);

    if (code != SEGLOG_OK)
        return code;
    if (!name)
        return slg_fail(err, SEGLOG_INVALID, NULL, "name is NULL");
    code = segment_find(own, stream, offset, &parts, &part, err);
    slg_stream_parts_reset(&parts);
    if (code != SEGLOG_OK)
        return code;
    slg_stream_part_name(stream, &part, name);
    if (number)
        *number = part.first;
    return SEGLOG_OK;
}
