/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_crash_session.c - power cuts in programs of a session store.
 *
 * Input   byte 0: what everything else follows from, such as the codec; then
 *         eight bytes for each step, as tests/crash/session_step.c reads them:
 *         the first six say what it does, the last one before which change of
 *         the disk, modulo 32, the power is cut (0: none), and all of them what
 *         the cut leaves.
 * Checks  the invariants of tests/crash/session_world.h.
 */
#include <string.h>

#include "fuzz/support.h"
#include "tests/crash/session_world.h"

#define STEPS_MAX 24u

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crash_program program;
    static struct session_watch watch;

    if (size < 1 + CRASH_STEP_BYTES)
        return 0;
    watch.crash.aborts = watch.crash.is_talking = true;
    program.seed = data[0];
    watch.cuts_are_chosen = true;
    program.count = (size - 1) / CRASH_STEP_BYTES;
    if (program.count > STEPS_MAX)
        program.count = STEPS_MAX;
    memcpy(program.steps, data + 1, program.count * CRASH_STEP_BYTES);
    MUST(crash_program_run(&session_subject, &program, &watch.crash));
    return 0;
}
