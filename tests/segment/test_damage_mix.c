/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_damage_mix.c
 *
 * Goal    whatever is done to a segment, several times over, no record comes
 *         back that was not written under its number, and scan, salvaging and
 *         strict reader say the same.
 * Method  segments of every kind of frame, damaged in 1 to 6 random ways;
 *         look_at checks all of it.  SEGLOG_MIX_ROUNDS asks for more rounds.
 */
#include "tests/segment/forge_support.h"

#define ROUNDS 1500u

static struct look look;

struct mix {
    uint8_t *bytes;
    size_t len;
    uint64_t seed;
};

static size_t
mix_pick(struct mix *mix, size_t below)
{
    return below == 0 ? 0 : (size_t)(test_random(&mix->seed) % below);
}

static void
segment_make(struct mix *mix, struct forge *forge)
{
    struct slg_header header = forge_header();
    const size_t frames = 5 + mix_pick(mix, 60);

    if (mix_pick(mix, 4) == 0)
        header.first_record = 1 + mix_pick(mix, 100000);
    if (mix_pick(mix, 6) == 0)
        header.features_refuse = SLG_REFUSE_NO_XXH3;
    forge_start_with(forge, &header);
    for (size_t i = 0; i < frames; i++) {
        const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                     .cause = SEGLOG_CAUSE_CHECKSUM,
                                     .count = 1 + mix_pick(mix, 5) };

        switch (mix_pick(mix, 14)) {
        case 0:
            (void)forge_sync(forge);
            break;
        case 1:
            forge_fill_groups(forge, 1, 2 + mix_pick(mix, 6), 12);
            break;
        case 2:
            (void)forge_put(forge, SEGLOG_BYTES, "\n", mix_pick(mix, 2));
            break;
        case 3:
            if (mix_pick(mix, 4) == 0)
                (void)forge_gap(forge, &gap);
            break;
        case 4:
            if (mix_pick(mix, 4) == 0)
                (void)forge_close(forge);
            break;
        case 5:
            if (mix_pick(mix, 4) == 0)
                (void)forge_unknown(forge, 1 + mix_pick(mix, 30));
            break;
        case 6:
            if (mix_pick(mix, 4) == 0)
                (void)forge_new_epoch(forge, forge->number);
            break;
        case 7:
            forge->watermark = forge->number - 1;
            forge->is_durable = forge->number > header.first_record;
            break;
        default:
            forge_fill(forge, 1, 8 + mix_pick(mix, 80));
            break;
        }
    }
    if (mix_pick(mix, 2) == 0)
        (void)forge_close(forge);
}

/* A place behind the header: often that of a frame. */
static size_t
place_pick(struct mix *mix, const struct forge *forge)
{
    if (mix_pick(mix, 2) == 0 && forge->frame_count > 0) {
        const size_t offset =
            forge->frames[mix_pick(mix, forge->frame_count)].offset;

        if (offset < mix->len)
            return offset;
    }
    return SLG_HEADER_BYTES + mix_pick(mix, mix->len - SLG_HEADER_BYTES);
}

static size_t
length_pick(struct mix *mix, const struct forge *forge)
{
    return mix_pick(mix, 2) == 0 && forge->frame_count > 0
               ? forge->frames[mix_pick(mix, forge->frame_count)].len
               : 1 + mix_pick(mix, 300);
}

/* Copy [from, from + len) to `to`, over what is there or between. */
static void
bytes_copy(struct mix *mix, size_t from, size_t len, size_t to, bool is_insert)
{
    uint8_t *copy = exact_copy(mix->bytes + from, len);

    if (is_insert) {
        mix->bytes = realloc(mix->bytes, mix->len + len);
        assert_non_null(mix->bytes);
        memmove(mix->bytes + to + len, mix->bytes + to, mix->len - to);
        mix->len += len;
    } else if (len > mix->len - to) {
        len = mix->len - to;
    }
    memcpy(mix->bytes + to, copy, len);
    free(copy);
}

static void
damage_once(struct mix *mix, const struct forge *forge)
{
    const size_t at = place_pick(mix, forge);
    size_t len = length_pick(mix, forge);

    if (len > mix->len - at)
        len = mix->len - at;
    switch (mix_pick(mix, 8)) {
    case 0:
    case 1:
        mix->bytes[at] ^= (uint8_t)(1u << mix_pick(mix, 8));
        break;
    case 2:
        test_fill(mix->bytes + at, len, mix->seed);
        break;
    case 3:
        memset(mix->bytes + at, mix_pick(mix, 2) == 0 ? 0 : 0xFF, len);
        break;
    case 4: /* removed */
        memmove(mix->bytes + at, mix->bytes + at + len, mix->len - at - len);
        mix->len -= len;
        break;
    case 5: /* copied: between, or over */
    case 6:
        bytes_copy(mix, at, len, place_pick(mix, forge), mix_pick(mix, 2) == 0);
        break;
    default:
        if (mix_pick(mix, 3) == 0)
            mix->len -= (mix->len - SLG_HEADER_BYTES) / 4;
        break;
    }
}

/* Repair saves all that the scan counts, and tells of all that is lost. */
static void
repair_check(const struct mix *mix, unsigned round)
{
    struct seglog_scan_summary summary;
    struct seglog_store store;
    struct seglog_error err = { 0 };

    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", mix->bytes, mix->len);
    const seglog_code code =
        seglog_repair(store, "log", store, "new", NULL, NULL, &err);
    if (code != SEGLOG_OK)
        fail_msg("round %u: repair fails: %s\n%s", round, err.message,
                 look.text);
    assert_ok(seglog_scan(store, "new", NULL, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
    assert_int_equal(summary.records, look.summary.records);
    assert_int_equal(summary.recorded_lost,
                     look.summary.lost + look.summary.recorded_lost);
    assert_int_equal(summary.next_record, look.summary.next_record);
    seglog_store_close(&store);
}

static unsigned
rounds_wanted(void)
{
    const char *text = getenv("SEGLOG_MIX_ROUNDS");

    return text ? (unsigned)strtoul(text, NULL, 10) : ROUNDS;
}

static void
damage__of_any_kind_several_times__is_never_a_wrong_record(void **state)
{
    const unsigned rounds = rounds_wanted();

    (void)state;
    for (unsigned round = 0; round < rounds; round++) {
        struct mix mix = { .seed = round * UINT64_C(7919) + 1 };
        struct forge forge;

        segment_make(&mix, &forge);
        mix.bytes = forge_copy(&forge);
        mix.len = forge.len;
        look_at(&forge, mix.bytes, mix.len, &look);
        if (look.finding_count != 0)
            fail_msg("round %u: sound, and yet\n%s", round, look.text);
        size_t times = 1 + mix_pick(&mix, 6);
        while (times-- > 0 && mix.len > SLG_HEADER_BYTES)
            damage_once(&mix, &forge);
        /* More than that may leave nothing to recognise a segment by. */
        if (mix_pick(&mix, 20) == 0)
            mix.bytes[mix_pick(&mix, SLG_HEADER_BYTES)] ^= 4;
        look_at(&forge, mix.bytes, mix.len, &look);
        if (round % 4 == 0)
            repair_check(&mix, round);
        free(mix.bytes);
        forge_free(&forge);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            damage__of_any_kind_several_times__is_never_a_wrong_record),
    };

    return cmocka_run_group_tests_name("segment/damage_mix", tests, NULL, NULL);
}
