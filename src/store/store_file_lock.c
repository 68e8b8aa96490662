/* SPDX-License-Identifier: MIT */
/*
 * src/store/store_file_lock.c - the lock of a file: flock on NAME.lock.
 *
 * All who ask for the lock must ask for the same file, whatever becomes of the
 * blob itself.  So the lock file is never renamed, and removed only by discard,
 * by whoever holds it.  flock belongs to the open file: it also excludes two
 * handles of one process, and the system releases it when the process dies.
 *
 * A lock file that was removed is dead.  Who opened it before may still get
 * it, while others already hold the file that has the name now.  Whoever gets
 * a lock therefore asks whether it is dead, and then opens the name again.
 * Why this suffices:
 *
 *   - Only the holder removes the file, so one that was found alive stays
 *     alive until its holder discards it or lets go.
 *   - To remove it comes before to release it, so whoever gets it afterwards
 *     sees that it is dead; when the remover dies in between, the system
 *     releases it, after the removal or without one.
 *   - A dead file never comes to life: nothing but O_CREAT makes a lock file.
 *
 * To ask the system whether it is dead costs as much as the lock itself.  So
 * the file has a mark, next to the hint and mapped with it, which discard sets
 * before it removes the file; while there is none, the system is asked once in
 * a tick of the clock, for the sake of those who remove lock files by hand.
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

/* How long a lock file that was seen alive is taken to be so, unmarked. */
static const int64_t ALIVE_NS = 1000000;

/*
 * How long a page that could be written to is taken to be so, and how often it
 * is given without a look at the clock: an append under the lock is short.
 */
static const int64_t PAGE_NS = 1000000;
enum {
    HINTS_UNASKED = 3
};

/* The hint, and behind it the mark: not 0 once it was to be discarded. */
#define MARK_OFFSET     SEGLOG_LOCK_HINT_BYTES
#define LOCK_FILE_BYTES (SEGLOG_LOCK_HINT_BYTES + sizeof(uint32_t))

struct file_lock {
    struct slg_file_store *store;
    int fd;
    bool is_holder;
    uint8_t *page; /* shared mapping of hint and mark, or NULL */
    int64_t page_until_ns;
    unsigned hints_given; /* since it was got */
    int64_t alive_until_ns;
    char name[SLG_NAME_CAP + sizeof SLG_LOCK_SUFFIX];
};

static struct slg_file_place
place_of(const struct file_lock *lock)
{
    return (struct slg_file_place){ lock->store, lock->name, SEGLOG_NO_OFFSET };
}

/* For what does not wait. */
static int
flock_retry(int fd, int operation)
{
    unsigned times = 0;
    int result = 0;

    do
        result = flock(fd, operation);
    while (result != 0 && slg_file_is_interrupted(&times));
    return result;
}

/* As long as that may take, so many signals may come. */
static int
flock_wait(int fd)
{
    int result = 0;

    do
        result = flock(fd, LOCK_EX);
    while (result != 0 && errno == EINTR);
    return result;
}

/*
 * For whoever has tried in vain: until deadline_ns.  The pauses grow to spare
 * the processor.
 */
