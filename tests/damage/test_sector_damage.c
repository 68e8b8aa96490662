/* SPDX-License-Identifier: MIT */
/*
 * tests/damage/test_sector_damage.c
 *
 * Goal    a sector that is lost, in another place, of another file or of an
 *         earlier state costs no record that has no byte in it, and whatever is
 *         lost is told; no record of elsewhere comes back.
 * Method  every sector of 512 and of 4096 bytes zeroed, set to ones, swapped
 *         with every other one, replaced by that of another segment, and of the
 *         same segment before it was cut and written on.  Frames swapped with
 *         the next one, the last ones written once more.
 *
 *     test_sector_damage [--long] [KIND...]      --long: 1,000 records, else 100
 */
#include "tests/damage/damage_judge.h"

#include <stdlib.h>
#include <string.h>

#define SYNC_BYTES 82u

struct bench {
    struct expected expected;
    struct looked looked;
    uint8_t *copy;
    size_t copy_len;
    size_t sector;
    uint64_t turn;
};

static void
bench_start(struct bench *bench, const struct sample *sample)
{
    bench->copy = malloc(2 * sample->raw_len + 1);
    MUST(bench->copy);
    expected_init(&bench->expected, sample);
    looked_init(&bench->looked, sample);
}

static void
bench_end(struct bench *bench)
{
    free(bench->copy);
    expected_free(&bench->expected);
    looked_free(&bench->looked);
}

static void
copy_reset(struct bench *bench, const struct sample *sample)
{
    memcpy(bench->copy, sample->raw, sample->raw_len);
    bench->copy_len = sample->raw_len;
}

/* Whatever has another byte now is hit. */
static void
differences_hit(struct bench *bench, const struct sample *sample)
{
    expected_reset(&bench->expected, sample);
    for (size_t at = 0; at < sample->raw_len; at++) {
        if (at < bench->copy_len && bench->copy[at] == sample->raw[at])
            continue;
        expected_hit(&bench->expected, sample, at, at + 1);
    }
    expected_make(&bench->expected, sample);
}

/* is_gone: what is hit stands nowhere else, so that it is lost. */
static void
copy_judge(struct run *run, struct bench *bench, bool is_gone)
{
    const struct sample *sample = run->sample;
    const struct expected *expected = &bench->expected;

    if (bench->copy_len == sample->raw_len &&
        memcmp(bench->copy, sample->raw, sample->raw_len) == 0)
        return;
    look(run, bench->copy, bench->copy_len, 0, &bench->looked);
    judge_bounds(run, &bench->looked, expected);
    for (uint64_t n = 1; is_gone && n <= sample->records; n++) {
        if (bench->looked.has[n] && expected->is_lost[n])
            run_finding(run, "record %u is there", (unsigned)n);
    }
    if (bench->turn++ % 16 == 0)
        judge_repair(run, &bench->looked);
}

static size_t
sector_len(const struct bench *bench, const struct sample *sample, size_t at)
{
    const size_t left = sample->raw_len - at;

    return left < bench->sector ? left : bench->sector;
}

static void
fill_each(struct run *run, struct bench *bench, uint8_t value)
{
    const struct sample *sample = run->sample;

    for (size_t at = 0; at < sample->raw_len; at += bench->sector) {
        run_what(run, "%zu bytes at %zu are %02x", bench->sector, at, value);
        copy_reset(bench, sample);
        memset(bench->copy + at, value, sector_len(bench, sample, at));
        differences_hit(bench, sample);
        copy_judge(run, bench, true);
    }
}

/*
 * Without a header an epoch may be known from a mark that was moved: not that of
 * what follows, up to the next sync point.
 */
static void
rest_hit(struct bench *bench, const struct sample *sample, size_t at)
{
    for (size_t u = 0; u < sample->unit_count; u++) {
        if (sample->units[u].end <= at || bench->expected.is_hit[u])
            continue;
        if (sample->units[u].type == UNIT_SYNC)
            break;
        bench->expected.is_hit[u] = true;
    }
}

static void
swap_each(struct run *run, struct bench *bench)
{
    const struct sample *sample = run->sample;
    const size_t size = bench->sector;

    for (size_t a = 0; a + size <= sample->raw_len; a += size) {
        for (size_t b = a + size; b + size <= sample->raw_len; b += size) {
            run_what(run, "%zu bytes at %zu and %zu are swapped", size, a, b);
            copy_reset(bench, sample);
            memcpy(bench->copy + a, sample->raw + b, size);
            memcpy(bench->copy + b, sample->raw + a, size);
            /* Who comes to a later place first may pass over what lies
             * between; and a frame that was cut at the end of a sector claims
             * one that begins there: lost then, and told to be. */
            expected_reset(&bench->expected, sample);
            expected_hit(&bench->expected, sample, a,
                         b + size < sample->raw_len ? b + size + 1 : b + size);
            if (a == 0)
                rest_hit(bench, sample, b + size);
            expected_make(&bench->expected, sample);
            copy_judge(run, bench, false);
        }
    }
}

