/* SPDX-License-Identifier: MIT */
/*
 * format/json_mend.c - whole records of a broken line, in linear time.
 *
 * The line is read as records with something between them until one of them,
 * called the base, has a fault.  If another record was written into or behind
 * it, that one begins at one of three places, and each is looked at:
 *
 *   before the fault  the base was cut inside a string, which the quote of the
 *                     first key has closed: the fault is the key itself
 *   at the fault      anywhere else between two tokens or inside one; behind
 *                     zero bytes, and behind what is left of a character
 *   before it, whole  where a value may stand the record passes for a part of
 *                     the base, and the fault is what comes behind it
 *
 * A candidate that is broken itself becomes the next base.  Every look at a
 * byte is paid from a budget, so no line can take more than linear time.
 */
#include "seglog/json_mend.h"

#include <string.h>

#include "seglog/json_diagnose.h"
#include "seglog/json_line.h"

#include "format/json_heads.h"
#include "format/json_state.h"

static bool
byte_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool
byte_opens(uint8_t byte)
{
    return byte == '{' || byte == '[';
}

/* -- one line -------------------------------------------------------------- */

/* How sure it is that a value which begins like this is a record. */
enum likeness {
    STRANGE,
    ALIKE, /* too few heads are known, but the line's first key is the same */
    KNOWN
};

enum behind {
    BEHIND_END,
    BEHIND_NUL,
    BEHIND_VALUE, /* an object or an array */
    BEHIND_COMMA, /* and then the end or a value */
    BEHIND_OTHER
};

struct span {
    size_t pos;
    size_t end;
};

struct mend {
    const struct seglog_json_scrap *line;
    const uint8_t *bytes;
    size_t len;
    seglog_json_whole_fn give;
    void *arg;
    size_t given;
    uint64_t budget;           /* bytes that may still be looked at */
    struct slg_json_head head; /* of the line */
    size_t head_pos;
    struct seglog_json_line lexer;
    size_t chain_end; /* chain_is_good has looked up to here */
    bool chain_is_good;
    bool is_over;
};

static bool
mend_pay(struct mend *m, size_t bytes)
{
    if (m->budget < bytes) {
        m->budget = 0;
        m->is_over = true;
        return false;
    }
    m->budget -= bytes;
    return true;
}

static size_t
skip_space(const struct mend *m, size_t at)
{
    while (at < m->len && byte_is_space(m->bytes[at]))
        at++;
    return at;
}

static size_t
skip_between(const struct mend *m, size_t at)
{
    while (at < m->len && (byte_is_space(m->bytes[at]) || m->bytes[at] == 0))
        at++;
    return at;
}

static enum behind
behind_at(const struct mend *m, size_t at)
{
    at = skip_space(m, at);
    if (at == m->len)
        return BEHIND_END;
    if (m->bytes[at] == 0)
        return BEHIND_NUL;
    if (byte_opens(m->bytes[at]))
        return BEHIND_VALUE;
    if (m->bytes[at] != ',')
        return BEHIND_OTHER;
    at = skip_between(m, at + 1);
    return at == m->len || byte_opens(m->bytes[at]) ? BEHIND_COMMA
                                                    : BEHIND_OTHER;
}

static bool
behind_is_free(enum behind behind)
{
    return behind == BEHIND_END || behind == BEHIND_NUL ||
           behind == BEHIND_VALUE;
}

static bool
heads_are_known(const struct mend *m)
{
    const struct seglog_json_heads *heads = m->line->heads;

    return heads && heads->count && !heads->is_over;
}

static enum likeness
likeness_of(struct mend *m, struct span value)
{
    if (!mend_pay(m, value.end - value.pos))
        return STRANGE;

    const struct slg_json_head head =
        slg_json_head_read(m->bytes + value.pos, value.end - value.pos);

    if (heads_are_known(m) && slg_json_heads_have(m->line->heads, head.all))
        return KNOWN;
    if (heads_are_known(m) && m->line->heads->lines >= SEGLOG_JSON_HEADS_ENOUGH)
        return STRANGE;
    if (head.first == 0 || head.first != m->head.first ||
        value.pos == m->head_pos)
        return STRANGE;
    return m->head.all && head.all == m->head.all ? KNOWN : ALIKE;
}

/*
 * Read a value from pos to its end, where m->lexer then stands.  When it is
 * whole, at is its end; otherwise the first fault.
 */
