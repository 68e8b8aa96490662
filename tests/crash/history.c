/* SPDX-License-Identifier: MIT */
/* tests/crash/history.c - histories: their steps, their power cuts. */
#include "tests/crash/history.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/codec/zrun.h"
#include "src/segment/segment_chain.h"
#include "src/crypt/primitives.h"

const char *const invariant_names[INVARIANTS] = {
    [I1] = "I1",         [I2] = "I2",       [I3] = "I3",
    [I4] = "I4",         [I5] = "I5",       [I6] = "I6",
    [I8] = "I8",         [I9] = "I9",       [I12] = "I12",
    [I13] = "I13",       [SEAL] = "seal",   [VERDICT] = "verdict",
    [REPAIR] = "repair", [CHAIN] = "chain",
};

static uint64_t
tape_next(struct tape *tape, uint64_t limit)
{
    uint64_t value = 0;

    for (uint64_t reach = 1; reach < limit && tape->left > 0; reach <<= 8) {
        value = value << 8 | *tape->at++;
        tape->left--;
        if (reach > UINT64_MAX >> 8)
            break;
    }
    return value % limit;
}

uint64_t
chance(struct history *history, uint64_t limit)
{
    struct watch *watch = history->watch;

    if (watch->has_tapes)
        return tape_next(history->depth == 0 ? &watch->program : &watch->cuts,
                         limit);
    return crash_random(&history->seed) % limit;
}

void
history_say(const struct history *history, const char *format, ...)
{
    va_list args;

    if (!history->watch->crash.is_talking)
        return;
    (void)printf("    %*s", (int)(2 * history->depth), "");
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n");
}

/* The log as it is, for other tools, where SEGLOG_CRASH_DUMP names a file. */
static void
log_dump(struct history *history)
{
    const char *path = getenv("SEGLOG_CRASH_DUMP");
    struct seglog_disk_process process;
    struct seglog_blob blob = { 0 };
    FILE *file = path ? fopen(path, "wb") : NULL;
    uint64_t size = 0;

    if (file &&
        seglog_blob_open(seglog_disk_start(history->disk, &process),
                         history->name, SEGLOG_OPEN_READ, &blob,
                         NULL) == SEGLOG_OK &&
        seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK) {
        for (uint64_t at = 0; at < size; at++) {
            uint8_t byte = 0;

            (void)!seglog_blob_read_at(blob, at, &byte, 1, NULL);
            (void)fputc(byte, file);
        }
    }
    (void)seglog_blob_close(&blob, NULL);
    if (file)
        (void)fclose(file);
}

void
history_fail(struct history *history, const char *file, int line,
             const char *what)
{
    log_dump(history);
    crash_fail(&history->watch->crash, history->disk, history->depth,
               "%s:%d: depth %u: %s", strrchr(file, '/') + 1, line,
               history->depth, what);
}

void
segment_draw(struct history *history)
{
    const uint64_t codec = chance(history, 8);

    history->sync_log2 = (uint8_t)(9 + chance(history, 5));
    history->body_log2 =
        chance(history, 4) == 0 ? (uint8_t)(9 + chance(history, 8)) : 0;
    history->no_xxh3 = chance(history, 8) == 0;
    history->codec = codec < 4 ? (enum seglog_codec)codec : SEGLOG_CODEC_NONE;
    if (history->codec == SEGLOG_CODEC_ZSTD && !slg_zrun_is_there())
        history->codec = SEGLOG_CODEC_AUTO;
    history->attributes_len =
        chance(history, 3) == 0 ? 1 + (uint32_t)chance(history, 400) : 0;
    /* From what is there: what else is drawn stays what it is. */
    history->chain = (enum seglog_chain)(history->seed >> 40 & 3);
    if (!slg_chain_is_computable(history->chain))
        history->chain = (enum seglog_chain)0;
}

void
history_start(struct history *history, struct watch *watch, uint64_t seed)
{
    static const uint64_t firsts[] = { 1, 1, 1, 1000, UINT32_MAX - 50 };

    for (uint32_t id = 0; id < history->attempt_count; id++)
        free(history->attempts[id].bytes);
    memset(history, 0, offsetof(struct history, attempts));
    history->watch = watch;
    history->seed = seed;
    history->identity[0] = crash_random(&history->seed);
    history->identity[1] = crash_random(&history->seed);
    history->options.seed = crash_random(&history->seed);
    history->options.cannot_cut = chance(history, 8) == 0;
    history->options.flaws = watch->crash.flaws;
    history->options.sync_skip = 8;
    history->options.has_no_hint = chance(history, 4) == 0;
    history->first_record = firsts[chance(history, 5)];
    (void)snprintf(history->name, sizeof history->name, "log0");
    history->is_encrypted =
        chance(history, 6) == 0 && !watch->is_plain && slg_crypt_is_available();
    history->has_bad_chance = chance(history, 2) == 0;
    segment_draw(history);
    history->is_small = chance(history, 16) != 0;
    history->disk = seglog_disk_new(&history->options);
    expect(history, history->disk != NULL);
    entropy_seed(seed, history->has_bad_chance);
    nonces_begin(watch);
    store_begin(history);
}

void
history_cut_power(struct history *history, const struct seglog_disk_cut *cut)
{
    const uint64_t synced =
        seglog_disk_get_synced(history->disk, history->name);

    history_say(history, "power cut, %u%% lost", cut->lost_percent);
    history_stop_reading(history);
    for (unsigned i = 0; i < WRITERS; i++) {
        if (history->slots[i].writer)
            slot_abandon(history, &history->slots[i]);
    }
    expect(history, seglog_disk_cut_power(history->disk, cut));
    history->watch->crash.images++;
    history->had_power_cut = true;
    history->has_lying_disk = false;
    nonces_pass_over(history);
    if ((cut->losses & SEGLOG_DISK_GARBAGE) != 0)
        stale_put(history, synced, cut->seed);
    history_look(history, true);
}

