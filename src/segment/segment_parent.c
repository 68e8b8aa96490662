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
    free(parent->bytes);
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
                const uint8_t *digest, unsigned depth, const char *child,
                struct seglog_reader **reader, struct seglog_error *err)
{
    const struct slg_place place = { .name = child,
                                     .offset = SEGLOG_NO_OFFSET };
    struct seglog_reader *opened = NULL;
    seglog_code code = SEGLOG_OK;

    if (depth > SLG_PARENT_DEPTH_MAX)
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "parents refer to parents more than %u deep",
                        SLG_PARENT_DEPTH_MAX);
    code = slg_reader_open_parent(store, name, depth, &opened, err);
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

static seglog_code
entry_add(struct slg_parent *parent, const struct seglog_record *record,
          uint64_t max, struct seglog_error *err)
{
    const uint64_t more =
        slg_varint_len((uint64_t)record->len << 2) + record->len;

    if (more > max - parent->len)
        return SEGLOG_CORRUPT;
    if (more > parent->cap - parent->len) {
        const size_t cap = 2 * (parent->len + (size_t)more);
        uint8_t *grown = realloc(parent->bytes, cap);

        if (!grown)
            return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for records of its parent");
        parent->bytes = grown;
        parent->cap = cap;
    }
    parent->len += slg_varint_put(parent->bytes + parent->len,
                                  (uint64_t)record->len << 2 |
                                      ((unsigned)record->kind - 1));
    if (record->len > 0)
        memcpy(parent->bytes + parent->len, record->data, record->len);
    parent->len += record->len;
    return SEGLOG_OK;
}

static seglog_code
entries_read(struct slg_parent *parent, const char *name, uint64_t first,
             uint64_t last, uint64_t max, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    struct seglog_event event;
    seglog_code code = seglog_reader_seek(parent->reader, first, err);

    parent->len = 0;
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(parent->reader, &event, err);
        if (code != SEGLOG_OK)
            break;
        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        if (event.record.record_no > last)
            return SEGLOG_OK;
        code = entry_add(parent, &event.record, max, err);
        if (code != SEGLOG_OK || event.record.record_no == last)
            return code;
    }
    if (code == SEGLOG_CORRUPT)
        return slg_fail(err, SEGLOG_NOT_FOUND, &place,
                        "it refers to records of %s, which is damaged there",
                        parent->reader->name);
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

    if (first == 0 || first > last)
        return SEGLOG_CORRUPT;
    if (!parent->reader) {
        code = parent_find(blob, size, header, &named, err);
        if (code == SEGLOG_OK)
            code =
                slg_parent_open(parent->store, named.name, named.digest,
                                parent->depth + 1, name, &parent->reader, err);
    }
    if (code != SEGLOG_OK)
        return code;
    code = entries_read(parent, name, first, last, max, err);
    return code == SEGLOG_OK && parent->len == 0 ? SEGLOG_CORRUPT : code;
}
