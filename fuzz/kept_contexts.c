/* SPDX-License-Identifier: MIT */
/*
 * fuzz/kept_contexts.c - zstd contexts stay with the process.
 *
 * To make one zstd asks the processor what it can do, which takes a virtual
 * machine longer than many an input does.  Calls come here by the linker's
 * --wrap, in builds without sanitizers: those must see each context made and
 * released.  A context that comes back is reset, so that no input knows of
 * another.
 */
#include <pthread.h>
#include <zstd.h>

#define KEPT_MAX 16u

ZSTD_CCtx *
__real_ZSTD_createCCtx(void);
ZSTD_DCtx *
__real_ZSTD_createDCtx(void);
size_t
__real_ZSTD_freeCCtx(ZSTD_CCtx *context);
size_t
__real_ZSTD_freeDCtx(ZSTD_DCtx *context);
ZSTD_CCtx *
__wrap_ZSTD_createCCtx(void);
ZSTD_DCtx *
__wrap_ZSTD_createDCtx(void);
size_t
__wrap_ZSTD_freeCCtx(ZSTD_CCtx *context);
size_t
__wrap_ZSTD_freeDCtx(ZSTD_DCtx *context);

struct kept {
    void *contexts[KEPT_MAX];
    unsigned count;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct kept writers;
static struct kept readers;

static void *
kept_take(struct kept *kept)
{
    void *context = NULL;

    (void)pthread_mutex_lock(&mutex);
    if (kept->count > 0)
        context = kept->contexts[--kept->count];
    (void)pthread_mutex_unlock(&mutex);
    return context;
}

static int
kept_put(struct kept *kept, void *context)
{
    int is_kept = 0;

    (void)pthread_mutex_lock(&mutex);
    if (context && kept->count < KEPT_MAX) {
        kept->contexts[kept->count++] = context;
        is_kept = 1;
    }
    (void)pthread_mutex_unlock(&mutex);
    return is_kept;
}

ZSTD_CCtx *
__wrap_ZSTD_createCCtx(void)
{
    ZSTD_CCtx *context = kept_take(&writers);

    return context ? context : __real_ZSTD_createCCtx();
}

ZSTD_DCtx *
__wrap_ZSTD_createDCtx(void)
{
    ZSTD_DCtx *context = kept_take(&readers);

    return context ? context : __real_ZSTD_createDCtx();
}

size_t
__wrap_ZSTD_freeCCtx(ZSTD_CCtx *context)
{
    if (context)
        (void)ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    return kept_put(&writers, context) ? 0 : __real_ZSTD_freeCCtx(context);
}

size_t
__wrap_ZSTD_freeDCtx(ZSTD_DCtx *context)
{
    if (context)
        (void)ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
    return kept_put(&readers, context) ? 0 : __real_ZSTD_freeDCtx(context);
}
