/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_reader_live.c
 *
 * Goal    a reader beside writers is never told of damage where there is none:
 *         not when a torn tail is cut and overgrown while it reads it, and not
 *         when an append that it has seen a part of is rolled back.
 * Method  a store that lets a writer do its work right before any chosen
 *         operation of the reader.
 */
#include "tests/support/blobs.h"

#include <stdio.h>

#include "seglog/segment.h"
#include "seglog/testing/disk_store.h"

#define NAME "log"
#define TEXT ((size_t)40)

/* What the writer does before the operation `at` of the reader. */
struct scene {
    struct seglog_disk *disk;
    struct seglog_disk_process reader;
    unsigned at;
    unsigned count;
    bool is_done;
    uint64_t next; /* number of the next record */
};

/* The text says which number it has and, by its letter, which life. */
static void
text_make(char *to, uint64_t number, char letter)
{
    memset(to, letter, TEXT);
    (void)snprintf(to, 10, "%08u ", (unsigned)number);
    to[9] = ' ';
}

static void
append_some(struct scene *scene, unsigned count, char letter)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .sync_log2 = 9,
        .no_closing_mark = true,
    };
    struct seglog_disk_process process;
    struct seglog_writer *writer = NULL;

    assert_ok(seglog_writer_open(seglog_disk_start(scene->disk, &process), NAME,
                                 &options, &writer, NULL));
    for (unsigned i = 0; i < count; i++) {
        char text[TEXT];
        uint64_t number = 0;

        text_make(text, scene->next, letter);
        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, text, TEXT,
                                       SEGLOG_LEVEL_FLUSH, &number, NULL));
        assert_int_equal(number, scene->next++);
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
tear(struct scene *scene, size_t len)
{
    uint8_t bytes[600];
    struct seglog_disk_process process;

    /* The beginning of a record of 32,767 bytes. */
    memset(bytes, 't', sizeof bytes);
    memcpy(bytes, "\x21\xFF\x7F", 3);
    blob_add(seglog_disk_start(scene->disk, &process), NAME, bytes, len);
}

static void
cut(struct scene *scene, uint64_t size)
{
    struct seglog_disk_process process;

    blob_cut(seglog_disk_start(scene->disk, &process), NAME, size);
}

static uint64_t
size_now(struct scene *scene)
{
    struct seglog_disk_process process;
    struct seglog_blob_info info;

    assert_ok(seglog_store_get_info(seglog_disk_start(scene->disk, &process),
                                    NAME, &info, NULL));
    return info.size;
}

static struct seglog_reader *
reader_open_ok(struct scene *scene, bool salvage)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage };
    struct seglog_reader *reader = NULL;

    assert_ok(seglog_reader_open(seglog_disk_store(&scene->reader), NAME,
                                 &options, &reader, NULL));
    return reader;
}

/* Read on from *next; a torn tail is the only thing that may be in between. */
static seglog_code
read_on(struct seglog_reader *reader, uint64_t *next, char letter)
{
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        char text[TEXT];

        if (event.type == SEGLOG_EVENT_GAP) {
            assert_int_equal(event.finding.verdict, SEGLOG_VERDICT_TORN);
            continue;
        }
        assert_int_equal(event.record.record_no, *next);
        text_make(text, (*next)++, letter);
        assert_int_equal(event.record.len, TEXT);
        assert_memory_equal(event.record.data, text, TEXT);
    }
    return code;
}

/* -- a torn tail that is cut ---------------------------------------------- */

static void
scene_go_on(void *arg, enum seglog_disk_step step)
{
    struct scene *scene = arg;

    (void)step;
    if (scene->is_done || scene->reader.steps != scene->at)
        return;
    scene->is_done = true;
    append_some(scene, scene->count, 'a');
}

/* A disk, a reader on it, and where is_live a writer beside the reader. */
static void
scene_start(struct scene *scene, bool is_live)
{
    scene->disk = seglog_disk_new(NULL);
    assert_non_null(scene->disk);
    (void)seglog_disk_start(scene->disk, &scene->reader);
    scene->reader.meanwhile = is_live ? scene_go_on : NULL;
    scene->reader.arg = scene;
}

