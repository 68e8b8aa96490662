/* SPDX-License-Identifier: MIT */
/* src/session/session_read.c - reading lanes. */
#include "src/session/session_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

/* A reader may be overtaken by so many cuts. */
#define CUTS_MAX 64

static seglog_code
lane_explain(const struct slg_lane_id *id, seglog_code code,
             struct seglog_error *err)
{
    return code == SEGLOG_NOT_FOUND
               ? slg_session_fail_missing(&id->segment, err)
               : code;
}

seglog_code
slg_lane_open_reader(struct seglog_session_store *sessions,
                     const struct slg_lane_id *id,
                     const struct seglog_reader_options *options,
                     struct seglog_reader **reader, struct seglog_error *err)
{
    char name[SEGLOG_LANE_NAME_CAP];

    return lane_explain(id,
                        seglog_reader_open(sessions->store,
                                           slg_lane_id_name(id, name), options,
                                           reader, err),
                        err);
}

seglog_code
slg_lane_get_summary(struct seglog_session_store *sessions,
                     const struct slg_lane_id *id,
                     struct seglog_scan_summary *summary,
                     struct seglog_error *err)
{
    char name[SEGLOG_LANE_NAME_CAP];

    return lane_explain(id,
                        seglog_segment_get_summary(sessions->store,
                                                   slg_lane_id_name(id, name),
                                                   summary, err),
                        err);
}

seglog_code
slg_lane_get_end(struct seglog_session_store *sessions,
                 const struct slg_lane_id *id,
                 struct seglog_scan_summary *summary, struct seglog_error *err)
{
    char name[SEGLOG_LANE_NAME_CAP];
    const struct slg_place place = { .name = slg_lane_id_name(id, name),
                                     .offset = SEGLOG_NO_OFFSET };
    const seglog_code code = slg_lane_get_summary(sessions, id, summary, err);

    if (code != SEGLOG_OK || summary->verdict == SEGLOG_VERDICT_OK ||
        summary->verdict == SEGLOG_VERDICT_TORN)
        return code;
    return slg_fail(
        err, summary->verdict == SEGLOG_VERDICT_IO ? SEGLOG_IO : SEGLOG_CORRUPT,
        &place,
        "the end of the segment is damaged (%s): `seglog check` "
        "says how, `seglog repair` mends it",
        seglog_verdict_name(summary->verdict));
}

bool
slg_entry_is_blank(const void *data, size_t len)
{
    const char *text = data;
    size_t i = 0;

    while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
        i++;
    return i == len;
}

/* -- all of it ------------------------------------------------------------ */

/* The bytes of all entries in a row, and where each one ends. */
struct entry_pile {
    char *bytes;
    size_t len;
    size_t cap;
    size_t *ends;
    size_t count;
    size_t ends_cap;
};

static void
pile_free(struct entry_pile *pile)
{
    free(pile->bytes);
    free(pile->ends);
    *pile = (struct entry_pile){ 0 };
}

/* Room for more bytes; false: no memory. */
static bool
bytes_reserve(struct entry_pile *pile, size_t more)
{
    size_t cap = pile->cap ? pile->cap : 4096;
    char *bytes = NULL;

    if (more <= pile->cap - pile->len)
        return true;
    if (more > SIZE_MAX / 4 - pile->len)
        return false;
    while (cap < pile->len + more)
        cap += cap / 2;
    bytes = realloc(pile->bytes, cap);
    if (!bytes)
        return false;
    pile->bytes = bytes;
    pile->cap = cap;
    return true;
}

static bool
ends_reserve(struct entry_pile *pile)
{
    const size_t cap = pile->ends_cap ? 2 * pile->ends_cap : 64;
    size_t *ends = NULL;

    if (pile->count < pile->ends_cap)
        return true;
    if (cap > SIZE_MAX / sizeof *ends / 4)
        return false;
    ends = realloc(pile->ends, cap * sizeof *ends);
    if (!ends)
        return false;
    pile->ends = ends;
    pile->ends_cap = cap;
    return true;
}

static seglog_code
pile_add(struct entry_pile *pile, const void *data, size_t len,
         struct seglog_error *err)
{
    if (!bytes_reserve(pile, len) || !ends_reserve(pile))
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for all entries of a segment");
    if (len > 0)
        memcpy(pile->bytes + pile->len, data, len);
    pile->len += len;
    pile->ends[pile->count++] = pile->len;
    return SEGLOG_OK;
}

/* One block: the slices, and behind them the bytes.  Takes the pile over. */
static seglog_code
pile_pack(struct entry_pile *pile, struct seglog_slice **entries,
          struct seglog_error *err)
{
    const size_t head = (pile->count + 1) * sizeof(struct seglog_slice);
    struct seglog_slice *packed = NULL;
    size_t begin = 0;

