/* SPDX-License-Identifier: MIT */
/*
 * tests/kill/test_kill_consumer.c
 *
 * Goal    a consumer that is killed at any moment, while a producer commits and
 *         is killed as well, misses no event, is given none again that was
 *         acknowledged, and what it rejected is in its dead-letter lane, once.
 * Method  half of the kills come at a random call of the store, the others at a
 *         random time.  What was acknowledged, and what was about to be, stands
 *         in memory that outlives the killed: each life has to begin with one
 *         of the two, and to go on without a gap.
 *
 * Usage   test_kill_consumer [KILLS [SEED]]
 */
#define _GNU_SOURCE /* usleep */

#include "tests/support/seglog_test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seglog/canonical.h"
#include "src/canonical/trust.h"
#include "tests/kill/kill_store.h"

#define KILLS_DEFAULT 100u
#define LIVES_MAX     30u    /* of a consumer in one folder */
#define EVENTS_MAX    40000u /* in one folder */
#define NAME          "reader"
#define REJECT_EVERY  53u
#define WORKERS       2u

enum {
    PRODUCER,
    CONSUMER
};

struct shared {
    _Atomic uint64_t made;     /* id behind the last commit that returned */
    _Atomic uint64_t acked;    /* cursor when acknowledge had returned */
    _Atomic uint64_t acking;   /* cursor that was asked for last */
    _Atomic uint64_t given;    /* events, again and again ones included */
    _Atomic uint64_t repeated; /* of them, given before */
    _Atomic uint64_t most;     /* id behind the highest given */
    struct kill_plan plans[WORKERS];
    char failures[WORKERS][300];
};

struct storm {
    struct shared *shared;
    char *dir;
    char *log_dir;
    char *view_dir;
    struct seglog_canonical_options options;
    pid_t pids[WORKERS];
    uint64_t seed;
    uint64_t kills; /* of consumers */
    uint64_t producers;
    uint64_t events;
    uint64_t given;
    uint64_t repeated;
    uint64_t dead;
    unsigned findings;
};

static void
failure_put(struct storm *storm, unsigned worker, const char *what,
            uint64_t number, const char *more)
{
    if (storm->shared->failures[worker][0] == '\0')
        (void)snprintf(storm->shared->failures[worker],
                       sizeof storm->shared->failures[worker],
                       "%s: %s %llu: %s",
                       worker == PRODUCER ? "producer" : "consumer", what,
                       (unsigned long long)number, more);
}

/* -- both ------------------------------------------------------------------ */

/* What an event says depends on its id alone. */
static size_t
text_of(uint64_t id, char text[96])
{
    return (size_t)snprintf(text, 96, "event %llu%*s", (unsigned long long)id,
                            (int)(id * 7 % 60), "");
}

/* -- the producer ---------------------------------------------------------- */

static seglog_code
transaction_commit(struct storm *storm, struct seglog_canonical *canonical,
                   uint64_t *seed, struct seglog_error *err)
{
    const uint64_t count = test_random(seed) % 6;
    struct seglog_write_txn *txn = NULL;
    struct seglog_canonical_meta meta;
    struct seglog_commit_info info;
    uint64_t id = 0;
    char text[96];
    seglog_code code = seglog_write_txn_begin(canonical, &txn, err);

    if (code == SEGLOG_OK)
        code = seglog_write_txn_put(
            txn, (struct seglog_slice){ "key", 3 },
            (struct seglog_slice){ (const char *)seed, sizeof *seed }, err);
    /* Nobody else has a turn: what is next stays so. */
    if (code == SEGLOG_OK)
        code = seglog_canonical_get_meta(canonical, &meta, err);
    for (uint64_t i = 0; i < count && code == SEGLOG_OK; i++) {
        const size_t len = text_of(meta.next_event + i, text);

        code = seglog_write_txn_append_event(
            txn, (struct seglog_slice){ text, len }, &id, err);
        if (code == SEGLOG_OK && id != meta.next_event + i)
            failure_put(storm, PRODUCER, "event", id, "another id");
    }
    if (code != SEGLOG_OK) {
        seglog_write_txn_abort(txn);
        return code;
    }
    code =
        seglog_write_txn_commit(txn, test_random(seed) % 16 == 0, &info, err);
    if (code == SEGLOG_OK && info.events > 0)
        atomic_store(&storm->shared->made, info.last_event + 1);
    return code;
}

