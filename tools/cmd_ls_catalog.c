/* SPDX-License-Identifier: MIT */
/* tools/cmd_ls_catalog.c - every segment of a store, looked at once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd_ls.h"

/* ---------------------------------------------------------------------------
 * Rows
 */

struct loading {
    struct ls_catalog *catalog;
    bool is_out_of_memory;
};

/* Room for one more.  NULL: out of memory, and the array is as it was. */
static void *
array_grow(void *array, size_t count, size_t *cap, size_t size)
{
    const size_t wanted = *cap ? 2 * *cap : 64;
    void *grown = NULL;

    if (count < *cap)
        return array;
    grown = realloc(array, wanted * size);
    if (grown)
        *cap = wanted;
    return grown;
}

static bool
session_begin(struct ls_catalog *catalog, const struct seglog_uuid *id)
{
    struct ls_session *items = catalog->session_items;
    const size_t count = catalog->session_count;

    if (count > 0 && seglog_uuid_compare(&items[count - 1].id, id) == 0)
        return true;
    items = array_grow(items, count, &catalog->session_cap, sizeof *items);
    if (!items)
        return false;
    catalog->session_items = items;
    items[count] =
        (struct ls_session){ .id = *id, .first = catalog->segment_count };
    catalog->session_count++;
    return true;
}

static bool
segment_add(struct ls_catalog *catalog, const struct seglog_session_row *row)
{
    struct ls_segment *segment = NULL;
    char *label = NULL;

    if (!session_begin(catalog, &row->session))
        return false;
    segment = array_grow(catalog->segments, catalog->segment_count,
                         &catalog->segment_cap, sizeof *segment);
    if (!segment)
        return false;
    catalog->segments = segment;
    if (row->label.len > 0) {
        label = malloc(row->label.len);
        if (!label)
            return false;
        memcpy(label, row->label.data, row->label.len);
    }
    segment = &catalog->segments[catalog->segment_count++];
    *segment = (struct ls_segment){ .row = *row,
                                    .session = catalog->session_count - 1,
                                    .parent = LS_NONE };
    segment->row.label = (struct seglog_slice){ label, row->label.len };
    catalog->session_items[catalog->session_count - 1].count++;
    return true;
}

static bool
on_row(void *arg, const struct seglog_session_row *row)
{
    struct loading *loading = arg;

    loading->is_out_of_memory = !segment_add(loading->catalog, row);
    return !loading->is_out_of_memory;
}

/* ---------------------------------------------------------------------------
 * What the segments themselves say
 */

static bool
verdict_is_damage(enum seglog_verdict verdict)
{
    return verdict != SEGLOG_VERDICT_OK && verdict != SEGLOG_VERDICT_TORN;
}

static void
segment_look(struct ls_catalog *catalog, struct ls_segment *segment)
{
    struct seglog_error err = { 0 };
    const seglog_code code = seglog_session_get_segment_info(
        catalog->sessions, &segment->row.session, &segment->row.segment,
        &segment->info, &err);

    if (code == SEGLOG_OK) {
        segment->verdict = seglog_verdict_name(segment->info.verdict);
        segment->is_damaged = verdict_is_damage(segment->info.verdict);
        return;
    }
    segment->info = (struct seglog_session_segment_info){ 0 };
    segment->verdict = code == SEGLOG_NOT_FOUND ? "GONE" : "UNREADABLE";
    segment->is_damaged = code != SEGLOG_NOT_FOUND;
}

static void
session_sum(struct ls_catalog *catalog, struct ls_session *session)
{
    for (size_t i = 0; i < session->count; i++) {
        struct ls_segment *segment = &catalog->segments[session->first + i];

        segment_look(catalog, segment);
        session->records += segment->info.count;
        session->bytes += ls_segment_bytes(segment);
        if (i == 0 || segment->info.modified_ms > session->modified_ms)
            session->modified_ms = segment->info.modified_ms;
        catalog->damaged += segment->is_damaged;
    }
    catalog->records += session->records;
    catalog->bytes += session->bytes;
}

static bool
session_read_note(struct ls_catalog *catalog, struct ls_session *session)
{
    char note[SEGLOG_SESSION_NOTE_MAX];
    size_t len = 0;

    /* Where the notes cannot be read, sessions are listed without. */
    if (seglog_session_read_note(catalog->sessions, &session->id, note, &len,
                                 NULL) != SEGLOG_OK ||
        len == 0)
        return true;
    session->note = malloc(len);
    if (!session->note)
        return false;
    memcpy(session->note, note, len);
    session->note_len = len;
    return true;
}

/* ---------------------------------------------------------------------------
 * Lineage
 */

/* qsort has no argument to hand on. */
static const struct ls_segment *by_id_segments;

static int
by_id_compare(const void *left, const void *right)
{
    const size_t a = *(const size_t *)left;
    const size_t b = *(const size_t *)right;
    const int order = seglog_uuid_compare(&by_id_segments[a].row.segment,
                                          &by_id_segments[b].row.segment);

    return order != 0 ? order : (a > b) - (a < b);
}

