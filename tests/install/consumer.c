/* SPDX-License-Identifier: MIT */
/*
 * tests/install/consumer.c - a user's program: it sees installed headers only,
 * and ends with 0 when the library it was linked with works.
 */
#include <stdio.h>
#include <string.h>

#include <seglog/seglog.h>

static seglog_code
blob_fill(struct seglog_store store, struct seglog_error *err)
{
    struct seglog_blob blob;
    uint64_t offset = 1;
    char back[5];
    seglog_code code;

    code = seglog_blob_open(store, "log",
                            SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_append(blob, SEGLOG_END_ANY, "bytes", 5, &offset, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_read_at(blob, offset, back, sizeof back, err);
    if (code == SEGLOG_OK && (offset != 0 || memcmp(back, "bytes", 5) != 0))
        code = SEGLOG_CORRUPT;
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

int
main(void)
{
    struct seglog_store store;
    struct seglog_error err = { 0 };
    seglog_code code = seglog_store_memory_open(&store, &err);

    if (code == SEGLOG_OK) {
        code = blob_fill(store, &err);
        seglog_store_close(&store);
    }
    printf("seglog %s: %s\n", SEGLOG_VERSION_STRING, seglog_code_name(code));
    return code == SEGLOG_OK ? 0 : 1;
}
