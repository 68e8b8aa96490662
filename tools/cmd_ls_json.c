/* SPDX-License-Identifier: MIT */
/* tools/cmd_ls_json.c - `seglog ls --json`: one object a segment or stream. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd_ls.h"
#include "tools/tool_base64.h"
#include "tools/tool_text.h"

static bool
is_utf8(const char *data, size_t len)
{
    const unsigned char *p = (const unsigned char *)data;

    while (len > 0) {
        const size_t used = tool_utf8_len(p, len);

        if (used == 0)
            return false;
        p += used;
        len -= used;
    }
    return true;
}

void
ls_bytes_json(const char *name, const char *data, size_t len)
{
    char encoded[SEGLOG_SESSION_LABEL_MAX * 4 / 3 + 8];

    if (len == 0) {
        (void)printf(",\"%s\":null", name);
        return;
    }
    (void)printf(",\"%s\":", name);
    (void)tool_json_bytes(stdout, data, len);
    if (is_utf8(data, len) || len > SEGLOG_SESSION_LABEL_MAX)
        return;
    tool_base64_encode((const uint8_t *)data, len, encoded);
    (void)printf(",\"%s_base64\":\"%.*s\"", name, (int)tool_base64_len(len),
                 encoded);
}

void
ls_time_json(const char *name, int64_t ms, bool is_known)
{
    char text[TOOL_TIME_CAP];
    const char *time = is_known ? tool_time_text(ms, text) : NULL;

    if (time)
        (void)printf("\"%s\":\"%s\",\"%s_ms\":%" PRId64, name, time, name, ms);
    else
        (void)printf("\"%s\":null,\"%s_ms\":null", name, name);
}

static void
lineage_json(const struct ls_segment *segment)
{
    const struct seglog_lineage *lineage = &segment->row.lineage;
    char id[SEGLOG_UUID_TEXT_CAP];

    if (lineage->kind == SEGLOG_LINEAGE_NONE) {
        (void)fputs(",\"lineage\":null", stdout);
        return;
    }
    (void)printf(
        ",\"lineage\":{\"kind\":\"%s\",\"segment\":\"%s\""
        ",\"at_turn\":%" PRIu64 ",\"at_record\":%" PRIu64 ",\"present\":%s}",
        ls_lineage_name(lineage->kind),
        seglog_uuid_format(&lineage->segment, id), lineage->at_turn,
        lineage->at_record, segment->parent != LS_NONE ? "true" : "false");
}

void
ls_segment_json(const struct ls_catalog *catalog,
                const struct ls_segment *segment)
{
    const struct ls_session *session =
        &catalog->session_items[segment->session];
    const struct seglog_session_segment_info *info = &segment->info;
    char session_id[SEGLOG_UUID_TEXT_CAP];
    char segment_id[SEGLOG_UUID_TEXT_CAP];
    char name[SEGLOG_LANE_NAME_CAP];

    (void)printf("{\"session\":\"%s\",\"segment\":\"%s\",\"blob\":\"%s\""
                 ",\"records\":%" PRIu64 ",\"bytes\":%" PRIu64
                 ",\"trace_bytes\":%" PRIu64
                 ",\"verdict\":\"%s\",\"closed\":%s,\"sealed\":%s",
                 seglog_uuid_format(&session->id, session_id),
                 seglog_uuid_format(&segment->row.segment, segment_id),
                 seglog_lane_name(&session->id, &segment->row.segment,
                                  SEGLOG_LANE_ENTRIES, name),
                 info->count, info->size, info->trace_size, segment->verdict,
                 info->is_closed ? "true" : "false",
                 info->is_sealed ? "true" : "false");
    if (segment->is_scanned)
        (void)printf(",\"lost\":%" PRIu64 ",\"findings\":%" PRIu64,
                     segment->lost, segment->findings);
    (void)printf(",\"head\":{\"epoch\":\"%016" PRIx64
                 "\",\"next_record\":%" PRIu64 ",\"checksum\":%" PRIu32 "}",
                 info->head.epoch, info->head.next_record, info->head.checksum);
    lineage_json(segment);
    (void)fputc(',', stdout);
    ls_time_json("created", segment->row.created_ms,
                 segment->row.created_ms != 0);
    (void)fputc(',', stdout);
    ls_time_json("modified", info->modified_ms, info->modified_ms != 0);
    ls_bytes_json("label", segment->row.label.data, segment->row.label.len);
    ls_bytes_json("note", session->note, session->note_len);
}

enum tool_status
ls_print_json(const struct ls_options *options,
              const struct ls_catalog *catalog,
              const struct ls_streams *streams)
{
    size_t *order = ls_sort_segments(options, catalog);
    const size_t count =
        options->count > 0 && options->count < catalog->segment_count
            ? (size_t)options->count
            : catalog->segment_count;

    if (!order)
        return tool_fail_memory();
    for (size_t i = 0; i < count; i++) {
        ls_segment_json(catalog, &catalog->segments[order[i]]);
        (void)fputs("}\n", stdout);
    }
    free(order);
    ls_streams_json(options, streams);
    (void)printf(
        "{\"summary\":{\"sessions\":%zu,\"segments\":%zu"
        ",\"records\":%" PRIu64 ",\"bytes\":%" PRIu64
        ",\"streams\":%zu,\"stream_segments\":%" PRIu64 ",\"events\":%" PRIu64
        ",\"stream_bytes\":%" PRIu64 ",\"damaged\":%zu}}\n",
        catalog->session_count, catalog->segment_count, catalog->records,
        catalog->bytes, streams->count, streams->segments, streams->events,
        streams->bytes, catalog->damaged + streams->damaged);
    return TOOL_GO_ON;
}
