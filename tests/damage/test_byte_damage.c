/* SPDX-License-Identifier: MIT */
/*
 * tests/damage/test_byte_damage.c
 *
 * Goal    as test_single_bit_flips, for whole bytes: a byte that is another
 *         one costs exactly its record or chunk; one that is gone, or comes
 *         twice, or comes in between, costs no more than it.
 * Method  every byte by eight others, read by a reader that stands two sync
 *         points before; one image in 61 is scanned as a whole as well.  Every
 *         byte deleted, doubled or another inserted, as a whole.  All pairs of
 *         bits of one record of 100 bytes.
 *
 *     test_byte_damage [--long] [--exhaustive] [KIND...]
 *
 *     --long        1,000 records, every byte of them; else some of 100
 *     --exhaustive  and by all 255 others, and five inserted: hours
 */
#include "tests/damage/damage_judge.h"

#include <stdlib.h>
#include <string.h>

/* Prime, so that every place and every value has its turn. */
#define WHOLE_EVERY 61u

struct bench {
    struct expected expected;
    struct looked looked;
    uint8_t *copy;
    uint64_t turn;
};

static void
hit_make(struct bench *bench, const struct sample *sample, size_t at,
         size_t end)
{
    expected_reset(&bench->expected, sample);
    expected_hit(&bench->expected, sample, at, end);
    expected_make(&bench->expected, sample);
}

/* What lies near is told by a window; the header and the ends are not. */
static bool
is_near(const struct sample *sample, size_t at)
{
    return !sample->kind->is_encrypted && !sample->kind->is_sealed &&
           sample_unit_at(sample, at)->type == UNIT_RECORDS;
}

static void
changed_judge(struct run *run, const struct sample *sample, struct bench *bench,
              size_t at)
{
    const bool is_sampled = bench->turn++ % WHOLE_EVERY == 0;

    if (is_near(sample, at))
        look_near(run, sample->raw, at, at + 1, &bench->expected);
    if (!is_near(sample, at) || is_sampled) {
        look(run, sample->raw, sample->raw_len, 0, &bench->looked);
        judge_exactly(run, &bench->looked, &bench->expected);
        if (is_sampled)
            judge_strict(run, &bench->looked);
    }
}

static void
substitute_each(struct run *run, const struct sample *sample,
                struct bench *bench)
{
    const size_t step = run_step(run, sample->raw_len, 150);
    const unsigned values = run->is_exhaustive ? 255 : 8;

    for (size_t at = 0; at < sample->raw_len; at += step) {
        const uint8_t was = sample->raw[at];

        hit_make(bench, sample, at, at + 1);
        for (unsigned i = 0; i < values; i++) {
            /* The eight are others for each place. */
            const unsigned by = 1 + (unsigned)(at * 37 + i * 32) % 255;

            sample->raw[at] = (uint8_t)(was ^ by);
            run_what(run, "byte %zu is %02x for %02x", at, was ^ by, was);
            changed_judge(run, sample, bench, at);
        }
        sample->raw[at] = was;
    }
}

/*
 * In a row of equal bytes nobody can say which one is gone or came, so that it
 * may be of the frame before, or behind.
 */
static void
row_hit(struct bench *bench, const struct sample *sample, size_t at,
        uint8_t value)
{
    size_t end = at;

    while (end < sample->raw_len && sample->raw[end] == value)
        end++;
    while (at > 0 && sample->raw[at - 1] == value)
        at--;
    end += end < sample->raw_len;
    hit_make(bench, sample, at < sample->raw_len ? at : at - 1, end);
    if (at > 54 || sample->kind->is_encrypted)
        return;
    /* Between the header and what moved away from it a reference may have been
     * (SPEC.md 7.6): nobody knows what the first bodies refer to. */
    for (size_t u = 1; u < sample->unit_count; u++) {
        if (sample->units[u].type == UNIT_SYNC)
            break;
        if (sample->units[u].is_packed)
            bench->expected.is_hit[u] = true;
    }
    expected_make(&bench->expected, sample);
}

