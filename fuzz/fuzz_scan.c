/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_scan.c - any bytes as a segment: the scan, the readers, repair and
 * the writer must agree about what is in it, and nothing that could be read
 * may get lost.
 *
 * Byte 0 of the input is a set of switches (enum look), for what is costly;
 * byte 1 is a parameter of several of them.  The segment follows.  What was
 * repaired is repaired again for one input in eight: fuzz_repair is for that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/control.h"
#include "fuzz/odd_store.h"
#include "fuzz/support.h"
#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_reader.h"
#include "seglog/dictionary.h"

enum look {
    LOOK_REPAIR = 1,
    LOOK_WRITE = 2,
    LOOK_PIECES = 4,     /* read in small pieces, or at the second try */
    LOOK_UNREADABLE = 8, /* a range fails */
    LOOK_EXPECT = 16,    /* records up to this are known to have existed */
    LOOK_DAMAGED = 32,   /* append behind damage */
    LOOK_SEEK = 64
};

/* Larger ones only make the fuzzer slow. */
#define SEGMENT_MAX ((size_t)24576)

/* One segment and all that has been said of it. */
struct subject {
    struct seglog_store memory;
    struct odd_store odd;
    struct seglog_store store; /* the one to read from */
    const uint8_t *bytes;
    size_t len;
    unsigned looks;
    uint8_t param;
    uint64_t expect;
    struct survey survey;
    struct reading salvaged;
    bool has_forged_mark; /* see survey_may_mislead */
};

static void
read_all(const struct subject *subject, const char *name, bool salvage,
         struct reading *reading)
{
    const struct seglog_reader_options options = {
        .size = sizeof options,
        .salvage = salvage,
        .expect = subject->expect,
    };

    reading_take(reading, subject->store, name, &options);
}

/* -- the scan, by itself --------------------------------------------------- */

static void
finding_must_be_possible(const struct subject *subject,
                         const struct seglog_finding *f)
{
    MUST(f->verdict > SEGLOG_VERDICT_OK && f->verdict <= SEGLOG_VERDICT_IO);
    MUST(f->cause > SEGLOG_CAUSE_NONE && f->cause < SEGLOG_CAUSE_AUTH);
    MUST(f->first_byte <= subject->len);
    MUST(f->byte_count <= subject->len - f->first_byte);
    MUST(!f->is_recorded);
    MUST(f->depends_on == 0 || f->cause == SEGLOG_CAUSE_DEPENDS_ON);
    MUST(f->depends_on == 0 || f->first_record == 0 ||
         f->depends_on < f->first_record);
    MUST(f->first_record != 0 || (f->line == 0 && f->lines == 0));
    if (f->last_record != 0) {
        MUST(f->verdict != SEGLOG_VERDICT_TORN);
        MUST(f->first_record >= 1 && f->first_record <= f->last_record);
        MUST(f->lines == f->last_record - f->first_record + 1);
    } else {
        MUST(f->first_record == 0 || f->verdict == SEGLOG_VERDICT_TORN);
    }
    if (f->verdict == SEGLOG_VERDICT_TORN ||
        f->verdict == SEGLOG_VERDICT_UNORDERED)
        MUST(f->durable == SEGLOG_DURABLE_NO);
    if (f->cause == SEGLOG_CAUSE_CUT && f->last_record != 0)
        MUST(f->durable == SEGLOG_DURABLE_YES);
}

static void
findings_must_add_up(const struct subject *subject)
{
    static const int rank[] = { 0, 1, 4, 2, 3, 5 }; /* SPEC.md 10.5 */
    const struct survey *survey = &subject->survey;
    enum seglog_verdict worst = SEGLOG_VERDICT_OK;
    bool has_header = false;
    uint64_t lost = 0;

    MUST(survey->summary.findings == survey->finding_count);
    for (size_t i = 0; i < survey->finding_count; i++) {
        const struct seglog_finding *f = &survey->findings[i];

        finding_must_be_possible(subject, f);
        if (rank[f->verdict] > rank[worst])
            worst = f->verdict;
        if (f->verdict != SEGLOG_VERDICT_TORN && f->first_record != 0)
            lost += f->last_record - f->first_record + 1;
        if (i > 0)
            MUST(f[-1].first_byte < f->first_byte ||
                 (f[-1].first_byte == f->first_byte &&
                  f[-1].first_record <= f->first_record));
    }
    for (size_t i = 0; i < survey->finding_count; i++)
        has_header |= survey->findings[i].first_byte == 0;
    MUST(has_header || !survey->summary.is_header_lost);
    MUST(worst != SEGLOG_VERDICT_OK || !survey->summary.is_header_lost);
    MUST(survey->summary.verdict == worst);
    MUST(survey->summary.lost == lost);
}

