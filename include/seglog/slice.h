/* SPDX-License-Identifier: MIT */
/* seglog/slice.h - bytes that belong to somebody else. */
#ifndef SEGLOG_SLICE_H
#define SEGLOG_SLICE_H

#include <stddef.h>

#include "seglog/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* len bytes at data, not terminated; data may be NULL when len is 0. */
struct seglog_slice {
    const char *data;
    size_t len;
};

/* Free what a call has allocated for its caller.  Accepts NULL. */
SEGLOG_API void
seglog_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_SLICE_H */
