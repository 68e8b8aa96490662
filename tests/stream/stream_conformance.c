/* SPDX-License-Identifier: MIT */
/* tests/stream/stream_conformance.c - the contract of streams, as tests. */
#include "tests/stream/stream_conformance.h"

#include <pthread.h>

#include "tests/stream/stream_support.h"

#define STREAM UINT64_C(7)
#define OTHER  UINT64_C(70)

struct fixture {
    const struct stream_factory *factory;
    struct seglog_streams streams; /* nothing is in them when a test starts */
    struct stream_model model;
};

static int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct seglog_error err;

    assert_non_null(fixture);
    fixture->factory = *state;
    assert_code_err(
        fixture->factory->make(fixture->factory->arg, &fixture->streams, &err),
        SEGLOG_OK, &err);
    stream_model_init(&fixture->model, fixture->factory->chain);
    *state = fixture;
    return 0;
}

static int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    const struct stream_factory *factory = fixture->factory;

    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    factory->destroy(factory->arg);
    stream_model_reset(&fixture->model);
    free(fixture);
    *state = (void *)factory;
    return 0;
}

static struct seglog_streams
open_again(const struct fixture *fixture)
{
    struct seglog_streams streams = { 0 };
    struct seglog_error err;

    assert_code_err(
        fixture->factory->open(fixture->factory->arg, &streams, &err),
        SEGLOG_OK, &err);
    return streams;
}

static void
append_text(struct fixture *fixture, uint64_t stream,
            struct stream_model *model, const char *text, size_t len)
{
    const struct seglog_slice event = { text, len };
    struct seglog_stream_end end;

    assert_ok(seglog_stream_append_batch(
        fixture->streams, stream, &event, 1, model->count,
        stream_model_head(model, model->count), false, &end, NULL));
    stream_model_add(model, &event, 1);
    assert_int_equal(end.next_offset, model->count);
    stream_assert_hash(&end.hash, stream_model_head(model, model->count));
}

/* -- appending and reading ------------------------------------------------- */

static void
append__one_event__is_read_back(void **state)
{
    struct fixture *fixture = *state;

    stream_append_next(fixture->streams, STREAM, &fixture->model, 1, false);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

static void
append__many_events__are_read_back_in_order(void **state)
{
    struct fixture *fixture = *state;

    stream_append_next(fixture->streams, STREAM, &fixture->model, 1000, false);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

static void
append__batch_after_batch__goes_on_at_the_next_offset(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 1; i <= 20; i++) {
        stream_append_next(fixture->streams, STREAM, &fixture->model, i, false);
        stream_assert_read(fixture->streams, STREAM, &fixture->model,
                           fixture->model.count - 1, 1);
    }
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

static void
append__synced__is_there(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < 5; i++)
        stream_append_next(fixture->streams, STREAM, &fixture->model, 3, true);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    assert_ok(seglog_streams_flush_indexes(fixture->streams, NULL));
}

static void
append__any_bytes__come_back_as_they_are(void **state)
{
    struct fixture *fixture = *state;
    char bytes[5000];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    append_text(fixture, STREAM, &fixture->model, "", 0);
    append_text(fixture, STREAM, &fixture->model, "\n", 1);
    append_text(fixture, STREAM, &fixture->model, "a\nb\n", 4);
    append_text(fixture, STREAM, &fixture->model, "\0\0", 2);
    append_text(fixture, STREAM, &fixture->model, bytes, sizeof bytes);
    append_text(fixture, STREAM, &fixture->model, "", 0);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

static void
append__null_data_of_no_bytes__is_an_empty_event(void **state)
{
    struct fixture *fixture = *state;

    append_text(fixture, STREAM, &fixture->model, NULL, 0);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

static void
read__from_the_middle__begins_there(void **state)
{
    struct fixture *fixture = *state;

    stream_append_next(fixture->streams, STREAM, &fixture->model, 10, false);
    stream_append_next(fixture->streams, STREAM, &fixture->model, 10, false);
    for (uint64_t from = 0; from < 20; from++)
        stream_assert_read(fixture->streams, STREAM, &fixture->model, from,
                           UINT64_MAX);
}

static void
read__so_many_bytes__the_event_that_crosses_is_the_last(void **state)
{
    struct fixture *fixture = *state;

    stream_append_next(fixture->streams, STREAM, &fixture->model, 12, false);
    /* Each has 7 bytes. */
    for (uint64_t most = 0; most < 75; most++)
        stream_assert_read(fixture->streams, STREAM, &fixture->model, 2, most);
}

static void
read__empty_events__count_for_nothing(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < 5; i++)
        append_text(fixture, STREAM, &fixture->model, "", 0);
    append_text(fixture, STREAM, &fixture->model, "x", 1);
    append_text(fixture, STREAM, &fixture->model, "y", 1);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 0, 1);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 0, 2);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 0, 0);
}

