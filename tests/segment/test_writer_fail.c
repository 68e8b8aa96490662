/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_fail.c
 *
 * Goal    when the store fails, nothing of the failed append is in the segment,
 *         what was buffered before is not lost, and after a failed sync nothing
 *         is promised any more.
 * Method  a store that fails at the k-th call, for all k.
 */
#define _POSIX_C_SOURCE 200809L /* fork */

#include "tests/segment/writer_support.h"

#include <sys/wait.h>
#include <unistd.h>

#include "src/segment/segment_writer.h"

static seglog_code
append_code(struct seglog_writer *writer, const char *text,
            enum seglog_level level, struct seglog_error *err)
{
    uint64_t number = 77;
    const seglog_code code = seglog_writer_append(
        writer, SEGLOG_TEXT, text, strlen(text), level, &number, err);

    if (code != SEGLOG_OK)
        assert_int_equal(number, 0);
    return code;
}

static void
expect_texts(struct seglog_store store, const char *const *texts, size_t count,
             size_t cuts)
{
    struct walked walked;

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(walked.records[i].len, strlen(texts[i]));
        assert_memory_equal(walked.records[i].data, texts[i],
                            walked.records[i].len);
    }
    assert_int_equal(walked.epoch >> 32, cuts);
    walked_free(&walked);
}

/* -- appends that fail ---------------------------------------------------- */

static void
append__no_space__takes_back_this_record_and_keeps_the_others(void **state)
{
    static const char *const texts[] = { "a", "b", "d" };
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", NULL);
    struct seglog_error err = { 0 };

    append_ok(writer, "a", 1);
    assert_ok(append_code(writer, "b", SEGLOG_LEVEL_APPEND, &err));
    faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1, SEGLOG_NO_SPACE);
    assert_code(append_code(writer, "c", SEGLOG_LEVEL_FLUSH, &err),
                SEGLOG_NO_SPACE);
    assert_int_equal(err.record_no, 2);
    assert_int_equal(err.line_no, 2);
    assert_int_equal(err.offset, 61);
    assert_int_equal(state_of(writer).buffered, 1);
    assert_int_equal(state_of(writer).next_record, 2);
    append_ok(writer, "d", 3);
    assert_ok(seglog_writer_close(writer, NULL));
    /* What was rolled back is a cut (SPEC.md 7.3). */
    expect_texts(store, texts, COUNT_OF(texts), 1);
}

static void
append__other_errors__are_no_cut(void **state)
{
    static const char *const texts[] = { "a", "c" };
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", NULL);

    append_ok(writer, "a", 1);
    faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1, SEGLOG_NO_MEMORY);
    assert_code(append_code(writer, "b", SEGLOG_LEVEL_FLUSH, NULL),
                SEGLOG_NO_MEMORY);
    append_ok(writer, "c", 2);
    assert_ok(seglog_writer_close(writer, NULL));
    expect_texts(store, texts, COUNT_OF(texts), 0);
}

static void
append__buffer_full_and_no_space__does_not_take_the_record(void **state)
{
    static const char *const texts[] = { "aaaa", "bbbb", "dddd" };
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_make(state);
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .buffer_bytes = 25 };
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", &options);

    assert_ok(append_code(writer, "aaaa", SEGLOG_LEVEL_APPEND, NULL));
    assert_ok(append_code(writer, "bbbb", SEGLOG_LEVEL_APPEND, NULL));
    faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1, SEGLOG_IO);
    assert_code(append_code(writer, "cccc", SEGLOG_LEVEL_APPEND, NULL),
                SEGLOG_IO);
    assert_int_equal(state_of(writer).buffered, 2);
    assert_ok(append_code(writer, "dddd", SEGLOG_LEVEL_APPEND, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    expect_texts(store, texts, COUNT_OF(texts), 1);
}

static void
group__no_space__takes_back_all_of_it(void **state)
{
    static const char *const texts[] = { "a", "d" };
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", NULL);
    const struct seglog_item items[] = { { SEGLOG_TEXT, "b", 1 },
                                         { SEGLOG_TEXT, "c", 1 } };

    assert_ok(append_code(writer, "a", SEGLOG_LEVEL_APPEND, NULL));
    faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1, SEGLOG_NO_SPACE);
    assert_code(seglog_writer_append_group(writer, items, 2, SEGLOG_LEVEL_FLUSH,
                                           NULL, NULL),
                SEGLOG_NO_SPACE);
    assert_int_equal(state_of(writer).buffered, 1);
    append_ok(writer, "d", 2);
    assert_ok(seglog_writer_close(writer, NULL));
    expect_texts(store, texts, COUNT_OF(texts), 1);
}

