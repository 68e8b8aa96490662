/* SPDX-License-Identifier: MIT */
/* src/canonical/write_batch.c - batches are put together. */
#include "src/canonical/write_batch.h"

#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

static seglog_code
fail_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for the batch");
}

seglog_code
seglog_write_batch_new(struct seglog_canonical *canonical,
                       struct seglog_write_batch **batch,
                       struct seglog_error *err)
{
    if (!canonical || !batch)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the store or the place for the batch is NULL");
    *batch = calloc(1, sizeof **batch);
    if (!*batch)
        return fail_memory(err);
    (*batch)->canonical = canonical;
    return SEGLOG_OK;
}

static void
expectations_free(struct seglog_write_batch *batch)
{
    while (batch->first) {
        struct slg_expectation *next = batch->first->next;

        free(batch->first);
        batch->first = next;
    }
}

void
seglog_write_batch_free(struct seglog_write_batch *batch)
{
    if (!batch)
        return;
    expectations_free(batch);
    slg_draft_free(&batch->draft);
    free(batch);
}

void
seglog_write_batch_clear(struct seglog_write_batch *batch)
{
    if (!batch)
        return;
    expectations_free(batch);
    slg_draft_clear(&batch->draft);
    batch->writes = 0;
}

static seglog_code
size_check(const struct seglog_write_batch *batch, size_t more,
           struct seglog_error *err)
{
    const uint64_t max = slg_record_max(batch->canonical);
    const uint64_t size = slg_draft_get_size(&batch->draft);

    if (more <= max && size <= max - more)
        return SEGLOG_OK;
    return slg_fail_actual(
        err,
        slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                 "with this the batch has more than %llu bytes: make several "
                 "of it",
                 (unsigned long long)max),
        max);
}

static seglog_code
batch_add(struct seglog_write_batch *batch, const struct slg_op *op,
          struct seglog_error *err)
{
    seglog_code code = slg_key_check(op->key, err);

    if (code == SEGLOG_OK)
        code = size_check(batch, slg_op_get_size(op), err);
    if (code != SEGLOG_OK)
        return code;
    if (!slg_draft_add_op(&batch->draft, op))
        return fail_memory(err);
    batch->writes++;
    return SEGLOG_OK;
}

static seglog_code
fail_null(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "the batch is NULL");
}

seglog_code
seglog_write_batch_put(struct seglog_write_batch *batch,
                       struct seglog_slice key, struct seglog_slice value,
                       struct seglog_error *err)
{
    const struct slg_op op = { .type = SLG_OP_PUT, .key = key, .value = value };
    seglog_code code = SEGLOG_OK;

    if (!batch)
        return fail_null(err);
    code = slg_value_check(batch->canonical, value, err);
    return code == SEGLOG_OK ? batch_add(batch, &op, err) : code;
}

seglog_code
seglog_write_batch_delete(struct seglog_write_batch *batch,
                          struct seglog_slice key, struct seglog_error *err)
{
    const struct slg_op op = { .type = SLG_OP_DELETE, .key = key };

    return batch ? batch_add(batch, &op, err) : fail_null(err);
}

seglog_code
seglog_write_batch_append_event(struct seglog_write_batch *batch,
                                struct seglog_slice event,
                                struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!batch)
        return fail_null(err);
    code = slg_event_check(batch->canonical, event, err);
    if (code == SEGLOG_OK)
        code = size_check(batch, event.len + 9, err);
    if (code == SEGLOG_OK && !slg_draft_add_event(&batch->draft, event))
        code = fail_memory(err);
    return code;
}

seglog_code
seglog_write_batch_expect(struct seglog_write_batch *batch,
                          struct seglog_slice key,
                          const struct seglog_slice *value,
                          struct seglog_error *err)
{
    struct slg_expectation *made = NULL;
    seglog_code code = SEGLOG_OK;
    char *bytes = NULL;

    if (!batch)
        return fail_null(err);
    code = slg_key_check(key, err);
    if (code == SEGLOG_OK && value)
        code = slg_value_check(batch->canonical, *value, err);
    if (code != SEGLOG_OK)
        return code;
    made = malloc(sizeof *made + key.len + (value ? value->len : 0));
    if (!made)
        return fail_memory(err);
    bytes = (char *)(made + 1);
    *made = (struct slg_expectation){
        .key = { bytes, key.len },
        .value = { bytes + key.len, value ? value->len : 0 },
        .is_there = value != NULL,
        .next = batch->first,
    };
    memcpy(bytes, key.data, key.len);
    if (made->value.len > 0)
        memcpy(bytes + key.len, value->data, value->len);
    batch->first = made;
    return SEGLOG_OK;
}
