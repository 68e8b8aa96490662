/* SPDX-License-Identifier: MIT */
/*
 * src/store/store_file_system.c - what one system or file system offers and
 * another does not.
 */
#define _DEFAULT_SOURCE
#define _FILE_OFFSET_BITS 64

#include "src/store/store_file.h"

#include <stddef.h>
#include <sys/stat.h>

static const int64_t NS_PER_S = 1000000000;

/*
 * The kernel takes time stamps from a clock that ticks every 1 to 10 ms: two
 * changes within a tick get the same time.  50 ms leave room for a late tick.
 */
static const int64_t TICK_MAX_NS = 50000000;

/* Old file systems keep only seconds, at best every second one. */
static const int64_t SECONDS_TICK_MAX_NS = 3000000000;

/* Users may set the time of a file to whatever they like. */
static int64_t
time_to_ns(int64_t seconds, int64_t ns)
{
    if (seconds < 0)
        return 0;
    if (seconds >= INT64_MAX / NS_PER_S)
        return INT64_MAX;
    return seconds * NS_PER_S + ns;
}

int64_t
slg_file_changed_ns(const struct stat *status)
{
#ifdef __linux__
    return time_to_ns(status->st_ctim.tv_sec, status->st_ctim.tv_nsec);
#else
    return time_to_ns(status->st_ctime, 0);
#endif
}

int64_t
slg_file_modified_ns(const struct stat *status)
{
#ifdef __linux__
    return time_to_ns(status->st_mtim.tv_sec, status->st_mtim.tv_nsec);
#else
    return time_to_ns(status->st_mtime, 0);
#endif
}

bool
slg_file_folder_time(const struct slg_file_store *store, int64_t *changed_ns)
{
    struct stat status;

    if (!store->is_local || fstat(store->dir_fd, &status) != 0)
        return false;
    *changed_ns = slg_file_changed_ns(&status);
    return true;
}

bool
slg_file_time_is_past(int64_t changed_ns, int64_t now_ns)
{
    const bool has_seconds_only = changed_ns % NS_PER_S == 0;

    return now_ns > changed_ns &&
           now_ns - changed_ns >=
               (has_seconds_only ? SECONDS_TICK_MAX_NS : TICK_MAX_NS);
}

#ifdef __linux__

#include <stdio.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

/* File systems by the number that statfs gives. */
static const uint32_t REMOTE_SYSTEMS[] = {
    0x6969,     /* NFS */
    0x517b,     /* SMB */
    0xff534d42, /* CIFS */
    0xfe534d42, /* SMB2 */
    0x01021997, /* 9P */
    0x00c36400, /* Ceph */
    0x5346414f, /* AFS */
    0x65735546, /* FUSE */
};
static const uint32_t COPYING_SYSTEMS[] = {
    0x9123683e, /* Btrfs */
    0x2fc12fc1, /* ZFS */
    0xca451a4e, /* bcachefs */
    0xf2f52010, /* F2FS */
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static bool
is_one_of(int fd, const uint32_t *systems, size_t count)
{
    struct statfs status;

    if (fstatfs(fd, &status) != 0)
        return true; /* unknown: assume the worst */
    for (size_t i = 0; i < count; i++)
        if ((uint32_t)status.f_type == systems[i])
            return true;
    return false;
}

bool
slg_file_is_local(int fd)
{
    return !is_one_of(fd, REMOTE_SYSTEMS, COUNT_OF(REMOTE_SYSTEMS));
}

/*
 * The watch is on the open file, not on its name, so it also tells when the
 * name goes to another file: the link count is an attribute.  Nobody is told
 * what other machines do to a file.
 */
int
slg_file_watch_open(int fd)
{
    char path[64];
    int watch_fd = -1;

    if (!slg_file_is_local(fd))
        return -1;
    watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch_fd < 0)
        return -1;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (inotify_add_watch(watch_fd, path,
                          IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF |
                              IN_DELETE_SELF) < 0) {
        (void)close(watch_fd);
        return -1;
    }
    return watch_fd;
}

void
slg_file_watch_drain(int watch_fd)
{
    _Alignas(struct inotify_event) char events[4096];

    while (read(watch_fd, events, sizeof events) == (ssize_t)sizeof events)
        ;
}

/*
 * Where every write goes to a new place, writing to a mapped page of a full
 * disk is answered with SIGBUS, even though the page was written before.
 */
bool
slg_file_is_safe_to_map(int fd)
{
    return !is_one_of(fd, COPYING_SYSTEMS, COUNT_OF(COPYING_SYSTEMS)) &&
           slg_file_is_local(fd);
}

#else

bool
slg_file_is_local(int fd)
{
    (void)fd;
    return false;
}

int
slg_file_watch_open(int fd)
{
    (void)fd;
    return -1;
}

void
slg_file_watch_drain(int watch_fd)
{
    (void)watch_fd;
}

bool
slg_file_is_safe_to_map(int fd)
{
    (void)fd;
    return false;
}

#endif
