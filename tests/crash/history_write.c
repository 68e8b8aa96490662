/* SPDX-License-Identifier: MIT */
/* tests/crash/history_write.c - what writers do, and what they promise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/history.h"

/* Some can be compressed and some cannot. */
static void
content_make(struct history *history, struct attempt *attempt, uint32_t id,
             size_t len)
{
    uint64_t seed = id;

    attempt->bytes = malloc(len);
    expect(history, attempt->bytes != NULL);
    attempt->len = (uint32_t)len;
    memset(attempt->bytes, 'a' + (int)(id % 26), len);
    for (size_t i = 0; id % 3 == 0 && i < len; i++)
        attempt->bytes[i] = (uint8_t)('a' + crash_random(&seed) % 26);
    for (size_t i = 0; id % 6 == 1 && i < len; i++)
        attempt->bytes[i] = (uint8_t)crash_random(&seed);
    for (unsigned i = 0; i < 8; i++)
        attempt->bytes[i] =
            (uint8_t) "0123456789abcdef"[id >> (28 - 4 * i) & 15];
    attempt->bytes[8] = ' ';
}

static size_t
content_len(struct history *history)
{
    const uint64_t kind = chance(history, history->is_small ? 60 : 64);

    if (kind == 63)
        return 60000 + (size_t)chance(history, 20000);
    if (kind >= 50)
        return 9 + (size_t)chance(history, 2000);
    return 9 + (size_t)chance(history, 120);
}

const char history_attributes[401] =
    "What the user of a segment wants to know of it.  0123456789";

/* What the next append of this slot puts; its number among the attempts. */
static uint32_t
attempt_add(struct history *history, struct slot *slot, size_t len)
{
    const uint32_t id = history->attempt_count++;

    history->attempts[id] = (struct attempt){ .promise = PENDING };
    content_make(history, &history->attempts[id], id, len);
    slot->pending[slot->pending_count++] = id;
    return id;
}

static bool
has_room(const struct history *history, const struct slot *slot, size_t count)
{
    return history->attempt_count + count <= RECORDS_MAX &&
           slot->pending_count + count <= PENDING_MAX;
}

/* -- after a call ---------------------------------------------------------- */

void
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
        history->attempts[slot->pending[i]].promise = (uint8_t)promise;
    slot->pending_count = 0;
}

static struct seglog_scan_summary
summary_now(struct history *history)
{
    struct view view;
    struct seglog_scan_summary summary;

    view_open(history, &view);
    expect_ok(history, seglog_segment_get_summary(view.store, history->name,
                                                  &summary, NULL));
    view_close(&view);
    return summary;
}

/* A sync promises what the writer has seen; it may know that from before. */
static void
slot_synced(struct history *history, const struct slot *slot)
{
    struct seglog_writer_state state;

    if (history->has_lying_disk)
        return;
    seglog_writer_get_state(slot->writer, &state);
    /* Somebody else has cut meanwhile: its numbers are those of others now.
     * One who did not finish that, and could not leave word of it, may have
     * left the epoch as it was. */
    if (history->had_truncation &&
        (summary_now(history).epoch != state.epoch ||
         (history->has_unsure_cut && history->options.has_no_hint)))
        return;
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (attempt->promise == FLUSHED && attempt->number != 0 &&
            attempt->number < state.next_record)
            attempt->promise = SYNCED;
    }
}

static void
slot_forget(struct slot *slot)
{
    slot->writer = NULL;
    slot->is_held = false;
    if (slot->is_encrypted)
        seglog_store_close(&slot->store);
    slot->is_encrypted = false;
    seglog_faults_free(slot->faults);
    slot->faults = NULL;
}

void
slot_abandon(struct history *history, struct slot *slot)
{
    seglog_disk_kill(&slot->process);
    (void)seglog_writer_close(slot->writer, NULL);
    slot_forget(slot);
    pending_become(history, slot, TRIED);
}

void
slot_close(struct history *history, struct slot *slot)
{
    const seglog_code code = seglog_writer_close(slot->writer, NULL);

    history_say(history, "close: %s", seglog_code_name(code));
    slot_forget(slot);
    pending_become(history, slot, code == SEGLOG_OK ? FLUSHED : TRIED);
    seglog_disk_kill(&slot->process);
}

