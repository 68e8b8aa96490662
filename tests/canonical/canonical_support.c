/* SPDX-License-Identifier: MIT */
/* tests/canonical/canonical_support.c - a canonical store in a folder. */
#include "tests/canonical/canonical_support.h"

#include <stdio.h>

#include "src/stream/stream_names.h"

#define TEXT_CAP ((size_t)1 << 16)

struct seglog_slice
text_slice(const char *text)
{
    return (struct seglog_slice){ text, strlen(text) };
}

/* -- opening --------------------------------------------------------------- */

struct seglog_canonical *
store_open_other(struct fixture *fixture)
{
    struct seglog_canonical *canonical = NULL;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_canonical_open(fixture->store, &fixture->options,
                                          &canonical, &err),
                    SEGLOG_OK, &err);
    return canonical;
}

void
store_open(struct fixture *fixture)
{
    fixture->canonical = store_open_other(fixture);
}

void
store_close(struct fixture *fixture)
{
    struct seglog_error err = { 0 };

    assert_code_err(seglog_canonical_close(fixture->canonical, &err), SEGLOG_OK,
                    &err);
    fixture->canonical = NULL;
}

void
store_reopen(struct fixture *fixture)
{
    store_close(fixture);
    store_open(fixture);
}

int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->dir = test_dir_make();
    fixture->log = test_path(fixture->dir, "log");
    fixture->view = test_path(fixture->dir, "view");
    assert_ok(
        seglog_store_file_open(fixture->log, true, &fixture->files, NULL));
    fixture->faults = seglog_faults_new(fixture->files);
    assert_non_null(fixture->faults);
    fixture->store = seglog_faults_store(fixture->faults);
    fixture->options = (struct seglog_canonical_options){
        .size = sizeof fixture->options,
        .view_dir = fixture->view,
        .view_bytes_max = UINT64_C(64) << 20,
        .lock_timeout_ms = 5000,
    };
    store_open(fixture);
    *state = fixture;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    assert_ok(seglog_canonical_close(fixture->canonical, NULL));
    seglog_faults_free(fixture->faults);
    seglog_store_close(&fixture->files);
    free(fixture->log);
    free(fixture->view);
    test_dir_remove(fixture->dir);
    free(fixture);
    return 0;
}

void
view_remove(const struct fixture *fixture)
{
    static const char *const names[] = { "data.mdb", "lock.mdb" };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *path = test_path(fixture->view, names[i]);

        assert_int_equal(remove(path), 0);
        free(path);
    }
}

struct view_copy
view_copy_take(const struct fixture *fixture)
{
    char *path = test_path(fixture->view, "data.mdb");
    struct view_copy copy = { 0 };

    copy.bytes = test_file_read(path, &copy.len);
    free(path);
    return copy;
}

void
view_copy_put_back(const struct fixture *fixture, struct view_copy *copy)
{
    char *path = test_path(fixture->view, "data.mdb");

    test_file_write(path, copy->bytes, copy->len);
    free(path);
    free(copy->bytes);
    copy->bytes = NULL;
}

/* -- the log --------------------------------------------------------------- */

char *
log_segment(const struct fixture *fixture, size_t number,
            char name[SEGLOG_STREAM_NAME_CAP])
{
    struct slg_stream_parts parts = { 0 };

    assert_ok(slg_stream_parts_list(fixture->files, SEGLOG_CANONICAL_STREAM,
                                    &parts, NULL));
    assert_true(number < parts.count);
    slg_stream_part_name(SEGLOG_CANONICAL_STREAM, &parts.parts[number], name);
    slg_stream_parts_reset(&parts);
    return name;
}

size_t
log_segment_count(const struct fixture *fixture)
{
    struct slg_stream_parts parts = { 0 };
    size_t count = 0;

    assert_ok(slg_stream_parts_list(fixture->files, SEGLOG_CANONICAL_STREAM,
                                    &parts, NULL));
    count = parts.count;
    slg_stream_parts_reset(&parts);
    return count;
}

uint64_t
log_find(const struct fixture *fixture, size_t number, const char *text)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t len = 0;
    uint8_t *bytes =
        blob_read(fixture->files, log_segment(fixture, number, name), &len);
    const size_t wanted = strlen(text);
    size_t at = 0;

    while (at + wanted <= len && memcmp(bytes + at, text, wanted) != 0)
        at++;
    assert_true(at + wanted <= len);
    free(bytes);
    return len - at;
}

/* -- writing --------------------------------------------------------------- */

struct seglog_write_txn *
write_begin(struct seglog_canonical *canonical)
{
    struct seglog_write_txn *txn = NULL;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_write_txn_begin(canonical, &txn, &err), SEGLOG_OK,
                    &err);
    return txn;
}

