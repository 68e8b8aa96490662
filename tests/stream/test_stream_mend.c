/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_mend.c
 *
 * Goal    whatever is damaged in the last segment, mending makes the stream take
 *         events again, loses nothing that is in front of the loss or can be
 *         read behind it, and keeps the damaged segment.
 */
#include "tests/stream/stream_fixture.h"

#include <stdio.h>

#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_reader.h"
#include "src/segment/segment_chain_writer.h"

#define EVENTS_MAX 100u

/* The last segment, as it was before somebody mended it. */
static struct {
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes;
    size_t len;
} last;

static int
mend_setup(void **state)
{
    struct fixture *fixture = NULL;

    (void)fixture_setup(state);
    fixture = *state;
    fixture->options.chain = SEGLOG_CHAIN_XXH3;
    stream_model_init(&fixture->model, SEGLOG_CHAIN_XXH3);
    return 0;
}

static int
mend_teardown(void **state)
{
    free(last.bytes);
    last.bytes = NULL;
    return fixture_teardown(state);
}

/* The last segment is remembered as it is, without what closing adds. */
static void
last_close(struct fixture *fixture)
{
    size_t segments = 0;

    assert_ok(
        seglog_stream_segment_count(fixture->streams, STREAM, &segments, NULL));
    (void)stream_segment_name(fixture->store, STREAM, segments - 1, last.name);
    free(last.bytes);
    last.bytes = blob_read(fixture->store, last.name, &last.len);
    close_streams(fixture);
}

/* Segments of 12 events, in batches, with a checkpoint here and there. */
static void
segments_make(struct fixture *fixture, size_t count)
{
    open_streams(fixture);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
        append(fixture, 1);
        append(fixture, 3);
        append(fixture, 1);
        if (fixture->options.checkpoint_events == 0)
            assert_ok(seglog_stream_make_checkpoint(fixture->streams, STREAM,
                                                    NULL, NULL));
        append(fixture, 1);
        append(fixture, 2);
        append(fixture, 1);
        append(fixture, 3);
    }
}

static void
segment_write(const struct fixture *fixture)
{
    blob_write(fixture->store, last.name, last.bytes, last.len);
}

static char *
damaged_name(char name[128])
{
    (void)snprintf(name, 128, "%s.damaged", last.name);
    return name;
}

/* What was kept is the damaged segment. */
static void
assert_kept(const struct fixture *fixture,
            const struct seglog_stream_mended *mended)
{
    char name[128];
    size_t len = 0;
    uint8_t *bytes = NULL;

    assert_string_equal(mended->name, damaged_name(name));
    bytes = blob_read(fixture->store, name, &len);
    assert_int_equal(len, last.len);
    assert_memory_equal(bytes, last.bytes, len);
    free(bytes);
    assert_ok(seglog_store_remove(fixture->store, name, NULL));
}

static struct seglog_stream_mended
mend(struct fixture *fixture, enum seglog_stream_mend how)
{
    struct seglog_stream_mended mended;
    struct seglog_error err;

    assert_code_err(
        seglog_stream_mend(fixture->streams, STREAM, how, &mended, &err),
        SEGLOG_OK, &err);
    return mended;
}

static bool
is_known(struct fixture *fixture)
{
    struct seglog_stream_end end;
    struct seglog_error err;
    const seglog_code code =
        seglog_stream_latest_chain_hash(fixture->streams, STREAM, &end, &err);

    if (code != SEGLOG_CORRUPT)
        assert_code_err(code, SEGLOG_OK, &err);
    return code == SEGLOG_OK;
}

/* Who only reads is told the same. */
static void
assert_reader_agrees(struct fixture *fixture)
{
    struct seglog_stream_options options = fixture->options;
    struct seglog_streams streams;
    struct seglog_stream_end ends[2];
    seglog_code code = SEGLOG_OK;

    options.is_read_only = true;
    assert_ok(seglog_streams_open(fixture->store, &options, &streams, NULL));
    code = seglog_stream_latest_chain_hash(streams, STREAM, &ends[0], NULL);
    assert_code(seglog_stream_latest_chain_hash(fixture->streams, STREAM,
                                                &ends[1], NULL),
                code);
    if (code == SEGLOG_OK) {
        assert_int_equal(ends[0].next_offset, ends[1].next_offset);
        stream_assert_hash(&ends[0].hash, &ends[1].hash);
    }
    assert_ok(seglog_streams_close(&streams, NULL));
}

