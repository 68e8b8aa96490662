/* SPDX-License-Identifier: MIT */
/*
 * seglog/encrypted_store.h - a byte store whose bytes nobody else can read.
 *
 * It lies over any other store: what is appended goes there encrypted and
 * authenticated (ENCRYPTION.md), everything else stays as it is: offsets and
 * sizes are those of the plain bytes, locks and names those of the store below.
 *
 * Hidden   the bytes.  Not hidden: names, sizes, times, how much was appended
 *          at once.
 * Promised whoever lacks the key can neither read nor change nor move nor
 *          reorder bytes unnoticed.  He can cut a blob at its end, bring back
 *          an earlier state of it, or swap two whole blobs: what a segment
 *          says of itself, and a count or head kept elsewhere, tell that.
 * Keys     a master key that never leaves the store encrypts the blobs.  It
 *          is kept in the blob SEGLOG_KEYS_NAME, encrypted by the key or the
 *          passphrase of the user.  Without this blob all is lost: copy it
 *          with the rest.
 *
 * Without OpenSSL (SEGLOG_WITH_OPENSSL) every call is INVALID.
 */
#ifndef SEGLOG_ENCRYPTED_STORE_H
#define SEGLOG_ENCRYPTED_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names that start so are neither listed nor opened: INVALID. */
#define SEGLOG_KEYS_NAME      "seglog.keys"

#define SEGLOG_KEY_BYTES      32
#define SEGLOG_PASSPHRASE_MAX 1024

/* Either a key or a passphrase; the other one is NULL. */
struct seglog_store_key {
    size_t size;
    const uint8_t *key; /* SEGLOG_KEY_BYTES of chance */
    const void *passphrase;
    size_t passphrase_len; /* 1 to SEGLOG_PASSPHRASE_MAX */
};

struct seglog_encrypted_store_options {
    size_t size;
    /* Make the keys where there are none.  INVALID if the store below holds
     * blobs already: they would not be encrypted. */
    bool create;
    /* What a guess at a new passphrase costs, by scrypt: 2^log2_n * r * 128
     * bytes and p times the work.  0: 15, 8, 1 (32 MiB, about 0.1 s). */
    uint8_t scrypt_log2_n;
    uint8_t scrypt_r;
    uint8_t scrypt_p;
};

/*
 * Open the encrypted store that lies in `below`, which belongs to it from then
 * on: closing it closes both.  After a failure `below` is the caller's still.
 *
 * Returns
 *   AUTH       another key or passphrase
 *   NOT_FOUND  there are no keys, and none were to be made
 *   CORRUPT    the keys are damaged: bring SEGLOG_KEYS_NAME back from a copy
 *   FORMAT     keys of an unknown version, or that ask for too much work
 * Reading a range that was tampered with is AUTH, with err->offset and
 * err->actual as seglog/store.h says of read_at.
 * Cost       the first size or read of an opened blob goes from chunk to chunk
 *            once, and reads all of it where they are small: 0.06 s and 120 MB
 *            for 333,333 appends of 300 bytes.  What has come since is all that
 *            later calls look at
 * Threads    as every store
 * Since      0.1
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_encrypted_store_open(
    struct seglog_store below, const struct seglog_store_key *key,
    const struct seglog_encrypted_store_options *options,
    struct seglog_store *store, struct seglog_error *err);

/* Does an encrypted store lie in `below`?  Works without OpenSSL as well. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_encrypted_store_detect(struct seglog_store below, bool *is_encrypted,
                              struct seglog_error *err);

/*
 * Let new_key open the store in `below`, and old_key no more.  Stores that are
 * open go on.  Only the keys are written, atomically and durably: after a crash
 * either the old or the new key opens it.
 *
 * The blobs stay encrypted by the same master key: whoever has the old key and
 * an old copy of SEGLOG_KEYS_NAME reads them still, also what is appended
 * later.  Against that copy the logs into a new store.
 *
 *   options  for a new passphrase; may be NULL
 * Returns AUTH, NOT_FOUND, CORRUPT, FORMAT as open does.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_encrypted_store_rekey(
    struct seglog_store below, const struct seglog_store_key *old_key,
    const struct seglog_store_key *new_key,
    const struct seglog_encrypted_store_options *options,
    struct seglog_error *err);

/*
 * Read a key from a file: 32 bytes, or 64 hexadecimal digits and perhaps a line
 * feed.  INVALID for anything else.  Works without OpenSSL as well.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_store_key_read(const char *path, uint8_t key[SEGLOG_KEY_BYTES],
                      struct seglog_error *err);

/* Overwrite memory that held a key, so that no compiler leaves it out. */
SEGLOG_API void
seglog_store_key_wipe(void *bytes, size_t len);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_ENCRYPTED_STORE_H */
