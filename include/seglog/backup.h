/* SPDX-License-Identifier: MIT */
/*
 * seglog/backup.h - copies of a byte store that were looked at.
 *
 * A backup is what the blobs of a byte store held at one moment: of a session
 * store, of streams, of anything.  It lies in another byte store, a repository,
 * which holds any number of backups: for each one a manifest, which names every
 * byte by a digest, and parts, which hold the bytes, compressed.  A backup that
 * is made after another one stores only what has come since, and says all by
 * itself: no other manifest is needed to restore it.  SPEC.md 18 has the bytes.
 *
 * Taken     every blob, up to the size it had, but for what is being made:
 *           names that end in ".new", ".cut" and ".sealing".  An append that
 *           was under way may be there in part, as after a crash: whoever
 *           reads a segment calls that a torn tail
 * Moment    writers go on meanwhile.  A store of sessions is kept from making
 *           and removing segments while names and sizes are looked up, some
 *           milliseconds; sizes are looked up one right behind the other.  In
 *           a store of many blobs (open_max), or one whose names never stand
 *           still, each blob is taken as it is when its turn comes, in the
 *           order of names: segments are each whole, and whatever one refers
 *           to is there all the same, but some may be younger than others
 *           (is_one_moment).  The log of a canonical store, with its state, is
 *           of one moment always
 * Damage    damaged segments are copied as they are; what the store below
 *           cannot read (IO, AUTH) is an error
 * Secrecy   in an encrypted repository (seglog/encrypted_store.h) all of it is
 *           encrypted and authenticated, manifests too.  The names of its
 *           blobs hold numbers and nothing else
 * Identity  a restored store is the very same, byte for byte: ids, heads and
 *           signatures stay what they are.  It stands for the one that was
 *           backed up; write on one of the two only
 * Units     bytes; times are milliseconds since 1970-01-01 UTC
 * Threads   any number of calls at once, of threads and processes; one at a
 *           time changes a repository, the others wait: LOCKED
 * Errors    besides what each call names: IO, NO_SPACE, NO_MEMORY, INVALID
 *           (bad argument), READ_ONLY.  err->name is the blob concerned
 * Memory    some 40 MB, 120 MB at level 19, and the manifest: 200 bytes for
 *           each blob and for each 8 MiB
 * Since     0.1
 */
#ifndef SEGLOG_BACKUP_H
#define SEGLOG_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/slice.h"
#include "seglog/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEGLOG_BACKUP_LEVEL_DEFAULT 3
#define SEGLOG_BACKUP_LEVEL_MAX     19
#define SEGLOG_BACKUP_PLAIN         (-1) /* level: not compressed */
#define SEGLOG_BACKUP_PIECE_DEFAULT (8u << 20)
#define SEGLOG_BACKUP_PIECE_MIN     64u
#define SEGLOG_BACKUP_PIECE_MAX     (64u << 20)
#define SEGLOG_BACKUP_PART_DEFAULT  (UINT64_C(64) << 20)
#define SEGLOG_BACKUP_OPEN_DEFAULT  256u
#define SEGLOG_BACKUP_NUMBER_MAX    999999999u
#define SEGLOG_BACKUP_DIGEST_MAX    32
#define SEGLOG_BACKUP_TEXT_CAP      256
#define SEGLOG_BACKUP_NAME_CAP      48

enum seglog_backup_hash {
    /* Where the build has OpenSSL: whoever has kept the digest of a manifest
     * knows of any change of the backup. */
    SEGLOG_BACKUP_SHA256 = 1,
    /* Tells damage, but not somebody who forges. */
    SEGLOG_BACKUP_XXH3 = 2
};

struct seglog_backup_digest {
    uint8_t len; /* 32, or 16 of XXH3; 0: not known */
    uint8_t bytes[SEGLOG_BACKUP_DIGEST_MAX];
};

/* What a manifest says. */
struct seglog_backup_info {
    uint32_t number;
    uint32_t base; /* what it was compared with; 0: nothing */
    /* Why nothing is said of it but its number: CORRUPT, FORMAT, AUTH.  OK in
     * all that is not from seglog_backup_list. */
    seglog_code code;
    bool is_one_moment;
    bool has_position;
    uint64_t
        position; /* what the store that was backed up calls its position */
    char text[SEGLOG_BACKUP_TEXT_CAP]; /* and says of it */
    int64_t created_ms;                /* the moment it is of */
    uint64_t duration_ms;              /* until all was copied */
    uint64_t blobs;
    uint64_t bytes;     /* of them */
    uint64_t parts;     /* it needs */
    uint64_t stored;    /* bytes of those */
    uint64_t new_parts; /* of them, made for it */
    uint64_t new_stored;
    enum seglog_backup_hash hash;
    struct seglog_backup_digest digest;    /* of the manifest, hence of all */
    char manifest[SEGLOG_BACKUP_NAME_CAP]; /* its name in the repository */
};

/* Called now and then with bytes done and in all, of the blobs; it goes over
 * them once for each pass.  False: stop, with END. */
typedef bool (*seglog_backup_progress_fn)(void *arg, uint64_t done,
                                          uint64_t total);

