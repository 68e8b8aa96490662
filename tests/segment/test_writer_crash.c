/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_crash.c
 *
 * Goal    whatever dies and whenever the power fails: what was synced is
 *         there, once and under its number; nothing is there that was not
 *         appended or that was gone before; nothing that was lost is said to
 *         have been durable; and writing goes on.
 * Method  histories that follow from a seed, in a store whose processes die in
 *         any operation and whose power cuts keep a part of what was not
 *         synced.  A model knows what was promised for each record.
 *
 * SEGLOG_CRASH_ROUNDS and SEGLOG_CRASH_SEED ask for more and for others.
 */
#include "tests/segment/crash_store.h"

#include <stdio.h>

#include "seglog/segment.h"
#include "src/codec/zrun.h"

#define WRITERS     3u
#define RECORDS_MAX 4096u
#define PENDING_MAX 512u
#define GROUP_MAX   4u
#define NAME        "log"

enum promise {
    TRIED,   /* whoever appended it is dead: it may be there or not */
    PENDING, /* in the buffer of a writer */
    FLUSHED,
    SYNCED,
    GONE /* and must never be seen again */
};

struct attempt {
    enum promise promise;
    uint64_t number; /* 0: not known */
    bool is_seen;    /* by the look that is under way */
};

struct slot {
    struct crash_process process;
    struct seglog_writer *writer;
    uint32_t pending[PENDING_MAX];
    size_t pending_count;
    enum seglog_writer_mode mode;
    bool is_held;
};

struct history {
    uint64_t seed;
    uint64_t round_seed; /* for messages */
    struct crash_machine machine;
    struct slot slots[WRITERS];
    struct attempt attempts[RECORDS_MAX];
    uint32_t attempt_count;
    bool had_power_cut;
    bool had_truncation;
    bool has_unsure_cut;  /* somebody died, or failed, in a truncation */
    bool is_damaged;      /* a power cut has left a hole */
    bool has_passed_over; /* somebody has gone on behind bytes of no frame */
    bool is_made;         /* somebody has opened it: it must stay a segment */
    bool is_over;
    uint64_t identity[2];
    uint64_t first_record;
    uint8_t sync_log2;
    bool no_xxh3;
    enum seglog_codec codec;
    struct seglog_reader *reader; /* a live one */
    struct crash_process reader_process;
    uint64_t reader_next;
};

