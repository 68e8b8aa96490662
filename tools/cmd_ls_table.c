/* SPDX-License-Identifier: MIT */
/* tools/cmd_ls_table.c - the lines of `seglog ls`, in columns. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/cmd_ls.h"
#include "tools/tool_text.h"

/* Of a note or label, where there is no terminal to say. */
#define TEXT_COLUMNS     100u
#define TEXT_COLUMNS_MIN 12u
/* Of an id that is only mentioned: the time and the first random digits. */
#define ID_MENTIONED 18

/* ---------------------------------------------------------------------------
 * What a line says
 */

/* At most 11 characters, so that the columns stay narrow. */
static void
size_write(uint64_t bytes, char buf[LS_TEXT_CAP])
{
    (void)tool_size_text(bytes, buf, LS_TEXT_CAP);
    if (bytes < 1024)
        (void)snprintf(buf, LS_TEXT_CAP, "%" PRIu64 " B", bytes);
}

static void
age_write(const struct ls_options *options, int64_t modified_ms,
          char buf[LS_TEXT_CAP])
{
    char age[TOOL_TIME_CAP];

    (void)snprintf(buf, LS_TEXT_CAP, "%s",
                   tool_age_text(modified_ms, options->now_ms, age));
}

static void
state_write(const struct ls_segment *segment, char buf[LS_TEXT_CAP])
{
    if (segment->lost > 0)
        (void)snprintf(buf, LS_TEXT_CAP, "%s, %" PRIu64 " lost",
                       segment->verdict, segment->lost);
    else
        (void)snprintf(buf, LS_TEXT_CAP, "%s%s", segment->verdict,
                       ls_state_words(&segment->info));
}

static void
lineage_write(const struct ls_segment *segment, bool is_below,
              char buf[LS_LINEAGE_CAP])
{
    const struct seglog_lineage *lineage = &segment->row.lineage;
    char parent[SEGLOG_UUID_TEXT_CAP];
    char place[32] = "";
    char of[SEGLOG_UUID_TEXT_CAP + 8] = "";

    *buf = '\0';
    if (lineage->kind == SEGLOG_LINEAGE_NONE)
        return;
    if (lineage->at_turn > 0)
        (void)snprintf(place, sizeof place, " at turn %" PRIu64,
                       lineage->at_turn);
    else if (lineage->at_record > 0)
        (void)snprintf(place, sizeof place, " at record %" PRIu64,
                       lineage->at_record);
    if (!is_below)
        (void)snprintf(of, sizeof of, "%s%.*s",
                       lineage->kind == SEGLOG_LINEAGE_FORKED_FROM ||
                               lineage->kind == SEGLOG_LINEAGE_COMPACTED_FROM
                           ? " of "
                           : " ",
                       ID_MENTIONED,
                       seglog_uuid_format(&lineage->segment, parent));
    (void)snprintf(buf, LS_LINEAGE_CAP, "%s%s%s%s",
                   ls_lineage_word(lineage->kind), of, place,
                   segment->parent == LS_NONE ? ", gone" : "");
}

void
ls_line_of_segment(const struct ls_options *options,
                   const struct ls_segment *segment, bool is_below,
                   struct ls_line *line)
{
    (void)ls_number_text(segment->info.count, line->records);
    size_write(ls_segment_bytes(segment), line->size);
    age_write(options, segment->info.modified_ms, line->age);
    state_write(segment, line->state);
    lineage_write(segment, is_below, line->lineage);
}

void
ls_line_of_session(const struct ls_options *options,
                   const struct ls_catalog *catalog,
                   const struct ls_session *session, struct ls_line *line)
{
    size_t damaged = 0;

    for (size_t i = 0; i < session->count; i++)
        damaged += catalog->segments[session->first + i].is_damaged;
    (void)ls_number_text(session->records, line->records);
    size_write(session->bytes, line->size);
    age_write(options, session->modified_ms, line->age);
    if (damaged > 0)
        (void)snprintf(line->state, LS_TEXT_CAP, "%zu of %zu bad", damaged,
                       session->count);
    else
        (void)snprintf(line->state, LS_TEXT_CAP, "%zu segments",
                       session->count);
    *line->lineage = '\0';
    line->text = session->note;
    line->text_len = session->note_len;
}

/* ---------------------------------------------------------------------------
 * Columns
 */

void
ls_table_init(struct ls_table *table)
{
    struct winsize size;

    *table = (struct ls_table){ 0 };
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        table->columns = size.ws_col;
}

void
ls_line_of_head(const struct ls_table *table, const char *id,
                struct ls_line *line)
{
    static const char NOTE[] = "NOTE";

    (void)snprintf(line->id, sizeof line->id, "%s", id);
    (void)snprintf(line->records, sizeof line->records, "RECORDS");
    (void)snprintf(line->size, sizeof line->size, "SIZE");
    (void)snprintf(line->age, sizeof line->age, "AGE");
    (void)snprintf(line->state, sizeof line->state, "STATE");
    (void)snprintf(line->lineage, sizeof line->lineage, "%s",
                   table->lineage ? "LINEAGE" : "");
    line->text = NOTE;
    line->text_len = strlen(NOTE);
}

static void
width_grow(size_t *width, const char *text)
{
    const size_t count = tool_utf8_count(text);

    if (count > *width)
        *width = count;
}

void
ls_table_fit(struct ls_table *table, const struct ls_line *line)
{
    width_grow(&table->id, line->id);
    width_grow(&table->records, line->records);
    width_grow(&table->size, line->size);
    width_grow(&table->age, line->age);
    width_grow(&table->state, line->state);
    if (*line->lineage != '\0')
        width_grow(&table->lineage, "LINEAGE");
    width_grow(&table->lineage, line->lineage);
}

/* printf counts bytes; the branches of a tree take three for a column. */
static void
cell_print(const char *text, size_t width, bool is_right)
{
    const size_t count = tool_utf8_count(text);
    const int pad = count < width ? (int)(width - count) : 0;

    if (is_right)
        (void)printf("%*s%s", pad, "", text);
    else
        (void)printf("%s%*s", text, pad, "");
}

static size_t
text_columns(const struct ls_table *table)
{
    const size_t used = table->id + table->records + table->size + table->age +
                        table->state + 10 +
                        (table->lineage ? table->lineage + 2 : 0);

    if (table->columns == 0)
        return TEXT_COLUMNS;
    return table->columns > used + TEXT_COLUMNS_MIN ? table->columns - used
                                                    : TEXT_COLUMNS_MIN;
}

void
ls_table_print(const struct ls_table *table, const struct ls_line *line)
{
    const size_t columns = text_columns(table);
    char text[12 * 1024];

    cell_print(line->id, table->id, false);
    (void)fputs("  ", stdout);
    cell_print(line->records, table->records, true);
    (void)fputs("  ", stdout);
    cell_print(line->size, table->size, true);
    (void)fputs("  ", stdout);
    cell_print(line->age, table->age, true);
    (void)fputs("  ", stdout);
    /* No blanks at the end of a line. */
    if (line->text_len == 0 && *line->lineage == '\0') {
        (void)printf("%s\n", line->state);
        return;
    }
    cell_print(line->state, table->state, false);
    if (table->lineage > 0) {
        (void)fputs("  ", stdout);
        cell_print(line->lineage, line->text_len ? table->lineage : 0, false);
    }
    if (line->text_len > 0)
        (void)printf("  %s",
                     tool_text_escape(line->text, line->text_len,
                                      columns < 1000 ? columns : 1000, text));
    (void)fputc('\n', stdout);
}