/* -- opening --------------------------------------------------------------- */

void
slot_doom(struct history *history, struct slot *slot)
{
    static const seglog_code codes[] = { SEGLOG_IO, SEGLOG_NO_SPACE,
                                         SEGLOG_NO_MEMORY };
    const uint64_t at = 1 + chance(history, 8);
    const seglog_code code = codes[chance(history, 3)];

    seglog_faults_clear(slot->faults);
    slot->has_fault = chance(history, 6) == 0;
    if (slot->has_fault) {
        const bool is_partly = chance(history, 4) == 0;
        const struct seglog_fault fault = {
            .at = at,
            .code = is_partly ? SEGLOG_OK : code,
            .way = is_partly ? SEGLOG_FAULT_PARTLY : SEGLOG_FAULT_BEFORE,
            .part = is_partly ? (size_t)chance(history, 200) : 0,
        };

        (void)seglog_faults_add(slot->faults, &fault);
    }
    slot->process.die_at =
        chance(history, 10) == 0 ? slot->process.steps + at : 0;
}

/* Between any two steps others take theirs, unless numbers change hands. */
static void
others_meanwhile(struct history *history, struct slot *slot, uint64_t seed)
{
    const uint64_t own_seed = history->seed;

    if (history->cutting_to != 0 || history->is_crowded)
        return;
    history->is_crowded = true;
    slot->is_acting = true;
    history->seed = seed;
    others_append(history);
    history->seed = own_seed;
    slot->is_acting = false;
    history->is_crowded = false;
}

/* What happens just then; the seed of a cut. */
static bool
draw_meanwhile(struct history *history, uint64_t *seed, bool *is_others_turn)
{
    struct tape *cuts = &history->watch->cuts;

    if (!history->watch->has_tapes) {
        *is_others_turn = crash_random(seed) % 32 == 0;
        return crash_random(seed) % history->images_every == 0;
    }
    if (cuts->left == 0)
        return false;
    *seed = *cuts->at++;
    cuts->left--;
    *is_others_turn = *seed % 16 == 1;
    return *seed % 4 == 0;
}

/* Before a step of the store that matters, the power may fail. */
static void
slot_meanwhile(void *arg, enum seglog_disk_step step)
{
    struct slot *slot = arg;
    struct history *history = slot->history;
    struct seglog_disk_cut cut = { 0 };
    uint64_t seed = history->seed ^ slot->process.steps * UINT64_C(0x9E3779B1);
    bool is_others_turn = false;
    bool is_cut = false;

    if (history->images_every == 0)
        return;
    is_cut = draw_meanwhile(history, &seed, &is_others_turn);
    if (is_others_turn)
        others_meanwhile(history, slot, seed);
    if (step < SEGLOG_DISK_WRITE || !is_cut)
        return;
    cut = cut_draw(&seed);
    history_check_image(history, slot, &cut, 1 + crash_random(&seed) % 4);
}

/* The highest number that is sure to be there. */
static uint64_t
synced_max(const struct history *history)
{
    uint64_t max = 0;

    for (uint32_t id = 0; id < history->attempt_count; id++) {
        const struct attempt *attempt = &history->attempts[id];

        if (attempt->promise == SYNCED && attempt->number > max)
            max = attempt->number;
    }
    return max;
}

static struct seglog_writer_options
draw_options(struct history *history)
{
    const bool is_shared = chance(history, 3) != 0;

    return (struct seglog_writer_options){
        .size = sizeof(struct seglog_writer_options),
        .mode = is_shared ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE,
        .identity = (const uint8_t *)&history->identity,
        .is_epoch_given = true,
        .epoch_random = (uint32_t)crash_random(&history->seed),
        .lock_timeout_ms = 1,
        .first_record = history->first_record,
        .sync_log2 = history->sync_log2,
        .no_xxh3 = history->no_xxh3,
        .codec = history->codec,
        .chain = history->chain,
        .level = (uint8_t)chance(history, 10),
        .buffer_bytes = chance(history, 2) == 0 ? 300 : 0,
        .drop_torn_tail = chance(history, 4) == 0,
        .append_to_damaged = history->is_damaged && chance(history, 4) != 0,
        .no_closing_mark = chance(history, 3) == 0,
        .body_log2 = history->body_log2,
        .attributes = history_attributes,
        .attributes_len = history->attributes_len,
        .dictionary =
            history->codec != SEGLOG_CODEC_NONE && history->dictionary[0] != 0
                ? history->dictionary
                : NULL,
        /* All up to it: not so where a hole is in front of it. */
        .expect = chance(history, 4) == 0 && !history->was_lied_to &&
                          !history->is_damaged
                      ? synced_max(history)
                      : 0,
    };
}