void
write_put(struct seglog_write_txn *txn, const char *key, const char *value)
{
    assert_ok(
        seglog_write_txn_put(txn, text_slice(key), text_slice(value), NULL));
}

void
write_delete(struct seglog_write_txn *txn, const char *key)
{
    assert_ok(seglog_write_txn_delete(txn, text_slice(key), NULL));
}

uint64_t
write_event(struct seglog_write_txn *txn, const char *event)
{
    uint64_t id = 0;

    assert_ok(seglog_write_txn_append_event(txn, text_slice(event), &id, NULL));
    return id;
}

struct seglog_commit_info
write_commit(struct seglog_write_txn *txn)
{
    struct seglog_commit_info info;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_write_txn_commit(txn, false, &info, &err), SEGLOG_OK,
                    &err);
    return info;
}

struct seglog_commit_info
commit_one(struct seglog_canonical *canonical, const char *key,
           const char *value, const char *event)
{
    struct seglog_write_txn *txn = write_begin(canonical);

    if (key)
        write_put(txn, key, value);
    if (event)
        (void)write_event(txn, event);
    return write_commit(txn);
}

/* -- reading --------------------------------------------------------------- */

void
assert_value(struct seglog_canonical *canonical, const char *key,
             const char *value)
{
    struct seglog_read_txn *txn = NULL;
    struct seglog_slice got = { 0 };
    struct seglog_error err = { 0 };

    assert_code_err(seglog_read_txn_begin(canonical, &txn, &err), SEGLOG_OK,
                    &err);
    assert_code(seglog_read_txn_get(txn, text_slice(key), &got, NULL),
                value ? SEGLOG_OK : SEGLOG_NOT_FOUND);
    if (value) {
        assert_int_equal(got.len, strlen(value));
        assert_memory_equal(got.data, value, got.len);
    }
    seglog_read_txn_end(txn);
}

static void
text_add(char *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
text_add(char *text, const char *format, ...)
{
    const size_t len = strlen(text);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text + len, TEXT_CAP - len, format, args);
    va_end(args);
}

void
assert_iter(struct seglog_state_iter *iter, const char *want)
{
    char *text = calloc(1, TEXT_CAP);
    struct seglog_slice key;
    struct seglog_slice value;
    seglog_code code = SEGLOG_OK;

    assert_non_null(text);
    while ((code = seglog_state_iter_next(iter, &key, &value, NULL)) ==
           SEGLOG_OK)
        text_add(text, "%s%.*s=%.*s", text[0] ? " " : "", (int)key.len,
                 key.data, (int)value.len, value.data);
    assert_code(code, SEGLOG_END);
    assert_string_equal(text, want);
    free(text);
}

void
assert_state(struct seglog_canonical *canonical,
             const struct seglog_state_range *range, const char *want)
{
    struct seglog_read_txn *txn = NULL;
    struct seglog_state_iter *iter = NULL;

    assert_ok(seglog_read_txn_begin(canonical, &txn, NULL));
    assert_ok(seglog_read_txn_iterate(txn, range, &iter, NULL));
    assert_iter(iter, want);
    seglog_state_iter_close(iter);
    seglog_read_txn_end(txn);
}

void
assert_events(struct seglog_canonical *canonical, uint64_t from, uint64_t to,
              const char *want)
{
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_error err = { 0 };
    char *text = calloc(1, TEXT_CAP);
    seglog_code code = SEGLOG_OK;

    assert_non_null(text);
    assert_code_err(seglog_event_iter_open(canonical, from, to, &iter, &err),
                    SEGLOG_OK, &err);
    while ((code = seglog_event_iter_next(iter, &event, &err)) == SEGLOG_OK)
        text_add(text, "%s%llu:%.*s", text[0] ? " " : "",
                 (unsigned long long)event.id, (int)event.data.len,
                 event.data.data);
    assert_code_err(code, SEGLOG_END, &err);
    assert_string_equal(text, want);
    seglog_event_iter_close(iter);
    free(text);
}

void
assert_event(struct seglog_canonical *canonical, uint64_t id, const char *want)
{
    char *data = NULL;
    size_t len = 0;

    assert_code(seglog_canonical_get_event(canonical, id, &data, &len, NULL),
                want ? SEGLOG_OK : SEGLOG_NOT_FOUND);
    if (want)
        assert_string_equal(data, want);
    seglog_free(data);
}

struct seglog_canonical_meta
meta_of(struct seglog_canonical *canonical)
{
    struct seglog_canonical_meta meta;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_canonical_get_meta(canonical, &meta, &err),
                    SEGLOG_OK, &err);
    return meta;
}
