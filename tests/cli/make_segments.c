/* SPDX-License-Identifier: MIT */
/*
 * tests/cli/make_segments.c - segments of many shapes, for the tests of the
 * tools.
 *
 *     make_segments DIR SEED COUNT
 *
 * writes DIR/0000.seg and so on.  The same seed gives the same bytes.  The
 * shapes differ in size and kind of records, groups, sync interval, syncs,
 * features, first number, recorded gaps, and in how they end: closed, closed
 * and opened again, torn and opened again, or not closed at all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/segment.h"
#include "seglog/store.h"

#define GROUP_MAX  40u
#define RECORD_MAX 200000u

static uint64_t random_state;

static uint64_t
random_below(uint64_t below)
{
    uint64_t z = random_state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % below;
}

/* True once in `of` times. */
static bool
chance(unsigned of)
{
    return random_below(of) == 0;
}

struct shape {
    size_t record_typical;
    unsigned group_percent;
    unsigned sync_percent;
    unsigned long_percent;
    unsigned gap_percent;
    uint64_t records;
    unsigned sessions; /* how often it is opened and closed */
    bool is_closed;
    struct seglog_writer_options options;
    uint8_t identity[SEGLOG_IDENTITY_BYTES];
};

static void
fail(const struct seglog_error *err)
{
    char text[1024];

    seglog_error_format(err, text, sizeof text);
    (void)fprintf(stderr, "make_segments: %s\n", text);
    exit(1);
}

static void
shape_choose(struct shape *shape)
{
    static const size_t TYPICAL[] = { 3, 30, 120, 500, 2000 };
    static const uint64_t FIRSTS[] = { 1, 1, 1, 1, 2, 77, 100000 };

    /* One after the other: in an initialiser the order is the compiler's. */
    memset(shape, 0, sizeof *shape);
    shape->record_typical = TYPICAL[random_below(5)];
    shape->group_percent = chance(2) ? (unsigned)random_below(60) : 0;
    shape->sync_percent = chance(3) ? (unsigned)random_below(20) : 0;
    shape->long_percent = chance(4) ? 2 : 0;
    shape->gap_percent = chance(5) ? 4 : 0;
    shape->records = random_below(chance(4) ? 8 : 200);
    shape->sessions = chance(3) ? 1 + (unsigned)random_below(3) : 1;
    shape->is_closed = chance(2);
    shape->options.size = sizeof shape->options;
    shape->options.mode = SEGLOG_WRITER_PRIVATE;
    shape->options.drop_torn_tail = true;
    shape->options.identity = shape->identity;
    shape->options.is_epoch_given = true;
    shape->options.epoch_random = (uint32_t)random_below(UINT32_MAX);
    shape->options.sync_log2 = (uint8_t)(9 + random_below(8));
    shape->options.no_xxh3 = chance(8);
    shape->options.first_record = FIRSTS[random_below(7)];
    for (size_t i = 0; i < sizeof shape->identity; i++)
        shape->identity[i] = (uint8_t)random_below(256);
}

/* A record in JSON, with zeros in it now and then as binary ones have them. */
static size_t
record_make(const struct shape *shape, uint64_t no, enum seglog_kind kind,
            char *out)
{
    size_t len = (size_t)random_below(2 * shape->record_typical + 1);
    size_t head = 0;

    if (random_below(100) < shape->long_percent)
        len = (size_t)random_below(RECORD_MAX);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)('a' + (i * 7 + no) % 26);
    if (kind == SEGLOG_BYTES && len > 4)
        memset(out + len / 2, (int)(no & 1) * 0xFF, len / 4);
    if (len > 40) {
        head =
            (size_t)snprintf(out, len, "{\"seq\":%" PRIu64 ",\"text\":\"", no);
        out[head] = 'x';
        memcpy(out + len - 2, "\"}", 2);
    }
    return len;
}

static enum seglog_kind
kind_choose(void)
{
    return chance(20) ? SEGLOG_BYTES : SEGLOG_TEXT;
}

static char buffer[GROUP_MAX][RECORD_MAX];

