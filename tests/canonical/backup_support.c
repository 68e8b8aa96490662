/* SPDX-License-Identifier: MIT */
/* tests/canonical/backup_support.c - what the tests of backups share. */
#include "tests/canonical/backup_support.h"

#include "src/store/name.h"

int
backup_setup(void **state)
{
    struct backup_fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    assert_ok(seglog_store_memory_open(&fixture->source, NULL));
    assert_ok(seglog_store_memory_open(&fixture->repository, NULL));
    fixture->options.size = sizeof fixture->options;
    fixture->options.level = SEGLOG_BACKUP_PLAIN;
    *state = fixture;
    return 0;
}

int
backup_teardown(void **state)
{
    struct backup_fixture *fixture = *state;

    seglog_store_close(&fixture->source);
    seglog_store_close(&fixture->repository);
    free(fixture);
    return 0;
}

struct seglog_backup_info
backup_make_ok(const struct backup_fixture *fixture)
{
    struct seglog_backup_info info;
    struct seglog_error err;

    assert_code_err(seglog_backup_make(fixture->source, fixture->repository,
                                       &fixture->options, &info, &err),
                    SEGLOG_OK, &err);
    return info;
}

struct seglog_store
backup_restore_ok(struct seglog_store repository, uint32_t number)
{
    const struct seglog_restore_options options = { .size = sizeof options,
                                                    .number = number };
    struct seglog_store target;
    struct seglog_error err;

    assert_ok(seglog_store_memory_open(&target, NULL));
    assert_code_err(
        seglog_backup_restore(repository, target, &options, NULL, &err),
        SEGLOG_OK, &err);
    return target;
}

struct names {
    struct slg_name_list list;
    const char *begin;
    const char *end;
};

static bool
name_keep(void *arg, const char *name)
{
    struct names *names = arg;

    if (slg_name_has_suffix(name, names->end))
        assert_ok(slg_name_list_add(&names->list, name, NULL));
    return true;
}

static bool
name_keep_taken(void *arg, const char *name)
{
    if (slg_name_has_suffix(name, ".new") ||
        slg_name_has_suffix(name, ".cut") ||
        slg_name_has_suffix(name, ".sealing"))
        return true;
    return name_keep(arg, name);
}

void
backup_assert_same(struct seglog_store a, struct seglog_store b)
{
    struct names of_a = { .end = "" };
    struct names of_b = { .end = "" };

    assert_ok(seglog_store_list(a, "", name_keep_taken, &of_a, NULL));
    assert_ok(seglog_store_list(b, "", name_keep_taken, &of_b, NULL));
    assert_int_equal(of_a.list.count, of_b.list.count);
    for (size_t i = 0; i < of_a.list.count; i++) {
        size_t len_a = 0;
        size_t len_b = 0;
        uint8_t *bytes_a = blob_read(a, of_a.list.names[i], &len_a);
        uint8_t *bytes_b = NULL;

        assert_string_equal(of_a.list.names[i], of_b.list.names[i]);
        bytes_b = blob_read(b, of_b.list.names[i], &len_b);
        assert_int_equal(len_a, len_b);
        assert_memory_equal(bytes_a, bytes_b, len_a);
        free(bytes_a);
        free(bytes_b);
    }
    slg_name_list_reset(&of_a.list);
    slg_name_list_reset(&of_b.list);
}

void
backup_assert_restores(const struct backup_fixture *fixture)
{
    struct seglog_store restored = backup_restore_ok(fixture->repository, 0);

    backup_assert_same(fixture->source, restored);
    seglog_store_close(&restored);
}

void
backup_fill(struct seglog_store store, const char *name, size_t len,
            uint64_t seed)
{
    uint8_t *bytes = malloc(len + 1);

    assert_non_null(bytes);
    test_fill(bytes, len, seed);
    blob_write(store, name, bytes, len);
    free(bytes);
}

size_t
backup_count(struct seglog_store store, const char *begin, const char *end)
{
    struct names names = { .end = end };
    size_t count = 0;

    assert_ok(seglog_store_list(store, begin, name_keep, &names, NULL));
    count = names.list.count;
    slg_name_list_reset(&names.list);
    return count;
}
