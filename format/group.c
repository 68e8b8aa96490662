/* SPDX-License-Identifier: MIT */
/* format/group.c - SPEC.md 5: varints and the body of a group. */
#include "format/frame.h"

size_t
slg_varint_get(const uint8_t *in, size_t len, uint64_t *value)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len && i < SLG_VARINT_MAX; i++) {
        v |= (uint64_t)(in[i] & 0x7F) << (7 * i);
        if ((in[i] & 0x80) != 0)
            continue;
        /* One legal encoding: no empty last byte. */
        if (in[i] == 0 && i > 0)
            return 0;
        *value = v;
        return i + 1;
    }
    return 0;
}

size_t
slg_varint_put(uint8_t *out, uint64_t value)
{
    size_t len = 0;

    while (value > 0x7F) {
        out[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (uint8_t)value;
    return len;
}

size_t
slg_varint_len(uint64_t value)
{
    size_t len = 1;

    while (value > 0x7F) {
        len++;
        value >>= 7;
    }
    return len;
}

bool
slg_entries_open(struct slg_group *group, const uint8_t *body, size_t len)
{
    size_t used = 0;

    group->left = 0;
    used = slg_varint_get(body, len, &group->left);
    group->at = body + used;
    group->end = body + len;
    return used > 0 && group->left >= 1;
}

bool
slg_group_open(struct slg_group *group, const uint8_t *body, size_t len)
{
    return slg_entries_open(group, body, len) && group->left >= 2;
}

bool
slg_group_next(struct slg_group *group, unsigned *kind, const uint8_t **data,
               size_t *len)
{
    const size_t avail = (size_t)(group->end - group->at);
    uint64_t value;
    const size_t used = slg_varint_get(group->at, avail, &value);

    if (group->left == 0 || used == 0 || value >> 2 > avail - used)
        return false;
    group->left--;
    *kind = (unsigned)(value & 3) + 1;
    *data = group->at + used;
    *len = (size_t)(value >> 2);
    group->at = *data + *len;
    return true;
}

bool
slg_entries_are_sound(const uint8_t *body, size_t len)
{
    struct slg_group group;
    unsigned kind;
    const uint8_t *data;
    size_t data_len;

    if (!slg_entries_open(&group, body, len))
        return false;
    while (slg_group_next(&group, &kind, &data, &data_len))
        ;
    return slg_group_is_done(&group);
}

bool
slg_group_is_sound(const uint8_t *body, size_t len)
{
    struct slg_group group;

    return slg_group_open(&group, body, len) &&
           slg_entries_are_sound(body, len);
}
