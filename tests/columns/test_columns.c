/* SPDX-License-Identifier: MIT */
/*
 * Goal    what comes out of a block is, byte for byte, what was put in; a block
 *         that no encoder makes, or that is over the limits, is refused.
 * Method  lines of every odd spelling, generated lines for every sort of
 *         column, the corpus where there is one (SEGLOG_CORPUS); every prefix
 *         and every changed byte of blocks, in memory of exactly their size.
 */
#define _GNU_SOURCE /* scandir() */
#include "tests/support/seglog_test.h"

#include <dirent.h>
#include <stdio.h>

#include "src/columns/columns.h"
#include "src/columns/columns_buf.h"

#define LINES_MAX 20000u

static const struct slg_columns_limits no_limits = { SIZE_MAX, SIZE_MAX,
                                                     SIZE_MAX };

struct lines {
    struct slg_columns_record records[LINES_MAX];
    size_t count;
    struct slg_buf text;
    size_t starts[LINES_MAX];
};

static struct lines *
lines_create(void)
{
    struct lines *lines = calloc(1, sizeof *lines);

    assert_non_null(lines);
    return lines;
}

static void
lines_destroy(struct lines *lines)
{
    slg_buf_free(&lines->text);
    free(lines);
}

static void
line_add(struct lines *lines, const void *bytes, size_t len)
{
    assert_true(lines->count < LINES_MAX);
    lines->starts[lines->count] = lines->text.len;
    lines->records[lines->count].len = len;
    slg_buf_put(&lines->text, bytes, len);
    assert_false(lines->text.is_bad);
    lines->count++;
}

static void __attribute__((format(printf, 2, 3)))
line_print(struct lines *lines, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    const int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < sizeof text);
    line_add(lines, text, (size_t)len);
}

/* Each record's bytes in the text, now that it no longer moves. */
static void
lines_settle(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        lines->records[i].bytes = lines->text.data + lines->starts[i];
}

static void
records_compare(const struct slg_columns_record *records, size_t count,
                const struct slg_columns *columns)
{
    assert_int_equal(columns->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(columns->records[i].kind, records[i].kind);
        assert_int_equal(columns->records[i].len, records[i].len);
        if (records[i].len > 0)
            assert_memory_equal(columns->records[i].bytes, records[i].bytes,
                                records[i].len);
    }
}

/* Returns the block's length. */
static size_t
round_trip(const struct slg_columns_record *records, size_t count, int level)
{
    const struct slg_columns_options options = { .level = level };
    struct slg_columns columns;
    uint8_t *block;
    size_t len;

    assert_int_equal(slg_columns_encode(records, count, &options, &block, &len),
                     SEGLOG_OK);
    uint8_t *copy = exact_copy(block, len);
    free(block);
    assert_int_equal(slg_columns_decode(copy, len, &no_limits, &columns),
                     SEGLOG_OK);
    free(copy);
    records_compare(records, count, &columns);
    slg_columns_reset(&columns);
    return len;
}

static void
lines_round_trip(struct lines *lines)
{
    static const int levels[] = { 1, 3, 7, 19 };

    lines_settle(lines);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        round_trip(lines->records, lines->count, levels[i]);
}

/* -- odd lines ------------------------------------------------------------- */