static void
frames_must_be_there(const struct subject *subject)
{
    const struct survey *survey = &subject->survey;
    uint64_t end = 0;

    for (size_t i = 0; i < survey->frame_count; i++) {
        const struct seglog_frame *f = &survey->frames[i];

        MUST(f->offset >= end && f->len >= SLG_FRAME_MIN);
        MUST(f->offset <= subject->len && f->len <= subject->len - f->offset);
        MUST(f->head == subject->bytes[f->offset]);
        MUST(f->body_offset > f->offset + 1);
        MUST(f->body_offset + f->body_len <= f->offset + f->len - 4);
        MUST(f->count <= INT64_MAX - f->first_record);
        end = f->offset + f->len;
    }
}

/* -- the salvaging reader against the scan --------------------------------- */

/*
 * Records, recorded gaps and lost records are, in the order of the numbers,
 * everything from the first to the next record, once each.
 */
static uint64_t
numbers_must_tile(const struct reading *reading, uint64_t next)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct heard *heard = &reading->events[i];

        if (!heard->is_gap) {
            MUST(heard->record.record_no == next);
            next++;
        } else if (heard->gap.first_record != 0) {
            MUST(heard->gap.first_record == next);
            if (heard->gap.last_record != 0)
                next = heard->gap.last_record + 1;
        }
    }
    return next;
}

static void
records_must_be_possible(const struct subject *subject)
{
    const struct reading *reading = &subject->salvaged;
    const struct seglog_scan_summary *summary = &subject->survey.summary;
    uint64_t unconfirmed = 0;

    for (size_t i = 0; i < reading->count; i++) {
        const struct seglog_record *record = &reading->events[i].record;

        if (reading->events[i].is_gap)
            continue;
        MUST(record->kind >= SEGLOG_TEXT && record->kind <= SEGLOG_TAIL);
        MUST(record->offset < subject->len);
        MUST(record->len <= (size_t)1 << summary->body_log2);
        if (summary->compressed_frames == 0) {
            MUST(record->len < subject->len);
            MUST(record->group_left < subject->len);
        }
        unconfirmed += !record->is_confirmed;
    }
    MUST(unconfirmed == subject->survey.summary.unconfirmed);
}

static int
finding_order(const void *a, const void *b)
{
    return finding_compare(a, b);
}

/* What the reader said of damage, in an order of its own. */
static void
gaps_must_be_findings(const struct subject *subject)
{
    const struct survey *survey = &subject->survey;
    const struct reading *reading = &subject->salvaged;
    struct seglog_finding *a = NULL;
    struct seglog_finding *b = NULL;
    size_t n = 0;

    for (size_t i = 0; i < reading->count; i++)
        n += reading->events[i].is_gap && !reading->events[i].gap.is_recorded;
    MUST(n == survey->finding_count);
    if (n == 0)
        return;
    a = calloc(n, sizeof *a);
    b = calloc(n, sizeof *b);
    MUST(a && b);
    memcpy(b, survey->findings, n * sizeof *b);
    n = 0;
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->events[i].is_gap && !reading->events[i].gap.is_recorded)
            a[n++] = reading->events[i].gap;
    }
    qsort(a, n, sizeof *a, finding_order);
    qsort(b, n, sizeof *b, finding_order);
    for (size_t i = 0; i < n; i++)
        MUST(finding_compare(&a[i], &b[i]) == 0);
    free(a);
    free(b);
}

static void
salvaged_must_agree(const struct subject *subject)
{
    const struct seglog_scan_summary *summary = &subject->survey.summary;
    const struct reading *reading = &subject->salvaged;

    MUST(reading->code == SEGLOG_END);
    MUST(reading->records == summary->records);
    MUST(numbers_must_tile(reading, summary->first_record) ==
         summary->next_record);
    records_must_be_possible(subject);
    gaps_must_be_findings(subject);
}

