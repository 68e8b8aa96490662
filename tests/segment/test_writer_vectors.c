/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_vectors.c
 *
 * Goal    a writer makes the bytes of format/vectors, which come from another
 *         program.
 * Method  the calls that lead to a vector are made and the bytes compared.
 */
#include "tests/segment/writer_support.h"

#include <stdio.h>

/* Append the bytes of a word, "HH" or "HH*COUNT". */
static uint8_t *
word_append(uint8_t *bytes, size_t *len, const char *word)
{
    char *end = NULL;
    const unsigned long byte = strtoul(word, &end, 16);
    const size_t count = *end == '*' ? strtoul(end + 1, NULL, 10) : 1;
    uint8_t *grown = realloc(bytes, *len + count);

    assert_non_null(grown);
    memset(grown + *len, (int)byte, count);
    *len += count;
    return grown;
}

/* The bytes of good/NAME.hex; the caller frees them. */
static uint8_t *
vector_read(const char *name, size_t *len)
{
    char path[1024];
    char line[1024];
    uint8_t *bytes = NULL;
    FILE *file = NULL;

    (void)snprintf(path, sizeof path, "%s/format/vectors/good/%s.hex",
                   SEGLOG_SOURCE_DIR, name);
    file = fopen(path, "r");
    assert_non_null(file);
    *len = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "#\n")] = '\0';
        for (char *word = line; *(word += strspn(word, " ")) != '\0';
             word += strcspn(word, " "))
            bytes = word_append(bytes, len, word);
    }
    (void)fclose(file);
    assert_non_null(bytes);
    return bytes;
}

static void
expect_vector(struct seglog_store store, const char *name)
{
    size_t want_len = 0;
    size_t len = 0;
    uint8_t *want = vector_read(name, &want_len);
    uint8_t *bytes = blob_read(store, "log", &len);

    assert_int_equal(len, want_len);
    assert_memory_equal(bytes, want, len);
    free(want);
    free(bytes);
}

/* The n-th line of most vectors. */
static void
append_line(struct seglog_writer *writer, unsigned n)
{
    char text[64];

    (void)snprintf(text, sizeof text, "{\"n\":%u,\"say\":\"%.*s\"}", n,
                   (int)(n % 7), "abcdefghij");
    append_ok(writer, text, n);
}

static void
append_fill(struct seglog_writer *writer, enum seglog_kind kind, char byte,
            size_t len)
{
    char *data = malloc(len);

    assert_non_null(data);
    memset(data, byte, len);
    assert_ok(seglog_writer_append(writer, kind, data, len, SEGLOG_LEVEL_APPEND,
                                   NULL, NULL));
    free(data);
}

static void
append_kind(struct seglog_writer *writer, enum seglog_kind kind,
            const char *data, size_t len)
{
    assert_ok(seglog_writer_append(writer, kind, data, len, SEGLOG_LEVEL_APPEND,
                                   NULL, NULL));
}

/* Vectors that consist of count lines. */
static void
plain_lines__any_number__equal_their_vectors(void **state)
{
    static const struct {
        const char *name;
        unsigned count;
        uint8_t sync_log2;
        bool is_closed;
    } cases[] = { { "empty", 0, 0, false },
                  { "one-text", 1, 0, true },
                  { "sync-points", 40, 9, true } };
    const struct seglog_store store = store_of(state);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seglog_writer_options options = writer_options_fixed();
        struct seglog_writer *writer = NULL;

        options.create = SEGLOG_CREATE_NEW;
        options.sync_log2 = cases[i].sync_log2;
        options.no_closing_mark = !cases[i].is_closed;
        writer = writer_open_ok(store, "log", &options);
        for (unsigned n = 1; n <= cases[i].count; n++)
            append_line(writer, n);
        assert_ok(seglog_writer_close(writer, NULL));
        expect_vector(store, cases[i].name);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

static void
kinds__and_parts__equal_their_vectors(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;

    options.body_log2 = 9;
    writer = writer_open_ok(store, "log", &options);
    append_kind(writer, SEGLOG_TEXT, "{\"kind\":\"text\"}", 15);
    append_kind(writer, SEGLOG_TEXT, NULL, 0);
    append_kind(writer, SEGLOG_BYTES, "line one\nline two\0\xFF", 19);
    append_fill(writer, SEGLOG_PART, 'p', 512);
    append_kind(writer, SEGLOG_TEXT, "and the rest", 12);
    append_kind(writer, SEGLOG_TEXT, "{\"seglog\":\"looks typed\"}", 24);
    append_kind(writer, SEGLOG_TAIL, "no line feed behind this", 24);
    append_kind(writer, SEGLOG_TEXT, "until something follows", 23);
    append_kind(writer, SEGLOG_TAIL, "the end", 7);
    assert_ok(seglog_writer_close(writer, NULL));
    expect_vector(store, "kinds");
    assert_ok(seglog_store_remove(store, "log", NULL));

    writer = writer_open_ok(store, "log", &options);
    append_fill(writer, SEGLOG_PART, 'q', 512);
    append_fill(writer, SEGLOG_PART, 'r', 512);
    append_kind(writer, SEGLOG_TEXT, "s", 1);
    append_kind(writer, SEGLOG_PART, "odd", 3);
    append_kind(writer, SEGLOG_TEXT, "size", 4);
    assert_ok(seglog_writer_close(writer, NULL));
    expect_vector(store, "parts");
}

static void
group__of_four__equals_its_vector(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    const struct seglog_item items[] = {
        { SEGLOG_TEXT, "{\"n\":2,\"say\":\"ab\"}", 18 },
        { SEGLOG_BYTES, "\0\1", 2 },
        { SEGLOG_TEXT, NULL, 0 },
        { SEGLOG_TEXT, "{\"n\":5,\"say\":\"abcde\"}", 21 },
    };

    append_line(writer, 1);
    assert_ok(seglog_writer_append_group(writer, items, COUNT_OF(items),
                                         SEGLOG_LEVEL_FLUSH, NULL, NULL));
    append_line(writer, 6);
    assert_ok(seglog_writer_close(writer, NULL));
    expect_vector(store, "group");
}

static void
recorded_gaps__equal_their_vector(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = 2,
        .last_record = 3,
        .lines = 2,
        .first_byte = 81,
        .byte_count = 47,
        .has_shift = true,
        .shift = -3,
    };

    append_line(writer, 1);
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    append_line(writer, 4);
    gap = (struct seglog_finding){
        .verdict = SEGLOG_VERDICT_UNORDERED,
        .cause = SEGLOG_CAUSE_ZEROS,
        .durable = SEGLOG_DURABLE_NO,
        .first_record = 5,
        .last_record = 5,
        .lines = 1,
        .first_byte = 512,
        .byte_count = 1024,
    };
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    expect_vector(store, "recorded-gap");
}

