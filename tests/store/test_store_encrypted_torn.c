/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_encrypted_torn.c
 *
 * Goal    what a power cut leaves of chunks that were not synced is never taken
 *         for bytes that somebody has changed, as far as its traces show.
 * Method  the last sector of a chunk torn at every byte; and a simulated disk
 *         with images before each step of what cuts below and appends there.
 */
#include "tests/support/seglog_test.h"

#include "seglog/encrypted_store.h"
#include "seglog/testing/disk_store.h"
#include "src/crypt/primitives.h"

enum {
    SECTOR = 512,
    EXTRA = 64,
    HEAD = 48,
    FIRST = 32, /* plain bytes of the first chunk */
    SECOND = 0x258,
    SECOND_AT = FIRST + EXTRA,
    END = SECOND_AT + SECOND + EXTRA,
    IMAGES = 40 /* before each step */
};

static const uint8_t KEY[SEGLOG_KEY_BYTES] = "a key of thirty-two bytes in all";

static struct seglog_store
store_open(struct seglog_store below, bool create)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = create };
    struct seglog_store store = { 0 };
    struct seglog_error err;

    assert_code_err(
        seglog_encrypted_store_open(below, &key, &options, &store, &err),
        SEGLOG_OK, &err);
    return store;
}

static struct seglog_blob
blob_open(struct seglog_store store, unsigned flags)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(store, "log", flags, &blob, NULL));
    return blob;
}

static uint64_t
size_of(struct seglog_blob blob)
{
    uint64_t size = 0;

    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    return size;
}

/* ---------------------------------------------------------------------------
 * Sectors that are torn
 */

/* So that where zeros stand among encrypted bytes is always the same. */
static bool
constant_random(uint8_t *bytes, size_t len)
{
    memset(bytes, 0x42, len);
    return true;
}

struct torn {
    struct seglog_store below;
    struct seglog_store store;
    struct seglog_blob raw;
    uint8_t whole[END];
};

static int
torn_setup(void **state)
{
    static struct torn torn;
    bool (*const good)(uint8_t *, size_t) = slg_crypt_random;
    struct seglog_blob blob;
    uint8_t text[SECOND];

    test_fill(text, sizeof text, 3);
    assert_ok(seglog_store_memory_open(&torn.below, NULL));
    slg_crypt_random = constant_random;
    torn.store = store_open(torn.below, true);
    blob = blob_open(torn.store, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE);
    assert_ok(seglog_blob_append(blob, 0, text, FIRST, NULL, NULL));
    assert_ok(seglog_blob_append(blob, FIRST, text, SECOND, NULL, NULL));
    slg_crypt_random = good;
    assert_ok(seglog_blob_close(&blob, NULL));
    torn.raw = blob_open(torn.below, SEGLOG_OPEN_WRITE);
    assert_int_equal(size_of(torn.raw), END);
    assert_ok(seglog_blob_read_at(torn.raw, 0, torn.whole, END, NULL));
    *state = &torn;
    return 0;
}

static int
torn_teardown(void **state)
{
    struct torn *torn = *state;

    assert_ok(seglog_blob_close(&torn->raw, NULL));
    seglog_store_close(&torn->store);
    return 0;
}

/* How the second chunk reads with zeros in [from, to): torn, or changed? */
static bool
reads_as_zeros(const struct torn *torn, size_t from, size_t to)
{
    static const uint8_t zeros[SECOND];
    uint8_t bytes[END];
    uint8_t buf[SECOND];
    struct seglog_blob blob;
    seglog_code code = SEGLOG_OK;

    memcpy(bytes, torn->whole, END);
    memset(bytes + from, 0, to - from);
    assert_ok(seglog_blob_truncate(torn->raw, 0, NULL));
    assert_ok(seglog_blob_append(torn->raw, 0, bytes, END, NULL, NULL));
    blob = blob_open(torn->store, SEGLOG_OPEN_READ);
    assert_int_equal(size_of(blob), FIRST + SECOND);
    assert_ok(seglog_blob_read_at(blob, 0, buf, FIRST, NULL));
    code = seglog_blob_read_at(blob, FIRST, buf, SECOND, NULL);
    if (code == SEGLOG_OK)
        assert_memory_equal(buf, zeros, SECOND);
    else
        assert_code(code, SEGLOG_AUTH);
    assert_ok(seglog_blob_close(&blob, NULL));
    return code == SEGLOG_OK;
}

