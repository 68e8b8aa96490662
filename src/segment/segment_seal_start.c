/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_start.c - what stands in front of the records. */
#include <string.h>

#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_seal.h"
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"

/* Readers expect no smaller frames than this, and a footer has to fit. */
#define BODY_LOG2_LEAST 23u

static void
prelude_note(struct slg_prelude *prelude)
{
    const struct slg_step *step = &prelude->step;
    const uint8_t *data = NULL;
    size_t len = 0;

    if (step->frame.control == SLG_CONTROL_PREDECESSOR) {
        prelude->has_predecessor = true;
        slg_predecessor_decode(step->bytes, &prelude->predecessor);
    } else if (step->frame.control == SLG_CONTROL_ATTRIBUTES &&
               !prelude->has_attributes) {
        prelude->has_attributes = true;
        if (!slg_attributes_decode(step->bytes, &step->frame, &data, &len))
            len = 0;
        if (len > 0)
            memcpy(prelude->attributes, data, len);
        prelude->attributes_len = len;
    } else if (step->frame.control == SLG_CONTROL_CHAIN_HEAD &&
               !prelude->has_head) {
        prelude->has_head =
            slg_chain_head_decode(step->bytes, &step->frame, &prelude->head);
    }
}

/* SPEC.md 7.3: a torn tail that was passed over may stand in front of it. */
static seglog_code
head_find(struct slg_prelude *prelude, struct seglog_store store,
          const char *name, struct seglog_error *err)
{
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_event event;
    seglog_code code = slg_chain_reader_open(store, name, NULL, &reader, err);

    while (code == SEGLOG_OK && !prelude->has_head) {
        code = slg_chain_reader_next(reader, &event, err);
        if (code != SEGLOG_OK || event.type == SLG_CHAIN_EVENT_RECORD ||
            event.type == SLG_CHAIN_EVENT_GAP)
            break;
        if (event.type == SLG_CHAIN_EVENT_HEAD) {
            prelude->has_head = true;
            prelude->head = event.head;
        }
    }
    slg_chain_reader_close(reader);
    return code == SEGLOG_END || code == SEGLOG_CORRUPT ? SEGLOG_OK : code;
}

seglog_code
slg_prelude_read(struct slg_prelude *prelude, struct seglog_store store,
                 struct seglog_blob blob, const char *name,
                 struct seglog_error *err)
{
    struct slg_walk *walk = &prelude->walk;
    const struct slg_frame *frame = &prelude->step.frame;
    seglog_code code = slg_walk_open(walk, blob, name, false, NULL, err);

    while (code == SEGLOG_OK) {
        prelude->line = walk->at.line;
        code = slg_walk_step(walk, &prelude->step, err);
        if (code != SEGLOG_OK || frame->kind != SLG_FRAME_CONTROL ||
            frame->control == SLG_CONTROL_GAP ||
            frame->control == SLG_CONTROL_CLOSING_MARK)
            break;
        prelude_note(prelude);
    }
    /* Damage is met again, and told of, by who reads the records. */
    if (code == SEGLOG_END || code == SEGLOG_CORRUPT)
        code = SEGLOG_OK;
    return code == SEGLOG_OK && slg_header_is_chained(&walk->header) &&
                   !prelude->has_head
               ? head_find(prelude, store, name, err)
               : code;
}

static unsigned
log2_above(uint64_t value)
{
    unsigned log2 = 0;

    while (UINT64_C(1) << log2 < value)
        log2++;
    return log2;
}

/* Of a sealed segment whose blocks, and records, are so large. */
static uint8_t
sealed_body_log2(uint8_t body_log2, size_t block_bytes)
{
    const unsigned block_log2 = log2_above(block_bytes);

    if (body_log2 < BODY_LOG2_LEAST)
        body_log2 = BODY_LOG2_LEAST;
    return body_log2 < block_log2 ? (uint8_t)block_log2 : body_log2;
}

static seglog_code
header_finish(struct slg_build *build, size_t block_bytes, uint64_t epoch,
              struct seglog_error *err)
{
    struct slg_header *header = &build->header;
    uint32_t random = 0;

    if (!slg_writer_random(&random, sizeof random))
        return slg_fail(err, SEGLOG_IO, NULL,
                        "the system gives no random bytes for an epoch");
    /* A block is long: it has a digest, also of a segment without them. */
    header->features_refuse |= SLG_REFUSE_SEALED;
    header->body_log2 = sealed_body_log2(header->body_log2, block_bytes);
    build->new_epoch = ((epoch >> 32) + 1) << 32 | random;
    return SEGLOG_OK;
}

/* An earlier one gives way: whoever made it does not hold its lock any more. */
static seglog_code
blob_create(struct slg_build *build, struct seglog_store store,
            struct seglog_error *err)
{
    const seglog_code code = seglog_store_remove(store, build->name, err);

    if (code != SEGLOG_OK && code != SEGLOG_NOT_FOUND)
        return code;
    return seglog_blob_open(store, build->name,
                            SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
                            &build->blob, err);
}

static seglog_code
prelude_put(struct slg_build *build, const struct slg_prelude *prelude,
            struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (prelude->has_predecessor)
        code = slg_build_put_predecessor(build, &prelude->predecessor, err);
    if (code == SEGLOG_OK && prelude->has_attributes)
        code = slg_build_put_attributes(build, prelude->attributes,
                                        prelude->attributes_len, err);
    return code == SEGLOG_OK ? slg_build_put_reference(build, err) : code;
}

seglog_code
slg_build_start(struct slg_build *build, struct seglog_store store,
                const struct seglog_seal_options *options,
                const struct slg_prelude *prelude, uint64_t epoch,
                struct seglog_error *err)
{
    seglog_code code = header_finish(build, options->block_bytes, epoch, err);

    build->line = prelude->line;
    build->level = options->level;
    build->block_bytes = options->block_bytes;
    build->memory_max = options->memory_max / 2;
    build->threads = options->threads;
    if (code == SEGLOG_OK && slg_header_is_chained(&build->header))
        code = slg_build_begin_chain(
            build, prelude->has_head ? &prelude->head : NULL, err);
    if (code == SEGLOG_OK)
        code = blob_create(build, store, err);
    if (code == SEGLOG_OK)
        code = slg_build_begin(build, err);
    return code == SEGLOG_OK ? prelude_put(build, prelude, err) : code;
}
