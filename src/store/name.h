/* SPDX-License-Identifier: MIT */
/* src/store/name.h - names of blobs, lists of them, and text on one line. */
#ifndef SLG_STORE_NAME_H
#define SLG_STORE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "seglog/store.h"

#define SLG_NAME_MAX 255
#define SLG_NAME_CAP (SLG_NAME_MAX + 1)

/* What the file store adds to a name for its lock. */
#define SLG_LOCK_SUFFIX ".lock"

bool
slg_name_has_suffix(const char *name, const char *suffix);

/* INVALID with a sentence unless name keeps the rule of seglog/store.h. */
seglog_code
slg_name_check(const char *name, struct seglog_error *err);

/*
 * A list is collected first and told to the caller afterwards, in byte order,
 * so that the caller may open and remove blobs from inside its callback.
 * Starts zeroed.
 */
struct slg_name_list {
    char **names;
    size_t count;
    size_t cap;
};

/* NO_MEMORY leaves the list as it was. */
seglog_code
slg_name_list_add(struct slg_name_list *list, const char *name,
                  struct seglog_error *err);

void
slg_name_list_tell(struct slg_name_list *list, seglog_list_fn fn, void *arg);

void
slg_name_list_reset(struct slg_name_list *list);

/* Put '?' for control characters. */
void
slg_text_to_line(char *text);

#endif /* SLG_STORE_NAME_H */
