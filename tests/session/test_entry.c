/* SPDX-License-Identifier: MIT */
/*
 * Goal    kind, time and turn of an entry are what the entry says, and a fork
 *         is cut where its turn ends.
 * Method  every sample line, with the values that its text begins with; tables
 *         for the rules; samples cut at every byte.
 */
#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "format/json_time.h"
#include "src/session/entry.h"
#include "tests/session/samples.h"

static struct slg_entry
look(const char *line)
{
    struct slg_entry entry;

    slg_entry_look((const uint8_t *)line, strlen(line), &entry);
    assert_int_equal(entry.kind[entry.kind_len], 0);
    return entry;
}

/* What the text says, found without a parser. */
static void
sample_must_look_right(const struct sample *sample)
{
    const struct slg_entry entry = look(sample->line);
    const char *kind = strstr(sample->line, "\"kind\":\"");
    const char *turn = strstr(sample->line, "\"turn_count\":");
    int64_t us = 0;

    /* The first trace lines had no kind. */
    kind = kind ? kind + 8 : "";
    assert_int_equal(entry.kind_len, strcspn(kind, "\""));
    assert_memory_equal(entry.kind, kind, entry.kind_len);
    assert_true(slg_json_time_find((const uint8_t *)sample->line,
                                   strlen(sample->line), NULL, 0, &us));
    assert_int_equal(entry.ts_ms, us / 1000);
    assert_int_equal(entry.has_turn, turn != NULL);
    assert_int_equal(entry.turn, turn ? strtoul(turn + 13, NULL, 10) : 0);
}

static void
look__samples__kind_time_and_turn(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(head_samples); i++)
        sample_must_look_right(&head_samples[i]);
    for (size_t i = 0; i < COUNT_OF(early_samples); i++)
        sample_must_look_right(&early_samples[i]);
    for (size_t i = 0; i < COUNT_OF(trace_samples); i++)
        sample_must_look_right(&trace_samples[i]);
    assert_int_equal(look(head_samples[0].line).ts_ms, 1786000000000);
    /* 1000 is a number of seconds. */
    assert_int_equal(look(early_samples[0].line).ts_ms, 1000000);
}

static void
look__samples_cut_at_every_byte__nothing_beyond(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(head_samples); i++) {
        const size_t whole = strlen(head_samples[i].line);

        for (size_t len = 0; len < whole; len++) {
            uint8_t *copy = exact_copy(head_samples[i].line, len);
            struct slg_entry entry;

            slg_entry_look(copy, len, &entry);
            assert_true(entry.kind_len < SLG_ENTRY_KIND_CAP);
            free(copy);
        }
    }
}

