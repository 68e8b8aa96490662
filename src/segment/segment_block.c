/* SPDX-License-Identifier: MIT */
/* src/segment/segment_block.c - SPEC.md 15.1: blocks, coded and plain. */
#include "src/segment/segment_block_parts.h"

#include <stdlib.h>
#include <string.h>

#include "format/frame.h"

void
slg_block_reset(struct slg_block *block)
{
    free(block->bytes);
    *block = (struct slg_block){ .bytes = NULL };
}

bool
slg_block_find_reference(const uint8_t *body, size_t len, uint64_t *first,
                         uint64_t *last)
{
    uint64_t count = 0;
    size_t at = slg_varint_get(body, len, &count);
    size_t used = 0;

    if (at == 0 || at == len || body[at++] != SLG_BLOCK_PARENT)
        return false;
    used = slg_varint_get(body + at, len - at, first);
    at += used;
    if (used == 0 || slg_varint_get(body + at, len - at, last) == 0)
        *first = *last = 0;
    return true;
}

seglog_code
slg_block_reserve(struct slg_block *block, size_t len)
{
    uint8_t *bytes = NULL;

    if (len <= block->cap)
        return SEGLOG_OK;
    /* Nothing of the old bytes is wanted. */
    free(block->bytes);
    *block = (struct slg_block){ .bytes = NULL };
    bytes = malloc(len);
    if (!bytes)
        return SEGLOG_NO_MEMORY;
    block->bytes = bytes;
    block->cap = len;
    return SEGLOG_OK;
}

/* A sound plain body with so many records, none of them too long. */
static seglog_code
plain_check(const struct slg_block *block, uint64_t count, uint64_t body_max)
{
    struct slg_group group;
    const uint8_t *data = NULL;
    unsigned kind = 0;
    size_t len = 0;

    if (!slg_entries_open(&group, block->bytes, block->len) ||
        group.left != count)
        return SEGLOG_CORRUPT;
    while (slg_group_next(&group, &kind, &data, &len)) {
        if (len > body_max)
            return SEGLOG_CORRUPT;
    }
    return slg_group_is_done(&group) ? SEGLOG_OK : SEGLOG_CORRUPT;
}

/* What columns would have made longer.  The coding stands behind the count. */
static seglog_code
plain_decode(struct slg_block *block, const uint8_t *body, size_t used,
             size_t len, uint64_t count, uint64_t body_max)
{
    const size_t plain = len - 1;
    seglog_code code = SEGLOG_OK;

    if (plain > slg_block_plain_max(body_max))
        return SEGLOG_CORRUPT;
    code = slg_block_reserve(block, plain);
    if (code != SEGLOG_OK)
        return code;
    memcpy(block->bytes, body, used);
    memcpy(block->bytes + used, body + used + 1, plain - used);
    block->len = plain;
    return plain_check(block, count, body_max);
}

#ifdef SEGLOG_HAVE_ZSTD

/* Length of the plain body; 0 when a record has no legal kind. */
static uint64_t
plain_len(const struct slg_columns *columns)
{
    uint64_t len = slg_varint_len(columns->count);

    for (size_t i = 0; i < columns->count; i++) {
        const struct slg_columns_record *record = &columns->records[i];

        if (record->kind > SLG_FRAME_TAIL - SLG_FRAME_TEXT)
            return 0;
        len += slg_varint_len((uint64_t)record->len << 2) + record->len;
    }
    return len;
}

static void
plain_write(uint8_t *out, const struct slg_columns *columns)
{
    out += slg_varint_put(out, columns->count);
    for (size_t i = 0; i < columns->count; i++) {
        const struct slg_columns_record *record = &columns->records[i];

        out += slg_varint_put(out, (uint64_t)record->len << 2 | record->kind);
        if (record->len > 0)
            memcpy(out, record->bytes, record->len);
        out += record->len;
    }
}

