/* SPDX-License-Identifier: MIT */
/* tools/import_run.c - what is to be imported, and the order of writes. */
#define _GNU_SOURCE
#include "tools/import_run.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool_key.h"
#include "tools/tool_tree.h"

#define JOBS_MAX 256
/* States that wait to be written: what a crash makes us count again. */
#define DIRTY_MAX   256
#define PROMISE_MAX 1024
#define LOCK_NAME   "import"
#define LOCK_MS     500
/* Of a worker; nothing here is deep or large. */
#define STACK_BYTES ((size_t)1 << 20)
/* Buffers of this size and more are given back to the system when freed. */
#define SHARED_BYTES (1 << 20)

/* ---------------------------------------------------------------------------
 * Signals
 */

static struct import_run *volatile signal_run;
static volatile sig_atomic_t signal_seen;
static int signal_pipe[2] = { -1, -1 };

/* A second one ends the program at once, which loses nothing either. */
static void
stop_on_signal(int number)
{
    struct import_run *run = signal_run;

    const int saved = errno;

    signal_seen = number;
    (void)!write(signal_pipe[1], "", 1);
    errno = saved;
    if (run)
        atomic_store(&run->job.is_stopping, true);
}

static void
signals_catch(struct import_run *run)
{
    static const int STOPS[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = stop_on_signal,
                                .sa_flags = (int)SA_RESETHAND };
    struct sigaction before;

    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return; /* a signal ends the program then, which loses nothing */
    signal_run = run;
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof STOPS / sizeof STOPS[0]; i++)
        /* What is ignored, as under nohup, stays so. */
        if (sigaction(STOPS[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN)
            (void)sigaction(STOPS[i], &action, NULL);
}

int
import_run_stop_fd(void)
{
    return signal_pipe[0];
}

int
import_run_signal(void)
{
    return (int)signal_seen;
}

/* ---------------------------------------------------------------------------
 * Workers
 */

struct pool {
    struct import_run *run;
    atomic_size_t next;
};

static bool
store_lost(struct import_run *run, const struct seglog_error *err)
{
    if (!run->is_store_lost)
        run->store_err = *err;
    run->is_store_lost = true;
    atomic_store(&run->job.is_stopping, true);
    return false;
}

/* Under the mutex. */
static bool
dirty_flush(struct import_run *run, bool is_lazy)
{
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    if (run->is_store_lost)
        return false;
    if (run->dirty.count > 0)
        code = import_catalog_save(&run->catalog, run->dirty.items,
                                   run->dirty.count, is_lazy, &err);
    for (size_t i = 0; i < run->dirty.count; i++)
        if (run->dirty.items[i]->state.type != IMPORT_FILE)
            run->dirty.items[i]->is_queued = false;
    run->dirty.count = 0;
    return code == SEGLOG_OK || store_lost(run, &err);
}

static void
pool_done(struct import_run *run, struct import_entry *entry,
          const struct import_outcome *outcome)
{
    const bool is_store_error =
        outcome->change == IMPORT_FAILED && outcome->is_store_error;

    (void)pthread_mutex_lock(&run->mutex);
    if (is_store_error) {
        (void)store_lost(run, &outcome->err);
    } else if (outcome->is_complete || outcome->change != IMPORT_UNCHANGED) {
        import_report_outcome(run, entry, outcome);
        if (entry->is_dirty && !import_list_add(&run->dirty, entry))
            atomic_store(&run->job.is_stopping, true);
    }
    if (run->dirty.count >= DIRTY_MAX)
        (void)dirty_flush(run, true);
    tool_progress_update(&run->progress, atomic_load(&run->job.done_bytes),
                         run->work_bytes);
    (void)pthread_mutex_unlock(&run->mutex);
}

static void *
pool_work(void *arg)
{
    struct pool *pool = arg;
    struct import_run *run = pool->run;

    for (;;) {
        const size_t i = atomic_fetch_add(&pool->next, 1);
        struct import_outcome outcome;

        if (i >= run->work.count || atomic_load(&run->job.is_stopping))
            return NULL;
        import_source_run(&run->job, run->work.items[i], &outcome);
        pool_done(run, run->work.items[i], &outcome);
    }
}

static size_t
job_count(const struct import_run *run)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = (size_t)run->options->jobs;

    if (count == 0)
        count = online > 0 ? (size_t)online : 1;
    if (count > JOBS_MAX)
        count = JOBS_MAX;
    return count < run->work.count ? count : run->work.count;
}

/* This thread is one of the workers; signals are for it alone. */
static void
pool_run(struct import_run *run)
{
    struct pool pool = { .run = run };
    const size_t count = job_count(run);
    pthread_t threads[JOBS_MAX];
    size_t started = 0;
    sigset_t all;
    sigset_t before;
    pthread_attr_t small;

    atomic_init(&pool.next, 0);
    /* What a system gives by default may count as memory that is used. */
    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    while (started + 1 < count &&
           pthread_create(&threads[started], &small, pool_work, &pool) == 0)
        started++;
    (void)pthread_attr_destroy(&small);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pool_work(&pool);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
}

