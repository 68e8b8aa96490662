/* SPDX-License-Identifier: MIT */
/* src/store/store_file.c - a folder of files: names and what they lead to. */
#define _POSIX_C_SOURCE   200809L /* openat and its kin */
#define _DEFAULT_SOURCE           /* d_type */
#define _FILE_OFFSET_BITS 64

#include "src/store/store_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/checksum.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/store/options.h"

_Static_assert(sizeof(off_t) == 8, "files grow past 2 GiB");

/* Of a longer path the end is shown, and the end is what is built. */
#define PATH_SHOWN_CAP 1024

static void
path_print(struct slg_file_place place, char *buf, size_t cap)
{
    const char *dir = place.store->dir;
    const size_t dir_len = strlen(dir);
    const size_t room = cap - SLG_NAME_CAP - 1;

    if (dir_len > room)
        dir += dir_len - room;
    if (!place.name)
        (void)snprintf(buf, cap, "%s", dir);
    else if (strcmp(dir, ".") == 0)
        (void)snprintf(buf, cap, "%s", place.name);
    else
        (void)snprintf(buf, cap, "%s%s%s", dir,
                       slg_name_has_suffix(dir, "/") ? "" : "/", place.name);
}

seglog_code
slg_file_fail(struct seglog_error *err, seglog_code code,
              struct slg_file_place place, const char *what)
{
    char path[PATH_SHOWN_CAP];
    const struct slg_place at = { .name = path, .offset = place.offset };

    path_print(place, path, sizeof path);
    return slg_fail(err, code, &at, "%s", what);
}

seglog_code
slg_file_fail_errno(struct seglog_error *err, int sys_errno,
                    struct slg_file_place place, const char *what)
{
    char path[PATH_SHOWN_CAP];
    const struct slg_place at = { .name = path, .offset = place.offset };

    path_print(place, path, sizeof path);
    return slg_fail_errno(err, sys_errno, &at, "%s", what);
}

static struct slg_file_place
place_of(const struct slg_file_store *store, const char *name)
{
    return (struct slg_file_place){ store, name, SEGLOG_NO_OFFSET };
}

bool
slg_file_is_interrupted(unsigned *times)
{
    return errno == EINTR && (*times)++ < SLG_FILE_INTERRUPTS_MAX;
}

/*
 * EINTR says that the call was cut short, not that bytes were lost; every
 * other failure is final, since the system may have dropped what it could not
 * write and would report success the next time.
 */
int
slg_file_sync(int fd, bool is_full)
{
    unsigned times = 0;
    int result = 0;

    do {
#ifdef F_FULLFSYNC
        /* There, fsync leaves the bytes in the cache of the drive. */
        (void)is_full;
        result = fcntl(fd, F_FULLFSYNC);
        if (result != 0 && (errno == ENOTSUP || errno == EINVAL))
            result = fsync(fd);
#else
        result = is_full ? fsync(fd) : fdatasync(fd);
#endif
    } while (result != 0 && slg_file_is_interrupted(&times));
    return result;
}

/* Some file systems cannot sync a folder and say so: then nothing is to do. */
int
slg_file_sync_folder(int dir_fd)
{
    const int result = slg_file_sync(dir_fd, true);

    return result != 0 && (errno == EINVAL || errno == ENOTSUP) ? 0 : result;
}

static seglog_code
list_collect(const struct slg_file_store *store, DIR *dir, const char *prefix,
             struct slg_name_list *list, struct seglog_error *err)
{
    const size_t prefix_len = strlen(prefix);

