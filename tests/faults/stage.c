/* SPDX-License-Identifier: MIT */
/* tests/faults/stage.c - where a scenario is played. */
#define _XOPEN_SOURCE 700 /* mkdtemp */

#include "tests/faults/stage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/faults/allocation.h"

const char *const ground_names[GROUNDS] = {
    [ON_DISK] = "disk",     [ON_DISK_ENCRYPTED] = "disk-encrypted",
    [ON_MEMORY] = "memory", [ON_MEMORY_ENCRYPTED] = "memory-encrypted",
    [ON_FILES] = "files",
};

const uint8_t stage_key[SEGLOG_KEY_BYTES] = { 1, 2, 3, 4, 5, 6, 7, 8 };

void
must(seglog_code code, const struct seglog_error *err)
{
    char text[640];

    if (code == SEGLOG_OK)
        return;
    seglog_error_format(err, text, sizeof text);
    fprintf(stderr, "a scenario cannot begin: %s: %s\n", seglog_code_name(code),
            text);
    exit(2);
}

/* -- grounds --------------------------------------------------------------- */

static bool
is_encrypted(enum ground ground)
{
    return ground == ON_DISK_ENCRYPTED || ground == ON_MEMORY_ENCRYPTED;
}

static bool
is_disk(enum ground ground)
{
    return ground == ON_DISK || ground == ON_DISK_ENCRYPTED;
}

/* A folder in memory, where there is such: syncs take no time there. */
static char *
folder_make(void)
{
    static const char *const places[] = { "/dev/shm", P_tmpdir };
    char *dir = kit_resize(NULL, 64);

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        (void)snprintf(dir, 64, "%s/seglog-faults-XXXXXX", places[i]);
        if (mkdtemp(dir))
            return dir;
    }
    kit_free(dir);
    return NULL;
}

static void
folder_remove(char *dir)
{
    DIR *folder = opendir(dir);
    const struct dirent *entry = NULL;
    char path[512];

    while (folder && (entry = readdir(folder))) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (entry->d_name[0] != '.')
            (void)remove(path);
    }
    if (folder)
        (void)closedir(folder);
    (void)rmdir(dir);
    kit_free(dir);
}

struct copying {
    struct seglog_store from;
    struct seglog_store to;
};

static bool
blob_copy(void *arg, const char *name)
{
    const struct copying *copying = arg;
    struct seglog_blob from = { 0 };
    struct seglog_blob to = { 0 };
    struct seglog_error err;
    uint64_t size = 0;
    uint8_t *bytes = NULL;

    must(seglog_blob_open(copying->from, name, SEGLOG_OPEN_READ, &from, &err),
         &err);
    must(seglog_blob_get_size(from, &size, NULL, &err), &err);
    bytes = kit_resize(NULL, (size_t)size + 1);
    must(seglog_blob_read_at(from, 0, bytes, (size_t)size, &err), &err);
    must(seglog_blob_open(copying->to, name,
                          SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &to, &err),
         &err);
    must(seglog_blob_append(to, SEGLOG_END_ANY, bytes, (size_t)size, &size,
                            &err),
         &err);
    must(seglog_blob_sync(to, &err), &err);
    (void)seglog_blob_close(&from, NULL);
    (void)seglog_blob_close(&to, NULL);
    kit_free(bytes);
    return true;
}

static void
store_copy(struct seglog_store from, struct seglog_store to)
{
    struct copying copying = { from, to };
    struct seglog_error err;

    must(seglog_store_list(from, "", blob_copy, &copying, &err), &err);
}

static seglog_code
encrypted_open(struct seglog_store below, bool create,
               struct seglog_store *store, struct seglog_error *err)
{
    const struct seglog_store_key key = { .size = sizeof key,
                                          .key = stage_key };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = create };

    return seglog_encrypted_store_open(below, &key, &options, store, err);
}

bool
stage_prepare(struct prepared *prepared, const struct scenario *scenario,
              enum ground ground)
{
    struct stage stage = { .scenario = scenario, .ground = ground };
    struct seglog_error err;

    *prepared = (struct prepared){ 0 };
    must(seglog_store_memory_open(&prepared->store, &err), &err);
    stage.faults = seglog_faults_new(prepared->store);
    stage.store = seglog_faults_store(stage.faults);
    if (is_encrypted(ground) && !(scenario->flags & SCENE_BELOW) &&
        encrypted_open(seglog_faults_store(stage.faults), true, &stage.store,
                       &err) != SEGLOG_OK) {
        seglog_faults_free(stage.faults);
        seglog_store_close(&prepared->store);
        return false;
    }
    if (scenario->setup && !scenario->setup(&stage))
        exit(2);
    seglog_store_close(&stage.store);
    seglog_faults_free(stage.faults);
    text_free(&stage.said);
    if (is_disk(ground)) {
        prepared->disk = seglog_disk_new(NULL);
        stage.base = seglog_disk_start(prepared->disk, &stage.process);
        store_copy(prepared->store, stage.base);
    }
    return true;
}

