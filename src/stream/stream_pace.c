/* SPDX-License-Identifier: MIT */
/* src/stream/stream_pace.c - a byte store that is read at a bounded rate. */
#define _POSIX_C_SOURCE 200809L /* pthread_condattr_setclock */

#include "src/stream/stream_pace.h"

#include <stdlib.h>
#include <time.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"

#define NS_PER_S 1000000000

struct slg_pace {
    struct seglog_store below;
    uint64_t bytes_per_s;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t stopped;
    bool is_stopped;
    int64_t next_ns; /* not before that the next step */
    uint64_t bytes;
};

struct paced_blob {
    struct slg_pace *pace;
    struct seglog_blob below;
};

/* -- time ------------------------------------------------------------------ */

/* The mutex is held. */
static bool
wait_until(struct slg_pace *pace, int64_t ns)
{
    const struct timespec until = slg_timespec_from_ns(ns);

    while (!pace->is_stopped && slg_now_ns() < ns)
        (void)pthread_cond_timedwait(&pace->stopped, &pace->mutex, &until);
    return !pace->is_stopped;
}

/* False: it is stopped. */
static bool
step_begin(struct slg_pace *pace)
{
    bool is_begun = false;

    (void)pthread_mutex_lock(&pace->mutex);
    is_begun = wait_until(pace, pace->next_ns);
    (void)pthread_mutex_unlock(&pace->mutex);
    return is_begun;
}

/* From its end on: however late it came, the next one is no earlier for it. */
static void
step_end(struct slg_pace *pace, size_t len)
{
    const double ns =
        (double)len * (double)NS_PER_S / (double)pace->bytes_per_s;

    (void)pthread_mutex_lock(&pace->mutex);
    pace->bytes += len;
    pace->next_ns = slg_now_ns() + (int64_t)ns;
    (void)pthread_mutex_unlock(&pace->mutex);
}

void
slg_pace_wait(struct slg_pace *pace, int64_t ns)
{
    (void)pthread_mutex_lock(&pace->mutex);
    (void)wait_until(pace, slg_now_ns() + ns);
    (void)pthread_mutex_unlock(&pace->mutex);
}

void
slg_pace_stop(struct slg_pace *pace)
{
    (void)pthread_mutex_lock(&pace->mutex);
    pace->is_stopped = true;
    (void)pthread_cond_broadcast(&pace->stopped);
    (void)pthread_mutex_unlock(&pace->mutex);
}

bool
slg_pace_is_stopped(struct slg_pace *pace)
{
    bool is_stopped = false;

    (void)pthread_mutex_lock(&pace->mutex);
    is_stopped = pace->is_stopped;
    (void)pthread_mutex_unlock(&pace->mutex);
    return is_stopped;
}

uint64_t
slg_pace_get_bytes(struct slg_pace *pace)
{
    uint64_t bytes = 0;

    (void)pthread_mutex_lock(&pace->mutex);
    bytes = pace->bytes;
    (void)pthread_mutex_unlock(&pace->mutex);
    return bytes;
}

/* -- blobs ----------------------------------------------------------------- */

static seglog_code
paced_read_at(void *self, uint64_t offset, void *buf, size_t len,
              struct seglog_error *err)
{
    const struct paced_blob *blob = self;
    uint8_t *at = buf;
    seglog_code code = SEGLOG_OK;

    do {
        const size_t step = len < SLG_PACE_STEP ? len : SLG_PACE_STEP;

        if (!step_begin(blob->pace))
            return slg_fail(err, SEGLOG_PAUSED, NULL, "it is to stop");
        code = seglog_blob_read_at(blob->below, offset, at, step, err);
        step_end(blob->pace, step);
        offset += step;
        at += step;
        len -= step;
    } while (len > 0 && code == SEGLOG_OK);
    return code;
}

static seglog_code
paced_get_size(void *self, uint64_t *size, bool *is_replaced,
               struct seglog_error *err)
{
    const struct paced_blob *blob = self;

    return seglog_blob_get_size(blob->below, size, is_replaced, err);
}

static seglog_code
paced_blob_close(void *self, struct seglog_error *err)
{
    struct paced_blob *blob = self;
    const seglog_code code = seglog_blob_close(&blob->below, err);

    free(blob);
    return code;
}

static const struct seglog_blob_ops BLOB_OPS = {
    .size = sizeof BLOB_OPS,
    .read_at = paced_read_at,
    .get_size = paced_get_size,
    .close = paced_blob_close,
};

/* -- the store ------------------------------------------------------------- */

static seglog_code
paced_open(void *self, const char *name, unsigned flags,
           struct seglog_blob *blob, struct seglog_error *err)
{
    struct slg_pace *pace = self;
    struct paced_blob *opened = NULL;
    seglog_code code = SEGLOG_OK;

    if (flags != SEGLOG_OPEN_READ)
        return slg_fail(err, SEGLOG_READ_ONLY, NULL, "it is for reading");
    opened = calloc(1, sizeof *opened);
    if (!opened)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a blob");
    opened->pace = pace;
    code = seglog_blob_open(pace->below, name, flags, &opened->below, err);
    if (code != SEGLOG_OK) {
        free(opened);
        return code;
    }
    *blob = (struct seglog_blob){ .ops = &BLOB_OPS, .self = opened };
    return SEGLOG_OK;
}

static seglog_code
paced_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
           struct seglog_error *err)
{
    const struct slg_pace *pace = self;

    return seglog_store_list(pace->below, prefix, fn, arg, err);
}

static const struct seglog_store_ops STORE_OPS = {
    .size = sizeof STORE_OPS,
    .open = paced_open,
    .list = paced_list,
};

bool
slg_pace_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    bool is_ok = false;

    if (pthread_condattr_init(&attr) != 0)
        return false;
    is_ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
            pthread_cond_init(cond, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    return is_ok;
}

seglog_code
slg_pace_new(struct seglog_store store, uint64_t bytes_per_s,
             struct slg_pace **pace, struct seglog_store *paced,
             struct seglog_error *err)
{
    struct slg_pace *made = calloc(1, sizeof *made);

    *pace = NULL;
    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a pace");
    if (pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a mutex");
    }
    if (!slg_pace_cond_init(&made->stopped)) {
        (void)pthread_mutex_destroy(&made->mutex);
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a wait");
    }
    made->below = store;
    made->bytes_per_s = bytes_per_s;
    *paced = (struct seglog_store){ .ops = &STORE_OPS, .self = made };
    *pace = made;
    return SEGLOG_OK;
}

void
slg_pace_free(struct slg_pace *pace)
{
    if (!pace)
        return;
    (void)pthread_cond_destroy(&pace->stopped);
    (void)pthread_mutex_destroy(&pace->mutex);
    free(pace);
}
