/* SPDX-License-Identifier: MIT */
/* src/stream/stream_store.c - open, close, describe, list, detect. */
#include "src/stream/stream_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/segment/segment_chain.h"
#include "src/store/fail.h"
#include "src/store/options.h"
#include "src/stream/stream_slot.h"

#define LOCK_TIMEOUT_MS  10000
#define OPEN_MAX_DEFAULT 64
/* What is lost with a damaged record is at most one sync interval. */
#define SYNC_LOG2_PACKED 15

/* -- options --------------------------------------------------------------- */

static seglog_code
fail_option(struct seglog_error *err, const char *name, const char *what)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "stream option %s: %s", name,
                    what);
}

static void
options_default(struct seglog_stream_options *options)
{
    if (options->lock_timeout_ms == 0)
        options->lock_timeout_ms = LOCK_TIMEOUT_MS;
    if (options->open_max == 0)
        options->open_max = OPEN_MAX_DEFAULT;
    if (options->chain == 0)
        options->chain = SEGLOG_CHAIN_SHA256;
    if (options->body_log2 == 0)
        options->body_log2 = SEGLOG_STREAM_BODY_LOG2;
    if (options->sync_log2 == 0)
        options->sync_log2 = options->codec == SEGLOG_CODEC_NONE
                                 ? SEGLOG_SYNC_LOG2_DEFAULT
                                 : SYNC_LOG2_PACKED;
    if (options->segment_bytes == 0)
        options->segment_bytes = SEGLOG_STREAM_SEGMENT;
    if (options->checkpoint_events == 0)
        options->checkpoint_events = SEGLOG_STREAM_CHECKPOINT;
}

/* Now, and not when the first segment is made. */
static seglog_code
options_check(const struct seglog_stream_options *options,
              struct seglog_error *err)
{
    if (options->body_log2 < SEGLOG_BODY_LOG2_MIN ||
        options->body_log2 > SEGLOG_BODY_LOG2_MAX)
        return fail_option(err, "body_log2", "it must be 9 to 27");
    if (options->sync_log2 < SEGLOG_SYNC_LOG2_MIN ||
        options->sync_log2 > SEGLOG_SYNC_LOG2_MAX)
        return fail_option(err, "sync_log2", "it must be 9 to 20");
    if ((unsigned)options->codec > SEGLOG_CODEC_AUTO)
        return fail_option(err, "codec", "there is no such codec");
    if (options->level_of_codec >
        (options->codec == SEGLOG_CODEC_DEFLATE ? 9 : 19))
        return fail_option(err, "level_of_codec", "it is out of range");
    if (options->chain != SEGLOG_CHAIN_SHA256 &&
        options->chain != SEGLOG_CHAIN_XXH3)
        return fail_option(err, "chain", "there is no such chain");
    if (!slg_chain_is_computable(options->chain))
        return fail_option(err, "chain",
                           "this build has no OpenSSL, which SHA-256 needs");
    return SEGLOG_OK;
}

/* -- the table ------------------------------------------------------------- */

static seglog_code
ops_append_batch(void *self, uint64_t stream, const struct seglog_slice *events,
                 size_t count, uint64_t expected_offset,
                 const struct seglog_chain_hash *prev_hash, bool is_synced,
                 struct seglog_stream_end *end, struct seglog_error *err)
{
    return slg_stream_append(self, stream, events, count, expected_offset,
                             prev_hash, is_synced, end, NULL, err);
}

static seglog_code
ops_read_from(void *self, uint64_t stream, uint64_t from_offset,
              uint64_t max_bytes, struct seglog_stream_event **events,
              size_t *count, struct seglog_error *err)
{
    return slg_stream_read(self, stream, from_offset, max_bytes, events, count,
                           err);
}

static seglog_code
ops_latest_chain_hash(void *self, uint64_t stream,
                      struct seglog_stream_end *end, struct seglog_error *err)
{
    return slg_stream_latest(self, stream, end, err);
}

static seglog_code
ops_segment_count(void *self, uint64_t stream, size_t *count,
                  struct seglog_error *err)
{
    const struct slg_streams *streams = self;
    struct slg_stream_parts parts = { 0 };
    const seglog_code code =
        slg_stream_parts_list(streams->store, stream, &parts, err);

