/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_window.c
 *
 * Goal    what a store cannot read, and what it does not believe, is noted
 *         where it is, reads as zeros, and costs nothing beside it.
 * Method  a blob of 4096-byte pages, of which a test says what reading each of
 *         them comes to.
 */
#include "tests/support/seglog_test.h"

#include <errno.h>

#include "src/segment/segment_window.h"

#define PAGE ((uint64_t)4096)

enum page {
    PAGE_GOOD,
    PAGE_UNREADABLE,
    PAGE_FORGED,
    PAGE_NO_MEMORY,
    PAGE_VAGUE, /* AUTH, and no word about where */
    PAGE_SILENT /* AUTH, and no word at all */
};

/* What the pages are, again and again. */
struct pages {
    const enum page *kinds;
    size_t kind_count;
    uint64_t size;
    uint64_t size_told; /* 0: size */
    int sys_errno;
    bool is_last_told; /* of the forged pages that are read */
    seglog_code size_code;
    unsigned reads;
};

static enum page
page_at(const struct pages *pages, uint64_t offset)
{
    return pages->kinds[offset / PAGE % pages->kind_count];
}

static uint8_t
byte_at(uint64_t offset)
{
    return (uint8_t)(1 + offset * 7 % 251);
}

static seglog_code
pages_fail(seglog_code code, int sys_errno, uint64_t from, uint64_t until,
           struct seglog_error *err)
{
    if (err)
        *err = (struct seglog_error){ .code = code,
                                      .sys_errno = sys_errno,
                                      .offset = from,
                                      .actual = until };
    return code;
}

static seglog_code
pages_read(void *self, uint64_t offset, void *buf, size_t len,
           struct seglog_error *err)
{
    struct pages *pages = self;
    uint8_t *out = buf;

    pages->reads++;
    if (offset + len > pages->size)
        return pages_fail(SEGLOG_INVALID, 0, 0, pages->size, err);
    for (uint64_t at = offset; at < offset + len; at++) {
        uint64_t page = at - at % PAGE;

        switch (page_at(pages, at)) {
        case PAGE_GOOD:
            out[at - offset] = byte_at(at);
            break;
        case PAGE_UNREADABLE:
            return pages_fail(SEGLOG_IO, pages->sys_errno, 0, 0, err);
        case PAGE_FORGED:
            for (uint64_t later = page;
                 pages->is_last_told && later < offset + len; later += PAGE) {
                if (page_at(pages, later) == PAGE_FORGED)
                    page = later;
            }
            return pages_fail(SEGLOG_AUTH, 0, page, page + PAGE, err);
        case PAGE_NO_MEMORY:
            return pages_fail(SEGLOG_NO_MEMORY, 0, 0, 0, err);
        case PAGE_VAGUE:
            return pages_fail(SEGLOG_AUTH, 0, 0, 0, err);
        case PAGE_SILENT:
            return SEGLOG_AUTH;
        }
    }
    return SEGLOG_OK;
}

static seglog_code
pages_size(void *self, uint64_t *size, bool *is_replaced,
           struct seglog_error *err)
{
    const struct pages *pages = self;

    if (is_replaced)
        *is_replaced = false;
    *size = pages->size_told > 0 ? pages->size_told : pages->size;
    return pages->size_code == SEGLOG_OK
               ? SEGLOG_OK
               : pages_fail(pages->size_code, 0, 0, 0, err);
}

static const struct seglog_blob_ops pages_ops = {
    .size = sizeof pages_ops,
    .read_at = pages_read,
    .get_size = pages_size,
};

static void
window_open(struct slg_window *window, struct pages *pages, bool is_tolerant)
{
    const struct seglog_blob blob = { &pages_ops, pages };

    assert_ok(slg_window_init(window, blob, "pages", is_tolerant, NULL));
}

/* Read all as one; good pages are right and the others zeros. */
static void
assert_read(struct slg_window *window, const struct pages *pages)
{
    uint8_t *bytes = malloc((size_t)pages->size);
    struct seglog_error err = { 0 };

    assert_non_null(bytes);
    assert_code_err(
        slg_window_read(window, 0, bytes, (size_t)pages->size, &err), SEGLOG_OK,
        &err);
    for (uint64_t at = 0; at < pages->size; at++)
        assert_int_equal(bytes[at],
                         page_at(pages, at) == PAGE_GOOD ? byte_at(at) : 0);
    free(bytes);
}

