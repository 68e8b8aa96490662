/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_seal.h - the parts of sealing (SPEC.md 15).
 *
 *   segment_seal.c         locks, attempts, the replace
 *   segment_seal_start.c   what stands before the records
 *   segment_seal_block.c   records into blocks
 *   segment_seal_jobs.c    several of them at once
 *   segment_seal_build.c   frames into the new segment
 *   segment_seal_chain.c   those of the chain, and what is dropped
 *   segment_seal_parent.c  what of it the parent has as well
 *   segment_seal_verify.c  reading it back
 *   segment_seal_info.c    what the end of a sealed segment says
 *   segment_seal_merge.c   several segments into one
 *
 * Layer  segment.
 */
#ifndef SLG_SEGMENT_SEAL_H
#define SLG_SEGMENT_SEAL_H

#include "format/footer.h"
#include "seglog/seal.h"
#include "src/checksum/digest.h"
#include "src/columns/columns.h"
#include "src/segment/segment_block.h"
#include "src/segment/segment_chain.h"
#include "src/segment/segment_walk.h"

/* A run of bytes that grows. */
struct slg_bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

seglog_code
slg_bytes_reserve(struct slg_bytes *bytes, size_t more,
                  struct seglog_error *err);

/* Digest of all records in their order (SPEC.md 15.3). */
struct slg_content {
    struct slg_long_digest *state; /* NULL before begin */
    uint64_t records;
    uint64_t lost;
};

seglog_code
slg_content_begin(struct slg_content *content, struct seglog_error *err);
void
slg_content_reset(struct slg_content *content);
/* attribute as in an entry of a group. */
void
slg_content_add(struct slg_content *content, unsigned attribute,
                const uint8_t *data, size_t len);
void
slg_content_add_gap(struct slg_content *content, uint64_t count,
                    uint64_t lines);

/* Frames in front of the records, which are kept.  It is large. */
struct slg_prelude {
    struct slg_walk walk;
    struct slg_step step;
    bool has_predecessor;
    struct slg_predecessor predecessor;
    bool has_attributes;
    uint8_t attributes[SLG_ATTRIBUTES_MAX];
    size_t attributes_len;
    uint64_t line;
    bool has_head; /* the first chain head */
    struct slg_chain_head head;
};

/* The caller resets prelude->walk, whatever this returns. */
seglog_code
slg_prelude_read(struct slg_prelude *prelude, struct seglog_store store,
                 struct seglog_blob blob, const char *name,
                 struct seglog_error *err);

/* The parent, as blocks are compared with it. */
struct slg_kin;

/*
 * Look through the parent of child.  kin is to be closed, whatever this
 * returns.  INVALID: it is not sealed, or its parents are too many.
 */
seglog_code
slg_kin_open(struct slg_kin **kin, struct seglog_store store, const char *name,
             const char *child, size_t memory_max, struct seglog_error *err);
void
slg_kin_close(struct slg_kin *kin);
const uint8_t *
slg_kin_digest(const struct slg_kin *kin);

/* The records of the parent that these have most in common with, at most max
 * bytes of them; empty: none.  Valid until the next call. */
seglog_code
slg_kin_find(struct slg_kin *kin, const struct slg_columns_record *records,
             size_t count, uint64_t plain_len, uint64_t max,
             struct slg_block_prefix *prefix, struct seglog_error *err);

/* The records of the block to come. */
struct slg_pending {
    struct slg_bytes text; /* records[i].bytes is not set before encoding */
    struct slg_columns_record *records;
    size_t count, cap;
    uint64_t plain; /* length of the entries */
    struct slg_footer_row row;
    uint64_t digest;               /* of the stretch (SPEC.md 6.1) */
    struct seglog_chain_hash head; /* chained: behind the last record */
};

/* All records are there: their places, times and digest. */
void
slg_pending_measure(struct slg_pending *pending);

/* A block on its way: filled, encoded, taken. */
struct slg_job {
    struct slg_pending pending;
    int level;
    size_t memory_max;
    struct slg_bytes prefix_bytes;
    struct slg_block_prefix prefix; /* in prefix_bytes */
    bool is_done;                   /* what follows is there */
    seglog_code code;
    uint8_t *body; /* on OK */
    size_t len;
};

/* Threads of a call at most. */
#define SLG_SEAL_THREADS_MAX 64u

/* Blocks being encoded, by other threads while the caller goes on. */
struct slg_jobs;

/* threads: that encode; up to 1: only the caller's. */
seglog_code
slg_jobs_open(struct slg_jobs **jobs, unsigned threads,
              struct seglog_error *err);
/* No thread is left; what was not taken is dropped.  May be NULL. */
void
slg_jobs_close(struct slg_jobs *jobs);
bool
slg_jobs_are_threaded(const struct slg_jobs *jobs);
/* The one to fill.  NULL: there is no room until the oldest is taken. */
struct slg_job *
slg_jobs_filling(struct slg_jobs *jobs);
/* It is filled.  is_more: others will follow, so threads pay. */
void
slg_jobs_submit(struct slg_jobs *jobs, bool is_more);
/* The oldest that was submitted, when it is encoded, which is waited for if
 * is_wanted.  NULL: there is none, or it is not. */
struct slg_job *
slg_jobs_oldest(struct slg_jobs *jobs, bool is_wanted);
/* Done with the oldest. */
void
slg_jobs_take(struct slg_jobs *jobs);

