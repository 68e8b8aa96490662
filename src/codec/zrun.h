/* SPDX-License-Identifier: MIT */
/*
 * src/codec/zrun.h - runs of zstd blocks (SPEC.md 7.5).
 *
 * Layer    codec.
 * A run is one zstd frame without its header, of which each body is some whole
 * blocks.  Without zstd there is none: new returns NULL.
 */
#ifndef SLG_CODEC_ZRUN_H
#define SLG_CODEC_ZRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool
slg_zrun_is_there(void);

struct slg_zrun_writer;

/* NULL when there is no memory. */
struct slg_zrun_writer *
slg_zrun_writer_new(int level);
void
slg_zrun_writer_free(struct slg_zrun_writer *writer);

/* Begin a run behind the prefix, which has to stay until the next one. */
bool
slg_zrun_writer_begin(struct slg_zrun_writer *writer, const uint8_t *prefix,
                      size_t len);
/* The next body of it; *out is valid until the next call.  False when there is
 * no memory: the run is at its end. */
bool
slg_zrun_writer_add(struct slg_zrun_writer *writer, const uint8_t *data,
                    size_t len, const uint8_t **out, size_t *out_len);

enum slg_zrun_state {
    SLG_ZRUN_MORE = 0, /* the room is used up; there may be more */
    SLG_ZRUN_DONE,     /* all of the body has come out */
    SLG_ZRUN_BAD,
    SLG_ZRUN_NO_MEMORY
};

struct slg_zrun_reader;

struct slg_zrun_reader *
slg_zrun_reader_new(void);
void
slg_zrun_reader_free(struct slg_zrun_reader *reader);

bool
slg_zrun_reader_begin(struct slg_zrun_reader *reader, const uint8_t *prefix,
                      size_t len);
/* Are these whole blocks, none of them the last of a zstd frame? */
bool
slg_zrun_body_is_sound(const uint8_t *body, size_t len);
/* Go on with a body at *done, into out from *out_len on. */
enum slg_zrun_state
slg_zrun_reader_feed(struct slg_zrun_reader *reader, const uint8_t *body,
                     size_t len, size_t *done, uint8_t *out, size_t out_cap,
                     size_t *out_len);

#endif /* SLG_CODEC_ZRUN_H */