/* Fails with what is needed to see it again. */
#define expect(history, condition)                                             \
    do {                                                                       \
        if (!(condition))                                                      \
            fail_msg("seed %llu: line %d: %s",                                 \
                     (unsigned long long)(history)->round_seed, __LINE__,      \
                     #condition);                                              \
    } while (0)

static uint64_t
chance(struct history *history, uint64_t limit)
{
    return test_random(&history->seed) % limit;
}

/* -- records -------------------------------------------------------------- */

/* The bytes of a record follow from its number among the attempts. */
static size_t
content_make(uint32_t id, uint8_t *to)
{
    uint64_t seed = id;
    const uint64_t kind = test_random(&seed) % 64;
    size_t len = 9 + test_random(&seed) % 120;

    if (kind >= 50)
        len = 9 + test_random(&seed) % 2000;
    if (kind == 63)
        len = 60000 + test_random(&seed) % 20000;
    memset(to, 'a' + (int)(id % 26), len);
    /* Of the rest some can be compressed and some cannot. */
    for (size_t i = 0; id % 3 == 0 && i < len; i++)
        to[i] = (uint8_t)('a' + test_random(&seed) % 26);
    for (size_t i = 0; id % 3 == 1 && id % 2 == 1 && i < len; i++)
        to[i] = (uint8_t)test_random(&seed);
    (void)snprintf((char *)to, 10, "%08x ", id);
    to[8] = ' ';
    return len;
}

static uint32_t
content_check(struct history *history, const struct seglog_record *record)
{
    static uint8_t want[80016];
    char text[9] = { 0 };
    uint32_t id = 0;

    expect(history, record->len >= 9);
    memcpy(text, record->data, 8);
    id = (uint32_t)strtoul(text, NULL, 16);
    expect(history, id < history->attempt_count);
    expect(history, content_make(id, want) == record->len);
    expect(history, memcmp(want, record->data, record->len) == 0);
    return id;
}

/* -- looking at the segment ----------------------------------------------- */

struct look {
    struct history *history;
    size_t safe;      /* bytes at the start that the device has for sure */
    uint64_t durable; /* the highest number whose frame is among them */
    bool has_lost;
};

static void
look_finding(void *arg, const struct seglog_finding *finding)
{
    struct look *look = arg;

    /* All that the device had for sure is still there, except what somebody
     * has cut whose cut the device has only in part. */
    expect(look->history, look->history->has_unsure_cut ||
                              finding->durable != SEGLOG_DURABLE_YES);
    expect(look->history, finding->verdict != SEGLOG_VERDICT_FOREIGN);
    if (finding->verdict != SEGLOG_VERDICT_TORN)
        look->has_lost = true;
    if (finding->cause == SEGLOG_CAUSE_PASSED_OVER)
        look->history->has_passed_over = true;
}

static bool
look_frame(void *arg, const struct seglog_frame *frame)
{
    struct look *look = arg;

    if (frame->offset + frame->len <= look->safe && frame->count > 0)
        look->durable = frame->first_record + frame->count - 1;
    return true;
}

/* What the scan says; true if it calls the segment whole but for its tail. */
static bool
look_scan(struct history *history, struct crash_process *process,
          struct seglog_scan_summary *summary)
{
    const struct crash_file *file = &history->machine.files[0];
    struct look look = { .history = history };
    const struct seglog_scan_options options = {
        .size = sizeof options,
        .on_finding = look_finding,
        .on_frame = look_frame,
        .arg = &look,
    };

    while (look.safe < file->now.size && look.safe < file->disk.size &&
           file->now.bytes[look.safe] == file->disk.bytes[look.safe])
        look.safe++;
    history->has_passed_over = false;
    assert_ok(seglog_scan(crash_store(process), NAME, &options, summary, NULL));
    /* No mark claims what no completed sync has covered. */
    if (!look.has_lost && summary->watermark >= history->first_record)
        expect(history, summary->watermark <= look.durable);
    if (!history->had_power_cut)
        expect(history, !look.has_lost);
    return !look.has_lost;
}

static void
look_record(struct history *history, const struct seglog_record *record)
{
    const uint32_t id = content_check(history, record);
    struct attempt *attempt = &history->attempts[id];

    expect(history, !attempt->is_seen);
    attempt->is_seen = true;
    expect(history, attempt->promise != GONE);
    expect(history, attempt->promise != PENDING);
    if (attempt->number != 0)
        expect(history, attempt->number == record->record_no);
    attempt->number = record->record_no;
    if (attempt->promise == TRIED)
        attempt->promise = FLUSHED;
}

/* What was promised and is not there; what is not there is gone for good. */
static void
look_settle(struct history *history, bool is_power_cut)
{
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (!attempt->is_seen) {
            expect(history, attempt->promise != SYNCED);
            expect(history, is_power_cut || attempt->promise != FLUSHED);
            if (attempt->promise != PENDING)
                attempt->promise = GONE;
        }
        attempt->is_seen = false;
    }
}

static void
history_look(struct history *history, bool is_power_cut)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct crash_process process = { .machine = &history->machine };
    struct seglog_scan_summary summary;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    uint64_t next = history->first_record;
    bool is_whole = false;
    seglog_code code = SEGLOG_OK;

    if (!history->is_made)
        return;
    is_whole = look_scan(history, &process, &summary);
    history->is_damaged = !is_whole;
    assert_ok(seglog_reader_open(crash_store(&process), NAME, &options, &reader,
                                 NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        expect(history, event.record.record_no == next ||
                            (!is_whole && event.record.record_no > next));
        next = event.record.record_no + 1;
        look_record(history, &event.record);
    }
    expect(history, code == SEGLOG_END);
    seglog_reader_close(reader);
    look_settle(history, is_power_cut);
}

