/* SPDX-License-Identifier: MIT */
/*
 * tests/kill/kill_store.h - a store in which a process dies at a named point.
 *
 * Every call of the store inside has a point before it and one after it, and
 * an append one half way: the first half of the bytes is in the file then.
 * Where a plan says so the process is gone by SIGKILL, with nothing flushed,
 * unlocked or taken back.
 *
 * The plan lies in memory shared with whoever counts: it outlives the dead.
 */
#ifndef KILL_STORE_H
#define KILL_STORE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/store.h"
#include "seglog/testing/fault_store.h"

enum kill_way {
    KILL_BEFORE,
    KILL_HALF,
    KILL_AFTER,
    KILL_WAYS
};

#define KILL_POINTS ((unsigned)SEGLOG_FAULT_OPS * KILL_WAYS)

struct kill_plan {
    _Atomic unsigned point; /* KILL_POINTS: at none */
    _Atomic uint64_t at;    /* the at-th time it is passed, from 1 */
    _Atomic uint64_t passed[KILL_POINTS];
    _Atomic uint64_t fired[KILL_POINTS];
};

/* Around a store that stays the caller's.  Closing it closes that one, too. */
struct seglog_store
kill_store_open(struct seglog_store inner, struct kill_plan *plan);

/* "append half".  Returns buf. */
const char *
kill_point_name(unsigned point, char *buf, size_t cap);

/* Half of anything but an append is no point. */
bool
kill_point_exists(unsigned point);

#endif /* KILL_STORE_H */
