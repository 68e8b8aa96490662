/* SPDX-License-Identifier: MIT */
/* tests/segment/writer_support.c - what the tests of the writer share. */
#include "tests/segment/writer_support.h"

#include <xxhash.h>
#include <zlib.h>

#include "seglog/encrypted_store.h"
#include "src/crypt/primitives.h"

const uint8_t writer_identity[SEGLOG_IDENTITY_BYTES] = { 0,  1,  2,  3, 4,  5,
                                                         6,  7,  8,  9, 10, 11,
                                                         12, 13, 14, 15 };

static const uint8_t walk_marker[7] = {
    0xB7, 0x5E, 0x59, 0x4E, 0x43, 0xA3, 0x1D
};

/* -- the walker ----------------------------------------------------------- */

struct walk {
    struct walked *to;
    const uint8_t *identity;
    uint64_t interval;
    uint64_t body_max;
    bool has_digests;
    uint64_t first_record;
    uint32_t salt;
    size_t pos;
    size_t last_sync;    /* its start, 0: none */
    bool is_after_sync;  /* a sync point ends at pos */
    bool is_sync_needed; /* ... which something else than 7.1 asked for */
    size_t sync_room;    /* ... and what it left of the interval */
    uint64_t digest;
    bool is_chained;
    bool is_chain_known;
    bool is_head_due; /* the next frame is a chain head */
    bool is_anew_due; /* ... that begins anew */
    bool is_after_head;
};

