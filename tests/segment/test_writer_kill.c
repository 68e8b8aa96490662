/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_kill.c
 *
 * Goal    processes that append to one file and are killed at any time lose
 *         nothing that was acknowledged, write nothing twice, and never make a
 *         reader beside them meet damage.
 * Method  writers, shared and exclusive, are killed and replaced all the time.
 *         What each call returned is noted in memory that outlives them.
 *
 * SEGLOG_KILL_SECONDS asks for more than the usual second.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "tests/support/seglog_test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seglog/segment.h"
#include "src/codec/zrun.h"

#define WRITERS   4u
#define READERS   2u
#define LIVES_MAX 8192u
#define ACKS_MAX  (1u << 22)
#define GROUP_MAX 5u
#define LARGE     ((size_t)300000)
#define NAME      "log"

/* A record that an append has said to be in the segment. */
struct ack {
    atomic_ullong number;
    uint64_t id;
};

struct shared {
    atomic_uint ack_count;
    atomic_uint faults; /* lines of this file where something was wrong */
    atomic_uint codes;
    atomic_ullong read_count;
    struct ack acks[ACKS_MAX];
};

static struct shared *shared;

/* In a child: say where, and be gone. */
#define child_expect(condition, code)                                          \
    do {                                                                       \
        if (!(condition)) {                                                    \
            atomic_store(&shared->codes, (unsigned)(code));                    \
            atomic_store(&shared->faults, __LINE__);                           \
            _exit(1);                                                          \
        }                                                                      \
    } while (0)

/* -- records -------------------------------------------------------------- */

static size_t
content_make(uint64_t id, char *to)
{
    uint64_t seed = id;
    const uint64_t kind = test_random(&seed) % 100;
    size_t len = 17 + test_random(&seed) % 200;

    if (kind >= 90)
        len = 17 + test_random(&seed) % 20000;
    if (kind == 99)
        len = LARGE / 2 + test_random(&seed) % (LARGE / 2);
    memset(to, 'a' + (int)(id % 26), len);
    (void)snprintf(to, 17, "%016llx", (unsigned long long)id);
    to[16] = ' ';
    return len;
}

static bool
content_is(const struct seglog_record *record, uint64_t *id)
{
    static char want[LARGE + 64];
    char text[17] = { 0 };

    if (record->len < 17)
        return false;
    memcpy(text, record->data, 16);
    *id = strtoull(text, NULL, 16);
    return content_make(*id, want) == record->len &&
           memcmp(want, record->data, record->len) == 0;
}

/* -- writers -------------------------------------------------------------- */

static void
acknowledge(uint64_t number, uint64_t id)
{
    struct ack *ack = &shared->acks[atomic_fetch_add(&shared->ack_count, 1)];

    /* Killed in between, it has no number and is not looked at. */
    ack->id = id;
    atomic_store(&ack->number, number);
}

static void
writer_append(struct seglog_writer *writer, uint64_t *id, uint64_t *seed)
{
    static char bytes[GROUP_MAX][LARGE + 64];
    struct seglog_item items[GROUP_MAX];
    const size_t count = test_random(seed) % 8 == 0
                             ? 1 + (size_t)(test_random(seed) % GROUP_MAX)
                             : 1;
    const uint64_t first = *id;
    const enum seglog_level level =
        test_random(seed) % 16 == 0
            ? SEGLOG_LEVEL_SYNC
            : (test_random(seed) % 2 == 0 ? SEGLOG_LEVEL_APPEND
                                          : SEGLOG_LEVEL_FLUSH);
    uint64_t number = 0;
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < count; i++) {
        items[i] = (struct seglog_item){ .kind = SEGLOG_TEXT,
                                         .data = bytes[i],
                                         .len = content_make(*id, bytes[i]) };
        ++*id;
    }
    code =
        seglog_writer_append_group(writer, items, count, level, &number, NULL);
    child_expect(code == SEGLOG_OK, code);
    for (size_t i = 0; level != SEGLOG_LEVEL_APPEND && i < count; i++)
        acknowledge(number + i, first + i);
}

/* Of a segment: each process has the same. */
static enum seglog_codec codec_of_lives;

