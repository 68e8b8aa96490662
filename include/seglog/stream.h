/* SPDX-License-Identifier: MIT */
/*
 * seglog/stream.h - streams: hash-chained, appended at an expected offset.
 *
 * A stream is a sequence of events with offsets 0, 1, 2, ...  Each event is
 * chained to all before it: its hash is over the hash before it and its bytes,
 * and the last one, the head, stands for the whole stream.  Events are never
 * changed and never cut.  A stream lies in segments (seglog/segment.h) of any
 * byte store, the last of which grows; SPEC.md 16 has their names and bytes.
 * The event at offset o is record o + 1.
 *
 * Chain    hash(head before || kind || payload), where the head before the
 *          first event is no bytes at all.  kind is one byte: 0 of an event, 2
 *          of a tombstone.  With SHA-256 the same events have the same head
 *          everywhere, in memory as on disk.  The chain costs no bytes per
 *          event: heads stand at checkpoints, and what is between is computed.
 * Offsets  are of events alone.  Checkpoints, sync points and tombstones have
 *          none.  A tombstone moves the head all the same.
 * Units    offsets and counts of events; sizes are bytes of payload, before
 *          they are compressed, unless stated otherwise
 * Threads  a store of streams is shared by any number of threads; many
 *          processes may have the same streams open.  What is said to be so
 *          when a call returns is so for all handles in all processes.
 * Level    append_batch returns after FLUSH: all see the events, and they
 *          survive the death of the process.  With is_synced after SYNC: they,
 *          and all before them, survive a power failure.
 * Errors   besides what each call names: IO, NO_SPACE, NO_MEMORY, INVALID (bad
 *          argument), READ_ONLY, LOCKED (somebody held a lock too long),
 *          FORMAT (a segment of an unknown version or feature, or a chain that
 *          this build cannot compute).  Unless said otherwise a call that
 *          fails has changed nothing.
 * Since    0.1
 */
#ifndef SEGLOG_STREAM_H
#define SEGLOG_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/chain.h"
#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/segment.h"
#include "seglog/slice.h"
#include "seglog/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For append_batch: wherever the stream ends. */
#define SEGLOG_OFFSET_ANY        UINT64_MAX

#define SEGLOG_STREAM_ID_MAX     UINT64_MAX
#define SEGLOG_STREAM_BODY_LOG2  27 /* default: batches of up to 128 MiB */
#define SEGLOG_STREAM_SEGMENT    (UINT64_C(256) << 20) /* default */
#define SEGLOG_STREAM_CHECKPOINT 1000                  /* default */
#define SEGLOG_STREAM_BLOCK      (128u << 10) /* default, when sealed */
#define SEGLOG_STREAM_MERGE      (UINT64_C(128) << 20) /* default */
#define SEGLOG_SIGN_KEY_BYTES    32
#define SEGLOG_SIGNATURE_BYTES   64

/* A place in a stream: behind the events below next_offset. */
struct seglog_stream_end {
    uint64_t next_offset;
    struct seglog_chain_hash hash; /* the head there */
};

struct seglog_stream_event {
    uint64_t offset;
    /* Its payload was dropped (seglog_stream_tombstone): data is empty. */
    bool is_dropped;
    struct seglog_slice data;
};

/* ---------------------------------------------------------------------------
 * Backends: what keeps streams, chosen at run time
 *
 * The table of a backend of your own does what is said of the calls below that
 * have the names of its entries; tests/stream/stream_conformance.c says whether
 * it does.  It starts with its own size; what lies beyond that is absent.
 */
struct seglog_streams_ops {
    size_t size; /* sizeof(struct seglog_streams_ops) */

    seglog_code (*append_batch)(void *streams, uint64_t stream,
                                const struct seglog_slice *events, size_t count,
                                uint64_t expected_offset,
                                const struct seglog_chain_hash *prev_hash,
                                bool is_synced, struct seglog_stream_end *end,
                                struct seglog_error *err);
    seglog_code (*read_from)(void *streams, uint64_t stream,
                             uint64_t from_offset, uint64_t max_bytes,
                             struct seglog_stream_event **events, size_t *count,
                             struct seglog_error *err);
    seglog_code (*latest_chain_hash)(void *streams, uint64_t stream,
                                     struct seglog_stream_end *end,
                                     struct seglog_error *err);
    seglog_code (*segment_count)(void *streams, uint64_t stream, size_t *count,
                                 struct seglog_error *err);
    seglog_code (*completed_segments)(void *streams, uint64_t stream,
                                      uint32_t **numbers, size_t *count,
                                      struct seglog_error *err);
    seglog_code (*flush_indexes)(void *streams, struct seglog_error *err);
    void (*describe)(void *streams, char *buf, size_t cap);
    seglog_code (*close)(void *streams, struct seglog_error *err);
    /* Remove all streams.  NULL but in builds for fuzzing (SEGLOG_FUZZING):
     * there is no call for it, so that no program can come to use it. */
    seglog_code (*reset)(void *streams, struct seglog_error *err);
};