/* ---------------------------------------------------------------------------
 * Work
 */

/* Ids for the files that are new, in the store before any segment is. */
static bool
work_promise(struct import_run *run)
{
    struct import_list fresh = { 0 };
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    bool is_done = true;

    for (size_t i = 0; i < run->work.count && is_done; i++) {
        struct import_entry *entry = run->work.items[i];

        if (!seglog_uuid_is_nil(&entry->state.segment))
            continue;
        is_done = import_source_begin(&run->job, entry) &&
                  import_list_add(&fresh, entry);
        if (is_done)
            import_state_set_stat(&entry->state, &entry->stat, import_now_ns());
    }
    if (!is_done)
        (void)tool_fail_memory();
    else if (fresh.count > 0)
        code = import_catalog_save(&run->catalog, fresh.items, fresh.count,
                                   false, &err);
    free(fresh.items);
    if (code != SEGLOG_OK)
        return store_lost(run, &err);
    return is_done;
}

bool
import_run_work(struct import_run *run, bool is_synced)
{
    bool is_done = work_promise(run);

    if (is_done && run->work.count > 0)
        pool_run(run);
    if (!dirty_flush(run, !is_synced))
        is_done = false;
    tool_progress_clear(&run->progress);
    for (size_t i = 0; i < run->work.count; i++)
        run->work.items[i]->is_queued = false;
    run->work.count = 0;
    run->work_bytes = 0;
    atomic_store(&run->job.done_bytes, 0);
    if (run->is_store_lost) {
        (void)tool_fail(run->options->into, &run->store_err);
        return false;
    }
    return is_done;
}

/* ---------------------------------------------------------------------------
 * Targets
 */

/* Is path below root, or root itself?  Then where, else NULL. */
static const char *
path_below(const char *root, const char *path)
{
    const size_t len = strlen(root);

    if (strcmp(root, "/") == 0)
        return path + 1;
    if (strncmp(root, path, len) != 0)
        return NULL;
    if (path[len] == '\0')
        return path + len;
    return path[len] == '/' ? path + len + 1 : NULL;
}

