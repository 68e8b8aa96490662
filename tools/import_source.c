/* SPDX-License-Identifier: MIT */
/*
 * tools/import_source.c - what is new of one file becomes records.
 *
 * The order of writes: ids that belong to a file are in the store (pending)
 * before its segment is; its records are synced before the state says so.  So
 * after any crash the segment of a file is found, and what it holds is counted.
 */
#define _GNU_SOURCE
#include "tools/import_source_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool_common.h"
#include "tools/tool_tree.h"

/* Each takes up to about 40 MiB while its buffers grow, and compressing what is
 * in them about 20 more. */
#define LARGE_COUNT 2u

/* ---------------------------------------------------------------------------
 * The job
 */

bool
import_job_init(struct import_job *job, struct import_catalog *catalog)
{
    *job = (struct import_job){ .catalog = catalog, .large_left = LARGE_COUNT };
    atomic_init(&job->is_stopping, false);
    atomic_init(&job->done_bytes, 0);
    return pthread_mutex_init(&job->mutex, NULL) == 0 &&
           pthread_cond_init(&job->cond, NULL) == 0;
}

void
import_job_free(struct import_job *job)
{
    (void)pthread_cond_destroy(&job->cond);
    (void)pthread_mutex_destroy(&job->mutex);
}

void
import_source_take_large(void *arg, size_t cap)
{
    struct import_source *source = arg;
    struct import_job *job = source->job;

    if (source->has_large || cap <= IMPORT_SMALL_BYTES)
        return;
    (void)pthread_mutex_lock(&job->mutex);
    while (job->large_left == 0)
        (void)pthread_cond_wait(&job->cond, &job->mutex);
    job->large_left--;
    (void)pthread_mutex_unlock(&job->mutex);
    source->has_large = true;
}

void
import_source_give_large(struct import_source *source)
{
    struct import_job *job = source->job;

    if (!source->has_large)
        return;
    (void)pthread_mutex_lock(&job->mutex);
    job->large_left++;
    (void)pthread_cond_signal(&job->cond);
    (void)pthread_mutex_unlock(&job->mutex);
    source->has_large = false;
}

/* ---------------------------------------------------------------------------
 * Ids
 */

#define UUID_CHARS 36

/* UUID/UUID.jsonl at the end of a path. */
static bool
path_parse_ids(const char *path, struct seglog_uuid *session,
               struct seglog_uuid *segment)
{
    static const char SUFFIX[] = ".jsonl";
    const size_t tail = 2 * UUID_CHARS + 1 + sizeof SUFFIX - 1;
    const size_t len = strlen(path);
    const char *at = path + len - tail;

    return len > tail && at[-1] == '/' && at[UUID_CHARS] == '/' &&
           strcmp(at + tail - (sizeof SUFFIX - 1), SUFFIX) == 0 &&
           seglog_uuid_parse(at, UUID_CHARS, session) &&
           seglog_uuid_parse(at + UUID_CHARS + 1, UUID_CHARS, segment) &&
           !seglog_uuid_is_nil(session) && !seglog_uuid_is_nil(segment);
}

/* Neither a segment has this id, nor is it promised to another source. */
static bool
id_is_free(struct import_catalog *catalog, const struct seglog_uuid *segment)
{
    struct seglog_uuid session;
    bool is_found = true;

    if (seglog_session_lookup_session_of(catalog->sessions, segment, &session,
                                         &is_found, NULL) != SEGLOG_OK ||
        is_found)
        return false;
    return import_catalog_promise(catalog, segment);
}

bool
import_source_begin(const struct import_job *job, struct import_entry *entry)
{
    struct import_state *state = &entry->state;
    char *path =
        tool_tree_join(job->catalog->roots[entry->root].path, entry->path);
    struct seglog_uuid session;
    struct seglog_uuid segment;
    bool has_ids = path && path_parse_ids(path, &session, &segment) &&
                   id_is_free(job->catalog, &segment);

    free(path);
    if (!has_ids)
        has_ids = seglog_uuid_new(&session) && seglog_uuid_new(&segment);
    if (!has_ids)
        return false;
    state->type = IMPORT_FILE;
    state->flags |= IMPORT_PENDING;
    state->session = session;
    state->segment = segment;
    return true;
}

/* ---------------------------------------------------------------------------
 * Failures
 */

/* A code of the store; some of them mean that it will fail for all files. */
bool
import_source_fail(struct import_source *source, seglog_code code)
{
    struct import_outcome *outcome = source->outcome;

    outcome->change = IMPORT_FAILED;
    outcome->is_store_error = code == SEGLOG_NO_SPACE ||
                              code == SEGLOG_READ_ONLY ||
                              code == SEGLOG_NO_MEMORY ||
                              code == SEGLOG_POISONED || code == SEGLOG_IO;
    return false;
}

