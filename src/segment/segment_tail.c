/* SPDX-License-Identifier: MIT */
/* src/segment/segment_tail.c - where a segment ends. */
#include "src/segment/segment_tail.h"

#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/segment/segment_map.h"
#include "src/segment/segment_verdict.h"
#include "src/store/fail.h"

#define LOOK_BYTES (128u * 1024u)
/* Sync points without the chain head that belongs behind them: a crash leaves
 * one.  More are hostile, and each costs a look. */
#define HEADLESS_MAX 16u

/* The last mark of a kind in bytes that says it stands where it stands. */
static bool
bytes_find_last(const struct slg_walk *walk, const uint8_t *bytes, size_t len,
                uint64_t offset, bool is_sync_wanted, struct slg_mark *last)
{
    bool is_found = false;
    struct slg_mark mark;

    for (size_t at = 0; len - at >= SLG_CLOSING_MARK_BYTES; at++) {
        const uint8_t *hit = memchr(bytes + at, SLG_HEAD_CONTROL,
                                    len - at - SLG_CLOSING_MARK_BYTES + 1);
        if (!hit)
            break;
        at = (size_t)(hit - bytes);
        if (slg_mark_decode(hit, len - at, &mark) &&
            mark.offset == offset + at &&
            (!is_sync_wanted || mark.type == SLG_CONTROL_SYNC_POINT) &&
            memcmp(mark.identity, walk->header.identity, SLG_IDENTITY_BYTES) ==
                0) {
            *last = mark;
            is_found = true;
        }
    }
    return is_found;
}

/* The last mark before end; is_found false: there is none at its place. */
static seglog_code
mark_find_last(struct slg_walk *walk, uint64_t end, uint64_t least,
               bool is_sync_wanted, bool *is_found, struct slg_mark *mark,
               struct seglog_error *err)
{
    *is_found = false;
    while (!*is_found && end > least) {
        const uint8_t *bytes;
        const uint64_t start =
            end - least > LOOK_BYTES ? end - LOOK_BYTES : least;
        const seglog_code code = slg_window_look(
            &walk->window, start, (size_t)(end - start), &bytes, err);
        if (code != SEGLOG_OK)
            return code;
        *is_found = bytes_find_last(walk, bytes, (size_t)(end - start), start,
                                    is_sync_wanted, mark);
        if (start == least)
            break;
        end = start + SLG_SYNC_POINT_BYTES;
    }
    return SEGLOG_OK;
}

/*
 * The checksum of the frame before a closing mark is read from behind.  Not so
 * if that is a closing mark as well: is_found is false then.
 */
static seglog_code
checksum_look_back(struct slg_walk *walk, uint64_t end, bool *is_found,
                   uint32_t *checksum, struct seglog_error *err)
{
    const uint64_t room = end - SLG_HEADER_BYTES;
    const size_t len =
        room < SLG_CLOSING_MARK_BYTES ? (size_t)room : SLG_CLOSING_MARK_BYTES;
    const uint8_t *bytes;
    struct slg_mark mark;
    const seglog_code code =
        slg_window_look(&walk->window, end - len, len, &bytes, err);

    if (code != SEGLOG_OK)
        return code;
    *checksum = len < SLG_CHECKSUM_BYTES
                    ? 0
                    : slg_load_le32(bytes + len - SLG_CHECKSUM_BYTES);
    *is_found = !slg_mark_decode(bytes, len, &mark) ||
                mark.type != SLG_CONTROL_CLOSING_MARK;
    return SEGLOG_OK;
}