size_t
ls_catalog_find(const struct ls_catalog *catalog,
                const struct seglog_uuid *segment)
{
    size_t low = 0;
    size_t high = catalog->segment_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct ls_segment *at =
            &catalog->segments[catalog->by_id[middle]];
        const int order = seglog_uuid_compare(&at->row.segment, segment);

        if (order == 0)
            return catalog->by_id[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return LS_NONE;
}

size_t
ls_catalog_find_session(const struct ls_catalog *catalog,
                        const struct seglog_uuid *session)
{
    for (size_t i = 0; i < catalog->session_count; i++)
        if (seglog_uuid_compare(&catalog->session_items[i].id, session) == 0)
            return i;
    return LS_NONE;
}

static bool
lineage_link(struct ls_catalog *catalog)
{
    const size_t count = catalog->segment_count;

    catalog->by_id = malloc((count ? count : 1) * sizeof *catalog->by_id);
    if (!catalog->by_id)
        return false;
    for (size_t i = 0; i < count; i++)
        catalog->by_id[i] = i;
    by_id_segments = catalog->segments;
    if (count > 0)
        qsort(catalog->by_id, count, sizeof *catalog->by_id, by_id_compare);
    for (size_t i = 0; i < count; i++) {
        struct ls_segment *segment = &catalog->segments[i];

        if (segment->row.lineage.kind != SEGLOG_LINEAGE_NONE)
            segment->parent =
                ls_catalog_find(catalog, &segment->row.lineage.segment);
        /* Nothing descends from itself, whatever it says. */
        if (segment->parent == i)
            segment->parent = LS_NONE;
    }
    return true;
}

/* ---------------------------------------------------------------------------
 * The catalog
 */

enum tool_status
ls_catalog_list(struct seglog_session_store *sessions, const char *shown,
                struct ls_catalog *catalog)
{
    struct loading loading = { .catalog = catalog };
    struct seglog_error err = { 0 };

    *catalog = (struct ls_catalog){ .sessions = sessions, .shown = shown };
    if (seglog_session_list(sessions, NULL, on_row, &loading, &err) !=
        SEGLOG_OK)
        return tool_fail(shown, &err);
    return !loading.is_out_of_memory && lineage_link(catalog)
               ? TOOL_GO_ON
               : tool_fail_memory();
}

enum tool_status
ls_catalog_look(struct ls_catalog *catalog, size_t session)
{
    struct ls_session *item = &catalog->session_items[session];

    session_sum(catalog, item);
    return session_read_note(catalog, item) ? TOOL_GO_ON : tool_fail_memory();
}

enum tool_status
ls_catalog_load(struct seglog_session_store *sessions, const char *shown,
                struct ls_catalog *catalog)
{
    enum tool_status status = ls_catalog_list(sessions, shown, catalog);

    for (size_t i = 0; i < catalog->session_count && status == TOOL_GO_ON; i++)
        status = ls_catalog_look(catalog, i);
    return status;
}

static void
slice_free(struct seglog_slice slice)
{
    /* The catalog allocated it, and lends it as something constant. */
    free((void *)(uintptr_t)slice.data);
}

void
ls_catalog_free(struct ls_catalog *catalog)
{
    for (size_t i = 0; i < catalog->segment_count; i++)
        slice_free(catalog->segments[i].row.label);
    for (size_t i = 0; i < catalog->session_count; i++)
        free(catalog->session_items[i].note);
    free(catalog->segments);
    free(catalog->session_items);
    free(catalog->by_id);
    *catalog = (struct ls_catalog){ 0 };
}

uint64_t
ls_segment_bytes(const struct ls_segment *segment)
{
    return segment->info.size + segment->info.trace_size;
}

uint64_t
ls_lane_bytes(const struct ls_catalog *catalog,
              const struct ls_segment *segment, enum seglog_lane lane)
{
    struct seglog_blob_info info = { 0 };
    char name[SEGLOG_LANE_NAME_CAP];

    if (seglog_store_get_info(seglog_session_store_get_store(catalog->sessions),
                              seglog_lane_name(&segment->row.session,
                                               &segment->row.segment, lane,
                                               name),
                              &info, NULL) != SEGLOG_OK)
        return 0;
    return info.size;
}

const char *
ls_lineage_name(enum seglog_lineage_kind kind)
{
    switch (kind) {
    case SEGLOG_LINEAGE_NONE:
        return "none";
    case SEGLOG_LINEAGE_FORKED_FROM:
        return "forked_from";
    case SEGLOG_LINEAGE_COMPACTED_FROM:
        return "compacted_from";
    case SEGLOG_LINEAGE_CONTINUES:
        return "continues";
    case SEGLOG_LINEAGE_REPLACES:
        return "replaces";
    }
    return "unknown";
}

const char *
ls_lineage_word(enum seglog_lineage_kind kind)
{
    switch (kind) {
    case SEGLOG_LINEAGE_NONE:
        return "";
    case SEGLOG_LINEAGE_FORKED_FROM:
        return "fork";
    case SEGLOG_LINEAGE_COMPACTED_FROM:
        return "compaction";
    case SEGLOG_LINEAGE_CONTINUES:
        return "continues";
    case SEGLOG_LINEAGE_REPLACES:
        return "replaces";
    }
    return "unknown";
}

const char *
ls_state_words(const struct seglog_session_segment_info *info)
{
    if (info->is_sealed)
        return ", sealed";
    return info->is_closed ? ", closed" : "";
}

const char *
ls_number_text(uint64_t number, char buf[LS_NUMBER_CAP])
{
    char digits[LS_NUMBER_CAP];
    const size_t len =
        (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number);
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf[at++] = ',';
        buf[at++] = digits[i];
    }
    buf[at] = '\0';
    return buf;
}
