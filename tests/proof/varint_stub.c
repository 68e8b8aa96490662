/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/varint_stub.c - a varint that may be anything prove_varint.c
 * leaves open: what is proved over it holds for each of them, and has not to
 * follow the bytes.  The same place says the same each time it is read.
 */
#include "format/frame.h"
#include "tests/proof/proof.h"

size_t
__CPROVER_uninterpreted_used(const uint8_t *in, size_t len);
uint64_t
__CPROVER_uninterpreted_value(const uint8_t *in, size_t len);

size_t
slg_varint_get(const uint8_t *in, size_t len, uint64_t *value)
{
    const size_t used = __CPROVER_uninterpreted_used(in, len);
    const uint64_t read = __CPROVER_uninterpreted_value(in, len);

    PROVE(len == 0 || READABLE(in, len));
    ASSUME(used <= len && used <= SLG_VARINT_MAX && read >> 63 == 0);
    if (used > 0)
        *value = read;
    return used;
}
