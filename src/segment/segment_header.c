/* SPDX-License-Identifier: MIT */
/* src/segment/segment_header.c - SPEC.md 3 and 8: the header, also a lost one. */
#include <string.h>

#include "format/checksum.h"
#include "src/codec/zrun.h"
#include "src/segment/segment_walk.h"
#include "src/store/fail.h"

/* SPEC.md 8, The salt: how far and how often it is tried. */
#define SALT_OFFSETS 65536u
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* Fuzzers would do little else. */
#define SALT_NUMBERS (1u << 9)
#else
#define SALT_NUMBERS (1u << 20)
#endif
#define SALT_TRIES 64u
#define SALT_BLOCK 256u /* divides SALT_NUMBERS */

static void
walk_start(struct slg_walk *walk, uint64_t pos, uint64_t number)
{
    walk->limits = slg_header_limits(&walk->header);
    /* Nobody knows whether bodies are compressed, and frames say it. */
    walk->limits.may_compress |= walk->is_header_lost;
    walk->limits.has_blocks |= walk->is_header_lost;
    walk->limits.may_zstd |= walk->is_header_lost;
    slg_context_start(&walk->context, pos);
    walk->at = (struct slg_place_in_segment){
        .pos = pos,
        .number = number,
        .line = number,
        .epoch = walk->header.epoch,
        .salt = slg_salt(walk->header.identity, walk->header.epoch),
    };
    walk->start_salt = walk->at.salt;
    walk->stretch = walk->at;
}

/* What is assumed of a segment whose header says nothing. */
static void
header_assume(struct slg_walk *walk)
{
    memset(&walk->header, 0, sizeof walk->header);
    walk->header.version = SLG_VERSION;
    walk->header.body_log2 = SLG_BODY_LOG2_MOST;
    walk->header.sync_log2 = 16;
    walk->header.first_record = 1;
    walk->limits = slg_header_limits(&walk->header);
    walk->limits.may_compress = walk->limits.may_zstd = true;
    walk->limits.has_blocks = true;
    walk->is_header_lost = true;
    walk->has_gap = true;
}

struct salt_equation {
    uint32_t mixed[3];
    uint32_t count[2];
};

/* Three record frames one behind the other; CORRUPT if there are not. */
static seglog_code
equation_read(struct slg_walk *walk, uint64_t pos, uint64_t end,
              struct salt_equation *equation, struct seglog_error *err)
{
    for (unsigned i = 0; i < 3; i++) {
        struct slg_frame frame;
        const uint8_t *bytes;
        size_t ahead = SLG_HEAD_MAX + 1;

        if (ahead > end - pos)
            ahead = (size_t)(end - pos);
        seglog_code code =
            slg_window_look(&walk->window, pos, ahead, &bytes, err);
        if (code != SEGLOG_OK)
            return code;
        if (!slg_frame_parse(bytes, ahead, &walk->limits, &frame) ||
            frame.kind == SLG_FRAME_CONTROL || frame.len > end - pos ||
            frame.body_len > SLG_BODY_NEAR_MAX)
            return SEGLOG_CORRUPT;
        code =
            slg_window_look(&walk->window, pos, (size_t)frame.len, &bytes, err);
        if (code != SEGLOG_OK)
            return code;
        const uint64_t count =
            slg_frame_count(bytes, (size_t)frame.len, &frame);
        if (count == 0 || count > frame.len)
            return SEGLOG_CORRUPT;
        equation->mixed[i] = slg_frame_mixed(bytes, &frame);
        if (i < 2)
            equation->count[i] = (uint32_t)count;
        pos += frame.len;
    }
    return SEGLOG_OK;
}

static bool
equation_holds(const struct salt_equation *equation, uint32_t n)
{
    const uint32_t middle = slg_fmix32(n + equation->count[0]);

    const uint32_t last =
        slg_fmix32(n + equation->count[0] + equation->count[1]);

    return ((slg_fmix32(n) ^ middle ^ equation->mixed[0] ^ equation->mixed[1]) |
            (middle ^ last ^ equation->mixed[1] ^ equation->mixed[2])) == 0;
}

/* Does it hold for any of SALT_BLOCK numbers?  Without a branch for each. */
static bool
equation_holds_near(const struct salt_equation *equation, uint32_t base)
{
    const uint32_t first = equation->mixed[0] ^ equation->mixed[1];
    const uint32_t second = equation->mixed[1] ^ equation->mixed[2];
    const uint32_t step = equation->count[0];
    const uint32_t steps = step + equation->count[1];
    uint32_t hits = 0;

    for (uint32_t n = base; n < base + SALT_BLOCK; n++) {
        const uint32_t middle = slg_fmix32(n + step);
        const uint32_t miss = (slg_fmix32(n) ^ middle ^ first) |
                              (middle ^ slg_fmix32(n + steps) ^ second);

        /* The top bit is set only where nothing differs. */
        hits |= (miss - 1) & ~miss;
    }
    return hits >> 31 != 0;
}

