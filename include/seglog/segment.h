/* SPDX-License-Identifier: MIT */
/*
 * seglog/segment.h - one log: write it, read it, scan it, repair it.
 *
 * A segment is one blob of a byte store (seglog/store.h) in the format of
 * SPEC.md.  Records are numbered from 1 (or from first_record).
 *
 * Units    *_no are record or line numbers, 0 for none; offsets and sizes are
 *          bytes from the start of the blob.
 * Threads  writers and readers are used by one thread at a time and may move
 *          between threads.  Any number of readers may run beside a writer,
 *          in this process and in others.
 * Options  structs start with their size, set by the caller to sizeof.  NULL
 *          options, and zero in a field, mean the default.
 * Errors   besides the codes named at each call every call may return IO,
 *          NO_MEMORY, INVALID (bad argument), and what the store returns.
 */
#ifndef SEGLOG_SEGMENT_H
#define SEGLOG_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/chain.h"
#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEGLOG_IDENTITY_BYTES    16
#define SEGLOG_BODY_LOG2_DEFAULT 23 /* 8 MiB: SPEC.md 1 */
#define SEGLOG_BODY_LOG2_MIN     9
#define SEGLOG_BODY_LOG2_MAX     27
#define SEGLOG_SYNC_LOG2_DEFAULT 16 /* 64 KiB */
#define SEGLOG_SYNC_LOG2_MIN     9
#define SEGLOG_SYNC_LOG2_MAX     20

/* ---------------------------------------------------------------------------
 * Records and findings
 */

/* What a record is.  On disk: never renumber (SPEC.md 4). */
enum seglog_kind {
    SEGLOG_TEXT = 1,  /* one line without its line feed; holds no 0x0A */
    SEGLOG_BYTES = 2, /* any bytes */
    SEGLOG_PART = 3,  /* a piece of a line that goes on in the next record */
    SEGLOG_TAIL = 4   /* text whose line had no line feed at the file's end */
};

struct seglog_record {
    enum seglog_kind kind;
    /* False for a record found alone between two damaged places: its number
     * is likely, not proven (SPEC.md 9). */
    bool is_confirmed;
    uint64_t record_no;
    uint64_t line_no;    /* of the line it is, or is part of */
    uint64_t offset;     /* of its frame */
    uint64_t group_left; /* records of the same atomic group behind it */
    const uint8_t *data;
    size_t len;
};

/* What is said about a place.  On disk: never renumber (SPEC.md 6.3). */
enum seglog_verdict {
    SEGLOG_VERDICT_OK = 0,
    SEGLOG_VERDICT_TORN = 1,
    SEGLOG_VERDICT_CORRUPT = 2,
    SEGLOG_VERDICT_UNORDERED = 3,
    SEGLOG_VERDICT_FOREIGN = 4,
    SEGLOG_VERDICT_IO = 5
};

/* Why.  On disk: never renumber (SPEC.md 10.2). */
enum seglog_cause {
    SEGLOG_CAUSE_NONE = 0,
    SEGLOG_CAUSE_IO = 1,
    SEGLOG_CAUSE_HEADER = 2,
    SEGLOG_CAUSE_FOREIGN = 3,
    SEGLOG_CAUSE_STALE = 4,
    SEGLOG_CAUSE_PASSED_OVER = 5,
    SEGLOG_CAUSE_ORDER = 6,
    SEGLOG_CAUSE_COPY = 7,
    SEGLOG_CAUSE_MISSING = 8,
    SEGLOG_CAUSE_ZEROS = 9,
    SEGLOG_CAUSE_ONES = 10,
    SEGLOG_CAUSE_MARK = 11,
    SEGLOG_CAUSE_INSERTED = 12,
    SEGLOG_CAUSE_CHECKSUM = 13,
    SEGLOG_CAUSE_LENGTH = 14,
    SEGLOG_CAUSE_HEAD = 15,
    SEGLOG_CAUSE_SHIFT = 16,
    SEGLOG_CAUSE_DIGEST = 17,
    SEGLOG_CAUSE_CLOSING_MARK = 18,
    SEGLOG_CAUSE_TORN = 19,
    SEGLOG_CAUSE_CUT = 20,
    SEGLOG_CAUSE_DEPENDS_ON = 21,
    SEGLOG_CAUSE_AUTH = 22,
    SEGLOG_CAUSE_DROPPED = 23
};

