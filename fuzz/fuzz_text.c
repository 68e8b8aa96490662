/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_text.c - bytes that are shown, and bytes in base64.
 *
 * What a terminal gets has neither control characters nor more columns than
 * asked for; a JSON string is one, and gives the bytes back where it says that
 * it does; base64 has one spelling, and gives back what went in.
 *
 * Byte 0 of the input: the columns.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/json_member.h"
#include "fuzz/support.h"
#include "seglog/json_line.h"
#include "tools/tool_base64.h"
#include "tools/tool_text.h"

#define TEXT_MAX 1024u

static void
base64_must_return(const uint8_t *bytes, size_t len)
{
    const size_t text_len = tool_base64_len(len);
    char *text = malloc(text_len + 1);
    uint8_t *back = malloc(len + 1);

    MUST(text && back);
    tool_base64_encode(bytes, len, text);
    MUST(tool_base64_check((uint8_t *)text, text_len));
    MUST(tool_base64_decoded_len((uint8_t *)text, text_len) == len);
    tool_base64_decode((uint8_t *)text, text_len, back);
    MUST(len == 0 || memcmp(back, bytes, len) == 0);
    free(text);
    free(back);
}

/* Any text: it is refused, or it is the spelling of what it stands for. */
static void
base64_must_be_the_one(const uint8_t *text, size_t len)
{
    uint8_t *bytes = NULL;
    char *again = NULL;
    size_t count = 0;

    if (!tool_base64_check(text, len))
        return;
    count = tool_base64_decoded_len(text, len);
    MUST(tool_base64_len(count) == len);
    bytes = exact_copy(text, len);
    tool_base64_decode(bytes, len, bytes); /* in place */
    again = malloc(len + 1);
    MUST(again);
    tool_base64_encode(bytes, count, again);
    MUST(len == 0 || memcmp(again, text, len) == 0);
    free(bytes);
    free(again);
}

static void
json_must_return(FILE *file, char *const *out, const uint8_t *bytes, size_t len)
{
    struct slg_json_slice value = { NULL, 0 };
    struct slg_json_slice body;
    bool is_whole = false;
    long end = 0;

    rewind(file);
    is_whole = tool_json_bytes(file, (const char *)bytes, len);
    end = ftell(file);
    MUST(end >= 2 && fflush(file) == 0);
    value.p = (const uint8_t *)*out;
    value.len = (size_t)end;
    MUST(seglog_json_line_check(value.p, value.len, false, NULL) ==
         SEGLOG_JSON_OK);
    MUST(slg_json_string_body(value, &body));
    if (!is_whole)
        return;
    uint8_t *back = malloc(body.len + 1);
    MUST(back);
    MUST(slg_json_string_decode(body, back, body.len) == len);
    MUST(len == 0 || memcmp(back, bytes, len) == 0);
    free(back);
}

static void
escape_must_be_tame(const uint8_t *bytes, size_t len, size_t columns)
{
    char *buf = malloc(12 * columns + 1);
    size_t out = 0;

    MUST(buf);
    MUST(tool_text_escape((const char *)bytes, len, columns, buf) == buf);
    out = strlen(buf);
    MUST(tool_utf8_count(buf) <= columns);
    for (size_t i = 0; i < out; i++)
        MUST((unsigned char)buf[i] >= 0x20 && (unsigned char)buf[i] != 0x7F);
    free(buf);
}

static void
utf8_must_add_up(const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        const size_t took = tool_utf8_len(bytes + at, len - at);

        MUST(took <= 4 && took <= len - at);
        MUST(took != 1 || bytes[at] < 0x80);
        for (size_t i = 1; i < took; i++)
            MUST((bytes[at + i] & 0xC0) == 0x80);
        at += took > 0 ? took : 1;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *file; /* one for all inputs: making it takes longest */
    static char *out;
    static size_t out_len;
    struct input input = { .at = data, .left = size };
    const size_t columns = input_byte(&input);
    uint8_t *bytes = NULL;

    if (input.left > TEXT_MAX)
        return 0;
    if (!file)
        file = open_memstream(&out, &out_len);
    MUST(file);
    bytes = exact_copy(input.at, input.left);
    base64_must_return(bytes, input.left);
    base64_must_be_the_one(bytes, input.left);
    json_must_return(file, &out, bytes, input.left);
    escape_must_be_tame(bytes, input.left, columns);
    utf8_must_add_up(bytes, input.left);
    free(bytes);
    return 0;
}
