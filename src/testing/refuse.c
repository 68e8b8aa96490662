/* SPDX-License-Identifier: MIT */
/*
 * src/testing/refuse.c - errors of the stores for tests.
 *
 * The library has the like, but shows it to nobody: these stores are linked
 * with whatever form of it the user has.
 */
#include "src/testing/refuse.h"

#include <stdio.h>

seglog_code
slg_refuse(struct seglog_error *err, struct slg_refusal refusal)
{
    if (!err)
        return refusal.code;
    *err = (struct seglog_error){
        .code = refusal.code,
        .sys_errno = refusal.sys_errno,
        .offset = refusal.offset,
        .actual = refusal.actual,
    };
    (void)snprintf(err->name, sizeof err->name, "%s",
                   refusal.name ? refusal.name : "");
    (void)snprintf(err->message, sizeof err->message, "%s", refusal.what);
    return refusal.code;
}

const char *
slg_refusal_name(seglog_code code)
{
    static const struct {
        seglog_code code;
        const char *name;
    } names[] = {
        { SEGLOG_OK, "OK" },
        { SEGLOG_IO, "IO" },
        { SEGLOG_NO_SPACE, "NO_SPACE" },
        { SEGLOG_NO_MEMORY, "NO_MEMORY" },
        { SEGLOG_NOT_FOUND, "NOT_FOUND" },
        { SEGLOG_EXISTS, "EXISTS" },
        { SEGLOG_LOCKED, "LOCKED" },
        { SEGLOG_READ_ONLY, "READ_ONLY" },
        { SEGLOG_POISONED, "POISONED" },
        { SEGLOG_INVALID, "INVALID" },
        { SEGLOG_TOO_LARGE, "TOO_LARGE" },
        { SEGLOG_CONFLICT, "CONFLICT" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == code)
            return names[i].name;
    }
    return "another code";
}
