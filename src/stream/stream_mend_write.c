/* SPDX-License-Identifier: MIT */
/* src/stream/stream_mend_write.c - the mended segment. */
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_chain_writer.h"
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"
#include "src/stream/stream_compact.h"
#include "src/stream/stream_mend.h"

#define BUFFER_BYTES ((size_t)1 << 20)

struct writing {
    struct slg_mend *mend;
    struct seglog_stream_mended *mended;
    struct seglog_writer *writer;
    uint64_t from;       /* what is before this byte is there already */
    uint64_t next;       /* number */
    uint64_t readable;   /* records that were written here */
    uint64_t set_aside;  /* records that were not: cut */
    uint64_t first_lost; /* 0: none is */
    bool is_cut;         /* a loss was met, where it is to end */
    struct seglog_chain_hash hash; /* the head here */
    struct seglog_item *items;     /* of a group */
    size_t item_count;
    size_t item_cap;
};

static struct slg_place
mend_place(const struct slg_mend *mend)
{
    return (struct slg_place){ .name = mend->name, .offset = SEGLOG_NO_OFFSET };
}

/* -- what is before the loss: as it is ------------------------------------- */

/*
 * And the first byte behind it: a torn tail, so that a new epoch begins there
 * (SPEC.md 7.3), and nobody takes what follows for what was.
 */
static seglog_code
prefix_copy(const struct slg_mend *mend, struct seglog_error *err)
{
    const struct seglog_store store = mend->streams->store;
    struct seglog_blob from = { 0 };
    struct seglog_blob to = { 0 };
    seglog_code close_code = SEGLOG_OK;
    seglog_code code =
        seglog_blob_open(store, mend->name, SEGLOG_OPEN_READ, &from, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_open(
            store, mend->new_name,
            SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE, &to, err);
    if (code == SEGLOG_OK)
        code = slg_blob_copy(from, 0, mend->lost_at + 1, to, err);
    if (to.ops)
        close_code = seglog_blob_close(&to, code == SEGLOG_OK ? err : NULL);
    (void)seglog_blob_close(&from, NULL);
    return code == SEGLOG_OK ? close_code : code;
}

static seglog_code
prefix_open(struct writing *writing, struct seglog_error *err)
{
    const struct slg_mend *mend = writing->mend;
    const struct seglog_stream_options *streams = &mend->streams->options;
    const struct slg_place place = mend_place(mend);
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEVER,
        .buffer_bytes = BUFFER_BYTES,
        .drop_torn_tail = true,
        .append_to_damaged = true,
        .no_closing_mark = true,
        .codec = streams->codec,
        .level = streams->level_of_codec,
    };
    struct slg_writer_place at;
    seglog_code code = prefix_copy(mend, err);

    if (code == SEGLOG_OK)
        code = seglog_writer_open(mend->streams->store, mend->new_name,
                                  &options, &writing->writer, err);
    if (code != SEGLOG_OK)
        return code;
    slg_writer_get_planned(writing->writer, &at);
    if (at.next_record != mend->first_lost ||
        !slg_chain_hash_is_same(&at.hash, &mend->before))
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "what is in front of the loss is not what it was");
    writing->from = mend->lost_at;
    writing->next = mend->first_lost;
    writing->hash = mend->before;
    return SEGLOG_OK;
}

/* -- or all of it, where no head of it is known ---------------------------- */

/* What the segment before it says of its own end. */
static seglog_code
base_find(struct slg_mend *mend, struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    const struct slg_place place = mend_place(mend);
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_reader_state state;
    struct slg_chain_event event = { .is_known = false };
    char name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    mend->base = (struct seglog_chain_hash){ .len = 0 };
    mend->has_base = mend->part->offset == 0;
    if (mend->parts.begin.is_there &&
        mend->part->offset == mend->parts.begin.offset) {
        mend->has_base = true;
        mend->base = mend->parts.begin.hash;
    }
    if (mend->parts.count < 2)
        return SEGLOG_OK;
    code = slg_chain_reader_open(
        mend->streams->store,
        slg_stream_part_name(mend->stream, mend->part - 1, name), &options,
        &reader, err);
    if (code == SEGLOG_OK)
        code = slg_chain_reader_seek(reader, INT64_MAX, err);
    while (code == SEGLOG_OK)
        code = slg_chain_reader_next(reader, &event, err);
    if (code != SEGLOG_END) {
        slg_chain_reader_close(reader);
        return code;
    }
    slg_chain_reader_get_state(reader, &state);
    slg_chain_reader_close(reader);
    if (!event.is_known || state.next_record != mend->part->offset + 1)
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "no head is known in it, nor at the end of the one "
                        "before it");
    mend->has_base = true;
    mend->base = event.hash;
    mend->has_predecessor = true;
    mend->predecessor = (struct seglog_predecessor){
        .epoch = state.epoch, .number = state.next_record, .end = state.size
    };
    memcpy(mend->predecessor.identity, state.identity,
           sizeof mend->predecessor.identity);
    return SEGLOG_OK;
}