/* Which events can be read, and are what they were. */
static size_t
events_read(struct fixture *fixture, bool there[EVENTS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < fixture->model.count; i++) {
        const struct seglog_slice *want = &fixture->model.events[i];
        struct seglog_stream_event *events = NULL;
        size_t got = 0;

        there[i] = seglog_stream_read_from(fixture->streams, STREAM, i, 1,
                                           &events, &got, NULL) == SEGLOG_OK &&
                   got == 1;
        if (there[i]) {
            assert_int_equal(events[0].offset, i);
            assert_int_equal(events[0].data.len, want->len);
            assert_memory_equal(events[0].data.data, want->data, want->len);
        }
        count += there[i];
        seglog_free(events);
    }
    return count;
}

struct kinds {
    uint64_t of[SEGLOG_STREAM_FAULT_MENDED + 1];
};

static bool
fault_count(void *arg, const struct seglog_stream_finding *finding)
{
    struct kinds *kinds = arg;

    kinds->of[finding->fault]++;
    return true;
}

/* Heads up to an offset are what they were. */
static struct kinds
verify(struct fixture *fixture, uint64_t upto)
{
    struct seglog_kept_head kept[EVENTS_MAX];
    struct kinds kinds = { { 0 } };
    struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .kept = kept,
        .threads = 1,
        .on_finding = fault_count,
        .arg = &kinds,
    };
    struct seglog_stream_verified result;
    struct seglog_error err;

    for (uint64_t i = 0; i <= upto; i += 1 + upto / 4) {
        kept[options.kept_count].is_signed = false;
        kept[options.kept_count].end.next_offset = i;
        kept[options.kept_count++].end.hash =
            *stream_model_head(&fixture->model, i);
    }
    assert_code_err(
        seglog_stream_verify(fixture->streams, STREAM, &options, &result, &err),
        SEGLOG_OK, &err);
    return kinds;
}

/* One more event, whatever is before it. */
static void
assert_takes_events(struct fixture *fixture,
                    const struct seglog_stream_end *before)
{
    const struct seglog_slice event = { "one more", 8 };
    struct seglog_stream_end end;
    struct seglog_chain_hash want;
    struct seglog_error err;

    slg_chain_hash(SEGLOG_CHAIN_XXH3, &before->hash, SLG_CHAIN_KIND_RECORD,
                   event.data, event.len, &want);
    assert_code_err(seglog_stream_append_batch(fixture->streams, STREAM, &event,
                                               1, before->next_offset,
                                               &before->hash, true, &end, &err),
                    SEGLOG_OK, &err);
    assert_int_equal(end.next_offset, before->next_offset + 1);
    stream_assert_hash(&end.hash, &want);
}

/* -- every byte ------------------------------------------------------------ */

/* What came before the loss is what it was; that there is damage before it
 * which kept nobody from appending is told as it was. */
static void
cut_check(struct fixture *fixture, const struct seglog_stream_mended *mended,
          const bool before[EVENTS_MAX])
{
    bool there[EVENTS_MAX];
    struct kinds kinds;

    assert_int_equal(mended->end.next_offset, mended->first_lost);
    stream_assert_hash(&mended->end.hash,
                       stream_model_head(&fixture->model, mended->first_lost));
    (void)events_read(fixture, there);
    for (size_t i = 0; i < fixture->model.count; i++)
        assert_true(there[i] == (i < mended->first_lost && before[i]));
    kinds = verify(fixture, mended->first_lost);
    assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_KEPT], 0);
    assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_LINK], 0);
    assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_CHAIN], 0);
}

/* Nothing that could be read cannot be read any more. */
static void
resume_check(struct fixture *fixture, const struct seglog_stream_mended *mended,
             const bool before[EVENTS_MAX])
{
    bool there[EVENTS_MAX];
    struct kinds kinds;

    (void)events_read(fixture, there);
    for (size_t i = 0; i < fixture->model.count; i++)
        assert_true(there[i] == before[i]);
    kinds = verify(fixture, mended->first_lost);
    assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_KEPT], 0);
    assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_LINK], 0);
    assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_CHAIN], 0);
    assert_true(kinds.of[SEGLOG_STREAM_FAULT_MENDED] > 0 || mended->lost == 0);
}