/* -- the strict reader ----------------------------------------------------- */

static bool
finding_is_behind_torn(const struct survey *survey, size_t i)
{
    while (i-- > 0) {
        if (survey->findings[i].verdict == SEGLOG_VERDICT_TORN)
            return true;
    }
    return false;
}

/*
 * A strict reader passes torn tails and does not compute stretch digests, and
 * so cannot always tell a damaged closing mark from a torn tail.  But behind
 * the first torn tail it looks at all of the rest, digests as well; and at all
 * of a segment that refers to a dictionary, when nothing says to which.
 */
static bool
finding_is_quiet(const struct survey *survey, size_t i, bool *is_maybe)
{
    const struct seglog_finding *finding = &survey->findings[i];

    if (finding->cause == SEGLOG_CAUSE_CLOSING_MARK)
        *is_maybe = true;
    if (finding->verdict == SEGLOG_VERDICT_TORN &&
        finding->cause == SEGLOG_CAUSE_TORN && finding->byte_count >= 54 &&
        finding->byte_count <= 86)
        *is_maybe = true;
    if (finding->cause == SEGLOG_CAUSE_DIGEST &&
        (survey->summary.features_refuse & SLG_REFUSE_REFERS) != 0)
        *is_maybe = true;
    return finding->verdict == SEGLOG_VERDICT_TORN ||
           (finding->cause == SEGLOG_CAUSE_DIGEST &&
            !finding_is_behind_torn(survey, i));
}

/* The next event that a strict reader gives, too. */
static const struct heard *
strict_next(const struct reading *reading, size_t *at)
{
    while (*at < reading->count) {
        const struct heard *heard = &reading->events[(*at)++];

        if (!heard->is_gap || heard->gap.is_recorded)
            return heard;
    }
    return NULL;
}

static void
strict_must_agree(const struct subject *subject)
{
    const struct survey *survey = &subject->survey;
    struct reading strict;
    bool is_maybe = false; /* damage to some, and not to others */
    bool is_loud = false;
    bool is_io = false;
    size_t at = 0;

    read_all(subject, "s", false, &strict);
    for (size_t i = 0; i < strict.count; i++) {
        const struct heard *x = &strict.events[i];
        const struct heard *y = strict_next(&subject->salvaged, &at);

        MUST(y != NULL && x->is_gap == y->is_gap);
        if (x->is_gap)
            MUST(finding_compare(&x->gap, &y->gap) == 0);
        else
            MUST(heard_same_record(&strict, x, &subject->salvaged, y));
    }
    for (size_t i = 0; i < survey->finding_count; i++) {
        is_loud |= !finding_is_quiet(survey, i, &is_maybe) &&
                   survey->findings[i].cause != SEGLOG_CAUSE_CLOSING_MARK;
        is_io |= survey->findings[i].verdict == SEGLOG_VERDICT_IO;
    }
    if (strict.code == SEGLOG_END) {
        MUST(!is_loud && strict_next(&subject->salvaged, &at) == NULL);
    } else {
        MUST(is_loud || is_maybe);
        MUST(strict.code == SEGLOG_CORRUPT ||
             (is_io && strict.code == SEGLOG_IO));
    }
    reading_free(&strict);
}

/* -- the same through an odd store ----------------------------------------- */

static void
odd_reads_must_agree(struct subject *subject)
{
    struct odd_store odd = { .inner = subject->memory,
                             .piece_max = 1 + subject->param % 17u,
                             .fails_first = subject->param >= 128 };
    const struct seglog_store store = odd_store_open(&odd);
    const struct survey *a = &subject->survey;
    struct survey b;

    survey_take(&b, store, "s", subject->expect);
    MUST(a->code == b.code);
    MUST(memcmp(&a->summary, &b.summary, sizeof a->summary) == 0);
    for (size_t i = 0; i < b.finding_count; i++)
        MUST(finding_compare(&a->findings[i], &b.findings[i]) == 0);
    survey_free(&b);
}

/* -- places ---------------------------------------------------------------- */

