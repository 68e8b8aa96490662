/* SPDX-License-Identifier: MIT */
/*
 * bench_append - append records with seglog.
 *
 * Arguments: dir, records, size, and
 *   level  append (default; one flush at the end), flush or sync
 *   mode   exclusive (default) or shared
 *   kind   text (default) or bytes
 *   group  records in a group (1)
 *   chain  how they are chained: 1 SHA-256, 2 XXH3 (0: not)
 *   no_xxh3  1: without digests besides (SPEC.md 12)
 *   keep   1: leave the segment, closed, as "bench_append.seg"; 2: leave it
 *          without a closing mark
 */
#include <stdlib.h>
#include <string.h>

#include "seglog/segment.h"
#include "tests/bench/bench.h"

#define NAME "bench_append.seg"

struct job {
    struct seglog_writer *writer;
    struct bench_payloads payloads;
    uint64_t records;
    enum seglog_kind kind;
    enum seglog_level level;
};

static enum seglog_level
level_from_argument(void)
{
    const char *level = bench_text("level", "append");

    if (strcmp(level, "append") == 0)
        return SEGLOG_LEVEL_APPEND;
    return strcmp(level, "sync") == 0 ? SEGLOG_LEVEL_SYNC : SEGLOG_LEVEL_FLUSH;
}

static struct seglog_writer *
writer_create(struct seglog_store store)
{
    const struct seglog_writer_options options = {
        .size = sizeof(options),
        .mode = strcmp(bench_text("mode", "exclusive"), "shared") == 0
                    ? SEGLOG_WRITER_SHARED
                    : SEGLOG_WRITER_EXCLUSIVE,
        .create = SEGLOG_CREATE_NEW,
        .no_closing_mark = bench_number("keep", 0) != 1,
        .chain = (enum seglog_chain)bench_number("chain", 0),
        .no_xxh3 = bench_number("no_xxh3", 0) == 1,
    };
    struct seglog_writer *writer = NULL;
    struct seglog_error err;

    bench_remove(bench_path(NAME));
    bench_must(seglog_writer_open(store, NAME, &options, &writer, &err), &err);
    return writer;
}

static void
append_singles(const struct job *job)
{
    struct seglog_error err;
    uint64_t record_no = 0;

    for (uint64_t i = 0; i < job->records; i++) {
        const seglog_code code = seglog_writer_append(
            job->writer, job->kind, bench_payload(&job->payloads, i),
            job->payloads.len, job->level, &record_no, &err);

        if (code != SEGLOG_OK)
            bench_must(code, &err);
    }
}

static void
append_groups(const struct job *job, size_t group)
{
    struct seglog_item *items = calloc(group, sizeof(*items));
    struct seglog_error err;
    uint64_t record_no = 0;

    if (items == NULL)
        bench_fail("no memory");
    for (uint64_t i = 0; i + group <= job->records; i += group) {
        for (size_t j = 0; j < group; j++) {
            items[j].kind = job->kind;
            items[j].data = bench_payload(&job->payloads, i + j);
            items[j].len = job->payloads.len;
        }
        bench_must(seglog_writer_append_group(job->writer, items, group,
                                              job->level, &record_no, &err),
                   &err);
    }
    free(items);
}

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    struct seglog_store store = bench_store_open();
    const size_t group = (size_t)bench_number("group", 1);
    const struct job job = {
        .writer = writer_create(store),
        .payloads = bench_payloads_make(),
        .records = bench_number("records", 100000),
        .kind = strcmp(bench_text("kind", "text"), "bytes") == 0 ? SEGLOG_BYTES
                                                                 : SEGLOG_TEXT,
        .level = level_from_argument(),
    };
    struct seglog_error err;

    bench_start();
    if (group > 1)
        append_groups(&job, group);
    else
        append_singles(&job);
    bench_must(seglog_writer_flush(job.writer, &err), &err);
    bench_stop();
    bench_report("records", (double)job.records);

    bench_must(seglog_writer_close(job.writer, &err), &err);
    bench_report("bytes", (double)bench_file_size(bench_path(NAME)));
    if (bench_number("keep", 0) == 0)
        bench_must(seglog_store_remove(store, NAME, &err), &err);
    seglog_store_close(&store);
    return 0;
}
