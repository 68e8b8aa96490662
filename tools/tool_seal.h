/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_seal.h - what every program that seals does the same way.
 *
 * Threads  one
 */
#ifndef SEGLOG_TOOL_SEAL_H
#define SEGLOG_TOOL_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/seal.h"
#include "tools/tool_common.h"

/*
 * A number of bytes: digits, and K, M or G behind them.  From min to max, or
 * tool_usage naming the option.
 */
enum tool_status
tool_bytes(const char *option, const char *text, uint64_t min, uint64_t max,
           size_t *value);

/* Segments of fewer bytes would become larger: whoever seals many leaves
 * them. */
#define TOOL_SEAL_LEAST 2048

/* "1.2 MiB to 310.5 KiB (25.3 %)".  Returns buf. */
#define TOOL_SAVED_CAP 96
const char *
tool_saved_text(uint64_t before, uint64_t after, char buf[TOOL_SAVED_CAP]);

/*
 * Seal one blob, showing progress.  It is as it was unless this returns OK.
 *   shown  in messages
 */
seglog_code
tool_seal_blob(struct seglog_store store, const char *name, const char *shown,
               const struct seglog_seal_options *options,
               struct seglog_seal_result *result, struct seglog_error *err);

#endif /* SEGLOG_TOOL_SEAL_H */
