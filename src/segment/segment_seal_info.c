/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_info.c - what the end of a sealed segment says. */
#include <string.h>

#include "format/json_time.h"
#include "seglog/seal.h"
#include "src/segment/segment_footer.h"
#include "src/store/fail.h"

static seglog_code
header_read(struct seglog_blob blob, const char *name, uint64_t size,
            struct slg_header *header, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = 0 };
    uint8_t bytes[SLG_HEADER_BYTES];
    seglog_code code = SEGLOG_OK;

    if (size < sizeof bytes)
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "not a segment: it has no header");
    code = seglog_blob_read_at(blob, 0, bytes, sizeof bytes, err);
    if (code != SEGLOG_OK)
        return code;
    switch (slg_header_decode(bytes, header)) {
    case SLG_HEADER_OK:
        return SEGLOG_OK;
    case SLG_HEADER_DAMAGED:
        if (slg_header_correct(bytes) &&
            slg_header_decode(bytes, header) == SLG_HEADER_OK)
            return SEGLOG_OK;
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "its header is damaged; run `seglog repair`");
    default:
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "a segment of a version or with features that this "
                        "build does not know: use a newer seglog");
    }
}

static void
info_fill(struct seglog_seal_info *info, const struct slg_footer *footer)
{
    *info = (struct seglog_seal_info){
        .is_sealed = true,
        .has_time = slg_time_is_known(footer->time_min, footer->time_max),
        .has_parent = footer->parent_len > 0,
        .first_record = footer->first_record,
        .records = footer->records,
        .lines = footer->lines,
        .lost = footer->lost,
        .text_bytes = footer->text_bytes,
        .blocks = footer->blocks,
    };
    if (info->has_time) {
        info->time_min_ms = footer->time_min;
        info->time_max_ms = footer->time_max;
    }
    memcpy(info->digest, footer->digest, sizeof info->digest);
    if (info->has_parent) {
        memcpy(info->parent_digest, footer->parent_digest,
               sizeof info->parent_digest);
        memcpy(info->parent, footer->parent, footer->parent_len);
    }
}

/* Its blob, header and end. */
struct sealed {
    struct seglog_blob blob;
    struct slg_header header;
    struct slg_sealed_end end;
    bool is_sealed;
};

static void
sealed_close(struct sealed *sealed)
{
    slg_sealed_end_reset(&sealed->end);
    (void)seglog_blob_close(&sealed->blob, NULL);
}

static seglog_code
sealed_open(struct seglog_store store, const char *name, struct sealed *sealed,
            struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    uint64_t size = 0;
    seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_READ, &sealed->blob, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(sealed->blob, &size, NULL, err);
    if (code == SEGLOG_OK)
        code = header_read(sealed->blob, name, size, &sealed->header, err);
    if (code != SEGLOG_OK)
        return code;
    sealed->is_sealed =
        (sealed->header.features_refuse & SLG_REFUSE_SEALED) != 0;
    if (!sealed->is_sealed)
        return SEGLOG_OK;
    code = slg_sealed_end_read(sealed->blob, size, &sealed->header,
                               &sealed->end, err);
    return code == SEGLOG_CORRUPT
               ? slg_fail(err, code, &place,
                          "the end of the sealed segment is damaged; its "
                          "records may be whole: run `seglog check`")
               : code;
}

seglog_code
seglog_segment_get_seal(struct seglog_store store, const char *name,
                        struct seglog_seal_info *info, struct seglog_error *err)
{
    struct sealed sealed = { .is_sealed = false };
    seglog_code code = SEGLOG_OK;

    if (!info)
        return slg_fail(err, SEGLOG_INVALID, NULL, "info is NULL");
    memset(info, 0, sizeof *info);
    code = sealed_open(store, name, &sealed, err);
    if (code == SEGLOG_OK && sealed.is_sealed)
        info_fill(info, &sealed.end.footer);
    sealed_close(&sealed);
    return code;
}

/* -- by time -------------------------------------------------------------- */

/* The first record of the first block that reaches time_ms; 0: there is
 * none.  A damaged table is as good as none: all is read. */
static seglog_code
block_find(struct seglog_store store, const char *name, int64_t time_ms,
           uint64_t *first, struct seglog_error *err)
{
    struct sealed sealed = { .is_sealed = false };
    seglog_code code = sealed_open(store, name, &sealed, err);

    *first = 1;
    if (code == SEGLOG_OK && sealed.is_sealed) {
        struct slg_footer_table *table = &sealed.end.table;

        *first = 0;
        while (*first == 0 && slg_footer_row_next(table)) {
            if (slg_time_is_known(table->row.time_min, table->row.time_max) &&
                table->row.time_max >= time_ms)
                *first = table->row.first;
        }
    }
    sealed_close(&sealed);
    return code == SEGLOG_CORRUPT ? SEGLOG_OK : code;
}

static bool
record_is_from(const struct seglog_record *record, int64_t time_ms)
{
    int64_t time = 0;

    return (record->kind == SEGLOG_TEXT || record->kind == SEGLOG_TAIL) &&
           slg_json_time_find(record->data, record->len, NULL, 0, &time) &&
           time / 1000 - (time % 1000 < 0) >= time_ms;
}

seglog_code
seglog_segment_find_time(struct seglog_store store, const char *name,
                         int64_t time_ms, uint64_t *record_no,
                         struct seglog_error *err)
{
    struct seglog_reader_options options = { .size = sizeof options };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    if (!record_no)
        return slg_fail(err, SEGLOG_INVALID, NULL, "record_no is NULL");
    *record_no = 0;
    code = block_find(store, name, time_ms, &options.from_record, err);
    if (code == SEGLOG_OK && options.from_record == 0)
        return SEGLOG_END;
    if (code == SEGLOG_OK)
        code = seglog_reader_open(store, name, &options, &reader, err);
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        if (code == SEGLOG_OK && event.type == SEGLOG_EVENT_RECORD &&
            record_is_from(&event.record, time_ms)) {
            *record_no = event.record.record_no;
            break;
        }
    }
    seglog_reader_close(reader);
    return code;
}
