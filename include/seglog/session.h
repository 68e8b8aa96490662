/* SPDX-License-Identifier: MIT */
/*
 * seglog/session.h - a store of sessions, in place of a folder of .jsonl files.
 *
 * A session is a set of segments; a segment is one log of entries; an entry is
 * one JSON value on one line.  Segments are cut from or follow each other
 * (lineage): a fork, a compaction, the continuation of a damaged one.
 *
 * In the byte store (seglog/store.h) each segment is a blob of its own in the
 * format of SPEC.md: SESSION.SEGMENT.seg; SPEC.md 14 has the rest.  The session
 * index, index.seg, is derived from them: it may be deleted at any time.
 *
 * Ids      UUIDs (seglog/uuid.h).  Calls that take a session and a segment
 *          accept NULL for the session: it is found by the segment; where
 *          nothing is found and something is created, the session gets the id
 *          of the segment.
 * Units    record numbers and turns count as stated; times are ms since
 *          1970-01-01 UTC
 * Threads  a session store is shared by any number of threads; many processes
 *          may have the same store open.  Readers and writers that are handed
 *          out are used by one thread at a time.
 * Damage   costs the records it touches.  In a compressed segment it costs what
 *          stands behind it as well, up to the next sync point, which is at
 *          most one sync interval of the file: entries and traces, not the
 *          index, names and notes, which are never compressed.
 * Level    appends return after FLUSH: every process sees the entry at once,
 *          and it survives the death of this one.  After SYNC where asked, by
 *          store or by call; then it survives a power failure.
 * Errors   besides what each call names: IO, NO_SPACE, NO_MEMORY, INVALID (bad
 *          argument), READ_ONLY, LOCKED (somebody held a lock too long)
 * Since    0.1
 */
#ifndef SEGLOG_SESSION_H
#define SEGLOG_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/replay.h"
#include "seglog/seal.h"
#include "seglog/segment.h"
#include "seglog/dictionary.h"
#include "seglog/slice.h"
#include "seglog/store.h"
#include "seglog/uuid.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of the caller's own bytes that a session carries, and a label. */
#define SEGLOG_SESSION_NOTE_MAX  1024
#define SEGLOG_SESSION_LABEL_MAX 8192
#define SEGLOG_NAME_MAX          4096
#define SEGLOG_NAMED_DATA_MAX    (4 * 1024 * 1024)

/* ---------------------------------------------------------------------------
 * The store
 */

struct seglog_session_store;

struct seglog_session_store_options {
    size_t size;
    enum seglog_level level; /* of appends: FLUSH (0) or SYNC */
    bool is_read_only;
    bool accepts_raw;    /* entries need not be JSON */
    bool rolls_over;     /* append to a damaged or sealed segment: go on in a
                          * new one */
    int lock_timeout_ms; /* 0: 10 seconds; negative: wait for ever */
    uint8_t body_log2;   /* of new segments; 0: 27, entries of 128 MiB */
    uint8_t sync_log2;   /* of new segments; 0: SEGLOG_SYNC_LOG2_DEFAULT */
    unsigned open_max;   /* segments kept open for appending; 0: 64 */
    /* Of segments and traces that are made from now on, whoever makes them:
     * an append, a fork, a roll-over; those that are there stay what they are.
     * Each append is compressed by itself, against those before it, and is in
     * the segment when it returns.  0: as they are. */
    enum seglog_codec codec;
    /* 1 to 9 for DEFLATE, else to 19; 0: the default.  Also for segments that
     * are there. */
    uint8_t level_of_codec;
};

/*
 * Open a session store, or begin one: any byte store will do.  The byte store
 * stays the caller's and must outlive it.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_store_open(struct seglog_store store,
                          const struct seglog_session_store_options *options,
                          struct seglog_session_store **sessions,
                          struct seglog_error *err);

/*
 * The same in a folder.  It is created, readable by its owner only, unless
 * is_read_only is set (NOT_FOUND); so are the files in it.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_store_open_dir(
    const char *dir, const struct seglog_session_store_options *options,
    struct seglog_session_store **sessions, struct seglog_error *err);

/* Appends have been flushed; nothing else uses it any more.  Accepts NULL. */
SEGLOG_API seglog_code
seglog_session_store_close(struct seglog_session_store *sessions,
                           struct seglog_error *err);

