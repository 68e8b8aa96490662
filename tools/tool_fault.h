/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_fault.h - lines that are not what they should be, as messages.
 *
 * Threads  one
 */
#ifndef TOOL_FAULT_H
#define TOOL_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/json_diagnose.h"

struct tool_fault {
    uint64_t line_no; /* from 1 */
    uint64_t line_at; /* where the line starts, bytes from 0 */
    uint64_t pos;     /* in the line, bytes from 0 */
    const char *reason;
};

struct tool_faults {
    const char *shown;   /* the file */
    const char *outcome; /* behind each reason: "stored as it is"; or NULL */
    bool is_json;
    uint64_t count;
};

/* Messages in words stop after this many. */
#define TOOL_FAULTS_SHOWN 10

/*
 * Say it on standard error: "seglog: FILE: line 7 (byte 12): REASON; OUTCOME",
 * bytes counted from 1, or as a JSON object.
 */
void
tool_faults_add(struct tool_faults *faults, const struct tool_fault *fault);

/* Say how many there were beyond those shown. */
void
tool_faults_end(const struct tool_faults *faults);

/* What happened to a line, in a few words: "2 values on one line". */
void
tool_damage_words(const struct seglog_json_diagnosis *diagnosis,
                  enum seglog_json_fault fault, bool has_lf, char *buf,
                  size_t cap);

#endif /* TOOL_FAULT_H */
