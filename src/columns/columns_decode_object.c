/* SPDX-License-Identifier: MIT */
/* src/columns/columns_decode_object.c - the keys of objects are read. */
#include "src/columns/columns_decoder.h"

/* The key inside what stands before a value; NULL: there is none. */
static const uint8_t *
key_find(const uint8_t *text, size_t len, size_t *key_len)
{
    const uint8_t *first = memchr(text, '"', len);
    const uint8_t *last = text + len;

    if (!first)
        return NULL;
    while (last[-1] != '"')
        last--;
    if (last - 1 == first)
        return NULL;
    *key_len = (size_t)(last - 1 - (first + 1));
    return first + 1;
}

static bool
piece_spell(struct slg_decoder *decoder, struct slg_piece *piece,
            const uint8_t *key, size_t len, unsigned spelling, bool is_first)
{
    const bool is_spaced = spelling == SLG_SPELLING_SPACED;
    uint8_t *text = slg_decoder_take(decoder, len + 6);
    uint8_t *at = text;

    if (!text)
        return false;
    *at++ = is_first ? '{' : ',';
    if (!is_first && is_spaced)
        *at++ = ' ';
    *at++ = '"';
    if (len > 0)
        memcpy(at, key, len);
    at += len;
    *at++ = '"';
    *at++ = ':';
    if (is_spaced)
        *at++ = ' ';
    piece->text = text;
    piece->len = (uint32_t)(at - text);
    return true;
}

static bool
piece_read(struct slg_decoder *decoder, struct slg_piece *piece, uint32_t path,
           unsigned spelling, bool is_first)
{
    size_t len = 0;
    const uint8_t *text =
        slg_cursor_text(&decoder->streams[SLG_STREAM_SHAPE], &len);
    const uint8_t *key = text;
    size_t key_len = len;

    if (!text)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    if (spelling == SLG_SPELLING_OTHER) {
        key = key_find(text, len, &key_len);
        if (!key)
            return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        piece->text = text;
        piece->len = (uint32_t)len;
    } else if (!piece_spell(decoder, piece, key, len, spelling, is_first)) {
        return false;
    }
    piece->child = slg_decoder_find_child(decoder, path, key, key_len);
    return piece->child != SLG_NONE && decoder->code == SEGLOG_OK;
}

static bool
object_end_read(struct slg_decoder *decoder, struct slg_piece *piece,
                unsigned spelling, bool is_first)
{
    size_t len = is_first ? 2 : 1;
    const uint8_t *text = (const uint8_t *)(is_first ? "{}" : "}");

    if (spelling == SLG_SPELLING_OTHER)
        text = slg_cursor_text(&decoder->streams[SLG_STREAM_SHAPE], &len);
    /* What ends an object is something, or time would have no bound. */
    if (!text || len == 0)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    uint8_t *own = slg_decoder_take(decoder, len);
    if (!own)
        return false;
    memcpy(own, text, len);
    *piece = (struct slg_piece){ .text = own,
                                 .len = (uint32_t)len,
                                 .child = SLG_NONE };
    return true;
}

void
slg_decoder_read_object(struct slg_decoder *decoder, struct slg_symbol *symbol,
                        uint32_t path, size_t count)
{
    const uint64_t head = slg_cursor_varint(&decoder->streams[SLG_STREAM_META]);
    const uint64_t keys = head / SLG_SPELLING_COUNT;
    const unsigned spelling = (unsigned)(head % SLG_SPELLING_COUNT);

    if (!slg_decoder_take_parts(decoder, keys) ||
        !slg_decoder_take_parts(decoder, 1))
        return;
    symbol->piece_count = (uint32_t)keys + 1;
    symbol->pieces =
        slg_decoder_take(decoder, symbol->piece_count * sizeof *symbol->pieces);
    if (!symbol->pieces)
        return;
    for (uint64_t i = 0; i < keys; i++) {
        if (!piece_read(decoder, &symbol->pieces[i], path, spelling, i == 0))
            return;
        slg_decoder_add_values(decoder, symbol->pieces[i].child, count);
    }
    object_end_read(decoder, &symbol->pieces[keys], spelling, keys == 0);
}
