/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/stream_story.h - a stream of which events were marked, and what it
 * should be.
 *
 * Include it first: it brings what the tests of streams share.
 */
#ifndef STREAM_STORY_H
#define STREAM_STORY_H

#include "tests/stream/stream_support.h"

#define STREAM           UINT64_C(7)
#define STORY_EVENTS_MAX 400u

struct story {
    char *dir; /* NULL: in memory */
    struct seglog_store store;
    struct seglog_stream_options options;
    struct seglog_streams streams;
    struct stream_model model;
    bool is_marked[STORY_EVENTS_MAX];
    /* The heads that there were behind each event, in order. */
    struct seglog_kept_head kept[2 * STORY_EVENTS_MAX];
    size_t kept_count;
};

int
story_in_memory(void **state);

int
story_in_files(void **state);

int
story_teardown(void **state);

/* All is gone, to begin once more. */
void
story_start_anew(struct story *story, enum seglog_chain chain);

void
story_open(struct story *story);

/* The next events of the model's making; their heads are kept. */
void
story_append(struct story *story, size_t count);

/* A tombstone.  From then on the head of the end is another one. */
void
story_mark(struct story *story, uint64_t offset);

struct seglog_stream_compacted
story_compact_with(struct story *story,
                   const struct seglog_stream_compact_options *given);

/* All of it, rotated before. */
struct seglog_stream_compacted
story_compact(struct story *story);

/* With all heads that were kept. */
struct seglog_stream_verified
story_verify(struct story *story);

void
story_assert_good(struct story *story);

/* What is read is the model, but for those that are marked, where they may or
 * may not be dropped: how many are. */
size_t
story_assert_events(struct story *story, struct seglog_streams streams);

struct story_scrubbed {
    unsigned findings;
    struct seglog_stream_finding first;
};

/* One tour. */
struct story_scrubbed
story_scrub(struct story *story);

size_t
story_marked_count(const struct story *story);

/* What was marked is in no blob, neither as it is stored nor as it is decoded; all
 * else is. */
void
story_assert_nowhere(const struct story *story);

/* More than a hundred events, some of them marked in between. */
void
story_make(struct story *story);

/* A test with a story of its own. */
#define ON_MEMORY(f)                                                           \
    cmocka_unit_test_setup_teardown(f, story_in_memory, story_teardown)
#define ON_FILE(f)                                                             \
    cmocka_unit_test_setup_teardown(f, story_in_files, story_teardown)

#endif /* STREAM_STORY_H */
