/* SPDX-License-Identifier: MIT */
/*
 * tests/faults/allocation.h - allocations that fail when told to.
 *
 * Stands in front of malloc and its kin: of the whole process, the libraries
 * that ours is linked with included; under a sanitizer, which stands there
 * itself, of what is linked statically (the linker's --wrap).
 *
 * Counted and failed are only those made while allocation_watch is on.
 */
#ifndef FAULTS_ALLOCATION_H
#define FAULTS_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The at-th from now on fails, and, if sticky, all behind it; 0: none. */
void
allocation_fail(uint64_t at, bool is_sticky);

/* On or off; returns what it was. */
bool
allocation_watch(bool on);

/* Since allocation_fail. */
uint64_t
allocation_count(void);
uint64_t
allocation_hits(void);

/* Blocks that are not freed, whoever made them and whenever. */
int64_t
allocation_live(void);

/* Memory that the above knows nothing of.  Ends the process when there is
 * none. */
void *
kit_resize(void *block, size_t size);
void
kit_free(void *block);

struct allocation_site {
    uintptr_t address; /* to which the call returns */
    uint64_t calls;
    uint64_t failed;
};

/* All that were seen, up to cap; returns how many there are. */
size_t
allocation_sites(struct allocation_site *sites, size_t cap);

#endif /* FAULTS_ALLOCATION_H */
