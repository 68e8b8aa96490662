/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_footer_read.c
 *
 * Goal    the end of a sealed segment (SPEC.md 15.3) is believed only where
 *         footer, closing mark, header and size agree; what lies there is
 *         found by a seek all the same.
 * Method  sealed segments made frame by frame, of which one thing is wrong
 *         under checksums that are right.
 */
#include "tests/segment/forge_support.h"

#include "format/checksum.h"
#include "format/footer.h"
#include "src/segment/segment_footer.h"

/* What is read of the end at first (segment_footer.c). */
#define END_READ 32768u

static struct look look;

static struct slg_header
sealed_header(void)
{
    struct slg_header header = forge_header();

    header.features_refuse = SLG_REFUSE_SEALED;
    return header;
}

static void
block_add(struct forge *forge)
{
    (void)forge_sync(forge);
    (void)forge_block(forge, 0, "0123456789", 10);
}

/* Five blocks of one record, a footer, a closing mark. */
static void
sealed_make(struct forge *forge)
{
    const struct slg_header header = sealed_header();

    forge_start_with(forge, &header);
    for (unsigned i = 0; i < 5; i++)
        block_add(forge);
    (void)forge_footer(forge, NULL);
    (void)forge_close(forge);
}

static seglog_code
end_read(const struct forge *forge, struct slg_sealed_end *end)
{
    struct seglog_store store;
    struct seglog_blob blob;

    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_write(store, "s", forge->bytes, forge->len);
    assert_ok(seglog_blob_open(store, "s", SEGLOG_OPEN_READ, &blob, NULL));
    const seglog_code code =
        slg_sealed_end_read(blob, forge->len, &forge->header, end, NULL);
    assert_ok(seglog_blob_close(&blob, NULL));
    seglog_store_close(&store);
    return code;
}

static bool
end_is_good(const struct forge *forge)
{
    struct slg_sealed_end end;
    const seglog_code code = end_read(forge, &end);

    slg_sealed_end_reset(&end);
    assert_true(code == SEGLOG_OK || code == SEGLOG_CORRUPT);
    return code == SEGLOG_OK;
}

/* The frame's checksum, and its digest, anew. */
static void
frame_finish(struct forge *forge, size_t offset)
{
    struct slg_frame frame;
    uint8_t *at = forge->bytes + offset;

    assert_true(
        slg_frame_parse(at, forge->len - offset, &forge->limits, &frame));
    (void)slg_frame_finish(at, frame.head_len, frame.body_len, &forge->limits,
                           forge->number,
                           slg_salt(forge->header.identity, forge->epoch));
}

static size_t
footer_at(const struct forge *forge)
{
    return forge->frames[forge->frame_count - 2].offset;
}

/* The closing mark at the end, with other fields. */
static void
mark_put(struct forge *forge, const uint8_t *identity, uint64_t offset)
{
    uint8_t *at = forge->bytes + forge->len - SLG_CLOSING_MARK_BYTES;
    struct slg_mark mark;

    assert_true(slg_mark_decode(at, SLG_CLOSING_MARK_BYTES, &mark));
    memcpy(mark.identity, identity, SLG_IDENTITY_BYTES);
    mark.offset = offset;
    (void)slg_mark_encode(&mark, at);
}

/* A body of any bytes as the last but one frame, closed. */
static void
body_put(struct forge *forge, unsigned head, const uint8_t *body, size_t len)
{
    const size_t most = len + 32;
    uint8_t *bytes = malloc(most);

    assert_non_null(bytes);
    const size_t head_len =
        slg_frame_put_head(bytes, SLG_FRAME_CONTROL, false, (uint32_t)len);
    bytes[0] = (uint8_t)(head | (bytes[0] & 3u));
    memcpy(bytes + head_len, body, len);
    forge_raw(forge, bytes,
              slg_frame_finish(bytes, head_len, (uint32_t)len, &forge->limits,
                               forge->number,
                               slg_salt(forge->header.identity, forge->epoch)));
    free(bytes);
    (void)forge_close(forge);
}

