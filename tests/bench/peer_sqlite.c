/* SPDX-License-Identifier: MIT */
/*
 * peer_sqlite - one table of numbered rows in write-ahead mode.
 *
 * Arguments: dir, records, size, batch (rows a transaction, 1), and
 * synchronous: off, normal or full.  "bytes" is the database after a
 * checkpoint, which is part of the time only where SQLite does it by itself.
 */
#include <sqlite3.h>
#include <stdio.h>

#include "tests/bench/bench.h"

static void
run_sql(sqlite3 *db, const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        bench_fail(message != NULL ? message : "sqlite3_exec");
}

static void
remove_database(void)
{
    bench_remove(bench_path("peer.sqlite"));
    bench_remove(bench_path("peer.sqlite-wal"));
    bench_remove(bench_path("peer.sqlite-shm"));
}

static sqlite3 *
open_database(void)
{
    char pragma[64];
    sqlite3 *db = NULL;

    remove_database();
    if (sqlite3_open(bench_path("peer.sqlite"), &db) != SQLITE_OK)
        bench_fail("sqlite3_open");
    run_sql(db, "PRAGMA journal_mode=WAL");
    run_sql(db, "PRAGMA locking_mode=EXCLUSIVE");
    snprintf(pragma, sizeof(pragma), "PRAGMA synchronous=%s",
             bench_text("synchronous", "normal"));
    run_sql(db, pragma);
    run_sql(db, "CREATE TABLE log(seq INTEGER PRIMARY KEY, data BLOB)");
    return db;
}

static void
insert_rows(sqlite3 *db, const struct bench_payloads *payloads,
            uint64_t records, uint64_t batch)
{
    sqlite3_stmt *insert = NULL;

    if (sqlite3_prepare_v2(db, "INSERT INTO log(data) VALUES(?)", -1, &insert,
                           NULL) != SQLITE_OK)
        bench_fail(sqlite3_errmsg(db));
    for (uint64_t i = 0; i < records; i++) {
        if (batch > 1 && i % batch == 0)
            run_sql(db, "BEGIN");
        sqlite3_bind_blob(insert, 1, bench_payload(payloads, i),
                          (int)payloads->len, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE)
            bench_fail(sqlite3_errmsg(db));
        sqlite3_reset(insert);
        if (batch > 1 && ((i + 1) % batch == 0 || i + 1 == records))
            run_sql(db, "COMMIT");
    }
    sqlite3_finalize(insert);
}

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 20000);
    sqlite3 *db = open_database();

    bench_start();
    insert_rows(db, &payloads, records, bench_number("batch", 1));
    bench_stop();
    bench_report("records", (double)records);

    run_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(db);
    bench_report("bytes", (double)bench_file_size(bench_path("peer.sqlite")));
    remove_database();
    return 0;
}
