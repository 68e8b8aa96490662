/* SPDX-License-Identifier: MIT */
/* src/session/notes_block.c - SPEC.md 14.3: what is noted of a run. */
#include "src/session/notes_block.h"

#include <string.h>

#include "format/bytes.h"

#define BLOCK_VERSION 1
#define KIND_CAP      (sizeof((struct seglog_entry_note *)0)->kind)

enum note_flags {
    NOTE_HAS_TS = 1,
    NOTE_ENDS_TURN = 2,
    NOTE_ABSENT = 4,
    NOTE_FLAG_BITS = 3
};

/* -- a run ---------------------------------------------------------------- */

void
slg_notes_run_init(struct slg_notes_run *run, uint64_t first,
                   uint64_t turn_before)
{
    run->head = (struct slg_notes_head){
        .first = first,
        .turn_before = turn_before,
        .turn_after = turn_before,
        .ts_min = INT64_MAX,
        .ts_max = INT64_MIN,
        .turn_min = UINT64_MAX,
    };
}

/* The sums of a block over one more entry. */
static void
head_count(struct slg_notes_head *head, const struct seglog_entry_note *note)
{
    if (note->ts_ms != INT64_MIN) {
        if (note->ts_ms < head->ts_min)
            head->ts_min = note->ts_ms;
        if (note->ts_ms > head->ts_max)
            head->ts_max = note->ts_ms;
    }
    if (!note->ends_turn)
        return;
    head->turn_after = note->turn;
    if (note->turn < head->turn_min)
        head->turn_min = note->turn;
    if (note->turn > head->turn_max)
        head->turn_max = note->turn;
}

void
slg_notes_run_add(struct slg_notes_run *run,
                  const struct seglog_entry_note *note)
{
    struct slg_notes_head *head = &run->head;
    struct seglog_entry_note *added = &run->notes[head->count];

    run->is_absent[head->count] = note == NULL;
    *added = note ? *note : (struct seglog_entry_note){ .ts_ms = INT64_MIN };
    added->record_no = head->first + head->count;
    head_count(head, added);
    added->turn = head->turn_after;
    head->count++;
}

/* -- numbers -------------------------------------------------------------- */