/* Does a chain head directly follow this sync point? */
static seglog_code
mark_has_head(struct slg_walk *walk, const struct slg_mark *mark,
              bool *has_head, struct seglog_error *err)
{
    const uint64_t at = mark->offset + SLG_SYNC_POINT_BYTES;
    const uint64_t left = walk->window.size - at;
    const size_t len =
        left < SLG_CHAIN_HEAD_MAX ? (size_t)left : SLG_CHAIN_HEAD_MAX;
    const uint8_t *bytes = NULL;
    struct slg_frame frame;
    struct slg_chain_head head;
    const seglog_code code =
        slg_window_look(&walk->window, at, len, &bytes, err);

    *has_head =
        code == SEGLOG_OK &&
        slg_frame_parse(bytes, len, &walk->limits, &frame) &&
        frame.len <= len && frame.control == SLG_CONTROL_CHAIN_HEAD &&
        slg_frame_mixed(bytes, &frame) ==
            slg_mix(mark->number, slg_salt(mark->identity, mark->epoch)) &&
        slg_chain_head_decode(bytes, &frame, &head);
    return code;
}

/* Stand at the last sync point that says what the head of the chain is. */
static seglog_code
walk_skip_to_head(struct slg_walk *walk, struct seglog_error *err)
{
    uint64_t end = walk->window.size;
    struct slg_mark mark;
    bool is_found = true;
    bool has_head = false;
    seglog_code code = SEGLOG_OK;

    for (unsigned tries = 0;
         code == SEGLOG_OK && is_found && !has_head && tries < HEADLESS_MAX;
         tries++) {
        code = mark_find_last(walk, end, SLG_HEADER_BYTES, true, &is_found,
                              &mark, err);
        if (code == SEGLOG_OK && is_found)
            code = mark_has_head(walk, &mark, &has_head, err);
        /* The next one ends before this one does. */
        end = is_found ? mark.offset + SLG_SYNC_POINT_BYTES - 1 : end;
    }
    if (code == SEGLOG_OK && has_head)
        slg_walk_stand_at(walk, &mark);
    return code;
}

/* Stand at the last mark, so that little is left to walk. */
static seglog_code
walk_skip_to_tail(struct slg_walk *walk, struct seglog_error *err)
{
    const uint64_t size = walk->window.size;
    struct slg_mark mark;
    bool is_found;

    if (slg_header_is_chained(&walk->header))
        return walk_skip_to_head(walk, err);
    seglog_code code = mark_find_last(walk, size, SLG_HEADER_BYTES, false,
                                      &is_found, &mark, err);

    if (code != SEGLOG_OK || !is_found)
        return code;
    if (mark.type == SLG_CONTROL_SYNC_POINT) {
        slg_walk_stand_at(walk, &mark);
        return SEGLOG_OK;
    }

    /* One of its epoch must be seen, however long the last frames are. */
    const uint64_t back = 2 * LOOK_BYTES;
    const uint64_t least = mark.epoch == walk->header.epoch &&
                                   mark.offset - SLG_HEADER_BYTES > back
                               ? mark.offset - back
                               : SLG_HEADER_BYTES;
    struct slg_mark sync;
    bool is_lone = false;
    uint32_t checksum = 0;
    code =
        mark_find_last(walk, mark.offset, least, true, &is_found, &sync, err);
    if (code == SEGLOG_OK)
        code = checksum_look_back(walk, mark.offset, &is_lone, &checksum, err);
    if (code != SEGLOG_OK)
        return code;
    /* A device that has lost the sync point of an epoch may still show the
     * closing mark: nobody who reads in order gets there, so nothing must be
     * appended behind it. */
    is_lone &= mark.epoch == (is_found ? sync.epoch : walk->header.epoch);
    if (is_lone) {
        slg_walk_stand_at(walk, &mark);
        walk->checksum = checksum;
    }
    if (is_found && is_lone)
        walk->sync_offset = sync.offset;
    else if (is_found)
        slg_walk_stand_at(walk, &sync);
    return SEGLOG_OK;
}

/*
 * Stand at the last sync point behind which everything is read that no sync is
 * known to have covered, going back from the one at `offset`.  Where that way
 * ends at something else than a sync point, all is to be read.
 */
static seglog_code
walk_skip_to_synced(struct slg_walk *walk, uint64_t offset, uint64_t watermark,
                    struct seglog_error *err)
{
    uint8_t bytes[SLG_SYNC_POINT_BYTES];
    struct slg_mark mark;

