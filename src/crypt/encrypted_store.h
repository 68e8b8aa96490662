/* SPDX-License-Identifier: MIT */
/*
 * src/crypt/encrypted_store.h - what the files of the encrypted store share.
 */
#ifndef SLG_CRYPT_ENCRYPTED_STORE_H
#define SLG_CRYPT_ENCRYPTED_STORE_H

#include "seglog/encrypted_store.h"
#include "src/crypt/primitives.h"

/* Stays as it is while the store is open: threads need no lock around it. */
struct slg_encrypted_store {
    struct seglog_store below;
    uint8_t seal[SLG_KEY_BYTES];
    uint8_t mac[SLG_KEY_BYTES];
    uint8_t nonce[SLG_KEY_BYTES];
};

/* A blob over one that was opened below, which belongs to it if this is OK. */
seglog_code
slg_encrypted_blob_new(const struct slg_encrypted_store *store,
                       const char *name, unsigned flags,
                       struct seglog_blob below, struct seglog_blob *blob,
                       struct seglog_error *err);

#endif /* SLG_CRYPT_ENCRYPTED_STORE_H */
