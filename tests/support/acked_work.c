/* SPDX-License-Identifier: MIT */
/* tests/support/acked_work.c - the steps of a worker. */
#define _POSIX_C_SOURCE 200809L /* getpid */

#include "tests/support/acked.h"

#include "tests/support/seglog_test.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "seglog/seal.h"

#define GROUP_MAX  5u
#define LOCK_MS    60000
#define NAME_BYTES 64u

/*
 * What is wrong ends the life.  So does what is right once the power is going:
 * for a moment the system then tells those that all is well whose bytes it has
 * dropped, which no device does, and what a log says of it would be wrong.
 */
static void
need(struct acked_worker *worker, seglog_code code, const char *what,
     const struct seglog_error *err)
{
    if (atomic_load(&worker->acked->is_over))
        _exit(0);
    if (code == SEGLOG_OK)
        return;
    (void)acked_expect(worker->acked, false, what, err);
    _exit(1);
}

static uint64_t
chance(struct acked_worker *worker, uint64_t of)
{
    return test_random(&worker->seed) % of;
}

static enum seglog_level
level_choose(struct acked_worker *worker)
{
    /* Syncs are slow; but where the power goes, nothing else is promised. */
    return chance(worker, worker->acked->is_cut_power ? 2 : 24) == 0
               ? SEGLOG_LEVEL_SYNC
               : SEGLOG_LEVEL_FLUSH;
}

static uint64_t
id_next(struct acked_worker *worker)
{
    const uint64_t id = (uint64_t)(worker->number + 1) << 56 |
                        (uint64_t)atomic_load(&worker->slot->life) << 32 |
                        ++worker->seq;

    atomic_store(&worker->slot->last_id, id);
    return id;
}

/* -- what a log is told ----------------------------------------------------- */

static uint64_t
log_begin(struct acked_worker *worker, struct acked_log *log)
{
    const uint64_t at = atomic_load(&log->begun);
    const uint64_t id = id_next(worker);

    log->ids[at] = id;
    atomic_store(&log->begun, at + 1);
    acked_step_note(log, 'b', at + 1);
    return id;
}

static void
log_told(struct acked_log *log, enum seglog_level level)
{
    const uint64_t begun = atomic_load(&log->begun);

    acked_step_note(log, level == SEGLOG_LEVEL_SYNC ? 's' : 'f', begun);
    atomic_store(&log->told, begun);
    if (level == SEGLOG_LEVEL_SYNC)
        atomic_store(&log->synced, begun);
    atomic_store(&log->is_group, false);
}

static bool
log_has_room(const struct acked_log *log)
{
    return atomic_load(&log->begun) + 16 < ACKED_OWN_MAX;
}

static void
log_cut(struct acked_log *log, uint64_t count)
{
    acked_step_note(log, 'C', count);
    atomic_store(&log->told, count);
    atomic_store(&log->synced, count);
    atomic_store(&log->begun, count);
    atomic_store(&log->cut_to, 0);
}

/* -- the worker's own log --------------------------------------------------- */

static enum seglog_codec
codec_of(unsigned number)
{
#ifdef SEGLOG_HAVE_ZSTD
    if (number % 4 == 3)
        return SEGLOG_CODEC_ZSTD;
#endif
    return number % 2 == 1 ? SEGLOG_CODEC_DEFLATE : SEGLOG_CODEC_NONE;
}

static void
own_open(struct acked_worker *worker)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = chance(worker, 2) == 0 ? SEGLOG_WRITER_EXCLUSIVE
                                       : SEGLOG_WRITER_SHARED,
        .lock_timeout_ms = LOCK_MS,
        .sync_log2 = (uint8_t)(9 + worker->number),
        .codec = codec_of(worker->number),
        .level = 1,
    };
    char name[NAME_BYTES];
    struct seglog_error err;

    if (worker->own)
        return;
    (void)snprintf(name, sizeof name, "own.%u.seg", worker->number);
    need(worker,
         seglog_writer_open(worker->logs, name, &options, &worker->own, &err),
         "open the own log", &err);
    acked_step_note(&worker->slot->own,
                    options.mode == SEGLOG_WRITER_SHARED ? 'o' : 'O', 0);
}