static void
read__of_pages_of_every_kind__notes_each_where_it_is(void **state)
{
    static const enum page kinds[] = { PAGE_GOOD,       PAGE_UNREADABLE,
                                       PAGE_UNREADABLE, PAGE_FORGED,
                                       PAGE_FORGED,     PAGE_GOOD,
                                       PAGE_FORGED,     PAGE_UNREADABLE };
    struct pages pages = { .kinds = kinds,
                           .kind_count = COUNT_OF(kinds),
                           .size = 20 * COUNT_OF(kinds) * PAGE,
                           .sys_errno = ENXIO };
    struct slg_window window;

    (void)state;
    window_open(&window, &pages, true);
    assert_read(&window, &pages);
    assert_int_equal(window.bad_errno, ENXIO);
    for (uint64_t at = 0; at < pages.size; at += PAGE) {
        const enum page kind = page_at(&pages, at);

        assert_int_equal(slg_window_is_bad_as(&window, at, at + PAGE, false),
                         kind == PAGE_UNREADABLE);
        assert_int_equal(slg_window_is_bad_as(&window, at, at + PAGE, true),
                         kind == PAGE_FORGED);
        assert_int_equal(slg_window_is_bad(&window, at, at + PAGE),
                         kind != PAGE_GOOD);
    }
    /* Touching ones of a kind are one: of eight pages four. */
    assert_int_equal(window.bad_count, 20 * 4);
    assert_int_equal(window.bad[0].start, PAGE);
    assert_int_equal(window.bad[0].end, 3 * PAGE);
    /* Nothing is noted twice. */
    assert_read(&window, &pages);
    assert_int_equal(window.bad_count, 20 * 4);
    slg_window_reset(&window);
}

static void
read__without_an_errno__keeps_the_one_before(void **state)
{
    static const enum page kinds[] = { PAGE_UNREADABLE, PAGE_GOOD };
    struct pages pages = { .kinds = kinds,
                           .kind_count = COUNT_OF(kinds),
                           .size = 2 * PAGE,
                           .sys_errno = EIO };
    struct slg_window window;

    (void)state;
    window_open(&window, &pages, true);
    assert_read(&window, &pages);
    pages.sys_errno = 0;
    assert_read(&window, &pages);
    assert_int_equal(window.bad_errno, EIO);
    slg_window_reset(&window);
}

static void
read__of_too_many_ranges__gives_up_and_says_what_they_are(void **state)
{
    static const struct {
        enum page kinds[2];
        seglog_code code;
    } cases[] = {
        { { PAGE_UNREADABLE, PAGE_GOOD }, SEGLOG_IO },
        { { PAGE_FORGED, PAGE_GOOD }, SEGLOG_AUTH },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pages pages = { .kinds = cases[i].kinds, .kind_count = 2 };
        struct slg_window window;
        struct seglog_error err = { 0 };
        uint8_t bytes[2 * PAGE];

        pages.size = 2 * 4097 * PAGE;
        window_open(&window, &pages, true);
        for (uint64_t n = 0; n < 4096; n++)
            assert_code_err(slg_window_read(&window, n * sizeof bytes, bytes,
                                            sizeof bytes, &err),
                            SEGLOG_OK, &err);
        assert_int_equal(window.bad_count, 4096);
        assert_code_err(slg_window_read(&window, 4096 * sizeof bytes, bytes,
                                        sizeof bytes, &err),
                        cases[i].code, &err);
        slg_window_reset(&window);
    }
}

/* No range in the error, or memory that runs out: there is no way around. */
static void
read__of_what_says_nothing_of_the_bytes__fails(void **state)
{
    static const struct {
        enum page kinds[3];
        seglog_code code;
    } cases[] = {
        { { PAGE_GOOD, PAGE_VAGUE, PAGE_GOOD }, SEGLOG_AUTH },
        { { PAGE_FORGED, PAGE_VAGUE, PAGE_GOOD }, SEGLOG_AUTH },
        { { PAGE_GOOD, PAGE_SILENT, PAGE_GOOD }, SEGLOG_AUTH },
        { { PAGE_GOOD, PAGE_NO_MEMORY, PAGE_GOOD }, SEGLOG_NO_MEMORY },
        { { PAGE_UNREADABLE, PAGE_NO_MEMORY, PAGE_GOOD }, SEGLOG_NO_MEMORY },
        { { PAGE_FORGED, PAGE_NO_MEMORY, PAGE_GOOD }, SEGLOG_NO_MEMORY },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pages pages = { .kinds = cases[i].kinds,
                               .kind_count = 3,
                               .size = 3 * PAGE };
        struct slg_window window;
        struct seglog_error err = { 0 };
        uint8_t bytes[3 * PAGE];

        window_open(&window, &pages, true);
        assert_code(slg_window_read(&window, 0, bytes, sizeof bytes, &err),
                    cases[i].code);
        if (cases[i].kinds[1] != PAGE_SILENT)
            assert_code(err.code, cases[i].code);
        assert_code(slg_window_read(&window, 0, bytes, sizeof bytes, NULL),
                    cases[i].code);
        slg_window_reset(&window);
    }
}

