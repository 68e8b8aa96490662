/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes_read.c - segments are read, looked at and repaired. */
#include "tests/faults/scenes.h"

#include <stdio.h>
#include <string.h>

#include "tests/faults/allocation.h"

/* -- setups ---------------------------------------------------------------- */

/* Some groups among many records: several sync intervals. */
static void
log_make(struct stage *stage, uint64_t last)
{
    struct seglog_error err;

    stage->arg = last;
    must(step_append(stage, &err), &err);
    must(step_close(stage, &err), &err);
}

static void
log_seal(struct stage *stage)
{
    const struct seglog_seal_options options = {
        .size = sizeof options, .block_bytes = SEGLOG_SEAL_BLOCK_MIN, .level = 1
    };
    struct seglog_error err;

    must(seglog_segment_seal(stage->store, "log", &options, NULL, &err), &err);
}

static bool
log_setup(struct stage *stage)
{
    log_make(stage, 40);
    return true;
}

/* Several blocks. */
static bool
sealed_setup(struct stage *stage)
{
    log_make(stage, 1200);
    log_seal(stage);
    return true;
}

/* -- reading --------------------------------------------------------------- */

/* All that comes from a reader; END is OK. */
static seglog_code
reader_read(struct stage *stage, struct seglog_reader *reader, unsigned most,
            struct seglog_error *err)
{
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < most && code == SEGLOG_OK; i++) {
        code = seglog_reader_next(reader, &event, err);
        if (code != SEGLOG_OK)
            break;
        if (event.type == SEGLOG_EVENT_RECORD)
            say_record(stage, &event.record);
        else
            say(stage, "lost %llu to %llu: %s %s\n",
                (unsigned long long)event.finding.first_record,
                (unsigned long long)event.finding.last_record,
                seglog_verdict_name(event.finding.verdict),
                seglog_cause_name(event.finding.cause));
    }
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static seglog_code
log_read(struct stage *stage, bool salvage, struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage };
    struct seglog_reader *reader = NULL;
    seglog_code code =
        seglog_reader_open(stage->store, "log", &options, &reader, err);

    if (code == SEGLOG_OK)
        code = reader_read(stage, reader, 5000, err);
    seglog_reader_close(reader);
    return code;
}

static seglog_code
step_read(struct stage *stage, struct seglog_error *err)
{
    return log_read(stage, false, err);
}

static seglog_code
step_salvage(struct stage *stage, struct seglog_error *err)
{
    return log_read(stage, true, err);
}

/* One reader here and there, and again after it failed. */
static seglog_code
step_seek(struct stage *stage, struct seglog_error *err)
{
    static const uint64_t places[] = { 17, 3, 39, 1, 28, 40 };
    seglog_code code = SEGLOG_OK;

    if (!stage->reader)
        code =
            seglog_reader_open(stage->store, "log", NULL, &stage->reader, err);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (code == SEGLOG_OK)
            code =
                seglog_reader_seek(stage->reader, places[i] * stage->arg, err);
        if (code == SEGLOG_OK)
            code = reader_read(stage, stage->reader, 2, err);
    }
    return code;
}

static seglog_code
step_summary(struct stage *stage, struct seglog_error *err)
{
    struct seglog_scan_summary summary;
    const seglog_code code =
        seglog_segment_get_summary(stage->store, "log", &summary, err);

    if (code == SEGLOG_OK)
        say(stage, "%s %llu to %llu, %llu bytes, %d\n",
            seglog_verdict_name(summary.verdict),
            (unsigned long long)summary.first_record,
            (unsigned long long)summary.next_record,
            (unsigned long long)summary.bytes, summary.is_closed);
    return code;
}

static seglog_code
step_attributes(struct stage *stage, struct seglog_error *err)
{
    uint8_t bytes[SEGLOG_ATTRIBUTES_MAX];
    size_t len = 0;
    const seglog_code code = seglog_segment_get_attributes(
        stage->store, "log", bytes, sizeof bytes, &len, NULL, err);

    if (code == SEGLOG_OK)
        say(stage, "%zu %016llx\n", len,
            (unsigned long long)hash_of(bytes, len));
    return code;
}

static void
finding_say(void *arg, const struct seglog_finding *finding)
{
    say(arg, "%s %s %llu to %llu, bytes %llu +%llu, %s\n",
        seglog_verdict_name(finding->verdict),
        seglog_cause_name(finding->cause),
        (unsigned long long)finding->first_record,
        (unsigned long long)finding->last_record,
        (unsigned long long)finding->first_byte,
        (unsigned long long)finding->byte_count,
        seglog_durable_name(finding->durable));
}

static seglog_code
step_scan(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = finding_say,
                                                 .arg = stage };
    struct seglog_scan_summary summary;
    const seglog_code code =
        seglog_scan(stage->store, "log", &options, &summary, err);

    if (code == SEGLOG_OK)
        say(stage, "%s: %llu records, %llu lost\n",
            seglog_verdict_name(summary.verdict),
            (unsigned long long)summary.records,
            (unsigned long long)summary.lost);
    return code;
}

