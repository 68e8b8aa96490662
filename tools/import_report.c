/* SPDX-License-Identifier: MIT */
/* tools/import_report.c - what an import says. */
#include "tools/import_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool_seal.h"
#include "tools/tool_base64.h"
#include "tools/tool_fault.h"
#include "tools/tool_text.h"
#include "tools/tool_tree.h"

/* ---------------------------------------------------------------------------
 * Names
 */

static char *
entry_path(const struct import_run *run, const struct import_entry *entry)
{
    return tool_tree_join(run->catalog.roots[entry->root].path, entry->path);
}

/* As a member of an object; one more has the bytes where text cannot. */
static void
path_json(const char *key, const char *path)
{
    const size_t len = strlen(path);
    char *encoded = NULL;

    (void)printf("\"%s\":", key);
    if (tool_json_bytes(stdout, path, len))
        return;
    encoded = malloc(tool_base64_len(len));
    if (!encoded)
        return;
    tool_base64_encode((const uint8_t *)path, len, encoded);
    (void)printf(",\"%s_base64\":\"%.*s\"", key, (int)tool_base64_len(len),
                 encoded);
    free(encoded);
}

/* ---------------------------------------------------------------------------
 * Bad lines
 */

static void
fault_json(const char *path, const struct seglog_json_diagnosis *diagnosis,
           const char *words, uint64_t line_no, uint64_t line_at)
{
    (void)fputs("{", stdout);
    path_json("source", path);
    (void)printf(",\"line\":%" PRIu64 ",\"byte\":%" PRIu64
                 ",\"offset\":%" PRIu64 ",\"damage\":\"%s\",\"reason\":",
                 line_no, diagnosis->pos + 1, line_at + diagnosis->pos,
                 seglog_json_damage_name(diagnosis->kind));
    tool_json_string(stdout, words);
    (void)fputs("}\n", stdout);
}

void
import_report_fault(void *arg, const struct import_entry *entry,
                    const struct seglog_json_broken *line, uint64_t line_no,
                    uint64_t line_at)
{
    struct import_run *run = arg;
    struct seglog_json_diagnosis diagnosis;
    char words[128];
    char *path = entry_path(run, entry);

    seglog_json_diagnose(line, &diagnosis);
    tool_damage_words(&diagnosis, line->fault, line->has_lf, words,
                      sizeof words);
    (void)pthread_mutex_lock(&run->mutex);
    tool_progress_clear(&run->progress);
    if (path && run->options->is_json)
        fault_json(path, &diagnosis, words, line_no, line_at);
    else if (path)
        tool_say("%s: line %" PRIu64 " (offset %" PRIu64 "): %s; kept as it is",
                 path, line_no, line_at + diagnosis.pos, words);
    (void)pthread_mutex_unlock(&run->mutex);
    free(path);
}

/* ---------------------------------------------------------------------------
 * Sources
 */

static const char *
change_name(enum import_change change)
{
    static const char *const NAMES[] = { "unchanged", "touched",  "added",
                                         "grown",     "replaced", "gone",
                                         "failed" };

    return NAMES[change];
}

static void
outcome_json(const char *path, const struct import_entry *entry,
             const struct import_outcome *outcome)
{
    char session[SEGLOG_UUID_TEXT_CAP];
    char segment[SEGLOG_UUID_TEXT_CAP];

    (void)fputs("{", stdout);
    path_json("source", path);
    (void)printf(",\"change\":\"%s\"", change_name(outcome->change));
    if (outcome->change == IMPORT_FAILED) {
        (void)fputs(",\"error\":", stdout);
        tool_json_string(stdout, outcome->err.message);
    } else {
        (void)printf(",\"session\":\"%s\",\"segment\":\"%s\",\"lines\":%" PRIu64
                     ",\"bytes\":%" PRIu64 ",\"bad_lines\":%" PRIu64
                     ",\"is_complete\":%s",
                     seglog_uuid_format(&entry->state.session, session),
                     seglog_uuid_format(&entry->state.segment, segment),
                     outcome->lines, outcome->bytes, outcome->bad_lines,
                     outcome->is_complete ? "true" : "false");
    }
    (void)fputs("}\n", stdout);
}

static void
outcome_say(const char *path, const struct import_outcome *outcome)
{
    if (outcome->change == IMPORT_FAILED)
        (void)tool_fail(path, &outcome->err);
    else if (outcome->is_damaged)
        tool_say("%s: its segment is damaged: imported anew, and the damaged "
                 "one stays",
                 path);
    else if (outcome->change == IMPORT_REPLACED)
        tool_note("%s: it was rewritten: imported anew, and what it was "
                  "before stays",
                  path);
    else if (outcome->change == IMPORT_GONE)
        tool_note("%s: it went away meanwhile", path);
}

static void
totals_add(struct import_totals *totals, const struct import_outcome *outcome)
{
    uint64_t *const counts[] = { &totals->unchanged, &totals->touched,
                                 &totals->added,     &totals->grown,
                                 &totals->replaced,  NULL,
                                 &totals->failed };

    totals->sources++;
    if (counts[outcome->change])
        ++*counts[outcome->change];
    totals->lines += outcome->lines;
    totals->bytes += outcome->bytes;
    totals->bad_lines += outcome->bad_lines;
    totals->sealed += outcome->is_sealed;
    totals->sealed_before += outcome->sealed_before;
    totals->sealed_after += outcome->sealed_after;
}

