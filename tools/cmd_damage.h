/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_damage.h - the parts of `seglog damage`.
 *
 * Damage is a list of edits of an undamaged segment: each replaces a range of
 * it by other bytes.  What a right checker must say afterwards follows from
 * the layout of the undamaged segment and from the rules of SPEC.md 8 to 10;
 * the damaged bytes are never scanned for it.
 *
 *     input  --actions-->  edits  --apply-->  image  --predict-->  expectation
 *
 * Units    offsets are bytes from the start of input or image
 * Threads  one
 */
#ifndef SEGLOG_CMD_DAMAGE_H
#define SEGLOG_CMD_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "seglog/segment.h"
#include "tools/tool_common.h"

#define DAMAGE_HEADER_BYTES 54u
#define DAMAGE_HEAD_DURABLE 0x10u

enum damage_control {
    DAMAGE_SYNC_POINT = 1,
    DAMAGE_CLOSING_MARK = 2,
    DAMAGE_RECORDED_GAP = 3
};

/* ---------------------------------------------------------------------------
 * Input: an undamaged segment and its layout
 */

struct damage_frame {
    uint64_t offset;
    uint64_t len;
    uint64_t first; /* number of its first, or the next, record */
    uint64_t count; /* numbers it stands for */
    uint64_t epoch; /* under which it is valid */
    uint64_t body_len;
    uint8_t head;
    uint8_t control; /* its type, else 0 */
};

struct damage_input {
    uint8_t *bytes;
    uint64_t size;
    struct damage_frame *frames;
    size_t frame_count;
    size_t frame_cap;
    struct seglog_scan_summary summary;
    /* Bytes in a record that look like those of a segment: a reader that
     * has to search may find them, so nothing is predicted.  Static text. */
    const char *confusing;
};

static inline bool
damage_is_mark(const struct damage_frame *frame)
{
    return frame->control == DAMAGE_SYNC_POINT ||
           frame->control == DAMAGE_CLOSING_MARK;
}

uint64_t
damage_u64(const uint8_t *bytes);

/* Says what is wrong, also when the segment is damaged already, or when it is
 * what out_path leads to. */
enum tool_status
damage_input_read(const char *path, const char *out_path,
                  struct damage_input *input);

/* Accepts a zeroed struct. */
void
damage_input_free(struct damage_input *input);

/* The frame of a record, or NULL. */
const struct damage_frame *
damage_frame_of(const struct damage_input *input, uint64_t record_no);

/* ---------------------------------------------------------------------------
 * Edits
 */

/* Replace input[from, to) by len bytes: of the input, or of the pool. */
struct damage_edit {
    uint64_t from;
    uint64_t to;
    uint64_t len;
    uint64_t source; /* offset in the input, or in the pool */
    bool is_copy;    /* of the input */
};

struct damage_edits {
    struct damage_edit *items;
    size_t count;
    size_t cap;
    uint8_t *pool;
    size_t pool_len;
    size_t pool_cap;
};

/* What one action did, in the terms of the input. */
struct damage_done {
    const char *action;
    uint64_t first_byte; /* the range it was aimed at */
    uint64_t byte_count;
    uint64_t changed;      /* bytes of it with a new value */
    uint64_t inserted;     /* bytes more */
    uint64_t removed;      /* bytes fewer */
    uint64_t first_record; /* records in frames that it touched; 0: none */
    uint64_t last_record;
    int bit; /* flips: 0 to 7, else -1 */
};

/* False: out of memory. */
bool
damage_edit_add(struct damage_edits *edits, uint64_t from, uint64_t to,
                const void *bytes, uint64_t len);
bool
damage_edit_copy(struct damage_edits *edits, uint64_t at, uint64_t to,
                 uint64_t source, uint64_t len);
void
damage_edits_free(struct damage_edits *edits);

/* Sort the edits by place; false when two of them overlap. */
bool
damage_edits_sort(struct damage_edits *edits);

