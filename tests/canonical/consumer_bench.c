/* SPDX-License-Identifier: MIT */
/* tests/canonical/consumer_bench.c - a store in a folder, and its consumers. */
#include "tests/canonical/consumer_bench.h"

#include <stdio.h>

/* -- a store --------------------------------------------------------------- */

void
bench_open_with(struct bench *bench,
                const struct seglog_canonical_options *options)
{
    struct seglog_error err;

    assert_code_err(seglog_store_file_open(bench->log_dir,
                                           !options->is_read_only,
                                           &bench->store, &err),
                    SEGLOG_OK, &err);
    assert_code_err(
        seglog_canonical_open(bench->store, options, &bench->canonical, &err),
        SEGLOG_OK, &err);
}

void
bench_open(struct bench *bench)
{
    const struct seglog_canonical_options options = { .size = sizeof options,
                                                      .view_dir =
                                                          bench->view_dir };

    bench_open_with(bench, &options);
}

void
bench_close(struct bench *bench)
{
    assert_ok(seglog_canonical_close(bench->canonical, NULL));
    bench->canonical = NULL;
    seglog_store_close(&bench->store);
}

int
bench_names(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    if (!bench)
        return 1;
    bench->dir = test_dir_make();
    bench->log_dir = test_path(bench->dir, "log");
    bench->view_dir = test_path(bench->dir, "view");
    *state = bench;
    return 0;
}

int
bench_setup(void **state)
{
    if (bench_names(state) != 0)
        return 1;
    bench_open(*state);
    return 0;
}

int
bench_teardown(void **state)
{
    struct bench *bench = *state;

    if (bench->canonical)
        bench_close(bench);
    free(bench->view_dir);
    free(bench->log_dir);
    test_dir_remove(bench->dir);
    free(bench);
    return 0;
}

uint64_t
event_commit(struct seglog_canonical *canonical, const char *text)
{
    struct seglog_write_txn *txn = NULL;
    struct seglog_commit_info info;
    struct seglog_error err;
    uint64_t id = 0;

    assert_code_err(seglog_write_txn_begin(canonical, &txn, &err), SEGLOG_OK,
                    &err);
    assert_ok(seglog_write_txn_append_event(
        txn, (struct seglog_slice){ text, strlen(text) }, &id, NULL));
    assert_code_err(seglog_write_txn_commit(txn, false, &info, &err), SEGLOG_OK,
                    &err);
    assert_int_equal(info.first_event, id);
    return id;
}

void
events_commit(struct seglog_canonical *canonical, uint64_t first,
              uint64_t count)
{
    char text[32];

    for (uint64_t id = first; id < first + count; id++) {
        (void)snprintf(text, sizeof text, "event %llu", (unsigned long long)id);
        assert_int_equal(event_commit(canonical, text), id);
    }
}

struct seglog_consumer *
consumer_open(struct bench *bench, const char *name, uint64_t from)
{
    struct seglog_consumer *consumer = NULL;
    struct seglog_error err;

    assert_code_err(
        seglog_consumer_open(bench->canonical, name, from, &consumer, &err),
        SEGLOG_OK, &err);
    return consumer;
}

void
assert_is_event(const struct seglog_canonical_event *event, uint64_t id)
{
    char text[32];

    (void)snprintf(text, sizeof text, "event %llu", (unsigned long long)id);
    assert_int_equal(event->id, id);
    assert_int_equal(event->data.len, strlen(text));
    assert_memory_equal(event->data.data, text, strlen(text));
}

void
assert_next(struct seglog_consumer *consumer, uint64_t id)
{
    struct seglog_canonical_event event;
    struct seglog_error err;

    assert_code_err(seglog_consumer_next(consumer, 0, &event, &err), SEGLOG_OK,
                    &err);
    assert_is_event(&event, id);
}

void
assert_none(struct seglog_consumer *consumer)
{
    struct seglog_canonical_event event;

    assert_code(seglog_consumer_next(consumer, 0, &event, NULL), SEGLOG_END);
}

static bool
info_find(void *arg, const struct seglog_consumer_info *info)
{
    struct found *found = arg;

    if (strcmp(info->name, found->name) != 0)
        return true;
    found->cursor = info->cursor;
    found->lag = info->lag;
    found->dead = info->dead;
    found->is_found = true;
    return false;
}

struct found
info_of(struct bench *bench, const char *name)
{
    struct found found = { .name = name };

    assert_ok(seglog_canonical_list_consumers(bench->canonical, info_find,
                                              &found, NULL));
    return found;
}

void
assert_cursor(struct bench *bench, const char *name, uint64_t cursor)
{
    const struct found found = info_of(bench, name);

    assert_true(found.is_found);
    assert_int_equal(found.cursor, cursor);
}

/* -- dead letters ---------------------------------------------------------- */

seglog_code
letter_add(void *arg, const struct seglog_dead_letter *letter,
           struct seglog_error *err)
{
    struct letters *letters = arg;
    const size_t len = strlen(letters->text);

    (void)snprintf(letters->text + len, sizeof letters->text - len,
                   "%llu/%llu/%.*s/%.*s ", (unsigned long long)letter->id,
                   (unsigned long long)letter->retries, (int)letter->reason.len,
                   letter->reason.data, (int)letter->data.len,
                   letter->data.data);
    letters->time_ms = letter->time_ms;
    if (letters->busy) {
        struct seglog_canonical_event event;

        assert_ok(seglog_consumer_next(letters->busy, 0, &event, NULL));
        assert_ok(
            seglog_consumer_acknowledge(letters->busy, event.id, false, NULL));
    }
    if (letter->id != letters->fails_at)
        return SEGLOG_OK;
    if (err && letters->code != SEGLOG_TOO_LARGE)
        (void)snprintf(err->message, sizeof err->message, "again");
    return letters->code;
}