static bool
equation_solve(const struct salt_equation *equation, uint32_t *salt)
{
    for (uint32_t base = 1; base <= SALT_NUMBERS; base += SALT_BLOCK) {
        if (!equation_holds_near(equation, base))
            continue;
        for (uint32_t n = base; n < base + SALT_BLOCK; n++) {
            if (equation_holds(equation, n)) {
                *salt = equation->mixed[0] ^ slg_fmix32(n);
                return true;
            }
        }
    }
    return false;
}

seglog_code
slg_walk_solve_salt(struct slg_walk *walk, uint64_t pos, uint64_t end,
                    bool *is_solved, uint32_t *salt, struct seglog_error *err)
{
    struct salt_equation equation;

    *is_solved = false;
    if (walk->salt_tries >= SALT_TRIES)
        return SEGLOG_OK;
    const seglog_code code = equation_read(walk, pos, end, &equation, err);
    if (code == SEGLOG_CORRUPT)
        return SEGLOG_OK;
    if (code != SEGLOG_OK)
        return code;
    walk->salt_tries++;
    *is_solved = equation_solve(&equation, salt);
    return SEGLOG_OK;
}

/* The closing mark that the segment ends with. */
static seglog_code
mark_at_end(struct slg_walk *walk, bool *is_found, struct slg_mark *mark,
            struct seglog_error *err)
{
    const uint64_t size = walk->window.size;
    uint64_t offset = 0;
    seglog_code code = SEGLOG_OK;

    *is_found = false;
    if (size < SLG_CLOSING_MARK_BYTES)
        return SEGLOG_OK;
    code = slg_walk_find_mark(walk, size - SLG_CLOSING_MARK_BYTES, false,
                              &offset, mark, err);
    *is_found = code == SEGLOG_OK && offset == size - SLG_CLOSING_MARK_BYTES;
    return code;
}

/*
 * SPEC.md 8, header, case 2.  A record may hold a segment, with marks of its
 * own: they do not stand where they say, nor do they end this one.
 */
static seglog_code
identity_choose(struct slg_walk *walk, bool *is_found,
                uint8_t identity[SLG_IDENTITY_BYTES], struct seglog_error *err)
{
    struct slg_mark last;
    struct slg_mark mark;
    bool has_last = false;
    uint64_t offset = 0;
    seglog_code code = mark_at_end(walk, &has_last, &last, err);

    *is_found = has_last;
    if (has_last)
        memcpy(identity, last.identity, SLG_IDENTITY_BYTES);
    for (uint64_t from = 0; code == SEGLOG_OK; from = offset + 1) {
        code = slg_walk_find_mark(walk, from, false, &offset, &mark, err);
        if (code != SEGLOG_OK || offset >= walk->window.size)
            break;
        if (!*is_found || mark.offset == offset)
            memcpy(identity, mark.identity, SLG_IDENTITY_BYTES);
        *is_found = true;
        if (mark.offset == offset)
            break;
    }
    return code;
}

static seglog_code
header_from_mark(struct slg_walk *walk, bool *is_found,
                 struct seglog_error *err)
{
    uint8_t identity[SLG_IDENTITY_BYTES] = { 0 };
    struct slg_mark mark;
    uint64_t offset = 0;
    seglog_code code = identity_choose(walk, is_found, identity, err);

    if (code != SEGLOG_OK || !*is_found)
        return code;
    for (uint64_t from = 0;; from = offset + 1) {
        code = slg_walk_find_mark(walk, from, false, &offset, &mark, err);
        *is_found = code == SEGLOG_OK && offset < walk->window.size;
        if (!*is_found)
            return code;
        if (memcmp(mark.identity, identity, sizeof identity) == 0)
            break;
    }
    memcpy(walk->header.identity, identity, sizeof identity);
    walk->header.epoch = mark.epoch;
    walk->has_identity = true;
    walk_start(walk, 0, 1);
    return SEGLOG_OK;
}

/* SPEC.md 8, header, case 3. */
static seglog_code
header_from_salt(struct slg_walk *walk, bool *is_found,
                 struct seglog_error *err)
{
    uint32_t salt;

    *is_found = false;
    for (uint64_t pos = 0;
         !*is_found && pos < SALT_OFFSETS && pos < walk->window.size; pos++) {
        const seglog_code code = slg_walk_solve_salt(
            walk, pos, walk->window.size, is_found, &salt, err);
        if (code != SEGLOG_OK)
            return code;
    }
    walk->salt_tries = 0;
    if (*is_found) {
        walk_start(walk, 0, 1);
        walk->at.salt = walk->start_salt = salt;
    }
    return SEGLOG_OK;
}

