/* SPDX-License-Identifier: MIT */
/* tests/segment/test_seal_costs.c - where the bytes of blocks are. */
#include "tests/segment/seal_support.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/segment/writer_support.h"

struct sums {
    uint64_t calls;
    uint64_t text;
    uint64_t stored;
    uint64_t of_path; /* text of "n" */
    bool has_parent;
    bool is_ordered;
    char last[64];
};

static void
cost_sum(void *arg, const struct seglog_cost *cost)
{
    struct sums *sums = arg;
    const char *path = cost->path ? cost->path : "";

    sums->calls++;
    sums->text += cost->text_bytes;
    sums->stored += cost->stored_bytes;
    sums->has_parent |= strcmp(cost->form, "parent") == 0;
    if (strcmp(path, "n") == 0)
        sums->of_path += cost->text_bytes;
    sums->is_ordered &= strcmp(sums->last, path) <= 0;
    (void)snprintf(sums->last, sizeof sums->last, "%s", path);
}

/* Each block in full: what stands in the frames, and in the records. */
static void
expect_all(struct seglog_store store, const char *name, struct sums *sums)
{
    struct seglog_scan_summary summary;
    struct seglog_error err;

    *sums = (struct sums){ .is_ordered = true };
    assert_code_err(seglog_segment_get_costs(store, name, cost_sum, sums, &err),
                    SEGLOG_OK, &err);
    assert_ok(seglog_scan(store, name, NULL, &summary, NULL));
    assert_int_equal(sums->stored, summary.body_bytes);
    assert_int_equal(sums->text, summary.payload_bytes);
    assert_true(sums->is_ordered);
}

static void
numbers_make(struct seglog_store store, const char *name, unsigned count)
{
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .mode =
                                                       SEGLOG_WRITER_PRIVATE };
    struct seglog_writer *writer = NULL;
    char line[64];

    assert_ok(seglog_writer_open(store, name, &options, &writer, NULL));
    for (unsigned i = 0; i < count; i++) {
        const int len = snprintf(line, sizeof line, "{\"n\":%u,\"s\":\"%08x\"}",
                                 i % 10, i * 2654435761u);

        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, line, (size_t)len,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
costs__many_blocks__each_path_once_and_all_bytes(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = seal_options(65536);
    struct seglog_seal_result result;
    struct sums sums;

    numbers_make(store, SEAL_NAME, 20000);
    seal_ok(store, SEAL_NAME, &options, &result);
    assert_in_range(result.blocks, 5, 20);
    expect_all(store, SEAL_NAME, &sums);
    assert_int_equal(sums.of_path, 20000);
    assert_in_range(sums.calls, 3, 30);
}

static void
costs__records_that_are_no_json__counted(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .mode =
                                                       SEGLOG_WRITER_PRIVATE };
    struct seglog_writer *writer = NULL;
    struct sums sums;

    assert_ok(seglog_writer_open(store, SEAL_NAME, &options, &writer, NULL));
    for (unsigned i = 0; i < 40; i++)
        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, "\xFF\n{", i % 4,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    seal_ok(store, SEAL_NAME, NULL, NULL);
    expect_all(store, SEAL_NAME, &sums);
}

static void
costs__blocks_that_refer_to_a_parent__named_so(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_seal_options options = seal_options(65536);
    struct sums sums;

    lines_make(store, "p.seg", 1, 2000);
    lines_make(store, SEAL_NAME, 1, 2000);
    seal_ok(store, "p.seg", &options, NULL);
    options.parent = "p.seg";
    seal_ok(store, SEAL_NAME, &options, NULL);
    expect_all(store, SEAL_NAME, &sums);
    assert_true(sums.has_parent);
}

static void
costs__not_sealed_or_damaged__said(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_blob blob = { 0 };
    struct seglog_error err;
    struct sums sums = { .calls = 0 };
    uint64_t size = 0;

    assert_code_err(
        seglog_segment_get_costs(store, SEAL_NAME, cost_sum, &sums, &err),
        SEGLOG_NOT_FOUND, &err);
    numbers_make(store, SEAL_NAME, 2000);
    assert_code_err(
        seglog_segment_get_costs(store, SEAL_NAME, cost_sum, &sums, &err),
        SEGLOG_INVALID, &err);
    seal_ok(store, SEAL_NAME, NULL, NULL);
    assert_ok(
        seglog_blob_open(store, SEAL_NAME, SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    assert_ok(seglog_blob_truncate(blob, size / 2, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    assert_code_err(
        seglog_segment_get_costs(store, SEAL_NAME, cost_sum, &sums, &err),
        SEGLOG_CORRUPT, &err);
    assert_int_equal(sums.calls, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(costs__many_blocks__each_path_once_and_all_bytes),
        on_memory(costs__records_that_are_no_json__counted),
        on_memory(costs__blocks_that_refer_to_a_parent__named_so),
        on_memory(costs__not_sealed_or_damaged__said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