static void
own_append(struct acked_worker *worker)
{
    struct acked_log *log = &worker->slot->own;
    const enum seglog_level level = level_choose(worker);
    struct seglog_error err;
    uint64_t number = 0;
    size_t len = 0;

    if (!log_has_room(log))
        return;
    own_open(worker);
    len = acked_text(log_begin(worker, log), worker->text);
    need(worker,
         seglog_writer_append(worker->own, SEGLOG_TEXT, worker->text, len,
                              level, &number, &err),
         "append", &err);
    need(worker,
         number == atomic_load(&log->begun) ? SEGLOG_OK : SEGLOG_INVALID,
         "the own log gave another number", NULL);
    log_told(log, level);
}

static size_t
group_make(struct acked_worker *worker, struct acked_log *log,
           struct seglog_slice *slices)
{
    const size_t count = 2 + chance(worker, GROUP_MAX - 1);
    size_t at = 0;

    atomic_store(&log->is_group, true);
    for (size_t i = 0; i < count; i++) {
        const uint64_t id = log_begin(worker, log);
        char text[ACKED_TEXT_CAP];
        size_t len = acked_text(id, text);

        /* One buffer for all of them: what does not fit is not in it. */
        if (at + len > sizeof worker->text) {
            atomic_store(&log->begun, atomic_load(&log->begun) - 1);
            return i;
        }
        memcpy(worker->text + at, text, len);
        slices[i] = (struct seglog_slice){ worker->text + at, len };
        at += len;
    }
    return count;
}

static void
own_group(struct acked_worker *worker)
{
    struct acked_log *log = &worker->slot->own;
    const enum seglog_level level = level_choose(worker);
    struct seglog_slice slices[GROUP_MAX];
    struct seglog_item items[GROUP_MAX];
    struct seglog_error err;
    uint64_t number = 0;
    size_t count = 0;

    if (!log_has_room(log))
        return;
    own_open(worker);
    count = group_make(worker, log, slices);
    for (size_t i = 0; i < count; i++)
        items[i] =
            (struct seglog_item){ SEGLOG_TEXT, slices[i].data, slices[i].len };
    need(worker,
         seglog_writer_append_group(worker->own, items, count, level, &number,
                                    &err),
         "append a group", &err);
    log_told(log, level);
}

static void
own_buffered(struct acked_worker *worker)
{
    struct acked_log *log = &worker->slot->own;
    const enum seglog_level level = level_choose(worker);
    struct seglog_error err;

    if (!log_has_room(log))
        return;
    own_open(worker);
    for (uint64_t left = 1 + chance(worker, 8); left > 0; left--) {
        const size_t len = acked_text(log_begin(worker, log), worker->text);

        need(worker,
             seglog_writer_append(worker->own, SEGLOG_TEXT, worker->text, len,
                                  SEGLOG_LEVEL_APPEND, NULL, &err),
             "append to the buffer", &err);
    }
    need(worker,
         level == SEGLOG_LEVEL_SYNC ? seglog_writer_sync(worker->own, &err)
                                    : seglog_writer_flush(worker->own, &err),
         "flush", &err);
    log_told(log, level);
}

/* Often inside a group, which is written anew then. */
static void
own_cut(struct acked_worker *worker)
{
    struct acked_log *log = &worker->slot->own;
    const uint64_t told = atomic_load(&log->told);
    const uint64_t off = log_has_room(log) ? 5 : told;
    const uint64_t count = told - chance(worker, (off < told ? off : told) + 1);
    struct seglog_error err;

    own_open(worker);
    acked_step_note(log, 'c', count);
    atomic_store(&log->cut_to, count + 1);
    need(worker, seglog_writer_truncate(worker->own, count + 1, &err), "cut",
         &err);
    /* To cut nothing off syncs nothing. */
    if (count == told)
        atomic_store(&log->cut_to, 0);
    else
        log_cut(log, count);
}

static void
own_reopen(struct acked_worker *worker)
{
    struct acked_log *log = &worker->slot->own;
    struct seglog_error err;

    own_open(worker);
    need(worker, seglog_writer_close(worker->own, &err), "close", &err);
    worker->own = NULL;
    log_told(log, SEGLOG_LEVEL_SYNC);
    own_open(worker);
}