/* From any record on, a sound segment is read as from the start. */
static void
seek_must_agree(const struct subject *subject)
{
    const struct reading *all = &subject->salvaged;
    struct seglog_reader_options options = { .size = sizeof options,
                                             .salvage = subject->param & 1 };
    struct reading some;
    size_t at = 0;

    options.from_record =
        subject->survey.summary.first_record + subject->param / 2;
    reading_take(&some, subject->store, "s", &options);
    if (subject->survey.summary.verdict == SEGLOG_VERDICT_OK &&
        !subject->has_forged_mark) {
        MUST(some.code == SEGLOG_END);
        while (at < all->count &&
               (all->events[at].is_gap
                    ? all->events[at].gap.last_record
                    : all->events[at].record.record_no) < options.from_record)
            at++;
        MUST(all->count - at == some.count);
        for (size_t i = 0; i < some.count; i++)
            MUST(heard_same_record(all, &all->events[at + i], &some,
                                   &some.events[i]));
    }
    reading_free(&some);
}

static void
summary_must_agree(const struct subject *subject)
{
    const struct seglog_scan_summary *scan = &subject->survey.summary;
    struct seglog_scan_summary tail;
    const seglog_code code =
        seglog_segment_get_summary(subject->store, "s", &tail, NULL);

    if (scan->verdict != SEGLOG_VERDICT_OK || subject->has_forged_mark)
        return;
    MUST(code == SEGLOG_OK && tail.verdict == SEGLOG_VERDICT_OK);
    MUST(tail.next_record == scan->next_record);
    MUST(tail.first_record == scan->first_record);
    MUST(tail.next_line == scan->next_line);
    MUST(tail.epoch == scan->epoch && tail.bytes == scan->bytes);
    MUST(tail.head.epoch == scan->head.epoch);
    MUST(tail.head.next_record == scan->head.next_record);
    MUST(tail.head.checksum == scan->head.checksum);
    MUST(tail.is_closed == scan->is_closed);
    MUST(tail.watermark <= scan->watermark);
    MUST(memcmp(tail.identity, scan->identity, sizeof scan->identity) == 0);
}

/* -- attributes ------------------------------------------------------------ */

/* The frame that holds them where nothing is damaged; NULL: there is none. */
static const struct seglog_frame *
attributes_frame(const struct survey *survey)
{
    for (size_t i = 0; i < survey->frame_count; i++) {
        const struct seglog_frame *frame = &survey->frames[i];

        if (frame->head >> 5 != 6 || frame->control == 2 ||
            frame->control == 3 || frame->offset + frame->len > 20480)
            return NULL;
        if (frame->control == 8)
            return frame->body_len <= SEGLOG_ATTRIBUTES_MAX + 1 ? frame : NULL;
    }
    return NULL;
}

static void
attributes_must_be_in_front(const struct subject *subject)
{
    const struct seglog_frame *frame = attributes_frame(&subject->survey);
    uint8_t buf[SEGLOG_ATTRIBUTES_MAX];
    uint8_t seen[SEGLOG_IDENTITY_BYTES];
    size_t len = 0;
    const seglog_code code = seglog_segment_get_attributes(
        subject->store, "s", buf, sizeof buf, &len, seen, NULL);

    MUST(code == SEGLOG_OK ||
         (code == SEGLOG_IO && (subject->looks & LOOK_UNREADABLE) != 0));
    MUST(len <= sizeof buf);
    if (code != SEGLOG_OK ||
        subject->survey.summary.verdict != SEGLOG_VERDICT_OK)
        return;
    MUST(len == (frame ? frame->body_len - 1 : 0));
    MUST(len == 0 ||
         memcmp(buf, subject->bytes + frame->body_offset + 1, len) == 0);
    MUST(memcmp(seen, subject->survey.summary.identity, sizeof seen) == 0);
}

/* -- repair ---------------------------------------------------------------- */

/* A loss, or one that is recorded: repair keeps it as a recorded gap. */
static bool
heard_is_loss(const struct heard *heard)
{
    return heard->is_gap && heard->gap.last_record != 0;
}

