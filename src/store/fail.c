/* SPDX-License-Identifier: MIT */
/* src/store/fail.c - fill in a struct seglog_error. */
#define _POSIX_C_SOURCE 200809L /* the strerror_r that returns an int */

#include "src/store/fail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char ELLIPSIS[] = "...";

/*
 * The end of a path tells files apart, its beginning mostly does not.  A cut
 * never starts inside a UTF-8 sequence.  src may be dst itself: layers above
 * fill in an error anew from what it held.
 */
static void
name_copy(char *dst, size_t cap, const char *src)
{
    const size_t len = src ? strlen(src) : 0;
    size_t skip = 0;

    if (len < cap) {
        memmove(dst, src ? src : "", len);
        dst[len] = '\0';
        return;
    }
    skip = len - (cap - sizeof ELLIPSIS);
    while (skip < len && ((unsigned char)src[skip] & 0xc0) == 0x80)
        skip++;
    memmove(dst + sizeof ELLIPSIS - 1, src + skip, len - skip + 1);
    memcpy(dst, ELLIPSIS, sizeof ELLIPSIS - 1);
}

__attribute__((format(printf, 3, 0))) static void
text_print(char *text, size_t cap, const char *format, va_list args)
{
    const int len = vsnprintf(text, cap, format, args);

    if (len < 0)
        text[0] = '\0';
    else if ((size_t)len >= cap)
        memcpy(text + cap - sizeof ELLIPSIS, ELLIPSIS, sizeof ELLIPSIS);
}

static void
error_fill(struct seglog_error *err, seglog_code code, int sys_errno,
           const struct slg_place *place, const char *text)
{
    static const struct slg_place nowhere = { .offset = SEGLOG_NO_OFFSET };
    const struct slg_place at = place ? *place : nowhere;

    err->code = code;
    err->sys_errno = sys_errno;
    err->record_no = at.record_no;
    err->line_no = at.line_no;
    err->offset = at.offset;
    err->actual = 0;
    name_copy(err->name, sizeof err->name, at.name);
    memcpy(err->message, text, strlen(text) + 1);
}

static seglog_code
code_from_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return SEGLOG_NO_SPACE;
    case ENOMEM:
        return SEGLOG_NO_MEMORY;
    case ENOENT:
        return SEGLOG_NOT_FOUND;
    case EEXIST:
        return SEGLOG_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return SEGLOG_READ_ONLY;
    default:
        return SEGLOG_IO;
    }
}

seglog_code
slg_fail(struct seglog_error *err, seglog_code code,
         const struct slg_place *place, const char *format, ...)
{
    char text[sizeof err->message];
    va_list args;

    if (!err)
        return code;
    va_start(args, format);
    text_print(text, sizeof text, format, args);
    va_end(args);
    error_fill(err, code, 0, place, text);
    return code;
}

seglog_code
slg_fail_errno(struct seglog_error *err, int sys_errno,
               const struct slg_place *place, const char *format, ...)
{
    const seglog_code code = code_from_errno(sys_errno);
    char text[sizeof err->message];
    char reason[128];
    size_t len = 0;
    va_list args;

    if (!err)
        return code;
    if (strerror_r(sys_errno, reason, sizeof reason) != 0)
        (void)snprintf(reason, sizeof reason, "error %d", sys_errno);

    /* The reason always fits: it is what the reader needs most. */
    va_start(args, format);
    text_print(text, sizeof text - strlen(reason) - 2, format, args);
    va_end(args);
    len = strlen(text);
    (void)snprintf(text + len, sizeof text - len, ": %s", reason);
    error_fill(err, code, sys_errno, place, text);
    return code;
}
