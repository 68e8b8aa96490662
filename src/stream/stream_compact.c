/* SPDX-License-Identifier: MIT */
/* src/stream/stream_compact.c - the call: lock, look, choose, do. */
#include "src/stream/stream_compact.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/header.h"
#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_seal.h"
#include "src/store/fail.h"
#include "src/store/options.h"
#include "src/stream/stream_attributes.h"
#include "src/stream/stream_slot.h"
#include "src/stream/stream_trim.h"
#include "src/stream/stream_verify.h"

#define MERGE_MIN 4u

/* -- choosing -------------------------------------------------------------- */

/* So many, from the first on, that together are not too large. */
static size_t
group_reach(const struct slg_piece *pieces, size_t count, uint64_t merge_bytes)
{
    uint64_t left = merge_bytes;
    size_t reach = 0;

    while (reach < count && pieces[reach].bytes <= left &&
           (reach == 0 ||
            pieces[reach].part.first == pieces[reach - 1].part.last + 1)) {
        left -= pieces[reach].bytes;
        reach++;
    }
    return reach;
}

void
slg_pieces_choose(struct slg_piece *pieces, size_t count, uint64_t merge_bytes,
                  unsigned merge_min)
{
    for (size_t i = 0; i < count;) {
        const size_t reach = group_reach(pieces + i, count - i, merge_bytes);

        if (reach >= 2 && reach >= merge_min) {
            pieces[i].group = reach;
            i += reach;
            continue;
        }
        pieces[i].group = !pieces[i].is_sealed || pieces[i].is_waiting ||
                          pieces[i].is_unsigned;
        i++;
    }
}

/* -- looking --------------------------------------------------------------- */

