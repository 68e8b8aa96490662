/* SPDX-License-Identifier: MIT */
/*
 * tests/codec/test_codec.c
 *
 * Goal    what packers make, unpackers read, whatever the bodies are like and
 *         whoever else added to the history; memory that runs out is said and
 *         costs nothing but what it says.
 * Method  bodies of all sorts under every plan, while the k-th allocation
 *         fails, for all k.
 */
#include "tests/support/seglog_test.h"

#include "src/codec/packer.h"
#include "src/codec/unpacker.h"
#include "src/codec/zrun.h"

#define BODY_MAX ((size_t)300000)
#define LEVEL    3

/* -- allocations that fail ------------------------------------------------- */

static bool is_armed;
static uint64_t allocation_fails; /* 0: none; else this one, counted down */
static uint64_t allocations_failed;

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                    \
    !defined(__SANITIZE_THREAD__)
#define CAN_FAIL 1

void *
__libc_malloc(size_t size);
void *
__libc_calloc(size_t count, size_t size);
void *
__libc_realloc(void *at, size_t size);

/* Also for the libraries that the library is linked with. */
#define EXPORTED __attribute__((visibility("default")))

static bool
allocation_is_refused(void)
{
    if (!is_armed || allocation_fails == 0 || --allocation_fails > 0)
        return false;
    allocations_failed++;
    return true;
}

EXPORTED void *
malloc(size_t size)
{
    return allocation_is_refused() ? NULL : __libc_malloc(size);
}

EXPORTED void *
calloc(size_t count, size_t size)
{
    return allocation_is_refused() ? NULL : __libc_calloc(count, size);
}

EXPORTED void *
realloc(void *at, size_t size)
{
    return allocation_is_refused() ? NULL : __libc_realloc(at, size);
}
#else
#define CAN_FAIL 0
#endif

static void
fail_at(uint64_t k)
{
    allocation_fails = k;
    allocations_failed = 0;
}

/* -- bodies ---------------------------------------------------------------- */

struct body {
    size_t len;
    bool is_random;
};

static const struct body bodies[] = {
    { 100, false },    { 0, false },     { 101, false },  { 3000, true },
    { 5000, false },   { 70000, false }, { 90, true },    { 64, false },
    { 200000, false }, { 50, false },    { 40000, true }, { 300, false },
};

static void
body_make(const struct body *body, uint64_t seed, uint8_t *out)
{
    static const char words[] =
        "{\"time\":17,\"who\":\"a service\",\"text\":\"";

    for (size_t i = 0; i < body->len; i++) {
        const uint64_t random =
            body->is_random || i % 40 == 17 ? test_random(&seed) : 0;

        out[i] = body->is_random || i % 40 == 17
                     ? (uint8_t)(random >> 20)
                     : (uint8_t)words[i % (sizeof words - 1)];
    }
}

static const uint8_t base[] =
    "{\"time\":17,\"who\":\"a service\",\"text\":\"of "
    "what all have in common";

static const struct slg_packer_plan plans[] = {
    { .level = LEVEL, .with_deflate = true },
    { .level = 19, .with_deflate = true, .is_small = true },
    { .level = LEVEL, .with_zstd = true },
    { .level = LEVEL, .with_deflate = true, .with_zstd = true },
    { .level = LEVEL,
      .with_zstd = true,
      .base = base,
      .base_len = sizeof base - 1 },
    { .level = LEVEL,
      .with_deflate = true,
      .base = base,
      .base_len = sizeof base - 1 },
};

static bool
plan_is_there(const struct slg_packer_plan *plan)
{
    return !plan->with_zstd || slg_zrun_is_there();
}

static struct slg_unpacker *
unpacker_of(const struct slg_packer_plan *plan)
{
    struct slg_unpacker *unpacker = slg_unpacker_new(
        plan->with_zstd ? SLG_HISTORY_ZSTD_BYTES : SLG_HISTORY_BYTES);

    if (unpacker &&
        !slg_unpacker_set_base(unpacker, plan->base, plan->base_len)) {
        slg_unpacker_free(unpacker);
        return NULL;
    }
    return unpacker;
}

