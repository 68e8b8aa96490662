/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_export.h - the parts of `seglog export`.
 *
 *   cmd_export.c          what is to be written, and in which order
 *   cmd_export_segment.c  segments become files, imported or not
 *   cmd_export_tree.c     folders, files and links below one folder
 *   cmd_export_lines.c    the lines of one segment, as they are
 *   cmd_export_mend.c     the same, with broken lines mended
 *
 * Threads  one
 */
#ifndef CMD_EXPORT_H
#define CMD_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/import_catalog.h"
#include "tools/import_chain.h"
#include "tools/tool_stream.h"

struct export_run_options {
    const char *store; /* NULL: the default one */
    const char *dir;
    bool is_forced;
    bool is_mended;
    bool has_versions;
    bool has_deleted;
    bool is_json;
};

struct export_totals {
    uint64_t files;
    uint64_t folders;
    uint64_t links;
    uint64_t failed;
    uint64_t damaged; /* files of which something is lost */
    uint64_t deleted; /* left out */
    uint64_t older;   /* left out */
    uint64_t bad_lines;
    uint64_t mended_lines;
    uint64_t values; /* from bad lines */
};

struct export_run {
    const struct export_run_options *options;
    struct seglog_session_store *sessions;
    struct import_catalog catalog;
    char **prefixes; /* of each root's files; empty: directly in DIR */
    int fd;          /* DIR */
    bool is_full;    /* there is no space for more */
    struct export_totals totals;
    struct tool_progress progress;
};

/* A file that is being written. */
struct export_file {
    struct export_run *run;
    const char *path;  /* below DIR */
    const char *shown; /* DIR/PATH */
    int fd;
    struct tool_target target;
    struct tool_output output;
};

/* -- segment --------------------------------------------------------------- */

/* What a source holds, or held once, as the file `path`.  False: it was said.
 * state NULL: mode and times are the usual ones */
bool
export_source(struct export_run *run, const struct seglog_uuid *session,
              const struct seglog_uuid *segment, const char *path,
              const struct import_state *state);

/* All segments that belong to none of these entries. */
bool
export_sessions(struct export_run *run, struct import_entry *const *entries,
                size_t count);

/* -- tree ------------------------------------------------------------------ */

/* Say what went wrong with a path, and count it.  Returns false. */
bool
export_fail(struct export_run *run, const char *shown, int sys_errno,
            const char *what);

/* A folder, with those it is in; one that is there is fine. */
bool
export_make_dir(struct export_run *run, const char *path);

/* Its mode and times, when everything in it is done. */
void
export_finish_dir(struct export_run *run, const char *path,
                  const struct import_state *state);

bool
export_make_link(struct export_run *run, const char *path,
                 const struct import_state *state);

/* Begin a new file.  False: it has been said and counted. */
bool
export_file_open(struct export_run *run, const char *path, const char *shown,
                 struct export_file *file);

/* is_whole false: drop nothing, but do not call it done.  state NULL: mode and
 * times are the usual ones. */
bool
export_file_close(struct export_file *file, bool is_whole,
                  const struct import_state *state);

/* The output of a file has failed: say so.  Returns false. */
bool
export_file_fail(struct export_file *file);

/* -- lines, mend ----------------------------------------------------------- */

/* Returns false when nothing more can be written; it has been said. */
bool
export_lines_plain(struct export_file *file, struct import_reader *reader);

/* The reader is at the first record. */
bool
export_lines_mended(struct export_file *file, struct import_reader *reader);

#endif /* CMD_EXPORT_H */