/* Is the head that it ends with signed, by whomever? */
static seglog_code
signature_find(const struct slg_compaction *compaction, const char *name,
               uint64_t next_record, bool *is_signed, struct seglog_error *err)
{
    struct slg_chain_reader *reader = NULL;
    seglog_code code = slg_chain_reader_open(compaction->streams->store, name,
                                             NULL, &reader, err);

    *is_signed = false;
    if (code == SEGLOG_OK)
        code = slg_chain_reader_seek(reader, next_record, err);
    while (code == SEGLOG_OK && !*is_signed) {
        struct slg_chain_event event;

        code = slg_chain_reader_next(reader, &event, err);
        *is_signed = code == SEGLOG_OK &&
                     event.type == SLG_CHAIN_EVENT_SIGNATURE &&
                     event.number == next_record;
    }
    slg_chain_reader_close(reader);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static seglog_code
piece_look(const struct slg_compaction *compaction, struct slg_piece *piece,
           struct seglog_error *err)
{
    struct seglog_scan_summary summary;
    char name[SEGLOG_STREAM_NAME_CAP];
    bool is_signed = true;
    seglog_code code = seglog_segment_get_summary(
        compaction->streams->store,
        slg_stream_part_name(compaction->stream, &piece->part, name), &summary,
        err);

    if (code != SEGLOG_OK)
        return code;
    piece->bytes = summary.bytes;
    piece->epoch = summary.epoch;
    piece->next_record = summary.next_record;
    piece->is_sealed = (summary.features_refuse & SLG_REFUSE_SEALED) != 0;
    piece->is_waiting =
        slg_tombs_count_pending(&compaction->tombs, piece->part.offset + 1,
                                piece->next_record - 1) > 0;
    if (piece->is_sealed && compaction->options->private_key)
        code = signature_find(compaction, name, piece->next_record, &is_signed,
                              err);
    piece->is_unsigned = !is_signed;
    return code;
}

/* All but the last one, which takes events. */
static seglog_code
pieces_look(struct slg_compaction *compaction, struct seglog_error *err)
{
    struct seglog_stream_compacted *result = compaction->result;
    seglog_code code = SEGLOG_OK;

    compaction->count = compaction->parts.count - 1;
    compaction->pieces =
        calloc(compaction->parts.count, sizeof *compaction->pieces);
    if (!compaction->pieces)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the segments of a stream");
    for (size_t i = 0; i < compaction->count && code == SEGLOG_OK; i++) {
        compaction->pieces[i].part = compaction->parts.parts[i];
        code = piece_look(compaction, &compaction->pieces[i], err);
        result->bytes_before += compaction->pieces[i].bytes;
    }
    result->segments_before = compaction->count;
    result->segments_after = compaction->count;
    result->bytes_after = result->bytes_before;
    return code;
}

/*
 * What they say is done: so they have to be on the device first, or a power
 * failure could leave payloads dropped of which no tombstone tells.  All but
 * the last segment were synced when they were followed.
 */
static seglog_code
tombs_look(struct slg_compaction *compaction, struct seglog_error *err)
{
    const struct seglog_store store = compaction->streams->store;
    seglog_code code = SEGLOG_OK;

    if (compaction->options->keeps_dropped)
        return SEGLOG_OK;
    code =
        slg_tombs_collect(&compaction->tombs, store, compaction->stream, err);
    return code == SEGLOG_OK && compaction->tombs.count > 0
               ? slg_stream_sync_last(store, compaction->stream, err)
               : code;
}

/* The same in all segments; where one has lost it another says it. */
static seglog_code
identity_look(struct slg_compaction *compaction, struct seglog_error *err)
{
    struct slg_stream_attributes attributes;
    bool is_there = false;
    const seglog_code code = slg_stream_attributes_find(
        compaction->streams->store, compaction->stream, &compaction->parts,
        &attributes, &is_there, err);

    if (code != SEGLOG_OK)
        return code;
    if (!is_there)
        return slg_fail(err, SEGLOG_CORRUPT, NULL,
                        "no segment of stream %" PRIu64
                        " says any more how it is chained",
                        compaction->stream);
    compaction->chain = attributes.chain;
    memcpy(compaction->identity, attributes.identity,
           sizeof compaction->identity);
    return SEGLOG_OK;
}

/* -- doing ----------------------------------------------------------------- */

static seglog_code
groups_write(struct slg_compaction *compaction, struct seglog_error *err)
{
    const struct seglog_stream_compact_options *options = compaction->options;
    struct slg_piece *pieces = compaction->pieces;
    seglog_code code = SEGLOG_OK;

    slg_pieces_choose(pieces, compaction->count, options->merge_bytes,
                      options->merge_min);
    for (size_t i = 0; i < compaction->count; i++) {
        for (size_t k = 0; k < pieces[i].group; k++)
            compaction->total += pieces[i + k].bytes;
    }
    for (size_t i = 0; i < compaction->count && code == SEGLOG_OK; i++) {
        if (pieces[i].group > 0)
            code = slg_compaction_write(compaction, i, err);
    }
    return code;
}

/* All was done that could be; but what is marked may not be known. */
static seglog_code
damage_tell(const struct slg_compaction *compaction, struct seglog_error *err)
{
    const struct slg_tombs *tombs = &compaction->tombs;
    char name[SEGLOG_STREAM_NAME_CAP];
    const struct slg_place place = { .name = name,
                                     .record_no = tombs->damaged_record,
                                     .offset = SEGLOG_NO_OFFSET };

    if (!tombs->is_damaged)
        return SEGLOG_OK;
    slg_stream_part_name(compaction->stream, &tombs->damaged_part, name);
    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "it is damaged: tombstones may be lost with it, and what "
                    "they marked is not dropped");
}

