/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_decode_link.c - objects as programs: what stands in them
 * that is always the same becomes one text, and a value of which there is one
 * sort only is printed without asking what it is.
 */
#include <stdlib.h>

#include "src/columns/columns_decoder.h"

/* A program being made; text of an operation is where it begins in all text. */
struct linker {
    struct slg_decoder *decoder;
    struct slg_links *links;
    size_t text_start; /* of what stands before the next operation */
    bool is_full;
};

static void
text_add(struct linker *linker, const uint8_t *text, size_t len)
{
    struct slg_buf *all = &linker->links->text;

    if (linker->is_full || linker->links->bytes_left < len) {
        linker->is_full = true;
        return;
    }
    linker->links->bytes_left -= len;
    slg_buf_put(all, text, len);
    linker->is_full = all->is_bad;
}

static void
op_add(struct linker *linker, struct slg_op op)
{
    struct slg_links *links = linker->links;

    if (linker->is_full || links->bytes_left < sizeof op ||
        !slg_grow((void **)&links->ops, &links->op_cap, links->op_count,
                  sizeof op)) {
        linker->is_full = true;
        return;
    }
    links->bytes_left -= sizeof op;
    op.len = (uint32_t)(links->text.len - linker->text_start);
    linker->text_start = links->text.len;
    links->ops[links->op_count++] = op;
}

static void
column_add(struct linker *linker, enum slg_symbol_type type,
           struct slg_column *column)
{
    static const uint8_t quote[] = "\"";
    const size_t quoted = type == SLG_SYMBOL_STRING;

    text_add(linker, quote, quoted);
    text_add(linker, column->prefix, column->prefix_len);
    if (column->type == SLG_COLUMN_CONST)
        text_add(linker, column->at, column->len);
    else
        op_add(linker, (struct slg_op){ .path = SLG_NONE, .column = column });
    text_add(linker, column->suffix, column->suffix_len);
    text_add(linker, quote, quoted);
}

/* Is a text of the column a byte at least, even outside of quotes? */
static bool
is_never_empty(const struct slg_column *column)
{
    return column->prefix_len + column->suffix_len > 0 ||
           column->type == SLG_COLUMN_DECIMAL ||
           column->type == SLG_COLUMN_KEYED ||
           column->type == SLG_COLUMN_INTEGER ||
           (column->type == SLG_COLUMN_CONST && column->len > 0);
}

static void
object_add(struct linker *linker, const struct slg_symbol *symbol);

/* False: it is to be asked what the value is. */
static bool
value_add(struct linker *linker, uint32_t id)
{
    const struct slg_decode_path *path = &linker->decoder->paths[id];
    const struct slg_symbol *symbol = &path->symbols[0];

    if (path->tokens)
        return false;
    switch (symbol->type) {
    case SLG_SYMBOL_NULL:
        text_add(linker, (const uint8_t *)"null", 4);
        return true;
    case SLG_SYMBOL_TRUE:
        text_add(linker, (const uint8_t *)"true", 4);
        return true;
    case SLG_SYMBOL_FALSE:
        text_add(linker, (const uint8_t *)"false", 5);
        return true;
    case SLG_SYMBOL_OBJECT:
        if (path->is_kept)
            return false;
        object_add(linker, symbol);
        return true;
    case SLG_SYMBOL_STRING:
    case SLG_SYMBOL_BARE:
        if (path->is_copied || (symbol->type == SLG_SYMBOL_BARE &&
                                !is_never_empty(symbol->column)))
            return false;
        column_add(linker, symbol->type, symbol->column);
        return true;
    default:
        return false;
    }
}

static void
object_add(struct linker *linker, const struct slg_symbol *symbol)
{
    const struct slg_piece *piece = symbol->pieces;

    for (; piece->child != SLG_NONE && !linker->is_full; piece++) {
        text_add(linker, piece->text, piece->len);
        if (!value_add(linker, piece->child))
            op_add(linker, (struct slg_op){ .path = piece->child });
    }
    text_add(linker, piece->text, piece->len);
}

/* Into the arena. */
static struct slg_op *
program_keep(struct slg_decoder *decoder, const struct slg_links *links)
{
    const size_t ops_len = links->op_count * sizeof *links->ops;
    struct slg_op *ops = slg_arena_take(&decoder->arena, ops_len);
    uint8_t *text =
        slg_arena_take(&decoder->arena, links->text.len + SLG_SLACK);

    if (!ops || !text)
        return NULL;
    memcpy(ops, links->ops, ops_len);
    if (links->text.len > 0)
        memcpy(text, links->text.data, links->text.len);
    memset(text + links->text.len, 0, SLG_SLACK);
    for (uint32_t i = 0; i < links->op_count; i++) {
        ops[i].text = text;
        text += ops[i].len;
    }
    return ops;
}

void
slg_symbol_link(struct slg_decoder *decoder, struct slg_symbol *symbol)
{
    struct slg_links *links = &decoder->links;
    struct linker linker = { .decoder = decoder, .links = links };

    links->text.len = 0;
    links->op_count = 0;
    object_add(&linker, symbol);
    op_add(&linker, (struct slg_op){ .path = SLG_NONE });
    if (linker.is_full)
        /* No other is tried: most of them would not fit either. */
        links->bytes_left = 0;
    else
        symbol->program = program_keep(decoder, links);
}

void
slg_links_free(struct slg_links *links)
{
    slg_buf_free(&links->text);
    free(links->ops);
}
