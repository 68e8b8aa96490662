/* SPDX-License-Identifier: MIT */
/* src/crypt/chunk_index.c - ENCRYPTION.md 4: from chunk to chunk, round damage. */
#include "src/crypt/chunk_index.h"

#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "src/store/fail.h"

/* Behind chunks of this size only heads are read, not what is between. */
#define LONG_CHUNK_BYTES 8192u
#define LONG_CHUNK_LOOK  4096u
/* An unreadable place is narrowed to this. */
#define PROBE_BYTES 4096u
/*
 * Bytes that look like one head after the other cost a decryption each.  After
 * so many times the size of the blob the rest of it is taken for damaged.
 */
#define WASTE_FACTOR 32u
#define WASTE_BYTES  (1u << 20)
/* What a device writes at once: whole, not at all, or up to some byte. */
#define SECTOR_BYTES 512u
/* How many zeros are no chance: four as rarely as CRC-32 misses damage. */
#define TORN_ZEROS 4u
/* ... in a head where it says its length, cut and place, which are known; */
#define TORN_ZEROS_KNOWN 2u
/* ... where another head may stand, with fewer zeros than these. */
#define TORN_ZEROS_ELSEWHERE 16u
#define HEAD_KNOWN_BYTES     16u
/* With fewer bytes of it nothing tells a head. */
#define HEAD_PIECE_BYTES 8u
/* How many chunks in front of a torn one may be found to be torn as well. */
#define RESTARTS_MAX 8u
/* How often a blob may change while it is walked. */
#define WALKS_MAX 8u

/* What a step looks at: a chunk, or damage. */
struct tail {
    uint64_t at;
    uint64_t plain;
    uint32_t cut;
    uint64_t head_end; /* no other head stands before that */
    uint64_t old_end;  /* where something was appended behind it; 0: nowhere */
    bool is_torn;      /* that is known */
};

struct walk {
    struct slg_chunk_index *index;
    const struct slg_chunk_source *source;
    uint64_t window_at;
    size_t window_len;
    bool is_window_unread; /* the store below has failed somewhere in it */
    bool is_next_linked;   /* the head at index->end has been looked at */
    bool has_failed;       /* one of the windows of this step is unread */
    struct tail tail;
    uint64_t torn_at;  /* a linked chunk that is known to be torn */
    unsigned restarts; /* to find that out */
    uint64_t wasted;   /* bytes decrypted that turned out not to be authentic */
    struct seglog_error *err;
};

void
slg_chunk_index_reset(struct slg_chunk_index *index)
{
    struct slg_stretch *stretches = index->stretches;
    const size_t cap = index->cap;

    *index = (struct slg_chunk_index){ .stretches = stretches, .cap = cap };
}

const struct slg_stretch *
slg_chunk_index_find(const struct slg_chunk_index *index, uint64_t offset)
{
    size_t low = 0;
    size_t high = index->count;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (index->stretches[mid].plain <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 ? &index->stretches[low - 1] : NULL;
}

uint64_t
slg_stretch_end(const struct slg_chunk_index *index,
                const struct slg_stretch *stretch)
{
    const struct slg_stretch *next = stretch + 1;

    return next < index->stretches + index->count ? next->plain : index->size;
}

static seglog_code
read_probe(const struct slg_chunk_source *source, uint64_t at, uint8_t *buf,
           size_t len, bool *has_failed, struct seglog_error *err)
{
    for (size_t done = 0; done < len;) {
        size_t piece = (size_t)(PROBE_BYTES - (at + done) % PROBE_BYTES);
        seglog_code code = SEGLOG_OK;

        if (piece > len - done)
            piece = len - done;
        code = seglog_blob_read_at(source->below, at + done, buf + done, piece,
                                   err);
        if (code == SEGLOG_INVALID || code == SEGLOG_NO_MEMORY)
            return code;
        if (code != SEGLOG_OK) {
            *has_failed = true;
            memset(buf + done, 0, piece);
        }
        done += piece;
    }
    return SEGLOG_OK;
}

seglog_code
slg_chunk_read(const struct slg_chunk_source *source, uint64_t at, uint8_t *buf,
               size_t len, bool *has_failed, struct seglog_error *err)
{
    const seglog_code code =
        seglog_blob_read_at(source->below, at, buf, len, err);

    return code == SEGLOG_IO ? read_probe(source, at, buf, len, has_failed, err)
                             : code;
}

/* ---------------------------------------------------------------------------
 * Taking in
 */

static seglog_code
stretch_push(struct slg_chunk_index *index,
             const struct slg_chunk_source *source,
             const struct slg_stretch *stretch, struct seglog_error *err)
{
    const struct slg_place place = { .name = source->name,
                                     .offset = SEGLOG_NO_OFFSET };

    if (index->count == index->cap) {
        const size_t cap = index->cap > 0 ? 2 * index->cap : 16;
        struct slg_stretch *grown =
            realloc(index->stretches, cap * sizeof *grown);

        if (!grown)
            return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                            "no memory for an index of its chunks");
        index->stretches = grown;
        index->cap = cap;
    }
    index->stretches[index->count++] = *stretch;
    return SEGLOG_OK;
}