/* Buffered records that fail to flush stay, in their order. */
static void
flush__fails_twice__can_be_done_again(void **state)
{
    static const char *const texts[] = { "a", "b", "c" };
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", NULL);

    for (unsigned i = 0; i < 2; i++) {
        assert_ok(append_code(writer, texts[i], SEGLOG_LEVEL_APPEND, NULL));
        faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1, SEGLOG_NO_SPACE);
        assert_code(seglog_writer_flush(writer, NULL), SEGLOG_NO_SPACE);
        assert_int_equal(state_of(writer).buffered, i + 1);
    }
    assert_ok(append_code(writer, texts[2], SEGLOG_LEVEL_APPEND, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    expect_texts(store, texts, COUNT_OF(texts), 1);
}

/*
 * A run of many calls with a failure at each append of the store in turn.  What
 * was acknowledged is in the segment and nothing else; only where closing
 * failed may the last buffered ones be missing.
 */
static unsigned
run_with_failure(struct seglog_store store, unsigned k)
{
    struct seglog_faults *faulty = faulty_around(store);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct walked walked;
    char acknowledged[60];
    size_t count = 0;
    bool is_closed = false;
    unsigned appends = 0;
    char text[40];

    faulty_fail(faulty, SEGLOG_FAULT_APPEND, k,
                k % 2 ? SEGLOG_IO : SEGLOG_NO_SPACE);
    options.sync_log2 = 9;
    options.buffer_bytes = 100;
    options.create = SEGLOG_CREATE_NEW;
    writer = writer_open_ok(seglog_faults_store(faulty), "log", &options);
    memset(text, 'x', sizeof text);
    for (unsigned i = 0; i < sizeof acknowledged; i++) {
        const enum seglog_level level =
            i % 5 == 0 ? SEGLOG_LEVEL_FLUSH : SEGLOG_LEVEL_APPEND;

        text[0] = (char)(' ' + i);
        if (seglog_writer_append(writer, SEGLOG_TEXT, text, sizeof text, level,
                                 NULL, NULL) == SEGLOG_OK)
            acknowledged[count++] = text[0];
    }
    is_closed = seglog_writer_close(writer, NULL) == SEGLOG_OK;
    appends = faulty_count(faulty, SEGLOG_FAULT_APPEND);
    seglog_faults_free(faulty);

    walk_blob(store, "log", &walked);
    assert_true(count >= sizeof acknowledged - 1);
    assert_int_equal(walked.epoch >> 32, is_closed && k <= appends);
    if (is_closed)
        assert_int_equal(walked.record_count, count);
    for (size_t i = 0; i < walked.record_count; i++)
        assert_int_equal(walked.records[i].data[0], acknowledged[i]);
    assert_int_equal(walked.is_closed, is_closed);
    walked_free(&walked);
    assert_ok(seglog_store_remove(store, "log", NULL));
    return appends;
}

static void
run__any_append_fails__holds_what_was_acknowledged(void **state)
{
    const struct seglog_store store = store_of(state);
    unsigned k = 2; /* the first writes the header */

    while (run_with_failure(store, k) >= k)
        k++;
    assert_true(k > 30);
}

/* The next writer learns of the roll-back although this one died of it. */
static void
append__fails_and_the_process_dies__next_begins_an_epoch(void **state)
{
    static const char *const texts[] = { "a", "c" };
    const struct store_fixture *fixture = *state;
    struct seglog_writer *writer = NULL;
    const pid_t child = fork();
    int status = -1;

    assert_true(child >= 0);
    if (child == 0) {
        struct seglog_store store = { 0 };
        struct seglog_faults *faulty = NULL;

        if (seglog_store_file_open(fixture->dir, false, &store, NULL) !=
            SEGLOG_OK)
            _exit(1);
        faulty = faulty_around(store);
        faulty_fail(faulty, SEGLOG_FAULT_APPEND, 3, SEGLOG_NO_SPACE);
        if (seglog_writer_open(seglog_faults_store(faulty), "log", NULL,
                               &writer, NULL) != SEGLOG_OK ||
            seglog_writer_append(writer, SEGLOG_TEXT, "a", 1,
                                 SEGLOG_LEVEL_FLUSH, NULL, NULL) != SEGLOG_OK)
            _exit(2);
        _exit(seglog_writer_append(writer, SEGLOG_TEXT, "b", 1,
                                   SEGLOG_LEVEL_FLUSH, NULL,
                                   NULL) == SEGLOG_NO_SPACE
                  ? 0
                  : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    if (slg_boot_hash() == 0)
        skip();
    writer = writer_open_ok(fixture->store, "log", NULL);
    append_ok(writer, "c", 2);
    assert_ok(seglog_writer_close(writer, NULL));
    expect_texts(fixture->store, texts, COUNT_OF(texts), 1);
}

/* -- syncs that fail ------------------------------------------------------ */

static void
expect_poisoned(struct seglog_writer *writer)
{
    const struct seglog_item item = { SEGLOG_TEXT, "x", 1 };
    const struct seglog_finding gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                        .first_record = 3,
                                        .last_record = 3 };
    struct seglog_error err = { 0 };
    char text[128];

    for (unsigned i = 0; i < 2; i++) {
        assert_code(append_code(writer, "x", SEGLOG_LEVEL_APPEND, &err),
                    SEGLOG_POISONED);
        assert_int_equal(err.code, SEGLOG_POISONED);
        assert_string_equal(err.name, "log");
        assert_code(seglog_writer_append_group(writer, &item, 1,
                                               SEGLOG_LEVEL_FLUSH, NULL, &err),
                    SEGLOG_POISONED);
        assert_code(seglog_writer_append_gap(writer, &gap, &err),
                    SEGLOG_POISONED);
        assert_code(seglog_writer_flush(writer, &err), SEGLOG_POISONED);
        assert_code(seglog_writer_sync(writer, &err), SEGLOG_POISONED);
    }
    seglog_writer_describe(writer, text, sizeof text);
    assert_non_null(strstr(text, "poisoned"));
    assert_code(seglog_writer_close(writer, &err), SEGLOG_POISONED);
}

static void
sync__fails__poisons_the_writer_for_ever(void **state)
{
    static const char *const texts[] = { "a", "b" };
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", NULL);
    struct seglog_error err = { 0 };

    append_ok(writer, "a", 1);
    assert_ok(append_code(writer, "b", SEGLOG_LEVEL_APPEND, NULL));
    const unsigned syncs = faulty_count(faulty, SEGLOG_FAULT_SYNC);
    faulty_fail(faulty, SEGLOG_FAULT_SYNC, 1, SEGLOG_IO);
    assert_code(seglog_writer_sync(writer, &err), SEGLOG_IO);
    assert_int_equal(state_of(writer).watermark, 0);
    expect_poisoned(writer);
    /* Never tried again. */
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_SYNC), syncs + 1);
    expect_texts(store, texts, COUNT_OF(texts), 0);
}

