/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_encrypted.c - whatever lies below an encrypted store.
 *
 * Input   a program.  Its instructions append and cut as a user does; below,
 *         they put bytes, zeros and chunks: such as somebody without the key
 *         makes, and such as the key has made (of any place, cut and blob,
 *         linked to any other: older states and other copies have those); and
 *         they change, drop and double what is there.
 * Checks  every byte that is made with the key tells its place.  So what can be
 *         read is right, or zeros where a crash has left something, or AUTH with
 *         its range; what nobody has touched can be read; a handle that was
 *         open all the time agrees with a new one; what is appended is there,
 *         and what is cut is gone.
 *
 * Without chance, so that an input does the same each time.
 */
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "fuzz/support.h"
#include "seglog/encrypted_store.h"
#include "src/crypt/chunk.h"
#include "src/crypt/keys.h"
#include "src/crypt/primitives.h"

#define RAW_MAX   ((size_t)60000)
#define RAW_FULL  ((size_t)12000) /* the input puts no more */
#define MARKS_MAX 64u
#define STEPS_MAX 60u
/* Of a blob that seems to be larger, the first and the last. */
#define LOOK_MAX UINT64_C(40000)

static const uint8_t KEY[SEGLOG_KEY_BYTES] = { 1, 2, 3 };

struct world {
    struct input input;
    struct seglog_store below;
    struct seglog_store store; /* owns below */
    struct seglog_blob blob;   /* open all the time */
    bool is_lock_held;
    struct slg_crypt_suite *ours;
    struct slg_crypt_suite *theirs; /* of somebody without the key */
    uint8_t *raw;                   /* what lies below */
    size_t len;
    size_t marks[MARKS_MAX]; /* where chunks were put, in raw */
    size_t mark_count;
    uint64_t sure;  /* plain bytes that nobody has touched */
    uint64_t least; /* plain of the chunks that might drop some */
    bool is_extreme;
};

/* -- keys ------------------------------------------------------------------- */

static uint64_t chance;

static bool
no_chance(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
        bytes[i] = (uint8_t)(chance >> 56);
    }
    return true;
}

static struct slg_crypt_suite *
suite_make(const uint8_t master[SLG_KEY_BYTES])
{
    static const char *const labels[] = { "seglog chunk seal",
                                          "seglog chunk head",
                                          "seglog chunk nonce" };
    static const uint8_t number = 1;
    uint8_t keys[3][SLG_KEY_BYTES];
    struct slg_crypt_suite *suite = NULL;

    for (unsigned i = 0; i < 3; i++)
        MUST(slg_crypt_hmac(master, labels[i], strlen(labels[i]), &number, 1,
                            keys[i]));
    suite = slg_crypt_suite_new(keys[0], keys[1], keys[2]);
    MUST(suite);
    return suite;
}

/* -- below ------------------------------------------------------------------ */

/* Never zero. */
static uint8_t
byte_at(uint64_t at)
{
    return (uint8_t)(1 + at * 7 % 251);
}

static struct seglog_blob
raw_open(const struct world *world)
{
    struct seglog_blob raw;

    MUST(seglog_blob_open(world->below, "a",
                          SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &raw,
                          NULL) == SEGLOG_OK);
    return raw;
}

static void
raw_load(struct world *world)
{
    struct seglog_blob raw = raw_open(world);
    uint64_t size = 0;

    MUST(seglog_blob_get_size(raw, &size, NULL, NULL) == SEGLOG_OK);
    MUST(size <= RAW_MAX);
    world->len = (size_t)size;
    MUST(seglog_blob_read_at(raw, 0, world->raw, world->len, NULL) ==
         SEGLOG_OK);
    MUST(seglog_blob_close(&raw, NULL) == SEGLOG_OK);
    while (world->mark_count > 0 &&
           world->marks[world->mark_count - 1] + SLG_CHUNK_EXTRA_BYTES >
               world->len)
        world->mark_count--;
}

static void
raw_append(struct world *world, const uint8_t *bytes, size_t len)
{
    struct seglog_blob raw = raw_open(world);
    const size_t room = world->len < RAW_FULL ? RAW_FULL - world->len : 0;

    if (len > room)
        len = room;
    MUST(seglog_blob_append(raw, SEGLOG_END_ANY, bytes, len, NULL, NULL) ==
         SEGLOG_OK);
    MUST(seglog_blob_close(&raw, NULL) == SEGLOG_OK);
    memcpy(world->raw + world->len, bytes, len);
    world->len += len;
}

