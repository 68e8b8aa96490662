/* SPDX-License-Identifier: MIT */
/*
 * seglog/json_mend.h - the whole records that a broken line still holds.
 *
 * A line feed that was lost, a record cut short with another one written
 * behind the cut, one written into the middle of another, a run of zero bytes:
 * all of them leave whole objects on a line that is no JSON value any more.
 * This finds them.  A part of a record is never given: an object inside a
 * broken one is part of it.
 *
 * Pure     no I/O, no allocation, no recursion
 * Units    positions are bytes from the start of the line, from 0
 * Threads  any
 * Since    0.1
 */
#ifndef SEGLOG_JSON_MEND_H
#define SEGLOG_JSON_MEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------
 * How the records of a file begin
 */

#define SEGLOG_JSON_HEADS_MAX 128

/* Fewer lines do not tell what else may be a record. */
#define SEGLOG_JSON_HEADS_ENOUGH 32

/*
 * The first three keys of the records seen so far, each set once.  Zeroed, it
 * knows none.  Files with more sets than there is room for count as unknown.
 */
struct seglog_json_heads {
    uint32_t count;
    uint32_t lines; /* learnt from, SEGLOG_JSON_HEADS_ENOUGH at most */
    bool is_over;   /* there were too many */
    uint64_t hashes[SEGLOG_JSON_HEADS_MAX];
};

/*
 * Note how a good line begins; what is not an object is passed over.  Given
 * the good lines of a file, its records can be told from objects inside them.
 *
 * Cost   O(bytes up to the third key)
 * Since  0.1
 */
SEGLOG_API void
seglog_json_heads_learn(struct seglog_json_heads *heads, const uint8_t *line,
                        size_t len);

/* ---------------------------------------------------------------------------
 * Records of a broken line
 */

/* A line that is not one JSON value, without its LF, all of it. */
struct seglog_json_scrap {
    const uint8_t *bytes; /* may be NULL when len is 0 */
    size_t len;
    bool has_lf; /* an LF follows; without one its end may be torn off */
    const struct seglog_json_heads *heads; /* may be NULL */
};

/*
 * One whole object or array; white space around it is left out.  A joined one
 * is the bytes at pos with those at more_pos behind them, which are one value
 * only together: a record that another one had been written into.  Otherwise
 * more_len is 0.
 */
struct seglog_json_whole {
    size_t pos;
    size_t len;
    size_t more_pos;
    size_t more_len;
};

/* Called for each value; return false to stop. */
typedef bool (*seglog_json_whole_fn)(void *arg,
                                     const struct seglog_json_whole *value);

/*
 * Find the whole records of a line, in the order of their first bytes.
 *
 * A value counts as a record when it begins the line or follows another record
 * (with white space, zero bytes or commas between them); or when it begins
 * where the record before it breaks off, is followed by the end of the line,
 * by zero bytes or by another value, and nothing says that it is part of the
 * broken one.  Where that one breaks off at a place at which a value may stand
 * (behind a colon, in an array), only how it begins can tell: then its first
 * three keys must be among the heads.  Without heads, or with those of few lines
 * only, they must be those of the line itself; the first key will do at the end
 * of a line that has an LF.
 *
 * A record with the rest of the broken one behind it counts when the two parts
 * of that one are one value together, and begins like a record; both are
 * given.  Numbers, strings and words on their own are never given.
 *
 * What cannot be seen is not found: a record inside the array of another one,
 * where it makes a valid line; the whole of a line that is one valid value is
 * given as that value.  And where bytes are missing, not overwritten, what is
 * left of two records may happen to make one that never was.
 *
 * Returns  the number of values given
 * Cost     O(len) whatever the bytes: each is looked at 3 or 4 times as a rule,
 *          and SEGLOG_JSON_MEND_LOOKS times on average at most.  A line made
 *          to cost more is given up, and what was found until then is all
 * Since    0.1
 */
SEGLOG_API size_t
seglog_json_mend(const struct seglog_json_scrap *line,
                 seglog_json_whole_fn give, void *arg);

#define SEGLOG_JSON_MEND_LOOKS 32

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_JSON_MEND_H */
