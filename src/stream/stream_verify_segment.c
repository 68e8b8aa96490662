/* SPDX-License-Identifier: MIT */
/* src/stream/stream_verify_segment.c - one segment. */
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_reader.h"
#include "src/store/fail.h"
#include "src/stream/stream_verify.h"

struct verifying {
    const struct slg_verify_job *job;
    struct slg_verified_part *part;
    enum seglog_chain chain;
    bool has_no_memory;
};

static struct seglog_stream_finding *
finding_new(struct slg_verified_part *part)
{
    if (part->finding_count == part->finding_cap) {
        const size_t cap = part->finding_cap ? 2 * part->finding_cap : 8;
        struct seglog_stream_finding *grown =
            realloc(part->findings, cap * sizeof *grown);

        if (!grown)
            return NULL;
        part->findings = grown;
        part->finding_cap = cap;
    }
    part->findings[part->finding_count] =
        (struct seglog_stream_finding){ .segment = part->part.first };
    return &part->findings[part->finding_count++];
}

bool
slg_verify_add(struct slg_verified_part *part, enum seglog_stream_fault fault,
               uint64_t first_offset, uint64_t last_offset)
{
    struct seglog_stream_finding *finding = finding_new(part);

    if (!finding)
        return false;
    finding->fault = fault;
    finding->has_offsets = true;
    finding->first_offset = first_offset;
    finding->last_offset = last_offset;
    return true;
}

static void
found(struct verifying *verifying, enum seglog_stream_fault fault,
      uint64_t first_offset, uint64_t last_offset)
{
    verifying->has_no_memory |=
        !slg_verify_add(verifying->part, fault, first_offset, last_offset);
}

/* -- kept heads ------------------------------------------------------------ */

/* The stream has had this head in front of that record. */
static void
kept_look(struct verifying *verifying, uint64_t number, bool is_known,
          const struct seglog_chain_hash *hash)
{
    const struct slg_verify_job *job = verifying->job;

    for (size_t i = 0; is_known && i < job->kept_count; i++) {
        const struct seglog_stream_end *kept = &job->kept[i].end;

        if (kept->next_offset == number - 1 &&
            slg_chain_hash_is_same(&kept->hash, hash))
            verifying->part->is_seen[i] = true;
    }
}

/* -- events ---------------------------------------------------------------- */

/* In front of the checkpoint where it is to begin. */
static bool
is_passed(const struct verifying *verifying,
          const struct slg_chain_event *event)
{
    const uint64_t from = verifying->job->from;

    return !verifying->part->is_begun && from > verifying->part->first_record &&
           (event->type != SLG_CHAIN_EVENT_HEAD || event->number < from);
}

static void
begin_take(struct verifying *verifying, const struct slg_chain_event *event)
{
    struct slg_verified_part *part = verifying->part;

    if (part->is_begun)
        return;
    part->is_begun = true;
    part->begin = event->hash;
    part->checkpoint_record = event->number;
    part->is_from_start = event->number == part->first_record;
}

static void
head_take(struct verifying *verifying, const struct slg_chain_event *event)
{
    struct slg_verified_part *part = verifying->part;

    verifying->chain = (enum seglog_chain)event->head.algorithm;
    begin_take(verifying, event);
    if (event->is_checkpoint)
        part->checkpoints++;
    if (event->head.is_anew)
        found(verifying, SEGLOG_STREAM_FAULT_MENDED, event->number - 1,
              event->number - 1);
    if (event->is_broken && event->known_from >= part->checkpoint_record)
        found(verifying, SEGLOG_STREAM_FAULT_CHAIN, event->known_from - 1,
              event->number >= 2 ? event->number - 2 : 0);
    kept_look(verifying, event->number, true, &event->hash);
    if (event->is_checkpoint && verifying->job->on_checkpoint)
        verifying->job->on_checkpoint(verifying->job->arg, part,
                                      event->number - 1);
}

static void
signature_take(struct verifying *verifying, const struct slg_chain_event *event)
{
    const struct slg_verify_job *job = verifying->job;
    struct slg_verified_part *part = verifying->part;
    const struct seglog_stream_end end = { .next_offset = event->number - 1,
                                           .hash = event->hash };
    bool is_good = false;

    part->signatures++;
    if (part->signed_offset < end.next_offset)
        part->signed_offset = end.next_offset;
    if (!job->public_key)
        return;
    if (memcmp(event->signature.public_key, job->public_key,
               SEGLOG_SIGN_KEY_BYTES) == 0 &&
        event->is_known &&
        slg_stream_check_signature(
            job->public_key, job->identity, job->stream, verifying->chain, &end,
            event->signature.bytes, &is_good, NULL) == SEGLOG_OK &&
        is_good)
        return;
    found(verifying, SEGLOG_STREAM_FAULT_SIGNATURE, end.next_offset,
          end.next_offset);
}

