/* SPDX-License-Identifier: MIT */
/* tests/segment/probe_store.c - a store that counts, and bytes in stores. */
#include "tests/segment/forge_support.h"

struct seglog_store
probe_open(struct probe *probe)
{
    assert_ok(seglog_store_memory_open(&probe->inner, NULL));
    probe->faults = seglog_faults_new(probe->inner);
    assert_non_null(probe->faults);
    return seglog_faults_store(probe->faults);
}

void
probe_close(struct probe *probe)
{
    seglog_faults_free(probe->faults);
    seglog_store_close(&probe->inner);
}

void
probe_fail_reads(struct probe *probe, uint64_t start, uint64_t end)
{
    const struct seglog_fault fault = {
        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ),
        .start = start,
        .end = end,
    };

    assert_true(seglog_faults_add(probe->faults, &fault));
}

void
probe_put(struct probe *probe, const char *name, const void *bytes, size_t len)
{
    store_put_bytes(probe->inner, name, bytes, len);
}

void
store_append_bytes(struct seglog_store store, const char *name,
                   const void *bytes, size_t len)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(
        store, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    assert_ok(seglog_blob_append(blob, SEGLOG_END_ANY, bytes, len, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

void
store_put_bytes(struct seglog_store store, const char *name, const void *bytes,
                size_t len)
{
    (void)!seglog_store_remove(store, name, NULL);
    store_append_bytes(store, name, bytes, len);
}

uint8_t *
store_get_bytes(struct seglog_store store, const char *name, size_t *len)
{
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;

    assert_ok(seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL));
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    uint8_t *bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_ok(seglog_blob_read_at(blob, 0, bytes, (size_t)size, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    *len = (size_t)size;
    return bytes;
}

bool
store_has(struct seglog_store store, const char *name)
{
    struct seglog_blob blob = { 0 };
    const seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL);

    assert_ok(seglog_blob_close(&blob, NULL));
    return code == SEGLOG_OK;
}
