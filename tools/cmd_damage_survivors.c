/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_survivors.c - where the undamaged frames have gone. */
#include "tools/cmd_damage_model.h"

#include <stdlib.h>
#include <string.h>

static int
survivor_compare(const void *left, const void *right)
{
    const struct model_survivor *a = left;
    const struct model_survivor *b = right;

    return (a->at > b->at) - (a->at < b->at);
}

/* The first frame that ends behind an offset of the input. */
static size_t
frame_at_or_behind(const struct damage_input *input, uint64_t offset)
{
    size_t low = 0;
    size_t high = input->frame_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct damage_frame *frame = &input->frames[middle];

        if (frame->offset + frame->len <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * Whole frames are compared, beyond the piece too: bytes that were taken out
 * or put in may be followed by the very bytes that complete a frame.
 */
static void
piece_add_survivors(struct model *model, const struct damage_piece *piece,
                    size_t *cap)
{
    const struct damage_input *input = model->input;
    const struct damage_image *image = model->image;

    for (size_t i = frame_at_or_behind(input, piece->source);
         i < input->frame_count &&
         input->frames[i].offset < piece->source + piece->len;
         i++) {
        const struct damage_frame *frame = &input->frames[i];
        const uint64_t at = piece->at + frame->offset - piece->source;

        /* at wraps around when the frame would start before the image. */
        if (at > image->size || frame->len > image->size - at ||
            memcmp(image->bytes + at, input->bytes + frame->offset,
                   (size_t)frame->len) != 0)
            continue;
        if (!model_grow(model, &model->survivors, model->survivor_count, cap,
                        sizeof *model->survivors))
            return;
        model->survivors[model->survivor_count++] =
            (struct model_survivor){ .at = at, .frame = i };
    }
}

void
model_fill_survivors(struct model *model)
{
    size_t cap = 0;
    size_t kept = 0;

    for (size_t i = 0; i < model->image->piece_count; i++)
        piece_add_survivors(model, &model->image->pieces[i], &cap);
    if (model->survivor_count == 0)
        return;
    qsort(model->survivors, model->survivor_count, sizeof *model->survivors,
          survivor_compare);
    /* A frame over two pieces was found twice. */
    for (size_t i = 1; i < model->survivor_count; i++)
        if (model->survivors[i].at != model->survivors[kept].at)
            model->survivors[++kept] = model->survivors[i];
    model->survivor_count = kept + 1;
}

size_t
model_survivor_from(const struct model *model, uint64_t at)
{
    size_t low = 0;
    size_t high = model->survivor_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (model->survivors[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t
model_survivor_at(const struct model *model, uint64_t at)
{
    const size_t found = model_survivor_from(model, at);

    return found < model->survivor_count && model->survivors[found].at == at
               ? found
               : MODEL_NONE;
}
