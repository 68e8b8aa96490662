/* SPDX-License-Identifier: MIT */
/* src/stream/stream_scrub_place.c - where the scrubber is, in scrub.seg. */
#include <string.h>

#include "format/bytes.h"
#include "seglog/segment.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/stream/stream_attributes.h"
#include "src/stream/stream_names.h"
#include "src/stream/stream_scrub.h"

#define NEW_NAME    SLG_SCRUB_NAME ".new"
#define PLACE_BYTES 56u

static const uint8_t MAGIC[8] = { 'P', '1' };

/* -- as bytes -------------------------------------------------------------- */

static void
place_encode(const struct slg_scrub_place *place, uint8_t out[PLACE_BYTES])
{
    memcpy(out, MAGIC, sizeof MAGIC);
    slg_store_le64(out + 8, place->tours);
    slg_store_le64(out + 16, place->stream);
    slg_store_le64(out + 24, place->offset);
    slg_store_le64(out + 32, place->findings);
    memcpy(out + 40, place->identity, sizeof place->identity);
}

static bool
place_decode(const uint8_t *in, size_t len, struct slg_scrub_place *place)
{
    if (len != PLACE_BYTES || memcmp(in, MAGIC, sizeof MAGIC) != 0)
        return false;
    place->tours = slg_load_le64(in + 8);
    place->stream = slg_load_le64(in + 16);
    place->offset = slg_load_le64(in + 24);
    place->findings = slg_load_le64(in + 32);
    memcpy(place->identity, in + 40, sizeof place->identity);
    return place->offset < INT64_MAX;
}

/* -- of which stream ------------------------------------------------------- */

bool
slg_scrub_identity(const struct slg_streams *streams, uint64_t stream,
                   uint8_t identity[SEGLOG_IDENTITY_BYTES])
{
    struct slg_stream_parts parts = { 0 };
    bool is_there = false;

    if (slg_stream_parts_list(streams->store, stream, &parts, NULL) !=
        SEGLOG_OK)
        return false;
    /* One that cannot be read, or is none, keeps no other from saying it. */
    for (size_t i = 0; i < parts.count && !is_there; i++) {
        struct slg_stream_attributes attributes;
        char name[SEGLOG_STREAM_NAME_CAP];

        if (slg_stream_attributes_read(
                streams->store,
                slg_stream_part_name(stream, &parts.parts[i], name), stream,
                &attributes, &is_there, NULL) != SEGLOG_OK)
            is_there = false;
        if (is_there)
            memcpy(identity, attributes.identity, SEGLOG_IDENTITY_BYTES);
    }
    slg_stream_parts_reset(&parts);
    return is_there;
}

/* -- loading --------------------------------------------------------------- */

static bool
place_read(struct seglog_store store, struct slg_scrub_place *place)
{
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    bool is_there = seglog_reader_open(store, SLG_SCRUB_NAME, NULL, &reader,
                                       NULL) == SEGLOG_OK &&
                    seglog_reader_next(reader, &event, NULL) == SEGLOG_OK &&
                    event.type == SEGLOG_EVENT_RECORD &&
                    event.record.kind == SEGLOG_BYTES;

    is_there = is_there &&
               place_decode(event.record.data, event.record.len, place) &&
               seglog_reader_next(reader, &event, NULL) == SEGLOG_END;
    seglog_reader_close(reader);
    return is_there;
}

void
slg_scrub_place_load(struct seglog_scrubber *scrubber)
{
    struct slg_scrub_place place;
    uint8_t identity[SEGLOG_IDENTITY_BYTES];

    scrubber->place = (struct slg_scrub_place){ 0 };
    if (!scrubber->remembers || !place_read(scrubber->store, &place))
        return;
    /* At the beginning of a tour it is at no stream. */
    if ((place.stream > 0 || place.offset > 0) &&
        (!slg_scrub_identity(&scrubber->paced, place.stream, identity) ||
         memcmp(identity, place.identity, sizeof identity) != 0))
        return;
    scrubber->place = place;
}

/* -- saving ---------------------------------------------------------------- */

static seglog_code
place_write(struct seglog_store store, const struct slg_scrub_place *place,
            struct seglog_error *err)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        .body_log2 = 12,
    };
    uint8_t bytes[PLACE_BYTES];
    struct seglog_writer *writer = NULL;
    seglog_code code = SEGLOG_OK;
    seglog_code close_code = SEGLOG_OK;

    place_encode(place, bytes);
    code = seglog_writer_open(store, NEW_NAME, &options, &writer, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_writer_append(writer, SEGLOG_BYTES, bytes, sizeof bytes,
                                SEGLOG_LEVEL_SYNC, NULL, err);
    close_code = seglog_writer_close(writer, code == SEGLOG_OK ? err : NULL);
    return code == SEGLOG_OK ? close_code : code;
}

static seglog_code
place_put(struct seglog_store store, const struct slg_scrub_place *place,
          struct seglog_error *err)
{
    seglog_code code = seglog_store_remove(store, NEW_NAME, err);

    if (code == SEGLOG_OK || code == SEGLOG_NOT_FOUND)
        code = place_write(store, place, err);
    if (code == SEGLOG_OK)
        code = seglog_store_replace(store, NEW_NAME, SLG_SCRUB_NAME, err);
    if (code != SEGLOG_OK)
        (void)!seglog_store_remove(store, NEW_NAME, NULL);
    return code;
}

void
slg_scrub_place_save(struct seglog_scrubber *scrubber)
{
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    scrubber->saved_ns = slg_now_ns();
    if (!scrubber->remembers)
        return;
    code = place_put(scrubber->store, &scrubber->place, &err);
    /* The first that went wrong; what is remembered later is right again. */
    if (code == SEGLOG_OK) {
        scrubber->save_code = SEGLOG_OK;
    } else if (scrubber->save_code == SEGLOG_OK) {
        scrubber->save_code = code;
        scrubber->save_err = err;
    }
}
