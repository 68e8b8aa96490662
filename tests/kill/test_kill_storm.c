/* SPDX-License-Identifier: MIT */
/*
 * tests/kill/test_kill_storm.c
 *
 * Goal    processes that are killed at any moment lose nothing that they were
 *         told, leave nothing twice, and nothing that is in anybody's way.
 * Method  four processes do the work of tests/support/acked.h in one folder.
 *         One of them, or all, are killed by SIGKILL at a random time; half of
 *         them at a random call of the store (kill_store.h).  When all are
 *         dead, the folder is looked at and the next ones go on in it; when one
 *         is, the next one finds out for itself what its last step came to.
 *
 * Usage   test_kill_storm [KILLS [SEED]]
 */
#define _GNU_SOURCE /* usleep */

#include "tests/support/seglog_test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/kill/kill_store.h"
#include "tests/support/acked.h"

#define KILLS_DEFAULT 400u
/* So many do a bit of everything, whatever the machine is busy with. */
#define KILLS_WHOLE (10 * KILLS_DEFAULT)
#define LOOKS_MAX   40u /* in one folder */

struct storm {
    struct acked *acked;
    struct kill_plan *plans; /* one for each worker */
    char *dir;
    pid_t pids[ACKED_WORKERS];
    uint64_t seed;
    uint64_t kills;
    uint64_t at_points; /* of them */
    uint64_t lives;
    uint64_t looks;
    unsigned findings;
    uint64_t done[ACKED_OPS];
};

static struct seglog_store
wrap(struct seglog_store inner, void *plan)
{
    return kill_store_open(inner, plan);
}

static void
life_start(struct storm *storm, unsigned worker)
{
    const uint64_t seed = test_random(&storm->seed);
    const bool at_point = test_random(&storm->seed) % 2 == 0;
    struct kill_plan *plan = &storm->plans[worker];

    memset(plan, 0, sizeof *plan);
    atomic_store(&plan->point, KILL_POINTS);
    if (at_point) {
        atomic_store(&plan->point,
                     (unsigned)(test_random(&storm->seed) % KILL_POINTS));
        atomic_store(&plan->at, 1 + test_random(&storm->seed) % 12);
    }
    (void)fflush(NULL);
    storm->pids[worker] = fork();
    storm->lives++;
    if (storm->pids[worker] != 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    acked_work(storm->acked, worker, storm->dir, seed, UINT64_MAX, wrap, plan);
    _exit(0);
}

static void
life_note(struct storm *storm, unsigned worker, int status)
{
    storm->pids[worker] = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
        char text[64];

        (void)snprintf(text, sizeof text, "a worker died by signal %d",
                       WTERMSIG(status));
        (void)acked_expect(storm->acked, false, text, NULL);
    }
    storm->kills += WIFSIGNALED(status);
    storm->at_points +=
        WIFSIGNALED(status) &&
        atomic_load(&storm->plans[worker].point) < KILL_POINTS &&
        atomic_load(&storm->plans[worker]
                         .fired[atomic_load(&storm->plans[worker].point)]) > 0;
}

/* Those who died at their point are waited for; the others are killed. */
static void
life_stop(struct storm *storm, unsigned worker)
{
    int status = 0;

    if (storm->pids[worker] <= 0)
        return;
    (void)kill(storm->pids[worker], SIGKILL);
    if (waitpid(storm->pids[worker], &status, 0) == storm->pids[worker])
        life_note(storm, worker, status);
}

static void
dead_reap(struct storm *storm)
{
    for (unsigned i = 0; i < ACKED_WORKERS; i++) {
        int status = 0;

        if (storm->pids[i] > 0 &&
            waitpid(storm->pids[i], &status, WNOHANG) == storm->pids[i])
            life_note(storm, i, status);
    }
}

static bool
is_wrong(const struct storm *storm)
{
    return storm->acked->failure[0] != '\0';
}

