/* SPDX-License-Identifier: MIT */
/*
 * bench_canonical - what a canonical store costs.
 *
 * Arguments: dir, size (100), keys (100000), and what:
 *   commit   records transactions, each a put and an event, visible to all
 *   threads  the same, synced, by threads threads
 *   batch    the same by batches, by threads threads, synced if synced is 1
 *   load     records events, batch of them a transaction
 *   get      records gets of keys that are there, in one read transaction
 *   iterate  all events that load has left
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/canonical.h"
#include "tests/bench/bench.h"
#include "tests/bench/state.h"

#define BATCH_MAX 1000u

static bool
name_keep(void *arg, const char *name)
{
    (void)snprintf(arg, 256, "%s", name);
    return false;
}

/* What the run before this one has left. */
static void
store_clear(struct seglog_store store)
{
    static const char *const files[] = { "view/data.mdb", "view/lock.mdb",
                                         "view/trust" };
    char name[256] = "";
    struct seglog_error err;

    do {
        if (name[0] != '\0')
            bench_must(seglog_store_remove(store, name, &err), &err);
        name[0] = '\0';
        bench_must(seglog_store_list(store, "stream.", name_keep, name, &err),
                   &err);
    } while (name[0] != '\0');
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        bench_remove(bench_path(files[i]));
}

static struct seglog_canonical *
canonical_open(struct seglog_store store)
{
    const struct seglog_canonical_options options = {
        .size = sizeof options,
        .view_dir = bench_path("view"),
    };
    struct seglog_canonical *canonical = NULL;
    struct seglog_error err;

    bench_must(seglog_canonical_open(store, &options, &canonical, &err), &err);
    return canonical;
}

static struct seglog_slice
slice_of(const void *data, size_t len)
{
    return (struct seglog_slice){ data, len };
}

/* -- transactions ---------------------------------------------------------- */

static void
transaction_commit(struct seglog_canonical *canonical,
                   const struct bench_payloads *payloads, uint64_t i,
                   bool is_synced)
{
    struct seglog_write_txn *txn = NULL;
    const struct seglog_slice value =
        slice_of(bench_payload(payloads, i), payloads->len);
    char key[STATE_KEY_CAP];
    struct seglog_error err;

    state_key(i, key);
    bench_must(seglog_write_txn_begin(canonical, &txn, &err), &err);
    bench_must(
        seglog_write_txn_put(txn, slice_of(key, strlen(key)), value, &err),
        &err);
    bench_must(seglog_write_txn_append_event(txn, value, NULL, &err), &err);
    bench_must(seglog_write_txn_commit(txn, is_synced, NULL, &err), &err);
}

static void
commit(struct seglog_canonical *canonical)
{
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 200000);

    bench_start();
    for (uint64_t i = 0; i < records; i++)
        transaction_commit(canonical, &payloads, i, false);
    bench_stop();
    bench_report("records", (double)records);
}

struct committer {
    struct seglog_canonical *canonical;
    const struct bench_payloads *payloads;
    uint64_t first;
    uint64_t records;
    bool is_batch;
    bool is_synced; /* of batches; else all are */
};

static void
batches_commit(const struct committer *committer)
{
    struct seglog_write_batch *batch = NULL;
    struct seglog_error err;

    bench_must(seglog_write_batch_new(committer->canonical, &batch, &err),
               &err);
    for (uint64_t i = 0; i < committer->records; i++) {
        const uint64_t at = committer->first + i;
        const struct seglog_slice value = slice_of(
            bench_payload(committer->payloads, at), committer->payloads->len);
        char key[STATE_KEY_CAP];

        state_key(at, key);
        seglog_write_batch_clear(batch);
        bench_must(seglog_write_batch_put(batch, slice_of(key, strlen(key)),
                                          value, &err),
                   &err);
        bench_must(seglog_write_batch_append_event(batch, value, &err), &err);
        bench_must(
            seglog_write_batch_commit(batch, committer->is_synced, NULL, &err),
            &err);
    }
    seglog_write_batch_free(batch);
}

static void
committer_run(void *arg)
{
    const struct committer *committer = arg;

    if (committer->is_batch)
        batches_commit(committer);
    for (uint64_t i = 0; i < committer->records && !committer->is_batch; i++)
        transaction_commit(committer->canonical, committer->payloads,
                           committer->first + i, true);
}