static void
blob_reopen(struct world *world)
{
    (void)seglog_blob_close(&world->blob, NULL);
    MUST(seglog_blob_open(
             world->store, "a",
             SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE |
                 (world->is_lock_held ? (unsigned)SEGLOG_OPEN_LOCK_HELD : 0),
             &world->blob, NULL) == SEGLOG_OK);
}

/* What lies below is about to be another from `at` on. */
static void
sure_lower(struct world *world, size_t at)
{
    uint64_t sure = world->least;

    for (size_t i = 0; i < world->mark_count && sure > 0; i++) {
        const uint64_t plain = slg_load_le64(world->raw + world->marks[i] + 8);
        const uint32_t len = slg_load_le32(world->raw + world->marks[i]);

        if (world->marks[i] + SLG_CHUNK_EXTRA_BYTES + len > at && plain < sure)
            sure = plain;
    }
    if (sure < world->sure)
        world->sure = sure;
}

/* It has been changed; no open handle has to notice. */
static void
raw_store(struct world *world)
{
    struct seglog_blob raw = raw_open(world);

    MUST(seglog_blob_truncate(raw, 0, NULL) == SEGLOG_OK);
    MUST(seglog_blob_append(raw, 0, world->raw, world->len, NULL, NULL) ==
         SEGLOG_OK);
    MUST(seglog_blob_close(&raw, NULL) == SEGLOG_OK);
    blob_reopen(world);
}

static void
mark_add(struct world *world, size_t at)
{
    MUST(world->mark_count < MARKS_MAX);
    world->marks[world->mark_count++] = at;
}

/* -- looking ---------------------------------------------------------------- */

/* A stretch that can be read: what the key has made, or zeros where a crash may
 * have left something, also in front of what came later. */
static void
bytes_check(struct seglog_blob blob, uint64_t from, size_t len, uint64_t sure)
{
    static uint8_t bytes[LOOK_MAX];

    MUST(seglog_blob_read_at(blob, from, bytes, len, NULL) == SEGLOG_OK);
    for (size_t i = 0; i < len; i++) {
        MUST(bytes[i] == byte_at(from + i) ||
             (bytes[i] == 0 && from + i >= sure));
    }
}

/* From `from` on, to `to`. */
static void
range_check(struct seglog_blob blob, uint64_t from, uint64_t to, uint64_t sure)
{
    uint8_t byte = 0;

    while (from < to) {
        static uint8_t bytes[LOOK_MAX];
        struct seglog_error err;
        const seglog_code code =
            seglog_blob_read_at(blob, from, bytes, (size_t)(to - from), &err);

        if (code == SEGLOG_OK) {
            bytes_check(blob, from, (size_t)(to - from), sure);
            return;
        }
        MUST(code == SEGLOG_AUTH);
        MUST(err.offset < err.actual && err.actual > from);
        MUST(err.actual > sure && err.offset >= sure);
        if (err.offset > from)
            bytes_check(blob, from, (size_t)(err.offset - from), sure);
        MUST(seglog_blob_read_at(blob, err.offset, &byte, 1, NULL) ==
             SEGLOG_AUTH);
        MUST(seglog_blob_read_at(blob, err.actual - 1, &byte, 1, NULL) ==
             SEGLOG_AUTH);
        from = err.actual;
    }
}

static uint64_t
size_check(const struct world *world, struct seglog_blob blob)
{
    uint64_t size = 0;

    MUST(seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK);
    MUST(size >= world->sure);
    return size;
}

static uint64_t
blob_check(const struct world *world)
{
    struct seglog_blob other;
    const uint64_t size = size_check(world, world->blob);

    MUST(seglog_blob_open(world->store, "a", SEGLOG_OPEN_READ, &other, NULL) ==
         SEGLOG_OK);
    MUST(size_check(world, other) == size);
    if (size > LOOK_MAX)
        range_check(other, size - LOOK_MAX / 2, size, world->sure);
    range_check(other, 0, size < LOOK_MAX ? size : LOOK_MAX, world->sure);
    range_check(world->blob, 0, size < LOOK_MAX ? size : LOOK_MAX, world->sure);
    MUST(seglog_blob_close(&other, NULL) == SEGLOG_OK);
    return size;
}

/* -- instructions ----------------------------------------------------------- */

