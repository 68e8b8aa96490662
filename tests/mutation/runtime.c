/* SPDX-License-Identifier: MIT */
/* tests/mutation/runtime.c - the variables of runtime.h; in the library. */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* The places of all files; run.py defines it. */
static unsigned char no_server[MUT_PLACES];

unsigned slg_mut_active = ~0u;
unsigned char *slg_mut_seen = no_server;
long slg_mut_steps_left = __LONG_MAX__;

void
slg_mut_out_of_steps(void)
{
    /* The test with all processes that it started: server.c made a group. */
    (void)kill(0, SIGKILL);
}