struct seglog_backup_options {
    size_t size;
    bool is_full;  /* nothing of an earlier backup is used */
    uint32_t base; /* compare with this one; 0: with the latest, if any */
    int level;     /* of zstd, 1 to 19; 0: the default; SEGLOG_BACKUP_PLAIN */
    /* Bytes of a blob that are compressed by themselves, and the size of a
     * blob of the repository that takes no more of them.  0: the default. */
    size_t piece_bytes;
    uint64_t part_bytes;
    /* Blobs held open at once: a store of so many is taken as of one moment.
     * 0: SEGLOG_BACKUP_OPEN_DEFAULT. */
    unsigned open_max;
    int lock_timeout_ms; /* 0: 10 seconds; negative: wait for ever */
    seglog_backup_progress_fn on_progress;
    void *arg;
};

/*
 * Back a store up into a repository, and look at what was written.  Writers of
 * a canonical store (canonical.h) wait for some milliseconds, while names and
 * sizes are looked up: so it is one of their state and events between two
 * transactions, and info has the position; unless they cannot be told to wait,
 * in a folder that cannot be written to, or for a second do not let go.
 *
 * Of a blob that is in the base the pieces from its beginning are compared, by
 * their digests; those that are the same are not stored again, and behind the
 * first one that is not all is.  A base that has another digest algorithm than
 * this build makes serves as none.
 *
 *   source      left as it is; may be opened for reading only
 *   repository  another store, or an empty one; names that are not of backups
 *               are left alone
 *   options     NULL: the defaults
 *   info        filled on OK; may be NULL
 * Returns
 *   NOT_FOUND  options->base is not there
 *   CORRUPT    the base, or what was read back, is not what was written;
 *              err->name says which file.  is_full does without a base
 *   FORMAT     the base is of a later version
 *   CONFLICT   blobs of the source were cut or merged faster than copied, again
 *              and again
 *   LOCKED     somebody else changes the repository
 *   END        on_progress returned false
 *   INVALID    source and repository are the same; no zstd in this build and a
 *              level that asks for it
 * Then       on OK every part that the manifest names, those of earlier backups
 *            too, was read back, unpacked and compared, and has been synced.
 *            After a failure, or killed at any instant, there is no backup that
 *            is not whole: the manifest gets its name last.  What is left over
 *            is removed by the next one
 * Cost       source: read twice, the second time to see that nothing was cut
 *            meanwhile; repository: written and read once
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_backup_make(struct seglog_store source, struct seglog_store repository,
                   const struct seglog_backup_options *options,
                   struct seglog_backup_info *info, struct seglog_error *err);

/*
 * All backups of a repository, the oldest first; free with seglog_free.  Parts
 * are not looked at.  A manifest that cannot be used is among them, with its
 * code.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_backup_list(struct seglog_store repository,
                   struct seglog_backup_info **infos, size_t *count,
                   struct seglog_error *err);

/* Shared by those that read a backup. */
struct seglog_restore_options {
    size_t size;
    uint32_t number; /* 0: the latest */
    seglog_backup_progress_fn on_progress;
    void *arg;
};

/*
 * Read a backup, all of it, and compare.  Nothing is written.
 *
 *   info  may be NULL; filled as soon as the manifest was read
 * Returns
 *   NOT_FOUND  no such backup, or a part of it is missing: err->name
 *   CORRUPT    a file is not what it was: err->name, and err->offset if known
 *   AUTH       likewise, in an encrypted repository
 *   FORMAT     a later version, or a digest or codec that this build lacks
 *   END        on_progress returned false
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_backup_verify(struct seglog_store repository,
                     const struct seglog_restore_options *options,
                     struct seglog_backup_info *info, struct seglog_error *err);

/*
 * Make the blobs of a backup again in an empty store.
 *
 * Returns  as verify, and EXISTS: the store holds a blob, err->name
 * Then     on OK all blobs are there, synced, and were read back and compared;
 *          they may be written to at once.  All files of the backup are
 *          compared before the first blob is made, and each piece again when it
 *          is used.
 *          Blobs are made as NAME.new, which no store of sessions or streams
 *          looks at, and get their names at the end: after a failure there are
 *          none of them; killed, it leaves such names, or at the very end some
 *          blobs, the last ones in the order of names.  Start over in an empty
 *          store then.  Nothing of the repository is changed
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_backup_restore(struct seglog_store repository,
                      struct seglog_store target,
                      const struct seglog_restore_options *options,
                      struct seglog_backup_info *info,
                      struct seglog_error *err);

struct seglog_backup_removed {
    uint64_t parts;
    uint64_t bytes; /* of parts and manifest */
};

/*
 * Remove a backup, and all parts that no other one names.  The others stay what
 * they are, also those that it was the base of.
 *
 *   number   0: no backup, only what was left over by one that did not end
 *   removed  may be NULL
 * Returns
 *   NOT_FOUND  there is no such backup
 *   CORRUPT    the manifest of another one cannot be read, so that nobody knows
 *   AUTH       what it needs: nothing was removed.  Remove that one first
 *   FORMAT
 *   LOCKED     somebody else changes the repository
 * Then     the manifest goes first, durably; killed, it leaves parts that the
 *          next call removes
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_backup_remove(struct seglog_store repository, uint32_t number,
                     int lock_timeout_ms, struct seglog_backup_removed *removed,
                     struct seglog_error *err);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_BACKUP_H */
