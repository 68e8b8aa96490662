/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_shared.c
 *
 * Goal    writers that share a segment, in one process and in many, lose and
 *         overwrite nothing of each other, whatever one of them does or how
 *         it ends.
 * Method  writers side by side on one store, with and without the hint in the
 *         lock; child processes; the walker checks every byte.
 */
#define _POSIX_C_SOURCE 200809L /* kill, fork */

#include "tests/segment/writer_support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/segment/segment_writer.h"

static struct seglog_writer_options
shared_options(void)
{
    struct seglog_writer_options options = writer_options_fixed();

    options.mode = SEGLOG_WRITER_SHARED;
    options.lock_timeout_ms = 60000;
    return options;
}

static void
buffer_ok(struct seglog_writer *writer, const char *text)
{
    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, text, strlen(text),
                                   SEGLOG_LEVEL_APPEND, NULL, NULL));
}

/* -- two writers ---------------------------------------------------------- */

static void
two_writers__taking_turns__number_consecutively(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = shared_options();
    struct seglog_writer *a = writer_open_ok(store, "log", &options);
    struct seglog_writer *b = writer_open_ok(store, "log", &options);
    struct walked walked;

    append_ok(a, "1", 1);
    append_ok(b, "2", 2);
    append_ok(b, "3", 3);
    append_ok(a, "4", 4);
    assert_int_equal(state_of(b).next_record, 4); /* as far as it knows */
    append_ok(b, "5", 5);
    close_ok(a);
    append_ok(b, "6", 6);
    close_ok(b);

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(walked.records[i].data[0], '1' + i);
    /* That of a stays where it is, within the segment. */
    assert_int_equal(walked.mark_count, 2);
    assert_true(walked.is_closed);
    assert_true(walked.records[5].is_durable);
    walked_free(&walked);
}

/* The second one waits in its buffer while the first one appends. */
static void
buffered__somebody_else_was_faster__moves_behind_it(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = shared_options();
    struct seglog_writer *a = writer_open_ok(store, "log", &options);
    struct seglog_writer *b = writer_open_ok(store, "log", &options);
    const struct seglog_item items[] = { { SEGLOG_PART, "b2", 2 },
                                         { SEGLOG_BYTES, "\n", 1 } };
    struct walked walked;
    uint64_t number = 0;

    buffer_ok(b, "b1");
    assert_ok(seglog_writer_append_group(b, items, 2, SEGLOG_LEVEL_APPEND, NULL,
                                         NULL));
    append_ok(a, "a1", 1);
    append_ok(a, "a2", 2);
    assert_ok(seglog_writer_append(b, SEGLOG_TEXT, "b4", 2, SEGLOG_LEVEL_SYNC,
                                   &number, NULL));
    assert_int_equal(number, 6);
    append_ok(a, "a3", 7);
    close_ok(a);
    close_ok(b);

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 7);
    assert_memory_equal(walked.records[2].data, "b1", 2);
    assert_memory_equal(walked.records[5].data, "b4", 2);
    assert_int_equal(walked.line, 1 + 6);
    /* b's sync covered all before a3, and a learned of it. */
    assert_int_equal(walked.records[6].is_durable, false);
    assert_int_equal(walked.mark_count, 1);
    walked_free(&walked);
}

/*
 * Frames that had to move are the same as if they had been encoded for their
 * place, sync points, DURABLE heads and digests included.
 */
