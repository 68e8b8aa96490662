/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_encrypted_chunks.c
 *
 * Goal    no nonce ever stands for two different chunks, and the bytes are
 *         right, whatever is appended, cut, torn, restored and copied.
 * Method  random histories of several copies of one store, with good chance
 *         and with none at all; after each step all chunks that lie below are
 *         remembered by their nonce, and the bytes compared with a buffer.
 *
 *     test_store_encrypted_chunks [HISTORIES [STEPS]]
 */
#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "format/bytes.h"
#include "seglog/encrypted_store.h"
#include "src/crypt/chunk.h"
#include "src/crypt/keys.h"

enum {
    PLAIN_CAP = 1 << 18,
    COPIES = 3,
    STEPS = 600, /* of a history */
    HISTORIES = 24,
    SEEN_MAX = 1 << 14,
    EXTRA = 64
};

static const uint8_t KEY[SEGLOG_KEY_BYTES] = "a key of thirty-two bytes in all";

/* ---------------------------------------------------------------------------
 * Chunks that were seen
 */

struct seen {
    uint8_t nonce[24];
    uint8_t hash[32];
};

static struct slg_crypt_suite *suite; /* as the store has it */
static struct seen *seen;
static size_t seen_count;

static void
chunk_remember(const uint8_t *chunk, size_t len)
{
    uint8_t hash[32];
    size_t at = slg_load_le32(chunk + 30) % SEEN_MAX;

    assert_true(slg_crypt_hash(chunk, len, hash));
    for (; slg_load_le64(seen[at].nonce + 16) != 0; at = (at + 1) % SEEN_MAX) {
        if (memcmp(seen[at].nonce, chunk + 16, 24) != 0)
            continue;
        assert_memory_equal(seen[at].hash, hash, sizeof hash);
        return;
    }
    memcpy(seen[at].nonce, chunk + 16, 24);
    memcpy(seen[at].hash, hash, sizeof hash);
    assert_true(++seen_count < SEEN_MAX / 2);
}

/* ---------------------------------------------------------------------------
 * Copies of one store
 */

struct copy {
    struct seglog_store below;
    struct seglog_store store; /* owns below */
    struct seglog_blob raw;
    struct seglog_blob blob;
    uint8_t *plain;
    size_t size;
    bool is_lock_held;
    size_t sure; /* raw bytes that no cut came behind */
};

static size_t
size_of(struct seglog_blob blob)
{
    uint64_t size = 0;

    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    return (size_t)size;
}

static uint8_t *
bytes_of(struct seglog_blob blob, size_t *len)
{
    uint8_t *bytes = NULL;
    struct seglog_error err;

    *len = size_of(blob);
    bytes = malloc(*len + 1);
    assert_non_null(bytes);
    assert_code_err(seglog_blob_read_at(blob, 0, bytes, *len, &err), SEGLOG_OK,
                    &err);
    return bytes;
}

static void
copy_open_blob(struct copy *copy)
{
    (void)seglog_blob_close(&copy->blob, NULL);
    assert_ok(seglog_blob_open(
        copy->store, "log",
        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE |
            (copy->is_lock_held ? (unsigned)SEGLOG_OPEN_LOCK_HELD : 0),
        &copy->blob, NULL));
}

