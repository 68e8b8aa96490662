/* SPDX-License-Identifier: MIT */
/*
 * Goal    the time of a line is found where it stands, to the microsecond, and
 *         nothing that is no time is taken for one.
 * Method  tables of spellings and of lines; every day of 800 years counted
 *         one by one; every prefix of every line in a block of its size.
 */
#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "format/json_time.h"

#define NONE INT64_MIN
#define S    1000000

struct spelling {
    const char *text;
    int64_t us; /* NONE: not a time */
};

static const struct spelling spellings[] = {
    /* Epochs: the whole part tells the unit. */
    { "0", 0 },
    { "-0", 0 },
    { "0.0", 0 },
    { "0e99999999999", 0 },
    { "1", S },
    { "-1", -S },
    { "1755099880", 1755099880 * (int64_t)S },
    { "1759417024.1", 1759417024100000 },
    { "1759417024.123456", 1759417024123456 },
    { "1759417024.1234569", 1759417024123456 },
    { "-1.5", -1500000 },
    { "-0.0000001", -1 },
    { "0.0000019", 1 },
    { "1.688560107857E9", 1688560107857000 },
    { "1688560107857e-3", 1688560107857000 },
    { "16885601.07857e+2", 1688560107857000 },
    { "1e9", 1000000000 * (int64_t)S },
    { "99999999999", 99999999999 * (int64_t)S },
    { "100000000000", 100000000 * (int64_t)S },
    { "1745532517537", 1745532517537000 },
    { "1745532517537.25", 1745532517537250 },
    { "99999999999999", 99999999999999000 },
    { "100000000000000", 100000000000000 },
    { "1534860261221373", 1534860261221373 },
    { "1534860261221373.9", 1534860261221373 },
    { "-1534860261221373.9", -1534860261221374 },
    { "99999999999999999", 99999999999999999 },
    { "100000000000000000", 100000000000000 },
    { "1700000000000000000", 1700000000000000 },
    { "1700000000123456789", 1700000000123456 },
    { "1700000000123456789.5", 1700000000123456 },
    { "99999999999999999999", 99999999999999999 },
    { "100000000000000000000", NONE },
    { "1e20", NONE },
    { "1e400", NONE },
    { "1e99999999999999999999", NONE },
    { "1e-99999999999999999999", 0 },
    { "-1e-99999999999999999999", -1 },
    { "0.00000000000000000000000000000000000001e38", S },
    { "", NONE },
    { "-", NONE },
    { "+1", NONE },
    { "01", NONE },
    { "-01", NONE },
    { "1.", NONE },
    { ".5", NONE },
    { "1e", NONE },
    { "1e+", NONE },
    { "1x", NONE },
    { " 1", NONE },
    { "1 ", NONE },
    { "12ms", NONE },
    { "0x10", NONE },
    { "null", NONE },
    { "true", NONE },
    { "NaN", NONE },
    { "now", NONE },

    /* Dates. */
    { "1970-01-01T00:00:00Z", 0 },
    { "1970-01-01t00:00:00z", 0 },
    { "1970-01-01 00:00:00", 0 },
    { "1970-01-01T00:00:00", 0 },
    { "1969-12-31T23:59:59.5Z", -500000 },
    { "2013-09-06T20:00:49.124817Z", 1378497649124817 },
    { "2013-09-06 22:01:00Z", 1378504860 * (int64_t)S },
    { "2013-09-06 22:01:00,25", 1378504860250000 },
    { "2024-03-18T10:49:06.979-04:00", 1710773346979000 },
    { "2015-03-29T11:01:38.221126-0600", 1427648498221126 },
    { "2015-03-29T11:01:38-06", 1427648498 * (int64_t)S },
    { "2018-11-24T22:27:20.497565-05:00", 1543116440497565 },
    { "2018-11-25T08:57:20.497565+05:30", 1543116440497565 },
    { "2018-11-25T08:57:20.4975659999+0530", 1543116440497565 },
    { "2026-01-01T12:34:56.789 UTC-05", 1767288896789000 },
    { "2026-01-01T12:34:56.789 UTC", 1767270896789000 },
    { "2026-01-01T12:34:56.789UTC", 1767270896789000 },
    { "2026-01-01 12:34:56 Z", 1767270896 * (int64_t)S },
    { "2026-01-01 12:34:56 +0000", 1767270896 * (int64_t)S },
    { "2026-01-01 12:34:56.000000000000000000000001Z",
      1767270896 * (int64_t)S },
    { "2016-12-31T23:59:60Z", 1483228800 * (int64_t)S },
    { "2000-02-29T00:00:00Z", 951782400 * (int64_t)S },
    { "2400-02-29T00:00:00Z", 13574563200 * (int64_t)S },
    { "0000-01-01T00:00:00Z", -62167219200 * (int64_t)S },
    { "0000-03-01T00:00:00Z", -62162035200 * (int64_t)S },
    { "9999-12-31T23:59:59.999999Z", 253402300799999999 },
    { "2001-02-29T00:00:00Z", NONE },
    { "1900-02-29T00:00:00Z", NONE },
    { "2001-04-31T00:00:00Z", NONE },
    { "2001-00-01T00:00:00Z", NONE },
    { "2001-13-01T00:00:00Z", NONE },
    { "2001-01-00T00:00:00Z", NONE },
    { "2001-01-32T00:00:00Z", NONE },
    { "2001-01-01T24:00:00Z", NONE },
    { "2001-01-01T00:60:00Z", NONE },
    { "2001-01-01T00:00:61Z", NONE },
    { "2001-01-01T00:00:00.Z", NONE },
    { "2001-01-01T00:00:00+24:00", NONE },
    { "2001-01-01T00:00:00+01:60", NONE },
    { "2001-01-01T00:00:00+1:00", NONE },
    { "2001-01-01T00:00:00+01:", NONE },
    { "2001-01-01T00:00:00+01:000", NONE },
    { "2001-01-01T00:00:00+", NONE },
    { "2001-01-01T00:00:00Zulu", NONE },
    { "2001-01-01T00:00:00 ", NONE },
    { "2001-01-01T00:00:00  Z", NONE },
    { "2001-01-01T00:00:00 CET", NONE },
    { "2001-01-01T00:00:00UT", NONE },
    { "2001-01-01_00:00:00Z", NONE },
    { "2001-01-01  00:00:00Z", NONE },
    { "2001-1-01T00:00:00.00Z", NONE },
    { "2001-01-01T0:00:00.000Z", NONE },
    { "2001-01-01T00:00Z", NONE },
    { "2001-01-01", NONE },
    { "2001/01/01 00:00:00", NONE },
    { "20010101T000000Z", NONE },
    { " 2001-01-01T00:00:00Z", NONE },
    { "2001-01-01T00:00:00Z ", NONE },
    { "+2001-01-01T00:00:00Z", NONE },
    { "Thu, 01 Jan 1970 00:00:00 GMT", NONE },
};

