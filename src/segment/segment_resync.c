/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_resync.c - SPEC.md 9: finding the way after damage.
 *
 * The names R0, R1 and R2 are those of SPEC.md.
 */
#include <string.h>

#include "format/checksum.h"
#include "src/segment/segment_walk.h"

/* SPEC.md 9: a larger gap is crossed from mark to mark in its middle. */
#define NEAR_BYTES (UINT64_C(8) << 20)
/* SPEC.md 9, R0 and R2: numbers that the end of the segment may confirm. */
#define FAR_AT_END_MAX 64u
/* SPEC.md 9, R1: sync points that are tried in front of a claimed end. */
#define INNER_TRIES_MAX 8u

/* A place where reading may resume. */
struct resume {
    bool is_found;
    uint64_t pos;
    uint64_t number;
    bool is_mark;
    bool is_long; /* a frame that only a sync point could precede */
    struct slg_mark mark;
};

/* Load two frames' worth of bytes from pos on. */
static seglog_code
load_ahead(struct slg_walk *walk, uint64_t pos, struct seglog_error *err)
{
    return slg_walk_load(walk, pos, SLG_SEARCH_AHEAD, err);
}

static bool
mark_read(struct slg_walk *walk, uint64_t pos, struct slg_mark *mark)
{
    const struct slg_search *search = walk->search;

    return slg_search_covers(search, pos, 1) &&
           slg_mark_decode(slg_search_at(search, pos),
                           search->len - (size_t)(pos - search->base), mark) &&
           slg_walk_accepts(walk, mark);
}

static bool
frame_is_mark(const struct slg_frame *frame)
{
    return frame->control == SLG_CONTROL_SYNC_POINT ||
           frame->control == SLG_CONTROL_CLOSING_MARK;
}

static uint64_t
count_at(const struct slg_walk *walk, uint64_t pos,
         const struct slg_frame *frame)
{
    return slg_frame_count(slg_search_at(walk->search, pos), (size_t)frame->len,
                           frame);
}

/* SPEC.md 9, Confirmed.  The bytes behind the candidate are loaded. */
static bool
candidate_is_confirmed(struct slg_walk *walk, uint64_t pos,
                       const struct slg_frame *frame, uint64_t number)
{
    const uint64_t end = pos + frame->len;
    const uint64_t next = number + count_at(walk, pos, frame);
    struct slg_frame follower;
    struct slg_mark mark;

    if (end == walk->window.size)
        return true;
    if (mark_read(walk, end, &mark))
        return mark.number == next;
    return slg_search_parse(walk->search, end, &follower) &&
           !frame_is_mark(&follower) &&
           slg_search_mixed(walk->search, end, &follower) ==
               slg_mix(next, walk->at.salt);
}

/*
 * The same with a number far from the expected one.  Such a number has many
 * chances to be implied by torn bytes, so that the end of the segment, which
 * many a torn frame claims, confirms only those of the first few.
 */
static bool
far_is_confirmed(struct slg_walk *walk, uint64_t pos,
                 const struct slg_frame *frame, uint64_t number)
{
    return (pos + frame->len < walk->window.size ||
            number - walk->at.number <= FAR_AT_END_MAX) &&
           candidate_is_confirmed(walk, pos, frame, number);
}

/*
 * A long block behind a sync point: its length is not believed, but a mark of
 * the right number and epoch at its end is no chance.
 */
static bool
long_block_follows(struct slg_walk *walk, uint64_t pos,
                   const struct slg_mark *mark)
{
    const struct slg_search *search = walk->search;
    const uint64_t size = walk->window.size;
    const uint8_t *bytes = NULL;
    struct slg_frame frame;
    struct slg_mark next;

    if (!slg_search_covers(search, pos, 2u * SLG_VARINT_MAX) ||
        !slg_frame_parse(slg_search_at(search, pos), 2u * SLG_VARINT_MAX,
                         &search->limits, &frame) ||
        frame.kind != SLG_FRAME_BLOCK || frame.body_len <= SLG_BODY_NEAR_MAX ||
        frame.len > size - pos || size - pos - frame.len < SLG_SYNC_POINT_BYTES)
        return false;
    const uint64_t count = slg_frame_count(slg_search_at(search, pos),
                                           2u * SLG_VARINT_MAX, &frame);
    return slg_window_look(&walk->window, pos + frame.len, SLG_SYNC_POINT_BYTES,
                           &bytes, NULL) == SEGLOG_OK &&
           slg_mark_decode(bytes, SLG_SYNC_POINT_BYTES, &next) &&
           memcmp(next.identity, mark->identity, SLG_IDENTITY_BYTES) == 0 &&
           next.epoch == mark->epoch && next.number - mark->number == count;
}

