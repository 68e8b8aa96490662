/* SPDX-License-Identifier: MIT */
/*
 * tests/damage/damage_judge.h - what a damaged segment must look like, what it
 * looks like, and a count of where the two differ.
 */
#ifndef DAMAGE_JUDGE_H
#define DAMAGE_JUDGE_H

#include "tests/damage/damage_sample.h"

#define JUDGE_FINDINGS_MAX 64u

/* One run of a program. */
struct run {
    const char *name; /* of the score */
    bool is_long;
    uint64_t images;
    uint64_t findings;
    uint64_t blind; /* records changed so that no CRC-32 can tell */
    char what[160]; /* the damage that is looked at */
    const struct sample *sample;
    char note[2048];
};

/*
 * Of `places` that could be damaged: every so many are, so that without --long
 * they are no more than `most` of each kind.  Odd, so that all bits of a byte
 * have their turn.
 */
size_t
run_step(const struct run *run, size_t places, size_t most);

/* Count a finding, and print it while they are few. */
void __attribute__((format(printf, 2, 3)))
run_finding(struct run *run, const char *format, ...);

void __attribute__((format(printf, 2, 3)))
run_what(struct run *run, const char *format, ...);

/*
 * The main of each program: [--long] [KIND...], all of its kinds by default.
 * Returns the exit status.
 */
int
run_main(int argc, char **argv, const char *name, const char *const *kinds,
         void (*each)(struct run *run, const struct sample *sample));

/* ---------------------------------------------------------------------------
 * What must be
 */

struct expected_gap {
    size_t at;
    size_t end;
    uint64_t first; /* lost records; 0: none */
    uint64_t last;
    uint64_t depends_on;
    bool is_tail; /* nothing valid follows: what is missing is not counted */
};

struct expected {
    struct expected_gap *gaps;
    size_t gap_count;
    uint8_t *is_lost; /* by record number */
    uint64_t lost;
    uint64_t missing_tail;
    bool *is_hit; /* by unit */
};

void
expected_init(struct expected *expected, const struct sample *sample);
void
expected_free(struct expected *expected);

/* Nothing is hit. */
void
expected_reset(struct expected *expected, const struct sample *sample);

/* Bytes [at, end) below are not what they were: their units are hit. */
void
expected_hit(struct expected *expected, const struct sample *sample, size_t at,
             size_t end);

/* From the units that are hit: what is lost, and every gap. */
void
expected_make(struct expected *expected, const struct sample *sample);

/* ---------------------------------------------------------------------------
 * What is
 */

struct looked {
    struct seglog_scan_summary summary;
    struct seglog_finding findings[JUDGE_FINDINGS_MAX];
    size_t finding_count;
    uint8_t *has; /* by record number */
    uint64_t delivered;
    seglog_code code; /* of the scan */
};

void
looked_init(struct looked *looked, const struct sample *sample);
void
looked_free(struct looked *looked);

/*
 * Scan the bytes and read them in salvage mode.  It is a finding if a record
 * comes back that is not what was written under its number, or out of order, or
 * if reader and scan disagree.
 */
void
look(struct run *run, const uint8_t *bytes, size_t len, uint64_t expect,
     struct looked *looked);

/*
 * The same for damage at [at, end) of the segment by a reader alone, which is
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
