/* SPDX-License-Identifier: MIT */
/*
 * bench_session - what a session store costs.
 *
 * Arguments: dir, and what:
 *   append    records entries of size bytes to one segment, each visible to
 *             all when its call returns; also p50_us and p99_us of a call
 *   make      sessions sessions of one segment, and as many .jsonl files of
 *             the same entry in DIR/jsonl
 *   list      times times: the sessions by an open store (warm_ms), by one
 *             that is opened for it (cold_ms), the session of a segment
 *             (lookup_us), and reading the folder of .jsonl files with a stat
 *             of each (floor_ms)
 *   large     one segment of bytes bytes, and the same lines as a file
 *   resume    times times: the entry count of it (count_ms), opening the store
 *             and reading the last 50 entries (resume_ms), and once: reading
 *             and parsing the file of lines (floor_ms)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seglog/json_line.h"
#include "seglog/session.h"
#include "tests/bench/bench.h"

#define RESUME_ENTRIES 50
#define LINE_CAP       4096

/* The store of the large segment has only this one. */
static const struct seglog_uuid LARGE = { { 9, 9, 9 } };

static struct seglog_session_store *
sessions_open(void)
{
    struct seglog_session_store *sessions = NULL;
    struct seglog_error err;
    char *dir = bench_path("store");

    bench_must(seglog_session_store_open_dir(dir, NULL, &sessions, &err), &err);
    free(dir);
    return sessions;
}

static void
sessions_close(struct seglog_session_store *sessions)
{
    struct seglog_error err;

    bench_must(seglog_session_store_close(sessions, &err), &err);
}

/* An entry as agents write them, of about `size` bytes. */
static size_t
entry_make(char *buf, uint64_t i, size_t size)
{
    static const char words[] =
        "the quick brown fox jumps over a lazy dog while nobody looks at it "
        "and then \\\"says\\\" something about the weather in Tokyo\\n";
    int len = snprintf(buf, LINE_CAP,
                       "{\"kind\":\"assistant_item\",\"ts\":%llu,\"item\":{"
                       "\"kind\":\"message\",\"role\":\"assistant\",\"content\""
                       ":[{\"kind\":\"text\",\"text\":\"%llu ",
                       1786000000000ull + (unsigned long long)i,
                       (unsigned long long)(i * 2654435761u));
    size_t used = (size_t)len;

    while (used + 5 < size && used + 5 < LINE_CAP) {
        const size_t room = size - used - 5;
        const size_t piece = room < sizeof words - 1 ? room : sizeof words - 1;

        /* A piece that is cut could end within an escape. */
        if (piece < sizeof words - 1)
            memset(buf + used, 'x', piece);
        else
            memcpy(buf + used, words, piece);
        used += piece;
    }
    memcpy(buf + used, "\"}]}}", 5);
    return used + 5;
}

static double *
seconds_make(size_t count)
{
    double *seconds = calloc(count, sizeof *seconds);

    if (!seconds || count == 0)
        bench_fail("no memory");
    return seconds;
}

/* -- append --------------------------------------------------------------- */

static void
append(void)
{
    const uint64_t records = bench_number("records", 100000);
    const size_t size = (size_t)bench_number("size", 300);
    struct seglog_session_store *sessions = sessions_open();
    char(*entries)[LINE_CAP] = calloc(1024, LINE_CAP);
    size_t lens[1024];
    struct seglog_uuid id;
    struct seglog_error err;
    bool existed = false;

    if (!entries || !seglog_uuid_new(&id))
        bench_fail("no memory");
    for (size_t i = 0; i < 1024; i++)
        lens[i] = entry_make(entries[i], i, size);
    bench_must(seglog_session_create_segment(sessions, NULL, &id, NULL, &err),
               &err);
    bench_laps_begin((size_t)records);
    bench_start();
    for (uint64_t i = 0; i < records; i++) {
        bench_must(seglog_session_append(sessions, &id, &id, entries[i % 1024],
                                         lens[i % 1024], NULL, NULL, &err),
                   &err);
        bench_laps_mark();
    }
    bench_stop();
    bench_report("records", (double)records);
    bench_laps_end();
    bench_must(seglog_session_delete(sessions, &id, &existed, &err), &err);
    sessions_close(sessions);
    free(entries);
}

/* -- listing -------------------------------------------------------------- */

