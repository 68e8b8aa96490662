/* SPDX-License-Identifier: MIT */
/* format/checksum.c - SPEC.md 2: the salt. */
#include "format/checksum.h"

#include <string.h>

#include "format/bytes.h"

uint32_t
slg_salt(const uint8_t *identity, uint64_t epoch)
{
    uint8_t bytes[24];

    memcpy(bytes, identity, 16);
    slg_store_le64(bytes + 16, epoch);
    return slg_fmix32(slg_crc32(0, bytes, sizeof bytes));
}
