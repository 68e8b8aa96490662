/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_start.c - frames in front of the records. */
#include <string.h>

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

seglog_code
slg_prelude_read(struct slg_prelude *prelude, struct seglog_blob blob,
                 const char *name, struct seglog_error *err)
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
    return code == SEGLOG_END || code == SEGLOG_CORRUPT ? SEGLOG_OK : code;
}
