/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/damage_support.h - build a segment, damage it, look at it.
 */
#ifndef DAMAGE_SUPPORT_H
#define DAMAGE_SUPPORT_H

#include "tests/support/seglog_test.h"

#include "seglog/segment.h"

#define IMAGE_RECORDS_MAX  4096u
#define IMAGE_FINDINGS_MAX 64u

/* How a segment for a damage test is made. */
struct image_plan {
    size_t records;
    size_t payload_len; /* of each; the bytes follow from the number */
    bool is_closed;
    bool is_synced;          /* sync after every tenth record */
    uint8_t sync_log2;       /* 0: the default */
    uint8_t body_log2;       /* 0: the default */
    size_t group;            /* records to a group; 0: no groups */
    enum seglog_codec codec; /* not NONE: the records are alike */
};

/* A segment's bytes and where its frames are. */
struct image {
    uint8_t *bytes;
    size_t len;
    size_t records;
    size_t payload_len;
    bool is_alike;
    struct seglog_frame *frames;
    size_t frame_count;
    size_t frame_of[IMAGE_RECORDS_MAX + 1]; /* by record number */
};

void
image_make(struct image *image, const struct image_plan *plan);
void
image_free(struct image *image);

/* The payload of a record, in a buffer that the next call uses again. */
const uint8_t *
image_payload(const struct image *image, uint64_t number);

/* What a scan and a salvaging reader say of some bytes. */
struct looked {
    struct seglog_scan_summary summary;
    struct seglog_finding findings[IMAGE_FINDINGS_MAX];
    size_t finding_count;
    size_t records; /* delivered, all of them right */
    bool has[IMAGE_RECORDS_MAX + 2];
    uint64_t missing; /* how many of 1..records are not delivered */
    uint64_t missing_first;
    uint64_t missing_last;
};

/*
 * Scan bytes and read them in salvage mode.  Fails the test if a record comes
 * back whose bytes or kind are not those of its number, twice, or out of
 * order, or if scan and reader disagree.
 */
void
image_look(const struct image *image, const uint8_t *bytes, size_t len,
           uint64_t expect, struct looked *looked);

/* Exactly this record is missing and reported, nothing else is. */
void
assert_only_lost(const struct looked *looked, uint64_t number);
void
assert_nothing_lost(const struct looked *looked);

#endif /* DAMAGE_SUPPORT_H */