void
prepared_free(struct prepared *prepared)
{
    seglog_store_close(&prepared->store);
    seglog_disk_free(prepared->disk);
}

static bool
stage_open(struct stage *stage)
{
    struct seglog_error err;

    stage->faults = seglog_faults_new(stage->base);
    stage->below = seglog_faults_store(stage->faults);
    stage->store = stage->below;
    if (is_encrypted(stage->ground) && !(stage->scenario->flags & SCENE_BELOW))
        must(encrypted_open(stage->below, false, &stage->store, &err), &err);
    return true;
}

bool
stage_start(struct stage *stage, const struct scenario *scenario,
            enum ground ground, const struct prepared *prepared)
{
    struct seglog_error err;

    *stage = (struct stage){ .scenario = scenario, .ground = ground };
    if (is_disk(ground)) {
        stage->disk = seglog_disk_clone(prepared->disk);
        stage->base = seglog_disk_start(stage->disk, &stage->process);
        return stage_open(stage);
    }
    if (ground == ON_FILES) {
        stage->dir = folder_make();
        if (!stage->dir)
            return false;
        must(seglog_store_file_open(stage->dir, false, &stage->base, &err),
             &err);
    } else {
        must(seglog_store_memory_open(&stage->base, &err), &err);
    }
    store_copy(prepared->store, stage->base);
    return stage_open(stage);
}

bool
stage_start_on(struct stage *stage, const struct scenario *scenario,
               enum ground ground, struct seglog_disk *disk)
{
    *stage =
        (struct stage){ .scenario = scenario, .ground = ground, .disk = disk };
    stage->base = seglog_disk_start(disk, &stage->process);
    return stage_open(stage);
}

void
stage_let_go(struct stage *stage)
{
    seglog_reader_close(stage->reader);
    (void)seglog_writer_close(stage->writer, NULL);
    (void)seglog_writer_close(stage->other, NULL);
    (void)seglog_session_store_close(stage->sessions, NULL);
    seglog_replay_free(stage->replay);
    (void)seglog_streams_close(&stage->streams, NULL);
    (void)seglog_canonical_close(stage->canonical, NULL);
    (void)seglog_blob_close(&stage->blob, NULL);
    seglog_lock_close(&stage->lock);
    if (stage->has_encrypted) {
        seglog_store_close(&stage->store);
        stage->store = stage->below;
        stage->has_encrypted = false;
    }
    stage->reader = NULL;
    stage->writer = NULL;
    stage->other = NULL;
    stage->sessions = NULL;
    stage->replay = NULL;
    stage->canonical = NULL;
}

void
stage_end(struct stage *stage)
{
    stage_let_go(stage);
    if (is_encrypted(stage->ground) && !(stage->scenario->flags & SCENE_BELOW))
        seglog_store_close(&stage->store);
    seglog_faults_free(stage->faults);
    seglog_store_close(&stage->base);
    seglog_disk_free(stage->disk);
    if (stage->dir)
        folder_remove(stage->dir);
    text_free(&stage->said);
}

/* -- looking --------------------------------------------------------------- */

void
stage_look(struct stage *stage, struct text *seen)
{
    struct seglog_faults *around = seglog_faults_new(stage->base);
    struct seglog_store store = seglog_faults_store(around);
    struct seglog_error err;

    seen->len = 0;
    if (is_encrypted(stage->ground) &&
        !(stage->scenario->flags & SCENE_BELOW)) {
        const seglog_code code = encrypted_open(store, false, &store, &err);

        if (code != SEGLOG_OK) {
            text_add(seen, "the store does not open: %s\n",
                     seglog_code_name(code));
            seglog_faults_free(around);
            return;
        }
    }
    stage->scenario->look(stage, store, seen);
    seglog_store_close(&store);
    seglog_faults_free(around);
}

bool
name_has_end(const char *name, const char *end)
{
    const size_t len = strlen(name);
    const size_t end_len = strlen(end);

    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

struct naming {
    struct text *names;
    bool had_cut;
    bool is_sticky;
};

/*
 * Ids that were made by chance are all the same here.  The index may be missing
 * at any time; and what a power cut damaged, where nobody had promised anything,
 * is kept.  What could not be removed stays, if it has an id of its own, or until
 * the next index is written.
 */
static bool
name_add(void *arg, const char *name)
{
    const struct naming *naming = arg;
    const bool is_made =
        strcspn(name, ".") == 36 && strncmp(name + 37, "0000", 4) != 0;

    if (name_has_end(name, ".torn") || strcmp(name, "index.seg") == 0 ||
        (naming->had_cut && name_has_end(name, ".damaged")) ||
        (naming->is_sticky && name_has_end(name, ".new") &&
         (is_made || strcmp(name, "index.seg.new") == 0)))
        return true;
    text_add(naming->names, "%s\n", is_made ? name + 73 : name);
    return true;
}

void
stage_names(struct stage *stage, struct text *names)
{
    struct naming naming = { names, stage->had_cut, stage->is_sticky };
    struct seglog_error err;

    names->len = 0;
    must(seglog_store_list(stage->base, "", name_add, &naming, &err), &err);
}
