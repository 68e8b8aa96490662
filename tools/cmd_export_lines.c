/* SPDX-License-Identifier: MIT */
/* tools/cmd_export_lines.c - the lines of one file, as they are. */
#include "tools/cmd_export.h"
#include "tools/export_lines.h"

bool
export_lines_plain(struct export_file *file, struct import_reader *reader)
{
    struct export_run *run = file->run;
    const struct export_options options = { .to = UINT64_MAX };
    struct export_lines lines = {
        .options = &options,
        .shown = file->shown,
        .output = &file->output,
    };
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;
    bool is_done = true;

    while (is_done && code == SEGLOG_OK) {
        code = import_reader_next(reader, &event, &lines.err);
        if (code == SEGLOG_OK)
            is_done = export_lines_event(&lines, &event);
    }
    is_done = export_lines_end(&lines) && is_done;
    run->totals.damaged += lines.is_damaged;
    if (is_done && code == SEGLOG_END)
        return true;
    if (file->output.err.code != SEGLOG_OK)
        return export_file_fail(file);
    tool_progress_clear(&run->progress);
    run->totals.failed++;
    (void)tool_fail(file->shown, &lines.err);
    return false;
}
