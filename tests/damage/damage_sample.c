/* SPDX-License-Identifier: MIT */
/* tests/damage/damage_sample.c - make a segment and note where things lie. */
#include "tests/damage/damage_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "seglog/encrypted_store.h"
#include "seglog/seal.h"

#define HEADER_BYTES  54u
#define DIGEST_FROM   11440u
#define CHUNK_EXTRA   64u
#define LOGS          24u /* records that are segments */
#define INNER_RECORDS 12u

enum {
    KIND_GROUP = 5,
    KIND_CONTROL = 6,
    KIND_BLOCK = 7,
    CONTROL_SYNC = 1,
    CONTROL_CLOSING = 2
};

const struct sample_kind sample_kinds[] = {
    { .name = "plain" },
    { .name = "open", .is_open = true },
    { .name = "deflate", .codec = SEGLOG_CODEC_DEFLATE },
    { .name = "zstd", .codec = SEGLOG_CODEC_ZSTD },
    { .name = "grouped", .group = 5 },
    { .name = "sealed", .payload = PAYLOAD_FAT, .is_sealed = true },
    { .name = "encrypted", .flushed = 4, .is_encrypted = true },
    { .name = "sealed-encrypted",
      .payload = PAYLOAD_FAT,
      .is_sealed = true,
      .is_encrypted = true },
    { .name = "chained", .chain = SEGLOG_CHAIN_XXH3, .group = 3 },
    { .name = "chained-deflate",
      .chain = SEGLOG_CHAIN_XXH3,
      .codec = SEGLOG_CODEC_DEFLATE },
    { .name = "one", .records = 1 },
    { .name = "two", .records = 2 },
    { .name = "one-deflate", .records = 1, .codec = SEGLOG_CODEC_DEFLATE },
    { .name = "two-encrypted", .records = 2, .is_encrypted = true },
    { .name = "hundred", .payload = PAYLOAD_HUNDRED, .records = 100 },
    { .name = "empty", .payload = PAYLOAD_EMPTY, .records = 100 },
    { .name = "borders", .payload = PAYLOAD_BORDERS, .records = 18 },
    { .name = "magic", .payload = PAYLOAD_MAGIC, .records = 40 },
    { .name = "zeros", .payload = PAYLOAD_ZEROS, .records = 20 },
    { .name = "logs", .payload = PAYLOAD_LOGS, .records = LOGS },
    { .name = NULL },
};

static const uint8_t STORE_KEY[SEGLOG_KEY_BYTES] =
    "a key of thirty-two bytes in all";

_Noreturn void
sample_must_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    exit(2);
}

const struct sample_kind *
sample_kind_find(const char *name)
{
    for (const struct sample_kind *kind = sample_kinds; kind->name; kind++) {
        if (strcmp(kind->name, name) == 0)
            return kind;
    }
    return NULL;
}

static uint64_t
mixed(uint64_t value)
{
    value ^= value >> 31;
    value *= 0x9E3779B97F4A7C15u;
    value ^= value >> 29;
    value *= 0xBF58476D1CE4E5B9u;
    return value ^ value >> 32;
}

/* ---------------------------------------------------------------------------
 * Payloads
 */

static size_t
payload_len(enum payload_type type, uint64_t number)
{
    static const size_t borders[] = { 0,    1,    11,   12,  255,
                                      4095, 4096, 4097, 256, 257 };

    switch (type) {
    case PAYLOAD_LINES:
        return 16 + number % 11;
    case PAYLOAD_FAT:
        return 120 + number % 61;
    case PAYLOAD_HUNDRED:
        return 100;
    case PAYLOAD_BORDERS:
        return borders[number % (sizeof borders / sizeof *borders)];
    case PAYLOAD_MAGIC:
        return 60 + 13 * number;
    case PAYLOAD_ZEROS:
        return 1 + 173 * number;
    case PAYLOAD_EMPTY:
    case PAYLOAD_LOGS:
        break;
    }
    return 0;
}

/* Like lines of a log: much of it comes again and again. */
static void
line_fill(uint8_t *out, size_t len, uint64_t number, uint64_t seed)
{
    char head[32];
    const int n = snprintf(head, sizeof head, "{\"n\":%04u,\"t\":\"",
                           (unsigned)((number + seed) % 10000));

    for (size_t i = 0; i < len; i++) {
        uint64_t byte = 'A' + i % 26;

        if (i < (size_t)n)
            byte = (uint8_t)head[i];
        else if (i + 2 >= len)
            byte = i + 2 == len ? '"' : '}';
        else if (i < (size_t)n + 24)
            byte = 'a' + mixed(number * 64 + i + seed) % 26;
        out[i] = (uint8_t)byte;
    }
}