/* Read what was packed, and expect it to be data. */
static void
unpack_ok(struct slg_unpacker *unpacker, const struct slg_packed *packed,
          const uint8_t *data, size_t len)
{
    const struct slg_unpack_in in = { .packing = packed->packing,
                                      .bytes = packed->bytes,
                                      .len = packed->len };
    const uint8_t *out = NULL;
    size_t out_len = 0;

    if (packed->packing == SLG_PACKING_NONE) {
        assert_int_equal(packed->len, len);
        assert_true(slg_unpacker_add(unpacker, data, len));
        return;
    }
    assert_int_equal(slg_unpacker_run(unpacker, &in, len, &out, &out_len),
                     SLG_UNPACK_OK);
    assert_int_equal(out_len, len);
    assert_memory_equal(out, data, len);
    assert_true(slg_unpacker_accept(unpacker));
}

/* -- packing --------------------------------------------------------------- */

static void
packer_pack_all(const struct slg_packer_plan *plan, uint8_t *data)
{
    struct slg_packer *packer = NULL;
    struct slg_unpacker *unpacker = unpacker_of(plan);

    assert_non_null(unpacker);
    is_armed = true;
    packer = slg_packer_new(plan);
    is_armed = false;
    if (!packer)
        assert_int_equal(allocations_failed, 1);
    for (size_t i = 0; packer && i < COUNT_OF(bodies); i++) {
        struct slg_packed packed;

        body_make(&bodies[i], i, data);
        is_armed = true;
        bool is_packed =
            slg_packer_run(packer, data, bodies[i].len, BODY_MAX, &packed);
        is_armed = false;
        if (!is_packed) {
            assert_int_equal(allocations_failed, 1);
            allocations_failed = 0;
            slg_packer_clear(packer);
            slg_unpacker_clear(unpacker);
            i--;
            fail_at(0);
            allocations_failed = 1;
            continue;
        }
        unpack_ok(unpacker, &packed, data, bodies[i].len);
    }
    slg_packer_free(packer);
    slg_unpacker_free(unpacker);
}

static void
pack__any_bodies__are_read_back_also_after_memory_ran_out(void **state)
{
    uint8_t *data = malloc(BODY_MAX);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        if (!plan_is_there(&plans[i]))
            continue;
        fail_at(0);
        packer_pack_all(&plans[i], data);
        for (uint64_t k = 1; CAN_FAIL; k++) {
            fail_at(k);
            packer_pack_all(&plans[i], data);
            if (allocations_failed == 0)
                break;
        }
    }
    free(data);
}

/* A body of a run that does not fit is stored, and the run is at its end. */
static void
pack__a_body_of_a_run_that_exceeds_its_room__is_stored_and_ends_it(void **state)
{
    const struct slg_packer_plan *plan = &plans[2];
    const struct body random = { 3000, true };
    const struct body words = { 3000, false };
    static const enum slg_packing expected[] = {
        SLG_PACKING_FIRST, SLG_PACKING_NEXT, SLG_PACKING_NONE, SLG_PACKING_FIRST
    };
    uint8_t data[3000];
    struct slg_packer *packer = NULL;
    struct slg_unpacker *unpacker = NULL;

    (void)state;
    if (!slg_zrun_is_there())
        skip();
    fail_at(0);
    packer = slg_packer_new(plan);
    unpacker = unpacker_of(plan);
    assert_non_null(packer);
    assert_non_null(unpacker);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        struct slg_packed packed;

        body_make(i == 2 ? &random : &words, i, data);
        assert_true(
            slg_packer_run(packer, data, sizeof data, sizeof data, &packed));
        assert_int_equal(packed.packing, expected[i]);
        unpack_ok(unpacker, &packed, data, sizeof data);
    }
    slg_packer_free(packer);
    slg_unpacker_free(unpacker);
}

