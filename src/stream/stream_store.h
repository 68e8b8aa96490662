/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_store.h - the parts of the streams of a byte store.
 *
 *   backend.c            the checked calls, of any backend
 *   stream_store.c       open, close, describe, list, detect
 *   stream_names.c       the segments of a stream, by their names
 *   stream_begin.c       where one that was trimmed begins
 *   stream_single.c      a segment with one record
 *   stream_trim.c        trim: the first segments go
 *   stream_attributes.c  what a segment says of its stream
 *   stream_slot.c        the streams that are open for appending
 *   stream_append.c      append_batch: the queue of a stream
 *   stream_round.c       one round: hold, compare, buffer, write
 *   stream_sync.c        who syncs, and who waits for it
 *   stream_birth.c       segments come: the first one, and rotation
 *   stream_settle.c      what a power cut has left at the end
 *   stream_end.c         where a stream ends, and what is known of it
 *   stream_checkpoint.c  checkpoints, made and found; rotation
 *   stream_verify.c      verify; stream_verify_segment.c: one segment
 *   stream_mend.c        a damaged end, on request; stream_mend_*.c
 *   stream_scrub.c       the scrubber; stream_scrub_tour.c, _place.c,
 *                        stream_pace.c
 *   stream_sign.c        heads that are kept elsewhere, and signed
 *   stream_read.c        read_from
 *   stream_wait.c        wait until there is an event
 *   stream_readers.c     segments that are open for reading
 *   stream_tombs.c       which tombstones there are, and what was dropped
 *   stream_tombs_set.c   tombstones by number, in any order
 *   stream_tombstone.c   tombstone: an event is marked
 *   stream_compact.c     compaction, sealing and signing: stream_compact.h
 *
 * Locks, in the order in which they may be taken: whoever runs the round of a
 * stream (struct slg_slot, is_writing) takes the lock of its segment, then the
 * mutex of the slot or that of its tombstones.  The mutex of the list of slots
 * is held for a look only.  Compaction holds the lock "stream.ID", then that of
 * NAME.sealing, then one at a time of segments that do not grow; no mutex.
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_STORE_H
#define SLG_STREAM_STORE_H

#include "seglog/stream.h"

struct slg_slots;

struct slg_streams {
    struct seglog_store store;
    struct seglog_stream_options options; /* settled: no zeros */
    struct slg_slots *slots;
};

/* READ_ONLY where they were opened so. */
seglog_code
slg_streams_check_writable(const struct slg_streams *streams,
                           struct seglog_error *err);

/* NOT_FOUND, naming the stream. */
seglog_code
slg_stream_fail_missing(uint64_t stream, struct seglog_error *err);

/* Those of seglog_streams_open; INVALID for another backend. */
seglog_code
slg_streams_of(struct seglog_streams streams, struct slg_streams **own,
               struct seglog_error *err);

/* The other way round; streams stays whose it is. */
struct seglog_streams
slg_streams_wrap(struct slg_streams *streams);

/* -- stream_end.c ---------------------------------------------------------- */

seglog_code
slg_stream_latest(struct slg_streams *streams, uint64_t stream,
                  struct seglog_stream_end *end, struct seglog_error *err);

/* The same, without the segment being opened for writing. */
seglog_code
slg_stream_end_read(const struct slg_streams *streams, uint64_t stream,
                    struct seglog_stream_end *end, struct seglog_error *err);

/* Whether it is there or not. */
seglog_code
slg_stream_blob_remove(struct seglog_store store, const char *name,
                       struct seglog_error *err);

seglog_code
slg_stream_blob_sync(struct seglog_store store, const char *name,
                     struct seglog_error *err);

/* -- stream_checkpoint.c --------------------------------------------------- */

/* is_trimmed: it is NOT_FOUND for that reason. */
seglog_code
slg_stream_find_checkpoint(const struct slg_streams *streams, uint64_t stream,
                           uint64_t offset, struct seglog_stream_end *at,
                           bool *is_trimmed, struct seglog_error *err);

/* -- stream_append.c ------------------------------------------------------- */

/*
 * What was appended, for a layer above that does something between appending
 * and syncing.
 */
struct slg_stream_ticket {
    uint64_t serial;
    uint64_t generation;
};

/* ticket may be NULL. */
seglog_code
slg_stream_append(struct slg_streams *streams, uint64_t stream,
                  const struct seglog_slice *events, size_t count,
                  uint64_t expected_offset,
                  const struct seglog_chain_hash *prev_hash, bool is_synced,
                  struct seglog_stream_end *end,
                  struct slg_stream_ticket *ticket, struct seglog_error *err);

/*
 * What it is of, and all before, is durable.  Only where no other stream is
 * appended to by this handle, so that this one was never closed in between.
 * POISONED: a sync has failed since it was appended.
 */
seglog_code
slg_stream_sync(struct slg_streams *streams, uint64_t stream,
                const struct slg_stream_ticket *ticket,
                struct seglog_error *err);

/* -- stream_read.c --------------------------------------------------------- */

seglog_code
slg_stream_read(struct slg_streams *streams, uint64_t stream,
                uint64_t from_offset, uint64_t max_bytes,
                struct seglog_stream_event **events, size_t *count,
                struct seglog_error *err);

#endif /* SLG_STREAM_STORE_H */
