/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/prove_header.c - SPEC.md 3: whatever the 54 bytes, a header that
 * is accepted is within its ranges, and is written as it was read.
 */
#include <string.h>

#include "format/header.h"
#include "tests/proof/proof.h"

static void
prove_accepted(void)
{
    const uint8_t *in = any_bytes(SLG_HEADER_BYTES);
    struct slg_header header;
    uint8_t again[SLG_HEADER_BYTES];

    if (slg_header_decode(in, &header) != SLG_HEADER_OK)
        return;
    PROVE(header.version == SLG_VERSION);
    PROVE(header.body_log2 >= SLG_BODY_LOG2_LEAST &&
          header.body_log2 <= SLG_BODY_LOG2_MOST);
    PROVE(header.sync_log2 >= SLG_SYNC_LOG2_LEAST &&
          header.sync_log2 <= SLG_SYNC_LOG2_MOST);
    PROVE(header.first_record >= 1 && header.first_record <= INT64_MAX);
    PROVE(header.epoch <= UINT32_MAX);
    PROVE(slg_header_limits(&header).body_max == (uint64_t)1
                                                     << header.body_log2);
    slg_header_encode(&header, again);
    /* But for the checksum, which may be anything here. */
    for (size_t i = 0; i < SLG_HEADER_BYTES - SLG_CHECKSUM_BYTES; i++)
        PROVE(again[i] == in[i]);
}

int
main(void)
{
    prove_accepted();
    return 0;
}
