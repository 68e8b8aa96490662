/* SPDX-License-Identifier: MIT */
/* src/store/store_file_blob.c - open a file, read it, wait for more of it. */
#define _POSIX_C_SOURCE   200809L /* pread, openat */
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/store/store_file.h"

/* Somebody may create and remove the same name again and again. */
#define OPEN_ATTEMPTS_MAX 16

struct slg_file_place
slg_file_blob_place(const struct slg_file_blob *blob, uint64_t offset)
{
    return (struct slg_file_place){ blob->store, blob->name, offset };
}

seglog_code
slg_file_blob_fail(const struct slg_file_blob *blob, struct seglog_error *err,
                   const char *what)
{
    return slg_file_fail_errno(
        err, errno, slg_file_blob_place(blob, SEGLOG_NO_OFFSET), what);
}

seglog_code
slg_file_blob_fail_range(const struct slg_file_blob *blob,
                         struct seglog_error *err, uint64_t offset,
                         uint64_t size, const char *what)
{
    const seglog_code code = slg_file_fail(
        err, SEGLOG_INVALID, slg_file_blob_place(blob, offset), what);

    return slg_fail_actual(err, code, size);
}

/*
 * Moving the position, which nothing here uses, is the cheapest way to ask.
 * It also leaves the time stamps alone: a kernel that has told somebody the
 * time of the last change must make the next one differ, which costs an append
 * more than asking did.
 */
seglog_code
slg_file_blob_ask_size(const struct slg_file_blob *blob, uint64_t *size,
                       struct seglog_error *err)
{
    const off_t end = lseek(blob->fd, 0, SEEK_END);

    if (end < 0)
        return slg_file_blob_fail(blob, err, "cannot find out its size");
    *size = (uint64_t)end;
    return SEGLOG_OK;
}

static bool
is_inside(uint64_t offset, size_t len, uint64_t size)
{
    return offset <= size && len <= size - offset;
}

static seglog_code
check_range(const struct slg_file_blob *blob, uint64_t offset, size_t len,
            struct seglog_error *err)
{
    uint64_t size = 0;
    const seglog_code code = slg_file_blob_ask_size(blob, &size, err);

    if (code != SEGLOG_OK || is_inside(offset, len, size))
        return code;
    return slg_file_blob_fail_range(blob, err, offset, size,
                                    "the range to read goes past the end");
}

static ssize_t
read_some(const struct slg_file_blob *blob, uint64_t offset, uint8_t *buf,
          size_t len)
{
    unsigned times = 0;
    ssize_t got = 0;

    if (len > SLG_FILE_IO_MAX)
        len = SLG_FILE_IO_MAX;
    do
        got = pread(blob->fd, buf, len, (off_t)offset);
    while (got < 0 && slg_file_is_interrupted(&times));
    return got;
}

/*
 * The size is asked for only when the bytes ran out.  It may have grown since;
 * bytes that are missing all the same are the fault of the system.
 */
static seglog_code
blob_read_at(void *self, uint64_t offset, void *buf, size_t len,
             struct seglog_error *err)
{
    const struct slg_file_blob *blob = self;
    bool is_checked = false;

    if (len == 0 || !is_inside(offset, len, INT64_MAX))
        return check_range(blob, offset, len, err);

    for (size_t done = 0; done < len;) {
        const ssize_t got =
            read_some(blob, offset + done, (uint8_t *)buf + done, len - done);

        if (got < 0 || (got == 0 && is_checked)) {
            const struct slg_file_place place =
                slg_file_blob_place(blob, offset + done);

            return slg_file_fail_errno(err, got < 0 ? errno : EIO, place,
                                       "cannot read it");
        }
        is_checked = got == 0;
        if (is_checked) {
            const seglog_code code = check_range(blob, offset, len, err);

            if (code != SEGLOG_OK)
                return code;
        }
        done += (size_t)got;
    }
    return SEGLOG_OK;
}

/*
 * Ask the system where the name leads.  What is open keeps its inode number,
 * so that no other file can have it meanwhile.
 */
static int
ask_name(struct slg_file_blob *blob, bool *is_replaced, bool *is_link)
{
    const int dir_fd = blob->store->dir_fd;
    struct stat status;
    int result = fstatat(dir_fd, blob->name, &status, AT_SYMLINK_NOFOLLOW);

    *is_link = result == 0 && S_ISLNK(status.st_mode);
    if (*is_link)
        result = fstatat(dir_fd, blob->name, &status, 0);
    *is_replaced = result != 0 || (uint64_t)status.st_dev != blob->device ||
                   (uint64_t)status.st_ino != blob->inode;
    return result == 0 || errno == ENOENT || errno == ELOOP || errno == ENOTDIR
               ? 0
               : -1;
}

