/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_seal.c - sealing: locks, attempts, the replace.
 *
 * Whoever seals holds the lock of NAME.sealing from beginning to end, so that
 * only one does.  The lock of the segment is taken twice: for a moment at the
 * beginning, to see where it stands and whether it can be had at all, and at
 * the end, for what has come since and for the replace.  A shared writer that
 * comes next sees that its blob was replaced and says SEALED.
 */
#define _POSIX_C_SOURCE 200809L /* sysconf */
#include "src/segment/segment_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/checksum.h"
#include "src/segment/segment_reader.h"
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"
#include "src/store/options.h"

#define SEALING_SUFFIX ".sealing"

/* The largest blocks that fit into this part of memory_max. */
#define MEMORY_SHARE 16u
/* How often the end is read without the lock while much comes. */
#define ROUNDS_MAX 4u
/* After so many changes under its hands it keeps the lock from the start. */
#define ATTEMPTS_UNLOCKED 3u
#define PROGRESS_BYTES    (UINT64_C(1) << 20)
/* Threads that are made when nobody says how many, and their memory. */
#define THREADS_CHOSEN 4
#define MEMORY_CHOSEN  ((size_t)512 << 20)
/* From here on encoding takes much memory. */
#define LEVEL_MUCH 10

struct seal {
    struct seglog_store store;
    const char *name;
    char temp[SLG_NAME_CAP];
    struct seglog_seal_options options;
    struct seglog_lock lock;      /* of temp */
    struct seglog_writer *writer; /* holds the lock of the segment; or NULL */
    struct seglog_reader *reader;
    struct slg_build build;
    struct slg_kin *kin; /* NULL: no parent */
    struct slg_verify verify;
    uint64_t epoch; /* the newest of the segment when it was looked at */
    uint64_t progress_at;
    uint64_t verified_end; /* as much has been read back */
};

/* -- options -------------------------------------------------------------- */

static seglog_code
fail_option(struct seglog_error *err, const char *option, const char *rule)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "seal option %s: %s", option,
                    rule);
}

/*
 * Each thread has a block's text, what is made of it and room to encode
 * (columns.h).  How much it may take to encode is the same for any number of
 * threads, or what comes out would not be: so there are two only where there is
 * twice as much as the smallest memory for such blocks.
 */
static unsigned
threads_settle(const struct seglog_seal_options *options)
{
    const size_t each =
        options->block_bytes *
        (options->level < LEVEL_MUCH ? MEMORY_SHARE : 2 * MEMORY_SHARE);
    const size_t memory =
        options->memory_max > 0 ? options->memory_max : MEMORY_CHOSEN;
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = options->threads;

    if (threads == 0)
        threads = online > 1 ? (size_t)online : 1;
    if (options->threads == 0 && threads > THREADS_CHOSEN)
        threads = THREADS_CHOSEN;
    if ((options->threads == 0 || options->memory_max > 0) &&
        threads > memory / each)
        threads = memory / each;
    if (threads > SLG_SEAL_THREADS_MAX)
        threads = SLG_SEAL_THREADS_MAX;
    return threads > 1 ? (unsigned)threads : 1;
}

seglog_code
slg_seal_options_settle(struct seglog_seal_options *options,
                        struct seglog_error *err)
{
    if (options->level == 0)
        options->level = SEGLOG_SEAL_LEVEL_DEFAULT;
    if (options->block_bytes == 0)
        options->block_bytes = SEGLOG_SEAL_BLOCK_DEFAULT;
    if (options->level < 1 || options->level > SEGLOG_SEAL_LEVEL_MAX)
        return fail_option(err, "level", "it must be 1 to 19");
    if (options->block_bytes < SEGLOG_SEAL_BLOCK_MIN ||
        options->block_bytes > SEGLOG_SEAL_BLOCK_MAX)
        return fail_option(err, "block_bytes", "it must be 64 KiB to 128 MiB");
    if (options->memory_max > 0 &&
        options->block_bytes > options->memory_max / MEMORY_SHARE)
        options->block_bytes = options->memory_max / MEMORY_SHARE;
    if (options->block_bytes < SEGLOG_SEAL_BLOCK_MIN)
        return fail_option(err, "memory_max", "it must be at least 1 MiB");
    options->threads = threads_settle(options);
#ifndef SEGLOG_HAVE_ZSTD
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "this build cannot seal: it has no zstd");
#else
    return SEGLOG_OK;
#endif
}

/* -- the lock of the segment ---------------------------------------------- */

static void
segment_unlock(struct seal *seal)
{
    (void)seglog_writer_close(seal->writer, NULL);
    seal->writer = NULL;
}

