/* SPDX-License-Identifier: MIT */
/*
 * format/json_diagnose.c - name the damage of a line, in linear time.
 *
 * To find where a glued object begins, every opening brace is a candidate, and
 * trying one after the other takes quadratic time on a line of braces.  Two
 * lexers are enough.  Where a brace stands for one of them at the place of a
 * value, the object that begins there needs no lexer of its own: it fails with
 * the outer one, or else it is the last object inside it to be closed.  Where
 * a brace stands inside a string of a lexer, a second one starts, and from
 * there on each of the two is inside a string exactly where the other is not,
 * until one fails.  A third brace is then at the place of a value for one of
 * them, or makes it fail.
 */
#include "seglog/json_diagnose.h"

#include <string.h>

#include "format/json_scan.h"
#include "format/json_state.h"

enum {
    CANDIDATES = 2
};

struct candidate {
    struct seglog_json_line lexer;
    size_t start;
    bool is_live;
};

static bool
byte_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* The length without the white space at the end. */
static size_t
bytes_trimmed(const uint8_t *bytes, size_t len)
{
    while (len && byte_is_space(bytes[len - 1]))
        len--;
    return len;
}

static size_t
brace_next(const uint8_t *bytes, size_t len, size_t from)
{
    while (from < len && bytes[from] != '{')
        from++;
    return from;
}

static void
candidate_feed(struct candidate *c, const uint8_t *bytes, size_t len)
{
    seglog_json_line_feed(&c->lexer, bytes, len);
    c->is_live = c->lexer.fault == SEGLOG_JSON_OK;
}

/* Give the brace to the lexers that live, and start one if it is new. */
static void
candidates_meet_brace(struct candidate *c, const uint8_t *bytes, size_t at)
{
    bool is_known = false;

    for (unsigned i = 0; i < CANDIDATES; i++) {
        if (!c[i].is_live)
            continue;

        const bool is_value = slg_json_line_wants_value(&c[i].lexer);

        candidate_feed(&c[i], bytes + at, 1);
        is_known = is_known || (is_value && c[i].is_live);
    }
    for (unsigned i = 0; i < CANDIDATES && !is_known; i++) {
        if (c[i].is_live)
            continue;
        seglog_json_line_init(&c[i].lexer, false);
        candidate_feed(&c[i], bytes + at, 1);
        c[i].start = at;
        is_known = true;
    }
}

/*
 * The bytes end inside the object of this candidate, and the last one is a
 * closing brace: find where that object was opened.  The lexer goes over them
 * once more; a third one would double the stack frame.
 */
static uint64_t
last_object_start(struct candidate *c, const uint8_t *bytes, size_t len)
{
    struct seglog_json_line *s = &c->lexer;
    const uint32_t depth = s->depth;
    uint64_t found = SEGLOG_JSON_NOWHERE;

    seglog_json_line_init(s, false);
    for (size_t at = c->start; at < len;) {
        const size_t next = brace_next(bytes, len, at + 1);

        if (s->depth == depth && slg_json_line_wants_value(s))
            found = at;
        seglog_json_line_feed(s, bytes + at, next - at);
        at = next;
    }
    return found;
}

/* Where the rest starts if this lexer was right; len has no space behind. */
static uint64_t
candidate_result(struct candidate *c, const uint8_t *bytes, size_t len)
{
    if (!c->is_live)
        return SEGLOG_JSON_NOWHERE;
    switch (seglog_json_line_finish(&c->lexer, NULL)) {
    case SEGLOG_JSON_OK:
        return c->start;
    case SEGLOG_JSON_UNEXPECTED_END:
        return last_object_start(c, bytes, len);
    default:
        return SEGLOG_JSON_NOWHERE;
    }
}

uint64_t
seglog_json_find_rest(const uint8_t *bytes, size_t len, size_t from)
{
    struct candidate c[CANDIDATES] = { { .is_live = false } };
    uint64_t found = SEGLOG_JSON_NOWHERE;

    len = bytes_trimmed(bytes, len);
    if (len == 0 || bytes[len - 1] != '}')
        return SEGLOG_JSON_NOWHERE;
    for (size_t at = brace_next(bytes, len, from); at < len;) {
        const size_t next = brace_next(bytes, len, at + 1);

        candidates_meet_brace(c, bytes, at);
        for (unsigned i = 0; i < CANDIDATES; i++) {
            if (c[i].is_live)
                candidate_feed(&c[i], bytes + at + 1, next - at - 1);
        }
        at = next;
    }
    for (unsigned i = 0; i < CANDIDATES; i++) {
        const uint64_t result = candidate_result(&c[i], bytes, len);

        found = result < found ? result : found;
    }
    return found;
}

