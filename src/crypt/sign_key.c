/* SPDX-License-Identifier: MIT */
/* src/crypt/sign_key.c - Ed25519 keys in files. */
#include "src/crypt/sign_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/store/fail.h"

/* A PEM file of such a key has some 120 bytes; others have text around it. */
#define TEXT_MAX ((size_t)16384)

static int
hex_digit(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

static bool
hex_parse(const uint8_t *text, uint8_t key[SLG_KEY_BYTES])
{
    for (size_t i = 0; i < SLG_KEY_BYTES; i++) {
        const int high = hex_digit(text[2 * i]);
        const int low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static size_t
len_without_line_end(const uint8_t *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    return len;
}

static seglog_code
key_parse(const uint8_t *text, size_t len, bool is_private,
          uint8_t key[SLG_KEY_BYTES])
{
    if (len == SLG_KEY_BYTES) {
        memcpy(key, text, SLG_KEY_BYTES);
        return SEGLOG_OK;
    }
    if (len_without_line_end(text, len) == 2 * (size_t)SLG_KEY_BYTES &&
        hex_parse(text, key))
        return SEGLOG_OK;
    return slg_crypt_read_pem(text, len, is_private, key);
}

seglog_code
slg_sign_key_read(const char *path, bool is_private, uint8_t key[SLG_KEY_BYTES],
                  struct seglog_error *err)
{
    const struct slg_place place = { .name = path, .offset = SEGLOG_NO_OFFSET };
    uint8_t text[TEXT_MAX];
    FILE *file = NULL;
    size_t len = 0;
    seglog_code code = SEGLOG_OK;

    if (!path || !key)
        return slg_fail(err, SEGLOG_INVALID, NULL, "path or key is NULL");
    if (!slg_crypt_is_available())
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "this build cannot sign: it has no OpenSSL");
    file = fopen(path, "rbe");
    if (!file)
        return slg_fail_errno(err, errno, &place, "cannot open the key file");
    setbuf(file, NULL); /* no copy of the key is left in a buffer */
    len = fread(text, 1, sizeof text, file);
    if (ferror(file))
        code = slg_fail_errno(err, errno, &place, "cannot read the key file");
    (void)fclose(file);
    if (code == SEGLOG_OK) {
        code = key_parse(text, len, is_private, key);
        if (code == SEGLOG_INVALID)
            (void)slg_fail(err, code, &place,
                           "it holds no Ed25519 key of that sort: PEM, 32 "
                           "bytes, or 64 hexadecimal digits");
        else if (code != SEGLOG_OK)
            (void)slg_fail(err, code, &place, "no memory to read a key");
    }
    slg_crypt_wipe(text, sizeof text);
    return code;
}