static void
group_append(struct seglog_writer *writer, const struct shape *shape,
             uint64_t *no)
{
    struct seglog_item items[GROUP_MAX];
    const size_t count = 2 + (size_t)random_below(GROUP_MAX - 1);
    struct seglog_error err;

    for (size_t i = 0; i < count; i++) {
        items[i].kind = kind_choose();
        items[i].data = buffer[i];
        items[i].len = record_make(shape, (*no)++, items[i].kind, buffer[i]);
    }
    if (seglog_writer_append_group(writer, items, count, SEGLOG_LEVEL_APPEND,
                                   NULL, &err) != SEGLOG_OK)
        fail(&err);
}

/* Records that were lost before this segment was written. */
static void
gap_append(struct seglog_writer *writer, uint64_t *no)
{
    const uint64_t count = 1 + random_below(5);
    const struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = *no,
        .last_record = *no + count - 1,
        .line = *no,
        .lines = count,
        .first_byte = 54,
        .byte_count = 100,
    };
    struct seglog_error err;

    if (seglog_writer_append_gap(writer, &gap, &err) != SEGLOG_OK)
        fail(&err);
    *no += count;
}

static void
session_write(struct seglog_writer *writer, const struct shape *shape,
              uint64_t *no)
{
    const uint64_t end = *no + shape->records;
    struct seglog_error err;

    while (*no < end) {
        if (random_below(100) < shape->group_percent) {
            group_append(writer, shape, no);
        } else {
            const enum seglog_kind kind = kind_choose();
            const size_t len = record_make(shape, (*no)++, kind, buffer[0]);

            if (seglog_writer_append(writer, kind, buffer[0], len,
                                     SEGLOG_LEVEL_APPEND, NULL,
                                     &err) != SEGLOG_OK)
                fail(&err);
        }
        if (random_below(100) < shape->gap_percent)
            gap_append(writer, no);
        if (random_below(100) < shape->sync_percent &&
            seglog_writer_sync(writer, &err) != SEGLOG_OK)
            fail(&err);
    }
}

/* What a crash leaves of a record: the next writer cuts it (SPEC.md 7.3). */
static void
segment_tear(struct seglog_store store, const char *name)
{
    static const uint8_t TORN[] = { 0x20, 0x40, '{', '"', 'a', '"', ':' };
    struct seglog_blob blob;
    struct seglog_error err;
    uint64_t offset = 0;

    if (seglog_blob_open(store, name, SEGLOG_OPEN_WRITE, &blob, &err) !=
            SEGLOG_OK ||
        seglog_blob_append(blob, SEGLOG_END_ANY, TORN, sizeof TORN, &offset,
                           &err) != SEGLOG_OK ||
        seglog_blob_close(&blob, &err) != SEGLOG_OK)
        fail(&err);
}

static void
segment_make(struct seglog_store store, unsigned index)
{
    struct shape shape;
    struct seglog_error err;
    char name[32];
    uint64_t no = 0;

    shape_choose(&shape);
    (void)snprintf(name, sizeof name, "%04u.seg", index);
    no = shape.options.first_record;
    for (unsigned i = 0; i < shape.sessions; i++) {
        struct seglog_writer *writer = NULL;

        if (i > 0 && chance(2))
            segment_tear(store, name);
        shape.options.no_closing_mark =
            !shape.is_closed && i + 1 == shape.sessions;
        if (seglog_writer_open(store, name, &shape.options, &writer, &err) !=
            SEGLOG_OK)
            fail(&err);
        session_write(writer, &shape, &no);
        if (seglog_writer_close(writer, &err) != SEGLOG_OK)
            fail(&err);
    }
}

int
main(int argc, char **argv)
{
    struct seglog_store store;
    struct seglog_error err;
    unsigned count = 0;

    if (argc != 4) {
        (void)fputs("usage: make_segments DIR SEED COUNT\n", stderr);
        return 2;
    }
    count = (unsigned)strtoul(argv[3], NULL, 10);
    if (seglog_store_file_open(argv[1], true, &store, &err) != SEGLOG_OK)
        fail(&err);
    for (unsigned i = 0; i < count; i++) {
        /* Each on its own, so that one more does not change the others. */
        random_state = strtoull(argv[2], NULL, 10) * 1000003 + i;
        segment_make(store, i);
    }
    seglog_store_close(&store);
    return 0;
}
