/* SPDX-License-Identifier: MIT */
/*
 * src/store/fail.h - the one place where a struct seglog_error is filled in.
 *
 * Layer  the lowest that has errors with text; every layer above uses it.
 */
#ifndef SLG_STORE_FAIL_H
#define SLG_STORE_FAIL_H

#include <stdarg.h>

#include "seglog/error.h"

/* Where an error belongs.  Zeroed apart from offset: nothing is known. */
struct slg_place {
    const char *name;
    uint64_t record_no;
    uint64_t line_no;
    uint64_t offset; /* SEGLOG_NO_OFFSET: none */
};

/*
 * Fill err (may be NULL) and return code, so that a failing site is one line:
 *     return slg_fail(err, SEGLOG_INVALID, &place, "the name is empty");
 */
__attribute__((format(printf, 4, 5))) seglog_code
slg_fail(struct seglog_error *err, seglog_code code,
         const struct slg_place *place, const char *format, ...);

/*
 * The same for a failed system call: picks NO_SPACE, NO_MEMORY, NOT_FOUND,
 * EXISTS, READ_ONLY or IO from sys_errno and appends its text to the message.
 */
__attribute__((format(printf, 4, 5))) seglog_code
slg_fail_errno(struct seglog_error *err, int sys_errno,
               const struct slg_place *place, const char *format, ...);

/* Add the actual value (CONFLICT, INVALID range) to an error just filled. */
static inline seglog_code
slg_fail_actual(struct seglog_error *err, seglog_code code, uint64_t actual)
{
    if (err)
        err->actual = actual;
    return code;
}

#endif /* SLG_STORE_FAIL_H */