/* Where the blobs are; it goes with the session store if that made it. */
SEGLOG_API struct seglog_store
seglog_session_store_get_store(const struct seglog_session_store *sessions);

/* One line for logs. */
SEGLOG_API void
seglog_session_store_describe(const struct seglog_session_store *sessions,
                              char *buf, size_t cap);

/*
 * The dictionary (seglog/dictionary.h) that new segments are made with; it must
 * be in the same byte store.  NULL: none.  It serves those whose entries are
 * compressed (options->codec).  One that has gone missing since does not stop
 * new segments: they are made without.
 *
 * Returns NOT_FOUND, CORRUPT, INVALID as it is not there, not right, or not the
 * name of one.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_store_set_dictionary(struct seglog_session_store *sessions,
                                    const char *name, struct seglog_error *err);
/* An empty name: there is none. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_store_get_dictionary(struct seglog_session_store *sessions,
                                    char name[SEGLOG_DICTIONARY_NAME_BYTES],
                                    struct seglog_error *err);

/* Does this byte store hold a session store?  By the names of its blobs. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_store_detect(struct seglog_store store, bool *is_one,
                            struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Lanes: what belongs to one segment of a session
 */

enum seglog_lane {
    SEGLOG_LANE_ENTRIES = 0,
    SEGLOG_LANE_TRACE = 1, /* debug events; never counted, never cut */
    SEGLOG_LANE_NOTES = 2  /* kind, time and turn of the entries; derived */
};

#define SEGLOG_LANE_NAME_CAP 96

/* The name of the blob.  Returns name. */
SEGLOG_API char *
seglog_lane_name(const struct seglog_uuid *session,
                 const struct seglog_uuid *segment, enum seglog_lane lane,
                 char name[SEGLOG_LANE_NAME_CAP]);

/* The other way round; false if it is no such name. */
SEGLOG_API bool
seglog_lane_parse(const char *name, struct seglog_uuid *session,
                  struct seglog_uuid *segment, enum seglog_lane *lane);

/* ---------------------------------------------------------------------------
 * Appending
 */

/* Append only if the segment stands here.  Zeroed: wherever it stands. */
struct seglog_expect {
    bool has_count;
    bool has_head;
    uint64_t count; /* entries */
    struct seglog_head head;
};

struct seglog_session_append_options {
    size_t size;
    bool is_synced;   /* SYNC, whatever the store's level */
    bool accepts_raw; /* as in the store's options, for this call */
    bool rolls_over;
    struct seglog_expect expect;
};

struct seglog_appended {
    uint64_t first_record; /* of the entries appended */
    uint64_t count;        /* entries in the segment now */
    struct seglog_head head;
    struct seglog_uuid segment; /* another one if it rolled over */
    bool rolled_over;
};

/*
 * Append one entry, creating session and segment where they are missing.
 *
 *   data     one JSON value without line feeds (RFC 8259, UTF-8).  Raw: any
 *            bytes; those with a line feed become a BYTES record.
 *   options  NULL: as the store
 *   done     where it stands; may be NULL
 * Returns
 *   INVALID    not one JSON value: err->offset is the byte, the message why
 *   TOO_LARGE  over 2^body_log2 bytes
 *   CONFLICT   the segment is not where it was expected: err->actual is the
 *              count it has, done->count and done->head are filled, nothing
 *              was appended.  A missing segment has count 0.
 *   CORRUPT    the segment is damaged at its end: `seglog repair` mends it;
 *              with rolls_over the entry goes to a new segment that continues
 *              this one
 *   SEALED     it is sealed: begin a new segment that continues it, or, with
 *              rolls_over, the entry goes to one as after damage
 * Anything but OK: nothing of the entry is in the segment, except after
 * POISONED, where that is unknown.
 * Cost  a lock, a write, an unlock, about the time of the JSON check
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_append(struct seglog_session_store *sessions,
                      const struct seglog_uuid *session,
                      const struct seglog_uuid *segment, const void *data,
                      size_t len,
                      const struct seglog_session_append_options *options,
                      struct seglog_appended *done, struct seglog_error *err);

/*
 * The same for several entries at once: after any crash all of them are there
 * or none is.  Count 0 is INVALID.  err->record_no counts within entries.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_append_many(struct seglog_session_store *sessions,
                           const struct seglog_uuid *session,
                           const struct seglog_uuid *segment,
                           const struct seglog_slice *entries, size_t count,
                           const struct seglog_session_append_options *options,
                           struct seglog_appended *done,
                           struct seglog_error *err);

/* Append to the trace lane, whether the segment exists or not. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_append_trace(struct seglog_session_store *sessions,
                            const struct seglog_uuid *session,
                            const struct seglog_uuid *segment, const void *data,
                            size_t len, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Segments
 */