/* Values of a later version become those that say least. */
static bool
gap_is_kept(const struct seglog_finding *old, const struct seglog_finding *new)
{
    const unsigned verdict = (unsigned)old->verdict;
    const unsigned cause = (unsigned)old->cause;
    const unsigned durable = (unsigned)old->durable;

    return (unsigned)new->verdict == (verdict - 1 < SEGLOG_VERDICT_IO
                                          ? verdict
                                          : SEGLOG_VERDICT_CORRUPT) &&
           (unsigned)new->cause ==
               (cause <= SEGLOG_CAUSE_DROPPED ? cause : SEGLOG_CAUSE_NONE) &&
           (unsigned)new->durable == (durable <= SEGLOG_DURABLE_YES
                                          ? durable
                                          : SEGLOG_DURABLE_UNKNOWN);
}

/* The records and losses of both, in order. */
static void
repaired_must_equal(const struct reading *old, const struct reading *new)
{
    size_t k = 0;

    for (size_t i = 0; i < old->count; i++) {
        const struct heard *x = &old->events[i];
        const struct heard *y = NULL;

        if (x->is_gap && !heard_is_loss(x))
            continue;
        MUST(k < new->count);
        y = &new->events[k++];
        MUST(x->is_gap == y->is_gap);
        if (!x->is_gap) {
            MUST(heard_same_record(old, x, new, y));
            continue;
        }
        MUST(y->gap.is_recorded && gap_is_kept(&x->gap, &y->gap));
        MUST(x->gap.first_record == y->gap.first_record);
        MUST(x->gap.last_record == y->gap.last_record);
        MUST(x->gap.lines == y->gap.lines);
        MUST(x->gap.first_byte == y->gap.first_byte);
        MUST(x->gap.byte_count == y->gap.byte_count);
        MUST(x->gap.has_shift == y->gap.has_shift);
        MUST(x->gap.shift == y->gap.shift);
    }
    MUST(k == new->count);
}

/* What no writer makes and yet is valid: a text with a line feed in it. */
static bool
heard_is_strange(const struct reading *reading, const struct heard *heard)
{
    return !heard->is_gap && heard->record.kind != SEGLOG_BYTES &&
           heard->record.len > 0 &&
           memchr(reading->bytes + heard->start, '\n', heard->record.len);
}

static bool
reading_is_strange(const struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        if (heard_is_strange(reading, &reading->events[i]))
            return true;
    }
    return false;
}

static void
repair_must_save(const struct subject *subject)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .expect = subject->expect };
    struct reading first;
    struct reading second;
    struct survey survey;
    const seglog_code code = seglog_repair(subject->store, "s", subject->memory,
                                           "r", &options, NULL, NULL);

    if (code == SEGLOG_INVALID && reading_is_strange(&subject->salvaged))
        return;
    MUST(code == SEGLOG_OK);
    survey_take(&survey, subject->memory, "r", 0);
    MUST(survey.code == SEGLOG_OK && survey.finding_count == 0);
    MUST(survey.summary.verdict == SEGLOG_VERDICT_OK);
    MUST(survey.summary.is_closed);
    MUST(survey.summary.next_record == subject->survey.summary.next_record);
    reading_take(&first, subject->memory, "r", NULL);
    MUST(first.code == SEGLOG_END);
    repaired_must_equal(&subject->salvaged, &first);
    if (input_is_one_in(subject->bytes, subject->len, 8)) {
        MUST(seglog_repair(subject->memory, "r", subject->memory, "rr", NULL,
                           NULL, NULL) == SEGLOG_OK);
        reading_take(&second, subject->memory, "rr", NULL);
        MUST(second.code == SEGLOG_END);
        repaired_must_equal(&first, &second);
        reading_free(&second);
    }
    reading_free(&first);
    survey_free(&survey);
}

/* -- appending ------------------------------------------------------------- */

/* Every record of old is still there, at its place or before it. */
static void
records_must_stay(const struct reading *old, const struct reading *new)
{
    size_t k = 0;

    for (size_t i = 0; i < old->count; i++) {
        if (old->events[i].is_gap)
            continue;
        while (k < new->count &&
               (new->events[k].is_gap || new->events[k].record.record_no <
                                             old->events[i].record.record_no))
            k++;
        MUST(k < new->count);
        MUST(heard_same_record(old, &old->events[i], new, &new->events[k]));
    }
}

