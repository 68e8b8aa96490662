/* SPDX-License-Identifier: MIT */
/* tests/crash/entropy.h - chance that follows from a seed. */
#ifndef ENTROPY_H
#define ENTROPY_H

#include <stdbool.h>
#include <stdint.h>

/* The next of a series of numbers that follows from *seed. */
uint64_t
crash_random(uint64_t *seed);

/*
 * From here on what the library takes from the system as chance, identities,
 * epochs, ids and nonces, follows from the seed: a program does the same each
 * time it runs.  is_bad: nonces are not random at all, as on a machine that was
 * set back to a snapshot again and again.
 */
void
entropy_seed(uint64_t seed, bool is_bad);

#endif /* ENTROPY_H */
