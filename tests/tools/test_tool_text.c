/* SPDX-License-Identifier: MIT */
/*
 * tests/tools/test_tool_text.c
 *
 * Goal    what programs print is one line, is JSON where it says so, and says
 *         what the finding says.
 * Method  known inputs and their exact texts; base64 against every length.
 */
#define _POSIX_C_SOURCE 200809L /* fmemopen */

#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "tools/tool_base64.h"
#include "tools/tool_common.h"
#include "tools/tool_finding.h"

/* ---------------------------------------------------------------------------
 * JSON strings
 */

static void
assert_json(const char *text, const char *want)
{
    char got[256] = "";
    FILE *file = fmemopen(got, sizeof got, "w");

    assert_non_null(file);
    tool_json_string(file, text);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(got, want);
}

static void
json_string__plain_and_escaped__is_json(void **state)
{
    (void)state;
    assert_json("", "\"\"");
    assert_json("app.seg", "\"app.seg\"");
    assert_json("a\"b\\c", "\"a\\\"b\\\\c\"");
    assert_json("a\nb\x7f\x01", "\"a\\u000ab\\u007f\\u0001\"");
    assert_json("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\x89",
                "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\x89\"");
}

static void
json_string__not_utf8__becomes_replacement_characters(void **state)
{
    (void)state;
    assert_json("\xff", "\"\\ufffd\"");
    assert_json("a\xc3", "\"a\\ufffd\"");
    assert_json("\xc0\x80", "\"\\ufffd\\ufffd\"");
    assert_json("\xe0\x9f\x80", "\"\\ufffd\\ufffd\\ufffd\"");
    assert_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
    assert_json("\xf0\x8f\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    assert_json("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    assert_json("\xe2\x82x", "\"\\ufffd\\ufffdx\"");
}

/* ---------------------------------------------------------------------------
 * Findings
 */

static const struct seglog_finding LOST = {
    .verdict = SEGLOG_VERDICT_CORRUPT,
    .cause = SEGLOG_CAUSE_CHECKSUM,
    .has_shift = true,
    .first_record = 1041,
    .last_record = 1041,
    .line = 1040,
    .lines = 1,
    .first_byte = 88213,
    .byte_count = 200,
};

static void
assert_finding(const struct seglog_finding *finding, const char *want)
{
    char got[512];

    tool_finding_text(finding, got, sizeof got);
    assert_string_equal(got, want);
}

static void
finding_text__lost_records__names_them_and_the_next(void **state)
{
    struct seglog_finding finding = LOST;

    (void)state;
    assert_finding(&finding,
                   "record 1041 (line 1040, offset 88213): checksum mismatch; "
                   "1 record lost, next good record 1042");
    finding.last_record = 1050;
    finding.durable = SEGLOG_DURABLE_YES;
    finding.shift = -3;
    assert_finding(&finding,
                   "record 1041 (line 1040, offset 88213): checksum mismatch; "
                   "10 records lost, next good record 1051, had been durable, "
                   "3 bytes removed");
    finding.durable = SEGLOG_DURABLE_NO;
    finding.shift = 1;
    finding.cause = SEGLOG_CAUSE_CUT;
    assert_finding(&finding,
                   "record 1041 (line 1040, offset 88213): the end is cut "
                   "off; 10 records lost, not yet durable, 1 byte inserted");
    finding.shift = INT64_MIN;
    finding.cause = SEGLOG_CAUSE_MISSING;
    finding.durable = SEGLOG_DURABLE_UNKNOWN;
    assert_finding(&finding,
                   "record 1041 (line 1040, offset 88213): missing frames; "
                   "10 records lost, next good record 1051, "
                   "9223372036854775808 bytes removed");
}

static void
finding_text__nothing_lost__says_so(void **state)
{
    const struct seglog_finding header = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_HEADER,
        .byte_count = 54,
    };
    const struct seglog_finding torn = {
        .verdict = SEGLOG_VERDICT_TORN,
        .cause = SEGLOG_CAUSE_TORN,
        .first_record = 7,
        .line = 7,
        .first_byte = 300,
        .byte_count = 1,
    };

    (void)state;
    assert_finding(&header, "offset 0: damaged header; nothing lost");
    assert_finding(&torn,
                   "record 7 (line 7, offset 300): torn tail; 1 byte ignored");
}

static void
finding_text__recorded_gap__has_no_offset_here(void **state)
{
    struct seglog_finding finding = LOST;

    (void)state;
    finding.is_recorded = true;
    assert_finding(&finding,
                   "record 1041 (line 1040): checksum mismatch; 1 record lost "
                   "before this segment was written");
}

static void
finding_text__every_cause__has_words_of_its_own(void **state)
{
    (void)state;
    for (int a = SEGLOG_CAUSE_NONE; a <= SEGLOG_CAUSE_AUTH; a++) {
        const char *text = tool_cause_text((enum seglog_cause)a);

        assert_string_not_equal(text, "unknown cause");
        for (int b = SEGLOG_CAUSE_NONE; b < a; b++)
            assert_string_not_equal(text,
                                    tool_cause_text((enum seglog_cause)b));
    }
}

