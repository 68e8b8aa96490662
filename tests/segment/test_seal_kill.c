/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_kill.c
 *
 * Goal    while others append and read, and whoever seals or appends is killed
 *         at any time, no record is lost whose append has returned, and who
 *         appends to what was sealed is told so at once.
 * Method  four processes append to one segment and read it; when it is sealed
 *         they go on in the next one.  Another seals.  What each append
 *         returned is noted in memory that outlives them.
 *
 * SEGLOG_SEAL_KILLS asks for more kills than the usual ones.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "tests/support/seglog_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seglog/seal.h"

#define WRITERS  4u
#define KILLS    15u
#define ACKS_MAX (1u << 21)

struct ack {
    atomic_ullong number; /* 0: it died before it knew */
    uint64_t id;
    unsigned segment;
};

struct shared {
    atomic_uint current; /* the segment to append to */
    atomic_uint sealed;
    atomic_uint ack_count;
    atomic_uint fault; /* line of this file where something was wrong */
    atomic_uint code;
    struct ack acks[ACKS_MAX];
};

static struct shared *shared;

/* In a child or thread: say where, and be gone. */
#define child_expect(condition, got)                                           \
    do {                                                                       \
        if (!(condition)) {                                                    \
            atomic_store(&shared->code, (unsigned)(got));                      \
            atomic_store(&shared->fault, __LINE__);                            \
            return;                                                            \
        }                                                                      \
    } while (0)

static size_t
text_make(char *out, size_t cap, uint64_t id)
{
    uint64_t seed = id;
    const uint64_t size = test_random(&seed) % 8 == 0 ? 900 : 40;
    size_t len = (size_t)snprintf(out, cap,
                                  "{\"id\":%llu,\"kind\":\"event\",\"text\":\"",
                                  (unsigned long long)id);

    for (uint64_t n = test_random(&seed) % size; n > 0; n--)
        out[len++] = (char)('a' + test_random(&seed) % 20);
    memcpy(out + len, "\"}", 2);
    return len + 2;
}

static bool
text_is(const struct seglog_record *record, uint64_t *id)
{
    char text[1024];
    char want[1024];

    if (record->len < 6 || record->len >= sizeof text)
        return false;
    memcpy(text, record->data, record->len);
    text[record->len] = 0;
    *id = strtoull(text + 6, NULL, 10);
    return text_make(want, sizeof want, *id) == record->len &&
           memcmp(want, text, record->len) == 0;
}

static const char *
segment_name(char *out, size_t cap, unsigned segment)
{
    (void)snprintf(out, cap, "log%u.seg", segment);
    return out;
}

static void
acknowledge(unsigned segment, uint64_t number, uint64_t id)
{
    const unsigned at = atomic_fetch_add(&shared->ack_count, 1);

    if (at >= ACKS_MAX)
        return;
    shared->acks[at].id = id;
    shared->acks[at].segment = segment;
    atomic_store(&shared->acks[at].number, number);
}

/* Read some of a segment: nothing in it may be wrong, whatever goes on. */
static void
segment_read(struct seglog_store store, unsigned segment, uint64_t *seed)
{
    const struct seglog_reader_options options = {
        .size = sizeof options, .from_record = 1 + test_random(seed) % 500
    };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    char name[32];
    uint64_t next = options.from_record;
    uint64_t id = 0;
    seglog_code code =
        seglog_reader_open(store, segment_name(name, sizeof name, segment),
                           &options, &reader, NULL);

    if (code == SEGLOG_NOT_FOUND)
        return;
    child_expect(code == SEGLOG_OK, code);
    for (unsigned i = 0; i < 200; i++) {
        code = seglog_reader_next(reader, &event, NULL);
        if (code == SEGLOG_END)
            break;
        child_expect(code == SEGLOG_OK, code);
        child_expect(event.type == SEGLOG_EVENT_RECORD, 0);
        child_expect(event.record.record_no == next, 0);
        child_expect(text_is(&event.record, &id), 0);
        next++;
    }
    seglog_reader_close(reader);
}