static void
damage_mend(struct fixture *fixture, enum seglog_stream_mend how)
{
    struct seglog_stream_mended mended;
    struct seglog_stream_end end;
    bool before[EVENTS_MAX];

    open_streams(fixture);
    (void)events_read(fixture, before);
    mended = mend(fixture, how);
    if (how == SEGLOG_STREAM_MEND_CUT)
        cut_check(fixture, &mended, before);
    else
        resume_check(fixture, &mended, before);
    assert_kept(fixture, &mended);
    assert_ok(
        seglog_stream_latest_chain_hash(fixture->streams, STREAM, &end, NULL));
    assert_int_equal(end.next_offset, mended.end.next_offset);
    stream_assert_hash(&end.hash, &mended.end.hash);
    assert_takes_events(fixture, &mended.end);
    close_streams(fixture);
}

/* How many of them keep from appending. */
static size_t
each_byte_mend(struct fixture *fixture, size_t step)
{
    size_t count = 0;

    for (size_t at = 0; at < last.len; at += step) {
        const uint8_t bit = (uint8_t)(1u << at % 8);
        bool has_damage = false;

        last.bytes[at] ^= bit;
        segment_write(fixture);
        open_streams(fixture);
        has_damage = !is_known(fixture);
        close_streams(fixture);
        for (int how = 0; how < 2 && has_damage; how++) {
            segment_write(fixture);
            damage_mend(fixture, (enum seglog_stream_mend)how);
        }
        count += has_damage;
        last.bytes[at] ^= bit;
    }
    return count;
}

static void
mend__each_byte_damaged__takes_events_again(void **state)
{
    static const enum seglog_codec codecs[] = { SEGLOG_CODEC_NONE,
                                                SEGLOG_CODEC_DEFLATE };
    struct fixture *fixture = *state;

    for (size_t codec = 0; codec < COUNT_OF(codecs); codec++) {
        for (size_t segments = 1; segments <= 2; segments++) {
            size_t count = 0;

            fixture->options.codec = codecs[codec];
            segments_make(fixture, segments);
            last_close(fixture);
            count = each_byte_mend(fixture, 1);
            print_message("%zu of %zu bytes keep from appending\n", count,
                          last.len);
            assert_true(count > 20);
            assert_int_equal(mend_teardown(state), 0);
            assert_int_equal(mend_setup(state), 0);
            fixture = *state;
        }
    }
}

/* All in front of the cut can be read; nothing was cut where all can be. */
static bool
cut_first_check(struct fixture *fixture)
{
    struct seglog_stream_mended mended;
    bool before[EVENTS_MAX];
    bool after[EVENTS_MAX];
    const size_t count = (open_streams(fixture), events_read(fixture, before));
    const bool was_known = is_known(fixture);

    mended = mend(fixture, SEGLOG_STREAM_MEND_CUT_FIRST);
    if (mended.name[0] == '\0') {
        assert_true(was_known);
        /* But for a batch at the end that is torn. */
        assert_int_equal(count, mended.end.next_offset);
        assert_true(count == fixture->model.count ||
                    count == fixture->model.count - 3);
        assert_int_equal(mended.lost, 0);
    } else {
        assert_int_equal(mended.end.next_offset + mended.lost,
                         fixture->model.count);
        cut_check(fixture, &mended, before);
        assert_int_equal(events_read(fixture, after), mended.first_lost);
        assert_int_equal(
            verify(fixture, mended.first_lost).of[SEGLOG_STREAM_FAULT_MENDED],
            0);
        assert_kept(fixture, &mended);
    }
    assert_takes_events(fixture, &mended.end);
    close_streams(fixture);
    return was_known && mended.lost > 0;
}

static void
mend__cut_first_with_each_byte_damaged__leaves_all_that_is_before(void **state)
{
    struct fixture *fixture = *state;
    size_t known = 0;

    segments_make(fixture, 2);
    last_close(fixture);
    for (size_t at = 0; at < last.len; at++) {
        last.bytes[at] ^= (uint8_t)(1u << at % 8);
        segment_write(fixture);
        known += cut_first_check(fixture);
        last.bytes[at] ^= (uint8_t)(1u << at % 8);
    }
    /* Of the five that are in front of the checkpoint. */
    assert_true(known > 5 * 8);
}

/* -- what exactly ---------------------------------------------------------- */