/* IO would say that the record is not in the segment: it is. */
static void
append__its_sync_fails__is_poisoned(void **state)
{
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", NULL);
    struct seglog_error err = { 0 };

    faulty_fail(faulty, SEGLOG_FAULT_SYNC, 1, SEGLOG_IO);
    assert_code(append_code(writer, "a", SEGLOG_LEVEL_SYNC, &err),
                SEGLOG_POISONED);
    assert_int_equal(err.code, SEGLOG_POISONED);
    expect_poisoned(writer);
}

static void
append__store_cannot_roll_back_or_flush__is_poisoned(void **state)
{

    for (unsigned i = 0; i < 2; i++) {
        struct seglog_faults *faulty = faulty_make(state);
        struct seglog_writer *writer =
            writer_open_ok(seglog_faults_store(faulty), "log", NULL);

        if (i == 0)
            faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1, SEGLOG_POISONED);
        else
            faulty_fail(faulty, SEGLOG_FAULT_FLUSH, 1, SEGLOG_IO);
        assert_code(append_code(writer, "a", SEGLOG_LEVEL_FLUSH, NULL),
                    SEGLOG_POISONED);
        expect_poisoned(writer);
    }
}

/* What was rolled back has to be durably gone before anything else is done. */
static void
append__fails_and_so_does_the_sync_of_the_roll_back__is_poisoned(void **state)
{
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", NULL);

    faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1, SEGLOG_NO_SPACE);
    faulty_fail(faulty, SEGLOG_FAULT_SYNC, 1, SEGLOG_IO);
    assert_code(append_code(writer, "a", SEGLOG_LEVEL_FLUSH, NULL),
                SEGLOG_NO_SPACE);
    expect_poisoned(writer);
}

