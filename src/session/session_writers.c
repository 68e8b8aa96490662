/* SPDX-License-Identifier: MIT */
/* src/session/session_writers.c - the segments that are open for appending. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/session/session_writers.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "src/store/fail.h"

/* Entries are flushed one by one: more room would only be kept. */
#define BUFFER_BYTES ((size_t)65536)
#define YIELDS_MAX   1000

struct slg_writers {
    struct slg_pool *pool;
};

/* -- one of them ---------------------------------------------------------- */

static seglog_code
lane_writer_free(struct slg_lane_writer *lane, struct seglog_error *err)
{
    const seglog_code code = seglog_writer_close(lane->writer, err);

    (void)pthread_mutex_destroy(&lane->mutex);
    (void)pthread_mutex_destroy(&lane->sync_mutex);
    (void)pthread_cond_destroy(&lane->sync_end);
    free(lane);
    return code;
}

static bool
locks_init(struct slg_lane_writer *lane)
{
    if (pthread_mutex_init(&lane->mutex, NULL) != 0)
        return false;
    if (pthread_mutex_init(&lane->sync_mutex, NULL) == 0) {
        if (pthread_cond_init(&lane->sync_end, NULL) == 0)
            return true;
        (void)pthread_mutex_destroy(&lane->sync_mutex);
    }
    (void)pthread_mutex_destroy(&lane->mutex);
    return false;
}

/* That of all lanes of a segment. */
static uint64_t
key_of(const struct seglog_uuid *segment)
{
    return slg_load_le64(segment->bytes) ^ slg_load_le64(segment->bytes + 8);
}

static struct slg_lane_writer *
lane_writer_new(const struct slg_lane_id *id)
{
    struct slg_lane_writer *lane = calloc(1, sizeof *lane);

    if (!lane || !locks_init(lane)) {
        free(lane);
        return NULL;
    }
    lane->id = *id;
    lane->pooled.key = key_of(&id->segment);
    return lane;
}

/*
 * Without a closing mark: others may still append, closing an idle segment is
 * not to cost two syncs, and each would leave a mark in the middle of the file.
 */
static seglog_code
lane_writer_open(const struct seglog_session_store *sessions,
                 struct slg_lane_writer *lane, struct seglog_error *err)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .create = SEGLOG_CREATE_NEVER,
        .lock_timeout_ms = sessions->options.lock_timeout_ms,
        .buffer_bytes = BUFFER_BYTES,
        .no_closing_mark = true,
        .level = sessions->options.level_of_codec,
    };
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_blob_info info;
    /* Opening makes the lock's file first, which moves the stamp. */
    const seglog_code code = seglog_store_get_info(
        sessions->store, slg_lane_id_name(&lane->id, name), &info, err);

    if (code == SEGLOG_NOT_FOUND)
        return code;
    return seglog_writer_open(sessions->store,
                              slg_lane_id_name(&lane->id, name), &options,
                              &lane->writer, err);
}

/* -- the list, under its mutex -------------------------------------------- */

static struct slg_lane_writer *
lane_of(struct slg_pooled *pooled)
{
    return (struct slg_lane_writer *)(void *)pooled;
}

