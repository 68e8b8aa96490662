/* SPDX-License-Identifier: MIT */
/*
 * src/store/store.c - the checked calls: the only callers of the tables.
 *
 * What every store would have to check the same way is checked here, so that
 * a store is never asked for a bad name, unknown flags or a NULL buffer.
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include "seglog/store.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/store/name.h"

/*
 * A table filled in by older code is shorter than ours: what lies beyond its
 * size was never written and must not be looked at.
 */
#define HAS_OP(type, ops, op)                                                  \
    ((ops) != NULL &&                                                          \
     (ops)->size >= offsetof(struct type, op) + sizeof((ops)->op) &&           \
     (ops)->op != NULL)

static const unsigned OPEN_FLAGS_KNOWN =
    SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE | SEGLOG_OPEN_CREATE_EXCLUSIVE |
    SEGLOG_OPEN_LOCK_HELD;

static seglog_code
fail_null(struct seglog_error *err, const char *what)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "%s is NULL", what);
}

static seglog_code
fail_absent(struct seglog_error *err, seglog_code code, const char *op)
{
    return slg_fail(err, code, NULL, "this byte store has no %s", op);
}

void
seglog_store_close(struct seglog_store *store)
{
    if (!store)
        return;
    if (HAS_OP(seglog_store_ops, store->ops, close))
        store->ops->close(store->self);
    *store = (struct seglog_store){ 0 };
}

static seglog_code
open_flags_check(const char *name, unsigned flags, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };

    if ((flags & ~OPEN_FLAGS_KNOWN) != 0)
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "unknown flags 0x%x to open it",
                        flags & ~OPEN_FLAGS_KNOWN);
    if (flags != SEGLOG_OPEN_READ && (flags & SEGLOG_OPEN_WRITE) == 0)
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "to create or append it must be opened for writing");
    return SEGLOG_OK;
}

seglog_code
seglog_blob_open(struct seglog_store store, const char *name, unsigned flags,
                 struct seglog_blob *blob, struct seglog_error *err)
{
    seglog_code code = slg_name_check(name, err);

    if (code != SEGLOG_OK)
        return code;
    code = open_flags_check(name, flags, err);
    if (code != SEGLOG_OK)
        return code;
    if (!blob)
        return fail_null(err, "blob");
    if (!HAS_OP(seglog_store_ops, store.ops, open))
        return fail_absent(err, SEGLOG_INVALID, "open");
    return store.ops->open(store.self, name, flags, blob, err);
}

/* Apart, so that the other way keeps no local and is a jump (measured: 1 to
 * 2 % of an append with its system call). */
static __attribute__((noinline)) seglog_code
append_without_offset(struct seglog_blob blob, uint64_t expected_end,
                      const void *data, size_t len, struct seglog_error *err)
{
    uint64_t unused = 0;

    return blob.ops->append(blob.self, expected_end, data, len, &unused, err);
}

seglog_code
seglog_blob_append(struct seglog_blob blob, uint64_t expected_end,
                   const void *data, size_t len, uint64_t *offset,
                   struct seglog_error *err)
{
    if (!data && len > 0)
        return fail_null(err, "data");
    if (!HAS_OP(seglog_blob_ops, blob.ops, append))
        return fail_absent(err, SEGLOG_READ_ONLY, "append");
    if (!offset)
        return append_without_offset(blob, expected_end, data, len, err);
    return blob.ops->append(blob.self, expected_end, data, len, offset, err);
}

seglog_code
seglog_blob_read_at(struct seglog_blob blob, uint64_t offset, void *buf,
                    size_t len, struct seglog_error *err)
{
    if (!buf && len > 0)
        return fail_null(err, "buf");
    if (!HAS_OP(seglog_blob_ops, blob.ops, read_at))
        return fail_absent(err, SEGLOG_INVALID, "read_at");
    return blob.ops->read_at(blob.self, offset, buf, len, err);
}

