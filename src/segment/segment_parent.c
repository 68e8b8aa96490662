/* SPDX-License-Identifier: MIT */
/* src/segment/segment_parent.c - SPEC.md 15.4: records of another segment. */
#include "src/segment/segment_parent.h"

#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_attributes.h"
#include "src/segment/segment_footer.h"
#include "src/segment/segment_reader.h"
#include "src/store/fail.h"
#include "src/store/name.h"

void
slg_parent_reset(struct slg_parent *parent)
{
    seglog_reader_close(parent->reader);
    free(parent->held);
    *parent = (struct slg_parent){ .reader = NULL };
}

/* -- which one ------------------------------------------------------------ */

struct named {
    char name[SLG_NAME_CAP];
    uint8_t digest[SLG_FOOTER_DIGEST];
};

static void
named_set(struct named *named, const uint8_t *name, size_t len,
          const uint8_t *digest)
{
    memcpy(named->name, name, len);
    named->name[len] = 0;
    memcpy(named->digest, digest, sizeof named->digest);
}

/* Said twice: in front of the records, and in the footer. */
static seglog_code
parent_find(struct seglog_blob blob, uint64_t size,
            const struct slg_header *header, struct named *named,
            struct seglog_error *err)
{
    const size_t len =
        size < SLG_ATTRIBUTES_READ ? (size_t)size : SLG_ATTRIBUTES_READ;
    struct slg_sealed_end end;
    struct slg_reference reference;
    uint8_t *bytes = NULL;
    seglog_code code = slg_sealed_end_read(blob, size, header, &end, err);
    bool is_found = code == SEGLOG_OK && end.footer.parent_len > 0;

    if (is_found)
        named_set(named, end.footer.parent, end.footer.parent_len,
                  end.footer.parent_digest);
    slg_sealed_end_reset(&end);
    if (is_found || (code != SEGLOG_OK && code != SEGLOG_CORRUPT))
        return code;
    bytes = malloc(len);
    if (!bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a header");
    code = seglog_blob_read_at(blob, 0, bytes, len, err);
    is_found = code == SEGLOG_OK &&
               slg_reference_find(header, bytes, len, SLG_REFERENCE_PARENT,
                                  &reference);
    if (is_found)
        named_set(named, (const uint8_t *)reference.name, reference.name_len,
                  reference.digest);
    free(bytes);
    if (code == SEGLOG_OK && !is_found)
        return slg_fail(err, SEGLOG_FORMAT, NULL,
                        "its records refer to a parent that is named nowhere");
    return code;
}

seglog_code
slg_parent_name(struct seglog_store store, const char *name,
                char parent[SLG_NAME_CAP], struct seglog_error *err)
{
    uint8_t bytes[SLG_HEADER_BYTES];
    struct seglog_blob blob = { 0 };
    struct slg_header header;
    struct named named;
    uint64_t size = 0;
    seglog_code code =
        seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, err);

    parent[0] = 0;
    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(blob, &size, NULL, err);
    if (code == SEGLOG_OK && size >= sizeof bytes) {
        code = seglog_blob_read_at(blob, 0, bytes, sizeof bytes, err);
        if (code == SEGLOG_OK &&
            (slg_header_decode(bytes, &header) == SLG_HEADER_OK ||
             (slg_header_correct(bytes) &&
              slg_header_decode(bytes, &header) == SLG_HEADER_OK)) &&
            (header.features_refuse & SLG_REFUSE_SEALED) != 0) {
            code = parent_find(blob, size, &header, &named, err);
            if (code == SEGLOG_OK)
                memcpy(parent, named.name, sizeof named.name);
            else if (code == SEGLOG_FORMAT)
                code = SEGLOG_OK;
        }
    }
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

/* -- opening it ----------------------------------------------------------- */

static seglog_code
parent_verify(const struct seglog_reader *reader, const char *name,
              const uint8_t *digest, const char *child,
              struct seglog_error *err)
{
    const struct slg_place place = { .name = child,
                                     .offset = SEGLOG_NO_OFFSET };
    const struct slg_walk *walk = &reader->walk;
    struct slg_sealed_end end;
    seglog_code code = SEGLOG_OK;

