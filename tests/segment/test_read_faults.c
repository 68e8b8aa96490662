/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_read_faults.c
 *
 * Goal    a store that fails and memory that runs out are said to whoever
 *         reads: nothing is left out in silence, and nothing is made up.
 * Method  every kind of segment, sound and damaged, is read in every way while
 *         the k-th call of the store, or the k-th allocation, fails, for all k.
 *         What is told must be what is told otherwise, or an error.
 */
#include "tests/segment/forge_support.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/checksum.h"
#include "seglog/seal.h"
#include "src/codec/zrun.h"
#include "tests/segment/seal_support.h"
#include "tests/segment/segment_kinds.h"

#define NAME   KIND_NAME
#define PARENT KIND_PARENT
#define COPY   "copy"

/* -- allocations that fail ------------------------------------------------- */

/* 0: none; else this one, counted down. */
static uint64_t allocation_fails;
static uint64_t allocations_failed;

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                    \
    !defined(__SANITIZE_THREAD__)
#define CAN_FAIL 1

void *
__libc_malloc(size_t size);
void *
__libc_calloc(size_t count, size_t size);
void *
__libc_realloc(void *at, size_t size);

/* Also for the libraries that the library is linked with. */
#define EXPORTED __attribute__((visibility("default")))

static bool
allocation_is_refused(void)
{
    if (allocation_fails == 0 || --allocation_fails > 0)
        return false;
    allocations_failed++;
    return true;
}

EXPORTED void *
malloc(size_t size)
{
    return allocation_is_refused() ? NULL : __libc_malloc(size);
}

EXPORTED void *
calloc(size_t count, size_t size)
{
    return allocation_is_refused() ? NULL : __libc_calloc(count, size);
}

EXPORTED void *
realloc(void *at, size_t size)
{
    return allocation_is_refused() ? NULL : __libc_realloc(at, size);
}
#else
#define CAN_FAIL 0
#endif

/* -- what is told ---------------------------------------------------------- */

struct said {
    char text[60000];
    size_t len;
    bool is_io; /* a finding says that bytes could not be read, or not be
                 * believed */
    seglog_code code;
};

static void __attribute__((format(printf, 2, 3)))
say(struct said *said, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int len = vsnprintf(said->text + said->len,
                              sizeof said->text - said->len, format, arguments);
    va_end(arguments);
    assert_true(len >= 0 && (size_t)len < sizeof said->text - said->len);
    said->len += (size_t)len;
}

static void
say_finding(void *arg, const struct seglog_finding *finding)
{
    struct said *said = arg;
    char text[200];

    finding_format(finding, text, sizeof text);
    said->is_io |= finding->verdict == SEGLOG_VERDICT_IO ||
                   finding->cause == SEGLOG_CAUSE_AUTH;
    say(said, "%s\n", text);
}

static void
say_summary(struct said *said, const struct seglog_scan_summary *summary)
{
    say(said, "%s %" PRIu64 "-%" PRIu64 " records %" PRIu64 " lost %" PRIu64,
        seglog_verdict_name(summary->verdict), summary->first_record,
        summary->next_record, summary->records, summary->lost);
    say(said, " line %" PRIu64 " closed %d header %d mark %" PRIu64 "\n",
        summary->next_line, summary->is_closed, summary->is_header_lost,
        summary->watermark);
}

static void
say_rest(struct seglog_reader *reader, unsigned most, struct said *said)
{
    struct seglog_event event;

    for (unsigned i = 0; i < most; i++) {
        said->code = seglog_reader_next(reader, &event, NULL);
        if (said->code != SEGLOG_OK)
            break;
        if (event.type == SEGLOG_EVENT_GAP) {
            say_finding(said, &event.finding);
            continue;
        }
        const uint32_t sum = slg_crc32(0, event.record.data, event.record.len);

        say(said, "%" PRIu64 " l%" PRIu64 " %d +%zu %08x\n",
            event.record.record_no, event.record.line_no,
            (int)event.record.kind, event.record.len, (unsigned)sum);
    }
    if (said->code == SEGLOG_END)
        said->code = SEGLOG_OK;
}

/* -- ways to read ---------------------------------------------------------- */

typedef void
way_function(struct seglog_store store, struct said *said);

static void
read_with(struct seglog_store store, bool salvage, struct said *said)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage };
    struct seglog_reader *reader = NULL;

    said->code = seglog_reader_open(store, NAME, &options, &reader, NULL);
    if (said->code == SEGLOG_OK)
        say_rest(reader, 10000, said);
    seglog_reader_close(reader);
}