struct seglog_disk_cut
cut_draw(uint64_t *seed)
{
    static const unsigned lost[] = { 0, 5, 10, 30, 50, 50, 90, 100 };
    static const unsigned losses[] = {
        0,
        0,
        0,
        SEGLOG_DISK_ZERO,
        SEGLOG_DISK_TORN_FRONT | SEGLOG_DISK_TORN_BACK,
        SEGLOG_DISK_OLD | SEGLOG_DISK_BETWEEN,
        SEGLOG_DISK_LOSSES | SEGLOG_DISK_GARBAGE,
        SEGLOG_DISK_LOSSES | SEGLOG_DISK_CUT_ZEROED,
    };
    struct seglog_disk_cut cut = { .seed = crash_random(seed) };
    const uint64_t how = crash_random(seed);

    cut.lost_percent = lost[how & 7];
    cut.losses = losses[how >> 3 & 7];
    cut.names_in_order = (how >> 6 & 1) != 0;
    return cut;
}

static void
cut_by_chance(struct history *history)
{
    uint64_t seed = crash_random(&history->seed) + chance(history, 256);
    const struct seglog_disk_cut cut = cut_draw(&seed);

    history_cut_power(history, &cut);
}

void
history_step(struct history *history, uint64_t seed)
{
    struct slot *slot = NULL;
    uint64_t what = 0;

    history->seed = seed;
    slot = &history->slots[chance(history, WRITERS)];
    what = chance(history, 64);
    if (what == 0)
        cut_by_chance(history);
    else if (what < 4)
        history_look(history, false);
    else if (what < 12)
        history_read_on(history);
    else if (slot->writer)
        slot_act(history, slot);
    else if (what < 16)
        slot_seal(history, slot);
    else if (what < 18)
        history_backup(history);
    else if (history->is_sealed_durable)
        history_roll(history);
    else
        slot_open(history, slot);
    nonces_watch(history);
}

void
history_end(struct history *history)
{
    cut_by_chance(history);
    for (uint32_t id = 0; id < history->attempt_count; id++)
        free(history->attempts[id].bytes);
    history->attempt_count = 0;
    seglog_disk_free(history->disk);
    history->disk = NULL;
}

/* -- images ---------------------------------------------------------------- */

/* One for each depth: a history with its model is large, and made often. */
static struct history children[CRASH_DEPTH_MAX + 1];

/* As it is for those who come after the cut. */
static void
child_make(struct history *child, const struct history *parent,
           const struct slot *acting)
{
    memcpy(child, parent, offsetof(struct history, slots));
    memcpy(&child->had_power_cut, &parent->had_power_cut,
           offsetof(struct history, attempts) -
               offsetof(struct history, had_power_cut) +
               parent->attempt_count * sizeof *parent->attempts);
    for (unsigned i = 0; i < WRITERS; i++) {
        const struct slot *slot = &parent->slots[i];

        child->slots[i].writer = NULL;
        child->slots[i].faults = NULL;
        child->slots[i].is_encrypted = false;
        child->slots[i].pending_count = 0;
        child->slots[i].is_held = false;
        child->slots[i].is_acting = false;
        /* What is in the buffer of somebody who does nothing is not there. */
        for (size_t k = 0; k < slot->pending_count; k++)
            child->attempts[slot->pending[k]].promise =
                slot == acting || slot->is_acting ? TRIED : GONE;
    }
    child->depth = parent->depth + 1;
    child->reader = NULL;
    child->had_power_cut = true;
    child->has_lying_disk = false;
    /* A cut is under way: from there on all may be gone or not. */
    for (uint32_t id = 0; id < child->attempt_count && parent->cutting_to != 0;
         id++) {
        struct attempt *attempt = &child->attempts[id];

        if (attempt->number >= parent->cutting_to && attempt->promise != GONE)
            attempt->promise = TRIED;
    }
    child->has_unsure_cut = child->has_unsure_cut || parent->cutting_to != 0;
    child->cutting_to = 0;
    child->is_over = false;
    child->is_crowded = false;
}

void
history_check_image(struct history *history, const struct slot *acting,
                    const struct seglog_disk_cut *cut, unsigned steps)
{
    struct watch *watch = history->watch;
    struct history *child = &children[history->depth];
    const uint64_t synced =
        seglog_disk_get_synced(history->disk, history->name);
    uint64_t seed = cut->seed;

    if (history->depth >= CRASH_DEPTH_MAX ||
        (watch->images_max != 0 && watch->crash.images >= watch->images_max))
        return;
    child_make(child, history, acting);
    child->disk = seglog_disk_image(history->disk, cut);
    expect(child, child->disk != NULL);
    child->seed = crash_random(&seed);
    watch->crash.images++;
    watch->crash.checks[I6] += history->depth > 0;
    history_say(child, "-- image, %u%% lost", cut->lost_percent);
    child->images_every = history->depth + 1 < CRASH_DEPTH_MAX ? 6 : 0;
    nonces_pass_over(child);
    if ((cut->losses & SEGLOG_DISK_GARBAGE) != 0)
        stale_put(child, synced, cut->seed);
    history_look(child, true);
    for (unsigned i = 0; i < steps && !child->is_over; i++)
        history_step(child, crash_random(&seed));
    if (child->go_on)
        child->go_on(child);
    child->seed = seed;
    cut_by_chance(child);
    seglog_disk_free(child->disk);
    child->disk = NULL;
    /* What it appended is its own. */
    for (uint32_t id = history->attempt_count; id < child->attempt_count; id++)
        free(child->attempts[id].bytes);
    child->attempt_count = 0;
}
