/* SPDX-License-Identifier: MIT */
/* src/stream/stream_scrub.c - the scrubber: its thread, and the calls. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/stream/stream_scrub.h"

#include <stdlib.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/store/options.h"

#define NS_PER_S INT64_C(1000000000)

/* -- the thread ------------------------------------------------------------ */

void
slg_scrub_note(struct seglog_scrubber *scrubber)
{
    const struct slg_scrub_place *place = &scrubber->place;

    (void)pthread_mutex_lock(&scrubber->mutex);
    scrubber->state.stream = place->stream;
    scrubber->state.offset = place->offset;
    scrubber->state.tours = place->tours;
    scrubber->state.findings = place->findings;
    (void)pthread_mutex_unlock(&scrubber->mutex);
}

/* Those of the tour stay until the next one begins. */
static void
tour_note(struct seglog_scrubber *scrubber)
{
    (void)pthread_mutex_lock(&scrubber->mutex);
    scrubber->state.stream = 0;
    scrubber->state.offset = 0;
    scrubber->state.tours = scrubber->place.tours;
    (void)pthread_mutex_unlock(&scrubber->mutex);
}

/* Where there is nothing to read, the rate would keep nobody from running. */
static void
tour_pause(struct seglog_scrubber *scrubber, uint64_t bytes_before)
{
    const bool is_idle = slg_pace_get_bytes(scrubber->pace) == bytes_before;
    const unsigned pause_s = scrubber->options.pause_s;

    slg_pace_wait(scrubber->pace,
                  (int64_t)(is_idle && pause_s == 0 ? 1 : pause_s) * NS_PER_S);
}

static void *
scrub(void *arg)
{
    struct seglog_scrubber *scrubber = arg;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    slg_scrub_note(scrubber);
    while (code == SEGLOG_OK && !slg_pace_is_stopped(scrubber->pace)) {
        const uint64_t bytes = slg_pace_get_bytes(scrubber->pace);

        code = slg_scrub_tour(scrubber, &err);
        if (code != SEGLOG_OK)
            break;
        tour_note(scrubber);
        if (scrubber->options.once)
            break;
        tour_pause(scrubber, bytes);
    }
    if (code != SEGLOG_OK)
        slg_scrub_place_save(scrubber);
    (void)pthread_mutex_lock(&scrubber->mutex);
    scrubber->state.is_running = false;
    scrubber->state.code = code == SEGLOG_PAUSED ? SEGLOG_OK : code;
    if (scrubber->state.code != SEGLOG_OK)
        scrubber->err = err;
    (void)pthread_cond_broadcast(&scrubber->ended);
    (void)pthread_mutex_unlock(&scrubber->mutex);
    return NULL;
}

/* -- beginning ------------------------------------------------------------- */

