/* SPDX-License-Identifier: MIT */
/* src/segment/segment_verdict.h - which verdict speaks for a whole segment. */
#ifndef SLG_SEGMENT_VERDICT_H
#define SLG_SEGMENT_VERDICT_H

#include "seglog/segment.h"

/* SPEC.md 10.5: IO, CORRUPT, FOREIGN, UNORDERED, TORN, OK. */
bool
slg_verdict_is_worse(enum seglog_verdict a, enum seglog_verdict than);

/*
 * A finding as an error: code CORRUPT (or IO), record, line, offset, and a
 * sentence that says what was lost and what to do.
 */
seglog_code
slg_verdict_fail(const struct seglog_finding *finding, const char *name,
                 struct seglog_error *err);

#endif /* SLG_SEGMENT_VERDICT_H */