static void
writer_live(const char *dir, uint64_t life)
{
    uint64_t seed = life * 7919 + 1;
    uint64_t id = life << 32;
    struct seglog_store store = { 0 };

    child_expect(seglog_store_file_open(dir, false, &store, NULL) == SEGLOG_OK,
                 0);
    while (atomic_load(&shared->ack_count) < ACKS_MAX / 2) {
        const bool is_exclusive = test_random(&seed) % 4 == 0;
        const struct seglog_writer_options options = {
            .size = sizeof options,
            .mode =
                is_exclusive ? SEGLOG_WRITER_EXCLUSIVE : SEGLOG_WRITER_SHARED,
            .lock_timeout_ms = is_exclusive ? 5 : 60000,
            .no_closing_mark = test_random(&seed) % 2 == 0,
            .buffer_bytes = test_random(&seed) % 2 == 0 ? 1000 : 0,
            .sync_log2 = 12,
            .codec = codec_of_lives,
        };
        struct seglog_writer *writer = NULL;
        seglog_code code =
            seglog_writer_open(store, NAME, &options, &writer, NULL);

        if (code == SEGLOG_LOCKED && is_exclusive)
            continue;
        child_expect(code == SEGLOG_OK, code);
        for (uint64_t i = test_random(&seed) % 40; i > 0; i--)
            writer_append(writer, &id, &seed);
        code = seglog_writer_close(writer, NULL);
        child_expect(code == SEGLOG_OK, code);
    }
    _exit(0);
}

/* -- readers -------------------------------------------------------------- */

/* Each record once and in order, from any record on, and no damage ever. */
static void
reader_live(const char *dir, uint64_t life)
{
    uint64_t seed = life;
    struct seglog_store store = { 0 };
    struct seglog_scan_summary summary;
    struct seglog_event event;
    seglog_code code = seglog_store_file_open(dir, false, &store, NULL);

    child_expect(code == SEGLOG_OK, code);
    for (;;) {
        const uint64_t known = atomic_load(&shared->read_count);
        const struct seglog_reader_options options = {
            .size = sizeof options,
            .from_record = known > 0 ? 1 + test_random(&seed) % known : 0,
        };
        uint64_t next = options.from_record > 0 ? options.from_record : 1;
        uint64_t more = 1 + test_random(&seed) % 5000;
        uint64_t id = 0;
        struct seglog_reader *reader = NULL;

        code = seglog_reader_open(store, NAME, &options, &reader, NULL);
        if (code == SEGLOG_NOT_FOUND)
            continue;
        if (test_random(&seed) % 8 == 0) {
            child_expect(
                seglog_scan(store, NAME, NULL, &summary, NULL) == SEGLOG_OK, 0);
            child_expect(summary.verdict <= SEGLOG_VERDICT_TORN,
                         summary.verdict);
        }
        child_expect(code == SEGLOG_OK, code);
        while (more-- > 0) {
            code = seglog_reader_next(reader, &event, NULL);
            if (code == SEGLOG_END) {
                code = seglog_reader_wait(reader, 20, NULL);
                child_expect(code == SEGLOG_OK || code == SEGLOG_END, code);
                continue;
            }
            child_expect(code == SEGLOG_OK, code);
            child_expect(event.type == SEGLOG_EVENT_RECORD, 0);
            child_expect(event.record.record_no == next, 0);
            child_expect(content_is(&event.record, &id), 0);
            if (next++ > atomic_load(&shared->read_count))
                atomic_store(&shared->read_count, next - 1);
        }
        seglog_reader_close(reader);
    }
}

/* -- the storm ------------------------------------------------------------ */

static pid_t
life_begin(const char *dir, uint64_t life, bool is_reader)
{
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0 && is_reader)
        reader_live(dir, life);
    else if (child == 0)
        writer_live(dir, life);
    return child;
}

static void
life_end(pid_t child)
{
    int status = 0;

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (atomic_load(&shared->faults) != 0)
        fail_msg("line %u, %s", atomic_load(&shared->faults),
                 seglog_code_name((seglog_code)atomic_load(&shared->codes)));
}

/* What a process leaves that is killed in the middle of a write. */
static void
tear(struct seglog_store store, uint64_t *seed)
{
    static const uint8_t record[] = { 0x21, 0xFF, 0x7F };
    static const uint8_t sync_point[] = { 0xC0, 0x4C, 0x01, 0xB7, 0x5E, 0x59 };
    uint8_t bytes[600];
    const bool is_record = test_random(seed) % 2 == 0;
    const size_t len =
        is_record ? 1 + (size_t)(test_random(seed) % sizeof bytes)
                  : 1 + (size_t)(test_random(seed) % sizeof sync_point);
    struct seglog_lock lock = { 0 };
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;

    memset(bytes, 't', sizeof bytes);
    if (is_record)
        memcpy(bytes, record, sizeof record);
    else
        memcpy(bytes, sync_point, sizeof sync_point);
    assert_ok(seglog_lock_open(store, NAME, &lock, NULL));
    /* Without a header before them the bytes would be no torn segment. */
    if (seglog_lock_acquire(lock, 1000, NULL) == SEGLOG_OK &&
        seglog_blob_open(store, NAME, SEGLOG_OPEN_WRITE, &blob, NULL) ==
            SEGLOG_OK &&
        seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK && size > 0)
        assert_ok(
            seglog_blob_append(blob, SEGLOG_END_ANY, bytes, len, NULL, NULL));
    seglog_blob_close(&blob, NULL);
    seglog_lock_close(&lock);
}