/*
 * To look up a name costs twice as much as to ask a folder when it was last
 * changed, and it cannot lead elsewhere while its folder stays the same.  That
 * is relied on only where a later change could not get the same time as the
 * one that was seen, and where the name is the file's own and not that of a
 * link, whose target may live in another folder.
 */
static seglog_code
check_name(struct slg_file_blob *blob, bool *is_replaced,
           struct seglog_error *err)
{
    int64_t changed_ns = 0;
    int64_t now_ns = 0;
    bool has_time = false;
    bool is_link = false;

    *is_replaced = false;
    if (blob->is_name_settled &&
        slg_file_folder_time(blob->store, &changed_ns) &&
        blob->folder_changed_ns == changed_ns)
        return SEGLOG_OK;
    now_ns = slg_wall_clock_ns();
    has_time = slg_file_folder_time(blob->store, &changed_ns);
    if (ask_name(blob, is_replaced, &is_link) != 0)
        return slg_file_blob_fail(blob, err, "cannot look up its name");
    blob->folder_changed_ns = changed_ns;
    blob->is_name_settled = has_time && !is_link && !*is_replaced &&
                            slg_file_time_is_past(changed_ns, now_ns);
    return SEGLOG_OK;
}

static seglog_code
look(struct slg_file_blob *blob, uint64_t *size, bool *is_replaced,
     struct seglog_error *err)
{
    const seglog_code code =
        is_replaced ? check_name(blob, is_replaced, err) : SEGLOG_OK;

    return code == SEGLOG_OK ? slg_file_blob_ask_size(blob, size, err) : code;
}

static seglog_code
blob_get_size(void *self, uint64_t *size, bool *is_replaced,
              struct seglog_error *err)
{
    struct slg_file_blob *blob = self;
    const seglog_code code = look(blob, size, is_replaced, err);

    if (code == SEGLOG_OK)
        blob->end = *size;
    return code;
}

/* Nothing is held back: append has handed all bytes to the system. */
static seglog_code
blob_flush(void *self, struct seglog_error *err)
{
    (void)self;
    (void)err;
    return SEGLOG_OK;
}

/*
 * The watch is armed before the size is looked at: what happens in between
 * makes poll return at once.  The end that append trusts stays as it is, for
 * nobody holds the lock here.
 */
static seglog_code
blob_wait(void *self, uint64_t known_size, int timeout_ms,
          struct seglog_error *err)
{
    struct slg_file_blob *blob = self;
    const int64_t deadline_ns = slg_deadline_ns(timeout_ms);

    if (!blob->is_watch_tried)
        blob->watch = slg_file_watch_open(blob->store, blob->fd);
    blob->is_watch_tried = true;

    for (;;) {
        struct pollfd watch = { .fd = blob->watch.fd, .events = POLLIN };
        const bool is_watched = blob->watch.fd >= 0;
        uint64_t size = 0;
        bool is_replaced = false;
        int left_ms = 0;
        const seglog_code code = look(blob, &size, &is_replaced, err);

        if (code != SEGLOG_OK)
            return code;
        left_ms = slg_deadline_left_ms(deadline_ns,
                                       is_watched ? INT_MAX : SLG_POLL_MS);
        if (size != known_size || is_replaced || left_ms == 0)
            return SEGLOG_OK;
        if (poll(&watch, is_watched ? 1 : 0, left_ms) < 0) {
            if (errno == EINTR)
                return SEGLOG_OK;
            return slg_file_blob_fail(blob, err, "cannot wait for more of it");
        }
        if (is_watched)
            slg_file_watch_drain(blob->watch);
    }
}

/* After close the descriptor is gone, even when it reports EINTR. */
static seglog_code
blob_close(void *self, struct seglog_error *err)
{
    struct slg_file_blob *blob = self;
    seglog_code code = SEGLOG_OK;

    slg_file_watch_close(blob->store, blob->watch);
    if (close(blob->fd) != 0 && errno != EINTR)
        code = slg_file_blob_fail(blob, err, "closing it failed");
    free(blob);
    return code;
}

static const struct seglog_blob_ops file_blob_ops = {
    .size = sizeof file_blob_ops,
    .append = slg_file_blob_append,
    .read_at = blob_read_at,
    .get_size = blob_get_size,
    .flush = blob_flush,
    .sync = slg_file_blob_sync,
    .truncate = slg_file_blob_truncate,
    .wait = blob_wait,
    .close = blob_close,
};

