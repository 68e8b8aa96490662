/* SPDX-License-Identifier: MIT */
/*
 * src/session/notes_block.h - SPEC.md 14.3: what is noted of a run of entries.
 *
 * Layer    session: pure, no I/O, no allocation
 * Threads  any
 */
#ifndef SLG_NOTES_BLOCK_H
#define SLG_NOTES_BLOCK_H

#include "seglog/session.h"

#define SLG_NOTES_RUN       256u
#define SLG_NOTES_BLOCK_MAX 20000u
#define SLG_NOTES_HEAD      75u

/* What a block says of all its entries together. */
struct slg_notes_head {
    uint64_t first; /* number of the first record */
    uint64_t count;
    uint64_t identity; /* XXH3 of the identity of the segment */
    uint64_t last;     /* XXH3 of the payload of its last record, or 0 */
    uint64_t turn_before;
    uint64_t turn_after;
    int64_t ts_min; /* above ts_max: no entry has a time */
    int64_t ts_max;
    uint64_t turn_min; /* of the turn_ends; above turn_max: there is none */
    uint64_t turn_max;
};

/* A run of entries; it is large, so it lives on the heap. */
struct slg_notes_run {
    struct slg_notes_head head;
    struct seglog_entry_note notes[SLG_NOTES_RUN];
    /* Records that are known to be lost have a number and nothing else. */
    bool is_absent[SLG_NOTES_RUN];
};

/* Begin a run without entries. */
void
slg_notes_run_init(struct slg_notes_run *run, uint64_t first,
                   uint64_t turn_before);

/*
 * Add the next entry; record_no and turn are settled here.  There is room for
 * SLG_NOTES_RUN of them.
 *
 *   note  its turn counts where it ends one.  NULL: the record is lost
 */
void
slg_notes_run_add(struct slg_notes_run *run,
                  const struct seglog_entry_note *note);

/* buf holds SLG_NOTES_BLOCK_MAX bytes.  Returns how many were used. */
size_t
slg_notes_run_encode(const struct slg_notes_run *run, uint8_t *buf);

/* False if it is no such block. */
bool
slg_notes_head_decode(const uint8_t *bytes, size_t len,
                      struct slg_notes_head *head);

/* The same for all of it; false also where head and entries disagree. */
bool
slg_notes_run_decode(const uint8_t *bytes, size_t len,
                     struct slg_notes_run *run);

#endif /* SLG_NOTES_BLOCK_H */
