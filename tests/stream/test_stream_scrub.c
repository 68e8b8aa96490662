/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_scrub.c
 *
 * Goal    the scrubber finds what is wrong and names it, reads no faster than
 *         it may, and goes on where the one before it, however that ended, was.
 */
#define _POSIX_C_SOURCE 200809L /* kill, pthread */
#include "tests/stream/stream_support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/stream/stream_scrub.h"

#define STREAM UINT64_C(7)
#define MIB    (UINT64_C(1) << 20)
#define FAST   (UINT64_C(1) << 40)
#define STEP   (UINT64_C(256) << 10)

/* -- a store that counts what is read, and when ---------------------------- */

#define READS_MAX 20000u

struct counting {
    struct seglog_store below;
    pthread_mutex_t mutex;
    size_t count;
    struct {
        int64_t ms; /* when it was done */
        uint64_t bytes;
    } reads[READS_MAX];
};

struct counted_blob {
    struct counting *counting;
    struct seglog_blob below;
};

static seglog_code
counted_read_at(void *self, uint64_t offset, void *buf, size_t len,
                struct seglog_error *err)
{
    const struct counted_blob *blob = self;
    struct counting *counting = blob->counting;
    const seglog_code code =
        seglog_blob_read_at(blob->below, offset, buf, len, err);

    (void)pthread_mutex_lock(&counting->mutex);
    assert_true(counting->count < READS_MAX);
    counting->reads[counting->count].ms = test_now_ms();
    counting->reads[counting->count++].bytes = len;
    (void)pthread_mutex_unlock(&counting->mutex);
    return code;
}

static seglog_code
counted_get_size(void *self, uint64_t *size, bool *is_replaced,
                 struct seglog_error *err)
{
    const struct counted_blob *blob = self;

    return seglog_blob_get_size(blob->below, size, is_replaced, err);
}

static seglog_code
counted_blob_close(void *self, struct seglog_error *err)
{
    struct counted_blob *blob = self;
    const seglog_code code = seglog_blob_close(&blob->below, err);

    free(blob);
    return code;
}

static const struct seglog_blob_ops COUNTED_BLOB = {
    .size = sizeof COUNTED_BLOB,
    .read_at = counted_read_at,
    .get_size = counted_get_size,
    .close = counted_blob_close,
};

static seglog_code
counting_open(void *self, const char *name, unsigned flags,
              struct seglog_blob *blob, struct seglog_error *err)
{
    struct counting *counting = self;
    struct counted_blob *opened = calloc(1, sizeof *opened);
    seglog_code code = SEGLOG_OK;

    assert_non_null(opened);
    assert_int_equal(flags, SEGLOG_OPEN_READ);
    opened->counting = counting;
    code = seglog_blob_open(counting->below, name, flags, &opened->below, err);
    if (code != SEGLOG_OK)
        free(opened);
    else
        *blob = (struct seglog_blob){ &COUNTED_BLOB, opened };
    return code;
}

static seglog_code
counting_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
              struct seglog_error *err)
{
    const struct counting *counting = self;

    return seglog_store_list(counting->below, prefix, fn, arg, err);
}

static const struct seglog_store_ops COUNTING = {
    .size = sizeof COUNTING,
    .open = counting_open,
    .list = counting_list,
};

/* The most that was read in any second. */
static uint64_t
counting_peak(const struct counting *counting)
{
    uint64_t peak = 0;

    for (size_t i = 0; i < counting->count; i++) {
        uint64_t bytes = 0;

        for (size_t k = i; k < counting->count &&
                           counting->reads[k].ms < counting->reads[i].ms + 1000;
             k++)
            bytes += counting->reads[k].bytes;
        if (peak < bytes)
            peak = bytes;
    }
    return peak;
}

/* -- what is found --------------------------------------------------------- */

struct found {
    size_t count;
    uint64_t stream;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_stream_finding finding; /* the last one */
};

static void
found_take(void *arg, uint64_t stream, const char *name,
           const struct seglog_stream_finding *finding)
{
    struct found *found = arg;

    found->count++;
    found->stream = stream;
    found->finding = *finding;
    (void)snprintf(found->name, sizeof found->name, "%s", name);
}

/* -- the fixture ----------------------------------------------------------- */

struct fixture {
    char *dir;
    struct seglog_store store;
    struct seglog_stream_options options;
    struct seglog_streams streams;
    struct stream_model model;
    size_t batches; /* of a segment, each of two events */
    struct found found;
};