static void
own_repair(struct acked_worker *worker)
{
    struct acked_slot *slot = worker->slot;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    char name[NAME_BYTES];
    char new_name[NAME_BYTES];

    own_open(worker);
    (void)snprintf(name, sizeof name, "own.%u.seg", worker->number);
    (void)snprintf(new_name, sizeof new_name, "own.%u.repaired",
                   worker->number);
    atomic_store(&slot->repair, ACKED_REMOVING);
    code = seglog_store_remove(worker->logs, new_name, &err);
    need(worker, code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code,
         "remove what was repaired", &err);
    atomic_store(&slot->repair, ACKED_MAKING);
    atomic_store(&slot->repair_count, atomic_load(&slot->own.told));
    need(worker,
         seglog_repair(worker->logs, name, worker->logs, new_name, NULL, NULL,
                       &err),
         "repair", &err);
    atomic_store(&slot->repair, ACKED_MADE);
}

/* To the end and beyond: others cut logs, but nobody cuts this one now. */
static void
own_read(struct acked_worker *worker)
{
    const uint64_t told = atomic_load(&worker->slot->own.told);
    const struct seglog_reader_options options = {
        .size = sizeof options, .from_record = 1 + chance(worker, told + 1)
    };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err;
    uint64_t next = options.from_record;
    char name[NAME_BYTES];
    seglog_code code = SEGLOG_OK;

    own_open(worker);
    (void)snprintf(name, sizeof name, "own.%u.seg", worker->number);
    need(worker,
         seglog_reader_open(worker->logs, name, &options, &reader, &err),
         "open a reader", &err);
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        if (acked_id(event.record.data, event.record.len) !=
            worker->slot->own.ids[next - 1])
            need(worker, SEGLOG_INVALID, "the own log reads otherwise", NULL);
        next++;
    }
    need(worker, code == SEGLOG_END ? SEGLOG_OK : code, "read", &err);
    need(worker, next == told + 1 ? SEGLOG_OK : SEGLOG_INVALID,
         "the own log ends elsewhere", NULL);
    code = seglog_reader_wait(reader, 1, &err);
    need(worker, code == SEGLOG_END ? SEGLOG_OK : code, "wait", &err);
    seglog_reader_close(reader);
}

/* -- the log of all --------------------------------------------------------- */

static void
shared_leave(struct acked_worker *worker)
{
    unsigned generation = worker->generation;

    if (worker->shared)
        (void)seglog_writer_close(worker->shared, NULL);
    worker->shared = NULL;
    (void)atomic_compare_exchange_strong(&worker->acked->generation,
                                         &generation, worker->generation + 1);
}

static void
number_note(struct acked_worker *worker, _Atomic uint64_t *must,
            uint64_t number, uint64_t id, enum seglog_level level)
{
    uint64_t before = 0;

    if (number >= ACKED_SHARED_MAX ||
        (worker->acked->is_cut_power && level != SEGLOG_LEVEL_SYNC))
        return;
    if (!atomic_compare_exchange_strong(&must[number], &before, id))
        need(worker, SEGLOG_INVALID, "a number was given twice", NULL);
}

static seglog_code
shared_open(struct acked_worker *worker, struct seglog_error *err)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .lock_timeout_ms = LOCK_MS,
        .sync_log2 = 10,
        .codec = codec_of(atomic_load(&worker->acked->generation)),
        .level = 1,
    };
    char name[NAME_BYTES];

    if (worker->shared &&
        worker->generation == atomic_load(&worker->acked->generation))
        return SEGLOG_OK;
    if (worker->shared)
        (void)seglog_writer_close(worker->shared, NULL);
    worker->shared = NULL;
    worker->generation = atomic_load(&worker->acked->generation);
    (void)snprintf(name, sizeof name, "shared.%u.seg", worker->generation);
    return seglog_writer_open(worker->logs, name, &options, &worker->shared,
                              err);
}

static void
shared_append(struct acked_worker *worker)
{
    const enum seglog_level level = level_choose(worker);
    struct seglog_error err;
    uint64_t number = 0;
    uint64_t id = 0;
    seglog_code code = SEGLOG_OK;

    if (acked_is_full(worker->acked))
        return;
    code = shared_open(worker, &err);
    if (code == SEGLOG_OK) {
        id = id_next(worker);
        code = seglog_writer_append(worker->shared, SEGLOG_TEXT, worker->text,
                                    acked_text(id, worker->text), level,
                                    &number, &err);
    }
    if (code == SEGLOG_SEALED) {
        shared_leave(worker);
        return;
    }
    need(worker, code, "append to the log of all", &err);
    number_note(worker, worker->acked->must[worker->generation], number, id,
                level);
    if (number + 100 > ACKED_SHARED_MAX)
        shared_leave(worker);
}