static bool
value_measure(struct mend *m, size_t pos, size_t *at)
{
    const uint8_t *from = m->bytes + pos;
    uint64_t fault_pos = m->len - pos;

    seglog_json_line_init(&m->lexer, false);
    seglog_json_line_feed(&m->lexer, from, m->len - pos);

    const bool is_all =
        seglog_json_line_finish(&m->lexer, &fault_pos) == SEGLOG_JSON_OK;
    size_t end = is_all ? m->len : pos + (size_t)fault_pos;

    *at = end;
    if (!mend_pay(m, (end - pos) * 2))
        return false;
    if (!is_all &&
        seglog_json_line_check(from, end - pos, false, NULL) != SEGLOG_JSON_OK)
        return false;
    while (end > pos && byte_is_space(m->bytes[end - 1]))
        end--;
    *at = end;
    return end > pos;
}

static void
mend_give(struct mend *m, struct span value, struct span more)
{
    const struct seglog_json_whole whole = { value.pos, value.end - value.pos,
                                             more.pos, more.end - more.pos };

    if (m->is_over)
        return;
    m->given++;
    if (!m->give(m->arg, &whole))
        m->is_over = true;
}

static void
mend_give_one(struct mend *m, struct span value)
{
    mend_give(m, value, (struct span){ 0, 0 });
}

/* -- a record where the base breaks off ------------------------------------ */

/* What is known when a base turns out to be broken. */
struct broken {
    size_t base;  /* its first byte */
    size_t fault; /* the byte that cannot be, or the end */
};

/*
 * Whether the base without this value is whole, and something that may stand
 * between records follows; end is then where it ends.
 */
static bool
join_measure(struct mend *m, size_t base, struct span value, size_t *end)
{
    const size_t rest = skip_space(m, value.end);
    size_t stop;

    if (rest == m->len || m->bytes[rest] == 0)
        return false;
    seglog_json_line_init(&m->lexer, false);
    seglog_json_line_feed(&m->lexer, m->bytes + base, value.pos - base);
    seglog_json_line_feed(&m->lexer, m->bytes + value.end, m->len - value.end);

    uint64_t fault_pos = m->lexer.fed;
    const bool is_all =
        seglog_json_line_finish(&m->lexer, &fault_pos) == SEGLOG_JSON_OK;

    stop = is_all ? m->len : base + (size_t)fault_pos + (value.end - value.pos);
    if (stop < value.end || !mend_pay(m, (stop - base) * 2))
        return false;
    if (!is_all) {
        seglog_json_line_init(&m->lexer, false);
        seglog_json_line_feed(&m->lexer, m->bytes + base, value.pos - base);
        seglog_json_line_feed(&m->lexer, m->bytes + value.end,
                              stop - value.end);
        if (seglog_json_line_finish(&m->lexer, NULL) != SEGLOG_JSON_OK)
            return false;
    }
    while (stop > value.end && byte_is_space(m->bytes[stop - 1]))
        stop--;
    *end = stop;
    return stop > value.end && behind_is_free(behind_at(m, stop));
}

/* Whether a whole value is an object with a member. */
static bool
value_has_key(const struct mend *m, size_t pos)
{
    return m->bytes[pos] == '{' && m->bytes[skip_space(m, pos + 1)] == '"';
}

/*
 * Texts are full of {} and [1].  What is taken for a record away from the
 * start of a line has a key; where it is an array, its first item has.
 */
static bool
record_has_key(const struct mend *m, struct span value)
{
    if (m->bytes[value.pos] != '[')
        return value_has_key(m, value.pos);
    return !heads_are_known(m) &&
           value_has_key(m, skip_space(m, value.pos + 1));
}

/*
 * Give a whole value that seems to be a record, and the base if it is whole
 * without it.  at is then where to go on.
 *
 *   is_inside  it stands where a value of the base may stand
 */
static bool
record_accept(struct mend *m, const struct broken *b, struct span value,
              bool is_inside, size_t *at)
{
    const enum likeness likeness = likeness_of(m, value);
    const enum behind behind = behind_at(m, value.end);
    size_t join_end;

    if (likeness != STRANGE && value.pos > b->base &&
        join_measure(m, b->base, value, &join_end)) {
        mend_give(m, (struct span){ b->base, value.pos },
                  (struct span){ value.end, join_end });
        mend_give_one(m, value);
        *at = join_end;
        return true;
    }
    if (!behind_is_free(behind) || !record_has_key(m, value))
        return false;
    if (is_inside && likeness != KNOWN &&
        !(likeness == ALIKE && behind == BEHIND_END))
        return false;
    if (is_inside && behind == BEHIND_END && !m->line->has_lf)
        return false;
    mend_give_one(m, value);
    *at = value.end;
    return true;
}

/*
 * The object or array that ends directly before the fault, where the base has
 * just had a value: it is the last one opened at the depth of the fault.
 */
