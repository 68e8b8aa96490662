/* SPDX-License-Identifier: MIT */
/*
 * fuzz/odd_store.h - a byte store that does things in odd ways, over another
 * one.  The settings may be changed at any time.
 */
#ifndef FUZZ_ODD_STORE_H
#define FUZZ_ODD_STORE_H

#include "seglog/store.h"

struct odd_store {
    struct seglog_store inner;
    size_t piece_max;   /* reads are done in pieces of this size; 0: whole */
    bool fails_first;   /* each read fails, but not when it is tried again */
    uint64_t bad_start; /* reads that touch [bad_start, bad_end) fail */
    uint64_t bad_end;
    bool cannot_cut;
    /* The n-th from now fails, with nothing done; 0: none. */
    unsigned fail_append_in;
    unsigned fail_sync_in;
    struct seglog_blob_ops ops; /* set by odd_store_open */
};

/* inner and cannot_cut are set.  Closing it does not close the inner one. */
struct seglog_store
odd_store_open(struct odd_store *odd);

#endif /* FUZZ_ODD_STORE_H */
