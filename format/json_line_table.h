/* SPDX-License-Identifier: MIT */
/*
 * format/json_line_table.h - the states of the JSON lexer and how they follow.
 *
 * A cell holds the next state, an action, or a fault; 0 is an unexpected byte.
 * Only format/json_line.c includes this.
 */
#ifndef SLG_FORMAT_JSON_LINE_TABLE_H
#define SLG_FORMAT_JSON_LINE_TABLE_H

#include <stdint.h>

#include "seglog/json_line.h"

enum byte_class {
    C_OTHER,
    C_SPACE,
    C_QUOTE,
    C_OBJ_OPEN,
    C_OBJ_CLOSE,
    C_ARR_OPEN,
    C_ARR_CLOSE,
    C_COLON,
    C_COMMA,
    C_MINUS,
    C_PLUS,
    C_DOT,
    C_ZERO,
    C_DIGIT,
    C_E,
    C_WORD, /* t, f, n: the first letter of a word */
    C_LETTER,
    C_NOT_UTF8, /* never the first byte of a character */
    CLASS_CAP = 32
};

enum state {
    S_START = 1, /* 0 is the table's cell for an unexpected byte */
    S_DONE,
    S_ARR_FIRST,
    S_ARR_VALUE,
    S_ARR_AFTER,
    S_OBJ_FIRST,
    S_OBJ_KEY,
    S_OBJ_COLON,
    S_OBJ_VALUE,
    S_OBJ_AFTER,
    S_NUM_MINUS,
    S_NUM_ZERO,
    S_NUM_INT,
    S_NUM_DOT,
    S_NUM_FRAC,
    S_NUM_E,
    S_NUM_SIGN,
    S_NUM_EXP,
    S_TABLE_LAST = S_NUM_EXP, /* the states below have no row */
    S_STRING,
    S_ESCAPE,
    S_HEX,
    S_UTF8,
    S_WORD,
    S_BOM
};

/* What a cell says when it is not simply the next state. */
enum action {
    A_STRING = S_BOM + 1,
    A_KEY,
    A_OPEN_OBJ,
    A_OPEN_ARR,
    A_CLOSE,
    A_WORD,
    A_NUM_END, /* the number is over; look at this byte again */
    A_FAULT    /* plus an enum seglog_json_fault */
};

/* clang-format off */
#define o_ C_OTHER
#define sp C_SPACE
#define qu C_QUOTE
#define lb C_OBJ_OPEN
#define rb C_OBJ_CLOSE
#define la C_ARR_OPEN
#define ra C_ARR_CLOSE
#define co C_COLON
#define cm C_COMMA
#define mi C_MINUS
#define pl C_PLUS
#define dt C_DOT
#define ze C_ZERO
#define di C_DIGIT
#define ee C_E
#define wo C_WORD
#define le C_LETTER
#define nu C_NOT_UTF8

static const uint8_t class_of[256] = {
    o_, o_, o_, o_, o_, o_, o_, o_, o_, sp, sp, o_, o_, sp, o_, o_,
    o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_,
    sp, o_, qu, o_, o_, o_, o_, o_, o_, o_, o_, pl, cm, mi, dt, o_,
    ze, di, di, di, di, di, di, di, di, di, co, o_, o_, o_, o_, o_,
    o_, le, le, le, le, ee, le, le, le, le, le, le, le, le, le, le,
    le, le, le, le, le, le, le, le, le, le, le, la, o_, ra, o_, o_,
    o_, le, le, le, le, ee, wo, le, le, le, le, le, le, le, wo, le,
    le, le, le, le, wo, le, le, le, le, le, le, lb, o_, rb, o_, o_,
    nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu,
    nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu,
    nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu,
    nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu,
    nu, nu, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_,
    o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_,
    o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_,
    o_, o_, o_, o_, o_, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu, nu
};

#undef o_
#undef sp
#undef qu
#undef lb
#undef rb
#undef la
#undef ra
#undef co
#undef cm
#undef mi
#undef pl
#undef dt
#undef ze
#undef di
#undef ee
#undef wo
#undef le
#undef nu

