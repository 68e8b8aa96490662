/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_parent_load.c
 *
 * Goal    of a parent (SPEC.md 15.4) exactly the entries asked for are had, in
 *         whatever order they are asked for; who cannot be a parent is refused
 *         and named.
 * Method  a parent made frame by frame, with numbers that are missing; entries
 *         are compared with those of its records.
 */
#include "tests/segment/forge_support.h"

#include "format/checksum.h"
#include "format/footer.h"
#include "src/segment/segment_parent.h"
#include "src/segment/segment_reader.h"

#define PLENTY ((uint64_t)1 << 20)

struct family {
    struct seglog_store store;
    struct forge parent;
    struct forge child;
    struct seglog_blob blob; /* of the child */
    struct slg_parent load;
    unsigned jumps;
};

static void
blocks_add(struct forge *forge, unsigned blocks)
{
    for (unsigned i = 0; i < blocks; i++) {
        uint8_t data[3][40];
        struct seglog_item items[3];

        for (unsigned k = 0; k < 3; k++) {
            test_fill(data[k], sizeof data[k], forge->number + k);
            /* The second is empty. */
            items[k] =
                (struct seglog_item){ k == 0   ? SEGLOG_BYTES
                                      : k == 1 ? SEGLOG_TAIL
                                               : SEGLOG_PART,
                                      data[k], k == 1 ? 0 : 20 + 10 * k };
        }
        for (unsigned k = 0; k < sizeof data; k++)
            data[k / 40][k % 40] |= 0x80;
        (void)forge_sync(forge);
        (void)forge_block_of(forge, items, 3);
    }
}

static struct slg_header
sealed_header(void)
{
    struct slg_header header = forge_header();

    header.features_refuse = SLG_REFUSE_SEALED;
    return header;
}

/* The parent has 1 to 6, has lost 7 and 8, and has 9 to 14. */
static void
family_make(struct family *family)
{
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                 .cause = SEGLOG_CAUSE_CHECKSUM,
                                 .count = 2,
                                 .lines = 2 };
    const struct slg_header header = sealed_header();

    *family = (struct family){ .jumps = 0 };
    forge_start_with(&family->parent, &header);
    blocks_add(&family->parent, 2);
    (void)forge_sync(&family->parent);
    (void)forge_gap(&family->parent, &gap);
    blocks_add(&family->parent, 2);
    (void)forge_footer(&family->parent, NULL);
    (void)forge_close(&family->parent);
    forge_start_with(&family->child, &header);
    blocks_add(&family->child, 1);
    (void)forge_footer(&family->child, "parent");
    (void)forge_close(&family->child);
    assert_ok(seglog_store_memory_open(&family->store, NULL));
    blob_write(family->store, "parent", family->parent.bytes,
               family->parent.len);
    blob_write(family->store, "child", family->child.bytes, family->child.len);
    assert_ok(seglog_blob_open(family->store, "child", SEGLOG_OPEN_READ,
                               &family->blob, NULL));
    family->load.store = family->store;
}

static void
family_free(struct family *family)
{
    slg_parent_reset(&family->load);
    assert_ok(seglog_blob_close(&family->blob, NULL));
    seglog_store_close(&family->store);
    forge_free(&family->parent);
    forge_free(&family->child);
}

static seglog_code
family_load(struct family *family, uint64_t first, uint64_t last, uint64_t max)
{
    return slg_parent_load(&family->load, family->blob, "child",
                           family->child.len, &family->child.header, first,
                           last, max, NULL);
}

/* Those of the records from first to last that the parent has. */
static size_t
entries_of(const struct forge *forge, uint64_t first, uint64_t last,
           uint8_t *out)
{
    size_t len = 0;

    for (uint64_t n = first; n <= last; n++) {
        const struct forge_record *record = forge_record_of(forge, n);

        if (!record)
            continue;
        len += slg_varint_put(out + len,
                              (uint64_t)record->len << 2 | (record->kind - 1));
        if (record->len > 0)
            memcpy(out + len, record->data, record->len);
        len += record->len;
    }
    return len;
}

