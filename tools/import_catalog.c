/* SPDX-License-Identifier: MIT */
/* tools/import_catalog.c - roots and entries, and their way to the store. */
#define _GNU_SOURCE
#include "tools/import_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/import_source.h"
#include "tools/tool_common.h"
#include "tools/tool_tree.h"

#define BUCKETS_FIRST 1024
#define SAVE_MAX      256
#define ROOT_KEY      2 /* "r" NUL */

static seglog_code
fail_memory(struct seglog_error *err)
{
    return tool_error_set(err, SEGLOG_NO_MEMORY, "sources", "out of memory");
}

/* ---------------------------------------------------------------------------
 * Entries
 */

static size_t
path_hash(size_t root, const char *path)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325) + root;

    for (; *path != '\0'; path++)
        hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001B3);
    return (size_t)(hash ^ hash >> 32);
}

static struct import_entry **
catalog_slot(const struct import_catalog *catalog, size_t root,
             const char *path)
{
    struct import_entry **slot =
        &catalog->buckets[path_hash(root, path) & (catalog->bucket_count - 1)];

    while (*slot && ((*slot)->root != root || strcmp((*slot)->path, path) != 0))
        slot = &(*slot)->next;
    return slot;
}

struct import_entry *
import_catalog_find(const struct import_catalog *catalog, size_t root,
                    const char *path)
{
    return *catalog_slot(catalog, root, path);
}

static void
catalog_grow(struct import_catalog *catalog)
{
    const size_t count = catalog->bucket_count * 2;
    struct import_entry **buckets = calloc(count, sizeof *buckets);

    if (!buckets)
        return; /* it only gets slower */
    for (size_t i = 0; i < catalog->bucket_count; i++) {
        struct import_entry *entry = catalog->buckets[i];

        while (entry) {
            struct import_entry *next = entry->next;
            const size_t at = path_hash(entry->root, entry->path) & (count - 1);

            entry->next = buckets[at];
            buckets[at] = entry;
            entry = next;
        }
    }
    free(catalog->buckets);
    catalog->buckets = buckets;
    catalog->bucket_count = count;
}

struct import_entry *
import_catalog_get(struct import_catalog *catalog, size_t root,
                   const char *path)
{
    struct import_entry *entry = import_catalog_find(catalog, root, path);

    if (entry)
        return entry;
    if (catalog->entry_count >= catalog->bucket_count)
        catalog_grow(catalog);
    entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->root = root;
    entry->path_len = strlen(path);
    entry->path = strdup(path);
    if (!entry->path) {
        free(entry);
        return NULL;
    }
    *catalog_slot(catalog, root, path) = entry;
    catalog->entry_count++;
    return entry;
}

static void
entry_free(struct import_entry *entry)
{
    import_state_free(&entry->state);
    import_live_free(entry->live);
    free(entry->path);
    free(entry);
}

void
import_catalog_drop(struct import_catalog *catalog, struct import_entry *entry)
{
    struct import_entry **slot =
        catalog_slot(catalog, entry->root, entry->path);

    *slot = entry->next;
    catalog->entry_count--;
    entry_free(entry);
}

static int
entry_compare(const void *a, const void *b)
{
    const struct import_entry *const *x = a;
    const struct import_entry *const *y = b;

    if ((*x)->root != (*y)->root)
        return (*x)->root < (*y)->root ? -1 : 1;
    return strcmp((*x)->path, (*y)->path);
}

struct import_entry **
import_catalog_sort(const struct import_catalog *catalog, size_t *count)
{
    struct import_entry **entries =
        malloc((catalog->entry_count + 1) * sizeof(void *));

    *count = 0;
    if (!entries)
        return NULL;
    for (size_t i = 0; i < catalog->bucket_count; i++)
        for (struct import_entry *entry = catalog->buckets[i]; entry;
             entry = entry->next)
            entries[(*count)++] = entry;
    qsort(entries, *count, sizeof(void *), entry_compare);
    return entries;
}

/* ---------------------------------------------------------------------------
 * Promised segments
 */

