/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_sync.c
 *
 * Goal    threads that append synced events share syncs, and one that is alone
 *         waits for nobody.
 * Method  a memory store whose syncs take some milliseconds and are counted.
 */
#include "tests/stream/stream_support.h"

#include <pthread.h>
#include <stdatomic.h>

#define SYNC_MS 4
#define THREADS 16u
#define EACH    25u

/* -- a store with slow syncs ----------------------------------------------- */

struct slow {
    struct seglog_store inner;
    struct seglog_store_ops ops;
    struct seglog_blob_ops blob_ops;
    const struct seglog_blob_ops *inner_blob_ops;
    atomic_uint syncs;
    atomic_uint inside; /* syncs under way */
    atomic_uint most;   /* of them at once */
    atomic_bool fails;
};

/* Blobs are those of the store inside, with another table. */
static struct slow the_slow;

static seglog_code
slow_open(void *self, const char *name, unsigned flags,
          struct seglog_blob *blob, struct seglog_error *err)
{
    struct slow *slow = &the_slow;
    const seglog_code code =
        slow->inner.ops->open(self, name, flags, blob, err);

    if (code == SEGLOG_OK)
        blob->ops = &slow->blob_ops;
    return code;
}

static seglog_code
slow_sync(void *blob, struct seglog_error *err)
{
    const unsigned inside = atomic_fetch_add(&the_slow.inside, 1) + 1;

    atomic_fetch_add(&the_slow.syncs, 1);
    if (inside > atomic_load(&the_slow.most))
        atomic_store(&the_slow.most, inside);
    test_sleep_ms(SYNC_MS);
    atomic_fetch_sub(&the_slow.inside, 1);
    if (atomic_load(&the_slow.fails)) {
        if (err)
            *err = (struct seglog_error){ .code = SEGLOG_IO };
        return SEGLOG_IO;
    }
    return the_slow.inner_blob_ops->sync(blob, err);
}

static struct seglog_store
slow_make(void)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_store_memory_open(&the_slow.inner, NULL));
    assert_ok(seglog_blob_open(the_slow.inner, "x",
                               SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob,
                               NULL));
    the_slow.inner_blob_ops = blob.ops;
    the_slow.blob_ops = *blob.ops;
    the_slow.blob_ops.sync = slow_sync;
    assert_ok(seglog_blob_close(&blob, NULL));
    the_slow.ops = *the_slow.inner.ops;
    the_slow.ops.open = slow_open;
    atomic_store(&the_slow.fails, false);
    atomic_store(&the_slow.most, 0);
    return (struct seglog_store){ &the_slow.ops, the_slow.inner.self };
}

/* -- threads --------------------------------------------------------------- */

struct appender {
    pthread_t thread;
    struct seglog_streams streams;
    uint64_t stream;
    unsigned done;
    unsigned poisoned;
    unsigned others;
};

static void *
appender_run(void *arg)
{
    struct appender *appender = arg;
    const struct seglog_slice event = { "event", 5 };

    for (unsigned i = 0; i < EACH; i++) {
        const seglog_code code = seglog_stream_append_batch(
            appender->streams, appender->stream, &event, 1, SEGLOG_OFFSET_ANY,
            NULL, true, NULL, NULL);

        appender->done += code == SEGLOG_OK;
        appender->poisoned += code == SEGLOG_POISONED;
        appender->others += code != SEGLOG_OK && code != SEGLOG_POISONED;
    }
    return NULL;
}

/* How many syncs it took. */
static unsigned
appenders_run(struct seglog_streams streams, struct appender *appenders,
              unsigned count, unsigned of)
{
    const unsigned before = atomic_load(&the_slow.syncs);

    for (unsigned i = 0; i < count; i++) {
        appenders[i] =
            (struct appender){ .streams = streams, .stream = i % of };
        assert_int_equal(pthread_create(&appenders[i].thread, NULL,
                                        appender_run, &appenders[i]),
                         0);
    }
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_join(appenders[i].thread, NULL), 0);
    return atomic_load(&the_slow.syncs) - before;
}

static void
threads__appending_synced_events__share_syncs(void **state)
{
    struct appender appenders[THREADS];
    struct seglog_store store = slow_make();
    struct seglog_streams streams;
    unsigned syncs = 0;

    (void)state;
    assert_ok(seglog_streams_open(store, NULL, &streams, NULL));
    (void)appenders_run(streams, appenders, 1, 1);
    syncs = appenders_run(streams, appenders, THREADS, 1);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(appenders[i].done, EACH);
    /* At least eight for each, as a rule; the machine may be busy. */
    assert_true(syncs <= THREADS * EACH / 6);
    assert_ok(seglog_streams_close(&streams, NULL));
    seglog_store_close(&the_slow.inner);
}

static void
thread__alone__has_one_sync_for_each_event(void **state)
{
    struct appender appender;
    struct seglog_store store = slow_make();
    struct seglog_streams streams;

    (void)state;
    assert_ok(seglog_streams_open(store, NULL, &streams, NULL));
    (void)appenders_run(streams, &appender, 1, 1);
    assert_int_equal(appenders_run(streams, &appender, 1, 1), EACH);
    assert_ok(seglog_streams_close(&streams, NULL));
    seglog_store_close(&the_slow.inner);
}

/* Syncs of different streams run side by side. */
static void
streams__synced_at_once__do_not_wait_for_each_other(void **state)
{
    struct appender appenders[8];
    struct seglog_store store = slow_make();
    struct seglog_streams streams;

    (void)state;
    assert_ok(seglog_streams_open(store, NULL, &streams, NULL));
    (void)appenders_run(streams, appenders, 8, 8);
    assert_true(atomic_load(&the_slow.most) > 2);
    assert_ok(seglog_streams_close(&streams, NULL));
    seglog_store_close(&the_slow.inner);
}

static void
threads__waiting_for_a_sync_that_fails__are_all_told(void **state)
{
    struct appender appenders[THREADS];
    struct seglog_store store = slow_make();
    struct seglog_streams streams;
    struct seglog_stream_end end;
    unsigned told = 0;

    (void)state;
    assert_ok(seglog_streams_open(store, NULL, &streams, NULL));
    (void)appenders_run(streams, appenders, 1, 1);
    atomic_store(&the_slow.fails, true);
    (void)appenders_run(streams, appenders, THREADS, 1);
    atomic_store(&the_slow.fails, false);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(appenders[i].done, 0);
        told += appenders[i].poisoned + appenders[i].others;
    }
    assert_int_equal(told, THREADS * EACH);
    (void)appenders_run(streams, appenders, THREADS, 1);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(appenders[i].done, EACH);
    assert_ok(seglog_stream_latest_chain_hash(streams, 0, &end, NULL));
    assert_true(end.next_offset >= EACH + THREADS * EACH);
    assert_ok(seglog_streams_close(&streams, NULL));
    seglog_store_close(&the_slow.inner);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads__appending_synced_events__share_syncs),
        cmocka_unit_test(thread__alone__has_one_sync_for_each_event),
        cmocka_unit_test(streams__synced_at_once__do_not_wait_for_each_other),
        cmocka_unit_test(threads__waiting_for_a_sync_that_fails__are_all_told),
    };

    return cmocka_run_group_tests_name("stream/stream_sync", tests, NULL, NULL);
}
