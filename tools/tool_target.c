/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_target.c - outputs that appear under their name when complete.
 *
 * A signal may come while a program waits in a read or a write for ever, so
 * the temporary file is removed by the handler itself.
 */
#define _GNU_SOURCE
#include "tools/tool_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_BYTES (1024 * 1024)

/* What the handler needs: one program writes one output.  What sealing makes
 * beside it goes with it. */
static const char *volatile guarded_path;
static const char *volatile guarded_sealing;
static const char *volatile guarded_lock;

static const int FATAL[] = { SIGINT, SIGTERM, SIGHUP };
#define FATAL_COUNT (sizeof FATAL / sizeof FATAL[0])

static void
guard_on_signal(int number)
{
    const char *path = guarded_path;

    if (path) {
        (void)unlink(path);
        (void)unlink(guarded_lock);
        (void)unlink(guarded_sealing);
    }
    /* SA_RESETHAND has restored the default, which says who ended us. */
    (void)raise(number);
}

static void
guard_install(void)
{
    struct sigaction action = { .sa_handler = guard_on_signal,
                                .sa_flags = (int)SA_RESETHAND };
    struct sigaction before;

    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        /* What is ignored, as under nohup, stays so. */
        if (sigaction(FATAL[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN)
            (void)sigaction(FATAL[i], &action, NULL);
    }
}

static void
guard_hold(int how)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < FATAL_COUNT; i++)
        (void)sigaddset(&set, FATAL[i]);
    (void)sigprocmask(how, &set, NULL);
}

bool
tool_is_file_or_missing(const char *path)
{
    struct stat stat_buf;

    return stat(path, &stat_buf) != 0 || S_ISREG(stat_buf.st_mode);
}

bool
tool_is_same_file(const char *input, const char *output)
{
    const bool is_stdin = !input || strcmp(input, "-") == 0;
    const bool is_stdout = !output || strcmp(output, "-") == 0;
    struct stat in;
    struct stat out;

    if ((is_stdin ? fstat(STDIN_FILENO, &in) : stat(input, &in)) != 0 ||
        (is_stdout ? fstat(STDOUT_FILENO, &out) : stat(output, &out)) != 0)
        return false;
    /* A terminal is both, and harmless. */
    return S_ISREG(in.st_mode) && in.st_dev == out.st_dev &&
           in.st_ino == out.st_ino;
}

static enum tool_status
target_open_stream(struct tool_target *target, int fd, bool owns_fd)
{
    struct seglog_error err;

    if ((target->flags & TOOL_TARGET_BINARY) != 0 && tool_key.is_given) {
        if (owns_fd)
            (void)close(fd);
        return tool_usage("what is encrypted goes into a folder: use -o OUT");
    }
    target->is_stream = true;
    target->name = "output";
#ifdef F_SETPIPE_SZ
    /* Room for several of our writes: fewer changes between two programs.
     * What is no pipe, or may not be so large, stays as it is. */
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
#endif
    if (tool_fd_store_open(fd, owns_fd, true, target->shown, &target->store,
                           &err) == SEGLOG_OK)
        return TOOL_GO_ON;
    if (owns_fd)
        (void)close(fd);
    return tool_fail(NULL, &err);
}

/* Offsets in a segment count from its start, so it must start the file. */
static bool
stdout_is_begun(void)
{
    struct stat stat;
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);

    if (fstat(STDOUT_FILENO, &stat) != 0 || !S_ISREG(stat.st_mode))
        return false;
    if (flags >= 0 && (flags & O_APPEND) != 0)
        return stat.st_size > 0;
    return lseek(STDOUT_FILENO, 0, SEEK_CUR) > 0;
}

static enum tool_status
target_open_stdout(struct tool_target *target)
{
    target->shown = TOOL_STDOUT_NAME;
    if ((target->flags & TOOL_TARGET_BINARY) != 0) {
        if (isatty(STDOUT_FILENO))
            return tool_usage(
                "a segment is not written to a terminal: use -o OUT");
        if (stdout_is_begun()) {
            tool_say("%s: a segment cannot follow what is in this file; "
                     "use --append -o OUT",
                     target->shown);
            return TOOL_FAILED;
        }
    }
    return target_open_stream(target, STDOUT_FILENO, false);
}