#define F(fault) (A_FAULT + SEGLOG_JSON_##fault)

/* A value may begin here. */
#define VALUE(self)                                                     \
    [C_SPACE] = (self), [C_QUOTE] = A_STRING, [C_OBJ_OPEN] = A_OPEN_OBJ,\
    [C_ARR_OPEN] = A_OPEN_ARR, [C_MINUS] = S_NUM_MINUS,                 \
    [C_ZERO] = S_NUM_ZERO, [C_DIGIT] = S_NUM_INT, [C_WORD] = A_WORD,    \
    [C_E] = F(BAD_LITERAL), [C_LETTER] = F(BAD_LITERAL),                \
    [C_PLUS] = F(BAD_NUMBER), [C_DOT] = F(BAD_NUMBER),                  \
    [C_NOT_UTF8] = F(BAD_UTF8)

/* A value is over; the beginning of another one is the given fault. */
#define AFTER(self, fault)                                              \
    [C_SPACE] = (self), [C_QUOTE] = (fault), [C_OBJ_OPEN] = (fault),    \
    [C_ARR_OPEN] = (fault), [C_MINUS] = (fault), [C_ZERO] = (fault),    \
    [C_DIGIT] = (fault), [C_WORD] = (fault), [C_NOT_UTF8] = F(BAD_UTF8)

/* A key must begin here. */
#define KEY(self)                                                       \
    [C_SPACE] = (self), [C_QUOTE] = A_KEY, [C_OBJ_OPEN] = F(BAD_KEY),   \
    [C_ARR_OPEN] = F(BAD_KEY), [C_MINUS] = F(BAD_KEY),                  \
    [C_ZERO] = F(BAD_KEY), [C_DIGIT] = F(BAD_KEY),                      \
    [C_WORD] = F(BAD_KEY), [C_E] = F(BAD_KEY), [C_LETTER] = F(BAD_KEY), \
    [C_NOT_UTF8] = F(BAD_UTF8)

/* Bytes that end a number, and bytes that can only spoil one. */
#define NUM_ENDS(cell)                                                  \
    [C_OTHER] = (cell), [C_SPACE] = (cell), [C_QUOTE] = (cell),         \
    [C_OBJ_OPEN] = (cell), [C_OBJ_CLOSE] = (cell),                      \
    [C_ARR_OPEN] = (cell), [C_ARR_CLOSE] = (cell), [C_COLON] = (cell),  \
    [C_COMMA] = (cell), [C_NOT_UTF8] = (cell)
#define NUM_SPOILS                                                      \
    [C_WORD] = F(BAD_NUMBER), [C_LETTER] = F(BAD_NUMBER)
#define NUM_SIGNS(cell) [C_MINUS] = (cell), [C_PLUS] = (cell)
#define NUM_DIGITS(cell) [C_ZERO] = (cell), [C_DIGIT] = (cell)

