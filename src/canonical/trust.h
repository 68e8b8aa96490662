/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/trust.h - whether the files of a view are what was written
 * (SPEC.md 17.3).
 *
 * They are written without syncs.  A process that dies leaves what it wrote in
 * the system, in order; a machine that goes down leaves any part of it.  So a
 * mark beside the files says, durably and before they change, in which run of
 * the machine that is; and when they are whole on the device, that they are.
 * Files of another run that are not said to be whole are removed.  Where the
 * system does not say which run it is there is no view but of one handle.
 *
 * Layer  canonical
 */
#ifndef SLG_CANONICAL_TRUST_H
#define SLG_CANONICAL_TRUST_H

#include <stdbool.h>

#include "seglog/error.h"

#define SLG_BOOT_ID_CAP 64u

/*
 * Names the run of the machine; false: it cannot be told.  Tests put another
 * one here.
 */
extern bool (*slg_boot_id)(char id[SLG_BOOT_ID_CAP]);

/* Make the folder if it is missing, and remove what cannot be trusted.  Nobody
 * else opens the view meanwhile. */
seglog_code
slg_trust_prepare(const char *dir, struct seglog_error *err);

/* From now on they are not whole.  Durable. */
seglog_code
slg_trust_mark_dirty(const char *dir, struct seglog_error *err);

/* They are synced, and nobody has written since.  Durable. */
seglog_code
slg_trust_mark_clean(const char *dir, struct seglog_error *err);

/* Remove what is in the folder, and the folder.  For a view of one handle. */
void
slg_trust_remove_all(const char *dir);

#endif /* SLG_CANONICAL_TRUST_H */
