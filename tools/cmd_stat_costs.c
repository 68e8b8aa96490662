/* SPDX-License-Identifier: MIT */
/* tools/cmd_stat_costs.c - where the bytes of segments are. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd_stat.h"
#include "tools/tool_codec.h"

/* SPEC.md 3 and 6. */
#define HEADER_BYTES 54
#define SYNC_POINT   1
#define CLOSING_MARK 2

double
stat_quotient(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : 0.0;
}

bool
stat_costs_frame(void *arg, const struct seglog_frame *frame)
{
    struct stat_costs *costs = arg;

    if (frame->control == SYNC_POINT || frame->control == CLOSING_MARK)
        costs->marks += frame->len;
    else if (frame->control != 0)
        costs->control += frame->len;
    else
        costs->heads += frame->len - frame->body_len;
    return true;
}

void
stat_costs_end(struct stat_costs *costs,
               const struct seglog_scan_summary *scanned)
{
    const bool is_plain =
        tool_stored_of(scanned->features_refuse) == TOOL_STORED_PLAIN;

    costs->bytes = scanned->bytes;
    costs->payload = scanned->payload_bytes;
    costs->bodies = scanned->body_bytes;
    if (!scanned->is_header_lost && scanned->bytes >= HEADER_BYTES)
        costs->header = HEADER_BYTES;
    /* Where groups are compressed nobody can tell what is inside them. */
    if (is_plain && costs->bodies > costs->payload) {
        costs->heads += costs->bodies - costs->payload;
        costs->bodies = costs->payload;
    }
}

void
stat_costs_add(struct stat_costs *costs, const struct stat_costs *more)
{
    costs->bytes += more->bytes;
    costs->header += more->header;
    costs->heads += more->heads;
    costs->marks += more->marks;
    costs->control += more->control;
    costs->bodies += more->bodies;
    costs->payload += more->payload;
}

uint64_t
stat_costs_framing(const struct stat_costs *costs)
{
    return costs->header + costs->heads + costs->marks + costs->control;
}

void
stat_costs_json(const struct stat_costs *costs)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        { "payload_bytes", costs->payload },
        { "body_bytes", costs->bodies },
        { "header_bytes", costs->header },
        { "head_bytes", costs->heads },
        { "mark_bytes", costs->marks },
        { "control_bytes", costs->control },
    };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)printf(",\"%s\":%" PRIu64, numbers[i].name, numbers[i].value);
}

void
stat_costs_text(const struct stat_costs *costs)
{
    (void)printf("            %" PRIu64 " headers, %" PRIu64
                 " heads, lengths and checksums, %" PRIu64 " marks, %" PRIu64
                 " other frames\n",
                 costs->header, costs->heads, costs->marks, costs->control);
    (void)printf("  bodies    %" PRIu64 " bytes of records in %" PRIu64
                 " bytes, ratio %.3f\n",
                 costs->payload, costs->bodies,
                 stat_quotient(costs->payload, costs->bodies));
}