static void
read_strictly(struct seglog_store store, struct said *said)
{
    read_with(store, false, said);
}

static void
read_salvaging(struct seglog_store store, struct said *said)
{
    read_with(store, true, said);
}

static void
read_by_seeking(struct seglog_store store, struct said *said)
{
    static const uint64_t numbers[] = { 35, 3, 1, 1000, 20 };
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true,
                                                   .from_record = 30 };
    struct seglog_reader *reader = NULL;

    said->code = seglog_reader_open(store, NAME, &options, &reader, NULL);
    if (said->code == SEGLOG_OK)
        say_rest(reader, 3, said);
    for (size_t i = 0; said->code == SEGLOG_OK && i < COUNT_OF(numbers); i++) {
        said->code = seglog_reader_seek(reader, numbers[i], NULL);
        if (said->code == SEGLOG_OK)
            say_rest(reader, 4, said);
    }
    seglog_reader_close(reader);
}

static void
scan(struct seglog_store store, struct said *said)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = say_finding,
                                                 .arg = said };
    struct seglog_scan_summary summary;

    said->code = seglog_scan(store, NAME, &options, &summary, NULL);
    if (said->code == SEGLOG_OK)
        say_summary(said, &summary);
}

static void
look_at_the_ends(struct seglog_store store, struct said *said)
{
    struct seglog_scan_summary summary;
    uint8_t attributes[1000];
    size_t len = 0;

    said->code = seglog_segment_get_summary(store, NAME, &summary, NULL);
    if (said->code == SEGLOG_OK)
        say_summary(said, &summary);
    if (said->code != SEGLOG_OK)
        return;
    said->code = seglog_segment_get_attributes(
        store, NAME, attributes, sizeof attributes, &len, NULL, NULL);
    if (said->code == SEGLOG_OK)
        say(said, "attributes %zu\n", len);
}

static void
repair(struct seglog_store store, struct said *said)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = say_finding,
                                                 .arg = said };
    struct seglog_scan_summary summary;

    said->code =
        seglog_repair(store, NAME, store, COPY, &options, &summary, NULL);
    if (said->code != SEGLOG_OK)
        return;
    say_summary(said, &summary);
}

static void
seal(struct seglog_store store, struct said *said)
{
    struct seglog_seal_options options = seal_options(SEGLOG_SEAL_BLOCK_MIN);
    struct seglog_seal_result result;

    options.threads = 1;
    said->code = seglog_segment_seal(store, NAME, &options, &result, NULL);
    if (said->code == SEGLOG_OK)
        read_strictly(store, said);
}

static void
seal_with_a_parent(struct seglog_store store, struct said *said)
{
    struct seglog_seal_options options = seal_options(131072);
    struct seglog_seal_result result;

    options.threads = 1;
    options.parent = PARENT;
    options.level = 9;
    said->code = seglog_segment_seal(store, NAME, &options, &result, NULL);
    if (said->code == SEGLOG_OK)
        read_strictly(store, said);
}

/* -- everything fails once ------------------------------------------------- */

struct scene {
    kind_function *make;
    way_function *way;
};

/* One store for all of a scene; what a way changes is put back. */
struct stage {
    struct probe probe;
    struct seglog_store store;
    uint8_t *bytes;
    size_t len;
};

static void
stage_open(struct stage *stage, const struct scene *scene)
{
    stage->store = probe_open(&stage->probe);
    scene->make(stage->probe.inner);
    stage->bytes = blob_read(stage->probe.inner, NAME, &stage->len);
}

static void
stage_restore(struct stage *stage, struct said *said)
{
    size_t len;
    uint8_t *bytes = blob_read(stage->probe.inner, NAME, &len);

    if (len != stage->len || memcmp(bytes, stage->bytes, len) != 0)
        blob_replace(stage->probe.inner, NAME, stage->bytes, stage->len);
    free(bytes);
    if (!blob_exists(stage->probe.inner, COPY))
        return;
    if (said->code == SEGLOG_OK) {
        bytes = blob_read(stage->probe.inner, COPY, &len);
        say(said, "copy +%zu\n", len);
        free(bytes);
    }
    assert_ok(seglog_store_remove(stage->probe.inner, COPY, NULL));
}

