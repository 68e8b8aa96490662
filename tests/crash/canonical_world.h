/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/canonical_world.h - a canonical store on a machine that fails.
 *
 * As tests/crash/stream_world.h: programs of steps, a model of what was
 * promised, and images.  The log lies on the simulated disk, the view in a real
 * folder.  Before each change of the disk there are two images: of the death of
 * all processes, which leaves the disk and LMDB's files as they are just then
 * (or LMDB's as they were earlier: all of them were, when the log was as far),
 * and of a power cut, which leaves of the disk what it may, and of LMDB's files
 * anything at all, unless their mark says that they are whole.
 *
 * What is checked:
 *
 *   C1     what was synced is there
 *   C2     what there is is what was committed, in its order, without a gap:
 *          after a death all of it, after a power cut the first so many
 *   C3     the state is that of the model after so many transactions, whether
 *          the view was kept, caught up or was built anew
 *   C4     so are the events, each by its id
 *   C5     so are seal, pause, schema version, and the counts
 *   C6     whoever is running sees what is committed, and nothing that is not in
 *          the log
 *   C7     it takes transactions again
 *   lock   whoever dies holds nobody up
 */
#ifndef CRASH_CANONICAL_WORLD_H
#define CRASH_CANONICAL_WORLD_H

#include "seglog/canonical.h"
#include "seglog/testing/disk_store.h"
#include "tests/crash/crash_program.h"

#define CANONICAL_ACTORS     3u
#define CANONICAL_KEYS       8u
#define CANONICAL_TXNS_MAX   500u
#define CANONICAL_EVENTS_MAX 1200u
#define CANONICAL_TEXT_CAP   4096u
#define CANONICAL_WRITES_MAX 3u

enum canonical_invariant {
    CANONICAL_C1,
    CANONICAL_C2,
    CANONICAL_C3,
    CANONICAL_C4,
    CANONICAL_C5,
    CANONICAL_C6,
    CANONICAL_C7,
    CANONICAL_LOCK,
    CANONICAL_INVARIANTS
};

struct canonical_watch {
    struct crash_watch crash;
    uint64_t transactions; /* of the programs themselves */
    uint64_t deaths;       /* images of one */
    uint64_t looks;
    uint64_t holes; /* logs that had to be mended after a power cut */
    /* Of them, those that cannot be: a transaction that was not synced is lost
     * in front of a checkpoint that is there. */
    uint64_t stuck;
};

enum canonical_kind {
    CANONICAL_DATA,
    CANONICAL_SCHEMA,
    CANONICAL_PAUSE,
    CANONICAL_RESUME,
    CANONICAL_SEAL,
    CANONICAL_UNSEAL
};

/* A transaction: all that it does follows from its id. */
struct canonical_txn {
    enum canonical_kind kind;
    uint32_t id;
};

/* What there is behind a transaction. */
struct canonical_snap {
    uint32_t values[CANONICAL_KEYS]; /* codes; 0: not there */
    uint32_t events;
    uint32_t sealed; /* events then; 0: not sealed */
    uint32_t schema;
    bool is_paused;
};

struct canonical_model {
    size_t count; /* transactions, without the birth */
    size_t synced;
    struct canonical_snap snaps[CANONICAL_TXNS_MAX + 1]; /* 0: of none */
    uint32_t events[CANONICAL_EVENTS_MAX];               /* codes */
};

struct canonical_actor {
    struct canonical_world *world;
    struct seglog_disk_process process;
    struct seglog_store encrypted;
    struct seglog_canonical *canonical; /* NULL: not running */
    bool is_view_own;
    size_t appended; /* transactions behind its last one */
};

struct canonical_world {
    struct canonical_watch *watch;
    struct seglog_disk *disk;
    unsigned depth;
    unsigned step;
    uint64_t chance;
    unsigned images_every; /* one change in so many; 0: none */
    uint64_t changes;
    unsigned boot;
    bool is_over;     /* it cannot be mended: nothing more is asked */
    bool has_written; /* since the transaction under way was handed over */
    bool is_unshared; /* a view of its own was the last to commit */
    /* Of the program. */
    struct seglog_canonical_options options;
    bool is_encrypted;
    uint32_t next_id;
    bool is_pending;
    struct canonical_txn pending;
    struct canonical_actor actors[CANONICAL_ACTORS];
    struct canonical_model model;
    char view[128];
    uint64_t corrupt_at; /* where opening has found it CORRUPT */
    uint64_t clean_hash; /* of LMDB's file when it was marked whole; 0: never */
};

_Noreturn void
canonical_fail(struct canonical_world *world, int line, const char *what);

#define canonical_expect(world, condition)                                     \
    do {                                                                       \
        if (!(condition))                                                      \
            canonical_fail((world), __LINE__, #condition);                     \
    } while (0)

/* The same, and counts that the invariant was looked at. */
#define canonical_hold(world, invariant, condition)                            \
    do {                                                                       \
        (world)->watch->crash.checks[invariant]++;                             \
        if (!(condition))                                                      \
            canonical_fail((world), __LINE__, #invariant ": " #condition);     \
    } while (0)

void
canonical_say(const struct canonical_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

unsigned
canonical_draw(struct canonical_world *world, unsigned limit);

/* -- the model (canonical_model.c) ----------------------------------------- */

/* What a transaction of data does. */
struct canonical_content {
    unsigned writes;
    struct {
        unsigned key;
        uint32_t code; /* 0: it is deleted */
    } ops[CANONICAL_WRITES_MAX];
    unsigned events;
    uint32_t codes[CANONICAL_WRITES_MAX];
};

struct canonical_content
canonical_content_of(uint32_t id);

struct seglog_slice
canonical_key(unsigned number);

/* The bytes of a value or an event: in text. */
struct seglog_slice
canonical_text(uint32_t code, char text[CANONICAL_TEXT_CAP]);

/* It is committed. */
void
canonical_model_add(struct canonical_world *world,
                    const struct canonical_txn *txn);

const struct canonical_snap *
canonical_model_now(const struct canonical_world *world);

/* This store is what the model says there is behind its transactions. */
void
canonical_compare(struct canonical_world *world,
                  struct seglog_canonical *canonical);

/* All that there is is looked at, by somebody who comes new. */
void
canonical_look(struct canonical_world *world, bool is_power_cut);

/* -- processes (canonical_world.c) ----------------------------------------- */

/* Open it as an actor of this world does.  NOT OK only of a log that a power
 * cut has left so. */
seglog_code
canonical_actor_start(struct canonical_world *world,
                      struct canonical_actor *actor, bool is_view_own);

/* Closes it. */
void
canonical_actor_stop(struct canonical_world *world,
                     struct canonical_actor *actor);

void
canonical_actors_kill(struct canonical_world *world);

void
canonical_actors_stop(struct canonical_world *world);

void
canonical_cut_power(struct canonical_world *world);

extern const struct crash_subject canonical_subject;

/* -- the folder of the view (canonical_folder.c) ---------------------------- */

/* A program begins: what there was before is forgotten. */
void
canonical_folder_begin(void);

/* A new name for one, in a folder that goes when the program ends. */
void
canonical_folder_new(struct canonical_world *world);

void
canonical_folder_remove(struct canonical_world *world);

/* LMDB's files alone. */
void
canonical_folder_lose(struct canonical_world *world);

/* They were marked whole just now, if they are. */
void
canonical_folder_note(struct canonical_world *world);

/* What a death of all processes leaves, or a power cut, of the folder of
 * another world. */
void
canonical_folder_copy(struct canonical_world *world,
                      const struct canonical_world *from, bool is_power_cut);

/* The same in place, when nobody has it open. */
void
canonical_folder_break(struct canonical_world *world);

/* -- steps (canonical_step.c) ---------------------------------------------- */

void
canonical_step_run(struct canonical_world *world, const uint8_t *bytes);

#endif /* CRASH_CANONICAL_WORLD_H */
