/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/canonical_log.c - log to view.
 *
 * The log is what is true.  A view that is behind it is brought up to date; one
 * that is not of this log, or ahead of it, is built anew.  Either is one
 * transaction of the view: what goes wrong leaves it as it was.
 */
#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/canonical/snapshot.h"
#include "src/store/fail.h"
#include "src/stream/stream_names.h"
#include "src/stream/stream_round.h"

/* Read at once. */
#define READ_BYTES (UINT64_C(1) << 20)

/* So often may the log be trimmed while it is read. */
#define OVERTAKEN_MAX 64u

static seglog_code
fail_lost(const struct slg_view_head *head, struct seglog_error *err)
{
    if (!err)
        return SEGLOG_CORRUPT;
    return slg_fail_actual(
        err,
        slg_fail(err, SEGLOG_CORRUPT,
                 &(struct slg_place){ .record_no = head->position + 1,
                                      .offset = SEGLOG_NO_OFFSET },
                 "the log is damaged, so what this transaction has changed is "
                 "not known: restore a backup, let `seglog mend --cut-first` "
                 "take the store back to before it, or open it so that it "
                 "goes on without what is lost"),
        head->position);
}

seglog_code
slg_log_read(const struct seglog_canonical *canonical, uint64_t position,
             uint64_t bytes, struct seglog_stream_event **records,
             size_t *count, struct seglog_error *err)
{
    struct seglog_error local = { 0 };
    seglog_code code = SEGLOG_CORRUPT;

    /* The stream returns all that was asked for or nothing.  Half of what is in
     * front of the damage, or more, comes of each call. */
    local.actual = UINT64_MAX;
    while (code == SEGLOG_CORRUPT && local.actual > position && bytes > 0) {
        local.actual = 0;
        code = seglog_stream_read_from(canonical->log, SEGLOG_CANONICAL_STREAM,
                                       position, bytes, records, count, &local);
        bytes /= 2;
    }
    if (code != SEGLOG_OK && err)
        *err = local;
    return code == SEGLOG_CORRUPT ? slg_fail_actual(err, code, position) : code;
}

/* The next transaction cannot be had. */
static seglog_code
lost_pass(const struct seglog_canonical *canonical, struct slg_view_head *head,
          struct seglog_error *err)
{
    if (!canonical->options.skips_lost)
        return fail_lost(head, err);
    head->lost++;
    head->position++;
    return SEGLOG_OK;
}

static seglog_code
events_apply(const struct seglog_canonical *canonical, struct slg_view_txn *txn,
             struct slg_view_head *head,
             const struct seglog_stream_event *events, size_t count,
             struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < count && code == SEGLOG_OK; i++) {
        const struct seglog_stream_event *event = &events[i];

        if (event->is_dropped)
            code = lost_pass(canonical, head, err);
        else
            code = slg_apply_record(txn, head, event->data.data,
                                    event->data.len, head->lost > 0, err);
    }
    return code;
}

static seglog_code
log_replay(const struct seglog_canonical *canonical, struct slg_view_txn *txn,
           struct slg_view_head *head, uint64_t until, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    while (code == SEGLOG_OK && head->position < until) {
        struct seglog_stream_event *events = NULL;
        size_t count = 0;

        code = slg_log_read(canonical, head->position, READ_BYTES, &events,
                            &count, err);
        if (code == SEGLOG_CORRUPT || (code == SEGLOG_OK && count == 0))
            code = lost_pass(canonical, head, err);
        else if (code == SEGLOG_OK)
            code = events_apply(canonical, txn, head, events, count, err);
        seglog_free(events);
    }
    return code;
}

/* -- which of the two ------------------------------------------------------ */

static bool
hash_is_same(const struct seglog_chain_hash *one,
             const struct seglog_chain_hash *other)
{
    return one->len == other->len &&
           memcmp(one->bytes, other->bytes, one->len) == 0;
}

/* Was this head ever one of the log? */
static seglog_code
head_is_known(const struct seglog_canonical *canonical,
              const struct slg_view_head *head, bool *is_known,
              struct seglog_error *err)
{
    const struct seglog_kept_head kept = {
        .end = { .next_offset = head->position, .hash = head->hash },
    };
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .from_offset = head->position,
        .kept = &kept,
        .kept_count = 1,
        .threads = 1,
    };
    struct seglog_stream_verified verified;
    const seglog_code code = seglog_stream_verify(
        canonical->log, SEGLOG_CANONICAL_STREAM, &options, &verified, err);

    if (code != SEGLOG_OK)
        return code;
    /* What is damaged behind it is met when it is read. */
    *is_known = verified.first.fault != SEGLOG_STREAM_FAULT_KEPT &&
                verified.first.fault != SEGLOG_STREAM_FAULT_SHORT;
    return SEGLOG_OK;
}

