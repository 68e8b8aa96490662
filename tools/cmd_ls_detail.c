/* SPDX-License-Identifier: MIT */
/* tools/cmd_ls_detail.c - `seglog ls STORE:ID`: one session in detail. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/cmd_ls.h"
#include "tools/tool_text.h"

/* A log has few kinds of entries; what is beyond these is counted as other. */
#define KINDS_MAX    64u
#define TEXT_COLUMNS 400u
#define KIND_CAP     48 /* as in struct seglog_entry_note */

struct kind {
    char name[KIND_CAP];
    uint64_t count;
};

/* What the notes of the entries add up to. */
struct digest {
    uint64_t entries;
    uint64_t turns;
    int64_t first_ms; /* INT64_MIN: no entry has a time */
    int64_t last_ms;
    struct kind kinds[KINDS_MAX];
    size_t kind_count;
    uint64_t other;
};

/* ---------------------------------------------------------------------------
 * Adding up
 */

static void
kind_add(struct digest *digest, const char *name)
{
    for (size_t i = 0; i < digest->kind_count; i++)
        if (strcmp(digest->kinds[i].name, name) == 0) {
            digest->kinds[i].count++;
            return;
        }
    if (digest->kind_count == KINDS_MAX) {
        digest->other++;
        return;
    }
    (void)snprintf(digest->kinds[digest->kind_count].name,
                   sizeof digest->kinds[0].name, "%s", name);
    digest->kinds[digest->kind_count++].count = 1;
}

static bool
on_note(void *arg, const struct seglog_entry_note *note)
{
    struct digest *digest = arg;

    digest->entries++;
    digest->turns += note->ends_turn;
    if (note->ts_ms != INT64_MIN) {
        if (digest->first_ms == INT64_MIN || note->ts_ms < digest->first_ms)
            digest->first_ms = note->ts_ms;
        if (digest->last_ms == INT64_MIN || note->ts_ms > digest->last_ms)
            digest->last_ms = note->ts_ms;
    }
    kind_add(digest, note->kind);
    return true;
}

static int
kind_compare(const void *left, const void *right)
{
    const struct kind *a = left;
    const struct kind *b = right;

    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->name, b->name);
}

/* False: damage stopped it, and err says where; what was counted holds. */
static bool
digest_make(const struct ls_catalog *catalog, const struct ls_segment *segment,
            struct digest *digest, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    *digest = (struct digest){ .first_ms = INT64_MIN, .last_ms = INT64_MIN };
    code = seglog_session_list_notes(catalog->sessions, &segment->row.session,
                                     &segment->row.segment, 0, on_note, digest,
                                     err);
    qsort(digest->kinds, digest->kind_count, sizeof digest->kinds[0],
          kind_compare);
    return code == SEGLOG_OK;
}

/* ---------------------------------------------------------------------------
 * As text
 */

static void
escaped_print(const char *name, const char *data, size_t len)
{
    char text[12 * TEXT_COLUMNS + 1];

    if (len > 0)
        (void)printf("%s%s\n", name,
                     tool_text_escape(data, len, TEXT_COLUMNS, text));
}

static void
time_print(int64_t ms)
{
    char text[TOOL_TIME_CAP];
    const char *time = tool_time_text(ms, text);

    (void)fputs(time ? time : "a time beyond the year 9999", stdout);
}

static void
lanes_print(const struct ls_options *options, const struct ls_catalog *catalog,
            const struct ls_segment *segment)
{
    const struct seglog_session_segment_info *info = &segment->info;
    const uint64_t notes = ls_lane_bytes(catalog, segment, SEGLOG_LANE_NOTES);
    char number[LS_NUMBER_CAP];
    char size[32];
    char age[TOOL_TIME_CAP];

    (void)printf("  entries  %s %s, ", ls_number_text(info->count, number),
                 cmd_plural(info->count, "record", "records"));
    (void)printf("%s, %s%s\n", tool_size_text(info->size, size, sizeof size),
                 segment->verdict, ls_state_words(info));
    if (info->trace_size > 0)
        (void)printf("  trace    %s\n",
                     tool_size_text(info->trace_size, size, sizeof size));
    if (notes > 0)
        (void)printf("  notes    %s (derived)\n",
                     tool_size_text(notes, size, sizeof size));
    if (segment->row.created_ms != 0) {
        (void)fputs("  created  ", stdout);
        time_print(segment->row.created_ms);
        (void)fputc('\n', stdout);
    }
    (void)fputs("  changed  ", stdout);
    time_print(info->modified_ms);
    (void)printf(" (%s ago)\n",
                 tool_age_text(info->modified_ms, options->now_ms, age));
}

