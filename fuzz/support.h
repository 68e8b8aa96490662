/* SPDX-License-Identifier: MIT */
/*
 * fuzz/support.h - what the fuzz targets share: taking an input apart, blobs
 * in a memory store, and everything that a scan or a reader says, kept.
 *
 * Nothing survives a run: what is made here is released by the same target.
 */
#ifndef FUZZ_SUPPORT_H
#define FUZZ_SUPPORT_H

#include "seglog/segment.h"

/* A property that does not hold is a finding. */
#define MUST(cond)                                                             \
    do {                                                                       \
        if (!(cond))                                                           \
            must_fail(#cond, __FILE__, __LINE__);                              \
    } while (0)

_Noreturn void
must_fail(const char *cond, const char *file, int line);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly this size, so that a sanitizer guards its end. */
uint8_t *
exact_copy(const uint8_t *bytes, size_t len);

/* -- the input, taken from the front --------------------------------------- */

struct input {
    const uint8_t *at;
    size_t left;
};

/* Zero where there is nothing left. */
uint8_t
input_byte(struct input *input);
/* Little-endian, of this many bytes. */
uint64_t
input_number(struct input *input, unsigned bytes);
/* As many bytes as there are, up to len; they are those of the input. */
const uint8_t *
input_bytes(struct input *input, size_t *len);

/* One input in so many, always the same ones: for what takes long to check. */
bool
input_is_one_in(const uint8_t *data, size_t size, unsigned many);

/* -- blobs ----------------------------------------------------------------- */

void
blob_put(struct seglog_store store, const char *name, const uint8_t *bytes,
         size_t len);
/* To be freed. */
uint8_t *
blob_get(struct seglog_store store, const char *name, size_t *len);

/* -- what a scan says ------------------------------------------------------ */

struct survey {
    seglog_code code;
    struct seglog_scan_summary summary;
    struct seglog_finding *findings;
    size_t finding_count, finding_cap;
    struct seglog_frame *frames;
    size_t frame_count, frame_cap;
};

void
survey_take(struct survey *survey, struct seglog_store store, const char *name,
            uint64_t expect);
void
survey_free(struct survey *survey);

/*
 * Who opens a segment without reading all of it goes by its last mark.  That
 * can be made to lead astray: by a mark in the bytes of a record, or by one
 * with a number that has passed but with the right offset.
 */
bool
survey_may_mislead(const struct survey *survey, const uint8_t *bytes,
                   size_t len);

/* -- what a reader says ---------------------------------------------------- */

/* An event; a record's bytes are kept in the reading. */
struct heard {
    bool is_gap;
    struct seglog_record record;
    size_t start; /* of the record's bytes */
    struct seglog_finding gap;
};

struct reading {
    seglog_code code; /* that ended it: END when all went well */
    struct heard *events;
    size_t count, cap;
    size_t records;
    size_t recorded_gaps;
    uint8_t *bytes;
    size_t len, bytes_cap;
};

/* Open, read to the end, close. */
void
reading_take(struct reading *reading, struct seglog_store store,
             const char *name, const struct seglog_reader_options *options);
/* One more event, or the code that says that there is none now. */
seglog_code
reading_next(struct reading *reading, struct seglog_reader *reader);
void
reading_free(struct reading *reading);

/* Number, kind and bytes. */
bool
heard_same_record(const struct reading *a, const struct heard *x,
                  const struct reading *b, const struct heard *y);

/* All fields. */
int
finding_compare(const struct seglog_finding *a, const struct seglog_finding *b);

#endif /* FUZZ_SUPPORT_H */