/* Returns how many calls or allocations failed; at 0: none. */
static uint64_t
scene_play(const struct scene *scene, struct stage *stage, uint64_t at,
           seglog_code code, struct said *said)
{
    const struct seglog_fault fault = { .at = at, .code = code };

    said->len = 0;
    said->text[0] = '\0';
    said->is_io = false;
    seglog_faults_clear(stage->probe.faults);
    seglog_faults_reset_counts(stage->probe.faults);
    if (at > 0 && code != SEGLOG_OK)
        assert_true(seglog_faults_add(stage->probe.faults, &fault));
    allocation_fails = code == SEGLOG_OK ? at : 0;
    allocations_failed = 0;
    scene->way(stage->store, said);
    allocation_fails = 0;
    stage_restore(stage, said);
    return allocations_failed + seglog_faults_get_hits(stage->probe.faults);
}

static bool
is_told(const struct said *said, const struct said *wanted, seglog_code code)
{
    if (said->code == wanted->code && strcmp(said->text, wanted->text) == 0)
        return true;
    if (code == SEGLOG_OK)
        return said->code == SEGLOG_NO_MEMORY;
    /* The sync that failed of what is written. */
    if (said->code == code || said->code == SEGLOG_POISONED)
        return true;
    return code != SEGLOG_NO_MEMORY && said->is_io;
}

/* code OK: allocations, else calls of the store. */
static void
scene_fail_each(const struct scene *scene, seglog_code code)
{
    static struct said wanted;
    static struct said said;
    struct stage stage;

    stage_open(&stage, scene);
    (void)scene_play(scene, &stage, 0, code, &wanted);
    for (uint64_t k = 1; scene_play(scene, &stage, k, code, &said) > 0; k++) {
        if (!is_told(&said, &wanted, code))
            fail_msg("%u fails: %s instead of %s:\n%s-- instead of\n%s",
                     (unsigned)k, seglog_code_name(said.code),
                     seglog_code_name(wanted.code), said.text, wanted.text);
    }
    free(stage.bytes);
    probe_close(&stage.probe);
}

static void
store__fails_at_each_call__is_told(void **state)
{
    scene_fail_each(*state, SEGLOG_IO);
}

static void
store__has_no_memory_at_each_call__is_told(void **state)
{
    scene_fail_each(*state, SEGLOG_NO_MEMORY);
}

static void
store__does_not_believe_each_call__is_told(void **state)
{
    scene_fail_each(*state, SEGLOG_AUTH);
}

static void
memory__fails_at_each_allocation__is_told(void **state)
{
    if (!CAN_FAIL)
        skip();
    scene_fail_each(*state, SEGLOG_OK);
}

/* -- reads that fail, and then memory -------------------------------------- */

static struct seglog_faults *
trouble_make(struct seglog_store *memory)
{
    struct seglog_faults *faults = NULL;

    assert_ok(seglog_store_memory_open(memory, NULL));
    kind_make_sound(*memory);
    faults = seglog_faults_new(*memory);
    assert_non_null(faults);
    seglog_faults_watch(faults, NAME);
    return faults;
}

/* What there was no memory for is not an unreadable range. */
static void
scan__no_memory_to_look_what_is_readable__is_no_memory(void **state)
{
    const struct seglog_fault unreadable = {
        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ),
        .at = 1,
    };
    struct seglog_store memory = { 0 };
    struct seglog_faults *faults = trouble_make(&memory);
    struct seglog_scan_summary summary;
    struct seglog_error err;

    (void)state;
    assert_true(seglog_faults_add(faults, &unreadable));
    assert_true(
        seglog_faults_fail(faults, SEGLOG_FAULT_READ, 2, SEGLOG_NO_MEMORY));
    assert_code_err(
        seglog_scan(seglog_faults_store(faults), NAME, NULL, &summary, &err),
        SEGLOG_NO_MEMORY, &err);
    assert_int_equal(seglog_faults_get_hits(faults), 2);
    seglog_faults_free(faults);
    seglog_store_close(&memory);
}

/* Nor is what there is no memory to note it in. */
static void
scan__no_memory_to_note_what_is_unreadable__is_no_memory(void **state)
{
    const struct seglog_fault unreadable = {
        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ),
    };
    struct seglog_store memory = { 0 };
    struct seglog_faults *faults = NULL;
    struct seglog_scan_summary summary;
    struct seglog_error err;
    seglog_code code = SEGLOG_NO_MEMORY;
    unsigned failed = 0;

    (void)state;
    if (!CAN_FAIL)
        skip();
    faults = trouble_make(&memory);
    assert_true(seglog_faults_add(faults, &unreadable));
    for (uint64_t k = 1; k < 1000; k++) {
        allocations_failed = 0;
        allocation_fails = k;
        code = seglog_scan(seglog_faults_store(faults), NAME, NULL, &summary,
                           &err);
        allocation_fails = 0;
        if (allocations_failed == 0)
            break;
        failed++;
        assert_int_equal(code, SEGLOG_NO_MEMORY);
    }
    assert_true(failed >= 2);
    assert_code_err(code, SEGLOG_IO, &err);
    seglog_faults_free(faults);
    seglog_store_close(&memory);
}

