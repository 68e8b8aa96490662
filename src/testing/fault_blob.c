/* SPDX-License-Identifier: MIT */
/* src/testing/fault_blob.c - one open blob of a fault store. */
#define _POSIX_C_SOURCE 200809L /* pthread types */

#include <stdlib.h>
#include <string.h>

#include "src/testing/faults.h"
#include "src/testing/refuse.h"

struct fault_blob {
    struct seglog_blob_ops ops;
    struct seglog_faults *faults;
    struct seglog_blob inner;
    bool is_poisoned; /* by a fault: the blob inside knows nothing of it */
    char name[SLG_FAULTS_NAME_CAP];
};

static struct slg_call
begin(const struct fault_blob *blob, enum seglog_fault_op op, uint64_t offset,
      uint64_t len)
{
    return slg_call_begin(blob->faults, op, blob->name, offset, len);
}

static seglog_code
end_poisoned(const struct fault_blob *blob, const struct slg_call *call,
             struct seglog_error *err)
{
    return slg_call_note(call,
                         slg_refuse(err, (struct slg_refusal){
                                             .code = SEGLOG_POISONED,
                                             .name = blob->name,
                                             .offset = SEGLOG_NO_OFFSET,
                                             .what = "told to fail earlier",
                                         }));
}

static seglog_code
inner_append(struct fault_blob *blob, uint64_t expected_end, const void *data,
             size_t len, uint64_t *offset, struct seglog_error *err)
{
    return blob->inner.ops->append(blob->inner.self, expected_end, data, len,
                                   offset, err);
}

static seglog_code
blob_append(void *self, uint64_t expected_end, const void *data, size_t len,
            uint64_t *offset, struct seglog_error *err)
{
    struct fault_blob *blob = self;
    const struct slg_call call =
        begin(blob, SEGLOG_FAULT_APPEND, expected_end, len);
    uint64_t unused = 0;
    seglog_code code = SEGLOG_OK;

    if (blob->is_poisoned)
        return end_poisoned(blob, &call, err);
    if (call.is_told && call.fault.way == SEGLOG_FAULT_PARTLY) {
        code = inner_append(blob, expected_end, data,
                            call.fault.part < len ? call.fault.part : len,
                            &unused, err);
        if (code != SEGLOG_OK)
            return slg_call_note(&call, code);
        blob->is_poisoned = true;
        (void)slg_call_end(&call, code, err);
        if (err)
            err->code = SEGLOG_POISONED;
        return SEGLOG_POISONED;
    }
    if (slg_call_goes_on(&call))
        code = inner_append(blob, expected_end, data, len,
                            call.is_told ? &unused : offset, err);
    return slg_call_end(&call, code, err);
}

static seglog_code
inner_read(const struct fault_blob *blob, uint64_t offset, void *buf,
           size_t len, struct seglog_error *err)
{
    return blob->inner.ops->read_at(blob->inner.self, offset, buf, len, err);
}

static seglog_code
blob_read_at(void *self, uint64_t offset, void *buf, size_t len,
             struct seglog_error *err)
{
    struct fault_blob *blob = self;
    const struct slg_call call = begin(blob, SEGLOG_FAULT_READ, offset, len);
    seglog_code code = SEGLOG_OK;

    if (call.is_told && call.fault.way == SEGLOG_FAULT_PARTLY)
        code = inner_read(blob, offset, buf,
                          call.fault.part < len ? call.fault.part : len, err);
    else if (slg_call_goes_on(&call))
        code = inner_read(blob, offset, buf, len, err);
    if (code == SEGLOG_OK && call.is_told &&
        call.fault.way == SEGLOG_FAULT_FLIPPED)
        ((uint8_t *)buf)[call.fault.start - offset] ^= 1;
    return slg_call_end(&call, code, err);
}

static seglog_code
blob_get_size(void *self, uint64_t *size, bool *is_replaced,
              struct seglog_error *err)
{
    struct fault_blob *blob = self;
    const struct slg_call call = begin(blob, SEGLOG_FAULT_GET_SIZE, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call))
        code =
            blob->inner.ops->get_size(blob->inner.self, size, is_replaced, err);
    return slg_call_end(&call, code, err);
}

static seglog_code
blob_flush(void *self, struct seglog_error *err)
{
    struct fault_blob *blob = self;
    const struct slg_call call = begin(blob, SEGLOG_FAULT_FLUSH, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call) &&
        SLG_HAS_OP(seglog_blob_ops, blob->inner.ops, flush))
        code = blob->inner.ops->flush(blob->inner.self, err);
    return slg_call_end(&call, code, err);
}

