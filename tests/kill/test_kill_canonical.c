/* SPDX-License-Identifier: MIT */
/*
 * tests/kill/test_kill_canonical.c
 *
 * Goal    three processes that commit to the same canonical store, and are
 *         killed at any moment, also within LMDB's commit, leave what they were
 *         told is committed, each transaction whole or not there: state, events
 *         and a view that is built anew say the same.
 * Method  a worker counts: each transaction puts its next number under its own
 *         key and appends an event that says it; some are aborted, some synced,
 *         some batches.  What it has begun, and what it was told, is in memory
 *         that outlives it.  It is killed at a random time and starts again
 *         beside the others; now and then all are killed, and all is looked at.
 *
 * Usage   test_kill_canonical [KILLS [SEED]]
 */
#define _GNU_SOURCE /* usleep, MAP_ANONYMOUS */

#include "tests/support/seglog_test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seglog/canonical.h"

#define KILLS_DEFAULT 150u
#define WORKERS       3u
#define LOOK_EVERY    12u
#define COUNT_MAX     6000u /* of one worker in one folder */

struct worker {
    _Atomic uint32_t begun;
    _Atomic uint32_t told;
    char failure[400];
};

struct storm {
    struct worker *workers; /* shared */
    char *dir;
    char *log;
    char *view;
    pid_t pids[WORKERS];
    uint64_t seed;
    uint64_t kills;
    uint64_t looks;
    uint64_t transactions;
    unsigned findings;
};

/* -- a worker -------------------------------------------------------------- */

_Noreturn static void
worker_fail(struct worker *worker, const char *what,
            const struct seglog_error *err)
{
    (void)snprintf(worker->failure, sizeof worker->failure, "%s: %s: %s", what,
                   seglog_code_name(err->code), err->message);
    _exit(1);
}

static struct seglog_slice
key_of(unsigned number, char text[16])
{
    return (struct seglog_slice){ text, (size_t)snprintf(text, 16, "worker %u",
                                                         number) };
}

static uint32_t
number_of(struct seglog_slice value)
{
    char text[16] = "";

    memcpy(text, value.data, value.len < 15 ? value.len : 15);
    return (uint32_t)strtoul(text, NULL, 10);
}

static seglog_code
commit_txn(struct seglog_canonical *canonical, struct seglog_slice key,
           struct seglog_slice value, struct seglog_slice event, uint64_t how,
           struct seglog_error *err)
{
    struct seglog_write_txn *txn = NULL;
    seglog_code code = seglog_write_txn_begin(canonical, &txn, err);

    if (code == SEGLOG_OK)
        code = seglog_write_txn_put(txn, key, value, err);
    if (code == SEGLOG_OK)
        code = seglog_write_txn_append_event(txn, event, NULL, err);
    if (code == SEGLOG_OK && how % 8 == 0) {
        seglog_write_txn_abort(txn);
        code = seglog_write_txn_begin(canonical, &txn, err);
        if (code == SEGLOG_OK)
            code = seglog_write_txn_put(txn, key, value, err);
        if (code == SEGLOG_OK)
            code = seglog_write_txn_append_event(txn, event, NULL, err);
    }
    return code == SEGLOG_OK
               ? seglog_write_txn_commit(txn, how % 16 == 1, NULL, err)
               : code;
}

static seglog_code
commit_batch(struct seglog_canonical *canonical, struct seglog_slice key,
             struct seglog_slice value, struct seglog_slice event,
             struct seglog_error *err)
{
    struct seglog_write_batch *batch = NULL;
    seglog_code code = seglog_write_batch_new(canonical, &batch, err);

    if (code == SEGLOG_OK)
        code = seglog_write_batch_put(batch, key, value, err);
    if (code == SEGLOG_OK)
        code = seglog_write_batch_append_event(batch, event, err);
    if (code == SEGLOG_OK)
        code = seglog_write_batch_commit(batch, false, NULL, err);
    seglog_write_batch_free(batch);
    return code;
}

