/* SPDX-License-Identifier: MIT */
/* tools/cmd_check_map.c - a picture of where a segment is damaged. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/tool_text.h"

#define ROW_MAX   64u
#define ROWS_MAX  4u
#define CELLS_MAX (ROW_MAX * ROWS_MAX)
#define CELL_MIN  512u

/* In the order of how much each outweighs the others in one cell. */
enum cell {
    CELL_GOOD,
    CELL_TORN,
    CELL_HURT,
    CELL_FOREIGN,
    CELL_LOST,
    CELL_IO
};
#define CELL_KINDS (CELL_IO + 1)

struct look {
    const char *block; /* where the locale has UTF-8 */
    const char *ascii;
    const char *color;
    const char *meaning;
};

static const struct look LOOKS[CELL_KINDS] = {
    [CELL_GOOD] = { "\u2588", "#", "32", "good" },
    [CELL_TORN] = { "\u2592", "~", "36", "torn tail" },
    [CELL_HURT] = { "\u2593", "+", "33", "damaged, nothing lost" },
    [CELL_FOREIGN] = { "F", "F", "35", "of another segment" },
    [CELL_LOST] = { "\u2591", "x", "31", "records lost" },
    [CELL_IO] = { "!", "!", "31", "cannot be read" },
};

struct map {
    enum cell cells[CELLS_MAX];
    size_t count;
    size_t row;
    uint64_t cell_bytes;
    bool has_blocks;
    bool has_color;
};

static size_t
terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

static void
map_init(struct map *map, uint64_t bytes)
{
    const size_t columns = terminal_columns();

    *map = (struct map){ .cell_bytes = CELL_MIN,
                         .has_blocks = tool_locale_is_utf8(),
                         .has_color = cmd_has_color() };
    map->row = columns < ROW_MAX + 2 ? columns - 1 : ROW_MAX;
    if (map->row < 1)
        map->row = 1;
    while (bytes / map->cell_bytes >= map->row * ROWS_MAX)
        map->cell_bytes *= 2;
    map->count = (size_t)(bytes / map->cell_bytes) + 1;
    if (map->count > 1 && bytes % map->cell_bytes == 0)
        map->count--;
}

static enum cell
cell_of(const struct seglog_finding *finding)
{
    if (finding->verdict == SEGLOG_VERDICT_IO)
        return CELL_IO;
    if (finding->verdict == SEGLOG_VERDICT_TORN)
        return CELL_TORN;
    if (finding->last_record != 0)
        return CELL_LOST;
    return finding->verdict == SEGLOG_VERDICT_FOREIGN ? CELL_FOREIGN
                                                      : CELL_HURT;
}

static void
map_paint(struct map *map, const struct seglog_finding *finding)
{
    const enum cell cell = cell_of(finding);
    const uint64_t len = finding->byte_count > 0 ? finding->byte_count : 1;
    size_t at = (size_t)(finding->first_byte / map->cell_bytes);
    size_t end = (size_t)((finding->first_byte + len - 1) / map->cell_bytes);

    /* A finding at the very end may lie behind the last cell. */
    if (end >= map->count)
        end = map->count - 1;
    if (at > end)
        at = end;
    for (; at <= end; at++)
        if (cell > map->cells[at])
            map->cells[at] = cell;
}

static void
cell_print(const struct map *map, enum cell cell)
{
    const struct look *look = &LOOKS[cell];
    const char *text = map->has_blocks ? look->block : look->ascii;

    if (map->has_color)
        (void)printf("\033[%sm%s\033[0m", look->color, text);
    else
        (void)fputs(text, stdout);
}

static void
legend_print(const struct map *map)
{
    bool is_used[CELL_KINDS] = { false };
    char size[32];

    for (size_t i = 0; i < map->count; i++)
        is_used[map->cells[i]] = true;
    (void)printf("  each cell %s:",
                 tool_size_text(map->cell_bytes, size, sizeof size));
    for (int i = 0; i < CELL_KINDS; i++) {
        if (!is_used[i])
            continue;
        (void)fputs("  ", stdout);
        cell_print(map, (enum cell)i);
        (void)printf(" %s", LOOKS[i].meaning);
    }
    (void)fputc('\n', stdout);
}

void
check_map_print(uint64_t bytes, const struct cmd_findings *findings)
{
    struct map map;

    map_init(&map, bytes);
    for (size_t i = 0; i < findings->count; i++)
        map_paint(&map, &findings->items[i]);
    for (size_t i = 0; i < map.count; i++) {
        if (i % map.row == 0)
            (void)fputs(i > 0 ? "\n  " : "  ", stdout);
        cell_print(&map, map.cells[i]);
    }
    (void)fputc('\n', stdout);
    legend_print(&map);
}
