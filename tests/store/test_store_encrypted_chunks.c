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
#include "tests/store/encrypted_copy.h"

#include <stdio.h>

#include "format/bytes.h"
#include "src/crypt/chunk.h"
#include "src/crypt/keys.h"

enum {
    COPIES = 3,
    STEPS = 600, /* of a history */
    HISTORIES = 24,
    SEEN_MAX = 1 << 14
};

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

/* The chunk at `at` of raw is whole and authentic. */
static bool
is_chunk(const uint8_t *raw, size_t len, size_t at, size_t *whole)
{
    static uint8_t plain[SLG_CHUNK_PLAIN_MAX];
    struct slg_chunk_head head;

    if (len - at < COPY_EXTRA || !slg_chunk_head_parse(raw + at, &head) ||
        head.len > len - at - COPY_EXTRA)
        return false;
    *whole = COPY_EXTRA + head.len;
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
step_append(struct copy *copy, uint64_t *seed)
{
    const uint64_t kind = test_random(seed) % 10;
    const size_t most = kind == 0 ? 40000 : 500;
    const size_t len = 1 + test_random(seed) % most;
    uint64_t offset = 0;

    if (copy->size + len > COPY_CAP)
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
    assert_true(len <= COPY_CAP);
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
    const struct seglog_store_key key = { .size = sizeof key, .key = copy_key };
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
        assert_ok(seglog_blob_append(copy.blob, 100 * (uint64_t)i, copy_key, 32,
                                     NULL, NULL) == SEGLOG_OK
                      ? seglog_blob_append(copy.blob, SEGLOG_END_ANY, buf, 68,
                                           NULL, NULL)
                      : SEGLOG_INVALID);
    raw = bytes_of(copy.raw, &len);
    raw[2 * (100 + 2 * COPY_EXTRA) + COPY_EXTRA] ^= 1; /* of bytes 200 to 231 */
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