/* The first key of an object, quotes included; its length, 0 without one. */
static size_t
first_key(const uint8_t *bytes, size_t len, const uint8_t **key)
{
    const uint8_t *p = bytes;
    const uint8_t *end = bytes + len;

    while (p < end && byte_is_space(*p))
        p++;
    if (p == end || *p != '{')
        return 0;
    p++;
    while (p < end && byte_is_space(*p))
        p++;
    if (p == end || *p != '"')
        return 0;
    *key = p++;
    for (;;) {
        p = slg_json_skip_to_quote(p, end);
        if (end - p < 2) /* the last byte cannot end a key */
            return 0;
        if (*p == '"')
            return (size_t)(p + 1 - *key);
        p += 2;
    }
}

static bool
objects_begin_alike(const uint8_t *bytes, size_t len, size_t other)
{
    const uint8_t *one_key = NULL;
    const uint8_t *other_key = NULL;
    const size_t one_len = first_key(bytes, len, &one_key);
    const size_t other_len = first_key(bytes + other, len - other, &other_key);

    return one_len && one_len == other_len &&
           memcmp(one_key, other_key, one_len) == 0;
}

/* The line from the value on that is damaged, in bytes that are here. */
struct remains {
    const uint8_t *bytes;
    size_t len;
    uint64_t base;      /* where in the line bytes stands */
    uint64_t fault_pos; /* in the line */
    bool has_start;     /* bytes begins with the value */
    bool has_lf;
};

static bool
is_splice_when_torn(const struct remains *r, uint64_t rest_pos)
{
    return r->has_lf && r->has_start && rest_pos != SEGLOG_JSON_NOWHERE &&
           objects_begin_alike(r->bytes, r->len, (size_t)(rest_pos - r->base));
}

/*
 * A cut leaves at most 3 bytes of a character; text in another encoding, with
 * an object somewhere behind it, is not a cut.
 */
static bool
is_splice_in_character(const struct remains *r, uint64_t rest_pos)
{
    return rest_pos != SEGLOG_JSON_NOWHERE && rest_pos <= r->fault_pos + 3;
}

/* Text that ends in an object, as many programs write, is not a splice. */
static bool
is_splice(const struct remains *r, uint64_t rest_pos)
{
    const uint8_t *p = r->bytes;
    const uint8_t *end = r->bytes + r->len;

    if (rest_pos == SEGLOG_JSON_NOWHERE)
        return false;
    if (!r->has_start)
        return true;
    while (p < end && byte_is_space(*p))
        p++;
    if (p == end || *p++ != '{')
        return false;
    while (p < end && byte_is_space(*p))
        p++;
    return p < end && *p == '"';
}

static enum seglog_json_damage
damage_kind(const struct remains *r, enum seglog_json_fault fault,
            uint64_t rest_pos)
{
    bool has_cut;
    enum seglog_json_damage otherwise;

    switch (fault) {
    case SEGLOG_JSON_OK:
        return SEGLOG_JSON_UNDAMAGED;
    case SEGLOG_JSON_NUL:
        return SEGLOG_JSON_NUL_RUN;
    case SEGLOG_JSON_TOO_DEEP:
        return SEGLOG_JSON_OVER_DEPTH;
    case SEGLOG_JSON_UNEXPECTED_END:
    case SEGLOG_JSON_UNTERMINATED_STRING:
        has_cut = is_splice_when_torn(r, rest_pos);
        otherwise = SEGLOG_JSON_TORN;
        break;
    case SEGLOG_JSON_BAD_UTF8:
        has_cut = is_splice_in_character(r, rest_pos);
        otherwise = SEGLOG_JSON_DAMAGED_UTF8;
        break;
    default:
        has_cut = is_splice(r, rest_pos);
        otherwise = SEGLOG_JSON_NOT_JSON;
        break;
    }
    return has_cut ? SEGLOG_JSON_SPLICE : otherwise;
}

/* Whether the bytes before the fault are one whole value. */
static bool
remains_start_whole(const struct remains *r)
{
    const uint64_t len = r->fault_pos - r->base;

    return r->has_start && len != 0 && len <= r->len &&
           seglog_json_line_check(r->bytes, (size_t)len, false, NULL) ==
               SEGLOG_JSON_OK;
}

/*
 * Pass over whole values that another one follows: r then begins with the last
 * value, and the fault is that value's own.  Each byte is lexed once.
 */
static enum seglog_json_fault
remains_pass_values(struct remains *r, struct seglog_json_diagnosis *out)
{
    struct seglog_json_line s;
    enum seglog_json_fault fault = SEGLOG_JSON_GLUED;

    while (fault == SEGLOG_JSON_GLUED && r->fault_pos >= r->base &&
           r->fault_pos - r->base < r->len) {
        const size_t skip = (size_t)(r->fault_pos - r->base);

        out->values++;
        r->bytes += skip;
        r->len -= skip;
        r->base += skip;
        r->has_start = true;
        seglog_json_line_init(&s, false);
        seglog_json_line_feed(&s, r->bytes, r->len);
        fault = seglog_json_line_finish(&s, &r->fault_pos);
        r->fault_pos += r->base;
        out->nul_count = s.nul_count;
    }
    /* The last value may be whole, too, with something else behind it. */
    if (fault == SEGLOG_JSON_OK || remains_start_whole(r))
        out->values++;
    return fault;
}