static void
check_cut_while_reading(bool salvage, size_t torn, unsigned count, unsigned at)
{
    struct scene scene = { .at = at, .count = count, .next = 1 };
    struct seglog_reader *reader = NULL;
    uint64_t next = 1;

    scene_start(&scene, true);
    append_some(&scene, 12, 'a');
    tear(&scene, torn);
    reader = reader_open_ok(&scene, salvage);
    assert_code(read_on(reader, &next, 'a'), SEGLOG_END);
    if (!scene.is_done) {
        scene.is_done = true;
        append_some(&scene, count, 'a');
    }
    assert_code(read_on(reader, &next, 'a'), SEGLOG_END);
    assert_int_equal(next, scene.next);
    seglog_reader_close(reader);
    seglog_disk_free(scene.disk);
}

static void
torn_tail__cut_and_overgrown_at_any_moment__is_no_damage(void **state)
{
    static const size_t torn[] = { 1, 3, 60, 81, 100, 200, 600 };

    (void)state;
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        for (size_t i = 0; i < COUNT_OF(torn); i++) {
            for (unsigned count = 0; count < 12; count += 2) {
                for (unsigned at = 2; at < 20; at++)
                    check_cut_while_reading(salvage != 0, torn[i], count, at);
            }
        }
    }
}

static void
torn_tail__cut_while_it_is_scanned__is_torn_or_not_there(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        struct scene scene = { .at = 1 + i % 20, .count = i / 20, .next = 1 };
        struct seglog_scan_summary summary;

        scene_start(&scene, true);
        append_some(&scene, 12, 'a');
        tear(&scene, 500);
        assert_ok(seglog_scan(seglog_disk_store(&scene.reader), NAME, NULL,
                              &summary, NULL));
        assert_in_range(summary.verdict, SEGLOG_VERDICT_OK,
                        SEGLOG_VERDICT_TORN);
        assert_in_range(summary.records, 12, 12 + scene.count);
        seglog_disk_free(scene.disk);
    }
}

/* -- an append that is rolled back ---------------------------------------- */

/*
 * Six records are written, seen up to `visible` of their bytes, and taken back
 * as a failed append is; `count` others follow under a new epoch.
 */
static void
check_rolled_back(bool salvage, size_t visible, unsigned count)
{
    struct scene scene = { .next = 1 };
    struct seglog_reader *reader = NULL;
    uint64_t next = 1;
    uint64_t seen = 0;
    uint64_t end = 0;
    seglog_code code = SEGLOG_OK;

    scene_start(&scene, false);
    append_some(&scene, 1, 'a');
    reader = reader_open_ok(&scene, salvage);
    assert_code(read_on(reader, &next, 'a'), SEGLOG_END);
    end = size_now(&scene);
    append_some(&scene, 6, 'a');
    cut(&scene, end + visible);
    assert_code(read_on(reader, &next, 'a'), SEGLOG_END);
    seen = next;

    cut(&scene, end);
    scene.next = 2;
    tear(&scene, 1);
    append_some(&scene, count, 'b');
    code = read_on(reader, &next, 'b');
    if (seen > 2) {
        assert_code(code, SEGLOG_CONFLICT);
        assert_int_equal(next, seen);
        next = 2;
        assert_ok(seglog_reader_seek(reader, next, NULL));
        code = read_on(reader, &next, 'b');
    }
    assert_code(code, SEGLOG_END);
    assert_int_equal(next, scene.next);
    seglog_reader_close(reader);
    seglog_disk_free(scene.disk);
}

static void
roll_back__of_records_that_were_read__is_a_conflict_and_not_damage(void **state)
{
    (void)state;
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        for (size_t visible = 0; visible < 200; visible++)
            check_rolled_back(salvage != 0, visible, 5);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            torn_tail__cut_and_overgrown_at_any_moment__is_no_damage),
        cmocka_unit_test(
            torn_tail__cut_while_it_is_scanned__is_torn_or_not_there),
        cmocka_unit_test(
            roll_back__of_records_that_were_read__is_a_conflict_and_not_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
