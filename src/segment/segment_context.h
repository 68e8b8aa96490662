/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_context.h - SPEC.md 7.5: what the next body refers to.
 *
 * Layer  segment.  A context belongs to a place: it is right for the frame
 *        that starts at pos, and for no other.  So whatever leads a walk
 *        elsewhere also leads it out of its context, and only what is known to
 *        leave it intact (a gap in which no record is lost) has to say so.
 */
#ifndef SLG_SEGMENT_CONTEXT_H
#define SLG_SEGMENT_CONTEXT_H

#include "format/frame.h"
#include "seglog/error.h"
#include "src/codec/unpacker.h"
#include "src/segment/segment_dictionary.h"

struct slg_context {
    struct slg_unpacker *unpacker; /* NULL: not needed so far, no history */
    /* What stands at every mark: of the walk.  NULL: nothing. */
    const struct slg_dictionary *dictionary;
    /* There is one, and nobody knows which: no history is known. */
    bool has_lost_dictionary;
    bool is_known;
    uint64_t pos;       /* of the frame that it is right for */
    uint64_t last_end;  /* of the last body in it; 0: none since the mark */
    uint64_t broken_by; /* first record lost since the mark; 0: none */
};

/* A copy that may be come back to. */
struct slg_context_saved {
    struct slg_unpacker *unpacker; /* NULL: none */
    bool is_known;
    uint64_t pos;
    uint64_t last_end;
    uint64_t broken_by;
};

void
slg_context_reset(struct slg_context *context);

/* Nothing has been read since a mark, or since the header, that ends at pos. */
void
slg_context_start(struct slg_context *context, uint64_t pos);

/* What stands behind record first_lost (0: none is lost) is not decodable. */
void
slg_context_break(struct slg_context *context, uint64_t first_lost);

static inline bool
slg_context_is_at(const struct slg_context *context, uint64_t pos)
{
    return context->is_known && context->pos == pos;
}

/*
 * Bodies behind a mark that has gone unnoticed refer to nothing in front of it,
 * so that it need not be known; but they do refer to a dictionary there.
 */
static inline bool
slg_context_outlives_marks(const struct slg_context *context)
{
    return !context->dictionary || context->last_end == 0;
}

/* NO_MEMORY: err is not filled. */
seglog_code
slg_context_save(const struct slg_context *context,
                 struct slg_context_saved *saved);
seglog_code
slg_context_restore(struct slg_context *context,
                    const struct slg_context_saved *saved);
void
slg_context_saved_reset(struct slg_context_saved *saved);

/* Set from a history whose last body ends at or before pos. */
seglog_code
slg_context_set(struct slg_context *context, const struct slg_history *history,
                uint64_t pos);

/*
 * The body of a valid record frame that starts at the context's place, as it
 * was before it was compressed, and make it part of the context.
 *   OK         body and body_len are filled; body is valid until the next call
 *   CORRUPT    it is no compressed body of this segment; nothing has changed
 *   NO_MEMORY  err is not filled
 */
seglog_code
slg_context_pass(struct slg_context *context, const uint8_t *bytes,
                 const struct slg_frame *frame,
                 const struct slg_frame_limits *limits, const uint8_t **body,
                 size_t *body_len);

#endif /* SLG_SEGMENT_CONTEXT_H */
