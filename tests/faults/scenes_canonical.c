/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes_canonical.c - what is done with a canonical store. */
#include "tests/faults/scenes.h"

#include <string.h>

#include "seglog/canonical.h"
#include "tests/faults/allocation.h"

#define KEYS 3u

static seglog_code
canonical_open(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_canonical_options options = {
        .size = sizeof options,
        .lock_timeout_ms = 50,
        .view_bytes_max = UINT64_C(4) << 20,
        .readers_max = 8,
        .body_log2 = 16,
        .segment_bytes = stage->scenario->kind,
    };

    if (stage->canonical)
        return SEGLOG_OK;
    return seglog_canonical_open(stage->store, &options, &stage->canonical,
                                 err);
}

static struct seglog_slice
key_of(uint64_t number)
{
    static const char *const keys[KEYS] = { "a", "ab", "b" };

    return (struct seglog_slice){ keys[number % KEYS],
                                  strlen(keys[number % KEYS]) };
}

/* False: there are as many events as the step wants. */
static bool
is_wanted(struct stage *stage, uint64_t *id, seglog_code *code,
          struct seglog_error *err)
{
    struct seglog_canonical_meta meta = { .next_event = 0 };

    *code = canonical_open(stage, err);
    if (*code == SEGLOG_OK)
        *code = seglog_canonical_get_meta(stage->canonical, &meta, err);
    *id = meta.next_event;
    return *code == SEGLOG_OK && *id < stage->arg;
}

/* Two keys and an event. */
static seglog_code
step_transaction(struct stage *stage, struct seglog_error *err)
{
    struct seglog_write_txn *txn = NULL;
    char text[RECORD_ROOM];
    struct seglog_slice event = { text, 0 };
    seglog_code code = SEGLOG_OK;
    uint64_t id = 0;

    if (!is_wanted(stage, &id, &code, err))
        return code;
    event.len = record_make(text, id + 1);
    code = seglog_write_txn_begin(stage->canonical, &txn, err);
    if (code == SEGLOG_OK)
        code = seglog_write_txn_put(txn, key_of(id), event, err);
    if (code == SEGLOG_OK)
        code = seglog_write_txn_delete(txn, key_of(id + 1), err);
    if (code == SEGLOG_OK)
        code = seglog_write_txn_append_event(txn, event, NULL, err);
    if (code == SEGLOG_OK)
        return seglog_write_txn_commit(txn, true, NULL, err);
    seglog_write_txn_abort(txn);
    return code;
}

static seglog_code
step_batch(struct stage *stage, struct seglog_error *err)
{
    struct seglog_write_batch *batch = NULL;
    char text[RECORD_ROOM];
    struct seglog_slice event = { text, 0 };
    seglog_code code = SEGLOG_OK;
    uint64_t id = 0;

    if (!is_wanted(stage, &id, &code, err))
        return code;
    event.len = record_make(text, id + 1);
    code = seglog_write_batch_new(stage->canonical, &batch, err);
    if (code == SEGLOG_OK)
        code = seglog_write_batch_put(batch, key_of(id), event, err);
    if (code == SEGLOG_OK)
        code = seglog_write_batch_append_event(batch, event, err);
    if (code == SEGLOG_OK)
        code = seglog_write_batch_commit(batch, true, NULL, err);
    seglog_write_batch_free(batch);
    return code;
}

static seglog_code
step_schema(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = canonical_open(stage, err);

    return code == SEGLOG_OK ? seglog_canonical_set_schema_version(
                                   stage->canonical, stage->arg, err)
                             : code;
}

static seglog_code
step_seal(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = canonical_open(stage, err);

    if (code != SEGLOG_OK)
        return code;
    return stage->arg > 0 ? seglog_canonical_seal(stage->canonical, NULL, err)
                          : seglog_canonical_clear_seal(stage->canonical, err);
}

static seglog_code
step_snapshot(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = canonical_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_canonical_make_snapshot(stage->canonical, NULL, err)
               : code;
}

static seglog_code
step_retain(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = canonical_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_canonical_retain(stage->canonical, SEGLOG_EVENT_END,
                                         NULL, err)
               : code;
}

static seglog_code
step_close_canonical(struct stage *stage, struct seglog_error *err)
{
    struct seglog_canonical *canonical = stage->canonical;

    stage->canonical = NULL;
    return seglog_canonical_close(canonical, err);
}

/* -- what is there --------------------------------------------------------- */

typedef void (*line_fn)(void *arg, const char *what, struct seglog_slice name,
                        struct seglog_slice value);

static seglog_code
state_tell(struct seglog_canonical *canonical, line_fn fn, void *arg,
           struct seglog_error *err)
{
    struct seglog_read_txn *txn = NULL;
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice key;
    struct seglog_slice value;
    seglog_code code = seglog_read_txn_begin(canonical, &txn, err);

