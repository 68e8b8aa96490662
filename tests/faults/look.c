/* SPDX-License-Identifier: MIT */
/* tests/faults/look.c - what is there, as text. */
#include "tests/faults/stage.h"

#include <string.h>

#include "tests/faults/allocation.h"

struct looking {
    struct stage *stage;
    struct seglog_store store;
    struct text *seen;
    struct seglog_session_store *sessions;
};

/* -- segments -------------------------------------------------------------- */

struct found {
    bool was_cut; /* the power */
    bool is_bad;
};

/* What was never promised may have left holes. */
static void
found_note(void *arg, const struct seglog_finding *finding)
{
    struct found *found = arg;

    if (found->was_cut ? finding->durable == SEGLOG_DURABLE_YES
                       : finding->verdict != SEGLOG_VERDICT_TORN)
        found->is_bad = true;
}

/* Damage that was not there before is said as well. */
static void
verdict_look(const struct looking *looking, const char *name)
{
    const bool was_damaged =
        (looking->stage->scenario->flags & SCENE_DAMAGED) &&
        strcmp(name, "log") == 0;
    struct found found = { .was_cut = looking->stage->was_cut && !was_damaged };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = found_note,
                                                 .arg = &found };
    struct seglog_scan_summary summary;
    struct seglog_seal_info info;
    struct seglog_error err;
    const seglog_code code =
        seglog_scan(looking->store, name, &options, &summary, &err);

    if (code == SEGLOG_FORMAT || code == SEGLOG_NOT_FOUND)
        return;
    if (code != SEGLOG_OK)
        text_add(looking->seen, "%s: scan: %s\n", name, seglog_code_name(code));
    else if (found.is_bad)
        text_add(looking->seen, "%s: %s\n", name,
                 seglog_verdict_name(summary.verdict));
    if (seglog_segment_get_seal(looking->store, name, &info, &err) ==
            SEGLOG_OK &&
        info.is_sealed)
        text_add(looking->seen, "%s is sealed\n", name);
}

static bool
is_being_made(const char *name)
{
    static const char *const ends[] = { ".torn", ".cut", ".sealing",
                                        ".dict.new" };

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (name_has_end(name, ends[i]))
            return true;
    }
    return false;
}

static bool
log_look(void *arg, const char *name)
{
    const struct looking *looking = arg;
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err;

    if (is_being_made(name))
        return true;
    if (name_has_end(name, ".dict")) {
        text_add(looking->seen, "%s\n", name);
        return true;
    }
    if (seglog_reader_open(looking->store, name, &options, &reader, &err) !=
        SEGLOG_OK)
        return true;
    verdict_look(looking, name);
    while (seglog_reader_next(reader, &event, &err) == SEGLOG_OK) {
        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        text_add(
            looking->seen, "%s %llu line %llu kind %u %016llx\n", name,
            (unsigned long long)event.record.record_no,
            (unsigned long long)event.record.line_no, event.record.kind,
            (unsigned long long)hash_of(event.record.data, event.record.len));
    }
    seglog_reader_close(reader);
    return true;
}

void
look_at_logs(struct stage *stage, struct seglog_store store, struct text *seen)
{
    struct looking looking = { .stage = stage, .store = store, .seen = seen };
    struct seglog_error err;

    must(seglog_store_list(store, "", log_look, &looking, &err), &err);
}

/* -- blobs ----------------------------------------------------------------- */

static bool
blob_look(void *arg, const char *name)
{
    const struct looking *looking = arg;
    struct seglog_blob blob = { 0 };
    struct seglog_error err;
    uint64_t size = 0;
    uint8_t byte = 0;

    if (is_being_made(name))
        return true;
    if (seglog_blob_open(looking->store, name, SEGLOG_OPEN_READ, &blob, &err) !=
            SEGLOG_OK ||
        seglog_blob_get_size(blob, &size, NULL, &err) != SEGLOG_OK)
        text_add(looking->seen, "%s cannot be opened\n", name);
    for (uint64_t i = 0; i < size; i++) {
        const seglog_code code = seglog_blob_read_at(blob, i, &byte, 1, &err);

        if (code == SEGLOG_OK)
            text_add(looking->seen, "%s %llu %02x\n", name,
                     (unsigned long long)i, byte);
        else if (!looking->stage->was_cut)
            text_add(looking->seen, "%s %llu %s\n", name, (unsigned long long)i,
                     seglog_code_name(code));
    }
    (void)seglog_blob_close(&blob, NULL);
    return true;
}

void
look_at_blobs(struct stage *stage, struct seglog_store store, struct text *seen)
{
    struct looking looking = { .stage = stage, .store = store, .seen = seen };
    struct seglog_error err;

    must(seglog_store_list(store, "", blob_look, &looking, &err), &err);
}

/* -- sessions -------------------------------------------------------------- */

/* Ids made by chance begin with the time, those of the scenarios with zeros. */
static const char *
id_text(const struct seglog_uuid *id, char text[SEGLOG_UUID_TEXT_CAP])
{
    seglog_uuid_format(id, text);
    if (id->bytes[0] != 0)
        strcpy(text, "made");
    return text;
}

