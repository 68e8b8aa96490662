/* SPDX-License-Identifier: MIT */
/* tools/import_source_back.c - files and segments compared, byte for byte. */
#define _GNU_SOURCE
#include "tools/import_source_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool_common.h"
#include "tools/tool_tree.h"

static seglog_code
verify_compare(struct import_source *source, bool *is_same)
{
    const struct import_state *state = &source->entry->state;
    struct import_outcome *outcome = source->outcome;
    const uint64_t size = (uint64_t)source->stat.st_size;
    uint8_t digest[IMPORT_DIGEST_BYTES];
    struct stat now;
    bool is_whole = false;
    seglog_code code = SEGLOG_OK;

    if (!import_source_skip(source, 0, size, &is_whole))
        return outcome->err.code;
    if (!is_whole)
        return SEGLOG_OK;
    import_account_digest(&source->account, digest);
    import_source_take_large(source, IMPORT_SMALL_BYTES + 1);
    code =
        import_account_segment(&source->account, source->job->catalog->sessions,
                               &state->session, &state->segment, &outcome->err);
    if (code != SEGLOG_OK)
        return code;
    if (source->account.bytes != size || fstat(source->fd, &now) != 0 ||
        now.st_size != source->stat.st_size ||
        import_time_ns(&now.st_mtim) != import_time_ns(&source->stat.st_mtim))
        return SEGLOG_OK;
    {
        uint8_t stored[IMPORT_DIGEST_BYTES];

        import_account_digest(&source->account, stored);
        *is_same = memcmp(digest, stored, sizeof digest) == 0;
    }
    return SEGLOG_OK;
}

seglog_code
import_source_verify(struct import_job *job, const struct import_entry *entry,
                     bool *is_same, struct seglog_error *err)
{
    struct import_outcome outcome = { 0 };
    /* Verifying changes nothing of it. */
    union {
        const struct import_entry *in;
        struct import_entry *out;
    } same = { .in = entry };
    struct import_source source = {
        .job = job, .entry = same.out, .outcome = &outcome, .fd = -1
    };
    seglog_code code = SEGLOG_OK;

    *is_same = false;
    source.shown =
        tool_tree_join(job->catalog->roots[entry->root].path, entry->path);
    source.block = malloc(IMPORT_BLOCK_BYTES);
    if (!source.shown || !source.block ||
        !import_account_init(&source.account, false))
        code = tool_error_errno(&outcome.err, ENOMEM, entry->path, "no memory");
    else if (import_source_open(&source))
        code = verify_compare(&source, is_same);
    else
        code = outcome.err.code; /* OK: it is gone */
    if (code != SEGLOG_OK && err)
        *err = outcome.err;
    import_source_give_large(&source);
    if (source.fd >= 0)
        (void)close(source.fd);
    import_account_free(&source.account);
    free(source.block);
    free(source.shown);
    return code;
}

bool
import_source_continues(const struct import_job *job,
                        const struct import_entry *file,
                        const struct import_entry *stored)
{
    const struct import_state *state = &stored->state;
    const int root = job->catalog->roots[file->root].fd;
    uint8_t *block = malloc(IMPORT_BLOCK_BYTES);
    XXH3_state_t *digest = XXH3_createState();
    const int fd =
        tool_tree_open(root, file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    uint64_t at = 0;
    bool is_same = false;

    if (fd >= 0 && block && digest) {
        (void)XXH3_128bits_reset(digest);
        while (at < state->bytes) {
            const uint64_t left = state->bytes - at;
            const ssize_t got = import_source_read(
                fd, at, block,
                left < IMPORT_BLOCK_BYTES ? (size_t)left : IMPORT_BLOCK_BYTES);

            if (got <= 0)
                break;
            (void)XXH3_128bits_update(digest, block, (size_t)got);
            at += (uint64_t)got;
        }
        if (at == state->bytes) {
            XXH128_canonical_t found;

            XXH128_canonicalFromHash(&found, XXH3_128bits_digest(digest));
            is_same =
                memcmp(found.digest, state->digest, IMPORT_DIGEST_BYTES) == 0;
        }
    }
    if (fd >= 0)
        (void)close(fd);
    (void)XXH3_freeState(digest);
    free(block);
    return is_same;
}