static bool
uuid_is_same(const struct seglog_uuid *a, const struct seglog_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct wanted {
    const struct seglog_uuid *session; /* NULL: of any */
    const struct seglog_uuid *segment;
    enum seglog_lane lane;
};

static bool
lane_is_it(const struct slg_pooled *pooled, const void *arg)
{
    const struct slg_lane_writer *lane =
        (const struct slg_lane_writer *)(const void *)pooled;
    const struct wanted *wanted = arg;

    return lane->id.lane == wanted->lane &&
           uuid_is_same(&lane->id.segment, wanted->segment) &&
           (!wanted->session ||
            uuid_is_same(&lane->id.session, wanted->session));
}

static struct slg_pooled *
list_find(const struct slg_writers *writers, const struct seglog_uuid *session,
          const struct seglog_uuid *segment, enum seglog_lane lane)
{
    const struct wanted wanted = { session, segment, lane };

    return slg_pool_find(writers->pool, key_of(segment), lane_is_it, &wanted);
}

/* All that they were given is flushed: closing them loses nothing. */
static void
evicted_free(struct slg_pooled *evicted)
{
    while (evicted) {
        struct slg_pooled *next = evicted->next;

        (void)lane_writer_free(lane_of(evicted), NULL);
        evicted = next;
    }
}

/* -- taking and giving ---------------------------------------------------- */

static struct slg_lane_writer *
list_use(struct slg_writers *writers, const struct slg_lane_id *id)
{
    struct slg_pooled *pooled = NULL;
    struct slg_lane_writer *lane = NULL;

    slg_pool_lock(writers->pool);
    pooled = list_find(writers, &id->session, &id->segment, id->lane);
    if (pooled) {
        lane = lane_of(pooled);
        slg_pool_use(writers->pool, pooled);
    } else {
        lane = lane_writer_new(id);
        if (lane)
            slg_pool_add(writers->pool, &lane->pooled);
    }
    slg_pool_unlock(writers->pool);
    return lane;
}

void
slg_writers_unlock(struct slg_lane_writer *taken)
{
    (void)pthread_mutex_unlock(&taken->mutex);
}

static void
lane_writer_lock(struct slg_lane_writer *lane)
{
    (void)pthread_mutex_lock(&lane->mutex);
}

static void
list_give(struct slg_writers *writers, struct slg_lane_writer *taken,
          bool is_sound, bool is_locked)
{
    struct slg_pooled *evicted = NULL;
    bool is_last = false;

    slg_pool_lock(writers->pool);
    if (!is_sound)
        slg_pool_drop(writers->pool, &taken->pooled);
    /* Released inside: whoever takes it next is to see that it is dropped. */
    if (is_locked)
        slg_writers_unlock(taken);
    taken->pooled.users--;
    is_last = taken->pooled.is_dropped && taken->pooled.users == 0;
    evicted = slg_pool_evict(writers->pool);
    slg_pool_unlock(writers->pool);
    if (is_last)
        (void)lane_writer_free(taken, NULL);
    evicted_free(evicted);
}

void
slg_writers_give(struct slg_writers *writers, struct slg_lane_writer *taken,
                 bool is_sound)
{
    list_give(writers, taken, is_sound, true);
}

void
slg_writers_put(struct slg_writers *writers, struct slg_lane_writer *taken,
                bool is_sound)
{
    list_give(writers, taken, is_sound, false);
}

seglog_code
slg_writers_take(struct seglog_session_store *sessions,
                 const struct slg_lane_id *id, struct slg_lane_writer **taken,
                 struct seglog_error *err)
{
    struct slg_writers *writers = sessions->writers;
    struct slg_lane_writer *lane = NULL;
    seglog_code code = SEGLOG_OK;

    for (;;) {
        lane = list_use(writers, id);
        if (!lane)
            return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for a writer");
        atomic_fetch_add(&lane->arrived, 1);
        lane_writer_lock(lane);
        atomic_fetch_add(&lane->served, 1);
        /* Whoever had it before may have found that it has failed. */
        if (!lane->pooled.is_dropped)
            break;
        slg_writers_give(writers, lane, false);
    }
    if (!lane->writer)
        code = lane_writer_open(sessions, lane, err);
    if (code != SEGLOG_OK) {
        slg_writers_give(writers, lane, false);
        return code;
    }
    *taken = lane;
    return SEGLOG_OK;
}

/* Those who have waited for an earlier sync to end append first: then the next
 * one is theirs as well. */
static void
arrivals_wait(struct slg_lane_writer *lane)
{
    const unsigned arrived = atomic_load(&lane->arrived);

    for (unsigned i = 0; i < YIELDS_MAX; i++) {
        if ((int)(arrived - atomic_load(&lane->served)) <= 0)
            return;
        (void)sched_yield();
    }
}

static seglog_code
lane_writer_sync(struct slg_lane_writer *lane, uint64_t *synced,
                 struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    arrivals_wait(lane);
    lane_writer_lock(lane);
    code = seglog_writer_sync(lane->writer, err);
    *synced = lane->appends;
    slg_writers_unlock(lane);
    return code;
}

seglog_code
slg_writers_sync(struct slg_lane_writer *taken, uint64_t appends,
                 struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;
    uint64_t synced = 0;

    (void)pthread_mutex_lock(&taken->sync_mutex);
    while (taken->synced < appends && code == SEGLOG_OK) {
        if (taken->is_syncing) {
            (void)pthread_cond_wait(&taken->sync_end, &taken->sync_mutex);
            continue;
        }
        taken->is_syncing = true;
        (void)pthread_mutex_unlock(&taken->sync_mutex);
        code = lane_writer_sync(taken, &synced, err);
        (void)pthread_mutex_lock(&taken->sync_mutex);
        taken->is_syncing = false;
        if (code == SEGLOG_OK)
            taken->synced = synced;
        (void)pthread_cond_broadcast(&taken->sync_end);
    }
    (void)pthread_mutex_unlock(&taken->sync_mutex);
    return code;
}

/* -- all of them ---------------------------------------------------------- */

void
slg_writers_forget(struct slg_writers *writers,
                   const struct seglog_uuid *session,
                   const struct seglog_uuid *segment)
{
    for (int lane = SEGLOG_LANE_ENTRIES; lane <= SEGLOG_LANE_NOTES; lane++) {
        struct slg_pooled *found = NULL;
        bool is_idle = false;

        slg_pool_lock(writers->pool);
        found = list_find(writers, session, segment, (enum seglog_lane)lane);
        if (found) {
            slg_pool_drop(writers->pool, found);
            is_idle = found->users == 0;
        }
        slg_pool_unlock(writers->pool);
        if (is_idle)
            (void)lane_writer_free(lane_of(found), NULL);
    }
}

bool
slg_writers_session_of(struct slg_writers *writers,
                       const struct seglog_uuid *segment,
                       struct seglog_uuid *session)
{
    struct slg_pooled *found = NULL;

    slg_pool_lock(writers->pool);
    found = list_find(writers, NULL, segment, SEGLOG_LANE_ENTRIES);
    if (found)
        *session = lane_of(found)->id.session;
    slg_pool_unlock(writers->pool);
    return found != NULL;
}

seglog_code
slg_writers_new(unsigned open_max, struct slg_writers **writers,
                struct seglog_error *err)
{
    struct slg_writers *made = calloc(1, sizeof *made);

    if (made)
        made->pool = slg_pool_new(open_max);
    if (!made || !made->pool) {
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a list of writers");
    }
    *writers = made;
    return SEGLOG_OK;
}

seglog_code
slg_writers_free(struct slg_writers *writers, struct seglog_error *err)
{
    struct slg_pooled *at = NULL;
    seglog_code code = SEGLOG_OK;

    if (!writers)
        return SEGLOG_OK;
    while ((at = slg_pool_oldest(writers->pool)) != NULL) {
        seglog_code close_code = SEGLOG_OK;

        slg_pool_drop(writers->pool, at);
        close_code =
            lane_writer_free(lane_of(at), code == SEGLOG_OK ? err : NULL);
        if (code == SEGLOG_OK)
            code = close_code;
    }
    slg_pool_free(writers->pool);
    free(writers);
    return code;
}

/* -- which lane ----------------------------------------------------------- */

char *
slg_lane_id_name(const struct slg_lane_id *id, char name[SEGLOG_LANE_NAME_CAP])
{
    return seglog_lane_name(&id->session, &id->segment, id->lane, name);
}

static seglog_code
lane_check(const struct seglog_session_store *sessions,
           const struct seglog_uuid *segment, enum seglog_lane lane,
           struct seglog_error *err)
{
    if (!sessions || !segment)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the session store or the segment is NULL");
    if ((unsigned)lane > SEGLOG_LANE_NOTES)
        return slg_fail(err, SEGLOG_INVALID, NULL, "there is no such lane");
    return SEGLOG_OK;
}

seglog_code
slg_lane_find(struct seglog_session_store *sessions,
              const struct seglog_uuid *session,
              const struct seglog_uuid *segment, enum seglog_lane lane,
              struct slg_lane_id *id, struct seglog_error *err)
{
    bool is_found = false;
    const seglog_code code = lane_check(sessions, segment, lane, err);

    if (code != SEGLOG_OK)
        return code;
    id->segment = *segment;
    id->lane = lane;
    return slg_session_of(sessions, session, segment, &id->session, &is_found,
                          err);
}

seglog_code
slg_lane_guess(struct seglog_session_store *sessions,
               const struct seglog_uuid *session,
               const struct seglog_uuid *segment, enum seglog_lane lane,
               struct slg_lane_id *id, struct seglog_error *err)
{
    const seglog_code code = lane_check(sessions, segment, lane, err);

    if (code != SEGLOG_OK || session ||
        !slg_writers_session_of(sessions->writers, segment, &id->session))
        return code == SEGLOG_OK
                   ? slg_lane_find(sessions, session, segment, lane, id, err)
                   : code;
    id->segment = *segment;
    id->lane = lane;
    return SEGLOG_OK;
}