static void
long_bodies__equal_their_vectors(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    uint8_t *want = NULL;
    uint8_t *bytes = NULL;
    size_t want_len = 0;
    size_t len = 0;

    append_fill(writer, SEGLOG_TEXT, 'd', 11441);
    append_fill(writer, SEGLOG_TEXT, 'n', 11440);
    assert_ok(seglog_writer_close(writer, NULL));
    expect_vector(store, "long-body");
    assert_ok(seglog_store_remove(store, "log", NULL));

    /* Up to the long body: behind it a writer puts another sync point. */
    options.no_closing_mark = true;
    writer = writer_open_ok(store, "log", &options);
    append_fill(writer, SEGLOG_TEXT, 'w', 70000);
    assert_ok(seglog_writer_close(writer, NULL));
    want = vector_read("wide-body", &want_len);
    bytes = blob_read(store, "log", &len);
    assert_int_equal(len, 54 + 82 + 70000 + 16);
    assert_true(len < want_len);
    assert_memory_equal(bytes, want, len);
    free(want);
    free(bytes);
}

static void
reopened__after_a_clean_close__equals_its_vector(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);

    append_line(writer, 1);
    append_line(writer, 2);
    assert_ok(seglog_writer_close(writer, NULL));
    writer = writer_open_ok(store, "log", NULL);
    append_line(writer, 3);
    assert_ok(seglog_writer_close(writer, NULL));
    expect_vector(store, "reopened");
}

/* The epoch of the vector is read from it: it follows from nothing. */
static void
reopened__behind_torn_bytes__equals_its_vector(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct seglog_blob blob = { 0 };
    size_t len = 0;
    uint8_t *want = vector_read("new-epoch", &len);
    struct seglog_writer_state before;

    options.no_closing_mark = true;
    writer = writer_open_ok(store, "log", &options);
    for (unsigned n = 1; n <= 3; n++)
        append_line(writer, n);
    seglog_writer_get_state(writer, &before);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_blob_open(store, "log", SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(
        seglog_blob_append(blob, SEGLOG_END_ANY, "\x20\x30", 2, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));

    assert_true(before.end + 34 <= len);
    options.epoch_random = 0;
    for (unsigned i = 4; i-- > 0;)
        options.epoch_random =
            options.epoch_random << 8 | want[before.end + 26 + i];
    options.no_closing_mark = false;
    writer = writer_open_ok(store, "log", &options);
    append_line(writer, 4);
    assert_ok(seglog_writer_close(writer, NULL));
    expect_vector(store, "new-epoch");
    free(want);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(plain_lines__any_number__equal_their_vectors),
        on_memory(kinds__and_parts__equal_their_vectors),
        on_memory(group__of_four__equals_its_vector),
        on_memory(recorded_gaps__equal_their_vector),
        on_memory(long_bodies__equal_their_vectors),
        on_memory(reopened__after_a_clean_close__equals_its_vector),
        on_memory(reopened__behind_torn_bytes__equals_its_vector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
