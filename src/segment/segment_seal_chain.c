/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_chain.c - the chain of a sealed segment. */
#include "src/segment/segment_seal.h"
#include "src/store/fail.h"

static struct slg_place
build_place(const struct slg_build *build, uint64_t number)
{
    return (struct slg_place){ .name = build->name,
                               .record_no = number,
                               .offset = SEGLOG_NO_OFFSET };
}

seglog_code
slg_build_begin_chain(struct slg_build *build,
                      const struct slg_chain_head *first,
                      struct seglog_error *err)
{
    const struct slg_place place =
        build_place(build, build->header.first_record);

    if (!first)
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "its first chain head is damaged: repair it first");
    if (!slg_chain_is_computable(first->algorithm))
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "its chain is SHA-256, which needs a build with "
                        "OpenSSL");
    build->is_chained = true;
    slg_chain_begin(&build->chain, first->algorithm);
    build->chain.hash = first->hash;
    build->head = first->hash;
    return SEGLOG_OK;
}

seglog_code
slg_build_put_head(struct slg_build *build, bool is_anew,
                   struct seglog_error *err)
{
    const struct slg_chain_head head = {
        .algorithm = build->chain.algorithm,
        .is_anew = is_anew,
        .hash = build->head,
    };
    uint8_t bytes[SLG_CHAIN_HEAD_MAX];
    const seglog_code code = slg_build_append(
        build, bytes,
        slg_chain_head_encode(&head, build->number, build->salt, bytes), err);

    build->is_after_head = code == SEGLOG_OK;
    return code;
}

/* What was lost without a chain head behind it has none that could be known. */
seglog_code
slg_build_check_chain(const struct slg_build *build, struct seglog_error *err)
{
    const struct slg_place place = build_place(build, build->number);

    return !build->is_chained || build->chain.is_known
               ? SEGLOG_OK
               : slg_fail(err, SEGLOG_CORRUPT, &place,
                          "the head of its chain is not known behind a loss: "
                          "verify it first");
}

/* Whoever told of a loss last did not get to the chain head behind it. */
static seglog_code
settle_loss(struct slg_build *build, struct seglog_error *err)
{
    if (!build->is_chained || !slg_chain_settle_loss(&build->chain))
        return SEGLOG_OK;
    build->head = build->chain.hash;
    return slg_build_put_head(build, true, err);
}

seglog_code
slg_build_settle_dropped(struct slg_build *build, struct seglog_error *err)
{
    const struct slg_gap gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_DROPPED,
        .durable = SEGLOG_DURABLE_NO,
        .count = build->dropped_count,
        .lines = build->dropped_count,
        .shift = INT64_MIN,
    };
    seglog_code code = SEGLOG_OK;

    if (build->dropped_count == 0)
        return settle_loss(build, err);
    code = slg_build_check_chain(build, err);
    if (code == SEGLOG_OK)
        code = slg_build_put_gap(build, &gap, err);
    if (code != SEGLOG_OK)
        return code;
    build->dropped_count = 0;
    build->head = build->chain.hash;
    return slg_build_put_head(build, false, err);
}

seglog_code
slg_build_drop(struct slg_build *build, const struct seglog_record *record,
               struct seglog_error *err)
{
    const struct slg_place place = build_place(build, record->record_no);
    seglog_code code =
        build->dropped_count == 0 ? settle_loss(build, err) : SEGLOG_OK;

    if (code == SEGLOG_OK)
        code = slg_build_check_chain(build, err);
    if (code != SEGLOG_OK)
        return code;
    if (!build->is_chained)
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "it is not chained: nothing would be left of it");
    slg_chain_add_record(&build->chain, record->data, record->len);
    build->dropped_count++;
    return SEGLOG_OK;
}

static seglog_code
add_head(struct slg_build *build, const struct slg_step *step,
         struct seglog_error *err)
{
    const struct slg_place place = build_place(build, step->number);
    const bool is_behind_gap = build->chain.is_behind_gap;
    struct slg_chain_head head;

    if (!slg_chain_head_decode(step->bytes, &step->frame, &head))
        return SEGLOG_OK;
    if (!slg_chain_meet_head(&build->chain, &head))
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "its records do not lead to the chain head that "
                        "stands behind them: verify it first");
    if (!is_behind_gap || build->dropped_count > 0)
        return SEGLOG_OK;
    build->head = head.hash;
    return slg_build_put_head(build, head.is_anew, err);
}

static seglog_code
add_tombstone(struct slg_build *build, const struct slg_step *step,
              struct seglog_error *err)
{
    struct slg_tombstone tombstone;
    uint8_t bytes[SLG_TOMBSTONE_MAX];
    seglog_code code = SEGLOG_OK;

    if (!slg_tombstone_decode(step->bytes, &step->frame, &tombstone))
        return SEGLOG_OK;
    code = slg_build_settle_dropped(build, err);
    if (code == SEGLOG_OK)
        code = slg_build_check_chain(build, err);
    if (code == SEGLOG_OK)
        code = slg_build_leave_block(build, err);
    if (code != SEGLOG_OK)
        return code;
    slg_chain_add_tombstone(&build->chain, &tombstone);
    build->head = build->chain.hash;
    build->is_after_sync = false;
    return slg_build_append(
        build, bytes,
        slg_tombstone_encode(&tombstone, build->number, build->salt, bytes),
        err);
}

seglog_code
slg_build_put_signature(struct slg_build *build,
                        const struct slg_signature *signature,
                        struct seglog_error *err)
{
    uint8_t bytes[SLG_SIGNATURE_FRAME];
    seglog_code code = slg_build_settle_dropped(build, err);

    if (code == SEGLOG_OK)
        code = slg_build_check_chain(build, err);
    if (code == SEGLOG_OK)
        code = slg_build_leave_block(build, err);
    if (code == SEGLOG_OK && !build->is_after_head)
        code = slg_build_put_head(build, false, err);
    if (code != SEGLOG_OK)
        return code;
    build->is_after_sync = false;
    return slg_build_append(
        build, bytes,
        slg_signature_encode(signature, build->number, build->salt, bytes),
        err);
}

seglog_code
slg_build_add_control(struct slg_build *build, const struct slg_step *step,
                      struct seglog_error *err)
{
    struct slg_signature signature;

    if (!build->is_chained)
        return SEGLOG_OK;
    switch (step->frame.control) {
    case SLG_CONTROL_CHAIN_HEAD:
        return add_head(build, step, err);
    case SLG_CONTROL_TOMBSTONE:
        return add_tombstone(build, step, err);
    case SLG_CONTROL_SIGNATURE:
        return slg_signature_decode(step->bytes, &step->frame, &signature)
                   ? slg_build_put_signature(build, &signature, err)
                   : SEGLOG_OK;
    default:
        return SEGLOG_OK;
    }
}
