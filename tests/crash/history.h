/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/history.h - histories of a segment on a machine that fails.
 *
 * The bytes of each step of a program are a seed: what the step does follows
 * from it and from what there is (tests/crash/crash_program.h).
 *
 * A model knows what was promised for each record.  Before every step of the
 * store that changes what a power cut would leave, images of such a cut are
 * made; each is a history of its own that starts with what is left: it is
 * looked at, goes on for some steps, is cut again and looked at again.
 *
 * What is checked, by the names of the invariants of the plan of tests:
 *
 *   I1  what was synced is there, byte for byte, under its number
 *   I2  nothing is there that was not appended
 *   I3  everything once, in order
 *   I4  what was not synced is there up to some record, or its loss is found
 *   I5  what was gone once is never seen again
 *   I6  whoever opens it after a crash may crash as well
 *   I8  a number that was promised is the one the record has
 *   I9  of an encrypted store: no nonce for two different chunks, in all the
 *       histories of a program, which are copies that go on side by side
 *   I12 a copy that is made while others append has what was synced before
 *   I13 after a failed sync all is POISONED, and nothing was promised
 *   verdict  what is lost is never said to have been durable; a process that
 *            dies leaves no damage
 *   repair   a repaired segment has exactly what could be read before
 *   seal     so has a sealed one, and it stays as it is; another one goes on
 *            behind it, so that a history is a row of segments
 *   chain    of a chained segment no head is another one than that of the
 *            records before it, whatever was lost
 */
#ifndef CRASH_HISTORY_H
#define CRASH_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/dictionary.h"
#include "seglog/segment.h"
#include "seglog/testing/disk_store.h"
#include "seglog/testing/fault_store.h"
#include "tests/crash/crash_program.h"

#define WRITERS     3u
#define RECORDS_MAX 2048u
#define PENDING_MAX 256u
#define GROUP_MAX   4u
#define SEALED_MAX  3u
#define NAME_CAP    8u

enum promise {
    TRIED,   /* whoever appended it is dead: it may be there or not */
    PENDING, /* in the buffer of a writer */
    FLUSHED,
    SYNCED,
    GONE /* and must never be seen again */
};

struct attempt {
    uint8_t *bytes; /* the first history's */
    uint32_t len;
    uint8_t promise;
    uint32_t gone_at; /* GONE: how many writers had been opened by then */
    bool is_seen;     /* by the look that is under way */
    uint32_t gap;     /* it stands for so many that were lost elsewhere */
    uint64_t number;  /* 0: not known */
};

/* The bytes of an input, in place of chance. */
struct tape {
    const uint8_t *at;
    size_t left;
};

/* The store of the log as a process sees it, perhaps through encryption. */
struct view {
    struct seglog_disk_process process;
    struct seglog_store store;
    bool is_encrypted;
};

struct slot {
    struct history *history;
    struct seglog_disk_process process;
    struct seglog_faults *faults;
    struct seglog_store store;
    bool is_encrypted;
    struct seglog_writer *writer;
    uint32_t pending[PENDING_MAX];
    size_t pending_count;
    enum seglog_writer_mode mode;
    bool is_held;
    bool has_fault;
    bool is_acting; /* others take a step while a call of it goes on */
};

enum invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I8,
    I9,
    I12,
    I13,
    VERDICT,
    REPAIR,
    SEAL,
    CHAIN,
    INVARIANTS
};

extern const char *const invariant_names[INVARIANTS];

/* Of each segment as many as history.attributes_len says. */
extern const char history_attributes[401];

/* Shared by a history and those that come from its images. */
struct watch {
    struct crash_watch crash;
    uint64_t images_max; /* of one program; 0: any number */
    bool is_plain;       /* no encryption, no dictionary */
    /* An input says what happens: the program, and all behind power cuts. */
    bool has_tapes;
    struct tape program;
    struct tape cuts;
    struct nonces *nonces; /* of this program */
};

/* A segment of the row that is sealed and has another one behind it. */
struct sealed {
    uint64_t first;
    uint64_t end;
    char name[NAME_CAP];
};

struct history {
    struct watch *watch;
    uint64_t seed; /* of the step */
    unsigned depth;
    unsigned images_every; /* one change in so many; 0: none */
    bool is_small;         /* small records only */
    /* What the history of an image does instead of steps by chance. */
    void (*go_on)(struct history *child);
    struct seglog_disk *disk;
    struct seglog_disk_options options;
    struct slot slots[WRITERS];
    bool had_power_cut;
    bool had_truncation;
    /* A sync failed, and the disk says that all is well: until the next power
     * cut shows what is there, a sync promises nothing. */
    bool has_lying_disk;
    /* ... and ever since there may be a hole that nobody could foresee: what
     * is behind it may be seen by one look and not by another. */
    bool was_lied_to;
    bool was_reverted;    /* ... and what was seen once is not, any more */
    uint32_t opened;      /* writers so far */
    bool has_unsure_cut;  /* somebody died, or failed, in a truncation */
    bool is_damaged;      /* a power cut has left a hole */
    bool has_stale;       /* a frame of it stands where none was written */
    bool has_passed_over; /* somebody has gone on behind bytes of no frame */
    bool is_made;         /* somebody has opened it: it must stay a segment */
    bool is_over;
    bool is_crowded;     /* somebody takes a step between those of another */
    uint64_t cutting_to; /* a truncation is under way; 0: none */
    uint64_t identity[2];
    uint64_t first_record;
    uint8_t sync_log2;
    uint8_t body_log2;
    bool no_xxh3;
    enum seglog_codec codec;
    enum seglog_chain chain; /* 0: it is not chained */
    uint32_t attributes_len;
    char dictionary[SEGLOG_DICTIONARY_NAME_BYTES]; /* "": none */
    bool is_encrypted;
    bool has_bad_chance; /* what should be chance is the same again and again */
    uint64_t nonces_end; /* bytes below that were looked at for nonces */
    unsigned cuts_made;  /* numbers were given back */
    char name[NAME_CAP]; /* of the last segment of the row */
    bool is_sealed;      /* it is, as it is seen */
    bool is_sealed_durable;
    unsigned sealed_count;
    struct sealed sealed[SEALED_MAX];
    struct seglog_reader *reader; /* a live one */
    struct view reader_view;
    uint64_t reader_next;
    uint32_t attempt_count;
    struct attempt attempts[RECORDS_MAX];
};

