/* SPDX-License-Identifier: MIT */
/* src/crypt/encrypted_blob.c - one open blob: plain offsets over chunks. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "src/crypt/chunk_index.h"
#include "src/crypt/encrypted_store.h"
#include "src/store/fail.h"
#include "src/store/name.h"

/* Larger appends get a buffer of their own. */
#define SEALED_KEPT_BYTES ((size_t)512 * 1024)
/* Others may change what is read or appended to while that goes on. */
#define STALE_MAX 16u

struct encrypted_blob {
    struct slg_chunk_source source;
    struct slg_chunk_index index;
    bool is_writable;
    bool is_lock_held;
    bool is_behind;      /* the last append met with a CONFLICT below */
    uint64_t unread_end; /* told as its size while its end was not readable */
    uint8_t *sealed;     /* the last append, encrypted */
    size_t sealed_cap;
    char name[SLG_NAME_CAP];
};

static seglog_code
fail_blob(const struct encrypted_blob *blob, struct seglog_error *err,
          seglog_code code, uint64_t offset, const char *what)
{
    const struct slg_place place = { .name = blob->name, .offset = offset };

    return slg_fail(err, code, &place, "%s", what);
}

/* A torn end counts as bytes for as long as it cannot be read. */
static seglog_code
fail_range(const struct encrypted_blob *blob, struct seglog_error *err,
           uint64_t offset, size_t len, const char *what)
{
    const bool was_told =
        offset <= blob->unread_end && len <= blob->unread_end - offset;
    const seglog_code code =
        was_told ? fail_blob(blob, err, SEGLOG_IO, offset,
                             "its end could not be read before: try again")
                 : fail_blob(blob, err, SEGLOG_INVALID, offset, what);

    return slg_fail_actual(err, code, blob->index.size);
}

static seglog_code
check_writable(const struct encrypted_blob *blob, struct seglog_error *err)
{
    if (blob->is_writable)
        return SEGLOG_OK;
    return fail_blob(blob, err, SEGLOG_READ_ONLY, SEGLOG_NO_OFFSET,
                     "it was opened for reading only");
}

static seglog_code
blob_update(struct encrypted_blob *blob, struct seglog_error *err)
{
    return slg_chunk_index_update(&blob->index, &blob->source, NULL, err);
}

static seglog_code
blob_load(struct encrypted_blob *blob, struct seglog_error *err)
{
    return blob->index.is_loaded ? SEGLOG_OK : blob_update(blob, err);
}

/* ---------------------------------------------------------------------------
 * Appending
 */

static bool
sealed_reserve(struct encrypted_blob *blob, size_t size)
{
    uint8_t *grown = NULL;

    if (size <= blob->sealed_cap)
        return true;
    grown = realloc(blob->sealed, size);
    if (!grown)
        return false;
    blob->sealed = grown;
    blob->sealed_cap = size;
    return true;
}

/*
 * Where the end is nobody knows.  What is appended there would stand at a place
 * that is wrong as soon as it is readable again.
 */
static seglog_code
fail_unread(const struct encrypted_blob *blob, struct seglog_error *err)
{
    return fail_blob(blob, err, SEGLOG_IO, blob->index.size,
                     "its end cannot be read, and what is appended has to "
                     "stand behind it: copy it to a healthy device");
}

/*
 * What the next chunk says of itself.  Behind damage it is linked to nothing,
 * and a new cut tells that it was appended there.
 */
static seglog_code
head_begin(const struct encrypted_blob *blob, struct slg_chunk_head *head,
           uint8_t prev_mac[SLG_MAC_BYTES], struct seglog_error *err)
{
    const struct slg_chunk_index *index = &blob->index;

    *head = (struct slg_chunk_head){ .cut = index->cut, .plain = index->size };
    memcpy(prev_mac, index->mac, SLG_MAC_BYTES);
    if (slg_chunk_index_is_tail_unread(index))
        return fail_unread(blob, err);
    if (index->is_tail_bad) {
        head->cut++;
        memset(prev_mac, 0, SLG_MAC_BYTES);
    }
    if (head->cut < index->cut)
        return fail_blob(blob, err, SEGLOG_TOO_LARGE, index->size,
                         "it was cut too often: copy it");
    memcpy(head->nonce, index->id, sizeof index->id);
    /* Behind a first chunk that is torn it has that one's id: later bytes may
     * make it look like one that was changed, which is taken. */
    if (!index->has_id && !index->has_torn_id &&
        !slg_crypt_random(head->nonce, SLG_CHUNK_ID_BYTES))
        return fail_blob(blob, err, SEGLOG_IO, index->size,
                         "the system gives no random bytes");
    return SEGLOG_OK;
}