static void
magic_fill(uint8_t *out, size_t len, uint64_t number)
{
    static const uint8_t parts[3][12] = {
        { 0x89, 'S', 'L', 'G', 0x0D, 0x0A, 0x1A, 0x0A, 1, 23, 16, 0 },
        { 0xC0, 0x4C, 0x01, 0xB7, 0x5E, 0x59, 0x4E, 0x43, 0xA3, 0x1D, 0, 0 },
        { 0xC0, 0x40, 0x02, 0xB7, 0x5E, 0x59, 0x4E, 0x43, 0xA3, 0x1D, 0, 0 },
    };

    for (size_t i = 0; i < len; i++)
        out[i] = parts[(i / 12 + number) % 3][i % 12];
}

static void
sample_fill(struct sample *sample, uint64_t number, uint64_t seed)
{
    static const struct sample_kind inner = { .name = "inner" };
    const enum payload_type type = sample->kind->payload;
    size_t len = payload_len(type, number);

    free(sample->data[number]);
    if (type == PAYLOAD_LOGS) {
        struct sample log;

        sample_make(&log, &inner, INNER_RECORDS + number % 5,
                    mixed(number) + seed);
        /* Some are logs that are still written. */
        len = number % 3 == 0 ? log.raw_len - 70 : log.raw_len;
        sample->data[number] = malloc(len);
        MUST(sample->data[number]);
        memcpy(sample->data[number], log.raw, len);
        sample_free(&log);
    } else {
        sample->data[number] = calloc(1, len + 1);
        MUST(sample->data[number]);
        if (type == PAYLOAD_MAGIC)
            magic_fill(sample->data[number], len, number + seed);
        else if (type != PAYLOAD_ZEROS)
            line_fill(sample->data[number], len, number, seed);
    }
    sample->len[number] = len;
    sample->kinds[number] =
        memchr(sample->data[number], '\n', len) ? SEGLOG_BYTES : SEGLOG_TEXT;
}

/* ---------------------------------------------------------------------------
 * Writing
 */

/* How far the segment was at some time. */
struct note {
    uint64_t end;
    uint64_t next_record;
};

struct maker {
    const struct sample_kind *kind;
    struct seglog_store below;
    struct seglog_store store; /* over below, or the same */
    uint64_t seed;
    struct note *notes;
    size_t note_count;
};

static void
maker_start(struct maker *maker, const struct sample_kind *kind,
            uint64_t records, uint64_t seed)
{
    const struct seglog_store_key key = { .size = sizeof key,
                                          .key = STORE_KEY };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };

    *maker = (struct maker){ .kind = kind, .seed = seed };
    maker->notes = calloc((size_t)(2 * records + 4), sizeof *maker->notes);
    MUST(maker->notes);
    MUST(seglog_store_memory_open(&maker->below, NULL) == SEGLOG_OK);
    maker->store = maker->below;
    if (kind->is_encrypted)
        MUST(seglog_encrypted_store_open(maker->below, &key, &options,
                                         &maker->store, NULL) == SEGLOG_OK);
}

static void
maker_end(struct maker *maker)
{
    seglog_store_close(&maker->store);
    free(maker->notes);
}

static struct seglog_writer *
maker_open(struct maker *maker)
{
    uint8_t identity[SEGLOG_IDENTITY_BYTES];
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .identity = identity,
        .is_epoch_given = true,
        .epoch_random = 0xC0FFEE01u + (uint32_t)maker->seed,
        .sync_log2 = 9,
        .no_closing_mark = maker->kind->is_open,
        .codec = maker->kind->codec,
        .chain = maker->kind->chain,
        .drop_torn_tail = true,
    };
    struct seglog_writer *writer = NULL;

    for (size_t i = 0; i < sizeof identity; i++)
        identity[i] = (uint8_t)(i + mixed(maker->seed + i));
    MUST(seglog_writer_open(maker->store, VIEW_NAME, &options, &writer, NULL) ==
         SEGLOG_OK);
    return writer;
}

