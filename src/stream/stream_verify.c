/* SPDX-License-Identifier: MIT */
/* src/stream/stream_verify.c - segment by segment, by several threads. */
#define _POSIX_C_SOURCE 200809L /* pthread, sysconf */

#include "src/stream/stream_verify.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_reader.h"
#include "src/store/fail.h"
#include "src/store/options.h"
#include "src/stream/stream_attributes.h"

#define THREADS_MAX 4u

/* So often may a segment be gone when it is opened. */
#define GONE_MAX 64u

const char *
seglog_stream_fault_name(enum seglog_stream_fault fault)
{
    static const char *const names[] = {
        [SEGLOG_STREAM_FAULT_NONE] = "none",
        [SEGLOG_STREAM_FAULT_DAMAGE] = "damage",
        [SEGLOG_STREAM_FAULT_CHAIN] = "chain",
        [SEGLOG_STREAM_FAULT_LINK] = "link",
        [SEGLOG_STREAM_FAULT_KEPT] = "kept",
        [SEGLOG_STREAM_FAULT_SHORT] = "short",
        [SEGLOG_STREAM_FAULT_SIGNATURE] = "signature",
        [SEGLOG_STREAM_FAULT_DROPPED] = "dropped",
        [SEGLOG_STREAM_FAULT_MENDED] = "mended",
    };

    return (size_t)fault < sizeof names / sizeof names[0] ? names[fault] : "?";
}

/* -- all segments ---------------------------------------------------------- */

struct verification {
    const struct seglog_stream_verify_options *options;
    struct slg_verify_job job;
    struct slg_verified_part *parts;
    size_t count;
    bool *seen; /* of all parts */
    uint64_t total;
    atomic_size_t next;
    atomic_bool is_stopped;
    atomic_uint_fast64_t done;
    pthread_mutex_t progress;
};

static void
verification_free(struct verification *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->parts[i].findings);
        slg_tombs_reset(&all->parts[i].tombs);
    }
    free(all->parts);
    free(all->seen);
}

/* Those from the one that has the first record on. */
static seglog_code
parts_choose(struct verification *all, const struct slg_stream_parts *parts,
             struct seglog_error *err)
{
    const size_t kept = all->options->kept_count;
    size_t first = 0;

    while (all->job.from > 0 && first + 1 < parts->count &&
           parts->parts[first + 1].offset < all->job.from)
        first++;
    /* One too many: of none there might be no memory either. */
    all->parts = calloc(parts->count - first + 1, sizeof *all->parts);
    all->seen =
        calloc((parts->count - first + 1) * (kept + 1), sizeof *all->seen);
    if (!all->parts || !all->seen)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory to verify so many segments");
    all->count = parts->count - first;
    for (size_t i = 0; i < all->count; i++) {
        all->parts[i].part = parts->parts[first + i];
        all->parts[i].is_seen = all->seen + i * (kept + 1);
    }
    return SEGLOG_OK;
}

static void
progress_tell(struct verification *all)
{
    const struct seglog_stream_verify_options *options = all->options;

    if (!options->on_progress)
        return;
    (void)pthread_mutex_lock(&all->progress);
    if (!atomic_load(&all->is_stopped) &&
        !options->on_progress(options->arg, atomic_load(&all->done),
                              all->total))
        atomic_store(&all->is_stopped, true);
    (void)pthread_mutex_unlock(&all->progress);
}

static void *
parts_verify(void *arg)
{
    struct verification *all = arg;

    for (;;) {
        const size_t at = atomic_fetch_add(&all->next, 1);

        if (at >= all->count || atomic_load(&all->is_stopped))
            return NULL;
        slg_verify_segment(&all->job, &all->parts[at]);
        progress_tell(all);
    }
}

static unsigned
threads_choose(const struct verification *all)
{
    unsigned threads = all->options->threads;

    /* Asking takes longer than reading a short stream. */
    if (threads == 0) {
        const long processors = sysconf(_SC_NPROCESSORS_ONLN);

        threads = processors > 0 && processors < (long)THREADS_MAX
                      ? (unsigned)processors
                      : THREADS_MAX;
    }
    return threads < all->count ? threads : (unsigned)all->count;
}

