/* SPDX-License-Identifier: MIT */
/*
 * tests/faults/calls.h - calls of the system that fail when told to.
 *
 * Stands in front of the functions of the C library that ask the system for
 * something about files.  Counted and failed are only those made while
 * calls_watch is on.
 */
#ifndef FAULTS_CALLS_H
#define FAULTS_CALLS_H

#include <stdbool.h>
#include <stdint.h>

enum calls_way {
    CALLS_BEFORE, /* nothing is done */
    CALLS_AFTER,  /* all is done, and reported as failed */
    CALLS_SHORT   /* reads and writes do a part; of others nothing is told */
};

struct calls_plan {
    uint64_t at; /* the at-th from now on; 0: none */
    bool is_sticky;
    enum calls_way way;
    int sys_errno;
};

void
calls_fail(const struct calls_plan *plan);

/* On or off; returns what it was. */
bool
calls_watch(bool on);

/* Since calls_fail. */
uint64_t
calls_count(void);
uint64_t
calls_hits(void);

/* Of the last one that was hit: "pwrite". */
const char *
calls_name(void);

#endif /* FAULTS_CALLS_H */
