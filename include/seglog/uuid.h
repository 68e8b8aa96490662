/* SPDX-License-Identifier: MIT */
/*
 * seglog/uuid.h - the ids of sessions and segments (RFC 9562).
 *
 * Threads  any
 */
#ifndef SEGLOG_UUID_H
#define SEGLOG_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEGLOG_UUID_BYTES    16
#define SEGLOG_UUID_TEXT_CAP 37 /* 36 characters and the terminator */

struct seglog_uuid {
    uint8_t bytes[SEGLOG_UUID_BYTES];
};

/*
 * A new id of version 7: the time in ms, then chance.  Ids made by one process
 * grow, also within a millisecond and when the clock is set back.  False when
 * the system gives no random bytes.
 */
SEGLOG_API bool
seglog_uuid_new(struct seglog_uuid *uuid);

/*
 * Read an id of any version: 36 characters with hyphens, 32 without, either in
 * braces, or behind "urn:uuid:"; letters of either case.  False, and uuid
 * unchanged, for anything else.
 */
SEGLOG_API bool
seglog_uuid_parse(const char *text, size_t len, struct seglog_uuid *uuid);

/* 36 lower-case characters, terminated.  Returns text. */
SEGLOG_API char *
seglog_uuid_format(const struct seglog_uuid *uuid,
                   char text[SEGLOG_UUID_TEXT_CAP]);

/* As memcmp: for version 7 the older id is the smaller one. */
SEGLOG_API int
seglog_uuid_compare(const struct seglog_uuid *a, const struct seglog_uuid *b);

/* The all-zero id, which is never minted. */
SEGLOG_API bool
seglog_uuid_is_nil(const struct seglog_uuid *uuid);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_UUID_H */
