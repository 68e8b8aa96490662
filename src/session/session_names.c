/* SPDX-License-Identifier: MIT */
/* src/session/session_names.c - notes of sessions, workers, sources. */
#include <stdlib.h>
#include <string.h>

#include "src/session/session_store.h"
#include "src/store/fail.h"

static seglog_code
space_check(enum seglog_name_space space, struct seglog_error *err)
{
    if (space == SEGLOG_NAMES_WORKER || space == SEGLOG_NAMES_SOURCE)
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_INVALID, NULL, "there is no such name space");
}

static seglog_code
name_check(enum seglog_name_space space, struct seglog_slice name,
           struct seglog_error *err)
{
    const seglog_code code = space_check(space, err);

    if (code == SEGLOG_OK && !name.data && name.len > 0)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the name is NULL");
    if (code != SEGLOG_OK || space != SEGLOG_NAMES_WORKER ||
        seglog_name_is_valid(name.data, name.len))
        return code;
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "invalid name: it must not be empty, \".\" or \"..\", nor "
                    "hold '/' or a NUL");
}

seglog_code
seglog_name_write(struct seglog_session_store *sessions,
                  const struct seglog_named *items, size_t count, bool is_lazy,
                  struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!sessions || (!items && count > 0))
        return slg_fail(err, SEGLOG_INVALID, NULL, "an argument is NULL");
    for (size_t i = 0; i < count && code == SEGLOG_OK; i++)
        code = name_check(items[i].space, items[i].name, err);
    if (code != SEGLOG_OK)
        return code;
    return slg_names_write(sessions->names, items, count,
                           is_lazy ? SEGLOG_LEVEL_FLUSH : SEGLOG_LEVEL_SYNC,
                           err);
}

seglog_code
seglog_name_read(struct seglog_session_store *sessions,
                 enum seglog_name_space space, struct seglog_slice name,
                 char **data, size_t *len, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!sessions || !data || !len)
        return slg_fail(err, SEGLOG_INVALID, NULL, "an argument is NULL");
    *data = NULL;
    *len = 0;
    code = name_check(space, name, err);
    if (code == SEGLOG_OK)
        code = slg_names_read(sessions->names, space, name, data, len, err);
    if (code == SEGLOG_OK && !*data)
        return slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                        "there is nothing of that name");
    return code;
}

seglog_code
seglog_name_list(struct seglog_session_store *sessions,
                 enum seglog_name_space space, struct seglog_slice prefix,
                 seglog_named_fn fn, void *arg, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!sessions || !fn || (!prefix.data && prefix.len > 0))
        return slg_fail(err, SEGLOG_INVALID, NULL, "an argument is NULL");
    code = space_check(space, err);
    if (code != SEGLOG_OK)
        return code;
    return slg_names_list(sessions->names, space, prefix, fn, arg, err);
}

seglog_code
seglog_name_delete(struct seglog_session_store *sessions,
                   enum seglog_name_space space, struct seglog_slice name,
                   bool *existed, struct seglog_error *err)
{
    const struct seglog_named item = { .space = space,
                                       .name = name,
                                       .is_deleted = true };
    struct seglog_error missing;
    char *data = NULL;
    size_t len = 0;
    seglog_code code =
        seglog_name_read(sessions, space, name, &data, &len, &missing);

    free(data);
    if (existed)
        *existed = code == SEGLOG_OK;
    if (code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (code == SEGLOG_OK)
        return seglog_name_write(sessions, &item, 1, false, err);
    if (err)
        *err = missing;
    return code;
}

/* -- notes ---------------------------------------------------------------- */

static struct seglog_slice
note_name(const struct seglog_uuid *session)
{
    return (struct seglog_slice){ (const char *)session->bytes,
                                  SEGLOG_UUID_BYTES };
}

seglog_code
seglog_session_write_note(struct seglog_session_store *sessions,
                          const struct seglog_uuid *session, const void *data,
                          size_t len, struct seglog_error *err)
{
    struct seglog_named item = { .space = SEGLOG_NAMES_SESSION,
                                 .data = { data, len },
                                 .is_deleted = len == 0 };

    if (!sessions || !session || (!data && len > 0))
        return slg_fail(err, SEGLOG_INVALID, NULL, "an argument is NULL");
    if (len > SEGLOG_SESSION_NOTE_MAX)
        return slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                        "a note of %zu bytes; a session carries up to %d", len,
                        SEGLOG_SESSION_NOTE_MAX);
    item.name = note_name(session);
    return slg_names_write(sessions->names, &item, 1, SEGLOG_LEVEL_SYNC, err);
}

seglog_code
seglog_session_read_note(struct seglog_session_store *sessions,
                         const struct seglog_uuid *session, void *buf,
                         size_t *len, struct seglog_error *err)
{
    char *data = NULL;
    seglog_code code = SEGLOG_OK;

    if (!sessions || !session || !buf || !len)
        return slg_fail(err, SEGLOG_INVALID, NULL, "an argument is NULL");
    code = slg_names_read(sessions->names, SEGLOG_NAMES_SESSION,
                          note_name(session), &data, len, err);
    /* Longer ones are of another version, or forged. */
    if (code == SEGLOG_OK && *len > SEGLOG_SESSION_NOTE_MAX)
        *len = SEGLOG_SESSION_NOTE_MAX;
    if (code == SEGLOG_OK && data && *len > 0)
        memcpy(buf, data, *len);
    free(data);
    return code;
}
