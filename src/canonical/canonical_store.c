/* SPDX-License-Identifier: MIT */
/* src/canonical/canonical_store.c - open, close, describe, detect, sync. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp, strdup, pthread */

#include "src/canonical/canonical_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "seglog/stripe_lock.h"
#include "src/canonical/trust.h"
#include "src/store/fail.h"
#include "src/store/options.h"

#define READERS_MAX_DEFAULT 1024u

/* What a frame needs besides the record, at most. */
#define FRAME_OVERHEAD 64u

uint64_t
slg_record_max(const struct seglog_canonical *canonical)
{
    return (UINT64_C(1) << canonical->options.body_log2) - FRAME_OVERHEAD;
}

seglog_code
slg_key_check(struct seglog_slice key, struct seglog_error *err)
{
    if (key.len == 0 || !key.data)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the key is empty");
    if (key.len > SEGLOG_KEY_MAX)
        return slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                        "the key has %zu bytes; it may have %d", key.len,
                        SEGLOG_KEY_MAX);
    return SEGLOG_OK;
}

static seglog_code
bytes_check(struct seglog_slice bytes, size_t max, const char *what,
            struct seglog_error *err)
{
    if (bytes.len > 0 && !bytes.data)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the %s is NULL", what);
    if (bytes.len <= max)
        return SEGLOG_OK;
    return slg_fail_actual(err,
                           slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                                    "the %s has %zu bytes; it may have %zu",
                                    what, bytes.len, max),
                           max);
}

seglog_code
slg_value_check(const struct seglog_canonical *canonical,
                struct seglog_slice value, struct seglog_error *err)
{
    return bytes_check(value, canonical->options.value_bytes_max, "value", err);
}

seglog_code
slg_event_check(const struct seglog_canonical *canonical,
                struct seglog_slice event, struct seglog_error *err)
{
    return bytes_check(event, canonical->options.event_bytes_max, "event", err);
}

seglog_code
slg_thread_check(pthread_t owner, struct seglog_error *err)
{
    if (pthread_equal(owner, pthread_self()))
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "a transaction is used by the thread that has begun it, "
                    "and by no other");
}

/* -- options --------------------------------------------------------------- */

static void
options_default(struct seglog_canonical_options *options)
{
    if (options->lock_timeout_ms == 0)
        options->lock_timeout_ms = SLG_CANONICAL_TIMEOUT_MS;
    if (options->view_bytes_max == 0)
        options->view_bytes_max = SEGLOG_VIEW_MAX;
    if (options->readers_max == 0)
        options->readers_max = READERS_MAX_DEFAULT;
    if (options->event_bytes_max == 0)
        options->event_bytes_max = SEGLOG_EVENT_MAX;
    if (options->value_bytes_max == 0)
        options->value_bytes_max = SEGLOG_VALUE_MAX;
    if (options->chain == 0)
        options->chain = SEGLOG_CHAIN_XXH3;
    if (options->body_log2 == 0)
        options->body_log2 = SEGLOG_BODY_LOG2_MAX;
}

static seglog_code
options_check(const struct seglog_canonical_options *options,
              struct seglog_error *err)
{
    if (options->view_bytes_max < 4096)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "view_bytes_max is out of range");
    if (options->body_log2 < SEGLOG_BODY_LOG2_MIN ||
        options->body_log2 > SEGLOG_BODY_LOG2_MAX)
        return slg_fail(err, SEGLOG_INVALID, NULL, "body_log2 is out of range");
    return SEGLOG_OK;
}

/* -- the view -------------------------------------------------------------- */

static seglog_code
view_dir_make_own(struct seglog_canonical *canonical, struct seglog_error *err)
{
    const char *parent = getenv("TMPDIR");
    const size_t cap = 4096;
    char *dir = malloc(cap);
    int len = 0;

    if (!dir)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a name");
    if (!parent || parent[0] == '\0')
        parent = "/tmp";
    len = snprintf(dir, cap, "%s/seglog-view-XXXXXX", parent);
    if (len < 0 || (size_t)len >= cap || !mkdtemp(dir)) {
        const struct slg_place place = { .name = parent,
                                         .offset = SEGLOG_NO_OFFSET };
        const int sys_errno = errno ? errno : ENAMETOOLONG;

        free(dir);
        return slg_fail_errno(err, sys_errno, &place,
                              "cannot make a temporary folder for the view");
    }
    canonical->view_dir = dir;
    canonical->is_view_own = true;
    return SEGLOG_OK;
}

static seglog_code
view_dir_take(struct seglog_canonical *canonical, struct seglog_error *err)
{
    char id[SLG_BOOT_ID_CAP];

    if (!canonical->options.view_dir || !slg_boot_id(id))
        return view_dir_make_own(canonical, err);
    canonical->view_dir = strdup(canonical->options.view_dir);
    if (!canonical->view_dir)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a name");
    return slg_trust_prepare(canonical->view_dir, err);
}

