/* SPDX-License-Identifier: MIT */
/*
 * src/store/deadline.h - points in time.
 *
 * Waits go by the monotonic clock; one that is interrupted goes on with what is
 * left, not from the start.
 */
#ifndef SLG_STORE_DEADLINE_H
#define SLG_STORE_DEADLINE_H

#include <stdint.h>
#include <time.h>

/* How often a wait looks where nothing can wake it. */
#define SLG_POLL_MS 50

/* For ever. */
#define SLG_NO_DEADLINE INT64_MAX

int64_t
slg_now_ns(void);

/* The same as of the last tick, some milliseconds ago at most: a third of the
 * cost. */
int64_t
slg_now_coarse_ns(void);

/* Since 1970-01-01 UTC, for time stamps: it may be set.  0 if there is none. */
int64_t
slg_wall_clock_ns(void);

/* A negative timeout_ms is SLG_NO_DEADLINE. */
int64_t
slg_deadline_ns(int timeout_ms);

/* Nanoseconds left, 0 when it has passed, SLG_NO_DEADLINE for ever. */
int64_t
slg_deadline_left_ns(int64_t deadline_ns);

/* The same in milliseconds, rounded up, and at most max_ms. */
int
slg_deadline_left_ms(int64_t deadline_ns, int max_ms);

struct timespec
slg_timespec_from_ns(int64_t ns);

#endif /* SLG_STORE_DEADLINE_H */
