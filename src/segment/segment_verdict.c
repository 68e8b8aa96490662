/* SPDX-License-Identifier: MIT */
/* src/segment/segment_verdict.c - names and ranks of verdicts and causes. */
#include "src/segment/segment_verdict.h"

#include <inttypes.h>
#include <string.h>

#include "src/store/fail.h"

static const char *const verdict_names[] = { "OK",        "TORN",    "CORRUPT",
                                             "UNORDERED", "FOREIGN", "IO" };

static const char *const cause_names[] = {
    "none",         "io",       "header",  "foreign",    "stale", "passed-over",
    "order",        "copy",     "missing", "zeros",      "ones",  "mark",
    "inserted",     "checksum", "length",  "head",       "shift", "digest",
    "closing-mark", "torn",     "cut",     "depends-on", "auth",  "dropped",
};

/* What a cause means, for people. */
static const char *const cause_texts[] = {
    "damaged",
    "could not be read",
    "the header is damaged",
    "bytes of another segment",
    "bytes from before a cut",
    "a torn tail, passed over",
    "frames out of order",
    "a frame that stands elsewhere too",
    "frames are missing",
    "overwritten with zeros",
    "overwritten with 0xFF",
    "a sync point or closing mark is damaged",
    "bytes that belong to no frame",
    "checksum mismatch",
    "a length does not fit",
    "not the start of a frame",
    "bytes were inserted or removed",
    "the digest of a stretch does not match",
    "the closing mark is damaged",
    "the log ends inside a frame",
    "the end of the log is missing",
    "undecodable without a lost record",
    "an authentication tag failed",
    "payload dropped",
};

static const char *const durable_names[] = { "unknown", "no", "yes" };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *
name_at(const char *const *names, size_t count, unsigned value)
{
    return value < count ? names[value] : "unknown";
}

static int
name_find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

const char *
seglog_verdict_name(enum seglog_verdict verdict)
{
    return name_at(verdict_names, COUNT(verdict_names), (unsigned)verdict);
}

const char *
seglog_cause_name(enum seglog_cause cause)
{
    return name_at(cause_names, COUNT(cause_names), (unsigned)cause);
}

const char *
seglog_cause_text(enum seglog_cause cause)
{
    return name_at(cause_texts, COUNT(cause_texts), (unsigned)cause);
}

const char *
seglog_durable_name(enum seglog_durable durable)
{
    return name_at(durable_names, COUNT(durable_names), (unsigned)durable);
}

int
seglog_verdict_from_name(const char *name)
{
    return name_find(verdict_names, COUNT(verdict_names), name);
}

int
seglog_cause_from_name(const char *name)
{
    return name_find(cause_names, COUNT(cause_names), name);
}

int
seglog_durable_from_name(const char *name)
{
    return name_find(durable_names, COUNT(durable_names), name);
}

bool
slg_verdict_is_worse(enum seglog_verdict a, enum seglog_verdict than)
{
    /* By enum seglog_verdict: OK TORN CORRUPT UNORDERED FOREIGN IO. */
    static const uint8_t rank[] = { 0, 1, 4, 2, 3, 5 };

    return rank[a] > rank[than];
}

seglog_code
slg_verdict_fail(const struct seglog_finding *finding, const char *name,
                 struct seglog_error *err)
{
    const struct slg_place place = {
        .name = name,
        .record_no = finding->first_record,
        .line_no = finding->line,
        .offset = finding->first_byte,
    };
    const seglog_code code =
        finding->verdict == SEGLOG_VERDICT_IO ? SEGLOG_IO : SEGLOG_CORRUPT;
    const char *text = seglog_cause_text(finding->cause);

    if (finding->first_record == 0)
        return slg_fail(err, code, &place,
                        "%s; no record lost; `seglog repair` writes a sound "
                        "copy",
                        text);
    if (finding->last_record == 0)
        return slg_fail(err, code, &place, "%s", text);
    const uint64_t lost = finding->last_record - finding->first_record + 1;
    return slg_fail(err, code, &place,
                    "%s; %" PRIu64 " record%s lost; `seglog repair` saves "
                    "the rest",
                    text, lost, lost == 1 ? "" : "s");
}