/* On disk: never renumber (SPEC.md 14). */
enum seglog_lineage_kind {
    SEGLOG_LINEAGE_NONE = 0,
    SEGLOG_LINEAGE_FORKED_FROM = 1,
    SEGLOG_LINEAGE_COMPACTED_FROM = 2,
    SEGLOG_LINEAGE_CONTINUES = 3, /* the other one was damaged or sealed */
    SEGLOG_LINEAGE_REPLACES = 4   /* a file that was imported was rewritten */
};

struct seglog_lineage {
    enum seglog_lineage_kind kind;
    struct seglog_uuid segment;
    uint64_t at_turn;   /* as the caller counts turns */
    uint64_t at_record; /* last record of the other one that counts */
};

struct seglog_segment_new {
    size_t size;
    const struct seglog_slice *entries; /* may be none */
    size_t count;
    struct seglog_lineage lineage;
    struct seglog_slice label; /* any bytes, such as where it came from */
    bool accepts_raw;
};

/*
 * Create a segment, with its first entries: all of them or no segment at all.
 * Synced when it returns.
 *
 *   options  NULL: empty, no lineage
 * Returns EXISTS if there is one of that name; INVALID as append does.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_create_segment(struct seglog_session_store *sessions,
                              const struct seglog_uuid *session,
                              const struct seglog_uuid *segment,
                              const struct seglog_segment_new *options,
                              struct seglog_error *err);

/* A lane without entries does not make a segment exist. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_exists(struct seglog_session_store *sessions,
                      const struct seglog_uuid *session,
                      const struct seglog_uuid *segment, bool *exists,
                      struct seglog_error *err);

/* NOT_FOUND.  Cost: O(1) reads, whatever the size.  head may be NULL. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_read_entry_count(struct seglog_session_store *sessions,
                                const struct seglog_uuid *session,
                                const struct seglog_uuid *segment,
                                uint64_t *count, struct seglog_head *head,
                                struct seglog_error *err);

/*
 * Cut a segment back to its first `count` entries.  Synced when it returns.
 * The trace lane stays.
 *
 *   expect  only if it stands here; NULL: wherever
 * Returns INVALID if it has fewer (err->actual: how many), CONFLICT, SEALED,
 * NOT_FOUND, CORRUPT (nothing is cut).  After IO, NO_SPACE and POISONED it may
 * be cut all the same: read the count.
 * Cost  O(log size + what is cut); see seglog_writer_truncate for groups
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_truncate(struct seglog_session_store *sessions,
                        const struct seglog_uuid *session,
                        const struct seglog_uuid *segment, uint64_t count,
                        const struct seglog_expect *expect,
                        struct seglog_error *err);

/*
 * All lanes of it.  existed may be NULL; a missing one is no error.
 * Returns CONFLICT, naming it, while a sealed segment refers to this one.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_delete_segment(struct seglog_session_store *sessions,
                              const struct seglog_uuid *session,
                              const struct seglog_uuid *segment, bool *existed,
                              struct seglog_error *err);

/* All its segments and its note; CONFLICT while a sealed segment of another
 * session refers to one of them, and then all of them stay. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_delete(struct seglog_session_store *sessions,
                      const struct seglog_uuid *session, bool *existed,
                      struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Reading
 */