/* Twelve events, the last six behind the last checkpoint; 7 is lost. */
static void
lost_make(struct fixture *fixture)
{
    segments_make(fixture, 1);
    last_close(fixture);
    last.bytes[stream_find_text(last.bytes, last.len, "event-7")] ^= 1;
    segment_write(fixture);
    open_streams(fixture);
    assert_false(is_known(fixture));
}

static void
mend__cut__ends_before_the_first_that_is_lost(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;

    lost_make(fixture);
    mended = mend(fixture, SEGLOG_STREAM_MEND_CUT);
    /* 6 and 7 are a batch. */
    assert_int_equal(mended.first_lost, 6);
    assert_int_equal(mended.lost, 6);
    assert_int_equal(mended.set_aside, 4);
    assert_int_equal(mended.end.next_offset, 6);
    assert_kept(fixture, &mended);
    assert_int_equal(verify(fixture, 6).of[SEGLOG_STREAM_FAULT_DAMAGE], 0);
    assert_takes_events(fixture, &mended.end);
    assert_int_equal(mend(fixture, SEGLOG_STREAM_MEND_CUT).name[0], '\0');
}

static void
mend__resume__keeps_the_offsets_of_what_is_behind(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    struct seglog_chain_hash want;
    struct seglog_stream_event *events = NULL;
    struct kinds kinds;
    size_t count = 0;

    lost_make(fixture);
    mended = mend(fixture, SEGLOG_STREAM_MEND_RESUME);
    assert_int_equal(mended.first_lost, 6);
    assert_int_equal(mended.lost, 2);
    assert_int_equal(mended.set_aside, 0);
    assert_int_equal(mended.end.next_offset, 12);
    slg_chain_hash_anew(SEGLOG_CHAIN_XXH3,
                        stream_model_head(&fixture->model, 6), 7, 9, &want);
    for (size_t i = 8; i < 12; i++) {
        const struct seglog_chain_hash before = want;

        slg_chain_hash(SEGLOG_CHAIN_XXH3, &before, SLG_CHAIN_KIND_RECORD,
                       fixture->model.events[i].data,
                       fixture->model.events[i].len, &want);
    }
    stream_assert_hash(&mended.end.hash, &want);
    assert_ok(seglog_stream_read_from(fixture->streams, STREAM, 8, UINT64_MAX,
                                      &events, &count, NULL));
    assert_int_equal(count, 4);
    seglog_free(events);
    assert_code(seglog_stream_read_from(fixture->streams, STREAM, 5, UINT64_MAX,
                                        &events, &count, NULL),
                SEGLOG_CORRUPT);
    kinds = verify(fixture, 6);
    assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_MENDED], 1);
    assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_DAMAGE], 1);
    assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_KEPT], 0);
    /* Of later offsets they are others. */
    assert_int_equal(verify(fixture, 12).of[SEGLOG_STREAM_FAULT_KEPT] > 0, 1);
    assert_takes_events(fixture, &mended.end);
}

/* As long as a closing mark and a chain head, which cost nothing. */
static void
mend__attributes_and_a_tombstone_behind_them__may_have_been_one(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    size_t at = 0;

    open_streams(fixture);
    append(fixture, 2);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    assert_ok(seglog_stream_tombstone(fixture->streams, STREAM, 1, NULL, NULL));
    assert_ok(seglog_stream_tombstone(fixture->streams, STREAM, 0, NULL, NULL));
    last_close(fixture);
    at = stream_find_text(last.bytes, last.len, "T1\002");
    last.bytes[at] ^= 1;
    last.bytes[at + 50] ^= 1;
    for (int how = 0; how < 2; how++) {
        segment_write(fixture);
        open_streams(fixture);
        assert_reader_agrees(fixture);
        assert_false(is_known(fixture));
        mended = mend(fixture, (enum seglog_stream_mend)how);
        assert_int_equal(mended.end.next_offset, 2);
        assert_int_equal(mended.lost, 0);
        assert_kept(fixture, &mended);
        assert_true(is_known(fixture));
        assert_ok(seglog_stream_append_batch(
            fixture->streams, STREAM, &(struct seglog_slice){ "x", 1 }, 1, 2,
            &mended.end.hash, true, NULL, NULL));
        close_streams(fixture);
    }
}

