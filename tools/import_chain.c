/* SPDX-License-Identifier: MIT */
/* tools/import_chain.c - the segments that hold one file, and their records. */
#include "tools/import_chain.h"

#include <stdlib.h>
#include <string.h>

#include "tools/tool_common.h"

/* ---------------------------------------------------------------------------
 * The segments of a session
 */

struct row {
    struct seglog_uuid segment;
    struct seglog_lineage lineage;
};

struct rows {
    struct row *items;
    size_t count;
    size_t cap;
    bool is_failed;
};

static bool
row_add(void *arg, const struct seglog_session_row *row)
{
    struct rows *rows = arg;

    if (rows->count == rows->cap) {
        const size_t cap = rows->cap ? 2 * rows->cap : 8;
        struct row *items = realloc(rows->items, cap * sizeof *items);

        if (!items) {
            rows->is_failed = true;
            return false;
        }
        rows->items = items;
        rows->cap = cap;
    }
    rows->items[rows->count++] = (struct row){ row->segment, row->lineage };
    return true;
}

static seglog_code
fail_memory(struct seglog_error *err)
{
    return tool_error_set(err, SEGLOG_NO_MEMORY, "store",
                          "no memory for the segments of a file");
}

static seglog_code
rows_read(struct seglog_session_store *sessions,
          const struct seglog_uuid *session, struct rows *rows,
          struct seglog_error *err)
{
    const seglog_code code =
        seglog_session_list(sessions, session, row_add, rows, err);

    return code == SEGLOG_OK && rows->is_failed ? fail_memory(err) : code;
}

/* NULL: it continues none of them. */
static const struct row *
row_find(const struct rows *rows, const struct seglog_uuid *segment)
{
    for (size_t i = 0; i < rows->count; i++)
        if (seglog_uuid_compare(&rows->items[i].segment, segment) == 0 &&
            rows->items[i].lineage.kind == SEGLOG_LINEAGE_CONTINUES)
            return &rows->items[i];
    return NULL;
}

/* ---------------------------------------------------------------------------
 * Chains
 */

/* Backwards from the last; no longer than there are segments, whatever the
 * lineages say. */
static seglog_code
chain_fill(struct import_chain *chain, const struct rows *rows,
           const struct seglog_uuid *segment, struct seglog_error *err)
{
    struct import_link link = { *segment, UINT64_MAX };
    const struct row *row = NULL;

    chain->links = malloc((rows->count + 1) * sizeof *chain->links);
    if (!chain->links)
        return fail_memory(err);
    chain->links[chain->count++] = link;
    while ((row = row_find(rows, &link.segment)) &&
           chain->count <= rows->count) {
        link = (struct import_link){ row->lineage.segment,
                                     row->lineage.at_record };
        chain->links[chain->count++] = link;
    }
    for (size_t i = 0; i < chain->count / 2; i++) {
        link = chain->links[i];
        chain->links[i] = chain->links[chain->count - 1 - i];
        chain->links[chain->count - 1 - i] = link;
    }
    return SEGLOG_OK;
}

seglog_code
import_chain_read(struct seglog_session_store *sessions,
                  const struct seglog_uuid *session,
                  const struct seglog_uuid *segment, struct import_chain *chain,
                  struct seglog_error *err)
{
    struct rows rows = { 0 };
    seglog_code code = SEGLOG_OK;

    *chain = (struct import_chain){ .session = *session };
    code = rows_read(sessions, session, &rows, err);
    if (code == SEGLOG_OK)
        code = chain_fill(chain, &rows, segment, err);
    free(rows.items);
    return code;
}

void
import_chain_free(struct import_chain *chain)
{
    free(chain->links);
    *chain = (struct import_chain){ 0 };
}

seglog_code
import_chain_find_next(struct seglog_session_store *sessions,
                       const struct seglog_uuid *session,
                       const struct seglog_uuid *segment, uint64_t last_record,
                       struct seglog_uuid *next, bool *found,
                       struct seglog_error *err)
{
    struct rows rows = { 0 };
    seglog_code code = rows_read(sessions, session, &rows, err);

    *found = false;
    for (size_t i = 0; code == SEGLOG_OK && !*found && i < rows.count; i++) {
        const struct row *row = &rows.items[i];
        uint64_t count = 0;

        if (row->lineage.kind != SEGLOG_LINEAGE_CONTINUES ||
            row->lineage.at_record != last_record ||
            seglog_uuid_compare(&row->lineage.segment, segment) != 0)
            continue;
        *next = row->segment;
        *found =
            seglog_session_read_entry_count(sessions, session, next, &count,
                                            NULL, NULL) == SEGLOG_OK &&
            count == 0;
    }
    free(rows.items);
    return code;
}

/* ---------------------------------------------------------------------------
 * Records
 */

static seglog_code
link_open(struct import_reader *reader, size_t at, struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage =
                                                       reader->salvages };

    seglog_reader_close(reader->reader);
    reader->reader = NULL;
    reader->at = at;
    return seglog_session_open_reader(reader->sessions, &reader->chain->session,
                                      &reader->chain->links[at].segment,
                                      reader->chain->lane, &options,
                                      &reader->reader, err);
}

seglog_code
import_reader_open(struct import_reader *reader,
                   struct seglog_session_store *sessions,
                   const struct import_chain *chain, bool salvages,
                   struct seglog_error *err)
{
    *reader = (struct import_reader){ .sessions = sessions,
                                      .chain = chain,
                                      .salvages = salvages };
    return link_open(reader, 0, err);
}

/* Is the event behind what counts of its segment? */
static bool
event_is_over(const struct import_link *link, const struct seglog_event *event)
{
    const uint64_t number = event->type == SEGLOG_EVENT_RECORD
                                ? event->record.record_no
                                : event->finding.first_record;

    return number > link->last_record;
}

seglog_code
import_reader_next(struct import_reader *reader, struct seglog_event *event,
                   struct seglog_error *err)
{
    const struct import_chain *chain = reader->chain;

    for (;;) {
        seglog_code code = SEGLOG_OK;

        if (!reader->reader)
            return SEGLOG_END;
        code = seglog_reader_next(reader->reader, event, err);
        if (code == SEGLOG_OK &&
            event_is_over(&chain->links[reader->at], event))
            code = SEGLOG_END;
        if (code != SEGLOG_END || reader->at + 1 >= chain->count)
            return code;
        code = link_open(reader, reader->at + 1, err);
        if (code != SEGLOG_OK)
            return code;
    }
}

seglog_code
import_reader_rewind(struct import_reader *reader, struct seglog_error *err)
{
    return reader->at == 0 && reader->reader
               ? seglog_reader_seek(reader->reader, 1, err)
               : link_open(reader, 0, err);
}

void
import_reader_close(struct import_reader *reader)
{
    seglog_reader_close(reader->reader);
    reader->reader = NULL;
}
