/* SPDX-License-Identifier: MIT */
/*
 * seglog/json_line.h - is this line one JSON value, and if not, why and where.
 *
 * A line is RFC 8259 text in UTF-8 without its LF.  It may arrive in pieces of
 * any size, so a line of a gigabyte needs no more memory than a short one; how
 * it is cut into pieces never changes the answer.
 *
 * Not a fault: an empty or blank line, white space around the value (hence a
 * CR before the LF), any kind of value at the top, duplicate keys, escapes of
 * lone surrogates, a byte order mark at the start of the first line of a file.
 *
 * Pure     no I/O, no allocation, no recursion
 * Units    positions are bytes from the start of the line, from 0
 * Threads  a struct seglog_json_line belongs to whoever passes it
 */
#ifndef SEGLOG_JSON_LINE_H
#define SEGLOG_JSON_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Arrays and objects inside each other; one more is a fault. */
#define SEGLOG_JSON_DEPTH_MAX 1024

/* Larger whenever the same line may get another answer. */
#define SEGLOG_JSON_LEXER_VERSION 1

/*
 * The first fault of a line.  Its position is that of the first byte with
 * which the line can no longer become valid, whatever follows, with three
 * exceptions: a line that ends too early has its length, invalid UTF-8 (and a
 * damaged byte order mark) the first byte of the character, and of two values
 * on a line the second one starts there.
 */
enum seglog_json_fault {
    SEGLOG_JSON_OK = 0,
    SEGLOG_JSON_UNEXPECTED_CHAR,     /* anything that has no name below */
    SEGLOG_JSON_UNEXPECTED_END,      /* the line ends inside a value */
    SEGLOG_JSON_UNTERMINATED_STRING, /* the same, inside a string */
    SEGLOG_JSON_BAD_LITERAL,         /* a bare word: NaN, None, nul, text */
    SEGLOG_JSON_BAD_NUMBER,          /* 01 1. .5 +1 - 1e 0x1 */
    SEGLOG_JSON_BAD_ESCAPE,          /* a backslash before something else */
    SEGLOG_JSON_CONTROL_CHAR,        /* 0x01 to 0x1f in a string, unescaped */
    SEGLOG_JSON_BAD_KEY,             /* a key that is not a string */
    SEGLOG_JSON_MISSING_COLON,
    SEGLOG_JSON_MISSING_COMMA,
    SEGLOG_JSON_TRAILING_COMMA, /* at the bracket behind the comma */
    SEGLOG_JSON_BAD_BRACKET,    /* ] where } is due, or } where ] is due */
    SEGLOG_JSON_BAD_UTF8,       /* malformed, overlong, surrogate, > U+10FFFF */
    SEGLOG_JSON_NUL,            /* a zero byte, wherever it stands */
    SEGLOG_JSON_GLUED,          /* one value is over and another one begins */
    SEGLOG_JSON_TOO_DEEP,       /* more than DEPTH_MAX brackets are open */
    SEGLOG_JSON_FAULT_COUNT
};

/* Read fault, fault_pos, nul_count and depth; the rest is the lexer's own. */
struct seglog_json_line {
    uint64_t fed; /* bytes given so far, while there is no fault */
    uint64_t fault_pos;
    uint64_t nul_count; /* NUL: how many zero bytes stand there in a row */
    uint32_t depth;     /* brackets open now */
    uint8_t fault;      /* enum seglog_json_fault; OK so far: 0 */
    uint8_t nul_open;   /* the run of zero bytes may go on */
    uint8_t state;
    uint8_t after;        /* state behind a value in the open container */
    uint8_t after_string; /* state behind the string now being read */
    uint8_t word;         /* true, false or null */
    uint8_t matched;      /* bytes of it, or of a character, seen so far */
    uint8_t left;         /* bytes of an escape or a character to come */
    uint8_t low;          /* bounds of the next byte of a character */
    uint8_t high;
    uint8_t nesting[SEGLOG_JSON_DEPTH_MAX / 8]; /* a bit each; 1: object */
};

/*
 * Begin a line.
 *
 *   is_first  it is the first of its file: a byte order mark may start it
 */
SEGLOG_API void
seglog_json_line_init(struct seglog_json_line *s, bool is_first);

/*
 * Give the next bytes of the line.  Once there is a fault the rest is ignored,
 * except that zero bytes directly behind a NUL fault are counted.
 *
 *   bytes  may be NULL when len is 0
 * Cost     O(len); 0.9 to 3.7 GB/s measured on logs (x86-64, SSE2)
 */
SEGLOG_API void
seglog_json_line_feed(struct seglog_json_line *s, const uint8_t *bytes,
                      size_t len);

/*
 * Say what the line is, now that it is over.  Changes nothing.
 *
 *   fault_pos  set to the position of the fault, if there is one; may be NULL
 */
SEGLOG_API enum seglog_json_fault
seglog_json_line_finish(const struct seglog_json_line *s, uint64_t *fault_pos);

/* The three calls above for a line that is there in one piece. */
SEGLOG_API enum seglog_json_fault
seglog_json_line_check(const uint8_t *bytes, size_t len, bool is_first,
                       uint64_t *fault_pos);

/* Why, in a few words for people; static text. */
SEGLOG_API const char *
seglog_json_fault_text(enum seglog_json_fault fault);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_JSON_LINE_H */