static void
index_cut(struct slg_chunk_index *index, uint64_t size)
{
    while (index->count > 0 && index->stretches[index->count - 1].plain >= size)
        index->count--;
    index->size = size;
}

seglog_code
slg_chunk_index_add(struct slg_chunk_index *index,
                    const struct slg_chunk_source *source, const uint8_t *bytes,
                    const struct slg_chunk_head *head, struct seglog_error *err)
{
    const uint64_t at = index->end;
    const uint64_t end = at + SLG_CHUNK_EXTRA_BYTES + head->len;
    struct slg_stretch *last =
        index->count > 0 ? &index->stretches[index->count - 1] : NULL;

    if (last && !last->is_bad && last->end == at &&
        at - last->at < SLG_STRETCH_BYTES && head->plain == index->size &&
        head->cut == index->cut) {
        last->end = end;
    } else {
        struct slg_stretch stretch = { .plain = head->plain,
                                       .at = at,
                                       .end = end };
        seglog_code code = SEGLOG_OK;

        memcpy(stretch.first_mac, head->mac, sizeof stretch.first_mac);
        if (head->plain < index->size)
            index_cut(index, head->plain);
        code = stretch_push(index, source, &stretch, err);
        if (code != SEGLOG_OK)
            return code;
    }
    index->size = head->plain + head->len;
    index->end = end;
    index->linked_end = end;
    index->cut = head->cut;
    index->has_id = true;
    index->has_torn_id = false;
    memcpy(index->id, head->nonce, sizeof index->id);
    memcpy(index->mac, head->mac, sizeof index->mac);
    index->has_last = true;
    index->last_at = at;
    memcpy(index->last_head, bytes, sizeof index->last_head);
    return SEGLOG_OK;
}

/* ---------------------------------------------------------------------------
 * The walk
 */

static uint64_t
waste_max(const struct walk *walk)
{
    return WASTE_FACTOR * walk->index->below + WASTE_BYTES;
}

/* Bytes of the blob below, valid until the next look; they are there. */
static seglog_code
walk_look(struct walk *walk, uint64_t at, size_t len, const uint8_t **bytes)
{
    const struct slg_chunk_index *index = walk->index;
    const bool is_long =
        index->has_last && index->end - index->last_at > LONG_CHUNK_BYTES;
    size_t want = is_long ? LONG_CHUNK_LOOK : SLG_STRETCH_BYTES;
    seglog_code code = SEGLOG_OK;

    if (at < walk->window_at || at - walk->window_at > walk->window_len ||
        len > walk->window_len - (size_t)(at - walk->window_at)) {
        if (want < len)
            want = len;
        if (want > index->below - at)
            want = (size_t)(index->below - at);
        walk->window_len = 0;
        walk->is_window_unread = false;
        code = slg_chunk_read(walk->source, at, walk->source->raw, want,
                              &walk->is_window_unread, walk->err);
        if (code != SEGLOG_OK)
            return code;
        walk->window_at = at;
        walk->window_len = want;
    }
    walk->has_failed |= walk->is_window_unread;
    *bytes = walk->source->raw + (at - walk->window_at);
    return SEGLOG_OK;
}

/* Would the head be right behind the chunks so far, were it authentic? */
static bool
head_fits(const struct slg_chunk_index *index,
          const struct slg_chunk_head *head)
{
    if (index->has_id && memcmp(head->nonce, index->id, sizeof index->id) != 0)
        return false;
    if (head->cut == index->cut)
        return head->plain == index->size;
    return head->cut == index->cut + 1 && head->plain <= index->size;
}

/* Behind a first chunk that is torn all have its id. */
static bool
id_is_torn_one(const struct slg_chunk_index *index,
               const struct slg_chunk_head *head)
{
    return !index->has_torn_id ||
           memcmp(head->nonce, index->id, sizeof index->id) == 0;
}