static void
maker_note(struct maker *maker, const struct seglog_writer *writer)
{
    struct seglog_writer_state state;

    seglog_writer_get_state(writer, &state);
    maker->notes[maker->note_count++] =
        (struct note){ .end = state.end, .next_record = state.next_record };
}

/* One append; returns the number of the record behind it. */
static uint64_t
maker_append(const struct maker *maker, struct seglog_writer *writer,
             const struct sample *sample, uint64_t number, uint64_t last)
{
    struct seglog_item items[16];
    size_t count = 0;

    if (maker->kind->group < 2 || number == last) {
        MUST(seglog_writer_append(writer, sample->kinds[number],
                                  sample->data[number], sample->len[number],
                                  SEGLOG_LEVEL_APPEND, NULL,
                                  NULL) == SEGLOG_OK);
        return number + 1;
    }
    for (; count < maker->kind->group && number <= last; count++, number++)
        items[count] =
            (struct seglog_item){ sample->kinds[number], sample->data[number],
                                  sample->len[number] };
    MUST(seglog_writer_append_group(writer, items, count, SEGLOG_LEVEL_APPEND,
                                    NULL, NULL) == SEGLOG_OK);
    return number;
}

static void
maker_write(struct maker *maker, const struct sample *sample, uint64_t first)
{
    struct seglog_writer *writer = maker_open(maker);
    size_t appends = 0;

    for (uint64_t n = first; n <= sample->records;) {
        n = maker_append(maker, writer, sample, n, sample->records);
        if (++appends % (maker->kind->flushed + !maker->kind->flushed) != 0 &&
            n <= sample->records)
            continue;
        MUST(seglog_writer_flush(writer, NULL) == SEGLOG_OK);
        maker_note(maker, writer);
    }
    MUST(seglog_writer_close(writer, NULL) == SEGLOG_OK);
}

static void
maker_seal(const struct maker *maker)
{
    const struct seglog_seal_options options = {
        .size = sizeof options,
        .level = 1,
        .block_bytes = SEGLOG_SEAL_BLOCK_MIN,
        .threads = 1,
    };

    MUST(seglog_segment_seal(maker->store, VIEW_NAME, &options, NULL, NULL) ==
         SEGLOG_OK);
}

/* ---------------------------------------------------------------------------
 * Taking apart
 */

static uint8_t *
blob_get(struct seglog_store store, const char *name, size_t *len)
{
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    uint8_t *bytes = NULL;

    MUST(seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL) ==
         SEGLOG_OK);
    MUST(seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK);
    bytes = malloc((size_t)size + 1);
    MUST(bytes);
    MUST(seglog_blob_read_at(blob, 0, bytes, (size_t)size, NULL) == SEGLOG_OK);
    MUST(seglog_blob_close(&blob, NULL) == SEGLOG_OK);
    *len = (size_t)size;
    return bytes;
}

static void
pieces_find(struct sample *sample)
{
    sample->pieces =
        calloc(sample->raw_len / CHUNK_EXTRA + 1, sizeof *sample->pieces);
    MUST(sample->pieces);
    for (size_t at = 0; at < sample->raw_len;) {
        struct piece *piece = &sample->pieces[sample->piece_count++];
        const size_t len = slg_load_le32(sample->raw + at);

        *piece = (struct piece){ .at = at, .end = at + CHUNK_EXTRA + len };
        piece->plain = (size_t)slg_load_le64(sample->raw + at + 8);
        piece->plain_end = piece->plain + len;
        at = piece->end;
    }
    MUST(sample->pieces[sample->piece_count - 1].end == sample->raw_len);
    MUST(sample->pieces[sample->piece_count - 1].plain_end ==
         sample->plain_len);
}

static uint64_t
varint(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0;; i++) {
        value |= (uint64_t)(bytes[i] & 0x7F) << 7 * i;
        if (bytes[i] < 0x80)
            return value;
    }
}

