/* SPDX-License-Identifier: MIT */
/* tools/tool_options.c - command lines: getopt_long behind one table. */
#include "tools/tool_common.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "seglog/json_line.h"
#include "seglog/version.h"
#include "tools/tool_key.h"

#define OPTION_MAX  32

#define KEY_HELP    'h'
#define KEY_QUIET   'q'
#define KEY_VERSION TOOL_KEY(0xFFF)
#define KEY_FILE    TOOL_KEY(0xFFE)
#define KEY_FD      TOOL_KEY(0xFFD)

static const struct tool_option COMMON[] = {
    { KEY_HELP, "help", false },       { KEY_VERSION, "version", false },
    { KEY_QUIET, "quiet", false },     { KEY_FILE, "key-file", true },
    { KEY_FD, "passphrase-fd", true },
};
#define COMMON_COUNT (sizeof COMMON / sizeof COMMON[0])

/* The program being parsed for, for messages. */
static const char *program_name = "seglog";

enum tool_status
tool_usage(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fprintf(stderr, "%s: %s; try '%s --help'\n", program_name, text,
                  program_name);
    return TOOL_USAGE;
}

enum tool_status
tool_number(const char *option, const char *text, uint64_t min, uint64_t max,
            uint64_t *value)
{
    uint64_t number = 0;
    bool is_number = *text != '\0';

    for (const char *p = text; *p != '\0' && is_number; p++) {
        const uint64_t digit = (uint64_t)(unsigned char)*p - '0';

        is_number = digit <= 9 && number <= (UINT64_MAX - digit) / 10;
        number = number * 10 + digit;
    }
    if (!is_number || number < min || number > max)
        return tool_usage("%s needs a number from %llu to %llu, not '%s'",
                          option, (unsigned long long)min,
                          (unsigned long long)max, text);
    *value = number;
    return TOOL_GO_ON;
}

/* What getopt_long wants, built from a tool's table and the common one. */
struct parser {
    struct option longs[OPTION_MAX + COMMON_COUNT + 1];
    size_t long_count;
    char shorts[2 * (OPTION_MAX + COMMON_COUNT) + 2];
    size_t short_len;
};

static void
parser_add(struct parser *parser, const struct tool_option *option)
{
    if (option->name) {
        struct option *longs = &parser->longs[parser->long_count++];

        longs->name = option->name;
        longs->has_arg = option->has_value ? required_argument : no_argument;
        longs->val = option->key;
    }
    if (option->key < 0x80) {
        parser->shorts[parser->short_len++] = (char)option->key;
        if (option->has_value)
            parser->shorts[parser->short_len++] = ':';
    }
}

static void
parser_init(struct parser *parser, const struct tool_spec *spec)
{
    const struct tool_option *option = spec->options;

    memset(parser, 0, sizeof *parser);
    /* getopt is silent with this, and tells a missing value from the rest. */
    parser->shorts[parser->short_len++] = ':';
    for (size_t i = 0; option && option->key != 0 && i < OPTION_MAX; i++)
        parser_add(parser, option++);
    for (size_t i = 0; i < COMMON_COUNT; i++)
        parser_add(parser, &COMMON[i]);
}

/* Name the option getopt has stumbled over, as it was written. */
static enum tool_status
option_refuse(const struct parser *parser, char **argv, int result)
{
    const char *word = argv[optind - 1];
    const bool is_letter = optopt > 0 && optopt < 0x80;

    if (result == ':' && strncmp(word, "--", 2) == 0)
        return tool_usage("option %s needs a value", word);
    if (result == ':')
        return tool_usage("option -%c needs a value", optopt);
    /* A letter that exists is refused only as --long=VALUE. */
    if (is_letter && !strchr(parser->shorts, optopt))
        return tool_usage("option -%c is not known", optopt);
    if (optopt != 0)
        return tool_usage("option %s takes no value", word);
    return tool_usage("option %s is not known", word);
}

static enum tool_status
version_print(void)
{
    (void)printf("seglog %s\nformat version %d\nJSON lexer version %d\n",
                 SEGLOG_VERSION_STRING, SEGLOG_FORMAT_VERSION,
                 SEGLOG_JSON_LEXER_VERSION);
    return (enum tool_status)tool_end(TOOL_OK);
}

static enum tool_status
help_print(const struct tool_spec *spec)
{
    (void)printf("Usage: %s %s\n\n%s", spec->name, spec->usage, spec->help);
    (void)fputs("\n"
                "      --key-file FILE    the key of an encrypted store: 32 "
                "bytes, or 64\n"
                "                     hexadecimal digits\n"
                "      --passphrase-fd N  its passphrase: one line from "
                "descriptor N\n"
                "  -q, --quiet        no progress, no notes\n"
                "  -h, --help         this text\n"
                "      --version      versions of library, format and lexer\n"
                "\n"
                "Exit status: 0 fine, 1 failed, 2 wrong usage, 3 damage or\n"
                "bad lines found, 4 conflict.\n",
                stdout);
    return (enum tool_status)tool_end(TOOL_OK);
}

enum tool_status
tool_parse(const struct tool_spec *spec, int argc, char **argv, void *arg,
           char ***operands)
{
    struct parser parser;
    int key = 0;

    program_name = spec->name;
    parser_init(&parser, spec);
    opterr = 0;
    optind = 0; /* glibc: begin afresh, whatever was parsed before */
    while ((key = getopt_long(argc, argv, parser.shorts, parser.longs, NULL)) !=
           -1) {
        enum tool_status status = TOOL_GO_ON;

        if (key == '?' || key == ':')
            return option_refuse(&parser, argv, key);
        if (key == KEY_HELP)
            return help_print(spec);
        if (key == KEY_VERSION)
            return version_print();
        if (key == KEY_QUIET)
            tool_is_quiet = true;
        else if (key == KEY_FILE)
            status = tool_key_from_file(&tool_key, optarg);
        else if (key == KEY_FD)
            status = tool_key_from_fd(&tool_key, "--passphrase-fd", optarg);
        else
            status = spec->on_option(arg, key, optarg);
        if (status != TOOL_GO_ON)
            return status;
    }
    *operands = argv + optind;
    if (argc - optind < spec->operand_min)
        return tool_usage("something is missing on the command line");
    if (spec->operand_max >= 0 && argc - optind > spec->operand_max)
        return tool_usage("'%s' is too much", argv[optind + spec->operand_max]);
    return TOOL_GO_ON;
}
