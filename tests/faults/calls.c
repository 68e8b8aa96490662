/* SPDX-License-Identifier: MIT */
/*
 * tests/faults/calls.c - calls of the system that fail when told to.
 *
 * Where a declaration in the headers leads to another symbol, as that of pread
 * does to pread64, what is defined here has that symbol too.
 */
#define _GNU_SOURCE /* RTLD_NEXT, fallocate */

#include "tests/faults/calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

static struct calls_plan plan;
static atomic_bool is_watching;
static atomic_uint_fast64_t counted;
static atomic_uint_fast64_t hits;
static _Atomic(const char *) last_name;

/* What is to become of a call. */
struct verdict {
    bool is_told;
    bool is_done;
    bool is_short;
};

static struct verdict
judge(const char *name, bool can_be_short, bool can_wait)
{
    struct verdict verdict = { .is_done = true };
    uint64_t number = 0;

    if (!atomic_load(&is_watching))
        return verdict;
    number = atomic_fetch_add(&counted, 1) + 1;
    if (plan.at == 0 || number < plan.at ||
        (number > plan.at && !plan.is_sticky))
        return verdict;
    (void)atomic_fetch_add(&hits, 1);
    if (plan.sys_errno == EINTR && !can_wait)
        return verdict;
    if (plan.way == CALLS_SHORT && !can_be_short)
        return verdict;
    atomic_store(&last_name, name);
    verdict.is_short = plan.way == CALLS_SHORT;
    verdict.is_told = !verdict.is_short;
    verdict.is_done = plan.way != CALLS_BEFORE;
    return verdict;
}

static long
end(struct verdict verdict, long result)
{
    if (!verdict.is_told || (verdict.is_done && result < 0))
        return result;
    errno = plan.sys_errno;
    return -1;
}

static size_t
part_of(struct verdict verdict, size_t len)
{
    return verdict.is_short && len > 1 ? len / 2 : len;
}

/* The function behind ours.  The union is how C lets it be looked up. */
#define BEHIND(type, symbol)                                                   \
    static union {                                                             \
        void *object;                                                          \
        type;                                                                  \
    } real;                                                                    \
    if (!real.object)                                                          \
    real.object = dlsym(RTLD_NEXT, symbol)

/* -- bytes ----------------------------------------------------------------- */

SEEN ssize_t
read(int fd, void *bytes, size_t len)
{
    BEHIND(ssize_t(*call)(int, void *, size_t), "read");
    const struct verdict verdict = judge("read", true, true);

    return end(verdict, verdict.is_done
                            ? real.call(fd, bytes, part_of(verdict, len))
                            : -1);
}

SEEN ssize_t
pread(int fd, void *bytes, size_t len, off_t offset)
{
    BEHIND(ssize_t(*call)(int, void *, size_t, off_t), "pread64");
    const struct verdict verdict = judge("pread", true, true);

    return end(verdict,
               verdict.is_done
                   ? real.call(fd, bytes, part_of(verdict, len), offset)
                   : -1);
}

SEEN ssize_t
write(int fd, const void *bytes, size_t len)
{
    BEHIND(ssize_t(*call)(int, const void *, size_t), "write");
    const struct verdict verdict = judge("write", true, true);

    return end(verdict, verdict.is_done
                            ? real.call(fd, bytes, part_of(verdict, len))
                            : -1);
}

SEEN ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    BEHIND(ssize_t(*call)(int, const void *, size_t, off_t), "pwrite64");
    const struct verdict verdict = judge("pwrite", true, true);

    return end(verdict,
               verdict.is_done
                   ? real.call(fd, bytes, part_of(verdict, len), offset)
                   : -1);
}

SEEN off_t
lseek(int fd, off_t offset, int whence)
{
    BEHIND(off_t(*call)(int, off_t, int), "lseek64");
    const struct verdict verdict = judge("lseek", false, false);

    return end(verdict, verdict.is_done ? real.call(fd, offset, whence) : -1);
}

/* -- files ----------------------------------------------------------------- */