static void
shared_seal(struct acked_worker *worker)
{
    const struct seglog_seal_options options = {
        .size = sizeof options,
        .level = 1,
        .block_bytes = SEGLOG_SEAL_BLOCK_MIN,
        .lock_timeout_ms = LOCK_MS,
        .threads = 1 + (unsigned)chance(worker, 2),
    };
    struct seglog_error err;
    char name[NAME_BYTES];
    seglog_code code = SEGLOG_OK;

    (void)snprintf(name, sizeof name, "shared.%u.seg",
                   atomic_load(&worker->acked->generation));
    code = seglog_segment_seal(worker->logs, name, &options, NULL, &err);
    /* FORMAT: somebody is about to create it.  INVALID: a build without zstd.
     * LOCKED: another one seals it. */
    if (code != SEGLOG_SEALED && code != SEGLOG_NOT_FOUND &&
        code != SEGLOG_FORMAT && code != SEGLOG_INVALID &&
        code != SEGLOG_LOCKED)
        need(worker, code, "seal", &err);
}

/* -- sessions --------------------------------------------------------------- */

static void
sessions_open(struct acked_worker *worker)
{
    const struct seglog_session_store_options options = {
        .size = sizeof options, .lock_timeout_ms = LOCK_MS, .sync_log2 = 10
    };
    struct seglog_error err;

    if (!worker->sessions)
        need(worker,
             seglog_session_store_open(worker->files, &options,
                                       &worker->sessions, &err),
             "open the session store", &err);
}

static void
session_append(struct acked_worker *worker, bool is_many)
{
    struct acked_log *log = &worker->slot->session;
    const struct seglog_uuid session = acked_session(worker->number);
    const struct seglog_uuid segment = acked_segment(worker->number);
    const enum seglog_level level = level_choose(worker);
    const struct seglog_session_append_options options = {
        .size = sizeof options, .is_synced = level == SEGLOG_LEVEL_SYNC
    };
    struct seglog_slice slices[GROUP_MAX];
    struct seglog_appended done;
    struct seglog_error err;
    size_t count = 1;

    if (!log_has_room(log))
        return;
    if (is_many)
        count = group_make(worker, log, slices);
    else
        slices[0] = (struct seglog_slice){
            worker->text, acked_text(log_begin(worker, log), worker->text)
        };
    need(worker,
         is_many
             ? seglog_session_append_many(worker->sessions, &session, &segment,
                                          slices, count, &options, &done, &err)
             : seglog_session_append(worker->sessions, &session, &segment,
                                     slices[0].data, slices[0].len, &options,
                                     &done, &err),
         "append to the own session", &err);
    need(worker,
         done.count == atomic_load(&log->begun) ? SEGLOG_OK : SEGLOG_INVALID,
         "the own session has another count", NULL);
    log_told(log, level);
}

static void
session_cut(struct acked_worker *worker)
{
    struct acked_log *log = &worker->slot->session;
    const struct seglog_uuid session = acked_session(worker->number);
    const struct seglog_uuid segment = acked_segment(worker->number);
    const uint64_t told = atomic_load(&log->told);
    const uint64_t off = log_has_room(log) ? 4 : told;
    const uint64_t count = told - chance(worker, (off < told ? off : told) + 1);
    struct seglog_error err;

    if (count == told)
        return;
    acked_step_note(log, 'c', count);
    atomic_store(&log->cut_to, count + 1);
    need(worker,
         seglog_session_truncate(worker->sessions, &session, &segment, count,
                                 NULL, &err),
         "cut the own session", &err);
    log_cut(log, count);
}

