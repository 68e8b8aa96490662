/* SPDX-License-Identifier: MIT */
/* src/store/deadline.c - points in time. */
#define _GNU_SOURCE /* clock_gettime, CLOCK_MONOTONIC_COARSE */

#include "src/store/deadline.h"

static const int64_t NS_PER_S = 1000000000;
static const int64_t NS_PER_MS = 1000000;

static int64_t
clock_ns(clockid_t clock)
{
    struct timespec now = { 0 };

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t
slg_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t
slg_now_coarse_ns(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
    return clock_ns(CLOCK_MONOTONIC_COARSE);
#else
    return slg_now_ns();
#endif
}

int64_t
slg_wall_clock_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t
slg_deadline_ns(int timeout_ms)
{
    if (timeout_ms < 0)
        return SLG_NO_DEADLINE;
    return slg_now_ns() + timeout_ms * NS_PER_MS;
}

int64_t
slg_deadline_left_ns(int64_t deadline_ns)
{
    int64_t now = 0;

    if (deadline_ns == SLG_NO_DEADLINE)
        return SLG_NO_DEADLINE;
    now = slg_now_ns();
    return deadline_ns > now ? deadline_ns - now : 0;
}

int
slg_deadline_left_ms(int64_t deadline_ns, int max_ms)
{
    const int64_t left_ns = slg_deadline_left_ns(deadline_ns);
    const int64_t left_ms = left_ns / NS_PER_MS + (left_ns % NS_PER_MS != 0);

    return left_ms < max_ms ? (int)left_ms : max_ms;
}

struct timespec
slg_timespec_from_ns(int64_t ns)
{
    return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
                              .tv_nsec = (long)(ns % NS_PER_S) };
}