/*
 * Where the head before it is lost, nothing proves that an authentic chunk
 * follows it: it must lie further on, or belong to a later cut.  One at the
 * very place where another was expected has been put there.
 */
static bool
head_fits_behind_damage(const struct slg_chunk_index *index,
                        const struct slg_chunk_head *head)
{
    if (!index->has_id && !index->has_torn_id)
        return true;
    return memcmp(head->nonce, index->id, sizeof index->id) == 0 &&
           (head->cut > index->cut ||
            (head->cut == index->cut && head->plain > index->size));
}

/* The head of one that was appended behind damage, whatever has become of it:
 * the blob ended there once. */
static bool
head_is_behind_damage(const struct walk *walk, const uint8_t *bytes,
                      const struct slg_chunk_head *head)
{
    static const uint8_t none[SLG_MAC_BYTES];

    return head->cut > walk->index->cut &&
           slg_chunk_is_linked(walk->source->suite, bytes, none);
}

/* The chunk at `at` is whole, below and as it was encrypted. */
static seglog_code
chunk_is_authentic(struct walk *walk, uint64_t at, uint32_t len, bool *is_it)
{
    const uint8_t *bytes = NULL;
    const size_t whole = (size_t)SLG_CHUNK_EXTRA_BYTES + len;
    seglog_code code = SEGLOG_OK;

    *is_it = false;
    if (whole > walk->index->below - at)
        return SEGLOG_OK;
    code = walk_look(walk, at, whole, &bytes);
    if (code != SEGLOG_OK)
        return code;
    *is_it = slg_chunk_open(walk->source->suite, bytes, walk->source->out);
    if (!*is_it)
        walk->wasted += whole;
    return SEGLOG_OK;
}

static seglog_code
chunk_take(struct walk *walk, const struct slg_chunk_head *head)
{
    const uint8_t *bytes = NULL;
    const seglog_code code =
        walk_look(walk, walk->index->end, SLG_CHUNK_HEAD_BYTES, &bytes);

    return code == SEGLOG_OK ? slg_chunk_index_add(walk->index, walk->source,
                                                   bytes, head, walk->err)
                             : code;
}

/* Does a linked head stand at `at`, behind a chunk with that MAC? */
static seglog_code
next_is_linked(struct walk *walk, uint64_t at, const uint8_t mac[SLG_MAC_BYTES],
               bool *is_it)
{
    const uint8_t *bytes = NULL;
    seglog_code code = SEGLOG_OK;

    *is_it = false;
    if (at + SLG_CHUNK_HEAD_BYTES > walk->index->below)
        return SEGLOG_OK;
    code = walk_look(walk, at, SLG_CHUNK_HEAD_BYTES, &bytes);
    if (code == SEGLOG_OK)
        *is_it = slg_chunk_is_linked(walk->source->suite, bytes, mac);
    return code;
}

static size_t
zeros_at_start(const uint8_t *bytes, size_t len)
{
    size_t zeros = 0;

    while (zeros < len && bytes[zeros] == 0)
        zeros++;
    return zeros;
}

static size_t
zeros_at_end(const uint8_t *bytes, size_t len)
{
    size_t zeros = 0;

    while (zeros < len && bytes[len - zeros - 1] == 0)
        zeros++;
    return zeros;
}

/*
 * Of zeros in the tail, those that would be others in the head of a chunk that
 * is right there, or in the bytes behind that.
 */
static bool
zeros_are_torn(const struct walk *walk, uint64_t from, uint64_t to)
{
    const uint64_t known_end = walk->tail.at + HEAD_KNOWN_BYTES;
    uint8_t head[HEAD_KNOWN_BYTES] = { 1 };
    uint64_t known = 0;
    const uint64_t least =
        to <= walk->tail.head_end ? TORN_ZEROS : TORN_ZEROS_ELSEWHERE;

    slg_store_le32(head + 4, walk->tail.cut);
    slg_store_le64(head + 8, walk->tail.plain);
    for (; from < to && from < known_end; from++)
        known += head[from - walk->tail.at] != 0;
    return known >= TORN_ZEROS_KNOWN || known + (to - from) >= least;
}

/* Of a sector, what lies at `at` in the tail. */
static bool
sector_is_torn(const struct walk *walk, uint64_t at, const uint8_t *bytes,
               size_t len)
{
    const size_t first = zeros_at_start(bytes, len);
    const size_t last = zeros_at_end(bytes, len);

    return first == len || zeros_are_torn(walk, at, at + first) ||
           zeros_are_torn(walk, at + len - last, at + len);
}

