/* SPDX-License-Identifier: MIT */
/* tests/segment/test_segment_chain.c - SPEC.md 16.1: the chain, computed. */
#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "src/segment/segment_chain.h"

/* The values of SPEC.md 16.1. */
struct row {
    const char *sha256;
    const char *xxh3;
};

static const struct row event_heads[] = {
    { "6734db3b19b64dc83703f9a1f4aee7697dfb292fb4e0827cc63f8a351b1b3609",
      "39f826ce1fd3428a4af2a18fd4a69a76" },
    { "c3264e44ce0fc80546e540a3af36fea37813f8df623b2f278b73e8ae12965c28",
      "da6e0b8929fe30f8e5f8a9da421f6d34" },
    { "fbfbc1b5e8e1f05090b2110dae19121070440a077faa288ae1f8b1d33312e063",
      "0be6be2222f86a82f7093179f3a526a4" },
};
static const struct row empty_event = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "a6cd5e9392000f6ac44bdff4074eecdb"
};
static const struct row tombstone_2 = {
    "fd772eb13984aa9877d072359e9e11302336d8db72c537ae252492203c1670fd",
    "14d096aac8cc5766cdf94321bdfad6fe"
};
static const struct row tombstone_1 = {
    "1da717d2f13f868c773affdb6b1885ee6e38e3ac24f0264faf6beafc28127823",
    "8533d5afe5cbe5d75abe08c37d268b3a"
};
static const struct row loss = {
    "9f08d94bc890e0a56e9a40470668ac9945beffdc7e0a805043a0b453aa0477d3",
    "a22f86f90f83ff6d832d0f863ad1b633"
};

static const unsigned algorithms[] = { SEGLOG_CHAIN_SHA256, SEGLOG_CHAIN_XXH3 };

/* Those that this build can compute. */
#define EACH_ALGORITHM(i)                                                      \
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)                          \
        if (slg_chain_is_computable(algorithms[i]))

static void
assert_head(const struct slg_chain *chain, const struct row *row)
{
    char text[2 * SEGLOG_CHAIN_HASH_MAX + 1] = "";

    assert_true(chain->is_known);
    for (size_t i = 0; i < chain->hash.len; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", chain->hash.bytes[i]);
    assert_string_equal(text, chain->algorithm == SEGLOG_CHAIN_SHA256
                                  ? row->sha256
                                  : row->xxh3);
}

/* The chain behind the first count of "event-0", "event-1", ... */
static struct slg_chain
chain_of(unsigned algorithm, unsigned count)
{
    struct slg_chain chain;

    slg_chain_begin(&chain, algorithm);
    for (unsigned i = 0; i < count; i++) {
        char text[16];
        const int len = snprintf(text, sizeof text, "event-%u", i);

        slg_chain_add_record(&chain, text, (size_t)len);
    }
    return chain;
}

static struct slg_tombstone
tombstone_of(unsigned algorithm, unsigned number)
{
    return (struct slg_tombstone){
        .algorithm = (uint8_t)algorithm,
        .number = number,
        .before = chain_of(algorithm, number - 1).hash,
        .hash = chain_of(algorithm, number).hash,
    };
}

static struct slg_chain_head
head_of(const struct slg_chain *chain)
{
    return (struct slg_chain_head){ .algorithm = chain->algorithm,
                                    .hash = chain->hash };
}

/* -- values ----------------------------------------------------------------- */

static void
chain__events__has_the_known_heads(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        for (unsigned count = 1; count <= COUNT_OF(event_heads); count++) {
            const struct slg_chain chain = chain_of(algorithms[a], count);

            assert_head(&chain, &event_heads[count - 1]);
        }
    }
}

static void
chain__empty_event__has_the_known_head(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        struct slg_chain chain = chain_of(algorithms[a], 0);

        slg_chain_add_record(&chain, NULL, 0);
        assert_head(&chain, &empty_event);
    }
}

static void
chain__tombstones__has_the_known_heads(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        struct slg_chain chain = chain_of(algorithms[a], 3);
        struct slg_tombstone tombstone = tombstone_of(algorithms[a], 2);

        slg_chain_add_tombstone(&chain, &tombstone);
        assert_head(&chain, &tombstone_2);
        chain = chain_of(algorithms[a], 3);
        tombstone = tombstone_of(algorithms[a], 1);
        slg_chain_add_tombstone(&chain, &tombstone);
        assert_head(&chain, &tombstone_1);
    }
}

