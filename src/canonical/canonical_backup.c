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