static seglog_code
produce(struct storm *storm, struct seglog_canonical *canonical, uint64_t seed,
        struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    while (code == SEGLOG_OK &&
           atomic_load(&storm->shared->made) < EVENTS_MAX) {
        code = transaction_commit(storm, canonical, &seed, err);
        if (test_random(&seed) % 4 == 0)
            (void)usleep((useconds_t)(test_random(&seed) % 2000));
    }
    while (code == SEGLOG_OK)
        (void)pause();
    return code;
}

/* -- the consumer ---------------------------------------------------------- */

/* False: it was not what had to come. */
static bool
event_check(struct storm *storm, const struct seglog_canonical_event *event,
            uint64_t expected)
{
    struct shared *shared = storm->shared;
    char text[96];
    const size_t len = text_of(event->id, text);

    if (event->id != expected) {
        failure_put(storm, CONSUMER, "given out of order, event", event->id,
                    event->id > expected ? "some are missing" : "again");
        return false;
    }
    if (event->data.len != len || memcmp(event->data.data, text, len) != 0) {
        failure_put(storm, CONSUMER, "event", event->id, "it is another one");
        return false;
    }
    atomic_fetch_add(&shared->given, 1);
    if (event->id < atomic_load(&shared->most))
        atomic_fetch_add(&shared->repeated, 1);
    else
        atomic_store(&shared->most, event->id + 1);
    return true;
}

static seglog_code
event_settle(struct storm *storm, struct seglog_consumer *consumer, uint64_t id,
             uint64_t *seed, struct seglog_error *err)
{
    struct shared *shared = storm->shared;
    seglog_code code = SEGLOG_OK;

    if (id % REJECT_EVERY != 0 && test_random(seed) % 8 != 0)
        return SEGLOG_OK;
    atomic_store(&shared->acking, id + 1);
    code = id % REJECT_EVERY == 0
               ? seglog_consumer_reject(consumer, id, "every so often", err)
               : seglog_consumer_acknowledge(consumer, id,
                                             test_random(seed) % 8 == 0, err);
    if (code == SEGLOG_OK)
        atomic_store(&shared->acked, id + 1);
    return code;
}

