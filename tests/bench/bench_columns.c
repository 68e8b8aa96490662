/* SPDX-License-Identifier: MIT */
/*
 * tests/bench/bench_columns.c - how small and how fast blocks of columns are,
 * by family of the corpus, against zstd and xz over the same text.
 *
 *   bench_columns [-b MIB] [-q] FOLDER...
 *
 * Each folder's files, one behind the other, are a family.  -b: text in a
 * block (8 MiB), which zstd and xz are given whole in any case; -q: sizes
 * only, and no xz.  The last columns are ratios of speed to that of zstd -3,
 * both ways.  Speeds are of one core and in MB/s of text, the best of
 * some runs.  Built with libzstd, and with liblzma where BENCH_HAVE_LZMA is set;
 * a total of xz without it is 0.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zstd.h>

#ifdef BENCH_HAVE_LZMA
#include <lzma.h>
#endif

#include "src/columns/columns.h"
#include "src/columns/columns_buf.h"

struct figures {
    double raw, zstd19, xz, columns19, columns3, zstd3;
    double zstd3_speed, columns3_speed, unzstd_speed, decode_speed;
    double decode3_speed, unzstd3_speed;
    double columns19_speed;
};

struct bench {
    size_t block_max;
    bool is_quick;
    struct slg_columns_record *records;
    size_t count;
    struct slg_buf text;
};

static double
now_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
die(const char *what)
{
    fprintf(stderr, "bench_columns: %s\n", what);
    exit(1);
}

/* -- text ------------------------------------------------------------------ */

static void
file_add(struct bench *bench, const char *folder, const char *name)
{
    char path[4096];
    struct stat info;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return;
    FILE *file = fopen(path, "rb");
    if (!file || !slg_buf_grow(&bench->text, (size_t)info.st_size + SLG_SLACK))
        die("cannot read a file");
    bench->text.len += fread(bench->text.data + bench->text.len, 1,
                             (size_t)info.st_size, file);
    fclose(file);
}

static void
family_read(struct bench *bench, const char *folder)
{
    struct dirent **names;
    const int count = scandir(folder, &names, NULL, alphasort);

    if (count < 0)
        die("cannot read a folder");
    bench->text.len = 0;
    for (int i = 0; i < count; i++) {
        file_add(bench, folder, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

/* Lines; kind 1: the last one, which has no line feed. */
static void
lines_split(struct bench *bench)
{
    const uint8_t *at = bench->text.data;
    const uint8_t *end = at + bench->text.len;

    free(bench->records);
    bench->records = malloc((bench->text.len + 1) * sizeof *bench->records);
    if (!bench->records)
        die("no memory");
    bench->count = 0;
    while (at < end) {
        const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *stop = feed ? feed : end;
        bench->records[bench->count++] = (struct slg_columns_record){
            .bytes = at, .len = (size_t)(stop - at), .kind = !feed
        };
        at = stop + 1;
    }
}

/* -- what is measured ------------------------------------------------------ */

static void
lines_compare(const struct bench *bench, size_t first,
              const struct slg_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++) {
        const struct slg_columns_record *a = &bench->records[first + i];
        const struct slg_columns_record *b = &columns->records[i];
        if (a->len != b->len || a->kind != b->kind ||
            (a->len > 0 && memcmp(a->bytes, b->bytes, a->len) != 0))
            die("a record came back other than it was");
    }
}

/* Encodes, decodes and compares all; adds to size and times. */
static void
columns_run(const struct bench *bench, int level, double *size, double *encode,
            double *decode)
{
    const struct slg_columns_options options = { .level = level };
    const struct slg_columns_limits limits = { SIZE_MAX, SIZE_MAX, SIZE_MAX };
    size_t first = 0;

    while (first < bench->count) {
        size_t next = first;
        size_t bytes = 0;
        while (next < bench->count && bytes < bench->block_max)
            bytes += bench->records[next++].len + 1;
        uint8_t *block;
        size_t len;
        struct slg_columns columns;
        const double start = now_s();
        if (slg_columns_encode(bench->records + first, next - first, &options,
                               &block, &len))
            die("encoding failed");
        const double middle = now_s();
        if (slg_columns_decode(block, len, &limits, &columns) ||
            columns.count != next - first)
            die("decoding failed");
        *decode += now_s() - middle;
        *encode += middle - start;
        *size += (double)len;
        lines_compare(bench, first, &columns);
        slg_columns_reset(&columns);
        free(block);
        first = next;
    }
}

static void
columns_measure(const struct bench *bench, int level, unsigned runs,
                double *size, double *encode_speed, double *decode_speed)
{
    for (unsigned i = 0; i < runs; i++) {
        double encode = 0;
        double decode = 0;
        *size = 0;
        columns_run(bench, level, size, &encode, &decode);
        const double mb = (double)bench->text.len / 1e6;
        if (mb / encode > *encode_speed)
            *encode_speed = mb / encode;
        if (mb / decode > *decode_speed)
            *decode_speed = mb / decode;
    }
}

static void
zstd_measure(const struct bench *bench, int level, bool is_long, unsigned runs,
             double *size, double *speed, double *back_speed)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    const size_t cap = ZSTD_compressBound(bench->text.len);
    uint8_t *block = malloc(cap);
    uint8_t *back = malloc(bench->text.len + 1);

    if (!context || !block || !back)
        die("no memory");
    memset(back, 1, bench->text.len);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    if (is_long) {
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
        ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1);
    }
    for (unsigned i = 0; i < runs; i++) {
        const double mb = (double)bench->text.len / 1e6;
        const double start = now_s();
        const size_t len = ZSTD_compress2(context, block, cap, bench->text.data,
                                          bench->text.len);
        const double middle = now_s();
        ZSTD_decompress(back, bench->text.len, block, len);
        const double end = now_s();
        *size = (double)len;
        if (mb / (middle - start) > *speed)
            *speed = mb / (middle - start);
        if (mb / (end - middle) > *back_speed)
            *back_speed = mb / (end - middle);
    }
    free(back);
    free(block);
    ZSTD_freeCCtx(context);
}

