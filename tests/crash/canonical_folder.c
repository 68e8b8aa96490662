/* SPDX-License-Identifier: MIT */
/* tests/crash/canonical_folder.c - LMDB's files, and what becomes of them. */
#define _GNU_SOURCE /* nftw, mkdtemp */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/crash/canonical_world.h"

#define PAGE      ((size_t)4096)
#define MARK_CAP  ((size_t)256)
#define CLEAN     "clean\n"
#define NAME_DATA "data.mdb"
#define NAME_LOCK "lock.mdb"
#define NAME_MARK "trust"

static char base[96];

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static void
base_remove(void)
{
    (void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* In memory, if there is such a place: nothing here needs to be durable. */
static void
base_make(void)
{
    static const char memory[] = "/dev/shm";
    const char *parent = access(memory, W_OK) == 0 ? memory : P_tmpdir;

    (void)snprintf(base, sizeof base, "%s/seglog-crash-XXXXXX", parent);
    if (!mkdtemp(base)) {
        perror(base);
        exit(2);
    }
    (void)atexit(base_remove);
    /* Views of one handle lie there as well. */
    (void)setenv("TMPDIR", base, 1);
}

void
canonical_folder_new(struct canonical_world *world)
{
    static unsigned count;

    if (base[0] == '\0')
        base_make();
    (void)snprintf(world->view, sizeof world->view, "%s/%u", base, ++count);
    world->clean_hash = 0;
}

/* -- files ------------------------------------------------------------------ */

struct bytes {
    char *data;
    size_t len;
};

/* A copy of an earlier folder: an older one than the next. */
static struct bytes older;

void
canonical_folder_begin(void)
{
    free(older.data);
    older = (struct bytes){ NULL, 0 };
}

static void
path_make(const struct canonical_world *world, const char *name, char path[192])
{
    (void)snprintf(path, 192, "%s/%s", world->view, name);
}

/* data NULL: it is not there. */
static struct bytes
file_read(const struct canonical_world *world, const char *name)
{
    struct bytes bytes = { NULL, 0 };
    struct stat status;
    char path[192];
    FILE *file = NULL;

    path_make(world, name, path);
    file = fopen(path, "rb");
    if (!file)
        return bytes;
    if (fstat(fileno(file), &status) == 0)
        bytes.data = malloc((size_t)status.st_size + 1);
    if (bytes.data)
        bytes.len = fread(bytes.data, 1, (size_t)status.st_size, file);
    (void)fclose(file);
    return bytes;
}

static void
file_write(struct canonical_world *world, const char *name,
           const struct bytes *bytes)
{
    char path[192];
    FILE *file = NULL;

    path_make(world, name, path);
    file = fopen(path, "wb");
    canonical_expect(world, file != NULL);
    canonical_expect(world,
                     fwrite(bytes->data, 1, bytes->len, file) == bytes->len);
    canonical_expect(world, fclose(file) == 0);
}

static void
file_remove(const struct canonical_world *world, const char *name)
{
    char path[192];

    path_make(world, name, path);
    (void)unlink(path);
}

void
canonical_folder_lose(struct canonical_world *world)
{
    file_remove(world, NAME_DATA);
    file_remove(world, NAME_LOCK);
    world->clean_hash = 0;
}

void
canonical_folder_remove(struct canonical_world *world)
{
    canonical_folder_lose(world);
    file_remove(world, NAME_MARK);
    file_remove(world, NAME_MARK ".new");
    (void)rmdir(world->view);
}

/* -- the mark ---------------------------------------------------------------- */

/* FNV-1a, never 0. */
static uint64_t
hash_of(const struct bytes *bytes)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);

    for (size_t i = 0; i < bytes->len; i++)
        hash = (hash ^ (uint8_t)bytes->data[i]) * UINT64_C(0x100000001B3);
    return hash | 1;
}

static bool
mark_is_clean(const struct bytes *mark)
{
    return mark->len == sizeof CLEAN - 1 &&
           memcmp(mark->data, CLEAN, mark->len) == 0;
}

void
canonical_folder_note(struct canonical_world *world)
{
    struct bytes mark = file_read(world, NAME_MARK);
    struct bytes data = file_read(world, NAME_DATA);

    if (data.data && mark.data && mark_is_clean(&mark))
        world->clean_hash = hash_of(&data);
    free(mark.data);
    free(data.data);
}

/* -- what is left ------------------------------------------------------------ */

/* Of files that nobody has synced a power cut may leave anything. */
static void
data_break(struct canonical_world *world, struct bytes *data)
{
    const unsigned how = canonical_draw(world, 4);

    if (how == 0)
        data->len = canonical_draw(world, (unsigned)data->len + 1);
    for (size_t at = 0; how > 0 && at < data->len; at += PAGE) {
        const size_t len = data->len - at < PAGE ? data->len - at : PAGE;

        if (canonical_draw(world, 3) != 0)
            continue;
        memset(data->data + at, how == 1 ? 0xA5 : 0, len);
    }
}

static void
older_keep(const struct bytes *data)
{
    free(older.data);
    older = (struct bytes){ malloc(data->len + 1), data->len };
    if (older.data)
        memcpy(older.data, data->data, data->len);
    else
        older.len = 0;
}

/* Somebody has opened it: it is not what a power cut has left. */
static bool
is_in_use(const struct canonical_world *world)
{
    bool is_open = false;

    for (unsigned i = 0; i < CANONICAL_ACTORS; i++)
        is_open |= world->actors[i].canonical && !world->actors[i].is_view_own;
    return is_open;
}

void
canonical_folder_copy(struct canonical_world *world,
                      const struct canonical_world *from, bool is_power_cut)
{
    struct bytes mark = file_read(from, NAME_MARK);
    struct bytes data = file_read(from, NAME_DATA);
    const bool is_whole = data.data && mark.data && mark_is_clean(&mark) &&
                          hash_of(&data) == from->clean_hash;
    const unsigned how = canonical_draw(world, 8);

    canonical_folder_new(world);
    world->clean_hash = is_whole ? from->clean_hash : 0;
    if (mark.data && data.data) {
        canonical_expect(world, mkdir(world->view, 0700) == 0);
        file_write(world, NAME_MARK, &mark);
        if (is_power_cut && !is_whole && how > 0)
            data_break(world, &data);
        if (how != 7)
            file_write(world, NAME_DATA, &data);
        if (!is_power_cut && how == 6 && older.data)
            file_write(world, NAME_DATA, &older);
        if (!is_power_cut && is_in_use(from) && canonical_draw(world, 4) == 0)
            older_keep(&data);
    }
    free(mark.data);
    free(data.data);
}

void
canonical_folder_break(struct canonical_world *world)
{
    struct bytes mark = file_read(world, NAME_MARK);
    struct bytes data = file_read(world, NAME_DATA);

    if (data.data && mark.data &&
        !(mark_is_clean(&mark) && hash_of(&data) == world->clean_hash)) {
        data_break(world, &data);
        file_write(world, NAME_DATA, &data);
    }
    free(mark.data);
    free(data.data);
}