static const uint8_t step[S_TABLE_LAST + 1][CLASS_CAP] = {
    [S_START] = { VALUE(S_START) },
    [S_DONE] = { AFTER(S_DONE, F(GLUED)) },
    [S_ARR_FIRST] = { VALUE(S_ARR_FIRST), [C_ARR_CLOSE] = A_CLOSE,
                      [C_OBJ_CLOSE] = F(BAD_BRACKET) },
    [S_ARR_VALUE] = { VALUE(S_ARR_VALUE), [C_ARR_CLOSE] = F(TRAILING_COMMA),
                      [C_OBJ_CLOSE] = F(BAD_BRACKET) },
    [S_ARR_AFTER] = { AFTER(S_ARR_AFTER, F(MISSING_COMMA)),
                      [C_COMMA] = S_ARR_VALUE, [C_ARR_CLOSE] = A_CLOSE,
                      [C_OBJ_CLOSE] = F(BAD_BRACKET) },
    [S_OBJ_FIRST] = { KEY(S_OBJ_FIRST), [C_OBJ_CLOSE] = A_CLOSE,
                      [C_ARR_CLOSE] = F(BAD_BRACKET) },
    [S_OBJ_KEY] = { KEY(S_OBJ_KEY), [C_OBJ_CLOSE] = F(TRAILING_COMMA),
                    [C_ARR_CLOSE] = F(BAD_BRACKET) },
    [S_OBJ_COLON] = { AFTER(S_OBJ_COLON, F(MISSING_COLON)),
                      [C_COLON] = S_OBJ_VALUE, [C_COMMA] = F(MISSING_COLON),
                      [C_OBJ_CLOSE] = F(MISSING_COLON),
                      [C_ARR_CLOSE] = F(MISSING_COLON) },
    [S_OBJ_VALUE] = { VALUE(S_OBJ_VALUE) },
    [S_OBJ_AFTER] = { AFTER(S_OBJ_AFTER, F(MISSING_COMMA)),
                      [C_COMMA] = S_OBJ_KEY, [C_OBJ_CLOSE] = A_CLOSE,
                      [C_ARR_CLOSE] = F(BAD_BRACKET) },
    [S_NUM_MINUS] = { NUM_ENDS(F(BAD_NUMBER)), NUM_SPOILS,
                      NUM_SIGNS(F(BAD_NUMBER)), [C_DOT] = F(BAD_NUMBER),
                      [C_E] = F(BAD_NUMBER), [C_ZERO] = S_NUM_ZERO,
                      [C_DIGIT] = S_NUM_INT },
    [S_NUM_ZERO] = { NUM_ENDS(A_NUM_END), NUM_SPOILS,
                     NUM_SIGNS(F(BAD_NUMBER)), NUM_DIGITS(F(BAD_NUMBER)),
                     [C_DOT] = S_NUM_DOT, [C_E] = S_NUM_E },
    [S_NUM_INT] = { NUM_ENDS(A_NUM_END), NUM_SPOILS,
                    NUM_SIGNS(F(BAD_NUMBER)), NUM_DIGITS(S_NUM_INT),
                    [C_DOT] = S_NUM_DOT, [C_E] = S_NUM_E },
    [S_NUM_DOT] = { NUM_ENDS(F(BAD_NUMBER)), NUM_SPOILS,
                    NUM_SIGNS(F(BAD_NUMBER)), NUM_DIGITS(S_NUM_FRAC),
                    [C_DOT] = F(BAD_NUMBER), [C_E] = F(BAD_NUMBER) },
    [S_NUM_FRAC] = { NUM_ENDS(A_NUM_END), NUM_SPOILS,
                     NUM_SIGNS(F(BAD_NUMBER)), NUM_DIGITS(S_NUM_FRAC),
                     [C_DOT] = F(BAD_NUMBER), [C_E] = S_NUM_E },
    [S_NUM_E] = { NUM_ENDS(F(BAD_NUMBER)), NUM_SPOILS,
                  NUM_SIGNS(S_NUM_SIGN), NUM_DIGITS(S_NUM_EXP),
                  [C_DOT] = F(BAD_NUMBER), [C_E] = F(BAD_NUMBER) },
    [S_NUM_SIGN] = { NUM_ENDS(F(BAD_NUMBER)), NUM_SPOILS,
                     NUM_SIGNS(F(BAD_NUMBER)), NUM_DIGITS(S_NUM_EXP),
                     [C_DOT] = F(BAD_NUMBER), [C_E] = F(BAD_NUMBER) },
    [S_NUM_EXP] = { NUM_ENDS(A_NUM_END), NUM_SPOILS,
                    NUM_SIGNS(F(BAD_NUMBER)), NUM_DIGITS(S_NUM_EXP),
                    [C_DOT] = F(BAD_NUMBER), [C_E] = F(BAD_NUMBER) },
};
/* clang-format on */

#endif /* SLG_FORMAT_JSON_LINE_TABLE_H */
