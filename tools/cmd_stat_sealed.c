/* SPDX-License-Identifier: MIT */
/* tools/cmd_stat_sealed.c - what the parts of a sealed segment take. */
#define _GNU_SOURCE /* strdup */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/cmd_stat.h"
#include "tools/tool_text.h"

/* Parts that are shown to people; JSON has them all. */
#define SHOWN_MAX  40
#define PATH_SHOWN 60

/* ---------------------------------------------------------------------------
 * Reading
 */

static void
on_cost(void *arg, const struct seglog_cost *cost)
{
    struct stat_sealed *sealed = arg;
    struct seglog_cost *items = sealed->costs;

    if (sealed->is_out_of_memory)
        return;
    if ((sealed->cost_count & (sealed->cost_count - 1)) == 0)
        items = realloc(items, 2 * (sealed->cost_count + 1) * sizeof *items);
    if (!items) {
        sealed->is_out_of_memory = true;
        return;
    }
    sealed->costs = items;
    items += sealed->cost_count;
    *items = *cost;
    /* Only what has a path has one to copy. */
    items->path = cost->path ? strdup(cost->path) : NULL;
    sealed->is_out_of_memory = cost->path && !items->path;
    sealed->cost_count++;
}

seglog_code
stat_sealed_read(struct seglog_store store, const char *name,
                 struct stat_sealed *sealed, struct seglog_error *err)
{
    seglog_code code = seglog_segment_get_seal(store, name, &sealed->info, err);

    if (code == SEGLOG_OK && sealed->info.is_sealed)
        code = seglog_segment_get_costs(store, name, on_cost, sealed, err);
    if (code == SEGLOG_OK && sealed->is_out_of_memory)
        return tool_error_set(err, SEGLOG_NO_MEMORY, name,
                              "no memory for the costs of its columns");
    return code;
}

void
stat_sealed_free(struct stat_sealed *sealed)
{
    for (size_t i = 0; i < sealed->cost_count; i++)
        free((void *)(uintptr_t)sealed->costs[i].path);
    free(sealed->costs);
    *sealed = (struct stat_sealed){ .costs = NULL };
}

/* ---------------------------------------------------------------------------
 * Telling
 */

static void
cost_json(const struct seglog_cost *cost)
{
    (void)fputs("{\"path\":", stdout);
    if (cost->path)
        (void)tool_json_bytes(stdout, cost->path, strlen(cost->path));
    else
        (void)fputs("null", stdout);
    (void)printf(",\"form\":\"%s\",\"values\":%" PRIu64
                 ",\"text_bytes\":%" PRIu64 ",\"stored_bytes\":%" PRIu64 "}",
                 cost->form, cost->values, cost->text_bytes,
                 cost->stored_bytes);
}

void
stat_sealed_json(const struct stat_sealed *sealed)
{
    const struct seglog_seal_info *info = &sealed->info;

    if (!info->is_sealed)
        return;
    (void)printf(",\"sealed\":{\"blocks\":%" PRIu64 ",\"text_bytes\":%" PRIu64
                 ",\"time_min_ms\":",
                 info->blocks, info->text_bytes);
    if (info->has_time)
        (void)printf("%" PRId64 ",\"time_max_ms\":%" PRId64, info->time_min_ms,
                     info->time_max_ms);
    else
        (void)fputs("null,\"time_max_ms\":null", stdout);
    (void)fputs(",\"parent\":", stdout);
    if (info->has_parent)
        tool_json_string(stdout, info->parent);
    else
        (void)fputs("null", stdout);
    (void)fputs(",\"costs\":[", stdout);
    for (size_t i = 0; i < sealed->cost_count; i++) {
        if (i > 0)
            (void)fputc(',', stdout);
        cost_json(&sealed->costs[i]);
    }
    (void)fputs("]}", stdout);
}

static int
cost_compare(const void *left, const void *right)
{
    const struct seglog_cost *a = left;
    const struct seglog_cost *b = right;

    if (a->stored_bytes != b->stored_bytes)
        return a->stored_bytes < b->stored_bytes ? 1 : -1;
    return strcmp(a->path ? a->path : "", b->path ? b->path : "");
}

static void
cost_print(const struct seglog_cost *cost, uint64_t total)
{
    char path[12 * PATH_SHOWN + 1] = "";

    if (cost->path)
        (void)tool_text_escape(cost->path, strlen(cost->path), PATH_SHOWN,
                               path);
    (void)printf(
        "    %10" PRIu64 "  %5.1f %%  %12" PRIu64 " bytes of lines  %-11s %s\n",
        cost->stored_bytes, 100 * stat_quotient(cost->stored_bytes, total),
        cost->text_bytes, cost->form, path);
}

void
stat_sealed_text(struct stat_sealed *sealed)
{
    const struct seglog_seal_info *info = &sealed->info;
    struct seglog_cost rest = { .form = "others" };
    uint64_t total = 0;
    char from[TOOL_TIME_CAP];
    char to[TOOL_TIME_CAP];

    if (!info->is_sealed)
        return;
    (void)printf("  sealed    %" PRIu64 " %s of %" PRIu64 " bytes of text\n",
                 info->blocks, cmd_plural(info->blocks, "block", "blocks"),
                 info->text_bytes);
    if (info->has_time && tool_time_text(info->time_min_ms, from) &&
        tool_time_text(info->time_max_ms, to))
        (void)printf("  times     %s to %s\n", from, to);
    if (info->has_parent)
        (void)printf("  parent    %s, which must stay\n", info->parent);
    if (sealed->cost_count == 0)
        return;
    qsort(sealed->costs, sealed->cost_count, sizeof *sealed->costs,
          cost_compare);
    for (size_t i = 0; i < sealed->cost_count; i++)
        total += sealed->costs[i].stored_bytes;
    (void)printf("  costs     of %" PRIu64 " bytes in blocks:\n", total);
    for (size_t i = 0; i < sealed->cost_count; i++) {
        if (i < SHOWN_MAX) {
            cost_print(&sealed->costs[i], total);
            continue;
        }
        rest.stored_bytes += sealed->costs[i].stored_bytes;
        rest.text_bytes += sealed->costs[i].text_bytes;
    }
    if (sealed->cost_count > SHOWN_MAX)
        cost_print(&rest, total);
}
