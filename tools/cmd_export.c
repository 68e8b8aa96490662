/* SPDX-License-Identifier: MIT */
/* tools/cmd_export.c - `seglog export`: the folders a store was made from. */
#define _GNU_SOURCE
#include "tools/cmd_export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/tool_store.h"
#include "tools/tool_tree.h"

/* ---------------------------------------------------------------------------
 * Command line
 */

enum {
    KEY_FORCE = TOOL_KEY(1),
    KEY_MENDED,
    KEY_VERSIONS,
    KEY_DELETED,
    KEY_JSON
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct export_run_options *options = arg;

    switch (key) {
    case 'o':
        options->dir = value;
        return TOOL_GO_ON;
    case KEY_FORCE:
        options->is_forced = true;
        return TOOL_GO_ON;
    case KEY_MENDED:
        options->is_mended = true;
        return TOOL_GO_ON;
    case KEY_VERSIONS:
        options->has_versions = true;
        return TOOL_GO_ON;
    case KEY_DELETED:
        options->has_deleted = true;
        return TOOL_GO_ON;
    default:
        options->is_json = true;
        return TOOL_GO_ON;
    }
}

static const struct tool_option OPTIONS[] = {
    { 'o', "output", true },
    { KEY_FORCE, "force", false },
    { KEY_MENDED, "mended", false },
    { KEY_VERSIONS, "versions", false },
    { KEY_DELETED, "deleted", false },
    { KEY_JSON, "json", false },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog export",
    .usage = "[STORE] -o DIR [--mended] [--versions] [--deleted]\n"
             "                     [--force] [--json]",
    .help =
        "Write the folders that `seglog import` has taken into STORE to DIR: "
        "the same\n"
        "bytes, modes, times, empty folders and links. STORE is a folder; "
        "without it\n"
        "the one that SEGLOG_STORE names.\n"
        "\n"
        "  seglog export archive -o restored\n"
        "        everything as it was\n"
        "  seglog export archive -o restored --mended\n"
        "        .jsonl files that any program can read: of a broken line, "
        "every\n"
        "        whole value that is left, one a line\n"
        "\n"
        "  -o, --output DIR   a new or empty folder\n"
        "      --mended       mend broken lines, and say what was done to "
        "which;\n"
        "                     the store keeps the lines as they were\n"
        "      --versions     also what rewritten files were before, as\n"
        "                     NAME.~1~, NAME.~2~ and so on, the oldest first\n"
        "      --deleted      also files that were deleted while they were\n"
        "                     followed\n"
        "      --force        write into a folder that holds something, and\n"
        "                     replace files there\n"
        "      --json         report mended lines and the end as JSON objects\n"
        "\n"
        "If one folder was imported, its content stands directly in DIR; of\n"
        "several, each has a folder in DIR. Sessions that were not imported\n"
        "become DIR/SESSION/SEGMENT.jsonl, their traces SEGMENT.trace.jsonl.\n"
        "Whatever names the store holds, nothing outside DIR is written.\n",
    .options = OPTIONS,
    .operand_max = 1,
    .on_option = on_option,
};

/* ---------------------------------------------------------------------------
 * One file
 */

static char *
path_of(const struct export_run *run, const struct import_entry *entry)
{
    const char *prefix = run->prefixes[entry->root];

    return *prefix != '\0' ? tool_tree_join(prefix, entry->path)
                           : strdup(entry->path);
}

/* NAME.~1~ and so on. */
static void
versions_export(struct export_run *run, const struct import_entry *entry,
                const char *path)
{
    for (uint32_t i = 0; i < entry->state.older_count; i++) {
        const struct import_older *older = &entry->state.older[i];
        char *name = NULL;

        if (asprintf(&name, "%s.~%" PRIu32 "~", path, i + 1) < 0) {
            run->totals.failed++;
            (void)tool_fail_memory();
            return;
        }
        (void)export_source(run, &older->session, &older->segment, name, NULL);
        free(name);
    }
}

static void
file_export(struct export_run *run, const struct import_entry *entry,
            const char *path)
{
    const struct import_state *state = &entry->state;

    /* It was gone again before anything of it was read. */
    if (state->deleted_at_ms != 0 && (state->flags & IMPORT_PENDING) != 0)
        return;
    (void)export_source(run, &state->session, &state->segment, path, state);
    tool_progress_update(&run->progress, run->totals.files, 0);
}

