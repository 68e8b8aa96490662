/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/test_segment.c
 *
 * Goal    whatever dies and whenever the power fails, what tests/crash/history.h
 *         lists holds.
 * Method  programs that follow from seeds, with images of a power cut before
 *         every step of the store that matters.  A violation prints its seed,
 *         the program made small, and the sectors.
 *
 *     test_segment FIRST LAST [STEPS]    these seeds
 *     test_segment FIRST LAST STEPS on   ... all of them, whatever they show
 *     test_segment --seed SEED [STEPS]   one, to see again what it shows
 *     test_segment all [STEPS]           all programs of up to 3 operations
 *     test_segment                       a little of both
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, fork */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/codec/zrun.h"
#include "src/crypt/primitives.h"
#include "tests/crash/history.h"
#include "tests/crash/small_programs.h"

#define STEPS_MAX 1000u

struct program {
    uint64_t seed;
    uint64_t steps[STEPS_MAX];
    size_t count;
};

static void
program_make(struct program *program, uint64_t seed, size_t count)
{
    uint64_t series = seed * 2 + 1;

    program->seed = seed;
    program->count = count;
    for (size_t i = 0; i < count; i++)
        program->steps[i] = random_next(&series);
}

/* False: it was violated, and the watch says how. */
static bool
program_run(const struct program *program, struct watch *watch)
{
    static struct history history;

    watch->images_max = watch->images + 20000;
    if (setjmp(watch->violated) != 0)
        return false;
    history_start(&history, watch, program->seed);
    history.images_every = 2;
    for (size_t i = 0; i < program->count && !history.is_over; i++)
        history_step(&history, program->steps[i]);
    history_end(&history);
    return true;
}

