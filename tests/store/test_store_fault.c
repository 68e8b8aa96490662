/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_fault.c
 *
 * Goal    a fault store keeps the contract of the store inside, fails exactly
 *         where it is told to, and says what was called.
 */
#include "tests/support/seglog_test.h"

#include <errno.h>

#include "seglog/testing/fault_store.h"
#include "tests/store/store_conformance.h"

struct wrapped {
    struct seglog_store inner;
    struct seglog_faults *faults;
};

static seglog_code
fault_make(void *arg, struct seglog_store *store, struct seglog_error *err)
{
    struct wrapped *wrapped = arg;
    const seglog_code code = seglog_store_memory_open(&wrapped->inner, err);

    if (code != SEGLOG_OK)
        return code;
    wrapped->faults = seglog_faults_new(wrapped->inner);
    assert_non_null(wrapped->faults);
    *store = seglog_faults_store(wrapped->faults);
    return SEGLOG_OK;
}

static void
fault_destroy(void *arg, struct seglog_store *store)
{
    struct wrapped *wrapped = arg;

    seglog_store_close(store);
    seglog_faults_free(wrapped->faults);
    seglog_store_close(&wrapped->inner);
}

/* A blob "a" of the bytes "0123456789". */
struct scene {
    struct wrapped wrapped;
    struct seglog_store store;
    struct seglog_blob blob;
};

static void
scene_make(struct scene *scene)
{
    assert_ok(fault_make(&scene->wrapped, &scene->store, NULL));
    assert_ok(seglog_blob_open(scene->store, "a",
                               SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE,
                               &scene->blob, NULL));
    assert_ok(seglog_blob_append(scene->blob, 0, "0123456789", 10, NULL, NULL));
    seglog_faults_reset_counts(scene->wrapped.faults);
}

static void
scene_end(struct scene *scene)
{
    (void)seglog_blob_close(&scene->blob, NULL);
    fault_destroy(&scene->wrapped, &scene->store);
}

static void
add(struct scene *scene, struct seglog_fault fault)
{
    assert_true(seglog_faults_add(scene->wrapped.faults, &fault));
}

static seglog_code
append_one(struct scene *scene)
{
    return seglog_blob_append(scene->blob, SEGLOG_END_ANY, "x", 1, NULL, NULL);
}

static uint64_t
size_inside(struct scene *scene)
{
    struct seglog_blob_info info;

    assert_ok(seglog_store_get_info(scene->wrapped.inner, "a", &info, NULL));
    return info.size;
}

static void
fault__the_third_append__fails_once_or_from_then_on(void **state)
{
    (void)state;
    for (unsigned always = 0; always < 2; always++) {
        struct scene scene;

        scene_make(&scene);
        add(&scene, (struct seglog_fault){
                        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_APPEND),
                        .at = 3,
                        .from_then_on = always != 0,
                    });
        for (unsigned i = 1; i <= 5; i++) {
            uint64_t size = 0;

            assert_code(append_one(&scene),
                        i == 3 || (i > 3 && always) ? SEGLOG_IO : SEGLOG_OK);
            assert_ok(seglog_blob_get_size(scene.blob, &size, NULL, NULL));
        }
        assert_int_equal(size_inside(&scene), always ? 12 : 14);
        assert_int_equal(seglog_faults_get_hits(scene.wrapped.faults),
                         always ? 3 : 1);
        assert_int_equal(
            seglog_faults_get_count(scene.wrapped.faults, SEGLOG_FAULT_APPEND),
            5);
        assert_int_equal(
            seglog_faults_get_count(scene.wrapped.faults, SEGLOG_FAULT_OPS),
            10);
        scene_end(&scene);
    }
}

