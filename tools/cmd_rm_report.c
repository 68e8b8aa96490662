/* SPDX-License-Identifier: MIT */
/* tools/cmd_rm_report.c - what `seglog rm` removes, and how much that is. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/cmd_rm.h"
#include "tools/tool_text.h"

#define TEXT_COLUMNS 60u

size_t
rm_marks_in(const struct rm_store *store, const struct ls_session *session)
{
    size_t count = 0;

    for (size_t i = 0; i < session->count; i++)
        count += store->marks[session->first + i].goes;
    return count;
}

void
rm_tell_segment(const struct rm *rm, const struct rm_store *store,
                size_t number, bool is_done)
{
    const struct ls_segment *segment = &store->catalog.segments[number];
    const struct ls_session *session =
        &store->catalog.session_items[segment->session];
    const bool has_label = segment->row.label.len > 0;
    char text[12 * TEXT_COLUMNS + 1];
    char session_id[SEGLOG_UUID_TEXT_CAP];
    char id[SEGLOG_UUID_TEXT_CAP];
    char size[32];

    if (rm->options.is_json) {
        (void)printf("{\"removed\":%s,\"store\":", is_done ? "true" : "false");
        tool_json_string(stdout, store->dir);
        (void)printf(",\"session\":\"%s\",\"segment\":\"%s\",\"bytes\":%" PRIu64
                     "}\n",
                     seglog_uuid_format(&session->id, session_id),
                     seglog_uuid_format(&segment->row.segment, id),
                     store->marks[number].bytes);
        return;
    }
    (void)tool_text_escape(has_label ? segment->row.label.data : session->note,
                           has_label ? segment->row.label.len
                                     : session->note_len,
                           TEXT_COLUMNS, text);
    (void)printf("%s %s of session %s, %s%s%s\n",
                 is_done ? "removed" : "to remove:",
                 seglog_uuid_format(&segment->row.segment, id),
                 seglog_uuid_format(&session->id, session_id),
                 tool_size_text(store->marks[number].bytes, size, sizeof size),
                 *text ? ", " : "", text);
}

void
rm_tell_plan(struct rm *rm, bool is_shown)
{
    for (size_t i = 0; i < rm->store_count; i++) {
        const struct rm_store *store = &rm->stores[i];

        for (size_t k = 0; k < store->catalog.session_count; k++) {
            const struct ls_session *session = &store->catalog.session_items[k];

            rm->sessions += rm_marks_in(store, session) == session->count;
        }
        for (size_t k = 0; k < store->catalog.segment_count; k++) {
            if (!store->marks[k].goes)
                continue;
            rm->segments++;
            rm->bytes += store->marks[k].bytes;
            if (is_shown)
                rm_tell_segment(rm, store, k, false);
        }
    }
}

const char *
rm_total_text(const struct rm *rm, char *buf, size_t cap)
{
    char size[32];

    (void)snprintf(
        buf, cap, "%" PRIu64 " whole %s, %" PRIu64 " %s in all, %s",
        rm->sessions, cmd_plural(rm->sessions, "session", "sessions"),
        rm->segments, cmd_plural(rm->segments, "segment", "segments"),
        tool_size_text(rm->bytes, size, sizeof size));
    return buf;
}

void
rm_tell_total(const struct rm *rm)
{
    char text[160];

    if (rm->options.is_json)
        (void)printf("{\"summary\":{\"sessions\":%" PRIu64
                     ",\"segments\":%" PRIu64 ",\"bytes\":%" PRIu64
                     ",\"dry_run\":%s}}\n",
                     rm->sessions, rm->segments, rm->bytes,
                     rm->options.is_dry ? "true" : "false");
    else if (!tool_is_quiet)
        (void)printf("%s %s\n", rm_total_text(rm, text, sizeof text),
                     rm->options.is_dry ? "would be removed" : "removed");
}
