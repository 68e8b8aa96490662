/* SPDX-License-Identifier: MIT */
/* tools/cmd_scrub.c - `seglog scrub`: what is in a store, at a rate. */
#define _POSIX_C_SOURCE 200809L /* sigaction */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/tool_finding.h"
#include "tools/tool_key.h"
#include "tools/tool_store.h"
#include "tools/tool_streams.h"

/* How often it looks whether it is to stop. */
#define LOOK_MS 100

enum {
    KEY_RATE = TOOL_KEY(1),
    KEY_FOREVER = TOOL_KEY(2),
    KEY_PAUSE = TOOL_KEY(3)
};

struct scrub {
    uint64_t rate; /* MB/s; 0: that of the library */
    uint64_t pause_s;
    bool is_forever;
    const char *shown;
    uint64_t told;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct scrub *scrub = arg;

    if (key == KEY_RATE)
        return tool_number("--rate", value, 1, 1000000, &scrub->rate);
    if (key == KEY_PAUSE)
        return tool_number("--pause", value, 0, 1000000, &scrub->pause_s);
    scrub->is_forever = true;
    return TOOL_GO_ON;
}

static const struct tool_option OPTIONS[] = {
    { KEY_RATE, "rate", true },
    { KEY_FOREVER, "forever", false },
    { KEY_PAUSE, "pause", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog scrub",
    .usage = "[--rate N] [--forever] [--pause N] STORE",
    .help =
        "Verify all streams of a store and the segments of its sessions, "
        "slowly, so that\n"
        "others hardly notice.  Where it is is remembered in the store: "
        "stopped or killed, it\n"
        "goes on there.  What is wrong is told on standard error as it is "
        "found, and what can\n"
        "be done.  Status 3 if anything is.\n"
        "\n"
        "      --rate N   read at most N MB (1000000 bytes) a second; 10 if "
        "not given\n"
        "      --forever  begin anew at the end of each tour\n"
        "      --pause N  ... after N seconds\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

/* -- signals --------------------------------------------------------------- */

static volatile sig_atomic_t is_signalled;

static void
stop_on_signal(int number)
{
    (void)number;
    is_signalled = 1;
}

/* A second one ends the program at once: what was remembered is there. */
static void
signals_catch(void)
{
    static const int STOPS[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = stop_on_signal,
                                .sa_flags = (int)SA_RESETHAND };
    struct sigaction before;

    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof STOPS / sizeof STOPS[0]; i++)
        if (sigaction(STOPS[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN)
            (void)sigaction(STOPS[i], &action, NULL);
}

/* -- telling --------------------------------------------------------------- */

static const char *
advice(enum seglog_stream_fault fault)
{
    switch (fault) {
    case SEGLOG_STREAM_FAULT_DAMAGE:
        return "put back a copy of that file; without one, `seglog mend` lets "
               "a stream go on that takes no more events";
    case SEGLOG_STREAM_FAULT_LINK:
        return "put back a copy of the file that is missing in front of it";
    case SEGLOG_STREAM_FAULT_MENDED:
        return "it was mended: put back copies of what is lost, if there are "
               "any";
    case SEGLOG_STREAM_FAULT_CHAIN:
    case SEGLOG_STREAM_FAULT_DROPPED:
    case SEGLOG_STREAM_FAULT_KEPT:
    case SEGLOG_STREAM_FAULT_SHORT:
    case SEGLOG_STREAM_FAULT_SIGNATURE:
    case SEGLOG_STREAM_FAULT_NONE:
        break;
    }
    return "it was changed by somebody: put back a copy of that file, and look "
           "who can write to it";
}

static void
on_finding(void *arg, uint64_t stream, const char *name,
           const struct seglog_stream_finding *finding)
{
    struct scrub *scrub = arg;

    scrub->told++;
    tool_streams_say(scrub->shown, &stream, finding);
    tool_say("%s/%s: %s", scrub->shown, name, advice(finding->fault));
}

static void
on_lane_finding(void *arg, const char *name,
                const struct seglog_finding *finding)
{
    struct scrub *scrub = arg;
    char shown[4096];

    scrub->told++;
    (void)snprintf(shown, sizeof shown, "%s/%s", scrub->shown, name);
    tool_finding_say(shown, finding);
    tool_say("%s: put back a copy of that file; without one, `seglog repair` "
             "saves what can be read",
             shown);
}

static enum tool_status
scrub_end(const struct scrub *scrub, const struct seglog_scrub_state *state)
{
    if (scrub->told > 0)
        return TOOL_DAMAGED;
    if (is_signalled && state->stream == 0 && state->offset == 0)
        tool_note("%s: stopped; the next one goes on there", scrub->shown);
    else if (is_signalled)
        tool_note("%s: stopped at stream %" PRIu64 ", event %" PRIu64
                  "; the next one goes on there",
                  scrub->shown, state->stream, state->offset);
    else if (!tool_is_quiet)
        printf("%s: OK: %" PRIu64 " bytes read\n", scrub->shown, state->bytes);
    return TOOL_OK;
}

static enum tool_status
scrub_run(struct scrub *scrub, struct seglog_streams streams)
{
    const struct seglog_scrub_options options = {
        .size = sizeof options,
        .bytes_per_s = scrub->rate * 1000000,
        .once = !scrub->is_forever,
        .pause_s = (unsigned)scrub->pause_s,
        .on_finding = on_finding,
        .on_lane_finding = on_lane_finding,
        .arg = scrub,
    };
    struct seglog_scrubber *scrubber = NULL;
    struct seglog_scrub_state state;
    struct seglog_error err;
    seglog_code code = seglog_scrub_start(streams, &options, &scrubber, &err);

    if (code == SEGLOG_LOCKED) {
        tool_say("%s: somebody else scrubs it", scrub->shown);
        return TOOL_FAILED;
    }
    if (code != SEGLOG_OK)
        return tool_fail(scrub->shown, &err);
    signals_catch();
    do
        code = seglog_scrub_wait(scrubber, LOOK_MS, &err);
    while (code == SEGLOG_END && !is_signalled);
    seglog_scrub_get_state(scrubber, &state);
    code = seglog_scrub_stop(scrubber, &err);
    return code == SEGLOG_OK ? scrub_end(scrub, &state)
                             : tool_fail(scrub->shown, &err);
}

/* There must be something. */
static enum tool_status
store_open(const char *dir, struct tool_streams *opened)
{
    if (tool_streams_are_in(dir) || !tool_store_is_one(dir))
        return tool_streams_open_all(dir, TOOL_STORE_WRITE, opened);
    return tool_streams_open_store(dir, TOOL_STORE_WRITE, opened);
}

int
cmd_scrub(int argc, char **argv)
{
    struct scrub scrub = { .rate = 0 };
    struct tool_streams opened = { .stream = 0 };
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &scrub, &paths);

    if (status == TOOL_GO_ON)
        status = store_open(paths[0], &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    scrub.shown = opened.shown;
    status = scrub_run(&scrub, opened.streams);
    return tool_end(cmd_status_worse(status, tool_streams_close(&opened)));
}
