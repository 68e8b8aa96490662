/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/told_support.h - damaged segments that follow from a number, and
 * everything that is said of one, as text.
 */
#ifndef TOLD_SUPPORT_H
#define TOLD_SUPPORT_H

#include "tests/segment/forge_support.h"

/* What a segment is made of. */
enum told_kind {
    TOLD_PLAIN,      /* every kind of frame */
    TOLD_STRETCHES,  /* many sync points, stretches moved as a whole */
    TOLD_CUT,        /* records of before a cut stand here and there */
    TOLD_COMPRESSED, /* bodies that depend on those before them */
    TOLD_SEALED,     /* blocks, a footer */
    TOLD_LONG,       /* bodies with digests, some only behind sync points */
    TOLD_CHAINED, /* chain heads behind sync points, tombstones, signatures */
    TOLD_KINDS
};

struct told_segment {
    uint8_t *bytes;
    size_t len;
    uint64_t expect;    /* for scan and reader */
    uint64_t bad_start; /* what cannot be read; end 0: all can */
    uint64_t bad_end;
    size_t part; /* so much of it is read before the rest is appended */
};

/* Make one, damage it; the same for the same numbers.  Free the bytes. */
struct told_segment
told_make(enum told_kind kind, uint64_t seed);

/*
 * What scan, readers, tail and repair say of it: findings as in struct look, one
 * a line, and behind them "KEY ..." lines.  The caller frees the text.
 */
char *
told_say(const struct told_segment *segment);

#endif /* TOLD_SUPPORT_H */
