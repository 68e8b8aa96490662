/* SPDX-License-Identifier: MIT */
/*
 * tests/kill/test_kill_streams.c
 *
 * Goal    four processes that append to the same streams, mark and compact them,
 *         and are killed at any moment, leave one chain: every acknowledged
 *         batch once, whole, where it was told, and no gap; and nothing is
 *         dropped that nobody marked.
 * Method  as test_kill_storm.c: half of the kills come at a random call of the
 *         store, the others at a random time.  What a batch is stands in its
 *         events; what was acknowledged, in memory that outlives the workers.
 *
 * Usage   test_kill_streams [KILLS [SEED]]
 */
#define _GNU_SOURCE /* usleep */

#include "tests/support/seglog_test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seglog/stream.h"
#include "src/segment/segment_chain.h"
#include "src/stream/stream_tombs.h"
#include "tests/kill/kill_store.h"

#define KILLS_DEFAULT 200u
#define WORKERS       4u
#define STREAMS       2u
#define BATCHES_MAX   20000u /* of one worker in one folder */
#define BATCH_MAX     9u
#define LOOKS_MAX     12u
#define TEXT_CAP      128u

struct told {
    uint32_t stream;
    uint32_t count;
    uint64_t offset;
    uint32_t marked; /* a bit for each event: it may have a tombstone */
};

struct worker {
    _Atomic uint32_t begun; /* batches: told[begun - 1] may be there */
    _Atomic uint32_t conflicts;
    _Atomic uint32_t compactions;
    struct told told[BATCHES_MAX]; /* count 0: it was not acknowledged */
    char failure[300];
};

struct shared {
    struct worker workers[WORKERS];
    struct kill_plan plans[WORKERS];
};

struct storm {
    struct shared *shared;
    char *dir;
    pid_t pids[WORKERS];
    uint64_t seed;
    uint64_t kills;
    uint64_t lives;
    uint64_t looks;
    uint64_t batches;
    uint64_t conflicts;
    uint64_t compactions;
    uint64_t dropped; /* seen to be */
    unsigned findings;
    struct seglog_stream_options options;
};

/* -- a worker -------------------------------------------------------------- */

static seglog_code
batch_append(struct worker *worker, unsigned number,
             struct seglog_streams streams, uint64_t *seed)
{
    char texts[BATCH_MAX][TEXT_CAP];
    struct seglog_slice events[BATCH_MAX];
    const uint32_t serial = atomic_load(&worker->begun);
    const unsigned count = 1 + (unsigned)(test_random(seed) % BATCH_MAX);
    const uint64_t stream = test_random(seed) % STREAMS;
    const bool is_expecting = test_random(seed) % 4 == 0;
    const bool is_synced = test_random(seed) % 4 == 0;
    struct seglog_stream_end end = { .next_offset = SEGLOG_OFFSET_ANY };
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < count; i++) {
        const int len = snprintf(
            texts[i], TEXT_CAP, "worker %u batch %u event %u of %u%*s", number,
            (unsigned)serial, i, count, (int)(test_random(seed) % 60), "");

        events[i] = (struct seglog_slice){ texts[i], (size_t)len };
    }
    if (is_expecting)
        code = seglog_stream_latest_chain_hash(streams, stream, &end, NULL);
    if (code != SEGLOG_OK)
        return code;
    worker->told[serial] = (struct told){ .stream = (uint32_t)stream };
    atomic_store(&worker->begun, serial + 1);
    code = seglog_stream_append_batch(
        streams, stream, events, count, end.next_offset,
        is_expecting ? &end.hash : NULL, is_synced, &end, NULL);
    if (code == SEGLOG_CONFLICT && is_expecting) {
        atomic_fetch_add(&worker->conflicts, 1);
        return SEGLOG_OK;
    }
    if (code == SEGLOG_OK) {
        worker->told[serial].offset = end.next_offset - count;
        worker->told[serial].count = count;
    }
    return code;
}