static int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct seglog_error err;

    assert_non_null(fixture);
    fixture->dir = test_dir_make();
    assert_code_err(
        seglog_store_file_open(fixture->dir, false, &fixture->store, &err),
        SEGLOG_OK, &err);
    fixture->options.size = sizeof fixture->options;
    fixture->options.chain = SEGLOG_CHAIN_XXH3;
    fixture->options.checkpoint_events = 4;
    fixture->batches = 10;
    stream_model_init(&fixture->model, SEGLOG_CHAIN_XXH3);
    *state = fixture;
    return 0;
}

static int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    (void)seglog_streams_close(&fixture->streams, NULL);
    seglog_store_close(&fixture->store);
    stream_model_reset(&fixture->model);
    test_dir_remove(fixture->dir);
    free(fixture);
    return 0;
}

/* Segments of STREAM, each with 20 events unless it is said otherwise. */
static void
segments_make(struct fixture *fixture, size_t count)
{
    struct seglog_error err;

    assert_code_err(seglog_streams_open(fixture->store, &fixture->options,
                                        &fixture->streams, &err),
                    SEGLOG_OK, &err);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
        for (size_t k = 0; k < fixture->batches; k++)
            stream_append_next(fixture->streams, STREAM, &fixture->model, 2,
                               false);
    }
}

/* One large event of another stream, so that there is something to read. */
static void
payload_append(struct fixture *fixture, uint64_t stream, size_t len)
{
    char *bytes = malloc(len);
    const struct seglog_slice event = { bytes, len };

    assert_non_null(bytes);
    test_fill(bytes, len, stream);
    assert_ok(seglog_stream_append_batch(fixture->streams, stream, &event, 1,
                                         SEGLOG_OFFSET_ANY, NULL, false, NULL,
                                         NULL));
    free(bytes);
}

static struct seglog_scrub_options
options_once(struct fixture *fixture, uint64_t rate)
{
    const struct seglog_scrub_options options = {
        .size = sizeof options,
        .bytes_per_s = rate,
        .once = true,
        .on_finding = found_take,
        .arg = &fixture->found,
    };

    return options;
}

/* A tour, from where the one before was; what is there then. */
static struct seglog_scrub_state
scrub_once(struct fixture *fixture)
{
    const struct seglog_scrub_options options = options_once(fixture, FAST);
    struct seglog_scrubber *scrubber = NULL;
    struct seglog_scrub_state scrubbed;
    struct seglog_error err;

    fixture->found = (struct found){ .count = 0 };
    assert_code_err(
        seglog_scrub_start(fixture->streams, &options, &scrubber, &err),
        SEGLOG_OK, &err);
    assert_code_err(seglog_scrub_wait(scrubber, 60000, &err), SEGLOG_OK, &err);
    seglog_scrub_get_state(scrubber, &scrubbed);
    assert_code_err(seglog_scrub_stop(scrubber, &err), SEGLOG_OK, &err);
    assert_false(scrubbed.is_running);
    /* Those of the tour, to whomever they were told. */
    assert_true(scrubbed.findings >= fixture->found.count);
    return scrubbed;
}

/* Flip a bit of the n-th event. */
static void
event_flip(struct fixture *fixture, size_t segment, const char *text)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t len = 0;
    uint8_t *bytes = blob_read(
        fixture->store,
        stream_segment_name(fixture->store, STREAM, segment, name), &len);

    bytes[stream_find_text(bytes, len, text)] ^= 1;
    blob_write(fixture->store, name, bytes, len);
    free(bytes);
}

/* Where the next one is to go on: as if one had stopped there. */
static void
place_put(struct fixture *fixture, uint64_t stream, uint64_t offset)
{
    struct slg_streams *own = NULL;
    struct seglog_scrubber scrubber = { .store = fixture->store,
                                        .remembers = true };

    assert_ok(slg_streams_of(fixture->streams, &own, NULL));
    scrubber.place.stream = stream;
    scrubber.place.offset = offset;
    assert_true(slg_scrub_identity(own, stream, scrubber.place.identity));
    slg_scrub_place_save(&scrubber);
    assert_code(scrubber.save_code, SEGLOG_OK);
}

/* -- tests ----------------------------------------------------------------- */

static void
scrub__good_streams__tells_nothing_and_counts_tours(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_scrub_state scrubbed;

    segments_make(fixture, 3);
    payload_append(fixture, 1, 1000);
    payload_append(fixture, UINT64_MAX, 1000);
    for (uint64_t tour = 1; tour <= 3; tour++) {
        scrubbed = scrub_once(fixture);
        assert_code(scrubbed.code, SEGLOG_OK);
        assert_int_equal(scrubbed.tours, tour);
        assert_int_equal(scrubbed.findings, 0);
        assert_true(scrubbed.bytes > 2000);
    }
}