    while (offset >= SLG_HEADER_BYTES &&
           offset + sizeof bytes <= walk->window.size) {
        const seglog_code code =
            slg_window_read(&walk->window, offset, bytes, sizeof bytes, err);

        if (code != SEGLOG_OK)
            return code;
        if (!slg_mark_decode(bytes, sizeof bytes, &mark) ||
            mark.type != SLG_CONTROL_SYNC_POINT || mark.offset != offset ||
            memcmp(mark.identity, walk->header.identity, SLG_IDENTITY_BYTES) !=
                0)
            return SEGLOG_OK;
        if (mark.number <= watermark + 1) {
            slg_walk_stand_at(walk, &mark);
            return SEGLOG_OK;
        }
        if (mark.distance == 0 || mark.distance > offset)
            return SEGLOG_OK;
        offset -= mark.distance;
    }
    return SEGLOG_OK;
}

static void
tail_from_walk(struct slg_tail *tail, const struct slg_walk *walk)
{
    tail->header = walk->header;
    tail->is_header_lost = walk->is_header_lost;
    tail->limits = walk->limits;
    tail->epoch = walk->at.epoch;
    tail->salt = walk->at.salt;
    tail->size = walk->window.size;
    tail->end = walk->at.pos;
    tail->number = walk->at.number;
    tail->line = walk->at.line;
    tail->sync_offset = walk->sync_offset;
    tail->digest = walk->digest;
    tail->checksum = walk->checksum;
    tail->watermark = walk->watermark;
    tail->is_after_sync = walk->at.is_after_sync;
    tail->is_closed = walk->at.is_after_close;
}

/* Where the last epoch began that was begun on the way. */
struct epoch_start {
    uint64_t epoch;
    uint64_t offset;
};

static void
epoch_note(struct epoch_start *start, const struct slg_walk *walk,
           const struct slg_step *step)
{
    if (walk->is_passed || walk->at.epoch == start->epoch)
        return;
    start->epoch = walk->at.epoch;
    start->offset = step->offset;
}

/* The chain on the way, and how far it goes. */
struct chain_way {
    struct slg_chain *chain; /* NULL: the segment is not chained */
    uint64_t end;
    uint64_t number;
    uint64_t epoch;
    bool has_head; /* one stands behind the last mark */
};

static void
chain_note(struct chain_way *way, const struct slg_walk *walk,
           const struct slg_step *step)
{
    struct slg_chain *chain = way->chain;

    if (!chain)
        return;
    if (walk->is_passed || step->number != way->number)
        slg_chain_forget(chain);
    else if (step->offset != way->end && walk->at.epoch == way->epoch)
        /* Whoever began a new epoch behind it knew that it was torn. */
        chain->has_gap |= !slg_chain_needs_none_of(
            step->offset - way->end, way->number != walk->header.first_record,
            way->end);
    way->epoch = walk->at.epoch;
    if (step->is_mark || step->frame.control == SLG_CONTROL_CHAIN_HEAD)
        way->has_head = !step->is_mark;
    way->end = step->offset + step->frame.len;
    way->number = step->number + step->count;
    /* A head that is not the one computed is gone on with: SPEC.md 6.7. */
    (void)slg_chain_pass_step(chain, step);
}

struct tail_notes {
    struct epoch_start start;
    struct chain_way way;
};

static void
step_note(void *arg, const struct slg_walk *walk, const struct slg_step *step)
{
    struct tail_notes *notes = arg;

    epoch_note(&notes->start, walk, step);
    chain_note(&notes->way, walk, step);
}

/* Known is what nothing is in doubt of, up to where the tail ends. */
static void
chain_settle(struct slg_tail *tail, const struct chain_way *way)
{
    if (!way->chain)
        return;
    if (way->end != tail->end || way->number != tail->number ||
        way->chain->has_gap)
        way->chain->is_known = false;
    tail->lacks_head = tail->is_after_sync && !way->has_head;
    tail->lacks_anew = !way->chain->has_gap && way->end == tail->end &&
                       way->number == tail->number &&
                       slg_chain_settle_loss(way->chain);
}

