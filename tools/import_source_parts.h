/* SPDX-License-Identifier: MIT */
/*
 * tools/import_source_parts.h - what the parts of an import of one file share.
 *
 *   import_source.c        where the segment stands, and what is to be done
 *   import_source_file.c   the file: is it what it was, with more behind it?
 *   import_source_lines.c  what is new of it becomes records
 *   import_source_back.c   files and segments compared
 *   import_source_seal.c   segments sealed
 *
 * Threads  a source belongs to one thread
 */
#ifndef IMPORT_SOURCE_PARTS_H
#define IMPORT_SOURCE_PARTS_H

#include <sys/stat.h>
#include <sys/types.h>

#include "tools/import_source.h"

#define IMPORT_BLOCK_BYTES ((size_t)256 * 1024)
/* Buffers up to this size may be had by all workers at once; larger ones by a
 * few, so that all of them together stay below 256 MiB. */
#define IMPORT_SMALL_BYTES ((size_t)1024 * 1024)

struct import_source {
    struct import_job *job;
    struct import_entry *entry;
    struct import_outcome *outcome;
    char *shown; /* the path in messages */
    int fd;
    struct stat stat;
    int64_t opened_ns;
    struct import_account account;
    uint8_t *block;
    bool has_segment;
    bool has_large; /* one of job->large_left */
};

/* Wait for the right to a large buffer, if cap is one.  arg: the source. */
void
import_source_take_large(void *arg, size_t cap);
void
import_source_give_large(struct import_source *source);

/* All of them return false, and fill the outcome. */

/* A code of the store; some of them mean that it will fail for all files. */
bool
import_source_fail(struct import_source *source, seglog_code code);
/* A failure of the file, which says nothing about others. */
bool
import_source_fail_file(struct import_source *source, int sys_errno,
                        const char *what);
bool
import_source_fail_memory(struct import_source *source);

/* False: it cannot be opened, or is no file any more. */
bool
import_source_open(struct import_source *source);

/* Read up to len bytes; fewer only at the end.  -1: failed, with errno. */
ssize_t
import_source_read(int fd, uint64_t at, void *buf, size_t len);

/* The file from `from` to `to` into the account.  is_whole: it was so long. */
bool
import_source_skip(struct import_source *source, uint64_t from, uint64_t to,
                   bool *is_whole);

/*
 * Does the file begin with what is stored?  If so the account stands behind
 * it, ready to go on; what is_prefix says is only true without a stop.
 */
bool
import_source_compare(struct import_source *source, bool *is_prefix);

/* Keep what it takes to compare quicker the next time. */
void
import_source_note_live(struct import_source *source);

/* Add what is behind the account, up to the size the file had. */
bool
import_source_append(struct import_source *source);

/* Seal the segment, unless it is or would only grow by it. */
bool
import_source_seal(struct import_source *source);

#endif /* IMPORT_SOURCE_PARTS_H */
