/* SPDX-License-Identifier: MIT */
/* src/checksum/digest.c - XXH3 with 128 bits from libxxhash. */
#include "src/checksum/digest.h"

#include <xxhash.h>

#include "format/bytes.h"

/* The library makes and aligns it. */
struct slg_long_digest *
slg_long_digest_new(void)
{
    XXH3_state_t *state = XXH3_createState();

    if (state)
        (void)XXH3_128bits_reset(state);
    return (struct slg_long_digest *)(void *)state;
}

static XXH3_state_t *
state_of(struct slg_long_digest *digest)
{
    return (XXH3_state_t *)(void *)digest;
}

void
slg_long_digest_free(struct slg_long_digest *digest)
{
    (void)XXH3_freeState(state_of(digest));
}

void
slg_long_digest_reset(struct slg_long_digest *digest)
{
    (void)XXH3_128bits_reset(state_of(digest));
}

void
slg_long_digest_add(struct slg_long_digest *digest, const void *bytes,
                    size_t len)
{
    (void)XXH3_128bits_update(state_of(digest), bytes, len);
}

void
slg_long_digest_get(const struct slg_long_digest *digest,
                    uint8_t out[SLG_LONG_DIGEST_BYTES])
{
    const XXH128_hash_t hash =
        XXH3_128bits_digest((const XXH3_state_t *)(const void *)digest);

    slg_store_le64(out, hash.low64);
    slg_store_le64(out + 8, hash.high64);
}
