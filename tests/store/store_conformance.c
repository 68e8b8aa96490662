/* SPDX-License-Identifier: MIT */
/* tests/store/store_conformance.c - run the suite on a store. */
#include "tests/store/store_conformance_parts.h"

struct seglog_blob
store_open_blob(struct seglog_store store, const char *name, unsigned flags)
{
    struct seglog_blob blob = { 0 };
    struct seglog_error err;

    assert_code_err(seglog_blob_open(store, name, flags, &blob, &err),
                    SEGLOG_OK, &err);
    return blob;
}

void
store_close_blob(struct seglog_blob *blob)
{
    assert_ok(seglog_blob_close(blob, NULL));
    assert_null(blob->ops);
    assert_null(blob->self);
}

uint64_t
store_put(struct seglog_blob blob, const char *text)
{
    uint64_t offset = 0;
    struct seglog_error err;

    assert_code_err(seglog_blob_append(blob, SEGLOG_END_ANY, text, strlen(text),
                                       &offset, &err),
                    SEGLOG_OK, &err);
    return offset;
}

void
store_put_new(struct seglog_store store, const char *name, const char *text)
{
    struct seglog_blob blob = store_open_blob(
        store, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE);

    assert_int_equal(store_put(blob, text), 0);
    store_close_blob(&blob);
}

uint64_t
store_get_size(struct seglog_blob blob)
{
    uint64_t size = 0;
    struct seglog_error err;

    assert_code_err(seglog_blob_get_size(blob, &size, NULL, &err), SEGLOG_OK,
                    &err);
    return size;
}

bool
store_is_replaced(struct seglog_blob blob)
{
    uint64_t size = 0;
    bool is_replaced = false;
    struct seglog_error err;

    assert_code_err(seglog_blob_get_size(blob, &size, &is_replaced, &err),
                    SEGLOG_OK, &err);
    assert_int_equal(size, store_get_size(blob));
    return is_replaced;
}

void
store_assert_text(struct seglog_blob blob, const char *want)
{
    const size_t len = strlen(want);
    char *got = malloc(len + 1);
    struct seglog_error err;

    assert_non_null(got);
    assert_int_equal(store_get_size(blob), len);
    assert_code_err(seglog_blob_read_at(blob, 0, got, len, &err), SEGLOG_OK,
                    &err);
    got[len] = '\0';
    assert_string_equal(got, want);
    free(got);
}

static int
fixture_setup(void **state)
{
    const struct store_factory *factory = *state;
    struct store_fixture *fixture = calloc(1, sizeof *fixture);
    struct seglog_error err;

    assert_non_null(fixture);
    fixture->factory = factory;
    assert_code_err(factory->make(factory->arg, &fixture->store, &err),
                    SEGLOG_OK, &err);
    *state = fixture;
    return 0;
}

static int
fixture_teardown(void **state)
{
    struct store_fixture *fixture = *state;

    fixture->factory->destroy(fixture->factory->arg, &fixture->store);
    free(fixture);
    return 0;
}

int
store_conformance_run(const struct store_factory *factory)
{
    static const struct CMUnitTest *const parts[] = {
        store_conformance_blob,    store_conformance_discard,
        store_conformance_info,    store_conformance_names,
        store_conformance_sharing,
    };
    struct CMUnitTest tests[128] = { 0 };
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        for (const struct CMUnitTest *test = parts[i]; test->name; test++) {
            assert_true(count < COUNT_OF(tests));
            tests[count] = *test;
            tests[count].setup_func = fixture_setup;
            tests[count].teardown_func = fixture_teardown;
            tests[count].initial_state = (void *)(uintptr_t)factory;
            count++;
        }
    }
    return _cmocka_run_group_tests(factory->name, tests, count, NULL, NULL);
}