static seglog_code
step_find_time(struct stage *stage, struct seglog_error *err)
{
    uint64_t record_no = 0;
    const seglog_code code = seglog_segment_find_time(
        stage->store, "log", 1786000000000 + (int64_t)stage->arg * 977,
        &record_no, err);

    say(stage, "%llu\n", (unsigned long long)record_no);
    return code;
}

static seglog_code
step_seal_info(struct stage *stage, struct seglog_error *err)
{
    struct seglog_seal_info info;
    const seglog_code code =
        seglog_segment_get_seal(stage->store, "log", &info, err);

    if (code == SEGLOG_OK)
        say(stage, "%d %llu records in %llu blocks\n", info.is_sealed,
            (unsigned long long)info.records, (unsigned long long)info.blocks);
    return code;
}

static void
cost_say(void *arg, const struct seglog_cost *cost)
{
    say(arg, "%s %s %llu %llu\n", cost->path ? cost->path : "-", cost->form,
        (unsigned long long)cost->values, (unsigned long long)cost->text_bytes);
}

static seglog_code
step_costs(struct stage *stage, struct seglog_error *err)
{
    return seglog_segment_get_costs(stage->store, "log", cost_say, stage, err);
}

/* -- scenarios ------------------------------------------------------------- */

#define READS(places)                                                          \
    {                                                                          \
        { "read", step_read, 0, 0 },                                           \
            { "salvage", step_salvage, 0, STEP_SALVAGES },                     \
            { "seek", step_seek, places, 0 },                                  \
            { "summary", step_summary, 0, 0 },                                 \
            { "attributes", step_attributes, 0, 0 },                           \
            { "scan", step_scan, 0, STEP_SALVAGES },                           \
            { "find a time", step_find_time, 33, 0 },                          \
            { "seal info", step_seal_info, 0, 0 },                             \
    }

static const struct scenario read_plain = {
    .name = "read", .setup = log_setup, .look = look_at_logs, .steps = READS(1)
};
static const struct scenario read_deflate = {
    .name = "read-deflate",
    .setup = log_setup,
    .look = look_at_logs,
    .steps = READS(1),
    .writer = { .codec = SEGLOG_CODEC_DEFLATE },
    .has_dictionary = true,
};
static const struct scenario read_zstd = {
    .name = "read-zstd",
    .setup = log_setup,
    .look = look_at_logs,
    .steps = READS(1),
    .writer = { .codec = SEGLOG_CODEC_ZSTD, .level = 1 },
    .has_dictionary = true,
};
static const struct scenario read_sealed = {
    .name = "read-sealed",
    .flags = SCENE_SLOW,
    .setup = sealed_setup,
    .look = look_at_logs,
    .steps = READS(30),
};
static const struct scenario read_costs = {
    .name = "costs",
    .flags = SCENE_SLOW,
    .setup = sealed_setup,
    .look = look_at_logs,
    .steps = { { "costs", step_costs, 0, 0 } },
};

const struct scenario *const read_scenarios[] = {
    &read_plain, &read_deflate, &read_zstd, &read_sealed, &read_costs, NULL,
};

/* -- repair ---------------------------------------------------------------- */

enum damage {
    BIT_FLIPPED,
    ZEROED,
    HEADER_LOST,
    TAIL_TORN,
    BYTES_MISSING,
    MIDDLE_TWICE
};

static void
log_damage(struct stage *stage, enum damage damage)
{
    struct seglog_blob blob = { 0 };
    struct seglog_error err;
    uint64_t size = 0;
    uint8_t *bytes = NULL;
    size_t len = 0;

    must(seglog_blob_open(stage->store, "log", SEGLOG_OPEN_WRITE, &blob, &err),
         &err);
    must(seglog_blob_get_size(blob, &size, NULL, &err), &err);
    len = (size_t)size;
    bytes = kit_resize(NULL, 2 * len);
    must(seglog_blob_read_at(blob, 0, bytes, len, &err), &err);
    if (damage == BIT_FLIPPED)
        bytes[len / 2] ^= 1;
    else if (damage == ZEROED)
        memset(bytes + len / 3, 0, 512);
    else if (damage == HEADER_LOST)
        memset(bytes, 0xff, 32);
    else if (damage == TAIL_TORN)
        len -= 150;
    else if (damage == BYTES_MISSING)
        memmove(bytes + len / 2, bytes + len / 2 + 77, len - len / 2 - 77);
    else {
        memmove(bytes + len / 2 + 600, bytes + len / 2, len - len / 2);
        memmove(bytes + len / 2, bytes + len / 4, 600);
        len += 600;
    }
    if (damage == BYTES_MISSING)
        len -= 77;
    must(seglog_blob_truncate(blob, 0, &err), &err);
    must(seglog_blob_append(blob, 0, bytes, len, &size, &err), &err);
    must(seglog_blob_close(&blob, &err), &err);
    kit_free(bytes);
}

