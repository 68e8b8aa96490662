/* SPDX-License-Identifier: MIT */
/* src/canonical/backup_part.c - parts, written piece by piece. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"

/* Small pieces go together: an append to an encrypted store costs its own. */
#define BUFFER_BYTES (1u << 20)

static seglog_code
buffer_flush(struct slg_backup_writer *writer, struct seglog_error *err)
{
    const size_t len = writer->buffered;

    writer->buffered = 0;
    if (len == 0)
        return SEGLOG_OK;
    return seglog_blob_append(writer->blob, SEGLOG_END_ANY, writer->buffer, len,
                              NULL, err);
}

static seglog_code
part_begin(struct slg_backup_writer *writer, struct seglog_error *err)
{
    struct slg_backup_part *part = slg_manifest_add_part(writer->manifest);
    char name[SEGLOG_BACKUP_NAME_CAP];

    if (!writer->buffer)
        writer->buffer = malloc(BUFFER_BYTES);
    if (!part || !writer->buffer)
        return slg_backup_fail_memory(err);
    writer->part = writer->manifest->part_count - 1;
    part->number = writer->manifest->info.number;
    part->index = ++writer->made;
    return seglog_blob_open(
        writer->repository,
        slg_backup_part_name(part->number, part->index, name),
        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE, &writer->blob, err);
}

static seglog_code
part_put(struct slg_backup_writer *writer, const uint8_t *bytes, size_t len,
         struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (len > BUFFER_BYTES - writer->buffered)
        code = buffer_flush(writer, err);
    if (code == SEGLOG_OK && len > BUFFER_BYTES)
        return seglog_blob_append(writer->blob, SEGLOG_END_ANY, bytes, len,
                                  NULL, err);
    if (code != SEGLOG_OK)
        return code;
    memcpy(writer->buffer + writer->buffered, bytes, len);
    writer->buffered += len;
    return SEGLOG_OK;
}

seglog_code
slg_backup_writer_end(struct slg_backup_writer *writer,
                      struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!writer->blob.ops)
        return SEGLOG_OK;
    code = buffer_flush(writer, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_flush(writer->blob, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(writer->blob, err);
    if (code != SEGLOG_OK)
        return code;
    slg_backup_hasher_get(writer->hasher,
                          &writer->manifest->parts[writer->part].digest);
    return seglog_blob_close(&writer->blob, err);
}

seglog_code
slg_backup_write(struct slg_backup_writer *writer, const uint8_t *bytes,
                 size_t len, struct slg_backup_piece *piece,
                 struct seglog_error *err)
{
    struct slg_backup_part *part = NULL;
    seglog_code code = SEGLOG_OK;

    if (writer->blob.ops) {
        part = &writer->manifest->parts[writer->part];
        if (len > writer->part_bytes || part->size > writer->part_bytes - len)
            code = slg_backup_writer_end(writer, err);
    }
    if (code == SEGLOG_OK && !writer->blob.ops)
        code = part_begin(writer, err);
    if (code == SEGLOG_OK)
        code = part_put(writer, bytes, len, err);
    if (code != SEGLOG_OK)
        return code;
    part = &writer->manifest->parts[writer->part];
    slg_backup_hasher_add(writer->hasher, bytes, len);
    piece->part = (uint32_t)writer->part;
    piece->at = part->size;
    piece->stored = len;
    part->size += len;
    return SEGLOG_OK;
}

void
slg_backup_writer_reset(struct slg_backup_writer *writer)
{
    (void)seglog_blob_close(&writer->blob, NULL);
    free(writer->buffer);
    slg_backup_hasher_free(writer->hasher);
    writer->buffer = NULL;
    writer->hasher = NULL;
    writer->buffered = 0;
}
