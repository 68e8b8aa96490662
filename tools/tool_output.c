/* SPDX-License-Identifier: MIT */
/* tools/tool_output.c - text into a target, in large writes. */
#include "tools/tool_stream.h"

#include <stdlib.h>
#include <string.h>

static bool
output_append(struct tool_output *output, const void *data, size_t len)
{
    return seglog_blob_append(output->blob, SEGLOG_END_ANY, data, len, NULL,
                              &output->err) == SEGLOG_OK;
}

bool
tool_output_open(struct tool_output *output, struct tool_target *target)
{
    seglog_code code = SEGLOG_OK;

    *output = (struct tool_output){ .target = target };
    output->buf = malloc(TOOL_OUTPUT_BYTES);
    if (!output->buf) {
        (void)tool_error_set(&output->err, SEGLOG_NO_MEMORY, target->shown,
                             "no memory for a buffer");
        return false;
    }
    tool_target_begin_create(target);
    code = seglog_blob_open(target->store, target->name,
                            SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
                            &output->blob, &output->err);
    tool_target_end_create(target, code == SEGLOG_OK);
    return code == SEGLOG_OK;
}

bool
tool_output_flush(struct tool_output *output)
{
    const size_t len = output->len;

    output->len = 0;
    return len == 0 || output_append(output, output->buf, len);
}

bool
tool_output_write(struct tool_output *output, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    if (len <= TOOL_OUTPUT_BYTES - output->len) {
        memcpy(output->buf + output->len, bytes, len);
        output->len += len;
        return true;
    }
    /* Writes of full size, wherever the ends of the pieces lie. */
    if (output->len > 0) {
        const size_t room = TOOL_OUTPUT_BYTES - output->len;

        memcpy(output->buf + output->len, bytes, room);
        output->len += room;
        bytes += room;
        len -= room;
        if (!tool_output_flush(output))
            return false;
    }
    if (len >= TOOL_OUTPUT_BYTES) {
        const size_t direct = len - len % TOOL_OUTPUT_BYTES;

        if (!output_append(output, bytes, direct))
            return false;
        bytes += direct;
        len -= direct;
    }
    memcpy(output->buf, bytes, len);
    output->len = len;
    return true;
}

bool
tool_output_finish(struct tool_output *output)
{
    struct tool_target *target = output->target;

    return tool_output_flush(output) &&
           (target->is_stream ||
            seglog_blob_sync(output->blob, &output->err) == SEGLOG_OK) &&
           seglog_blob_close(&output->blob, &output->err) == SEGLOG_OK &&
           tool_target_commit(target, &output->err) == SEGLOG_OK;
}

void
tool_output_close(struct tool_output *output)
{
    (void)seglog_blob_close(&output->blob, NULL);
    free(output->buf);
    output->buf = NULL;
    output->len = 0;
}
