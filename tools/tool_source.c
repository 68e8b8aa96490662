/* SPDX-License-Identifier: MIT */
/* tools/tool_source.c - paths, and segments from files and from pipes. */
#define _GNU_SOURCE
#include "tools/tool_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPOOL_BYTES ((size_t)256 * 1024)

enum tool_status
tool_path_open(const char *path, struct tool_path *opened)
{
    const char *slash = strrchr(path, '/');
    struct seglog_error err;
    char *dir = NULL;

    *opened = (struct tool_path){ .shown = path };
    if (*path == '\0' || (slash && slash[1] == '\0')) {
        tool_say("'%s' does not name a file", path);
        return TOOL_FAILED;
    }
    opened->name = strdup(slash ? slash + 1 : path);
    if (!slash)
        dir = strdup(".");
    else
        dir =
            slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    if (!opened->name || !dir) {
        free(dir);
        tool_path_close(opened);
        return tool_fail_memory();
    }
    const seglog_code code =
        seglog_store_file_open(dir, false, &opened->store, &err);
    free(dir);
    if (code == SEGLOG_OK)
        return TOOL_GO_ON;
    tool_path_close(opened);
    return tool_fail(path, &err);
}

void
tool_path_close(struct tool_path *path)
{
    seglog_store_close(&path->store);
    free(path->name);
    *path = (struct tool_path){ 0 };
}

/* A file that is gone from its folder at once, and goes when it is closed. */
static int
spool_create(void)
{
    const char *dir = getenv("TMPDIR");
    char path[4096];
    int fd = -1;

    if (!dir || *dir == '\0')
        dir = "/tmp";
    if (snprintf(path, sizeof path, "%s/seglog.XXXXXX", dir) >=
        (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static seglog_code
spool_fill(int from, int to, uint8_t *buf, struct seglog_error *err)
{
    for (;;) {
        const ssize_t got = read(from, buf, SPOOL_BYTES);
        ssize_t done = 0;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return tool_error_errno(err, errno, TOOL_STDIN_NAME, "read failed");
        if (got == 0)
            return SEGLOG_OK;
        while (done < got) {
            const ssize_t put = write(to, buf + done, (size_t)(got - done));

            if (put < 0 && errno != EINTR)
                return tool_error_errno(err, errno, TOOL_STDIN_NAME,
                                        "its copy in TMPDIR cannot be written");
            done += put > 0 ? put : 0;
        }
    }
}

static seglog_code
spool_open(struct seglog_store *store, struct seglog_error *err)
{
    const int fd = spool_create();
    uint8_t *buf = malloc(SPOOL_BYTES);
    seglog_code code = SEGLOG_OK;

    if (fd < 0)
        code = tool_error_errno(err, errno, TOOL_STDIN_NAME,
                                "its copy in TMPDIR cannot be made");
    else if (!buf)
        code = tool_error_errno(err, ENOMEM, TOOL_STDIN_NAME, "no memory");
    if (code == SEGLOG_OK)
        code = spool_fill(STDIN_FILENO, fd, buf, err);
    if (code == SEGLOG_OK)
        code = tool_fd_store_open(fd, true, false, TOOL_STDIN_NAME, store, err);
    if (code != SEGLOG_OK && fd >= 0)
        (void)close(fd);
    free(buf);
    return code;
}

/* A regular file is read where it lies, if it is to be read from its start. */
static seglog_code
stdin_open(struct seglog_store *store, struct seglog_error *err)
{
    struct stat stat;

    if (fstat(STDIN_FILENO, &stat) != 0)
        return tool_error_errno(err, errno, TOOL_STDIN_NAME, "fstat failed");
    if (S_ISREG(stat.st_mode) && lseek(STDIN_FILENO, 0, SEEK_CUR) == 0)
        return tool_fd_store_open(STDIN_FILENO, false, false, TOOL_STDIN_NAME,
                                  store, err);
    return spool_open(store, err);
}

enum tool_status
tool_source_open(const char *path, struct tool_source *source)
{
    struct seglog_error err;

    *source = (struct tool_source){ .shown = path };
    if (path && strcmp(path, "-") != 0) {
        const enum tool_status status = tool_path_open(path, &source->path);

        source->store = source->path.store;
        source->name = source->path.name;
        return status;
    }
    source->shown = TOOL_STDIN_NAME;
    source->name = "stdin";
    if (isatty(STDIN_FILENO))
        return tool_usage("a segment is not read from a terminal: name a file");
    if (stdin_open(&source->store, &err) != SEGLOG_OK)
        return tool_fail(NULL, &err);
    return TOOL_GO_ON;
}

void
tool_source_close(struct tool_source *source)
{
    if (source->path.name)
        tool_path_close(&source->path);
    else
        seglog_store_close(&source->store);
    *source = (struct tool_source){ 0 };
}