static bool
inside_find(struct mend *m, const struct broken *b, struct span *value)
{
    struct seglog_json_line *s = &m->lexer;
    size_t end = b->fault;

    while (end > b->base && byte_is_space(m->bytes[end - 1]))
        end--;
    if (end == b->base ||
        (m->bytes[end - 1] != '}' && m->bytes[end - 1] != ']') ||
        !mend_pay(m, (end - b->base) * 3))
        return false;
    seglog_json_line_init(s, false);
    seglog_json_line_feed(s, m->bytes + b->base, end - b->base);

    const uint32_t depth = s->depth;
    bool is_found = false;

    seglog_json_line_init(s, false);
    for (size_t at = b->base; at < end;) {
        size_t next = at + 1;

        if (byte_opens(m->bytes[at]) && s->depth == depth &&
            slg_json_line_wants_value(s)) {
            is_found = true;
            value->pos = at;
        }
        while (next < end && !byte_opens(m->bytes[next]))
            next++;
        seglog_json_line_feed(s, m->bytes + at, next - at);
        at = next;
    }
    value->end = end;
    /* Inside a string the bracket at the end closes nothing. */
    return is_found && value->pos > b->base &&
           seglog_json_line_check(m->bytes + value->pos, end - value->pos,
                                  false, NULL) == SEGLOG_JSON_OK;
}

/* The bracket of a record whose first quote has closed a string of the base. */
static bool
before_find(const struct mend *m, const struct broken *b, size_t *pos)
{
    size_t at = b->fault;

    if (at < b->base + 3 || m->bytes[at - 1] != '"')
        return false;
    for (at--; at > b->base + 1 && byte_is_space(m->bytes[at - 1]); at--)
        continue;
    if (at <= b->base + 1 || !byte_opens(m->bytes[at - 1]))
        return false;
    *pos = at - 1;
    return true;
}

/* The first bracket at the fault, behind what a cut may leave there. */
static bool
at_find(const struct mend *m, const struct broken *b, size_t *pos)
{
    size_t at = b->fault;

    for (unsigned i = 0; i < 3 && at < m->len && m->bytes[at] >= 0x80; i++)
        at++;
    at = skip_between(m, at);
    *pos = at;
    return at < m->len && byte_opens(m->bytes[at]);
}

/*
 * Whether a record begins at pos.  A value that is broken becomes the base
 * when the base is not yet another one than it was.
 */
static bool
record_try(struct mend *m, const struct broken *b, size_t pos, size_t *at,
           struct broken *next)
{
    struct span value = { pos, 0 };

    if (m->is_over)
        return false;
    if (!value_measure(m, pos, &value.end)) {
        if (value.end > b->fault && pos > b->base && value.end > next->fault) {
            *next = (struct broken){ pos, value.end };
        }
        return false;
    }
    return value.end > b->fault && record_accept(m, b, value, false, at);
}

static bool
record_find_near(struct mend *m, const struct broken *b, size_t *at,
                 struct broken *next)
{
    struct span value;
    size_t pos;

    if (before_find(m, b, &pos)) {
        if (record_try(m, b, pos, at, next))
            return true;
        /* An array of objects begins with both brackets. */
        if (pos > b->base + 1 && m->bytes[pos - 1] == '[' &&
            record_try(m, b, pos - 1, at, next))
            return true;
    }
    /* What is inside is more likely the record where it looks like one. */
    if (inside_find(m, b, &value) && likeness_of(m, value) == KNOWN &&
        record_accept(m, b, value, true, at))
        return true;
    if (at_find(m, b, &pos) && record_try(m, b, pos, at, next))
        return true;
    return !m->is_over && inside_find(m, b, &value) &&
           record_accept(m, b, value, true, at);
}

/* -- a record at a distance ------------------------------------------------ */

/*
 * The next bracket behind a zero byte or behind a closing bracket, with white
 * space between them: nothing of that kind stands in a value but in strings.
 */
static size_t
border_next(const struct mend *m, size_t at)
{
    bool is_border = false;

    for (; at < m->len; at++) {
        const uint8_t byte = m->bytes[at];

        if (byte == '{' && is_border)
            return at;
        if (!byte_is_space(byte))
            is_border = byte == '}' || byte == ']' || byte == 0;
    }
    return m->len;
}

/* Far from the fault only what begins like a record, or follows zeros. */
static bool
record_accept_far(struct mend *m, struct span value, size_t *at)
{
    const bool is_behind_nul = value.pos && m->bytes[value.pos - 1] == 0;
    const enum likeness likeness = likeness_of(m, value);

    const bool is_unlike = likeness == STRANGE && !is_behind_nul &&
                           (heads_are_known(m) || m->head.first != 0);

    if (is_unlike || !behind_is_free(behind_at(m, value.end)) ||
        !record_has_key(m, value))
        return false;
    mend_give_one(m, value);
    *at = value.end;
    return true;
}

