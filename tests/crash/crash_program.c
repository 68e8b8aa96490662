/* SPDX-License-Identifier: MIT */
/* tests/crash/crash_program.c - programs that follow from seeds. */
#include "tests/crash/crash_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/encrypted_store.h"

bool
crash_program_run(const struct crash_subject *subject,
                  const struct crash_program *program,
                  struct crash_watch *watch)
{
    for (unsigned i = 0; i <= CRASH_DEPTH_MAX; i++)
        watch->story[i][0] = '\0';
    if (setjmp(watch->violated) != 0)
        return false;
    subject->begin(watch, program->seed);
    for (unsigned i = 0; i < program->count; i++) {
        if (!subject->step(i + 1, program->steps[i]))
            break;
    }
    subject->end();
    return true;
}

void
crash_fail(struct crash_watch *watch, struct seglog_disk *disk, unsigned depth,
           const char *format, ...)
{
    const size_t cap = sizeof watch->message;
    size_t len = 0;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(watch->message, cap - 1, format, args);
    va_end(args);
    len = strlen(watch->message);
    watch->message[len++] = '\n';
    watch->message[len] = '\0';
    (void)seglog_disk_format_map(disk, watch->message + len, cap - len);
    for (unsigned i = 0; watch->is_talking && i <= depth; i++)
        (void)fputs(watch->story[i], stdout);
    if (watch->aborts) {
        (void)fputs(watch->message, stderr);
        abort();
    }
    longjmp(watch->violated, 1);
}

void
crash_say(struct crash_watch *watch, unsigned depth, const char *format,
          va_list args)
{
    char *story = watch->story[depth];
    const size_t cap = sizeof watch->story[0];
    size_t len = strlen(story);

    if (!watch->is_talking || len + 300 > cap)
        return;
    len += (size_t)snprintf(story + len, cap - len, "    %*s", (int)(2 * depth),
                            "");
    (void)vsnprintf(story + len, 200, format, args);
    len = strlen(story);
    (void)snprintf(story + len, cap - len, "\n");
}

/* -- what worlds share ------------------------------------------------------ */

struct seglog_disk_cut
crash_cut_draw(uint64_t seed)
{
    static const unsigned lost[] = { 0, 10, 50, 90, 100 };
    struct seglog_disk_cut cut = { .seed = crash_random(&seed) };
    const uint64_t how = crash_random(&seed);

    cut.lost_percent = lost[how % 5];
    cut.names_in_order = how >> 8 & 1;
    if ((how >> 16) % 16 == 0)
        cut.losses = SEGLOG_DISK_LOSSES | SEGLOG_DISK_GARBAGE;
    else if ((how >> 16) % 16 == 1)
        cut.losses = SEGLOG_DISK_LOSSES | SEGLOG_DISK_CUT_ZEROED;
    return cut;
}

bool
crash_store_start(struct seglog_disk *disk, struct seglog_disk_process *process,
                  bool is_encrypted, bool is_made,
                  struct seglog_store *encrypted, struct seglog_store *store)
{
    static const uint8_t key[SEGLOG_KEY_BYTES] = { 7, 1, 3 };
    const struct seglog_store_key how = { .size = sizeof how, .key = key };
    const struct seglog_encrypted_store_options options = {
        .size = sizeof options,
        .create = is_made,
    };

    *store = seglog_disk_start(disk, process);
    process->never_waits = true;
    *encrypted = (struct seglog_store){ 0 };
    if (!is_encrypted)
        return true;
    if (seglog_encrypted_store_open(*store, &how, &options, encrypted, NULL) !=
        SEGLOG_OK)
        return false;
    *store = *encrypted;
    return true;
}

void
crash_image_go_on(const struct crash_image_world *image, uint64_t seed)
{
    const unsigned steps =
        *image->depth < CRASH_DEPTH_MAX ? 1 + (unsigned)(seed % 3) : 1;

    for (unsigned i = 0; i < steps; i++) {
        uint8_t bytes[CRASH_STEP_BYTES];
        const uint64_t chance = crash_random(&seed);

        memcpy(bytes, &chance, sizeof bytes);
        image->step(image->world, bytes);
    }
    if (*image->depth < CRASH_DEPTH_MAX) {
        ++*image->depth;
        image->cut_power(image->world);
    }
}

struct seglog_disk *
crash_image_make(struct crash_watch *watch, struct seglog_disk *disk,
                 unsigned depth, const struct seglog_disk_cut *cut)
{
    for (unsigned i = depth + 1; i <= CRASH_DEPTH_MAX; i++)
        watch->story[i][0] = '\0';
    watch->images++;
    return seglog_disk_image(disk, cut);
}
