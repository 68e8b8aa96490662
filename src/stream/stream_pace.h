/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_pace.h - a byte store that is read at a bounded rate.
 *
 * Reading only.  What is read is read in steps, and after a step so much time
 * passes as it may take: over any second there are no more bytes than that
 * second's, and one step besides.
 *
 * Threads  one reads; any may stop it, or ask
 * Layer    stream
 */
#ifndef SLG_STREAM_PACE_H
#define SLG_STREAM_PACE_H

#include <pthread.h>

#include "seglog/store.h"

#define SLG_PACE_STEP ((size_t)256 << 10)

struct slg_pace;

/* paced is over store, and goes with pace. */
seglog_code
slg_pace_new(struct seglog_store store, uint64_t bytes_per_s,
             struct slg_pace **pace, struct seglog_store *paced,
             struct seglog_error *err);

/* Accepts NULL. */
void
slg_pace_free(struct slg_pace *pace);

/* Whatever is being read, or waited for, ends, and all that comes is PAUSED. */
void
slg_pace_stop(struct slg_pace *pace);

bool
slg_pace_is_stopped(struct slg_pace *pace);

/* For so long, or until it is stopped. */
void
slg_pace_wait(struct slg_pace *pace, int64_t ns);

uint64_t
slg_pace_get_bytes(struct slg_pace *pace);

/* By the clock that slg_now_ns tells.  False: it cannot be. */
bool
slg_pace_cond_init(pthread_cond_t *cond);

#endif /* SLG_STREAM_PACE_H */
