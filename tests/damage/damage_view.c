/* SPDX-License-Identifier: MIT */
/* tests/damage/damage_view.c - a store of one blob that is a range of memory. */
#include "tests/damage/damage_view.h"

#include <stdlib.h>
#include <string.h>

#include "seglog/encrypted_store.h"

struct view_blob {
    const struct view *view;
    bool is_keys;
};

static seglog_code
view_fail(struct seglog_error *err, seglog_code code, uint64_t actual)
{
    if (err) {
        memset(err, 0, sizeof *err);
        err->code = code;
        err->offset = SEGLOG_NO_OFFSET;
        err->actual = actual;
    }
    return code;
}

static size_t
view_size(const struct view_blob *blob)
{
    return blob->is_keys ? blob->view->keys_len : blob->view->len;
}

static seglog_code
view_append(void *self, uint64_t expected_end, const void *data, size_t len,
            uint64_t *offset, struct seglog_error *err)
{
    (void)self;
    (void)expected_end;
    (void)data;
    (void)len;
    (void)offset;
    return view_fail(err, SEGLOG_READ_ONLY, 0);
}

static seglog_code
view_read_at(void *self, uint64_t offset, void *buf, size_t len,
             struct seglog_error *err)
{
    const struct view_blob *blob = self;
    const size_t size = view_size(blob);
    const uint8_t *bytes = blob->is_keys ? blob->view->keys : blob->view->bytes;

    if (offset > size || len > size - offset)
        return view_fail(err, SEGLOG_INVALID, size);
    if (len > 0)
        memcpy(buf, bytes + offset, len);
    return SEGLOG_OK;
}

static seglog_code
view_get_size(void *self, uint64_t *size, bool *is_replaced,
              struct seglog_error *err)
{
    (void)err;
    *size = view_size(self);
    if (is_replaced)
        *is_replaced = false;
    return SEGLOG_OK;
}

static seglog_code
view_nothing(void *self, struct seglog_error *err)
{
    (void)self;
    (void)err;
    return SEGLOG_OK;
}

static seglog_code
view_close_blob(void *self, struct seglog_error *err)
{
    (void)err;
    free(self);
    return SEGLOG_OK;
}

static seglog_code
view_open(void *self, const char *name, unsigned flags, struct seglog_blob *out,
          struct seglog_error *err)
{
    static const struct seglog_blob_ops ops = {
        .size = sizeof ops,
        .append = view_append,
        .read_at = view_read_at,
        .get_size = view_get_size,
        .flush = view_nothing,
        .sync = view_nothing,
        .close = view_close_blob,
    };
    const struct view *view = self;
    const bool is_keys = strcmp(name, SEGLOG_KEYS_NAME) == 0;
    struct view_blob *blob = NULL;

    if ((flags & SEGLOG_OPEN_WRITE) != 0)
        return view_fail(err, SEGLOG_READ_ONLY, 0);
    if (is_keys ? !view->keys : strcmp(name, VIEW_NAME) != 0)
        return view_fail(err, SEGLOG_NOT_FOUND, 0);
    blob = malloc(sizeof *blob);
    if (!blob)
        return view_fail(err, SEGLOG_NO_MEMORY, 0);
    *blob = (struct view_blob){ .view = view, .is_keys = is_keys };
    *out = (struct seglog_blob){ .ops = &ops, .self = blob };
    return SEGLOG_OK;
}

static seglog_code
view_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
          struct seglog_error *err)
{
    (void)self;
    (void)err;
    if (strncmp(VIEW_NAME, prefix, strlen(prefix)) == 0)
        (void)fn(arg, VIEW_NAME);
    return SEGLOG_OK;
}

static seglog_code
view_remove(void *self, const char *name, struct seglog_error *err)
{
    (void)self;
    (void)name;
    return view_fail(err, SEGLOG_READ_ONLY, 0);
}

static seglog_code
view_replace(void *self, const char *from, const char *name,
             struct seglog_error *err)
{
    (void)self;
    (void)from;
    (void)name;
    return view_fail(err, SEGLOG_READ_ONLY, 0);
}

static seglog_code
view_open_lock(void *self, const char *name, struct seglog_lock *lock,
               struct seglog_error *err)
{
    (void)self;
    (void)name;
    (void)lock;
    return view_fail(err, SEGLOG_READ_ONLY, 0);
}

static void
view_describe(void *self, char *buf, size_t cap)
{
    (void)self;
    if (cap > 0)
        buf[0] = '\0';
}

static void
view_close(void *self)
{
    (void)self;
}

struct seglog_store
view_store(struct view *view)
{
    static const struct seglog_store_ops ops = {
        .size = sizeof ops,
        .open = view_open,
        .list = view_list,
        .remove = view_remove,
        .replace = view_replace,
        .open_lock = view_open_lock,
        .describe = view_describe,
        .close = view_close,
    };

    return (struct seglog_store){ .ops = &ops, .self = view };
}