static void
storm(const char *dir, struct seglog_store store, int64_t ms)
{
    const int64_t until = test_now_ms() + ms;
    pid_t children[WRITERS + READERS];
    uint64_t seed = (uint64_t)ms;
    uint64_t life = 1;

    for (unsigned i = 0; i < WRITERS + READERS; i++)
        children[i] = life_begin(dir, life++, i >= WRITERS);
    while (test_now_ms() < until && life < LIVES_MAX) {
        /* Readers are killed less often: they are to see something. */
        const uint64_t of =
            test_random(&seed) % 16 == 0 ? WRITERS + READERS : WRITERS;
        const unsigned who = (unsigned)(test_random(&seed) % of);

        test_sleep_ms((int)(test_random(&seed) % 30));
        life_end(children[who]);
        if (test_random(&seed) % 4 == 0)
            tear(store, &seed);
        children[who] = life_begin(dir, life++, who >= WRITERS);
    }
    for (unsigned i = 0; i < WRITERS + READERS; i++)
        life_end(children[i]);
}

/* Numbers by record number - 1; the scan has counted them. */
static uint64_t *
read_ids(struct seglog_store store, uint64_t records)
{
    uint64_t *ids = calloc((size_t)records + 1, sizeof *ids);
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    uint64_t next = 1;
    seglog_code code = SEGLOG_OK;

    assert_non_null(ids);
    assert_ok(seglog_reader_open(store, NAME, NULL, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        assert_int_equal(event.record.record_no, next);
        assert_true(next <= records);
        assert_true(content_is(&event.record, &ids[next - 1]));
        next++;
    }
    assert_code(code, SEGLOG_END);
    assert_int_equal(next, records + 1);
    seglog_reader_close(reader);
    return ids;
}

static int
id_compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void
lose_and_repeat_nothing(const char *dir, enum seglog_codec codec)
{
    const char *seconds = getenv("SEGLOG_KILL_SECONDS");
    struct seglog_store store = { 0 };
    struct seglog_writer *writer = NULL;
    struct seglog_scan_summary summary = { 0 };
    uint64_t *ids = NULL;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    assert_ok(seglog_store_file_open(dir, false, &store, NULL));
    codec_of_lives = codec;
    storm(dir, store, seconds ? 1000 * strtoll(seconds, NULL, 10) : 1000);

    assert_ok(seglog_scan(store, NAME, NULL, &summary, NULL));
    assert_in_range(summary.verdict, SEGLOG_VERDICT_OK, SEGLOG_VERDICT_TORN);
    assert_ok(seglog_writer_open(store, NAME, NULL, &writer, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_scan(store, NAME, NULL, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
    assert_true(summary.is_closed);
    assert_int_equal(summary.records, summary.next_record - 1);

    ids = read_ids(store, summary.records);
    for (unsigned i = 0; i < atomic_load(&shared->ack_count); i++) {
        const uint64_t number = atomic_load(&shared->acks[i].number);

        if (number == 0)
            continue;
        assert_in_range(number, 1, summary.records);
        assert_int_equal(ids[number - 1], shared->acks[i].id);
    }
    qsort(ids, (size_t)summary.records, sizeof *ids, id_compare);
    for (uint64_t i = 1; i < summary.records; i++)
        assert_int_not_equal(ids[i], ids[i - 1]);
    if (seconds)
        print_message("%llu records, %llu cuts, %u acknowledged\n",
                      (unsigned long long)summary.records,
                      (unsigned long long)summary.cuts,
                      atomic_load(&shared->ack_count));
    free(ids);
    seglog_store_close(&store);
    assert_int_equal(munmap(shared, sizeof *shared), 0);
}

static void
processes__killed_all_the_time__lose_and_repeat_nothing(void **state)
{
    lose_and_repeat_nothing(*state, SEGLOG_CODEC_NONE);
}

static void
processes__killed_while_compressing__lose_and_repeat_nothing(void **state)
{
    lose_and_repeat_nothing(*state, slg_zrun_is_there() ? SEGLOG_CODEC_ZSTD
                                                        : SEGLOG_CODEC_AUTO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            processes__killed_all_the_time__lose_and_repeat_nothing,
            test_dir_setup, test_dir_teardown),
        cmocka_unit_test_setup_teardown(
            processes__killed_while_compressing__lose_and_repeat_nothing,
            test_dir_setup, test_dir_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
