/* SPDX-License-Identifier: MIT */
/* src/stream/stream_compact_clean.c - what earlier compactions have left. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"
#include "src/store/name.h"
#include "src/stream/stream_compact.h"

char *
slg_stream_name_beside(const char *name, const char *suffix,
                       char beside[SLG_BESIDE_CAP])
{
    (void)snprintf(beside, SLG_BESIDE_CAP, "%s%s", name, suffix);
    return beside;
}

seglog_code
slg_stream_part_lock(const struct slg_streams *streams, const char *name,
                     struct seglog_lock *lock, struct seglog_error *err)
{
    void *hint = NULL;
    seglog_code code = seglog_lock_open(streams->store, name, lock, err);

    if (code == SEGLOG_OK)
        code =
            seglog_lock_acquire(*lock, streams->options.lock_timeout_ms, err);
    if (code != SEGLOG_OK) {
        seglog_lock_close(lock);
        return code;
    }
    /* Writers that find their hint do not ask whether the blob is the same. */
    hint = seglog_lock_get_hint(*lock);
    if (hint)
        memset(hint, 0, SEGLOG_LOCK_HINT_BYTES);
    return SEGLOG_OK;
}

seglog_code
slg_stream_part_remove(const struct slg_streams *streams, const char *name,
                       struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    seglog_code code = slg_stream_part_lock(streams, name, &lock, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_stream_blob_remove(streams->store, name, err);
    /* A lock that is left over does no harm. */
    if (code == SEGLOG_OK)
        (void)seglog_lock_discard(lock, NULL);
    (void)seglog_lock_release(lock, NULL);
    seglog_lock_close(&lock);
    return code;
}

/* -- which they are -------------------------------------------------------- */

struct cleaning {
    const struct slg_compaction *compaction;
    struct slg_name_list segments; /* that were merged into others */
    struct slg_name_list beside;   /* NAME.torn and NAME.new */
    struct slg_name_list sealing;
    bool has_no_memory;
};

/* The one that stands for it and for others; NULL: there is none. */
static const struct slg_stream_part *
part_cover(const struct slg_stream_parts *parts,
           const struct slg_stream_part *part)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct slg_stream_part *at = &parts->parts[i];

        if (at->first <= part->first && at->last >= part->last &&
            at->last - at->first > part->last - part->first)
            return at;
    }
    return NULL;
}

/* It takes no more events. */
static bool
part_is_behind(const struct slg_stream_parts *parts,
               const struct slg_stream_part *part)
{
    return part->last < slg_stream_parts_last(parts)->first;
}

const char *
slg_stream_name_split(const char *name, char segment[SEGLOG_STREAM_NAME_CAP])
{
    const char *dot = strrchr(name, '.');
    const size_t len = dot ? (size_t)(dot - name) : 0;

    if (len == 0 || len >= SEGLOG_STREAM_NAME_CAP)
        return NULL;
    memcpy(segment, name, len);
    segment[len] = '\0';
    return dot;
}

static struct slg_name_list *
list_of(struct cleaning *cleaning, const char *name)
{
    const struct slg_compaction *compaction = cleaning->compaction;
    const bool keeps = compaction->options->keeps_dropped;
    char segment[SEGLOG_STREAM_NAME_CAP];
    const char *suffix = NULL;
    struct slg_stream_part part;
    uint64_t stream = 0;

    if (slg_stream_part_parse(name, &stream, &part))
        return stream == compaction->stream &&
                       part_is_behind(&compaction->parts, &part) &&
                       part_cover(&compaction->parts, &part)
                   ? &cleaning->segments
                   : NULL;
    suffix = slg_stream_name_split(name, segment);
    if (!suffix || !slg_stream_part_parse(segment, &stream, &part) ||
        stream != compaction->stream ||
        !part_is_behind(&compaction->parts, &part))
        return NULL;
    if (strcmp(suffix, ".sealing") == 0)
        return &cleaning->sealing;
    return !keeps &&
                   (strcmp(suffix, ".torn") == 0 || strcmp(suffix, ".new") == 0)
               ? &cleaning->beside
               : NULL;
}

