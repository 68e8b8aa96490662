/* SPDX-License-Identifier: MIT */
/* src/session/session_birth.c - lanes come and go. */
#include "src/session/session_birth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/session/session_seal.h"
#include "src/store/fail.h"

#define SUFFIX_CAP 10
#define NAME_CAP   (SEGLOG_LANE_NAME_CAP + SUFFIX_CAP)

static const char *
name_with(const char *name, const char *suffix, char buf[NAME_CAP])
{
    (void)snprintf(buf, NAME_CAP, "%s%s", name, suffix);
    return buf;
}

/* Whether it was there or not. */
static seglog_code
blob_remove(struct seglog_store store, const char *name, bool *existed,
            struct seglog_error *err)
{
    struct seglog_error local;
    const seglog_code code = seglog_store_remove(store, name, &local);

    if (existed)
        *existed = code == SEGLOG_OK;
    if (code == SEGLOG_OK || code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (err)
        *err = local;
    return code;
}

static seglog_code
blob_exists(struct seglog_store store, const char *name, bool *exists,
            struct seglog_error *err)
{
    struct seglog_blob_info info;
    struct seglog_error local;
    const seglog_code code = seglog_store_get_info(store, name, &info, &local);

    *exists = code == SEGLOG_OK;
    if (code == SEGLOG_OK || code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (err)
        *err = local;
    return code;
}

/* -- coming --------------------------------------------------------------- */

seglog_code
slg_items_fill(void *arg, struct seglog_writer *writer,
               struct seglog_error *err)
{
    const struct slg_items *items = arg;
    const struct seglog_item *first = items->items;

    if (items->count == 0)
        return SEGLOG_OK;
    if (items->count == 1)
        return seglog_writer_append(writer, first->kind, first->data,
                                    first->len, SEGLOG_LEVEL_FLUSH, NULL, err);
    return seglog_writer_append_group(writer, first, items->count,
                                      SEGLOG_LEVEL_FLUSH, NULL, err);
}

/* What is said of the lane in the lane itself; to be freed. */
static uint8_t *
attributes_make(const struct seglog_session_row *row, enum seglog_lane lane,
                size_t *len)
{
    const struct slg_birth birth = { .row = *row, .lane = lane };
    uint8_t *attributes = malloc(SLG_BIRTH_MAX);

    if (attributes)
        *len = slg_birth_encode(&birth, attributes);
    return attributes;
}

static seglog_code
segment_fill(const struct slg_lane_new *lane, struct seglog_writer *writer,
             struct seglog_head *head, struct seglog_error *err)
{
    struct seglog_writer_state state;
    seglog_code code =
        lane->fill ? lane->fill(lane->arg, writer, err) : SEGLOG_OK;

