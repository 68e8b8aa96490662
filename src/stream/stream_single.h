/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_single.h - a segment with one record, replaced as a whole.
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_SINGLE_H
#define SLG_STREAM_SINGLE_H

#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/store.h"

/* CORRUPT unless it holds one BYTES record of at most *len bytes, which is what
 * it has then, and nothing else; any other code of reading. */
seglog_code
slg_single_read(struct seglog_store store, const char *name, uint8_t *bytes,
                size_t *len, struct seglog_error *err);

/* Durable when it returns.  Whoever writes it holds a lock that keeps others
 * from it; NAME.new, which they may have left, goes. */
seglog_code
slg_single_put(struct seglog_store store, const char *name,
               const uint8_t *bytes, size_t len, struct seglog_error *err);

#endif /* SLG_STREAM_SINGLE_H */
