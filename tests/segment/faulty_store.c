/* SPDX-License-Identifier: MIT */
/* tests/segment/faulty_store.c - a store around another, failing on demand. */
#include "tests/segment/writer_support.h"

struct faulty_blob {
    struct faulty *faulty; /* NULL: not the one to fail */
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
faulty_append(void *self, uint64_t expected_end, const void *data, size_t len,
              uint64_t *offset, struct seglog_error *err)
{
    struct faulty_blob *blob = self;
    struct faulty *faulty = blob->faulty;

    if (faulty && ++faulty->appends == faulty->fail_append)
        return told_to_fail(err, faulty->append_code);
    return seglog_blob_append(blob->inner, expected_end, data, len, offset,
                              err);
}

static seglog_code
faulty_read_at(void *self, uint64_t offset, void *buf, size_t len,
               struct seglog_error *err)
{
    struct faulty_blob *blob = self;

    if (blob->faulty)
        blob->faulty->reads++;
    if (blob->faulty && blob->faulty->is_pipe)
        return told_to_fail(err, SEGLOG_IO);
    return seglog_blob_read_at(blob->inner, offset, buf, len, err);
}

static seglog_code
faulty_get_size(void *self, uint64_t *size, bool *is_replaced,
                struct seglog_error *err)
{
    struct faulty_blob *blob = self;

    if (blob->faulty)
        blob->faulty->sizes++;
    if (blob->faulty && blob->faulty->is_pipe)
        return told_to_fail(err, SEGLOG_IO);
    return seglog_blob_get_size(blob->inner, size, is_replaced, err);
}

static seglog_code
faulty_flush(void *self, struct seglog_error *err)
{
    struct faulty_blob *blob = self;

    if (blob->faulty && ++blob->faulty->flushes == blob->faulty->fail_flush)
        return told_to_fail(err, SEGLOG_IO);
    return seglog_blob_flush(blob->inner, err);
}

static seglog_code
faulty_sync(void *self, struct seglog_error *err)
{
    struct faulty_blob *blob = self;

    if (blob->faulty && ++blob->faulty->syncs == blob->faulty->fail_sync)
        return told_to_fail(err, SEGLOG_IO);
    return seglog_blob_sync(blob->inner, err);
}

static seglog_code
faulty_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct faulty_blob *blob = self;

    if (blob->faulty &&
        ++blob->faulty->truncates == blob->faulty->fail_truncate)
        return told_to_fail(err, SEGLOG_IO);
    return seglog_blob_truncate(blob->inner, new_size, err);
}

static seglog_code
faulty_close(void *self, struct seglog_error *err)
{
    struct faulty_blob *blob = self;
    const seglog_code code = seglog_blob_close(&blob->inner, err);

    free(blob);
    return code;
}

static const struct seglog_blob_ops faulty_ops = {
    .size = sizeof faulty_ops,
    .append = faulty_append,
    .read_at = faulty_read_at,
    .get_size = faulty_get_size,
    .flush = faulty_flush,
    .sync = faulty_sync,
    .truncate = faulty_truncate,
    .close = faulty_close,
};

static const struct seglog_blob_ops uncut_ops = {
    .size = sizeof uncut_ops,
    .append = faulty_append,
    .read_at = faulty_read_at,
    .get_size = faulty_get_size,
    .flush = faulty_flush,
    .sync = faulty_sync,
    .close = faulty_close,
};

static seglog_code
faulty_open(void *self, const char *name, unsigned flags,
            struct seglog_blob *blob, struct seglog_error *err)
{
    struct faulty *faulty = self;
    struct faulty_blob *opened = calloc(1, sizeof *opened);
    seglog_code code = SEGLOG_OK;

    assert_non_null(opened);
    code = seglog_blob_open(faulty->inner, name, flags, &opened->inner, err);
    if (code != SEGLOG_OK) {
        free(opened);
        return code;
    }
    if (strcmp(name, faulty->name) == 0)
        opened->faulty = faulty;
    *blob = (struct seglog_blob){ &faulty_ops, opened };
    return SEGLOG_OK;
}

static seglog_code
uncut_open(void *self, const char *name, unsigned flags,
           struct seglog_blob *blob, struct seglog_error *err)
{
    const seglog_code code = faulty_open(self, name, flags, blob, err);

    if (code == SEGLOG_OK)
        blob->ops = &uncut_ops;
    return code;
}

static seglog_code
faulty_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
            struct seglog_error *err)
{
    const struct faulty *faulty = self;

    return seglog_store_list(faulty->inner, prefix, fn, arg, err);
}

static seglog_code
faulty_remove(void *self, const char *name, struct seglog_error *err)
{
    const struct faulty *faulty = self;

    return seglog_store_remove(faulty->inner, name, err);
}

static seglog_code
faulty_replace(void *self, const char *from, const char *name,
               struct seglog_error *err)
{
    const struct faulty *faulty = self;

    return seglog_store_replace(faulty->inner, from, name, err);
}

static seglog_code
faulty_open_lock(void *self, const char *name, struct seglog_lock *lock,
                 struct seglog_error *err)
{
    const struct faulty *faulty = self;

    return seglog_lock_open(faulty->inner, name, lock, err);
}

static const struct seglog_store_ops faulty_store_ops = {
    .size = sizeof faulty_store_ops,
    .open = faulty_open,
    .list = faulty_list,
    .remove = faulty_remove,
    .replace = faulty_replace,
    .open_lock = faulty_open_lock,
};

static const struct seglog_store_ops uncut_store_ops = {
    .size = sizeof uncut_store_ops,
    .open = uncut_open,
    .list = faulty_list,
    .remove = faulty_remove,
    .replace = faulty_replace,
    .open_lock = faulty_open_lock,
};

struct seglog_store
faulty_store(struct faulty *faulty)
{
    return (struct seglog_store){ faulty->cannot_cut ? &uncut_store_ops
                                                     : &faulty_store_ops,
                                  faulty };
}
