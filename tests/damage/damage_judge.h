/* SPDX-License-Identifier: MIT */
/*
 * tests/damage/damage_judge.h - what a damaged segment must look like, what it
 * looks like, and a count of where the two differ.
 */
#ifndef DAMAGE_JUDGE_H
#define DAMAGE_JUDGE_H

#include "tests/damage/damage_expected.h"
#include "tests/damage/damage_look.h"

/*
 * As look, for damage at [at, end) of the segment, by a reader alone, which is
 * shown what lies around it: two sync points before and two behind.  Whole
 * images are looked at as well now and then, and must say the same.
 */
void
look_near(struct run *run, const uint8_t *bytes, size_t at, size_t end,
          const struct expected *expected);

/* Every lost record named, every gap exactly where it is, all else there. */
void
judge_exactly(struct run *run, const struct looked *looked,
              const struct expected *expected);

/* No record is missing but those that may be; all that are missing are told. */
void
judge_bounds(struct run *run, const struct looked *looked,
             const struct expected *expected);

/* The strict reader stops where the damage is, after all that is before it. */
void
judge_strict(struct run *run, const struct looked *looked);

/* Repair keeps what the scan calls good, tells the rest, and is done then. */
void
judge_repair(struct run *run, const struct looked *looked);

/* Reading from record to record: what a salvaging reader delivers. */
void
judge_cursor(struct run *run, const struct looked *looked, uint64_t from);

/* seg2json and seglog check, as programs.  Nothing where they are not built. */
void
judge_tools(struct run *run, const uint8_t *bytes, size_t len,
            const struct looked *looked);

#endif /* DAMAGE_JUDGE_H */
