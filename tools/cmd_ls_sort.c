/* SPDX-License-Identifier: MIT */
/* tools/cmd_ls_sort.c - sessions and segments in the order asked for. */
#include <stdlib.h>

#include "tools/cmd_ls.h"

struct node_key {
    uint64_t size;
    uint64_t records;
    int64_t modified_ms;
    const struct seglog_uuid *id;
};

static struct node_key
session_key(const struct ls_session *session)
{
    return (struct node_key){ session->bytes, session->records,
                              session->modified_ms, &session->id };
}

static struct node_key
segment_key(const struct ls_segment *segment)
{
    return (struct node_key){ ls_segment_bytes(segment), segment->info.count,
                              segment->info.modified_ms,
                              &segment->row.segment };
}

/* Most recent, largest or longest first; ids from the smallest on. */
static int
key_compare(enum ls_sort sort, const struct node_key *a,
            const struct node_key *b)
{
    int order = 0;

    if (sort == LS_SORT_AGE)
        order = (a->modified_ms < b->modified_ms) -
                (a->modified_ms > b->modified_ms);
    else if (sort == LS_SORT_SIZE)
        order = (a->size < b->size) - (a->size > b->size);
    else if (sort == LS_SORT_RECORDS)
        order = (a->records < b->records) - (a->records > b->records);
    if (order != 0)
        return order;
    order = seglog_uuid_compare(a->id, b->id);
    return sort == LS_SORT_ID ? order : -order;
}

/* qsort has no argument to hand on. */
static const struct ls_catalog *sort_catalog;
static enum ls_sort sort_by;

static struct node_key
node_key(size_t node)
{
    const size_t sessions = sort_catalog->session_count;

    return node < sessions
               ? session_key(&sort_catalog->session_items[node])
               : segment_key(&sort_catalog->segments[node - sessions]);
}

static int
node_compare(const void *left, const void *right)
{
    const struct node_key a = node_key(*(const size_t *)left);
    const struct node_key b = node_key(*(const size_t *)right);

    return key_compare(sort_by, &a, &b);
}

void
ls_sort_nodes(enum ls_sort sort, const struct ls_catalog *catalog,
              size_t *nodes, size_t count)
{
    sort_catalog = catalog;
    sort_by = sort;
    if (count > 0)
        qsort(nodes, count, sizeof *nodes, node_compare);
}

size_t *
ls_sort_segments(const struct ls_options *options,
                 const struct ls_catalog *catalog)
{
    const size_t count = catalog->segment_count;
    size_t *nodes = malloc((count ? count : 1) * sizeof *nodes);

    if (!nodes)
        return NULL;
    for (size_t i = 0; i < count; i++)
        nodes[i] = catalog->session_count + i;
    ls_sort_nodes(options->sort, catalog, nodes, count);
    for (size_t i = 0; i < count; i++)
        nodes[i] -= catalog->session_count;
    return nodes;
}