    *count = parts.count;
    slg_stream_parts_reset(&parts);
    return code;
}

static seglog_code
numbers_copy(const struct slg_stream_parts *parts, uint32_t **numbers,
             size_t *count, struct seglog_error *err)
{
    if (parts->count < 2)
        return SEGLOG_OK;
    *numbers = malloc((parts->count - 1) * sizeof **numbers);
    if (!*numbers)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the numbers of segments");
    *count = parts->count - 1;
    for (size_t i = 0; i < *count; i++)
        (*numbers)[i] = parts->parts[i].first;
    return SEGLOG_OK;
}

static seglog_code
ops_completed_segments(void *self, uint64_t stream, uint32_t **numbers,
                       size_t *count, struct seglog_error *err)
{
    const struct slg_streams *streams = self;
    struct slg_stream_parts parts = { 0 };
    seglog_code code =
        slg_stream_parts_list(streams->store, stream, &parts, err);

    if (code == SEGLOG_OK)
        code = numbers_copy(&parts, numbers, count, err);
    slg_stream_parts_reset(&parts);
    return code;
}

static seglog_code
ops_flush_indexes(void *self, struct seglog_error *err)
{
    struct slg_streams *streams = self;

    return slg_slots_sync(streams->slots, err);
}

static void
ops_describe(void *self, char *buf, size_t cap)
{
    const struct slg_streams *streams = self;
    char store[256] = "";

    seglog_store_describe(streams->store, store, sizeof store);
    (void)snprintf(buf, cap, "streams on %s%s", store,
                   streams->options.is_read_only ? ", read only" : "");
}

static seglog_code
ops_close(void *self, struct seglog_error *err)
{
    struct slg_streams *streams = self;
    const seglog_code code = slg_slots_close(streams->slots, err);

    free(streams);
    return code;
}

#ifdef SEGLOG_FUZZING
static bool
name_add(void *arg, const char *name)
{
    return slg_name_list_add(arg, name, NULL) == SEGLOG_OK;
}

/* Everything whose name is of streams, leftovers too. */
static seglog_code
ops_reset(void *self, struct seglog_error *err)
{
    struct slg_streams *streams = self;
    struct slg_name_list names = { 0 };
    seglog_code code = slg_slots_close(streams->slots, err);
    seglog_code first = slg_slots_new(streams, &streams->slots, err);

    if (code == SEGLOG_OK)
        code = first;
    if (code == SEGLOG_OK)
        code =
            seglog_store_list(streams->store, "stream.", name_add, &names, err);
    for (size_t i = 0; i < names.count && code == SEGLOG_OK; i++)
        code = seglog_store_remove(streams->store, names.names[i], err);
    slg_name_list_reset(&names);
    return code;
}
#endif

static const struct seglog_streams_ops OPS = {
    .size = sizeof OPS,
    .append_batch = ops_append_batch,
    .read_from = ops_read_from,
    .latest_chain_hash = ops_latest_chain_hash,
    .segment_count = ops_segment_count,
    .completed_segments = ops_completed_segments,
    .flush_indexes = ops_flush_indexes,
    .describe = ops_describe,
    .close = ops_close,
#ifdef SEGLOG_FUZZING
    .reset = ops_reset,
#endif
};

/* -- life ------------------------------------------------------------------ */

seglog_code
slg_streams_of(struct seglog_streams streams, struct slg_streams **own,
               struct seglog_error *err)
{
    if (streams.ops != &OPS)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "these streams are not those of a byte store");
    *own = streams.self;
    return SEGLOG_OK;
}

struct seglog_streams
slg_streams_wrap(struct slg_streams *streams)
{
    return (struct seglog_streams){ .ops = &OPS, .self = streams };
}

seglog_code
seglog_streams_open(struct seglog_store store,
                    const struct seglog_stream_options *options,
                    struct seglog_streams *streams, struct seglog_error *err)
{
    struct seglog_stream_options settled;
    struct slg_streams *opened = NULL;
    seglog_code code = SEGLOG_OK;