    if (bytes_reserve(pile, head))
        packed = (struct seglog_slice *)(void *)pile->bytes;
    if (!packed)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for all entries of a segment");
    memmove(pile->bytes + head, pile->bytes, pile->len);
    for (size_t i = 0; i < pile->count; i++) {
        packed[i] = (struct seglog_slice){ pile->bytes + head + begin,
                                           pile->ends[i] - begin };
        begin = pile->ends[i];
    }
    *entries = packed;
    pile->bytes = NULL;
    return SEGLOG_OK;
}

/* Records that an earlier repair has recorded as lost are not among them. */
static seglog_code
pile_read(struct entry_pile *pile, struct seglog_reader *reader,
          struct seglog_error *err)
{
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        if (code == SEGLOG_OK && event.type == SEGLOG_EVENT_RECORD)
            code = pile_add(pile, event.record.data, event.record.len, err);
    }
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static seglog_code
lane_read_once(struct seglog_session_store *sessions,
               const struct slg_lane_id *id, struct seglog_slice **entries,
               size_t *count, struct seglog_error *err)
{
    struct entry_pile pile = { 0 };
    struct seglog_reader *reader = NULL;
    seglog_code code = slg_lane_open_reader(sessions, id, NULL, &reader, err);

    if (code != SEGLOG_OK)
        return code;
    code = pile_read(&pile, reader, err);
    seglog_reader_close(reader);
    if (code == SEGLOG_OK)
        code = pile_pack(&pile, entries, err);
    if (code == SEGLOG_OK)
        *count = pile.count;
    pile_free(&pile);
    return code;
}

/* CONFLICT: somebody has cut what was read; what there is now is the answer. */
seglog_code
slg_lane_read_all(struct seglog_session_store *sessions,
                  const struct slg_lane_id *id, struct seglog_slice **entries,
                  size_t *count, struct seglog_error *err)
{
    struct seglog_error local;
    seglog_code code = SEGLOG_CONFLICT;

    for (unsigned i = 0; i < CUTS_MAX && code == SEGLOG_CONFLICT; i++)
        code = lane_read_once(sessions, id, entries, count, &local);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

seglog_code
seglog_session_read_all(struct seglog_session_store *sessions,
                        const struct seglog_uuid *session,
                        const struct seglog_uuid *segment,
                        enum seglog_lane lane, struct seglog_slice **entries,
                        size_t *count, struct seglog_error *err)
{
    struct slg_lane_id id;
    seglog_code code = SEGLOG_OK;

    if (!entries || !count)
        return slg_fail(err, SEGLOG_INVALID, NULL, "entries or count is NULL");
    *entries = NULL;
    *count = 0;
    code = slg_lane_find(sessions, session, segment, lane, &id, err);
    return code == SEGLOG_OK
               ? slg_lane_read_all(sessions, &id, entries, count, err)
               : code;
}

seglog_code
seglog_session_open_reader(struct seglog_session_store *sessions,
                           const struct seglog_uuid *session,
                           const struct seglog_uuid *segment,
                           enum seglog_lane lane,
                           const struct seglog_reader_options *options,
                           struct seglog_reader **reader,
                           struct seglog_error *err)
{
    struct slg_lane_id id;
    seglog_code code = SEGLOG_OK;

    if (!reader)
        return slg_fail(err, SEGLOG_INVALID, NULL, "reader is NULL");
    *reader = NULL;
    code = slg_lane_find(sessions, session, segment, lane, &id, err);
    return code == SEGLOG_OK
               ? slg_lane_open_reader(sessions, &id, options, reader, err)
               : code;
}

/* -- the end -------------------------------------------------------------- */

seglog_code
seglog_session_read_entry_count(struct seglog_session_store *sessions,
                                const struct seglog_uuid *session,
                                const struct seglog_uuid *segment,
                                uint64_t *count, struct seglog_head *head,
                                struct seglog_error *err)
{
    struct seglog_scan_summary summary;
    struct slg_lane_id id;
    seglog_code code = SEGLOG_OK;

    if (!count)
        return slg_fail(err, SEGLOG_INVALID, NULL, "count is NULL");
    code = slg_lane_find(sessions, session, segment, SEGLOG_LANE_ENTRIES, &id,
                         err);
    if (code == SEGLOG_OK)
        code = slg_lane_get_end(sessions, &id, &summary, err);
    if (code != SEGLOG_OK)
        return code;
    *count = summary.next_record - summary.first_record;
    if (head)
        *head = summary.head;
    return SEGLOG_OK;
}