static void
threads(struct seglog_canonical *canonical, bool is_batch)
{
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 4000);
    const uint64_t count = bench_number("threads", 16);
    const bool is_synced = bench_number("synced", 0) != 0;
    struct committer *committers = calloc(count, sizeof *committers);

    if (!committers)
        bench_fail("calloc");
    for (uint64_t i = 0; i < count; i++)
        committers[i] = (struct committer){ .canonical = canonical,
                                            .payloads = &payloads,
                                            .first = i * (records / count),
                                            .records = records / count,
                                            .is_batch = is_batch,
                                            .is_synced = is_synced };
    bench_start();
    state_threads(count, committer_run, committers, sizeof *committers);
    bench_stop();
    bench_report("records", (double)(records / count * count));
    free(committers);
}

/* -- events ---------------------------------------------------------------- */

static void
load(struct seglog_canonical *canonical)
{
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 2000000);
    const uint64_t batch = bench_number("batch", 100);
    struct seglog_slice events[BATCH_MAX];
    struct seglog_write_txn *txn = NULL;
    struct seglog_error err;

    if (batch == 0 || batch > BATCH_MAX)
        bench_fail("batch: 1 to 1000");
    bench_start();
    for (uint64_t at = 0; at < records; at += batch) {
        for (uint64_t i = 0; i < batch; i++)
            events[i] =
                slice_of(bench_payload(&payloads, at + i), payloads.len);
        bench_must(seglog_write_txn_begin(canonical, &txn, &err), &err);
        bench_must(seglog_write_txn_append_events(txn, events, (size_t)batch,
                                                  NULL, NULL, &err),
                   &err);
        bench_must(seglog_write_txn_commit(txn, false, NULL, &err), &err);
    }
    bench_stop();
    bench_report("records", (double)records);
}

static void
iterate(struct seglog_canonical *canonical)
{
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    uint64_t records = 0;

    bench_start();
    bench_must(
        seglog_event_iter_open(canonical, 0, SEGLOG_EVENT_END, &iter, &err),
        &err);
    while ((code = seglog_event_iter_next(iter, &event, &err)) == SEGLOG_OK)
        records++;
    bench_must(code == SEGLOG_END ? SEGLOG_OK : code, &err);
    seglog_event_iter_close(iter);
    bench_stop();
    bench_report("records", (double)records);
}

/* -- state ----------------------------------------------------------------- */

static void
get(struct seglog_canonical *canonical)
{
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 2000000);
    const uint64_t keys = bench_number("keys", 100000);
    struct seglog_read_txn *txn = NULL;
    struct seglog_slice value;
    struct seglog_error err;

    for (uint64_t i = 0; i < keys; i++)
        transaction_commit(canonical, &payloads, i, false);
    bench_must(seglog_read_txn_begin(canonical, &txn, &err), &err);
    bench_start();
    for (uint64_t i = 0; i < records; i++) {
        char key[STATE_KEY_CAP];

        state_key(i, key);
        bench_must(
            seglog_read_txn_get(txn, slice_of(key, strlen(key)), &value, &err),
            &err);
    }
    bench_stop();
    bench_report("records", (double)records);
    seglog_read_txn_end(txn);
}

int
main(int argc, char **argv)
{
    struct seglog_canonical *canonical = NULL;
    struct seglog_store store;
    struct seglog_error err;
    const char *what = NULL;

    bench_init(argc, argv);
    what = bench_text("what", "commit");
    store = bench_store_open();
    if (strcmp(what, "iterate") != 0)
        store_clear(store);
    canonical = canonical_open(store);
    if (strcmp(what, "commit") == 0)
        commit(canonical);
    else if (strcmp(what, "threads") == 0)
        threads(canonical, false);
    else if (strcmp(what, "batch") == 0)
        threads(canonical, true);
    else if (strcmp(what, "load") == 0)
        load(canonical);
    else if (strcmp(what, "iterate") == 0)
        iterate(canonical);
    else if (strcmp(what, "get") == 0)
        get(canonical);
    else
        bench_fail("what: commit, threads, batch, load, iterate or get");
    bench_must(seglog_canonical_close(canonical, &err), &err);
    seglog_store_close(&store);
    return 0;
}