enum seglog_durable {
    SEGLOG_DURABLE_UNKNOWN = 0,
    SEGLOG_DURABLE_NO = 1,
    SEGLOG_DURABLE_YES = 2
};

/* One damaged place, or one gap that an earlier repair recorded. */
struct seglog_finding {
    enum seglog_verdict verdict;
    enum seglog_cause cause;
    enum seglog_durable durable; /* were the lost records acknowledged? */
    bool has_shift;
    bool is_recorded;      /* a recorded gap (SPEC.md 6.3): not damage here */
    uint64_t first_record; /* lost records; 0: none */
    uint64_t last_record;  /* 0: none, or (TORN) unknown */
    uint64_t line;         /* of the first lost record; 0: none */
    uint64_t lines;        /* lines lost */
    uint64_t first_byte;
    uint64_t byte_count;
    int64_t shift;       /* bytes inserted, or removed if negative */
    uint64_t depends_on; /* 0: none */
};

/* Stable names as in SPEC.md 10: "CORRUPT", "checksum", "unknown".  Never
 * NULL.  The _from_name calls return -1 for an unknown name. */
SEGLOG_API const char *
seglog_verdict_name(enum seglog_verdict verdict);
SEGLOG_API const char *
seglog_cause_name(enum seglog_cause cause);
SEGLOG_API const char *
seglog_durable_name(enum seglog_durable durable);
/* A cause in words, for messages: "checksum mismatch". */
SEGLOG_API const char *
seglog_cause_text(enum seglog_cause cause);
SEGLOG_API int
seglog_verdict_from_name(const char *name);
SEGLOG_API int
seglog_cause_from_name(const char *name);
SEGLOG_API int
seglog_durable_from_name(const char *name);

/* ---------------------------------------------------------------------------
 * Writer
 */

enum seglog_writer_mode {
    SEGLOG_WRITER_EXCLUSIVE = 0, /* holds the lock from open to close */
    SEGLOG_WRITER_SHARED = 1,    /* takes the lock for each flush */
    /* No lock: nobody else can know this blob (a temporary name, a pipe). */
    SEGLOG_WRITER_PRIVATE = 2
};

enum seglog_writer_create {
    SEGLOG_CREATE_IF_MISSING = 0,
    SEGLOG_CREATE_NEW = 1,  /* EXISTS if there is one */
    SEGLOG_CREATE_NEVER = 2 /* NOT_FOUND if there is none */
};

/* How far a record has got when an append returns. */
enum seglog_level {
    SEGLOG_LEVEL_FLUSH = 0, /* in the system: visible, survives the process */
    SEGLOG_LEVEL_SYNC = 1,  /* on the device: survives power loss */
    SEGLOG_LEVEL_APPEND = 2 /* in the writer; has no number yet */
};

/*
 * How a segment is compressed (SPEC.md 7.5): each record or group by itself,
 * against those before it since the last sync point, so that what is flushed
 * can be read.  A damaged record takes those with it that refer to it: what
 * stands behind it up to the next sync point is lost as well (cause
 * depends-on), which is at most one sync interval of the file.
 *
 * Memory, at most, for records of up to 16 KiB and the default buffer; larger
 * ones take up to five times their size besides:
 *                     writer    reader
 *   NONE              0.5 MiB   0.75 MiB
 *   DEFLATE           0.5 MiB   0.75 MiB
 *   ZSTD  level 1     3 MiB     3 MiB
 *         level 3     4 MiB     3 MiB
 *         level 6     6 MiB     3 MiB     (AUTO: the same)
 *         level 9-12  9 MiB     3 MiB
 *         level 19    12 MiB    3 MiB
 * A writer that takes turns with others takes up to 3 MiB more for zstd, and
 * so does opening a segment.
 *
 * Time: a writer that has the segment to itself goes on where it was.  One that
 * takes turns with others, or is opened for each record, reads what it does not
 * know and begins anew behind it: with deflate that takes some 10 us a record,
 * with zstd, whose history is up to 1 MiB, 0.1 to 1 ms.
 */