/* Leave out what is not needed, in ever smaller parts. */
static void
program_shrink(struct program *program)
{
    static struct watch watch;

    for (size_t part = program->count / 2; part > 0;) {
        bool is_smaller = false;

        for (size_t at = 0; at + part <= program->count;) {
            struct program less = *program;

            memmove(less.steps + at, less.steps + at + part,
                    (less.count - at - part) * sizeof *less.steps);
            less.count -= part;
            if (program_run(&less, &watch)) {
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
program_tell(struct program *program, const struct watch *first)
{
    static struct watch watch;

    printf("seed %llu: %s", (unsigned long long)program->seed, first->message);
    program_shrink(program);
    watch.is_talking = true;
    printf("made small, %zu steps:\n", program->count);
    (void)program_run(program, &watch);
    printf("%s", watch.message);
}

struct clocks {
    double wall;
    double cpu;
};

static double
seconds_of(clockid_t clock)
{
    struct timespec now = { 0 };

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct clocks
clocks_now(void)
{
    return (struct clocks){ .wall = seconds_of(CLOCK_MONOTONIC),
                            .cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) };
}

/* Of short programs some come into play only by chance. */
static bool
invariant_applies(enum invariant invariant, bool is_all)
{
    switch (invariant) {
    case I9:
        return !is_all && slg_crypt_is_available();
    case SEAL:
        return !is_all && slg_zrun_is_there();
    case I12:
    case I13:
    case CHAIN:
        return !is_all;
    default:
        return true;
    }
}

/* All there is to say of what ran; false if a check never came to pass. */
static bool
report(const struct watch *watch, const struct clocks *since, bool is_all)
{
    const struct clocks now = clocks_now();
    const double took = now.wall - since->wall;
    const double busy = now.cpu - since->cpu;
    bool is_whole = true;

    printf("%llu images in %.1f s: %.0f a minute, %.0f a minute of a core\n",
           (unsigned long long)watch->images, took,
           (double)watch->images / took * 60,
           (double)watch->images / busy * 60);
    for (unsigned i = 0; i < INVARIANTS; i++) {
        const bool is_missing =
            watch->checks[i] == 0 && invariant_applies(i, is_all);

        printf("  %-8s %llu%s\n", invariant_names[i],
               (unsigned long long)watch->checks[i],
               is_missing ? ", never looked at" : "");
        is_whole = is_whole && !is_missing;
    }
    return is_whole;
}

/* is_going_on: violations are listed, not told, and the seeds go on.  Returns
 * how many there are. */
static uint64_t
seeds_run(uint64_t first, uint64_t last, size_t steps, bool is_going_on,
          struct watch *watch)
{
    static struct program program;
    uint64_t findings = 0;

    printf("seeds %llu to %llu, %zu steps each\n", (unsigned long long)first,
           (unsigned long long)last, steps);
    for (uint64_t seed = first; seed <= last; seed++) {
        program_make(&program, seed, steps < STEPS_MAX ? steps : STEPS_MAX);
        if (program_run(&program, watch))
            continue;
        findings++;
        if (!is_going_on) {
            program_tell(&program, watch);
            break;
        }
        printf("seed %llu: %.*s\n", (unsigned long long)seed,
               (int)strcspn(watch->message, "\n"), watch->message);
    }
    return findings;
}

static bool
all_of_length(unsigned steps, struct watch *watch)
{
    struct small_counts counts = { 0 };
    const bool is_ok = small_programs_run(steps, watch, &counts);

    printf("all programs of %u steps: %llu programs, %llu cuts, %llu images, "
           "%llu cuts left out\n",
           steps, (unsigned long long)counts.programs,
           (unsigned long long)counts.cuts, (unsigned long long)counts.images,
           (unsigned long long)counts.too_many);
    return is_ok;
}

/* The seed that finds a disk of that flaw; 0: none does. */
static uint64_t
flaw_find(enum seglog_disk_flaw flaw)
{
    static struct program program;
    static struct watch watch;

    watch.flaws = flaw;
    for (uint64_t seed = 1; seed <= 250; seed++) {
        program_make(&program, seed, 100);
        if (!program_run(&program, &watch))
            return seed;
    }
    return 0;
}

/*
 * A driver that finds nothing must be able to find something.  In processes of
 * their own, because a violation leaves things behind.
 */
static bool
flaws_are_found(void)
{
    static const struct {
        enum seglog_disk_flaw flaw;
        const char *name;
    } flaws[] = {
        { SEGLOG_DISK_SYNC_SKIPPED, "a sync that does nothing" },
        { SEGLOG_DISK_CREATE_UNSYNCED, "a new name that is not synced" },
        { SEGLOG_DISK_REPLACE_UNSYNCED, "a replacement that is not synced" },
    };
    bool is_ok = true;

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
            is_ok = false;
            continue;
        }
        printf("%s: found by seed %d\n", flaws[i].name, WEXITSTATUS(status));
    }
    return is_ok;
}

static uint64_t
number_of(char **argv, int argc, int at, uint64_t otherwise)
{
    return at < argc ? strtoull(argv[at], NULL, 10) : otherwise;
}

/* All short programs; false: something does not hold, or was not looked at. */
static bool
all_run(uint64_t steps_max)
{
    static struct watch watch;
    const struct clocks since = clocks_now();
    bool is_ok = true;

    watch.is_plain = true;
    for (unsigned steps = 1; steps <= steps_max && is_ok; steps++)
        is_ok = all_of_length(steps, &watch);
    is_ok = report(&watch, &since, true) && is_ok;
    printf("score: crash_all_programs count=%llu findings=%d\n",
           (unsigned long long)watch.images, !is_ok);
    return is_ok;
}

static bool
some_run(uint64_t first, uint64_t last, size_t steps, bool is_going_on,
         bool is_test)
{
    static struct watch watch;
    const struct clocks since = clocks_now();
    uint64_t findings = seeds_run(first, last, steps, is_going_on, &watch);

    /* What was never looked at was not shown to hold; few seeds may not. */
    if (!report(&watch, &since, false) && last - first >= 99)
        findings++;
    if (is_test && !flaws_are_found())
        findings++;
    printf("score: crash_segment count=%llu findings=%llu seeds=%llu-%llu\n",
           (unsigned long long)watch.images, (unsigned long long)findings,
           (unsigned long long)first, (unsigned long long)last);
    return findings == 0;
}

int
main(int argc, char **argv)
{
    const bool is_one = argc > 2 && strcmp(argv[1], "--seed") == 0;
    const uint64_t first = number_of(argv, argc, is_one ? 2 : 1, 1);
    const uint64_t last =
        is_one ? first : number_of(argv, argc, 2, argc > 1 ? first : 400);
    bool is_ok = true;

    /* Whoever ends a long run sees what it has found. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "all") == 0) {
        const uint64_t steps = number_of(argv, argc, 2, 3);

        return all_run(steps < SMALL_STEPS_MAX ? steps : SMALL_STEPS_MAX) ? 0
                                                                          : 1;
    }
    if (argc == 1)
        is_ok = all_run(2);
    is_ok = some_run(first, last, number_of(argv, argc, 3, 100), argc > 4,
                     argc == 1) &&
            is_ok;
    return is_ok ? 0 : 1;
}