static void
moved_frames__any_mixture__equal_those_of_an_exclusive_writer(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = shared_options();
    struct seglog_writer *one = NULL;
    struct seglog_writer *two = NULL;
    struct seglog_writer *alone = NULL;
    uint64_t seed = 11;
    uint8_t *data = malloc(100000);
    uint8_t *bytes[2] = { NULL, NULL };
    size_t lens[2];

    assert_non_null(data);
    memset(data, 'm', 100000);
    options.sync_log2 = 10;
    options.no_closing_mark = true;
    one = writer_open_ok(store, "log", &options);
    two = writer_open_ok(store, "log", &options);
    options.mode = SEGLOG_WRITER_EXCLUSIVE;
    alone = writer_open_ok(store, "alone", &options);
    for (unsigned round = 0; round < 60; round++) {
        const unsigned waiting = (unsigned)(test_random(&seed) % 6);
        const uint64_t first = test_random(&seed);
        uint64_t again = first;

        for (unsigned i = 0; i < waiting; i++) {
            const size_t len = (size_t)(test_random(&again) % 700);
            const struct seglog_item items[] = { { SEGLOG_PART, data, len },
                                                 { SEGLOG_TEXT, data, i } };

            if (len % 3 == 0)
                assert_ok(seglog_writer_append_group(
                    two, items, 2, SEGLOG_LEVEL_APPEND, NULL, NULL));
            else
                assert_ok(seglog_writer_append(
                    two, SEGLOG_TEXT, data, round % 9 ? len : 12000 * i,
                    SEGLOG_LEVEL_APPEND, NULL, NULL));
        }
        assert_ok(seglog_writer_append(one, SEGLOG_TEXT, data, round,
                                       SEGLOG_LEVEL_FLUSH, NULL, NULL));
        assert_ok(seglog_writer_append(alone, SEGLOG_TEXT, data, round,
                                       SEGLOG_LEVEL_FLUSH, NULL, NULL));
        assert_ok(seglog_writer_flush(two, NULL));
        again = first;
        for (unsigned i = 0; i < waiting; i++) {
            const size_t len = (size_t)(test_random(&again) % 700);
            const struct seglog_item items[] = { { SEGLOG_PART, data, len },
                                                 { SEGLOG_TEXT, data, i } };

            if (len % 3 == 0)
                assert_ok(seglog_writer_append_group(
                    alone, items, 2, SEGLOG_LEVEL_APPEND, NULL, NULL));
            else
                assert_ok(seglog_writer_append(
                    alone, SEGLOG_TEXT, data, round % 9 ? len : 12000 * i,
                    SEGLOG_LEVEL_APPEND, NULL, NULL));
        }
        assert_ok(seglog_writer_flush(alone, NULL));
        if (round % 10 == 5 && waiting > 0) {
            assert_ok(seglog_writer_sync(two, NULL));
            assert_ok(seglog_writer_sync(alone, NULL));
            /* The other one learns of it from the hint after this. */
            assert_ok(seglog_writer_append(two, SEGLOG_TEXT, "d", 1,
                                           SEGLOG_LEVEL_FLUSH, NULL, NULL));
            assert_ok(seglog_writer_append(alone, SEGLOG_TEXT, "d", 1,
                                           SEGLOG_LEVEL_FLUSH, NULL, NULL));
        }
    }
    close_ok(one);
    close_ok(two);
    close_ok(alone);
    bytes[0] = blob_read(store, "log", &lens[0]);
    bytes[1] = blob_read(store, "alone", &lens[1]);
    assert_int_equal(lens[0], lens[1]);
    assert_memory_equal(bytes[0], bytes[1], lens[0]);
    assert_true(lens[0] > 100000);
    free(bytes[0]);
    free(bytes[1]);
    free(data);
    {
        struct walked walked;

        walk_blob(store, "log", &walked);
        walked_free(&walked);
    }
}

/* -- the hint ------------------------------------------------------------- */

static void
hint__there__saves_reading_what_others_wrote(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = shared_options();
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *a = writer_open_ok(store, "log", &options);
    struct seglog_writer *b =
        writer_open_ok(seglog_faults_store(faulty), "log", &options);

    if (slg_boot_hash() == 0)
        skip();
    append_ok(a, "1", 1);
    seglog_faults_reset_counts(faulty);
    append_ok(b, "2", 2);
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_READ), 0);
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_GET_SIZE), 1);
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_APPEND), 1);
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_SYNC), 0);
    /* Without one the frames of the other are walked. */
    append_ok(a, "3", 3);
    hint_fill(store, "log", 0);
    append_ok(b, "4", 4);
    assert_true(faulty_count(faulty, SEGLOG_FAULT_READ) > 0);
    close_ok(a);
    close_ok(b);
}

