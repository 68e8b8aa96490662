/* SPDX-License-Identifier: MIT */
/*
 * src/testing/disk_cut.c - what a power cut leaves of a disk.
 *
 * For each file a size is drawn, then for each sector that was not synced what
 * has become of it; names are those of the last sync with some of the changes
 * since.  Or a bitmap says for each of these things whether it has happened.
 */
#define _POSIX_C_SOURCE 200809L /* pthread types */

#include <stdlib.h>
#include <string.h>

#include "src/testing/disk.h"

/* The things that are not synced come in this order: of each file that a name
 * or a change refers to, its sectors and its size; then the changes of names. */
struct cut {
    const struct seglog_disk_cut *how;
    unsigned losses;
    uint64_t chance;
    size_t item;
};

static bool
item_is_kept(const struct cut *cut, size_t item)
{
    return item < cut->how->kept_count &&
           (cut->how->kept[item / 8] >> item % 8 & 1) != 0;
}

static uint64_t
size_max(const struct slg_disk_file *file)
{
    uint64_t size =
        file->now.size > file->disk.size ? file->now.size : file->disk.size;

    for (unsigned i = 0; i < file->between_count; i++) {
        if (file->between[i].size > size)
            size = file->between[i].size;
    }
    return size;
}

static uint64_t
size_min(const struct slg_disk_file *file)
{
    uint64_t size =
        file->now.size < file->disk.size ? file->now.size : file->disk.size;

    for (unsigned i = 0; i < file->between_count; i++) {
        if (file->between[i].size < size)
            size = file->between[i].size;
    }
    return size;
}

/* Sectors [first, end) are not synced. */
static size_t
sectors_first(const struct slg_disk_file *file)
{
    return (size_t)(file->floor / SLG_PAGE);
}

static size_t
sectors_end(const struct slg_disk_file *file)
{
    return slg_page_count(size_max(file));
}

static size_t
file_item_count(const struct slg_disk_file *file)
{
    size_t count = 0;

    if (slg_disk_file_is_clean(file))
        return 0;
    if (sectors_end(file) > sectors_first(file))
        count = sectors_end(file) - sectors_first(file);
    return count + (file->now.size != file->disk.size);
}

/* -- sectors --------------------------------------------------------------- */

static enum seglog_disk_loss
draw_loss(struct cut *cut)
{
    enum seglog_disk_loss drawn = SEGLOG_DISK_OLD;
    uint64_t seen = 0;

    for (unsigned bit = 1; bit <= SEGLOG_DISK_GARBAGE; bit <<= 1) {
        if ((cut->losses & bit) != 0 &&
            slg_disk_below(&cut->chance, ++seen) == 0)
            drawn = (enum seglog_disk_loss)bit;
    }
    return drawn;
}

struct sector {
    const struct slg_disk_file *file;
    size_t index;
    size_t safe;    /* bytes at its start that nobody has written to */
    size_t written; /* ... and where what was written ends, not below safe */
    uint8_t *bytes; /* as of the last sync at first */
};

/*
 * Put the bytes [from, to) of the sector as the image has them.  Behind its end
 * it has none, and a cut writes nothing there.
 */
static void
sector_put(const struct sector *sector, const struct slg_image *image,
           size_t from, size_t to)
{
    const uint64_t offset = (uint64_t)sector->index * SLG_PAGE;
    uint8_t bytes[SEGLOG_DISK_SECTOR];

    if (image->size <= offset)
        to = 0;
    else if (image->size - offset < to)
        to = (size_t)(image->size - offset);
    if (from >= to)
        return;
    slg_image_read_sector(image, sector->index, bytes);
    memcpy(sector->bytes + from, bytes + from, to - from);
}