/* Also the pieces that are too long to be joined. */
static void
chain__payload_of_any_length__is_hashed_as_one_with_what_is_before(void **state)
{
    enum {
        MOST = 5000
    };
    uint8_t *payload = malloc(MOST + 33);

    (void)state;
    assert_non_null(payload);
    test_fill(payload, MOST + 33, 3);
    EACH_ALGORITHM(a)
    {
        const unsigned hash_len = slg_chain_len(algorithms[a]);

        for (size_t len = 0; len <= MOST; len += len < 300 ? 1 : 97) {
            struct seglog_chain_hash before = { .len = (uint8_t)hash_len };
            const struct seglog_chain_hash none = { .len = 0 };
            struct seglog_chain_hash hash;
            struct seglog_chain_hash whole;

            /* hash(before || kind || rest) = hash(kind || all of it). */
            memcpy(before.bytes, payload, hash_len);
            payload[hash_len] = SLG_CHAIN_KIND_RECORD;
            slg_chain_hash(algorithms[a], &before, SLG_CHAIN_KIND_RECORD,
                           payload + hash_len + 1, len, &hash);
            const uint8_t first = payload[0];
            slg_chain_hash(algorithms[a], &none, (enum slg_chain_kind)first,
                           payload + 1, hash_len + len, &whole);
            assert_true(slg_chain_hash_is_same(&hash, &whole));
            assert_int_equal(hash.len, hash_len);
        }
    }
    free(payload);
}

/* -- going on --------------------------------------------------------------- */

static void
chain__head_that_is_right__goes_on(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        struct slg_chain chain = chain_of(algorithms[a], 2);
        const struct slg_chain_head head = head_of(&chain);

        assert_true(slg_chain_meet_head(&chain, &head));
        slg_chain_add_record(&chain, "event-2", 7);
        assert_head(&chain, &event_heads[2]);
    }
}

static void
chain__head_that_is_wrong__is_told_and_gone_on_with(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        const struct slg_chain right = chain_of(algorithms[a], 2);
        const struct slg_chain_head head = head_of(&right);
        struct slg_chain chain = chain_of(algorithms[a], 1);

        slg_chain_add_record(&chain, "event-x", 7);
        assert_false(slg_chain_meet_head(&chain, &head));
        slg_chain_add_record(&chain, "event-2", 7);
        assert_head(&chain, &event_heads[2]);
    }
}

static void
chain__not_known__is_known_from_a_head_on(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        const struct slg_chain right = chain_of(algorithms[a], 2);
        const struct slg_chain_head head = head_of(&right);
        struct slg_chain chain = { .algorithm = 0 };

        slg_chain_add_record(&chain, "whatever", 8);
        assert_false(chain.is_known);
        assert_true(slg_chain_meet_head(&chain, &head));
        slg_chain_add_record(&chain, "event-2", 7);
        assert_head(&chain, &event_heads[2]);
        slg_chain_forget(&chain);
        assert_false(chain.is_known);
        assert_true(chain.has_gap);
        assert_true(slg_chain_meet_head(&chain, &head));
        assert_false(chain.has_gap);
    }
}

static void
chain__head_of_another_algorithm__is_wrong_and_ignored(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        struct slg_chain chain = chain_of(algorithms[a], 2);
        const struct slg_chain_head head = {
            .algorithm = (uint8_t)(3 - algorithms[a]),
            .hash = { .len = (uint8_t)slg_chain_len(3 - algorithms[a]) },
        };

        assert_false(slg_chain_meet_head(&chain, &head));
        slg_chain_add_record(&chain, "event-2", 7);
        assert_head(&chain, &event_heads[2]);
    }
}

/* -- losses ------------------------------------------------------------------ */

static void
chain__begun_anew_behind_a_loss__follows_from_what_was_before(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        struct slg_chain chain = chain_of(algorithms[a], 1);
        struct slg_chain_head head = { .algorithm = (uint8_t)algorithms[a],
                                       .is_anew = true };

        slg_chain_hash_anew(algorithms[a], &chain.hash, 2, 3, &head.hash);
        slg_chain_add_gap(&chain, 2, 3);
        assert_false(chain.is_known);
        assert_true(slg_chain_meet_head(&chain, &head));
        assert_head(&chain, &loss);

        /* Two gaps side by side are one. */
        chain = chain_of(algorithms[a], 1);
        slg_chain_hash_anew(algorithms[a], &chain.hash, 2, 9, &head.hash);
        slg_chain_add_gap(&chain, 2, 5);
        slg_chain_add_gap(&chain, 5, 9);
        assert_true(slg_chain_meet_head(&chain, &head));
    }
}

