/* SPDX-License-Identifier: MIT */
/*
 * tests/faults/preload/fail_calls.c - a program's calls fail when told to.
 *
 * For LD_PRELOAD.  In the environment:
 *
 *   FAIL_KIND    calls, or allocations, or own: allocations but for those that
 *                libcrypto asks for
 *   FAIL_AT      the at-th of them fails; 0: none
 *   FAIL_STICKY  1: and all behind it
 *   FAIL_ERRNO   with this errno
 *   FAIL_REPORT  a file: a line "hit NAME" for the first call that failed, and
 *                in the end "count N"
 */
#define _GNU_SOURCE       /* RTLD_NEXT, dladdr */
#define _FILE_OFFSET_BITS 64

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

void *
__libc_malloc(size_t size);
void *
__libc_calloc(size_t count, size_t size);
void *
__libc_realloc(void *block, size_t size);
int
__openat64_2(int dir, const char *name, int flags);
int
__open64_2(const char *name, int flags);

static atomic_bool is_watching;
static bool is_about_calls;
static bool is_about_own;
static bool is_sticky;
static uint64_t fails_at;
static int fails_as;
static char report[512];
static atomic_uint_fast64_t counted;
static atomic_bool was_hit;

/* By the system itself: what is counted here is not to count. */
static void
report_line(const char *line)
{
    const long fd =
        report[0] ? syscall(SYS_openat, AT_FDCWD, report,
                            O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)
                  : -1;

    if (fd < 0)
        return;
    (void)syscall(SYS_write, (int)fd, line, strlen(line));
    (void)syscall(SYS_close, (int)fd);
}

static uint64_t
number_of(const char *name)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void
begin(void)
{
    const char *kind = getenv("FAIL_KIND");
    const char *path = getenv("FAIL_REPORT");

    if (!kind)
        return;
    is_about_calls = strcmp(kind, "calls") == 0;
    is_about_own = strcmp(kind, "own") == 0;
    is_sticky = number_of("FAIL_STICKY") != 0;
    fails_at = number_of("FAIL_AT");
    fails_as = (int)number_of("FAIL_ERRNO");
    if (path && strlen(path) < sizeof report)
        strcpy(report, path);
    atomic_store(&is_watching, true);
}

__attribute__((destructor)) static void
end(void)
{
    char line[64];

    if (!atomic_exchange(&is_watching, false))
        return;
    (void)snprintf(line, sizeof line, "count %llu\n",
                   (unsigned long long)atomic_load(&counted));
    report_line(line);
}

static bool
is_told(const char *name, bool is_call)
{
    uint64_t number = 0;

    if (!atomic_load(&is_watching) || is_call != is_about_calls)
        return false;
    number = atomic_fetch_add(&counted, 1) + 1;
    if (fails_at == 0 || number < fails_at || (number > fails_at && !is_sticky))
        return false;
    if (!atomic_exchange(&was_hit, true)) {
        report_line("hit ");
        report_line(name);
        report_line("\n");
    }
    errno = is_call ? fails_as : ENOMEM;
    return true;
}

/* -- memory ---------------------------------------------------------------- */

/* For whoever calls from that address. */
static bool
is_refused(const char *name, const void *from)
{
    Dl_info info;

    if (is_about_own && atomic_load(&is_watching) && dladdr(from, &info) != 0 &&
        info.dli_fname && strstr(info.dli_fname, "libcrypto"))
        return false;
    return is_told(name, false);
}

SEEN void *
malloc(size_t size)
{
    return is_refused("malloc", __builtin_return_address(0))
               ? NULL
               : __libc_malloc(size);
}

SEEN void *
calloc(size_t count, size_t size)
{
    return is_refused("calloc", __builtin_return_address(0))
               ? NULL
               : __libc_calloc(count, size);
}

SEEN void *
realloc(void *block, size_t size)
{
    return is_refused("realloc", __builtin_return_address(0))
               ? NULL
               : __libc_realloc(block, size);
}

/* -- files ----------------------------------------------------------------- */

/* The function behind ours.  The union is how C lets it be looked up. */
#define BEHIND(type, symbol)                                                   \
    static union {                                                             \
        void *object;                                                          \
        type;                                                                  \
    } real;                                                                    \
    if (!real.object)                                                          \
    real.object = dlsym(RTLD_NEXT, symbol)

#define CALL(result, name, symbol, parameters, arguments)                      \
    SEEN result name parameters                                                \
    {                                                                          \
        BEHIND(result(*call) parameters, symbol);                              \
        return is_told(#name, true) ? -1 : real.call arguments;                \
    }

CALL(ssize_t, read, "read", (int fd, void *to, size_t len), (fd, to, len))
CALL(ssize_t, pread, "pread64", (int fd, void *to, size_t len, off_t at),
     (fd, to, len, at))
CALL(ssize_t, write, "write", (int fd, const void *from, size_t len),
     (fd, from, len))
CALL(ssize_t, pwrite, "pwrite64",
     (int fd, const void *from, size_t len, off_t at), (fd, from, len, at))
CALL(int, fsync, "fsync", (int fd), (fd))
CALL(int, fdatasync, "fdatasync", (int fd), (fd))
CALL(int, ftruncate, "ftruncate64", (int fd, off_t len), (fd, len))
CALL(int, flock, "flock", (int fd, int operation), (fd, operation))
CALL(int, rename, "rename", (const char *from, const char *to), (from, to))
CALL(int, renameat, "renameat",
     (int from_dir, const char *from, int dir, const char *to),
     (from_dir, from, dir, to))
CALL(int, link, "link", (const char *from, const char *to), (from, to))
CALL(int, linkat, "linkat",
     (int from_dir, const char *from, int dir, const char *to, int flags),
     (from_dir, from, dir, to, flags))
CALL(int, unlink, "unlink", (const char *name), (name))
CALL(int, unlinkat, "unlinkat", (int dir, const char *name, int flags),
     (dir, name, flags))

/* Linux lets go of the descriptor in any case. */
SEEN int
close(int fd)
{
    BEHIND(int (*call)(int), "close");
    const bool fails = is_told("close", true);
    const int result = real.call(fd);

    if (!fails)
        return result;
    errno = fails_as;
    return -1;
}

SEEN int
openat(int dir, const char *name, int flags, ...)
{
    mode_t mode = 0;
    va_list more;

    va_start(more, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(more, mode_t);
    va_end(more);
    return is_told("openat", true)
               ? -1
               : (int)syscall(SYS_openat, dir, name, flags, mode);
}

SEEN int
open(const char *name, int flags, ...)
{
    mode_t mode = 0;
    va_list more;

    va_start(more, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(more, mode_t);
    va_end(more);
    return openat(AT_FDCWD, name, flags, mode);
}

SEEN int
__openat64_2(int dir, const char *name, int flags)
{
    return openat(dir, name, flags, 0);
}

SEEN int
__open64_2(const char *name, int flags)
{
    return openat(AT_FDCWD, name, flags, 0);
}