/* ---------------------------------------------------------------------------
 * Actions
 */

enum damage_action {
    DAMAGE_FLIP_BIT,
    DAMAGE_FLIP_AT,
    DAMAGE_ZERO,
    DAMAGE_ONES,
    DAMAGE_INSERT,
    DAMAGE_DELETE,
    DAMAGE_TRUNCATE,
    DAMAGE_DUPLICATE,
    DAMAGE_SWAP,
    DAMAGE_DROP,
    DAMAGE_SPLICE,
    DAMAGE_LIE_LENGTH,
    DAMAGE_ACTION_COUNT
};

/* What to insert. */
enum damage_fill {
    DAMAGE_FILL_RANDOM,
    DAMAGE_FILL_ZEROS,
    DAMAGE_FILL_ONES
};

/* One action as asked for.  What a and b are depends on the action. */
struct damage_order {
    enum damage_action action;
    uint64_t a;
    uint64_t b;
    bool has_b;
    bool is_record; /* a is a record number, not an offset (zero, ones) */
    enum damage_fill fill;
};

extern const char *const damage_action_names[DAMAGE_ACTION_COUNT];

/* A small generator of its own: the same seed does the same everywhere. */
struct damage_random {
    uint64_t state;
};

uint64_t
damage_random_next(struct damage_random *random);

/* 0 to below - 1; below is at least 1. */
uint64_t
damage_random_below(struct damage_random *random, uint64_t below);

/* Read the text of an option such as --zero.  TOOL_GO_ON or tool_usage. */
enum tool_status
damage_order_parse(enum damage_action action, const char *text,
                   struct damage_order *order);

/*
 * Turn an order into edits.  Returns NULL, or why it cannot be done (text
 * that lives until the next call).
 */
const char *
damage_order_plan(const struct damage_input *input,
                  const struct damage_order *order,
                  struct damage_random *random, struct damage_edits *edits,
                  struct damage_done *done);

/* Choose an order.  action: DAMAGE_ACTION_COUNT for any. */
void
damage_order_pick(const struct damage_input *input, enum damage_action action,
                  struct damage_random *random, struct damage_order *order);

/* ---------------------------------------------------------------------------
 * Image and expectation
 */

/* image[at, at + len) is input[source, source + len). */
struct damage_piece {
    uint64_t at;
    uint64_t len;
    uint64_t source;
};

struct damage_image {
    uint8_t *bytes;
    uint64_t size;
    struct damage_piece *pieces; /* new bytes are in no piece */
    size_t piece_count;
};

/* The edits must be sorted.  False: out of memory. */
bool
damage_image_make(const struct damage_input *input,
                  const struct damage_edits *edits, struct damage_image *image);
void
damage_image_free(struct damage_image *image);

struct damage_range {
    uint64_t first;
    uint64_t last;
};

struct damage_expectation {
    /* Not NULL: nothing is predicted, and why.  Static text. */
    const char *unknown;
    bool is_no_segment; /* every reader must refuse it (FORMAT) */
    enum seglog_verdict verdict;
    struct damage_range *lost; /* one for each finding that lost something */
    size_t lost_ranges;
    uint64_t lost_count;
    uint64_t records;
    uint64_t findings;
    bool is_closed;
    bool has_shift; /* of the only finding */
    int64_t shift;
};

/* False: out of memory. */
bool
damage_predict(const struct damage_input *input,
               const struct damage_image *image,
               struct damage_expectation *expected);
void
damage_expectation_free(struct damage_expectation *expected);

/* One line of JSON, or a line for each action and one for the expectation. */
void
damage_report_json(FILE *file, const struct damage_done *done, size_t count,
                   const struct damage_expectation *expected);
void
damage_report_text(FILE *file, const struct damage_done *done, size_t count,
                   const struct damage_expectation *expected);

#endif /* SEGLOG_CMD_DAMAGE_H */
