/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_threads.c
 *
 * Goal    what is sealed does not depend on the number of threads, and none
 *         outlives the call.
 * Method  copies of one segment, sealed with threads and without, compared
 *         block for block; threads counted by the system where it can.
 */
#define _POSIX_C_SOURCE 200809L /* pthread, signals */
#include "tests/segment/seal_support.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "format/footer.h"
#include "format/header.h"
#include "src/segment/segment_footer.h"
#include "tests/segment/writer_support.h"

/* They depend on the epoch, which is random: of a frame that has a digest. */
#define CHECK_BYTES (SLG_DIGEST_BYTES + SLG_CHECKSUM_BYTES)

/* Threads of this process; 0: the system does not say. */
static unsigned
threads_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;

    if (!tasks)
        return 0;
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(tasks);
    return count;
}

/* One that has been joined is seen for a moment more. */
static void
assert_threads_are(unsigned expected)
{
    const struct timespec pause = { .tv_nsec = 1000000 };

    for (unsigned i = 0; i < 2000 && threads_count() != expected; i++)
        (void)nanosleep(&pause, NULL);
    assert_int_equal(threads_count(), expected);
}

static void
end_read(struct seglog_store store, const char *name, const uint8_t *bytes,
         size_t len, struct slg_sealed_end *end)
{
    struct seglog_blob blob = { 0 };
    struct slg_header header;

    assert_int_equal(slg_header_decode(bytes, &header), SLG_HEADER_OK);
    assert_ok(seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL));
    assert_ok(slg_sealed_end_read(blob, len, &header, end, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

/* All but the epochs and what follows from them. */
static void
assert_same_sealed(struct seglog_store store, const char *a, const char *b)
{
    size_t len = 0;
    size_t other_len = 0;
    uint8_t *bytes = blob_read(store, a, &len);
    uint8_t *other_bytes = blob_read(store, b, &other_len);
    struct slg_sealed_end end;
    struct slg_sealed_end other;
    uint64_t rows = 0;

    assert_int_equal(len, other_len);
    end_read(store, a, bytes, len, &end);
    end_read(store, b, other_bytes, len, &other);
    assert_memory_equal(end.footer.digest, other.footer.digest,
                        sizeof end.footer.digest);
    assert_int_equal(end.mark.number, other.mark.number);
    assert_int_equal(end.mark.line, other.mark.line);
    while (slg_footer_row_next(&end.table)) {
        const struct slg_footer_row *row = &end.table.row;

        assert_true(slg_footer_row_next(&other.table));
        assert_memory_equal(row, &other.table.row, sizeof *row);
        assert_memory_equal(bytes + row->offset, other_bytes + row->offset,
                            row->len - CHECK_BYTES);
        rows++;
    }
    assert_false(slg_footer_row_next(&other.table));
    assert_int_equal(rows, end.footer.blocks);
    slg_sealed_end_reset(&end);
    slg_sealed_end_reset(&other);
    free(bytes);
    free(other_bytes);
}

static void
blob_copy(struct seglog_store store, const char *from, const char *to)
{
    size_t len = 0;
    uint8_t *bytes = blob_read(store, from, &len);

    blob_write(store, to, bytes, len);
    free(bytes);
}

/* Records of some blocks, a gap, and more of them. */
static void
segment_make(struct seglog_store store, const char *name)
{
    const struct seglog_writer_options options = { .size = sizeof options };
    const struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = 7001,
        .last_record = 7005,
        .lines = 3,
    };
    struct seglog_writer *writer = NULL;
    char line[512];

    lines_make(store, name, 1, 7000);
    assert_ok(seglog_writer_open(store, name, &options, &writer, NULL));
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    for (uint64_t i = 7006; i < 14000; i++) {
        const size_t len = line_make(line, sizeof line, i);

        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, line, len,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
seal__any_number_of_threads__makes_the_same_blocks(void **state)
{
    static const unsigned counts[] = { 2, 4, 1000, 0 };
    const struct seglog_store store = store_of(state);
    const unsigned before = threads_count();
    struct seglog_seal_options options = seal_options(65536);
    struct seglog_seal_result result;

    segment_make(store, "one.seg");
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        const char *name = SEAL_NAME;

        blob_copy(store, "one.seg", name);
        if (i == 0) {
            blob_copy(store, "one.seg", "alone.seg");
            options.threads = 1;
            seal_ok(store, "alone.seg", &options, &result);
            assert_in_range(result.blocks, 20, 60);
        }
        options.threads = counts[i];
        seal_ok(store, name, &options, NULL);
        assert_threads_are(before);
        assert_same_sealed(store, "alone.seg", name);
    }
}

/* A fork looks for its parent's records while blocks are being encoded. */
static void
seal__with_a_parent__any_number_of_threads_makes_the_same(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_seal_options options = seal_options(65536);
    struct seglog_seal_info info;

    lines_make(store, "parent.seg", 1, 6000);
    seal_ok(store, "parent.seg", &options, NULL);
    lines_make(store, "one.seg", 1, 7000);
    blob_copy(store, "one.seg", "alone.seg");
    options.parent = "parent.seg";
    options.threads = 1;
    seal_ok(store, "alone.seg", &options, NULL);
    options.threads = 4;
    seal_ok(store, "one.seg", &options, NULL);
    assert_ok(seglog_segment_get_seal(store, "one.seg", &info, NULL));
    assert_true(info.has_parent);
    assert_same_sealed(store, "alone.seg", "one.seg");
}

struct look {
    unsigned calls;
    unsigned most; /* threads seen */
    bool is_stopping;
    pthread_t caller;
};

static bool
progress_look(void *arg, uint64_t done, uint64_t total)
{
    struct look *look = arg;
    const unsigned threads = threads_count();

    assert_true(done <= total);
    assert_true(pthread_equal(look->caller, pthread_self()));
    if (threads > look->most)
        look->most = threads;
    return ++look->calls < 2 || !look->is_stopping;
}

static void
seal__stopped_with_threads_at_work__ends_all_of_them(void **state)
{
    const struct seglog_store store = store_of(state);
    const unsigned before = threads_count();
    struct look look = { .is_stopping = true, .caller = pthread_self() };
    struct seglog_seal_options options = seal_options(65536);
    struct seglog_scan_summary summary;
    sigset_t signals;
    sigset_t signals_after;

    lines_make(store, SEAL_NAME, 1, 20000);
    options.threads = 4;
    options.on_progress = progress_look;
    options.arg = &look;
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &signals), 0);
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_END);
    assert_threads_are(before);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &signals_after), 0);
    for (int i = 1; i < 32; i++)
        assert_int_equal(sigismember(&signals, i),
                         sigismember(&signals_after, i));
    if (before > 0)
        assert_in_range(look.most, before + 1, before + 4);
    assert_scan_ok(store, SEAL_NAME, &summary);
    assert_int_equal(summary.features_refuse, 0);
    assert_false(blob_exists(store, SEAL_NAME ".sealing"));
}