struct line_case {
    const char *line;
    const char *field; /* NULL: the usual names */
    int64_t us;
};

static const struct line_case lines[] = {
    { "{\"ts\":1}", NULL, S },
    { "{\"timestamp\":2}", NULL, 2 * S },
    { "{\"time\":3}", NULL, 3 * S },
    { "{\"@timestamp\":4}", NULL, 4 * S },
    { "{\"t\":{\"$date\":5}}", NULL, 5 * S },
    { " {\t\"a\" : 0 , \"ts\" : 1.5 } \r", NULL, 1500000 },
    { "\xef\xbb\xbf{\"ts\":1}", NULL, S },
    { "{\"ts\":\"1970-01-01T00:00:01Z\"}", NULL, S },
    { "{\"ts\":\"1534860261221373\"}", NULL, 1534860261221373 },
    { "{\"t\":{\"a\":[{}],\"$date\":\"1970-01-01T00:00:01Z\"},\"s\":1}", NULL,
      S },
    /* The first in the line wins, unless it holds no time. */
    { "{\"time\":1,\"ts\":2}", NULL, S },
    { "{\"ts\":2,\"time\":1}", NULL, 2 * S },
    { "{\"ts\":null,\"time\":1}", NULL, S },
    { "{\"ts\":\"late\",\"time\":1}", NULL, S },
    { "{\"ts\":[1],\"time\":2}", NULL, 2 * S },
    { "{\"ts\":{\"ts\":1},\"time\":2}", NULL, 2 * S },
    { "{\"ts\":\"\",\"ts\":2}", NULL, 2 * S },
    { "{\"t\":{\"date\":1},\"ts\":2}", NULL, 2 * S },
    { "{\"t\":1,\"ts\":2}", NULL, 2 * S },
    { "{\"t\":{},\"ts\":2}", NULL, 2 * S },
    { "{\"t\":\"{}\",\"ts\":2}", NULL, 2 * S },
    { "{\"t\":\"{\\\"$date\\\":1}\",\"ts\":2}", NULL, 2 * S },
    { "{\"t\":[{\"$date\":1}],\"ts\":2}", NULL, 2 * S },
    { "{\"t.$date\":1}", NULL, S },
    /* Everything else is passed over, whatever is in it. */
    { "{\"a\":\"}\\\"ts\\\":1\",\"ts\":2}", NULL, 2 * S },
    { "{\"a\":\"\\\\\",\"ts\":2}", NULL, 2 * S },
    { "{\"a\":{\"ts\":1},\"b\":[{\"ts\":1}],\"ts\":2}", NULL, 2 * S },
    { "{\"a\":[\"]\",\"}\",{\"b\":\"[\"}],\"ts\":2}", NULL, 2 * S },
    { "{\"a\":\"0123456789abcdef0123456789abcde\\\"f\",\"ts\":2}", NULL,
      2 * S },
    { "{\"ts1\":1,\"Ts\":1,\"t\":1,\"\":1,\"ts\":2}", NULL, 2 * S },
    { "{\"a\":true,\"b\":null,\"c\":-1e5,\"ts\":2}", NULL, 2 * S },
    /* A given name is the only one. */
    { "{\"ts\":1,\"Time\":2}", "Time", 2 * S },
    { "{\"ts\":1,\"Time\":2}", "time", NONE },
    { "{\"a\":{\"b\":1}}", "a.b", S },
    { "{\"a.b\":1}", "a.b", S },
    { "{\"a\":{\"b\":{\"c\":1}}}", "a.b.c", NONE },
    { "{\"a\":{\"b.c\":1}}", "a.b.c", S },
    { "{\"a.b\":{\"c\":1}}", "a.b.c", S },
    { "{\"a\":{\"x\":0,\"b\":1},\"a.b\":2}", "a.b", S },
    { "{\"a\":{\"x\":0},\"a.b\":2}", "a.b", 2 * S },
    { "{\"a\":{\"b\":null,\"b\":3},\"a.b\":2}", "a.b", 3 * S },
    { "{\"a\":{\"b\":1}}", "a", NONE },
    { "{\"a\":{\"b\":1}}", "a.", NONE },
    { "{\"a\":{\"\":1}}", "a.", S },
    { "{\"\":{\"b\":1}}", ".b", S },
    { "{\"\":1}", "", S },
    { "{\"Update\":1}", "Upd", NONE },
    /* No time at all. */
    { "", NULL, NONE },
    { " ", NULL, NONE },
    { "{}", NULL, NONE },
    { "[]", NULL, NONE },
    { "[{\"ts\":1}]", NULL, NONE },
    { "\"ts\"", NULL, NONE },
    { "1", NULL, NONE },
    { "{\"a\":1}", NULL, NONE },
    { "{\"TS\":1}", NULL, NONE },
    { "{\"t\\u0073\":1}", NULL, NONE },
    { "{\"ts\":\"2001-01-01T00\\u003a00:00Z\"}", NULL, NONE },
    /* Lines that are not valid: what stands before the fault is found. */
    { "{\"ts\":1,\"a\":\"hel", NULL, S },
    { "{\"ts\":1,", NULL, S },
    { "{\"ts\":1 ", NULL, S },
    { "{\"ts\":1", NULL, NONE },
    { "{\"ts\":\"1970-01-01T00:00:01Z\",,,", NULL, S },
    { "{\"a\":\"hel{\"ts\":1}", NULL, NONE },
    { "{\"a\":1 \"ts\":1}", NULL, NONE },
    { "{\"a\" 1,\"ts\":1}", NULL, NONE },
    { "{a:1,\"ts\":1}", NULL, NONE },
    { "{,\"ts\":1}", NULL, NONE },
    { "{\"a\":,\"ts\":1}", NULL, NONE },
    { "{\"a\":[1,\"ts\":1}", NULL, NONE },
    { "{\"a\":[\"x,\"ts\":1}", NULL, NONE },
    { "{\"ts", NULL, NONE },
    { "{\"ts\\", NULL, NONE },
    { "{\"ts\":", NULL, NONE },
    { "{\"ts\":\"1", NULL, NONE },
    { "{\"t\":{\"$date\":1", NULL, NONE },
};