static void
scrub__no_streams__ends(void **state)
{
    struct fixture *fixture = *state;

    assert_ok(seglog_streams_open(fixture->store, &fixture->options,
                                  &fixture->streams, NULL));
    assert_int_equal(scrub_once(fixture).tours, 1);
}

static void
scrub__planted_flip__is_named(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_stream_finding *finding = &fixture->found.finding;
    char name[SEGLOG_STREAM_NAME_CAP];

    segments_make(fixture, 3);
    event_flip(fixture, 1, "event-27");
    assert_int_equal(scrub_once(fixture).findings, 1);
    assert_int_equal(fixture->found.stream, STREAM);
    assert_string_equal(fixture->found.name,
                        stream_segment_name(fixture->store, STREAM, 1, name));
    assert_int_equal(finding->fault, SEGLOG_STREAM_FAULT_DAMAGE);
    assert_int_equal(finding->finding.cause, SEGLOG_CAUSE_CHECKSUM);
    assert_int_equal(finding->segment, 1);
    /* A batch is a frame of two. */
    assert_int_equal(finding->first_offset, 26);
    assert_int_equal(finding->last_offset, 27);
    /* Also by the next tour. */
    assert_int_equal(scrub_once(fixture).findings, 1);
}

static void
scrub__forged_event_missing_segment_and_no_segment__are_told(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t len = 0;
    uint8_t *bytes = NULL;

    segments_make(fixture, 4);
    (void)stream_segment_name(fixture->store, STREAM, 2, name);
    bytes = blob_read(fixture->store, name, &len);
    assert_ok(seglog_store_remove(fixture->store, name, NULL));
    assert_int_equal(scrub_once(fixture).findings, 1);
    assert_int_equal(fixture->found.finding.fault, SEGLOG_STREAM_FAULT_LINK);
    assert_int_equal(fixture->found.finding.segment, 3);
    blob_write(fixture->store, name, "no segment at all", 17);
    assert_true(scrub_once(fixture).findings >= 1);
    assert_string_equal(fixture->found.name, name);
    assert_int_equal(fixture->found.finding.fault, SEGLOG_STREAM_FAULT_DAMAGE);
    blob_write(fixture->store, name, bytes, len);
    assert_int_equal(scrub_once(fixture).findings, 0);
    free(bytes);
}

static void
scrub__rate__is_held(void **state)
{
    struct fixture *fixture = *state;
    struct counting *counting = calloc(1, sizeof *counting);
    const struct seglog_store store = { &COUNTING, counting };
    struct seglog_scrub_options options = options_once(fixture, 2 * MIB);
    struct seglog_streams streams = { 0 };
    struct seglog_scrubber *scrubber = NULL;
    struct seglog_scrub_state scrubbed;
    const int64_t begin_ms = test_now_ms();

    assert_non_null(counting);
    assert_int_equal(pthread_mutex_init(&counting->mutex, NULL), 0);
    segments_make(fixture, 2);
    payload_append(fixture, 9, 3 * MIB);
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    counting->below = fixture->store;
    fixture->options.is_read_only = true;
    assert_ok(seglog_streams_open(store, &fixture->options, &streams, NULL));
    assert_ok(seglog_scrub_start(streams, &options, &scrubber, NULL));
    assert_ok(seglog_scrub_wait(scrubber, -1, NULL));
    seglog_scrub_get_state(scrubber, &scrubbed);
    assert_ok(seglog_scrub_stop(scrubber, NULL));
    assert_ok(seglog_streams_close(&streams, NULL));
    print_message("at most %llu bytes in a second\n",
                  (unsigned long long)counting_peak(counting));
    assert_true(scrubbed.bytes > 3 * MIB);
    assert_true(counting_peak(counting) <= 2 * MIB + STEP);
    assert_true(test_now_ms() - begin_ms >= 1200);
    (void)pthread_mutex_destroy(&counting->mutex);
    free(counting);
}