static void
step_append(struct world *world)
{
    const uint64_t size = size_check(world, world->blob);
    const size_t len = 1 + input_byte(&world->input);
    uint8_t bytes[256];
    seglog_code code = SEGLOG_OK;

    if (world->len > RAW_FULL)
        return;
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(size + i);
    code = seglog_blob_append(world->blob, size, bytes, len, NULL, NULL);
    MUST(code == SEGLOG_OK || (code == SEGLOG_TOO_LARGE && world->is_extreme));
    if (code != SEGLOG_OK)
        return;
    if (world->sure == size)
        world->sure += len;
    raw_load(world);
    mark_add(world, world->len - len - SLG_CHUNK_EXTRA_BYTES);
    MUST(blob_check(world) == size + len);
    range_check(world->blob, size, size + len, size + len);
}

static void
step_cut(struct world *world)
{
    const uint64_t size = size_check(world, world->blob);
    const unsigned part = input_byte(&world->input);
    const uint64_t to =
        part == 255 ? size : size / 255 * part + size % 255 * part / 255;
    const seglog_code code = seglog_blob_truncate(world->blob, to, NULL);
    const size_t before = world->len;

    MUST(code == SEGLOG_OK || (code == SEGLOG_TOO_LARGE && world->is_extreme));
    if (code == SEGLOG_OK && to < world->sure)
        world->sure = to;
    if (to < world->least)
        world->least = to;
    raw_load(world);
    if (world->len == 0)
        world->least = UINT64_MAX;
    if (world->len != before && world->len >= SLG_CHUNK_EXTRA_BYTES &&
        to != size)
        mark_add(world, world->len - SLG_CHUNK_EXTRA_BYTES);
    MUST(code != SEGLOG_OK || blob_check(world) == to);
}

/* A chunk like one that is there, but for what the input says. */
static void
head_draw(struct world *world, struct slg_chunk_head *head,
          uint8_t prev[SLG_MAC_BYTES])
{
    const unsigned how = input_byte(&world->input);
    const int8_t move = (int8_t)input_byte(&world->input);

    if (world->mark_count > 0) {
        const size_t mark =
            world->marks[world->mark_count - 1 -
                         input_byte(&world->input) % world->mark_count];

        (void)slg_chunk_head_parse(world->raw + mark, head);
        head->plain += head->len;
        memcpy(prev, head->mac, SLG_MAC_BYTES);
    }
    head->len = input_byte(&world->input);
    if ((how & 1) != 0)
        head->plain += (uint64_t)(int64_t)move;
    if ((how & 2) != 0)
        head->cut++;
    if ((how & 4) != 0)
        memset(prev, 0, SLG_MAC_BYTES);
    if ((how & 8) != 0)
        head->nonce[0] ^= 1;
    if ((how & 48) == 48) {
        world->is_extreme = true;
        head->plain = input_number(&world->input, 8);
        head->cut = (uint32_t)input_number(&world->input, 4);
    }
    if ((how & 64) != 0)
        head->len *= 64;
}

static void
step_chunk(struct world *world, bool is_ours)
{
    struct slg_chunk_head head = { .nonce = { 9 } };
    struct slg_chunk_head made;
    uint8_t prev[SLG_MAC_BYTES] = { 0 };
    static uint8_t plain[SLG_CHUNK_PLAIN_MAX];
    static uint8_t chunk[SLG_CHUNK_BYTES_MAX];
    const size_t at = world->len;

    head_draw(world, &head, prev);
    /* As much as no program makes by the key is not asked for. */
    if (head.plain > SLG_PLAIN_SIZE_MAX - head.len ||
        world->len + SLG_CHUNK_EXTRA_BYTES + head.len > RAW_FULL)
        return;
    for (size_t i = 0; i < head.len; i++)
        plain[i] = (uint8_t)(byte_at(head.plain + i) ^ (is_ours ? 0 : 0xff));
    MUST(slg_chunk_seal(is_ours ? world->ours : world->theirs, &head, prev,
                        plain, chunk));
    if (is_ours && head.plain < world->sure)
        world->sure = head.plain;
    if (is_ours && head.plain < world->least)
        world->least = head.plain;
    raw_append(world, chunk, SLG_CHUNK_EXTRA_BYTES + head.len);
    if (slg_chunk_head_parse(world->raw + at, &made))
        mark_add(world, at);
}

static size_t
place_draw(struct world *world)
{
    return world->len > 0 ? input_number(&world->input, 2) % (world->len + 1)
                          : 0;
}

/* Bytes of what is there once more: an older state brought back. */
static void
step_double(struct world *world)
{
    const size_t from = place_draw(world);
    size_t len = input_number(&world->input, 2) % 1024;
    uint8_t *bytes = NULL;

    if (len > world->len - from)
        len = world->len - from;
    bytes = exact_copy(world->raw + from, len);
    raw_append(world, bytes, len);
    free(bytes);
}

