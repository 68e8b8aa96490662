/* SPDX-License-Identifier: MIT */
/*
 * seglog/json_diagnose.h - what happened to a line that is not valid JSON.
 *
 * The lexer says where a line stops being JSON; this says which of the usual
 * accidents did it: a run of zero bytes, two records on one line, a record cut
 * short with the next one written behind the cut, a record cut short at the
 * end of a line, or something else.
 *
 * Pure     no I/O, no allocation, no recursion
 * Units    positions are bytes from the start of the line, from 0
 * Threads  any
 */
#ifndef SEGLOG_JSON_DIAGNOSE_H
#define SEGLOG_JSON_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/export.h"
#include "seglog/json_line.h"

#ifdef __cplusplus
extern "C" {
#endif

/* There is no such place. */
#define SEGLOG_JSON_NOWHERE UINT64_MAX

/* What a caller needs of a line too long to hold: at least its last bytes. */
#define SEGLOG_JSON_WINDOW_BYTES 65536

enum seglog_json_damage {
    SEGLOG_JSON_UNDAMAGED = 0,
    SEGLOG_JSON_NUL_RUN,
    SEGLOG_JSON_GLUED_VALUES, /* two or more whole values */
    SEGLOG_JSON_SPLICE,       /* a cut value, then a whole object */
    SEGLOG_JSON_TORN,         /* the line ends inside a value */
    SEGLOG_JSON_DAMAGED_UTF8,
    SEGLOG_JSON_OVER_DEPTH,
    SEGLOG_JSON_NOT_JSON,
    SEGLOG_JSON_DAMAGE_COUNT
};

/* A line without its LF, and what the lexer said about it. */
struct seglog_json_broken {
    const uint8_t *bytes; /* all of it, or only the last len bytes */
    size_t len;
    uint64_t line_len; /* of the whole line; len when it is all here */
    uint64_t fault_pos;
    uint64_t nul_count; /* from the lexer; 0: count the bytes given here */
    enum seglog_json_fault fault;
    bool has_lf; /* an LF follows; without one a line that ends early is torn */
};

struct seglog_json_diagnosis {
    enum seglog_json_damage kind;
    /*
     * NUL_RUN        the first zero byte
     * GLUED_VALUES   where the second value starts
     * SPLICE         where the whole object starts
     * all others     the first fault; TORN: the end of the line
     */
    uint64_t pos;
    uint64_t nul_count; /* NUL_RUN: zero bytes from pos on */
    uint64_t values;    /* whole values seen; 0 unless the lexer said GLUED */
    /* The earliest place behind the start of the line from which all the rest
     * is one JSON object, as far as the bytes were given; or NOWHERE. */
    uint64_t rest_pos;
    bool is_certain; /* false: bytes that were not given could change it */
};

/*
 * Name the damage of a line.
 *
 * GLUED_VALUES takes two whole values; behind two objects or arrays anything
 * may follow.  Behind a single one the rest decides: {"a":1}{"b": is TORN.
 *
 * A line that ends inside a value is TORN.  When it has an LF and ends in an
 * object whose first key is also the first key of the line, it is a SPLICE: a
 * cut between a colon and its value leaves no other trace.  Any other fault is
 * a SPLICE when the line begins like an object and the rest from some place on
 * is one object.  A line with several faults is named after the first one.
 *
 *   out   written in any case; kind UNDAMAGED when fault is SEGLOG_JSON_OK
 * Cost    O(len) whatever the bytes: each is looked at a dozen times at most.
 *         A rest is overlooked when it stands in an unfinished object, the
 *         line's own included, that nests deeper than SEGLOG_JSON_DEPTH_MAX
 */
SEGLOG_API void
seglog_json_diagnose(const struct seglog_json_broken *line,
                     struct seglog_json_diagnosis *out);

/*
 * The earliest pos >= from, pos < len, from which the rest of the bytes is one
 * valid JSON object and white space; SEGLOG_JSON_NOWHERE when there is none.
 * Cost and what is overlooked: as above.
 */
SEGLOG_API uint64_t
seglog_json_find_rest(const uint8_t *bytes, size_t len, size_t from);

/* A stable short name: nul-run, glued, splice, torn, utf8, depth, bad-json. */
SEGLOG_API const char *
seglog_json_damage_name(enum seglog_json_damage kind);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_JSON_DIAGNOSE_H */
