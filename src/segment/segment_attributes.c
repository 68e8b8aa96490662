/* SPDX-License-Identifier: MIT */
/* src/segment/segment_attributes.c - SPEC.md 6.5: reading attributes. */
#include "src/segment/segment_attributes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/segment/segment_walk.h"
#include "src/codec/zrun.h"
#include "src/store/fail.h"

/* The frames in front of the first record, one after the other. */
struct prelude {
    const struct slg_header *header;
    const uint8_t *bytes;
    size_t len;
    struct slg_frame_limits limits;
    struct slg_frame frame; /* the last one */
    size_t pos;             /* behind it */
    uint64_t number;
    uint64_t epoch;
    uint32_t salt;
};

static struct prelude
prelude_begin(const struct slg_header *header, const uint8_t *bytes, size_t len)
{
    return (struct prelude){
        .header = header,
        .bytes = bytes,
        .len = len,
        .limits = slg_header_limits(header),
        .pos = SLG_HEADER_BYTES,
        .number = header->first_record,
        .epoch = header->epoch,
        .salt = slg_salt(header->identity, header->epoch),
    };
}

/* SPEC.md 8: this segment's, at this number, of this epoch or a newer one. */
static bool
prelude_take_sync_point(struct prelude *prelude, const uint8_t *in)
{
    struct slg_mark mark;

    if (!slg_mark_decode(in, (size_t)prelude->frame.len, &mark) ||
        memcmp(mark.identity, prelude->header->identity, SLG_IDENTITY_BYTES) !=
            0 ||
        mark.number != prelude->number ||
        (mark.epoch != prelude->epoch &&
         mark.epoch >> 32 <= prelude->epoch >> 32))
        return false;
    prelude->epoch = mark.epoch;
    prelude->salt = slg_salt(mark.identity, mark.epoch);
    return true;
}

/* False where no valid frame follows, or one that ends what may come first. */
static bool
prelude_next(struct prelude *prelude)
{
    struct slg_frame *frame = &prelude->frame;
    const uint8_t *in = prelude->bytes + prelude->pos;
    const size_t left = prelude->len - prelude->pos;

    if (!slg_frame_parse(in, left, &prelude->limits, frame) ||
        frame->len > left || frame->kind != SLG_FRAME_CONTROL ||
        frame->control == SLG_CONTROL_CLOSING_MARK ||
        frame->control == SLG_CONTROL_GAP)
        return false;
    if (frame->control == SLG_CONTROL_SYNC_POINT) {
        if (!prelude_take_sync_point(prelude, in))
            return false;
    } else if (slg_frame_mixed(in, frame) !=
                   slg_mix(prelude->number, prelude->salt) ||
               !slg_frame_is_sound(in, frame, &prelude->limits)) {
        return false;
    }
    prelude->pos += (size_t)frame->len;
    return true;
}

bool
slg_attributes_find(const struct slg_header *header, const uint8_t *bytes,
                    size_t len, const uint8_t **data, size_t *data_len)
{
    struct prelude prelude = prelude_begin(header, bytes, len);

    while (len > SLG_HEADER_BYTES && prelude_next(&prelude)) {
        const uint8_t *in = bytes + prelude.pos - prelude.frame.len;

        if (prelude.frame.control == SLG_CONTROL_ATTRIBUTES)
            return slg_attributes_decode(in, &prelude.frame, data, data_len);
    }
    return false;
}

bool
slg_reference_find(const struct slg_header *header, const uint8_t *bytes,
                   size_t len, unsigned role, struct slg_reference *reference)
{
    struct prelude prelude = prelude_begin(header, bytes, len);

    while (len > SLG_HEADER_BYTES && prelude_next(&prelude)) {
        const uint8_t *in = bytes + prelude.pos - prelude.frame.len;

        if (prelude.frame.control == SLG_CONTROL_REFERENCE &&
            slg_reference_decode(in, &prelude.frame, reference) &&
            reference->role == role)
            return true;
    }
    return false;
}

bool
slg_attributes_are_due(const struct slg_header *header, const uint8_t *bytes,
                       size_t len)
{
    struct prelude prelude = prelude_begin(header, bytes, len);

    while (prelude.pos < len) {
        if (!prelude_next(&prelude) ||
            (prelude.frame.control != SLG_CONTROL_SYNC_POINT &&
             prelude.frame.control != SLG_CONTROL_PREDECESSOR &&
             !slg_control_is_companion(prelude.frame.control)))
            return false;
    }
    return len >= SLG_HEADER_BYTES;
}

