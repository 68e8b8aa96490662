/* SPDX-License-Identifier: MIT */
/* tests/store/encrypted_copy.c - an encrypted store, and what lies below. */
#include "tests/store/encrypted_copy.h"

const uint8_t copy_key[SEGLOG_KEY_BYTES] = "a key of thirty-two bytes in all";

size_t
size_of(struct seglog_blob blob)
{
    uint64_t size = 0;

    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    return (size_t)size;
}

uint8_t *
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

void
copy_open_blob(struct copy *copy)
{
    (void)seglog_blob_close(&copy->blob, NULL);
    assert_ok(seglog_blob_open(
        copy->store, "log",
        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE |
            (copy->is_lock_held ? (unsigned)SEGLOG_OPEN_LOCK_HELD : 0),
        &copy->blob, NULL));
}

void
copy_open(struct copy *copy, const struct copy *of)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = copy_key };
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
        blob_write(copy->below, SEGLOG_KEYS_NAME, bytes, len);
        assert_ok(seglog_blob_close(&keys, NULL));
        free(bytes);
    }
    assert_code_err(seglog_encrypted_store_open(copy->below, &key, &options,
                                                &copy->store, &err),
                    SEGLOG_OK, &err);
    copy_open_blob(copy);
    assert_ok(seglog_blob_open(copy->below, "log", SEGLOG_OPEN_WRITE,
                               &copy->raw, NULL));
    copy->plain = malloc(COPY_CAP);
    assert_non_null(copy->plain);
}

void
copy_close(struct copy *copy)
{
    assert_ok(seglog_blob_close(&copy->raw, NULL));
    assert_ok(seglog_blob_close(&copy->blob, NULL));
    seglog_store_close(&copy->store);
    free(copy->plain);
}

void
copy_check(const struct copy *copy)
{
    size_t len = 0;
    uint8_t *bytes = bytes_of(copy->blob, &len);

    assert_int_equal(len, copy->size);
    assert_memory_equal(bytes, copy->plain, len);
    free(bytes);
}

void
copy_put(struct copy *copy, const uint8_t *bytes, size_t len)
{
    assert_ok(seglog_blob_truncate(copy->raw, 0, NULL));
    assert_ok(seglog_blob_append(copy->raw, 0, bytes, len, NULL, NULL));
    copy_open_blob(copy);
}