seglog_code
slg_log_has_head(const struct seglog_canonical *canonical,
                 const struct slg_view_head *head,
                 const struct seglog_stream_info *info, bool *is_of_log,
                 struct seglog_error *err)
{
    *is_of_log = false;
    /* What the heads were in front of where it begins, nobody knows. */
    if (head->version != SLG_VIEW_VERSION || head->position == 0 ||
        head->position < info->begin ||
        head->position > info->end.next_offset ||
        memcmp(head->identity, info->identity, sizeof info->identity) != 0)
        return SEGLOG_OK;
    if (head->position == info->end.next_offset) {
        *is_of_log = hash_is_same(&head->hash, &info->end.hash);
        return SEGLOG_OK;
    }
    return head_is_known(canonical, head, is_of_log, err);
}

static seglog_code
view_begin_anew(const struct seglog_canonical *canonical,
                struct slg_view_txn *txn, struct slg_view_head *head,
                const struct seglog_stream_info *info, struct seglog_error *err)
{
    seglog_code code = slg_view_clear(txn, err);

    *head = (struct slg_view_head){ .version = SLG_VIEW_VERSION };
    if (code == SEGLOG_OK)
        code = slg_snapshot_load(canonical, txn, head, info, err);
    if (code != SEGLOG_OK || head->position >= info->begin)
        return code;
    /* Retention leaves a snapshot; without it all before is lost. */
    if (!canonical->options.skips_lost)
        return fail_lost(head, err);
    head->lost += info->begin - head->position;
    head->position = info->begin;
    return SEGLOG_OK;
}

/* END: it cannot be read, or is no transaction. */
static seglog_code
first_event_read(const struct seglog_canonical *canonical, uint64_t position,
                 uint64_t *first_event, struct seglog_error *err)
{
    struct seglog_stream_event *events = NULL;
    struct slg_transaction transaction;
    struct seglog_error own = { 0 };
    size_t count = 0;
    seglog_code code =
        slg_log_read(canonical, position, 1, &events, &count, &own);

    if (code == SEGLOG_CORRUPT)
        return SEGLOG_END;
    if (code != SEGLOG_OK && err)
        *err = own;
    if (code == SEGLOG_OK &&
        (count == 0 || !slg_transaction_open(&transaction, events->data.data,
                                             events->data.len)))
        code = SEGLOG_END;
    if (code == SEGLOG_OK)
        *first_event = transaction.head.first_event;
    seglog_free(events);
    return code;
}

seglog_code
slg_log_note_begin(const struct seglog_canonical *canonical,
                   struct slg_view_head *head, uint64_t position,
                   struct seglog_error *err)
{
    seglog_code code = SEGLOG_END;

    if (position > 0 && head->first_position == position)
        return SEGLOG_OK;
    head->first_position = position;
    head->first_event = 0;
    if (position == 0)
        return SEGLOG_OK;
    head->first_event = head->next_event;
    /* Which events one that is damaged had is not known; those behind it are
     * there. */
    for (; code == SEGLOG_END && position < head->position; position++)
        code = first_event_read(canonical, position, &head->first_event, err);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* The first transaction of all. */
static seglog_code
log_begin(struct seglog_canonical *canonical, struct seglog_error *err)
{
    const struct slg_op birth = { .type = SLG_OP_BIRTH };
    struct slg_draft draft = { 0 };
    struct slg_bytes bytes = { 0 };
    struct seglog_slice record;
    struct seglog_stream_end end;
    seglog_code code = SEGLOG_OK;
    const struct slg_turn now = { 0 };

    if (canonical->options.is_read_only)
        return slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                        "there is no canonical store here");
    if (!slg_draft_add_op(&draft, &birth) ||
        !slg_draft_finish(&draft, 0, slg_turn_get_time(&now), &bytes))
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a transaction");
    record = (struct seglog_slice){ (const char *)bytes.data, bytes.len };
    if (code == SEGLOG_OK)
        code =
            seglog_stream_append_batch(canonical->log, SEGLOG_CANONICAL_STREAM,
                                       &record, 1, 0, NULL, true, &end, err);
    slg_draft_free(&draft);
    slg_bytes_free(&bytes);
    return code;
}