static seglog_code
view_open(struct seglog_canonical *canonical, struct seglog_error *err)
{
    const struct seglog_canonical_options *options = &canonical->options;
    seglog_code code = view_dir_take(canonical, err);

    canonical->options.view_dir = canonical->view_dir;
    if (code == SEGLOG_OK)
        code = slg_view_open(canonical->view_dir, options->view_bytes_max,
                             options->readers_max, &canonical->view, err);
    return code;
}

/* -- open ------------------------------------------------------------------ */

static seglog_code
log_open(struct seglog_canonical *canonical, struct seglog_error *err)
{
    const struct seglog_canonical_options *given = &canonical->options;
    const struct seglog_stream_options options = {
        .size = sizeof options,
        .is_read_only = given->is_read_only,
        .lock_timeout_ms = given->lock_timeout_ms,
        .open_max = 1,
        .chain = given->chain,
        .body_log2 = given->body_log2,
        .codec = given->codec,
        .level_of_codec = given->level_of_codec,
        .segment_bytes = given->segment_bytes,
    };
    seglog_code code =
        seglog_streams_open(canonical->store, &options, &canonical->log, err);

    if (code == SEGLOG_OK)
        code = slg_streams_of(canonical->log, &canonical->streams, err);
    return code;
}

static bool
locks_init(struct seglog_canonical *canonical)
{
    pthread_condattr_t attributes;
    bool is_made = false;

    if (pthread_condattr_init(&attributes) != 0)
        return false;
    is_made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_mutex_init(&canonical->mutex, NULL) == 0;
    if (is_made && pthread_cond_init(&canonical->gate, &attributes) != 0) {
        (void)pthread_mutex_destroy(&canonical->mutex);
        is_made = false;
    }
    (void)pthread_condattr_destroy(&attributes);
    return is_made;
}

static void
canonical_free(struct seglog_canonical *canonical)
{
    slg_view_close(canonical->view);
    if (canonical->is_view_own)
        slg_trust_remove_all(canonical->view_dir);
    free(canonical->view_dir);
    seglog_lock_close(&canonical->lock);
    seglog_stripe_locks_free(canonical->stripes);
    (void)pthread_cond_destroy(&canonical->gate);
    (void)pthread_mutex_destroy(&canonical->mutex);
    free(canonical);
}

/* Nobody else opens the view, or looks at its files, meanwhile. */
static seglog_code
view_open_locked(struct seglog_canonical *canonical, struct seglog_error *err)
{
    seglog_code code = seglog_lock_acquire(
        canonical->lock, canonical->options.lock_timeout_ms, err);

    if (code != SEGLOG_OK)
        return code;
    code = view_open(canonical, err);
    (void)seglog_lock_release(canonical->lock, NULL);
    return code;
}

/*
 * Of a store that cannot be written to there is no lock.  Who has a view of his
 * own, and writes nothing, needs none.
 */
static bool
reads_alone(const struct seglog_canonical *canonical)
{
    return canonical->options.is_read_only && !canonical->options.view_dir;
}

static seglog_code
canonical_start_alone(struct seglog_canonical *canonical,
                      struct seglog_error *err)
{
    seglog_code code = log_open(canonical, err);

    if (code == SEGLOG_OK)
        code = view_open(canonical, err);
    return code == SEGLOG_OK ? slg_view_refresh(canonical, err) : code;
}

static seglog_code
canonical_start(struct seglog_canonical *canonical, struct seglog_error *err)
{
    struct seglog_error own;
    struct slg_turn turn;
    seglog_code code = seglog_lock_open(canonical->store, SLG_CANONICAL_LOCK,
                                        &canonical->lock, &own);

    if (reads_alone(canonical) &&
        (code == SEGLOG_OK || code == SEGLOG_READ_ONLY))
        return canonical_start_alone(canonical, err);
    if (code != SEGLOG_OK && err)
        *err = own;
    if (code == SEGLOG_OK)
        code = log_open(canonical, err);
    if (code == SEGLOG_OK)
        code = view_open_locked(canonical, err);
    /* The turn catches up, and that is all that is to be done in it. */
    if (code == SEGLOG_OK)
        code = slg_turn_begin(canonical, true,
                              canonical->options.lock_timeout_ms, &turn, err);
    if (code == SEGLOG_OK)
        slg_turn_abort(&turn);
    return code;
}

seglog_code
seglog_canonical_open(struct seglog_store store,
                      const struct seglog_canonical_options *options,
                      struct seglog_canonical **canonical,
                      struct seglog_error *err)
{
    struct seglog_canonical *made = NULL;
    seglog_code code = SEGLOG_OK;

    if (!canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL, "canonical is NULL");
    *canonical = NULL;
    if (!store.ops)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the byte store is zeroed");
    made = calloc(1, sizeof *made);
    if (!made || !locks_init(made)) {
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a store");
    }
    made->store = store;
    if (!slg_options_copy(&made->options, sizeof made->options, options))
        code = slg_fail(err, SEGLOG_INVALID, NULL,
                        "the options have a size that is not theirs");
    options_default(&made->options);
    if (code == SEGLOG_OK)
        code = options_check(&made->options, err);
    if (code == SEGLOG_OK)
        code = seglog_stripe_locks_new(0, &made->stripes, err);
    if (code == SEGLOG_OK)
        code = canonical_start(made, err);
    if (code != SEGLOG_OK) {
        (void)seglog_streams_close(&made->log, NULL);
        canonical_free(made);
        return code;
    }
    *canonical = made;
    return SEGLOG_OK;
}

