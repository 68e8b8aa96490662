/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_scrub_lanes.c
 *
 * Goal    behind the streams the scrubber looks at the segments of sessions,
 *         names what is damaged, goes on where the one before it was, and leaves
 *         them alone where nobody asks for them.
 */
#include "tests/stream/stream_fixture.h"

#include <stdatomic.h>
#include <stdio.h>

#include "seglog/session.h"

#define LANES 4u
#define FAST  (UINT64_C(1) << 40)

static char lanes[LANES][SEGLOG_LANE_NAME_CAP];

/* What the findings were of, in their order. */
struct told {
    atomic_uint count;
    char names[16][SEGLOG_LANE_NAME_CAP];
    struct seglog_finding first;
    unsigned of_streams;
};

static void
lane_note(void *arg, const char *name, const struct seglog_finding *finding)
{
    struct told *told = arg;
    const unsigned count = atomic_load(&told->count);

    assert_true(count < COUNT_OF(told->names));
    if (count == 0)
        told->first = *finding;
    (void)snprintf(told->names[count], sizeof told->names[0], "%s", name);
    atomic_store(&told->count, count + 1);
}

static void
stream_note(void *arg, uint64_t stream, const char *name,
            const struct seglog_stream_finding *finding)
{
    struct told *told = arg;

    (void)stream;
    (void)name;
    (void)finding;
    told->of_streams++;
}

/* "record 1" and so on; the third one is long. */
static void
lane_write(const struct fixture *fixture, const char *name, size_t count)
{
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .create =
                                                       SEGLOG_CREATE_NEW };
    struct seglog_writer *writer = NULL;

    assert_ok(
        seglog_writer_open(fixture->memory, name, &options, &writer, NULL));
    for (size_t i = 1; i <= count; i++) {
        char text[32];

        (void)snprintf(text, sizeof text, "record %zu", i);
        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, text, strlen(text),
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

/* Two sessions of two lanes each, and what is none. */
static void
lanes_make(struct fixture *fixture)
{
    for (unsigned i = 0; i < LANES; i++) {
        const struct seglog_uuid session = { { 1 + (uint8_t)(i / 2) } };
        const enum seglog_lane lane =
            i % 2 == 0 ? SEGLOG_LANE_ENTRIES : SEGLOG_LANE_TRACE;

        (void)seglog_lane_name(&session, &session, lane, lanes[i]);
        lane_write(fixture, lanes[i], i == 2 ? 100000 : 10);
    }
    blob_write(fixture->memory, "other.seg", "no segment", 10);
    open_streams(fixture);
    append(fixture, 10);
    assert_ok(
        seglog_stream_make_checkpoint(fixture->streams, STREAM, NULL, NULL));
}

static void
lane_damage(const struct fixture *fixture, unsigned lane, const char *text)
{
    size_t len = 0;
    uint8_t *bytes = blob_read(fixture->memory, lanes[lane], &len);

    bytes[stream_find_text(bytes, len, text)] ^= 1;
    blob_write(fixture->memory, lanes[lane], bytes, len);
    free(bytes);
}

static struct seglog_scrubber *
scrub_start(struct fixture *fixture, struct told *told, uint64_t rate)
{
    const struct seglog_scrub_options options = {
        .size = sizeof options,
        .bytes_per_s = rate,
        .once = true,
        .on_finding = stream_note,
        .on_lane_finding = lane_note,
        .arg = told,
    };
    struct seglog_scrubber *scrubber = NULL;

    *told = (struct told){ .count = 0 };
    assert_ok(seglog_scrub_start(fixture->streams, &options, &scrubber, NULL));
    return scrubber;
}

static struct seglog_scrub_state
scrub_end(struct seglog_scrubber *scrubber)
{
    struct seglog_scrub_state state;

    assert_ok(seglog_scrub_wait(scrubber, -1, NULL));
    seglog_scrub_get_state(scrubber, &state);
    assert_ok(seglog_scrub_stop(scrubber, NULL));
    return state;
}

static void
scrub__whole_sessions__nothing_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_scrub_state done;
    struct told told;

    lanes_make(fixture);
    done = scrub_end(scrub_start(fixture, &told, FAST));
    assert_int_equal(atomic_load(&told.count), 0);
    assert_int_equal(told.of_streams, 0);
    assert_int_equal(done.tours, 1);
    assert_int_equal(done.findings, 0);
    assert_true(done.bytes > 1000000);
    /* What a writer leaves that is at work. */
    blob_add(fixture->memory, lanes[1], "\x20\x07{", 3);
    (void)scrub_end(scrub_start(fixture, &told, FAST));
    assert_int_equal(atomic_load(&told.count), 0);
}

