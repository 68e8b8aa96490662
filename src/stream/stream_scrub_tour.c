/* SPDX-License-Identifier: MIT */
/* src/stream/stream_scrub_tour.c - one tour: all streams, by segments. */
#include <stdlib.h>
#include <string.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/stream/stream_scrub.h"
#include "src/stream/stream_verify.h"

/* So often may segments be gone, merged with others, when they are opened. */
#define GONE_MAX 64u

/* The stream that is being looked through. */
struct look {
    struct seglog_scrubber *scrubber;
    struct seglog_streams streams; /* the paced ones, for calls */
    struct slg_verify_job job;
    atomic_bool is_stopped;
    atomic_uint_fast64_t bytes;
    struct slg_verified_part before;
    struct slg_verified_part part;
    struct slg_tombs tombs; /* once something dropped was met */
    bool has_before;
    bool is_first; /* where it began: what is before it is not known */
    bool is_link_checked;
    size_t told; /* of the findings of the part */
    bool has_no_memory;
};

/* -- telling --------------------------------------------------------------- */

static void
findings_tell(struct look *look)
{
    struct seglog_scrubber *scrubber = look->scrubber;
    const struct seglog_scrub_options *options = &scrubber->options;
    char name[SEGLOG_STREAM_NAME_CAP];

    slg_stream_part_name(look->job.stream, &look->part.part, name);
    for (; look->told < look->part.finding_count; look->told++) {
        scrubber->place.findings++;
        if (options->on_finding)
            options->on_finding(options->arg, look->job.stream, name,
                                &look->part.findings[look->told]);
    }
}

/* Once its predecessor was read, which stands in front of its records. */
static void
link_check(struct look *look)
{
    const struct slg_verified_part *before =
        look->has_before ? &look->before : NULL;

    if (look->is_link_checked)
        return;
    look->is_link_checked = true;
    /* What could not be read was told, and says nothing of the next one. */
    if ((!before && look->is_first) || (before && before->code != SEGLOG_OK))
        return;
    if (!slg_verify_is_linked(&look->job, before, &look->part))
        look->has_no_memory |=
            !slg_verify_add(&look->part, SEGLOG_STREAM_FAULT_LINK,
                            look->part.part.offset, look->part.part.offset);
}

/* What was found in front of it is told before it is a place to go on at. */
static void
on_checkpoint(void *arg, struct slg_verified_part *part, uint64_t next_offset)
{
    struct look *look = arg;
    struct seglog_scrubber *scrubber = look->scrubber;

    if (slg_pace_is_stopped(scrubber->pace)) {
        atomic_store(&look->is_stopped, true);
        return;
    }
    if (next_offset >= part->first_record)
        link_check(look);
    findings_tell(look);
    scrubber->place.offset = next_offset;
    slg_scrub_note(scrubber);
    if (slg_now_ns() - scrubber->saved_ns >= SLG_SCRUB_SAVE_NS)
        slg_scrub_place_save(scrubber);
}

/* -- one segment ----------------------------------------------------------- */

bool
slg_scrub_is_finding(seglog_code code)
{
    return code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT ||
           code == SEGLOG_INVALID || code == SEGLOG_IO || code == SEGLOG_AUTH;
}

static void
unreadable_add(struct look *look)
{
    struct slg_verified_part *part = &look->part;
    const bool is_io = part->code == SEGLOG_IO;
    const size_t at = part->finding_count;

    if (!slg_verify_add(part, SEGLOG_STREAM_FAULT_DAMAGE, 0, 0)) {
        look->has_no_memory = true;
        return;
    }
    part->findings[at].has_offsets = false;
    part->findings[at].finding.verdict =
        is_io ? SEGLOG_VERDICT_IO : SEGLOG_VERDICT_FOREIGN;
    part->findings[at].finding.cause =
        is_io ? SEGLOG_CAUSE_IO : SEGLOG_CAUSE_HEADER;
}

static seglog_code
part_scrub(struct look *look, const struct slg_stream_part *part,
           struct seglog_error *err)
{
    struct seglog_scrubber *scrubber = look->scrubber;
    seglog_code code = SEGLOG_OK;

    look->part = (struct slg_verified_part){ .part = *part };
    look->told = 0;
    look->is_link_checked = false;
    slg_verify_segment(&look->job, &look->part);
    if (slg_pace_is_stopped(scrubber->pace))
        return slg_fail(err, SEGLOG_PAUSED, NULL, "it is to stop");
    if (slg_scrub_is_finding(look->part.code)) {
        unreadable_add(look);
    } else if (look->part.code != SEGLOG_OK) {
        if (err)
            *err = look->part.err;
        return look->part.code;
    } else {
        link_check(look);
        code =
            slg_verify_match_part(&look->job, &look->tombs, &look->part, err);
    }
    findings_tell(look);
    if (slg_pace_is_stopped(scrubber->pace))
        return slg_fail(err, SEGLOG_PAUSED, NULL, "it is to stop");
    if (code != SEGLOG_OK)
        return code;
    if (look->has_no_memory)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for what was found");
    slg_scrub_note(scrubber);
    slg_scrub_place_save(scrubber);
    return SEGLOG_OK;
}

/* What the next one is compared with. */
static void
part_keep(struct look *look)
{
    free(look->part.findings);
    look->part.findings = NULL;
    slg_tombs_reset(&look->part.tombs);
    look->before = look->part;
    look->has_before = true;
    look->part = (struct slg_verified_part){ 0 };
}

