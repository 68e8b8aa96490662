/* SPDX-License-Identifier: MIT */
/* tools/tool_progress.c - one line on the terminal while work is long. */
#define _GNU_SOURCE
#include "tools/tool_common.h"

#include <time.h>
#include <unistd.h>

#define FIRST_AFTER_MS 1000
#define EACH_MS        200

static int64_t
clock_ms(void)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    /* Never 0, which says that there is no progress. */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1;
}

void
tool_progress_init(struct tool_progress *progress, const char *what)
{
    *progress = (struct tool_progress){ .what = what };
    if (!tool_is_quiet && isatty(STDERR_FILENO))
        progress->started_ms = clock_ms();
}

void
tool_progress_update(struct tool_progress *progress, uint64_t done,
                     uint64_t total)
{
    char size[32];
    int64_t now = 0;

    if (progress->started_ms == 0)
        return;
    now = clock_ms();
    if (now - progress->started_ms < FIRST_AFTER_MS ||
        now - progress->shown_ms < EACH_MS)
        return;
    progress->shown_ms = now;
    progress->is_drawn = true;
    (void)tool_size_text(done, size, sizeof size);
    if (total > 0)
        (void)fprintf(stderr, "\r\033[K%.48s: %3.0f %% (%s)", progress->what,
                      100.0 * (double)done / (double)total, size);
    else
        (void)fprintf(stderr, "\r\033[K%.48s: %s", progress->what, size);
    (void)fflush(stderr);
}

void
tool_progress_clear(struct tool_progress *progress)
{
    if (!progress->is_drawn)
        return;
    progress->is_drawn = false;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
}
