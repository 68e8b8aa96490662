/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store.c - the checked calls of src/store/store.c
 *
 * Goal    a store is never asked for what makes no sense, nor for an operation
 *         that it does not have or that lies beyond its table.
 * Method  a store that counts how often it is asked, with tables of any size.
 */
#include "tests/support/seglog_test.h"

#include "seglog/store.h"

/* What the counting store does and has seen. */
struct counting {
    unsigned calls;
    uint64_t size;
    uint64_t grows_by; /* with each question for the size */
    bool is_replaced;
    seglog_code code; /* what get_size returns */
};

static seglog_code
count_append(void *self, uint64_t expected_end, const void *data, size_t len,
             uint64_t *offset, struct seglog_error *err)
{
    struct counting *counting = self;

    (void)expected_end;
    (void)data;
    (void)err;
    counting->calls++;
    *offset = counting->size;
    counting->size += len;
    return SEGLOG_OK;
}

static seglog_code
count_read_at(void *self, uint64_t offset, void *buf, size_t len,
              struct seglog_error *err)
{
    struct counting *counting = self;

    (void)offset;
    (void)buf;
    (void)len;
    (void)err;
    counting->calls++;
    return SEGLOG_OK;
}

static seglog_code
count_get_size(void *self, uint64_t *size, bool *is_replaced,
               struct seglog_error *err)
{
    struct counting *counting = self;

    (void)err;
    counting->calls++;
    *size = counting->size;
    counting->size += counting->grows_by;
    if (is_replaced)
        *is_replaced = counting->is_replaced;
    return counting->code;
}

static seglog_code
count_call(void *self, struct seglog_error *err)
{
    struct counting *counting = self;

    (void)err;
    counting->calls++;
    return SEGLOG_OK;
}

static seglog_code
count_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    (void)new_size;
    return count_call(self, err);
}

static seglog_code
count_wait(void *self, uint64_t known_size, int timeout_ms,
           struct seglog_error *err)
{
    (void)known_size;
    (void)timeout_ms;
    return count_call(self, err);
}

static struct seglog_blob_ops
blob_ops_all(void)
{
    return (struct seglog_blob_ops){
        .size = sizeof(struct seglog_blob_ops),
        .append = count_append,
        .read_at = count_read_at,
        .get_size = count_get_size,
        .flush = count_call,
        .sync = count_call,
        .truncate = count_truncate,
        .wait = count_wait,
        .close = count_call,
    };
}

static seglog_code
count_open(void *self, const char *name, unsigned flags,
           struct seglog_blob *blob, struct seglog_error *err)
{
    (void)name;
    (void)flags;
    (void)blob;
    return count_call(self, err);
}

static seglog_code
count_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
           struct seglog_error *err)
{
    (void)prefix;
    (void)fn;
    (void)arg;
    return count_call(self, err);
}

static seglog_code
count_remove(void *self, const char *name, struct seglog_error *err)
{
    (void)name;
    return count_call(self, err);
}

static seglog_code
count_replace(void *self, const char *from, const char *name,
              struct seglog_error *err)
{
    (void)from;
    (void)name;
    return count_call(self, err);
}

static seglog_code
count_open_lock(void *self, const char *name, struct seglog_lock *lock,
                struct seglog_error *err)
{
    (void)name;
    (void)lock;
    return count_call(self, err);
}

static seglog_code
count_get_info(void *self, const char *name, struct seglog_blob_info *info,
               struct seglog_error *err)
{
    (void)name;
    *info = (struct seglog_blob_info){ 5, 7 };
    return count_call(self, err);
}

static seglog_code
count_get_stamp(void *self, struct seglog_stamp *stamp,
                struct seglog_error *err)
{
    *stamp = (struct seglog_stamp){ .value = { 1, 2 }, .is_settled = true };
    return count_call(self, err);
}

static void
count_close(void *self)
{
    struct counting *counting = self;

    counting->calls++;
}

static struct seglog_store_ops
store_ops_all(void)
{
    return (struct seglog_store_ops){
        .size = sizeof(struct seglog_store_ops),
        .open = count_open,
        .list = count_list,
        .remove = count_remove,
        .replace = count_replace,
        .open_lock = count_open_lock,
        .describe = NULL,
        .close = count_close,
        .get_info = count_get_info,
        .get_stamp = count_get_stamp,
    };
}

static bool
list_nothing(void *arg, const char *name)
{
    (void)arg;
    (void)name;
    return true;
}