static const char *const odd[] = {
    "",
    " ",
    "{}",
    "[]",
    "{ }",
    "[ ]",
    "null",
    "true",
    "false",
    "-0",
    "-0.0",
    "1e5",
    "1E+05",
    "0.10",
    "00",
    "-00",
    "007",
    "1.",
    ".5",
    "+1",
    "NaN",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "999999999999999999",
    "1000000000000000000",
    "123456789.123456789",
    "1.688560107857E9",
    "\"\"",
    "\"a\"",
    "\"\\\"\"",
    "\"\\\\\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\/\"",
    "\"\\u001B\"",
    "\"\xff\xfe\"",
    "\"\x01\"",
    "\xef\xbb\xbf{\"a\":1}",
    "{\"a\":1}\r",
    " {\"a\":1}",
    "\t{\"a\":1}\t",
    "{\"a\":1} ",
    "{ \"a\" : 1 }",
    "{\"a\": 1, \"b\": 2}",
    "{\"a\":1, \"b\":2}",
    "{\"a\":1,\"b\":2 }",
    "{\"a\":1,\"a\":2,\"a\":1}",
    "{\"\":{\"\":{\"\":0}}}",
    "{\"a\":1}{\"a\":1}",
    "{\"a\":1},",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{_\"a\":1}",
    "{\"a\":1,_x\"b\":2}",
    "{\"a\"1}",
    "{a:1}",
    "[1,2,3]",
    "[1, 2, 3]",
    "[1, 2,3]",
    "[ 1,2,3 ]",
    "[1,2,3",
    "[1,,2]",
    "[,]",
    "[[],[[]],{}]",
    "}",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "{\"a\\\"b\":1}",
    "{\"a\":\"{\\\"b\\\":1}\"}",
    "{\"a\":\"{\\\"b\\\": 1 }\"}",
    "{\"a\":\"{\\\"b\\\":\\\"{\\\\\\\"c\\\\\\\":[1,2]}\\\"}\"}",
    "{\"a\":\"{\\u0022b\\u0022:1}\"}",
    "{\"a\":\"[1,2,3,4]\"}",
    "{\"a\":\"{\\\"b\\\":\\\"\\\\u00e9\\\"}\"}",
    "{\"a\":\"{\\\"b\\\":\\\"\\n\\t\\\"}\"}",
    "{\"a\":\"{\\\"b\\\":1}\\n\"}",
    "{\"t\":\"2024-02-29T23:59:60Z\"}",
    "{\"t\":\"2024-02-30T00:00:00Z\"}",
    "plain text, no JSON",
    "2024-01-01 00:00:00 INFO text",
};

static void
odd_lines__alone_and_together__come_back(void **state)
{
    struct lines *lines = lines_create();

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        line_add(lines, odd[i], strlen(odd[i]));
    line_add(lines, "{\"a\":\"\0\"}", 9);
    line_add(lines, "\0\0\0", 3);
    lines_settle(lines);
    for (size_t i = 0; i < lines->count; i++)
        round_trip(&lines->records[i], 1, 3);
    for (unsigned k = 0; k < 256; k++)
        lines->records[k % lines->count].kind = (uint8_t)k;
    lines_round_trip(lines);
    lines_destroy(lines);
}

/* Twenty times each, so that columns are long enough for everything. */
static void
odd_lines__many_times__come_back(void **state)
{
    struct lines *lines = lines_create();

    (void)state;
    for (unsigned k = 0; k < 20; k++) {
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
            line_add(lines, odd[(i * 7 + k) % (sizeof odd / sizeof *odd)],
                     strlen(odd[(i * 7 + k) % (sizeof odd / sizeof *odd)]));
    }
    lines_round_trip(lines);
    lines_destroy(lines);
}

static void
nothing__encoded__is_a_block_of_nothing(void **state)
{
    (void)state;
    round_trip(NULL, 0, 19);
    const struct slg_columns_record empty[3] = { { 0 } };
    round_trip(empty, 3, 19);
}

static void
nesting__deeper_than_is_followed__comes_back(void **state)
{
    char text[1200];

    (void)state;
    for (size_t depth = 60; depth < 70; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        const struct slg_columns_record record = { (uint8_t *)text, 2 * depth,
                                                   0 };
        round_trip(&record, 1, 3);
    }
    for (size_t depth = 60; depth < 70; depth++) {
        for (size_t i = 0; i < depth; i++)
            memcpy(text + 5 * i, "{\"a\":", 5);
        text[5 * depth] = '1';
        memset(text + 5 * depth + 1, '}', depth);
        const struct slg_columns_record record = { (uint8_t *)text,
                                                   6 * depth + 1, 0 };
        round_trip(&record, 1, 3);
    }
}

/* -- columns --------------------------------------------------------------- */

static uint32_t
next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void
typed_lines_add(struct lines *lines, unsigned count)
{
    uint32_t seed = 1;
    uint32_t parent = 0;

    for (unsigned i = 0; i < count; i++) {
        const uint32_t a = next_random(&seed);
        const uint32_t b = next_random(&seed);
        line_print(lines,
                   "{\"ts\":\"2024-03-18T10:%02u:%02u.%03uZ\",\"id\":%u,"
                   "\"uuid\":\"%08x-0000-4000-8000-%012x\","
                   "\"parent\":\"%08x-0000-4000-8000-%012x\","
                   "\"price\":%u.%02u,\"code\":\"%04u\",\"level\":\"%s\","
                   "\"hash\":\"%08x%08x\",\"ip\":\"10.0.%u.%u\","
                   "\"neg\":-%u,\"user\":{\"id\":%u,\"name\":\"user-%u\"}}",
                   i / 60 % 60, i % 60, a % 1000, 100000 + i * 3, a, a, parent,
                   parent, b % 1000, b % 100, i % 10000,
                   i % 3 ? "info" : "warn", a, b, a % 256, b % 256, b, i % 5,
                   i % 5);
        parent = a;
    }
}

static void
columns__of_every_sort__come_back_smaller(void **state)
{
    struct lines *lines = lines_create();

    (void)state;
    typed_lines_add(lines, 500);
    lines_round_trip(lines);
    /*
     * What is random: 3 bytes that uuid, hash and address share, 3 of price and
     * others, 10 bits of time.  Names, parents and users cost next to nothing.
     */
    assert_true(round_trip(lines->records, lines->count, 19) < 500u * 22);
    lines_destroy(lines);
}

static void
times__of_all_spellings__come_back(void **state)
{
    static const char *const zones[] = { "",      "Z",  "+01:00",
                                         "-0600", "+1", "+01:000" };
    struct lines *lines = lines_create();
    uint32_t seed = 5;

    (void)state;
    for (unsigned z = 0; z < 6; z++) {
        for (unsigned i = 0; i < 40; i++) {
            const unsigned random = next_random(&seed);
            line_print(lines,
                       "{\"t%u\":\"20%02u-%02u-%02u%c%02u:%02u:%02u%s\"}", z,
                       random % 100, random % 12 + 1, random % 28 + 1,
                       z & 1 ? 'T' : ' ', random % 24, random % 60,
                       random / 60 % 60, zones[z]);
            line_print(lines, "{\"f%u\":\"1999-12-31T23:59:%02u.%0*u%s\"}", z,
                       random % 61, (int)(i % 10 + 1), random % 10, zones[z]);
            /* Fractions without the zeros at their end. */
            line_print(lines, "{\"g%u\":\"2001-01-01T00:00:00.%u1%s\"}", z,
                       random % 100000, zones[z]);
        }
    }
    lines_round_trip(lines);
    lines_destroy(lines);
}

static void
integers__at_their_limits__come_back(void **state)
{
    static const char *const ends[] = { "0",
                                        "-1",
                                        "127",
                                        "128",
                                        "-128",
                                        "255",
                                        "65535",
                                        "65536",
                                        "4294967295",
                                        "999999999999999999",
                                        "-999999999999999999",
                                        "100000000000000000" };
    struct lines *lines = lines_create();

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        line_print(lines, "{\"n\":%s,\"m\":%u}", ends[i * 5 % 12], i);
        line_print(lines, "{\"k\":%s}", ends[i % 4]);
    }
    lines_round_trip(lines);
    lines_destroy(lines);
}

