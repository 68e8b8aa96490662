/* SPDX-License-Identifier: MIT */
/* src/stream/stream_mend_look.c - where the loss is, and what is behind it. */
#include <stdlib.h>

#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_reader.h"
#include "src/store/fail.h"
#include "src/stream/stream_mend.h"

struct look {
    struct slg_mend *mend;
    bool is_known; /* the head behind the last event */
    struct seglog_chain_hash hash;
    uint64_t next; /* number behind it */
    /* Damage was the last event, and lost nothing that is known of. */
    bool has_gap;
    uint64_t gap_at;
    bool is_begun;
    bool is_first_lost; /* CUT_FIRST: an event is, so heads behind are no use */
};

/* What stood behind an earlier loss is vouched for again; but nobody appends to
 * a segment without a header. */
static void
loss_forget(const struct look *look)
{
    struct slg_mend *mend = look->mend;

    if (mend->summary.is_header_lost || look->is_first_lost)
        return;
    mend->has_loss = false;
    mend->tomb_count = 0;
}

static void
loss_note(struct look *look, uint64_t at)
{
    struct slg_mend *mend = look->mend;

    if (mend->has_loss)
        return;
    mend->has_loss = true;
    mend->lost_at = at;
    mend->first_lost = look->next;
    mend->is_before_known = look->is_known;
    mend->before = look->hash;
}

static seglog_code
tombstone_note(struct slg_mend *mend, const struct slg_tombstone *tombstone,
               struct seglog_error *err)
{
    if (mend->tomb_count == mend->tomb_cap) {
        const size_t cap = mend->tomb_cap ? 2 * mend->tomb_cap : 16;
        struct slg_mend_tomb *grown = realloc(mend->tombs, cap * sizeof *grown);

        if (!grown)
            return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for the tombstones of a stream");
        mend->tombs = grown;
        mend->tomb_cap = cap;
    }
    mend->tombs[mend->tomb_count++] =
        (struct slg_mend_tomb){ .tombstone = *tombstone };
    return SEGLOG_OK;
}

/* Directly behind the header, unless it is damaged. */
static void
head_look(struct look *look, const struct slg_chain_event *event)
{
    struct slg_mend *mend = look->mend;

    loss_forget(look);
    if (look->is_begun || event->number != mend->part->offset + 1)
        return;
    mend->has_base = true;
    mend->base = event->hash;
}

/* A torn tail is not part of the segment. */
static bool
event_is_torn(const struct slg_chain_event *event)
{
    return event->type == SLG_CHAIN_EVENT_GAP && !event->finding.is_recorded &&
           event->finding.verdict == SEGLOG_VERDICT_TORN;
}

/* Is an event missing in front of this, or is this one that is? */
static bool
event_loses(const struct look *look, const struct slg_chain_event *event)
{
    if (event->type == SLG_CHAIN_EVENT_GAP)
        return event->finding.last_record >= look->next &&
               !(event->finding.is_recorded &&
                 event->finding.cause == SEGLOG_CAUSE_DROPPED);
    return event->type == SLG_CHAIN_EVENT_RECORD && event->number > look->next;
}

static seglog_code
event_look(struct look *look, const struct slg_chain_event *event,
           struct seglog_error *err)
{
    struct slg_mend *mend = look->mend;
    const bool is_gap = event->type == SLG_CHAIN_EVENT_GAP;
    seglog_code code = SEGLOG_OK;

    if (event_is_torn(event))
        return SEGLOG_OK;
    if (event->type == SLG_CHAIN_EVENT_HEAD)
        head_look(look, event);
    else if (!event->is_known ||
             slg_chain_event_may_hide_tombstone(
                 event, look->next != mend->part->offset + 1))
        loss_note(look, look->has_gap ? look->gap_at : event->offset);
    if (mend->how == SEGLOG_STREAM_MEND_CUT_FIRST && event_loses(look, event)) {
        loss_note(look, look->has_gap ? look->gap_at : event->offset);
        look->is_first_lost = true;
    }
    look->is_begun = true;
    look->has_gap = is_gap && !event->finding.is_recorded;
    look->gap_at = event->offset;
    look->is_known = event->is_known;
    look->hash = event->hash;
    if (event->type == SLG_CHAIN_EVENT_RECORD) {
        look->next = event->number + 1;
    } else if (is_gap && event->finding.last_record >= look->next) {
        look->next = event->finding.last_record + 1;
    } else if (event->type == SLG_CHAIN_EVENT_PREDECESSOR) {
        mend->has_predecessor = true;
        mend->predecessor = event->predecessor;
    } else if (event->type == SLG_CHAIN_EVENT_TOMBSTONE && mend->has_loss &&
               event->tombstone.number >= mend->first_lost) {
        code = tombstone_note(mend, &event->tombstone, err);
    }
    return code;
}

seglog_code
slg_mend_look_for_attributes(const struct slg_mend *mend,
                             struct slg_stream_attributes *attributes,
                             bool *is_there, struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event = { .type = SLG_EVENT_CONTROL };
    seglog_code code = slg_reader_open_with_controls(
        mend->streams->store, mend->name, &options, &reader, err);

    *is_there = false;
    while (code == SEGLOG_OK && event.type != SEGLOG_EVENT_RECORD &&
           !*is_there) {
        const uint8_t *data = NULL;
        size_t len = 0;

        code = seglog_reader_next(reader, &event, err);
        if (code == SEGLOG_OK && event.type == SLG_EVENT_CONTROL &&
            reader->step.frame.control == SLG_CONTROL_ATTRIBUTES &&
            slg_attributes_decode(reader->step.bytes, &reader->step.frame,
                                  &data, &len))
            *is_there = slg_stream_attributes_decode(data, len, attributes) &&
                        attributes->stream == mend->stream;
    }
    seglog_reader_close(reader);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static int
tombstone_compare(const void *a, const void *b)
{
    const uint64_t x = ((const struct slg_mend_tomb *)a)->tombstone.number;
    const uint64_t y = ((const struct slg_mend_tomb *)b)->tombstone.number;

    return x < y ? -1 : x > y;
}

seglog_code
slg_mend_look(struct slg_mend *mend, struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    struct look look = { .mend = mend, .next = mend->part->offset + 1 };
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_reader_state state;
    seglog_code code = slg_chain_reader_open(mend->streams->store, mend->name,
                                             &options, &reader, err);

    if (code != SEGLOG_OK)
        return code;
    if (mend->summary.is_header_lost)
        loss_note(&look, 0);
    while (code == SEGLOG_OK) {
        struct slg_chain_event event;

        code = slg_chain_reader_next(reader, &event, err);
        if (code == SEGLOG_OK)
            code = event_look(&look, &event, err);
    }
    slg_chain_reader_get_state(reader, &state);
    slg_chain_reader_close(reader);
    /* Not even a head is there. */
    if (!look.is_begun && mend->part->offset > 0)
        loss_note(&look, SLG_HEADER_BYTES);
    /* Nothing is known to be lost, but what is there leads nowhere. */
    if (look.has_gap)
        loss_note(&look, look.gap_at);
    mend->next_record = look.next;
    if (state.chain != 0)
        mend->chain = state.chain;
    if (mend->tomb_count > 1)
        qsort(mend->tombs, mend->tomb_count, sizeof *mend->tombs,
              tombstone_compare);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}
