/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_merge.c - several chained segments into one. */
#include "src/segment/segment_seal_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_reader.h"
#include "src/segment/segment_seal.h"
#include "src/segment/segment_verdict.h"
#include "src/store/fail.h"

#define PROGRESS_BYTES (UINT64_C(1) << 20)

struct merge {
    struct seglog_store store;
    const struct slg_merge_options *options;
    struct seglog_seal_options seal; /* settled */
    struct slg_build build;
    struct slg_verify verify;
    struct slg_prelude *prelude;
    uint64_t total; /* bytes of all of them */
    uint64_t done;  /* of those that are read */
    uint64_t told;
    uint64_t dropped;
    uint64_t next; /* number of the next record to be added */
    uint8_t body_log2;
    bool is_doubtful; /* damage is behind the last chain head */
};

static seglog_code
fail_source(const char *name, uint64_t number, seglog_code code,
            const char *what, struct seglog_error *err)
{
    const struct slg_place place = { .name = name,
                                     .record_no = number,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, code, &place, "%s", what);
}

/* -- before anything is written -------------------------------------------- */

/* What the new segment has to have room for, and how much there is to do. */
static seglog_code
sources_look(struct merge *merge, uint64_t *epoch, struct seglog_error *err)
{
    const struct slg_merge_options *options = merge->options;

    for (size_t i = 0; i < options->count; i++) {
        struct seglog_scan_summary summary;
        const char *name = options->names[i];
        const seglog_code code =
            seglog_segment_get_summary(merge->store, name, &summary, err);

        if (code != SEGLOG_OK)
            return code;
        if ((summary.features_refuse & SLG_REFUSE_CHAINED) == 0)
            return fail_source(name, 0, SEGLOG_INVALID, "it is not chained",
                               err);
        if (summary.verdict != SEGLOG_VERDICT_OK || summary.is_header_lost)
            return fail_source(name, 0, SEGLOG_CORRUPT, "its end is damaged",
                               err);
        if (i == 0)
            *epoch = summary.epoch;
        if (merge->body_log2 < summary.body_log2)
            merge->body_log2 = summary.body_log2;
        merge->total += summary.bytes;
    }
    return SEGLOG_OK;
}

/* The frames in front of the first record are those of the first segment. */
static seglog_code
build_start(struct merge *merge, const struct seglog_reader *reader,
            uint64_t epoch, struct seglog_error *err)
{
    struct slg_build *build = &merge->build;
    const seglog_code code = slg_prelude_read(merge->prelude, merge->store,
                                              reader->blob, reader->name, err);

    if (code != SEGLOG_OK)
        return code;
    if (epoch >> 32 == UINT32_MAX)
        return fail_source(merge->options->names[0], 0, SEGLOG_TOO_LARGE,
                           "it was cut too often", err);
    build->name = merge->options->new_name;
    build->header = reader->walk.header;
    build->header.features_refuse = SLG_REFUSE_CHAINED;
    build->header.body_log2 = merge->body_log2;
    merge->next = build->header.first_record;
    return slg_build_start(build, merge->store, &merge->seal, merge->prelude,
                           epoch, err);
}

/* -- reading --------------------------------------------------------------- */

static seglog_code
progress_tell(struct merge *merge, uint64_t done, struct seglog_error *err)
{
    const struct seglog_seal_options *seal = &merge->seal;

    if (!seal->on_progress || done < merge->told)
        return SEGLOG_OK;
    merge->told = done + PROGRESS_BYTES;
    return seal->on_progress(seal->arg, done, merge->total)
               ? SEGLOG_OK
               : slg_fail(err, SEGLOG_END, NULL, "it was stopped");
}

/*
 * Damage that has cost no record, of what a power cut has left of a sync point,
 * say.  A tombstone may have been there all the same: the next chain head says
 * so, for the records do not lead to it then.
 */
static seglog_code
damage_pass(struct merge *merge, const struct seglog_reader *reader,
            const struct seglog_finding *finding, struct seglog_error *err)
{
    /* Passed over by whoever came next; there is none at the end. */
    if (finding->verdict == SEGLOG_VERDICT_TORN)
        return SEGLOG_OK;
    /* In front of the records it has cost what stands there. */
    if (finding->verdict != SEGLOG_VERDICT_CORRUPT ||
        finding->last_record != 0 ||
        merge->next == reader->walk.header.first_record)
        return slg_verdict_fail(finding, reader->name, err);
    merge->is_doubtful = true;
    return SEGLOG_OK;
}

static seglog_code
event_add(struct merge *merge, const struct seglog_reader *reader,
          const struct seglog_event *event, struct seglog_error *err)
{
    const struct slg_merge_options *options = merge->options;
    const struct seglog_record *record = &event->record;
    const struct slg_chain *chain = &merge->build.chain;

    if (event->type == SLG_EVENT_CONTROL) {
        if (reader->step.frame.control == SLG_CONTROL_CHAIN_HEAD)
            merge->is_doubtful = false;
        return slg_build_add_control(&merge->build, &reader->step, err);
    }
    if (event->type == SEGLOG_EVENT_GAP && !event->finding.is_recorded)
        return damage_pass(merge, reader, &event->finding, err);
    if (event->type == SEGLOG_EVENT_RECORD &&
        (record->record_no != merge->next || !slg_reader_is_in_place(reader)))
        return fail_source(reader->name, record->record_no, SEGLOG_CORRUPT,
                           "a record is not where it belongs", err);
    if (event->type == SEGLOG_EVENT_GAP) {
        merge->next = event->finding.last_record + 1;
        return slg_build_add(&merge->build, event, err);
    }
    merge->next = record->record_no + 1;
    if (!options->drops ||
        !options->drops(options->seal.arg, record,
                        chain->is_known ? &chain->hash : NULL))
        return slg_build_add(&merge->build, event, err);
    merge->dropped++;
    return slg_build_drop(&merge->build, record, err);
}