/* Near what a column holds, and yet to be kept as they are. */
static void
texts__that_only_look_like_something__come_back(void **state)
{
    static const char *const ends[] = { "AAAA", "AA==", "AB==", "AAA=", "AAB=",
                                        "A===", "AA=A", "A-A_", "....", "" };
    struct lines *lines = lines_create();
    char body[301];

    (void)state;
    memset(body, 'Q', 300);
    body[300] = 0;
    for (unsigned end = 0; end < 10; end++) {
        for (unsigned i = 0; i < 12; i++) {
            line_print(lines, "{\"b%u\":\"%s%s\"}", end, body, ends[end]);
            line_print(lines, "{\"s%u\":\"Q%u%.*s%s\"}", end, 10 + i, 17, body,
                       ends[end]);
            line_print(lines, "{\"z\":-0.%u0,\"y\":-%u,\"x\":0%u}", end ? i : 0,
                       i, i);
            line_print(lines, "{\"h\":\"%08X\",\"g\":\"%08x%s\"}", i * 999999,
                       i * 999999, i == 5 && end == 5 ? "0" : "");
            line_print(
                lines, "{\"t%u\":\"2024-01-%02uT%02u:%02u:%02u.5%uZ\"}", end,
                i == 7 && end == 2 ? 0 : i + 1, i == 7 && end == 3 ? 24 : i,
                i == 7 && end == 4 ? 60 : 59, i == 7 && end == 5 ? 60 : 59,
                i == 7 && end == 6 ? 0 : 1);
            line_print(lines, "{\"j\":\"{\\\"b\\\":\\\"%.*s\\n%.*s\\\"}\"}",
                       (int)(i + 8), body, 20, body);
        }
    }
    lines_round_trip(lines);
    lines_destroy(lines);
}