/* Where the id is, or would be.  Its last bytes are chance in any version. */
static struct seglog_uuid *
promised_place(struct seglog_uuid *table, size_t cap,
               const struct seglog_uuid *id)
{
    uint64_t at = 0;

    memcpy(&at, id->bytes + 8, sizeof at);
    while (!seglog_uuid_is_nil(&table[at & (cap - 1)]) &&
           seglog_uuid_compare(&table[at & (cap - 1)], id) != 0)
        at++;
    return &table[at & (cap - 1)];
}

static bool
promised_grow(struct import_catalog *catalog)
{
    const size_t cap =
        catalog->promised_cap ? catalog->promised_cap * 2 : BUCKETS_FIRST;
    struct seglog_uuid *table = calloc(cap, sizeof *table);

    if (!table)
        return false;
    for (size_t i = 0; i < catalog->promised_cap; i++)
        if (!seglog_uuid_is_nil(&catalog->promised[i]))
            *promised_place(table, cap, &catalog->promised[i]) =
                catalog->promised[i];
    free(catalog->promised);
    catalog->promised = table;
    catalog->promised_cap = cap;
    return true;
}

bool
import_catalog_promise(struct import_catalog *catalog,
                       const struct seglog_uuid *segment)
{
    struct seglog_uuid *place = NULL;

    if (catalog->promised_count * 2 >= catalog->promised_cap &&
        !promised_grow(catalog))
        return false;
    place = promised_place(catalog->promised, catalog->promised_cap, segment);
    if (!seglog_uuid_is_nil(place))
        return false;
    *place = *segment;
    catalog->promised_count++;
    return true;
}

/* ---------------------------------------------------------------------------
 * Reading
 */

struct reading {
    struct import_catalog *catalog;
    size_t root;
    bool is_failed;
    uint64_t strange; /* keys or values this program does not know */
};

static bool
root_append(struct import_catalog *catalog, const char *path, size_t len,
            const char digits[IMPORT_ROOT_DIGITS])
{
    struct import_root *roots =
        realloc(catalog->roots, (catalog->root_count + 1) * sizeof *roots);
    struct import_root root = { .fd = -1 };

    if (!roots)
        return false;
    catalog->roots = roots;
    root.path = strndup(path, len);
    memcpy(root.digits, digits, IMPORT_ROOT_DIGITS);
    if (!root.path)
        return false;
    roots[catalog->root_count++] = root;
    return true;
}

static bool
root_read(void *arg, const struct seglog_named *item)
{
    struct reading *reading = arg;
    const size_t len = item->name.len - ROOT_KEY;
    const char *path = item->name.data + ROOT_KEY;

    if (item->data.len != IMPORT_ROOT_DIGITS || len == 0 || path[0] != '/' ||
        memchr(path, '\0', len)) {
        reading->strange++;
        return true;
    }
    reading->is_failed =
        !root_append(reading->catalog, path, len, item->data.data);
    return !reading->is_failed;
}

seglog_code
import_catalog_open(struct seglog_session_store *sessions,
                    struct import_catalog *catalog, struct seglog_error *err)
{
    struct reading reading = { .catalog = catalog };
    const struct seglog_slice prefix = { "r\0", ROOT_KEY };
    seglog_code code = SEGLOG_OK;

    *catalog = (struct import_catalog){ .sessions = sessions,
                                        .bucket_count = BUCKETS_FIRST };
    catalog->buckets = calloc(BUCKETS_FIRST, sizeof(void *));
    if (!catalog->buckets)
        return fail_memory(err);
    code = seglog_name_list(sessions, SEGLOG_NAMES_SOURCE, prefix, root_read,
                            &reading, err);
    if (code != SEGLOG_OK)
        return code;
    return reading.is_failed ? fail_memory(err) : SEGLOG_OK;
}

void
import_catalog_close(struct import_catalog *catalog)
{
    for (size_t i = 0; catalog->buckets && i < catalog->bucket_count; i++) {
        struct import_entry *entry = catalog->buckets[i];

        while (entry) {
            struct import_entry *next = entry->next;

            entry_free(entry);
            entry = next;
        }
    }
    for (size_t i = 0; i < catalog->root_count; i++) {
        if (catalog->roots[i].fd >= 0)
            (void)close(catalog->roots[i].fd);
        free(catalog->roots[i].path);
    }
    free(catalog->roots);
    free(catalog->buckets);
    free(catalog->promised);
    *catalog = (struct import_catalog){ 0 };
}

