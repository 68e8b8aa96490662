/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/canonical_backup.c - a backup of one position.
 *
 * State and events are one log, so a backup of the log up to a position is one
 * of both, and the view is of no matter.  Writers are held up only while names
 * and sizes are looked up.
 */
#include <inttypes.h>
#include <stdio.h>

#include "src/canonical/backup.h"
#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"

/*
 * The writers of a canonical store, held off: in the queue of the threads that
 * write here, or by their lock alone.
 */
struct hold {
    struct seglog_store store;
    struct seglog_canonical *canonical; /* NULL: nobody here writes */
    struct slg_turn turn;
    struct seglog_lock lock;
};

/* Whoever does not stand in the queue waits so long where others write without
 * end, and goes on without the lock, which there is none of where nothing can be
 * written: then the position is not known. */
#define HOLD_WAIT_MS 1000

static void
lock_take(struct hold *hold)
{
    if (seglog_lock_open(hold->store, SLG_CANONICAL_LOCK, &hold->lock, NULL) !=
        SEGLOG_OK)
        return;
    if (seglog_lock_acquire(hold->lock, HOLD_WAIT_MS, NULL) != SEGLOG_OK)
        seglog_lock_close(&hold->lock);
}

static void
hold_give(void *arg)
{
    struct hold *hold = arg;

    if (hold->canonical)
        slg_turn_abort(&hold->turn);
    if (!hold->lock.ops)
        return;
    (void)seglog_lock_release(hold->lock, NULL);
    seglog_lock_close(&hold->lock);
}

static void
position_put(struct slg_backup_position *position, uint64_t number,
             uint64_t next_event)
{
    position->is_known = true;
    position->number = number;
    (void)snprintf(position->text, sizeof position->text,
                   "before transaction %" PRIu64 " and event %" PRIu64, number,
                   next_event);
}

/* The events that there are behind a transaction.  False: it cannot be read. */
static bool
events_behind(struct seglog_streams log, uint64_t position,
              uint64_t *next_event)
{
    struct seglog_stream_event *records = NULL;
    struct slg_transaction transaction;
    size_t count = 0;
    bool is_known =
        seglog_stream_read_from(log, SEGLOG_CANONICAL_STREAM, position, 1,
                                &records, &count, NULL) == SEGLOG_OK &&
        count > 0 &&
        slg_transaction_open(&transaction, records->data.data,
                             records->data.len);

    if (is_known)
        *next_event = transaction.head.first_event + transaction.head.events;
    seglog_free(records);
    return is_known;
}

/* A log that is damaged is copied as it is, and nobody knows how far it goes. */
static void
position_find(const struct hold *hold, struct slg_backup_position *position)
{
    const struct seglog_stream_options options = { .size = sizeof options,
                                                   .is_read_only = true };
    struct seglog_streams log = { 0 };
    struct seglog_stream_info info;
    uint64_t next_event = 0;

    if (seglog_streams_open(hold->store, &options, &log, NULL) != SEGLOG_OK)
        return;
    if (seglog_stream_get_info(log, SEGLOG_CANONICAL_STREAM, &info, NULL) ==
            SEGLOG_OK &&
        info.end.next_offset > 0 &&
        events_behind(log, info.end.next_offset - 1, &next_event))
        position_put(position, info.end.next_offset, next_event);
    (void)seglog_streams_close(&log, NULL);
}

static seglog_code
hold_freeze(void *arg, struct slg_backup_position *position,
            struct seglog_error *err)
{
    struct hold *hold = arg;
    seglog_code code = SEGLOG_OK;

    *position = (struct slg_backup_position){ .is_known = false };
    if (!hold->canonical) {
        lock_take(hold);
        if (hold->lock.ops)
            position_find(hold, position);
        return SEGLOG_OK;
    }
    code = slg_turn_begin(hold->canonical, true,
                          hold->canonical->options.lock_timeout_ms, &hold->turn,
                          err);
    if (code == SEGLOG_OK)
        position_put(position, hold->turn.head.position,
                     hold->turn.head.next_event);
    return code;
}

static seglog_code
backup_make(struct hold *hold, struct seglog_store repository,
            const struct seglog_backup_options *options,
            struct seglog_backup_info *info, struct seglog_error *err)
{
    const struct slg_backup_source source = {
        .store = hold->store,
        .freeze = hold_freeze,
        .thaw = hold_give,
        .arg = hold,
    };

    return slg_backup_make(&source, repository, options, info, err);
}

seglog_code
seglog_backup_make(struct seglog_store source, struct seglog_store repository,
                   const struct seglog_backup_options *options,
                   struct seglog_backup_info *info, struct seglog_error *err)
{
    const struct slg_backup_source plain = { .store = source };
    struct hold hold = { .store = source };
    bool is_one = false;

    /* One that is so damaged that this cannot be told is a store like others. */
    if (source.ops &&
        seglog_canonical_detect(source, &is_one, NULL) == SEGLOG_OK && is_one)
        return backup_make(&hold, repository, options, info, err);
    return slg_backup_make(&plain, repository, options, info, err);
}

seglog_code
seglog_canonical_backup(struct seglog_canonical *canonical,
                        struct seglog_store repository,
                        const struct seglog_backup_options *options,
                        struct seglog_backup_info *info,
                        struct seglog_error *err)
{
    struct hold hold = { .canonical = NULL };

    if (!canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the store is NULL");
    hold.store = canonical->store;
    if (!canonical->options.is_read_only)
        hold.canonical = canonical;
    return backup_make(&hold, repository, options, info, err);
}

/* -- restore --------------------------------------------------------------- */

/* What was sealed or paused was so to be backed up: the copy goes on. */
static seglog_code
store_release(struct seglog_store target, struct seglog_error *err)
{
    struct seglog_canonical *canonical = NULL;
    struct seglog_canonical_meta meta;
    seglog_code code = seglog_canonical_open(target, NULL, &canonical, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_canonical_get_meta(canonical, &meta, err);
    if (code == SEGLOG_OK && meta.is_sealed)
        code = seglog_canonical_clear_seal(canonical, err);
    if (code == SEGLOG_OK && meta.is_paused)
        code = seglog_canonical_resume(canonical, err);
    if (code == SEGLOG_OK)
        return seglog_canonical_close(canonical, err);
    (void)seglog_canonical_close(canonical, NULL);
    return code;
}

seglog_code
seglog_canonical_restore(struct seglog_store repository,
                         struct seglog_store target,
                         const struct seglog_restore_options *options,
                         struct seglog_backup_info *info,
                         struct seglog_error *err)
{
    bool is_one = false;
    seglog_code code =
        seglog_backup_restore(repository, target, options, info, err);

    if (code == SEGLOG_OK)
        code = seglog_canonical_detect(target, &is_one, err);
    if (code == SEGLOG_OK && is_one && slg_view_is_built())
        code = store_release(target, err);
    return code;
}
