/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/checksum_stub.c - checksums that may be anything, so that what
 * is proved does not rest on them; what they are told to read must be there.
 */
#include "format/checksum.h"
#include "tests/proof/proof.h"

uint32_t
slg_crc32(uint32_t crc, const void *bytes, size_t len)
{
    (void)crc;
    PROVE(len == 0 || READABLE(bytes, len));
    return any_uint32();
}

uint64_t
slg_xxh3(const void *bytes, size_t len)
{
    PROVE(len == 0 || READABLE(bytes, len));
    return any_uint64();
}

uint32_t
slg_salt(const uint8_t *identity, uint64_t epoch)
{
    (void)epoch;
    PROVE(READABLE(identity, 16));
    return any_uint32();
}
