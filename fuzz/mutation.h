/* SPDX-License-Identifier: MIT */
/*
 * fuzz/mutation.h - a segment in parts, to be changed and put together again.
 *
 *   mutation.c         taking it apart, and making it right again
 *   mutation_change.c  what is changed
 */
#ifndef MUTATION_H
#define MUTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/checksum.h"
#include "format/control.h"

/* Bytes of an input before its segment. */
#define SWITCHES   2u
#define PARTS_MAX  400u
#define ARENA_SIZE ((size_t)1 << 20)

/* A frame, or bytes between frames. */
struct part {
    const uint8_t *bytes;
    size_t len;
    bool is_frame;
    bool is_changed;
};

struct mutation {
    uint64_t chance; /* state of the generator */
    struct part parts[PARTS_MAX];
    size_t count;
    struct slg_header header;
    struct slg_frame_limits limits;
    uint8_t *arena;
    size_t used;
    const uint8_t *other; /* another segment, to take frames from */
    size_t other_len;
};

uint64_t
mutation_next(struct mutation *m);

/* 0 to limit - 1 */
size_t
mutation_below(struct mutation *m, size_t limit);

bool
mutation_one_in(struct mutation *m, size_t n);

/* Mostly near, now and then far or at a limit. */
uint64_t
mutation_bend(struct mutation *m, uint64_t number);

/* Room that lasts as long as the mutation; NULL when there is none left. */
uint8_t *
mutation_take(struct mutation *m, size_t len);

void
mutation_insert(struct mutation *m, size_t at, const struct part *part);

void
mutation_remove(struct mutation *m, size_t at);

bool
mutation_has_frame(const struct mutation *m, const uint8_t *bytes, size_t len,
                   struct slg_frame *frame);

/* A copy of a frame that may be written to, with some more room. */
uint8_t *
mutation_own(struct mutation *m, struct part *part, size_t more);

/* Header and frames.  What has no header is given one. */
void
mutation_split(struct mutation *m, const uint8_t *bytes, size_t len);

void
mutation_change(struct mutation *m);

/* Write the parts one behind the other; returns their length. */
size_t
mutation_join(struct mutation *m, uint8_t *out, size_t max);

#endif /* MUTATION_H */