static void
chain__begun_anew_with_another_value__is_wrong(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        const struct slg_chain start = chain_of(algorithms[a], 1);
        struct slg_chain_head head = { .algorithm = (uint8_t)algorithms[a],
                                       .is_anew = true };
        struct slg_chain chain = start;

        slg_chain_hash_anew(algorithms[a], &start.hash, 2, 4, &head.hash);
        slg_chain_add_gap(&chain, 2, 3);
        assert_false(slg_chain_meet_head(&chain, &head));
        /* And so is one that stands behind no loss. */
        chain = start;
        assert_false(slg_chain_meet_head(&chain, &head));
        /* A head as usual says where the chain goes on. */
        chain = start;
        head.is_anew = false;
        slg_chain_add_gap(&chain, 2, 3);
        assert_true(slg_chain_meet_head(&chain, &head));
        /* What was before is not known: nothing can be said. */
        chain = start;
        head.is_anew = true;
        slg_chain_forget(&chain);
        slg_chain_add_gap(&chain, 2, 3);
        assert_true(slg_chain_meet_head(&chain, &head));
    }
}

/* -- frames ------------------------------------------------------------------ */

static const struct slg_frame_limits limits = { .body_max = 65536,
                                                .has_digests = true };

static bool
pass(struct slg_chain *chain, unsigned kind, const void *body, size_t len)
{
    uint8_t bytes[256];
    struct slg_step step = { .bytes = bytes, .number = 5 };
    const size_t head = slg_frame_put_head(bytes, kind, false, (uint32_t)len);

    memcpy(bytes + head, body, len);
    const size_t all =
        slg_frame_finish(bytes, head, (uint32_t)len, &limits, 5, 1);
    assert_true(slg_frame_parse(bytes, all, &limits, &step.frame));
    step.body = bytes + head;
    step.body_len = len;
    step.count = slg_frame_count(bytes, all, &step.frame);
    return slg_chain_pass_step(chain, &step);
}

static void
pass_step__group__is_its_records_one_by_one(void **state)
{
    /* 2 records: TEXT "event-1", BYTES "event-2" */
    static const uint8_t group[] = "\x02\x1c"
                                   "event-1\x1d"
                                   "event-2";

    (void)state;
    EACH_ALGORITHM(a)
    {
        struct slg_chain chain = chain_of(algorithms[a], 0);

        assert_true(pass(&chain, SLG_FRAME_PART, "event-0", 7));
        assert_true(pass(&chain, SLG_FRAME_GROUP, group, sizeof group - 1));
        assert_head(&chain, &event_heads[2]);
    }
}

static void
pass_step__frames_of_the_chain__do_what_they_say(void **state)
{
    (void)state;
    EACH_ALGORITHM(a)
    {
        struct slg_chain chain = chain_of(algorithms[a], 3);
        const struct slg_tombstone tombstone = tombstone_of(algorithms[a], 2);
        struct slg_chain_head head = head_of(&chain);
        uint8_t bytes[SLG_TOMBSTONE_MAX];
        size_t len = slg_chain_head_encode(&head, 5, 1, bytes);

        assert_true(pass(&chain, SLG_FRAME_CONTROL, bytes + 2, len - 6));
        len = slg_tombstone_encode(&tombstone, 5, 1, bytes);
        assert_true(pass(&chain, SLG_FRAME_CONTROL, bytes + 2, len - 6));
        assert_head(&chain, &tombstone_2);
        len = slg_chain_head_encode(&head, 5, 1, bytes);
        assert_false(pass(&chain, SLG_FRAME_CONTROL, bytes + 2, len - 6));
        assert_true(slg_chain_hash_is_same(&chain.hash, &head.hash));
        /* Others are none of its business. */
        assert_true(pass(&chain, SLG_FRAME_CONTROL, "\x08text", 5));
        assert_true(slg_chain_hash_is_same(&chain.hash, &head.hash));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain__events__has_the_known_heads),
        cmocka_unit_test(chain__empty_event__has_the_known_head),
        cmocka_unit_test(chain__tombstones__has_the_known_heads),
        cmocka_unit_test(
            chain__payload_of_any_length__is_hashed_as_one_with_what_is_before),
        cmocka_unit_test(chain__head_that_is_right__goes_on),
        cmocka_unit_test(chain__head_that_is_wrong__is_told_and_gone_on_with),
        cmocka_unit_test(chain__not_known__is_known_from_a_head_on),
        cmocka_unit_test(
            chain__head_of_another_algorithm__is_wrong_and_ignored),
        cmocka_unit_test(
            chain__begun_anew_behind_a_loss__follows_from_what_was_before),
        cmocka_unit_test(chain__begun_anew_with_another_value__is_wrong),
        cmocka_unit_test(pass_step__group__is_its_records_one_by_one),
        cmocka_unit_test(pass_step__frames_of_the_chain__do_what_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