/* -- close ----------------------------------------------------------------- */

static seglog_code
view_clean_up(struct seglog_canonical *canonical, struct slg_view_txn *txn,
              struct slg_view_head *head)
{
    seglog_code code = SEGLOG_OK;

    /* What it knows of the log must be durable there, whoever has committed
     * it: a view that is trusted after a power failure is never ahead. */
    code = seglog_canonical_sync(canonical, NULL);
    head->is_clean = 1;
    if (code == SEGLOG_OK)
        code = slg_view_put_head(txn, head, NULL, NULL);
    if (code != SEGLOG_OK) {
        slg_view_abort(txn);
        return code;
    }
    code = slg_view_commit(txn, NULL);
    if (code == SEGLOG_OK)
        code = slg_view_sync(canonical->view, NULL);
    return code == SEGLOG_OK ? slg_trust_mark_clean(canonical->view_dir, NULL)
                             : code;
}

/* The next one to come, after a restart of the machine too, need not build the
 * view anew.  Somebody who writes just now sees to that himself, and so does
 * nobody who has only read. */
static void
view_make_clean(struct seglog_canonical *canonical)
{
    struct slg_view_txn *txn = NULL;
    struct slg_view_head head;

    if (canonical->is_view_own || !canonical->view ||
        canonical->options.is_read_only ||
        !atomic_load(&canonical->has_written) ||
        seglog_lock_acquire(canonical->lock, 0, NULL) != SEGLOG_OK)
        return;
    if (slg_view_begin(canonical->view, true, &txn, NULL) == SEGLOG_OK) {
        if (slg_view_get_head(txn, &head, NULL) == SEGLOG_OK &&
            head.position > 0 && !head.is_clean)
            (void)view_clean_up(canonical, txn, &head);
        else
            slg_view_abort(txn);
    }
    (void)seglog_lock_release(canonical->lock, NULL);
}

seglog_code
seglog_canonical_close(struct seglog_canonical *canonical,
                       struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!canonical)
        return SEGLOG_OK;
    view_make_clean(canonical);
    code = seglog_streams_close(&canonical->log, err);
    canonical_free(canonical);
    return code;
}

struct seglog_stripe_locks *
seglog_canonical_get_locks(const struct seglog_canonical *canonical)
{
    return canonical ? canonical->stripes : NULL;
}

/* -- what is asked of all of it -------------------------------------------- */

void
seglog_canonical_describe(const struct seglog_canonical *canonical, char *buf,
                          size_t cap)
{
    char store[256] = "";

    if (cap == 0)
        return;
    buf[0] = '\0';
    if (!canonical)
        return;
    seglog_store_describe(canonical->store, store, sizeof store);
    (void)snprintf(buf, cap, "canonical store in %s, view in %s", store,
                   canonical->is_view_own ? "a folder of its own"
                                          : canonical->view_dir);
}

seglog_code
seglog_canonical_sync(struct seglog_canonical *canonical,
                      struct seglog_error *err)
{
    struct seglog_stream_end end;

    if (!canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the store is NULL");
    return seglog_stream_make_checkpoint(canonical->log,
                                         SEGLOG_CANONICAL_STREAM, &end, err);
}

/* -- detect ---------------------------------------------------------------- */

/* One that was trimmed does not begin with its birth. */
static seglog_code
log_is_one(struct seglog_streams log, bool *is_one, struct seglog_error *err)
{
    struct seglog_stream_event *events = NULL;
    struct slg_transaction transaction;
    struct seglog_error own = { 0 };
    size_t count = 0;
    seglog_code code = seglog_stream_read_from(log, SEGLOG_CANONICAL_STREAM, 0,
                                               1, &events, &count, &own);
    const bool is_trimmed = code == SEGLOG_NOT_FOUND;

    if (is_trimmed)
        code = seglog_stream_read_from(log, SEGLOG_CANONICAL_STREAM, own.actual,
                                       1, &events, &count, &own);
    if (code == SEGLOG_OK && count > 0)
        *is_one =
            is_trimmed
                ? slg_transaction_open(&transaction, events->data.data,
                                       events->data.len)
                : slg_transaction_is_birth(events->data.data, events->data.len);
    seglog_free(events);
    if (code != SEGLOG_OK && err)
        *err = own;
    return code;
}

seglog_code
seglog_canonical_detect(struct seglog_store store, bool *is_one,
                        struct seglog_error *err)
{
    const struct seglog_stream_options options = { .size = sizeof options,
                                                   .is_read_only = true };
    struct seglog_streams log;
    seglog_code code = SEGLOG_OK;

    if (!is_one)
        return slg_fail(err, SEGLOG_INVALID, NULL, "is_one is NULL");
    *is_one = false;
    code = seglog_streams_open(store, &options, &log, err);
    if (code != SEGLOG_OK)
        return code;
    code = log_is_one(log, is_one, err);
    (void)seglog_streams_close(&log, NULL);
    return code;
}
