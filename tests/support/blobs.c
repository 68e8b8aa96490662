/* SPDX-License-Identifier: MIT */
/* tests/support/blobs.c - the bytes of a blob, all at once. */
#include "tests/support/blobs.h"

uint8_t *
blob_read(struct seglog_store store, const char *name, size_t *len)
{
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    uint8_t *bytes = NULL;

    assert_ok(seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL));
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_ok(seglog_blob_read_at(blob, 0, bytes, (size_t)size, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    *len = (size_t)size;
    return bytes;
}

void
blob_write(struct seglog_store store, const char *name, const void *bytes,
           size_t len)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(
        store, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    assert_ok(seglog_blob_truncate(blob, 0, NULL));
    assert_ok(seglog_blob_append(blob, 0, bytes, len, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

void
blob_replace(struct seglog_store store, const char *name, const void *bytes,
             size_t len)
{
    struct seglog_blob blob = { 0 };

    (void)!seglog_store_remove(store, name, NULL);
    assert_ok(seglog_blob_open(store, name,
                               SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
                               &blob, NULL));
    assert_ok(seglog_blob_append(blob, 0, bytes, len, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

void
blob_add(struct seglog_store store, const char *name, const void *bytes,
         size_t len)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(store, name, SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(seglog_blob_append(blob, SEGLOG_END_ANY, bytes, len, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

void
blob_cut(struct seglog_store store, const char *name, uint64_t size)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(store, name, SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(seglog_blob_truncate(blob, size, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

void
blob_flip(struct seglog_store store, const char *name, uint64_t from_end)
{
    size_t len = 0;
    uint8_t *bytes = blob_read(store, name, &len);

    assert_true(from_end >= 1 && from_end <= len);
    bytes[len - from_end] ^= 0x55;
    blob_write(store, name, bytes, len);
    free(bytes);
}

bool
blob_exists(struct seglog_store store, const char *name)
{
    struct seglog_blob blob = { 0 };
    const seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL);

    assert_ok(seglog_blob_close(&blob, NULL));
    return code == SEGLOG_OK;
}
