/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/prove_group.c - SPEC.md 5: whatever the body, each entry of a
 * group lies within it, and a sound body is used to its last byte.
 */
#include "format/frame.h"
#include "tests/proof/proof.h"

#define BYTES_MAX 8

int
main(void)
{
    const size_t len = any_size();
    struct slg_group group;
    unsigned kind = 0;
    const uint8_t *data = NULL;
    size_t data_len = 0;
    size_t seen = 0;

    ASSUME(len <= BYTES_MAX);
    const uint8_t *body = any_bytes(len);
    if (!slg_entries_open(&group, body, len))
        return 0;
    const uint64_t count = group.left;

    while (slg_group_next(&group, &kind, &data, &data_len)) {
        PROVE(kind >= SLG_FRAME_TEXT && kind <= SLG_FRAME_TAIL);
        PROVE(data > body && data <= body + len);
        PROVE(data_len <= (size_t)(body + len - data));
        PROVE(data_len == 0 || READABLE(data, data_len));
        seen++;
    }
    PROVE(seen <= len);
    PROVE(slg_entries_are_sound(body, len) == slg_group_is_done(&group));
    PROVE(!slg_group_is_done(&group) || seen == count);
    return 0;
}