/* The frame at `at`, by SPEC.md 4. */
static struct unit
unit_parse(const uint8_t *plain, size_t at, uint64_t number)
{
    const unsigned kind = plain[at] >> 5;
    const unsigned size = (plain[at] & 3u) + 1;
    const uint8_t *body = plain + at + 1 + size;
    struct unit unit = {
        .type = UNIT_RECORDS, .at = at, .first = number, .count = 1
    };
    size_t length = 0;

    for (unsigned i = size; i-- > 0;)
        length = length << 8 | plain[at + 1 + i];
    unit.end = at + 1 + size + length + (length > DIGEST_FROM ? 8 : 0) + 4;
    unit.is_packed = kind < KIND_CONTROL && (plain[at] >> 2 & 3) != 0;
    if (kind == KIND_GROUP || kind == KIND_BLOCK)
        unit.count = varint(body);
    if (kind == KIND_CONTROL) {
        unit.count = 0;
        unit.type = body[0] == CONTROL_SYNC      ? UNIT_SYNC
                    : body[0] == CONTROL_CLOSING ? UNIT_CLOSING
                                                 : UNIT_OTHER;
    }
    return unit;
}

static void
units_find(struct sample *sample)
{
    uint64_t number = 1;

    sample->units = calloc(sample->plain_len / 6 + 2, sizeof *sample->units);
    MUST(sample->units);
    sample->units[sample->unit_count++] =
        (struct unit){ .type = UNIT_HEADER, .end = HEADER_BYTES, .first = 1 };
    for (size_t at = HEADER_BYTES; at < sample->plain_len;) {
        const struct unit unit = unit_parse(sample->plain, at, number);

        sample->units[sample->unit_count++] = unit;
        number += unit.count;
        at = unit.end;
    }
    MUST(sample->units[sample->unit_count - 1].end == sample->plain_len);
    MUST(number == sample->records + 1);
}

/* Whatever was noted while writing must be where the frames say it is. */
static void
notes_check(const struct sample *sample, const struct maker *maker)
{
    size_t u = 0;

    for (size_t i = 0; i < maker->note_count; i++) {
        const struct note *note = &maker->notes[i];
        const struct unit *unit = NULL;

        while (u + 1 < sample->unit_count && sample->units[u].end < note->end)
            u++;
        unit = &sample->units[u];
        MUST(unit->end == note->end && unit->type == UNIT_RECORDS &&
             unit->first + unit->count == note->next_record);
        if (maker->kind->codec == SEGLOG_CODEC_NONE && unit->count == 1) {
            const size_t len = sample->len[unit->first];

            MUST(unit->end - unit->at == len +
                                             (len > 65535 ? 8
                                              : len > 255 ? 7
                                                          : 6) +
                                             (len > DIGEST_FROM ? 8 : 0));
        }
    }
}

static void
sample_collect(struct sample *sample, const struct maker *maker)
{
    sample->raw = blob_get(maker->below, VIEW_NAME, &sample->raw_len);
    sample->plain = blob_get(maker->store, VIEW_NAME, &sample->plain_len);
    if (maker->kind->is_encrypted) {
        const struct seglog_store_key key = { .size = sizeof key,
                                              .key = STORE_KEY };

        sample->keys =
            blob_get(maker->below, SEGLOG_KEYS_NAME, &sample->keys_len);
        pieces_find(sample);
        sample->view =
            (struct view){ .keys = sample->keys, .keys_len = sample->keys_len };
        MUST(seglog_encrypted_store_open(view_store(&sample->view), &key, NULL,
                                         &sample->store, NULL) == SEGLOG_OK);
    } else {
        sample->store = view_store(&sample->view);
    }
    units_find(sample);
    if (!maker->kind->is_sealed)
        notes_check(sample, maker);
}

static void
sample_start(struct sample *sample, const struct sample_kind *kind,
             uint64_t records, uint64_t seed)
{
    *sample = (struct sample){ .kind = kind,
                               .records = kind->records > 0 ? kind->records
                                                            : records };
    sample->data = calloc(sample->records + 1, sizeof *sample->data);
    sample->len = calloc(sample->records + 1, sizeof *sample->len);
    sample->kinds = calloc(sample->records + 1, sizeof *sample->kinds);
    MUST(sample->data && sample->len && sample->kinds);
    for (uint64_t n = 1; n <= sample->records; n++)
        sample_fill(sample, n, seed);
}

void
sample_make(struct sample *sample, const struct sample_kind *kind,
            uint64_t records, uint64_t seed)
{
    struct maker maker;

    sample_start(sample, kind, records, seed);
    maker_start(&maker, kind, sample->records, seed);
    maker_write(&maker, sample, 1);
    if (kind->is_sealed)
        maker_seal(&maker);
    sample_collect(sample, &maker);
    maker_end(&maker);
}

