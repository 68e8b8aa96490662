/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_seal_parent.c - SPEC.md 15.4: which records of the parent
 * a block repeats.
 *
 * The parent's records are looked through once: of short runs of bytes, chosen
 * by what they are and not by where they stand, a table keeps in which chunk
 * of the parent they occur.  The runs of a block then say which chunks it has
 * most in common with.
 */
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/segment/segment_footer.h"
#include "src/segment/segment_reader.h"
#include "src/segment/segment_seal.h"
#include "src/store/fail.h"

#define CHUNK_BYTES ((uint64_t)65536)
/* Bytes of a run; the rolling hash forgets what is further back. */
#define RUN_BYTES 32u
/* One place of so many is taken. */
#define SAMPLE_LOG2 7u
#define SEEN_OFTEN  UINT32_MAX
/* Runs kept when memory is not bounded: 1 GiB of parents and more. */
#define RUNS_MAX ((size_t)1 << 24)

struct chunk {
    uint64_t first; /* number of its first record */
    uint64_t bytes; /* of its entries */
    uint32_t hits;  /* runs of the block that is looked for */
};

struct run {
    uint64_t key; /* 0: none */
    uint32_t chunk;
};

struct slg_kin {
    struct slg_parent parent;
    struct seglog_seal_info info;
    uint32_t gear[256];
    struct chunk *chunks;
    size_t chunk_count, chunk_cap;
    uint64_t next; /* number behind the last record */
    struct run *runs;
    size_t run_count, run_cap, run_max;
};

static seglog_code
fail_no_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                    "no memory for a table of the parent");
}

/* -- runs ----------------------------------------------------------------- */

static struct run *
run_find(const struct slg_kin *kin, uint64_t key)
{
    size_t at = (size_t)key & (kin->run_cap - 1);

    while (kin->runs[at].key != 0 && kin->runs[at].key != key)
        at = (at + 1) & (kin->run_cap - 1);
    return &kin->runs[at];
}

static bool
runs_grow(struct slg_kin *kin)
{
    struct run *old = kin->runs;
    const size_t old_cap = kin->run_cap;

    kin->run_cap = old_cap > 0 ? 2 * old_cap : 4096;
    kin->runs = calloc(kin->run_cap, sizeof *kin->runs);
    if (!kin->runs) {
        kin->runs = old;
        kin->run_cap = old_cap;
        return false;
    }
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].key != 0)
            *run_find(kin, old[i].key) = old[i];
    }
    free(old);
    return true;
}

/* What occurs in several chunks tells none of them from the others. */
static void
run_learn(struct slg_kin *kin, uint64_t key)
{
    const uint32_t chunk = (uint32_t)(kin->chunk_count - 1);
    struct run *run = NULL;

    if (kin->run_count >= kin->run_cap / 2 &&
        (kin->run_count >= kin->run_max || !runs_grow(kin)))
        return;
    run = run_find(kin, key);
    if (run->key == 0) {
        *run = (struct run){ .key = key, .chunk = chunk };
        kin->run_count++;
    } else if (run->chunk != chunk) {
        run->chunk = SEEN_OFTEN;
    }
}

static void
run_look_up(struct slg_kin *kin, uint64_t key)
{
    const struct run *run = kin->run_cap > 0 ? run_find(kin, key) : NULL;

    if (run && run->key == key && run->chunk != SEEN_OFTEN)
        kin->chunks[run->chunk].hits++;
}

static void
record_scan(struct slg_kin *kin, const uint8_t *data, size_t len,
            void (*on_run)(struct slg_kin *kin, uint64_t key))
{
    uint32_t hash = 0;

    for (size_t i = 0; i < len; i++) {
        hash = (hash << 1) + kin->gear[data[i]];
        if (i + 1 < RUN_BYTES || hash >> (32 - SAMPLE_LOG2) != 0)
            continue;
        const uint64_t key = slg_xxh3(data + i + 1 - RUN_BYTES, RUN_BYTES);
        on_run(kin, key != 0 ? key : 1);
    }
}

/* -- the parent ----------------------------------------------------------- */

static seglog_code
record_learn(struct slg_kin *kin, const struct seglog_record *record,
             struct seglog_error *err)
{
    struct chunk *last =
        kin->chunk_count > 0 ? &kin->chunks[kin->chunk_count - 1] : NULL;

    if (!last || last->bytes >= CHUNK_BYTES) {
        if (kin->chunk_count == kin->chunk_cap) {
            const size_t cap = kin->chunk_cap > 0 ? 2 * kin->chunk_cap : 64;
            struct chunk *grown = realloc(kin->chunks, cap * sizeof *grown);

            if (!grown)
                return fail_no_memory(err);
            kin->chunks = grown;
            kin->chunk_cap = cap;
        }
        last = &kin->chunks[kin->chunk_count++];
        *last = (struct chunk){ .first = record->record_no };
    }
    last->bytes += SLG_VARINT_MAX + record->len;
    kin->next = record->record_no + 1;
    record_scan(kin, record->data, record->len, run_learn);
    return SEGLOG_OK;
}

