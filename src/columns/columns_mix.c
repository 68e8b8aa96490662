/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_mix.c - few bytes, packed as small as they get.
 *
 * Small streams are mostly the tables that zstd writes before them.  Here every
 * bit is predicted from what followed the same bytes before, several such
 * predictions are mixed by weights that learn, and an arithmetic coder writes
 * what is left.  Nothing but integers, so that every machine predicts the same.
 * It takes some hundred times as long as zstd: blocks are small, or do without.
 */
#include <stdlib.h>

#include "src/columns/columns_stream.h"

#define CONTEXTS 7u
#define INPUTS   (CONTEXTS + 2) /* what was matched, and a constant */
#define MATCH    CONTEXTS
#define ORDERS   6u /* contexts that tell how much is known */
#define SETS     (ORDERS * 4u)

/*
 * A slot: how often a one came, of 2^22, and below that in ten bits how often
 * anything came.  The highest bit is turned over, so that zero is one half.
 */
#define P_ONE      ((INT32_C(1) << 22) - 1)
#define P_HALF     (UINT32_C(1) << 31)
#define SEEN_MAX   24u
#define SEEN_MASK  1023u
#define RATE       10
#define WEIGHT     14417 /* of 65536: 0.22 */
#define MATCH_MIN  4u
#define MATCH_MAX  31u
#define PLACE_BITS 12u

struct mixer {
    uint32_t *slots; /* of all contexts, see P_ONE */
    uint32_t mask;
    uint32_t hashes[CONTEXTS];
    uint32_t *used[INPUTS]; /* slots of this bit; NULL: no match */
    int32_t inputs[INPUTS];
    int32_t weights[SETS][INPUTS];
    int32_t *set;
    uint32_t match_slots[MATCH_MAX + 1][2];
    uint32_t places[1u << PLACE_BITS]; /* behind five bytes, by their hash */
    size_t match;                      /* where the byte to come stood before */
    uint32_t match_len;
    uint64_t recent; /* the stream's last eight bytes */
    uint32_t word;
    unsigned part; /* bits of the byte so far, behind a one */
    int16_t stretched[4096];
    int32_t steps[SEEN_MAX + 1];
};

/* Divided by 2^bits and rounded down. */
static int64_t
shift_down(int64_t value, unsigned bits)
{
    return value >= 0 ? value >> bits : ~(~value >> bits);
}

/* 4096 / (1 + e^(-x / 256)), by straight lines between 33 points. */
static int
squash(int value)
{
    static const int16_t points[33] = {
        1,    2,    3,    6,    10,   16,   27,   45,   73,   120,  194,
        310,  488,  747,  1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
        3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094
    };

    if (value > 2047)
        return 4095;
    if (value < -2047)
        return 1;
    const unsigned at = (unsigned)(value + 2048);
    const int part = (int)(at & 127);
    const int sum =
        points[at >> 7] * (128 - part) + points[(at >> 7) + 1] * part;
    return (sum + 64) >> 7;
}

/* The other way: the least value whose squash is not below. */
static void
stretched_set(struct mixer *mixer)
{
    int next = 0;

    for (int value = -2047; value <= 2047; value++) {
        for (const int top = squash(value); next <= top; next++)
            mixer->stretched[next] = (int16_t)value;
    }
    while (next < 4096)
        mixer->stretched[next++] = 2047;
}

static struct mixer *
mixer_create(size_t len)
{
    struct mixer *mixer = calloc(1, sizeof *mixer);
    uint32_t size = 4096;

    while (size < 8 * len)
        size *= 2;
    if (!mixer)
        return NULL;
    mixer->mask = size - 1;
    mixer->slots = calloc((size_t)size * CONTEXTS, sizeof *mixer->slots);
    if (!mixer->slots) {
        free(mixer);
        return NULL;
    }
    stretched_set(mixer);
    for (uint32_t i = 0; i <= SEEN_MAX; i++)
        mixer->steps[i] = (int32_t)(655360u / (10 * i + 14));
    for (uint32_t i = 0; i <= MATCH_MAX; i++) {
        const uint32_t other = (uint32_t)P_ONE / (i + 2);
        mixer->match_slots[i][0] = other << 10 ^ P_HALF;
        mixer->match_slots[i][1] = ((uint32_t)P_ONE - other) << 10 ^ P_HALF;
    }
    for (unsigned i = 0; i < SETS; i++) {
        for (unsigned k = 0; k < CONTEXTS; k++)
            mixer->weights[i][k] = WEIGHT;
        mixer->weights[i][MATCH] = 32768;
    }
    mixer->inputs[INPUTS - 1] = 256;
    return mixer;
}

static void
mixer_destroy(struct mixer *mixer)
{
    if (mixer)
        free(mixer->slots);
    free(mixer);
}

/* -- bytes ----------------------------------------------------------------- */

