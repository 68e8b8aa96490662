/* SPDX-License-Identifier: MIT */
/*
 * floor_write - one system call per record and nothing else: no framing, no
 * checksum, no copy.
 *
 * Arguments: dir, records, size (of the frame), and mode:
 *   write  write()
 *   lock   flock, fstat, pwrite at the end, unlock, on a lock file beside
 *   bare   flock, write at the end, unlock; also the time of each
 *   sync   write() and fdatasync()
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static void
append_locked(int fd, int lock_fd, const void *bytes, size_t len)
{
    struct stat info;

    if (flock(lock_fd, LOCK_EX) != 0 || fstat(fd, &info) != 0)
        bench_fail_sys("flock or fstat");
    if (pwrite(fd, bytes, len, info.st_size) != (ssize_t)len)
        bench_fail_sys("pwrite");
    if (flock(lock_fd, LOCK_UN) != 0)
        bench_fail_sys("flock");
}

/* Where the end is, the system knows. */
static void
append_bare(int fd, int lock_fd, const void *bytes, size_t len)
{
    if (flock(lock_fd, LOCK_EX) != 0)
        bench_fail_sys("flock");
    bench_write(fd, bytes, len);
    if (flock(lock_fd, LOCK_UN) != 0)
        bench_fail_sys("flock");
    bench_laps_mark();
}

static void
append_synced(int fd, const void *bytes, size_t len)
{
    bench_write(fd, bytes, len);
    if (fdatasync(fd) != 0)
        bench_fail_sys("fdatasync");
}

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 100000);
    const char *mode = bench_text("mode", "write");
    const bool is_locked = strcmp(mode, "lock") == 0;
    const bool is_bare = strcmp(mode, "bare") == 0;
    const bool is_synced = strcmp(mode, "sync") == 0;
    char *path = bench_path("floor_write.dat");
    char *lock_path = bench_path("floor_write.lock");
    const int fd = bench_create(path);
    const int lock_fd = bench_create(lock_path);

    if (is_bare)
        bench_laps_begin((size_t)records);
    bench_start();
    for (uint64_t i = 0; i < records; i++) {
        const uint8_t *payload = bench_payload(&payloads, i);

        if (is_locked)
            append_locked(fd, lock_fd, payload, payloads.len);
        else if (is_bare)
            append_bare(fd, lock_fd, payload, payloads.len);
        else if (is_synced)
            append_synced(fd, payload, payloads.len);
        else
            bench_write(fd, payload, payloads.len);
    }
    bench_stop();
    if (is_bare)
        bench_laps_end();
    bench_report("records", (double)records);
    bench_report("bytes", (double)bench_file_size(path));

    close(lock_fd);
    close(fd);
    bench_remove(lock_path);
    bench_remove(path);
    return 0;
}
