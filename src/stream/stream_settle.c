/* SPDX-License-Identifier: MIT */
/* src/stream/stream_settle.c - what a power cut has left at the end. */
#include <stdio.h>
#include <string.h>

#include "src/segment/segment_writer.h"
#include "src/store/fail.h"
#include "src/stream/stream_round.h"

/* What a scan says, as far as it matters here. */
struct looked {
    struct seglog_finding hole; /* the first that may be cut off */
    bool has_hole;
    bool is_durable; /* something at or behind it was acknowledged */
};

/* Is it of bytes that never got to the device, before others that did? */
static bool
finding_is_hole(const struct seglog_finding *finding)
{
    return finding->first_record != 0 &&
           finding->durable != SEGLOG_DURABLE_YES &&
           (finding->verdict == SEGLOG_VERDICT_UNORDERED ||
            (finding->verdict == SEGLOG_VERDICT_FOREIGN &&
             finding->cause == SEGLOG_CAUSE_STALE));
}

static void
finding_take(void *arg, const struct seglog_finding *finding)
{
    struct looked *looked = arg;

    if (finding_is_hole(finding) &&
        (!looked->has_hole || finding->first_byte < looked->hole.first_byte)) {
        looked->hole = *finding;
        looked->has_hole = true;
    }
}

static void
finding_judge(void *arg, const struct seglog_finding *finding)
{
    struct looked *looked = arg;

    looked->is_durable |= finding->first_byte >= looked->hole.first_byte &&
                          finding->durable == SEGLOG_DURABLE_YES;
}

/* Is there such a hole, and nothing at it or behind it that was synced? */
static seglog_code
hole_find(struct seglog_store store, const char *name, struct looked *looked,
          struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    struct seglog_scan_options options = { .size = sizeof options,
                                           .on_finding = finding_take,
                                           .arg = looked };
    struct seglog_scan_summary summary;
    seglog_code code = seglog_scan(store, name, &options, &summary, err);

    if (code == SEGLOG_OK && looked->has_hole) {
        options.on_finding = finding_judge;
        code = seglog_scan(store, name, &options, &summary, err);
    }
    if (code != SEGLOG_OK)
        return code;
    if (looked->has_hole && !looked->is_durable &&
        looked->hole.first_record > summary.watermark)
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "the end of the stream is damaged, so that its head is not "
                    "known (%s): `seglog check` says how, `seglog mend` makes "
                    "it go on",
                    seglog_verdict_name(summary.verdict));
}

/* From there on, as NAME.torn. */
static seglog_code
tail_keep(struct seglog_store store, const char *name, uint64_t begin,
          struct seglog_error *err)
{
    char torn_name[SEGLOG_STREAM_NAME_CAP + sizeof ".torn"];
    struct seglog_blob torn = { 0 };
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    seglog_code code = SEGLOG_OK;

    (void)snprintf(torn_name, sizeof torn_name, "%s.torn", name);
    code = seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(blob, &size, NULL, err);
    /* What an earlier one has kept, or did not finish. */
    if (code == SEGLOG_OK)
        code = slg_stream_blob_remove(store, torn_name, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_open(
            store, torn_name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
            &torn, err);
    if (code == SEGLOG_OK)
        code = slg_blob_copy(blob, begin, size, torn, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(torn, err);
    (void)seglog_blob_close(&torn, NULL);
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

/*
 * To the first byte of the hole: what is left of it is a torn tail, which the
 * next writer takes away, and begins a new epoch behind (SPEC.md 7.3).
 */
static seglog_code
hole_cut(struct seglog_store store, const char *name, uint64_t begin,
         struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_WRITE, &blob, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_truncate(blob, begin + 1, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(blob, err);
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

/* The lock of the segment is held. */
static seglog_code
hole_settle(struct seglog_store store, const char *name,
            struct seglog_lock lock, struct seglog_error *err)
{
    struct looked looked = { 0 };
    /* Somebody else may have done it meanwhile. */
    seglog_code code = hole_find(store, name, &looked, err);
    void *hint = seglog_lock_get_hint(lock);

    if (code == SEGLOG_OK)
        code = tail_keep(store, name, looked.hole.first_byte, err);
    if (code != SEGLOG_OK)
        return code;
    /* Whatever was known of the end is so no more. */
    if (hint)
        memset(hint, 0, SEGLOG_LOCK_HINT_BYTES);
    return hole_cut(store, name, looked.hole.first_byte, err);
}

seglog_code
slg_stream_settle(const struct slg_streams *streams, const char *name,
                  struct seglog_error *err)
{
    const struct seglog_store store = streams->store;
    struct looked looked = { 0 };
    struct seglog_lock lock = { 0 };
    seglog_code code = hole_find(store, name, &looked, err);

    if (code == SEGLOG_OK)
        code = seglog_lock_open(store, name, &lock, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(lock, streams->options.lock_timeout_ms, err);
    if (code == SEGLOG_OK) {
        code = hole_settle(store, name, lock, err);
        (void)seglog_lock_release(lock, NULL);
    }
    seglog_lock_close(&lock);
    return code;
}