/*
 * Sectors of a segment that lies elsewhere, or was here before.  The first one
 * that differs is left out: with the header of another segment it is that one;
 * and without the sync point behind a cut it goes on there as it did before.
 */
static void
replace_each(struct run *run, struct bench *bench, const struct sample *other,
             const char *whose)
{
    const struct sample *sample = run->sample;
    size_t same = 0;

    while (same < sample->raw_len && same < other->raw_len &&
           sample->raw[same] == other->raw[same])
        same++;
    for (size_t at = 0; at < sample->raw_len && at < other->raw_len;
         at += bench->sector) {
        size_t len = sector_len(bench, sample, at);

        if (at < same + SYNC_BYTES && same < at + bench->sector)
            continue;
        if (len > other->raw_len - at)
            len = other->raw_len - at;
        run_what(run, "%zu bytes at %zu are those of %s", len, at, whose);
        copy_reset(bench, sample);
        memcpy(bench->copy + at, other->raw + at, len);
        differences_hit(bench, sample);
        copy_judge(run, bench, false);
    }
}

static void
sectors_each(struct run *run, struct bench *bench, const struct sample *older)
{
    static const size_t sizes[] = { 512, 4096 };
    struct sample other;

    sample_make(&other, run->sample->kind, run->sample->records, 7);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bench->sector = sizes[i];
        fill_each(run, bench, 0x00);
        fill_each(run, bench, 0xFF);
        swap_each(run, bench);
        replace_each(run, bench, &other, "another segment");
        if (older)
            replace_each(run, bench, older, "an earlier state");
    }
    sample_free(&other);
}

/* Units a and b in each other's place, with what lies between them. */
static void
frames_swap(const struct run *run, struct bench *bench, const struct unit *a,
            const struct unit *b)
{
    const struct sample *sample = run->sample;
    const size_t between = b->at - a->end;
    uint8_t *out = bench->copy + a->at;

    copy_reset(bench, sample);
    memcpy(out, sample->raw + b->at, b->end - b->at);
    out += b->end - b->at;
    memcpy(out, sample->raw + a->end, between);
    memcpy(out + between, sample->raw + a->at, a->end - a->at);
}

static void
frames_each(struct run *run, struct bench *bench)
{
    const struct sample *sample = run->sample;
    const struct unit *units = sample->units;
    const size_t last = sample->unit_count - 1; /* the closing mark */

    for (size_t u = 1; u + 1 < last; u++) {
        run_what(run, "the frames at %zu and %zu are swapped", units[u].at,
                 units[u + 1].at);
        frames_swap(run, bench, &units[u], &units[u + 1]);
        differences_hit(bench, sample);
        copy_judge(run, bench, false);
    }
    for (size_t count = 1; count < 12 && count < last; count++) {
        const struct unit *first = &units[last + 1 - count];
        const size_t len = sample->raw_len - first->at;

        run_what(run, "the last %zu frames come twice", count);
        copy_reset(bench, sample);
        memcpy(bench->copy + sample->raw_len, sample->raw + first->at, len);
        bench->copy_len += len;
        expected_reset(&bench->expected, sample);
        look(run, bench->copy, bench->copy_len, 0, &bench->looked);
        judge_bounds(run, &bench->looked, &bench->expected);
    }
}

static void
each(struct run *run, const struct sample *sample)
{
    const struct sample_kind *kind = sample->kind;
    struct bench bench = { .turn = 0 };

    bench_start(&bench, sample);
    sectors_each(run, &bench, NULL);
    if (!kind->is_encrypted)
        frames_each(run, &bench);
    bench_end(&bench);

    /* What was cut and written on has an earlier state in the same place. */
    if (!kind->is_sealed && !kind->is_encrypted) {
        struct sample rewritten;
        struct sample older;

        sample_make_rewritten(&rewritten, &older, kind, sample->records, 3);
        run->sample = &rewritten;
        bench_start(&bench, &rewritten);
        sectors_each(run, &bench, &older);
        bench_end(&bench);
        run->sample = sample;
        sample_free(&rewritten);
        sample_free(&older);
    }
}

int
main(int argc, char **argv)
{
    static const char *const kinds[] = {
        "plain",     "deflate",          "zstd",  "grouped", "sealed",
        "encrypted", "sealed-encrypted", "zeros", "logs",    NULL
    };

    return run_main(argc, argv, "sector_damage", kinds, each);
}
