/* SPDX-License-Identifier: MIT */
/*
 * src/session/names.h - things that are found by name: names.seg.
 *
 * A table whose keys are a space (one byte) and a name.
 *
 * Threads  any: it has a mutex
 * Layer    session
 */
#ifndef SLG_NAMES_H
#define SLG_NAMES_H

#include "seglog/session.h"
#include "src/session/index.h"

struct slg_names;

/* A space that is nobody's but the store's own (SPEC.md 14.4). */
#define SLG_NAMES_SETTING ((enum seglog_name_space)4)

/* index: told when the blob of the names is made or replaced. */
seglog_code
slg_names_new(struct seglog_store store, struct slg_index *index,
              bool is_read_only, int lock_timeout_ms, struct slg_names **names,
              struct seglog_error *err);
void
slg_names_free(struct slg_names *names);

/* As seglog_name_write and its kin, for every space. */
seglog_code
slg_names_write(struct slg_names *names, const struct seglog_named *items,
                size_t count, enum seglog_level level,
                struct seglog_error *err);
/* *data NULL: there is none. */
seglog_code
slg_names_read(struct slg_names *names, enum seglog_name_space space,
               struct seglog_slice name, char **data, size_t *len,
               struct seglog_error *err);
seglog_code
slg_names_list(struct slg_names *names, enum seglog_name_space space,
               struct seglog_slice prefix, seglog_named_fn fn, void *arg,
               struct seglog_error *err);

#endif /* SLG_NAMES_H */
