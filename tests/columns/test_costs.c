/* SPDX-License-Identifier: MIT */
/*
 * Goal    what is said of a block's costs adds up to the block and to its text,
 *         and names the form of every column.
 * Method  generated lines in which each column can only be of one form, at the
 *         levels that choose by counting and by trying.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/columns/columns.h"

#define LINES    400u
#define LINE_MAX 1024u

static const struct slg_columns_limits no_limits = { SIZE_MAX, SIZE_MAX,
                                                     SIZE_MAX };

struct sample {
    struct slg_columns_record records[LINES];
    char text[LINES][LINE_MAX];
    uint64_t bytes;
    uint8_t *block;
    size_t len;
};

static uint32_t
next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static int
line_print(char *line, uint32_t i, uint32_t a, unsigned sum)
{
    const uint32_t high = a * 2654435761u;
    const uint32_t low = (a ^ high >> 7) * 2246822519u;

    if (i % 50 == 7)
        return snprintf(line, LINE_MAX, "no JSON %u", a);
    return snprintf(
        line, LINE_MAX,
        "{\"ts\":\"2024-03-18T10:%02u:%02u.%03uZ\",\"one\":\"same\","
        "\"who\":\"w%u\",\"more\":%u,\"sum\":%u,"
        "\"uuid\":\"%08x-0000-4000-8000-%012x\",\"hash\":\"%08x%08x\","
        "\"level\":\"%s\",\"path\":\"/data/%x/%x\","
        "\"msg\":\"at /data/%x/%x for \\\"w%u\\\" with %08x%08x of it\","
        "\"list\":[%u,%u],\"in\":{\"n\":%s,\"j\":\"{\\\"k\\\":%u}\"}}",
        i / 60 % 60, i % 60, a % 1000, i * 7 % 5, a % 97, sum, a, a * 7, high,
        low, a % 3 ? "info" : "warn", a % 4099, a % 65521, a % 4099, a % 65521,
        i * 7 % 5, high, low, a % 9, a % 7, a % 2 ? "null" : "true", i);
}

static struct sample *
sample_create(int level)
{
    const struct slg_columns_options options = { .level = level };
    struct sample *sample = calloc(1, sizeof *sample);
    unsigned sums[5] = { 0 };
    uint32_t seed = 1;

    assert_non_null(sample);
    for (uint32_t i = 0; i < LINES; i++) {
        const uint32_t a = next_random(&seed);
        unsigned *sum = &sums[i * 7 % 5];
        if (i % 50 != 7)
            *sum += a % 97;
        const int len = line_print(sample->text[i], i, a, *sum);
        assert_in_range(len, 1, LINE_MAX - 1);
        sample->records[i] = (struct slg_columns_record){
            .bytes = (const uint8_t *)sample->text[i], .len = (size_t)len
        };
        sample->bytes += (uint64_t)len;
    }
    assert_int_equal(slg_columns_encode(sample->records, LINES, &options,
                                        &sample->block, &sample->len),
                     SEGLOG_OK);
    return sample;
}

static void
sample_destroy(struct sample *sample)
{
    free(sample->block);
    free(sample);
}

struct tally {
    uint64_t plain, packed;
    size_t calls;
    uint64_t values[SLG_COLUMNS_FORM_COUNT];
    const char *want; /* a path, whose form and values are kept */
    enum slg_columns_form form;
    uint64_t want_values, want_plain;
    size_t found;
};

static void
cost_count(void *arg, const struct slg_columns_cost *cost)
{
    struct tally *tally = arg;

    tally->plain += cost->plain;
    tally->packed += cost->packed;
    tally->calls++;
    assert_in_range(cost->form, 0, SLG_COLUMNS_FORM_COUNT - 1);
    tally->values[cost->form] += cost->values;
    assert_int_equal(cost->path == NULL, cost->form == SLG_COLUMNS_FRAMING ||
                                             cost->form == SLG_COLUMNS_RECORDS);
    if (!tally->want || !cost->path || strcmp(cost->path, tally->want) != 0 ||
        cost->form == SLG_COLUMNS_CHOICE)
        return;
    tally->form = cost->form;
    tally->want_values = cost->values;
    tally->want_plain = cost->plain;
    tally->found++;
}

