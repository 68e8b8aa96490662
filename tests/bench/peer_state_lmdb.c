/* SPDX-License-Identifier: MIT */
/*
 * peer_state_lmdb - values and events in LMDB alone.
 *
 * Arguments as of bench_canonical: commit (MDB_NOSYNC, as the view has it, so
 * that what a call returns survives the process), threads (each transaction
 * synced by LMDB).
 */
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/bench/bench.h"
#include "tests/bench/state.h"

struct peer {
    MDB_env *env;
    MDB_dbi state;
    MDB_dbi events;
    uint64_t next; /* id of the next event */
};

static void
must(int result)
{
    if (result != 0)
        bench_fail(mdb_strerror(result));
}

static void
peer_open(struct peer *peer, unsigned flags)
{
    MDB_txn *txn = NULL;

    bench_remove(bench_path("peer/data.mdb"));
    bench_remove(bench_path("peer/lock.mdb"));
    (void)mkdir(bench_path("peer"), 0777);
    must(mdb_env_create(&peer->env));
    must(mdb_env_set_mapsize(peer->env, (size_t)64 << 30));
    must(mdb_env_set_maxdbs(peer->env, 2));
    must(mdb_env_open(peer->env, bench_path("peer"),
                      MDB_NOTLS | MDB_NOMEMINIT | flags, 0666));
    must(mdb_txn_begin(peer->env, NULL, 0, &txn));
    must(mdb_dbi_open(txn, "state", MDB_CREATE, &peer->state));
    must(mdb_dbi_open(txn, "events", MDB_CREATE | MDB_INTEGERKEY,
                      &peer->events));
    must(mdb_txn_commit(txn));
}

static void
transaction_commit(struct peer *peer, const struct bench_payloads *payloads,
                   uint64_t i)
{
    MDB_txn *txn = NULL;
    char key[STATE_KEY_CAP];
    MDB_val at = { 0, key };
    MDB_val value = { payloads->len,
                      (void *)(uintptr_t)bench_payload(payloads, i) };
    MDB_val event = value;
    MDB_val id;

    state_key(i, key);
    at.mv_size = strlen(key);
    must(mdb_txn_begin(peer->env, NULL, 0, &txn));
    id = (MDB_val){ sizeof peer->next, &peer->next };
    must(mdb_put(txn, peer->state, &at, &value, 0));
    must(mdb_put(txn, peer->events, &id, &event, MDB_APPEND));
    peer->next++;
    must(mdb_txn_commit(txn));
}

struct committer {
    struct peer *peer;
    const struct bench_payloads *payloads;
    uint64_t first;
    uint64_t records;
    pthread_mutex_t *mutex;
};

/* One at a time: peer->next is that of the next transaction. */
static void
committer_run(void *arg)
{
    const struct committer *committer = arg;

    for (uint64_t i = 0; i < committer->records; i++) {
        (void)pthread_mutex_lock(committer->mutex);
        transaction_commit(committer->peer, committer->payloads,
                           committer->first + i);
        (void)pthread_mutex_unlock(committer->mutex);
    }
}

int
main(int argc, char **argv)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct bench_payloads payloads;
    struct committer *committers = NULL;
    struct peer peer = { 0 };
    uint64_t records = 0;
    uint64_t count = 0;
    bool is_synced = false;

    bench_init(argc, argv);
    payloads = bench_payloads_make();
    is_synced = strcmp(bench_text("what", "commit"), "threads") == 0;
    records = bench_number("records", is_synced ? 4000 : 200000);
    count = is_synced ? bench_number("threads", 16) : 1;
    peer_open(&peer, is_synced ? 0 : MDB_NOSYNC);
    committers = calloc(count, sizeof *committers);
    if (!committers)
        bench_fail("calloc");
    for (uint64_t i = 0; i < count; i++)
        committers[i] = (struct committer){ .peer = &peer,
                                            .payloads = &payloads,
                                            .first = i * (records / count),
                                            .records = records / count,
                                            .mutex = &mutex };
    bench_start();
    state_threads(count, committer_run, committers, sizeof *committers);
    bench_stop();
    bench_report("records", (double)(records / count * count));
    free(committers);
    mdb_env_close(peer.env);
    return 0;
}
