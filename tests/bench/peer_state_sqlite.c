/* SPDX-License-Identifier: MIT */
/*
 * peer_state_sqlite - values and events in two tables of SQLite, in write-ahead
 * mode.
 *
 * Arguments: dir, records, size, keys, threads (1; they share one connection,
 * which is faster than one for each) and synchronous: off, normal or full.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"
#include "tests/bench/state.h"

struct peer {
    sqlite3 *db;
    sqlite3_stmt *begin;
    sqlite3_stmt *put;
    sqlite3_stmt *append;
    sqlite3_stmt *commit;
    pthread_mutex_t mutex;
};

static void
must(const struct peer *peer, int result, int expected)
{
    if (result != expected)
        bench_fail(sqlite3_errmsg(peer->db));
}

static void
sql_run(struct peer *peer, const char *sql)
{
    must(peer, sqlite3_exec(peer->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static sqlite3_stmt *
sql_prepare(struct peer *peer, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    must(peer, sqlite3_prepare_v2(peer->db, sql, -1, &statement, NULL),
         SQLITE_OK);
    return statement;
}

static void
peer_open(struct peer *peer)
{
    char pragma[64];

    bench_remove(bench_path("peer.sqlite"));
    bench_remove(bench_path("peer.sqlite-wal"));
    bench_remove(bench_path("peer.sqlite-shm"));
    if (sqlite3_open(bench_path("peer.sqlite"), &peer->db) != SQLITE_OK)
        bench_fail("sqlite3_open");
    sql_run(peer, "PRAGMA journal_mode=WAL");
    sql_run(peer, "PRAGMA locking_mode=EXCLUSIVE");
    (void)snprintf(pragma, sizeof pragma, "PRAGMA synchronous=%s",
                   bench_text("synchronous", "full"));
    sql_run(peer, pragma);
    sql_run(peer, "CREATE TABLE state(key BLOB PRIMARY KEY, value BLOB)"
                  " WITHOUT ROWID");
    sql_run(peer, "CREATE TABLE events(id INTEGER PRIMARY KEY, data BLOB)");
    peer->begin = sql_prepare(peer, "BEGIN");
    peer->put = sql_prepare(peer, "INSERT OR REPLACE INTO state VALUES(?,?)");
    peer->append = sql_prepare(peer, "INSERT INTO events(data) VALUES(?)");
    peer->commit = sql_prepare(peer, "COMMIT");
}

static void
statement_run(struct peer *peer, sqlite3_stmt *statement)
{
    must(peer, sqlite3_step(statement), SQLITE_DONE);
    (void)sqlite3_reset(statement);
}

static void
transaction_commit(struct peer *peer, const struct bench_payloads *payloads,
                   uint64_t i)
{
    const void *value = bench_payload(payloads, i);
    const int len = (int)payloads->len;
    char key[STATE_KEY_CAP];

    state_key(i, key);
    statement_run(peer, peer->begin);
    (void)sqlite3_bind_blob(peer->put, 1, key, (int)strlen(key), SQLITE_STATIC);
    (void)sqlite3_bind_blob(peer->put, 2, value, len, SQLITE_STATIC);
    statement_run(peer, peer->put);
    (void)sqlite3_bind_blob(peer->append, 1, value, len, SQLITE_STATIC);
    statement_run(peer, peer->append);
    statement_run(peer, peer->commit);
}

struct committer {
    struct peer *peer;
    const struct bench_payloads *payloads;
    uint64_t first;
    uint64_t records;
};

static void
committer_run(void *arg)
{
    const struct committer *committer = arg;

    for (uint64_t i = 0; i < committer->records; i++) {
        (void)pthread_mutex_lock(&committer->peer->mutex);
        transaction_commit(committer->peer, committer->payloads,
                           committer->first + i);
        (void)pthread_mutex_unlock(&committer->peer->mutex);
    }
}

int
main(int argc, char **argv)
{
    struct peer peer = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    struct bench_payloads payloads;
    struct committer *committers = NULL;
    uint64_t records = 0;
    uint64_t count = 0;

    bench_init(argc, argv);
    payloads = bench_payloads_make();
    records = bench_number("records", 4000);
    count = bench_number("threads", 1);
    peer_open(&peer);
    committers = calloc(count, sizeof *committers);
    if (!committers)
        bench_fail("calloc");
    for (uint64_t i = 0; i < count; i++)
        committers[i] = (struct committer){ .peer = &peer,
                                            .payloads = &payloads,
                                            .first = i * (records / count),
                                            .records = records / count };
    bench_start();
    state_threads(count, committer_run, committers, sizeof *committers);
    bench_stop();
    bench_report("records", (double)(records / count * count));
    free(committers);
    (void)sqlite3_finalize(peer.begin);
    (void)sqlite3_finalize(peer.put);
    (void)sqlite3_finalize(peer.append);
    (void)sqlite3_finalize(peer.commit);
    (void)sqlite3_close(peer.db);
    return 0;
}