/* A reader that stays open gets each record once, and never meets damage. */
static void
history_read_on(struct history *history)
{
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    if (history->is_damaged || !history->is_made)
        return;
    if (!history->reader) {
        history->reader_process =
            (struct crash_process){ .machine = &history->machine };
        assert_ok(seglog_reader_open(crash_store(&history->reader_process),
                                     NAME, NULL, &history->reader, NULL));
        history->reader_next = history->first_record;
    }
    while ((code = seglog_reader_next(history->reader, &event, NULL)) ==
           SEGLOG_OK) {
        expect(history, event.type == SEGLOG_EVENT_RECORD);
        expect(history, event.record.record_no == history->reader_next++);
        (void)content_check(history, &event.record);
    }
    expect(history, code == SEGLOG_END);
}

static void
history_stop_reading(struct history *history)
{
    seglog_reader_close(history->reader);
    history->reader = NULL;
}

/* -- writers -------------------------------------------------------------- */

/* After any call: what has left the buffer since? */
static void
slot_settle(struct history *history, struct slot *slot)
{
    struct seglog_writer_state state;
    size_t flushed = 0;

    seglog_writer_get_state(slot->writer, &state);
    expect(history, state.buffered <= slot->pending_count);
    flushed = slot->pending_count - (size_t)state.buffered;
    for (size_t i = 0; i < flushed; i++) {
        struct attempt *attempt = &history->attempts[slot->pending[i]];

        attempt->promise = FLUSHED;
        attempt->number = state.next_record - flushed + i;
    }
    memmove(slot->pending, slot->pending + flushed,
            (size_t)state.buffered * sizeof *slot->pending);
    slot->pending_count = (size_t)state.buffered;
}

static void
pending_become(struct history *history, struct slot *slot, enum promise promise)
{
    for (size_t i = 0; i < slot->pending_count; i++)
        history->attempts[slot->pending[i]].promise = promise;
    slot->pending_count = 0;
}

/* A sync promises what the writer has seen; it may know that from before. */
static void
slot_synced(struct history *history, const struct slot *slot)
{
    struct crash_process process = { .machine = &history->machine };
    struct seglog_scan_summary summary;
    struct seglog_writer_state state;

    seglog_writer_get_state(slot->writer, &state);
    /* Somebody else has cut meanwhile: its numbers are those of others now. */
    if (history->had_truncation) {
        assert_ok(seglog_segment_get_summary(crash_store(&process), NAME,
                                             &summary, NULL));
        if (summary.epoch != state.epoch)
            return;
    }
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (attempt->promise == FLUSHED && attempt->number != 0 &&
            attempt->number < state.next_record)
            attempt->promise = SYNCED;
    }
}

static void
slot_abandon(struct history *history, struct slot *slot)
{
    crash_process_die(&slot->process);
    (void)seglog_writer_close(slot->writer, NULL);
    slot->writer = NULL;
    slot->is_held = false;
    pending_become(history, slot, TRIED);
}

static void
slot_close(struct history *history, struct slot *slot)
{
    const seglog_code code = seglog_writer_close(slot->writer, NULL);

    slot->writer = NULL;
    slot->is_held = false;
    pending_become(history, slot, code == SEGLOG_OK ? FLUSHED : TRIED);
    crash_process_die(&slot->process);
}

/* Now and then something is going to happen to this process. */
static void
slot_doom(struct history *history, struct slot *slot)
{
    static const seglog_code codes[] = { SEGLOG_IO, SEGLOG_NO_SPACE,
                                         SEGLOG_NO_MEMORY };
    const unsigned at = slot->process.ops + 1 + (unsigned)chance(history, 8);

    slot->process.fail_code = codes[chance(history, 3)];
    slot->process.fail_at = chance(history, 6) == 0 ? at : 0;
    slot->process.die_at = chance(history, 10) == 0 ? at : 0;
}

