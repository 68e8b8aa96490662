/* SPDX-License-Identifier: MIT */
/* tests/stream/stream_support.h - what the tests of streams share. */
#ifndef STREAM_SUPPORT_H
#define STREAM_SUPPORT_H

#include "tests/support/blobs.h"

#include "seglog/stream.h"

#define STREAM_TEXT_CAP 64u

/* What a stream should be: its events, and the head behind each. */
struct stream_model {
    enum seglog_chain chain;
    size_t count;
    size_t cap;
    struct seglog_slice *events;     /* copies */
    struct seglog_chain_hash *heads; /* heads[i]: behind event i */
};

void
stream_model_init(struct stream_model *model, enum seglog_chain chain);

void
stream_model_reset(struct stream_model *model);

void
stream_model_add(struct stream_model *model, const struct seglog_slice *events,
                 size_t count);

/* The head behind so many events. */
const struct seglog_chain_hash *
stream_model_head(const struct stream_model *model, size_t count);

/* The stream is the model: its end, and all that can be read. */
void
stream_assert_model(struct seglog_streams streams, uint64_t stream,
                    const struct stream_model *model);

/* What is read from an offset is what the model says. */
void
stream_assert_read(struct seglog_streams streams, uint64_t stream,
                   const struct stream_model *model, uint64_t from,
                   uint64_t max_bytes);

/* Append the next count events of the model's making: "event-N".  The model has
 * them afterwards. */
void
stream_append_next(struct seglog_streams streams, uint64_t stream,
                   struct stream_model *model, size_t count, bool is_synced);

/* "event-N" as a slice of text. */
struct seglog_slice
stream_event(size_t number, char text[STREAM_TEXT_CAP]);

void
stream_assert_hash(const struct seglog_chain_hash *hash,
                   const struct seglog_chain_hash *want);

/* The hash as hexadecimal digits is this. */
void
stream_assert_hex(const struct seglog_chain_hash *hash, const char *want);

/* The name of the number-th segment, of those that there are. */
char *
stream_segment_name(struct seglog_store store, uint64_t stream, size_t number,
                    char name[SEGLOG_STREAM_NAME_CAP]);

/* Change a record of its own frame, and its checksum with it. */
void
stream_forge_record(uint8_t *bytes, size_t len, const char *old_text,
                    const char *new_text);

/* Where some text stands. */
size_t
stream_find_text(const uint8_t *bytes, size_t len, const char *text);

#endif /* STREAM_SUPPORT_H */