/* -- opening and closing -------------------------------------------------- */

static void
open__header_cannot_be_written__leaves_no_blob(void **state)
{
    struct seglog_faults *faulty = faulty_make(state);
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .create = SEGLOG_CREATE_NEW,
    };
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1, SEGLOG_NO_SPACE);
    assert_code(seglog_writer_open(seglog_faults_store(faulty), "log", &options,
                                   &writer, &err),
                SEGLOG_NO_SPACE);
    assert_null(writer);
    writer = writer_open_ok(seglog_faults_store(faulty), "log", &options);
    append_ok(writer, "a", 1);
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
close__something_fails__frees_and_says_how_far_it_got(void **state)
{
    static const char *const texts[] = { "a", "b" };
    const struct seglog_store store = store_of(state);

    /* The flush, the sync, the closing mark, the sync of that. */
    for (unsigned i = 0; i < 4; i++) {
        struct seglog_faults *faulty = faulty_make(state);
        struct seglog_writer *writer =
            writer_open_ok(seglog_faults_store(faulty), "log", NULL);
        struct seglog_error err = { 0 };

        append_ok(writer, "a", 1);
        assert_ok(append_code(writer, "b", SEGLOG_LEVEL_APPEND, NULL));
        if (i % 2 == 0)
            faulty_fail(faulty, SEGLOG_FAULT_APPEND, 1 + i / 2,
                        SEGLOG_NO_SPACE);
        else
            faulty_fail(faulty, SEGLOG_FAULT_SYNC, 1 + i / 2, SEGLOG_IO);
        assert_code(seglog_writer_close(writer, &err),
                    i % 2 == 0 ? SEGLOG_NO_SPACE : SEGLOG_IO);
        assert_int_equal(err.record_no, i == 0 ? 2 : 3);
        expect_texts(store, texts, i == 0 ? 1 : 2, 0);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

#define ON_ALL(test) on_memory(test), on_file(test), on_encrypted(test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(append__no_space__takes_back_this_record_and_keeps_the_others),
        ON_ALL(append__other_errors__are_no_cut),
        ON_ALL(append__buffer_full_and_no_space__does_not_take_the_record),
        ON_ALL(group__no_space__takes_back_all_of_it),
        ON_ALL(flush__fails_twice__can_be_done_again),
        ON_ALL(run__any_append_fails__holds_what_was_acknowledged),
        on_file(append__fails_and_the_process_dies__next_begins_an_epoch),
        ON_ALL(sync__fails__poisons_the_writer_for_ever),
        ON_ALL(append__its_sync_fails__is_poisoned),
        ON_ALL(append__store_cannot_roll_back_or_flush__is_poisoned),
        ON_ALL(
            append__fails_and_so_does_the_sync_of_the_roll_back__is_poisoned),
        ON_ALL(open__header_cannot_be_written__leaves_no_blob),
        ON_ALL(close__something_fails__frees_and_says_how_far_it_got),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
