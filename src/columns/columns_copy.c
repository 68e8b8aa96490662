/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_copy.c - values that are another path's last value, such
 * as a parent's identifier that is the identifier of the line before.
 */
#include <stdlib.h>

#include "src/columns/columns_stream.h"

/* Shorter values are cheap as they are. */
#define COPY_BYTES_MIN 6u
/* What a path needs of copies for another path to be named. */
#define COPIES_MIN  8u
#define SOURCES_MAX 3u
/* Where there is little time, only what was just there is found. */
#define RECENT_BITS       16u
#define RECENT_BITS_QUICK 13u
#define RECENT_FEW        10u

struct tally {
    uint32_t source;
    uint32_t count;
};

/* While looking, aux of a scalar is the path whose last value is the same. */
struct finder {
    struct slg_parse *parse;
    unsigned bits;
    uint32_t *recent;           /* event with a value, by hash */
    struct tally (*tallies)[8]; /* by path */
};

static bool
is_scalar(const struct slg_event *event)
{
    const enum slg_value value = slg_event_value(event);

    return value == SLG_VALUE_STRING || value == SLG_VALUE_BARE;
}

static void
tally_add(struct finder *finder, uint32_t path, uint32_t source)
{
    struct tally *tallies = finder->tallies[path];

    for (unsigned i = 0; i < 8; i++) {
        if (tallies[i].count > 0 && tallies[i].source != source)
            continue;
        tallies[i].source = source;
        tallies[i].count++;
        return;
    }
}

/*
 * A copy takes over the value, so that it is the last one of its own path.
 * What is compared is what a decoder has: the last scalar of the path.
 */
static void
event_look(struct finder *finder, uint32_t id)
{
    struct slg_parse *parse = finder->parse;
    struct slg_event *event = &parse->events[id];
    const uint32_t path = slg_event_path(event);
    uint32_t *recent = &finder->recent[(event->hash ^ event->hash >> 16) &
                                       ((1u << finder->bits) - 1)];

    event->aux = SLG_NONE;
    parse->paths[path].last = id;
    if (event->len < COPY_BYTES_MIN)
        return;
    if (*recent != SLG_NONE) {
        const struct slg_event *other = &parse->events[*recent];
        const uint32_t source = slg_event_path(other);
        if (other->hash == event->hash && source != path &&
            parse->paths[source].last == *recent && other->len == event->len &&
            slg_event_value(other) == slg_event_value(event) &&
            memcmp(other->at, event->at, event->len) == 0) {
            event->aux = source;
            tally_add(finder, path, source);
        }
    }
    *recent = id;
}

static int
tally_compare(const void *a, const void *b)
{
    const uint32_t x = ((const struct tally *)a)->count;
    const uint32_t y = ((const struct tally *)b)->count;

    return x < y ? 1 : x > y ? -1 : 0;
}

static void
copies_take(struct finder *finder)
{
    struct slg_parse *parse = finder->parse;

    for (uint32_t i = 0; i < parse->path_count; i++) {
        /* Most have one at most. */
        if (finder->tallies[i][1].count == 0)
            continue;
        qsort(finder->tallies[i], 8, sizeof *finder->tallies[i], tally_compare);
    }
    for (size_t i = 0; i < parse->event_count; i++) {
        struct slg_event *event = &parse->events[i];
        if (!is_scalar(event) || event->aux == SLG_NONE)
            continue;
        const struct tally *tallies = finder->tallies[slg_event_path(event)];
        for (unsigned k = 0; k < SOURCES_MAX; k++) {
            if (tallies[k].count >= COPIES_MIN &&
                tallies[k].source == event->aux)
                slg_event_set_value(event, SLG_VALUE_COPY);
        }
    }
}

bool
slg_copies_find(struct slg_parse *parse, int level)
{
    const unsigned bits =
        level < SLG_LEVEL_THOROUGH ? RECENT_BITS_QUICK : RECENT_BITS;
    struct finder finder = {
        .parse = parse,
        .bits = parse->event_count < 4096 ? RECENT_FEW : bits,
        .tallies = calloc(parse->path_count, sizeof *finder.tallies),
    };
    finder.recent = malloc(sizeof *finder.recent << finder.bits);
    const bool is_good = finder.recent && finder.tallies;

    if (is_good) {
        memset(finder.recent, 0xFF, sizeof *finder.recent << finder.bits);
        for (uint32_t i = 0; i < parse->event_count; i++) {
            if (is_scalar(&parse->events[i]))
                event_look(&finder, i);
        }
        copies_take(&finder);
    }
    free(finder.recent);
    free(finder.tallies);
    return is_good;
}
