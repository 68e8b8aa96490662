/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_context.c - values seen beside others of their line:
 * messages that repeat its fields, and counters that go on from where the same
 * thing was counted last.
 */
#include <stdlib.h>

#include "src/columns/columns_scalar.h"
#include "src/columns/columns_stream.h"

/* Texts that are shorter together are not worth it. */
#define WEAVE_COUNT_MIN 8u
#define WEAVE_LEN_MIN   24u
#define SLOT_LEN_MIN    4u
#define KEY_COUNT_MIN   32u
#define KEYS_TRIED_MAX  12u

/* A path whose last value is followed. */
struct witness {
    uint32_t path;
    size_t next;    /* its first event that is not before the present one */
    uint32_t event; /* its last value; SLG_NONE: none yet */
    uint32_t slot;  /* when it has one */
};

static void
witness_follow(const struct slg_parse *parse, struct witness *witness,
               uint32_t event)
{
    const struct slg_path *path = &parse->paths[witness->path];

    while (witness->next < path->count && path->events[witness->next] < event) {
        const uint32_t id = path->events[witness->next++];
        const enum slg_value value = slg_event_value(&parse->events[id]);
        if (value == SLG_VALUE_STRING || value == SLG_VALUE_BARE ||
            value == SLG_VALUE_COPY)
            witness->event = id;
    }
}

/*
 * The paths beside this one, and those one step up or down from there: fields
 * stand near the message that repeats them.
 */
static uint32_t
witnesses_find(const struct slg_parse *parse, uint32_t path, bool is_near,
               struct witness *witnesses, uint32_t most)
{
    const uint32_t parent = parse->paths[path].parent;
    uint32_t count = 0;

    if (parent == SLG_NONE)
        return 0;
    const uint32_t above = parse->paths[parent].parent;
    for (uint32_t i = 1; i < parse->path_count && count < most; i++) {
        const struct slg_path *other = &parse->paths[i];
        const bool is_beside = other->parent == parent;
        const bool is_around =
            !is_near && (other->parent == above ||
                         (other->parent != SLG_NONE &&
                          parse->paths[other->parent].parent == parent));
        if (i == path || other->count == 0 || (!is_beside && !is_around))
            continue;
        witnesses[count++] =
            (struct witness){ .path = i, .event = SLG_NONE, .slot = SLG_NONE };
    }
    return count;
}

/* -- weaving --------------------------------------------------------------- */

#define STARTS 256u
#define HABITS 1024u

struct loom {
    const struct slg_parse *parse;
    struct witness witnesses[SLG_SLOTS_MAX];
    uint32_t count;
    uint32_t heads[STARTS]; /* witness by how its value begins */
    uint32_t nexts[SLG_SLOTS_MAX];
    uint32_t habits[HABITS]; /* witness by what stood before it last time */
    struct witness line;     /* the value of the line itself */
    struct slg_context *context;
    size_t saved;
};

static bool
is_letter(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte | 32u) - 'a' < 26u ||
           byte >= 0x80;
}

static uint32_t
start_of(const uint8_t *text)
{
    uint32_t word;

    memcpy(&word, text, SLOT_LEN_MIN);
    return (word * UINT32_C(2654435761)) >> 24;
}

/* Which values can be in the text of this event: those of the same line. */
static void
loom_set(struct loom *loom, uint32_t event)
{
    const struct slg_parse *parse = loom->parse;
    const struct slg_path *root = &parse->paths[0];

    while (loom->line.next < root->count &&
           root->events[loom->line.next] < event)
        loom->line.event = root->events[loom->line.next++];
    memset(loom->heads, 0xFF, sizeof loom->heads);
    for (uint32_t i = 0; i < loom->count; i++) {
        struct witness *witness = &loom->witnesses[i];
        witness_follow(parse, witness, event);
        if (witness->event == SLG_NONE || loom->line.event == SLG_NONE ||
            witness->event < loom->line.event)
            continue;
        const struct slg_event *value = &parse->events[witness->event];
        if (value->len < SLOT_LEN_MIN)
            continue;
        const uint32_t start = start_of(value->at);
        loom->nexts[i] = loom->heads[start];
        loom->heads[start] = i;
    }
}

/* Does the value stand here, and nothing that would make it a longer word? */
static bool
is_here(const struct slg_event *value, const struct slg_text *text, size_t at)
{
    const size_t end = at + value->len;

    return end <= text->len &&
           memcmp(text->at + at, value->at, value->len) == 0 &&
           (end == text->len || !is_letter(text->at[end]));
}

