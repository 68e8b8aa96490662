/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_verdict.c
 *
 * Goal    verdicts, causes and durabilities have names, which lead back to
 *         them; and what a strict reader says of a finding.
 */
#include "tests/support/seglog_test.h"

#include "seglog/segment.h"
#include "src/segment/segment_verdict.h"

static void
names__of_all_values__lead_back_to_them(void **state)
{
    (void)state;
    for (int i = 0; i <= SEGLOG_VERDICT_IO; i++)
        assert_int_equal(seglog_verdict_from_name(
                             seglog_verdict_name((enum seglog_verdict)i)),
                         i);
    for (int i = 0; i <= SEGLOG_CAUSE_DROPPED; i++) {
        assert_int_equal(
            seglog_cause_from_name(seglog_cause_name((enum seglog_cause)i)), i);
        assert_string_not_equal(seglog_cause_text((enum seglog_cause)i),
                                "unknown");
    }
    for (int i = 0; i <= SEGLOG_DURABLE_YES; i++)
        assert_int_equal(seglog_durable_from_name(
                             seglog_durable_name((enum seglog_durable)i)),
                         i);
}

static void
names__of_no_value__are_unknown(void **state)
{
    (void)state;
    assert_string_equal(
        seglog_verdict_name((enum seglog_verdict)(SEGLOG_VERDICT_IO + 1)),
        "unknown");
    assert_string_equal(
        seglog_cause_name((enum seglog_cause)(SEGLOG_CAUSE_DROPPED + 1)),
        "unknown");
    assert_string_equal(
        seglog_cause_text((enum seglog_cause)(SEGLOG_CAUSE_DROPPED + 1)),
        "unknown");
    assert_string_equal(
        seglog_durable_name((enum seglog_durable)(SEGLOG_DURABLE_YES + 1)),
        "unknown");
    assert_int_equal(seglog_verdict_from_name("unknown"), -1);
    assert_int_equal(seglog_cause_from_name(""), -1);
    assert_int_equal(seglog_durable_from_name(NULL), -1);
}

/* SPEC.md 10.5: which of two is told first. */
static void
verdicts__by_pairs__are_worse_in_their_order(void **state)
{
    static const enum seglog_verdict order[] = {
        SEGLOG_VERDICT_OK,        SEGLOG_VERDICT_TORN,
        SEGLOG_VERDICT_UNORDERED, SEGLOG_VERDICT_FOREIGN,
        SEGLOG_VERDICT_CORRUPT,   SEGLOG_VERDICT_IO,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        for (size_t k = 0; k < COUNT_OF(order); k++)
            assert_int_equal(slg_verdict_is_worse(order[i], order[k]), i > k);
    }
}

static void
fail__of_a_finding__says_what_is_lost(void **state)
{
    static const struct {
        struct seglog_finding finding;
        seglog_code code;
        const char *text;
    } cases[] = {
        { { .verdict = SEGLOG_VERDICT_CORRUPT,
            .cause = SEGLOG_CAUSE_CHECKSUM,
            .first_record = 5,
            .last_record = 5 },
          SEGLOG_CORRUPT,
          "checksum mismatch; 1 record lost; `seglog repair` saves the rest" },
        { { .verdict = SEGLOG_VERDICT_IO,
            .cause = SEGLOG_CAUSE_IO,
            .first_record = 5,
            .last_record = 7 },
          SEGLOG_IO,
          "could not be read; 3 records lost; `seglog repair` saves the rest" },
        { { .verdict = SEGLOG_VERDICT_TORN,
            .cause = SEGLOG_CAUSE_TORN,
            .first_record = 5 },
          SEGLOG_CORRUPT,
          "the log ends inside a frame" },
        { { .verdict = SEGLOG_VERDICT_UNORDERED, .cause = SEGLOG_CAUSE_ORDER },
          SEGLOG_CORRUPT,
          "frames out of order; no record lost; `seglog repair` writes a "
          "sound copy" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seglog_error err = { 0 };

        assert_code(slg_verdict_fail(&cases[i].finding, "log", &err),
                    cases[i].code);
        assert_int_equal(err.record_no, cases[i].finding.first_record);
        assert_true(strlen(err.message) >= strlen(cases[i].text));
        assert_string_equal(err.message + strlen(err.message) -
                                strlen(cases[i].text),
                            cases[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names__of_all_values__lead_back_to_them),
        cmocka_unit_test(names__of_no_value__are_unknown),
        cmocka_unit_test(verdicts__by_pairs__are_worse_in_their_order),
        cmocka_unit_test(fail__of_a_finding__says_what_is_lost),
    };

    return cmocka_run_group_tests_name("segment/verdict", tests, NULL, NULL);
}