    if (reader->is_headless || !walk->limits.is_sealed)
        return slg_fail(err, SEGLOG_NOT_FOUND, &place,
                        "it refers to %s, which is not sealed: put the "
                        "sealed one back",
                        name);
    if (!digest)
        return SEGLOG_OK;
    code = slg_sealed_end_read(reader->blob, walk->window.size, &walk->header,
                               &end, err);
    /* With a damaged end nobody knows its digest; its blocks say themselves
     * whether they are whole, and what is made of them is checked. */
    if (code == SEGLOG_OK &&
        memcmp(end.footer.digest, digest, sizeof end.footer.digest) != 0)
        code = slg_fail(err, SEGLOG_NOT_FOUND, &place,
                        "it refers to %s, and there is another segment of "
                        "this name now: put back the one it was sealed with",
                        name);
    slg_sealed_end_reset(&end);
    return code == SEGLOG_CORRUPT ? SEGLOG_OK : code;
}

seglog_code
slg_parent_open(struct seglog_store store, const char *name,
                const uint8_t *digest, unsigned depth, unsigned *jumps,
                const char *child, struct seglog_reader **reader,
                struct seglog_error *err)
{
    const struct slg_place place = { .name = child,
                                     .offset = SEGLOG_NO_OFFSET };
    struct seglog_reader *opened = NULL;
    seglog_code code = SEGLOG_OK;

    if (depth > SLG_PARENT_DEPTH_MAX)
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "parents refer to parents more than %u deep",
                        SLG_PARENT_DEPTH_MAX);
    code = slg_reader_open_parent(store, name, depth, jumps, &opened, err);
    if (code == SEGLOG_NOT_FOUND || code == SEGLOG_INVALID)
        return slg_fail(err, SEGLOG_NOT_FOUND, &place,
                        "it refers to records of %s, which is missing: put it "
                        "back beside it",
                        name);
    if (code != SEGLOG_OK)
        return code;
    code = parent_verify(opened, name, digest, child, err);
    if (code != SEGLOG_OK) {
        seglog_reader_close(opened);
        return code;
    }
    *reader = opened;
    return SEGLOG_OK;
}

/* -- its records ---------------------------------------------------------- */

static void
held_clear(struct slg_parent *parent)
{
    parent->start = parent->end = 0;
    parent->first = parent->next = 0;
}

/* Room behind end; what is in front of start is not wanted any more. */
static seglog_code
held_reserve(struct slg_parent *parent, size_t more, struct seglog_error *err)
{
    const size_t len = parent->end - parent->start;
    uint8_t *grown = NULL;
    size_t cap = 0;

    if (more <= parent->cap - parent->end)
        return SEGLOG_OK;
    if (len > 0 && parent->start > 0)
        memmove(parent->held, parent->held + parent->start, len);
    parent->start = 0;
    parent->end = len;
    if (more <= parent->cap - len)
        return SEGLOG_OK;
    cap = 2 * (len + more);
    grown = realloc(parent->held, cap);
    if (!grown)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for records of its parent");
    parent->held = grown;
    parent->cap = cap;
    return SEGLOG_OK;
}

/* TOO_LARGE: with it there are more than max bytes. */
static seglog_code
entry_add(struct slg_parent *parent, const struct seglog_record *record,
          uint64_t max, struct seglog_error *err)
{
    const uint64_t more =
        slg_varint_len((uint64_t)record->len << 2) + record->len;
    seglog_code code = SEGLOG_TOO_LARGE;

    if (more <= max - (parent->end - parent->start))
        code = held_reserve(parent, (size_t)more, err);
    if (code != SEGLOG_OK)
        return code;
    parent->end += slg_varint_put(parent->held + parent->end,
                                  (uint64_t)record->len << 2 |
                                      ((unsigned)record->kind - 1));
    if (record->len > 0)
        memcpy(parent->held + parent->end, record->data, record->len);
    parent->end += record->len;
    return SEGLOG_OK;
}