    if (!streams)
        return slg_fail(err, SEGLOG_INVALID, NULL, "streams is NULL");
    *streams = (struct seglog_streams){ 0 };
    if (!store.ops)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the byte store is zeroed");
    if (!slg_options_copy(&settled, sizeof settled, options))
        return fail_option(err, "size", "not that of a struct of this version");
    options_default(&settled);
    code = options_check(&settled, err);
    if (code != SEGLOG_OK)
        return code;
    opened = calloc(1, sizeof *opened);
    if (!opened)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for streams");
    opened->store = store;
    opened->options = settled;
    code = slg_slots_new(opened, &opened->slots, err);
    if (code != SEGLOG_OK) {
        free(opened);
        return code;
    }
    *streams = (struct seglog_streams){ .ops = &OPS, .self = opened };
    return SEGLOG_OK;
}

/* -- what there is --------------------------------------------------------- */

struct listing {
    uint64_t *streams;
    size_t count;
    size_t cap;
    bool has_no_memory;
};

static bool
stream_collect(void *arg, const char *name)
{
    struct listing *listing = arg;
    struct slg_stream_part part;
    uint64_t stream = 0;

    if (!slg_stream_part_parse(name, &stream, &part) ||
        (listing->count > 0 && listing->streams[listing->count - 1] == stream))
        return true;
    if (listing->count == listing->cap) {
        const size_t cap = listing->cap ? 2 * listing->cap : 64;
        uint64_t *grown = realloc(listing->streams, cap * sizeof *grown);

        listing->has_no_memory = !grown;
        if (!grown)
            return false;
        listing->streams = grown;
        listing->cap = cap;
    }
    listing->streams[listing->count++] = stream;
    return true;
}

static int
id_compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

seglog_code
seglog_streams_list(struct seglog_streams streams, seglog_stream_list_fn fn,
                    void *arg, struct seglog_error *err)
{
    struct listing listing = { 0 };
    struct slg_streams *own = NULL;
    seglog_code code = slg_streams_of(streams, &own, err);

    if (code != SEGLOG_OK)
        return code;
    if (!fn)
        return slg_fail(err, SEGLOG_INVALID, NULL, "fn is NULL");
    code =
        seglog_store_list(own->store, "stream.", stream_collect, &listing, err);
    if (code == SEGLOG_OK && listing.has_no_memory)
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a list of streams");
    if (code == SEGLOG_OK && listing.count > 1)
        qsort(listing.streams, listing.count, sizeof *listing.streams,
              id_compare);
    /* In the order of bytes the segments of one stream are together. */
    for (size_t i = 0; code == SEGLOG_OK && i < listing.count; i++) {
        if (!fn(arg, listing.streams[i]))
            break;
    }
    free(listing.streams);
    return code;
}

static bool
name_is_of_streams(void *arg, const char *name)
{
    bool *is_one = arg;
    struct slg_stream_part part;
    uint64_t stream = 0;

    *is_one = slg_stream_part_parse(name, &stream, &part);
    return !*is_one;
}

seglog_code
seglog_streams_detect(struct seglog_store store, bool *is_one,
                      struct seglog_error *err)
{
    if (!is_one)
        return slg_fail(err, SEGLOG_INVALID, NULL, "is_one is NULL");
    *is_one = false;
    return seglog_store_list(store, "stream.", name_is_of_streams, is_one, err);
}

/* -- what the other parts share -------------------------------------------- */

seglog_code
slg_stream_blob_remove(struct seglog_store store, const char *name,
                       struct seglog_error *err)
{
    struct seglog_error local;
    const seglog_code code = seglog_store_remove(store, name, &local);

    if (code == SEGLOG_OK || code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (err)
        *err = local;
    return code;
}

seglog_code
slg_stream_blob_sync(struct seglog_store store, const char *name,
                     struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_WRITE, &blob, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_sync(blob, err);
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

seglog_code
slg_streams_check_writable(const struct slg_streams *streams,
                           struct seglog_error *err)
{
    if (!streams->options.is_read_only)
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_READ_ONLY, NULL,
                    "the streams were opened for reading only");
}

seglog_code
slg_stream_fail_missing(uint64_t stream, struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                    "there is no stream %" PRIu64 " here", stream);
}