/* Of those that cannot be had the others do the work. */
static void
threads_run(struct verification *all)
{
    const unsigned wanted = threads_choose(all);
    pthread_t *threads = wanted > 1 ? calloc(wanted, sizeof *threads) : NULL;
    unsigned count = 0;

    while (threads && count + 1 < wanted &&
           pthread_create(&threads[count], NULL, parts_verify, all) == 0)
        count++;
    (void)parts_verify(all);
    for (unsigned i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    free(threads);
}

/* -- how they follow each other -------------------------------------------- */

static bool
is_predecessor(const struct slg_verified_part *before,
               const struct slg_verified_part *part)
{
    const struct seglog_predecessor *said = &part->predecessor;

    if (!part->has_predecessor || said->number != before->next_record)
        return false;
    /* Sealing and merging change all of these. */
    return before->is_sealed ||
           (memcmp(said->identity, before->identity, sizeof said->identity) ==
                0 &&
            said->epoch == before->epoch && said->end == before->size);
}

static bool
is_linked(const struct slg_verified_part *before,
          const struct slg_verified_part *part)
{
    return part->part.first == before->part.last + 1 && part->is_from_start &&
           part->first_record == before->next_record &&
           (!before->is_end_known ||
            slg_chain_hash_is_same(&before->end, &part->begin)) &&
           is_predecessor(before, part);
}

/* What the stream is known by, if anything in it says so. */
static bool
identity_is_same(const struct slg_verify_job *job)
{
    static const uint8_t none[SEGLOG_IDENTITY_BYTES];

    return memcmp(job->identity, none, sizeof none) == 0 ||
           memcmp(job->identity, job->begin->identity, sizeof none) == 0;
}

/* Is the first one what a stream begins with, or what was remembered when it
 * was trimmed? */
static bool
is_beginning(const struct slg_verify_job *job,
             const struct slg_verified_part *part)
{
    const struct slg_stream_begin *begin = job->begin;

    if (!begin->is_there)
        return part->part.first == 0 && part->part.offset == 0 &&
               part->begin.len == 0;
    return part->part.first == begin->number &&
           part->part.offset == begin->offset && part->is_from_start &&
           slg_chain_hash_is_same(&part->begin, &begin->hash) &&
           identity_is_same(job);
}

bool
slg_verify_is_linked(const struct slg_verify_job *job,
                     const struct slg_verified_part *before,
                     const struct slg_verified_part *part)
{
    return before ? is_linked(before, part) : is_beginning(job, part);
}

/* Said of the segment that does not follow, in front of what is in it. */
static seglog_code
link_add(struct slg_verified_part *part, struct seglog_error *err)
{
    struct seglog_stream_finding last;

    if (!slg_verify_add(part, SEGLOG_STREAM_FAULT_LINK, part->part.offset,
                        part->part.offset))
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for what was found");
    last = part->findings[part->finding_count - 1];
    memmove(part->findings + 1, part->findings,
            (part->finding_count - 1) * sizeof last);
    part->findings[0] = last;
    return SEGLOG_OK;
}

static seglog_code
links_check(struct verification *all, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < all->count && code == SEGLOG_OK; i++) {
        struct slg_verified_part *part = &all->parts[i];
        const bool is_good =
            i > 0 ? is_linked(part - 1, part)
                  : all->job.from > 0 || is_beginning(&all->job, part);

        /* It ends before its end: what follows it says where it should. */
        if (!is_good)
            code = link_add(part, err);
    }
    return code;
}

/* -- kept heads ------------------------------------------------------------ */

static bool
kept_is_seen(const struct verification *all, size_t kept)
{
    bool is_seen = false;

    for (size_t i = 0; i < all->count; i++)
        is_seen |= all->parts[i].is_seen[kept];
    return is_seen || (all->options->kept[kept].end.next_offset == 0 &&
                       all->options->kept[kept].end.hash.len == 0);
}

/* It is of what was verified, and not of what stood in front of tombstones that
 * were trimmed. */
static bool
kept_is_covered(const struct verification *all,
                const struct seglog_kept_head *kept)
{
    const struct slg_stream_begin *begin = all->job.begin;

    return kept->end.next_offset + 1 >= all->parts[0].checkpoint_record &&
           !(begin->is_there && begin->has_others &&
             kept->end.next_offset == begin->offset);
}

static seglog_code
kept_judge(const struct verification *all, size_t at, enum seglog_chain chain,
           enum seglog_stream_fault *fault, struct seglog_error *err)
{
    const struct seglog_stream_verify_options *options = all->options;
    const struct seglog_kept_head *kept = &options->kept[at];
    const uint64_t end = all->parts[all->count - 1].next_record - 1;
    seglog_code code = SEGLOG_OK;
    bool is_good = true;