/* The witness whose value stands here; SLG_NONE: of none. */
static uint32_t
witness_here(const struct loom *loom, const struct slg_text *text, size_t at,
             uint32_t habit)
{
    const bool is_inside = at > 0 && is_letter(text->at[at - 1]) &&
                           (at < 2 || text->at[at - 2] != '\\');
    uint32_t best = SLG_NONE;
    uint32_t best_len = 0;

    if (text->len - at < SLOT_LEN_MIN || is_inside)
        return SLG_NONE;
    for (uint32_t i = loom->heads[start_of(text->at + at)]; i != SLG_NONE;
         i = loom->nexts[i]) {
        const struct slg_event *value =
            &loom->parse->events[loom->witnesses[i].event];
        if (!is_here(value, text, at))
            continue;
        if (value->len > best_len || (value->len == best_len && i == habit)) {
            best = i;
            best_len = value->len;
        }
    }
    return best;
}

static uint32_t
slot_of(struct loom *loom, uint32_t id)
{
    struct witness *witness = &loom->witnesses[id];

    if (witness->slot == SLG_NONE) {
        witness->slot = loom->context->count;
        loom->context->paths[loom->context->count++] = witness->path;
    }
    return witness->slot;
}

static bool
text_weave(struct loom *loom, const struct slg_text *text, struct slg_buf *to)
{
    uint32_t before = 0;

    if (text->len > 0 && memchr(text->at, SLG_SLOT_MARK, text->len))
        return false;
    for (size_t at = 0; at < text->len;) {
        uint32_t *habit = &loom->habits[(before * UINT32_C(2654435761)) >> 22];
        const uint32_t id = witness_here(loom, text, at, *habit);
        if (id == SLG_NONE) {
            before = before << 8 | text->at[at];
            slg_buf_byte(to, text->at[at++]);
            continue;
        }
        *habit = id;
        const uint32_t len = loom->parse->events[loom->witnesses[id].event].len;
        slg_buf_byte(to, SLG_SLOT_MARK);
        slg_buf_byte(to, slot_of(loom, id) + 1);
        loom->saved += len - 2;
        at += len;
    }
    slg_buf_byte(to, 0);
    return true;
}

bool
slg_weave(struct slg_encoder *encoder, const struct slg_values *values,
          struct slg_buf *text, struct slg_context *context)
{
    size_t total = 0;

    for (size_t i = 0; i < values->count; i++)
        total += values->texts[i].len;
    if (values->count < WEAVE_COUNT_MIN ||
        total < values->count * WEAVE_LEN_MIN)
        return false;
    struct loom *loom = malloc(sizeof *loom);
    if (!loom) {
        encoder->is_bad = true;
        return false;
    }
    *loom = (struct loom){ .parse = &encoder->parse, .context = context };
    memset(loom->habits, 0xFF, sizeof loom->habits);
    loom->line = (struct witness){ .event = SLG_NONE };
    loom->count = witnesses_find(&encoder->parse, values->path, false,
                                 loom->witnesses, SLG_SLOTS_MAX);
    bool is_good = loom->count > 0;
    for (size_t i = 0; i < values->count && is_good; i++) {
        loom_set(loom, values->ids[i]);
        is_good = text_weave(loom, &values->texts[i], text);
    }
    is_good = is_good && loom->saved > total / 16;
    free(loom);
    return is_good;
}

/* -- keys ------------------------------------------------------------------ */

struct key {
    const struct slg_event *event; /* NULL: none yet */
    int64_t last;
};

struct keys {
    struct slg_table table;
    struct key *keys;
    uint32_t count, cap;
};

/* The key that this event is; NULL: too many are alike, or no memory. */
static struct key *
key_find(struct keys *keys, const struct slg_event *event, bool *is_bad)
{
    uint32_t probe = event->hash;
    unsigned seen = 0;
    uint32_t id;

    while ((id = slg_table_next(&keys->table, event->hash, &probe)) !=
           SLG_NONE) {
        struct key *key = &keys->keys[id];
        if (key->event->len == event->len &&
            memcmp(key->event->at, event->at, event->len) == 0)
            return key;
        if (++seen == SLG_SAME_HASH_MAX)
            return NULL;
    }
    if (!slg_grow((void **)&keys->keys, &keys->cap, keys->count,
                  sizeof *keys->keys) ||
        !slg_table_add(&keys->table, event->hash, keys->count)) {
        *is_bad = true;
        return NULL;
    }
    keys->keys[keys->count] = (struct key){ .event = event };
    return &keys->keys[keys->count++];
}

