/* SPDX-License-Identifier: MIT */
/*
 * hostile.h - segments made to be slow to scan.
 *
 * A flavour fills the space behind a valid header with bytes that cost a
 * careless scanner more than one pass: time per byte, or memory per byte.
 * Whoever makes them is assumed to know the format, the identity and the epoch
 * (all three stand in the file), hence the salt.
 */
#ifndef SEGLOG_BENCH_HOSTILE_H
#define SEGLOG_BENCH_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/control.h"
#include "format/header.h"

/* Valid places stand this far apart where a flavour wants all of the bytes
 * between them to be searched (SPEC.md 9 crosses more than 8 MiB in a jump). */
#define HOSTILE_ISLAND_BYTES ((size_t)1 << 20)

/* Who a frame or mark belongs to. */
struct hostile_salt {
    uint8_t identity[SLG_IDENTITY_BYTES];
    uint64_t epoch;
    uint32_t salt;
};

struct hostile {
    uint8_t *bytes;
    size_t len;
    size_t cap;
    struct slg_frame_limits limits;
    struct hostile_salt self;
    struct hostile_salt neighbour;
    uint64_t next;   /* number a reader expects here */
    uint64_t random; /* state */
};

struct hostile_flavour {
    const char *name;
    void (*fill)(struct hostile *file);
};

/* Ends with an entry without a name. */
extern const struct hostile_flavour hostile_search_flavours[];
extern const struct hostile_flavour hostile_body_flavours[];
extern const struct hostile_flavour hostile_order_flavours[];

/* Header and four good records. */
void
hostile_start(struct hostile *file, size_t cap);

/* Room for `bytes` more and for a good end? */
bool
hostile_has_room(const struct hostile *file, size_t bytes);

uint64_t
hostile_random(struct hostile *file);
/* 0 to below - 1. */
uint64_t
hostile_below(struct hostile *file, uint64_t below);

void
hostile_put(struct hostile *file, const void *bytes, size_t len);
void
hostile_put_byte(struct hostile *file, unsigned byte);
void
hostile_put_random(struct hostile *file, size_t len);

/* A whole frame, valid for number under this salt, of random body bytes. */
void
hostile_put_frame(struct hostile *file, const struct hostile_salt *salt,
                  unsigned kind, uint64_t number, uint32_t body_len);
/* A valid mark: SLG_CONTROL_SYNC_POINT or SLG_CONTROL_CLOSING_MARK. */
void
hostile_put_mark(struct hostile *file, const struct hostile_salt *salt,
                 unsigned type, uint64_t number);
/* Good records of the running numbers. */
void
hostile_put_good(struct hostile *file, unsigned count);
/* A sync point and two good records behind at least one lost. */
void
hostile_put_island(struct hostile *file);

/* Shuffle count items of size bytes (at most 64). */
void
hostile_shuffle(struct hostile *file, void *items, size_t count, size_t size);

#endif /* SEGLOG_BENCH_HOSTILE_H */