/* Append until it is refused; then the next segment is the one to append to. */
static void
segment_append(struct seglog_store store, unsigned segment, uint64_t *id,
               uint64_t *seed)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .lock_timeout_ms = 60000,
        .sync_log2 = 12,
        .codec = segment % 2 == 0 ? SEGLOG_CODEC_NONE : SEGLOG_CODEC_DEFLATE,
    };
    struct seglog_writer *writer = NULL;
    char name[32];
    char text[1024];
    seglog_code code =
        seglog_writer_open(store, segment_name(name, sizeof name, segment),
                           &options, &writer, NULL);

    for (unsigned i = 0; code == SEGLOG_OK && i < 500; i++) {
        const size_t len = text_make(text, sizeof text, *id);
        uint64_t number = 0;

        code = seglog_writer_append(writer, SEGLOG_TEXT, text, len,
                                    SEGLOG_LEVEL_FLUSH, &number, NULL);
        if (code == SEGLOG_OK)
            acknowledge(segment, number, (*id)++);
        /* Not so fast that whoever seals never gets to the end of it. */
        if (i % 8 == 0)
            test_sleep_ms(1);
        if (i % 50 == 0)
            segment_read(store, (unsigned)(test_random(seed) % (segment + 1)),
                         seed);
    }
    child_expect(code == SEGLOG_OK || code == SEGLOG_SEALED, code);
    (void)seglog_writer_close(writer, NULL);
    if (code == SEGLOG_SEALED) {
        unsigned expected = segment;

        (void)atomic_compare_exchange_strong(&shared->current, &expected,
                                             segment + 1);
    }
}

static bool
storm_is_over(void)
{
    return atomic_load(&shared->fault) != 0 ||
           atomic_load(&shared->ack_count) >= ACKS_MAX;
}

static void
writer_live(struct seglog_store store, uint64_t life, const atomic_bool *stop)
{
    uint64_t seed = life * 7919;
    uint64_t id = life << 32;

    while (!storm_is_over() && !(stop && atomic_load(stop)))
        segment_append(store, atomic_load(&shared->current), &id, &seed);
}

static void
sealer_live(struct seglog_store store, uint64_t life, const atomic_bool *stop)
{
    uint64_t seed = life;
    char name[32];

    while (!storm_is_over() && !(stop && atomic_load(stop))) {
        const unsigned segment = atomic_load(&shared->current);
        const struct seglog_seal_options options = {
            .size = sizeof options,
            .level = 1 + (int)(test_random(&seed) % 3),
            .block_bytes = 65536,
            .lock_timeout_ms = 60000,
        };
        struct seglog_seal_result result;

        test_sleep_ms((int)(test_random(&seed) % 30));
        const seglog_code code =
            seglog_segment_seal(store, segment_name(name, sizeof name, segment),
                                &options, &result, NULL);
        if (code == SEGLOG_OK)
            atomic_fetch_add(&shared->sealed, 1);
        /* FORMAT: somebody has just begun to create it.  LOCKED: another one
         * seals. */
        child_expect(code == SEGLOG_OK || code == SEGLOG_SEALED ||
                         code == SEGLOG_NOT_FOUND || code == SEGLOG_FORMAT ||
                         code == SEGLOG_LOCKED,
                     code);
        segment_read(store, segment, &seed);
    }
}

/* -- processes ------------------------------------------------------------ */

static pid_t
life_begin(const char *dir, uint64_t life, bool is_sealer)
{
    const pid_t child = fork();
    struct seglog_store store = { 0 };

    assert_true(child >= 0);
    if (child != 0)
        return child;
    if (seglog_store_file_open(dir, false, &store, NULL) != SEGLOG_OK)
        _exit(1);
    if (is_sealer)
        sealer_live(store, life, NULL);
    else
        writer_live(store, life, NULL);
    _exit(0);
}

static void
fault_check(void)
{
    if (atomic_load(&shared->fault) != 0)
        fail_msg("line %u, %s", atomic_load(&shared->fault),
                 seglog_code_name((seglog_code)atomic_load(&shared->code)));
}

static void
life_end(pid_t child)
{
    int status = 0;

    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    fault_check();
}

/* Half of the kills are for whoever seals. */
static void
storm(const char *dir, unsigned kills)
{
    pid_t children[WRITERS + 1];
    uint64_t seed = kills;
    uint64_t life = 1;

    for (unsigned i = 0; i <= WRITERS; i++)
        children[i] = life_begin(dir, life++, i == WRITERS);
    for (unsigned i = 0; i < kills && !storm_is_over(); i++) {
        const unsigned who =
            i % 2 == 0 ? WRITERS : (unsigned)(test_random(&seed) % WRITERS);

        test_sleep_ms(5 + (int)(test_random(&seed) % 60));
        life_end(children[who]);
        children[who] = life_begin(dir, life++, who == WRITERS);
    }
    /* At least one is sealed to its end. */
    for (unsigned i = 0; i < 2000 && atomic_load(&shared->sealed) == 0; i++)
        test_sleep_ms(5);
    for (unsigned i = 0; i <= WRITERS; i++)
        life_end(children[i]);
}

/* -- what is there afterwards --------------------------------------------- */