static char
sector_lose(const struct sector *sector, struct cut *cut)
{
    const struct slg_disk_file *file = sector->file;
    const size_t at = (size_t)slg_disk_below(&cut->chance, SLG_PAGE + 1);

    switch (draw_loss(cut)) {
    case SEGLOG_DISK_ZERO:
        memset(sector->bytes + sector->safe, 0, sector->written - sector->safe);
        return 'Z';
    case SEGLOG_DISK_TORN_FRONT:
        sector_put(sector, &file->now, 0, at);
        return 'T';
    case SEGLOG_DISK_TORN_BACK:
        sector_put(sector, &file->now, at, SLG_PAGE);
        return 't';
    case SEGLOG_DISK_BETWEEN:
        if (file->between_count == 0)
            return 'O';
        sector_put(
            sector,
            &file->between[slg_disk_below(&cut->chance, file->between_count)],
            0, SLG_PAGE);
        return 'B';
    case SEGLOG_DISK_GARBAGE:
        for (size_t i = sector->safe; i < sector->written; i++)
            sector->bytes[i] = (uint8_t)slg_disk_random(&cut->chance);
        return 'G';
    default:
        return 'O';
    }
}

static char
sector_make(const struct sector *sector, struct cut *cut)
{
    const struct slg_disk_file *file = sector->file;
    const bool is_by_chance = cut->how->kept == NULL;
    const bool is_kept = is_by_chance ? slg_disk_below(&cut->chance, 100) >=
                                            cut->how->lost_percent
                                      : item_is_kept(cut, cut->item);

    cut->item++;
    slg_image_read_sector(&file->disk, sector->index, sector->bytes);
    if (!is_kept && !is_by_chance && cut->how->losses == 0)
        return 'O';
    if (!is_kept)
        return sector_lose(sector, cut);
    if ((cut->losses & SEGLOG_DISK_CUT_ZEROED) != 0)
        memset(sector->bytes + sector->safe, 0, SLG_PAGE - sector->safe);
    sector_put(sector, &file->now, 0, SLG_PAGE);
    return 'N';
}

/* The bytes of a sector below offset, all of it at most. */
static size_t
part_below(size_t index, uint64_t offset)
{
    const uint64_t start = (uint64_t)index * SLG_PAGE;

    if (offset <= start)
        return 0;
    return offset - start < SLG_PAGE ? (size_t)(offset - start) : SLG_PAGE;
}

static uint64_t
draw_size(const struct slg_disk_file *file, struct cut *cut)
{
    const uint64_t least = size_min(file);

    if (cut->how->kept) {
        const size_t item =
            cut->item + (sectors_end(file) - sectors_first(file));

        return item_is_kept(cut, item) ? file->now.size : file->disk.size;
    }
    if (slg_disk_below(&cut->chance, 2) == 0)
        return file->now.size;
    return least + slg_disk_below(&cut->chance, size_max(file) - least + 1);
}

static bool
sectors_make(struct slg_disk_file *to, const struct slg_disk_file *from,
             struct cut *cut)
{
    const size_t first = sectors_first(from);
    const size_t end = sectors_end(from);

    to->fate_first = first;
    to->fates = calloc(end - first + 1, 1);
    if (!to->fates)
        return false;
    for (size_t i = first; i < end; i++) {
        struct slg_page *page = slg_page_new();
        struct sector sector = { .file = from, .index = i };

        if (!page)
            return false;
        sector.safe = part_below(i, from->floor);
        sector.written = part_below(i, from->now.size);
        sector.bytes = page->bytes;
        to->fates[i - first] = sector_make(&sector, cut);
        if (i < slg_page_count(to->now.size))
            slg_image_put_page(&to->now, i, page);
        else
            slg_page_unref(page);
    }
    return true;
}

static struct slg_disk_file *
file_after(struct seglog_disk *disk, const struct slg_disk_file *from,
           struct cut *cut)
{
    struct slg_disk_file *file = slg_disk_file_new(disk);
    const size_t item_after = cut->item + file_item_count(from);
    bool is_ok = file && slg_image_share(&file->now, &from->disk, 0);