/* Of two things that it takes the system gave one. */
static seglog_code
fail_seal(const struct encrypted_blob *blob, uint64_t plain,
          struct seglog_error *err)
{
    uint8_t byte = 0;

    return slg_crypt_random(&byte, 1)
               ? fail_blob(blob, err, SEGLOG_NO_MEMORY, plain,
                           "no memory to encrypt it")
               : fail_blob(blob, err, SEGLOG_IO, plain,
                           "cannot encrypt: no random bytes");
}

/* Encrypt one chunk to *at of blob->sealed, which moves behind it. */
static seglog_code
chunk_seal(struct encrypted_blob *blob, struct slg_chunk_head *head,
           uint8_t mac[SLG_MAC_BYTES], const uint8_t *data, size_t *at,
           struct seglog_error *err)
{
    if (!slg_chunk_seal(blob->source.suite, head, mac, data,
                        blob->sealed + *at))
        return fail_seal(blob, head->plain, err);
    memcpy(mac, head->mac, SLG_MAC_BYTES);
    *at += SLG_CHUNK_EXTRA_BYTES + head->len;
    return SEGLOG_OK;
}

/*
 * A chunk that changes nothing, of another length than what follows it: before
 * a byte an empty one, as if the blob were cut where it ends; before a cut a
 * byte that it cuts off.
 */
static seglog_code
lead_seal(struct encrypted_blob *blob, struct slg_chunk_head *head,
          uint8_t mac[SLG_MAC_BYTES], size_t len, size_t *at,
          struct seglog_error *err)
{
    struct slg_chunk_head lead = *head;

    lead.len = len == 0;
    if (len == 0) {
        lead.cut = blob->index.cut;
        lead.plain = blob->index.size;
    } else if (head->cut == UINT32_MAX) {
        return fail_blob(blob, err, SEGLOG_TOO_LARGE, head->plain,
                         "it was cut too often: copy it");
    } else {
        lead.cut = ++head->cut;
    }
    return chunk_seal(blob, &lead, mac, (const uint8_t *)"", at, err);
}

/* Encrypt data into blob->sealed.  At least one chunk, be it empty; is_other: one
 * that does not begin as it would otherwise, with its length. */
static seglog_code
data_seal(struct encrypted_blob *blob, struct slg_chunk_head head,
          const uint8_t prev_mac[SLG_MAC_BYTES], const uint8_t *data,
          size_t len, bool is_other, size_t *sealed_len,
          struct seglog_error *err)
{
    const size_t chunks = len / SLG_CHUNK_PLAIN_MAX + 2;
    uint8_t mac[SLG_MAC_BYTES];
    size_t at = 0;
    seglog_code code = SEGLOG_OK;

    if (len > SIZE_MAX / 2 ||
        !sealed_reserve(blob, len + 1 + chunks * SLG_CHUNK_EXTRA_BYTES))
        return fail_blob(blob, err, SEGLOG_NO_MEMORY, head.plain,
                         "no memory to append");
    memcpy(mac, prev_mac, sizeof mac);
    if (is_other && len < 2)
        code = lead_seal(blob, &head, mac, len, &at, err);
    for (bool is_first = true; code == SEGLOG_OK && (is_first || len > 0);
         is_first = false) {
        head.len =
            (uint32_t)(len < SLG_CHUNK_PLAIN_MAX ? len : SLG_CHUNK_PLAIN_MAX);
        head.len -= is_other && is_first && len >= 2;
        code = chunk_seal(blob, &head, mac, data, &at, err);
        head.plain += head.len;
        len -= head.len;
        data = data ? data + head.len : NULL;
    }
    *sealed_len = at;
    return code;
}

/* The chunks in blob->sealed stand in the blob below from `at` on. */
static seglog_code
sealed_add(struct encrypted_blob *blob, uint64_t at, size_t len,
           struct seglog_error *err)
{
    struct slg_chunk_index *index = &blob->index;
    seglog_code code = SEGLOG_OK;

