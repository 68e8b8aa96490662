/* SPDX-License-Identifier: MIT */
/*
 * bench_stream - what streams cost.
 *
 * Arguments: dir, chain (sha256, xxh3), and what:
 *   append   records events of size bytes, in batches of batch, visible to all
 *            when each call returns
 *   sync     the same, synced
 *   threads  records single synced events by threads threads, to streams
 *            streams in turn; also p50_us and p99_us of a call where it is one
 *   make     a stream of bytes bytes, to be read by
 *   read     times reads of one event at a random offset; also p50_us, p99_us
 *   verify   all of it, from the first event, by one thread
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/stream.h"
#include "tests/bench/bench.h"

#define STREAM    UINT64_C(1)
#define BATCH_MAX 1000u

/* What the run before this one has left. */
static bool
name_keep(void *arg, const char *name)
{
    (void)snprintf(arg, 256, "%s", name);
    return false;
}

static void
store_clear(struct seglog_store store)
{
    char name[256] = "";
    struct seglog_error err;

    do {
        if (name[0] != '\0')
            bench_must(seglog_store_remove(store, name, &err), &err);
        name[0] = '\0';
        bench_must(seglog_store_list(store, "stream.", name_keep, name, &err),
                   &err);
    } while (name[0] != '\0');
}

static struct seglog_streams
streams_open(struct seglog_store store)
{
    const struct seglog_stream_options options = {
        .size = sizeof options,
        .chain = strcmp(bench_text("chain", "sha256"), "xxh3") == 0
                     ? SEGLOG_CHAIN_XXH3
                     : SEGLOG_CHAIN_SHA256,
    };
    struct seglog_streams streams;
    struct seglog_error err;

    bench_must(seglog_streams_open(store, &options, &streams, &err), &err);
    return streams;
}

static void
streams_close(struct seglog_streams *streams)
{
    struct seglog_error err;

    bench_must(seglog_streams_close(streams, &err), &err);
}

/* -- batches --------------------------------------------------------------- */

static void
batch_append(struct seglog_streams streams,
             const struct bench_payloads *payloads, uint64_t at, size_t count,
             bool is_synced, struct seglog_stream_end *end)
{
    const struct seglog_chain_hash head = end->hash;
    struct seglog_slice events[BATCH_MAX];
    struct seglog_error err;

    for (size_t i = 0; i < count; i++)
        events[i] = (struct seglog_slice){
            (const char *)bench_payload(payloads, at + i), payloads->len
        };
    bench_must(seglog_stream_append_batch(streams, STREAM, events, count,
                                          end->next_offset, &head, is_synced,
                                          end, &err),
               &err);
}

static void
append(struct seglog_store store, bool is_synced)
{
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 1000000);
    const uint64_t batch = bench_number("batch", 100);
    struct seglog_streams streams = streams_open(store);
    struct seglog_stream_end end = { 0 };

    if (batch == 0 || batch > BATCH_MAX)
        bench_fail("batch: 1 to 1000");
    batch_append(streams, &payloads, 0, (size_t)batch, is_synced, &end);
    bench_start();
    for (uint64_t at = 0; at < records; at += batch)
        batch_append(streams, &payloads, at, (size_t)batch, is_synced, &end);
    bench_stop();
    bench_report("records", (double)records);
    streams_close(&streams);
}

/* -- threads --------------------------------------------------------------- */

struct appender {
    pthread_t thread;
    struct seglog_streams streams;
    uint64_t stream;
    uint64_t records;
    bool has_laps;
};

static void *
appender_run(void *arg)
{
    const struct appender *appender = arg;
    char text[256];
    struct seglog_error err;

    memset(text, 'x', sizeof text);
    for (uint64_t i = 0; i < appender->records; i++) {
        const struct seglog_slice event = { text, sizeof text };

        bench_must(seglog_stream_append_batch(
                       appender->streams, appender->stream, &event, 1,
                       SEGLOG_OFFSET_ANY, NULL, true, NULL, &err),
                   &err);
        if (appender->has_laps)
            bench_laps_mark();
    }
    return NULL;
}

