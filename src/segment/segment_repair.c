/* SPDX-License-Identifier: MIT */
/* src/segment/segment_repair.c - what can be saved, in a new segment. */
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "format/header.h"
#include "src/store/fail.h"
#include "src/store/options.h"

#include "seglog/segment.h"

/* What went into the new segment, to compare with what comes out of it. */
struct tally {
    uint64_t records;
    uint64_t gaps;
    uint64_t digest;
};

struct repair {
    struct seglog_store new_store;
    const char *new_name;
    struct seglog_scan_summary source;
    struct seglog_reader *reader;
    struct seglog_writer *writer;
    struct tally written;
    uint8_t attributes[SEGLOG_ATTRIBUTES_MAX];
    size_t attributes_len;
    struct seglog_item *items; /* the records of one atomic group */
    size_t item_count, item_cap;
};

static void
tally_record(struct tally *tally, const struct seglog_record *record)
{
    tally->records++;
    tally->digest +=
        slg_digest_term(record->record_no, record->data, record->len) +
        (uint64_t)record->kind;
}

static void
tally_gap(struct tally *tally, const struct seglog_finding *gap)
{
    tally->gaps++;
    tally->digest += gap->first_record * 31 + gap->last_record;
}

/* A loss that the new segment has to tell of.  Of a torn tail nobody knows how
 * many records it would have been. */
static bool
finding_is_loss(const struct seglog_finding *finding)
{
    return finding->first_record != 0 && finding->last_record != 0;
}

static seglog_code
group_collect(struct repair *repair, const struct seglog_record *record,
              struct seglog_error *err)
{
    if (repair->item_count == repair->item_cap) {
        const size_t cap = repair->item_cap > 0 ? 2 * repair->item_cap : 64;
        struct seglog_item *grown = realloc(repair->items, cap * sizeof *grown);
        const struct slg_place place = { .name = repair->new_name,
                                         .record_no = record->record_no,
                                         .offset = SEGLOG_NO_OFFSET };
        if (!grown)
            return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                            "no memory for the records of a group");
        repair->items = grown;
        repair->item_cap = cap;
    }
    repair->items[repair->item_count++] = (struct seglog_item){
        .kind = record->kind, .data = record->data, .len = record->len
    };
    return SEGLOG_OK;
}

/* Groups stay groups: they were atomic, and may mean something together. */
static seglog_code
record_save(struct repair *repair, const struct seglog_record *record,
            struct seglog_error *err)
{
    tally_record(&repair->written, record);
    if (record->group_left > 0 || repair->item_count > 0) {
        const seglog_code code = group_collect(repair, record, err);
        if (code != SEGLOG_OK || record->group_left > 0)
            return code;
        const size_t count = repair->item_count;
        repair->item_count = 0;
        return seglog_writer_append_group(repair->writer, repair->items, count,
                                          SEGLOG_LEVEL_APPEND, NULL, err);
    }
    return seglog_writer_append(repair->writer, record->kind, record->data,
                                record->len, SEGLOG_LEVEL_APPEND, NULL, err);
}

/* A recorded gap may be of a later version, which knows more causes. */
static struct seglog_finding
gap_understood(const struct seglog_finding *finding)
{
    struct seglog_finding gap = *finding;

    if (gap.verdict == SEGLOG_VERDICT_OK ||
        (unsigned)gap.verdict > SEGLOG_VERDICT_IO)
        gap.verdict = SEGLOG_VERDICT_CORRUPT;
    if ((unsigned)gap.cause > SEGLOG_CAUSE_DROPPED)
        gap.cause = SEGLOG_CAUSE_NONE;
    if ((unsigned)gap.durable > SEGLOG_DURABLE_YES)
        gap.durable = SEGLOG_DURABLE_UNKNOWN;
    return gap;
}

static seglog_code
event_save(struct repair *repair, const struct seglog_event *event,
           struct seglog_error *err)
{
    if (event->type == SEGLOG_EVENT_RECORD)
        return record_save(repair, &event->record, err);
    if (!finding_is_loss(&event->finding))
        return SEGLOG_OK;
    const struct seglog_finding gap = gap_understood(&event->finding);
    tally_gap(&repair->written, &gap);
    return seglog_writer_append_gap(repair->writer, &gap, err);
}

static seglog_code
repair_copy(struct repair *repair, struct seglog_error *err)
{
    struct seglog_event event;
    seglog_code code;

    while ((code = seglog_reader_next(repair->reader, &event, err)) ==
           SEGLOG_OK) {
        code = event_save(repair, &event, err);
        if (code != SEGLOG_OK)
            return code;
    }
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static seglog_code
repair_open_writer(struct repair *repair, struct seglog_error *err)
{
    const struct seglog_scan_summary *source = &repair->source;
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        /* A lost header says nothing of the limits: take the defaults, or
         * what the largest record needs. */
        .body_log2 =
            source->is_header_lost ? SEGLOG_BODY_LOG2_MAX : source->body_log2,
        .sync_log2 = source->is_header_lost ? 0 : source->sync_log2,
        .no_xxh3 = (source->features_refuse & SLG_REFUSE_NO_XXH3) != 0,
        /* What was sealed becomes an ordinary segment, but not a large one. */
        .codec = (source->features_refuse & SLG_REFUSE_ZSTD) != 0
                     ? SEGLOG_CODEC_AUTO
                 : (source->features_refuse &
                    (SLG_REFUSE_COMPRESSED | SLG_REFUSE_SEALED)) != 0
                     ? SEGLOG_CODEC_DEFLATE
                     : SEGLOG_CODEC_NONE,
        .first_record = source->first_record,
        .attributes = repair->attributes,
        .attributes_len = repair->attributes_len,
    };

    return seglog_writer_open(repair->new_store, repair->new_name, &options,
                              &repair->writer, err);
}

