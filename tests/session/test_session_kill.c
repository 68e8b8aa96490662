/* SPDX-License-Identifier: MIT */
/*
 * tests/session/test_session_kill.c
 *
 * Goal    many processes on one session store, killed at any moment: every
 *         acknowledged entry is there once, at the record it was told, and in
 *         its writer's order; no reader ever sees one that was not written.
 * Method  eight processes append to one segment, two read it from random
 *         records, one lists, one forks and deletes its forks.  This process
 *         kills one of them with SIGKILL again and again and starts another in
 *         its place.  It holds the acknowledgements, in memory it shares with
 *         them and that outlives them.
 *
 * SEGLOG_KILL_RECORDS and SEGLOG_KILL_COUNT make it longer: 100000 and 500 take
 * some minutes.  SEGLOG_SEED repeats a run as far as the scheduler lets it.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, usleep */

#include "tests/support/seglog_test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seglog/session.h"

#define WRITERS         8
#define READERS         2
#define CHILDREN        (WRITERS + READERS + 2)
#define LISTER          (WRITERS + READERS)
#define FORKER          (WRITERS + READERS + 1)

#define RECORDS_DEFAULT 8000
#define KILLS_DEFAULT   40

/* What a writer has been told: 0 none. */
struct ack {
    _Atomic uint64_t record;
    _Atomic uint32_t attempt;
};

struct shared {
    _Atomic uint64_t begun[WRITERS];     /* entries a writer has tried */
    _Atomic uint64_t acked[WRITERS];     /* entries it knows to be there */
    _Atomic uint32_t attempts[CHILDREN]; /* lives of this child */
    _Atomic uint64_t reads, lists, forks;
    char failure[256]; /* what a child has seen that must not be */
    uint64_t per_writer;
    struct ack acks[]; /* WRITERS * per_writer */
};

static const struct seglog_uuid SESSION = { { 1, 2, 3 } };
static const struct seglog_uuid SEGMENT = { { 1, 2, 4 } };

static struct shared *shared;
static char *dir;

static void
fail_child(const char *what, const struct seglog_error *err)
{
    char text[200] = "";

    if (err)
        seglog_error_format(err, text, sizeof text);
    (void)snprintf(shared->failure, sizeof shared->failure, "%.40s: %.200s",
                   what, text);
    _exit(1);
}

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* -- entries -------------------------------------------------------------- */

/* All of it follows from the three numbers, so that a splice shows. */
static size_t
entry_make(char *buf, size_t cap, unsigned writer, uint64_t seq,
           unsigned attempt)
{
    char fill[512];
    const size_t len = (size_t)((seq * 37 + writer * 11) % 400);

    for (size_t i = 0; i < len; i++)
        fill[i] = (char)('a' + (seq + i * (writer + 3) + attempt) % 26);
    return (size_t)snprintf(buf, cap,
                            "{\"kind\":\"entry\",\"w\":%u,\"s\":%llu,\"a\":%u,"
                            "\"fill\":\"%.*s\"}",
                            writer, (unsigned long long)seq, attempt, (int)len,
                            fill);
}

struct entry {
    unsigned writer;
    unsigned attempt;
    unsigned long long seq;
};

/* False: no process has written this. */
static bool
entry_parse(const void *data, size_t len, struct entry *entry)
{
    char text[1024];
    char again[1024];

    if (len >= sizeof text)
        return false;
    memcpy(text, data, len);
    text[len] = '\0';
    if (sscanf(text, "{\"kind\":\"entry\",\"w\":%u,\"s\":%llu,\"a\":%u",
               &entry->writer, &entry->seq, &entry->attempt) != 3 ||
        entry->writer >= WRITERS)
        return false;
    return entry_make(again, sizeof again, entry->writer, entry->seq,
                      entry->attempt) == len &&
           memcmp(again, text, len) == 0 &&
           entry->seq < atomic_load(&shared->begun[entry->writer]);
}

/* -- what the children do ------------------------------------------------- */

static struct seglog_session_store *
sessions_open(void)
{
    struct seglog_session_store *sessions = NULL;
    struct seglog_error err;

    if (seglog_session_store_open_dir(dir, NULL, &sessions, &err) != SEGLOG_OK)
        fail_child("open", &err);
    return sessions;
}

