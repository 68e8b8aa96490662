/* SPDX-License-Identifier: MIT */
/* tests/format/test_chain.c - SPEC.md 6.7 to 6.9: frames of the chain. */
#include "tests/support/seglog_test.h"

#include "format/chain.h"
#include "format/checksum.h"

#define SALT   UINT32_C(0x9ADDF50E)
#define NUMBER 12u

static const struct slg_frame_limits limits = { .body_max = 512,
                                                .has_digests = true };

static struct seglog_chain_hash
hash_of(uint8_t first, uint8_t len)
{
    struct seglog_chain_hash hash = { .len = len };

    for (uint8_t i = 0; i < len; i++)
        hash.bytes[i] = (uint8_t)(first + i);
    return hash;
}

/* The frame that was encoded is one, valid for its number. */
static struct slg_frame
frame_check(const uint8_t *bytes, size_t len, uint8_t control)
{
    struct slg_frame frame;

    assert_true(slg_frame_parse(bytes, len, &limits, &frame));
    assert_int_equal(frame.len, len);
    assert_int_equal(frame.control, control);
    assert_int_equal(slg_frame_mixed(bytes, &frame), slg_mix(NUMBER, SALT));
    return frame;
}

static bool
hashes_are_same(const struct seglog_chain_hash *a,
                const struct seglog_chain_hash *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* -- chain heads ------------------------------------------------------------ */

static void
chain_head__each_algorithm__has_its_bytes_and_comes_back(void **state)
{
    static const struct {
        uint8_t algorithm;
        uint8_t hash_len;
        bool is_anew;
        size_t frame_len;
    } rows[] = {
        { SEGLOG_CHAIN_SHA256, 32, false, 41 },
        { SEGLOG_CHAIN_SHA256, 0, false, 9 },
        { SEGLOG_CHAIN_SHA256, 32, true, 41 },
        { SEGLOG_CHAIN_XXH3, 16, false, 25 },
        { SEGLOG_CHAIN_XXH3, 0, true, 9 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct slg_chain_head head = {
            .algorithm = rows[i].algorithm,
            .is_anew = rows[i].is_anew,
            .hash = hash_of(0x40, rows[i].hash_len),
        };
        uint8_t bytes[SLG_CHAIN_HEAD_MAX];
        struct slg_chain_head again;
        const size_t len = slg_chain_head_encode(&head, NUMBER, SALT, bytes);

        assert_int_equal(len, rows[i].frame_len);
        assert_int_equal(bytes[0], 0xC0);
        assert_int_equal(bytes[1], len - 6);
        assert_int_equal(bytes[2], 5);
        assert_int_equal(bytes[3], rows[i].algorithm);
        assert_int_equal(bytes[4], rows[i].is_anew);
        assert_memory_equal(bytes + 5, head.hash.bytes, head.hash.len);
        const struct slg_frame frame =
            frame_check(bytes, len, SLG_CONTROL_CHAIN_HEAD);
        assert_true(slg_chain_head_decode(bytes, &frame, &again));
        assert_int_equal(again.algorithm, head.algorithm);
        assert_int_equal(again.is_anew, head.is_anew);
        assert_true(hashes_are_same(&again.hash, &head.hash));
    }
}

/* A control frame with this body, whatever it says. */
static struct slg_frame
frame_with(uint8_t *bytes, const uint8_t *body, size_t len)
{
    struct slg_frame frame;
    const size_t head =
        slg_frame_put_head(bytes, SLG_FRAME_CONTROL, false, (uint32_t)len);

    memcpy(bytes + head, body, len);
    const size_t all =
        slg_frame_finish(bytes, head, (uint32_t)len, &limits, NUMBER, SALT);
    assert_true(slg_frame_parse(bytes, all, &limits, &frame));
    return frame;
}

static void
chain_head__fields_out_of_range__is_none(void **state)
{
    static const struct {
        uint8_t start[3];
        size_t len;
    } rows[] = {
        { { 5, 0, 0 }, 35 }, { { 5, 3, 0 }, 35 }, { { 5, 3, 0 }, 3 },
        { { 5, 1, 2 }, 35 }, { { 5, 1, 0 }, 34 }, { { 5, 1, 0 }, 36 },
        { { 5, 1, 0 }, 19 }, { { 5, 2, 0 }, 35 }, { { 5, 2, 0 }, 18 },
        { { 5, 1, 0 }, 2 },  { { 5, 1, 0 }, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t body[40] = { 0 };
        uint8_t bytes[64];
        struct slg_chain_head head;

        memcpy(body, rows[i].start, 3);
        const struct slg_frame frame = frame_with(bytes, body, rows[i].len);
        uint8_t *exact = exact_copy(bytes, (size_t)frame.len);
        assert_false(slg_chain_head_decode(exact, &frame, &head));
        free(exact);
    }
}

/* -- tombstones --------------------------------------------------------------- */

static void
tombstone__each_algorithm__has_its_bytes_and_comes_back(void **state)
{
    static const struct {
        uint8_t algorithm;
        uint8_t before_len;
        uint8_t hash_len;
        uint64_t number;
        size_t frame_len;
    } rows[] = {
        { SEGLOG_CHAIN_SHA256, 32, 32, 7, 80 },
        { SEGLOG_CHAIN_SHA256, 0, 32, 1, 48 },
        { SEGLOG_CHAIN_XXH3, 16, 16, INT64_MAX, 48 },
        { SEGLOG_CHAIN_XXH3, 0, 16, 1, 32 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct slg_tombstone tombstone = {
            .algorithm = rows[i].algorithm,
            .number = rows[i].number,
            .before = hash_of(0x10, rows[i].before_len),
            .hash = hash_of(0x60, rows[i].hash_len),
        };
        uint8_t bytes[SLG_TOMBSTONE_MAX];
        uint8_t payload[SLG_TOMBSTONE_PAYLOAD_MAX];
        struct slg_tombstone again;
        const size_t len =
            slg_tombstone_encode(&tombstone, NUMBER, SALT, bytes);

        assert_int_equal(len, rows[i].frame_len);
        assert_int_equal(bytes[2], 9);
        assert_int_equal(bytes[3], rows[i].algorithm);
        assert_int_equal(slg_load_le64(bytes + 4), rows[i].number);
        const struct slg_frame frame =
            frame_check(bytes, len, SLG_CONTROL_TOMBSTONE);
        assert_true(slg_tombstone_decode(bytes, &frame, &again));
        assert_int_equal(again.algorithm, tombstone.algorithm);
        assert_int_equal(again.number, tombstone.number);
        assert_true(hashes_are_same(&again.before, &tombstone.before));
        assert_true(hashes_are_same(&again.hash, &tombstone.hash));
        assert_int_equal(slg_tombstone_payload(&tombstone, payload),
                         frame.body_len - 2);
        assert_memory_equal(payload, bytes + 4, frame.body_len - 2);
    }
}

static void
tombstone__fields_out_of_range__is_none(void **state)
{
    static const struct {
        uint8_t algorithm;
        uint64_t number;
        size_t len;
    } rows[] = {
        { 1, 0, 42 }, { 1, 0, 74 },
        { 1, 1, 74 }, { 1, 2, 42 },
        { 1, 2, 73 }, { 1, 2, 75 },
        { 2, 2, 74 }, { 2, 1, 42 },
        { 3, 2, 74 }, { 0, 2, 10 },
        { 1, 2, 10 }, { 1, 2, 2 },
        { 1, 1, 10 }, { 1, UINT64_C(1) << 63, 74 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t body[80] = { 9, rows[i].algorithm };
        uint8_t bytes[96];
        struct slg_tombstone tombstone;

        slg_store_le64(body + 2, rows[i].number);
        const struct slg_frame frame = frame_with(bytes, body, rows[i].len);
        uint8_t *exact = exact_copy(bytes, (size_t)frame.len);
        assert_false(slg_tombstone_decode(exact, &frame, &tombstone));
        free(exact);
    }
}

/* -- signatures ------------------------------------------------------------- */

static void
signature__encoded__comes_back(void **state)
{
    struct slg_signature signature;
    struct slg_signature again;
    uint8_t bytes[SLG_SIGNATURE_FRAME];

    (void)state;
    test_fill(&signature, sizeof signature, 5);
    const size_t len = slg_signature_encode(&signature, NUMBER, SALT, bytes);
    assert_int_equal(len, SLG_SIGNATURE_FRAME);
    assert_int_equal(bytes[2], 10);
    assert_int_equal(bytes[3], 1);
    const struct slg_frame frame =
        frame_check(bytes, len, SLG_CONTROL_SIGNATURE);
    assert_true(slg_signature_decode(bytes, &frame, &again));
    assert_memory_equal(&again, &signature, sizeof again);
}

static void
signature__of_another_kind_or_length__is_none(void **state)
{
    static const size_t lengths[] = { 98, 97, 99, 2, 1 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        /* The right length has the wrong kind. */
        const uint8_t body[99] = { 10, lengths[i] == 98 ? 2 : 1 };
        uint8_t bytes[128];
        struct slg_signature signature;
        const struct slg_frame frame = frame_with(bytes, body, lengths[i]);
        uint8_t *exact = exact_copy(bytes, (size_t)frame.len);

        assert_false(slg_signature_decode(exact, &frame, &signature));
        free(exact);
    }
}

static void
signed__of_a_head__has_its_bytes(void **state)
{
    const struct slg_signed what = {
        .identity = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
        .stream = 7,
        .algorithm = SEGLOG_CHAIN_XXH3,
        .next_offset = 0x0102,
        .hash = hash_of(0xA0, 16),
    };
    uint8_t bytes[SLG_SIGNED_MAX];
    uint8_t want[65] = "seglog head 1";

    (void)state;
    for (uint8_t i = 0; i < 16; i++) {
        want[16 + i] = i;
        want[49 + i] = (uint8_t)(0xA0 + i);
    }
    want[32] = 7;
    want[40] = 2;
    want[41] = 2;
    want[42] = 1;
    assert_int_equal(slg_signed_encode(&what, bytes), sizeof want);
    assert_memory_equal(bytes, want, sizeof want);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            chain_head__each_algorithm__has_its_bytes_and_comes_back),
        cmocka_unit_test(chain_head__fields_out_of_range__is_none),
        cmocka_unit_test(
            tombstone__each_algorithm__has_its_bytes_and_comes_back),
        cmocka_unit_test(tombstone__fields_out_of_range__is_none),
        cmocka_unit_test(signature__encoded__comes_back),
        cmocka_unit_test(signature__of_another_kind_or_length__is_none),
        cmocka_unit_test(signed__of_a_head__has_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