/* In a process that is killed when it is half through. */
static void
scrub_until_killed(struct fixture *fixture, uint64_t offset)
{
    const struct seglog_scrub_options options = options_once(fixture, MIB / 8);
    int ends[2];
    char byte = 0;
    pid_t child = 0;
    int status = 0;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct seglog_scrubber *scrubber = NULL;
        struct seglog_scrub_state now = { .offset = 0 };

        if (seglog_scrub_start(fixture->streams, &options, &scrubber, NULL) !=
            SEGLOG_OK)
            _exit(1);
        while (now.offset < offset) {
            test_sleep_ms(1);
            seglog_scrub_get_state(scrubber, &now);
            if (!now.is_running)
                _exit(2);
        }
        (void)!write(ends[1], "x", 1);
        for (;;)
            (void)pause();
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    (void)close(ends[0]);
}

static void
scrub__killed__the_next_one_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_scrub_state scrubbed;
    uint64_t whole = 0;

    fixture->batches = 30;
    segments_make(fixture, 30);
    whole = scrub_once(fixture).bytes;
    event_flip(fixture, 2, "event-131");
    event_flip(fixture, 28, "event-1700");
    scrub_until_killed(fixture, 1500);
    scrubbed = scrub_once(fixture);
    print_message("%llu of %llu bytes\n", (unsigned long long)scrubbed.bytes,
                  (unsigned long long)whole);
    assert_true(scrubbed.bytes < whole / 2);
    assert_int_equal(scrubbed.tours, 2);
    /* The one before was told to whom it was found for. */
    assert_int_equal(fixture->found.count, 1);
    assert_int_equal(fixture->found.finding.segment, 28);
}

static void
scrub__stopped__goes_on_behind_what_was_told(void **state)
{
    struct fixture *fixture = *state;

    segments_make(fixture, 4);
    event_flip(fixture, 0, "event-2");
    event_flip(fixture, 2, "event-45");
    place_put(fixture, STREAM, 24);
    assert_int_equal(scrub_once(fixture).findings, 1);
    assert_int_equal(fixture->found.finding.segment, 2);
    assert_int_equal(scrub_once(fixture).findings, 2);
}

static void
scrub__stopped_between_segments__looks_how_they_follow(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];

    segments_make(fixture, 4);
    (void)stream_segment_name(fixture->store, STREAM, 2, name);
    place_put(fixture, STREAM, 60);
    assert_ok(seglog_store_remove(fixture->store, name, NULL));
    assert_int_equal(scrub_once(fixture).findings, 1);
    assert_int_equal(fixture->found.finding.fault, SEGLOG_STREAM_FAULT_LINK);
}

static void
scrub__place_damaged_or_of_elsewhere__begins_anew(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *bytes = NULL;
    size_t len = 0;

    segments_make(fixture, 3);
    event_flip(fixture, 0, "event-2");
    place_put(fixture, STREAM, 40);
    bytes = blob_read(fixture->store, SLG_SCRUB_NAME, &len);
    assert_int_equal(scrub_once(fixture).findings, 0);
    blob_write(fixture->store, SLG_SCRUB_NAME, bytes, len);
    assert_int_equal(scrub_once(fixture).findings, 0);
    for (size_t at = 0; at < len; at += 7) {
        bytes[at] ^= 4;
        blob_write(fixture->store, SLG_SCRUB_NAME, bytes, len);
        bytes[at] ^= 4;
        assert_int_equal(scrub_once(fixture).findings, 1);
    }
    blob_write(fixture->store, SLG_SCRUB_NAME, "P1", 2);
    assert_int_equal(scrub_once(fixture).findings, 1);
    /* The same stream by its number, but another one. */
    blob_write(fixture->store, SLG_SCRUB_NAME, bytes, len);
    free(bytes);
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    for (size_t i = 3; i > 0; i--) {
        char name[SEGLOG_STREAM_NAME_CAP];

        assert_ok(seglog_store_remove(
            fixture->store,
            stream_segment_name(fixture->store, STREAM, i - 1, name), NULL));
    }
    stream_model_reset(&fixture->model);
    stream_model_init(&fixture->model, SEGLOG_CHAIN_XXH3);
    segments_make(fixture, 3);
    event_flip(fixture, 0, "event-2");
    assert_int_equal(scrub_once(fixture).findings, 1);
}

static void
scrub__another_one_is_at_work__is_locked(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_scrub_options options = { .size = sizeof options,
                                                  .pause_s = 1000 };
    struct seglog_scrubber *first = NULL;
    struct seglog_scrubber *second = NULL;

    segments_make(fixture, 1);
    assert_ok(seglog_scrub_start(fixture->streams, &options, &first, NULL));
    assert_code(seglog_scrub_start(fixture->streams, &options, &second, NULL),
                SEGLOG_LOCKED);
    assert_null(second);
    assert_code(seglog_scrub_wait(first, 10, NULL), SEGLOG_END);
    assert_ok(seglog_scrub_stop(first, NULL));
    assert_ok(seglog_scrub_start(fixture->streams, NULL, &second, NULL));
    assert_ok(seglog_scrub_stop(second, NULL));
    assert_ok(seglog_scrub_stop(NULL, NULL));
}