    if (code == SEGLOG_OK)
        code = seglog_writer_sync(writer, err);
    seglog_writer_get_state(writer, &state);
    if (head)
        *head = state.head;
    return code;
}

static void
dictionary_choose(const struct seglog_session_store *sessions,
                  struct seglog_writer_options *options,
                  char name[SEGLOG_DICTIONARY_NAME_BYTES])
{
    if (slg_session_read_dictionary(sessions, name, NULL) != SEGLOG_OK ||
        name[0] == '\0')
        return;
    options->dictionary = name;
}

/* Under a name that nobody else uses: whoever has the index's lock may. */
static seglog_code
segment_write(const struct seglog_session_store *sessions, const char *name,
              const struct slg_lane_new *lane,
              const struct seglog_session_row *row, struct seglog_head *head,
              struct seglog_error *err)
{
    struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        .body_log2 = sessions->options.body_log2,
        .sync_log2 = sessions->options.sync_log2,
        .first_record = lane->first_record,
        .no_closing_mark = true,
    };
    char dictionary[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_writer *writer = NULL;
    uint8_t *attributes =
        attributes_make(row, lane->id.lane, &options.attributes_len);
    seglog_code code = SEGLOG_OK;
    seglog_code close_code = SEGLOG_OK;

    if (!attributes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the attributes of a segment");
    /* Notes are small and dense, and cut and compared often. */
    if (lane->id.lane != SEGLOG_LANE_NOTES) {
        options.codec = sessions->options.codec;
        options.level = sessions->options.level_of_codec;
    }
    options.attributes = attributes;
    if (lane->id.lane == SEGLOG_LANE_ENTRIES &&
        options.codec != SEGLOG_CODEC_NONE)
        dictionary_choose(sessions, &options, dictionary);
    code = seglog_writer_open(sessions->store, name, &options, &writer, err);
    /* A lane without it is better than none. */
    if (options.dictionary &&
        (code == SEGLOG_NOT_FOUND || code == SEGLOG_CORRUPT)) {
        options.dictionary = NULL;
        code =
            seglog_writer_open(sessions->store, name, &options, &writer, err);
    }
    free(attributes);
    if (code != SEGLOG_OK)
        return code;
    code = segment_fill(lane, writer, head, err);
    close_code = seglog_writer_close(writer, code == SEGLOG_OK ? err : NULL);
    return code == SEGLOG_OK ? close_code : code;
}

/*
 * The lock's file is made here, for a file that is made later moves the stamp
 * of the store, and the index would have to be made anew.
 */
static seglog_code
lock_make(struct seglog_store store, const char *name, struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    const seglog_code code = seglog_lock_open(store, name, &lock, err);

    seglog_lock_close(&lock);
    return code;
}

static seglog_code
lane_put(struct seglog_session_store *sessions, const char *name,
         const struct slg_lane_new *lane, const struct seglog_session_row *row,
         struct seglog_head *head, struct seglog_error *err)
{
    const struct seglog_store store = sessions->store;
    char new_name[NAME_CAP];
    /* What somebody left who died while making it. */
    seglog_code code =
        blob_remove(store, name_with(name, ".new", new_name), NULL, err);

    if (code != SEGLOG_OK)
        return code;
    code = segment_write(sessions, new_name, lane, row, head, err);
    if (code == SEGLOG_OK)
        code = lock_make(store, name, err);
    if (code == SEGLOG_OK) {
        code = seglog_store_replace(store, new_name, name, err);
        /* It may have been done all the same: there was none of that name. */
        if (code != SEGLOG_OK)
            (void)blob_remove(store, name, NULL, NULL);
    }
    if (code != SEGLOG_OK)
        (void)blob_remove(store, new_name, NULL, NULL);
    return code;
}

/* The caller knows nothing of the name that the lane had first. */
static seglog_code
fail_named(const char *name, seglog_code code, struct seglog_error *err)
{
    if (err && code != SEGLOG_OK)
        (void)snprintf(err->name, sizeof err->name, "%s", name);
    return code;
}

/* There is none of that name, and it has what it belongs to. */
static seglog_code
lane_check(const struct seglog_session_store *sessions,
           const struct slg_lane_id *id, const char *name,
           struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    struct slg_lane_id entries = *id;
    char entries_name[SEGLOG_LANE_NAME_CAP];
    bool exists = false;
    seglog_code code = blob_exists(sessions->store, name, &exists, err);

    if (code != SEGLOG_OK)
        return code;
    if (exists)
        return slg_fail(err, SEGLOG_EXISTS, &place,
                        "there is a segment of that id already");
    if (id->lane != SEGLOG_LANE_NOTES)
        return SEGLOG_OK;
    entries.lane = SEGLOG_LANE_ENTRIES;
    code = blob_exists(sessions->store,
                       slg_lane_id_name(&entries, entries_name), &exists, err);
    if (code == SEGLOG_OK && !exists)
        code = slg_session_fail_missing(&id->segment, err);
    return code;
}

seglog_code
slg_lane_make(struct seglog_session_store *sessions,
              const struct slg_lane_new *lane, struct seglog_head *head,
              struct seglog_error *err)
{
    const struct seglog_session_row row = {
        .session = lane->id.session,
        .segment = lane->id.segment,
        .lineage = lane->lineage,
        .created_ms = slg_now_ms(),
        .label = lane->label,
    };
    char name[SEGLOG_LANE_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    if (lane->label.len > SEGLOG_SESSION_LABEL_MAX)
        return slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                        "a label of %zu bytes; at most %d are allowed",
                        lane->label.len, SEGLOG_SESSION_LABEL_MAX);
    slg_lane_id_name(&lane->id, name);
    code = slg_index_begin(sessions->index, err);
    if (code != SEGLOG_OK)
        return code;
    code = lane_check(sessions, &lane->id, name, err);
    if (code == SEGLOG_OK)
        code = lane_put(sessions, name, lane, &row, head, err);
    /* It is there, whether the index can be told or not: one that does not know
     * of it is made anew. */
    if (code == SEGLOG_OK && lane->id.lane == SEGLOG_LANE_ENTRIES)
        (void)!slg_index_add(sessions->index, &row, NULL);
    if (code != SEGLOG_OK && code != SEGLOG_EXISTS)
        slg_index_doubt(sessions->index);
    slg_index_commit(sessions->index);
    return fail_named(name, code, err);
}

/* -- going ---------------------------------------------------------------- */

/* Whoever sealed it and died has left the lock of that as well. */
static void
sealing_lock_discard(struct seglog_store store, const char *name)
{
    struct seglog_lock lock = { 0 };

    if (seglog_lock_open(store, name, &lock, NULL) == SEGLOG_OK &&
        seglog_lock_acquire(lock, 0, NULL) == SEGLOG_OK)
        (void)seglog_lock_discard(lock, NULL);
    seglog_lock_close(&lock);
}

/* What somebody left who died while working on the blob. */
static seglog_code
leftovers_remove(struct seglog_store store, const char *name,
                 struct seglog_error *err)
{
    static const char *const leftovers[] = { ".torn", ".cut", ".new",
                                             ".sealing" };
    const size_t left_count = sizeof leftovers / sizeof leftovers[0];
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < left_count && code == SEGLOG_OK; i++) {
        char left[NAME_CAP];
        bool existed = false;

        code = blob_remove(store, name_with(name, leftovers[i], left), &existed,
                           err);
        if (existed && i == left_count - 1)
            sealing_lock_discard(store, left);
    }
    return code;
}

static seglog_code
locked_remove(struct seglog_session_store *sessions, struct seglog_lock lock,
              const struct slg_lane_id *id, bool *existed,
              struct seglog_error *err)
{
    const struct seglog_store store = sessions->store;
    char name[SEGLOG_LANE_NAME_CAP];
    seglog_code code =
        seglog_lock_acquire(lock, sessions->options.lock_timeout_ms, err);
    void *hint = NULL;

