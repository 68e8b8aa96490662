/* SPDX-License-Identifier: MIT */
/* tests/faults/play.c - the main function of the programs here. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "tests/faults/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/faults/scenes.h"
#include "tests/faults/sites.h"

static const struct scenario *const *const lists[] = {
    log_scenarios,       read_scenarios,    repair_scenarios,
    seal_scenarios,      session_scenarios, replay_scenarios,
    store_scenarios,     stream_scenarios,  backup_scenarios,
#ifdef SEGLOG_HAVE_LMDB
    canonical_scenarios,
#endif
};

struct wish {
    const char *scenario; /* NULL: all */
    const char *ground;
};

static double
seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool
is_played(const struct scenario *scenario, enum ground ground,
          enum source source)
{
    const unsigned flags = scenario->flags;

    if (flags & SCENE_NO_STORE)
        return source == FROM_ALLOCATIONS && ground == ON_MEMORY;
    if (flags & SCENE_BELOW)
        return ground == ON_DISK_ENCRYPTED || ground == ON_MEMORY_ENCRYPTED ||
               ground == ON_FILES;
    return !((flags & SCENE_NOT_DISK) &&
             (ground == ON_DISK || ground == ON_DISK_ENCRYPTED));
}

static void
list_play(struct runner *runner, const struct scenario *const *list,
          const struct play *play, const struct wish *wish)
{
    for (; *list; list++) {
        const double start = seconds_now();
        const uint64_t runs = runner->runs;

        if (wish->scenario && strcmp((*list)->name, wish->scenario) != 0)
            continue;
        if (!is_played(*list, play->ground, play->source))
            continue;
        runner_play(runner, *list, play->ground, play->source);
        if (wish->scenario || runner->is_all || seconds_now() - start > 2)
            printf("%-24s %-16s %7llu runs, %.1f s\n", (*list)->name,
                   ground_names[play->ground],
                   (unsigned long long)(runner->runs - runs),
                   seconds_now() - start);
    }
}

int
play_all(const char *name, int argc, char **argv, const struct play *plays,
         size_t count)
{
    static struct runner runner;
    struct wish wish = { NULL, NULL };
    const double start = seconds_now();
    int at = 1;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    runner_catch_signals();
    if (at < argc && strcmp(argv[at], "all") == 0) {
        runner.is_all = true;
        at++;
    }
    wish.scenario = at < argc ? argv[at++] : NULL;
    wish.ground = at < argc ? argv[at++] : NULL;
    runner.only_at = at < argc ? strtoull(argv[at], NULL, 10) : 0;
    runner.is_talking = runner.only_at != 0;
    for (size_t i = 0; i < count; i++) {
        if (wish.ground && strcmp(ground_names[plays[i].ground], wish.ground))
            continue;
        for (size_t j = 0; j < sizeof lists / sizeof lists[0]; j++)
            list_play(&runner, lists[j], &plays[i], &wish);
    }
    printf("%llu scenarios with %llu operations: %llu runs, in %llu a step "
           "failed, %llu images of power cuts, %.1f s\n",
           (unsigned long long)runner.scenarios,
           (unsigned long long)runner.operations,
           (unsigned long long)runner.runs,
           (unsigned long long)runner.failed_runs,
           (unsigned long long)runner.images, seconds_now() - start);
    return score_say(name, &runner, plays[0].source == FROM_ALLOCATIONS);
}