struct seglog_streams {
    const struct seglog_streams_ops *ops;
    void *self;
};

/* ---------------------------------------------------------------------------
 * The streams of a byte store
 */

struct seglog_stream_options {
    size_t size;
    bool is_read_only;
    int lock_timeout_ms; /* 0: 10 seconds; negative: wait for ever */
    unsigned open_max;   /* streams kept open for appending; 0: 64 */

    /* Of streams that are begun; the others stay what they are. */
    enum seglog_chain chain; /* 0: SHA256 */

    /* Of segments that are begun. */
    uint8_t body_log2; /* the largest batch is 2^body_log2 bytes; 0: 27 */
    uint8_t sync_log2; /* 0: SEGLOG_SYNC_LOG2_DEFAULT, or 15 if compressed */
    enum seglog_codec codec; /* of what is appended: none by default */
    uint8_t level_of_codec;

    /* A segment of this many bytes, as stored, takes no more batches: with the
     * one that has led to it the next segment is begun, so it may be larger by
     * one batch.  0: SEGLOG_STREAM_SEGMENT. */
    uint64_t segment_bytes;
    /*
     * A checkpoint is made before the first batch that comes when this many
     * events, or a sync interval of stored bytes, have come since the last one.
     * 0: SEGLOG_STREAM_CHECKPOINT; UINT64_MAX: by bytes alone.
     */
    uint64_t checkpoint_events;
    /*
     * Do not cut back the end of a stream over which a power failure has left
     * a hole that shows (UNORDERED) and was never synced: append says CORRUPT
     * instead, until seglog_stream_mend.
     */
    bool keeps_unordered_tail;
};

/*
 * Open the streams of a byte store, or begin: any byte store will do, and other
 * things may lie in it.  Nothing is written before the first event is.  The
 * byte store stays the caller's and must outlive it.
 *
 *   options  NULL: all defaults
 * Returns INVALID for options out of range, and for a chain of SHA256 where the
 * build has no OpenSSL.
 * Cost     none: streams are looked for when they are named
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_streams_open(struct seglog_store store,
                    const struct seglog_stream_options *options,
                    struct seglog_streams *streams, struct seglog_error *err);

/*
 * Make a checkpoint at the end of each stream that this handle has appended to,
 * sync and close it.  Nobody else uses the handle any more.  Accepts a zeroed
 * struct; zeroes it.  On failure what was acknowledged is still as it was
 * acknowledged: the next one to open it does what is missing.
 */
SEGLOG_API seglog_code
seglog_streams_close(struct seglog_streams *streams, struct seglog_error *err);

/* One line for logs.  Always terminated. */
SEGLOG_API void
seglog_streams_describe(struct seglog_streams streams, char *buf, size_t cap);

