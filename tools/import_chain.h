/* SPDX-License-Identifier: MIT */
/*
 * tools/import_chain.h - the segments that hold one file, one behind the other.
 *
 * A file that grows after its segment was sealed goes on in a segment that
 * continues it.  Which one continues which, and how many records of the one
 * before count, is in their lineage alone: the source's state names the last.
 *
 * Threads  any; a chain belongs to one thread
 */
#ifndef IMPORT_CHAIN_H
#define IMPORT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/session.h"

struct import_link {
    struct seglog_uuid segment;
    uint64_t last_record; /* of it that counts; UINT64_MAX: all */
};

/* All of one session. */
struct import_chain {
    struct seglog_uuid session;
    enum seglog_lane lane;
    struct import_link *links; /* the file's beginning first */
    size_t count;
};

/* The chain that ends in a segment, which need not exist.  Free it in any
 * case. */
seglog_code
import_chain_read(struct seglog_session_store *sessions,
                  const struct seglog_uuid *session,
                  const struct seglog_uuid *segment, struct import_chain *chain,
                  struct seglog_error *err);

/* Accepts a zeroed struct. */
void
import_chain_free(struct import_chain *chain);

/*
 * The segment that continues another behind a record, and is empty: made by an
 * import that ended before it wrote to it.  found false: there is none.
 */
seglog_code
import_chain_find_next(struct seglog_session_store *sessions,
                       const struct seglog_uuid *session,
                       const struct seglog_uuid *segment, uint64_t last_record,
                       struct seglog_uuid *next, bool *found,
                       struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * The records of all of them
 */

struct import_reader {
    struct seglog_session_store *sessions;
    const struct import_chain *chain;
    bool salvages;
    size_t at; /* the link that is being read */
    struct seglog_reader *reader;
};

/* Open the first segment; NOT_FOUND: it is missing.  salvages: as in
 * seglog_reader_options. */
seglog_code
import_reader_open(struct import_reader *reader,
                   struct seglog_session_store *sessions,
                   const struct import_chain *chain, bool salvages,
                   struct seglog_error *err);

/* As seglog_reader_next, over all of them: END behind the last. */
seglog_code
import_reader_next(struct import_reader *reader, struct seglog_event *event,
                   struct seglog_error *err);

/* To the first record again. */
seglog_code
import_reader_rewind(struct import_reader *reader, struct seglog_error *err);

/* Accepts a zeroed struct. */
void
import_reader_close(struct import_reader *reader);

#endif /* IMPORT_CHAIN_H */
