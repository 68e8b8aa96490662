/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_verify.c
 *
 * Goal    what was sealed takes the place of the segment only when it reads back
 *         as it was written: each thing that is compared counts by itself.
 * Method  a sealed segment made frame by frame, and what was to be written with
 *         one thing different.
 */
#include "tests/segment/forge_support.h"

#include "format/checksum.h"
#include "format/footer.h"
#include "src/segment/segment_seal.h"

struct sealed {
    struct forge forge;
    struct seglog_store store;
    struct slg_verify verify;
    struct slg_build build; /* what was to be written */
};

/* The hash of the chain that the head here says. */
static void
head_put(struct forge *forge, uint8_t first)
{
    const struct slg_chain_head head = {
        .algorithm = SEGLOG_CHAIN_XXH3,
        .hash = { .len = first == 0 ? 0 : 16, .bytes = { first } },
    };
    uint8_t frame[SLG_CHAIN_HEAD_MAX];

    forge_raw(forge, frame,
              slg_chain_head_encode(
                  &head, forge->number,
                  slg_salt(forge->header.identity, forge->epoch), frame));
}

static void
store_renew(struct sealed *sealed)
{
    slg_verify_reset(&sealed->verify);
    blob_write(sealed->store, "s", sealed->forge.bytes, sealed->forge.len);
}

static seglog_code
sealed_verify(struct sealed *sealed)
{
    const seglog_code code =
        slg_verify_advance(&sealed->verify, sealed->store, "s", NULL);

    return code == SEGLOG_OK
               ? slg_verify_finish(&sealed->verify, &sealed->build, NULL)
               : code;
}

/* The footer's frame anew, with this content digest. */
static void
digest_put(struct sealed *sealed, const uint8_t *digest)
{
    struct forge *forge = &sealed->forge;
    uint8_t *at = forge->bytes + forge->frames[forge->frame_count - 2].offset;
    struct slg_frame frame;

    assert_true(slg_frame_parse(at, forge->len, &forge->limits, &frame));
    memcpy(at + frame.head_len + 58, digest, SLG_FOOTER_DIGEST);
    (void)slg_frame_finish(at, frame.head_len, frame.body_len, &forge->limits,
                           forge->number,
                           slg_salt(forge->header.identity, forge->epoch));
}

static void
sealed_make(struct sealed *sealed, bool is_chained)
{
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                 .cause = SEGLOG_CAUSE_CHECKSUM,
                                 .count = 2,
                                 .lines = 2 };
    struct slg_header header = forge_header();
    struct forge *forge = &sealed->forge;
    uint8_t digest[SLG_LONG_DIGEST_BYTES];

    memset(sealed, 0, sizeof *sealed);
    header.features_refuse = SLG_REFUSE_SEALED;
    if (is_chained)
        header.features_refuse |= SLG_REFUSE_CHAINED;
    forge_start_with(forge, &header);
    for (unsigned i = 0; i < 3; i++) {
        (void)forge_sync(forge);
        if (is_chained && i == 0)
            head_put(forge, 0);
        (void)forge_block(forge, 0, "0123456789", 10);
    }
    if (!is_chained) {
        (void)forge_sync(forge);
        (void)forge_gap(forge, &gap);
    }
    (void)forge_footer(forge, NULL);
    (void)forge_close(forge);
    assert_ok(seglog_store_memory_open(&sealed->store, NULL));
    store_renew(sealed);
    assert_ok(slg_verify_advance(&sealed->verify, sealed->store, "s", NULL));
    slg_long_digest_get(sealed->verify.content.state, digest);
    sealed->build.end = forge->len;
    sealed->build.number = forge->number;
    sealed->build.line = forge->line;
    sealed->build.is_chained = is_chained;
    sealed->build.chain = sealed->verify.chain;
    memcpy(sealed->build.footer.digest, digest, sizeof digest);
    digest_put(sealed, digest);
    store_renew(sealed);
    assert_ok(sealed_verify(sealed));
}

static void
sealed_free(struct sealed *sealed)
{
    slg_verify_reset(&sealed->verify);
    seglog_store_close(&sealed->store);
    forge_free(&sealed->forge);
}

