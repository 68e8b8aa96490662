/* SPDX-License-Identifier: MIT */
/* src/canonical/plan_txn.c - the transaction that a plan fills. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/canonical/plan.h"
#include "src/store/fail.h"

static seglog_code
key_find(struct seglog_plan_txn *txn, struct seglog_slice key,
         struct slg_plan_key **found, struct seglog_error *err)
{
    if (!txn)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the transaction is NULL");
    return slg_preflight_find(&txn->preflight, key, found, err);
}

/* -- reading --------------------------------------------------------------- */

seglog_code
seglog_plan_txn_get(struct seglog_plan_txn *txn, struct seglog_slice key,
                    struct seglog_slice *value, struct seglog_error *err)
{
    struct slg_plan_key *found = NULL;
    seglog_code code = SEGLOG_OK;

    if (!value)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the place for the value is NULL");
    code = key_find(txn, key, &found, err);
    if (code != SEGLOG_OK)
        return code;
    if (!found->is_written)
        return seglog_preflight_get(&txn->preflight, key, value, err);
    if (!found->is_put)
        return SEGLOG_NOT_FOUND;
    *value = (struct seglog_slice){ found->put, found->put_len };
    return SEGLOG_OK;
}

seglog_code
seglog_plan_txn_exists(struct seglog_plan_txn *txn, struct seglog_slice key,
                       bool *is_there, struct seglog_error *err)
{
    struct seglog_slice value;
    seglog_code code = SEGLOG_OK;

    if (!is_there)
        return slg_fail(err, SEGLOG_INVALID, NULL, "is_there is NULL");
    code = seglog_plan_txn_get(txn, key, &value, err);
    *is_there = code == SEGLOG_OK;
    return code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code;
}

/* -- writing --------------------------------------------------------------- */

static void
key_note(struct seglog_preflight *preflight, struct slg_plan_key *key,
         char *put, size_t put_len)
{
    if (!key->is_written)
        preflight->written[preflight->written_count++] = key;
    key->is_written = true;
    key->is_put = put != NULL;
    free(key->put);
    key->put = put;
    key->put_len = put_len;
}

seglog_code
seglog_plan_txn_put(struct seglog_plan_txn *txn, struct seglog_slice key,
                    struct seglog_slice value, struct seglog_error *err)
{
    struct slg_plan_key *found = NULL;
    char *copy = NULL;
    seglog_code code = key_find(txn, key, &found, err);

    if (code == SEGLOG_OK)
        code = slg_value_check(txn->preflight.canonical, value, err);
    if (code != SEGLOG_OK)
        return code;
    /* Before anything is done; and value may be what was put before. */
    copy = malloc(value.len > 0 ? value.len : 1);
    if (!copy)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a value");
    if (value.len > 0)
        memcpy(copy, value.data, value.len);
    code = seglog_write_batch_put(txn->preflight.batch, key, value, err);
    if (code != SEGLOG_OK) {
        free(copy);
        return code;
    }
    key_note(&txn->preflight, found, copy, value.len);
    return SEGLOG_OK;
}

seglog_code
seglog_plan_txn_delete(struct seglog_plan_txn *txn, struct seglog_slice key,
                       struct seglog_error *err)
{
    struct slg_plan_key *found = NULL;
    seglog_code code = key_find(txn, key, &found, err);

    if (code == SEGLOG_OK)
        code = seglog_write_batch_delete(txn->preflight.batch, key, err);
    if (code == SEGLOG_OK)
        key_note(&txn->preflight, found, NULL, 0);
    return code;
}

seglog_code
seglog_plan_txn_append_event(struct seglog_plan_txn *txn,
                             struct seglog_slice event,
                             struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!txn)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the transaction is NULL");
    code = seglog_write_batch_append_event(txn->preflight.batch, event, err);
    if (code == SEGLOG_OK)
        txn->preflight.event_count++;
    return code;
}