/* A failure of the file, which says nothing about others. */
bool
import_source_fail_file(struct import_source *source, int sys_errno,
                        const char *what)
{
    (void)tool_error_errno(&source->outcome->err, sys_errno, source->shown,
                           what);
    source->outcome->change = IMPORT_FAILED;
    return false;
}

bool
import_source_fail_memory(struct import_source *source)
{
    return import_source_fail(source,
                              tool_error_errno(&source->outcome->err, ENOMEM,
                                               source->shown, "no memory"));
}

/* ---------------------------------------------------------------------------
 * Where the segment stands
 */

static bool
head_is_equal(const struct seglog_head *a, const struct seglog_head *b)
{
    return a->epoch == b->epoch && a->next_record == b->next_record &&
           a->checksum == b->checksum;
}

/* The state's figures from the segment itself. */
static bool
segment_measure(struct import_source *source)
{
    struct import_state *state = &source->entry->state;
    struct import_outcome *outcome = source->outcome;
    seglog_code code = SEGLOG_OK;

    import_source_take_large(source, IMPORT_SMALL_BYTES + 1);
    code =
        import_account_segment(&source->account, source->job->catalog->sessions,
                               &state->session, &state->segment, &outcome->err);
    if (code == SEGLOG_CORRUPT) {
        outcome->is_damaged = true;
        return true;
    }
    if (code != SEGLOG_OK)
        return import_source_fail(source, code);
    import_account_to_state(&source->account, state);
    import_account_reset(&source->account);
    return true;
}

/* Make the state say what the segment holds; a missing one holds nothing. */
static bool
source_settle(struct import_source *source)
{
    struct import_state *state = &source->entry->state;
    struct seglog_error *err = &source->outcome->err;
    struct seglog_head head = { 0 };
    uint64_t count = 0;
    const seglog_code code = seglog_session_read_entry_count(
        source->job->catalog->sessions, &state->session, &state->segment,
        &count, &head, err);

    source->has_segment = code != SEGLOG_NOT_FOUND;
    if (code == SEGLOG_NOT_FOUND) {
        import_account_to_state(&source->account, state);
        return true;
    }
    if (code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT) {
        source->outcome->is_damaged = true;
        return true;
    }
    if (code != SEGLOG_OK)
        return import_source_fail(source, code);
    if ((state->flags & IMPORT_PENDING) == 0 && count == state->records &&
        head_is_equal(&head, &state->head))
        return true;
    import_live_free(source->entry->live);
    source->entry->live = NULL;
    state->flags |= IMPORT_PENDING;
    state->head = head;
    return segment_measure(source);
}

/* ---------------------------------------------------------------------------
 * A new segment
 */

static bool
segment_create(struct import_source *source)
{
    const struct import_entry *entry = source->entry;
    const struct import_state *state = &entry->state;
    struct seglog_segment_new new = {
        .size = sizeof new,
        .label = { entry->path, entry->path_len },
    };
    seglog_code code = SEGLOG_OK;

    if (state->older_count > 0) {
        const struct import_older *older =
            &state->older[state->older_count - 1];

        new.lineage.kind = SEGLOG_LINEAGE_REPLACES;
        new.lineage.segment = older->segment;
    }
    code = seglog_session_create_segment(source->job->catalog->sessions,
                                         &state->session, &state->segment, &new,
                                         &source->outcome->err);
    return code == SEGLOG_OK || import_source_fail(source, code);
}

/* What is stored stays, and a new segment takes its place. */
static bool
source_replace(struct import_source *source)
{
    struct import_entry *entry = source->entry;
    struct import_state *state = &entry->state;
    struct import_state before;
    struct seglog_error *err = &source->outcome->err;
    seglog_code code = SEGLOG_OK;

    import_account_reset(&source->account);
    /* When the pending state cannot be written, nothing has changed. */
    if (!import_state_copy(&before, state))
        return import_source_fail_memory(source);
    if (!import_state_retire(state, import_now_ns() / 1000000) ||
        !seglog_uuid_new(&state->segment)) {
        import_state_free(&before);
        return import_source_fail_memory(source);
    }
    import_account_to_state(&source->account, state);
    state->head = (struct seglog_head){ 0 };
    state->flags |= IMPORT_PENDING;
    code = import_catalog_save(source->job->catalog, &entry, 1, false, err);
    if (code != SEGLOG_OK) {
        import_state_free(state);
        *state = before;
        return import_source_fail(source, code);
    }
    import_state_free(&before);
    import_live_free(entry->live);
    entry->live = NULL;
    source->has_segment = false;
    return true;
}

/* ---------------------------------------------------------------------------
 * All of it
 */