static void
fault__each_errno__is_the_code_of_the_file_store(void **state)
{
    static const struct {
        int sys_errno;
        seglog_code code;
    } cases[] = {
        { 0, SEGLOG_IO },
        { EIO, SEGLOG_IO },
        { EINTR, SEGLOG_IO },
        { ENOSPC, SEGLOG_NO_SPACE },
        { EDQUOT, SEGLOG_NO_SPACE },
        { EROFS, SEGLOG_READ_ONLY },
        { ENOMEM, SEGLOG_NO_MEMORY },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seglog_error err;
        struct scene scene;
        uint64_t size = 0;

        scene_make(&scene);
        add(&scene,
            (struct seglog_fault){ .at = 1, .sys_errno = cases[i].sys_errno });
        assert_code(seglog_blob_get_size(scene.blob, &size, NULL, &err),
                    cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.sys_errno,
                         cases[i].sys_errno ? cases[i].sys_errno : EIO);
        assert_string_equal(err.name, "a");
        scene_end(&scene);
    }
}

static void
fault__short_write__leaves_a_part_and_poisons(void **state)
{
    struct seglog_error err;
    struct scene scene;

    (void)state;
    scene_make(&scene);
    add(&scene, (struct seglog_fault){ .at = 1,
                                       .way = SEGLOG_FAULT_PARTLY,
                                       .sys_errno = ENOSPC,
                                       .part = 3 });
    assert_code(seglog_blob_append(scene.blob, 10, "abcdef", 6, NULL, &err),
                SEGLOG_POISONED);
    assert_int_equal(err.code, SEGLOG_POISONED);
    assert_int_equal(size_inside(&scene), 13);
    assert_code(append_one(&scene), SEGLOG_POISONED);
    assert_code(seglog_blob_sync(scene.blob, NULL), SEGLOG_POISONED);
    assert_code(seglog_blob_truncate(scene.blob, 10, NULL), SEGLOG_POISONED);
    scene_end(&scene);
}

static void
fault__reads__short_failing_or_flipped_where_told(void **state)
{
    char buf[11] = "##########";
    struct scene scene;

    (void)state;
    scene_make(&scene);
    add(&scene,
        (struct seglog_fault){ .way = SEGLOG_FAULT_FLIPPED, .start = 4 });
    assert_ok(seglog_blob_read_at(scene.blob, 0, buf, 4, NULL));
    assert_memory_equal(buf, "0123", 4);
    assert_ok(seglog_blob_read_at(scene.blob, 3, buf, 3, NULL));
    assert_memory_equal(buf, "355", 3);
    seglog_faults_clear(scene.wrapped.faults);

    add(&scene,
        (struct seglog_fault){
            .start = 5, .end = 7, .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ) });
    assert_ok(seglog_blob_read_at(scene.blob, 0, buf, 5, NULL));
    assert_code(seglog_blob_read_at(scene.blob, 0, buf, 6, NULL), SEGLOG_IO);
    assert_code(seglog_blob_read_at(scene.blob, 6, buf, 4, NULL), SEGLOG_IO);
    assert_ok(seglog_blob_read_at(scene.blob, 7, buf, 3, NULL));
    seglog_faults_clear(scene.wrapped.faults);

    memcpy(buf, "##########", 10);
    add(&scene, (struct seglog_fault){
                    .at = 1, .way = SEGLOG_FAULT_PARTLY, .part = 4 });
    assert_code(seglog_blob_read_at(scene.blob, 0, buf, 10, NULL), SEGLOG_IO);
    assert_memory_equal(buf, "0123######", 10);
    scene_end(&scene);
}

static void
fault__sync__poisons_but_other_handles_go_on(void **state)
{
    struct seglog_blob other = { 0 };
    struct scene scene;

    (void)state;
    scene_make(&scene);
    assert_true(seglog_faults_fail(scene.wrapped.faults, SEGLOG_FAULT_SYNC, 1,
                                   SEGLOG_IO));
    assert_code(seglog_blob_sync(scene.blob, NULL), SEGLOG_IO);
    assert_code(append_one(&scene), SEGLOG_POISONED);
    assert_ok(
        seglog_blob_open(scene.store, "a", SEGLOG_OPEN_WRITE, &other, NULL));
    assert_ok(seglog_blob_sync(other, NULL));
    assert_ok(seglog_blob_close(&other, NULL));
    scene_end(&scene);
}