/* -- unpacking ------------------------------------------------------------- */

struct packed_body {
    struct slg_packed packed;
    uint8_t *bytes;
    uint8_t *data;
};

static void
pack_list(const struct slg_packer_plan *plan, struct packed_body *list)
{
    struct slg_packer *packer = slg_packer_new(plan);

    assert_non_null(packer);
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        list[i].data = malloc(bodies[i].len + 1);
        assert_non_null(list[i].data);
        body_make(&bodies[i], i, list[i].data);
        assert_true(slg_packer_run(packer, list[i].data, bodies[i].len,
                                   BODY_MAX, &list[i].packed));
        list[i].bytes = exact_copy(list[i].packed.bytes, list[i].packed.len);
        list[i].packed.bytes = list[i].bytes;
    }
    slg_packer_free(packer);
}

static void
list_free(struct packed_body *list)
{
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        free(list[i].bytes);
        free(list[i].data);
    }
}

/* One body; false: no memory. */
static bool
unpack_one(struct slg_unpacker *unpacker, const struct packed_body *body,
           size_t len)
{
    static const uint8_t prefix[] = "in front";
    const struct slg_unpack_in in = { .packing = body->packed.packing,
                                      .prefix = prefix,
                                      .prefix_len = 0,
                                      .bytes = body->bytes,
                                      .len = body->packed.len };
    const uint8_t *out = NULL;
    size_t out_len = 0;

    if (body->packed.packing == SLG_PACKING_NONE)
        return slg_unpacker_add(unpacker, body->data, len);
    const enum slg_unpack_state code =
        slg_unpacker_run(unpacker, &in, BODY_MAX, &out, &out_len);
    if (code == SLG_UNPACK_NO_MEMORY)
        return false;
    assert_int_equal(code, SLG_UNPACK_OK);
    assert_int_equal(out_len, len);
    assert_memory_equal(out, body->data, len);
    return slg_unpacker_accept(unpacker);
}

/* Read all, going on with a copy of the unpacker at each body. */
static void
unpack_all(const struct slg_packer_plan *plan, const struct packed_body *list)
{
    struct slg_unpacker *unpacker = NULL;
    bool is_there = true;

    is_armed = true;
    unpacker = unpacker_of(plan);
    is_there = unpacker != NULL;
    for (size_t i = 0; is_there && i < COUNT_OF(bodies); i++) {
        struct slg_unpacker *copy = unpacker_of(plan);

        is_there = copy && slg_unpacker_copy(copy, unpacker);
        slg_unpacker_free(unpacker);
        unpacker = copy;
        is_there = is_there && unpack_one(unpacker, &list[i], bodies[i].len);
    }
    slg_unpacker_free(unpacker);
    is_armed = false;
    assert_true(is_there || allocations_failed == 1);
}

static void
unpack__with_a_copy_at_each_body__reads_them_or_says_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct packed_body list[COUNT_OF(bodies)];

        if (!plan_is_there(&plans[i]))
            continue;
        fail_at(0);
        pack_list(&plans[i], list);
        unpack_all(&plans[i], list);
        for (uint64_t k = 1; CAN_FAIL; k++) {
            fail_at(k);
            unpack_all(&plans[i], list);
            if (allocations_failed == 0)
                break;
        }
        list_free(list);
    }
}

