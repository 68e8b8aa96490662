/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_encrypted_ends.c
 *
 * Goal    of an encrypted blob whose end is torn, damaged or followed by what
 *         is no chunk, all who read it, append to it and cut it see the same.
 * Method  what lies below is written by hand.
 */
#include "tests/store/encrypted_copy.h"

#include "format/bytes.h"
#include "src/crypt/chunk.h"

/* Somebody without the lock appends behind torn bytes, and never cuts them. */
static void
append__behind_torn_bytes_without_the_lock__is_found(void **state)
{
    uint8_t text[300];

    (void)state;
    test_fill(text, sizeof text, 3);
    for (size_t left = 1; left < sizeof text + COPY_EXTRA; left += 7) {
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

/* Appended without the lock, and of the chunk `left` bytes get there. */
static void
append_torn(struct copy *copy, uint64_t plain, size_t left)
{
    const size_t before = size_of(copy->raw);
    uint8_t text[100];

    test_fill(text, sizeof text, 7);
    copy_open_blob(copy);
    assert_ok(
        seglog_blob_append(copy->blob, plain, text, sizeof text, NULL, NULL));
    assert_ok(seglog_blob_truncate(copy->raw, before + left, NULL));
    assert_int_equal(size_of(copy->blob), plain);
}

/* Where nobody may cut, pieces of heads come to stand one behind the other. */
static void
append__torn_heads_behind_each_other__are_a_torn_tail(void **state)
{
    (void)state;
    for (size_t left = 3; left < 100 + COPY_EXTRA - 4; left += 4) {
        for (size_t more = 20; more <= 47; more += 27) {
            const size_t first = left % 8 == 3 ? 0 : 32;
            struct copy copy = { .size = first };

            copy_open(&copy, NULL);
            memcpy(copy.plain, copy_key, first);
            if (first > 0)
                assert_ok(seglog_blob_append(copy.blob, 0, copy_key, first,
                                             NULL, NULL));
            append_torn(&copy, first, left);
            for (unsigned i = 0; i < 6; i++)
                append_torn(&copy, first, i % 2 == 0 ? more : 47);
            copy_check(&copy);
            copy.is_lock_held = left % 3 == 0;
            copy_open_blob(&copy);
            copy_check(&copy);
            /* The next one is there, and they harm nobody. */
            assert_ok(
                seglog_blob_append(copy.blob, first, copy_key, 32, NULL, NULL));
            memcpy(copy.plain + first, copy_key, 32);
            copy.size += 32;
            copy_check(&copy);
            copy_open_blob(&copy);
            copy_check(&copy);
            copy_close(&copy);
        }
    }
}

/* The blob has 20 bytes, and behind them a chunk that lacks its last byte; which
 * one that is depends on turn. */
static uint8_t
lacking_put(struct copy *copy, unsigned turn)
{
    size_t below = 0;
    uint8_t lost = 0;

    test_fill(copy->plain, 300, turn);
    assert_ok(seglog_blob_truncate(copy->raw, 0, NULL));
    copy_open_blob(copy);
    assert_ok(seglog_blob_append(copy->blob, 0, copy->plain, 30, NULL, NULL));
    /* Of the first chunk a part is cut, which keeps all cuts from cutting. */
    assert_ok(seglog_blob_truncate(copy->blob, 20, NULL));
    assert_ok(seglog_blob_append(copy->blob, 20, copy->plain, 30, NULL, NULL));
    below = size_of(copy->raw) - 1;
    assert_ok(seglog_blob_read_at(copy->raw, below, &lost, 1, NULL));
    assert_ok(seglog_blob_truncate(copy->raw, below, NULL));
    assert_int_equal(size_of(copy->blob), 20);
    return lost;
}

/* What is appended behind a torn chunk begins with just the byte that this lacks,
 * which is its length. */
static void
append__begins_with_what_a_torn_chunk_lacks__is_there(void **state)
{
    struct copy copy = { .size = 0 };
    bool was_one = false;

    (void)state;
    copy_open(&copy, NULL);
    for (unsigned i = 0; i < 5000 && (i < 20 || !was_one); i++) {
        const uint8_t lost = lacking_put(&copy, i);
        const size_t len = lost > 0 ? lost : 256;

        assert_ok(seglog_blob_append(copy.blob, 20, copy.plain + 20, len, NULL,
                                     NULL));
        copy.size = 20 + len;
        copy_check(&copy);
        copy_open_blob(&copy);
        copy_check(&copy);
        was_one |= len == 1;
    }
    assert_true(was_one);
    copy_close(&copy);
}

/* A cut begins with a zero. */
static void
cut__begins_with_what_a_torn_chunk_lacks__is_as_asked(void **state)
{
    struct copy copy = { .size = 0 };
    bool was_zero = false;

    (void)state;
    copy_open(&copy, NULL);
    for (unsigned i = 0; i < 5000 && (i < 20 || !was_zero); i++) {
        was_zero |= lacking_put(&copy, i) == 0;
        assert_ok(seglog_blob_truncate(copy.blob, 15, NULL));
        copy.size = 15;
        copy_check(&copy);
        copy_open_blob(&copy);
        copy_check(&copy);
    }
    assert_true(was_zero);
    copy_close(&copy);
}

/* A crash has left zeros, which are not the end of the blob any more. */
static void
append__torn_head_behind_zeros__leaves_them_zeros(void **state)
{
    static const uint8_t zeros[300];

    (void)state;
    for (size_t left = 8; left < 48; left++) {
        struct copy copy = { .size = 0 };
        uint8_t buf[300];
        uint64_t size = 0;

        copy_open(&copy, NULL);
        assert_ok(seglog_blob_append(copy.blob, 0, copy_key, 32, NULL, NULL));
        append_torn(&copy, 32, 20);
        assert_ok(seglog_blob_append(copy.raw, SEGLOG_END_ANY, zeros, 80, NULL,
                                     NULL));
        assert_int_equal(size_of(copy.blob), 32 + 100 - COPY_EXTRA);
        for (unsigned i = 0; i < 3; i++) {
            const size_t piece = i == 0 ? left : 47;

            size = size_of(copy.blob);
            assert_ok(
                seglog_blob_append(copy.blob, size, copy_key, 32, NULL, NULL));
            assert_ok(seglog_blob_truncate(
                copy.raw, size_of(copy.raw) - 32 - COPY_EXTRA + piece, NULL));
            copy_open_blob(&copy);
            size += piece;
            assert_int_equal(size_of(copy.blob), size);
            assert_ok(seglog_blob_read_at(copy.blob, 32, buf, size - 32, NULL));
            assert_memory_equal(buf, zeros, size - 32);
        }
        assert_ok(
            seglog_blob_append(copy.blob, size, copy_key, 32, NULL, NULL));
        copy_open_blob(&copy);
        assert_int_equal(size_of(copy.blob), size + 32);
        assert_ok(seglog_blob_read_at(copy.blob, 32, buf, size - 32, NULL));
        assert_memory_equal(buf, zeros, size - 32);
        copy_close(&copy);
    }
}

/* What was there, and was changed, is not a torn tail for that. */
static void
append__torn_head_behind_a_changed_chunk__stays_damage(void **state)
{
    struct copy copy = { .size = 0 };
    uint8_t bytes[3 * 96];
    size_t len = 0;
    uint8_t *raw = NULL;

    (void)state;
    copy_open(&copy, NULL);
    assert_ok(seglog_blob_append(copy.blob, 0, copy_key, 32, NULL, NULL));
    assert_ok(seglog_blob_append(copy.blob, 32, copy_key, 1, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    assert_int_equal(len, 96 + 65);
    memcpy(bytes, raw, len);
    memcpy(bytes + len, raw + 96, 47);
    bytes[96 + 20] ^= 1;
    copy_put(&copy, bytes, len + 47);
    assert_int_equal(size_of(copy.blob), 32 + 65 + 47 - COPY_EXTRA);
    assert_code(seglog_blob_read_at(copy.blob, 32, bytes, 1, NULL),
                SEGLOG_AUTH);
    /* Nor are bytes that say another place. */
    memcpy(bytes, raw, len);
    memcpy(bytes + 96 + 47, raw + 96, 47);
    bytes[96 + 47] = (uint8_t)(2 + (raw[96 + 47] == 2));
    bytes[96 + 47 + 8] ^= 1;
    copy_put(&copy, bytes, 96 + 47 + 47);
    assert_int_equal(size_of(copy.blob), 32 + 47 + 47 - COPY_EXTRA);
    free(raw);
    copy_close(&copy);
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
                seglog_blob_append(copy.blob, 0, copy_key, before, NULL, NULL));
        assert_ok(seglog_blob_append(copy.raw, SEGLOG_END_ANY, zeros,
                                     sizeof zeros, NULL, NULL));
        assert_int_equal(size_of(copy.blob), before + 636);
        assert_ok(seglog_blob_read_at(copy.blob, before, buf, 636, NULL));
        assert_memory_equal(buf, zeros, 636);
        assert_ok(seglog_blob_append(copy.blob, before + 636, copy_key, 32,
                                     NULL, NULL));
        for (unsigned k = 0; k < 2; k++) {
            memset(buf, 1, sizeof buf);
            assert_ok(seglog_blob_read_at(copy.blob, before, buf, 636, NULL));
            assert_memory_equal(buf, zeros, 636);
            assert_ok(
                seglog_blob_read_at(copy.blob, before + 636, buf, 32, NULL));
            assert_memory_equal(buf, copy_key, 32);
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
    assert_ok(seglog_blob_append(copy.blob, 0, copy_key, 32, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    raw[COPY_EXTRA] ^= 1;
    assert_ok(seglog_blob_truncate(copy.raw, 0, NULL));
    assert_ok(seglog_blob_append(copy.raw, 0, raw, len, NULL, NULL));
    copy_open_blob(&copy);
    assert_int_equal(size_of(copy.blob), 32);
    assert_ok(
        seglog_blob_append(copy.raw, len, zeros, sizeof zeros, NULL, NULL));
    size = size_of(copy.blob);
    copy_open_blob(&copy);
    assert_int_equal(size_of(copy.blob), size);
    assert_int_equal(size, len + sizeof zeros - COPY_EXTRA);
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
    assert_ok(seglog_blob_append(copy.blob, 0, copy_key, 32, NULL, NULL));
    assert_ok(seglog_blob_append(copy.blob, 32, buf, 123, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    memset(raw + len - 9, 0, 9);
    assert_ok(seglog_blob_truncate(copy.raw, 0, NULL));
    assert_ok(seglog_blob_append(copy.raw, 0, raw, len, NULL, NULL));
    assert_ok(seglog_blob_append(copy.raw, len, zeros, 568 - len, NULL, NULL));
    copy_open_blob(&copy);
    size = size_of(copy.blob);
    assert_int_equal(size, 568 - 96 - COPY_EXTRA + 32);
    assert_ok(seglog_blob_append(copy.blob, size, copy_key, 32, NULL, NULL));
    for (unsigned i = 0; i < 2; i++) {
        memset(buf, 1, sizeof buf);
        assert_ok(
            seglog_blob_read_at(copy.blob, 32, buf, (size_t)size - 32, NULL));
        assert_memory_equal(buf, zeros, size - 32);
        assert_ok(seglog_blob_read_at(copy.blob, size, buf, 32, NULL));
        assert_memory_equal(buf, copy_key, 32);
        copy_open_blob(&copy);
    }
    free(raw);
    copy_close(&copy);
}

/* Behind damage stands the head of a chunk, and less than a chunk could be. */
static void
append__behind_damage_and_a_head__all_agree(void **state)
{
    uint8_t text[100];

    (void)state;
    test_fill(text, sizeof text, 3);
    for (size_t left = 1; left < COPY_EXTRA; left++) {
        struct copy copy = { .size = 0 };
        uint8_t bytes[72 + COPY_EXTRA];
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
        copy_put(&copy, bytes, 72 + left);
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
                seglog_blob_append(copy.blob, 0, copy_key, before, NULL, NULL));
        assert_ok(seglog_blob_append(copy.blob, before, text, 235, NULL, NULL));
        raw = bytes_of(copy.raw, &len);
        len -= 235 + COPY_EXTRA;
        memcpy(bytes, raw, len);
        test_fill(bytes + len, 300, 9);
        memcpy(bytes + len + 300, raw + len, 97);
        copy_put(&copy, bytes, len + 397);
        assert_int_equal(size_of(copy.blob), before);
        assert_ok(seglog_blob_truncate(copy.blob, before, NULL));
        assert_int_equal(size_of(copy.raw), len);
        if (i % 2 != 0)
            assert_ok(
                seglog_blob_append(copy.blob, before, copy_key, 32, &at, NULL));
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
    assert_ok(seglog_blob_append(copy.blob, 0, copy_key, 32, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    memcpy(bytes, raw, len);
    bytes[COPY_EXTRA] ^= 1;
    test_fill(bytes + len, 100, 9);
    copy_put(&copy, bytes, len + 100);
    assert_code(seglog_blob_read_at(copy.blob, 0, buf, 32, NULL), SEGLOG_AUTH);
    assert_ok(
        seglog_blob_append(copy.blob, SEGLOG_END_ANY, copy_key, 32, &at, NULL));
    assert_ok(seglog_blob_append(copy.raw, SEGLOG_END_ANY, zeros, sizeof zeros,
                                 NULL, NULL));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(size_of(copy.blob),
                         at + 32 + sizeof zeros - COPY_EXTRA);
        assert_code(seglog_blob_read_at(copy.blob, 0, buf, 32, &err),
                    SEGLOG_AUTH);
        assert_int_equal(err.offset, 0);
        assert_int_equal(err.actual, 32);
        assert_ok(seglog_blob_read_at(copy.blob, at, buf, 32, NULL));
        assert_memory_equal(buf, copy_key, 32);
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
    assert_ok(seglog_blob_append(copy.blob, 0, copy_key, 32, NULL, NULL));
    assert_ok(seglog_blob_append(other.blob, 0, copy_key, 32, NULL, NULL));
    assert_ok(seglog_blob_append(other.blob, 32, copy_key, 32, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    other_raw = bytes_of(other.raw, &other_len);
    raw[COPY_EXTRA] ^= 1;
    copy_put(&copy, raw, len);
    assert_ok(
        seglog_blob_append(copy.raw, len, other_raw + 96, 96, NULL, NULL));
    assert_ok(seglog_blob_append(copy.raw, len + 96, zeros, sizeof zeros, NULL,
                                 NULL));
    size = len + 96 + sizeof zeros - COPY_EXTRA;
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
    assert_ok(seglog_blob_append(copy.blob, 0, copy_key, 32, NULL, NULL));
    assert_ok(seglog_blob_append(copy.blob, 32, text, 235, NULL, NULL));
    assert_ok(seglog_blob_append(copy.blob, 267, text, 235, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    memcpy(bytes, raw, 96);
    memcpy(bytes + 96, raw + 96, 60);
    memcpy(bytes + 156, raw + 96, 100);
    test_fill(bytes + 256, 139, 9);
    memcpy(bytes + 395, raw + 395, 50);
    copy_put(&copy, bytes, 256);
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
    assert_ok(seglog_blob_append(copy.blob, 0, copy_key, 32, NULL, NULL));
    raw = bytes_of(copy.raw, &len);
    memcpy(bytes, raw, len);
    memcpy(bytes + len, raw, len);
    bytes[COPY_EXTRA] ^= 1;
    copy_put(&copy, bytes, sizeof bytes);
    assert_int_equal(size_of(copy.blob), 32 + 200 - COPY_EXTRA);
    assert_ok(
        seglog_blob_append(copy.raw, SEGLOG_END_ANY, "other", 5, NULL, NULL));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(size_of(copy.blob), 32 + 96 + 205 - COPY_EXTRA);
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
    for (size_t left = COPY_EXTRA; left < sizeof text + COPY_EXTRA;
         left += 11) {
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
            assert_int_equal(size_of(copy.blob),
                             left + sizeof zeros - COPY_EXTRA);
            if (is_cut != 0)
                assert_ok(seglog_blob_truncate(copy.blob, 141, NULL));
            assert_ok(seglog_blob_append(copy.blob, SEGLOG_END_ANY, copy_key,
                                         32, &offset, NULL));
            assert_int_equal(
                offset, is_cut != 0 ? 141 : left + sizeof zeros - COPY_EXTRA);
            copy_open_blob(&copy);
            assert_int_equal(size_of(copy.blob), offset + 32);
            assert_ok(seglog_blob_read_at(copy.blob, offset, buf, 32, NULL));
            assert_memory_equal(buf, copy_key, 32);
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
        const size_t half = (COPY_EXTRA + sizeof text) / 2;
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
        assert_ok(seglog_blob_append(copy.blob, to, copy_key, 32, NULL, NULL));
        copy_open_blob(&copy);
        assert_int_equal(size_of(copy.blob), to + 32);
        assert_ok(seglog_blob_read_at(copy.blob, to, buf, 32, NULL));
        assert_memory_equal(buf, copy_key, 32);
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
    /* What is appended must not begin with just the bytes that are lost. */
    for (size_t lost = 4; lost < sizeof text + COPY_EXTRA; lost += 13) {
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
        assert_int_equal(len, 3 * (sizeof text + COPY_EXTRA));
        assert_ok(seglog_blob_truncate(copy.raw, 264 + COPY_EXTRA, NULL));
        assert_ok(seglog_blob_append(
            copy.raw, SEGLOG_END_ANY, raw + 264 + COPY_EXTRA + 100,
            len - lost - (264 + COPY_EXTRA + 100), NULL, NULL));
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append__behind_torn_bytes_without_the_lock__is_found),
        cmocka_unit_test(append__torn_heads_behind_each_other__are_a_torn_tail),
        cmocka_unit_test(append__begins_with_what_a_torn_chunk_lacks__is_there),
        cmocka_unit_test(cut__begins_with_what_a_torn_chunk_lacks__is_as_asked),
        cmocka_unit_test(append__torn_head_behind_zeros__leaves_them_zeros),
        cmocka_unit_test(
            append__torn_head_behind_a_changed_chunk__stays_damage),
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
    };

    if (!slg_crypt_is_available())
        return 77;
    return cmocka_run_group_tests_name("store/store_encrypted_ends", tests,
                                       NULL, NULL);
}
