/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_twin.c - the same calls on three byte stores, which must answer
 * alike: one in memory, one that reads in small pieces, and an encrypted one.
 *
 * The input is calls: append, read, cut, size, sync, open and close, replace,
 * remove and list, on two handles of two blobs; also where they may not be.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/odd_store.h"
#include "fuzz/support.h"
#include "seglog/encrypted_store.h"

#define INPUT_MAX 400u
#define BLOB_MAX  ((uint64_t)60000)

enum {
    STORES = 3,
    HANDLES = 2
};

struct twin {
    struct seglog_store store;
    struct seglog_blob blobs[HANDLES];
};

struct world {
    struct input input;
    struct twin twins[STORES];
    struct odd_store odd;
    struct seglog_store below;
    unsigned count; /* stores there are: a build may have no encryption */
    bool is_open[HANDLES];
};

static const char *const names[] = { "a", "b", "no/name" };

static void
codes_must_be_same(const struct world *w, const seglog_code *codes)
{
    for (unsigned i = 1; i < w->count; i++)
        MUST(codes[i] == codes[0]);
}

static void
handle_open(struct world *w, unsigned handle, unsigned arg)
{
    static const unsigned flags[] = {
        SEGLOG_OPEN_READ,
        SEGLOG_OPEN_WRITE,
        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE,
        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
    };
    const char *name = names[arg >> 2 & 3 ? (arg >> 2 & 3) - 1 : 0];
    seglog_code codes[STORES] = { SEGLOG_OK };

    for (unsigned i = 0; i < w->count; i++)
        codes[i] = seglog_blob_open(w->twins[i].store, name, flags[arg & 3],
                                    &w->twins[i].blobs[handle], NULL);
    codes_must_be_same(w, codes);
    w->is_open[handle] = codes[0] == SEGLOG_OK;
}

static void
handle_close(struct world *w, unsigned handle)
{
    if (!w->is_open[handle])
        return;
    for (unsigned i = 0; i < w->count; i++)
        MUST(seglog_blob_close(&w->twins[i].blobs[handle], NULL) == SEGLOG_OK);
    w->is_open[handle] = false;
}

static uint64_t
sizes_must_be_same(struct world *w, unsigned handle)
{
    uint64_t sizes[STORES] = { 0 };
    bool gone[STORES] = { false };
    seglog_code codes[STORES];

    for (unsigned i = 0; i < w->count; i++)
        codes[i] = seglog_blob_get_size(w->twins[i].blobs[handle], &sizes[i],
                                        &gone[i], NULL);
    codes_must_be_same(w, codes);
    for (unsigned i = 1; i < w->count; i++)
        MUST(sizes[i] == sizes[0] && gone[i] == gone[0]);
    return sizes[0];
}

static void
handle_append(struct world *w, unsigned handle, unsigned arg)
{
    const uint64_t size = sizes_must_be_same(w, handle);
    const uint64_t expected = arg & 1   ? SEGLOG_END_ANY
                              : arg & 2 ? size + arg % 5
                                        : size;
    size_t len =
        arg & 4 ? input_number(&w->input, 2) % 20000 : input_byte(&w->input);
    size_t given = len < 20 ? len : 20;
    const uint8_t *bytes = input_bytes(&w->input, &given);
    uint8_t *data = malloc(len + 1);
    seglog_code codes[STORES];
    uint64_t offsets[STORES] = { 0 };

    MUST(data);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i < given ? bytes[i] : i * 31 + len);
    for (unsigned i = 0; size + len <= BLOB_MAX && i < w->count; i++) {
        codes[i] = seglog_blob_append(w->twins[i].blobs[handle], expected, data,
                                      len, &offsets[i], NULL);
        MUST(codes[i] == codes[0]);
        MUST(codes[i] != SEGLOG_OK || offsets[i] == offsets[0]);
    }
    free(data);
}

static void
handle_read(struct world *w, unsigned handle)
{
    const uint64_t offset = input_number(&w->input, 2);
    const size_t len = input_number(&w->input, 2) % 20000;
    uint8_t *out[STORES];
    seglog_code codes[STORES];
    struct seglog_error errs[STORES];

    for (unsigned i = 0; i < w->count; i++) {
        out[i] = calloc(1, len + 1);
        MUST(out[i]);
        codes[i] = seglog_blob_read_at(w->twins[i].blobs[handle], offset,
                                       out[i], len, &errs[i]);
    }
    codes_must_be_same(w, codes);
    for (unsigned i = 1; i < w->count; i++) {
        MUST(codes[0] != SEGLOG_OK || memcmp(out[i], out[0], len) == 0);
        MUST(codes[0] != SEGLOG_INVALID || errs[i].actual == errs[0].actual);
    }
    for (unsigned i = 0; i < w->count; i++)
        free(out[i]);
}