static void
costs__of_a_block__add_up_to_it(void **state)
{
    static const int levels[] = { 1, 3, 9, 19 };

    (void)state;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        struct sample *sample = sample_create(levels[i]);
        struct tally tally = { 0 };
        assert_int_equal(slg_columns_get_costs(sample->block, sample->len,
                                               &no_limits, cost_count, &tally),
                         SEGLOG_OK);
        assert_int_equal(tally.plain, sample->bytes);
        assert_int_equal(tally.packed, sample->len);
        assert_int_equal(tally.values[SLG_COLUMNS_FRAMING], LINES);
        assert_int_equal(tally.values[SLG_COLUMNS_RECORDS], LINES / 50);
        sample_destroy(sample);
    }
}

static void
form_check(const struct sample *sample, const char *path,
           enum slg_columns_form form, uint64_t values)
{
    struct tally tally = { .want = path };

    assert_int_equal(slg_columns_get_costs(sample->block, sample->len,
                                           &no_limits, cost_count, &tally),
                     SEGLOG_OK);
    assert_int_equal(tally.found, 1);
    assert_string_equal(slg_columns_form_name(tally.form),
                        slg_columns_form_name(form));
    assert_int_equal(tally.want_values, values);
}

static void
columns__that_can_be_one_form_only__are_of_it(void **state)
{
    const uint64_t json = LINES - LINES / 50;
    struct sample *sample = sample_create(9);

    (void)state;
    form_check(sample, "ts", SLG_COLUMNS_TIME, json);
    form_check(sample, "one", SLG_COLUMNS_CONST, json);
    form_check(sample, "who", SLG_COLUMNS_DICT, json);
    form_check(sample, "more", SLG_COLUMNS_DECIMAL, json);
    form_check(sample, "sum", SLG_COLUMNS_KEYED, json);
    form_check(sample, "uuid", SLG_COLUMNS_UUID, json);
    form_check(sample, "hash", SLG_COLUMNS_HEX, json);
    form_check(sample, "msg", SLG_COLUMNS_WOVEN, json);
    form_check(sample, "list[]", SLG_COLUMNS_DECIMAL, 2 * json);
    form_check(sample, "in.n", SLG_COLUMNS_WORD, json);
    form_check(sample, "in.j", SLG_COLUMNS_ESCAPE, json);
    form_check(sample, "in.j~", SLG_COLUMNS_SHAPE, json);
    form_check(sample, "in.j~.k", SLG_COLUMNS_DECIMAL, json);
    form_check(sample, "", SLG_COLUMNS_SHAPE, json);
    sample_destroy(sample);
}

static void
text__of_a_column__is_counted_with_its_quotes(void **state)
{
    const uint64_t json = LINES - LINES / 50;
    struct sample *sample = sample_create(3);
    struct tally tally = { .want = "one" };

    (void)state;
    assert_int_equal(slg_columns_get_costs(sample->block, sample->len,
                                           &no_limits, cost_count, &tally),
                     SEGLOG_OK);
    assert_int_equal(tally.want_plain, 6 * json);
    sample_destroy(sample);
}

static void
costs__of_what_is_no_block__are_refused(void **state)
{
    struct sample *sample = sample_create(3);
    const struct slg_columns_limits small = { SIZE_MAX, SIZE_MAX, 10 };
    struct tally tally = { 0 };

    (void)state;
    for (size_t len = 0; len < sample->len; len += 97)
        assert_int_equal(slg_columns_get_costs(sample->block, len, &no_limits,
                                               cost_count, &tally),
                         SEGLOG_CORRUPT);
    assert_int_equal(slg_columns_get_costs(sample->block, sample->len, &small,
                                           cost_count, &tally),
                     SEGLOG_TOO_LARGE);
    assert_int_equal(tally.calls, 0);
    sample_destroy(sample);
}

static void
costs__of_nothing__are_framing(void **state)
{
    struct tally tally = { 0 };
    uint8_t *block;
    size_t len;

    (void)state;
    assert_int_equal(slg_columns_encode(NULL, 0, NULL, &block, &len),
                     SEGLOG_OK);
    assert_int_equal(
        slg_columns_get_costs(block, len, &no_limits, cost_count, &tally),
        SEGLOG_OK);
    assert_int_equal(tally.calls, 1);
    assert_int_equal(tally.packed, len);
    free(block);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs__of_a_block__add_up_to_it),
        cmocka_unit_test(columns__that_can_be_one_form_only__are_of_it),
        cmocka_unit_test(text__of_a_column__is_counted_with_its_quotes),
        cmocka_unit_test(costs__of_what_is_no_block__are_refused),
        cmocka_unit_test(costs__of_nothing__are_framing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
