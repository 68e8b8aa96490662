/* SPDX-License-Identifier: MIT */
/* tools/tool_fault.c - faults of lines, for people and for programs. */
#include "tools/tool_fault.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/tool_common.h"

static void
fault_print_json(const struct tool_faults *faults,
                 const struct tool_fault *fault)
{
    (void)fputs("{\"file\":", stderr);
    tool_json_string(stderr, faults->shown);
    (void)fprintf(stderr,
                  ",\"line\":%" PRIu64 ",\"byte\":%" PRIu64
                  ",\"offset\":%" PRIu64 ",\"reason\":",
                  fault->line_no, fault->pos + 1, fault->line_at + fault->pos);
    tool_json_string(stderr, fault->reason);
    (void)fputs("}\n", stderr);
}

void
tool_faults_add(struct tool_faults *faults, const struct tool_fault *fault)
{
    const char *outcome = faults->outcome ? faults->outcome : "";

    faults->count++;
    if (faults->is_json)
        fault_print_json(faults, fault);
    else if (faults->count <= TOOL_FAULTS_SHOWN)
        tool_say("%s: line %" PRIu64 " (byte %" PRIu64 "): %s%s%s",
                 faults->shown, fault->line_no, fault->pos + 1, fault->reason,
                 *outcome ? "; " : "", outcome);
}

void
tool_faults_end(const struct tool_faults *faults)
{
    const uint64_t rest = faults->count > TOOL_FAULTS_SHOWN
                              ? faults->count - TOOL_FAULTS_SHOWN
                              : 0;

    if (rest > 0 && !faults->is_json)
        tool_say("%s: ... and %" PRIu64 " more", faults->shown, rest);
}

void
tool_damage_words(const struct seglog_json_diagnosis *diagnosis,
                  enum seglog_json_fault fault, bool has_lf, char *buf,
                  size_t cap)
{
    switch (diagnosis->kind) {
    case SEGLOG_JSON_NUL_RUN:
        (void)snprintf(buf, cap, "%" PRIu64 " zero byte%s",
                       diagnosis->nul_count,
                       diagnosis->nul_count == 1 ? "" : "s");
        break;
    case SEGLOG_JSON_GLUED_VALUES:
        (void)snprintf(buf, cap, "%" PRIu64 " values on one line",
                       diagnosis->values);
        break;
    case SEGLOG_JSON_SPLICE:
        (void)snprintf(buf, cap,
                       "a value cut short, and a whole one glued to it");
        break;
    case SEGLOG_JSON_TORN:
        (void)snprintf(buf, cap, "%s",
                       has_lf ? "a value cut short"
                              : "the end of the file is torn off");
        break;
    default:
        (void)snprintf(buf, cap, "%s", seglog_json_fault_text(fault));
        break;
    }
}