static void
hint__damaged_or_of_another_segment__is_ignored(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = shared_options();
    struct seglog_writer *a = writer_open_ok(store, "log", &options);
    struct seglog_writer *b = writer_open_ok(store, "log", &options);
    struct seglog_lock lock = { 0 };
    uint8_t *hint = NULL;
    struct walked walked;
    uint64_t number = 1;

    assert_ok(seglog_lock_open(store, "log", &lock, NULL));
    for (unsigned bit = 0; bit < 96 * 8; bit += 5) {
        append_ok(a, "a", number++);
        assert_ok(seglog_lock_acquire(lock, 1000, NULL));
        hint = seglog_lock_get_hint(lock);
        if (hint)
            hint[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_ok(seglog_lock_release(lock, NULL));
        append_ok(b, "b", number++);
    }
    seglog_lock_close(&lock);
    close_ok(a);
    close_ok(b);
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.number, number);
    walked_free(&walked);

    /* A new segment under the old name, and with it the old hint. */
    assert_ok(seglog_store_remove(store, "log", NULL));
    options.identity = NULL;
    a = writer_open_ok(store, "log", &options);
    append_ok(a, "a", 1);
    close_ok(a);
}

/* -- others that do worse ------------------------------------------------- */

/* A writer died within its write: its bytes are not a frame. */
static void
torn_bytes__of_a_dead_writer__are_cut_and_kept(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = shared_options();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_blob blob = { 0 };
    struct walked walked;
    uint8_t *torn = NULL;
    size_t torn_len = 0;

    append_ok(writer, "1", 1);
    buffer_ok(writer, "2");
    assert_ok(seglog_blob_open(store, "log", SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(
        seglog_blob_append(blob, SEGLOG_END_ANY, "\x20\x05hel", 5, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    /* Not under the lock: it is looked at once in a while. */
    test_sleep_ms(15);
    append_ok(writer, "3", 3);
    assert_int_equal(state_of(writer).torn_bytes, 5);
    close_ok(writer);

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 3);
    assert_int_equal(walked.sync_count, 1);
    assert_int_equal(walked.syncs[0].number, 2);
    assert_int_equal(walked.epoch, UINT64_C(1) << 32 | WRITER_EPOCH);
    walked_free(&walked);
    torn = blob_read(store, "log.torn", &torn_len);
    assert_int_equal(torn_len, 5);
    assert_memory_equal(torn, "\x20\x05hel", 5);
    free(torn);
}

static void
damage__by_another__is_corrupt_and_takes_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = shared_options();
    struct seglog_writer *a = writer_open_ok(store, "log", &options);
    struct seglog_writer *b = writer_open_ok(store, "log", &options);
    struct seglog_error err = { 0 };
    uint8_t *bytes = NULL;
    size_t len = 0;

    append_ok(a, "one", 1);
    append_ok(b, "two", 2);
    append_ok(b, "three", 3);
    bytes = blob_read(store, "log", &len);
    bytes[54 + 9 + 3] ^= 1;
    blob_write(store, "log", bytes, len);
    hint_fill(store, "log", 0);
    buffer_ok(a, "kept");
    for (unsigned i = 0; i < 2; i++) {
        assert_code(seglog_writer_append(a, SEGLOG_TEXT, "x", 1,
                                         SEGLOG_LEVEL_FLUSH, NULL, &err),
                    SEGLOG_CORRUPT);
        assert_int_equal(err.record_no, 2);
        assert_int_equal(err.offset, 54 + 9);
        assert_int_equal(state_of(a).buffered, 1);
    }
    assert_code(seglog_writer_close(a, &err), SEGLOG_CORRUPT);
    free(bytes);
    bytes = blob_read(store, "log", &len);
    assert_int_equal(len, 54 + 9 + 9 + 11);
    free(bytes);
    (void)seglog_writer_close(b, NULL);
}

static void
replaced__under_an_open_writer__is_sealed(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = shared_options();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_error err = { 0 };
    uint8_t *bytes = NULL;
    size_t len = 0;

    append_ok(writer, "1", 1);
    bytes = blob_read(store, "log", &len);
    blob_write(store, "new", bytes, len);
    assert_ok(seglog_store_replace(store, "new", "log", NULL));
    /* By somebody who took no lock: it is looked at once in a while. */
    test_sleep_ms(15);
    assert_code(seglog_writer_append(writer, SEGLOG_TEXT, "2", 1,
                                     SEGLOG_LEVEL_FLUSH, NULL, &err),
                SEGLOG_SEALED);
    assert_string_equal(err.name, "log");
    assert_int_equal(state_of(writer).buffered, 0);
    free(bytes);
    bytes = blob_read(store, "log", &len);
    assert_int_equal(len, 61);
    free(bytes);
    assert_code(seglog_writer_close(writer, &err), SEGLOG_SEALED);
}

static void
lock_held_by_another__keeps_the_record_buffered(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = shared_options();
    struct seglog_writer *writer = NULL;
    struct seglog_lock lock = { 0 };
    struct seglog_error err = { 0 };
    struct walked walked;
    uint64_t number = 77;

    options.lock_timeout_ms = 10;
    options.buffer_bytes = 20;
    writer = writer_open_ok(store, "log", &options);
    assert_ok(seglog_lock_open(store, "log", &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_code(seglog_writer_append(writer, SEGLOG_TEXT, "1", 1,
                                     SEGLOG_LEVEL_FLUSH, &number, &err),
                SEGLOG_LOCKED);
    assert_int_equal(number, 0);
    assert_int_equal(err.code, SEGLOG_LOCKED);
    assert_int_equal(state_of(writer).buffered, 1);
    /* The buffer is full, and it is kept all the same. */
    assert_code(seglog_writer_append(writer, SEGLOG_TEXT, "a longer one", 12,
                                     SEGLOG_LEVEL_APPEND, NULL, &err),
                SEGLOG_LOCKED);
    assert_int_equal(state_of(writer).buffered, 2);
    assert_code(seglog_writer_flush(writer, &err), SEGLOG_LOCKED);
    assert_ok(seglog_lock_release(lock, NULL));
    append_ok(writer, "3", 3);
    close_ok(writer);
    seglog_lock_close(&lock);
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 3);
    walked_free(&walked);
}

static void
gap__shared__is_invalid(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = shared_options();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    const struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .first_record = 1,
        .last_record = 1,
    };

    assert_code(seglog_writer_append_gap(writer, &gap, NULL), SEGLOG_INVALID);
    close_ok(writer);
}

/*
 * A write that was rolled back is a cut, also for the writer that comes next
 * and has not seen it.
 */
static void
roll_back__by_another__makes_the_next_begin_an_epoch(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = shared_options();
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *a =
        writer_open_ok(seglog_faults_store(faulty), "log", &options);
    struct seglog_writer *b = writer_open_ok(store, "log", &options);
    struct walked walked;

    if (slg_boot_hash() == 0)
        skip();
    append_ok(a, "1", 1);
    faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1, SEGLOG_NO_SPACE);
    assert_code(seglog_writer_append(a, SEGLOG_TEXT, "x", 1, SEGLOG_LEVEL_FLUSH,
                                     NULL, NULL),
                SEGLOG_NO_SPACE);
    append_ok(b, "2", 2);
    append_ok(a, "3", 3);
    close_ok(a);
    close_ok(b);
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 3);
    assert_int_equal(walked.sync_count, 1);
    assert_int_equal(walked.syncs[0].number, 2);
    walked_free(&walked);
}

