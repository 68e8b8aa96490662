/* SPDX-License-Identifier: MIT */
/*
 * hostile_gen - write a segment of one hostile flavour.
 *
 * Arguments: dir, name, flavour, bytes.  With list=1: print the flavours.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/hostile.h"

static const struct hostile_flavour *const tables[] = {
    hostile_search_flavours,
    hostile_body_flavours,
    hostile_order_flavours,
};

#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

static const struct hostile_flavour *
flavour_find(const char *name)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        for (const struct hostile_flavour *at = tables[i]; at->name; at++)
            if (strcmp(at->name, name) == 0)
                return at;
    bench_fail("no such flavour");
}

static void
flavours_list(void)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        for (const struct hostile_flavour *at = tables[i]; at->name; at++)
            puts(at->name);
}

int
main(int argc, char **argv)
{
    struct hostile file;

    bench_init(argc, argv);
    if (bench_number("list", 0) != 0) {
        flavours_list();
        return 0;
    }
    const struct hostile_flavour *flavour =
        flavour_find(bench_text("flavour", ""));
    hostile_start(&file, (size_t)bench_number("bytes", (uint64_t)64 << 20));
    flavour->fill(&file);
    /* A good end, so that all of it is a gap and not a tail. */
    if (strcmp(flavour->name, "no-header") != 0) {
        hostile_put_island(&file);
        hostile_put_mark(&file, &file.self, SLG_CONTROL_CLOSING_MARK,
                         file.next);
    }

    const int fd = bench_create(bench_path(bench_text("name", "hostile.seg")));
    bench_write(fd, file.bytes, file.len);
    close(fd);
    bench_report("bytes", (double)file.len);
    return 0;
}
