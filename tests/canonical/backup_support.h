/* SPDX-License-Identifier: MIT */
/* tests/canonical/backup_support.h - what the tests of backups share. */
#ifndef BACKUP_SUPPORT_H
#define BACKUP_SUPPORT_H

#include "tests/support/blobs.h"

#include "seglog/backup.h"

/* A store, and a repository beside it; both in memory. */
struct backup_fixture {
    struct seglog_store source;
    struct seglog_store repository;
    struct seglog_backup_options
        options; /* of backup_make_ok; not compressed */
};

int
backup_setup(void **state);
int
backup_teardown(void **state);

#define BACKUP_TEST(f)                                                         \
    cmocka_unit_test_setup_teardown(f, backup_setup, backup_teardown)

struct seglog_backup_info
backup_make_ok(const struct backup_fixture *fixture);

/* A new store in memory that the backup (0: the latest) was restored into. */
struct seglog_store
backup_restore_ok(struct seglog_store repository, uint32_t number);

/* Both hold the same blobs.  Names that backups leave out are not looked at. */
void
backup_assert_same(struct seglog_store a, struct seglog_store b);

/* The latest backup is what the source is now. */
void
backup_assert_restores(const struct backup_fixture *fixture);

/* A blob of len bytes that look random. */
void
backup_fill(struct seglog_store store, const char *name, size_t len,
            uint64_t seed);

/* So many blobs have names that begin and end so. */
size_t
backup_count(struct seglog_store store, const char *begin, const char *end);

#endif /* BACKUP_SUPPORT_H */
