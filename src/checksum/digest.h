/* SPDX-License-Identifier: MIT */
/*
 * src/checksum/digest.h - XXH3 with 128 bits, piece by piece.
 *
 * Layer  checksum.
 */
#ifndef SLG_CHECKSUM_DIGEST_H
#define SLG_CHECKSUM_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define SLG_LONG_DIGEST_BYTES 16u

struct slg_long_digest;

/* NULL when there is no memory; free accepts NULL. */
struct slg_long_digest *
slg_long_digest_new(void);
void
slg_long_digest_free(struct slg_long_digest *digest);

void
slg_long_digest_reset(struct slg_long_digest *digest);
void
slg_long_digest_add(struct slg_long_digest *digest, const void *bytes,
                    size_t len);

/* Of all that was added: the lower 64 bits first, each half little-endian. */
void
slg_long_digest_get(const struct slg_long_digest *digest,
                    uint8_t out[SLG_LONG_DIGEST_BYTES]);

/* Of two pieces, one behind the other; the highest byte first. */
void
slg_xxh3_128_joined(const void *first, size_t first_len, const void *second,
                    size_t second_len, uint8_t out[SLG_LONG_DIGEST_BYTES]);

#endif /* SLG_CHECKSUM_DIGEST_H */
