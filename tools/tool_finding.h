/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_finding.h - findings and faults of lines, for people and as JSON.
 *
 * Threads  one
 */
#ifndef TOOL_FINDING_H
#define TOOL_FINDING_H

#include <stdint.h>
#include <stdio.h>

#include "seglog/segment.h"

/*
 * What a finding says, without "seglog: " and without the file's name:
 * "record 1041 (line 1041, offset 88213): checksum mismatch; 1 record lost,
 * next good record 1042".
 */
void
tool_finding_text(const struct seglog_finding *finding, char *buf, size_t cap);

/* The same as a message of its own on standard error. */
void
tool_finding_say(const char *shown, const struct seglog_finding *finding);

/* The object of `check --json`, with a line feed. */
void
tool_finding_json(FILE *file, const char *shown,
                  const struct seglog_finding *finding);

/* Why a finding has its cause, in a few words: "checksum mismatch". */
const char *
tool_cause_text(enum seglog_cause cause);

#endif /* TOOL_FINDING_H */
