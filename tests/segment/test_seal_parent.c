/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_parent.c
 *
 * Goal    what repeats a sealed segment adds little to it; it reads as it was,
 *         at any place, while its parent is there; a parent that is missing,
 *         another or damaged is named.
 * Method  forks of a segment: the same, and with an id changed in each line.
 */
#include "tests/segment/seal_support.h"

#include <stdio.h>

#include "format/header.h"
#include "src/segment/segment_parent.h"
#include "src/store/name.h"
#include "tests/segment/writer_support.h"

#define PARENT "parent.seg"
#define LINES  2000u

/* Lines of the parent; of a fork with another id in each. */
static void
fork_make(struct seglog_store store, const char *name, uint64_t first,
          uint64_t lines, const char *id)
{
    struct seglog_writer *writer = NULL;
    char line[512];
    char word[200];

    assert_ok(seglog_writer_open(store, name, NULL, &writer, NULL));
    for (uint64_t i = 0; i < lines; i++) {
        uint64_t seed = first + i;

        for (unsigned k = 0; k < sizeof word; k++)
            word[k] = (char)('a' + test_random(&seed) % 26);
        const int len = snprintf(
            line, sizeof line,
            "{\"session\":\"%s\",\"n\":%llu,\"text\":\"%.150s %.50s\"}", id,
            (unsigned long long)(first + i), word, word + 150);

        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, line, (size_t)len,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

static struct seglog_seal_options
fork_options(void)
{
    struct seglog_seal_options options = seal_options(131072);

    options.parent = PARENT;
    options.level = 9;
    return options;
}

static struct seglog_seal_result
parent_make(struct seglog_store store)
{
    const struct seglog_seal_options options = seal_options(131072);
    struct seglog_seal_result result;

    fork_make(store, PARENT, 1, LINES, "one");
    seal_ok(store, PARENT, &options, &result);
    return result;
}

static void
seal__fork_of_the_same_records__adds_little(void **state)
{
    static const struct {
        const char *id;
        uint64_t first;
        uint64_t lines;
    } forks[] = {
        { "one", 1, LINES },             /* all of it */
        { "one", 1, LINES * 2 / 3 },     /* up to a place */
        { "one", 800, LINES - 800 + 1 }, /* what a compaction leaves */
        { "another", 1, LINES },         /* with an id changed */
    };
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = fork_options();
    const struct seglog_seal_result parent = parent_make(store);

    for (size_t i = 0; i < COUNT_OF(forks); i++) {
        struct seglog_seal_result result;
        struct seglog_scan_summary summary;
        struct seglog_seal_info info;
        struct seglog_seal_info parent_info;
        char name[32];

        (void)snprintf(name, sizeof name, "fork%zu.seg", i);
        fork_make(store, name, forks[i].first, forks[i].lines, forks[i].id);
        seal_ok(store, name, &options, &result);
        assert_true(result.bytes_after * 20 < parent.bytes_after);
        assert_scan_ok(store, name, &summary);
        assert_int_equal(summary.features_refuse,
                         SLG_REFUSE_SEALED | SLG_REFUSE_REFERS);
        assert_ok(seglog_segment_get_seal(store, name, &info, NULL));
        assert_ok(seglog_segment_get_seal(store, PARENT, &parent_info, NULL));
        assert_true(info.has_parent);
        assert_string_equal(info.parent, PARENT);
        assert_memory_equal(info.parent_digest, parent_info.digest,
                            sizeof info.parent_digest);
        if (i == 0)
            assert_memory_equal(info.digest, parent_info.digest,
                                sizeof info.digest);
    }
}

static void
seek__in_a_fork__is_the_record(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = fork_options();
    struct tale all;

    (void)parent_make(store);
    fork_make(store, SEAL_NAME, 1, LINES, "two");
    seal_ok(store, SEAL_NAME, &options, NULL);
    tale_read(&all, store, SEAL_NAME, 0);
    for (uint64_t from = 1; from <= LINES; from += 307) {
        const struct seglog_reader_options at = { .size = sizeof at,
                                                  .from_record = from };
        struct seglog_reader *reader = NULL;
        struct seglog_event event;

        assert_ok(seglog_reader_open(store, SEAL_NAME, &at, &reader, NULL));
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.record.record_no, from);
        assert_int_equal(event.record.len, all.events[from - 1].len);
        assert_memory_equal(event.record.data, all.events[from - 1].data,
                            event.record.len);
        seglog_reader_close(reader);
    }
    tale_free(&all);
}

static void
seal__parent_unlike_it__costs_no_more_than_none(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = fork_options();
    struct seglog_seal_options alone = fork_options();
    struct seglog_seal_result with;
    struct seglog_seal_result without;

    alone.parent = NULL;
    (void)parent_make(store);
    lines_make(store, "a.seg", 1, 2000);
    lines_make(store, "b.seg", 1, 2000);
    seal_ok(store, "a.seg", &options, &with);
    seal_ok(store, "b.seg", &alone, &without);
    assert_true(with.bytes_after <= without.bytes_after + 120);
}

/* What a call says of the parent. */
static void
assert_names_parent(seglog_code code, const struct seglog_error *err)
{
    assert_code_err(code, SEGLOG_NOT_FOUND, err);
    assert_non_null(strstr(err->message, PARENT));
}

static void
check_unreadable(struct seglog_store store)
{
    struct seglog_scan_summary summary;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err;

    for (unsigned salvage = 0; salvage < 2; salvage++) {
        const struct seglog_reader_options options = { .size = sizeof options,
                                                       .salvage =
                                                           salvage == 1 };

        assert_ok(
            seglog_reader_open(store, SEAL_NAME, &options, &reader, NULL));
        assert_names_parent(seglog_reader_next(reader, &event, &err), &err);
        seglog_reader_close(reader);
    }
    assert_names_parent(seglog_scan(store, SEAL_NAME, NULL, &summary, &err),
                        &err);
}

static void
read__parent_missing_or_another__is_an_error_that_names_it(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = fork_options();
    struct seglog_scan_summary summary;
    size_t len = 0;

    (void)parent_make(store);
    fork_make(store, SEAL_NAME, 1, LINES, "two");
    seal_ok(store, SEAL_NAME, &options, NULL);
    uint8_t *bytes = blob_read(store, PARENT, &len);

    assert_ok(seglog_store_remove(store, PARENT, NULL));
    check_unreadable(store);
    fork_make(store, PARENT, 1, LINES, "one");
    check_unreadable(store);
    assert_ok(seglog_store_remove(store, PARENT, NULL));
    fork_make(store, PARENT, 2, LINES, "one");
    assert_ok(seglog_segment_seal(store, PARENT, NULL, NULL, NULL));
    check_unreadable(store);
    /* Nothing of that changes anything in the fork. */
    blob_write(store, PARENT, bytes, len);
    assert_scan_ok(store, SEAL_NAME, &summary);

    /* The summary does not need it. */
    assert_ok(seglog_store_remove(store, PARENT, NULL));
    assert_ok(seglog_segment_get_summary(store, SEAL_NAME, &summary, NULL));
    assert_int_equal(summary.next_record, LINES + 1);
    free(bytes);
}

static void
read__parent_damaged__is_an_error_that_names_it(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = fork_options();
    struct seglog_scan_summary summary;
    struct seglog_error err;
    size_t len = 0;

    (void)parent_make(store);
    fork_make(store, SEAL_NAME, 1, LINES, "two");
    seal_ok(store, SEAL_NAME, &options, NULL);
    uint8_t *bytes = blob_read(store, PARENT, &len);
    bytes[len / 2] ^= 1;
    blob_write(store, PARENT, bytes, len);
    assert_names_parent(seglog_scan(store, SEAL_NAME, NULL, &summary, &err),
                        &err);
    bytes[len / 2] ^= 1;
    /* Its end alone is not needed. */
    bytes[len - 1] ^= 1;
    blob_write(store, PARENT, bytes, len);
    assert_scan_ok(store, SEAL_NAME, &summary);
    free(bytes);
}

static void
flip__in_a_fork__costs_its_block_whatever_names_the_parent(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = fork_options();
    struct seglog_scan_summary summary;
    struct seglog_seal_info info;
    uint64_t most = 0;
    size_t len = 0;

    (void)parent_make(store);
    fork_make(store, SEAL_NAME, 1, LINES, "two");
    seal_ok(store, SEAL_NAME, &options, NULL);
    assert_ok(seglog_segment_get_seal(store, SEAL_NAME, &info, NULL));
    assert_true(info.blocks > 2);
    uint8_t *bytes = blob_read(store, SEAL_NAME, &len);
    for (size_t at = SLG_HEADER_BYTES; at < len; at += 11) {
        bytes[at] ^= 0x20;
        blob_write(store, SEAL_NAME, bytes, len);
        bytes[at] ^= 0x20;
        assert_ok(seglog_scan(store, SEAL_NAME, NULL, &summary, NULL));
        assert_string_equal(seglog_verdict_name(summary.verdict), "CORRUPT");
        assert_int_equal(summary.records + summary.lost, LINES);
        most = summary.lost > most ? summary.lost : most;
        assert_ok(seglog_segment_get_summary(store, SEAL_NAME, &summary, NULL));
    }
    /* About a block. */
    assert_in_range(most, LINES / (2 * info.blocks), 2 * LINES / info.blocks);
    free(bytes);
}

static void
assert_parent_name(struct seglog_store store, const char *wanted)
{
    char name[SLG_NAME_CAP] = "something";

    assert_ok(slg_parent_name(store, SEAL_NAME, name, NULL));
    assert_string_equal(name, wanted);
}

static void
parent_name__whatever_is_left_of_the_fork__is_told_or_none(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = fork_options();
    char name[SLG_NAME_CAP] = "something";
    size_t len = 0;

    assert_code(slg_parent_name(store, SEAL_NAME, name, NULL),
                SEGLOG_NOT_FOUND);
    assert_string_equal(name, "");
    (void)parent_make(store);
    fork_make(store, SEAL_NAME, 1, LINES, "two");
    assert_parent_name(store, "");
    seal_ok(store, SEAL_NAME, &options, NULL);
    assert_parent_name(store, PARENT);
    uint8_t *bytes = blob_read(store, SEAL_NAME, &len);

    /* One flipped bit of the header is put right. */
    bytes[20] ^= 4;
    blob_write(store, SEAL_NAME, bytes, len);
    assert_parent_name(store, PARENT);
    bytes[21] ^= 4;
    blob_write(store, SEAL_NAME, bytes, len);
    assert_parent_name(store, "");
    bytes[20] ^= 4;
    bytes[21] ^= 4;
    /* Said twice: only without both it is not known. */
    bytes[len - 70] ^= 1;
    blob_write(store, SEAL_NAME, bytes, len);
    assert_parent_name(store, PARENT);
    memset(bytes + SLG_HEADER_BYTES, 0, 400);
    blob_write(store, SEAL_NAME, bytes, len);
    assert_parent_name(store, "");
    blob_write(store, SEAL_NAME, bytes, SLG_HEADER_BYTES);
    assert_parent_name(store, "");
    blob_write(store, SEAL_NAME, bytes, SLG_HEADER_BYTES - 1);
    assert_parent_name(store, "");
    free(bytes);

    /* One that is sealed without a parent. */
    fork_make(store, "alone", 1, 10, "three");
    assert_ok(seglog_segment_seal(store, "alone", NULL, NULL, NULL));
    bytes = blob_read(store, "alone", &len);
    blob_write(store, SEAL_NAME, bytes, len);
    assert_parent_name(store, "");
    free(bytes);
}

static void
seal__with_no_good_parent__is_refused(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_seal_options options = fork_options();

    fork_make(store, SEAL_NAME, 1, 10, "two");
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_NOT_FOUND);
    fork_make(store, PARENT, 1, 10, "one");
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_INVALID);
    options.parent = SEAL_NAME;
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_INVALID);
    options.parent = "";
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_INVALID);
    assert_false(blob_exists(store, SEAL_NAME ".sealing"));
}