static void
lineage_print(const struct ls_segment *segment)
{
    const struct seglog_lineage *lineage = &segment->row.lineage;
    char id[SEGLOG_UUID_TEXT_CAP];

    if (lineage->kind == SEGLOG_LINEAGE_NONE)
        return;
    (void)printf("  lineage  %s %s", ls_lineage_name(lineage->kind),
                 seglog_uuid_format(&lineage->segment, id));
    if (lineage->at_turn > 0)
        (void)printf(", turn %" PRIu64, lineage->at_turn);
    if (lineage->at_record > 0)
        (void)printf(", record %" PRIu64, lineage->at_record);
    (void)printf("%s\n", segment->parent == LS_NONE ? " (gone)" : "");
}

static void
digest_print(const struct digest *digest)
{
    char number[LS_NUMBER_CAP];

    if (digest->first_ms != INT64_MIN) {
        (void)fputs("  times    ", stdout);
        time_print(digest->first_ms);
        (void)fputs(" to ", stdout);
        time_print(digest->last_ms);
        (void)fputc('\n', stdout);
    }
    if (digest->turns > 0)
        (void)printf("  turns    %s\n", ls_number_text(digest->turns, number));
    for (size_t i = 0; i < digest->kind_count; i++) {
        char name[12 * sizeof digest->kinds[0].name + 1];
        const char *kind = digest->kinds[i].name;

        (void)printf("%s%s %s", i == 0 ? "  kinds    " : ", ",
                     *kind
                         ? tool_text_escape(kind, strlen(kind),
                                            sizeof digest->kinds[0].name, name)
                         : "(none)",
                     ls_number_text(digest->kinds[i].count, number));
    }
    if (digest->other > 0)
        (void)printf(", others %s", ls_number_text(digest->other, number));
    if (digest->kind_count > 0)
        (void)fputc('\n', stdout);
}

static void
segment_print(const struct ls_options *options,
              const struct ls_catalog *catalog,
              const struct ls_segment *segment, const struct digest *digest)
{
    char id[SEGLOG_UUID_TEXT_CAP];

    (void)printf("segment    %s\n",
                 seglog_uuid_format(&segment->row.segment, id));
    escaped_print("  label    ", segment->row.label.data,
                  segment->row.label.len);
    lineage_print(segment);
    lanes_print(options, catalog, segment);
    digest_print(digest);
}

static void
session_print(const struct ls_session *session)
{
    char id[SEGLOG_UUID_TEXT_CAP];
    char number[LS_NUMBER_CAP];
    char size[32];

    (void)printf("session    %s\n", seglog_uuid_format(&session->id, id));
    escaped_print("  note     ", session->note, session->note_len);
    (void)printf("  holds    %zu %s, ", session->count,
                 cmd_plural(session->count, "segment", "segments"));
    (void)printf("%s %s, %s\n", ls_number_text(session->records, number),
                 cmd_plural(session->records, "record", "records"),
                 tool_size_text(session->bytes, size, sizeof size));
}

/* ---------------------------------------------------------------------------
 * As JSON
 */

static void
segment_json(const struct ls_catalog *catalog, const struct ls_segment *segment,
             const struct digest *digest)
{
    ls_segment_json(catalog, segment);
    (void)printf(",\"notes_bytes\":%" PRIu64 ",\"entries\":{",
                 ls_lane_bytes(catalog, segment, SEGLOG_LANE_NOTES));
    ls_time_json("first", digest->first_ms, digest->first_ms != INT64_MIN);
    (void)fputc(',', stdout);
    ls_time_json("last", digest->last_ms, digest->last_ms != INT64_MIN);
    (void)printf(",\"turns\":%" PRIu64 ",\"kinds\":{", digest->turns);
    for (size_t i = 0; i < digest->kind_count; i++) {
        const char *kind = digest->kinds[i].name;

        if (i > 0)
            (void)fputc(',', stdout);
        (void)tool_json_bytes(stdout, kind, strlen(kind));
        (void)printf(":%" PRIu64, digest->kinds[i].count);
    }
    (void)printf("},\"other_kinds\":%" PRIu64 "}}\n", digest->other);
}

/* ---------------------------------------------------------------------------
 * The whole
 */

enum tool_status
ls_detail(const struct ls_options *options, const struct ls_catalog *catalog,
          size_t session_no, size_t segment_no)
{
    const struct ls_session *session = &catalog->session_items[session_no];
    struct digest *digest = malloc(sizeof *digest);
    enum tool_status status = TOOL_OK;

    if (!digest)
        return tool_fail_memory();
    if (!options->is_json)
        session_print(session);
    for (size_t i = 0; i < session->count; i++) {
        const struct ls_segment *segment =
            &catalog->segments[session->first + i];
        struct seglog_error err = { 0 };
        bool is_whole = false;

        if (segment_no != LS_NONE && session->first + i != segment_no)
            continue;
        is_whole = digest_make(catalog, segment, digest, &err);
        if (options->is_json)
            segment_json(catalog, segment, digest);
        else
            segment_print(options, catalog, segment, digest);
        if (!is_whole)
            status = cmd_status_worse(status, tool_fail(NULL, &err));
        else if (segment->is_damaged)
            status = cmd_status_worse(status, TOOL_DAMAGED);
    }
    free(digest);
    return status;
}
