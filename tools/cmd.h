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
#include "seglog/session.h"
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
int
cmd_train(int argc, char **argv);
int
cmd_ls(int argc, char **argv);
int
cmd_rm(int argc, char **argv);
int
cmd_import(int argc, char **argv);
int
cmd_export(int argc, char **argv);
int
cmd_seal(int argc, char **argv);
int
cmd_rekey(int argc, char **argv);
int
cmd_head(int argc, char **argv);
int
cmd_verify(int argc, char **argv);
int
cmd_append(int argc, char **argv);
int
cmd_tombstone(int argc, char **argv);
int
cmd_compact(int argc, char **argv);
int
cmd_trim(int argc, char **argv);
int
cmd_scrub(int argc, char **argv);
int
cmd_mend(int argc, char **argv);
int
cmd_backup(int argc, char **argv);
int
cmd_restore(int argc, char **argv);
int
cmd_kv(int argc, char **argv);
int
cmd_events(int argc, char **argv);
int
cmd_meta(int argc, char **argv);

/* ---------------------------------------------------------------------------
 * What commands say in the same words
 */

/* 1 "record", 2 "records". */
const char *
cmd_plural(uint64_t count, const char *one, const char *many);

/* The worse of two: what could not be done outweighs damage. */
enum tool_status
cmd_status_worse(enum tool_status a, enum tool_status b);

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
    bool is_derived;  /* damage in it changes no answer */
    const char *note; /* NULL: none */
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

/* What a file is in a session store.  Zeroed: it is in none. */
struct check_role {
    bool is_derived; /* it is made anew by itself */
    bool is_damaged; /* set by check_file */
    bool is_lane;
    enum seglog_lane lane;
    struct seglog_uuid session;
    struct seglog_uuid segment;
};

struct check_role
check_role_of(const char *name);

#define CHECK_NOTE_CAP 192

/* Say so in note, if a segment's attributes name another session, segment or
 * lane than the name of its blob; else note becomes empty. */
void
check_birth(const struct check_role *role, struct seglog_store store,
            const char *name, char note[CHECK_NOTE_CAP]);

/* role: zeroed, unless path is a file of a session store. */
enum tool_status
check_file(const struct check_options *options, const char *path,
           struct check_role *role);

/* Everything in a folder that looks like a log. */
enum tool_status
check_folder(const struct check_options *options, char *path);

/* In a folder only what looks like a log is checked: a segment by its first
 * bytes or its name, lines by the name alone. */
bool
check_is_log(const char *path);

bool
check_is_to_stop(const struct check_options *options, enum tool_status status);

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
