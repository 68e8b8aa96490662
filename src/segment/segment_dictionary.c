/* SPDX-License-Identifier: MIT */
/* src/segment/segment_dictionary.c - dictionaries as blobs of a store. */
#include "src/segment/segment_dictionary.h"

#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/store/fail.h"

#define DIGEST_TEXT ((size_t)2 * SLG_REFERENCE_DIGEST_BYTES)

static void
name_from_digest(const uint8_t digest[SLG_REFERENCE_DIGEST_BYTES],
                 char name[SEGLOG_DICTIONARY_NAME_BYTES])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SLG_REFERENCE_DIGEST_BYTES; i++) {
        name[2 * i] = digits[digest[i] >> 4];
        name[2 * i + 1] = digits[digest[i] & 15];
    }
    memcpy(name + DIGEST_TEXT, ".dict", sizeof ".dict");
}

void
slg_dictionary_name(const void *bytes, size_t len,
                    char name[SEGLOG_DICTIONARY_NAME_BYTES])
{
    uint8_t digest[SLG_REFERENCE_DIGEST_BYTES];

    slg_xxh3_128(bytes, len, digest);
    name_from_digest(digest, name);
}

static bool
name_is_dictionary(const char *name)
{
    return strlen(name) == SEGLOG_DICTIONARY_NAME_BYTES - 1 &&
           strspn(name, "0123456789abcdef") == DIGEST_TEXT &&
           strcmp(name + DIGEST_TEXT, ".dict") == 0;
}

void
slg_dictionary_release(struct slg_dictionary *dictionary)
{
    if (dictionary && --dictionary->refs == 0)
        free(dictionary);
}

static seglog_code
fail_damaged(const char *name, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "the dictionary %s is damaged: its bytes are not those of "
                    "its name; put it back from a copy",
                    name);
}

static seglog_code
dictionary_read(struct seglog_blob blob, const char *name,
                struct slg_dictionary **dictionary, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    char right[SEGLOG_DICTIONARY_NAME_BYTES];
    struct slg_dictionary *read = NULL;
    uint64_t size = 0;
    seglog_code code = seglog_blob_get_size(blob, &size, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    if (size > SEGLOG_DICTIONARY_MAX)
        return fail_damaged(name, err);
    read = malloc(sizeof *read + (size_t)size);
    if (!read)
        return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                        "no memory for a dictionary");
    code = seglog_blob_read_at(blob, 0, read->bytes, (size_t)size, err);
    /* As with the segment's own bytes: once may have been chance. */
    if (code == SEGLOG_IO)
        code = seglog_blob_read_at(blob, 0, read->bytes, (size_t)size, err);
    if (code == SEGLOG_OK) {
        slg_xxh3_128(read->bytes, (size_t)size, read->digest);
        name_from_digest(read->digest, right);
        if (strcmp(right, name) != 0)
            code = fail_damaged(name, err);
    }
    if (code != SEGLOG_OK) {
        free(read);
        return code;
    }
    read->refs = 1;
    read->len = (size_t)size;
    memcpy(read->name, name, sizeof read->name);
    *dictionary = read;
    return SEGLOG_OK;
}

seglog_code
slg_dictionary_load(struct seglog_store store, const char *name,
                    const char *for_name, struct slg_dictionary **dictionary,
                    struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    struct seglog_blob blob = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!name_is_dictionary(name))
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "not the name of a dictionary: 32 hex digits and "
                        ".dict");
    code = seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, err);
    if (code == SEGLOG_NOT_FOUND && for_name)
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "its dictionary %s is missing; put it back beside %s: "
                        "without it the records cannot be read",
                        name, for_name);
    if (code != SEGLOG_OK)
        return code;
    code = dictionary_read(blob, name, dictionary, err);
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

/* What somebody who died there has left is no part of it. */
static seglog_code
fresh_open(struct seglog_store store, const char *fresh,
           struct seglog_blob *blob, struct seglog_error *err)
{
    uint64_t size = 0;
    seglog_code code = seglog_blob_open(
        store, fresh, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, blob, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(*blob, &size, NULL, err);
    if (code != SEGLOG_OK || size == 0)
        return code;
    code = seglog_blob_truncate(*blob, 0, err);
    if (code != SEGLOG_READ_ONLY)
        return code;
    (void)seglog_blob_close(blob, NULL);
    code = seglog_store_remove(store, fresh, err);
    return code == SEGLOG_OK
               ? seglog_blob_open(store, fresh,
                                  SEGLOG_OPEN_WRITE |
                                      SEGLOG_OPEN_CREATE_EXCLUSIVE,
                                  blob, err)
               : code;
}

/* Written beside its place first: one that is there is whole. */
static seglog_code
dictionary_write(struct seglog_store store, const void *bytes, size_t len,
                 const char *name, struct seglog_error *err)
{
    char fresh[SEGLOG_DICTIONARY_NAME_BYTES + sizeof ".new"];
    struct seglog_blob blob = { 0 };
    seglog_code closed = SEGLOG_OK;
    seglog_code code = SEGLOG_OK;

    memcpy(fresh, name, SEGLOG_DICTIONARY_NAME_BYTES - 1);
    memcpy(fresh + SEGLOG_DICTIONARY_NAME_BYTES - 1, ".new", sizeof ".new");
    code = fresh_open(store, fresh, &blob, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_append(blob, 0, bytes, len, NULL, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(blob, err);
    closed = seglog_blob_close(&blob, code == SEGLOG_OK ? err : NULL);
    if (code == SEGLOG_OK)
        code = closed;
    if (code == SEGLOG_OK)
        code = seglog_store_replace(store, fresh, name, err);
    if (code != SEGLOG_OK)
        (void)!seglog_store_remove(store, fresh, NULL);
    return code;
}

seglog_code
seglog_dictionary_put(struct seglog_store store, const void *bytes, size_t len,
                      char name[SEGLOG_DICTIONARY_NAME_BYTES],
                      struct seglog_error *err)
{
    struct slg_dictionary *there = NULL;

    if (!bytes || !name || len == 0 || len > SEGLOG_DICTIONARY_MAX)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "a dictionary has 1 to %zu bytes",
                        SEGLOG_DICTIONARY_MAX);
    slg_dictionary_name(bytes, len, name);
    /* One that is damaged is put right by this. */
    if (slg_dictionary_load(store, name, NULL, &there, NULL) == SEGLOG_OK) {
        slg_dictionary_release(there);
        return SEGLOG_OK;
    }
    return dictionary_write(store, bytes, len, name, err);
}
