/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/stream_world.h - streams on a machine that fails.
 *
 * As tests/crash/session_world.h: programs of steps, a model of what was
 * promised, and an image of a power cut before each change of what one would
 * leave, which is a world of its own that goes on and is cut again.
 *
 * What is checked:
 *
 *   T1     events that were synced are there, byte for byte
 *   T2     nothing is there that nobody appended, and what was gone once is
 *          never seen again
 *   T3     a batch is there or it is not; batches stand in the order in which
 *          they were acknowledged, without a gap
 *   T4     the head of the end is that of the events that are there
 *   T5     an append that expects an end has it, or is CONFLICT and says what
 *          is right; nobody else's events come in between
 *   T6     whoever opens it after a crash may crash as well
 *   T7     reading from any offset gives what reading everything gives
 *   T8     what has no tombstone is not dropped; what was dropped stays so, and
 *          its tombstones vouch for it
 *   T9     a stream begins where it did, or where it was trimmed to: with that
 *          event, or all that there was; what is before is said to be trimmed
 *   lock   whoever dies holds nobody up
 */
#ifndef CRASH_STREAM_WORLD_H
#define CRASH_STREAM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/stream.h"
#include "seglog/testing/disk_store.h"
#include "tests/crash/crash_program.h"

#define STREAM_ACTORS     3u
#define STREAM_LOGS       2u
#define STREAM_EVENTS_MAX 1500u
#define STREAM_BATCH_MAX  24u
#define STREAM_TEXT_MAX   6000u
#define STREAM_MARKS_MAX  128u

enum stream_invariant {
    STREAM_T1,
    STREAM_T2,
    STREAM_T3,
    STREAM_T4,
    STREAM_T5,
    STREAM_T6,
    STREAM_T7,
    STREAM_T8,
    STREAM_T9,
    STREAM_LOCK,
    STREAM_INVARIANTS
};

struct stream_watch {
    struct crash_watch crash;
    uint64_t holes; /* streams that a power cut has left with one */
    uint64_t looks;
    uint64_t overtaken;
    uint64_t mended;
    uint64_t dropped; /* events, by compactions that came to their end */
    uint64_t trimmed; /* segments, by trims that did */
};

/* A tombstone. */
struct stream_mark {
    size_t at; /* events in front of it */
    size_t offset;
    bool is_synced;
    struct seglog_chain_hash before; /* the heads before it and behind */
    struct seglog_chain_hash after;
};

struct stream_log {
    size_t count; /* the offset behind the events that are there */
    size_t begin; /* of the first of them, when it was last looked at */
    /* Where it may be after a power cut: a trim may be under way, or have been
     * broken off. */
    size_t begin_least;
    size_t begin_most;
    size_t synced; /* of them, those that no power cut takes */
    /* A power cut has left a hole that is not known to be of what was never
     * synced: nothing more is asked of it but what was. */
    bool is_out;
    size_t out_count; /* events that might be there then */
    uint32_t ids[STREAM_EVENTS_MAX];
    bool begins_batch[STREAM_EVENTS_MAX];
    /* Behind each, and behind the tombstones that follow it. */
    struct seglog_chain_hash heads[STREAM_EVENTS_MAX];
    bool is_dropped[STREAM_EVENTS_MAX];
    size_t mark_count;
    struct stream_mark marks[STREAM_MARKS_MAX];
};

/* A batch that is under way: it may be there, or not.  Or a tombstone. */
struct stream_pending {
    bool is_any;
    bool is_mark;
    size_t offset;
    unsigned log;
    unsigned count;
    uint32_t first_id;
};

struct stream_actor {
    struct stream_world *world;
    struct seglog_disk_process process;
    struct seglog_store encrypted;
    struct seglog_store store;     /* that, or the one below it */
    struct seglog_streams streams; /* ops NULL: not running */
    size_t appended[STREAM_LOGS];  /* where its last append ended */
    bool is_failing;               /* a sync will fail in this call */
};

struct stream_world {
    struct stream_watch *watch;
    struct seglog_disk *disk;
    unsigned depth;
    unsigned step;
    uint64_t chance;
    unsigned images_every; /* one change in so many; 0: none */
    uint64_t changes;      /* of the step so far */
    bool is_overtaking;
    bool
        has_failed; /* a sync may have, in this step, and taken what was seen */
    /* Of the program. */
    struct seglog_stream_options options;
    bool is_encrypted;
    uint32_t next_id;
    struct stream_pending pending;
    struct stream_actor actors[STREAM_ACTORS];
    struct stream_log logs[STREAM_LOGS];
};