/* O_NONBLOCK: to open a pipe by mistake must not hang; files ignore it. */
static int
open_existing(const struct slg_file_blob *blob)
{
    const int flags = (blob->is_writable ? O_RDWR : O_RDONLY) |
                      (blob->store->refuses_links ? O_NOFOLLOW : 0) |
                      O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    unsigned times = 0;
    int fd = -1;

    do
        fd = openat(blob->store->dir_fd, blob->name, flags);
    while (fd < 0 && slg_file_is_interrupted(&times));
    return fd;
}

static int
open_new(const struct slg_file_blob *blob)
{
    unsigned times = 0;
    int fd = -1;

    do
        fd = openat(blob->store->dir_fd, blob->name,
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    blob->store->file_mode);
    while (fd < 0 && slg_file_is_interrupted(&times));
    return fd;
}

/* Open or create as the flags say; errno tells why it is -1. */
static int
open_by_flags(const struct slg_file_blob *blob, unsigned flags, bool *is_new)
{
    int fd = -1;

    *is_new = (flags & SEGLOG_OPEN_CREATE_EXCLUSIVE) != 0;
    if (*is_new)
        return open_new(blob);
    if ((flags & SEGLOG_OPEN_CREATE) == 0)
        return open_existing(blob);

    /* Between the two calls somebody may create it or take it away. */
    for (int i = 0; i < OPEN_ATTEMPTS_MAX && fd < 0; i++) {
        *is_new = i % 2 != 0;
        fd = *is_new ? open_new(blob) : open_existing(blob);
        if (fd < 0 && errno != (*is_new ? EEXIST : ENOENT))
            return -1;
    }
    return fd;
}

/* What is open: must be a file, and which one it is. */
static seglog_code
identify(struct slg_file_blob *blob, struct seglog_error *err)
{
    struct stat status;

    if (fstat(blob->fd, &status) != 0)
        return slg_file_blob_fail(blob, err, "cannot look at it");
    if (!S_ISREG(status.st_mode))
        return slg_file_fail(err, SEGLOG_INVALID,
                             slg_file_blob_place(blob, SEGLOG_NO_OFFSET),
                             "it is not a regular file");
    blob->device = (uint64_t)status.st_dev;
    blob->inode = (uint64_t)status.st_ino;
    blob->end = (uint64_t)status.st_size;
    return SEGLOG_OK;
}

static seglog_code
open_and_identify(struct slg_file_blob *blob, unsigned flags,
                  struct seglog_error *err)
{
    const int dir_fd = blob->store->dir_fd;
    bool is_new = false;
    seglog_code code = SEGLOG_OK;

    blob->fd = open_by_flags(blob, flags, &is_new);
    if (blob->fd < 0 &&
        (errno == EISDIR || (errno == ELOOP && blob->store->refuses_links)))
        return slg_file_fail(err, SEGLOG_INVALID,
                             slg_file_blob_place(blob, SEGLOG_NO_OFFSET),
                             "it is not a regular file");
    if (blob->fd < 0)
        return slg_file_blob_fail(blob, err, "cannot open it");

    /*
     * Also where it was found: whoever created it may not have come so far
     * yet, and our own sync of the bytes would not keep the name.
     */
    code = identify(blob, err);
    if (code == SEGLOG_OK && (is_new || (flags & SEGLOG_OPEN_CREATE) != 0) &&
        slg_file_sync_folder(dir_fd) != 0)
        code = slg_file_blob_fail(blob, err, "cannot sync the folder");
    blob->needs_full_sync = is_new;
    blob->needs_folder_sync = (flags & SEGLOG_OPEN_CREATE) == 0 && !is_new;
    if (code != SEGLOG_OK) {
        (void)close(blob->fd);
        if (is_new)
            (void)unlinkat(dir_fd, blob->name, 0);
    }
    return code;
}

seglog_code
slg_file_blob_open(void *self, const char *name, unsigned flags,
                   struct seglog_blob *blob, struct seglog_error *err)
{
    struct slg_file_store *store = self;
    const struct slg_file_place place = { store, name, SEGLOG_NO_OFFSET };
    struct slg_file_blob *file = calloc(1, sizeof *file);
    seglog_code code = SEGLOG_OK;

    if (!file)
        return slg_file_fail(err, SEGLOG_NO_MEMORY, place,
                             "no memory to open it");
    file->store = store;
    file->watch.fd = -1;
    file->is_writable = (flags & SEGLOG_OPEN_WRITE) != 0;
    file->is_lock_held = (flags & SEGLOG_OPEN_LOCK_HELD) != 0;
    memcpy(file->name, name, strlen(name) + 1);
    code = open_and_identify(file, flags, err);
    if (code != SEGLOG_OK) {
        free(file);
        return code;
    }
    *blob = (struct seglog_blob){ .ops = &file_blob_ops, .self = file };
    return SEGLOG_OK;
}
