/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_tree.h - paths below a folder that is held open.
 *
 * A path here is bytes with a length, relative, its parts separated by '/'; the
 * empty path is the folder itself.  It is walked part by part, and a symbolic
 * link in the way is never followed: so nothing outside the folder is reached,
 * whatever a path says and whoever changes the tree meanwhile.
 *
 * Threads  any
 */
#ifndef TOOL_TREE_H
#define TOOL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Longer relative paths are refused. */
#define TOOL_TREE_PATH_MAX 4080

/* True for a path as above: no empty part, no "." or "..", no NUL. */
bool
tool_tree_path_is_safe(const char *path, size_t len);

/*
 * Open the folder that `path` is in and point at its last part.
 *
 *   makes_dirs  create the folders that are missing (mode 0777 less umask)
 *   last        set to the last part inside `path`; the empty path gives "."
 * Returns a file descriptor to be closed, or -1 with errno.
 */
int
tool_tree_open_parent(int root, const char *path, bool makes_dirs,
                      const char **last);

/* openat for the whole path; O_NOFOLLOW and O_CLOEXEC are added. */
int
tool_tree_open(int root, const char *path, int flags, mode_t mode);

/* "ROOT/PATH", or the one that is not empty; free it.  NULL: no memory. */
char *
tool_tree_join(const char *root, const char *path);

#endif /* TOOL_TREE_H */