/* A shared writer sees what an exclusive one did in between. */
static void
exclusive_writer__in_between__is_seen(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = shared_options();
    struct seglog_writer *shared = writer_open_ok(store, "log", &options);
    struct seglog_writer *exclusive = NULL;
    struct walked walked;

    append_ok(shared, "1", 1);
    options.mode = SEGLOG_WRITER_EXCLUSIVE;
    exclusive = writer_open_ok(store, "log", &options);
    append_ok(exclusive, "2", 2);
    close_ok(exclusive);
    append_ok(shared, "3", 3);
    exclusive = writer_open_ok(store, "log", &options);
    append_ok(exclusive, "4", 4);
    close_ok(exclusive);
    hint_fill(store, "log", 0xA5);
    append_ok(shared, "5", 5);
    close_ok(shared);
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 5);
    walked_free(&walked);
}

/* -- processes ------------------------------------------------------------ */

#define CHILDREN 4u
#define EACH     500u

/* In a child: no assertion may return into the test. */
static int
child_append(const char *dir, unsigned who)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .lock_timeout_ms = 60000,
        .sync_log2 = 10,
    };
    struct seglog_store store = { 0 };
    struct seglog_writer *writer = NULL;
    uint64_t last = 0;

    if (seglog_store_file_open(dir, false, &store, NULL) != SEGLOG_OK ||
        seglog_writer_open(store, "log", &options, &writer, NULL) != SEGLOG_OK)
        return 1;
    for (unsigned i = 0; i < EACH; i++) {
        char text[32];
        uint64_t number = 0;
        const int len =
            snprintf(text, sizeof text, "writer %u says %u", who, i);
        const enum seglog_level level =
            i % 3 == who % 3 ? SEGLOG_LEVEL_APPEND : SEGLOG_LEVEL_FLUSH;

        if (seglog_writer_append(writer, SEGLOG_TEXT, text, (size_t)len, level,
                                 &number, NULL) != SEGLOG_OK)
            return 2;
        if (level == SEGLOG_LEVEL_FLUSH && number <= last)
            return 3;
        if (number != 0)
            last = number;
    }
    if (seglog_writer_close(writer, NULL) != SEGLOG_OK)
        return 4;
    seglog_store_close(&store);
    return 0;
}

