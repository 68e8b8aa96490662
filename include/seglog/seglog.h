/* SPDX-License-Identifier: MIT */
/*
 * seglog/seglog.h - everything a program may use, in one include.
 *
 * seglog keeps append-only logs as checksummed binary records.  Each header
 * is one subject and opens with what it is for:
 *
 *   segment.h        one log: write it, read it, scan it, repair it
 *   session.h        many logs: the sessions of a program, forks, names
 *   dictionary.h     what small segments have in common, kept once
 *   replay.h         the state that the entries of a session amount to
 *   store.h          where bytes live: files, memory, a store of your own
 *   encrypted_store.h  the same, encrypted
 *   json_line.h      is this line one JSON value
 *   json_diagnose.h  what happened to a line that is none
 *   json_mend.h      what of such a line can be had back
 *   seal.h           make a finished segment small
 *   stream.h         streams: hash-chained, appended at an expected offset
 *   chain.h          how records are chained
 *   canonical.h      state and events in one commit
 *   preflight.h      plans: check first, then write
 *   backup.h         copies of a byte store that were looked at
 *   stripe_lock.h    lock sets of keys
 *   uuid.h, slice.h  ids; bytes that belong to somebody else
 *   error.h          what went wrong, where, and what to do about it
 *   version.h        the versions of the library and of the format
 *   export.h         the attributes of the declarations
 */
#ifndef SEGLOG_SEGLOG_H
#define SEGLOG_SEGLOG_H

#include "seglog/canonical.h"
#include "seglog/backup.h"
#include "seglog/chain.h"
#include "seglog/dictionary.h"
#include "seglog/encrypted_store.h"
#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/json_diagnose.h"
#include "seglog/json_line.h"
#include "seglog/json_mend.h"
#include "seglog/preflight.h"
#include "seglog/replay.h"
#include "seglog/seal.h"
#include "seglog/segment.h"
#include "seglog/session.h"
#include "seglog/slice.h"
#include "seglog/store.h"
#include "seglog/stream.h"
#include "seglog/stripe_lock.h"
#include "seglog/uuid.h"
#include "seglog/version.h"

#endif /* SEGLOG_SEGLOG_H */
