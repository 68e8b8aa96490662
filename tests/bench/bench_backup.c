/* SPDX-License-Identifier: MIT */
/*
 * bench_backup - a canonical store is backed up while it is written to.
 *
 * Arguments: dir, bytes (of events there are before), threads (that write
 * meanwhile), pause_us (between two transactions of one).  A transaction puts
 * its number under a key of its thread and appends an event that says so.
 * Prints seconds, bytes, transactions (made meanwhile), p50_us and max_us of
 * one, write_max_us (the longest that a bare write to another file took
 * meanwhile: what the file system alone does to writers).
 * Ends with a message unless the restored store is writable, has the position
 * of the backup, its state is what its events say, and a changed byte of each
 * of some files is refused with the name of that file.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seglog/canonical.h"
#include "tests/bench/bench.h"
#include "tests/bench/state.h"

#define THREADS_MAX 16u
#define LAPS_MAX    4000000u

static struct seglog_error error; /* of the main thread */
static atomic_bool is_over;

static struct seglog_slice
slice_of(const void *data, size_t len)
{
    return (struct seglog_slice){ data, len };
}

static struct seglog_store
folder_open(const char *name)
{
    struct seglog_store store;

    bench_must(seglog_store_file_open(bench_path(name), true, &store, &error),
               &error);
    return store;
}

static struct seglog_canonical *
canonical_open(struct seglog_store store, const char *view)
{
    const struct seglog_canonical_options options = {
        .size = sizeof options,
        .view_dir = bench_path(view),
    };
    struct seglog_canonical *canonical = NULL;

    bench_must(seglog_canonical_open(store, &options, &canonical, &error),
               &error);
    return canonical;
}

/* -- before ---------------------------------------------------------------- */

static void
fill(struct seglog_canonical *canonical, uint64_t bytes)
{
    const struct bench_payloads payloads = bench_payloads_make();
    struct seglog_write_txn *txn = NULL;

    for (uint64_t at = 0; at * payloads.len < bytes;) {
        bench_must(seglog_write_txn_begin(canonical, &txn, &error), &error);
        for (unsigned i = 0; i < 1000; i++, at++)
            bench_must(seglog_write_txn_append_event(
                           txn,
                           slice_of(bench_payload(&payloads, at), payloads.len),
                           NULL, &error),
                       &error);
        bench_must(seglog_write_txn_commit(txn, false, NULL, &error), &error);
    }
}

/* -- meanwhile ------------------------------------------------------------- */

struct writer {
    struct seglog_canonical *canonical;
    unsigned number;
    useconds_t pause_us;
    uint64_t transactions;
    double *laps;
};

static void
writer_run(void *arg)
{
    struct writer *writer = arg;
    struct seglog_write_txn *txn = NULL;
    struct seglog_error err;

    while (!atomic_load(&is_over) && writer->transactions < LAPS_MAX) {
        char key[16];
        char value[24];
        char event[48];
        const double began = bench_now();

        (void)snprintf(key, sizeof key, "writer %u", writer->number);
        (void)snprintf(value, sizeof value, "%" PRIu64, writer->transactions);
        (void)snprintf(event, sizeof event, "%s=%s", key, value);
        bench_must(seglog_write_txn_begin(writer->canonical, &txn, &err), &err);
        bench_must(seglog_write_txn_put(txn, slice_of(key, strlen(key)),
                                        slice_of(value, strlen(value)), &err),
                   &err);
        bench_must(seglog_write_txn_append_event(
                       txn, slice_of(event, strlen(event)), NULL, &err),
                   &err);
        bench_must(seglog_write_txn_commit(txn, false, NULL, &err), &err);
        writer->laps[writer->transactions++] = bench_now() - began;
        if (writer->pause_us > 0)
            (void)usleep(writer->pause_us);
    }
}

/* What the file system alone does to whoever writes. */
struct bare {
    double longest;
    useconds_t pause_us;
};