/*
 * Has a crash left what this step looks at up to `end`, where the blob ended
 * then?  A sector that was not written is zeros as far as
 * the blob reached into it, one that was torn begins or ends with zeros, and
 * zeros stand at the end where less was written than the size said; authentic
 * bytes are not zeros, nor is what somebody has changed, unless he wants it to
 * look as if it had never been written.
 */
static seglog_code
bytes_are_torn(struct walk *walk, uint64_t end, bool *is_torn)
{
    *is_torn = walk->tail.is_torn;
    for (uint64_t at = walk->tail.at; !*is_torn && at < end;) {
        size_t len = (size_t)(SECTOR_BYTES - at % SECTOR_BYTES);
        const uint8_t *bytes = NULL;
        seglog_code code = SEGLOG_OK;

        if (len > end - at)
            len = (size_t)(end - at);
        code = walk_look(walk, at, len, &bytes);
        if (code != SEGLOG_OK)
            return code;
        *is_torn = sector_is_torn(walk, at, bytes, len);
        at += len;
    }
    /* What could not be read is zeros here as well. */
    *is_torn = *is_torn && !walk->has_failed;
    return SEGLOG_OK;
}

/* -- pieces of heads -------------------------------------------------------- */

/*
 * Does a head that says it stands there begin with these bytes, HEAD_PIECE_BYTES
 * at least?  Zeros say nothing: they may be what the device has not written.
 */
static bool
piece_begins(const struct slg_chunk_index *index, uint32_t cut, uint64_t plain,
             const uint8_t *piece, size_t len)
{
    const uint32_t chunk_len = slg_load_le32(piece);
    uint8_t head[HEAD_KNOWN_BYTES + SLG_CHUNK_ID_BYTES];
    /* Behind a torn first chunk everybody may choose an id. */
    const size_t known = index->has_id ? sizeof head : HEAD_KNOWN_BYTES;

    memcpy(head, piece, 4);
    slg_store_le32(head + 4, cut);
    slg_store_le64(head + 8, plain);
    memcpy(head + HEAD_KNOWN_BYTES, index->id, sizeof index->id);
    return chunk_len > 0 && chunk_len <= SLG_CHUNK_PLAIN_MAX &&
           zeros_at_start(piece + 4, len - 4) < len - 4 &&
           memcmp(head, piece, len < known ? len : known) == 0;
}

/*
 * How much of the head of a chunk that was appended there, and no more of it,
 * stands directly before `end`; 0: none that can be told.  is_behind_damage: what
 * is in front of it was damage then, and else a torn tail.
 */
static seglog_code
piece_find(struct walk *walk, uint64_t end, bool is_behind_damage,
           size_t *found)
{
    const struct slg_chunk_index *index = walk->index;
    const uint32_t cut = index->cut + is_behind_damage;
    const size_t most = SLG_CHUNK_HEAD_BYTES;
    const uint8_t *bytes = NULL;
    const seglog_code code = walk_look(walk, end - most, most, &bytes);

    *found = 0;
    for (size_t len = most; code == SEGLOG_OK && len >= HEAD_PIECE_BYTES;
         len--) {
        const uint64_t before = end - len - index->end;
        uint64_t plain = index->size;

        if (is_behind_damage && before < SLG_CHUNK_EXTRA_BYTES)
            continue;
        if (is_behind_damage)
            plain += before - SLG_CHUNK_EXTRA_BYTES;
        if (piece_begins(index, cut, plain, bytes + most - len, len)) {
            *found = len;
            break;
        }
    }
    return code;
}

/* Has a crash left the tail, as in bytes_are_torn, in front of what was appended
 * behind it and is torn in its head? */
static seglog_code
tail_is_torn_at(struct walk *walk, uint64_t end, bool *is_torn)
{
    seglog_code code = bytes_are_torn(walk, end, is_torn);

    while (code == SEGLOG_OK && !*is_torn &&
           end - walk->index->end >= SLG_CHUNK_EXTRA_BYTES) {
        size_t len = 0;

        code = piece_find(walk, end, true, &len);
        if (code != SEGLOG_OK || len == 0)
            break;
        end -= len;
        code = bytes_are_torn(walk, end, is_torn);
    }
    return code;
}

/*
 * Pieces of heads one behind the other: a torn tail was too short for a chunk,
 * somebody who may not cut has appended behind it, and that is torn as well.  Of
 * a chunk that begins at the end `whole` bytes would be all of it.
 */
