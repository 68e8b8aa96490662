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

#include "tests/support/blobs.h"

#include "seglog/segment.h"
#include "seglog/testing/fault_store.h"

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
    /* Of a chained segment (SPEC.md 16): every chain head was right. */
    unsigned chain; /* enum seglog_chain; 0: it is not */
    size_t head_count;
    size_t anew_count;
    size_t stone_count;
    size_t signature_count;
    struct seglog_chain_hash head; /* at the end */
};

void
walk_blob(struct seglog_store store, const char *name, struct walked *walked);
void
walked_free(struct walked *walked);

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

void
close_ok(struct seglog_writer *writer);

struct seglog_writer_state
state_of(const struct seglog_writer *writer);

/* Overwrite the hint of a lock, where there is one: with zeros, as if there had
 * never been one, or else. */
void
hint_fill(struct seglog_store store, const char *name, int byte);

/* -- stores as fixtures ----------------------------------------------------
 * *state is the fixture; each test runs with a memory, a file and an encrypted
 * store.
 */

struct store_fixture {
    struct seglog_store store;
    char *dir; /* NULL: memory */
    struct seglog_faults *faults[8];
    size_t fault_count;
};

int
memory_setup(void **state);
int
file_setup(void **state);
/* Encrypted, over memory; plain memory in a build without encryption. */
int
encrypted_setup(void **state);
int
store_teardown(void **state);

struct seglog_store
store_of(void **state);

#define on_memory(test)                                                        \
    cmocka_unit_test_setup_teardown(test, memory_setup, store_teardown)
#define on_file(test)                                                          \
    cmocka_unit_test_setup_teardown(test, file_setup, store_teardown)
#define on_encrypted(test)                                                     \
    cmocka_unit_test_setup_teardown(test, encrypted_setup, store_teardown)

/* -- a store that fails when told to --------------------------------------- */

/* Around the store of the fixture, which frees it; of "log" only. */
struct seglog_faults *
faulty_make(void **state);

/* Around any store; the caller frees it. */
struct seglog_faults *
faulty_around(struct seglog_store store);

/* The at-th such call from now on fails. */
void
faulty_fail(struct seglog_faults *faulty, enum seglog_fault_op op, uint64_t at,
            seglog_code code);

/* Calls so far. */
unsigned
faulty_count(struct seglog_faults *faulty, enum seglog_fault_op op);

#endif /* WRITER_SUPPORT_H */
