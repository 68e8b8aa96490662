/* SPDX-License-Identifier: MIT */
/* src/segment/segment_reference.c - SPEC.md 6.6 and 7.6: the dictionary. */
#include <string.h>

#include "src/segment/segment_walk.h"
#include "src/store/fail.h"

void
slg_walk_use_dictionary(struct slg_walk *walk,
                        struct slg_dictionary *dictionary)
{
    walk->dictionary = slg_dictionary_hold(dictionary);
    walk->context.dictionary = dictionary;
}

/* Control frames in order from here; the reference among them, if any. */
static seglog_code
reference_look(struct slg_walk *walk, struct slg_reference *reference,
               bool *is_found, struct seglog_error *err)
{
    struct slg_step step;
    seglog_code code = SEGLOG_OK;

    *is_found = false;
    while (!*is_found && code == SEGLOG_OK) {
        const uint64_t pos = walk->at.pos;
        uint8_t head = 0;

        /* Not further than to a record: without the dictionary it is none. */
        if (pos >= walk->window.size)
            return SEGLOG_OK;
        code = slg_window_copy(&walk->window, pos, &head, 1, err);
        if (code == SEGLOG_OK &&
            head >> SLG_HEAD_KIND_SHIFT != SLG_FRAME_CONTROL)
            return SEGLOG_OK;
        if (code == SEGLOG_OK)
            code = slg_walk_step(walk, &step, err);
        *is_found = code == SEGLOG_OK &&
                    step.frame.control == SLG_CONTROL_REFERENCE &&
                    slg_reference_decode(step.bytes, &step.frame, reference) &&
                    reference->role == SLG_REFERENCE_DICTIONARY;
    }
    return code == SEGLOG_CORRUPT || code == SEGLOG_END ? SEGLOG_OK : code;
}

/* Behind the header, or else behind the first mark where it is not damaged. */
static seglog_code
reference_find(struct slg_walk *walk, struct slg_reference *reference,
               bool *is_found, struct seglog_error *err)
{
    uint64_t offset = 0;
    seglog_code code = SEGLOG_OK;

    *is_found = false;
    /* Without a header, what is there and no sync point has the number 1. */
    walk->at.pos = SLG_HEADER_BYTES;
    code = reference_look(walk, reference, is_found, err);
    /* What has been looked through is not looked through again, mark by mark:
     * there may be nothing but marks. */
    if (walk->at.pos > SLG_HEADER_BYTES)
        offset = walk->at.pos;
    while (code == SEGLOG_OK && !*is_found && offset < walk->window.size) {
        struct slg_mark mark;

        code = slg_walk_find_mark(walk, offset, false, &offset, &mark, err);
        if (code != SEGLOG_OK || offset >= walk->window.size)
            break;
        if (memcmp(mark.identity, walk->header.identity, SLG_IDENTITY_BYTES) ==
            0) {
            slg_walk_stand_at(walk, &mark);
            walk->at.pos = offset;
            code = reference_look(walk, reference, is_found, err);
        }
        offset += SLG_CLOSING_MARK_BYTES;
        if (walk->at.pos > offset)
            offset = walk->at.pos;
    }
    return code;
}

seglog_code
slg_walk_find_dictionary(struct slg_walk *walk,
                         const struct slg_walk_source *source,
                         struct seglog_error *err)
{
    /* Nothing of the looking around is to be seen afterwards. */
    const struct slg_walk_saved saved = slg_walk_save(walk);
    const uint64_t context_pos = walk->context.pos;
    const bool with_digest = walk->with_digest;
    const struct slg_place place = { .name = walk->window.name,
                                     .offset = SEGLOG_NO_OFFSET };
    struct slg_dictionary *dictionary = NULL;
    struct slg_reference reference;
    bool is_found = false;
    seglog_code code = SEGLOG_OK;

    /* What a sealed segment refers to is its parent. */
    if (walk->limits.is_sealed ||
        ((walk->header.features_refuse & SLG_REFUSE_REFERS) == 0 &&
         !walk->is_header_lost))
        return SEGLOG_OK;
    walk->with_digest = false;
    code = reference_find(walk, &reference, &is_found, err);
    slg_walk_restore(walk, &saved);
    walk->with_digest = with_digest;
    walk->checksum = 0;
    slg_context_start(&walk->context, context_pos);
    if (code != SEGLOG_OK)
        return code;
    if (!is_found) {
        walk->context.has_lost_dictionary = !walk->is_header_lost;
        slg_context_start(&walk->context, context_pos);
        return SEGLOG_OK;
    }
    if (source->known && strcmp(source->known->name, reference.name) == 0) {
        slg_walk_use_dictionary(walk, source->known);
        return SEGLOG_OK;
    }
    code = slg_dictionary_load(*source->store, reference.name,
                               walk->window.name, &dictionary, err);
    /* The caller has not named it. */
    if (code == SEGLOG_INVALID)
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "it refers to a dictionary by a name that no "
                        "dictionary has");
    if (code != SEGLOG_OK)
        return code;
    slg_walk_use_dictionary(walk, dictionary);
    slg_dictionary_release(dictionary);
    return SEGLOG_OK;
}