/*
 * What is damaged before a new epoch was begun is no news to whoever began it:
 * it is no longer in the way, but still nothing to build promises on.
 */
static void
tail_note(struct slg_tail *tail, const struct seglog_finding *finding,
          const struct epoch_start *start)
{
    if ((start->offset == 0 ||
         finding->first_byte + finding->byte_count > start->offset) &&
        slg_verdict_is_worse(finding->verdict, tail->verdict)) {
        tail->verdict = finding->verdict;
        tail->finding = *finding;
    }
    if (finding->last_record != 0 && finding->durable != SEGLOG_DURABLE_YES)
        tail->is_unsure = true;
}

/* Without memory for it, it is not known: then a mark is put. */
static void
tail_take_history(struct slg_tail *tail, const struct slg_context *context)
{
    if (!tail->history)
        return;
    tail->has_history = slg_context_is_at(context, tail->end);
    if (tail->has_history && context->unpacker)
        tail->has_history = slg_history_copy(
            tail->history, slg_unpacker_history(context->unpacker));
    else
        slg_history_clear(tail->history);
}

/* Walk to the end and judge what was met. */
static seglog_code
tail_walk(struct slg_walk *walk, uint64_t expect, struct slg_tail *tail,
          struct seglog_error *err)
{
    struct slg_map map = { .spans = NULL };
    struct tail_notes notes = {
        .start.epoch = walk->at.epoch,
        .way = { .chain =
                     slg_header_is_chained(&walk->header) ? &tail->chain : NULL,
                 .end = walk->at.pos,
                 .number = walk->at.number,
                 .epoch = walk->at.epoch,
                 .has_head = walk->at.is_after_sync && !tail->lacks_head },
    };
    seglog_code code;

    walk->with_digest = true;
    tail->verdict = SEGLOG_VERDICT_OK;
    tail->walked_from = walk->at.number;
    do {
        code = slg_map_build(&map, walk, expect, step_note, &notes, err);
        for (size_t i = 0; code == SEGLOG_OK && i < map.finding_count; i++)
            tail_note(tail, &map.findings[i], &notes.start);
    } while (code == SEGLOG_OK && !map.is_complete);
    if (code != SEGLOG_OK) {
        slg_map_reset(&map);
        return code;
    }

    tail_from_walk(tail, walk);
    tail->is_closed = map.is_closed;
    tail->line += map.number - tail->number;
    tail->number = map.number;
    /* A tail that nothing valid follows is the last finding. */
    if (map.finding_count > 0) {
        const struct seglog_finding *last =
            &map.findings[map.finding_count - 1];

        if (last->verdict == SEGLOG_VERDICT_TORN ||
            last->cause == SEGLOG_CAUSE_CLOSING_MARK ||
            last->cause == SEGLOG_CAUSE_CUT ||
            last->verdict == SEGLOG_VERDICT_FOREIGN)
            if (last->first_byte + last->byte_count == tail->size &&
                last->cause != SEGLOG_CAUSE_PASSED_OVER)
                tail->end = last->first_byte;
        if (last->cause == SEGLOG_CAUSE_CUT && last->last_record != 0) {
            tail->number = last->last_record + 1;
            tail->line = last->line + last->lines;
        }
    }
    slg_map_reset(&map);
    chain_settle(tail, &notes.way);
    tail_take_history(tail, &walk->context);
    return SEGLOG_OK;
}

seglog_code
slg_tail_find(struct seglog_blob blob, const char *name, uint64_t expect,
              const struct slg_walk_source *source, struct slg_tail *tail,
              struct seglog_error *err)
{
    const seglog_code code =
        slg_tail_find_history(blob, name, expect, source, NULL, tail, err);

    slg_dictionary_release(tail->dictionary);
    tail->dictionary = NULL;
    return code;
}

