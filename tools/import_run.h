/* SPDX-License-Identifier: MIT */
/*
 * tools/import_run.h - one call of `seglog import`.
 *
 *   run     what is to be imported, and the order of writes
 *   scan    folders are walked
 *   report  what is said, in words and as JSON
 *   verify  what is safe to delete
 *   follow  a folder that lives
 *
 * Threads  one, and the workers it starts; what they share has a mutex
 */
#ifndef IMPORT_RUN_H
#define IMPORT_RUN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/import_source.h"
#include "tools/tool_codec.h"
#include "tools/tool_common.h"

struct import_options {
    char **paths;
    const char *into;
    uint64_t jobs; /* 0: as many as there are processors */
    bool has_all;
    bool is_following;
    bool is_verifying;
    bool has_nul; /* between the paths of verify */
    bool is_json;
    bool is_sealing;         /* codec.level is that of sealing */
    struct tool_codec codec; /* of new segments */
};

/* One operand: a folder below a root, or a file in it. */
struct import_target {
    size_t root;
    char *path; /* below the root; empty: the root itself */
    bool is_file;
    const char *shown;
};

struct import_totals {
    uint64_t sources;
    uint64_t unchanged;
    uint64_t touched;
    uint64_t added;
    uint64_t grown;
    uint64_t replaced;
    uint64_t renamed;
    uint64_t deleted;
    uint64_t failed;
    uint64_t folders;
    uint64_t links;
    uint64_t other_files; /* left out: no .jsonl, no --all */
    uint64_t special;
    uint64_t lines;
    uint64_t bytes;
    uint64_t bad_lines;
    uint64_t sealed;
    uint64_t sealed_before; /* bytes */
    uint64_t sealed_after;
};

/* Entries that something is to be done with. */
struct import_list {
    struct import_entry **items;
    size_t count;
    size_t cap;
};

struct import_run {
    const struct import_options *options;
    struct seglog_session_store *sessions;
    struct import_catalog catalog;
    struct import_job job;
    struct import_target *targets;
    size_t target_count;
    dev_t store_dev; /* of the store's folder, which is never imported */
    ino_t store_ino;
    struct import_totals totals;
    struct import_list work;  /* files to be looked at */
    struct import_list dirty; /* states to be written */
    uint64_t work_bytes;
    struct tool_progress progress;
    pthread_mutex_t mutex; /* of totals, dirty, progress and messages */
    bool is_store_lost;    /* the store fails: nothing more can be done */
    struct seglog_error store_err;
};

/* False: out of memory. */
bool
import_list_add(struct import_list *list, struct import_entry *entry);

/* Everything that cmd_import has parsed.  Returns the exit status. */
enum tool_status
import_run_all(const struct import_options *options);

/*
 * Look at the files of run->work, with all workers, and write their states.
 *   is_synced  the states survive a power failure when this returns
 * False: the store has failed, and it has been said.
 */
bool
import_run_work(struct import_run *run, bool is_synced);

/* The signal that asked for the end; 0: none did. */
int
import_run_signal(void);

/* Readable once a signal has come. */
int
import_run_stop_fd(void);

/* -- scan ----------------------------------------------------------------- */

/*
 * Walk a folder below a root, or look at one file: entries that are there
 * become SEEN, changed folders and links dirty, files are put on run->work.
 * What is not there any more is left as it was.
 *
 *   on_folder  called for each folder before it is read, so that a watch can
 *              be put on it; may be NULL
 * False: out of memory, and it has been said.  A folder that cannot be read is
 * reported and counted as failed.
 */
bool
import_scan_path(struct import_run *run, size_t root, const char *path,
                 bool (*on_folder)(void *arg, size_t root, const char *path,
                                   int fd),
                 void *arg);

/* What stat says of a folder or link is its state from now on. */
bool
import_scan_folder(struct import_run *run, struct import_entry *entry,
                   const struct stat *stat);

/* -- report --------------------------------------------------------------- */

/* A line is bad.  For import_job; arg is the run.  Any thread. */
void
import_report_fault(void *arg, const struct import_entry *entry,
                    const struct seglog_json_broken *line, uint64_t line_no,
                    uint64_t line_at);

/* What has become of a source.  Under the run's mutex. */
void
import_report_outcome(struct import_run *run, const struct import_entry *entry,
                      const struct import_outcome *outcome);

/* A source was given another path, or marked as deleted. */
void
import_report_event(struct import_run *run, const struct import_entry *entry,
                    const char *event, const char *old_path);

/* Something failed that is no source's content. */
void
import_report_failure(struct import_run *run, size_t root, const char *path,
                      int sys_errno, const char *what);

void
import_report_summary(const struct import_run *run);

/* -- verify, follow ------------------------------------------------------- */

enum tool_status
import_verify(struct import_run *run);

enum tool_status
import_follow(struct import_run *run);

#endif /* IMPORT_RUN_H */