enum seglog_codec {
    SEGLOG_CODEC_NONE = 0,
    SEGLOG_CODEC_DEFLATE = 1,
    SEGLOG_CODEC_ZSTD = 2,
    SEGLOG_CODEC_AUTO = 3 /* deflate or zstd, by what the records are like */
};

#define SEGLOG_ATTRIBUTES_MAX 16384 /* bytes: SPEC.md 6.5 */

/*
 * Where a segment stands, for those who want to append only if nobody else
 * has: it changes with every record that is appended or cut, also when cutting
 * and appending lead to the same count.
 */
struct seglog_head {
    uint64_t epoch;       /* the last one */
    uint64_t next_record; /* number of the next record */
    /* Stored checksum of the last frame that is not a closing mark; a sync
     * point counts only where no other frame follows it.  0: no frame. */
    uint32_t checksum;
};

/* Where the segment before this one ended (SPEC.md 6.4). */
struct seglog_predecessor {
    uint8_t identity[SEGLOG_IDENTITY_BYTES];
    uint64_t epoch;    /* its last one */
    uint64_t number;   /* of its next record */
    uint64_t end;      /* its size */
    uint32_t checksum; /* stored one of its last frame; 0: it has none */
};

struct seglog_writer_options {
    size_t size;
    enum seglog_writer_mode mode;
    enum seglog_writer_create create;
    int lock_timeout_ms; /* 0: 10 seconds; negative: wait for ever */

    /* For a segment that is created; ignored otherwise. */
    const uint8_t *identity; /* 16 bytes; NULL: random */
    bool is_epoch_given;     /* epoch_random holds the random bits of every */
    uint32_t epoch_random;   /* epoch this writer makes, instead of chance */
    uint8_t body_log2;
    uint8_t sync_log2;
    bool no_xxh3;          /* SPEC.md 12, NO_XXH3 */
    uint64_t first_record; /* 0: 1 */
    uint64_t first_line;   /* 0: first_record */

    size_t buffer_bytes;    /* 0: 256 KiB; flushed by itself when full */
    bool drop_torn_tail;    /* do not keep cut tail bytes as NAME.torn */
    bool append_to_damaged; /* append behind damage instead of CORRUPT */
    bool no_closing_mark;   /* close only flushes */
    /* Highest record number known from elsewhere to be durable: a shorter log
     * is CORRUPT instead of TORN or whole. */
    uint64_t expect;

    /* For a segment that is created, or whose creation was interrupted: what
     * its user wants to know of it, kept in front of the records (SPEC.md
     * 6.5).  Up to SEGLOG_ATTRIBUTES_MAX, and less than 2^body_log2. */
    const void *attributes;
    size_t attributes_len;