/* is_last: all that there are, and then it ends. */
static seglog_code
consume(struct storm *storm, struct seglog_canonical *canonical, uint64_t seed,
        bool is_last, struct seglog_error *err)
{
    struct shared *shared = storm->shared;
    struct seglog_canonical_event event;
    struct seglog_consumer *consumer = NULL;
    uint64_t expected = UINT64_MAX;
    seglog_code code = seglog_consumer_open(canonical, NAME, 0, &consumer, err);

    while (code == SEGLOG_OK) {
        code = seglog_consumer_next(consumer, is_last ? 0 : 50, &event, err);
        if (code == SEGLOG_END && !is_last) {
            code = SEGLOG_OK;
            continue;
        }
        if (code != SEGLOG_OK)
            break;
        /* Killed while it acknowledged, it was done or not. */
        if (expected == UINT64_MAX && event.id == atomic_load(&shared->acking))
            atomic_store(&shared->acked, event.id);
        if (expected == UINT64_MAX)
            expected = atomic_load(&shared->acked);
        if (!event_check(storm, &event, expected++))
            break;
        code = event_settle(storm, consumer, event.id, &seed, err);
    }
    seglog_consumer_close(consumer);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* -- lives ----------------------------------------------------------------- */

static void
live(struct storm *storm, unsigned worker, uint64_t seed)
{
    struct seglog_canonical *canonical = NULL;
    struct seglog_store inner = { 0 };
    struct seglog_store store = { 0 };
    struct seglog_error err = { 0 };
    seglog_code code =
        seglog_store_file_open(storm->log_dir, true, &inner, &err);

    if (code == SEGLOG_OK) {
        store = kill_store_open(inner, &storm->shared->plans[worker]);
        code = seglog_canonical_open(store, &storm->options, &canonical, &err);
    }
    if (code == SEGLOG_OK)
        code = worker == PRODUCER
                   ? produce(storm, canonical, seed, &err)
                   : consume(storm, canonical, seed, false, &err);
    if (code != SEGLOG_OK)
        failure_put(storm, worker, "was told", code, err.message);
}

static void
life_start(struct storm *storm, unsigned worker)
{
    const uint64_t seed = test_random(&storm->seed);
    struct kill_plan *plan = &storm->shared->plans[worker];

    memset(plan, 0, sizeof *plan);
    atomic_store(&plan->point, KILL_POINTS);
    if (test_random(&storm->seed) % 2 == 0) {
        atomic_store(&plan->point,
                     (unsigned)(test_random(&storm->seed) % KILL_POINTS));
        atomic_store(&plan->at, 1 + test_random(&storm->seed) % 40);
    }
    (void)fflush(NULL);
    storm->pids[worker] = fork();
    if (storm->pids[worker] != 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    live(storm, worker, seed);
    _exit(0);
}

/* True: it was killed. */
static bool
life_stop(struct storm *storm, unsigned worker)
{
    int status = 0;
    bool is_killed = false;

    if (storm->pids[worker] <= 0)
        return false;
    (void)kill(storm->pids[worker], SIGKILL);
    if (waitpid(storm->pids[worker], &status, 0) == storm->pids[worker])
        is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (WIFSIGNALED(status) && !is_killed)
        failure_put(storm, worker, "died by signal", (uint64_t)WTERMSIG(status),
                    "");
    storm->pids[worker] = 0;
    return is_killed;
}

static bool
has_failed(const struct storm *storm)
{
    return storm->shared->failures[PRODUCER][0] != '\0' ||
           storm->shared->failures[CONSUMER][0] != '\0';
}

/* -- looking --------------------------------------------------------------- */

static seglog_code
letter_count(void *arg, const struct seglog_dead_letter *letter,
             struct seglog_error *err)
{
    uint64_t *dead = arg;
    char text[96];
    const size_t len = text_of(letter->id, text);

    (void)err;
    if (letter->id != *dead * REJECT_EVERY || letter->data.len != len ||
        memcmp(letter->data.data, text, len) != 0)
        return SEGLOG_CORRUPT;
    ++*dead;
    return SEGLOG_OK;
}

/* All is given in the end, and the lane has what was rejected. */
static seglog_code
rest_look(struct storm *storm, struct seglog_canonical *canonical,
          struct seglog_error *err)
{
    struct shared *shared = storm->shared;
    struct seglog_consumer *consumer = NULL;
    struct seglog_canonical_meta meta;
    uint64_t dead = 0;
    seglog_code code = consume(storm, canonical, storm->seed, true, err);

    if (code == SEGLOG_OK)
        code = seglog_canonical_get_meta(canonical, &meta, err);
    if (code == SEGLOG_OK)
        code = seglog_consumer_open(canonical, NAME, 0, &consumer, err);
    if (code == SEGLOG_OK)
        code = seglog_consumer_list_dead(consumer, letter_count, &dead, err);
    seglog_consumer_close(consumer);
    if (code != SEGLOG_OK)
        return code;
    if (meta.next_event < atomic_load(&shared->made) ||
        atomic_load(&shared->most) != meta.next_event)
        failure_put(storm, CONSUMER, "there are events up to", meta.next_event,
                    "not all were given, or some are gone");
    if (dead != (meta.next_event + REJECT_EVERY - 1) / REJECT_EVERY)
        failure_put(storm, CONSUMER, "dead letters", dead, "too few");
    storm->events += meta.next_event;
    storm->dead += dead;
    return SEGLOG_OK;
}

/* Once with the view as it was left, and once with another one. */
static void
folder_look(struct storm *storm)
{
    struct seglog_canonical *canonical = NULL;
    struct seglog_store store = { 0 };
    struct seglog_error err = { 0 };

    if (test_random(&storm->seed) % 2 == 0)
        slg_trust_remove_all(storm->view_dir);
    seglog_code code =
        seglog_store_file_open(storm->log_dir, true, &store, &err);

    if (code == SEGLOG_OK)
        code = seglog_canonical_open(store, &storm->options, &canonical, &err);
    if (code == SEGLOG_OK)
        code = rest_look(storm, canonical, &err);
    if (code != SEGLOG_OK)
        failure_put(storm, CONSUMER, "the last one was told", code,
                    err.message);
    (void)seglog_canonical_close(canonical, NULL);
    seglog_store_close(&store);
}

/* -- folders --------------------------------------------------------------- */

/* Most are to have done something, however slow the machine is. */
static void
events_await(const struct storm *storm)
{
    const uint64_t before = atomic_load(&storm->shared->given);
    const int64_t start = test_now_ms();
    siginfo_t info = { .si_pid = 0 };

    while (atomic_load(&storm->shared->given) == before &&
           test_now_ms() - start < 500 && info.si_pid == 0 &&
           waitid(P_PID, (id_t)storm->pids[CONSUMER], &info,
                  WEXITED | WNOHANG | WNOWAIT) == 0)
        (void)usleep(200);
}

static void
lives_run(struct storm *storm, uint64_t kills)
{
    life_start(storm, PRODUCER);
    for (unsigned i = 0;
         i < LIVES_MAX && storm->kills < kills && !has_failed(storm); i++) {
        life_start(storm, CONSUMER);
        if (test_random(&storm->seed) % 4 != 0)
            events_await(storm);
        (void)usleep((useconds_t)(test_random(&storm->seed) % 30000));
        if (test_random(&storm->seed) % 4 == 0) {
            storm->producers += life_stop(storm, PRODUCER);
            life_start(storm, PRODUCER);
            (void)usleep((useconds_t)(test_random(&storm->seed) % 10000));
        }
        storm->kills += life_stop(storm, CONSUMER);
    }
    storm->producers += life_stop(storm, PRODUCER);
}

static void
folder_run(struct storm *storm, uint64_t kills)
{
    static const uint64_t limits[] = { 1, 3000, 60000, 1 << 20 };
    const uint64_t seed = storm->seed;
    struct shared *shared = storm->shared;

    memset(shared, 0, sizeof *shared);
    storm->dir = test_dir_make();
    storm->log_dir = test_path(storm->dir, "log");
    storm->view_dir = test_path(storm->dir, "view");
    storm->options = (struct seglog_canonical_options){
        .size = sizeof storm->options,
        .view_dir = storm->view_dir,
        .segment_bytes = limits[test_random(&storm->seed) % COUNT_OF(limits)],
    };
    lives_run(storm, kills);
    if (!has_failed(storm))
        folder_look(storm);
    storm->given += atomic_load(&shared->given);
    storm->repeated += atomic_load(&shared->repeated);
    free(storm->view_dir);
    free(storm->log_dir);
    if (!has_failed(storm)) {
        test_dir_remove(storm->dir);
        return;
    }
    storm->findings++;
    printf("FINDING seed %llu, folder %s: %s %s\n", (unsigned long long)seed,
           storm->dir, shared->failures[PRODUCER], shared->failures[CONSUMER]);
    free(storm->dir);
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

#ifndef SEGLOG_HAVE_LMDB
    return 77; /* to ctest: skipped */
#endif
    storm.shared = mmap(NULL, sizeof *storm.shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (storm.shared == MAP_FAILED)
        return 1;
    printf("seed %llu\n", (unsigned long long)seed);
    while (storm.kills < kills && storm.findings < 5)
        folder_run(&storm, kills);
    printf("%llu events, given %llu times, %llu of them again; %llu dead "
           "letters; %llu producers killed; %lld ms\n",
           (unsigned long long)storm.events, (unsigned long long)storm.given,
           (unsigned long long)storm.repeated, (unsigned long long)storm.dead,
           (unsigned long long)storm.producers,
           (long long)(test_now_ms() - start_ms));
    printf("score: kill_consumer count=%llu findings=%u seeds=%llu-%llu\n",
           (unsigned long long)storm.kills, storm.findings,
           (unsigned long long)seed, (unsigned long long)seed);
    (void)munmap(storm.shared, sizeof *storm.shared);
    return storm.findings != 0;
}
