/* SPDX-License-Identifier: MIT */
/* tests/crash/driver.c - a test that runs programs of many seeds. */
#define _POSIX_C_SOURCE 200809L /* fork */

#include "tests/crash/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
program_make(struct crash_program *program, uint64_t seed, size_t count)
{
    uint64_t series = seed * 2 + 1;

    program->seed = seed;
    program->count = count < CRASH_STEPS_MAX ? count : CRASH_STEPS_MAX;
    for (size_t i = 0; i < program->count; i++) {
        const uint64_t bytes = crash_random(&series);

        memcpy(program->steps[i], &bytes, CRASH_STEP_BYTES);
    }
}

/* Nothing was looked at yet. */
static struct crash_watch *
watch_new(const struct crash_subject *subject)
{
    struct crash_watch *watch = calloc(1, subject->watch_size);

    if (!watch) {
        (void)fputs("no memory for a watch\n", stderr);
        exit(2);
    }
    return watch;
}

static void
watch_free(const struct crash_subject *subject, struct crash_watch *watch)
{
    if (subject->release)
        subject->release(watch);
    free(watch);
}

/* -- a violation ------------------------------------------------------------ */

/* Leave out what is not needed, in ever smaller parts. */
static void
program_shrink(const struct crash_subject *subject,
               struct crash_program *program)
{
    static struct crash_program less;
    struct crash_watch *watch = watch_new(subject);

    for (size_t part = program->count / 2; part > 0;) {
        bool is_smaller = false;

        for (size_t at = 0; at + part <= program->count;) {
            less = *program;
            memmove(less.steps + at, less.steps + at + part,
                    (less.count - at - part) * sizeof *less.steps);
            less.count -= part;
            if (crash_program_run(subject, &less, watch)) {
                at += part;
                continue;
            }
            *program = less;
            is_smaller = true;
        }
        if (!is_smaller || part > program->count)
            part /= 2;
    }
    watch_free(subject, watch);
}

static void
program_tell(const struct crash_subject *subject, struct crash_program *program,
             const struct crash_watch *first)
{
    struct crash_watch *watch = watch_new(subject);

    printf("seed %llu: %s", (unsigned long long)program->seed, first->message);
    program_shrink(subject, program);
    watch->is_talking = true;
    printf("made small, %zu steps:\n", program->count);
    for (size_t i = 0; i < program->count; i++) {
        printf("  ");
        for (unsigned k = 0; k < CRASH_STEP_BYTES; k++)
            printf("%02x", program->steps[i][k]);
        printf("\n");
    }
    (void)crash_program_run(subject, program, watch);
    printf("%s", watch->message);
    watch_free(subject, watch);
}

/* -- seeds ------------------------------------------------------------------ */

