/* SPDX-License-Identifier: MIT */
/* tools/tool_streams.c - STORE:STREAM: a stream of the streams in a folder. */
#define _POSIX_C_SOURCE 200809L /* access */

#include "tools/tool_streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seglog/canonical.h"
#include "seglog/session.h"

#define PREFIX "stream."

/* What is read of a stream at once. */
#define PIECE_BYTES (UINT64_C(4) << 20)

/* The number behind the last colon, as names have it: without zeros in front.
 * False: there is none. */
static bool
number_take(const char *text, uint64_t *stream)
{
    const size_t prefix_len = sizeof PREFIX - 1;

    if (strncmp(text, PREFIX, prefix_len) == 0)
        text += prefix_len;
    *stream = 0;
    if (*text == '\0' || (*text == '0' && text[1] != '\0'))
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        const uint64_t digit = (uint64_t)(*text - '0');

        if (*stream > (UINT64_MAX - digit) / 10)
            return false;
        *stream = *stream * 10 + digit;
    }
    return *text == '\0';
}

/* -- which streams --------------------------------------------------------- */

/* What a name is looked for by. */
struct looked_for {
    uint64_t stream;
    const char *digits;
    bool has_stream;
    bool has_id;
};

static bool
id_begins(const struct seglog_uuid *id, const char *digits)
{
    char text[SEGLOG_UUID_TEXT_CAP];

    return strncmp(seglog_uuid_format(id, text), digits, strlen(digits)) == 0;
}

static bool
name_look(void *arg, const char *name)
{
    struct looked_for *looked = arg;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane;

    if (seglog_lane_parse(name, &session, &segment, &lane))
        looked->has_id |= id_begins(&session, looked->digits) ||
                          id_begins(&segment, looked->digits);
    return true;
}

static bool
stream_look(void *arg, uint64_t stream)
{
    struct looked_for *looked = arg;

    looked->has_stream |= stream == looked->stream;
    return !looked->has_stream;
}

/* By the names of its blobs alone, which are not encrypted. */
static bool
store_has(const char *dir, struct looked_for *looked)
{
    const struct seglog_stream_options options = { .size = sizeof options,
                                                   .is_read_only = true };
    struct seglog_store store = { 0 };
    struct seglog_streams streams = { 0 };
    seglog_code code = seglog_store_file_open(dir, false, &store, NULL);

    if (code == SEGLOG_OK)
        code = seglog_store_list(store, "", name_look, looked, NULL);
    if (code == SEGLOG_OK)
        code = seglog_streams_open(store, &options, &streams, NULL);
    if (code == SEGLOG_OK)
        code = seglog_streams_list(streams, stream_look, looked, NULL);
    (void)seglog_streams_close(&streams, NULL);
    seglog_store_close(&store);
    return code == SEGLOG_OK && looked->has_stream && !looked->has_id;
}

/* As large as it is written; NULL: no memory. */
static char *
dir_of(const char *path, const char *colon)
{
    const size_t len = (size_t)(colon - path);
    char *dir = malloc(len + 1);

    if (!dir)
        return NULL;
    memcpy(dir, path, len);
    dir[len] = '\0';
    return dir;
}

bool
tool_streams_are_meant(const char *path)
{
    const char *colon = strrchr(path, ':');
    struct looked_for looked = { .has_id = false };
    char *dir = NULL;
    bool is_meant = false;

    if (!colon || colon == path || !number_take(colon + 1, &looked.stream) ||
        access(path, F_OK) == 0)
        return false;
    if (strncmp(colon + 1, PREFIX, sizeof PREFIX - 1) == 0)
        return true;
    looked.digits = colon + 1;
    dir = dir_of(path, colon);
    is_meant = dir && store_has(dir, &looked);
    free(dir);
    return is_meant;
}

bool
tool_streams_are_in(const char *dir)
{
    struct seglog_store store = { 0 };
    bool is_one = false;

    if (seglog_store_file_open(dir, false, &store, NULL) == SEGLOG_OK &&
        seglog_streams_detect(store, &is_one, NULL) != SEGLOG_OK)
        is_one = false;
    seglog_store_close(&store);
    return is_one;
}

char *
tool_streams_name(const struct tool_streams *opened, uint64_t stream,
                  bool is_meant)
{
    const size_t cap = strlen(opened->shown) + 24;
    char *name = malloc(cap);

    if (!name)
        return NULL;
    if (is_meant)
        (void)snprintf(name, cap, "%s", opened->shown);
    else
        (void)snprintf(name, cap, "%s:%" PRIu64, opened->shown, stream);
    return name;
}

/* -- opening --------------------------------------------------------------- */

static enum tool_status
streams_open(const char *dir, enum tool_store_use use,
             struct tool_streams *opened)
{
    const struct seglog_stream_options options = {
        .size = sizeof options,
        .is_read_only = use == TOOL_STORE_READ,
    };
    struct seglog_error err;
    seglog_code code = tool_key_store_open(dir, use, &opened->store, &err);

    if (code == SEGLOG_OK)
        code = seglog_streams_open(opened->store, &options, &opened->streams,
                                   &err);
    if (code == SEGLOG_OK)
        return TOOL_GO_ON;
    seglog_store_close(&opened->store);
    return tool_fail(opened->shown, &err);
}

enum tool_status
tool_streams_open(const char *path, enum tool_store_use use,
                  struct tool_streams *opened)
{
    const char *colon = strrchr(path, ':');
    enum tool_status status = TOOL_GO_ON;
    char *dir = NULL;

