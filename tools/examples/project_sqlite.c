/* SPDX-License-Identifier: MIT */
/*
 * project_sqlite - an SQLite table that follows the events of a canonical store.
 *
 *     project_sqlite STORE DATABASE [--once] [--batch N]
 *
 * An event is a line "NAME AMOUNT"; the table `balance` has the sum of the
 * amounts, and how many there were, of each name.  What is no such line goes to
 * the dead-letter lane of the consumer: `seglog events dead STORE NAME`.
 *
 * Each event counts exactly once, whatever is killed when: the id of the next
 * event is stored by the transaction of SQLite that has applied those before
 * it, and that is what counts.  The cursor of the consumer is moved afterwards;
 * it keeps the store from giving events up that the table has not, and wakes us.
 * A database that is behind the cursor, because it was removed or is an old
 * copy, gets what it lacks from the events.
 *
 * --once  end when all events are applied; else wait for more, until a signal
 */
#define _POSIX_C_SOURCE 200809L /* sigaction */

#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/canonical.h"

#define CONSUMER   "project_sqlite"
#define NAME_BYTES 64

struct projection {
    struct seglog_store store;
    struct seglog_canonical *canonical;
    struct seglog_consumer *consumer;
    sqlite3 *db;
    sqlite3_stmt *add;  /* an amount to a name */
    sqlite3_stmt *move; /* the next id */
    uint64_t next;      /* event that the database lacks */
    uint64_t batch;     /* events in a transaction of SQLite, at most */
    bool is_once;
};

static volatile sig_atomic_t is_stopped;

static void
on_signal(int number)
{
    (void)number;
    is_stopped = 1;
}

static void
fail(const char *what)
{
    (void)fprintf(stderr, "project_sqlite: %s\n", what);
    exit(1);
}

/* Whatever is not committed is undone by the next one to open it. */
static void
check(seglog_code code, const struct seglog_error *err)
{
    char text[600];

    if (code == SEGLOG_OK)
        return;
    seglog_error_format(err, text, sizeof text);
    fail(text);
}

/* -- the database ---------------------------------------------------------- */

static void
sql_run(struct projection *projection, const char *sql)
{
    if (sqlite3_exec(projection->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(projection->db));
}

static sqlite3_stmt *
sql_prepare(struct projection *projection, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(projection->db, sql, -1, &statement, NULL) !=
        SQLITE_OK)
        fail(sqlite3_errmsg(projection->db));
    return statement;
}

static void
sql_step(struct projection *projection, sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        fail(sqlite3_errmsg(projection->db));
    (void)sqlite3_reset(statement);
}

static void
database_open(struct projection *projection, const char *path)
{
    sqlite3_stmt *look = NULL;

    if (sqlite3_open(path, &projection->db) != SQLITE_OK)
        fail(sqlite3_errmsg(projection->db));
    sql_run(projection,
            "PRAGMA journal_mode=WAL;"
            "PRAGMA synchronous=FULL;"
            "PRAGMA busy_timeout=10000;"
            "CREATE TABLE IF NOT EXISTS balance(name TEXT PRIMARY KEY,"
            " amount INTEGER NOT NULL, events INTEGER NOT NULL) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS position(one INTEGER PRIMARY KEY"
            " CHECK(one = 1), next INTEGER NOT NULL);"
            "INSERT OR IGNORE INTO position VALUES(1, 0)");
    projection->add = sql_prepare(
        projection, "INSERT INTO balance VALUES(?1, ?2, 1) ON CONFLICT(name) DO"
                    " UPDATE SET amount = amount + ?2, events = events + 1");
    projection->move = sql_prepare(projection, "UPDATE position SET next = ?1");
    look = sql_prepare(projection, "SELECT next FROM position");
    if (sqlite3_step(look) != SQLITE_ROW)
        fail(sqlite3_errmsg(projection->db));
    projection->next = (uint64_t)sqlite3_column_int64(look, 0);
    (void)sqlite3_finalize(look);
}

/* -- an event -------------------------------------------------------------- */

static bool
event_parse(const struct seglog_canonical_event *event, char name[NAME_BYTES],
            int64_t *amount)
{
    char line[NAME_BYTES + 32];
    char more = 0;

    if (event->data.len >= sizeof line ||
        memchr(event->data.data, '\0', event->data.len))
        return false;
    memcpy(line, event->data.data, event->data.len);
    line[event->data.len] = '\0';
    return sscanf(line, "%63s %" SCNd64 " %c", name, amount, &more) == 2;
}

