/* SPDX-License-Identifier: MIT */
/* tests/segment/probe_store.c - a store that counts what is read. */
#include "tests/segment/forge_support.h"

struct probe_blob {
    struct probe *probe;
    struct seglog_blob inner;
};

static seglog_code
told_to_fail(struct seglog_error *err, seglog_code code)
{
    if (err)
        *err = (struct seglog_error){ .code = code,
                                      .offset = SEGLOG_NO_OFFSET,
                                      .message = "told to fail" };
    return code;
}

static seglog_code
probe_append(void *self, uint64_t expected_end, const void *data, size_t len,
             uint64_t *offset, struct seglog_error *err)
{
    struct probe_blob *blob = self;

    if (++blob->probe->appends == blob->probe->fail_append)
        return told_to_fail(err, blob->probe->append_code);
    return seglog_blob_append(blob->inner, expected_end, data, len, offset,
                              err);
}

static seglog_code
probe_read_at(void *self, uint64_t offset, void *buf, size_t len,
              struct seglog_error *err)
{
    struct probe_blob *blob = self;
    struct probe *probe = blob->probe;

    probe->reads++;
    probe->bytes_read += len;
    if (offset < probe->fail_end && probe->fail_start < offset + len)
        return told_to_fail(err, SEGLOG_IO);
    const seglog_code code =
        seglog_blob_read_at(blob->inner, offset, buf, len, err);
    if (code == SEGLOG_OK && probe->flip_at != 0 && offset <= probe->flip_at &&
        probe->flip_at < offset + len)
        ((uint8_t *)buf)[probe->flip_at - offset] ^= 1;
    return code;
}

static seglog_code
probe_get_size(void *self, uint64_t *size, bool *is_replaced,
               struct seglog_error *err)
{
    struct probe_blob *blob = self;

    return seglog_blob_get_size(blob->inner, size, is_replaced, err);
}

static seglog_code
probe_flush(void *self, struct seglog_error *err)
{
    struct probe_blob *blob = self;

    return seglog_blob_flush(blob->inner, err);
}

static seglog_code
probe_sync(void *self, struct seglog_error *err)
{
    struct probe_blob *blob = self;

    return seglog_blob_sync(blob->inner, err);
}

static seglog_code
probe_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct probe_blob *blob = self;

    return seglog_blob_truncate(blob->inner, new_size, err);
}

static seglog_code
probe_blob_close(void *self, struct seglog_error *err)
{
    struct probe_blob *blob = self;
    const seglog_code code = seglog_blob_close(&blob->inner, err);

    free(blob);
    return code;
}

static const struct seglog_blob_ops probe_blob_ops = {
    .size = sizeof probe_blob_ops,
    .append = probe_append,
    .read_at = probe_read_at,
    .get_size = probe_get_size,
    .flush = probe_flush,
    .sync = probe_sync,
    .truncate = probe_truncate,
    .close = probe_blob_close,
};

static seglog_code
probe_blob_open(void *self, const char *name, unsigned flags,
                struct seglog_blob *blob, struct seglog_error *err)
{
    struct probe *probe = self;
    struct probe_blob *opened = calloc(1, sizeof *opened);

    assert_non_null(opened);
    opened->probe = probe;
    const seglog_code code =
        seglog_blob_open(probe->inner, name, flags, &opened->inner, err);
    if (code != SEGLOG_OK) {
        free(opened);
        return code;
    }
    *blob = (struct seglog_blob){ &probe_blob_ops, opened };
    return SEGLOG_OK;
}

static seglog_code
probe_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
           struct seglog_error *err)
{
    const struct probe *probe = self;

    return seglog_store_list(probe->inner, prefix, fn, arg, err);
}

static seglog_code
probe_remove(void *self, const char *name, struct seglog_error *err)
{
    const struct probe *probe = self;

    return seglog_store_remove(probe->inner, name, err);
}

static seglog_code
probe_replace(void *self, const char *from, const char *name,
              struct seglog_error *err)
{
    const struct probe *probe = self;

    return seglog_store_replace(probe->inner, from, name, err);
}

static seglog_code
probe_open_lock(void *self, const char *name, struct seglog_lock *lock,
                struct seglog_error *err)
{
    const struct probe *probe = self;

    return seglog_lock_open(probe->inner, name, lock, err);
}

static const struct seglog_store_ops probe_store_ops = {
    .size = sizeof probe_store_ops,
    .open = probe_blob_open,
    .list = probe_list,
    .remove = probe_remove,
    .replace = probe_replace,
    .open_lock = probe_open_lock,
};

struct seglog_store
probe_open(struct probe *probe)
{
    *probe = (struct probe){ .bytes_read = 0 };
    assert_ok(seglog_store_memory_open(&probe->inner, NULL));
    return (struct seglog_store){ &probe_store_ops, probe };
}

void
probe_close(struct probe *probe)
{
    seglog_store_close(&probe->inner);
}

void
probe_put(struct probe *probe, const char *name, const void *bytes, size_t len)
{
    store_put_bytes(probe->inner, name, bytes, len);
}

void
store_append_bytes(struct seglog_store store, const char *name,
                   const void *bytes, size_t len)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(
        store, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    assert_ok(seglog_blob_append(blob, SEGLOG_END_ANY, bytes, len, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

void
store_put_bytes(struct seglog_store store, const char *name, const void *bytes,
                size_t len)
{
    (void)!seglog_store_remove(store, name, NULL);
    store_append_bytes(store, name, bytes, len);
}

uint8_t *
store_get_bytes(struct seglog_store store, const char *name, size_t *len)
{
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;

    assert_ok(seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL));
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    uint8_t *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_ok(seglog_blob_read_at(blob, 0, bytes, (size_t)size, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    *len = (size_t)size;
    return bytes;
}

bool
store_has(struct seglog_store store, const char *name)
{
    struct seglog_blob blob = { 0 };
    const seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL);

    assert_ok(seglog_blob_close(&blob, NULL));
    return code == SEGLOG_OK;
}
