/* SPDX-License-Identifier: MIT */
/*
 * tests/kill/test_kill_points.c
 *
 * Goal    a process that dies before, half way through or after any call of
 *         its store has lost nothing that it was told, and left nothing that is
 *         in anybody's way.
 * Method  one process does all kinds of work of tests/support/acked.h; it dies
 *         the first time it passes a point, then the second, and so on; each
 *         time the folder is looked at, and the next one goes on in it.  A
 *         point that nobody ever dies at is a finding: it proves nothing.
 *
 * Usage   test_kill_points [TIMES [SEED]], where TIMES is how often each point
 *         is passed at most before somebody dies at it
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "tests/support/seglog_test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/kill/kill_store.h"
#include "tests/support/acked.h"

#define TIMES_DEFAULT 3u
#define LOOKS_MAX     60u /* in one folder */

struct tour {
    struct acked *acked;
    struct kill_plan *plan;
    char *dir; /* NULL: a new one is to be begun */
    unsigned looks;
    uint64_t seed;
    uint64_t kills;
    unsigned folders;
    unsigned findings;
};

static struct seglog_store
wrap(struct seglog_store inner, void *plan)
{
    return kill_store_open(inner, plan);
}

static void
finding_tell(struct tour *tour, const char *name, uint64_t at)
{
    tour->findings++;
    printf("FINDING %s, time %llu, folder %s%s: %s\n", name,
           (unsigned long long)at, tour->dir,
           tour->acked->is_encrypted ? " (encrypted)" : "",
           tour->acked->failure);
    free(tour->dir);
    tour->dir = NULL;
}

static void
folder_end(struct tour *tour, const char *name, uint64_t at)
{
    if (!tour->dir)
        return;
    if (!acked_tidy(tour->acked, tour->dir)) {
        finding_tell(tour, name, at);
        return;
    }
    test_dir_remove(tour->dir);
    tour->dir = NULL;
}

static void
folder_begin(struct tour *tour)
{
    if (tour->dir)
        return;
    tour->dir = test_dir_make();
    tour->looks = 0;
    acked_begin(tour->acked, tour->dir, tour->folders++ % 2 == 1);
}

/* False: it went through to its end. */
static bool
die_at(struct tour *tour, unsigned point, uint64_t at, const char *name)
{
    const unsigned worker = (unsigned)(at % ACKED_WORKERS);
    const uint64_t seed = test_random(&tour->seed);
    int status = 0;
    pid_t pid = 0;

    memset(tour->plan, 0, sizeof *tour->plan);
    atomic_store(&tour->plan->point, point);
    atomic_store(&tour->plan->at, at);
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        acked_work_all(tour->acked, worker, tour->dir, seed, wrap, tour->plan);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid)
        return false;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        (void)acked_expect(tour->acked, false, "died by another signal", NULL);
    tour->kills += WIFSIGNALED(status);
    tour->looks++;
    if (!acked_look(tour->acked, tour->dir, false))
        finding_tell(tour, name, at);
    else if (tour->looks >= LOOKS_MAX || acked_is_full(tour->acked))
        folder_end(tour, name, at);
    return WIFSIGNALED(status);
}

/* How often somebody died there. */
static uint64_t
point_tour(struct tour *tour, unsigned point, uint64_t times, const char *name)
{
    uint64_t deaths = 0;

    for (uint64_t at = 1; at <= times && tour->findings < 5; at++) {
        folder_begin(tour);
        if (die_at(tour, point, at, name))
            deaths++;
        /* A log that does not exist yet leaves work out: go by the first. */
        else if (at > 8)
            break;
    }
    return deaths;
}

int
main(int argc, char **argv)
{
    const uint64_t times =
        argc > 1 ? strtoull(argv[1], NULL, 10) : TIMES_DEFAULT;
    const uint64_t seed =
        argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    struct tour tour = { .seed = seed, .acked = acked_new() };
    unsigned hit = 0;
    void *plan = mmap(NULL, sizeof *tour.plan, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (!tour.acked || plan == MAP_FAILED)
        return 1;
    tour.plan = plan;
    printf("seed %llu\n", (unsigned long long)seed);
    for (unsigned point = 0; point < KILL_POINTS; point++) {
        char name[64];
        uint64_t deaths = 0;

        if (!kill_point_exists(point))
            continue;
        (void)kill_point_name(point, name, sizeof name);
        deaths = point_tour(&tour, point, times, name);
        printf("%-20s %llu\n", name, (unsigned long long)deaths);
        hit += deaths > 0;
        if (deaths == 0 && tour.findings < 5) {
            printf("FINDING nobody ever died at %s\n", name);
            tour.findings++;
        }
    }
    folder_end(&tour, "the end", 0);
    printf("score: kill_points count=%u findings=%u seeds=%llu-%llu "
           "note=\"%llu kills\"\n",
           hit, tour.findings, (unsigned long long)seed,
           (unsigned long long)seed, (unsigned long long)tour.kills);
    acked_free(tour.acked);
    (void)munmap(plan, sizeof *tour.plan);
    return tour.findings != 0;
}