seglog_code
seglog_blob_get_size(struct seglog_blob blob, uint64_t *size, bool *is_replaced,
                     struct seglog_error *err)
{
    if (!size)
        return fail_null(err, "size");
    if (!HAS_OP(seglog_blob_ops, blob.ops, get_size))
        return fail_absent(err, SEGLOG_INVALID, "get_size");
    return blob.ops->get_size(blob.self, size, is_replaced, err);
}

seglog_code
seglog_blob_flush(struct seglog_blob blob, struct seglog_error *err)
{
    if (!blob.ops)
        return fail_null(err, "blob");
    if (!HAS_OP(seglog_blob_ops, blob.ops, flush))
        return SEGLOG_OK; /* such a store holds nothing back */
    return blob.ops->flush(blob.self, err);
}

seglog_code
seglog_blob_sync(struct seglog_blob blob, struct seglog_error *err)
{
    if (!HAS_OP(seglog_blob_ops, blob.ops, sync))
        return fail_absent(err, SEGLOG_INVALID, "sync");
    return blob.ops->sync(blob.self, err);
}

seglog_code
seglog_blob_truncate(struct seglog_blob blob, uint64_t new_size,
                     struct seglog_error *err)
{
    if (!HAS_OP(seglog_blob_ops, blob.ops, truncate))
        return fail_absent(err, SEGLOG_READ_ONLY, "truncate");
    return blob.ops->truncate(blob.self, new_size, err);
}

static seglog_code
blob_poll(struct seglog_blob blob, uint64_t known_size, int timeout_ms,
          struct seglog_error *err)
{
    const int64_t deadline_ns = slg_deadline_ns(timeout_ms);

    for (;;) {
        uint64_t size = 0;
        bool is_replaced = false;
        int pause_ms = 0;
        struct timespec pause;
        const seglog_code code =
            seglog_blob_get_size(blob, &size, &is_replaced, err);

        if (code != SEGLOG_OK)
            return code;
        pause_ms = slg_deadline_left_ms(deadline_ns, SLG_POLL_MS);
        if (size != known_size || is_replaced || pause_ms == 0)
            return SEGLOG_OK;

        /* A signal ends the wait early, as it does where a store has one. */
        pause = slg_timespec_from_ns(pause_ms * INT64_C(1000000));
        if (nanosleep(&pause, NULL) != 0)
            return SEGLOG_OK;
    }
}

seglog_code
seglog_blob_wait(struct seglog_blob blob, uint64_t known_size, int timeout_ms,
                 struct seglog_error *err)
{
    if (!HAS_OP(seglog_blob_ops, blob.ops, wait))
        return blob_poll(blob, known_size, timeout_ms, err);
    return blob.ops->wait(blob.self, known_size, timeout_ms, err);
}

seglog_code
seglog_blob_close(struct seglog_blob *blob, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!blob)
        return SEGLOG_OK;
    if (HAS_OP(seglog_blob_ops, blob->ops, close))
        code = blob->ops->close(blob->self, err);
    *blob = (struct seglog_blob){ 0 };
    return code;
}

seglog_code
seglog_store_list(struct seglog_store store, const char *prefix,
                  seglog_list_fn fn, void *arg, struct seglog_error *err)
{
    if (!prefix)
        return fail_null(err, "prefix");
    if (!fn)
        return fail_null(err, "fn");
    if (!HAS_OP(seglog_store_ops, store.ops, list))
        return fail_absent(err, SEGLOG_INVALID, "list");
    return store.ops->list(store.self, prefix, fn, arg, err);
}

seglog_code
seglog_store_remove(struct seglog_store store, const char *name,
                    struct seglog_error *err)
{
    const seglog_code code = slg_name_check(name, err);

    if (code != SEGLOG_OK)
        return code;
    if (!HAS_OP(seglog_store_ops, store.ops, remove))
        return fail_absent(err, SEGLOG_READ_ONLY, "remove");
    return store.ops->remove(store.self, name, err);
}

