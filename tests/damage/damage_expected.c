/* SPDX-License-Identifier: MIT */
/* tests/damage/damage_expected.c - what must be lost of a damaged segment. */
#include "tests/damage/damage_expected.h"

#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"

void
expected_init(struct expected *expected, const struct sample *sample)
{
    *expected = (struct expected){ .gap_count = 0 };
    expected->gaps = calloc(sample->unit_count + 1, sizeof *expected->gaps);
    expected->is_lost = calloc(sample->records + 2, 1);
    expected->is_hit = calloc(sample->unit_count, sizeof *expected->is_hit);
    MUST(expected->gaps && expected->is_lost && expected->is_hit);
}

void
expected_free(struct expected *expected)
{
    free(expected->gaps);
    free(expected->is_lost);
    free(expected->is_hit);
}

void
expected_reset(struct expected *expected, const struct sample *sample)
{
    memset(expected->is_lost, 0, sample->records + 2);
    memset(expected->is_hit, 0, sample->unit_count * sizeof *expected->is_hit);
    expected->gap_count = 0;
    expected->lost = 0;
    expected->missing_tail = 0;
}

static void
plain_hit(struct expected *expected, const struct sample *sample, size_t at,
          size_t end)
{
    const struct unit *unit = sample_unit_at(sample, at);

    for (size_t u = (size_t)(unit - sample->units);
         u < sample->unit_count && sample->units[u].at < end; u++)
        expected->is_hit[u] = true;
}

void
expected_hit(struct expected *expected, const struct sample *sample, size_t at,
             size_t end)
{
    if (!sample->kind->is_encrypted) {
        plain_hit(expected, sample, at, end);
        return;
    }
    for (const struct piece *piece = sample_piece_at(sample, at);
         piece < sample->pieces + sample->piece_count && piece->at < end;
         piece++)
        plain_hit(expected, sample, piece->plain, piece->plain_end);
}

static uint64_t
unit_epoch(const struct sample *sample, const struct unit *unit)
{
    return slg_load_le64(sample->plain + unit->at +
                         (unit->type == UNIT_HEADER ? 34 : 26));
}

/* Without a header the first mark that is left tells the epoch. */
static uint64_t
epoch_first(const struct expected *expected, const struct sample *sample)
{
    for (size_t u = 0; u < sample->unit_count; u++) {
        const enum unit_type type = sample->units[u].type;

        if (!expected->is_hit[u] && type != UNIT_RECORDS && type != UNIT_OTHER)
            return unit_epoch(sample, &sample->units[u]);
    }
    return unit_epoch(sample, sample->units);
}

/*
 * A sync point that begins an epoch is needed to read what follows it, up to
 * the next one.
 */
static void
epochs_hit(struct expected *expected, const struct sample *sample)
{
    uint64_t epoch = unit_epoch(sample, sample->units);
    uint64_t known = epoch_first(expected, sample);

    for (size_t u = 1; u < sample->unit_count; u++) {
        const struct unit *unit = &sample->units[u];

        if (unit->type == UNIT_SYNC) {
            epoch = unit_epoch(sample, unit);
            known = expected->is_hit[u] ? known : epoch;
        }
        if (epoch != known)
            expected->is_hit[u] = true;
    }
}

static void
gap_lose(struct expected *expected, const struct unit *unit)
{
    struct expected_gap *gap = &expected->gaps[expected->gap_count - 1];

    gap->end = unit->end;
    if (unit->type != UNIT_RECORDS)
        return;
    if (gap->first == 0)
        gap->first = unit->first;
    gap->last = unit->first + unit->count - 1;
    memset(expected->is_lost + unit->first, 1, (size_t)unit->count);
    expected->lost += unit->count;
}

static void
gap_open(struct expected *expected, const struct unit *unit,
         uint64_t depends_on)
{
    expected->gaps[expected->gap_count++] =
        (struct expected_gap){ .at = unit->at, .depends_on = depends_on };
}

/* SPEC.md 8: what is compressed goes with what it may refer to. */
void
expected_make(struct expected *expected, const struct sample *sample)
{
    enum {
        WHOLE,
        HIT,
        DEPENDENT
    } before = WHOLE;
    uint64_t depends_on = 0; /* 0: the history is known */

    epochs_hit(expected, sample);
    for (size_t u = 0; u < sample->unit_count; u++) {
        const struct unit *unit = &sample->units[u];

        if (expected->is_hit[u]) {
            if (before != HIT)
                gap_open(expected, unit, 0);
            gap_lose(expected, unit);
            if (unit->type == UNIT_RECORDS && depends_on == 0)
                depends_on = unit->first;
            before = HIT;
            continue;
        }
        if (unit->type == UNIT_SYNC || unit->type == UNIT_CLOSING)
            depends_on = 0;
        if (depends_on == 0 || !unit->is_packed) {
            before = WHOLE;
            continue;
        }
        if (before != DEPENDENT)
            gap_open(expected, unit, depends_on);
        gap_lose(expected, unit);
        before = DEPENDENT;
    }
    if (expected->gap_count > 0 && before == HIT) {
        struct expected_gap *tail = &expected->gaps[expected->gap_count - 1];

        tail->is_tail = true;
        if (tail->first != 0)
            expected->missing_tail = tail->last - tail->first + 1;
        expected->lost -= expected->missing_tail;
    }
}
