/* SPDX-License-Identifier: MIT */
/* src/stream/stream_scrub_place.c - where the scrubber is, in scrub.seg. */
#include <string.h>

#include "format/bytes.h"
#include "src/store/deadline.h"
#include "src/stream/stream_attributes.h"
#include "src/stream/stream_names.h"
#include "src/stream/stream_scrub.h"
#include "src/stream/stream_single.h"

#define PLACE_BYTES 56u
#define PLACE_MAX   (PLACE_BYTES + SEGLOG_LANE_NAME_CAP)

static const uint8_t MAGIC[8] = { 'P', '1' };

/* -- as bytes -------------------------------------------------------------- */

static size_t
place_encode(const struct slg_scrub_place *place, uint8_t out[PLACE_MAX])
{
    const size_t len = strlen(place->lane);

    memcpy(out, MAGIC, sizeof MAGIC);
    slg_store_le64(out + 8, place->tours);
    slg_store_le64(out + 16, place->stream);
    slg_store_le64(out + 24, place->offset);
    slg_store_le64(out + 32, place->findings);
    memcpy(out + 40, place->identity, sizeof place->identity);
    memcpy(out + PLACE_BYTES, place->lane, len);
    return PLACE_BYTES + len;
}

/* Of a lane; false: it is none. */
static bool
name_decode(const uint8_t *in, size_t len, char name[SEGLOG_LANE_NAME_CAP])
{
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane;

    if (len >= SEGLOG_LANE_NAME_CAP)
        return false;
    memcpy(name, in, len);
    name[len] = '\0';
    return len == 0 || (strlen(name) == len &&
                        seglog_lane_parse(name, &session, &segment, &lane));
}

static bool
place_decode(const uint8_t *in, size_t len, struct slg_scrub_place *place)
{
    if (len < PLACE_BYTES || memcmp(in, MAGIC, sizeof MAGIC) != 0 ||
        !name_decode(in + PLACE_BYTES, len - PLACE_BYTES, place->lane))
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
    uint8_t bytes[PLACE_MAX];
    size_t len = sizeof bytes;

    return slg_single_read(store, SLG_SCRUB_NAME, bytes, &len, NULL) ==
               SEGLOG_OK &&
           place_decode(bytes, len, place);
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
place_put(struct seglog_store store, const struct slg_scrub_place *place,
          struct seglog_error *err)
{
    uint8_t bytes[PLACE_MAX];
    const size_t len = place_encode(place, bytes);

    return slg_single_put(store, SLG_SCRUB_NAME, bytes, len, err);
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