static void
threads_append(struct seglog_store store)
{
    const uint64_t count = bench_number("threads", 16);
    const uint64_t of = bench_number("streams", 1);
    const uint64_t records = bench_number("records", 2000);
    struct appender *appenders = calloc(count, sizeof *appenders);
    struct seglog_streams streams = streams_open(store);
    struct seglog_error err;
    const struct seglog_slice first = { "first", 5 };

    if (!appenders || of == 0)
        bench_fail("threads");
    for (uint64_t i = 0; i < of; i++)
        bench_must(seglog_stream_append_batch(streams, i, &first, 1,
                                              SEGLOG_OFFSET_ANY, NULL, true,
                                              NULL, &err),
                   &err);
    if (count == 1)
        bench_laps_begin((size_t)records);
    bench_start();
    for (uint64_t i = 0; i < count; i++) {
        appenders[i] = (struct appender){ .streams = streams,
                                          .stream = i % of,
                                          .records = records / count,
                                          .has_laps = count == 1 };
        if (pthread_create(&appenders[i].thread, NULL, appender_run,
                           &appenders[i]) != 0)
            bench_fail("no thread");
    }
    for (uint64_t i = 0; i < count; i++)
        (void)pthread_join(appenders[i].thread, NULL);
    bench_stop();
    if (count == 1)
        bench_laps_end();
    bench_report("records", (double)(records / count * count));
    streams_close(&streams);
    free(appenders);
}

/* -- reading --------------------------------------------------------------- */

static void
make(struct seglog_store store)
{
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("bytes", 1 << 30) / payloads.len;
    struct seglog_streams streams = streams_open(store);
    struct seglog_stream_end end = { 0 };

    for (uint64_t at = 0; at < records; at += 100)
        batch_append(streams, &payloads, at, 100, false, &end);
    bench_report("records", (double)end.next_offset);
    streams_close(&streams);
}

static void
read_random(struct seglog_store store)
{
    const uint64_t times = bench_number("times", 1000);
    struct seglog_streams streams = streams_open(store);
    struct seglog_stream_end end;
    struct seglog_error err;
    uint64_t state = 7;

    bench_must(seglog_stream_latest_chain_hash(streams, STREAM, &end, &err),
               &err);
    for (uint64_t i = 0; i < times + 20; i++) {
        struct seglog_stream_event *events = NULL;
        size_t count = 0;

        if (i == 20) {
            bench_start();
            bench_laps_begin((size_t)times);
        }
        bench_must(seglog_stream_read_from(
                       streams, STREAM, bench_random(&state) % end.next_offset,
                       1, &events, &count, &err),
                   &err);
        if (count != 1)
            bench_fail("an event is not there");
        seglog_free(events);
        if (i >= 20)
            bench_laps_mark();
    }
    bench_laps_end();
    bench_stop();
    bench_report("records", (double)times);
    streams_close(&streams);
}

static void
verify(struct seglog_store store)
{
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .threads = 1,
    };
    struct seglog_streams streams = streams_open(store);
    struct seglog_stream_verified verified;
    struct seglog_error err;

    bench_start();
    bench_must(seglog_stream_verify(streams, STREAM, &options, &verified, &err),
               &err);
    bench_stop();
    if (!verified.is_good)
        bench_fail("the stream is not good");
    bench_report("records", (double)verified.events);
    streams_close(&streams);
}

int
main(int argc, char **argv)
{
    struct seglog_store store;
    const char *what = NULL;

    bench_init(argc, argv);
    what = bench_text("what", "append");
    store = bench_store_open();
    if (strcmp(what, "read") != 0 && strcmp(what, "verify") != 0)
        store_clear(store);
    if (strcmp(what, "append") == 0)
        append(store, false);
    else if (strcmp(what, "sync") == 0)
        append(store, true);
    else if (strcmp(what, "threads") == 0)
        threads_append(store);
    else if (strcmp(what, "make") == 0)
        make(store);
    else if (strcmp(what, "read") == 0)
        read_random(store);
    else if (strcmp(what, "verify") == 0)
        verify(store);
    else
        bench_fail("what: append, sync, threads, make, read or verify");
    seglog_store_close(&store);
    return 0;
}
