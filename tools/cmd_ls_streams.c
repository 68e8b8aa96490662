/* SPDX-License-Identifier: MIT */
/* tools/cmd_ls_streams.c - the streams of a store, in `seglog ls`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/canonical.h"
#include "tools/cmd.h"
#include "tools/cmd_ls.h"
#include "tools/tool_streams.h"
#include "tools/tool_text.h"

/* Of a hash, where it is only to be told from others. */
#define HASH_DIGITS 16

/* ---------------------------------------------------------------------------
 * What there is
 */

struct loading {
    struct ls_streams *streams;
    const struct tool_streams *opened;
    bool is_verify;
    bool is_json; /* which says how many there are, and no more */
    bool is_out_of_memory;
    enum tool_status status;
    struct ls_stream *stream; /* that is verified */
};

static bool
on_finding(void *arg, const struct seglog_stream_finding *finding)
{
    const struct loading *loading = arg;

    if (!loading->is_json)
        tool_streams_say(loading->opened->shown, &loading->stream->id, finding);
    loading->stream->findings++;
    return true;
}

static void
failure_take(struct loading *loading, struct ls_stream *stream,
             const struct seglog_error *err)
{
    const seglog_code code = err->code;

    if (code == SEGLOG_NOT_FOUND) {
        stream->verdict = "GONE";
        return;
    }
    stream->is_damaged = true;
    stream->verdict = code == SEGLOG_CORRUPT ? "CORRUPT" : "UNREADABLE";
    if (!loading->is_verify)
        return;
    /* Of what it says on its own nothing was told yet. */
    if (stream->findings == 0)
        loading->status = cmd_status_worse(
            loading->status, tool_fail(loading->opened->shown, err));
}

static void
stream_verify(struct loading *loading, struct ls_stream *stream)
{
    const struct seglog_stream_verify_options options = {
        .size = sizeof options, .on_finding = on_finding, .arg = loading
    };
    struct seglog_stream_verified result;
    struct seglog_error err;

    loading->stream = stream;
    if (seglog_stream_verify(loading->opened->streams, stream->id, &options,
                             &result, &err) != SEGLOG_OK) {
        failure_take(loading, stream, &err);
    } else if (!result.is_good) {
        stream->is_damaged = true;
        stream->verdict = "DAMAGED";
    }
}

/* Its segments can be counted where its end cannot be read. */
static void
stream_look(struct loading *loading, struct ls_stream *stream)
{
    const struct seglog_streams streams = loading->opened->streams;
    struct seglog_error err;
    size_t segments = 0;

    stream->verdict = "OK";
    stream->is_known = seglog_stream_get_info(streams, stream->id,
                                              &stream->info, &err) == SEGLOG_OK;
    if (!stream->is_known) {
        stream->info = (struct seglog_stream_info){ .segments = 0 };
        if (seglog_stream_segment_count(streams, stream->id, &segments, NULL) ==
            SEGLOG_OK)
            stream->info.segments = segments;
    }
    if (loading->is_verify)
        stream_verify(loading, stream);
    if (!stream->is_known && !stream->is_damaged)
        failure_take(loading, stream, &err);
}

static bool
on_stream(void *arg, uint64_t id)
{
    struct loading *loading = arg;
    struct ls_streams *streams = loading->streams;
    struct ls_stream *stream = NULL;

    if (streams->count == streams->cap) {
        const size_t cap = streams->cap ? 2 * streams->cap : 16;

        stream = realloc(streams->items, cap * sizeof *stream);
        if (!stream) {
            loading->is_out_of_memory = true;
            return false;
        }
        streams->items = stream;
        streams->cap = cap;
    }
    stream = &streams->items[streams->count++];
    *stream = (struct ls_stream){ .id = id };
    stream_look(loading, stream);
    streams->segments += stream->info.segments;
    streams->events += stream->info.end.next_offset;
    streams->bytes += stream->info.bytes;
    streams->damaged += stream->is_damaged;
    return true;
}