void
slot_start(struct history *history, struct slot *slot)
{
    slot->history = history;
    slot->faults =
        seglog_faults_new(seglog_disk_start(history->disk, &slot->process));
    expect(history, slot->faults != NULL);
    slot->store = seglog_faults_store(slot->faults);
    slot->is_encrypted = history->is_encrypted;
    if (slot->is_encrypted)
        store_encrypt(history, slot->store, &slot->store);
    slot->process.never_waits = true;
    slot->process.meanwhile = slot_meanwhile;
    slot->process.arg = slot;
    slot->has_fault = false;
}

void
slot_end(struct slot *slot)
{
    seglog_disk_kill(&slot->process);
    slot_forget(slot);
}

/* Whether a writer may be refused like that. */
static void
check_refusal(struct history *history, const struct slot *slot,
              const struct seglog_writer_options *options, seglog_code code)
{
    if (!history->is_made &&
        (code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT)) {
        /* The power failed while it was created: nothing was promised. */
        expect(history, history->had_power_cut);
        history->is_over = true;
    } else if (code == SEGLOG_CORRUPT) {
        if (!history->is_damaged)
            history_look(history, false);
        /* Of a chain the head of the end has to be known as well. */
        expect(history,
               (history->is_damaged || history->was_lied_to) &&
                   (!options->append_to_damaged || history->chain != 0));
        history->is_over = chance(history, 3) == 0;
    } else if (code == SEGLOG_SEALED) {
        struct view view;

        view_open(history, &view);
        seal_notice(history, view.store, false);
        view_close(&view);
        hold(history, SEAL, history->is_sealed);
    } else if (code != SEGLOG_LOCKED) {
        /* The beginning of a header can only be cut away. */
        expect(history, slot->has_fault || slot->process.is_dead ||
                            (code == SEGLOG_READ_ONLY && !history->is_made &&
                             history->options.cannot_cut));
    }
}

void
slot_open(struct history *history, struct slot *slot)
{
    const struct seglog_writer_options options = draw_options(history);
    seglog_code code = SEGLOG_OK;

    slot_start(history, slot);
    slot->mode = options.mode;
    slot_doom(history, slot);
    code = seglog_writer_open(slot->store, history->name, &options,
                              &slot->writer, NULL);
    history_say(history, "open %s%s: %s",
                options.mode == SEGLOG_WRITER_SHARED ? "shared" : "exclusive",
                options.append_to_damaged ? " to damaged" : "",
                seglog_code_name(code));
    if (code == SEGLOG_OK) {
        history->is_made = true;
        history->opened++;
    } else {
        check_refusal(history, slot, &options, code);
        slot_end(slot);
    }
    if (history->is_damaged)
        history_look(history, true);
}

void
slot_open_plain(struct history *history, struct slot *slot,
                void (*meanwhile)(void *arg, enum seglog_disk_step step),
                void *arg)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .identity = (const uint8_t *)&history->identity,
        .is_epoch_given = true,
        .epoch_random = (uint32_t)crash_random(&history->seed),
        .first_record = history->first_record,
        .sync_log2 = history->sync_log2,
        .no_xxh3 = history->no_xxh3,
        .append_to_damaged = history->is_damaged,
    };
    seglog_code code = SEGLOG_OK;

    slot_start(history, slot);
    slot->process.meanwhile = meanwhile;
    slot->process.arg = arg;
    slot->mode = options.mode;
    code = seglog_writer_open(slot->store, history->name, &options,
                              &slot->writer, NULL);
    history_say(history, "open: %s", seglog_code_name(code));
    if (code == SEGLOG_OK) {
        history->is_made = true;
        history->opened++;
        return;
    }
    check_refusal(history, slot, &options, code);
    history->is_over = true;
    slot_end(slot);
}