static bool
record_find_far(struct mend *m, const struct broken *b, size_t *at)
{
    struct span value;
    uint64_t rest;

    for (size_t pos = border_next(m, b->fault); pos < m->len && !m->is_over;
         pos = border_next(m, pos + 1)) {
        value.pos = pos;
        if (value_measure(m, pos, &value.end) &&
            record_accept_far(m, value, at))
            return true;
    }
    if (m->is_over || !mend_pay(m, (m->len - b->fault) * 3))
        return false;
    rest = seglog_json_find_rest(m->bytes, m->len, b->fault);
    if (rest == SEGLOG_JSON_NOWHERE)
        return false;
    value = (struct span){ (size_t)rest, m->len };
    while (byte_is_space(m->bytes[value.end - 1]))
        value.end--;
    if (likeness_of(m, value) != KNOWN)
        return false;
    mend_give_one(m, value);
    *at = value.end;
    return true;
}

/* Find the next record behind a broken one; false: there is none. */
static bool
record_find(struct mend *m, struct broken b, size_t *at)
{
    const struct broken first = b;

    for (;;) {
        struct broken next = b;

        if (record_find_near(m, &b, at, &next))
            return true;
        if (m->is_over || next.fault <= b.fault)
            break;
        b = next;
    }
    return record_find_far(m, &first, at);
}

/* -- the records of a line ------------------------------------------------- */

/*
 * Whether the values from here on, with nothing or a comma between them, end
 * where records may end: then they are records, and not the rest of one.  The
 * answer is the same for all of them.
 */
static bool
chain_is_good(struct mend *m, size_t end)
{
    if (end <= m->chain_end)
        return m->chain_is_good;
    for (;;) {
        const enum behind behind = behind_at(m, end);

        m->chain_end = end;
        m->chain_is_good = behind == BEHIND_END || behind == BEHIND_NUL;
        if (m->chain_is_good || behind == BEHIND_OTHER)
            return m->chain_is_good;
        end = skip_space(m, end);
        if (behind == BEHIND_COMMA)
            end = skip_between(m, end + 1);
        if (end == m->len) {
            m->chain_is_good = true;
            return true;
        }
        if (!value_measure(m, end, &end))
            return false;
    }
}

/* Whether a value and the one behind the comma both begin like records. */
static bool
next_is_known(struct mend *m, struct span value)
{
    struct span next = { skip_between(m, skip_space(m, value.end) + 1), 0 };

    return next.pos < m->len && likeness_of(m, value) == KNOWN &&
           value_measure(m, next.pos, &next.end) &&
           likeness_of(m, next) == KNOWN;
}

/* Whether a whole value that begins the line or follows a record is one. */
static bool
record_is_good(struct mend *m, struct span value)
{
    const enum behind behind = behind_at(m, value.end);
    const bool has_key = value_has_key(m, value.pos);

    switch (behind) {
    case BEHIND_END:
    case BEHIND_NUL:
        return true;
    case BEHIND_VALUE:
        return has_key || chain_is_good(m, value.end);
    case BEHIND_COMMA:
        return next_is_known(m, value) || chain_is_good(m, value.end);
    default:
        break;
    }

    const uint8_t byte = m->bytes[skip_space(m, value.end)];

    /* The rest of an object or array, the beginning of which is lost. */
    return has_key && byte != ',' && byte != ':' && byte != ']' && byte != '}';
}

/* One step along the line; false: there is nothing more. */
static bool
mend_step(struct mend *m, size_t *at)
{
    struct span value;
    struct broken b;

    *at = skip_between(m, *at);
    if (m->given && *at < m->len && m->bytes[*at] == ',')
        *at = skip_between(m, *at + 1);
    if (*at == m->len || m->is_over)
        return false;
    value.pos = *at;
    b = (struct broken){ *at, *at };
    if (byte_opens(m->bytes[*at])) {
        if (value_measure(m, *at, &value.end)) {
            if (record_is_good(m, value)) {
                mend_give_one(m, value);
                *at = value.end;
                return !m->is_over;
            }
            /* The line begins in the middle of a record. */
            if (m->head_pos == *at)
                m->head.first = 0;
        }
        b.fault = value.end;
    }
    return !m->is_over && record_find(m, b, at);
}

size_t
seglog_json_mend(const struct seglog_json_scrap *line,
                 seglog_json_whole_fn give, void *arg)
{
    struct mend m = { .line = line,
                      .bytes = line->bytes,
                      .len = line->len,
                      .give = give,
                      .arg = arg };
    size_t at = 0;

    if (m.len == 0)
        return 0;
    m.budget = (uint64_t)m.len * SEGLOG_JSON_MEND_LOOKS;
    if (m.len >= 3 && memcmp(m.bytes, "\xef\xbb\xbf", 3) == 0)
        at = 3;
    at = skip_between(&m, at);
    m.head_pos = at;
    m.head = slg_json_head_read(m.bytes + at, m.len - at);
    while (mend_step(&m, &at))
        continue;
    return m.given;
}