    for (;;) {
        const struct dirent *entry = NULL;
        struct stat status;
        seglog_code code = SEGLOG_OK;

        errno = 0;
        entry = readdir(dir);
        if (!entry && errno != 0)
            return slg_file_fail_errno(err, errno, place_of(store, NULL),
                                       "cannot list the folder");
        if (!entry)
            return SEGLOG_OK;
        if (strncmp(entry->d_name, prefix, prefix_len) != 0 ||
            slg_name_check(entry->d_name, NULL) != SEGLOG_OK)
            continue;
#ifdef DT_REG
        if (entry->d_type == DT_DIR)
            continue;
        if (entry->d_type != DT_REG)
#endif
            if (fstatat(store->dir_fd, entry->d_name, &status, 0) != 0 ||
                !S_ISREG(status.st_mode))
                continue;
        code = slg_name_list_add(list, entry->d_name, err);
        if (code != SEGLOG_OK)
            return code;
    }
}

/* Not a dup: two listings at once must not share a position. */
static int
own_folder_open(const struct slg_file_store *store)
{
    unsigned times = 0;
    int fd = -1;

    do
        fd = openat(store->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && slg_file_is_interrupted(&times));
    return fd;
}

static seglog_code
file_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
          struct seglog_error *err)
{
    const struct slg_file_store *store = self;
    const int fd = own_folder_open(store);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct slg_name_list list = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!dir) {
        code = slg_file_fail_errno(err, errno, place_of(store, NULL),
                                   "cannot list the folder");
        if (fd >= 0)
            (void)close(fd);
        return code;
    }
    code = list_collect(store, dir, prefix, &list, err);
    (void)closedir(dir);
    if (code == SEGLOG_OK)
        slg_name_list_tell(&list, fn, arg);
    slg_name_list_reset(&list);
    return code;
}

static seglog_code
sync_folder(const struct slg_file_store *store, const char *name,
            struct seglog_error *err)
{
    if (slg_file_sync_folder(store->dir_fd) == 0)
        return SEGLOG_OK;
    return slg_file_fail_errno(err, errno, place_of(store, name),
                               "done, but it may not survive a power loss: "
                               "cannot sync the folder");
}

static seglog_code
file_remove(void *self, const char *name, struct seglog_error *err)
{
    const struct slg_file_store *store = self;

    if (unlinkat(store->dir_fd, name, 0) != 0)
        return slg_file_fail_errno(err, errno, place_of(store, name),
                                   "cannot remove it");
    return sync_folder(store, name, err);
}

static seglog_code
file_replace(void *self, const char *from, const char *name,
             struct seglog_error *err)
{
    const struct slg_file_store *store = self;

    if (renameat(store->dir_fd, from, store->dir_fd, name) != 0)
        return slg_file_fail_errno(err, errno, place_of(store, from),
                                   "cannot be renamed to replace another");
    return sync_folder(store, name, err);
}

/* Links are followed and other things refused, as by opening it to read. */
static seglog_code
file_get_info(void *self, const char *name, struct seglog_blob_info *info,
              struct seglog_error *err)
{
    const struct slg_file_store *store = self;
    struct stat status;

    if (fstatat(store->dir_fd, name, &status,
                store->refuses_links ? AT_SYMLINK_NOFOLLOW : 0) != 0)
        return slg_file_fail_errno(err, errno, place_of(store, name),
                                   "cannot look at it");
    if (!S_ISREG(status.st_mode))
        return slg_file_fail(err, SEGLOG_INVALID, place_of(store, name),
                             "it is not a regular file");
    *info = (struct seglog_blob_info){
        .size = (uint64_t)status.st_size,
        .modified_ns = (uint64_t)slg_file_modified_ns(&status),
    };
    return SEGLOG_OK;
}

/*
 * Whatever creates, removes or renames in a folder changes its time, and so do
 * lock files, which are no blobs: a stamp that moves too often costs its user
 * a look.  Other machines have other clocks, and tell of changes late.
 */
