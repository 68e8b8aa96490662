/* SPDX-License-Identifier: MIT */
/*
 * fuzz/stream_world.h - a stream and what it must say.
 *
 *   stream_heads.c  the head behind each event
 *   stream_look.c   what is told is right
 *   stream_play.c   what is done with it
 */
#ifndef FUZZ_STREAM_WORLD_H
#define FUZZ_STREAM_WORLD_H

#include "fuzz/support.h"
#include "seglog/stream.h"
#include "src/segment/segment_chain.h"

#define STREAM     3u
#define EVENTS_MAX 600u
#define BATCH_MAX  12u
#define MARKS_MAX  64u

/* Behind a loss that was mended nobody knows which it is, until it is told. */
struct head {
    bool is_lost;
    struct seglog_chain_hash hash;
};

struct event {
    const uint8_t *bytes; /* of the input */
    size_t len;
    bool begins_batch;
    bool is_marked;
    bool is_dropped;
    struct head head; /* behind the tombstones that follow it */
};

struct mark {
    uint64_t at; /* events in front of it */
    struct head before;
};

struct world {
    struct input input;
    struct seglog_store store;
    struct seglog_stream_options options;
    struct seglog_streams handles[2];
    struct event events[EVENTS_MAX];
    size_t count;
    struct mark marks[MARKS_MAX];
    size_t mark_count;
    uint64_t begin; /* what is in front was trimmed */
    bool is_damaged;
};

/* -- stream_heads.c -------------------------------------------------------- */

/* Behind so many events. */
struct head
head_at(const struct world *world, uint64_t count);

/*
 * It ends there.  Of a damaged one the last batches may have looked torn, and
 * were cut off: they are gone then.  So may the tombstones at its end.
 */
void
end_follow(struct world *world, const struct seglog_stream_end *end);

/* These are there behind what was, or is now; it ends so. */
void
events_follow(struct world *world, const struct seglog_slice *slices,
              size_t count, const struct seglog_stream_end *end);

/* This event is marked; it ends so. */
void
mark_follow(struct world *world, uint64_t offset,
            const struct seglog_stream_end *end);

/* Heads behind so many events, up to the end, are not what they were. */
void
heads_lose(struct world *world, uint64_t from,
           const struct seglog_stream_end *end);

/* -- stream_look.c --------------------------------------------------------- */

/* What one that is damaged may say. */
bool
is_refusal(seglog_code code);

/* OK, or what may be said instead. */
void
must_be_done(const struct world *world, seglog_code code);

void
end_ask(struct world *world, struct seglog_streams streams);

void
read_any(struct world *world, struct seglog_streams streams, uint64_t from,
         uint64_t most);

/* Against the head behind so many events. */
void
verify(struct world *world, struct seglog_streams streams, uint64_t kept);

/* -- stream_play.c --------------------------------------------------------- */

/* how  0: as it should be; 1: another end, 2: another head is expected; 3:
 * none.  False: it was refused. */
bool
append(struct world *world, struct seglog_streams streams, unsigned how);

void
mark(struct world *world, struct seglog_streams streams, uint64_t offset);

void
compact(struct world *world, struct seglog_streams streams, unsigned how);

void
trim(struct world *world, struct seglog_streams streams, uint64_t before);

void
mend(struct world *world, struct seglog_streams streams, unsigned how);

#endif /* FUZZ_STREAM_WORLD_H */