/* The same of an acceptable mark; what follows it is under its epoch. */
static bool
mark_is_confirmed(struct slg_walk *walk, uint64_t pos,
                  const struct slg_mark *mark)
{
    const uint64_t end = pos + slg_mark_len(mark->type);
    const uint64_t epoch = walk->at.epoch;
    struct slg_frame follower;
    struct slg_mark next;

    if (end == walk->window.size)
        return true;
    walk->at.epoch = mark->epoch;
    const bool is_mark = mark_read(walk, end, &next);
    walk->at.epoch = epoch;
    if (is_mark)
        return next.number == mark->number;
    if (long_block_follows(walk, end, mark))
        return true;
    return slg_search_parse(walk->search, end, &follower) &&
           !frame_is_mark(&follower) &&
           slg_search_mixed(walk->search, end, &follower) ==
               slg_mix(mark->number, slg_salt(mark->identity, mark->epoch));
}

static bool
candidate_is_sound(struct slg_walk *walk, uint64_t pos,
                   const struct slg_frame *frame, uint64_t number)
{
    return number <= INT64_MAX &&
           !slg_window_is_bad(&walk->window, pos, pos + frame->len) &&
           slg_walk_is_sound(walk, slg_search_at(walk->search, pos), frame) &&
           count_at(walk, pos, frame) <= INT64_MAX - number;
}

static void
resume_at(struct resume *resume, uint64_t pos, uint64_t number)
{
    resume->is_found = true;
    resume->pos = pos;
    resume->number = number;
    resume->is_mark = false;
    resume->is_long = false;
}

static void
resume_at_mark(struct resume *resume, uint64_t pos, const struct slg_mark *mark)
{
    resume_at(resume, pos, mark->number);
    resume->is_mark = true;
    resume->mark = *mark;
}

/*
 * A frame too long for the search is tried by walking over it, which verifies
 * it as a whole.  Nothing of the walk changes.
 */
static seglog_code
long_frame_try(struct slg_walk *walk, uint64_t pos, uint64_t number,
               struct resume *resume, struct seglog_error *err)
{
    const struct slg_place_in_segment saved_at = walk->at;
    const uint64_t saved_digest = walk->digest;
    const uint64_t saved_watermark = walk->watermark;
    struct slg_step step;

    walk->at.pos = pos;
    walk->at.number = number;
    walk->at.is_after_sync = true;
    const seglog_code code = slg_walk_step(walk, &step, err);
    walk->at = saved_at;
    walk->digest = saved_digest;
    walk->watermark = saved_watermark;
    if (code == SEGLOG_OK && !step.is_mark) {
        resume_at(resume, pos, number);
        resume->is_long = true;
    }
    return code == SEGLOG_CORRUPT || code == SEGLOG_END ? SEGLOG_OK : code;
}

/* R1 with a long body: the sync point before it may be what is damaged. */
static seglog_code
claimed_end_try_long(struct slg_walk *walk, uint64_t pos, struct resume *resume,
                     struct seglog_error *err)
{
    const uint64_t number = walk->at.number;
    const uint64_t left = walk->window.size - pos;
    const size_t head =
        left < SLG_HEAD_MAX + 1 ? (size_t)left : SLG_HEAD_MAX + 1;
    const uint8_t *bytes;
    struct slg_frame frame;
    seglog_code code = slg_window_look(&walk->window, pos, head, &bytes, err);