    index->end = at;
    index->below = at + len;
    for (size_t done = 0; code == SEGLOG_OK && done < len;) {
        struct slg_chunk_head head;

        (void)slg_chunk_head_parse(blob->sealed + done, &head);
        code = slg_chunk_index_add(index, &blob->source, blob->sealed + done,
                                   &head, err);
        done += SLG_CHUNK_EXTRA_BYTES + head.len;
    }
    index->is_tail_bad = false;
    return code;
}

/*
 * Cut off below, and for good: if the power failed while the cut is not on the
 * device and what is appended behind it is, in part, that would stand between
 * bytes that were cut, which nobody could tell from damage.
 */
static seglog_code
below_cut(struct encrypted_blob *blob, uint64_t size, struct seglog_error *err)
{
    const seglog_code code =
        seglog_blob_truncate(blob->source.below, size, err);

    return code == SEGLOG_OK ? seglog_blob_sync(blob->source.below, err) : code;
}

/*
 * Cut a torn tail, if that is sure to be one: without the lock it may be an
 * append that goes on.  Then what is appended stands behind it.
 */
static seglog_code
tail_cut(struct encrypted_blob *blob, struct seglog_error *err)
{
    struct slg_chunk_index *index = &blob->index;
    seglog_code code = SEGLOG_OK;

    if (!blob->is_lock_held || index->is_tail_bad || index->end == index->below)
        return SEGLOG_OK;
    code = below_cut(blob, index->linked_end, err);
    if (code == SEGLOG_OK) {
        index->end = index->linked_end;
        index->below = index->end;
    }
    return code == SEGLOG_READ_ONLY ? SEGLOG_OK : code;
}

/*
 * Behind a damaged tail what is appended may begin with just the bytes that a
 * torn head at the end lacks.  It would be one then, and what is appended a part
 * of its chunk: another byte in front keeps them apart.
 */
static seglog_code
sealed_part(struct encrypted_blob *blob, size_t *len, bool *is_apart,
            struct seglog_error *err)
{
    const struct slg_chunk_index *index = &blob->index;
    uint8_t bytes[2 * SLG_CHUNK_HEAD_BYTES];
    const uint64_t left = index->below - index->end;
    size_t before = SLG_CHUNK_HEAD_BYTES - 1;
    seglog_code code = SEGLOG_OK;

    if (!index->is_tail_bad)
        return SEGLOG_OK;
    if (before > left)
        before = (size_t)left;
    code = seglog_blob_read_at(blob->source.below, index->below - before, bytes,
                               before, err);
    if (code != SEGLOG_OK)
        return code == SEGLOG_INVALID ? SEGLOG_CONFLICT : code;
    memcpy(bytes + before, blob->sealed, SLG_CHUNK_HEAD_BYTES);
    for (size_t i = 0; i < before; i++) {
        if (!slg_chunk_is_linked(blob->source.suite, bytes + i, index->mac))
            continue;
        if (!sealed_reserve(blob, *len + 1))
            return fail_blob(blob, err, SEGLOG_NO_MEMORY, index->size,
                             "no memory to append");
        memmove(blob->sealed + 1, blob->sealed, (*len)++);
        blob->sealed[0] = blob->sealed[1] != 0x55 ? 0x55 : 0xAA;
        *is_apart = true;
        return SEGLOG_OK;
    }
    return SEGLOG_OK;
}

/*
 * Behind a torn chunk that cannot be cut off what is appended may begin with just
 * the bytes that it lacks.  Then it would be whole, though it was gone, and what
 * is appended would be gone.
 */
static seglog_code
tail_is_completed(struct encrypted_blob *blob, size_t sealed_len, bool *is_it,
                  struct seglog_error *err)
{
    const struct slg_chunk_index *index = &blob->index;
    const uint64_t left = index->below - index->end;
    uint8_t *chunk = blob->source.raw;
    struct slg_chunk_head head;
    size_t lacks = 0;
    seglog_code code = SEGLOG_OK;

