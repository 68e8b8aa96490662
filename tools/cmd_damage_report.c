/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_report.c - what was done, and what must be said of it. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/cmd_damage.h"

static void
done_json(FILE *file, const struct damage_done *done)
{
    (void)fprintf(file,
                  "{\"action\":\"%s\",\"first_byte\":%" PRIu64
                  ",\"byte_count\":%" PRIu64 ",\"changed\":%" PRIu64
                  ",\"inserted\":%" PRIu64 ",\"removed\":%" PRIu64,
                  done->action, done->first_byte, done->byte_count,
                  done->changed, done->inserted, done->removed);
    if (done->first_record != 0)
        (void)fprintf(file,
                      ",\"first_record\":%" PRIu64 ",\"last_record\":%" PRIu64,
                      done->first_record, done->last_record);
    else
        (void)fputs(",\"first_record\":null,\"last_record\":null", file);
    if (done->bit >= 0)
        (void)fprintf(file, ",\"bit\":%d}", done->bit);
    else
        (void)fputs(",\"bit\":null}", file);
}

static const char *
verdict_expected(const struct damage_expectation *expected)
{
    return expected->is_no_segment ? "FORMAT"
                                   : seglog_verdict_name(expected->verdict);
}

static void
expected_json(FILE *file, const struct damage_expectation *expected)
{
    if (expected->unknown) {
        (void)fputs("null,\"reason\":", file);
        tool_json_string(file, expected->unknown);
        return;
    }
    (void)fprintf(file, "{\"verdict\":\"%s\",\"lost\":[",
                  verdict_expected(expected));
    for (size_t i = 0; i < expected->lost_ranges; i++)
        (void)fprintf(file, "%s[%" PRIu64 ",%" PRIu64 "]", i > 0 ? "," : "",
                      expected->lost[i].first, expected->lost[i].last);
    (void)fprintf(file, "],\"records\":%" PRIu64 ",\"lost_count\":%" PRIu64,
                  expected->records, expected->lost_count);
    if (expected->has_shift)
        (void)fprintf(file, ",\"shift\":%" PRId64, expected->shift);
    else
        (void)fputs(",\"shift\":null", file);
    (void)fprintf(file, ",\"findings\":%" PRIu64 ",\"closed\":%s}",
                  expected->findings, expected->is_closed ? "true" : "false");
}

void
damage_report_json(FILE *file, const struct damage_done *done, size_t count,
                   const struct damage_expectation *expected)
{
    (void)fputs("{\"damage\":", file);
    if (count == 1) {
        done_json(file, &done[0]);
    } else {
        (void)fputs("{\"action\":\"several\",\"actions\":[", file);
        for (size_t i = 0; i < count; i++) {
            if (i > 0)
                (void)fputc(',', file);
            done_json(file, &done[i]);
        }
        (void)fputs("]}", file);
    }
    (void)fputs(",\"expect\":", file);
    expected_json(file, expected);
    (void)fputs("}\n", file);
}

static void
done_text_count(FILE *file, const char *before, uint64_t count,
                const char *what)
{
    if (count > 0)
        (void)fprintf(file, "%s%" PRIu64 " %s %s", before, count,
                      cmd_plural(count, "byte", "bytes"), what);
}

static void
done_text(FILE *file, const struct damage_done *done)
{
    (void)fprintf(file, "%s at byte %" PRIu64, done->action, done->first_byte);
    if (done->bit >= 0)
        (void)fprintf(file, ", bit %d", done->bit);
    else if (done->byte_count > 1)
        (void)fprintf(file, " to %" PRIu64,
                      done->first_byte + done->byte_count - 1);
    if (done->first_record != 0 && done->last_record > done->first_record)
        (void)fprintf(file, ", records %" PRIu64 " to %" PRIu64,
                      done->first_record, done->last_record);
    else if (done->first_record != 0)
        (void)fprintf(file, ", record %" PRIu64, done->first_record);
    done_text_count(file, ": ", done->changed, "changed");
    done_text_count(file, ": ", done->inserted, "put in");
    done_text_count(file, ": ", done->removed, "taken out");
    (void)fputc('\n', file);
}

static void
expected_text(FILE *file, const struct damage_expectation *expected)
{
    (void)fputs("a right checker must say: ", file);
    if (expected->unknown) {
        (void)fprintf(file, "(not predicted: %s)\n", expected->unknown);
        return;
    }
    if (expected->is_no_segment) {
        (void)fputs("not a segment\n", file);
        return;
    }
    (void)fprintf(file, "%s, %" PRIu64 " %s good, %" PRIu64 " lost",
                  verdict_expected(expected), expected->records,
                  cmd_plural(expected->records, "record", "records"),
                  expected->lost_count);
    for (size_t i = 0; i < expected->lost_ranges; i++) {
        const struct damage_range *lost = &expected->lost[i];

        (void)fprintf(file, "%s%" PRIu64, i > 0 ? ", " : ": ", lost->first);
        if (lost->last > lost->first)
            (void)fprintf(file, " to %" PRIu64, lost->last);
    }
    if (expected->has_shift && expected->shift != 0)
        (void)fprintf(file, "; bytes moved by %" PRId64, expected->shift);
    (void)fputc('\n', file);
}

void
damage_report_text(FILE *file, const struct damage_done *done, size_t count,
                   const struct damage_expectation *expected)
{
    for (size_t i = 0; i < count; i++)
        done_text(file, &done[i]);
    expected_text(file, expected);
}
