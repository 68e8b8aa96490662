/* SPDX-License-Identifier: MIT */
/* tools/tool_codec.c - --codec and --level, and what a segment has. */
#include "tools/tool_codec.h"

#include <stddef.h>
#include <string.h>

#define LEVEL_MAX         19
#define LEVEL_MAX_DEFLATE 9

/* SPEC.md 12. */
#define REFUSE_COMPRESSED 0x02u
#define REFUSE_SEALED     0x04u
#define REFUSE_ZSTD       0x10u

static const char *const NAMES[] = {
    [SEGLOG_CODEC_NONE] = "none",
    [SEGLOG_CODEC_DEFLATE] = "deflate",
    [SEGLOG_CODEC_ZSTD] = "zstd",
    [SEGLOG_CODEC_AUTO] = "auto",
};

#define NAME_COUNT (sizeof NAMES / sizeof NAMES[0])

enum tool_status
tool_codec_set(struct tool_codec *codec, const char *value)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (strcmp(value, NAMES[i]) == 0) {
            codec->codec = (enum seglog_codec)i;
            codec->is_given = true;
            return TOOL_GO_ON;
        }
    }
    return tool_usage("--codec is auto, none, deflate or zstd");
}

enum tool_status
tool_codec_set_level(struct tool_codec *codec, const char *value)
{
    return tool_number("--level", value, 1, LEVEL_MAX, &codec->level);
}

enum tool_status
tool_codec_settle(struct tool_codec *codec)
{
    if (!codec->is_given)
        codec->codec = TOOL_CODEC_DEFAULT;
    if (codec->level > 0 && codec->codec == SEGLOG_CODEC_NONE)
        return tool_usage("--level goes with a codec that compresses");
    if (codec->level > LEVEL_MAX_DEFLATE &&
        codec->codec == SEGLOG_CODEC_DEFLATE)
        return tool_usage("--level is 1 to %d for --codec deflate",
                          LEVEL_MAX_DEFLATE);
    return TOOL_GO_ON;
}

enum tool_stored
tool_stored_of(uint16_t features_refuse)
{
    if ((features_refuse & REFUSE_SEALED) != 0)
        return TOOL_STORED_SEALED;
    if ((features_refuse & REFUSE_ZSTD) != 0)
        return TOOL_STORED_ZSTD;
    return (features_refuse & REFUSE_COMPRESSED) != 0 ? TOOL_STORED_DEFLATE
                                                      : TOOL_STORED_PLAIN;
}

const char *
tool_stored_name(enum tool_stored stored)
{
    static const char *const STORED[TOOL_STORED_COUNT] = {
        [TOOL_STORED_PLAIN] = "none",
        [TOOL_STORED_DEFLATE] = "deflate",
        [TOOL_STORED_ZSTD] = "zstd",
        [TOOL_STORED_SEALED] = "sealed",
    };

    return (unsigned)stored < TOOL_STORED_COUNT ? STORED[stored] : "unknown";
}

bool
tool_codec_fits(enum seglog_codec codec, enum tool_stored stored)
{
    switch (codec) {
    case SEGLOG_CODEC_NONE:
        return stored == TOOL_STORED_PLAIN;
    case SEGLOG_CODEC_DEFLATE:
        return stored == TOOL_STORED_DEFLATE;
    case SEGLOG_CODEC_ZSTD:
        return stored == TOOL_STORED_ZSTD;
    case SEGLOG_CODEC_AUTO:
        break;
    }
    return true;
}
