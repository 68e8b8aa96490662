/* SPDX-License-Identifier: MIT */
/*
 * tests/session/test_names.c
 *
 * Goal    what has a name is kept under exactly that name, by the rule of
 *         workers where it is one, for every handle.
 */
#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "format/bytes.h"
#include "format/checksum.h"
#include "seglog/session.h"

struct fixture {
    struct seglog_store store;
    struct seglog_session_store *a;
    struct seglog_session_store *b;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_ok(seglog_store_memory_open(&f->store, NULL));
    assert_ok(seglog_session_store_open(f->store, NULL, &f->a, NULL));
    assert_ok(seglog_session_store_open(f->store, NULL, &f->b, NULL));
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    assert_ok(seglog_session_store_close(f->a, NULL));
    assert_ok(seglog_session_store_close(f->b, NULL));
    seglog_store_close(&f->store);
    free(f);
    return 0;
}

static struct seglog_slice
slice(const char *text)
{
    return (struct seglog_slice){ text, strlen(text) };
}

static seglog_code
worker_write(struct seglog_session_store *sessions, struct seglog_slice name,
             const char *data)
{
    const struct seglog_named item = { .space = SEGLOG_NAMES_WORKER,
                                       .name = name,
                                       .data = slice(data) };

    return seglog_name_write(sessions, &item, 1, false, NULL);
}

static void
assert_worker(struct seglog_session_store *sessions, const char *name,
              const char *want)
{
    char *data = NULL;
    size_t len = 0;
    const seglog_code code = seglog_name_read(sessions, SEGLOG_NAMES_WORKER,
                                              slice(name), &data, &len, NULL);

    assert_code(code, want ? SEGLOG_OK : SEGLOG_NOT_FOUND);
    if (want) {
        assert_int_equal(len, strlen(want));
        assert_memory_equal(data, want, len);
    }
    seglog_free(data);
}

static void
worker__write_read_replace_delete__as_told(void **state)
{
    struct fixture *f = *state;
    bool existed = false;

    assert_worker(f->a, "worker-a", NULL);
    assert_ok(worker_write(f->a, slice("worker-a"), "{\"pod_name\":1}"));
    assert_worker(f->b, "worker-a", "{\"pod_name\":1}");
    assert_ok(worker_write(f->b, slice("worker-a"), ""));
    assert_worker(f->a, "worker-a", "");
    assert_ok(seglog_name_delete(f->a, SEGLOG_NAMES_WORKER, slice("worker-a"),
                                 &existed, NULL));
    assert_true(existed);
    assert_worker(f->b, "worker-a", NULL);
    assert_ok(seglog_name_delete(f->b, SEGLOG_NAMES_WORKER, slice("worker-a"),
                                 &existed, NULL));
    assert_false(existed);
}

