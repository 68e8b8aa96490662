/* SPDX-License-Identifier: MIT */
/* tests/store/test_sign.c - SPEC.md 16.6: SHA-256, Ed25519, keys in files. */
#include "tests/support/seglog_test.h"

#include "format/chain.h"
#include "src/crypt/sign_key.h"

#define SKIP_WITHOUT_OPENSSL()                                                 \
    do {                                                                       \
        if (!slg_crypt_is_available())                                         \
            skip();                                                            \
    } while (0)

static size_t
from_hex(const char *hex, uint8_t *out)
{
    size_t len = 0;

    for (; hex[0] && hex[1]; hex += 2) {
        const char digits[] = { hex[0], hex[1], '\0' };

        out[len++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

/* FIPS 180-4, and the two in one piece or in two. */
static void
sha256__known_texts__has_the_known_hashes(void **state)
{
    static const struct {
        const char *text;
        const char *hash;
    } rows[] = {
        { "",
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc",
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };

    (void)state;
    SKIP_WITHOUT_OPENSSL();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const size_t len = strlen(rows[i].text);
        uint8_t want[32];
        uint8_t got[32];

        assert_int_equal(from_hex(rows[i].hash, want), 32);
        for (size_t first = 0; first <= len; first++) {
            slg_crypt_sha256(rows[i].text, first, rows[i].text + first,
                             len - first, got);
            assert_memory_equal(got, want, 32);
        }
        slg_crypt_sha256(rows[i].text, len, NULL, 0, got);
        assert_memory_equal(got, want, 32);
    }
}

/* RFC 8032, 7.1, tests 1 to 3. */
static const struct {
    const char *private_key;
    const char *public_key;
    const char *text;
    const char *signature;
} signatures[] = {
    { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb88215"
      "90a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
    { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e4"
      "3e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
    { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b53"
      "8d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

static void
sign__known_keys__has_the_known_signatures(void **state)
{
    (void)state;
    SKIP_WITHOUT_OPENSSL();
    for (size_t i = 0; i < COUNT_OF(signatures); i++) {
        uint8_t private_key[32];
        uint8_t public_key[32];
        uint8_t text[4];
        uint8_t want[64];
        uint8_t got[64];
        bool is_good = false;
        const size_t len = from_hex(signatures[i].text, text);

        (void)from_hex(signatures[i].private_key, private_key);
        (void)from_hex(signatures[i].public_key, want);
        assert_true(slg_crypt_public_key(private_key, public_key));
        assert_memory_equal(public_key, want, 32);
        (void)from_hex(signatures[i].signature, want);
        assert_true(slg_crypt_sign(private_key, text, len, got));
        assert_memory_equal(got, want, 64);
        assert_true(slg_crypt_verify(public_key, text, len, got, &is_good));
        assert_true(is_good);
    }
}

/* The example of SPEC.md 16.6. */
static void
sign__head_of_a_stream__has_the_known_signature(void **state)
{
    struct slg_signed what = { .stream = 7,
                               .algorithm = SEGLOG_CHAIN_SHA256,
                               .next_offset = 3 };
    uint8_t private_key[32];
    uint8_t public_key[32];
    uint8_t bytes[SLG_SIGNED_MAX];
    uint8_t want[64];
    uint8_t got[64];

    (void)state;
    SKIP_WITHOUT_OPENSSL();
    for (uint8_t i = 0; i < 32; i++)
        private_key[i] = i;
    memcpy(what.identity, private_key, sizeof what.identity);
    what.hash.len = (uint8_t)from_hex("fbfbc1b5e8e1f05090b2110dae191210"
                                      "70440a077faa288ae1f8b1d33312e063",
                                      what.hash.bytes);
    assert_true(slg_crypt_public_key(private_key, public_key));
    (void)from_hex("03a107bff3ce10be1d70dd18e74bc099"
                   "67e4d6309ba50d5f1ddc8664125531b8",
                   want);
    assert_memory_equal(public_key, want, 32);
    assert_true(slg_crypt_sign(private_key, bytes,
                               slg_signed_encode(&what, bytes), got));
    (void)from_hex("85c05b496d20ee8b01ebade009e6afb9ffae49403988848c9444498897"
                   "000e9fa4f9b83c17fc8b27820bbf70c254a6ec2e82658a28ea639ec66f"
                   "da391f6e7e0e",
                   want);
    assert_memory_equal(got, want, 64);
}

static void
verify__anything_else__is_not_good(void **state)
{
    static const uint8_t private_key[32] = { 1, 2, 3 };
    uint8_t text[] = "the head of a chain";
    uint8_t public_key[32];
    uint8_t signature[64];

    (void)state;
    SKIP_WITHOUT_OPENSSL();
    assert_true(slg_crypt_public_key(private_key, public_key));
    assert_true(slg_crypt_sign(private_key, text, sizeof text, signature));
    for (size_t bit = 0; bit < 8 * sizeof text; bit += 7) {
        bool is_good = true;

        text[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(slg_crypt_verify(public_key, text, sizeof text, signature,
                                     &is_good));
        assert_false(is_good);
        text[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof signature; bit += 3) {
        bool is_good = true;

        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(slg_crypt_verify(public_key, text, sizeof text, signature,
                                     &is_good));
        assert_false(is_good);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* -- keys in files ---------------------------------------------------------- */

/* The keys of the first signature, as openssl writes them. */
static const char private_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
static const char public_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n";

static seglog_code
read_key(const char *dir, const void *text, size_t len, bool is_private,
         uint8_t key[32])
{
    char *path = test_path(dir, "key");
    struct seglog_error err;

    test_file_write(path, text, len);
    const seglog_code code = slg_sign_key_read(path, is_private, key, &err);
    if (code != SEGLOG_OK)
        assert_string_equal(err.name, path);
    free(path);
    return code;
}

static void
sign_key__each_form__is_read(void **state)
{
    const char *dir = *state;
    uint8_t private_key[32];
    uint8_t public_key[32];
    uint8_t key[32];
    char hex[80];

    SKIP_WITHOUT_OPENSSL();
    (void)from_hex(signatures[0].private_key, private_key);
    (void)from_hex(signatures[0].public_key, public_key);
    assert_ok(read_key(dir, private_pem, sizeof private_pem - 1, true, key));
    assert_memory_equal(key, private_key, 32);
    assert_ok(read_key(dir, public_pem, sizeof public_pem - 1, false, key));
    assert_memory_equal(key, public_key, 32);
    assert_ok(read_key(dir, private_key, 32, true, key));
    assert_memory_equal(key, private_key, 32);
    memcpy(hex, signatures[0].public_key, 64);
    memcpy(hex + 64, "\r\n", 2);
    for (size_t len = 64; len <= 66; len += 2) {
        assert_ok(read_key(dir, hex, len, false, key));
        assert_memory_equal(key, public_key, 32);
    }
}

static void
sign_key__anything_else__is_invalid(void **state)
{
    const char *dir = *state;
    uint8_t key[32];
    char hex[80] = { 0 };
    struct seglog_error err;

    SKIP_WITHOUT_OPENSSL();
    memcpy(hex, signatures[0].public_key, 64);
    hex[10] = 'g';
    assert_code(read_key(dir, hex, 64, false, key), SEGLOG_INVALID);
    assert_code(read_key(dir, "", 0, false, key), SEGLOG_INVALID);
    assert_code(read_key(dir, hex, 31, false, key), SEGLOG_INVALID);
    assert_code(read_key(dir, hex, 33, false, key), SEGLOG_INVALID);
    /* The other one of the pair, and one that was cut. */
    assert_code(read_key(dir, public_pem, sizeof public_pem - 1, true, key),
                SEGLOG_INVALID);
    assert_code(read_key(dir, private_pem, sizeof private_pem - 1, false, key),
                SEGLOG_INVALID);
    assert_code(read_key(dir, private_pem, sizeof private_pem - 40, true, key),
                SEGLOG_INVALID);
    assert_code(slg_sign_key_read(NULL, true, key, &err), SEGLOG_INVALID);
    assert_code(slg_sign_key_read("/nowhere/key", true, key, &err),
                SEGLOG_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256__known_texts__has_the_known_hashes),
        cmocka_unit_test(sign__known_keys__has_the_known_signatures),
        cmocka_unit_test(sign__head_of_a_stream__has_the_known_signature),
        cmocka_unit_test(verify__anything_else__is_not_good),
        cmocka_unit_test_setup_teardown(sign_key__each_form__is_read,
                                        test_dir_setup, test_dir_teardown),
        cmocka_unit_test_setup_teardown(sign_key__anything_else__is_invalid,
                                        test_dir_setup, test_dir_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