static void
slot_open(struct history *history, struct slot *slot)
{
    const bool is_shared = chance(history, 3) != 0;
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = is_shared ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE,
        .identity = (const uint8_t *)&history->identity,
        .is_epoch_given = true,
        .epoch_random = (uint32_t)test_random(&history->seed),
        .first_record = history->first_record,
        .sync_log2 = history->sync_log2,
        .no_xxh3 = history->no_xxh3,
        .codec = history->codec,
        .level = (uint8_t)chance(history, 10),
        .buffer_bytes = chance(history, 2) == 0 ? 300 : 0,
        .drop_torn_tail = chance(history, 4) == 0,
        .append_to_damaged = history->is_damaged && chance(history, 4) != 0,
        .no_closing_mark = chance(history, 3) == 0,
    };
    seglog_code code = SEGLOG_OK;

    slot->process = (struct crash_process){ .machine = &history->machine };
    slot->mode = options.mode;
    slot_doom(history, slot);
    code = seglog_writer_open(crash_store(&slot->process), NAME, &options,
                              &slot->writer, NULL);
    if (code == SEGLOG_CORRUPT) {
        expect(history, history->is_damaged && !options.append_to_damaged);
        history->is_over = chance(history, 3) == 0;
    } else if (code != SEGLOG_OK && code != SEGLOG_LOCKED &&
               code != SEGLOG_FORMAT) {
        /* The beginning of a header can only be cut away. */
        expect(history, slot->process.fail_at != 0 || slot->process.is_dead ||
                            (code == SEGLOG_READ_ONLY && !history->is_made &&
                             history->machine.cannot_cut));
    }
    if (code == SEGLOG_FORMAT) {
        expect(history, history->had_power_cut && !history->is_made);
        history->is_over = true;
    }
    if (code == SEGLOG_OK)
        history->is_made = true;
    else
        crash_process_die(&slot->process);
    /* Alone between damage and a torn tail, a record cannot be told from it. */
    if (history->is_damaged)
        history_look(history, true);
}

static seglog_code
slot_append(struct history *history, struct slot *slot)
{
    static uint8_t bytes[GROUP_MAX][80016];
    struct seglog_item items[GROUP_MAX];
    const size_t count =
        chance(history, 4) == 0 ? 1 + chance(history, GROUP_MAX) : 1;
    const enum seglog_level level = (enum seglog_level)chance(history, 3);
    const uint32_t first = history->attempt_count;
    uint64_t number = 0;
    seglog_code code = SEGLOG_OK;

    if (first + count > RECORDS_MAX ||
        slot->pending_count + count > PENDING_MAX)
        return SEGLOG_OK;
    for (size_t i = 0; i < count; i++) {
        const uint32_t id = history->attempt_count++;

        items[i] = (struct seglog_item){
            .kind = id % 2 == 0 ? SEGLOG_TEXT : SEGLOG_BYTES,
            .data = bytes[i],
            .len = content_make(id, bytes[i]),
        };
        history->attempts[id] = (struct attempt){ .promise = PENDING };
        slot->pending[slot->pending_count++] = id;
    }
    code = seglog_writer_append_group(slot->writer, items, count, level,
                                      &number, NULL);
    if (slot->process.is_dead || code == SEGLOG_POISONED)
        return code;
    if (code != SEGLOG_OK && code != SEGLOG_LOCKED) {
        /* It is said not to be there. */
        for (uint32_t id = first; id < history->attempt_count; id++)
            history->attempts[id].promise = GONE;
        slot->pending_count -= count;
    }
    slot_settle(history, slot);
    if (code == SEGLOG_OK && level != SEGLOG_LEVEL_APPEND)
        expect(history, number == history->attempts[first].number);
    if (code == SEGLOG_OK && level == SEGLOG_LEVEL_SYNC)
        slot_synced(history, slot);
    return code;
}