static void
seal__parents_of_parents__are_read_sixteen_deep(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_seal_options options = fork_options();
    struct seglog_scan_summary summary;
    char name[32];
    char parent[32] = PARENT;

    (void)parent_make(store);
    for (unsigned depth = 1; depth <= 17; depth++) {
        (void)snprintf(name, sizeof name, "fork%u.seg", depth);
        fork_make(store, name, 1, LINES / 4, "one");
        options.parent = parent;
        if (depth > 16) {
            assert_code(seglog_segment_seal(store, name, &options, NULL, NULL),
                        SEGLOG_INVALID);
            break;
        }
        assert_ok(seglog_segment_seal(store, name, &options, NULL, NULL));
        assert_scan_ok(store, name, &summary);
        memcpy(parent, name, sizeof parent);
    }
    /* One that is its own parent, by whatever way it became so. */
    size_t len = 0;
    uint8_t *bytes = blob_read(store, "fork2.seg", &len);
    blob_write(store, "fork1.seg", bytes, len);
    free(bytes);
    assert_code(seglog_scan(store, "fork1.seg", NULL, &summary, NULL),
                SEGLOG_FORMAT);
}

/* Its blocks refer to several of its parent's, and they to several of theirs:
 * read anew for each, a chain would take longer than anybody waits. */