static void
assert_finding_json(const struct seglog_finding *finding, const char *want)
{
    char got[512] = "";
    FILE *file = fmemopen(got, sizeof got, "w");

    assert_non_null(file);
    tool_finding_json(file, "a\"b", finding);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(got, want);
}

static void
finding_json__all_and_none__numbers_or_null(void **state)
{
    const struct seglog_finding empty = {
        .verdict = SEGLOG_VERDICT_FOREIGN,
        .cause = SEGLOG_CAUSE_STALE,
    };
    struct seglog_finding full = LOST;

    (void)state;
    full.durable = SEGLOG_DURABLE_YES;
    full.shift = -5;
    full.depends_on = 12;
    assert_finding_json(
        &full, "{\"verdict\":\"CORRUPT\",\"cause\":\"checksum\",\"blob\":"
               "\"a\\\"b\",\"first_record\":1041,\"last_record\":1041,"
               "\"line\":1040,\"first_byte\":88213,\"last_byte\":88412,"
               "\"shift\":-5,\"durable\":\"yes\",\"depends_on\":12}\n");
    assert_finding_json(&empty,
                        "{\"verdict\":\"FOREIGN\",\"cause\":\"stale\",\"blob\":"
                        "\"a\\\"b\",\"first_record\":null,\"last_record\":null,"
                        "\"line\":null,\"first_byte\":0,\"last_byte\":-1,"
                        "\"shift\":null,\"durable\":\"unknown\","
                        "\"depends_on\":null}\n");
}

/* ---------------------------------------------------------------------------
 * Sizes and base64
 */

static void
size_text__around_the_units__rounds_to_a_tenth(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *want;
    } CASES[] = {
        { 0, "0 bytes" },
        { 1023, "1023 bytes" },
        { 1024, "1.0 KiB" },
        { 1536, "1.5 KiB" },
        { UINT64_C(8) << 20, "8.0 MiB" },
        { UINT64_MAX, "16384.0 PiB" },
    };
    char buf[32];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        assert_string_equal(tool_size_text(CASES[i].bytes, buf, sizeof buf),
                            CASES[i].want);
}

static void
base64__every_short_length__comes_back(void **state)
{
    (void)state;
    for (size_t len = 0; len < 200; len++) {
        const size_t text_len = tool_base64_len(len);
        uint8_t *bytes = malloc(len + 1);
        uint8_t *text = malloc(text_len + 1);

        assert_non_null(bytes);
        assert_non_null(text);
        test_fill(bytes, len, len);
        text[text_len] = 0xA5;
        tool_base64_encode(bytes, len, (char *)text);
        assert_int_equal(text[text_len], 0xA5);
        assert_true(tool_base64_check(text, text_len));
        assert_int_equal(tool_base64_decoded_len(text, text_len), len);
        /* In place, as typed lines are. */
        tool_base64_decode(text, text_len, text);
        assert_memory_equal(text, bytes, len);
        free(text);
        free(bytes);
    }
}

static void
base64__published_examples__agree(void **state)
{
    static const struct {
        const char *bytes;
        const char *text;
    } CASES[] = {
        { "f", "Zg==" },         { "fo", "Zm8=" },
        { "foo", "Zm9v" },       { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
    };
    char text[16];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const size_t len = strlen(CASES[i].bytes);

        tool_base64_encode((const uint8_t *)CASES[i].bytes, len, text);
        assert_memory_equal(text, CASES[i].text, tool_base64_len(len));
    }
}

static void
base64__other_spellings__are_refused(void **state)
{
    static const char *const CASES[] = {
        "A",    "AA",   "AAA",  "A===", "====",   "AA=A", "A=AA",
        "AB==", "AAB=", "AA A", "AA-_", "AAAA\n", "=AAA", "AAAAA===",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++)
        assert_false(
            tool_base64_check((const uint8_t *)CASES[i], strlen(CASES[i])));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_string__plain_and_escaped__is_json),
        cmocka_unit_test(json_string__not_utf8__becomes_replacement_characters),
        cmocka_unit_test(finding_text__lost_records__names_them_and_the_next),
        cmocka_unit_test(finding_text__nothing_lost__says_so),
        cmocka_unit_test(finding_text__recorded_gap__has_no_offset_here),
        cmocka_unit_test(finding_text__every_cause__has_words_of_its_own),
        cmocka_unit_test(finding_json__all_and_none__numbers_or_null),
        cmocka_unit_test(size_text__around_the_units__rounds_to_a_tenth),
        cmocka_unit_test(base64__every_short_length__comes_back),
        cmocka_unit_test(base64__published_examples__agree),
        cmocka_unit_test(base64__other_spellings__are_refused),
    };

    return cmocka_run_group_tests_name("tools/tool_text", tests, NULL, NULL);
}