/* What is left does not say which head is before it. */
static void
mend__nothing_left_but_a_header__takes_events_again(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;

    segments_make(fixture, 1);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    last_close(fixture);
    last.len = SLG_HEADER_BYTES;
    segment_write(fixture);
    open_streams(fixture);
    assert_reader_agrees(fixture);
    assert_false(is_known(fixture));
    mended = mend(fixture, SEGLOG_STREAM_MEND_CUT);
    assert_int_equal(mended.lost, 0);
    assert_kept(fixture, &mended);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    assert_takes_events(fixture, &mended.end);
}

/* Between the two there is a head, which stays what it is. */
static void
mend__damage_before_a_known_head__stays(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    struct kinds kinds;

    segments_make(fixture, 1);
    last_close(fixture);
    last.bytes[stream_find_text(last.bytes, last.len, "event-4")] ^= 1;
    last.bytes[stream_find_text(last.bytes, last.len, "event-8")] ^= 1;
    segment_write(fixture);
    open_streams(fixture);
    for (int how = 0; how < 2; how++) {
        mended = mend(fixture, (enum seglog_stream_mend)how);
        assert_int_equal(mended.first_lost, 8);
        assert_kept(fixture, &mended);
        kinds = verify(fixture, 8);
        assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_KEPT], 0);
        assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_DAMAGE],
                         how == 1 ? 2 : 1);
        assert_int_equal(kinds.of[SEGLOG_STREAM_FAULT_MENDED], how);
        close_streams(fixture);
        segment_write(fixture);
        open_streams(fixture);
    }
}

static void
mend__cut_first_and_a_head_is_known_behind__ends_before_the_loss(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;

    segments_make(fixture, 1);
    last_close(fixture);
    last.bytes[stream_find_text(last.bytes, last.len, "event-4")] ^= 1;
    segment_write(fixture);
    open_streams(fixture);
    assert_true(is_known(fixture));
    assert_int_equal(mend(fixture, SEGLOG_STREAM_MEND_CUT).name[0], '\0');
    mended = mend(fixture, SEGLOG_STREAM_MEND_CUT_FIRST);
    assert_int_equal(mended.first_lost, 4);
    assert_int_equal(mended.lost, 8);
    assert_int_equal(mended.set_aside, 7);
    assert_int_equal(mended.end.next_offset, 4);
    assert_kept(fixture, &mended);
    assert_int_equal(verify(fixture, 4).of[SEGLOG_STREAM_FAULT_DAMAGE], 0);
    assert_int_equal(mend(fixture, SEGLOG_STREAM_MEND_CUT_FIRST).name[0], '\0');
    assert_takes_events(fixture, &mended.end);
}

static void
mend__cut_first_behind_a_recorded_loss__ends_before_it(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    char name[128];

    lost_make(fixture);
    (void)mend(fixture, SEGLOG_STREAM_MEND_RESUME);
    assert_ok(seglog_store_remove(fixture->store, damaged_name(name), NULL));
    assert_true(is_known(fixture));
    mended = mend(fixture, SEGLOG_STREAM_MEND_CUT_FIRST);
    assert_int_equal(mended.first_lost, 6);
    assert_int_equal(mended.lost, 6);
    assert_int_equal(mended.set_aside, 4);
    assert_takes_events(fixture, &mended.end);
    assert_int_equal(verify(fixture, 6).of[SEGLOG_STREAM_FAULT_MENDED], 0);
}

static void
mend__good_or_no_stream__does_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;

    open_streams(fixture);
    assert_code(seglog_stream_mend(fixture->streams, STREAM,
                                   SEGLOG_STREAM_MEND_CUT, &mended, NULL),
                SEGLOG_NOT_FOUND);
    append(fixture, 3);
    mended = mend(fixture, SEGLOG_STREAM_MEND_RESUME);
    assert_int_equal(mended.lost, 0);
    assert_int_equal(mended.end.next_offset, 3);
    assert_string_equal(mended.name, "");
    assert_code(seglog_stream_mend(fixture->streams, STREAM,
                                   (enum seglog_stream_mend)3, &mended, NULL),
                SEGLOG_INVALID);
    close_streams(fixture);
    fixture->options.is_read_only = true;
    open_streams(fixture);
    assert_code(seglog_stream_mend(fixture->streams, STREAM,
                                   SEGLOG_STREAM_MEND_CUT, NULL, NULL),
                SEGLOG_READ_ONLY);
}