/*
 * Append events: all of them or, whatever happens, none (one frame).
 *
 *   stream           its id.  One that does not exist is begun.
 *   events, count    any bytes each, also none; count 0 is INVALID
 *   expected_offset  the next_offset that the caller believes in: 0 of a stream
 *                    that does not exist.  SEGLOG_OFFSET_ANY: whatever it is
 *   prev_hash        the head the caller believes in.  NULL, or len 0: no event
 *                    is before these; with SEGLOG_OFFSET_ANY: whatever it is
 *   is_synced        return after SYNC.  Without effect in memory.
 *   end              next_offset is the offset of the first event + count, hash
 *                    that of the last one.  On CONFLICT: what they really are,
 *                    hash.len 0 if there is no event.  May be NULL.
 * Returns
 *   CONFLICT   the stream does not end where, or as, it was expected:
 *              err->actual is its next_offset
 *   TOO_LARGE  the batch needs more than a frame may have, 2^body_log2 bytes
 *              of its segment with 1 to 5 bytes for each event: err->actual is
 *              that limit.  Make several of it: what is one step is one frame
 *   CORRUPT    the end of the stream is damaged, so that its head is not known:
 *              seglog_stream_mend.  Damage anywhere else does not keep from
 *              appending
 *   NO_SPACE, IO  none of the events is there
 *   POISONED   a sync, or undoing a write, has failed: whether they are there,
 *              and durable, is unknown.  The stream is opened anew by the next
 *              call that names it
 * Order       of two calls side by side either may come first.  A call that
 *             begins after another has returned comes behind it.
 * Durability  as is_synced says; with it, of all that was appended before too
 * Sharing     calls of several threads to one stream that come while a write or
 *             sync is under way are written by one write and synced by one
 *             sync, each batch in a frame of its own with its own outcome.  The
 *             first does not wait for others to come.  Syncs of different
 *             streams run side by side.
 * Cost        a lock, a write, an unlock; the hash of the events; and of what
 *             others have appended since this handle last did.  The first call
 *             of a stream reads one sync interval at most.  The batch that
 *             fills a segment begins the next one, with four syncs; if that
 *             fails, the batch is there all the same, and the next one tries
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_append_batch(struct seglog_streams streams, uint64_t stream,
                           const struct seglog_slice *events, size_t count,
                           uint64_t expected_offset,
                           const struct seglog_chain_hash *prev_hash,
                           bool is_synced, struct seglog_stream_end *end,
                           struct seglog_error *err);

/*
 * Read events in order, as long as fewer than max_bytes bytes of payload have
 * been read: so the last one may cross that, and there is at least one, where
 * there are any and max_bytes is not 0.
 *
 *   from_offset  at or beyond the end: there are none.  So has a stream that
 *                does not exist.
 *   events       an array to be freed with seglog_free; the bytes go with it.
 *                NULL if there are none.  One whose payload was dropped is
 *                there with is_dropped set, and no bytes.
 * The chain is computed from the checkpoint at or before from_offset to the
 * last event, and compared with each checkpoint that is passed.  That tells
 * damage and clumsy changes; what was forged together with its checkpoints is
 * told by seglog_stream_verify with a head kept elsewhere, or signed.
 * Returns
 *   NOT_FOUND  from_offset was trimmed: err->actual is the first that there is
 *   CORRUPT    an event asked for is damaged or missing, or the chain does not
 *              lead to a checkpoint that is passed: nothing is returned.
 *              err->record_no is the first record concerned, err->actual its
 *              offset, err->name the segment.  Events elsewhere can be read:
 *              damage between the checkpoint and from_offset does not keep from
 *              reading what is behind it, which is compared from the next
 *              checkpoint on
 * Cost       O(log n): one read for a new segment, some small ones to find the
 *            checkpoint, and what is between it and from_offset (of a sealed
 *            segment a block); then what is read.  Memory: what is returned
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_read_from(struct seglog_streams streams, uint64_t stream,
                        uint64_t from_offset, uint64_t max_bytes,
                        struct seglog_stream_event **events, size_t *count,
                        struct seglog_error *err);

/*
 * Where a stream ends: what append_batch wants to be told next.  A stream that
 * does not exist ends at 0 and has no hash, which is no error.
 *
 * Returns CORRUPT as append_batch does.
 * Cost  at most a sync interval is read and hashed, also right after a restart
 *       and a rotation, however many segments there are
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_latest_chain_hash(struct seglog_streams streams, uint64_t stream,
                                struct seglog_stream_end *end,
                                struct seglog_error *err);

/* How many segments a stream lies in, the growing one included, which may be
 * empty; 0: it does not exist. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_segment_count(struct seglog_streams streams, uint64_t stream,
                            size_t *count, struct seglog_error *err);

/*
 * The numbers of the segments that take no more events, ascending: all but the
 * last.  They begin with 0, or a later number if the stream was trimmed; where
 * segments were merged the lowest number stays.
 * numbers is to be freed with seglog_free; NULL if there are none.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_completed_segments(struct seglog_streams streams, uint64_t stream,
                                 uint32_t **numbers, size_t *count,
                                 struct seglog_error *err);

/*
 * Sync all streams that this handle has appended to since it last did, and what
 * is remembered about them.  Goes on after a failure, and returns the first.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_streams_flush_indexes(struct seglog_streams streams,
                             struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Below: what the streams of seglog_streams_open can besides.  INVALID for
 * those of another backend.
 */