/* -- one stream ------------------------------------------------------------ */

/*
 * The checkpoint to go on at.  That at the end of a segment stands at the
 * beginning of the next as well: it is the former, for how they follow each
 * other was not looked at.
 */
static seglog_code
look_begin(struct look *look, const struct slg_stream_parts *parts,
           size_t *first, struct seglog_error *err)
{
    uint64_t offset = look->scrubber->place.offset;
    struct seglog_stream_end at = { .next_offset = 0 };
    seglog_code code = SEGLOG_OK;

    *first = 0;
    /* What is before the beginning was trimmed. */
    if (offset <= parts->begin.offset)
        offset = 0;
    for (size_t i = 1; i < parts->count && offset > 0; i++) {
        if (parts->parts[i].offset == offset) {
            offset--;
            break;
        }
    }
    if (offset > 0)
        code = seglog_stream_find_checkpoint(look->streams, look->job.stream,
                                             offset, &at, err);
    if (code != SEGLOG_OK)
        return code;
    look->job.from = at.next_offset > 0 ? at.next_offset + 1 : 0;
    look->is_first = at.next_offset > 0;
    while (*first + 1 < parts->count &&
           parts->parts[*first + 1].offset < look->job.from)
        (*first)++;
    return SEGLOG_OK;
}

static seglog_code
parts_scrub(struct look *look, const struct slg_stream_parts *parts,
            struct seglog_error *err)
{
    size_t at = 0;
    seglog_code code = look_begin(look, parts, &at, err);

    for (; at < parts->count && code == SEGLOG_OK; at++) {
        code = part_scrub(look, &parts->parts[at], err);
        part_keep(look);
        look->is_first = false;
    }
    return code;
}

/* It was trimmed, and what was left is gone. */
static seglog_code
lost_tell(struct look *look, struct seglog_error *err)
{
    look->told = 0;
    if (!slg_verify_add(&look->part, SEGLOG_STREAM_FAULT_LINK, 0, 0))
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for what was found");
    findings_tell(look);
    part_keep(look);
    return SEGLOG_OK;
}

/* Once.  NOT_FOUND: segments of it were merged meanwhile, or it is gone. */
static seglog_code
stream_scrub_once(struct seglog_scrubber *scrubber, struct seglog_error *err)
{
    struct slg_streams *paced = &scrubber->paced;
    struct slg_stream_parts parts = { 0 };
    struct look look = {
        .scrubber = scrubber,
        .job = { .streams = paced,
                 .stream = scrubber->place.stream,
                 .on_checkpoint = on_checkpoint },
    };
    seglog_code code =
        slg_stream_parts_list(paced->store, look.job.stream, &parts, err);

    look.streams = slg_streams_wrap(paced);
    look.job.is_stopped = &look.is_stopped;
    look.job.bytes_done = &look.bytes;
    look.job.arg = &look;
    look.job.begin = &parts.begin;
    (void)slg_scrub_identity(paced, look.job.stream, look.job.identity);
    memcpy(scrubber->place.identity, look.job.identity,
           sizeof scrubber->place.identity);
    if (code == SEGLOG_OK && parts.count > 0)
        code = parts_scrub(&look, &parts, err);
    else if (code == SEGLOG_CORRUPT)
        code = lost_tell(&look, err);
    slg_tombs_reset(&look.tombs);
    slg_stream_parts_reset(&parts);
    return code;
}

static seglog_code
stream_scrub(struct seglog_scrubber *scrubber, struct seglog_error *err)
{
    seglog_code code = SEGLOG_NOT_FOUND;

    for (unsigned i = 0; i < GONE_MAX && code == SEGLOG_NOT_FOUND; i++)
        code = stream_scrub_once(scrubber, err);
    return code;
}

/* -- all of them ----------------------------------------------------------- */

struct ids {
    uint64_t from;
    uint64_t next;
    bool is_found;
};

static bool
id_take(void *arg, uint64_t stream)
{
    struct ids *ids = arg;

    if (stream < ids->from)
        return true;
    ids->next = stream;
    ids->is_found = true;
    return false;
}

static seglog_code
streams_scrub(struct seglog_scrubber *scrubber, struct seglog_error *err)
{
    struct slg_scrub_place *place = &scrubber->place;
    struct ids ids = { .from = place->stream };
    seglog_code code = SEGLOG_OK;

    for (;;) {
        ids.is_found = false;
        code = seglog_streams_list(slg_streams_wrap(&scrubber->paced), id_take,
                                   &ids, err);
        if (code != SEGLOG_OK || !ids.is_found)
            break;
        if (place->stream != ids.next) {
            place->stream = ids.next;
            place->offset = 0;
        }
        code = stream_scrub(scrubber, err);
        if (code != SEGLOG_OK || ids.next == UINT64_MAX)
            break;
        ids.from = ids.next + 1;
    }
    return code;
}

seglog_code
slg_scrub_tour(struct seglog_scrubber *scrubber, struct seglog_error *err)
{
    struct slg_scrub_place *place = &scrubber->place;
    seglog_code code = SEGLOG_OK;

    if (place->lane[0] == '\0')
        code = streams_scrub(scrubber, err);
    if (code == SEGLOG_OK)
        code = slg_scrub_lanes(scrubber, err);
    if (code != SEGLOG_OK)
        return code;
    *place = (struct slg_scrub_place){ .tours = place->tours + 1 };
    slg_scrub_place_save(scrubber);
    return SEGLOG_OK;
}
