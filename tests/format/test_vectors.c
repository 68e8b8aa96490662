/* SPDX-License-Identifier: MIT */
/* For scandir and strtok_r. */
#define _GNU_SOURCE
/*
 * The golden vectors of format/vectors: what is said of each of them, and what
 * is read from it.  How a vector is written down is in README.md there; this
 * is a reader of that notation of its own.
 */
#include "tests/support/blobs.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

#include "seglog/dictionary.h"
#include "seglog/segment.h"
#include "src/codec/zrun.h"
#include "seglog/store.h"

#ifndef SEGLOG_SOURCE_DIR
#define SEGLOG_SOURCE_DIR "."
#endif

/* Bytes that grow at their end. */
struct bytes {
    char *data;
    size_t len;
    size_t cap;
};

static void
bytes_add(struct bytes *bytes, const void *data, size_t len)
{
    /* One more, so that what is text can be ended by a NUL. */
    if (bytes->len + len + 1 > bytes->cap) {
        bytes->cap = 2 * (bytes->len + len + 1);
        bytes->data = realloc(bytes->data, bytes->cap);
        assert_non_null(bytes->data);
    }
    if (len > 0)
        memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
    bytes->data[bytes->len] = '\0';
}

static void __attribute__((format(printf, 2, 3)))
bytes_print(struct bytes *bytes, const char *format, ...)
{
    char text[512];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_in_range(len, 0, sizeof text - 1);
    bytes_add(bytes, text, (size_t)len);
}

static void
bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){ 0 };
}

/* ---------------------------------------------------------------------------
 * Files of a vector
 */

static char *
vectors_path(const char *folder)
{
    const char *root = getenv("SEGLOG_SOURCE_DIR");
    char *vectors;
    char *path;

    vectors =
        test_path(root && root[0] ? root : SEGLOG_SOURCE_DIR, "format/vectors");
    path = test_path(vectors, folder);
    free(vectors);
    return path;
}

/* The whole of dir/NAMEsuffix; nothing where there is no such file. */
static struct bytes
vector_read(const char *dir, const char *name, const char *suffix,
            bool is_needed)
{
    struct bytes bytes = { 0 };
    struct bytes path = { 0 };
    size_t len;
    void *data;
    FILE *file;

    bytes_print(&path, "%s/%s%s", dir, name, suffix);
    file = fopen(path.data, "rb");
    if (file)
        assert_int_equal(fclose(file), 0);
    if (file || is_needed) {
        data = test_file_read(path.data, &len);
        bytes_add(&bytes, data, len);
        free(data);
    }
    bytes_free(&path);
    return bytes;
}

static unsigned
hex_digit(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *found = c ? strchr(digits, c) : NULL;

    assert_non_null(found);
    return (unsigned)(found - digits);
}

/* "HH" or "HH*COUNT". */
static void
hex_word(struct bytes *out, const char *word)
{
    const uint8_t byte =
        (uint8_t)(hex_digit(word[0]) << 4 | hex_digit(word[1]));
    unsigned long count = 1;
    char *end = NULL;

    if (word[2] == '*') {
        count = strtoul(word + 3, &end, 10);
        assert_in_range(count, 1, 1 << 20);
        assert_int_equal(*end, '\0');
    } else {
        assert_int_equal(word[2], '\0');
    }
    while (count-- > 0)
        bytes_add(out, &byte, 1);
}

/* Cuts text into words; the comment at the end of each line is dropped. */
static struct bytes
hex_parse(char *text)
{
    struct bytes out = { 0 };
    char *lines = NULL;
    char *words = NULL;
    char *comment;
    char *line;
    char *word;

    bytes_add(&out, "", 0);
    for (line = strtok_r(text, "\n", &lines); line;
         line = strtok_r(NULL, "\n", &lines)) {
        comment = strchr(line, '#');
        if (comment)
            *comment = '\0';
        for (word = strtok_r(line, " \t\r", &words); word;
             word = strtok_r(NULL, " \t\r", &words))
            hex_word(&out, word);
    }
    return out;
}

/* ---------------------------------------------------------------------------
 * What is said of a segment, as SPEC.md 10.5 and `seglog check --json` say it
 */

struct report {
    struct bytes text;
    const char *name; /* of the vector */
};