    if (is_ok && !slg_disk_file_is_clean(from))
        is_ok = slg_image_resize(&file->now, draw_size(from, cut)) &&
                (sectors_end(from) <= sectors_first(from) ||
                 sectors_make(file, from, cut));
    is_ok = is_ok && slg_image_share(&file->disk, &file->now, 0);
    cut->item = item_after;
    if (is_ok) {
        file->floor = file->now.size;
        file->modified_ns = from->modified_ns;
        file->number = from->number;
        return file;
    }
    if (file)
        slg_disk_file_unref(file);
    return NULL;
}

/* -- names ----------------------------------------------------------------- */

/* All files that there are, in the order of their numbers, each once. */
struct files {
    struct slg_disk_file **list;
    size_t count;
};

static void
files_add(struct files *files, struct slg_disk_file *file)
{
    size_t at = files->count;

    for (size_t i = 0; i < files->count; i++) {
        if (files->list[i] == file)
            return;
    }
    while (at > 0 && files->list[at - 1]->number > file->number) {
        files->list[at] = files->list[at - 1];
        at--;
    }
    files->list[at] = file;
    files->count++;
}

static bool
files_collect(const struct seglog_disk *disk, struct files *files)
{
    const size_t cap = disk->now.count + disk->disk.count + disk->change_count;

    *files = (struct files){
        .list = malloc((cap + 1) * sizeof(struct slg_disk_file *)),
    };
    if (!files->list)
        return false;
    for (size_t i = 0; i < disk->now.count; i++)
        files_add(files, disk->now.entries[i].file);
    for (size_t i = 0; i < disk->disk.count; i++)
        files_add(files, disk->disk.entries[i].file);
    for (size_t i = 0; i < disk->change_count; i++)
        files_add(files, disk->changes[i].file);
    return true;
}

/* Of the changes, those that have happened on the disk. */
static bool
names_after(const struct seglog_disk *disk, struct cut *cut,
            struct slg_disk_names *names, uint64_t *stamp)
{
    bool is_over = false;
    bool is_ok = slg_disk_names_copy(names, &disk->disk);

    *stamp = disk->disk_stamp;

    for (size_t i = 0; i < disk->change_count && is_ok; i++) {
        const bool is_kept = cut->how->kept
                                 ? item_is_kept(cut, cut->item)
                                 : slg_disk_below(&cut->chance, 2) == 0;

        cut->item++;
        is_over = is_over || (cut->how->names_in_order && !is_kept);
        if (!is_kept || is_over)
            continue;
        is_ok = slg_disk_change_apply(names, &disk->changes[i]);
        *stamp = disk->changes[i].stamp;
    }
    return is_ok;
}

/* Under the mutex of the disk. */
static bool
image_fill(struct seglog_disk *to, struct seglog_disk *from, struct cut *cut)
{
    struct files files = { 0 };
    struct slg_disk_names names = { 0 };
    bool is_ok = files_collect(from, &files);

    for (size_t i = 0; i < files.count && is_ok; i++) {
        files.list[i]->twin = file_after(to, files.list[i], cut);
        is_ok = files.list[i]->twin != NULL;
    }
    is_ok = is_ok && names_after(from, cut, &names, &to->stamp);
    to->disk_stamp = to->stamp;
    for (size_t i = 0; i < names.count && is_ok; i++) {
        is_ok = slg_disk_names_reserve(&to->now);
        if (is_ok)
            slg_disk_names_set(&to->now, names.entries[i].name,
                               names.entries[i].file->twin);
    }
    is_ok = is_ok && slg_disk_names_copy(&to->disk, &to->now);
    slg_disk_names_reset(&names);
    for (size_t i = 0; i < files.count; i++) {
        if (files.list[i]->twin)
            slg_disk_file_unref(files.list[i]->twin);
        files.list[i]->twin = NULL;
    }
    free(files.list);
    to->files_made = from->files_made;
    return is_ok;
}

