/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/test_session.c
 *
 * Goal    whenever the power fails, each segment of a session store has its
 *         synced entries and, of those behind, the first few, in order and byte
 *         for byte; a segment that was created is there and one that was
 *         deleted is not; the index changes nothing (I7); appends go on.
 * Method  programs that follow from seeds, with images of a power cut before
 *         every step of the store that matters.
 *
 *     test_session [FIRST LAST [STEPS]]    the seeds; 1 to 60 of 40 steps
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "seglog/session.h"
#include "seglog/testing/disk_store.h"
#include "tests/crash/history.h"

#define SEGMENTS    3u
#define ENTRIES_MAX 512u

struct segment {
    struct seglog_uuid session;
    struct seglog_uuid segment;
    uint32_t ids[ENTRIES_MAX];
    size_t count;
    size_t synced;  /* of them, those that no power cut takes */
    size_t more;    /* behind them, those of an append that is under way */
    bool is_there;  /* it was made, and its name is durable */
    bool is_gone;   /* it was deleted, durably, or never made */
    bool is_unsure; /* it is being made or deleted */
};

struct run {
    jmp_buf violated;
    char message[4096];
    uint64_t program_seed;
    uint64_t seed;
    uint64_t images;
    uint64_t checks;
    uint32_t next_id;
    unsigned step;
    struct seglog_disk *disk;
    struct seglog_disk_process process;
    struct seglog_session_store *sessions;
    struct segment segments[SEGMENTS];
};

static void
run_fail(struct run *run, struct seglog_disk *disk, int line, const char *what)
{
    const int len = snprintf(
        run->message, sizeof run->message, "seed %llu, step %u: line %d: %s\n",
        (unsigned long long)run->program_seed, run->step, line, what);

    if (len > 0)
        (void)seglog_disk_format_map(disk, run->message + len,
                                     sizeof run->message - (size_t)len);
    longjmp(run->violated, 1);
}

#define must(run, disk, condition)                                             \
    do {                                                                       \
        (run)->checks++;                                                       \
        if (!(condition))                                                      \
            run_fail((run), (disk), __LINE__, #condition);                     \
    } while (0)

static uint64_t
draw(struct run *run, uint64_t limit)
{
    return random_next(&run->seed) % limit;
}

/* -- entries --------------------------------------------------------------- */

static size_t
entry_make(uint32_t id, char text[1024])
{
    const size_t pad = id % 7 == 0 ? 700 : id % 50;
    int len = snprintf(text, 64, "{\"id\":%u,\"pad\":\"", id);

    memset(text + len, 'a' + (int)(id % 26), pad);
    len += (int)pad;
    memcpy(text + len, "\"}", 3);
    return (size_t)len + 2;
}

static bool
entry_is(const struct seglog_record *record, uint32_t id)
{
    char text[1024];

    return entry_make(id, text) == record->len &&
           memcmp(text, record->data, record->len) == 0;
}

/* -- looking at an image --------------------------------------------------- */

static bool
row_count(void *arg, const struct seglog_session_row *row)
{
    uint64_t *sum = arg;

    for (unsigned i = 0; i < sizeof row->segment; i++)
        *sum = *sum * 31 + ((const uint8_t *)&row->segment)[i];
    return true;
}

static uint64_t
rows_now(struct run *run, struct seglog_disk *disk,
         struct seglog_session_store *sessions)
{
    uint64_t sum = 1;

    must(run, disk,
         seglog_session_list(sessions, NULL, row_count, &sum, NULL) ==
             SEGLOG_OK);
    return sum;
}

/* Entries as salvage gives them; gaps where nothing was promised. */
static void
look_entries(struct run *run, struct seglog_disk *disk,
             const struct segment *segment, struct seglog_reader *reader)
{
    struct seglog_event event;
    size_t next = 0;
    seglog_code code = SEGLOG_OK;

    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        size_t at = 0;

        if (event.type != SEGLOG_EVENT_RECORD) {
            must(run, disk, event.finding.durable != SEGLOG_DURABLE_YES);
            continue;
        }
        at = (size_t)event.record.record_no - 1;
        must(run, disk, at >= next && at < segment->count + segment->more);
        must(run, disk, at == next || next >= segment->synced);
        must(run, disk, entry_is(&event.record, segment->ids[at]));
        next = at + 1;
    }
    must(run, disk, code == SEGLOG_END);
    must(run, disk, next >= segment->synced);
}