/*
 * Every entry of a segment, or an error and none.
 *
 *   entries  an array to be freed with seglog_free; the bytes go with it
 * Returns NOT_FOUND; CORRUPT with the record, line, byte and blob of the first
 * damage (a torn tail is none).
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_read_all(struct seglog_session_store *sessions,
                        const struct seglog_uuid *session,
                        const struct seglog_uuid *segment,
                        enum seglog_lane lane, struct seglog_slice **entries,
                        size_t *count, struct seglog_error *err);

/*
 * A reader on a lane: strict or salvaging, from any record, waiting for more
 * (seglog/segment.h).  It outlives the session store's mutexes but not its byte
 * store.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_open_reader(struct seglog_session_store *sessions,
                           const struct seglog_uuid *session,
                           const struct seglog_uuid *segment,
                           enum seglog_lane lane,
                           const struct seglog_reader_options *options,
                           struct seglog_reader **reader,
                           struct seglog_error *err);

/*
 * A writer on an existing segment, for those who want to buffer, or to keep
 * the lock: seglog/segment.h says how.  Entries are not checked to be JSON.
 * To cut, use seglog_session_truncate: it knows of the notes.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_open_writer(struct seglog_session_store *sessions,
                           const struct seglog_uuid *session,
                           const struct seglog_uuid *segment,
                           enum seglog_writer_mode mode,
                           struct seglog_writer **writer,
                           struct seglog_error *err);

/* What is known of an entry without parsing it again. */
struct seglog_entry_note {
    uint64_t record_no;
    int64_t ts_ms;  /* INT64_MIN: it has none */
    uint64_t turn;  /* turn_count of the last turn_end up to here */
    bool ends_turn; /* it is a turn_end */
    char kind[48];  /* "kind", else "type" of the entry, else empty */
};

/* Called for each entry; return false to stop. */
typedef bool (*seglog_entry_note_fn)(void *arg,
                                     const struct seglog_entry_note *note);

/* Notes of the entries from a record on.  CORRUPT at the first damage. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_list_notes(struct seglog_session_store *sessions,
                          const struct seglog_uuid *session,
                          const struct seglog_uuid *segment,
                          uint64_t from_record, seglog_entry_note_fn fn,
                          void *arg, struct seglog_error *err);

/* The record behind the first turn_end of that turn; for turn 0 the first one
 * that is no segment_start.  NOT_FOUND: there is no such turn. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_seek_turn(struct seglog_session_store *sessions,
                         const struct seglog_uuid *session,
                         const struct seglog_uuid *segment, uint64_t turn,
                         uint64_t *record_no, struct seglog_error *err);

/* The first record whose time is at or after ts_ms.  NOT_FOUND: none is. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_seek_time(struct seglog_session_store *sessions,
                         const struct seglog_uuid *session,
                         const struct seglog_uuid *segment, int64_t ts_ms,
                         uint64_t *record_no, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Listing
 */

/* One segment, as the index has it. */
struct seglog_session_row {
    struct seglog_uuid session;
    struct seglog_uuid segment;
    struct seglog_lineage lineage;
    int64_t created_ms;
    struct seglog_slice label;
};

/* Called for each row; return false to stop. */
typedef bool (*seglog_session_row_fn)(void *arg,
                                      const struct seglog_session_row *row);

/*
 * Every segment, most recent session first and most recent segment first in
 * it (by id: those of version 7 begin with the time).
 *
 *   session  NULL: of all sessions
 * Cost  one read of the index; a listing of the store and one small read for
 *       each segment where the index is missing, stale or damaged
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_list(struct seglog_session_store *sessions,
                    const struct seglog_uuid *session, seglog_session_row_fn fn,
                    void *arg, struct seglog_error *err);

/* Ids only, most recent first, to be freed with seglog_free.  An unknown
 * session has no segments, which is no error. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_list_sessions(struct seglog_session_store *sessions,
                             struct seglog_uuid **ids, size_t *count,
                             struct seglog_error *err);
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_list_segments(struct seglog_session_store *sessions,
                             const struct seglog_uuid *session,
                             struct seglog_uuid **ids, size_t *count,
                             struct seglog_error *err);

/* found false: no session has it.  Cost: O(log n) in memory. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_lookup_session_of(struct seglog_session_store *sessions,
                                 const struct seglog_uuid *segment,
                                 struct seglog_uuid *session, bool *found,
                                 struct seglog_error *err);

/*
 * The session or segment whose id starts with the given hexadecimal digits
 * (hyphens are skipped).  is_segment: it is a segment's id, and both are
 * filled; otherwise segment is the most recent one of the session.  Segments of
 * a session that itself starts so do not count.
 * NOT_FOUND; CONFLICT when several start so (err->actual: how many).
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_resolve(struct seglog_session_store *sessions,
                       const char *prefix, struct seglog_uuid *session,
                       struct seglog_uuid *segment, bool *is_segment,
                       struct seglog_error *err);

/* What a segment holds, read from the segment itself. */
struct seglog_session_segment_info {
    uint64_t count;
    uint64_t size;       /* bytes of the entries lane */
    uint64_t trace_size; /* of the trace lane; 0: none */
    int64_t modified_ms; /* last append or cut */
    struct seglog_head head;
    enum seglog_verdict verdict; /* about the tail */
    bool is_closed;
    bool is_sealed;
};

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_get_segment_info(struct seglog_session_store *sessions,
                                const struct seglog_uuid *session,
                                const struct seglog_uuid *segment,
                                struct seglog_session_segment_info *info,
                                struct seglog_error *err);