static seglog_code
pieces_are_torn(struct walk *walk, uint64_t end, uint64_t whole, bool *is_torn)
{
    const uint64_t start = walk->index->end;

    *is_torn = false;
    while (end - start >= whole) {
        size_t len = 0;
        const seglog_code code = piece_find(walk, end, false, &len);

        if (code != SEGLOG_OK || len == 0)
            return code;
        end -= len;
    }
    *is_torn = !walk->has_failed;
    return SEGLOG_OK;
}

/* -- round damage ------------------------------------------------------------ */

/*
 * Behind the damage at the end an authentic chunk stands at `at`.  With a
 * greater cut it was appended there when the damage was there already, perhaps
 * behind what a crash had left.
 */
static seglog_code
damage_pass(struct walk *walk, uint64_t at, const struct slg_chunk_head *head)
{
    struct slg_chunk_index *index = walk->index;
    bool is_torn = false;
    seglog_code code = SEGLOG_OK;

    if (head->cut > index->cut && at - index->end >= SLG_CHUNK_EXTRA_BYTES)
        code = tail_is_torn_at(walk, at, &is_torn);
    if (code != SEGLOG_OK)
        return code;
    if (head->plain > index->size) {
        const struct slg_stretch bad = { .plain = index->size,
                                         .at = index->end,
                                         .end = at,
                                         .is_bad = true,
                                         .is_unreadable = walk->has_failed,
                                         .is_torn = is_torn };

        code = stretch_push(index, walk->source, &bad, walk->err);
        index->size = head->plain;
    }
    index->end = at;
    return code == SEGLOG_OK ? chunk_take(walk, head) : code;
}

/*
 * A head inside a chunk that cannot be decrypted.  Linked to the chunk before
 * that one, it proves it to have been torn, and appended behind by somebody who
 * may not cut.  Of an authentic chunk it proves that bytes of that one are gone.
 */
static seglog_code
inside_try(struct walk *walk, uint64_t at, const struct slg_chunk_head *outer,
           bool *is_done)
{
    struct slg_chunk_index *index = walk->index;
    struct slg_crypt_suite *suite = walk->source->suite;
    struct slg_chunk_head head;
    const uint8_t *bytes = NULL;
    bool is_it = false;
    seglog_code code = walk_look(walk, at, SLG_CHUNK_HEAD_BYTES, &bytes);

    if (code != SEGLOG_OK || !slg_chunk_head_parse(bytes, &head))
        return code;
    /* A torn first chunk leaves no id: who comes behind it chooses one. */
    if (head_fits(index, &head) &&
        slg_chunk_is_linked(suite, bytes, index->mac)) {
        index->end = at;
        *is_done = true;
        return SEGLOG_OK;
    }
    if (memcmp(head.nonce, outer->nonce, SLG_CHUNK_ID_BYTES) != 0 ||
        head.cut < index->cut || head.plain < outer->plain + outer->len)
        return SEGLOG_OK;
    /* A right head alone proves nothing about where its chunk ends: what was
     * appended behind the torn rest of it would be taken for a part of it. */
    code = chunk_is_authentic(walk, at, head.len, &is_it);
    if (code != SEGLOG_OK || !is_it)
        return code;
    *is_done = true;
    return damage_pass(walk, at, &head);
}

/* Look inside the chunk at the end, up to `limit`. */
static seglog_code
inside_walk(struct walk *walk, const struct slg_chunk_head *outer,
            uint64_t limit, bool *is_found)
{
    const struct slg_chunk_index *index = walk->index;
    seglog_code code = SEGLOG_OK;

    for (uint64_t at = index->end + 1;
         code == SEGLOG_OK && !*is_found && at < limit &&
         index->below - at >= SLG_CHUNK_HEAD_BYTES &&
         walk->wasted <= waste_max(walk);
         at++)
        code = inside_try(walk, at, outer, is_found);
    return code;
}

/* The same where that chunk is torn as well. */
static seglog_code
tail_is_torn_up_to(struct walk *walk, uint64_t end, bool *is_torn)
{
    const seglog_code code = tail_is_torn_at(walk, end, is_torn);

    return code != SEGLOG_OK || *is_torn || walk->tail.old_end == 0
               ? code
               : tail_is_torn_at(walk, walk->tail.old_end, is_torn);
}

/*
 * Nothing authentic follows.  As much as one chunk could hold there counts as
 * bytes that are lost, so that a change of the last chunk shows.
 */
