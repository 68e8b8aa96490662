/* SPDX-License-Identifier: MIT */
/*
 * src/session/entry.h - what a session store notes of one entry.
 *
 * Layer    session: pure, no I/O, no allocation
 * Threads  any
 */
#ifndef SLG_SESSION_ENTRY_H
#define SLG_SESSION_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLG_ENTRY_KIND_CAP 48

/* The entry says no time. */
#define SLG_ENTRY_NO_TIME INT64_MIN

struct slg_entry {
    /* "kind", else "type", as far as it is a string: decoded, cut at the last
     * whole character, with a 0 behind it.  Empty when there is none. */
    char kind[SLG_ENTRY_KIND_CAP];
    size_t kind_len; /* a decoded kind may hold a 0 */
    int64_t ts_ms;   /* since 1970-01-01T00:00:00Z, rounded down */
    uint64_t turn;   /* turn_count of a turn_end */
    bool has_turn;
};

/*
 * Look at the members at the top of an entry.
 *
 * The time is the one that slg_json_time_find finds.  Of a key that stands
 * there twice the last one with a value of the right type counts, except for
 * the time.
 *
 *   line  one entry without its line feed.  What is not a JSON object has
 *         neither kind nor time; of a broken one what stands before the fault
 *         may be found
 *   out   written in any case
 * Cost    O(len), one pass
 */
void
slg_entry_look(const uint8_t *line, size_t len, struct slg_entry *out);

bool
slg_entry_is(const struct slg_entry *entry, const char *kind);

/*
 * Where a fork at a turn cuts a segment; feed it the entries from the first
 * one on.  Read keep when they are over.
 */
struct slg_turn_cut {
    uint64_t at_turn;
    uint64_t keep; /* so many entries belong to the fork */
    bool is_found; /* more entries change nothing */
};

void
slg_turn_cut_init(struct slg_turn_cut *cut, uint64_t at_turn);

/*
 * Give the next entry.
 *
 * At turn 0 the cut stands before the first entry that is no segment_start,
 * otherwise behind the first turn_end with that turn_count; where there is
 * none, all entries are kept.
 *
 * Returns  true once the cut is known
 */
bool
slg_turn_cut_feed(struct slg_turn_cut *cut, const struct slg_entry *entry);

#endif /* SLG_SESSION_ENTRY_H */