static void
blob_put(struct seglog_store store, const char *name, const uint8_t *bytes,
         size_t len)
{
    struct seglog_blob blob;

    assert_ok(seglog_blob_open(
        store, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    assert_ok(seglog_blob_append(blob, 0, bytes, len, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

static void
copy_open(struct copy *copy, const struct copy *of)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };
    struct seglog_error err;

    assert_ok(seglog_store_memory_open(&copy->below, NULL));
    if (of) {
        struct seglog_blob keys;
        size_t len = 0;
        uint8_t *bytes = NULL;

        assert_ok(seglog_blob_open(of->below, SEGLOG_KEYS_NAME,
                                   SEGLOG_OPEN_READ, &keys, NULL));
        bytes = bytes_of(keys, &len);
        blob_put(copy->below, SEGLOG_KEYS_NAME, bytes, len);
        assert_ok(seglog_blob_close(&keys, NULL));
        free(bytes);
    }
    assert_code_err(seglog_encrypted_store_open(copy->below, &key, &options,
                                                &copy->store, &err),
                    SEGLOG_OK, &err);
    copy_open_blob(copy);
    assert_ok(seglog_blob_open(copy->below, "log", SEGLOG_OPEN_WRITE,
                               &copy->raw, NULL));
    copy->plain = malloc(PLAIN_CAP);
    assert_non_null(copy->plain);
}

static void
copy_close(struct copy *copy)
{
    assert_ok(seglog_blob_close(&copy->raw, NULL));
    assert_ok(seglog_blob_close(&copy->blob, NULL));
    seglog_store_close(&copy->store);
    free(copy->plain);
}

/* The chunk at `at` of raw is whole and authentic. */
static bool
is_chunk(const uint8_t *raw, size_t len, size_t at, size_t *whole)
{
    static uint8_t plain[SLG_CHUNK_PLAIN_MAX];
    struct slg_chunk_head head;

    if (len - at < EXTRA || !slg_chunk_head_parse(raw + at, &head) ||
        head.len > len - at - EXTRA)
        return false;
    *whole = EXTRA + head.len;
    return slg_chunk_open(suite, raw + at, plain);
}

/* What stands below: remember each chunk that is whole, round torn ones. */
static void
copy_note(const struct copy *copy)
{
    size_t len = 0;
    uint8_t *raw = bytes_of(copy->raw, &len);

    for (size_t at = 0, whole = 0; at < len; at += whole) {
        if (is_chunk(raw, len, at, &whole))
            chunk_remember(raw + at, whole);
        else
            whole = 1;
    }
    free(raw);
}

static void
copy_check(const struct copy *copy)
{
    size_t len = 0;
    uint8_t *bytes = bytes_of(copy->blob, &len);

    assert_int_equal(len, copy->size);
    assert_memory_equal(bytes, copy->plain, len);
    free(bytes);
}

static void
step_append(struct copy *copy, uint64_t *seed)
{
    const uint64_t kind = test_random(seed) % 10;
    const size_t most = kind == 0 ? 40000 : 500;
    const size_t len = 1 + test_random(seed) % most;
    uint64_t offset = 0;

    if (copy->size + len > PLAIN_CAP)
        return;
    /* Often the same bytes in all copies: a nonce may repeat for them only. */
    test_fill(copy->plain + copy->size, len, kind < 5 ? 1 : *seed);
    assert_ok(seglog_blob_append(copy->blob,
                                 kind % 2 ? copy->size : SEGLOG_END_ANY,
                                 copy->plain + copy->size, len, &offset, NULL));
    assert_int_equal(offset, copy->size);
    copy->size += len;
}

static void
step_cut(struct copy *copy, uint64_t *seed)
{
    copy->size = test_random(seed) % (copy->size + 1);
    assert_ok(seglog_blob_truncate(copy->blob, copy->size, NULL));
    copy->sure = size_of(copy->raw);
}

/* The last bytes below are gone, and the writer is a new one. */
static void
step_crash(struct copy *copy, uint64_t *seed)
{
    const size_t raw_len = size_of(copy->raw);
    const size_t lost = test_random(seed) % 700;
    const size_t cut = raw_len - lost;
    size_t len = 0;
    uint8_t *bytes = NULL;

    /* Without the lock torn bytes stay: see the test of one such. */
    if (lost > raw_len || !copy->is_lock_held)
        return;
    assert_ok(seglog_blob_truncate(copy->raw, cut, NULL));
    copy_open_blob(copy);
    bytes = bytes_of(copy->blob, &len);
    if (cut >= copy->sure) {
        assert_in_range(len, copy->size < 17084 ? 0 : copy->size - 17084,
                        copy->size);
        assert_memory_equal(bytes, copy->plain, len);
    }
    assert_true(len <= PLAIN_CAP);
    memcpy(copy->plain, bytes, len);
    copy->size = len;
    if (copy->sure > cut)
        copy->sure = cut;
    free(bytes);
}

/* Bring the bytes of one copy to another: a restore, or a fork. */
static void
step_copy(struct copy *copy, const struct copy *of)
{
    size_t len = 0;
    uint8_t *raw = NULL;

    if (copy == of)
        return;
    raw = bytes_of(of->raw, &len);
    assert_ok(seglog_blob_truncate(copy->raw, 0, NULL));
    assert_ok(seglog_blob_append(copy->raw, 0, raw, len, NULL, NULL));
    copy_open_blob(copy);
    memcpy(copy->plain, of->plain, of->size);
    copy->size = of->size;
    copy->sure = of->sure;
    free(raw);
}

static struct slg_crypt_suite *
suite_make(struct seglog_store below)
{
    static const char label[] = "seglog chunk seal";
    static const uint8_t number = 1;
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    uint8_t master[SLG_KEY_BYTES];
    uint8_t seal[SLG_KEY_BYTES];
    struct slg_crypt_suite *made = NULL;

    assert_ok(slg_keys_load(below, &key, master, NULL));
    assert_true(slg_crypt_hmac(master, label, strlen(label), &number, 1, seal));
    made = slg_crypt_suite_new(seal, seal, seal);
    assert_non_null(made);
    return made;
}

static struct {
    uint64_t histories;
    unsigned steps;
    uint64_t nonces; /* seen, each of a chunk of its own */
} run = { .histories = HISTORIES, .steps = STEPS };

static void
history_run(uint64_t seed)
{
    struct copy copies[COPIES] = { { .size = 0 } };

    for (size_t i = 0; i < COPIES; i++) {
        copies[i].is_lock_held = seed % 4 < 2;
        copy_open(&copies[i], i > 0 ? &copies[0] : NULL);
    }
    suite = suite_make(copies[0].below);
    for (unsigned step = 0; step < run.steps; step++) {
        struct copy *copy = &copies[test_random(&seed) % COPIES];
        const uint64_t choice = test_random(&seed) % 100;

        if (choice < 60)
            step_append(copy, &seed);
        else if (choice < 75)
            step_cut(copy, &seed);
        else if (choice < 90)
            step_crash(copy, &seed);
        else
            step_copy(copy, &copies[test_random(&seed) % COPIES]);
        copy_note(copy);
        copy_check(copy);
    }
    for (size_t i = 0; i < COPIES; i++)
        copy_close(&copies[i]);
    slg_crypt_suite_free(suite);
}

static bool
constant_random(uint8_t *bytes, size_t len)
{
    memset(bytes, 0x42, len);
    return true;
}

static void
nonces__any_history__none_for_two_chunks(void **state)
{
    bool (*const good)(uint8_t *, size_t) = slg_crypt_random;

    (void)state;
    seen = calloc(SEEN_MAX, sizeof *seen);
    assert_non_null(seen);
    for (uint64_t seed = 1; seed <= run.histories; seed++) {
        slg_crypt_random = seed % 2 == 0 ? constant_random : good;
        memset(seen, 0, SEEN_MAX * sizeof *seen);
        seen_count = 0;
        history_run(seed);
        /* A short one may be mostly cuts. */
        assert_true(seen_count > run.steps / 8);
        run.nonces += seen_count;
    }
    slg_crypt_random = good;
    free(seen);
}

static bool
no_random(uint8_t *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return false;
}

static void
append__no_chance_to_be_had__writes_nothing(void **state)
{
    bool (*const good)(uint8_t *, size_t) = slg_crypt_random;
    struct copy copy = { .size = 0 };
    struct seglog_error err;

    (void)state;
    copy_open(&copy, NULL);
    slg_crypt_random = no_random;
    assert_code_err(seglog_blob_append(copy.blob, 0, "x", 1, NULL, &err),
                    SEGLOG_IO, &err);
    slg_crypt_random = good;
    assert_int_equal(size_of(copy.raw), 0);
    assert_ok(seglog_blob_append(copy.blob, 0, "x", 1, NULL, NULL));
    copy_close(&copy);
}

/* Vectors of the specification of XAES-256-GCM. */
static void
xaes__vectors__agree(void **state)
{
    static const uint8_t nonce[25] = "ABCDEFGHIJKLMNOPQRSTUVWX";
    static const uint8_t text[13] = "XAES-256-GCM";
    static const char aad[] = "c2sp.org/XAES-256-GCM";
    static const uint8_t wants[2][28] = {
        { 0xce, 0x54, 0x6e, 0xf6, 0x3c, 0x9c, 0xc6, 0x07, 0x65, 0x92,
          0x36, 0x09, 0xb3, 0x3a, 0x9a, 0x19, 0x74, 0xe9, 0x6e, 0x52,
          0xda, 0xf2, 0xfc, 0xf7, 0x07, 0x5e, 0x22, 0x71 },
        { 0x98, 0x6e, 0xc1, 0x83, 0x25, 0x93, 0xdf, 0x54, 0x43, 0xa1,
          0x79, 0x43, 0x7f, 0xd0, 0x83, 0xbf, 0x3f, 0xdb, 0x41, 0xab,
          0xd7, 0x40, 0xa2, 0x1f, 0x71, 0xeb, 0x76, 0x9d },
    };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t key[32];
        uint8_t out[28];
        uint8_t back[12];
        struct slg_crypt_suite *keyed = NULL;
        const uint8_t *with = i == 0 ? NULL : (const uint8_t *)aad;
        const size_t with_len = i == 0 ? 0 : sizeof aad - 1;

        memset(key, i == 0 ? 1 : 3, sizeof key);
        keyed = slg_crypt_suite_new(key, key, key);
        assert_non_null(keyed);
        assert_true(
            slg_crypt_seal(keyed, nonce, with, with_len, text, 12, out));
        assert_memory_equal(out, wants[i], sizeof out);
        assert_true(
            slg_crypt_open(keyed, nonce, with, with_len, out, 12, back));
        assert_memory_equal(back, text, 12);
        out[3] ^= 1;
        assert_false(
            slg_crypt_open(keyed, nonce, with, with_len, out, 12, back));
        slg_crypt_suite_free(keyed);
    }
}

static void
read_at__of_forged_bytes__tells_their_range(void **state)
{
    struct copy copy = { .size = 0 };
    struct seglog_error err;
    size_t len = 0;
    uint8_t *raw = NULL;
    char buf[400];

    (void)state;
    copy_open(&copy, NULL);
    for (unsigned i = 0; i < 4; i++)
        assert_ok(seglog_blob_append(copy.blob, 100 * (uint64_t)i, KEY, 32,
                                     NULL, NULL) == SEGLOG_OK
                      ? seglog_blob_append(copy.blob, SEGLOG_END_ANY, buf, 68,
                                           NULL, NULL)
                      : SEGLOG_INVALID);
    raw = bytes_of(copy.raw, &len);
    raw[2 * (100 + 2 * EXTRA) + EXTRA] ^= 1; /* of bytes 200 to 231 */
    assert_ok(seglog_blob_truncate(copy.raw, 0, NULL));
    assert_ok(seglog_blob_append(copy.raw, 0, raw, len, NULL, NULL));
    assert_code_err(seglog_blob_read_at(copy.blob, 50, buf, 300, &err),
                    SEGLOG_AUTH, &err);
    assert_int_equal(err.offset, 200);
    assert_int_equal(err.actual, 232);
    assert_ok(seglog_blob_read_at(copy.blob, 0, buf, 200, NULL));
    assert_ok(seglog_blob_read_at(copy.blob, 232, buf, 168, NULL));
    assert_int_equal(size_of(copy.blob), 400);
    free(raw);
    copy_close(&copy);
}

/* Somebody without the lock appends behind torn bytes, and never cuts them. */
static void
append__behind_torn_bytes_without_the_lock__is_found(void **state)
{
    uint8_t text[300];

    (void)state;
    test_fill(text, sizeof text, 3);
    for (size_t left = 1; left < sizeof text + EXTRA; left += 7) {
        struct copy copy = { .size = 0 };
        size_t whole = 0;

        copy_open(&copy, NULL);
        for (unsigned i = 0; i < 3; i++) {
            whole = size_of(copy.raw);
            assert_ok(seglog_blob_append(copy.blob, SEGLOG_END_ANY, text,
                                         sizeof text, NULL, NULL));
        }
        assert_ok(seglog_blob_truncate(copy.raw, whole + left, NULL));
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(size_of(copy.blob), 600 + 60 * i);
            assert_ok(seglog_blob_append(copy.blob, 600 + 60 * i, text, 60,
                                         NULL, NULL));
        }
        copy.size = 780;
        for (unsigned i = 0; i < 2; i++)
            memcpy(copy.plain + 300 * i, text, sizeof text);
        for (unsigned i = 0; i < 3; i++)
            memcpy(copy.plain + 600 + 60 * i, text, 60);
        copy_check(&copy);
        copy_open_blob(&copy);
        copy_check(&copy);
        copy_close(&copy);
    }
}

/* What a crash has left stays zeros when somebody has appended behind it: who
 * did that sees it like everybody else. */
static void
append__behind_zeros_that_a_crash_left__all_see_zeros(void **state)
{
    static const uint8_t zeros[700];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct copy copy = { .is_lock_held = i % 2 != 0 };
        const size_t before = i < 2 ? 0 : 32;
        uint8_t buf[700];

        copy_open(&copy, NULL);
        if (before > 0)
            assert_ok(
                seglog_blob_append(copy.blob, 0, KEY, before, NULL, NULL));
        assert_ok(seglog_blob_append(copy.raw, SEGLOG_END_ANY, zeros,
                                     sizeof zeros, NULL, NULL));
        assert_int_equal(size_of(copy.blob), before + 636);
        assert_ok(seglog_blob_read_at(copy.blob, before, buf, 636, NULL));
        assert_memory_equal(buf, zeros, 636);
        assert_ok(
            seglog_blob_append(copy.blob, before + 636, KEY, 32, NULL, NULL));
        for (unsigned k = 0; k < 2; k++) {
            memset(buf, 1, sizeof buf);
            assert_ok(seglog_blob_read_at(copy.blob, before, buf, 636, NULL));
            assert_memory_equal(buf, zeros, 636);
            assert_ok(
                seglog_blob_read_at(copy.blob, before + 636, buf, 32, NULL));
            assert_memory_equal(buf, KEY, 32);
            copy_open_blob(&copy);
        }
        copy_close(&copy);
    }
}