static seglog_code
file_get_stamp(void *self, struct seglog_stamp *stamp, struct seglog_error *err)
{
    const struct slg_file_store *store = self;
    const int64_t now_ns = slg_wall_clock_ns();
    uint64_t which[2];
    int64_t changed_ns = 0;
    struct stat status;

    if (fstat(store->dir_fd, &status) != 0)
        return slg_file_fail_errno(err, errno, place_of(store, NULL),
                                   "cannot look at the folder");
    changed_ns = slg_file_changed_ns(&status);
    which[0] = (uint64_t)status.st_dev;
    which[1] = (uint64_t)status.st_ino;
    *stamp = (struct seglog_stamp){
        .value = { (uint64_t)changed_ns, slg_xxh3(which, sizeof which) },
        .is_settled =
            store->is_local && slg_file_time_is_past(changed_ns, now_ns),
    };
    stamp->settles_soon =
        store->is_local && !stamp->is_settled && changed_ns <= now_ns;
    return SEGLOG_OK;
}

static void
file_describe(void *self, char *buf, size_t cap)
{
    const struct slg_file_store *store = self;

    (void)snprintf(buf, cap, "file store %s", store->dir);
    slg_text_to_line(buf);
}

static void
file_close(void *self)
{
    struct slg_file_store *store = self;

    slg_file_watch_forget(store);
    (void)close(store->dir_fd);
    free(store->dir);
    free(store);
}

static const struct seglog_store_ops file_ops = {
    .size = sizeof file_ops,
    .open = slg_file_blob_open,
    .list = file_list,
    .remove = file_remove,
    .replace = file_replace,
    .open_lock = slg_file_lock_open,
    .describe = file_describe,
    .close = file_close,
    .get_info = file_get_info,
    .get_stamp = file_get_stamp,
};

/* What else the bits of a mode say is not for a log: sticky, set-id. */
static seglog_code
options_check(const struct seglog_file_store_options *options,
              struct seglog_error *err)
{
    if (((options->file_mode | options->dir_mode) & ~0777u) == 0)
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "file_mode 0%o and dir_mode 0%o: permissions go up to "
                    "0777",
                    options->file_mode, options->dir_mode);
}

/* All but the descriptor, or NULL. */
static struct slg_file_store *
store_new(const char *dir, const struct seglog_file_store_options *options)
{
    struct slg_file_store *store = calloc(1, sizeof *store);

    if (!store)
        return NULL;
    store->dir = malloc(strlen(dir) + 1);
    if (!store->dir) {
        free(store);
        return NULL;
    }
    memcpy(store->dir, dir, strlen(dir) + 1);
    store->file_mode = options->file_mode ? (mode_t)options->file_mode : 0666;
    store->refuses_links = options->refuses_links;
    store->dir_mode = options->dir_mode ? (mode_t)options->dir_mode : 0777;
    return store;
}

seglog_code
seglog_store_file_open_with(const char *dir,
                            const struct seglog_file_store_options *options,
                            struct seglog_store *store,
                            struct seglog_error *err)
{
    struct seglog_file_store_options settled;
    struct slg_file_store *self = NULL;
    seglog_code code = SEGLOG_OK;

    if (!store)
        return slg_fail(err, SEGLOG_INVALID, NULL, "store is NULL");
    if (!dir || dir[0] == '\0')
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the name of the folder is empty");
    if (!slg_options_copy(&settled, sizeof settled, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "option size: not that of a struct of this version");
    code = options_check(&settled, err);
    if (code != SEGLOG_OK)
        return code;

    self = store_new(dir, &settled);
    if (!self)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a store");
    self->dir_fd =
        slg_file_folder_open(self->dir, settled.create_dirs, self->dir_mode);
    if (self->dir_fd < 0) {
        code = slg_file_fail_errno(err, errno, place_of(self, NULL),
                                   "cannot open the folder");
        free(self->dir);
        free(self);
        return code;
    }
    self->is_local = slg_file_is_local(self->dir_fd);
    *store = (struct seglog_store){ .ops = &file_ops, .self = self };
    return SEGLOG_OK;
}

seglog_code
seglog_store_file_open(const char *dir, bool create_dirs,
                       struct seglog_store *store, struct seglog_error *err)
{
    const struct seglog_file_store_options options = {
        .size = sizeof options,
        .create_dirs = create_dirs,
    };

    return seglog_store_file_open_with(dir, &options, store, err);
}
