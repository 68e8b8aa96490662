/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd.h - the commands of `seglog`.
 *
 * Each takes the command line from its own name on and returns the exit
 * status of the program.
 *
 * Threads  one
 */
#ifndef SEGLOG_CMD_H
#define SEGLOG_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "seglog/segment.h"
#include "seglog/store.h"
#include "tools/tool_common.h"

int
cmd_check(int argc, char **argv);
int
cmd_repair(int argc, char **argv);
int
cmd_stat(int argc, char **argv);
int
cmd_cat(int argc, char **argv);
int
cmd_tail(int argc, char **argv);
int
cmd_damage(int argc, char **argv);

/* ---------------------------------------------------------------------------
 * What commands say in the same words
 */

/* 1 "record", 2 "records". */
const char *
cmd_plural(uint64_t count, const char *one, const char *many);

/* True when standard output is a terminal that may show colours. */
bool
cmd_has_color(void);

/* What the last line of `check --json` says of one file. */
struct cmd_summary {
    const char *verdict;
    uint64_t records; /* good ones */
    uint64_t lost;
    uint64_t bytes;
    uint64_t findings;
    bool is_closed;
    uint64_t first_record;
    uint64_t next_record;
};

struct cmd_summary
cmd_summary_of(const struct seglog_scan_summary *scanned);

/* blob: NULL unless the summary has to say which of several files it is. */
void
cmd_summary_json(const struct cmd_summary *summary, const char *blob);

/* Findings, kept until all of them are known. */
struct cmd_findings {
    struct seglog_finding *items;
    size_t count;
    size_t cap;
};

/* False: out of memory. */
bool
cmd_findings_add(struct cmd_findings *findings,
                 const struct seglog_finding *finding);
void
cmd_findings_free(struct cmd_findings *findings);

/* ---------------------------------------------------------------------------
 * The parts of check
 */

enum check_map {
    CHECK_MAP_AUTO,
    CHECK_MAP_ALWAYS,
    CHECK_MAP_NEVER
};

struct check_options {
    bool is_json;
    bool is_strict;
    bool names_blob; /* several files: a summary says which it is of */
    enum check_map map;
    uint64_t expect; /* 0: nothing is expected */
};

/* The health of a segment, one cell for each stretch of it. */
void
check_map_print(uint64_t bytes, const struct cmd_findings *findings);

/*
 * Check a text file line by line (SPEC.md 11), in little memory however long
 * its lines are.  Returns TOOL_OK, TOOL_DAMAGED or TOOL_FAILED.
 */
enum tool_status
check_lines(const struct check_options *options, struct seglog_store store,
            const char *name, const char *shown);

#endif /* SEGLOG_CMD_H */