/* The newest of all its lanes.  found false: there is no such session. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_modified_at(struct seglog_session_store *sessions,
                           const struct seglog_uuid *session,
                           int64_t *modified_ms, bool *found,
                           struct seglog_error *err);

/* Write the index anew from the segments, whatever it says; READ_ONLY, IO,
 * LOCKED where it cannot be written. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_rebuild_index(struct seglog_session_store *sessions,
                             struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Forks
 */

enum seglog_fork_at {
    SEGLOG_FORK_AT_END = 0,
    SEGLOG_FORK_AT_RECORD = 1, /* records up to and including number */
    SEGLOG_FORK_AT_TURN = 2    /* up to the end of turn number; a turn there
                                  is not: up to the end */
};

enum seglog_fork_how {
    /* One segment_start that holds the state replayed up to there
     * (seglog/replay.h), as the systems do whose entries have these kinds. */
    SEGLOG_FORK_BY_REPLAY = 0,
    SEGLOG_FORK_BY_COPY = 1 /* the same entries: for any JSON lines */
};

struct seglog_fork_options {
    size_t size;
    enum seglog_fork_at at;
    uint64_t number;
    enum seglog_fork_how how;
    const struct seglog_uuid *new_session; /* NULL: the same session */
    const struct seglog_uuid *new_segment; /* NULL: a new id */
    int64_t ts_ms;                         /* of the segment_start; 0: now */
    struct seglog_slice label;
};

/*
 * Begin a segment with what another one holds, lineage forked_from.  The
 * source is not changed; of a damaged one nothing is made (CORRUPT).
 *
 *   forked  id of the new segment
 * Returns NOT_FOUND; INVALID for a record there is not (err->actual: the
 * count); EXISTS for new_segment; CONFLICT if the source was cut meanwhile.
 * Cost  reads the source; a copy is written under the lock of the index
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_fork(struct seglog_session_store *sessions,
                    const struct seglog_uuid *session,
                    const struct seglog_uuid *segment,
                    const struct seglog_fork_options *options,
                    struct seglog_uuid *forked, struct seglog_error *err);

/* A writer's place: which segment, and where it believes it stands. */
struct seglog_session_head {
    struct seglog_uuid session;
    struct seglog_uuid segment;
    struct seglog_expect expect;
};

/*
 * Append an entry where the writer believes the segment stands; if somebody
 * else has appended, cut or sealed it meanwhile, begin a new segment in the
 * same session, forked_from the old one at that turn (continuing it, where it
 * is sealed), with `start` and then the entry.
 * Between the check and the append there is no gap for others to slip in.
 *
 *   place   brought up to date: the segment and its head after the call
 *   start   first entry of the fork: the writer's own state
 *   entry   NULL: only check, and fork if needed
 *   forked  may be NULL
 * Returns NOT_FOUND if the segment is missing; what append returns.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_ensure_head_or_fork(struct seglog_session_store *sessions,
                                   struct seglog_session_head *place,
                                   uint64_t at_turn, struct seglog_slice start,
                                   const struct seglog_slice *entry,
                                   bool *forked, struct seglog_error *err);

/*
 * Read a segment and fold its entries (seglog/replay.h).
 *   session  NULL: by the segment alone
 *   replay   to be freed with seglog_replay_free
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_restore(struct seglog_session_store *sessions,
                       const struct seglog_uuid *session,
                       const struct seglog_uuid *segment,
                       struct seglog_replay **replay, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Sealing
 */

