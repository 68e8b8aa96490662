/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_canonical.c - a canonical store against arrays.
 *
 * Byte 0 of the input says how the store is made: each of two handles with a
 * view of its own, both with the same one, or one of each kind.  The other
 * bytes are what is done by them in turns: transactions that are committed or
 * not, batches that expect something, seals and pauses, consumers and their
 * dead letters, state snapshots, retention; handles are closed and opened, and
 * the view is removed.  All that can be read is what the arrays say, also by
 * read transactions that were begun long before.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp, setenv */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/support.h"
#include "seglog/canonical.h"

#define KEYS        24u
#define EVENTS_MAX  600u
#define CONSUMERS   3u
#define DEAD_MAX    12u
#define VALUE_MAX   6000u
#define EVENT_MAX   3000u
#define RECORD_MAX  ((size_t)1 << 16)
#define STEPS_MAX   300u
#define HELD_LETTER UINT64_MAX

/* Bytes that are known by their length and where they begin. */
struct bytes {
    size_t len;
    uint8_t seed;
};

struct value {
    bool is_there;
    struct bytes bytes;
};

struct event {
    struct bytes bytes;
    uint64_t position;
};

struct letter {
    uint64_t id;
    uint64_t retries;
    char reason[16];
};

struct consumer {
    bool is_there;
    uint64_t cursor;
    struct letter dead[DEAD_MAX]; /* by id */
    size_t dead_count;
};

struct model {
    struct value values[KEYS];
    struct event events[EVENTS_MAX];
    size_t event_count;
    uint64_t position;
    uint64_t sealed; /* id + 1 */
    bool is_paused;
    uint64_t schema;
    uint64_t first_event;
    uint64_t first_position;
    uint64_t snapshot; /* position of the newest; 0: none */
    struct consumer consumers[CONSUMERS];
};

/* A consumer that stays open. */
struct held {
    struct seglog_consumer *consumer;
    unsigned who;
    unsigned handle;
    uint64_t cursor; /* as it knows it */
    uint64_t next;
};

/* A read transaction that stays open. */
struct kept {
    struct seglog_read_txn *txn;
    unsigned handle;
    struct value values[KEYS];
    uint64_t position;
};

struct world {
    struct input input;
    struct seglog_store store;
    struct seglog_canonical_options options;
    bool has_named[2]; /* the handle's view has a name */
    char view_dir[64];
    struct seglog_canonical *handles[2];
    struct model model;
    struct model draft; /* with what a transaction has done so far */
    struct held held[2];
    struct kept kept;
};

static uint8_t key_bytes[KEYS][SEGLOG_KEY_MAX];
static size_t key_lens[KEYS];
static unsigned key_order[KEYS]; /* by their bytes */

/* -- bytes ----------------------------------------------------------------- */

static struct seglog_slice
bytes_make(struct bytes bytes, char room[VALUE_MAX + 100])
{
    for (size_t i = 0; i < bytes.len; i++)
        room[i] = (char)(bytes.seed + i * 7 + i / 256);
    return (struct seglog_slice){ room, bytes.len };
}

static void
bytes_must_be(struct seglog_slice slice, struct bytes bytes)
{
    static char room[VALUE_MAX + 100];

    MUST(slice.len == bytes.len);
    (void)bytes_make(bytes, room);
    MUST(bytes.len == 0 || memcmp(slice.data, room, bytes.len) == 0);
}

/* Some are too large. */
static struct bytes
bytes_take(struct input *input)
{
    const uint8_t byte = input_byte(input);
    const size_t large = (size_t)(byte & 31) * 190;

    return (struct bytes){ byte < 0xE0 ? byte % 40 : large,
                           (uint8_t)(byte * 3 + input->left) };
}

static struct seglog_slice
key_of(unsigned key)
{
    return (struct seglog_slice){ (char *)key_bytes[key], key_lens[key] };
}