/* The root that path lies in: one that is known, or `folder` as a new one. */
static enum tool_status
root_find(struct import_run *run, const char *path, const char *folder,
          size_t *root)
{
    struct import_catalog *catalog = &run->catalog;
    const char *best = NULL;
    struct seglog_error err;

    for (size_t i = 0; i < catalog->root_count; i++) {
        const char *known = catalog->roots[i].path;

        if (path_below(known, path) && (!best || strlen(known) > strlen(best)))
            best = known;
    }
    if (import_catalog_add_root(catalog, best ? best : folder, root, &err) !=
        SEGLOG_OK)
        return tool_fail(run->options->into, &err);
    if (catalog->roots[*root].fd < 0)
        catalog->roots[*root].fd =
            open(catalog->roots[*root].path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (catalog->roots[*root].fd < 0) {
        tool_say("%s: the folder cannot be opened: %s",
                 catalog->roots[*root].path, strerror(errno));
        return TOOL_FAILED;
    }
    return TOOL_GO_ON;
}

static enum tool_status
target_fill(struct import_run *run, const char *shown, char *path)
{
    struct import_target *target = &run->targets[run->target_count];
    char *slash = strrchr(path, '/');
    char *folder = NULL;
    struct stat stat_buf;
    enum tool_status status = TOOL_GO_ON;

    if (stat(path, &stat_buf) != 0) {
        tool_say("%s: it cannot be looked at: %s", shown, strerror(errno));
        return TOOL_FAILED;
    }
    target->shown = shown;
    target->is_file = !S_ISDIR(stat_buf.st_mode);
    folder = target->is_file && slash > path
                 ? strndup(path, (size_t)(slash - path))
                 : strdup(target->is_file ? "/" : path);
    if (!folder)
        return tool_fail_memory();
    status = root_find(run, path, folder, &target->root);
    free(folder);
    if (status != TOOL_GO_ON)
        return status;
    target->path =
        strdup(path_below(run->catalog.roots[target->root].path, path));
    if (!target->path)
        return tool_fail_memory();
    run->target_count++;
    return TOOL_GO_ON;
}

static enum tool_status
target_add(struct import_run *run, const char *shown)
{
    char *path = realpath(shown, NULL);
    enum tool_status status = TOOL_GO_ON;

    if (!path) {
        tool_say("%s: it cannot be looked at: %s", shown, strerror(errno));
        return TOOL_FAILED;
    }
    status = target_fill(run, shown, path);
    free(path);
    return status;
}

static enum tool_status
targets_open(struct import_run *run)
{
    size_t count = 0;

    while (run->options->paths[count])
        count++;
    run->targets = calloc(count + 1, sizeof *run->targets);
    if (!run->targets)
        return tool_fail_memory();
    for (size_t i = 0; i < count; i++) {
        const enum tool_status status = target_add(run, run->options->paths[i]);

        if (status != TOOL_GO_ON)
            return status;
    }
    return TOOL_GO_ON;
}

/* ---------------------------------------------------------------------------
 * One call
 */

static bool
once(struct import_run *run)
{
    tool_progress_init(&run->progress, "importing");
    for (size_t i = 0; i < run->target_count; i++)
        if (!import_scan_path(run, run->targets[i].root, run->targets[i].path,
                              NULL, NULL))
            return false;
    return import_run_work(run, true);
}

static enum tool_status
run_status(const struct import_run *run, bool is_done)
{
    if (!is_done || run->totals.failed > 0)
        return TOOL_FAILED;
    return run->totals.bad_lines > 0 ? TOOL_DAMAGED : TOOL_OK;
}

static enum tool_status
run_work(struct import_run *run)
{
    enum tool_status status = TOOL_OK;

    if (run->options->is_following)
        return import_follow(run);
    status = run_status(run, once(run));
    if (import_run_signal() != 0) {
        import_report_summary(run);
        tool_say("%s: stopped by a signal; the same command goes on from here",
                 run->options->into);
        return TOOL_FAILED;
    }
    if (run->options->is_verifying && !run->is_store_lost) {
        const enum tool_status verified = import_verify(run);

        if (verified != TOOL_OK && status != TOOL_FAILED)
            status = verified;
    }
    import_report_summary(run);
    return status;
}

/* Two at a time would give one file two segments. */
static enum tool_status
run_locked(struct import_run *run)
{
    const struct seglog_store store =
        seglog_session_store_get_store(run->sessions);
    struct seglog_lock lock = { 0 };
    struct seglog_error err;
    enum tool_status status = TOOL_GO_ON;
    seglog_code code = seglog_lock_open(store, LOCK_NAME, &lock, &err);

    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(lock, LOCK_MS, &err);
    if (code == SEGLOG_LOCKED) {
        tool_say("%s: another `seglog import` is at work here",
                 run->options->into);
        status = TOOL_FAILED;
    } else if (code == SEGLOG_OK) {
        code = import_catalog_open(run->sessions, &run->catalog, &err);
    }
    if (code != SEGLOG_OK && status == TOOL_GO_ON)
        status = tool_fail(run->options->into, &err);
    if (status == TOOL_GO_ON)
        status = targets_open(run);
    if (status == TOOL_GO_ON)
        status = run_work(run);
    seglog_lock_close(&lock);
    return status;
}

static enum tool_status
run_opened(struct import_run *run)
{
    enum tool_status status = TOOL_FAILED;
    struct stat stat_buf;

    if (stat(run->options->into, &stat_buf) == 0) {
        run->store_dev = stat_buf.st_dev;
        run->store_ino = stat_buf.st_ino;
    }
    if (!import_job_init(&run->job, &run->catalog) ||
        pthread_mutex_init(&run->mutex, NULL) != 0)
        return tool_fail_memory();
    run->job.is_sealing = run->options->is_sealing;
    run->job.seal_level = (int)run->options->codec.level;
    run->job.on_fault = import_report_fault;
    run->job.arg = run;
    signals_catch(run);
    status = run_locked(run);
    import_catalog_close(&run->catalog);
    import_job_free(&run->job);
    (void)pthread_mutex_destroy(&run->mutex);
    return status;
}

static void
run_free(struct import_run *run)
{
    for (size_t i = 0; i < run->target_count; i++)
        free(run->targets[i].path);
    free(run->targets);
    free(run->work.items);
    free(run->dirty.items);
    free(run);
}

/* What one worker has freed is to be there for the others: the allocator would
 * keep large buffers for the thread that had them. */
static void
memory_share(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, SHARED_BYTES);
#endif
}

enum tool_status
import_run_all(const struct import_options *options)
{
    const struct seglog_session_store_options store_options = {
        .size = sizeof store_options,
        .accepts_raw = true,
        .body_log2 = IMPORT_BODY_LOG2,
        .codec = options->codec.codec,
        .level_of_codec =
            options->is_sealing ? 0 : (uint8_t)options->codec.level,
    };
    struct import_run *run = calloc(1, sizeof *run);
    struct seglog_error err;
    enum tool_status status = TOOL_FAILED;

    if (!run)
        return tool_fail_memory();
    memory_share();
    run->options = options;
    if (tool_key_sessions_open(options->into, &store_options, &run->sessions,
                               &err) != SEGLOG_OK) {
        status = tool_fail(options->into, &err);
    } else {
        status = run_opened(run);
        if (seglog_session_store_close(run->sessions, &err) != SEGLOG_OK)
            status = tool_fail(options->into, &err);
    }
    run_free(run);
    return status;
}
