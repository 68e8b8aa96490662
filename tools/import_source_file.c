/* SPDX-License-Identifier: MIT */
/* tools/import_source_file.c - is a file what it was, with more behind it? */
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

/* What an earlier run of this program saw, as long as it goes on. */
struct import_live {
    XXH3_state_t *line_digest; /* up to the open line, or to the end */
    XXH128_hash_t head;
    XXH128_hash_t tail;
    uint64_t bytes; /* the state's, when this was noted */
    size_t head_len;
    size_t tail_len;
};

void
import_live_free(struct import_live *live)
{
    if (!live)
        return;
    (void)XXH3_freeState(live->line_digest);
    free(live);
}

/* ---------------------------------------------------------------------------
 * The file
 */

bool
import_source_open(struct import_source *source)
{
    const struct import_entry *entry = source->entry;
    const int root = source->job->catalog->roots[entry->root].fd;

    source->fd =
        tool_tree_open(root, entry->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (source->fd < 0 && (errno == ENOENT || errno == ELOOP ||
                           errno == ENOTDIR || errno == ENXIO)) {
        source->outcome->change = IMPORT_GONE;
        return false;
    }
    if (source->fd < 0)
        return import_source_fail_file(source, errno, "it cannot be opened");
    source->opened_ns = import_now_ns();
    if (fstat(source->fd, &source->stat) != 0)
        return import_source_fail_file(source, errno, "fstat failed");
    if (!S_ISREG(source->stat.st_mode)) {
        source->outcome->change = IMPORT_GONE;
        return false;
    }
    (void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

/* Read up to len bytes; fewer only at the end.  -1: failed, with errno. */
ssize_t
import_source_read(int fd, uint64_t at, void *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const ssize_t got =
            pread(fd, (uint8_t *)buf + done, len - done, (off_t)(at + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* The file from `from` to `to` into the account.  is_whole: it was so long. */
bool
import_source_skip(struct import_source *source, uint64_t from, uint64_t to,
                   bool *is_whole)
{
    *is_whole = false;
    while (from < to && !atomic_load(&source->job->is_stopping)) {
        const size_t want = to - from < IMPORT_BLOCK_BYTES ? (size_t)(to - from)
                                                           : IMPORT_BLOCK_BYTES;
        const ssize_t got =
            import_source_read(source->fd, from, source->block, want);

        if (got < 0)
            return import_source_fail_file(source, errno, "read failed");
        import_account_skip(&source->account, source->block, (size_t)got);
        (void)atomic_fetch_add(&source->job->done_bytes, (uint64_t)got);
        if ((size_t)got < want)
            return true;
        from += want;
    }
    *is_whole = from == to;
    return true;
}

/* ---------------------------------------------------------------------------
 * Is the file what it was, with more behind it?
 */

static XXH128_hash_t
window_tail_hash(const struct import_window *window, size_t len)
{
    return XXH3_128bits(window->tail + window->tail_len - len, len);
}

/* By its two ends alone.  Leaves the account as if all of it had been read. */
static bool
live_is_prefix(struct import_source *source, bool *is_prefix)
{
    const struct import_state *state = &source->entry->state;
    const struct import_live *live = source->entry->live;
    struct import_account *account = &source->account;
    struct import_window *window = account->window;
    const ssize_t head =
        import_source_read(source->fd, 0, window->head, live->head_len);
    const ssize_t tail = import_source_read(
        source->fd, live->bytes - live->tail_len, window->tail, live->tail_len);

    if (head < 0 || tail < 0)
        return import_source_fail_file(source, errno, "read failed");
    *is_prefix =
        (size_t)head == live->head_len && (size_t)tail == live->tail_len &&
        XXH128_isEqual(XXH3_128bits(window->head, live->head_len),
                       live->head) &&
        XXH128_isEqual(XXH3_128bits(window->tail, live->tail_len), live->tail);
    window->head_len = live->head_len;
    window->tail_len = live->tail_len;
    account->bytes = state->bytes;
    /* Where a line is open, the account goes back to where it began. */
    XXH3_copyState(account->line_digest, live->line_digest);
    XXH3_copyState(account->digest, live->line_digest);
    return true;
}

/* By all of its bytes. */
static bool
full_is_prefix(struct import_source *source, bool *is_prefix)
{
    const struct import_state *state = &source->entry->state;
    const uint64_t line_at = state->bytes - state->open_bytes;
    uint8_t digest[IMPORT_DIGEST_BYTES];

    if (!import_source_skip(source, 0, line_at, is_prefix) || !*is_prefix)
        return source->outcome->change != IMPORT_FAILED;
    import_account_mark_line(&source->account);
    if (!import_source_skip(source, line_at, state->bytes, is_prefix) ||
        !*is_prefix)
        return source->outcome->change != IMPORT_FAILED;
    import_account_digest(&source->account, digest);
    *is_prefix = memcmp(digest, state->digest, sizeof digest) == 0;
    return true;
}

/*
 * Does the file begin with what is stored?  If so the account stands behind
 * it, ready to go on; what is_prefix says is only true without a stop.
 */
bool
import_source_compare(struct import_source *source, bool *is_prefix)
{
    const struct import_entry *entry = source->entry;
    const struct import_state *state = &entry->state;
    const uint64_t size = (uint64_t)source->stat.st_size;

    *is_prefix = false;
    if (size < state->bytes)
        return true;
    /* The ends tell enough only of a file that has grown in its place. */
    if (entry->live && entry->live->bytes == state->bytes &&
        size > state->bytes && state->ino == (uint64_t)source->stat.st_ino &&
        state->dev == (uint64_t)source->stat.st_dev) {
        if (!live_is_prefix(source, is_prefix))
            return false;
    } else if (!full_is_prefix(source, is_prefix)) {
        return false;
    }
    source->account.records = state->records;
    source->account.lines = state->lines;
    source->account.open_records = state->open_records;
    source->account.open_bytes = state->open_bytes;
    return true;
}

/* Without memory for it the next look reads the whole file: no harm. */
void
import_source_note_live(struct import_source *source)
{
    struct import_entry *entry = source->entry;
    const struct import_account *account = &source->account;
    const struct import_window *window = account->window;
    struct import_live *live = entry->live;

    if (!window)
        return;
    if (!live)
        live = calloc(1, sizeof *live);
    if (live && !live->line_digest)
        live->line_digest = XXH3_createState();
    if (!live || !live->line_digest) {
        import_live_free(live);
        entry->live = NULL;
        return;
    }
    XXH3_copyState(live->line_digest, account->open_records > 0
                                          ? account->line_digest
                                          : account->digest);
    live->bytes = account->bytes;
    live->head_len = window->head_len;
    live->tail_len = window->tail_len < IMPORT_TAIL_BYTES ? window->tail_len
                                                          : IMPORT_TAIL_BYTES;
    live->head = XXH3_128bits(window->head, window->head_len);
    live->tail = window_tail_hash(window, live->tail_len);
    entry->live = live;
}
