/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_reader_live.c
 *
 * Goal    a reader beside writers is never told of damage where there is none:
 *         not when a torn tail is cut and overgrown while it reads it, and not
 *         when an append that it has seen a part of is rolled back.  And it
 *         sees what stands in the place of what was cut, however long it is.
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

/* -- as many bytes in the place of others --------------------------------- */

/*
 * Twelve records and a torn end, which is as long as what is going to stand in
 * its place when a writer appends one; a reader has come to it.
 */
static struct seglog_reader *
scene_tear_alike(struct scene *scene, bool salvage, uint64_t *next,
                 uint64_t *size)
{
    struct seglog_reader *reader = NULL;
    uint64_t before = 0;

    append_some(scene, 11, 'a');
    tear(scene, 40);
    before = size_now(scene) - 40;
    append_some(scene, 1, 'a');
    *size = size_now(scene);
    tear(scene, *size - before);
    *size += *size - before;
    reader = reader_open_ok(scene, salvage);
    assert_code(read_on(reader, next, 'a'), SEGLOG_END);
    assert_int_equal(*next, 13);
    return reader;
}

static void
torn_tail__as_much_appended_in_its_place__is_seen(void **state)
{
    (void)state;
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct scene scene = { .next = 1 };
        struct seglog_reader *reader = NULL;
        uint64_t next = 1;
        uint64_t size = 0;

        scene_start(&scene, false);
        reader = scene_tear_alike(&scene, salvage != 0, &next, &size);
        assert_code(seglog_reader_wait(reader, 0, NULL), SEGLOG_END);
        append_some(&scene, 1, 'a');
        assert_int_equal(size_now(&scene), size);
        assert_ok(seglog_reader_wait(reader, 0, NULL));
        assert_code(read_on(reader, &next, 'a'), SEGLOG_END);
        assert_int_equal(next, 14);
        assert_code(seglog_reader_wait(reader, 0, NULL), SEGLOG_END);
        seglog_reader_close(reader);
        seglog_disk_free(scene.disk);
    }
}

/* Who waits is woken by another size; there is none. */
static void
wait__as_much_appended_in_place_of_a_torn_tail__comes_to_an_end(void **state)
{
    struct scene scene = { .next = 1, .is_done = true };
    struct seglog_reader *reader = NULL;
    uint64_t next = 1;
    uint64_t size = 0;

    (void)state;
    scene_start(&scene, true);
    reader = scene_tear_alike(&scene, false, &next, &size);
    scene.at = (unsigned)scene.reader.steps + 6;
    scene.count = 1;
    scene.is_done = false;
    assert_ok(seglog_reader_wait(reader, 5000, NULL));
    assert_true(scene.is_done);
    assert_int_equal(size_now(&scene), size);
    assert_code(read_on(reader, &next, 'a'), SEGLOG_END);
    assert_int_equal(next, 14);
    seglog_reader_close(reader);
    seglog_disk_free(scene.disk);
}

/* All of it has been read, and some of that is cut and written anew. */
static void
cut__as_much_appended_in_its_place__is_a_conflict(void **state)
{
    (void)state;
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct scene scene = { .next = 1 };
        struct seglog_reader *reader = NULL;
        uint64_t next = 1;
        uint64_t size = 0;
        uint64_t before = 0;

        scene_start(&scene, false);
        append_some(&scene, 11, 'a');
        tear(&scene, 40);
        before = size_now(&scene) - 40;
        append_some(&scene, 1, 'a');
        size = size_now(&scene);
        reader = reader_open_ok(&scene, salvage != 0);
        assert_code(read_on(reader, &next, 'a'), SEGLOG_END);
        cut(&scene, before);
        tear(&scene, 1);
        scene.next = 12;
        append_some(&scene, 1, 'b');
        assert_int_equal(size_now(&scene), size);
        assert_ok(seglog_reader_wait(reader, 0, NULL));
        assert_code(read_on(reader, &next, 'b'), SEGLOG_CONFLICT);
        next = 12;
        assert_ok(seglog_reader_seek(reader, next, NULL));
        assert_code(read_on(reader, &next, 'b'), SEGLOG_END);
        assert_int_equal(next, 13);
        seglog_reader_close(reader);
        seglog_disk_free(scene.disk);
    }
}

/* The last two frames change places. */
static void
swap_last(struct scene *scene)
{
    const size_t frame = TEXT + 6;
    const uint64_t size = size_now(scene);
    struct seglog_disk_process process;
    struct seglog_blob blob = { 0 };
    uint8_t bytes[2 * (TEXT + 6)];

    assert_ok(seglog_blob_open(seglog_disk_start(scene->disk, &process), NAME,
                               SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(seglog_blob_read_at(blob, size - frame, bytes, frame, NULL));
    assert_ok(seglog_blob_read_at(blob, size - 2 * frame, bytes + frame, frame,
                                  NULL));
    assert_ok(seglog_blob_truncate(blob, size - 2 * frame, NULL));
    assert_ok(seglog_blob_append(blob, size - 2 * frame, bytes, 2 * frame, NULL,
                                 NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

/* Records out of place at the end are read once, and not again while the end
 * is the same. */
static void
out_of_place__as_much_appended_instead__is_a_conflict(void **state)
{
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .no_closing_mark = true };
    struct scene scene = { .next = 1 };
    struct seglog_disk_process process;
    struct seglog_writer *writer = NULL;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    uint64_t records = 0;
    uint64_t size = 0;
    seglog_code code = SEGLOG_OK;

    (void)state;
    scene_start(&scene, false);
    append_some(&scene, 5, 'a');
    swap_last(&scene);
    size = size_now(&scene);
    reader = reader_open_ok(&scene, true);
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK)
        records += event.type == SEGLOG_EVENT_RECORD;
    assert_code(code, SEGLOG_END);
    assert_int_equal(records, 5);
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    assert_code(seglog_reader_wait(reader, 0, NULL), SEGLOG_END);

    cut(&scene, size - 2 * (TEXT + 6));
    tear(&scene, 1);
    assert_ok(seglog_writer_open(seglog_disk_start(scene.disk, &process), NAME,
                                 &options, &writer, NULL));
    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "four", 4,
                                   SEGLOG_LEVEL_FLUSH, NULL, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    assert_int_equal(size_now(&scene), size);
    assert_ok(seglog_reader_wait(reader, 0, NULL));
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_CONFLICT);
    assert_ok(seglog_reader_seek(reader, 4, NULL));
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.record.len, 4);
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    seglog_reader_close(reader);
    seglog_disk_free(scene.disk);
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
        cmocka_unit_test(torn_tail__as_much_appended_in_its_place__is_seen),
        cmocka_unit_test(
            wait__as_much_appended_in_place_of_a_torn_tail__comes_to_an_end),
        cmocka_unit_test(cut__as_much_appended_in_its_place__is_a_conflict),
        cmocka_unit_test(out_of_place__as_much_appended_instead__is_a_conflict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