/* -- appending ------------------------------------------------------------- */

/* Records from first on were appended with one call that returned code. */
static void
appended(struct history *history, struct slot *slot, uint32_t first,
         size_t count, enum seglog_level level, uint64_t number,
         seglog_code code)
{
    history_say(history, "append %u..%u of %u bytes at %s: %s, number %llu",
                first, (unsigned)(first + count - 1),
                history->attempts[first].len,
                level == SEGLOG_LEVEL_SYNC    ? "sync"
                : level == SEGLOG_LEVEL_FLUSH ? "flush"
                                              : "append",
                seglog_code_name(code), (unsigned long long)number);
    if (slot->process.is_dead || code == SEGLOG_POISONED)
        return;
    if (code != SEGLOG_OK && code != SEGLOG_LOCKED) {
        /* It is said not to be there. */
        expect(history, code == SEGLOG_SEALED || code == SEGLOG_TOO_LARGE ||
                            code == SEGLOG_CORRUPT || slot->has_fault ||
                            (code == SEGLOG_CONFLICT && history->was_reverted));
        for (size_t i = 0; i < count; i++)
            history->attempts[first + i].promise = GONE;
        slot->pending_count -= count;
    }
    slot_settle(history, slot);
    if (code == SEGLOG_OK && level != SEGLOG_LEVEL_APPEND)
        hold(history, I8, number == history->attempts[first].number);
    if (code == SEGLOG_OK && level == SEGLOG_LEVEL_SYNC)
        slot_synced(history, slot);
}

seglog_code
slot_append_one(struct history *history, struct slot *slot, size_t len,
                enum seglog_level level)
{
    uint64_t number = 0;
    uint32_t id = 0;
    seglog_code code = SEGLOG_OK;

    if (!has_room(history, slot, 1))
        return SEGLOG_OK;
    id = attempt_add(history, slot, len);
    code = seglog_writer_append(slot->writer, SEGLOG_BYTES,
                                history->attempts[id].bytes, len, level,
                                &number, NULL);
    appended(history, slot, id, 1, level, number, code);
    return code;
}

seglog_code
slot_append(struct history *history, struct slot *slot)
{
    struct seglog_item items[GROUP_MAX];
    const size_t count =
        chance(history, 4) == 0 ? 1 + chance(history, GROUP_MAX) : 1;
    const enum seglog_level level = (enum seglog_level)chance(history, 3);
    const uint32_t first = history->attempt_count;
    uint64_t number = 0;
    seglog_code code = SEGLOG_OK;

    if (!has_room(history, slot, count))
        return SEGLOG_OK;
    for (size_t i = 0; i < count; i++) {
        const uint32_t id = attempt_add(history, slot, content_len(history));
        const struct attempt *attempt = &history->attempts[id];
        const bool is_text = memchr(attempt->bytes, '\n', attempt->len) == NULL;

        items[i] = (struct seglog_item){
            .kind = id % 2 == 0 && is_text ? SEGLOG_TEXT : SEGLOG_BYTES,
            .data = attempt->bytes,
            .len = attempt->len,
        };
    }
    code = seglog_writer_append_group(slot->writer, items, count, level,
                                      &number, NULL);
    appended(history, slot, first, count, level, number, code);
    return code;
}

seglog_code
slot_sync(struct history *history, struct slot *slot)
{
    const seglog_code code = seglog_writer_sync(slot->writer, NULL);

    history_say(history, "sync: %s", seglog_code_name(code));
    if (code == SEGLOG_OK) {
        slot_settle(history, slot);
        slot_synced(history, slot);
    }
    return code;
}

/* What was written and not synced is gone, or part of it. */
static void
flushed_reverted(struct history *history)
{
    history->was_reverted = true;
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (attempt->promise == FLUSHED)
            attempt->promise = TRIED;
    }
}