/* All die at once, by their points or here; some before, and come again. */
static void
gust(struct storm *storm)
{
    const uint64_t singles = test_random(&storm->seed) % 6;

    for (unsigned i = 0; i < ACKED_WORKERS; i++)
        if (storm->pids[i] == 0)
            life_start(storm, i);
    for (uint64_t i = 0; i < singles && !is_wrong(storm); i++) {
        const unsigned worker =
            (unsigned)(test_random(&storm->seed) % ACKED_WORKERS);

        (void)usleep((useconds_t)(test_random(&storm->seed) % 3000));
        dead_reap(storm);
        life_stop(storm, worker);
        if (!is_wrong(storm) && !acked_is_full(storm->acked))
            life_start(storm, worker);
    }
    (void)usleep((useconds_t)(test_random(&storm->seed) % 4000));
    for (unsigned i = 0; i < ACKED_WORKERS; i++)
        life_stop(storm, i);
}

static void
finding_tell(struct storm *storm, uint64_t seed)
{
    storm->findings++;
    printf("FINDING seed %llu, folder %s%s: %s\n", (unsigned long long)seed,
           storm->dir, storm->acked->is_encrypted ? " (encrypted)" : "",
           storm->acked->failure);
}

/* Begins in a new folder and ends when it is full or long used. */
static void
folder_run(struct storm *storm, uint64_t kills)
{
    const uint64_t seed = storm->seed;
    bool is_right = true;

    storm->dir = test_dir_make();
    acked_begin(storm->acked, storm->dir, test_random(&storm->seed) % 3 == 0);
    for (unsigned i = 0; i < LOOKS_MAX && is_right && storm->kills < kills &&
                         !acked_is_full(storm->acked);
         i++) {
        gust(storm);
        storm->looks++;
        is_right = acked_look(storm->acked, storm->dir, false);
    }
    is_right = is_right && acked_tidy(storm->acked, storm->dir);
    for (unsigned op = 0; op < ACKED_OPS; op++)
        storm->done[op] += atomic_load(&storm->acked->done[op]);
    if (is_right) {
        test_dir_remove(storm->dir);
        return;
    }
    finding_tell(storm, seed);
    free(storm->dir);
}

static bool
every_op_was_done(const struct storm *storm)
{
    static const char *const names[ACKED_OPS] = {
        "append",         "group",        "buffered",     "cut",
        "reopen",         "repair",       "read",         "shared append",
        "seal",           "session",      "session many", "session cut",
        "session shared", "session fork", "session note", "session list",
        "session index",
    };
    bool is_done = true;

    for (unsigned op = 0; op < ACKED_OPS; op++) {
        printf("%s %llu%s", names[op], (unsigned long long)storm->done[op],
               op + 1 < ACKED_OPS ? ", " : "\n");
        is_done = is_done && storm->done[op] > 0;
    }
    return is_done;
}

static void *
shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

int
main(int argc, char **argv)
{
    const uint64_t kills =
        argc > 1 ? strtoull(argv[1], NULL, 10) : KILLS_DEFAULT;
    const uint64_t seed =
        argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    struct storm storm = { .seed = seed };
    const int64_t start_ms = test_now_ms();
    int64_t spent_ms = 0;

    storm.acked = acked_new();
    storm.plans = shared_memory(ACKED_WORKERS * sizeof *storm.plans);
    if (!storm.acked || !storm.plans)
        return 1;
    printf("seed %llu\n", (unsigned long long)seed);
    while (storm.kills < kills && storm.findings < 5)
        folder_run(&storm, kills);
    /* A storm that leaves something out proves less than it says. */
    if (!every_op_was_done(&storm) && kills >= KILLS_WHOLE) {
        printf("FINDING some kind of work was never done\n");
        storm.findings++;
    }
    spent_ms = test_now_ms() - start_ms;
    printf("%llu lives, %llu killed at a point of the store, %llu looks, "
           "%lld ms\n",
           (unsigned long long)storm.lives, (unsigned long long)storm.at_points,
           (unsigned long long)storm.looks, (long long)spent_ms);
    printf(
        "score: kill_storm count=%llu findings=%u seeds=%llu-%llu "
        "note=\"%llu kills a minute\"\n",
        (unsigned long long)storm.kills, storm.findings,
        (unsigned long long)seed, (unsigned long long)seed,
        (unsigned long long)(storm.kills * 60000 / (uint64_t)(spent_ms + 1)));
    acked_free(storm.acked);
    (void)munmap(storm.plans, ACKED_WORKERS * sizeof *storm.plans);
    return storm.findings != 0;
}