/* Are they the same in the new segment? */
static seglog_code
attributes_verify(const struct repair *repair, bool *are_same,
                  struct seglog_error *err)
{
    uint8_t attributes[SEGLOG_ATTRIBUTES_MAX];
    size_t len = 0;
    const seglog_code code = seglog_segment_get_attributes(
        repair->new_store, repair->new_name, attributes, sizeof attributes,
        &len, NULL, err);

    *are_same = len == repair->attributes_len &&
                memcmp(attributes, repair->attributes, len) == 0;
    return code;
}

/* Recover must verify its own output: read it back and compare. */
static seglog_code
repair_verify(struct repair *repair, struct seglog_error *err)
{
    const struct slg_place place = { .name = repair->new_name,
                                     .offset = SEGLOG_NO_OFFSET };
    struct tally read = { .records = 0 };
    struct seglog_scan_summary summary;
    struct seglog_event event;
    struct seglog_reader *reader = NULL;
    bool are_attributes_same = false;
    seglog_code code =
        seglog_scan(repair->new_store, repair->new_name, NULL, &summary, err);

    if (code == SEGLOG_OK)
        code = attributes_verify(repair, &are_attributes_same, err);
    if (code == SEGLOG_OK)
        code = seglog_reader_open(repair->new_store, repair->new_name, NULL,
                                  &reader, err);
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        if (code != SEGLOG_OK)
            break;
        if (event.type == SEGLOG_EVENT_RECORD)
            tally_record(&read, &event.record);
        else
            tally_gap(&read, &event.finding);
    }
    seglog_reader_close(reader);
    if (code != SEGLOG_END)
        return code;
    if (summary.verdict != SEGLOG_VERDICT_OK || !summary.is_closed ||
        !are_attributes_same || read.records != repair->written.records ||
        read.gaps != repair->written.gaps ||
        read.digest != repair->written.digest)
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "the repaired segment did not read back as it was "
                        "written: check the device it is on");
    return SEGLOG_OK;
}

static seglog_code
repair_run(struct repair *repair, struct seglog_error *err)
{
    seglog_code code = repair_open_writer(repair, err);

    if (code != SEGLOG_OK)
        return code;
    code = repair_copy(repair, err);
    /* The first failure is the one to tell of. */
    const seglog_code closed =
        seglog_writer_close(repair->writer, code == SEGLOG_OK ? err : NULL);
    if (code == SEGLOG_OK)
        code = closed;
    if (code == SEGLOG_OK)
        code = repair_verify(repair, err);
    if (code != SEGLOG_OK)
        (void)!seglog_store_remove(repair->new_store, repair->new_name, NULL);
    return code;
}

/* Where they cannot be read they are lost, if the scan could not read all
 * either; otherwise the next try may. */
static seglog_code
repair_read_attributes(struct repair *repair, struct seglog_store store,
                       const char *name, struct seglog_error *err)
{
    const seglog_code code = seglog_segment_get_attributes(
        store, name, repair->attributes, sizeof repair->attributes,
        &repair->attributes_len, NULL, err);

    return code == SEGLOG_IO && repair->source.verdict == SEGLOG_VERDICT_IO
               ? SEGLOG_OK
               : code;
}

seglog_code
seglog_repair(struct seglog_store store, const char *name,
              struct seglog_store new_store, const char *new_name,
              const struct seglog_scan_options *options,
              struct seglog_scan_summary *summary, struct seglog_error *err)
{
    struct repair repair = { .new_store = new_store, .new_name = new_name };
    struct seglog_scan_options scan_options;
    struct seglog_reader_options reader_options = {
        .size = sizeof reader_options,
        .salvage = true,
    };
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };

    if (!slg_options_copy(&scan_options, sizeof scan_options, options))
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "repair options of an unknown size");
    scan_options.size = sizeof scan_options;
    scan_options.on_frame = NULL;
    seglog_code code =
        seglog_scan(store, name, &scan_options, &repair.source, err);
    reader_options.expect = scan_options.expect;
    if (code == SEGLOG_OK)
        code = repair_read_attributes(&repair, store, name, err);
    if (code == SEGLOG_OK)
        code = seglog_reader_open(store, name, &reader_options, &repair.reader,
                                  err);
    if (code == SEGLOG_OK)
        code = repair_run(&repair, err);
    if (code == SEGLOG_OK && summary)
        *summary = repair.source;
    seglog_reader_close(repair.reader);
    free(repair.items);
    return code;
}