/* Take the lock or give it back.  Under it everything is known exactly. */
static seglog_code
slot_hold(struct history *history, struct slot *slot)
{
    struct crash_process process = { .machine = &history->machine };
    struct seglog_scan_summary summary;
    struct seglog_writer_state state;
    seglog_code code = SEGLOG_OK;

    if (slot->is_held) {
        slot->is_held = false;
        seglog_writer_release(slot->writer);
        return SEGLOG_OK;
    }
    code = seglog_writer_hold(slot->writer, NULL);
    if (code != SEGLOG_OK)
        return code;
    slot->is_held = true;
    seglog_writer_get_state(slot->writer, &state);
    assert_ok(seglog_scan(crash_store(&process), NAME, NULL, &summary, NULL));
    if (history->is_damaged || summary.verdict != SEGLOG_VERDICT_OK)
        return SEGLOG_OK;
    expect(history, summary.bytes == state.end);
    expect(history, summary.head.next_record == state.head.next_record);
    expect(history, summary.head.epoch == state.head.epoch);
    expect(history, summary.head.checksum == state.head.checksum);
    return SEGLOG_OK;
}

/* What has a number from next_record on becomes something else. */
static void
history_cut(struct history *history, uint64_t next_record, enum promise promise)
{
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (attempt->number >= next_record && attempt->promise != PENDING &&
            attempt->promise != GONE)
            attempt->promise = promise;
    }
}

static seglog_code
slot_truncate(struct history *history, struct slot *slot)
{
    struct seglog_writer_state state;
    struct seglog_error err = { 0 };
    uint64_t known = 0;
    uint64_t next = 0;
    seglog_code code = SEGLOG_OK;

    if (slot->pending_count > 0 || history->is_damaged)
        return SEGLOG_OK;
    history_look(history, false);
    history_stop_reading(history);
    seglog_writer_get_state(slot->writer, &state);
    known = state.next_record;
    next = history->first_record +
           chance(history, known - history->first_record + 1);
    if (known - next > 20 && chance(history, 4) != 0)
        next = known - 20 + chance(history, 20);
    history->had_truncation = true;
    code = seglog_writer_truncate(slot->writer, next, &err);
    seglog_writer_get_state(slot->writer, &state);
    if (slot->process.is_dead || code == SEGLOG_POISONED) {
        history->has_unsure_cut = true;
        history_cut(history, next, TRIED);
    } else if (code == SEGLOG_OK) {
        expect(history, state.next_record == next);
        history_cut(history, next, GONE);
    } else if (code == SEGLOG_INVALID) {
        expect(history, err.actual < next);
    } else if (code == SEGLOG_IO || code == SEGLOG_NO_SPACE ||
               code == SEGLOG_NO_MEMORY) {
        struct crash_process process = { .machine = &history->machine };
        struct seglog_scan_summary summary;

        /* All or nothing: the sync point may be what failed. */
        assert_ok(seglog_segment_get_summary(crash_store(&process), NAME,
                                             &summary, NULL));
        if (summary.next_record == next)
            history_cut(history, next, GONE);
    } else if (code == SEGLOG_READ_ONLY) {
        expect(history, history->machine.cannot_cut);
    } else if (code == SEGLOG_CORRUPT) {
        /* The way to the record leads over them. */
        expect(history, history->has_passed_over);
    } else {
        expect(history, code == SEGLOG_LOCKED || code == SEGLOG_SEALED);
    }
    return code;
}

static void
slot_act(struct history *history, struct slot *slot)
{
    seglog_code code = SEGLOG_OK;

    slot_doom(history, slot);
    switch (chance(history, 18)) {
    case 0:
        code = seglog_writer_flush(slot->writer, NULL);
        break;
    case 1:
        code = seglog_writer_sync(slot->writer, NULL);
        if (code == SEGLOG_OK) {
            slot_settle(history, slot);
            slot_synced(history, slot);
        }
        break;
    case 2:
        slot_close(history, slot);
        return;
    case 3:
        slot_abandon(history, slot);
        return;
    case 4:
        code = slot_truncate(history, slot);
        break;
    case 5:
        code = slot_hold(history, slot);
        break;
    default:
        code = slot_append(history, slot);
        break;
    }
    if (slot->process.is_dead || code == SEGLOG_POISONED)
        slot_abandon(history, slot);
    else if (code == SEGLOG_SEALED)
        slot_close(history, slot);
    else
        slot_settle(history, slot);
}

/* -- histories ------------------------------------------------------------ */

