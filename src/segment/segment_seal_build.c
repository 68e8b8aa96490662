/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_build.c - SPEC.md 15: writing a sealed segment. */
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/segment/segment_seal.h"
#include "src/store/fail.h"

static seglog_code
fail_no_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a block");
}

seglog_code
slg_bytes_reserve(struct slg_bytes *bytes, size_t more,
                  struct seglog_error *err)
{
    size_t cap = bytes->cap > 0 ? bytes->cap : 4096;
    uint8_t *grown = NULL;

    if (more <= bytes->cap - bytes->len)
        return SEGLOG_OK;
    if (more > SIZE_MAX / 2 - bytes->len)
        return fail_no_memory(err);
    while (cap - bytes->len < more)
        cap += cap / 2;
    grown = realloc(bytes->data, cap);
    if (!grown)
        return fail_no_memory(err);
    bytes->data = grown;
    bytes->cap = cap;
    return SEGLOG_OK;
}

/* -- frames --------------------------------------------------------------- */

seglog_code
slg_build_append(struct slg_build *build, const uint8_t *bytes, size_t len,
                 struct seglog_error *err)
{
    const seglog_code code =
        seglog_blob_append(build->blob, build->end, bytes, len, NULL, err);

    build->is_after_head = false;
    if (code == SEGLOG_OK)
        build->end += len;
    return code;
}

/* All before it is durable: it is in a segment that was synced. */
static size_t
sync_point_encode(const struct slg_build *build, uint8_t *out)
{
    const struct slg_mark mark = {
        .type = SLG_CONTROL_SYNC_POINT,
        .identity = { 0 },
        .epoch = build->epoch,
        .number = build->number,
        .line = build->line,
        .offset = build->end,
        .distance = (uint32_t)(build->end - build->sync_offset),
        .watermark = build->number - 1,
        .digest = build->digest,
    };
    struct slg_mark named = mark;

    memcpy(named.identity, build->header.identity, SLG_IDENTITY_BYTES);
    return slg_mark_encode(&named, out);
}

static void
build_set_epoch(struct slg_build *build, uint64_t epoch)
{
    build->epoch = epoch;
    build->salt = slg_salt(build->header.identity, epoch);
}

/* The first one begins the epoch of sealing: frames of before, which may come
 * back when a device loses writes, are not valid behind it. */
seglog_code
slg_build_put_sync_point(struct slg_build *build, struct seglog_error *err)
{
    uint8_t bytes[SLG_SYNC_POINT_BYTES];
    const uint64_t offset = build->end;
    seglog_code code = SEGLOG_OK;

    build_set_epoch(build, build->new_epoch);
    code = slg_build_append(build, bytes, sync_point_encode(build, bytes), err);
    if (code != SEGLOG_OK)
        return code;
    build->sync_offset = offset;
    build->digest = 0;
    build->is_after_sync = true;
    return build->is_chained ? slg_build_put_head(build, false, err)
                             : SEGLOG_OK;
}

seglog_code
slg_build_begin(struct slg_build *build, struct seglog_error *err)
{
    uint8_t bytes[SLG_HEADER_BYTES];
    const bool says_all = build->header.first_record == 1 && build->line == 1;

    build->limits = slg_header_limits(&build->header);
    build->number = build->header.first_record;
    build_set_epoch(build, build->header.epoch);
    build->footer = (struct slg_footer){
        .first_record = build->number,
        .time_min = INT64_MAX,
        .time_max = INT64_MIN,
    };
    slg_footer_table_begin(&build->table, build->number);
    slg_header_encode(&build->header, bytes);
    seglog_code code = slg_content_begin(&build->content, err);
    if (code == SEGLOG_OK)
        code = slg_jobs_open(&build->jobs, build->threads, err);
    if (code == SEGLOG_OK)
        code = slg_build_append(build, bytes, sizeof bytes, err);
    if (code != SEGLOG_OK)
        return code;
    if (!says_all)
        return slg_build_put_sync_point(build, err);
    return build->is_chained ? slg_build_put_head(build, false, err)
                             : SEGLOG_OK;
}

void
slg_build_reset(struct slg_build *build)
{
    slg_jobs_close(build->jobs);
    free(build->rows.data);
    slg_content_reset(&build->content);
    memset(build, 0, sizeof *build);
}

seglog_code
slg_build_put_predecessor(struct slg_build *build,
                          const struct slg_predecessor *predecessor,
                          struct seglog_error *err)
{
    uint8_t bytes[SLG_PREDECESSOR_BYTES];
    const size_t len =
        slg_predecessor_encode(predecessor, build->number, build->salt, bytes);

    build->is_after_sync = false;
    return slg_build_append(build, bytes, len, err);
}

seglog_code
slg_build_put_attributes(struct slg_build *build, const void *data, size_t len,
                         struct seglog_error *err)
{
    uint8_t *bytes = malloc((size_t)slg_attributes_len(len, &build->limits));
    seglog_code code = SEGLOG_OK;