static uint64_t
nul_run_here(const struct remains *r)
{
    uint64_t count = 0;

    if (r->fault_pos < r->base)
        return 0;
    for (uint64_t i = r->fault_pos - r->base; i < r->len && !r->bytes[i]; i++)
        count++;
    return count;
}

/* Never the start of the line itself: what begins there has a fault. */
static uint64_t
remains_find_rest(const struct remains *r)
{
    const uint64_t rest = seglog_json_find_rest(r->bytes, r->len, 0);

    return rest == SEGLOG_JSON_NOWHERE ? rest : rest + r->base;
}

/*
 * Whole values in front of a torn or damaged one count as glued, too; but not
 * numbers and words in front of text, which is how many log lines begin.
 */
static bool
is_glued(const struct remains *line, enum seglog_json_fault fault,
         uint64_t values)
{
    if (fault == SEGLOG_JSON_OK || fault == SEGLOG_JSON_GLUED)
        return true;
    if (values < 2 || !line->has_start)
        return values >= 2;
    for (size_t i = 0; i < line->len; i++) {
        if (!byte_is_space(line->bytes[i]))
            return line->bytes[i] == '{' || line->bytes[i] == '[';
    }
    return false;
}

/* The line was GLUED at its fault: find out how it goes on from there. */
static bool
diagnose_glued(struct remains *r, enum seglog_json_fault *fault,
               struct seglog_json_diagnosis *out)
{
    const struct remains line = *r;

    *fault = remains_pass_values(r, out);
    if (!is_glued(&line, *fault, out->values))
        return false;
    out->kind = SEGLOG_JSON_GLUED_VALUES;
    if (*fault != SEGLOG_JSON_OK)
        out->rest_pos = remains_find_rest(r);
    else if (r->bytes[0] == '{')
        out->rest_pos = r->base;
    return true;
}

/* The lexer has let a byte order mark pass, so it is not the fault. */
static void
remains_pass_bom(struct remains *r)
{
    if (r->has_start && r->len >= 3 && r->fault_pos >= 3 &&
        memcmp(r->bytes, "\xef\xbb\xbf", 3) == 0) {
        r->bytes += 3;
        r->len -= 3;
        r->base += 3;
    }
}

void
seglog_json_diagnose(const struct seglog_json_broken *line,
                     struct seglog_json_diagnosis *out)
{
    struct remains r = { .bytes = line->bytes,
                         .len = line->len,
                         .base = line->line_len - line->len,
                         .fault_pos = line->fault_pos,
                         .has_start = line->line_len == line->len,
                         .has_lf = line->has_lf };
    enum seglog_json_fault fault = line->fault;

    *out = (struct seglog_json_diagnosis){ .pos = line->fault_pos,
                                           .nul_count = line->nul_count,
                                           .rest_pos = SEGLOG_JSON_NOWHERE };
    remains_pass_bom(&r);

    const bool is_glued_line =
        fault == SEGLOG_JSON_GLUED && diagnose_glued(&r, &fault, out);

    out->is_certain = r.has_start;
    if (is_glued_line || fault == SEGLOG_JSON_OK)
        return;
    out->rest_pos = remains_find_rest(&r);
    out->kind = damage_kind(&r, fault, out->rest_pos);
    out->pos = out->kind == SEGLOG_JSON_SPLICE ? out->rest_pos : r.fault_pos;
    if (out->kind == SEGLOG_JSON_NUL_RUN && out->nul_count == 0)
        out->nul_count = nul_run_here(&r);
}

const char *
seglog_json_damage_name(enum seglog_json_damage kind)
{
    static const char *const names[SEGLOG_JSON_DAMAGE_COUNT] = {
        [SEGLOG_JSON_UNDAMAGED] = "ok",
        [SEGLOG_JSON_NUL_RUN] = "nul-run",
        [SEGLOG_JSON_GLUED_VALUES] = "glued",
        [SEGLOG_JSON_SPLICE] = "splice",
        [SEGLOG_JSON_TORN] = "torn",
        [SEGLOG_JSON_DAMAGED_UTF8] = "utf8",
        [SEGLOG_JSON_OVER_DEPTH] = "depth",
        [SEGLOG_JSON_NOT_JSON] = "bad-json",
    };
    const unsigned index = (unsigned)kind;

    return index < SEGLOG_JSON_DAMAGE_COUNT ? names[index] : "unknown";
}
