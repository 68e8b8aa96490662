/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_mend.c - any broken line in: whole values out, and only those.
 *
 * What is given is one JSON object or array (a joined one with both its
 * parts), in order, without overlap, and the same the second time.  A line
 * that is one value gives that one; glued objects are all given.  The walk
 * over members stays inside the line, whatever it is, and agrees with the
 * search for a time.
 */
#include <stdlib.h>
#include <string.h>

#include "seglog/json_line.h"
#include "seglog/json_mend.h"

#include "format/json_member.h"
#include "fuzz/support.h"

#define LINE_MAX_TRIED 65536
#define DEPTH_WALKED   8

struct given {
    const uint8_t *line;
    size_t len;
    size_t count;
    size_t end;   /* of the value before */
    uint64_t sum; /* of all positions */
    /* A joined value comes first, and another one lies between its parts. */
    size_t hole_pos, hole_end, joined_end;
};

static bool
value_take(void *arg, const struct seglog_json_whole *value)
{
    struct given *g = arg;
    uint8_t *bytes = malloc(value->len + value->more_len);

    MUST(bytes && value->len > 0);
    MUST(value->pos <= g->len && value->len <= g->len - value->pos);
    MUST(value->more_pos <= g->len &&
         value->more_len <= g->len - value->more_pos);
    memcpy(bytes, g->line + value->pos, value->len);
    memcpy(bytes + value->len, g->line + value->more_pos, value->more_len);
    MUST(bytes[0] == '{' || bytes[0] == '[');
    MUST(bytes[value->len + value->more_len - 1] == '}' ||
         bytes[value->len + value->more_len - 1] == ']');
    MUST(seglog_json_line_check(bytes, value->len + value->more_len, false,
                                NULL) == SEGLOG_JSON_OK);
    free(bytes);
    MUST(value->pos >= g->end);
    if (value->more_len) {
        MUST(g->hole_end == 0 && value->more_pos > value->pos + value->len);
        g->hole_pos = value->pos + value->len;
        g->hole_end = value->more_pos;
        g->joined_end = value->more_pos + value->more_len;
        g->end = g->hole_pos;
    } else if (g->hole_end) {
        MUST(value->pos == g->hole_pos &&
             value->pos + value->len == g->hole_end);
        g->hole_end = 0;
        g->end = g->joined_end;
    } else {
        g->end = value->pos + value->len;
    }
    g->count++;
    g->sum = g->sum * 31 + value->pos * 7 + value->len + value->more_pos;
    return true;
}

static struct given
line_mend(const uint8_t *line, size_t len, bool has_lf,
          const struct seglog_json_heads *heads)
{
    const struct seglog_json_scrap scrap = { line, len, has_lf, heads };
    struct given given = { .line = line, .len = len };

    MUST(seglog_json_mend(&scrap, value_take, &given) == given.count);
    MUST(given.hole_end == 0);
    return given;
}

static void
slice_must_lie_in(struct slg_json_slice slice, const uint8_t *line, size_t len)
{
    MUST(slice.p >= line && slice.p <= line + len);
    MUST(slice.len <= (size_t)(line + len - slice.p));
}

/* Every number is read and every string decoded, to its exact size. */
static void
value_must_decode(struct slg_json_slice value)
{
    struct slg_json_slice body;
    uint64_t number;
    int64_t integer;
    bool truth;

    if (slg_json_uint64(value, &number) && number <= INT64_MAX)
        MUST(slg_json_int64(value, &integer) && integer == (int64_t)number);
    (void)slg_json_bool(value, &truth);
    if (!slg_json_string_body(value, &body))
        return;

    uint8_t *text = malloc(body.len + 1);
    MUST(text);
    const size_t len = slg_json_string_decode(body, text, body.len);

    MUST(len <= body.len);
    for (size_t cap = 0; cap < len && cap < 8; cap++)
        MUST(slg_json_string_decode(body, text, cap) <= cap);
    MUST(slg_json_string_decode(body, text, len) == len);
    text[len] = 0;
    MUST(slg_json_body_is(body, (char *)text) || memchr(text, 0, len));
    free(text);
}

/* Walk everything, a few levels deep; where it was good the walk is whole. */
static void
line_walk(const uint8_t *line, size_t len, bool is_good)
{
    struct slg_json_walk walks[DEPTH_WALKED];
    struct slg_json_member member;
    unsigned depth = 1;

    if (!slg_json_walk_begin(&walks[0], line, len))
        return;
    while (depth) {
        struct slg_json_walk *walk = &walks[depth - 1];

        if (!slg_json_walk_next(walk, &member)) {
            MUST(!is_good || walk->is_whole);
            depth--;
            continue;
        }
        slice_must_lie_in(member.key, line, len);
        slice_must_lie_in(member.value, line, len);
        MUST(!is_good ||
             seglog_json_line_check(member.value.p, member.value.len, false,
                                    NULL) == SEGLOG_JSON_OK);
        MUST(slg_json_key_is(&member, "no such key") == false ||
             member.key.len >= 11);
        value_must_decode(member.value);
        if (depth < DEPTH_WALKED &&
            slg_json_walk_begin(&walks[depth], member.value.p,
                                member.value.len))
            depth++;
    }
}

static void
line_run(const uint8_t *bytes, size_t len)
{
    static const char head[] = "{\"a\":1,\"b\":2}";
    struct seglog_json_heads heads = { 0 };
    uint8_t *line = exact_copy(bytes, len);
    const bool is_good =
        seglog_json_line_check(line, len, true, NULL) == SEGLOG_JSON_OK;
    struct given given = line_mend(line, len, true, NULL);
    struct given again = line_mend(line, len, true, NULL);

    MUST(given.count == again.count && given.sum == again.sum);
    if (is_good)
        MUST(given.count <= 1);
    MUST(line_mend(line, len, false, NULL).count <= given.count);
    seglog_json_heads_learn(&heads, (const uint8_t *)head, sizeof head - 1);
    line_mend(line, len, true, &heads);
    seglog_json_heads_learn(&heads, line, len);
    line_mend(line, len, true, &heads);
    line_walk(line, len, is_good);

    /* Twice the same good object, glued: both. */
    if (is_good && given.count == 1 && len <= LINE_MAX_TRIED / 2) {
        uint8_t *twice = malloc(2 * len);

        MUST(twice);
        memcpy(twice, line, len);
        memcpy(twice + len, line, len);
        /* A byte order mark belongs to the first line of a file. */
        if (line[0] != 0xef)
            MUST(line_mend(twice, 2 * len, true, NULL).count == 2);
        free(twice);
    }
    free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    line_run(data, size < LINE_MAX_TRIED ? size : LINE_MAX_TRIED);
    return 0;
}
