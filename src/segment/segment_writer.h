/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_writer.h - the parts of a writer.
 *
 *   segment_writer.c         flush, sync, describe, close
 *   segment_writer_append.c  records, groups, recorded gaps
 *   segment_writer_open.c    options, creating, opening
 *   segment_writer_frames.c  encoding into the buffer, and rebasing it
 *   segment_writer_pack.c    compressing what is buffered
 *   segment_writer_flush.c   the lock, the one write, sync
 *   segment_writer_tail.c    where the segment ends: cutting, damage
 *   segment_writer_truncate.c  cutting records that are wanted no more
 *   segment_writer_hint.c    what writers tell each other in the lock
 *
 * Frames are encoded into the buffer for the place where they will most
 * likely stand.  That is always right for a writer that has the segment to
 * itself.  A shared writer learns under the lock whether it was, and moves the
 * frames to another place if not: for most of them that is one exclusive or.
 * What is buffered is not compressed.  That is done right before it is written,
 * when it is known what stands in front of it.
 *
 * Layer  segment.
 */
#ifndef SLG_SEGMENT_WRITER_H
#define SLG_SEGMENT_WRITER_H

#include "seglog/segment.h"
#include "src/codec/packer.h"
#include "src/segment/segment_tail.h"
#include "src/store/name.h"

/* SPEC.md 1: record and line numbers, that of the next record included. */
#define SLG_NUMBER_MAX ((uint64_t)INT64_MAX)

/* What may come with a frame: a sync point with all that goes with it, and a
 * chain head behind the frame. */
#define SLG_FRAME_ROOM                                                         \
    (SLG_SYNC_POINT_BYTES + SLG_REFERENCE_MAX + 2u * SLG_CHAIN_HEAD_MAX)

/* A place between two frames, and all that the next frame depends on. */
struct slg_point {
    uint64_t end;
    uint64_t number;
    uint64_t line;
    uint64_t sync_offset; /* start of the last sync point; 0: none */
    uint64_t digest;
    uint64_t watermark;
    uint64_t epoch;
    /* Of what was cut here; a new epoch is newer than both.  0: no newer. */
    uint64_t newest_epoch;
    uint32_t salt;
    uint32_t checksum;  /* as in struct seglog_head; of flushed only */
    bool is_after_sync; /* a sync point ends here */
    bool is_closed;     /* a closing mark ends here */
    bool is_cut;     /* bytes behind it were cut: SPEC.md 7.3 is to be done */
    bool wants_sync; /* whatever comes next follows a sync point */
    /* Records before it are missing and may never have been durable: nothing
     * is said to be durable any more (SPEC.md 7.2). */
    bool is_unsure;
    bool is_after_head;             /* a chain head ends here */
    bool wants_head;                /* the one of the sync point is missing */
    bool wants_anew;                /* or that of a recorded gap */
    bool is_chain_known;            /* chained: what follows */
    struct seglog_chain_hash chain; /* the head here */
};

/* Encoded frames that are not in the segment yet. */
struct slg_frames {
    uint8_t *bytes;
    size_t len;
    size_t cap;
    size_t last;      /* where the last frame that is not a mark starts */
    uint64_t records; /* how many they hold */
    uint64_t number;  /* of the first record, as encoded */
    uint32_t salt;
};

struct seglog_writer {
    struct seglog_store store;
    struct seglog_blob blob;
    struct seglog_lock lock; /* zeroed in private mode */
    struct slg_header header;
    struct slg_frame_limits limits;
    struct slg_point flushed; /* where the segment ends */
    struct slg_point planned; /* where it will end with frames */
    struct slg_point base;    /* where frames start */
    struct slg_frames frames;
    struct slg_frames spare; /* what rebasing and packing write into */
    /* NULL: the segment is not compressed.  Its history is right for the place
     * packed_end of packed_epoch (SPEC.md 7.5). */
    struct slg_packer *packer;
    struct slg_dictionary *dictionary; /* NULL: none (SPEC.md 7.6) */
    uint64_t packed_end;
    uint64_t packed_epoch;
    enum seglog_codec codec;
    uint8_t level;
    bool is_chained;
    uint8_t chain; /* enum seglog_chain; 0: none, or not known yet */
    bool is_small; /* memory counts for more than size */
    size_t buffer_bytes;
    size_t buffer_cap_max; /* what may be kept while it is empty */
    uint64_t sync_interval;
    uint64_t durable_from; /* no record stands before this number */
    uint64_t written_at;   /* what the store says; flushed says the same */
    uint64_t synced_end;
    uint64_t torn_bytes;
    uint64_t expect;
    uint64_t boot;            /* hash of the boot id; 0: unknown, no hints */
    int64_t as_left_until_ns; /* shared: no need to look at it */
    enum seglog_writer_mode mode;
    int lock_timeout_ms;
    uint32_t epoch_random;
    bool is_epoch_given;
    bool keeps_torn_tail;
    bool appends_to_damaged;
    bool has_closing_mark;
    bool is_synced;   /* synced_end has a meaning */
    bool is_poisoned; /* for ever */
    bool is_stale;    /* frames were encoded for another place than flushed */
    bool is_held;     /* the lock is kept until release */
    char name[SLG_NAME_CAP];
};

