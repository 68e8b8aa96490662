/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_reader_follow.c
 *
 * Goal    beside a writer a reader hands out what is appended, once, and waits
 *         for it.
 * Method  a forged segment is given to the store bit by bit, also by another
 *         thread or process, while a reader waits at its end.
 */
#define _GNU_SOURCE /* fork, waitpid */

#include "tests/segment/reader_support.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- beside a writer ------------------------------------------------------- */

static void
live__at_end__sees_later_appends_once(void **state)
{
    struct forge forge;

    (void)state;
    make_stretches(&forge, 10);
    (void)forge_close(&forge);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();

        blob_replace(store, "log", forge.bytes, HEADER);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        for (size_t i = 0; i < forge.frame_count; i++) {
            const struct forge_frame *frame = &forge.frames[i];

            expect_code(reader, SEGLOG_END);
            blob_add(store, "log", forge.bytes + frame->offset, frame->len);
            if (frame->control == 0)
                expect_records(reader, &forge, frame->number,
                               frame->number + frame->count - 1);
        }
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
}

/* Bytes appear one at a time; a record is there exactly when its last is. */
static void
live__frames_appearing_piecewise__are_never_damage(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    forge_fill_groups(&forge, 1, 3, 20);
    uint8_t *copy = exact_copy(forge.bytes + HEADER, forge.len - HEADER);
    (void)forge_put(&forge, SEGLOG_BYTES, copy, forge.len - HEADER);
    free(copy);
    (void)forge_sync(&forge);
    (void)forge_close(&forge);
    forge_fill(&forge, 1, 300);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();
        uint64_t number = 1;

        blob_replace(store, "log", "", 0);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        for (size_t at = 0; at < forge.len; at++) {
            struct seglog_event event;
            struct seglog_error err = { 0 };
            seglog_code code;

            blob_add(store, "log", forge.bytes + at, 1);
            while ((code = seglog_reader_next(reader, &event, &err)) ==
                   SEGLOG_OK) {
                if (event.type == SEGLOG_EVENT_GAP) {
                    assert_true(salvage != 0);
                    assert_int_equal(event.finding.verdict,
                                     SEGLOG_VERDICT_TORN);
                    continue;
                }
                const struct forge_frame *frame =
                    forge_frame_of(&forge, event.record.record_no);
                assert_int_equal(event.record.record_no, number++);
                assert_int_equal(frame->offset + frame->len, at + 1);
            }
            assert_code_err(code, SEGLOG_END, &err);
            expect_code(reader, SEGLOG_END);
        }
        assert_int_equal(number, forge.number);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
}

static void
live__a_torn_tail_cut_and_written_again__continues_with_the_new(void **state)
{
    struct forge old;
    struct forge forge;

    (void)state;
    forge_start(&old);
    forge_fill(&old, 11, 40);
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    const size_t cut = forge.len;
    (void)forge_new_epoch(&forge, 11);
    forge_fill(&forge, 3, 51);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();

        blob_replace(store, "log", old.bytes, old.len - 7);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        expect_records(reader, &forge, 1, 10);
        if (salvage != 0)
            expect_gap(reader, "TORN torn 11-? l11 @514+39 s? no");
        expect_code(reader, SEGLOG_END);
        blob_cut(store, "log", cut);
        expect_code(reader, SEGLOG_END);
        blob_add(store, "log", forge.bytes + cut, forge.len - cut);
        expect_records(reader, &forge, 11, 13);
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
    forge_free(&old);
}

static void
live__torn_bytes_passed_over__continues_behind_them(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 11, 40);
    forge.len -= 7;
    const size_t torn = forge.len;
    (void)forge_new_epoch(&forge, 11);
    forge_fill(&forge, 3, 51);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();

        blob_replace(store, "log", forge.bytes, torn);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        expect_records(reader, &forge, 1, 10);
        if (salvage != 0)
            expect_gap(reader, "TORN torn 11-? l11 @514+39 s? no");
        expect_code(reader, SEGLOG_END);
        blob_add(store, "log", forge.bytes + torn, forge.len - torn);
        if (salvage != 0)
            expect_gap(reader, "TORN passed-over - l- @514+39 s0 no");
        expect_records(reader, &forge, 11, 13);
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
}

