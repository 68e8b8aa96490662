/* SPDX-License-Identifier: MIT */
/*
 * tests/columns/make_block.c - a block of the lines on standard input, to
 * standard output.
 *
 *   make_block LEVEL
 *
 * The kind of a line is its length modulo 3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/columns/columns.h"
#include "src/columns/columns_buf.h"

static bool
input_read(struct slg_buf *text)
{
    size_t got = 0;

    do {
        text->len += got;
        if (!slg_buf_grow(text, 65536))
            return false;
        got = fread(text->data + text->len, 1, 65536, stdin);
    } while (got > 0);
    return !ferror(stdin);
}

static size_t
lines_split(const struct slg_buf *text, struct slg_columns_record *records)
{
    size_t count = 0;
    size_t at = 0;

    while (at < text->len) {
        const uint8_t *feed = memchr(text->data + at, '\n', text->len - at);
        const size_t end = feed ? (size_t)(feed - text->data) : text->len;
        records[count++] =
            (struct slg_columns_record){ .bytes = text->data + at,
                                         .len = end - at,
                                         .kind = (uint8_t)((end - at) % 3) };
        at = end + 1;
    }
    return count;
}

int
main(int argc, char **argv)
{
    struct slg_columns_options options = { 0 };
    struct slg_buf text = { 0 };
    uint8_t *block = NULL;
    size_t len = 0;
    int status = 1;

    if (argc != 2 || !input_read(&text)) {
        slg_buf_free(&text);
        return 1;
    }
    options.level = (int)strtol(argv[1], NULL, 10);
    struct slg_columns_record *records =
        malloc((text.len + 1) * sizeof *records);
    if (records &&
        slg_columns_encode(records, lines_split(&text, records), &options,
                           &block, &len) == SEGLOG_OK &&
        fwrite(block, 1, len, stdout) == len && fflush(stdout) == 0)
        status = 0;
    free(block);
    free(records);
    slg_buf_free(&text);
    return status;
}