_Noreturn void
stream_fail(struct stream_world *world, int line, const char *what);

#define stream_expect(world, condition)                                        \
    do {                                                                       \
        if (!(condition))                                                      \
            stream_fail((world), __LINE__, #condition);                        \
    } while (0)

/* The same, and counts that the invariant was looked at. */
#define stream_hold(world, invariant, condition)                               \
    do {                                                                       \
        (world)->watch->crash.checks[invariant]++;                             \
        if (!(condition))                                                      \
            stream_fail((world), __LINE__, #invariant ": " #condition);        \
    } while (0)

void
stream_say(const struct stream_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

unsigned
stream_draw(struct stream_world *world, unsigned limit);

/* -- the model (stream_model.c) -------------------------------------------- */

/* The bytes of an event: everything follows from its id.  Valid until the next
 * call. */
struct seglog_slice
stream_text(uint32_t id);

/* An event stands at the end; whether a batch begins with it is not said. */
void
stream_log_chain(struct stream_world *world, struct stream_log *log,
                 uint32_t id);

/* A batch stands at the end. */
void
stream_log_add(struct stream_world *world, struct stream_log *log,
               uint32_t first_id, unsigned count);

/* The pending batch is there. */
void
stream_pending_commit(struct stream_world *world);

/* The head behind so many events. */
struct seglog_chain_hash
stream_log_head(const struct stream_log *log, size_t count);

/* The head behind these events, if they came next. */
struct seglog_chain_hash
stream_log_head_with(struct stream_world *world, const struct stream_log *log,
                     uint32_t first_id, unsigned count);

/* It takes events again, from there on. */
void
stream_log_mended(struct stream_world *world, struct seglog_streams streams,
                  unsigned which, const struct seglog_stream_end *end);

/* Everything is read and compared with what was promised. */
void
stream_look(struct stream_world *world, bool is_power_cut);

/* -- processes (stream_world.c) -------------------------------------------- */

void
stream_actor_start(struct stream_world *world, struct stream_actor *actor);

/* Closes it. */
seglog_code
stream_actor_stop(struct stream_world *world, struct stream_actor *actor);

struct stream_actor *
stream_actor_any(struct stream_world *world);

/* The power fails, what is left is looked at. */
void
stream_cut_power(struct stream_world *world);

/* Somebody else appends just now. */
void
stream_overtake(struct stream_world *world, const struct stream_actor *by);

/* Of programs: a store of streams. */
extern const struct crash_subject stream_subject;

/* -- tombstones and compaction (stream_mark.c) ------------------------------ */

bool
stream_is_marked(const struct stream_log *log, size_t offset);

/* A tombstone stands at the end. */
void
stream_mark_add(struct stream_world *world, struct stream_log *log,
                size_t offset);

/* The last tombstone is not there after all. */
void
stream_mark_remove(struct stream_log *log);

/* So many events are left: no tombstone behind them is. */
void
stream_marks_cut(struct stream_world *world, struct stream_log *log);

/* That is the head of the end: which of the tombstones that may be missing are
 * there. */
void
stream_marks_adopt(struct stream_world *world, unsigned which,
                   const struct seglog_chain_hash *head, bool is_power_cut);

/* After a mending: so many events are left, and that is the head. */
void
stream_marks_mended(struct stream_world *world, struct stream_log *log,
                    const struct seglog_chain_hash *head);

/* What was dropped is vouched for. */
void
stream_marks_look(struct stream_world *world, struct seglog_streams streams,
                  unsigned which);

void
stream_step_mark(struct stream_world *world);

void
stream_step_compact(struct stream_world *world);

/* Somebody else compacts just now what is being marked. */
void
stream_overtake_compact(struct stream_world *world,
                        const struct stream_actor *by);

/* -- trimming (stream_trim.c) ---------------------------------------------- */

/* Where it begins is one of the places where it may. */
void
stream_begin_adopt(struct stream_world *world, struct seglog_streams streams,
                   unsigned which, bool is_power_cut);

void
stream_step_trim(struct stream_world *world);

/* -- steps (stream_step.c) ------------------------------------------------- */

void
stream_step_run(struct stream_world *world, const uint8_t *bytes);

/* Around a call: somebody may die in it, or a sync fail. */
struct stream_actor *
stream_call_begin(struct stream_world *world);

/* False: so it was, and all is looked at. */
bool
stream_call_end(struct stream_world *world, struct stream_actor *actor,
                seglog_code code);

#endif /* CRASH_STREAM_WORLD_H */