static seglog_code
parent_learn(struct slg_kin *kin, struct seglog_error *err)
{
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    while (code == SEGLOG_OK) {
        kin->parent.own_jumps = SLG_PARENT_JUMPS_MAX;
        code = seglog_reader_next(kin->parent.reader, &event, err);
        if (code == SEGLOG_OK && event.type == SEGLOG_EVENT_RECORD)
            code = record_learn(kin, &event.record, err);
    }
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* A parent of a parent, and so on: the last one must still be in reach. */
static seglog_code
depth_check(struct seglog_store store, const char *name, const char *child,
            struct seglog_error *err)
{
    struct seglog_seal_info info = { .has_parent = true };
    const struct slg_place place = { .name = child,
                                     .offset = SEGLOG_NO_OFFSET };
    seglog_code code = SEGLOG_OK;

    memcpy(info.parent, name, strlen(name) + 1);
    for (unsigned depth = 1; code == SEGLOG_OK && info.has_parent; depth++) {
        const struct seglog_seal_info before = info;

        if (depth > SLG_PARENT_DEPTH_MAX)
            return slg_fail(err, SEGLOG_INVALID, &place,
                            "its parent has too many parents of its own: seal "
                            "it without one");
        if (strcmp(before.parent, child) == 0)
            return slg_fail(err, SEGLOG_INVALID, &place,
                            "no segment is its own parent");
        code = seglog_segment_get_seal(store, before.parent, &info, err);
        if (code == SEGLOG_OK && !info.is_sealed)
            return slg_fail(err, SEGLOG_INVALID, &place,
                            "its parent %s is not sealed: seal that first",
                            before.parent);
    }
    return code;
}

seglog_code
slg_kin_open(struct slg_kin **kin, struct seglog_store store, const char *name,
             const char *child, size_t memory_max, struct seglog_error *err)
{
    struct slg_kin *opened = calloc(1, sizeof *opened);
    seglog_code code = SEGLOG_OK;

    *kin = opened;
    if (!opened)
        return fail_no_memory(err);
    if (strlen(name) > SLG_REFERENCE_NAME_MAX)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the name of the parent is longer than %u bytes",
                        SLG_REFERENCE_NAME_MAX);
    opened->parent.store = store;
    opened->run_max = memory_max > 0 && memory_max / 64 < RUNS_MAX
                          ? memory_max / 64
                          : RUNS_MAX;
    for (uint32_t i = 0; i < 256; i++)
        opened->gear[i] = slg_fmix32(i + 1);
    code = depth_check(store, name, child, err);
    if (code == SEGLOG_OK)
        code = seglog_segment_get_seal(store, name, &opened->info, err);
    if (code == SEGLOG_OK)
        code = slg_parent_open(store, name, opened->info.digest, 1,
                               &opened->parent.own_jumps, child,
                               &opened->parent.reader, err);
    return code == SEGLOG_OK ? parent_learn(opened, err) : code;
}

void
slg_kin_close(struct slg_kin *kin)
{
    if (!kin)
        return;
    slg_parent_reset(&kin->parent);
    free(kin->chunks);
    free(kin->runs);
    free(kin);
}

const uint8_t *
slg_kin_digest(const struct slg_kin *kin)
{
    return kin->info.digest;
}

/* -- a block -------------------------------------------------------------- */

/* The chunks, one behind the other and of at most max bytes, that have most
 * in common with the block.  False: none has anything. */
static bool
chunks_choose(const struct slg_kin *kin, uint64_t max, size_t *from,
              size_t *until)
{
    uint64_t bytes = 0;
    uint64_t hits = 0;
    uint64_t best = 0;
    size_t start = 0;

    for (size_t i = 0; i < kin->chunk_count; i++) {
        bytes += kin->chunks[i].bytes;
        hits += kin->chunks[i].hits;
        for (; start <= i && (bytes > max || kin->chunks[start].hits == 0);
             start++) {
            bytes -= kin->chunks[start].bytes;
            hits -= kin->chunks[start].hits;
        }
        if (hits > best) {
            best = hits;
            *from = start;
            *until = i + 1;
        }
    }
    return best > 0;
}

seglog_code
slg_kin_find(struct slg_kin *kin, const struct slg_columns_record *records,
             size_t count, uint64_t plain_len, uint64_t max,
             struct slg_block_prefix *prefix, struct seglog_error *err)
{
    /* Where it is cut does not fall where the parent's chunks are cut. */
    const uint64_t wish = plain_len + plain_len / 4 + 4 * CHUNK_BYTES;
    size_t from = 0;
    size_t until = 0;
    seglog_code code = SEGLOG_OK;

    *prefix = (struct slg_block_prefix){ .bytes = NULL };
    for (size_t i = 0; i < kin->chunk_count; i++)
        kin->chunks[i].hits = 0;
    for (size_t i = 0; i < count; i++)
        record_scan(kin, records[i].bytes, records[i].len, run_look_up);
    if (!chunks_choose(kin, wish < max ? wish : max, &from, &until))
        return SEGLOG_OK;
    prefix->first = kin->chunks[from].first;
    prefix->last =
        until < kin->chunk_count ? kin->chunks[until].first - 1 : kin->next - 1;
    code = slg_parent_load(&kin->parent, (struct seglog_blob){ .ops = NULL },
                           kin->info.parent, 0, NULL, prefix->first,
                           prefix->last, max, err);
    prefix->bytes = kin->parent.bytes;
    prefix->len = kin->parent.len;
    if (code != SEGLOG_CORRUPT)
        return code;
    *prefix = (struct slg_block_prefix){ .bytes = NULL };
    return SEGLOG_OK;
}