static uint64_t
number_at(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static uint32_t
walk_fmix(uint32_t h)
{
    h = (h ^ h >> 16) * 0x85EBCA6Bu;
    h = (h ^ h >> 13) * 0xC2B2AE35u;
    return h ^ h >> 16;
}

static uint32_t
walk_salt(const uint8_t *identity, uint64_t epoch)
{
    uint8_t bytes[24];

    memcpy(bytes, identity, 16);
    for (unsigned i = 0; i < 8; i++)
        bytes[16 + i] = (uint8_t)(epoch >> 8 * i);
    return walk_fmix((uint32_t)crc32(0, bytes, sizeof bytes));
}

static void *
grown(void *array, size_t count, size_t size)
{
    void *bigger = array;

    if ((count & (count - 1)) == 0) {
        bigger = realloc(array, (count == 0 ? 1 : 2 * count) * size);
        assert_non_null(bigger);
    }
    return bigger;
}

/* SPEC.md 16.1, in one piece. */
static void
walk_hash(struct walk *walk, uint8_t kind, const uint8_t *data, size_t len)
{
    struct seglog_chain_hash *head = &walk->to->head;
    uint8_t *text = NULL;
    XXH128_canonical_t canonical;

    if (!walk->is_chained)
        return;
    assert_true(walk->is_chain_known);
    text = malloc(head->len + 1 + len);
    assert_non_null(text);
    memcpy(text, head->bytes, head->len);
    text[head->len] = kind;
    if (len > 0)
        memcpy(text + head->len + 1, data, len);
    if (walk->to->chain == SEGLOG_CHAIN_SHA256) {
        assert_true(slg_crypt_hash(text, head->len + 1 + len, head->bytes));
        head->len = 32;
    } else {
        XXH128_canonicalFromHash(&canonical,
                                 XXH3_128bits(text, head->len + 1 + len));
        memcpy(head->bytes, canonical.digest, 16);
        head->len = 16;
    }
    free(text);
}

static void
walk_chain_head(struct walk *walk, const uint8_t *body, size_t len)
{
    struct walked *to = walk->to;

    assert_true(walk->is_chained && len >= 3 && body[2] <= 1);
    assert_true(len == 3 || len == (body[1] == SEGLOG_CHAIN_SHA256 ? 35 : 19));
    assert_int_equal(body[2], walk->is_anew_due);
    if (walk->is_chain_known) {
        assert_int_equal(body[1], to->chain);
        assert_int_equal(len - 3, to->head.len);
        assert_memory_equal(body + 3, to->head.bytes, len - 3);
    }
    to->chain = body[1];
    to->head.len = (uint8_t)(len - 3);
    memcpy(to->head.bytes, body + 3, len - 3);
    to->head_count++;
    to->anew_count += walk->is_anew_due;
    walk->is_chain_known = true;
    walk->is_head_due = false;
    walk->is_anew_due = false;
}

static void
walk_gap(struct walk *walk, const uint8_t *frame)
{
    struct walked *to = walk->to;
    const uint64_t count = number_at(frame + 6, 8);
    uint8_t loss[16];

    for (unsigned i = 0; i < 8; i++) {
        loss[i] = (uint8_t)(to->number >> 8 * i);
        loss[8 + i] = (uint8_t)((to->number + count) >> 8 * i);
    }
    walk_hash(walk, 3, loss, sizeof loss);
    walk->is_head_due = walk->is_anew_due = walk->is_chained;
    to->number += count;
    to->line += number_at(frame + 14, 8);
    to->gap_count++;
}

static void
walk_record(struct walk *walk, unsigned kind, bool is_durable, bool is_grouped,
            const uint8_t *data, size_t len)
{
    struct walked *to = walk->to;

    assert_in_range(kind, 1, 4);
    if (kind != SEGLOG_BYTES && len > 0)
        assert_null(memchr(data, '\n', len));
    to->records = grown(to->records, to->record_count, sizeof *to->records);
    to->records[to->record_count++] = (struct walked_record){
        .kind = kind,
        .number = to->number,
        .is_durable = is_durable,
        .is_grouped = is_grouped,
        .offset = walk->pos,
        .len = len,
        .data = data,
    };
    if (walk->has_digests)
        walk->digest += XXH3_64bits(data, len) * (2 * to->number + 1);
    walk_hash(walk, 0, data, len);
    to->number++;
    to->line += kind != SEGLOG_PART;
}

static uint64_t
walk_varint(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;

    for (unsigned shift = 0;; shift += 7) {
        assert_true(*at < end && shift < 63);
        value |= (uint64_t)(**at & 0x7F) << shift;
        if ((*(*at)++ & 0x80) == 0)
            return value;
    }
}

static void
walk_group(struct walk *walk, bool is_durable, const uint8_t *body, size_t len)
{
    const uint8_t *end = body + len;
    uint64_t count = walk_varint(&body, end);

    assert_true(count >= 2);
    walk->to->group_count++;
    while (count-- > 0) {
        const uint64_t entry = walk_varint(&body, end);
        const size_t size = (size_t)(entry >> 2);

        assert_true(size <= (size_t)(end - body));
        walk_record(walk, (unsigned)(entry & 3) + 1, is_durable, true, body,
                    size);
        body += size;
    }
    assert_ptr_equal(body, end);
}

/* SPEC.md 6.1 and 6.2: what both marks say. */
static void
walk_mark(struct walk *walk, const uint8_t *frame)
{
    const struct walked *to = walk->to;

    assert_memory_equal(frame + 3, walk_marker, sizeof walk_marker);
    assert_memory_equal(frame + 10, walk->identity, 16);
    assert_int_equal(number_at(frame + 34, 8), to->number);
    assert_int_equal(number_at(frame + 50, 8), walk->pos);
}

static void
walk_sync_point(struct walk *walk, const uint8_t *frame)
{
    struct walked *to = walk->to;
    const uint64_t epoch = number_at(frame + 26, 8);
    const uint64_t line = number_at(frame + 42, 8);
    const uint64_t watermark = number_at(frame + 62, 8);

    walk_mark(walk, frame);
    assert_false(walk->is_after_sync && epoch == to->epoch);
    assert_int_equal(number_at(frame + 58, 4), walk->pos - walk->last_sync);
    assert_true(watermark < to->number);
    assert_int_equal(number_at(frame + 70, 8), walk->digest);
    walk->is_sync_needed = epoch != to->epoch || walk->pos == 54;
    if (walk->pos != 54)
        assert_int_equal(line, to->line);
    if (epoch != to->epoch)
        assert_true(epoch >> 32 > to->epoch >> 32);
    to->line = line;
    to->epoch = epoch;
    walk->salt = walk_salt(walk->identity, epoch);
    walk->sync_room = walk->pos - walk->last_sync;
    walk->last_sync = walk->pos;
    walk->digest = 0;
    to->syncs = grown(to->syncs, to->sync_count, sizeof *to->syncs);
    to->syncs[to->sync_count++] =
        (struct walked_sync){ walk->pos, epoch, to->number, line, watermark };
    walk->is_head_due = walk->is_chained;
}

static void
walk_closing_mark(struct walk *walk, const uint8_t *frame)
{
    struct walked *to = walk->to;

    walk_mark(walk, frame);
    assert_int_equal(number_at(frame + 26, 8), to->epoch);
    assert_int_equal(number_at(frame + 42, 8), to->line);
    assert_int_equal(number_at(frame + 58, 8), walk->digest);
    walk->digest = 0;
    to->mark_count++;
}

/* The first one counts. */
static void
walk_attributes(struct walk *walk, const uint8_t *body, size_t len)
{
    struct walked *to = walk->to;

    assert_int_equal(to->number, walk->first_record);
    if (to->attributes)
        return;
    to->attributes = body + 1;
    to->attributes_len = len - 1;
}

static void
walk_control(struct walk *walk, const uint8_t *frame, const uint8_t *body,
             size_t len)
{
    struct walked *to = walk->to;

    switch (body[0]) {
    case 1:
        walk_sync_point(walk, frame);
        break;
    case 2:
        walk_closing_mark(walk, frame);
        break;
    case 3:
        walk_gap(walk, frame);
        break;
    case 4:
        assert_int_equal(to->number, walk->first_record);
        break;
    case 5:
        walk_chain_head(walk, body, len);
        break;
    case 9:
        assert_int_equal(body[1], to->chain);
        walk_hash(walk, 2, body + 2, len - 2);
        to->stone_count++;
        break;
    case 10:
        assert_true(walk->is_after_head);
        to->signature_count++;
        break;
    case 8:
        walk_attributes(walk, body, len);
        break;
    default:
        fail_msg("control frame of type %u", body[0]);
    }
}

/* SPEC.md 7.1, both ways: none is missing and none is too many. */
static void
walk_check_sync(const struct walk *walk, size_t len, size_t body_len)
{
    const bool is_long = body_len > 65536;

    if (!walk->is_after_sync) {
        assert_false(is_long);
        assert_true(walk->pos - walk->last_sync + len <= walk->interval);
    } else if (!walk->is_sync_needed && !walk->is_chained) {
        assert_true(is_long || walk->sync_room + len > walk->interval);
    }
}

static void
walk_frame(struct walk *walk)
{
    struct walked *to = walk->to;
    const uint8_t *frame = to->bytes + walk->pos;
    const size_t left = to->len - walk->pos;
    const unsigned kind = frame[0] >> 5;
    const bool is_durable = (frame[0] & 0x10) != 0;
    const unsigned size = (frame[0] & 3u) + 1;
    size_t body_len = 0;
    size_t covered = 0;
    uint32_t salt = walk->salt;
    bool is_sync = false;
    bool is_head = false;

    assert_true(left >= 6 && (frame[0] & 0x0C) == 0);
    body_len = (size_t)number_at(frame + 1, size);
    assert_true(size == 1 || frame[size] != 0);
    assert_true(body_len <= walk->body_max);
    covered = 1 + size + body_len;
    if (walk->has_digests && body_len > 11440) {
        assert_true(covered + 12 <= left);
        assert_int_equal(number_at(frame + covered, 8),
                         XXH3_64bits(frame + 1 + size, body_len));
        covered += 8;
    }
    assert_true(covered + 4 <= left);

    is_sync = kind == 6 && size == 1 && frame[2] == 1;
    is_head = kind == 6 && size == 1 && frame[2] == 5;
    /* Before a sync point it was cut. */
    assert_true(is_head || is_sync || !walk->is_head_due);
    /* Of a chain the end is a checkpoint. */
    if (walk->is_chained && kind == 6 && size == 1 && frame[2] == 2)
        assert_true(walk->is_after_head && walk->is_after_sync);
    if (is_sync)
        salt = walk_salt(walk->identity, number_at(frame + 26, 8));
    else if (!is_head && (kind != 6 || size != 1 || frame[2] != 2))
        walk_check_sync(walk, covered + 4, body_len);
    assert_int_equal(number_at(frame + covered, 4),
                     (uint32_t)crc32(0, frame, (uInt)covered) ^
                         walk_fmix((uint32_t)to->number) ^ salt);
    if (is_durable)
        assert_true(kind != 6 && to->number > walk->first_record);

    if (kind == 6)
        walk_control(walk, frame, frame + 1 + size, body_len);
    else if (kind == 5)
        walk_group(walk, is_durable, frame + 1 + size, body_len);
    else
        walk_record(walk, kind, is_durable, false, frame + 1 + size, body_len);
    walk->is_after_sync = is_sync || (is_head && walk->is_after_sync);
    walk->is_after_head = is_head;
    walk->pos += covered + 4;
    to->is_closed = kind == 6 && size == 1 && frame[2] == 2;
}

void
walk_blob(struct seglog_store store, const char *name, struct walked *walked)
{
    struct walk walk = { .to = walked };

    *walked = (struct walked){ 0 };
    walked->bytes = blob_read(store, name, &walked->len);
    assert_true(walked->len >= 54);
    assert_memory_equal(walked->bytes, "\x89SLG\r\n\x1a\n\x01", 9);
    assert_int_equal(number_at(walked->bytes + 50, 4),
                     (uint32_t)crc32(0, walked->bytes, 50));
    walk.body_max = UINT64_C(1) << walked->bytes[9];
    walk.interval = UINT64_C(1) << walked->bytes[10];
    walk.has_digests = (walked->bytes[16] & 1) == 0;
    walk.is_chained = walk.is_head_due = (walked->bytes[16] & 8) != 0;
    walk.identity = walked->bytes + 18;
    walked->epoch = number_at(walked->bytes + 34, 8);
    walked->number = number_at(walked->bytes + 42, 8);
    walked->line = walked->number;
    walk.first_record = walked->number;
    walk.salt = walk_salt(walk.identity, walked->epoch);
    walk.pos = 54;
    while (walk.pos < walked->len)
        walk_frame(&walk);
    if (walk.is_after_sync && !walk.is_chained)
        assert_true(walk.is_sync_needed);
}

void
walked_free(struct walked *walked)
{
    free(walked->bytes);
    free(walked->records);
    free(walked->syncs);
}

void
header_seal(uint8_t *bytes)
{
    const uint32_t crc = (uint32_t)crc32(0, bytes, 50);

    for (unsigned i = 0; i < 4; i++)
        bytes[50 + i] = (uint8_t)(crc >> 8 * i);
}

/* -- writers -------------------------------------------------------------- */

struct seglog_writer_options
writer_options_fixed(void)
{
    return (struct seglog_writer_options){
        .size = sizeof(struct seglog_writer_options),
        .identity = writer_identity,
        .is_epoch_given = true,
        .epoch_random = WRITER_EPOCH,
    };
}

struct seglog_writer *
writer_open_ok(struct seglog_store store, const char *name,
               const struct seglog_writer_options *options)
{
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_writer_open(store, name, options, &writer, &err),
                    SEGLOG_OK, &err);
    return writer;
}

