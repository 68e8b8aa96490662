/* SPDX-License-Identifier: MIT */
/*
 * fuzz/canonical_world.h - canonical stores and what they must say.
 *
 *   canonical_bytes.c     keys, values and events that are known by two numbers
 *   canonical_look.c      what is read is what the arrays say
 *   canonical_handle.c    handles, and the folder of the view
 *   canonical_txn.c       transactions and batches
 *   canonical_consumer.c  consumers and their dead letters
 *   canonical_retain.c    state snapshots and retention
 */
#ifndef FUZZ_CANONICAL_WORLD_H
#define FUZZ_CANONICAL_WORLD_H

#include "fuzz/support.h"
#include "seglog/canonical.h"

#define KEYS        24u
#define EVENTS_MAX  600u
#define CONSUMERS   3u
#define DEAD_MAX    12u
#define VALUE_MAX   6000u
#define EVENT_MAX   3000u
#define RECORD_MAX  ((size_t)1 << 16)
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
    unsigned last;     /* handle that is opened again at the end */
    char view_dir[64];
    struct seglog_canonical *handles[2];
    struct model model;
    struct model draft; /* with what a transaction has done so far */
    struct held held[2];
    struct kept kept;
};

/* -- canonical_bytes.c ----------------------------------------------------- */

/* By their bytes. */
extern unsigned key_order[KEYS];

/* Made where there is room, or looked at. */
struct seglog_slice
bytes_make(struct bytes bytes, char room[VALUE_MAX + 100]);

void
bytes_must_be(struct seglog_slice slice, struct bytes bytes);

/* What the input says; some are too large. */
struct bytes
bytes_take(struct input *input);

struct seglog_slice
key_of(unsigned key);

int
key_compare(struct seglog_slice a, struct seglog_slice b);

/* Once. */
void
keys_make(void);

unsigned
key_take(struct world *world);

/* -- canonical_look.c ------------------------------------------------------ */

extern const char *const consumer_names[CONSUMERS];

/* Any, as the input says. */
struct seglog_state_range
range_take(struct world *world);

/* From where it is to its end. */
void
iter_must_be(struct seglog_state_iter *iter, const struct value *values,
             const struct seglog_state_range *range);

void
txn_must_be(struct seglog_read_txn *txn, const struct value *values,
            uint64_t position, const struct seglog_state_range *range);

void
state_must_be(struct world *world, unsigned handle,
              const struct seglog_state_range *range);

void
events_must_be(struct world *world, unsigned handle, uint64_t from,
               uint64_t to);

void
event_must_be(struct world *world, unsigned handle, uint64_t id);

void
meta_must_be(struct world *world, unsigned handle);

void
consumers_must_be(struct world *world, unsigned handle);

/* State, events, meta and consumers. */
void
all_must_be(struct world *world, unsigned handle);

/* -- canonical_handle.c ---------------------------------------------------- */

/* The read transaction that stays open; it says what it said before. */
void
kept_end(struct world *world);

void
held_drop(struct world *world, unsigned which);

void
handle_open(struct world *world, unsigned handle);

/* With what it has open. */
void
handle_close(struct world *world, unsigned handle);

/* LMDB's files of the view that has a name. */
void
view_remove(const struct world *world);

/* Both: the view is gone meanwhile, or the machine has been off. */
void
all_reopen(struct world *world, bool removes, bool is_other_run);

/* A view that has a name learns of what was committed elsewhere by writing. */
void
named_catch_up(struct world *world);

/* In memory, where there is such a place. */
void
folder_make(struct world *world);

void
folder_remove(const struct world *world);

/* -- canonical_txn.c ------------------------------------------------------- */

/* What who wants to write is told. */
seglog_code
gate_code(const struct model *model);

void
txn_play(struct world *world, unsigned handle);

void
batch_play(struct world *world, unsigned handle);

/* -- canonical_consumer.c -------------------------------------------------- */

void
consumer_play(struct world *world, unsigned handle);

/* -- canonical_retain.c ---------------------------------------------------- */

void
snapshot_play(struct world *world, struct seglog_canonical *canonical);

void
retain_play(struct world *world, struct seglog_canonical *canonical);

#endif /* FUZZ_CANONICAL_WORLD_H */
