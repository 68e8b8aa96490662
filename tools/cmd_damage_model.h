/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_damage_model.h - how a reader goes through a damaged segment, told
 * from where the undamaged frames have gone.
 *
 * A frame of the input whose bytes stand somewhere in the image is a
 * survivor.  Nothing else in the image is valid (but for the chances of
 * SPEC.md 9, *False positives*), so SPEC.md 8 and 9 can be played through on
 * the list of survivors alone.
 */
#ifndef SEGLOG_CMD_DAMAGE_MODEL_H
#define SEGLOG_CMD_DAMAGE_MODEL_H

#include "tools/cmd_damage.h"

#define MODEL_NONE SIZE_MAX

struct model_survivor {
    uint64_t at;
    size_t frame; /* index in the input */
};

/* A gap [p, q), and the hole [n, m) that opens at it. */
struct model_gap {
    uint64_t p;
    uint64_t q;
    uint64_t n;
    uint64_t m;
    size_t lone_begin; /* its lone frames, in model.lone */
    size_t lone_end;
};

/* A mark read in order, or resumed at. */
struct model_mark {
    size_t gaps_before;
    int64_t shift; /* bytes inserted since the mark before */
};

enum model_end {
    MODEL_WHOLE,       /* no tail */
    MODEL_TORN,        /* SPEC.md 10.3: 4, 5 first half, and 6 */
    MODEL_CLOSING_MARK /* SPEC.md 10.3: 5 second half */
};

struct model {
    const struct damage_input *input;
    const struct damage_image *image;
    struct model_survivor *survivors; /* by place */
    size_t survivor_count;

    /* Where reading stands (SPEC.md 8). */
    uint64_t p;
    uint64_t n;
    uint64_t epoch;
    int64_t shift;
    uint64_t watermark;
    size_t last_mark; /* frame index, or MODEL_NONE */
    size_t last_frame;
    bool is_gap_since_mark;
    bool is_header_lost;
    bool is_header_corrected;

    struct model_gap *gaps;
    size_t gap_count;
    size_t gap_cap;
    size_t *lone; /* survivor indexes */
    size_t lone_count;
    size_t lone_cap;
    struct model_mark *marks;
    size_t mark_count;
    size_t mark_cap;
    uint64_t records; /* of main runs */
    uint64_t shift_findings;
    uint64_t digest_findings;

    enum model_end end;
    bool is_no_segment;
    bool is_out_of_memory;
    const char *unknown; /* why nothing can be predicted */
};

/* A well-formed frame (SPEC.md 4); nothing about it is verified. */
struct model_frame {
    uint64_t len;
    uint64_t body_len;
    uint64_t count; /* numbers it claims to stand for */
    uint8_t kind;
    uint8_t control;
};

static inline const struct damage_frame *
model_frame_of(const struct model *model, size_t survivor)
{
    return &model->input->frames[model->survivors[survivor].frame];
}

/* The first survivor at or behind a place, or survivor_count. */
size_t
model_survivor_from(const struct model *model, uint64_t at);

/* The survivor that starts at a place, or MODEL_NONE. */
size_t
model_survivor_at(const struct model *model, uint64_t at);

/* A body over 65,536 bytes is well-formed only if may_be_long, that is,
 * directly behind a sync point. */
bool
model_parse(const struct model *model, uint64_t at, bool may_be_long,
            struct model_frame *frame);

/* Does the frame read last, which ends at p, let a long one follow? */
bool
model_is_behind_sync_point(const struct model *model);

void
model_fill_survivors(struct model *model);

/* Begin reading: with the header, or without it by other means. */
void
model_read_header(struct model *model);

/*
 * SPEC.md 9: the survivor where reading resumes behind a gap at model->p, or
 * MODEL_NONE.  Lone frames are added to model->lone.
 */
size_t
model_resync(struct model *model);

/* SPEC.md 10.3: what the tail from p on is. */
void
model_judge_tail(struct model *model);

/* Make room for one more item: false and out of memory noted if there is
 * none. */
bool
model_grow(struct model *model, void *items, size_t count, size_t *cap,
           size_t item_size);

/* All of SPEC.md 8 and 9. */
void
model_read(struct model *model);

void
model_free(struct model *model);

#endif /* SEGLOG_CMD_DAMAGE_MODEL_H */