    if (code != SEGLOG_OK)
        return code;
    if (!slg_frame_parse(bytes, head, &walk->limits, &frame) ||
        frame.body_len <= SLG_BODY_NEAR_MAX)
        return SEGLOG_OK;
    code = long_frame_try(walk, pos, number, resume, err);
    if (code == SEGLOG_OK && !resume->is_found)
        code = long_frame_try(walk, pos, number + 1, resume, err);
    return code;
}

/* The numbers that the damaged frame itself claims to stand for. */
static seglog_code
bad_count(struct slg_walk *walk, const struct slg_frame *bad, uint64_t *count,
          struct seglog_error *err)
{
    const uint8_t *bytes;
    size_t len = bad->head_len + SLG_VARINT_MAX + SLG_HEAD_MAX;

    if (len > bad->len)
        len = (size_t)bad->len;
    const seglog_code code =
        slg_window_look(&walk->window, walk->at.pos, len, &bytes, err);
    if (code == SEGLOG_OK)
        *count = slg_frame_count(bytes, len, bad);
    return code;
}

/* Do frames that take no number lead from pos to end? */
static bool
leads_to(struct slg_walk *walk, uint64_t pos, uint64_t end, uint64_t number)
{
    struct slg_frame frame;

    while (pos < end && slg_search_parse(walk->search, pos, &frame) &&
           !frame_is_mark(&frame) && count_at(walk, pos, &frame) == 0 &&
           slg_search_mixed(walk->search, pos, &frame) ==
               slg_mix(number, walk->at.salt))
        pos += frame.len;
    return pos == end;
}

/*
 * A length that is wrong may lead to just behind the sync point that follows the
 * frame: what is compressed behind it could not be read without that.  What the
 * body of a frame holds ends in front of its checksum, and leads nowhere.
 */
static void
resume_at_sync_point(struct slg_walk *walk, struct resume *resume)
{
    const uint64_t number = resume->number;
    const uint64_t end = resume->pos;
    struct slg_mark mark;
    unsigned tries = 0;

    for (uint64_t pos = walk->at.pos + 1;
         pos + SLG_SYNC_POINT_BYTES <= end && tries < INNER_TRIES_MAX; pos++) {
        if (!mark_read(walk, pos, &mark) ||
            mark.type != SLG_CONTROL_SYNC_POINT ||
            mark.epoch != walk->at.epoch || mark.number != number)
            continue;
        if (leads_to(walk, pos + SLG_SYNC_POINT_BYTES, end, number)) {
            resume_at_mark(resume, pos, &mark);
            return;
        }
        tries++;
    }
}

/*
 * R1: does the damaged frame's length lead to a good one?  Only to one with a
 * number that makes sense there: a length with a flipped bit can end at a
 * frame far behind, and all records between would be given up.
 */
static seglog_code
resync_claimed_end(struct slg_walk *walk, const struct slg_frame *bad,
                   struct resume *resume, struct seglog_error *err)
{
    const uint64_t pos = walk->at.pos + bad->len;
    struct slg_frame frame;
    struct slg_mark mark;
    uint64_t count = 0;

    if (pos >= walk->window.size)
        return SEGLOG_OK;
    seglog_code code = bad_count(walk, bad, &count, err);
    /* Keep the bytes between, where they fit: R2 may have to search them. */
    if (code == SEGLOG_OK)
        code = bad->body_len <= SLG_BODY_NEAR_MAX
                   ? slg_walk_load(walk, walk->at.pos,
                                   bad->len + SLG_SEARCH_AHEAD, err)
                   : load_ahead(walk, pos, err);
    if (code != SEGLOG_OK)
        return code;
    if (mark_read(walk, pos, &mark)) {
        const uint64_t distance = mark.number - walk->at.number;
        /* Behind a cut lengths of before it lead nowhere. */
        if (mark.epoch == walk->at.epoch &&
            (distance <= 1 || distance == count))
            resume_at_mark(resume, pos, &mark);
        return SEGLOG_OK;
    }
    if (!slg_search_parse(walk->search, pos, &frame))
        return claimed_end_try_long(walk, pos, resume, err);
    if (frame_is_mark(&frame))
        return SEGLOG_OK;

