/* SPDX-License-Identifier: MIT */
/* tests/damage/damage_run.c - one run of a program, and what it finds. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "tests/damage/damage_run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TOLD_MAX      30u
#define RECORDS_LONG  1000u
#define RECORDS_SHORT 100u

void
run_what(struct run *run, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(run->what, sizeof run->what, format, args);
    va_end(args);
}

void
run_finding(struct run *run, const char *format, ...)
{
    va_list args;

    if (run->findings++ >= TOLD_MAX)
        return;
    printf("finding: %s: %s: ", run->sample->kind->name, run->what);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    printf("\n");
}

size_t
run_step(const struct run *run, size_t places, size_t most)
{
    return run->is_long || places <= most ? 1 : places / most | 1;
}

static double
seconds_now(void)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
kind_run(struct run *run, const struct sample_kind *kind,
         void (*each)(struct run *run, const struct sample *sample))
{
    const double start = seconds_now();
    const uint64_t images = run->images;
    const uint64_t findings = run->findings;
    const size_t told = strlen(run->note);
    struct sample sample;

    if (!sample_kind_is_built(kind)) {
        printf("%-18s not built\n", kind->name);
        return;
    }
    sample_make(&sample, kind, run->is_long ? RECORDS_LONG : RECORDS_SHORT, 0);
    run->sample = &sample;
    each(run, &sample);
    printf("%-18s %5" PRIu64 " records %8zu bytes %10" PRIu64
           " images %6" PRIu64 " findings %8.1f s\n",
           kind->name, sample.records, sample.raw_len, run->images - images,
           run->findings - findings, seconds_now() - start);
    fflush(stdout);
    (void)snprintf(run->note + told, sizeof run->note - told, "%s%s %" PRIu64,
                   told > 0 ? ", " : "", kind->name, run->images - images);
    sample_free(&sample);
}

static bool
is_option(struct run *run, const char *text)
{
    const bool is_exhaustive = strcmp(text, "--exhaustive") == 0;

    if (!is_exhaustive && strcmp(text, "--long") != 0)
        return false;
    run->is_long = true;
    run->is_exhaustive |= is_exhaustive;
    return true;
}

int
run_main(int argc, char **argv, const char *name, const char *const *kinds,
         void (*each)(struct run *run, const struct sample *sample))
{
    static struct run run;
    bool is_chosen = false;

    run.name = name;
    for (int i = 1; i < argc; i++) {
        if (is_option(&run, argv[i]))
            continue;
        if (!sample_kind_find(argv[i])) {
            fprintf(stderr,
                    "usage: %s [--long] [--exhaustive] [KIND...]\n"
                    "kinds:",
                    argv[0]);
            for (size_t k = 0; kinds[k]; k++)
                fprintf(stderr, " %s", kinds[k]);
            fprintf(stderr, "\n");
            return 2;
        }
        is_chosen = true;
    }
    for (int i = 1; i < argc; i++) {
        if (!is_option(&run, argv[i]))
            kind_run(&run, sample_kind_find(argv[i]), each);
    }
    for (size_t k = 0; !is_chosen && kinds[k]; k++)
        kind_run(&run, sample_kind_find(kinds[k]), each);
    if (run.blind > 0)
        printf("%" PRIu64 " times a CRC-32 could not tell\n", run.blind);
    printf("score: %s count=%" PRIu64 " findings=%" PRIu64 " note=\"%s\"\n",
           run.name, run.images, run.findings, run.note);
    return run.findings == 0 ? 0 : 1;
}
