/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_header.c - SPEC.md 8, *Header*, played through. */
#include "tools/cmd_damage_model.h"

#include <string.h>

#define SALT_SEARCH_BYTES 65536u
#define SALT_TRIES_MAX    64u
#define SALT_NUMBER_MAX   (UINT64_C(1) << 20)

static unsigned
header_bits_changed(const struct model *model)
{
    unsigned bits = 0;

    for (size_t i = 0; i < DAMAGE_HEADER_BYTES; i++) {
        unsigned differ =
            model->image->bytes[i] ^ (unsigned)model->input->bytes[i];

        for (; differ != 0; differ &= differ - 1)
            bits++;
    }
    return bits;
}

/* Three records in order, each with the number that follows the one before. */
static bool
is_consecutive(const struct model *model, const uint64_t at[3])
{
    const struct damage_frame *frames[3] = { NULL };

    for (size_t i = 0; i < 3; i++) {
        const size_t survivor = model_survivor_at(model, at[i]);

        if (survivor == MODEL_NONE)
            return false;
        frames[i] = model_frame_of(model, survivor);
        if (i > 0 &&
            frames[i - 1]->first + frames[i - 1]->count != frames[i]->first)
            return false;
    }
    return frames[0]->first <= SALT_NUMBER_MAX;
}

/* SPEC.md 8, *The salt*: three frames behind each other tell it. */
static bool
salt_is_found(const struct model *model)
{
    unsigned tries = 0;

    for (uint64_t x = 0; x < SALT_SEARCH_BYTES && tries < SALT_TRIES_MAX; x++) {
        struct model_frame frame;
        uint64_t at[3];
        uint64_t next = x;
        size_t found = 0;

        while (found < 3 && next < model->image->size &&
               model_parse(model, next, false, &frame) && frame.kind != 6) {
            at[found++] = next;
            next += frame.len;
        }
        if (found < 3)
            continue;
        if (is_consecutive(model, at))
            return true;
        tries++;
    }
    return false;
}

/* Is the whole header somewhere else in the image? */
static bool
header_is_moved(const struct model *model)
{
    const struct damage_image *image = model->image;

    for (uint64_t at = 1; at + DAMAGE_HEADER_BYTES <= image->size; at++)
        if (memcmp(image->bytes + at, model->input->bytes,
                   DAMAGE_HEADER_BYTES) == 0)
            return true;
    return false;
}

static void
header_find_other_means(struct model *model)
{
    model->is_header_lost = true;
    model->p = 0;
    model->n = 1;
    if (model->input->summary.features_refuse != 0)
        model->unknown = "the header is lost, and with it a feature";
    if (model_survivor_at(model, 0) != MODEL_NONE)
        model->unknown = "a frame stands in place of the header";
    for (size_t i = 0; i < model->survivor_count; i++) {
        const struct damage_frame *frame = model_frame_of(model, i);

        if (!damage_is_mark(frame))
            continue;
        if (frame->epoch != model->epoch)
            model->unknown = "the header is lost, and its epoch";
        return;
    }
    if (header_is_moved(model))
        model->unknown = "the header is not at its place";
    model->is_no_segment = !salt_is_found(model);
}

void
model_read_header(struct model *model)
{
    const struct damage_image *image = model->image;
    const size_t magic_len = image->size < 8 ? (size_t)image->size : 8;
    unsigned changed = 0;

    model->p = DAMAGE_HEADER_BYTES;
    model->n = model->input->summary.first_record;
    model->epoch = damage_u64(model->input->bytes + 34);
    if (image->size < DAMAGE_HEADER_BYTES) {
        if (memcmp(image->bytes, model->input->bytes, magic_len) == 0) {
            model->p = image->size;
            model->end = MODEL_TORN;
            return;
        }
        header_find_other_means(model);
        return;
    }
    changed = header_bits_changed(model);
    model->is_header_corrected = changed == 1;
    if (changed > 1)
        header_find_other_means(model);
}
