/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_ls_tree.c - sessions and segments below what they descend from.
 *
 * Nodes are sessions, and segments of sessions that have several; a session of
 * one segment is one line.  A segment hangs below the one its lineage names,
 * if that is of the same session, else below its session; a session hangs below
 * the segment of another session that one of its segments descends from.
 */
#define _POSIX_C_SOURCE 200809L /* stpcpy() */
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/cmd_ls.h"
#include "tools/tool_text.h"

/* A chain of a hundred compactions is not drawn a hundred levels deep. */
#define DEPTH_DRAWN 6u

struct tree {
    const struct ls_options *options;
    const struct ls_catalog *catalog;
    size_t count; /* nodes: sessions, then segments */
    size_t *parent;
    size_t *first;
    size_t *next;
    size_t *order; /* nodes as they are to be sorted among their siblings */
    size_t top;    /* the first of those without a parent */
    bool is_utf8;
};

/* ---------------------------------------------------------------------------
 * Who is below whom
 */

/* The node that shows a segment. */
static size_t
node_of(const struct ls_catalog *catalog, size_t segment)
{
    const size_t session = catalog->segments[segment].session;

    return catalog->session_items[session].count == 1
               ? session
               : catalog->session_count + segment;
}

static size_t
session_parent(const struct ls_catalog *catalog, size_t number)
{
    const struct ls_session *session = &catalog->session_items[number];

    /* The oldest comes last, and is the one that began the session. */
    for (size_t i = session->count; i-- > 0;) {
        const struct ls_segment *segment =
            &catalog->segments[session->first + i];

        if (segment->parent != LS_NONE &&
            catalog->segments[segment->parent].session != number)
            return node_of(catalog, segment->parent);
    }
    return LS_NONE;
}

static size_t
segment_parent(const struct ls_catalog *catalog,
               const struct ls_segment *segment)
{
    if (segment->parent != LS_NONE &&
        catalog->segments[segment->parent].session == segment->session)
        return catalog->session_count + segment->parent;
    return segment->session;
}

/* Ids may be chosen so that two segments descend from each other; then one of
 * them is drawn at the top. */
static bool
cycles_cut(struct tree *tree)
{
    size_t *seen = calloc(tree->count ? tree->count : 1, sizeof *seen);

    if (!seen)
        return false;
    for (size_t start = 0; start < tree->count; start++) {
        size_t node = start;

        while (node != LS_NONE && seen[node] == 0) {
            seen[node] = start + 1;
            if (tree->parent[node] != LS_NONE &&
                seen[tree->parent[node]] == start + 1)
                tree->parent[node] = LS_NONE;
            node = tree->parent[node];
        }
    }
    free(seen);
    return true;
}

static bool
is_drawn(const struct tree *tree, size_t node)
{
    const struct ls_catalog *catalog = tree->catalog;

    return node < catalog->session_count ||
           node_of(catalog, node - catalog->session_count) == node;
}

static void
siblings_link(struct tree *tree)
{
    tree->top = LS_NONE;
    for (size_t i = 0; i < tree->count; i++) {
        tree->order[i] = i;
        tree->first[i] = LS_NONE;
    }
    ls_sort_nodes(tree->options->sort, tree->catalog, tree->order, tree->count);
    /* From the last one on, each goes in front of its siblings. */
    for (size_t i = tree->count; i-- > 0;) {
        const size_t node = tree->order[i];
        size_t *first = tree->parent[node] == LS_NONE
                            ? &tree->top
                            : &tree->first[tree->parent[node]];

        if (!is_drawn(tree, node))
            continue;
        tree->next[node] = *first;
        *first = node;
    }
}

static bool
tree_build(struct tree *tree)
{
    const struct ls_catalog *catalog = tree->catalog;
    size_t *arrays = NULL;

    tree->count = catalog->session_count + catalog->segment_count;
    arrays = calloc(tree->count ? tree->count : 1, 4 * sizeof *arrays);
    if (!arrays)
        return false;
    tree->parent = arrays;
    tree->first = arrays + tree->count;
    tree->next = arrays + 2 * tree->count;
    tree->order = arrays + 3 * tree->count;
    for (size_t i = 0; i < catalog->session_count; i++)
        tree->parent[i] = session_parent(catalog, i);
    for (size_t i = 0; i < catalog->segment_count; i++)
        tree->parent[catalog->session_count + i] =
            segment_parent(catalog, &catalog->segments[i]);
    if (!cycles_cut(tree))
        return false;
    siblings_link(tree);
    return true;
}

/* ---------------------------------------------------------------------------
 * Drawing
 */

static size_t
node_depth(const struct tree *tree, size_t node)
{
    size_t depth = 0;

    for (; tree->parent[node] != LS_NONE; node = tree->parent[node])
        depth++;
    return depth;
}

/* The branches in front of a node, the innermost first. */
static void
branches_write(const struct tree *tree, size_t node, size_t depth, char *buf)
{
    static const char *const UTF8[] = { "\u251C\u2500 ", "\u2514\u2500 ",
                                        "\u2502  ", "   ", "\u2026  " };
    static const char *const ASCII[] = { "|- ", "`- ", "|  ", "   ", ".. " };
    const char *const *marks = tree->is_utf8 ? UTF8 : ASCII;
    const char *drawn[DEPTH_DRAWN] = { NULL };
    size_t count = 0;

    *buf = '\0';
    for (; count < depth && count < DEPTH_DRAWN; count++) {
        const bool is_last = tree->next[node] == LS_NONE;

        drawn[count] = marks[(count > 0 ? 2 : 0) + is_last];
        node = tree->parent[node];
    }
    if (depth > DEPTH_DRAWN)
        buf = stpcpy(buf, marks[4]);
    while (count-- > 0)
        buf = stpcpy(buf, drawn[count]);
}