void
sample_make_rewritten(struct sample *sample, struct sample *older,
                      const struct sample_kind *kind, uint64_t records,
                      uint64_t seed)
{
    struct seglog_writer *writer = NULL;
    struct maker maker;
    uint64_t half = 0;

    MUST(!kind->is_sealed);
    sample_start(older, kind, records, 0);
    maker_start(&maker, kind, older->records, 0);
    maker_write(&maker, older, 1);
    sample_collect(older, &maker);

    half = older->records / 10 * 5; /* where a group ends */
    sample_start(sample, kind, records, 0);
    for (uint64_t n = half + 1; n <= sample->records; n++)
        sample_fill(sample, n, seed);
    maker.note_count = 0;
    writer = maker_open(&maker);
    MUST(seglog_writer_truncate(writer, half + 1, NULL) == SEGLOG_OK);
    MUST(seglog_writer_close(writer, NULL) == SEGLOG_OK);
    maker_write(&maker, sample, half + 1);
    sample_collect(sample, &maker);
    maker_end(&maker);
}

static void
blob_put(struct seglog_store store, const char *name, const uint8_t *bytes,
         size_t len)
{
    struct seglog_blob blob = { 0 };
    uint64_t offset = 0;

    MUST(seglog_blob_open(store, name,
                          SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
                          &blob, NULL) == SEGLOG_OK);
    MUST(seglog_blob_append(blob, 0, bytes, len, &offset, NULL) == SEGLOG_OK);
    MUST(seglog_blob_close(&blob, NULL) == SEGLOG_OK);
}

void
sample_store_make(const struct sample *sample, size_t raw_len,
                  struct seglog_store *store)
{
    const struct seglog_store_key key = { .size = sizeof key,
                                          .key = STORE_KEY };
    struct seglog_store memory;

    MUST(seglog_store_memory_open(&memory, NULL) == SEGLOG_OK);
    blob_put(memory, VIEW_NAME, sample->raw, raw_len);
    *store = memory;
    if (!sample->kind->is_encrypted)
        return;
    blob_put(memory, SEGLOG_KEYS_NAME, sample->keys, sample->keys_len);
    MUST(seglog_encrypted_store_open(memory, &key, NULL, store, NULL) ==
         SEGLOG_OK);
}

bool
sample_kind_is_built(const struct sample_kind *kind)
{
    const struct seglog_store_key key = { .size = sizeof key,
                                          .key = STORE_KEY };
    const struct seglog_encrypted_store_options create = { .size =
                                                               sizeof create,
                                                           .create = true };
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .codec = kind->is_sealed ? SEGLOG_CODEC_ZSTD : kind->codec
    };
    struct seglog_writer *writer = NULL;
    struct seglog_store store;
    struct seglog_store encrypted;
    bool is_built = true;

    MUST(seglog_store_memory_open(&store, NULL) == SEGLOG_OK);
    if (kind->is_encrypted) {
        is_built = seglog_encrypted_store_open(store, &key, &create, &encrypted,
                                               NULL) == SEGLOG_OK;
        store = is_built ? encrypted : store;
    }
    /* Sealing takes what zstd takes. */
    if (seglog_writer_open(store, VIEW_NAME, &options, &writer, NULL) ==
        SEGLOG_OK)
        MUST(seglog_writer_close(writer, NULL) == SEGLOG_OK);
    else
        is_built = false;
    seglog_store_close(&store);
    return is_built;
}

void
sample_free(struct sample *sample)
{
    for (uint64_t n = 1; n <= sample->records; n++)
        free(sample->data[n]);
    seglog_store_close(&sample->store);
    free(sample->data);
    free(sample->len);
    free(sample->kinds);
    free(sample->plain);
    free(sample->raw);
    free(sample->units);
    free(sample->pieces);
    free(sample->keys);
    *sample = (struct sample){ .kind = NULL };
}

const struct unit *
sample_unit_at(const struct sample *sample, size_t at)
{
    size_t low = 0;
    size_t high = sample->unit_count - 1;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (sample->units[mid].end <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return &sample->units[low];
}

const struct piece *
sample_piece_at(const struct sample *sample, size_t at)
{
    size_t low = 0;
    size_t high = sample->piece_count - 1;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (sample->pieces[mid].end <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return &sample->pieces[low];
}
