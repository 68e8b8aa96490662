/* SPDX-License-Identifier: MIT */
/*
 * tests/damage/damage_sample.h - segments to damage, and what is where in them.
 *
 * Where a frame lies is known from writing it: the size of the segment before
 * and after each append, and the sizes of SPEC.md.  A sealed segment is taken
 * apart by SPEC.md 4 and 15 alone.  Nothing here asks the reader or the scanner.
 */
#ifndef DAMAGE_SAMPLE_H
#define DAMAGE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/segment.h"
#include "tests/damage/damage_view.h"

enum unit_type {
    UNIT_HEADER,
    UNIT_RECORDS, /* a frame of one or more records */
    UNIT_SYNC,
    UNIT_CLOSING,
    UNIT_OTHER /* the footer of a sealed segment */
};

/* What is whole or damaged as one: [at, end) of the segment. */
struct unit {
    enum unit_type type;
    size_t at;
    size_t end;
    uint64_t first; /* record; of all others the next one */
    uint64_t count;
    bool is_packed; /* compressed against what stands before it */
};

/* A chunk of an encrypted blob: [at, end) below are [plain, plain_end). */
struct piece {
    size_t at;
    size_t end;
    size_t plain;
    size_t plain_end;
};

enum payload_type {
    PAYLOAD_LINES, /* JSON, of some 20 bytes */
    PAYLOAD_FAT,   /* JSON, of some 150 bytes */
    PAYLOAD_EMPTY,
    PAYLOAD_HUNDRED, /* of 100 bytes */
    PAYLOAD_BORDERS, /* 0, 1, 11, 12, 255, 256, 4 KiB - 1, 4 KiB, 4 KiB + 1 */
    PAYLOAD_MAGIC,   /* our magic and the bytes of sync points, repeated */
    PAYLOAD_ZEROS,
    PAYLOAD_LOGS /* each a whole segment */
};

/* How a segment is made. */
struct sample_kind {
    const char *name;
    enum payload_type payload;
    uint64_t records; /* 0: as many as are asked for */
    enum seglog_codec codec;
    enum seglog_chain chain;
    size_t group;   /* records in a group; 0: none */
    size_t flushed; /* so many appends at a time; 0: each */
    bool is_open;   /* no closing mark */
    bool is_sealed;
    bool is_encrypted;
};

struct sample {
    const struct sample_kind *kind;
    uint8_t *raw; /* as it lies in the store: to be damaged */
    size_t raw_len;
    uint8_t *plain; /* the segment as it was written */
    size_t plain_len;
    struct unit *units;
    size_t unit_count;
    struct piece *pieces; /* encrypted: its chunks */
    size_t piece_count;
    uint8_t **data; /* of each record, by number */
    size_t *len;
    enum seglog_kind *kinds;
    uint64_t records;
    uint8_t *keys;
    size_t keys_len;
    struct view view; /* what is looked at */
    struct seglog_store store;
};

/* All there are, ended by one without a name. */
extern const struct sample_kind sample_kinds[];

/* NULL: there is none of this name. */
const struct sample_kind *
sample_kind_find(const char *name);

/*
 * Write it.  Another seed means another identity, epoch, and other payloads of
 * the same lengths; seed 0 is the usual one.
 */
void
sample_make(struct sample *sample, const struct sample_kind *kind,
            uint64_t records, uint64_t seed);

/*
 * The same, cut back to half its records and written on with those of seed: a
 * segment of two epochs.  older gets what it was before the cut.
 */
void
sample_make_rewritten(struct sample *sample, struct sample *older,
                      const struct sample_kind *kind, uint64_t records,
                      uint64_t seed);

void
sample_free(struct sample *sample);

/* Is what it needs built in? */
bool
sample_kind_is_built(const struct sample_kind *kind);

/* A store of its own that holds the first raw_len bytes, to be written to. */
void
sample_store_make(const struct sample *sample, size_t raw_len,
                  struct seglog_store *store);

/* The unit that a byte of the segment is in. */
const struct unit *
sample_unit_at(const struct sample *sample, size_t at);

/* The chunk that a byte below is in. */
const struct piece *
sample_piece_at(const struct sample *sample, size_t at);

/* Print what failed and end: a sample could not be made. */
#define MUST(condition)                                                        \
    ((condition) ? (void)0 : sample_must_fail(#condition, __FILE__, __LINE__))

_Noreturn void
sample_must_fail(const char *what, const char *file, int line);

#endif /* DAMAGE_SAMPLE_H */