/* What does not fit the new segment was read from this one. */
static seglog_code
source_named(const struct merge *merge, const struct seglog_reader *reader,
             seglog_code code, struct seglog_error *err)
{
    if (err && code == SEGLOG_CORRUPT &&
        strcmp(err->name, merge->options->new_name) == 0)
        (void)snprintf(err->name, sizeof err->name, "%s", reader->name);
    return code;
}

static seglog_code
source_copy(struct merge *merge, struct seglog_reader *reader,
            struct seglog_error *err)
{
    struct seglog_event event;
    bool is_end = false;
    seglog_code code = SEGLOG_OK;

    if (reader->walk.header.first_record != merge->next)
        return fail_source(reader->name, merge->next, SEGLOG_CORRUPT,
                           "it does not go on where the one before it ends",
                           err);
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        is_end = code == SEGLOG_END;
        if (code == SEGLOG_OK)
            code = event_add(merge, reader, &event, err);
        if (code == SEGLOG_OK)
            code = progress_tell(merge, merge->done + reader->walk.at.pos, err);
    }
    if (!is_end)
        return source_named(merge, reader, code, err);
    if (reader->walk.at.pos != reader->walk.window.size || merge->is_doubtful)
        return fail_source(reader->name, merge->next, SEGLOG_CORRUPT,
                           "its end is damaged", err);
    merge->done += reader->walk.window.size;
    return SEGLOG_OK;
}

static seglog_code
source_add(struct merge *merge, size_t i, uint64_t epoch,
           struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    seglog_code code = slg_reader_open_with_controls(
        merge->store, merge->options->names[i], &options, &reader, err);

    if (code != SEGLOG_OK)
        return code;
    if (i == 0)
        code = build_start(merge, reader, epoch, err);
    if (code == SEGLOG_OK)
        code = source_copy(merge, reader, err);
    seglog_reader_close(reader);
    return code;
}

/* -- the end --------------------------------------------------------------- */

static seglog_code
end_sign(struct merge *merge, struct seglog_error *err)
{
    const struct slg_merge_options *options = merge->options;
    struct slg_build *build = &merge->build;
    struct slg_signature signature;

    if (!options->signs)
        return SEGLOG_OK;
    return options->signs(options->seal.arg, merge->next, &build->chain.hash,
                          &signature)
               ? slg_build_put_signature(build, &signature, err)
               : slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory to sign it");
}

static seglog_code
end_write(struct merge *merge, struct seglog_error *err)
{
    const char *name = merge->options->new_name;
    seglog_code code = slg_build_settle_dropped(&merge->build, err);

    if (code == SEGLOG_OK)
        code = slg_build_check_chain(&merge->build, err);
    if (code == SEGLOG_OK)
        code = end_sign(merge, err);
    if (code == SEGLOG_OK)
        code = slg_build_finish(&merge->build, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(merge->build.blob, err);
    if (code == SEGLOG_OK)
        code = slg_verify_advance(&merge->verify, merge->store, name, err);
    return code == SEGLOG_OK
               ? slg_verify_finish(&merge->verify, &merge->build, err)
               : code;
}

static void
result_fill(const struct merge *merge, struct slg_merge_result *result)
{
    const struct slg_build *build = &merge->build;

    *result = (struct slg_merge_result){
        .records = build->footer.records,
        .dropped = merge->dropped,
        .blocks = build->footer.blocks,
        .bytes_before = merge->done,
        .bytes_after = build->end,
        .next_record = build->number,
        .head = build->chain.hash,
    };
}

seglog_code
slg_segments_merge(struct seglog_store store,
                   const struct slg_merge_options *options,
                   struct slg_merge_result *result, struct seglog_error *err)
{
    struct merge *merge = calloc(1, sizeof *merge);
    uint64_t epoch = 0;
    seglog_code code = SEGLOG_OK;

    if (merge)
        merge->prelude = calloc(1, sizeof *merge->prelude);
    if (!merge || !merge->prelude) {
        free(merge);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory to merge");
    }
    merge->store = store;
    merge->options = options;
    merge->seal = options->seal;
    code = slg_seal_options_settle(&merge->seal, err);
    if (code == SEGLOG_OK)
        code = sources_look(merge, &epoch, err);
    for (size_t i = 0; code == SEGLOG_OK && i < options->count; i++)
        code = source_add(merge, i, epoch, err);
    if (code == SEGLOG_OK)
        code = end_write(merge, err);
    if (code == SEGLOG_OK)
        result_fill(merge, result);
    slg_verify_reset(&merge->verify);
    const bool is_begun = merge->build.blob.ops != NULL;
    (void)seglog_blob_close(&merge->build.blob, NULL);
    slg_build_reset(&merge->build);
    if (code != SEGLOG_OK && is_begun)
        (void)!seglog_store_remove(store, options->new_name, NULL);
    slg_walk_reset(&merge->prelude->walk);
    free(merge->prelude);
    free(merge);
    return code;
}
