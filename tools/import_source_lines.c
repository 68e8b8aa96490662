/* SPDX-License-Identifier: MIT */
/* tools/import_source_lines.c - what is new of a file becomes records. */
#define _GNU_SOURCE
#include "tools/import_source_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/import_chain.h"
#include "tools/json2seg.h"

/* ---------------------------------------------------------------------------
 * Lines
 */

static void
on_fault(void *arg, const struct seglog_json_broken *line, uint64_t line_no,
         uint64_t line_at)
{
    const struct import_source *source = arg;
    const struct import_job *job = source->job;

    if (!line->has_lf &&
        (job->accepts_open_line || atomic_load(&job->is_stopping)))
        return;
    source->outcome->bad_lines++;
    job->on_fault(job->arg, source->entry, line, line_no, line_at);
}

static bool
on_bytes(void *arg, const uint8_t *bytes, size_t len, bool has_lf)
{
    struct import_source *source = arg;

    import_account_add(&source->account, bytes, len, has_lf);
    (void)atomic_fetch_add(&source->job->done_bytes, len + has_lf);
    source->outcome->bytes += len + has_lf;
    source->outcome->lines += has_lf;
    return !atomic_load(&source->job->is_stopping);
}

/* Read on where the account stands, up to the size the file had. */
static bool
lines_read(struct import_source *source, struct json2seg_import *import)
{
    const uint64_t at = source->account.bytes;
    const uint64_t size = (uint64_t)source->stat.st_size;

    if (json2seg_batch_open(&import->batch, &import->err) != SEGLOG_OK ||
        json2seg_input_open_fd(&import->input, source->fd, source->shown,
                               import->batch.record_max + IMPORT_BLOCK_BYTES,
                               &import->err) != SEGLOG_OK)
        return false;
    import->input.left = size > at ? size - at : 0;
    import->input.on_grow = import_source_take_large;
    import->input.arg = source;
    if (lseek(source->fd, (off_t)at, SEEK_SET) < 0) {
        import->is_input_error = true;
        (void)tool_error_errno(&import->err, errno, source->shown,
                               "lseek failed");
        return false;
    }
    return json2seg_import_all(import);
}

/* The writer is closed; the records are synced when this returns true. */
static bool
lines_close(struct import_source *source, struct json2seg_import *import,
            bool is_done)
{
    struct json2seg_batch *batch = &import->batch;
    struct seglog_writer_state state;

    if (is_done)
        is_done = seglog_writer_flush(batch->writer, &import->err) == SEGLOG_OK;
    if (!is_done) {
        (void)json2seg_batch_close(batch, NULL);
        return false;
    }
    seglog_writer_get_state(batch->writer, &state);
    source->entry->state.head = state.head;
    return json2seg_batch_close(batch, &import->err) == SEGLOG_OK;
}

/* The writer is closed in any case. */
static bool
lines_import(struct import_source *source, struct seglog_writer *writer)
{
    static const struct json2seg_options OPTIONS = { 0 };
    const struct import_account *account = &source->account;
    struct json2seg_import *import = calloc(1, sizeof *import);
    bool is_done = false;

    if (!import) {
        (void)seglog_writer_close(writer, NULL);
        return import_source_fail_memory(source);
    }
    import->options = &OPTIONS;
    import->hooks = (struct json2seg_hooks){
        .on_fault = on_fault,
        .on_bytes = on_bytes,
        .arg = source,
        .is_unchecked = (source->entry->state.flags & IMPORT_OTHER) != 0,
    };
    import->line_no = account->lines + 1;
    import->line_at = import->next_at = account->bytes;
    import->batch.input = &import->input;
    import->batch.group_max = 1;
    import->batch.shown = source->shown;
    import->batch.writer = writer;
    is_done = lines_close(source, import, lines_read(source, import));
    json2seg_input_close(&import->input);
    if (!is_done) {
        source->outcome->err = import->err;
        (void)import_source_fail(source, import->is_input_error
                                             ? SEGLOG_NOT_FOUND
                                             : import->err.code);
    }
    free(import);
    return is_done;
}

