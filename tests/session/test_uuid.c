/* SPDX-License-Identifier: MIT */
/*
 * tests/session/test_uuid.c
 *
 * Goal    ids are minted in order, and read in all their forms and no others.
 */
#include "tests/support/seglog_test.h"

#include "seglog/uuid.h"

static const char PLAIN[] = "0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c11";

static void
new__many__they_grow_and_are_of_version_7(void **state)
{
    struct seglog_uuid last = { { 0 } };

    (void)state;
    /* More than the counter of a millisecond holds. */
    for (int i = 0; i < 20000; i++) {
        struct seglog_uuid next;

        assert_true(seglog_uuid_new(&next));
        assert_true(seglog_uuid_compare(&last, &next) < 0);
        assert_int_equal(next.bytes[6] >> 4, 7);
        assert_int_equal(next.bytes[8] >> 6, 2);
        last = next;
    }
}

static void
parse__every_form__same_id(void **state)
{
    static const char *const forms[] = {
        "0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c11",
        "0198A4C2-5D10-7C3E-9B41-2F6A8E0D7C11",
        "0198a4c25d107c3e9b412f6a8e0d7c11",
        "{0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c11}",
        "urn:uuid:0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c11",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        char text[SEGLOG_UUID_TEXT_CAP];
        struct seglog_uuid uuid;

        assert_true(seglog_uuid_parse(forms[i], strlen(forms[i]), &uuid));
        assert_string_equal(seglog_uuid_format(&uuid, text), PLAIN);
    }
}

static void
parse__anything_else__false_and_unchanged(void **state)
{
    static const char *const texts[] = {
        "",
        "0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c1",
        "0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c111",
        "0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c1g",
        "0198a4c25-d10-7c3e-9b41-2f6a8e0d7c11",
        "{0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c11",
        "0198a4c2/5d10/7c3e/9b41/2f6a8e0d7c11",
        "urn:uuid:0198a4c25d107c3e9b412f6a8e0d7c11",
        "../../../../../../../../etc/passwd..",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct seglog_uuid uuid = { { 7 } };

        assert_false(seglog_uuid_parse(texts[i], strlen(texts[i]), &uuid));
        assert_int_equal(uuid.bytes[0], 7);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new__many__they_grow_and_are_of_version_7),
        cmocka_unit_test(parse__every_form__same_id),
        cmocka_unit_test(parse__anything_else__false_and_unchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
