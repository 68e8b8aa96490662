/* SPDX-License-Identifier: MIT */
/* src/columns/columns_buf.c - bytes that grow. */
#include "src/columns/columns_buf.h"

#include <stdlib.h>

bool
slg_buf_grow(struct slg_buf *buf, size_t len)
{
    if (buf->is_bad)
        return false;
    if (buf->cap - buf->len >= len)
        return true;
    if (len > SIZE_MAX / 4 - buf->cap) {
        buf->is_bad = true;
        return false;
    }
    size_t cap = buf->cap + buf->cap / 2 + 64;
    if (cap < buf->len + len)
        cap = buf->len + len;
    uint8_t *data = realloc(buf->data, cap);
    if (!data) {
        buf->is_bad = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void
slg_buf_varint(struct slg_buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;

    while (value >= 0x80) {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (uint8_t)value;
    slg_buf_put(buf, bytes, len);
}

void
slg_buf_free(struct slg_buf *buf)
{
    free(buf->data);
    *buf = (struct slg_buf){ 0 };
}

/* Up to eight bytes as a number, with their count where that is not clear. */
static uint64_t
word_read(const uint8_t *bytes, size_t len)
{
    uint32_t low, high;

    if (len >= 4) {
        memcpy(&low, bytes, 4);
        memcpy(&high, bytes + len - 4, 4);
        return low | (uint64_t)high << 32;
    }
    if (len == 0)
        return 0;
    return bytes[0] | (uint64_t)bytes[len / 2] << 8 |
           (uint64_t)bytes[len - 1] << 16;
}

uint64_t
slg_hash_bytes(const uint8_t *bytes, size_t len)
{
    uint64_t hash = len * UINT64_C(0xC2B2AE3D27D4EB4F) + 1;
    uint64_t other = hash ^ UINT64_C(0x165667B19E3779F9);
    uint64_t words[2];

    /* Two at a time, which do not wait for each other. */
    for (; len > 16; len -= 16, bytes += 16) {
        memcpy(words, bytes, 16);
        hash = slg_hash_mix(hash, words[0]);
        other = slg_hash_mix(other, words[1]);
    }
    if (len >= 8) {
        memcpy(words, bytes, 8);
        memcpy(words + 1, bytes + len - 8, 8);
        hash = slg_hash_mix(hash, words[0]);
        other = slg_hash_mix(other, words[1]);
        return slg_hash_mix(hash, other);
    }
    hash ^= other << 7 ^ other >> 3;
    return slg_hash_mix(hash, word_read(bytes, len));
}
