/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_stores.c
 *
 * Goal    streams keep their contract on every byte store, with each chain,
 *         compressed or not, and with segments that take one batch each; and
 *         are the same everywhere.
 */
#include "tests/stream/stream_support.h"

#include "seglog/encrypted_store.h"
#include "seglog/testing/disk_store.h"
#include "tests/stream/stream_conformance.h"

/* Where the streams of one test are. */
struct place {
    seglog_code (*make)(struct place *place);
    struct seglog_stream_options options;
    struct seglog_store store;
    struct seglog_disk *disk;
    struct seglog_disk_process process;
    char *dir;
};

static seglog_code
memory_make(struct place *place)
{
    return seglog_store_memory_open(&place->store, NULL);
}

static seglog_code
file_make(struct place *place)
{
    place->dir = test_dir_make();
    return seglog_store_file_open(place->dir, false, &place->store, NULL);
}

static seglog_code
disk_make(struct place *place)
{
    place->disk = seglog_disk_new(NULL);
    if (!place->disk)
        return SEGLOG_NO_MEMORY;
    place->store = seglog_disk_start(place->disk, &place->process);
    return SEGLOG_OK;
}

static seglog_code
encrypted_make(struct place *place)
{
    static const uint8_t bytes[SEGLOG_KEY_BYTES] = { 1, 2, 3 };
    const struct seglog_store_key key = { .size = sizeof key, .key = bytes };
    const struct seglog_encrypted_store_options options = {
        .size = sizeof options,
        .create = true,
    };
    struct seglog_store below = { 0 };
    const seglog_code code = seglog_store_memory_open(&below, NULL);

    return code == SEGLOG_OK ? seglog_encrypted_store_open(
                                   below, &key, &options, &place->store, NULL)
                             : code;
}

static seglog_code
place_open(void *arg, struct seglog_streams *streams, struct seglog_error *err)
{
    struct place *place = arg;

    place->options.size = sizeof place->options;
    return seglog_streams_open(place->store, &place->options, streams, err);
}

static seglog_code
place_make(void *arg, struct seglog_streams *streams, struct seglog_error *err)
{
    struct place *place = arg;
    const seglog_code code = place->make(place);

    return code == SEGLOG_OK ? place_open(arg, streams, err) : code;
}

static void
place_destroy(void *arg)
{
    struct place *place = arg;

    seglog_store_close(&place->store);
    seglog_disk_free(place->disk);
    place->disk = NULL;
    if (place->dir)
        test_dir_remove(place->dir);
    place->dir = NULL;
}

/* -- the same everywhere --------------------------------------------------- */

static void
heads__on_every_store__are_the_same(void **state)
{
    struct place places[] = { { .make = memory_make },
                              { .make = file_make },
                              { .make = disk_make } };
    struct stream_model model;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct seglog_streams streams;

        places[i].options.segment_bytes = 1 + i * 700;
        places[i].options.codec =
            i == 0 ? SEGLOG_CODEC_DEFLATE : SEGLOG_CODEC_NONE;
        stream_model_init(&model, SEGLOG_CHAIN_SHA256);
        assert_ok(place_make(&places[i], &streams, NULL));
        for (size_t k = 1; k < 30; k++)
            stream_append_next(streams, 3, &model, k, false);
        stream_assert_model(streams, 3, &model);
        assert_ok(seglog_streams_close(&streams, NULL));
        place_destroy(&places[i]);
        stream_model_reset(&model);
    }
}

#define SMALL 300u

int
main(void)
{
    struct place places[] = {
        { .make = memory_make },
        { .make = memory_make, .options = { .chain = SEGLOG_CHAIN_XXH3 } },
        { .make = memory_make,
          .options = { .codec = SEGLOG_CODEC_DEFLATE,
                       .checkpoint_events = 5 } },
        { .make = memory_make,
          .options = { .segment_bytes = SMALL, .checkpoint_events = 3 } },
        { .make = file_make },
        { .make = file_make,
          .options = { .chain = SEGLOG_CHAIN_XXH3,
                       .segment_bytes = SMALL,
                       .open_max = 1 } },
        { .make = disk_make, .options = { .sync_log2 = 9 } },
        { .make = encrypted_make },
        { .make = encrypted_make, .options = { .segment_bytes = SMALL } },
    };
    static const char *const names[] = {
        "memory",        "memory, XXH3", "memory, compressed",
        "memory, small", "files",        "files, XXH3, small",
        "disk",          "encrypted",    "encrypted, small",
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads__on_every_store__are_the_same),
    };
    int failed = 0;

    for (size_t i = 0; i < COUNT_OF(places); i++) {
        char name[64] = "stream/stream_stores: ";
        struct stream_factory factory = {
            .name = strcat(name, names[i]),
            .chain = places[i].options.chain == SEGLOG_CHAIN_XXH3
                         ? SEGLOG_CHAIN_XXH3
                         : SEGLOG_CHAIN_SHA256,
            .make = place_make,
            .open = place_open,
            .destroy = place_destroy,
            .arg = &places[i],
            .is_kept = true,
            .is_one_segment = places[i].options.segment_bytes == 0,
        };

        failed += stream_conformance_run(&factory);
    }
    return failed + cmocka_run_group_tests_name("stream/stream_stores", tests,
                                                NULL, NULL);
}
