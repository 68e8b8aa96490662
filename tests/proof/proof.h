/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/proof.h - for programs that CBMC runs over all inputs at once.
 *
 * A buffer made here has exactly the size that the code under proof is told,
 * so any access beyond it is one outside an object, which CBMC refuses.
 */
#ifndef SLG_PROOF_H
#define SLG_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* What is not set may be anything. */
#define ANY(type, name)                                                        \
    static inline type any_##name(void)                                        \
    {                                                                          \
        type any;                                                              \
        return any;                                                            \
    }

ANY(bool, bool)
ANY(size_t, size)
ANY(uint8_t, uint8)
ANY(uint32_t, uint32)
ANY(uint64_t, uint64)
ANY(int64_t, int64)

#define ASSUME(what)   __CPROVER_assume(what)
#define PROVE(what)    __CPROVER_assert(what, #what)
#define READABLE(p, n) __CPROVER_r_ok(p, n)

/* Where a length has no bound of its own: more than memory has. */
#define LEN_MAX ((size_t)1 << 40)

/* len bytes of any value. */
static inline uint8_t *
any_bytes(size_t len)
{
    uint8_t *bytes = malloc(len);

    ASSUME(bytes != NULL);
    return bytes;
}

#endif /* SLG_PROOF_H */
