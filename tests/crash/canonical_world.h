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
 *   C7     it takes transactions again: at once, or once it was asked to go
 *          back to before what is lost (a power cut that left neither old nor
 *          new in what was not synced)
 *   C8     what retention gives up is in front of every event that somebody
 *          wanted to keep, every cursor and dead letter, and of a snapshot; what
 *          is not given up is there
 *   C9     consumers have the cursors and dead letters of the model: nothing
 *          that was synced is given again, and nothing left out
 *   C10    a sync that fails is told, and the store goes on
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
#define CANONICAL_CONSUMERS  2u
#define CANONICAL_DEAD_MAX   4u

enum canonical_invariant {
    CANONICAL_C1,
    CANONICAL_C2,
    CANONICAL_C3,
    CANONICAL_C4,
    CANONICAL_C5,
    CANONICAL_C6,
    CANONICAL_C7,
    CANONICAL_C8,
    CANONICAL_C9,
    CANONICAL_C10,
    CANONICAL_LOCK,
    CANONICAL_INVARIANTS
};

struct canonical_watch {
    struct crash_watch crash;
    uint64_t transactions; /* of the programs themselves */
    uint64_t deaths;       /* images of one */
    uint64_t looks;
    uint64_t holes;    /* logs that had to be mended after a power cut */
    uint64_t segments; /* given up, by retentions that came to their end */
    uint64_t acknowledged;
    uint64_t letters;   /* dead ones, that were replayed */
    uint64_t failed;    /* syncs */
    uint64_t overtaken; /* retentions, by consumers and dead letters */
};

enum canonical_kind {
    CANONICAL_DATA,
    CANONICAL_SCHEMA,
    CANONICAL_PAUSE,
    CANONICAL_RESUME,
    CANONICAL_SEAL,
    CANONICAL_UNSEAL,
    /* Of a consumer. */
    CANONICAL_CURSOR, /* it is made, or goes on to an event */
    CANONICAL_REJECT,
    CANONICAL_HANDLED, /* a dead letter is */
    CANONICAL_LEFT,    /* or is not, once more */
    CANONICAL_REMOVE
};

/* A transaction: all that one of data does follows from its id. */
struct canonical_txn {
    enum canonical_kind kind;
    uint32_t id;
    unsigned who;   /* which consumer */
    uint32_t event; /* its next one; the one that is dead */
};

struct canonical_dead {
    uint32_t event;
    uint32_t retries;
    uint32_t reason; /* id of the transaction */
};

struct canonical_consumer {
    bool is_there;
    uint32_t cursor;
    unsigned dead_count;
    struct canonical_dead dead[CANONICAL_DEAD_MAX]; /* events ascending */
};

/* What there is behind a transaction. */
struct canonical_snap {
    uint32_t values[CANONICAL_KEYS]; /* codes; 0: not there */
    uint32_t events;
    uint32_t sealed; /* events then; 0: not sealed */
    uint32_t schema;
    bool is_paused;
    struct canonical_consumer consumers[CANONICAL_CONSUMERS];
};

struct canonical_model {
    size_t count; /* transactions, without the birth */
    size_t synced;
    struct canonical_snap snaps[CANONICAL_TXNS_MAX + 1]; /* 0: of none */
    uint32_t events[CANONICAL_EVENTS_MAX];               /* codes */
    /* Position of the first transaction that there is, and where it may be:
     * somebody may have died in giving some up. */
    size_t begin;
    size_t begin_most;
    size_t snapshot; /* the position of the newest that there may be */
};