static void
look_segment(struct run *run, struct seglog_disk *disk,
             struct seglog_session_store *sessions,
             const struct segment *segment)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    bool exists = false;
    seglog_code code = SEGLOG_OK;

    must(run, disk,
         seglog_session_exists(sessions, &segment->session, &segment->segment,
                               &exists, NULL) == SEGLOG_OK);
    must(run, disk, exists || !segment->is_there || segment->is_unsure);
    must(run, disk, !exists || !segment->is_gone || segment->is_unsure);
    if (!exists)
        return;
    code = seglog_session_open_reader(sessions, &segment->session,
                                      &segment->segment, SEGLOG_LANE_ENTRIES,
                                      &options, &reader, NULL);
    /* A segment that was being made may be no segment yet. */
    if (code == SEGLOG_FORMAT && segment->synced == 0)
        return;
    must(run, disk, code == SEGLOG_OK);
    look_entries(run, disk, segment, reader);
    seglog_reader_close(reader);
}

/* It goes on: what is appended and synced is there. */
static void
append_more(struct run *run, struct seglog_disk *disk,
            struct seglog_session_store *sessions,
            const struct segment *segment)
{
    static const struct seglog_session_append_options synced = {
        .size = sizeof synced,
        .is_synced = true,
    };
    struct seglog_appended done;
    uint64_t count = 0;
    seglog_code code =
        seglog_session_append(sessions, &segment->session, &segment->segment,
                              "[1]", 3, &synced, &done, NULL);

    if (code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT)
        return; /* it has a hole where nothing was promised */
    must(run, disk, code == SEGLOG_OK);
    must(run, disk, done.count > segment->synced || segment->synced == 0);
    must(run, disk,
         seglog_session_read_entry_count(sessions, &segment->session,
                                         &segment->segment, &count, NULL,
                                         NULL) == SEGLOG_OK);
    must(run, disk, count == done.count);
}

static struct seglog_session_store *
sessions_open(struct run *run, struct seglog_disk *disk,
              struct seglog_disk_process *process)
{
    const struct seglog_session_store_options options = {
        .size = sizeof options, .sync_log2 = 9, .lock_timeout_ms = 1
    };
    struct seglog_session_store *sessions = NULL;
    const struct seglog_store store = process->disk
                                          ? seglog_disk_store(process)
                                          : seglog_disk_start(disk, process);

    process->never_waits = true;
    must(run, disk,
         seglog_session_store_open(store, &options, &sessions, NULL) ==
             SEGLOG_OK);
    return sessions;
}

static void
look(struct run *run, struct seglog_disk *disk, bool is_going_on)
{
    struct seglog_disk_process process = { 0 };
    struct seglog_session_store *sessions = sessions_open(run, disk, &process);
    uint64_t rows = 0;

    for (unsigned i = 0; i < SEGMENTS; i++)
        look_segment(run, disk, sessions, &run->segments[i]);
    rows = rows_now(run, disk, sessions);
    (void)seglog_session_store_close(sessions, NULL);

    /* The index is derived: without it the same is there. */
    process = (struct seglog_disk_process){ 0 };
    (void)!seglog_store_remove(seglog_disk_start(disk, &process), "index.seg",
                               NULL);
    sessions = sessions_open(run, disk, &process);
    must(run, disk, rows_now(run, disk, sessions) == rows);
    for (unsigned i = 0; i < SEGMENTS && is_going_on; i++)
        append_more(run, disk, sessions, &run->segments[i]);
    must(run, disk, seglog_session_store_close(sessions, NULL) == SEGLOG_OK);
}

static void
image_look(struct run *run, uint64_t seed)
{
    static const unsigned lost[] = { 0, 20, 50, 80, 100 };
    struct seglog_disk_cut cut = { .seed = random_next(&seed) };
    struct seglog_disk *image = NULL;

    cut.lost_percent = lost[random_next(&seed) % 5];
    image = seglog_disk_image(run->disk, &cut);
    must(run, run->disk, image != NULL);
    run->images++;
    look(run, image, true);
    seglog_disk_free(image);
}

static void
meanwhile(void *arg, enum seglog_disk_step step)
{
    struct run *run = arg;

    if (step >= SEGLOG_DISK_WRITE)
        image_look(run, run->seed ^ run->process.steps * 31);
}

/* -- steps ----------------------------------------------------------------- */

static void
step_append(struct run *run, struct segment *segment)
{
    static char texts[4][1024];
    struct seglog_slice slices[4];
    const struct seglog_session_append_options options = {
        .size = sizeof options,
        .is_synced = draw(run, 2) == 0,
    };
    const size_t count = draw(run, 3) == 0 ? 1 + (size_t)draw(run, 4) : 1;
    struct seglog_appended done;
    seglog_code code = SEGLOG_OK;

    if (segment->count + count > ENTRIES_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        const uint32_t id = run->next_id++;

        segment->ids[segment->count + i] = id;
        slices[i] = (struct seglog_slice){
            .data = texts[i],
            .len = entry_make(id, texts[i]),
        };
    }
    segment->more = count;
    segment->is_unsure = segment->is_unsure || !segment->is_there;
    code = seglog_session_append_many(run->sessions, &segment->session,
                                      &segment->segment, slices, count,
                                      &options, &done, NULL);
    must(run, run->disk, code == SEGLOG_OK);
    segment->more = 0;
    segment->count += count;
    must(run, run->disk, done.count == segment->count);
    segment->is_gone = false;
    if (options.is_synced) {
        segment->synced = segment->count;
        segment->is_there = true;
        segment->is_unsure = false;
    }
}

