/* SPDX-License-Identifier: MIT */
/*
 * seglog/error.h - what went wrong, where, and what to do about it.
 *
 * Every call that can fail returns a seglog_code.  An optional struct
 * seglog_error, always the last parameter, says the rest.  It is written only
 * when the call fails (any code but SEGLOG_OK and SEGLOG_END), holds its text
 * inline, and needs no freeing.
 *
 * Threads  a struct seglog_error belongs to the thread that passed it.
 */
#ifndef SEGLOG_ERROR_H
#define SEGLOG_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include "seglog/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Part of the ABI: a number is never reused and never changes its meaning. */
typedef enum seglog_code {
    SEGLOG_OK = 0,
    SEGLOG_END = 1, /* nothing more to read (for now); not an error */

    SEGLOG_IO = 10,        /* the byte store failed; see sys_errno */
    SEGLOG_NO_SPACE = 11,  /* ENOSPC or EDQUOT; nothing was appended */
    SEGLOG_NO_MEMORY = 12, /* an allocation failed; state unchanged */
    SEGLOG_NOT_FOUND = 13, /* no such blob */
    SEGLOG_EXISTS = 14,    /* exclusive create of something that is there */
    SEGLOG_LOCKED = 15,    /* somebody else holds the lock */
    SEGLOG_READ_ONLY = 16, /* not opened for writing, or not permitted */
    SEGLOG_POISONED = 17,  /* an earlier sync or rollback failed: reopen */

    SEGLOG_INVALID = 20,   /* an argument is out of range; state unchanged */
    SEGLOG_TOO_LARGE = 21, /* over a stated limit; state unchanged */
    SEGLOG_CONFLICT = 22,  /* the expected position did not match: .actual */
    SEGLOG_SEALED = 23,    /* the segment is sealed or has been replaced */
    SEGLOG_PAUSED = 24,    /* writing is paused */

    SEGLOG_FORMAT = 30,  /* not a segment, or a version or feature unknown */
    SEGLOG_CORRUPT = 31, /* damage: record_no, line_no and offset say where */
    SEGLOG_AUTH = 32     /* wrong key, or an authentication tag failed */
} seglog_code;

#define SEGLOG_NO_OFFSET UINT64_MAX

struct seglog_error {
    seglog_code code;
    int sys_errno;      /* errno of the failed call, 0 when there is none */
    uint64_t record_no; /* records count from 1; 0: no record is concerned */
    uint64_t line_no;   /* JSON lines count from 1; 0: none */
    uint64_t offset;    /* byte offset, or SEGLOG_NO_OFFSET */
    uint64_t actual;    /* CONFLICT: the actual end; INVALID range: the size */
    char name[256];     /* path or blob name; a long one keeps its end */
    char message[256];  /* one sentence: what happened and what to do */
};

/* Short stable name such as "CORRUPT".  Never NULL.  Any thread. */
SEGLOG_API const char *
seglog_code_name(seglog_code code);

/*
 * Write the one-line form of err for people, without the program's name:
 * "FILE: record 1041 (line 1041, offset 88213): MESSAGE".  Parts that do not
 * apply are left out.  buf is always terminated when cap > 0.
 */
SEGLOG_API void
seglog_error_format(const struct seglog_error *err, char *buf, size_t cap);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_ERROR_H */
