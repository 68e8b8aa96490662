/* SPDX-License-Identifier: MIT */
/*
 * tests/damage/test_truncations.c
 *
 * Goal    every prefix of a segment reads as all that is whole in it; what is
 *         said of the rest is exact: nothing at the end of a frame, a torn
 *         tail inside of one, damage where it is sealed.  Whoever knows of more
 *         records is told which are gone.  A writer goes on behind it.
 * Method  every prefix of every kind of segment, with and without a number that
 *         is known from elsewhere.  Chunks that are cut are no part of a blob
 *         (ENCRYPTION.md 4): there the prefix is that of the whole ones.
 *
 *     test_truncations [--long] [KIND...]        --long: 1,000 records, else 100
 */
#include "tests/damage/damage_judge.h"

#include <inttypes.h>
#include <stdlib.h>

#define HEADER_BYTES 54u

/* What a prefix holds. */
struct prefix {
    size_t len;   /* of the segment */
    size_t whole; /* where its last whole unit ends */
    uint64_t records;
    bool is_closed;
};

static struct prefix
prefix_of(const struct sample *sample, size_t raw_len)
{
    struct prefix prefix = { .len = raw_len };

    if (sample->kind->is_encrypted) {
        prefix.len = 0;
        for (size_t i = 0;
             i < sample->piece_count && sample->pieces[i].end <= raw_len; i++)
            prefix.len = sample->pieces[i].plain_end;
    }
    for (size_t u = 0; u < sample->unit_count; u++) {
        const struct unit *unit = &sample->units[u];

        if (unit->end > prefix.len)
            break;
        prefix.whole = unit->end;
        prefix.records += unit->count;
        prefix.is_closed = unit->type == UNIT_CLOSING;
    }
    if (prefix.whole != prefix.len)
        prefix.is_closed = false;
    return prefix;
}

static void
finding_judge(struct run *run, const struct looked *looked,
              const struct prefix *prefix, enum seglog_verdict verdict,
              uint64_t first)
{
    const struct seglog_finding *finding = &looked->findings[0];

    if (looked->finding_count != 1) {
        run_finding(run, "%zu findings", looked->finding_count);
        return;
    }
    if (finding->verdict != verdict)
        run_finding(run, "%s %s", seglog_verdict_name(finding->verdict),
                    seglog_cause_name(finding->cause));
    if (finding->first_byte != prefix->whole ||
        finding->byte_count != prefix->len - prefix->whole)
        run_finding(run, "at %" PRIu64 "+%" PRIu64, finding->first_byte,
                    finding->byte_count);
    if (finding->first_record != first)
        run_finding(run, "it names record %" PRIu64, finding->first_record);
}

static void
prefix_judge(struct run *run, const struct looked *looked,
             const struct prefix *prefix)
{
    const struct sample *sample = run->sample;
    const bool is_sealed =
        sample->kind->is_sealed && prefix->len >= HEADER_BYTES;
    const bool is_whole = prefix->len >= HEADER_BYTES &&
                          prefix->whole == prefix->len &&
                          (!is_sealed || prefix->is_closed);
    uint64_t first = 0;

    if (looked->code != SEGLOG_OK) {
        run_finding(run, "scan says %s", seglog_code_name(looked->code));
        return;
    }
    if (looked->delivered != prefix->records || looked->summary.lost != 0 ||
        looked->summary.is_closed != prefix->is_closed)
        run_finding(
            run, "%" PRIu64 " records, %" PRIu64 " lost, %s; not %" PRIu64,
            looked->delivered, looked->summary.lost,
            looked->summary.is_closed ? "closed" : "open", prefix->records);
    if (is_whole) {
        if (looked->finding_count != 0)
            run_finding(run, "%zu findings", looked->finding_count);
        return;
    }
    /* A head that says record: it was the next one. */
    if (!is_sealed && prefix->len > HEADER_BYTES &&
        sample->plain[prefix->whole] != 0xC0)
        first = prefix->records + 1;
    finding_judge(run, looked, prefix,
                  is_sealed ? SEGLOG_VERDICT_CORRUPT : SEGLOG_VERDICT_TORN,
                  first);
}