/* A store has to tell of the first range: nothing is taken for good if not. */
static void
read__with_a_later_range_told_first__fails(void **state)
{
    static const enum page kinds[] = { PAGE_FORGED, PAGE_GOOD, PAGE_FORGED };
    struct pages pages = { .kinds = kinds,
                           .kind_count = COUNT_OF(kinds),
                           .size = 4 * PAGE,
                           .is_last_told = true };
    struct slg_window window;
    uint8_t bytes[4 * PAGE];

    (void)state;
    window_open(&window, &pages, true);
    assert_code(slg_window_read(&window, 0, bytes, 3 * PAGE, NULL),
                SEGLOG_AUTH);
    assert_code(slg_window_read(&window, 0, bytes, 4 * PAGE, NULL),
                SEGLOG_AUTH);
    assert_code(slg_window_read(&window, 0, bytes, 2 * PAGE, NULL), SEGLOG_OK);
    slg_window_reset(&window);
}

/* Only whoever may note what is unreadable goes on behind it. */
static void
read__unreadable_without_tolerance__is_io(void **state)
{
    static const enum page kinds[] = { PAGE_FORGED, PAGE_GOOD,
                                       PAGE_UNREADABLE };
    struct pages pages = { .kinds = kinds,
                           .kind_count = COUNT_OF(kinds),
                           .size = 3 * PAGE };
    struct slg_window window;
    uint8_t bytes[3 * PAGE];

    (void)state;
    window_open(&window, &pages, false);
    assert_code(slg_window_read(&window, 0, bytes, sizeof bytes, NULL),
                SEGLOG_IO);
    assert_code(slg_window_read(&window, 0, bytes, 2 * PAGE, NULL), SEGLOG_OK);
    assert_int_equal(bytes[2 * PAGE - 1], byte_at(2 * PAGE - 1));
    slg_window_reset(&window);
}

/* The end was cut since the size was asked for. */
static void
read__behind_a_new_end__is_zeros(void **state)
{
    static const enum page kinds[] = { PAGE_GOOD };
    struct pages pages = {
        .kinds = kinds, .kind_count = 1, .size = PAGE, .size_told = 4 * PAGE
    };
    struct slg_window window;
    uint8_t bytes[2 * PAGE];

    (void)state;
    window_open(&window, &pages, false);
    assert_int_equal(window.size, 4 * PAGE);
    pages.size_told = 0;
    memset(bytes, 0xAA, sizeof bytes);
    assert_ok(slg_window_read(&window, 100, bytes, sizeof bytes, NULL));
    for (uint64_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], 100 + i < PAGE ? byte_at(100 + i) : 0);
    memset(bytes, 0xAA, sizeof bytes);
    assert_ok(slg_window_read(&window, 2 * PAGE, bytes, sizeof bytes, NULL));
    for (uint64_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], 0);
    pages.size_code = SEGLOG_IO;
    assert_code(slg_window_read(&window, 2 * PAGE, bytes, sizeof bytes, NULL),
                SEGLOG_IO);
    slg_window_reset(&window);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__of_pages_of_every_kind__notes_each_where_it_is),
        cmocka_unit_test(read__without_an_errno__keeps_the_one_before),
        cmocka_unit_test(
            read__of_too_many_ranges__gives_up_and_says_what_they_are),
        cmocka_unit_test(read__of_what_says_nothing_of_the_bytes__fails),
        cmocka_unit_test(read__with_a_later_range_told_first__fails),
        cmocka_unit_test(read__unreadable_without_tolerance__is_io),
        cmocka_unit_test(read__behind_a_new_end__is_zeros),
    };

    return cmocka_run_group_tests_name("segment/window", tests, NULL, NULL);
}
