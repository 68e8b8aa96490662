/* SPDX-License-Identifier: MIT */
/* tools/cmd_report.c - what several commands say in the same words. */
#define _GNU_SOURCE
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *
cmd_plural(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

enum tool_status
cmd_status_worse(enum tool_status a, enum tool_status b)
{
    if (a == TOOL_FAILED || b == TOOL_FAILED)
        return TOOL_FAILED;
    return a > b ? a : b;
}

bool
cmd_has_color(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    if (no_color && *no_color != '\0')
        return false;
    return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

struct cmd_summary
cmd_summary_of(const struct seglog_scan_summary *scanned)
{
    return (struct cmd_summary){
        .verdict = seglog_verdict_name(scanned->verdict),
        .records = scanned->records,
        .lost = scanned->lost,
        .bytes = scanned->bytes,
        .findings = scanned->findings,
        .is_closed = scanned->is_closed,
        .first_record = scanned->first_record,
        .next_record = scanned->next_record,
    };
}

void
cmd_summary_json(const struct cmd_summary *summary, const char *blob)
{
    (void)printf("{\"summary\":{\"verdict\":\"%s\",\"records\":%" PRIu64
                 ",\"lost\":%" PRIu64 ",\"bytes\":%" PRIu64
                 ",\"findings\":%" PRIu64 ",\"closed\":%s"
                 ",\"first_record\":%" PRIu64 ",\"next_record\":%" PRIu64,
                 summary->verdict, summary->records, summary->lost,
                 summary->bytes, summary->findings,
                 summary->is_closed ? "true" : "false", summary->first_record,
                 summary->next_record);
    if (blob) {
        (void)fputs(",\"blob\":", stdout);
        tool_json_string(stdout, blob);
    }
    if (summary->is_derived)
        (void)fputs(",\"derived\":true", stdout);
    if (summary->note) {
        (void)fputs(",\"note\":", stdout);
        tool_json_string(stdout, summary->note);
    }
    (void)fputs("}}\n", stdout);
}

bool
cmd_findings_add(struct cmd_findings *findings,
                 const struct seglog_finding *finding)
{
    if (findings->count == findings->cap) {
        const size_t cap = findings->cap ? 2 * findings->cap : 16;
        struct seglog_finding *items =
            realloc(findings->items, cap * sizeof *items);

        if (!items)
            return false;
        findings->items = items;
        findings->cap = cap;
    }
    findings->items[findings->count++] = *finding;
    return true;
}

void
cmd_findings_free(struct cmd_findings *findings)
{
    free(findings->items);
    *findings = (struct cmd_findings){ 0 };
}
