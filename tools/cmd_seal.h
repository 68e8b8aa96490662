/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_seal.h - the parts of `seglog seal`.
 *
 *   cmd_seal.c        the command, and files
 *   cmd_seal_store.c  the segments of a session store
 *   cmd_seal_streams.c  those of streams
 *
 * Threads  one
 */
#ifndef CMD_SEAL_H
#define CMD_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/seal.h"
#include "seglog/session.h"
#include "tools/tool_common.h"
#include "tools/tool_store.h"

struct seal_run {
    uint64_t level; /* 0: the default */
    size_t block;
    size_t memory;
    uint64_t threads; /* 0: the library chooses */
    bool has_all;     /* also what is still appended to */
    bool has_traces;  /* debug events too */
    bool no_parent;
    bool is_json;
    const char *sign; /* file of a key, or NULL */
    /* What has become of them. */
    uint64_t sealed;
    uint64_t already;
    uint64_t left;  /* without --all */
    uint64_t small; /* too small to gain by it */
    uint64_t failed;
    uint64_t bytes_before;
    uint64_t bytes_after;
    enum tool_status status; /* the worst so far */
};

/* One segment, or a lane of one. */
struct seal_target {
    struct seglog_store store;
    const char *name;  /* of its blob */
    const char *shown; /* for messages */
    /* In a session store; else NULL. */
    const struct seglog_uuid *session;
    const struct seglog_uuid *segment;
};

/* A target has been sealed, or not: say so and count it. */
void
seal_tell(struct seal_run *run, const struct seal_target *target,
          const struct seglog_seal_result *result, seglog_code code,
          const struct seglog_error *err);

/* A signal has asked for the end: what is being sealed stays as it is. */
bool
seal_is_stopped(void);

/* The segments that a path stands for, of which the place is not FILE. */
enum tool_status
seal_store(struct seal_run *run, const struct tool_store_path *path);

/* The completed segments of the stream that a path names, or of all streams of
 * a store. */
enum tool_status
seal_streams(struct seal_run *run, const char *path, bool is_store);

#endif /* CMD_SEAL_H */
