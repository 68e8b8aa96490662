/* SPDX-License-Identifier: MIT */
/* src/canonical/backup_repository.c - which backups there are, by names. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"
#include "src/store/fail.h"

/* No blob has this name. */
#define LOCK_NAME "backup"
#define PREFIX    "backup."
#define NEW       ".new"

/* -- errors ---------------------------------------------------------------- */

seglog_code
slg_backup_fail(struct seglog_error *err, seglog_code code, const char *name,
                const char *format, ...)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    char text[sizeof err->message];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return slg_fail(err, code, &place, "%s", text);
}

seglog_code
slg_backup_fail_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a backup");
}

seglog_code
slg_backup_progress(seglog_backup_progress_fn fn, void *arg, uint64_t done,
                    uint64_t total, struct seglog_error *err)
{
    if (!fn || fn(arg, done, total))
        return SEGLOG_OK;
    (void)err; /* END is no error */
    return SEGLOG_END;
}

/* -- names ----------------------------------------------------------------- */

char *
slg_backup_manifest_name(uint32_t number, char *buf)
{
    (void)snprintf(buf, SEGLOG_BACKUP_NAME_CAP, PREFIX "%06u.manifest",
                   (unsigned)number);
    return buf;
}

char *
slg_backup_part_name(uint32_t number, uint32_t index, char *buf)
{
    (void)snprintf(buf, SEGLOG_BACKUP_NAME_CAP, PREFIX "%06u.%06u.part",
                   (unsigned)number, (unsigned)index);
    return buf;
}

/* Digits, however many; whoever asks makes the name again and compares. */
static const char *
digits_skip(const char *at, uint32_t *number)
{
    *number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (*number > SEGLOG_BACKUP_NUMBER_MAX / 10)
            return NULL;
        *number = *number * 10 + (uint32_t)(*at - '0');
    }
    return at;
}

bool
slg_backup_manifest_parse_name(const char *name, uint32_t *number)
{
    char again[SEGLOG_BACKUP_NAME_CAP];

    return strncmp(name, PREFIX, strlen(PREFIX)) == 0 &&
           digits_skip(name + strlen(PREFIX), number) && *number > 0 &&
           *number <= SEGLOG_BACKUP_NUMBER_MAX &&
           strcmp(name, slg_backup_manifest_name(*number, again)) == 0;
}

bool
slg_backup_part_parse_name(const char *name, uint32_t *number, uint32_t *index)
{
    char again[SEGLOG_BACKUP_NAME_CAP];
    const char *at = name + strlen(PREFIX);

    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return false;
    at = digits_skip(at, number);
    return at && *at == '.' && digits_skip(at + 1, index) && *number > 0 &&
           *number <= SEGLOG_BACKUP_NUMBER_MAX && *index > 0 &&
           *index <= SEGLOG_BACKUP_NUMBER_MAX &&
           strcmp(name, slg_backup_part_name(*number, *index, again)) == 0;
}

/* -- the lock -------------------------------------------------------------- */

seglog_code
slg_backup_lock(struct seglog_store repository, int timeout_ms,
                struct seglog_lock *lock, struct seglog_error *err)
{
    const int timeout = timeout_ms == 0 ? 10000 : timeout_ms;
    seglog_code code = seglog_lock_open(repository, LOCK_NAME, lock, err);

    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(*lock, timeout, err);
    if (code != SEGLOG_OK)
        seglog_lock_close(lock);
    return code;
}

/* A lock that is left over does no harm. */
void
slg_backup_unlock(struct seglog_lock *lock)
{
    if (!lock->ops)
        return;
    (void)seglog_lock_discard(*lock, NULL);
    (void)seglog_lock_release(*lock, NULL);
    seglog_lock_close(lock);
}

/* -- listing --------------------------------------------------------------- */

struct listing_call {
    struct slg_backup_listing *listing;
    seglog_code code;
    struct seglog_error *err;
};

/* A manifest that has not got its name yet. */
static bool
is_unfinished(const char *name)
{
    char bare[SLG_NAME_CAP];
    const size_t len = strlen(name);
    uint32_t number = 0;

    if (!slg_name_has_suffix(name, NEW) || len >= sizeof bare)
        return false;
    memcpy(bare, name, len - strlen(NEW));
    bare[len - strlen(NEW)] = '\0';
    return slg_backup_manifest_parse_name(bare, &number);
}

static bool
name_take(void *arg, const char *name)
{
    struct listing_call *call = arg;
    struct slg_name_list *list = NULL;
    uint32_t number = 0;
    uint32_t index = 0;

    if (slg_backup_manifest_parse_name(name, &number))
        list = &call->listing->manifests;
    else if (slg_backup_part_parse_name(name, &number, &index))
        list = &call->listing->parts;
    else if (is_unfinished(name))
        list = &call->listing->left;
    if (list)
        call->code = slg_name_list_add(list, name, call->err);
    return call->code == SEGLOG_OK;
}

static int
number_compare(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left;
    const uint32_t b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

seglog_code
slg_backup_listing_make(struct seglog_store repository,
                        struct slg_backup_listing *listing,
                        struct seglog_error *err)
{
    struct listing_call call = { listing, SEGLOG_OK, err };
    seglog_code code =
        seglog_store_list(repository, PREFIX, name_take, &call, err);

    if (code == SEGLOG_OK)
        code = call.code;
    if (code == SEGLOG_OK) {
        listing->numbers =
            calloc(listing->manifests.count + 1, sizeof *listing->numbers);
        if (!listing->numbers)
            code = slg_backup_fail_memory(err);
    }
    if (code != SEGLOG_OK) {
        slg_backup_listing_reset(listing);
        return code;
    }
    /* By number: names of seven digits do not follow those of six. */
    for (size_t i = 0; i < listing->manifests.count; i++)
        (void)slg_backup_manifest_parse_name(listing->manifests.names[i],
                                             &listing->numbers[i]);
    if (listing->manifests.count > 0)
        qsort(listing->numbers, listing->manifests.count,
              sizeof *listing->numbers, number_compare);
    return SEGLOG_OK;
}

void
slg_backup_listing_reset(struct slg_backup_listing *listing)
{
    slg_name_list_reset(&listing->manifests);
    slg_name_list_reset(&listing->parts);
    slg_name_list_reset(&listing->left);
    free(listing->numbers);
    listing->numbers = NULL;
}

uint32_t
slg_backup_listing_latest(const struct slg_backup_listing *listing)
{
    return listing->manifests.count > 0
               ? listing->numbers[listing->manifests.count - 1]
               : 0;
}

seglog_code
slg_backup_blob_remove(struct seglog_store store, const char *name,
                       struct seglog_error *err)
{
    struct seglog_error local;
    const seglog_code code = seglog_store_remove(store, name, &local);

    if (code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}