/* Past so many entries, which were put there by entry_add. */
static size_t
entries_pass(const struct slg_parent *parent, uint64_t count)
{
    size_t at = parent->start;

    for (; count > 0 && at < parent->end; count--) {
        uint64_t head = 0;

        at += slg_varint_get(parent->held + at, parent->end - at, &head);
        at += (size_t)(head >> 2);
    }
    return at;
}

/* Go on from what was read, if first is in it or directly behind. */
static seglog_code
held_begin(struct slg_parent *parent, uint64_t first, struct seglog_error *err)
{
    if (parent->next > 0 && first >= parent->first && first <= parent->next) {
        parent->start = entries_pass(parent, first - parent->first);
        parent->first = first;
        return SEGLOG_OK;
    }
    held_clear(parent);
    if (*parent->jumps == 0)
        return slg_fail(err, SEGLOG_FORMAT, NULL,
                        "its parents refer to each other back and forth, more "
                        "than %u times for one block",
                        SLG_PARENT_JUMPS_MAX);
    --*parent->jumps;
    return seglog_reader_seek(parent->reader, first, err);
}

/* From where the reader stands up to the record last, or the end. */
static seglog_code
held_extend(struct slg_parent *parent, uint64_t last, uint64_t max,
            bool *is_whole, struct seglog_error *err)
{
    struct seglog_event event;
    const struct seglog_record *record = &event.record;

    while (parent->next == 0 || parent->next <= last) {
        seglog_code code = seglog_reader_next(parent->reader, &event, err);

        if (code != SEGLOG_OK)
            return code;
        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        *is_whole &= parent->next == 0 || record->record_no == parent->next;
        if (record->record_no > last) {
            *is_whole = false;
            return SEGLOG_OK;
        }
        code = entry_add(parent, record, max, err);
        if (code != SEGLOG_OK)
            return code;
        if (parent->next == 0)
            parent->first = record->record_no;
        parent->next = record->record_no + 1;
    }
    return SEGLOG_OK;
}

static seglog_code
entries_read(struct slg_parent *parent, const char *name, uint64_t first,
             uint64_t last, uint64_t max, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    bool is_whole = true;
    seglog_code code = held_begin(parent, first, err);

    if (code == SEGLOG_OK)
        code = held_extend(parent, last, max, &is_whole, err);
    /* Numbers tell the place of an entry only where none is missing. */
    const bool is_kept = code == SEGLOG_OK && is_whole && parent->next > last;
    const size_t end =
        is_kept ? entries_pass(parent, last - parent->first + 1) : parent->end;

    parent->bytes = parent->held + parent->start;
    parent->len = end - parent->start;
    if (!is_kept)
        held_clear(parent);
    if (code == SEGLOG_CORRUPT)
        return slg_fail(err, SEGLOG_NOT_FOUND, &place,
                        "it refers to records of %s, which is damaged there",
                        parent->reader->name);
    /* Whoever asks for so much is what is wrong, not the parent. */
    if (code == SEGLOG_TOO_LARGE || parent->len > max)
        return SEGLOG_CORRUPT;
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

seglog_code
slg_parent_load(struct slg_parent *parent, struct seglog_blob blob,
                const char *name, uint64_t size,
                const struct slg_header *header, uint64_t first, uint64_t last,
                uint64_t max, struct seglog_error *err)
{
    struct named named;
    seglog_code code = SEGLOG_OK;

    parent->len = 0;
    if (first == 0 || first > last)
        return SEGLOG_CORRUPT;
    if (parent->depth == 0) {
        parent->jumps = &parent->own_jumps;
        parent->own_jumps = SLG_PARENT_JUMPS_MAX;
    }
    if (!parent->reader) {
        code = parent_find(blob, size, header, &named, err);
        if (code == SEGLOG_OK)
            code = slg_parent_open(parent->store, named.name, named.digest,
                                   parent->depth + 1, parent->jumps, name,
                                   &parent->reader, err);
    }
    if (code != SEGLOG_OK)
        return code;
    code = entries_read(parent, name, first, last, max, err);
    return code == SEGLOG_OK && parent->len == 0 ? SEGLOG_CORRUPT : code;
}
