/* SPDX-License-Identifier: MIT */
/* tools/cmd_events.c - `seglog events`: the events of a canonical store. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/cmd_events.h"
#include "tools/tool_text.h"

enum {
    KEY_FROM = TOOL_KEY(1),
    KEY_TO = TOOL_KEY(2),
    KEY_JSON = TOOL_KEY(3)
};

struct events {
    struct tool_canonical_view view;
    bool has_from;
    uint64_t from;
    uint64_t to;
    bool follows;
    bool is_json;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct events *events = arg;

    if (tool_canonical_on_option(&events->view, key, value))
        return TOOL_GO_ON;
    if (key == KEY_FROM) {
        events->has_from = true;
        return tool_number("--from", value, 0, INT64_MAX, &events->from);
    }
    if (key == KEY_TO)
        return tool_number("--to", value, 0, INT64_MAX, &events->to);
    if (key == 'f')
        events->follows = true;
    else
        events->is_json = true;
    return TOOL_GO_ON;
}

static const struct tool_option OPTIONS[] = {
    { KEY_FROM, "from", true }, { KEY_TO, "to", true },
    { 'f', "follow", false },   { KEY_JSON, "json", false },
    TOOL_CANONICAL_OPTIONS,     { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog events",
    .usage = "[--from ID] [--to ID] [-f] [--json] PATH\n"
             "       seglog events append PATH [FILE]\n"
             "       seglog events seal|unseal|pause|resume PATH\n"
             "       seglog events retain --from ID PATH\n"
             "       seglog events consumers PATH\n"
             "       seglog events dead PATH CONSUMER",
    .help =
        "Write the events of a canonical store, a line for each.  They are "
        "numbered from 0.\n"
        "\n"
        "      --from ID    begin at this one; without it, with the first that "
        "there is\n"
        "      --to ID      end before this one\n"
        "  -f, --follow     wait for those to come, until --to or a signal\n"
        "      --json       an object for each: id, position of its "
        "transaction, time, data;\n"
        "                   with data_base64 of what is no "
        "UTF-8\n" TOOL_CANONICAL_HELP "\n"
        "  append           lines become events\n"
        "  seal, unseal     nothing changes any more, and does again\n"
        "  pause, resume    the same of writing, for a while\n"
        "  retain           the first ones go\n"
        "  consumers        who reads events, and how far it is\n"
        "  dead             what a consumer could not handle\n"
        "\n"
        "`seglog events append --help` and so on say more.\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static void
event_put_json(const struct seglog_canonical_event *event)
{
    char time[TOOL_TIME_CAP];
    const char *text = tool_time_text((int64_t)event->time_ms, time);

    (void)printf("{\"id\":%" PRIu64 ",\"position\":%" PRIu64, event->id,
                 event->position);
    if (text)
        (void)printf(",\"time\":\"%s\"", text);
    else
        (void)fputs(",\"time\":null", stdout);
    (void)printf(",\"time_ms\":%" PRIu64 ",", event->time_ms);
    tool_canonical_put_json("data", event->data.data, event->data.len);
    (void)fputs("}\n", stdout);
}

static void
event_put(const struct events *events,
          const struct seglog_canonical_event *event)
{
    if (events->is_json) {
        event_put_json(event);
        return;
    }
    (void)fwrite(event->data.data, 1, event->data.len, stdout);
    (void)fputc('\n', stdout);
}

/* Those that there are.  END: all of them were written. */
static seglog_code
events_write(struct events *events, const struct tool_canonical *opened,
             struct seglog_error *err)
{
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    seglog_code code = seglog_event_iter_open(opened->canonical, events->from,
                                              events->to, &iter, err);

    /* Whoever does not say where to begin wants what there is. */
    if (code == SEGLOG_NOT_FOUND && !events->has_from) {
        events->from = err->actual;
        code = seglog_event_iter_open(opened->canonical, events->from,
                                      events->to, &iter, err);
    }
    while (code == SEGLOG_OK && !ferror(stdout)) {
        code = seglog_event_iter_next(iter, &event, err);
        if (code == SEGLOG_OK) {
            event_put(events, &event);
            events->from = event.id + 1;
        }
    }
    seglog_event_iter_close(iter);
    return code;
}

static enum tool_status
events_run(struct events *events, const struct tool_canonical *opened)
{
    struct seglog_error err;
    seglog_code code = events_write(events, opened, &err);

    if (events->follows)
        tool_canonical_catch_signals();
    while (code == SEGLOG_END && events->follows && events->from < events->to &&
           !tool_canonical_is_signalled() && fflush(stdout) == 0) {
        code = seglog_canonical_wait(opened->canonical, events->from, -1, &err);
        if (code == SEGLOG_OK)
            code = events_write(events, opened, &err);
    }
    return code == SEGLOG_OK || code == SEGLOG_END
               ? TOOL_OK
               : tool_canonical_fail(opened, &err);
}

static int
events_list(int argc, char **argv)
{
    struct events events = { .to = SEGLOG_EVENT_END };
    struct tool_canonical opened = { 0 };
    char **words = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &events, &words);

    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0], TOOL_CANONICAL_READ,
                                     &events.view, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = events_run(&events, &opened);
    return tool_end(cmd_status_worse(status, tool_canonical_close(&opened)));
}

int
cmd_events(int argc, char **argv)
{
    static const struct tool_verb VERBS[] = {
        { "append", events_append },
        { "seal", events_seal },
        { "unseal", events_unseal },
        { "pause", events_pause },
        { "resume", events_resume },
        { "dead", events_dead },
        { "consumers", events_consumers },
        { "retain", events_retain },
        { NULL, NULL },
    };
    const struct tool_verb *verb = tool_verb_find(VERBS, argc, argv);

    return verb ? verb->run(argc - 1, argv + 1) : events_list(argc, argv);
}