    *is_it = false;
    if (index->is_tail_bad || left < SLG_CHUNK_HEAD_BYTES ||
        left >= SLG_CHUNK_BYTES_MAX)
        return SEGLOG_OK;
    code = seglog_blob_read_at(blob->source.below, index->end, chunk,
                               (size_t)left, err);
    if (code != SEGLOG_OK)
        return code == SEGLOG_INVALID ? SEGLOG_CONFLICT : code;
    if (!slg_chunk_head_parse(chunk, &head) ||
        left >= SLG_CHUNK_EXTRA_BYTES + head.len)
        return SEGLOG_OK;
    lacks = SLG_CHUNK_EXTRA_BYTES + head.len - (size_t)left;
    if (lacks > sealed_len)
        return SEGLOG_OK;
    memcpy(chunk + left, blob->sealed, lacks);
    *is_it = slg_chunk_open(blob->source.suite, chunk, blob->source.out);
    return SEGLOG_OK;
}

/* CONFLICT: somebody has changed the blob since the index was updated. */
static seglog_code
append_once(struct encrypted_blob *blob, struct slg_chunk_head head,
            const uint8_t prev_mac[SLG_MAC_BYTES], const void *data, size_t len,
            struct seglog_error *err)
{
    size_t sealed_len = 0;
    uint64_t at = 0;
    bool is_apart = false;
    bool is_completed = false;
    seglog_code code = tail_cut(blob, err);

    if (code == SEGLOG_OK)
        code =
            data_seal(blob, head, prev_mac, data, len, false, &sealed_len, err);
    if (code == SEGLOG_OK)
        code = tail_is_completed(blob, sealed_len, &is_completed, err);
    if (code == SEGLOG_OK && is_completed)
        code =
            data_seal(blob, head, prev_mac, data, len, true, &sealed_len, err);
    if (code == SEGLOG_OK)
        code = sealed_part(blob, &sealed_len, &is_apart, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_append(blob->source.below, blob->index.below,
                                  blob->sealed, sealed_len, &at, err);
    if (code == SEGLOG_OK &&
        (is_apart || sealed_add(blob, at, sealed_len, NULL) != SEGLOG_OK))
        slg_chunk_index_reset(&blob->index); /* it is found when asked for */
    if (blob->sealed_cap > SEALED_KEPT_BYTES) {
        free(blob->sealed);
        blob->sealed = NULL;
        blob->sealed_cap = 0;
    }
    return code;
}

static seglog_code
check_end(const struct encrypted_blob *blob, uint64_t expected_end, size_t len,
          struct seglog_error *err)
{
    const uint64_t size = blob->index.size;
    seglog_code code = SEGLOG_OK;

    if (slg_chunk_index_is_tail_unread(&blob->index))
        return fail_unread(blob, err);
    if (expected_end != SEGLOG_END_ANY && expected_end != size) {
        code = fail_blob(blob, err, SEGLOG_CONFLICT, expected_end,
                         "somebody else has appended or cut it");
        return slg_fail_actual(err, code, size);
    }
    /* Damage behind the last of its chunks may count beyond that already. */
    if (size > SLG_PLAIN_SIZE_MAX || len > SLG_PLAIN_SIZE_MAX - size)
        return fail_blob(blob, err, SEGLOG_TOO_LARGE, size,
                         "no blob can grow that large");
    return SEGLOG_OK;
}

/* blob->is_behind tells a CONFLICT below from one with the caller. */
static seglog_code
append_try(struct encrypted_blob *blob, bool is_known, uint64_t expected_end,
           const void *data, size_t len, uint64_t *offset,
           struct seglog_error *err)
{
    struct slg_chunk_head head;
    uint8_t prev_mac[SLG_MAC_BYTES];
    seglog_code code = is_known && !slg_chunk_index_is_tail_unread(&blob->index)
                           ? SEGLOG_OK
                           : blob_update(blob, err);