static void
write_entries(unsigned writer)
{
    struct seglog_session_store *sessions = sessions_open();
    const unsigned attempt = atomic_load(&shared->attempts[writer]);
    uint64_t seq = atomic_load(&shared->acked[writer]);

    for (; seq < shared->per_writer; seq++) {
        struct ack *ack = &shared->acks[writer * shared->per_writer + seq];
        struct seglog_appended done;
        struct seglog_error err;
        char entry[1024];
        const size_t len =
            entry_make(entry, sizeof entry, writer, seq, attempt);

        atomic_store(&shared->begun[writer], seq + 1);
        if (seglog_session_append(sessions, &SESSION, &SEGMENT, entry, len,
                                  NULL, &done, &err) != SEGLOG_OK)
            fail_child("append", &err);
        atomic_store(&ack->attempt, attempt);
        atomic_store(&ack->record, done.first_record);
        atomic_store(&shared->acked[writer], seq + 1);
    }
    if (seglog_session_store_close(sessions, NULL) != SEGLOG_OK)
        fail_child("close", NULL);
}

static void
read_once(struct seglog_session_store *sessions, uint64_t from)
{
    struct seglog_reader_options options = { .size = sizeof options,
                                             .from_record = from };
    struct seglog_reader *reader = NULL;
    struct seglog_error err;
    uint64_t expected = from;
    seglog_code code = seglog_session_open_reader(sessions, &SESSION, &SEGMENT,
                                                  SEGLOG_LANE_ENTRIES, &options,
                                                  &reader, &err);

    if (code != SEGLOG_OK)
        fail_child("open reader", &err);
    for (int i = 0; i < 2000; i++) {
        struct seglog_event event;
        struct entry entry;

        code = seglog_reader_next(reader, &event, &err);
        if (code == SEGLOG_END)
            break;
        if (code != SEGLOG_OK)
            fail_child("read", &err);
        if (event.type != SEGLOG_EVENT_RECORD ||
            event.record.record_no != expected)
            fail_child("a record out of order", NULL);
        if (!entry_parse(event.record.data, event.record.len, &entry))
            fail_child("a record that nobody wrote", NULL);
        expected++;
    }
    seglog_reader_close(reader);
    atomic_fetch_add(&shared->reads, 1);
}

static void
read_entries(uint64_t seed)
{
    struct seglog_session_store *sessions = sessions_open();

    for (;;) {
        uint64_t count = 0;
        struct seglog_error err;

        if (seglog_session_read_entry_count(sessions, NULL, &SEGMENT, &count,
                                            NULL, &err) != SEGLOG_OK)
            fail_child("count", &err);
        read_once(sessions, 1 + test_random(&seed) % (count + 1));
    }
}

static void
list_all(void)
{
    struct seglog_session_store *sessions = sessions_open();

    for (;;) {
        struct seglog_uuid *ids = NULL;
        struct seglog_uuid session;
        struct seglog_error err;
        size_t count = 0;
        bool found = false;

        if (seglog_session_list_sessions(sessions, &ids, &count, &err) !=
            SEGLOG_OK)
            fail_child("list", &err);
        seglog_free(ids);
        if (seglog_session_lookup_session_of(sessions, &SEGMENT, &session,
                                             &found, &err) != SEGLOG_OK)
            fail_child("look up", &err);
        if (!found || seglog_uuid_compare(&session, &SESSION) != 0 ||
            count == 0)
            fail_child("the segment is not listed", NULL);
        atomic_fetch_add(&shared->lists, 1);
        (void)usleep(1000);
    }
}

static void
fork_some(uint64_t seed)
{
    struct seglog_session_store *sessions = sessions_open();

    for (;;) {
        struct seglog_fork_options options = { .size = sizeof options,
                                               .at = SEGLOG_FORK_AT_RECORD,
                                               .how = SEGLOG_FORK_BY_COPY };
        struct seglog_uuid session;
        struct seglog_uuid forked;
        struct seglog_error err;
        uint64_t count = 0;
        bool existed = false;

        if (seglog_session_read_entry_count(sessions, NULL, &SEGMENT, &count,
                                            NULL, &err) != SEGLOG_OK)
            fail_child("count", &err);
        options.number = count > 0 ? 1 + test_random(&seed) % count % 300 : 0;
        if (!seglog_uuid_new(&session))
            fail_child("uuid", NULL);
        options.new_session = &session;
        if (seglog_session_fork(sessions, &SESSION, &SEGMENT, &options, &forked,
                                &err) != SEGLOG_OK)
            fail_child("fork", &err);
        if (seglog_session_read_entry_count(sessions, NULL, &forked, &count,
                                            NULL, &err) != SEGLOG_OK)
            fail_child("count of a fork", &err);
        if (count != options.number)
            fail_child("a fork of another length", NULL);
        if (seglog_session_delete(sessions, &session, &existed, &err) !=
                SEGLOG_OK ||
            !existed)
            fail_child("delete", &err);
        atomic_fetch_add(&shared->forks, 1);
    }
}

static pid_t
child_start(unsigned child, uint64_t seed)
{
    const pid_t pid = fork();

    if (pid != 0)
        return pid;
    (void)alarm(600);
    if (child < WRITERS)
        write_entries(child);
    else if (child < LISTER)
        read_entries(seed);
    else if (child == LISTER)
        list_all();
    else
        fork_some(seed);
    _exit(0);
}