static void
entry_look(const struct looking *looking, const char *id, enum seglog_lane lane,
           uint64_t number, const void *data, size_t len)
{
    static const char made[] = "{\"kind\":\"segment_start\"";
    /* What a fork says of its origin has times and ids in it. */
    const bool is_made =
        len >= sizeof made - 1 && memcmp(data, made, sizeof made - 1) == 0;

    text_add(looking->seen, "%s lane %d entry %llu %016llx\n", id, lane,
             (unsigned long long)number,
             is_made ? 0ULL : (unsigned long long)hash_of(data, len));
}

/* What was never promised may have left holes, which to read all is CORRUPT:
 * what is there is seen one by one. */
static bool
cut_lane_look(const struct looking *looking,
              const struct seglog_session_row *row, enum seglog_lane lane,
              const char *id)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err;

    seglog_lane_name(&row->session, &row->segment, lane, name);
    if (seglog_reader_open(looking->store, name, &options, &reader, &err) !=
        SEGLOG_OK)
        return false;
    while (seglog_reader_next(reader, &event, &err) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_RECORD)
            entry_look(looking, id, lane, event.record.record_no,
                       event.record.data, event.record.len);
        else if (event.finding.durable == SEGLOG_DURABLE_YES)
            text_add(looking->seen, "%s lane %d: promised, and %s\n", id, lane,
                     seglog_verdict_name(event.finding.verdict));
    }
    seglog_reader_close(reader);
    return true;
}

static void
lane_look(const struct looking *looking, const struct seglog_session_row *row,
          enum seglog_lane lane)
{
    struct seglog_slice *entries = NULL;
    struct seglog_error err;
    size_t count = 0;
    char id[SEGLOG_UUID_TEXT_CAP];
    const seglog_code code =
        seglog_session_read_all(looking->sessions, &row->session, &row->segment,
                                lane, &entries, &count, &err);

    id_text(&row->segment, id);
    if (code != SEGLOG_OK) {
        if (code == SEGLOG_CORRUPT &&
            (looking->stage->was_cut || looking->stage->had_cut) &&
            cut_lane_look(looking, row, lane, id))
            return;
        if (code != SEGLOG_NOT_FOUND)
            text_add(looking->seen, "%s lane %d: %s\n", id, lane,
                     seglog_code_name(code));
        return;
    }
    for (size_t i = 0; i < count; i++)
        entry_look(looking, id, lane, i + 1, entries[i].data, entries[i].len);
    seglog_free(entries);
}

static bool
row_look(void *arg, const struct seglog_session_row *row)
{
    const struct looking *looking = arg;
    struct seglog_session_segment_info info = { .count = 0 };
    char segment[SEGLOG_UUID_TEXT_CAP];
    char session[SEGLOG_UUID_TEXT_CAP];
    struct seglog_error err;

    text_add(looking->seen, "session %s segment %s lineage %d label %016llx\n",
             id_text(&row->session, session), id_text(&row->segment, segment),
             row->lineage.kind,
             (unsigned long long)hash_of(row->label.data, row->label.len));
    if (seglog_session_get_segment_info(looking->sessions, &row->session,
                                        &row->segment, &info,
                                        &err) == SEGLOG_OK &&
        info.is_sealed)
        text_add(looking->seen, "%s is sealed\n", segment);
    lane_look(looking, row, SEGLOG_LANE_TRACE);
    lane_look(looking, row, SEGLOG_LANE_ENTRIES);
    return true;
}

static bool
name_look(void *arg, const struct seglog_named *item)
{
    const struct looking *looking = arg;

    text_add(looking->seen, "name %d %.*s %016llx\n", item->space,
             (int)item->name.len, item->name.data,
             (unsigned long long)hash_of(item->data.data, item->data.len));
    return true;
}

static void
note_look(const struct looking *looking)
{
    char note[SEGLOG_SESSION_NOTE_MAX];
    struct seglog_uuid session = { .bytes = { [15] = 1 } };
    struct seglog_error err;
    size_t len = 0;
    const seglog_code code =
        seglog_session_read_note(looking->sessions, &session, note, &len, &err);

    if (code != SEGLOG_OK)
        text_add(looking->seen, "note: %s\n", seglog_code_name(code));
    else if (len > 0)
        text_add(looking->seen, "note %016llx\n",
                 (unsigned long long)hash_of(note, len));
}

void
look_at_sessions(struct stage *stage, struct seglog_store store,
                 struct text *seen)
{
    const struct seglog_session_store_options options = {
        .size = sizeof options, .is_read_only = true
    };
    struct looking looking = { .stage = stage, .store = store, .seen = seen };
    struct seglog_error err;
    seglog_code code =
        seglog_session_store_open(store, &options, &looking.sessions, &err);

    if (code == SEGLOG_OK)
        code = seglog_session_list(looking.sessions, NULL, row_look, &looking,
                                   &err);
    for (unsigned space = SEGLOG_NAMES_WORKER; space <= SEGLOG_NAMES_SOURCE;
         space++) {
        if (code == SEGLOG_OK && space != SEGLOG_NAMES_SESSION)
            code = seglog_name_list(
                looking.sessions, (enum seglog_name_space)space,
                (struct seglog_slice){ "", 0 }, name_look, &looking, &err);
    }
    if (code == SEGLOG_OK)
        note_look(&looking);
    else
        text_add(seen, "the sessions cannot be listed: %s (%s)\n",
                 seglog_code_name(code), err.message);
    (void)seglog_session_store_close(looking.sessions, NULL);
}
