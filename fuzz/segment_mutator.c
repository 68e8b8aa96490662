/* SPDX-License-Identifier: MIT */
/*
 * fuzz/segment_mutator.c - changes segments so that they stay worth reading.
 *
 * Random changes never get past a checksum.  This takes the input of a target
 * (SWITCHES bytes, then a segment) apart into frames, changes, moves, copies
 * and makes some, and then sets checksums, digests, numbers and offsets right
 * again: of all frames, of those that were changed, or of none.
 *
 * libFuzzer calls LLVMFuzzerCustomMutator.  AFL++ loads the same code from a
 * shared library (AFL_CUSTOM_MUTATOR_LIBRARY).
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/mutation.h"

/* Of libFuzzer; AFL++ changes bytes by itself. */
__attribute__((weak)) size_t
LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                        unsigned seed);
size_t
LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
                          const uint8_t *data2, size_t size2, uint8_t *out,
                          size_t max_out_size, unsigned seed);
void *
afl_custom_init(void *afl, unsigned seed);
size_t
afl_custom_fuzz(void *self, uint8_t *buf, size_t buf_size, uint8_t **out_buf,
                uint8_t *add_buf, size_t add_buf_size, size_t max_size);
void
afl_custom_deinit(void *self);

/* -- damage behind all checksums ------------------------------------------- */

static size_t
segment_damage(struct mutation *m, uint8_t *bytes, size_t len, size_t max)
{
    const size_t at = mutation_below(m, len);
    size_t run = 1 + mutation_below(m, mutation_one_in(m, 2) ? 4 : 700);

    if (len == 0)
        return 0;
    if (run > len - at)
        run = len - at;
    switch (mutation_below(m, 6)) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << mutation_below(m, 8));
        return len;
    case 1: /* cut off */
        return at;
    case 2: /* take out */
        memmove(bytes + at, bytes + at + run, len - at - run);
        return len - run;
    case 3: /* put in */
        if (run > max - len)
            return len;
        memmove(bytes + at + run, bytes + at, len - at);
        memset(bytes + at, mutation_one_in(m, 2) ? 0x20 : 0, run);
        return len + run;
    case 4: /* pages of a device */
        memset(bytes + at / 512 * 512, mutation_one_in(m, 2) ? 0 : 0xFF,
               len - at / 512 * 512 < 512 ? len - at / 512 * 512 : 512);
        return len;
    default:
        memset(bytes + at, mutation_one_in(m, 2) ? 0 : 0xFF, run);
        return len;
    }
}

static size_t
segment_mutate(const uint8_t *data, size_t size, const uint8_t *other,
               size_t other_len, uint8_t *out, size_t max, unsigned seed)
{
    struct mutation *m = calloc(1, sizeof *m);
    const size_t head = size < SWITCHES ? size : SWITCHES;
    size_t len = 0;

    if (m)
        m->arena = malloc(ARENA_SIZE);
    if (!m || !m->arena || max <= SWITCHES) {
        free(m);
        return 0;
    }
    m->chance = seed;
    m->other = other;
    m->other_len = other_len;
    memset(out, 0, SWITCHES);
    memcpy(out, data, head);
    if (mutation_one_in(m, 8))
        out[0] ^= (uint8_t)(1u << mutation_below(m, 8));
    if (mutation_one_in(m, 8))
        out[1] = (uint8_t)mutation_next(m);
    mutation_split(m, data + head, size - head);
    for (size_t n = mutation_below(m, 5) + 1; n > 0; n--)
        mutation_change(m);
    len = mutation_join(m, out + SWITCHES, max - SWITCHES);
    if (mutation_one_in(m, 3))
        len = segment_damage(m, out + SWITCHES, len, max - SWITCHES);
    free(m->arena);
    free(m);
    return SWITCHES + len;
}

/* -- libFuzzer ------------------------------------------------------------- */

/* A small segment of another identity, to take frames from. */
static size_t
stranger_make(uint8_t *out)
{
    static const struct slg_frame_limits limits = { .body_max = 512,
                                                    .has_digests = true };
    struct slg_header header = { .version = SLG_VERSION,
                                 .body_log2 = 9,
                                 .sync_log2 = 9,
                                 .identity = { 0xAA },
                                 .epoch = 77,
                                 .first_record = 1 };
    struct slg_mark mark = { .type = SLG_CONTROL_SYNC_POINT,
                             .identity = { 0xAA },
                             .epoch = 77,
                             .line = 1 };
    const uint32_t salt = slg_salt(header.identity, header.epoch);
    size_t len = SWITCHES;

    slg_header_encode(&header, out + len);
    len += SLG_HEADER_BYTES;
    for (mark.number = 1; mark.number < 9; mark.number++) {
        size_t head_len = 0;

        if (mark.number == 5)
            len += slg_mark_encode(&mark, out + len);
        head_len = slg_frame_put_head(out + len, SLG_FRAME_TEXT, false, 5);
        memset(out + len + head_len, 'x', 5);
        len += slg_frame_finish(out + len, head_len, 5, &limits, mark.number,
                                salt);
    }
    return len;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                        unsigned seed)
{
    uint8_t stranger[512];
    uint8_t *copy = NULL;
    size_t len = 0;

    if (LLVMFuzzerMutate && seed % 8 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    copy = malloc(size ? size : 1);
    if (!copy)
        return size;
    memcpy(copy, data, size);
    memset(stranger, 0, sizeof stranger);
    len = segment_mutate(copy, size, stranger, stranger_make(stranger), data,
                         max_size, seed);
    free(copy);
    return len;
}

size_t
LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
                          const uint8_t *data2, size_t size2, uint8_t *out,
                          size_t max_out_size, unsigned seed)
{
    return segment_mutate(data1, size1, data2, size2, out, max_out_size, seed);
}

/* -- AFL++ ----------------------------------------------------------------- */

struct afl_mutator {
    uint64_t chance;
    uint8_t *out;
    size_t cap;
};

void *
afl_custom_init(void *afl, unsigned seed)
{
    struct afl_mutator *self = calloc(1, sizeof *self);

    (void)afl;
    if (self)
        self->chance = seed;
    return self;
}

size_t
afl_custom_fuzz(void *state, uint8_t *buf, size_t buf_size, uint8_t **out_buf,
                uint8_t *add_buf, size_t add_buf_size, size_t max_size)
{
    struct afl_mutator *self = state;
    uint8_t stranger[512] = { 0 };

    self->chance = self->chance * UINT64_C(6364136223846793005) + 1442695041;
    if (self->cap < max_size) {
        free(self->out);
        self->out = malloc(max_size);
        self->cap = self->out ? max_size : 0;
    }
    *out_buf = self->out;
    if (!self->out)
        return 0;
    if (!add_buf || self->chance >> 62 == 0) {
        add_buf = stranger;
        add_buf_size = stranger_make(stranger);
    }
    return segment_mutate(buf, buf_size, add_buf, add_buf_size, self->out,
                          max_size, (unsigned)(self->chance >> 32));
}

void
afl_custom_deinit(void *state)
{
    struct afl_mutator *self = state;

    if (self)
        free(self->out);
    free(self);
}