static void
step_create(struct run *run, struct segment *segment)
{
    char text[1024];
    const uint32_t id = run->next_id++;
    const struct seglog_slice slice = { .data = text,
                                        .len = entry_make(id, text) };
    const struct seglog_segment_new options = { .size = sizeof options,
                                                .entries = &slice,
                                                .count = 1 };

    segment->ids[0] = id;
    segment->more = 1;
    segment->is_unsure = true;
    must(run, run->disk,
         seglog_session_create_segment(run->sessions, &segment->session,
                                       &segment->segment, &options,
                                       NULL) == SEGLOG_OK);
    segment->count = segment->synced = 1;
    segment->more = 0;
    segment->is_there = true;
    segment->is_gone = segment->is_unsure = false;
}

static void
step_truncate(struct run *run, struct segment *segment)
{
    const size_t count = (size_t)draw(run, segment->count + 1);

    segment->synced = count < segment->synced ? count : segment->synced;
    must(run, run->disk,
         seglog_session_truncate(run->sessions, &segment->session,
                                 &segment->segment, count, NULL,
                                 NULL) == SEGLOG_OK);
    segment->count = segment->synced = count;
    segment->is_there = true;
    segment->is_unsure = false;
}

static void
step_delete(struct run *run, struct segment *segment)
{
    bool existed = false;

    segment->is_unsure = true;
    segment->synced = 0;
    must(run, run->disk,
         seglog_session_delete_segment(run->sessions, &segment->session,
                                       &segment->segment, &existed,
                                       NULL) == SEGLOG_OK);
    segment->count = 0;
    segment->is_there = segment->is_unsure = false;
    segment->is_gone = true;
}

static void
step_reopen(struct run *run)
{
    must(run, run->disk,
         seglog_session_store_close(run->sessions, NULL) == SEGLOG_OK);
    run->sessions = sessions_open(run, run->disk, &run->process);
}

static void
step(struct run *run)
{
    struct segment *segment = &run->segments[draw(run, SEGMENTS)];
    const bool is_made = !segment->is_gone;

    switch (draw(run, 12)) {
    case 0:
        step_reopen(run);
        break;
    case 1:
        if (is_made)
            step_delete(run, segment);
        break;
    case 2:
        if (is_made)
            step_truncate(run, segment);
        break;
    case 3:
        if (!is_made)
            step_create(run, segment);
        break;
    case 4:
        (void)rows_now(run, run->disk, run->sessions);
        break;
    default:
        step_append(run, segment);
        break;
    }
}

/* -- running --------------------------------------------------------------- */

static bool
program_run(struct run *run, uint64_t seed, unsigned steps)
{
    const struct seglog_disk_options options = { .seed = seed };

    run->program_seed = run->seed = seed;
    run->next_id = 1;
    run->disk = seglog_disk_new(&options);
    if (!run->disk)
        return false;
    memset(&run->process, 0, sizeof run->process);
    memset(run->segments, 0, sizeof run->segments);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        struct segment *segment = &run->segments[i];

        segment->is_gone = true;
        memset(&segment->session, (int)(0x11 * (i + 1)),
               sizeof segment->session);
        memset(&segment->segment, (int)(0x11 * (i + 5)),
               sizeof segment->segment);
    }
    if (setjmp(run->violated) != 0)
        return false;
    run->sessions = sessions_open(run, run->disk, &run->process);
    run->process.meanwhile = meanwhile;
    run->process.arg = run;
    for (run->step = 0; run->step < steps; run->step++) {
        run->seed = seed * 1000003 + run->step;
        step(run);
    }
    must(run, run->disk,
         seglog_session_store_close(run->sessions, NULL) == SEGLOG_OK);
    seglog_disk_free(run->disk);
    return true;
}

static double
seconds_now(void)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    const uint64_t last = argc > 2   ? strtoull(argv[2], NULL, 10)
                          : argc > 1 ? first
                                     : 60;
    const unsigned steps = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 40;
    static struct run run;
    const double start = seconds_now();
    bool is_ok = true;
    double took = 0;

    for (uint64_t seed = first; seed <= last && is_ok; seed++)
        is_ok = program_run(&run, seed, steps);
    took = seconds_now() - start;
    if (!is_ok)
        printf("%s", run.message);
    printf("seeds %llu to %llu: %llu images, %llu checks in %.1f s: %.0f a "
           "minute\n",
           (unsigned long long)first, (unsigned long long)last,
           (unsigned long long)run.images, (unsigned long long)run.checks, took,
           (double)run.images / took * 60);
    return is_ok ? 0 : 1;
}
