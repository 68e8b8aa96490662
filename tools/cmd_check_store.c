/* SPDX-License-Identifier: MIT */
/* tools/cmd_check_store.c - folders, and what the files of a store are. */
#define _GNU_SOURCE
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/tool_store.h"

/* Attributes of a lane (SPEC.md 14.1), as far as they are compared. */
#define BIRTH_LANE    2
#define BIRTH_SESSION 4
#define BIRTH_SEGMENT 20
#define BIRTH_BYTES   76

struct check_role
check_role_of(const char *name)
{
    struct check_role role = { 0 };

    role.is_lane =
        seglog_lane_parse(name, &role.session, &role.segment, &role.lane);
    role.is_derived = strcmp(name, "index.seg") == 0 ||
                      strcmp(name, "scrub.seg") == 0 ||
                      (role.is_lane && role.lane == SEGLOG_LANE_NOTES);
    return role;
}

void
check_birth(const struct check_role *role, struct seglog_store store,
            const char *name, char note[CHECK_NOTE_CAP])
{
    static const char *const LANES[] = { "entries", "trace", "notes" };
    uint8_t birth[SEGLOG_ATTRIBUTES_MAX];
    struct seglog_uuid session;
    struct seglog_uuid segment;
    char session_id[SEGLOG_UUID_TEXT_CAP];
    char segment_id[SEGLOG_UUID_TEXT_CAP];
    size_t len = 0;

    *note = '\0';
    /* A damaged header is a finding of its own. */
    if (!role->is_lane ||
        seglog_segment_get_attributes(store, name, birth, sizeof birth, &len,
                                      NULL, NULL) != SEGLOG_OK ||
        len < BIRTH_BYTES || memcmp(birth, "S1", 2) != 0 ||
        birth[BIRTH_LANE] > SEGLOG_LANE_NOTES)
        return;
    memcpy(session.bytes, birth + BIRTH_SESSION, SEGLOG_UUID_BYTES);
    memcpy(segment.bytes, birth + BIRTH_SEGMENT, SEGLOG_UUID_BYTES);
    if (birth[BIRTH_LANE] == role->lane &&
        seglog_uuid_compare(&session, &role->session) == 0 &&
        seglog_uuid_compare(&segment, &role->segment) == 0)
        return;
    (void)snprintf(note, CHECK_NOTE_CAP,
                   "its name is that of another: it was written as %s of "
                   "session %s, segment %s (a copy, or renamed)",
                   LANES[birth[BIRTH_LANE]],
                   seglog_uuid_format(&session, session_id),
                   seglog_uuid_format(&segment, segment_id));
}

/* ---------------------------------------------------------------------------
 * Folders
 */

struct folder {
    const struct check_options *options;
    enum tool_status status;
    uint64_t checked;
    /* Of the session store being walked: they do not lie in each other. */
    uint64_t in_store;
    uint64_t damaged;
    uint64_t derived; /* damaged ones that are made anew */
};

static int
entry_compare(const FTSENT **left, const FTSENT **right)
{
    return strcmp((*left)->fts_name, (*right)->fts_name);
}

/* What was damaged before its table was written anew is kept for people. */
static bool
is_kept(const char *name)
{
    static const char END[] = ".damaged";
    const size_t len = strlen(name);

    return len >= sizeof END && strcmp(name + len + 1 - sizeof END, END) == 0;
}

static void
file_check(struct folder *folder, const FTSENT *entry, bool is_in_store)
{
    struct check_role role = { 0 };

    if (is_in_store && is_kept(entry->fts_name)) {
        tool_note("%s: it was damaged, and is kept beside the new one",
                  entry->fts_path);
        return;
    }
    if (!check_is_log(entry->fts_path))
        return;
    if (is_in_store)
        role = check_role_of(entry->fts_name);
    folder->status = cmd_status_worse(
        folder->status, check_file(folder->options, entry->fts_path, &role));
    folder->checked++;
    folder->in_store += is_in_store;
    folder->damaged += is_in_store && role.is_damaged && !role.is_derived;
    folder->derived += is_in_store && role.is_damaged && role.is_derived;
}

static void
store_report(const struct folder *folder, const FTSENT *entry)
{
    if (folder->options->is_json || tool_is_quiet)
        return;
    (void)printf("%s: session store: %" PRIu64 " %s checked, ", entry->fts_path,
                 folder->in_store,
                 cmd_plural(folder->in_store, "file", "files"));
    if (folder->damaged == 0 && folder->derived == 0)
        (void)fputs("none damaged\n", stdout);
    else
        (void)printf("%" PRIu64 " damaged, %" PRIu64 " derived and made anew\n",
                     folder->damaged, folder->derived);
}

static void
entry_check(struct folder *folder, FTSENT *entry)
{
    switch (entry->fts_info) {
    case FTS_D:
        entry->fts_number = tool_store_is_one(entry->fts_path);
        if (entry->fts_number)
            folder->in_store = folder->damaged = folder->derived = 0;
        return;
    case FTS_DP:
        if (entry->fts_number)
            store_report(folder, entry);
        return;
    case FTS_F:
        file_check(folder, entry, entry->fts_parent->fts_number != 0);
        return;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        tool_say("%s: %s", entry->fts_path, strerror(entry->fts_errno));
        folder->status = TOOL_FAILED;
        folder->checked++;
        return;
    default:
        return;
    }
}

enum tool_status
check_folder(const struct check_options *options, char *path)
{
    char *const paths[] = { path, NULL };
    struct folder folder = { .options = options, .status = TOOL_OK };
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW,
                         entry_compare);
    FTSENT *entry = NULL;

    if (!tree) {
        tool_say("%s: %s", path, strerror(errno));
        return TOOL_FAILED;
    }
    while (!check_is_to_stop(options, folder.status) &&
           (entry = fts_read(tree)))
        entry_check(&folder, entry);
    (void)fts_close(tree);
    if (folder.checked == 0)
        tool_note("%s: no segments and no .jsonl files in it", path);
    return folder.status;
}
