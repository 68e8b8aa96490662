/* SPDX-License-Identifier: MIT */
/*
 * src/crypt/sign_key.h - Ed25519 keys in files.
 *
 * Layer  crypt.
 */
#ifndef SLG_CRYPT_SIGN_KEY_H
#define SLG_CRYPT_SIGN_KEY_H

#include "src/crypt/primitives.h"

/*
 * Read a key from a file: PEM as `openssl genpkey -algorithm ed25519` writes it
 * (the public key of `openssl pkey -pubout`), or 32 bytes, or 64 hexadecimal
 * digits.  INVALID for anything else, and without OpenSSL.  A private key is to
 * be wiped with slg_crypt_wipe.
 */
seglog_code
slg_sign_key_read(const char *path, bool is_private, uint8_t key[SLG_KEY_BYTES],
                  struct seglog_error *err);

#endif /* SLG_CRYPT_SIGN_KEY_H */