/*
 * The header, of which up to one bit may be wrong.  Where that does not help,
 * what the marks of the segment say of it (SPEC.md 8), for which more is read.
 */
static seglog_code
header_read(struct seglog_blob blob, const char *name, const uint8_t *bytes,
            size_t len, struct slg_header *header, struct seglog_error *err)
{
    struct slg_walk walk;
    seglog_code code = SEGLOG_OK;

    memset(header, 0, sizeof *header);
    if (len >= SLG_HEADER_BYTES &&
        slg_header_decode(bytes, header) == SLG_HEADER_OK &&
        (slg_zrun_is_there() || !slg_header_limits(header).may_zstd))
        return SEGLOG_OK;
    code = slg_walk_open(&walk, blob, name, true, NULL, err);
    if (code == SEGLOG_OK)
        *header = walk.header;
    slg_walk_reset(&walk);
    return code;
}

static seglog_code
fail_too_large(const char *name, size_t len, size_t cap,
               struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };

    return slg_fail_actual(err,
                           slg_fail(err, SEGLOG_TOO_LARGE, &place,
                                    "attributes of %zu bytes; there is room "
                                    "for %zu",
                                    len, cap),
                           len);
}

/* A range that cannot be read need not be the one that is wanted. */
static seglog_code
bytes_read(struct seglog_blob blob, const char *name, uint8_t *bytes,
           size_t len, bool *is_partial, struct seglog_error *err)
{
    struct slg_window window;
    seglog_code code = slg_blob_read(blob, 0, bytes, len, err);

    if (code != SEGLOG_IO)
        return code;
    code = slg_window_init(&window, blob, name, true, err);
    if (code == SEGLOG_OK)
        code = slg_window_read(&window, 0, bytes, len, err);
    *is_partial = code == SEGLOG_OK && window.bad_count > 0;
    slg_window_reset(&window);
    return code;
}

static seglog_code
attributes_read(struct seglog_blob blob, const char *name, uint8_t *bytes,
                size_t *len, bool *is_partial, struct slg_header *header,
                struct seglog_error *err)
{
    uint64_t size = 0;
    seglog_code code = seglog_blob_get_size(blob, &size, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    *len = size < SLG_ATTRIBUTES_READ ? (size_t)size : SLG_ATTRIBUTES_READ;
    code = bytes_read(blob, name, bytes, *len, is_partial, err);
    return code == SEGLOG_OK ? header_read(blob, name, bytes, *len, header, err)
                             : code;
}

seglog_code
seglog_segment_get_attributes(struct seglog_store store, const char *name,
                              void *buf, size_t cap, size_t *len,
                              uint8_t identity[SEGLOG_IDENTITY_BYTES],
                              struct seglog_error *err)
{
    uint8_t bytes[SLG_ATTRIBUTES_READ];
    size_t bytes_len = 0;
    struct slg_header header;
    struct seglog_blob blob;
    const uint8_t *data = NULL;
    size_t data_len = 0;
    bool is_partial = false;
    seglog_code code = SEGLOG_OK;

    if (!name || !len || (!buf && cap > 0))
        return slg_fail(err, SEGLOG_INVALID, NULL, "name, buf or len is NULL");
    *len = 0;
    if (identity)
        memset(identity, 0, SEGLOG_IDENTITY_BYTES);
    code = seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, err);
    if (code != SEGLOG_OK)
        return code;
    code = attributes_read(blob, name, bytes, &bytes_len, &is_partial, &header,
                           err);
    (void)seglog_blob_close(&blob, NULL);
    /* The beginning of a header: its creator did not get further. */
    if (code != SEGLOG_OK)
        return code == SEGLOG_END ? SEGLOG_OK : code;
    if (identity)
        memcpy(identity, header.identity, SEGLOG_IDENTITY_BYTES);
    /* What could not be read says nothing, not even that there are none. */
    if (!slg_attributes_find(&header, bytes, bytes_len, &data, &data_len))
        return is_partial ? slg_fail(err, SEGLOG_IO, NULL,
                                     "the attributes cannot be read")
                          : SEGLOG_OK;
    if (data_len > cap)
        return fail_too_large(name, data_len, cap, err);
    if (data_len > 0)
        memcpy(buf, data, data_len);
    *len = data_len;
    return SEGLOG_OK;
}