/* Objects and strings that stood somewhere before, in every place. */
static void
values__that_were_there_before__come_back(void **state)
{
    struct lines *lines = lines_create();

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        line_print(lines,
                   "{\"id\":\"id-%u\",\"a\":{\"user\":{\"name\":\"n%u\","
                   "\"list\":[1,2,%u]}},\"b\":[{\"name\":\"n%u\","
                   "\"list\":[1,2,%u]}],\"before\":\"id-%u\"}",
                   i * 77, i % 7, i % 7, i % 5, i % 5, i ? (i - 1) * 77 : 0);
        line_print(lines,
                   "{\"in\":\"{\\\"name\\\":\\\"n%u\\\",\\\"list\\\":[1,2,"
                   "%u]}\",\"id\":\"id-%u\"}",
                   i % 7, i % 7, i * 77);
    }
    lines_round_trip(lines);
    lines_destroy(lines);
}

/* So many shapes and keys that the lines are better off as text. */
static void
keys__all_different__come_back(void **state)
{
    struct lines *lines = lines_create();

    (void)state;
    for (unsigned i = 0; i < 5000; i++)
        line_print(lines, "{\"k%u\":%u}", i, i);
    lines_round_trip(lines);
    for (unsigned i = 0; i < 10000; i++)
        line_print(lines, "{\"%u\":{\"%u\":[%u]}}", i, i * 7, i);
    lines_settle(lines);
    round_trip(lines->records, lines->count, 3);
    lines_destroy(lines);
}

static void
level__out_of_range__is_invalid(void **state)
{
    const struct slg_columns_options high = { .level = 20 };
    const struct slg_columns_options low = { .level = -1 };
    const struct slg_columns_record record = { 0 };
    uint8_t *block = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(slg_columns_encode(&record, 1, &high, &block, &len),
                     SEGLOG_INVALID);
    assert_int_equal(slg_columns_encode(&record, 1, &low, &block, &len),
                     SEGLOG_INVALID);
    assert_null(block);
}

