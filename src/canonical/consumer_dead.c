/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/consumer_dead.c - the dead letters of a consumer.
 *
 * They are looked at one by one, without holding anything while the caller's
 * function runs: it may take its time, and use the store.
 */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/consumer.h"
#include "src/store/fail.h"

/* -- in the view ----------------------------------------------------------- */

/* time, retries, reason: canonical_apply.c. */
static bool
letter_take(struct seglog_slice value, struct slg_dead_letter *letter)
{
    uint64_t numbers[2];

    if (value.len < sizeof numbers)
        return false;
    memcpy(numbers, value.data, sizeof numbers);
    letter->time_ms = numbers[0];
    letter->retries = numbers[1];
    letter->reason = (struct seglog_slice){ value.data + sizeof numbers,
                                            value.len - sizeof numbers };
    return true;
}

static seglog_code
fail_view(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_CORRUPT, NULL,
                    "the view has a dead letter that is none: remove it, and "
                    "it is built anew");
}

seglog_code
slg_dead_letter_get(struct slg_view_txn *txn, struct seglog_slice name,
                    uint64_t id, struct slg_dead_letter *letter,
                    struct seglog_error *err)
{
    uint8_t key[SLG_DEAD_KEY_CAP];
    struct seglog_slice value;
    const seglog_code code = slg_view_get(
        txn, SLG_VIEW_DEAD, slg_dead_key(name, id, key), &value, err);

    if (code != SEGLOG_OK)
        return code;
    letter->id = id;
    return letter_take(value, letter) ? SEGLOG_OK : fail_view(err);
}

/* Is this a key of that consumer?  One as long is of a name as long. */
static bool
key_is_of(struct seglog_slice key, struct seglog_slice name)
{
    return key.len == name.len + 1 + 8 &&
           memcmp(key.data, name.data, name.len) == 0;
}

seglog_code
slg_dead_letter_count(struct slg_view_txn *txn, struct seglog_slice name,
                      uint64_t *count, struct seglog_error *err)
{
    struct slg_view_cursor *cursor = NULL;
    uint8_t sought[SLG_DEAD_KEY_CAP];
    struct seglog_slice key;
    struct seglog_slice value;
    seglog_code code = slg_view_cursor_open(txn, SLG_VIEW_DEAD, &cursor, err);

    *count = 0;
    if (code == SEGLOG_OK)
        code = slg_view_cursor_move(cursor, SLG_VIEW_AT_LEAST,
                                    slg_dead_key(name, 0, sought), &key, &value,
                                    err);
    while (code == SEGLOG_OK && key_is_of(key, name)) {
        ++*count;
        code =
            slg_view_cursor_move(cursor, SLG_VIEW_NEXT,
                                 (struct seglog_slice){ 0 }, &key, &value, err);
    }
    slg_view_cursor_close(cursor);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* -- reject ---------------------------------------------------------------- */

/* There is such an event, and it can be had when it is replayed. */
static seglog_code
reject_check(const struct slg_turn *turn, uint64_t id, struct seglog_error *err)
{
    if (id >= turn->head.first_event)
        return slg_consumer_check_id(turn, id, err);
    return slg_fail_actual(
        err,
        slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                 "events below %llu were given up by retention",
                 (unsigned long long)turn->head.first_event),
        turn->head.first_event);
}

/* Also one that is in the lane already: it keeps its count. */
static seglog_code
retries_look(const struct slg_turn *turn, struct slg_op *op,
             struct seglog_error *err)
{
    struct slg_dead_letter before = { 0 };
    const seglog_code code =
        slg_dead_letter_get(turn->txn, op->key, op->number, &before, err);

    if (code == SEGLOG_OK)
        op->retries = before.retries;
    return code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code;
}

static seglog_code
reject_in_turn(struct seglog_consumer *consumer, struct slg_turn *turn,
               uint64_t cursor, uint64_t id, struct seglog_slice reason,
               struct slg_stream_ticket *ticket, struct seglog_error *err)
{
    const struct seglog_slice name = slg_consumer_get_name(consumer);
    struct slg_op ops[2] = {
        { .type = SLG_OP_DEAD, .key = name, .number = id, .value = reason },
        { .type = SLG_OP_CURSOR, .key = name, .number = id + 1 }
    };
    seglog_code code = reject_check(turn, id, err);

    if (code == SEGLOG_OK)
        code = retries_look(turn, &ops[0], err);
    if (code == SEGLOG_OK)
        return slg_turn_control(turn, ops, cursor <= id ? 2 : 1, ticket, err);
    slg_turn_abort(turn);
    return code;
}

