/* SPDX-License-Identifier: MIT */
/*
 * src/store/store_file_write.c - append to a file, cut it, make it durable.
 *
 * A handle whose caller holds the lock of the blob trusts the end it knows,
 * and an append is a single system call.  Any other handle asks the system
 * under a lock on the file itself, which is not the lock of the blob: that one
 * may be held by whoever called us.
 */
#define _POSIX_C_SOURCE   200809L /* pwrite */
#define _DEFAULT_SOURCE           /* flock */
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/fail.h"
#include "src/store/store_file.h"

static seglog_code
check_writable(const struct slg_file_blob *blob, struct seglog_error *err)
{
    const struct slg_file_place place =
        slg_file_blob_place(blob, SEGLOG_NO_OFFSET);

    if (!blob->is_writable)
        return slg_file_fail(err, SEGLOG_READ_ONLY, place,
                             "it was opened for reading only");
    if (blob->is_poisoned)
        return slg_file_fail(err, SEGLOG_POISONED, place,
                             "an earlier write could not be completed or "
                             "undone; open it again and check its end");
    return SEGLOG_OK;
}

/* The lock on the file itself; held for a few system calls. */
static int
own_lock(const struct slg_file_blob *blob, int operation)
{
    unsigned times = 0;
    int result = 0;

    if (blob->is_lock_held)
        return 0;
    do
        result = flock(blob->fd, operation);
    while (result != 0 && slg_file_is_interrupted(&times));
    return result;
}

static int
cut_at(struct slg_file_blob *blob, uint64_t size)
{
    unsigned times = 0;
    int result = 0;

    do
        result = ftruncate(blob->fd, (off_t)size);
    while (result != 0 && slg_file_is_interrupted(&times));
    if (result == 0)
        blob->needs_full_sync = true;
    return result;
}

static seglog_code
fail_poisoned(struct slg_file_blob *blob, uint64_t offset,
              struct seglog_error *err)
{
    const int sys_errno = errno;

    blob->is_poisoned = true;
    (void)slg_file_fail_errno(err, sys_errno, slg_file_blob_place(blob, offset),
                              "part of a write remains and cannot be undone");
    if (err)
        err->code = SEGLOG_POISONED;
    return SEGLOG_POISONED;
}

/*
 * A write failed at `end` for the reason sys_errno: let nothing of it remain.
 * What had come through may hold whole frames.  Should a crash bring them back
 * behind others that were appended later, they would pass for valid, so the
 * cut is synced before anything can be appended; and the code is one that says
 * that there was something to take back.
 */
static seglog_code
roll_back(struct slg_file_blob *blob, uint64_t end, int sys_errno,
          struct seglog_error *err)
{
    struct stat status;
    bool is_cut = false;
    seglog_code code = SEGLOG_OK;

    if (fstat(blob->fd, &status) != 0)
        return fail_poisoned(blob, end, err);
    is_cut = (uint64_t)status.st_size > end;
    if (is_cut &&
        (cut_at(blob, end) != 0 || slg_file_sync(blob->fd, true) != 0))
        return fail_poisoned(blob, end, err);
    code = slg_file_fail_errno(err, sys_errno, slg_file_blob_place(blob, end),
                               "cannot append; nothing was written");
    if (!is_cut || code == SEGLOG_NO_SPACE)
        return code;
    if (err)
        err->code = SEGLOG_IO;
    return SEGLOG_IO;
}

static seglog_code
write_all(struct slg_file_blob *blob, uint64_t end, const uint8_t *data,
          size_t len, struct seglog_error *err)
{
    unsigned times = 0;
    size_t done = 0;

    while (done < len) {
        const size_t left = len - done;
        const ssize_t part =
            pwrite(blob->fd, data + done,
                   left < SLG_FILE_IO_MAX ? left : SLG_FILE_IO_MAX,
                   (off_t)(end + done));

        if (part > 0) {
            done += (size_t)part;
            times = 0;
        } else if (part == 0 || !slg_file_is_interrupted(&times))
            return roll_back(blob, end, part == 0 ? EIO : errno, err);
    }
    return SEGLOG_OK;
}

