/* SPDX-License-Identifier: MIT */
/* src/columns/columns_table.c - numbers found by a hash. */
#include <stdlib.h>

#include "src/columns/columns_parse.h"

static void
table_place(struct slg_table *table, uint32_t hash, uint32_t id)
{
    uint32_t at = hash & table->mask;

    while (table->slots[at].id != SLG_NONE)
        at = (at + 1) & table->mask;
    table->slots[at] = (struct slg_table_slot){ .hash = hash, .id = id };
}

static bool
table_grow(struct slg_table *table)
{
    const uint32_t size = table->slots ? (table->mask + 1) * 2 : 256;
    struct slg_table bigger = {
        .slots = malloc(size * sizeof *bigger.slots),
        .mask = size - 1,
        .count = table->count,
    };

    if (!bigger.slots)
        return false;
    for (uint32_t i = 0; i < size; i++)
        bigger.slots[i].id = SLG_NONE;
    for (uint32_t i = 0; table->slots && i <= table->mask; i++) {
        if (table->slots[i].id != SLG_NONE)
            table_place(&bigger, table->slots[i].hash, table->slots[i].id);
    }
    free(table->slots);
    *table = bigger;
    return true;
}

bool
slg_table_add(struct slg_table *table, uint32_t hash, uint32_t id)
{
    if (!table->slots || table->count >= table->mask / 2) {
        if (table->mask > UINT32_MAX / 4 || !table_grow(table))
            return false;
    }
    table_place(table, hash, id);
    table->count++;
    return true;
}

bool
slg_grow(void **items, uint32_t *cap, uint32_t count, size_t size)
{
    if (count < *cap)
        return true;
    const uint32_t more = *cap + *cap / 2 + 64;
    void *bigger = more < *cap ? NULL : realloc(*items, more * size);
    if (!bigger)
        return false;
    *items = bigger;
    *cap = more;
    return true;
}