static seglog_code
record_append(const struct subject *subject, uint64_t *number)
{
    static const uint8_t identity[SEGLOG_IDENTITY_BYTES] = { 0xF0 };
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode =
            subject->param & 1 ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE,
        .create = SEGLOG_CREATE_NEVER,
        .identity = identity,
        .is_epoch_given = true,
        .epoch_random = 0x5EED,
        .append_to_damaged = (subject->looks & LOOK_DAMAGED) != 0,
        .expect = subject->expect,
    };
    struct seglog_writer *writer = NULL;
    seglog_code code =
        seglog_writer_open(subject->store, "w", &options, &writer, NULL);
    seglog_code close_code = SEGLOG_OK;

    if (code != SEGLOG_OK)
        return code;
    code = seglog_writer_append(writer, SEGLOG_TEXT, "new", 3,
                                SEGLOG_LEVEL_FLUSH, number, NULL);
    close_code = seglog_writer_close(writer, NULL);
    MUST(code != SEGLOG_OK || close_code == SEGLOG_OK);
    return code;
}

/*
 * Behind the last damage there are frames enough to say what they are: whatever
 * follows changes nothing.  A lone frame, and one that only the end of the
 * segment confirms, may be taken for something else once more follows.
 */
static bool
damage_is_settled(const struct subject *subject)
{
    const struct survey *survey = &subject->survey;
    uint64_t end = 0;

    if (survey->summary.is_header_lost || survey->summary.unconfirmed > 0 ||
        survey->frame_count < 3)
        return false;
    for (size_t i = 0; i < survey->finding_count; i++) {
        const struct seglog_finding *f = &survey->findings[i];

        if (f->first_byte + f->byte_count > end)
            end = f->first_byte + f->byte_count;
    }
    return end <= survey->frames[survey->frame_count - 3].offset;
}

/*
 * Records found out of place may go on behind the last frame.  Who opens a
 * segment without reading all of it cannot know, and uses their numbers again.
 */
static bool
end_is_elsewhere(const struct subject *subject)
{
    const struct survey *survey = &subject->survey;
    const struct reading *reading = &subject->salvaged;
    uint64_t next = survey->summary.first_record;

    if (survey->frame_count > 0)
        next = survey->frames[survey->frame_count - 1].first_record +
               survey->frames[survey->frame_count - 1].count;
    for (size_t i = 0; i < reading->count; i++) {
        if (!reading->events[i].is_gap &&
            reading->events[i].record.record_no >= next)
            return true;
    }
    return false;
}

/*
 * With more behind it, the last frame may not be taken for one any more; and in
 * the bytes of its record there may be frames that are right where they stand,
 * with numbers that go beyond the end.
 */
static bool
other_frames_are_found(const struct subject *subject)
{
    const struct survey *old = &subject->survey;
    struct survey new;
    bool has_other = false;
    size_t k = 0;

    survey_take(&new, subject->store, "w", subject->expect);
    for (size_t i = 0; i < new.frame_count && !has_other; i++) {
        const uint64_t offset = new.frames[i].offset;

        while (k < old->frame_count && old->frames[k].offset < offset)
            k++;
        has_other = offset < subject->len &&
                    (k == old->frame_count || old->frames[k].offset != offset);
    }
    survey_free(&new);
    return has_other;
}

static void
appended_must_be_last(const struct subject *subject, uint64_t number,
                      bool is_sound)
{
    const struct reading *old = &subject->salvaged;
    const struct heard *last = NULL;
    /* Now that there is a record before them, frames in front may go on behind
     * it that were in nobody's place before. */
    const bool has_strays = !is_sound && !damage_is_settled(subject);
    struct reading new;

    read_all(subject, "w", true, &new);
    MUST(new.code == SEGLOG_END);
    for (size_t i = 0; i < new.count; i++) {
        const struct heard *heard = &new.events[i];

        if (!heard->is_gap &&
            !(has_strays && last && heard->record.record_no > number &&
              heard->record.offset < last->record.offset))
            last = heard;
    }
    MUST((last && last->record.record_no == number && last->record.len == 3) ||
         (has_strays && other_frames_are_found(subject)));
    if (!has_strays) {
        records_must_stay(old, &new);
        MUST(new.records == old->records + 1);
    }
    reading_free(&new);
}