/* A footer of so many rows of frames of no more than six bytes each. */
static uint8_t *
long_body(uint64_t rows, const char *parent, size_t *len)
{
    const struct slg_footer footer = {
        .first_record = 1,
        .records = rows,
        .lines = rows,
        .blocks = rows,
        .time_min = INT64_MAX,
        .time_max = INT64_MIN,
        .parent = (const uint8_t *)parent,
        .parent_len = parent ? strlen(parent) : 0,
    };
    uint8_t *body = malloc(512 + 7 * (size_t)rows);

    assert_non_null(body);
    *len = slg_footer_fixed_put(&footer, body);
    for (uint64_t i = 0; i < rows; i++) {
        static const uint8_t row[] = { 0, SLG_FRAME_MIN, 0, 1, 1, 0, 0 };

        memcpy(body + *len, row, sizeof row);
        *len += sizeof row;
    }
    *len += SLG_FOOTER_END_BYTES;
    slg_footer_end_put((uint32_t)*len, body + *len - SLG_FOOTER_END_BYTES);
    return body;
}

/* A segment that ends with such a footer; no blocks are in it. */
static void
long_make(struct forge *forge, const struct slg_header *header, uint64_t rows,
          const char *parent)
{
    uint8_t *blank = calloc((size_t)rows + 1, SLG_FRAME_MIN);
    size_t len = 0;
    uint8_t *body = long_body(rows, parent, &len);

    assert_non_null(blank);
    forge_start_with(forge, header);
    forge_raw(forge, blank, (size_t)rows * SLG_FRAME_MIN);
    forge->number += rows;
    body_put(forge, SLG_HEAD_CONTROL, body, len);
    free(body);
    free(blank);
}

static void
end__with_a_footer_of_any_length__is_read(void **state)
{
    /* Without and with a digest, read at once or in two goes; and from there
     * on, what is read at once ends with the header. */
    static const uint64_t counts[] = { 0,    1,    1621, 1622, 1623, 1624, 4658,
                                       4659, 4660, 4661, 4662, 4663, 9000 };
    const struct slg_header header = sealed_header();
    struct slg_sealed_end end;
    struct forge forge;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        long_make(&forge, &header, counts[i], NULL);
        assert_ok(end_read(&forge, &end));
        assert_int_equal(end.footer.records, counts[i]);
        assert_int_equal(end.footer.blocks, counts[i]);
        assert_int_equal(end.mark.number, 1 + counts[i]);
        assert_int_equal(end.offset, SLG_HEADER_BYTES + 6 * counts[i]);
        uint64_t rows = 0;
        while (slg_footer_row_next(&end.table))
            rows++;
        assert_int_equal(rows, counts[i]);
        slg_sealed_end_reset(&end);
        forge_free(&forge);
    }
}

static void
end__of_a_segment_without_digests__is_read(void **state)
{
    struct slg_header header = sealed_header();
    struct forge forge;

    (void)state;
    header.features_refuse |= SLG_REFUSE_NO_XXH3;
    for (uint64_t rows = 1600; rows < 1650; rows += 49) {
        long_make(&forge, &header, rows, NULL);
        assert_true(end_is_good(&forge));
        forge_free(&forge);
    }
}

static void
end__with_the_longest_body_that_the_header_allows__is_read(void **state)
{
    struct slg_header header = sealed_header();
    struct forge forge;
    char parent[256];

    (void)state;
    header.body_log2 = 9;
    /* 83 + 16 + 8 bytes, 7 for each row, and the name. */
    memset(parent, 'p', sizeof parent);
    parent[512 - 107 - 7 * 30] = '\0';
    long_make(&forge, &header, 30, parent);
    assert_true(end_is_good(&forge));
    forge_free(&forge);
    parent[512 - 107 - 7 * 30] = 'p';
    parent[512 - 107 - 7 * 30 + 1] = '\0';
    long_make(&forge, &header, 30, parent);
    assert_false(end_is_good(&forge));
    forge_free(&forge);
}

static void
end__that_claims_to_be_longer_than_the_segment__is_none(void **state)
{
    struct forge forge;

    (void)state;
    sealed_make(&forge);
    assert_true(end_is_good(&forge));
    uint8_t *len = forge.bytes + forge.len - SLG_CLOSING_MARK_BYTES -
                   SLG_CHECKSUM_BYTES - SLG_FOOTER_END_BYTES;
    slg_store_le32(len, 5000);
    assert_false(end_is_good(&forge));
    slg_store_le32(len, 1u << 22);
    assert_false(end_is_good(&forge));
    /* As long as all that is there, the header too. */
    slg_store_le32(len, (uint32_t)(forge.len - SLG_CLOSING_MARK_BYTES - 4 - 3));
    assert_false(end_is_good(&forge));
    forge_free(&forge);
}

