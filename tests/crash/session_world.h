/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/session_world.h - a session store on a machine that fails.
 *
 * What a step of a program does follows from its bytes and from what there is
 * (tests/crash/crash_program.h).  Several processes have the store open and take
 * turns.
 *
 * A model knows what was promised.  Before a change of what a power cut would
 * leave, an image of such a cut is made; it is a world of its own that starts
 * with what is left: it is looked at, goes on for some steps, is cut again and
 * looked at again.  What a look sees is what is there from then on: nothing of
 * the rest may ever come back.
 *
 * What is checked:
 *
 *   I1     entries, names and segments that were synced are there, byte for
 *          byte
 *   I2     nothing is there that nobody wrote
 *   I3     entries stand in order, once; groups whole or not at all
 *   I5     what was gone once is never seen again
 *   I6     whoever opens it after a crash may crash as well
 *   I7     the index changes nothing, whether it is missing, stale or old
 *   I8     an append that expects a position has it, or is CONFLICT
 *   names  what was written at once is there at once
 *   whole  a segment that is made is absent or complete
 *   parent what a sealed segment refers to is there
 *   notes  kinds and turns are those of the entries
 *   lock   whoever dies holds nobody up
 */
#ifndef CRASH_SESSION_WORLD_H
#define CRASH_SESSION_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/dictionary.h"
#include "seglog/session.h"
#include "seglog/testing/disk_store.h"
#include "tests/crash/crash_program.h"

#define SESSION_ACTORS      3u
#define SESSION_LANES_MAX   24u
#define SESSION_ENTRIES_MAX 640u
#define SESSION_MORE_MAX    320u
#define SESSION_SESSIONS    3u
#define SESSION_NAMES       10u
/* Lazy ones, and those that somebody died in while they were full. */
#define SESSION_BATCHES      8u
#define SESSION_BATCHES_LAZY 5u
#define SESSION_TEXT_CAP     4096u
#define SESSION_ALL          SIZE_MAX

enum session_invariant {
    SESSION_I1,
    SESSION_I2,
    SESSION_I3,
    SESSION_I5,
    SESSION_I6,
    SESSION_I7,
    SESSION_I8,
    SESSION_NAMED,
    SESSION_WHOLE,
    SESSION_PARENT,
    SESSION_NOTES,
    SESSION_LOCK,
    SESSION_INVARIANTS
};

struct session_watch {
    struct crash_watch crash;
    bool cuts_are_chosen; /* by the last two bytes of each step */
    /* The index as it was once, to be put back. */
    uint8_t old_index[16384];
    size_t old_index_len;
};

struct session_step {
    uint8_t bytes[CRASH_STEP_BYTES];
};

/* What stands under one number.  hash 0: lost, and never to be seen again. */
struct session_entry {
    uint64_t hash;
    uint32_t turn; /* that it ends; 0: none */
    uint16_t group_first;
    uint16_t group_count;
};

struct session_lane {
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane;
    bool is_used;  /* of the model: some segment of these ids */
    bool is_there; /* processes see it */
    bool is_safe;  /* a power cut does not take it */
    bool is_sealed;
    bool is_holed; /* a power cut has left a hole, or something torn */
    bool is_torn;  /* the next writer cuts its tail, and its head changes */
    bool refuses;  /* it has said that it is damaged: nothing is appended */
    bool is_quiet; /* all of it is synced, and somebody has read it since */
    /*
     * Somebody died in it, and nothing of it was synced since.  What is behind
     * its end below an encrypted store is not read before the power fails: a
     * part of a chunk is nothing, its length with zeros is a torn end.
     */
    bool is_loose;
    int16_t parent; /* of a sealed one: the lane it refers to; -1: none */
    struct seglog_lineage lineage;
    uint64_t label_hash;
    size_t count;
    size_t synced; /* of them, those that no power cut takes */
    /*
     * Where nothing can be cut: what stood from torn_at on before the last power
     * cut that tore it, while that is not settled (see session_names).
     */
    size_t torn_at;
    size_t torn_count;
    struct session_entry entries[SESSION_ENTRIES_MAX];
    struct session_entry torn[SESSION_ENTRIES_MAX];
};

struct session_values {
    uint64_t hash[SESSION_NAMES]; /* 0: absent */
};