static seglog_code
locked_compact(struct slg_compaction *compaction, struct seglog_error *err)
{
    struct seglog_stream_trimmed trimmed = { 0 };
    seglog_code code =
        slg_stream_parts_list(compaction->streams->store, compaction->stream,
                              &compaction->parts, err);

    if (code == SEGLOG_OK && compaction->parts.count == 0)
        code = slg_stream_fail_missing(compaction->stream, err);
    /* What was not got to may hold what was marked. */
    if (code == SEGLOG_OK)
        code = slg_stream_trim_finish(compaction->streams, compaction->stream,
                                      &compaction->parts.begin, &trimmed, err);
    if (code == SEGLOG_OK)
        code = slg_compaction_clean(compaction, err);
    if (code == SEGLOG_OK)
        code = tombs_look(compaction, err);
    if (code == SEGLOG_OK)
        code = identity_look(compaction, err);
    if (code == SEGLOG_OK)
        code = pieces_look(compaction, err);
    if (code == SEGLOG_OK)
        code = groups_write(compaction, err);
    return code == SEGLOG_OK ? damage_tell(compaction, err) : code;
}

static seglog_code
compaction_run(struct slg_compaction *compaction, struct seglog_error *err)
{
    const struct seglog_store store = compaction->streams->store;
    struct seglog_lock lock = { 0 };
    char name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(name, sizeof name, "stream.%" PRIu64, compaction->stream);
    code = seglog_lock_open(store, name, &lock, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(lock, 0, err);
    if (code == SEGLOG_OK) {
        code = locked_compact(compaction, err);
        (void)seglog_lock_discard(lock, NULL);
        (void)seglog_lock_release(lock, NULL);
    }
    seglog_lock_close(&lock);
    slg_stream_parts_reset(&compaction->parts);
    slg_tombs_reset(&compaction->tombs);
    free(compaction->pieces);
    return code;
}

/* -- the call -------------------------------------------------------------- */

static seglog_code
options_settle(struct seglog_stream_compact_options *options,
               struct seglog_error *err)
{
    struct seglog_seal_options seal = { .size = sizeof seal };
    uint8_t public_key[SEGLOG_SIGN_KEY_BYTES];

    if (options->merge_bytes == 0)
        options->merge_bytes = SEGLOG_STREAM_MERGE;
    if (options->merge_min == 0)
        options->merge_min = MERGE_MIN;
    if (options->block_bytes == 0)
        options->block_bytes = SEGLOG_STREAM_BLOCK;
    seal.level = options->level;
    seal.block_bytes = options->block_bytes;
    seal.memory_max = options->memory_max;
    seal.threads = options->threads;
    /* Also where there turns out to be nothing to do. */
    if (options->private_key &&
        !slg_stream_public_key(options->private_key, public_key))
        return slg_stream_fail_crypt(err);
    return slg_seal_options_settle(&seal, err);
}

static seglog_code
growing_rotate(struct slg_streams *streams, uint64_t stream,
               struct seglog_error *err)
{
    struct slg_request request = { .kind = SLG_REQUEST_ROTATE, .err = err };

    return slg_stream_ask(streams, stream, &request);
}

seglog_code
seglog_stream_compact(struct seglog_streams streams, uint64_t stream,
                      const struct seglog_stream_compact_options *options,
                      struct seglog_stream_compacted *result,
                      struct seglog_error *err)
{
    struct seglog_stream_compact_options settled;
    struct seglog_stream_compacted compacted = { 0 };
    struct slg_streams *own = NULL;
    seglog_code code = slg_streams_of(streams, &own, err);

    if (code == SEGLOG_OK)
        code = slg_streams_check_writable(own, err);
    if (code != SEGLOG_OK)
        return code;
    if (!slg_options_copy(&settled, sizeof settled, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the size of the options is not that of a struct of "
                        "this version");
    code = options_settle(&settled, err);
    if (code == SEGLOG_OK && settled.rotates)
        code = growing_rotate(own, stream, err);
    if (code == SEGLOG_OK) {
        struct slg_compaction compaction = { .streams = own,
                                             .stream = stream,
                                             .options = &settled,
                                             .result = &compacted };

        code = compaction_run(&compaction, err);
    }
    if (result)
        *result = compacted;
    return code;
}