static seglog_code
columns_decode(struct slg_block *block, const uint8_t *data, size_t len,
               uint64_t count, uint64_t body_max)
{
    const struct slg_columns_limits limits = {
        .bytes_max = (size_t)body_max,
        .records_max = (size_t)count,
        .record_max = (size_t)body_max,
    };
    struct slg_columns columns = { .records = NULL };
    seglog_code code = slg_columns_decode(data, len, &limits, &columns);

    if (code != SEGLOG_OK)
        return code == SEGLOG_TOO_LARGE ? SEGLOG_CORRUPT : code;
    const uint64_t plain = plain_len(&columns);
    if (columns.count != count || plain == 0 ||
        plain > slg_block_plain_max(body_max))
        code = SEGLOG_CORRUPT;
    else
        code = slg_block_reserve(block, (size_t)plain);
    if (code == SEGLOG_OK) {
        plain_write(block->bytes, &columns);
        block->len = (size_t)plain;
    }
    slg_columns_reset(&columns);
    return code;
}

/* The numbers of the parent's records have been read by who got them. */
static seglog_code
parent_decode(struct slg_block *block, const uint8_t *data, size_t len,
              uint64_t count, uint64_t body_max,
              const struct slg_block_prefix *prefix)
{
    uint64_t first = 0;
    uint64_t last = 0;
    const size_t one = slg_varint_get(data, len, &first);
    const size_t two = slg_varint_get(data + one, len - one, &last);
    seglog_code code = SEGLOG_CORRUPT;

    if (one == 0 || two == 0 || !prefix || prefix->len == 0)
        return SEGLOG_CORRUPT;
    code = slg_block_parent_decode(block, data + one + two, len - one - two,
                                   slg_block_plain_max(body_max), prefix);
    return code == SEGLOG_OK ? plain_check(block, count, body_max) : code;
}

#endif

/* What needs zstd. */
static seglog_code
packed_decode(struct slg_block *block, unsigned coding, const uint8_t *data,
              size_t len, uint64_t count, uint64_t body_max,
              const struct slg_block_prefix *prefix)
{
#ifdef SEGLOG_HAVE_ZSTD
    return coding == SLG_BLOCK_COLUMNS
               ? columns_decode(block, data, len, count, body_max)
               : parent_decode(block, data, len, count, body_max, prefix);
#else
    (void)block;
    (void)coding;
    (void)data;
    (void)len;
    (void)count;
    (void)body_max;
    (void)prefix;
    return SEGLOG_FORMAT;
#endif
}

seglog_code
slg_block_decode(struct slg_block *block, const uint8_t *body, size_t len,
                 uint64_t body_max, const struct slg_block_prefix *prefix)
{
    uint64_t count = 0;
    const size_t used = slg_varint_get(body, len, &count);

    block->len = 0;
    if (used == 0 || used == len || count == 0 ||
        count > slg_block_records_max(body_max))
        return SEGLOG_CORRUPT;
    const uint8_t *data = body + used + 1;
    const size_t data_len = len - used - 1;
    switch (body[used]) {
    case SLG_BLOCK_PLAIN:
        return plain_decode(block, body, used, len, count, body_max);
    case SLG_BLOCK_COLUMNS:
    case SLG_BLOCK_PARENT:
        return packed_decode(block, body[used], data, data_len, count, body_max,
                             prefix);
    default:
        return SEGLOG_CORRUPT;
    }
}

#ifdef SEGLOG_HAVE_ZSTD

/* What is being encoded.  The plain body is made when it is asked for. */
struct encoding {
    struct slg_columns columns; /* the records */
    int level;
    size_t memory_max;
    size_t used; /* of the count */
    uint8_t *plain;
    size_t plain_len;
    uint8_t *body; /* the smallest so far; NULL: none */
    size_t len;
};

static bool
encoding_make_plain(struct encoding *encoding)
{
    if (encoding->plain)
        return true;
    encoding->plain = malloc(encoding->plain_len);
    if (encoding->plain)
        plain_write(encoding->plain, &encoding->columns);
    return encoding->plain != NULL;
}

/* A body of len bytes behind count and coding, where its data starts. */
static uint8_t *
encoding_take(struct encoding *encoding, unsigned coding, size_t len)
{
    uint8_t *body = malloc(encoding->used + 1 + len);

    if (!body)
        return NULL;
    slg_varint_put(body, encoding->columns.count);
    body[encoding->used] = (uint8_t)coding;
    free(encoding->body);
    encoding->body = body;
    encoding->len = encoding->used + 1 + len;
    return body + encoding->used + 1;
}