static void
history_cut_power(struct history *history)
{
    static const unsigned lost[] = { 0, 5, 30, 70, 100 };

    history_stop_reading(history);
    for (unsigned i = 0; i < WRITERS; i++) {
        if (history->slots[i].writer)
            slot_abandon(history, &history->slots[i]);
    }
    crash_power_cut(&history->machine, lost[chance(history, 5)]);
    history->had_power_cut = true;
    history_look(history, true);
}

static void
history_step(struct history *history)
{
    struct slot *slot = &history->slots[chance(history, WRITERS)];
    const uint64_t what = chance(history, 64);

    if (what == 0)
        history_cut_power(history);
    else if (what < 4)
        history_look(history, false);
    else if (what < 12)
        history_read_on(history);
    else if (slot->writer)
        slot_act(history, slot);
    else
        slot_open(history, slot);
}

static void
history_run(uint64_t seed)
{
    static const uint64_t firsts[] = { 1, 1, 1, 1000, UINT32_MAX - 50 };
    struct history *history = calloc(1, sizeof *history);

    assert_non_null(history);
    history->seed = history->round_seed = seed;
    history->machine.seed = seed + 1;
    test_fill(history->identity, sizeof history->identity, seed);
    history->machine.cannot_cut = chance(history, 8) == 0;
    history->machine.has_no_hint = chance(history, 4) == 0;
    history->first_record = firsts[chance(history, COUNT_OF(firsts))];
    history->sync_log2 = (uint8_t)(9 + chance(history, 5));
    history->no_xxh3 = chance(history, 8) == 0;
    history->codec = (enum seglog_codec)chance(history, 4);
    if (history->codec == SEGLOG_CODEC_ZSTD && !slg_zrun_is_there())
        history->codec = SEGLOG_CODEC_AUTO;
    for (unsigned i = 0; i < 400 && !history->is_over; i++)
        history_step(history);
    history_cut_power(history);
    crash_machine_free(&history->machine);
    free(history);
}

static uint64_t
number_from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void
histories__of_deaths_and_power_cuts__keep_what_was_promised(void **state)
{
    const uint64_t seed = number_from_environment("SEGLOG_CRASH_SEED", 1);
    const uint64_t rounds = number_from_environment("SEGLOG_CRASH_ROUNDS", 200);

    (void)state;
    for (uint64_t i = 0; i < rounds; i++)
        history_run(seed + i);
}

/* -- single cases --------------------------------------------------------- */

static const struct seglog_writer_options small_options = {
    .size = sizeof small_options,
    .sync_log2 = 9,
};

static void
append_some(struct seglog_writer *writer, unsigned count)
{
    char text[100];

    memset(text, 'r', sizeof text);
    for (unsigned i = 0; i < count; i++)
        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, text, sizeof text,
                                       SEGLOG_LEVEL_FLUSH, NULL, NULL));
}

/*
 * Records 1 to 5 are synced, 6 to 40 are not.  The power fails, and of these a
 * sector is lost that sync points and whole stretches follow.
 */
static void
machine_with_a_hole(struct crash_machine *machine)
{
    struct crash_process process = { .machine = machine };
    struct seglog_writer *writer = NULL;
    struct crash_file *file = &machine->files[0];

    *machine = (struct crash_machine){ .seed = 1 };
    assert_ok(seglog_writer_open(crash_store(&process), NAME, &small_options,
                                 &writer, NULL));
    append_some(writer, 5);
    assert_ok(seglog_writer_sync(writer, NULL));
    append_some(writer, 35);
    crash_process_die(&process);
    (void)seglog_writer_close(writer, NULL);
    crash_power_cut(machine, 0);
    assert_true(file->now.size > 4096);
    memset(file->now.bytes + 1024, 0, 1024);
}

static void
note_durable(void *arg, const struct seglog_finding *finding)
{
    bool *is_durable = arg;

    if (finding->verdict != SEGLOG_VERDICT_TORN)
        assert_int_equal(finding->verdict, SEGLOG_VERDICT_UNORDERED);
    *is_durable = *is_durable || finding->durable != SEGLOG_DURABLE_NO;
}

