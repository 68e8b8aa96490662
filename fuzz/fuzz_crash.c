/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_crash.c - programs on a disk whose power fails (tests/crash).
 *
 * The first half of the input is the program: what the segment is like, what
 * its writers do, what fails.  The second half says, before each step of the
 * store, whether the power fails, what is left then, and how those go on who
 * find it.  The interpreter is that of the crash driver, and so are the
 * invariants.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "tests/crash/history.h"

#define STEPS_MAX  100u
#define IMAGES_MAX 50u

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct history history;
    static struct watch watch;
    struct nonces *nonces = watch.nonces;
    uint64_t series = 0;

    if (size < 2 || size > 2048)
        return 0;
    memset(&watch, 0, sizeof watch);
    watch.nonces = nonces;
    watch.images_max = IMAGES_MAX;
    watch.has_tapes = true;
    watch.crash.aborts = true;
    watch.program = (struct tape){ .at = data, .left = size / 2 };
    watch.cuts =
        (struct tape){ .at = data + size / 2, .left = size - size / 2 };
    history_start(&history, &watch, 1);
    history.images_every = 1;
    for (unsigned i = 0; i < STEPS_MAX && watch.program.left > 0; i++) {
        if (history.is_over)
            break;
        history_step(&history, crash_random(&series));
    }
    history_end(&history);
    return 0;
}
