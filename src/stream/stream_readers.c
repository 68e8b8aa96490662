/* SPDX-License-Identifier: MIT */
/* src/stream/stream_readers.c - segments that are open for reading. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/stream/stream_readers.h"

#include <string.h>

/* So often may a segment be gone when it is opened. */
#define GONE_MAX 64u

bool
slg_readers_init(struct slg_readers *readers, struct seglog_store store,
                 uint64_t stream)
{
    readers->store = store;
    readers->stream = stream;
    return pthread_mutex_init(&readers->mutex, NULL) == 0;
}

static void
open_reader_close(struct slg_open_reader *open)
{
    slg_chain_reader_close(open->reader);
    open->reader = NULL;
}

void
slg_readers_reset(struct slg_readers *readers)
{
    for (size_t i = 0; i < SLG_READERS_MAX; i++)
        open_reader_close(&readers->open[i]);
    slg_stream_parts_reset(&readers->parts);
    (void)pthread_mutex_destroy(&readers->mutex);
}

void
slg_readers_forget(struct slg_readers *readers)
{
    (void)pthread_mutex_lock(&readers->mutex);
    readers->are_known = false;
    (void)pthread_mutex_unlock(&readers->mutex);
}

/* -- with the mutex held --------------------------------------------------- */

static seglog_code
parts_look(struct slg_readers *readers, struct seglog_error *err)
{
    const seglog_code code = slg_stream_parts_list(
        readers->store, readers->stream, &readers->parts, err);

    if (code == SEGLOG_OK)
        readers->are_known = readers->parts.count > 0;
    return code;
}

/* NOT_FOUND: it was trimmed, and begins where it is said: since the names were
 * listed it may have been trimmed once more. */
static seglog_code
part_find(struct slg_readers *readers, uint64_t offset,
          struct slg_stream_part *part, bool *is_last, struct seglog_error *err)
{
    const struct slg_stream_part *found = NULL;
    const bool is_old = readers->are_known;
    seglog_code code = is_old ? SEGLOG_OK : parts_look(readers, err);

    if (code == SEGLOG_OK)
        code = slg_stream_parts_check(&readers->parts, offset, err);
    if (code == SEGLOG_NOT_FOUND && is_old) {
        code = parts_look(readers, err);
        if (code == SEGLOG_OK)
            code = slg_stream_parts_check(&readers->parts, offset, err);
    }
    if (code != SEGLOG_OK)
        return code;
    found = slg_stream_parts_find(&readers->parts, offset);
    /* What is before the first one is missing: that is where it shows. */
    if (!found && readers->parts.count > 0)
        found = readers->parts.parts;
    if (!found)
        return SEGLOG_END;
    *part = *found;
    *is_last = found == slg_stream_parts_last(&readers->parts);
    return SEGLOG_OK;
}

static bool
part_is_same(const struct slg_stream_part *a, const struct slg_stream_part *b)
{
    return a->first == b->first && a->last == b->last && a->offset == b->offset;
}

/* One that has the segment open, else one that can be opened; NULL: all are
 * taken. */
static struct slg_open_reader *
open_reader_choose(struct slg_readers *readers,
                   const struct slg_stream_part *part)
{
    struct slg_open_reader *chosen = NULL;

    for (size_t i = 0; i < SLG_READERS_MAX; i++) {
        struct slg_open_reader *open = &readers->open[i];

        if (open->is_taken)
            continue;
        if (open->reader && part_is_same(&open->part, part))
            return open;
        if (!chosen || open->used < chosen->used)
            chosen = open;
    }
    return chosen;
}

static struct slg_open_reader *
open_reader_reserve(struct slg_readers *readers,
                    const struct slg_stream_part *part,
                    struct slg_open_reader *spare)
{
    struct slg_open_reader *chosen = open_reader_choose(readers, part);

    if (!chosen) {
        *spare = (struct slg_open_reader){ 0 };
        return spare;
    }
    chosen->is_taken = true;
    chosen->used = ++readers->takes;
    return chosen;
}

/* -- taking and giving ----------------------------------------------------- */

static seglog_code
open_reader_open(const struct slg_readers *readers,
                 struct slg_open_reader *open,
                 const struct slg_stream_part *part, struct seglog_error *err)
{
    struct slg_chain_reader_options options = { .salvage = false };
    struct seglog_error local;
    seglog_code code = SEGLOG_OK;

    /* Of a segment that was compacted nobody is to see what was dropped. */
    if (open->reader && part_is_same(&open->part, part) &&
        !slg_chain_reader_is_replaced(open->reader))
        return SEGLOG_OK;
    open_reader_close(open);
    open->part = *part;
    slg_stream_part_name(readers->stream, part, open->name);
    code = slg_chain_reader_open(readers->store, open->name, &options,
                                 &open->reader, &local);
    if (code == SEGLOG_CORRUPT) {
        /* A header that is damaged keeps no event from being read. */
        options.salvage = true;
        code = slg_chain_reader_open(readers->store, open->name, &options,
                                     &open->reader, &local);
    }
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

static seglog_code
take_once(struct slg_readers *readers, uint64_t offset,
          struct slg_open_reader *spare, struct slg_open_reader **taken,
          bool *is_last, bool *is_trimmed, struct seglog_error *err)
{
    struct slg_stream_part part;
    struct slg_open_reader *open = NULL;
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&readers->mutex);
    code = part_find(readers, offset, &part, is_last, err);
    if (code == SEGLOG_OK)
        open = open_reader_reserve(readers, &part, spare);
    (void)pthread_mutex_unlock(&readers->mutex);
    *is_trimmed = code == SEGLOG_NOT_FOUND;
    if (code != SEGLOG_OK)
        return code;
    code = open_reader_open(readers, open, &part, err);
    if (code != SEGLOG_OK) {
        slg_readers_give(readers, open, false);
        return code;
    }
    *taken = open;
    return SEGLOG_OK;
}

seglog_code
slg_readers_take(struct slg_readers *readers, uint64_t offset,
                 struct slg_open_reader *spare, struct slg_open_reader **taken,
                 bool *is_last, struct seglog_error *err)
{
    struct seglog_error local;
    bool is_trimmed = false;
    seglog_code code = SEGLOG_NOT_FOUND;

    /* Merged with others, it has another name. */
    for (unsigned i = 0;
         i < GONE_MAX && code == SEGLOG_NOT_FOUND && !is_trimmed; i++) {
        code = take_once(readers, offset, spare, taken, is_last, &is_trimmed,
                         &local);
        if (code == SEGLOG_NOT_FOUND)
            slg_readers_forget(readers);
    }
    if (code != SEGLOG_OK && code != SEGLOG_END && err)
        *err = local;
    return code;
}

void
slg_readers_give(struct slg_readers *readers, struct slg_open_reader *taken,
                 bool is_sound)
{
    const bool is_spare =
        taken < readers->open || taken >= readers->open + SLG_READERS_MAX;

    if (!is_sound || is_spare)
        open_reader_close(taken);
    if (is_spare)
        return;
    (void)pthread_mutex_lock(&readers->mutex);
    taken->is_taken = false;
    (void)pthread_mutex_unlock(&readers->mutex);
}
