/* SPDX-License-Identifier: MIT */
/* tests/faults/sites.h - the places of the library that allocate. */
#ifndef FAULTS_SITES_H
#define FAULTS_SITES_H

#include "tests/faults/runner.h"

/* Print the last line of a program; returns its exit status. */
int
score_say(const char *name, const struct runner *runner, bool has_sites);

#endif /* FAULTS_SITES_H */