/* Somebody knows that all of them were durable. */
static void
known_judge(struct run *run, const struct looked *looked,
            const struct prefix *prefix)
{
    const uint64_t missing = run->sample->records - prefix->records;
    const struct seglog_finding *last = NULL;

    if (looked->code != SEGLOG_OK || looked->summary.lost != missing)
        run_finding(run, "%" PRIu64 " lost of %" PRIu64, looked->summary.lost,
                    missing);
    if (missing == 0)
        return;
    if (looked->finding_count == 0) {
        run_finding(run, "what is known is not told");
        return;
    }
    last = &looked->findings[looked->finding_count - 1];
    if (last->first_record != prefix->records + 1 ||
        last->last_record != run->sample->records ||
        last->cause != SEGLOG_CAUSE_CUT)
        run_finding(run, "lost %" PRIu64 "-%" PRIu64 ", %s", last->first_record,
                    last->last_record, seglog_cause_name(last->cause));
}

static void
strict_judge(struct run *run, const struct prefix *prefix)
{
    const struct seglog_reader_options options = { .size = sizeof options };
    const bool is_damage = run->sample->kind->is_sealed &&
                           prefix->len >= HEADER_BYTES && !prefix->is_closed;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code = seglog_reader_open(run->sample->store, VIEW_NAME,
                                          &options, &reader, NULL);
    uint64_t count = 0;

    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, NULL);
        count += code == SEGLOG_OK;
    }
    if (code != (is_damage ? SEGLOG_CORRUPT : SEGLOG_END) ||
        count != prefix->records)
        run_finding(run, "strict: %" PRIu64 " records, then %s", count,
                    seglog_code_name(code));
    seglog_reader_close(reader);
}

/* Open the prefix to append, and read all of it. */
static void
writer_judge(struct run *run, size_t raw_len, const struct prefix *prefix)
{
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .drop_torn_tail = true };
    struct seglog_writer *writer = NULL;
    struct seglog_writer_state state = { .next_record = 0 };
    struct seglog_store store;
    seglog_code code = SEGLOG_OK;
    struct seglog_scan_summary summary;

    sample_store_make(run->sample, raw_len, &store);
    code = seglog_writer_open(store, VIEW_NAME, &options, &writer, NULL);
    if (code == SEGLOG_OK) {
        seglog_writer_get_state(writer, &state);
        code = seglog_writer_append(writer, SEGLOG_TEXT, "more", 4,
                                    SEGLOG_LEVEL_FLUSH, NULL, NULL);
    }
    if (writer && seglog_writer_close(writer, NULL) != SEGLOG_OK)
        run_finding(run, "the writer does not close");
    if (code == SEGLOG_OK)
        code = seglog_scan(store, VIEW_NAME, NULL, &summary, NULL);
    if (code != SEGLOG_OK || state.next_record != prefix->records + 1 ||
        summary.verdict != SEGLOG_VERDICT_OK ||
        summary.records != prefix->records + 1)
        run_finding(run, "a writer: %s, next record %" PRIu64,
                    seglog_code_name(code), state.next_record);
    seglog_store_close(&store);
}

static void
each(struct run *run, const struct sample *sample)
{
    const size_t step = run_step(run, sample->raw_len, 1500);
    struct looked looked;

    looked_init(&looked, sample);
    for (size_t len = 0; len <= sample->raw_len; len += step) {
        const struct prefix prefix = prefix_of(sample, len);

        run_what(run, "the first %zu bytes", len);
        look(run, sample->raw, len, 0, &looked);
        prefix_judge(run, &looked, &prefix);
        strict_judge(run, &prefix);
        if (len % 16 == 0)
            judge_repair(run, &looked);
        if (len % 4 == 0 && !sample->kind->is_sealed)
            writer_judge(run, len, &prefix);
        run_what(run, "the first %zu bytes, all known", len);
        look(run, sample->raw, len, sample->records, &looked);
        known_judge(run, &looked, &prefix);
    }
    looked_free(&looked);
}

int
main(int argc, char **argv)
{
    static const char *const kinds[] = {
        "plain",   "open",    "deflate",     "zstd",
        "grouped", "sealed",  "encrypted",   "sealed-encrypted",
        "one",     "two",     "one-deflate", "two-encrypted",
        "empty",   "borders", "magic",       "zeros",
        "logs",    NULL
    };

    return run_main(argc, argv, "truncations", kinds, each);
}