static void
make(void)
{
    const uint64_t count = bench_number("sessions", 10000);
    struct seglog_session_store *sessions = sessions_open();
    char entry[LINE_CAP];
    const size_t len = entry_make(entry, 1, 300);
    const struct seglog_slice slice = { entry, len };
    const struct seglog_segment_new options = { .size = sizeof options,
                                                .entries = &slice,
                                                .count = 1 };
    struct seglog_error err;

    if (mkdir(bench_path("jsonl"), 0777) != 0)
        bench_fail_sys("jsonl");
    for (uint64_t i = 0; i < count; i++) {
        char text[SEGLOG_UUID_TEXT_CAP];
        char name[64];
        struct seglog_uuid id;
        int fd = -1;

        if (!seglog_uuid_new(&id))
            bench_fail("no random bytes");
        bench_must(
            seglog_session_create_segment(sessions, NULL, &id, &options, &err),
            &err);
        (void)snprintf(name, sizeof name, "jsonl/%s.jsonl",
                       seglog_uuid_format(&id, text));
        fd = bench_create(bench_path(name));
        bench_write(fd, entry, len);
        bench_write(fd, "\n", 1);
        close(fd);
    }
    sessions_close(sessions);
}

static double
time_folder(uint64_t count)
{
    const double start = bench_now();
    DIR *dir = opendir(bench_path("jsonl"));
    const struct dirent *entry = NULL;
    uint64_t seen = 0;

    if (!dir)
        bench_fail_sys("jsonl");
    while ((entry = readdir(dir))) {
        struct stat status;

        if (fstatat(dirfd(dir), entry->d_name, &status, 0) == 0 &&
            S_ISREG(status.st_mode))
            seen++;
    }
    closedir(dir);
    if (seen != count)
        bench_fail("the folder has another number of files");
    return bench_now() - start;
}

static double
time_list(struct seglog_session_store *sessions, uint64_t count)
{
    const double start = bench_now();
    struct seglog_session_store *opened = sessions ? NULL : sessions_open();
    struct seglog_uuid *ids = NULL;
    struct seglog_error err;
    size_t listed = 0;

    bench_must(seglog_session_list_sessions(sessions ? sessions : opened, &ids,
                                            &listed, &err),
               &err);
    seglog_free(ids);
    if (listed != count)
        bench_fail("the store lists another number of sessions");
    if (opened)
        sessions_close(opened);
    return bench_now() - start;
}

static double
time_lookup(struct seglog_session_store *sessions,
            const struct seglog_uuid *segment)
{
    const double start = bench_now();
    struct seglog_uuid session;
    struct seglog_error err;
    bool found = false;

    bench_must(seglog_session_lookup_session_of(sessions, segment, &session,
                                                &found, &err),
               &err);
    if (!found)
        bench_fail("a segment is not found");
    return bench_now() - start;
}

static void
list(void)
{
    const uint64_t count = bench_number("sessions", 10000);
    const size_t times = (size_t)bench_number("times", 31);
    struct seglog_session_store *sessions = sessions_open();
    double *seconds = seconds_make(4 * times);
    struct seglog_uuid *ids = NULL;
    struct seglog_error err;
    size_t listed = 0;

    /* The stamp of the folder settles. */
    (void)usleep(100000);
    bench_must(seglog_session_list_sessions(sessions, &ids, &listed, &err),
               &err);
    (void)time_folder(count);
    for (size_t i = 0; i < times; i++) {
        seconds[i] = time_folder(count);
        seconds[times + i] = time_list(sessions, count);
        seconds[2 * times + i] = time_list(NULL, count);
        seconds[3 * times + i] = time_lookup(sessions, &ids[i * 7919 % listed]);
    }
    bench_report("floor_ms", bench_quantile(seconds, times, 0.5) * 1e3);
    bench_report("warm_ms", bench_quantile(seconds + times, times, 0.5) * 1e3);
    bench_report("cold_ms",
                 bench_quantile(seconds + 2 * times, times, 0.5) * 1e3);
    bench_report("lookup_us",
                 bench_quantile(seconds + 3 * times, times, 0.5) * 1e6);
    seglog_free(ids);
    sessions_close(sessions);
    free(seconds);
}

/* -- a large one ---------------------------------------------------------- */

