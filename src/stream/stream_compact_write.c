/* SPDX-License-Identifier: MIT */
/* src/stream/stream_compact_write.c - one segment, from one or more. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_chain.h"
#include "src/segment/segment_seal_merge.h"
#include "src/store/fail.h"
#include "src/stream/stream_compact.h"
#include "src/stream/stream_verify.h"

struct writing {
    struct slg_compaction *compaction;
    const struct slg_piece *pieces;
    size_t count;
    char (*names)[SEGLOG_STREAM_NAME_CAP];
    const char **name_list;
    char name[SEGLOG_STREAM_NAME_CAP]; /* of the new one */
    char temp[SLG_BESIDE_CAP];
};

/* -- what merging asks ----------------------------------------------------- */

/*
 * Only what a tombstone says the very hashes of is dropped: what is left has to
 * lead from the head before to the one behind.
 */
static bool
record_drops(void *arg, const struct seglog_record *record,
             const struct seglog_chain_hash *before)
{
    struct slg_compaction *compaction = ((struct writing *)arg)->compaction;
    const struct slg_tombs *tombs = &compaction->tombs;
    const uint64_t number = record->record_no;
    struct seglog_chain_hash hash;

    if (!slg_tombs_have(tombs, number))
        return false;
    if (before) {
        slg_chain_hash(compaction->chain, before, SLG_CHAIN_KIND_RECORD,
                       record->data, record->len, &hash);
        for (size_t at = slg_tombs_find(tombs, number);
             at < tombs->count && tombs->items[at].number == number; at++) {
            if (slg_chain_hash_is_same(&tombs->items[at].before, before) &&
                slg_chain_hash_is_same(&tombs->items[at].hash, &hash))
                return true;
        }
    }
    compaction->wrong = number;
    return false;
}

static bool
end_signs(void *arg, uint64_t next_record, const struct seglog_chain_hash *head,
          struct slg_signature *signature)
{
    const struct slg_compaction *compaction =
        ((struct writing *)arg)->compaction;
    const uint8_t *key = compaction->options->private_key;
    const struct seglog_stream_end end = { .next_offset = next_record - 1,
                                           .hash = *head };

    return slg_stream_public_key(key, signature->public_key) &&
           slg_stream_sign_end(key, compaction->identity, compaction->stream,
                               compaction->chain, &end, signature->bytes);
}

static bool
progress_tell(void *arg, uint64_t done, uint64_t total)
{
    const struct slg_compaction *compaction =
        ((struct writing *)arg)->compaction;
    const struct seglog_stream_compact_options *options = compaction->options;

    (void)total;
    return options->on_progress(options->arg, compaction->done + done,
                                compaction->total);
}

/* -- the new one ----------------------------------------------------------- */

static seglog_code
segment_write(struct writing *writing, struct slg_merge_result *result,
              struct seglog_error *err)
{
    struct slg_compaction *compaction = writing->compaction;
    const struct seglog_stream_compact_options *options = compaction->options;
    const struct seglog_store store = compaction->streams->store;
    const struct slg_merge_options merge = {
        .names = writing->name_list,
        .count = writing->count,
        .new_name = writing->temp,
        .seal = { .size = sizeof merge.seal,
                  .level = options->level,
                  .block_bytes = options->block_bytes,
                  .memory_max = options->memory_max,
                  .threads = options->threads,
                  .on_progress = options->on_progress ? progress_tell : NULL,
                  .arg = writing },
        .drops = compaction->tombs.count > 0 ? record_drops : NULL,
        .signs = options->private_key ? end_signs : NULL,
    };
    struct slg_place place = { .name = writing->names[0],
                               .offset = SEGLOG_NO_OFFSET };
    seglog_code code = SEGLOG_OK;

    compaction->wrong = 0;
    code = slg_segments_merge(store, &merge, result, err);
    if (code != SEGLOG_OK || compaction->wrong == 0)
        return code;
    place.record_no = compaction->wrong;
    (void)slg_stream_blob_remove(store, writing->temp, NULL);
    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "the tombstone of event %" PRIu64
                    " says other hashes than it has: verify the stream",
                    compaction->wrong - 1);
}

/* -- in its place ---------------------------------------------------------- */

static seglog_code
fail_changed(const char *name, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, SEGLOG_LOCKED, &place,
                    "somebody else has changed it while it was compacted: try "
                    "again");
}

/* With its lock: is it what was read? */
static seglog_code
piece_check(const struct writing *writing, size_t i, struct seglog_error *err)
{
    const struct slg_piece *piece = &writing->pieces[i];
    struct seglog_scan_summary summary;
    const seglog_code code = seglog_segment_get_summary(
        writing->compaction->streams->store, writing->names[i], &summary, err);

    if (code != SEGLOG_OK)
        return code;
    return summary.bytes == piece->bytes && summary.epoch == piece->epoch &&
                   summary.next_record == piece->next_record
               ? SEGLOG_OK
               : fail_changed(writing->names[i], err);
}