void
append_ok(struct seglog_writer *writer, const char *text, uint64_t number)
{
    struct seglog_error err = { 0 };
    uint64_t got = 0;

    assert_code_err(seglog_writer_append(writer, SEGLOG_TEXT, text,
                                         strlen(text), SEGLOG_LEVEL_FLUSH, &got,
                                         &err),
                    SEGLOG_OK, &err);
    assert_int_equal(got, number);
}

void
close_ok(struct seglog_writer *writer)
{
    struct seglog_error err = { 0 };

    assert_code_err(seglog_writer_close(writer, &err), SEGLOG_OK, &err);
}

struct seglog_writer_state
state_of(const struct seglog_writer *writer)
{
    struct seglog_writer_state state;

    seglog_writer_get_state(writer, &state);
    return state;
}

void
hint_fill(struct seglog_store store, const char *name, int byte)
{
    struct seglog_lock lock = { 0 };
    void *hint = NULL;

    assert_ok(seglog_lock_open(store, name, &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 1000, NULL));
    hint = seglog_lock_get_hint(lock);
    if (hint)
        memset(hint, byte, SEGLOG_LOCK_HINT_BYTES);
    assert_ok(seglog_lock_release(lock, NULL));
    seglog_lock_close(&lock);
}

/* -- fixtures ------------------------------------------------------------- */