/* Old up to some byte: zeros, for nothing was there. */
static void
sector__its_front_not_written__is_torn(void **state)
{
    const struct torn *torn = *state;

    /* In the first one begins the chunk: its length and place count, but not
     * the zeros that they consist of anyway. */
    for (size_t to = SECOND_AT + 9; to <= SECTOR; to++)
        assert_true(reads_as_zeros(torn, SECOND_AT, to));
    for (size_t to = SECTOR + 4; to <= END; to++)
        assert_true(reads_as_zeros(torn, SECTOR, to));
}

static void
sector__its_back_not_written__is_torn(void **state)
{
    const struct torn *torn = *state;

    for (size_t from = SECOND_AT; from <= SECTOR - 4; from++)
        assert_true(reads_as_zeros(torn, from, SECTOR));
    for (size_t from = SECTOR; from <= END - 4; from++)
        assert_true(reads_as_zeros(torn, from, END));
}

/* So few zeros may be there by chance, or be all that damage has left. */
static void
sector__few_zeros__is_damage(void **state)
{
    const struct torn *torn = *state;

    for (size_t count = 1; count <= 8; count++)
        assert_false(reads_as_zeros(torn, SECOND_AT, SECOND_AT + count));
    for (size_t count = 1; count <= 3; count++) {
        assert_false(reads_as_zeros(torn, SECTOR, SECTOR + count));
        assert_false(reads_as_zeros(torn, SECTOR - count, SECTOR));
        assert_false(reads_as_zeros(torn, END - count, END));
    }
}

/* Zeros that begin and end within a sector were not left by a power cut. */
static void
sector__zeros_in_the_middle__is_damage(void **state)
{
    const struct torn *torn = *state;

    for (size_t from = SECOND_AT + 1; from + 3 < SECTOR; from += 7)
        assert_false(reads_as_zeros(
            torn, from, from + 200 < SECTOR ? from + 200 : SECTOR - 1));
    for (size_t from = SECTOR + 1; from + 1 < END; from += 7)
        assert_false(reads_as_zeros(torn, from, END - 1));
}

/*
 * Three appends that were not synced: of the first two a sector was not written,
 * or a part of it, but the heads are there; and something behind them.
 */