/* What a crash has left behind a damaged chunk may be of that one, too: a handle
 * that was open before and a new one agree. */
static void
damage__zeros_come_behind_it__all_agree(void **state)
{
    static const uint8_t zeros[255];
    struct copy copy = { .size = 0 };
    size_t len = 0;
    size_t size = 0;
    uint8_t *raw = NULL;

    (void)state;
    copy_open(&copy, NULL);
    assert_ok(seglog_blob_append(copy.blob, 0, KEY, 32, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    raw[EXTRA] ^= 1;
    assert_ok(seglog_blob_truncate(copy.raw, 0, NULL));
    assert_ok(seglog_blob_append(copy.raw, 0, raw, len, NULL, NULL));
    copy_open_blob(&copy);
    assert_int_equal(size_of(copy.blob), 32);
    assert_ok(
        seglog_blob_append(copy.raw, len, zeros, sizeof zeros, NULL, NULL));
    size = size_of(copy.blob);
    copy_open_blob(&copy);
    assert_int_equal(size_of(copy.blob), size);
    assert_int_equal(size, len + sizeof zeros - EXTRA);
    free(raw);
    copy_close(&copy);
}

/*
 * Of a write of several chunks a crash has left most of the first one and zeros
 * for the others.  What is read there is the same before and after somebody has
 * appended behind it, while all of those zeros lie in front of that.
 */
static void
append__behind_a_torn_chunk_and_zeros__changes_nothing_before(void **state)
{
    static const uint8_t zeros[400];
    struct copy copy = { .size = 0 };
    uint8_t buf[500];
    uint64_t size = 0;
    size_t len = 0;
    uint8_t *raw = NULL;

    (void)state;
    copy_open(&copy, NULL);
    test_fill(buf, 123, 5);
    assert_ok(seglog_blob_append(copy.blob, 0, KEY, 32, NULL, NULL));
    assert_ok(seglog_blob_append(copy.blob, 32, buf, 123, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    memset(raw + len - 9, 0, 9);
    assert_ok(seglog_blob_truncate(copy.raw, 0, NULL));
    assert_ok(seglog_blob_append(copy.raw, 0, raw, len, NULL, NULL));
    assert_ok(seglog_blob_append(copy.raw, len, zeros, 568 - len, NULL, NULL));
    copy_open_blob(&copy);
    size = size_of(copy.blob);
    assert_int_equal(size, 568 - 96 - EXTRA + 32);
    assert_ok(seglog_blob_append(copy.blob, size, KEY, 32, NULL, NULL));
    for (unsigned i = 0; i < 2; i++) {
        memset(buf, 1, sizeof buf);
        assert_ok(
            seglog_blob_read_at(copy.blob, 32, buf, (size_t)size - 32, NULL));
        assert_memory_equal(buf, zeros, size - 32);
        assert_ok(seglog_blob_read_at(copy.blob, size, buf, 32, NULL));
        assert_memory_equal(buf, KEY, 32);
        copy_open_blob(&copy);
    }
    free(raw);
    copy_close(&copy);
}

/* The blob is these bytes, and is opened anew. */
static void
raw_put(struct copy *copy, const uint8_t *bytes, size_t len)
{
    assert_ok(seglog_blob_truncate(copy->raw, 0, NULL));
    assert_ok(seglog_blob_append(copy->raw, 0, bytes, len, NULL, NULL));
    copy_open_blob(copy);
}

/* Behind damage stands the head of a chunk, and less than a chunk could be. */
static void
append__behind_damage_and_a_head__all_agree(void **state)
{
    uint8_t text[100];

    (void)state;
    test_fill(text, sizeof text, 3);
    /* The first bytes of the next one may be just those that a head lacks. */
    for (size_t left = 1; left < EXTRA; left += left == 40 ? 8 : 1) {
        struct copy copy = { .size = 0 };
        uint8_t bytes[72 + EXTRA];
        uint8_t buf[100];
        size_t len = 0;
        uint64_t at = 0;
        uint8_t *raw = NULL;

        copy_open(&copy, NULL);
        assert_ok(seglog_blob_append(copy.blob, 0, text, 37, NULL, NULL));
        raw = bytes_of(copy.raw, &len);
        memcpy(bytes, raw, 72);
        bytes[20] ^= 21;
        memcpy(bytes + 72, raw, left);
        raw_put(&copy, bytes, 72 + left);
        assert_ok(seglog_blob_append(copy.blob, SEGLOG_END_ANY, text,
                                     sizeof text, &at, NULL));
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(size_of(copy.blob), at + sizeof text);
            assert_ok(
                seglog_blob_read_at(copy.blob, at, buf, sizeof buf, NULL));
            assert_memory_equal(buf, text, sizeof text);
            copy_open_blob(&copy);
        }
        free(raw);
        copy_close(&copy);
    }
}

/* Junk, and behind it what a crash has left of a chunk linked to the one before
 * the junk: what is cut off there may not turn the junk into damage. */
static void
cut__a_torn_chunk_behind_junk__leaves_no_damage(void **state)
{
    uint8_t text[235];

    (void)state;
    test_fill(text, sizeof text, 3);
    for (unsigned i = 0; i < 4; i++) {
        struct copy copy = { .is_lock_held = true };
        const size_t before = i < 2 ? 0 : 32;
        uint8_t bytes[600];
        uint64_t at = before;
        size_t len = 0;
        uint8_t *raw = NULL;

        copy_open(&copy, NULL);
        if (before > 0)
            assert_ok(
                seglog_blob_append(copy.blob, 0, KEY, before, NULL, NULL));
        assert_ok(seglog_blob_append(copy.blob, before, text, 235, NULL, NULL));
        raw = bytes_of(copy.raw, &len);
        len -= 235 + EXTRA;
        memcpy(bytes, raw, len);
        test_fill(bytes + len, 300, 9);
        memcpy(bytes + len + 300, raw + len, 97);
        raw_put(&copy, bytes, len + 397);
        assert_int_equal(size_of(copy.blob), before);
        assert_ok(seglog_blob_truncate(copy.blob, before, NULL));
        assert_int_equal(size_of(copy.raw), len);
        if (i % 2 != 0)
            assert_ok(
                seglog_blob_append(copy.blob, before, KEY, 32, &at, NULL));
        copy_open_blob(&copy);
        assert_int_equal(size_of(copy.blob), before + (i % 2 != 0 ? 32 : 0));
        assert_int_equal(at, before);
        free(raw);
        copy_close(&copy);
    }
}

/* A changed chunk behind which somebody has appended stays one, whatever a crash
 * leaves behind that. */
static void
damage__zeros_behind_what_was_appended_behind_it__stays(void **state)
{
    static const uint8_t zeros[700];
    struct copy copy = { .size = 0 };
    uint8_t bytes[200];
    uint8_t buf[32];
    struct seglog_error err = { 0 };
    size_t len = 0;
    uint64_t at = 0;
    uint8_t *raw = NULL;

    (void)state;
    copy_open(&copy, NULL);
    assert_ok(seglog_blob_append(copy.blob, 0, KEY, 32, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    memcpy(bytes, raw, len);
    bytes[EXTRA] ^= 1;
    test_fill(bytes + len, 100, 9);
    raw_put(&copy, bytes, len + 100);
    assert_code(seglog_blob_read_at(copy.blob, 0, buf, 32, NULL), SEGLOG_AUTH);
    assert_ok(
        seglog_blob_append(copy.blob, SEGLOG_END_ANY, KEY, 32, &at, NULL));
    assert_ok(seglog_blob_append(copy.raw, SEGLOG_END_ANY, zeros, sizeof zeros,
                                 NULL, NULL));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(size_of(copy.blob), at + 32 + sizeof zeros - EXTRA);
        assert_code(seglog_blob_read_at(copy.blob, 0, buf, 32, &err),
                    SEGLOG_AUTH);
        assert_int_equal(err.offset, 0);
        assert_int_equal(err.actual, 32);
        assert_ok(seglog_blob_read_at(copy.blob, at, buf, 32, NULL));
        assert_memory_equal(buf, KEY, 32);
        copy_open_blob(&copy);
    }
    free(raw);
    copy_close(&copy);
}

/* What is left of the first chunk names the blob: a chunk of another one behind
 * it is none of this one. */
static void
chunk__of_another_blob_behind_a_torn_first_one__is_not_taken(void **state)
{
    static const uint8_t zeros[700];
    struct copy copy = { .size = 0 };
    struct copy other = { .size = 0 };
    uint8_t buf[900];
    size_t len = 0;
    size_t other_len = 0;
    size_t size = 0;
    uint8_t *raw = NULL;
    uint8_t *other_raw = NULL;

    (void)state;
    copy_open(&copy, NULL);
    copy_open(&other, &copy);
    assert_ok(seglog_blob_append(copy.blob, 0, KEY, 32, NULL, NULL));
    assert_ok(seglog_blob_append(other.blob, 0, KEY, 32, NULL, NULL));
    assert_ok(seglog_blob_append(other.blob, 32, KEY, 32, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    other_raw = bytes_of(other.raw, &other_len);
    raw[EXTRA] ^= 1;
    raw_put(&copy, raw, len);
    assert_ok(
        seglog_blob_append(copy.raw, len, other_raw + 96, 96, NULL, NULL));
    assert_ok(seglog_blob_append(copy.raw, len + 96, zeros, sizeof zeros, NULL,
                                 NULL));
    size = len + 96 + sizeof zeros - EXTRA;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(size_of(copy.blob), size);
        memset(buf, 1, sizeof buf);
        assert_ok(seglog_blob_read_at(copy.blob, 0, buf, size, NULL));
        for (size_t k = 0; k < size; k++)
            assert_int_equal(buf[k], 0);
        copy_open_blob(&copy);
    }
    free(raw);
    free(other_raw);
    copy_close(&copy);
    copy_close(&other);
}

/* Twice the beginning of a chunk, and later a head that proves the first one to
 * have been whole once: who has seen it without says the same then. */
static void
chunk__proved_by_what_comes_later__all_agree(void **state)
{
    struct copy copy = { .size = 0 };
    uint8_t text[235];
    uint8_t bytes[96 + 299 + 50];
    size_t len = 0;
    uint8_t *raw = NULL;

    (void)state;
    test_fill(text, sizeof text, 3);
    copy_open(&copy, NULL);
    assert_ok(seglog_blob_append(copy.blob, 0, KEY, 32, NULL, NULL));
    assert_ok(seglog_blob_append(copy.blob, 32, text, 235, NULL, NULL));
    assert_ok(seglog_blob_append(copy.blob, 267, text, 235, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    memcpy(bytes, raw, 96);
    memcpy(bytes + 96, raw + 96, 60);
    memcpy(bytes + 156, raw + 96, 100);
    test_fill(bytes + 256, 139, 9);
    memcpy(bytes + 395, raw + 395, 50);
    raw_put(&copy, bytes, 256);
    assert_int_equal(size_of(copy.blob), 32);
    assert_ok(seglog_blob_append(copy.raw, 256, bytes + 256, sizeof bytes - 256,
                                 NULL, NULL));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(size_of(copy.blob), 267);
        copy_open_blob(&copy);
    }
    free(raw);
    copy_close(&copy);
}

/* Only zeros at the end say that the first chunk is torn, and behind it stands a
 * copy of it: with other bytes behind the zeros it is a changed one. */
static void
damage__that_the_end_has_judged__all_agree_when_it_grows(void **state)
{
    struct copy copy = { .size = 0 };
    uint8_t bytes[2 * 96 + 200] = { 0 };
    size_t len = 0;
    uint8_t *raw = NULL;

    (void)state;
    copy_open(&copy, NULL);
    assert_ok(seglog_blob_append(copy.blob, 0, KEY, 32, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    memcpy(bytes, raw, len);
    memcpy(bytes + len, raw, len);
    bytes[EXTRA] ^= 1;
    raw_put(&copy, bytes, sizeof bytes);
    assert_int_equal(size_of(copy.blob), 32 + 200 - EXTRA);
    assert_ok(
        seglog_blob_append(copy.raw, SEGLOG_END_ANY, "other", 5, NULL, NULL));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(size_of(copy.blob), 32 + 96 + 205 - EXTRA);
        copy_open_blob(&copy);
    }
    free(raw);
    copy_close(&copy);
}

/* The first chunk is torn, and zeros stand behind what is left of it.  What is
 * done next is still there for who opens it then. */
static void
append_and_cut__behind_a_torn_first_chunk__stay(void **state)
{
    static const uint8_t zeros[228];
    uint8_t text[218];

    (void)state;
    test_fill(text, sizeof text, 3);
    for (size_t left = EXTRA; left < sizeof text + EXTRA; left += 11) {
        for (unsigned is_cut = 0; is_cut < 2; is_cut++) {
            struct copy copy = { .size = 0 };
            uint64_t offset = 0;
            uint8_t buf[32];

            copy_open(&copy, NULL);
            assert_ok(seglog_blob_append(copy.blob, 0, text, sizeof text, NULL,
                                         NULL));
            assert_ok(seglog_blob_truncate(copy.raw, left, NULL));
            assert_ok(seglog_blob_append(copy.raw, left, zeros, sizeof zeros,
                                         NULL, NULL));
            copy_open_blob(&copy);
            assert_int_equal(size_of(copy.blob), left + sizeof zeros - EXTRA);
            if (is_cut != 0)
                assert_ok(seglog_blob_truncate(copy.blob, 141, NULL));
            assert_ok(seglog_blob_append(copy.blob, SEGLOG_END_ANY, KEY, 32,
                                         &offset, NULL));
            assert_int_equal(offset,
                             is_cut != 0 ? 141 : left + sizeof zeros - EXTRA);
            copy_open_blob(&copy);
            assert_int_equal(size_of(copy.blob), offset + 32);
            assert_ok(seglog_blob_read_at(copy.blob, offset, buf, 32, NULL));
            assert_memory_equal(buf, KEY, 32);
            copy_close(&copy);
        }
    }
}

/* Within the first chunk its own beginning stands once more, so that only the
 * one behind proves where it ends: cutting must not take that away. */
static void
cut__in_a_damaged_chunk_proved_by_the_next__is_as_asked(void **state)
{
    uint8_t text[235];

    (void)state;
    test_fill(text, sizeof text, 3);
    for (uint64_t to = 1; to < sizeof text; to += 13) {
        struct copy copy = { .is_lock_held = to % 2 != 0 };
        const size_t half = (EXTRA + sizeof text) / 2;
        size_t len = 0;
        uint8_t *raw = NULL;
        uint8_t buf[32];

        copy_open(&copy, NULL);
        for (unsigned i = 0; i < 2; i++)
            assert_ok(seglog_blob_append(copy.blob, SEGLOG_END_ANY, text,
                                         sizeof text, NULL, NULL));
        raw = bytes_of(copy.raw, &len);
        memcpy(raw + half, raw, half);
        assert_ok(seglog_blob_truncate(copy.raw, 0, NULL));
        assert_ok(seglog_blob_append(copy.raw, 0, raw, len, NULL, NULL));
        copy_open_blob(&copy);
        assert_int_equal(size_of(copy.blob), 2 * sizeof text);
        assert_ok(seglog_blob_truncate(copy.blob, to, NULL));
        assert_int_equal(size_of(copy.blob), to);
        assert_ok(seglog_blob_append(copy.blob, to, KEY, 32, NULL, NULL));
        copy_open_blob(&copy);
        assert_int_equal(size_of(copy.blob), to + 32);
        assert_ok(seglog_blob_read_at(copy.blob, to, buf, 32, NULL));
        assert_memory_equal(buf, KEY, 32);
        free(raw);
        copy_close(&copy);
    }
}

/* Bytes are missing in the last chunk but one, and at the end. */
static void
open__parts_of_two_chunks__goes_on_behind_them(void **state)
{
    uint8_t text[200];

    (void)state;
    test_fill(text, sizeof text, 3);
    for (size_t lost = 1; lost < sizeof text + EXTRA; lost += 13) {
        struct copy copy = { .size = 0 };
        size_t size = 0;
        size_t len = 0;
        uint8_t *raw = NULL;
        uint8_t buf[200];

        copy_open(&copy, NULL);
        for (unsigned i = 0; i < 3; i++)
            assert_ok(seglog_blob_append(copy.blob, SEGLOG_END_ANY, text,
                                         sizeof text, NULL, NULL));
        raw = bytes_of(copy.raw, &len);
        assert_int_equal(len, 3 * (sizeof text + EXTRA));
        assert_ok(seglog_blob_truncate(copy.raw, 264 + EXTRA, NULL));
        assert_ok(seglog_blob_append(
            copy.raw, SEGLOG_END_ANY, raw + 264 + EXTRA + 100,
            len - lost - (264 + EXTRA + 100), NULL, NULL));
        copy_open_blob(&copy);
        size = size_of(copy.blob);
        /* Torn, unless the first of them seems to be whole. */
        assert_true(len - 100 - lost < 528 ? size == 200 : size >= 400);
        assert_ok(seglog_blob_read_at(copy.blob, 0, buf, 200, NULL));
        assert_memory_equal(buf, text, 200);
        assert_ok(seglog_blob_append(copy.blob, size, text, 100, NULL, NULL));
        copy_open_blob(&copy);
        assert_int_equal(size_of(copy.blob), size + 100);
        assert_ok(seglog_blob_read_at(copy.blob, size, buf, 100, NULL));
        assert_memory_equal(buf, text, 100);
        free(raw);
        copy_close(&copy);
    }
}

/* How long the damage is tells the chunk behind it, which therefore stays. */
static void
truncate__into_damage__is_as_long_as_was_asked(void **state)
{
    struct copy copy = { .size = 0 };
    uint8_t text[200];
    size_t len = 0;
    uint8_t *raw = NULL;

    (void)state;
    test_fill(text, sizeof text, 3);
    copy_open(&copy, NULL);
    for (unsigned i = 0; i < 3; i++)
        assert_ok(seglog_blob_append(copy.blob, SEGLOG_END_ANY, text,
                                     sizeof text, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    assert_ok(seglog_blob_truncate(copy.raw, 528 - 75, NULL));
    assert_ok(seglog_blob_append(copy.raw, SEGLOG_END_ANY, raw + 528, len - 528,
                                 NULL, NULL));
    copy_open_blob(&copy);
    assert_int_equal(size_of(copy.blob), 600);
    assert_ok(seglog_blob_truncate(copy.blob, 250, NULL));
    assert_int_equal(size_of(copy.blob), 250);
    copy_open_blob(&copy);
    assert_int_equal(size_of(copy.blob), 250);
    free(raw);
    copy_close(&copy);
}

/* Many small appends: what is read of them does not grow with their number. */
static void
read_at__of_many_chunks__finds_its_own(void **state)
{
    enum {
        APPENDS = 20000,
        LEN = 300
    };
    struct copy copy = { .size = 0 };
    struct seglog_blob reader;
    uint64_t seed = 5;

    (void)state;
    copy_open(&copy, NULL);
    for (uint64_t i = 0; i < APPENDS; i++) {
        uint8_t bytes[LEN];

        test_fill(bytes, LEN, i);
        assert_ok(
            seglog_blob_append(copy.blob, i * LEN, bytes, LEN, NULL, NULL));
    }
    assert_ok(
        seglog_blob_open(copy.store, "log", SEGLOG_OPEN_READ, &reader, NULL));
    assert_int_equal(size_of(reader), APPENDS * LEN);
    for (unsigned k = 0; k < 2000; k++) {
        const uint64_t i = test_random(&seed) % APPENDS;
        uint8_t bytes[LEN];
        uint8_t got[LEN];

        test_fill(bytes, LEN, i);
        assert_ok(seglog_blob_read_at(reader, i * LEN, got, LEN, NULL));
        assert_memory_equal(got, bytes, LEN);
    }
    assert_ok(seglog_blob_close(&reader, NULL));
    copy_close(&copy);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xaes__vectors__agree),
        cmocka_unit_test(read_at__of_forged_bytes__tells_their_range),
        cmocka_unit_test(append__no_chance_to_be_had__writes_nothing),
        cmocka_unit_test(append__behind_torn_bytes_without_the_lock__is_found),
        cmocka_unit_test(append__behind_zeros_that_a_crash_left__all_see_zeros),
        cmocka_unit_test(damage__zeros_come_behind_it__all_agree),
        cmocka_unit_test(
            append__behind_a_torn_chunk_and_zeros__changes_nothing_before),
        cmocka_unit_test(append__behind_damage_and_a_head__all_agree),
        cmocka_unit_test(cut__a_torn_chunk_behind_junk__leaves_no_damage),
        cmocka_unit_test(
            damage__zeros_behind_what_was_appended_behind_it__stays),
        cmocka_unit_test(
            chunk__of_another_blob_behind_a_torn_first_one__is_not_taken),
        cmocka_unit_test(chunk__proved_by_what_comes_later__all_agree),
        cmocka_unit_test(
            damage__that_the_end_has_judged__all_agree_when_it_grows),
        cmocka_unit_test(append_and_cut__behind_a_torn_first_chunk__stay),
        cmocka_unit_test(
            cut__in_a_damaged_chunk_proved_by_the_next__is_as_asked),
        cmocka_unit_test(open__parts_of_two_chunks__goes_on_behind_them),
        cmocka_unit_test(truncate__into_damage__is_as_long_as_was_asked),
        cmocka_unit_test(read_at__of_many_chunks__finds_its_own),
        cmocka_unit_test(nonces__any_history__none_for_two_chunks),
    };
    int failed = 0;

    if (!slg_crypt_is_available())
        return 77;
    if (argc > 1)
        run.histories = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        run.steps = (unsigned)strtoul(argv[2], NULL, 10);
    failed = cmocka_run_group_tests_name("store/store_encrypted_chunks", tests,
                                         NULL, NULL);
    printf("score: nonces count=%llu findings=%d seeds=1-%llu "
           "note=\"%llu histories of %u steps\"\n",
           (unsigned long long)run.nonces, failed,
           (unsigned long long)run.histories, (unsigned long long)run.histories,
           run.steps);
    return failed;
}
