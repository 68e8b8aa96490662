/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_readers.h - segments of a stream that are open for reading.
 *
 * Opening one costs more than reading an event, so some stay open; each is used
 * by one thread at a time.
 *
 * Threads  any
 * Layer    stream
 */
#ifndef SLG_STREAM_READERS_H
#define SLG_STREAM_READERS_H

#include <pthread.h>

#include "src/segment/segment_chain_reader.h"
#include "src/stream/stream_names.h"

#define SLG_READERS_MAX 8u

struct slg_open_reader {
    struct slg_chain_reader *reader; /* NULL: none */
    struct slg_stream_part part;
    char name[SEGLOG_STREAM_NAME_CAP];
    bool is_taken;
    uint64_t used; /* when, in takes */
};

struct slg_readers {
    struct seglog_store store;
    uint64_t stream;
    pthread_mutex_t mutex; /* of what follows */
    struct slg_stream_parts parts;
    bool are_known; /* the parts, as of some time ago */
    uint64_t takes;
    struct slg_open_reader open[SLG_READERS_MAX];
};

/* False: no memory. */
bool
slg_readers_init(struct slg_readers *readers, struct seglog_store store,
                 uint64_t stream);

void
slg_readers_reset(struct slg_readers *readers);

/* Look anew which segments there are. */
void
slg_readers_forget(struct slg_readers *readers);

/*
 * The reader of the segment where an event would be, for this thread alone.
 * END: there is no such segment.  NOT_FOUND: the stream was trimmed, and begins
 * behind.  is_last: none is known to follow it.
 *
 *   spare  used where all that may stay open are taken; closed by give
 */
seglog_code
slg_readers_take(struct slg_readers *readers, uint64_t offset,
                 struct slg_open_reader *spare, struct slg_open_reader **taken,
                 bool *is_last, struct seglog_error *err);

/* is_sound false: it is closed. */
void
slg_readers_give(struct slg_readers *readers, struct slg_open_reader *taken,
                 bool is_sound);

#endif /* SLG_STREAM_READERS_H */