static seglog_code
log_get_info(struct seglog_canonical *canonical,
             struct seglog_stream_info *info, struct seglog_error *err)
{
    struct seglog_error local = { 0 };
    seglog_code code = seglog_stream_get_info(
        canonical->log, SEGLOG_CANONICAL_STREAM, info, &local);

    if (code == SEGLOG_OK && info->end.next_offset > 0)
        return code;
    if (code != SEGLOG_OK && code != SEGLOG_NOT_FOUND) {
        if (err)
            *err = local;
        return code;
    }
    code = log_begin(canonical, err);
    if (code == SEGLOG_OK)
        code = seglog_stream_get_info(canonical->log, SEGLOG_CANONICAL_STREAM,
                                      info, err);
    return code;
}

static seglog_code
log_catch_up(struct seglog_canonical *canonical, struct slg_view_txn *txn,
             struct slg_view_head *head, bool *is_changed,
             struct seglog_error *err)
{
    struct seglog_stream_info info;
    bool is_of_log = false;
    seglog_code code = log_get_info(canonical, &info, err);

    *is_changed = false;
    if (code == SEGLOG_OK)
        code = slg_log_has_head(canonical, head, &info, &is_of_log, err);
    if (code != SEGLOG_OK)
        return code;
    if (is_of_log && head->position == info.end.next_offset &&
        head->first_position == info.begin)
        return SEGLOG_OK;
    *is_changed = true;
    if (!is_of_log)
        code = view_begin_anew(canonical, txn, head, &info, err);
    if (code == SEGLOG_OK)
        code = log_replay(canonical, txn, head, info.end.next_offset, err);
    if (code == SEGLOG_OK)
        code = slg_log_note_begin(canonical, head, info.begin, err);
    if (code != SEGLOG_OK)
        return code;
    memcpy(head->identity, info.identity, sizeof head->identity);
    head->hash = info.end.hash;
    return SEGLOG_OK;
}

/*
 * A power failure may have left a hole in what nobody has synced, and behind it
 * transactions and a head that is known: a stream goes on then, but state that
 * lacks one transaction and has the next was never there.  So the log is cut
 * back to before the hole (SPEC.md 16.4).  CORRUPT: it is no such hole.
 */
static seglog_code
log_settle(const struct seglog_canonical *canonical, struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    char name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = slg_streams_check_writable(canonical->streams, err);

    if (code == SEGLOG_OK)
        code = slg_stream_parts_list(canonical->store, SEGLOG_CANONICAL_STREAM,
                                     &parts, err);
    if (code != SEGLOG_OK || parts.count == 0)
        return code;
    slg_stream_part_name(SEGLOG_CANONICAL_STREAM, slg_stream_parts_last(&parts),
                         name);
    slg_stream_parts_reset(&parts);
    return slg_stream_settle(canonical->streams, name, err);
}

/* It is another one than it was when it was looked at: trimmed, or settled. */
static bool
log_is_other(const struct seglog_canonical *canonical, seglog_code code,
             const struct seglog_error *err, bool *may_settle)
{
    if (code == SEGLOG_NOT_FOUND)
        return err->actual > 0;
    if (code != SEGLOG_CORRUPT || !*may_settle)
        return false;
    *may_settle = false;
    return log_settle(canonical, NULL) == SEGLOG_OK;
}

seglog_code
slg_log_catch_up(struct seglog_canonical *canonical, struct slg_view_txn *txn,
                 struct slg_view_head *head, bool *is_changed,
                 struct seglog_error *err)
{
    struct seglog_error own = { 0 };
    bool may_settle = true;
    seglog_code code = log_catch_up(canonical, txn, head, is_changed, &own);

    for (unsigned i = 0;
         i < OVERTAKEN_MAX && log_is_other(canonical, code, &own, &may_settle);
         i++) {
        /* The view has half of it by now: all is applied anew. */
        *head = (struct slg_view_head){ 0 };
        own = (struct seglog_error){ 0 };
        code = log_catch_up(canonical, txn, head, is_changed, &own);
    }
    if (code != SEGLOG_OK && err)
        *err = own;
    return code;
}
