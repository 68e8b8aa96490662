/* SPDX-License-Identifier: MIT */
/* src/segment/segment_chain.c - SPEC.md 16.1: the chain, computed. */
#include "src/segment/segment_chain.h"

#include <string.h>

#include "src/checksum/digest.h"
#include "src/crypt/primitives.h"

bool
slg_chain_is_computable(unsigned algorithm)
{
    return algorithm == SEGLOG_CHAIN_XXH3 ||
           (algorithm == SEGLOG_CHAIN_SHA256 && slg_crypt_is_available());
}

void
slg_chain_hash(unsigned algorithm, const struct seglog_chain_hash *before,
               enum slg_chain_kind kind, const void *data, size_t len,
               struct seglog_chain_hash *hash)
{
    uint8_t start[SEGLOG_CHAIN_HASH_MAX + 1];
    const size_t start_len = before->len + (size_t)1;

    memcpy(start, before->bytes, SEGLOG_CHAIN_HASH_MAX);
    start[before->len] = (uint8_t)kind;
    if (algorithm == SEGLOG_CHAIN_SHA256)
        slg_crypt_sha256(start, start_len, data, len, hash->bytes);
    else
        slg_xxh3_128_joined(start, start_len, data, len, hash->bytes);
    hash->len = (uint8_t)slg_chain_len(algorithm);
}

void
slg_chain_hash_anew(unsigned algorithm, const struct seglog_chain_hash *before,
                    uint64_t first_lost, uint64_t next,
                    struct seglog_chain_hash *hash)
{
    uint8_t payload[16];

    slg_store_le64(payload, first_lost);
    slg_store_le64(payload + 8, next);
    slg_chain_hash(algorithm, before, SLG_CHAIN_KIND_LOSS, payload,
                   sizeof payload, hash);
}

bool
slg_chain_hash_is_same(const struct seglog_chain_hash *a,
                       const struct seglog_chain_hash *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

void
slg_chain_begin(struct slg_chain *chain, unsigned algorithm)
{
    *chain = (struct slg_chain){
        .algorithm = (uint8_t)algorithm,
        .is_known = true,
    };
}

void
slg_chain_add_record(struct slg_chain *chain, const void *data, size_t len)
{
    chain->is_behind_gap = false;
    if (chain->is_known)
        slg_chain_hash(chain->algorithm, &chain->hash, SLG_CHAIN_KIND_RECORD,
                       data, len, &chain->hash);
}

void
slg_chain_add_tombstone(struct slg_chain *chain,
                        const struct slg_tombstone *tombstone)
{
    uint8_t payload[SLG_TOMBSTONE_PAYLOAD_MAX];

    chain->is_behind_gap = false;
    if (chain->is_known)
        slg_chain_hash(chain->algorithm, &chain->hash, SLG_CHAIN_KIND_TOMBSTONE,
                       payload, slg_tombstone_payload(tombstone, payload),
                       &chain->hash);
}

void
slg_chain_add_gap(struct slg_chain *chain, uint64_t first, uint64_t next)
{
    /* Two of them one behind the other are a loss of all that is between. */
    if (!chain->is_behind_gap) {
        chain->is_before_gap_known = chain->is_known;
        chain->before_gap = chain->hash;
        chain->gap_first = first;
    }
    chain->gap_next = next;
    chain->is_behind_gap = true;
    chain->is_known = false;
}

bool
slg_chain_settle_loss(struct slg_chain *chain)
{
    if (!chain->is_behind_gap || !chain->is_before_gap_known)
        return false;
    slg_chain_hash_anew(chain->algorithm, &chain->before_gap, chain->gap_first,
                        chain->gap_next, &chain->hash);
    chain->is_known = true;
    chain->is_behind_gap = false;
    return true;
}

void
slg_chain_forget(struct slg_chain *chain)
{
    chain->is_known = false;
    chain->is_behind_gap = false;
    chain->has_gap = true;
}

/* What began anew follows from what was there before the loss. */
static bool
head_is_anew(const struct slg_chain *chain, const struct slg_chain_head *head)
{
    struct seglog_chain_hash hash;

    if (!chain->is_behind_gap)
        return !chain->is_known ||
               slg_chain_hash_is_same(&chain->hash, &head->hash);
    if (!chain->is_before_gap_known)
        return true;
    slg_chain_hash_anew(chain->algorithm, &chain->before_gap, chain->gap_first,
                        chain->gap_next, &hash);
    return slg_chain_hash_is_same(&hash, &head->hash);
}

bool
slg_chain_needs_none_of(uint64_t len, bool is_behind_records, uint64_t at)
{
    static const uint64_t heads[] = { 0, 9, 25, 41 };
    const bool has_begun = is_behind_records || at > SLG_CHAIN_BEGUN_AT;

    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        if (len == heads[i] || len == SLG_SYNC_POINT_BYTES + heads[i] ||
            (has_begun && len == SLG_CLOSING_MARK_BYTES + heads[i]))
            return true;
    }
    return false;
}

bool
slg_chain_meet_head(struct slg_chain *chain, const struct slg_chain_head *head)
{
    bool is_right = true;

    if (chain->algorithm == 0)
        chain->algorithm = head->algorithm;
    /* SPEC.md 6.7: a segment has one algorithm. */
    if (chain->algorithm != head->algorithm)
        return false;
    if (head->is_anew)
        is_right = head_is_anew(chain, head);
    else if (chain->is_known)
        is_right = slg_chain_hash_is_same(&chain->hash, &head->hash);
    chain->hash = head->hash;
    chain->is_known = true;
    chain->is_behind_gap = false;
    chain->has_gap = false;
    return is_right;
}

static void
add_records(struct slg_chain *chain, const struct slg_step *step)
{
    struct slg_group group;
    unsigned kind = 0;
    const uint8_t *data = NULL;
    size_t len = 0;

    if (!slg_frame_has_entries(&step->frame)) {
        slg_chain_add_record(chain, step->body, step->body_len);
        return;
    }
    if (!slg_entries_open(&group, step->body, step->body_len))
        return;
    while (slg_group_next(&group, &kind, &data, &len))
        slg_chain_add_record(chain, data, len);
}

bool
slg_chain_pass_step(struct slg_chain *chain, const struct slg_step *step)
{
    struct slg_chain_head head;
    struct slg_tombstone tombstone;

    if (step->is_dependent) {
        slg_chain_forget(chain);
        return true;
    }
    if (step->frame.kind != SLG_FRAME_CONTROL) {
        add_records(chain, step);
        return true;
    }
    switch (step->frame.control) {
    case SLG_CONTROL_CHAIN_HEAD:
        /* One that says nothing is as good as none. */
        return !slg_chain_head_decode(step->bytes, &step->frame, &head) ||
               slg_chain_meet_head(chain, &head);
    case SLG_CONTROL_TOMBSTONE:
        if (slg_tombstone_decode(step->bytes, &step->frame, &tombstone))
            slg_chain_add_tombstone(chain, &tombstone);
        return true;
    case SLG_CONTROL_GAP:
        slg_chain_add_gap(chain, step->number, step->number + step->count);
        return true;
    default:
        return true;
    }
}
