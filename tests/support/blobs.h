/* SPDX-License-Identifier: MIT */
/* tests/support/blobs.h - the bytes of a blob, all at once. */
#ifndef TEST_BLOBS_H
#define TEST_BLOBS_H

#include "tests/support/seglog_test.h"

#include "seglog/store.h"

/* All of it; the caller frees it. */
uint8_t *
blob_read(struct seglog_store store, const char *name, size_t *len);

/* It holds exactly these bytes from now on.  In place, or made if there is
 * none: the name goes on leading to the same blob. */
void
blob_write(struct seglog_store store, const char *name, const void *bytes,
           size_t len);

/* Another blob of that name takes its place, with exactly these bytes. */
void
blob_replace(struct seglog_store store, const char *name, const void *bytes,
             size_t len);

/* Put bytes behind the end of a blob that is there. */
void
blob_add(struct seglog_store store, const char *name, const void *bytes,
         size_t len);

/* Make it as long as that. */
void
blob_cut(struct seglog_store store, const char *name, uint64_t size);

/* Change a byte of a blob from its end; 1 is the last one. */
void
blob_flip(struct seglog_store store, const char *name, uint64_t from_end);

/* It can be opened for reading. */
bool
blob_exists(struct seglog_store store, const char *name);

#endif /* TEST_BLOBS_H */
