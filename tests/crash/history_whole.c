/* SPDX-License-Identifier: MIT */
/* tests/crash/history_whole.c - sealing a segment, and copying what there is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/seal.h"
#include "src/codec/zrun.h"
#include "tests/crash/history.h"

/* -- sealing --------------------------------------------------------------- */

/* All that can be seen of the last segment is on the device from then on. */
static void
seal_settle(struct history *history)
{
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (attempt->promise == FLUSHED)
            attempt->promise = SYNCED;
    }
}

void
seal_notice(struct history *history, struct seglog_store store,
            bool is_power_cut)
{
    struct seglog_seal_info info;

    expect_ok(history,
              seglog_segment_get_seal(store, history->name, &info, NULL));
    hold(history, SEAL, info.is_sealed || !history->is_sealed_durable);
    history->is_sealed = info.is_sealed;
    /* The new segment was synced before its name led to it. */
    if (is_power_cut && info.is_sealed)
        history->is_sealed_durable = true;
}

static void
check_seal(struct history *history, const struct slot *slot, seglog_code code)
{
    struct view view;

    view_open(history, &view);
    seal_notice(history, view.store, false);
    view_close(&view);
    switch (code) {
    case SEGLOG_OK:
        hold(history, SEAL, history->is_sealed);
        history->is_sealed_durable = true;
        seal_settle(history);
        break;
    case SEGLOG_SEALED:
        hold(history, SEAL, history->is_sealed);
        break;
    case SEGLOG_CORRUPT:
        expect(history, history->is_damaged || history->was_lied_to);
        break;
    case SEGLOG_READ_ONLY:
        expect(history, history->options.cannot_cut);
        break;
    case SEGLOG_LOCKED:
        break;
    default:
        expect(history, slot->has_fault || slot->process.is_dead);
        break;
    }
}

void
slot_seal(struct history *history, struct slot *slot)
{
    struct seglog_seal_options options = {
        .size = sizeof options,
        .level = 1 + (int)chance(history, 3),
        .block_bytes = SEGLOG_SEAL_BLOCK_MIN,
        .lock_timeout_ms = 1,
        .threads = 1,
    };
    seglog_code code = SEGLOG_OK;

    if (!history->is_made || !slg_zrun_is_there())
        return;
    if (history->sealed_count > 0 && chance(history, 2) == 0)
        options.parent =
            history->sealed[chance(history, history->sealed_count)].name;
    history_look(history, false);
    slot_start(history, slot);
    slot_doom(history, slot);
    code =
        seglog_segment_seal(slot->store, history->name, &options, NULL, NULL);
    history_say(history, "seal%s: %s", options.parent ? " with parent" : "",
                seglog_code_name(code));
    /* Whatever it said: it may be what it looks like, or go with the power. */
    check_seal(history, slot, code);
    slot_end(slot);
    history->nonces_end = 0;
    history_look(history, false);
}

/* -- going on behind it ---------------------------------------------------- */

void
history_roll(struct history *history)
{
    struct sealed *sealed = &history->sealed[history->sealed_count];
    struct seglog_scan_summary summary;
    struct view view;

    for (unsigned i = 0; i < WRITERS; i++) {
        if (history->slots[i].writer)
            return;
    }
    if (history->sealed_count == SEALED_MAX) {
        history->is_over = true;
        return;
    }
    history_look(history, false);
    history_stop_reading(history);
    view_open(history, &view);
    expect_ok(history, seglog_segment_get_summary(view.store, history->name,
                                                  &summary, NULL));
    view_close(&view);
    *sealed = (struct sealed){ .first = history->first_record,
                               .end = summary.next_record };
    memcpy(sealed->name, history->name, sizeof sealed->name);
    (void)snprintf(history->name, sizeof history->name, "log%u",
                   ++history->sealed_count);
    history_say(history, "on to %s from %llu", history->name,
                (unsigned long long)sealed->end);
    history->first_record = sealed->end;
    history->identity[0]++;
    history->is_made = history->is_sealed = history->is_sealed_durable = false;
    history->is_damaged = history->has_passed_over = false;
    history->has_unsure_cut = history->was_lied_to = false;
    history->has_stale = false;
    history->nonces_end = 0;
    segment_draw(history);
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (attempt->promise == TRIED)
            attempt->promise = GONE;
    }
}

/* -- copies ---------------------------------------------------------------- */

