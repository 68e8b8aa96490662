/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/test_stream.c
 *
 * Goal    whatever dies and whenever the power fails, what
 *         tests/crash/stream_world.h lists holds for streams.
 * Method  programs that follow from seeds, with images of a power cut before
 *         every step of the store that matters.  A violation prints its seed,
 *         the program made small, and the sectors.
 *
 *     test_stream [FIRST LAST [STEPS]]   these seeds; 1 to 5 of 40 steps, and
 *                                         disks that break promises are found
 *     test_stream FIRST LAST STEPS on    ... all of them, whatever they show
 *
 * SEGLOG_CRASH_SECONDS, where it is set, ends a run after so many seconds.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, fork */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/stream_world.h"

static void
program_make(struct stream_program *program, uint64_t seed, size_t count)
{
    uint64_t series = seed * 2 + 1;

    program->seed = seed;
    program->count = count < STREAM_STEPS_MAX ? count : STREAM_STEPS_MAX;
    for (size_t i = 0; i < program->count; i++) {
        const uint64_t bytes = stream_random(&series);

        memcpy(program->steps[i], &bytes, STREAM_STEP_BYTES);
    }
}

/* Leave out what is not needed, in ever smaller parts. */
static void
program_shrink(struct stream_program *program)
{
    static struct stream_watch watch;
    static struct stream_program less;

    for (size_t part = program->count / 2; part > 0;) {
        bool is_smaller = false;

        for (size_t at = 0; at + part <= program->count;) {
            less = *program;
            memmove(less.steps + at, less.steps + at + part,
                    (less.count - at - part) * sizeof *less.steps);
            less.count -= part;
            if (stream_program_run(&less, &watch)) {
                at += part;
                continue;
            }
            *program = less;
            is_smaller = true;
        }
        if (!is_smaller || part > program->count)
            part /= 2;
    }
}

static void
program_tell(struct stream_program *program, const struct stream_watch *first)
{
    static struct stream_watch watch;

    printf("seed %llu: %s", (unsigned long long)program->seed, first->message);
    program_shrink(program);
    watch.is_talking = true;
    printf("made small, %zu steps:\n", program->count);
    for (size_t i = 0; i < program->count; i++) {
        printf("  ");
        for (unsigned k = 0; k < STREAM_STEP_BYTES; k++)
            printf("%02x", program->steps[i][k]);
        printf("\n");
    }
    (void)stream_program_run(program, &watch);
    printf("%s", watch.message);
}

static double
seconds_now(void)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* All there is to say of what ran; false if a check never came to pass. */
static bool
report(const struct stream_watch *watch, double took)
{
    const double busy = (double)clock() / CLOCKS_PER_SEC;
    bool is_whole = true;

    printf("%llu images in %.1f s: %.0f a minute; %.1f s of a processor: %.0f "
           "a minute\n",
           (unsigned long long)watch->images, took,
           (double)watch->images / took * 60, busy,
           (double)watch->images / busy * 60);
    printf("%llu looks, %llu holes, overtaken %llu times\n",
           (unsigned long long)watch->looks, (unsigned long long)watch->holes,
           (unsigned long long)watch->overtaken);
    for (unsigned i = 0; i < STREAM_INVARIANTS; i++) {
        printf("  %-8s %llu\n", stream_invariant_names[i],
               (unsigned long long)watch->checks[i]);
        is_whole = is_whole && watch->checks[i] > 0;
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
seeds_run(struct range *range, struct stream_watch *watch)
{
    static struct stream_program program;
    const double start = seconds_now();
    unsigned findings = 0;

    for (uint64_t seed = range->first; seed <= range->last; seed++) {
        program_make(&program, seed, range->steps);
        if (!stream_program_run(&program, watch)) {
            findings++;
            if (!range->is_going_on)
                program_tell(&program, watch);
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

/* The seed that finds a disk of that flaw; 0: none does. */
static uint64_t
flaw_find(enum seglog_disk_flaw flaw)
{
    static struct stream_program program;
    static struct stream_watch watch;

    watch.flaws = flaw;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        program_make(&program, seed, 40);
        if (!stream_program_run(&program, &watch))
            return seed;
    }
    return 0;
}

/*
 * A driver that finds nothing must be able to find something.  In processes of
 * their own, because a violation leaves things behind.
 */
static unsigned
flaws_missed(void)
{
    static const struct {
        enum seglog_disk_flaw flaw;
        const char *name;
    } flaws[] = {
        { SEGLOG_DISK_SYNC_SKIPPED, "a sync that does nothing" },
    };
    unsigned missed = 0;

    for (size_t i = 0; i < sizeof flaws / sizeof flaws[0]; i++) {
        int status = 0;
        pid_t child = 0;

        (void)fflush(stdout);
        child = fork();
        if (child == 0)
            _exit((int)flaw_find(flaws[i].flaw));
        if (child < 0 || waitpid(child, &status, 0) != child ||
            !WIFEXITED(status) || WEXITSTATUS(status) == 0) {
            printf("%s: not found\n", flaws[i].name);
            missed++;
            continue;
        }
        printf("%s: found by seed %d\n", flaws[i].name, WEXITSTATUS(status));
    }
    return missed;
}

static uint64_t
number_of(char **argv, int argc, int at, uint64_t otherwise)
{
    return at < argc ? strtoull(argv[at], NULL, 10) : otherwise;
}

int
main(int argc, char **argv)
{
    const char *seconds = getenv("SEGLOG_CRASH_SECONDS");
    struct range range = {
        .first = number_of(argv, argc, 1, 1),
        .steps = (size_t)number_of(argv, argc, 3, 40),
        .is_going_on = argc > 4,
        .seconds = seconds ? strtod(seconds, NULL) : 0,
    };
    static struct stream_watch watch;
    const double start = seconds_now();
    unsigned findings = 0;

    range.last = number_of(argv, argc, 2, argc > 1 ? range.first : 5);
    /* Whoever ends a long run sees what it has found. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    findings = seeds_run(&range, &watch);
    /* What was never looked at was not shown to hold. */
    if (!report(&watch, seconds_now() - start) && argc < 2) {
        printf("a check never came to pass\n");
        findings++;
    }
    if (argc < 2)
        findings += flaws_missed();
    printf("score: crash_stream count=%llu findings=%u seeds=%llu-%llu\n",
           (unsigned long long)watch.images, findings,
           (unsigned long long)range.first, (unsigned long long)range.last);
    return findings == 0 ? 0 : 1;
}