/* -- the storm ------------------------------------------------------------ */

static bool
is_done(void)
{
    for (unsigned i = 0; i < WRITERS; i++)
        if (atomic_load(&shared->acked[i]) < shared->per_writer)
            return false;
    return true;
}

static uint64_t
acked_in_all(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < WRITERS; i++)
        sum += atomic_load(&shared->acked[i]);
    return sum;
}

static void
storm(uint64_t kills, uint64_t seed)
{
    const uint64_t total = shared->per_writer * WRITERS;
    pid_t pids[CHILDREN];
    uint64_t killed = 0;

    for (unsigned i = 0; i < CHILDREN; i++)
        pids[i] = child_start(i, test_random(&seed));
    while (!is_done() && shared->failure[0] == '\0') {
        (void)usleep((useconds_t)(50 + test_random(&seed) % 500));
        /* Evenly over the work, not over the time. */
        if (killed < kills && acked_in_all() * kills >= killed * total) {
            const unsigned i = (unsigned)(test_random(&seed) % CHILDREN);

            (void)kill(pids[i], SIGKILL);
            (void)waitpid(pids[i], NULL, 0);
            atomic_fetch_add(&shared->attempts[i], 1);
            pids[i] = child_start(i, test_random(&seed));
            killed++;
        }
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        if (i >= WRITERS)
            (void)kill(pids[i], SIGKILL);
        (void)waitpid(pids[i], NULL, 0);
    }
    print_message("%llu entries, %llu kills, %llu reads, %llu lists, %llu "
                  "forks\n",
                  (unsigned long long)total, (unsigned long long)killed,
                  (unsigned long long)atomic_load(&shared->reads),
                  (unsigned long long)atomic_load(&shared->lists),
                  (unsigned long long)atomic_load(&shared->forks));
}

static void
result_check(void)
{
    struct seglog_session_store *sessions = sessions_open();
    struct entry last[WRITERS] = { { 0 } };
    bool has_last[WRITERS] = { false };
    struct seglog_slice *entries = NULL;
    struct seglog_error err;
    size_t count = 0;
    size_t acked = 0;

    assert_code_err(seglog_session_read_all(sessions, &SESSION, &SEGMENT,
                                            SEGLOG_LANE_ENTRIES, &entries,
                                            &count, &err),
                    SEGLOG_OK, &err);
    for (size_t i = 0; i < count; i++) {
        const struct ack *ack = NULL;
        struct entry entry;

        assert_true(entry_parse(entries[i].data, entries[i].len, &entry));
        /* An entry may be there twice when its first writer died before it
         * was told; never twice by one life of a writer, never backwards. */
        if (has_last[entry.writer]) {
            const struct entry *before = &last[entry.writer];

            assert_true(entry.attempt > before->attempt
                            ? entry.seq >= before->seq
                            : entry.attempt == before->attempt &&
                                  entry.seq == before->seq + 1);
        }
        last[entry.writer] = entry;
        has_last[entry.writer] = true;
        ack = &shared->acks[entry.writer * shared->per_writer + entry.seq];
        if (atomic_load(&ack->record) == i + 1) {
            assert_int_equal(atomic_load(&ack->attempt), entry.attempt);
            acked++;
        }
    }
    assert_int_equal(acked, shared->per_writer * WRITERS);
    seglog_free(entries);
    assert_ok(seglog_session_store_close(sessions, NULL));
}

static void
store__many_processes_killed__nothing_lost_spliced_or_reordered(void **state)
{
    const uint64_t records =
        number_from("SEGLOG_KILL_RECORDS", RECORDS_DEFAULT);
    const uint64_t kills = number_from("SEGLOG_KILL_COUNT", KILLS_DEFAULT);
    const uint64_t seed =
        number_from("SEGLOG_SEED", (uint64_t)time(NULL) * 1000003u);
    const uint64_t per_writer = records / WRITERS;
    const size_t bytes =
        sizeof *shared + WRITERS * per_writer * sizeof(struct ack);
    struct seglog_session_store *sessions = NULL;

    (void)state;
    print_message("SEGLOG_SEED=%llu\n", (unsigned long long)seed);
    dir = test_dir_make();
    shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    shared->per_writer = per_writer;
    sessions = sessions_open();
    assert_ok(seglog_session_create_segment(sessions, &SESSION, &SEGMENT, NULL,
                                            NULL));
    assert_ok(seglog_session_store_close(sessions, NULL));
    storm(kills, seed);
    assert_string_equal(shared->failure, "");
    result_check();
    assert_int_equal(munmap(shared, bytes), 0);
    test_dir_remove(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            store__many_processes_killed__nothing_lost_spliced_or_reordered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