static void
mend__damaged_one_is_kept_already__goes_on_or_exists(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    struct seglog_error err;
    char name[128];

    lost_make(fixture);
    blob_write(fixture->store, damaged_name(name), "older", 5);
    assert_code(seglog_stream_mend(fixture->streams, STREAM,
                                   SEGLOG_STREAM_MEND_CUT, &mended, &err),
                SEGLOG_EXISTS);
    assert_string_equal(err.name, name);
    assert_false(is_known(fixture));
    /* As one leaves it that was killed. */
    blob_write(fixture->store, name, last.bytes, last.len);
    mended = mend(fixture, SEGLOG_STREAM_MEND_CUT);
    assert_int_equal(mended.end.next_offset, 6);
    assert_kept(fixture, &mended);
}

/* Its handle knows the head, and would go on in the damaged segment. */
static void
mend__others_have_it_open__go_on_in_the_mended_one(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams other = { 0 };
    struct seglog_stream_mended mended;
    struct seglog_stream_end end;
    const struct seglog_slice event = { "of the other", 12 };

    segments_make(fixture, 1);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &other, NULL));
    assert_ok(seglog_stream_append_batch(
        other, STREAM, &event, 1, SEGLOG_OFFSET_ANY, NULL, false, &end, NULL));
    assert_int_equal(end.next_offset, 13);
    last_close(fixture);
    last.bytes[stream_find_text(last.bytes, last.len, "event-7")] ^= 1;
    segment_write(fixture);
    open_streams(fixture);
    mended = mend(fixture, SEGLOG_STREAM_MEND_CUT);
    assert_int_equal(mended.end.next_offset, 6);
    assert_int_equal(mended.lost, 7);
    assert_ok(seglog_stream_append_batch(
        other, STREAM, &event, 1, SEGLOG_OFFSET_ANY, NULL, false, &end, NULL));
    assert_int_equal(end.next_offset, 7);
    assert_ok(seglog_streams_close(&other, NULL));
    assert_ok(
        seglog_stream_latest_chain_hash(fixture->streams, STREAM, &end, NULL));
    assert_int_equal(end.next_offset, 7);
    assert_int_equal(verify(fixture, 6).of[SEGLOG_STREAM_FAULT_DAMAGE], 0);
}

/* -- tombstones ------------------------------------------------------------ */

static void
tombstone_put(struct fixture *fixture, uint64_t offset)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .create = SEGLOG_CREATE_NEVER,
        .no_closing_mark = true,
    };
    const struct slg_tombstone tombstone = {
        .algorithm = SEGLOG_CHAIN_XXH3,
        .number = offset + 1,
        .before = *stream_model_head(&fixture->model, offset),
        .hash = *stream_model_head(&fixture->model, offset + 1),
    };
    struct seglog_writer *writer = NULL;

    assert_ok(
        seglog_writer_open(fixture->store, last.name, &options, &writer, NULL));
    assert_ok(seglog_writer_hold(writer, NULL));
    assert_ok(slg_writer_put_tombstone(writer, &tombstone, NULL));
    assert_ok(seglog_writer_flush(writer, NULL));
    seglog_writer_release(writer);
    assert_ok(seglog_writer_close(writer, NULL));
}

/* The numbers of the records that have one, each with the hashes that the
 * record has there. */
static size_t
tombstones_read(struct fixture *fixture, uint64_t numbers[EVENTS_MAX])
{
    struct seglog_chain_hash before[EVENTS_MAX];
    struct seglog_chain_hash behind[EVENTS_MAX];
    struct slg_chain_reader *reader = NULL;
    struct slg_chain_event event;
    size_t count = 0;

    assert_ok(
        slg_chain_reader_open(fixture->store, last.name, NULL, &reader, NULL));
    while (slg_chain_reader_next(reader, &event, NULL) == SEGLOG_OK) {
        if (event.type == SLG_CHAIN_EVENT_RECORD) {
            assert_true(event.number < EVENTS_MAX);
            before[event.number] = event.before;
            behind[event.number] = event.hash;
        } else if (event.type == SLG_CHAIN_EVENT_TOMBSTONE) {
            const struct slg_tombstone *tombstone = &event.tombstone;

            stream_assert_hash(&tombstone->before, &before[tombstone->number]);
            stream_assert_hash(&tombstone->hash, &behind[tombstone->number]);
            numbers[count++] = tombstone->number;
        }
    }
    slg_chain_reader_close(reader);
    return count;
}