    blob->is_behind = false;
    if (code == SEGLOG_OK)
        code = check_end(blob, expected_end, len, err);
    if (code == SEGLOG_OK)
        code = head_begin(blob, &head, prev_mac, err);
    if (code != SEGLOG_OK)
        return code;
    code = append_once(blob, head, prev_mac, data, len, err);
    blob->is_behind = code == SEGLOG_CONFLICT;
    if (code == SEGLOG_OK)
        *offset = head.plain;
    return code;
}

static seglog_code
blob_append(void *self, uint64_t expected_end, const void *data, size_t len,
            uint64_t *offset, struct seglog_error *err)
{
    struct encrypted_blob *blob = self;
    seglog_code code = check_writable(blob, err);

    if (code == SEGLOG_OK)
        code = blob_load(blob, err);
    if (code != SEGLOG_OK)
        return code;
    if (len == 0) {
        code = check_end(blob, expected_end, len, err);
        *offset = code == SEGLOG_OK ? blob->index.size : *offset;
        return code;
    }
    /* Each conflict means that another append got through. */
    for (bool is_known = blob->is_lock_held; code == SEGLOG_OK;
         is_known = false) {
        code = append_try(blob, is_known, expected_end, data, len, offset, err);
        if (code != SEGLOG_CONFLICT || !blob->is_behind)
            break;
        code = SEGLOG_OK;
    }
    return code;
}

/* ---------------------------------------------------------------------------
 * Reading
 */

/* A range to read, and how far it has been. */
struct request {
    uint64_t offset;
    uint8_t *buf;
    size_t len;
    bool is_first; /* try */
    bool is_stale; /* the blob is not as it was walked: walk it again */
};

/* [start, end) of the plain bytes is not to be had. */
static seglog_code
fail_auth(const struct encrypted_blob *blob, uint64_t start, uint64_t end,
          bool is_unreadable, struct seglog_error *err)
{
    const seglog_code code = fail_blob(
        blob, err, is_unreadable ? SEGLOG_IO : SEGLOG_AUTH, start,
        is_unreadable ? "cannot read it"
                      : "it was changed by somebody without the key, or cut "
                        "and brought together from parts");

    return slg_fail_actual(err, code, end);
}

/* The part of one chunk that is asked for; the request moves on. */
static bool
chunk_read(const struct encrypted_blob *blob, const struct slg_chunk_head *head,
           const uint8_t *chunk, uint64_t end, struct request *request)
{
    const size_t skip = (size_t)(request->offset - head->plain);
    size_t part = (size_t)(end - request->offset);
    const bool is_whole =
        skip == 0 && part == head->len && part <= request->len;
    uint8_t *out = is_whole ? request->buf : blob->source.out;

    if (part > request->len)
        part = request->len;
    if (!slg_chunk_open(blob->source.suite, chunk, out))
        return false;
    if (!is_whole)
        memcpy(request->buf, out + skip, part);
    request->offset += part;
    request->buf += part;
    request->len -= part;
    return true;
}

/* A stretch whose bytes are in source.raw, and the chunk that is next. */
struct cursor {
    const struct encrypted_blob *blob;
    const struct slg_stretch *stretch;
    const uint8_t *chunk;
    const uint8_t *mac; /* of the one before; NULL: none */
    size_t at;
    uint64_t plain;
};

static struct cursor
cursor_of(const struct encrypted_blob *blob, const struct slg_stretch *stretch)
{
    return (struct cursor){ .blob = blob,
                            .stretch = stretch,
                            .plain = stretch->plain };
}

/* False: the chunks are not those that were there when it was walked. */
static bool
cursor_next(struct cursor *cursor, struct slg_chunk_head *head)
{
    const struct slg_stretch *stretch = cursor->stretch;
    const size_t left = (size_t)(stretch->end - stretch->at) - cursor->at;
    const uint8_t *chunk = cursor->blob->source.raw + cursor->at;

    if (left < SLG_CHUNK_EXTRA_BYTES || !slg_chunk_head_parse(chunk, head) ||
        head->plain != cursor->plain ||
        head->len > left - SLG_CHUNK_EXTRA_BYTES)
        return false;
    if (cursor->mac
            ? !slg_chunk_is_linked(cursor->blob->source.suite, chunk,
                                   cursor->mac)
            : memcmp(head->mac, stretch->first_mac, sizeof head->mac) != 0)
        return false;
    cursor->chunk = chunk;
    cursor->mac = chunk + SLG_CHUNK_HEAD_BYTES - SLG_MAC_BYTES;
    cursor->at += SLG_CHUNK_EXTRA_BYTES + head->len;
    cursor->plain += head->len;
    return true;
}

/* All that is asked for of a stretch that ends at `end`. */
static seglog_code
chunks_read(const struct encrypted_blob *blob,
            const struct slg_stretch *stretch, uint64_t end, bool has_failed,
            struct request *request, struct seglog_error *err)
{
    struct cursor cursor = cursor_of(blob, stretch);

