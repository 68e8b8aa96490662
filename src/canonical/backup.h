/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/backup.h - the parts of backups (SPEC.md 18).
 *
 *   backup.c           the public calls that make a backup
 *   backup_copy.c      the bytes of the source: compared, packed, stored
 *   backup_source.c    which blobs there are, and how large, at one moment
 *   backup_part.c      parts, written
 *   backup_manifest.c  a manifest in memory, and as text
 *   backup_parse.c     a manifest from text
 *   backup_repository.c  names, numbers, the lock, what was left over
 *   backup_read.c      manifests and pieces, read and compared; verify, list
 *   backup_restore.c   restore
 *   backup_remove.c    remove
 *   backup_digest.c    digests
 *   backup_pack.c      pieces, compressed
 *
 * Layer  canonical.
 */
#ifndef SLG_CANONICAL_BACKUP_H
#define SLG_CANONICAL_BACKUP_H

#include "seglog/backup.h"
#include "src/store/name.h"

/* ---------------------------------------------------------------------------
 * What a store that has more than its blobs adds
 */

/* What a store calls its position.  text: control characters are taken out. */
struct slg_backup_position {
    bool is_known;
    uint64_t number;
    char text[SEGLOG_BACKUP_TEXT_CAP];
};

/*
 * A byte store, and who else writes to it.
 *
 * Between freeze and thaw, some milliseconds, names and sizes are looked up.
 * It may happen several times, each in place of the one before.
 */
struct slg_backup_source {
    struct seglog_store store;
    /* NULL: nobody has to be told.  After a failure there is no thaw. */
    seglog_code (*freeze)(void *arg, struct slg_backup_position *position,
                          struct seglog_error *err);
    void (*thaw)(void *arg);
    /* NULL: all blobs that backups take. */
    bool (*is_taken)(void *arg, const char *name);
    void *arg;
};

