/* SPDX-License-Identifier: MIT */
/* tools/cmd_events_control.c - `seglog events seal`, and what is like it. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/cmd_events.h"

enum {
    KEY_TIMEOUT = TOOL_KEY(1),
    KEY_FROM = TOOL_KEY(2)
};

struct control {
    struct tool_canonical_view view;
    uint64_t timeout_s;
    bool has_from;
    uint64_t from;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct control *control = arg;

    if (tool_canonical_on_option(&control->view, key, value))
        return TOOL_GO_ON;
    if (key == KEY_FROM) {
        control->has_from = true;
        return tool_number("--from", value, 0, INT64_MAX, &control->from);
    }
    return tool_number("--timeout", value, 1, 1000000, &control->timeout_s);
}

static const struct tool_option OPTIONS[] = {
    TOOL_CANONICAL_OPTIONS,
    { 0, NULL, false },
};

static const struct tool_option PAUSE_OPTIONS[] = {
    { KEY_TIMEOUT, "timeout", true },
    TOOL_CANONICAL_OPTIONS,
    { 0, NULL, false },
};

static const struct tool_option RETAIN_OPTIONS[] = {
    { KEY_FROM, "from", true },
    TOOL_CANONICAL_OPTIONS,
    { 0, NULL, false },
};

static const struct tool_spec RETAIN = {
    .name = "seglog events retain",
    .usage = "--from ID PATH",
    .help =
        "Let go of events below ID: keep the state in a snapshot, and remove "
        "the files of the\n"
        "log that hold only such events.  What a consumer has not "
        "acknowledged stays, and so do\n"
        "dead letters.  Writes the id of the first event that is left, which "
        "may be lower.\n"
        "\n"
        "      --from ID    the first event that is to "
        "stay\n" TOOL_CANONICAL_HELP,
    .options = RETAIN_OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static enum tool_status
control_run(const struct tool_spec *spec, int argc, char **argv,
            seglog_code (*run)(const struct control *control,
                               struct seglog_canonical *canonical,
                               struct seglog_error *err))
{
    struct control control = { .timeout_s = 0 };
    struct tool_canonical opened = { 0 };
    struct seglog_error err;
    char **words = NULL;
    enum tool_status status = tool_parse(spec, argc, argv, &control, &words);

    if (status == TOOL_GO_ON && spec == &RETAIN && !control.has_from)
        status = tool_usage("--from ID says what is to stay");
    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0], TOOL_CANONICAL_WRITE,
                                     &control.view, &opened);
    if (status != TOOL_GO_ON)
        return status;
    status = run(&control, opened.canonical, &err) == SEGLOG_OK
                 ? TOOL_OK
                 : tool_canonical_fail(&opened, &err);
    return cmd_status_worse(status, tool_canonical_close(&opened));
}

/* -- seal ------------------------------------------------------------------ */

static const struct tool_spec SEAL = {
    .name = "seglog events seal",
    .usage = "PATH",
    .help =
        "From now on nothing in the store changes: who writes gets status 4.  "
        "Writes the id of\n"
        "the last event.  There must be one.  Consumers go on.  It holds for "
        "all who have the\n"
        "store open, until `seglog events unseal`.\n"
        "\n" TOOL_CANONICAL_HELP,
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static seglog_code
seal_run(const struct control *control, struct seglog_canonical *canonical,
         struct seglog_error *err)
{
    uint64_t id = 0;
    const seglog_code code = seglog_canonical_seal(canonical, &id, err);

    (void)control;
    if (code == SEGLOG_OK)
        (void)printf("%" PRIu64 "\n", id);
    return code;
}

int
events_seal(int argc, char **argv)
{
    return tool_end(control_run(&SEAL, argc, argv, seal_run));
}

static const struct tool_spec UNSEAL = {
    .name = "seglog events unseal",
    .usage = "PATH",
    .help = "Let a sealed store be written to again.  It may be one that is "
            "not sealed.\n"
            "\n" TOOL_CANONICAL_HELP,
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static seglog_code
unseal_run(const struct control *control, struct seglog_canonical *canonical,
           struct seglog_error *err)
{
    (void)control;
    return seglog_canonical_clear_seal(canonical, err);
}

int
events_unseal(int argc, char **argv)
{
    return tool_end(control_run(&UNSEAL, argc, argv, unseal_run));
}

/* -- pause ----------------------------------------------------------------- */

static const struct tool_spec PAUSE = {
    .name = "seglog events pause",
    .usage = "[--timeout N] PATH",
    .help =
        "Wait for the write transaction that is open; from then on who writes "
        "gets status 4,\n"
        "until `seglog events resume`.  Consumers go on.\n"
        "\n"
        "      --timeout N  wait N seconds at most; 10 if not given.  Status 1 "
        "if it is still\n"
        "                   open then: nothing is paused\n" TOOL_CANONICAL_HELP,
    .options = PAUSE_OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static seglog_code
pause_run(const struct control *control, struct seglog_canonical *canonical,
          struct seglog_error *err)
{
    return seglog_canonical_pause(canonical, (int)control->timeout_s * 1000,
                                  err);
}

int
events_pause(int argc, char **argv)
{
    return tool_end(control_run(&PAUSE, argc, argv, pause_run));
}

static const struct tool_spec RESUME = {
    .name = "seglog events resume",
    .usage = "PATH",
    .help = "Let a paused store be written to again.  It may be one that is "
            "not paused.\n"
            "\n" TOOL_CANONICAL_HELP,
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static seglog_code
resume_run(const struct control *control, struct seglog_canonical *canonical,
           struct seglog_error *err)
{
    (void)control;
    return seglog_canonical_resume(canonical, err);
}

int
events_resume(int argc, char **argv)
{
    return tool_end(control_run(&RESUME, argc, argv, resume_run));
}

/* -- retain ---------------------------------------------------------------- */

static seglog_code
retain_run(const struct control *control, struct seglog_canonical *canonical,
           struct seglog_error *err)
{
    struct seglog_snapshot_info snapshot;
    struct seglog_retention_info info;
    seglog_code code =
        seglog_canonical_make_snapshot(canonical, &snapshot, err);

    if (code == SEGLOG_OK)
        code = seglog_canonical_retain(canonical, control->from, &info, err);
    if (code == SEGLOG_OK)
        (void)printf("%" PRIu64 "\n", info.first_event);
    return code;
}

int
events_retain(int argc, char **argv)
{
    return tool_end(control_run(&RETAIN, argc, argv, retain_run));
}