static void
read__beyond_the_end__there_is_nothing(void **state)
{
    struct fixture *fixture = *state;

    stream_append_next(fixture->streams, STREAM, &fixture->model, 3, false);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 3, 100);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 4, 100);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, UINT64_MAX,
                       UINT64_MAX);
}

static void
unknown_stream__has_nothing_and_is_no_error(void **state)
{
    struct fixture *fixture = *state;
    uint32_t *numbers = NULL;
    size_t count = 1;

    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    assert_ok(
        seglog_stream_segment_count(fixture->streams, STREAM, &count, NULL));
    assert_int_equal(count, 0);
    assert_ok(seglog_stream_completed_segments(fixture->streams, STREAM,
                                               &numbers, &count, NULL));
    assert_int_equal(count, 0);
    assert_null(numbers);
}

static void
fresh_stream__has_one_segment_and_none_is_completed(void **state)
{
    struct fixture *fixture = *state;
    uint32_t *numbers = NULL;
    size_t count = 0;

    stream_append_next(fixture->streams, STREAM, &fixture->model, 3, false);
    assert_ok(
        seglog_stream_segment_count(fixture->streams, STREAM, &count, NULL));
    assert_true(count == 1 || !fixture->factory->is_one_segment);
    assert_ok(seglog_stream_completed_segments(fixture->streams, STREAM,
                                               &numbers, &count, NULL));
    assert_true(count == 0 || !fixture->factory->is_one_segment);
    seglog_free(numbers);
}

static void
streams__are_apart(void **state)
{
    struct fixture *fixture = *state;
    struct stream_model other;

    stream_model_init(&other, fixture->factory->chain);
    stream_append_next(fixture->streams, STREAM, &fixture->model, 5, false);
    stream_append_next(fixture->streams, OTHER, &other, 2, false);
    stream_append_next(fixture->streams, STREAM, &fixture->model, 1, false);
    append_text(fixture, OTHER, &other, "of another kind", 15);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    stream_assert_model(fixture->streams, OTHER, &other);
    stream_model_reset(&other);
}

/* -- the chain ------------------------------------------------------------- */

static void
head__known_events__is_the_known_one(void **state)
{
    static const char *const heads[2][3] = {
        { "6734db3b19b64dc83703f9a1f4aee7697dfb292fb4e0827cc63f8a351b1b3609",
          "c3264e44ce0fc80546e540a3af36fea37813f8df623b2f278b73e8ae12965c28",
          "fbfbc1b5e8e1f05090b2110dae19121070440a077faa288ae1f8b1d33312e063" },
        { "39f826ce1fd3428a4af2a18fd4a69a76",
          "da6e0b8929fe30f8e5f8a9da421f6d34",
          "0be6be2222f86a82f7093179f3a526a4" },
    };
    struct fixture *fixture = *state;
    const size_t row = fixture->factory->chain == SEGLOG_CHAIN_SHA256 ? 0 : 1;

    for (size_t i = 0; i < 3; i++) {
        struct seglog_stream_end end;

        stream_append_next(fixture->streams, STREAM, &fixture->model, 1, false);
        assert_ok(seglog_stream_latest_chain_hash(fixture->streams, STREAM,
                                                  &end, NULL));
        stream_assert_hex(&end.hash, heads[row][i]);
    }
}