static seglog_code
anew_create(struct writing *writing,
            const struct slg_stream_attributes *attributes,
            struct seglog_error *err)
{
    const struct slg_mend *mend = writing->mend;
    const struct seglog_stream_options *streams = &mend->streams->options;
    const bool is_header_lost = mend->summary.is_header_lost;
    uint8_t bytes[SLG_STREAM_ATTRIBUTES_BYTES];
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        .buffer_bytes = BUFFER_BYTES,
        .body_log2 =
            is_header_lost ? SEGLOG_BODY_LOG2_MAX : mend->summary.body_log2,
        .sync_log2 =
            is_header_lost ? streams->sync_log2 : mend->summary.sync_log2,
        .first_record = mend->part->offset + 1,
        .no_closing_mark = true,
        .attributes = bytes,
        .attributes_len = sizeof bytes,
        .codec = streams->codec,
        .level = streams->level_of_codec,
        .chain = mend->chain,
        .chain_base = &mend->base,
        .predecessor = mend->has_predecessor ? &mend->predecessor : NULL,
    };

    slg_stream_attributes_encode(attributes, bytes);
    return seglog_writer_open(mend->streams->store, mend->new_name, &options,
                              &writing->writer, err);
}

/* What its segments say; or what was remembered when it was trimmed. */
static seglog_code
attributes_find(const struct slg_mend *mend,
                struct slg_stream_attributes *attributes,
                struct seglog_error *err)
{
    const struct slg_place place = mend_place(mend);
    const struct slg_stream_begin *begin = &mend->parts.begin;
    bool is_there = false;
    seglog_code code =
        slg_stream_attributes_find(mend->streams->store, mend->stream,
                                   &mend->parts, attributes, &is_there, err);

    if (code == SEGLOG_OK && !is_there)
        code = slg_mend_look_for_attributes(mend, attributes, &is_there, err);
    if (code != SEGLOG_OK || is_there)
        return code;
    if (!begin->is_there)
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "no segment of the stream says any more which it is");
    *attributes = (struct slg_stream_attributes){ .chain = begin->chain,
                                                  .stream = mend->stream };
    memcpy(attributes->identity, begin->identity, sizeof begin->identity);
    return SEGLOG_OK;
}

static seglog_code
anew_open(struct writing *writing, struct seglog_error *err)
{
    struct slg_mend *mend = writing->mend;
    struct slg_stream_attributes attributes;
    seglog_code code = attributes_find(mend, &attributes, err);

    if (code == SEGLOG_OK && !mend->has_base)
        code = base_find(mend, err);
    if (code != SEGLOG_OK)
        return code;
    mend->chain = attributes.chain;
    attributes.number = mend->part->first;
    writing->from = 0;
    writing->next = mend->part->offset + 1;
    writing->hash = mend->base;
    return anew_create(writing, &attributes, err);
}

/* -- what is behind -------------------------------------------------------- */

/* The writer puts the head with which the chain begins anew behind it. */
static seglog_code
loss_put(struct writing *writing, const struct seglog_finding *finding,
         uint64_t last, struct seglog_error *err)
{
    struct seglog_finding gap = *finding;
    struct seglog_chain_hash before;
    seglog_code code = SEGLOG_OK;

    if (gap.verdict == SEGLOG_VERDICT_OK ||
        (unsigned)gap.verdict > SEGLOG_VERDICT_IO)
        gap.verdict = SEGLOG_VERDICT_CORRUPT;
    if ((unsigned)gap.cause >= SEGLOG_CAUSE_DROPPED)
        gap.cause = SEGLOG_CAUSE_NONE;
    if (writing->first_lost == 0)
        writing->first_lost = writing->next;
    gap.first_record = writing->next;
    gap.last_record = last;
    gap.lines = last - writing->next + 1;
    code = seglog_writer_append_gap(writing->writer, &gap, err);
    if (code != SEGLOG_OK)
        return code;
    before = writing->hash;
    slg_chain_hash_anew((unsigned)writing->mend->chain, &before, writing->next,
                        last + 1, &writing->hash);
    writing->mended->lost += last - writing->next + 1;
    writing->next = last + 1;
    return SEGLOG_OK;
}