    const uint32_t implied = slg_fmix32_inverse(
        slg_search_mixed(walk->search, pos, &frame) ^ walk->at.salt);
    const uint32_t distance = implied - (uint32_t)walk->at.number;
    const uint64_t number = walk->at.number + distance;
    if ((distance <= 1 ||
         (distance == count &&
          candidate_is_confirmed(walk, pos, &frame, number))) &&
        candidate_is_sound(walk, pos, &frame, number)) {
        resume_at(resume, pos, number);
        if (bad->body_len <= SLG_BODY_NEAR_MAX)
            resume_at_sync_point(walk, resume);
    }
    return SEGLOG_OK;
}

/* What R0 and R2 have come across so far. */
struct search_state {
    struct resume wide;
    struct resume *resume;
    struct slg_gap_info *info;
    uint64_t skip_at;    /* where the near part of the gap ends */
    unsigned lone_tries; /* bounded: each may cost a whole body */
};

static void
lone_note(struct slg_walk *walk, struct slg_gap_info *info,
          const struct slg_hit *hit, uint64_t number)
{
    /* A compressed body alone cannot be decoded. */
    if (hit->frame.kind == SLG_FRAME_CONTROL ||
        slg_frame_is_compressed(&hit->frame))
        return;
    info->lone[info->lone_count++] = (struct slg_stray){
        .offset = hit->offset,
        .number = number,
        .count = count_at(walk, hit->offset, &hit->frame),
        .len = hit->frame.len,
    };
}

/* Resume at the wide candidate; what was searched behind it was in vain. */
static void
wide_take(struct slg_walk *walk, struct search_state *state, uint64_t pos)
{
    *state->resume = state->wide;
    walk->wide_spent += pos - state->wide.pos;
}

static void
wide_note(struct slg_walk *walk, struct search_state *state,
          const struct resume *wide)
{
    if (state->wide.is_found)
        return;
    state->wide = *wide;
    if (walk->wide_spent > walk->window.size / 2 + NEAR_BYTES)
        *state->resume = state->wide;
}

/*
 * An acceptable mark.  One that stands alone, with other numbers behind it,
 * was moved here: it must not lead away from the frames that are in place.
 */
static void
mark_judge(struct slg_walk *walk, uint64_t pos, const struct slg_mark *mark,
           struct search_state *state)
{
    struct resume here;

    resume_at_mark(&here, pos, mark);
    if (!mark_is_confirmed(walk, pos, mark)) {
        if (mark->number >= walk->at.number)
            wide_note(walk, state, &here);
    } else if (state->wide.is_found && state->wide.number <= mark->number) {
        wide_take(walk, state, pos);
    } else {
        *state->resume = here;
    }
}

/* One hit of the search; sets resume when the search is over. */
static void
hit_judge(struct slg_walk *walk, const struct slg_hit *hit,
          struct search_state *state)
{
    if (hit->type == SLG_HIT_MARK) {
        if (slg_walk_accepts(walk, &hit->mark))
            mark_judge(walk, hit->offset, &hit->mark, state);
        return;
    }
    const uint64_t number = walk->at.number + hit->distance;
    const uint64_t narrow = 1 + (hit->offset - walk->at.pos) / 6;
    const bool is_narrow = hit->distance <= narrow;
    if (!is_narrow && state->wide.is_found)
        return;
    const bool is_confirmed =
        is_narrow
            ? candidate_is_confirmed(walk, hit->offset, &hit->frame, number)
            : far_is_confirmed(walk, hit->offset, &hit->frame, number);
    if (!is_confirmed && (!is_narrow || state->lone_tries++ >= SLG_LONE_MAX))
        return;
    if (!candidate_is_sound(walk, hit->offset, &hit->frame, number))
        return;

    struct resume here;
    resume_at(&here, hit->offset, number);
    if (!is_confirmed)
        lone_note(walk, state->info, hit, number);
    else if (!is_narrow)
        wide_note(walk, state, &here);
    else if (state->wide.is_found && state->wide.number <= number)
        wide_take(walk, state, hit->offset);
    else
        resume_at(state->resume, hit->offset, number);
}

/* R0: the frame here is fine, but is not the one expected. */
static seglog_code
resync_here(struct slg_walk *walk, const struct slg_frame *frame,
            uint32_t mixed, struct search_state *state,
            struct seglog_error *err)
{
    const uint64_t pos = walk->at.pos;
    struct slg_mark mark;