/* The file has nothing new. */
static bool
source_touch(struct import_source *source)
{
    struct import_state *state = &source->entry->state;

    source->outcome->is_complete = true;
    source->outcome->change = import_state_is_same(state, &source->stat)
                                  ? IMPORT_UNCHANGED
                                  : IMPORT_TOUCHED;
    import_source_note_live(source);
    return true;
}

static bool
source_bring_up(struct import_source *source)
{
    struct import_entry *entry = source->entry;
    struct import_state *state = &entry->state;
    enum import_change change = IMPORT_GROWN;
    bool is_prefix = false;

    if (!source_settle(source))
        return false;
    if (!source->outcome->is_damaged &&
        !import_source_compare(source, &is_prefix))
        return false;
    if (atomic_load(&source->job->is_stopping))
        return false;
    if (!source->has_segment)
        change = state->older_count > 0 ? IMPORT_REPLACED : IMPORT_ADDED;
    if (!is_prefix && !source->has_segment)
        is_prefix = true; /* the file has shrunk to nothing meanwhile */
    if (!is_prefix) {
        change = IMPORT_REPLACED;
        if (!source_replace(source))
            return false;
    }
    if (source->has_segment && (uint64_t)source->stat.st_size == state->bytes)
        return source_touch(source);
    if (!source->has_segment && !segment_create(source))
        return false;
    if (!import_source_append(source))
        return false;
    import_account_to_state(&source->account, state);
    source->outcome->change = change;
    source->outcome->lines += source->account.open_records > 0;
    source->outcome->is_complete =
        state->bytes == (uint64_t)source->stat.st_size;
    import_source_note_live(source);
    return true;
}

/* Is there nothing to do, by what stat says and where the segment stands? */
static bool
source_is_unchanged(const struct import_source *source)
{
    const struct import_entry *entry = source->entry;
    const struct import_state *state = &entry->state;
    struct seglog_head head = { 0 };
    uint64_t count = 0;

    return import_state_is_same(state, &entry->stat) &&
           state->bytes == (uint64_t)entry->stat.st_size &&
           (!source->job->is_live || entry->live) &&
           seglog_session_read_entry_count(source->job->catalog->sessions,
                                           &state->session, &state->segment,
                                           &count, &head, NULL) == SEGLOG_OK &&
           count == state->records && head_is_equal(&head, &state->head);
}

/* A file that went away before anything of it was stored leaves nothing that
 * an export could miss. */
static void
source_give_up(struct import_source *source)
{
    struct import_entry *entry = source->entry;

    if (source->outcome->change != IMPORT_GONE || entry->state.records > 0 ||
        entry->state.older_count > 0 ||
        (entry->state.flags & IMPORT_PENDING) == 0)
        return;
    entry->state.deleted_at_ms = import_now_ns() / 1000000;
    entry->is_dirty = true;
}

static void
source_run(struct import_source *source)
{
    struct import_entry *entry = source->entry;
    struct import_state *state = &entry->state;

    if (source_is_unchanged(source)) {
        (void)atomic_fetch_add(&source->job->done_bytes,
                               (uint64_t)entry->stat.st_size);
        source->outcome->change = IMPORT_UNCHANGED;
        source->outcome->is_complete = true;
        return;
    }
    source->block = malloc(IMPORT_BLOCK_BYTES);
    if (!source->block ||
        !import_account_init(&source->account, source->job->is_live)) {
        (void)import_source_fail_memory(source);
        return;
    }
    if (!import_source_open(source) || !source_bring_up(source)) {
        source_give_up(source);
        return;
    }
    if (source->outcome->change == IMPORT_UNCHANGED)
        return;
    state->flags &= ~(unsigned)IMPORT_PENDING;
    state->deleted_at_ms = 0;
    import_state_set_stat(state, &source->stat, source->opened_ns);
    entry->is_dirty = true;
}

void
import_source_run(struct import_job *job, struct import_entry *entry,
                  struct import_outcome *outcome)
{
    struct import_source source = {
        .job = job, .entry = entry, .outcome = outcome, .fd = -1
    };

    *outcome = (struct import_outcome){ 0 };
    source.shown =
        tool_tree_join(job->catalog->roots[entry->root].path, entry->path);
    if (source.shown)
        source_run(&source);
    if (source.shown && job->is_sealing && outcome->is_complete &&
        outcome->change != IMPORT_FAILED && outcome->change != IMPORT_GONE)
        (void)import_source_seal(&source);
    if (!source.shown)
        (void)import_source_fail(
            &source,
            tool_error_errno(&outcome->err, ENOMEM, entry->path, "no memory"));
    import_source_give_large(&source);
    if (source.fd >= 0)
        (void)close(source.fd);
    import_account_free(&source.account);
    free(source.block);
    free(source.shown);
}
