/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/prove_group.c - SPEC.md 5: whatever the body, each entry of a
 * group lies within it, and a sound body is used to its last byte.
 *
 * Proved of bodies of any length: opening one, and the step from any entry to
 * the next; so by induction every entry lies within.  That the judgement on a
 * whole body is that of going through it is proved of bodies up to WHOLE_MAX
 * bytes only.
 */
#include "format/frame.h"
#include "tests/proof/proof.h"

#define WHOLE_MAX 4

/* What holds between any two entries. */
static bool
group_is_within(const struct slg_group *group, const uint8_t *body, size_t len)
{
    return group->at >= body && group->at <= body + len &&
           group->end == body + len && group->left <= INT64_MAX;
}

static void
prove_opened(void)
{
    const size_t len = any_size();
    struct slg_group group;

    ASSUME(len <= LEN_MAX);
    const uint8_t *body = any_bytes(len);
    const bool is_open = slg_entries_open(&group, body, len);

    PROVE(!is_open || (group.at > body && group.left >= 1));
    PROVE(!is_open || group_is_within(&group, body, len));
    PROVE(slg_group_open(&group, body, len) == (is_open && group.left >= 2));
}

static void
prove_step(void)
{
    const size_t len = any_size();
    const size_t at = any_size();

    ASSUME(len <= LEN_MAX && at <= len);
    const uint8_t *body = any_bytes(len);
    struct slg_group group = {
        .at = body + at,
        .end = body + len,
        .left = any_uint64(),
    };
    const struct slg_group before = group;
    unsigned kind = 0;
    const uint8_t *data = NULL;
    size_t data_len = 0;

    ASSUME(group.left <= INT64_MAX);
    if (!slg_group_next(&group, &kind, &data, &data_len))
        return;
    PROVE(group_is_within(&group, body, len));
    PROVE(group.at > before.at && group.left + 1 == before.left);
    PROVE(kind >= SLG_FRAME_TEXT && kind <= SLG_FRAME_TAIL);
    PROVE(data > before.at && data + data_len == group.at);
    PROVE(data_len == 0 || READABLE(data, data_len));
}

static void
prove_whole(void)
{
    const size_t len = any_size();
    struct slg_group group;
    unsigned kind = 0;
    const uint8_t *data = NULL;
    size_t data_len = 0;
    size_t seen = 0;

    ASSUME(len <= WHOLE_MAX);
    const uint8_t *body = any_bytes(len);
    const bool is_sound = slg_entries_are_sound(body, len);

    if (!slg_entries_open(&group, body, len)) {
        PROVE(!is_sound);
        return;
    }
    const uint64_t count = group.left;

    while (slg_group_next(&group, &kind, &data, &data_len))
        seen++;
    PROVE(seen <= len);
    PROVE(is_sound == slg_group_is_done(&group));
    PROVE(!is_sound || seen == count);
    PROVE(slg_group_is_sound(body, len) == (is_sound && count >= 2));
}

int
main(void)
{
    prove_opened();
    prove_step();
    prove_whole();
    return 0;
}