static void
processes__appending_at_once__lose_nothing(void **state)
{
    const struct store_fixture *fixture = *state;
    pid_t children[CHILDREN];
    unsigned next[CHILDREN] = { 0 };
    struct walked walked;

    for (unsigned who = 0; who < CHILDREN; who++) {
        children[who] = fork();
        assert_true(children[who] >= 0);
        if (children[who] == 0)
            _exit(child_append(fixture->dir, who));
    }
    for (unsigned who = 0; who < CHILDREN; who++) {
        int status = -1;

        assert_int_equal(waitpid(children[who], &status, 0), children[who]);
        assert_int_equal(status, 0);
    }

    /* The walker has checked that the numbers are consecutive. */
    walk_blob(fixture->store, "log", &walked);
    assert_int_equal(walked.record_count, CHILDREN * EACH);
    assert_int_equal(walked.number, CHILDREN * EACH + 1);
    for (size_t i = 0; i < walked.record_count; i++) {
        const struct walked_record *record = &walked.records[i];
        const unsigned who = (unsigned)record->data[7] - '0';
        char text[32];
        int len = 0;

        assert_in_range(who, 0, CHILDREN - 1);
        len =
            snprintf(text, sizeof text, "writer %u says %u", who, next[who]++);
        assert_int_equal(record->len, len);
        assert_memory_equal(record->data, text, record->len);
    }
    walked_free(&walked);
}