static void
assert_time(bool found, int64_t got, int64_t want, const char *what)
{
    if (found == (want != NONE) && (!found || got == want))
        return;
    print_error("<%s>: found %d, %lld, want %lld\n", what, found,
                (long long)got, (long long)want);
    fail();
}

static void
parse__each_spelling__is_that_time_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        const size_t len = strlen(spellings[i].text);
        uint8_t *text = exact_copy(spellings[i].text, len);
        int64_t us = 77;
        const bool found = slg_json_time_parse(text, len, &us);

        assert_time(found, us, spellings[i].us, spellings[i].text);
        assert_true(found || us == 77);
        free(text);
    }
}

/* Count days from 1600 on, and let the calendar keep step. */
static void
parse__each_day_of_eight_centuries__follows_the_one_before(void **state)
{
    static const int month_days[12] = { 31, 28, 31, 30, 31, 30,
                                        31, 31, 30, 31, 30, 31 };
    int64_t want = -11676096000 * (int64_t)S;
    char text[32];

    (void)state;
    for (int year = 1600; year < 2400; year++) {
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        for (int month = 1; month <= 12; month++) {
            const int days = month_days[month - 1] + (month == 2 && leap);

            for (int day = 1; day <= days + 1; day++) {
                int64_t us = 0;
                const int len =
                    snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z",
                             year, month, day);
                const bool found = slg_json_time_parse((const uint8_t *)text,
                                                       (size_t)len, &us);

                assert_int_equal(found, day <= days);
                if (found)
                    assert_true(us == want);
                want += found ? 86400 * (int64_t)S : 0;
            }
        }
    }
}

