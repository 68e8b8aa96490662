/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_session.c - a session store over what it reads besides entries.
 *
 * Byte 0 of the input says what the rest is:
 *
 *   0  the bytes of index.seg
 *   1  the bytes of names.seg
 *   2  the words of a table, each with a length before it, as index.seg
 *   3  the same as names.seg
 *   4  the bytes of the notes lane of a segment
 *   5  blocks of that lane, each with a length before it
 *
 * Whatever they are, listing and reading go well, what is not damaged by it is
 * there, and the notes are those of the entries.  What the rest has nothing to
 * do with, the notes of 0 to 3 and the tables of 4 and 5, is looked at for one
 * input in 16: it takes most of the time.  The parsers below, of rows and of
 * blocks, are fuzz_birth.c's, and those of tables fuzz_table.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "seglog/session.h"

/* Enough for a block of notes and a little behind it. */
#define ENTRIES  300u
#define FIRST_MS 1786000000000ull

static const struct seglog_uuid SESSION = { { 1 } };
static const struct seglog_uuid SEGMENT = { { 2 } };

static size_t
entry_make(char *buf, size_t cap, unsigned i)
{
    if (i % 10 == 9)
        return (size_t)snprintf(
            buf, cap, "{\"kind\":\"turn_end\",\"ts\":%llu,\"turn_count\":%u}",
            FIRST_MS + i, i / 10 + 1);
    return (size_t)snprintf(buf, cap, "{\"type\":\"t%u\",\"ts\":%llu}", i % 3,
                            FIRST_MS + i);
}

/* -- stores --------------------------------------------------------------- */

/* A good segment of BYTES records: a length of two bytes, then that many. */
static void
records_put(struct seglog_store store, const char *name, const uint8_t *data,
            size_t len)
{
    struct seglog_writer *writer = NULL;

    MUST(seglog_writer_open(store, name, NULL, &writer, NULL) == SEGLOG_OK);
    while (len >= 2) {
        size_t take = (size_t)(data[0] | data[1] << 8);

        data += 2;
        len -= 2;
        take = take < len ? take : len;
        MUST(seglog_writer_append(writer, SEGLOG_BYTES, data, take,
                                  SEGLOG_LEVEL_APPEND, NULL,
                                  NULL) == SEGLOG_OK);
        data += take;
        len -= take;
    }
    MUST(seglog_writer_close(writer, NULL) == SEGLOG_OK);
}

/* What a store holds that has the segment. */
struct kept {
    char names[8][SEGLOG_LANE_NAME_CAP];
    uint8_t *bytes[8];
    size_t len[8];
    size_t count;
};

static bool
kept_add(void *arg, const char *name)
{
    struct kept *kept = arg;

    MUST(kept->count < 8 && strlen(name) < SEGLOG_LANE_NAME_CAP);
    memcpy(kept->names[kept->count++], name, strlen(name) + 1);
    return true;
}

static void
segment_make(struct seglog_store store)
{
    struct seglog_session_store *sessions = NULL;
    char text[ENTRIES][64];
    struct seglog_slice entries[ENTRIES];
    const struct seglog_segment_new options = { .size = sizeof options,
                                                .entries = entries,
                                                .count = ENTRIES };

    for (unsigned i = 0; i < ENTRIES; i++)
        entries[i] =
            (struct seglog_slice){ text[i],
                                   entry_make(text[i], sizeof text[i], i) };
    MUST(seglog_session_store_open(store, NULL, &sessions, NULL) == SEGLOG_OK);
    MUST(seglog_session_create_segment(sessions, &SESSION, &SEGMENT, &options,
                                       NULL) == SEGLOG_OK);
    MUST(seglog_session_store_close(sessions, NULL) == SEGLOG_OK);
}

/* Made once: it takes longer than all the rest. */
static void
segment_put(struct seglog_store store)
{
    static struct kept kept;
    struct seglog_store first;

    if (kept.count == 0) {
        MUST(seglog_store_memory_open(&first, NULL) == SEGLOG_OK);
        segment_make(first);
        MUST(seglog_store_list(first, "", kept_add, &kept, NULL) == SEGLOG_OK);
        for (size_t i = 0; i < kept.count; i++)
            kept.bytes[i] = blob_get(first, kept.names[i], &kept.len[i]);
        seglog_store_close(&first);
    }
    for (size_t i = 0; i < kept.count; i++)
        blob_put(store, kept.names[i], kept.bytes[i], kept.len[i]);
}

static bool
note_check(void *arg, const struct seglog_entry_note *note)
{
    unsigned *seen = arg;
    char kind[8];

    MUST(*seen < ENTRIES);
    MUST(note->record_no == *seen + 1);
    MUST(note->ts_ms == (int64_t)FIRST_MS + *seen);
    MUST(note->turn == (*seen + 1) / 10);
    MUST(note->ends_turn == (*seen % 10 == 9));
    (void)snprintf(kind, sizeof kind, "t%u", *seen % 3);
    MUST(strcmp(note->kind, note->ends_turn ? "turn_end" : kind) == 0);
    ++*seen;
    return true;
}