/* Calls with one to three arguments that give 0 or -1. */
#define CALL1(name, symbol, waits, type)                                       \
    SEEN int name(type one)                                                    \
    {                                                                          \
        BEHIND(int (*call)(type), symbol);                                     \
        const struct verdict verdict = judge(#name, false, waits);             \
                                                                               \
        return (int)end(verdict, verdict.is_done ? real.call(one) : -1);       \
    }
#define CALL2(name, symbol, waits, type, second)                               \
    SEEN int name(type one, second two)                                        \
    {                                                                          \
        BEHIND(int (*call)(type, second), symbol);                             \
        const struct verdict verdict = judge(#name, false, waits);             \
                                                                               \
        return (int)end(verdict, verdict.is_done ? real.call(one, two) : -1);  \
    }

CALL1(fsync, "fsync", true, int)
CALL1(fdatasync, "fdatasync", true, int)
CALL2(ftruncate, "ftruncate64", true, int, off_t)
CALL2(flock, "flock", true, int, int)
CALL2(fstat, "fstat64", false, int, struct stat *)
CALL1(unlink, "unlink", false, const char *)
CALL2(mkdir, "mkdir", false, const char *, mode_t)

SEEN int
unlinkat(int dir, const char *name, int flags)
{
    BEHIND(int (*call)(int, const char *, int), "unlinkat");
    const struct verdict verdict = judge("unlinkat", false, false);

    return (int)end(verdict,
                    verdict.is_done ? real.call(dir, name, flags) : -1);
}

SEEN int
mkdirat(int dir, const char *name, mode_t mode)
{
    BEHIND(int (*call)(int, const char *, mode_t), "mkdirat");
    const struct verdict verdict = judge("mkdirat", false, false);

    return (int)end(verdict, verdict.is_done ? real.call(dir, name, mode) : -1);
}

SEEN int
renameat(int from_dir, const char *from, int dir, const char *name)
{
    BEHIND(int (*call)(int, const char *, int, const char *), "renameat");
    const struct verdict verdict = judge("renameat", false, false);

    return (int)end(
        verdict, verdict.is_done ? real.call(from_dir, from, dir, name) : -1);
}

SEEN int
linkat(int from_dir, const char *from, int dir, const char *name, int flags)
{
    BEHIND(int (*call)(int, const char *, int, const char *, int), "linkat");
    const struct verdict verdict = judge("linkat", false, false);

    return (int)end(verdict, verdict.is_done
                                 ? real.call(from_dir, from, dir, name, flags)
                                 : -1);
}

SEEN int
fstatat(int dir, const char *restrict name, struct stat *restrict status,
        int flags)
{
    BEHIND(int (*call)(int, const char *, struct stat *, int), "fstatat64");
    const struct verdict verdict = judge("fstatat", false, false);

    return (int)end(verdict,
                    verdict.is_done ? real.call(dir, name, status, flags) : -1);
}

SEEN int
fallocate(int fd, int mode, off_t offset, off_t len)
{
    BEHIND(int (*call)(int, int, off_t, off_t), "fallocate64");
    const struct verdict verdict = judge("fallocate", false, true);

    return (int)end(verdict,
                    verdict.is_done ? real.call(fd, mode, offset, len) : -1);
}

/* Linux lets go of the descriptor in any case. */
SEEN int
close(int fd)
{
    BEHIND(int (*call)(int), "close");
    const struct verdict verdict = judge("close", false, false);

    return (int)end(verdict, real.call(fd));
}

/* What was opened is closed again where it is said to have failed. */
static int
end_open(struct verdict verdict, int fd)
{
    if (verdict.is_told && fd >= 0)
        (void)close(fd);
    return (int)end(verdict, fd);
}

SEEN int
openat(int dir, const char *name, int flags, ...)
{
    BEHIND(int (*call)(int, const char *, int, ...), "openat64");
    const struct verdict verdict = judge("openat", false, true);
    mode_t mode = 0;
    va_list more;

    va_start(more, flags);
    if (flags & O_CREAT)
        mode = va_arg(more, mode_t);
    va_end(more);
    return end_open(verdict,
                    verdict.is_done ? real.call(dir, name, flags, mode) : -1);
}

SEEN int
open(const char *name, int flags, ...)
{
    BEHIND(int (*call)(const char *, int, ...), "open64");
    const struct verdict verdict = judge("open", false, true);
    mode_t mode = 0;
    va_list more;

    va_start(more, flags);
    if (flags & O_CREAT)
        mode = va_arg(more, mode_t);
    va_end(more);
    return end_open(verdict,
                    verdict.is_done ? real.call(name, flags, mode) : -1);
}

/* What the C library's headers make of some calls of these. */
int
__openat64_2(int dir, const char *name, int flags);
int
__open64_2(const char *name, int flags);

SEEN int
__openat64_2(int dir, const char *name, int flags)
{
    return openat(dir, name, flags, 0);
}

SEEN int
__open64_2(const char *name, int flags)
{
    return open(name, flags, 0);
}

SEEN struct dirent *
readdir(DIR *folder)
{
    BEHIND(struct dirent * (*call)(DIR *), "readdir64");
    const struct verdict verdict = judge("readdir", false, false);
    struct dirent *entry = verdict.is_done ? real.call(folder) : NULL;

    if (!verdict.is_told)
        return entry;
    errno = plan.sys_errno;
    return NULL;
}

/* -- orders ---------------------------------------------------------------- */

void
calls_fail(const struct calls_plan *order)
{
    plan = *order;
    atomic_store(&counted, 0);
    atomic_store(&hits, 0);
    atomic_store(&last_name, "");
}

bool
calls_watch(bool on)
{
    return atomic_exchange(&is_watching, on);
}

uint64_t
calls_count(void)
{
    return atomic_load(&counted);
}

uint64_t
calls_hits(void)
{
    return atomic_load(&hits);
}

const char *
calls_name(void)
{
    return atomic_load(&last_name);
}
