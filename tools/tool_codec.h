/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_codec.h - --codec and --level, and what a segment has.
 *
 * Threads  one
 */
#ifndef SEGLOG_TOOL_CODEC_H
#define SEGLOG_TOOL_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "seglog/segment.h"
#include "tools/tool_common.h"

/* Of segments that are made when nothing else is asked for. */
#define TOOL_CODEC_DEFAULT SEGLOG_CODEC_AUTO

/* What the command line says; zeroed: nothing yet. */
struct tool_codec {
    enum seglog_codec codec;
    bool is_given;
    uint64_t level; /* 0: the default */
};

/* The values of --codec and --level.  TOOL_GO_ON or TOOL_USAGE. */
enum tool_status
tool_codec_set(struct tool_codec *codec, const char *value);
enum tool_status
tool_codec_set_level(struct tool_codec *codec, const char *value);

/* All options are known: the default for what was not given, and whether codec
 * and level fit.  TOOL_GO_ON or TOOL_USAGE. */
enum tool_status
tool_codec_settle(struct tool_codec *codec);

/* How the records of a segment are stored. */
enum tool_stored {
    TOOL_STORED_PLAIN = 0,
    TOOL_STORED_DEFLATE,
    TOOL_STORED_ZSTD, /* some of them by deflate, perhaps */
    TOOL_STORED_SEALED
};
#define TOOL_STORED_COUNT (TOOL_STORED_SEALED + 1)

/* By its features (SPEC.md 12). */
enum tool_stored
tool_stored_of(uint16_t features_refuse);

/* "none", "deflate", "zstd", "sealed". */
const char *
tool_stored_name(enum tool_stored stored);

/* May a segment that is stored so be had by asking for this codec? */
bool
tool_codec_fits(enum seglog_codec codec, enum tool_stored stored);

#endif /* SEGLOG_TOOL_CODEC_H */