    /*
     * For a segment that is created; an existing one stays what it is, and of
     * one that allows zstd the codec that is given (AUTO for NONE) is used.
     */
    enum seglog_codec codec;
    /* 1 to 9 for deflate, to 19 for zstd; 0: the default, which is 6.  Also
     * for an existing one. */
    uint8_t level;
    /*
     * Bytes of memory that the writer is to get along with, 512 KiB at least;
     * 0: no bound.  It bounds buffer_bytes; below 8 MiB AUTO is deflate, ZSTD
     * is INVALID, and opening a segment that allows zstd is NO_MEMORY.  Records
     * and groups of more than 16 KiB take five times their size besides.
     */
    size_t memory_max;
    /*
     * For a segment that is created: the name of a dictionary in the same
     * store (seglog/dictionary.h), or NULL.  NOT_FOUND or CORRUPT if it is not
     * there or not right; INVALID with NONE.
     */
    const char *dictionary;
    /*
     * For a segment that is created: chain its records (SPEC.md 16.1); 0: do
     * not.  An existing one stays what it is.  INVALID for SHA256 where the
     * build has no OpenSSL, which cannot open such a segment either (FORMAT).
     * A chained segment is CORRUPT to whoever appends where the head of its end
     * is not known, because of damage.
     */
    enum seglog_chain chain;
    /* The head before its first record; NULL or empty: nothing is before it. */
    const struct seglog_chain_hash *chain_base;
    /* What it follows, for a segment that is created; NULL: nothing. */
    const struct seglog_predecessor *predecessor;
};

struct seglog_writer;

/*
 * Open a segment for appending, or create one.
 *
 * The end is found from the last sync point, not by reading the segment.  A
 * torn tail is cut (its bytes kept as NAME.torn), the cut synced, and the
 * first bytes appended are a sync point with a new epoch (SPEC.md 7.3).
 *
 * Returns
 *   EXISTS, NOT_FOUND  as options->create says
 *   LOCKED     somebody else holds the lock (exclusive, after the time-out)
 *   FORMAT     not a segment, or a version or feature this build does not know
 *   READ_ONLY  a feature that this build may read but not append to
 *   CORRUPT    the end of the segment is damaged; `repair` it, or roll over,
 *              or set append_to_damaged
 *   SEALED     the segment is sealed
 *   CORRUPT    also: the dictionary that it was made with is missing or
 *              damaged (err->name is its name); NOT_FOUND if it is to be made
 *              with one that is not there
 * Cost      one read of at most about one sync interval, warm below 1 ms
 * Since     0.1
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_writer_open(struct seglog_store store, const char *name,
                   const struct seglog_writer_options *options,
                   struct seglog_writer **writer, struct seglog_error *err);

/*
 * Append one record.
 *
 *   level      what must be true when the call returns
 *   record_no  its number, at FLUSH and SYNC; may be NULL.  At APPEND it gets
 *              0: in shared mode the number is known only when flushed.
 * Returns
 *   INVALID    a TEXT, PART or TAIL record that holds a line feed
 *   TOO_LARGE  len over 2^body_log2; nothing was appended
 *   LOCKED     shared mode, lock not got in time: the record stays buffered
 *   SEALED     the segment was sealed or replaced meanwhile: open it again
 *              (by somebody without its lock: noticed within some ms)
 *   CORRUPT    shared mode: another writer left damage
 *   NO_SPACE, IO  nothing of this record is in the segment
 *   POISONED   an earlier sync or roll-back failed: close and open again
 * Durability as level says
 * Cost      APPEND: one copy and one checksum.  FLUSH: one write.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_writer_append(struct seglog_writer *writer, enum seglog_kind kind,
                     const void *data, size_t len, enum seglog_level level,
                     uint64_t *record_no, struct seglog_error *err);

struct seglog_item {
    enum seglog_kind kind;
    const void *data;
    size_t len;
};

/*
 * Append count records as one atomic frame: after any crash or damage all of
 * them are there or none is.  Count 0 is INVALID; a group whose body exceeds
 * 2^body_log2 bytes is TOO_LARGE.  first_record_no as record_no above.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_writer_append_group(struct seglog_writer *writer,
                           const struct seglog_item *items, size_t count,
                           enum seglog_level level, uint64_t *first_record_no,
                           struct seglog_error *err);

/*
 * Record that gap->first_record to gap->last_record were lost elsewhere
 * (SPEC.md 6.3).  first_record must be the next number; not in shared mode.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_writer_append_gap(struct seglog_writer *writer,
                         const struct seglog_finding *gap,
                         struct seglog_error *err);

/* Bring everything appended so far to FLUSH, or to SYNC level. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_writer_flush(struct seglog_writer *writer, struct seglog_error *err);
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_writer_sync(struct seglog_writer *writer, struct seglog_error *err);

struct seglog_writer_state {
    uint64_t first_record;
    uint64_t next_record; /* after what is flushed */
    uint64_t next_line;
    uint64_t end;       /* size of the flushed segment */
    uint64_t buffered;  /* records appended and not yet flushed */
    uint64_t watermark; /* highest number known to be durable; 0: none */
    uint64_t epoch;
    uint64_t torn_bytes; /* cut from the tail when it was opened */
    uint8_t identity[SEGLOG_IDENTITY_BYTES];
    size_t record_max;                   /* largest record in bytes */
    struct seglog_head head;             /* of what is flushed */
    enum seglog_chain chain;             /* 0: it is not chained */
    struct seglog_chain_hash chain_hash; /* of what is flushed */
};

