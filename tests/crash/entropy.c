/* SPDX-License-Identifier: MIT */
/* tests/crash/entropy.c - in place of the chance and the time of the system. */
#define _DEFAULT_SOURCE /* getentropy, clock_gettime */

#include "tests/crash/entropy.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/crypt/primitives.h"
#include "src/session/uuid.h"

static uint64_t entropy;
static bool entropy_is_bad;
static uint64_t clock_entropy;
static int64_t clock_ns;

/* splitmix64 */
uint64_t
crash_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

int
getentropy(void *buf, size_t len)
{
    uint8_t *bytes = buf;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)crash_random(&entropy);
    return 0;
}

/*
 * Mostly next to nothing passes between two looks at the clock, but a writer
 * that has not looked at its segment for a millisecond does so again, ids say
 * the millisecond, and programs sleep.
 */
static int64_t
clock_step(void)
{
    const uint64_t how = crash_random(&clock_entropy);
    const uint64_t chance = how >> 8;

    if (how % 16 == 0)
        return (int64_t)(chance % UINT64_C(10000000000));
    if (how % 16 < 4)
        return (int64_t)(chance % 2000000);
    return (int64_t)(chance % 20000);
}

/*
 * All clocks are one.  Hidden: what the program loads besides, such as the
 * engine of a fuzzer, keeps the real ones.
 */
__attribute__((visibility("hidden"))) int
clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    clock_ns += clock_step();
    now->tv_sec = (time_t)(clock_ns / 1000000000);
    now->tv_nsec = (long)(clock_ns % 1000000000);
    return 0;
}

static bool
random_of_store(uint8_t *bytes, size_t len)
{
    if (entropy_is_bad)
        memset(bytes, 0x5A, len);
    return entropy_is_bad || getentropy(bytes, len) == 0;
}

void
entropy_seed(uint64_t seed, bool is_bad)
{
    entropy = seed ^ UINT64_C(0xE417009F);
    entropy_is_bad = is_bad;
    clock_entropy = seed ^ UINT64_C(0x0C10C4);
    clock_ns = INT64_C(1700000000) * 1000000000;
    slg_uuid_forget();
    slg_crypt_random = random_of_store;
}

uint64_t
entropy_mark(void)
{
    return entropy ^ clock_entropy << 1 ^ (uint64_t)clock_ns;
}
