/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_verify.c - what was built, read back. */
#include <string.h>

#include "src/segment/segment_footer.h"
#include "src/segment/segment_seal.h"
#include "src/store/fail.h"

static seglog_code
fail_changed(const struct slg_verify *verify, struct seglog_error *err)
{
    const struct slg_place place = {
        .name = verify->walk.window.name,
        .record_no = verify->walk.at.number,
        .offset = verify->walk.at.pos,
    };

    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "what was sealed did not read back as it was written: "
                    "check the device; the segment is as it was");
}

static seglog_code
verify_open(struct slg_verify *verify, struct seglog_store store,
            const char *name, struct seglog_error *err)
{
    const struct slg_walk_source source = { .store = &store };
    seglog_code code = slg_content_begin(&verify->content, err);

    verify->is_open = true;
    verify->chain = (struct slg_chain){ .algorithm = 0 };
    if (code == SEGLOG_OK)
        code =
            seglog_blob_open(store, name, SEGLOG_OPEN_READ, &verify->blob, err);
    if (code == SEGLOG_OK)
        code = slg_walk_open(&verify->walk, verify->blob, name, false, &source,
                             err);
    verify->walk.with_digest = true;
    return code;
}

void
slg_verify_reset(struct slg_verify *verify)
{
    if (!verify->is_open)
        return;
    slg_walk_reset(&verify->walk);
    slg_content_reset(&verify->content);
    (void)seglog_blob_close(&verify->blob, NULL);
    verify->is_open = false;
}

static void
step_note(struct slg_verify *verify)
{
    const struct slg_step *step = &verify->step;
    struct slg_group group;
    struct slg_gap gap;
    const uint8_t *data = NULL;
    unsigned kind = 0;
    size_t len = 0;

    if (step->frame.control == SLG_CONTROL_GAP) {
        (void)slg_gap_decode(step->bytes, &gap);
        slg_content_add_gap(&verify->content, gap.count, gap.lines);
    }
    if (step->frame.kind != SLG_FRAME_BLOCK)
        return;
    (void)slg_entries_open(&group, step->body, step->body_len);
    while (slg_group_next(&group, &kind, &data, &len))
        slg_content_add(&verify->content, kind - 1, data, len);
}

seglog_code
slg_verify_advance(struct slg_verify *verify, struct seglog_store store,
                   const char *name, struct seglog_error *err)
{
    struct slg_step *step = &verify->step;
    seglog_code code = verify->is_open ? slg_walk_refresh(&verify->walk, err)
                                       : verify_open(verify, store, name, err);

    while (code == SEGLOG_OK) {
        code = slg_walk_step(&verify->walk, step, err);
        if (code != SEGLOG_OK)
            break;
        if (step->is_mark && (step->shift != 0 || step->is_digest_wrong))
            return fail_changed(verify, err);
        if (slg_header_is_chained(&verify->walk.header) &&
            !slg_chain_pass_step(&verify->chain, step))
            return fail_changed(verify, err);
        step_note(verify);
    }
    if (code == SEGLOG_CORRUPT)
        return fail_changed(verify, err);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static bool
chain_is_same(const struct slg_verify *verify, const struct slg_build *build)
{
    return !build->is_chained ||
           (verify->chain.is_known && build->chain.is_known &&
            slg_chain_hash_is_same(&verify->chain.hash, &build->chain.hash));
}

seglog_code
slg_verify_finish(struct slg_verify *verify, const struct slg_build *build,
                  struct seglog_error *err)
{
    const struct slg_walk *walk = &verify->walk;
    uint8_t digest[SLG_LONG_DIGEST_BYTES];
    struct slg_sealed_end end;
    seglog_code code = slg_sealed_end_read(verify->blob, walk->window.size,
                                           &walk->header, &end, err);

    slg_long_digest_get(verify->content.state, digest);
    if (code == SEGLOG_OK &&
        (walk->window.size != build->end || walk->at.pos != build->end ||
         !walk->at.is_after_close || walk->at.number != build->number ||
         walk->at.line != build->line ||
         end.footer.records != verify->content.records ||
         end.footer.lost != verify->content.lost ||
         memcmp(end.footer.digest, digest, sizeof digest) != 0 ||
         memcmp(build->footer.digest, digest, sizeof digest) != 0 ||
         !chain_is_same(verify, build)))
        code = SEGLOG_CORRUPT;
    slg_sealed_end_reset(&end);
    return code == SEGLOG_CORRUPT ? fail_changed(verify, err) : code;
}