struct seglog_session_seal_options {
    size_t size;
    enum seglog_lane lane; /* ENTRIES or TRACE */
    /* As in seglog_seal_options; 0: the defaults. */
    int level;
    size_t block_bytes;
    size_t memory_max;
    /*
     * A segment that was forked or compacted from another one, repeats much of
     * it, and finds it sealed, refers to it: that one cannot be deleted any
     * more before this one is.  True: it never does.
     */
    bool no_parent;
    bool (*on_progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
    unsigned threads; /* as in seglog_seal_options */
};

/*
 * Make a segment small for good (seglog/seal.h).  It stays readable in every
 * way, its numbers and its notes remain, and so does what descends from it; its
 * head is another one (a new epoch).  Whoever appends or cuts gets SEALED from
 * then on.  The index is made anew by whoever asks it next.
 *
 *   options  NULL: the entries, all defaults
 *   result   may be NULL
 * Returns SEALED if it is sealed already; NOT_FOUND; what seglog_segment_seal
 * returns.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_seal_segment(struct seglog_session_store *sessions,
                            const struct seglog_uuid *session,
                            const struct seglog_uuid *segment,
                            const struct seglog_session_seal_options *options,
                            struct seglog_seal_result *result,
                            struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * The caller's own bytes, and things with names
 */

/* Up to SEGLOG_SESSION_NOTE_MAX bytes (TOO_LARGE), such as a title.  Synced.
 * len 0 takes it away. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_write_note(struct seglog_session_store *sessions,
                          const struct seglog_uuid *session, const void *data,
                          size_t len, struct seglog_error *err);

/* len 0: it has none.  buf holds SEGLOG_SESSION_NOTE_MAX bytes. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_session_read_note(struct seglog_session_store *sessions,
                         const struct seglog_uuid *session, void *buf,
                         size_t *len, struct seglog_error *err);

/* Names of one space do not meet those of another. */
enum seglog_name_space {
    SEGLOG_NAMES_WORKER = 1,  /* metadata of workers; seglog_name_is_valid */
    SEGLOG_NAMES_SESSION = 2, /* the notes above: by the calls above only */
    SEGLOG_NAMES_SOURCE = 3   /* what was imported: any bytes */
};

/* The rule for workers: not empty, not "." or "..", no '/', no NUL. */
SEGLOG_API bool
seglog_name_is_valid(const char *name, size_t len);

struct seglog_named {
    enum seglog_name_space space;
    struct seglog_slice name; /* 1 to SEGLOG_NAME_MAX bytes */
    struct seglog_slice data; /* up to SEGLOG_NAMED_DATA_MAX bytes */
    bool is_deleted;          /* for write: take it away */
};

/*
 * Create or replace what has these names, all at once; synced unless is_lazy
 * is set (then as far as FLUSH).  Returns INVALID for a name against its rule,
 * TOO_LARGE for a name or data over its limit, and where all of it together is
 * more than 8 MiB.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_name_write(struct seglog_session_store *sessions,
                  const struct seglog_named *items, size_t count, bool is_lazy,
                  struct seglog_error *err);

/* data is to be freed with seglog_free.  NOT_FOUND. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_name_read(struct seglog_session_store *sessions,
                 enum seglog_name_space space, struct seglog_slice name,
                 char **data, size_t *len, struct seglog_error *err);

/* Called for each, in byte order of the names; return false to stop. */
typedef bool (*seglog_named_fn)(void *arg, const struct seglog_named *item);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_name_list(struct seglog_session_store *sessions,
                 enum seglog_name_space space, struct seglog_slice prefix,
                 seglog_named_fn fn, void *arg, struct seglog_error *err);

/* existed may be NULL; a missing one is no error. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_name_delete(struct seglog_session_store *sessions,
                   enum seglog_name_space space, struct seglog_slice name,
                   bool *existed, struct seglog_error *err);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_SESSION_H */