static void
unpack__into_less_room_than_it_needs__is_bad(void **state)
{
    static const uint8_t prefix[] = "in front";

    (void)state;
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct packed_body list[COUNT_OF(bodies)];
        const size_t len = bodies[0].len + sizeof prefix;

        if (!plan_is_there(&plans[i]))
            continue;
        fail_at(0);
        pack_list(&plans[i], list);
        const struct slg_unpack_in in = { .packing = list[0].packed.packing,
                                          .prefix = prefix,
                                          .prefix_len = sizeof prefix,
                                          .bytes = list[0].bytes,
                                          .len = list[0].packed.len };
        const size_t rooms[] = { len, len - 1, sizeof prefix, sizeof prefix - 1,
                                 0 };

        for (size_t r = 0; r < COUNT_OF(rooms); r++) {
            struct slg_unpacker *unpacker = unpacker_of(&plans[i]);
            const uint8_t *out = NULL;
            size_t out_len = 0;

            assert_non_null(unpacker);
            assert_int_equal(
                slg_unpacker_run(unpacker, &in, rooms[r], &out, &out_len),
                r == 0 ? SLG_UNPACK_OK : SLG_UNPACK_BAD);
            if (r == 0) {
                assert_int_equal(out_len, len);
                assert_memory_equal(out, prefix, sizeof prefix);
                assert_memory_equal(out + sizeof prefix, list[0].data,
                                    bodies[0].len);
            }
            slg_unpacker_free(unpacker);
        }
        list_free(list);
    }
}

static void
unpack__behind_a_body_that_was_not_accepted__is_bad_in_a_run(void **state)
{
    struct packed_body list[COUNT_OF(bodies)];
    struct slg_unpacker *unpacker = NULL;
    struct slg_unpacker *copy = NULL;
    const uint8_t *out = NULL;
    size_t len = 0;

    (void)state;
    if (!slg_zrun_is_there())
        skip();
    fail_at(0);
    pack_list(&plans[2], list);
    assert_int_equal(list[0].packed.packing, SLG_PACKING_FIRST);
    assert_int_equal(list[2].packed.packing, SLG_PACKING_NEXT);
    const struct slg_unpack_in first = { .packing = SLG_PACKING_FIRST,
                                         .bytes = list[0].bytes,
                                         .len = list[0].packed.len };
    const struct slg_unpack_in next = { .packing = SLG_PACKING_NEXT,
                                        .bytes = list[2].bytes,
                                        .len = list[2].packed.len };

    unpacker = unpacker_of(&plans[2]);
    copy = unpacker_of(&plans[2]);
    assert_non_null(unpacker);
    assert_non_null(copy);
    /* Not without a first one. */
    assert_int_equal(slg_unpacker_run(unpacker, &next, BODY_MAX, &out, &len),
                     SLG_UNPACK_BAD);
    assert_int_equal(slg_unpacker_run(unpacker, &first, BODY_MAX, &out, &len),
                     SLG_UNPACK_OK);
    /* A copy of one that waits to be told is not in the run either. */
    assert_true(slg_unpacker_copy(copy, unpacker));
    assert_int_equal(slg_unpacker_run(copy, &next, BODY_MAX, &out, &len),
                     SLG_UNPACK_BAD);
    assert_int_equal(slg_unpacker_run(unpacker, &next, BODY_MAX, &out, &len),
                     SLG_UNPACK_BAD);
    /* From the start again. */
    assert_int_equal(slg_unpacker_run(unpacker, &first, BODY_MAX, &out, &len),
                     SLG_UNPACK_OK);
    assert_true(slg_unpacker_accept(unpacker));
    assert_true(slg_unpacker_copy(copy, unpacker));
    assert_int_equal(slg_unpacker_run(unpacker, &next, BODY_MAX, &out, &len),
                     SLG_UNPACK_OK);
    assert_memory_equal(out, list[2].data, bodies[2].len);
    assert_int_equal(slg_unpacker_run(copy, &next, BODY_MAX, &out, &len),
                     SLG_UNPACK_OK);
    assert_int_equal(len, bodies[2].len);
    slg_unpacker_free(unpacker);
    slg_unpacker_free(copy);
    list_free(list);
}