/* Leaves the history with a message unless it is so. */
#define expect(history, condition)                                             \
    do {                                                                       \
        if (!(condition))                                                      \
            history_fail((history), __FILE__, __LINE__, #condition);           \
    } while (0)

#define expect_ok(history, call) expect((history), (call) == SEGLOG_OK)

/* The same, and counts that the invariant was looked at. */
#define hold(history, invariant, condition)                                    \
    do {                                                                       \
        (history)->watch->crash.checks[invariant]++;                           \
        if (!(condition))                                                      \
            history_fail((history), __FILE__, __LINE__,                        \
                         #invariant ": " #condition);                          \
    } while (0)

_Noreturn void
history_fail(struct history *history, const char *file, int line,
             const char *what);

/* Says what the step does, where somebody listens. */
void
history_say(const struct history *history, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* 0 to limit - 1, by the seed of the step or by the tape. */
uint64_t
chance(struct history *history, uint64_t limit);

/* -- the store (history_store.c) ------------------------------------------- */

void
view_open(struct history *history, struct view *view);

void
view_close(struct view *view);

/* Over a store that stays the caller's. */
void
store_encrypt(struct history *history, struct seglog_store below,
              struct seglog_store *store);

/* Make the keys and the dictionary of a history that has them. */
void
store_begin(struct history *history);

/* What has come since the last time is looked at for nonces. */
void
nonces_watch(struct history *history);

/* What lies there was written by somebody who has been watched. */
void
nonces_pass_over(struct history *history);

/*
 * Where nothing was synced a disk may show what stood elsewhere before: a frame
 * of the segment, exactly where the next one would stand.
 *   synced  how many bytes the cut cannot have changed
 */
void
stale_put(struct history *history, uint64_t synced, uint64_t seed);

/* Those of an earlier program are forgotten. */
void
nonces_begin(struct watch *watch);
void
nonces_free(struct watch *watch);

/* -- whole segments (history_whole.c) -------------------------------------- */

/* A process that seals, and may die. */
void
slot_seal(struct history *history, struct slot *slot);

/* Is the last segment sealed, as it is seen now? */
void
seal_notice(struct history *history, struct seglog_store store,
            bool is_power_cut);

/* Go on behind a segment that is sealed for sure, unless somebody has it open
 * still. */
void
history_roll(struct history *history);

/* Copy everything while others append. */
void
history_backup(struct history *history);

/* -- looking (history_look.c) ---------------------------------------------- */

/* Reads all and compares it with what was promised; what is not there is gone
 * from then on. */
void
history_look(struct history *history, bool is_power_cut);

/* Is this record one that was tried?  Its number among the attempts. */
uint32_t
content_check(struct history *history, const struct seglog_record *record);

/* A reader that stays open gets each record once, and never meets damage. */
void
history_read_on(struct history *history);

void
history_stop_reading(struct history *history);

/* -- writing (history_write.c) --------------------------------------------- */

/* A new process; it may be doomed afterwards. */
void
slot_start(struct history *history, struct slot *slot);

/* Now and then something is going to happen to it. */
void
slot_doom(struct history *history, struct slot *slot);

/* It ends, and has no writer. */
void
slot_end(struct slot *slot);

void
slot_open(struct history *history, struct slot *slot);

/* Alone, without anything going wrong but what meanwhile does. */
void
slot_open_plain(struct history *history, struct slot *slot,
                void (*meanwhile)(void *arg, enum seglog_disk_step step),
                void *arg);

void
slot_act(struct history *history, struct slot *slot);

/* One of those who have it open appends or syncs, if it can. */
void
others_append(struct history *history);

/* The process is gone. */
void
slot_abandon(struct history *history, struct slot *slot);

/* One record of len bytes, at least 9, and what must be so afterwards. */
seglog_code
slot_append_one(struct history *history, struct slot *slot, size_t len,
                enum seglog_level level);

void
slot_close(struct history *history, struct slot *slot);

seglog_code
slot_append(struct history *history, struct slot *slot);

seglog_code
slot_sync(struct history *history, struct slot *slot);

seglog_code
slot_truncate_to(struct history *history, struct slot *slot, uint64_t next);

/* After a call that went well or not: what has left the buffer since? */
void
slot_settle(struct history *history, struct slot *slot);

/* -- running (history.c) --------------------------------------------------- */

/* Everything follows from the seed. */
void
history_start(struct history *history, struct watch *watch, uint64_t seed);

void
history_step(struct history *history, uint64_t seed);

/* Of the segment that is made next. */
void
segment_draw(struct history *history);

/* The power fails, what is left is looked at, and nothing is kept. */
void
history_end(struct history *history);

void
history_cut_power(struct history *history, const struct seglog_disk_cut *cut);

/* Any model of what a disk does. */
struct seglog_disk_cut
cut_draw(uint64_t *seed);

/*
 * The image of a cut while this slot was at work becomes a history of its own,
 * for `steps` steps and another cut.
 */
void
history_check_image(struct history *history, const struct slot *acting,
                    const struct seglog_disk_cut *cut, unsigned steps);

#endif /* CRASH_HISTORY_H */