static void
end__with_a_mark_of_another_place_or_segment__is_none(void **state)
{
    struct forge forge;

    (void)state;
    sealed_make(&forge);
    const uint64_t offset = forge.len - SLG_CLOSING_MARK_BYTES;
    mark_put(&forge, forge_identity, offset);
    assert_true(end_is_good(&forge));
    mark_put(&forge, forge_identity, offset + 1);
    assert_false(end_is_good(&forge));
    mark_put(&forge, forge_identity, offset - 1);
    assert_false(end_is_good(&forge));
    /* All of the end is another segment's. */
    mark_put(&forge, forge_stranger, offset);
    const size_t footer = footer_at(&forge);
    memcpy(forge.header.identity, forge_stranger, SLG_IDENTITY_BYTES);
    frame_finish(&forge, footer);
    assert_true(end_is_good(&forge));
    memcpy(forge.header.identity, forge_identity, SLG_IDENTITY_BYTES);
    assert_false(end_is_good(&forge));
    forge_free(&forge);
}

static void
end__with_a_footer_that_disagrees__is_none(void **state)
{
    struct forge forge;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        sealed_make(&forge);
        uint8_t *footer = forge.bytes + footer_at(&forge);
        struct slg_header other = forge.header;

        switch (i) {
        case 0: /* nothing is changed */
            break;
        case 1: /* one record more was lost than numbers are missing */
            footer[2 + 26]++;
            break;
        case 2: /* another version */
            footer[2 + 1]++;
            break;
        case 3: /* no footer: the type is unknown */
            footer[2] = 0x5A;
            break;
        default: /* the header counts from elsewhere */
            forge.header.first_record = 2;
            break;
        }
        frame_finish(&forge, footer_at(&forge));
        assert_int_equal(end_is_good(&forge), i == 0);
        forge.header = other;
        forge_free(&forge);
    }
}

static void
end__with_a_wrong_digest_under_a_right_checksum__is_none(void **state)
{
    const struct slg_header header = sealed_header();
    struct forge forge;

    (void)state;
    long_make(&forge, &header, 2000, NULL);
    assert_true(end_is_good(&forge));
    uint8_t *digest = forge.bytes + forge.len - SLG_CLOSING_MARK_BYTES - 4 - 8;
    uint8_t *frame = forge.bytes + SLG_HEADER_BYTES + 2000 * SLG_FRAME_MIN;
    digest[3] ^= 1;
    slg_store_le32(
        digest + 8,
        slg_crc32(0, frame, (size_t)(digest + 8 - frame)) ^
            slg_mix(forge.number, slg_salt(forge_identity, forge.epoch)));
    assert_false(end_is_good(&forge));
    forge_free(&forge);
}

/* A body that is one, in frames that are none. */
static void
end__with_another_frame_in_the_place_of_the_footer__is_none(void **state)
{
    const struct slg_header header = sealed_header();
    struct forge forge;
    size_t len = 0;
    uint8_t *body = long_body(0, NULL, &len);

    (void)state;
    forge_start_with(&forge, &header);
    body_put(&forge, SLG_HEAD_CONTROL, body, len);
    assert_true(end_is_good(&forge));
    forge_free(&forge);
    /* A block of seven records. */
    forge_start_with(&forge, &header);
    body_put(&forge,
             SLG_FRAME_BLOCK << SLG_HEAD_KIND_SHIFT | SLG_HEAD_COMPRESSED, body,
             len);
    assert_false(end_is_good(&forge));
    forge_free(&forge);
    /* Bytes behind it that say how far before them it begins. */
    forge_start_with(&forge, &header);
    body_put(&forge, SLG_HEAD_CONTROL, body, len);
    forge.len -= SLG_CLOSING_MARK_BYTES;
    uint8_t behind[SLG_FOOTER_END_BYTES + SLG_CHECKSUM_BYTES] = { 0 };
    slg_footer_end_put((uint32_t)(len + sizeof behind), behind);
    forge_raw(&forge, behind, sizeof behind);
    (void)forge_close(&forge);
    assert_false(end_is_good(&forge));
    forge_free(&forge);
    free(body);
}