static void
calls__bad_arguments__do_not_reach_the_store(void **state)
{
    const struct seglog_store_ops store_ops = store_ops_all();
    const struct seglog_blob_ops blob_ops = blob_ops_all();
    struct counting counting = { 0 };
    const struct seglog_store store = { &store_ops, &counting };
    const struct seglog_blob blob = { &blob_ops, &counting };
    static const unsigned bad_flags[] = {
        16,
        SEGLOG_OPEN_WRITE | 32,
        SEGLOG_OPEN_CREATE,
        SEGLOG_OPEN_CREATE_EXCLUSIVE,
        SEGLOG_OPEN_LOCK_HELD,
        UINT32_MAX,
    };
    struct seglog_blob opened = { 0 };
    struct seglog_error err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_flags); i++)
        assert_code_err(
            seglog_blob_open(store, "a", bad_flags[i], &opened, &err),
            SEGLOG_INVALID, &err);
    assert_code_err(seglog_blob_open(store, "a", 0, NULL, &err), SEGLOG_INVALID,
                    &err);
    assert_code(seglog_lock_open(store, "a", NULL, NULL), SEGLOG_INVALID);
    assert_code(seglog_store_list(store, NULL, list_nothing, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_store_list(store, "", NULL, NULL, NULL), SEGLOG_INVALID);
    assert_code(seglog_blob_append(blob, 0, NULL, 1, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_blob_read_at(blob, 0, NULL, 1, NULL), SEGLOG_INVALID);
    assert_code(seglog_blob_get_size(blob, NULL, NULL, NULL), SEGLOG_INVALID);
    assert_code(seglog_store_get_info(store, "a", NULL, NULL), SEGLOG_INVALID);
    assert_code(seglog_store_get_stamp(store, NULL, NULL), SEGLOG_INVALID);
    assert_int_equal(counting.calls, 0);

    assert_ok(seglog_blob_append(blob, 0, "x", 1, NULL, NULL));
    assert_ok(seglog_blob_open(store, "a", 15, &opened, NULL));
    assert_int_equal(counting.calls, 2);
}

/* Every operation through its checked call: what each answers. */
struct answers {
    seglog_code append;
    seglog_code read_at;
    seglog_code get_size;
    seglog_code flush;
    seglog_code sync;
    seglog_code truncate;
    seglog_code wait;
    seglog_code close;
};

static struct answers
ask_all(struct seglog_blob blob)
{
    uint64_t size = 0;
    char byte = 0;
    struct answers answers;

    answers.append = seglog_blob_append(blob, 0, "", 0, NULL, NULL);
    answers.read_at = seglog_blob_read_at(blob, 0, &byte, 1, NULL);
    answers.get_size = seglog_blob_get_size(blob, &size, NULL, NULL);
    answers.flush = seglog_blob_flush(blob, NULL);
    answers.sync = seglog_blob_sync(blob, NULL);
    answers.truncate = seglog_blob_truncate(blob, 0, NULL);
    answers.wait = seglog_blob_wait(blob, 0, 0, NULL);
    answers.close = seglog_blob_close(&blob, NULL);
    return answers;
}

static void
assert_answers_when_absent(struct answers answers)
{
    assert_code(answers.append, SEGLOG_READ_ONLY);
    assert_code(answers.read_at, SEGLOG_INVALID);
    assert_code(answers.get_size, SEGLOG_INVALID);
    assert_code(answers.sync, SEGLOG_INVALID);
    assert_code(answers.truncate, SEGLOG_READ_ONLY);
    assert_code(answers.wait, SEGLOG_INVALID);
    assert_code(answers.close, SEGLOG_OK);
}

static void
blob__operations_absent__are_not_called(void **state)
{
    struct seglog_blob_ops ops = { .size = sizeof ops };
    struct counting counting = { 0 };
    const struct seglog_blob none = { NULL, &counting };
    struct answers answers;

    (void)state;
    answers = ask_all((struct seglog_blob){ &ops, &counting });
    assert_answers_when_absent(answers);
    assert_code(answers.flush, SEGLOG_OK);

    answers = ask_all(none);
    assert_answers_when_absent(answers);
    assert_code(answers.flush, SEGLOG_INVALID);

    /* All are there, but the table says that it ends before them. */
    ops = blob_ops_all();
    ops.size = sizeof ops.size;
    answers = ask_all((struct seglog_blob){ &ops, &counting });
    assert_answers_when_absent(answers);
    assert_int_equal(counting.calls, 0);
}

static void
blob__short_table__is_used_up_to_its_end(void **state)
{
    struct seglog_blob_ops ops = blob_ops_all();
    struct counting counting = { 0 };
    const struct seglog_blob blob = { &ops, &counting };

    (void)state;
    ops.size = offsetof(struct seglog_blob_ops, truncate);
    assert_ok(seglog_blob_sync(blob, NULL));
    assert_int_equal(counting.calls, 1);
    assert_code(seglog_blob_truncate(blob, 0, NULL), SEGLOG_READ_ONLY);
    ops.size++;
    assert_code(seglog_blob_truncate(blob, 0, NULL), SEGLOG_READ_ONLY);
    assert_int_equal(counting.calls, 1);
    ops.size = offsetof(struct seglog_blob_ops, wait);
    assert_ok(seglog_blob_truncate(blob, 0, NULL));
    assert_int_equal(counting.calls, 2);
    ops.size = sizeof ops + 64; /* of a newer library */
    assert_ok(seglog_blob_wait(blob, 0, -1, NULL));
    assert_int_equal(counting.calls, 3);
}

static void
store__operations_absent__are_not_called(void **state)
{
    struct seglog_store_ops all = store_ops_all();
    const struct seglog_store_ops empty = { .size = sizeof empty };
    struct counting counting = { 0 };
    struct seglog_store stores[] = {
        { NULL, &counting },
        { &empty, &counting },
        { &all, &counting },
    };

    (void)state;
    all.size = sizeof all.size;
    for (size_t i = 0; i < COUNT_OF(stores); i++) {
        const struct seglog_store store = stores[i];
        struct seglog_blob blob = { 0 };
        struct seglog_lock lock = { 0 };
        struct seglog_blob_info info;
        struct seglog_stamp stamp;
        char text[32];

        assert_code(seglog_blob_open(store, "a", 0, &blob, NULL),
                    SEGLOG_INVALID);
        assert_code(seglog_lock_open(store, "a", &lock, NULL), SEGLOG_INVALID);
        assert_code(seglog_store_list(store, "", list_nothing, NULL, NULL),
                    SEGLOG_INVALID);
        assert_code(seglog_store_remove(store, "a", NULL), SEGLOG_READ_ONLY);
        assert_code(seglog_store_replace(store, "a", "b", NULL),
                    SEGLOG_READ_ONLY);
        assert_code(seglog_lock_acquire(lock, 0, NULL), SEGLOG_INVALID);
        assert_code(seglog_lock_release(lock, NULL), SEGLOG_INVALID);
        assert_null(seglog_lock_get_hint(lock));
        assert_code(seglog_lock_discard(lock, NULL), SEGLOG_INVALID);
        assert_code(seglog_store_get_info(store, "a", &info, NULL),
                    SEGLOG_INVALID);
        memset(&stamp, 0xff, sizeof stamp);
        assert_code(seglog_store_get_stamp(store, &stamp, NULL),
                    i ? SEGLOG_OK : SEGLOG_INVALID);
        assert_true(!i || (!stamp.is_settled && stamp.value[0] == 0));
        seglog_lock_close(&lock);
        seglog_lock_close(NULL);
        seglog_store_describe(store, text, sizeof text);
        assert_string_equal(text, i ? "byte store" : "no byte store");
        seglog_store_close(&stores[i]);
        assert_null(stores[i].self);
    }
    assert_int_equal(counting.calls, 0);

    all.size = sizeof all;
    stores[0] = (struct seglog_store){ &all, &counting };
    seglog_store_close(&stores[0]);
    seglog_store_close(&stores[0]);
    assert_int_equal(counting.calls, 1);
}

static seglog_code
open_counting(void *self, const char *name, unsigned flags,
              struct seglog_blob *blob, struct seglog_error *err)
{
    static struct seglog_blob_ops ops;

    ops = blob_ops_all();
    *blob = (struct seglog_blob){ &ops, self };
    return strcmp(name, "none") == 0 || flags != SEGLOG_OPEN_READ
               ? SEGLOG_NOT_FOUND
               : count_call(self, err);
}

/* Before a table has get_info, opening the blob serves: open, size, close. */
static void
get_info__table_of_before__opens_the_blob(void **state)
{
    struct seglog_store_ops ops = store_ops_all();
    struct counting counting = { .size = 9 };
    const struct seglog_store store = { &ops, &counting };
    struct seglog_blob_info info = { 1, 1 };

    (void)state;
    assert_ok(seglog_store_get_info(store, "a", &info, NULL));
    assert_int_equal(info.size, 5);
    assert_int_equal(info.modified_ns, 7);
    assert_int_equal(counting.calls, 1);

    ops.size = offsetof(struct seglog_store_ops, get_info);
    ops.open = open_counting;
    assert_ok(seglog_store_get_info(store, "a", &info, NULL));
    assert_int_equal(info.size, 9);
    assert_int_equal(info.modified_ns, 0);
    assert_int_equal(counting.calls, 1 + 3);

    info.size = 4;
    assert_code(seglog_store_get_info(store, "none", &info, NULL),
                SEGLOG_NOT_FOUND);
    counting.code = SEGLOG_IO;
    assert_code(seglog_store_get_info(store, "a", &info, NULL), SEGLOG_IO);
    assert_int_equal(counting.calls, 1 + 3 + 3);
    assert_int_equal(info.size, 4);
}

static void
stamp_and_discard__short_tables__are_used_up_to_their_end(void **state)
{
    struct seglog_store_ops ops = store_ops_all();
    const struct seglog_lock_ops lock_ops = {
        .size = offsetof(struct seglog_lock_ops, discard),
        .discard = count_call,
    };
    const struct seglog_lock_ops whole_ops = {
        .size = sizeof whole_ops,
        .discard = count_call,
    };
    struct counting counting = { 0 };
    const struct seglog_store store = { &ops, &counting };
    struct seglog_stamp stamp;

    (void)state;
    ops.size = offsetof(struct seglog_store_ops, get_stamp);
    assert_ok(seglog_store_get_stamp(store, &stamp, NULL));
    assert_false(stamp.is_settled);
    assert_ok(seglog_lock_discard((struct seglog_lock){ &lock_ops, &counting },
                                  NULL));
    assert_int_equal(counting.calls, 0);

    ops.size = sizeof ops;
    assert_ok(seglog_store_get_stamp(store, &stamp, NULL));
    assert_true(stamp.is_settled);
    assert_int_equal(stamp.value[1], 2);
    assert_ok(seglog_lock_discard((struct seglog_lock){ &whole_ops, &counting },
                                  NULL));
    assert_int_equal(counting.calls, 2);
}

static void
wait__store_cannot__polls(void **state)
{
    struct seglog_blob_ops ops = blob_ops_all();
    struct counting counting = { .size = 5 };
    const struct seglog_blob blob = { &ops, &counting };
    int64_t start_ms = test_now_ms();

    (void)state;
    ops.wait = NULL;
    assert_ok(seglog_blob_wait(blob, 4, -1, NULL));
    assert_ok(seglog_blob_wait(blob, 5, 0, NULL));
    assert_int_equal(counting.calls, 2);
    assert_ok(seglog_blob_wait(blob, 5, 120, NULL));
    assert_in_range(test_now_ms() - start_ms, 119, 5000);
    assert_in_range(counting.calls, 2 + 3, 2 + 5);

    /* Found to differ the second time it looks: after one pause. */
    counting.calls = 0;
    counting.grows_by = 1;
    start_ms = test_now_ms();
    assert_ok(seglog_blob_wait(blob, 5, -1, NULL));
    assert_int_equal(counting.calls, 2);
    assert_in_range(test_now_ms() - start_ms, 49, 5000);

    counting = (struct counting){ .size = 5, .is_replaced = true };
    assert_ok(seglog_blob_wait(blob, 5, -1, NULL));
    counting = (struct counting){ .size = 5, .code = SEGLOG_IO };
    assert_code(seglog_blob_wait(blob, 5, -1, NULL), SEGLOG_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls__bad_arguments__do_not_reach_the_store),
        cmocka_unit_test(blob__operations_absent__are_not_called),
        cmocka_unit_test(blob__short_table__is_used_up_to_its_end),
        cmocka_unit_test(store__operations_absent__are_not_called),
        cmocka_unit_test(get_info__table_of_before__opens_the_blob),
        cmocka_unit_test(
            stamp_and_discard__short_tables__are_used_up_to_their_end),
        cmocka_unit_test(wait__store_cannot__polls),
    };

    return cmocka_run_group_tests_name("store/store", tests, NULL, NULL);
}