struct session_batch {
    unsigned count;
    unsigned key[4];
    uint64_t hash[4];
};

struct session_names {
    struct session_values safe;
    struct session_batch batches[SESSION_BATCHES]; /* since, seen by all */
    unsigned batch_count;
    /*
     * Where nothing can be cut: what was before the last power cut, while that
     * is not settled.  What was torn stays where it is, and zeros that the next
     * power cut leaves behind it may be all that it lacks (SPEC.md 7.3).
     */
    struct session_values torn_safe;
    struct session_batch torn[SESSION_BATCHES];
    unsigned torn_count;
};

/* What is under way: it may have happened, as a whole, or not. */
struct session_pending {
    bool is_any;
    int lane;            /* gets the entries from `skip` on; -1: none */
    bool makes_lane;     /* ... and is made by it */
    bool may_make_other; /* a segment of an id that nobody knows */
    size_t skip;         /* entries only for that one */
    bool is_cutting;     /* lane is cut to `keep` */
    size_t keep;
    uint32_t going;  /* lanes that may be gone: a bit each */
    bool is_sealing; /* lane */
    bool has_batch;
    struct session_batch batch;
    struct seglog_uuid session; /* of the other one */
    struct seglog_lineage lineage;
    uint64_t label_hash;
    size_t count;
    struct session_entry entries[SESSION_ENTRIES_MAX];
};

struct session_actor {
    struct session_world *world;
    bool is_failing; /* a sync will fail in this call */
    struct seglog_disk_process process;
    struct seglog_store encrypted;
    struct seglog_session_store *sessions; /* NULL: not running */
};

struct session_world {
    struct session_watch *watch;
    struct seglog_disk *disk;
    unsigned depth;
    unsigned step;
    /* Choices: first the bytes of the step, then what follows from them. */
    struct session_step choices;
    unsigned choice_at;
    uint64_t chance;
    unsigned images_every; /* one change in so many; 0: none, or chosen */
    uint64_t image_at;     /* the change of the step, where chosen; 0: none */
    uint64_t changes;      /* of the step so far */
    /* Of the program. */
    enum seglog_codec codec;
    bool is_encrypted;
    bool cannot_cut; /* the byte store has no truncate */
    bool is_large;
    uint8_t sync_log2;
    char dictionaries[2][SEGLOG_DICTIONARY_NAME_BYTES]; /* empty: not there */
    uint64_t dictionary_hash[2];
    uint32_t next_id;
    uint32_t next_segment;
    struct session_names names;
    struct session_pending pending;
    unsigned lane_count;
    struct session_actor actors[SESSION_ACTORS];
    struct session_lane lanes[SESSION_LANES_MAX];
};

_Noreturn void
session_fail(struct session_world *world, int line, const char *what);

#define session_expect(world, condition)                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            session_fail((world), __LINE__, #condition);                       \
    } while (0)

