/* SPDX-License-Identifier: MIT */
/*
 * state.h - the work that bench_canonical and its peers do alike: a value is
 * put under one of "keys" keys, in an order that looks random.
 */
#ifndef SEGLOG_BENCH_STATE_H
#define SEGLOG_BENCH_STATE_H

#include <stddef.h>
#include <stdint.h>

#define STATE_KEY_CAP 32

/* The same as printf would, which took longer than a get. */
void
state_key(uint64_t i, char key[STATE_KEY_CAP]);

/* Run count threads, each with one of the args, which have size bytes each. */
void
state_threads(uint64_t count, void (*run)(void *arg), void *args, size_t size);

#endif /* SEGLOG_BENCH_STATE_H */
