/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_parent.c - which segment a sealed one may refer to.
 *
 * What two segments share is estimated from samples: of all runs of 64 bytes
 * in records those whose hash begins with enough zero bits.  The same text
 * gives the same samples in both, wherever it stands, in a copy of a record as
 * in a message that was folded into another one.
 */
#include "src/session/session_parent.h"

#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/segment/segment_parent.h"
#include "src/session/session_read.h"
#include "src/store/fail.h"

/* Of one segment: 8 MiB. */
#define SAMPLES_MAX ((size_t)1 << 20)
#define BITS_FIRST  6u
#define RUN_BYTES   64u
/* A fourth of what the segment has must be in the parent. */
#define SHARE_LEAST 4u

struct samples {
    uint64_t *items;
    size_t count;
    size_t cap;
    unsigned bits; /* that are zero; more of them where there is much */
    bool is_out_of_memory;
};

/* A value for each byte, all bits of it alike likely. */
static uint64_t
byte_hash(uint8_t byte)
{
    uint64_t x = ((uint64_t)byte + 1) * UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static bool
sample_is_wanted(const struct samples *samples, uint64_t hash)
{
    return hash >> (64 - samples->bits) == 0;
}

/* Every second one goes. */
static void
samples_thin(struct samples *samples)
{
    size_t kept = 0;

    samples->bits++;
    for (size_t i = 0; i < samples->count; i++)
        if (sample_is_wanted(samples, samples->items[i]))
            samples->items[kept++] = samples->items[i];
    samples->count = kept;
}

static bool
samples_reserve(struct samples *samples)
{
    const size_t cap = samples->cap ? 2 * samples->cap : 1024;
    uint64_t *items = NULL;

    if (samples->count < samples->cap)
        return true;
    if (cap > SAMPLES_MAX) {
        samples_thin(samples);
        return samples->count < samples->cap;
    }
    items = realloc(samples->items, cap * sizeof *items);
    if (!items)
        return false;
    samples->items = items;
    samples->cap = cap;
    return true;
}

static void
sample_add(struct samples *samples, uint64_t hash)
{
    if (!sample_is_wanted(samples, hash) || samples->is_out_of_memory)
        return;
    if (!samples_reserve(samples)) {
        samples->is_out_of_memory = true;
        return;
    }
    if (sample_is_wanted(samples, hash))
        samples->items[samples->count++] = hash;
}

/* A record is a run as well: many are short. */
static void
record_sample(struct samples *samples, const uint64_t hashes[256],
              const struct seglog_record *record)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < record->len; i++) {
        hash = (hash << 1) + hashes[record->data[i]];
        if (i + 1 >= RUN_BYTES)
            sample_add(samples, hash);
    }
    sample_add(samples, slg_xxh3(record->data, record->len));
}

static int
sample_compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* In order, each once. */
static void
samples_sort(struct samples *samples)
{
    size_t kept = 0;

    if (samples->count == 0)
        return;
    qsort(samples->items, samples->count, sizeof *samples->items,
          sample_compare);
    for (size_t i = 1; i < samples->count; i++)
        if (samples->items[i] != samples->items[kept])
            samples->items[++kept] = samples->items[i];
    samples->count = kept + 1;
}

/* Damage ends it: what is behind is not sampled. */
static seglog_code
lane_sample(struct seglog_session_store *sessions, const struct slg_lane_id *id,
            struct samples *samples, struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    uint64_t hashes[256];
    seglog_code code =
        slg_lane_open_reader(sessions, id, &options, &reader, err);

    for (unsigned i = 0; i < 256; i++)
        hashes[i] = byte_hash((uint8_t)i);
    while (code == SEGLOG_OK && !samples->is_out_of_memory) {
        code = seglog_reader_next(reader, &event, err);
        if (code == SEGLOG_OK && event.type == SEGLOG_EVENT_RECORD)
            record_sample(samples, hashes, &event.record);
    }
    seglog_reader_close(reader);
    if (samples->is_out_of_memory)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory to compare a segment with its parent");
    samples_sort(samples);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* Those of the one that are in the other too. */
static size_t
samples_shared(const struct samples *a, const struct samples *b)
{
    size_t shared = 0;

    for (size_t i = 0, k = 0; i < a->count; i++) {
        while (k < b->count && b->items[k] < a->items[i])
            k++;
        shared += k < b->count && b->items[k] == a->items[i];
    }
    return shared;
}

static seglog_code
share_measure(struct seglog_session_store *sessions,
              const struct slg_lane_id *id, const struct slg_lane_id *parent,
              bool *is_worth_it, struct seglog_error *err)
{
    struct samples theirs = { .bits = BITS_FIRST };
    struct samples ours = { .bits = BITS_FIRST };
    seglog_code code = lane_sample(sessions, parent, &theirs, err);

    ours.bits = theirs.bits;
    if (code == SEGLOG_OK)
        code = lane_sample(sessions, id, &ours, err);
    if (code == SEGLOG_OK && ours.bits > theirs.bits) {
        theirs.bits = ours.bits - 1;
        samples_thin(&theirs);
    }
    *is_worth_it = code == SEGLOG_OK && ours.count > 0 &&
                   samples_shared(&ours, &theirs) >=
                       (ours.count + SHARE_LEAST - 1) / SHARE_LEAST;
    free(theirs.items);
    free(ours.items);
    return code;
}

bool
slg_parent_is_sealed(struct seglog_session_store *sessions,
                     const struct slg_lane_id *parent)
{
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_seal_info info;

    return seglog_segment_get_seal(sessions->store,
                                   slg_lane_id_name(parent, name), &info,
                                   NULL) == SEGLOG_OK &&
           info.is_sealed;
}

/* Nobody reads parents of parents without end: one that has as many as may be
 * is no parent any more. */
static bool
chain_has_room(struct seglog_session_store *sessions,
               const struct slg_lane_id *parent)
{
    struct seglog_seal_info info;
    char first[SEGLOG_LANE_NAME_CAP];
    char name[sizeof info.parent];
    unsigned depth = 1;

    (void)slg_lane_id_name(parent, first);
    memcpy(name, first, sizeof first);
    while (depth <= SLG_PARENT_DEPTH_MAX &&
           seglog_segment_get_seal(sessions->store, name, &info, NULL) ==
               SEGLOG_OK) {
        if (!info.has_parent)
            return true;
        memcpy(name, info.parent, sizeof name);
        depth++;
    }
    return false;
}

seglog_code
slg_parent_find(struct seglog_session_store *sessions,
                const struct slg_lane_id *id, struct slg_lane_id *parent,
                bool *is_worth_it, struct seglog_error *err)
{
    struct seglog_session_row row;
    bool is_found = false;
    seglog_code code =
        slg_index_find(sessions->index, &id->segment, &row, &is_found, err);

    *is_worth_it = false;
    if (code != SEGLOG_OK || !is_found ||
        (row.lineage.kind != SEGLOG_LINEAGE_FORKED_FROM &&
         row.lineage.kind != SEGLOG_LINEAGE_COMPACTED_FROM))
        return code;
    *parent = (struct slg_lane_id){ .segment = row.lineage.segment,
                                    .lane = SEGLOG_LANE_ENTRIES };
    code =
        slg_index_find(sessions->index, &parent->segment, &row, &is_found, err);
    if (code != SEGLOG_OK || !is_found)
        return code;
    parent->session = row.session;
    if (!slg_parent_is_sealed(sessions, parent) ||
        !chain_has_room(sessions, parent))
        return SEGLOG_OK;
    return share_measure(sessions, id, parent, is_worth_it, err);
}