static void
memory__bounded__still_comes_back(void **state)
{
    const struct slg_columns_options options = { .level = 19,
                                                 .memory_max = 1 << 16 };
    struct lines *lines = lines_create();
    struct slg_columns columns;
    uint8_t *block;
    size_t len;

    (void)state;
    typed_lines_add(lines, 300);
    lines_settle(lines);
    assert_int_equal(slg_columns_encode(lines->records, lines->count, &options,
                                        &block, &len),
                     SEGLOG_OK);
    assert_int_equal(slg_columns_decode(block, len, &no_limits, &columns),
                     SEGLOG_OK);
    records_compare(lines->records, lines->count, &columns);
    slg_columns_reset(&columns);
    free(block);
    lines_destroy(lines);
}

/* -- what is refused ------------------------------------------------------- */

struct sample {
    struct lines *lines;
    uint8_t *block;
    size_t len;
};

static void
sample_make(struct sample *sample, int level)
{
    const struct slg_columns_options options = { .level = level };

    sample->lines = lines_create();
    typed_lines_add(sample->lines, 40);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        line_add(sample->lines, odd[i], strlen(odd[i]));
    lines_settle(sample->lines);
    assert_int_equal(slg_columns_encode(sample->lines->records,
                                        sample->lines->count, &options,
                                        &sample->block, &sample->len),
                     SEGLOG_OK);
}

static void
sample_free(struct sample *sample)
{
    free(sample->block);
    lines_destroy(sample->lines);
}

static seglog_code
decode_copy(const uint8_t *block, size_t len,
            const struct slg_columns_limits *limits)
{
    uint8_t *copy = exact_copy(block, len);
    struct slg_columns columns;
    const seglog_code code = slg_columns_decode(copy, len, limits, &columns);

    free(copy);
    if (code == SEGLOG_OK) {
        assert_true(columns.len <= limits->bytes_max);
        slg_columns_reset(&columns);
    }
    return code;
}

static void
block__cut_anywhere__is_corrupt(void **state)
{
    struct sample sample;

    (void)state;
    sample_make(&sample, 3);
    for (size_t len = 0; len < sample.len; len++)
        assert_int_equal(decode_copy(sample.block, len, &no_limits),
                         SEGLOG_CORRUPT);
    uint8_t *longer = malloc(sample.len + 1);
    assert_non_null(longer);
    memcpy(longer, sample.block, sample.len);
    longer[sample.len] = 0;
    assert_int_equal(decode_copy(longer, sample.len + 1, &no_limits),
                     SEGLOG_CORRUPT);
    free(longer);
    sample_free(&sample);
}

static void
block__with_a_changed_byte__does_no_harm(void **state)
{
    const struct slg_columns_limits limits = { 1 << 20, 1 << 16, 1 << 20 };
    struct sample sample;

    (void)state;
    sample_make(&sample, 3);
    for (size_t at = 0; at < sample.len; at++) {
        const uint8_t before = sample.block[at];
        for (unsigned bit = 0; bit < 8; bit++) {
            sample.block[at] = (uint8_t)(before ^ 1u << bit);
            const seglog_code code =
                decode_copy(sample.block, sample.len, &limits);
            assert_true(code == SEGLOG_OK || code == SEGLOG_CORRUPT ||
                        code == SEGLOG_TOO_LARGE ||
                        (at == 0 && code == SEGLOG_FORMAT));
        }
        sample.block[at] = before;
    }
    sample_free(&sample);
}

static void
block__of_another_version__is_format(void **state)
{
    struct sample sample;

    (void)state;
    sample_make(&sample, 3);
    sample.block[0]++;
    assert_int_equal(decode_copy(sample.block, sample.len, &no_limits),
                     SEGLOG_FORMAT);
    sample_free(&sample);
}