/* The first of that number, or of a higher one. */
static size_t
tomb_find(const struct slg_mend *mend, uint64_t number)
{
    size_t low = 0;
    size_t high = mend->tomb_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (mend->tombs[middle].tombstone.number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One that is behind the loss has other hashes than its tombstones say. */
static void
tomb_learn(struct writing *writing, uint64_t number,
           const struct seglog_chain_hash *before)
{
    const struct slg_mend *mend = writing->mend;

    for (size_t i = tomb_find(mend, number);
         i < mend->tomb_count && mend->tombs[i].tombstone.number == number;
         i++) {
        mend->tombs[i].tombstone.before = *before;
        mend->tombs[i].tombstone.hash = writing->hash;
        mend->tombs[i].is_there = true;
    }
}

static seglog_code
item_add(struct writing *writing, const struct seglog_record *record,
         struct seglog_error *err)
{
    if (writing->item_count == writing->item_cap) {
        const size_t cap = writing->item_cap ? 2 * writing->item_cap : 64;
        struct seglog_item *grown =
            realloc(writing->items, cap * sizeof *grown);

        if (!grown)
            return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for the events of a batch");
        writing->items = grown;
        writing->item_cap = cap;
    }
    writing->items[writing->item_count++] = (struct seglog_item){
        .kind = record->kind, .data = record->data, .len = record->len
    };
    return SEGLOG_OK;
}

/* Batches stay batches. */
static seglog_code
record_put(struct writing *writing, const struct seglog_record *record,
           struct seglog_error *err)
{
    static const struct seglog_finding missing = {
        .verdict = SEGLOG_VERDICT_CORRUPT, .cause = SEGLOG_CAUSE_MISSING
    };
    struct seglog_chain_hash before;
    seglog_code code = SEGLOG_OK;

    if (record->record_no > writing->next)
        code = loss_put(writing, &missing, record->record_no - 1, err);
    if (code == SEGLOG_OK)
        code = item_add(writing, record, err);
    if (code != SEGLOG_OK)
        return code;
    before = writing->hash;
    slg_chain_hash((unsigned)writing->mend->chain, &before,
                   SLG_CHAIN_KIND_RECORD, record->data, record->len,
                   &writing->hash);
    tomb_learn(writing, record->record_no, &before);
    writing->next = record->record_no + 1;
    writing->readable++;
    if (record->group_left > 0)
        return SEGLOG_OK;
    code = seglog_writer_append_group(writing->writer, writing->items,
                                      writing->item_count, SEGLOG_LEVEL_APPEND,
                                      NULL, err);
    writing->item_count = 0;
    return code;
}

/* That of a lost record is lost with it; that of one in front of the loss says
 * what it did. */
static seglog_code
tombstone_put(struct writing *writing, const struct slg_tombstone *found,
              struct seglog_error *err)
{
    const struct slg_mend *mend = writing->mend;
    uint8_t payload[SLG_TOMBSTONE_PAYLOAD_MAX];
    struct slg_tombstone tombstone = *found;
    struct seglog_chain_hash before;
    seglog_code code = SEGLOG_OK;

    if (found->number >= mend->first_lost) {
        const size_t at = tomb_find(mend, found->number);

        if (at == mend->tomb_count || !mend->tombs[at].is_there)
            return SEGLOG_OK;
        tombstone = mend->tombs[at].tombstone;
    }
    code = slg_writer_put_tombstone(writing->writer, &tombstone, err);
    if (code != SEGLOG_OK)
        return code;
    before = writing->hash;
    slg_chain_hash((unsigned)mend->chain, &before, SLG_CHAIN_KIND_TOMBSTONE,
                   payload, slg_tombstone_payload(&tombstone, payload),
                   &writing->hash);
    return SEGLOG_OK;
}

static seglog_code
event_put(struct writing *writing, const struct slg_chain_event *event,
          struct seglog_error *err)
{
    const struct seglog_finding *finding = &event->finding;
    const bool is_cut = slg_mend_cuts(writing->mend);

    if (event->offset < writing->from)
        return SEGLOG_OK;
    switch (event->type) {
    case SLG_CHAIN_EVENT_GAP:
        if (finding->verdict == SEGLOG_VERDICT_TORN ||
            finding->last_record < writing->next)
            return SEGLOG_OK;
        writing->is_cut |= is_cut;
        return is_cut ? SEGLOG_OK
                      : loss_put(writing, finding, finding->last_record, err);
    case SLG_CHAIN_EVENT_RECORD:
        writing->is_cut |= is_cut && event->number > writing->next;
        writing->set_aside += writing->is_cut;
        return writing->is_cut ? SEGLOG_OK
                               : record_put(writing, &event->record, err);
    case SLG_CHAIN_EVENT_TOMBSTONE:
        return tombstone_put(writing, &event->tombstone, err);
    case SLG_CHAIN_EVENT_HEAD:
    case SLG_CHAIN_EVENT_SIGNATURE:
    case SLG_CHAIN_EVENT_PREDECESSOR:
    case SLG_CHAIN_EVENT_CLOSED:
        break;
    }
    return SEGLOG_OK;
}

static seglog_code
behind_copy(struct writing *writing, struct seglog_error *err)
{
    const struct slg_mend *mend = writing->mend;
    const struct slg_chain_reader_options options = { .salvage = true };
    struct slg_chain_reader *reader = NULL;
    seglog_code code = slg_chain_reader_open(mend->streams->store, mend->name,
                                             &options, &reader, err);

    while (code == SEGLOG_OK) {
        struct slg_chain_event event;

        code = slg_chain_reader_next(reader, &event, err);
        if (code == SEGLOG_OK)
            code = event_put(writing, &event, err);
    }
    slg_chain_reader_close(reader);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* -- the end --------------------------------------------------------------- */

/* Is it what was to be written? */
static seglog_code
back_read(const struct writing *writing, struct seglog_error *err)
{
    const struct slg_mend *mend = writing->mend;
    const struct slg_chain_reader_options options = { .salvage = true };
    const struct slg_place place = { .name = mend->new_name,
                                     .offset = SEGLOG_NO_OFFSET };
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_event event = { .is_known = false };
    uint64_t records = 0;
    seglog_code code = slg_chain_reader_open(
        mend->streams->store, mend->new_name, &options, &reader, err);

    while (code == SEGLOG_OK) {
        code = slg_chain_reader_next(reader, &event, err);
        records += code == SEGLOG_OK && event.type == SLG_CHAIN_EVENT_RECORD &&
                   event.offset >= writing->from;
    }
    slg_chain_reader_close(reader);
    if (code != SEGLOG_END)
        return code;
    return event.is_known && event.number == writing->next &&
                   event.type == SLG_CHAIN_EVENT_HEAD &&
                   records == writing->readable &&
                   slg_chain_hash_is_same(&event.hash, &writing->hash)
               ? SEGLOG_OK
               : slg_fail(err, SEGLOG_CORRUPT, &place,
                          "what was written did not read back");
}

static seglog_code
writer_finish(struct writing *writing, struct seglog_error *err)
{
    seglog_code close_code = SEGLOG_OK;
    seglog_code code = slg_writer_make_checkpoint(writing->writer, false, err);

    if (code == SEGLOG_OK)
        code = seglog_writer_sync(writing->writer, err);
    close_code =
        seglog_writer_close(writing->writer, code == SEGLOG_OK ? err : NULL);
    writing->writer = NULL;
    return code == SEGLOG_OK ? close_code : code;
}

static void
mended_fill(const struct writing *writing)
{
    const struct slg_mend *mend = writing->mend;
    struct seglog_stream_mended *mended = writing->mended;

    mended->end.next_offset = writing->next - 1;
    mended->end.hash = writing->hash;
    mended->first_lost =
        (writing->first_lost != 0 ? writing->first_lost : writing->next) - 1;
    if (!slg_mend_cuts(mend))
        return;
    mended->lost = mend->next_record - writing->next;
    mended->set_aside = writing->set_aside;
}

static seglog_code
write_with(struct slg_mend *mend, struct seglog_stream_mended *mended,
           seglog_code (*open)(struct writing *writing,
                               struct seglog_error *err),
           struct seglog_error *err)
{
    const struct seglog_store store = mend->streams->store;
    struct writing writing = { .mend = mend, .mended = mended };
    seglog_code code = slg_stream_blob_remove(store, mend->new_name, err);

    mended->lost = 0;
    for (size_t i = 0; i < mend->tomb_count; i++)
        mend->tombs[i].is_there = false;
    if (code == SEGLOG_OK)
        code = open(&writing, err);
    if (code == SEGLOG_OK)
        code = behind_copy(&writing, err);
    if (code == SEGLOG_OK)
        code = writer_finish(&writing, err);
    if (code == SEGLOG_OK)
        code = back_read(&writing, err);
    (void)seglog_writer_close(writing.writer, NULL);
    free(writing.items);
    if (code == SEGLOG_OK)
        mended_fill(&writing);
    else
        (void)slg_stream_blob_remove(store, mend->new_name, NULL);
    return code;
}

seglog_code
slg_mend_write(struct slg_mend *mend, struct seglog_stream_mended *mended,
               struct seglog_error *err)
{
    seglog_code code = SEGLOG_CORRUPT;

    if (mend->is_before_known)
        code = write_with(mend, mended, prefix_open, err);
    return code == SEGLOG_CORRUPT ? write_with(mend, mended, anew_open, err)
                                  : code;
}
