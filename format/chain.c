/* SPDX-License-Identifier: MIT */
/* format/chain.c - SPEC.md 6.7 to 6.9: chain heads, tombstones, signatures. */
#include "format/chain.h"

#include <string.h>

#include "format/checksum.h"

/* No body is long enough for a digest. */
static const struct slg_frame_limits chain_limits = { .body_max = 256 };

/* Head and length are put when the body is there. */
#define HEAD_LEN 2u

static size_t
frame_finish(uint8_t *out, const uint8_t *end, uint64_t number, uint32_t salt)
{
    const uint32_t body_len = (uint32_t)(end - out - HEAD_LEN);

    (void)slg_frame_put_head(out, SLG_FRAME_CONTROL, false, body_len);
    return slg_frame_finish(out, HEAD_LEN, body_len, &chain_limits, number,
                            salt);
}

static uint8_t *
hash_put(uint8_t *out, const struct seglog_chain_hash *hash)
{
    memcpy(out, hash->bytes, hash->len);
    return out + hash->len;
}

/* len is 0 or the length of an algorithm. */
static void
hash_get(struct seglog_chain_hash *hash, const uint8_t *in, unsigned len)
{
    memset(hash, 0, sizeof *hash);
    memcpy(hash->bytes, in, len);
    hash->len = (uint8_t)len;
}

size_t
slg_chain_head_encode(const struct slg_chain_head *head, uint64_t number,
                      uint32_t salt, uint8_t *out)
{
    uint8_t *body = out + HEAD_LEN;

    body[0] = SLG_CONTROL_CHAIN_HEAD;
    body[1] = head->algorithm;
    body[2] = head->is_anew ? SLG_CHAIN_HEAD_ANEW : 0;
    return frame_finish(out, hash_put(body + SLG_CHAIN_HEAD_FIXED, &head->hash),
                        number, salt);
}

bool
slg_chain_head_decode(const uint8_t *in, const struct slg_frame *frame,
                      struct slg_chain_head *head)
{
    const uint8_t *body = in + frame->head_len;
    const unsigned hash_len =
        frame->body_len > SLG_CHAIN_HEAD_FIXED ? slg_chain_len(body[1]) : 0;

    if (frame->body_len != SLG_CHAIN_HEAD_FIXED + hash_len ||
        slg_chain_len(body[1]) == 0 || (body[2] & ~SLG_CHAIN_HEAD_ANEW) != 0)
        return false;
    head->algorithm = body[1];
    head->is_anew = (body[2] & SLG_CHAIN_HEAD_ANEW) != 0;
    hash_get(&head->hash, body + SLG_CHAIN_HEAD_FIXED, hash_len);
    return true;
}

size_t
slg_tombstone_payload(const struct slg_tombstone *tombstone,
                      uint8_t out[SLG_TOMBSTONE_PAYLOAD_MAX])
{
    slg_store_le64(out, tombstone->number);
    return (size_t)(hash_put(hash_put(out + 8, &tombstone->before),
                             &tombstone->hash) -
                    out);
}

size_t
slg_tombstone_encode(const struct slg_tombstone *tombstone, uint64_t number,
                     uint32_t salt, uint8_t *out)
{
    uint8_t *body = out + HEAD_LEN;

    body[0] = SLG_CONTROL_TOMBSTONE;
    body[1] = tombstone->algorithm;
    body += 2 + slg_tombstone_payload(tombstone, body + 2);
    return frame_finish(out, body, number, salt);
}

bool
slg_tombstone_decode(const uint8_t *in, const struct slg_frame *frame,
                     struct slg_tombstone *tombstone)
{
    const uint8_t *body = in + frame->head_len;
    const unsigned len =
        frame->body_len > SLG_TOMBSTONE_FIXED ? slg_chain_len(body[1]) : 0;

    if (len == 0)
        return false;
    tombstone->algorithm = body[1];
    tombstone->number = slg_load_le64(body + 2);
    /* Nothing is before the first record of all, and something before others. */
    const unsigned before_len = tombstone->number == 1 ? 0 : len;
    if (tombstone->number == 0 || tombstone->number > INT64_MAX ||
        frame->body_len != SLG_TOMBSTONE_FIXED + before_len + len)
        return false;
    hash_get(&tombstone->before, body + SLG_TOMBSTONE_FIXED, before_len);
    hash_get(&tombstone->hash, body + SLG_TOMBSTONE_FIXED + before_len, len);
    return true;
}

size_t
slg_signature_encode(const struct slg_signature *signature, uint64_t number,
                     uint32_t salt, uint8_t *out)
{
    uint8_t *body = out + HEAD_LEN;

    body[0] = SLG_CONTROL_SIGNATURE;
    body[1] = SLG_SIGN_ED25519;
    memcpy(body + 2, signature->public_key, SLG_SIGN_KEY_BYTES);
    memcpy(body + 2 + SLG_SIGN_KEY_BYTES, signature->bytes,
           SLG_SIGNATURE_BYTES);
    return frame_finish(
        out, body + 2 + SLG_SIGN_KEY_BYTES + SLG_SIGNATURE_BYTES, number, salt);
}

bool
slg_signature_decode(const uint8_t *in, const struct slg_frame *frame,
                     struct slg_signature *signature)
{
    const uint8_t *body = in + frame->head_len;

    if (frame->body_len != 2 + SLG_SIGN_KEY_BYTES + SLG_SIGNATURE_BYTES ||
        body[1] != SLG_SIGN_ED25519)
        return false;
    memcpy(signature->public_key, body + 2, SLG_SIGN_KEY_BYTES);
    memcpy(signature->bytes, body + 2 + SLG_SIGN_KEY_BYTES,
           SLG_SIGNATURE_BYTES);
    return true;
}

size_t
slg_signed_encode(const struct slg_signed *what, uint8_t out[SLG_SIGNED_MAX])
{
    static const uint8_t context[16] = "seglog head 1";

    memcpy(out, context, sizeof context);
    memcpy(out + 16, what->identity, SLG_IDENTITY_BYTES);
    slg_store_le64(out + 32, what->stream);
    out[40] = what->algorithm;
    slg_store_le64(out + 41, what->next_offset);
    return (size_t)(hash_put(out + SLG_SIGNED_FIXED, &what->hash) - out);
}