/* The new segment while it is written. */
struct slg_build {
    struct seglog_blob blob;
    const char *name; /* of that blob */
    struct slg_header header;
    struct slg_frame_limits limits;
    uint64_t new_epoch;
    uint64_t epoch; /* that of the header up to the first sync point */
    uint32_t salt;
    uint64_t end; /* of what is written */
    uint64_t number;
    uint64_t line;
    uint64_t sync_offset;
    uint64_t digest; /* of the stretch */
    bool is_after_sync;
    int level;
    size_t block_bytes;
    size_t memory_max;
    struct slg_kin *kin; /* NULL: no parent */
    const char *parent;  /* its name */
    unsigned threads;
    struct slg_jobs *jobs;
    struct slg_bytes rows; /* of the footer's table */
    struct slg_footer_table table;
    struct slg_footer footer;
    struct slg_content content;
    bool is_chained;
    struct slg_chain chain;        /* at what was added */
    struct seglog_chain_hash head; /* at what is written */
    bool is_after_head;
    /* Records to be told of as dropped, before anything else is added. */
    uint64_t dropped_count;
};

/*
 * Begin the new segment: the header, and a sync point where that does not say
 * it all.  blob, name, header, new_epoch, line, level, block_bytes, memory_max,
 * threads and kin are set; and for a chained one slg_build_begin_chain was
 * called.
 */
seglog_code
slg_build_begin(struct slg_build *build, struct seglog_error *err);
void
slg_build_reset(struct slg_build *build);

/*
 * Begin it in a new blob, with the frames of the prelude; an earlier blob of
 * that name gives way.  name, kin and parent are set, and header to the old
 * one with what becomes of its features; options are settled.
 *   epoch  the newest of the old segment
 */
seglog_code
slg_build_start(struct slg_build *build, struct seglog_store store,
                const struct seglog_seal_options *options,
                const struct slg_prelude *prelude, uint64_t epoch,
                struct seglog_error *err);

/* Predecessor, attributes and (where there is a parent) reference, before the
 * first record. */
seglog_code
slg_build_put_predecessor(struct slg_build *build,
                          const struct slg_predecessor *predecessor,
                          struct seglog_error *err);
seglog_code
slg_build_put_attributes(struct slg_build *build, const void *data, size_t len,
                         struct seglog_error *err);

seglog_code
slg_build_put_reference(struct slg_build *build, struct seglog_error *err);

/* The new segment is chained, from this head on. */
seglog_code
slg_build_begin_chain(struct slg_build *build,
                      const struct slg_chain_head *first,
                      struct seglog_error *err);

/* What is read from the old segment, in its order. */
seglog_code
slg_build_add(struct slg_build *build, const struct seglog_event *event,
              struct seglog_error *err);
/*
 * A frame without records (SLG_EVENT_CONTROL): heads of the chain are compared
 * with what was added, tombstones and signatures are kept.
 *   CORRUPT  the records do not lead to a head that stands there
 */
seglog_code
slg_build_add_control(struct slg_build *build, const struct slg_step *step,
                      struct seglog_error *err);
/* A record whose payload goes: only its hash stays (SPEC.md 16.5). */
seglog_code
slg_build_drop(struct slg_build *build, const struct seglog_record *record,
               struct seglog_error *err);
/* Sign the head of what was added so far. */
seglog_code
slg_build_put_signature(struct slg_build *build,
                        const struct slg_signature *signature,
                        struct seglog_error *err);
/* Write the blocks that are full. */
seglog_code
slg_build_settle(struct slg_build *build, struct seglog_error *err);
/* Write what is pending. */
seglog_code
slg_build_flush(struct slg_build *build, struct seglog_error *err);
/* The last block, footer and closing mark.  Not synced. */
seglog_code
slg_build_finish(struct slg_build *build, struct seglog_error *err);

/* -- shared by the files that build --------------------------------------- */

seglog_code
slg_build_append(struct slg_build *build, const uint8_t *bytes, size_t len,
                 struct seglog_error *err);
/* Before records: those that were dropped are told of, and their hash. */
seglog_code
slg_build_settle_dropped(struct slg_build *build, struct seglog_error *err);
/* The next record follows what is known of the chain: CORRUPT if not. */
seglog_code
slg_build_check_chain(const struct slg_build *build, struct seglog_error *err);
seglog_code
slg_build_put_gap(struct slg_build *build, const struct slg_gap *gap,
                  struct seglog_error *err);
/* Of what is written. */
seglog_code
slg_build_put_head(struct slg_build *build, bool is_anew,
                   struct seglog_error *err);
/* Where other things than a block follow one, they can be read without it. */
seglog_code
slg_build_leave_block(struct slg_build *build, struct seglog_error *err);
/* The first one begins the epoch of sealing. */
seglog_code
slg_build_put_sync_point(struct slg_build *build, struct seglog_error *err);
/* A block or the footer, behind a sync point where it wants one.  body is
 * copied. */
seglog_code
slg_build_put_frame(struct slg_build *build, unsigned kind, const uint8_t *body,
                    size_t len, uint64_t *offset, uint64_t *frame_len,
                    struct seglog_error *err);

/* Defaults, and what is out of range. */
seglog_code
slg_seal_options_settle(struct seglog_seal_options *options,
                        struct seglog_error *err);

/* Reading back what is built. */
struct slg_verify {
    struct slg_walk walk;
    struct slg_step step;
    struct seglog_blob blob;
    struct slg_content content;
    struct slg_chain chain;
    bool is_open;
};

/* Read on to the end of what is written so far. */
seglog_code
slg_verify_advance(struct slg_verify *verify, struct seglog_store store,
                   const char *name, struct seglog_error *err);
/* All is written and read: is it what was to be written? */
seglog_code
slg_verify_finish(struct slg_verify *verify, const struct slg_build *build,
                  struct seglog_error *err);
void
slg_verify_reset(struct slg_verify *verify);

#endif /* SLG_SEGMENT_SEAL_H */