struct backup {
    struct history *history;
    struct seglog_store from; /* the bytes below */
    struct seglog_store to;
};

static bool
blob_copy(void *arg, const char *name)
{
    struct backup *backup = arg;
    struct history *history = backup->history;
    struct seglog_blob from = { 0 };
    struct seglog_blob to = { 0 };
    uint64_t size = 0;
    uint64_t put = 0;

    expect_ok(history, seglog_blob_open(backup->from, name, SEGLOG_OPEN_READ,
                                        &from, NULL));
    expect_ok(history, seglog_blob_open(backup->to, name,
                                        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE,
                                        &to, NULL));
    expect_ok(history, seglog_blob_get_size(from, &size, NULL, NULL));
    for (uint64_t at = 0; at < size;) {
        uint8_t piece[4096];
        const uint64_t most = 1 + chance(history, sizeof piece);
        const size_t len = (size_t)(size - at < most ? size - at : most);

        /* A torn tail may have been cut meanwhile. */
        if (seglog_blob_read_at(from, at, piece, len, NULL) != SEGLOG_OK) {
            const uint64_t before = size;

            expect_ok(history, seglog_blob_get_size(from, &size, NULL, NULL));
            expect(history, size < before);
            continue;
        }
        expect_ok(history, seglog_blob_append(to, SEGLOG_END_ANY, piece, len,
                                              &put, NULL));
        at += len;
        others_append(history);
    }
    (void)seglog_blob_close(&from, NULL);
    (void)seglog_blob_close(&to, NULL);
    return true;
}

static void
copy_finding(void *arg, const struct seglog_finding *finding)
{
    struct history *history = arg;

    /* As when looking at the log itself, which may be damaged so already. */
    hold(history, I12,
         history->has_unsure_cut || finding->durable != SEGLOG_DURABLE_YES);
}

static void
copy_read(struct history *history, struct seglog_store store, const char *name)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = copy_finding,
                                                 .arg = history };
    const struct seglog_reader_options salvage = { .size = sizeof salvage,
                                                   .salvage = true };
    struct seglog_scan_summary summary;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    uint64_t next = 0;
    seglog_code code = SEGLOG_OK;

    expect_ok(history, seglog_scan(store, name, &options, &summary, NULL));
    expect_ok(history,
              seglog_reader_open(store, name, &salvage, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        history->attempts[content_check(history, &event.record)].is_seen = true;
        hold(history, I12, event.record.record_no >= next);
        next = event.record.record_no + 1;
    }
    expect(history, code == SEGLOG_END);
    seglog_reader_close(reader);
}

/* What was synced when it began is there; `must` says what that was. */
static void
copy_check(struct history *history, struct seglog_store below,
           const uint8_t *must)
{
    struct seglog_store store = below;

    if (history->is_encrypted)
        store_encrypt(history, below, &store);
    for (unsigned i = 0; i < history->sealed_count; i++)
        copy_read(history, store, history->sealed[i].name);
    copy_read(history, store, history->name);
    for (uint32_t id = 0; id < history->attempt_count; id++) {
        struct attempt *attempt = &history->attempts[id];

        if (must[id] != 0 && attempt->gap == 0)
            hold(history, I12, attempt->is_seen);
        attempt->is_seen = false;
    }
    if (history->is_encrypted)
        seglog_store_close(&store);
    else
        seglog_store_close(&below);
}

void
history_backup(struct history *history)
{
    static uint8_t all[CRASH_DEPTH_MAX + 1][RECORDS_MAX];
    uint8_t *must = all[history->depth];
    const unsigned cuts_made = history->cuts_made;
    const unsigned images_every = history->images_every;
    struct backup backup = { .history = history };
    struct seglog_disk_process process;

    if (!history->is_made || history->was_lied_to)
        return;
    memset(must, 0, RECORDS_MAX);
    for (uint32_t id = 0; id < history->attempt_count; id++)
        must[id] = history->attempts[id].promise == SYNCED;
    history_say(history, "copy");
    history->images_every = 0;
    backup.from = seglog_disk_start(history->disk, &process);
    expect_ok(history, seglog_store_memory_open(&backup.to, NULL));
    expect_ok(history,
              seglog_store_list(backup.from, "", blob_copy, &backup, NULL));
    history->images_every = images_every;
    if (history->cuts_made == cuts_made)
        copy_check(history, backup.to, must);
    else
        seglog_store_close(&backup.to);
}
