/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_damage_told.c
 *
 * Goal    what is said of a damaged segment stays as it is: every finding and
 *         its place, every record read, by scan, salvaging and strict reader,
 *         after a seek, at the tail and behind a repair.
 * Method  some hundred damaged segments of all sorts, each with what is said of
 *         it in damage_told.txt.  tests/independent/test_damage_told.py
 *         has the same segments read by a reader that is not this library.
 *             test_damage_told --write > damage_told.txt
 *         after a change that is meant to say something else.
 */
#include <stdio.h>

#include "format/checksum.h"
#include "tests/segment/told_support.h"

#define SHORT_MAX       65536u
#define CASES_OF_A_KIND 96u
#define PARTS           24u
#define CASES_OF_A_PART (CASES_OF_A_KIND / PARTS)

static const char *const kind_names[] = { "plain",      "stretches", "cut",
                                          "compressed", "sealed",    "long",
                                          "chained" };

static char *
case_say(enum told_kind kind, unsigned seed)
{
    struct told_segment segment = told_make(kind, seed);
    char *text = told_say(&segment);

    free(segment.bytes);
    return text;
}

/* The findings, and of all else a digest. */
static void
case_shorten(enum told_kind kind, unsigned seed, const char *text, char *out,
             size_t cap)
{
    const char *rest = strstr(text, "scan ");

    assert_non_null(rest);
    const int len =
        snprintf(out, cap, "%s %u %016llx\n%.*s", kind_names[kind], seed,
                 (unsigned long long)slg_xxh3(text, strlen(text)),
                 (int)(rest - text), text);
    assert_in_range(len, 0, cap - 1);
}

static void
all_write(void)
{
    static char text[SHORT_MAX];

    for (unsigned kind = 0; kind < TOLD_KINDS; kind++) {
        for (unsigned seed = 0; seed < CASES_OF_A_KIND; seed++) {
            char *all = case_say((enum told_kind)kind, seed);

            case_shorten((enum told_kind)kind, seed, all, text, sizeof text);
            (void)printf("%s", text);
            free(all);
        }
    }
}

/* FOLDER/KIND-SEED.seg, and in .expect what told_segment.expect is. */
static void
all_put(const char *folder)
{
    char name[64];

    for (unsigned i = 0; i < TOLD_KINDS * CASES_OF_A_KIND; i++) {
        const unsigned kind = i / CASES_OF_A_KIND;
        const unsigned seed = i % CASES_OF_A_KIND;
        struct told_segment segment = told_make((enum told_kind)kind, seed);

        (void)snprintf(name, sizeof name, "%s-%u.seg", kind_names[kind], seed);
        char *path = test_path(folder, name);
        test_file_write(path, segment.bytes, segment.len);
        free(path);
        (void)snprintf(name, sizeof name, "%s-%u.expect", kind_names[kind],
                       seed);
        path = test_path(folder, name);
        (void)snprintf(name, sizeof name, "%llu\n",
                       (unsigned long long)segment.expect);
        if (segment.expect > 0)
            test_file_write(path, name, strlen(name));
        free(path);
        free(segment.bytes);
    }
}

static char *
file_text(void)
{
    const char *root = getenv("SEGLOG_SOURCE_DIR");
    char *path = test_path(root && root[0] ? root : SEGLOG_SOURCE_DIR,
                           "tests/segment/damage_told.txt");
    size_t len = 0;
    char *text = test_file_read(path, &len);

    text = realloc(text, len + 1);
    assert_non_null(text);
    text[len] = '\0';
    free(path);
    return text;
}

static void
case_check(const char *told, enum told_kind kind, unsigned seed)
{
    static char text[SHORT_MAX];
    char *all = case_say(kind, seed);
    char head[64];

    case_shorten(kind, seed, all, text, sizeof text);
    (void)snprintf(head, sizeof head, "%s %u ", kind_names[kind], seed);
    const char *want = strstr(told, head);
    assert_non_null(want);
    /* A finding begins with a verdict, in capitals; the next case does not. */
    const char *end = want + strlen(head);
    while ((end = strchr(end, '\n')) && end[1] >= 'A' && end[1] <= 'Z')
        end++;
    assert_non_null(end);
    if (strlen(text) != (size_t)(end + 1 - want) ||
        memcmp(text, want, strlen(text)) != 0)
        fail_msg("now:\n%s%sbefore:\n%.*s", head, all, (int)(end - want), want);
    free(all);
}

struct part {
    enum told_kind kind;
    unsigned first;
};

static void
damage__of_all_sorts__is_told_as_ever(void **state)
{
    const struct part *part = *state;
    char *told = file_text();

    for (unsigned i = 0; i < CASES_OF_A_PART; i++)
        case_check(told, part->kind, part->first + i);
    free(told);
}

int
main(int argc, char **argv)
{
    static struct part parts[TOLD_KINDS * PARTS];
    static char names[COUNT_OF(parts)][64];
    struct CMUnitTest tests[COUNT_OF(parts)];

    if (argc > 1 && strcmp(argv[1], "--write") == 0) {
        all_write();
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "--images") == 0) {
        all_put(argv[2]);
        return 0;
    }
    for (unsigned i = 0; i < COUNT_OF(parts); i++) {
        parts[i].kind = (enum told_kind)(i / PARTS);
        parts[i].first = i % PARTS * CASES_OF_A_PART;
        (void)snprintf(names[i], sizeof names[i], "damage__%s_%u__is_told",
                       kind_names[parts[i].kind], parts[i].first);
        tests[i] = (struct CMUnitTest){
            .name = names[i],
            .test_func = damage__of_all_sorts__is_told_as_ever,
            .initial_state = &parts[i],
        };
    }
    return cmocka_run_group_tests_name("segment/damage_told", tests, NULL,
                                       NULL);
}
