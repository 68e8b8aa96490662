/* SPDX-License-Identifier: MIT */
/* tools/tool_finding.c - findings in the forms of SPEC.md 10.5. */
#include "tools/tool_finding.h"

#include <inttypes.h>
#include <stdarg.h>

#include "seglog/error.h"
#include "tools/tool_common.h"

/* The switch has no default, so that the compiler misses a new cause. */
const char *
tool_cause_text(enum seglog_cause cause)
{
    switch (cause) {
    case SEGLOG_CAUSE_NONE:
        return "nothing wrong";
    case SEGLOG_CAUSE_IO:
        return "the bytes cannot be read";
    case SEGLOG_CAUSE_HEADER:
        return "damaged header";
    case SEGLOG_CAUSE_FOREIGN:
        return "bytes of another segment";
    case SEGLOG_CAUSE_STALE:
        return "bytes from before a cut";
    case SEGLOG_CAUSE_PASSED_OVER:
        return "torn tail, passed over";
    case SEGLOG_CAUSE_ORDER:
        return "frames in the wrong order";
    case SEGLOG_CAUSE_COPY:
        return "copies of records that are here already";
    case SEGLOG_CAUSE_MISSING:
        return "missing frames";
    case SEGLOG_CAUSE_ZEROS:
        return "zeros in place of frames";
    case SEGLOG_CAUSE_ONES:
        return "0xFF bytes in place of frames";
    case SEGLOG_CAUSE_MARK:
        return "damaged sync point or closing mark";
    case SEGLOG_CAUSE_INSERTED:
        return "bytes that belong to no frame";
    case SEGLOG_CAUSE_CHECKSUM:
        return "checksum mismatch";
    case SEGLOG_CAUSE_LENGTH:
        return "wrong length";
    case SEGLOG_CAUSE_HEAD:
        return "no frame head";
    case SEGLOG_CAUSE_SHIFT:
        return "moved bytes";
    case SEGLOG_CAUSE_DIGEST:
        return "digest mismatch";
    case SEGLOG_CAUSE_CLOSING_MARK:
        return "damaged closing mark";
    case SEGLOG_CAUSE_TORN:
        return "torn tail";
    case SEGLOG_CAUSE_CUT:
        return "the end is cut off";
    case SEGLOG_CAUSE_DEPENDS_ON:
        return "not decodable without a lost record";
    case SEGLOG_CAUSE_AUTH:
        return "authentication tag mismatch";
    case SEGLOG_CAUSE_DROPPED:
        return "payload dropped";
    }
    return "unknown cause";
}

/* Text that is cut where the buffer ends. */
struct text {
    char *buf;
    size_t cap;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void
text_add(struct text *text, const char *format, ...)
{
    const size_t room = text->cap - text->len;
    va_list args;
    int len = 0;

    va_start(args, format);
    len = vsnprintf(text->buf + text->len, room, format, args);
    va_end(args);
    if (len > 0)
        text->len += (size_t)len < room ? (size_t)len : room - 1;
}

static const char *
plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void
text_add_loss(struct text *text, const struct seglog_finding *finding)
{
    const uint64_t lost = finding->last_record - finding->first_record + 1;

    if (finding->verdict == SEGLOG_VERDICT_TORN) {
        text_add(text, "; %" PRIu64 " byte%s ignored", finding->byte_count,
                 plural(finding->byte_count));
        return;
    }
    /* SPEC.md 15.5: of a block that is cut off nobody knows how many. */
    if (finding->last_record == 0) {
        text_add(text, finding->cause == SEGLOG_CAUSE_TORN ||
                               finding->cause == SEGLOG_CAUSE_CUT
                           ? "; records behind it may be lost"
                           : "; nothing lost");
        return;
    }
    text_add(text, "; %" PRIu64 " record%s lost", lost, plural(lost));
    if (finding->is_recorded)
        text_add(text, " before this segment was written");
    else if (finding->cause != SEGLOG_CAUSE_CUT)
        text_add(text, ", next good record %" PRIu64, finding->last_record + 1);
    if (finding->durable == SEGLOG_DURABLE_YES)
        text_add(text, ", had been durable");
    else if (finding->durable == SEGLOG_DURABLE_NO)
        text_add(text, ", not yet durable");
}

void
tool_finding_text(const struct seglog_finding *finding, char *buf, size_t cap)
{
    struct seglog_error form = { .record_no = finding->first_record,
                                 .line_no = finding->line,
                                 .offset = finding->first_byte };
    struct text text = { form.message, sizeof form.message, 0 };

    /* The bytes of a recorded gap were those of another file. */
    if (finding->is_recorded)
        form.offset = SEGLOG_NO_OFFSET;
    if (finding->depends_on != 0)
        text_add(&text, "depends on record %" PRIu64 ", which is lost",
                 finding->depends_on);
    else
        text_add(&text, "%s", tool_cause_text(finding->cause));
    text_add_loss(&text, finding);
    if (finding->has_shift && finding->shift != 0) {
        const uint64_t size = finding->shift > 0 ? (uint64_t)finding->shift
                                                 : 0 - (uint64_t)finding->shift;

        text_add(&text, ", %" PRIu64 " byte%s %s", size, plural(size),
                 finding->shift > 0 ? "inserted" : "removed");
    }
    seglog_error_format(&form, buf, cap);
}

void
tool_finding_say(const char *shown, const struct seglog_finding *finding)
{
    char text[512];

    tool_finding_text(finding, text, sizeof text);
    tool_say("%s: %s", shown, text);
}

/* ,"NAME":VALUE or ,"NAME":null when value is 0. */
static void
json_number(FILE *file, const char *name, uint64_t value)
{
    if (value == 0)
        (void)fprintf(file, ",\"%s\":null", name);
    else
        (void)fprintf(file, ",\"%s\":%" PRIu64, name, value);
}

void
tool_finding_json(FILE *file, const char *shown,
                  const struct seglog_finding *finding)
{
    (void)fprintf(file, "{\"verdict\":\"%s\",\"cause\":\"%s\",\"blob\":",
                  seglog_verdict_name(finding->verdict),
                  seglog_cause_name(finding->cause));
    tool_json_string(file, shown);
    json_number(file, "first_record", finding->first_record);
    json_number(file, "last_record", finding->last_record);
    json_number(file, "line", finding->line);
    /* An empty range ends before it starts; at offset 0 that is -1. */
    (void)fprintf(file, ",\"first_byte\":%" PRIu64 ",\"last_byte\":%" PRId64,
                  finding->first_byte,
                  (int64_t)(finding->first_byte + finding->byte_count - 1));
    if (finding->has_shift)
        (void)fprintf(file, ",\"shift\":%" PRId64, finding->shift);
    else
        (void)fputs(",\"shift\":null", file);
    (void)fprintf(file, ",\"durable\":\"%s\"",
                  seglog_durable_name(finding->durable));
    json_number(file, "depends_on", finding->depends_on);
    (void)fputs("}\n", file);
}
