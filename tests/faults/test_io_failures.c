/* SPDX-License-Identifier: MIT */
/*
 * tests/faults/test_io_failures.c
 *
 * Goal    whatever fails, whenever: nothing that was acknowledged is lost,
 *         nothing is made up, no damage is told that is none, whoever asked is
 *         told, and can go on.
 * Method  every call of every scenario on a store fails in turn, once or from
 *         then on, before it did anything, half way or when all was done; and
 *         every call of the system that the file store makes.
 *
 * Usage   test_io_failures [all] [SCENARIO [GROUND [PLACE]]]
 */
#include "tests/faults/play.h"

int
main(int argc, char **argv)
{
    static const struct play plays[] = {
        { ON_DISK, FROM_STORE },
        { ON_DISK_ENCRYPTED, FROM_STORE },
        { ON_MEMORY, FROM_STORE },
        { ON_FILES, FROM_SYSTEM },
    };

    return play_all("io_failures", argc, argv, plays,
                    sizeof plays / sizeof plays[0]);
}