/* Called for each stream, ids ascending; return false to stop. */
typedef bool (*seglog_stream_list_fn)(void *arg, uint64_t stream);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_streams_list(struct seglog_streams streams, seglog_stream_list_fn fn,
                    void *arg, struct seglog_error *err);

/* Does this byte store hold streams?  By the names of its blobs. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_streams_detect(struct seglog_store store, bool *is_one,
                      struct seglog_error *err);

struct seglog_stream_info {
    uint8_t identity[SEGLOG_IDENTITY_BYTES]; /* random, of the stream */
    enum seglog_chain chain;
    uint64_t begin; /* the first offset: 0, unless it was trimmed */
    struct seglog_stream_end end;
    uint64_t checkpoint; /* offset of the last one */
    uint64_t segments;
    uint64_t sealed; /* of them */
    uint64_t bytes;  /* as stored */
};

/* NOT_FOUND; CORRUPT as append_batch. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_get_info(struct seglog_streams streams, uint64_t stream,
                       struct seglog_stream_info *info,
                       struct seglog_error *err);

/*
 * The segment that holds an event: its blob can be read, scanned and exported
 * like any other (seglog/segment.h).
 * NOT_FOUND: there is no such event; of one that was trimmed err->actual is the
 * first that there is.
 */
#define SEGLOG_STREAM_NAME_CAP 80
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_find_segment(struct seglog_streams streams, uint64_t stream,
                           uint64_t offset, char name[SEGLOG_STREAM_NAME_CAP],
                           uint32_t *number, struct seglog_error *err);

/* -- waiting --------------------------------------------------------------- */

/*
 * Wait until the stream has an event at next_offset, or behind it, by whatever
 * process; also while segments begin, or are merged, sealed or mended.  One
 * that does not exist may be begun meanwhile.  What is appended between a read
 * that gave nothing and this call is not missed.
 *
 *   timeout_ms  negative: no limit; 0: look
 * Returns
 *   OK       read_from(next_offset) says what is there
 *   END      there is none yet: timeout_ms have passed, or a signal came
 *   CORRUPT  as append_batch does
 * Threads  any number may wait, for the same stream or others, while others
 *          append; a wait that has no limit ends with an event, an error or a
 *          signal alone
 * Cost     a listing, a segment opened, and a sync interval read at most; the
 *          same again each time the stream changes.  Nothing in between where
 *          the byte store has `wait`.  Only where nothing can wake it does it
 *          look anew after 1 to 50 ms: as long as there is no such stream, and
 *          behind the closing mark of whoever has closed the stream or begins
 *          the next segment
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_wait(struct seglog_streams streams, uint64_t stream,
                   uint64_t next_offset, int timeout_ms,
                   struct seglog_error *err);

/* -- checkpoints ----------------------------------------------------------- */

/*
 * Make a checkpoint at the end, unless one is there: from it on reading and
 * verifying can begin.  They are made by themselves (checkpoint_events, close,
 * rotation).  Synced when it returns.  NOT_FOUND: there is no such stream.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_make_checkpoint(struct seglog_streams streams, uint64_t stream,
                              struct seglog_stream_end *end,
                              struct seglog_error *err);

/*
 * The last checkpoint at or before an offset; UINT64_MAX: the last of all.
 * There is one where the stream begins.  Its head is what it says, not verified.
 * NOT_FOUND: there is no such stream; or it was trimmed and begins behind, at
 * err->actual.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_find_checkpoint(struct seglog_streams streams, uint64_t stream,
                              uint64_t offset, struct seglog_stream_end *at,
                              struct seglog_error *err);

/*
 * Begin a new segment, whatever the size of the growing one, unless that is
 * empty.  Synced, with a checkpoint at the end of the one before, when it
 * returns.  NOT_FOUND: there is no such stream.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_rotate(struct seglog_streams streams, uint64_t stream,
                     struct seglog_error *err);

/* -- verifying ------------------------------------------------------------- */