/* An event of a batch of its own that was acknowledged. */
static seglog_code
event_mark(struct worker *worker, struct seglog_streams streams, uint64_t *seed)
{
    const uint32_t begun = atomic_load(&worker->begun);
    struct told *told = NULL;
    uint64_t event = 0;
    seglog_code code = SEGLOG_OK;

    if (begun == 0)
        return SEGLOG_OK;
    told = &worker->told[test_random(seed) % begun];
    if (told->count == 0)
        return SEGLOG_OK;
    event = test_random(seed) % told->count;
    told->marked |= UINT32_C(1) << event;
    code = seglog_stream_tombstone(streams, told->stream, told->offset + event,
                                   NULL, NULL);
    return code == SEGLOG_EXISTS ? SEGLOG_OK : code;
}

/* Nothing where somebody else does just now, or there is no zstd. */
static seglog_code
stream_compact(struct worker *worker, struct seglog_streams streams,
               uint64_t *seed)
{
    const struct seglog_stream_compact_options options = {
        .size = sizeof options,
        .rotates = test_random(seed) % 2 == 0,
        .merge_bytes = test_random(seed) % 4 == 0 ? 1 : 50000,
        .level = 1,
        .threads = 1,
    };
    const seglog_code code = seglog_stream_compact(
        streams, test_random(seed) % STREAMS, &options, NULL, NULL);

    if (code == SEGLOG_OK)
        atomic_fetch_add(&worker->compactions, 1);
    return code == SEGLOG_LOCKED || code == SEGLOG_NOT_FOUND ||
                   code == SEGLOG_INVALID
               ? SEGLOG_OK
               : code;
}

static seglog_code
step_run(struct worker *worker, unsigned number, struct seglog_streams *streams,
         struct seglog_store store, const struct seglog_stream_options *options,
         uint64_t *seed)
{
    const uint64_t how = test_random(seed) % 64;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    if (how == 0)
        code = seglog_stream_rotate(*streams, how % STREAMS, &err);
    else if (how == 1)
        code = seglog_stream_make_checkpoint(*streams, 1, NULL, &err);
    else if (how == 2)
        code = seglog_streams_flush_indexes(*streams, &err);
    else if (how == 3)
        code = seglog_streams_close(streams, &err);
    else if (how < 12)
        return event_mark(worker, *streams, seed);
    else if (how < 16)
        return stream_compact(worker, *streams, seed);
    else
        return batch_append(worker, number, *streams, seed);
    if (how == 3 && code == SEGLOG_OK)
        code = seglog_streams_open(store, options, streams, &err);
    return code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code;
}

static void
work(struct storm *storm, unsigned number, uint64_t seed)
{
    struct worker *worker = &storm->shared->workers[number];
    struct seglog_streams streams = { 0 };
    struct seglog_store inner = { 0 };
    struct seglog_store store = { 0 };
    seglog_code code = seglog_store_file_open(storm->dir, false, &inner, NULL);

    if (code == SEGLOG_OK) {
        store = kill_store_open(inner, &storm->shared->plans[number]);
        code = seglog_streams_open(store, &storm->options, &streams, NULL);
    }
    while (code == SEGLOG_OK && atomic_load(&worker->begun) < BATCHES_MAX)
        code =
            step_run(worker, number, &streams, store, &storm->options, &seed);
    if (code != SEGLOG_OK)
        (void)snprintf(worker->failure, sizeof worker->failure,
                       "worker %u was told %s", number, seglog_code_name(code));
}

/* -- lives ----------------------------------------------------------------- */

static void
life_start(struct storm *storm, unsigned number)
{
    const uint64_t seed = test_random(&storm->seed);
    struct kill_plan *plan = &storm->shared->plans[number];

    memset(plan, 0, sizeof *plan);
    atomic_store(&plan->point, KILL_POINTS);
    if (test_random(&storm->seed) % 2 == 0) {
        atomic_store(&plan->point,
                     (unsigned)(test_random(&storm->seed) % KILL_POINTS));
        atomic_store(&plan->at, 1 + test_random(&storm->seed) % 40);
    }
    (void)fflush(NULL);
    storm->pids[number] = fork();
    storm->lives++;
    if (storm->pids[number] != 0)
        return;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    work(storm, number, seed);
    _exit(0);
}