SEGLOG_API void
seglog_writer_get_state(const struct seglog_writer *writer,
                        struct seglog_writer_state *state);

/*
 * Take the lock of a shared writer and keep it until release: in between its
 * state is exact, nobody else appends, and appends do not take the lock again.
 * This is how to append only if the head is what the caller believes.  What is
 * buffered is not written by hold.  Does nothing to an exclusive or private
 * writer.  Holding twice is INVALID.
 *
 * Returns LOCKED after the time-out; SEALED and CORRUPT as append does.  When
 * it fails there is nothing to release.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_writer_hold(struct seglog_writer *writer, struct seglog_error *err);
SEGLOG_API void
seglog_writer_release(struct seglog_writer *writer);

/*
 * Cut the segment so that next_record is the number of the next record, sync
 * the cut, and begin a new epoch behind it (SPEC.md 7.3), synced as well.
 * What is buffered and not flushed must be nothing (INVALID).  A shared writer
 * takes the lock unless it is held.
 *
 *   next_record  first_record to the next record of now: the latter changes
 *                nothing and is OK.  Anything else is INVALID, with
 *                err->actual = the next record of now.  So is a number in the
 *                middle of a recorded gap, with err->actual = its first one.
 * A cut inside an atomic group leaves the records before it.  Then, and only
 * then, is the segment written anew up to there (as NAME.cut) and replaced
 * (other writers get SEALED and open it again).
 * Returns also SEALED, READ_ONLY (a store that cannot truncate), CORRUPT (the
 * place of next_record cannot be found because of damage; nothing is cut).
 * Durability  the cut is durable when this returns OK.  After a failure the
 *             writer is POISONED if it is not known whether it was cut; if not,
 *             the state says it: next_record is the old one, or (only the sync
 *             point behind the cut could not be written) the new one.
 * Cost        O(log size) small reads and one stretch, two syncs; inside a
 *             group O(next_record)
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_writer_truncate(struct seglog_writer *writer, uint64_t next_record,
                       struct seglog_error *err);

/* One line for logs: mode, name, next record, end. */
SEGLOG_API void
seglog_writer_describe(const struct seglog_writer *writer, char *buf,
                       size_t cap);

/*
 * Flush, sync, write the closing mark, sync (unless no_closing_mark: flush
 * only), release the lock and free the writer, whatever happens.  Accepts
 * NULL.  On failure the records that are not in the segment are lost with the
 * writer; err says how far it got.
 */