static void
scrub__damaged_lane__is_named_with_what_is_lost(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_scrub_state done;
    struct told told;

    lanes_make(fixture);
    lane_damage(fixture, 1, "record 4");
    blob_write(fixture->memory, lanes[3], "this is none at all, by no means",
               32);
    done = scrub_end(scrub_start(fixture, &told, FAST));
    assert_int_equal(atomic_load(&told.count), 2);
    assert_string_equal(told.names[0], lanes[1]);
    assert_int_equal(told.first.first_record, 4);
    assert_int_equal(told.first.verdict, SEGLOG_VERDICT_CORRUPT);
    assert_string_equal(told.names[1], lanes[3]);
    assert_int_equal(told.of_streams, 0);
    assert_int_equal(done.findings, 2);
}

static void
scrub__nobody_asks_for_sessions__they_are_not_read(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_scrub_options options = { .size = sizeof options,
                                                  .bytes_per_s = FAST,
                                                  .once = true };
    struct seglog_scrubber *scrubber = NULL;
    struct seglog_scrub_state done;

    lanes_make(fixture);
    lane_damage(fixture, 1, "record 4");
    assert_ok(seglog_scrub_start(fixture->streams, &options, &scrubber, NULL));
    done = scrub_end(scrubber);
    assert_int_equal(done.findings, 0);
    assert_true(done.bytes < 10000);
}

/* It is stopped in the long one. */
static void
scrub__stopped_at_sessions__goes_on_there(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_scrubber *scrubber = NULL;
    struct seglog_scrub_state done;
    struct told told;

    lanes_make(fixture);
    for (unsigned i = 0; i < LANES; i++)
        lane_damage(fixture, i, "record 7");
    scrubber = scrub_start(fixture, &told, 100000);
    while (atomic_load(&told.count) < 2)
        assert_code(seglog_scrub_wait(scrubber, 1, NULL), SEGLOG_END);
    assert_ok(seglog_scrub_stop(scrubber, NULL));
    assert_int_equal(atomic_load(&told.count), 2);
    assert_string_equal(told.names[1], lanes[1]);
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    open_streams(fixture);
    done = scrub_end(scrub_start(fixture, &told, FAST));
    assert_int_equal(atomic_load(&told.count), 2);
    assert_string_equal(told.names[0], lanes[2]);
    assert_string_equal(told.names[1], lanes[3]);
    assert_int_equal(done.findings, 4);
    assert_int_equal(done.tours, 1);
    /* And the next one begins anew. */
    (void)scrub_end(scrub_start(fixture, &told, FAST));
    assert_int_equal(atomic_load(&told.count), 4);
}

static void
scrub__place_names_no_lane__begins_anew(void **state)
{
    static const char *const names[] = { "", "other.seg", "\xFF" };
    struct fixture *fixture = *state;
    struct told told;

    lanes_make(fixture);
    lane_damage(fixture, 0, "record 7");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct seglog_writer_options options = { .size = sizeof options,
                                                       .create =
                                                           SEGLOG_CREATE_NEW };
        struct seglog_writer *writer = NULL;
        uint8_t place[200] = { 'P', '1' };
        const size_t len = strlen(names[i]);

        memcpy(place + 56, names[i], len);
        (void)!seglog_store_remove(fixture->memory, "scrub.seg", NULL);
        assert_ok(seglog_writer_open(fixture->memory, "scrub.seg", &options,
                                     &writer, NULL));
        /* The last one is too long for a name. */
        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, place,
                                       i + 1 == COUNT_OF(names) ? sizeof place
                                                                : 56 + len,
                                       SEGLOG_LEVEL_SYNC, NULL, NULL));
        assert_ok(seglog_writer_close(writer, NULL));
        (void)scrub_end(scrub_start(fixture, &told, FAST));
        assert_int_equal(atomic_load(&told.count), 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(scrub__whole_sessions__nothing_is_told),
        STREAM_TEST(scrub__damaged_lane__is_named_with_what_is_lost),
        STREAM_TEST(scrub__nobody_asks_for_sessions__they_are_not_read),
        STREAM_TEST(scrub__stopped_at_sessions__goes_on_there),
        STREAM_TEST(scrub__place_names_no_lane__begins_anew),
    };

    return cmocka_run_group_tests_name("stream/stream_scrub_lanes", tests, NULL,
                                       NULL);
}
