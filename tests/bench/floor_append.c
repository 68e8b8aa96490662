/* SPDX-License-Identifier: MIT */
/*
 * floor_append - the least work of a buffered, checksummed append: copy the
 * record, CRC-32 it, write 256 KiB at a time.
 *
 * Arguments: dir, records, size.
 */
#include <string.h>
#include <unistd.h>
#include <stdlib.h>

#include "tests/bench/bench.h"

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 100000);
    const size_t frame = payloads.len + sizeof(uint32_t);
    uint8_t *buffer = malloc(BENCH_WRITE_BYTES);
    char *path = bench_path("floor_append.dat");
    const int fd = bench_create(path);
    size_t used = 0;

    if (buffer == NULL || frame > BENCH_WRITE_BYTES)
        bench_fail("records too large");
    bench_start();
    for (uint64_t i = 0; i < records; i++) {
        if (frame > BENCH_WRITE_BYTES - used) {
            bench_write(fd, buffer, used);
            used = 0;
        }
        memcpy(buffer + used, bench_payload(&payloads, i), payloads.len);
        const uint32_t crc = bench_crc32(buffer + used, payloads.len);
        memcpy(buffer + used + payloads.len, &crc, sizeof(crc));
        used += frame;
    }
    bench_write(fd, buffer, used);
    bench_stop();
    bench_report("records", (double)records);
    bench_report("bytes", (double)bench_file_size(path));

    close(fd);
    bench_remove(path);
    return 0;
}