seglog_code
seglog_consumer_reject(struct seglog_consumer *consumer, uint64_t id,
                       const char *reason, struct seglog_error *err)
{
    const struct seglog_slice text = { reason, reason ? strlen(reason) : 0 };
    struct slg_stream_ticket ticket;
    struct slg_turn turn;
    uint64_t cursor = 0;
    seglog_code code = SEGLOG_OK;

    if (!consumer)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the consumer is NULL");
    if (text.len > SEGLOG_REASON_MAX)
        return slg_fail_actual(err,
                               slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                                        "the reason has %zu bytes; it may have "
                                        "%u",
                                        text.len, SEGLOG_REASON_MAX),
                               SEGLOG_REASON_MAX);
    code = slg_consumer_turn_begin(consumer, &turn, &cursor, err);
    if (code == SEGLOG_OK)
        code = reject_in_turn(consumer, &turn, cursor, id, text, &ticket, err);
    if (code != SEGLOG_OK)
        return code;
    slg_consumer_pass(consumer, id);
    return slg_stream_sync(consumer->canonical->streams,
                           SEGLOG_CANONICAL_STREAM, &ticket, err);
}

/* -- one after the other --------------------------------------------------- */

/* A letter out of the view. */
struct taken {
    struct seglog_dead_letter letter;
    char *reason;
    char *data;
};

static void
taken_free(struct taken *taken)
{
    free(taken->reason);
    seglog_free(taken->data);
    *taken = (struct taken){ 0 };
}

static seglog_code
taken_fill(struct taken *taken, const struct slg_dead_letter *found,
           struct seglog_error *err)
{
    taken->letter = (struct seglog_dead_letter){
        .id = found->id,
        .time_ms = (int64_t)found->time_ms,
        .retries = found->retries,
    };
    taken->reason = malloc(found->reason.len + 1);
    if (!taken->reason)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a dead letter");
    memcpy(taken->reason, found->reason.data, found->reason.len);
    taken->reason[found->reason.len] = '\0';
    taken->letter.reason =
        (struct seglog_slice){ taken->reason, found->reason.len };
    return SEGLOG_OK;
}

/* END: there is none. */
static seglog_code
letter_find(struct slg_view_txn *txn, struct seglog_slice name, uint64_t from,
            struct slg_dead_letter *found, struct seglog_error *err)
{
    struct slg_view_cursor *cursor = NULL;
    uint8_t sought[SLG_DEAD_KEY_CAP];
    struct seglog_slice key;
    struct seglog_slice value;
    seglog_code code = slg_view_cursor_open(txn, SLG_VIEW_DEAD, &cursor, err);

    if (code == SEGLOG_OK)
        code = slg_view_cursor_move(cursor, SLG_VIEW_AT_LEAST,
                                    slg_dead_key(name, from, sought), &key,
                                    &value, err);
    slg_view_cursor_close(cursor);
    if (code != SEGLOG_OK)
        return code;
    if (!key_is_of(key, name))
        return SEGLOG_END;
    found->id = slg_get_be64(key.data + name.len + 1);
    return letter_take(value, found) ? SEGLOG_OK : fail_view(err);
}

static seglog_code
taken_next(struct seglog_consumer *consumer, uint64_t from, struct taken *taken,
           struct seglog_error *err)
{
    struct slg_dead_letter found = { 0 };
    struct slg_view_txn *txn = NULL;
    seglog_code code =
        slg_view_begin(consumer->canonical->view, false, &txn, err);

    if (code == SEGLOG_OK)
        code = letter_find(txn, slg_consumer_get_name(consumer), from, &found,
                           err);
    if (code == SEGLOG_OK)
        code = taken_fill(taken, &found, err);
    slg_view_abort(txn);
    return code;
}

/* What is done with a letter whose event could be read. */
typedef seglog_code (*letter_fn)(void *arg, struct seglog_consumer *consumer,
                                 const struct seglog_dead_letter *letter,
                                 struct seglog_error *err);

struct walk {
    letter_fn fn;
    void *arg;
    struct seglog_error unread; /* the first event that could not be read */
};

/* An event that cannot be read keeps nobody from the others. */
static seglog_code
taken_give(struct walk *walk, struct seglog_consumer *consumer,
           struct taken *taken, struct seglog_error *err)
{
    struct seglog_error own;
    size_t len = 0;

    if (seglog_canonical_get_event(consumer->canonical, taken->letter.id,
                                   &taken->data, &len, &own) != SEGLOG_OK) {
        if (walk->unread.code == SEGLOG_OK)
            walk->unread = own;
        return SEGLOG_OK;
    }
    taken->letter.data = (struct seglog_slice){ taken->data, len };
    return walk->fn(walk->arg, consumer, &taken->letter, err);
}