/* The device does not take what it is to sync, and lies about it later. */
static seglog_code
slot_sync_failing(struct history *history, struct slot *slot)
{
    static const enum seglog_disk_sync_failure ways[] = {
        SEGLOG_DISK_KEPT_DIRTY, SEGLOG_DISK_KEPT_DIRTY, SEGLOG_DISK_LOST_CLEAN,
        SEGLOG_DISK_LOST_CLEAN, SEGLOG_DISK_LOST_REVERTED
    };
    static const char *const names[] = { "kept", "lost", "reverted" };
    const enum seglog_disk_sync_failure how = ways[chance(history, 5)];
    const bool is_lost = how != SEGLOG_DISK_KEPT_DIRTY;
    seglog_code code = SEGLOG_OK;

    seglog_disk_fail_sync(history->disk, history->name, 1, how,
                          (unsigned)(50 * chance(history, 3)));
    history->images_every = 0;
    code = seglog_writer_sync(slot->writer, NULL);
    seglog_disk_fail_sync(history->disk, NULL, 0, SEGLOG_DISK_KEPT_DIRTY, 0);
    history_say(history, "failing sync, %s: %s", names[how],
                seglog_code_name(code));
    if (code == SEGLOG_OK)
        return slot_sync(history, slot); /* there was nothing to sync */
    if (how == SEGLOG_DISK_LOST_REVERTED)
        flushed_reverted(history);
    history->has_lying_disk = history->has_lying_disk || is_lost;
    history->was_lied_to = history->was_lied_to || is_lost;
    history->has_unsure_cut = history->has_unsure_cut || is_lost;
    if (slot->process.is_dead || slot->has_fault || code == SEGLOG_LOCKED ||
        code == SEGLOG_SEALED || code == SEGLOG_CORRUPT)
        return code;
    hold(history, I13,
         seglog_writer_sync(slot->writer, NULL) == SEGLOG_POISONED);
    hold(history, I13,
         seglog_writer_append(slot->writer, SEGLOG_BYTES, "x", 1,
                              SEGLOG_LEVEL_SYNC, NULL,
                              NULL) == SEGLOG_POISONED);
    return SEGLOG_POISONED;
}

/* Take the lock or give it back.  Under it everything is known exactly. */
static seglog_code
slot_hold(struct history *history, struct slot *slot)
{
    struct view view;
    struct seglog_scan_summary summary;
    struct seglog_writer_state state;
    seglog_code code = SEGLOG_OK;

    if (slot->is_held) {
        slot->is_held = false;
        seglog_writer_release(slot->writer);
        return SEGLOG_OK;
    }
    code = seglog_writer_hold(slot->writer, NULL);
    history_say(history, "hold: %s", seglog_code_name(code));
    if (code != SEGLOG_OK)
        return code;
    slot->is_held = true;
    seglog_writer_get_state(slot->writer, &state);
    view_open(history, &view);
    expect_ok(history,
              seglog_scan(view.store, history->name, NULL, &summary, NULL));
    view_close(&view);
    if (history->is_damaged || summary.verdict != SEGLOG_VERDICT_OK)
        return SEGLOG_OK;
    hold(history, I8, summary.bytes == state.end);
    hold(history, I8, summary.head.next_record == state.head.next_record);
    expect(history, summary.head.epoch == state.head.epoch);
    expect(history, summary.head.checksum == state.head.checksum);
    return SEGLOG_OK;
}

/* -- gaps ------------------------------------------------------------------ */

/* Some records were lost elsewhere: their numbers are used up. */
static seglog_code
slot_append_gap(struct history *history, struct slot *slot)
{
    const uint32_t count = 1 + (uint32_t)chance(history, 5);
    struct seglog_writer_state state;
    struct seglog_finding gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                  .cause = SEGLOG_CAUSE_CHECKSUM,
                                  .lines = count };
    uint32_t id = 0;
    seglog_code code = SEGLOG_OK;

    if (slot->mode == SEGLOG_WRITER_SHARED || slot->pending_count > 0 ||
        !has_room(history, slot, 1))
        return SEGLOG_OK;
    seglog_writer_get_state(slot->writer, &state);
    id = history->attempt_count++;
    history->attempts[id] = (struct attempt){ .promise = TRIED,
                                              .number = state.next_record,
                                              .gap = count };
    gap.first_record = state.next_record;
    gap.last_record = state.next_record + count - 1;
    code = seglog_writer_append_gap(slot->writer, &gap, NULL);
    if (code == SEGLOG_OK)
        code = seglog_writer_flush(slot->writer, NULL);
    history_say(history, "gap %u: %s", id, seglog_code_name(code));
    if (code == SEGLOG_OK)
        history->attempts[id].promise = FLUSHED;
    /* A gap that could not be flushed is in the way of all that follows. */
    return code == SEGLOG_OK ? code : SEGLOG_POISONED;
}

