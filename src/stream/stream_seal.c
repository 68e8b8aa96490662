/* SPDX-License-Identifier: MIT */
/* src/stream/stream_seal.c - completed segments, sealed and signed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/header.h"
#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_seal.h"
#include "src/segment/segment_seal_merge.h"
#include "src/store/fail.h"
#include "src/store/options.h"
#include "src/stream/stream_attributes.h"
#include "src/stream/stream_names.h"
#include "src/stream/stream_verify.h"

#define TEMP_CAP (SEGLOG_STREAM_NAME_CAP + sizeof ".sealing")

struct sealing {
    const struct slg_streams *streams;
    uint64_t stream;
    const struct seglog_stream_seal_options *options; /* settled */
    struct slg_stream_attributes attributes;
    uint8_t public_key[SEGLOG_SIGN_KEY_BYTES];
    struct seglog_stream_sealed *result;
    /* The segment that is done. */
    char name[SEGLOG_STREAM_NAME_CAP];
    char temp[TEMP_CAP];
    struct seglog_scan_summary summary; /* when it was looked at */
};

/* -- signatures ------------------------------------------------------------ */

/* Of the head that it ends with, by whomever? */
static seglog_code
signature_find(const struct sealing *sealing, bool *is_signed,
               struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = false };
    struct slg_chain_reader *reader = NULL;
    seglog_code code = slg_chain_reader_open(
        sealing->streams->store, sealing->name, &options, &reader, err);

    *is_signed = false;
    if (code == SEGLOG_OK)
        code = slg_chain_reader_seek(reader, INT64_MAX, err);
    while (code == SEGLOG_OK && !*is_signed) {
        struct slg_chain_event event;

        code = slg_chain_reader_next(reader, &event, err);
        *is_signed = code == SEGLOG_OK &&
                     event.type == SLG_CHAIN_EVENT_SIGNATURE &&
                     event.number == sealing->summary.next_record;
    }
    slg_chain_reader_close(reader);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static bool
end_signs(void *arg, uint64_t next_record, const struct seglog_chain_hash *head,
          struct slg_signature *signature)
{
    const struct sealing *sealing = arg;
    const struct seglog_stream_end end = { .next_offset = next_record - 1,
                                           .hash = *head };

    memcpy(signature->public_key, sealing->public_key,
           sizeof signature->public_key);
    return slg_stream_sign_end(
        sealing->options->private_key, sealing->attributes.identity,
        sealing->stream, sealing->attributes.chain, &end, signature->bytes);
}

/* -- one segment ----------------------------------------------------------- */

static bool
progress_tell(void *arg, uint64_t done, uint64_t total)
{
    const struct sealing *sealing = arg;
    const struct seglog_stream_seal_options *options = sealing->options;

    return options->on_progress(options->arg, sealing->name, done, total);
}

static seglog_code
sealed_write(struct sealing *sealing, struct slg_merge_result *result,
             struct seglog_error *err)
{
    const struct seglog_stream_seal_options *options = sealing->options;
    const char *names[1] = { sealing->name };
    const struct slg_merge_options merge = {
        .names = names,
        .count = 1,
        .new_name = sealing->temp,
        .seal = { .size = sizeof merge.seal,
                  .level = options->level,
                  .block_bytes = options->block_bytes,
                  .memory_max = options->memory_max,
                  .threads = options->threads,
                  .on_progress = options->on_progress ? progress_tell : NULL,
                  .arg = sealing },
        .signs = options->private_key ? end_signs : NULL,
    };

    return slg_segments_merge(sealing->streams->store, &merge, result, err);
}

/* With its lock: is it what was read?  Then the sealed one is put there. */
static seglog_code
sealed_put(const struct sealing *sealing, struct seglog_error *err)
{
    const struct slg_place place = { .name = sealing->name,
                                     .offset = SEGLOG_NO_OFFSET };
    const struct seglog_store store = sealing->streams->store;
    struct seglog_scan_summary summary;
    seglog_code code =
        seglog_segment_get_summary(store, sealing->name, &summary, err);

    if (code != SEGLOG_OK)
        return code;
    if (summary.bytes != sealing->summary.bytes ||
        summary.epoch != sealing->summary.epoch ||
        summary.next_record != sealing->summary.next_record)
        return slg_fail(err, SEGLOG_LOCKED, &place,
                        "somebody else has changed it while it was sealed: try "
                        "again");
    return seglog_store_replace(store, sealing->temp, sealing->name, err);
}

static seglog_code
sealed_replace(const struct sealing *sealing, struct seglog_error *err)
{
    const struct slg_streams *streams = sealing->streams;
    struct seglog_lock lock = { 0 };
    seglog_code code =
        seglog_lock_open(streams->store, sealing->name, &lock, err);

    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(lock, streams->options.lock_timeout_ms, err);
    if (code == SEGLOG_OK) {
        void *hint = seglog_lock_get_hint(lock);

        /* Writers that find their hint do not ask whether the blob is the
         * same. */
        if (hint)
            memset(hint, 0, SEGLOG_LOCK_HINT_BYTES);
        code = sealed_put(sealing, err);
        (void)seglog_lock_release(lock, NULL);
    }
    seglog_lock_close(&lock);
    return code;
}