struct canonical_actor {
    struct canonical_world *world;
    struct seglog_disk_process process;
    struct seglog_store encrypted;
    struct seglog_canonical *canonical; /* NULL: not running */
    bool is_view_own;
    size_t appended; /* transactions behind its last one */
    bool is_failing; /* a sync will fail in this call */
    struct seglog_consumer *consumers[CANONICAL_CONSUMERS];
    uint32_t next[CANONICAL_CONSUMERS]; /* event that each gives next */
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
    bool has_written; /* since the transaction under way was handed over */
    bool is_unshared; /* a view of its own was the last to commit */
    /* Who is running need not know where the log begins by now. */
    bool is_begin_unknown;
    bool is_retaining;  /* somebody is, */
    bool is_overtaking; /* and somebody else does something just now */
    uint64_t keep_from; /* what is asked of him */
    enum seglog_disk_sync_failure failing; /* what becomes of what it was for */
    /* Of the program. */
    struct seglog_canonical_options options;
    bool is_encrypted;
    uint32_t next_id;
    bool is_pending;
    struct canonical_txn pending;
    struct canonical_actor actors[CANONICAL_ACTORS];
    struct canonical_model model;
    char view[128];
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

/* This store is what the model says there is behind its transactions.  is_new:
 * it was just opened, so that it knows where the log begins. */
void
canonical_compare(struct canonical_world *world,
                  struct seglog_canonical *canonical, bool is_new);

bool
canonical_slice_is(struct seglog_slice slice, struct seglog_slice other);

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

/* -- retention (canonical_retain.c) ----------------------------------------- */

/* The id of the first event that a log has which begins at this position. */
uint32_t
canonical_event_at(const struct canonical_world *world, size_t position);

/* It begins there now. */
void
canonical_begin_adopt(struct canonical_world *world, size_t position);

/* Where it begins, and that nothing has gone that somebody needs. */
void
canonical_begin_compare(struct canonical_world *world,
                        struct seglog_canonical *canonical, bool is_new);

/* Somebody else does something while this one retains. */
void
canonical_overtake_retain(struct canonical_world *world,
                          const struct canonical_actor *by);

void
canonical_step_snapshot(struct canonical_world *world);

void
canonical_step_retain(struct canonical_world *world);

/* -- consumers (canonical_consumer.c, canonical_consume.c) ------------------ */

const char *
canonical_consumer_name(unsigned who);

/* A transaction of one is committed. */
void
canonical_consumer_apply(const struct canonical_txn *txn,
                         struct canonical_snap *snap);

/* NULL: it is no dead letter. */
struct canonical_dead *
canonical_dead_find(struct canonical_consumer *consumer, uint32_t event);

/* Why it is a dead letter: in text. */
const char *
canonical_reason(uint32_t id, char text[32]);

void
canonical_consumers_compare(struct canonical_world *world,
                            struct seglog_canonical *canonical);

void
canonical_consumers_close(struct canonical_actor *actor);

/* Somebody makes a consumer, or has a dead letter. */
void
canonical_overtake_consume(struct canonical_world *world,
                           struct canonical_actor *other);

void
canonical_acknowledge_all(struct canonical_world *world,
                          struct canonical_actor *actor);

void
canonical_step_consume(struct canonical_world *world);
void
canonical_step_reject(struct canonical_world *world);
void
canonical_step_replay(struct canonical_world *world);
void
canonical_step_consumer_remove(struct canonical_world *world);

/* -- around a call (canonical_call.c) --------------------------------------- */

/* Whoever calls may die in it, or a sync fail. */
void
canonical_call_arm(struct canonical_world *world,
                   struct canonical_actor *actor);

/* The same of anybody. */
struct canonical_actor *
canonical_call_begin(struct canonical_world *world);

/* False: so it was, and all is looked at. */
bool
canonical_call_end(struct canonical_world *world, struct canonical_actor *actor,
                   seglog_code code);

struct canonical_actor *
canonical_actor_any(struct canonical_world *world);

void
canonical_survivors_compare(struct canonical_world *world);

/* It may be there or not, until it is known. */
void
canonical_pending_set(struct canonical_world *world, struct canonical_txn txn);

/* What was asked for is there. */
void
canonical_pending_commit(struct canonical_world *world,
                         struct canonical_actor *actor, bool is_synced);

/* -- steps (canonical_step.c) ---------------------------------------------- */

void
canonical_step_run(struct canonical_world *world, const uint8_t *bytes);

#endif /* CRASH_CANONICAL_WORLD_H */
