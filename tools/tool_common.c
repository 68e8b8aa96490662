/* SPDX-License-Identifier: MIT */
/* tools/tool_common.c - exit status, messages and the life of a program. */
#define _GNU_SOURCE
#include "tools/tool_common.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include "tools/tool_text.h"

bool tool_is_quiet;

void
tool_init(void)
{
    /* A failure here would only mean that the system ends us by the signal. */
    (void)signal(SIGPIPE, SIG_IGN);
#ifdef SIGXFSZ
    /* Over a size limit a write fails, and is then undone like any other. */
    (void)signal(SIGXFSZ, SIG_IGN);
#endif
}

int
tool_end(enum tool_status status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return (int)status;
    /* errno of an earlier failure is gone; only a pipe fails this way. */
    if (errno == EPIPE || errno == 0)
        return (int)status;
    tool_say("(standard output): %s", strerror(errno));
    return TOOL_FAILED;
}

/* ---------------------------------------------------------------------------
 * Messages
 */

/* A file's name may hold what would break the line or the terminal. */
static void
text_to_line(char *text)
{
    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;

        if (byte < 0x20 || byte == 0x7F)
            *text = '?';
    }
}

__attribute__((format(printf, 1, 0))) static void
message_print(const char *format, va_list args)
{
    char text[2048];

    (void)vsnprintf(text, sizeof text, format, args);
    text_to_line(text);
    (void)fprintf(stderr, "seglog: %s\n", text);
}

void
tool_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    message_print(format, args);
    va_end(args);
}

void
tool_note(const char *format, ...)
{
    va_list args;

    if (tool_is_quiet)
        return;
    va_start(args, format);
    message_print(format, args);
    va_end(args);
}

enum tool_status
tool_status_of(seglog_code code)
{
    switch (code) {
    case SEGLOG_OK:
    case SEGLOG_END:
        return TOOL_OK;
    case SEGLOG_CORRUPT:
        return TOOL_DAMAGED;
    case SEGLOG_CONFLICT:
        return TOOL_CONFLICT;
    default:
        return TOOL_FAILED;
    }
}

bool
tool_is_pipe_closed(const struct seglog_error *err)
{
    return err->code == SEGLOG_IO && err->sys_errno == EPIPE;
}

/* A long name keeps its end, which tells more than its beginning. */
static void
error_name(struct seglog_error *err, const char *shown)
{
    const size_t len = strlen(shown);
    const size_t cut =
        len < sizeof err->name ? 0 : len - (sizeof err->name - 1);

    memcpy(err->name, shown + cut, len - cut + 1);
}

seglog_code
tool_error_set(struct seglog_error *err, seglog_code code, const char *shown,
               const char *format, ...)
{
    va_list args;

    if (!err)
        return code;
    *err = (struct seglog_error){ .code = code, .offset = SEGLOG_NO_OFFSET };
    error_name(err, shown);
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return code;
}

static seglog_code
code_from_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
        return SEGLOG_NOT_FOUND;
    case EEXIST:
        return SEGLOG_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return SEGLOG_READ_ONLY;
    case ENOSPC:
    case EDQUOT:
        return SEGLOG_NO_SPACE;
    case ENOMEM:
        return SEGLOG_NO_MEMORY;
    default:
        return SEGLOG_IO;
    }
}

seglog_code
tool_error_errno(struct seglog_error *err, int sys_errno, const char *shown,
                 const char *what)
{
    const seglog_code code =
        tool_error_set(err, code_from_errno(sys_errno), shown, "%s: %s", what,
                       strerror(sys_errno));

    if (err)
        err->sys_errno = sys_errno;
    return code;
}

enum tool_status
tool_fail(const char *shown, const struct seglog_error *err)
{
    struct seglog_error told = *err;
    char text[1024];

    if (tool_is_pipe_closed(err))
        return TOOL_OK;
    if (shown)
        error_name(&told, shown);
    seglog_error_format(&told, text, sizeof text);
    tool_say("%s", text);
    return tool_status_of(err->code);
}

enum tool_status
tool_fail_memory(void)
{
    tool_say("out of memory");
    return TOOL_FAILED;
}

/* ---------------------------------------------------------------------------
 * JSON text
 */

void
tool_json_string(FILE *file, const char *text)
{
    (void)tool_json_bytes(file, text, strlen(text));
}

const char *
tool_size_text(uint64_t bytes, char *buf, size_t cap)
{
    static const char *const UNITS[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
    double size = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        (void)snprintf(buf, cap, "%" PRIu64 " bytes", bytes);
        return buf;
    }
    while (size >= 1024 && unit + 1 < sizeof UNITS / sizeof UNITS[0]) {
        size /= 1024;
        unit++;
    }
    (void)snprintf(buf, cap, "%.1f %s", size, UNITS[unit]);
    return buf;
}
