/* SPDX-License-Identifier: MIT */
/*
 * tests/faults/stage.h - scenarios in which everything fails in turn.
 *
 * A scenario is a list of steps on a store that was prepared.  What is there
 * after each step, as whoever looks sees it, is a state.  A step that fails
 * leaves the state before it or the one behind it (a step that is many records:
 * one in between), and whoever tries it again gets on.
 */
#ifndef FAULTS_STAGE_H
#define FAULTS_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/seglog.h"
#include "seglog/testing/disk_store.h"
#include "seglog/testing/fault_store.h"

#define STEPS_MAX 16u

/* Lines of text. */
struct text {
    char *bytes;
    size_t len;
    size_t cap;
};

void
text_free(struct text *text);
void
text_add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void
text_copy(struct text *text, const struct text *from);
bool
text_is(const struct text *a, const struct text *b);
/* The lines of one are the first ones of the other. */
bool
text_begins(const struct text *all, const struct text *part);
/* near: where a line is looked for at first; it moves behind what is found, for
 * what is looked for next is mostly there.  It begins at 0. */
bool
text_has_line(const struct text *text, const char *line, size_t len,
              size_t *near);

enum ground {
    ON_DISK,
    ON_DISK_ENCRYPTED,
    ON_MEMORY,
    ON_MEMORY_ENCRYPTED,
    ON_FILES,
    GROUNDS
};

extern const char *const ground_names[GROUNDS];

struct stage;

typedef seglog_code (*step_fn)(struct stage *stage, struct seglog_error *err);

struct step {
    const char *name;
    step_fn run;
    uint64_t arg;   /* for the step: stage->arg */
    unsigned flags; /* STEP_ */
};

enum {
    STEP_SYNCED = 1,   /* what is there behind it survives a power cut */
    STEP_SALVAGES = 2, /* passes over what it cannot read, and says so */
    STEP_ENDS = 4,     /* fails all the same, and again: with this state */
    STEP_ROLLS = 8,    /* goes on elsewhere, and says so, behind damage */
};

enum {
    SCENE_GROWS = 1,     /* states lie within each other: record by record */
    SCENE_DAMAGED = 2,   /* what it begins with is damaged */
    SCENE_BELOW = 4,     /* its steps open the encrypted store themselves */
    SCENE_NOT_DISK = 8,  /* too much for the disk */
    SCENE_NO_STORE = 16, /* allocates only */
    SCENE_PARTS = 128,   /* a step is done part by part, in any order */
    SCENE_BYTES = 64,    /* blobs of bytes without checksums */
    SCENE_SLOW = 32,     /* some failures only, unless all are wanted */
    /* Where one blob ends and the next begins depends on what has failed. */
    SCENE_ROTATES = 512,
};

struct scenario {
    const char *name;
    unsigned flags;
    bool (*setup)(struct stage *stage);
    void (*look)(struct stage *stage, struct seglog_store store,
                 struct text *seen);
    struct step steps[STEPS_MAX];
    /* For steps that many scenarios share. */
    struct seglog_writer_options writer;
    struct seglog_session_store_options sessions;
    bool has_dictionary;
    unsigned kind; /* of damage, of sealing */
};

extern const struct scenario *const scenario_lists[];

struct stage {
    const struct scenario *scenario;
    enum ground ground;
    /* Of the machine. */
    struct seglog_disk *disk;
    struct seglog_disk_process process;
    char *dir;
    struct seglog_store base;     /* where the bytes are */
    struct seglog_faults *faults; /* around base */
    struct seglog_store below;    /* ... as a store */
    struct seglog_store store;    /* what the steps use */
    /* What the steps have open, or NULL. */
    struct seglog_writer *writer;
    struct seglog_writer *other;
    struct seglog_reader *reader;
    struct seglog_session_store *sessions;
    struct seglog_replay *replay;
    struct seglog_streams streams;
    struct seglog_canonical *canonical;
    struct seglog_blob blob;
    struct seglog_lock lock;
    bool has_encrypted; /* store was opened by a step */
    bool was_cut;       /* the power, and nobody has opened it since */
    bool had_cut;       /* ever */
    bool is_sticky;     /* the failure */
    uint64_t arg;
    bool is_again;   /* the step was tried before */
    bool has_unread; /* the step has repaired what could be read then */
    int sys_errno;   /* of the failure there is to be */
    struct text said;
};

/* What the stage began with, as raw bytes. */
struct prepared {
    struct seglog_store store; /* in memory */
    struct seglog_disk *disk;  /* or NULL */
};

extern const uint8_t stage_key[SEGLOG_KEY_BYTES];

/* False, with a line on standard error: it cannot be done here at all. */
bool
stage_prepare(struct prepared *prepared, const struct scenario *scenario,
              enum ground ground);
void
prepared_free(struct prepared *prepared);

bool
stage_start(struct stage *stage, const struct scenario *scenario,
            enum ground ground, const struct prepared *prepared);

/* The same on what a power cut has left of it. */
bool
stage_start_on(struct stage *stage, const struct scenario *scenario,
               enum ground ground, struct seglog_disk *disk);

/* Close what the steps have opened, whatever that says. */
void
stage_let_go(struct stage *stage);
void
stage_end(struct stage *stage);

/* What is there, as a healthy store says. */
void
stage_look(struct stage *stage, struct text *seen);

/* The names of all blobs. */
void
stage_names(struct stage *stage, struct text *names);

/* What a step found out; the same again if it is run again. */
void
say(struct stage *stage, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void
say_record(struct stage *stage, const struct seglog_record *record);

uint64_t
hash_of(const void *bytes, size_t len);

bool
name_has_end(const char *name, const char *end);

/* -- looks ----------------------------------------------------------------- */

void
look_at_logs(struct stage *stage, struct seglog_store store, struct text *seen);
void
look_at_sessions(struct stage *stage, struct seglog_store store,
                 struct text *seen);
void
look_at_blobs(struct stage *stage, struct seglog_store store,
              struct text *seen);

/* For setups: ends the process if that fails. */
void
must(seglog_code code, const struct seglog_error *err);

#endif /* FAULTS_STAGE_H */