/* The same of a whole chunk, or of it and those behind it. */
static void
step_replay(struct world *world)
{
    const unsigned which = input_byte(&world->input);
    uint8_t *bytes = NULL;
    size_t at = 0;
    size_t len = 0;

    if (world->mark_count == 0)
        return;
    at = world->marks[which % world->mark_count];
    len = which < 128 ? SLG_CHUNK_EXTRA_BYTES + slg_load_le32(world->raw + at)
                      : world->len;
    if (len > world->len - at)
        len = world->len - at;
    bytes = exact_copy(world->raw + at, len);
    raw_append(world, bytes, len);
    free(bytes);
}

static void
step_drop(struct world *world)
{
    const size_t from = place_draw(world);
    size_t len = input_number(&world->input, 2) % 1024;
    size_t kept = 0;

    if (len > world->len - from)
        len = world->len - from;
    sure_lower(world, from);
    world->len -= len;
    memmove(world->raw + from, world->raw + from + len, world->len - from);
    raw_store(world);
    while (kept < world->mark_count && world->marks[kept] < from)
        kept++;
    world->mark_count = kept;
    raw_load(world);
}

/* Zeros of a whole sector are what a crash leaves. */
static void
step_overwrite(struct world *world, bool by_zeros)
{
    size_t at = place_draw(world);
    size_t end = at + 1;

    if (by_zeros) {
        at -= at % 512;
        end = at + 512;
    }
    if (end > world->len)
        end = world->len;
    sure_lower(world, at);
    for (size_t i = at; i < end; i++)
        world->raw[i] =
            by_zeros ? 0 : (uint8_t)(world->raw[i] ^ input_byte(&world->input));
    raw_store(world);
}

static void
step_bytes(struct world *world, bool are_zeros)
{
    static const uint8_t zeros[1024];
    size_t len = are_zeros ? input_number(&world->input, 2) % sizeof zeros
                           : input_byte(&world->input);

    /* It says how many there are, and so comes first. */
    const uint8_t *bytes = are_zeros ? zeros : input_bytes(&world->input, &len);

    raw_append(world, bytes, len);
}

static void
step_run(struct world *world)
{
    switch (input_byte(&world->input) % 12) {
    /* These look for themselves. */
    case 0:
    case 1:
        step_append(world);
        return;
    case 2:
        step_cut(world);
        return;
    case 3:
    case 4:
        step_chunk(world, true);
        break;
    case 5:
        step_chunk(world, false);
        break;
    case 6:
        step_double(world);
        break;
    case 7:
        step_replay(world);
        break;
    case 8:
        step_drop(world);
        break;
    case 9:
        step_overwrite(world, input_byte(&world->input) % 2 != 0);
        break;
    case 10:
        step_bytes(world, input_byte(&world->input) % 2 != 0);
        break;
    default:
        world->is_lock_held = !world->is_lock_held;
        blob_reopen(world);
        break;
    }
    (void)blob_check(world);
}

/* The same each time, so that they are made once. */
static void
suites_make(struct world *world, const struct seglog_store_key *key)
{
    static const uint8_t other[SLG_KEY_BYTES] = { 4 };
    static struct slg_crypt_suite *ours;
    static struct slg_crypt_suite *theirs;
    uint8_t master[SLG_KEY_BYTES];

    if (!ours) {
        MUST(slg_keys_load(world->below, key, master, NULL) == SEGLOG_OK);
        ours = suite_make(master);
        theirs = suite_make(other);
    }
    world->ours = ours;
    world->theirs = theirs;
}

static void
world_begin(struct world *world)
{
    static uint8_t raw[RAW_MAX];
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };

    MUST(seglog_store_memory_open(&world->below, NULL) == SEGLOG_OK);
    MUST(seglog_encrypted_store_open(world->below, &key, &options,
                                     &world->store, NULL) == SEGLOG_OK);
    suites_make(world, &key);
    world->raw = raw;
    world->least = UINT64_MAX;
    blob_reopen(world);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = { .input = { .at = data, .left = size } };

    if (!slg_crypt_is_available())
        return 0;
    slg_crypt_random = no_chance;
    chance = 1;
    world_begin(&world);
    for (unsigned i = 0; i < STEPS_MAX && world.input.left > 0; i++)
        step_run(&world);
    MUST(seglog_blob_close(&world.blob, NULL) == SEGLOG_OK);
    seglog_store_close(&world.store);
    return 0;
}
