/* SPDX-License-Identifier: MIT */
/* tools/json2seg.c - JSON lines in, a segment out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/segment.h"
#include "tools/json2seg.h"
#include "tools/tool_base64.h"
#include "tools/tool_common.h"
#include "tools/tool_seal.h"
#include "tools/tool_stream.h"

/* A segment made here has the default limit; one appended to, any other. */
#define RECORD_MAX_LIMIT ((size_t)1 << SEGLOG_BODY_LOG2_MAX)
#define BLOCK_BYTES      ((size_t)256 * 1024)
/* More would not be a batch any more, and each takes a few bytes of memory. */
#define GROUP_MAX 65536

static const char HELP[] =
    "Store each line of FILE as one checksummed record of a segment.\n"
    "`seg2json` gives the same bytes back, whatever they were: nothing is\n"
    "ever dropped or changed. FILE, `-` or nothing is standard input.\n"
    "\n"
    "  json2seg app.jsonl -o app.seg\n"
    "        convert a file\n"
    "  myprogram | json2seg --append -o app.seg\n"
    "        log for ever: each line is in the file once it is written\n"
    "  json2seg < a.jsonl | ssh host 'cat > a.seg'\n"
    "        through a pipe\n"
    "\n"
    "  -o, --output OUT   write OUT, complete or not at all; `-` or nothing\n"
    "                     is standard output\n"
    "      --append       append to OUT, which several programs may do at\n"
    "                     once; made if missing. A signal ends it cleanly\n"
    "      --sync         with --append: every record survives a power cut\n"
    "      --codec NAME   how a segment made here is compressed: auto (the\n"
    "                     default), none, deflate or zstd; one appended to\n"
    "                     stays as it is\n"
    "      --level N      how hard to compress, 1 to 19; deflate to 9\n"
    "      --group N      store N lines at a time: after a crash all of\n"
    "                     them are there, or none\n"
    "      --seal         in the end seal OUT (`seglog help seal`), at "
    "--level;\n"
    "                     nothing can be appended to it any more\n"
    "      --typed        restore what `seg2json --gaps` has written\n"
    "      --strict       stop at the first line that is not one JSON value\n"
    "      --force        replace OUT if it is there\n"
    "      --json         report bad lines as JSON objects\n"
    "\n"
    "A line that is not JSON is reported and stored all the same; the exit\n"
    "status is then 3.\n";

enum {
    KEY_OUTPUT = 'o',
    KEY_APPEND = TOOL_KEY(1),
    KEY_SYNC,
    KEY_CODEC,
    KEY_LEVEL,
    KEY_GROUP,
    KEY_SEAL,
    KEY_TYPED,
    KEY_STRICT,
    KEY_FORCE,
    KEY_JSON
};

/* ---------------------------------------------------------------------------
 * The program
 */

static enum tool_status
options_set(void *arg, int key, const char *value)
{
    struct json2seg_options *options = arg;

    switch (key) {
    case KEY_OUTPUT:
        options->output = value;
        return TOOL_GO_ON;
    case KEY_APPEND:
        options->is_append = true;
        return TOOL_GO_ON;
    case KEY_SYNC:
        options->is_sync = true;
        return TOOL_GO_ON;
    case KEY_CODEC:
        return tool_codec_set(&options->codec, value);
    case KEY_LEVEL:
        return tool_codec_set_level(&options->codec, value);
    case KEY_SEAL:
        options->is_sealed = true;
        return TOOL_GO_ON;
    case KEY_TYPED:
        options->is_typed = true;
        return TOOL_GO_ON;
    case KEY_STRICT:
        options->is_strict = true;
        return TOOL_GO_ON;
    case KEY_FORCE:
        options->is_force = true;
        return TOOL_GO_ON;
    case KEY_JSON:
        options->is_json = true;
        return TOOL_GO_ON;
    default:
        return tool_number("--group", value, 1, GROUP_MAX, &options->group);
    }
}

static enum tool_status
options_parse(struct json2seg_options *options, int argc, char **argv)
{
    static const struct tool_option OPTIONS[] = {
        { KEY_OUTPUT, "output", true },  { KEY_APPEND, "append", false },
        { KEY_SYNC, "sync", false },     { KEY_CODEC, "codec", true },
        { KEY_LEVEL, "level", true },    { KEY_GROUP, "group", true },
        { KEY_SEAL, "seal", false },     { KEY_TYPED, "typed", false },
        { KEY_STRICT, "strict", false }, { KEY_FORCE, "force", false },
        { KEY_JSON, "json", false },     { 0, NULL, false },
    };
    static const struct tool_spec SPEC = {
        .name = "json2seg",
        .usage = "[-o OUT] [--append [--sync]] [--codec NAME] [--level N]\n"
                 "                [--group N] [--seal] [--typed] [--strict]\n"
                 "                [--force] [--json] [FILE]",
        .help = HELP,
        .options = OPTIONS,
        .operand_max = 1,
        .on_option = options_set,
    };
    char **operands = NULL;
    const enum tool_status status =
        tool_parse(&SPEC, argc, argv, options, &operands);

    if (status != TOOL_GO_ON)
        return status;
    options->input = operands[0];
    if (options->is_append &&
        (!options->output || strcmp(options->output, "-") == 0))
        return tool_usage("--append needs -o OUT");
    if (options->is_append && options->is_force)
        return tool_usage("--append and --force exclude each other");
    if (options->is_sync && !options->is_append)
        return tool_usage("--sync goes with --append");
    if (options->is_sealed &&
        (!options->output || strcmp(options->output, "-") == 0))
        return tool_usage("--seal needs -o OUT");
    /* The level is for the end: until then it need not be small. */
    if (options->is_sealed && !options->is_append && !options->codec.is_given)
        options->codec.codec = SEGLOG_CODEC_NONE;
    else if (!options->is_sealed)
        return tool_codec_settle(&options->codec);
    else if (!options->codec.is_given)
        options->codec.codec = TOOL_CODEC_DEFAULT;
    return TOOL_GO_ON;
}

