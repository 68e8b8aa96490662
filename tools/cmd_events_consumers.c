/* SPDX-License-Identifier: MIT */
/* tools/cmd_events_consumers.c - `seglog events consumers` and `dead`. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/cmd_events.h"
#include "tools/tool_text.h"

enum {
    KEY_JSON = TOOL_KEY(1),
    KEY_REMOVE = TOOL_KEY(2),
    KEY_REPLAY = TOOL_KEY(3)
};

struct consumers {
    struct tool_canonical_view view;
    bool is_json;
    bool is_replay;
    const char *remove;
    const char *wanted; /* a consumer that is looked for */
    bool is_found;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct consumers *consumers = arg;

    if (tool_canonical_on_option(&consumers->view, key, value))
        return TOOL_GO_ON;
    if (key == KEY_REMOVE)
        consumers->remove = value;
    else if (key == KEY_REPLAY)
        consumers->is_replay = true;
    else
        consumers->is_json = true;
    return TOOL_GO_ON;
}

/* -- consumers ------------------------------------------------------------- */

static const struct tool_option OPTIONS[] = {
    { KEY_REMOVE, "remove", true },
    { KEY_JSON, "json", false },
    TOOL_CANONICAL_OPTIONS,
    { 0, NULL, false },
};

static const struct tool_spec CONSUMERS = {
    .name = "seglog events consumers",
    .usage = "[--remove NAME] [--json] PATH",
    .help =
        "Who reads the events of a store: the id of the event that each gets "
        "next, how many\n"
        "there are from it on, how many dead letters it has, and its name.\n"
        "\n"
        "      --remove NAME  forget this consumer, with its dead letters; "
        "what is kept for\n"
        "                     it alone may go then\n"
        "      --json         an object for each: name, cursor, lag, "
        "dead\n" TOOL_CANONICAL_HELP,
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static bool
info_put(void *arg, const struct seglog_consumer_info *info)
{
    const struct consumers *consumers = arg;

    if (consumers->is_json) {
        (void)fputc('{', stdout);
        tool_canonical_put_json("name", info->name, strlen(info->name));
        (void)printf(",\"cursor\":%" PRIu64 ",\"lag\":%" PRIu64
                     ",\"dead\":%" PRIu64 "}\n",
                     info->cursor, info->lag, info->dead);
        return true;
    }
    (void)printf("%10" PRIu64 " %10" PRIu64 " %6" PRIu64 "  ", info->cursor,
                 info->lag, info->dead);
    tool_canonical_put_text(info->name, strlen(info->name));
    (void)fputc('\n', stdout);
    return true;
}

static enum tool_status
consumers_run(struct consumers *consumers, const struct tool_canonical *opened)
{
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    if (consumers->remove) {
        code = seglog_canonical_remove_consumer(opened->canonical,
                                                consumers->remove, &err);
        return code == SEGLOG_OK ? TOOL_OK : tool_canonical_fail(opened, &err);
    }
    if (!consumers->is_json)
        (void)printf("%10s %10s %6s  %s\n", "CURSOR", "LAG", "DEAD", "NAME");
    code = seglog_canonical_list_consumers(opened->canonical, info_put,
                                           consumers, &err);
    return code == SEGLOG_OK ? TOOL_OK : tool_canonical_fail(opened, &err);
}

int
events_consumers(int argc, char **argv)
{
    struct consumers consumers = { .is_json = false };
    struct tool_canonical opened = { 0 };
    char **words = NULL;
    enum tool_status status =
        tool_parse(&CONSUMERS, argc, argv, &consumers, &words);

    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0],
                                     consumers.remove ? TOOL_CANONICAL_WRITE
                                                      : TOOL_CANONICAL_READ,
                                     &consumers.view, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = consumers_run(&consumers, &opened);
    return tool_end(cmd_status_worse(status, tool_canonical_close(&opened)));
}

/* -- dead letters ---------------------------------------------------------- */

static const struct tool_option DEAD_OPTIONS[] = {
    { KEY_REPLAY, "replay", false },
    { KEY_JSON, "json", false },
    TOOL_CANONICAL_OPTIONS,
    { 0, NULL, false },
};