static seglog_code
header_is_unreadable(const struct slg_walk *walk, struct seglog_error *err)
{
    const struct slg_place place = { .name = walk->window.name, .offset = 0 };
    static const char what[] = "the header cannot be read, and no sync point "
                               "either: copy the file to a healthy device";

    return walk->window.bad_errno != 0
               ? slg_fail_errno(err, walk->window.bad_errno, &place, "%s", what)
               : slg_fail(err, SEGLOG_IO, &place, "%s", what);
}

static seglog_code
header_recover(struct slg_walk *walk, struct seglog_error *err)
{
    const struct slg_place place = { .name = walk->window.name, .offset = 0 };
    bool is_found;

    header_assume(walk);
    seglog_code code = header_from_mark(walk, &is_found, err);
    if (code == SEGLOG_OK && !is_found)
        code = header_from_salt(walk, &is_found, err);
    if (code != SEGLOG_OK || is_found)
        return code;
    /* Nobody knows what it is, which is not to say that it is no segment. */
    if (slg_window_is_bad_as(&walk->window, 0, walk->window.size, false))
        return header_is_unreadable(walk, err);
    return slg_fail(err, SEGLOG_FORMAT, &place,
                    "not a seglog segment: no header, and nothing in it "
                    "that looks like one");
}

static seglog_code
header_refuse(const struct slg_walk *walk, enum slg_header_state state,
              struct seglog_error *err)
{
    const struct slg_place place = { .name = walk->window.name, .offset = 0 };

    switch (state) {
    case SLG_HEADER_VERSION:
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "segment of format version %u, this build reads "
                        "version %u: use a newer seglog",
                        walk->header.version, SLG_VERSION);
    case SLG_HEADER_FEATURE:
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "segment uses features (0x%04X) that this build does "
                        "not know: use a newer seglog",
                        walk->header.features_refuse & ~SLG_REFUSE_KNOWN);
    default:
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "segment header has a field out of range: it was not "
                        "written by a correct writer");
    }
}

static seglog_code
header_check_codecs(const struct slg_walk *walk, struct seglog_error *err)
{
    const struct slg_place place = { .name = walk->window.name, .offset = 0 };

    if (!slg_header_limits(&walk->header).may_zstd || slg_zrun_is_there())
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_FORMAT, &place,
                    "its records are compressed by zstd, and this build has "
                    "no zstd: use one that has");
}

/* Shorter than a header: the beginning of one, or of something lost. */
static seglog_code
header_is_short(struct slg_walk *walk, struct seglog_error *err)
{
    size_t len = (size_t)walk->window.size;
    const uint8_t *bytes;
    const seglog_code code =
        slg_window_look(&walk->window, 0, len, &bytes, err);

    if (code != SEGLOG_OK)
        return code;
    if (len > SLG_MAGIC_BYTES)
        len = SLG_MAGIC_BYTES;
    return memcmp(bytes, slg_magic, len) == 0 ? SEGLOG_END
                                              : header_recover(walk, err);
}

static seglog_code
walk_open(struct slg_walk *walk, struct seglog_blob blob, const char *name,
          bool is_tolerant, struct seglog_error *err)
{
    uint8_t header[SLG_HEADER_BYTES];

    memset(walk, 0, sizeof *walk);
    seglog_code code =
        slg_window_init(&walk->window, blob, name, is_tolerant, err);
    if (code != SEGLOG_OK)
        return code;
    if (walk->window.size < SLG_HEADER_BYTES)
        return header_is_short(walk, err);
    code = slg_window_copy(&walk->window, 0, header, sizeof header, err);
    if (code != SEGLOG_OK)
        return code;

    enum slg_header_state state = slg_header_decode(header, &walk->header);
    if (state == SLG_HEADER_DAMAGED && slg_header_correct(header)) {
        walk->is_header_corrected = true;
        state = slg_header_decode(header, &walk->header);
    }
    if (state == SLG_HEADER_DAMAGED)
        return header_recover(walk, err);
    if (state != SLG_HEADER_OK)
        return header_refuse(walk, state, err);
    code = header_check_codecs(walk, err);
    if (code != SEGLOG_OK)
        return code;
    walk->has_identity = true;
    walk_start(walk, SLG_HEADER_BYTES, walk->header.first_record);
    return SEGLOG_OK;
}

seglog_code
slg_walk_open(struct slg_walk *walk, struct seglog_blob blob, const char *name,
              bool is_tolerant, const struct slg_walk_source *source,
              struct seglog_error *err)
{
    const seglog_code code = walk_open(walk, blob, name, is_tolerant, err);

    if (source)
        walk->parent.store = *source->store;
    return code == SEGLOG_OK && source
               ? slg_walk_find_dictionary(walk, source, err)
               : code;
}