static bool
entry_read(void *arg, const struct seglog_named *item)
{
    struct reading *reading = arg;
    const size_t len = item->name.len - IMPORT_KEY_PREFIX;
    const char *bytes = item->name.data + IMPORT_KEY_PREFIX;
    char path[TOOL_TREE_PATH_MAX + 1];
    struct import_entry *entry = NULL;
    struct import_state state;
    bool is_out_of_memory = false;

    /* Names come from a file: they must not lead out of the root. */
    if (!tool_tree_path_is_safe(bytes, len) ||
        !import_state_decode(item->data.data, item->data.len, &state,
                             &is_out_of_memory)) {
        reading->strange++;
        reading->is_failed = is_out_of_memory;
        return !is_out_of_memory;
    }
    memcpy(path, bytes, len);
    path[len] = '\0';
    entry = import_catalog_get(reading->catalog, reading->root, path);
    if (!entry) {
        import_state_free(&state);
        reading->is_failed = true;
        return false;
    }
    import_state_free(&entry->state);
    entry->state = state;
    entry->is_stored = true;
    if (!seglog_uuid_is_nil(&state.segment))
        (void)import_catalog_promise(reading->catalog, &state.segment);
    return true;
}

seglog_code
import_catalog_load(struct import_catalog *catalog, size_t root,
                    struct seglog_error *err)
{
    struct reading reading = { .catalog = catalog, .root = root };
    char key[IMPORT_KEY_PREFIX];
    const struct seglog_slice prefix = { key, sizeof key };
    seglog_code code = SEGLOG_OK;

    if (catalog->roots[root].is_loaded)
        return SEGLOG_OK;
    import_key_write(key, catalog->roots[root].digits, "", 0);
    code = seglog_name_list(catalog->sessions, SEGLOG_NAMES_SOURCE, prefix,
                            entry_read, &reading, err);
    if (code != SEGLOG_OK)
        return code;
    if (reading.is_failed)
        return fail_memory(err);
    if (reading.strange > 0)
        tool_say("%s: sources that this program does not understand: %llu",
                 catalog->roots[root].path,
                 (unsigned long long)reading.strange);
    catalog->roots[root].is_loaded = true;
    return SEGLOG_OK;
}

/* ---------------------------------------------------------------------------
 * Writing
 */

static seglog_code
root_store(struct import_catalog *catalog, const struct import_root *root,
           struct seglog_error *err)
{
    const size_t len = strlen(root->path);
    char key[ROOT_KEY + TOOL_TREE_PATH_MAX] = "r";
    struct seglog_named item = {
        .space = SEGLOG_NAMES_SOURCE,
        .name = { key, ROOT_KEY + len },
        .data = { root->digits, IMPORT_ROOT_DIGITS },
    };

    memcpy(key + ROOT_KEY, root->path, len);
    return seglog_name_write(catalog->sessions, &item, 1, false, err);
}

/* A number that no root has. */
static void
root_number(const struct import_catalog *catalog,
            char digits[IMPORT_ROOT_DIGITS])
{
    unsigned long top = 0;
    char text[IMPORT_ROOT_DIGITS + 1] = "";

    for (size_t i = 0; i < catalog->root_count; i++) {
        unsigned long number = 0;

        memcpy(text, catalog->roots[i].digits, IMPORT_ROOT_DIGITS);
        number = strtoul(text, NULL, 16);
        if (number > top)
            top = number;
    }
    (void)snprintf(text, sizeof text, "%08lx", (top + 1) & 0xFFFFFFFF);
    memcpy(digits, text, IMPORT_ROOT_DIGITS);
}

seglog_code
import_catalog_add_root(struct import_catalog *catalog, const char *path,
                        size_t *root, struct seglog_error *err)
{
    char digits[IMPORT_ROOT_DIGITS];
    seglog_code code = SEGLOG_OK;

    for (*root = 0; *root < catalog->root_count; ++*root)
        if (strcmp(catalog->roots[*root].path, path) == 0)
            return import_catalog_load(catalog, *root, err);
    if (strlen(path) > TOOL_TREE_PATH_MAX)
        return tool_error_set(err, SEGLOG_INVALID, path,
                              "the path is too long");
    root_number(catalog, digits);
    if (!root_append(catalog, path, strlen(path), digits))
        return fail_memory(err);
    code = root_store(catalog, &catalog->roots[*root], err);
    if (code != SEGLOG_OK)
        return code;
    return import_catalog_load(catalog, *root, err);
}