/* Not the clock of the programs, which tests/crash/entropy.c makes up. */
static double
seconds_now(void)
{
    struct timespec now = { 0 };

    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct crash_clocks
crash_clocks_now(void)
{
    return (struct crash_clocks){ .wall = seconds_now(),
                                  .cpu = (double)clock() / CLOCKS_PER_SEC };
}

bool
crash_report(const struct crash_driver *driver, const struct crash_watch *watch,
             const struct crash_clocks *since)
{
    const struct crash_subject *subject = driver->subject;
    const struct crash_clocks now = crash_clocks_now();
    const double took = now.wall - since->wall;
    const double busy = now.cpu - since->cpu;
    bool is_whole = true;

    printf("%llu images in %.1f s: %.0f a minute, %.0f a minute of a core\n",
           (unsigned long long)watch->images, took,
           (double)watch->images / took * 60,
           (double)watch->images / busy * 60);
    if (driver->describe)
        driver->describe(watch);
    for (unsigned i = 0; i < subject->invariant_count; i++) {
        const bool is_missing =
            watch->checks[i] == 0 && (!driver->applies || driver->applies(i));

        printf("  %-8s %llu%s\n", subject->invariant_names[i],
               (unsigned long long)watch->checks[i],
               is_missing ? ", never looked at" : "");
        is_whole = is_whole && !is_missing;
    }
    return is_whole;
}

struct range {
    uint64_t first;
    uint64_t last; /* of those that ran, afterwards */
    size_t steps;
    bool is_going_on; /* violations are listed, not told, and it goes on */
    double seconds;   /* 0: no end */
};

/* How many of them were violated. */
static unsigned
seeds_run(const struct crash_driver *driver, struct range *range,
          struct crash_watch *watch)
{
    static struct crash_program program;
    const double start = seconds_now();
    unsigned findings = 0;

    printf("seeds %llu to %llu, %zu steps each\n",
           (unsigned long long)range->first, (unsigned long long)range->last,
           range->steps);
    for (uint64_t seed = range->first; seed <= range->last; seed++) {
        program_make(&program, seed, range->steps);
        if (!crash_program_run(driver->subject, &program, watch)) {
            findings++;
            if (!range->is_going_on)
                program_tell(driver->subject, &program, watch);
            else
                printf("seed %llu: %.*s\n", (unsigned long long)seed,
                       (int)strcspn(watch->message, "\n"), watch->message);
        }
        if ((findings > 0 && !range->is_going_on) ||
            (range->seconds > 0 && seconds_now() - start > range->seconds))
            range->last = seed;
    }
    return findings;
}

/* -- once more -------------------------------------------------------------- */

/*
 * A seed that shows something must show it again.  So whatever ran before it, a
 * program asks for the same chance and the same time, and has as many images,
 * as it had when it ran first.
 */
static unsigned
seeds_differ(const struct crash_driver *driver, size_t steps)
{
    static struct crash_program program;
    uint64_t marks[2];
    uint64_t images[2];

    program_make(&program, 1, steps);
    for (unsigned i = 0; i < 2; i++) {
        struct crash_watch *watch = watch_new(driver->subject);

        (void)crash_program_run(driver->subject, &program, watch);
        marks[i] = entropy_mark();
        images[i] = watch->images;
        watch_free(driver->subject, watch);
    }
    if (marks[0] == marks[1] && images[0] == images[1])
        return 0;
    printf("a seed is not the same each time: %llu and %llu images\n",
           (unsigned long long)images[0], (unsigned long long)images[1]);
    return 1;
}

/* -- flaws ------------------------------------------------------------------ */

/* The seed that finds a disk of that flaw; 0: none does. */
static uint64_t
flaw_find(const struct crash_driver *driver, enum seglog_disk_flaw flaw)
{
    static struct crash_program program;
    struct crash_watch *watch = watch_new(driver->subject);
    uint64_t found = 0;

    watch->flaws = flaw;
    for (uint64_t seed = 1; found == 0 && seed <= driver->flaw_seeds; seed++) {
        program_make(&program, seed, driver->steps);
        if (!crash_program_run(driver->subject, &program, watch))
            found = seed;
    }
    watch_free(driver->subject, watch);
    return found;
}

/*
 * A driver that finds nothing must be able to find something.  In processes of
 * their own, because a violation leaves things behind.
 */
static unsigned
flaws_missed(const struct crash_driver *driver)
{
    unsigned missed = 0;

    for (const struct crash_flaw *at = driver->flaws; at->name; at++) {
        int status = 0;
        pid_t child = 0;

        (void)fflush(stdout);
        child = fork();
        if (child == 0)
            _exit((int)flaw_find(driver, at->flaw));
        if (child < 0 || waitpid(child, &status, 0) != child ||
            !WIFEXITED(status) || WEXITSTATUS(status) == 0) {
            printf("%s: not found\n", at->name);
            missed++;
            continue;
        }
        printf("%s: found by seed %d\n", at->name, WEXITSTATUS(status));
    }
    return missed;
}

/* -- all of it -------------------------------------------------------------- */

static uint64_t
number_of(char **argv, int argc, int at, uint64_t otherwise)
{
    return at < argc ? strtoull(argv[at], NULL, 10) : otherwise;
}

static struct range
range_of(const struct crash_driver *driver, int argc, char **argv)
{
    const bool is_one = argc > 2 && strcmp(argv[1], "--seed") == 0;
    const char *seconds = getenv("SEGLOG_CRASH_SECONDS");
    struct range range = {
        .first = number_of(argv, argc, is_one ? 2 : 1, 1),
        .steps = (size_t)number_of(argv, argc, 3, driver->steps),
        .is_going_on = argc > 4,
        .seconds = seconds ? strtod(seconds, NULL) : 0,
    };

    range.last = is_one ? range.first
                        : number_of(argv, argc, 2,
                                    argc > 1 ? range.first : driver->seeds);
    return range;
}

int
crash_driver_main(const struct crash_driver *driver, int argc, char **argv)
{
    const struct crash_clocks since = crash_clocks_now();
    struct crash_watch *watch = watch_new(driver->subject);
    struct range range = range_of(driver, argc, argv);
    bool wants_all = argc < 2;
    unsigned findings = 0;

    /* Whoever ends a long run sees what it has found. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    findings = seeds_run(driver, &range, watch);
    if (driver->seeds_whole > 0 &&
        range.last - range.first >= driver->seeds_whole - 1)
        wants_all = true;
    /* What was never looked at was not shown to hold; few seeds may not. */
    if (!crash_report(driver, watch, &since) && wants_all) {
        printf("a check never came to pass\n");
        findings++;
    }
    if (argc < 2)
        findings += seeds_differ(driver, range.steps) + flaws_missed(driver);
    printf("score: %s count=%llu findings=%u seeds=%llu-%llu\n", driver->name,
           (unsigned long long)watch->images, findings,
           (unsigned long long)range.first, (unsigned long long)range.last);
    watch_free(driver->subject, watch);
    return findings == 0 ? 0 : 1;
}