    *fault = SEGLOG_STREAM_FAULT_NONE;
    if (options->public_key && kept->is_signed)
        code = slg_stream_check_signature(
            options->public_key, all->job.identity, all->job.stream, chain,
            &kept->end, kept->signature, &is_good, err);
    if (!is_good)
        *fault = SEGLOG_STREAM_FAULT_SIGNATURE;
    else if (kept->end.next_offset > end)
        *fault = SEGLOG_STREAM_FAULT_SHORT;
    else if (kept_is_covered(all, kept) && !kept_is_seen(all, at))
        *fault = SEGLOG_STREAM_FAULT_KEPT;
    return code;
}

static seglog_code
kept_check(struct verification *all, enum seglog_chain chain,
           struct seglog_error *err)
{
    struct slg_verified_part *last = &all->parts[all->count - 1];
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < all->options->kept_count && code == SEGLOG_OK; i++) {
        const uint64_t at = all->options->kept[i].end.next_offset;
        enum seglog_stream_fault fault = SEGLOG_STREAM_FAULT_NONE;

        code = kept_judge(all, i, chain, &fault, err);
        if (code == SEGLOG_OK && fault != SEGLOG_STREAM_FAULT_NONE &&
            !slg_verify_add(last, fault, at, at))
            code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for what was found");
    }
    return code;
}

/* -- the outcome ----------------------------------------------------------- */

static void
part_sum_up(const struct slg_verified_part *part,
            struct seglog_stream_verified *result)
{
    result->events += part->events;
    result->dropped += part->dropped;
    result->checkpoints += part->checkpoints;
    result->signatures += part->signatures;
    result->bytes_read += part->bytes_read;
    if (result->signed_offset < part->signed_offset)
        result->signed_offset = part->signed_offset;
}

static void
findings_tell(const struct verification *all,
              struct seglog_stream_verified *result)
{
    const struct seglog_stream_verify_options *options = all->options;

    for (size_t i = 0; i < all->count; i++) {
        const struct slg_verified_part *part = &all->parts[i];

        for (size_t k = 0; k < part->finding_count; k++) {
            if (result->findings++ == 0 ||
                (!result->first.has_offsets && part->findings[k].has_offsets))
                result->first = part->findings[k];
            if (options->on_finding && !result->is_stopped)
                result->is_stopped =
                    !options->on_finding(options->arg, &part->findings[k]);
        }
    }
}

static void
result_fill(const struct verification *all,
            struct seglog_stream_verified *result)
{
    const struct slg_verified_part *last = &all->parts[all->count - 1];

    result->segments = all->count;
    result->is_stopped = atomic_load(&all->is_stopped);
    result->from_offset = all->parts[0].checkpoint_record > 0
                              ? all->parts[0].checkpoint_record - 1
                              : all->parts[0].part.offset;
    result->end.next_offset = last->next_record - 1;
    if (last->is_end_known)
        result->end.hash = last->end;
    for (size_t i = 0; i < all->count; i++)
        part_sum_up(&all->parts[i], result);
    findings_tell(all, result);
    result->is_good = result->findings == 0 && !result->is_stopped;
}

/* -- the call -------------------------------------------------------------- */

static seglog_code
identity_find(struct verification *all, const struct slg_stream_parts *parts,
              enum seglog_chain *chain, struct seglog_error *err)
{
    bool is_there = false;
    seglog_code code = SEGLOG_OK;

    *chain = SEGLOG_CHAIN_SHA256;
    for (size_t i = 0; i < parts->count && !is_there && code == SEGLOG_OK;
         i++) {
        struct slg_stream_attributes attributes;
        char name[SEGLOG_STREAM_NAME_CAP];

        slg_stream_part_name(all->job.stream, &parts->parts[i], name);
        code = slg_stream_attributes_read(all->job.streams->store, name,
                                          all->job.stream, &attributes,
                                          &is_there, err);
        if (code != SEGLOG_OK || !is_there)
            continue;
        *chain = attributes.chain;
        memcpy(all->job.identity, attributes.identity,
               sizeof all->job.identity);
    }
    return code;
}

static seglog_code
sizes_add(struct verification *all, const struct slg_stream_parts *parts,
          struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < parts->count && code == SEGLOG_OK; i++) {
        struct seglog_blob_info info = { .size = 0 };
        char name[SEGLOG_STREAM_NAME_CAP];

        slg_stream_part_name(all->job.stream, &parts->parts[i], name);
        code = seglog_store_get_info(all->job.streams->store, name, &info, err);
        all->total += info.size;
    }
    return code;
}