static void
seal__chain_of_many_blocks__takes_time_in_proportion(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_seal_options options = seal_options(SEGLOG_SEAL_BLOCK_MIN);
    struct seglog_scan_summary summary;
    struct tale tale;
    char name[32];
    char parent[32] = PARENT;

    fork_make(store, PARENT, 1, 2 * LINES, "one");
    assert_ok(seglog_segment_seal(store, PARENT, &options, NULL, NULL));
    for (unsigned depth = 1; depth <= 14; depth++) {
        (void)snprintf(name, sizeof name, "fork%u.seg", depth);
        fork_make(store, name, 1, 2 * LINES, "one");
        options.parent = parent;
        assert_ok(seglog_segment_seal(store, name, &options, NULL, NULL));
        memcpy(parent, name, sizeof parent);
    }
    assert_scan_ok(store, parent, &summary);
    assert_int_equal(summary.records, 2 * LINES);
    tale_read(&tale, store, parent, LINES);
    assert_int_equal(tale.count, LINES + 1);
    tale_free(&tale);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(seal__fork_of_the_same_records__adds_little),
        on_file(seal__fork_of_the_same_records__adds_little),
        on_memory(seek__in_a_fork__is_the_record),
        on_memory(seal__parent_unlike_it__costs_no_more_than_none),
        on_memory(read__parent_missing_or_another__is_an_error_that_names_it),
        on_file(read__parent_missing_or_another__is_an_error_that_names_it),
        on_memory(read__parent_damaged__is_an_error_that_names_it),
        on_memory(flip__in_a_fork__costs_its_block_whatever_names_the_parent),
        on_memory(parent_name__whatever_is_left_of_the_fork__is_told_or_none),
        on_memory(seal__with_no_good_parent__is_refused),
        on_memory(seal__parents_of_parents__are_read_sixteen_deep),
        on_memory(seal__chain_of_many_blocks__takes_time_in_proportion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