/* The room of the body before is larger than what this one may take. */
static void
unpack__into_less_room_than_a_body_before_it__is_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct packed_body list[COUNT_OF(bodies)];
        struct slg_unpacker *unpacker = NULL;
        const uint8_t *out = NULL;
        size_t len = 0;

        if (!plan_is_there(&plans[i]))
            continue;
        fail_at(0);
        pack_list(&plans[i], list);
        unpacker = unpacker_of(&plans[i]);
        assert_non_null(unpacker);
        for (size_t k = 0; k < 5; k++)
            assert_true(unpack_one(unpacker, &list[k], bodies[k].len));
        const struct slg_unpack_in in = { .packing = list[0].packed.packing,
                                          .bytes = list[0].bytes,
                                          .len = list[0].packed.len };

        slg_unpacker_clear(unpacker);
        assert_int_equal(
            slg_unpacker_run(unpacker, &in, bodies[0].len - 1, &out, &len),
            SLG_UNPACK_BAD);
        assert_int_equal(
            slg_unpacker_run(unpacker, &in, bodies[0].len, &out, &len),
            SLG_UNPACK_OK);
        assert_memory_equal(out, list[0].data, bodies[0].len);
        slg_unpacker_free(unpacker);
        list_free(list);
    }
}

/* One stored block of zstd as a body of so many bytes; returns its room. */
static size_t
run_body_make(uint8_t *bytes, size_t len)
{
    const uint32_t block = (uint32_t)(len - 3) << 3;

    for (unsigned i = 0; i < 3; i++)
        bytes[i] = (uint8_t)(block >> 8 * i);
    for (size_t i = 3; i < len; i++)
        bytes[i] = (uint8_t)(i * 7);
    return len - 3;
}

static enum slg_unpack_state
run_body_read(struct slg_unpacker *unpacker, enum slg_packing packing,
              uint8_t *bytes, size_t len)
{
    const struct slg_unpack_in in = { .packing = packing,
                                      .bytes = bytes,
                                      .len = len };
    const uint8_t *out = NULL;
    size_t out_len = 0;
    const size_t plain = run_body_make(bytes, len);
    const enum slg_unpack_state code =
        slg_unpacker_run(unpacker, &in, BODY_MAX, &out, &out_len);

    if (code != SLG_UNPACK_OK)
        return code;
    assert_int_equal(out_len, plain);
    assert_memory_equal(out, bytes + 3, plain);
    assert_true(slg_unpacker_accept(unpacker));
    return code;
}

/* SPEC.md 7.5: no body behind more than 1 MiB of bodies as they are stored. */
static void
unpack__a_body_behind_a_mebibyte_of_its_run__is_bad(void **state)
{
    uint8_t *bytes = malloc(131072);
    struct slg_unpacker *unpacker = NULL;

    (void)state;
    if (!slg_zrun_is_there())
        skip();
    fail_at(0);
    unpacker = unpacker_of(&plans[2]);
    assert_non_null(unpacker);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(
            run_body_read(unpacker,
                          i == 0 ? SLG_PACKING_FIRST : SLG_PACKING_NEXT, bytes,
                          131072),
            SLG_UNPACK_OK);
    assert_int_equal(run_body_read(unpacker, SLG_PACKING_NEXT, bytes, 4),
                     SLG_UNPACK_OK);
    assert_int_equal(run_body_read(unpacker, SLG_PACKING_NEXT, bytes, 4),
                     SLG_UNPACK_BAD);
    slg_unpacker_free(unpacker);
    free(bytes);
}

static void
unpack__nothing_at_all_in_a_run__is_bad(void **state)
{
    const struct slg_unpack_in in = { .packing = SLG_PACKING_FIRST,
                                      .bytes = (const uint8_t *)"" };
    struct slg_unpacker *unpacker = unpacker_of(&plans[2]);
    const uint8_t *out = NULL;
    size_t len = 0;

    (void)state;
    assert_non_null(unpacker);
    assert_int_equal(slg_unpacker_run(unpacker, &in, BODY_MAX, &out, &len),
                     SLG_UNPACK_BAD);
    slg_unpacker_free(unpacker);
}