static void
large(void)
{
    const uint64_t bytes = bench_number("bytes", 1u << 30);
    struct seglog_session_store *sessions = sessions_open();
    FILE *lines = fopen(bench_path("large.jsonl"), "w");
    struct seglog_writer *writer = NULL;
    struct seglog_error err;
    char entry[LINE_CAP];
    uint64_t records = 0;

    if (!lines)
        bench_fail_sys("large.jsonl");
    bench_must(
        seglog_session_create_segment(sessions, NULL, &LARGE, NULL, &err),
        &err);
    bench_must(seglog_session_open_writer(sessions, NULL, &LARGE,
                                          SEGLOG_WRITER_EXCLUSIVE, &writer,
                                          &err),
               &err);
    for (uint64_t done = 0; done < bytes; records++) {
        const size_t len = entry_make(entry, records, 1000);

        bench_must(seglog_writer_append(writer, SEGLOG_TEXT, entry, len,
                                        SEGLOG_LEVEL_APPEND, NULL, &err),
                   &err);
        entry[len] = '\n';
        if (fwrite(entry, 1, len + 1, lines) != len + 1)
            bench_fail_sys("large.jsonl");
        done += len + 1;
    }
    bench_must(seglog_writer_close(writer, &err), &err);
    if (fclose(lines) != 0)
        bench_fail_sys("large.jsonl");
    sessions_close(sessions);
    bench_report("records", (double)records);
}

static double
time_count(struct seglog_session_store *sessions, uint64_t *count)
{
    const double start = bench_now();
    struct seglog_error err;

    bench_must(seglog_session_read_entry_count(sessions, &LARGE, &LARGE, count,
                                               NULL, &err),
               &err);
    return bench_now() - start;
}

static double
time_resume(void)
{
    const double start = bench_now();
    struct seglog_session_store *sessions = sessions_open();
    struct seglog_reader_options options = { .size = sizeof options };
    struct seglog_reader *reader = NULL;
    struct seglog_error err;
    uint64_t count = 0;
    unsigned seen = 0;

    bench_must(seglog_session_read_entry_count(sessions, &LARGE, &LARGE, &count,
                                               NULL, &err),
               &err);
    options.from_record = count - RESUME_ENTRIES + 1;
    bench_must(seglog_session_open_reader(sessions, &LARGE, &LARGE,
                                          SEGLOG_LANE_ENTRIES, &options,
                                          &reader, &err),
               &err);
    for (;;) {
        struct seglog_event event;
        const seglog_code code = seglog_reader_next(reader, &event, &err);

        if (code == SEGLOG_END)
            break;
        bench_must(code, &err);
        seen++;
    }
    if (seen != RESUME_ENTRIES)
        bench_fail("another number of entries");
    seglog_reader_close(reader);
    sessions_close(sessions);
    return bench_now() - start;
}

static double
time_parsing(void)
{
    const double start = bench_now();
    FILE *lines = fopen(bench_path("large.jsonl"), "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len = 0;

    if (!lines)
        bench_fail_sys("large.jsonl");
    while ((len = getline(&line, &cap, lines)) > 0)
        if (seglog_json_line_check((const uint8_t *)line, (size_t)len, false,
                                   NULL) != SEGLOG_JSON_OK)
            bench_fail("a line is no JSON");
    (void)fclose(lines);
    free(line);
    return bench_now() - start;
}

static void
resume(void)
{
    const size_t times = (size_t)bench_number("times", 31);
    struct seglog_session_store *sessions = sessions_open();
    double *seconds = seconds_make(2 * times);
    uint64_t count = 0;

    (void)time_resume();
    for (size_t i = 0; i < times; i++) {
        seconds[i] = time_count(sessions, &count);
        seconds[times + i] = time_resume();
    }
    if (count != bench_number("records", count))
        bench_fail("another entry count");
    bench_report("count_ms", bench_quantile(seconds, times, 0.5) * 1e3);
    bench_report("resume_ms",
                 bench_quantile(seconds + times, times, 0.5) * 1e3);
    bench_report("floor_ms", time_parsing() * 1e3);
    sessions_close(sessions);
    free(seconds);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *what;
        void (*run)(void);
    } jobs[] = { { "append", append },
                 { "make", make },
                 { "list", list },
                 { "large", large },
                 { "resume", resume } };

    bench_init(argc, argv);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        if (strcmp(bench_text("what", "append"), jobs[i].what) != 0)
            continue;
        jobs[i].run();
        return 0;
    }
    bench_fail("what: append, make, list, large or resume");
}
