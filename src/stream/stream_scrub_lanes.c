/* SPDX-License-Identifier: MIT */
/* src/stream/stream_scrub_lanes.c - the end of a tour: segments of sessions. */
#include <stdlib.h>
#include <string.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/stream/stream_scrub.h"

/* -- which there are ------------------------------------------------------- */

/* As of the beginning: what is made meanwhile is for the next tour. */
struct names {
    const char *after; /* by name; "": all */
    char (*items)[SEGLOG_LANE_NAME_CAP];
    size_t count;
    size_t cap;
    bool has_no_memory;
};

static bool
name_take(void *arg, const char *name)
{
    struct names *names = arg;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane;

    if (!seglog_lane_parse(name, &session, &segment, &lane) ||
        strcmp(name, names->after) <= 0)
        return true;
    if (names->count == names->cap) {
        const size_t cap = names->cap ? 2 * names->cap : 16;
        char(*grown)[SEGLOG_LANE_NAME_CAP] =
            realloc(names->items, cap * sizeof *grown);

        if (!grown) {
            names->has_no_memory = true;
            return false;
        }
        names->items = grown;
        names->cap = cap;
    }
    memcpy(names->items[names->count++], name, strlen(name) + 1);
    return true;
}

static int
name_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static seglog_code
names_list(struct seglog_store store, struct names *names,
           struct seglog_error *err)
{
    const seglog_code code =
        seglog_store_list(store, "", name_take, names, err);

    if (code != SEGLOG_OK)
        return code;
    if (names->has_no_memory)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the names of segments");
    if (names->count > 1)
        qsort(names->items, names->count, sizeof *names->items, name_compare);
    return SEGLOG_OK;
}

/* -- one of them ----------------------------------------------------------- */

struct look {
    struct seglog_scrubber *scrubber;
    const char *name;
};

static void
finding_tell(void *arg, const struct seglog_finding *finding)
{
    const struct look *look = arg;
    struct seglog_scrubber *scrubber = look->scrubber;

    /* A torn tail is what a writer leaves that is at work, or has died; and
     * what was not read any more is not damaged. */
    if (finding->verdict == SEGLOG_VERDICT_TORN ||
        slg_pace_is_stopped(scrubber->pace))
        return;
    scrubber->place.findings++;
    scrubber->options.on_lane_finding(scrubber->options.arg, look->name,
                                      finding);
}

static seglog_code
lane_scrub(struct look *look, struct seglog_error *err)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = finding_tell,
                                                 .arg = look };
    struct seglog_finding unreadable = { .verdict = SEGLOG_VERDICT_FOREIGN,
                                         .cause = SEGLOG_CAUSE_HEADER };
    struct seglog_scan_summary summary;
    const seglog_code code = seglog_scan(look->scrubber->paced.store,
                                         look->name, &options, &summary, err);

    if (slg_pace_is_stopped(look->scrubber->pace))
        return slg_fail(err, SEGLOG_PAUSED, NULL, "it is to stop");
    if (slg_scrub_is_finding(code)) {
        if (code == SEGLOG_IO)
            unreadable = (struct seglog_finding){ .verdict = SEGLOG_VERDICT_IO,
                                                  .cause = SEGLOG_CAUSE_IO };
        finding_tell(look, &unreadable);
        return SEGLOG_OK;
    }
    /* It was removed meanwhile. */
    return code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code;
}

/* -- all of them ----------------------------------------------------------- */

seglog_code
slg_scrub_lanes(struct seglog_scrubber *scrubber, struct seglog_error *err)
{
    struct slg_scrub_place *place = &scrubber->place;
    struct names names = { .after = place->lane };
    seglog_code code = SEGLOG_OK;

    if (!scrubber->options.on_lane_finding)
        return SEGLOG_OK;
    place->stream = 0;
    place->offset = 0;
    memset(place->identity, 0, sizeof place->identity);
    code = names_list(scrubber->store, &names, err);
    for (size_t i = 0; i < names.count && code == SEGLOG_OK; i++) {
        struct look look = { .scrubber = scrubber, .name = names.items[i] };

        code = lane_scrub(&look, err);
        if (code != SEGLOG_OK)
            break;
        memcpy(place->lane, look.name, strlen(look.name) + 1);
        slg_scrub_note(scrubber);
        if (slg_now_ns() - scrubber->saved_ns >= SLG_SCRUB_SAVE_NS)
            slg_scrub_place_save(scrubber);
    }
    free(names.items);
    return code;
}