static int
key_compare(struct seglog_slice a, struct seglog_slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = memcmp(a.data, b.data, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
key_order_compare(const void *a, const void *b)
{
    const unsigned *one = a;
    const unsigned *other = b;

    return key_compare(key_of(*one), key_of(*other));
}

/* Some that begin alike, some with zeros, some as long as may be. */
static void
keys_make(void)
{
    for (unsigned i = 0; i < KEYS; i++) {
        key_lens[i] = i % 8 == 5 ? SEGLOG_KEY_MAX : 1 + i % 5;
        for (size_t k = 0; k < key_lens[i]; k++)
            key_bytes[i][k] = (uint8_t)(i % 8 == 6 ? 0xFF * (k % 2) : 'a');
        key_bytes[i][key_lens[i] - 1] = (uint8_t)(i * 11);
        key_order[i] = i;
    }
    qsort(key_order, KEYS, sizeof key_order[0], key_order_compare);
}

static unsigned
key_take(struct world *world)
{
    return input_byte(&world->input) % KEYS;
}

/* -- what is read is right ------------------------------------------------- */

static void
iter_must_be(struct seglog_state_iter *iter, const struct value *values,
             const struct seglog_state_range *range)
{
    struct seglog_slice key;
    struct seglog_slice value;

    for (unsigned i = 0; i < KEYS; i++) {
        const struct seglog_slice want = key_of(key_order[i]);
        const struct value *known = &values[key_order[i]];

        if (!known->is_there ||
            (range->start.len > 0 && key_compare(want, range->start) < 0) ||
            (range->has_end && key_compare(want, range->end) >= 0) ||
            want.len < range->prefix.len ||
            (range->prefix.len > 0 &&
             memcmp(want.data, range->prefix.data, range->prefix.len) != 0))
            continue;
        MUST(seglog_state_iter_next(iter, &key, &value, NULL) == SEGLOG_OK);
        MUST(key_compare(key, want) == 0);
        bytes_must_be(value, known->bytes);
    }
    MUST(seglog_state_iter_next(iter, &key, &value, NULL) == SEGLOG_END);
}

static struct seglog_state_range
range_take(struct world *world)
{
    const uint8_t how = input_byte(&world->input);
    struct seglog_state_range range = { .has_end = (how & 2) != 0 };

    if ((how & 1) != 0)
        range.start = key_of(key_take(world));
    if ((how & 2) != 0)
        range.end = key_of(key_take(world));
    if ((how & 4) != 0) {
        range.prefix = key_of(key_take(world));
        if (range.prefix.len > 1 && (how & 8) != 0)
            range.prefix.len--;
    }
    return range;
}

static void
txn_must_be(struct seglog_read_txn *txn, const struct value *values,
            uint64_t position, const struct seglog_state_range *range)
{
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice value;

    MUST(seglog_read_txn_get_position(txn) == position);
    for (unsigned i = 0; i < KEYS; i++) {
        const seglog_code code =
            seglog_read_txn_get(txn, key_of(i), &value, NULL);

        MUST(code == (values[i].is_there ? SEGLOG_OK : SEGLOG_NOT_FOUND));
        if (code == SEGLOG_OK)
            bytes_must_be(value, values[i].bytes);
    }
    MUST(seglog_read_txn_iterate(txn, range, &iter, NULL) == SEGLOG_OK);
    iter_must_be(iter, values, range);
    seglog_state_iter_close(iter);
}

static void
state_must_be(struct world *world, unsigned handle,
              const struct seglog_state_range *range)
{
    struct seglog_read_txn *txn = NULL;

    MUST(seglog_read_txn_begin(world->handles[handle], &txn, NULL) ==
         SEGLOG_OK);
    txn_must_be(txn, world->model.values, world->model.position, range);
    seglog_read_txn_end(txn);
}

static void
events_must_be(struct world *world, unsigned handle, uint64_t from, uint64_t to)
{
    const struct model *model = &world->model;
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_error err;
    uint64_t time_ms = 0;
    const seglog_code code =
        seglog_event_iter_open(world->handles[handle], from, to, &iter, &err);

    if (to > model->event_count)
        to = model->event_count;
    if (from < to && from < model->first_event) {
        MUST(code == SEGLOG_NOT_FOUND && err.actual == model->first_event);
        return;
    }
    MUST(code == SEGLOG_OK);
    for (uint64_t id = from; id < to; id++) {
        MUST(seglog_event_iter_next(iter, &event, NULL) == SEGLOG_OK);
        MUST(event.id == id && event.position == model->events[id].position &&
             event.time_ms >= time_ms);
        bytes_must_be(event.data, model->events[id].bytes);
        time_ms = event.time_ms;
    }
    MUST(seglog_event_iter_next(iter, &event, NULL) == SEGLOG_END);
    seglog_event_iter_close(iter);
}

static void
event_must_be(struct world *world, unsigned handle, uint64_t id)
{
    const struct model *model = &world->model;
    const bool is_there = id >= model->first_event && id < model->event_count;
    char *data = NULL;
    size_t len = 0;

    MUST(seglog_canonical_get_event(world->handles[handle], id, &data, &len,
                                    NULL) ==
         (is_there ? SEGLOG_OK : SEGLOG_NOT_FOUND));
    if (is_there)
        bytes_must_be((struct seglog_slice){ data, len },
                      model->events[id].bytes);
    seglog_free(data);
    MUST(seglog_canonical_wait(world->handles[handle], id, 0, NULL) ==
         (id < model->event_count ? SEGLOG_OK : SEGLOG_END));
}

static void
meta_must_be(struct world *world, unsigned handle)
{
    const struct model *model = &world->model;
    struct seglog_canonical_meta meta;
    uint64_t keys = 0;
    bool is_paused = false;

    for (unsigned i = 0; i < KEYS; i++)
        keys += model->values[i].is_there;
    MUST(seglog_canonical_get_meta(world->handles[handle], &meta, NULL) ==
         SEGLOG_OK);
    MUST(meta.next_event == model->event_count);
    MUST(meta.first_event == model->first_event);
    MUST(meta.position == model->position);
    MUST(meta.first_position == model->first_position);
    MUST(meta.is_sealed == (model->sealed > 0));
    MUST(!meta.is_sealed || meta.sealed_event == model->sealed - 1);
    MUST(meta.is_paused == model->is_paused);
    MUST(meta.schema_version == model->schema);
    MUST(meta.keys == keys && meta.lost == 0);
    MUST(meta.created_ms > 0 && meta.updated_ms >= meta.created_ms);
    MUST(seglog_canonical_is_paused(world->handles[handle], &is_paused, NULL) ==
             SEGLOG_OK &&
         is_paused == model->is_paused);
}

/* -- consumers, as they are told ------------------------------------------- */

static const char *const consumer_names[CONSUMERS] = { "a", "ab", "b" };

struct listing {
    const struct model *model;
    unsigned next;
};

static bool
consumer_told(void *arg, const struct seglog_consumer_info *info)
{
    struct listing *listing = arg;
    const struct model *model = listing->model;
    const struct consumer *consumer = NULL;

    while (listing->next < CONSUMERS &&
           !model->consumers[listing->next].is_there)
        listing->next++;
    MUST(listing->next < CONSUMERS);
    consumer = &model->consumers[listing->next];
    MUST(strcmp(info->name, consumer_names[listing->next++]) == 0);
    MUST(info->cursor == consumer->cursor &&
         info->dead == consumer->dead_count);
    MUST(info->lag == (model->event_count > consumer->cursor
                           ? model->event_count - consumer->cursor
                           : 0));
    return true;
}

static void
consumers_must_be(struct world *world, unsigned handle)
{
    struct listing listing = { &world->model, 0 };

    MUST(seglog_canonical_list_consumers(world->handles[handle], consumer_told,
                                         &listing, NULL) == SEGLOG_OK);
    while (listing.next < CONSUMERS)
        MUST(!world->model.consumers[listing.next++].is_there);
}

static void
all_must_be(struct world *world, unsigned handle)
{
    const struct seglog_state_range all = { .has_end = false };

    state_must_be(world, handle, &all);
    events_must_be(world, handle, world->model.first_event, SEGLOG_EVENT_END);
    meta_must_be(world, handle);
    consumers_must_be(world, handle);
}

/* -- handles --------------------------------------------------------------- */

static void
kept_end(struct world *world)
{
    static const struct seglog_state_range all;
    struct kept *kept = &world->kept;

    if (!kept->txn)
        return;
    txn_must_be(kept->txn, kept->values, kept->position, &all);
    seglog_read_txn_end(kept->txn);
    kept->txn = NULL;
}

static void
held_drop(struct world *world, unsigned which)
{
    seglog_consumer_close(world->held[which].consumer);
    world->held[which].consumer = NULL;
}

static void
handle_open(struct world *world, unsigned handle)
{
    struct seglog_canonical_options options = world->options;

    options.view_dir = world->has_named[handle] ? world->view_dir : NULL;
    MUST(seglog_canonical_open(world->store, &options, &world->handles[handle],
                               NULL) == SEGLOG_OK);
}

static void
handle_close(struct world *world, unsigned handle)
{
    if (world->kept.handle == handle)
        kept_end(world);
    for (unsigned i = 0; i < 2; i++) {
        if (world->held[i].handle == handle)
            held_drop(world, i);
    }
    MUST(seglog_canonical_close(world->handles[handle], NULL) == SEGLOG_OK);
}

static void
view_file_remove(const struct world *world, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", world->view_dir, name);
    (void)remove(path);
}

static void
view_remove(const struct world *world)
{
    view_file_remove(world, "data.mdb");
    view_file_remove(world, "lock.mdb");
}

/* Both, and what is in between on no device. */
static void
all_reopen(struct world *world, bool removes)
{
    handle_close(world, 0);
    handle_close(world, 1);
    if (removes)
        view_remove(world);
    handle_open(world, 0);
    handle_open(world, 1);
}

/* A view that has a name learns of what was committed elsewhere by writing. */
static void
named_catch_up(struct world *world)
{
    struct seglog_write_txn *txn = NULL;
    const seglog_code code =
        seglog_write_txn_begin(world->handles[0], &txn, NULL);

    MUST(code == (world->model.sealed > 0  ? SEGLOG_SEALED
                  : world->model.is_paused ? SEGLOG_PAUSED
                                           : SEGLOG_OK));
    seglog_write_txn_abort(txn);
}

/* -- transactions ---------------------------------------------------------- */

static seglog_code
gate_code(const struct model *model)
{
    return model->sealed > 0  ? SEGLOG_SEALED
           : model->is_paused ? SEGLOG_PAUSED
                              : SEGLOG_OK;
}

struct progress {
    uint64_t writes;
    uint64_t events;
    size_t size; /* at most */
};

/* Whether it is in: it may be too large. */
static bool
is_taken(seglog_code code, size_t len, size_t max, struct progress *progress)
{
    progress->size += len + SEGLOG_KEY_MAX + 64;
    if (code == SEGLOG_TOO_LARGE)
        MUST(len > max || progress->size + 256 > RECORD_MAX);
    else
        MUST(code == SEGLOG_OK && len <= max);
    return code == SEGLOG_OK;
}

static void
draft_put(struct world *world, unsigned key, const struct bytes *bytes)
{
    world->draft.values[key].is_there = bytes != NULL;
    if (bytes)
        world->draft.values[key].bytes = *bytes;
}

static void
draft_add_event(struct world *world, struct bytes bytes)
{
    struct model *draft = &world->draft;

    draft->events[draft->event_count++] =
        (struct event){ bytes, draft->position };
}

static bool
has_room(const struct world *world)
{
    return world->draft.event_count < EVENTS_MAX;
}

/* What it reads is what it has written, and goes on behind where it was. */
static void
txn_iterate(struct world *world, struct seglog_write_txn *txn)
{
    const struct seglog_state_range range = range_take(world);
    const unsigned key = key_take(world);
    const struct seglog_state_range all = { .has_end = false };
    struct seglog_state_range rest = range;
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice at;
    struct seglog_slice value;
    static char last[SEGLOG_KEY_MAX + 1];

    MUST(seglog_write_txn_iterate(txn, &range, &iter, NULL) == SEGLOG_OK);
    iter_must_be(iter, world->draft.values, &range);
    seglog_state_iter_close(iter);
    MUST(seglog_write_txn_iterate(txn, &all, &iter, NULL) == SEGLOG_OK);
    if (seglog_state_iter_next(iter, &at, &value, NULL) == SEGLOG_OK) {
        memcpy(last, at.data, at.len);
        last[at.len] = '\0';
        rest = (struct seglog_state_range){ .start = { last, at.len + 1 } };
        MUST(seglog_write_txn_delete(txn, key_of(key), NULL) == SEGLOG_OK);
        draft_put(world, key, NULL);
        iter_must_be(iter, world->draft.values, &rest);
    } else {
        MUST(seglog_write_txn_delete(txn, key_of(key), NULL) == SEGLOG_OK);
        draft_put(world, key, NULL);
    }
    seglog_state_iter_close(iter);
}

static void
txn_step(struct world *world, struct seglog_write_txn *txn, unsigned handle,
         struct progress *progress)
{
    static char room[VALUE_MAX + 100];
    const uint8_t what = input_byte(&world->input);
    const unsigned key = key_take(world);
    struct seglog_write_txn *other = NULL;
    struct seglog_slice value;
    struct bytes bytes;
    uint64_t id = 0;
    seglog_code code = SEGLOG_OK;

    switch (what % 8) {
    default:
        bytes = bytes_take(&world->input);
        code = seglog_write_txn_put(txn, key_of(key), bytes_make(bytes, room),
                                    NULL);
        if (is_taken(code, bytes.len, world->options.value_bytes_max,
                     progress)) {
            draft_put(world, key, &bytes);
            progress->writes++;
        }
        return;
    case 3:
        code = seglog_write_txn_delete(txn, key_of(key), NULL);
        if (is_taken(code, 0, 0, progress)) {
            draft_put(world, key, NULL);
            progress->writes++;
        }
        return;
    case 4:
    case 5:
        if (!has_room(world))
            return;
        bytes = bytes_take(&world->input);
        code = seglog_write_txn_append_event(txn, bytes_make(bytes, room), &id,
                                             NULL);
        if (is_taken(code, bytes.len, world->options.event_bytes_max,
                     progress)) {
            MUST(id == world->draft.event_count);
            draft_add_event(world, bytes);
            progress->events++;
        }
        return;
    case 6:
        code = seglog_write_txn_get(txn, key_of(key), &value, NULL);
        MUST(code == (world->draft.values[key].is_there ? SEGLOG_OK
                                                        : SEGLOG_NOT_FOUND));
        if (code == SEGLOG_OK)
            bytes_must_be(value, world->draft.values[key].bytes);
        return;
    case 7:
        if (what < 64) {
            const struct seglog_state_range all = { .has_end = false };

            state_must_be(world, what & 8 ? handle : 1 - handle, &all);
        } else if (what < 80) {
            MUST(seglog_write_txn_begin(world->handles[handle], &other, NULL) ==
                 SEGLOG_INVALID);
            MUST(seglog_write_txn_begin(world->handles[1 - handle], &other,
                                        NULL) == SEGLOG_LOCKED);
        } else if (progress->size + 1200 < RECORD_MAX) {
            progress->size += SEGLOG_KEY_MAX + 64;
            progress->writes++;
            txn_iterate(world, txn);
        }
        return;
    }
}

static void
info_must_be(struct world *world, const struct seglog_commit_info *info,
             const struct progress *progress, bool is_synced)
{
    const struct model *model = &world->model;

    MUST(info->position == model->position);
    MUST(info->first_event == model->event_count);
    MUST(info->events == progress->events && info->writes == progress->writes);
    MUST(progress->events == 0 ||
         info->last_event == info->first_event + progress->events - 1);
    MUST(info->is_durable || !is_synced);
}

/* What the draft says is so, in a transaction of its own unless it is empty. */
static void
draft_take(struct world *world, const struct progress *progress)
{
    if (progress->writes + progress->events > 0)
        world->draft.position++;
    world->model = world->draft;
}

static void
txn_play(struct world *world, unsigned handle)
{
    const uint8_t how = input_byte(&world->input);
    struct progress progress = { 0 };
    struct seglog_commit_info info;
    struct seglog_write_txn *txn = NULL;
    const seglog_code code =
        seglog_write_txn_begin(world->handles[handle], &txn, NULL);

    MUST(code == gate_code(&world->model));
    if (code != SEGLOG_OK)
        return;
    world->draft = world->model;
    for (unsigned i = 0; i < how % 16u; i++)
        txn_step(world, txn, handle, &progress);
    if (how >= 0xD0) {
        seglog_write_txn_abort(txn);
        return;
    }
    MUST(seglog_write_txn_commit(txn, (how & 16) != 0, &info, NULL) ==
         SEGLOG_OK);
    info_must_be(world, &info, &progress, (how & 16) != 0);
    draft_take(world, &progress);
}

/* -- batches --------------------------------------------------------------- */

/* Whether it holds. */
static bool
batch_expect(struct world *world, struct seglog_write_batch *batch)
{
    static char room[VALUE_MAX + 100];
    const unsigned key = key_take(world);
    const struct value *known = &world->model.values[key];
    const bool is_right = input_byte(&world->input) % 4 > 0;
    struct seglog_slice value = bytes_make(known->bytes, room);
    bool is_there = known->is_there;

    if (!is_right && is_there && value.len > 0)
        value.len--;
    else if (!is_right)
        is_there = !is_there;
    if (!known->is_there && is_there)
        value.len = 0;
    MUST(seglog_write_batch_expect(batch, key_of(key), is_there ? &value : NULL,
                                   NULL) == SEGLOG_OK);
    return is_right;
}

static void
batch_fill(struct world *world, struct seglog_write_batch *batch,
           unsigned count, struct progress *progress)
{
    static char room[VALUE_MAX + 100];

    for (unsigned i = 0; i < count; i++) {
        const uint8_t what = input_byte(&world->input);
        const unsigned key = key_take(world);
        const struct bytes bytes = bytes_take(&world->input);
        const struct seglog_slice slice = bytes_make(bytes, room);

        if (what % 4 == 0) {
            if (!is_taken(seglog_write_batch_delete(batch, key_of(key), NULL),
                          0, 0, progress))
                continue;
            draft_put(world, key, NULL);
            progress->writes++;
        } else if (what % 4 == 1 && has_room(world)) {
            if (!is_taken(seglog_write_batch_append_event(batch, slice, NULL),
                          bytes.len, world->options.event_bytes_max, progress))
                continue;
            draft_add_event(world, bytes);
            progress->events++;
        } else {
            if (!is_taken(
                    seglog_write_batch_put(batch, key_of(key), slice, NULL),
                    bytes.len, world->options.value_bytes_max, progress))
                continue;
            draft_put(world, key, &bytes);
            progress->writes++;
        }
    }
}

static void
batch_play(struct world *world, unsigned handle)
{
    const uint8_t how = input_byte(&world->input);
    struct seglog_write_batch *batch = NULL;
    struct progress progress = { 0 };
    struct seglog_commit_info info;
    seglog_code expected = gate_code(&world->model);
    seglog_code code = SEGLOG_OK;

    world->draft = world->model;
    MUST(seglog_write_batch_new(world->handles[handle], &batch, NULL) ==
         SEGLOG_OK);
    for (unsigned i = 0; i < how % 4u; i++) {
        if (!batch_expect(world, batch) && expected == SEGLOG_OK)
            expected = SEGLOG_CONFLICT;
    }
    batch_fill(world, batch, how / 4u % 8u, &progress);
    code = seglog_write_batch_commit(batch, (how & 128) != 0, &info, NULL);
    MUST(code == expected);
    if (code == SEGLOG_OK) {
        info_must_be(world, &info, &progress, (how & 128) != 0);
        draft_take(world, &progress);
    }
    seglog_write_batch_free(batch);
}

/* -- control --------------------------------------------------------------- */

static void
control_play(struct world *world, struct seglog_canonical *canonical)
{
    const uint8_t what = input_byte(&world->input);
    struct model *model = &world->model;
    uint64_t id = 0;
    seglog_code code = SEGLOG_OK;

    switch (what % 8) {
    case 0:
        code = seglog_canonical_seal(canonical, &id, NULL);
        MUST(code == (model->event_count > 0 ? SEGLOG_OK : SEGLOG_INVALID));
        if (code == SEGLOG_OK && model->sealed == 0) {
            model->sealed = model->event_count;
            model->position++;
        }
        MUST(code != SEGLOG_OK || id == model->sealed - 1);
        return;
    default:
        code = seglog_canonical_clear_seal(canonical, NULL);
        model->sealed = 0;
        break;
    case 2:
        code = seglog_canonical_pause(canonical, 0, NULL);
        model->is_paused = true;
        break;
    case 3:
    case 4:
    case 5:
        code = seglog_canonical_resume(canonical, NULL);
        model->is_paused = false;
        break;
    case 6:
        model->schema = input_number(&world->input, 2) << (what >> 3);
        code =
            seglog_canonical_set_schema_version(canonical, model->schema, NULL);
        break;
    }
    MUST(code == SEGLOG_OK);
    model->position++;
}

/* -- consumers ------------------------------------------------------------- */

static void
consumer_hold(struct world *world, unsigned handle, unsigned which)
{
    struct model *model = &world->model;
    struct held *held = &world->held[which];
    const unsigned who = input_byte(&world->input) % CONSUMERS;
    struct consumer *consumer = &model->consumers[who];
    const uint8_t byte = input_byte(&world->input);
    const uint64_t from =
        byte == 0xFF ? SEGLOG_EVENT_END : byte % (model->event_count + 3);

    held_drop(world, which);
    MUST(seglog_consumer_open(world->handles[handle], consumer_names[who], from,
                              &held->consumer, NULL) == SEGLOG_OK);
    if (!consumer->is_there) {
        *consumer = (struct consumer){
            .is_there = true,
            .cursor = from == SEGLOG_EVENT_END ? model->event_count : from,
        };
        if (consumer->cursor < model->first_event)
            consumer->cursor = model->first_event;
        model->position++;
    }
    held->who = who;
    held->handle = handle;
    held->cursor = held->next = consumer->cursor;
}

/* What was read ahead may have been given up since. */
static void
consumer_next(struct world *world, struct held *held)
{
    const struct model *model = &world->model;
    struct seglog_canonical_event event;
    const seglog_code code =
        seglog_consumer_next(held->consumer, 0, &event, NULL);

    if (held->next >= model->event_count) {
        MUST(code == SEGLOG_END);
        return;
    }
    MUST(code == SEGLOG_OK);
    MUST(event.id == held->next ||
         (held->next < model->first_event && event.id == model->first_event));
    MUST(event.position == model->events[event.id].position);
    bytes_must_be(event.data, model->events[event.id].bytes);
    held->next = event.id + 1;
}

static void
held_pass(struct held *held, uint64_t id)
{
    if (held->cursor <= id)
        held->cursor = id + 1;
    if (held->next <= id)
        held->next = id + 1;
}

static void
consumer_acknowledge(struct world *world, struct held *held, uint64_t id,
                     bool is_synced)
{
    struct model *model = &world->model;
    struct consumer *consumer = &model->consumers[held->who];
    const seglog_code code =
        seglog_consumer_acknowledge(held->consumer, id, is_synced, NULL);

    if (id >= held->cursor) {
        MUST(code == (!consumer->is_there        ? SEGLOG_NOT_FOUND
                      : id >= model->event_count ? SEGLOG_INVALID
                                                 : SEGLOG_OK));
        if (code != SEGLOG_OK)
            return;
        if (consumer->cursor <= id) {
            consumer->cursor = id + 1;
            model->position++;
        }
    }
    MUST(code == SEGLOG_OK);
    held_pass(held, id);
}

static struct letter *
letter_place(struct consumer *consumer, uint64_t id)
{
    size_t at = 0;

    while (at < consumer->dead_count && consumer->dead[at].id < id)
        at++;
    if (at < consumer->dead_count && consumer->dead[at].id == id)
        return &consumer->dead[at];
    if (consumer->dead_count == DEAD_MAX)
        return NULL;
    memmove(&consumer->dead[at + 1], &consumer->dead[at],
            (consumer->dead_count - at) * sizeof consumer->dead[0]);
    consumer->dead_count++;
    consumer->dead[at] = (struct letter){ .id = HELD_LETTER };
    return &consumer->dead[at];
}

static void
consumer_reject(struct world *world, struct held *held, uint64_t id)
{
    struct model *model = &world->model;
    struct consumer *consumer = &model->consumers[held->who];
    const char reason[2] = { (char)('a' + id % 26), '\0' };
    struct letter *letter = NULL;
    seglog_code code = SEGLOG_OK;

    if (consumer->dead_count == DEAD_MAX)
        return;
    code = seglog_consumer_reject(held->consumer, id, reason, NULL);
    MUST(code == (!consumer->is_there || id < model->first_event
                      ? SEGLOG_NOT_FOUND
                  : id >= model->event_count ? SEGLOG_INVALID
                                             : SEGLOG_OK));
    if (code != SEGLOG_OK)
        return;
    letter = letter_place(consumer, id);
    letter->id = id;
    memcpy(letter->reason, reason, sizeof reason);
    if (consumer->cursor <= id)
        consumer->cursor = id + 1;
    model->position++;
    held_pass(held, id);
}

struct lane {
    struct model *model;
    struct consumer *consumer;
    size_t next;
};

static seglog_code
letter_told(void *arg, const struct seglog_dead_letter *letter,
            struct seglog_error *err)
{
    struct lane *lane = arg;
    const struct letter *known = &lane->consumer->dead[lane->next++];

    (void)err;
    MUST(lane->next <= lane->consumer->dead_count);
    MUST(letter->id == known->id && letter->retries == known->retries);
    MUST(letter->reason.len == strlen(known->reason) &&
         memcmp(letter->reason.data, known->reason, letter->reason.len) == 0);
    bytes_must_be(letter->data, lane->model->events[letter->id].bytes);
    return SEGLOG_OK;
}

/* Some are handled now, the others not. */
static seglog_code
letter_replayed(void *arg, const struct seglog_dead_letter *letter,
                struct seglog_error *err)
{
    return letter_told(arg, letter, err) == SEGLOG_OK && letter->id % 2 == 0
               ? SEGLOG_OK
               : SEGLOG_IO;
}

static void
consumer_replay(struct world *world, struct held *held)
{
    struct consumer *consumer = &world->model.consumers[held->who];
    struct lane lane = { &world->model, consumer, 0 };
    uint64_t replayed = 0;
    uint64_t left = 0;
    size_t kept = 0;

    MUST(seglog_consumer_replay_dead(held->consumer, letter_replayed, &lane,
                                     &replayed, &left, NULL) == SEGLOG_OK);
    MUST(lane.next == consumer->dead_count &&
         replayed + left == consumer->dead_count);
    world->model.position += consumer->dead_count;
    for (size_t i = 0; i < consumer->dead_count; i++) {
        if (consumer->dead[i].id % 2 == 0)
            continue;
        consumer->dead[kept] = consumer->dead[i];
        consumer->dead[kept].retries++;
        (void)snprintf(consumer->dead[kept].reason,
                       sizeof consumer->dead[kept].reason, "%s",
                       seglog_code_name(SEGLOG_IO));
        kept++;
    }
    MUST(left == kept);
    consumer->dead_count = kept;
}

static void
consumer_remove(struct world *world, unsigned handle, unsigned who)
{
    struct consumer *consumer = &world->model.consumers[who];

    MUST(seglog_canonical_remove_consumer(world->handles[handle],
                                          consumer_names[who], NULL) ==
         (consumer->is_there ? SEGLOG_OK : SEGLOG_NOT_FOUND));
    world->model.position += consumer->is_there;
    *consumer = (struct consumer){ .is_there = false };
}

static void
consumer_play(struct world *world, unsigned handle)
{
    const uint8_t what = input_byte(&world->input);
    struct held *held = &world->held[what >> 7];
    const uint8_t byte = input_byte(&world->input);
    const uint64_t id = byte % (world->model.event_count + 2);

    if (what % 16 == 15) {
        consumer_remove(world, handle, byte % CONSUMERS);
        return;
    }
    if (!held->consumer || what % 16 == 14) {
        consumer_hold(world, handle, what >> 7);
        return;
    }
    if (what % 16 < 6) {
        consumer_next(world, held);
    } else if (what % 16 < 9) {
        consumer_acknowledge(world, held, id, (what & 16) != 0);
    } else if (what % 16 < 12) {
        consumer_reject(world, held, id);
    } else if (what % 16 == 12) {
        struct lane lane = { &world->model, &world->model.consumers[held->who],
                             0 };

        MUST(seglog_consumer_list_dead(held->consumer, letter_told, &lane,
                                       NULL) == SEGLOG_OK);
        MUST(lane.next == lane.consumer->dead_count);
    } else {
        consumer_replay(world, held);
    }
}

/* -- snapshots and retention ----------------------------------------------- */

static void
snapshot_play(struct world *world, struct seglog_canonical *canonical)
{
    struct seglog_snapshot_info info;
    const seglog_code code =
        seglog_canonical_make_snapshot(canonical, &info, NULL);
    struct seglog_blob_info blob;

    /* There is no zstd. */
    if (code == SEGLOG_INVALID)
        return;
    MUST(code == SEGLOG_OK);
    MUST(info.position == world->model.position);
    MUST(seglog_store_get_info(world->store, info.name, &blob, NULL) ==
             SEGLOG_OK &&
         blob.size == info.bytes);
    world->model.snapshot = info.position;
}

/* As much as may go, in whole segments. */
static void
retain_play(struct world *world, struct seglog_canonical *canonical)
{
    struct model *model = &world->model;
    const uint8_t byte = input_byte(&world->input);
    uint64_t limit =
        byte == 0xFF ? SEGLOG_EVENT_END : byte % (model->event_count + 2);
    struct seglog_retention_info info;

    MUST(seglog_canonical_retain(canonical, limit, &info, NULL) == SEGLOG_OK);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        const struct consumer *consumer = &model->consumers[i];

        if (consumer->is_there && consumer->cursor < limit)
            limit = consumer->cursor;
        if (consumer->dead_count > 0 && consumer->dead[0].id < limit)
            limit = consumer->dead[0].id;
    }
    MUST(info.first_event >= model->first_event &&
         info.first_event <= model->event_count);
    MUST(info.first_event <= limit || info.first_event == model->first_event);
    MUST(info.first_position <= model->snapshot &&
         info.first_position >= model->first_position);
    /* No event of what is left is missing, and none is in front of it. */
    MUST(info.first_event == model->event_count ||
         model->events[info.first_event].position >= info.first_position);
    MUST(info.first_event == 0 ||
         model->events[info.first_event - 1].position < info.first_position);
    model->first_event = info.first_event;
    model->first_position = info.first_position;
    /* Another view learns of it when somebody looks at the log for it; until
     * then it has the events that are left all the same. */
    if (world->has_named[0] && world->has_named[1])
        return;
    for (unsigned i = 0; i < 2; i++) {
        if (world->handles[i] == canonical)
            continue;
        events_must_be(world, i, model->first_event, SEGLOG_EVENT_END);
        handle_close(world, i);
        handle_open(world, i);
    }
}

/* -- all of it ------------------------------------------------------------- */

static void
read_play(struct world *world, unsigned handle)
{
    const uint8_t what = input_byte(&world->input);
    const uint64_t from =
        input_byte(&world->input) % (world->model.event_count + 2);

    switch (what % 8) {
    case 0: {
        const struct seglog_state_range range = range_take(world);

        state_must_be(world, handle, &range);
        return;
    }
    case 1:
    case 2:
        events_must_be(world, handle, from, from + what / 8u);
        return;
    case 3:
        event_must_be(world, handle, from);
        return;
    case 4:
        meta_must_be(world, handle);
        return;
    case 5:
        consumers_must_be(world, handle);
        return;
    default:
        kept_end(world);
        MUST(seglog_read_txn_begin(world->handles[handle], &world->kept.txn,
                                   NULL) == SEGLOG_OK);
        memcpy(world->kept.values, world->model.values,
               sizeof world->kept.values);
        world->kept.position = world->model.position;
        world->kept.handle = handle;
        return;
    }
}

static void
step(struct world *world)
{
    const uint8_t what = input_byte(&world->input);
    const unsigned handle = what >> 7;
    struct seglog_canonical *canonical = world->handles[handle];

    if (world->has_named[0] && !world->has_named[1])
        named_catch_up(world);
    switch (what % 32) {
    default:
        txn_play(world, handle);
        return;
    case 10:
    case 11:
    case 12:
    case 13:
        batch_play(world, handle);
        return;
    case 14:
    case 15:
        control_play(world, canonical);
        return;
    case 16:
    case 17:
    case 18:
    case 19:
    case 20:
        consumer_play(world, handle);
        return;
    case 21:
    case 22:
        snapshot_play(world, canonical);
        return;
    case 23:
    case 24:
        retain_play(world, canonical);
        return;
    case 25:
        handle_close(world, handle);
        handle_open(world, handle);
        return;
    case 26:
        all_reopen(world, (what & 64) != 0);
        all_must_be(world, handle);
        return;
    case 27:
        MUST(seglog_canonical_sync(canonical, NULL) == SEGLOG_OK);
        return;
    case 28:
    case 29:
    case 30:
    case 31:
        read_play(world, handle);
        return;
    }
}

static void
options_choose(struct world *world)
{
    static const uint64_t limits[] = { 1, 300, 3000, 0 };
    const uint8_t how = input_byte(&world->input);

    world->options = (struct seglog_canonical_options){
        .size = sizeof world->options,
        .lock_timeout_ms = 1,
        .view_bytes_max = (uint64_t)64 << 20,
        .event_bytes_max = EVENT_MAX,
        .value_bytes_max = VALUE_MAX - 1000,
        .body_log2 = 16,
        .codec = how & 4 ? SEGLOG_CODEC_DEFLATE : SEGLOG_CODEC_NONE,
        .segment_bytes = limits[how >> 4 & 3],
    };
    world->has_named[0] = how % 4 > 1;
    world->has_named[1] = how % 4 > 2;
}

/* In memory, where there is such a place. */
static void
folder_make(struct world *world)
{
    struct stat status;
    const char *place = "/dev/shm";

    if (stat(place, &status) != 0)
        place = P_tmpdir;
    MUST(setenv("TMPDIR", place, 1) == 0);
    (void)snprintf(world->view_dir, sizeof world->view_dir,
                   "%s/seglog-fuzz-XXXXXX", place);
    MUST(mkdtemp(world->view_dir));
}

static void
folder_remove(const struct world *world)
{
    view_remove(world);
    view_file_remove(world, "trust");
    view_file_remove(world, "trust.new");
    MUST(rmdir(world->view_dir) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;

    if (key_lens[0] == 0)
        keys_make();
    memset(&world, 0, sizeof world);
    world.input = (struct input){ data, size };
    options_choose(&world);
    folder_make(&world);
    MUST(seglog_store_memory_open(&world.store, NULL) == SEGLOG_OK);
    world.model.position = 1;
    handle_open(&world, 0);
    handle_open(&world, 1);
    for (unsigned i = 0; i < STEPS_MAX && world.input.left > 0; i++)
        step(&world);
    if (world.has_named[0] && !world.has_named[1])
        named_catch_up(&world);
    all_must_be(&world, 0);
    all_must_be(&world, 1);
    all_reopen(&world, true);
    all_must_be(&world, 1);
    handle_close(&world, 0);
    handle_close(&world, 1);
    folder_remove(&world);
    seglog_store_close(&world.store);
    return 0;
}
