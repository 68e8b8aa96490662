/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_buf.h - bytes that grow, and bytes read from the front.
 *
 * Layer  columns.
 */
#ifndef SLG_COLUMNS_BUF_H
#define SLG_COLUMNS_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Behind the end of what is copied from in steps of 16 bytes. */
#define SLG_SLACK 32

struct slg_buf {
    uint8_t *data;
    size_t len, cap;
    bool is_bad; /* an allocation failed: stays so */
};

/* Room for len more bytes. */
bool
slg_buf_grow(struct slg_buf *buf, size_t len);
void
slg_buf_varint(struct slg_buf *buf, uint64_t value);
void
slg_buf_free(struct slg_buf *buf);

static inline void
slg_buf_byte(struct slg_buf *buf, unsigned value)
{
    if (buf->len == buf->cap && !slg_buf_grow(buf, 1))
        return;
    buf->data[buf->len++] = (uint8_t)value;
}

static inline void
slg_buf_put(struct slg_buf *buf, const void *bytes, size_t len)
{
    if (buf->cap - buf->len < len && !slg_buf_grow(buf, len))
        return;
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
}

/* Bytes not read yet.  A read that there are no bytes for sets is_bad. */
struct slg_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool is_bad;
};

static inline uint64_t
slg_cursor_varint(struct slg_cursor *cursor)
{
    uint64_t value = 0;

    if (cursor->at < cursor->end && *cursor->at < 0x80)
        return *cursor->at++;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (cursor->at == cursor->end)
            break;
        const uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return value;
    }
    cursor->is_bad = true;
    return 0;
}

/* The bytes up to a zero byte, which is passed over; NULL: there is none. */
static inline const uint8_t *
slg_cursor_text(struct slg_cursor *cursor, size_t *len)
{
    const uint8_t *start = cursor->at;
    const uint8_t *zero = start < cursor->end
                              ? memchr(start, 0, (size_t)(cursor->end - start))
                              : NULL;

    if (!zero) {
        cursor->is_bad = true;
        return NULL;
    }
    *len = (size_t)(zero - start);
    cursor->at = zero + 1;
    return start;
}

/* The next len bytes; NULL: there are not so many. */
static inline const uint8_t *
slg_cursor_take(struct slg_cursor *cursor, uint64_t len)
{
    const uint8_t *start = cursor->at;

    if ((size_t)(cursor->end - start) < len) {
        cursor->is_bad = true;
        return NULL;
    }
    cursor->at += (size_t)len;
    return start;
}

static inline uint64_t
slg_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value < 0 ? -1 : 0);
}

static inline int64_t
slg_unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

static inline uint64_t
slg_hash_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

/* Not for an adversary's eyes: whoever relies on it compares the bytes. */
uint64_t
slg_hash_bytes(const uint8_t *bytes, size_t len);

#endif /* SLG_COLUMNS_BUF_H */