/* The end is settled: by the caller's lock or by our own. */
static seglog_code
append_at_end(struct slg_file_blob *blob, uint64_t expected_end,
              const void *data, size_t len, uint64_t *offset,
              struct seglog_error *err)
{
    const uint64_t end = blob->end;
    seglog_code code = SEGLOG_OK;

    if (expected_end != SEGLOG_END_ANY && expected_end != end) {
        code = slg_file_fail(err, SEGLOG_CONFLICT,
                             slg_file_blob_place(blob, expected_end),
                             "somebody else has appended or cut it");
        return slg_fail_actual(err, code, end);
    }
    if (len > INT64_MAX - end)
        return slg_file_fail(err, SEGLOG_TOO_LARGE,
                             slg_file_blob_place(blob, end),
                             "no file can grow that large");
    code = write_all(blob, end, data, len, err);
    if (code != SEGLOG_OK)
        return code;
    blob->end = end + len;
    *offset = end;
    return SEGLOG_OK;
}

seglog_code
slg_file_blob_append(void *self, uint64_t expected_end, const void *data,
                     size_t len, uint64_t *offset, struct seglog_error *err)
{
    struct slg_file_blob *blob = self;
    seglog_code code = check_writable(blob, err);

    if (code != SEGLOG_OK)
        return code;
    if (blob->is_lock_held || len == 0)
        return append_at_end(blob, expected_end, data, len, offset, err);

    if (own_lock(blob, LOCK_EX) != 0)
        return slg_file_blob_fail(blob, err, "cannot lock it to append");
    code = slg_file_blob_ask_size(blob, &blob->end, err);
    if (code == SEGLOG_OK)
        code = append_at_end(blob, expected_end, data, len, offset, err);
    (void)own_lock(blob, LOCK_UN);
    return code;
}

seglog_code
slg_file_blob_sync(void *self, struct seglog_error *err)
{
    struct slg_file_blob *blob = self;

    if (blob->is_poisoned)
        return slg_file_fail(err, SEGLOG_POISONED,
                             slg_file_blob_place(blob, SEGLOG_NO_OFFSET),
                             "an earlier write or sync failed; open it again "
                             "and check what is there");
    /* Whoever renamed it to this name may have died before he synced that: the
     * bytes are worth nothing without the name. */
    if (slg_file_sync(blob->fd, blob->needs_full_sync) == 0 &&
        (!blob->needs_folder_sync ||
         slg_file_sync_folder(blob->store->dir_fd) == 0)) {
        blob->needs_full_sync = blob->needs_folder_sync = false;
        return SEGLOG_OK;
    }

    /* Whatever the reason, NO_SPACE would say that nothing was appended. */
    blob->is_poisoned = true;
    (void)slg_file_blob_fail(
        blob, err, "what was appended since the last sync may be lost");
    if (err)
        err->code = SEGLOG_IO;
    return SEGLOG_IO;
}

static seglog_code
cut(struct slg_file_blob *blob, uint64_t new_size, struct seglog_error *err)
{
    uint64_t size = 0;
    const seglog_code code = slg_file_blob_ask_size(blob, &size, err);

    if (code != SEGLOG_OK)
        return code;
    if (new_size > size)
        return slg_file_blob_fail_range(blob, err, new_size, size,
                                        "cutting cannot make it longer");
    /*
     * Also where nothing is cut off: what an earlier boot had written behind
     * the end, in the last block, would be seen if the size grew on the disk
     * and the bytes did not get there.  The system zeroes it when it is told to
     * cut, and the next sync writes that.
     */
    if (cut_at(blob, new_size) != 0)
        return slg_file_blob_fail(blob, err, "cannot cut it");
    blob->end = new_size;
    return SEGLOG_OK;
}

seglog_code
slg_file_blob_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct slg_file_blob *blob = self;
    seglog_code code = check_writable(blob, err);

    if (code != SEGLOG_OK)
        return code;
    if (own_lock(blob, LOCK_EX) != 0)
        return slg_file_blob_fail(blob, err, "cannot lock it to cut it");
    code = cut(blob, new_size, err);
    (void)own_lock(blob, LOCK_UN);
    return code;
}
