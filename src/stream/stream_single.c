/* SPDX-License-Identifier: MIT */
/* src/stream/stream_single.c - a segment with one record. */
#include "src/stream/stream_single.h"

#include <stdio.h>
#include <string.h>

#include "seglog/segment.h"
#include "src/store/fail.h"
#include "src/stream/stream_store.h"

/* -- reading --------------------------------------------------------------- */

static seglog_code
record_read(struct seglog_reader *reader, const char *name, uint8_t *bytes,
            size_t *len, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    struct seglog_event event;
    seglog_code code = seglog_reader_next(reader, &event, err);

    if (code == SEGLOG_OK && event.type == SEGLOG_EVENT_RECORD &&
        event.record.kind == SEGLOG_BYTES && event.record.len <= *len) {
        *len = event.record.len;
        memcpy(bytes, event.record.data, *len);
        code = seglog_reader_next(reader, &event, err);
        if (code == SEGLOG_END)
            return SEGLOG_OK;
    }
    return code == SEGLOG_OK || code == SEGLOG_END
               ? slg_fail(err, SEGLOG_CORRUPT, &place,
                          "it does not hold the one record that it should")
               : code;
}

seglog_code
slg_single_read(struct seglog_store store, const char *name, uint8_t *bytes,
                size_t *len, struct seglog_error *err)
{
    struct seglog_reader *reader = NULL;
    seglog_code code = seglog_reader_open(store, name, NULL, &reader, err);

    if (code == SEGLOG_OK)
        code = record_read(reader, name, bytes, len, err);
    seglog_reader_close(reader);
    return code;
}

/* -- writing --------------------------------------------------------------- */

static seglog_code
single_write(struct seglog_store store, const char *name, const uint8_t *bytes,
             size_t len, struct seglog_error *err)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        .body_log2 = 12,
    };
    struct seglog_writer *writer = NULL;
    seglog_code code = SEGLOG_OK;
    seglog_code close_code = SEGLOG_OK;

    code = seglog_writer_open(store, name, &options, &writer, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_writer_append(writer, SEGLOG_BYTES, bytes, len,
                                SEGLOG_LEVEL_SYNC, NULL, err);
    close_code = seglog_writer_close(writer, code == SEGLOG_OK ? err : NULL);
    return code == SEGLOG_OK ? close_code : code;
}

seglog_code
slg_single_put(struct seglog_store store, const char *name,
               const uint8_t *bytes, size_t len, struct seglog_error *err)
{
    char new_name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(new_name, sizeof new_name, "%s.new", name);
    code = slg_stream_blob_remove(store, new_name, err);
    if (code == SEGLOG_OK)
        code = single_write(store, new_name, bytes, len, err);
    if (code == SEGLOG_OK)
        code = seglog_store_replace(store, new_name, name, err);
    if (code != SEGLOG_OK)
        (void)slg_stream_blob_remove(store, new_name, NULL);
    return code;
}
