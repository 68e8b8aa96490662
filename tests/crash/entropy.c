/* SPDX-License-Identifier: MIT */
/* tests/crash/entropy.c - in place of the chance of the system. */
#define _DEFAULT_SOURCE /* getentropy */

#include "tests/crash/entropy.h"

#include <string.h>
#include <unistd.h>

#include "src/crypt/primitives.h"

static uint64_t entropy;
static bool entropy_is_bad;

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
    slg_crypt_random = random_of_store;
}