/* One at a time; where nothing can be written, nothing is remembered. */
static seglog_code
lock_take(struct seglog_scrubber *scrubber, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (scrubber->paced.options.is_read_only)
        return SEGLOG_OK;
    code =
        seglog_lock_open(scrubber->store, SLG_SCRUB_NAME, &scrubber->lock, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(scrubber->lock, 0, err);
    if (code == SEGLOG_READ_ONLY)
        return SEGLOG_OK;
    scrubber->remembers = code == SEGLOG_OK;
    return code;
}

static void
scrubber_free(struct seglog_scrubber *scrubber)
{
    seglog_lock_close(&scrubber->lock);
    slg_pace_free(scrubber->pace);
    free(scrubber);
}

static seglog_code
thread_start(struct seglog_scrubber *scrubber, struct seglog_error *err)
{
    if (pthread_mutex_init(&scrubber->mutex, NULL) != 0)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a mutex");
    if (slg_pace_cond_init(&scrubber->ended)) {
        if (pthread_create(&scrubber->thread, NULL, scrub, scrubber) == 0)
            return SEGLOG_OK;
        (void)pthread_cond_destroy(&scrubber->ended);
    }
    (void)pthread_mutex_destroy(&scrubber->mutex);
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no thread for the scrubber");
}

static seglog_code
scrubber_start(struct seglog_scrubber *scrubber, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    scrubber->store = scrubber->paced.store;
    code = slg_pace_new(scrubber->store, scrubber->options.bytes_per_s,
                        &scrubber->pace, &scrubber->paced.store, err);
    if (code == SEGLOG_OK)
        code = lock_take(scrubber, err);
    if (code != SEGLOG_OK)
        return code;
    slg_scrub_place_load(scrubber);
    scrubber->saved_ns = slg_now_ns();
    scrubber->state.is_running = true;
    return thread_start(scrubber, err);
}

seglog_code
seglog_scrub_start(struct seglog_streams streams,
                   const struct seglog_scrub_options *options,
                   struct seglog_scrubber **scrubber, struct seglog_error *err)
{
    struct seglog_scrub_options settled;
    struct seglog_scrubber *started = NULL;
    struct slg_streams *own = NULL;
    seglog_code code = SEGLOG_OK;

    if (!scrubber)
        return slg_fail(err, SEGLOG_INVALID, NULL, "scrubber is NULL");
    *scrubber = NULL;
    code = slg_streams_of(streams, &own, err);
    if (code != SEGLOG_OK)
        return code;
    if (!slg_options_copy(&settled, sizeof settled, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the size of the options is not that of a struct of "
                        "this version");
    if (settled.bytes_per_s == 0)
        settled.bytes_per_s = SEGLOG_SCRUB_RATE;
    started = calloc(1, sizeof *started);
    if (!started)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a scrubber");
    started->paced = *own;
    started->options = settled;
    code = scrubber_start(started, err);
    if (code != SEGLOG_OK) {
        scrubber_free(started);
        return code;
    }
    *scrubber = started;
    return SEGLOG_OK;
}

/* -- asking and ending ----------------------------------------------------- */

void
seglog_scrub_get_state(struct seglog_scrubber *scrubber,
                       struct seglog_scrub_state *state)
{
    (void)pthread_mutex_lock(&scrubber->mutex);
    *state = scrubber->state;
    (void)pthread_mutex_unlock(&scrubber->mutex);
    state->bytes = slg_pace_get_bytes(scrubber->pace);
}

seglog_code
seglog_scrub_wait(struct seglog_scrubber *scrubber, int timeout_ms,
                  struct seglog_error *err)
{
    const int64_t deadline = slg_deadline_ns(timeout_ms);
    const struct timespec until = slg_timespec_from_ns(deadline);
    bool is_running = false;

    if (!scrubber)
        return slg_fail(err, SEGLOG_INVALID, NULL, "scrubber is NULL");
    (void)pthread_mutex_lock(&scrubber->mutex);
    while (scrubber->state.is_running && slg_deadline_left_ns(deadline) > 0) {
        if (timeout_ms < 0)
            (void)pthread_cond_wait(&scrubber->ended, &scrubber->mutex);
        else
            (void)pthread_cond_timedwait(&scrubber->ended, &scrubber->mutex,
                                         &until);
    }
    is_running = scrubber->state.is_running;
    (void)pthread_mutex_unlock(&scrubber->mutex);
    return is_running ? slg_fail(err, SEGLOG_END, NULL, "it is still running")
                      : SEGLOG_OK;
}

seglog_code
seglog_scrub_stop(struct seglog_scrubber *scrubber, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!scrubber)
        return SEGLOG_OK;
    slg_pace_stop(scrubber->pace);
    (void)pthread_join(scrubber->thread, NULL);
    code = scrubber->state.code;
    if (code != SEGLOG_OK) {
        if (err)
            *err = scrubber->err;
    } else if (scrubber->save_code != SEGLOG_OK) {
        code = scrubber->save_code;
        if (err)
            *err = scrubber->save_err;
    }
    (void)pthread_cond_destroy(&scrubber->ended);
    (void)pthread_mutex_destroy(&scrubber->mutex);
    scrubber_free(scrubber);
    return code;
}
