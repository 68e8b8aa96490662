/* SPDX-License-Identifier: MIT */
/* fuzz/odd_store.c - a byte store that does things in odd ways. */
#include "fuzz/odd_store.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"

struct odd_blob {
    struct odd_store *store;
    struct seglog_blob inner;
    size_t retried; /* bytes of a failed read that may be read now */
    bool is_poisoned;
};

static seglog_code
fail(struct seglog_error *err, seglog_code code)
{
    if (err) {
        memset(err, 0, sizeof *err);
        err->code = code;
        err->offset = SEGLOG_NO_OFFSET;
    }
    return code;
}

/* Is this the call that is to fail? */
static bool
countdown(unsigned *left)
{
    return *left > 0 && --*left == 0;
}

static seglog_code
odd_append(void *self, uint64_t expected_end, const void *data, size_t len,
           uint64_t *offset, struct seglog_error *err)
{
    struct odd_blob *blob = self;

    if (blob->is_poisoned)
        return fail(err, SEGLOG_POISONED);
    if (len > 0 && countdown(&blob->store->fail_append_in))
        return fail(err, SEGLOG_NO_SPACE);
    return seglog_blob_append(blob->inner, expected_end, data, len, offset,
                              err);
}

static seglog_code
odd_read_at(void *self, uint64_t offset, void *buf, size_t len,
            struct seglog_error *err)
{
    struct odd_blob *blob = self;
    const struct odd_store *store = blob->store;
    const size_t step = store->piece_max > 0 ? store->piece_max : SIZE_MAX;
    uint8_t *out = buf;

    if (store->fails_first && len > 0 && blob->retried == 0) {
        blob->retried = len;
        return fail(err, SEGLOG_IO);
    }
    blob->retried -= len < blob->retried ? len : blob->retried;
    if (offset < store->bad_end && len > 0 && offset + len > store->bad_start)
        return fail(err, SEGLOG_IO);
    for (size_t done = 0; done < len || len == 0;) {
        const size_t piece = len - done < step ? len - done : step;
        const seglog_code code = seglog_blob_read_at(blob->inner, offset + done,
                                                     out + done, piece, err);

        if (code != SEGLOG_OK || len == 0)
            return code;
        done += piece;
    }
    return SEGLOG_OK;
}

static seglog_code
odd_get_size(void *self, uint64_t *size, bool *is_replaced,
             struct seglog_error *err)
{
    struct odd_blob *blob = self;

    return seglog_blob_get_size(blob->inner, size, is_replaced, err);
}

static seglog_code
odd_flush(void *self, struct seglog_error *err)
{
    struct odd_blob *blob = self;

    return seglog_blob_flush(blob->inner, err);
}

static seglog_code
odd_sync(void *self, struct seglog_error *err)
{
    struct odd_blob *blob = self;

    if (blob->is_poisoned)
        return fail(err, SEGLOG_POISONED);
    if (countdown(&blob->store->fail_sync_in)) {
        blob->is_poisoned = true;
        return fail(err, SEGLOG_IO);
    }
    return seglog_blob_sync(blob->inner, err);
}

static seglog_code
odd_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct odd_blob *blob = self;

    if (blob->is_poisoned)
        return fail(err, SEGLOG_POISONED);
    return seglog_blob_truncate(blob->inner, new_size, err);
}

static seglog_code
odd_close(void *self, struct seglog_error *err)
{
    struct odd_blob *blob = self;
    const seglog_code code = seglog_blob_close(&blob->inner, err);

    free(blob);
    return code;
}

static seglog_code
odd_open(void *self, const char *name, unsigned flags, struct seglog_blob *out,
         struct seglog_error *err)
{
    struct odd_store *store = self;
    struct odd_blob *blob = calloc(1, sizeof *blob);
    seglog_code code = SEGLOG_OK;

    MUST(blob != NULL);
    blob->store = store;
    code = seglog_blob_open(store->inner, name, flags, &blob->inner, err);
    if (code != SEGLOG_OK) {
        free(blob);
        return code;
    }
    *out = (struct seglog_blob){ .ops = &store->ops, .self = blob };
    return SEGLOG_OK;
}

static seglog_code
odd_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
         struct seglog_error *err)
{
    const struct odd_store *store = self;

    return seglog_store_list(store->inner, prefix, fn, arg, err);
}

static seglog_code
odd_remove(void *self, const char *name, struct seglog_error *err)
{
    const struct odd_store *store = self;

    return seglog_store_remove(store->inner, name, err);
}

static seglog_code
odd_replace(void *self, const char *from, const char *name,
            struct seglog_error *err)
{
    const struct odd_store *store = self;

    return seglog_store_replace(store->inner, from, name, err);
}

static seglog_code
odd_open_lock(void *self, const char *name, struct seglog_lock *lock,
              struct seglog_error *err)
{
    const struct odd_store *store = self;

    return seglog_lock_open(store->inner, name, lock, err);
}

static void
odd_describe(void *self, char *buf, size_t cap)
{
    const struct odd_store *store = self;

    seglog_store_describe(store->inner, buf, cap);
}

static void
odd_close_store(void *self)
{
    (void)self;
}

struct seglog_store
odd_store_open(struct odd_store *odd)
{
    static const struct seglog_store_ops ops = {
        .size = sizeof ops,
        .open = odd_open,
        .list = odd_list,
        .remove = odd_remove,
        .replace = odd_replace,
        .open_lock = odd_open_lock,
        .describe = odd_describe,
        .close = odd_close_store,
    };

    odd->ops = (struct seglog_blob_ops){
        .size = sizeof odd->ops,
        .append = odd_append,
        .read_at = odd_read_at,
        .get_size = odd_get_size,
        .flush = odd_flush,
        .sync = odd_sync,
        .truncate = odd->cannot_cut ? NULL : odd_truncate,
        .close = odd_close,
    };
    return (struct seglog_store){ .ops = &ops, .self = odd };
}