/* Nobody knows what it is, which is not to say that it is no segment. */
static void
scan__nothing_can_be_read__is_io_and_says_why(void **state)
{
    const struct seglog_fault unreadable = {
        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ),
        .sys_errno = ENXIO,
    };
    struct seglog_store memory = { 0 };
    struct seglog_faults *faults = trouble_make(&memory);
    struct seglog_scan_summary summary;
    struct seglog_error err;

    (void)state;
    assert_true(seglog_faults_add(faults, &unreadable));
    assert_code_err(
        seglog_scan(seglog_faults_store(faults), NAME, NULL, &summary, &err),
        SEGLOG_IO, &err);
    assert_int_equal(err.sys_errno, ENXIO);
    seglog_faults_free(faults);
    seglog_store_close(&memory);
}

static const struct {
    const char *name;
    way_function *way;
} ways[] = {
    { "read", read_strictly },       { "salvage", read_salvaging },
    { "seek", read_by_seeking },     { "scan", scan },
    { "summary", look_at_the_ends }, { "repair", repair },
};

static const struct {
    const char *name;
    kind_function *make;
    way_function *way;
} sealings[] = {
    { "sound", kind_make_sound, seal },
    { "recorded_gap", kind_make_recorded_gap, seal },
    { "zstd", kind_make_zstd, seal },
    { "random", kind_make_random, seal },
    { "parent", kind_make_parent, seal_with_a_parent },
};

#define SCENES (KINDS_MAX * COUNT_OF(ways) + COUNT_OF(sealings))

static struct scene scenes[SCENES];
static char names[4 * SCENES][100];
static struct CMUnitTest tests[4 * SCENES + 3];
static size_t test_count;

static void
scene_add(const char *kind, const char *way, const struct scene *what)
{
    static const struct {
        const char *name;
        CMUnitTestFunction function;
    } faults[] = {
        { "store__fails_at_each_call__is_told",
          store__fails_at_each_call__is_told },
        { "store__has_no_memory_at_each_call__is_told",
          store__has_no_memory_at_each_call__is_told },
        { "store__does_not_believe_each_call__is_told",
          store__does_not_believe_each_call__is_told },
        { "memory__fails_at_each_allocation__is_told",
          memory__fails_at_each_allocation__is_told },
    };
    struct scene *scene = &scenes[test_count / 4];

    *scene = *what;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        char *name = names[test_count];

        (void)snprintf(name, sizeof names[0], "%s (%s %s)", faults[i].name, way,
                       kind);
        tests[test_count++] = (struct CMUnitTest){
            .name = name,
            .test_func = faults[i].function,
            .initial_state = scene,
        };
    }
}

int
main(void)
{
    assert_true(segment_kind_count <= KINDS_MAX);
    for (size_t i = 0; i < segment_kind_count; i++) {
        if (segment_kinds[i].is_zstd && !slg_zrun_is_there())
            continue;
        for (size_t k = 0; k < COUNT_OF(ways); k++)
            scene_add(segment_kinds[i].name, ways[k].name,
                      &(struct scene){ segment_kinds[i].make, ways[k].way });
    }
    for (size_t i = 0; slg_zrun_is_there() && i < COUNT_OF(sealings); i++)
        scene_add(sealings[i].name, "seal",
                  &(struct scene){ sealings[i].make, sealings[i].way });
    tests[test_count++] = (struct CMUnitTest)cmocka_unit_test(
        scan__no_memory_to_look_what_is_readable__is_no_memory);
    tests[test_count++] = (struct CMUnitTest)cmocka_unit_test(
        scan__no_memory_to_note_what_is_unreadable__is_no_memory);
    tests[test_count++] = (struct CMUnitTest)cmocka_unit_test(
        scan__nothing_can_be_read__is_io_and_says_why);
    return _cmocka_run_group_tests("segment/read_faults", tests, test_count,
                                   NULL, NULL);
}
