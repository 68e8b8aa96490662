/* SPDX-License-Identifier: MIT */
/*
 * tests/install/consumer_testing.c - a user's test of its own recovery: what
 * was synced survives a power cut, what was not may be lost, and an append
 * that is told to fail fails.
 */
#include <stdio.h>

#include <seglog/seglog.h>
#include <seglog/testing/disk_store.h>
#include <seglog/testing/fault_store.h>

static seglog_code
append(struct seglog_writer *writer, enum seglog_level level)
{
    return seglog_writer_append(writer, SEGLOG_TEXT, "line", 4, level, NULL,
                                NULL);
}

static int
run(struct seglog_disk *disk, struct seglog_faults *faults,
    struct seglog_disk_process *process)
{
    const struct seglog_disk_cut cut = { .seed = 1, .lost_percent = 100 };
    struct seglog_writer *writer = NULL;
    struct seglog_scan_summary summary;

    if (seglog_writer_open(seglog_faults_store(faults), "log", NULL, &writer,
                           NULL) != SEGLOG_OK ||
        append(writer, SEGLOG_LEVEL_SYNC) != SEGLOG_OK ||
        !seglog_faults_fail(faults, SEGLOG_FAULT_APPEND, 1, SEGLOG_NO_SPACE) ||
        append(writer, SEGLOG_LEVEL_FLUSH) != SEGLOG_NO_SPACE)
        return 1;
    if (!seglog_disk_cut_power(disk, &cut))
        return 1;
    (void)seglog_writer_close(writer, NULL);
    if (seglog_scan(seglog_disk_start(disk, process), "log", NULL, &summary,
                    NULL) != SEGLOG_OK)
        return 1;
    return summary.records == 1 ? 0 : 1;
}

int
main(void)
{
    struct seglog_disk *disk = seglog_disk_new(NULL);
    struct seglog_disk_process process;
    struct seglog_disk_process later;
    struct seglog_faults *faults = NULL;
    int status = 1;

    if (!disk)
        return 1;
    faults = seglog_faults_new(seglog_disk_start(disk, &process));
    if (faults)
        status = run(disk, faults, &later);
    printf("seglog testing %s: %s\n", SEGLOG_VERSION_STRING,
           status == 0 ? "OK" : "failed");
    seglog_faults_free(faults);
    seglog_disk_free(disk);
    return status;
}