static void
head__one_batch_or_many__is_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct stream_model other;
    struct seglog_stream_end a;
    struct seglog_stream_end b;

    stream_model_init(&other, fixture->factory->chain);
    stream_append_next(fixture->streams, STREAM, &fixture->model, 30, false);
    for (unsigned i = 0; i < 10; i++)
        stream_append_next(fixture->streams, OTHER, &other, 3, i % 2 == 0);
    assert_ok(
        seglog_stream_latest_chain_hash(fixture->streams, STREAM, &a, NULL));
    assert_ok(
        seglog_stream_latest_chain_hash(fixture->streams, OTHER, &b, NULL));
    stream_assert_hash(&a.hash, &b.hash);
    stream_model_reset(&other);
}

/* -- what is expected ------------------------------------------------------ */

struct attempt {
    uint64_t expected;
    const struct seglog_chain_hash *prev;
    seglog_code code;
};

/* One event; the model has it if it is there. */
static void
attempt_make(struct fixture *fixture, const struct attempt *attempt)
{
    char text[STREAM_TEXT_CAP];
    const struct seglog_slice event =
        stream_event(fixture->model.count + 100, text);
    struct seglog_stream_end end = { 0 };
    struct seglog_error err = { 0 };

    assert_code(seglog_stream_append_batch(fixture->streams, STREAM, &event, 1,
                                           attempt->expected, attempt->prev,
                                           false, &end, &err),
                attempt->code);
    if (attempt->code == SEGLOG_CONFLICT)
        assert_int_equal(err.actual, fixture->model.count);
    if (attempt->code == SEGLOG_OK)
        stream_model_add(&fixture->model, &event, 1);
    assert_int_equal(end.next_offset, fixture->model.count);
    stream_assert_hash(
        &end.hash, stream_model_head(&fixture->model, fixture->model.count));
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

static void
append__at_another_offset__is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_chain_hash head;

    stream_append_next(fixture->streams, STREAM, &fixture->model, 3, false);
    head = *stream_model_head(&fixture->model, 3);
    {
        const struct attempt attempts[] = {
            { 2, &head, SEGLOG_CONFLICT },
            { 4, &head, SEGLOG_CONFLICT },
            { 0, NULL, SEGLOG_CONFLICT },
            { UINT64_MAX - 1, &head, SEGLOG_CONFLICT },
            { 3, &head, SEGLOG_OK },
        };

        for (size_t i = 0; i < COUNT_OF(attempts); i++)
            attempt_make(fixture, &attempts[i]);
    }
}

static void
append__after_another_head__is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_chain_hash none = { 0 };
    struct seglog_chain_hash before;
    struct seglog_chain_hash flipped;
    struct seglog_chain_hash head;

    stream_append_next(fixture->streams, STREAM, &fixture->model, 3, false);
    before = *stream_model_head(&fixture->model, 2);
    head = *stream_model_head(&fixture->model, 3);
    flipped = head;
    flipped.bytes[flipped.len - 1] ^= 1;
    {
        const struct attempt attempts[] = {
            { 3, NULL, SEGLOG_CONFLICT },
            { 3, &none, SEGLOG_CONFLICT },
            { 3, &before, SEGLOG_CONFLICT },
            { 3, &flipped, SEGLOG_CONFLICT },
            { SEGLOG_OFFSET_ANY, &before, SEGLOG_CONFLICT },
            { SEGLOG_OFFSET_ANY, &head, SEGLOG_OK },
        };

        for (size_t i = 0; i < COUNT_OF(attempts); i++)
            attempt_make(fixture, &attempts[i]);
    }
}

