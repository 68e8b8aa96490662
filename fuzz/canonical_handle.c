/* SPDX-License-Identifier: MIT */
/* fuzz/canonical_handle.c - handles, and the folder of the view. */
#define _XOPEN_SOURCE 700 /* mkdtemp, setenv */

#include "fuzz/canonical_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/canonical/trust.h"

void
kept_end(struct world *world)
{
    static const struct seglog_state_range all;
    struct kept *kept = &world->kept;

    if (!kept->txn)
        return;
    txn_must_be(kept->txn, kept->values, kept->position, &all);
    seglog_read_txn_end(kept->txn);
    kept->txn = NULL;
}

void
held_drop(struct world *world, unsigned which)
{
    seglog_consumer_close(world->held[which].consumer);
    world->held[which].consumer = NULL;
}

void
handle_open(struct world *world, unsigned handle)
{
    struct seglog_canonical_options options = world->options;

    options.view_dir = world->has_named[handle] ? world->view_dir : NULL;
    MUST(seglog_canonical_open(world->store, &options, &world->handles[handle],
                               NULL) == SEGLOG_OK);
}

void
handle_close(struct world *world, unsigned handle)
{
    if (world->kept.handle == handle)
        kept_end(world);
    for (unsigned i = 0; i < 2; i++) {
        if (world->held[i].handle == handle)
            held_drop(world, i);
    }
    MUST(seglog_canonical_close(world->handles[handle], NULL) == SEGLOG_OK);
}

static void
view_file_remove(const struct world *world, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", world->view_dir, name);
    (void)remove(path);
}

void
view_remove(const struct world *world)
{
    view_file_remove(world, "data.mdb");
    view_file_remove(world, "lock.mdb");
}

/* Names the run of the machine, without asking the system each time. */
static unsigned run;

static bool
run_read(char id[SLG_BOOT_ID_CAP])
{
    (void)snprintf(id, SLG_BOOT_ID_CAP, "run %u", run);
    return true;
}

void
all_reopen(struct world *world, bool removes, bool is_other_run)
{
    handle_close(world, 0);
    handle_close(world, 1);
    run += is_other_run;
    if (removes)
        view_remove(world);
    handle_open(world, 0);
    handle_open(world, 1);
}

void
named_catch_up(struct world *world)
{
    struct seglog_write_txn *txn = NULL;

    MUST(seglog_write_txn_begin(world->handles[0], &txn, NULL) ==
         gate_code(&world->model));
    seglog_write_txn_abort(txn);
}

/* -- the folder ------------------------------------------------------------ */

void
folder_make(struct world *world)
{
    struct stat status;
    const char *place = "/dev/shm";

    if (stat(place, &status) != 0)
        place = P_tmpdir;
    MUST(setenv("TMPDIR", place, 1) == 0);
    slg_boot_id = run_read;
    (void)snprintf(world->view_dir, sizeof world->view_dir,
                   "%s/seglog-fuzz-XXXXXX", place);
    MUST(mkdtemp(world->view_dir));
}

void
folder_remove(const struct world *world)
{
    view_remove(world);
    view_file_remove(world, "trust");
    view_file_remove(world, "trust.new");
    MUST(rmdir(world->view_dir) == 0);
}