    if (mark_read(walk, pos, &mark)) {
        mark_judge(walk, pos, &mark, state);
        return SEGLOG_OK;
    }
    if (!frame || frame_is_mark(frame))
        return SEGLOG_OK;
    const uint32_t distance =
        slg_fmix32_inverse(mixed ^ walk->at.salt) - (uint32_t)walk->at.number;
    const uint64_t number = walk->at.number + distance;
    if (distance < 1 || distance > SLG_WIDE_WINDOW)
        return SEGLOG_OK;
    if (frame->body_len > SLG_BODY_NEAR_MAX)
        return long_frame_try(walk, pos, number, state->resume, err);
    if (far_is_confirmed(walk, pos, frame, number) &&
        candidate_is_sound(walk, pos, frame, number))
        resume_at(state->resume, pos, number);
    return SEGLOG_OK;
}

/* The near part is searched: where does it go on?  (SPEC.md 9, R2.) */
static seglog_code
search_skip(struct slg_walk *walk, uint64_t *pos, struct search_state *state,
            struct seglog_error *err)
{
    struct slg_mark mark;
    uint64_t mark_at;
    const seglog_code code =
        slg_walk_find_mark(walk, *pos, true, &mark_at, &mark, err);

    /* No mark is before pos, which is NEAR_BYTES behind the damage. */
    if (code == SEGLOG_OK && *pos < mark_at - NEAR_BYTES)
        *pos = mark_at - NEAR_BYTES;
    state->skip_at = walk->window.size;
    return code;
}

/* R2: byte by byte. */
static seglog_code
resync_search(struct slg_walk *walk, struct search_state *state,
              struct seglog_error *err)
{
    const uint64_t size = walk->window.size;
    uint64_t pos = walk->at.pos + 1;
    seglog_code code;

    state->skip_at =
        size - walk->at.pos > NEAR_BYTES ? walk->at.pos + NEAR_BYTES : size;
    while (pos < size && !state->resume->is_found) {
        if (pos >= state->skip_at) {
            code = search_skip(walk, &pos, state, err);
            if (code != SEGLOG_OK)
                return code;
        }
        code = load_ahead(walk, pos, err);
        if (code != SEGLOG_OK)
            return code;
        /* All that can be judged with the bytes at hand. */
        const uint64_t loaded = walk->search->base + walk->search->len;
        uint64_t until = loaded == size ? size : loaded - SLG_SEARCH_AHEAD + 1;
        if (until > state->skip_at)
            until = state->skip_at;

        struct slg_hit hit;
        slg_search_next(walk->search, pos, until, walk->at.salt,
                        walk->at.number, &hit);
        if (hit.type == SLG_HIT_NONE) {
            pos = until;
            continue;
        }
        hit_judge(walk, &hit, state);
        pos = hit.offset + 1;
    }
    if (!state->resume->is_found && state->wide.is_found)
        wide_take(walk, state, size);
    return SEGLOG_OK;
}

/* SPEC.md 9, Lone frames: keep those that fit between the two numbers. */
static void
lone_settle(struct slg_gap_info *info, bool is_forward)
{
    size_t kept = 0;
    uint64_t end = info->before.pos;
    uint64_t number = info->before.number;

    for (size_t i = 0; is_forward && i < info->lone_count; i++) {
        struct slg_stray *lone = &info->lone[i];
        if (lone->offset < end || lone->number < number ||
            lone->offset + lone->len > info->end ||
            lone->number + lone->count > info->number)
            continue;
        info->lone[kept++] = *lone;
        end = lone->offset + lone->len;
        number = lone->number + lone->count;
    }
    info->lone_count = kept;
}

/* With a lost header, and before any mark: a dictionary may have been named in
 * what is lost. */
static bool
reference_may_be_lost(const struct slg_walk *walk, const struct resume *resume,
                      const struct slg_gap_info *info)
{
    return walk->is_header_lost && info->is_header && !walk->dictionary &&
           resume->pos > SLG_HEADER_BYTES;
}