static seglog_code
tail_take(struct walk *walk)
{
    struct slg_chunk_index *index = walk->index;
    bool is_torn = false;
    seglog_code code = tail_is_torn_up_to(walk, index->below, &is_torn);
    const struct slg_stretch bad = { .plain = index->size,
                                     .at = index->end,
                                     .end = index->below,
                                     .is_bad = true,
                                     .is_unreadable = walk->has_failed,
                                     .is_torn = is_torn };

    if (code == SEGLOG_OK)
        code = stretch_push(index, walk->source, &bad, walk->err);
    if (code != SEGLOG_OK)
        return code;
    index->size += index->below - index->end - SLG_CHUNK_EXTRA_BYTES;
    index->is_tail_bad = true;
    return SEGLOG_OK;
}

/* No linked head stands at the end: look for the next authentic chunk. */
static seglog_code
damage_walk(struct walk *walk, bool *is_done)
{
    struct slg_chunk_index *index = walk->index;
    bool is_torn = false;
    seglog_code code = SEGLOG_OK;

    for (uint64_t at = index->end; at + SLG_CHUNK_HEAD_BYTES <= index->below &&
                                   walk->wasted <= waste_max(walk);
         at++) {
        struct slg_chunk_head head;
        const uint8_t *bytes = NULL;
        bool is_it = false;

        code = walk_look(walk, at, SLG_CHUNK_HEAD_BYTES, &bytes);
        if (code != SEGLOG_OK)
            return code;
        if (!slg_chunk_head_parse(bytes, &head))
            continue;
        if (head_fits(index, &head) && at > index->end &&
            id_is_torn_one(index, &head) &&
            slg_chunk_is_linked(walk->source->suite, bytes, index->mac)) {
            index->end = at;
            return SEGLOG_OK;
        }
        if (!head_fits_behind_damage(index, &head))
            continue;
        if (walk->tail.old_end == 0 &&
            head_is_behind_damage(walk, bytes, &head))
            walk->tail.old_end = at;
        code = chunk_is_authentic(walk, at, head.len, &is_it);
        if (code != SEGLOG_OK)
            return code;
        if (is_it)
            return damage_pass(walk, at, &head);
    }
    *is_done = true;
    code = pieces_are_torn(walk, index->below, SLG_CHUNK_EXTRA_BYTES, &is_torn);
    return code != SEGLOG_OK || is_torn ? code : tail_take(walk);
}

/*
 * Has a crash left a tail that begins with the chunk at the end, which ends at
 * `next`?  Its zeros may stand behind that chunk: up to what somebody has
 * appended behind the tail since, which is the next authentic chunk then, or up
 * to the end of the blob.  What the tail is must not change with that.  Or a head
 * that is linked to what is in front of it stands behind it, as inside_try says.
 */
static seglog_code
tail_is_torn(struct walk *walk, uint64_t next, bool *is_torn, bool *is_found)
{
    struct slg_chunk_index *index = walk->index;
    seglog_code code = bytes_are_torn(walk, next, is_torn);

    for (uint64_t at = next; code == SEGLOG_OK && !*is_torn &&
                             at + SLG_CHUNK_EXTRA_BYTES <= index->below &&
                             walk->wasted <= waste_max(walk);
         at++) {
        struct slg_chunk_head head;
        const uint8_t *bytes = NULL;
        bool is_it = false;

        code = walk_look(walk, at, SLG_CHUNK_HEAD_BYTES, &bytes);
        if (code != SEGLOG_OK || !slg_chunk_head_parse(bytes, &head))
            continue;
        if (head_fits(index, &head) && id_is_torn_one(index, &head) &&
            slg_chunk_is_linked(walk->source->suite, bytes, index->mac)) {
            code = pieces_are_torn(walk, at, next - index->end, is_found);
            if (*is_found)
                index->end = at;
            else if (code == SEGLOG_OK)
                code = walk_look(walk, at, SLG_CHUNK_HEAD_BYTES, &bytes);
            if (code != SEGLOG_OK || *is_found)
                return code;
        }
        if (!head_fits_behind_damage(index, &head))
            continue;
        if (walk->tail.old_end == 0 &&
            head_is_behind_damage(walk, bytes, &head))
            walk->tail.old_end = at;
        code = chunk_is_authentic(walk, at, head.len, &is_it);
        if (code == SEGLOG_OK && is_it)
            return head.cut > index->cut ? tail_is_torn_at(walk, at, is_torn)
                                         : SEGLOG_OK;
    }
    if (code != SEGLOG_OK || *is_torn)
        return code;
    index->is_unsure = true;
    return tail_is_torn_up_to(walk, index->below, is_torn);
}

/*
 * The chunk at the end is torn.  Is the one before it, too?  It was taken because
 * a head is linked to it, whatever has become of its bytes.  If so the walk
 * begins anew, and comes to an end there.
 */
