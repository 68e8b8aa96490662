/* SPDX-License-Identifier: MIT */
/* src/session/session_store.c - open, close, and the names of lanes. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include "src/session/session_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/session/session_writers.h"
#include "src/store/fail.h"
#include "src/store/name.h"
#include "src/store/options.h"

#define LOCK_TIMEOUT_MS  10000
#define OPEN_MAX_DEFAULT 64
/* A program that wrote lines of any length must be able to go on doing so. */
#define BODY_LOG2_DEFAULT SEGLOG_BODY_LOG2_MAX

#define FILE_MODE         0600
#define DIR_MODE          0700

/* -- options -------------------------------------------------------------- */

/* Now, and not when the first segment is made. */
static seglog_code
codec_check(const struct seglog_session_store_options *options,
            struct seglog_error *err)
{
    const unsigned most = options->codec == SEGLOG_CODEC_DEFLATE ? 9 : 19;

    if ((unsigned)options->codec > SEGLOG_CODEC_AUTO)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "session store option codec: there is no such codec");
    if (options->level_of_codec > most)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "session store option level_of_codec: it must be 1 to "
                        "%u",
                        most);
    return SEGLOG_OK;
}

static seglog_code
options_settle(struct seglog_session_store_options *options,
               struct seglog_error *err)
{
    if (options->lock_timeout_ms == 0)
        options->lock_timeout_ms = LOCK_TIMEOUT_MS;
    if (options->body_log2 == 0)
        options->body_log2 = BODY_LOG2_DEFAULT;
    if (options->sync_log2 == 0)
        options->sync_log2 = SEGLOG_SYNC_LOG2_DEFAULT;
    if (options->open_max == 0)
        options->open_max = OPEN_MAX_DEFAULT;
    if (options->level != SEGLOG_LEVEL_FLUSH &&
        options->level != SEGLOG_LEVEL_SYNC)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "session store option level: FLUSH or SYNC");
    if (options->body_log2 < SEGLOG_BODY_LOG2_MIN ||
        options->body_log2 > SEGLOG_BODY_LOG2_MAX)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "session store option body_log2: it must be 9 to 27");
    if (options->sync_log2 < SEGLOG_SYNC_LOG2_MIN ||
        options->sync_log2 > SEGLOG_SYNC_LOG2_MAX)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "session store option sync_log2: it must be 9 to 20");
    return codec_check(options, err);
}

/* -- life ----------------------------------------------------------------- */

static void
sessions_free(struct seglog_session_store *sessions)
{
    slg_names_free(sessions->names);
    slg_index_free(sessions->index);
    if (sessions->owns_store)
        seglog_store_close(&sessions->store);
    free(sessions);
}

static seglog_code
sessions_fill(struct seglog_session_store *sessions, struct seglog_error *err)
{
    const struct seglog_session_store_options *options = &sessions->options;
    seglog_code code =
        slg_index_new(sessions->store, options->is_read_only,
                      options->lock_timeout_ms, &sessions->index, err);

    if (code == SEGLOG_OK)
        code = slg_names_new(sessions->store, sessions->index,
                             options->is_read_only, options->lock_timeout_ms,
                             &sessions->names, err);
    if (code == SEGLOG_OK)
        code = slg_writers_new(options->open_max, &sessions->writers, err);
    return code;
}

static seglog_code
sessions_open(struct seglog_store store, bool owns_store,
              const struct seglog_session_store_options *options,
              struct seglog_session_store **sessions, struct seglog_error *err)
{
    struct seglog_session_store *opened = calloc(1, sizeof *opened);
    seglog_code code = SEGLOG_OK;

    if (!opened) {
        if (owns_store)
            seglog_store_close(&store);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a session store");
    }
    opened->store = store;
    opened->owns_store = owns_store;
    opened->options = *options;
    code = sessions_fill(opened, err);
    if (code != SEGLOG_OK) {
        sessions_free(opened);
        return code;
    }
    *sessions = opened;
    return SEGLOG_OK;
}

static seglog_code
arguments_check(const struct seglog_session_store_options *options,
                struct seglog_session_store **sessions,
                struct seglog_session_store_options *settled,
                struct seglog_error *err)
{
    if (!sessions)
        return slg_fail(err, SEGLOG_INVALID, NULL, "sessions is NULL");
    *sessions = NULL;
    if (!slg_options_copy(settled, sizeof *settled, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "session store option size: not that of a struct of "
                        "this version");
    return options_settle(settled, err);
}

seglog_code
seglog_session_store_open(struct seglog_store store,
                          const struct seglog_session_store_options *options,
                          struct seglog_session_store **sessions,
                          struct seglog_error *err)
{
    struct seglog_session_store_options settled;
    const seglog_code code = arguments_check(options, sessions, &settled, err);

    if (code != SEGLOG_OK)
        return code;
    if (!store.ops)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the byte store is zeroed");
    return sessions_open(store, false, &settled, sessions, err);
}

seglog_code
seglog_session_store_open_dir(
    const char *dir, const struct seglog_session_store_options *options,
    struct seglog_session_store **sessions, struct seglog_error *err)
{
    struct seglog_session_store_options settled = { .size = 0 };
    struct seglog_file_store_options files = { .size = sizeof files,
                                               .file_mode = FILE_MODE,
                                               .dir_mode = DIR_MODE,
                                               .refuses_links = true };
    struct seglog_store store;
    seglog_code code = arguments_check(options, sessions, &settled, err);