static void
notes_must_be_right(struct seglog_session_store *sessions)
{
    uint64_t record_no = 0;
    unsigned seen = 0;

    MUST(seglog_session_list_notes(sessions, &SESSION, &SEGMENT, 1, note_check,
                                   &seen, NULL) == SEGLOG_OK);
    MUST(seen == ENTRIES);
    MUST(seglog_session_seek_turn(sessions, &SESSION, &SEGMENT, 3, &record_no,
                                  NULL) == SEGLOG_OK);
    MUST(record_no == 31);
    MUST(seglog_session_seek_time(sessions, &SESSION, &SEGMENT,
                                  (int64_t)FIRST_MS + 280, &record_no,
                                  NULL) == SEGLOG_OK);
    MUST(record_no == 281);
    MUST(seglog_session_seek_time(sessions, &SESSION, &SEGMENT,
                                  (int64_t)FIRST_MS + 5000, &record_no,
                                  NULL) == SEGLOG_NOT_FOUND);
}

static bool
row_count(void *arg, const struct seglog_session_row *row)
{
    size_t *rows = arg;

    (void)row;
    ++*rows;
    return true;
}

static bool
named_look(void *arg, const struct seglog_named *item)
{
    size_t *bytes = arg;

    for (size_t i = 0; i < item->name.len; i++)
        *bytes += (unsigned char)item->name.data[i];
    *bytes += item->data.len;
    return true;
}

/* is_forged: rows of a good table, which may say what they like. */
static void
store_must_work(struct seglog_session_store *sessions, bool is_forged)
{
    const struct seglog_named item = { .space = SEGLOG_NAMES_WORKER,
                                       .name = { "w", 1 },
                                       .data = { "data", 4 } };
    char note[SEGLOG_SESSION_NOTE_MAX];
    char *data = NULL;
    size_t rows = 0;
    size_t len = 0;
    bool existed = false;

    MUST(seglog_session_list(sessions, NULL, row_count, &rows, NULL) ==
         SEGLOG_OK);
    MUST(is_forged || rows == 1);
    MUST(seglog_name_list(sessions, SEGLOG_NAMES_WORKER,
                          (struct seglog_slice){ NULL, 0 }, named_look, &len,
                          NULL) == SEGLOG_OK);
    MUST(seglog_session_read_note(sessions, &SESSION, note, &len, NULL) ==
         SEGLOG_OK);
    MUST(len <= sizeof note);
    MUST(seglog_name_write(sessions, &item, 1, true, NULL) == SEGLOG_OK);
    MUST(seglog_name_read(sessions, SEGLOG_NAMES_WORKER, item.name, &data, &len,
                          NULL) == SEGLOG_OK);
    MUST(len == 4 && memcmp(data, "data", 4) == 0);
    seglog_free(data);
    MUST(seglog_session_rebuild_index(sessions, NULL) == SEGLOG_OK);
    rows = 0;
    MUST(seglog_session_list(sessions, NULL, row_count, &rows, NULL) ==
         SEGLOG_OK);
    MUST(rows == 1);
    MUST(seglog_session_delete(sessions, &SESSION, &existed, NULL) ==
         SEGLOG_OK);
    MUST(existed);
}

/* Thorough: also what the blob of the input has nothing to do with. */
static void
store_try(unsigned what, const uint8_t *data, size_t len, bool is_thorough)
{
    static const char *const tables[] = { "index.seg", "names.seg" };
    struct seglog_store store;
    struct seglog_session_store *sessions = NULL;
    char lane[SEGLOG_LANE_NAME_CAP];
    const char *name = NULL;

    (void)seglog_lane_name(&SESSION, &SEGMENT, SEGLOG_LANE_NOTES, lane);
    MUST(seglog_store_memory_open(&store, NULL) == SEGLOG_OK);
    segment_put(store);
    name = what >= 4 ? lane : tables[what % 2];
    (void)!seglog_store_remove(store, name, NULL);
    if (what < 2 || what == 4)
        blob_put(store, name, data, len);
    else
        records_put(store, name, data, len);
    MUST(seglog_session_store_open(store, NULL, &sessions, NULL) == SEGLOG_OK);
    if (what >= 4 || is_thorough)
        notes_must_be_right(sessions);
    if (what < 4 || is_thorough)
        store_must_work(sessions, what == 2);
    MUST(seglog_session_store_close(sessions, NULL) == SEGLOG_OK);
    seglog_store_close(&store);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = NULL;

    if (size < 1 || size > 65536)
        return 0;
    exact = exact_copy(data + 1, size - 1);
    store_try(data[0] % 6u, exact, size - 1, input_is_one_in(data, size, 16));
    free(exact);
    return 0;
}