static bool
damaged_setup(struct stage *stage)
{
    log_make(stage, 40);
    log_damage(stage, (enum damage)stage->scenario->kind);
    return true;
}

static bool
damaged_sealed_setup(struct stage *stage)
{
    sealed_setup(stage);
    log_damage(stage, (enum damage)stage->scenario->kind);
    return true;
}

/* What cannot be read now may be readable the next time. */
static void
unreadable_note(void *arg, const struct seglog_finding *finding)
{
    struct stage *stage = arg;

    finding_say(stage, finding);
    if (finding->verdict == SEGLOG_VERDICT_IO)
        stage->has_unread = true;
}

static seglog_code
step_repair(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = unreadable_note,
                                                 .arg = stage };
    struct seglog_scan_summary summary;
    seglog_code code = SEGLOG_OK;

    stage->has_unread = false;
    if (stage->is_again)
        (void)!seglog_store_remove(stage->store, "log.new", NULL);
    code = seglog_repair(stage->store, "log", stage->store, "log.new", &options,
                         &summary, err);
    if (code != SEGLOG_OK)
        return code;
    if (stage->has_unread) {
        (void)!seglog_store_remove(stage->base, "log.new", NULL);
        *err = (struct seglog_error){ .code = SEGLOG_IO,
                                      .sys_errno = stage->sys_errno,
                                      .name = "log",
                                      .message = "try again" };
        return SEGLOG_IO;
    }
    say(stage, "%s: %llu records, %llu lost\n",
        seglog_verdict_name(summary.verdict),
        (unsigned long long)summary.records, (unsigned long long)summary.lost);
    return code;
}

static seglog_code
step_append_anyway(struct stage *stage, struct seglog_error *err)
{
    return step_append(stage, err);
}

#define REPAIR(what, how, made)                                                \
    .name = "repair-" what, .flags = SCENE_DAMAGED, .kind = (how),             \
    .setup = (made), .look = look_at_logs,                                     \
    .steps = {                                                                 \
        { "scan", step_scan, 0, STEP_SALVAGES },                               \
        { "salvage", step_salvage, 0, STEP_SALVAGES },                         \
        { "repair", step_repair, 0, STEP_SYNCED },                             \
    }

static const struct scenario repair_flip = { REPAIR("flipped", BIT_FLIPPED,
                                                    damaged_setup) };
static const struct scenario repair_zeroed = { REPAIR("zeroed", ZEROED,
                                                      damaged_setup) };
static const struct scenario repair_header = { REPAIR("header", HEADER_LOST,
                                                      damaged_setup) };
static const struct scenario repair_missing = { REPAIR("missing", BYTES_MISSING,
                                                       damaged_setup) };
static const struct scenario repair_twice = { REPAIR("twice", MIDDLE_TWICE,
                                                     damaged_setup) };
static const struct scenario repair_deflate = {
    REPAIR("deflate", ZEROED, damaged_setup),
    .writer = { .codec = SEGLOG_CODEC_DEFLATE },
    .has_dictionary = true,
};
static const struct scenario repair_sealed = {
    .name = "repair-sealed",
    .flags = SCENE_DAMAGED | SCENE_SLOW,
    .kind = BIT_FLIPPED,
    .setup = damaged_sealed_setup,
    .look = look_at_logs,
    .steps = { { "scan", step_scan, 0, STEP_SALVAGES },
               { "repair", step_repair, 0, STEP_SYNCED } },
};
/* Whoever opens it cuts the tail, and keeps what it was. */
static const struct scenario repair_torn = {
    .name = "open-torn",
    .flags = SCENE_GROWS,
    .kind = TAIL_TORN,
    .setup = damaged_setup,
    .look = look_at_logs,
    .steps = { { "scan", step_scan, 0, STEP_SALVAGES },
               { "open and append", step_append, 42, 0 },
               { "close", step_close, 0, STEP_SYNCED } },
};
static const struct scenario append_damaged = {
    .name = "append-to-damaged",
    .flags = SCENE_GROWS | SCENE_DAMAGED,
    .kind = BIT_FLIPPED,
    .setup = damaged_setup,
    .look = look_at_logs,
    .steps = { { "open and append", step_append_anyway, 42, 0 },
               { "close", step_close, 0, STEP_SYNCED } },
    .writer = { .append_to_damaged = true },
};

const struct scenario *const repair_scenarios[] = {
    &repair_flip,    &repair_zeroed,
    &repair_header,  &repair_missing,
    &repair_twice,   &repair_deflate,
    &repair_sealed,  &repair_torn,
    &append_damaged, NULL,
};