/* The id of every record of a segment, by its number - 1. */
static uint64_t *
ids_read(struct seglog_store store, const char *name, uint64_t *count)
{
    uint64_t *ids = NULL;
    struct seglog_scan_summary summary;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    uint64_t next = 1;
    seglog_code code = seglog_scan(store, name, NULL, &summary, NULL);

    *count = 0;
    if (code == SEGLOG_NOT_FOUND)
        return NULL;
    assert_ok(code);
    assert_in_range(summary.verdict, SEGLOG_VERDICT_OK, SEGLOG_VERDICT_TORN);
    ids = calloc((size_t)summary.records + 1, sizeof *ids);
    assert_non_null(ids);
    assert_ok(seglog_reader_open(store, name, NULL, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        assert_int_equal(event.record.record_no, next);
        assert_true(next <= summary.records);
        assert_true(text_is(&event.record, &ids[next - 1]));
        next++;
    }
    assert_code(code, SEGLOG_END);
    seglog_reader_close(reader);
    *count = summary.records;
    return ids;
}

static void
acks_check(struct seglog_store store)
{
    const unsigned acks = atomic_load(&shared->ack_count) < ACKS_MAX
                              ? atomic_load(&shared->ack_count)
                              : ACKS_MAX;
    unsigned seen = 0;

    for (unsigned s = 0; s <= atomic_load(&shared->current); s++) {
        char name[32];
        uint64_t count = 0;
        uint64_t *ids =
            ids_read(store, segment_name(name, sizeof name, s), &count);

        for (unsigned i = 0; i < acks; i++) {
            const uint64_t number = atomic_load(&shared->acks[i].number);

            if (number == 0 || shared->acks[i].segment != s)
                continue;
            assert_in_range(number, 1, count);
            assert_int_equal(ids[number - 1], shared->acks[i].id);
            seen++;
        }
        free(ids);
    }
    assert_true(seen > 0 && seen <= acks);
}

static int
shared_setup(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? -1 : 0;
}

static void
processes__killed_while_one_seals__lose_nothing(void **state)
{
    const char *dir = *state;
    const char *kills = getenv("SEGLOG_SEAL_KILLS");
    struct seglog_store store = { 0 };

    assert_int_equal(shared_setup(NULL), 0);
    storm(dir, kills ? (unsigned)strtoul(kills, NULL, 10) : KILLS);
    assert_ok(seglog_store_file_open(dir, false, &store, NULL));
    acks_check(store);
    assert_true(atomic_load(&shared->sealed) > 0);
    if (kills)
        print_message("%u segments, %u sealed and known, %u acknowledged\n",
                      atomic_load(&shared->current) + 1,
                      atomic_load(&shared->sealed),
                      atomic_load(&shared->ack_count));
    seglog_store_close(&store);
    assert_int_equal(munmap(shared, sizeof *shared), 0);
}

/* -- threads -------------------------------------------------------------- */

struct thread {
    struct seglog_store store;
    uint64_t life;
    const atomic_bool *stop;
};

static void *
writer_run(void *arg)
{
    const struct thread *thread = arg;

    writer_live(thread->store, thread->life, thread->stop);
    return NULL;
}

static void *
sealer_run(void *arg)
{
    const struct thread *thread = arg;

    sealer_live(thread->store, thread->life, thread->stop);
    return NULL;
}

static void
threads__append_while_two_seal__lose_nothing(void **state)
{
    struct seglog_store store = { 0 };
    struct thread threads[5];
    pthread_t ids[COUNT_OF(threads)];
    atomic_bool stop = false;

    (void)state;
    assert_int_equal(shared_setup(NULL), 0);
    assert_ok(seglog_store_memory_open(&store, NULL));
    for (unsigned i = 0; i < COUNT_OF(threads); i++) {
        threads[i] =
            (struct thread){ .store = store, .life = i + 1, .stop = &stop };
        assert_int_equal(pthread_create(&ids[i], NULL,
                                        i < 3 ? writer_run : sealer_run,
                                        &threads[i]),
                         0);
    }
    for (unsigned i = 0; i < 2000 && atomic_load(&shared->sealed) < 4; i++)
        test_sleep_ms(5);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(ids[i], NULL), 0);
    fault_check();
    assert_true(atomic_load(&shared->sealed) >= 4);
    acks_check(store);
    seglog_store_close(&store);
    assert_int_equal(munmap(shared, sizeof *shared), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            processes__killed_while_one_seals__lose_nothing, test_dir_setup,
            test_dir_teardown),
        cmocka_unit_test(threads__append_while_two_seal__lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
