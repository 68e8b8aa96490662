/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes_backup.c - stores are backed up, restored, looked at. */
#include "tests/faults/scenes.h"

#include <stdlib.h>
#include <string.h>

#include "seglog/backup.h"
#include "tests/faults/allocation.h"

/* What a store is like that has grown `age` times. */
static seglog_code
blob_grow(struct seglog_store store, const char *name, uint64_t age,
          struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    seglog_code code = seglog_blob_open(
        store, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(blob, &size, NULL, err);
    for (uint64_t i = size / 100; i < age && code == SEGLOG_OK; i++) {
        char bytes[100];

        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (char)('a' + (i * 7 + k * k) % 23);
        code =
            seglog_blob_append(blob, i * 100, bytes, sizeof bytes, NULL, err);
    }
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(blob, err);
    if (code == SEGLOG_OK)
        return seglog_blob_close(&blob, err);
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

static seglog_code
store_grow(struct seglog_store store, uint64_t age, struct seglog_error *err)
{
    seglog_code code = blob_grow(store, "a", 2 * age, err);

    if (code == SEGLOG_OK)
        code = blob_grow(store, "b", age, err);
    return code == SEGLOG_OK && age > 1 ? blob_grow(store, "index.seg", 1, err)
                                        : code;
}

static const struct seglog_backup_options small = {
    .size = sizeof small,
    .level = 1,
    .piece_bytes = 150,
    .part_bytes = 100,
    .lock_timeout_ms = 50,
};

/* -- what is there --------------------------------------------------------- */

struct summing {
    struct seglog_store store;
    uint64_t sum;
};

static bool
blob_sum(void *arg, const char *name)
{
    struct summing *summing = arg;
    struct seglog_blob blob = { 0 };
    struct seglog_error err;
    uint64_t size = 0;
    char bytes[2000];

    must(seglog_blob_open(summing->store, name, SEGLOG_OPEN_READ, &blob, &err),
         &err);
    must(seglog_blob_get_size(blob, &size, NULL, &err), &err);
    must(seglog_blob_read_at(blob, 0, bytes, (size_t)size, &err), &err);
    must(seglog_blob_close(&blob, &err), &err);
    summing->sum = summing->sum * 31 + hash_of(name, strlen(name)) +
                   hash_of(bytes, (size_t)size);
    return true;
}

static uint64_t
store_sum(struct seglog_store store)
{
    struct summing summing = { .store = store };
    struct seglog_error err;

    must(seglog_store_list(store, "", blob_sum, &summing, &err), &err);
    return summing.sum;
}

/* Each backup that is listed is whole. */
static void
look_at_backups(struct stage *stage, struct seglog_store store,
                struct text *seen)
{
    struct seglog_backup_info *infos = NULL;
    struct seglog_error err;
    size_t count = 0;

    (void)stage;
    must(seglog_backup_list(store, &infos, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        const struct seglog_restore_options options = { .size = sizeof options,
                                                        .number =
                                                            infos[i].number };
        struct seglog_store restored;
        seglog_code code = SEGLOG_OK;

        must(seglog_store_memory_open(&restored, &err), &err);
        code = seglog_backup_restore(store, restored, &options, NULL, &err);
        text_add(seen, "backup %u since %u: %s %016llx\n", infos[i].number,
                 infos[i].base, seglog_code_name(code),
                 (unsigned long long)store_sum(restored));
        seglog_store_close(&restored);
    }
    seglog_free(infos);
}

/* -- a repository ---------------------------------------------------------- */

static seglog_code
is_listed(struct stage *stage, uint32_t number, bool *is_there,
          struct seglog_error *err)
{
    struct seglog_backup_info *infos = NULL;
    size_t count = 0;
    const seglog_code code =
        seglog_backup_list(stage->store, &infos, &count, err);

    *is_there = false;
    if (code != SEGLOG_OK)
        return code;
    for (size_t i = 0; i < count; i++)
        *is_there = *is_there || infos[i].number == number;
    seglog_free(infos);
    return code;
}

/* Backup number stage->arg, unless it is there. */
static seglog_code
step_backup(struct stage *stage, struct seglog_error *err)
{
    struct seglog_store source = { 0 };
    bool is_there = false;
    seglog_code code = seglog_store_memory_open(&source, err);

    if (code == SEGLOG_OK)
        code = store_grow(source, stage->arg, err);
    if (code == SEGLOG_OK)
        code = is_listed(stage, (uint32_t)stage->arg, &is_there, err);
    if (code == SEGLOG_OK && !is_there)
        code = seglog_backup_make(source, stage->store, &small, NULL, err);
    seglog_store_close(&source);
    return code;
}

static seglog_code
step_verify(struct stage *stage, struct seglog_error *err)
{
    struct seglog_backup_info info;
    const seglog_code code =
        seglog_backup_verify(stage->store, NULL, &info, err);

    if (code == SEGLOG_OK)
        say(stage, "%llu bytes, %llu parts, %llu new\n",
            (unsigned long long)info.bytes, (unsigned long long)info.parts,
            (unsigned long long)info.new_parts);
    return code;
}

/* And what was left over, if it is gone. */
static seglog_code
step_remove(struct stage *stage, struct seglog_error *err)
{
    bool is_there = false;
    seglog_code code = is_listed(stage, (uint32_t)stage->arg, &is_there, err);

    if (code == SEGLOG_OK)
        code = seglog_backup_remove(
            stage->store, is_there ? (uint32_t)stage->arg : 0, 50, NULL, err);
    return code;
}

/* -- what is backed up ----------------------------------------------------- */

static bool
grown_setup(struct stage *stage)
{
    struct seglog_error err;

    must(store_grow(stage->store, 3, &err), &err);
    return true;
}

/* To elsewhere, and back to a third place. */
static seglog_code
step_back_up(struct stage *stage, struct seglog_error *err)
{
    struct seglog_store repository = { 0 };
    struct seglog_store restored = { 0 };
    struct seglog_backup_info info = { .blobs = 0 };
    struct seglog_backup_options options = small;
    seglog_code code = seglog_store_memory_open(&repository, err);

    options.open_max = (unsigned)stage->arg;
    if (code == SEGLOG_OK)
        code = seglog_store_memory_open(&restored, err);
    if (code == SEGLOG_OK)
        code =
            seglog_backup_make(stage->store, repository, &options, &info, err);
    if (code == SEGLOG_OK)
        code = seglog_backup_restore(repository, restored, NULL, NULL, err);
    if (code == SEGLOG_OK) {
        const bool was_watched = allocation_watch(false);

        say(stage, "%llu blobs, %016llx\n", (unsigned long long)info.blobs,
            (unsigned long long)store_sum(restored));
        (void)allocation_watch(was_watched);
    }
    seglog_store_close(&repository);
    seglog_store_close(&restored);
    return code;
}

/* -- what is restored ------------------------------------------------------ */

struct listing {
    struct seglog_store store;
    struct text *seen;
};

/* What is being made is none of them. */
static bool
blob_tell(void *arg, const char *name)
{
    struct listing *listing = arg;
    struct summing summing = { .store = listing->store };

    if (name_has_end(name, ".new"))
        return true;
    (void)blob_sum(&summing, name);
    text_add(listing->seen, "%s %016llx\n", name,
             (unsigned long long)summing.sum);
    return true;
}

static void
look_at_restored(struct stage *stage, struct seglog_store store,
                 struct text *seen)
{
    struct listing listing = { store, seen };
    struct seglog_error err;

    (void)stage;
    must(seglog_store_list(store, "", blob_tell, &listing, &err), &err);
}

/* Unless it was. */
static seglog_code
step_restore(struct stage *stage, struct seglog_error *err)
{
    struct seglog_store source = { 0 };
    struct seglog_store repository = { 0 };
    struct seglog_blob_info info;
    seglog_code code = seglog_store_get_info(stage->store, "a", &info, err);

    if (code != SEGLOG_NOT_FOUND)
        return code;
    code = seglog_store_memory_open(&source, err);
    if (code == SEGLOG_OK)
        code = store_grow(source, 3, err);
    if (code == SEGLOG_OK)
        code = seglog_store_memory_open(&repository, err);
    if (code == SEGLOG_OK)
        code = seglog_backup_make(source, repository, &small, NULL, err);
    if (code == SEGLOG_OK)
        code = seglog_backup_restore(repository, stage->store, NULL, NULL, err);
    seglog_store_close(&repository);
    seglog_store_close(&source);
    return code;
}

static bool
left_remove(void *arg, const char *name)
{
    struct stage *stage = arg;

    (void)!seglog_store_remove(stage->store, name, NULL);
    return true;
}

/* It begins with an empty store: what was left over goes. */
static seglog_code
step_empty(struct stage *stage, struct seglog_error *err)
{
    return stage->is_again
               ? seglog_store_list(stage->store, "", left_remove, stage, err)
               : SEGLOG_OK;
}

static seglog_code
step_restore_anew(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = step_empty(stage, err);

    return code == SEGLOG_OK ? step_restore(stage, err) : code;
}

static const struct scenario repository = {
    .name = "repository",
    .look = look_at_backups,
    .steps = { { "back up", step_backup, 1, STEP_SYNCED },
               { "back up again", step_backup, 2, STEP_SYNCED },
               { "verify", step_verify, 0, 0 },
               { "back up a third time", step_backup, 3, STEP_SYNCED },
               { "remove the first", step_remove, 1, STEP_SYNCED },
               { "remove the third", step_remove, 3, STEP_SYNCED },
               { "back up a fourth time", step_backup, 4, STEP_SYNCED } },
};

static const struct scenario backed_up = {
    .name = "backed up",
    .setup = grown_setup,
    .look = look_at_blobs,
    .steps = { { "back up", step_back_up, 0, 0 },
               { "back up one by one", step_back_up, 1, 0 } },
};

static const struct scenario restored = {
    .name = "restored",
    .flags = SCENE_PARTS,
    .look = look_at_restored,
    .steps = { { "restore", step_restore_anew, 0, STEP_SYNCED } },
};

const struct scenario *const backup_scenarios[] = { &repository, &backed_up,
                                                    &restored, NULL };