void
import_report_outcome(struct import_run *run, const struct import_entry *entry,
                      const struct import_outcome *outcome)
{
    const bool is_quiet_change = outcome->change == IMPORT_UNCHANGED ||
                                 outcome->change == IMPORT_TOUCHED;
    char *path = entry_path(run, entry);

    totals_add(&run->totals, outcome);
    tool_progress_clear(&run->progress);
    if (path && run->options->is_json &&
        (!is_quiet_change || outcome->bad_lines > 0))
        outcome_json(path, entry, outcome);
    if (path)
        outcome_say(path, outcome);
    free(path);
}

void
import_report_event(struct import_run *run, const struct import_entry *entry,
                    const char *event, const char *old_path)
{
    char *path = entry_path(run, entry);
    char *old = old_path ? tool_tree_join(run->catalog.roots[entry->root].path,
                                          old_path)
                         : NULL;

    tool_progress_clear(&run->progress);
    if (path && run->options->is_json) {
        (void)fputs("{", stdout);
        path_json("source", path);
        (void)printf(",\"change\":\"%s\"", event);
        if (old) {
            (void)fputs(",", stdout);
            path_json("was", old);
        }
        (void)fputs("}\n", stdout);
    } else if (path && old) {
        tool_note("%s: %s; it was %s", path, event, old);
    } else if (path) {
        tool_note("%s: %s", path, event);
    }
    free(path);
    free(old);
}

void
import_report_failure(struct import_run *run, size_t root, const char *path,
                      int sys_errno, const char *what)
{
    char *shown = tool_tree_join(run->catalog.roots[root].path, path);

    run->totals.failed++;
    tool_progress_clear(&run->progress);
    if (!shown)
        return;
    if (run->options->is_json) {
        (void)fputs("{", stdout);
        path_json("source", shown);
        (void)fputs(",\"change\":\"failed\",\"error\":", stdout);
        tool_json_string(stdout, what);
        (void)fputs("}\n", stdout);
    }
    if (sys_errno != 0)
        tool_say("%s: %s: %s", shown, what, strerror(sys_errno));
    else
        tool_say("%s: %s", shown, what);
    free(shown);
}

/* ---------------------------------------------------------------------------
 * The end
 */

static void
summary_json(const struct import_totals *t)
{
    (void)printf(
        "{\"summary\":{\"sources\":%" PRIu64 ",\"added\":%" PRIu64
        ",\"grown\":%" PRIu64 ",\"replaced\":%" PRIu64 ",\"touched\":%" PRIu64
        ",\"unchanged\":%" PRIu64 ",\"renamed\":%" PRIu64
        ",\"deleted\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"lines\":%" PRIu64
        ",\"bytes\":%" PRIu64 ",\"bad_lines\":%" PRIu64 ",\"folders\":%" PRIu64
        ",\"links\":%" PRIu64 ",\"other_files\":%" PRIu64
        ",\"special\":%" PRIu64 ",\"sealed\":%" PRIu64
        ",\"sealed_before\":%" PRIu64 ",\"sealed_after\":%" PRIu64 "}}\n",
        t->sources, t->added, t->grown, t->replaced, t->touched, t->unchanged,
        t->renamed, t->deleted, t->failed, t->lines, t->bytes, t->bad_lines,
        t->folders, t->links, t->other_files, t->special, t->sealed,
        t->sealed_before, t->sealed_after);
}

struct sentence {
    char text[512];
    size_t len;
};

/* "3 new, 1 grown": what there is none of stays out. */
static void
sentence_add(struct sentence *sentence, uint64_t count, const char *what)
{
    int len = 0;

    if (count == 0)
        return;
    len = snprintf(sentence->text + sentence->len,
                   sizeof sentence->text - sentence->len, "%s%" PRIu64 " %s",
                   sentence->len > 0 ? ", " : "", count, what);
    if (len > 0 && (size_t)len < sizeof sentence->text - sentence->len)
        sentence->len += (size_t)len;
}

void
import_report_summary(const struct import_run *run)
{
    const struct import_totals *t = &run->totals;
    struct sentence done = { "", 0 };
    struct sentence left = { "", 0 };
    char saved[TOOL_SAVED_CAP];
    char size[32];

    if (run->options->is_json)
        summary_json(t);
    sentence_add(&done, t->added, "new");
    sentence_add(&done, t->grown, "grown");
    sentence_add(&done, t->replaced, "rewritten");
    sentence_add(&done, t->renamed, "renamed");
    sentence_add(&done, t->deleted, "deleted");
    sentence_add(&done, t->unchanged + t->touched, "unchanged");
    sentence_add(&done, t->failed, "failed");
    if (!run->options->has_all) {
        sentence_add(&left, t->other_files, "other files");
        sentence_add(&left, t->links, "links");
    }
    sentence_add(&left, t->special, "that are no files");
    tool_note("%s: %s; %" PRIu64 " lines, %s added%s%s", run->options->into,
              done.len > 0 ? done.text : "no sources", t->lines,
              tool_size_text(t->bytes, size, sizeof size),
              left.len > 0 ? "; left out: " : "", left.text);
    if (t->sealed > 0)
        tool_note("%s: %" PRIu64 " %s sealed, %s", run->options->into,
                  t->sealed, t->sealed == 1 ? "segment" : "segments",
                  tool_saved_text(t->sealed_before, t->sealed_after, saved));
    if (t->bad_lines > 0)
        tool_note("%s: %" PRIu64 " broken %s kept; `seglog export --mended` "
                  "gives what is whole in %s",
                  run->options->into, t->bad_lines,
                  t->bad_lines == 1 ? "line" : "lines",
                  t->bad_lines == 1 ? "it" : "them");
}