static void
mend__tombstones_behind_the_loss__stay_in_force(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    uint64_t numbers[EVENTS_MAX];

    segments_make(fixture, 1);
    (void)stream_segment_name(fixture->store, STREAM, 0, last.name);
    tombstone_put(fixture, 2); /* in front of the loss */
    tombstone_put(fixture, 7); /* lost */
    tombstone_put(fixture, 9); /* behind it */
    last.bytes = blob_read(fixture->store, last.name, &last.len);
    close_streams(fixture);
    last.bytes[stream_find_text(last.bytes, last.len, "event-7")] ^= 1;
    for (int how = 0; how < 2; how++) {
        segment_write(fixture);
        open_streams(fixture);
        mended = mend(fixture, (enum seglog_stream_mend)how);
        assert_kept(fixture, &mended);
        assert_int_equal(tombstones_read(fixture, numbers), 1 + how);
        assert_int_equal(numbers[0], 3);
        if (how == 1)
            assert_int_equal(numbers[1], 10);
        assert_takes_events(fixture, &mended.end);
        close_streams(fixture);
    }
}

/* Whatever it was that is damaged: who may not append can mend. */
static void
mend__each_byte_with_tombstones_damaged__takes_events_again(void **state)
{
    struct fixture *fixture = *state;
    size_t count = 0;

    segments_make(fixture, 1);
    (void)stream_segment_name(fixture->store, STREAM, 0, last.name);
    for (size_t i = 2; i < 12; i += 3)
        tombstone_put(fixture, i);
    last.bytes = blob_read(fixture->store, last.name, &last.len);
    close_streams(fixture);
    for (size_t at = 0; at < 2 * last.len; at++) {
        last.bytes[at / 2] ^= 1;
        segment_write(fixture);
        open_streams(fixture);
        assert_reader_agrees(fixture);
        if (!is_known(fixture)) {
            const struct seglog_stream_mended mended =
                mend(fixture, (enum seglog_stream_mend)(at % 2));

            assert_kept(fixture, &mended);
            assert_takes_events(fixture, &mended.end);
            count++;
        }
        close_streams(fixture);
        last.bytes[at / 2] ^= 1;
    }
    print_message("%zu mended\n", count);
    assert_true(count > 200);
}

/* Of the events that are gone nothing is remembered, by nobody. */
static void
mend__cut__marks_of_what_is_gone_are_forgotten(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams other = { 0 };
    uint64_t numbers[EVENTS_MAX];

    segments_make(fixture, 1);
    (void)stream_segment_name(fixture->store, STREAM, 0, last.name);
    tombstone_put(fixture, 9);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &other, NULL));
    assert_code(seglog_stream_tombstone(other, STREAM, 9, NULL, NULL),
                SEGLOG_EXISTS);
    last_close(fixture);
    last.bytes[stream_find_text(last.bytes, last.len, "event-7")] ^= 1;
    segment_write(fixture);
    open_streams(fixture);
    assert_int_equal(mend(fixture, SEGLOG_STREAM_MEND_CUT).end.next_offset, 6);
    for (size_t i = 0; i < 5; i++) {
        const struct seglog_slice event = { "another one", 11 };

        assert_ok(seglog_stream_append_batch(
            i % 2 ? other : fixture->streams, STREAM, &event, 1,
            SEGLOG_OFFSET_ANY, NULL, false, NULL, NULL));
    }
    assert_ok(seglog_stream_tombstone(other, STREAM, 9, NULL, NULL));
    assert_ok(seglog_stream_tombstone(fixture->streams, STREAM, 7, NULL, NULL));
    assert_ok(seglog_streams_close(&other, NULL));
    close_streams(fixture);
    assert_int_equal(tombstones_read(fixture, numbers), 2);
    assert_int_equal(numbers[0], 10);
    assert_int_equal(numbers[1], 8);
}

/* No event is lost with it: those behind it are kept, with the heads that they
 * have without it, and the mark can be set again. */
