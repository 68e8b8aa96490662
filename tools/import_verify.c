/* SPDX-License-Identifier: MIT */
/*
 * tools/import_verify.c - what is in the store for good.
 *
 * Every file is read again, and so is its segment; only where both say the same
 * is the file named.  Nothing is deleted here.
 */
#include "tools/import_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool_tree.h"

/* Does an entry belong to a target? */
static bool
target_has(const struct import_target *target, const struct import_entry *entry)
{
    const size_t len = strlen(target->path);

    return entry->root == target->root &&
           (len == 0 ||
            (strncmp(entry->path, target->path, len) == 0 &&
             (entry->path[len] == '\0' || entry->path[len] == '/')));
}

/* The path as the user would write it: the operand, and what is below. */
static char *
path_shown(const struct import_target *target, const struct import_entry *entry)
{
    const size_t len = strlen(target->path);
    const char *rest = entry->path + len;

    return tool_tree_join(target->shown, *rest == '/' ? rest + 1 : rest);
}

static void
path_list(const struct import_run *run, const char *path)
{
    if (run->options->is_json) {
        (void)fputs("{\"verified\":", stdout);
        tool_json_string(stdout, path);
        (void)fputs("}\n", stdout);
    } else if (run->options->has_nul) {
        (void)fwrite(path, 1, strlen(path) + 1, stdout);
    } else if (strchr(path, '\n')) {
        tool_note("%s: verified, but its name has a line feed: -0 lists it",
                  path);
    } else {
        (void)printf("%s\n", path);
    }
}

/* The next import looks at the segment itself, and does not go on in it. */
static void
entry_doubt(const struct import_run *run, struct import_entry *entry)
{
    entry->state.flags |= IMPORT_PENDING;
    (void)!import_catalog_save(&run->catalog, &entry, 1, false, NULL);
}

static enum tool_status
entry_verify(struct import_run *run, const struct import_target *target,
             struct import_entry *entry)
{
    char *path = path_shown(target, entry);
    struct seglog_error err;
    bool is_same = false;
    seglog_code code = SEGLOG_OK;
    enum tool_status status = TOOL_OK;

    if (!path)
        return tool_fail_memory();
    code = import_source_verify(&run->job, entry, &is_same, &err);
    tool_progress_clear(&run->progress);
    if (code != SEGLOG_OK) {
        if (code == SEGLOG_CORRUPT)
            entry_doubt(run, entry);
        (void)tool_fail(path, &err);
        status = TOOL_FAILED;
    } else if (is_same) {
        path_list(run, path);
    } else {
        tool_say("%s: it is not, or not any more, what the store has: "
                 "keep it, and import again",
                 path);
        status = TOOL_FAILED;
    }
    free(path);
    return status;
}

enum tool_status
import_verify(struct import_run *run)
{
    enum tool_status status = TOOL_OK;
    size_t count = 0;
    struct import_entry **entries = import_catalog_sort(&run->catalog, &count);

    if (!entries)
        return tool_fail_memory();
    tool_progress_init(&run->progress, "verifying");
    for (size_t t = 0; t < run->target_count; t++)
        for (size_t i = 0; i < count; i++) {
            struct import_entry *entry = entries[i];

            if (import_run_signal() != 0)
                break;
            if (entry->seen != IMPORT_SEEN || !entry->is_stored ||
                entry->state.type != IMPORT_FILE ||
                !target_has(&run->targets[t], entry))
                continue;
            if (entry_verify(run, &run->targets[t], entry) != TOOL_OK)
                status = TOOL_FAILED;
            tool_progress_update(&run->progress,
                                 atomic_load(&run->job.done_bytes), 0);
        }
    tool_progress_clear(&run->progress);
    free(entries);
    if (import_run_signal() != 0) {
        tool_say("%s: stopped by a signal before everything was verified",
                 run->options->into);
        status = TOOL_FAILED;
    }
    return status;
}
