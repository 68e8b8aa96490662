/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_tail_synced.c
 *
 * Goal    before somebody goes on behind what no sync is known to have covered,
 *         all of that is read, from the sync point on behind which it begins;
 *         where no sync points lead there, everything is.
 * Method  stretches of which one is damaged: it is told of where it is read.
 */
#include "tests/segment/forge_support.h"

#include "src/segment/segment_tail.h"

#define STRETCHES 6u
#define RECORDS   4u /* in a stretch */

static const size_t stretch_bytes = SLG_SYNC_POINT_BYTES + RECORDS * 46;

/* Stretches without a sync point in front of the first; the last sync point
 * says that the records up to `watermark` are durable. */
static void
stretches_make(struct forge *forge, uint64_t watermark)
{
    forge_start(forge);
    for (unsigned i = 0; i < STRETCHES; i++) {
        if (i == STRETCHES - 1)
            forge->watermark = watermark;
        if (i > 0)
            (void)forge_sync(forge);
        forge_fill(forge, RECORDS, 40);
    }
}

/* Sync point i of 1 to STRETCHES - 1. */
static uint8_t *
sync_at(struct forge *forge, unsigned i)
{
    return forge->bytes + FORGE_HEADER_BYTES + RECORDS * 46 +
           (i - 1) * stretch_bytes;
}

static void
sync_lead(struct forge *forge, unsigned i, uint32_t distance)
{
    struct slg_mark mark;

    assert_true(
        slg_mark_decode(sync_at(forge, i), SLG_SYNC_POINT_BYTES, &mark));
    mark.distance = distance;
    (void)slg_mark_encode(&mark, sync_at(forge, i));
}

/* Is the damage in this stretch told of? */
static bool
damage_is_told(const struct forge *forge, unsigned stretch)
{
    struct slg_tail tail;
    struct seglog_store store;
    struct seglog_blob blob;
    uint8_t *bytes = forge_copy(forge);

    bytes[forge_frame_of(forge, stretch * RECORDS + 2)->offset + 20] ^= 1;
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_write(store, "log", bytes, forge->len);
    assert_ok(seglog_blob_open(store, "log", SEGLOG_OPEN_READ, &blob, NULL));
    assert_ok(slg_tail_find(blob, "log", 0, NULL, &tail, NULL));
    assert_int_equal(tail.verdict, stretch == STRETCHES - 1
                                       ? SEGLOG_VERDICT_CORRUPT
                                       : SEGLOG_VERDICT_OK);
    assert_ok(slg_tail_check(blob, "log", 0, NULL, &tail, NULL));
    assert_int_equal(tail.end, forge->len);
    assert_int_equal(tail.number, forge->number);
    assert_int_equal(tail.line, forge->line);
    assert_ok(seglog_blob_close(&blob, NULL));
    seglog_store_close(&store);
    free(bytes);
    return tail.verdict != SEGLOG_VERDICT_OK;
}

static void
check__damage_behind_what_is_durable__is_told(void **state)
{
    (void)state;
    for (uint64_t watermark = 0; watermark <= RECORDS * (STRETCHES - 1);
         watermark++) {
        /* The last sync point behind which nothing durable is; 0: the start. */
        const uint64_t from = watermark / RECORDS;

        for (unsigned stretch = 0; stretch < STRETCHES; stretch++) {
            struct forge forge;

            stretches_make(&forge, watermark);
            assert_int_equal(damage_is_told(&forge, stretch),
                             stretch >= from || stretch == STRETCHES - 1);
            forge_free(&forge);
        }
    }
}

/* From the fourth sync point the way leads to something else. */
static void
check__where_the_way_back_ends__reads_everything(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        struct forge forge;
        struct slg_mark mark;
        uint8_t *third = NULL;
        const bool is_the_way_whole = i == 0;

        stretches_make(&forge, 2 * RECORDS);
        const uint32_t third_at = (uint32_t)(sync_at(&forge, 3) - forge.bytes);
        const uint32_t fourth_at = (uint32_t)(sync_at(&forge, 4) - forge.bytes);
        third = sync_at(&forge, 3);
        assert_true(slg_mark_decode(third, SLG_SYNC_POINT_BYTES, &mark));
        switch (i) {
        case 0: /* nothing is changed: the second one is the last to go to */
            break;
        case 1:
            sync_lead(&forge, 4, 0);
            break;
        case 2: /* before the segment */
            sync_lead(&forge, 4, fourth_at + 1);
            break;
        case 3: /* the header */
            sync_lead(&forge, 4, fourth_at);
            break;
        case 4: /* a record */
            sync_lead(&forge, 4, fourth_at - third_at - SLG_SYNC_POINT_BYTES);
            break;
        case 5: /* one of another place, that could begin what is durable */
            mark.offset++;
            mark.number = 1;
            break;
        case 6: /* a stranger's */
            memcpy(mark.identity, forge_stranger, sizeof mark.identity);
            mark.number = 1;
            break;
        case 7: /* a closing mark */
            mark.type = SLG_CONTROL_CLOSING_MARK;
            mark.number = 1;
            break;
        default: /* behind the end, in 32 bits */
            sync_lead(&forge, 4, UINT32_MAX);
            break;
        }
        if (i >= 5 && i < 8)
            (void)slg_mark_encode(&mark, third);
        assert_int_equal(damage_is_told(&forge, 0), !is_the_way_whole);
        assert_true(damage_is_told(&forge, 2) || i == 7);
        forge_free(&forge);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check__damage_behind_what_is_durable__is_told),
        cmocka_unit_test(check__where_the_way_back_ends__reads_everything),
    };

    return cmocka_run_group_tests_name("segment/tail_synced", tests, NULL,
                                       NULL);
}