/* False: it is none of ours. */
static bool
event_apply(struct projection *projection,
            const struct seglog_canonical_event *event)
{
    char name[NAME_BYTES];
    int64_t amount = 0;

    if (!event_parse(event, name, &amount))
        return false;
    (void)sqlite3_bind_text(projection->add, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(projection->add, 2, amount);
    sql_step(projection, projection->add);
    return true;
}

/* What was applied since BEGIN, and that it was, in one. */
static void
batch_commit(struct projection *projection, uint64_t next)
{
    (void)sqlite3_bind_int64(projection->move, 1, (sqlite3_int64)next);
    sql_step(projection, projection->move);
    sql_run(projection, "COMMIT");
    projection->next = next;
}

/* -- events ---------------------------------------------------------------- */

static bool
cursor_look(void *arg, const struct seglog_consumer_info *info)
{
    uint64_t *cursor = arg;

    if (strcmp(info->name, CONSUMER) != 0)
        return true;
    *cursor = info->cursor;
    return false;
}

/* Those that the consumer has behind it, and the database has not.  What was
 * rejected is in the lane already. */
static void
lacking_apply(struct projection *projection)
{
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_error err;
    uint64_t cursor = 0;
    seglog_code code = seglog_canonical_list_consumers(
        projection->canonical, cursor_look, &cursor, &err);

    check(code, &err);
    if (projection->next >= cursor)
        return;
    check(seglog_event_iter_open(projection->canonical, projection->next,
                                 cursor, &iter, &err),
          &err);
    sql_run(projection, "BEGIN");
    while ((code = seglog_event_iter_next(iter, &event, &err)) == SEGLOG_OK)
        (void)event_apply(projection, &event);
    if (code != SEGLOG_END)
        check(code, &err);
    batch_commit(projection, cursor);
    seglog_event_iter_close(iter);
}

/*
 * A transaction of SQLite that has the events which are there.  False: there is
 * none, and none has come.
 */
static bool
batch_apply(struct projection *projection)
{
    struct seglog_canonical_event event;
    struct seglog_error err;
    uint64_t next = projection->next;
    seglog_code code = seglog_consumer_next(
        projection->consumer, projection->is_once ? 0 : -1, &event, &err);

    if (code == SEGLOG_END)
        return false;
    sql_run(projection, "BEGIN");
    for (uint64_t i = 1; code == SEGLOG_OK; i++) {
        /* One that is in the database was not acknowledged in time. */
        if (event.id >= next) {
            next = event.id + 1;
            if (!event_apply(projection, &event))
                check(seglog_consumer_reject(projection->consumer, event.id,
                                             "it is not NAME AMOUNT", &err),
                      &err);
        }
        code = i < projection->batch
                   ? seglog_consumer_next(projection->consumer, 0, &event, &err)
                   : SEGLOG_END;
    }
    if (code != SEGLOG_END)
        check(code, &err);
    batch_commit(projection, next);
    check(seglog_consumer_acknowledge(projection->consumer, next - 1, false,
                                      &err),
          &err);
    return true;
}

/* -- the whole ------------------------------------------------------------- */

static void
store_open(struct projection *projection, const char *dir)
{
    char view[4096];
    const struct seglog_canonical_options options = { .size = sizeof options,
                                                      .view_dir = view };
    struct seglog_error err;

    if (snprintf(view, sizeof view, "%s/view", dir) >= (int)sizeof view)
        fail("the name of the store is too long");
    check(seglog_store_file_open(dir, true, &projection->store, &err), &err);
    check(seglog_canonical_open(projection->store, &options,
                                &projection->canonical, &err),
          &err);
    check(seglog_consumer_open(projection->canonical, CONSUMER, 0,
                               &projection->consumer, &err),
          &err);
}

static void
projection_close(struct projection *projection)
{
    (void)sqlite3_finalize(projection->add);
    (void)sqlite3_finalize(projection->move);
    (void)sqlite3_close(projection->db);
    seglog_consumer_close(projection->consumer);
    (void)seglog_canonical_close(projection->canonical, NULL);
    seglog_store_close(&projection->store);
}

int
main(int argc, char **argv)
{
    const struct sigaction action = { .sa_handler = on_signal };
    struct projection projection = { .batch = 256 };

    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--once") == 0)
            projection.is_once = true;
        else if (strcmp(argv[i], "--batch") == 0 && i + 1 < argc)
            projection.batch = strtoull(argv[++i], NULL, 10);
        else
            argc = 0;
    }
    if (argc < 3) {
        (void)fputs("usage: project_sqlite STORE DATABASE [--once] "
                    "[--batch N]\n",
                    stderr);
        return 2;
    }
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    store_open(&projection, argv[1]);
    database_open(&projection, argv[2]);
    lacking_apply(&projection);
    while (!is_stopped) {
        if (!batch_apply(&projection) && projection.is_once)
            break;
    }
    projection_close(&projection);
    return 0;
}
