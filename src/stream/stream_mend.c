/* SPDX-License-Identifier: MIT */
/* src/stream/stream_mend.c - lock, look, keep, put in its place. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/stream/stream_mend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_window.h"
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"
#include "src/stream/stream_compact.h"
#include "src/stream/stream_slot.h"

#define COMPARE_BYTES ((size_t)64 << 10)

bool
slg_mend_cuts(const struct slg_mend *mend)
{
    return mend->how == SEGLOG_STREAM_MEND_CUT ||
           mend->how == SEGLOG_STREAM_MEND_CUT_FIRST;
}

/* -- keeping the damaged one ----------------------------------------------- */

/* What was forged is zeros in the one, and so it is in what was kept of it. */
static seglog_code
blobs_compare(struct seglog_blob a, struct seglog_blob b, bool *is_same,
              struct seglog_error *err)
{
    uint8_t *bytes = NULL;
    uint64_t size = 0;
    uint64_t other = 0;
    seglog_code code = seglog_blob_get_size(a, &size, NULL, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(b, &other, NULL, err);
    *is_same = size == other;
    if (code != SEGLOG_OK || !*is_same)
        return code;
    bytes = malloc(2 * COMPARE_BYTES);
    if (!bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory to compare");
    for (uint64_t at = 0; at < size && *is_same && code == SEGLOG_OK;
         at += COMPARE_BYTES) {
        const size_t len =
            size - at < COMPARE_BYTES ? (size_t)(size - at) : COMPARE_BYTES;

        code = slg_blob_read(a, at, bytes, len, err);
        if (code == SEGLOG_OK)
            code = slg_blob_read(b, at, bytes + COMPARE_BYTES, len, err);
        *is_same =
            code == SEGLOG_OK && memcmp(bytes, bytes + COMPARE_BYTES, len) == 0;
    }
    free(bytes);
    return code;
}

/* One that is there is that of a mending that did not get to its end, or of
 * another time: which is EXISTS. */
static seglog_code
kept_check(struct seglog_store store, struct seglog_blob from, const char *name,
           bool *is_kept, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    struct seglog_blob kept = { 0 };
    seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_READ, &kept, err);

    *is_kept = false;
    if (code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (code == SEGLOG_OK)
        code = blobs_compare(from, kept, is_kept, err);
    (void)seglog_blob_close(&kept, NULL);
    if (code == SEGLOG_OK && !*is_kept)
        code = slg_fail(err, SEGLOG_EXISTS, &place,
                        "it is what an earlier mending has kept: move it away "
                        "first");
    return code;
}

/* Under its name it is whole, and on the device. */
static seglog_code
kept_write(struct seglog_store store, struct seglog_blob from, const char *name,
           struct seglog_error *err)
{
    char temp[SLG_MEND_NAME_CAP + sizeof ".new"];
    struct seglog_blob to = { 0 };
    uint64_t size = 0;
    seglog_code code = SEGLOG_OK;

    (void)snprintf(temp, sizeof temp, "%s.new", name);
    code = seglog_blob_get_size(from, &size, NULL, err);
    /* What somebody left who died here, in whatever state. */
    if (code == SEGLOG_OK)
        code = slg_stream_blob_remove(store, temp, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_open(
            store, temp, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE, &to,
            err);
    if (code == SEGLOG_OK)
        code = slg_blob_copy(from, 0, size, to, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(to, err);
    (void)seglog_blob_close(&to, NULL);
    if (code == SEGLOG_OK)
        code = seglog_store_replace(store, temp, name, err);
    if (code != SEGLOG_OK)
        (void)slg_stream_blob_remove(store, temp, NULL);
    return code;
}

/* What of it does not authenticate, and is zeros in what is kept. */
static seglog_code
forged_add_up(struct seglog_blob from, const char *name, uint64_t *forged,
              struct seglog_error *err)
{
    struct slg_window window;
    seglog_code code = slg_window_init(&window, from, name, false, err);

    *forged = 0;
    for (uint64_t at = 0; code == SEGLOG_OK && at < window.size;
         at += SLG_WINDOW_BYTES) {
        const uint64_t left = window.size - at;

        code = slg_window_fill(
            &window, at,
            left < SLG_WINDOW_BYTES ? (size_t)left : SLG_WINDOW_BYTES, err);
    }
    for (size_t i = 0; i < window.bad_count; i++)
        *forged += window.bad[i].end - window.bad[i].start;
    slg_window_reset(&window);
    return code;
}

static seglog_code
damaged_keep(const struct slg_mend *mend, const char *name, uint64_t *forged,
             struct seglog_error *err)
{
    const struct seglog_store store = mend->streams->store;
    struct seglog_blob from = { 0 };
    bool is_kept = false;
    seglog_code code =
        seglog_blob_open(store, mend->name, SEGLOG_OPEN_READ, &from, err);

    if (code == SEGLOG_OK)
        code = kept_check(store, from, name, &is_kept, err);
    if (code == SEGLOG_OK && !is_kept)
        code = kept_write(store, from, name, err);
    if (code == SEGLOG_OK)
        code = forged_add_up(from, mend->name, forged, err);
    (void)seglog_blob_close(&from, NULL);
    return code;
}

/* -- mending --------------------------------------------------------------- */

/* The lock of the segment is held. */
static seglog_code
segment_mend(struct slg_mend *mend, struct seglog_stream_mended *mended,
             struct seglog_error *err)
{
    const struct seglog_store store = mend->streams->store;
    const struct slg_place place = { .name = mend->name,
                                     .offset = SEGLOG_NO_OFFSET };
    seglog_code code =
        seglog_segment_get_summary(store, mend->name, &mend->summary, err);

    if (code == SEGLOG_OK)
        code = slg_mend_look(mend, err);
    if (code == SEGLOG_OK && !mend->has_loss && mend->is_end_known) {
        mended->name[0] = '\0';
        return SEGLOG_OK;
    }
    if (code == SEGLOG_OK && !mend->has_loss)
        code = slg_fail(err, SEGLOG_CORRUPT, &place,
                        "nothing of it is lost, and still nobody can append: "
                        "`seglog check` says why");
    /* Nothing is kept of one that cannot be mended. */
    if (code == SEGLOG_OK)
        code = slg_mend_write(mend, mended, err);
    if (code != SEGLOG_OK)
        return code;
    code = damaged_keep(mend, mended->name, &mended->unreadable, err);
    if (code != SEGLOG_OK) {
        (void)slg_stream_blob_remove(store, mend->new_name, NULL);
        return code;
    }
    return seglog_store_replace(store, mend->new_name, mend->name, err);
}

static seglog_code
segment_lock_and_mend(struct slg_mend *mend,
                      struct seglog_stream_mended *mended,
                      struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    seglog_code code =
        slg_stream_part_lock(mend->streams, mend->name, &lock, err);

    if (code != SEGLOG_OK)
        return code;
    code = segment_mend(mend, mended, err);
    (void)seglog_lock_release(lock, NULL);
    seglog_lock_close(&lock);
    return code;
}

static seglog_code
last_mend(struct slg_mend *mend, struct seglog_stream_mended *mended,
          struct seglog_error *err)
{
    seglog_code code = slg_stream_parts_list(mend->streams->store, mend->stream,
                                             &mend->parts, err);

    if (code == SEGLOG_OK && mend->parts.count == 0)
        code = slg_stream_fail_missing(mend->stream, err);
    if (code != SEGLOG_OK)
        return code;
    mend->part = slg_stream_parts_last(&mend->parts);
    slg_stream_part_name(mend->stream, mend->part, mend->name);
    (void)snprintf(mend->new_name, sizeof mend->new_name, "%s.new", mend->name);
    (void)snprintf(mended->name, sizeof mended->name, "%s.damaged", mend->name);
    code = segment_lock_and_mend(mend, mended, err);
    if (code != SEGLOG_OK)
        mended->name[0] = '\0';
    return code;
}

/* Whoever has it open here opens it anew. */
static seglog_code
slot_break(struct slg_streams *streams, uint64_t stream,
           struct seglog_error *err)
{
    struct slg_slot *slot = NULL;
    const seglog_code code = slg_slot_take(streams, stream, &slot, err);

    if (code != SEGLOG_OK)
        return code;
    (void)pthread_mutex_lock(&slot->tombs_mutex);
    slg_tombs_reset(&slot->tombs);
    (void)pthread_mutex_unlock(&slot->tombs_mutex);
    (void)pthread_mutex_lock(&slot->mutex);
    slg_slot_break(slot);
    (void)pthread_mutex_unlock(&slot->mutex);
    slg_slot_give(slot);
    return SEGLOG_OK;
}

static seglog_code
stream_mend(struct slg_streams *streams, uint64_t stream,
            enum seglog_stream_mend how, struct seglog_stream_mended *mended,
            struct seglog_error *err)
{
    struct slg_mend mend = { .streams = streams, .stream = stream, .how = how };
    size_t segments = 0;
    seglog_code code = seglog_stream_segment_count(slg_streams_wrap(streams),
                                                   stream, &segments, err);

    if (code == SEGLOG_OK && segments == 0)
        code = slg_stream_fail_missing(stream, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_stream_latest(streams, stream, &mended->end, err);
    mend.is_end_known = code == SEGLOG_OK;
    if (code != SEGLOG_CORRUPT &&
        (code != SEGLOG_OK || how != SEGLOG_STREAM_MEND_CUT_FIRST))
        return code;
    code = last_mend(&mend, mended, err);
    slg_stream_parts_reset(&mend.parts);
    free(mend.tombs);
    return code == SEGLOG_OK ? slot_break(streams, stream, err) : code;
}

seglog_code
seglog_stream_mend(struct seglog_streams streams, uint64_t stream,
                   enum seglog_stream_mend how,
                   struct seglog_stream_mended *result,
                   struct seglog_error *err)
{
    struct seglog_stream_mended mended = { .lost = 0 };
    struct slg_streams *own = NULL;
    seglog_code code = slg_streams_of(streams, &own, err);

    if (code == SEGLOG_OK)
        code = slg_streams_check_writable(own, err);
    if (code == SEGLOG_OK && how != SEGLOG_STREAM_MEND_CUT &&
        how != SEGLOG_STREAM_MEND_RESUME && how != SEGLOG_STREAM_MEND_CUT_FIRST)
        code =
            slg_fail(err, SEGLOG_INVALID, NULL, "there is no such way to mend");
    if (code == SEGLOG_OK)
        code = stream_mend(own, stream, how, &mended, err);
    if (result)
        *result = mended;
    return code;
}
