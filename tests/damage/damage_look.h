/* SPDX-License-Identifier: MIT */
/* tests/damage/damage_look.h - what a damaged segment looks like. */
#ifndef DAMAGE_LOOK_H
#define DAMAGE_LOOK_H

#include "tests/damage/damage_run.h"

#define JUDGE_FINDINGS_MAX 64u

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

/* -- parts of a look, for others -------------------------------------------- */

/* It is the record that was written under its number. */
bool
record_is_right(struct run *run, const struct seglog_record *record,
                uint64_t last);

struct seglog_reader *
reader_open(struct run *run, bool salvage, uint64_t from, uint64_t expect,
            seglog_code *code);

void
show(const struct run *run, const uint8_t *bytes, size_t len);

#endif /* DAMAGE_LOOK_H */
