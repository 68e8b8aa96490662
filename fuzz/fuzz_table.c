/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_table.c - rows with keys (src/session/table.h) against a list.
 *
 * The input is calls on two handles of one table: put, remove, write, forget,
 * rewrite, settle; and damage: records of any bytes, and any bytes behind the
 * segment.  As long as there is no damage both say what was last said about
 * each key; with it, they stay in order and work.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "src/session/table.h"

#define INPUT_MAX 600u
#define KEYS      12u
#define NOTED_MAX 16u

enum {
    HANDLES = 2,
    VALUE_MAX = 40
};

struct value {
    bool is_there;
    size_t len;
    uint8_t bytes[VALUE_MAX];
};

struct note {
    unsigned key;
    struct value value;
};

struct world {
    struct input input;
    struct seglog_store store;
    struct slg_table *tables[HANDLES];
    struct value values[KEYS];
    bool is_damaged;
};

static struct seglog_slice
key_of(unsigned key)
{
    /* One is the beginning of others, one is empty of letters. */
    static const char *const keys[KEYS] = {
        "a", "aa", "ab", "abc", "b", "\n", "zz", "z", "S", "!", "k", "kk"
    };

    return (struct seglog_slice){ keys[key], strlen(keys[key]) };
}

static void
rows_must_be_sorted(const struct slg_table *table)
{
    for (size_t i = 1; i < slg_table_count(table); i++) {
        const struct seglog_slice a = slg_table_row(table, i - 1)->key;
        const struct seglog_slice b = slg_table_row(table, i)->key;
        const size_t both = a.len < b.len ? a.len : b.len;
        const int order = both > 0 ? memcmp(a.data, b.data, both) : 0;

        MUST(order < 0 || (order == 0 && a.len < b.len));
    }
}

static void
table_must_agree(struct world *w, struct slg_table *table)
{
    size_t count = 0;

    MUST(slg_table_refresh(table, NULL, NULL) == SEGLOG_OK);
    rows_must_be_sorted(table);
    if (w->is_damaged)
        return;
    for (unsigned key = 0; key < KEYS; key++) {
        const struct value *value = &w->values[key];
        const struct slg_row *row = slg_table_find(table, key_of(key));

        MUST((row != NULL) == value->is_there);
        if (!row)
            continue;
        count++;
        MUST(row->value.len == value->len);
        MUST(value->len == 0 ||
             memcmp(row->value.data, value->bytes, value->len) == 0);
        MUST(slg_table_row(table, slg_table_seek(table, key_of(key))) == row);
    }
    MUST(slg_table_count(table) == count);
}

/* Up to NOTED_MAX puts and removes, and then what becomes of them. */
static void
table_change(struct world *w, struct slg_table *table)
{
    const unsigned what = input_byte(&w->input);
    struct note notes[NOTED_MAX];
    const unsigned count = what >> 4;

    MUST(slg_table_begin(table, NULL) == SEGLOG_OK);
    for (unsigned i = 0; i < count; i++) {
        struct note *note = &notes[i];
        const unsigned shape = input_byte(&w->input);

        note->key = shape % KEYS;
        note->value =
            (struct value){ .is_there = shape < 192,
                            .len = input_byte(&w->input) % VALUE_MAX };
        const uint8_t *bytes = input_bytes(&w->input, &note->value.len);
        if (note->value.len > 0)
            memcpy(note->value.bytes, bytes, note->value.len);
        const struct seglog_slice value = { (const char *)note->value.bytes,
                                            note->value.len };
        MUST((note->value.is_there
                  ? slg_table_put(table, key_of(note->key), value, NULL)
                  : slg_table_remove(table, key_of(note->key), NULL)) ==
             SEGLOG_OK);
    }
    if ((what & 7) != 7) {
        MUST(((what & 7) == 6 ? slg_table_rewrite(table, NULL)
                              : slg_table_write(table, SEGLOG_LEVEL_FLUSH,
                                                NULL)) == SEGLOG_OK);
        for (unsigned i = 0; i < count; i++)
            w->values[notes[i].key] = notes[i].value;
    }
    slg_table_end(table);
}

/* Records, or bytes behind the segment, that no table has written. */
static void
store_damage(struct world *w, bool is_record)
{
    struct seglog_writer *writer = NULL;
    struct seglog_blob blob;
    size_t len = input_byte(&w->input);
    const uint8_t *bytes = input_bytes(&w->input, &len);

    w->is_damaged = true;
    if (is_record) {
        if (seglog_writer_open(w->store, "t.seg", NULL, &writer, NULL) !=
            SEGLOG_OK)
            return;
        (void)!seglog_writer_append(writer, SEGLOG_BYTES, bytes, len,
                                    SEGLOG_LEVEL_FLUSH, NULL, NULL);
        (void)seglog_writer_close(writer, NULL);
        return;
    }
    MUST(seglog_blob_open(w->store, "t.seg",
                          SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob,
                          NULL) == SEGLOG_OK);
    MUST(seglog_blob_append(blob, SEGLOG_END_ANY, bytes, len, NULL, NULL) ==
         SEGLOG_OK);
    MUST(seglog_blob_close(&blob, NULL) == SEGLOG_OK);
}

static void
world_step(struct world *w)
{
    const unsigned call = input_byte(&w->input);
    struct slg_table **table = &w->tables[call & 1];

    switch (call >> 1 & 7) {
    case 0:
    case 1:
    case 2:
        table_change(w, *table);
        break;
    case 3:
        table_must_agree(w, *table);
        break;
    case 4: /* another process */
        slg_table_free(*table);
        MUST(slg_table_new(w->store, "t.seg", (call & 1) != 0, 1000, table,
                           NULL) == SEGLOG_OK);
        break;
    case 5:
        if ((call & 0xE0) == 0xE0)
            store_damage(w, true);
        break;
    case 6:
        if ((call & 0xE0) == 0xE0)
            store_damage(w, false);
        break;
    default:
        (void)slg_table_wants_rewrite(*table, 2);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = { .input = { .at = data, .left = size } };

    if (size > INPUT_MAX)
        return 0;
    MUST(seglog_store_memory_open(&w.store, NULL) == SEGLOG_OK);
    for (unsigned i = 0; i < HANDLES; i++)
        MUST(slg_table_new(w.store, "t.seg", i == 1, 1000, &w.tables[i],
                           NULL) == SEGLOG_OK);
    while (w.input.left > 0)
        world_step(&w);
    for (unsigned i = 0; i < HANDLES; i++)
        table_must_agree(&w, w.tables[i]);
    for (unsigned i = 0; i < HANDLES; i++)
        slg_table_free(w.tables[i]);
    seglog_store_close(&w.store);
    return 0;
}