/* Room for a line at its limit, and for the group that waits before it. */
static size_t
buffer_max(const struct json2seg_options *options, size_t record_max)
{
    size_t size = record_max + BLOCK_BYTES;

    if (options->is_typed)
        size = tool_base64_len(record_max) + JSON2SEG_TYPED_EXTRA + BLOCK_BYTES;
    return options->group > 1 ? size + record_max : size;
}

static enum tool_status
import_fail(struct json2seg_import *import)
{
    const bool is_input = import->is_input_error;

    import->is_failed = true;
    if (import->options->is_append)
        tool_say("%s: stopped behind %llu records of this run",
                 import->batch.shown, (unsigned long long)import->batch.stored);
    return tool_fail(is_input ? NULL : import->batch.shown, &import->err);
}

static enum tool_status
import_run(struct json2seg_import *import)
{
    bool is_done = false;

    import->line_no = 1;
    import->input.cap_max =
        buffer_max(import->options, import->batch.record_max);
    tool_progress_init(&import->progress, "importing");
    is_done = json2seg_import_all(import);
    tool_progress_clear(&import->progress);
    tool_faults_end(&import->faults);
    if (!is_done)
        return import_fail(import);
    return import->faults.count > 0 ? TOOL_DAMAGED : TOOL_OK;
}

static enum tool_status
fail_open(const struct tool_target *target, const struct seglog_error *err)
{
    if (err->code != SEGLOG_EXISTS || !target->temp_path)
        return tool_fail(target->shown, err);
    tool_say("%s: it exists: an interrupted run has left it, or another one is "
             "at work; remove it or use --force",
             target->temp_path);
    return TOOL_FAILED;
}

/* Whoever else appends gets SEALED from then on. */
static seglog_code
segment_seal(struct json2seg_import *import, struct seglog_store store,
             const char *name)
{
    const struct seglog_seal_options options = {
        .size = sizeof options, .level = (int)import->options->codec.level
    };
    struct seglog_seal_result result;
    char saved[TOOL_SAVED_CAP];
    const seglog_code code = tool_seal_blob(store, name, import->batch.shown,
                                            &options, &result, &import->err);

    if (code == SEGLOG_OK)
        tool_note(
            "%s: sealed, %s", import->batch.shown,
            tool_saved_text(result.text_bytes, result.bytes_after, saved));
    return code;
}

/* The end of a run: records that are in deserve a closing mark. */
static enum tool_status
append_close(struct json2seg_import *import, enum tool_status status)
{
    const seglog_code code = json2seg_batch_close(&import->batch, &import->err);

    if (code == SEGLOG_OK || import->is_failed)
        return status;
    return tool_fail(import->batch.shown, &import->err);
}

/* It stays what it is: whoever asks for something else is told. */
static enum tool_status
append_check_codec(const struct json2seg_import *import,
                   const struct tool_path *path)
{
    const struct tool_codec *asked = &import->options->codec;
    struct seglog_scan_summary summary;
    enum tool_stored stored = TOOL_STORED_PLAIN;

    if (!asked->is_given && (asked->level == 0 || import->options->is_sealed))
        return TOOL_GO_ON;
    /* What is wrong with it is said by the writer. */
    if (seglog_segment_get_summary(path->store, path->name, &summary, NULL) !=
        SEGLOG_OK)
        return TOOL_GO_ON;
    stored = tool_stored_of(summary.features_refuse);
    /* That it is sealed is said by the writer as well. */
    if (stored == TOOL_STORED_SEALED)
        return TOOL_GO_ON;
    if (asked->is_given && !tool_codec_fits(asked->codec, stored))
        return tool_usage("%s has --codec %s, and stays so",
                          import->batch.shown, tool_stored_name(stored));
    if (asked->level > 0 && stored == TOOL_STORED_PLAIN &&
        !import->options->is_sealed)
        return tool_usage("%s is not compressed, and stays so: --level does "
                          "nothing",
                          import->batch.shown);
    return TOOL_GO_ON;
}

