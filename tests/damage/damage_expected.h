/* SPDX-License-Identifier: MIT */
/* tests/damage/damage_expected.h - what must be lost of a damaged segment. */
#ifndef DAMAGE_EXPECTED_H
#define DAMAGE_EXPECTED_H

#include "tests/damage/damage_sample.h"

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

#endif /* DAMAGE_EXPECTED_H */