static void *
bare_run(void *arg)
{
    struct bare *bare = arg;
    const int fd = bench_create(bench_path("bare"));
    char bytes[100] = { 0 };

    while (!atomic_load(&is_over)) {
        const double began = bench_now();

        bench_write(fd, bytes, sizeof bytes);
        if (bench_now() - began > bare->longest)
            bare->longest = bench_now() - began;
        (void)usleep(bare->pause_us > 0 ? bare->pause_us : 100);
    }
    (void)close(fd);
    return NULL;
}

struct crowd {
    struct writer writers[THREADS_MAX];
    uint64_t count;
};

static void *
crowd_run(void *arg)
{
    struct crowd *crowd = arg;

    state_threads(crowd->count, writer_run, crowd->writers,
                  sizeof crowd->writers[0]);
    return NULL;
}

static void
laps_report(const struct crowd *crowd)
{
    uint64_t count = 0;
    double *all = NULL;

    for (uint64_t i = 0; i < crowd->count; i++)
        count += crowd->writers[i].transactions;
    all = calloc(count + 1, sizeof *all);
    if (!all)
        bench_fail("calloc");
    count = 0;
    for (uint64_t i = 0; i < crowd->count; i++) {
        memcpy(all + count, crowd->writers[i].laps,
               crowd->writers[i].transactions * sizeof *all);
        count += crowd->writers[i].transactions;
    }
    bench_report("transactions", (double)count);
    bench_report("p50_us", 1e6 * bench_quantile(all, count, 0.5));
    bench_report("p999_us", 1e6 * bench_quantile(all, count, 0.999));
    bench_report("max_us", 1e6 * bench_quantile(all, count, 1));
    free(all);
}

static struct seglog_backup_info
backup_make(struct seglog_canonical *canonical, struct seglog_store repository)
{
    struct bare bare = { .pause_us =
                             (useconds_t)bench_number("pause_us", 200) };
    struct crowd crowd = { .count = bench_number("threads", 4) };
    struct seglog_backup_info info;
    pthread_t bare_thread;
    pthread_t thread;

    if (crowd.count > THREADS_MAX)
        bench_fail("threads: 16 at most");
    for (unsigned i = 0; i < crowd.count; i++) {
        crowd.writers[i] = (struct writer){ .canonical = canonical,
                                            .number = i,
                                            .pause_us = bare.pause_us };
        crowd.writers[i].laps = calloc(LAPS_MAX, sizeof(double));
        if (!crowd.writers[i].laps)
            bench_fail("calloc");
    }
    if (pthread_create(&thread, NULL, crowd_run, &crowd) != 0 ||
        pthread_create(&bare_thread, NULL, bare_run, &bare) != 0)
        bench_fail("pthread_create");
    bench_start();
    bench_must(
        seglog_canonical_backup(canonical, repository, NULL, &info, &error),
        &error);
    bench_stop();
    atomic_store(&is_over, true);
    (void)pthread_join(thread, NULL);
    (void)pthread_join(bare_thread, NULL);
    laps_report(&crowd);
    bench_report("write_max_us", 1e6 * bare.longest);
    for (unsigned i = 0; i < crowd.count; i++)
        free(crowd.writers[i].laps);
    return info;
}

/* -- afterwards ------------------------------------------------------------ */

/* The last event of each writer says what its key has. */
static void
state_check(struct seglog_canonical *canonical)
{
    char last[THREADS_MAX][48] = { "" };
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_read_txn *txn = NULL;

    bench_must(
        seglog_event_iter_open(canonical, 0, SEGLOG_EVENT_END, &iter, &error),
        &error);
    while (seglog_event_iter_next(iter, &event, &error) == SEGLOG_OK) {
        unsigned number = 0;
        char text[48];

        if (event.data.len >= sizeof text)
            continue;
        memcpy(text, event.data.data, event.data.len);
        text[event.data.len] = '\0';
        if (sscanf(text, "writer %u=", &number) == 1 && number < THREADS_MAX)
            memcpy(last[number], text, sizeof text);
    }
    seglog_event_iter_close(iter);
    bench_must(seglog_read_txn_begin(canonical, &txn, &error), &error);
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        const char *equals = strchr(last[i], '=');
        struct seglog_slice value;

        if (!equals)
            continue;
        bench_must(seglog_read_txn_get(
                       txn, slice_of(last[i], (size_t)(equals - last[i])),
                       &value, &error),
                   &error);
        if (value.len != strlen(equals + 1) ||
            memcmp(value.data, equals + 1, value.len) != 0)
            bench_fail("the restored state is not what its events say");
    }
    seglog_read_txn_end(txn);
}

