/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_args.c - any words on a command line.
 *
 * The input is words, each ended by a zero byte.  Every value and operand that
 * a program gets lies in one of them, a number is the one that is written
 * there, and what is wrong with them is said in one line.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "tools/tool_common.h"

#define WORDS_MAX 24
#define BYTES_MAX 1000u

/* What is said to the user goes there; only where stderr can be changed. */
#ifdef __GLIBC__
static FILE *said;
static char *said_text;
static size_t said_len;
#endif

struct words {
    char *argv[WORDS_MAX + 2];
    int argc;
    const char *start;
    const char *end;
};

static bool
text_is_within(const struct words *words, const char *text)
{
    return text >= words->start && text < words->end;
}

static void
number_must_hold(const char *text)
{
    static const uint64_t limits[][2] = { { 0, UINT64_MAX },
                                          { 1, 19 },
                                          { 512, 65536 } };
    uint64_t slow = 0;
    bool is_number =
        *text != '\0' && strspn(text, "0123456789") == strlen(text);
    const char *digits = text + strspn(text, "0");

    is_number = is_number && strlen(digits) <= 20;
    if (is_number && strlen(digits) == 20)
        is_number = strcmp(digits, "18446744073709551615") <= 0;
    if (is_number && *digits != '\0')
        slow = strtoull(digits, NULL, 10);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint64_t value = 77;
        const enum tool_status status =
            tool_number("--n", text, limits[i][0], limits[i][1], &value);

        if (is_number && slow >= limits[i][0] && slow <= limits[i][1])
            MUST(status == TOOL_GO_ON && value == slow);
        else
            MUST(status == TOOL_USAGE && value == 77);
    }
}

static enum tool_status
option_take(void *arg, int key, const char *value)
{
    const struct words *words = arg;

    MUST(key == 'o' || key == 'n' || key == TOOL_KEY(1) || key == TOOL_KEY(2));
    MUST((value != NULL) == (key == 'o' || key == TOOL_KEY(1)));
    if (value) {
        MUST(text_is_within(words, value));
        number_must_hold(value);
    }
    return TOOL_GO_ON;
}

static void
line_must_hold(struct words *words)
{
    static const struct tool_option options[] = {
        { 'o', "output", true },
        { 'n', NULL, false },
        { TOOL_KEY(1), "level", true },
        { TOOL_KEY(2), "out", false },
        { 0, NULL, false },
    };
    static const struct tool_spec spec = { .name = "it",
                                           .usage = "[FILE]...",
                                           .help = "Help.\n",
                                           .options = options,
                                           .operand_min = 0,
                                           .operand_max = 5,
                                           .on_option = option_take };
    char **operands = NULL;
    int count = 0;
    const enum tool_status status =
        tool_parse(&spec, words->argc, words->argv, words, &operands);

    MUST(status == TOOL_GO_ON || status == TOOL_USAGE || status == TOOL_OK);
    if (status != TOOL_GO_ON)
        return;
    for (; operands[count]; count++)
        MUST(text_is_within(words, operands[count]));
    MUST(count <= 5);
}

/* What prints, and what reads keys from somewhere: not looked at here. */
static bool
word_does_more(const char *word)
{
    return (strncmp(word, "--", 2) == 0 && word[2] != '\0' &&
            strchr("hvkp", word[2])) ||
           (word[0] == '-' && word[1] != '-' && strchr(word, 'h'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct words words = { .argc = 1 };
    char program[] = "it";
    char *text = NULL;
    bool does_more = false;

    if (size == 0 || size > BYTES_MAX || data[size - 1] != '\0')
        return 0;
    text = (char *)exact_copy(data, size);
    words.argv[0] = program;
    words.start = text;
    words.end = text + size;
    for (char *at = text; at < words.end && words.argc <= WORDS_MAX;
         at += strlen(at) + 1) {
        does_more |= word_does_more(at);
        words.argv[words.argc++] = at;
    }
#ifdef __GLIBC__
    FILE *const before = stderr;

    if (!said)
        said = open_memstream(&said_text, &said_len);
    MUST(said);
    rewind(said);
    stderr = said;
#endif
    number_must_hold(text);
    if (!does_more)
        line_must_hold(&words);
    tool_is_quiet = false;
#ifdef __GLIBC__
    stderr = before;
#endif
    free(text);
    return 0;
}