seglog_code
seglog_store_replace(struct seglog_store store, const char *from,
                     const char *name, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    seglog_code code = slg_name_check(from, err);

    if (code == SEGLOG_OK)
        code = slg_name_check(name, err);
    if (code != SEGLOG_OK)
        return code;
    if (strcmp(from, name) == 0)
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "it cannot be replaced by itself");
    if (!HAS_OP(seglog_store_ops, store.ops, replace))
        return fail_absent(err, SEGLOG_READ_ONLY, "replace");
    return store.ops->replace(store.self, from, name, err);
}

static seglog_code
info_from_blob(struct seglog_store store, const char *name,
               struct seglog_blob_info *info, struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_get_size(blob, &size, NULL, err);
    (void)seglog_blob_close(&blob, NULL); /* nothing was written */
    if (code == SEGLOG_OK)
        *info = (struct seglog_blob_info){ .size = size };
    return code;
}

seglog_code
seglog_store_get_info(struct seglog_store store, const char *name,
                      struct seglog_blob_info *info, struct seglog_error *err)
{
    const seglog_code code = slg_name_check(name, err);

    if (code != SEGLOG_OK)
        return code;
    if (!info)
        return fail_null(err, "info");
    if (!HAS_OP(seglog_store_ops, store.ops, get_info))
        return info_from_blob(store, name, info, err);
    return store.ops->get_info(store.self, name, info, err);
}

seglog_code
seglog_store_get_stamp(struct seglog_store store, struct seglog_stamp *stamp,
                       struct seglog_error *err)
{
    if (!stamp)
        return fail_null(err, "stamp");
    if (!store.ops)
        return fail_null(err, "store");
    if (HAS_OP(seglog_store_ops, store.ops, get_stamp))
        return store.ops->get_stamp(store.self, stamp, err);
    *stamp = (struct seglog_stamp){ .is_settled = false };
    return SEGLOG_OK;
}

void
seglog_store_describe(struct seglog_store store, char *buf, size_t cap)
{
    if (!buf || cap == 0)
        return;
    (void)snprintf(buf, cap, "%s", store.ops ? "byte store" : "no byte store");
    if (HAS_OP(seglog_store_ops, store.ops, describe))
        store.ops->describe(store.self, buf, cap);
}

seglog_code
seglog_lock_open(struct seglog_store store, const char *name,
                 struct seglog_lock *lock, struct seglog_error *err)
{
    const seglog_code code = slg_name_check(name, err);

    if (code != SEGLOG_OK)
        return code;
    if (!lock)
        return fail_null(err, "lock");
    if (!HAS_OP(seglog_store_ops, store.ops, open_lock))
        return fail_absent(err, SEGLOG_INVALID, "locks");
    return store.ops->open_lock(store.self, name, lock, err);
}

seglog_code
seglog_lock_acquire(struct seglog_lock lock, int timeout_ms,
                    struct seglog_error *err)
{
    if (!HAS_OP(seglog_lock_ops, lock.ops, acquire))
        return fail_absent(err, SEGLOG_INVALID, "locks");
    return lock.ops->acquire(lock.self, timeout_ms, err);
}

seglog_code
seglog_lock_release(struct seglog_lock lock, struct seglog_error *err)
{
    if (!HAS_OP(seglog_lock_ops, lock.ops, release))
        return fail_absent(err, SEGLOG_INVALID, "locks");
    return lock.ops->release(lock.self, err);
}

void *
seglog_lock_get_hint(struct seglog_lock lock)
{
    return HAS_OP(seglog_lock_ops, lock.ops, get_hint)
               ? lock.ops->get_hint(lock.self)
               : NULL;
}

seglog_code
seglog_lock_discard(struct seglog_lock lock, struct seglog_error *err)
{
    if (!lock.ops)
        return fail_null(err, "lock");
    if (!HAS_OP(seglog_lock_ops, lock.ops, discard))
        return SEGLOG_OK; /* such a lock leaves nothing */
    return lock.ops->discard(lock.self, err);
}

void
seglog_lock_close(struct seglog_lock *lock)
{
    if (!lock)
        return;
    if (HAS_OP(seglog_lock_ops, lock->ops, close))
        lock->ops->close(lock->self);
    *lock = (struct seglog_lock){ 0 };
}
