/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/forge_support.h - segments made frame by frame, and what
 * scan and readers say of them.
 *
 * A forge lays frames one behind the other as SPEC.md says, without a writer,
 * so that a test can also make what no writer makes.  It remembers every record
 * it put, and whatever is read back is compared with that.
 */
#ifndef FORGE_SUPPORT_H
#define FORGE_SUPPORT_H

#include "tests/support/blobs.h"

#include "format/control.h"
#include "seglog/segment.h"
#include "seglog/testing/fault_store.h"

#define FORGE_EPOCH UINT64_C(0xC0FFEE01)

extern const uint8_t forge_identity[SEGLOG_IDENTITY_BYTES];
extern const uint8_t forge_stranger[SEGLOG_IDENTITY_BYTES];

struct forge_frame {
    size_t offset;
    size_t len;
    uint64_t number; /* of its first record, or of the next one */
    uint64_t count;
    uint8_t kind;
    uint8_t control;
};

struct forge_record {
    uint64_t number;
    uint64_t line;
    unsigned kind;
    uint8_t *data;
    size_t len;
};

struct forge {
    uint8_t *bytes;
    size_t len;
    size_t cap;
    struct slg_header header;
    struct slg_frame_limits limits;
    /* What the next frame gets; a test may change any of these. */
    uint64_t epoch;
    uint64_t number;
    uint64_t line;
    uint64_t watermark; /* for sync points; below number */
    uint64_t digest;
    bool is_durable;
    size_t sync_offset;
    struct forge_frame *frames;
    size_t frame_count;
    struct forge_record *records;
    size_t record_count;
};

/* A header with the defaults, first_record 1. */
void
forge_start(struct forge *forge);
/* The same, but with this header and the sync point it may need. */
void
forge_start_with(struct forge *forge, const struct slg_header *header);
struct slg_header
forge_header(void);
void
forge_free(struct forge *forge);

/* Each of these appends one frame and returns its index. */
size_t
forge_put(struct forge *forge, unsigned kind, const void *data, size_t len);
size_t
forge_text(struct forge *forge, const char *text);
size_t
forge_group(struct forge *forge, const struct seglog_item *items, size_t count);
/* A block of one text record of up to 64 bytes; coding 0 is plain. */
size_t
forge_block(struct forge *forge, uint8_t coding, const void *data, size_t len);
/* A block of these records, uncompressed; the sync point in front of it is the
 * caller's. */
size_t
forge_block_of(struct forge *forge, const struct seglog_item *items,
               size_t count);
/* The footer of the blocks put so far, and of this parent (NULL: none). */
size_t
forge_footer(struct forge *forge, const char *parent);
/* A text record, packed as deflate that compresses nothing. */
size_t
forge_deflated(struct forge *forge, const void *data, size_t len);
size_t
forge_sync(struct forge *forge);
size_t
forge_close(struct forge *forge);
size_t
forge_gap(struct forge *forge, const struct slg_gap *gap);
size_t
forge_predecessor(struct forge *forge);
/* A control frame of a type that nobody knows. */
size_t
forge_unknown(struct forge *forge, size_t body_len);

/* count text records of len bytes (at least 8) that tell their number. */
void
forge_fill(struct forge *forge, size_t count, size_t len);
/* Groups of `size` such records. */
void
forge_fill_groups(struct forge *forge, size_t count, size_t size, size_t len);

/* Bytes that are no frame of this segment. */
void
forge_raw(struct forge *forge, const void *bytes, size_t len);

/*
 * A cut: from here on the numbers from `number` on are used again, under a new
 * epoch, which a sync point starts.  The bytes stay where they are; records
 * from `number` on are forgotten.
 */
size_t
forge_new_epoch(struct forge *forge, uint64_t number);
/* The same without the sync point. */
void
forge_forget(struct forge *forge, uint64_t number);

/* A sound copy of the bytes, to be damaged; free it. */
uint8_t *
forge_copy(const struct forge *forge);

/* A copy with `by` bytes 'z' put in at `at`, or (negative) bytes taken out. */
uint8_t *
forge_moved(const struct forge *forge, size_t at, int by, size_t *len);

/* -- segments that many tests start from ----------------------------------- */

#define FORGE_HEADER_BYTES ((size_t)54)
#define FORGE_TEN_FRAME    ((size_t)46)

/* Ten records of 40 bytes, frames of 46; the closing mark is at 514. */
void
forge_ten(struct forge *forge, bool is_closed);
/* Where the frame of a record of it starts. */
size_t
forge_ten_at(uint64_t number);

/* 40 records of 100 bytes in frames of 106, and a sync point behind 30. */
void
forge_forty(struct forge *forge, bool is_closed, uint64_t watermark);

/* The last frame that holds the record; fails the test if none does. */
const struct forge_frame *
forge_frame_of(const struct forge *forge, uint64_t number);

/* NULL: the forge did not put a record of this number. */
const struct forge_record *
forge_record_of(const struct forge *forge, uint64_t number);

/* -- looking --------------------------------------------------------------- */

#define LOOK_EVENTS_MAX 256u

/* What is said of some bytes. */
struct look {
    struct seglog_scan_summary summary;
    struct seglog_finding findings[LOOK_EVENTS_MAX];
    size_t finding_count;
    /* Findings, one a line: VERDICT cause FIRST-LAST lLINE @BYTE+COUNT sSHIFT
     * durable; "-" for no records, "?" for no last record or no shift. */
    char text[LOOK_EVENTS_MAX * 80];
    /* The salvaging reader, in its order: "1-4 GAP(checksum 5-5) 6-9", an
     * unconfirmed record as "~5", a recorded gap as "REC(cause 5-6)". */
    char order[16384];
    size_t records;
    uint64_t line_last; /* of the last record */
};

/*
 * Scan the bytes, and read them in salvage and in strict mode.  Fails the test
 *   - if any record is not exactly what the forge put under its number,
 *   - if one comes twice or out of order, with another line (where lines are
 *     certain), or as part of a group that it is not in,
 *   - if the three do not agree on records, findings, losses and verdict.
 */
void
look_at(const struct forge *forge, const void *bytes, size_t len,
        struct look *look);
void
look_at_expecting(const struct forge *forge, const void *bytes, size_t len,
                  uint64_t expect, struct look *look);

/* The same of the blob "look" in a store. */
void
look_in_store(const struct forge *forge, struct seglog_store store,
              uint64_t expect, struct look *look);

/* One finding as above, without a line feed. */
void
finding_format(const struct seglog_finding *finding, char *out, size_t cap);

/* The findings as text; printf arguments for offsets. */
void
assert_findings(const struct look *look, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void
assert_order(const struct look *look, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define assert_no_findings(look) assert_string_equal((look)->text, "")

#define assert_verdict(look, want)                                             \
    assert_string_equal(seglog_verdict_name((look)->summary.verdict),          \
                        seglog_verdict_name(want))

/* -- a store in memory that counts, and fails where told to ---------------- */

struct probe {
    struct seglog_store inner;
    struct seglog_faults *faults;
};

/* Opens probe->inner in memory; close by probe_close. */
struct seglog_store
probe_open(struct probe *probe);
void
probe_close(struct probe *probe);
/* Reads that touch [start, end) fail until the faults are cleared. */
void
probe_fail_reads(struct probe *probe, uint64_t start, uint64_t end);
/* Make the blob hold exactly these bytes, replacing one of that name. */
void
probe_put(struct probe *probe, const char *name, const void *bytes, size_t len);

#endif /* FORGE_SUPPORT_H */
