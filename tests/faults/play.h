/* SPDX-License-Identifier: MIT */
/* tests/faults/play.h - the main function of the programs here. */
#ifndef FAULTS_PLAY_H
#define FAULTS_PLAY_H

#include "tests/faults/runner.h"

struct play {
    enum ground ground;
    enum source source;
};

/* Plays what the arguments ask for; returns the exit status. */
int
play_all(const char *name, int argc, char **argv, const struct play *plays,
         size_t count);

#endif /* FAULTS_PLAY_H */