/* What failed here can be done without: it is one way of several. */
static void
encode_parent(struct encoding *encoding, const struct slg_block_prefix *prefix)
{
    uint8_t *data =
        encoding_make_plain(encoding) ? malloc(encoding->plain_len) : NULL;
    size_t at = 0;

    if (data && encoding->plain_len > 2 * (size_t)SLG_VARINT_MAX) {
        at = slg_varint_put(data, prefix->first);
        at += slg_varint_put(data + at, prefix->last);
        const size_t len = slg_block_parent_encode(
            data + at, encoding->plain_len - at, encoding->plain,
            encoding->plain_len, encoding->level, prefix);
        uint8_t *out = len > 0
                           ? encoding_take(encoding, SLG_BLOCK_PARENT, at + len)
                           : NULL;
        if (out)
            memcpy(out, data, at + len);
    }
    free(data);
}

static seglog_code
encode_columns(struct encoding *encoding)
{
    const struct slg_columns_options options = { .level = encoding->level,
                                                 .memory_max =
                                                     encoding->memory_max };
    const struct slg_columns *columns = &encoding->columns;
    uint8_t *data = NULL;
    size_t len = 0;
    seglog_code code = slg_columns_encode(columns->records, columns->count,
                                          &options, &data, &len);

    if (code == SEGLOG_OK &&
        (!encoding->body || encoding->used + 1 + len < encoding->len)) {
        uint8_t *out = encoding_take(encoding, SLG_BLOCK_COLUMNS, len);

        if (out)
            memcpy(out, data, len);
        else
            code = SEGLOG_NO_MEMORY;
    }
    free(data);
    return code;
}

/* The same, where nothing makes it smaller. */
static seglog_code
encode_plain(struct encoding *encoding)
{
    const size_t len = encoding->plain_len - encoding->used;
    uint8_t *out = NULL;

    if (encoding->body && encoding->len <= encoding->plain_len)
        return SEGLOG_OK;
    if (encoding_make_plain(encoding))
        out = encoding_take(encoding, SLG_BLOCK_PLAIN, len);
    if (!out)
        return SEGLOG_NO_MEMORY;
    memcpy(out, encoding->plain + encoding->used, len);
    return SEGLOG_OK;
}

static seglog_code
encode_all(struct encoding *encoding, const struct slg_block_prefix *prefix)
{
    seglog_code code = SEGLOG_OK;

    if (prefix && prefix->len > 0)
        encode_parent(encoding, prefix);
    /* What repeats the parent that much is not made smaller by columns. */
    if (!encoding->body || encoding->len >= encoding->plain_len / 64)
        code = encode_columns(encoding);
    return code == SEGLOG_OK ? encode_plain(encoding) : code;
}

seglog_code
slg_block_encode(const struct slg_columns_record *records, size_t count,
                 int level, size_t memory_max,
                 const struct slg_block_prefix *prefix, uint8_t **body,
                 size_t *len)
{
    struct encoding encoding = {
        /* Not written to: the struct is that of decoding. */
        .columns = { .records = (struct slg_columns_record *)(uintptr_t)records,
                     .count = count },
        .level = level,
        .memory_max = memory_max,
        .used = slg_varint_len(count),
    };
    seglog_code code = SEGLOG_INVALID;

    *body = NULL;
    encoding.plain_len = (size_t)plain_len(&encoding.columns);
    if (encoding.plain_len > 0)
        code = encode_all(&encoding, prefix);
    free(encoding.plain);
    if (code == SEGLOG_OK) {
        *body = encoding.body;
        *len = encoding.len;
    } else {
        free(encoding.body);
    }
    return code;
}

#else

seglog_code
slg_block_encode(const struct slg_columns_record *records, size_t count,
                 int level, size_t memory_max,
                 const struct slg_block_prefix *prefix, uint8_t **body,
                 size_t *len)
{
    (void)records;
    (void)count;
    (void)level;
    (void)memory_max;
    (void)prefix;
    *body = NULL;
    *len = 0;
    return SEGLOG_INVALID;
}

#endif