static void
life_stop(struct storm *storm, unsigned number)
{
    int status = 0;

    if (storm->pids[number] <= 0)
        return;
    (void)kill(storm->pids[number], SIGKILL);
    if (waitpid(storm->pids[number], &status, 0) == storm->pids[number])
        storm->kills += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        (void)snprintf(storm->shared->workers[number].failure, 300,
                       "worker %u died by signal %d", number, WTERMSIG(status));
    storm->pids[number] = 0;
}

/* Some die one by one and come again; then all. */
static void
gust(struct storm *storm)
{
    const uint64_t singles = test_random(&storm->seed) % 6;

    for (unsigned i = 0; i < WORKERS; i++)
        life_start(storm, i);
    for (uint64_t i = 0; i < singles; i++) {
        const unsigned number = (unsigned)(test_random(&storm->seed) % WORKERS);

        (void)usleep((useconds_t)(test_random(&storm->seed) % 8000));
        life_stop(storm, number);
        life_start(storm, number);
    }
    (void)usleep((useconds_t)(test_random(&storm->seed) % 12000));
    for (unsigned i = 0; i < WORKERS; i++)
        life_stop(storm, i);
}

/* -- looking --------------------------------------------------------------- */

struct look {
    struct storm *storm;
    uint64_t stream;
    struct seglog_chain_hash head; /* computed here, where nothing is marked */
    unsigned worker;               /* of the batch that is under way */
    unsigned serial;
    unsigned next;
    unsigned count;         /* 0: none is */
    uint32_t last[WORKERS]; /* batch that was seen last, + 1 */
    uint32_t seen[WORKERS]; /* acknowledged ones */
    char failure[300];
};

static bool
look_expect(struct look *look, bool is_so, const char *what, uint64_t offset)
{
    if (!is_so && look->failure[0] == '\0')
        (void)snprintf(
            look->failure, sizeof look->failure, "stream %llu, offset %llu: %s",
            (unsigned long long)look->stream, (unsigned long long)offset, what);
    return is_so;
}

static bool
batch_begin(struct look *look, unsigned worker, unsigned serial, unsigned count,
            uint64_t offset)
{
    const struct told *told = NULL;

    if (!look_expect(
            look,
            worker < WORKERS &&
                serial <
                    atomic_load(&look->storm->shared->workers[worker].begun),
            "nobody wrote it", offset))
        return false;
    told = &look->storm->shared->workers[worker].told[serial];
    if (!look_expect(look, serial + 1 > look->last[worker],
                     "a batch stands there twice, or out of order", offset) ||
        !look_expect(look, told->stream == look->stream,
                     "it is of another stream", offset) ||
        !look_expect(look,
                     told->count == 0 ||
                         (told->offset == offset && told->count == count),
                     "it is not where it was told", offset))
        return false;
    look->last[worker] = serial + 1;
    look->seen[worker] += told->count != 0;
    look->worker = worker;
    look->serial = serial;
    look->count = count;
    look->next = 0;
    return true;
}

/* What an event says of itself; of one that was dropped, who marked it. */
struct saying {
    unsigned worker;
    unsigned serial;
    unsigned index;
    unsigned count;
};

static bool
saying_find(const struct look *look, uint64_t offset, struct saying *saying)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct worker *worker = &look->storm->shared->workers[i];

        for (uint32_t k = look->last[i] > 0 ? look->last[i] - 1 : 0;
             k < atomic_load(&worker->begun); k++) {
            const struct told *told = &worker->told[k];
            const uint64_t index = offset - told->offset;

            if (told->stream != look->stream || offset < told->offset ||
                index >= told->count)
                continue;
            *saying = (struct saying){ i, k, (unsigned)index, told->count };
            return (told->marked >> index & 1) != 0;
        }
    }
    return false;
}

static bool
saying_read(struct look *look, const struct seglog_stream_event *event,
            struct saying *saying)
{
    char text[TEXT_CAP] = "";

    if (!look_expect(look, event->data.len < TEXT_CAP, "it is too long",
                     event->offset))
        return false;
    memcpy(text, event->data.data, event->data.len);
    return look_expect(look,
                       sscanf(text, "worker %u batch %u event %u of %u",
                              &saying->worker, &saying->serial, &saying->index,
                              &saying->count) == 4,
                       "nobody writes such a thing", event->offset);
}

