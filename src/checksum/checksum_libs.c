/* SPDX-License-Identifier: MIT */
/* src/checksum/checksum_libs.c - the checksums of format/checksum.h. */
#include "format/checksum.h"

/* Inlined: a call through the library costs more than a short record's hash. */
#define XXH_INLINE_ALL
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

uint64_t
slg_xxh3(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}