static void
session_shared(struct acked_worker *worker)
{
    const struct seglog_uuid session = acked_session(ACKED_WORKERS);
    const struct seglog_uuid segment = acked_segment(ACKED_WORKERS);
    const enum seglog_level level = level_choose(worker);
    const struct seglog_session_append_options options = {
        .size = sizeof options, .is_synced = level == SEGLOG_LEVEL_SYNC
    };
    const uint64_t id = id_next(worker);
    struct seglog_appended done;
    struct seglog_error err;

    if (acked_is_full(worker->acked))
        return;
    need(worker,
         seglog_session_append(worker->sessions, &session, &segment,
                               worker->text, acked_text(id, worker->text),
                               &options, &done, &err),
         "append to the session of all", &err);
    number_note(worker, worker->acked->session_must, done.first_record, id,
                level);
}

static void
fork_seal(struct acked_worker *worker, const struct seglog_uuid *session,
          const struct seglog_uuid *segment)
{
    const struct seglog_session_seal_options options = { .size = sizeof options,
                                                         .level = 1,
                                                         .threads = 1 };
    struct seglog_error err;
    const seglog_code code = seglog_session_seal_segment(
        worker->sessions, session, segment, &options, NULL, &err);

    if (code != SEGLOG_SEALED && code != SEGLOG_INVALID)
        need(worker, code, "seal a fork", &err);
}

/* Of the life before this one it is not known whether it made or removed it. */
static void
fork_reconcile(struct acked_worker *worker, const struct seglog_uuid *session,
               const struct seglog_uuid *made)
{
    struct acked_slot *slot = worker->slot;
    const unsigned state = atomic_load(&slot->fork);
    struct seglog_error err;
    bool exists = false;

    if (state != ACKED_MAKING && state != ACKED_REMOVING)
        return;
    need(worker,
         seglog_session_exists(worker->sessions, session, made, &exists, &err),
         "ask for a fork", &err);
    /* Half removed is gone on with; and what made it is not run again. */
    atomic_store(&slot->fork, state == ACKED_REMOVING ? ACKED_REMOVING
                              : exists                ? ACKED_MADE
                                                      : ACKED_NONE);
}

static void
fork_make(struct acked_worker *worker, const struct seglog_uuid *session,
          const struct seglog_uuid *made)
{
    struct acked_slot *slot = worker->slot;
    const struct seglog_uuid of = acked_session(worker->number);
    const struct seglog_uuid source = acked_segment(worker->number);
    const struct seglog_fork_options options = {
        .size = sizeof options,
        .at = SEGLOG_FORK_AT_RECORD,
        .number = chance(worker, atomic_load(&slot->session.told) + 1),
        .how = SEGLOG_FORK_BY_COPY,
        .new_session = session,
        .new_segment = made,
    };
    struct seglog_uuid forked;
    struct seglog_error err;

    atomic_store(&slot->fork_count, options.number);
    atomic_store(&slot->fork, ACKED_MAKING);
    need(worker,
         seglog_session_fork(worker->sessions, &of, &source, &options, &forked,
                             &err),
         "fork", &err);
    atomic_store(&slot->fork, ACKED_MADE);
}

static void
fork_remove(struct acked_worker *worker, const struct seglog_uuid *session,
            const struct seglog_uuid *made)
{
    struct acked_slot *slot = worker->slot;
    const uint64_t serial = atomic_load(&slot->fork_serial);
    struct seglog_error err;

    atomic_store(&slot->fork, ACKED_REMOVING);
    need(worker,
         serial % 2 == 0
             ? seglog_session_delete_segment(worker->sessions, session, made,
                                             NULL, &err)
             : seglog_session_delete(worker->sessions, session, NULL, &err),
         "delete a fork", &err);
    /* In this order: who dies between the two asks for one that is not there.
     */
    atomic_store(&slot->fork, ACKED_NONE);
    atomic_store(&slot->fork_serial, serial + 1);
}

/* One is made, in the same session or in one of its own, perhaps sealed, and
 * the next time removed. */
static void
session_fork(struct acked_worker *worker)
{
    struct acked_slot *slot = worker->slot;
    const uint64_t serial = atomic_load(&slot->fork_serial);
    const struct seglog_uuid made = acked_fork(worker->number, serial);
    const struct seglog_uuid session =
        serial % 2 == 0 ? acked_session(worker->number) : made;

    if (atomic_load(&slot->session.told) == 0)
        return;
    fork_reconcile(worker, &session, &made);
    if (atomic_load(&slot->fork) == ACKED_NONE) {
        fork_make(worker, &session, &made);
        return;
    }
    if (atomic_load(&slot->fork) == ACKED_MADE && chance(worker, 2) == 0)
        fork_seal(worker, &session, &made);
    fork_remove(worker, &session, &made);
}