/* An exclusive writer: it cuts a torn tail, finds damage at the end, and tells
 * others to look at the segment before they go on. */
static seglog_code
segment_lock(struct seal *seal, struct seglog_error *err)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .create = SEGLOG_CREATE_NEVER,
        .lock_timeout_ms = seal->options.lock_timeout_ms,
        .no_closing_mark = true,
    };

    return seal->writer ? SEGLOG_OK
                        : seglog_writer_open(seal->store, seal->name, &options,
                                             &seal->writer, err);
}

static uint64_t
newest_epoch(const struct seglog_writer *writer)
{
    const struct slg_point *at = &writer->flushed;

    return at->epoch > at->newest_epoch ? at->epoch : at->newest_epoch;
}

/* A writer would make a new segment of what has no header yet. */
static seglog_code
header_look(struct seal *seal, struct seglog_error *err)
{
    const struct slg_place place = { .name = seal->name,
                                     .offset = SEGLOG_NO_OFFSET };
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    seglog_code code =
        seglog_blob_open(seal->store, seal->name, SEGLOG_OPEN_READ, &blob, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_get_size(blob, &size, NULL, err);
    (void)seglog_blob_close(&blob, NULL);
    if (code == SEGLOG_OK && size < SLG_HEADER_BYTES)
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "no segment yet: it has no header");
    return code;
}

static seglog_code
segment_look(struct seal *seal, bool keeps_lock, struct seglog_error *err)
{
    seglog_code code = header_look(seal, err);

    if (code == SEGLOG_OK)
        code = segment_lock(seal, err);
    if (code != SEGLOG_OK)
        return code;
    seal->epoch = newest_epoch(seal->writer);
    if (!keeps_lock)
        segment_unlock(seal);
    if (seal->epoch >> 32 == UINT32_MAX)
        return slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                        "it was cut too often; `seglog repair` makes a new "
                        "one of it");
    return SEGLOG_OK;
}

/* -- the new segment ------------------------------------------------------ */

static seglog_code
build_start(struct seal *seal, const struct slg_prelude *prelude,
            struct seglog_error *err)
{
    struct slg_build *build = &seal->build;

    build->name = seal->temp;
    build->kin = seal->kin;
    build->parent = seal->options.parent;
    build->header = seal->reader->walk.header;
    build->header.features_refuse &= SLG_REFUSE_CHAINED;
    if (seal->kin)
        build->header.features_refuse |= SLG_REFUSE_REFERS;
    return slg_build_start(build, seal->store, &seal->options, prelude,
                           seal->epoch, err);
}

static seglog_code
attempt_open(struct seal *seal, struct seglog_error *err)
{
    const struct slg_place place = { .name = seal->name, .offset = 0 };
    struct slg_prelude *prelude = NULL;
    seglog_code code = slg_reader_open_with_controls(seal->store, seal->name,
                                                     NULL, &seal->reader, err);

    if (code != SEGLOG_OK)
        return code;
    if (seal->reader->walk.limits.is_sealed)
        return slg_fail(err, SEGLOG_SEALED, &place, "it is sealed already");
    prelude = calloc(1, sizeof *prelude);
    if (!prelude)
        return slg_fail(err, SEGLOG_NO_MEMORY, &place, "no memory to seal");
    code = slg_prelude_read(prelude, seal->store, seal->reader->blob,
                            seal->name, err);
    if (code == SEGLOG_OK)
        code = build_start(seal, prelude, err);
    slg_walk_reset(&prelude->walk);
    free(prelude);
    return code;
}

static void
attempt_reset(struct seal *seal)
{
    slg_verify_reset(&seal->verify);
    (void)seglog_blob_close(&seal->build.blob, NULL);
    slg_build_reset(&seal->build);
    seglog_reader_close(seal->reader);
    seal->reader = NULL;
    seal->progress_at = 0;
    seal->verified_end = 0;
}

/* -- copying -------------------------------------------------------------- */

static seglog_code
progress_tell(struct seal *seal, struct seglog_error *err)
{
    const struct slg_walk *walk = &seal->reader->walk;
    const struct slg_place place = { .name = seal->name,
                                     .offset = walk->at.pos };

    if (!seal->options.on_progress || walk->at.pos < seal->progress_at)
        return SEGLOG_OK;
    seal->progress_at = walk->at.pos + PROGRESS_BYTES;
    return seal->options.on_progress(seal->options.arg, walk->at.pos,
                                     walk->window.size)
               ? SEGLOG_OK
               : slg_fail(err, SEGLOG_END, &place, "it was stopped");
}