static struct seglog_disk *
image_make(struct seglog_disk *disk, const struct seglog_disk_cut *how)
{
    struct cut cut = {
        .how = how,
        .losses = how->losses != 0 ? how->losses : SEGLOG_DISK_LOSSES,
        .chance = how->seed,
    };
    struct seglog_disk *image = seglog_disk_new(&disk->options);

    if (!image)
        return NULL;
    if (image_fill(image, disk, &cut))
        return image;
    seglog_disk_free(image);
    return NULL;
}

struct seglog_disk *
seglog_disk_image(struct seglog_disk *disk, const struct seglog_disk_cut *cut)
{
    struct seglog_disk *image = NULL;

    (void)pthread_mutex_lock(&disk->mutex);
    image = image_make(disk, cut);
    (void)pthread_mutex_unlock(&disk->mutex);
    return image;
}

/* Handles of dead processes keep the files of before. */
bool
seglog_disk_cut_power(struct seglog_disk *disk,
                      const struct seglog_disk_cut *cut)
{
    struct seglog_disk *image = NULL;
    struct slg_disk_names names;

    (void)pthread_mutex_lock(&disk->mutex);
    image = image_make(disk, cut);
    if (image) {
        names = disk->now;
        disk->now = image->now;
        image->now = names;
        names = disk->disk;
        disk->disk = image->disk;
        image->disk = names;
        slg_disk_forget_changes(disk);
        disk->boot++;
        disk->stamp = disk->disk_stamp = image->stamp;
        for (struct slg_disk_lock *lock = disk->locks; lock;
             lock = lock->next) {
            lock->holder = NULL;
            lock->is_discarded = false;
            memset(lock->hint, 0, sizeof lock->hint);
        }
        (void)pthread_cond_broadcast(&disk->changed);
        (void)pthread_cond_broadcast(&disk->released);
        /* The names of before go with it. */
        seglog_disk_free(image);
    }
    (void)pthread_mutex_unlock(&disk->mutex);
    return image != NULL;
}

/* -- what is not synced ---------------------------------------------------- */

struct unsynced {
    struct seglog_disk_unsynced *list;
    size_t cap;
    size_t count;
};

static void
unsynced_add(struct unsynced *to, struct seglog_disk_unsynced item)
{
    if (to->count < to->cap)
        to->list[to->count] = item;
    to->count++;
}

static void
unsynced_add_file(struct unsynced *to, const struct slg_disk_file *file)
{
    struct seglog_disk_unsynced item = { .file = file->number };

    if (slg_disk_file_is_clean(file))
        return;
    item.kind = SEGLOG_DISK_UNSYNCED_SECTOR;
    for (size_t i = sectors_first(file); i < sectors_end(file); i++) {
        item.offset = (uint64_t)i * SLG_PAGE;
        unsynced_add(to, item);
    }
    item.kind = SEGLOG_DISK_UNSYNCED_SIZE;
    item.offset = file->now.size;
    if (file->now.size != file->disk.size)
        unsynced_add(to, item);
}

size_t
seglog_disk_get_unsynced(struct seglog_disk *disk,
                         struct seglog_disk_unsynced *list, size_t cap)
{
    struct unsynced to = { .list = list, .cap = cap };
    struct files files = { 0 };

    (void)pthread_mutex_lock(&disk->mutex);
    (void)files_collect(disk, &files);
    for (size_t i = 0; i < files.count; i++)
        unsynced_add_file(&to, files.list[i]);
    for (size_t i = 0; i < disk->change_count; i++)
        unsynced_add(&to, (struct seglog_disk_unsynced){
                              .kind = SEGLOG_DISK_UNSYNCED_NAME,
                              .file = disk->changes[i].file->number,
                              .change = disk->changes[i].kind,
                          });
    (void)pthread_mutex_unlock(&disk->mutex);
    free(files.list);
    return to.count;
}
