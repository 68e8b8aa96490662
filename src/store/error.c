/* SPDX-License-Identifier: MIT */
/* src/store/error.c - names of codes, and errors as one line of text. */
#include "seglog/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "src/store/name.h"

/* The switch has no default, so that the compiler misses a new code. */
const char *
seglog_code_name(seglog_code code)
{
    switch (code) {
    case SEGLOG_OK:
        return "OK";
    case SEGLOG_END:
        return "END";
    case SEGLOG_IO:
        return "IO";
    case SEGLOG_NO_SPACE:
        return "NO_SPACE";
    case SEGLOG_NO_MEMORY:
        return "NO_MEMORY";
    case SEGLOG_NOT_FOUND:
        return "NOT_FOUND";
    case SEGLOG_EXISTS:
        return "EXISTS";
    case SEGLOG_LOCKED:
        return "LOCKED";
    case SEGLOG_READ_ONLY:
        return "READ_ONLY";
    case SEGLOG_POISONED:
        return "POISONED";
    case SEGLOG_INVALID:
        return "INVALID";
    case SEGLOG_TOO_LARGE:
        return "TOO_LARGE";
    case SEGLOG_CONFLICT:
        return "CONFLICT";
    case SEGLOG_SEALED:
        return "SEALED";
    case SEGLOG_PAUSED:
        return "PAUSED";
    case SEGLOG_FORMAT:
        return "FORMAT";
    case SEGLOG_CORRUPT:
        return "CORRUPT";
    case SEGLOG_AUTH:
        return "AUTH";
    }
    return "UNKNOWN";
}

/* Text that is cut where the buffer ends. */
struct line {
    char *buf;
    size_t cap;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void
line_add(struct line *line, const char *format, ...)
{
    const size_t room = line->cap - line->len;
    va_list args;
    int len = 0;

    va_start(args, format);
    len = vsnprintf(line->buf + line->len, room, format, args);
    va_end(args);
    if (len > 0)
        line->len += (size_t)len < room ? (size_t)len : room - 1;
}

/* The first place that is known leads, the others follow in parentheses. */
static void
line_add_place(struct line *line, const struct seglog_error *err)
{
    const struct {
        const char *word;
        bool is_known;
        uint64_t value;
    } places[] = {
        { "record", err->record_no != 0, err->record_no },
        { "line", err->line_no != 0, err->line_no },
        { "offset", err->offset != SEGLOG_NO_OFFSET, err->offset },
    };
    unsigned known_count = 0;

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!places[i].is_known)
            continue;
        line_add(line, "%s%s %" PRIu64,
                 known_count == 0   ? ""
                 : known_count == 1 ? " ("
                                    : ", ",
                 places[i].word, places[i].value);
        known_count++;
    }
    if (known_count > 0)
        line_add(line, known_count > 1 ? "): " : ": ");
}

void
seglog_error_format(const struct seglog_error *err, char *buf, size_t cap)
{
    struct line line = { buf, cap, 0 };

    if (!buf || cap == 0)
        return;
    buf[0] = '\0';
    if (!err)
        return;
    if (err->name[0] != '\0')
        line_add(&line, "%s: ", err->name);
    line_add_place(&line, err);
    line_add(&line, "%s",
             err->message[0] != '\0' ? err->message
                                     : seglog_code_name(err->code));

    /* A file's name may hold what would break the line or the terminal. */
    slg_text_to_line(buf);
}