static seglog_code
save_some(const struct import_catalog *catalog,
          struct import_entry *const *entries, size_t count, bool is_lazy,
          struct seglog_error *err)
{
    struct seglog_named items[SAVE_MAX] = { 0 };
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < count; i++) {
        const struct import_entry *entry = entries[i];
        char *key = malloc(IMPORT_KEY_PREFIX + entry->path_len);

        items[i].space = SEGLOG_NAMES_SOURCE;
        items[i].data.data =
            import_state_encode(&entry->state, &items[i].data.len);
        items[i].name =
            (struct seglog_slice){ key, IMPORT_KEY_PREFIX + entry->path_len };
        if (key)
            import_key_write(key, catalog->roots[entry->root].digits,
                             entry->path, entry->path_len);
        if (!key || !items[i].data.data)
            code = fail_memory(err);
    }
    if (code == SEGLOG_OK)
        code = seglog_name_write(catalog->sessions, items, count, is_lazy, err);
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)items[i].name.data);
        free((void *)(uintptr_t)items[i].data.data);
        if (code == SEGLOG_OK) {
            entries[i]->is_stored = true;
            entries[i]->is_dirty = false;
        }
    }
    return code;
}

seglog_code
import_catalog_save(const struct import_catalog *catalog,
                    struct import_entry *const *entries, size_t count,
                    bool is_lazy, struct seglog_error *err)
{
    for (size_t at = 0; at < count; at += SAVE_MAX) {
        const size_t some = count - at < SAVE_MAX ? count - at : SAVE_MAX;
        const bool is_last = at + some == count;
        const seglog_code code =
            save_some(catalog, entries + at, some, is_lazy || !is_last, err);

        if (code != SEGLOG_OK)
            return code;
    }
    return SEGLOG_OK;
}

/* The state under its new path, and nothing under the old one, or neither. */
static seglog_code
rename_store(const struct import_catalog *catalog,
             const struct import_entry *entry, const char *path,
             struct seglog_error *err)
{
    const char *digits = catalog->roots[entry->root].digits;
    const size_t len = strlen(path);
    char old_key[IMPORT_KEY_PREFIX + TOOL_TREE_PATH_MAX];
    char new_key[IMPORT_KEY_PREFIX + TOOL_TREE_PATH_MAX];
    size_t data_len = 0;
    char *data = import_state_encode(&entry->state, &data_len);
    const struct seglog_named items[] = {
        { .space = SEGLOG_NAMES_SOURCE,
          .name = { old_key, IMPORT_KEY_PREFIX + entry->path_len },
          .is_deleted = true },
        { .space = SEGLOG_NAMES_SOURCE,
          .name = { new_key, IMPORT_KEY_PREFIX + len },
          .data = { data, data_len } },
    };
    seglog_code code = SEGLOG_OK;

    if (!data)
        return fail_memory(err);
    import_key_write(old_key, digits, entry->path, entry->path_len);
    import_key_write(new_key, digits, path, len);
    code = seglog_name_write(catalog->sessions, items, 2, false, err);
    free(data);
    return code;
}

seglog_code
import_catalog_rename(struct import_catalog *catalog,
                      struct import_entry *entry, const char *path,
                      struct seglog_error *err)
{
    struct import_entry **slot = NULL;
    char *copy = strdup(path);
    seglog_code code = SEGLOG_OK;

    if (!copy)
        return fail_memory(err);
    code = rename_store(catalog, entry, path, err);
    if (code != SEGLOG_OK) {
        free(copy);
        return code;
    }
    slot = catalog_slot(catalog, entry->root, entry->path);
    *slot = entry->next;
    entry->next = NULL;
    free(entry->path);
    entry->path = copy;
    entry->path_len = strlen(copy);
    *catalog_slot(catalog, entry->root, copy) = entry;
    entry->is_stored = true;
    entry->is_dirty = false;
    return SEGLOG_OK;
}