static bool
event_look(struct look *look, const struct seglog_stream_event *event)
{
    const struct seglog_chain_hash before = look->head;
    struct saying saying;

    look->storm->dropped += event->is_dropped;
    slg_chain_hash(look->storm->options.chain, &before, SLG_CHAIN_KIND_RECORD,
                   event->data.data, event->data.len, &look->head);
    if (event->is_dropped
            ? !look_expect(look, saying_find(look, event->offset, &saying),
                           "it was dropped, and nobody marked it",
                           event->offset)
            : !saying_read(look, event, &saying))
        return false;

    const unsigned worker = saying.worker;
    const unsigned serial = saying.serial;
    const unsigned index = saying.index;
    const unsigned count = saying.count;
    if (look->count == 0 &&
        !batch_begin(look, worker, serial, count, event->offset))
        return false;
    if (!look_expect(look,
                     worker == look->worker && serial == look->serial &&
                         count == look->count && index == look->next,
                     "a batch is not whole", event->offset))
        return false;
    look->next++;
    if (look->next == look->count)
        look->count = 0;
    return true;
}

/* Where something is marked the head is not that of the events alone. */
static bool
chain_look(struct look *look, struct seglog_streams streams,
           struct seglog_store store, const struct seglog_stream_end *end)
{
    struct seglog_stream_verified result = { .is_good = false };
    struct slg_tombs tombs = { 0 };
    seglog_code code = slg_tombs_collect(&tombs, store, look->stream, NULL);
    const bool is_marked = tombs.count > 0;

    slg_tombs_reset(&tombs);
    if (code == SEGLOG_OK)
        code = end->next_offset > 0
                   ? seglog_stream_verify(streams, look->stream, NULL, &result,
                                          NULL)
                   : SEGLOG_OK;
    return look_expect(look,
                       code == SEGLOG_OK &&
                           (end->next_offset == 0 || result.is_good),
                       "it does not verify", result.first.first_offset) &&
           (is_marked ||
            look_expect(look, slg_chain_hash_is_same(&look->head, &end->hash),
                        "its head is not that of its events",
                        end->next_offset));
}

static bool
stream_look(struct look *look, struct seglog_streams streams,
            struct seglog_store store)
{
    struct seglog_stream_event *events = NULL;
    struct seglog_stream_end end;
    struct seglog_error err = { 0 };
    size_t count = 0;
    seglog_code code =
        seglog_stream_latest_chain_hash(streams, look->stream, &end, &err);

    if (code == SEGLOG_OK)
        code = seglog_stream_read_from(streams, look->stream, 0, UINT64_MAX,
                                       &events, &count, &err);
    if (!look_expect(look, code == SEGLOG_OK, err.message, 0))
        return false;
    for (size_t i = 0; i < count && look->failure[0] == '\0'; i++) {
        (void)look_expect(look, events[i].offset == i, "there is a gap", i);
        (void)event_look(look, &events[i]);
    }
    seglog_free(events);
    (void)look_expect(look, look->count == 0, "its last batch is not whole",
                      count);
    (void)look_expect(look, end.next_offset == count, "it ends elsewhere",
                      count);
    return look->failure[0] == '\0' && chain_look(look, streams, store, &end);
}

/* Every acknowledged batch was seen. */
static bool
all_look(struct look *look)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        const struct worker *worker = &look->storm->shared->workers[i];
        uint32_t told = 0;

        for (uint32_t k = 0; k < atomic_load(&worker->begun); k++)
            told += worker->told[k].count != 0 &&
                    worker->told[k].stream == look->stream;
        (void)look_expect(look, told == look->seen[i],
                          "an acknowledged batch is missing", i);
    }
    return look->failure[0] == '\0';
}