enum tool_status
ls_streams_load(const struct ls_options *options, const char *dir,
                struct ls_streams *streams)
{
    struct tool_streams opened = { .stream = 0 };
    struct loading loading = { .streams = streams,
                               .opened = &opened,
                               .is_verify = options->is_verify,
                               .is_json = options->is_json,
                               .status = TOOL_GO_ON };
    struct seglog_error err;
    enum tool_status status = TOOL_GO_ON;

    *streams = (struct ls_streams){ 0 };
    if (!tool_streams_are_in(dir))
        return TOOL_GO_ON;
    status = tool_streams_open_all(dir, TOOL_STORE_READ, &opened);
    if (status != TOOL_GO_ON)
        return status;
    if (seglog_streams_list(opened.streams, on_stream, &loading, &err) !=
        SEGLOG_OK)
        status = tool_fail(dir, &err);
    else if (loading.is_out_of_memory)
        status = tool_fail_memory();
    else
        status = loading.status;
    /* Of what is so damaged that this cannot be told more is said above. */
    if (seglog_canonical_detect(opened.store, &streams->is_canonical, NULL) !=
        SEGLOG_OK)
        streams->is_canonical = false;
    (void)tool_streams_close(&opened);
    return status;
}

void
ls_streams_free(struct ls_streams *streams)
{
    free(streams->items);
    *streams = (struct ls_streams){ 0 };
}

/* ---------------------------------------------------------------------------
 * Lines
 */

enum {
    COLUMN_STREAM,
    COLUMN_SEGMENTS,
    COLUMN_EVENTS,
    COLUMN_SIZE,
    COLUMN_STATE,
    COLUMN_HEAD,
    COLUMNS
};

struct line {
    char cells[COLUMNS][64];
};

static void
line_of_head(struct line *line)
{
    static const char *const NAMES[COLUMNS] = { "STREAM", "SEGMENTS", "EVENTS",
                                                "SIZE",   "STATE",    "HEAD" };

    for (size_t i = 0; i < COLUMNS; i++)
        (void)snprintf(line->cells[i], sizeof line->cells[i], "%s", NAMES[i]);
}

/* "17 fbfbc1b5e8e1f050": where it ends, and the first digits of its hash. */
static void
head_write(const struct ls_stream *stream, char *cell, size_t cap)
{
    char text[SEGLOG_KEPT_HEAD_CAP];
    const struct seglog_kept_head head = { .end = stream->info.end };
    const char *hash = NULL;

    *cell = '\0';
    if (!stream->is_known || stream->info.end.hash.len == 0)
        return;
    seglog_kept_head_format(&head, text);
    hash = strchr(text, ' ');
    (void)snprintf(cell, cap, "%.*s",
                   (int)(hash ? hash - text + 1 + HASH_DIGITS : HASH_DIGITS),
                   text);
}

static void
line_of_stream(const struct ls_stream *stream, struct line *line)
{
    char(*cells)[sizeof *line->cells] = line->cells;
    const size_t cap = sizeof *cells;
    char number[LS_NUMBER_CAP];

    (void)snprintf(cells[COLUMN_STREAM], cap, "%" PRIu64, stream->id);
    (void)snprintf(cells[COLUMN_SEGMENTS], cap, "%s",
                   ls_number_text(stream->info.segments, number));
    (void)snprintf(cells[COLUMN_EVENTS], cap, "%s",
                   stream->is_known
                       ? ls_number_text(stream->info.end.next_offset, number)
                       : "?");
    if (stream->is_known)
        (void)tool_size_text(stream->info.bytes, cells[COLUMN_SIZE], cap);
    else
        (void)snprintf(cells[COLUMN_SIZE], cap, "?");
    if (stream->findings > 0)
        (void)snprintf(cells[COLUMN_STATE], cap, "%s, %" PRIu64 " %s",
                       stream->verdict, stream->findings,
                       cmd_plural(stream->findings, "finding", "findings"));
    else
        (void)snprintf(cells[COLUMN_STATE], cap, "%s%s", stream->verdict,
                       stream->info.sealed > 0 ? ", sealed" : "");
    head_write(stream, cells[COLUMN_HEAD], cap);
}