static void
node_line(const struct tree *tree, size_t node, struct ls_line *line)
{
    const struct ls_catalog *catalog = tree->catalog;
    const bool is_session = node < catalog->session_count;
    const struct ls_session *session =
        is_session ? &catalog->session_items[node] : NULL;
    const struct ls_segment *segment =
        is_session ? &catalog->segments[session->first]
                   : &catalog->segments[node - catalog->session_count];
    const size_t above = tree->parent[node];

    branches_write(tree, node, node_depth(tree, node), line->id);
    (void)seglog_uuid_format(is_session ? &session->id : &segment->row.segment,
                             line->id + strlen(line->id));
    if (is_session && session->count > 1) {
        ls_line_of_session(tree->options, catalog, session, line);
        return;
    }
    ls_line_of_segment(tree->options, segment,
                       segment->parent != LS_NONE &&
                           node_of(catalog, segment->parent) == above,
                       line);
    line->text = segment->row.label.data;
    line->text_len = segment->row.label.len;
    if (is_session && session->note_len > 0) {
        line->text = session->note;
        line->text_len = session->note_len;
    }
}

/* What comes below and then beside a node; LS_NONE: nothing more. */
static size_t
node_after(const struct tree *tree, size_t node)
{
    if (tree->first[node] != LS_NONE)
        return tree->first[node];
    while (node != LS_NONE && tree->next[node] == LS_NONE)
        node = tree->parent[node];
    return node == LS_NONE ? LS_NONE : tree->next[node];
}

static void
tree_walk(const struct tree *tree, struct ls_table *table, bool is_printing)
{
    struct ls_line line;
    uint64_t tops = 0;

    ls_line_of_head(table, "SESSION", &line);
    if (!tool_is_quiet && !is_printing)
        ls_table_fit(table, &line);
    else if (!tool_is_quiet)
        ls_table_print(table, &line);
    for (size_t node = tree->top; node != LS_NONE;
         node = node_after(tree, node)) {
        tops += tree->parent[node] == LS_NONE;
        if (tree->options->count > 0 && tops > tree->options->count)
            return;
        node_line(tree, node, &line);
        if (is_printing)
            ls_table_print(table, &line);
        else
            ls_table_fit(table, &line);
    }
}

enum tool_status
ls_print_tree(const struct ls_options *options,
              const struct ls_catalog *catalog)
{
    struct tree tree = { .options = options,
                         .catalog = catalog,
                         .is_utf8 = tool_locale_is_utf8() };
    const bool is_built = tree_build(&tree);
    struct ls_table table;

    ls_table_init(&table);
    if (is_built && catalog->segment_count > 0) {
        tree_walk(&tree, &table, false);
        tree_walk(&tree, &table, true);
    }
    free(tree.parent);
    return is_built ? TOOL_GO_ON : tool_fail_memory();
}

/* ---------------------------------------------------------------------------
 * Without a tree
 */

static void
flat_line(const struct ls_options *options, const struct ls_catalog *catalog,
          const struct ls_segment *segment, struct ls_line *line)
{
    const struct ls_session *session =
        &catalog->session_items[segment->session];
    char id[SEGLOG_UUID_TEXT_CAP];
    char other[SEGLOG_UUID_TEXT_CAP];

    (void)snprintf(line->id, sizeof line->id, "%s  %s",
                   seglog_uuid_format(&segment->row.segment, id),
                   seglog_uuid_format(&session->id, other));
    ls_line_of_segment(options, segment, false, line);
    line->text = segment->row.label.data;
    line->text_len = segment->row.label.len;
    if (session->note_len > 0 && (session->count == 1 || line->text_len == 0)) {
        line->text = session->note;
        line->text_len = session->note_len;
    }
}

/* Over two ids of 36 characters. */
static const char FLAT_HEAD[] = "SEGMENT                               SESSION";

enum tool_status
ls_print_flat(const struct ls_options *options,
              const struct ls_catalog *catalog)
{
    size_t *order = ls_sort_segments(options, catalog);
    const size_t count =
        options->count > 0 && options->count < catalog->segment_count
            ? (size_t)options->count
            : catalog->segment_count;
    struct ls_table table;
    struct ls_line line;

    if (!order)
        return tool_fail_memory();
    ls_table_init(&table);
    for (int pass = 0; pass < 2 && count > 0; pass++) {
        ls_line_of_head(&table, FLAT_HEAD, &line);
        if (!tool_is_quiet && pass == 0)
            ls_table_fit(&table, &line);
        else if (!tool_is_quiet)
            ls_table_print(&table, &line);
        for (size_t i = 0; i < count; i++) {
            flat_line(options, catalog, &catalog->segments[order[i]], &line);
            if (pass == 0)
                ls_table_fit(&table, &line);
            else
                ls_table_print(&table, &line);
        }
    }
    free(order);
    return TOOL_GO_ON;
}
