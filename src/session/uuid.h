/* SPDX-License-Identifier: MIT */
/* src/session/uuid.h - ids of sessions and segments. */
#ifndef SLG_SESSION_UUID_H
#define SLG_SESSION_UUID_H

#include "seglog/uuid.h"

/*
 * As if no id had been made yet, so that the next ones follow from the clock
 * and from chance alone.  For tests that set both back: ids made before may come
 * again.
 */
void
slg_uuid_forget(void);

#endif /* SLG_SESSION_UUID_H */
