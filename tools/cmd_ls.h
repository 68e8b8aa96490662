/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_ls.h - what is in a session store: the parts of `ls`, and what
 * `rm` and `stat` share with it.
 *
 * Threads  one
 */
#ifndef CMD_LS_H
#define CMD_LS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "seglog/segment.h"
#include "seglog/session.h"
#include "seglog/stream.h"
#include "tools/tool_common.h"

#define LS_NONE SIZE_MAX

/* ---------------------------------------------------------------------------
 * The catalog: every segment of a store, looked at once
 */

struct ls_segment {
    struct seglog_session_row row; /* its label belongs to the catalog */
    struct seglog_session_segment_info info;
    size_t session;      /* in the catalog */
    size_t parent;       /* what its lineage names, in the catalog; LS_NONE: it
                       names nothing, or something that is gone */
    const char *verdict; /* as in SPEC.md 10, or "UNREADABLE" */
    bool is_damaged;     /* by that verdict */
    /* After ls_verify. */
    bool is_scanned;
    uint64_t lost;
    uint64_t findings;
};

struct ls_session {
    struct seglog_uuid id;
    size_t first; /* its segments lie together */
    size_t count;
    uint64_t records;
    uint64_t bytes;
    int64_t modified_ms; /* of the segment that changed last */
    char *note;
    size_t note_len;
};

struct ls_catalog {
    struct seglog_session_store *sessions;
    const char *shown;
    struct ls_segment *segments; /* in the order of seglog_session_list */
    size_t segment_count;
    size_t segment_cap;
    struct ls_session *session_items;
    size_t session_count;
    size_t session_cap;
    size_t *by_id; /* numbers of segments, by their ids */
    uint64_t records;
    uint64_t bytes;
    size_t damaged;
};

/*
 * List the segments of a store, and look at those of one session.
 * Each returns TOOL_GO_ON, or the status after saying what is wrong.
 */
enum tool_status
ls_catalog_list(struct seglog_session_store *sessions, const char *shown,
                struct ls_catalog *catalog);
enum tool_status
ls_catalog_look(struct ls_catalog *catalog, size_t session);

/* List the segments, and look at every one. */
enum tool_status
ls_catalog_load(struct seglog_session_store *sessions, const char *shown,
                struct ls_catalog *catalog);

/* Accepts a zeroed struct. */
void
ls_catalog_free(struct ls_catalog *catalog);

/* LS_NONE: there is none. */
size_t
ls_catalog_find(const struct ls_catalog *catalog,
                const struct seglog_uuid *segment);
size_t
ls_catalog_find_session(const struct ls_catalog *catalog,
                        const struct seglog_uuid *session);

/* Bytes of a segment with its trace lane. */
uint64_t
ls_segment_bytes(const struct ls_segment *segment);

/* Of a lane, by the file itself; 0: there is none. */
uint64_t
ls_lane_bytes(const struct ls_catalog *catalog,
              const struct ls_segment *segment, enum seglog_lane lane);

/* "forked_from" and so on, as in JSON. */
const char *
ls_lineage_name(enum seglog_lineage_kind kind);

/* "fork", "compacts" and so on, for people. */
const char *
ls_lineage_word(enum seglog_lineage_kind kind);

/* ", sealed", ", closed" or nothing: behind a verdict. */
const char *
ls_state_words(const struct seglog_session_segment_info *info);

/* "1,234" is how a total line writes numbers.  Returns buf. */
#define LS_NUMBER_CAP 32
const char *
ls_number_text(uint64_t number, char buf[LS_NUMBER_CAP]);

/* ---------------------------------------------------------------------------
 * Listing
 */

enum ls_sort {
    LS_SORT_AGE,
    LS_SORT_SIZE,
    LS_SORT_ID,
    LS_SORT_RECORDS
};

struct ls_options {
    bool is_json;
    bool is_flat;
    bool is_verify;
    enum ls_sort sort;
    uint64_t count; /* 0: all */
    int64_t now_ms;
};

/* Sort nodes: numbers of sessions, and behind these those of segments. */
void
ls_sort_nodes(enum ls_sort sort, const struct ls_catalog *catalog,
              size_t *nodes, size_t count);

/* Numbers of the segments in the order that was asked for: free the array.
 * NULL: out of memory. */
