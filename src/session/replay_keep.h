/* SPDX-License-Identifier: MIT */
/*
 * src/session/replay_keep.h - the memory of a replay: bytes that stay where
 * they are, and arrays that grow.
 *
 * Layer  session
 */
#ifndef SLG_SESSION_REPLAY_KEEP_H
#define SLG_SESSION_REPLAY_KEEP_H

#include <stdbool.h>
#include <stddef.h>

struct slg_keep_block;

/* Bytes in blocks; freed all at once.  Zeroed, it holds none. */
struct slg_keep {
    struct slg_keep_block *block; /* the one that is being filled */
};

/* Where a keep stands, to go back to. */
struct slg_keep_mark {
    struct slg_keep_block *block;
    size_t used;
};

/* len bytes, or NULL.  len 0 gives a place that must not be written. */
char *
slg_keep_take(struct slg_keep *keep, size_t len);

struct slg_keep_mark
slg_keep_mark(const struct slg_keep *keep);

/* Forget what was taken after the mark. */
void
slg_keep_back(struct slg_keep *keep, struct slg_keep_mark mark);

void
slg_keep_free(struct slg_keep *keep);

/* An array of items of one size; zeroed, it is empty. */
struct slg_array {
    void *items;
    size_t count;
    size_t cap;
};

/* A place behind the last item, which counts from now on; NULL: no memory. */
void *
slg_array_push(struct slg_array *array, size_t item_size);

#endif /* SLG_SESSION_REPLAY_KEEP_H */