static void
mend__tombstone_is_lost__events_behind_it_stay(void **state)
{
    static const struct seglog_slice event = { "behind it", 9 };
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    uint64_t numbers[EVENTS_MAX];
    size_t at = 0;

    segments_make(fixture, 1);
    (void)stream_segment_name(fixture->store, STREAM, 0, last.name);
    free(blob_read(fixture->store, last.name, &at));
    tombstone_put(fixture, 2);
    for (size_t i = 0; i < 2; i++)
        assert_ok(seglog_stream_append_batch(fixture->streams, STREAM, &event,
                                             1, SEGLOG_OFFSET_ANY, NULL, false,
                                             NULL, NULL));
    tombstone_put(fixture, 4);
    stream_model_add(&fixture->model, &event, 1);
    stream_model_add(&fixture->model, &event, 1);
    last.bytes = blob_read(fixture->store, last.name, &last.len);
    close_streams(fixture);
    last.bytes[at + 20] ^= 1;
    for (int how = 0; how < 2; how++) {
        segment_write(fixture);
        open_streams(fixture);
        assert_false(is_known(fixture));
        mended = mend(fixture, (enum seglog_stream_mend)how);
        assert_int_equal(mended.lost, 0);
        assert_int_equal(mended.set_aside, 0);
        assert_int_equal(mended.first_lost, 14);
        assert_int_equal(mended.end.next_offset, 14);
        assert_kept(fixture, &mended);
        assert_int_equal(verify(fixture, 13).of[SEGLOG_STREAM_FAULT_KEPT], 0);
        assert_ok(
            seglog_stream_tombstone(fixture->streams, STREAM, 2, NULL, NULL));
        assert_int_equal(tombstones_read(fixture, numbers), 2);
        assert_int_equal(numbers[0], 5);
        assert_int_equal(numbers[1], 3);
        close_streams(fixture);
    }
}

#define MEND_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, mend_setup, mend_teardown)

/* Nothing is cut; what somebody left who died keeping it is taken away. */
static void
mend__store_that_cannot_cut__is_mended(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_faults *faults = seglog_faults_new(fixture->store);
    struct seglog_stream_mended mended;
    struct seglog_streams streams;
    struct seglog_error err;
    char name[128];

    assert_non_null(faults);
    seglog_faults_hide(faults, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    lost_make(fixture);
    close_streams(fixture);
    damaged_name(name);
    (void)strcat(name, ".new");
    blob_write(fixture->store, name, "some", 4);
    assert_ok(seglog_streams_open(seglog_faults_store(faults),
                                  &fixture->options, &streams, NULL));
    assert_code_err(seglog_stream_mend(streams, STREAM, SEGLOG_STREAM_MEND_CUT,
                                       &mended, &err),
                    SEGLOG_OK, &err);
    assert_int_equal(mended.end.next_offset, 6);
    assert_ok(seglog_streams_close(&streams, NULL));
    assert_false(blob_exists(fixture->store, name));
    assert_kept(fixture, &mended);
    seglog_faults_free(faults);
    open_streams(fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        MEND_TEST(mend__each_byte_damaged__takes_events_again),
        MEND_TEST(
            mend__cut_first_with_each_byte_damaged__leaves_all_that_is_before),
        MEND_TEST(mend__cut__ends_before_the_first_that_is_lost),
        MEND_TEST(
            mend__cut_first_and_a_head_is_known_behind__ends_before_the_loss),
        MEND_TEST(mend__cut_first_behind_a_recorded_loss__ends_before_it),
        MEND_TEST(mend__resume__keeps_the_offsets_of_what_is_behind),
        MEND_TEST(
            mend__attributes_and_a_tombstone_behind_them__may_have_been_one),
        MEND_TEST(mend__nothing_left_but_a_header__takes_events_again),
        MEND_TEST(mend__damage_before_a_known_head__stays),
        MEND_TEST(mend__good_or_no_stream__does_nothing),
        MEND_TEST(mend__store_that_cannot_cut__is_mended),
        MEND_TEST(mend__damaged_one_is_kept_already__goes_on_or_exists),
        MEND_TEST(mend__others_have_it_open__go_on_in_the_mended_one),
        MEND_TEST(mend__tombstones_behind_the_loss__stay_in_force),
        MEND_TEST(mend__tombstone_is_lost__events_behind_it_stay),
        MEND_TEST(mend__each_byte_with_tombstones_damaged__takes_events_again),
        MEND_TEST(mend__cut__marks_of_what_is_gone_are_forgotten),
    };

    return cmocka_run_group_tests_name("stream/stream_mend", tests, NULL, NULL);
}
