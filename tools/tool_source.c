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

#include "tools/tool_store.h"

#define SPOOL_BYTES ((size_t)256 * 1024)

enum tool_status
tool_path_open(const char *path, enum tool_store_use use,
               struct tool_path *opened)
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
        tool_key_store_open(dir, use, &opened->store, &err);
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

static enum tool_status
source_open_lane(const struct tool_store_path *path, struct tool_source *source)
{
    struct tool_store_id id;
    char name[SEGLOG_LANE_NAME_CAP];
    enum tool_status status = tool_store_open(path, true, &source->sessions);

    if (status == TOOL_GO_ON)
        status = tool_store_resolve(source->sessions, path, &id);
    if (status != TOOL_GO_ON)
        return status;
    (void)seglog_lane_name(&id.session, &id.segment, path->lane, name);
    if (asprintf(&source->lane_path, "%s/%s", path->dir, name) < 0) {
        source->lane_path = NULL;
        return tool_fail_memory();
    }
    source->store = seglog_session_store_get_store(source->sessions);
    source->name = strrchr(source->lane_path, '/') + 1;
    return TOOL_GO_ON;
}

static enum tool_status
source_open_file(const char *path, struct tool_source *source)
{
    const enum tool_status status =
        tool_path_open(path, TOOL_STORE_READ, &source->path);

    source->store = source->path.store;
    source->name = source->path.name;
    return status;
}

static enum tool_status
source_open_path(const char *path, struct tool_source *source)
{
    struct tool_store_path parsed;
    enum tool_status status = tool_store_parse(path, &parsed);

    if (status != TOOL_GO_ON)
        return status;
    if (parsed.place == TOOL_PLACE_FILE) {
        status = source_open_file(path, source);
    } else if (parsed.place == TOOL_PLACE_ID) {
        status = source_open_lane(&parsed, source);
    } else {
        tool_say("%s: it is a session store; name one segment of it as %s:ID "
                 "(`seglog ls` shows them)",
                 path, parsed.dir);
        status = TOOL_FAILED;
    }
    tool_store_path_free(&parsed);
    if (status != TOOL_GO_ON)
        tool_source_close(source);
    return status;
}

enum tool_status
tool_source_open(const char *path, struct tool_source *source)
{
    struct seglog_error err;

    *source = (struct tool_source){ .shown = path };
    if (path && strcmp(path, "-") != 0)
        return source_open_path(path, source);
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
    if (source->sessions)
        (void)seglog_session_store_close(source->sessions, NULL);
    else if (source->path.name)
        tool_path_close(&source->path);
    else
        seglog_store_close(&source->store);
    free(source->lane_path);
    *source = (struct tool_source){ 0 };
}