static seglog_code
before_look(struct walk *walk, bool *is_torn)
{
    struct slg_chunk_index *index = walk->index;
    const struct tail tail = walk->tail;
    const uint64_t below = index->below;
    const uint64_t at = index->last_at;
    struct slg_chunk_head head;
    bool is_sound = false;
    seglog_code code = SEGLOG_OK;

    *is_torn = false;
    if (!index->has_last || walk->restarts == RESTARTS_MAX ||
        !slg_chunk_head_parse(index->last_head, &head) ||
        at + SLG_CHUNK_EXTRA_BYTES + head.len != tail.at)
        return SEGLOG_OK;
    code = chunk_is_authentic(walk, at, head.len, &is_sound);
    if (code != SEGLOG_OK || is_sound)
        return code;
    walk->tail = (struct tail){
        .at = at, .plain = head.plain, .cut = head.cut, .head_end = tail.at
    };
    code = bytes_are_torn(walk, tail.at, is_torn);
    walk->tail = tail;
    if (code != SEGLOG_OK || !*is_torn)
        return code;
    slg_chunk_index_reset(index);
    index->below = below;
    walk->torn_at = at;
    walk->restarts++;
    return SEGLOG_OK;
}

/* What becomes of a linked head at the end. */
enum linked {
    LINKED_TAKEN,     /* sound, or what it holds was changed */
    LINKED_TORN,      /* not all of its chunk was written, but all is there */
    LINKED_TAIL,      /* not all of it is there */
    LINKED_DAMAGED,   /* nobody can tell: it cannot be read */
    LINKED_PASSED_BY, /* the walk goes on elsewhere */
};

/* The tail is a chunk whose head is right, so that the id is that of the blob,
 * whether it is torn or was changed. */
static void
tail_begin(struct walk *walk, const struct slg_chunk_head *head)
{
    struct slg_chunk_index *index = walk->index;

    if (!index->has_id) {
        memcpy(index->id, head->nonce, sizeof index->id);
        index->has_torn_id = true;
    }
    walk->tail.head_end = index->end + SLG_CHUNK_EXTRA_BYTES + head->len;
}

/*
 * Its chunk is whole if another one is linked to it, or if it can be decrypted.
 * Else a head inside or behind it may tell that it was torn.
 */
static seglog_code
linked_look(struct walk *walk, const struct slg_chunk_head *head,
            enum linked *what)
{
    const uint64_t at = walk->index->end;
    const uint64_t next = at + SLG_CHUNK_EXTRA_BYTES + head->len;
    const bool is_whole = next <= walk->index->below;
    bool is_torn = false;
    bool is_it = false;
    seglog_code code = SEGLOG_OK;

    *what = LINKED_TAKEN;
    if (is_whole)
        code = next_is_linked(walk, next, head->mac, &is_it);
    walk->is_next_linked = is_it;
    if (code == SEGLOG_OK && !is_it)
        code = chunk_is_authentic(walk, at, head->len, &is_it);
    if (code != SEGLOG_OK || is_it)
        return code;
    *what = LINKED_PASSED_BY;
    code =
        inside_walk(walk, head, is_whole ? next : walk->index->below, &is_it);
    if (code != SEGLOG_OK || is_it)
        return code;
    *what = walk->has_failed ? LINKED_DAMAGED : LINKED_TAIL;
    if (walk->has_failed || !is_whole)
        return SEGLOG_OK;
    tail_begin(walk, head);
    code = pieces_are_torn(walk, walk->index->below, next - at, &is_it);
    if (code != SEGLOG_OK || is_it)
        return code;
    code = tail_is_torn(walk, next, &is_torn, &is_it);
    *what = is_torn ? LINKED_TORN : is_it ? LINKED_PASSED_BY : LINKED_TAKEN;
    return code;
}

/* A linked head stands at the end.  The last chunk may be whole and not have
 * been written: then it is no chunk. */
static seglog_code
linked_take(struct walk *walk, const struct slg_chunk_head *head, bool *is_done)
{
    struct slg_chunk_index *index = walk->index;
    enum linked what = LINKED_TORN;
    bool is_restarted = false;
    seglog_code code = SEGLOG_OK;

    if (walk->torn_at == index->end)
        tail_begin(walk, head);
    else
        code = linked_look(walk, head, &what);
    if (code != SEGLOG_OK || what == LINKED_PASSED_BY)
        return code;
    if (what == LINKED_TAIL) {
        *is_done = true;
        return SEGLOG_OK;
    }
    if (what == LINKED_TAKEN)
        return chunk_take(walk, head);
    if (what == LINKED_TORN) {
        code = before_look(walk, &is_restarted);
        if (code != SEGLOG_OK || is_restarted)
            return code;
        walk->tail.is_torn = true;
    }
    return damage_walk(walk, is_done);
}

