/* SPDX-License-Identifier: MIT */
/* tests/faults/sites.c - the places that allocate, and the last line. */
#include "tests/faults/sites.h"

#include <stdio.h>

#include "tests/faults/allocation.h"

#define SITES_CAP 4096u

int
score_say(const char *name, const struct runner *runner, bool has_sites)
{
    static struct allocation_site sites[SITES_CAP];
    const size_t count = has_sites ? allocation_sites(sites, SITES_CAP) : 0;
    size_t failed = 0;

    for (size_t i = 0; i < count && i < SITES_CAP; i++)
        failed += sites[i].failed > 0;
    printf("score: %s count=%llu findings=%llu note=\"%llu scenarios, %llu "
           "operations",
           name, (unsigned long long)runner->runs,
           (unsigned long long)runner->findings,
           (unsigned long long)runner->scenarios,
           (unsigned long long)runner->operations);
    if (has_sites)
        printf(", %zu of the %zu call sites met were made to fail", failed,
               count);
    printf("\"\n");
    return runner->findings == 0 && runner->runs > 0 ? 0 : 1;
}