/* Whatever ends a live segment, and is not whole yet, is none of it. */
static void
gap_take(struct verifying *verifying, const struct slg_chain_event *event)
{
    const struct seglog_finding *damage = &event->finding;
    struct seglog_stream_finding *finding = NULL;

    if (damage->verdict == SEGLOG_VERDICT_TORN)
        return;
    if (damage->is_recorded && damage->cause == SEGLOG_CAUSE_DROPPED) {
        const uint64_t count = damage->last_record - damage->first_record + 1;

        verifying->part->events += count;
        verifying->part->dropped += count;
        return;
    }
    finding = finding_new(verifying->part);
    verifying->has_no_memory |= !finding;
    if (!finding)
        return;
    finding->fault = SEGLOG_STREAM_FAULT_DAMAGE;
    finding->finding = *damage;
    finding->has_offsets = damage->first_record != 0;
    if (finding->has_offsets) {
        finding->first_offset = damage->first_record - 1;
        finding->last_offset = damage->last_record - 1;
    }
}

static void
event_take(struct verifying *verifying, const struct slg_chain_event *event)
{
    struct slg_verified_part *part = verifying->part;

    if (is_passed(verifying, event))
        return;
    verifying->has_no_memory |= !slg_tombs_take_event(&part->tombs, event);
    part->is_end_known = event->is_known;
    part->end = event->hash;
    switch (event->type) {
    case SLG_CHAIN_EVENT_RECORD:
        part->events++;
        kept_look(verifying, event->number + 1, event->is_known, &event->hash);
        return;
    case SLG_CHAIN_EVENT_GAP:
        gap_take(verifying, event);
        return;
    case SLG_CHAIN_EVENT_HEAD:
        head_take(verifying, event);
        return;
    case SLG_CHAIN_EVENT_TOMBSTONE:
        kept_look(verifying, event->number, event->is_known, &event->hash);
        return;
    case SLG_CHAIN_EVENT_SIGNATURE:
        signature_take(verifying, event);
        return;
    case SLG_CHAIN_EVENT_PREDECESSOR:
        part->has_predecessor = true;
        part->predecessor = event->predecessor;
        return;
    case SLG_CHAIN_EVENT_CLOSED:
        return;
    }
}

/* -- the segment ----------------------------------------------------------- */

static void
state_take(const struct slg_chain_reader *reader,
           struct slg_verified_part *part, uint64_t *counted,
           atomic_uint_fast64_t *done)
{
    struct slg_chain_reader_state state;

    slg_chain_reader_get_state(reader, &state);
    part->first_record = state.first_record;
    part->next_record = state.next_record;
    part->epoch = state.epoch;
    part->size = state.size;
    part->is_sealed = state.is_sealed;
    part->bytes_read = state.bytes_read;
    memcpy(part->identity, state.identity, sizeof part->identity);
    if (state.offset > *counted) {
        atomic_fetch_add(done, state.offset - *counted);
        *counted = state.offset;
    }
}

static seglog_code
events_take(struct verifying *verifying, struct slg_chain_reader *reader,
            struct seglog_error *err)
{
    struct slg_verified_part *part = verifying->part;
    uint64_t counted = 0;
    seglog_code code = SEGLOG_OK;

    state_take(reader, part, &counted, verifying->job->bytes_done);
    for (uint64_t i = 0; code == SEGLOG_OK && !verifying->has_no_memory; i++) {
        struct slg_chain_event event;

        if (i % 256 == 0)
            state_take(reader, part, &counted, verifying->job->bytes_done);
        if (atomic_load(verifying->job->is_stopped))
            break;
        code = slg_chain_reader_next(reader, &event, err);
        if (code == SEGLOG_OK)
            event_take(verifying, &event);
    }
    state_take(reader, part, &counted, verifying->job->bytes_done);
    if (verifying->has_no_memory)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for what was found");
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

void
slg_verify_segment(const struct slg_verify_job *job,
                   struct slg_verified_part *part)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    struct verifying verifying = { .job = job, .part = part };
    struct slg_chain_reader *reader = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];

    part->code = slg_chain_reader_open(
        job->streams->store,
        slg_stream_part_name(job->stream, &part->part, name), &options, &reader,
        &part->err);
    if (part->code == SEGLOG_OK && job->from > part->part.offset + 1)
        part->code = slg_chain_reader_seek(reader, job->from, &part->err);
    if (part->code == SEGLOG_OK)
        part->code = events_take(&verifying, reader, &part->err);
    slg_chain_reader_close(reader);
}
