/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_scrub.h - the parts of the scrubber.
 *
 *   stream_scrub.c        its thread, and the calls
 *   stream_scrub_tour.c   one tour: all streams, segment by segment
 *   stream_scrub_lanes.c  ... and the segments of sessions
 *   stream_scrub_place.c  where it is, in scrub.seg
 *   stream_pace.c         the rate
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_SCRUB_H
#define SLG_STREAM_SCRUB_H

#include "seglog/session.h"
#include "src/stream/stream_pace.h"
#include "src/stream/stream_store.h"

#define SLG_SCRUB_NAME    "scrub.seg"
#define SLG_SCRUB_SAVE_NS INT64_C(10000000000)

/* Where a tour is (SPEC.md 16.7). */
struct slg_scrub_place {
    uint64_t tours; /* before this one */
    uint64_t stream;
    uint64_t offset; /* of a checkpoint; what is before it is done */
    uint64_t findings;
    uint8_t identity[SEGLOG_IDENTITY_BYTES]; /* of the stream */
    /* All streams are done, and so many lanes of sessions; "": none is. */
    char lane[SEGLOG_LANE_NAME_CAP];
};

/* The thread has all of it but the state. */
struct seglog_scrubber {
    struct seglog_store store;
    struct slg_streams paced; /* the streams, read at the rate */
    struct slg_pace *pace;
    struct seglog_scrub_options options; /* settled */
    bool remembers;
    struct seglog_lock lock;
    struct slg_scrub_place place;
    int64_t saved_ns;
    seglog_code save_code;
    struct seglog_error save_err;

    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t ended;
    struct seglog_scrub_state state;
    struct seglog_error err;
};

/* -- stream_scrub.c -------------------------------------------------------- */

/* Say where it is. */
void
slg_scrub_note(struct seglog_scrubber *scrubber);

/* -- stream_scrub_tour.c --------------------------------------------------- */

/* From the place on to the end of the tour.  PAUSED: it is to stop. */
seglog_code
slg_scrub_tour(struct seglog_scrubber *scrubber, struct seglog_error *err);

/* A segment is none, or another one than its name says, or cannot be read. */
bool
slg_scrub_is_finding(seglog_code code);

/* -- stream_scrub_lanes.c -------------------------------------------------- */

/* Behind the streams: from the place on. */
seglog_code
slg_scrub_lanes(struct seglog_scrubber *scrubber, struct seglog_error *err);

/* -- stream_scrub_place.c -------------------------------------------------- */

/* Where a tour is to go on; at the beginning if nothing says so. */
void
slg_scrub_place_load(struct seglog_scrubber *scrubber);

/* What goes wrong is noted. */
void
slg_scrub_place_save(struct seglog_scrubber *scrubber);

/* What a stream is known by; false: it is not there, or does not say. */
bool
slg_scrub_identity(const struct slg_streams *streams, uint64_t stream,
                   uint8_t identity[SEGLOG_IDENTITY_BYTES]);

#endif /* SLG_STREAM_SCRUB_H */