    if (!bytes)
        return fail_no_memory(err);
    len = slg_attributes_encode(data, len, &build->limits, build->number,
                                build->salt, bytes);
    code = slg_build_append(build, bytes, len, err);
    free(bytes);
    build->is_after_sync = false;
    return code;
}

seglog_code
slg_build_put_reference(struct slg_build *build, struct seglog_error *err)
{
    struct slg_footer *footer = &build->footer;
    uint8_t bytes[SLG_REFERENCE_MAX];

    if (!build->kin)
        return SEGLOG_OK;
    struct slg_reference reference = {
        .role = SLG_REFERENCE_PARENT,
        .name_len = strlen(build->parent),
    };
    memcpy(reference.digest, slg_kin_digest(build->kin),
           sizeof reference.digest);
    memcpy(reference.name, build->parent, reference.name_len);
    footer->parent = (const uint8_t *)build->parent;
    footer->parent_len = reference.name_len;
    memcpy(footer->parent_digest, reference.digest, SLG_FOOTER_DIGEST);
    build->is_after_sync = false;
    return slg_build_append(
        build, bytes,
        slg_reference_encode(&reference, build->number, build->salt, bytes),
        err);
}

/* A frame behind a sync point of its own.  body is copied. */
seglog_code
slg_build_put_frame(struct slg_build *build, unsigned kind, const uint8_t *body,
                    size_t len, uint64_t *offset, uint64_t *frame_len,
                    struct seglog_error *err)
{
    seglog_code code =
        build->is_after_sync ? SEGLOG_OK : slg_build_put_sync_point(build, err);

    if (code != SEGLOG_OK)
        return code;
    uint8_t *bytes = malloc((size_t)slg_frame_len(len, &build->limits));

    if (!bytes)
        return fail_no_memory(err);
    const size_t head = slg_frame_put_head(bytes, kind, false, (uint32_t)len);

    if (kind == SLG_FRAME_BLOCK)
        bytes[0] |= SLG_HEAD_COMPRESSED;
    memcpy(bytes + head, body, len);
    *offset = build->end;
    *frame_len = slg_frame_finish(bytes, head, (uint32_t)len, &build->limits,
                                  build->number, build->salt);
    code = slg_build_append(build, bytes, (size_t)*frame_len, err);
    build->is_after_sync = false;
    free(bytes);
    return code;
}

/* -- the end -------------------------------------------------------------- */

static seglog_code
footer_encode(struct slg_build *build, struct slg_bytes *body,
              struct seglog_error *err)
{
    struct slg_footer *footer = &build->footer;
    const size_t most = SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_PARENT_MAX +
                        SLG_FOOTER_DIGEST + build->rows.len +
                        SLG_FOOTER_END_BYTES;
    const seglog_code code = slg_bytes_reserve(body, most, err);

    if (code != SEGLOG_OK)
        return code;
    slg_long_digest_get(build->content.state, footer->digest);
    body->len = slg_footer_fixed_put(footer, body->data);
    if (build->rows.len > 0)
        memcpy(body->data + body->len, build->rows.data, build->rows.len);
    body->len += build->rows.len + SLG_FOOTER_END_BYTES;
    if (body->len > build->limits.body_max)
        return slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                        "too many blocks for one segment: take larger ones");
    slg_footer_end_put((uint32_t)body->len,
                       body->data + body->len - SLG_FOOTER_END_BYTES);
    return SEGLOG_OK;
}

static seglog_code
build_put_closing_mark(struct slg_build *build, struct seglog_error *err)
{
    struct slg_mark mark = {
        .type = SLG_CONTROL_CLOSING_MARK,
        .epoch = build->epoch,
        .number = build->number,
        .line = build->line,
        .offset = build->end,
        .digest = build->digest,
    };
    uint8_t bytes[SLG_CLOSING_MARK_BYTES];

    memcpy(mark.identity, build->header.identity, SLG_IDENTITY_BYTES);
    return slg_build_append(build, bytes, slg_mark_encode(&mark, bytes), err);
}

seglog_code
slg_build_finish(struct slg_build *build, struct seglog_error *err)
{
    struct slg_bytes body = { .data = NULL };
    uint64_t offset = 0;
    uint64_t frame_len = 0;
    seglog_code code = slg_build_settle_dropped(build, err);

    if (code == SEGLOG_OK)
        code = slg_build_check_chain(build, err);
    if (code == SEGLOG_OK)
        code = slg_build_flush(build, err);
    if (code == SEGLOG_OK)
        code = footer_encode(build, &body, err);
    if (code == SEGLOG_OK)
        code = slg_build_put_frame(build, SLG_FRAME_CONTROL, body.data,
                                   body.len, &offset, &frame_len, err);
    free(body.data);
    return code == SEGLOG_OK ? build_put_closing_mark(build, err) : code;
}