/* From here on the new one is what the names lead to. */
static seglog_code
segment_replace(const struct writing *writing, struct seglog_error *err)
{
    return seglog_store_replace(writing->compaction->streams->store,
                                writing->temp, writing->name, err);
}

static seglog_code
single_put(const struct writing *writing, struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    seglog_code code = slg_stream_part_lock(writing->compaction->streams,
                                            writing->names[0], &lock, err);

    if (code != SEGLOG_OK)
        return code;
    code = piece_check(writing, 0, err);
    if (code == SEGLOG_OK)
        code = segment_replace(writing, err);
    (void)seglog_lock_release(lock, NULL);
    seglog_lock_close(&lock);
    return code;
}

static seglog_code
old_check(const struct writing *writing, size_t i, struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    seglog_code code = slg_stream_part_lock(writing->compaction->streams,
                                            writing->names[i], &lock, err);

    if (code != SEGLOG_OK)
        return code;
    code = piece_check(writing, i, err);
    (void)seglog_lock_release(lock, NULL);
    seglog_lock_close(&lock);
    return code;
}

/*
 * Only compaction, of which there is one, changes what has a successor.  As
 * soon as the new one has its name the old ones are leftovers (SPEC.md 16.2).
 */
static seglog_code
merged_put(const struct writing *writing, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < writing->count && code == SEGLOG_OK; i++)
        code = old_check(writing, i, err);
    if (code == SEGLOG_OK)
        code = segment_replace(writing, err);
    for (size_t i = writing->count; i > 0 && code == SEGLOG_OK; i--)
        code = slg_stream_part_remove(writing->compaction->streams,
                                      writing->names[i - 1], err);
    return code;
}

/* -- a group --------------------------------------------------------------- */

static seglog_code
names_make(struct writing *writing, struct seglog_error *err)
{
    const uint64_t stream = writing->compaction->stream;
    const struct slg_stream_part *first = &writing->pieces[0].part;
    const struct slg_stream_part part = {
        .first = first->first,
        .last = writing->pieces[writing->count - 1].part.last,
        .offset = first->offset,
    };

    writing->names = calloc(writing->count, sizeof *writing->names);
    writing->name_list = calloc(writing->count, sizeof *writing->name_list);
    if (!writing->names || !writing->name_list)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory to merge so many segments");
    for (size_t i = 0; i < writing->count; i++)
        writing->name_list[i] = slg_stream_part_name(
            stream, &writing->pieces[i].part, writing->names[i]);
    slg_stream_part_name(stream, &part, writing->name);
    slg_stream_name_beside(writing->name, ".sealing", writing->temp);
    return SEGLOG_OK;
}

static seglog_code
group_write(struct writing *writing, struct seglog_error *err)
{
    struct slg_compaction *compaction = writing->compaction;
    struct seglog_stream_compacted *result = compaction->result;
    struct slg_merge_result merged;
    uint64_t bytes = 0;
    seglog_code code = segment_write(writing, &merged, err);

    if (code != SEGLOG_OK)
        return code;
    code = writing->count == 1 ? single_put(writing, err)
                               : merged_put(writing, err);
    /* Where it has been put in its place there is none of that name. */
    if (code != SEGLOG_OK) {
        (void)slg_stream_blob_remove(compaction->streams->store, writing->temp,
                                     NULL);
        return code;
    }
    for (size_t i = 0; i < writing->count; i++)
        bytes += writing->pieces[i].bytes;
    compaction->done += bytes;
    result->bytes_after = result->bytes_after - bytes + merged.bytes_after;
    result->segments_after -= writing->count - 1;
    result->written++;
    result->events += merged.records;
    result->dropped += merged.dropped;
    return SEGLOG_OK;
}

/* Whoever seals a segment by its name holds this lock, too. */
static seglog_code
group_lock(const struct writing *writing, struct seglog_lock *lock,
           struct seglog_error *err)
{
    seglog_code code = seglog_lock_open(writing->compaction->streams->store,
                                        writing->temp, lock, err);

    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(*lock, 0, err);
    if (code != SEGLOG_OK)
        seglog_lock_close(lock);
    return code;
}

seglog_code
slg_compaction_write(struct slg_compaction *compaction, size_t first,
                     struct seglog_error *err)
{
    struct writing writing = {
        .compaction = compaction,
        .pieces = &compaction->pieces[first],
        .count = compaction->pieces[first].group,
    };
    struct seglog_lock lock = { 0 };
    seglog_code code = names_make(&writing, err);

    if (code == SEGLOG_OK)
        code = group_lock(&writing, &lock, err);
    if (code == SEGLOG_OK) {
        code = group_write(&writing, err);
        (void)seglog_lock_discard(lock, NULL);
        (void)seglog_lock_release(lock, NULL);
        seglog_lock_close(&lock);
    }
    free(writing.names);
    free(writing.name_list);
    return code;
}
