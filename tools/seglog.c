/* SPDX-License-Identifier: MIT */
/* tools/seglog.c - one program, many commands. */
#include <string.h>

#include "tools/cmd.h"
#include "tools/tool_common.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
};

static const struct command COMMANDS[] = {
    { "check", cmd_check },
    { "repair", cmd_repair },
    { "train", cmd_train },
    { "stat", cmd_stat },
    { "cat", cmd_cat },
    { "tail", cmd_tail },
    { "damage", cmd_damage },
    { "ls", cmd_ls },
    { "rm", cmd_rm },
    { "import", cmd_import },
    { "export", cmd_export },
    { "seal", cmd_seal },
    { "rekey", cmd_rekey },
    { "head", cmd_head },
    { "verify", cmd_verify },
    { "append", cmd_append },
    { "tombstone", cmd_tombstone },
    { "compact", cmd_compact },
    { "trim", cmd_trim },
    { "scrub", cmd_scrub },
    { "mend", cmd_mend },
    { "backup", cmd_backup },
    { "restore", cmd_restore },
    { "kv", cmd_kv },
    { "events", cmd_events },
    { "meta", cmd_meta },
};

#define COMMAND_COUNT (sizeof COMMANDS / sizeof COMMANDS[0])

static enum tool_status
option_none(void *arg, int key, const char *value)
{
    (void)arg;
    (void)key;
    (void)value;
    return TOOL_GO_ON;
}

static const struct tool_spec SPEC = {
    .name = "seglog",
    .usage = "COMMAND [OPTION]... ARGUMENT...",
    .help =
        "Look at segments, the checked binary logs of json2seg.\n"
        "\n"
        "  check PATH...           is it whole, and if not, what is lost;\n"
        "                          of .jsonl files: which lines are broken\n"
        "  repair FILE -o OUT      save what can be saved into a new segment\n"
        "  stat PATH               what is in it, in numbers\n"
        "  cat PATH                its lines, or some of them\n"
        "  tail [-f] PATH          its last lines, and those to come\n"
        "  damage FILE -o OUT ...  damage a copy in a known way\n"
        "  train STORE             what its small segments share, kept once\n"
        "  ls [STORE]              the sessions and streams of a store\n"
        "  rm STORE:ID...          remove sessions and segments\n"
        "  import PATH... --into STORE\n"
        "                          folders of .jsonl files into a store\n"
        "  export STORE -o DIR     the same folders out again\n"
        "  seal PATH...            make segments small for good\n"
        "  rekey DIR               another key for an encrypted store\n"
        "  head STORE:STREAM       where a stream ends, to be kept\n"
        "  verify STORE:STREAM     that nothing in a stream was changed or "
        "cut\n"
        "  append STORE:STREAM     lines into a stream, all at once\n"
        "  tombstone STORE:STREAM OFFSET...\n"
        "                          events of a stream whose bytes may go\n"
        "  compact STORE:STREAM    make a stream small, without those\n"
        "  trim --before OFFSET STORE:STREAM\n"
        "                          the first segments of a stream go\n"
        "  scrub STORE             verify all of it, slowly, again and again\n"
        "  mend STORE:STREAM       a damaged stream takes lines again\n"
        "  backup STORE -o BACKUP  a copy of all that is in a store, verified\n"
        "  restore BACKUP -o STORE\n"
        "                          the store again\n"
        "  kv get|put|del|ls PATH  the state of a canonical store\n"
        "  events PATH             its events; and append, seal, pause, "
        "consumers, dead\n"
        "  meta PATH               what it says of itself\n"
        "  help COMMAND            all about a command\n",
    .operand_max = 0,
    .on_option = option_none,
};

static const struct command *
command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    return NULL;
}

/* `seglog --help` and the like: options that come before any command. */
static int
options_only(int argc, char **argv)
{
    char **operands = NULL;
    const enum tool_status status =
        tool_parse(&SPEC, argc, argv, NULL, &operands);

    if (status != TOOL_GO_ON)
        return (int)status;
    return (int)tool_usage("which command?");
}

/* `seglog help`, `seglog help check`. */
static int
help(int argc, char **argv)
{
    static char option[] = "--help";
    char *words[] = { argc > 2 ? argv[2] : argv[0], option, NULL };
    const struct command *command = NULL;

    if (argc <= 2)
        return options_only(2, words);
    command = command_find(argv[2]);
    if (!command)
        return (int)tool_usage("there is no command '%s'", argv[2]);
    return command->run(2, words);
}

int
main(int argc, char **argv)
{
    const struct command *command = NULL;

    tool_init();
    if (argc < 2 || argv[1][0] == '-')
        return options_only(argc < 2 ? argc : 2, argv);
    if (strcmp(argv[1], "help") == 0)
        return help(argc, argv);
    command = command_find(argv[1]);
    if (!command)
        return (int)tool_usage("there is no command '%s'", argv[1]);
    return command->run(argc - 1, argv + 1);
}