/* ---------------------------------------------------------------------------
 * Everything that was imported
 */

static bool
entry_is_wanted(const struct export_run *run, const struct import_entry *entry)
{
    return entry->state.deleted_at_ms == 0 || run->options->has_deleted;
}

/* Folders first, then files; links last, so that none is in the way; and then
 * the folders' modes and times, from the bottom up. */
static void
entries_export(struct export_run *run, struct import_entry *const *entries,
               size_t count, enum import_type type)
{
    for (size_t i = 0; i < count; i++) {
        const struct import_entry *entry = entries[i];
        const bool is_wanted = entry_is_wanted(run, entry);
        char *path = NULL;

        if (entry->state.type != type || run->is_full)
            continue;
        run->totals.deleted += !is_wanted;
        path = path_of(run, entry);
        if (!path) {
            run->totals.failed++;
            (void)tool_fail_memory();
            return;
        }
        if (run->options->has_versions)
            versions_export(run, entry, path);
        else
            run->totals.older += entry->state.older_count;
        if (is_wanted && type == IMPORT_DIR)
            (void)export_make_dir(run, path);
        else if (is_wanted && type == IMPORT_LINK)
            (void)export_make_link(run, path, &entry->state);
        else if (is_wanted)
            file_export(run, entry, path);
        free(path);
    }
}

static void
dirs_finish(struct export_run *run, struct import_entry *const *entries,
            size_t count)
{
    for (size_t i = count; i > 0; i--) {
        const struct import_entry *entry = entries[i - 1];
        char *path = NULL;

        if (entry->state.type != IMPORT_DIR || !entry_is_wanted(run, entry))
            continue;
        path = path_of(run, entry);
        if (path)
            export_finish_dir(run, path, &entry->state);
        free(path);
    }
}