    *opened = (struct tool_streams){ .shown = path };
    if (!colon || colon == path || !number_take(colon + 1, &opened->stream))
        return tool_usage("%s: a stream is STORE:NUMBER", path);
    dir = dir_of(path, colon);
    if (!dir)
        return tool_fail_memory();
    status = streams_open(dir, use, opened);
    free(dir);
    return status;
}

enum tool_status
tool_streams_open_store(const char *dir, enum tool_store_use use,
                        struct tool_streams *opened)
{
    *opened = (struct tool_streams){ .shown = dir };
    return streams_open(dir, use, opened);
}

enum tool_status
tool_streams_open_all(const char *dir, enum tool_store_use use,
                      struct tool_streams *opened)
{
    enum tool_status status = tool_streams_open_store(dir, use, opened);
    struct seglog_error err;
    bool has_any = false;

    if (status != TOOL_GO_ON)
        return status;
    if (seglog_streams_detect(opened->store, &has_any, &err) != SEGLOG_OK) {
        status = tool_fail(dir, &err);
    } else if (!has_any) {
        tool_say("%s: it holds no streams", dir);
        status = TOOL_FAILED;
    }
    if (status != TOOL_GO_ON)
        (void)tool_streams_close(opened);
    return status;
}

enum tool_status
tool_streams_refuse_log(const struct tool_streams *opened, const char *instead)
{
    struct seglog_error err;
    bool is_one = false;

    if (opened->stream != SEGLOG_CANONICAL_STREAM)
        return TOOL_GO_ON;
    if (seglog_canonical_detect(opened->store, &is_one, &err) != SEGLOG_OK)
        return tool_fail(opened->shown, &err);
    if (!is_one)
        return TOOL_GO_ON;
    tool_say("%s: it is the log of a canonical store: %s", opened->shown,
             instead);
    return TOOL_FAILED;
}

seglog_code
tool_streams_write_events(const struct tool_streams *opened, uint64_t *from,
                          uint64_t max_bytes, uint64_t *bytes,
                          struct seglog_error *err)
{
    const uint64_t left = max_bytes - *bytes;
    struct seglog_stream_event *events = NULL;
    size_t count = 0;
    seglog_code code = SEGLOG_CORRUPT;

    /* Reading gives all that was asked for or nothing: what is in front of the
     * damage comes in ever smaller pieces. */
    err->actual = UINT64_MAX;
    for (uint64_t max = left < PIECE_BYTES ? left : PIECE_BYTES;
         code == SEGLOG_CORRUPT && err->actual > *from && max > 0; max /= 2) {
        err->actual = 0;
        code = seglog_stream_read_from(opened->streams, opened->stream, *from,
                                       max, &events, &count, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (events[i].is_dropped) {
            tool_say("%s: event %" PRIu64 " was dropped on purpose",
                     opened->shown, events[i].offset);
            continue;
        }
        (void)fwrite(events[i].data.data, 1, events[i].data.len, stdout);
        (void)putchar('\n');
        *bytes += events[i].data.len;
    }
    *from += count;
    seglog_free(events);
    return code == SEGLOG_OK && count == 0 ? SEGLOG_END : code;
}

enum tool_status
tool_streams_close(struct tool_streams *opened)
{
    struct seglog_error err;
    const seglog_code code = seglog_streams_close(&opened->streams, &err);
    const enum tool_status status =
        code == SEGLOG_OK ? TOOL_OK : tool_fail(opened->shown, &err);

    seglog_store_close(&opened->store);
    return status;
}

/* -- telling --------------------------------------------------------------- */

static const char *
fault_text(const struct seglog_stream_finding *finding)
{
    switch (finding->fault) {
    case SEGLOG_STREAM_FAULT_DAMAGE:
        return seglog_cause_text(finding->finding.cause);
    case SEGLOG_STREAM_FAULT_CHAIN:
        return "changed: what is there does not lead to the hash behind it";
    case SEGLOG_STREAM_FAULT_LINK:
        return "a segment in front of it is missing, or another one";
    case SEGLOG_STREAM_FAULT_KEPT:
        return "the head that was kept is another one";
    case SEGLOG_STREAM_FAULT_SHORT:
        return "the stream ends before the head that was kept";
    case SEGLOG_STREAM_FAULT_SIGNATURE:
        return "the signature is not by this key, or of something else";
    case SEGLOG_STREAM_FAULT_DROPPED:
        return "dropped without a tombstone";
    case SEGLOG_STREAM_FAULT_MENDED:
        return "the chain began anew behind a loss";
    case SEGLOG_STREAM_FAULT_NONE:
        break;
    }
    return "unknown";
}

/* "event 3", "events 3 to 5", or nothing. */
static void
offsets_put(const struct seglog_stream_finding *finding, char text[64])
{
    *text = '\0';
    if (!finding->has_offsets)
        return;
    if (finding->first_offset == finding->last_offset)
        (void)snprintf(text, 64, "event %" PRIu64 ": ", finding->first_offset);
    else
        (void)snprintf(text, 64, "events %" PRIu64 " to %" PRIu64 ": ",
                       finding->first_offset, finding->last_offset);
}

void
tool_streams_say(const char *shown, const uint64_t *stream,
                 const struct seglog_stream_finding *finding)
{
    char number[24] = "";
    char offsets[64];

    if (stream)
        (void)snprintf(number, sizeof number, ":%" PRIu64, *stream);
    offsets_put(finding, offsets);
    tool_say("%s%s: %s%s (%s, segment %u)", shown, number, offsets,
             fault_text(finding), seglog_stream_fault_name(finding->fault),
             finding->segment);
}