static void
end__whose_beginning_cannot_be_read__is_an_error(void **state)
{
    const struct slg_header header = sealed_header();
    struct slg_sealed_end end;
    struct seglog_blob blob;
    struct probe probe;
    struct forge forge;

    (void)state;
    long_make(&forge, &header, 6000, NULL);
    const struct seglog_store store = probe_open(&probe);
    probe_put(&probe, "s", forge.bytes, forge.len);
    assert_ok(seglog_blob_open(store, "s", SEGLOG_OPEN_READ, &blob, NULL));
    probe_fail_reads(&probe, forge.len - END_READ - 10, forge.len - END_READ);
    assert_code(slg_sealed_end_read(blob, forge.len, &forge.header, &end, NULL),
                SEGLOG_IO);
    slg_sealed_end_reset(&end);
    assert_ok(seglog_blob_close(&blob, NULL));
    probe_close(&probe);
    forge_free(&forge);
}

/* -- seeks ------------------------------------------------------------------ */

static void
assert_seeks(const struct forge *forge)
{
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_write(store, "s", forge->bytes, forge->len);
    for (uint64_t n = 0; n < forge->number + 2; n++) {
        const struct seglog_reader_options options = { .size = sizeof options,
                                                       .salvage = true };
        struct seglog_reader *reader;
        struct seglog_event event;

        assert_ok(seglog_reader_open(store, "s", &options, &reader, NULL));
        assert_ok(seglog_reader_seek(reader, n, NULL));
        for (uint64_t k = n > 0 ? n : 1; k < forge->number; k++) {
            const struct forge_record *want = forge_record_of(forge, k);

            do {
                assert_ok(seglog_reader_next(reader, &event, NULL));
            } while (event.type == SEGLOG_EVENT_GAP);
            assert_int_equal(event.record.record_no, k);
            assert_int_equal(event.record.line_no, want->line);
            assert_int_equal(event.record.len, want->len);
            assert_memory_equal(event.record.data, want->data, want->len);
        }
        seglog_reader_close(reader);
    }
    seglog_store_close(&store);
}

static void
seek__by_a_table_that_leads_to_no_mark_of_its_place__finds_the_record(
    void **state)
{
    struct forge forge;
    struct slg_mark mark;

    (void)state;
    /* 3 and 5 are blocks behind what the table leads to: the end of the block
     * before it. */
    for (unsigned i = 0; i < 6; i++) {
        const struct slg_header header = sealed_header();
        uint8_t *at = NULL;
        size_t pos = 0;

        forge_start_with(&forge, &header);
        for (unsigned k = 0; k < 5; k++) {
            if (k == 3 && i == 1)
                (void)forge_close(
                    &forge); /* a closing mark, then a sync point */
            if (k != 3 || i != 2)
                (void)forge_sync(&forge); /* 2: no sync point before that one */
            (void)forge_block(&forge, 0, "0123456789", 10);
        }
        pos = forge.frames[i == 1 || i == 2 ? 0 : 6].offset;
        (void)forge_footer(&forge, NULL);
        (void)forge_close(&forge);
        at = forge.bytes + pos;
        assert_true(slg_mark_decode(at, SLG_SYNC_POINT_BYTES, &mark));
        switch (i) {
        case 3: /* of another offset: a copy */
            mark.offset++;
            break;
        case 4: /* of another number; in order, it is damaged */
            mark.number++;
            break;
        case 5:
            memcpy(mark.identity, forge_stranger, SLG_IDENTITY_BYTES);
            break;
        default:
            break;
        }
        (void)slg_mark_encode(&mark, at);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_int_equal(look.records, 5);
        assert_seeks(&forge);
        forge_free(&forge);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(end__with_a_footer_of_any_length__is_read),
        cmocka_unit_test(end__of_a_segment_without_digests__is_read),
        cmocka_unit_test(
            end__with_the_longest_body_that_the_header_allows__is_read),
        cmocka_unit_test(
            end__that_claims_to_be_longer_than_the_segment__is_none),
        cmocka_unit_test(end__with_a_mark_of_another_place_or_segment__is_none),
        cmocka_unit_test(end__with_a_footer_that_disagrees__is_none),
        cmocka_unit_test(
            end__with_a_wrong_digest_under_a_right_checksum__is_none),
        cmocka_unit_test(
            end__with_another_frame_in_the_place_of_the_footer__is_none),
        cmocka_unit_test(end__whose_beginning_cannot_be_read__is_an_error),
        cmocka_unit_test(
            seek__by_a_table_that_leads_to_no_mark_of_its_place__finds_the_record),
    };

    return cmocka_run_group_tests_name("segment/footer_read", tests, NULL,
                                       NULL);
}