static void
append_must_keep(const struct subject *subject)
{
    const struct seglog_scan_summary *summary = &subject->survey.summary;
    const bool is_sound = (summary->verdict == SEGLOG_VERDICT_OK ||
                           summary->verdict == SEGLOG_VERDICT_TORN) &&
                          !summary->is_header_lost;
    uint64_t number = 0;

    blob_put(subject->memory, "w", subject->bytes, subject->len);
    const seglog_code code = record_append(subject, &number);
    /* Numbers, epochs and features may leave no room for one more. */
    MUST(code == SEGLOG_OK || code == SEGLOG_CORRUPT || code == SEGLOG_IO ||
         code == SEGLOG_READ_ONLY || code == SEGLOG_TOO_LARGE ||
         code == SEGLOG_SEALED);
    if (subject->has_forged_mark || (subject->looks & LOOK_UNREADABLE) != 0)
        return;
    if (is_sound) {
        /* Of a chain the head of the end has to be known as well. */
        MUST(code != SEGLOG_CORRUPT ||
             (summary->features_refuse & SLG_REFUSE_CHAINED) != 0);
        MUST(code != SEGLOG_IO);
        MUST(code != SEGLOG_OK || number == summary->next_record);
    }
    if (code == SEGLOG_OK && !end_is_elsewhere(subject))
        appended_must_be_last(subject, number, is_sound);
}

/* -- one input ------------------------------------------------------------- */

/* What the scan says of why it cannot be read has this in it. */
static bool
refusal_names(const struct subject *subject, const char *what)
{
    struct seglog_scan_summary summary;
    struct seglog_error err;

    MUST(seglog_scan(subject->store, "s", NULL, &summary, &err) ==
         SEGLOG_FORMAT);
    return strstr(err.message, what) != NULL;
}

/* Blocks come behind records, and behind damage: not all meet them. */
static bool
refusal_is_of_block(const struct subject *subject)
{
    return refusal_names(subject, "parent") ||
           refusal_names(subject, "a block that this build cannot read");
}

/* Not a segment, or one whose dictionary is missing: everybody says so. */
static void
refusal_must_be_common(const struct subject *subject, seglog_code code)
{
    const bool is_of_block =
        code == SEGLOG_FORMAT && refusal_is_of_block(subject);
    struct seglog_scan_summary summary;
    struct reading reading;
    uint64_t number = 0;
    size_t len = 0;

    read_all(subject, "s", true, &reading);
    MUST(reading.code == code && (reading.count == 0 || is_of_block));
    reading_free(&reading);
    read_all(subject, "s", false, &reading);
    MUST(reading.code == code ||
         (reading.code == SEGLOG_CORRUPT && is_of_block) ||
         (reading.code == SEGLOG_IO && (subject->looks & LOOK_UNREADABLE)));
    reading_free(&reading);
    MUST(seglog_segment_get_summary(subject->store, "s", &summary, NULL) !=
             SEGLOG_OK ||
         is_of_block);
    /* Attributes need no dictionary, no parent and no block. */
    MUST(seglog_segment_get_attributes(subject->store, "s", NULL, 0, &len, NULL,
                                       NULL) == SEGLOG_FORMAT ||
         code != SEGLOG_FORMAT || is_of_block ||
         refusal_names(subject, "dictionary"));
    MUST(seglog_repair(subject->store, "s", subject->memory, "r", NULL, NULL,
                       NULL) == code);
    blob_put(subject->memory, "w", subject->bytes, subject->len);
    MUST(record_append(subject, &number) != SEGLOG_OK);
}

/* Read with its chain: the same records, and heads that are computed from the
 * ones that stand there. */
