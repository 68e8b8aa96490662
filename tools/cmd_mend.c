/* SPDX-License-Identifier: MIT */
/* tools/cmd_mend.c - `seglog mend`: a damaged stream takes events again. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/tool_key.h"
#include "tools/tool_streams.h"

enum {
    KEY_CUT = TOOL_KEY(1),
    KEY_RESUME = TOOL_KEY(2),
    KEY_CUT_FIRST = TOOL_KEY(3)
};

struct mend {
    bool cuts;
    bool cuts_first;
    bool resumes;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct mend *mend = arg;

    (void)value;
    mend->cuts |= key == KEY_CUT;
    mend->cuts_first |= key == KEY_CUT_FIRST;
    mend->resumes |= key == KEY_RESUME;
    return TOOL_GO_ON;
}

static const struct tool_option OPTIONS[] = {
    { KEY_CUT, "cut", false },
    { KEY_CUT_FIRST, "cut-first", false },
    { KEY_RESUME, "resume", false },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog mend",
    .usage = "--cut|--resume|--cut-first STORE:STREAM",
    .help =
        "Make a stream take events again whose end is so damaged that `seglog "
        "append` says\n"
        "so: its hash cannot be computed over what is lost.  The damaged file "
        "is kept as\n"
        "NAME.damaged; if there is a good copy of it, put that back instead.\n"
        "\n"
        "      --cut        the stream ends before the first event that is "
        "lost; "
        "those\n"
        "                   behind it are in NAME.damaged alone, and their "
        "offsets are\n"
        "                   given again\n"
        "      --resume     events behind the loss keep their offsets; the "
        "chain begins\n"
        "                   anew there, so that hashes kept of later events "
        "are "
        "good no\n"
        "                   more, and `seglog verify` tells of the loss for "
        "ever\n"
        "      --cut-first  as --cut, also where nothing keeps the stream from "
        "taking\n"
        "                   events but one of its last file is lost.  For a "
        "store of state\n"
        "                   and events (STORE:0) that says CORRUPT: it goes "
        "back to before\n"
        "                   that transaction\n"
        "\n"
        "Hashes kept of what is before the loss stay good in either way.  "
        "Status 3 if\n"
        "events are lost, or bytes of an encrypted store do not "
        "authenticate: NAME.damaged\n"
        "has zeros for them.\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static enum tool_status
mended_say(const struct mend *mend, const struct tool_streams *opened,
           const struct seglog_stream_mended *mended)
{
    char text[SEGLOG_KEPT_HEAD_CAP];
    const struct seglog_kept_head head = { .end = mended->end };

    seglog_kept_head_format(&head, text);
    if (mended->name[0] == '\0')
        tool_note("%s: nothing keeps it from taking events%s", opened->shown,
                  mend->cuts_first ? ", and its last file has lost none" : "");
    else if (mended->lost == 0)
        tool_note("%s: no event is known to be lost; the damaged file is kept "
                  "as %s",
                  opened->shown, mended->name);
    else if (!mend->resumes)
        tool_say("%s: it ends before event %" PRIu64 ": %" PRIu64
                 " %s in it no more, %" PRIu64 " of which can be read in %s",
                 opened->shown, mended->first_lost, mended->lost,
                 cmd_plural(mended->lost, "event is", "events are"),
                 mended->set_aside, mended->name);
    else
        tool_say("%s: %" PRIu64 " %s lost from event %" PRIu64
                 " on; the damaged file is kept as %s",
                 opened->shown, mended->lost,
                 cmd_plural(mended->lost, "event is", "events are"),
                 mended->first_lost, mended->name);
    if (mended->unreadable > 0)
        tool_note("%s: %" PRIu64 " bytes that do not authenticate are zeros "
                  "in it",
                  mended->name, mended->unreadable);
    (void)puts(text);
    return mended->lost > 0 || mended->unreadable > 0 ? TOOL_DAMAGED : TOOL_OK;
}

static enum tool_status
mend_run(const struct mend *mend, const struct tool_streams *opened)
{
    const enum seglog_stream_mend how =
        mend->cuts_first ? SEGLOG_STREAM_MEND_CUT_FIRST
        : mend->cuts     ? SEGLOG_STREAM_MEND_CUT
                         : SEGLOG_STREAM_MEND_RESUME;
    struct seglog_stream_mended mended;
    struct seglog_error err;

    return seglog_stream_mend(opened->streams, opened->stream, how, &mended,
                              &err) == SEGLOG_OK
               ? mended_say(mend, opened, &mended)
               : tool_fail(opened->shown, &err);
}

int
cmd_mend(int argc, char **argv)
{
    struct mend mend = { .cuts = false };
    struct tool_streams opened = { .stream = 0 };
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &mend, &paths);

    if (status == TOOL_GO_ON && mend.cuts + mend.resumes + mend.cuts_first != 1)
        status = tool_usage("how: --cut, --resume or --cut-first?");
    if (status == TOOL_GO_ON)
        status = tool_streams_open(paths[0], TOOL_STORE_WRITE, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = mend_run(&mend, &opened);
    return tool_end(cmd_status_worse(status, tool_streams_close(&opened)));
}