size_t *
ls_sort_segments(const struct ls_options *options,
                 const struct ls_catalog *catalog);

/* ---------------------------------------------------------------------------
 * Streams, by number: they have no sessions
 */

struct ls_stream {
    uint64_t id;
    const char *verdict;
    bool is_damaged;
    bool is_known; /* info: else there are its segments alone */
    struct seglog_stream_info info;
    uint64_t findings; /* after --verify */
};

struct ls_streams {
    struct ls_stream *items;
    size_t count;
    size_t cap;
    uint64_t segments;
    uint64_t events;
    uint64_t bytes;
    size_t damaged;
    bool is_canonical; /* stream 0 is the log of such a store */
};

/* Those of a folder, if there are any.  Returns TOOL_GO_ON, or the status after
 * saying what is wrong. */
enum tool_status
ls_streams_load(const struct ls_options *options, const char *dir,
                struct ls_streams *streams);

/* Accepts a zeroed struct. */
void
ls_streams_free(struct ls_streams *streams);

void
ls_streams_print(const struct ls_options *options,
                 const struct ls_streams *streams);
void
ls_streams_json(const struct ls_options *options,
                const struct ls_streams *streams);

/* Returns TOOL_GO_ON, or what tool_fail_memory returns. */
enum tool_status
ls_print_tree(const struct ls_options *options,
              const struct ls_catalog *catalog);
enum tool_status
ls_print_flat(const struct ls_options *options,
              const struct ls_catalog *catalog);
enum tool_status
ls_print_json(const struct ls_options *options,
              const struct ls_catalog *catalog,
              const struct ls_streams *streams);

/* One object, without its closing brace. */
void
ls_segment_json(const struct ls_catalog *catalog,
                const struct ls_segment *segment);

/* "NAME":"2025-...","NAME_ms":..., or null for both. */
void
ls_time_json(const char *name, int64_t ms, bool is_known);

/* ,"NAME":"..." and, where that loses something, ,"NAME_base64":"...". */
void
ls_bytes_json(const char *name, const char *data, size_t len);

/* ---------------------------------------------------------------------------
 * Lines of a table
 */

#define LS_ID_CAP      192
#define LS_TEXT_CAP    64
#define LS_LINEAGE_CAP 128

struct ls_line {
    char id[LS_ID_CAP]; /* with the branches of the tree in front */
    char records[LS_NUMBER_CAP];
    char size[LS_TEXT_CAP];
    char age[LS_TEXT_CAP];
    char state[LS_TEXT_CAP];
    char lineage[LS_LINEAGE_CAP];
    const char *text; /* note or label */
    size_t text_len;
};

struct ls_table {
    size_t id;
    size_t records;
    size_t size;
    size_t age;
    size_t state;
    size_t lineage;
    size_t columns; /* of the terminal; 0: as many as needed */
};

/*
 * A line of one segment, less its id and text.
 *
 *   is_below  it is drawn below what it descends from, which need not be named
 */
void
ls_line_of_segment(const struct ls_options *options,
                   const struct ls_segment *segment, bool is_below,
                   struct ls_line *line);

/* A line of a session with several segments, less its id. */
void
ls_line_of_session(const struct ls_options *options,
                   const struct ls_catalog *catalog,
                   const struct ls_session *session, struct ls_line *line);

/* First the head and each line are fitted, then printed in the same order. */
void
ls_table_init(struct ls_table *table);
void
ls_line_of_head(const struct ls_table *table, const char *id,
                struct ls_line *line);
void
ls_table_fit(struct ls_table *table, const struct ls_line *line);
void
ls_table_print(const struct ls_table *table, const struct ls_line *line);

/* ---------------------------------------------------------------------------
 * More to say
 */

/* Read every segment whole; verdicts become exact.  Says what is damaged on
 * standard error.  Returns TOOL_GO_ON, TOOL_DAMAGED or TOOL_FAILED. */
enum tool_status
ls_verify(struct ls_catalog *catalog, bool is_json);

/* One session, or one segment of it, in detail. */
enum tool_status
ls_detail(const struct ls_options *options, const struct ls_catalog *catalog,
          size_t session, size_t segment);

#endif /* CMD_LS_H */