static void
look__kind__rules(void **state)
{
    static const struct {
        const char *line, *kind;
    } cases[] = {
        { "", "" },
        { "[1]", "" },
        { "12", "" },
        { "{}", "" },
        { "{\"kind\":\"a\"}", "a" },
        { "{\"type\":\"b\"}", "b" },
        { "{\"type\":\"b\",\"kind\":\"a\"}", "a" },
        { "{\"kind\":\"a\",\"type\":\"b\"}", "a" },
        { "{\"kind\":1,\"type\":\"b\"}", "b" },
        { "{\"kind\":null}", "" },
        { "{\"kind\":\"\",\"type\":\"b\"}", "" },
        { "{\"kind\":\"a\",\"kind\":\"c\"}", "c" },
        { "{\"kind\":\"a\",\"kind\":2}", "a" },
        { "{\"k\\u0069nd\":\"a\\u00e9\\n\"}", "a\xc3\xa9\n" },
        { "{\"v\":{\"kind\":\"inside\"}}", "" },
        { "\xef\xbb\xbf{\"kind\":\"a\"}", "a" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct slg_entry entry = look(cases[i].line);

        assert_string_equal(entry.kind, cases[i].kind);
        assert_int_equal(entry.kind_len, strlen(cases[i].kind));
        assert_true(slg_entry_is(&entry, cases[i].kind));
        assert_false(slg_entry_is(&entry, "another"));
    }
}

static void
look__long_kind__cut_at_a_character(void **state)
{
    char line[200];
    struct slg_entry entry;

    (void)state;
    for (int plain = 40; plain < 50; plain++) {
        snprintf(line, sizeof line, "{\"kind\":\"%0*d\xe2\x82\xac\\u20ac\"}",
                 plain, 0);
        entry = look(line);
        assert_int_equal(entry.kind_len, plain > 47   ? 47
                                         : plain > 44 ? plain
                                         : plain > 41 ? plain + 3
                                                      : plain + 6);
    }
}

static void
look__time__first_field_that_holds_one(void **state)
{
    static const struct {
        const char *line;
        int64_t ts_ms;
    } cases[] = {
        { "{}", SLG_ENTRY_NO_TIME },
        { "{\"ts\":1786000000000}", 1786000000000 },
        { "{\"ts\":1786000000.5}", 1786000000500 },
        { "{\"time\":\"2026-01-02T03:04:05.678Z\"}", 1767323045678 },
        { "{\"ts\":\"no\",\"timestamp\":1786000000123}", 1786000000123 },
        { "{\"timestamp\":1786000000001,\"ts\":2}", 1786000000001 },
        { "{\"@timestamp\":1786000000001}", 1786000000001 },
        { "{\"t\":{\"$date\":1786000000001}}", 1786000000001 },
        { "{\"t.$date\":1786000000001}", 1786000000001 },
        { "{\"t\":1786000000001}", SLG_ENTRY_NO_TIME },
        { "{\"a\":{\"ts\":1786000000001}}", SLG_ENTRY_NO_TIME },
        { "{\"t\\u0073\":1786000000001}", SLG_ENTRY_NO_TIME },
        { "{\"ts\":\"1969-12-31T23:59:59.9995Z\"}", -1 },
        { "{\"ts\":1,\"ts\":2}", 1000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_true(look(cases[i].line).ts_ms == cases[i].ts_ms);
}

static void
look__turn__only_of_a_turn_end(void **state)
{
    struct slg_entry entry = look("{\"turn_count\":7,\"kind\":\"turn_end\"}");

    (void)state;
    assert_true(entry.has_turn);
    assert_int_equal(entry.turn, 7);
    entry = look("{\"kind\":\"turn_end\",\"turn_count\":1,\"turn_count\":2}");
    assert_int_equal(entry.turn, 2);
    entry = look("{\"kind\":\"other\",\"turn_count\":7}");
    assert_false(entry.has_turn);
    assert_int_equal(entry.turn, 0);
    assert_false(look("{\"kind\":\"turn_end\"}").has_turn);
    assert_false(look("{\"kind\":\"turn_end\",\"turn_count\":\"7\"}").has_turn);
    assert_false(look("{\"kind\":\"turn_end\",\"turn_count\":-7}").has_turn);
}

static uint64_t
cut_at(uint64_t turn, bool *is_found)
{
    static const char *const lines[] = {
        "{\"kind\":\"segment_start\"}",
        "{\"kind\":\"invoke\"}",
        "{\"kind\":\"turn_end\",\"turn_count\":1}",
        "{\"kind\":\"invoke\"}",
        "{\"kind\":\"turn_end\",\"turn_count\":2}",
        "{\"kind\":\"turn_end\",\"turn_count\":1}",
        "{\"kind\":\"invoke\"}",
    };
    struct slg_turn_cut cut;

    slg_turn_cut_init(&cut, turn);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const struct slg_entry entry = look(lines[i]);

        const bool is_known = slg_turn_cut_feed(&cut, &entry);

        assert_int_equal(is_known, cut.is_found);
    }
    *is_found = cut.is_found;
    return cut.keep;
}

static void
turn_cut__turns__first_end_or_all(void **state)
{
    struct slg_turn_cut cut;
    struct slg_entry start = look("{\"kind\":\"segment_start\"}");
    bool is_found = false;

    (void)state;
    assert_int_equal(cut_at(0, &is_found), 1);
    assert_true(is_found);
    assert_int_equal(cut_at(1, &is_found), 3);
    assert_true(is_found);
    assert_int_equal(cut_at(2, &is_found), 5);
    assert_int_equal(cut_at(9, &is_found), 7);
    assert_false(is_found);

    slg_turn_cut_init(&cut, 0);
    assert_int_equal(cut.keep, 0);
    assert_false(slg_turn_cut_feed(&cut, &start));
    assert_false(slg_turn_cut_feed(&cut, &start));
    assert_int_equal(cut.keep, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look__samples__kind_time_and_turn),
        cmocka_unit_test(look__samples_cut_at_every_byte__nothing_beyond),
        cmocka_unit_test(look__kind__rules),
        cmocka_unit_test(look__long_kind__cut_at_a_character),
        cmocka_unit_test(look__time__first_field_that_holds_one),
        cmocka_unit_test(look__turn__only_of_a_turn_end),
        cmocka_unit_test(turn_cut__turns__first_end_or_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
