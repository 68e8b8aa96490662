/* SPDX-License-Identifier: MIT */
/*
 * floor_scan - read a file and CRC-32 its bytes.
 *
 * Arguments: file, and piece: the bytes under one checksum (0: each read of
 * 256 KiB at once, which is the fastest; else pieces of that size, as a scan
 * of records has to take them).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static uint32_t
sum_pieces(const uint8_t *bytes, size_t len, size_t piece)
{
    uint32_t sum = 0;

    for (size_t at = 0; at < len; at += piece)
        sum ^= bench_crc32(bytes + at, len - at < piece ? len - at : piece);
    return sum;
}

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    const char *path = bench_text("file", "");
    const size_t asked = (size_t)bench_number("piece", 0);
    const size_t piece = asked == 0 ? BENCH_READ_BYTES : asked;
    uint8_t *buffer = malloc(BENCH_READ_BYTES);
    uint64_t bytes = 0;
    uint32_t sum = 0;

    if (buffer == NULL)
        bench_fail("no memory");
    bench_start();
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        bench_fail_sys(path);
    for (;;) {
        const ssize_t got = read(fd, buffer, BENCH_READ_BYTES);

        if (got < 0)
            bench_fail_sys("read");
        if (got == 0)
            break;
        sum ^= sum_pieces(buffer, (size_t)got, piece);
        bytes += (uint64_t)got;
    }
    bench_stop();
    bench_report("bytes", (double)bytes);
    bench_report("sum", (double)sum);
    close(fd);
    return 0;
}