    while (request->len > 0 && request->offset < end) {
        struct slg_chunk_head head;
        uint64_t chunk_end = 0;

        if (!cursor_next(&cursor, &head)) {
            request->is_stale = true;
            return fail_auth(blob, request->offset, end, has_failed, err);
        }
        chunk_end = cursor.plain < end ? cursor.plain : end;
        if (chunk_end > request->offset &&
            !chunk_read(blob, &head, cursor.chunk, chunk_end, request))
            return fail_auth(blob, head.plain, chunk_end, has_failed, err);
    }
    return SEGLOG_OK;
}

/* What a crash has left unwritten reads as it does without encryption. */
static void
zeros_read(uint64_t end, struct request *request)
{
    size_t part = (size_t)(end - request->offset);

    if (part > request->len)
        part = request->len;
    memset(request->buf, 0, part);
    request->offset += part;
    request->buf += part;
    request->len -= part;
}

static seglog_code
stretch_read(const struct encrypted_blob *blob, struct request *request,
             struct seglog_error *err)
{
    const struct slg_stretch *stretch =
        slg_chunk_index_find(&blob->index, request->offset);
    const uint64_t end = slg_stretch_end(&blob->index, stretch);
    bool has_failed = false;
    seglog_code code = SEGLOG_OK;

    if (stretch->is_torn) {
        zeros_read(end, request);
        return SEGLOG_OK;
    }
    /* What could not be read once may be read now. */
    request->is_stale =
        request->is_first && stretch->is_bad && stretch->is_unreadable;
    if (stretch->is_bad)
        return fail_auth(blob, stretch->plain, end, stretch->is_unreadable,
                         err);
    code =
        slg_chunk_read(&blob->source, stretch->at, blob->source.raw,
                       (size_t)(stretch->end - stretch->at), &has_failed, err);
    request->is_stale = code == SEGLOG_INVALID;
    return code == SEGLOG_OK
               ? chunks_read(blob, stretch, end, has_failed, request, err)
               : code;
}

static seglog_code
blob_read_at(void *self, uint64_t offset, void *buf, size_t len,
             struct seglog_error *err)
{
    struct encrypted_blob *blob = self;
    struct slg_chunk_index *index = &blob->index;
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < STALE_MAX; i++) {
        struct request request = {
            .offset = offset, .buf = buf, .len = len, .is_first = i == 0
        };

        code = blob_update(blob, err);
        if (code != SEGLOG_OK)
            return code;
        if (offset > index->size || len > index->size - offset)
            return fail_range(blob, err, offset, len,
                              "the range to read goes past the end");
        while (code == SEGLOG_OK && request.len > 0)
            code = stretch_read(blob, &request, err);
        if (!request.is_stale)
            return code;
        slg_chunk_index_reset(index);
    }
    return code;
}

/* ---------------------------------------------------------------------------
 * The size
 */

static seglog_code
blob_get_size(void *self, uint64_t *size, bool *is_replaced,
              struct seglog_error *err)
{
    struct encrypted_blob *blob = self;
    const seglog_code code =
        slg_chunk_index_update(&blob->index, &blob->source, is_replaced, err);

    if (code != SEGLOG_OK)
        return code;
    *size = blob->index.size;
    if (slg_chunk_index_is_tail_unread(&blob->index) &&
        *size > blob->unread_end)
        blob->unread_end = *size;
    return SEGLOG_OK;
}

static seglog_code
blob_flush(void *self, struct seglog_error *err)
{
    struct encrypted_blob *blob = self;

    return seglog_blob_flush(blob->source.below, err);
}

static seglog_code
blob_sync(void *self, struct seglog_error *err)
{
    struct encrypted_blob *blob = self;

    return seglog_blob_sync(blob->source.below, err);
}

/* Early for no reason is allowed: torn bytes below may have come or gone. */
static seglog_code
blob_wait(void *self, uint64_t known_size, int timeout_ms,
          struct seglog_error *err)
{
    struct encrypted_blob *blob = self;
    bool is_replaced = false;
    const seglog_code code =
        slg_chunk_index_update(&blob->index, &blob->source, &is_replaced, err);

