/* SPDX-License-Identifier: MIT */
/* src/segment/segment_writer_tail.c - where a writer goes on. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/segment/segment_window.h"
#include "src/segment/segment_writer.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"

#define COPY_BYTES ((size_t)65536)

/* How long a segment is taken to be as it was left, while the hint says so. */
static const int64_t AS_LEFT_NS = 1000000;

static uint64_t
larger_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* -- cutting -------------------------------------------------------------- */

bool
slg_blob_can_cut(struct seglog_blob blob)
{
    const size_t reach =
        offsetof(struct seglog_blob_ops, truncate) + sizeof blob.ops->truncate;

    return blob.ops->size >= reach && blob.ops->truncate != NULL;
}

seglog_code
slg_blob_copy(struct seglog_blob from, uint64_t begin, uint64_t end,
              struct seglog_blob to, struct seglog_error *err)
{
    uint8_t *bytes = malloc(COPY_BYTES);
    seglog_code code = SEGLOG_OK;

    if (!bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory to copy a part of the segment");
    while (begin < end && code == SEGLOG_OK) {
        const size_t len =
            end - begin < COPY_BYTES ? (size_t)(end - begin) : COPY_BYTES;

        code = slg_blob_read(from, begin, bytes, len, err);
        if (code == SEGLOG_OK)
            code =
                seglog_blob_append(to, SEGLOG_END_ANY, bytes, len, NULL, err);
        begin += len;
    }
    free(bytes);
    return code;
}

/*
 * What is kept of an earlier cut gives way.  Should this be interrupted, the
 * tail is still in the segment and is kept again by the next writer.
 */
static seglog_code
tail_keep(const struct seglog_writer *writer, uint64_t begin, uint64_t end,
          struct seglog_error *err)
{
    char name[SLG_NAME_CAP + sizeof ".torn"];
    struct seglog_blob torn = { 0 };
    seglog_code code = SEGLOG_OK;
    seglog_code close_code = SEGLOG_OK;