static void
line_print(const struct line *line, const size_t widths[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++) {
        const bool is_right = i >= COLUMN_SEGMENTS && i <= COLUMN_SIZE;
        const bool is_last = i + 1 == COLUMNS || line->cells[i + 1][0] == '\0';
        const int width = is_last && !is_right ? 0 : (int)widths[i];

        (void)printf(is_right ? "%*s" : "%-*s", width, line->cells[i]);
        if (is_last)
            break;
        (void)fputs("  ", stdout);
    }
    (void)fputc('\n', stdout);
}

static size_t
shown_count(const struct ls_options *options, const struct ls_streams *streams)
{
    return options->count > 0 && options->count < streams->count
               ? (size_t)options->count
               : streams->count;
}

static void
streams_total(const struct ls_streams *streams)
{
    char number[LS_NUMBER_CAP];
    char size[32];

    (void)printf("%s %s, ", ls_number_text(streams->count, number),
                 cmd_plural(streams->count, "stream", "streams"));
    (void)printf("%s %s, ", ls_number_text(streams->segments, number),
                 cmd_plural(streams->segments, "segment", "segments"));
    (void)printf("%s %s, %s", ls_number_text(streams->events, number),
                 cmd_plural(streams->events, "event", "events"),
                 tool_size_text(streams->bytes, size, sizeof size));
    if (streams->damaged > 0)
        (void)printf("; %s damaged", ls_number_text(streams->damaged, number));
    (void)fputc('\n', stdout);
    if (streams->is_canonical)
        (void)printf("stream %d has the transactions of a canonical store: see "
                     "`seglog meta`\n",
                     SEGLOG_CANONICAL_STREAM);
}

void
ls_streams_print(const struct ls_options *options,
                 const struct ls_streams *streams)
{
    const size_t count = shown_count(options, streams);
    size_t widths[COLUMNS] = { 0 };
    struct line line;

    for (int pass = 0; pass < 2; pass++)
        for (size_t i = tool_is_quiet ? 1 : 0; i <= count; i++) {
            if (i == 0)
                line_of_head(&line);
            else
                line_of_stream(&streams->items[i - 1], &line);
            for (size_t k = 0; k < COLUMNS && pass == 0; k++)
                if (strlen(line.cells[k]) > widths[k])
                    widths[k] = strlen(line.cells[k]);
            if (pass == 1)
                line_print(&line, widths);
        }
    if (!tool_is_quiet)
        streams_total(streams);
}

/* ---------------------------------------------------------------------------
 * JSON
 */

static void
stream_json(const struct ls_options *options, const struct ls_stream *stream,
            bool is_canonical)
{
    const struct seglog_stream_info *info = &stream->info;

    (void)printf("{\"stream\":%" PRIu64 ",\"segments\":%" PRIu64
                 ",\"verdict\":\"%s\"",
                 stream->id, info->segments, stream->verdict);
    if (is_canonical)
        (void)fputs(",\"canonical\":true", stdout);
    if (options->is_verify)
        (void)printf(",\"findings\":%" PRIu64, stream->findings);
    if (!stream->is_known) {
        (void)puts(",\"events\":null,\"bytes\":null,\"head\":null}");
        return;
    }
    (void)printf(",\"sealed\":%" PRIu64 ",\"events\":%" PRIu64
                 ",\"bytes\":%" PRIu64 ",\"checkpoint\":%" PRIu64
                 ",\"head\":{\"next_offset\":%" PRIu64 ",\"hash\":\"",
                 info->sealed, info->end.next_offset, info->bytes,
                 info->checkpoint, info->end.next_offset);
    for (size_t i = 0; i < info->end.hash.len; i++)
        (void)printf("%02x", info->end.hash.bytes[i]);
    (void)puts("\"}}");
}

void
ls_streams_json(const struct ls_options *options,
                const struct ls_streams *streams)
{
    for (size_t i = 0; i < shown_count(options, streams); i++)
        stream_json(options, &streams->items[i],
                    streams->is_canonical &&
                        streams->items[i].id == SEGLOG_CANONICAL_STREAM);
}
