/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_start.c - frames in front of the records. */
#include <string.h>

#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_seal.h"

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