/* Appends until it is killed, and tells through a pipe what it has done. */
static void
child_append_for_ever(const char *dir, int pipe_fd)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .sync_log2 = 9,
    };
    struct seglog_store store = { 0 };
    struct seglog_writer *writer = NULL;

    if (seglog_store_file_open(dir, false, &store, NULL) != SEGLOG_OK ||
        seglog_writer_open(store, "log", &options, &writer, NULL) != SEGLOG_OK)
        _exit(1);
    for (;;) {
        uint64_t number = 0;

        if (seglog_writer_append(writer, SEGLOG_TEXT, "for ever", 8,
                                 SEGLOG_LEVEL_FLUSH, &number,
                                 NULL) != SEGLOG_OK ||
            write(pipe_fd, &number, sizeof number) != sizeof number)
            _exit(2);
    }
}

static void
process__killed_at_any_time__leaves_all_it_acknowledged(void **state)
{
    const struct store_fixture *fixture = *state;
    const struct seglog_writer_options options = shared_options();
    struct seglog_writer *writer =
        writer_open_ok(fixture->store, "log", &options);
    uint64_t seed = 5;
    struct walked walked;

    for (unsigned round = 0; round < 15; round++) {
        const unsigned wanted = 1 + (unsigned)(test_random(&seed) % 40);
        uint64_t acknowledged = 0;
        uint64_t number = 0;
        uint64_t own = 0;
        int fds[2];
        pid_t child = 0;

        assert_int_equal(pipe(fds), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(fds[0]);
            child_append_for_ever(fixture->dir, fds[1]);
        }
        (void)close(fds[1]);
        for (unsigned i = 0; i < wanted; i++)
            assert_int_equal(read(fds[0], &number, sizeof number),
                             sizeof number);
        assert_int_equal(kill(child, SIGKILL), 0);
        acknowledged = number;
        while (read(fds[0], &number, sizeof number) == sizeof number)
            acknowledged = number;
        (void)close(fds[0]);
        assert_int_equal(waitpid(child, NULL, 0), child);

        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "own", 3,
                                       SEGLOG_LEVEL_FLUSH, &own, NULL));
        /* One more may have been written than it could tell. */
        assert_in_range(own, acknowledged + 1, acknowledged + 2);
        walk_blob(fixture->store, "log", &walked);
        assert_int_equal(walked.number, own + 1);
        walked_free(&walked);
    }
    close_ok(writer);
}

/* The others rely on being told, and it cannot know what they rely on. */
static void
hint__writer_that_does_not_know_the_boot__is_seen_all_the_same(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = shared_options();
    struct seglog_writer *a = writer_open_ok(store, "log", &options);
    struct seglog_writer *b = writer_open_ok(store, "log", &options);
    struct walked walked;

    append_ok(a, "1", 1);
    a->boot = 0; /* as where there is no file that tells it */
    append_ok(b, "2", 2);
    append_ok(a, "3", 3);
    append_ok(b, "4", 4);
    append_ok(a, "5", 5);
    close_ok(a);
    close_ok(b);

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(walked.records[i].data[0], '1' + i);
    walked_free(&walked);
}

#define ON_ALL(test) on_memory(test), on_file(test), on_encrypted(test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(two_writers__taking_turns__number_consecutively),
        ON_ALL(buffered__somebody_else_was_faster__moves_behind_it),
        ON_ALL(moved_frames__any_mixture__equal_those_of_an_exclusive_writer),
        ON_ALL(hint__there__saves_reading_what_others_wrote),
        ON_ALL(hint__damaged_or_of_another_segment__is_ignored),
        ON_ALL(hint__writer_that_does_not_know_the_boot__is_seen_all_the_same),
        ON_ALL(torn_bytes__of_a_dead_writer__are_cut_and_kept),
        ON_ALL(damage__by_another__is_corrupt_and_takes_nothing),
        ON_ALL(replaced__under_an_open_writer__is_sealed),
        ON_ALL(lock_held_by_another__keeps_the_record_buffered),
        ON_ALL(gap__shared__is_invalid),
        ON_ALL(roll_back__by_another__makes_the_next_begin_an_epoch),
        ON_ALL(exclusive_writer__in_between__is_seen),
        on_file(processes__appending_at_once__lose_nothing),
        on_file(process__killed_at_any_time__leaves_all_it_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