static void
limits__met_exactly_or_by_one_less__are_kept(void **state)
{
    struct sample sample;
    struct slg_columns_limits limits = { 0 };

    (void)state;
    sample_make(&sample, 7);
    const struct lines *lines = sample.lines;
    limits.records_max = lines->count;
    limits.bytes_max = lines->text.len;
    for (size_t i = 0; i < lines->count; i++) {
        if (lines->records[i].len > limits.record_max)
            limits.record_max = lines->records[i].len;
    }
    assert_int_equal(decode_copy(sample.block, sample.len, &limits), SEGLOG_OK);
    limits.records_max--;
    assert_int_equal(decode_copy(sample.block, sample.len, &limits),
                     SEGLOG_TOO_LARGE);
    limits.records_max++;
    limits.bytes_max--;
    assert_int_equal(decode_copy(sample.block, sample.len, &limits),
                     SEGLOG_TOO_LARGE);
    limits.bytes_max++;
    limits.record_max--;
    assert_int_equal(decode_copy(sample.block, sample.len, &limits),
                     SEGLOG_TOO_LARGE);
    sample_free(&sample);
}

/* A head that promises more text or records than any limit allows. */
static void
head__that_promises_too_much__is_too_large(void **state)
{
    const uint8_t huge[] = { 1, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0 };
    const uint8_t many[] = { 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1, 0 };

    (void)state;
    assert_int_equal(decode_copy(huge, sizeof huge, &no_limits),
                     SEGLOG_TOO_LARGE);
    assert_int_equal(decode_copy(many, sizeof many, &no_limits),
                     SEGLOG_TOO_LARGE);
}

/* -- the corpus ------------------------------------------------------------ */

static void
file_round_trip(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct slg_buf text = { 0 };
    size_t got = 0;

    if (!file)
        return;
    do {
        assert_true(slg_buf_grow(&text, 1 << 16));
        got = fread(text.data + text.len, 1, 1 << 16, file);
        text.len += got;
    } while (got > 0);
    fclose(file);
    struct slg_columns_record *records =
        malloc((text.len + 1) * sizeof *records);
    assert_non_null(records);
    size_t count = 0;
    for (size_t at = 0; at < text.len;) {
        const uint8_t *feed = memchr(text.data + at, '\n', text.len - at);
        const size_t end = feed ? (size_t)(feed - text.data) : text.len;
        records[count++] =
            (struct slg_columns_record){ text.data + at, end - at, !feed };
        at = end + 1;
    }
    round_trip(records, count, 3);
    round_trip(records, count, text.len < 1 << 20 ? 19 : 9);
    free(records);
    slg_buf_free(&text);
}

static void
folder_round_trip(const char *folder)
{
    struct dirent **names;
    const int count = scandir(folder, &names, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] == '.')
            ;
        else if (names[i]->d_type == DT_DIR)
            folder_round_trip(path);
        else
            file_round_trip(path);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

static void
corpus__every_file__comes_back(void **state)
{
    const char *corpus = getenv("SEGLOG_CORPUS");

    (void)state;
    if (!corpus || !*corpus)
        skip();
    folder_round_trip(corpus);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_lines__alone_and_together__come_back),
        cmocka_unit_test(odd_lines__many_times__come_back),
        cmocka_unit_test(nothing__encoded__is_a_block_of_nothing),
        cmocka_unit_test(nesting__deeper_than_is_followed__comes_back),
        cmocka_unit_test(columns__of_every_sort__come_back_smaller),
        cmocka_unit_test(times__of_all_spellings__come_back),
        cmocka_unit_test(integers__at_their_limits__come_back),
        cmocka_unit_test(texts__that_only_look_like_something__come_back),
        cmocka_unit_test(values__that_were_there_before__come_back),
        cmocka_unit_test(keys__all_different__come_back),
        cmocka_unit_test(level__out_of_range__is_invalid),
        cmocka_unit_test(memory__bounded__still_comes_back),
        cmocka_unit_test(block__cut_anywhere__is_corrupt),
        cmocka_unit_test(block__with_a_changed_byte__does_no_harm),
        cmocka_unit_test(block__of_another_version__is_format),
        cmocka_unit_test(limits__met_exactly_or_by_one_less__are_kept),
        cmocka_unit_test(head__that_promises_too_much__is_too_large),
        cmocka_unit_test(corpus__every_file__comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
