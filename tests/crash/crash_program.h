/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/crash_program.h - programs that follow from seeds.
 *
 * A program is a list of steps of eight bytes; what a step does follows from
 * them and from what there is.  So steps can be left out and the others still
 * make sense, which is how a violation is made small.
 *
 * What it is a program of is a world: of a segment (history.h), of a session
 * store (session_world.h), of streams (stream_world.h).  A watch is shared by
 * the world of a program and those that come from its images.
 */
#ifndef CRASH_PROGRAM_H
#define CRASH_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/testing/disk_store.h"
#include "tests/crash/entropy.h"

#define CRASH_STEP_BYTES     8u
#define CRASH_STEPS_MAX      1000u
#define CRASH_DEPTH_MAX      3u
#define CRASH_INVARIANTS_MAX 16u

struct crash_program {
    uint64_t seed;
    uint8_t steps[CRASH_STEPS_MAX][CRASH_STEP_BYTES];
    size_t count;
};

struct crash_watch {
    jmp_buf violated;
    char message[8192];
    uint64_t images;
    uint64_t checks[CRASH_INVARIANTS_MAX];
    unsigned flaws;  /* of the disk: what it promises and does not do */
    bool is_talking; /* what is done is told */
    bool aborts;     /* at a violation, for a fuzzer */
    /* What the worlds on the way to a violation have done, by their depth. */
    char story[CRASH_DEPTH_MAX + 1][8192];
};

/* What programs are of; there is one world of them at a time. */
struct crash_subject {
    const char *const *invariant_names;
    unsigned invariant_count;
    size_t watch_size; /* of what begins with a struct crash_watch */
    void (*begin)(struct crash_watch *watch, uint64_t seed);
    /* number: of the step, from 1.  False: nothing comes after it. */
    bool (*step)(unsigned number, const uint8_t bytes[CRASH_STEP_BYTES]);
    /* The power fails, what is left is looked at, and nothing is kept. */
    void (*end)(void);
    /* What a watch keeps besides itself; NULL: nothing. */
    void (*release)(struct crash_watch *watch);
};

/* False: it was violated, and the watch says how. */
bool
crash_program_run(const struct crash_subject *subject,
                  const struct crash_program *program,
                  struct crash_watch *watch);

/* Leave the program: the message, and what the disk is like. */
_Noreturn void
crash_fail(struct crash_watch *watch, struct seglog_disk *disk, unsigned depth,
           const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Add to the story of a depth, where somebody listens. */
void
crash_say(struct crash_watch *watch, unsigned depth, const char *format,
          va_list args) __attribute__((format(printf, 3, 0)));

/* -- what worlds share ------------------------------------------------------ */

/* Any model of what a disk does. */
struct seglog_disk_cut
crash_cut_draw(uint64_t seed);

/*
 * The store of a process that starts and waits for nobody.
 *   encrypted  what to close then; its ops are NULL unless is_encrypted
 *   is_made    it is not there yet
 * False: it could not be opened.
 */
bool
crash_store_start(struct seglog_disk *disk, struct seglog_disk_process *process,
                  bool is_encrypted, bool is_made,
                  struct seglog_store *encrypted, struct seglog_store *store);

/*
 * What somebody does in an image: some steps of the world by chance, and the
 * power fails once more, unless it is as deep as it may be.
 */
struct crash_image_world {
    void *world;
    unsigned *depth; /* of it */
    void (*step)(void *world, const uint8_t bytes[CRASH_STEP_BYTES]);
    void (*cut_power)(void *world);
};

void
crash_image_go_on(const struct crash_image_world *image, uint64_t seed);

/* What a cut leaves, for a world one deeper than this; it is counted.  NULL: no
 * memory. */
struct seglog_disk *
crash_image_make(struct crash_watch *watch, struct seglog_disk *disk,
                 unsigned depth, const struct seglog_disk_cut *cut);

#endif /* CRASH_PROGRAM_H */