static bool
name_take(void *arg, const char *name)
{
    struct cleaning *cleaning = arg;
    struct slg_name_list *list = list_of(cleaning, name);

    cleaning->has_no_memory =
        list && slg_name_list_add(list, name, NULL) != SEGLOG_OK;
    return !cleaning->has_no_memory;
}

/* -- away with them -------------------------------------------------------- */

seglog_code
slg_stream_sealing_remove(const struct slg_streams *streams, const char *name,
                          struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    struct seglog_error local;
    seglog_code code = seglog_lock_open(streams->store, name, &lock, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_lock_acquire(lock, 0, &local);
    if (code == SEGLOG_OK) {
        code = slg_stream_blob_remove(streams->store, name, &local);
        (void)seglog_lock_discard(lock, NULL);
        (void)seglog_lock_release(lock, NULL);
    } else if (code == SEGLOG_LOCKED) {
        code = SEGLOG_OK;
    }
    seglog_lock_close(&lock);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

static seglog_code
sealing_remove(const struct slg_compaction *compaction, const char *name,
               struct seglog_error *err)
{
    return slg_stream_sealing_remove(compaction->streams, name, err);
}

/* Not as long as what stands for it is not whole: it may be needed yet. */
static seglog_code
segment_remove(const struct slg_compaction *compaction, const char *name,
               struct seglog_error *err)
{
    const struct slg_streams *streams = compaction->streams;
    struct seglog_scan_summary summary;
    struct slg_stream_part part;
    char cover[SEGLOG_STREAM_NAME_CAP];
    uint64_t stream = 0;
    seglog_code code = SEGLOG_OK;

    (void)slg_stream_part_parse(name, &stream, &part);
    slg_stream_part_name(stream, part_cover(&compaction->parts, &part), cover);
    code = seglog_segment_get_summary(streams->store, cover, &summary, err);
    if (code != SEGLOG_OK || summary.verdict != SEGLOG_VERDICT_OK ||
        !summary.is_closed)
        return code;
    return slg_stream_part_remove(streams, name, err);
}

static seglog_code
beside_remove(const struct slg_compaction *compaction, const char *name,
              struct seglog_error *err)
{
    return slg_stream_blob_remove(compaction->streams->store, name, err);
}

typedef seglog_code (*name_remove)(const struct slg_compaction *compaction,
                                   const char *name, struct seglog_error *err);

/* The last one first, as whoever did not get to it would have. */
static seglog_code
list_remove(const struct slg_compaction *compaction,
            const struct slg_name_list *list, name_remove how,
            struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = list->count; i > 0 && code == SEGLOG_OK; i--)
        code = how(compaction, list->names[i - 1], err);
    return code;
}

seglog_code
slg_compaction_clean(const struct slg_compaction *compaction,
                     struct seglog_error *err)
{
    struct cleaning cleaning = { .compaction = compaction };
    char prefix[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(prefix, sizeof prefix, "stream.%" PRIu64 ".",
                   compaction->stream);
    code = seglog_store_list(compaction->streams->store, prefix, name_take,
                             &cleaning, err);
    if (code == SEGLOG_OK && cleaning.has_no_memory)
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the names of a stream");
    if (code == SEGLOG_OK)
        code = list_remove(compaction, &cleaning.segments, segment_remove, err);
    if (code == SEGLOG_OK)
        code = list_remove(compaction, &cleaning.sealing, sealing_remove, err);
    if (code == SEGLOG_OK)
        code = list_remove(compaction, &cleaning.beside, beside_remove, err);
    slg_name_list_reset(&cleaning.segments);
    slg_name_list_reset(&cleaning.sealing);
    slg_name_list_reset(&cleaning.beside);
    return code;
}