    if (code != SEGLOG_OK || blob->index.size != known_size || is_replaced)
        return code;
    return seglog_blob_wait(blob->source.below, blob->index.below, timeout_ms,
                            err);
}

/* ---------------------------------------------------------------------------
 * Cutting
 */

/*
 * Where the chunk ends that holds the last byte to keep, below and plain.  Was
 * anything of it or behind it cut before, a chunk behind it says so: should the
 * store below be interrupted in the middle of cutting that off, what was gone
 * would be there again.  Of a damaged chunk, what is linked behind it may be all
 * that proves it to be one.  In both cases nothing is cut below.
 */
struct keep {
    uint64_t at;
    bool has_proof_behind;
};

static seglog_code
keep_find(const struct encrypted_blob *blob, uint64_t new_size,
          struct keep *keep, struct seglog_error *err)
{
    const struct slg_stretch *stretch =
        slg_chunk_index_find(&blob->index, new_size - 1);
    const uint64_t end = slg_stretch_end(&blob->index, stretch);
    struct cursor cursor = cursor_of(blob, stretch);
    struct slg_chunk_head head = { 0 };
    bool has_failed = false;
    seglog_code code = SEGLOG_OK;

    if (stretch->is_bad) {
        /* So does what proves how long the damage is. */
        *keep = (struct keep){ .at = stretch->end, .has_proof_behind = true };
        return SEGLOG_OK;
    }
    code =
        slg_chunk_read(&blob->source, stretch->at, blob->source.raw,
                       (size_t)(stretch->end - stretch->at), &has_failed, err);
    while (code == SEGLOG_OK && cursor.plain < new_size) {
        if (!cursor_next(&cursor, &head))
            return fail_auth(blob, cursor.plain, end, has_failed, err);
    }
    if (code == SEGLOG_OK)
        *keep = (struct keep){
            .at = stretch->at + cursor.at,
            .has_proof_behind = cursor.plain > end ||
                                head.cut != blob->index.cut ||
                                !slg_chunk_open(blob->source.suite,
                                                cursor.chunk, blob->source.out),
        };
    return code;
}

/*
 * An empty chunk that says how long the blob is: what stands before it stays
 * as it is, so that no crash can lose bytes that are to be kept.
 */
static seglog_code
cut_append(struct encrypted_blob *blob, uint64_t new_size,
           struct seglog_error *err)
{
    struct slg_chunk_head head;
    uint8_t prev_mac[SLG_MAC_BYTES];
    seglog_code code = head_begin(blob, &head, prev_mac, err);

    if (code != SEGLOG_OK)
        return code;
    if (new_size > SLG_PLAIN_SIZE_MAX)
        return fail_blob(blob, err, SEGLOG_TOO_LARGE, new_size,
                         "no blob is that large: what it holds is damage");
    head.plain = new_size;
    if (head.cut == blob->index.cut)
        head.cut++;
    if (head.cut == 0)
        return fail_blob(blob, err, SEGLOG_TOO_LARGE, new_size,
                         "it was cut too often: copy it");
    code = append_once(blob, head, prev_mac, NULL, 0, err);
    slg_chunk_index_reset(&blob->index); /* what is damaged has changed */
    return code;
}

/* Behind what is below is cut, the blob ends with a chunk, or with damage. */
static seglog_code
cut_below(struct encrypted_blob *blob, const struct keep *keep,
          struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (keep->has_proof_behind || keep->at == blob->index.below)
        return SEGLOG_OK;
    code = below_cut(blob, keep->at, err);
    slg_chunk_index_reset(&blob->index);
    if (code != SEGLOG_OK)
        return code;
    return blob_update(blob, err);
}

static seglog_code
blob_cut(struct encrypted_blob *blob, uint64_t new_size,
         struct seglog_error *err)
{
    struct keep keep = { 0 };
    seglog_code code = SEGLOG_OK;

    if (new_size == 0) {
        code = seglog_blob_truncate(blob->source.below, 0, err);
        slg_chunk_index_reset(&blob->index);
        return code == SEGLOG_OK ? blob_update(blob, err) : code;
    }
    code = keep_find(blob, new_size, &keep, err);
    if (code == SEGLOG_OK)
        code = cut_below(blob, &keep, err);
    if (code == SEGLOG_OK && blob->index.size != new_size)
        code = cut_append(blob, new_size, err);
    return code;
}

