/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/group_stub.c - groups that may be anything prove_group.c leaves
 * open: what is proved of a frame over them holds for each of them.  The same
 * body is the same group each time it is asked for.
 */
#include "format/frame.h"
#include "tests/proof/proof.h"

bool
__CPROVER_uninterpreted_is_open(const uint8_t *body, size_t len);
bool
__CPROVER_uninterpreted_is_sound(const uint8_t *body, size_t len);
uint64_t
__CPROVER_uninterpreted_count(const uint8_t *body, size_t len);

bool
slg_entries_open(struct slg_group *group, const uint8_t *body, size_t len)
{
    const uint64_t count = __CPROVER_uninterpreted_count(body, len);

    PROVE(len == 0 || READABLE(body, len));
    ASSUME(count <= INT64_MAX);
    group->left = count;
    return len > 0 && count >= 1 && __CPROVER_uninterpreted_is_open(body, len);
}

bool
slg_group_open(struct slg_group *group, const uint8_t *body, size_t len)
{
    return slg_entries_open(group, body, len) && group->left >= 2;
}

bool
slg_group_is_sound(const uint8_t *body, size_t len)
{
    struct slg_group group;

    return slg_group_open(&group, body, len) &&
           __CPROVER_uninterpreted_is_sound(body, len);
}
