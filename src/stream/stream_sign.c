/* SPDX-License-Identifier: MIT */
/* src/stream/stream_sign.c - heads that are kept elsewhere, and signed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/chain.h"
#include "src/crypt/sign_key.h"
#include "src/segment/segment_chain.h"
#include "src/store/fail.h"
#include "src/stream/stream_attributes.h"
#include "src/stream/stream_verify.h"

seglog_code
seglog_sign_key_read(const char *path, bool is_private,
                     uint8_t key[SEGLOG_SIGN_KEY_BYTES],
                     struct seglog_error *err)
{
    if (!path || !key)
        return slg_fail(err, SEGLOG_INVALID, NULL, "path or key is NULL");
    return slg_sign_key_read(path, is_private, key, err);
}

/* What a signature of a head is over (SPEC.md 16.6). */
static size_t
message_make(const uint8_t identity[SEGLOG_IDENTITY_BYTES], uint64_t stream,
             enum seglog_chain chain, const struct seglog_stream_end *end,
             uint8_t message[SLG_SIGNED_MAX])
{
    struct slg_signed what = {
        .stream = stream,
        .algorithm = (uint8_t)chain,
        .next_offset = end->next_offset,
        .hash = end->hash,
    };

    memcpy(what.identity, identity, sizeof what.identity);
    return slg_signed_encode(&what, message);
}

/* OpenSSL, where it is there, fails for want of memory alone. */
seglog_code
slg_stream_fail_crypt(struct seglog_error *err)
{
    return slg_chain_is_computable(SEGLOG_CHAIN_SHA256)
               ? slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                          "no memory for a signature")
               : slg_fail(err, SEGLOG_INVALID, NULL,
                          "no signatures here: the build has no OpenSSL");
}

seglog_code
slg_stream_check_signature(const uint8_t public_key[SEGLOG_SIGN_KEY_BYTES],
                           const uint8_t identity[SEGLOG_IDENTITY_BYTES],
                           uint64_t stream, enum seglog_chain chain,
                           const struct seglog_stream_end *end,
                           const uint8_t signature[SEGLOG_SIGNATURE_BYTES],
                           bool *is_good, struct seglog_error *err)
{
    uint8_t message[SLG_SIGNED_MAX];
    const size_t len = message_make(identity, stream, chain, end, message);

    *is_good = false;
    return slg_crypt_verify(public_key, message, len, signature, is_good)
               ? SEGLOG_OK
               : slg_stream_fail_crypt(err);
}

bool
slg_stream_sign_end(const uint8_t private_key[SEGLOG_SIGN_KEY_BYTES],
                    const uint8_t identity[SEGLOG_IDENTITY_BYTES],
                    uint64_t stream, enum seglog_chain chain,
                    const struct seglog_stream_end *end,
                    uint8_t signature[SEGLOG_SIGNATURE_BYTES])
{
    uint8_t message[SLG_SIGNED_MAX];
    const size_t len = message_make(identity, stream, chain, end, message);

    return slg_crypt_sign(private_key, message, len, signature);
}

bool
slg_stream_public_key(const uint8_t private_key[SEGLOG_SIGN_KEY_BYTES],
                      uint8_t public_key[SEGLOG_SIGN_KEY_BYTES])
{
    return slg_crypt_public_key(private_key, public_key);
}

seglog_code
seglog_stream_sign(struct seglog_streams streams, uint64_t stream,
                   const uint8_t private_key[SEGLOG_SIGN_KEY_BYTES],
                   struct seglog_kept_head *kept, struct seglog_error *err)
{
    struct seglog_stream_info info;
    seglog_code code = SEGLOG_OK;

    if (!private_key || !kept)
        return slg_fail(err, SEGLOG_INVALID, NULL, "key or kept is NULL");
    *kept = (struct seglog_kept_head){ .is_signed = true };
    code = seglog_stream_get_info(streams, stream, &info, err);
    if (code == SEGLOG_OK && info.end.next_offset == 0)
        code = slg_stream_fail_missing(stream, err);
    if (code != SEGLOG_OK)
        return code;
    kept->end = info.end;
    return slg_stream_sign_end(private_key, info.identity, stream, info.chain,
                               &info.end, kept->signature)
               ? SEGLOG_OK
               : slg_stream_fail_crypt(err);
}

/* -- as text --------------------------------------------------------------- */

static char *
hex_put(char *text, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 15];
    }
    *text = '\0';
    return text;
}

void
seglog_kept_head_format(const struct seglog_kept_head *kept,
                        char text[SEGLOG_KEPT_HEAD_CAP])
{
    const size_t len = kept->end.hash.len <= SEGLOG_CHAIN_HASH_MAX
                           ? kept->end.hash.len
                           : SEGLOG_CHAIN_HASH_MAX;

    text += snprintf(text, 24, "%" PRIu64 " ", kept->end.next_offset);
    text = hex_put(text, kept->end.hash.bytes, len);
    if (!kept->is_signed)
        return;
    *text++ = ' ';
    (void)hex_put(text, kept->signature, sizeof kept->signature);
}

static int
digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to cap bytes from pairs of digits; how many. */
static size_t
hex_take(const char **text, uint8_t *bytes, size_t cap)
{
    size_t len = 0;

    while (len < cap && digit_of((*text)[0]) >= 0 &&
           digit_of((*text)[1]) >= 0) {
        bytes[len++] =
            (uint8_t)(digit_of((*text)[0]) * 16 + digit_of((*text)[1]));
        *text += 2;
    }
    return len;
}

static bool
offset_take(const char **text, uint64_t *offset)
{
    const char *at = *text;

    *offset = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        const uint64_t digit = (uint64_t)(*at - '0');

        if (*offset > (UINT64_MAX - digit) / 10)
            return false;
        *offset = *offset * 10 + digit;
    }
    if (at == *text || *at != ' ')
        return false;
    *text = at + 1;
    return true;
}

static bool
kept_take(const char *text, struct seglog_kept_head *kept)
{
    struct seglog_chain_hash *hash = &kept->end.hash;

    if (!offset_take(&text, &kept->end.next_offset))
        return false;
    hash->len = (uint8_t)hex_take(&text, hash->bytes, sizeof hash->bytes);
    if (hash->len != SLG_SHA256_BYTES && hash->len != SLG_XXH128_BYTES)
        return false;
    if (text[0] == ' ') {
        text++;
        kept->is_signed = true;
        if (hex_take(&text, kept->signature, sizeof kept->signature) !=
            sizeof kept->signature)
            return false;
    }
    if (text[0] == '\n')
        text++;
    return text[0] == '\0';
}

seglog_code
seglog_kept_head_parse(const char *text, struct seglog_kept_head *kept,
                       struct seglog_error *err)
{
    if (!text || !kept)
        return slg_fail(err, SEGLOG_INVALID, NULL, "text or kept is NULL");
    *kept = (struct seglog_kept_head){ .is_signed = false };
    if (kept_take(text, kept))
        return SEGLOG_OK;
    *kept = (struct seglog_kept_head){ .is_signed = false };
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "a kept head is OFFSET HEX or OFFSET HEX SIGNATURE, with "
                    "64 or 32 digits and 128");
}