/* Seven bits at a time, the lowest first; up to ten bytes. */
static uint8_t *
number_put(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

/* What is left to be decoded. */
struct span {
    const uint8_t *at;
    const uint8_t *end;
};

static bool
number_get(struct span *span, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && span->at < span->end; shift += 7) {
        const uint8_t byte = *span->at++;

        /* One legal encoding: ten bytes at most, and none too many. */
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            return false;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Differences modulo 2^64, small ones of either sign first. */
static uint64_t
zigzag(uint64_t from, uint64_t to)
{
    const uint64_t delta = to - from;

    return delta << 1 ^ (delta >> 63 ? UINT64_MAX : 0);
}

static uint64_t
unzigzag(uint64_t from, uint64_t value)
{
    return from + (value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

/* -- encoding ------------------------------------------------------------- */

/* Kinds that occur in a block, in the order of their first entries. */
struct kinds {
    const char *names[SLG_NOTES_RUN];
    uint8_t lens[SLG_NOTES_RUN];
    size_t count;
};

static size_t
kind_len(const char *kind)
{
    const char *end = memchr(kind, 0, KIND_CAP);

    return end ? (size_t)(end - kind) : KIND_CAP - 1;
}

/* 0: it has no kind; else 1 and up. */
static size_t
kinds_find_or_add(struct kinds *kinds, const char *kind)
{
    const size_t len = kind_len(kind);

    if (len == 0)
        return 0;
    for (size_t i = 0; i < kinds->count; i++) {
        if (kinds->lens[i] == len && memcmp(kinds->names[i], kind, len) == 0)
            return i + 1;
    }
    kinds->names[kinds->count] = kind;
    kinds->lens[kinds->count] = (uint8_t)len;
    return ++kinds->count;
}

static uint8_t *
head_put(uint8_t *out, const struct slg_notes_head *head)
{
    out[0] = BLOCK_VERSION;
    slg_store_le64(out + 1, head->first);
    slg_store_le16(out + 9, (uint16_t)head->count);
    slg_store_le64(out + 11, head->identity);
    slg_store_le64(out + 19, head->last);
    slg_store_le64(out + 27, head->turn_before);
    slg_store_le64(out + 35, head->turn_after);
    slg_store_le64(out + 43, (uint64_t)head->ts_min);
    slg_store_le64(out + 51, (uint64_t)head->ts_max);
    slg_store_le64(out + 59, head->turn_min);
    slg_store_le64(out + 67, head->turn_max);
    return out + SLG_NOTES_HEAD;
}

static uint8_t *
kinds_put(uint8_t *out, const struct kinds *kinds)
{
    out = number_put(out, kinds->count);
    for (size_t i = 0; i < kinds->count; i++) {
        *out++ = kinds->lens[i];
        memcpy(out, kinds->names[i], kinds->lens[i]);
        out += kinds->lens[i];
    }
    return out;
}

/* The numbers that differences are taken from. */
struct series {
    uint64_t ts;
    uint64_t turn;
};

static uint8_t *
note_put(uint8_t *out, const struct seglog_entry_note *note, bool is_absent,
         size_t kind, struct series *before)
{
    const bool has_ts = note->ts_ms != INT64_MIN;

    out = number_put(out, kind << NOTE_FLAG_BITS | (has_ts ? NOTE_HAS_TS : 0u) |
                              (note->ends_turn ? NOTE_ENDS_TURN : 0u) |
                              (is_absent ? NOTE_ABSENT : 0u));
    if (has_ts) {
        out = number_put(out, zigzag(before->ts, (uint64_t)note->ts_ms));
        before->ts = (uint64_t)note->ts_ms;
    }
    if (note->ends_turn) {
        out = number_put(out, zigzag(before->turn, note->turn));
        before->turn = note->turn;
    }
    return out;
}

size_t
slg_notes_run_encode(const struct slg_notes_run *run, uint8_t *buf)
{
    const struct slg_notes_head *head = &run->head;
    struct series before = { .turn = head->turn_before };
    struct kinds kinds = { .count = 0 };
    uint16_t kind_of[SLG_NOTES_RUN];
    uint8_t *out = head_put(buf, head);

    for (size_t i = 0; i < head->count; i++)
        kind_of[i] = (uint16_t)kinds_find_or_add(&kinds, run->notes[i].kind);
    out = kinds_put(out, &kinds);
    for (size_t i = 0; i < head->count; i++)
        out = note_put(out, &run->notes[i], run->is_absent[i], kind_of[i],
                       &before);
    return (size_t)(out - buf);
}

/* -- decoding ------------------------------------------------------------- */

bool
slg_notes_head_decode(const uint8_t *bytes, size_t len,
                      struct slg_notes_head *head)
{
    if (len < SLG_NOTES_HEAD || bytes[0] != BLOCK_VERSION)
        return false;
    *head = (struct slg_notes_head){
        .first = slg_load_le64(bytes + 1),
        .count = slg_load_le16(bytes + 9),
        .identity = slg_load_le64(bytes + 11),
        .last = slg_load_le64(bytes + 19),
        .turn_before = slg_load_le64(bytes + 27),
        .turn_after = slg_load_le64(bytes + 35),
        .ts_min = (int64_t)slg_load_le64(bytes + 43),
        .ts_max = (int64_t)slg_load_le64(bytes + 51),
        .turn_min = slg_load_le64(bytes + 59),
        .turn_max = slg_load_le64(bytes + 67),
    };
    return head->count > 0 && head->count <= SLG_NOTES_RUN && head->first > 0 &&
           head->first <= UINT64_MAX - SLG_NOTES_RUN;
}

static bool
kinds_get(struct span *span, struct kinds *kinds)
{
    uint64_t count = 0;

    if (!number_get(span, &count) || count > SLG_NOTES_RUN)
        return false;
    kinds->count = (size_t)count;
    for (size_t i = 0; i < kinds->count; i++) {
        size_t len = 0;

        if (span->at == span->end)
            return false;
        len = *span->at++;
        if (len == 0 || len >= KIND_CAP ||
            len > (size_t)(span->end - span->at) || memchr(span->at, 0, len))
            return false;
        kinds->names[i] = (const char *)span->at;
        kinds->lens[i] = (uint8_t)len;
        span->at += len;
    }
    return true;
}

static bool
note_get(struct span *span, const struct kinds *kinds, struct series *before,
         struct seglog_entry_note *note, bool *is_absent)
{
    uint64_t tag = 0;
    uint64_t value = 0;
    uint64_t kind = 0;

    *note = (struct seglog_entry_note){ .ts_ms = INT64_MIN };
    if (!number_get(span, &tag))
        return false;
    kind = tag >> NOTE_FLAG_BITS;
    *is_absent = (tag & NOTE_ABSENT) != 0;
    if (kind > kinds->count || (*is_absent && tag != NOTE_ABSENT))
        return false;
    if (kind > 0)
        memcpy(note->kind, kinds->names[kind - 1], kinds->lens[kind - 1]);
    if ((tag & NOTE_HAS_TS) != 0) {
        if (!number_get(span, &value))
            return false;
        before->ts = unzigzag(before->ts, value);
        note->ts_ms = (int64_t)before->ts;
        if (note->ts_ms == INT64_MIN)
            return false;
    }
    note->ends_turn = (tag & NOTE_ENDS_TURN) != 0;
    if (note->ends_turn) {
        if (!number_get(span, &value))
            return false;
        before->turn = unzigzag(before->turn, value);
        note->turn = before->turn;
    }
    return true;
}

static bool
head_agrees(const struct slg_notes_head *said,
            const struct slg_notes_head *found)
{
    return said->count == found->count &&
           said->turn_after == found->turn_after &&
           said->ts_min == found->ts_min && said->ts_max == found->ts_max &&
           said->turn_min == found->turn_min &&
           said->turn_max == found->turn_max;
}

bool
slg_notes_run_decode(const uint8_t *bytes, size_t len,
                     struct slg_notes_run *run)
{
    struct slg_notes_head head;
    struct series before = { 0 };
    struct kinds kinds;
    struct span span;

    if (!slg_notes_head_decode(bytes, len, &head))
        return false;
    span = (struct span){ bytes + SLG_NOTES_HEAD, bytes + len };
    if (!kinds_get(&span, &kinds))
        return false;
    slg_notes_run_init(run, head.first, head.turn_before);
    run->head.identity = head.identity;
    run->head.last = head.last;
    before.turn = head.turn_before;
    for (uint64_t i = 0; i < head.count; i++) {
        struct seglog_entry_note note;
        bool is_absent = false;

        if (!note_get(&span, &kinds, &before, &note, &is_absent))
            return false;
        slg_notes_run_add(run, is_absent ? NULL : &note);
    }
    return span.at == span.end && head_agrees(&head, &run->head);
}
