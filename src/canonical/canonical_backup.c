/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/canonical_backup.c - a backup of one position.
 *
 * State and events are one log, so a backup of the log up to a position is one
 * of both.  Writers are held up only while names and sizes are looked up.
 */
#include <inttypes.h>
#include <stdio.h>

#include "src/canonical/backup.h"
#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"

struct frozen {
    struct seglog_canonical *canonical;
    struct slg_turn turn;
};

static seglog_code
store_freeze(void *arg, struct slg_backup_position *position,
             struct seglog_error *err)
{
    struct frozen *frozen = arg;
    struct seglog_canonical *canonical = frozen->canonical;
    const seglog_code code =
        slg_turn_begin(canonical, true, canonical->options.lock_timeout_ms,
                       &frozen->turn, err);

    if (code != SEGLOG_OK)
        return code;
    position->is_known = true;
    position->number = frozen->turn.head.position;
    (void)snprintf(position->text, sizeof position->text,
                   "before transaction %" PRIu64 " and event %" PRIu64,
                   frozen->turn.head.position, frozen->turn.head.next_event);
    return SEGLOG_OK;
}

static void
store_thaw(void *arg)
{
    struct frozen *frozen = arg;

    slg_turn_abort(&frozen->turn);
}

seglog_code
seglog_canonical_backup(struct seglog_canonical *canonical,
                        struct seglog_store repository,
                        const struct seglog_backup_options *options,
                        struct seglog_backup_info *info,
                        struct seglog_error *err)
{
    struct frozen frozen = { .canonical = canonical };
    struct slg_backup_source source = {
        .freeze = store_freeze,
        .thaw = store_thaw,
        .arg = &frozen,
    };

    if (!canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the store is NULL");
    source.store = canonical->store;
    return slg_backup_make(&source, repository, options, info, err);
}