static const struct tool_spec DEAD = {
    .name = "seglog events dead",
    .usage = "[--replay] [--json] PATH CONSUMER",
    .help =
        "The events that a consumer could not handle, a line for each: id, "
        "when it was\n"
        "rejected, how often it was replayed in vain, why, and the event; tabs "
        "between them,\n"
        "and what cannot be shown escaped.\n"
        "\n"
        "      --replay     write the events alone, as they are, and take each "
        "out of the list\n"
        "                   once it is written: for a program that handles "
        "them "
        "now\n"
        "      --json       an object for each: id, time, retries, reason, "
        "data; with\n"
        "                   data_base64 of what is no "
        "UTF-8\n" TOOL_CANONICAL_HELP,
    .options = DEAD_OPTIONS,
    .operand_min = 2,
    .operand_max = 2,
    .on_option = on_option,
};

static void
letter_put_json(const struct seglog_dead_letter *letter)
{
    char time[TOOL_TIME_CAP];
    const char *text = tool_time_text(letter->time_ms, time);

    (void)printf("{\"id\":%" PRIu64, letter->id);
    if (text)
        (void)printf(",\"time\":\"%s\"", text);
    (void)printf(",\"time_ms\":%" PRId64 ",\"retries\":%" PRIu64 ",",
                 letter->time_ms, letter->retries);
    tool_canonical_put_json("reason", letter->reason.data, letter->reason.len);
    (void)fputc(',', stdout);
    tool_canonical_put_json("data", letter->data.data, letter->data.len);
    (void)fputs("}\n", stdout);
}

static void
letter_put_text(const struct seglog_dead_letter *letter)
{
    char time[TOOL_TIME_CAP];
    const char *text = tool_time_text(letter->time_ms, time);

    (void)printf("%" PRIu64 "\t%s\t%" PRIu64 "\t", letter->id,
                 text ? text : "?", letter->retries);
    tool_canonical_put_text(letter->reason.data, letter->reason.len);
    (void)fputc('\t', stdout);
    tool_canonical_put_text(letter->data.data, letter->data.len);
    (void)fputc('\n', stdout);
}

/* Replayed it leaves the lane: not before it has left this program. */
static seglog_code
letter_put(void *arg, const struct seglog_dead_letter *letter,
           struct seglog_error *err)
{
    const struct consumers *consumers = arg;

    (void)err;
    if (consumers->is_json) {
        letter_put_json(letter);
    } else if (consumers->is_replay) {
        (void)fwrite(letter->data.data, 1, letter->data.len, stdout);
        (void)fputc('\n', stdout);
    } else {
        letter_put_text(letter);
    }
    if (consumers->is_replay && fflush(stdout) != 0)
        return SEGLOG_END;
    return ferror(stdout) ? SEGLOG_END : SEGLOG_OK;
}

static bool
info_find(void *arg, const struct seglog_consumer_info *info)
{
    struct consumers *consumers = arg;

    consumers->is_found |= strcmp(info->name, consumers->wanted) == 0;
    return !consumers->is_found;
}

static enum tool_status
dead_run(struct consumers *consumers, const struct tool_canonical *opened)
{
    struct seglog_consumer *consumer = NULL;
    struct seglog_error err;
    seglog_code code = seglog_canonical_list_consumers(
        opened->canonical, info_find, consumers, &err);

    /* To open one that is not there makes it. */
    if (code == SEGLOG_OK && !consumers->is_found) {
        tool_say("%s: there is no consumer %s", opened->shown,
                 consumers->wanted);
        return TOOL_FAILED;
    }
    if (code == SEGLOG_OK)
        code = seglog_consumer_open(opened->canonical, consumers->wanted, 0,
                                    &consumer, &err);
    if (code == SEGLOG_OK)
        code = consumers->is_replay
                   ? seglog_consumer_replay_dead(consumer, letter_put,
                                                 consumers, NULL, NULL, &err)
                   : seglog_consumer_list_dead(consumer, letter_put, consumers,
                                               &err);
    seglog_consumer_close(consumer);
    return code == SEGLOG_OK ? TOOL_OK : tool_canonical_fail(opened, &err);
}

int
events_dead(int argc, char **argv)
{
    struct consumers consumers = { .is_json = false };
    struct tool_canonical opened = { 0 };
    char **words = NULL;
    enum tool_status status = tool_parse(&DEAD, argc, argv, &consumers, &words);

    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0],
                                     consumers.is_replay ? TOOL_CANONICAL_WRITE
                                                         : TOOL_CANONICAL_READ,
                                     &consumers.view, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    consumers.wanted = words[1];
    status = dead_run(&consumers, &opened);
    return tool_end(cmd_status_worse(status, tool_canonical_close(&opened)));
}