/* While others encode there is time to read back what is written; who does all
 * alone keeps that for later, so that it takes no memory beside encoding. */
static seglog_code
written_verify(struct seal *seal, struct seglog_error *err)
{
    if (!slg_jobs_are_threaded(seal->build.jobs) ||
        seal->build.end - seal->verified_end < seal->options.block_bytes / 32)
        return SEGLOG_OK;
    seal->verified_end = seal->build.end;
    return slg_verify_advance(&seal->verify, seal->store, seal->temp, err);
}

/*
 * All that stands before `until`.  Others may append faster than this reads:
 * unlocked it would never come to the end.  CONFLICT: it was cut under our
 * hands.
 */
static seglog_code
copy_until(struct seal *seal, uint64_t until, struct seglog_error *err)
{
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    for (;;) {
        if (seal->reader->delivery.left == 0 &&
            seal->reader->walk.at.pos >= until)
            return SEGLOG_OK;
        code = seglog_reader_next(seal->reader, &event, err);
        if (code != SEGLOG_OK)
            return code == SEGLOG_END ? SEGLOG_OK : code;
        code =
            event.type == SLG_EVENT_CONTROL
                ? slg_build_add_control(&seal->build, &seal->reader->step, err)
                : slg_build_add(&seal->build, &event, err);
        if (code == SEGLOG_OK)
            code = written_verify(seal, err);
        if (code == SEGLOG_OK)
            code = progress_tell(seal, err);
        if (code != SEGLOG_OK)
            return code;
    }
}

static seglog_code
fail_moved(const struct seal *seal, struct seglog_error *err)
{
    const struct slg_place place = { .name = seal->name,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, SEGLOG_CONFLICT, &place,
                    "it was cut or replaced while it was sealed");
}

/* While much comes, most of it is done without keeping others from it. */
static seglog_code
copy_unlocked(struct seal *seal, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;
    uint64_t before = 0;
    uint64_t size = 0;

    for (unsigned round = 0; round < ROUNDS_MAX && code == SEGLOG_OK; round++) {
        code = seglog_blob_get_size(seal->reader->blob, &size, NULL, err);
        if (code == SEGLOG_OK)
            code = copy_until(seal, size, err);
        if (code == SEGLOG_OK)
            code = slg_build_settle(&seal->build, err);
        if (code == SEGLOG_OK)
            code = seglog_blob_sync(seal->build.blob, err);
        if (code == SEGLOG_OK)
            code =
                slg_verify_advance(&seal->verify, seal->store, seal->temp, err);
        if (seal->build.end - before < seal->options.block_bytes / 8)
            break;
        before = seal->build.end;
    }
    return code;
}

/* Under the lock: is what was read all there is, and still what it was? */
static seglog_code
source_check(const struct seal *seal, struct seglog_error *err)
{
    const struct slg_walk *walk = &seal->reader->walk;
    const struct slg_point *at = &seal->writer->flushed;
    uint64_t size = 0;
    bool is_replaced = false;
    const seglog_code code =
        seglog_blob_get_size(seal->reader->blob, &size, &is_replaced, err);

    if (code != SEGLOG_OK)
        return code;
    return is_replaced || size != at->end || walk->at.pos != at->end ||
                   walk->at.number != at->number || walk->at.line != at->line ||
                   walk->at.epoch != at->epoch ||
                   newest_epoch(seal->writer) >> 32 >= seal->build.new_epoch >>
                       32
               ? fail_moved(seal, err)
               : SEGLOG_OK;
}