static void
assert_loaded(struct family *family, uint64_t first, uint64_t last)
{
    uint8_t want[1024];
    const size_t len = entries_of(&family->parent, first, last, want);

    assert_ok(family_load(family, first, last, PLENTY));
    assert_int_equal(family->load.len, len);
    assert_memory_equal(family->load.bytes, want, len);
}

static void
load__any_two_places_in_turn__are_the_entries_there(void **state)
{
    struct family family;

    (void)state;
    for (uint64_t a = 1; a <= 14; a++) {
        for (uint64_t b = a; b <= 16; b++) {
            if (a >= 7 && b <= 8)
                continue;
            family_make(&family);
            for (uint64_t c = 1; c <= 14; c++) {
                assert_loaded(&family, a, b);
                if (c != 7 && c != 8)
                    assert_loaded(&family, c, c);
                assert_loaded(&family, c, c + 2);
            }
            family_free(&family);
        }
    }
}

static void
load__of_what_is_not_there__is_corrupt(void **state)
{
    struct family family;

    (void)state;
    family_make(&family);
    assert_code(family_load(&family, 0, 3, PLENTY), SEGLOG_CORRUPT);
    assert_code(family_load(&family, 3, 2, PLENTY), SEGLOG_CORRUPT);
    assert_code(family_load(&family, 7, 8, PLENTY), SEGLOG_CORRUPT);
    assert_code(family_load(&family, 15, 20, PLENTY), SEGLOG_CORRUPT);
    assert_loaded(&family, 6, 7);
    assert_loaded(&family, 8, 9);
    assert_loaded(&family, 2, 3);
    family_free(&family);
}

static void
load__of_more_than_is_allowed__is_corrupt(void **state)
{
    uint8_t want[1024];
    struct family family;

    (void)state;
    family_make(&family);
    const size_t len = entries_of(&family.parent, 2, 5, want);
    assert_code(family_load(&family, 2, 5, len - 1), SEGLOG_CORRUPT);
    assert_ok(family_load(&family, 2, 5, len));
    assert_int_equal(family.load.len, len);
    /* The same where it has been read before. */
    assert_loaded(&family, 1, 6);
    assert_code(family_load(&family, 2, 5, len - 1), SEGLOG_CORRUPT);
    assert_loaded(&family, 1, 6);
    assert_ok(family_load(&family, 2, 5, len));
    assert_int_equal(family.load.len, len);
    family_free(&family);
}

/* A parent's parent has what is left, and no more for each block. */
static void
load__from_too_many_places__is_format(void **state)
{
    struct family family;

    (void)state;
    family_make(&family);
    family.load.depth = 1;
    family.load.jumps = &family.jumps;
    family.jumps = 2;
    assert_loaded(&family, 4, 5);
    assert_loaded(&family, 6, 6); /* directly behind: no other place */
    assert_loaded(&family, 1, 1);
    assert_int_equal(family.jumps, 0);
    assert_code(family_load(&family, 5, 5, PLENTY), SEGLOG_FORMAT);
    family.jumps = 1;
    assert_loaded(&family, 5, 5);
    family_free(&family);
    /* The segment itself has as many for each. */
    family_make(&family);
    for (unsigned i = 0; i < 2 * SLG_PARENT_JUMPS_MAX + 2; i++)
        assert_ok(
            family_load(&family, 1 + 4 * (i % 2), 1 + 4 * (i % 2), PLENTY));
    family_free(&family);
}

