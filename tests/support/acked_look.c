/* SPDX-License-Identifier: MIT */
/* tests/support/acked_look.c - what the dead have left, against what is noted. */
#define _POSIX_C_SOURCE 200809L

#include "tests/support/acked.h"

#include "tests/support/seglog_test.h"

#include <inttypes.h>
#include <stdio.h>

#include "seglog/seal.h"

/* One look. */
struct look {
    struct acked *acked;
    struct seglog_store logs;
    struct seglog_store files;
    struct seglog_session_store *sessions;
    bool was_power_cut;
};

static bool
wrong(struct acked *acked, const char *name, const char *what,
      const struct seglog_error *err)
{
    char text[560];

    (void)snprintf(text, sizeof text, "%.120s: %.420s", name, what);
    return acked_expect(acked, false, text, err);
}

/* -- the log of one --------------------------------------------------------- */

/* With what was done to it last. */
static bool
log_wrong(struct acked *acked, const struct acked_log *log, const char *name,
          const char *what)
{
    const uint32_t count = atomic_load(&log->step_count);
    char text[400];
    size_t len = (size_t)snprintf(text, sizeof text, "%.120s;", what);

    for (uint32_t i = count < ACKED_STEPS ? 0 : count - ACKED_STEPS;
         i < count && len < sizeof text; i++) {
        const struct acked_step *step = &log->steps[i % ACKED_STEPS];

        len += (size_t)snprintf(text + len, sizeof text - len, " %c%u",
                                step->what, step->count);
    }
    return wrong(acked, name, text, NULL);
}

static bool
record_agrees(struct acked *acked, const struct acked_log *log, uint64_t at,
              const struct seglog_record *record, const char *name)
{
    const uint64_t id = acked_id(record->data, record->len);
    char text[120];

    if (at >= atomic_load(&log->begun))
        return log_wrong(acked, log, name, "more than was appended");
    if (id == log->ids[at])
        return true;
    (void)snprintf(text, sizeof text,
                   "record %" PRIu64 " is %" PRIx64 ", not %" PRIx64, at + 1,
                   id, log->ids[at]);
    return log_wrong(acked, log, name, text);
}

static bool
count_agrees(struct acked *acked, const struct acked_log *log, uint64_t count,
             const char *name, bool was_power_cut)
{
    const uint64_t begun = atomic_load(&log->begun);
    const uint64_t told = atomic_load(&log->told);
    const uint64_t must = was_power_cut ? atomic_load(&log->synced) : told;
    const uint64_t cut_to = atomic_load(&log->cut_to);
    char text[160];

    /* An encrypted store cuts in two steps, of which the first may leave some
     * of what is to go (ENCRYPTION.md 5). */
    if (cut_to != 0 &&
        (count == cut_to - 1 ||
         (acked->is_encrypted && count >= cut_to && count <= told)))
        return true;
    (void)snprintf(text, sizeof text,
                   "%" PRIu64 " records, but %" PRIu64 " were acknowledged and "
                   "%" PRIu64 " appended; cut to %" PRIu64 " (+ 1)",
                   count, must, begun, cut_to);
    if (count < must || count > begun)
        return log_wrong(acked, log, name, text);
    if (atomic_load(&log->is_group) && count > told && count < begun)
        return log_wrong(acked, log, name, "a part of a group is there");
    return true;
}

static void
count_note(struct acked_log *log, uint64_t count, bool was_power_cut)
{
    const uint64_t synced = atomic_load(&log->synced);

    acked_step_note(log, '|', count);
    atomic_store(&log->begun, count);
    atomic_store(&log->told, count);
    if (was_power_cut || synced > count)
        atomic_store(&log->synced, count);
    atomic_store(&log->cut_to, 0);
    atomic_store(&log->is_group, false);
}