static void
moved_judge(struct run *run, const struct sample *sample, struct bench *bench,
            size_t len)
{
    look(run, bench->copy, len, 0, &bench->looked);
    /* Junk between chunks, and a chunk that is cut at the end, are no part of
     * an encrypted blob (ENCRYPTION.md 4). */
    if (!sample->kind->is_encrypted || bench->looked.finding_count > 0 ||
        bench->looked.delivered != sample->records)
        judge_bounds(run, &bench->looked, &bench->expected);
    if (bench->turn++ % WHOLE_EVERY == 0)
        judge_repair(run, &bench->looked);
}

static void
delete_each(struct run *run, const struct sample *sample, struct bench *bench)
{
    const size_t step = run_step(run, sample->raw_len, 400);

    for (size_t at = 0; at < sample->raw_len; at += step) {
        const size_t behind = sample->raw_len - at - 1;

        run_what(run, "byte %zu is deleted", at);
        row_hit(bench, sample, at, sample->raw[at]);
        memcpy(bench->copy, sample->raw, at);
        memcpy(bench->copy + at, sample->raw + at + 1, behind);
        moved_judge(run, sample, bench, at + behind);
    }
}

/* Before the byte, or (the end) behind all. */
static void
insert_each(struct run *run, const struct sample *sample, struct bench *bench)
{
    const size_t step = run_step(run, sample->raw_len, 100);

    for (size_t at = 0; at < sample->raw_len; at += step) {
        const uint8_t values[] = { sample->raw[at], 0x00, 0xFF, 0xC0,
                                   (uint8_t)(at * 73 + 11) };
        const bool is_one = run->is_long && !run->is_exhaustive;
        const size_t first = is_one ? at % sizeof values : 0;

        for (size_t i = first; i < (is_one ? first + 1 : sizeof values); i++) {
            run_what(run, "%02x is put before byte %zu", values[i], at);
            row_hit(bench, sample, at, values[i]);
            memcpy(bench->copy, sample->raw, at);
            bench->copy[at] = values[i];
            memcpy(bench->copy + at + 1, sample->raw + at,
                   sample->raw_len - at);
            moved_judge(run, sample, bench, sample->raw_len + 1);
        }
    }
}

/* Of a record in the middle. */
static void
pairs_each(struct run *run, const struct sample *sample, struct bench *bench)
{
    const struct unit *unit = sample_unit_at(sample, sample->plain_len / 2);
    const size_t first = 8 * unit->at;
    const size_t end = 8 * unit->end;
    const size_t step = run_step(run, (end - first) * (end - first) / 2, 1500);
    size_t pair = 0;

    while (unit->type != UNIT_RECORDS)
        unit++;
    hit_make(bench, sample, unit->at, unit->end);
    for (size_t a = first; a < end; a++) {
        sample->raw[a / 8] ^= (uint8_t)(1u << a % 8);
        for (size_t b = a + 1; b < end; b++) {
            if (pair++ % step != 0)
                continue;
            run_what(run, "bits %zu and %zu", a, b);
            sample->raw[b / 8] ^= (uint8_t)(1u << b % 8);
            changed_judge(run, sample, bench, unit->at);
            sample->raw[b / 8] ^= (uint8_t)(1u << b % 8);
        }
        sample->raw[a / 8] ^= (uint8_t)(1u << a % 8);
    }
}

static void
each(struct run *run, const struct sample *sample)
{
    struct bench bench = { .turn = 0 };

    bench.copy = malloc(sample->raw_len + 1);
    MUST(bench.copy);
    expected_init(&bench.expected, sample);
    looked_init(&bench.looked, sample);
    if (sample->kind->payload == PAYLOAD_HUNDRED) {
        pairs_each(run, sample, &bench);
    } else {
        substitute_each(run, sample, &bench);
        delete_each(run, sample, &bench);
        insert_each(run, sample, &bench);
    }
    looked_free(&bench.looked);
    expected_free(&bench.expected);
    free(bench.copy);
}

int
main(int argc, char **argv)
{
    static const char *const kinds[] = { "plain",
                                         "deflate",
                                         "zstd",
                                         "grouped",
                                         "sealed",
                                         "encrypted",
                                         "sealed-encrypted",
                                         "one",
                                         "two",
                                         "hundred",
                                         "empty",
                                         NULL };

    return run_main(argc, argv, "byte_damage", kinds, each);
}