static int
flock_until(int fd, int64_t deadline_ns)
{
    int64_t pause_ns = PAUSE_FIRST_NS;

    if (deadline_ns == SLG_NO_DEADLINE)
        return flock_wait(fd);
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

/* Whether the name leads to the file that status is of. */
static bool
lock_has_name(const struct file_lock *lock, const struct stat *status)
{
    struct stat named;

    return fstatat(lock->store->dir_fd, lock->name, &named,
                   AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_dev == status->st_dev && named.st_ino == status->st_ino;
}

static bool
mark_write(int fd, uint32_t mark)
{
    const uint8_t *bytes = (const uint8_t *)&mark;
    unsigned times = 0;

    for (size_t done = 0; done < sizeof mark;) {
        const ssize_t part = pwrite(fd, bytes + done, sizeof mark - done,
                                    (off_t)(MARK_OFFSET + done));

        if (part > 0)
            done += (size_t)part;
        else if (part == 0 || !slg_file_is_interrupted(&times))
            return false;
    }
    return true;
}

static bool
lock_is_marked(const struct file_lock *lock)
{
    uint32_t mark = 0;

    if (lock->page)
        memcpy(&mark, lock->page + MARK_OFFSET, sizeof mark);
    else if (pread(lock->fd, &mark, sizeof mark, MARK_OFFSET) !=
             (ssize_t)sizeof mark)
        mark = 0;
    return mark != 0;
}

/*
 * For whoever has just got the lock, and found it marked, or has not asked for
 * long.  The link count says nothing where the file has other names, as some
 * backups leave: then the mark tells that the name is to be looked up.  A mark
 * on a file that has its name was set by somebody who died before he could
 * remove it.  Where other machines may share the folder, nobody discards.
 */
static bool
lock_ask(struct file_lock *lock)
{
    struct stat status;

    if (fstat(lock->fd, &status) != 0)
        return true;
    if (status.st_nlink == 0)
        return false;
    if (!lock_is_marked(lock))
        return true;
    if (!lock_has_name(lock, &status))
        return false;
    (void)mark_write(lock->fd, 0);
    return true;
}

/*
 * Who touches a page that the system cannot provide dies of it: the file was
 * shortened by hand, or its file system went down.  A system that can be asked
 * for it first (Linux 5.14) says so instead.  Once it is provided it stays,
 * until the system writes it to the device or the file is shortened; so it is
 * asked for again once in a tick of the clock, for to ask costs a system call.
 */
static bool
page_can_be_written(uint8_t *page)
{
#ifdef MADV_POPULATE_WRITE
    return madvise(page, LOCK_FILE_BYTES, MADV_POPULATE_WRITE) == 0 ||
           errno == EINVAL;
#else
    (void)page;
    return true;
#endif
}

/*
 * Space is set aside before the file is mapped: a page without any would cost
 * the process its life when the disk is full.  It does not overwrite what
 * another holder has put there.
 */
static uint8_t *
page_map(int fd)
{
    struct stat status;
    void *page = NULL;

    if (!slg_file_is_safe_to_map(fd) || fstat(fd, &status) != 0)
        return NULL;
#ifdef __linux__
    if ((status.st_size < (off_t)LOCK_FILE_BYTES || status.st_blocks == 0) &&
        fallocate(fd, 0, 0, LOCK_FILE_BYTES) != 0)
        return NULL;
#endif
    page =
        mmap(NULL, LOCK_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (page_can_be_written(page))
        return page;
    (void)munmap(page, LOCK_FILE_BYTES);
    return NULL;
}

static void
page_open(struct file_lock *lock)
{
    lock->page = page_map(lock->fd);
    lock->page_until_ns = slg_now_coarse_ns() + PAGE_NS;
}

static void
page_check(struct file_lock *lock, int64_t now_ns)
{
    if (!lock->page || now_ns < lock->page_until_ns)
        return;
    lock->page_until_ns = now_ns + PAGE_NS;
    if (page_can_be_written(lock->page))
        return;
    (void)munmap(lock->page, LOCK_FILE_BYTES);
    lock->page = NULL;
}

static bool
lock_is_dead(struct file_lock *lock)
{
    const int64_t now_ns = slg_now_coarse_ns();

    if (!lock->store->is_local)
        return false;
    page_check(lock, now_ns);
    if (lock->page && now_ns < lock->alive_until_ns && !lock_is_marked(lock))
        return false;
    lock->alive_until_ns = now_ns + ALIVE_NS;
    return !lock_ask(lock);
}

/* What the name leads to, made if it is missing. */
static seglog_code
lock_file_open(const struct file_lock *lock, int *opened,
               struct seglog_error *err)
{
    struct stat status;
    seglog_code code = SEGLOG_OK;
    unsigned times = 0;
    int fd = -1;

    do
        fd = openat(lock->store->dir_fd, lock->name,
                    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
                        O_NOCTTY,
                    lock->store->file_mode);
    while (fd < 0 && slg_file_is_interrupted(&times));
    if (fd < 0 && errno == ENAMETOOLONG)
        return slg_file_fail(err, SEGLOG_INVALID, place_of(lock),
                             "the name is too long for a lock");
    if (fd < 0)
        return slg_file_fail_errno(err, errno, place_of(lock),
                                   "cannot open the lock file");
    if (fstat(fd, &status) != 0)
        code = slg_file_fail_errno(err, errno, place_of(lock),
                                   "cannot look at the lock file");
    else if (!S_ISREG(status.st_mode))
        code = slg_file_fail(err, SEGLOG_INVALID, place_of(lock),
                             "the lock is not a regular file");
    if (code == SEGLOG_OK)
        *opened = fd;
    else
        (void)close(fd);
    return code;
}

/* Whoever holds it does not hold it any more. */
static void
lock_file_close(struct file_lock *lock)
{
    if (lock->page)
        (void)munmap(lock->page, LOCK_FILE_BYTES);
    if (lock->fd >= 0)
        (void)close(lock->fd);
    lock->page = NULL;
    lock->fd = -1;
}

/*
 * From a dead file, which is let go, to the one that has the name now.  A
 * failure leaves the dead one in place, for the next acquire to find it so.
 */
static seglog_code
lock_renew(struct file_lock *lock, struct seglog_error *err)
{
    int fd = -1;
    const seglog_code code = lock_file_open(lock, &fd, err);

    if (code != SEGLOG_OK) {
        if (lock->fd >= 0)
            (void)flock_retry(lock->fd, LOCK_UN);
        return code;
    }
    lock_file_close(lock);
    lock->fd = fd;
    page_open(lock);
    lock->alive_until_ns = 0;
    return SEGLOG_OK;
}

/* What failed may have been done all the same: the file is closed, so that
 * nothing is held. */
static seglog_code
lock_fail(struct file_lock *lock, int sys_errno, struct seglog_error *err)
{
    if (sys_errno == EWOULDBLOCK)
        return slg_file_fail(err, SEGLOG_LOCKED, place_of(lock),
                             "somebody else is writing; try again later");
    lock_file_close(lock);
    return slg_file_fail_errno(err, sys_errno, place_of(lock),
                               "cannot lock it");
}

/*
 * The first try got a dead lock or none: try until the deadline.  Even when it
 * has passed, one renewed lock is tried; finding that one dead as well means
 * that somebody held the lock just now.
 */
static seglog_code
lock_wait(struct file_lock *lock, int timeout_ms, bool is_got,
          struct seglog_error *err)
{
    const int64_t deadline_ns = slg_deadline_ns(timeout_ms);

    for (unsigned renewals = 0;; renewals++) {
        seglog_code code = SEGLOG_OK;

        if (!is_got && flock_until(lock->fd, deadline_ns) != 0)
            return lock_fail(lock, errno, err);
        if (!lock_is_dead(lock))
            return SEGLOG_OK;
        code = lock_renew(lock, err);
        if (code != SEGLOG_OK)
            return code;
        if (renewals > 0 && slg_deadline_left_ns(deadline_ns) == 0)
            return lock_fail(lock, EWOULDBLOCK, err);
        is_got = flock_retry(lock->fd, LOCK_EX | LOCK_NB) == 0;
        if (!is_got && errno != EWOULDBLOCK)
            return lock_fail(lock, errno, err);
    }
}

/*
 * Others may trust the hint as long as nobody has changed it.  Who cannot map
 * it changes it all the same: then it is none.  Where nobody can, there is
 * nothing to change.
 */
static void
hint_forget(struct file_lock *lock)
{
    static const uint8_t none[SEGLOG_LOCK_HINT_BYTES];

    if (!slg_file_is_safe_to_map(lock->fd))
        return;
    page_open(lock);
    if (!lock->page)
        (void)!pwrite(lock->fd, none, sizeof none, 0);
}

static seglog_code
lock_acquire(void *self, int timeout_ms, struct seglog_error *err)
{
    struct file_lock *lock = self;
    seglog_code code = SEGLOG_OK;
    bool is_got = false;

    if (lock->is_holder)
        return slg_file_fail(err, SEGLOG_INVALID, place_of(lock),
                             "this handle holds the lock already");
    if (lock->fd < 0)
        code = lock_renew(lock, err);
    if (code != SEGLOG_OK)
        return code;

    is_got = flock_retry(lock->fd, LOCK_EX | LOCK_NB) == 0;
    if (!is_got && errno != EWOULDBLOCK)
        return lock_fail(lock, errno, err);
    if (!is_got || lock_is_dead(lock))
        code = lock_wait(lock, timeout_ms, is_got, err);
    if (code != SEGLOG_OK)
        return code;
    lock->is_holder = true;
    lock->hints_given = 0;
    if (!lock->page)
        hint_forget(lock);
    lock_synchronize(lock, memory_order_acquire);
    return SEGLOG_OK;
}

static seglog_code
lock_release(void *self, struct seglog_error *err)
{
    struct file_lock *lock = self;

    if (!lock->is_holder)
        return slg_file_fail(err, SEGLOG_INVALID, place_of(lock),
                             "this handle does not hold the lock");
    lock_synchronize(lock, memory_order_release);
    /* To close the file lets go of it in any case. */
    if (flock_retry(lock->fd, LOCK_UN) != 0)
        lock_file_close(lock);
    lock->is_holder = false;
    return SEGLOG_OK;
}

static void *
lock_get_hint(void *self)
{
    struct file_lock *lock = self;

    if (lock->page && ++lock->hints_given > HINTS_UNASKED) {
        page_check(lock, slg_now_coarse_ns());
        if (!lock->page && lock->is_holder)
            hint_forget(lock);
    }
    return lock->page;
}

static void
lock_close(void *self)
{
    struct file_lock *lock = self;

    if (lock->is_holder)
        lock_synchronize(lock, memory_order_release);
    lock_file_close(lock);
    free(lock);
}

/*
 * Only the file that is held: once it is gone, others may hold one of that
 * name.  The folder is not synced, for a lock file that is there again after a
 * crash does no harm: nobody holds it.  Where other machines may share the
 * folder, it is left in peace: they would not learn in time that it is gone.
 */
static seglog_code
lock_discard(void *self, struct seglog_error *err)
{
    struct file_lock *lock = self;
    struct stat status;

    if (!lock->is_holder)
        return slg_file_fail(err, SEGLOG_INVALID, place_of(lock),
                             "this handle does not hold the lock: acquire it "
                             "before discarding it");
    if (!lock->store->is_local)
        return SEGLOG_OK;
    if (fstat(lock->fd, &status) != 0)
        return slg_file_fail_errno(err, errno, place_of(lock),
                                   "cannot look at the lock file");
    /* Not by the mapping: there may be none, and a full disk is to be told. */
    if (!mark_write(lock->fd, 1))
        return slg_file_fail_errno(err, errno, place_of(lock),
                                   "cannot mark the lock file as removed");
    if (lock_has_name(lock, &status) &&
        unlinkat(lock->store->dir_fd, lock->name, 0) != 0 && errno != ENOENT)
        return slg_file_fail_errno(err, errno, place_of(lock),
                                   "cannot remove the lock file");
    return SEGLOG_OK;
}

static const struct seglog_lock_ops file_lock_ops = {
    .size = sizeof file_lock_ops,
    .acquire = lock_acquire,
    .release = lock_release,
    .get_hint = lock_get_hint,
    .close = lock_close,
    .discard = lock_discard,
};

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
    code = lock_file_open(file, &file->fd, err);
    if (code != SEGLOG_OK) {
        free(file);
        return code;
    }
    page_open(file);
    *lock = (struct seglog_lock){ .ops = &file_lock_ops, .self = file };
    return SEGLOG_OK;
}
