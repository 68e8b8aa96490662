/* SPDX-License-Identifier: MIT */
/*
 * tests/faults/test_allocation_failures.c
 *
 * Goal    an allocation that fails is NO_MEMORY: no crash, no leak, no damage
 *         that is none, and nothing has changed.
 * Method  every allocation of every scenario fails in turn, once or from then
 *         on; and how many places of the library that allocate were made to
 *         fail so is counted.
 *
 * Usage   test_allocation_failures [all] [SCENARIO [GROUND [PLACE]]]
 */
#include "tests/faults/play.h"

int
main(int argc, char **argv)
{
    static const struct play plays[] = {
        { ON_MEMORY, FROM_ALLOCATIONS },
        { ON_MEMORY_ENCRYPTED, FROM_ALLOCATIONS },
        { ON_FILES, FROM_ALLOCATIONS },
    };

    return play_all("allocation_failures", argc, argv, plays,
                    sizeof plays / sizeof plays[0]);
}
