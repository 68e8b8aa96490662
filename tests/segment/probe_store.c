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
    blob_replace(probe->inner, name, bytes, len);
}
