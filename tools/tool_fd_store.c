/* SPDX-License-Identifier: MIT */
/* tools/tool_fd_store.c - a byte store over one open file descriptor. */
#define _GNU_SOURCE
#include "tools/tool_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fd_store {
    int fd;
    bool owns_fd;
    bool is_output;
    bool is_regular;
    bool is_broken; /* a write stopped half-way and cannot be undone */
    uint64_t end;   /* output: bytes written through this store */
    const char *shown;
};

/*
 * Undo a short write where that is possible.  A pipe has passed the bytes on;
 * then nothing may follow them, or a reader would see a hole with no reason.
 */
static void
fd_roll_back(struct fd_store *self, size_t written)
{
    const off_t at = written == 0       ? 0
                     : self->is_regular ? lseek(self->fd, 0, SEEK_CUR)
                                        : -1;

    if (written == 0)
        return;
    if (at < (off_t)written || ftruncate(self->fd, at - (off_t)written) != 0 ||
        lseek(self->fd, at - (off_t)written, SEEK_SET) < 0)
        self->is_broken = true;
}

static seglog_code
fd_append(void *blob, uint64_t expected_end, const void *data, size_t len,
          uint64_t *offset, struct seglog_error *err)
{
    struct fd_store *self = blob;
    const uint8_t *bytes = data;
    size_t done = 0;

    if (!self->is_output)
        return tool_error_set(err, SEGLOG_READ_ONLY, self->shown,
                              "it was opened for reading");
    if (self->is_broken)
        return tool_error_set(err, SEGLOG_POISONED, self->shown,
                              "an earlier write stopped half-way");
    if (expected_end != SEGLOG_END_ANY && expected_end != self->end) {
        (void)tool_error_set(err, SEGLOG_CONFLICT, self->shown,
                             "the end is elsewhere");
        if (err)
            err->actual = self->end;
        return SEGLOG_CONFLICT;
    }
    while (done < len) {
        const ssize_t got = write(self->fd, bytes + done, len - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            const int saved = errno;

            fd_roll_back(self, done);
            return tool_error_errno(err, saved, self->shown, "write failed");
        }
        done += (size_t)got;
    }
    *offset = self->end;
    self->end += len;
    return SEGLOG_OK;
}

static seglog_code
fd_get_size(void *blob, uint64_t *size, bool *is_replaced,
            struct seglog_error *err)
{
    struct fd_store *self = blob;
    struct stat stat;

    if (is_replaced)
        *is_replaced = false;
    if (self->is_output) {
        *size = self->end;
        return SEGLOG_OK;
    }
    if (fstat(self->fd, &stat) != 0)
        return tool_error_errno(err, errno, self->shown, "fstat failed");
    *size = (uint64_t)stat.st_size;
    return SEGLOG_OK;
}

static seglog_code
fd_read_at(void *blob, uint64_t offset, void *buf, size_t len,
           struct seglog_error *err)
{
    struct fd_store *self = blob;
    uint8_t *bytes = buf;
    uint64_t size = 0;
    size_t done = 0;
    const seglog_code code = fd_get_size(blob, &size, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    if (self->is_output)
        return tool_error_set(err, SEGLOG_IO, self->shown,
                              "an output cannot be read");
    while (done < len && offset <= size) {
        const ssize_t got =
            pread(self->fd, bytes + done, len - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return tool_error_errno(err, errno, self->shown, "read failed");
        if (got == 0)
            break;
        done += (size_t)got;
    }
    if (done == len && offset <= size)
        return SEGLOG_OK;
    (void)tool_error_set(err, SEGLOG_INVALID, self->shown,
                         "the range lies beyond the end");
    if (err)
        err->actual = size;
    return SEGLOG_INVALID;
}

/* What is no file (a pipe, a terminal) has nothing that could be synced. */
static seglog_code
fd_sync(void *blob, struct seglog_error *err)
{
    struct fd_store *self = blob;

    if (!self->is_output || !self->is_regular || fdatasync(self->fd) == 0)
        return SEGLOG_OK;
    self->is_broken = true;
    return tool_error_errno(err, errno, self->shown, "fdatasync failed");
}

static seglog_code
fd_close(void *blob, struct seglog_error *err)
{
    (void)blob;
    (void)err;
    return SEGLOG_OK; /* the store closes the descriptor */
}

static const struct seglog_blob_ops fd_blob_ops = {
    .size = sizeof(struct seglog_blob_ops),
    .append = fd_append,
    .read_at = fd_read_at,
    .get_size = fd_get_size,
    .sync = fd_sync,
    .close = fd_close,
};

static seglog_code
fd_store_open_blob(void *store, const char *name, unsigned flags,
                   struct seglog_blob *blob, struct seglog_error *err)
{
    struct fd_store *self = store;
    const bool wants_output = (flags & SEGLOG_OPEN_WRITE) != 0;

    (void)name;
    if (wants_output && !self->is_output)
        return tool_error_set(err, SEGLOG_READ_ONLY, self->shown,
                              "it was opened for reading");
    *blob = (struct seglog_blob){ &fd_blob_ops, self };
    return SEGLOG_OK;
}

static void
fd_store_close(void *store)
{
    struct fd_store *self = store;

    if (self->owns_fd)
        (void)close(self->fd);
    free(self);
}

static const struct seglog_store_ops fd_store_ops = {
    .size = sizeof(struct seglog_store_ops),
    .open = fd_store_open_blob,
    .close = fd_store_close,
};

seglog_code
tool_fd_store_open(int fd, bool owns_fd, bool is_output, const char *shown,
                   struct seglog_store *store, struct seglog_error *err)
{
    struct stat stat;
    struct fd_store *self = NULL;

    if (fstat(fd, &stat) != 0)
        return tool_error_errno(err, errno, shown, "fstat failed");
    self = calloc(1, sizeof *self);
    if (!self)
        return tool_error_errno(err, ENOMEM, shown, "no memory");
    *self = (struct fd_store){ .fd = fd,
                               .owns_fd = owns_fd,
                               .is_output = is_output,
                               .is_regular = S_ISREG(stat.st_mode),
                               .shown = shown };
    *store = (struct seglog_store){ &fd_store_ops, self };
    return SEGLOG_OK;
}