static void
append__wherever_it_ends__needs_no_expectation(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_chain_hash none = { 0 };
    const struct attempt attempts[] = {
        { SEGLOG_OFFSET_ANY, NULL, SEGLOG_OK },
        { SEGLOG_OFFSET_ANY, NULL, SEGLOG_OK },
        { SEGLOG_OFFSET_ANY, &none, SEGLOG_OK },
    };

    for (size_t i = 0; i < COUNT_OF(attempts); i++)
        attempt_make(fixture, &attempts[i]);
}

static void
append__expecting_what_an_unknown_stream_has_not__is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_chain_hash none = { 0 };
    struct seglog_chain_hash some = { .len = 16 };
    const struct attempt attempts[] = {
        { 1, NULL, SEGLOG_CONFLICT },
        { 0, &some, SEGLOG_CONFLICT },
        { SEGLOG_OFFSET_ANY, &some, SEGLOG_CONFLICT },
        { 0, &none, SEGLOG_OK },
    };
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(attempts); i++) {
        assert_ok(seglog_stream_segment_count(fixture->streams, STREAM, &count,
                                              NULL));
        assert_int_equal(count, 0);
        attempt_make(fixture, &attempts[i]);
    }
}

static void
append__bad_arguments__are_invalid_and_change_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_slice good = { "a", 1 };
    const struct seglog_slice bad[2] = { { "a", 1 }, { NULL, 1 } };
    struct seglog_chain_hash wide = { .len = SEGLOG_CHAIN_HASH_MAX + 1 };

    assert_code(seglog_stream_append_batch(fixture->streams, STREAM, &good, 0,
                                           0, NULL, false, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stream_append_batch(fixture->streams, STREAM, NULL, 1, 0,
                                           NULL, false, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stream_append_batch(fixture->streams, STREAM, bad, 2, 0,
                                           NULL, false, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stream_append_batch(fixture->streams, STREAM, &good, 1,
                                           0, &wide, false, NULL, NULL),
                SEGLOG_INVALID);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    assert_ok(seglog_stream_append_batch(fixture->streams, STREAM, &good, 1, 0,
                                         NULL, false, NULL, NULL));
}

/* -- handles --------------------------------------------------------------- */

static void
restart__head_and_events__are_there(void **state)
{
    struct fixture *fixture = *state;

    if (!fixture->factory->is_kept)
        skip();
    for (unsigned i = 0; i < 4; i++) {
        stream_append_next(fixture->streams, STREAM, &fixture->model, 7, false);
        assert_ok(seglog_streams_close(&fixture->streams, NULL));
        assert_null(fixture->streams.ops);
        fixture->streams = open_again(fixture);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
    }
}

static void
two_handles__each_sees_what_the_other_appends(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams other;

    if (!fixture->factory->open)
        skip();
    other = open_again(fixture);
    for (unsigned i = 0; i < 10; i++) {
        stream_append_next(fixture->streams, STREAM, &fixture->model, 2,
                           i % 3 == 0);
        stream_assert_model(other, STREAM, &fixture->model);
        stream_append_next(other, STREAM, &fixture->model, 3, i % 4 == 0);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
    }
    assert_ok(seglog_streams_close(&other, NULL));
}

static void
two_handles__the_one_that_was_overtaken__is_told_where_it_ends(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_slice event = { "late", 4 };
    struct seglog_stream_end end;
    struct seglog_streams other;

    if (!fixture->factory->open)
        skip();
    other = open_again(fixture);
    stream_append_next(fixture->streams, STREAM, &fixture->model, 2, false);
    stream_append_next(other, STREAM, &fixture->model, 2, false);
    assert_code(seglog_stream_append_batch(
                    fixture->streams, STREAM, &event, 1, 2,
                    stream_model_head(&fixture->model, 2), false, &end, NULL),
                SEGLOG_CONFLICT);
    assert_int_equal(end.next_offset, 4);
    stream_assert_hash(&end.hash, stream_model_head(&fixture->model, 4));
    assert_ok(seglog_stream_append_batch(fixture->streams, STREAM, &event, 1,
                                         end.next_offset, &end.hash, false,
                                         NULL, NULL));
    assert_ok(seglog_streams_close(&other, NULL));
}

static void
close__zeroed_or_null__is_nothing(void **state)
{
    struct seglog_streams none = { 0 };

    (void)state;
    assert_ok(seglog_streams_close(&none, NULL));
    assert_ok(seglog_streams_close(NULL, NULL));
}

static void
describe__is_one_terminated_line(void **state)
{
    struct fixture *fixture = *state;
    char text[256] = "";
    char small[4] = "xxx";

    seglog_streams_describe(fixture->streams, text, sizeof text);
    assert_true(strlen(text) > 0);
    assert_null(strchr(text, '\n'));
    seglog_streams_describe(fixture->streams, small, sizeof small);
    assert_int_equal(strlen(small), 3);
    seglog_streams_describe(fixture->streams, NULL, 0);
}

/* -- many at once ---------------------------------------------------------- */

#define THREADS           4
#define BATCHES_OF_THREAD 25

struct appender {
    struct seglog_streams streams;
    unsigned number;
    unsigned failures;
    uint64_t offsets[BATCHES_OF_THREAD];
};

/* Two events each; nobody else's come in between. */
static void *
appender_run(void *arg)
{
    struct appender *appender = arg;

    for (unsigned i = 0; i < BATCHES_OF_THREAD; i++) {
        char texts[2][STREAM_TEXT_CAP];
        const size_t id = appender->number * 1000 + i * 2;
        const struct seglog_slice events[2] = {
            stream_event(id, texts[0]), stream_event(id + 1, texts[1])
        };
        struct seglog_stream_end end;

        if (seglog_stream_append_batch(appender->streams, STREAM, events, 2,
                                       SEGLOG_OFFSET_ANY, NULL, i % 5 == 0,
                                       &end, NULL) != SEGLOG_OK)
            appender->failures++;
        appender->offsets[i] = end.next_offset - 2;
    }
    return NULL;
}

static void
threads__appending_to_one_stream__each_batch_is_whole_and_in_place(void **state)
{
    struct fixture *fixture = *state;
    struct appender appenders[THREADS];
    pthread_t threads[THREADS];
    struct seglog_stream_event *events = NULL;
    size_t count = 0;

    for (unsigned i = 0; i < THREADS; i++) {
        appenders[i] =
            (struct appender){ .streams = fixture->streams, .number = i };
        assert_int_equal(
            pthread_create(&threads[i], NULL, appender_run, &appenders[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(appenders[i].failures, 0);
    }
    assert_ok(seglog_stream_read_from(fixture->streams, STREAM, 0, UINT64_MAX,
                                      &events, &count, NULL));
    assert_int_equal(count, THREADS * BATCHES_OF_THREAD * 2);
    for (unsigned i = 0; i < THREADS; i++) {
        for (unsigned k = 0; k < BATCHES_OF_THREAD * 2; k++) {
            char text[STREAM_TEXT_CAP];
            const struct seglog_slice want = stream_event(i * 1000 + k, text);
            const struct seglog_stream_event *event =
                &events[appenders[i].offsets[k / 2] + k % 2];

            assert_int_equal(event->data.len, want.len);
            assert_memory_equal(event->data.data, want.data, want.len);
        }
    }
    for (size_t i = 0; i < count; i++)
        stream_model_add(&fixture->model, &events[i].data, 1);
    seglog_free(events);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

/* -- anything -------------------------------------------------------------- */

#define MODELS 3

/* A batch of some events of any bytes, at the end or where it does not end. */
static void
batch_append_any(struct fixture *fixture, uint64_t stream,
                 struct stream_model *model, uint64_t *seed)
{
    char bytes[600];
    struct seglog_slice events[9];
    const size_t count = 1 + test_random(seed) % COUNT_OF(events);
    const bool is_wrong = test_random(seed) % 4 == 0;
    struct seglog_stream_end end;

    test_fill(bytes, sizeof bytes, test_random(seed));
    for (size_t i = 0; i < count; i++)
        events[i] = (struct seglog_slice){
            bytes + test_random(seed) % 300,
            test_random(seed) % 8 == 0 ? 0 : test_random(seed) % 300,
        };
    assert_code(
        seglog_stream_append_batch(fixture->streams, stream, events, count,
                                   model->count + is_wrong,
                                   stream_model_head(model, model->count),
                                   test_random(seed) % 8 == 0, &end, NULL),
        is_wrong ? SEGLOG_CONFLICT : SEGLOG_OK);
    if (!is_wrong)
        stream_model_add(model, events, count);
    assert_int_equal(end.next_offset, model->count);
}

static void
anything__that_is_done__is_as_the_model_says(void **state)
{
    struct fixture *fixture = *state;
    struct stream_model models[MODELS];
    uint64_t seed = 11;

    for (unsigned i = 0; i < MODELS; i++)
        stream_model_init(&models[i], fixture->factory->chain);
    for (unsigned i = 0; i < 400; i++) {
        const unsigned which = (unsigned)(test_random(&seed) % MODELS);
        struct stream_model *model = &models[which];

        if (test_random(&seed) % 3 == 0)
            stream_assert_read(fixture->streams, which, model,
                               test_random(&seed) % (model->count + 2),
                               test_random(&seed) % 2000);
        else
            batch_append_any(fixture, which, model, &seed);
        if (i % 50 == 49 && fixture->factory->is_kept) {
            assert_ok(seglog_streams_close(&fixture->streams, NULL));
            fixture->streams = open_again(fixture);
        }
    }
    for (unsigned i = 0; i < MODELS; i++) {
        stream_assert_model(fixture->streams, i, &models[i]);
        stream_model_reset(&models[i]);
    }
}

#define STREAM_TEST(f)                                                         \
    cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
stream_conformance_run(const struct stream_factory *factory)
{
    struct CMUnitTest tests[] = {
        STREAM_TEST(append__one_event__is_read_back),
        STREAM_TEST(append__many_events__are_read_back_in_order),
        STREAM_TEST(append__batch_after_batch__goes_on_at_the_next_offset),
        STREAM_TEST(append__synced__is_there),
        STREAM_TEST(append__any_bytes__come_back_as_they_are),
        STREAM_TEST(append__null_data_of_no_bytes__is_an_empty_event),
        STREAM_TEST(read__from_the_middle__begins_there),
        STREAM_TEST(read__so_many_bytes__the_event_that_crosses_is_the_last),
        STREAM_TEST(read__empty_events__count_for_nothing),
        STREAM_TEST(read__beyond_the_end__there_is_nothing),
        STREAM_TEST(unknown_stream__has_nothing_and_is_no_error),
        STREAM_TEST(fresh_stream__has_one_segment_and_none_is_completed),
        STREAM_TEST(streams__are_apart),
        STREAM_TEST(head__known_events__is_the_known_one),
        STREAM_TEST(head__one_batch_or_many__is_the_same),
        STREAM_TEST(append__at_another_offset__is_a_conflict),
        STREAM_TEST(append__after_another_head__is_a_conflict),
        STREAM_TEST(append__wherever_it_ends__needs_no_expectation),
        STREAM_TEST(
            append__expecting_what_an_unknown_stream_has_not__is_a_conflict),
        STREAM_TEST(append__bad_arguments__are_invalid_and_change_nothing),
        STREAM_TEST(restart__head_and_events__are_there),
        STREAM_TEST(two_handles__each_sees_what_the_other_appends),
        STREAM_TEST(
            two_handles__the_one_that_was_overtaken__is_told_where_it_ends),
        STREAM_TEST(close__zeroed_or_null__is_nothing),
        STREAM_TEST(describe__is_one_terminated_line),
        STREAM_TEST(
            threads__appending_to_one_stream__each_batch_is_whole_and_in_place),
        STREAM_TEST(anything__that_is_done__is_as_the_model_says),
    };

    for (size_t i = 0; i < COUNT_OF(tests); i++)
        tests[i].initial_state = (void *)factory;
    return cmocka_run_group_tests_name(factory->name, tests, NULL, NULL);
}
