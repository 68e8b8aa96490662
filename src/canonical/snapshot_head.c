/* SPDX-License-Identifier: MIT */
/* src/canonical/snapshot_head.c - names, first and last records of snapshots
 * (SPEC.md 17.4). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/frame.h"
#include "src/canonical/snapshot.h"
#include "src/store/name.h"

static const char HEAD_MAGIC[] = { 'S', '1' };
static const char END_MAGIC[] = { 'S', '2' };

/* -- names ----------------------------------------------------------------- */

void
slg_snapshot_name(uint64_t position, char name[SLG_SNAPSHOT_NAME_CAP])
{
    (void)snprintf(name, SLG_SNAPSHOT_NAME_CAP,
                   SLG_SNAPSHOT_PREFIX "%020" PRIu64 ".seg", position);
}

bool
slg_snapshot_name_parse(const char *name, uint64_t *position)
{
    char again[SLG_SNAPSHOT_NAME_CAP];

    if (strncmp(name, SLG_SNAPSHOT_PREFIX, sizeof SLG_SNAPSHOT_PREFIX - 1) != 0)
        return false;
    *position = 0;
    for (const char *at = name + sizeof SLG_SNAPSHOT_PREFIX - 1;
         *at >= '0' && *at <= '9'; at++)
        *position = *position * 10 + (uint64_t)(*at - '0');
    slg_snapshot_name(*position, again);
    return strcmp(name, again) == 0;
}

static bool
newest_take(void *arg, const char *name)
{
    uint64_t *newest = arg;
    uint64_t position = 0;

    if (slg_snapshot_name_parse(name, &position) && position > *newest)
        *newest = position;
    return true;
}

seglog_code
slg_snapshot_find(struct seglog_store store, uint64_t *position,
                  struct seglog_error *err)
{
    *position = 0;
    return seglog_store_list(store, SLG_SNAPSHOT_PREFIX, newest_take, position,
                             err);
}

/* -- the first record ------------------------------------------------------ */

static bool
number_add(struct slg_bytes *out, uint64_t number)
{
    uint8_t bytes[SLG_VARINT_MAX];

    return slg_bytes_add(out, bytes, slg_varint_put(bytes, number));
}

bool
slg_snapshot_put_head(const struct slg_view_head *head, struct slg_bytes *out)
{
    return slg_bytes_add(out, HEAD_MAGIC, sizeof HEAD_MAGIC) &&
           slg_bytes_add(out, head->identity, sizeof head->identity) &&
           slg_bytes_add(out, &head->hash.len, 1) &&
           slg_bytes_add(out, head->hash.bytes, head->hash.len) &&
           number_add(out, head->position) &&
           number_add(out, head->next_event) && number_add(out, head->marked) &&
           number_add(out, head->created_ms) &&
           number_add(out, head->updated_ms) && number_add(out, head->sealed) &&
           number_add(out, head->is_paused) &&
           number_add(out, head->schema_version) && number_add(out, head->lost);
}

static bool
bytes_take(const uint8_t **at, const uint8_t *end, void *out, size_t len)
{
    if (len > (size_t)(end - *at))
        return false;
    memcpy(out, *at, len);
    *at += len;
    return true;
}

static bool
number_take(const uint8_t **at, const uint8_t *end, uint64_t *number)
{
    const size_t used = slg_varint_get(*at, (size_t)(end - *at), number);

    *at += used;
    return used > 0;
}

bool
slg_snapshot_get_head(const void *bytes, size_t len, struct slg_view_head *head)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + len;
    char magic[sizeof HEAD_MAGIC];

    *head = (struct slg_view_head){ .version = SLG_VIEW_VERSION };
    return bytes_take(&at, end, magic, sizeof magic) &&
           memcmp(magic, HEAD_MAGIC, sizeof magic) == 0 &&
           bytes_take(&at, end, head->identity, sizeof head->identity) &&
           bytes_take(&at, end, &head->hash.len, 1) &&
           head->hash.len <= sizeof head->hash.bytes &&
           bytes_take(&at, end, head->hash.bytes, head->hash.len) &&
           number_take(&at, end, &head->position) &&
           number_take(&at, end, &head->next_event) &&
           number_take(&at, end, &head->marked) &&
           number_take(&at, end, &head->created_ms) &&
           number_take(&at, end, &head->updated_ms) &&
           number_take(&at, end, &head->sealed) &&
           number_take(&at, end, &head->is_paused) && head->is_paused <= 1 &&
           number_take(&at, end, &head->schema_version) &&
           number_take(&at, end, &head->lost) && at == end;
}

/* -- the last record ------------------------------------------------------- */

bool
slg_snapshot_put_end(uint64_t records, struct slg_bytes *out)
{
    return slg_bytes_add(out, END_MAGIC, sizeof END_MAGIC) &&
           number_add(out, records);
}

bool
slg_snapshot_get_end(const void *bytes, size_t len, uint64_t *records)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + len;
    char magic[sizeof END_MAGIC];

    return bytes_take(&at, end, magic, sizeof magic) &&
           memcmp(magic, END_MAGIC, sizeof magic) == 0 &&
           number_take(&at, end, records) && at == end;
}