static char *
text_join(const char *first, const char *second)
{
    char *text = NULL;

    return asprintf(&text, "%s%s", first, second) < 0 ? NULL : text;
}

static enum tool_status
target_open_file(struct tool_target *target, const char *path)
{
    enum tool_status status = tool_path_open(
        path,
        (target->flags & TOOL_TARGET_BINARY) != 0 ? TOOL_STORE_WRITE
                                                  : TOOL_STORE_PLAIN,
        &target->path);

    if (status != TOOL_GO_ON)
        return status;
    target->store = target->path.store;
    target->temp_name = text_join(target->path.name, ".tmp");
    target->temp_path = text_join(path, ".tmp");
    target->sealing_path = text_join(path, ".tmp.sealing");
    target->lock_path = text_join(path, ".tmp.lock");
    target->name = target->temp_name;
    if (!target->temp_name || !target->temp_path || !target->sealing_path ||
        !target->lock_path)
        return tool_fail_memory();
    return TOOL_GO_ON;
}

static enum tool_status
target_refuse(const struct tool_target *target)
{
    tool_say("%s: it exists already; --force replaces it", target->shown);
    return TOOL_FAILED;
}

enum tool_status
tool_target_open(const char *path, unsigned flags, struct tool_target *target)
{
    struct stat stat_buf;

    *target = (struct tool_target){ .shown = path, .flags = flags };
    if (!path || strcmp(path, "-") == 0)
        return target_open_stdout(target);
    if (stat(path, &stat_buf) != 0)
        return target_open_file(target, path);
    if (S_ISDIR(stat_buf.st_mode)) {
        tool_say("%s: it is a folder", path);
        return TOOL_FAILED;
    }
    if (!S_ISREG(stat_buf.st_mode)) {
        const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

        if (fd >= 0)
            return target_open_stream(target, fd, true);
        tool_say("%s: it cannot be opened: %s", path, strerror(errno));
        return TOOL_FAILED;
    }
    if ((flags & TOOL_TARGET_REPLACE) == 0)
        return target_refuse(target);
    return target_open_file(target, path);
}

void
tool_target_begin_create(struct tool_target *target)
{
    struct stat stat;

    if (target->is_stream)
        return;
    guard_hold(SIG_BLOCK);
    guard_install();
    /* Where replacing is allowed, so is what an earlier run left. */
    if ((target->flags & TOOL_TARGET_REPLACE) != 0 &&
        lstat(target->temp_path, &stat) == 0 && S_ISREG(stat.st_mode))
        (void)unlink(target->temp_path);
}

void
tool_target_end_create(struct tool_target *target, bool is_created)
{
    if (target->is_stream)
        return;
    target->is_created = is_created;
    if (is_created) {
        guarded_sealing = target->sealing_path;
        guarded_lock = target->lock_path;
        guarded_path = target->temp_path;
    }
    guard_hold(SIG_UNBLOCK);
}

seglog_code
tool_target_commit(struct tool_target *target, struct seglog_error *err)
{
    struct stat stat;
    seglog_code code = SEGLOG_OK;

    if (target->is_stream)
        return SEGLOG_OK;
    if ((target->flags & TOOL_TARGET_REPLACE) == 0 &&
        lstat(target->shown, &stat) == 0)
        return tool_error_set(err, SEGLOG_EXISTS, target->shown,
                              "it has come into being meanwhile; "
                              "--force replaces it");
    guard_hold(SIG_BLOCK);
    code = seglog_store_replace(target->path.store, target->temp_name,
                                target->path.name, err);
    if (code == SEGLOG_OK) {
        guarded_path = NULL;
        target->is_created = false;
    }
    guard_hold(SIG_UNBLOCK);
    return code;
}

void
tool_target_close(struct tool_target *target)
{
    if (target->is_created) {
        (void)unlink(target->temp_path);
        guarded_path = NULL;
    }
    if (target->is_stream)
        seglog_store_close(&target->store);
    tool_path_close(&target->path);
    free(target->temp_name);
    free(target->temp_path);
    free(target->sealing_path);
    free(target->lock_path);
    *target = (struct tool_target){ 0 };
}
