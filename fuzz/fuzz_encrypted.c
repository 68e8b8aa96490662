/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_encrypted.c - arbitrary bytes below an encrypted store.
 *
 * Input   byte 0: 0: the rest is the blob of the keys; else the rest is put
 *         behind as many authentic chunks, byte 0 modulo 8, some of them cut.
 * Checks  nothing is accepted that was not written: what can be read of the
 *         authentic part is what it was, and what a crash has left is zeros
 *         (ENCRYPTION.md 4, step 5); sizes are those that two handles
 *         agree on; what is appended behind it is there.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "seglog/encrypted_store.h"

#define CHUNK_BYTES 40u

static const uint8_t KEY[SEGLOG_KEY_BYTES] = { 1, 2, 3 };

static void
raw_append(struct seglog_store below, const char *name, const uint8_t *data,
           size_t size, uint64_t keep)
{
    struct seglog_blob raw;
    uint64_t end = 0;

    MUST(seglog_blob_open(below, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE,
                          &raw, NULL) == SEGLOG_OK);
    MUST(seglog_blob_get_size(raw, &end, NULL, NULL) == SEGLOG_OK);
    if (keep < end)
        MUST(seglog_blob_truncate(raw, keep, NULL) == SEGLOG_OK);
    MUST(seglog_blob_append(raw, SEGLOG_END_ANY, data, size, NULL, NULL) ==
         SEGLOG_OK);
    MUST(seglog_blob_close(&raw, NULL) == SEGLOG_OK);
}

static void
keys_try(const uint8_t *data, size_t size)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    struct seglog_store below;
    struct seglog_store store = { 0 };

    MUST(seglog_store_memory_open(&below, NULL) == SEGLOG_OK);
    raw_append(below, SEGLOG_KEYS_NAME, data, size, UINT64_MAX);
    MUST(seglog_encrypted_store_open(below, &key, NULL, &store, NULL) !=
         SEGLOG_OK);
    seglog_store_close(&below);
}

/* What was written; behind that, zeros that a crash has left. */
static bool
byte_is_possible(uint64_t at, uint8_t byte, uint64_t sure)
{
    return byte == (uint8_t)(at * 7) || (at >= sure && byte == 0);
}

/* All of it at once, as is the rule. */
static bool
blob_is_right(struct seglog_blob blob, uint64_t size, uint64_t sure)
{
    uint8_t bytes[4096];

    if (size > sizeof bytes ||
        seglog_blob_read_at(blob, 0, bytes, (size_t)size, NULL) != SEGLOG_OK)
        return false;
    for (size_t at = 0; at < size; at++)
        MUST(byte_is_possible(at, bytes[at], sure));
    return true;
}

/* Else byte by byte: each is right, or not to be had. */
static uint64_t
blob_check(struct seglog_blob blob, uint64_t sure)
{
    uint64_t size = 0;

    MUST(seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK);
    MUST(size >= sure);
    if (blob_is_right(blob, size, sure))
        return size;
    for (uint64_t at = 0; at < size; at++) {
        uint8_t byte = 0;
        struct seglog_error err;
        const seglog_code code = seglog_blob_read_at(blob, at, &byte, 1, &err);

        MUST(code == SEGLOG_OK || (code == SEGLOG_AUTH && at >= sure));
        MUST(code != SEGLOG_OK || byte_is_possible(at, byte, sure));
        if (code == SEGLOG_AUTH) {
            MUST(err.offset <= at && err.actual > at && err.actual <= size);
            at = err.actual - 1;
        }
    }
    return size;
}

static void
own_append(struct seglog_blob blob, uint64_t at, size_t len)
{
    uint8_t bytes[CHUNK_BYTES];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)((at + i) * 7);
    MUST(seglog_blob_append(blob, at, bytes, len, NULL, NULL) == SEGLOG_OK);
}

static void
chunks_try(struct seglog_store below, struct seglog_store store,
           unsigned chunks, const uint8_t *data, size_t size)
{
    struct seglog_blob blob;
    struct seglog_blob other;
    uint64_t end = 0;

    MUST(seglog_blob_open(store, "a", SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE,
                          &blob, NULL) == SEGLOG_OK);
    for (unsigned i = 0; i < chunks; i++)
        own_append(blob, i * CHUNK_BYTES, CHUNK_BYTES);
    raw_append(below, "a", data, size, UINT64_MAX);
    end = blob_check(blob, chunks * CHUNK_BYTES);
    MUST(seglog_blob_open(store, "a", SEGLOG_OPEN_WRITE, &other, NULL) ==
         SEGLOG_OK);
    MUST(blob_check(other, chunks * CHUNK_BYTES) == end);
    own_append(blob, end, CHUNK_BYTES);
    MUST(blob_check(other, chunks * CHUNK_BYTES) == end + CHUNK_BYTES);
    MUST(seglog_blob_truncate(other, end / 2, NULL) == SEGLOG_OK);
    MUST(blob_check(blob, end / 2 < chunks * CHUNK_BYTES
                              ? end / 2
                              : chunks * CHUNK_BYTES) == end / 2);
    MUST(seglog_blob_close(&other, NULL) == SEGLOG_OK);
    MUST(seglog_blob_close(&blob, NULL) == SEGLOG_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };
    struct seglog_store below;
    struct seglog_store store = { 0 };
    seglog_code code = SEGLOG_OK;

    if (size < 2 || size > 100000)
        return 0;
    if (data[0] == 0) {
        keys_try(data + 1, size - 1);
        return 0;
    }
    MUST(seglog_store_memory_open(&below, NULL) == SEGLOG_OK);
    code = seglog_encrypted_store_open(below, &key, &options, &store, NULL);
    if (code == SEGLOG_OK)
        chunks_try(below, store, data[0] % 8u, data + 1, size - 1);
    else
        MUST(code == SEGLOG_INVALID); /* a build without encryption */
    seglog_store_close(code == SEGLOG_OK ? &store : &below);
    return 0;
}
