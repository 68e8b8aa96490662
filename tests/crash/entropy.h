/* SPDX-License-Identifier: MIT */
/* tests/crash/entropy.h - chance and time that follow from a seed. */
#ifndef ENTROPY_H
#define ENTROPY_H

#include <stdbool.h>
#include <stdint.h>

/* The next of a series of numbers that follows from *seed. */
uint64_t
crash_random(uint64_t *seed);

/*
 * From here on what the library takes from the system as chance, identities,
 * epochs, ids and nonces, and what it takes for the time follow from the seed: a
 * program does the same each time it runs.  It must not have threads, for they
 * would take turns at that by chance.  is_bad: nonces are not random at all, as on a machine that was
 * set back to a snapshot again and again.
 */
void
entropy_seed(uint64_t seed, bool is_bad);

/* Another number if anything else was asked for since then. */
uint64_t
entropy_mark(void);

#endif /* ENTROPY_H */