static seglog_code
blob_sync(void *self, struct seglog_error *err)
{
    struct fault_blob *blob = self;
    const struct slg_call call = begin(blob, SEGLOG_FAULT_SYNC, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (blob->is_poisoned)
        return end_poisoned(blob, &call, err);
    if (slg_call_goes_on(&call))
        code = blob->inner.ops->sync(blob->inner.self, err);
    if (call.is_told)
        blob->is_poisoned = true;
    return slg_call_end(&call, code, err);
}

static seglog_code
blob_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct fault_blob *blob = self;
    const struct slg_call call =
        begin(blob, SEGLOG_FAULT_TRUNCATE, new_size, 0);
    seglog_code code = SEGLOG_OK;

    if (blob->is_poisoned)
        return end_poisoned(blob, &call, err);
    if (slg_call_goes_on(&call))
        code = blob->inner.ops->truncate(blob->inner.self, new_size, err);
    return slg_call_end(&call, code, err);
}

static seglog_code
blob_wait(void *self, uint64_t known_size, int timeout_ms,
          struct seglog_error *err)
{
    struct fault_blob *blob = self;
    const struct slg_call call = begin(blob, SEGLOG_FAULT_WAIT, known_size, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call))
        code = blob->inner.ops->wait(blob->inner.self, known_size, timeout_ms,
                                     err);
    return slg_call_end(&call, code, err);
}

/* The handle is released in any case. */
static seglog_code
blob_close(void *self, struct seglog_error *err)
{
    struct fault_blob *blob = self;
    const struct slg_call call = begin(blob, SEGLOG_FAULT_CLOSE, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (SLG_HAS_OP(seglog_blob_ops, blob->inner.ops, close))
        code = blob->inner.ops->close(blob->inner.self, err);
    code = slg_call_end(&call, code, err);
    free(blob);
    return code;
}

/* Whether the blob inside has the operation, and nobody wants it hidden. */
#define SHOW(blob, op, name)                                                   \
    (SLG_HAS_OP(seglog_blob_ops, (blob)->inner.ops, op) &&                     \
             slg_faults_show((blob)->faults, SEGLOG_FAULT_##name)              \
         ? blob_##op                                                           \
         : NULL)

static void
ops_fill(struct fault_blob *blob)
{
    blob->ops = (struct seglog_blob_ops){
        .size = sizeof blob->ops,
        .append = SHOW(blob, append, APPEND),
        .read_at = SHOW(blob, read_at, READ),
        .get_size = SHOW(blob, get_size, GET_SIZE),
        .flush = blob_flush,
        .sync = SHOW(blob, sync, SYNC),
        .truncate = SHOW(blob, truncate, TRUNCATE),
        .wait = SHOW(blob, wait, WAIT),
        .close = blob_close,
    };
}

seglog_code
slg_fault_blob_open(void *self, const char *name, unsigned flags,
                    struct seglog_blob *blob, struct seglog_error *err)
{
    struct seglog_faults *faults = self;
    const bool creates =
        (flags & (SEGLOG_OPEN_CREATE | SEGLOG_OPEN_CREATE_EXCLUSIVE)) != 0;
    const struct slg_call call = slg_call_begin(
        faults, creates ? SEGLOG_FAULT_CREATE : SEGLOG_FAULT_OPEN, name, 0, 0);
    struct fault_blob *opened = calloc(1, sizeof *opened);
    seglog_code code = SEGLOG_OK;

    if (!opened)
        return slg_call_note(
            &call,
            slg_refuse(err, (struct slg_refusal){ .code = SEGLOG_NO_MEMORY,
                                                  .name = name,
                                                  .offset = SEGLOG_NO_OFFSET,
                                                  .what = "no memory" }));
    if (slg_call_goes_on(&call))
        code = faults->inner.ops->open(faults->inner.self, name, flags,
                                       &opened->inner, err);
    if (code == SEGLOG_OK && !call.is_told) {
        opened->faults = faults;
        memcpy(opened->name, name, strlen(name) + 1);
        ops_fill(opened);
        *blob = (struct seglog_blob){ .ops = &opened->ops, .self = opened };
        return slg_call_note(&call, code);
    }
    if (opened->inner.ops)
        (void)opened->inner.ops->close(opened->inner.self, NULL);
    free(opened);
    return slg_call_end(&call, code, err);
}