static void
print_number(struct bytes *out, const char *name, uint64_t value)
{
    if (value)
        bytes_print(out, ",\"%s\":%" PRIu64, name, value);
    else
        bytes_print(out, ",\"%s\":null", name);
}

static void
report_finding(void *arg, const struct seglog_finding *finding)
{
    struct report *report = arg;
    struct bytes *out = &report->text;

    bytes_print(out, "{\"verdict\":\"%s\",\"cause\":\"%s\"",
                seglog_verdict_name(finding->verdict),
                seglog_cause_name(finding->cause));
    bytes_print(out, ",\"blob\":\"%s.seg\"", report->name);
    print_number(out, "first_record", finding->first_record);
    print_number(out, "last_record", finding->last_record);
    print_number(out, "line", finding->line);
    bytes_print(out, ",\"first_byte\":%" PRIu64, finding->first_byte);
    bytes_print(out, ",\"last_byte\":%" PRId64,
                (int64_t)(finding->first_byte + finding->byte_count) - 1);
    if (finding->has_shift)
        bytes_print(out, ",\"shift\":%" PRId64, finding->shift);
    else
        bytes_print(out, ",\"shift\":null");
    bytes_print(out, ",\"durable\":\"%s\"",
                seglog_durable_name(finding->durable));
    print_number(out, "depends_on", finding->depends_on);
    bytes_print(out, "}\n");
}

static void
report_summary(struct bytes *out, const struct seglog_scan_summary *summary)
{
    bytes_print(out, "{\"summary\":{\"verdict\":\"%s\",\"records\":%" PRIu64,
                seglog_verdict_name(summary->verdict), summary->records);
    bytes_print(out, ",\"lost\":%" PRIu64 ",\"bytes\":%" PRIu64, summary->lost,
                summary->bytes);
    bytes_print(out, ",\"findings\":%" PRIu64 ",\"closed\":%s",
                summary->findings, summary->is_closed ? "true" : "false");
    bytes_print(out,
                ",\"first_record\":%" PRIu64 ",\"next_record\":%" PRIu64 "}}\n",
                summary->first_record, summary->next_record);
}

static struct bytes
report_of(struct seglog_store store, const char *name, uint64_t expect)
{
    struct seglog_scan_summary summary;
    struct report report = { { 0 }, name };
    const struct seglog_scan_options options = {
        .size = sizeof options,
        .expect = expect,
        .on_finding = report_finding,
        .arg = &report,
    };
    const seglog_code code = seglog_scan(store, name, &options, &summary, NULL);

    if (code == SEGLOG_OK)
        report_summary(&report.text, &summary);
    else
        bytes_print(&report.text, "%s\n", seglog_code_name(code));
    return report.text;
}

/* ---------------------------------------------------------------------------
 * What is read from a segment, as lines (SPEC.md 11)
 */

/* last: kind and number of the record before; both 0 at first. */
static void
export_record(struct bytes *out, const struct seglog_record *record,
              struct seglog_record *last)
{
    const bool is_rest_lost =
        last->kind == SEGLOG_PART && record->record_no != last->record_no + 1;

    if (last->kind == SEGLOG_TAIL || is_rest_lost)
        bytes_add(out, "\n", 1);
    bytes_add(out, record->data, record->len);
    if (record->kind == SEGLOG_TEXT || record->kind == SEGLOG_BYTES)
        bytes_add(out, "\n", 1);
    last->kind = record->kind;
    last->record_no = record->record_no;
}

static struct bytes
lines_of(struct seglog_store store, const char *name)
{
    const struct seglog_reader_options options = {
        .size = sizeof options,
        .salvage = true,
    };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_record last = { 0 };
    struct bytes out = { 0 };
    seglog_code code;

    bytes_add(&out, "", 0);
    code = seglog_reader_open(store, name, &options, &reader, NULL);
    if (code == SEGLOG_FORMAT) {
        bytes_print(&out, "FORMAT\n");
        return out;
    }
    assert_ok(code);
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_RECORD)
            export_record(&out, &event.record, &last);
    }
    assert_code(code, SEGLOG_END);
    seglog_reader_close(reader);
    return out;
}

/* ---------------------------------------------------------------------------
 * Each vector of a folder
 */

static struct seglog_store
store_with(const char *name, const struct bytes *bytes)
{
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, name, bytes->data, bytes->len);
    return store;
}