static seglog_code
letters_walk(struct seglog_consumer *consumer, letter_fn fn, void *arg,
             struct seglog_error *err)
{
    struct walk walk = { .fn = fn, .arg = arg };
    uint64_t from = 0;
    seglog_code code = slg_view_refresh(consumer->canonical, err);

    while (code == SEGLOG_OK) {
        struct taken taken = { 0 };

        code = taken_next(consumer, from, &taken, err);
        from = taken.letter.id + 1;
        if (code == SEGLOG_OK)
            code = taken_give(&walk, consumer, &taken, err);
        taken_free(&taken);
    }
    if (code != SEGLOG_END)
        return code;
    if (walk.unread.code != SEGLOG_OK && err)
        *err = walk.unread;
    return walk.unread.code;
}

/* -- list ------------------------------------------------------------------ */

struct listing {
    seglog_dead_letter_fn fn;
    void *arg;
};

static seglog_code
letter_show(void *arg, struct seglog_consumer *consumer,
            const struct seglog_dead_letter *letter, struct seglog_error *err)
{
    const struct listing *listing = arg;

    (void)consumer;
    return listing->fn(listing->arg, letter, err);
}

seglog_code
seglog_consumer_list_dead(struct seglog_consumer *consumer,
                          seglog_dead_letter_fn fn, void *arg,
                          struct seglog_error *err)
{
    struct listing listing = { fn, arg };

    if (!consumer || !fn)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the consumer or the function is NULL");
    return letters_walk(consumer, letter_show, &listing, err);
}

/* -- replay ---------------------------------------------------------------- */

struct replay {
    seglog_dead_letter_fn fn;
    void *arg;
    uint64_t replayed;
    uint64_t left;
    bool is_changed;
};

/* Somebody else may have replayed it meanwhile, or removed the consumer: then
 * it does not come back. */
static seglog_code
letter_settle(struct seglog_consumer *consumer, struct slg_op *op,
              struct seglog_error *err)
{
    struct slg_stream_ticket ticket;
    struct slg_dead_letter now = { 0 };
    struct slg_turn turn;
    uint64_t cursor = 0;
    seglog_code code = slg_consumer_turn_begin(consumer, &turn, &cursor, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_dead_letter_get(turn.txn, op->key, op->number, &now, err);
    if (code == SEGLOG_OK) {
        op->retries = now.retries + 1;
        return slg_turn_control(&turn, op, 1, &ticket, err);
    }
    slg_turn_abort(&turn);
    return code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code;
}

static seglog_code
letter_replay(void *arg, struct seglog_consumer *consumer,
              const struct seglog_dead_letter *letter, struct seglog_error *err)
{
    struct replay *replay = arg;
    struct seglog_error own = { .code = SEGLOG_OK };
    struct slg_op op = { .type = SLG_OP_DEAD_REMOVE,
                         .key = slg_consumer_get_name(consumer),
                         .number = letter->id };
    seglog_code code = replay->fn(replay->arg, letter, &own);

    if (code == SEGLOG_END)
        return code;
    if (code == SEGLOG_OK) {
        replay->replayed++;
    } else {
        const char *why =
            own.message[0] != '\0' ? own.message : seglog_code_name(code);

        op.type = SLG_OP_DEAD;
        op.value = (struct seglog_slice){ why, strlen(why) };
        replay->left++;
    }
    replay->is_changed = true;
    return letter_settle(consumer, &op, err);
}

seglog_code
seglog_consumer_replay_dead(struct seglog_consumer *consumer,
                            seglog_dead_letter_fn fn, void *arg,
                            uint64_t *replayed, uint64_t *left,
                            struct seglog_error *err)
{
    struct replay replay = { .fn = fn, .arg = arg };
    struct seglog_error unsynced;
    seglog_code synced = SEGLOG_OK;
    seglog_code code = SEGLOG_OK;

    if (!consumer || !fn)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the consumer or the function is NULL");
    code = slg_streams_check_writable(consumer->canonical->streams, err);
    if (code != SEGLOG_OK)
        return code;
    code = letters_walk(consumer, letter_replay, &replay, err);
    if (replayed)
        *replayed = replay.replayed;
    if (left)
        *left = replay.left;
    if (replay.is_changed)
        synced = seglog_canonical_sync(consumer->canonical, &unsynced);
    if (code != SEGLOG_OK || synced == SEGLOG_OK)
        return code;
    if (err)
        *err = unsynced;
    return synced;
}