/* ---------------------------------------------------------------------------
 * Where they go
 */

/* A segment that continues the source's, up to the open line. */
static seglog_code
next_make(struct import_source *source, uint64_t last_record,
          struct seglog_uuid *next)
{
    const struct import_entry *entry = source->entry;
    const struct import_state *state = &entry->state;
    struct seglog_session_store *sessions = source->job->catalog->sessions;
    struct seglog_error *err = &source->outcome->err;
    const struct seglog_segment_new new = {
        .size = sizeof new,
        .label = { entry->path, entry->path_len },
        .lineage = { .kind = SEGLOG_LINEAGE_CONTINUES,
                     .segment = state->segment,
                     .at_record = last_record },
    };
    bool is_found = false;
    const seglog_code code =
        import_chain_find_next(sessions, &state->session, &state->segment,
                               last_record, next, &is_found, err);

    if (code != SEGLOG_OK || is_found)
        return code;
    if (!seglog_uuid_new(next))
        return tool_error_set(err, SEGLOG_IO, source->shown,
                              "the system gives no random bytes for an id");
    return seglog_session_create_segment(sessions, &state->session, next, &new,
                                         err);
}

/*
 * The segment is sealed: go on in one that continues it.  That one is there
 * before the state names it, and empty until the state does: so a crash in
 * between leaves nothing that the next import could not tell.
 */
static bool
source_continue(struct import_source *source)
{
    struct import_account *account = &source->account;
    struct import_entry *entry = source->entry;
    struct import_state *state = &entry->state;
    const struct import_state before = *state;
    struct seglog_uuid next;
    seglog_code code =
        next_make(source, account->records - account->open_records, &next);

    if (code != SEGLOG_OK)
        return import_source_fail(source, code);
    if (account->open_records > 0)
        import_account_rewind(account, account->open_bytes);
    account->records = 0;
    import_account_to_state(account, state);
    state->segment = next;
    state->head = (struct seglog_head){ 0 };
    state->flags |= IMPORT_PENDING;
    code = import_catalog_save(source->job->catalog, &entry, 1, false,
                               &source->outcome->err);
    if (code == SEGLOG_OK)
        return true;
    *state = before;
    return import_source_fail(source, code);
}

static seglog_code
writer_open(struct import_source *source, struct seglog_writer **writer)
{
    const struct import_state *state = &source->entry->state;

    return seglog_session_open_writer(
        source->job->catalog->sessions, &state->session, &state->segment,
        SEGLOG_WRITER_EXCLUSIVE, writer, &source->outcome->err);
}

/* The open line is written anew, whole or longer: cut it, then add. */
bool
import_source_append(struct import_source *source)
{
    struct import_account *account = &source->account;
    struct seglog_error *err = &source->outcome->err;
    struct seglog_writer *writer = NULL;
    struct seglog_writer_state at;
    seglog_code code = writer_open(source, &writer);

    if (code == SEGLOG_SEALED) {
        if (!source_continue(source))
            return false;
        code = writer_open(source, &writer);
    }
    if (code != SEGLOG_OK)
        return import_source_fail(source, code);
    seglog_writer_get_state(writer, &at);
    if (at.next_record != account->records + 1)
        code = tool_error_set(err, SEGLOG_CONFLICT, source->shown,
                              "somebody else writes to its segment");
    if (code == SEGLOG_OK && account->open_records > 0)
        code = seglog_writer_truncate(
            writer, account->records - account->open_records + 1, err);
    if (code != SEGLOG_OK) {
        (void)seglog_writer_close(writer, NULL);
        return import_source_fail(source, code);
    }
    if (account->open_records > 0)
        import_account_rewind(account, account->open_bytes);
    return lines_import(source, writer);
}