static void
chunks__one_behind_the_other_torn__are_a_torn_end(void **state)
{
    const struct torn *torn = *state;
    const size_t third = END - SECOND_AT;
    uint8_t zeros[4 * END] = { 0 };
    uint8_t bytes[4 * END];
    uint8_t buf[4 * END];
    uint64_t at = 0;
    struct seglog_blob blob;

    assert_ok(seglog_blob_truncate(torn->raw, 0, NULL));
    assert_ok(seglog_blob_append(torn->raw, 0, torn->whole, END, NULL, NULL));
    blob = blob_open(torn->store, SEGLOG_OPEN_WRITE);
    test_fill(buf, sizeof buf, 5);
    for (unsigned i = 0; i < 2; i++)
        assert_ok(
            seglog_blob_append(blob, SEGLOG_END_ANY, buf, SECOND, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    assert_int_equal(size_of(torn->raw), END + 2 * third);
    assert_ok(seglog_blob_read_at(torn->raw, 0, bytes, END + 2 * third, NULL));
    memset(bytes + SECTOR, 0, 80);
    memset(bytes + 2 * SECTOR, 0, 90);
    memset(bytes + 4 * SECTOR - 40, 0, END + 2 * third + 40 - 4 * SECTOR);
    assert_ok(seglog_blob_truncate(torn->raw, 0, NULL));
    assert_ok(
        seglog_blob_append(torn->raw, 0, bytes, END + 2 * third, NULL, NULL));
    blob = blob_open(torn->store, SEGLOG_OPEN_WRITE);
    at = FIRST + 3 * third - EXTRA;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(size_of(blob), at + (i > 0 ? FIRST : 0));
        assert_ok(seglog_blob_read_at(blob, 0, buf, (size_t)at, NULL));
        assert_memory_equal(buf + FIRST, zeros, at - FIRST);
        if (i == 0)
            assert_ok(seglog_blob_append(blob, at, KEY, FIRST, NULL, NULL));
        if (i == 1) {
            assert_ok(seglog_blob_close(&blob, NULL));
            blob = blob_open(torn->store, SEGLOG_OPEN_WRITE);
        }
    }
    assert_ok(seglog_blob_read_at(blob, at, buf, FIRST, NULL));
    assert_memory_equal(buf, KEY, FIRST);
    /* Cut off as by a writer of segments, nothing of them is left. */
    assert_ok(seglog_blob_truncate(blob, FIRST, NULL));
    assert_ok(seglog_blob_append(blob, FIRST, KEY, FIRST, NULL, NULL));
    assert_int_equal(size_of(blob), 2 * FIRST);
    assert_ok(seglog_blob_close(&blob, NULL));
}

/*
 * Somebody who cannot cut has appended behind a torn chunk, and of that there is
 * only a beginning.  Of the first one the end is zeros, and some bytes at least.
 */
static void
append__torn_behind_a_torn_chunk__is_a_torn_end(void **state)
{
    static const size_t lefts[] = { 10, 20, 47, 48, 100, SECTOR - SECOND_AT };
    const struct torn *torn = *state;
    const size_t end = SECTOR - 12; /* both stand in one sector */

    for (size_t i = 0; i < COUNT_OF(lefts); i++) {
        const size_t left = lefts[i] < end - SECOND_AT ? lefts[i] : 380;
        uint8_t bytes[END] = { 0 };
        uint8_t buf[END];
        struct seglog_blob blob;

        test_fill(buf, sizeof buf, 7);
        memcpy(bytes, torn->whole, SECOND_AT + left);
        if (left >= HEAD) {
            /* Whole, as its head says. */
            assert_ok(seglog_blob_truncate(torn->raw, 0, NULL));
            assert_ok(seglog_blob_append(torn->raw, 0, torn->whole, SECOND_AT,
                                         NULL, NULL));
            blob = blob_open(torn->store, SEGLOG_OPEN_WRITE);
            assert_ok(seglog_blob_append(blob, FIRST, buf,
                                         end - SECOND_AT - EXTRA, NULL, NULL));
            assert_ok(seglog_blob_close(&blob, NULL));
            assert_ok(seglog_blob_read_at(torn->raw, 0, bytes, end, NULL));
            memset(bytes + SECOND_AT + left, 0, end - SECOND_AT - left);
        }
        for (size_t more = left < HEAD ? HEAD : 1; more < 32 + EXTRA; more++) {
            assert_ok(seglog_blob_truncate(torn->raw, 0, NULL));
            assert_ok(seglog_blob_append(torn->raw, 0, bytes, end, NULL, NULL));
            blob = blob_open(torn->store, SEGLOG_OPEN_WRITE);
            assert_ok(
                seglog_blob_append(blob, SEGLOG_END_ANY, KEY, 32, NULL, NULL));
            assert_ok(seglog_blob_close(&blob, NULL));
            assert_ok(seglog_blob_truncate(torn->raw, end + more, NULL));
            blob = blob_open(torn->store, SEGLOG_OPEN_READ);
            assert_int_equal(size_of(blob),
                             FIRST + end + more - SECOND_AT - EXTRA);
            assert_ok(
                seglog_blob_read_at(blob, 0, buf, (size_t)size_of(blob), NULL));
            assert_ok(seglog_blob_close(&blob, NULL));
        }
    }
}

/*
 * Behind damage stands most of a head, and the length of what is appended is
 * just what it lacks: that must not make it one.
 */
static void
append__completes_a_torn_head_behind_damage__is_there(void **state)
{
    const struct torn *torn = *state;
    const size_t len = torn->whole[HEAD - 1];
    uint8_t bytes[END];
    uint8_t text[256];
    uint8_t buf[256];
    uint64_t at = 0;
    struct seglog_blob blob;

    assert_int_not_equal(len, 0);
    test_fill(text, sizeof text, 3);
    memcpy(bytes, torn->whole, SECOND_AT);
    bytes[20] ^= 21;
    memcpy(bytes + SECOND_AT, torn->whole, HEAD - 1);
    assert_ok(seglog_blob_truncate(torn->raw, 0, NULL));
    assert_ok(seglog_blob_append(torn->raw, 0, bytes, SECOND_AT + HEAD - 1,
                                 NULL, NULL));
    blob = blob_open(torn->store, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_LOCK_HELD);
    assert_ok(seglog_blob_append(blob, SEGLOG_END_ANY, text, len, &at, NULL));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(size_of(blob), at + len);
        assert_ok(seglog_blob_read_at(blob, at, buf, len, NULL));
        assert_memory_equal(buf, text, len);
        assert_ok(seglog_blob_close(&blob, NULL));
        blob = blob_open(torn->store, SEGLOG_OPEN_WRITE);
    }
    assert_ok(seglog_blob_close(&blob, NULL));
}