static enum tool_status
append_run(struct json2seg_import *import)
{
    struct json2seg_batch *batch = &import->batch;
    enum tool_status status = TOOL_GO_ON;
    struct tool_path path;

    if (!tool_is_file_or_missing(batch->shown)) {
        tool_say("%s: only a file can be appended to", batch->shown);
        return TOOL_FAILED;
    }
    status = tool_path_open(batch->shown, TOOL_STORE_WRITE, &path);
    if (status != TOOL_GO_ON)
        return status;
    status = append_check_codec(import, &path);
    if (status != TOOL_GO_ON) {
        tool_path_close(&path);
        return status;
    }
    json2seg_input_watch(&import->input);
    batch->store = path.store;
    batch->name = path.name;
    batch->is_live = true;
    batch->is_sync = import->options->is_sync;
    batch->options.mode = SEGLOG_WRITER_SHARED;
    if (json2seg_batch_open(batch, &import->err) == SEGLOG_OK) {
        status = import_run(import);
    } else {
        import->is_failed = true;
        status = tool_fail(batch->shown, &import->err);
    }
    status = append_close(import, status);
    if (import->options->is_sealed &&
        (status == TOOL_OK || status == TOOL_DAMAGED) && !import->is_failed &&
        segment_seal(import, path.store, path.name) != SEGLOG_OK)
        status = tool_fail(batch->shown, &import->err);
    tool_path_close(&path);
    return status;
}

/* Under its temporary name: OUT is sealed when it appears. */
static seglog_code
target_seal(struct json2seg_import *import, struct tool_target *target)
{
    struct seglog_lock lock = { 0 };
    const seglog_code code = segment_seal(import, target->store, target->name);

    /* Nobody else has it, and nobody needs the file of its lock any more. */
    if (seglog_lock_open(target->store, target->name, &lock, NULL) ==
            SEGLOG_OK &&
        seglog_lock_acquire(lock, 0, NULL) == SEGLOG_OK)
        (void)seglog_lock_discard(lock, NULL);
    seglog_lock_close(&lock);
    return code;
}

/* Fill, close and name the new segment. */
static enum tool_status
create_fill(struct json2seg_import *import, struct tool_target *target)
{
    const enum tool_status status = import_run(import);
    const bool is_dropped =
        import->is_failed || (import->is_refused && !target->is_stream);
    seglog_code code = SEGLOG_OK;

    code = json2seg_batch_close(&import->batch, &import->err);
    if (is_dropped)
        return status;
    if (code == SEGLOG_OK && import->options->is_sealed)
        code = target_seal(import, target);
    if (code == SEGLOG_OK)
        code = tool_target_commit(target, &import->err);
    return code == SEGLOG_OK ? status : tool_fail(target->shown, &import->err);
}

static enum tool_status
create_into(struct json2seg_import *import, struct tool_target *target)
{
    struct json2seg_batch *batch = &import->batch;
    seglog_code code = SEGLOG_OK;

    batch->shown = target->shown;
    batch->store = target->store;
    batch->name = target->name;
    batch->options.mode = SEGLOG_WRITER_PRIVATE;
    batch->options.create = SEGLOG_CREATE_NEW;
    tool_target_begin_create(target);
    code = json2seg_batch_open(batch, &import->err);
    tool_target_end_create(target, code == SEGLOG_OK);
    if (code == SEGLOG_OK)
        return create_fill(import, target);
    (void)json2seg_batch_close(batch, NULL);
    return fail_open(target, &import->err);
}

static enum tool_status
create_run(struct json2seg_import *import)
{
    const unsigned flags =
        TOOL_TARGET_BINARY |
        (import->options->is_force ? TOOL_TARGET_REPLACE : 0);
    struct tool_target target;
    enum tool_status status =
        tool_target_open(import->options->output, flags, &target);

    if (status == TOOL_GO_ON && target.is_stream && import->options->is_sealed)
        status = tool_usage("--seal needs a file, not '%s'", target.shown);
    if (status == TOOL_GO_ON)
        status = create_into(import, &target);
    tool_target_close(&target);
    return status;
}

int
main(int argc, char **argv)
{
    struct json2seg_options options = { .group = 1 };
    struct json2seg_import *import = NULL;
    enum tool_status status = TOOL_GO_ON;

    tool_init();
    status = options_parse(&options, argc, argv);
    if (status != TOOL_GO_ON)
        return (int)status;
    if (tool_is_same_file(options.input, options.output)) {
        tool_say("%s: it is both input and output", options.output);
        return TOOL_FAILED;
    }
    import = calloc(1, sizeof *import);
    if (!import)
        return tool_fail_memory();
    import->options = &options;
    import->batch.input = &import->input;
    import->batch.group_max = (size_t)options.group;
    import->batch.shown = options.output;
    import->batch.options.codec = options.codec.codec;
    if (!options.is_sealed)
        import->batch.options.level = (uint8_t)options.codec.level;
    if (json2seg_input_open(&import->input, options.input, RECORD_MAX_LIMIT,
                            &import->err) != SEGLOG_OK) {
        status = tool_fail(NULL, &import->err);
    } else {
        import->faults.shown = import->input.shown;
        import->faults.is_json = options.is_json;
        status = options.is_append ? append_run(import) : create_run(import);
    }
    json2seg_input_close(&import->input);
    free(import);
    return tool_end(status);
}
