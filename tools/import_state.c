/* SPDX-License-Identifier: MIT */
/* tools/import_state.c - states of sources as bytes. */
#define _GNU_SOURCE
#include "tools/import_state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATE_VERSION 1
/* Everything before the older ones, and the two counts. */
#define STATE_BYTES (4 + 4 + 6 * 8 + 2 * 16 + 5 * 8 + 16 + 2 * 8 + 4 + 4 + 4)
#define OLDER_BYTES (16 + 16 + 8)
/* Coarser clocks of file systems than this are not met any more. */
#define RACY_NS (INT64_C(20) * 1000 * 1000)

void
import_state_free(struct import_state *state)
{
    free(state->older);
    free(state->target);
    *state = (struct import_state){ 0 };
}

static void *
memory_copy(const void *bytes, size_t len)
{
    void *copy = malloc(len ? len : 1);

    if (copy && len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

bool
import_state_copy(struct import_state *to, const struct import_state *from)
{
    *to = *from;
    to->older = memory_copy(from->older, from->older_count * sizeof *to->older);
    to->target = memory_copy(from->target, from->target_len);
    if (to->older && to->target)
        return true;
    import_state_free(to);
    return false;
}

bool
import_state_retire(struct import_state *state, int64_t now_ms)
{
    struct import_older *older =
        realloc(state->older, (state->older_count + (size_t)1) * sizeof *older);

    if (!older)
        return false;
    older[state->older_count++] =
        (struct import_older){ state->session, state->segment, now_ms };
    state->older = older;
    return true;
}

/* ---------------------------------------------------------------------------
 * Bytes
 */

struct cursor {
    uint8_t *p;
};

static void
put_number(struct cursor *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *out->p++ = (uint8_t)(value >> (8 * i));
}

static void
put_bytes(struct cursor *out, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(out->p, bytes, len);
    out->p += len;
}

static uint64_t
get_number(const uint8_t **in, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(*in)[i] << (8 * i);
    *in += bytes;
    return value;
}

static void
get_bytes(const uint8_t **in, void *bytes, size_t len)
{
    if (len > 0)
        memcpy(bytes, *in, len);
    *in += len;
}

char *
import_state_encode(const struct import_state *state, size_t *len)
{
    char *bytes = NULL;
    struct cursor out;

    *len = STATE_BYTES + OLDER_BYTES * (size_t)state->older_count +
           state->target_len;
    bytes = malloc(*len);
    if (!bytes)
        return NULL;
    out.p = (uint8_t *)bytes;
    put_number(&out, STATE_VERSION, 1);
    put_number(&out, state->type, 1);
    put_number(&out, state->flags, 1);
    put_number(&out, 0, 1);
    put_number(&out, state->mode, 4);
    put_number(&out, (uint64_t)state->mtime_ns, 8);
    put_number(&out, (uint64_t)state->ctime_ns, 8);
    put_number(&out, state->dev, 8);
    put_number(&out, state->ino, 8);
    put_number(&out, state->size, 8);
    put_number(&out, (uint64_t)state->deleted_at_ms, 8);
    put_bytes(&out, state->session.bytes, 16);
    put_bytes(&out, state->segment.bytes, 16);
    put_number(&out, state->records, 8);
    put_number(&out, state->bytes, 8);
    put_number(&out, state->lines, 8);
    put_number(&out, state->open_records, 8);
    put_number(&out, state->open_bytes, 8);
    put_bytes(&out, state->digest, IMPORT_DIGEST_BYTES);
    put_number(&out, state->head.epoch, 8);
    put_number(&out, state->head.next_record, 8);
    put_number(&out, state->head.checksum, 4);
    put_number(&out, state->older_count, 4);
    for (uint32_t i = 0; i < state->older_count; i++) {
        put_bytes(&out, state->older[i].session.bytes, 16);
        put_bytes(&out, state->older[i].segment.bytes, 16);
        put_number(&out, (uint64_t)state->older[i].replaced_at_ms, 8);
    }
    put_number(&out, state->target_len, 4);
    put_bytes(&out, state->target, state->target_len);
    return bytes;
}

static void
get_fixed(const uint8_t **in, struct import_state *state)
{
    state->type = (enum import_type)get_number(in, 1);
    state->flags = (unsigned)get_number(in, 1);
    (void)get_number(in, 1);
    state->mode = (uint32_t)get_number(in, 4) & 07777;
    state->mtime_ns = (int64_t)get_number(in, 8);
    state->ctime_ns = (int64_t)get_number(in, 8);
    state->dev = get_number(in, 8);
    state->ino = get_number(in, 8);
    state->size = get_number(in, 8);
    state->deleted_at_ms = (int64_t)get_number(in, 8);
    get_bytes(in, state->session.bytes, 16);
    get_bytes(in, state->segment.bytes, 16);
    state->records = get_number(in, 8);
    state->bytes = get_number(in, 8);
    state->lines = get_number(in, 8);
    state->open_records = get_number(in, 8);
    state->open_bytes = get_number(in, 8);
    get_bytes(in, state->digest, IMPORT_DIGEST_BYTES);
    state->head.epoch = get_number(in, 8);
    state->head.next_record = get_number(in, 8);
    state->head.checksum = (uint32_t)get_number(in, 4);
}

static bool
get_older(const uint8_t **in, struct import_state *state)
{
    state->older = calloc(state->older_count ? state->older_count : 1,
                          sizeof *state->older);
    if (!state->older)
        return false;
    for (uint32_t i = 0; i < state->older_count; i++) {
        get_bytes(in, state->older[i].session.bytes, 16);
        get_bytes(in, state->older[i].segment.bytes, 16);
        state->older[i].replaced_at_ms = (int64_t)get_number(in, 8);
    }
    return true;
}

bool
import_state_decode(const char *bytes, size_t len, struct import_state *state,
                    bool *is_out_of_memory)
{
    const uint8_t *in = (const uint8_t *)bytes;
    const uint8_t *const end = in + len;

    *state = (struct import_state){ 0 };
    *is_out_of_memory = false;
    if (len < STATE_BYTES || get_number(&in, 1) != STATE_VERSION)
        return false;
    get_fixed(&in, state);
    state->older_count = (uint32_t)get_number(&in, 4);
    if (state->type < IMPORT_FILE || state->type > IMPORT_LINK ||
        state->older_count > (len - STATE_BYTES) / OLDER_BYTES)
        return false;
    *is_out_of_memory = !get_older(&in, state);
    if (*is_out_of_memory)
        return false;
    state->target_len = (uint32_t)get_number(&in, 4);
    if ((size_t)(end - in) == state->target_len) {
        state->target = memory_copy(in, state->target_len);
        *is_out_of_memory = !state->target;
    }
    if (state->target)
        return true;
    import_state_free(state);
    return false;
}

/* ---------------------------------------------------------------------------
 * What stat says
 */

int64_t
import_time_ns(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int64_t
import_now_ns(void)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return import_time_ns(&now);
}

void
import_state_set_stat(struct import_state *state, const struct stat *stat,
                      int64_t now_ns)
{
    state->mode = stat->st_mode & 07777;
    state->mtime_ns = import_time_ns(&stat->st_mtim);
    state->ctime_ns = import_time_ns(&stat->st_ctim);
    state->dev = (uint64_t)stat->st_dev;
    state->ino = (uint64_t)stat->st_ino;
    state->size = (uint64_t)stat->st_size;
    state->flags &= ~(unsigned)IMPORT_RACY;
    if (state->ctime_ns > now_ns - RACY_NS)
        state->flags |= IMPORT_RACY;
}

bool
import_state_is_same(const struct import_state *state, const struct stat *stat)
{
    return state->deleted_at_ms == 0 &&
           (state->flags & (IMPORT_PENDING | IMPORT_RACY)) == 0 &&
           state->mode == (stat->st_mode & 07777) &&
           state->mtime_ns == import_time_ns(&stat->st_mtim) &&
           state->ctime_ns == import_time_ns(&stat->st_ctim) &&
           state->dev == (uint64_t)stat->st_dev &&
           state->ino == (uint64_t)stat->st_ino &&
           state->size == (uint64_t)stat->st_size;
}

void
import_key_write(char *key, const char root[IMPORT_ROOT_DIGITS],
                 const char *path, size_t path_len)
{
    key[0] = 'f';
    key[1] = '\0';
    memcpy(key + 2, root, IMPORT_ROOT_DIGITS);
    key[2 + IMPORT_ROOT_DIGITS] = '\0';
    if (path_len > 0)
        memcpy(key + IMPORT_KEY_PREFIX, path, path_len);
}