    (void)snprintf(name, sizeof name, "%s.torn", writer->name);
    code = seglog_blob_open(writer->store, name,
                            SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &torn, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_truncate(torn, 0, err);
    if (code == SEGLOG_OK)
        code = slg_blob_copy(writer->blob, begin, end, torn, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(torn, err);
    close_code = seglog_blob_close(&torn, code == SEGLOG_OK ? err : NULL);
    return code == SEGLOG_OK ? close_code : code;
}

seglog_code
slg_writer_cut(struct seglog_writer *writer, uint64_t new_size, uint64_t size,
               struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (writer->keeps_torn_tail)
        code = tail_keep(writer, new_size, size, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_truncate(writer->blob, new_size, err);
    if (code != SEGLOG_OK)
        return code;
    writer->torn_bytes += size - new_size;
    code = seglog_blob_sync(writer->blob, err);
    if (code != SEGLOG_OK)
        writer->is_poisoned = true;
    return code;
}

/* The CRC of a part of the segment. */
static seglog_code
part_crc(struct seglog_blob blob, uint64_t begin, uint64_t end, uint32_t *crc,
         struct seglog_error *err)
{
    uint8_t *bytes = malloc(COPY_BYTES);
    seglog_code code = SEGLOG_OK;

    if (!bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory to read the end of the segment");
    for (*crc = 0; begin < end && code == SEGLOG_OK;) {
        const size_t len =
            end - begin < COPY_BYTES ? (size_t)(end - begin) : COPY_BYTES;

        code = slg_blob_read(blob, begin, bytes, len, err);
        if (code == SEGLOG_OK)
            *crc = slg_crc32(*crc, bytes, len);
        begin += len;
    }
    free(bytes);
    return code;
}

/*
 * Torn bytes that lack a part of their checksum, and to which the first bytes
 * of a sync point are just that part: they would become a record that nobody
 * knows of, and the sync point would be lost.
 */
static seglog_code
tail_is_completed(const struct seglog_writer *writer,
                  const struct slg_point *torn, uint64_t size,
                  bool *is_completed, struct seglog_error *err)
{
    static const uint8_t start[SLG_CHECKSUM_BYTES] = {
        SLG_HEAD_CONTROL, SLG_SYNC_POINT_BYTES - 6, SLG_CONTROL_SYNC_POINT, 0xB7
    };
    uint8_t bytes[SLG_HEAD_MAX + 1];
    uint8_t wanted[SLG_CHECKSUM_BYTES];
    const uint64_t torn_len = size - torn->end;
    const size_t head =
        torn_len < sizeof bytes ? (size_t)torn_len : sizeof bytes;
    struct slg_frame frame;
    uint32_t crc = 0;
    seglog_code code = slg_blob_read(writer->blob, torn->end, bytes, head, err);

    *is_completed = false;
    if (code != SEGLOG_OK ||
        !slg_frame_parse(bytes, head, &writer->limits, &frame) ||
        torn_len >= frame.len || torn_len < slg_frame_covered(&frame))
        return code;
    code = part_crc(writer->blob, torn->end,
                    torn->end + slg_frame_covered(&frame), &crc, err);
    slg_store_le32(wanted, crc ^ slg_mix(torn->number, torn->salt));
    const size_t missing = (size_t)(frame.len - torn_len);
    *is_completed =
        memcmp(wanted + sizeof wanted - missing, start, missing) == 0;
    return code;
}

/* Go on behind torn bytes that stay. */
static seglog_code
tail_leave(const struct seglog_writer *writer, const struct slg_point *torn,
           uint64_t *size, struct seglog_error *err)
{
    bool is_completed = false;
    seglog_code code =
        *size > torn->end
            ? tail_is_completed(writer, torn, *size, &is_completed, err)
            : SEGLOG_OK;

    if (code == SEGLOG_OK && is_completed)
        code = seglog_blob_append(writer->blob, *size, "", 1, NULL, err);
    *size += code == SEGLOG_OK && is_completed;
    return code;
}

/* flushed stands where the torn bytes start. */
static seglog_code
tail_pass(struct seglog_writer *writer, uint64_t size, struct seglog_error *err)
{
    /*
     * Said in the hint before it is done: a writer that dies right after
     * cutting leaves a segment that looks as if nothing had been cut.
     */
    writer->flushed.is_cut = true;
    slg_hint_save(writer);
    slg_hint_begin_write(writer);
    if (slg_blob_can_cut(writer->blob))
        return slg_writer_cut(writer, writer->flushed.end, size, err);
    const uint64_t begin = writer->flushed.end;
    const seglog_code code = tail_leave(writer, &writer->flushed, &size, err);
    if (code != SEGLOG_OK)
        return code;
    writer->torn_bytes += size - begin;
    writer->flushed.end = size;
    return SEGLOG_OK;
}

/* -- damage --------------------------------------------------------------- */

static seglog_code
fail_damaged(const struct seglog_writer *writer, const struct slg_tail *tail,
             struct seglog_error *err)
{
    const struct seglog_finding *finding = &tail->finding;
    const struct slg_place place = {
        .name = writer->name,
        .record_no = finding->first_record,
        .line_no = finding->line,
        .offset = finding->first_byte,
    };

    return slg_fail(
        err, tail->verdict == SEGLOG_VERDICT_IO ? SEGLOG_IO : SEGLOG_CORRUPT,
        &place,
        "the end of the segment is damaged (%s, %s); run `seglog "
        "repair`, or go on in a new segment",
        seglog_verdict_name(tail->verdict), seglog_cause_name(finding->cause));
}

static bool
identity_is_known(const struct slg_header *header)
{
    static const uint8_t unknown[SLG_IDENTITY_BYTES];

    return memcmp(header->identity, unknown, sizeof unknown) != 0;
}

/*
 * Go on behind the damage, under a new epoch: nothing before it can be taken
 * for something written from here on.  What is known to be lost keeps its
 * numbers.  Without an identity no sync point can be made that a reader would
 * accept.
 */
static seglog_code
damage_pass(const struct seglog_writer *writer, const struct slg_tail *tail,
            struct slg_point *at, struct seglog_error *err)
{
    const uint64_t last_lost = tail->finding.last_record;
    uint64_t size = tail->size;

    if (!writer->appends_to_damaged || tail->verdict == SEGLOG_VERDICT_IO ||
        !identity_is_known(&writer->header) || last_lost >= SLG_NUMBER_MAX)
        return fail_damaged(writer, tail, err);
    const seglog_code code = tail_leave(writer, at, &size, err);
    if (code != SEGLOG_OK)
        return code;
    at->end = size;
    if (at->number <= last_lost)
        at->number = last_lost + 1;
    at->is_after_sync = false;
    at->is_closed = false;
    at->is_cut = true;
    return SEGLOG_OK;
}

seglog_code
slg_writer_settle(struct seglog_writer *writer, const struct slg_tail *tail,
                  struct seglog_error *err)
{
    const bool is_torn = tail->verdict == SEGLOG_VERDICT_TORN && tail->end > 0;
    struct slg_point at = {
        .end = tail->end,
        .number = tail->number,
        .line = tail->line,
        .sync_offset = tail->sync_offset,
        .digest = tail->digest,
        .watermark = tail->watermark,
        .epoch = tail->epoch,
        .salt = tail->salt,
        .checksum = tail->checksum,
        .is_after_sync = tail->is_after_sync,
        .is_closed = tail->is_closed,
        .is_unsure = tail->is_unsure,
    };
    seglog_code chain_code = SEGLOG_OK;

    /*
     * flushed stays before damage: the next call is to meet it again.  With
     * the salt alone, what is read is sound and still cannot be gone on with.
     */
    if ((tail->verdict != SEGLOG_VERDICT_OK && !is_torn) ||
        !identity_is_known(&writer->header)) {
        const seglog_code code = damage_pass(writer, tail, &at, err);

        if (code != SEGLOG_OK)
            return code;
    }
    chain_code = slg_writer_settle_chain(writer, tail, &at, err);
    if (chain_code != SEGLOG_OK)
        return chain_code;
    if (at.watermark >= at.number)
        at.watermark = at.number - 1;
    writer->flushed = at;
    writer->is_stale = true;
    /* Torn and at the very end: torn bytes that somebody has passed over. */
    return is_torn && tail->end < tail->size
               ? tail_pass(writer, tail->size, err)
               : SEGLOG_OK;
}

/* -- what others did since ------------------------------------------------ */

static seglog_code
fail_replaced(const struct seglog_writer *writer, struct seglog_error *err)
{
    const struct slg_place place = { .name = writer->name,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, SEGLOG_SEALED, &place,
                    "it was sealed or replaced by another; open it again");
}

/*
 * Where bodies are compressed, reading needs and leaves what they refer to.
 * Should it fail, nothing of that is known any more.
 */
static void
tail_lend_history(struct seglog_writer *writer, const struct slg_point *base,
                  struct slg_tail *tail)
{
    if (!writer->packer)
        return;
    tail->history = slg_packer_lend(writer->packer);
    tail->has_history = base && slg_writer_can_pack(writer, base);
    if (base && (base->is_after_sync || base->is_closed ||
                 base->end <= SLG_HEADER_BYTES))
        slg_history_clear(tail->history);
    writer->packed_end = 0;
}

static void
tail_return_history(struct seglog_writer *writer, const struct slg_tail *tail,
                    bool is_continued)
{
    if (!writer->packer || !tail->has_history)
        return;
    writer->packed_end = tail->end;
    writer->packed_epoch = tail->epoch;
    if (is_continued)
        slg_packer_take_back(writer->packer);
}

/* Frames stand between base and the size. */
static seglog_code
point_walk(struct seglog_writer *writer, const struct slg_point *base,
           struct seglog_error *err)
{
    struct slg_tail tail = {
        .header = writer->header,
        .limits = writer->limits,
        .epoch = base->epoch,
        .salt = base->salt,
        .size = base->end,
        .end = base->end,
        .number = base->number,
        .line = base->line,
        .sync_offset = base->sync_offset,
        .digest = base->digest,
        .checksum = base->checksum,
        .watermark = base->watermark,
        .is_after_sync = base->is_after_sync,
        .is_closed = base->is_closed,
        .is_unsure = base->is_unsure,
        .dictionary = writer->dictionary,
        .chain = { .algorithm = writer->chain,
                   .is_known = base->is_chain_known,
                   .hash = base->chain },
        .lacks_head = base->wants_head,
        .lacks_anew = base->wants_anew,
    };
    seglog_code code = SEGLOG_OK;

    tail_lend_history(writer, base, &tail);
    code = slg_tail_advance(writer->blob, writer->name, &tail, err);
    if (code != SEGLOG_OK)
        return code;
    tail_return_history(writer, &tail, true);
    return slg_writer_settle(writer, &tail, err);
}

/* tail->history stays what it is. */
static seglog_code
tail_find(struct seglog_writer *writer, uint64_t expect, struct slg_tail *tail,
          struct seglog_error *err)
{
    const struct slg_walk_source source = { .store = &writer->store,
                                            .known = writer->dictionary };
    const seglog_code code = slg_tail_find_history(
        writer->blob, writer->name, expect, &source, tail->history, tail, err);

    /* It is the one that the writer has. */
    slg_dictionary_release(tail->dictionary);
    tail->dictionary = NULL;
    return code;
}

/*
 * Somebody has cut what was known: look at it as if it were just opened.  If a
 * new epoch was begun, the records were meant to go, and what was expected
 * when it was opened is expected no more.
 */
static seglog_code
point_find(struct seglog_writer *writer, struct seglog_error *err)
{
    const struct slg_point known = writer->flushed;
    struct slg_point hinted;
    struct slg_tail tail = { 0 };
    seglog_code code = SEGLOG_OK;

    tail_lend_history(writer, NULL, &tail);
    code = tail_find(writer, 0, &tail, err);
    if (code == SEGLOG_OK && tail.epoch != known.epoch)
        writer->expect = 0;
    if (code == SEGLOG_OK && writer->expect > 0)
        code = tail_find(writer, writer->expect, &tail, err);
    if (code != SEGLOG_OK)
        return code;
    if (memcmp(tail.header.identity, writer->header.identity,
               sizeof tail.header.identity) != 0)
        return fail_replaced(writer, err);
    tail_return_history(writer, &tail, false);
    /* What is missing before the last mark was not met on this way. */
    tail.is_unsure |= known.is_unsure;
    if (slg_hint_load(writer, &hinted))
        tail.is_unsure |= hinted.is_unsure;
    code = slg_writer_settle(writer, &tail, err);
    /*
     * Whoever cut it has not got to the sync point of the new epoch.  Nor has
     * who cut back to an epoch older than what is known.
     */
    if (code == SEGLOG_OK && (writer->flushed.epoch >> 32 < known.epoch >> 32 ||
                              (writer->flushed.epoch == known.epoch &&
                               writer->flushed.number < known.number))) {
        writer->flushed.is_cut = true;
        writer->flushed.newest_epoch =
            larger_of(known.epoch, known.newest_epoch);
    }
    return code;
}

/* Is the frame that was the last one still where it was? */
static seglog_code
point_verify(const struct seglog_writer *writer, const struct slg_point *at,
             bool *is_there, struct seglog_error *err)
{
    uint8_t bytes[SLG_CLOSING_MARK_BYTES];
    const size_t len =
        at->is_closed ? SLG_CLOSING_MARK_BYTES : SLG_CHECKSUM_BYTES;
    struct slg_mark mark;
    seglog_code code = SEGLOG_OK;

    *is_there = true;
    if (at->end < SLG_HEADER_BYTES + len)
        return SEGLOG_OK;
    code = slg_blob_read(writer->blob, at->end - len, bytes, len, err);
    if (code == SEGLOG_OK && at->is_closed)
        *is_there = slg_mark_decode(bytes, len, &mark) &&
                    mark.type == SLG_CONTROL_CLOSING_MARK &&
                    mark.epoch == at->epoch && mark.number == at->number &&
                    mark.offset == at->end - len;
    else if (code == SEGLOG_OK)
        *is_there = slg_load_le32(bytes) == at->checksum;
    return code;
}

static bool
point_is_same(const struct slg_point *a, const struct slg_point *b)
{
    return a->end == b->end && a->number == b->number && a->line == b->line &&
           a->sync_offset == b->sync_offset && a->digest == b->digest &&
           a->epoch == b->epoch && a->newest_epoch == b->newest_epoch &&
           a->watermark == b->watermark && a->is_cut == b->is_cut &&
           a->is_unsure == b->is_unsure;
}

/*
 * The place to start from: the hint, if it is nearer to the end than what this
 * writer knows itself, or if it knows the very end (is_exact).
 */
static struct slg_point
point_choose(const struct seglog_writer *writer, uint64_t size, bool *is_exact)
{
    struct slg_point base = writer->flushed;
    const uint64_t own = base.end;
    const uint64_t watermark = base.watermark;
    struct slg_point hinted;

    *is_exact = false;
    if (!slg_hint_load(writer, &hinted) || hinted.end > size)
        return base;
    *is_exact = hinted.end == size;
    if (*is_exact || hinted.end > own || own > size)
        base = hinted;
    /*
     * What one of them knows to be durable is.  Not so from one epoch to
     * another: the records may have been cut and their numbers used again.
     */
    if (hinted.epoch == writer->flushed.epoch)
        base.watermark = larger_of(watermark, hinted.watermark);
    if (base.watermark >= base.number)
        base.watermark = base.number - 1;
    /* The hint does not say what the head of the chain is. */
    if (base.end == writer->flushed.end &&
        base.epoch == writer->flushed.epoch &&
        base.number == writer->flushed.number) {
        base.is_chain_known = writer->flushed.is_chain_known;
        base.wants_head = writer->flushed.wants_head;
        base.wants_anew = writer->flushed.wants_anew;
        base.chain = writer->flushed.chain;
    }
    return base;
}

/* All that is needed to append there is known. */
static bool
point_is_ready(const struct seglog_writer *writer, const struct slg_point *at)
{
    return (!writer->packer || slg_writer_can_pack(writer, at)) &&
           slg_writer_knows_chain(writer, at);
}

/* From a place that may be behind the end, or behind a cut, to the end. */
static seglog_code
point_follow(struct seglog_writer *writer, const struct slg_point *base,
             uint64_t size, struct seglog_error *err)
{
    bool is_there = false;
    seglog_code code = SEGLOG_OK;

    if (size >= base->end)
        code = point_verify(writer, base, &is_there, err);
    if (code != SEGLOG_OK)
        return code;
    if (!is_there)
        return point_find(writer, err);
    if (size == base->end) {
        writer->is_stale |= !point_is_same(base, &writer->flushed);
        writer->flushed = *base;
        return SEGLOG_OK;
    }
    /* A run of somebody else's can only be read from its beginning on. */
    if (writer->packer && slg_packer_is_in_foreign_run(writer->packer))
        return point_find(writer, err);
    code = point_walk(writer, base, err);
    /* Nobody has gone on behind what was cut there. */
    if (code == SEGLOG_OK && writer->flushed.end == base->end) {
        writer->flushed.is_cut |= base->is_cut;
        writer->flushed.newest_epoch = base->newest_epoch;
    }
    return code;
}

/*
 * The same for a writer that does not know what is to be referred to at the
 * place it was told, or what the head of the chain is there: it reads what others have written, and
 * takes over from the hint what cannot be read.
 */
static seglog_code
point_read(struct seglog_writer *writer, const struct slg_point *hinted,
           uint64_t size, struct seglog_error *err)
{
    const struct slg_point own = writer->flushed;
    struct slg_point *at = &writer->flushed;
    const bool is_near = own.end <= size && own.epoch == hinted->epoch &&
                         point_is_ready(writer, &own);
    const seglog_code code = is_near ? point_follow(writer, &own, size, err)
                                     : point_find(writer, err);

    if (code != SEGLOG_OK || at->end != hinted->end ||
        at->epoch != hinted->epoch || at->number != hinted->number)
        return code;
    at->is_cut |= hinted->is_cut;
    at->is_unsure |= hinted->is_unsure;
    at->newest_epoch = hinted->newest_epoch;
    at->watermark = larger_of(at->watermark, hinted->watermark);
    return SEGLOG_OK;
}

/*
 * Whether the segment is as this writer has left it.  Whoever else writes under
 * the lock marks the hint before and leaves another one afterwards, so while
 * it is the same only those can have come in between who take no lock,
 * and who may come as well between this question and the append.  For them it
 * is enough to look at the segment and its name now and then: it costs as much
 * as a fifth of an append.
 */
static bool
segment_is_as_left(struct seglog_writer *writer)
{
    struct slg_point hinted;

    return slg_now_coarse_ns() < writer->as_left_until_ns &&
           !slg_hint_is_writing(writer) && slg_hint_load(writer, &hinted) &&
           point_is_same(&hinted, &writer->flushed) && !hinted.is_cut &&
           point_is_ready(writer, &writer->flushed);
}

seglog_code
slg_writer_refresh(struct seglog_writer *writer, struct seglog_error *err)
{
    const uint64_t epoch = writer->flushed.epoch;
    const uint64_t end = writer->flushed.end;
    const bool was_cut = writer->flushed.is_cut;
    struct slg_point base;
    uint64_t size = 0;
    bool is_replaced = false;
    bool is_exact = false;
    seglog_code code = SEGLOG_OK;

    if (segment_is_as_left(writer))
        return SEGLOG_OK;
    writer->as_left_until_ns = 0;
    code = seglog_blob_get_size(writer->blob, &size, &is_replaced, err);
    if (code != SEGLOG_OK)
        return code;
    if (is_replaced)
        return fail_replaced(writer, err);
    writer->as_left_until_ns = slg_now_coarse_ns() + AS_LEFT_NS;
    /* Cut by somebody else: what was synced there need not be what is. */
    if (size < writer->flushed.end)
        writer->is_synced = false;
    base = point_choose(writer, size, &is_exact);
    if (!point_is_ready(writer, &base)) {
        code = point_read(writer, &base, size, err);
        writer->is_stale = true;
    } else if (is_exact) {
        writer->is_stale |= !point_is_same(&base, &writer->flushed);
        writer->flushed = base;
    } else {
        code = point_follow(writer, &base, size, err);
    }
    if (writer->flushed.epoch != epoch)
        writer->is_synced = false;
    /*
     * Whoever has cut it may not have got to the sync, and before that nothing
     * is appended (SPEC.md 7.3).
     */
    if (code == SEGLOG_OK && writer->flushed.is_cut &&
        (!was_cut || writer->flushed.end != end)) {
        writer->is_synced = false;
        code = slg_writer_sync(writer, err);
    }
    return code;
}
