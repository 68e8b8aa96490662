/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_slot.h - the streams that are open for appending.
 *
 * What is asked of a stream is a request in the queue of its slot.  Whoever
 * finds nobody at it runs a round: takes what is in the queue and does it under
 * one lock of the segment, with one write.  A failed sync or write changes the
 * generation: what was written in an earlier one may not be there, and the next
 * round opens the segment anew.
 *
 * Threads  any
 * Layer    stream
 */
#ifndef SLG_STREAM_SLOT_H
#define SLG_STREAM_SLOT_H

#include <pthread.h>

#include "src/memory/pool.h"
#include "src/segment/segment_chain_writer.h"
#include "src/stream/stream_names.h"
#include "src/stream/stream_readers.h"
#include "src/stream/stream_store.h"
#include "src/stream/stream_tombs.h"

enum slg_request_kind {
    SLG_REQUEST_APPEND,
    SLG_REQUEST_LOOK,       /* where it ends */
    SLG_REQUEST_CHECKPOINT, /* there is one at the end, synced */
    SLG_REQUEST_ROTATE,
    SLG_REQUEST_TOMBSTONE,
    SLG_REQUEST_FINISH /* a checkpoint and a closing mark, synced */
};

struct slg_request {
    enum slg_request_kind kind;
    /* APPEND */
    const struct seglog_item *items;
    size_t count;
    size_t bytes;
    uint64_t expected_offset;
    const struct seglog_chain_hash *prev_hash; /* NULL: none */
    /* TOMBSTONE */
    const struct slg_tombstone *tombstone;

    /* The outcome. */
    seglog_code code;
    struct seglog_error *err; /* may be NULL */
    struct seglog_stream_end end;
    uint64_t serial;     /* of what was appended; 0: nothing was */
    uint64_t generation; /* of the slot when that was */

    /* Of the round. */
    uint64_t next_record; /* behind it; 0: it waits for no write */
    bool is_taken;        /* it is in the round */
    bool is_done;
    pthread_cond_t done;
    struct slg_request *next;
};

struct slg_slot {
    struct slg_pooled pooled; /* the key is the id of the stream */
    struct slg_streams *streams;
    uint64_t stream;
    struct slg_readers readers;
    pthread_mutex_t tombs_mutex;
    struct slg_tombs tombs; /* of as much as was asked for so far */

    pthread_mutex_t mutex; /* of what follows */
    struct slg_request *first;
    struct slg_request *last;
    bool is_writing; /* somebody runs a round, and has what is below */
    bool is_broken;  /* the writer is to be opened anew */
    uint64_t generation;
    uint64_t queued;     /* requests that came */
    uint64_t served;     /* of them, those that are done */
    uint64_t appended;   /* batches by this handle */
    uint64_t synced;     /* of them, the first that are synced */
    uint64_t sync_asked; /* so often was a sync asked for */
    uint64_t sync_taken; /* of them, before the last one began */
    uint64_t sync_crowd; /* how many came for the last one, or meanwhile */
    int64_t sync_ns;     /* what the last one took */
    bool is_syncing;     /* somebody has sync_blob */
    pthread_cond_t sync_end;
    struct slg_writer_place written; /* by the last round */
    struct slg_writer_place durable; /* by the last sync; next_record 0: none */

    /* Of whoever runs a round. */
    struct slg_stream_part part;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_writer *writer;  /* NULL: not open */
    struct seglog_blob sync_blob;  /* the same segment, to be synced */
    uint64_t checkpoint_at;        /* where its last sync point is */
    uint64_t checkpoint_record;    /* and its record number */
    struct slg_writer_place noted; /* the last that the writer was told of */
    bool has_appended;             /* since the last checkpoint */
};

/* NULL: no memory. */
seglog_code
slg_slots_new(struct slg_streams *streams, struct slg_slots **slots,
              struct seglog_error *err);

/* Finish and close them all, also those that are not open any more. */
seglog_code
slg_slots_close(struct slg_slots *slots, struct seglog_error *err);

/* Sync them all, likewise; goes on after a failure, and returns the first. */
seglog_code
slg_slots_sync(struct slg_slots *slots, struct seglog_error *err);

/* The slot of a stream that may exist or not, not to be freed until give. */
seglog_code
slg_slot_take(struct slg_streams *streams, uint64_t stream,
              struct slg_slot **slot, struct seglog_error *err);

void
slg_slot_give(struct slg_slot *slot);

/* Of whoever runs a round, or has it alone: close what is open. */
seglog_code
slg_slot_close_writer(struct slg_slot *slot, struct seglog_error *err);

/* -- stream_append.c ------------------------------------------------------- */

/* Put a request into the queue, and return when it is done. */
seglog_code
slg_slot_ask(struct slg_slot *slot, struct slg_request *request);

/* -- stream_tombstone.c ---------------------------------------------------- */

/* EXISTS: the stream, as far as it is written, has a tombstone of it. */
seglog_code
slg_slot_check_tombstone(struct slg_slot *slot, uint64_t number,
                         struct seglog_error *err);

/* -- stream_end.c ---------------------------------------------------------- */

/* Do one thing with a stream, and wait for a sync of what came of it. */
seglog_code
slg_stream_ask(struct slg_streams *streams, uint64_t stream,
               struct slg_request *request);

/* -- stream_round.c -------------------------------------------------------- */

/* The requests from first on by next, in order. */
void
slg_round_run(struct slg_slot *slot, struct slg_request *first);

/* -- stream_sync.c --------------------------------------------------------- */

/* What the request has appended, and all before, is to be durable. */
seglog_code
slg_slot_sync(struct slg_slot *slot, const struct slg_request *request);

/* By a round: no sync is under way when it returns, with the mutex held. */
void
slg_slot_wait_synced(struct slg_slot *slot);

/* By a round: the writer has synced all that was appended. */
void
slg_slot_note_synced(struct slg_slot *slot);

/* Whether what was written is there, or durable, is not known any more. */
void
slg_slot_break(struct slg_slot *slot);

#endif /* SLG_STREAM_SLOT_H */