static seglog_code
copy_rest(struct seal *seal, struct seglog_error *err)
{
    seglog_code code = segment_lock(seal, err);

    if (code == SEGLOG_OK)
        code = copy_until(seal, UINT64_MAX, err);
    if (code == SEGLOG_OK)
        code = source_check(seal, err);
    if (code == SEGLOG_OK)
        code = slg_build_finish(&seal->build, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(seal->build.blob, err);
    if (code == SEGLOG_OK)
        code = slg_verify_advance(&seal->verify, seal->store, seal->temp, err);
    return code == SEGLOG_OK
               ? slg_verify_finish(&seal->verify, &seal->build, err)
               : code;
}

/* -- the call ------------------------------------------------------------- */

static void
result_fill(const struct seal *seal, struct seglog_seal_result *result)
{
    const struct slg_footer *footer = &seal->build.footer;

    if (result)
        *result = (struct seglog_seal_result){
            .records = footer->records,
            .blocks = footer->blocks,
            .text_bytes = footer->text_bytes,
            .bytes_before = seal->writer->flushed.end,
            .bytes_after = seal->build.end,
        };
}

/*
 * The writer is not closed: it would say where the old segment ends.  What it
 * has left in the lock tells the next writer to look, and so to see that the
 * segment was replaced.
 */
static seglog_code
seal_replace(struct seal *seal, struct seglog_seal_result *result,
             struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    slg_hint_begin_write(seal->writer);
    code = seglog_store_replace(seal->store, seal->temp, seal->name, err);
    if (code == SEGLOG_OK)
        result_fill(seal, result);
    (void)slg_writer_free(seal->writer, NULL);
    seal->writer = NULL;
    return code;
}

static seglog_code
seal_attempt(struct seal *seal, bool keeps_lock,
             struct seglog_seal_result *result, struct seglog_error *err)
{
    seglog_code code = segment_look(seal, keeps_lock, err);

    if (code == SEGLOG_OK)
        code = attempt_open(seal, err);
    if (code == SEGLOG_OK && !keeps_lock)
        code = copy_unlocked(seal, err);
    if (code == SEGLOG_OK)
        code = copy_rest(seal, err);
    if (code == SEGLOG_OK)
        code = seal_replace(seal, result, err);
    if (seal->writer)
        segment_unlock(seal);
    attempt_reset(seal);
    return code;
}

/* It is sealed, by its header.  Without its end it is a damaged one. */
static seglog_code
sealed_check(const struct seal *seal, struct seglog_error *err)
{
    struct seglog_seal_info info;
    const seglog_code code =
        seglog_segment_get_seal(seal->store, seal->name, &info, err);

    return code == SEGLOG_OK ? SEGLOG_SEALED : code;
}

static seglog_code
seal_run(struct seal *seal, struct seglog_seal_result *result,
         struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (unsigned attempt = 0; attempt <= ATTEMPTS_UNLOCKED; attempt++) {
        code = seal_attempt(seal, attempt == ATTEMPTS_UNLOCKED, result, err);
        if (code != SEGLOG_CONFLICT)
            break;
    }
    if (code != SEGLOG_OK)
        (void)!seglog_store_remove(seal->store, seal->temp, NULL);
    return code == SEGLOG_SEALED ? sealed_check(seal, err) : code;
}

static seglog_code
sealing_lock(struct seal *seal, struct seglog_error *err)
{
    const struct slg_place place = { .name = seal->name,
                                     .offset = SEGLOG_NO_OFFSET };
    seglog_code code =
        seglog_lock_open(seal->store, seal->temp, &seal->lock, err);

    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(seal->lock, 0, err);
    return code == SEGLOG_LOCKED
               ? slg_fail(err, code, &place, "somebody else is sealing it")
               : code;
}

static seglog_code
parent_open(struct seal *seal, struct seglog_error *err)
{
    const seglog_code code = slg_name_check(seal->options.parent, err);

    return code == SEGLOG_OK
               ? slg_kin_open(&seal->kin, seal->store, seal->options.parent,
                              seal->name, seal->options.memory_max, err)
               : code;
}

seglog_code
seglog_segment_seal(struct seglog_store store, const char *name,
                    const struct seglog_seal_options *options,
                    struct seglog_seal_result *result, struct seglog_error *err)
{
    struct seal *seal = NULL;
    seglog_code code = slg_name_check(name, err);

    if (code != SEGLOG_OK)
        return code;
    seal = calloc(1, sizeof *seal);
    if (!seal)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory to seal");
    seal->store = store;
    seal->name = name;
    if (!slg_options_copy(&seal->options, sizeof seal->options, options))
        code = fail_option(err, "size", "not that of a struct of this version");
    else
        code = slg_seal_options_settle(&seal->options, err);
    if (code == SEGLOG_OK &&
        snprintf(seal->temp, sizeof seal->temp, "%s" SEALING_SUFFIX, name) >=
            (int)sizeof seal->temp)
        code = slg_fail(err, SEGLOG_INVALID, NULL,
                        "the name is too long for the one of the new segment");
    if (code == SEGLOG_OK)
        code = header_look(seal, err);
    if (code == SEGLOG_OK)
        code = sealing_lock(seal, err);
    if (code == SEGLOG_OK) {
        code = seal->options.parent ? parent_open(seal, err) : SEGLOG_OK;
        if (code == SEGLOG_OK)
            code = seal_run(seal, result, err);
        (void)seglog_lock_discard(seal->lock, NULL);
    }
    seglog_lock_close(&seal->lock);
    slg_kin_close(seal->kin);
    free(seal);
    return code;
}
