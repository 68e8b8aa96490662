/* SPDX-License-Identifier: MIT */
/* tools/tool_store.c - STORE, STORE:ID and the default store. */
#define _GNU_SOURCE
#include "tools/tool_store.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/tool_key.h"

/* As many candidates are named where an id is too short. */
#define CANDIDATES_SHOWN 4u

static const struct {
    const char *name;
    enum seglog_lane lane; /* ENTRIES: the lane stays as it is */
} SUFFIXES[] = {
    { "/trace", SEGLOG_LANE_TRACE },
    { "/notes", SEGLOG_LANE_NOTES },
    { "/segment", SEGLOG_LANE_ENTRIES },
};
#define SUFFIX_COUNT (sizeof SUFFIXES / sizeof SUFFIXES[0])
#define SUFFIXES_MAX 20 /* characters of two of them */

/* ---------------------------------------------------------------------------
 * Paths
 */

static bool
is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool
tool_store_is_one(const char *dir)
{
    struct seglog_store store = { 0 };
    bool is_one = false;

    if (seglog_store_file_open(dir, false, &store, NULL) == SEGLOG_OK &&
        seglog_session_store_detect(store, &is_one, NULL) != SEGLOG_OK)
        is_one = false;
    seglog_store_close(&store);
    return is_one;
}

/* Hexadecimal digits, and hyphens between them. */
static bool
is_id(const char *text)
{
    size_t digits = 0;

    for (const char *p = text; *p != '\0'; p++) {
        if (isxdigit((unsigned char)*p))
            digits++;
        else if (*p != '-')
            return false;
    }
    return digits > 0 && strlen(text) < TOOL_ID_CAP;
}

static enum tool_status
path_set_dir(struct tool_store_path *parsed, const char *dir, size_t len)
{
    if (len == 0) {
        dir = getenv("SEGLOG_STORE");
        if (!dir || *dir == '\0')
            return tool_usage("'%s' is in the default store, but SEGLOG_STORE "
                              "names none",
                              parsed->shown);
        len = strlen(dir);
    }
    parsed->dir = strndup(dir, len);
    return parsed->dir ? TOOL_GO_ON : tool_fail_memory();
}

/* Take a suffix off id.  False: it has none. */
static bool
suffix_take(struct tool_store_path *parsed, char *id)
{
    const size_t len = strlen(id);

    for (size_t i = 0; i < SUFFIX_COUNT; i++) {
        const size_t end = strlen(SUFFIXES[i].name);

        if (len <= end || strcmp(id + len - end, SUFFIXES[i].name) != 0)
            continue;
        id[len - end] = '\0';
        if (SUFFIXES[i].lane != SEGLOG_LANE_ENTRIES)
            parsed->lane = SUFFIXES[i].lane;
        else
            parsed->is_segment = true;
        return true;
    }
    return false;
}

/* No such file: DIR:, or DIR:ID with or without suffixes.  What does not look
 * like either is left to be a file that is missing. */
static enum tool_status
path_split(struct tool_store_path *parsed)
{
    const char *colon = strrchr(parsed->shown, ':');
    enum tool_status status = TOOL_GO_ON;
    char id[TOOL_ID_CAP + SUFFIXES_MAX];

    if (!colon || strlen(colon + 1) >= sizeof id)
        return TOOL_GO_ON;
    (void)snprintf(id, sizeof id, "%s", colon + 1);
    while (suffix_take(parsed, id))
        continue;
    if (*id != '\0' && !is_id(id))
        return TOOL_GO_ON;
    status =
        path_set_dir(parsed, parsed->shown, (size_t)(colon - parsed->shown));
    if (status != TOOL_GO_ON)
        return status;
    if (!is_folder(parsed->dir)) {
        tool_say("%s: there is neither such a file nor a store '%s'",
                 parsed->shown, parsed->dir);
        return TOOL_FAILED;
    }
    parsed->place = *id != '\0' ? TOOL_PLACE_ID : TOOL_PLACE_STORE;
    (void)snprintf(parsed->id, sizeof parsed->id, "%.*s", TOOL_ID_CAP - 1, id);
    return TOOL_GO_ON;
}

enum tool_status
tool_store_parse(const char *path, struct tool_store_path *parsed)
{
    struct stat info;
    enum tool_status status = TOOL_GO_ON;

    *parsed = (struct tool_store_path){ .shown = path };
    if (!path) {
        const char *name = getenv("SEGLOG_STORE");

        if (!name || *name == '\0')
            return tool_usage("name a store, or set SEGLOG_STORE to one");
        parsed->shown = name;
        parsed->place = TOOL_PLACE_STORE;
        return path_set_dir(parsed, name, strlen(name));
    }
    if (lstat(path, &info) != 0) {
        status = path_split(parsed);
    } else if (is_folder(path) && tool_store_is_one(path)) {
        parsed->place = TOOL_PLACE_STORE;
        status = path_set_dir(parsed, path, strlen(path));
    }
    if (status != TOOL_GO_ON)
        tool_store_path_free(parsed);
    return status;
}

void
tool_store_path_free(struct tool_store_path *parsed)
{
    free(parsed->dir);
    *parsed = (struct tool_store_path){ 0 };
}

/* ---------------------------------------------------------------------------
 * Opening
 */

enum tool_status
tool_store_open(const struct tool_store_path *parsed, bool is_read_only,
                struct seglog_session_store **sessions)
{
    const struct seglog_session_store_options options = {
        .size = sizeof options, .is_read_only = is_read_only
    };
    struct seglog_error err = { 0 };