/* Release everything, whatever is buffered. */
seglog_code
slg_writer_free(struct seglog_writer *writer, struct seglog_error *err);

/* What is known when a call of this writer fails. */
struct slg_place
slg_writer_place(const struct seglog_writer *writer);
seglog_code
slg_writer_fail_poisoned(const struct seglog_writer *writer,
                         struct seglog_error *err);

/* Add to an error from below which records it is about. */
seglog_code
slg_writer_explain(const struct seglog_writer *writer, seglog_code code,
                   struct seglog_error *err);
/*
 * For an error after the bytes have reached the segment: whether they stay is
 * unknown.  Not with the code of the store: from an append, IO and NO_SPACE say
 * that nothing was appended.
 */
seglog_code
slg_writer_poison(struct seglog_writer *writer, struct seglog_error *err);

/* -- segment_writer_frames.c ---------------------------------------------- */

/* Room for a frame of frame_len bytes, and what may come with it. */
seglog_code
slg_frames_reserve(struct slg_frames *frames, uint64_t frame_len,
                   struct seglog_error *err);
/* Give back what one large record made of the empty buffers. */
void
slg_writer_trim(struct seglog_writer *writer);

/* What the next frame will need, with a sync point if SPEC.md 7.1 wants one. */
size_t
slg_writer_cost(const struct seglog_writer *writer, uint64_t frame_len,
                uint64_t body_len);

/*
 * Encode at planned: slg_frames_reserve has made the room.  The sync point is
 * put before the frame by these functions themselves.
 */
void
slg_writer_put_record(struct seglog_writer *writer, enum seglog_kind kind,
                      const void *data, size_t len, uint64_t frame_len);
void
slg_writer_put_group(struct seglog_writer *writer,
                     const struct seglog_item *items, size_t count,
                     uint32_t body_len, uint64_t frame_len);
/* len is at most what the limits of the segment allow. */
void
slg_writer_put_attributes(struct seglog_writer *writer, const void *data,
                          size_t len);
void
slg_writer_put_predecessor(struct seglog_writer *writer,
                           const struct slg_predecessor *predecessor);
/* In a chained segment a chain head that begins anew goes with it. */
void
slg_writer_put_gap(struct seglog_writer *writer, const struct slg_gap *gap);
/* Behind a chain head, which is put unless it is there. */
void
slg_writer_put_signed(struct seglog_writer *writer,
                      const struct slg_signature *signature);
void
slg_writer_put_stone(struct seglog_writer *writer,
                     const struct slg_tombstone *tombstone);
void
slg_writer_put_sync_point(struct seglog_writer *writer);
/* What a sync point brings with it; the header of a segment needs its own. */
void
slg_writer_put_reference(struct seglog_writer *writer);
void
slg_writer_put_chain_head(struct seglog_writer *writer);
/* Of a chained segment: behind a sync point and the chain head. */
void
slg_writer_put_closing_mark(struct seglog_writer *writer);

/*
 * Encode the buffered frames anew for flushed, and planned with them.  Failing
 * changes nothing.
 */
seglog_code
slg_writer_rebase(struct seglog_writer *writer, struct seglog_error *err);

/* -- segment_chain_writer.c ------------------------------------------------ */

/* Chained, and the head there is known; or not chained. */
static inline bool
slg_writer_knows_chain(const struct seglog_writer *writer,
                       const struct slg_point *at)
{
    return !writer->is_chained || at->is_chain_known;
}

/*
 * Take the chain over from the end that was found: CORRUPT where its head is
 * not known, FORMAT where it cannot be computed.
 */
seglog_code
slg_writer_settle_chain(struct seglog_writer *writer,
                        const struct slg_tail *tail, struct slg_point *at,
                        struct seglog_error *err);

/* -- shared with segment_writer_pack.c ------------------------------------ */