/* What is wrong with a stream. */
enum seglog_stream_fault {
    SEGLOG_STREAM_FAULT_NONE = 0,
    SEGLOG_STREAM_FAULT_DAMAGE = 1, /* of a segment: finding says what */
    SEGLOG_STREAM_FAULT_CHAIN = 2,  /* events do not lead to the head that
                                      * stands behind them */
    SEGLOG_STREAM_FAULT_LINK = 3,   /* a segment is missing, or does not go on
                                      * where the one before it ends */
    SEGLOG_STREAM_FAULT_KEPT = 4,   /* another head was kept elsewhere */
    SEGLOG_STREAM_FAULT_SHORT = 5,  /* it ends before a head that was kept */
    SEGLOG_STREAM_FAULT_SIGNATURE = 6, /* not by this key, or of another head */
    SEGLOG_STREAM_FAULT_DROPPED = 7, /* a payload is gone, without tombstone or
                                      * with one that says something else */
    SEGLOG_STREAM_FAULT_MENDED = 8   /* the chain began anew behind a loss */
};

/* Stable names: "chain", "link".  Never NULL. */
SEGLOG_API const char *
seglog_stream_fault_name(enum seglog_stream_fault fault);

struct seglog_stream_finding {
    enum seglog_stream_fault fault;
    uint32_t segment; /* its number */
    bool has_offsets;
    uint64_t first_offset; /* the first event that is not vouched for */
    uint64_t last_offset;  /* the last one: the next head is right again */
    struct seglog_finding finding; /* DAMAGE: with record numbers */
};

/* A head that was kept elsewhere, perhaps signed. */
struct seglog_kept_head {
    struct seglog_stream_end end;
    bool is_signed;
    uint8_t signature[SEGLOG_SIGNATURE_BYTES];
};

