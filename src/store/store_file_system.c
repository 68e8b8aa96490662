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
 * To close a descriptor of inotify takes some 10 ms: the system waits for all
 * who may still be looking at its watches.  Who waits for one event after the
 * other would hear of each so much later.  So one is kept by the store.  Behind
 * a fork it is not taken: both would read what happens from the same queue.
 */
static uint64_t
spare_of(int watch_fd)
{
    return (uint64_t)getpid() << 32 | (uint32_t)watch_fd;
}

static int
spare_take(struct slg_file_store *store)
{
    const uint64_t spare = atomic_exchange(&store->spare_watch, 0);
    const int watch_fd = (int)(uint32_t)spare;

    if (spare == 0)
        return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (spare == spare_of(watch_fd))
        return watch_fd;
    (void)close(watch_fd);
    return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

static void
spare_put(struct slg_file_store *store, int watch_fd)
{
    uint64_t none = 0;

    if (!atomic_compare_exchange_strong(&store->spare_watch, &none,
                                        spare_of(watch_fd)))
        (void)close(watch_fd);
}

/*
 * The watch is on the open file, not on its name, so it also tells when the
 * name goes to another file: the link count is an attribute.  Nobody is told
 * what other machines do to a file.
 */
struct slg_file_watch
slg_file_watch_open(struct slg_file_store *store, int fd)
{
    struct slg_file_watch watch = { .fd = -1 };
    char path[64];

    if (!slg_file_is_local(fd))
        return watch;
    watch.fd = spare_take(store);
    if (watch.fd < 0)
        return watch;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    watch.id = inotify_add_watch(
        watch.fd, path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
    if (watch.id < 0) {
        spare_put(store, watch.fd);
        watch.fd = -1;
    }
    return watch;
}

void
slg_file_watch_drain(struct slg_file_watch watch)
{
    _Alignas(struct inotify_event) char events[4096];

    while (read(watch.fd, events, sizeof events) == (ssize_t)sizeof events)
        ;
}

void
slg_file_watch_close(struct slg_file_store *store, struct slg_file_watch watch)
{
    if (watch.fd < 0)
        return;
    (void)inotify_rm_watch(watch.fd, watch.id);
    slg_file_watch_drain(watch);
    spare_put(store, watch.fd);
}

void
slg_file_watch_forget(struct slg_file_store *store)
{
    const uint64_t spare = atomic_exchange(&store->spare_watch, 0);

    if (spare != 0)
        (void)close((int)(uint32_t)spare);
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

struct slg_file_watch
slg_file_watch_open(struct slg_file_store *store, int fd)
{
    (void)store;
    (void)fd;
    return (struct slg_file_watch){ .fd = -1 };
}

void
slg_file_watch_drain(struct slg_file_watch watch)
{
    (void)watch;
}

void
slg_file_watch_close(struct slg_file_store *store, struct slg_file_watch watch)
{
    (void)store;
    (void)watch;
}

void
slg_file_watch_forget(struct slg_file_store *store)
{
    (void)store;
}

bool
slg_file_is_safe_to_map(int fd)
{
    (void)fd;
    return false;
}

#endif