static seglog_code
walk_step(struct walk *walk, bool *is_done)
{
    const struct slg_chunk_index *index = walk->index;
    struct slg_chunk_head head;
    const uint8_t *bytes = NULL;
    const bool is_next_linked = walk->is_next_linked;
    seglog_code code = SEGLOG_OK;

    if (index->below - index->end < SLG_CHUNK_EXTRA_BYTES) {
        *is_done = true;
        return SEGLOG_OK;
    }
    walk->is_next_linked = false;
    walk->has_failed = false;
    walk->tail = (struct tail){ .at = index->end,
                                .plain = index->size,
                                .cut = index->cut,
                                .head_end = index->end + SLG_CHUNK_HEAD_BYTES };
    code = walk_look(walk, index->end, SLG_CHUNK_HEAD_BYTES, &bytes);
    if (code != SEGLOG_OK)
        return code;
    if (slg_chunk_head_parse(bytes, &head) && head_fits(index, &head) &&
        (is_next_linked ||
         slg_chunk_is_linked(walk->source->suite, bytes, index->mac)))
        return linked_take(walk, &head, is_done);
    return damage_walk(walk, is_done);
}

static seglog_code
index_walk(struct slg_chunk_index *index, const struct slg_chunk_source *source,
           struct seglog_error *err)
{
    struct walk walk = {
        .index = index, .source = source, .torn_at = UINT64_MAX, .err = err
    };
    seglog_code code = SEGLOG_OK;

    /* More bytes may tell otherwise of all that is behind the last chunk. */
    index->end = index->linked_end;
    index->has_torn_id = false;
    if (index->is_tail_bad) {
        index->size = index->stretches[--index->count].plain;
        index->is_tail_bad = false;
    }
    for (bool is_done = false; code == SEGLOG_OK && !is_done;)
        code = walk_step(&walk, &is_done);
    return code;
}

/* ---------------------------------------------------------------------------
 * What has changed
 */

/* The last chunk is where it was, so that those before it are as well. */
static seglog_code
last_is_same(const struct slg_chunk_index *index,
             const struct slg_chunk_source *source, uint64_t below,
             bool *is_same, struct seglog_error *err)
{
    uint8_t head[SLG_CHUNK_HEAD_BYTES];
    seglog_code code = SEGLOG_OK;

    *is_same = false;
    if (!index->is_loaded || below < index->end)
        return SEGLOG_OK;
    if (!index->has_last) {
        *is_same = below == index->below;
        return SEGLOG_OK;
    }
    code = seglog_blob_read_at(source->below, index->last_at, head, sizeof head,
                               err);
    if (code == SEGLOG_INVALID || code == SEGLOG_IO)
        return SEGLOG_OK; /* it will be seen when it is walked */
    *is_same =
        code == SEGLOG_OK && memcmp(head, index->last_head, sizeof head) == 0;
    return code;
}

bool
slg_chunk_index_is_tail_unread(const struct slg_chunk_index *index)
{
    return index->is_tail_bad &&
           index->stretches[index->count - 1].is_unreadable;
}

seglog_code
slg_chunk_index_update(struct slg_chunk_index *index,
                       const struct slg_chunk_source *source, bool *is_replaced,
                       struct seglog_error *err)
{
    seglog_code code = SEGLOG_INVALID;

    /* Somebody may cut it meanwhile, which is INVALID to those who read. */
    for (unsigned i = 0; i < WALKS_MAX && code == SEGLOG_INVALID; i++) {
        uint64_t below = 0;
        bool is_same = false;

        code = seglog_blob_get_size(source->below, &below, is_replaced, err);
        if (code != SEGLOG_OK)
            return code;
        code = last_is_same(index, source, below, &is_same, err);
        if (code != SEGLOG_OK)
            return code;
        if (is_same && below == index->below &&
            !slg_chunk_index_is_tail_unread(index))
            return SEGLOG_OK;
        if (!is_same || index->is_unsure)
            slg_chunk_index_reset(index);
        index->below = below;
        code = index_walk(index, source, err);
        index->is_loaded = code == SEGLOG_OK;
        if (code != SEGLOG_OK)
            slg_chunk_index_reset(index);
    }
    return code;
}