struct seglog_stream_verify_options {
    size_t size;
    /* From the checkpoint at or before it, whose head is believed; 0: all.  One
     * that was trimmed begins at its beginning, with the head that was
     * remembered then: another one is a LINK. */
    uint64_t from_offset;
    /* Each must be a head that the stream has had at that offset (by
     * tombstones there may be several).  One with the head of the end proves
     * that nothing before was changed, and nothing cut.  One of what was trimmed
     * is not looked at; one of where the stream begins counts, unless what was
     * trimmed has ended with tombstones. */
    const struct seglog_kept_head *kept;
    size_t kept_count;
    /* An Ed25519 key of SEGLOG_SIGN_KEY_BYTES: every signature that is found,
     * or kept, must be by it; NULL: they are counted only. */
    const uint8_t *public_key;
    unsigned threads; /* 0: as many as processors, 4 at most; 1: the caller's */
    /* In the order of offsets; return false to stop. */
    bool (*on_finding)(void *arg, const struct seglog_stream_finding *finding);
    /* Called now and then, with bytes done and in all. */
    bool (*on_progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
};

struct seglog_stream_verified {
    bool is_good;    /* nothing was found */
    bool is_stopped; /* a callback returned false */
    /* Of those found, the first that names events; else the first. */
    struct seglog_stream_finding first;
    uint64_t findings;
    uint64_t from_offset; /* where it began */
    struct seglog_stream_end end;
    uint64_t events;  /* verified */
    uint64_t dropped; /* of them, those whose payload is gone on purpose */
    uint64_t checkpoints;
    uint64_t segments;
    uint64_t signatures;
    uint64_t signed_offset; /* next_offset of the last signed head; 0: none */
    uint64_t bytes_read;    /* as stored */
};

/*
 * Compute the chain anew and compare it with every head that stands in the
 * stream.  Others may append meanwhile: it verifies to the end that there was.
 * Changes nothing.
 *
 * Returns OK also for a stream that is not good.  NOT_FOUND; INVALID for a key
 * where the build has no OpenSSL.
 * Not told by a stream alone: that it was cut at its end between two events, or
 * rewritten with all its heads by somebody who can compute them.  A head of the
 * end kept elsewhere tells both; a signature tells them of what is before it.
 * Cost    reads everything once; a segment is done by one thread.  Memory: as a
 *         reader, for each thread
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_verify(struct seglog_streams streams, uint64_t stream,
                     const struct seglog_stream_verify_options *options,
                     struct seglog_stream_verified *result,
                     struct seglog_error *err);

/* -- signatures ------------------------------------------------------------ */

/*
 * Read an Ed25519 key from a file: PEM as `openssl genpkey -algorithm ed25519`
 * writes it (the public key of `openssl pkey -pubout`), or 32 bytes, or 64
 * hexadecimal digits.  INVALID for anything else, and without OpenSSL.
 * seglog_store_key_wipe forgets it.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_sign_key_read(const char *path, bool is_private,
                     uint8_t key[SEGLOG_SIGN_KEY_BYTES],
                     struct seglog_error *err);

/*
 * Sign the head of the end, to be kept elsewhere.  What is signed names the
 * stream by its identity, the chain and the offset (SPEC.md 16.6): it is good
 * for nothing else.  NOT_FOUND: no event is there.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_sign(struct seglog_streams streams, uint64_t stream,
                   const uint8_t private_key[SEGLOG_SIGN_KEY_BYTES],
                   struct seglog_kept_head *kept, struct seglog_error *err);

/*
 * A kept head as a line of text, "OFFSET HEX" or "OFFSET HEX SIGNATURE", and
 * back (the hash alone is INVALID here: it has no offset).
 */
#define SEGLOG_KEPT_HEAD_CAP 256
SEGLOG_API void
seglog_kept_head_format(const struct seglog_kept_head *kept,
                        char text[SEGLOG_KEPT_HEAD_CAP]);
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_kept_head_parse(const char *text, struct seglog_kept_head *kept,
                       struct seglog_error *err);

/* -- tombstones and compaction --------------------------------------------- */

/*
 * Mark an event: the next compaction of its segment drops its payload.  Until
 * then it can be read.  The tombstone is chained, and says the hashes before
 * and of the event: so every later head vouches for what was dropped, and for
 * all before it.  The head moves, next_offset does not: an appender that
 * expects the old head gets CONFLICT.  Synced when it returns.
 *
 *   end  as of append_batch; may be NULL
 * Returns
 *   NOT_FOUND  there is no such event; of one that was trimmed err->actual is
 *              the first that there is
 *   EXISTS     it has a tombstone already
 *   CORRUPT    it, or the chain from the checkpoint before it, is damaged
 * Cost  as reading the event, and as a synced append.  The first call of a
 *       handle reads the stream once, to know which tombstones there are, the
 *       next ones what has come since; 80 bytes for each are kept, twice
 *       that now and then.  With n of them that is O(log n) more for each, in
 *       whatever order they come
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_tombstone(struct seglog_streams streams, uint64_t stream,
                        uint64_t offset, struct seglog_stream_end *end,
                        struct seglog_error *err);

struct seglog_stream_compact_options {
    size_t size;
    /* Rotate first, so that what is in the growing segment is compacted as
     * well. */
    bool rotates;
    /* Neighbours are merged as long as they have no more bytes, as stored, than
     * this.  0: SEGLOG_STREAM_MERGE; 1: none is. */
    uint64_t merge_bytes;
    unsigned merge_min; /* ... if there are so many of them; 0: 4 */
    bool keeps_dropped; /* leave the payloads of marked events for later */
    /* As in seglog_seal_options; block_bytes 0: SEGLOG_STREAM_BLOCK. */
    int level;
    size_t block_bytes;
    size_t memory_max;
    unsigned threads;
    /* An Ed25519 key of SEGLOG_SIGN_KEY_BYTES: sign the head at the end of each
     * completed segment; one that has a signature there, by whomever, is left
     * alone.  NULL: none is signed. */
    const uint8_t *private_key;
    bool (*on_progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
};

struct seglog_stream_compacted {
    uint64_t segments_before; /* completed ones */
    uint64_t segments_after;
    uint64_t bytes_before;
    uint64_t bytes_after;
    uint64_t written; /* segments that were written anew */
    uint64_t events;  /* that these hold */
    uint64_t dropped; /* events whose payload went */
};

/*
 * Make the completed segments of a stream small (seglog/seal.h), merge small
 * ones, drop the payloads of marked events and sign.  Offsets and heads stay.
 * Others read and append meanwhile.  A segment that needs nothing is left
 * alone.  With merge_bytes 1 and keeps_dropped each is sealed in its place, and
 * that is all.
 * The chain of what is read is verified, and what was written is read back and
 * compared, before anything is replaced.
 *
 * Returns
 *   NOT_FOUND
 *   CORRUPT    a segment has lost events, or its chain is damaged; what was done
 *              before it stays done.  It is never merged, and none of it is
 *              dropped.  Also where one is damaged that was not to be written,
 *              when all else is done: a tombstone may be lost in it.  Damage
 *              that has cost nothing is no such thing, and goes
 *   LOCKED     somebody else compacts this stream
 *   END        on_progress returned false; likewise
 *   INVALID    an option out of range, this build has no zstd, or for a key no
 *              OpenSSL
 * Durability a segment is on the device before the ones that it stands for go.
 *            Killed at any instant it leaves the old segments or the new one,
 *            and perhaps both: then the old ones are not looked at, and removed
 *            by the next compaction
 * Secrecy    no segment of the stream holds a dropped payload when this returns
 *            OK, and no NAME.torn, NAME.new or NAME.sealing of one that is not
 *            the last (they are removed, unless keeps_dropped).  A NAME.damaged
 *            that somebody has set aside is not touched; what the device keeps
 *            of removed files, and copies, are beyond it.  Its hash stays: a
 *            payload that can be guessed can be confirmed
 * Cost       time and memory as of seglog_segment_seal; space for the largest
 *            segment that is written; and, unless keeps_dropped, the stream is
 *            read once before, for its tombstones: 80 bytes for each
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_compact(struct seglog_streams streams, uint64_t stream,
                      const struct seglog_stream_compact_options *options,
                      struct seglog_stream_compacted *result,
                      struct seglog_error *err);

/* -- trimming -------------------------------------------------------------- */

struct seglog_stream_trimmed {
    uint64_t begin;    /* the first offset that is left */
    uint64_t segments; /* that were removed, also of an earlier attempt */
    uint64_t bytes;    /* that these took, with what lay beside them */
};

/*
 * Remove the segments at the beginning that hold nothing but events before an
 * offset.  The one that grows stays (seglog_stream_rotate).  Offsets and heads
 * are what they were: the stream begins later, and the head there is remembered
 * and believed.  Whoever has it open, in any process, reads on, and gets
 * NOT_FOUND for what is gone.  Others read and append meanwhile.
 *
 *   before_offset  UINT64_MAX: all but the segment that grows
 *   result         also on failure, of what was done; may be NULL
 * Returns
 *   NOT_FOUND  there is no such stream
 *   CORRUPT    the segment that would be first is damaged at its beginning, so
 *              that no head is known there: nothing is removed
 *   LOCKED     somebody compacts or trims it
 * Durability what stays is on the device, and where the stream begins is, before
 *            anything goes.  Killed at any instant, or with the power cut, it
 *            leaves the stream as it was, or trimmed; what is left over is not
 *            looked at, and removed by the next one or by a compaction
 * Secrecy    NAME.damaged, which a mending has set aside, is not touched
 * Cost       two segments are opened and the end of one is read; a lock and a
 *            removal for each that goes.  A stream that was trimmed has a small
 *            blob more, which is read whenever its segments are listed
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_trim(struct seglog_streams streams, uint64_t stream,
                   uint64_t before_offset, struct seglog_stream_trimmed *result,
                   struct seglog_error *err);

/* -- mending --------------------------------------------------------------- */

enum seglog_stream_mend {
    /* The stream ends before the first event that is lost.  Those behind it
     * are in the blob NAME.damaged, and there alone. */
    SEGLOG_STREAM_MEND_CUT = 0,
    /* Events behind the loss keep their offsets.  The chain begins anew behind
     * it: verify says DAMAGE and MENDED there, and heads kept of later offsets
     * are not heads of this stream any more; signatures behind it go. */
    SEGLOG_STREAM_MEND_RESUME = 1,
    /* As CUT, also where the head behind the loss is known, so that nothing
     * keeps from appending: at the first event that is lost of the last
     * segment, as damage or recorded as a loss; not at what was dropped.  For
     * who has no use for events behind a lost one: a canonical store
     * (canonical.h) is its state before that then. */
    SEGLOG_STREAM_MEND_CUT_FIRST = 2
};

struct seglog_stream_mended {
    struct seglog_stream_end end;
    uint64_t first_lost; /* offset; the end if no event is lost */
    uint64_t lost;       /* events that are in the stream no more */
    uint64_t set_aside;  /* if cut: of them, those in NAME.damaged */
    char name[SEGLOG_STREAM_NAME_CAP + 16]; /* that blob; "": there is none */
    uint64_t unreadable; /* bytes that are zeros there (encrypted stores) */
};

/*
 * Make a stream whose end is damaged take events again.  Only ever asked for:
 * nothing that was acknowledged goes without it.  The damaged segment is kept
 * whole as NAME.damaged (EXISTS if there is another one), the mended one is
 * written beside it, synced, read back, and put in its place.  NAME.damaged is
 * the caller's to remove: nobody reads it, and what is dropped from the stream
 * later is in it still.  Of an encrypted store, what does not authenticate is
 * zeros in both: who wants it as it lies in the store below copies it there
 * before.  Damage in front of a head that is known stays as it
 * is: events there cannot be read, and keep nobody from appending.  Events that
 * were marked to be dropped (seglog_stream_tombstone) stay so, also if the mark
 * is behind the loss.  Where nothing but a mark is lost, no event is, in either
 * way; but heads kept of later offsets are not heads of this stream any more.
 *
 * Returns
 *   OK         with name "" and lost 0 if nothing kept from appending; of
 *              CUT_FIRST, if no event of the last segment is lost
 *   EXISTS     NAME.damaged is there, of another time
 *   CORRUPT    no head is known in the last segment, nor at the end of the one
 *              before it; or its header is lost, and no segment says any more
 *              which stream it is: put back a copy of one of them
 *   AUTH       of an encrypted store: more than 4096 ranges of it do not
 *              authenticate; put back a copy of it
 *   NOT_FOUND
 * Cost  the last segment is read four times and written twice
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stream_mend(struct seglog_streams streams, uint64_t stream,
                   enum seglog_stream_mend how,
                   struct seglog_stream_mended *result,
                   struct seglog_error *err);

/* -- scrubbing ------------------------------------------------------------- */

#define SEGLOG_SCRUB_RATE (UINT64_C(10) << 20) /* default */

struct seglog_scrub_options {
    size_t size;
    uint64_t bytes_per_s; /* as stored; 0: SEGLOG_SCRUB_RATE */
    bool once;            /* stop at the end of the tour */
    unsigned pause_s;     /* between two tours; 0: none */
    /* By the thread of the scrubber; name is that of the blob. */
    void (*on_finding)(void *arg, uint64_t stream, const char *name,
                       const struct seglog_stream_finding *finding);
    void *arg;
    /* The same of a segment of a session (seglog/session.h), behind all streams;
     * NULL: those are not looked at. */
    void (*on_lane_finding)(void *arg, const char *name,
                            const struct seglog_finding *finding);
};

struct seglog_scrub_state {
    bool is_running; /* false: stopped, failed, or (once) done */
    uint64_t stream; /* where it is; 0 and 0: between two, or at sessions */
    uint64_t offset;
    uint64_t tours;    /* completed, by whomever */
    uint64_t bytes;    /* read by this one */
    uint64_t findings; /* of this tour; between two, of the one before */
    seglog_code code;  /* why it ended; OK */
};

struct seglog_scrubber;

/*
 * Verify all streams in a thread of its own, stream by stream and checkpoint by
 * checkpoint, at a bounded rate; over any second it reads no more than
 * bytes_per_s and one step (256 KiB) besides.  Where it is is remembered in the
 * store (scrub.seg) at the end of each segment, each 10 seconds and at the end:
 * whoever comes next, in whatever process, goes on there, and may tell once
 * more what was found behind the last checkpoint before it.  What is remembered
 * of other streams, or damaged, is not believed: the tour begins anew.  A
 * read-only store remembers nothing.  Heads are compared as by
 * seglog_stream_verify, without kept ones and keys.
 *
 * A segment that cannot be read, or is none, is a finding (DAMAGE, without
 * offsets); it goes on with the next.
 *
 * With on_lane_finding the segments of sessions, all lanes of them, come behind
 * the streams, by name, each as seglog_scan reads it; a torn tail is none.  Whoever
 * comes next goes on behind the last one that is done.
 *
 * Returns LOCKED if one is at work, in any process.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_scrub_start(struct seglog_streams streams,
                   const struct seglog_scrub_options *options,
                   struct seglog_scrubber **scrubber, struct seglog_error *err);

SEGLOG_API void
seglog_scrub_get_state(struct seglog_scrubber *scrubber,
                       struct seglog_scrub_state *state);

/* Wait for the end of the thread: with once, for the end of the tour;
 * timeout_ms negative: no limit.  END: it is still running. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_scrub_wait(struct seglog_scrubber *scrubber, int timeout_ms,
                  struct seglog_error *err);

/* Stop, remember where, free it.  Before the streams are closed.  Returns why
 * it had ended by itself, or could not remember.  Accepts NULL. */
SEGLOG_API seglog_code
seglog_scrub_stop(struct seglog_scrubber *scrubber, struct seglog_error *err);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_STREAM_H */
