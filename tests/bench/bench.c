/* SPDX-License-Identifier: MIT */
/* bench.c - arguments, clock, payloads, files and results. */
#define _GNU_SOURCE
#include "tests/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef BENCH_HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

static char **bench_args;
static int bench_arg_count;
static double bench_started;
static double bench_started_cpu;

void
bench_init(int argc, char **argv)
{
    bench_args = argv + 1;
    bench_arg_count = argc - 1;
}

const char *
bench_text(const char *key, const char *fallback)
{
    const size_t len = strlen(key);

    for (int i = 0; i < bench_arg_count; i++) {
        const char *arg = bench_args[i];

        if (strncmp(arg, key, len) == 0 && arg[len] == '=')
            return arg + len + 1;
    }
    return fallback;
}

uint64_t
bench_number(const char *key, uint64_t fallback)
{
    const char *text = bench_text(key, NULL);
    char *end = NULL;

    if (text == NULL)
        return fallback;
    const unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0')
        bench_fail("a number was expected in the arguments");
    return value;
}

char *
bench_path(const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", bench_text("dir", "."), name) < 0)
        bench_fail("no memory");
    return path;
}

void
bench_fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

void
bench_fail_sys(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
            strerror(errno));
    exit(1);
}

void
bench_must(seglog_code code, const struct seglog_error *err)
{
    char line[600];

    if (code == SEGLOG_OK)
        return;
    seglog_error_format(err, line, sizeof(line));
    bench_fail(line);
}

double
bench_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double
cpu_seconds(int who)
{
    struct rusage usage;

    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

void
bench_start(void)
{
    bench_started_cpu = cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN);
    bench_started = bench_now();
}

void
bench_stop(void)
{
    const double end = bench_now();

    bench_report("seconds", end - bench_started);
    bench_report("cpu", cpu_seconds(RUSAGE_SELF) +
                            cpu_seconds(RUSAGE_CHILDREN) - bench_started_cpu);
}

static int
compare_values(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return (x > y) - (x < y);
}

double
bench_quantile(double *values, size_t count, double share)
{
    qsort(values, count, sizeof *values, compare_values);
    return values[(size_t)((double)(count - 1) * share)];
}

static struct {
    double *seconds;
    size_t count;
    size_t cap;
    double last;
} laps;

void
bench_laps_begin(size_t count)
{
    laps.seconds = calloc(count, sizeof *laps.seconds);
    laps.cap = count;
    laps.count = 0;
    if (!laps.seconds || count == 0)
        bench_fail("no memory");
    laps.last = bench_now();
}

void
bench_laps_mark(void)
{
    const double now = bench_now();

    if (laps.count < laps.cap)
        laps.seconds[laps.count++] = now - laps.last;
    laps.last = now;
}

void
bench_laps_end(void)
{
    if (laps.count == 0)
        bench_fail("nothing was timed");
    bench_report("p50_us", bench_quantile(laps.seconds, laps.count, 0.5) * 1e6);
    bench_report("p99_us",
                 bench_quantile(laps.seconds, laps.count, 0.99) * 1e6);
    free(laps.seconds);
}

void
bench_report(const char *key, double value)
{
    printf("%s %.17g\n", key, value);
}

uint64_t
bench_random(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

struct bench_payloads
bench_payloads_make(void)
{
    struct bench_payloads payloads = {
        .count = (size_t)bench_number("distinct", 65536),
        .len = (size_t)bench_number("size", 200),
    };
    const size_t total = payloads.count * payloads.len;
    uint64_t state = UINT64_C(0x5E610C5E610C5E61);

    payloads.bytes = malloc(total + 8);
    if (payloads.bytes == NULL || payloads.count == 0)
        bench_fail("no memory for the payloads");
    for (size_t i = 0; i < total; i += 8) {
        const uint64_t x = bench_random(&state);
        memcpy(payloads.bytes + i, &x, 8);
    }
    for (size_t i = 0; i < total; i++)
        if (payloads.bytes[i] == '\n')
            payloads.bytes[i] = ' ';
    return payloads;
}

uint32_t
bench_crc32(const void *bytes, size_t len)
{
#ifdef BENCH_HAVE_LIBDEFLATE
    return libdeflate_crc32(0, bytes, len);
#else
    return (uint32_t)crc32_z(0, bytes, len);
#endif
}

const char *
bench_crc32_name(void)
{
#ifdef BENCH_HAVE_LIBDEFLATE
    return "libdeflate";
#else
    return "zlib";
#endif
}

int
bench_create(const char *path)
{
    bench_remove(path);
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (fd < 0)
        bench_fail_sys(path);
    return fd;
}

void
bench_write(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        const ssize_t done = write(fd, at, len);

        if (done < 0)
            bench_fail_sys("write");
        at += done;
        len -= (size_t)done;
    }
}

void
bench_remove(const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        bench_fail_sys(path);
}

uint64_t
bench_file_size(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        bench_fail_sys(path);
    return (uint64_t)info.st_size;
}

struct seglog_store
bench_store_open(void)
{
    struct seglog_store store;
    struct seglog_error err;

    bench_must(
        seglog_store_file_open(bench_text("dir", "."), false, &store, &err),
        &err);
    return store;
}

/*
 * VmHWM belongs to the memory of this program alone; ru_maxrss also remembers
 * the parent's memory from before exec, which can hide ours.
 */
uint64_t
bench_peak_kib(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long long kib = 0;
    struct rusage usage;

    if (status != NULL) {
        while (kib == 0 && fgets(line, sizeof(line), status) != NULL)
            if (sscanf(line, "VmHWM: %llu", &kib) != 1)
                kib = 0;
        fclose(status);
    }
    if (kib != 0)
        return kib;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss;
}
