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

#include "src/store/fail.h"

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

/*
 * EINTR says that the call was cut short, not that bytes were lost; every
 * other failure is final, since the system may have dropped what it could not
 * write and would report success the next time.
 */
int
slg_file_sync(int fd, bool is_full)
{
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
    } while (result != 0 && errno == EINTR);
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

static seglog_code
file_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
          struct seglog_error *err)
{
    const struct slg_file_store *store = self;
    /* Not a dup: two listings at once must not share a position. */
    const int fd =
        openat(store->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
};

/*
 * Make the folder path[0..len) and make its name durable in the folder above.
 * One that is there already is fine.
 */
static int
folder_create(char *path, size_t len)
{
    const char after = path[len];
    size_t parent_len = len;
    int parent_fd = -1;
    int result = 0;

    path[len] = '\0';
    result = mkdir(path, 0777);
    path[len] = after;
    if (result != 0)
        return errno == EEXIST ? 0 : -1;

    while (parent_len > 0 && path[parent_len - 1] != '/')
        parent_len--;
    if (parent_len == 0) {
        parent_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } else {
        const char first = path[parent_len];

        path[parent_len] = '\0';
        parent_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        path[parent_len] = first;
    }
    if (parent_fd < 0)
        return -1;
    result = slg_file_sync_folder(parent_fd);
    (void)close(parent_fd);
    return result;
}

static int
folders_create(char *path)
{
    for (size_t i = 1; path[0] != '\0'; i++) {
        const bool is_end = path[i] == '\0';

        if ((is_end || path[i] == '/') && path[i - 1] != '/' &&
            folder_create(path, i) != 0)
            return -1;
        if (is_end)
            break;
    }
    return 0;
}

static int
folder_open(char *path, bool create_dirs)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    const int fd = open(path, flags);

    if (fd >= 0 || errno != ENOENT || !create_dirs)
        return fd;
    return folders_create(path) == 0 ? open(path, flags) : -1;
}

seglog_code
seglog_store_file_open(const char *dir, bool create_dirs,
                       struct seglog_store *store, struct seglog_error *err)
{
    struct slg_file_store *self = NULL;
    seglog_code code = SEGLOG_OK;

    if (!store)
        return slg_fail(err, SEGLOG_INVALID, NULL, "store is NULL");
    if (!dir || dir[0] == '\0')
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the name of the folder is empty");

    self = calloc(1, sizeof *self);
    if (self)
        self->dir = malloc(strlen(dir) + 1);
    if (!self || !self->dir) {
        free(self);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a store");
    }
    memcpy(self->dir, dir, strlen(dir) + 1);
    self->dir_fd = folder_open(self->dir, create_dirs);
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