static void
open__of_what_cannot_be_a_parent__is_refused(void **state)
{
    static const uint8_t digest[SLG_FOOTER_DIGEST] = { 0 };
    static const uint8_t other[SLG_FOOTER_DIGEST] = { 1 };
    const unsigned most = SLG_PARENT_DEPTH_MAX;
    unsigned jumps = 9;
    struct family family;
    struct forge plain;
    struct seglog_error err = { 0 };

    (void)state;
    family_make(&family);
    forge_ten(&plain, true);
    blob_write(family.store, "plain", plain.bytes, plain.len);
    blob_write(family.store, "short", plain.bytes, 20);
    const struct {
        const char *name;
        const uint8_t *digest;
        unsigned depth;
        seglog_code code;
        const char *message;
    } cases[] = {
        { "parent", digest, 1, SEGLOG_OK, "" },
        { "parent", NULL, most, SEGLOG_OK, "" },
        { "parent", digest, most + 1, SEGLOG_FORMAT, "deep" },
        { "parent", other, 1, SEGLOG_NOT_FOUND, "another segment" },
        { "nobody", digest, 1, SEGLOG_NOT_FOUND, "missing" },
        { "a/b/../c", digest, 1, SEGLOG_NOT_FOUND, "missing" },
        { "plain", digest, 1, SEGLOG_NOT_FOUND, "not sealed" },
        { "plain", NULL, 1, SEGLOG_NOT_FOUND, "not sealed" },
        { "short", NULL, 1, SEGLOG_NOT_FOUND, "not sealed" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seglog_reader *reader = NULL;

        assert_code(slg_parent_open(family.store, cases[i].name,
                                    cases[i].digest, cases[i].depth, &jumps,
                                    "child", &reader, &err),
                    cases[i].code);
        if (cases[i].code == SEGLOG_OK) {
            seglog_reader_close(reader);
            continue;
        }
        assert_non_null(strstr(err.message, cases[i].message));
        assert_string_equal(err.name, "child");
    }
    forge_free(&plain);
    family_free(&family);
}

static void
name__of_a_parent__is_read_from_either_place(void **state)
{
    struct seglog_store store;
    char name[SLG_NAME_CAP];

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    for (unsigned i = 0; i < 7; i++) {
        struct slg_header header = sealed_header();
        struct slg_reference reference = { .role = SLG_REFERENCE_PARENT,
                                           .name_len = 5,
                                           .name = "daddy" };
        uint8_t frame[SLG_REFERENCE_MAX];
        struct forge forge;

        if (i == 5)
            header.features_refuse = 0;
        header.features_refuse |= SLG_REFUSE_REFERS;
        forge_start_with(&forge, &header);
        if (i >= 2 && i != 4)
            forge_raw(&forge, frame,
                      slg_reference_encode(
                          &reference, 1,
                          slg_salt(header.identity, header.epoch), frame));
        if (i != 5)
            blocks_add(&forge, 1);
        if (i != 5)
            (void)forge_footer(&forge, i == 0 || i == 2 ? "mummy" : NULL);
        (void)forge_close(&forge);
        if (i == 3 || i == 6) /* the end is damaged */
            forge.bytes[forge.len - 100] ^= 1;
        if (i == 6) /* and so is the header, by one bit */
            forge.bytes[20] ^= 1;
        blob_write(store, "s", forge.bytes, forge.len);
        assert_ok(slg_parent_name(store, "s", name, NULL));
        assert_string_equal(name, i == 0 || i == 2   ? "mummy"
                                  : i == 3 || i == 6 ? "daddy"
                                  : i == 1 || i >= 4 ? ""
                                                     : "?");
        forge_free(&forge);
    }
    blob_write(store, "s", "", 0);
    assert_ok(slg_parent_name(store, "s", name, NULL));
    assert_string_equal(name, "");
    assert_code(slg_parent_name(store, "t", name, NULL), SEGLOG_NOT_FOUND);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load__any_two_places_in_turn__are_the_entries_there),
        cmocka_unit_test(load__of_what_is_not_there__is_corrupt),
        cmocka_unit_test(load__of_more_than_is_allowed__is_corrupt),
        cmocka_unit_test(load__from_too_many_places__is_format),
        cmocka_unit_test(open__of_what_cannot_be_a_parent__is_refused),
        cmocka_unit_test(name__of_a_parent__is_read_from_either_place),
    };

    return cmocka_run_group_tests_name("segment/parent_load", tests, NULL,
                                       NULL);
}
