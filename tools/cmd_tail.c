/* SPDX-License-Identifier: MIT */
/* tools/cmd_tail.c - `seglog tail`: the last lines, and those to come. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/cmd_tail.h"
#include "tools/export_lines.h"
#include "tools/tool_stream.h"
#include "tools/tool_streams.h"

#define LINES_DEFAULT   10
#define REOPEN_MS       200
#define REOPEN_PATIENCE 10u /* tries before it is said that nothing is there */

struct tail {
    struct tail_options how;
    struct tool_source source;
    struct tool_target target;
    struct tool_output output;
    struct seglog_reader *reader;
    struct export_options options;
    struct export_lines lines;
    uint64_t next; /* the first record not yet seen */
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct tail *tail = arg;

    if (key == 'f') {
        tail->how.is_following = true;
        return TOOL_GO_ON;
    }
    return tool_number("-n", value, 0, INT64_MAX, &tail->how.count);
}

static const struct tool_option OPTIONS[] = {
    { 'f', "follow", false },
    { 'n', "lines", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog tail",
    .usage = "[-f] [-n N] PATH",
    .help =
        "Write the last records of a segment as lines; with -f also those that "
        "are\n"
        "appended from then on, until it is interrupted.  Damaged places are "
        "told on\n"
        "standard error and passed over.  PATH is a file or STORE:ID, as for "
        "`seglog cat`,\n"
        "or STORE:STREAM: then damage ends it, and what is removed from the "
        "stream meanwhile\n"
        "is told.\n"
        "\n"
        "  -f, --follow   wait for more, also when PATH is replaced by another "
        "segment\n"
        "  -n, --lines N  the last N records (default 10); 0: only what is to "
        "come\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

/* ---------------------------------------------------------------------------
 * Ending
 */

static volatile sig_atomic_t is_stopping;
static volatile sig_atomic_t is_waiting;

static void
stop_on_signal(int number)
{
    (void)number;
    is_stopping = 1;
    if (is_waiting)
        _exit(TOOL_OK);
}

bool
tail_is_stopping(void)
{
    return is_stopping != 0;
}

void
tail_set_waiting(bool set)
{
    is_waiting = set;
}

void
tail_signals_catch(void)
{
    struct sigaction action = { .sa_handler = stop_on_signal };

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---------------------------------------------------------------------------
 * Reading
 */

static bool
tail_open(struct tail *tail, uint64_t from, struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true,
                                                   .from_record = from };

    return seglog_reader_open(tail->source.store, tail->source.name, &options,
                              &tail->reader, err) == SEGLOG_OK;
}

/* Where the last records begin. */
static bool
tail_find(struct tail *tail, struct seglog_error *err)
{
    struct seglog_scan_summary summary;
    uint64_t all = 0;

    if (seglog_segment_get_summary(tail->source.store, tail->source.name,
                                   &summary, err) != SEGLOG_OK)
        return false;
    all = summary.next_record - summary.first_record;
    tail->next = tail->how.count < all ? summary.next_record - tail->how.count
                                       : summary.first_record;
    return tail_open(tail, tail->next, err);
}

/* Write all there is now: END, or what went wrong. */
static seglog_code
tail_drain(struct tail *tail)
{
    struct seglog_event event;

    while (!is_stopping) {
        const seglog_code code =
            seglog_reader_next(tail->reader, &event, &tail->lines.err);

        if (code != SEGLOG_OK)
            return code;
        /* What was lost before the place to begin is not asked for. */
        if (event.type == SEGLOG_EVENT_GAP && event.finding.last_record != 0 &&
            event.finding.last_record < tail->next)
            continue;
        if (!export_lines_event(&tail->lines, &event))
            return SEGLOG_IO;
        if (event.type == SEGLOG_EVENT_RECORD)
            tail->next = event.record.record_no + 1;
    }
    return SEGLOG_END;
}

static void
sleep_ms(long ms)
{
    const struct timespec time = { .tv_nsec = ms * 1000000L };

    (void)nanosleep(&time, NULL);
}

/*
 * Another segment has the name now.  If it goes on where the old one ended
 * (repaired, sealed) so do we, else it is a new log and starts with its first
 * record.
 */
static seglog_code
tail_reopen(struct tail *tail, struct seglog_error *err)
{
    struct seglog_scan_summary summary;
    const seglog_code code = seglog_segment_get_summary(
        tail->source.store, tail->source.name, &summary, err);

    if (code != SEGLOG_OK)
        return code;
    seglog_reader_close(tail->reader);
    tail->reader = NULL;
    if (summary.first_record > tail->next || summary.next_record < tail->next)
        tail->next = summary.first_record;
    tool_note("%s: it has been replaced; going on with record %llu",
              tail->source.shown, (unsigned long long)tail->next);
    return tail_open(tail, tail->next, err) ? SEGLOG_OK : err->code;
}

/* The name may lead nowhere for a while, or to a header half written. */
static enum tool_status
tail_change(struct tail *tail)
{
    for (unsigned tries = 0; !is_stopping; tries++) {
        struct seglog_error err = { 0 };
        const seglog_code code = tail_reopen(tail, &err);

        if (code == SEGLOG_OK)
            return TOOL_GO_ON;
        if (!tail->reader ||
            (code != SEGLOG_NOT_FOUND && code != SEGLOG_FORMAT))
            return tool_fail(tail->source.shown, &err);
        if (tries == REOPEN_PATIENCE)
            tool_note("%s: it is gone; waiting for it to come back",
                      tail->source.shown);
        sleep_ms(REOPEN_MS);
    }
    return TOOL_OK;
}

/* All that was written is out; wait for more. */
static enum tool_status
tail_wait(struct tail *tail)
{
    seglog_code code = SEGLOG_OK;

    tail_set_waiting(true);
    if (!is_stopping)
        code = seglog_reader_wait(tail->reader, -1, &tail->lines.err);
    tail_set_waiting(false);
    if (code == SEGLOG_SEALED)
        return tail_change(tail);
    if (code != SEGLOG_OK && code != SEGLOG_END)
        return tool_fail(tail->source.shown, &tail->lines.err);
    return TOOL_GO_ON;
}

/* The segment has become shorter: a torn tail was cut, or more. */
static enum tool_status
tail_resume(struct tail *tail)
{
    struct seglog_error err = { 0 };

    if (seglog_reader_seek(tail->reader, tail->next, &err) == SEGLOG_OK)
        return TOOL_GO_ON;
    return tool_fail(tail->source.shown, &err);
}

static enum tool_status
tail_step(struct tail *tail)
{
    const seglog_code code = tail_drain(tail);

    if (tail->output.err.code != SEGLOG_OK)
        return tool_fail(tail->target.shown, &tail->output.err);
    if (!tool_output_flush(&tail->output))
        return tool_fail(tail->target.shown, &tail->output.err);
    if (code == SEGLOG_CONFLICT && tail->how.is_following)
        return tail_resume(tail);
    if (code != SEGLOG_END)
        return tool_fail(tail->source.shown, &tail->lines.err);
    if (!tail->how.is_following || is_stopping)
        return tail->lines.is_damaged && !tail->how.is_following ? TOOL_DAMAGED
                                                                 : TOOL_OK;
    return tail_wait(tail);
}

static enum tool_status
tail_run(struct tail *tail)
{
    struct seglog_error err = { 0 };
    enum tool_status status = TOOL_GO_ON;

    if (!tail_find(tail, &err))
        return tool_fail(tail->source.shown, &err);
    status = tool_target_open(NULL, 0, &tail->target);
    if (status == TOOL_GO_ON && !tool_output_open(&tail->output, &tail->target))
        status = tool_fail(tail->target.shown, &tail->output.err);
    if (tail->how.is_following)
        tail_signals_catch();
    while (status == TOOL_GO_ON)
        status = tail_step(tail);
    return status;
}

int
cmd_tail(int argc, char **argv)
{
    struct tail tail = { .how = { .count = LINES_DEFAULT },
                         .options = { .to = UINT64_MAX } };
    char **operands = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &tail, &operands);

    if (status != TOOL_GO_ON)
        return (int)status;
    if (tool_streams_are_meant(operands[0]))
        return tool_end(tail_stream(operands[0], &tail.how));
    if (tail.how.is_following && strcmp(operands[0], "-") == 0)
        return (int)tool_usage("standard input cannot be followed");
    status = tool_source_open(operands[0], &tail.source);
    if (status != TOOL_GO_ON)
        return (int)status;
    tail.lines = (struct export_lines){ .options = &tail.options,
                                        .shown = tail.source.shown,
                                        .output = &tail.output };
    status = tail_run(&tail);
    (void)export_lines_end(&tail.lines);
    tool_output_close(&tail.output);
    tool_target_close(&tail.target);
    seglog_reader_close(tail.reader);
    tool_source_close(&tail.source);
    return tool_end(status);
}
