/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what every program of the benchmark suite shares.
 *
 * A program measures one thing once and prints "key value" lines; run.py runs
 * it many times, in turn with its floor, and makes the figures.  Arguments are
 * "key=value" words.  Anything unexpected ends the program with a message.
 */
#ifndef SEGLOG_BENCH_H
#define SEGLOG_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/store.h"

/* One buffered write of the library and of the floors. */
#define BENCH_WRITE_BYTES ((size_t)256 * 1024)
/* One read of the floors. */
#define BENCH_READ_BYTES ((size_t)256 * 1024)

/* Remember the arguments; to be called first. */
void
bench_init(int argc, char **argv);

/* The value of an argument, or the fallback. */
const char *
bench_text(const char *key, const char *fallback);
uint64_t
bench_number(const char *key, uint64_t fallback);

/* DIR/name, where DIR is the argument "dir".  Never freed. */
char *
bench_path(const char *name);

_Noreturn void
bench_fail(const char *what);
/* Fail with errno's text. */
_Noreturn void
bench_fail_sys(const char *what);
/* Fail unless code is SEGLOG_OK. */
void
bench_must(seglog_code code, const struct seglog_error *err);

/* Seconds on a clock that only goes forward. */
double
bench_now(void);

/*
 * Around what is measured; stop reports "seconds", and "cpu": seconds of
 * processor time of this program and of the ones it ran, which other work on
 * the machine disturbs less.
 */
void
bench_start(void);
void
bench_stop(void);

/*
 * The time of each of many calls.  begin, then mark behind every one of them;
 * end reports "p50_us" and "p99_us".
 */
void
bench_laps_begin(size_t count);
void
bench_laps_mark(void);
void
bench_laps_end(void);

/* The value below which this share of them lies; sorts them. */
double
bench_quantile(double *values, size_t count, double share);

/* Print a result. */
void
bench_report(const char *key, double value);

/*
 * The payloads: `count` records of `len` random bytes, one behind the other,
 * without line feeds so that they can be text.  The same in every program.
 */
struct bench_payloads {
    uint8_t *bytes;
    size_t count;
    size_t len;
};

/* From the arguments "size" (200) and "distinct" (65536). */
struct bench_payloads
bench_payloads_make(void);

static inline const uint8_t *
bench_payload(const struct bench_payloads *payloads, uint64_t i)
{
    return payloads->bytes + (size_t)(i % payloads->count) * payloads->len;
}

/* Repeatable random numbers (xorshift64*); state must not be 0. */
uint64_t
bench_random(uint64_t *state);

/* The fastest CRC-32 of this machine's libraries. */
uint32_t
bench_crc32(const void *bytes, size_t len);
const char *
bench_crc32_name(void);

/* A new, empty file; the name's old file is removed. */
int
bench_create(const char *path);
/* write() all of it. */
void
bench_write(int fd, const void *bytes, size_t len);
void
bench_remove(const char *path);
uint64_t
bench_file_size(const char *path);

/* The file store of "dir". */
struct seglog_store
bench_store_open(void);

/* Most memory this process had so far, in KiB. */
uint64_t
bench_peak_kib(void);

#endif /* SEGLOG_BENCH_H */
