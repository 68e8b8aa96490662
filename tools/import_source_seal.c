/* SPDX-License-Identifier: MIT */
/* tools/import_source_seal.c - the segment of a file is sealed. */
#include "tools/import_source_parts.h"

#include "tools/tool_seal.h"

/* Of one worker; as many as have large buffers may seal at the same time. */
#define MEMORY_BYTES ((size_t)96 << 20)

static bool
on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct import_source *source = arg;

    (void)done;
    (void)total;
    return !atomic_load(&source->job->is_stopping);
}

/* It stands elsewhere now, with the same records. */
static bool
head_take(struct import_source *source)
{
    struct import_entry *entry = source->entry;
    struct import_state *state = &entry->state;
    uint64_t count = 0;
    const seglog_code code = seglog_session_read_entry_count(
        source->job->catalog->sessions, &state->session, &state->segment,
        &count, &state->head, &source->outcome->err);

    entry->is_dirty = true;
    return code == SEGLOG_OK || import_source_fail(source, code);
}

bool
import_source_seal(struct import_source *source)
{
    struct import_outcome *outcome = source->outcome;
    const struct import_state *state = &source->entry->state;
    struct seglog_session_store *sessions = source->job->catalog->sessions;
    const struct seglog_session_seal_options options = {
        .size = sizeof options,
        .level = source->job->seal_level,
        .memory_max = MEMORY_BYTES,
        .on_progress = on_progress,
        .arg = source,
        .threads = 1, /* there are workers for other files */
    };
    struct seglog_session_segment_info info;
    struct seglog_seal_result result;
    seglog_code code = seglog_session_get_segment_info(
        sessions, &state->session, &state->segment, &info, &outcome->err);

    if (code == SEGLOG_OK && (info.is_sealed || info.size < TOOL_SEAL_LEAST))
        return true;
    import_source_take_large(source, IMPORT_SMALL_BYTES + 1);
    if (code == SEGLOG_OK)
        code = seglog_session_seal_segment(sessions, &state->session,
                                           &state->segment, &options, &result,
                                           &outcome->err);
    /* Somebody else was quicker, or a signal came. */
    if (code == SEGLOG_SEALED || code == SEGLOG_END)
        return true;
    if (code != SEGLOG_OK)
        return import_source_fail(source, code);
    outcome->is_sealed = true;
    outcome->sealed_before = result.bytes_before;
    outcome->sealed_after = result.bytes_after;
    return head_take(source);
}