static void
chain_must_agree(const struct subject *subject)
{
    const struct slg_chain_reader_options options = { .salvage = true,
                                                      .expect =
                                                          subject->expect };
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_event event;
    struct seglog_chain_hash head = { .len = 0 };
    uint8_t algorithm = 0; /* of the first head, and so of all */
    bool is_known = false;
    uint64_t records = 0;
    seglog_code code =
        slg_chain_reader_open(subject->store, "s", &options, &reader, NULL);

    if (code == SEGLOG_INVALID)
        return;
    MUST(code == SEGLOG_OK);
    while ((code = slg_chain_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        /* What is before is what was behind the event before, or nothing. */
        if (event.is_before_known)
            MUST(is_known && slg_chain_hash_is_same(&event.before, &head));
        if (event.type == SLG_CHAIN_EVENT_RECORD) {
            MUST(!event.is_known || event.is_before_known);
            records++;
        }
        if (event.type == SLG_CHAIN_EVENT_HEAD) {
            if (algorithm == 0)
                algorithm = event.head.algorithm;
            MUST(!event.is_broken || event.is_before_known ||
                 event.head.is_anew || event.head.algorithm != algorithm);
        }
        is_known = event.is_known;
        head = event.hash;
    }
    MUST(code == SEGLOG_END || (subject->looks & LOOK_UNREADABLE) != 0 ||
         code == SEGLOG_FORMAT);
    if (code == SEGLOG_END)
        MUST(records == subject->survey.summary.records);
    slg_chain_reader_close(reader);
}

static void
subject_examine(struct subject *subject)
{
    survey_take(&subject->survey, subject->store, "s", subject->expect);
    if (subject->survey.code == SEGLOG_FORMAT ||
        subject->survey.code == SEGLOG_CORRUPT ||
        (subject->survey.code == SEGLOG_IO && /* of the header */
         (subject->looks & LOOK_UNREADABLE))) {
        refusal_must_be_common(subject, subject->survey.code);
        return;
    }
    MUST(subject->survey.code == SEGLOG_OK);
    MUST(subject->survey.summary.bytes == subject->len);
    findings_must_add_up(subject);
    frames_must_be_there(subject);
    subject->has_forged_mark =
        survey_may_mislead(&subject->survey, subject->bytes, subject->len);
    read_all(subject, "s", true, &subject->salvaged);
    salvaged_must_agree(subject);
    chain_must_agree(subject);
    strict_must_agree(subject);
    if ((subject->looks & LOOK_EXPECT) == 0)
        summary_must_agree(subject);
    attributes_must_be_in_front(subject);
    if ((subject->looks & LOOK_PIECES) != 0 &&
        (subject->looks & LOOK_UNREADABLE) == 0)
        odd_reads_must_agree(subject);
    if ((subject->looks & LOOK_SEEK) != 0)
        seek_must_agree(subject);
    if ((subject->looks & LOOK_REPAIR) != 0)
        repair_must_save(subject);
    if ((subject->looks & LOOK_WRITE) != 0)
        append_must_keep(subject);
}

/* That of the vectors in format/vectors that have one. */
static void
dictionary_put(struct seglog_store store)
{
    char bytes[512];
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    int len = 0;

    for (int n = 55; n < 80; n += 11)
        len += snprintf(bytes + len, sizeof bytes - (size_t)len,
                        "{\"time\":\"2024-05-01T12:00:%02dZ\",\"level\":"
                        "\"info\",\"message\":\"request %d served\","
                        "\"status\":200}",
                        n, n);
    MUST(seglog_dictionary_put(store, bytes, (size_t)len, name, NULL) ==
         SEGLOG_OK);
    MUST(strcmp(name, "158ebfbc245640d176c8448069922e00.dict") == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct subject subject = { .looks = size > 0 ? data[0] : 0,
                               .param = size > 1 ? data[1] : 0,
                               .len = size > 2 ? size - 2 : 0 };
    uint8_t *bytes = NULL;

    if (subject.len > SEGMENT_MAX)
        return 0;
    bytes = exact_copy(data + (size > 2 ? 2 : 0), subject.len);
    subject.bytes = bytes;
    if ((subject.looks & LOOK_EXPECT) != 0)
        subject.expect = subject.param;
    MUST(seglog_store_memory_open(&subject.memory, NULL) == SEGLOG_OK);
    blob_put(subject.memory, "s", subject.bytes, subject.len);
    dictionary_put(subject.memory);
    subject.store = subject.memory;
    if ((subject.looks & LOOK_UNREADABLE) != 0) {
        subject.odd.inner = subject.memory;
        subject.odd.bad_start = subject.len * subject.param / 256;
        subject.odd.bad_end = subject.odd.bad_start + 1 + subject.param % 64u;
        subject.store = odd_store_open(&subject.odd);
    }
    subject_examine(&subject);
    survey_free(&subject.survey);
    reading_free(&subject.salvaged);
    seglog_store_close(&subject.memory);
    free(bytes);
    return 0;
}
