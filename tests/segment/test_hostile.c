/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_hostile.c
 *
 * Goal    segments that no writer makes, valid in every frame, take neither
 *         long nor much memory, and what is wrong with them is not blamed on
 *         the caller.
 * Method  frames are put together by hand.
 */
#include "tests/segment/writer_support.h"

#include <stdio.h>

#include "format/checksum.h"
#include "format/control.h"
#include "format/header.h"
#include "src/codec/zrun.h"

#define EPOCH 77u
#define MARKS 100000u
/* Stored bytes of a body; the run may have 1 MiB of them in front of one. */
#define BODY 65000u
#define RUN  17u

struct made {
    struct slg_header header;
    uint8_t *bytes;
    size_t len;
    uint64_t number;
};

static struct made
made_begin(unsigned features, size_t room)
{
    struct made made = {
        .header = { .version = SLG_VERSION,
                    .body_log2 = 23,
                    .sync_log2 = 16,
                    .features_refuse = (uint16_t)features,
                    .first_record = 1,
                    .epoch = EPOCH },
        .bytes = malloc(room),
        .len = SLG_HEADER_BYTES,
        .number = 1,
    };

    assert_non_null(made.bytes);
    memset(made.header.identity, 7, sizeof made.header.identity);
    slg_header_encode(&made.header, made.bytes);
    return made;
}

static void
made_put_body(struct made *made, enum slg_packing packing, const uint8_t *body,
              size_t len)
{
    const struct slg_frame_limits limits = slg_header_limits(&made->header);
    uint8_t *at = made->bytes + made->len;
    const size_t head =
        slg_frame_put_head(at, SLG_FRAME_BYTES, false, (uint32_t)len);

    at[0] |= (uint8_t)packing;
    memcpy(at + head, body, len);
    made->len += (size_t)slg_frame_finish(
        at, head, (uint32_t)len, &limits, made->number++,
        slg_salt(made->header.identity, EPOCH));
}

static void
made_end(struct made *made, struct seglog_store store, const char *name)
{
    blob_write(store, name, made->bytes, made->len);
    free(made->bytes);
}

static void
open__nothing_but_marks__is_looked_through_once(void **state)
{
    const struct seglog_store store = store_of(state);
    struct made made =
        made_begin(SLG_REFUSE_COMPRESSED | SLG_REFUSE_REFERS,
                   SLG_HEADER_BYTES + MARKS * SLG_SYNC_POINT_BYTES);
    struct seglog_scan_summary summary;
    size_t before = 0;

    for (unsigned i = 0; i < MARKS; i++) {
        struct slg_mark mark = { .type = SLG_CONTROL_SYNC_POINT,
                                 .epoch = EPOCH,
                                 .number = 1,
                                 .line = 1,
                                 .offset = made.len,
                                 .distance = (uint32_t)(made.len - before) };

        memcpy(mark.identity, made.header.identity, sizeof mark.identity);
        before = made.len;
        made.len += slg_mark_encode(&mark, made.bytes + made.len);
    }
    made_end(&made, store, "marks");
    assert_ok(seglog_scan(store, "marks", NULL, &summary, NULL));
    assert_int_equal(summary.records, 0);
}

static void
open__dictionary_of_an_odd_name__is_no_segment_of_this_format(void **state)
{
    static const char *const names[] = { "..", ".",      "../x",
                                         "/x", "x.lock", "odd" };
    const struct seglog_store store = store_of(state);

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct made made =
            made_begin(SLG_REFUSE_COMPRESSED | SLG_REFUSE_REFERS, 1024);
        struct slg_reference reference = { .role = SLG_REFERENCE_DICTIONARY,
                                           .name_len = strlen(names[i]) };
        struct seglog_scan_summary summary;
        struct seglog_writer *writer = NULL;

        memcpy(reference.name, names[i], reference.name_len + 1);
        made.len += slg_reference_encode(&reference, 1,
                                         slg_salt(made.header.identity, EPOCH),
                                         made.bytes + made.len);
        made_put_body(&made, SLG_PACKING_NONE, (const uint8_t *)"hello", 5);
        made_end(&made, store, "odd");
        assert_code(seglog_scan(store, "odd", NULL, &summary, NULL),
                    SEGLOG_FORMAT);
        assert_code(seglog_writer_open(store, "odd", NULL, &writer, NULL),
                    SEGLOG_FORMAT);
    }
}

static void
run__longer_than_any_writer_makes_it__is_not_kept(void **state)
{
    const struct seglog_store store = store_of(state);
    struct made made = made_begin(SLG_REFUSE_COMPRESSED | SLG_REFUSE_ZSTD,
                                  (RUN + 2) * (BODY + 64));
    struct seglog_scan_summary summary;
    uint8_t body[BODY] = { 0 };
    const uint32_t block = (BODY - 3) << 3; /* stored, not the last one */

    if (!slg_zrun_is_there())
        skip();
    body[0] = (uint8_t)block;
    body[1] = (uint8_t)(block >> 8);
    body[2] = (uint8_t)(block >> 16);
    for (unsigned i = 0; i < RUN + 2; i++)
        made_put_body(&made, i > 0 ? SLG_PACKING_NEXT : SLG_PACKING_FIRST, body,
                      BODY);
    made_end(&made, store, "run");
    assert_ok(seglog_scan(store, "run", NULL, &summary, NULL));
    assert_int_equal(summary.records, RUN);
    assert_int_not_equal(summary.verdict, SEGLOG_VERDICT_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(open__nothing_but_marks__is_looked_through_once),
        on_memory(
            open__dictionary_of_an_odd_name__is_no_segment_of_this_format),
        on_memory(run__longer_than_any_writer_makes_it__is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
