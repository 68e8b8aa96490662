/* SPDX-License-Identifier: MIT */
/*
 * src/store/store_file_lock.c - the lock of a file: flock on NAME.lock.
 *
 * The lock file is never renamed or removed, so that all who ask for the lock
 * ask for the same one, whatever becomes of the file itself.  flock belongs to
 * the open file: it also excludes two handles of one process, and the system
 * releases it when the process dies.
 */
#define _GNU_SOURCE       /* flock, fallocate */
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/store/deadline.h"
#include "src/store/store_file.h"

/* The pauses between two tries, from the first to the longest. */
static const int64_t PAUSE_FIRST_NS = 50000;
static const int64_t PAUSE_LAST_NS = 2000000;

struct file_lock {
    struct slg_file_store *store;
    int fd;
    bool is_holder;
    void *hint; /* shared mapping, or NULL */
    char name[SLG_NAME_CAP + sizeof SLG_LOCK_SUFFIX];
};

static struct slg_file_place
place_of(const struct file_lock *lock)
{
    return (struct slg_file_place){ lock->store, lock->name, SEGLOG_NO_OFFSET };
}

static int
flock_retry(int fd, int operation)
{
    int result = 0;

    do
        result = flock(fd, operation);
    while (result != 0 && errno == EINTR);
    return result;
}

/* Try until deadline_ns; the pauses grow to spare the processor. */
static int
flock_until(int fd, int64_t deadline_ns)
{
    int64_t pause_ns = PAUSE_FIRST_NS;

    for (;;) {
        const int64_t left_ns = slg_deadline_left_ns(deadline_ns);
        struct timespec pause;

        if (left_ns == 0) {
            errno = EWOULDBLOCK;
            return -1;
        }
        pause = slg_timespec_from_ns(left_ns < pause_ns ? left_ns : pause_ns);
        (void)nanosleep(&pause, NULL);
        if (flock_retry(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK)
            return -1;
        pause_ns = pause_ns < PAUSE_LAST_NS / 2 ? 2 * pause_ns : PAUSE_LAST_NS;
    }
}

/*
 * The language does not know that flock orders what threads do.  A thread that
 * gets the lock sees what another one did before it gave it up, because it
 * meets this counter after the other one has.
 */
static void
lock_synchronize(struct file_lock *lock, memory_order order)
{
    (void)atomic_fetch_add_explicit(&lock->store->lock_passes, 1, order);
}

static seglog_code
lock_acquire(void *self, int timeout_ms, struct seglog_error *err)
{
    struct file_lock *lock = self;
    int result = 0;

    if (lock->is_holder)
        return slg_file_fail(err, SEGLOG_INVALID, place_of(lock),
                             "this handle holds the lock already");

    result = flock_retry(lock->fd, LOCK_EX | LOCK_NB);
    if (result != 0 && errno == EWOULDBLOCK && timeout_ms < 0)
        result = flock_retry(lock->fd, LOCK_EX);
    else if (result != 0 && errno == EWOULDBLOCK && timeout_ms > 0)
        result = flock_until(lock->fd, slg_deadline_ns(timeout_ms));
    lock->is_holder = result == 0;

    if (result == 0) {
        lock_synchronize(lock, memory_order_acquire);
        return SEGLOG_OK;
    }
    if (errno == EWOULDBLOCK)
        return slg_file_fail(err, SEGLOG_LOCKED, place_of(lock),
                             "somebody else is writing; try again later");
    return slg_file_fail_errno(err, errno, place_of(lock), "cannot lock it");
}

static seglog_code
lock_release(void *self, struct seglog_error *err)
{
    struct file_lock *lock = self;

    if (!lock->is_holder)
        return slg_file_fail(err, SEGLOG_INVALID, place_of(lock),
                             "this handle does not hold the lock");
    lock_synchronize(lock, memory_order_release);
    if (flock_retry(lock->fd, LOCK_UN) != 0)
        return slg_file_fail_errno(err, errno, place_of(lock),
                                   "cannot unlock it");
    lock->is_holder = false;
    return SEGLOG_OK;
}

static void *
lock_get_hint(void *self)
{
    const struct file_lock *lock = self;

    return lock->hint;
}

static void
lock_close(void *self)
{
    struct file_lock *lock = self;

    if (lock->is_holder)
        lock_synchronize(lock, memory_order_release);
    if (lock->hint)
        (void)munmap(lock->hint, SEGLOG_LOCK_HINT_BYTES);
    (void)close(lock->fd);
    free(lock);
}

static const struct seglog_lock_ops file_lock_ops = {
    .size = sizeof file_lock_ops,
    .acquire = lock_acquire,
    .release = lock_release,
    .get_hint = lock_get_hint,
    .close = lock_close,
};

/*
 * Space is set aside before the file is mapped: a page without any would cost
 * the process its life when the disk is full.  It does not overwrite what
 * another holder has put there.
 */
static void *
hint_map(int fd)
{
    struct stat status;
    void *hint = NULL;

    if (!slg_file_is_safe_to_map(fd) || fstat(fd, &status) != 0)
        return NULL;
#ifdef __linux__
    if ((status.st_size < SEGLOG_LOCK_HINT_BYTES || status.st_blocks == 0) &&
        fallocate(fd, 0, 0, SEGLOG_LOCK_HINT_BYTES) != 0)
        return NULL;
#endif
    hint = mmap(NULL, SEGLOG_LOCK_HINT_BYTES, PROT_READ | PROT_WRITE,
                MAP_SHARED, fd, 0);
    return hint == MAP_FAILED ? NULL : hint;
}

static seglog_code
lock_file_open(struct file_lock *lock, struct seglog_error *err)
{
    struct stat status;

    lock->fd = openat(lock->store->dir_fd, lock->name,
                      O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
                          O_NOCTTY,
                      0666);
    if (lock->fd < 0 && errno == ENAMETOOLONG)
        return slg_file_fail(err, SEGLOG_INVALID, place_of(lock),
                             "the name is too long for a lock");
    if (lock->fd < 0)
        return slg_file_fail_errno(err, errno, place_of(lock),
                                   "cannot open the lock file");
    if (fstat(lock->fd, &status) == 0 && S_ISREG(status.st_mode))
        return SEGLOG_OK;
    (void)close(lock->fd);
    return slg_file_fail(err, SEGLOG_INVALID, place_of(lock),
                         "the lock is not a regular file");
}

seglog_code
slg_file_lock_open(void *self, const char *name, struct seglog_lock *lock,
                   struct seglog_error *err)
{
    struct slg_file_store *store = self;
    const struct slg_file_place place = { store, name, SEGLOG_NO_OFFSET };
    struct file_lock *file = calloc(1, sizeof *file);
    seglog_code code = SEGLOG_OK;

    if (!file)
        return slg_file_fail(err, SEGLOG_NO_MEMORY, place,
                             "no memory for a lock");
    file->store = store;
    (void)snprintf(file->name, sizeof file->name, "%s%s", name,
                   SLG_LOCK_SUFFIX);
    code = lock_file_open(file, err);
    if (code != SEGLOG_OK) {
        free(file);
        return code;
    }
    file->hint = hint_map(file->fd);
    *lock = (struct seglog_lock){ .ops = &file_lock_ops, .self = file };
    return SEGLOG_OK;
}
