/* SPDX-License-Identifier: MIT */
/* tools/tool_seal.c - what every program that seals does the same way. */
#include "tools/tool_seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
bytes_parse(const char *text, uint64_t *value)
{
    static const char UNITS[] = "KMG";
    char *end = NULL;
    const char *unit = NULL;
    unsigned shift = 0;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    if (*end == '\0')
        return true;
    unit = strchr(UNITS, *end);
    if (!unit || end[1] != '\0')
        return false;
    shift = 10 * (unsigned)(unit - UNITS + 1);
    if (*value > UINT64_MAX >> shift)
        return false;
    *value <<= shift;
    return true;
}

enum tool_status
tool_bytes(const char *option, const char *text, uint64_t min, uint64_t max,
           size_t *value)
{
    uint64_t bytes = 0;
    char least[32];
    char most[32];

    if (bytes_parse(text, &bytes) && bytes >= min && bytes <= max) {
        *value = (size_t)bytes;
        return TOOL_GO_ON;
    }
    return tool_usage("%s needs a size from %s to %s, such as 8M, not '%s'",
                      option, tool_size_text(min, least, sizeof least),
                      tool_size_text(max, most, sizeof most), text);
}

const char *
tool_saved_text(uint64_t before, uint64_t after, char buf[TOOL_SAVED_CAP])
{
    char from[32];
    char to[32];

    (void)snprintf(buf, TOOL_SAVED_CAP, "%s to %s (%.1f %%)",
                   tool_size_text(before, from, sizeof from),
                   tool_size_text(after, to, sizeof to),
                   before > 0 ? 100.0 * (double)after / (double)before : 100.0);
    return buf;
}

static bool
on_progress(void *arg, uint64_t done, uint64_t total)
{
    tool_progress_update(arg, done, total);
    return true;
}

seglog_code
tool_seal_blob(struct seglog_store store, const char *name, const char *shown,
               const struct seglog_seal_options *options,
               struct seglog_seal_result *result, struct seglog_error *err)
{
    struct seglog_seal_options own = *options;
    struct tool_progress progress;
    seglog_code code = SEGLOG_OK;

    own.size = sizeof own;
    own.on_progress = on_progress;
    own.arg = &progress;
    tool_progress_init(&progress, shown);
    code = seglog_segment_seal(store, name, &own, result, err);
    tool_progress_clear(&progress);
    return code;
}