static void
restored_check(struct seglog_store repository,
               const struct seglog_backup_info *info)
{
    struct seglog_store target = folder_open("restored");
    struct seglog_canonical *canonical = NULL;
    struct seglog_canonical_meta meta;
    struct seglog_write_txn *txn = NULL;

    bench_must(seglog_backup_restore(repository, target, NULL, NULL, &error),
               &error);
    canonical = canonical_open(target, "restored/view");
    bench_must(seglog_canonical_get_meta(canonical, &meta, &error), &error);
    if (!info->has_position || meta.position != info->position)
        bench_fail("the restored store is at another position");
    state_check(canonical);
    bench_must(seglog_write_txn_begin(canonical, &txn, &error), &error);
    bench_must(
        seglog_write_txn_append_event(txn, slice_of("on", 2), NULL, &error),
        &error);
    bench_must(seglog_write_txn_commit(txn, true, NULL, &error), &error);
    bench_must(seglog_canonical_close(canonical, &error), &error);
    seglog_store_close(&target);
}

static void
byte_flip(const char *path, off_t at)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;

    if (fd < 0 || pread(fd, &byte, 1, at) != 1)
        bench_fail_sys(path);
    byte ^= 1;
    if (pwrite(fd, &byte, 1, at) != 1)
        bench_fail_sys(path);
    (void)close(fd);
}

static bool
damage_try(void *arg, const char *name)
{
    const struct seglog_store *repository = arg;
    char file[300];
    char *path = NULL;
    struct stat status;
    static uint64_t random = 1;
    off_t at = 0;

    (void)snprintf(file, sizeof file, "repository/%s", name);
    path = bench_path(file);
    if (stat(path, &status) != 0)
        bench_fail_sys(path);
    at = (off_t)(bench_random(&random) % (uint64_t)status.st_size);
    byte_flip(path, at);
    if (seglog_backup_verify(*repository, NULL, NULL, &error) == SEGLOG_OK ||
        strcmp(error.name, name) != 0)
        bench_fail("a changed byte of the backup was not told with its file");
    byte_flip(path, at);
    return true;
}

static void
folders_clear(void)
{
    char *command = NULL;

    if (asprintf(&command, "rm -rf '%s' '%s' '%s'", bench_path("source"),
                 bench_path("repository"), bench_path("restored")) < 0)
        bench_fail("asprintf");
    if (system(command) != 0)
        bench_fail("rm");
    free(command);
}

int
main(int argc, char **argv)
{
    struct seglog_backup_info info;
    struct seglog_canonical *canonical = NULL;
    struct seglog_store source;
    struct seglog_store repository;

    bench_init(argc, argv);
    folders_clear();
    source = folder_open("source");
    repository = folder_open("repository");
    canonical = canonical_open(source, "source/view");
    fill(canonical, bench_number("bytes", UINT64_C(1) << 30));
    bench_must(seglog_canonical_sync(canonical, &error), &error);
    info = backup_make(canonical, repository);
    bench_report("bytes", (double)info.bytes);
    bench_must(seglog_canonical_close(canonical, &error), &error);
    restored_check(repository, &info);
    if (bench_number("damage", 1) != 0)
        bench_must(
            seglog_store_list(repository, "", damage_try, &repository, &error),
            &error);
    seglog_store_close(&repository);
    seglog_store_close(&source);
    folders_clear();
    return 0;
}
