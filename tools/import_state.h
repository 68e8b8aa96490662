/* SPDX-License-Identifier: MIT */
/*
 * tools/import_state.h - what a store keeps of the files it was filled from.
 *
 * Kept by seglog_name_write in the space SEGLOG_NAMES_SOURCE, so that names are
 * data: a file may be called anything.
 *
 *   key "r" NUL PATH              a root: a folder that was imported, by its
 *                                 absolute path.  Its value is 8 hexadecimal
 *                                 digits, the root's number.
 *   key "f" NUL NUMBER NUL PATH   a file, folder or link below that root, by
 *                                 its path there (empty: the root itself).
 *                                 Its value is struct import_state, encoded.
 *
 * The value, numbers little-endian:
 *
 *   u8  version = 1            u8  type           u8  flags     u8  zero
 *   u32 mode                   i64 mtime_ns       i64 ctime_ns
 *   u64 dev                    u64 ino            u64 size
 *   i64 deleted_at_ms          u8[16] session     u8[16] segment
 *   u64 records                u64 bytes          u64 lines
 *   u64 open_records           u64 open_bytes     u8[16] digest
 *   u64 head.epoch             u64 head.next      u32 head.checksum
 *   u32 count of older ones, each: u8[16] session, u8[16] segment,
 *                                  i64 replaced_at_ms
 *   u32 length of a link's target, and its bytes
 *
 * The segment is the truth.  Where it stands elsewhere than the state says (a
 * crash between the two), or the state is pending, the state's figures are
 * made anew from the segment.
 *
 * Threads  any; a state belongs to one thread at a time
 */
#ifndef IMPORT_STATE_H
#define IMPORT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "seglog/segment.h"
#include "seglog/slice.h"
#include "seglog/uuid.h"

/* On disk: never renumber. */
enum import_type {
    IMPORT_FILE = 1,
    IMPORT_DIR = 2,
    IMPORT_LINK = 3
};

enum import_flags {
    /* Written before the segment: it may be missing or only begun. */
    IMPORT_PENDING = 1,
    /* Carried by --all: not lines of JSON. */
    IMPORT_OTHER = 2,
    /* Read so soon after it was written that a further write may have left
     * its times as they are: they prove nothing. */
    IMPORT_RACY = 4
};

struct import_older {
    struct seglog_uuid session;
    struct seglog_uuid segment;
    int64_t replaced_at_ms;
};

#define IMPORT_DIGEST_BYTES 16

struct import_state {
    enum import_type type;
    unsigned flags;
    uint32_t mode; /* st_mode & 07777 */
    int64_t mtime_ns;
    int64_t ctime_ns;
    uint64_t dev;
    uint64_t ino;
    uint64_t size;
    int64_t deleted_at_ms; /* 0: it is there */
    struct seglog_uuid session;
    struct seglog_uuid segment;
    uint64_t records;
    uint64_t bytes; /* of the file that the records stand for */
    uint64_t lines; /* ended by a line feed */
    /* Of the last line, which has no line feed: PART records, and a TAIL. */
    uint64_t open_records;
    uint64_t open_bytes;
    uint8_t digest[IMPORT_DIGEST_BYTES]; /* XXH3-128 of the bytes */
    struct seglog_head head;
    struct import_older *older; /* the latest last */
    uint32_t older_count;
    char *target;
    uint32_t target_len;
};

#define IMPORT_ROOT_DIGITS 8
/* "f" NUL NUMBER NUL */
#define IMPORT_KEY_PREFIX (1 + 1 + IMPORT_ROOT_DIGITS + 1)

/* Free what the state holds and zero it. */
void
import_state_free(struct import_state *state);

/* A copy that shares nothing.  False: out of memory. */
bool
import_state_copy(struct import_state *to, const struct import_state *from);

/* Note that what is current now is replaced.  False: out of memory. */
bool
import_state_retire(struct import_state *state, int64_t now_ms);

/* To be freed; NULL: out of memory. */
char *
import_state_encode(const struct import_state *state, size_t *len);

/* False: not a state this program knows, or out of memory, which is told. */
bool
import_state_decode(const char *bytes, size_t len, struct import_state *state,
                    bool *is_out_of_memory);

/* Take over what stat says.  now_ns decides whether it is racy. */
void
import_state_set_stat(struct import_state *state, const struct stat *stat,
                      int64_t now_ns);

/* Does stat say that nothing has changed since then? */
bool
import_state_is_same(const struct import_state *state, const struct stat *stat);

/* Key of a file, of IMPORT_KEY_PREFIX + strlen(path) bytes. */
void
import_key_write(char *key, const char root[IMPORT_ROOT_DIGITS],
                 const char *path, size_t path_len);

int64_t
import_time_ns(const struct timespec *time);

int64_t
import_now_ns(void);

#endif /* IMPORT_STATE_H */
