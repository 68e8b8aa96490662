/* SPDX-License-Identifier: MIT */
/*
 * seglog/seal.h - make a finished segment small (SPEC.md 15).
 *
 * Sealing rewrites a segment into large compressed blocks with a table of them
 * at its end.  Record numbers, identity and attributes stay; the epoch is a new
 * one.  A sealed segment never changes again: whoever appends gets SEALED.
 * Readers, scan, repair and the session store read it like any other.
 *
 * Units    bytes; times are milliseconds since 1970-01-01 UTC.
 * Threads  each call is one of its own; any number may run side by side.
 * Options  as in seglog/segment.h.
 */
#ifndef SEGLOG_SEAL_H
#define SEGLOG_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/segment.h"
#include "seglog/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEGLOG_SEAL_LEVEL_DEFAULT 9
#define SEGLOG_SEAL_LEVEL_MAX     19
#define SEGLOG_SEAL_BLOCK_DEFAULT (8u << 20)
#define SEGLOG_SEAL_BLOCK_MIN     (64u << 10)
#define SEGLOG_SEAL_BLOCK_MAX     (128u << 20)
#define SEGLOG_DIGEST_BYTES       16

struct seglog_seal_options {
    size_t size;
    int level;           /* 1 to 19, as of zstd; 0: the default */
    size_t block_bytes;  /* records in a block, before; 0: the default */
    size_t memory_max;   /* about what sealing may use; 0: no bound.  Blocks
                          * and windows become smaller to stay below it */
    int lock_timeout_ms; /* as in seglog_writer_options */
    /* A sealed segment of the same store that this one repeats much of: its
     * records are referred to (SPEC.md 15.4).  From then on it must stay as
     * long as this one does.  NULL: none. */
    const char *parent;
    /* Called now and then with bytes done and in all.  False: stop. */
    bool (*on_progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
    /*
     * Blocks are compressed by so many threads, at most 64, which are made for
     * the call and end with it.  The segment is the same, however many.  0: as
     * many as there are processors, 4 at most, and fewer of large blocks and
     * at high levels; 1: none is made.  Fewer where memory_max has no room for
     * more.  All else, on_progress too, is done by the thread that calls.
     */
    unsigned threads;
};

struct seglog_seal_result {
    uint64_t records;
    uint64_t blocks;
    uint64_t text_bytes;   /* of all records */
    uint64_t bytes_before; /* of the segment */
    uint64_t bytes_after;
};

/*
 * Seal a segment, in place.
 *
 * What is there is compressed while others go on reading and appending; then,
 * under the lock, what has come since is added, the new segment is read back,
 * compared and synced, and replaces the old one.  Killed at any instant it
 * leaves the old segment or the new one, and perhaps NAME.sealing, which the
 * next call removes.
 *
 *   result  may be NULL; filled on OK
 * Returns
 *   SEALED     it is sealed already; nothing has changed
 *   CORRUPT    it is damaged: repair it first.  Or the new segment did not read
 *              back as written.  The segment is as it was.
 *   LOCKED     somebody keeps the lock (an exclusive writer), or somebody else
 *              seals it
 *   END        on_progress returned false; the segment is as it was
 *   NOT_FOUND  there is no such segment, or no such parent
 *   INVALID    an option out of range, or this build has no zstd
 *   CONFLICT   somebody cuts it again and again, without its lock
 *   TOO_LARGE  more blocks than the table has room for: take larger ones
 *   READ_ONLY, NO_SPACE, FORMAT
 * A torn tail is no part of the log: it is cut off first, and kept as
 * NAME.torn, as whoever opens it to append does.
 * Durability the new segment is on the device before the old one goes.
 * Cost       time as zstd at that level, divided among the threads; memory
 *            about three blocks and what zstd takes, and two blocks and that
 *            again for each thread more.  Measured with blocks of 8 MiB at
 *            level 3: 38 MiB alone, 100 MiB with 2 threads, 143 MiB with 4
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_segment_seal(struct seglog_store store, const char *name,
                    const struct seglog_seal_options *options,
                    struct seglog_seal_result *result,
                    struct seglog_error *err);

/* What the end of a sealed segment says. */
struct seglog_seal_info {
    bool is_sealed; /* false: the rest is 0 */
    bool has_time;
    bool has_parent;
    uint64_t first_record;
    uint64_t records;
    uint64_t lines;
    uint64_t lost; /* records that recorded gaps stand for */
    uint64_t text_bytes;
    uint64_t blocks;
    int64_t time_min_ms; /* of the lines that have a time (SPEC.md 11) */
    int64_t time_max_ms;
    uint8_t digest[SEGLOG_DIGEST_BYTES]; /* of all records: SPEC.md 15.3 */
    uint8_t parent_digest[SEGLOG_DIGEST_BYTES];
    char parent[256]; /* name of its blob */
};

/*
 * Returns NOT_FOUND, FORMAT, CORRUPT (sealed, but its end is damaged).
 * Cost  two small reads, whatever its size.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_segment_get_seal(struct seglog_store store, const char *name,
                        struct seglog_seal_info *info,
                        struct seglog_error *err);

/*
 * The first record whose line has a time at or after time_ms.
 *
 * Returns END when there is none; CORRUPT when damage is in the way.
 * Cost  in a sealed segment one block is decoded; else all is read up to there
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_segment_find_time(struct seglog_store store, const char *name,
                         int64_t time_ms, uint64_t *record_no,
                         struct seglog_error *err);

/* What a part of the blocks of a sealed segment takes. */
struct seglog_cost {
    /*
     * Where the values are in a line: keys, with [] for what is in an array and
     * ~ for what is in a string, as in "message.content[].input~.path".  ""
     * is the line itself; NULL: what belongs to no value.
     */
    const char *path;
    /* How they are kept: "framing", "shape" (keys and punctuation), "text",
     * "time" and so on; for people. */
    const char *form;
    uint64_t values;
    uint64_t text_bytes;   /* of the lines: all of them, once */
    uint64_t stored_bytes; /* of the bodies of blocks: all of them, once */
};

/*
 * Where the bytes of a sealed segment are: on_cost is called once for each form
 * of each path, in the order of the paths, when all blocks have been read.  What
 * is compressed together is divided in proportion to what each would take alone.
 *
 * Returns INVALID for a segment that is not sealed, CORRUPT at damage.
 * Cost  reads, decodes and compresses everything once
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_segment_get_costs(struct seglog_store store, const char *name,
                         void (*on_cost)(void *arg,
                                         const struct seglog_cost *cost),
                         void *arg, struct seglog_error *err);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_SEAL_H */