static seglog_code
codes_check(const struct verification *all, struct seglog_error *err)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->parts[i].code == SEGLOG_OK)
            continue;
        if (err)
            *err = all->parts[i].err;
        return all->parts[i].code;
    }
    return SEGLOG_OK;
}

static seglog_code
parts_check(struct verification *all, const struct slg_stream_parts *parts,
            struct seglog_stream_verified *result, struct seglog_error *err)
{
    enum seglog_chain chain = SEGLOG_CHAIN_SHA256;
    seglog_code code = identity_find(all, parts, &chain, err);

    if (code == SEGLOG_OK)
        code = sizes_add(all, parts, err);
    if (code == SEGLOG_OK)
        code = parts_choose(all, parts, err);
    if (code != SEGLOG_OK)
        return code;
    threads_run(all);
    code = codes_check(all, err);
    if (code == SEGLOG_OK && !atomic_load(&all->is_stopped))
        code = links_check(all, err);
    if (code == SEGLOG_OK && !atomic_load(&all->is_stopped))
        code = slg_verify_match(&all->job, all->parts, all->count, err);
    if (code == SEGLOG_OK && !atomic_load(&all->is_stopped))
        code = kept_check(all, chain, err);
    if (code == SEGLOG_OK)
        result_fill(all, result);
    return code;
}

/* is_gone: a segment was, when it was opened; others stand for it. */
static seglog_code
verify_once(const struct slg_streams *streams, uint64_t stream, uint64_t from,
            const struct seglog_stream_verify_options *options,
            struct seglog_stream_verified *result, bool *is_gone,
            struct seglog_error *err)
{
    struct verification all = {
        .options = options,
        .job = { .streams = streams,
                 .stream = stream,
                 .from = from > 0 ? from + 1 : 0,
                 .kept = options->kept,
                 .kept_count = options->kept_count,
                 .public_key = options->public_key },
    };
    struct slg_stream_parts parts = { 0 };
    seglog_code code =
        slg_stream_parts_list(streams->store, stream, &parts, err);

    *is_gone = false;
    all.job.begin = &parts.begin;
    if (code == SEGLOG_OK && parts.count == 0)
        code = slg_stream_fail_missing(stream, err);
    if (code == SEGLOG_OK && pthread_mutex_init(&all.progress, NULL) != 0)
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory to verify");
    if (code == SEGLOG_OK) {
        all.job.is_stopped = &all.is_stopped;
        all.job.bytes_done = &all.done;
        code = parts_check(&all, &parts, result, err);
        *is_gone = code == SEGLOG_NOT_FOUND;
        (void)pthread_mutex_destroy(&all.progress);
    }
    verification_free(&all);
    slg_stream_parts_reset(&parts);
    return code;
}

static seglog_code
stream_verify(const struct slg_streams *streams, uint64_t stream, uint64_t from,
              const struct seglog_stream_verify_options *options,
              struct seglog_stream_verified *result, struct seglog_error *err)
{
    struct seglog_error local;
    seglog_code code = SEGLOG_OK;
    bool is_gone = true;

    for (unsigned i = 0; i < GONE_MAX && is_gone; i++)
        code = verify_once(streams, stream, from, options, result, &is_gone,
                           &local);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

seglog_code
seglog_stream_verify(struct seglog_streams streams, uint64_t stream,
                     const struct seglog_stream_verify_options *options,
                     struct seglog_stream_verified *result,
                     struct seglog_error *err)
{
    struct seglog_stream_verify_options settled;
    struct seglog_stream_end at = { .next_offset = 0 };
    bool is_trimmed = false;
    struct slg_streams *own = NULL;
    seglog_code code = slg_streams_of(streams, &own, err);

    if (code != SEGLOG_OK)
        return code;
    if (!result || !slg_options_copy(&settled, sizeof settled, options) ||
        (settled.kept_count > 0 && !settled.kept))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "result or kept is NULL, or the size of the options is "
                        "not that of a struct of this version");
    *result = (struct seglog_stream_verified){ 0 };
    if (settled.from_offset > 0)
        code = slg_stream_find_checkpoint(own, stream, settled.from_offset, &at,
                                          &is_trimmed, err);
    /* That is before the beginning, which is where it begins then. */
    if (is_trimmed)
        code = SEGLOG_OK;
    return code == SEGLOG_OK ? stream_verify(own, stream, at.next_offset,
                                             &settled, result, err)
                             : code;
}
