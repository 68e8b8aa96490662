/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_codec.c - compressed bodies (SPEC.md 7.5): what comes out is what
 * went in, and no body does harm.
 *
 * Byte 0 of the input: bit 0 the rest is bodies of any bytes, else they are
 * compressed first; bit 1 zstd too; bit 2 deflate only; bit 3 a dictionary;
 * bit 4 change what has been compressed; bits 5 to 7 the level.  Then bodies,
 * each behind a byte or two of length.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "src/codec/packer.h"
#include "src/codec/unpacker.h"
#include "src/codec/zrun.h"

#define INPUT_MAX  ((size_t)6000)
#define BODY_MAX   ((size_t)1 << 16)
#define BODIES_MAX 40u

enum how {
    HOW_ANY = 1,
    HOW_ZSTD = 2,
    HOW_DEFLATE = 4,
    HOW_BASE = 8,
    HOW_CHANGE = 16
};

static const uint8_t base[] =
    "{\"time\":\"2024-05-01T12:00:55Z\",\"level\":\"info\",\"message\":"
    "\"request served\",\"status\":200}{\"level\":\"warning\"}";

struct bodies {
    struct input input;
    unsigned how;
    bool has_zstd;
    struct slg_unpacker *unpacker;
};

/* A length of up to 127, or of two bytes. */
static const uint8_t *
body_take(struct bodies *b, size_t *len)
{
    *len = input_byte(&b->input);
    if (*len >= 128)
        *len = (*len & 127) << 5 | (input_byte(&b->input) & 31);
    return input_bytes(&b->input, len);
}

static void
unpacker_open(struct bodies *b)
{
    b->unpacker = slg_unpacker_new(b->has_zstd ? SLG_HISTORY_ZSTD_BYTES
                                               : SLG_HISTORY_BYTES);
    MUST(b->unpacker);
    if ((b->how & HOW_BASE) != 0)
        MUST(slg_unpacker_set_base(b->unpacker, base, sizeof base - 1));
}

/* -- bodies of any bytes --------------------------------------------------- */

static void
any_run(struct bodies *b, unsigned choice, const uint8_t *bytes, size_t len)
{
    static const enum slg_packing packings[] = { SLG_PACKING_DEFLATE,
                                                 SLG_PACKING_FIRST,
                                                 SLG_PACKING_NEXT };
    const enum slg_packing packing = packings[choice % 3];
    uint8_t *copy = exact_copy(bytes, len);
    const size_t prefix = choice & 64 && len > 2 ? 2 : 0;
    const struct slg_unpack_in in = { .packing = packing,
                                      .prefix = copy,
                                      .prefix_len = prefix,
                                      .bytes = copy + prefix,
                                      .len = len - prefix };
    const size_t out_max = choice & 128 ? 300 : BODY_MAX;
    const uint8_t *out = NULL;
    size_t out_len = 0;
    unsigned sum = 0;

    if (!b->has_zstd && packing != SLG_PACKING_DEFLATE) {
        free(copy);
        return;
    }
    (void)slg_zrun_body_is_sound(in.bytes, in.len);
    const enum slg_unpack_state state =
        slg_unpacker_run(b->unpacker, &in, out_max, &out, &out_len);
    MUST(state != SLG_UNPACK_NO_MEMORY);
    if (state == SLG_UNPACK_OK) {
        MUST(out_len <= out_max && out_len >= prefix);
        MUST(prefix == 0 || memcmp(out, copy, prefix) == 0);
        for (size_t i = 0; i < out_len; i++)
            sum += out[i]; /* all of it can be read */
        if ((choice & 32) == 0 || sum == 0)
            MUST(slg_unpacker_accept(b->unpacker));
    }
    free(copy);
}

static void
any_bodies(struct bodies *b)
{
    for (unsigned n = 0; b->input.left > 0 && n < BODIES_MAX; n++) {
        const unsigned choice = input_byte(&b->input);
        size_t len = 0;
        const uint8_t *bytes = body_take(b, &len);

        if ((choice & 31) == 31)
            slg_unpacker_clear(b->unpacker);
        else if ((choice & 31) == 30)
            MUST(slg_unpacker_add(b->unpacker, bytes, len));
        else
            any_run(b, choice, bytes, len);
    }
}