/* ---------------------------------------------------------------------------
 * Cuts below
 */

/* No bytes of what is left are held for changed ones. */
static void
image_check(struct seglog_disk *disk, uint64_t seed)
{
    const struct seglog_disk_cut cut = {
        .seed = seed,
        .lost_percent = 50,
        .losses = SEGLOG_DISK_OLD | SEGLOG_DISK_BETWEEN,
    };
    struct seglog_disk *left = seglog_disk_image(disk, &cut);
    struct seglog_disk_process process;
    struct seglog_store store;
    struct seglog_blob blob;
    uint8_t buf[4096];
    struct seglog_error err;

    assert_non_null(left);
    store = store_open(seglog_disk_start(left, &process), false);
    blob = blob_open(store, SEGLOG_OPEN_READ);
    assert_in_range(size_of(blob), FIRST, sizeof buf);
    assert_code_err(
        seglog_blob_read_at(blob, 0, buf, (size_t)size_of(blob), &err),
        SEGLOG_OK, &err);
    assert_ok(seglog_blob_close(&blob, NULL));
    seglog_store_close(&store);
    seglog_disk_free(left);
}

static void
meanwhile(void *arg, enum seglog_disk_step step)
{
    const struct seglog_disk_process *process = arg;

    if (step < SEGLOG_DISK_WRITE || process->is_dead)
        return;
    for (uint64_t seed = 1; seed <= IMAGES; seed++)
        image_check(process->disk, process->changes * 1000 + seed);
}

struct machine {
    struct seglog_disk *disk;
    struct seglog_disk_process process;
    struct seglog_store store;
    struct seglog_blob blob;
};

/* A first chunk is there, synced. */
static struct machine *
machine_start(void)
{
    struct machine *machine = calloc(1, sizeof *machine);

    assert_non_null(machine);
    machine->disk = seglog_disk_new(NULL);
    assert_non_null(machine->disk);
    machine->store =
        store_open(seglog_disk_start(machine->disk, &machine->process), true);
    machine->blob =
        blob_open(machine->store, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE |
                                      SEGLOG_OPEN_LOCK_HELD);
    assert_ok(seglog_blob_append(machine->blob, 0, KEY, FIRST, NULL, NULL));
    assert_ok(seglog_blob_sync(machine->blob, NULL));
    return machine;
}

/* The process is dead, and another one goes on.  From there on the power may
 * fail. */
static void
machine_go_on(struct machine *machine)
{
    (void)seglog_blob_close(&machine->blob, NULL);
    seglog_store_close(&machine->store);
    machine->store =
        store_open(seglog_disk_start(machine->disk, &machine->process), false);
    machine->blob =
        blob_open(machine->store, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_LOCK_HELD);
    machine->process.meanwhile = meanwhile;
    machine->process.arg = &machine->process;
}

