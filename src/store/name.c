/* SPDX-License-Identifier: MIT */
/* src/store/name.c - names of blobs, lists of them, and text on one line. */
#include "src/store/name.h"

#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

bool
slg_name_has_suffix(const char *name, const char *suffix)
{
    const size_t name_len = strlen(name);
    const size_t suffix_len = strlen(suffix);

    return name_len >= suffix_len &&
           memcmp(name + name_len - suffix_len, suffix, suffix_len) == 0;
}

seglog_code
slg_name_check(const char *name, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };

    if (!name || name[0] == '\0')
        return slg_fail(err, SEGLOG_INVALID, &place, "the name is empty");
    if (strlen(name) > SLG_NAME_MAX)
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "the name is longer than %d bytes", SLG_NAME_MAX);
    if (strchr(name, '/') != NULL)
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "the name contains a slash");
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "the name stands for a folder");

    /* A blob under such a name would be the lock of another one. */
    if (slg_name_has_suffix(name, SLG_LOCK_SUFFIX))
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "names that end in \"%s\" are taken for locks",
                        SLG_LOCK_SUFFIX);
    return SEGLOG_OK;
}

seglog_code
slg_name_list_add(struct slg_name_list *list, const char *name,
                  struct seglog_error *err)
{
    const size_t size = strlen(name) + 1;
    char *copy = NULL;

    if (list->count == list->cap) {
        const size_t cap = list->cap ? 2 * list->cap : 16;
        char **names = realloc(list->names, cap * sizeof *names);

        if (!names)
            return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for a list of names");
        list->names = names;
        list->cap = cap;
    }
    copy = malloc(size);
    if (!copy)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a list of names");
    memcpy(copy, name, size);
    list->names[list->count++] = copy;
    return SEGLOG_OK;
}

static int
name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void
slg_name_list_tell(struct slg_name_list *list, seglog_list_fn fn, void *arg)
{
    if (list->count > 1)
        qsort(list->names, list->count, sizeof *list->names, name_compare);
    for (size_t i = 0; i < list->count; i++)
        if (!fn(arg, list->names[i]))
            return;
}

void
slg_name_list_reset(struct slg_name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct slg_name_list){ 0 };
}

void
slg_text_to_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}