static void
worker__names_against_the_rule__invalid_and_nothing_kept(void **state)
{
    const struct seglog_slice bad[] = {
        { "", 0 },     { ".", 1 },  { "..", 2 },
        { "a/b", 3 },  { "/", 1 },  { "../../etc/passwd", 16 },
        { "a\0b", 3 }, { "\0", 1 },
    };
    const struct seglog_slice good[] = {
        { "...", 3 },  { ".hidden", 7 },  { "a b", 3 },       { "a\\b", 3 },
        { "a\nb", 3 }, { "\xff\xfe", 2 }, { "index.seg", 9 }, { "x.lock", 6 },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_code(worker_write(f->a, bad[i], "x"), SEGLOG_INVALID);
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_ok(worker_write(f->a, good[i], "x"));
}

static void
worker__name_too_long__too_large(void **state)
{
    struct fixture *f = *state;
    char *name = malloc(SEGLOG_NAME_MAX + 1);

    assert_non_null(name);
    memset(name, 'n', SEGLOG_NAME_MAX + 1);
    assert_ok(worker_write(f->a, (struct seglog_slice){ name, SEGLOG_NAME_MAX },
                           "x"));
    assert_code(worker_write(f->a,
                             (struct seglog_slice){ name, SEGLOG_NAME_MAX + 1 },
                             "x"),
                SEGLOG_TOO_LARGE);
    free(name);
}

struct listed {
    char names[256];
};

static bool
name_note(void *arg, const struct seglog_named *item)
{
    struct listed *listed = arg;
    const size_t used = strlen(listed->names);

    (void)snprintf(listed->names + used, sizeof listed->names - used,
                   "%.*s=%.*s;", (int)item->name.len, item->name.data,
                   (int)item->data.len, item->data.data);
    return strlen(listed->names) < 100;
}

static void
list__some__in_order_of_bytes_and_of_one_space_only(void **state)
{
    struct fixture *f = *state;
    struct seglog_uuid session = { { 1 } };
    const struct seglog_named source = { .space = SEGLOG_NAMES_SOURCE,
                                         .name = { "b", 1 },
                                         .data = { "source", 6 } };
    struct listed listed = { "" };

    assert_ok(worker_write(f->a, slice("b"), "2"));
    assert_ok(worker_write(f->a, slice("a"), "1"));
    assert_ok(worker_write(f->a, slice("ab"), "3"));
    assert_ok(worker_write(f->a, slice("B"), "4"));
    assert_ok(seglog_name_write(f->a, &source, 1, true, NULL));
    assert_ok(seglog_session_write_note(f->a, &session, "note", 4, NULL));
    assert_ok(seglog_name_list(f->b, SEGLOG_NAMES_WORKER, slice(""), name_note,
                               &listed, NULL));
    assert_string_equal(listed.names, "B=4;a=1;ab=3;b=2;");
    listed.names[0] = '\0';
    assert_ok(seglog_name_list(f->b, SEGLOG_NAMES_WORKER, slice("a"), name_note,
                               &listed, NULL));
    assert_string_equal(listed.names, "a=1;ab=3;");
    assert_code(seglog_name_list(f->b, SEGLOG_NAMES_SESSION, slice(""),
                                 name_note, &listed, NULL),
                SEGLOG_INVALID);
}

static void
note__up_to_its_limit__kept_and_taken_away(void **state)
{
    struct fixture *f = *state;
    struct seglog_uuid session = { { 3 } };
    char note[SEGLOG_SESSION_NOTE_MAX + 1];
    char buf[SEGLOG_SESSION_NOTE_MAX];
    size_t len = 99;

    test_fill(note, sizeof note, 5);
    assert_ok(seglog_session_read_note(f->a, &session, buf, &len, NULL));
    assert_int_equal(len, 0);
    assert_ok(seglog_session_write_note(f->a, &session, note,
                                        SEGLOG_SESSION_NOTE_MAX, NULL));
    assert_ok(seglog_session_read_note(f->b, &session, buf, &len, NULL));
    assert_int_equal(len, SEGLOG_SESSION_NOTE_MAX);
    assert_memory_equal(buf, note, len);
    assert_code(
        seglog_session_write_note(f->a, &session, note, sizeof note, NULL),
        SEGLOG_TOO_LARGE);
    assert_ok(seglog_session_write_note(f->a, &session, NULL, 0, NULL));
    assert_ok(seglog_session_read_note(f->b, &session, buf, &len, NULL));
    assert_int_equal(len, 0);
}

/* What a later version has written is not for us to write anew. */
static void
names_of_a_later_version__are_refused_and_stay(void **state)
{
    struct fixture *f = *state;
    struct seglog_session_store *late = NULL;
    struct seglog_blob blob = { 0 };
    struct seglog_error err;
    uint8_t before[4096];
    uint8_t after[4096];
    uint64_t size = 0;
    uint64_t size_after = 0;
    char *data = NULL;
    size_t len = 0;

    assert_ok(worker_write(f->a, slice("w"), "precious"));
    assert_ok(seglog_blob_open(f->store, "names.seg", SEGLOG_OPEN_WRITE, &blob,
                               NULL));
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    assert_true(size < sizeof before);
    assert_ok(seglog_blob_read_at(blob, 0, before, (size_t)size, NULL));
    before[8]++; /* the version: SPEC.md 3 */
    slg_store_le32(before + 50, slg_crc32(0, before, 50));
    assert_ok(seglog_blob_truncate(blob, 0, NULL));
    assert_ok(seglog_blob_append(blob, 0, before, (size_t)size, NULL, NULL));
    assert_ok(seglog_session_store_open(f->store, NULL, &late, NULL));
    assert_code_err(seglog_name_read(late, SEGLOG_NAMES_WORKER, slice("w"),
                                     &data, &len, &err),
                    SEGLOG_FORMAT, &err);
    assert_code(worker_write(late, slice("x"), "new"), SEGLOG_FORMAT);
    assert_ok(seglog_session_store_close(late, NULL));
    assert_ok(seglog_blob_get_size(blob, &size_after, NULL, NULL));
    assert_int_equal(size_after, size);
    assert_ok(seglog_blob_read_at(blob, 0, after, (size_t)size, NULL));
    assert_memory_equal(before, after, (size_t)size);
    assert_ok(seglog_blob_close(&blob, NULL));
}

static void
names__null_with_a_length__invalid(void **state)
{
    struct fixture *f = *state;
    const struct seglog_slice nowhere = { NULL, 3 };
    const struct seglog_named items[] = {
        { .space = SEGLOG_NAMES_SOURCE, .name = nowhere },
        { .space = SEGLOG_NAMES_SOURCE, .name = { "n", 1 }, .data = nowhere },
    };
    char *data = NULL;
    size_t len = 0;

    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_code(seglog_name_write(f->a, &items[i], 1, false, NULL),
                    SEGLOG_INVALID);
    assert_code(
        seglog_name_read(f->a, SEGLOG_NAMES_SOURCE, nowhere, &data, &len, NULL),
        SEGLOG_INVALID);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(worker__write_read_replace_delete__as_told),
        TEST(worker__names_against_the_rule__invalid_and_nothing_kept),
        TEST(worker__name_too_long__too_large),
        TEST(list__some__in_order_of_bytes_and_of_one_space_only),
        TEST(note__up_to_its_limit__kept_and_taken_away),
        TEST(names_of_a_later_version__are_refused_and_stay),
        TEST(names__null_with_a_length__invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
