/* SPDX-License-Identifier: MIT */
/* src/store/store_file_folder.c - open a folder, and make it if need be. */
#define _POSIX_C_SOURCE   200809L /* O_DIRECTORY, O_CLOEXEC */
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/store_file.h"

/*
 * Make the folder path[0..len) and make its name durable in the folder above.
 * One that is there already is fine.
 */
static int
folder_create(char *path, size_t len, mode_t mode)
{
    const char after = path[len];
    size_t parent_len = len;
    int parent_fd = -1;
    int result = 0;

    path[len] = '\0';
    result = mkdir(path, mode);
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
folders_create(char *path, mode_t mode)
{
    for (size_t i = 1; path[0] != '\0'; i++) {
        const bool is_end = path[i] == '\0';

        if ((is_end || path[i] == '/') && path[i - 1] != '/' &&
            folder_create(path, i, mode) != 0)
            return -1;
        if (is_end)
            break;
    }
    return 0;
}

static int
folder_open(const char *path)
{
    unsigned times = 0;
    int fd = -1;

    do
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && slg_file_is_interrupted(&times));
    return fd;
}

int
slg_file_folder_open(char *path, bool create_dirs, mode_t mode)
{
    const int fd = folder_open(path);

    if (fd >= 0 || errno != ENOENT || !create_dirs)
        return fd;
    return folders_create(path, mode) == 0 ? folder_open(path) : -1;
}
