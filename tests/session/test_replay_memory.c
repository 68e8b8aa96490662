/* SPDX-License-Identifier: MIT */
/*
 * Goal    when memory runs out the state is as if the entry had never come,
 *         and the same entry can be added afterwards.
 * Method  the sources of a replay with an allocator that fails on demand: each
 *         allocation of each sample, one after the other.
 */
#include "tests/support/seglog_test.h"

static unsigned allocations_left;

static bool
allocation_fails(void)
{
    if (allocations_left == 0)
        return true;
    allocations_left--;
    return false;
}

static void *
scarce_malloc(size_t size)
{
    return allocation_fails() ? NULL : malloc(size);
}

static void *
scarce_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : calloc(count, size);
}

static void *
scarce_realloc(void *memory, size_t size)
{
    return allocation_fails() ? NULL : realloc(memory, size);
}

/* They take the place of the library's, which is not linked for them. */
#define malloc  scarce_malloc
#define calloc  scarce_calloc
#define realloc scarce_realloc
#include "src/session/replay.c"
#include "src/session/replay_fold.c"
#include "src/session/replay_keep.c"
#include "src/session/replay_start.c"
#undef malloc
#undef calloc
#undef realloc

#include "tests/session/samples.h"

#define PLENTY 1000000u

static void
slices_must_agree(const struct seglog_slice *a, const struct seglog_slice *b,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(a[i].len, b[i].len);
        if (a[i].len)
            assert_memory_equal(a[i].data, b[i].data, a[i].len);
    }
}

/* All of two states, bytes included. */
static void
states_must_agree(const struct seglog_replay *one,
                  const struct seglog_replay *other)
{
    struct seglog_replay_state a;
    struct seglog_replay_state b;

    seglog_replay_get_state(one, &a);
    seglog_replay_get_state(other, &b);
    assert_int_equal(a.entry_count, b.entry_count);
    assert_int_equal(a.is_interrupted, b.is_interrupted);
    assert_int_equal(a.turn_count, b.turn_count);
    assert_int_equal(a.history_count, b.history_count);
    assert_int_equal(a.user_segments_count, b.user_segments_count);
    assert_int_equal(a.usage_count, b.usage_count);
    assert_int_equal(a.extension_count, b.extension_count);
    assert_int_equal(a.other_count, b.other_count);
    slices_must_agree(&a.session_id, &b.session_id, 1);
    slices_must_agree(&a.system_prompt, &b.system_prompt, 1);
    slices_must_agree(&a.config, &b.config, 1);
    slices_must_agree(&a.pod_scope, &b.pod_scope, 1);
    slices_must_agree(&a.forked_from.segment_id, &b.forked_from.segment_id, 1);
    slices_must_agree(&a.compacted_from.segment_id,
                      &b.compacted_from.segment_id, 1);
    slices_must_agree(a.history, b.history, a.history_count);
    slices_must_agree(a.user_segments, b.user_segments, a.user_segments_count);
    for (size_t i = 0; i < a.usage_count; i++)
        slices_must_agree(&a.usage[i].line, &b.usage[i].line, 1);
    for (size_t i = 0; i < a.extension_count; i++)
        slices_must_agree(&a.extensions[i].payload, &b.extensions[i].payload,
                          1);
    for (size_t i = 0; i < a.other_count; i++)
        slices_must_agree(&a.others[i].line, &b.others[i].line, 1);
}

/* Fail the first, second, ... allocation until the entry is added. */
static unsigned
add_scarcely(struct seglog_replay *replay, const struct seglog_replay *same,
             const char *line)
{
    unsigned failures = 0;
    struct seglog_error err;

    for (allocations_left = 0;; allocations_left = failures) {
        const uint64_t entry_no = replay->state.entry_count + 1;

        if (seglog_replay_add(replay, line, strlen(line), &err) == SEGLOG_OK)
            break;
        assert_int_equal(err.code, SEGLOG_NO_MEMORY);
        assert_int_equal(err.line_no, entry_no);
        failures++;
        states_must_agree(replay, same);
    }
    allocations_left = PLENTY;
    return failures;
}

static const char *
sample_line(size_t i)
{
    static const char odd[] =
        "{\"kind\":\"extension\",\"domain\":\"a\\n\",\"payload\":1}";

    /* Its history outgrows the first array that is made for it. */
    static const char start[] =
        "{\"kind\":\"segment_start\",\"session_id\":\"a\\n\",\"config\":{},"
        "\"history\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}";

    if (i % 7 == 6)
        return i % 2 ? odd : start;
    i /= 7;
    if (i < COUNT_OF(head_samples))
        return head_samples[i].line;
    i -= COUNT_OF(head_samples);
    return i < COUNT_OF(early_samples) ? early_samples[i].line
                                       : trace_samples[0].line;
}

static void
add__no_memory__state_unchanged(void **state)
{
    const size_t count =
        7 * (COUNT_OF(head_samples) + COUNT_OF(early_samples) + 3);
    struct seglog_replay *replay = NULL;
    struct seglog_replay *same = NULL;
    unsigned failures = 0;

    (void)state;
    allocations_left = 0;
    assert_code(seglog_replay_new(&replay, NULL), SEGLOG_NO_MEMORY);
    assert_null(replay);
    allocations_left = PLENTY;
    assert_ok(seglog_replay_new(&replay, NULL));
    assert_ok(seglog_replay_new(&same, NULL));
    for (size_t i = 0; i < count; i++) {
        const char *line = sample_line(i);

        failures += add_scarcely(replay, same, line);
        assert_ok(seglog_replay_add(same, line, strlen(line), NULL));
        states_must_agree(replay, same);
    }
    /* Every kind of array has had to grow, and many blocks were filled. */
    assert_true(failures > 20);
    seglog_replay_free(replay);
    seglog_replay_free(same);
}

static void
make_start__no_memory__says_so(void **state)
{
    const struct seglog_replay_start start = { .size = sizeof start,
                                               .session_id = { "s", 1 } };
    struct seglog_replay *replay = NULL;
    struct seglog_error err;
    char *line = NULL;
    size_t len = 0;

    (void)state;
    allocations_left = PLENTY;
    assert_ok(seglog_replay_new(&replay, NULL));
    allocations_left = 0;
    assert_code(seglog_replay_make_start(replay, &start, &line, &len, &err),
                SEGLOG_NO_MEMORY);
    assert_null(line);
    assert_int_equal(err.code, SEGLOG_NO_MEMORY);
    seglog_replay_free(replay);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add__no_memory__state_unchanged),
        cmocka_unit_test(make_start__no_memory__says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
