/* SPDX-License-Identifier: MIT */
/* tests/faults/text.c - lines of text, and what steps say. */
#include "tests/faults/stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/faults/allocation.h"

void
text_free(struct text *text)
{
    kit_free(text->bytes);
    *text = (struct text){ 0 };
}

static void
bytes_add(struct text *text, const char *bytes, size_t len)
{
    if (text->len + len + 1 > text->cap) {
        text->cap = 2 * text->cap + len + 256;
        text->bytes = kit_resize(text->bytes, text->cap);
    }
    if (len > 0)
        memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = '\0';
}

void
text_copy(struct text *text, const struct text *from)
{
    text->len = 0;
    bytes_add(text, from->bytes, from->len);
}

static void __attribute__((format(printf, 2, 0)))
text_add_list(struct text *text, const char *format, va_list more)
{
    char line[1024];
    const int len = vsnprintf(line, sizeof line, format, more);

    if (len > 0)
        bytes_add(text, line,
                  len < (int)sizeof line ? (size_t)len : sizeof line - 1);
}

void
text_add(struct text *text, const char *format, ...)
{
    va_list more;

    va_start(more, format);
    text_add_list(text, format, more);
    va_end(more);
}

bool
text_is(const struct text *a, const struct text *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

bool
text_begins(const struct text *all, const struct text *part)
{
    return part->len <= all->len &&
           (part->len == 0 || memcmp(all->bytes, part->bytes, part->len) == 0);
}

static bool
part_has_line(const struct text *text, size_t from, size_t end,
              const char *line, size_t len, size_t *behind)
{
    for (size_t at = from; at < end;) {
        const size_t size =
            (size_t)((char *)memchr(text->bytes + at, '\n', end - at) -
                     (text->bytes + at)) +
            1;

        if (size == len && memcmp(text->bytes + at, line, len) == 0) {
            *behind = at + size;
            return true;
        }
        at += size;
    }
    return false;
}

bool
text_has_line(const struct text *text, const char *line, size_t len,
              size_t *near)
{
    const size_t from = *near < text->len ? *near : 0;

    return part_has_line(text, from, text->len, line, len, near) ||
           part_has_line(text, 0, from, line, len, near);
}

void
say(struct stage *stage, const char *format, ...)
{
    const bool was_on = allocation_watch(false);
    va_list more;

    va_start(more, format);
    text_add_list(&stage->said, format, more);
    va_end(more);
    (void)allocation_watch(was_on);
}

/* FNV-1a */
uint64_t
hash_of(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

void
say_record(struct stage *stage, const struct seglog_record *record)
{
    say(stage, "%llu line %llu kind %u %016llx\n",
        (unsigned long long)record->record_no,
        (unsigned long long)record->line_no, record->kind,
        (unsigned long long)hash_of(record->data, record->len));
}