/* As seglog_backup_make. */
seglog_code
slg_backup_make(const struct slg_backup_source *source,
                struct seglog_store repository,
                const struct seglog_backup_options *options,
                struct seglog_backup_info *info, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Digests
 */

struct slg_backup_hasher;

bool
slg_backup_hash_is_computable(enum seglog_backup_hash hash);
/* The one that this build makes. */
enum seglog_backup_hash
slg_backup_hash_default(void);
uint8_t
slg_backup_hash_len(enum seglog_backup_hash hash);

/* It is computable.  NULL: no memory.  free accepts NULL. */
struct slg_backup_hasher *
slg_backup_hasher_new(enum seglog_backup_hash hash);
void
slg_backup_hasher_free(struct slg_backup_hasher *hasher);
void
slg_backup_hasher_add(struct slg_backup_hasher *hasher, const void *bytes,
                      size_t len);
/* Of all that was added; it begins anew. */
void
slg_backup_hasher_get(struct slg_backup_hasher *hasher,
                      struct seglog_backup_digest *digest);
bool
slg_backup_digest_is_same(const struct seglog_backup_digest *a,
                          const struct seglog_backup_digest *b);

/* ---------------------------------------------------------------------------
 * Pieces, compressed
 */

enum slg_backup_codec {
    SLG_BACKUP_STORED = 0,
    SLG_BACKUP_ZSTD = 1
};

struct slg_backup_packer;

/* level 0: it only unpacks.  NULL: no memory.  free accepts NULL. */
struct slg_backup_packer *
slg_backup_packer_new(int level);
void
slg_backup_packer_free(struct slg_backup_packer *packer);

/*
 * *packed: the bytes themselves where they would not get shorter, else valid
 * until the next call.  False: no memory.
 */
bool
slg_backup_pack(struct slg_backup_packer *packer, const uint8_t *bytes,
                size_t len, const uint8_t **packed, size_t *packed_len,
                enum slg_backup_codec *codec);

enum slg_backup_unpacked {
    SLG_BACKUP_UNPACKED,
    SLG_BACKUP_UNPACK_BAD, /* not exactly len bytes come out */
    SLG_BACKUP_UNPACK_NO_MEMORY
};

enum slg_backup_unpacked
slg_backup_unpack(struct slg_backup_packer *packer, const uint8_t *packed,
                  size_t packed_len, uint8_t *bytes, size_t len);

/* Does this build have zstd? */
bool
slg_backup_can_pack(void);

/* ---------------------------------------------------------------------------
 * Manifests
 */

struct slg_backup_part {
    uint32_t number; /* of the backup that made it */
    uint32_t index;  /* from 1 */
    uint64_t size;
    struct seglog_backup_digest digest; /* of its bytes */
};

/* Bytes of a blob, behind those of the piece before. */
struct slg_backup_piece {
    uint32_t part; /* index into the parts */
    enum slg_backup_codec codec;
    uint64_t at; /* where it begins in the part */
    size_t len;
    size_t stored;                      /* bytes in the part */
    struct seglog_backup_digest digest; /* of the len bytes */
};

struct slg_backup_blob {
    char *name;
    uint64_t size;
    size_t first; /* piece */
    size_t count;
};

/* Starts zeroed. */
struct slg_manifest {
    struct seglog_backup_info info; /* counts too, where it was parsed */
    struct slg_backup_part *parts;  /* by number and index */
    size_t part_count;
    size_t part_cap;
    struct slg_backup_blob *blobs; /* by name */
    size_t blob_count;
    size_t blob_cap;
    struct slg_backup_piece *pieces; /* in the order of the blobs */
    size_t piece_count;
    size_t piece_cap;
};

void
slg_manifest_reset(struct slg_manifest *manifest);

/* Zeroed ones behind the last; NULL: no memory. */
struct slg_backup_part *
slg_manifest_add_part(struct slg_manifest *manifest);
struct slg_backup_piece *
slg_manifest_add_piece(struct slg_manifest *manifest);
/* With a copy of the name. */
struct slg_backup_blob *
slg_manifest_add_blob(struct slg_manifest *manifest, const char *name,
                      size_t name_len);

/* NULL: it is not in it. */
const struct slg_backup_blob *
slg_manifest_find(const struct slg_manifest *manifest, const char *name);

/* Put the parts in order, and leave out those that no piece lies in.  False:
 * no memory. */
bool
slg_manifest_settle(struct slg_manifest *manifest);

/* Fill in what info says of blobs and parts, and its name. */
void
slg_manifest_count(struct slg_manifest *manifest);

/*
 * The text of a settled one, with its digest in info: free with free.  NULL: no
 * memory.
 */
char *
slg_manifest_encode(struct slg_manifest *manifest, size_t *len);

/*
 * The only text that is taken is the one that encode makes of it.
 *   name  for messages
 * CORRUPT, FORMAT, NO_MEMORY; manifest is empty then.
 */
seglog_code
slg_manifest_parse(const char *text, size_t len, const char *name,
                   struct slg_manifest *manifest, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Repositories
 */

/* Each buf holds SEGLOG_BACKUP_NAME_CAP bytes, and is returned. */
char *
slg_backup_manifest_name(uint32_t number, char *buf);
char *
slg_backup_part_name(uint32_t number, uint32_t index, char *buf);

/* False for anything that the two do not make. */
bool
slg_backup_manifest_parse_name(const char *name, uint32_t *number);
bool
slg_backup_part_parse_name(const char *name, uint32_t *number, uint32_t *index);

/* Whoever changes a repository holds this.  Starts zeroed. */
seglog_code
slg_backup_lock(struct seglog_store repository, int timeout_ms,
                struct seglog_lock *lock, struct seglog_error *err);
void
slg_backup_unlock(struct seglog_lock *lock);

/* What blobs of backups there are, by name.  Starts zeroed. */
struct slg_backup_listing {
    struct slg_name_list manifests;
    struct slg_name_list parts;
    struct slg_name_list left; /* manifests that were not finished */
    uint32_t *numbers;         /* of the manifests, ascending */
};

seglog_code
slg_backup_listing_make(struct seglog_store repository,
                        struct slg_backup_listing *listing,
                        struct seglog_error *err);
void
slg_backup_listing_reset(struct slg_backup_listing *listing);
/* 0: there is none. */
uint32_t
slg_backup_listing_latest(const struct slg_backup_listing *listing);

/* Whether it is there or not. */
seglog_code
slg_backup_blob_remove(struct seglog_store store, const char *name,
                       struct seglog_error *err);

/* CORRUPT, or another code, of a blob of that name. */
__attribute__((format(printf, 4, 5))) seglog_code
slg_backup_fail(struct seglog_error *err, seglog_code code, const char *name,
                const char *format, ...);
seglog_code
slg_backup_fail_memory(struct seglog_error *err);

/* Call it, if there is one: END when it says so. */
seglog_code
slg_backup_progress(seglog_backup_progress_fn fn, void *arg, uint64_t done,
                    uint64_t total, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Reading
 */

/* The manifest in a blob; number: the one it must have. */
seglog_code
slg_backup_load(struct seglog_store repository, const char *name,
                uint32_t number, struct slg_manifest *manifest,
                struct seglog_error *err);

/* number 0: the latest. */
seglog_code
slg_backup_load_number(struct seglog_store repository, uint32_t number,
                       struct slg_manifest *manifest, struct seglog_error *err);

struct slg_backup_reader;

/* manifest: borrowed. */
seglog_code
slg_backup_reader_new(struct seglog_store repository,
                      const struct slg_manifest *manifest,
                      struct slg_backup_reader **reader,
                      struct seglog_error *err);
/* Accepts NULL. */
void
slg_backup_reader_free(struct slg_backup_reader *reader);

/* CORRUPT unless it has so many bytes. */
seglog_code
slg_backup_check_size(struct seglog_blob blob, const char *name, uint64_t want,
                      struct seglog_error *err);

/* The bytes of one part are those that were written. */
seglog_code
slg_backup_check_part(struct slg_backup_reader *reader, size_t part,
                      struct seglog_error *err);

/* *bytes: those of a piece, compared, and valid until the next call. */
seglog_code
slg_backup_read_piece(struct slg_backup_reader *reader, size_t piece,
                      const uint8_t **bytes, struct seglog_error *err);

/* All parts and all pieces. */
seglog_code
slg_backup_check(struct seglog_store repository,
                 const struct slg_manifest *manifest,
                 seglog_backup_progress_fn on_progress, void *arg,
                 struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Making
 */

#define SLG_BACKUP_TAIL 32u

/* A blob of the source. */
struct slg_backup_item {
    char *name;
    bool is_held;
    struct seglog_blob blob; /* if held */
    uint64_t size;           /* if held it is what is taken; else about that */
    /* If held, the last bytes of these: other ones stand there if it was cut
     * since and has grown again. */
    uint8_t tail[SLG_BACKUP_TAIL];
    size_t tail_len;
};

/* Starts zeroed. */
struct slg_backup_snapshot {
    struct slg_backup_item *items; /* by name */
    size_t count;
    bool is_one_moment;
    int64_t taken_ms;
    struct slg_backup_position position;
};

seglog_code
slg_backup_snapshot_take(const struct slg_backup_source *source,
                         unsigned open_max,
                         struct slg_backup_snapshot *snapshot,
                         struct seglog_error *err);
void
slg_backup_snapshot_reset(struct slg_backup_snapshot *snapshot);

/* It is of the moment, whatever others are. */
bool
slg_backup_is_held(const char *name);

/* Parts, being written.  Starts zeroed but for the first four. */
struct slg_backup_writer {
    struct seglog_store repository;
    struct slg_manifest *manifest; /* where they are added */
    uint64_t part_bytes;
    struct slg_backup_hasher *hasher; /* for its own use meanwhile */
    struct seglog_blob blob;          /* the one that grows, or none */
    size_t part;                      /* its index in the manifest */
    uint32_t made;                    /* so far */
    uint8_t *buffer;
    size_t buffered;
};

/* Put a piece behind the others: where it is goes to the piece. */
seglog_code
slg_backup_write(struct slg_backup_writer *writer, const uint8_t *bytes,
                 size_t len, struct slg_backup_piece *piece,
                 struct seglog_error *err);
/* Finish the part that grows. */
seglog_code
slg_backup_writer_end(struct slg_backup_writer *writer,
                      struct seglog_error *err);
/* After whatever. */
void
slg_backup_writer_reset(struct slg_backup_writer *writer);

struct slg_backup_copy {
    const struct slg_backup_source *source;
    const struct slg_backup_snapshot *snapshot;
    const struct seglog_backup_options *options; /* settled: no zeros */
    const struct slg_manifest *base;             /* or empty */
    struct slg_manifest *manifest;
    struct slg_backup_writer *writer;
    /* The source has changed under it: another snapshot has to be taken. */
    bool is_stale;
};

/* All blobs of the snapshot. */
seglog_code
slg_backup_copy_run(struct slg_backup_copy *copy, struct seglog_error *err);

#endif /* SLG_CANONICAL_BACKUP_H */
