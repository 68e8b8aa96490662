/* SPDX-License-Identifier: MIT */
/* tests/store/encrypted_copy.h - an encrypted store, and what lies below. */
#ifndef ENCRYPTED_COPY_H
#define ENCRYPTED_COPY_H

#include "tests/support/blobs.h"

#include "seglog/encrypted_store.h"

#define COPY_CAP ((size_t)1 << 18)
/* Bytes of a chunk besides what it holds. */
#define COPY_EXTRA ((size_t)64)

extern const uint8_t copy_key[SEGLOG_KEY_BYTES];

/* One of several copies of the same store, with a blob "log". */
struct copy {
    struct seglog_store below;
    struct seglog_store store; /* owns below */
    struct seglog_blob raw;
    struct seglog_blob blob;
    uint8_t *plain;
    size_t size;
    bool is_lock_held;
    size_t sure; /* raw bytes that no cut came behind */
};

size_t
size_of(struct seglog_blob blob);

uint8_t *
bytes_of(struct seglog_blob blob, size_t *len);

/* Anew, as another process would. */
void
copy_open_blob(struct copy *copy);

/* With the keys of another one; NULL: new ones. */
void
copy_open(struct copy *copy, const struct copy *of);

void
copy_close(struct copy *copy);

/* The blob holds what it should. */
void
copy_check(const struct copy *copy);

/* The blob is these bytes, and is opened anew. */
void
copy_put(struct copy *copy, const uint8_t *bytes, size_t len);

#endif /* ENCRYPTED_COPY_H */