static void
unpack__any_changed_byte__is_bad_or_stays_inside_its_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct packed_body list[COUNT_OF(bodies)];

        if (!plan_is_there(&plans[i]))
            continue;
        fail_at(0);
        pack_list(&plans[i], list);
        struct slg_unpack_in in = { .packing = list[0].packed.packing,
                                    .len = list[0].packed.len };

        for (size_t at = 0; at < in.len * 8; at++) {
            struct slg_unpacker *unpacker = unpacker_of(&plans[i]);
            uint8_t *bytes = exact_copy(list[0].bytes, in.len);
            const uint8_t *out = NULL;
            size_t len = 0;

            bytes[at / 8] ^= (uint8_t)(1u << at % 8);
            in.bytes = bytes;
            if (slg_unpacker_run(unpacker, &in, 1000, &out, &len) ==
                SLG_UNPACK_OK)
                assert_true(len <= 1000);
            slg_unpacker_free(unpacker);
            free(bytes);
        }
        list_free(list);
    }
}

/* Try a body that may be bad, twice. */
static void
unpack_twice(const struct slg_packer_plan *plan, const struct slg_unpack_in *in)
{
    struct slg_unpacker *unpacker = unpacker_of(plan);
    const uint8_t *out = NULL;
    uint8_t *first = NULL;
    size_t len = 0;
    size_t again = 0;
    const enum slg_unpack_state state =
        slg_unpacker_run(unpacker, in, BODY_MAX, &out, &len);

    if (state == SLG_UNPACK_OK)
        first = exact_copy(out, len);
    assert_int_equal(slg_unpacker_run(unpacker, in, BODY_MAX, &out, &again),
                     state);
    if (state == SLG_UNPACK_OK) {
        assert_int_equal(again, len);
        assert_memory_equal(out, first, len);
    }
    free(first);
    slg_unpacker_free(unpacker);
}

/* zstd has two decoders, of which each takes some bad bodies for good ones. */
static void
unpack__any_changed_byte__comes_to_the_same_when_it_is_tried_again(void **state)
{
    uint8_t data[1500];

    (void)state;
    body_make(&(struct body){ sizeof data, false }, 0, data);
    fail_at(0);
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct slg_packer *packer = NULL;
        struct slg_packed packed;

        if (!plan_is_there(&plans[i]))
            continue;
        packer = slg_packer_new(&plans[i]);
        assert_non_null(packer);
        assert_true(
            slg_packer_run(packer, data, sizeof data, BODY_MAX, &packed));
        assert_int_not_equal(packed.packing, SLG_PACKING_NONE);
        uint8_t *bytes = exact_copy(packed.bytes, packed.len);
        const struct slg_unpack_in in = { .packing = packed.packing,
                                          .bytes = bytes,
                                          .len = packed.len };

        for (size_t at = 0; at < in.len * 8; at++) {
            bytes[at / 8] ^= (uint8_t)(1u << at % 8);
            unpack_twice(&plans[i], &in);
            bytes[at / 8] ^= (uint8_t)(1u << at % 8);
        }
        free(bytes);
        slg_packer_free(packer);
    }
}

/* -- a history that others add to ------------------------------------------ */

