/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/writer_support.h - what the tests of the writer share.
 *
 * The walker reads a segment by SPEC.md alone and shares no code with the
 * library but the store: it knows nothing of damage and fails the test at the
 * first byte that a writer should not have written.
 */
#ifndef WRITER_SUPPORT_H
#define WRITER_SUPPORT_H

#include "tests/support/seglog_test.h"

#include "seglog/segment.h"

#define WRITER_EPOCH 0xC0FFEE01u

extern const uint8_t writer_identity[SEGLOG_IDENTITY_BYTES];

struct walked_record {
    unsigned kind;
    uint64_t number;
    bool is_durable; /* the head of its frame says so */
    bool is_grouped;
    size_t offset;
    size_t len;
    const uint8_t *data;
};

struct walked_sync {
    size_t offset;
    uint64_t epoch;
    uint64_t number;
    uint64_t line;
    uint64_t watermark;
};

struct walked {
    uint8_t *bytes;
    size_t len;
    struct walked_record *records;
    size_t record_count;
    struct walked_sync *syncs;
    size_t sync_count;
    size_t mark_count; /* closing marks */
    size_t gap_count;
    size_t group_count;
    uint64_t number; /* of the next record */
    uint64_t line;
    uint64_t epoch;
    bool is_closed;
    const uint8_t *attributes; /* in bytes; NULL: none */
    size_t attributes_len;
};

void
walk_blob(struct seglog_store store, const char *name, struct walked *walked);
void
walked_free(struct walked *walked);

/* The whole blob; the caller frees it. */
uint8_t *
blob_read(struct seglog_store store, const char *name, size_t *len);
/* Make the blob hold exactly these bytes. */
void
blob_write(struct seglog_store store, const char *name, const void *bytes,
           size_t len);

/* Put the right checksum into a header that was changed. */
void
header_seal(uint8_t *bytes);

/* Options with identity and epoch given: the same calls give the same bytes. */
struct seglog_writer_options
writer_options_fixed(void);

struct seglog_writer *
writer_open_ok(struct seglog_store store, const char *name,
               const struct seglog_writer_options *options);

/* Append text and expect it to get this number. */
void
append_ok(struct seglog_writer *writer, const char *text, uint64_t number);

/* -- stores as fixtures ----------------------------------------------------
 * *state is the fixture; each test runs with a memory and with a file store.
 */

struct store_fixture {
    struct seglog_store store;
    char *dir; /* NULL: memory */
};

int
memory_setup(void **state);
int
file_setup(void **state);
int
store_teardown(void **state);

struct seglog_store
store_of(void **state);

#define on_memory(test)                                                        \
    cmocka_unit_test_setup_teardown(test, memory_setup, store_teardown)
#define on_file(test)                                                          \
    cmocka_unit_test_setup_teardown(test, file_setup, store_teardown)

/* -- a store that fails when told to --------------------------------------- */

/* Counts and faults of all blobs whose name is `name`. */
struct faulty {
    struct seglog_store inner;
    const char *name;
    unsigned appends; /* calls so far, likewise below */
    unsigned syncs;
    unsigned flushes;
    unsigned reads;
    unsigned sizes;
    unsigned truncates;
    unsigned fail_append; /* the number of the call that fails; 0: none */
    unsigned fail_sync;
    unsigned fail_flush;
    unsigned fail_truncate;
    seglog_code append_code;
    bool is_pipe;    /* nothing but append, flush, sync and close */
    bool cannot_cut; /* no truncate */
};

/* The store borrows faulty and faulty->inner, and never closes inner. */
struct seglog_store
faulty_store(struct faulty *faulty);

#endif /* WRITER_SUPPORT_H */