    (void)slg_lane_id_name(id, name);
    if (code != SEGLOG_OK)
        return code;
    if (id->lane == SEGLOG_LANE_ENTRIES)
        code = slg_seal_check_children(sessions, id, NULL, err);
    /* Before the blob: once that is gone nobody comes back for them, should
     * this process die in the middle. */
    if (code == SEGLOG_OK)
        code = leftovers_remove(store, name, err);
    if (code != SEGLOG_OK) {
        (void)seglog_lock_release(lock, NULL);
        return code;
    }
    /* Writers that find their hint do not ask whether the blob is still there:
     * should this process die in the middle, they are to. */
    hint = seglog_lock_get_hint(lock);
    if (hint)
        memset(hint, 0, SEGLOG_LOCK_HINT_BYTES);
    code = blob_remove(store, name, existed, err);
    /* A lock that is left over does no harm. */
    if (code == SEGLOG_OK)
        (void)seglog_lock_discard(lock, NULL);
    (void)seglog_lock_release(lock, NULL);
    return code;
}

seglog_code
slg_lane_remove(struct seglog_session_store *sessions,
                const struct slg_lane_id *id, bool *existed,
                struct seglog_error *err)
{
    const struct seglog_store store = sessions->store;
    struct seglog_lock lock = { 0 };
    char name[SEGLOG_LANE_NAME_CAP];
    bool exists = false;
    seglog_code code =
        blob_exists(store, slg_lane_id_name(id, name), &exists, err);

    if (existed)
        *existed = exists;
    if (code != SEGLOG_OK)
        return code;
    if (!exists)
        return leftovers_remove(store, name, err);
    code = seglog_lock_open(store, name, &lock, err);
    if (code == SEGLOG_OK)
        code = locked_remove(sessions, lock, id, existed, err);
    seglog_lock_close(&lock);
    return code;
}

seglog_code
slg_lanes_remove(struct seglog_session_store *sessions,
                 const struct seglog_uuid *session,
                 const struct seglog_uuid *segment, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (int lane = SEGLOG_LANE_NOTES;
         lane >= SEGLOG_LANE_ENTRIES && code == SEGLOG_OK; lane--) {
        const struct slg_lane_id id = { *session, *segment,
                                        (enum seglog_lane)lane };

        code = slg_lane_remove(sessions, &id, NULL, err);
    }
    return code;
}