static bool
folder_look(struct storm *storm, char failure[300])
{
    struct seglog_streams streams = { 0 };
    struct seglog_store store = { 0 };
    struct look look = { .storm = storm };
    bool is_right =
        seglog_store_file_open(storm->dir, false, &store, NULL) == SEGLOG_OK &&
        seglog_streams_open(store, &storm->options, &streams, NULL) ==
            SEGLOG_OK;

    storm->looks++;
    for (unsigned i = 0; i < WORKERS; i++) {
        if (storm->shared->workers[i].failure[0] == '\0' || !is_right)
            continue;
        memcpy(failure, storm->shared->workers[i].failure, 300);
        is_right = false;
    }
    for (uint64_t i = 0; i < STREAMS && is_right; i++) {
        memset(&look, 0, sizeof look);
        look.storm = storm;
        look.stream = i;
        is_right = stream_look(&look, streams, store) && all_look(&look);
        memcpy(failure, look.failure, sizeof look.failure);
    }
    (void)seglog_streams_close(&streams, NULL);
    seglog_store_close(&store);
    return is_right;
}

/* -- folders --------------------------------------------------------------- */

static bool
is_full(const struct storm *storm)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        if (atomic_load(&storm->shared->workers[i].begun) >= BATCHES_MAX)
            return true;
    }
    return false;
}

static void
folder_run(struct storm *storm, uint64_t kills)
{
    static const uint64_t limits[] = { 1, 3000, 60000, 1 << 20 };
    const uint64_t seed = storm->seed;
    char failure[300] = "";
    bool is_right = true;

    storm->dir = test_dir_make();
    memset(storm->shared, 0, sizeof *storm->shared);
    storm->options = (struct seglog_stream_options){
        .size = sizeof storm->options,
        .chain = test_random(&storm->seed) % 2 == 0 ? SEGLOG_CHAIN_SHA256
                                                    : SEGLOG_CHAIN_XXH3,
        .segment_bytes = limits[test_random(&storm->seed) % COUNT_OF(limits)],
        .checkpoint_events = 1 + test_random(&storm->seed) % 40,
        .codec = test_random(&storm->seed) % 4 == 0 ? SEGLOG_CODEC_DEFLATE
                                                    : SEGLOG_CODEC_NONE,
    };
    for (unsigned i = 0;
         i < LOOKS_MAX && is_right && storm->kills < kills && !is_full(storm);
         i++) {
        gust(storm);
        is_right = folder_look(storm, failure);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        storm->batches += atomic_load(&storm->shared->workers[i].begun);
        storm->conflicts += atomic_load(&storm->shared->workers[i].conflicts);
        storm->compactions +=
            atomic_load(&storm->shared->workers[i].compactions);
    }
    if (is_right) {
        test_dir_remove(storm->dir);
        return;
    }
    storm->findings++;
    printf("FINDING seed %llu, folder %s: %s\n", (unsigned long long)seed,
           storm->dir, failure);
    free(storm->dir);
}

int
main(int argc, char **argv)
{
    const uint64_t kills =
        argc > 1 ? strtoull(argv[1], NULL, 10) : KILLS_DEFAULT;
    const uint64_t seed =
        argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    struct storm storm = { .seed = seed };
    const int64_t start_ms = test_now_ms();
    int64_t spent_ms = 0;

    storm.shared = mmap(NULL, sizeof *storm.shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (storm.shared == MAP_FAILED)
        return 1;
    printf("seed %llu\n", (unsigned long long)seed);
    while (storm.kills < kills && storm.findings < 5)
        folder_run(&storm, kills);
    spent_ms = test_now_ms() - start_ms;
    printf("%llu lives, %llu batches, %llu conflicts, %llu looks, %llu "
           "compactions, %llu times a dropped event was seen, %lld ms\n",
           (unsigned long long)storm.lives, (unsigned long long)storm.batches,
           (unsigned long long)storm.conflicts, (unsigned long long)storm.looks,
           (unsigned long long)storm.compactions,
           (unsigned long long)storm.dropped, (long long)spent_ms);
    printf("score: kill_streams count=%llu findings=%u seeds=%llu-%llu\n",
           (unsigned long long)storm.kills, storm.findings,
           (unsigned long long)seed, (unsigned long long)seed);
    (void)munmap(storm.shared, sizeof *storm.shared);
    return storm.findings != 0;
}