static void
session_note(struct acked_worker *worker)
{
    const struct seglog_uuid session = acked_session(worker->number);
    const uint64_t version = atomic_load(&worker->slot->note_told) + 1;
    struct seglog_error err;
    char text[32];
    const int len = snprintf(text, sizeof text, "note %020" PRIu64, version);

    atomic_store(&worker->slot->note_begun, version);
    need(worker,
         seglog_session_write_note(worker->sessions, &session, text,
                                   (size_t)len, &err),
         "write a note", &err);
    atomic_store(&worker->slot->note_told, version);
}

static void
session_list(struct acked_worker *worker)
{
    const struct seglog_uuid own = acked_session(worker->number);
    const struct seglog_uuid segment = acked_segment(worker->number);
    struct seglog_session_segment_info info;
    struct seglog_uuid *ids = NULL;
    struct seglog_error err;
    int64_t modified_ms = 0;
    size_t count = 0;
    size_t found = 0;
    bool exists = false;

    need(worker,
         seglog_session_list_sessions(worker->sessions, &ids, &count, &err),
         "list", &err);
    for (size_t i = 0; i < count; i++)
        found += seglog_uuid_compare(&ids[i], &own) == 0;
    seglog_free(ids);
    if (atomic_load(&worker->slot->session.told) == 0)
        return;
    need(worker, found == 1 ? SEGLOG_OK : SEGLOG_INVALID,
         "the own session is not listed once", NULL);
    need(worker,
         seglog_session_modified_at(worker->sessions, &own, &modified_ms,
                                    &exists, &err),
         "ask for its time", &err);
    need(worker,
         seglog_session_get_segment_info(worker->sessions, &own, &segment,
                                         &info, &err),
         "ask for its count", &err);
    need(worker,
         info.count == atomic_load(&worker->slot->session.told)
             ? SEGLOG_OK
             : SEGLOG_INVALID,
         "another count is told of it", NULL);
}

static void
session_index(struct acked_worker *worker)
{
    struct seglog_error err;

    need(worker, seglog_session_rebuild_index(worker->sessions, &err),
         "rebuild the index", &err);
}

/* -- a life ----------------------------------------------------------------- */

static void
step(struct acked_worker *worker, enum acked_op op)
{
    if (op >= ACKED_SESSION_APPEND)
        sessions_open(worker);
    switch (op) {
    case ACKED_OWN_APPEND:
        own_append(worker);
        break;
    case ACKED_OWN_GROUP:
        own_group(worker);
        break;
    case ACKED_OWN_BUFFERED:
        own_buffered(worker);
        break;
    case ACKED_OWN_CUT:
        own_cut(worker);
        break;
    case ACKED_OWN_REOPEN:
        own_reopen(worker);
        break;
    case ACKED_OWN_REPAIR:
        own_repair(worker);
        break;
    case ACKED_OWN_READ:
        own_read(worker);
        break;
    case ACKED_SHARED_APPEND:
        shared_append(worker);
        break;
    case ACKED_SHARED_SEAL:
        shared_seal(worker);
        break;
    case ACKED_SESSION_APPEND:
    case ACKED_SESSION_MANY:
        session_append(worker, op == ACKED_SESSION_MANY);
        break;
    case ACKED_SESSION_CUT:
        session_cut(worker);
        break;
    case ACKED_SESSION_SHARED:
        session_shared(worker);
        break;
    case ACKED_SESSION_FORK:
        session_fork(worker);
        break;
    case ACKED_SESSION_NOTE:
        session_note(worker);
        break;
    case ACKED_SESSION_LIST:
        session_list(worker);
        break;
    case ACKED_SESSION_INDEX:
        session_index(worker);
        break;
    case ACKED_OPS:
        break;
    }
    atomic_fetch_add(&worker->acked->done[op], 1);
}

