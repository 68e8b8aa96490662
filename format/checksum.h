/* SPDX-License-Identifier: MIT */
/*
 * format/checksum.h - SPEC.md 2: checksums, salt and mix.
 *
 * The two checksums themselves come from libraries, through src/checksum; a
 * freestanding build supplies these functions itself (the last one only where
 * there are dictionaries).
 */
#ifndef SLG_FORMAT_CHECKSUM_H
#define SLG_FORMAT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Continue a CRC-32 (zlib polynomial); the first call passes crc 0. */
uint32_t
slg_crc32(uint32_t crc, const void *bytes, size_t len);

/* XXH3, 64 bits, seed 0. */
uint64_t
slg_xxh3(const void *bytes, size_t len);

/* XXH3, 128 bits, seed 0, the highest byte first.  Names dictionaries. */
void
slg_xxh3_128(const void *bytes, size_t len, uint8_t out[16]);

static inline uint32_t
slg_fmix32(uint32_t h)
{
    h ^= h >> 16;
    h *= UINT32_C(0x85EBCA6B);
    h ^= h >> 13;
    h *= UINT32_C(0xC2B2AE35);
    h ^= h >> 16;
    return h;
}

static inline uint32_t
slg_fmix32_inverse(uint32_t h)
{
    h ^= h >> 16;
    h *= UINT32_C(0x7ED1B41D);
    h ^= (h >> 13) ^ (h >> 26);
    h *= UINT32_C(0xA5CB9243);
    h ^= h >> 16;
    return h;
}

/* identity: 16 bytes. */
uint32_t
slg_salt(const uint8_t *identity, uint64_t epoch);

static inline uint32_t
slg_mix(uint64_t number, uint32_t salt)
{
    return slg_fmix32((uint32_t)number) ^ salt;
}

/* What one record adds to the stretch digest (SPEC.md 6.1). */
static inline uint64_t
slg_digest_term(uint64_t number, const void *record, size_t len)
{
    return slg_xxh3(record, len) * (2 * number + 1);
}

#endif /* SLG_FORMAT_CHECKSUM_H */
