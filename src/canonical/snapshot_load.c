/* SPDX-License-Identifier: MIT */
/* src/canonical/snapshot_load.c - build a view from a snapshot. */
#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/canonical/snapshot.h"

/* -- is it whole, and of this log? ----------------------------------------- */

/*
 * What is wrong with a snapshot makes it none: the log is what is true.  But one
 * that cannot be read just now may well be whole, and what is in front of it
 * may be nowhere else.
 */
static bool
is_failure(seglog_code code)
{
    return code == SEGLOG_IO || code == SEGLOG_NO_SPACE ||
           code == SEGLOG_NO_MEMORY || code == SEGLOG_READ_ONLY ||
           code == SEGLOG_LOCKED;
}

/* END: it is not whole. */
static seglog_code
record_next(struct seglog_reader *reader, struct seglog_record *record,
            struct seglog_error *err)
{
    struct seglog_event event;
    const seglog_code code = seglog_reader_next(reader, &event, err);

    if (code != SEGLOG_OK)
        return is_failure(code) ? code : SEGLOG_END;
    *record = event.record;
    return event.type == SEGLOG_EVENT_RECORD ? SEGLOG_OK : SEGLOG_END;
}

static seglog_code
snapshot_read(struct seglog_reader *reader, struct slg_view_head *head,
              struct seglog_error *err)
{
    struct slg_transaction transaction;
    struct seglog_record record;
    uint64_t records = 0;
    seglog_code code = record_next(reader, &record, err);

    if (code == SEGLOG_OK &&
        !slg_snapshot_get_head(record.data, record.len, head))
        return SEGLOG_END;
    for (uint64_t before = 1; code == SEGLOG_OK; before++) {
        code = record_next(reader, &record, err);
        if (code != SEGLOG_OK)
            break;
        if (slg_snapshot_get_end(record.data, record.len, &records))
            return records == before ? SEGLOG_OK : SEGLOG_END;
        if (!slg_transaction_open(&transaction, record.data, record.len))
            return SEGLOG_END;
    }
    return code;
}

static seglog_code
snapshot_check(const struct seglog_canonical *canonical, const char *name,
               struct slg_view_head *head, bool *is_whole,
               struct seglog_error *err)
{
    struct seglog_reader *reader = NULL;
    seglog_code code =
        seglog_reader_open(canonical->store, name, NULL, &reader, err);

    if (code == SEGLOG_OK)
        code = snapshot_read(reader, head, err);
    seglog_reader_close(reader);
    *is_whole = code == SEGLOG_OK;
    return is_failure(code) ? code : SEGLOG_OK;
}

/* -- into the view --------------------------------------------------------- */

/* END: it was the last one, behind which nothing counts. */
static seglog_code
record_apply(struct slg_view_txn *txn, struct slg_view_head *head,
             const struct seglog_record *record, struct seglog_error *err)
{
    struct slg_transaction transaction;
    struct slg_op op;
    uint64_t records = 0;
    seglog_code code = SEGLOG_OK;

    if (!slg_transaction_open(&transaction, record->data, record->len))
        return slg_snapshot_get_end(record->data, record->len, &records)
                   ? SEGLOG_END
                   : SEGLOG_OK;
    /* Of a dead letter: when it became one. */
    head->updated_ms = transaction.head.time_ms;
    while (code == SEGLOG_OK && slg_transaction_next_op(&transaction, &op))
        code = slg_apply_op(txn, head, &op, err);
    return code;
}

static seglog_code
snapshot_apply(const struct seglog_canonical *canonical, const char *name,
               struct slg_view_txn *txn, struct slg_view_head *head,
               struct seglog_error *err)
{
    const uint64_t updated_ms = head->updated_ms;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code =
        seglog_reader_open(canonical->store, name, NULL, &reader, err);

    if (code != SEGLOG_OK)
        return code;
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        if (code == SEGLOG_OK)
            code = record_apply(txn, head, &event.record, err);
    }
    seglog_reader_close(reader);
    head->updated_ms = updated_ms;
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* position 0: there is none that can be used. */
static seglog_code
sound_find(const struct seglog_canonical *canonical,
           const struct seglog_stream_info *info, struct slg_view_head *found,
           uint64_t *position, struct seglog_error *err)
{
    char name[SLG_SNAPSHOT_NAME_CAP];
    bool is_of_log = false;
    bool is_whole = false;
    seglog_code code = slg_snapshot_find(canonical->store, position, err);

    if (code != SEGLOG_OK || *position == 0)
        return code;
    slg_snapshot_name(*position, name);
    code = snapshot_check(canonical, name, found, &is_whole, err);
    if (code == SEGLOG_OK && is_whole && found->position == *position)
        code = slg_log_has_head(canonical, found, info, &is_of_log, err);
    if (!is_of_log)
        *position = 0;
    return code;
}

seglog_code
slg_snapshot_find_sound(const struct seglog_canonical *canonical,
                        uint64_t *position, struct seglog_error *err)
{
    struct seglog_stream_info info;
    struct slg_view_head found;
    seglog_code code = seglog_stream_get_info(
        canonical->log, SEGLOG_CANONICAL_STREAM, &info, err);

    return code == SEGLOG_OK
               ? sound_find(canonical, &info, &found, position, err)
               : code;
}

seglog_code
slg_snapshot_load(const struct seglog_canonical *canonical,
                  struct slg_view_txn *txn, struct slg_view_head *head,
                  const struct seglog_stream_info *info,
                  struct seglog_error *err)
{
    char name[SLG_SNAPSHOT_NAME_CAP];
    struct slg_view_head found;
    uint64_t position = 0;
    seglog_code code = sound_find(canonical, info, &found, &position, err);

    if (code != SEGLOG_OK || position == 0)
        return code;
    slg_snapshot_name(position, name);
    *head = found;
    return snapshot_apply(canonical, name, txn, head, err);
}
