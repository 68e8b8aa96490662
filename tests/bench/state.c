/* SPDX-License-Identifier: MIT */
/* state.c - the work that bench_canonical and its peers do alike. */
#include "tests/bench/state.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

void
state_key(uint64_t i, char key[STATE_KEY_CAP])
{
    static uint64_t keys;
    uint64_t number = 0;

    if (keys == 0)
        keys = bench_number("keys", 100000);
    number = i * UINT64_C(2654435761) % keys;
    memcpy(key, "key-00000000", 13);
    for (size_t at = 11; number > 0 && at > 3; at--, number /= 10)
        key[at] = (char)('0' + number % 10);
}

struct task {
    pthread_t thread;
    void (*run)(void *arg);
    void *arg;
};

static void *
task_run(void *arg)
{
    const struct task *task = arg;

    task->run(task->arg);
    return NULL;
}

void
state_threads(uint64_t count, void (*run)(void *arg), void *args, size_t size)
{
    struct task *tasks = calloc(count, sizeof *tasks);

    if (!tasks)
        bench_fail("calloc");
    for (uint64_t i = 0; i < count; i++) {
        tasks[i] = (struct task){ .run = run, .arg = (char *)args + i * size };
        if (pthread_create(&tasks[i].thread, NULL, task_run, &tasks[i]) != 0)
            bench_fail("pthread_create");
    }
    for (uint64_t i = 0; i < count; i++)
        (void)pthread_join(tasks[i].thread, NULL);
    free(tasks);
}
