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
#define BUCKETS_MAX  ((size_t)4096)

struct slg_writers {
    pthread_mutex_t mutex;
    unsigned open_max;
    unsigned count;
    struct slg_lane_writer *newest;
    struct slg_lane_writer *oldest;
    size_t bucket_mask;
    struct slg_lane_writer *buckets[];
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

static struct slg_lane_writer *
lane_writer_new(const struct slg_lane_id *id)
{
    struct slg_lane_writer *lane = calloc(1, sizeof *lane);

    if (!lane || !locks_init(lane)) {
        free(lane);
        return NULL;
    }
    lane->id = *id;
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

static size_t
bucket_of(const struct slg_writers *writers, const struct seglog_uuid *segment)
{
    const uint64_t hash =
        (slg_load_le64(segment->bytes) ^ slg_load_le64(segment->bytes + 8)) *
        UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)(hash >> 40) & writers->bucket_mask;
}

static bool
uuid_is_same(const struct seglog_uuid *a, const struct seglog_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* session NULL: of any. */
static struct slg_lane_writer *
list_find(const struct slg_writers *writers, const struct seglog_uuid *session,
          const struct seglog_uuid *segment, enum seglog_lane lane)
{
    struct slg_lane_writer *at = writers->buckets[bucket_of(writers, segment)];

    while (at &&
           (at->id.lane != lane || !uuid_is_same(&at->id.segment, segment) ||
            (session && !uuid_is_same(&at->id.session, session))))
        at = at->next;
    return at;
}

static void
list_unlink(struct slg_writers *writers, struct slg_lane_writer *lane)
{
    if (lane->newer)
        lane->newer->older = lane->older;
    else
        writers->newest = lane->older;
    if (lane->older)
        lane->older->newer = lane->newer;
    else
        writers->oldest = lane->newer;
    lane->newer = NULL;
    lane->older = NULL;
}

static void
list_link_newest(struct slg_writers *writers, struct slg_lane_writer *lane)
{
    lane->older = writers->newest;
    lane->newer = NULL;
    if (writers->newest)
        writers->newest->newer = lane;
    else
        writers->oldest = lane;
    writers->newest = lane;
}

static void
list_add(struct slg_writers *writers, struct slg_lane_writer *lane)
{
    struct slg_lane_writer **bucket =
        &writers->buckets[bucket_of(writers, &lane->id.segment)];

    lane->next = *bucket;
    *bucket = lane;
    list_link_newest(writers, lane);
    writers->count++;
}

/* Nobody finds it any more.  It is freed once nobody uses it. */
static void
list_drop(struct slg_writers *writers, struct slg_lane_writer *lane)
{
    struct slg_lane_writer **link =
        &writers->buckets[bucket_of(writers, &lane->id.segment)];

    if (lane->is_dropped)
        return;
    while (*link != lane)
        link = &(*link)->next;
    *link = lane->next;
    list_unlink(writers, lane);
    lane->is_dropped = true;
    writers->count--;
}

/* Those that are too many and idle, the oldest first, as a chain by next. */
static struct slg_lane_writer *
list_evict(struct slg_writers *writers)
{
    struct slg_lane_writer *evicted = NULL;
    struct slg_lane_writer *at = writers->oldest;

    while (at && writers->count > writers->open_max) {
        struct slg_lane_writer *newer = at->newer;

        if (at->users == 0) {
            list_drop(writers, at);
            at->next = evicted;
            evicted = at;
        }
        at = newer;
    }
    return evicted;
}

/* All that they were given is flushed: closing them loses nothing. */
static void
evicted_free(struct slg_lane_writer *evicted)
{
    while (evicted) {
        struct slg_lane_writer *next = evicted->next;

        (void)lane_writer_free(evicted, NULL);
        evicted = next;
    }
}

static void
list_lock(struct slg_writers *writers)
{
    (void)pthread_mutex_lock(&writers->mutex);
}

static void
list_unlock(struct slg_writers *writers)
{
    (void)pthread_mutex_unlock(&writers->mutex);
}

/* -- taking and giving ---------------------------------------------------- */

static struct slg_lane_writer *
list_use(struct slg_writers *writers, const struct slg_lane_id *id)
{
    struct slg_lane_writer *lane = NULL;

    list_lock(writers);
    lane = list_find(writers, &id->session, &id->segment, id->lane);
    if (!lane) {
        lane = lane_writer_new(id);
        if (lane)
            list_add(writers, lane);
    } else if (writers->newest != lane) {
        list_unlink(writers, lane);
        list_link_newest(writers, lane);
    }
    if (lane)
        lane->users++;
    list_unlock(writers);
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
    struct slg_lane_writer *evicted = NULL;
    bool is_last = false;

    list_lock(writers);
    if (!is_sound)
        list_drop(writers, taken);
    /* Released inside: whoever takes it next is to see that it is dropped. */
    if (is_locked)
        slg_writers_unlock(taken);
    taken->users--;
    is_last = taken->is_dropped && taken->users == 0;
    if (writers->count > writers->open_max)
        evicted = list_evict(writers);
    list_unlock(writers);
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
        if (!lane->is_dropped)
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
        struct slg_lane_writer *found = NULL;
        bool is_idle = false;

        list_lock(writers);
        found = list_find(writers, session, segment, (enum seglog_lane)lane);
        if (found) {
            list_drop(writers, found);
            is_idle = found->users == 0;
        }
        list_unlock(writers);
        if (is_idle)
            (void)lane_writer_free(found, NULL);
    }
}

bool
slg_writers_session_of(struct slg_writers *writers,
                       const struct seglog_uuid *segment,
                       struct seglog_uuid *session)
{
    const struct slg_lane_writer *found = NULL;

    list_lock(writers);
    found = list_find(writers, NULL, segment, SEGLOG_LANE_ENTRIES);
    if (found)
        *session = found->id.session;
    list_unlock(writers);
    return found != NULL;
}

seglog_code
slg_writers_new(unsigned open_max, struct slg_writers **writers,
                struct seglog_error *err)
{
    struct slg_writers *made = NULL;
    size_t buckets = 64;

    while (buckets < BUCKETS_MAX && buckets / 2 < open_max)
        buckets *= 2;
    made = calloc(1, sizeof *made + buckets * sizeof made->buckets[0]);
    if (!made || pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a list of writers");
    }
    made->open_max = open_max;
    made->bucket_mask = buckets - 1;
    *writers = made;
    return SEGLOG_OK;
}

seglog_code
slg_writers_free(struct slg_writers *writers, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!writers)
        return SEGLOG_OK;
    while (writers->oldest) {
        struct slg_lane_writer *lane = writers->oldest;
        seglog_code close_code;

        list_drop(writers, lane);
        close_code = lane_writer_free(lane, code == SEGLOG_OK ? err : NULL);
        if (code == SEGLOG_OK)
            code = close_code;
    }
    (void)pthread_mutex_destroy(&writers->mutex);
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