/* What was lost was never synced, and nobody says so. */
static void
expect_nothing_claimed(struct crash_machine *machine)
{
    struct crash_process process = { .machine = machine };
    bool is_durable = false;
    struct seglog_scan_summary summary;
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = note_durable,
                                                 .arg = &is_durable };

    assert_ok(
        seglog_scan(crash_store(&process), NAME, &options, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_UNORDERED);
    assert_true(summary.lost > 0);
    assert_false(summary.is_closed);
    assert_in_range(summary.watermark, 1, 5);
    assert_false(is_durable);
}

static void
hole__before_the_last_mark__is_met_by_who_opens_it_first(void **state)
{
    struct crash_machine machine;
    struct crash_process process = { .machine = &machine };
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    (void)state;
    machine_with_a_hole(&machine);
    assert_code(seglog_writer_open(crash_store(&process), NAME, &small_options,
                                   &writer, &err),
                SEGLOG_CORRUPT);
    assert_in_range(err.record_no, 6, 40);
    crash_machine_free(&machine);
}

static void
hole__gone_on_behind__is_never_said_to_have_been_durable(void **state)
{
    struct seglog_writer_options options = small_options;
    struct crash_machine machine;

    (void)state;
    machine_with_a_hole(&machine);
    for (unsigned round = 0; round < 4; round++) {
        struct crash_process process = { .machine = &machine };
        struct seglog_writer *writer = NULL;
        struct seglog_error err = { 0 };

        /* Passed once, the damage is no longer in the way. */
        options.append_to_damaged = round == 0;
        options.mode =
            round == 1 ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE;
        assert_code_err(seglog_writer_open(crash_store(&process), NAME,
                                           &options, &writer, &err),
                        SEGLOG_OK, &err);
        append_some(writer, 3);
        assert_ok(seglog_writer_sync(writer, NULL));
        append_some(writer, 20);
        assert_ok(seglog_writer_close(writer, NULL));
        expect_nothing_claimed(&machine);
        /* Who comes next may know it from a hint, or may not. */
        if (round % 2 != 0)
            memset(machine.files[0].hint, 0, sizeof machine.files[0].hint);
    }
    crash_machine_free(&machine);
}

static void
header__torn_where_records_were_known__is_corrupt(void **state)
{
    struct crash_machine machine = { .seed = 1 };
    struct crash_process process = { .machine = &machine };
    struct seglog_writer_options options = small_options;
    struct seglog_writer *writer = NULL;

    (void)state;
    assert_ok(seglog_writer_open(crash_store(&process), NAME, &options, &writer,
                                 NULL));
    append_some(writer, 5);
    assert_ok(seglog_writer_close(writer, NULL));
    machine.files[0].now.size = 20;
    options.expect = 5;
    assert_code(seglog_writer_open(crash_store(&process), NAME, &options,
                                   &writer, NULL),
                SEGLOG_CORRUPT);
    assert_int_equal(machine.files[0].now.size, 20);
    options.expect = 0;
    assert_ok(seglog_writer_open(crash_store(&process), NAME, &options, &writer,
                                 NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    crash_machine_free(&machine);
}

static void
open__any_operation_fails__says_why(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 4; at++) {
        struct crash_machine machine = { .seed = 1 };
        struct crash_process process = { .machine = &machine,
                                         .fail_at = at,
                                         .fail_code = SEGLOG_NO_MEMORY };
        struct seglog_writer *writer = NULL;
        struct seglog_error err = { 0 };

        assert_code(seglog_writer_open(crash_store(&process), NAME,
                                       &small_options, &writer, &err),
                    SEGLOG_NO_MEMORY);
        assert_int_equal(err.code, SEGLOG_NO_MEMORY);
        assert_false(machine.files[0].is_there);
        crash_machine_free(&machine);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            hole__before_the_last_mark__is_met_by_who_opens_it_first),
        cmocka_unit_test(
            hole__gone_on_behind__is_never_said_to_have_been_durable),
        cmocka_unit_test(header__torn_where_records_were_known__is_corrupt),
        cmocka_unit_test(open__any_operation_fails__says_why),
        cmocka_unit_test(
            histories__of_deaths_and_power_cuts__keep_what_was_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
