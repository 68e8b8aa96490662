/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/prove_varint.c - SPEC.md 5: a varint is read within its bytes,
 * however many these are, in one encoding only, and every value below 2^63
 * comes back.  What is proved here is what varint_stub.c promises.
 */
#include "format/frame.h"
#include "tests/proof/proof.h"

static void
prove_read(void)
{
    const size_t len = any_size();
    uint64_t value = 0;
    uint8_t again[10];

    ASSUME(len <= LEN_MAX);
    const uint8_t *bytes = any_bytes(len);
    const size_t used = slg_varint_get(bytes, len, &value);

    PROVE(used <= len && used <= SLG_VARINT_MAX);
    if (used == 0)
        return;
    PROVE(value >> 63 == 0);
    PROVE(slg_varint_put(again, value) == used);
    for (size_t i = 0; i < used; i++)
        PROVE(again[i] == bytes[i]);
}

static void
prove_written(void)
{
    const uint64_t value = any_uint64();
    uint8_t bytes[SLG_VARINT_MAX];
    uint64_t again = 0;

    ASSUME(value >> 63 == 0);
    const size_t len = slg_varint_put(bytes, value);

    PROVE(len == slg_varint_len(value));
    PROVE(slg_varint_get(bytes, len, &again) == len);
    PROVE(again == value);
}

int
main(void)
{
    prove_read();
    prove_written();
    return 0;
}