/* -- cutting --------------------------------------------------------------- */

/* What has a number from next_record on becomes something else. */
static void
numbers_become(struct history *history, uint64_t next_record,
               enum promise promise)
{
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (attempt->number >= next_record && attempt->promise != PENDING &&
            attempt->promise != GONE)
            attempt->promise = (uint8_t)promise;
    }
}

seglog_code
slot_truncate_to(struct history *history, struct slot *slot, uint64_t next)
{
    struct seglog_writer_state state;
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    history->had_truncation = true;
    history->cuts_made++;
    history->cutting_to = next;
    code = seglog_writer_truncate(slot->writer, next, &err);
    history->cutting_to = 0;
    history_say(history, "truncate to %llu: %s", (unsigned long long)next,
                seglog_code_name(code));
    seglog_writer_get_state(slot->writer, &state);
    if (slot->process.is_dead || code == SEGLOG_POISONED) {
        history->has_unsure_cut = true;
        numbers_become(history, next, TRIED);
    } else if (code == SEGLOG_OK) {
        expect(history, state.next_record == next);
        numbers_become(history, next, GONE);
    } else if (code == SEGLOG_INVALID) {
        expect(history, err.actual < next);
    } else if (code == SEGLOG_IO || code == SEGLOG_NO_SPACE ||
               code == SEGLOG_NO_MEMORY) {
        /* All or nothing: the sync point may be what failed. */
        if (summary_now(history).next_record == next)
            numbers_become(history, next, GONE);
    } else if (code == SEGLOG_READ_ONLY) {
        expect(history, history->options.cannot_cut);
    } else if (code == SEGLOG_CORRUPT) {
        /* The way to the record leads over them.  And of a cut that was not
         * finished nobody knows who expects what was there. */
        expect(history, history->has_passed_over || history->is_damaged ||
                            history->was_lied_to || history->has_unsure_cut);
    } else {
        expect(history, code == SEGLOG_LOCKED || code == SEGLOG_SEALED);
    }
    return code;
}

static seglog_code
slot_truncate(struct history *history, struct slot *slot)
{
    struct seglog_writer_state state;
    uint64_t known = 0;
    uint64_t next = 0;

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
    return slot_truncate_to(history, slot, next);
}

/* Somebody else goes on meanwhile. */
void
others_append(struct history *history)
{
    struct slot *slot = &history->slots[chance(history, WRITERS)];
    seglog_code code = SEGLOG_OK;

    if (!slot->writer || slot->is_held || slot->is_acting ||
        slot->process.is_dead)
        return;
    seglog_faults_clear(slot->faults);
    slot->has_fault = false;
    slot->process.die_at = 0;
    code = chance(history, 4) == 0 ? slot_sync(history, slot)
                                   : slot_append(history, slot);
    if (code == SEGLOG_POISONED)
        slot_abandon(history, slot);
    else if (code == SEGLOG_SEALED)
        slot_close(history, slot);
    else
        slot_settle(history, slot);
}

void
slot_act(struct history *history, struct slot *slot)
{
    const unsigned images_every = history->images_every;
    seglog_code code = SEGLOG_OK;

    slot_doom(history, slot);
    switch (chance(history, 20)) {
    case 0:
        code = seglog_writer_flush(slot->writer, NULL);
        history_say(history, "flush: %s", seglog_code_name(code));
        break;
    case 1:
    case 2:
        code = slot_sync(history, slot);
        break;
    case 3:
        slot_close(history, slot);
        return;
    case 4:
        history_say(history, "killed");
        slot_abandon(history, slot);
        return;
    case 5:
        code = slot_truncate(history, slot);
        break;
    case 6:
        code = slot_hold(history, slot);
        break;
    case 7:
        code = slot_sync_failing(history, slot);
        history->images_every = images_every;
        break;
    case 8:
        code = slot_append_gap(history, slot);
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