static size_t
bits_of(const int64_t *values, size_t count)
{
    size_t bits = 0;

    for (size_t i = 0; i < count; i++) {
        for (uint64_t rest = slg_zigzag(values[i]); rest > 0; rest >>= 2)
            bits += 2;
    }
    return bits;
}

/* What is left of the numbers by this key; false: it is none for them all. */
static bool
residuals_by_key(struct slg_encoder *encoder, const struct slg_values *values,
                 const int64_t *numbers, struct witness witness,
                 int64_t *residuals, size_t *key_count)
{
    struct keys keys = { 0 };
    bool is_good = true;

    for (size_t i = 0; i < values->count && is_good; i++) {
        witness_follow(&encoder->parse, &witness, values->ids[i]);
        struct key *key =
            witness.event == SLG_NONE
                ? NULL
                : key_find(&keys, &encoder->parse.events[witness.event],
                           &encoder->is_bad);
        /* Keys that seldom come again have nothing to say. */
        is_good = key && keys.count <= 64 + i / 4;
        if (!is_good)
            break;
        residuals[i] = (int64_t)((uint64_t)numbers[i] - (uint64_t)key->last);
        key->last = numbers[i];
    }
    *key_count = keys.count;
    free(keys.table.slots);
    free(keys.keys);
    return is_good;
}

/* Take another path's numbers away from the residuals. */
static bool
residuals_less(const struct slg_parse *parse, const struct slg_values *values,
               struct witness witness, const int64_t *residuals, int64_t *less)
{
    const struct slg_decimal integer = { 0 };
    size_t found = 0;

    for (size_t i = 0; i < values->count; i++) {
        int64_t number = 0;
        witness_follow(parse, &witness, values->ids[i]);
        if (witness.event != SLG_NONE) {
            const struct slg_event *event = &parse->events[witness.event];
            if (!slg_decimal_read(event->at, event->len, integer, &number))
                number = 0;
        }
        found += number != 0;
        less[i] = (int64_t)((uint64_t)residuals[i] - (uint64_t)number);
    }
    return found > 0;
}

static void
deltas_set(const int64_t *numbers, size_t count, int64_t *deltas)
{
    for (size_t i = 0; i < count; i++)
        deltas[i] = (int64_t)((uint64_t)numbers[i] -
                              (uint64_t)(i > 0 ? numbers[i - 1] : 0));
}

/* The residuals in trials are the best so far. */
static void
trials_keep(struct slg_scratch *scratch, size_t count)
{
    memcpy(scratch->residuals, scratch->trials,
           count * sizeof *scratch->residuals);
}

bool
slg_key_numbers(struct slg_encoder *encoder, const struct slg_values *values,
                const int64_t *numbers, struct slg_context *context)
{
    struct slg_scratch *scratch = &encoder->scratch;
    struct witness witnesses[KEYS_TRIED_MAX];
    const size_t count = values->count;

    if (count < KEY_COUNT_MIN)
        return false;
    const uint32_t tried = witnesses_find(&encoder->parse, values->path, true,
                                          witnesses, KEYS_TRIED_MAX);
    size_t best = bits_of(numbers, count);
    deltas_set(numbers, count, scratch->trials);
    const size_t by_delta = bits_of(scratch->trials, count);
    best = (by_delta < best ? by_delta : best) / 8 * 7;
    context->count = 0;
    for (uint32_t i = 0; i < tried; i++) {
        size_t keys;
        if (!residuals_by_key(encoder, values, numbers, witnesses[i],
                              scratch->trials, &keys))
            continue;
        const size_t bits = bits_of(scratch->trials, count);
        if (bits >= best)
            continue;
        best = bits;
        context->paths[0] = witnesses[i].path;
        context->count = 1;
        context->keys = keys;
        trials_keep(scratch, count);
    }
    for (uint32_t i = 0; i < tried && context->count > 0; i++) {
        if (!residuals_less(&encoder->parse, values, witnesses[i],
                            scratch->residuals, scratch->trials))
            continue;
        const size_t bits = bits_of(scratch->trials, count);
        if (bits >= best / 8 * 7)
            continue;
        context->paths[1] = witnesses[i].path;
        context->count = 2;
        trials_keep(scratch, count);
        break;
    }
    return context->count > 0;
}