static seglog_code
segment_seal(struct sealing *sealing, struct slg_merge_result *merged,
             struct seglog_error *err)
{
    const struct seglog_store store = sealing->streams->store;
    struct seglog_lock lock = { 0 };
    /* Whoever seals a segment by its name holds this one, too. */
    seglog_code code = seglog_lock_open(store, sealing->temp, &lock, err);

    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(lock, 0, err);
    if (code == SEGLOG_OK) {
        code = sealed_write(sealing, merged, err);
        if (code == SEGLOG_OK) {
            code = sealed_replace(sealing, err);
            if (code != SEGLOG_OK)
                (void)!seglog_store_remove(store, sealing->temp, NULL);
        }
        (void)seglog_lock_discard(lock, NULL);
        (void)seglog_lock_release(lock, NULL);
    }
    seglog_lock_close(&lock);
    return code;
}

static seglog_code
segment_do(struct sealing *sealing, const struct slg_stream_part *part,
           struct seglog_error *err)
{
    struct seglog_stream_sealed *result = sealing->result;
    struct slg_merge_result merged;
    bool is_signed = true;
    seglog_code code = SEGLOG_OK;

    slg_stream_part_name(sealing->stream, part, sealing->name);
    (void)snprintf(sealing->temp, sizeof sealing->temp, "%s.sealing",
                   sealing->name);
    code = seglog_segment_get_summary(sealing->streams->store, sealing->name,
                                      &sealing->summary, err);
    if (code != SEGLOG_OK)
        return code;
    if ((sealing->summary.features_refuse & SLG_REFUSE_SEALED) != 0) {
        if (sealing->options->private_key)
            code = signature_find(sealing, &is_signed, err);
        if (code != SEGLOG_OK || is_signed) {
            result->already += code == SEGLOG_OK;
            return code;
        }
    }
    code = segment_seal(sealing, &merged, err);
    if (code != SEGLOG_OK)
        return code;
    result->sealed++;
    result->events += merged.records;
    result->bytes_before += merged.bytes_before;
    result->bytes_after += merged.bytes_after;
    return SEGLOG_OK;
}

/* -- all of them ----------------------------------------------------------- */

static seglog_code
segments_do(struct sealing *sealing, struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    bool is_there = false;
    seglog_code code = slg_stream_parts_list(sealing->streams->store,
                                             sealing->stream, &parts, err);

    if (code == SEGLOG_OK && parts.count == 0)
        code = slg_stream_fail_missing(sealing->stream, err);
    if (code == SEGLOG_OK)
        code = slg_stream_attributes_find(sealing->streams->store,
                                          sealing->stream, &parts,
                                          &sealing->attributes, &is_there, err);
    if (code == SEGLOG_OK && !is_there)
        code = slg_fail(err, SEGLOG_CORRUPT, NULL,
                        "no segment of stream %" PRIu64
                        " says any more which one it is",
                        sealing->stream);
    for (size_t i = 0; code == SEGLOG_OK && i + 1 < parts.count; i++)
        code = segment_do(sealing, &parts.parts[i], err);
    slg_stream_parts_reset(&parts);
    return code;
}

/* One at a time for each stream: the same lock as that of compaction. */
static seglog_code
stream_seal(struct sealing *sealing, struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    char name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(name, sizeof name, "stream.%" PRIu64, sealing->stream);
    code = seglog_lock_open(sealing->streams->store, name, &lock, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(lock, 0, err);
    if (code == SEGLOG_OK) {
        code = segments_do(sealing, err);
        (void)seglog_lock_discard(lock, NULL);
        (void)seglog_lock_release(lock, NULL);
    }
    seglog_lock_close(&lock);
    return code;
}

static seglog_code
options_settle(struct seglog_stream_seal_options *options,
               struct seglog_error *err)
{
    struct seglog_seal_options seal = { .size = sizeof seal };

    if (options->block_bytes == 0)
        options->block_bytes = SEGLOG_STREAM_BLOCK;
    seal.level = options->level;
    seal.block_bytes = options->block_bytes;
    seal.memory_max = options->memory_max;
    seal.threads = options->threads;
    /* Also where there turns out to be nothing to do. */
    return slg_seal_options_settle(&seal, err);
}

seglog_code
seglog_stream_seal(struct seglog_streams streams, uint64_t stream,
                   const struct seglog_stream_seal_options *options,
                   struct seglog_stream_sealed *result,
                   struct seglog_error *err)
{
    struct seglog_stream_seal_options settled;
    struct seglog_stream_sealed sealed = { 0 };
    struct slg_streams *own = NULL;
    struct sealing sealing = { .stream = stream,
                               .options = &settled,
                               .result = &sealed };
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
    if (code == SEGLOG_OK && settled.private_key &&
        !slg_stream_public_key(settled.private_key, sealing.public_key))
        code = slg_stream_fail_crypt(err);
    sealing.streams = own;
    if (code == SEGLOG_OK)
        code = stream_seal(&sealing, err);
    if (result)
        *result = sealed;
    return code;
}
