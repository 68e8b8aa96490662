/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_mend_first.c
 *
 * Goal    a stream of one segment, whose beginning is damaged, is mended as long
 *         as it still says which stream it is; else nothing of it is touched.
 */
#include "tests/stream/stream_fixture.h"

#include <stdio.h>

#include "format/header.h"

#define EVENTS        3u
#define HEAD_AT       SLG_HEADER_BYTES /* the first chain head, of no bytes */
#define ATTRIBUTES_AT (HEAD_AT + 9)

struct damaged {
    char name[SEGLOG_STREAM_NAME_CAP];
    char kept[SEGLOG_STREAM_NAME_CAP + 16];
    char new_name[SEGLOG_STREAM_NAME_CAP + 16];
    uint8_t *bytes;
    size_t len;
};

/* Without what closing adds: no checkpoint. */
static void
damaged_make(struct fixture *fixture, struct damaged *damaged)
{
    fixture->options.chain = SEGLOG_CHAIN_XXH3;
    stream_model_init(&fixture->model, SEGLOG_CHAIN_XXH3);
    open_streams(fixture);
    append(fixture, EVENTS);
    (void)stream_segment_name(fixture->store, STREAM, 0, damaged->name);
    (void)snprintf(damaged->kept, sizeof damaged->kept, "%s.damaged",
                   damaged->name);
    (void)snprintf(damaged->new_name, sizeof damaged->new_name, "%s.new",
                   damaged->name);
    damaged->bytes = blob_read(fixture->store, damaged->name, &damaged->len);
    close_streams(fixture);
}

static seglog_code
mend(struct fixture *fixture, const struct damaged *damaged,
     enum seglog_stream_mend how, struct seglog_stream_mended *mended)
{
    struct seglog_stream_end end;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    blob_write(fixture->store, damaged->name, damaged->bytes, damaged->len);
    open_streams(fixture);
    assert_code(
        seglog_stream_latest_chain_hash(fixture->streams, STREAM, &end, &err),
        SEGLOG_CORRUPT);
    code = seglog_stream_mend(fixture->streams, STREAM, how, mended, &err);
    if (code == SEGLOG_OK)
        assert_ok(seglog_stream_latest_chain_hash(fixture->streams, STREAM,
                                                  &end, &err));
    close_streams(fixture);
    return code;
}

static void
mend__first_chain_head_damaged__has_the_head_that_it_had(void **state)
{
    struct fixture *fixture = *state;
    struct damaged damaged;

    damaged_make(fixture, &damaged);
    for (size_t at = HEAD_AT; at < ATTRIBUTES_AT; at++) {
        for (int how = SEGLOG_STREAM_MEND_CUT; how <= SEGLOG_STREAM_MEND_RESUME;
             how++) {
            struct seglog_stream_mended mended;

            damaged.bytes[at] ^= 1;
            assert_code(
                mend(fixture, &damaged, (enum seglog_stream_mend)how, &mended),
                SEGLOG_OK);
            assert_int_equal(mended.lost, 0);
            assert_int_equal(mended.end.next_offset, EVENTS);
            stream_assert_hash(&mended.end.hash,
                               stream_model_head(&fixture->model, EVENTS));
            assert_string_equal(mended.name, damaged.kept);
            assert_ok(seglog_store_remove(fixture->store, damaged.kept, NULL));
            damaged.bytes[at] ^= 1;
        }
    }
    free(damaged.bytes);
}

static void
mend__nothing_says_which_stream_it_is__touches_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    struct damaged damaged;
    uint8_t *after = NULL;
    size_t len = 0;

    damaged_make(fixture, &damaged);
    damaged.bytes[HEAD_AT + 4] ^= 1;
    damaged.bytes[ATTRIBUTES_AT + 8] ^= 1;
    assert_code(mend(fixture, &damaged, SEGLOG_STREAM_MEND_RESUME, &mended),
                SEGLOG_CORRUPT);
    assert_string_equal(mended.name, "");
    after = blob_read(fixture->store, damaged.name, &len);
    assert_int_equal(len, damaged.len);
    assert_memory_equal(after, damaged.bytes, len);
    assert_code(seglog_store_remove(fixture->store, damaged.kept, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_store_remove(fixture->store, damaged.new_name, NULL),
                SEGLOG_NOT_FOUND);
    free(after);
    free(damaged.bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            mend__first_chain_head_damaged__has_the_head_that_it_had,
            fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(
            mend__nothing_says_which_stream_it_is__touches_nothing,
            fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