    if (code != SEGLOG_OK)
        return code;
    files.create_dirs = !settled.is_read_only;
    code = seglog_store_file_open_with(dir, &files, &store, err);
    return code == SEGLOG_OK
               ? sessions_open(store, true, &settled, sessions, err)
               : code;
}

seglog_code
seglog_session_store_close(struct seglog_session_store *sessions,
                           struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!sessions)
        return SEGLOG_OK;
    code = slg_writers_free(sessions->writers, err);
    sessions_free(sessions);
    return code;
}

struct seglog_store
seglog_session_store_get_store(const struct seglog_session_store *sessions)
{
    return sessions->store;
}

void
seglog_session_store_describe(const struct seglog_session_store *sessions,
                              char *buf, size_t cap)
{
    char store[256] = "";

    if (cap == 0)
        return;
    buf[0] = '\0';
    if (!sessions)
        return;
    seglog_store_describe(sessions->store, store, sizeof store);
    (void)snprintf(buf, cap, "session store on %s, %s%s", store,
                   sessions->options.is_read_only ? "read only, " : "",
                   sessions->options.level == SEGLOG_LEVEL_SYNC
                       ? "appends synced"
                       : "appends flushed");
}

/* -- lanes ---------------------------------------------------------------- */

static const char *const SUFFIXES[] = {
    [SEGLOG_LANE_ENTRIES] = ".seg",
    [SEGLOG_LANE_TRACE] = ".trace.seg",
    [SEGLOG_LANE_NOTES] = ".notes.seg",
};

#define SUFFIX_COUNT (sizeof SUFFIXES / sizeof SUFFIXES[0])
#define ID_LEN       (SEGLOG_UUID_TEXT_CAP - 1)

char *
seglog_lane_name(const struct seglog_uuid *session,
                 const struct seglog_uuid *segment, enum seglog_lane lane,
                 char name[SEGLOG_LANE_NAME_CAP])
{
    char ids[2][SEGLOG_UUID_TEXT_CAP];

    (void)snprintf(name, SEGLOG_LANE_NAME_CAP, "%s.%s%s",
                   seglog_uuid_format(session, ids[0]),
                   seglog_uuid_format(segment, ids[1]),
                   (size_t)lane < SUFFIX_COUNT ? SUFFIXES[lane] : "");
    return name;
}

/* There is one name for each lane: ids in another form are no lanes. */
static bool
id_parse(const char *text, struct seglog_uuid *uuid)
{
    char again[SEGLOG_UUID_TEXT_CAP];

    return strnlen(text, ID_LEN) == ID_LEN &&
           seglog_uuid_parse(text, ID_LEN, uuid) &&
           memcmp(seglog_uuid_format(uuid, again), text, ID_LEN) == 0;
}

bool
seglog_lane_parse(const char *name, struct seglog_uuid *session,
                  struct seglog_uuid *segment, enum seglog_lane *lane)
{
    const char *suffix = NULL;

    if (!id_parse(name, session) || name[ID_LEN] != '.' ||
        !id_parse(name + ID_LEN + 1, segment))
        return false;
    suffix = name + ID_LEN + 1 + ID_LEN;
    for (size_t i = 0; i < SUFFIX_COUNT; i++) {
        if (strcmp(suffix, SUFFIXES[i]) == 0) {
            *lane = (enum seglog_lane)i;
            return true;
        }
    }
    return false;
}

static bool
name_is_of_sessions(void *arg, const char *name)
{
    bool *is_one = arg;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane = SEGLOG_LANE_ENTRIES;

    *is_one = strcmp(name, "index.seg") == 0 ||
              strcmp(name, "names.seg") == 0 ||
              seglog_lane_parse(name, &session, &segment, &lane);
    return !*is_one;
}

seglog_code
seglog_session_store_detect(struct seglog_store store, bool *is_one,
                            struct seglog_error *err)
{
    if (!is_one)
        return slg_fail(err, SEGLOG_INVALID, NULL, "is_one is NULL");
    *is_one = false;
    return seglog_store_list(store, "", name_is_of_sessions, is_one, err);
}

/* -- what the other parts share ------------------------------------------- */

seglog_code
slg_session_of(struct seglog_session_store *sessions,
               const struct seglog_uuid *session,
               const struct seglog_uuid *segment, struct seglog_uuid *out,
               bool *found, struct seglog_error *err)
{
    struct seglog_session_row row;
    seglog_code code = SEGLOG_OK;

    *found = true;
    *out = session ? *session : *segment;
    if (session)
        return SEGLOG_OK;
    code = slg_index_find(sessions->index, segment, &row, found, err);
    if (code == SEGLOG_OK && *found)
        *out = row.session;
    return code;
}

seglog_code
slg_session_fail_missing(const struct seglog_uuid *segment,
                         struct seglog_error *err)
{
    char id[SEGLOG_UUID_TEXT_CAP];

    return slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                    "segment not found: %s; `seglog ls` shows what there is",
                    seglog_uuid_format(segment, id));
}

seglog_code
slg_session_check_writable(const struct seglog_session_store *sessions,
                           struct seglog_error *err)
{
    if (!sessions->options.is_read_only)
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_READ_ONLY, NULL,
                    "the session store was opened for reading only");
}

int64_t
slg_now_ms(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
