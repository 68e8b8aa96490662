/* SPDX-License-Identifier: MIT */
/* src/canonical/plan_result.c - what came of a plan. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/plan.h"
#include "src/store/fail.h"

void
slg_messages_free(char **messages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(messages[i]);
    free(messages);
}

/* In one block: slices, and behind them the bytes. */
static bool
keys_copy(struct slg_plan_key *const *keys, size_t count,
          struct seglog_slice **copy)
{
    size_t size = count * sizeof **copy;
    char *bytes = NULL;

    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++)
        size += keys[i]->key.len;
    *copy = malloc(size);
    if (!*copy)
        return false;
    bytes = (char *)(*copy + count);
    for (size_t i = 0; i < count; i++) {
        const struct seglog_slice key = keys[i]->key;

        memcpy(bytes, key.data, key.len);
        (*copy)[i] = (struct seglog_slice){ bytes, key.len };
        bytes += key.len;
    }
    return true;
}

seglog_code
slg_plan_result_fill(struct seglog_plan_result *result,
                     struct seglog_preflight *preflight,
                     struct seglog_error *err)
{
    if (!keys_copy(preflight->read, preflight->read_count,
                   &result->read_keys) ||
        !keys_copy(preflight->written, preflight->written_count,
                   &result->write_keys))
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for what the plan has read and written");
    result->read_key_count = preflight->read_count;
    result->write_key_count = preflight->written_count;
    result->messages = preflight->messages;
    result->message_count = preflight->message_count;
    result->is_valid = result->message_count == 0;
    preflight->messages = NULL;
    preflight->message_count = 0;
    preflight->message_cap = 0;
    return SEGLOG_OK;
}

void
seglog_plan_result_free(struct seglog_plan_result *result)
{
    if (!result)
        return;
    slg_messages_free(result->messages, result->message_count);
    free(result->read_keys);
    free(result->write_keys);
    *result = (struct seglog_plan_result){ .is_valid = false };
}