static void
find__each_line__gives_its_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const struct line_case *c = &lines[i];
        const size_t len = strlen(c->line);
        const size_t field_len = c->field ? strlen(c->field) : 0;
        uint8_t *line = exact_copy(c->line, len);
        int64_t us = 77;
        const bool found =
            slg_json_time_find(line, len, c->field, field_len, &us);

        assert_time(found, us, c->us, c->line);
        assert_true(found || us == 77);
        free(line);
    }
}

/* Nothing is read behind the end: each prefix has a block of its own. */
static void
find__every_prefix__stays_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const struct line_case *c = &lines[i];
        const size_t field_len = c->field ? strlen(c->field) : 0;

        for (size_t len = 0; len < strlen(c->line); len++) {
            uint8_t *line = exact_copy(c->line, len);
            int64_t us = 77;

            if (!slg_json_time_find(line, len, c->field, field_len, &us))
                assert_true(us == 77);
            free(line);
        }
    }
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        for (size_t len = 0; len < strlen(spellings[i].text); len++) {
            uint8_t *text = exact_copy(spellings[i].text, len);
            int64_t us = 77;

            if (!slg_json_time_parse(text, len, &us))
                assert_true(us == 77);
            free(text);
        }
    }
}

static void
find__a_field_with_no_zero_behind__is_compared_by_length(void **state)
{
    static const char line[] = "{\"Time\":1,\"TimeCreated\":2}";
    int64_t us = 0;

    (void)state;
    assert_true(slg_json_time_find((const uint8_t *)line, sizeof line - 1,
                                   "TimeCreated", 4, &us));
    assert_true(us == S);
    assert_true(slg_json_time_find((const uint8_t *)line, sizeof line - 1,
                                   "TimeCreated", 11, &us));
    assert_true(us == 2 * S);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__each_spelling__is_that_time_or_none),
        cmocka_unit_test(
            parse__each_day_of_eight_centuries__follows_the_one_before),
        cmocka_unit_test(find__each_line__gives_its_time),
        cmocka_unit_test(find__every_prefix__stays_inside),
        cmocka_unit_test(
            find__a_field_with_no_zero_behind__is_compared_by_length),
    };

    return cmocka_run_group_tests_name("format/json_time", tests, NULL, NULL);
}
