/* SPDX-License-Identifier: MIT */
/* src/session/session_list.c - which sessions and segments there are. */
#include <stdlib.h>
#include <string.h>

#include "src/session/session_store.h"
#include "src/store/fail.h"

static seglog_code
fail_null(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "an argument is NULL");
}

seglog_code
seglog_session_list(struct seglog_session_store *sessions,
                    const struct seglog_uuid *session, seglog_session_row_fn fn,
                    void *arg, struct seglog_error *err)
{
    struct seglog_session_row *rows = NULL;
    size_t count = 0;
    seglog_code code = SEGLOG_OK;

    if (!sessions || !fn)
        return fail_null(err);
    code = slg_index_list(sessions->index, session, &rows, &count, err);
    for (size_t i = 0; i < count && fn(arg, &rows[i]); i++)
        continue;
    free(rows);
    return code;
}

seglog_code
seglog_session_list_sessions(struct seglog_session_store *sessions,
                             struct seglog_uuid **ids, size_t *count,
                             struct seglog_error *err)
{
    if (!sessions || !ids || !count)
        return fail_null(err);
    return slg_index_list_sessions(sessions->index, ids, count, err);
}

seglog_code
seglog_session_list_segments(struct seglog_session_store *sessions,
                             const struct seglog_uuid *session,
                             struct seglog_uuid **ids, size_t *count,
                             struct seglog_error *err)
{
    struct seglog_session_row *rows = NULL;
    seglog_code code = SEGLOG_OK;

    if (!sessions || !ids || !count)
        return fail_null(err);
    *ids = NULL;
    *count = 0;
    code = slg_index_list(sessions->index, session, &rows, count, err);
    if (code == SEGLOG_OK) {
        *ids = malloc((*count + 1) * sizeof **ids);
        if (!*ids)
            code =
                slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a list");
    }
    for (size_t i = 0; code == SEGLOG_OK && i < *count; i++)
        (*ids)[i] = rows[i].segment;
    free(rows);
    return code;
}

seglog_code
seglog_session_lookup_session_of(struct seglog_session_store *sessions,
                                 const struct seglog_uuid *segment,
                                 struct seglog_uuid *session, bool *found,
                                 struct seglog_error *err)
{
    struct seglog_session_row row;
    seglog_code code = SEGLOG_OK;

    if (!sessions || !segment || !session || !found)
        return fail_null(err);
    code = slg_index_find(sessions->index, segment, &row, found, err);
    if (code == SEGLOG_OK && *found)
        *session = row.session;
    return code;
}

/* -- prefixes ------------------------------------------------------------- */

struct prefix {
    char digits[32];
    size_t len;
};

static bool
prefix_parse(const char *text, struct prefix *prefix)
{
    static const char hex[] = "0123456789abcdef0123456789ABCDEF";

    prefix->len = 0;
    for (; *text; text++) {
        const char *at = strchr(hex, *text);

        if (*text == '-')
            continue;
        if (!at || prefix->len == sizeof prefix->digits)
            return false;
        prefix->digits[prefix->len++] = hex[(at - hex) % 16];
    }
    return prefix->len > 0;
}

static bool
prefix_matches(const struct prefix *prefix, const struct seglog_uuid *id)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < prefix->len; i++) {
        const unsigned byte = id->bytes[i / 2];

        if (prefix->digits[i] != hex[i % 2 == 0 ? byte >> 4 : byte & 0xF])
            return false;
    }
    return true;
}

/*
 * What starts so.  A segment with the id of its session counts once, and those
 * of the one session that starts so do not count: ids that were minted in the
 * same millisecond begin alike, and the session is what was meant.
 */
struct matches {
    size_t sessions;
    size_t segments;
    const struct seglog_session_row *session;
    const struct seglog_session_row *segment;
};

static struct matches
matches_find(const struct prefix *prefix, const struct seglog_session_row *rows,
             size_t count)
{
    struct matches found = { 0 };

    for (size_t i = 0; i < count; i++) {
        const struct seglog_session_row *row = &rows[i];
        const bool is_new = i == 0 || seglog_uuid_compare(&rows[i - 1].session,
                                                          &row->session) != 0;

        if (is_new && prefix_matches(prefix, &row->session)) {
            found.sessions++;
            found.session = row;
        }
        if (!prefix_matches(prefix, &row->session) &&
            prefix_matches(prefix, &row->segment)) {
            found.segments++;
            found.segment = row;
        }
    }
    return found;
}

seglog_code
seglog_session_resolve(struct seglog_session_store *sessions,
                       const char *prefix, struct seglog_uuid *session,
                       struct seglog_uuid *segment, bool *is_segment,
                       struct seglog_error *err)
{
    struct seglog_session_row *rows = NULL;
    struct prefix digits;
    struct matches found;
    size_t count = 0;
    seglog_code code = SEGLOG_OK;

    if (!sessions || !prefix || !session || !segment || !is_segment)
        return fail_null(err);
    if (!prefix_parse(prefix, &digits))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "an id is made of hexadecimal digits");
    code = slg_index_list(sessions->index, NULL, &rows, &count, err);
    if (code != SEGLOG_OK)
        return code;
    found = matches_find(&digits, rows, count);
    if (found.sessions + found.segments == 1) {
        const struct seglog_session_row *row =
            found.session ? found.session : found.segment;

        *session = row->session;
        *segment = row->segment;
        *is_segment = !found.session;
    } else if (found.sessions + found.segments == 0) {
        code = slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                        "no session or segment has an id that starts with %s",
                        prefix);
    } else {
        code = slg_fail_actual(
            err,
            slg_fail(err, SEGLOG_CONFLICT, NULL,
                     "%zu sessions and segments have ids that start with %s; "
                     "give more of it",
                     found.sessions + found.segments, prefix),
            found.sessions + found.segments);
    }
    free(rows);
    return code;
}

seglog_code
seglog_session_rebuild_index(struct seglog_session_store *sessions,
                             struct seglog_error *err)
{
    if (!sessions)
        return fail_null(err);
    return slg_index_rebuild(sessions->index, err);
}
