/* SPDX-License-Identifier: MIT */
/* tests/segment/tail_support.c - where a segment ends, as it is found. */
#include "tests/segment/tail_support.h"

#include "format/checksum.h"

struct slg_tail
tail_find(struct seglog_store store, uint64_t expect)
{
    struct seglog_blob blob = { 0 };
    struct seglog_error err = { 0 };
    struct slg_tail tail;

    assert_ok(seglog_blob_open(store, "log", SEGLOG_OPEN_READ, &blob, NULL));
    assert_code_err(slg_tail_find(blob, "log", expect, NULL, &tail, &err),
                    SEGLOG_OK, &err);
    assert_ok(seglog_blob_close(&blob, NULL));
    return tail;
}

struct slg_tail
tail_of_expecting(const void *bytes, size_t len, uint64_t expect)
{
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", bytes, len);
    const struct slg_tail tail = tail_find(store, expect);
    seglog_store_close(&store);
    return tail;
}

struct slg_tail
tail_of(const void *bytes, size_t len)
{
    return tail_of_expecting(bytes, len, 0);
}

void
assert_tail_verdict(const struct slg_tail *tail, const char *want)
{
    char text[256] = "OK";

    if (tail->verdict != SEGLOG_VERDICT_OK) {
        assert_int_equal(tail->finding.verdict, tail->verdict);
        finding_format(&tail->finding, text, sizeof text);
    }
    assert_string_equal(text, want);
}

void
assert_tail_is(const struct slg_tail *tail, const struct forge *forge,
               uint64_t watermark)
{
    assert_tail_verdict(tail, "OK");
    assert_int_equal(tail->size, forge->len);
    assert_int_equal(tail->end, forge->len);
    assert_int_equal(tail->number, forge->number);
    assert_int_equal(tail->line, forge->line);
    assert_int_equal(tail->epoch, forge->epoch);
    assert_int_equal(tail->salt,
                     slg_salt(forge->header.identity, forge->epoch));
    assert_int_equal(tail->sync_offset, forge->sync_offset);
    assert_int_equal(tail->digest, forge->digest);
    assert_int_equal(tail->watermark, watermark);
    assert_memory_equal(tail->header.identity, forge->header.identity, 16);
    assert_int_equal(tail->limits.body_max, forge->limits.body_max);
    assert_int_equal(tail->limits.has_digests, forge->limits.has_digests);
    const struct forge_frame *last =
        forge->frame_count > 0 ? &forge->frames[forge->frame_count - 1] : NULL;
    assert_int_equal(tail->is_after_sync,
                     last && last->control == SLG_CONTROL_SYNC_POINT);
    assert_int_equal(tail->is_closed,
                     last && last->control == SLG_CONTROL_CLOSING_MARK);
}

void
make_log(struct forge *forge)
{
    forge_start(forge);
    forge_fill(forge, 10, 40);
    forge->watermark = 7;
    (void)forge_sync(forge);
    forge_fill(forge, 5, 40);
}