int
memory_setup(void **state)
{
    struct store_fixture *fixture = calloc(1, sizeof *fixture);

    *state = fixture;
    return fixture &&
                   seglog_store_memory_open(&fixture->store, NULL) == SEGLOG_OK
               ? 0
               : -1;
}

int
file_setup(void **state)
{
    struct store_fixture *fixture = calloc(1, sizeof *fixture);

    *state = fixture;
    if (!fixture)
        return -1;
    fixture->dir = test_dir_make();
    return seglog_store_file_open(fixture->dir, false, &fixture->store, NULL) ==
                   SEGLOG_OK
               ? 0
               : -1;
}

int
encrypted_setup(void **state)
{
    static const uint8_t bytes[SEGLOG_KEY_BYTES] = { 7 };
    const struct seglog_store_key key = { .size = sizeof key, .key = bytes };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };
    struct seglog_store below;
    struct store_fixture *fixture = NULL;
    seglog_code code = SEGLOG_OK;

    if (memory_setup(state) != 0)
        return -1;
    fixture = *state;
    below = fixture->store;
    code = seglog_encrypted_store_open(below, &key, &options, &fixture->store,
                                       NULL);
    return code == SEGLOG_OK || code == SEGLOG_INVALID ? 0 : -1;
}

int
store_teardown(void **state)
{
    struct store_fixture *fixture = *state;

    for (size_t i = 0; i < fixture->fault_count; i++)
        seglog_faults_free(fixture->faults[i]);
    seglog_store_close(&fixture->store);
    if (fixture->dir)
        test_dir_remove(fixture->dir);
    free(fixture);
    return 0;
}

struct seglog_store
store_of(void **state)
{
    const struct store_fixture *fixture = *state;

    return fixture->store;
}

/* -- a store that fails when told to --------------------------------------- */

struct seglog_faults *
faulty_around(struct seglog_store store)
{
    struct seglog_faults *faulty = seglog_faults_new(store);

    assert_non_null(faulty);
    seglog_faults_watch(faulty, "log");
    return faulty;
}

struct seglog_faults *
faulty_make(void **state)
{
    struct store_fixture *fixture = *state;

    assert_true(fixture->fault_count < COUNT_OF(fixture->faults));
    return fixture->faults[fixture->fault_count++] =
               faulty_around(fixture->store);
}

void
faulty_fail(struct seglog_faults *faulty, enum seglog_fault_op op, uint64_t at,
            seglog_code code)
{
    assert_true(seglog_faults_fail(faulty, op, at, code));
}

unsigned
faulty_count(struct seglog_faults *faulty, enum seglog_fault_op op)
{
    return (unsigned)seglog_faults_get_count(faulty, op);
}