static void
scrub__told_to_stop__stops_soon(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_scrub_options options = options_once(fixture, 1);
    struct seglog_scrubber *scrubber = NULL;
    struct seglog_scrub_state scrubbed;
    int64_t begin_ms = 0;

    segments_make(fixture, 3);
    assert_ok(seglog_scrub_start(fixture->streams, &options, &scrubber, NULL));
    test_sleep_ms(50);
    begin_ms = test_now_ms();
    seglog_scrub_get_state(scrubber, &scrubbed);
    assert_true(scrubbed.is_running);
    assert_ok(seglog_scrub_stop(scrubber, NULL));
    assert_true(test_now_ms() - begin_ms < 2000);
    /* What could not be read for it is no damage. */
    assert_int_equal(fixture->found.count, 0);
    assert_int_equal(scrub_once(fixture).findings, 0);
}

/* So it is not lost if nobody gets to the end of the segment. */
static void
scrub__damage_before_a_checkpoint__is_told_before_that_is_a_place(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_scrub_options options = options_once(fixture, MIB);
    struct seglog_scrubber *scrubber = NULL;
    struct seglog_scrub_state scrubbed = { .offset = 0 };

    segments_make(fixture, 1);
    for (size_t i = 0; i < 20; i++)
        payload_append(fixture, STREAM, 100000);
    event_flip(fixture, 0, "event-5");
    assert_ok(seglog_scrub_start(fixture->streams, &options, &scrubber, NULL));
    while (scrubbed.offset < 22) {
        test_sleep_ms(1);
        seglog_scrub_get_state(scrubber, &scrubbed);
    }
    assert_true(scrubbed.is_running);
    assert_true(scrubbed.offset < 40);
    assert_int_equal(fixture->found.count, 1);
    assert_ok(seglog_scrub_stop(scrubber, NULL));
    assert_int_equal(scrub_once(fixture).tours, 1);
    assert_int_equal(fixture->found.count, 0);
}

static void
scrub__others_append__is_no_finding(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_scrub_options options = {
        .size = sizeof options,
        .bytes_per_s = FAST,
        .on_finding = found_take,
        .arg = &fixture->found,
    };
    struct seglog_scrubber *scrubber = NULL;
    struct seglog_scrub_state scrubbed = { .tours = 0 };

    fixture->options.segment_bytes = 2000;
    segments_make(fixture, 1);
    assert_ok(seglog_scrub_start(fixture->streams, &options, &scrubber, NULL));
    for (size_t i = 0; i < 300 || scrubbed.tours < 5; i++) {
        stream_append_next(fixture->streams, STREAM, &fixture->model, 3, false);
        seglog_scrub_get_state(scrubber, &scrubbed);
        assert_true(scrubbed.is_running);
    }
    assert_ok(seglog_scrub_stop(scrubber, NULL));
    assert_int_equal(fixture->found.count, 0);
}

#define SCRUB_TEST(test)                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SCRUB_TEST(scrub__good_streams__tells_nothing_and_counts_tours),
        SCRUB_TEST(scrub__no_streams__ends),
        SCRUB_TEST(scrub__planted_flip__is_named),
        SCRUB_TEST(
            scrub__forged_event_missing_segment_and_no_segment__are_told),
        SCRUB_TEST(scrub__rate__is_held),
        SCRUB_TEST(scrub__killed__the_next_one_goes_on),
        SCRUB_TEST(scrub__stopped__goes_on_behind_what_was_told),
        SCRUB_TEST(scrub__stopped_between_segments__looks_how_they_follow),
        SCRUB_TEST(scrub__place_damaged_or_of_elsewhere__begins_anew),
        SCRUB_TEST(scrub__another_one_is_at_work__is_locked),
        SCRUB_TEST(scrub__told_to_stop__stops_soon),
        SCRUB_TEST(
            scrub__damage_before_a_checkpoint__is_told_before_that_is_a_place),
        SCRUB_TEST(scrub__others_append__is_no_finding),
    };

    return cmocka_run_group_tests_name("stream/stream_scrub", tests, NULL,
                                       NULL);
}
