/* SPDX-License-Identifier: MIT */
/*
 * tests/damage/test_single_bit_flips.c
 *
 * Goal    no flipped bit goes unnoticed; record and offset are exact where a
 *         record is what is lost, and so is the range of a block or chunk; all
 *         other records come back byte for byte.
 * Method  every bit of every kind of segment, one at a time.  Each image is
 *         scanned and read as a whole.  Now and then: the strict reader, a
 *         cursor, repair, and the programs, which must all agree.
 *
 *     test_single_bit_flips [--long] [KIND...]   --long: 1,000 records and
 *                                              all bits, else 100 and some
 */
#include "tests/damage/damage_judge.h"

#include <string.h>

/* Odd numbers, so that each bit of a byte has its turn. */
#define STRICT_EVERY 5u
#define CURSOR_EVERY 17u
#define REPAIR_EVERY 15u
#define TOOLS_EVERY  4999u

static void
others_judge(struct run *run, const uint8_t *bytes, size_t len, uint64_t bit,
             const struct looked *looked)
{
    const struct sample *sample = run->sample;
    /* Repair writes and reads all of it twice. */
    const unsigned repair_every = run->is_long ? 121 : REPAIR_EVERY;

    if (bit % STRICT_EVERY == 0)
        judge_strict(run, looked);
    if (bit % CURSOR_EVERY == 0)
        judge_cursor(run, looked, 1 + bit * 31 % sample->records);
    if (bit % repair_every == 0)
        judge_repair(run, looked);
    if (bit % TOOLS_EVERY == 0)
        judge_tools(run, bytes, len, looked);
}

static void
each(struct run *run, const struct sample *sample)
{
    const size_t bits = 8 * sample->raw_len;
    const size_t step = run_step(run, bits, 1000);
    struct expected expected;
    struct looked looked;

    expected_init(&expected, sample);
    looked_init(&looked, sample);
    for (size_t bit = 0; bit < bits; bit += step) {
        const size_t at = (size_t)(bit / 8);

        run_what(run, "bit %u of byte %zu", (unsigned)(bit % 8), at);
        sample->raw[at] ^= (uint8_t)(1u << bit % 8);
        expected_reset(&expected, sample);
        expected_hit(&expected, sample, at, at + 1);
        expected_make(&expected, sample);
        look(run, sample->raw, sample->raw_len, 0, &looked);
        judge_exactly(run, &looked, &expected);
        others_judge(run, sample->raw, sample->raw_len, bit, &looked);
        sample->raw[at] ^= (uint8_t)(1u << bit % 8);
    }
    looked_free(&looked);
    expected_free(&expected);
}

int
main(int argc, char **argv)
{
    static const char *const kinds[] = {
        "plain",   "open",   "deflate",     "zstd",
        "grouped", "sealed", "encrypted",   "sealed-encrypted",
        "one",     "two",    "one-deflate", "two-encrypted",
        "hundred", "empty",  "borders",     "magic",
        "zeros",   "logs",   "chained",     "chained-deflate",
        NULL
    };

    return run_main(argc, argv, "single_bit_flips", kinds, each);
}