seglog_code
slg_tail_find_history(struct seglog_blob blob, const char *name,
                      uint64_t expect, const struct slg_walk_source *source,
                      struct slg_history *history, struct slg_tail *tail,
                      struct seglog_error *err)
{
    struct slg_walk walk;

    memset(tail, 0, sizeof *tail);
    tail->history = history;
    seglog_code code = slg_walk_open(&walk, blob, name, false, source, err);
    if (code == SEGLOG_END) {
        tail->size = walk.window.size;
        tail->number = tail->line = 1;
        tail->verdict = SEGLOG_VERDICT_TORN;
        tail->finding = (struct seglog_finding){
            .verdict = SEGLOG_VERDICT_TORN,
            .cause = SEGLOG_CAUSE_TORN,
            .durable = SEGLOG_DURABLE_NO,
            .byte_count = walk.window.size,
        };
        code = SEGLOG_OK;
    } else if (code == SEGLOG_OK) {
        /* Known whatever is met on the way. */
        tail->header = walk.header;
        tail->limits = walk.limits;
        if (!walk.is_header_lost && !walk.is_header_corrected)
            code = walk_skip_to_tail(&walk, err);
        if (code == SEGLOG_OK)
            code = tail_walk(&walk, expect, tail, err);
    }
    if (code == SEGLOG_OK)
        tail->dictionary = slg_dictionary_hold(walk.dictionary);
    slg_walk_reset(&walk);
    return code;
}

seglog_code
slg_tail_check(struct seglog_blob blob, const char *name, uint64_t expect,
               const struct slg_walk_source *source, struct slg_tail *tail,
               struct seglog_error *err)
{
    const struct slg_chain chain = tail->chain;
    const uint64_t end = tail->end;
    const uint64_t number = tail->number;
    struct slg_walk walk;

    if (tail->walked_from <= tail->watermark + 1 ||
        tail->walked_from <= tail->header.first_record)
        return SEGLOG_OK;
    seglog_code code = slg_walk_open(&walk, blob, name, false, source, err);
    tail->chain = (struct slg_chain){ .algorithm = 0 };
    if (code == SEGLOG_OK)
        code =
            walk_skip_to_synced(&walk, tail->sync_offset, tail->watermark, err);
    if (code == SEGLOG_OK)
        code = tail_walk(&walk, expect, tail, err);
    /* The sync point that it began at may have lost its chain head. */
    if (code == SEGLOG_OK && !tail->chain.is_known && tail->end == end &&
        tail->number == number)
        tail->chain = chain;
    slg_walk_reset(&walk);
    return code;
}

seglog_code
slg_tail_advance(struct seglog_blob blob, const char *name,
                 struct slg_tail *tail, struct seglog_error *err)
{
    struct slg_walk walk = { .header = tail->header, .limits = tail->limits };

    seglog_code code = slg_window_init(&walk.window, blob, name, false, err);
    if (code == SEGLOG_OK && walk.window.size < tail->end) {
        const struct slg_place place = { .name = name, .offset = tail->end };
        code = slg_fail(err, SEGLOG_CORRUPT, &place,
                        "the segment has become shorter: records that were "
                        "in it are gone; check it");
    }
    if (code == SEGLOG_OK) {
        walk.has_identity = true;
        slg_walk_use_dictionary(&walk, tail->dictionary);
        walk.digest = tail->digest;
        walk.checksum = tail->checksum;
        walk.watermark = tail->watermark;
        walk.sync_offset = tail->sync_offset;
        walk.at = (struct slg_place_in_segment){
            .pos = tail->end,
            .number = tail->number,
            .line = tail->line,
            .epoch = tail->epoch,
            .salt = tail->salt,
            .is_after_sync = tail->is_after_sync,
            .is_after_close = tail->is_closed,
        };
        if (tail->has_history)
            code = slg_context_set(&walk.context, tail->history, tail->end);
        if (code != SEGLOG_OK)
            (void)slg_fail(err, code, NULL,
                           "no memory for what compressed records refer to");
        else
            code = tail_walk(&walk, 0, tail, err);
    }
    slg_walk_reset(&walk);
    return code;
}