static void
verify__of_what_was_to_be_something_else__is_corrupt(void **state)
{
    struct sealed sealed;

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        sealed_make(&sealed, i >= 6);
        switch (i) {
        case 0:
            sealed.build.end++;
            break;
        case 1:
            sealed.build.end--;
            break;
        case 2:
            sealed.build.number++;
            break;
        case 3:
            sealed.build.line++;
            break;
        case 4:
            sealed.build.footer.digest[15] ^= 1;
            break;
        case 5: /* the footer says another digest */
            digest_put(&sealed, (const uint8_t[16]){ 0 });
            store_renew(&sealed);
            break;
        case 6:
            sealed.build.chain.hash.bytes[15] ^= 1;
            break;
        case 7:
            sealed.build.chain.is_known = false;
            break;
        default: /* nothing: it is what it was to be */
            break;
        }
        assert_code(sealed_verify(&sealed),
                    i == 8 ? SEGLOG_OK : SEGLOG_CORRUPT);
        sealed_free(&sealed);
    }
}

/* The footer is sound by itself, and says something else than the blocks. */
static void
verify__of_a_footer_for_other_records__is_corrupt(void **state)
{
    struct sealed sealed;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                     .cause = SEGLOG_CAUSE_CHECKSUM,
                                     .count = 1,
                                     .lines = 1 };
        struct forge *forge = &sealed.forge;

        sealed_make(&sealed, false);
        forge->len = forge->frames[forge->frame_count - 2].offset;
        forge->frame_count -= 2;
        /* As many numbers, of other records: of one, nothing, one less. */
        forge->digest = 0;
        if (i == 0) {
            (void)forge_block(forge, 0, "x", 1);
            (void)forge_footer(forge, NULL);
        } else if (i == 1) {
            (void)forge_block(forge, 0, "x", 1);
            forge->frames[forge->frame_count - 1].kind = 0;
            (void)forge_footer(forge, NULL);
        } else {
            (void)forge_gap(forge, &gap);
            (void)forge_footer(forge, NULL);
        }
        forge->digest = slg_digest_term(6, "x", i == 2 ? 0 : 1);
        if (i == 2)
            forge->digest = 0;
        (void)forge_close(forge);
        store_renew(&sealed);
        uint8_t digest[SLG_LONG_DIGEST_BYTES];
        assert_ok(slg_verify_advance(&sealed.verify, sealed.store, "s", NULL));
        slg_long_digest_get(sealed.verify.content.state, digest);
        memcpy(sealed.build.footer.digest, digest, sizeof digest);
        digest_put(&sealed, digest);
        store_renew(&sealed);
        sealed.build.end = forge->len;
        sealed.build.number = forge->number;
        sealed.build.line = forge->line;
        assert_code(sealed_verify(&sealed),
                    i == 1 ? SEGLOG_CORRUPT : SEGLOG_OK);
        sealed_free(&sealed);
    }
}

static void
verify__of_bytes_that_do_not_agree__is_corrupt(void **state)
{
    struct sealed sealed;
    struct slg_mark mark;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        sealed_make(&sealed, i == 4);
        struct forge *forge = &sealed.forge;
        uint8_t *sync = forge->bytes + forge->frames[2].offset;

        if (i < 2) {
            assert_true(slg_mark_decode(sync, SLG_SYNC_POINT_BYTES, &mark));
            mark.offset += i == 0;
            mark.digest += i == 1;
            (void)slg_mark_encode(&mark, sync);
        } else if (i == 2) { /* a damaged block */
            forge->bytes[forge->frames[3].offset + 5] ^= 1;
        } else if (i == 3) { /* no closing mark */
            forge->len -= SLG_CLOSING_MARK_BYTES;
            sealed.build.end = forge->len;
        } else { /* a head of another chain at its end */
            forge->len -= SLG_CLOSING_MARK_BYTES;
            head_put(forge, 9);
            (void)forge_close(forge);
            sealed.build.end = forge->len;
        }
        store_renew(&sealed);
        struct seglog_error err = { 0 };
        seglog_code code =
            slg_verify_advance(&sealed.verify, sealed.store, "s", &err);
        assert_int_equal(code == SEGLOG_CORRUPT, i != 3);
        if (code == SEGLOG_OK)
            code = slg_verify_finish(&sealed.verify, &sealed.build, &err);
        assert_code(code, SEGLOG_CORRUPT);
        assert_non_null(strstr(err.message, "did not read back"));
        sealed_free(&sealed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify__of_what_was_to_be_something_else__is_corrupt),
        cmocka_unit_test(verify__of_a_footer_for_other_records__is_corrupt),
        cmocka_unit_test(verify__of_bytes_that_do_not_agree__is_corrupt),
    };

    return cmocka_run_group_tests_name("segment/seal_verify", tests, NULL,
                                       NULL);
}
