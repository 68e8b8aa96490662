/* SPDX-License-Identifier: MIT */
/*
 * format/footer.h - SPEC.md 15.3: the footer of a sealed segment, bytes to
 * struct and back.
 *
 * Layer    format: no I/O, no allocation, no state.
 * Threads  every function is pure.
 */
#ifndef SLG_FORMAT_FOOTER_H
#define SLG_FORMAT_FOOTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/control.h"

#define SLG_FOOTER_VERSION     1u
#define SLG_FOOTER_FIXED_BYTES 83u /* up to the name of the parent */
#define SLG_FOOTER_END_BYTES   8u  /* length, "SLFT" */
#define SLG_FOOTER_DIGEST      16u
#define SLG_FOOTER_PARENT_MAX  255u
/* The longest row of the table; the shortest has SLG_FOOTER_ROW_MIN bytes. */
#define SLG_FOOTER_ROW_MAX (8u * SLG_VARINT_MAX)
#define SLG_FOOTER_ROW_MIN 7u

/* Times: none is min INT64_MAX with max INT64_MIN. */
struct slg_footer {
    uint64_t first_record;
    uint64_t records;
    uint64_t lines;
    uint64_t lost;
    uint64_t text_bytes;
    uint64_t blocks;
    int64_t time_min;
    int64_t time_max;
    uint8_t digest[SLG_FOOTER_DIGEST];
    uint8_t parent_digest[SLG_FOOTER_DIGEST]; /* where there is a parent */
    const uint8_t *parent;                    /* its name; points into body */
    size_t parent_len;                        /* 0: there is none */
};

/* One block, as the table has it. */
struct slg_footer_row {
    uint64_t offset; /* of its frame */
    uint64_t len;    /* of its frame */
    uint64_t first;  /* number of its first record */
    uint64_t count;
    uint64_t lines;
    uint64_t text_bytes;
    int64_t time_min;
    int64_t time_max;
};

/* Going through the table. */
struct slg_footer_table {
    const uint8_t *at;
    const uint8_t *end;
    uint64_t left;
    struct slg_footer_row row; /* the last one; the next one refers to it */
    int64_t time_base;         /* the last time_min that was known */
};

static inline bool
slg_time_is_known(int64_t time_min, int64_t time_max)
{
    return time_min <= time_max;
}

/* Where the table starts that what is written next refers to. */
void
slg_footer_table_begin(struct slg_footer_table *table, uint64_t first_record);

/* Write the next row; returns its length, at most SLG_FOOTER_ROW_MAX. */
size_t
slg_footer_row_put(struct slg_footer_table *table,
                   const struct slg_footer_row *row, uint8_t *out);

/* What stands before the table; parent_len is at most SLG_FOOTER_PARENT_MAX.
 * Returns its length. */
size_t
slg_footer_fixed_put(const struct slg_footer *footer, uint8_t *out);
/* What stands behind it; body_len: of the body with this. */
void
slg_footer_end_put(uint32_t body_len, uint8_t out[SLG_FOOTER_END_BYTES]);

/*
 * Decode the body of a valid frame of type 7 that starts at footer_offset.
 * Every field and the whole table are checked against each other and against
 * the segment; table stands at the first row.  False: no writer makes it.
 */
bool
slg_footer_decode(const uint8_t *body, size_t len, uint64_t footer_offset,
                  struct slg_footer *footer, struct slg_footer_table *table);

/* The next row of a table that has been checked; false: no more. */
bool
slg_footer_row_next(struct slg_footer_table *table);

#endif /* SLG_FORMAT_FOOTER_H */