    if (!is_folder(parsed->dir)) {
        tool_say("%s: there is no such folder", parsed->dir);
        return TOOL_FAILED;
    }
    if (!tool_store_is_one(parsed->dir)) {
        tool_say("%s: it holds no session store", parsed->dir);
        return TOOL_FAILED;
    }
    if (tool_key_sessions_open(parsed->dir, &options, sessions, &err) !=
        SEGLOG_OK)
        return tool_fail(parsed->dir, &err);
    return TOOL_GO_ON;
}

/* ---------------------------------------------------------------------------
 * Ids
 */

/* What starts like a prefix that is not unique. */
struct candidates {
    char digits[TOOL_ID_CAP]; /* of the prefix, lower case */
    struct seglog_uuid last_session;
    size_t sessions;
    size_t segments;
    struct tool_store_id segment; /* the last one */
    char text[CANDIDATES_SHOWN * (SEGLOG_UUID_TEXT_CAP + 12)];
};

static void
digits_of(const char *text, char *digits)
{
    for (; *text != '\0'; text++)
        if (*text != '-')
            *digits++ = (char)tolower((unsigned char)*text);
    *digits = '\0';
}

static bool
candidate_matches(struct candidates *candidates, const struct seglog_uuid *id)
{
    char digits[SEGLOG_UUID_TEXT_CAP];
    char text[SEGLOG_UUID_TEXT_CAP];

    digits_of(seglog_uuid_format(id, text), digits);
    return strncmp(digits, candidates->digits, strlen(candidates->digits)) == 0;
}

static void
candidate_name(struct candidates *candidates, const char *what,
               const struct seglog_uuid *id)
{
    const size_t at = strlen(candidates->text);
    char text[SEGLOG_UUID_TEXT_CAP];

    if (candidates->sessions + candidates->segments <= CANDIDATES_SHOWN)
        (void)snprintf(candidates->text + at, sizeof candidates->text - at,
                       "%s%s %s", at > 0 ? ", " : "", what,
                       seglog_uuid_format(id, text));
}

static bool
on_row(void *arg, const struct seglog_session_row *row)
{
    struct candidates *candidates = arg;
    const bool is_new =
        seglog_uuid_compare(&row->session, &candidates->last_session) != 0;

    candidates->last_session = row->session;
    if (is_new && candidate_matches(candidates, &row->session)) {
        candidates->sessions++;
        candidate_name(candidates, "session", &row->session);
    }
    /* The first segment of a session often has the id of the session. */
    if (seglog_uuid_compare(&row->session, &row->segment) == 0 ||
        !candidate_matches(candidates, &row->segment))
        return true;
    candidates->segments++;
    candidates->segment =
        (struct tool_store_id){ row->session, row->segment, true };
    candidate_name(candidates, "segment", &row->segment);
    return true;
}

/*
 * Ids that were made in the same moment begin alike, and those of a session and
 * of its segments often are: as long as one session alone is meant, it is.
 */
static enum tool_status
id_settle(struct seglog_session_store *sessions,
          const struct tool_store_path *parsed, struct tool_store_id *found)
{
    struct candidates candidates = { .sessions = 0 };
    struct seglog_error err = { 0 };

    digits_of(parsed->id, candidates.digits);
    if (seglog_session_list(sessions, NULL, on_row, &candidates, &err) !=
        SEGLOG_OK)
        return tool_fail(parsed->shown, &err);
    if (parsed->is_segment && candidates.segments == 1 &&
        candidates.sessions == 0) {
        *found = candidates.segment;
        return TOOL_GO_ON;
    }
    tool_say(
        "%s: %zu ids start with %s: %s%s; give more of it", parsed->shown,
        candidates.sessions + candidates.segments, parsed->id, candidates.text,
        candidates.sessions + candidates.segments > CANDIDATES_SHOWN ? ", ..."
                                                                     : "");
    return TOOL_FAILED;
}

/* The first segment of a session often has the id of the session. */
static seglog_code
id_prefer_segment(struct seglog_session_store *sessions,
                  struct tool_store_id *found, struct seglog_error *err)
{
    bool exists = false;
    const seglog_code code = seglog_session_exists(
        sessions, &found->session, &found->session, &exists, err);

    if (code == SEGLOG_OK && !exists)
        return tool_error_set(err, SEGLOG_NOT_FOUND, "",
                              "it is the id of a session, of which no segment "
                              "has the same id");
    found->segment = found->session;
    found->is_segment = true;
    return code;
}

enum tool_status
tool_store_resolve(struct seglog_session_store *sessions,
                   const struct tool_store_path *parsed,
                   struct tool_store_id *found)
{
    struct seglog_error err = { 0 };
    seglog_code code =
        seglog_session_resolve(sessions, parsed->id, &found->session,
                               &found->segment, &found->is_segment, &err);

    if (code == SEGLOG_OK && parsed->is_segment && !found->is_segment) {
        code = id_prefer_segment(sessions, found, &err);
        return code == SEGLOG_OK ? TOOL_GO_ON : tool_fail(parsed->shown, &err);
    }
    if (code == SEGLOG_OK)
        return TOOL_GO_ON;
    if (code == SEGLOG_CONFLICT)
        return id_settle(sessions, parsed, found);
    if (code == SEGLOG_NOT_FOUND) {
        tool_say("%s: no session and no segment in %s has an id that starts "
                 "with %s",
                 parsed->shown, parsed->dir, parsed->id);
        return TOOL_FAILED;
    }
    return tool_fail(parsed->shown, &err);
}