static bool
is_same(const char *name, const char *what, const struct bytes *got,
        const struct bytes *want)
{
    if (got->len == want->len &&
        (got->len == 0 || memcmp(got->data, want->data, got->len) == 0))
        return true;
    fprintf(stderr, "%s: %s differ\nwant:\n%.*s\ngot:\n%.*s\n", name, what,
            (int)want->len, want->len ? want->data : "", (int)got->len,
            got->len ? got->data : "");
    return false;
}

static struct bytes
attributes_of(struct seglog_store store, const char *name)
{
    uint8_t data[SEGLOG_ATTRIBUTES_MAX];
    size_t len = 0;
    struct bytes out = { 0 };
    const seglog_code code = seglog_segment_get_attributes(
        store, name, data, sizeof data, &len, NULL, NULL);

    assert_true(code == SEGLOG_OK || code == SEGLOG_FORMAT);
    bytes_add(&out, (const char *)data, len);
    return out;
}

/* Under the name that follows from its bytes. */
static void
dictionary_put(struct seglog_store store, const struct bytes *dictionary)
{
    char name[SEGLOG_DICTIONARY_NAME_BYTES];

    if (dictionary->len > 0)
        assert_int_equal(seglog_dictionary_put(store, dictionary->data,
                                               dictionary->len, name, NULL),
                         SEGLOG_OK);
}

/* lines: what is to be read, or NULL to take it from NAME.jsonl. */
static bool
vector_holds(const char *dir, const char *name, const struct bytes *lines)
{
    struct bytes text = vector_read(dir, name, ".hex", true);
    struct bytes segment = hex_parse(text.data);
    struct bytes expect = vector_read(dir, name, ".expect", false);
    struct bytes findings = vector_read(dir, name, ".findings", true);
    struct bytes jsonl = vector_read(dir, name, ".jsonl", !lines);
    struct bytes said = vector_read(dir, name, ".attributes", false);
    struct bytes dictionary = vector_read(dir, name, ".dictionary", false);
    struct seglog_store store = store_with(name, &segment);
    const uint64_t expected = expect.len ? strtoull(expect.data, NULL, 10) : 0;
    dictionary_put(store, &dictionary);
    struct bytes report = report_of(store, name, expected);
    struct bytes exported = lines_of(store, name);
    struct bytes attributes = attributes_of(store, name);
    bool holds = is_same(name, "findings", &report, &findings);

    holds &= is_same(name, "lines", &exported, lines ? lines : &jsonl);
    holds &= is_same(name, "attributes", &attributes, &said);
    seglog_store_close(&store);
    bytes_free(&attributes);
    bytes_free(&dictionary);
    bytes_free(&said);
    bytes_free(&exported);
    bytes_free(&report);
    bytes_free(&jsonl);
    bytes_free(&findings);
    bytes_free(&expect);
    bytes_free(&segment);
    bytes_free(&text);
    return holds;
}

static int
is_hex(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name);

    return len > 4 && strcmp(entry->d_name + len - 4, ".hex") == 0 &&
           (slg_zrun_is_there() || !strstr(entry->d_name, "zstd"));
}

/* All of them are tried, so that one run shows all that is wrong. */
static void
folder_holds(const char *folder, int least, const struct bytes *lines)
{
    char *dir = vectors_path(folder);
    struct dirent **entries = NULL;
    const int count = scandir(dir, &entries, is_hex, alphasort);
    int wrong = 0;
    int i;

    assert_true(count >= least);
    for (i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - 4] = '\0';
        wrong += !vector_holds(dir, entries[i]->d_name, lines);
        free(entries[i]);
    }
    free(entries);
    free(dir);
    assert_int_equal(wrong, 0);
}

static void
vectors__good__nothing_is_found_and_all_is_read(void **state)
{
    (void)state;
    folder_holds("good", 21, NULL);
}

static void
vectors__bad__findings_and_lines_are_those_stated(void **state)
{
    (void)state;
    folder_holds("bad", 56, NULL);
}

static void
vectors__unsupported__are_format(void **state)
{
    struct bytes format = { 0 };

    (void)state;
    bytes_print(&format, "FORMAT\n");
    folder_holds("unsupported", 11, &format);
    bytes_free(&format);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors__good__nothing_is_found_and_all_is_read),
        cmocka_unit_test(vectors__bad__findings_and_lines_are_those_stated),
        cmocka_unit_test(vectors__unsupported__are_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
