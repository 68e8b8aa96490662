/* SPDX-License-Identifier: MIT */
/* tools/tool_tree.c - paths below a folder, part by part. */
#define _GNU_SOURCE
#include "tools/tool_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
tool_tree_path_is_safe(const char *path, size_t len)
{
    size_t at = 0;

    if (len > TOOL_TREE_PATH_MAX || memchr(path, '\0', len))
        return false;
    while (at < len) {
        const char *slash = memchr(path + at, '/', len - at);
        const size_t end = slash ? (size_t)(slash - path) : len;
        const size_t part = end - at;

        if (part == 0 || part > NAME_MAX || (slash && end + 1 == len) ||
            (part == 1 && path[at] == '.') ||
            (part == 2 && path[at] == '.' && path[at + 1] == '.'))
            return false;
        at = end + (slash != NULL);
    }
    return true;
}

/* One folder further down.  The old one is closed, whatever happens. */
static int
tree_step(int dir, const char *part, bool makes_dirs)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int next = openat(dir, part, flags);
    int saved = 0;

    if (next < 0 && errno == ENOENT && makes_dirs &&
        (mkdirat(dir, part, 0777) == 0 || errno == EEXIST))
        next = openat(dir, part, flags);
    saved = errno;
    (void)close(dir);
    errno = saved;
    return next;
}

int
tool_tree_open_parent(int root, const char *path, bool makes_dirs,
                      const char **last)
{
    char part[NAME_MAX + 1];
    int dir = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    while (dir >= 0) {
        const char *slash = strchr(path, '/');
        const size_t len = slash ? (size_t)(slash - path) : 0;

        if (!slash)
            break;
        if (len > NAME_MAX) {
            (void)close(dir);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, path, len);
        part[len] = '\0';
        dir = tree_step(dir, part, makes_dirs);
        path = slash + 1;
    }
    *last = *path != '\0' ? path : ".";
    return dir;
}

int
tool_tree_open(int root, const char *path, int flags, mode_t mode)
{
    const char *last = NULL;
    const int dir = tool_tree_open_parent(root, path, false, &last);
    int fd = -1;
    int saved = 0;

    if (dir < 0)
        return -1;
    fd = openat(dir, last, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    saved = errno;
    (void)close(dir);
    errno = saved;
    return fd;
}

char *
tool_tree_join(const char *root, const char *path)
{
    const size_t root_len = strlen(root);
    const bool has_slash = root_len == 0 || root[root_len - 1] == '/';
    const size_t size = root_len + strlen(path) + 2;
    char *joined = malloc(size);

    if (joined)
        (void)snprintf(joined, size, "%s%s%s", root,
                       *path != '\0' && !has_slash ? "/" : "", path);
    return joined;
}