static void
fault__after__is_done_and_said_to_have_failed(void **state)
{
    const struct seglog_fault after = { .at = 1, .way = SEGLOG_FAULT_AFTER };
    struct seglog_blob blob = { 0 };
    struct seglog_blob_info info;
    struct scene scene;

    (void)state;
    scene_make(&scene);
    add(&scene, after);
    assert_code(seglog_store_replace(scene.store, "a", "b", NULL), SEGLOG_IO);
    assert_ok(seglog_store_get_info(scene.wrapped.inner, "b", &info, NULL));
    seglog_faults_clear(scene.wrapped.faults);
    add(&scene, after);
    assert_code(seglog_blob_open(scene.store, "c",
                                 SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob,
                                 NULL),
                SEGLOG_IO);
    assert_null(blob.ops);
    assert_ok(seglog_store_get_info(scene.wrapped.inner, "c", &info, NULL));
    scene_end(&scene);
}

static void
watch_and_hide__other_names_and_absent_operations(void **state)
{
    struct seglog_blob other = { 0 };
    struct scene scene;

    (void)state;
    scene_make(&scene);
    seglog_faults_watch(scene.wrapped.faults, "a");
    seglog_faults_hide(scene.wrapped.faults,
                       SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    add(&scene, (struct seglog_fault){ .at = 0 });
    assert_ok(seglog_blob_open(scene.store, "b",
                               SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &other,
                               NULL));
    assert_ok(seglog_blob_append(other, 0, "x", 1, NULL, NULL));
    assert_code(seglog_blob_truncate(other, 0, NULL), SEGLOG_READ_ONLY);
    assert_ok(seglog_blob_close(&other, NULL));
    assert_int_equal(
        seglog_faults_get_count(scene.wrapped.faults, SEGLOG_FAULT_OPS), 0);
    assert_code(append_one(&scene), SEGLOG_IO);
    seglog_faults_clear(scene.wrapped.faults);
    scene_end(&scene);
}

static void
trace__last_calls__one_a_line(void **state)
{
    struct scene scene;
    char text[256];
    size_t len = 0;

    (void)state;
    scene_make(&scene);
    assert_true(seglog_faults_trace(scene.wrapped.faults, 2));
    assert_true(seglog_faults_fail(scene.wrapped.faults, SEGLOG_FAULT_APPEND, 2,
                                   SEGLOG_NO_SPACE));
    assert_ok(append_one(&scene));
    assert_ok(seglog_blob_sync(scene.blob, NULL));
    assert_code(seglog_blob_append(scene.blob, 11, "yz", 2, NULL, NULL),
                SEGLOG_NO_SPACE);
    len = seglog_faults_format_trace(scene.wrapped.faults, text, sizeof text);
    assert_string_equal(text, "2 sync a: OK\n"
                              "3 append a @11 +2: NO_SPACE (told to)\n");
    assert_int_equal(len, strlen(text));
    (void)seglog_faults_format_trace(scene.wrapped.faults, text, 7);
    assert_string_equal(text, "2 sync");
    scene_end(&scene);
}

int
main(void)
{
    static struct wrapped wrapped;
    static const struct store_factory factory = {
        .name = "testing/fault_store: contract",
        .make = fault_make,
        .destroy = fault_destroy,
        .arg = &wrapped,
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault__the_third_append__fails_once_or_from_then_on),
        cmocka_unit_test(fault__each_errno__is_the_code_of_the_file_store),
        cmocka_unit_test(fault__short_write__leaves_a_part_and_poisons),
        cmocka_unit_test(fault__reads__short_failing_or_flipped_where_told),
        cmocka_unit_test(fault__sync__poisons_but_other_handles_go_on),
        cmocka_unit_test(fault__after__is_done_and_said_to_have_failed),
        cmocka_unit_test(watch_and_hide__other_names_and_absent_operations),
        cmocka_unit_test(trace__last_calls__one_a_line),
    };

    return store_conformance_run(&factory) +
           cmocka_run_group_tests_name("testing/fault_store", tests, NULL,
                                       NULL);
}