static void
handle_cut(struct world *w, unsigned handle, unsigned arg)
{
    const uint64_t size = sizes_must_be_same(w, handle);
    const uint64_t at = arg == 0 ? size + 1 : size * (arg % 16) / 15;
    seglog_code codes[STORES];

    for (unsigned i = 0; i < w->count; i++)
        codes[i] = seglog_blob_truncate(w->twins[i].blobs[handle], at, NULL);
    codes_must_be_same(w, codes);
}

static bool
name_add(void *arg, const char *name)
{
    uint64_t *sum = arg;

    for (; *name != '\0'; name++)
        *sum = *sum * 31 + (unsigned char)*name;
    *sum = *sum * 31 + 1;
    return true;
}

/* Names of blobs, and what is done by name. */
static void
names_change(struct world *w, unsigned arg)
{
    uint64_t sums[STORES] = { 0 };
    seglog_code codes[STORES];

    for (unsigned i = 0; i < w->count; i++) {
        const struct seglog_store store = w->twins[i].store;

        if (arg % 4 == 0)
            codes[i] = seglog_store_remove(store, names[arg / 4 % 3], NULL);
        else if (arg % 4 == 1)
            codes[i] = seglog_store_replace(store, names[arg / 4 % 2],
                                            names[arg / 8 % 2], NULL);
        else
            codes[i] = seglog_store_list(store, arg & 4 ? "" : "a", name_add,
                                         &sums[i], NULL);
    }
    codes_must_be_same(w, codes);
    for (unsigned i = 1; i < w->count; i++)
        MUST(sums[i] == sums[0]);
}

static void
world_step(struct world *w)
{
    const unsigned call = input_byte(&w->input);
    const unsigned handle = call & 1;
    const unsigned arg = call >> 4;

    switch (call >> 1 & 7) {
    case 0:
        handle_close(w, handle);
        handle_open(w, handle, arg);
        break;
    case 6:
        names_change(w, arg | (call & 1) << 4);
        break;
    case 7:
        handle_close(w, handle);
        break;
    default:
        if (!w->is_open[handle])
            handle_open(w, handle, 2);
        else if ((call >> 1 & 7) == 3)
            handle_read(w, handle);
        else if ((call >> 1 & 7) == 4)
            handle_cut(w, handle, arg);
        else if ((call >> 1 & 7) == 5)
            (void)sizes_must_be_same(w, handle);
        else
            handle_append(w, handle, arg);
        break;
    }
}

/* Each with a store of its own below. */
static void
world_begin(struct world *w)
{
    static const uint8_t key_bytes[SEGLOG_KEY_BYTES] = { 1, 2, 3 };
    const struct seglog_store_key key = { .size = sizeof key,
                                          .key = key_bytes };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };
    struct seglog_store lowest;

    w->count = STORES;
    MUST(seglog_store_memory_open(&w->twins[0].store, NULL) == SEGLOG_OK);
    MUST(seglog_store_memory_open(&w->below, NULL) == SEGLOG_OK);
    w->odd.inner = w->below;
    w->odd.piece_max = 7;
    w->twins[1].store = odd_store_open(&w->odd);
    MUST(seglog_store_memory_open(&lowest, NULL) == SEGLOG_OK);
    if (seglog_encrypted_store_open(lowest, &key, &options, &w->twins[2].store,
                                    NULL) != SEGLOG_OK) {
        seglog_store_close(&lowest);
        w->count = STORES - 1;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = { .input = { .at = data, .left = size } };

    if (size > INPUT_MAX)
        return 0;
    world_begin(&w);
    while (w.input.left > 0)
        world_step(&w);
    for (unsigned i = 0; i < HANDLES; i++)
        handle_close(&w, i);
    for (unsigned i = 0; i < w.count; i++)
        seglog_store_close(&w.twins[i].store);
    seglog_store_close(&w.below);
    return 0;
}