static void
history__of_pinned_bytes__keeps_them_where_they_are(void **state)
{
    static uint8_t data[SLG_HISTORY_BYTES];
    struct slg_history history;
    const uint8_t *pinned = NULL;
    const uint8_t *last = NULL;
    size_t len = 0;

    (void)state;
    fail_at(0);
    slg_history_init(&history, SLG_HISTORY_BYTES);
    body_make(&(struct body){ sizeof data, true }, 1, data);
    for (unsigned i = 0; i < 2; i++)
        assert_true(slg_history_add(&history, data, 30000));
    pinned = slg_history_pin(&history, SLG_HISTORY_BYTES, &len);
    assert_int_equal(len, SLG_HISTORY_BYTES);
    uint8_t *copy = exact_copy(pinned, len);

    /* What counts would fit where it is, once it is moved to the front. */
    assert_true(slg_history_add(&history, data, 10000));
    assert_memory_equal(pinned, copy, SLG_HISTORY_BYTES);
    assert_true(slg_history_add(&history, data, sizeof data));
    assert_memory_equal(pinned, copy, SLG_HISTORY_BYTES);
    last = slg_history_get(&history, SLG_HISTORY_BYTES, &len);
    assert_int_equal(len, sizeof data);
    assert_memory_equal(last, data, sizeof data);
    slg_history_unpin(&history);
    free(copy);
    slg_history_reset(&history);
}

static void
lend__and_take_back__goes_on_behind_what_was_added(void **state)
{
    static const size_t adds[] = { 0, 1000, 40000 };
    uint8_t *data = malloc(BODY_MAX);

    (void)state;
    fail_at(0);
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        for (size_t k = 0; k < 2 * COUNT_OF(adds); k++) {
            const size_t add = adds[k / 2];
            const bool is_passed = k % 2 == 1; /* a mark, in between */
            struct slg_packer *packer = NULL;
            struct slg_unpacker *unpacker = NULL;
            struct slg_packed packed;

            if (!plan_is_there(&plans[i]))
                continue;
            packer = slg_packer_new(&plans[i]);
            unpacker = unpacker_of(&plans[i]);
            assert_non_null(packer);
            assert_non_null(unpacker);
            for (unsigned n = 0; n < 4; n++) {
                const struct body body = { 500 + n, false };

                body_make(&body, n, data);
                assert_true(
                    slg_packer_run(packer, data, body.len, BODY_MAX, &packed));
                assert_int_not_equal(packed.packing, SLG_PACKING_NONE);
                unpack_ok(unpacker, &packed, data, body.len);
                if (n != 1)
                    continue;
                struct slg_history *history = slg_packer_lend(packer);
                const struct body other = { add, false };

                body_make(&other, 99, data);
                if (is_passed) {
                    slg_history_clear(history);
                    slg_unpacker_clear(unpacker);
                }
                if (add > 0) {
                    assert_true(slg_history_add(history, data, add));
                    assert_true(slg_unpacker_add(unpacker, data, add));
                }
                slg_packer_take_back(packer);
            }
            slg_packer_free(packer);
            slg_unpacker_free(unpacker);
        }
    }
    free(data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            pack__any_bodies__are_read_back_also_after_memory_ran_out),
        cmocka_unit_test(
            pack__a_body_of_a_run_that_exceeds_its_room__is_stored_and_ends_it),
        cmocka_unit_test(
            unpack__with_a_copy_at_each_body__reads_them_or_says_no_memory),
        cmocka_unit_test(unpack__into_less_room_than_it_needs__is_bad),
        cmocka_unit_test(unpack__into_less_room_than_a_body_before_it__is_bad),
        cmocka_unit_test(unpack__a_body_behind_a_mebibyte_of_its_run__is_bad),
        cmocka_unit_test(unpack__nothing_at_all_in_a_run__is_bad),
        cmocka_unit_test(history__of_pinned_bytes__keeps_them_where_they_are),
        cmocka_unit_test(
            unpack__behind_a_body_that_was_not_accepted__is_bad_in_a_run),
        cmocka_unit_test(
            unpack__any_changed_byte__is_bad_or_stays_inside_its_room),
        cmocka_unit_test(
            unpack__any_changed_byte__comes_to_the_same_when_it_is_tried_again),
        cmocka_unit_test(lend__and_take_back__goes_on_behind_what_was_added),
    };

    return cmocka_run_group_tests_name("codec/codec", tests, NULL, NULL);
}
