/* SPDX-License-Identifier: MIT */
/*
 * tests/mutation/server.c
 *
 * Goal    one test of a program under one mutant, thousands of times a minute.
 * Method  linked into every test program of the mutated tree, in the place of
 *         cmocka's runner of groups.  With SEGLOG_MUTATION_SERVER=GROUP in the
 *         environment it reads lines from standard input
 *             MUTANT TEST MILLISECONDS STEPS BYTES
 *         runs that test of that group in a process of its own, and answers
 *         with one line on standard output
 *             passed|failed|killed MICROSECONDS STEPS BYTES
 *         A test that leaves more than BYTES of memory allocated has failed.
 *         MUTANT -1 is the sources as they are, after which the seen places
 *         are in the file SEGLOG_MUTATION_SEEN.  Without a server the tests
 *         run as ever.
 */
/* For pidfd_open(2) and what the headers of a strict C hide. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEEN_BYTES   ((size_t)MUT_PLACES)
#define MEMORY_BYTES ((rlim_t)2 << 30)
#define FILE_BYTES   ((rlim_t)256 << 20)

int
__real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests,
                               size_t count, CMFixtureFunction setup,
                               CMFixtureFunction teardown);
int
__wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests,
                               size_t count, CMFixtureFunction setup,
                               CMFixtureFunction teardown);

static int64_t
now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
limit(int what, rlim_t value)
{
    const struct rlimit both = { .rlim_cur = value, .rlim_max = value };

    (void)setrlimit(what, &both);
}

/* Wait for a process, at most until a time; returns false when it is over. */
static int
wait_until(pid_t pid, int64_t end, int *status)
{
    const int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd poll_for = { .fd = fd, .events = POLLIN };
    int ready = 0;

    while (fd >= 0 && ready == 0 && now_us() < end) {
        ready = poll(&poll_for, 1, (int)((end - now_us()) / 1000) + 1);
        if (ready < 0 && errno == EINTR)
            ready = 0;
    }
    if (fd >= 0)
        (void)close(fd);
    if (ready <= 0)
        (void)kill(-pid, SIGKILL);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        continue;
    /* What the test started and did not wait for. */
    (void)kill(-pid, SIGKILL);
    return ready > 0;
}

struct order {
    long mutant;
    unsigned long test;
    long ms;
    long steps;
    long bytes; /* of memory that may be left behind */
};

/* What a test took, where its parent sees it. */
struct taken {
    long steps;
    long bytes;
};

static const char *
order_run(const struct order *order, const struct CMUnitTest *tests,
          CMFixtureFunction setup, CMFixtureFunction teardown,
          struct taken *taken)
{
    const pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        const int null = open("/dev/null", O_RDWR);

        (void)setpgid(0, 0);
        (void)dup2(null, 0);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        limit(RLIMIT_AS, MEMORY_BYTES);
        limit(RLIMIT_FSIZE, FILE_BYTES);
        limit(RLIMIT_CORE, 0);
        slg_mut_active = order->mutant < 0 ? ~0u : (unsigned)order->mutant;
        slg_mut_steps_left = order->steps;
        const long before = (long)mallinfo2().uordblks;
        const int failed = __real__cmocka_run_group_tests(
            "one", &tests[order->test], 1, setup, teardown);
        taken->bytes = (long)mallinfo2().uordblks - before;
        taken->steps = order->steps - slg_mut_steps_left;
        _exit(failed != 0 || taken->bytes > order->bytes);
    }
    (void)setpgid(pid, pid);
    if (!wait_until(pid, now_us() + order->ms * 1000, &status) ||
        !WIFEXITED(status))
        return "killed";
    return WEXITSTATUS(status) == 0 ? "passed" : "failed";
}

static void
seen_write(const char *path)
{
    FILE *file = path ? fopen(path, "wb") : NULL;

    if (!file || fwrite(slg_mut_seen, 1, SEEN_BYTES, file) != SEEN_BYTES ||
        fclose(file) != 0)
        abort();
}

static int
serve(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
      CMFixtureFunction teardown)
{
    const int answers = dup(1);
    FILE *out = answers >= 0 ? fdopen(answers, "w") : NULL;
    char line[100];
    struct order order;
    struct taken *taken = mmap(NULL, sizeof *taken, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    slg_mut_seen = mmap(NULL, SEEN_BYTES, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!out || slg_mut_seen == MAP_FAILED || taken == MAP_FAILED)
        abort();
    (void)fcntl(answers, F_SETFD, FD_CLOEXEC);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, "%s\n", tests[i].name);
    (void)fprintf(out, "\n");
    (void)fflush(out);
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "%ld %lu %ld %ld %ld", &order.mutant, &order.test,
                   &order.ms, &order.steps, &order.bytes) != 5 ||
            order.test >= count)
            abort();
        if (order.mutant < 0)
            memset(slg_mut_seen, 0, SEEN_BYTES);
        *taken = (struct taken){ 0 };
        const int64_t start = now_us();
        const char *result = order_run(&order, tests, setup, teardown, taken);
        const int64_t us = now_us() - start;

        if (order.mutant < 0)
            seen_write(getenv("SEGLOG_MUTATION_SEEN"));
        (void)fprintf(out, "%s %lld %ld %ld\n", result, (long long)us,
                      taken->steps, taken->bytes);
        (void)fflush(out);
    }
    return 0;
}

int
__wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests,
                               size_t count, CMFixtureFunction setup,
                               CMFixtureFunction teardown)
{
    static long group;
    const char *wanted = getenv("SEGLOG_MUTATION_SERVER");

    if (!wanted)
        return __real__cmocka_run_group_tests(name, tests, count, setup,
                                              teardown);
    if (group++ != strtol(wanted, NULL, 10))
        return 0;
    exit(serve(tests, count, setup, teardown));
}