/* -- bodies that are compressed first -------------------------------------- */

/* The text three times makes it worth while. */
static uint8_t *
body_make(const uint8_t *bytes, size_t len, unsigned times, size_t *made)
{
    uint8_t *body = malloc(len * times + 1);

    MUST(body);
    for (unsigned i = 0; i < times && len > 0; i++)
        memcpy(body + i * len, bytes, len);
    *made = len * times;
    return body;
}

/* One bit of it is another one: anything may come out, or nothing. */
static void
packed_change(struct bodies *b, const struct slg_packed *packed, unsigned which)
{
    uint8_t *copy = exact_copy(packed->bytes, packed->len);
    const struct slg_unpack_in in = { .packing = packed->packing,
                                      .bytes = copy,
                                      .len = packed->len };
    struct slg_unpacker *other = slg_unpacker_new(
        b->has_zstd ? SLG_HISTORY_ZSTD_BYTES : SLG_HISTORY_BYTES);
    const uint8_t *out = NULL;
    size_t out_len = 0;

    MUST(other && slg_unpacker_copy(other, b->unpacker));
    copy[which % packed->len] ^= (uint8_t)(1u << which / 7 % 8);
    if (slg_unpacker_run(other, &in, BODY_MAX, &out, &out_len) == SLG_UNPACK_OK)
        MUST(out_len <= BODY_MAX);
    slg_unpacker_free(other);
    free(copy);
}

static void
packed_must_return(struct bodies *b, const struct slg_packed *packed,
                   const uint8_t *body, size_t len)
{
    const struct slg_unpack_in in = { .packing = packed->packing,
                                      .bytes = packed->bytes,
                                      .len = packed->len };
    const uint8_t *out = NULL;
    size_t out_len = 0;

    if (packed->packing == SLG_PACKING_NONE) {
        MUST(packed->len == len);
        MUST(slg_unpacker_add(b->unpacker, body, len));
        return;
    }
    MUST(slg_unpacker_run(b->unpacker, &in, len, &out, &out_len) ==
         SLG_UNPACK_OK);
    MUST(out_len == len && memcmp(out, body, len) == 0);
    MUST(slg_unpacker_accept(b->unpacker));
}

static void
packed_bodies(struct bodies *b)
{
    const struct slg_packer_plan plan = {
        .level = 1 + (int)(b->how >> 5) % 6,
        .with_deflate = !b->has_zstd || (b->how & HOW_DEFLATE) != 0,
        .with_zstd = b->has_zstd,
        .base = b->how & HOW_BASE ? base : NULL,
        .base_len = b->how & HOW_BASE ? sizeof base - 1 : 0,
    };
    struct slg_packer *packer = slg_packer_new(&plan);

    MUST(packer);
    for (unsigned n = 0; b->input.left > 0 && n < BODIES_MAX; n++) {
        const unsigned choice = input_byte(&b->input);
        struct slg_packed packed;
        size_t len = 0;
        size_t made = 0;
        const uint8_t *bytes = body_take(b, &len);
        uint8_t *body = body_make(bytes, len, 1 + choice % 4, &made);

        if (choice % 16 == 15) {
            slg_packer_clear(packer);
            slg_unpacker_clear(b->unpacker);
        }
        MUST(slg_packer_run(packer, body, made,
                            choice & 32 ? made : made + made / 2 + 100,
                            &packed));
        if ((b->how & HOW_CHANGE) != 0 && packed.packing != SLG_PACKING_NONE)
            packed_change(b, &packed, choice * 31 + n);
        packed_must_return(b, &packed, body, made);
        free(body);
    }
    slg_packer_free(packer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bodies b = { .input = { .at = data, .left = size } };

    if (size > INPUT_MAX)
        return 0;
    b.how = input_byte(&b.input);
    b.has_zstd = (b.how & HOW_ZSTD) != 0 && slg_zrun_is_there();
    unpacker_open(&b);
    if ((b.how & HOW_ANY) != 0)
        any_bodies(&b);
    else
        packed_bodies(&b);
    slg_unpacker_free(b.unpacker);
    return 0;
}
