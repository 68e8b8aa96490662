/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_seal_jobs.c - blocks encoded side by side.
 *
 * A ring of blocks: the caller fills them in order and takes them in order;
 * between that each is encoded, by whichever thread comes first.  Threads are
 * made when there is work for them.  Where none can be made the caller encodes.
 */
#define _POSIX_C_SOURCE 200809L /* pthread, signals */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "src/segment/segment_block.h"
#include "src/segment/segment_seal.h"
#include "src/store/fail.h"

/* Beside those being encoded one is filled, and one may wait for an earlier
 * one that takes long. */
#define RING_MORE 2u

struct slg_jobs {
    pthread_mutex_t mutex;
    pthread_cond_t is_work; /* for the threads */
    pthread_cond_t is_done; /* for the caller */
    bool is_ending;
    unsigned threads_max, threads, idle;
    pthread_t ids[SLG_SEAL_THREADS_MAX];
    /* Counted from the beginning: taken <= claimed <= filled. */
    size_t taken, claimed, filled;
    size_t cap;
    struct slg_job ring[SLG_SEAL_THREADS_MAX + RING_MORE];
};

static void
job_run(struct slg_job *job)
{
    slg_pending_measure(&job->pending);
    job->code =
        slg_block_encode(job->pending.records, job->pending.count, job->level,
                         job->memory_max, &job->prefix, &job->body, &job->len);
}

/* The next that nobody has begun.  With the mutex held. */
static struct slg_job *
job_claim(struct slg_jobs *jobs)
{
    return &jobs->ring[jobs->claimed++ % jobs->cap];
}

static void *
worker_main(void *arg)
{
    struct slg_jobs *jobs = arg;

    (void)pthread_mutex_lock(&jobs->mutex);
    while (!jobs->is_ending) {
        if (jobs->claimed == jobs->filled) {
            jobs->idle++;
            (void)pthread_cond_wait(&jobs->is_work, &jobs->mutex);
            jobs->idle--;
            continue;
        }
        struct slg_job *job = job_claim(jobs);

        (void)pthread_mutex_unlock(&jobs->mutex);
        job_run(job);
        (void)pthread_mutex_lock(&jobs->mutex);
        job->is_done = true;
        (void)pthread_cond_signal(&jobs->is_done);
    }
    (void)pthread_mutex_unlock(&jobs->mutex);
    return NULL;
}

/* Signals are the caller's: its own threads handle them.  Where there is no
 * thread to be had it goes on with those there are. */
static void
worker_start(struct slg_jobs *jobs)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        jobs->threads_max = jobs->threads;
        return;
    }
    if (pthread_create(&jobs->ids[jobs->threads], NULL, worker_main, jobs) == 0)
        jobs->threads++;
    else
        jobs->threads_max = jobs->threads;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool
jobs_init(struct slg_jobs *jobs)
{
    if (pthread_mutex_init(&jobs->mutex, NULL) != 0)
        return false;
    if (pthread_cond_init(&jobs->is_work, NULL) == 0) {
        if (pthread_cond_init(&jobs->is_done, NULL) == 0)
            return true;
        (void)pthread_cond_destroy(&jobs->is_work);
    }
    (void)pthread_mutex_destroy(&jobs->mutex);
    return false;
}

seglog_code
slg_jobs_open(struct slg_jobs **jobs, unsigned threads,
              struct seglog_error *err)
{
    struct slg_jobs *made = calloc(1, sizeof *made);

    if (!made || !jobs_init(made)) {
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory to seal");
    }
    if (threads > SLG_SEAL_THREADS_MAX)
        threads = SLG_SEAL_THREADS_MAX;
    made->threads_max = threads > 1 ? threads : 0;
    made->cap = threads > 1 ? threads + RING_MORE : 1;
    *jobs = made;
    return SEGLOG_OK;
}

void
slg_jobs_close(struct slg_jobs *jobs)
{
    if (!jobs)
        return;
    (void)pthread_mutex_lock(&jobs->mutex);
    jobs->is_ending = true;
    (void)pthread_cond_broadcast(&jobs->is_work);
    (void)pthread_mutex_unlock(&jobs->mutex);
    for (unsigned i = 0; i < jobs->threads; i++)
        (void)pthread_join(jobs->ids[i], NULL);
    for (size_t i = 0; i < jobs->cap; i++) {
        free(jobs->ring[i].pending.text.data);
        free(jobs->ring[i].pending.records);
        free(jobs->ring[i].prefix_bytes.data);
        free(jobs->ring[i].body);
    }
    (void)pthread_cond_destroy(&jobs->is_done);
    (void)pthread_cond_destroy(&jobs->is_work);
    (void)pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}

bool
slg_jobs_are_threaded(const struct slg_jobs *jobs)
{
    return jobs->cap > 1;
}

/* Only the caller changes filled and taken: it reads them without the mutex. */
struct slg_job *
slg_jobs_filling(struct slg_jobs *jobs)
{
    return jobs->filled - jobs->taken < jobs->cap
               ? &jobs->ring[jobs->filled % jobs->cap]
               : NULL;
}

void
slg_jobs_submit(struct slg_jobs *jobs, bool is_more)
{
    jobs->ring[jobs->filled % jobs->cap].is_done = false;
    (void)pthread_mutex_lock(&jobs->mutex);
    jobs->filled++;
    (void)pthread_cond_signal(&jobs->is_work);
    /* One that idles may have been woken for an earlier one. */
    if (is_more && jobs->threads < jobs->threads_max &&
        jobs->filled - jobs->claimed > jobs->idle)
        worker_start(jobs);
    (void)pthread_mutex_unlock(&jobs->mutex);
}

struct slg_job *
slg_jobs_oldest(struct slg_jobs *jobs, bool is_wanted)
{
    struct slg_job *job = &jobs->ring[jobs->taken % jobs->cap];
    bool is_done = false;

    if (jobs->taken == jobs->filled)
        return NULL;
    (void)pthread_mutex_lock(&jobs->mutex);
    while (is_wanted && !job->is_done) {
        /* With all threads at work one encoder more would be too much. */
        if (jobs->claimed == jobs->filled ||
            (jobs->threads > 0 && jobs->threads == jobs->threads_max)) {
            (void)pthread_cond_wait(&jobs->is_done, &jobs->mutex);
            continue;
        }
        struct slg_job *mine = job_claim(jobs);

        (void)pthread_mutex_unlock(&jobs->mutex);
        job_run(mine);
        (void)pthread_mutex_lock(&jobs->mutex);
        mine->is_done = true;
    }
    is_done = job->is_done;
    (void)pthread_mutex_unlock(&jobs->mutex);
    return is_done ? job : NULL;
}

void
slg_jobs_take(struct slg_jobs *jobs)
{
    struct slg_job *job = &jobs->ring[jobs->taken % jobs->cap];

    free(job->body);
    job->body = NULL;
    jobs->taken++;
}