    if (code == SEGLOG_OK)
        code = seglog_read_txn_iterate(txn, NULL, &iter, err);
    while (code == SEGLOG_OK) {
        code = seglog_state_iter_next(iter, &key, &value, err);
        if (code == SEGLOG_OK)
            fn(arg, "key", key, value);
    }
    seglog_state_iter_close(iter);
    seglog_read_txn_end(txn);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* is_last: the last one alone.  How much retention gives up depends on whether
 * a segment could be followed. */
static seglog_code
events_tell(struct seglog_canonical *canonical, bool is_last, line_fn fn,
            void *arg, struct seglog_error *err)
{
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_canonical_meta meta;
    seglog_code code = seglog_canonical_get_meta(canonical, &meta, err);
    uint64_t first = code == SEGLOG_OK ? meta.first_event : 0;

    if (code == SEGLOG_OK && is_last && first < meta.next_event)
        first = meta.next_event - 1;
    if (code == SEGLOG_OK)
        code = seglog_event_iter_open(canonical, first, SEGLOG_EVENT_END, &iter,
                                      err);

    while (code == SEGLOG_OK) {
        code = seglog_event_iter_next(iter, &event, err);
        if (code == SEGLOG_OK)
            fn(arg, "event", (struct seglog_slice){ "", 0 }, event.data);
    }
    seglog_event_iter_close(iter);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static void
line_say(void *arg, const char *what, struct seglog_slice name,
         struct seglog_slice value)
{
    say(arg, "%s %.*s %016llx\n", what, (int)name.len, name.data,
        (unsigned long long)hash_of(value.data, value.len));
}

static seglog_code
step_read(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = canonical_open(stage, err);

    if (code == SEGLOG_OK)
        code = state_tell(stage->canonical, line_say, stage, err);
    return code == SEGLOG_OK ? events_tell(stage->canonical, stage->arg != 0,
                                           line_say, stage, err)
                             : code;
}

static void
line_add(void *arg, const char *what, struct seglog_slice name,
         struct seglog_slice value)
{
    text_add(arg, "%s %.*s %016llx\n", what, (int)name.len, name.data,
             (unsigned long long)hash_of(value.data, value.len));
}

/* By a view that is built from the log. */
static void
look_at_log(struct seglog_store store, bool is_last, struct text *seen)
{
    const struct seglog_canonical_options options = {
        .size = sizeof options,
        .is_read_only = true,
        .view_bytes_max = UINT64_C(4) << 20,
        .readers_max = 8,
    };
    struct seglog_canonical *canonical = NULL;
    struct seglog_canonical_meta meta;
    struct seglog_error err;
    const seglog_code code =
        seglog_canonical_open(store, &options, &canonical, &err);

    if (code == SEGLOG_NOT_FOUND)
        return;
    if (code != SEGLOG_OK) {
        text_add(seen, "open: %s: %s\n", seglog_code_name(code), err.message);
        return;
    }
    must(state_tell(canonical, line_add, seen, &err), &err);
    must(events_tell(canonical, is_last, line_add, seen, &err), &err);
    must(seglog_canonical_get_meta(canonical, &meta, &err), &err);
    text_add(seen, "schema %llu, sealed %d\n",
             (unsigned long long)meta.schema_version, meta.is_sealed);
    must(seglog_canonical_close(canonical, &err), &err);
}

static void
look_at_canonical(struct stage *stage, struct seglog_store store,
                  struct text *seen)
{
    (void)stage;
    look_at_log(store, false, seen);
}

static void
look_at_retained(struct stage *stage, struct seglog_store store,
                 struct text *seen)
{
    (void)stage;
    look_at_log(store, true, seen);
}

static bool
canonical_setup(struct stage *stage)
{
    stage->arg = 1;
    must(step_transaction(stage, &(struct seglog_error){ 0 }),
         &(struct seglog_error){ 0 });
    must(step_close_canonical(stage, &(struct seglog_error){ 0 }),
         &(struct seglog_error){ 0 });
    return true;
}

static const struct scenario committed = {
    .name = "canonical store",
    .setup = canonical_setup,
    .look = look_at_canonical,
    .steps = { { "commit", step_transaction, 2, STEP_SYNCED },
               { "commit a batch", step_batch, 3, STEP_SYNCED },
               { "read", step_read, 0, 0 },
               { "set a version", step_schema, 7, STEP_SYNCED },
               { "seal", step_seal, 1, STEP_SYNCED },
               { "unseal", step_seal, 0, STEP_SYNCED },
               { "close", step_close_canonical, 0, STEP_SYNCED },
               { "go on", step_transaction, 4, STEP_SYNCED },
               { "close again", step_close_canonical, 0, STEP_SYNCED } },
};

static const struct scenario snapshotted = {
    .name = "canonical snapshot",
    .flags = SCENE_ROTATES,
    .setup = canonical_setup,
    .look = look_at_canonical,
    .kind = 200,
    .steps = { { "commit", step_transaction, 2, STEP_SYNCED },
               { "snapshot", step_snapshot, 0, STEP_SYNCED },
               { "commit more", step_transaction, 3, STEP_SYNCED },
               { "close", step_close_canonical, 0, STEP_SYNCED },
               { "read", step_read, 0, 0 },
               { "close again", step_close_canonical, 0, STEP_SYNCED } },
};

static const struct scenario retained = {
    .name = "canonical retention",
    .flags = SCENE_ROTATES,
    .setup = canonical_setup,
    .look = look_at_retained,
    .kind = 200,
    .steps = { { "commit", step_transaction, 2, STEP_SYNCED },
               { "commit more", step_transaction, 3, STEP_SYNCED },
               { "snapshot", step_snapshot, 0, STEP_SYNCED },
               { "retain", step_retain, 0, STEP_SYNCED },
               { "read", step_read, 1, 0 },
               { "go on", step_transaction, 4, STEP_SYNCED },
               { "close", step_close_canonical, 0, STEP_SYNCED } },
};

const struct scenario *const canonical_scenarios[] = { &committed, &snapshotted,
                                                       &retained, NULL };