static void
walk_move(struct slg_walk *walk, const struct resume *resume,
          struct slg_gap_info *info)
{
    const uint64_t expected = info->before.number;
    walk->at.pos = resume->pos;
    walk->resumed_at = resume->pos;
    /* What fills the gap may have been a sync point, and long bodies may stand
     * behind what goes with it. */
    walk->at.is_after_sync =
        resume->is_long || info->is_frame_whole ||
        (resume->pos == info->before.pos && info->before.is_after_sync);
    walk->at.is_after_close = false;
    walk->at.number = resume->number;
    /* Only a mark may lead back; its records fill holes or are copies. */
    walk->is_passed = resume->is_mark && resume->number < expected;
    /* It is behind us: a gap that begins right here is behind a main run, even
     * if nothing of that can be read. */
    walk->passed_end = 0;
    info->is_passed_after = walk->is_passed;
    if (walk->is_passed) {
        walk->passed_number = expected;
        walk->passed_line = info->before.line;
    } else {
        walk->at.line = info->before.line + (resume->number - expected);
    }
    if (resume->is_mark && resume->mark.type == SLG_CONTROL_SYNC_POINT)
        info->mark_offset = resume->mark.offset;
    /* Where no record is lost, whatever follows can still be decoded: unless a
     * mark is, behind which a dictionary stood. */
    if (!slg_context_is_at(&walk->context, info->before.pos) ||
        walk->is_passed || resume->number != expected ||
        !slg_context_outlives_marks(&walk->context) ||
        reference_may_be_lost(walk, resume, info))
        slg_context_break(&walk->context,
                          resume->number > expected ? expected : 0);
    else
        walk->context.pos = resume->pos;
    info->is_passed_over = resume->is_mark && resume->number == expected &&
                           resume->mark.epoch != info->before.epoch;
    walk->has_gap = true;
}

/*
 * Resumed here, and not a step further: somebody has written here since it was
 * read, and the window and the search show different bytes.
 */
static void
bytes_renew(struct slg_walk *walk)
{
    slg_window_forget(&walk->window);
    if (walk->search)
        slg_search_reset(walk->search, 0);
}

seglog_code
slg_walk_resync(struct slg_walk *walk, struct slg_gap_info *info,
                struct seglog_error *err)
{
    struct resume resume = { .is_found = false };
    struct search_state state = { .resume = &resume, .info = info };
    const bool bad_is_frame = walk->bad_is_frame;
    const struct slg_frame bad = walk->bad_frame;
    const uint32_t bad_mixed = walk->bad_mixed;

    if (walk->resumed_at == walk->at.pos)
        bytes_renew(walk);
    memset(info, 0, offsetof(struct slg_gap_info, tiles));
    info->tile_count = 0;
    info->lone_count = 0;
    info->is_passed_before =
        walk->passed_end == walk->at.pos && walk->at.pos != 0;
    info->before = walk->at;
    info->is_header = walk->at.pos == 0;

    seglog_code code = load_ahead(walk, walk->at.pos, err);
    if (code == SEGLOG_OK)
        code = resync_here(walk, bad_is_frame ? &bad : NULL, bad_mixed, &state,
                           err);
    if (code == SEGLOG_OK && !resume.is_found && bad_is_frame)
        code = resync_claimed_end(walk, &bad, &resume, err);
    if (code == SEGLOG_OK && !resume.is_found)
        code = resync_search(walk, &state, err);
    if (code != SEGLOG_OK)
        return code;

    info->is_tail = !resume.is_found;
    info->end = resume.is_found ? resume.pos : walk->window.size;
    info->number = resume.is_found ? resume.number : walk->at.number;
    info->is_frame_whole =
        bad_is_frame && info->before.pos + bad.len == info->end;
    info->is_companion =
        info->is_frame_whole && slg_control_is_companion(bad.control);
    lone_settle(info, resume.is_found && info->number > info->before.number);
    code = slg_walk_classify(walk, info, err);
    if (code != SEGLOG_OK)
        return code;
    if (resume.is_found) {
        walk_move(walk, &resume, info);
    } else {
        walk->at.pos = walk->window.size;
    }
    return SEGLOG_OK;
}