bool
acked_log_agrees(struct acked *acked, struct acked_log *log,
                 struct seglog_reader *reader, const char *what,
                 bool was_power_cut)
{
    struct seglog_event event;
    struct seglog_error err = { 0 };
    uint64_t count = 0;
    seglog_code code = reader ? SEGLOG_OK : SEGLOG_END;

    while (reader &&
           (code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        if (event.type != SEGLOG_EVENT_RECORD ||
            event.record.record_no != count + 1)
            return wrong(acked, what, "a record of another number", NULL);
        if (!record_agrees(acked, log, count, &event.record, what))
            return false;
        count++;
    }
    if (code != SEGLOG_END && !(was_power_cut && code == SEGLOG_CORRUPT))
        return wrong(acked, what, "cannot be read", &err);
    if (!count_agrees(acked, log, count, what, was_power_cut))
        return false;
    count_note(log, count, was_power_cut);
    return true;
}

/* NOT_FOUND and FORMAT: its creation was interrupted; then it has nothing. */
static bool
open_agrees(struct acked *acked, seglog_code code, const char *name,
            const struct seglog_error *err)
{
    return code == SEGLOG_OK || code == SEGLOG_NOT_FOUND ||
           code == SEGLOG_FORMAT || wrong(acked, name, "cannot be opened", err);
}

bool
acked_own_agrees(struct acked *acked, struct seglog_store logs, unsigned worker,
                 bool was_power_cut)
{
    struct seglog_reader *reader = NULL;
    struct seglog_error err;
    char name[64];
    bool is_right = false;

    (void)snprintf(name, sizeof name, "own.%u.seg", worker);
    is_right = open_agrees(
        acked, seglog_reader_open(logs, name, NULL, &reader, &err), name, &err);
    is_right = is_right && acked_log_agrees(acked, &acked->slots[worker].own,
                                            reader, name, was_power_cut);
    seglog_reader_close(reader);
    return is_right;
}

bool
acked_session_agrees(struct acked *acked, struct seglog_session_store *sessions,
                     unsigned worker, bool was_power_cut)
{
    const struct seglog_uuid session = acked_session(worker);
    const struct seglog_uuid segment = acked_segment(worker);
    struct seglog_reader *reader = NULL;
    struct seglog_error err;
    const seglog_code code = seglog_session_open_reader(
        sessions, &session, &segment, SEGLOG_LANE_ENTRIES, NULL, &reader, &err);
    const bool is_right =
        open_agrees(acked, code, "the own session", &err) &&
        acked_log_agrees(acked, &acked->slots[worker].session, reader,
                         "the own session", was_power_cut);

    seglog_reader_close(reader);
    return is_right;
}

/* -- the logs of all -------------------------------------------------------- */

/* Of each worker the ids rise: none is there twice, and none out of order. */
static bool
shared_record_agrees(struct look *look, uint64_t id, uint64_t *last,
                     const char *name)
{
    const uint64_t worker = (id >> 56) - 1;

    if (id == 0 || worker >= ACKED_WORKERS)
        return wrong(look->acked, name, "a record that nobody wrote", NULL);
    if (id > atomic_load(&look->acked->slots[worker].last_id))
        return wrong(look->acked, name, "a record from the future", NULL);
    if (id <= last[worker])
        return wrong(look->acked, name, "a record twice, or out of order",
                     NULL);
    last[worker] = id;
    return true;
}

static bool
shared_agrees(struct look *look, struct seglog_reader *reader,
              _Atomic uint64_t *must, const char *name)
{
    uint64_t last[ACKED_WORKERS] = { 0 };
    struct seglog_event event;
    struct seglog_error err = { 0 };
    uint64_t next = 1;
    seglog_code code = reader ? SEGLOG_OK : SEGLOG_END;

    while (reader &&
           (code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        const uint64_t id = acked_id(event.record.data, event.record.len);
        uint64_t want = 0;

        if (event.type != SEGLOG_EVENT_RECORD || event.record.record_no != next)
            return wrong(look->acked, name, "a record of another number", NULL);
        if (!shared_record_agrees(look, id, last, name))
            return false;
        want = next < ACKED_SHARED_MAX ? atomic_load(&must[next]) : 0;
        if (want != 0 && want != id)
            return wrong(look->acked, name, "another record under that number",
                         NULL);
        next++;
    }
    if (code != SEGLOG_END && !(look->was_power_cut && code == SEGLOG_CORRUPT))
        return wrong(look->acked, name, "cannot be read", &err);
    for (; next < ACKED_SHARED_MAX; next++)
        if (atomic_load(&must[next]) != 0)
            return wrong(look->acked, name, "an acknowledged record is gone",
                         NULL);
    return true;
}

static bool
shared_logs_agree(struct look *look)
{
    const unsigned last = atomic_load(&look->acked->generation);
    bool is_right = true;

    for (unsigned i = 0; i <= last && i < ACKED_GENERATIONS && is_right; i++) {
        struct seglog_reader *reader = NULL;
        struct seglog_error err;
        char name[64];

        (void)snprintf(name, sizeof name, "shared.%u.seg", i);
        is_right = open_agrees(
            look->acked,
            seglog_reader_open(look->logs, name, NULL, &reader, &err), name,
            &err);
        is_right =
            is_right && shared_agrees(look, reader, look->acked->must[i], name);
        seglog_reader_close(reader);
    }
    return is_right;
}

static bool
shared_session_agrees(struct look *look)
{
    const struct seglog_uuid session = acked_session(ACKED_WORKERS);
    const struct seglog_uuid segment = acked_segment(ACKED_WORKERS);
    struct seglog_reader *reader = NULL;
    struct seglog_error err;
    const seglog_code code =
        seglog_session_open_reader(look->sessions, &session, &segment,
                                   SEGLOG_LANE_ENTRIES, NULL, &reader, &err);
    const bool is_right =
        open_agrees(look->acked, code, "the session of all", &err) &&
        shared_agrees(look, reader, look->acked->session_must,
                      "the session of all");

    seglog_reader_close(reader);
    return is_right;
}

/* -- what is made whole or not ---------------------------------------------- */

static bool
repaired_agrees(struct look *look, unsigned worker)
{
    struct acked_slot *slot = &look->acked->slots[worker];
    struct seglog_scan_summary summary;
    struct seglog_error err;
    char name[64];

    if (atomic_load(&slot->repair) != ACKED_MADE)
        return true;
    (void)snprintf(name, sizeof name, "own.%u.repaired", worker);
    if (seglog_scan(look->logs, name, NULL, &summary, &err) != SEGLOG_OK)
        return wrong(look->acked, name, "cannot be scanned", &err);
    return (summary.verdict == SEGLOG_VERDICT_OK &&
            summary.records == atomic_load(&slot->repair_count)) ||
           wrong(look->acked, name, "is not what was repaired", NULL);
}

static bool
fork_count_agrees(struct look *look, const struct acked_slot *slot,
                  const struct seglog_uuid *session,
                  const struct seglog_uuid *made)
{
    struct seglog_slice *entries = NULL;
    struct seglog_error err;
    size_t count = 0;
    const seglog_code code =
        seglog_session_read_all(look->sessions, session, made,
                                SEGLOG_LANE_ENTRIES, &entries, &count, &err);

    if (code != SEGLOG_OK)
        return wrong(look->acked, "a fork", "cannot be read", &err);
    for (size_t i = 0; i < count; i++)
        if (acked_id(entries[i].data, entries[i].len) == 0) {
            seglog_free(entries);
            return wrong(look->acked, "a fork", "has what nobody wrote", NULL);
        }
    seglog_free(entries);
    return count == atomic_load(&slot->fork_count) ||
           wrong(look->acked, "a fork", "has another length", NULL);
}

static bool
fork_agrees(struct look *look, unsigned worker)
{
    struct acked_slot *slot = &look->acked->slots[worker];
    const uint64_t serial = atomic_load(&slot->fork_serial);
    const struct seglog_uuid made = acked_fork(worker, serial);
    const struct seglog_uuid session =
        serial % 2 == 0 ? acked_session(worker) : made;
    const unsigned state = atomic_load(&slot->fork);
    struct seglog_error err;
    bool exists = false;

    if (seglog_session_exists(look->sessions, &session, &made, &exists, &err) !=
        SEGLOG_OK)
        return wrong(look->acked, "a fork", "cannot be asked for", &err);
    if ((state == ACKED_NONE && exists) || (state == ACKED_MADE && !exists))
        return wrong(look->acked, "a fork",
                     exists ? "is there before it was made" : "is gone", NULL);
    if (exists && !fork_count_agrees(look, slot, &session, &made))
        return false;
    if (state == ACKED_MAKING)
        atomic_store(&slot->fork, exists ? ACKED_MADE : ACKED_NONE);
    if (state == ACKED_REMOVING && exists)
        atomic_store(&slot->fork, ACKED_MADE);
    if (state == ACKED_REMOVING && !exists) {
        atomic_store(&slot->fork, ACKED_NONE);
        atomic_store(&slot->fork_serial, serial + 1);
    }
    return true;
}

static bool
note_agrees(struct look *look, unsigned worker)
{
    struct acked_slot *slot = &look->acked->slots[worker];
    const struct seglog_uuid session = acked_session(worker);
    char text[SEGLOG_SESSION_NOTE_MAX + 1];
    struct seglog_error err;
    uint64_t version = 0;
    size_t len = 0;

    if (seglog_session_read_note(look->sessions, &session, text, &len, &err) !=
        SEGLOG_OK)
        return wrong(look->acked, "a note", "cannot be read", &err);
    text[len] = '\0';
    if (len > 0 && (len != 25 || sscanf(text, "note %" SCNu64, &version) != 1))
        return wrong(look->acked, "a note", "reads otherwise", NULL);
    if (version < atomic_load(&slot->note_told) ||
        version > atomic_load(&slot->note_begun))
        return wrong(look->acked, "a note", "is not the last one", NULL);
    atomic_store(&slot->note_told, version);
    return true;
}

/* -- every segment there is ------------------------------------------------- */

struct listed {
    struct look *look;
    struct seglog_store store;
    bool is_strict; /* nothing half made may be there */
    bool is_right;
};

static bool
ends_with(const char *name, const char *suffix)
{
    const size_t len = strlen(name);
    const size_t suffix_len = strlen(suffix);

    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/*
 * Where the power went, later bytes may have got to the disk before earlier.
 * What was synced is looked for elsewhere; here, that the log can be mended.
 */
static bool
unordered_mends(struct listed *listed, const char *name,
                const struct seglog_scan_summary *summary)
{
    struct look *look = listed->look;
    struct seglog_scan_summary mended;
    struct seglog_error err;
    char new_name[256];
    seglog_code code = SEGLOG_OK;

    look->acked->unordered += summary->verdict == SEGLOG_VERDICT_UNORDERED;
    look->acked->corrupt += summary->verdict == SEGLOG_VERDICT_CORRUPT;
    (void)snprintf(new_name, sizeof new_name, "%.200s.mended", name);
    code = seglog_repair(listed->store, name, listed->store, new_name, NULL,
                         NULL, &err);
    if (code == SEGLOG_OK)
        code = seglog_scan(listed->store, new_name, NULL, &mended, &err);
    if (code == SEGLOG_OK)
        code = seglog_store_remove(listed->store, new_name, &err);
    if (code != SEGLOG_OK)
        return wrong(look->acked, name, "cannot be repaired", &err);
    return (mended.verdict == SEGLOG_VERDICT_OK &&
            mended.records == summary->records) ||
           wrong(look->acked, name, "is repaired to something else", NULL);
}

/* Debris may be at the end, where the next one cuts it off, and nowhere else. */
static bool
segment_agrees(struct listed *listed, const char *name)
{
    struct acked *acked = listed->look->acked;
    struct seglog_scan_summary summary = { .verdict = SEGLOG_VERDICT_OK };
    struct seglog_error err;
    const seglog_code code =
        seglog_scan(listed->store, name, NULL, &summary, &err);

    if (code == SEGLOG_FORMAT && !listed->is_strict)
        return true;
    if (code != SEGLOG_OK)
        return wrong(acked, name, "cannot be scanned", &err);
    if (summary.verdict == SEGLOG_VERDICT_OK ||
        (summary.verdict == SEGLOG_VERDICT_TORN && !listed->is_strict))
        return true;
    if (listed->look->was_power_cut &&
        (summary.verdict == SEGLOG_VERDICT_UNORDERED ||
         summary.verdict == SEGLOG_VERDICT_CORRUPT))
        return unordered_mends(listed, name, &summary);
    return wrong(acked, name, seglog_verdict_name(summary.verdict), NULL);
}

static bool
segment_listed(void *arg, const char *name)
{
    struct listed *listed = arg;

    if (listed->is_strict &&
        (ends_with(name, ".sealing") || ends_with(name, ".new") ||
         ends_with(name, ".cut") || ends_with(name, ".tmp")))
        listed->is_right = wrong(listed->look->acked, name, "is left", NULL);
    else if (ends_with(name, ".seg"))
        listed->is_right = segment_agrees(listed, name);
    return listed->is_right;
}

static bool
segments_agree(struct look *look, bool is_strict)
{
    struct seglog_store stores[2];
    struct seglog_error err;

    stores[0] = look->logs;
    stores[1] = look->files;
    for (unsigned i = 0; i < 2; i++) {
        struct listed listed = { look, stores[i], is_strict, true };

        if (seglog_store_list(stores[i], "", segment_listed, &listed, &err) !=
            SEGLOG_OK)
            return wrong(look->acked, "a folder", "cannot be listed", &err);
        if (!listed.is_right)
            return false;
    }
    return true;
}

/* -- the look --------------------------------------------------------------- */

static bool
look_open(struct look *look, const char *dir)
{
    struct seglog_error err = { 0 };
    char path[512];

    look->logs = acked_logs_open(look->acked, dir, NULL, NULL);
    if (!look->logs.ops)
        return wrong(look->acked, "logs", "cannot be opened", NULL);
    (void)snprintf(path, sizeof path, "%s/sessions", dir);
    if (seglog_store_file_open(path, false, &look->files, &err) != SEGLOG_OK ||
        seglog_session_store_open(look->files, NULL, &look->sessions, &err) !=
            SEGLOG_OK)
        return wrong(look->acked, "sessions", "cannot be opened", &err);
    return true;
}

static void
look_close(struct look *look)
{
    (void)seglog_session_store_close(look->sessions, NULL);
    if (look->logs.ops)
        seglog_store_close(&look->logs);
    if (look->files.ops)
        seglog_store_close(&look->files);
}

bool
acked_look(struct acked *acked, const char *dir, bool was_power_cut)
{
    struct look look = { .acked = acked, .was_power_cut = was_power_cut };
    bool is_right = acked->failure[0] == '\0' && look_open(&look, dir) &&
                    segments_agree(&look, false) && shared_logs_agree(&look) &&
                    shared_session_agrees(&look);

    for (unsigned i = 0; i < ACKED_WORKERS && is_right; i++)
        is_right =
            acked_own_agrees(acked, look.logs, i, was_power_cut) &&
            acked_session_agrees(acked, look.sessions, i, was_power_cut) &&
            repaired_agrees(&look, i) && fork_agrees(&look, i) &&
            note_agrees(&look, i);
    look_close(&look);
    return is_right;
}

/* -- who comes next --------------------------------------------------------- */

/* Opened, a log loses its torn tail, and records more must not be behind any;
 * cut inside a group, it loses what the cutting of one has left. */
static bool
own_tidy(struct look *look, unsigned worker)
{
    static const struct seglog_item items[] = { { SEGLOG_TEXT, "{}", 2 },
                                                { SEGLOG_TEXT, "{}", 2 } };
    struct acked_log *log = &look->acked->slots[worker].own;
    struct seglog_writer *writer = NULL;
    struct seglog_error err;
    char name[64];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(name, sizeof name, "own.%u.seg", worker);
    code = seglog_writer_open(look->logs, name, NULL, &writer, &err);
    if (code == SEGLOG_OK)
        code = seglog_writer_append_group(writer, items, 2, SEGLOG_LEVEL_SYNC,
                                          NULL, &err);
    if (code == SEGLOG_OK)
        code =
            seglog_writer_truncate(writer, atomic_load(&log->told) + 2, &err);
    if (code != SEGLOG_OK) {
        (void)seglog_writer_close(writer, NULL);
        return wrong(look->acked, name, "cannot be appended to again", &err);
    }
    code = seglog_writer_close(writer, &err);
    return code == SEGLOG_OK ||
           wrong(look->acked, name, "cannot be closed", &err);
}

static bool
shared_tidy(struct look *look, unsigned generation)
{
    const struct seglog_seal_options options = { .size = sizeof options,
                                                 .level = 1,
                                                 .threads = 1 };
    struct seglog_writer *writer = NULL;
    struct seglog_error err;
    char name[64];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(name, sizeof name, "shared.%u.seg", generation);
    code = seglog_writer_open(look->logs, name, NULL, &writer, &err);
    if (code == SEGLOG_OK)
        code = seglog_writer_close(writer, &err);
    if (code == SEGLOG_OK)
        code = seglog_segment_seal(look->logs, name, &options, NULL, &err);
    return code == SEGLOG_OK || code == SEGLOG_SEALED ||
           code == SEGLOG_INVALID ||
           wrong(look->acked, name, "cannot be sealed", &err);
}

/* So many that notes on them are due, and made anew if somebody died of it. */
#define NOTES_DUE 256u

static bool
session_grow(struct look *look, unsigned worker)
{
    const struct seglog_uuid session = acked_session(worker);
    const struct seglog_uuid segment = acked_segment(worker);
    struct seglog_slice entries[NOTES_DUE];
    struct seglog_error err;
    uint64_t count = 0;
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < NOTES_DUE; i++)
        entries[i] = (struct seglog_slice){ "1", 1 };
    code = seglog_session_append_many(look->sessions, &session, &segment,
                                      entries, NOTES_DUE, NULL, NULL, &err);
    if (code == SEGLOG_OK)
        code = seglog_session_read_entry_count(look->sessions, &session,
                                               &segment, &count, NULL, &err);
    if (code == SEGLOG_OK)
        code = seglog_session_truncate(look->sessions, &session, &segment,
                                       count - 1, NULL, &err);
    if (code == SEGLOG_OK)
        code =
            seglog_session_write_note(look->sessions, &session, "n", 1, &err);
    return code == SEGLOG_OK ||
           wrong(look->acked, "a session", "does not go on", &err);
}

static bool
fork_tidy(struct look *look, unsigned worker)
{
    const struct acked_slot *slot = &look->acked->slots[worker];
    const uint64_t serial = atomic_load(&slot->fork_serial);
    const struct seglog_uuid made = acked_fork(worker, serial);
    const struct seglog_uuid session =
        serial % 2 == 0 ? acked_session(worker) : made;
    struct seglog_error err;

    return seglog_session_delete_segment(look->sessions, &session, &made, NULL,
                                         &err) == SEGLOG_OK ||
           wrong(look->acked, "a fork", "cannot be deleted", &err);
}

bool
acked_tidy(struct acked *acked, const char *dir)
{
    struct look look = { .acked = acked };
    const unsigned last = atomic_load(&acked->generation);
    struct seglog_error err;
    bool is_right = look_open(&look, dir);

    for (unsigned i = 0; i < ACKED_WORKERS && is_right; i++)
        is_right = own_tidy(&look, i) && fork_tidy(&look, i);
    for (unsigned i = 0; i <= ACKED_WORKERS && is_right; i++)
        is_right = session_grow(&look, i);
    for (unsigned i = 0; i <= last && i < ACKED_GENERATIONS && is_right; i++)
        is_right = shared_tidy(&look, i);
    if (is_right &&
        seglog_session_rebuild_index(look.sessions, &err) != SEGLOG_OK)
        is_right = wrong(acked, "the index", "cannot be made", &err);
    is_right = is_right && segments_agree(&look, true);
    look_close(&look);
    return is_right;
}