/* Nothing is cut off but what the store below may have behind its end. */
static seglog_code
end_cut(struct encrypted_blob *blob, struct seglog_error *err)
{
    const seglog_code code = tail_cut(blob, err);

    return code == SEGLOG_OK && blob->is_lock_held
               ? seglog_blob_truncate(blob->source.below, blob->index.below,
                                      err)
               : code;
}

static seglog_code
blob_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct encrypted_blob *blob = self;
    seglog_code code = check_writable(blob, err);

    for (unsigned i = 0; code == SEGLOG_OK; i++) {
        code = blob_update(blob, err);
        if (code != SEGLOG_OK)
            return code;
        if (new_size > blob->index.size)
            return fail_range(blob, err, new_size, 0,
                              "cutting cannot make it longer");
        if (new_size == blob->index.size)
            return end_cut(blob, err);
        code = blob_cut(blob, new_size, err);
        if (code == SEGLOG_OK)
            return code;
        if (code == SEGLOG_CONFLICT && i < STALE_MAX)
            code = SEGLOG_OK; /* somebody has appended: cut that as well */
    }
    return code;
}

/* ---------------------------------------------------------------------------
 * Opening
 */

static void
blob_free(struct encrypted_blob *blob)
{
    slg_crypt_suite_free(blob->source.suite);
    if (blob->source.out)
        slg_crypt_wipe(blob->source.out, SLG_CHUNK_PLAIN_MAX);
    free(blob->source.out);
    free(blob->source.raw);
    free(blob->index.stretches);
    free(blob->sealed);
    free(blob);
}

static seglog_code
blob_close(void *self, struct seglog_error *err)
{
    struct encrypted_blob *blob = self;
    const seglog_code code = seglog_blob_close(&blob->source.below, err);

    blob_free(blob);
    return code;
}

static const struct seglog_blob_ops encrypted_blob_ops = {
    .size = sizeof encrypted_blob_ops,
    .append = blob_append,
    .read_at = blob_read_at,
    .get_size = blob_get_size,
    .flush = blob_flush,
    .sync = blob_sync,
    .truncate = blob_truncate,
    .wait = blob_wait,
    .close = blob_close,
};

/* Over blobs that cannot be cut: whoever asks whether they can is told. */
static const struct seglog_blob_ops encrypted_uncut_ops = {
    .size = sizeof encrypted_uncut_ops,
    .append = blob_append,
    .read_at = blob_read_at,
    .get_size = blob_get_size,
    .flush = blob_flush,
    .sync = blob_sync,
    .wait = blob_wait,
    .close = blob_close,
};

static bool
can_cut(struct seglog_blob below)
{
    const size_t reach =
        offsetof(struct seglog_blob_ops, truncate) + sizeof below.ops->truncate;

    return below.ops->size >= reach && below.ops->truncate != NULL;
}

seglog_code
slg_encrypted_blob_new(const struct slg_encrypted_store *store,
                       const char *name, unsigned flags,
                       struct seglog_blob below, struct seglog_blob *blob,
                       struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    struct encrypted_blob *self = calloc(1, sizeof *self);

    if (self) {
        self->source.suite =
            slg_crypt_suite_new(store->seal, store->mac, store->nonce);
        self->source.raw = malloc(SLG_STRETCH_BYTES_MAX);
        self->source.out = malloc(SLG_CHUNK_PLAIN_MAX);
    }
    if (!self || !self->source.suite || !self->source.raw ||
        !self->source.out) {
        if (self)
            blob_free(self);
        return slg_fail(err, SEGLOG_NO_MEMORY, &place, "no memory to open it");
    }
    memcpy(self->name, name, strlen(name) + 1);
    self->source.name = self->name;
    self->source.below = below;
    self->is_writable = (flags & SEGLOG_OPEN_WRITE) != 0;
    self->is_lock_held = (flags & SEGLOG_OPEN_LOCK_HELD) != 0;
    *blob = (struct seglog_blob){
        .ops = can_cut(below) ? &encrypted_blob_ops : &encrypted_uncut_ops,
        .self = self,
    };
    return SEGLOG_OK;
}
