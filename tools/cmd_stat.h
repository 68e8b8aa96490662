/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_stat.h - the parts of `seglog stat`.
 *
 *   cmd_stat.c        one segment
 *   cmd_stat_store.c  a session store, by sessions and in total
 *   cmd_stat_costs.c  where the bytes of segments are
 *   cmd_stat_sealed.c where those of a sealed one are, by paths and forms
 *
 * Threads  one
 */
#ifndef SEGLOG_CMD_STAT_H
#define SEGLOG_CMD_STAT_H

#include <stdbool.h>
#include <stdint.h>

#include "seglog/seal.h"
#include "seglog/segment.h"
#include "tools/tool_common.h"

struct stat_options {
    bool is_json;
    bool has_sessions; /* of a store: each of its sessions as well */
};

/* Totals over the session store in a folder. */
enum tool_status
stat_store(const char *dir, const char *shown,
           const struct stat_options *options);

/*
 * Where the bytes of a segment, or of several, are.  What is in none of the
 * parts is damaged, or the torn tail.
 */
struct stat_costs {
    uint64_t bytes;
    uint64_t header;
    uint64_t heads;   /* heads, lengths and checksums of records, and what
                       * groups that are not compressed have inside */
    uint64_t marks;   /* sync points and closing marks */
    uint64_t control; /* attributes, recorded gaps and the like */
    uint64_t bodies;  /* records as they are stored */
    uint64_t payload; /* records as they were appended */
};

/* A seglog_scan_options.on_frame; arg: the costs. */
bool
stat_costs_frame(void *arg, const struct seglog_frame *frame);

/* Once, behind the scan. */
void
stat_costs_end(struct stat_costs *costs,
               const struct seglog_scan_summary *scanned);

void
stat_costs_add(struct stat_costs *costs, const struct stat_costs *more);

/* Header, heads, marks and control frames. */
uint64_t
stat_costs_framing(const struct stat_costs *costs);

/* Members of an object that is open: ,"header_bytes":54,... */
void
stat_costs_json(const struct stat_costs *costs);

/* Lines behind the one that says what framing costs. */
void
stat_costs_text(const struct stat_costs *costs);

/* What only a sealed segment has.  Zeroed: it is none. */
struct stat_sealed {
    struct seglog_seal_info info;
    struct seglog_cost *costs; /* their paths are copies */
    size_t cost_count;
    bool is_out_of_memory;
};

seglog_code
stat_sealed_read(struct seglog_store store, const char *name,
                 struct stat_sealed *sealed, struct seglog_error *err);
/* Accepts a zeroed struct. */
void
stat_sealed_free(struct stat_sealed *sealed);

/* A member of an object that is open, or nothing. */
void
stat_sealed_json(const struct stat_sealed *sealed);
/* Lines, or none; sorts the costs. */
void
stat_sealed_text(struct stat_sealed *sealed);

/* a / b, and 0 where b is. */
double
stat_quotient(uint64_t a, uint64_t b);

#endif /* SEGLOG_CMD_STAT_H */