/* The same, and counts that the invariant was looked at. */
#define session_hold(world, invariant, condition)                              \
    do {                                                                       \
        (world)->watch->crash.checks[invariant]++;                             \
        if (!(condition))                                                      \
            session_fail((world), __LINE__, #invariant ": " #condition);       \
    } while (0)

void
session_say(const struct session_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* 0 to limit - 1, by the step; limit is at most 256 to be chosen freely. */
unsigned
session_draw(struct session_world *world, unsigned limit);

/* -- the model (session_model.c) ------------------------------------------- */

uint64_t
session_hash(const void *bytes, size_t len);

/* The text of an entry: everything follows from its id.  Returns its length. */
size_t
session_entry_make(uint32_t id, char text[SESSION_TEXT_CAP],
                   struct session_entry *entry);

/* Whether it is the text of an entry that was handed out before. */
bool
session_entry_is_known(const struct session_world *world, const void *bytes,
                       size_t len);

struct session_lane *
session_lane_find(struct session_world *world,
                  const struct seglog_uuid *session,
                  const struct seglog_uuid *segment, enum seglog_lane lane);

/* The same, made where there is none; NULL: no room. */
struct session_lane *
session_lane_need(struct session_world *world,
                  const struct seglog_uuid *session,
                  const struct seglog_uuid *segment, enum seglog_lane lane);

/* For two more. */
bool
session_lanes_have_room(const struct session_world *world);

int
session_lane_index(const struct session_world *world,
                   const struct session_lane *lane);

/* It was made, with what is pending. */
void
session_lane_begin(struct session_world *world, struct session_lane *lane,
                   bool is_safe);

/* What is pending stands behind its entries, the first under this position. */
void
session_lane_add(struct session_world *world, struct session_lane *lane,
                 size_t at);

void
session_lane_sync(struct session_lane *lane);

/* It is gone, durably. */
void
session_lane_end(struct session_lane *lane);

/* What everybody sees. */
struct session_values
session_names_now(const struct session_names *names);

void
session_batch_apply(const struct session_batch *batch,
                    struct session_values *values);

/* The pending batch was written. */
void
session_names_written(struct session_world *world, bool is_synced);

void
session_pending_clear(struct session_world *world);

/* A world of its own for an image; its disk is the caller's to make. */
void
session_world_copy(struct session_world *to, const struct session_world *from);

/* -- processes (session_world.c) ------------------------------------------- */

/* Somebody who is running. */
struct session_actor *
session_actor_any(struct session_world *world);

void
session_actor_start(struct session_world *world, struct session_actor *actor);

void
session_actor_stop(struct session_world *world, struct session_actor *actor);

/* The power fails, what is left is looked at. */
void
session_cut_power(struct session_world *world);

void
session_actors_stop(struct session_world *world);

/* -- looking (session_look.c) ---------------------------------------------- */

/*
 * Everything is read and compared with what was promised; what is not there is
 * gone from then on, and what was pending has happened or not.
 */
void
session_look(struct session_world *world, bool is_power_cut);

/* Two who see another index see the same (session_index.c). */
void
session_look_index(struct session_world *world);

void
session_look_rows(struct session_world *world,
                  struct seglog_session_store *sessions, bool may_adopt);

void
session_look_names(struct session_world *world,
                   struct seglog_session_store *sessions, bool is_power_cut);

/* -- steps (session_step.c) ------------------------------------------------ */

void
session_step_run(struct session_world *world, const struct session_step *step);

enum session_outcome {
    SESSION_DONE,  /* the code is what the caller would see */
    SESSION_AGAIN, /* somebody died in a cut or removal: do it once more */
    SESSION_OVER   /* somebody died, or the power failed: all is looked at */
};

/* Around one call: who is to make it, and what came of it. */
struct session_actor *
session_call_begin(struct session_world *world);

enum session_outcome
session_call_end(struct session_world *world, struct session_actor *actor,
                 seglog_code code);

/* New entries that are to be appended; they are pending.  Valid until the next
 * call of this depth. */
const struct seglog_slice *
session_entries_new(struct session_world *world, size_t count);

/* Whether it is this actor that syncs all it appends. */
bool
session_actor_syncs(const struct session_world *world,
                    const struct session_actor *actor);

/* It said so of a lane that has a hole: nothing happened. */
bool
session_is_damage(struct session_lane *lane, seglog_code code);

/* Ids by chance: of a session and segment that may be there or not. */
void
session_ids_draw(struct session_world *world, struct seglog_uuid *session,
                 struct seglog_uuid *segment);

void
session_id_new(struct session_world *world, struct seglog_uuid *segment);

/* Lanes of entries by chance: one that is there, NULL if none is. */
struct session_lane *
session_lane_draw(struct session_world *world);

struct session_append_call {
    size_t count;
    bool is_synced;
    bool rolls_over;
    struct seglog_expect expect;
};

void
session_step_append(struct session_world *world);
void
session_append_to(struct session_world *world, struct session_lane *lane);
void
session_step_trace(struct session_world *world);
void
session_step_expected(struct session_world *world);
void
session_step_roll(struct session_world *world);
void
session_step_place(struct session_world *world);
void
session_step_writer(struct session_world *world);
void
session_step_create(struct session_world *world);
void
session_step_fork(struct session_world *world);
void
session_step_truncate(struct session_world *world);
void
session_step_seal(struct session_world *world);
void
session_step_delete(struct session_world *world);
void
session_step_delete_session(struct session_world *world);
void
session_step_names(struct session_world *world);
void
session_step_dictionary(struct session_world *world);
void
session_step_ask(struct session_world *world);

/* -- running (session_world.c) --------------------------------------------- */

/* Of programs: a session store. */
extern const struct crash_subject session_subject;

#endif /* CRASH_SESSION_WORLD_H */