static enum acked_op
op_choose(struct acked_worker *worker)
{
    static const uint8_t weights[ACKED_OPS] = {
        [ACKED_OWN_APPEND] = 30,     [ACKED_OWN_GROUP] = 12,
        [ACKED_OWN_BUFFERED] = 12,   [ACKED_OWN_CUT] = 10,
        [ACKED_OWN_REOPEN] = 3,      [ACKED_OWN_REPAIR] = 1,
        [ACKED_OWN_READ] = 2,        [ACKED_SHARED_APPEND] = 40,
        [ACKED_SHARED_SEAL] = 1,     [ACKED_SESSION_APPEND] = 14,
        [ACKED_SESSION_MANY] = 6,    [ACKED_SESSION_CUT] = 4,
        [ACKED_SESSION_SHARED] = 16, [ACKED_SESSION_FORK] = 3,
        [ACKED_SESSION_NOTE] = 2,    [ACKED_SESSION_LIST] = 2,
        [ACKED_SESSION_INDEX] = 1,
    };
    uint64_t sum = 0;
    uint64_t at = 0;

    for (unsigned op = 0; op < ACKED_OPS; op++)
        sum += weights[op];
    at = chance(worker, sum);
    for (unsigned op = 0; op < ACKED_OPS; op++) {
        if (at < weights[op])
            return (enum acked_op)op;
        at -= weights[op];
    }
    return ACKED_OWN_APPEND;
}

static struct acked_worker *
life_begin(struct acked *acked, unsigned number, const char *dir, uint64_t seed,
           acked_wrap wrap, void *arg)
{
    struct acked_worker *worker = calloc(1, sizeof *worker);
    struct seglog_error err;
    char path[512];

    if (!worker)
        _exit(1);
    worker->acked = acked;
    worker->slot = &acked->slots[number];
    worker->number = number;
    worker->seed = seed;
    atomic_fetch_add(&worker->slot->life, 1);
    worker->logs = acked_logs_open(acked, dir, wrap, arg);
    need(worker, worker->logs.ops ? SEGLOG_OK : SEGLOG_IO, "open the logs",
         NULL);
    (void)snprintf(path, sizeof path, "%s/sessions", dir);
    need(worker, seglog_store_file_open(path, false, &worker->files, &err),
         "open the sessions", &err);
    if (wrap)
        worker->files = wrap(worker->files, arg);
    return worker;
}

/* Of the life before this one it is not known how its last step ended; where
 * the power goes all die, and somebody has looked since. */
static void
life_reconcile(struct acked_worker *worker)
{
    struct acked_slot *slot = worker->slot;
    bool is_right = true;

    if (atomic_load(&slot->life) == 1 || worker->acked->is_cut_power)
        return;
    sessions_open(worker);
    is_right =
        acked_own_agrees(worker->acked, worker->logs, worker->number, false) &&
        acked_session_agrees(worker->acked, worker->sessions, worker->number,
                             false);
    if (!is_right)
        _exit(1);
}

static void
life_end(struct acked_worker *worker)
{
    struct seglog_error err;

    if (worker->own) {
        need(worker, seglog_writer_close(worker->own, &err), "close", &err);
        log_told(&worker->slot->own, SEGLOG_LEVEL_SYNC);
    }
    if (worker->shared)
        (void)seglog_writer_close(worker->shared, NULL);
    (void)seglog_session_store_close(worker->sessions, NULL);
    seglog_store_close(&worker->logs);
    seglog_store_close(&worker->files);
    free(worker);
}

void
acked_work(struct acked *acked, unsigned number, const char *dir, uint64_t seed,
           uint64_t steps, acked_wrap wrap, void *arg)
{
    struct acked_worker *worker =
        life_begin(acked, number, dir, seed, wrap, arg);

    life_reconcile(worker);
    while (steps-- > 0 && !atomic_load(&acked->is_over) &&
           !acked_is_full(acked))
        step(worker, op_choose(worker));
    life_end(worker);
}

void
acked_work_all(struct acked *acked, unsigned number, const char *dir,
               uint64_t seed, acked_wrap wrap, void *arg)
{
    struct acked_worker *worker =
        life_begin(acked, number, dir, seed, wrap, arg);

    life_reconcile(worker);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned op = 0; op < ACKED_OPS; op++) {
            step(worker, (enum acked_op)op);
            step(worker, (enum acked_op)op);
        }
    life_end(worker);
}
