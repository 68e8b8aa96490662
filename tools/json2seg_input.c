/* SPDX-License-Identifier: MIT */
/* tools/json2seg_input.c - blocks of input, and a clean end on a signal. */
#define _GNU_SOURCE
#include "tools/json2seg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool_stream.h"

/* Two blocks fit the second-level cache of anything that has one. */
#define BLOCK_BYTES ((size_t)256 * 1024)
/* The largest a pipe may be made: what can have been written before a stop. */
#define DRAIN_BYTES (UINT64_C(1024) * 1024)

static volatile sig_atomic_t stop_seen;
/* The signals that are let through while waiting. */
static sigset_t wait_mask;

static void
stop_on_signal(int number)
{
    (void)number;
    stop_seen = 1;
}

void
json2seg_input_watch(struct json2seg_input *input)
{
    static const int STOPS[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = stop_on_signal };
    struct sigaction before;
    sigset_t held;

    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&held);
    for (size_t i = 0; i < sizeof STOPS / sizeof STOPS[0]; i++) {
        /* What is ignored, as under nohup, stays so. */
        if (sigaction(STOPS[i], NULL, &before) != 0 ||
            before.sa_handler == SIG_IGN)
            continue;
        (void)sigaddset(&held, STOPS[i]);
        (void)sigaction(STOPS[i], &action, NULL);
    }
    /* Held back everywhere else: no write or sync is ever interrupted. */
    (void)sigprocmask(SIG_BLOCK, &held, &wait_mask);
    for (size_t i = 0; i < sizeof STOPS / sizeof STOPS[0]; i++)
        (void)sigdelset(&wait_mask, STOPS[i]);
    input->is_live = true;
}

bool
json2seg_input_is_stopping(void)
{
    sigset_t pending;

    /* ppoll does not deliver a signal when the input is ready as well. */
    return stop_seen ||
           (sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 ||
                                          sigismember(&pending, SIGINT) == 1 ||
                                          sigismember(&pending, SIGHUP) == 1));
}

seglog_code
json2seg_input_open(struct json2seg_input *input, const char *path,
                    size_t cap_max, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;
    int fd = STDIN_FILENO;

    *input = (struct json2seg_input){ .fd = -1 };
    if (!path || strcmp(path, "-") == 0)
        return json2seg_input_open_fd(input, fd, TOOL_STDIN_NAME, cap_max, err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return tool_error_errno(err, errno, path, "it cannot be opened");
    code = json2seg_input_open_fd(input, fd, path, cap_max, err);
    input->owns_fd = true;
    return code;
}

seglog_code
json2seg_input_open_fd(struct json2seg_input *input, int fd, const char *shown,
                       size_t cap_max, struct seglog_error *err)
{
    struct stat stat;

    *input = (struct json2seg_input){
        .fd = fd, .shown = shown, .cap_max = cap_max, .left = UINT64_MAX
    };
    if (fstat(input->fd, &stat) == 0 && S_ISREG(stat.st_mode)) {
        input->total_bytes = (uint64_t)stat.st_size;
        (void)posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    input->cap = BLOCK_BYTES < cap_max ? BLOCK_BYTES : cap_max;
    input->buf = malloc(input->cap);
    if (!input->buf)
        return tool_error_errno(err, ENOMEM, input->shown, "no memory");
    return SEGLOG_OK;
}

void
json2seg_input_drop(struct json2seg_input *input, size_t count)
{
    input->len -= count;
    if (count > 0 && input->len > 0)
        memmove(input->buf, input->buf + count, input->len);
}

static seglog_code
input_grow(struct json2seg_input *input, struct seglog_error *err)
{
    const size_t cap =
        input->cap < input->cap_max / 2 ? input->cap * 2 : input->cap_max;
    uint8_t *buf = NULL;

    if (input->cap == input->cap_max)
        return tool_error_set(err, SEGLOG_NO_SPACE, input->shown,
                              "the buffer is full");
    if (input->on_grow)
        input->on_grow(input->arg, cap);
    buf = realloc(input->buf, cap);
    if (!buf)
        return tool_error_errno(err, ENOMEM, input->shown, "no memory");
    input->buf = buf;
    input->cap = cap;
    return SEGLOG_OK;
}

/*
 * Wait until there is input.  False when there is none and a stop was asked
 * for: what a pipe holds at that moment is still read, for its writer has
 * done its part, but not what comes after a pipe's length.
 */
static bool
input_wait(struct json2seg_input *input)
{
    struct pollfd poll_fd = { .fd = input->fd, .events = POLLIN };

    while (!input->is_stopped) {
        const int ready = ppoll(&poll_fd, 1, NULL, &wait_mask);

        if (json2seg_input_is_stopping())
            input->is_stopped = true;
        else if (ready != 0 && (ready > 0 || errno != EINTR))
            return true;
    }
    return input->total_bytes == 0 && input->drained < DRAIN_BYTES &&
           poll(&poll_fd, 1, 0) > 0;
}

seglog_code
json2seg_input_read(struct json2seg_input *input, struct seglog_error *err)
{
    size_t room = 0;
    ssize_t got = -1;

    /* A half-full buffer would mean moving a long line again and again. */
    if (input->len > input->cap / 2) {
        const seglog_code code = input_grow(input, err);

        if (code != SEGLOG_OK && input->len == input->cap)
            return code;
    }
    room = input->cap - input->len;
    if (room > input->left)
        room = (size_t)input->left;
    do {
        if (input->is_live && !input_wait(input)) {
            input->is_ended = true;
            return SEGLOG_OK;
        }
        got = read(input->fd, input->buf + input->len, room);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    if (got < 0)
        return tool_error_errno(err, errno, input->shown, "read failed");
    input->is_ended = got == 0;
    input->len += (size_t)got;
    input->left -= (uint64_t)got;
    input->read_bytes += (uint64_t)got;
    if (input->is_stopped)
        input->drained += (uint64_t)got;
    return SEGLOG_OK;
}

void
json2seg_input_close(struct json2seg_input *input)
{
    if (input->owns_fd)
        (void)close(input->fd);
    free(input->buf);
    *input = (struct json2seg_input){ .fd = -1 };
}
