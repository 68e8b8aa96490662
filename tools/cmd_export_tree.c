/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_export_tree.c - folders, files and links below one folder.
 *
 * All paths come from a store, which anybody may have made: they are walked
 * part by part and no link is followed, so nothing outside DIR is touched.
 */
#define _GNU_SOURCE
#include "tools/cmd_export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool_tree.h"

bool
export_fail(struct export_run *run, const char *shown, int sys_errno,
            const char *what)
{
    tool_progress_clear(&run->progress);
    run->totals.failed++;
    if (sys_errno != 0)
        tool_say("%s: %s: %s", shown, what, strerror(sys_errno));
    else
        tool_say("%s: %s", shown, what);
    return false;
}

static bool
path_fail(struct export_run *run, const char *path, const char *what)
{
    const int sys_errno = errno;
    char *shown = tool_tree_join(run->options->dir, path);

    (void)export_fail(run, shown ? shown : path, sys_errno, what);
    free(shown);
    return false;
}

static void
times_of(const struct import_state *state, struct timespec times[2])
{
    const int64_t second = INT64_C(1000000000);
    int64_t rest = state->mtime_ns % second;

    if (rest < 0)
        rest += second;
    times[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
    times[1].tv_sec = (time_t)((state->mtime_ns - rest) / second);
    times[1].tv_nsec = (long)rest;
}

/* ---------------------------------------------------------------------------
 * Folders
 */

bool
export_make_dir(struct export_run *run, const char *path)
{
    const char *last = NULL;
    const int dir = tool_tree_open_parent(run->fd, path, true, &last);
    struct stat stat;
    bool is_made = false;

    if (dir < 0)
        return path_fail(run, path, "the folder cannot be made");
    is_made = strcmp(last, ".") == 0 || mkdirat(dir, last, 0700) == 0;
    if (!is_made && errno == EEXIST &&
        fstatat(dir, last, &stat, AT_SYMLINK_NOFOLLOW) == 0) {
        is_made = S_ISDIR(stat.st_mode);
        errno = EEXIST;
    }
    if (!is_made)
        (void)path_fail(run, path, "the folder cannot be made");
    (void)close(dir);
    return is_made;
}

void
export_finish_dir(struct export_run *run, const char *path,
                  const struct import_state *state)
{
    struct timespec times[2];
    const int fd = tool_tree_open(run->fd, path, O_RDONLY | O_DIRECTORY, 0);

    times_of(state, times);
    if (fd < 0 || fchmod(fd, state->mode & 07777) != 0 ||
        futimens(fd, times) != 0)
        (void)path_fail(run, path, "its mode and time cannot be set");
    if (fd >= 0)
        (void)close(fd);
    run->totals.folders++;
}

/* ---------------------------------------------------------------------------
 * Links
 */

bool
export_make_link(struct export_run *run, const char *path,
                 const struct import_state *state)
{
    const char *last = NULL;
    char *target = strndup(state->target, state->target_len);
    const int dir = tool_tree_open_parent(run->fd, path, true, &last);
    struct timespec times[2];
    bool is_made = false;

    times_of(state, times);
    if (target && dir >= 0) {
        if (run->options->is_forced)
            (void)unlinkat(dir, last, 0);
        is_made = symlinkat(target, dir, last) == 0;
        if (is_made)
            (void)utimensat(dir, last, times, AT_SYMLINK_NOFOLLOW);
    }
    if (!is_made)
        (void)path_fail(run, path, "the link cannot be made");
    else
        run->totals.links++;
    if (dir >= 0)
        (void)close(dir);
    free(target);
    return is_made;
}

/* ---------------------------------------------------------------------------
 * Files
 */

/* Never through a link, and never into something that is there. */
static int
file_create(const struct export_run *run, const char *path)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const char *last = NULL;
    const int dir = tool_tree_open_parent(run->fd, path, true, &last);
    int fd = -1;
    int saved = 0;

    if (dir < 0)
        return -1;
    if (run->options->is_forced)
        (void)unlinkat(dir, last, 0);
    fd = openat(dir, last, flags, 0600);
    saved = errno;
    (void)close(dir);
    errno = saved;
    return fd;
}

/* What is there is a beginning that nothing tells from the whole. */
static void
file_remove(const struct export_file *file)
{
    const char *last = NULL;
    const int dir =
        tool_tree_open_parent(file->run->fd, file->path, false, &last);

    if (dir < 0)
        return;
    (void)unlinkat(dir, last, 0);
    (void)close(dir);
}

bool
export_file_open(struct export_run *run, const char *path, const char *shown,
                 struct export_file *file)
{
    struct seglog_error err;

    *file = (struct export_file){ .run = run, .path = path, .shown = shown };
    file->fd = file_create(run, path);
    if (file->fd < 0)
        return export_fail(run, shown, errno, "it cannot be made");
    file->target = (struct tool_target){ .name = "output",
                                         .shown = shown,
                                         .is_stream = true };
    if (tool_fd_store_open(file->fd, false, true, shown, &file->target.store,
                           &err) != SEGLOG_OK) {
        (void)close(file->fd);
        file_remove(file);
        run->totals.failed++;
        (void)tool_fail(shown, &err);
        return false;
    }
    if (tool_output_open(&file->output, &file->target))
        return true;
    (void)tool_fail(shown, &file->output.err);
    run->totals.failed++;
    tool_target_close(&file->target);
    (void)close(file->fd);
    file_remove(file);
    return false;
}

bool
export_file_fail(struct export_file *file)
{
    struct export_run *run = file->run;

    tool_progress_clear(&run->progress);
    run->totals.failed++;
    run->is_full = file->output.err.code == SEGLOG_NO_SPACE;
    (void)tool_fail(file->shown, &file->output.err);
    return false;
}

/* Set-user-id and set-group-id are not taken from a store. */
#define FILE_MODE_MAX 01777

bool
export_file_close(struct export_file *file, bool is_whole,
                  const struct import_state *state)
{
    struct export_run *run = file->run;
    struct timespec times[2];
    bool is_done = true;

    if (is_whole && !tool_output_finish(&file->output))
        is_done = export_file_fail(file);
    if (!is_whole || !is_done)
        file_remove(file);
    tool_output_close(&file->output);
    tool_target_close(&file->target);
    if (is_done && state) {
        times_of(state, times);
        if (fchmod(file->fd, state->mode & FILE_MODE_MAX) != 0 ||
            futimens(file->fd, times) != 0)
            is_done = export_fail(run, file->shown, errno,
                                  "its mode and time cannot be set");
    } else if (is_done) {
        const mode_t mask = umask(0);

        (void)umask(mask);
        (void)fchmod(file->fd, 0666 & ~mask);
    }
    if (close(file->fd) != 0 && is_done)
        is_done = export_fail(run, file->shown, errno, "it cannot be written");
    run->totals.files += is_done && is_whole;
    return is_done;
}