static void
live__behind_damage__goes_on_at_the_end(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    forge.bytes[HEADER + 2 * RECORD + 9] ^= 1;
    log_put(store, &forge);
    const size_t from = forge.len;
    forge_fill(&forge, 5, 40);
    (void)forge_sync(&forge);
    forge_fill(&forge, 2, 40);
    struct seglog_reader *reader = reader_open(store, true, 0);
    expect_records(reader, &forge, 1, 2);
    expect_gap(reader, "CORRUPT checksum 3-3 l3 @146+46 s? unknown");
    expect_records(reader, &forge, 4, 10);
    expect_code(reader, SEGLOG_END);
    blob_add(store, "log", forge.bytes + from, RECORD + 11);
    expect_record(reader, &forge, 11);
    expect_gap(reader, "TORN torn 12-? l12 @560+11 s? no");
    expect_code(reader, SEGLOG_END);
    blob_add(store, "log", forge.bytes + from + RECORD + 11,
             forge.len - from - RECORD - 11);
    expect_records(reader, &forge, 12, 17);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
live__damage_and_a_torn_tail__the_tail_may_still_become_whole(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    forge.bytes[HEADER + 2 * RECORD + 9] ^= 1;
    blob_replace(store, "log", forge.bytes, forge.len - 9);
    struct seglog_reader *reader = reader_open(store, true, 0);
    expect_records(reader, &forge, 1, 2);
    expect_gap(reader, "CORRUPT checksum 3-3 l3 @146+46 s? unknown");
    expect_records(reader, &forge, 4, 9);
    expect_gap(reader, "TORN torn 10-? l10 @468+37 s? no");
    expect_code(reader, SEGLOG_END);
    expect_code(reader, SEGLOG_END);
    blob_add(store, "log", forge.bytes + forge.len - 9, 9);
    expect_record(reader, &forge, 10);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
live__cut_before_its_place__is_conflict_until_it_seeks(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_event event;
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_records(reader, &forge, 1, 10);
    expect_code(reader, SEGLOG_END);
    const size_t cut = HEADER + 8 * RECORD;
    blob_cut(store, "log", cut);
    for (unsigned i = 0; i < 2; i++)
        assert_code_err(seglog_reader_next(reader, &event, &err),
                        SEGLOG_CONFLICT, &err);
    assert_int_equal(err.offset, HEADER + 10 * RECORD);
    seek_ok(reader, 9);
    expect_code(reader, SEGLOG_END);
    forge.len = cut;
    (void)forge_new_epoch(&forge, 9);
    forge_fill(&forge, 3, 41);
    blob_add(store, "log", forge.bytes + cut, forge.len - cut);
    expect_records(reader, &forge, 9, 11);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
live__cut_and_overgrown_before_it_looked__is_not_silent(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_records(reader, &forge, 1, 10);
    const size_t cut = HEADER + 8 * RECORD;
    forge.len = cut;
    (void)forge_new_epoch(&forge, 9);
    /* A frame of the new epoch starts exactly where the reader stands. */
    (void)forge_text(&forge, "abcd");
    assert_int_equal(forge.len, HEADER + 10 * RECORD);
    forge_fill(&forge, 6, 40);
    blob_cut(store, "log", cut);
    blob_add(store, "log", forge.bytes + cut, forge.len - cut);
    expect_code(reader, SEGLOG_CONFLICT);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

/* -- wait ------------------------------------------------------------------ */

static void
wait__nothing_comes__ends_after_the_timeout(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 1, 40);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_record(reader, &forge, 1);
    expect_code(reader, SEGLOG_END);
    const int64_t start = test_now_ms();
    assert_code_err(seglog_reader_wait(reader, 60, &err), SEGLOG_END, &err);
    assert_in_range(test_now_ms() - start, 50, 5000);
    assert_code_err(seglog_reader_wait(reader, 0, &err), SEGLOG_END, &err);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
wait__appended_between_end_and_wait__is_not_missed(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    blob_replace(store, "log", forge.bytes, forge.len - RECORD);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_record(reader, &forge, 1);
    expect_code(reader, SEGLOG_END);
    blob_add(store, "log", forge.bytes + forge.len - RECORD, RECORD);
    const int64_t start = test_now_ms();
    assert_code_err(seglog_reader_wait(reader, 20000, &err), SEGLOG_OK, &err);
    assert_true(test_now_ms() - start < 10000);
    expect_record(reader, &forge, 2);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

struct appender {
    struct seglog_store store;
    const struct forge *forge;
    size_t from; /* frames from here on are appended, one by one */
};

static void *
appender_run(void *arg)
{
    const struct appender *appender = arg;

    for (size_t i = appender->from; i < appender->forge->frame_count; i++) {
        const struct forge_frame *frame = &appender->forge->frames[i];
        const size_t half = frame->len / 2;

        blob_add(appender->store, "log", appender->forge->bytes + frame->offset,
                 half);
        if (i % 16 == 0)
            test_sleep_ms(2);
        blob_add(appender->store, "log",
                 appender->forge->bytes + frame->offset + half,
                 frame->len - half);
    }
    return NULL;
}

/* Read and wait until the last record is there. */
static void
follow(struct seglog_reader *reader, const struct forge *forge)
{
    uint64_t number = 1;

    while (number < forge->number) {
        struct seglog_event event;
        struct seglog_error err = { 0 };
        seglog_code code = seglog_reader_next(reader, &event, &err);

        if (code == SEGLOG_END) {
            code = seglog_reader_wait(reader, 10000, &err);
            assert_code_err(code, SEGLOG_OK, &err);
            continue;
        }
        assert_code_err(code, SEGLOG_OK, &err);
        if (event.type == SEGLOG_EVENT_GAP) {
            assert_int_equal(event.finding.verdict, SEGLOG_VERDICT_TORN);
            continue;
        }
        const struct forge_record *want = forge_record_of(forge, number);
        assert_int_equal(event.record.record_no, number++);
        assert_memory_equal(event.record.data, want->data, want->len);
    }
    expect_code(reader, SEGLOG_END);
}

static void
wait__an_appender_thread__is_followed_to_the_end(void **state)
{
    struct forge forge;

    (void)state;
    make_stretches(&forge, 20);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();
        struct appender appender = { store, &forge, 0 };
        pthread_t thread;

        blob_replace(store, "log", forge.bytes, HEADER);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        assert_int_equal(pthread_create(&thread, NULL, appender_run, &appender),
                         0);
        follow(reader, &forge);
        assert_int_equal(pthread_join(thread, NULL), 0);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
}

static void
wait__another_process_appends__is_followed_to_the_end(void **state)
{
    char *dir = test_dir_make();
    struct seglog_store store;
    struct forge forge;
    int status = 0;

    (void)state;
    make_stretches(&forge, 20);
    assert_ok(seglog_store_file_open(dir, false, &store, NULL));
    blob_replace(store, "log", forge.bytes, HEADER);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct seglog_store own;

        if (seglog_store_file_open(dir, false, &own, NULL) != SEGLOG_OK)
            _exit(1);
        struct appender appender = { own, &forge, 0 };
        (void)appender_run(&appender);
        _exit(0);
    }
    struct seglog_reader *reader = reader_open(store, false, 0);
    follow(reader, &forge);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    seglog_reader_close(reader);
    seglog_store_close(&store);
    forge_free(&forge);
    test_dir_remove(dir);
}

static void
wait__replaced__is_sealed_when_all_of_the_old_was_read(void **state)
{
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3, 40);
    for (unsigned is_file = 0; is_file < 2; is_file++) {
        char *dir = is_file != 0 ? test_dir_make() : NULL;
        struct seglog_store store;

        if (dir)
            assert_ok(seglog_store_file_open(dir, false, &store, NULL));
        else
            store = memory_open();
        blob_replace(store, "log", forge.bytes, forge.len - RECORD);
        struct seglog_reader *reader = reader_open(store, false, 0);
        expect_records(reader, &forge, 1, 2);
        expect_code(reader, SEGLOG_END);
        /* A last record, and then the name leads elsewhere. */
        blob_add(store, "log", forge.bytes + forge.len - RECORD, RECORD);
        blob_replace(store, "new", forge.bytes, HEADER);
        assert_ok(seglog_store_replace(store, "new", "log", NULL));
        assert_code_err(seglog_reader_wait(reader, 1000, &err), SEGLOG_OK,
                        &err);
        expect_record(reader, &forge, 3);
        expect_code(reader, SEGLOG_END);
        assert_code_err(seglog_reader_wait(reader, 1000, &err), SEGLOG_SEALED,
                        &err);
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
        seglog_store_close(&store);
        test_dir_remove(dir);
    }
    forge_free(&forge);
}

static void
wait__before_there_is_a_header__ends_when_it_comes(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    blob_replace(store, "log", forge.bytes, 20);
    struct seglog_reader *reader = reader_open(store, false, 2);
    expect_code(reader, SEGLOG_END);
    assert_code_err(seglog_reader_wait(reader, 30, &err), SEGLOG_END, &err);
    blob_add(store, "log", forge.bytes + 20, forge.len - 20);
    assert_code_err(seglog_reader_wait(reader, 10000, &err), SEGLOG_OK, &err);
    expect_record(reader, &forge, 2);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live__at_end__sees_later_appends_once),
        cmocka_unit_test(live__frames_appearing_piecewise__are_never_damage),
        cmocka_unit_test(
            live__a_torn_tail_cut_and_written_again__continues_with_the_new),
        cmocka_unit_test(live__torn_bytes_passed_over__continues_behind_them),
        cmocka_unit_test(live__behind_damage__goes_on_at_the_end),
        cmocka_unit_test(
            live__damage_and_a_torn_tail__the_tail_may_still_become_whole),
        cmocka_unit_test(
            live__cut_before_its_place__is_conflict_until_it_seeks),
        cmocka_unit_test(
            live__cut_and_overgrown_before_it_looked__is_not_silent),
        cmocka_unit_test(wait__nothing_comes__ends_after_the_timeout),
        cmocka_unit_test(wait__appended_between_end_and_wait__is_not_missed),
        cmocka_unit_test(wait__an_appender_thread__is_followed_to_the_end),
        cmocka_unit_test(wait__another_process_appends__is_followed_to_the_end),
        cmocka_unit_test(
            wait__replaced__is_sealed_when_all_of_the_old_was_read),
        cmocka_unit_test(wait__before_there_is_a_header__ends_when_it_comes),
    };

    return cmocka_run_group_tests_name("segment/reader_follow", tests, NULL,
                                       NULL);
}