static void
threads_of(struct seglog_store store, unsigned threads, size_t memory_max,
           unsigned *more)
{
    const unsigned before = threads_count();
    struct look look = { .caller = pthread_self() };
    struct seglog_seal_options options = seal_options(65536);

    lines_make(store, SEAL_NAME, 1, 20000);
    options.threads = threads;
    options.memory_max = memory_max;
    options.on_progress = progress_look;
    options.arg = &look;
    seal_ok(store, SEAL_NAME, &options, NULL);
    assert_ok(seglog_store_remove(store, SEAL_NAME, NULL));
    assert_threads_are(before);
    *more = look.most - before;
}

static void
seal__one_thread_or_little_memory__makes_none(void **state)
{
    const struct seglog_store store = store_of(state);
    unsigned more = 0;

    if (threads_count() == 0)
        skip();
    threads_of(store, 1, 0, &more);
    assert_int_equal(more, 0);
    threads_of(store, 4, 1u << 20, &more);
    assert_int_equal(more, 0);
    threads_of(store, 3, 0, &more);
    assert_in_range(more, 1, 3);
}

static void *
nothing_do(void *arg)
{
    return arg;
}

int
main(void)
{
    pthread_t id;

    const struct CMUnitTest tests[] = {
        on_memory(seal__any_number_of_threads__makes_the_same_blocks),
        on_file(seal__any_number_of_threads__makes_the_same_blocks),
        on_memory(seal__with_a_parent__any_number_of_threads_makes_the_same),
        on_memory(seal__stopped_with_threads_at_work__ends_all_of_them),
        on_file(seal__stopped_with_threads_at_work__ends_all_of_them),
        on_memory(seal__one_thread_or_little_memory__makes_none),
    };

    /* A sanitizer has a thread of its own from the first one on. */
    if (pthread_create(&id, NULL, nothing_do, NULL) != 0 ||
        pthread_join(id, NULL) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
