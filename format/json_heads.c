/* SPDX-License-Identifier: MIT */
/*
 * format/json_heads.c - the first keys of records.
 *
 * One key is not enough: in many formats every object begins with "type".
 * Values would tell more, but those that vary would fill the table.
 */
#include "format/json_heads.h"

#include "format/json_member.h"

enum {
    HEAD_KEYS = 3
};

static uint64_t
hash_add(uint64_t hash, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    /* The end of a key, which no byte of one can be. */
    return (hash ^ 0x100) * UINT64_C(0x100000001b3);
}

struct slg_json_head
slg_json_head_read(const uint8_t *text, size_t len)
{
    struct slg_json_head head = { 0, 0 };
    struct slg_json_walk walk;
    struct slg_json_member member;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    if (!slg_json_walk_begin(&walk, text, len) || !walk.is_object ||
        !slg_json_walk_next(&walk, &member))
        return head;
    hash = hash_add(hash, member.key.p, member.key.len);
    head.first = hash;
    for (unsigned i = 1; i < HEAD_KEYS; i++) {
        if (slg_json_walk_next(&walk, &member))
            hash = hash_add(hash, member.key.p, member.key.len);
        else if (!walk.is_whole)
            return head; /* the other keys are not there to be compared */
        else
            break;
    }
    head.all = hash;
    return head;
}

bool
slg_json_heads_have(const struct seglog_json_heads *heads, uint64_t all)
{
    for (uint32_t i = 0; i < heads->count && i < SEGLOG_JSON_HEADS_MAX; i++) {
        if (heads->hashes[i] == all)
            return true;
    }
    return false;
}

void
seglog_json_heads_learn(struct seglog_json_heads *heads, const uint8_t *line,
                        size_t len)
{
    if (heads->is_over)
        return;

    const struct slg_json_head head = slg_json_head_read(line, len);

    if (head.all == 0)
        return;
    if (heads->lines < SEGLOG_JSON_HEADS_ENOUGH)
        heads->lines++;
    if (slg_json_heads_have(heads, head.all))
        return;
    if (heads->count >= SEGLOG_JSON_HEADS_MAX)
        heads->is_over = true;
    else
        heads->hashes[heads->count++] = head.all;
}
