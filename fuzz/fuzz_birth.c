/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_birth.c - the small blocks of bytes that a session store reads.
 *
 * Byte 0 of the input says what the rest is: attributes of a lane (SPEC.md
 * 14.1), a block of notes (14.3), or the row of an index (14.2), whose key is
 * the first 33 bytes of the rest.  What is taken is encoded to the same bytes,
 * or to a block that says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "src/session/index.h"
#include "src/session/index_parts.h"
#include "src/session/notes_block.h"

static void
attributes_must_return(const uint8_t *data, size_t len)
{
    static uint8_t again[SLG_BIRTH_MAX];
    struct slg_birth birth;

    if (!slg_birth_decode(data, len, &birth))
        return;
    MUST(slg_birth_encode(&birth, again) == len);
    MUST(memcmp(again, data, len) == 0);
}

static void
head_must_agree(const struct slg_notes_run *run, const uint8_t *data,
                size_t len)
{
    struct slg_notes_head head;

    MUST(slg_notes_head_decode(data, len, &head));
    MUST(head.first == run->head.first && head.count == run->head.count);
    MUST(head.count >= 1 && head.count <= SLG_NOTES_RUN);
    MUST(head.ts_min == run->head.ts_min && head.ts_max == run->head.ts_max);
    MUST(head.turn_min == run->head.turn_min);
    MUST(head.turn_max == run->head.turn_max);
}

static void
notes_must_be_same(const struct slg_notes_run *a, const struct slg_notes_run *b)
{
    for (size_t i = 0; i < a->head.count; i++) {
        const struct seglog_entry_note *x = &a->notes[i];
        const struct seglog_entry_note *y = &b->notes[i];

        MUST(a->is_absent[i] == b->is_absent[i]);
        MUST(x->record_no == y->record_no && x->turn == y->turn);
        if (a->is_absent[i])
            continue;
        MUST(x->ts_ms == y->ts_ms && x->ends_turn == y->ends_turn);
        MUST(strcmp(x->kind, y->kind) == 0);
    }
}

static void
block_must_return(const uint8_t *data, size_t len)
{
    static struct slg_notes_run run; /* large, and written by decode */
    static struct slg_notes_run second;
    static uint8_t again[SLG_NOTES_BLOCK_MAX];
    struct slg_notes_head head;

    if (!slg_notes_run_decode(data, len, &run)) {
        (void)slg_notes_head_decode(data, len, &head);
        return;
    }
    head_must_agree(&run, data, len);
    const size_t used = slg_notes_run_encode(&run, again);
    MUST(used <= SLG_NOTES_BLOCK_MAX);
    MUST(slg_notes_run_decode(again, used, &second));
    notes_must_be_same(&run, &second);
}

static void
row_must_hold(const uint8_t *data, size_t len)
{
    const size_t key_len = len < SLG_ROW_KEY_BYTES ? len : SLG_ROW_KEY_BYTES;
    const struct slg_row from = {
        .key = { (const char *)data, key_len },
        .value = { (const char *)data + key_len, len - key_len },
    };
    struct seglog_session_row row;
    uint8_t key[SLG_ROW_KEY_BYTES];
    struct seglog_slice again;

    if (!slg_row_decode(&from, &row))
        return;
    again = slg_row_key(&row.session, &row.segment, key);
    MUST(again.len == key_len && memcmp(again.data, data, key_len) == 0);
    MUST(row.label.len <= len - key_len);
    for (size_t i = 0; i < row.label.len; i++)
        MUST(row.label.data + i < (const char *)data + len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = NULL;

    if (size < 1 || size > 2 * SLG_NOTES_BLOCK_MAX)
        return 0;
    exact = exact_copy(data + 1, size - 1);
    if (data[0] % 3 == 0)
        attributes_must_return(exact, size - 1);
    else if (data[0] % 3 == 1)
        block_must_return(exact, size - 1);
    else
        row_must_hold(exact, size - 1);
    free(exact);
    return 0;
}