/* A folder for each root, named like it. */
static bool
prefixes_choose(struct export_run *run)
{
    const struct import_catalog *catalog = &run->catalog;

    run->prefixes = calloc(catalog->root_count + 1, sizeof(char *));
    if (!run->prefixes)
        return false;
    for (size_t i = 0; i < catalog->root_count; i++) {
        const char *slash = strrchr(catalog->roots[i].path, '/');
        const char *base = slash && slash[1] != '\0' ? slash + 1 : "root";
        unsigned number = 1;
        int len = 0;

        if (catalog->root_count == 1)
            base = "";
        len = asprintf(&run->prefixes[i], "%s", base);
        for (size_t k = 0; len >= 0 && k < i; k++)
            if (strcmp(run->prefixes[k], run->prefixes[i]) == 0) {
                free(run->prefixes[i]);
                run->prefixes[i] = NULL;
                len = asprintf(&run->prefixes[i], "%s-%u", base, ++number);
                k = SIZE_MAX; /* from the first again */
            }
        if (len < 0)
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------------------
 * All of it
 */

static void
summary_tell(const struct export_run *run)
{
    const struct export_totals *t = &run->totals;
    const char *dir = run->options->dir;

    if (run->options->is_json)
        (void)printf("{\"summary\":{\"files\":%" PRIu64 ",\"folders\":%" PRIu64
                     ",\"links\":%" PRIu64 ",\"failed\":%" PRIu64
                     ",\"damaged\":%" PRIu64 ",\"deleted\":%" PRIu64
                     ",\"older\":%" PRIu64 ",\"bad_lines\":%" PRIu64
                     ",\"mended_lines\":%" PRIu64 ",\"values\":%" PRIu64 "}}\n",
                     t->files, t->folders, t->links, t->failed, t->damaged,
                     t->deleted, t->older, t->bad_lines, t->mended_lines,
                     t->values);
    tool_note("%s: %" PRIu64 " %s, %" PRIu64 " %s, %" PRIu64 " %s", dir,
              t->files, cmd_plural(t->files, "file", "files"), t->folders,
              cmd_plural(t->folders, "folder", "folders"), t->links,
              cmd_plural(t->links, "link", "links"));
    if (t->bad_lines > 0)
        tool_note("%s: of %" PRIu64 " broken %s, %" PRIu64 " gave %" PRIu64
                  " whole %s; the store has them as they were",
                  dir, t->bad_lines, cmd_plural(t->bad_lines, "line", "lines"),
                  t->mended_lines, t->values,
                  cmd_plural(t->values, "value", "values"));
    if (t->deleted > 0)
        tool_note("%s: left out what was deleted: %" PRIu64
                  "; --deleted writes it too",
                  dir, t->deleted);
    if (t->older > 0)
        tool_note("%s: left out what rewritten files were before: %" PRIu64
                  "; --versions writes it too",
                  dir, t->older);
}

static enum tool_status
run_all(struct export_run *run)
{
    size_t count = 0;
    struct import_entry **entries = import_catalog_sort(&run->catalog, &count);
    bool is_done = entries && prefixes_choose(run);

    if (!is_done)
        (void)tool_fail_memory();
    tool_progress_init(&run->progress, "exporting");
    if (is_done) {
        entries_export(run, entries, count, IMPORT_DIR);
        entries_export(run, entries, count, IMPORT_FILE);
        is_done = export_sessions(run, entries, count);
        entries_export(run, entries, count, IMPORT_LINK);
        dirs_finish(run, entries, count);
    }
    tool_progress_clear(&run->progress);
    if (is_done && syncfs(run->fd) != 0 && errno != ENOSYS)
        (void)export_fail(run, run->options->dir, errno, "it cannot be synced");
    summary_tell(run);
    free(entries);
    for (size_t i = 0; run->prefixes && i < run->catalog.root_count; i++)
        free(run->prefixes[i]);
    free(run->prefixes);
    if (!is_done || run->totals.failed > 0)
        return TOOL_FAILED;
    return run->totals.damaged + run->totals.bad_lines > 0 ? TOOL_DAMAGED
                                                           : TOOL_OK;
}

static enum tool_status
run_load(struct export_run *run, const char *shown)
{
    struct seglog_error err;
    seglog_code code = import_catalog_open(run->sessions, &run->catalog, &err);
    enum tool_status status = TOOL_FAILED;

    for (size_t i = 0; code == SEGLOG_OK && i < run->catalog.root_count; i++)
        code = import_catalog_load(&run->catalog, i, &err);
    status = code == SEGLOG_OK ? run_all(run) : tool_fail(shown, &err);
    import_catalog_close(&run->catalog);
    return status;
}

static bool
dir_is_empty(int fd)
{
    const int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *item = NULL;
    bool is_empty = dir != NULL;

    if (!dir && copy >= 0)
        (void)close(copy);
    while (is_empty && (item = readdir(dir)))
        is_empty =
            strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0;
    if (dir)
        (void)closedir(dir);
    return is_empty;
}

/* Made only when the store could be opened. */
static enum tool_status
run_opened(struct export_run *run, const char *shown)
{
    const char *dir = run->options->dir;
    enum tool_status status = TOOL_FAILED;

    if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
        tool_say("%s: the folder cannot be made: %s", dir, strerror(errno));
        return TOOL_FAILED;
    }
    run->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->fd < 0) {
        tool_say("%s: the folder cannot be opened: %s", dir, strerror(errno));
        return TOOL_FAILED;
    }
    if (run->options->is_forced || dir_is_empty(run->fd))
        status = run_load(run, shown);
    else
        tool_say("%s: the folder is not empty; --force writes into it", dir);
    (void)close(run->fd);
    return status;
}

static enum tool_status
export_store(const struct export_run_options *options)
{
    struct export_run run = { .options = options };
    struct tool_store_path path;
    enum tool_status status = tool_store_parse(options->store, &path);

    if (status != TOOL_GO_ON)
        return status;
    if (path.place != TOOL_PLACE_STORE) {
        tool_say("%s: it is not a store", path.shown);
        status = TOOL_FAILED;
    } else {
        status = tool_store_open(&path, true, &run.sessions);
    }
    if (status == TOOL_GO_ON)
        status = run_opened(&run, path.shown);
    (void)seglog_session_store_close(run.sessions, NULL);
    tool_store_path_free(&path);
    return status;
}

int
cmd_export(int argc, char **argv)
{
    struct export_run_options options = { 0 };
    char **operands = NULL;
    const enum tool_status status =
        tool_parse(&SPEC, argc, argv, &options, &operands);

    if (status != TOOL_GO_ON)
        return (int)status;
    options.store = operands[0];
    if (!options.dir)
        return (int)tool_usage("where to? -o DIR");
    return tool_end(export_store(&options));
}
