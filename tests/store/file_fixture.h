/* SPDX-License-Identifier: MIT */
/* tests/store/file_fixture.h - a file store in a folder of its own. */
#ifndef FILE_FIXTURE_H
#define FILE_FIXTURE_H

#include "tests/store/store_conformance_parts.h"

/* *state of a test with file_setup and file_teardown. */
struct file_fixture {
    char *dir;
    struct seglog_store store;
};

int
file_setup(void **state);

int
file_teardown(void **state);

/* The descriptor, from 3 up, that leads to that file; -1 when there is none. */
int
file_descriptor_of(const char *path);

/* How many descriptors are open. */
unsigned
file_descriptor_count(void);

/* Whether dir/name is there, links not followed. */
bool
file_exists(const char *dir, const char *name);

#endif /* FILE_FIXTURE_H */
