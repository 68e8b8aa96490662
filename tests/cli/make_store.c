/* SPDX-License-Identifier: MIT */
/*
 * tests/cli/make_store.c - session stores for the tests of the tools.
 *
 *     make_store DIR < COMMANDS
 *
 * One command a line, words separated by one blank; S and G are the ids of a
 * session and of a segment, REST goes to the end of the line and may hold
 * escapes such as \xff:
 *
 *     append S G COUNT           entries {"n":1}, {"n":2} and so on
 *     entry S G REST             one entry
 *     trace S G REST             one debug event
 *     create S G KIND G2 TURN RECORD REST    a segment without entries and with
 *                                a label; KIND is a number or 0, G2 its parent
 *     fork S G S2 G2 RECORD      a copy up to there
 *     note S REST                the session's note
 *     many SESSIONS COUNT        sessions of one segment with COUNT entries
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/session.h"

#define LINE_CAP 65536

static struct seglog_session_store *sessions;
static unsigned line_no;

static void
fail(const char *why)
{
    (void)fprintf(stderr, "make_store: line %u: %s\n", line_no, why);
    exit(1);
}

static void
check(seglog_code code, const struct seglog_error *err)
{
    char text[1024];

    if (code == SEGLOG_OK)
        return;
    seglog_error_format(err, text, sizeof text);
    fail(text);
}

/* The next word; rest moves behind it. */
static char *
word(char **rest)
{
    char *at = *rest;
    char *end = at + strcspn(at, " ");

    if (*at == '\0')
        fail("a word is missing");
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return at;
}

static uint64_t
number(char **rest)
{
    return strtoull(word(rest), NULL, 10);
}

static struct seglog_uuid
id(char **rest)
{
    const char *text = word(rest);
    struct seglog_uuid uuid;

    if (!seglog_uuid_parse(text, strlen(text), &uuid))
        fail("this is no id");
    return uuid;
}

/* Escapes become bytes, in place. */
static struct seglog_slice
bytes(char *rest)
{
    char *out = rest;

    for (const char *in = rest; *in != '\0'; out++) {
        char hex[3] = { 0 };

        if (in[0] != '\\' || in[1] != 'x' || !in[2] || !in[3]) {
            *out = *in++;
            continue;
        }
        memcpy(hex, in + 2, 2);
        *out = (char)strtoul(hex, NULL, 16);
        in += 4;
    }
    return (struct seglog_slice){ rest, (size_t)(out - rest) };
}

static void
append_counted(const struct seglog_uuid *session,
               const struct seglog_uuid *segment, uint64_t count)
{
    struct seglog_error err;
    char entry[64];

    for (uint64_t i = 1; i <= count; i++) {
        const int len = snprintf(entry, sizeof entry, "{\"n\":%" PRIu64 "}", i);

        check(seglog_session_append(sessions, session, segment, entry,
                                    (size_t)len, NULL, NULL, &err),
              &err);
    }
}

static void
run_append(char *rest)
{
    const struct seglog_uuid session = id(&rest);
    const struct seglog_uuid segment = id(&rest);

    append_counted(&session, &segment, number(&rest));
}

static void
run_entry(char *rest)
{
    const struct seglog_uuid session = id(&rest);
    const struct seglog_uuid segment = id(&rest);
    struct seglog_error err;

    check(seglog_session_append(sessions, &session, &segment, rest,
                                strlen(rest), NULL, NULL, &err),
          &err);
}

static void
run_trace(char *rest)
{
    const struct seglog_uuid session = id(&rest);
    const struct seglog_uuid segment = id(&rest);
    struct seglog_error err;

    check(seglog_session_append_trace(sessions, &session, &segment, rest,
                                      strlen(rest), &err),
          &err);
}

static void
run_create(char *rest)
{
    const struct seglog_uuid session = id(&rest);
    const struct seglog_uuid segment = id(&rest);
    struct seglog_segment_new options = { .size = sizeof options };
    struct seglog_error err;

    options.lineage.kind = (enum seglog_lineage_kind)number(&rest);
    options.lineage.segment = id(&rest);
    options.lineage.at_turn = number(&rest);
    options.lineage.at_record = number(&rest);
    options.label = bytes(rest);
    check(seglog_session_create_segment(sessions, &session, &segment, &options,
                                        &err),
          &err);
}

static void
run_fork(char *rest)
{
    const struct seglog_uuid session = id(&rest);
    const struct seglog_uuid segment = id(&rest);
    const struct seglog_uuid new_session = id(&rest);
    const struct seglog_uuid new_segment = id(&rest);
    const struct seglog_fork_options options = {
        .size = sizeof options,
        .at = SEGLOG_FORK_AT_RECORD,
        .number = number(&rest),
        .how = SEGLOG_FORK_BY_COPY,
        .new_session = &new_session,
        .new_segment = &new_segment,
    };
    struct seglog_uuid forked;
    struct seglog_error err;

    check(seglog_session_fork(sessions, &session, &segment, &options, &forked,
                              &err),
          &err);
}

static void
run_note(char *rest)
{
    const struct seglog_uuid session = id(&rest);
    const struct seglog_slice note = bytes(rest);
    struct seglog_error err;

    check(seglog_session_write_note(sessions, &session, note.data, note.len,
                                    &err),
          &err);
}

static void
run_many(char *rest)
{
    const uint64_t count = number(&rest);
    const uint64_t entries = number(&rest);

    for (uint64_t i = 0; i < count; i++) {
        struct seglog_uuid session;
        struct seglog_uuid segment;

        if (!seglog_uuid_new(&session) || !seglog_uuid_new(&segment))
            fail("no random bytes");
        append_counted(&session, &segment, entries);
    }
}

static const struct {
    const char *name;
    void (*run)(char *rest);
} COMMANDS[] = {
    { "append", run_append }, { "entry", run_entry }, { "trace", run_trace },
    { "create", run_create }, { "fork", run_fork },   { "note", run_note },
    { "many", run_many },
};

static void
run(char *line)
{
    const char *name = NULL;

    line[strcspn(line, "\n")] = '\0';
    name = word(&line);
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++)
        if (strcmp(COMMANDS[i].name, name) == 0) {
            COMMANDS[i].run(line);
            return;
        }
    fail("there is no such command");
}

int
main(int argc, char **argv)
{
    static char line[LINE_CAP];
    struct seglog_error err;

    if (argc != 2) {
        (void)fputs("usage: make_store DIR < COMMANDS\n", stderr);
        return 2;
    }
    check(seglog_session_store_open_dir(argv[1], NULL, &sessions, &err), &err);
    while (fgets(line, sizeof line, stdin)) {
        line_no++;
        run(line);
    }
    check(seglog_session_store_close(sessions, &err), &err);
    return 0;
}