/* Of what is buffered this depends on the place, and is put where it has to be. */
static inline bool
slg_frame_is_put_anew(const struct slg_frame *frame)
{
    return frame->control == SLG_CONTROL_SYNC_POINT ||
           slg_control_is_companion(frame->control);
}

bool
slg_point_wants_sync_point(const struct seglog_writer *writer,
                           const struct slg_point *at, uint64_t frame_len,
                           uint64_t body_len);
bool
slg_point_is_durable(const struct seglog_writer *writer,
                     const struct slg_point *at);
void
slg_point_pass(struct slg_point *at, size_t frame_len);
void
slg_point_add_frame(const struct seglog_writer *writer, struct slg_point *at,
                    const uint8_t *bytes, const struct slg_frame *frame);
void
slg_frames_put_sync_point(const struct seglog_writer *writer,
                          struct slg_frames *frames, struct slg_point *at);
void
slg_frames_put_chain_head(const struct seglog_writer *writer,
                          struct slg_frames *frames, struct slg_point *at);
/* Copy a frame to the end of `to`, for the place `at` instead of the one with
 * old_mix. */
void
slg_frames_move_one(const struct seglog_writer *writer, struct slg_frames *to,
                    struct slg_point *at, const uint8_t *bytes,
                    const struct slg_frame *frame, uint32_t old_mix);

/* -- segment_writer_pack.c ------------------------------------------------ */

/* Begin with what is known of the segment's end; history NULL: nothing. */
seglog_code
slg_writer_begin_packing(struct seglog_writer *writer,
                         const struct slg_history *history,
                         struct seglog_error *err);
/* It is known what the next body there may refer to. */
bool
slg_writer_can_pack(const struct seglog_writer *writer,
                    const struct slg_point *at);

/* Compress the buffered frames into spare; *end is where they lead. */
seglog_code
slg_writer_pack(struct seglog_writer *writer, struct slg_point *end,
                struct seglog_error *err);
/* Frames were written as they were buffered, and none of them is a record. */
void
slg_writer_pass_controls(struct seglog_writer *writer);

/* Fresh random bytes; false when the system has none. */
bool
slg_writer_random(void *bytes, size_t len);

/* -- segment_writer_flush.c ----------------------------------------------- */

/*
 * Begin and end writing.  In shared mode enter takes the lock and brings
 * flushed up to date; when it fails there is nothing to leave.
 */
seglog_code
slg_writer_enter(struct seglog_writer *writer, struct seglog_error *err);
void
slg_writer_leave(struct seglog_writer *writer);

/* Between the two: write what is buffered, with one append. */
seglog_code
slg_writer_write(struct seglog_writer *writer, struct seglog_error *err);

/* After it: flushed is what was planned, and nothing is buffered. */
void
slg_writer_advance(struct seglog_writer *writer);

/* All three. */
seglog_code
slg_writer_flush(struct seglog_writer *writer, struct seglog_error *err);

/* Sync what is flushed.  Failing poisons the writer. */
seglog_code
slg_writer_sync(struct seglog_writer *writer, struct seglog_error *err);

/* -- segment_writer_tail.c ------------------------------------------------ */

/* Take over the end that was found, cutting a torn tail.  Under the lock. */
seglog_code
slg_writer_settle(struct seglog_writer *writer, const struct slg_tail *tail,
                  struct seglog_error *err);

/* Cut to new_size and sync, keeping the bytes as NAME.torn if wanted. */
seglog_code
slg_writer_cut(struct seglog_writer *writer, uint64_t new_size, uint64_t size,
               struct seglog_error *err);

/* Does the store of the blob know how to truncate? */
bool
slg_blob_can_cut(struct seglog_blob blob);

/* Append [begin, end) of one blob to another. */
seglog_code
slg_blob_copy(struct seglog_blob from, uint64_t begin, uint64_t end,
              struct seglog_blob to, struct seglog_error *err);

/* Shared mode, under the lock: bring flushed up to date. */
seglog_code
slg_writer_refresh(struct seglog_writer *writer, struct seglog_error *err);

/* -- segment_writer_hint.c ------------------------------------------------ */

/* Hash of the boot id, or 0 where there is none. */
uint64_t
slg_boot_hash(void);

/* False when there is no hint that can be trusted. */
bool
slg_hint_load(const struct seglog_writer *writer, struct slg_point *point);
void
slg_hint_save(const struct seglog_writer *writer);
/* Before the segment is changed: should this process die before it saves
 * another one, others are to look at the segment itself. */
void
slg_hint_begin_write(const struct seglog_writer *writer);
bool
slg_hint_is_writing(const struct seglog_writer *writer);

#endif /* SLG_SEGMENT_WRITER_H */
