/* SPDX-License-Identifier: MIT */
/*
 * format/json_heads.h - how a record begins, as a number to compare.
 *
 * Layer  format: pure
 */
#ifndef SLG_FORMAT_JSON_HEADS_H
#define SLG_FORMAT_JSON_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/json_mend.h"

struct slg_json_head {
    uint64_t first; /* of the first key; 0: it is no object with a member */
    uint64_t all;   /* of the first three, or those that it has; 0: unknown */
};

/* The head of the object that text begins with.  Cost: O(its three members) */
struct slg_json_head
slg_json_head_read(const uint8_t *text, size_t len);

bool
slg_json_heads_have(const struct seglog_json_heads *heads, uint64_t all);

#endif /* SLG_FORMAT_JSON_HEADS_H */