static void
machine_stop(struct machine *machine)
{
    machine->process.meanwhile = NULL;
    assert_ok(seglog_blob_close(&machine->blob, NULL));
    seglog_store_close(&machine->store);
    seglog_disk_free(machine->disk);
    free(machine);
}

/* Half way through what it writes. */
static void
die_writing(void *arg, enum seglog_disk_step step)
{
    struct seglog_disk_process *process = arg;

    if (step == SEGLOG_DISK_WRITE)
        process->die_at = process->steps;
}

static void
below_sync(struct machine *machine)
{
    struct seglog_disk_process process;
    struct seglog_blob raw = blob_open(
        seglog_disk_start(machine->disk, &process), SEGLOG_OPEN_WRITE);

    assert_in_range(size_of(raw), SECOND_AT + 2 * SECTOR, 4096);
    assert_ok(seglog_blob_sync(raw, NULL));
    assert_ok(seglog_blob_close(&raw, NULL));
}

/* Of what the dead one has written a sector may be left, and of what was
 * appended in its place another. */
static void
append__in_place_of_a_torn_chunk__cuts_that_for_good(void **state)
{
    struct machine *machine = machine_start();
    uint8_t text[3000];

    (void)state;
    test_fill(text, sizeof text, 3);
    machine->process.meanwhile = die_writing;
    machine->process.arg = &machine->process;
    assert_code(
        seglog_blob_append(machine->blob, FIRST, text, sizeof text, NULL, NULL),
        SEGLOG_IO);
    below_sync(machine);
    machine_go_on(machine);
    assert_int_equal(size_of(machine->blob), FIRST);
    assert_ok(seglog_blob_append(machine->blob, FIRST, text, 1300, NULL, NULL));
    assert_ok(seglog_blob_sync(machine->blob, NULL));
    machine_stop(machine);
}

/* A cut that the device has only in part. */
static void
truncate__to_the_middle_of_a_chunk__is_done_or_not(void **state)
{
    struct machine *machine = machine_start();
    uint8_t text[1500];

    (void)state;
    test_fill(text, sizeof text, 3);
    for (unsigned i = 0; i < 2; i++)
        assert_ok(seglog_blob_append(machine->blob, SEGLOG_END_ANY, text,
                                     sizeof text, NULL, NULL));
    assert_ok(seglog_blob_sync(machine->blob, NULL));
    machine_go_on(machine);
    assert_ok(seglog_blob_truncate(machine->blob, 700, NULL));
    assert_ok(seglog_blob_append(machine->blob, 700, text, 200, NULL, NULL));
    assert_ok(seglog_blob_sync(machine->blob, NULL));
    assert_int_equal(size_of(machine->blob), 900);
    machine_stop(machine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sector__its_front_not_written__is_torn,
                                        torn_setup, torn_teardown),
        cmocka_unit_test_setup_teardown(sector__its_back_not_written__is_torn,
                                        torn_setup, torn_teardown),
        cmocka_unit_test_setup_teardown(sector__few_zeros__is_damage,
                                        torn_setup, torn_teardown),
        cmocka_unit_test_setup_teardown(sector__zeros_in_the_middle__is_damage,
                                        torn_setup, torn_teardown),
        cmocka_unit_test_setup_teardown(
            chunks__one_behind_the_other_torn__are_a_torn_end, torn_setup,
            torn_teardown),
        cmocka_unit_test_setup_teardown(
            append__torn_behind_a_torn_chunk__is_a_torn_end, torn_setup,
            torn_teardown),
        cmocka_unit_test_setup_teardown(
            append__completes_a_torn_head_behind_damage__is_there, torn_setup,
            torn_teardown),
        cmocka_unit_test(append__in_place_of_a_torn_chunk__cuts_that_for_good),
        cmocka_unit_test(truncate__to_the_middle_of_a_chunk__is_done_or_not),
    };

    if (!slg_crypt_is_available())
        return 77;
    return cmocka_run_group_tests_name("store/store_encrypted_torn", tests,
                                       NULL, NULL);
}