static uint32_t
key_hash(uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

static void
byte_start(struct mixer *mixer, unsigned stream)
{
    static const uint8_t orders[ORDERS] = { 0, 1, 2, 3, 4, 6 };

    for (unsigned i = 0; i < ORDERS; i++) {
        const unsigned order = orders[i];
        const uint64_t bytes =
            mixer->recent & (((uint64_t)1 << (8 * order)) - 1);
        mixer->hashes[i] =
            key_hash(bytes << 6 | ((order <= 2 ? stream * 8 : 0) + order));
    }
    mixer->hashes[ORDERS] =
        key_hash((uint64_t)mixer->word << 14 | (mixer->recent & 0xFF) << 6 | 7);
    mixer->part = 1;
}

/* Where the bytes before pos stood last, if they stood anywhere. */
static void
match_find(struct mixer *mixer, const uint8_t *bytes, size_t pos)
{
    const uint32_t hash = key_hash(mixer->recent << 24) >> (32 - PLACE_BITS);
    const size_t place = mixer->places[hash];
    uint32_t len = 0;

    mixer->places[hash] = (uint32_t)pos;
    if (mixer->match_len > 0 || place == 0)
        return;
    while (len < MATCH_MAX && len < place &&
           bytes[place - 1 - len] == bytes[pos - 1 - len])
        len++;
    if (len < MATCH_MIN)
        return;
    mixer->match_len = len;
    mixer->match = place;
}

/* pos: behind the byte that has become known. */
static void
byte_end(struct mixer *mixer, const uint8_t *bytes, size_t pos)
{
    const uint8_t byte = bytes[pos - 1];
    const uint8_t letter = byte | 32;

    mixer->recent = mixer->recent << 8 | byte;
    mixer->word = letter >= 'a' && letter <= 'z'
                      ? (mixer->word + byte) * UINT32_C(0x2F0B4C47)
                      : 0;
    if (mixer->match_len > 0 && bytes[mixer->match] == byte) {
        mixer->match++;
        if (mixer->match_len < MATCH_MAX)
            mixer->match_len++;
    } else {
        mixer->match_len = 0;
    }
    match_find(mixer, bytes, pos);
}

/* -- bits ------------------------------------------------------------------ */

/* What the match says of the next bit; returns how much it is worth, 0 to 3. */
static unsigned
match_predict(struct mixer *mixer, const uint8_t *bytes, unsigned bit)
{
    mixer->used[MATCH] = NULL;
    mixer->inputs[MATCH] = 0;
    if (mixer->match_len == 0)
        return 0;
    const unsigned want = bytes[mixer->match] + 256u;
    if (want >> (8 - bit) != mixer->part) {
        mixer->match_len = 0;
        return 0;
    }
    const unsigned next = want >> (7 - bit) & 1;
    uint32_t *slot = &mixer->match_slots[mixer->match_len][next];
    mixer->used[MATCH] = slot;
    mixer->inputs[MATCH] = mixer->stretched[(*slot ^ P_HALF) >> 20];
    return mixer->match_len > 15 ? 3 : mixer->match_len > 5 ? 2 : 1;
}

/* Which of the contexts that have an order, but for order 0, are known. */
static unsigned
bits_count(uint32_t known)
{
    static const uint8_t counts[8] = { 0, 1, 1, 2, 1, 2, 2, 3 };

    return counts[known >> 1 & 7] + counts[known >> 4 & 3];
}

/* Of 4096, how often the next bit is a one. */
static int
bit_predict(struct mixer *mixer, const uint8_t *bytes, unsigned bit)
{
    const size_t size = (size_t)mixer->mask + 1;
    const uint32_t part = mixer->part * UINT32_C(0x9E3779B1);
    uint32_t known = 0;

    for (unsigned i = 0; i < CONTEXTS; i++) {
        uint32_t at = mixer->hashes[i] + part;
        at ^= at >> 15;
        at *= UINT32_C(0x2C1B3C6D);
        at ^= at >> 13;
        uint32_t *slot = &mixer->slots[i * size + (at & mixer->mask)];
        mixer->used[i] = slot;
        mixer->inputs[i] = mixer->stretched[(*slot ^ P_HALF) >> 20];
        known |= (uint32_t)(*slot != 0) << i;
    }
    const unsigned matched = match_predict(mixer, bytes, bit);
    mixer->set = mixer->weights[bits_count(known) * 4 + matched];
    int64_t sum = 0;
    for (unsigned i = 0; i < INPUTS; i++)
        sum += (int64_t)mixer->inputs[i] * mixer->set[i];
    sum = shift_down(sum, 16);
    return squash(sum > 2047 ? 2047 : sum < -2047 ? -2047 : (int)sum);
}

static void
slot_learn(const struct mixer *mixer, uint32_t *slot, int64_t aim)
{
    const uint32_t seen = *slot & SEEN_MASK;
    const int64_t p = (*slot ^ P_HALF) >> 10;
    const int64_t next = p + shift_down((aim - p) * mixer->steps[seen], 16);

    *slot = ((uint32_t)next << 10 ^ P_HALF) | (seen + (seen < SEEN_MAX));
}

static void
bit_learn(struct mixer *mixer, unsigned bit, int predicted)
{
    const int32_t error = ((int32_t)(bit << 12) - predicted) * RATE;
    const int64_t aim = bit ? P_ONE : 0;

    for (unsigned i = 0; i < INPUTS; i++)
        mixer->set[i] +=
            (int32_t)shift_down(mixer->inputs[i] * error + 8192, 14);
    for (unsigned i = 0; i < CONTEXTS; i++)
        slot_learn(mixer, mixer->used[i], aim);
    if (mixer->used[MATCH])
        slot_learn(mixer, mixer->used[MATCH], aim);
    mixer->part = mixer->part << 1 | bit;
}

/* -- arithmetic coding ----------------------------------------------------- */

struct range {
    uint32_t low, high, code;
};

static uint32_t
range_middle(const struct range *range, int predicted)
{
    return range->low + (uint32_t)(((uint64_t)(range->high - range->low) *
                                    (uint32_t)predicted) >>
                                   12);
}

static void
range_take(struct range *range, uint32_t middle, unsigned bit)
{
    if (bit)
        range->high = middle;
    else
        range->low = middle + 1;
}

static bool
range_is_settled(const struct range *range)
{
    return ((range->low ^ range->high) >> 24) == 0;
}

static void
range_shift(struct range *range, uint8_t next)
{
    range->low <<= 8;
    range->high = range->high << 8 | 0xFF;
    range->code = range->code << 8 | next;
}

/* The shortest bytes inside the range: zeros follow them. */
static void
range_end(const struct range *range, struct slg_buf *to)
{
    for (unsigned bits = 24;; bits -= 8) {
        const uint32_t end = range->high >> bits << bits;
        if (end < range->low)
            continue;
        for (unsigned shift = 24;; shift -= 8) {
            slg_buf_byte(to, end >> shift & 0xFF);
            if (shift == bits)
                return;
        }
    }
}

static unsigned
stream_of(const size_t ends[SLG_STREAM_COUNT], size_t pos)
{
    unsigned stream = 0;

    while (pos >= ends[stream])
        stream++;
    return stream;
}

/* Another stream begins here: what came before has little to do with it. */
static void
stream_start(struct mixer *mixer)
{
    mixer->recent = 0;
    mixer->word = 0;
    mixer->match_len = 0;
}

bool
slg_mix_pack(const uint8_t *bytes, const size_t ends[SLG_STREAM_COUNT],
             struct slg_buf *to)
{
    const size_t len = ends[SLG_STREAM_COUNT - 1];
    struct mixer *mixer = mixer_create(len);
    struct range range = { .high = UINT32_MAX };
    unsigned before = 0;

    if (!mixer)
        return false;
    for (size_t pos = 0; pos < len; pos++) {
        const unsigned stream = stream_of(ends, pos);
        if (stream != before)
            stream_start(mixer);
        before = stream;
        byte_start(mixer, stream);
        for (unsigned i = 0; i < 8; i++) {
            const unsigned bit = bytes[pos] >> (7 - i) & 1u;
            const int predicted = bit_predict(mixer, bytes, i);
            range_take(&range, range_middle(&range, predicted), bit);
            bit_learn(mixer, bit, predicted);
            for (; range_is_settled(&range); range_shift(&range, 0))
                slg_buf_byte(to, range.high >> 24);
        }
        byte_end(mixer, bytes, pos + 1);
    }
    range_end(&range, to);
    mixer_destroy(mixer);
    return !to->is_bad;
}

static uint8_t
byte_next(struct slg_cursor *from)
{
    return from->at < from->end ? *from->at++ : 0;
}

bool
slg_mix_unpack(struct slg_cursor from, uint8_t *bytes,
               const size_t ends[SLG_STREAM_COUNT])
{
    const size_t len = ends[SLG_STREAM_COUNT - 1];
    struct mixer *mixer = mixer_create(len);
    struct range range = { .high = UINT32_MAX };
    unsigned before = 0;

    if (!mixer)
        return false;
    for (unsigned i = 0; i < 4; i++)
        range.code = range.code << 8 | byte_next(&from);
    for (size_t pos = 0; pos < len; pos++) {
        const unsigned stream = stream_of(ends, pos);
        if (stream != before)
            stream_start(mixer);
        before = stream;
        byte_start(mixer, stream);
        for (unsigned i = 0; i < 8; i++) {
            const int predicted = bit_predict(mixer, bytes, i);
            const uint32_t middle = range_middle(&range, predicted);
            const unsigned bit = range.code <= middle;
            range_take(&range, middle, bit);
            bit_learn(mixer, bit, predicted);
            while (range_is_settled(&range))
                range_shift(&range, byte_next(&from));
        }
        bytes[pos] = (uint8_t)mixer->part;
        byte_end(mixer, bytes, pos + 1);
    }
    mixer_destroy(mixer);
    return true;
}
