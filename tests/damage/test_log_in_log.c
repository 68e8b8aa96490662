/* SPDX-License-Identifier: MIT */
/*
 * tests/damage/test_log_in_log.c
 *
 * Goal    no record of a log that is the payload of a record comes back as one
 *         of the log around it, whatever is left of that.
 * Method  a segment whose records are segments.  Its header damaged in every
 *         bit, every two bits and every byte; everything in front of every
 *         place zeroed, set to ones, or cut away.
 *
 *     test_log_in_log [--long]                   --long: every pair of bits
 */
#include "tests/damage/damage_judge.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BITS (8u * 54u)

static void
bit_flip(uint8_t *bytes, size_t bit)
{
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static void
header_damage(struct run *run, const struct sample *sample,
              struct looked *looked)
{
    const size_t step = run_step(run, HEADER_BITS * HEADER_BITS / 2, 200);
    size_t pair = 0;

    for (size_t a = 0; a < HEADER_BITS; a++) {
        for (size_t b = a; b < HEADER_BITS; b++) {
            if (pair++ % step != 0)
                continue;
            run_what(run, "bits %zu and %zu of the header", a, b);
            bit_flip(sample->raw, a);
            if (b != a)
                bit_flip(sample->raw, b);
            look(run, sample->raw, sample->raw_len, 0, looked);
            if (b != a)
                bit_flip(sample->raw, b);
            bit_flip(sample->raw, a);
            if (looked->delivered != sample->records)
                run_finding(run, "records are missing");
        }
    }
}

static bool
is_log_start(const struct sample *sample, size_t at)
{
    static const uint8_t magic[] = { 0x89, 'S', 'L', 'G' };

    return sample->raw_len - at >= sizeof magic &&
           memcmp(sample->raw + at, magic, sizeof magic) == 0;
}

static void
front_damage(struct run *run, const struct sample *sample,
             struct looked *looked)
{
    const size_t step = run_step(run, sample->raw_len, 200);
    uint8_t *bytes = malloc(sample->raw_len);

    MUST(bytes);
    for (size_t at = 1; at <= sample->raw_len; at += step) {
        for (unsigned fill = 0; fill < 2; fill++) {
            run_what(run, "all in front of %zu is %s", at,
                     fill == 0 ? "zeros" : "ones");
            memcpy(bytes, sample->raw, sample->raw_len);
            memset(bytes, fill == 0 ? 0 : 0xFF, at);
            look(run, bytes, sample->raw_len, 0, looked);
        }
        /* What begins where a log begins is that log. */
        if (is_log_start(sample, at))
            continue;
        run_what(run, "all in front of %zu is cut away", at);
        look(run, sample->raw + at, sample->raw_len - at, 0, looked);
    }
    free(bytes);
}

static void
each(struct run *run, const struct sample *sample)
{
    struct looked looked;

    looked_init(&looked, sample);
    header_damage(run, sample, &looked);
    front_damage(run, sample, &looked);
    looked_free(&looked);
}

int
main(int argc, char **argv)
{
    static const char *const kinds[] = { "logs", NULL };

    return run_main(argc, argv, "log_in_log", kinds, each);
}
