/* SPDX-License-Identifier: MIT */
/*
 * bench_pipe - run a command and time it as a whole, from fork to exit, with
 * its standard output drained from a pipe or sent to the null device.
 *
 *   bench_pipe pipe|null COMMAND [ARG...]
 *
 * Standard input of the command is the null device.  "status" is its exit
 * status; "bytes" what came through the pipe.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define DRAIN_BYTES ((size_t)128 * 1024)

static _Noreturn void
run_command(char **command, int out)
{
    const int in = open("/dev/null", O_RDONLY);

    if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
        bench_fail_sys("dup2");
    close(in);
    execvp(command[0], command);
    bench_fail_sys(command[0]);
}

static uint64_t
drain(int fd)
{
    static uint8_t buffer[DRAIN_BYTES];
    uint64_t bytes = 0;

    for (;;) {
        const ssize_t got = read(fd, buffer, sizeof(buffer));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            bench_fail_sys("read");
        if (got == 0)
            return bytes;
        bytes += (uint64_t)got;
    }
}

int
main(int argc, char **argv)
{
    bench_init(0, argv);
    int ends[2] = { -1, -1 };
    int status = 0;
    uint64_t bytes = 0;

    if (argc < 3)
        bench_fail("usage: bench_pipe pipe|null COMMAND [ARG...]");
    const bool is_piped = strcmp(argv[1], "pipe") == 0;
    if (is_piped && pipe2(ends, O_CLOEXEC) != 0)
        bench_fail_sys("pipe");
    if (!is_piped)
        ends[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);

    bench_start();
    const pid_t child = fork();
    if (child < 0)
        bench_fail_sys("fork");
    if (child == 0)
        run_command(argv + 2, ends[1]);
    close(ends[1]);
    if (is_piped)
        bytes = drain(ends[0]);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        bench_fail("the command did not end by itself");
    bench_stop();
    bench_report("status", (double)WEXITSTATUS(status));
    bench_report("bytes", (double)bytes);
    return 0;
}