static void
xz_measure(const struct bench *bench, double *size)
{
#ifdef BENCH_HAVE_LZMA
    const size_t cap = lzma_stream_buffer_bound(bench->text.len);
    uint8_t *block = malloc(cap);
    size_t len = 0;

    if (!block ||
        lzma_easy_buffer_encode(9 | LZMA_PRESET_EXTREME, LZMA_CHECK_CRC64, NULL,
                                bench->text.data, bench->text.len, block, &len,
                                cap) != LZMA_OK)
        die("xz failed");
    *size = (double)len;
    free(block);
#else
    (void)bench;
    *size = 0;
#endif
}

static void
family_measure(struct bench *bench, struct figures *figures)
{
    double ignored = 0;
    double unused = 0;
    const unsigned runs =
        bench->is_quick ? 1 : 3 + (unsigned)(4000000 / (bench->text.len + 1));

    figures->raw = (double)bench->text.len;
    zstd_measure(bench, 19, true, 1, &figures->zstd19, &ignored,
                 &figures->unzstd_speed);
    if (!bench->is_quick) {
        xz_measure(bench, &figures->xz);
        zstd_measure(bench, 3, false, runs, &figures->zstd3,
                     &figures->zstd3_speed, &figures->unzstd3_speed);
        columns_measure(bench, 3, runs, &figures->columns3,
                        &figures->columns3_speed, &figures->decode3_speed);
    }
    columns_measure(bench, 19, 1, &figures->columns19,
                    &figures->columns19_speed, &unused);
    figures->decode_speed = unused;
}

static void
figures_print(const char *name, const struct figures *figures)
{
    double best = figures->zstd19;

    if (figures->xz > 0 && figures->xz < best)
        best = figures->xz;
    printf("%-18s %8.0f %7.0f %7.0f %7.0f %5.3f %7.0f %7.0f | %4.0f %4.0f "
           "%5.2f | %4.0f %4.0f %5.2f | %5.2f\n",
           name, figures->raw, figures->zstd19, figures->xz, figures->columns19,
           figures->columns19 / best, figures->zstd3, figures->columns3,
           figures->zstd3_speed, figures->columns3_speed,
           figures->columns3_speed / figures->zstd3_speed,
           figures->unzstd3_speed, figures->decode3_speed,
           figures->decode3_speed / figures->unzstd3_speed,
           figures->columns19_speed);
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    struct bench bench = { .block_max = (size_t)8 << 20 };
    struct figures sum = { 0 };
    int first = 1;

    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "-q") == 0)
            bench.is_quick = true;
        else if (strcmp(argv[first], "-b") == 0 && first + 1 < argc)
            bench.block_max = (size_t)strtoul(argv[++first], NULL, 10) << 20;
        else
            die("usage: bench_columns [-b MIB] [-q] FOLDER...");
    }
    printf("%-18s %8s %7s %7s %7s %5s %7s %7s | enc3: zstd cols ratio | dec3 "
           "| enc19\n",
           "family", "raw", "zstd19", "xz9e", "cols19", "ratio", "zstd3",
           "cols3");
    for (int i = first; i < argc; i++) {
        struct figures figures = { 0 };
        const char *slash = strrchr(argv[i], '/');
        family_read(&bench, argv[i]);
        if (bench.text.len == 0)
            continue;
        lines_split(&bench);
        family_measure(&bench, &figures);
        figures_print(slash ? slash + 1 : argv[i], &figures);
        sum.raw += figures.raw;
        sum.zstd19 += figures.zstd19;
        sum.xz += figures.xz;
        sum.columns19 += figures.columns19;
        sum.columns3 += figures.columns3;
        sum.zstd3 += figures.zstd3;
    }
    figures_print("all", &sum);
    free(bench.records);
    slg_buf_free(&bench.text);
    return 0;
}
