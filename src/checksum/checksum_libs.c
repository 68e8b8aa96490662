/* SPDX-License-Identifier: MIT */
/* src/checksum/checksum_libs.c - the checksums of format/checksum.h. */
#include "format/checksum.h"

#include <string.h>

#include "src/checksum/digest.h"

/* Inlined: a call through the library costs more than a short record's hash.
 * What is built for a debugger (-Og) refuses to inline all of it. */
#define XXH_INLINE_ALL
#ifndef NDEBUG
#define XXH_NO_INLINE_HINTS 1
#endif
#include <xxhash.h>

#ifdef SEGLOG_HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

/*
 * Both libraries answer a NULL pointer with their initial value instead of
 * the value so far, and nothing is often a NULL pointer.
 */
uint32_t
slg_crc32(uint32_t crc, const void *bytes, size_t len)
{
    if (len == 0)
        return crc;
#ifdef SEGLOG_HAVE_LIBDEFLATE
    return libdeflate_crc32(crc, bytes, len);
#else
    return (uint32_t)crc32_z(crc, bytes, len);
#endif
}

void
slg_xxh3_128(const void *bytes, size_t len, uint8_t out[16])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, len));
    for (size_t i = 0; i < sizeof canonical.digest; i++)
        out[i] = canonical.digest[i];
}

/*
 * Short pieces are joined: hashing at once is faster than going on, and most
 * records are short.
 */
void
slg_xxh3_128_joined(const void *first, size_t first_len, const void *second,
                    size_t second_len, uint8_t out[SLG_LONG_DIGEST_BYTES])
{
    uint8_t joined[2048];
    XXH128_canonical_t canonical;
    XXH3_state_t state;

    if (second_len == 0)
        second = "";
    if (first_len <= sizeof joined && second_len <= sizeof joined - first_len) {
        memcpy(joined, first, first_len);
        memcpy(joined + first_len, second, second_len);
        slg_xxh3_128(joined, first_len + second_len, out);
        return;
    }
    (void)XXH3_128bits_reset(&state);
    (void)XXH3_128bits_update(&state, first, first_len);
    (void)XXH3_128bits_update(&state, second, second_len);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    memcpy(out, canonical.digest, sizeof canonical.digest);
}

uint64_t
slg_xxh3(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}