static seglog_code
store_open(const struct storm *storm, bool is_view_own,
           struct seglog_store *store, struct seglog_canonical **canonical,
           struct seglog_error *err)
{
    const struct seglog_canonical_options options = {
        .size = sizeof options,
        .lock_timeout_ms = 60000,
        .view_dir = is_view_own ? NULL : storm->view,
        .view_bytes_max = UINT64_C(64) << 20,
        .segment_bytes = 20000,
    };
    seglog_code code = seglog_store_file_open(storm->log, true, store, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_canonical_open(*store, &options, canonical, err);
    if (code != SEGLOG_OK)
        seglog_store_close(store);
    return code;
}

/* What its key says: what it was told, or one that was under way. */
static uint32_t
count_read(struct worker *worker, unsigned number,
           struct seglog_canonical *canonical)
{
    struct seglog_read_txn *txn = NULL;
    struct seglog_slice value;
    struct seglog_error err = { .message = "not what it was told" };
    uint32_t count = 0;
    char text[16];

    if (seglog_read_txn_begin(canonical, &txn, &err) != SEGLOG_OK)
        worker_fail(worker, "read", &err);
    if (seglog_read_txn_get(txn, key_of(number, text), &value, &err) ==
        SEGLOG_OK)
        count = number_of(value);
    seglog_read_txn_end(txn);
    if (count != worker->told && count != worker->begun)
        worker_fail(worker, "its count", &err);
    return count;
}

_Noreturn static void
work(const struct storm *storm, unsigned number, uint64_t seed)
{
    struct worker *worker = &storm->workers[number];
    struct seglog_canonical *canonical = NULL;
    struct seglog_store store;
    struct seglog_error err = { 0 };
    char key_text[16];
    const struct seglog_slice key = key_of(number, key_text);
    uint32_t count = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (store_open(storm, false, &store, &canonical, &err) != SEGLOG_OK)
        worker_fail(worker, "open", &err);
    count = count_read(worker, number, canonical);
    worker->told = count;
    while (count < COUNT_MAX) {
        const uint64_t how = test_random(&seed);
        char value_text[600];
        char event_text[40];
        struct seglog_slice value = { value_text, 0 };
        struct seglog_slice event = { event_text, 0 };
        seglog_code code = SEGLOG_OK;

        count++;
        value.len =
            (size_t)snprintf(value_text, sizeof value_text, "%u %*s",
                             (unsigned)count, (int)(how >> 8 & 0x1FF), "");
        event.len = (size_t)snprintf(event_text, sizeof event_text, "%u:%u",
                                     number, (unsigned)count);
        worker->begun = count;
        code = how % 4 == 3
                   ? commit_batch(canonical, key, value, event, &err)
                   : commit_txn(canonical, key, value, event, how, &err);
        if (code != SEGLOG_OK)
            worker_fail(worker, "commit", &err);
        worker->told = count;
    }
    _exit(0);
}

/* -- the look -------------------------------------------------------------- */

static void
finding(struct storm *storm, const char *what, const char *detail)
{
    storm->findings++;
    printf("seed %llu, kill %llu: %s: %s\n", (unsigned long long)storm->seed,
           (unsigned long long)storm->kills, what, detail);
}

/* Each worker's events count up from 1, to what its key says. */
static bool
events_are_right(struct seglog_canonical *canonical,
                 const uint32_t counts[WORKERS], uint64_t *events)
{
    uint32_t seen[WORKERS] = { 0 };
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    seglog_code code = SEGLOG_OK;
    bool is_right = true;

    *events = 0;
    if (seglog_event_iter_open(canonical, 0, SEGLOG_EVENT_END, &iter, NULL) !=
        SEGLOG_OK)
        return false;
    while (is_right &&
           (code = seglog_event_iter_next(iter, &event, NULL)) == SEGLOG_OK) {
        const unsigned number = (unsigned)(event.data.data[0] - '0');
        const struct seglog_slice rest = { event.data.data + 2,
                                           event.data.len - 2 };

        is_right = event.id == (*events)++ && number < WORKERS &&
                   number_of(rest) == ++seen[number];
    }
    seglog_event_iter_close(iter);
    return is_right && code == SEGLOG_END &&
           memcmp(seen, counts, sizeof seen) == 0;
}

static void
look(struct storm *storm, bool is_view_own)
{
    struct seglog_canonical *canonical = NULL;
    struct seglog_canonical_meta meta;
    struct seglog_read_txn *txn = NULL;
    struct seglog_store store;
    struct seglog_error err = { 0 };
    uint32_t counts[WORKERS] = { 0 };
    uint64_t events = 0;

    storm->looks++;
    if (store_open(storm, is_view_own, &store, &canonical, &err) != SEGLOG_OK) {
        finding(storm, "open", err.message);
        return;
    }
    if (seglog_read_txn_begin(canonical, &txn, &err) != SEGLOG_OK)
        finding(storm, "read", err.message);
    for (unsigned i = 0; txn && i < WORKERS; i++) {
        const struct worker *worker = &storm->workers[i];
        struct seglog_slice value;
        char text[16];

        if (seglog_read_txn_get(txn, key_of(i, text), &value, NULL) ==
            SEGLOG_OK)
            counts[i] = number_of(value);
        if (counts[i] != worker->told && counts[i] != worker->begun)
            finding(storm, "state", "not what was told");
    }
    seglog_read_txn_end(txn);
    if (!events_are_right(canonical, counts, &events))
        finding(storm, "events", "not what the state says");
    if (seglog_canonical_get_meta(canonical, &meta, &err) != SEGLOG_OK ||
        meta.next_event != events || meta.position != events + 1)
        finding(storm, "meta", "not what there is");
    storm->transactions = events;
    if (seglog_canonical_close(canonical, &err) != SEGLOG_OK)
        finding(storm, "close", err.message);
    seglog_store_close(&store);
}

/* -- the storm ------------------------------------------------------------- */

static void
worker_start(struct storm *storm, unsigned number)
{
    const uint64_t seed = test_random(&storm->seed);
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        work(storm, number, seed);
    storm->pids[number] = pid;
}

static void
worker_kill(struct storm *storm, unsigned number)
{
    int status = 0;

    (void)kill(storm->pids[number], SIGKILL);
    assert_int_equal(waitpid(storm->pids[number], &status, 0),
                     storm->pids[number]);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        finding(storm, "a worker", storm->workers[number].failure);
    else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        finding(storm, "a worker", strsignal(WTERMSIG(status)));
    storm->kills++;
}

static void
storm_run(struct storm *storm, uint64_t kills)
{
    for (unsigned i = 0; i < WORKERS; i++)
        worker_start(storm, i);
    while (storm->kills < kills && storm->findings == 0) {
        const unsigned number = (unsigned)(test_random(&storm->seed) % WORKERS);
        const bool is_look = test_random(&storm->seed) % LOOK_EVERY == 0;

        (void)usleep((useconds_t)(test_random(&storm->seed) % 20000));
        if (!is_look) {
            worker_kill(storm, number);
            worker_start(storm, number);
            continue;
        }
        for (unsigned i = 0; i < WORKERS; i++)
            worker_kill(storm, i);
        look(storm, true);
        look(storm, false);
        for (unsigned i = 0; i < WORKERS; i++)
            worker_start(storm, i);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        worker_kill(storm, i);
    look(storm, true);
    look(storm, false);
}

int
main(int argc, char **argv)
{
    const uint64_t kills =
        argc > 1 ? strtoull(argv[1], NULL, 10) : KILLS_DEFAULT;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct storm storm = { .dir = test_dir_make(), .seed = seed };

    storm.log = test_path(storm.dir, "log");
    storm.view = test_path(storm.dir, "view");
    storm.workers =
        mmap(NULL, WORKERS * sizeof *storm.workers, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(storm.workers != MAP_FAILED);
    storm_run(&storm, kills);
    printf("%llu kills, %llu looks, %llu transactions\n",
           (unsigned long long)storm.kills, (unsigned long long)storm.looks,
           (unsigned long long)storm.transactions);
    printf("score: kill_canonical count=%llu findings=%u seeds=%llu-%llu\n",
           (unsigned long long)storm.kills, storm.findings,
           (unsigned long long)seed, (unsigned long long)seed);
    (void)munmap(storm.workers, WORKERS * sizeof *storm.workers);
    free(storm.log);
    free(storm.view);
    test_dir_remove(storm.dir);
    return storm.findings == 0 ? 0 : 1;
}