SEGLOG_API seglog_code
seglog_writer_close(struct seglog_writer *writer, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Reader
 */

struct seglog_reader_options {
    size_t size;
    /* Deliver what is good around damage, and a gap event for each loss,
     * instead of stopping at the first damage with CORRUPT. */
    bool salvage;
    uint64_t from_record; /* 0: the first */
    uint64_t expect;      /* as in seglog_writer_options */
};

enum seglog_event_type {
    SEGLOG_EVENT_RECORD = 1,
    SEGLOG_EVENT_GAP = 2
};

struct seglog_event {
    enum seglog_event_type type;
    struct seglog_record record;   /* RECORD */
    struct seglog_finding finding; /* GAP */
};

struct seglog_reader;

/*
 * Open a segment for reading.  Never changes it and takes no lock.
 * Returns NOT_FOUND, FORMAT (not a segment), CORRUPT (strict and the header
 * is damaged).  CORRUPT also where the dictionary that it was made with
 * is missing or damaged, in salvage mode too: err->name is its name then.  The store has
 * to stay open as long as the reader.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_reader_open(struct seglog_store store, const char *name,
                   const struct seglog_reader_options *options,
                   struct seglog_reader **reader, struct seglog_error *err);

/*
 * The next record or gap.
 *
 * Returns
 *   OK       event is filled
 *   END      nothing more now; call again after more was appended.  A torn or
 *            half-written tail is END as well (and a GAP event of verdict
 *            TORN before it, once, in salvage mode).
 *   CORRUPT  strict mode: the first damage; every later call says the same
 *   IO       the store failed
 *   CONFLICT the segment was cut before this reader's place: seek again
 * A gap that an earlier repair recorded is a GAP event in both modes, with
 * finding.is_recorded set.
 * Lifetime   event->record.data is valid until the next call on this reader;
 *            the records of one group until the call behind its last.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_reader_next(struct seglog_reader *reader, struct seglog_event *event,
                   struct seglog_error *err);

/*
 * Continue at record_no (the first one at or behind it that exists).  Looks
 * for a sync point near it by bisection: O(log size) small reads, then at most
 * one stretch.  Beyond the end: the next call of next returns END.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_reader_seek(struct seglog_reader *reader, uint64_t record_no,
                   struct seglog_error *err);

/*
 * After END: wait until there may be more.  OK, or END after timeout_ms
 * (negative: no limit) or an interruption by a signal.  What was appended
 * between END and this call is not missed.  SEALED: the segment was replaced
 * by another under its name, and everything of the old one has been read.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_reader_wait(struct seglog_reader *reader, int timeout_ms,
                   struct seglog_error *err);

SEGLOG_API void
seglog_reader_describe(const struct seglog_reader *reader, char *buf,
                       size_t cap);

/* Accepts NULL. */
SEGLOG_API void
seglog_reader_close(struct seglog_reader *reader);

/* ---------------------------------------------------------------------------
 * Scan: the whole truth about a segment
 */

/* One valid frame, for those who look at the layout. */
struct seglog_frame {
    uint64_t offset;
    uint64_t len;          /* head to checksum */
    uint8_t head;          /* SPEC.md 4 */
    uint8_t control;       /* type of a control frame, else 0 */
    uint64_t first_record; /* of a control frame: the next record's number */
    uint64_t count;        /* records in it (recorded gap: records lost) */
    uint64_t body_offset;  /* absolute */
    uint64_t body_len;
};

struct seglog_scan_options {
    size_t size;
    uint64_t expect; /* as above */
    /* Called for each finding, in the order of SPEC.md 10.5, after the walk;
     * recorded gaps are not among them. */
    void (*on_finding)(void *arg, const struct seglog_finding *finding);
    /* Called for each valid frame in the order of the file, during the walk.
     * Return false to stop calling. */
    bool (*on_frame)(void *arg, const struct seglog_frame *frame);
    /* Called now and then with bytes done and in all. */
    void (*on_progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
};

struct seglog_scan_summary {
    enum seglog_verdict verdict; /* the worst */
    bool is_closed;              /* ends with a closing mark */
    bool is_header_lost;         /* recovered by other means */
    uint64_t bytes;
    uint64_t records;     /* good ones */
    uint64_t unconfirmed; /* of them, found alone: likely, not proven */
    uint64_t lost;
    uint64_t findings;
    uint64_t first_record;
    uint64_t next_record;
    uint64_t next_line;
    uint64_t watermark;
    uint64_t epoch; /* the last */
    uint8_t identity[SEGLOG_IDENTITY_BYTES];
    uint8_t body_log2;
    uint8_t sync_log2;
    uint16_t features_ignore;
    uint16_t features_read_only;
    uint16_t features_refuse;
    uint64_t payload_bytes;
    uint64_t record_frames; /* frames that carry records */
    uint64_t groups;        /* of them, groups */
    uint64_t sync_points;
    uint64_t closing_marks;
    uint64_t cuts; /* changes of epoch */
    uint64_t recorded_gaps;
    uint64_t recorded_lost; /* records that recorded gaps stand for */
    uint64_t torn_bytes;    /* length of a torn tail */
    struct seglog_head head;
    /* How it is stored: bodies as they stand in the segment, to compare with
     * payload_bytes.  Records that depend on a lost one are in the former. */
    uint64_t body_bytes;
    uint64_t compressed_frames; /* of record_frames */
    /* Of a chained segment (SPEC.md 16.1).  Whether the heads are right is not
     * looked at: damage does not make them wrong. */
    enum seglog_chain chain; /* 0: there is no chain head */
    uint64_t chain_heads;
    uint64_t tombstones;
    uint64_t signatures;
};

/*
 * Read everything, check everything, and say what is wrong (SPEC.md 8 to 10).
 *
 * Returns OK also for a damaged segment: the summary has the verdict.
 *   FORMAT    not a segment, or of an unknown version or feature
 *   NOT_FOUND
 *   CORRUPT   the dictionary that it was made with is missing or damaged
 *             (err->name is its name): nobody can say what the records are
 * A range the store cannot read is a finding of verdict IO; the scan goes on.
 * Cost      linear in the size, whatever the bytes say; at most about 12 MiB
 *           of memory, plus the largest record where that is over 8 MiB.  In a
 *           compressed segment: linear in the size of what comes out, which is
 *           up to 1032 times as much, and room for the largest record that the
 *           header allows (2^27 bytes if it is lost)
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_scan(struct seglog_store store, const char *name,
            const struct seglog_scan_options *options,
            struct seglog_scan_summary *summary, struct seglog_error *err);

/*
 * The same figures as far as header and tail tell them: is_header_lost,
 * identity, features, first_record, next_record, next_line, epoch, head, bytes,
 * is_closed, watermark (as far as seen), and the verdict about the tail.  The
 * entry count is next_record - first_record.  The rest of summary is 0.  O(1)
 * reads for a closed segment, about one sync interval otherwise.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_segment_get_summary(struct seglog_store store, const char *name,
                           struct seglog_scan_summary *summary,
                           struct seglog_error *err);

/*
 * The attributes that a segment was created with.
 *
 *   buf, cap  where they go: SEGLOG_ATTRIBUTES_MAX bytes are always enough;
 *             TOO_LARGE, with err->actual = their length, if they do not fit
 *   len       0 when the segment has none, or when they are damaged
 *   identity  of the segment; may be NULL
 * Returns NOT_FOUND, FORMAT.  Cost: one small read.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_segment_get_attributes(struct seglog_store store, const char *name,
                              void *buf, size_t cap, size_t *len,
                              uint8_t identity[SEGLOG_IDENTITY_BYTES],
                              struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Repair
 */

/*
 * Write what can be saved of `name` to the new blob `new_name` (EXISTS if
 * there is one; may be in another store): same record numbers, new identity,
 * losses recorded in it as gaps, attributes kept, closed and synced, then read
 * back and compared before this returns OK.  The source is not changed.
 *
 *   options  on_finding, on_progress, arg, expect are used; may be NULL
 *   summary  of the source; may be NULL
 * Returns CORRUPT when the new segment did not read back as written (it is
 * then removed).
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_repair(struct seglog_store store, const char *name,
              struct seglog_store new_store, const char *new_name,
              const struct seglog_scan_options *options,
              struct seglog_scan_summary *summary, struct seglog_error *err);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_SEGMENT_H */
