/* SPDX-License-Identifier: MIT */
/*
 * src/crypt/keys.h - the blob that keeps the master key (ENCRYPTION.md 1).
 *
 * Layer  crypt.
 */
#ifndef SLG_CRYPT_KEYS_H
#define SLG_CRYPT_KEYS_H

#include "seglog/encrypted_store.h"
#include "src/crypt/primitives.h"

#define SLG_KEYS_BYTES       128u
#define SLG_KEYS_COPY_OFFSET 4096u
#define SLG_KEYS_BLOB_BYTES  (SLG_KEYS_COPY_OFFSET + SLG_KEYS_BYTES)

/* INVALID unless it is one of the two. */
seglog_code
slg_keys_check(const struct seglog_store_key *key, struct seglog_error *err);

/* Wrap master by key; bytes is what the blob is to hold. */
seglog_code
slg_keys_wrap(const uint8_t master[SLG_KEY_BYTES],
              const struct seglog_store_key *key,
              const struct seglog_encrypted_store_options *options,
              uint8_t bytes[SLG_KEYS_BLOB_BYTES], struct seglog_error *err);

/*
 * AUTH for another key; CORRUPT if both copies are damaged; FORMAT.  len bytes
 * of a blob, of which nothing is known.
 */
seglog_code
slg_keys_unwrap(const uint8_t *bytes, size_t len,
                const struct seglog_store_key *key,
                uint8_t master[SLG_KEY_BYTES], struct seglog_error *err);

/* Read the blob and unwrap.  NOT_FOUND: there is none. */
seglog_code
slg_keys_load(struct seglog_store below, const struct seglog_store_key *key,
              uint8_t master[SLG_KEY_BYTES], struct seglog_error *err);

/* Wrap, and put the blob in the place of the one there is, durably. */
seglog_code
slg_keys_save(struct seglog_store below, const uint8_t master[SLG_KEY_BYTES],
              const struct seglog_store_key *key,
              const struct seglog_encrypted_store_options *options,
              struct seglog_error *err);

#endif /* SLG_CRYPT_KEYS_H */
